/* SPDX-License-Identifier: GPL-2.0-or-later */

/* allow, attempt, pause, reload, stats, lists of addresses; and what every command prints about hostile text. */

#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ctl-run.h"

/* FROM has what the other columns leave; of a path that is too long both ends are shown. */
static void test_allow_columns(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .allowed = 2 });

        check_int(ctl("allow list"), 0);
        check(strncmp(output, "ADDRESS      UNTIL            JAIL  FROM\n", 40) == 0);
        check_contains(output, "\n192.0.0.0/16 2026-11-22 08:31 sshd  allow add\n");
        check_contains(output, "\n198.18.0.0   forever          (all) /etc/bailiff/office\n");
        check_contains(output, "\n198.18.0.1   forever          (all) /etc/bailiff/...s/jails.d/office.allow:12345\n");
        stop(pid);
        /* More than a page: what follows may need more. */
        pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .allowed = 2500 });
        check_int(ctl("allow list"), 0);
        check(strncmp(output, "ADDRESS      UNTIL            JAIL           FROM\n", 49) == 0);
        check_contains(output, "\n198.18.9.195 forever          (all)          /etc/bailiff/office\n");
        stop(pid);
}

static void test_allow(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .allowed = 2500 });
        size_t lines = 0;

        check_int(ctl("allow list"), 0);
        check_contains(output, "ADDRESS");
        check_contains(output, "192.0.0.0/16");
        check_contains(output, "sshd");
        check_contains(output, "the office");
        check_contains(output, "198.18.9.195"); /* the last of three pages */
        check(!strstr(output, "not in the kernel")); /* a jail's own entry is not meant to be there */
        check_int(ctl("allow list --json"), 0);
        for (const char *p = output; (p = strchr(p, '\n')); p++)
                lines++;
        check_int(lines, 2501);
        check_int(ctl("allow add 203.0.113.0/24 --for 7d --reason 'our office'"), 0);
        check_contains(output, "203.0.113.0/24 is allowed\n203.0.113.5 unbanned in sshd\n");
        check_int(ctl("allow remove 203.0.113.0/24"), 0);
        check_int(ctl("allow remove 203.0.113.0/24"), 2);
        check_contains(output, "bailiff.yaml:3:9 allows it; remove it there");
        check_int(ctl("allow add nonsense"), 2);
        check_contains(output, "names are never resolved");
        check_int(ctl("allow add 203.0.113.7 --for soon"), 2);
        check_int(ctl("allow list 203.0.113.7"), 2);
        check_contains(output, "bailiffctl why ADDR");
        check_int(ctl("allow list --for 7d"), 2);
        check_int(ctl("allow remove 203.0.113.7 --reason x"), 2);
        check_int(ctl("allow"), 2);
        check_int(ctl("allow forbid 203.0.113.7"), 2);
        check_contains(output, "\"forbid\"");
        check_int(ctl("allow add"), 2);
        stop(pid);
}

static void test_jails(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true });

        check_int(ctl("attempt sshd 203.0.113.80 203.0.113.80 --line 'seen in the --since of'"), 0);
        check_contains(output, "counted, 1 failure now");
        check_contains(output, "counted, 2 failures now");
        check_int(ctl("attempt sshd 203.0.113.80 203.0.113.80 203.0.113.80"), 0);
        check_contains(output, "the window is full, and it is banned");
        check_int(ctl("attempt sshd"), 2);
        check_int(ctl("attempt nosuch 203.0.113.80"), 2);
        check_contains(output, "no jail \"nosuch\"");
        check_int(ctl("pause sshd"), 0);
        check_contains(output, "sshd is paused: it counts");
        check_int(ctl("pause sshd"), 0);
        check_contains(output, "paused already");
        check_int(ctl("status sshd"), 0);
        check_contains(output, "(paused)");
        check_contains(output, "bailiffctl resume sshd");
        check_contains(output, "1.5 times as long, at most 7d");
        check_contains(output, "Only observed:    12");
        check_int(ctl("status nginx-http-auth"), 0);
        check_contains(output, "ban and refuse");
        check_int(ctl("resume sshd"), 0);
        check_contains(output, "sshd bans again");
        check_int(ctl("resume sshd"), 0);
        check_contains(output, "was not paused");
        check_int(ctl("pause nosuch"), 2);
        check_int(ctl("pause"), 2);
        check_int(ctl("pause sshd postfix"), 2);
        stop(pid);
}

static void test_reload(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true });

        check_int(ctl("reload --check"), 0);
        check_contains(output, "jail sshd: maxretry 5 -> 3\njail nginx-http-auth: removed\n7 bans would be lifted\n");
        check_contains(output, "Nothing was done.");
        check_int(ctl("reload"), 0);
        check_contains(output, "7 bans were lifted");
        check_contains(output, "the failures of 1 address were forgotten");
        check(!strstr(output, "Nothing was done"));
        check_int(ctl("reload now"), 2);
        stop(pid);
        pid = start(&(Setup){ .access = ACCESS_CHANGE, .config_is_bad = true });
        check_int(ctl("reload"), 2); /* systemctl reload says so */
        check_contains(output, "/etc/bailiff/bailiff.yaml:3:9: unknown key \"maxretrys\"");
        check_contains(output, "goes on with the configuration that it had");
        check_int(ctl("reload --check --json 2>/dev/null"), 2);
        json_auto_t *refused = json_line(output);
        check_text(json_string_value(json_object_get(refused, "error")), "io.bailiff.Manager.ConfigInvalid");
        stop(pid);
}

static void test_stats(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK });

        check_int(ctl("stats"), 0);
        check_contains(output, "4711 bans are known since 2026-11-22 07:31");
        check_contains(output, "JAIL ");
        check_contains(output, "  5        60       700\n");
        check_contains(output, "203.0.113.5 ");
        check_int(ctl("stats sshd"), 2);
        check_int(ctl("--json stats"), 0);
        json_auto_t *stats = json_line(output);
        check_int(json_integer_value(json_object_get(stats, "v")), 1);
        check_int(json_integer_value(json_object_get(stats, "bans_known")), 4711);
        stop(pid);
}

/* 100,000 lines, some of them bad. */
static void test_list(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true });
        char file[256], arguments[512];
        FILE *list;

        snprintf(file, sizeof file, "%s/list", directory);
        snprintf(arguments, sizeof arguments, "banip sshd - --reason import <%s", file);
        list = fopen(file, "w");
        check(list);
        for (unsigned i = 1; i <= 100000; i++) {
                if (i == 17 || i == 99999)
                        fputs("no-address\n", list);
                else if (i == 70000)
                        fputs("192.0.2.9\n", list);
                else
                        fprintf(list, "10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
        }
        fclose(list);
        check_int(ctl(arguments), 2);
        check_contains(output, "line 17: \"no-address\" is no IP address");
        check_contains(output, "line 99999: \"no-address\"");
        check_contains(output, "line 70000: 192.0.2.9: allowed by");
        check_contains(output, "99997 banned, 1 allowed and therefore not banned, 2 refused\n");
        check(!strchr(output, '\r')); /* progress is for terminals */

        list = fopen(file, "w");
        check(list);
        fputs("192.0.2.9 # allowed\n\n203.0.113.90\n", list);
        fclose(list);
        check_int(ctl(arguments), 1);
        strcat(arguments, " --json 2>/dev/null; exit $?");
        check_int(ctl(arguments), 1);
        json_auto_t *first = json_line(output), *second = json_line(strchr(output, '\n'));
        check_text(json_string_value(json_object_get(first, "address")), "192.0.2.9");
        check_text(json_string_value(json_object_get(first, "error")), "io.bailiff.Manager.AddressAllowed");
        check_int(json_integer_value(json_object_get(second, "line")), 3);
        check(!json_object_get(second, "error"));

        list = fopen(file, "w");
        check(list);
        for (int i = 0; i < 300; i++)
                fputs("x\n", list);
        fclose(list);
        snprintf(arguments, sizeof arguments, "banip sshd - <%s", file);
        check_int(ctl(arguments), 2);
        check_contains(output, "line 100: \"x\"");
        check(!strstr(output, "line 101:"));
        check_contains(output, "and 200 more lines were refused");
        check_int(ctl("banip sshd 203.0.113.1 - </dev/null"), 2);
        check_int(ctl("banip sshd - </dev/null"), 0);
        check_contains(output, "0 banned");
        unlink(file);
        stop(pid);
}

static void test_monitor_ends(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .bans = 5 });

        check_int(ctl("monitor --since 0 --count 3"), 0);
        check_contains(output, "3 2026-11-22");
        check(!strstr(output, "4 2026-11-22 07:31:00 ban"));
        check_int(ctl("monitor --since 0 --once --json"), 0);
        json_auto_t *event = json_line(output);
        check_int(json_integer_value(json_object_get(event, "v")), 1);
        check_contains(output, "\"id\":7");
        check_int(ctl("monitor --since 7 --once"), 0);
        check_text(output, "");
        check_int(ctl("monitor --since 5000 --once"), 0); /* of another log */
        check_contains(output, "the log does not know that event");
        check_int(ctl("monitor --count few"), 2);
        check_int(ctl("monitor --count"), 2);
        check_contains(output, "--count needs a value");
        check_int(ctl("monitor --twice"), 2);
        stop(pid);
}

static void test_hostile(void)
{
        static const char *const commands[] = {
                "status", "status sshd", "status nginx-http-auth", "bans", "bans sshd", "banned 2001:db8:ffff:ffff:ffff:ffff:ffff:fff1",
                "why 2001:db8:ffff:ffff:ffff:ffff:ffff:fff1", "why 192.0.2.1", "allow list", "stats", "monitor --since 0 --once",
                "reload --check", "attempt sshd 2001:db8:ffff:ffff:ffff:ffff:ffff:fff1", "pause sshd", "resume sshd",
                "allow add 2001:db8:ffff:ffff:ffff:ffff:ffff:fff0/124", "unban 192.0.2.1", "unban --all",
                "banip sshd 2001:db8:ffff:ffff:ffff:ffff:ffff:fff0/124 --for forever",
                "why 203.0.113.5", "reports", "reports --state refused", "reports preview sshd 192.0.2.7", "reports drop 6 7", "reports retract 203.0.113.5",
                "banip $(printf '\\033[2J%0300d' 1) 203.0.113.9", "status $(printf '\\347\\251\\272%0200d' 1)",
        };
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .hostile = true, .allowed = 20, .reports = 1 });

        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
                check(ctl(commands[i]) <= 2); /* the width is checked there */
                check(output[0]);
                check(!strchr(output, '\033'));
                if (strcmp(commands[i], "bans") == 0) {
                        check_contains(output, "except 192.0.2.0/24");
                        check_contains(output, "level 4000000000 until 2026-11-23 07:31, refused");
                }
                if (strncmp(commands[i], "why 2001", 8) == 0) {
                        check_contains(output, "level 4000000000, forgotten 2026-11-23");
                        check_contains(output, "was banned in sshd from");
                        check_contains(output, "its next ban in any jail has level 3");
                }
                if (strncmp(commands[i], "why 192", 7) == 0)
                        check_contains(output, "alone: other jails may ban it");
        }
        stop(pid);
}

/* What a terminal gets. */
static void on_terminal(const char *setting, const char *arguments)
{
        char command[16384];
        size_t used = 0;
        ssize_t n;
        int terminal, status;
        pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

        check(pid >= 0);
        if (pid == 0) {
                snprintf(command, sizeof command, "export TERM=xterm BAILIFF_SOCKET=%s %s; %s %s", path, setting, program, arguments);
                execl("/bin/sh", "sh", "-c", command, NULL);
                _exit(127);
        }
        while (used < OUTPUT_MAX - 1 && (n = read(terminal, output + used, OUTPUT_MAX - 1 - used)) > 0)
                used += (size_t) n;
        output[used] = '\0';
        close(terminal);
        check_int(waitpid(pid, &status, 0), pid);
        check(WIFEXITED(status));
}

static void test_terminal(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true });
        char arguments[4352];

        on_terminal("", "status");
        check_contains(output, "\033[31mdegraded\033[0m");
        on_terminal("NO_COLOR=1", "status");
        check_contains(output, "degraded");
        check(!strchr(output, '\033'));
        on_terminal("NO_COLOR=", "status"); /* empty is as if it were not there */
        check_contains(output, "\033[31m");
        on_terminal("TERM=dumb", "status");
        check(!strchr(output, '\033'));
        on_terminal("", "--json status");
        check(!strchr(output, '\033'));
        snprintf(arguments, sizeof arguments, "--version; seq -f 10.0.%%g.1 250 | %s banip sshd -", program);
        on_terminal("", arguments);
        check_contains(output, "\r250 lines, 250 banned");
        check_contains(output, "\r250 banned");
        stop(pid);
}

/* A door at which others crowd is not closed. */
static void test_crowd(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), others[8], n = 0;
        char command[8192];

        snprintf(address.sun_path, sizeof address.sun_path, "%s/crowd", directory);
        check_int(bind(listener, (struct sockaddr *) &address, sizeof address), 0);
        check_int(listen(listener, 0), 0);
        for (bool full = false; !full; n++) {
                check(n < 8);
                others[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                full = connect(others[n], (struct sockaddr *) &address, sizeof address) < 0;
        }
        snprintf(command, sizeof command, "%s --socket %s status 2>&1", program, address.sun_path);
        FILE *pipe = popen(command, "r");
        usleep(300000);
        for (int i = 0; i < n; i++) /* the others, and then it, are let in and sent away */
                close(accept(listener, NULL, NULL));
        output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
        check(WEXITSTATUS(pclose(pipe)) == 2);
        check_contains(output, "closed the connection");
        for (int i = 0; i < n; i++)
                close(others[i]);
        close(listener);
        unlink(address.sun_path);
}

int main(void)
{
        ctl_begin();
        test_crowd();
        test_allow_columns();
        test_allow();
        test_jails();
        test_reload();
        test_stats();
        test_list();
        test_monitor_ends();
        test_hostile();
        test_terminal();
        ctl_end();
        return 0;
}
