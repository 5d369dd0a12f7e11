/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What `bailiffd --check` warns of: reports that would not be sent. A warning leaves the exit status alone, and none shows a key.
 */

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "test.h"
#include "util/text.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define KEYS "reports: { abuseipdb: { key_file: good.key } }\n"

static char directory[] = "/tmp/bailiff-check-XXXXXX";

static const char *path_in(const char *name, char path[static 128])
{
        snprintf(path, 128, "%s/%s", directory, name);
        return path;
}

static void write_in(const char *name, const char *text, mode_t mode)
{
        char path[128];

        check_int(text_write_file(path_in(name, path), text, strlen(text), mode), 0);
        check_int(chmod(path, mode), 0);
}

/* What a check writes to standard output and standard error. */
static char *run(const char *text, bool dump, int expected)
{
        char config[128], shown[128], *out;
        int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) }, fd;
        size_t size;

        write_in("bailiff.yaml", text, 0644);
        fd = open(path_in("shown", shown), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0600);
        check(fd >= 0 && saved[0] >= 0 && saved[1] >= 0);
        fflush(stdout);
        check(dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0);
        int status = daemon_check(&(DaemonOptions){ .config = path_in("bailiff.yaml", config) }, dump, true);
        fflush(stdout);
        check(dup2(saved[0], STDOUT_FILENO) >= 0 && dup2(saved[1], STDERR_FILENO) >= 0);
        close(saved[0]);
        close(saved[1]);
        close(fd);
        check_int(status, expected);
        check_int(text_read_file(shown, 1000000, &out, &size), 0);
        if (strstr(out, SECRET))
                fprintf(stderr, "%s\n", out);
        check(!strstr(out, SECRET));
        return out;
}

/* Each with all that is said, apart from the last line; %s is the directory. */
static const char *const CASES[][2] = {
        { "jails: { sshd: }\n", "" },
        { KEYS "jails: { sshd: { report: { abuseipdb: true } } }\n", "" },
        { KEYS "jails: { sshd: { report: { abuseipdb: { categories: [22, 18] } }, bantime: 15m } }\n", "" },
        { KEYS "jails: { sshd: { report: { abuseipdb: true }, bantime: forever } }\n", "" },
        { "reports: { abuseipdb: true }\njails: { sshd: { report: { abuseipdb: true } } }\n", "" }, /* a credential */
        { "reports: { virustotal: { key_file: good.key } }\njails: { sshd: { report: { virustotal: true }, bantime: 1m } }\n", "" },
        /* bantime */
        { KEYS "jails:\n  sshd:\n    bantime: 14m59s\n    report: { abuseipdb: true }\n",
          "bailiffd: %s/bailiff.yaml:5:13: jail sshd: its bantime of 14m59s is shorter than the 15 minutes in which AbuseIPDB takes one report of an address; "
          "who is banned again sooner is not reported again\n" },
        { KEYS "jails: { sshd: { bantime: 1m, report: false } , dovecot: { report: { abuseipdb: true } } }\n", "" },
        { KEYS "jails: { sshd: { enabled: no, bantime: 1m, report: { abuseipdb: true } }, dovecot: { report: { abuseipdb: true } } }\n", "" },
        /* who reports where */
        { "jails: { sshd: { report: { abuseipdb: true } }, dovecot: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:26: jail sshd: AbuseIPDB is not under reports:, so nothing is reported there; write reports: { abuseipdb: { key_file: "
          "abuseipdb.key } }\n" },
        { KEYS "defaults: { report: { virustotal: true, abuseipdb: true } }\njails: { sshd: }\n",
          "bailiffd: %s/bailiff.yaml:2:21: jail sshd: VirusTotal is not under reports:, so nothing is reported there; write reports: { virustotal: { key_file: "
          "virustotal.key } }\n" },
        { KEYS "jails: { sshd: }\n", "bailiffd: %s/bailiff.yaml:1:23: no jail reports to AbuseIPDB; write report: { abuseipdb: true } in a jail or in defaults\n" },
        { "reports: { virustotal: true }\njails: { sshd: { enabled: no, report: { virustotal: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:24: no jail reports to VirusTotal; write report: { virustotal: true } in a jail or in defaults\n" },
        { "reports: { virustotal: false }\njails: { sshd: }\n", "" },
        /* categories */
        { KEYS "defaults: { report: { abuseipdb: true } }\njails: { sshd: , r: { sources: [bans] } }\n",
          "bailiffd: %s/bailiff.yaml:2:21: jail r: reports nothing to AbuseIPDB, as it has no filter that names categories; write report: { abuseipdb: { "
          "categories: [18] } }\n" },
        { KEYS "jails: { r: { sources: [bans], report: { abuseipdb: { categories: [18] } } } }\n", "" },
        { KEYS "jails: { bare: { filter: %s/bare.yaml, report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:2:%d: jail bare: reports nothing to AbuseIPDB, as its filter names no categories; write report: { abuseipdb: { categories: [18] } }\n" },
        { KEYS "jails: { sshd: { report: { abuseipdb: { categories: [22] } } } }\n",
          "bailiffd: %s/bailiff.yaml:2:26: jail sshd: AbuseIPDB asks for the categories 13, 20 and 22 beside others only; write one more, as in categories: [18, 22]\n" },
        { KEYS "jails: { sshd: { report: { abuseipdb: { categories: [13, 20, 22] } } } }\n",
          "bailiffd: %s/bailiff.yaml:2:26: jail sshd: AbuseIPDB asks for the categories 13, 20 and 22 beside others only; write one more, as in categories: [18, 22]\n" },
        { KEYS "jails: { sshd: { report: { abuseipdb: { categories: [13, 2] } } } }\n", "" },
        /* files */
        { "reports: { abuseipdb: { key_file: none.key } }\njails: { sshd: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:23: key_file: %s/none.key is not there, so nothing can be reported; make it: install -m 640 -o root -g bailiff-courier /dev/null "
          "%s/none.key, then write the account's key into it\n" },
        { "reports: { abuseipdb: { key_file: good.key/x } }\njails: { sshd: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:23: key_file: %s/good.key/x is not there, so nothing can be reported; make it: install -m 640 -o root -g bailiff-courier /dev/null "
          "%s/good.key/x, then write the account's key into it\n" },
        { "reports: { abuseipdb: { key_file: open.key } }\njails: { sshd: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:23: key_file: %s/open.key can be read by everyone, so the key is not used; take that away: chmod o= %s/open.key\n" },
        { "reports: { abuseipdb: { key_file: empty.key } }\njails: { sshd: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:23: key_file: %s/empty.key is empty\n" },
        { "reports: { abuseipdb: { key_file: ../ , ca_file: x } }\n", NULL },
        { "reports: { abuseipdb: { key_file: /proc/self, ca_file: open.key } }\njails: { sshd: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:23: key_file: /proc/self is no file\n" },
        { "reports: { abuseipdb: { key_file: good.key, ca_file: none.pem } }\njails: { sshd: { report: { abuseipdb: true } } }\n",
          "bailiffd: %s/bailiff.yaml:1:23: ca_file: %s/none.pem is not there, so nothing can be reported\n" },
};

/* Puts the directory for each %s. */
static void fill(const char *form, char text[static 2048])
{
        size_t used = 0;

        for (; *form; form++) {
                int n = strncmp(form, "%s", 2) == 0 ? snprintf(text + used, 2048 - used, "%s", directory)
                        : strncmp(form, "%d", 2) == 0
                                ? snprintf(text + used, 2048 - used, "%zu", strlen("jails: { bare: { filter: /bare.yaml, report: ") + strlen(directory) + 1)
                                : snprintf(text + used, 2048 - used, "%c", *form);

                used += (size_t) n;
                check(used < 2048);
                form += *form == '%';
        }
        text[used] = '\0';
}

/* Where bailiff is installed, its courier has to be able to read a key; elsewhere nobody knows. */
static void own_by_courier(const char *name)
{
        const struct passwd *user = getpwnam("bailiff-courier");
        char path[128];

        if (user && chown(path_in(name, path), user->pw_uid, (gid_t) -1) < 0)
                exit(77);
}

int main(void)
{
        char path[128], text[2048], expected[2048], all[2300];
        const char *root = getenv("SOURCE_ROOT");
        unsigned n = 0;

        check(root);
        umask(022);
        check(mkdtemp(directory));
        snprintf(text, sizeof text, "%s/filters", root);
        setenv("BAILIFF_FILTERS", text, 1);
        setenv("BAILIFF_SHIPPED", "", 1);
        write_in("good.key", SECRET, 0640);
        own_by_courier("good.key");
        write_in("open.key", SECRET, 0644);
        write_in("empty.key", "", 0600);
        write_in("bare.yaml", "name: bare\nident: x\nmodes: { normal: [{ id: a, regex: '^x <ADDR>' }] }\n", 0644);
        for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
                fill(CASES[i][0], text);
                if (!CASES[i][1]) { /* refused, and nothing is warned of */
                        _cleanup_free_ char *refused = run(text, false, 2);

                        check_contains(refused, "is a directory; name a file in it");
                        continue;
                }
                fill(CASES[i][1], expected);
                _cleanup_free_ char *shown = run(text, false, 0), *dumped = run(text, true, 0);
                size_t length = strlen(expected);

                if (strncmp(shown, expected, length) != 0 || strncmp(shown + length, directory, strlen(directory)) != 0)
                        fprintf(stderr, "case %zu:\n%s", i, text);
                snprintf(all, sizeof all, "%s%s/bailiff.yaml: good: ", expected, directory);
                shown[strlen(shown) > strlen(all) ? strlen(all) : strlen(shown)] = '\0';
                check_text(shown, all);
                check_contains(dumped, "firewall: nftables  # default\n");
                n++;
        }
        printf("%u configurations\n", n);
        snprintf(text, sizeof text, "rm -r %s", directory);
        check_int(system(text), 0);
        check(access(path_in("bailiff.yaml", path), F_OK) < 0);
        return 0;
}
