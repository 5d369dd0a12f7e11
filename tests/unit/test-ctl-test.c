/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bailiffctl test, the built program: what it prints, how it exits, and that a long log does not make it grow. */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "ctl-run.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

static char work[] = "/tmp/bailiff-test-bench-XXXXXX";

static void put(const char *name, const char *text)
{
        char file[256];

        snprintf(file, sizeof file, "%s/%s", work, name);
        check_int(text_write_file(file, text, strlen(text), 0644), 0);
}

/* Runs `bailiffctl test ARGUMENTS`; %s in them is the directory. What it says on standard error is in `errors`. */
static char errors[64 * 1024];

static int bench(const char *arguments)
{
        char expanded[4000], command[9000];
        size_t used = 0, size;

        for (const char *p = arguments; *p; p++) {
                if (p[0] == '%' && p[1] == 's') {
                        used += (size_t) snprintf(expanded + used, sizeof expanded - used, "%s", work);
                        p++;
                } else {
                        expanded[used++] = *p;
                }
        }
        expanded[used] = '\0';
        snprintf(command, sizeof command, "%s test 2>%s/errors %s", program, work, expanded);
        FILE *pipe = popen(command, "r");
        check(pipe);
        size = fread(output, 1, sizeof output - 1, pipe);
        output[size] = '\0';
        int status = pclose(pipe);
        check(WIFEXITED(status));
        if (!strstr(arguments, "--json"))
                check_width(arguments);
        snprintf(command, sizeof command, "%s/errors", work);
        FILE *file = fopen(command, "r");
        check(file);
        size = fread(errors, 1, sizeof errors - 1, file);
        errors[size] = '\0';
        fclose(file);
        return WEXITSTATUS(status);
}

#define STAMP "2025-11-23T07:31:00Z web1 "

static const char LOG[] =
        STAMP "sshd[12]: User root not allowed because account is locked\n"                              /* held back */
        STAMP "sshd[12]: Received disconnect from 203.0.113.4 port 4:11: bye [preauth]\n"                /* settles it */
        STAMP "sshd[13]: Invalid user b from 203.0.113.6 port 4\n"                                       /* ahead */
        STAMP "sshd[13]: Failed password for invalid user b from 203.0.113.6 port 4 ssh2\n"              /* the same attempt */
        STAMP "sshd[13]: Failed password for invalid user b from 203.0.113.6 port 4 ssh2\n"
        STAMP "sshd[13]: Accepted password for b from 203.0.113.6 port 4 ssh2\n"
        STAMP "sshd[14]: message repeated 3 times: [ Failed password for root from 203.0.113.7 port 4 ssh2]\n"
        STAMP "sshd[15]: Connection from 203.0.113.8 port 4\n"                                           /* a helper */
        STAMP "sshd[16]: no rule knows this\n"
        STAMP "sshd[16]: nor this of 203.0.113.9\n"
        STAMP "cron[17]: Failed password for root from 203.0.113.7 port 4 ssh2\n"
        "\n"
        "Failed password for root from 2001:db8::5 port 4 ssh2";                                         /* no header, no line feed */

static void test_json(void)
{
        static const char *const expected[] = {
                "{\"v\":1,\"line\":1,\"match\":false,\"rule\":\"sshd:user-not-allowed-no-address\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":2,\"match\":true,\"count\":1,\"ip\":\"203.0.113.4\",\"user\":\"root\",\"rule\":\"sshd:user-not-allowed-no-address\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":3,\"match\":true,\"count\":1,\"ip\":\"203.0.113.6\",\"user\":\"b\",\"rule\":\"sshd:invalid-user\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":4,\"match\":true,\"count\":0,\"ip\":\"203.0.113.6\",\"user\":\"b\",\"rule\":\"sshd:failed-password\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":5,\"match\":true,\"count\":1,\"ip\":\"203.0.113.6\",\"user\":\"b\",\"rule\":\"sshd:failed-password\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":6,\"match\":false,\"ip\":\"203.0.113.6\",\"user\":\"b\",\"rule\":\"sshd:accepted\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":7,\"match\":true,\"count\":3,\"ip\":\"203.0.113.7\",\"user\":\"root\",\"rule\":\"sshd:failed-password\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":8,\"match\":false,\"rule\":\"sshd:connection\",\"time\":\"2025-11-23T07:31:00Z\"}",
                "{\"v\":1,\"line\":9,\"match\":false}",
                "{\"v\":1,\"line\":10,\"match\":false}",
                "{\"v\":1,\"line\":11,\"match\":false}",
                "{\"v\":1,\"line\":12,\"match\":false}",
                "{\"v\":1,\"line\":13,\"match\":true,\"count\":1,\"ip\":\"2001:db8::5\",\"user\":\"root\",\"rule\":\"sshd:failed-password\",\"time\":\"2025-12-01T00:00:00Z\"}",
        };
        char *line;
        size_t n = 0;

        put("log", LOG);
        check_int(bench("sshd --json --now 2025-12-01T00:00:00Z %s/log"), 0);
        check_text(errors, "");
        for (line = strtok(output, "\n"); line; line = strtok(NULL, "\n"), n++) {
                check(n < sizeof expected / sizeof *expected);
                check_text(line, expected[n]);
        }
        check_int(n, sizeof expected / sizeof *expected);
        /* From standard input it is the same. */
        check_int(bench("sshd --json --now @1764547200 - <%s/log | tail -1"), 0);
        check_contains(output, "\"line\":13,\"match\":true");
        check_contains(output, "2025-12-01T00:00:00Z");
}

static void test_time(void)
{
        /* Of the year before, in the zone that is given, and never later than now. */
        check_int(bench("sshd --json --now 2020-01-01T00:00:00Z --line 'Dec 30 12:00:00 h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 0);
        check_contains(output, "\"time\":\"2019-12-30T12:00:00Z\"");
        check_int(bench("sshd --json --timezone EST5EDT4,M3.2.0,M11.1.0 --now 2020-01-01T00:00:00Z --line 'Dec 30 12:00:00 h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 0);
        check_contains(output, "\"time\":\"2019-12-30T17:00:00Z\"");
        check_int(bench("sshd --json --now 2020-01-01T00:00:00Z --line '2024-12-30T12:00:00Z h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 0);
        check_contains(output, "\"time\":\"2020-01-01T00:00:00Z\"");
        check_int(bench("sshd --json --timezone +05:30 --now 2020-01-01T00:00:00Z --line 'Dec 30 12:00:00 h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 0);
        check_contains(output, "\"time\":\"2019-12-30T06:30:00Z\"");
        put("dated.yaml", "name: dated\nident: dated\ndate: '%d.%m.%Y-%T'\nmodes:\n  normal:\n    - id: fail\n      regex: '^fail <ADDR>$'\n");
        check_int(bench("%s/dated.yaml --json --timezone -03:00 --now 2020-01-01T00:00:00Z --line '30.12.2019-12:00:00 fail 203.0.113.5'"), 0);
        check_contains(output, "\"time\":\"2019-12-30T15:00:00Z\"");
        check_int(bench("sshd --timezone Nowhere/Nothing --line x"), 2);
        check_contains(errors, "there is no time zone \"Nowhere/Nothing\"");
        check_int(bench("sshd --now yesterday --line x"), 2);
        check_contains(errors, "\"yesterday\" is no time");
}

static void test_summary(void)
{
        check_int(bench("sshd --now 2025-12-01T00:00:00Z %s/log"), 0);
        check_contains(output, "lines                13\n");
        check_contains(output, "matched               6  failures, of 7 attempts\n");
        check_contains(output, "context               3  ");
        check_contains(output, "missed                3  ");
        check_contains(output, "other                 1  ");
        check_contains(output, "failed-password                              failure            4           -\n");
        check_contains(output, "root-refused                                 failure            0           -\n");
        check_contains(output, "203.0.113.7                                                     3\n");
        /* The line with an address comes first. */
        check_contains(output, "NEAR MISSES, 3 of 3: lines of the service that no rule matched\n"
                               "      10: nor this of 203.0.113.9\n"
                               "       9: no rule knows this\n"
                               "      12: (an empty line)\n");
        check(!strstr(output, "\033["));

        /* A rule at the limit is named; hostile lines stay text. */
        put("slow.yaml", "name: slow\nident: slow\nmodes: { normal: [ { id: many-ways, regex: '^(?:x*x*)*x*x*!<ADDR>' } ] }\n");
        check_int(bench("%s/slow.yaml --raw - <<END\n$(printf 'x%.0s' $(seq 300))!\nx\033]0;title\a\r\033[2J\nEND\n"), 1);
        check_contains(output, "many-ways                                    failure            0           1\n");
        check_contains(output, "A rule at the limit was given up");
        check_contains(output, "x\\x1b]0;title\\x07\\x0d\\x1b[2J");
        check(!strchr(output, '\033'));
}

/* A kind of line is shown once, however often it comes, and does not hide the others. */
static void test_near_misses(void)
{
        char lines[16000] = "";
        size_t used = 0;

        for (int i = 0; i < 100; i++)
                used += (size_t) snprintf(lines + used, sizeof lines - used, STAMP "sshd[%d]: reverse mapping of name%d [203.0.113.%d] failed\n", i + 1, i, i);
        snprintf(lines + used, sizeof lines - used, STAMP "sshd[200]: another of 203.0.113.5\n" STAMP "sshd[201]: another of 203.0.113.6\n"
                 STAMP "sshd[202]: and one more\n");
        put("many", lines);
        check_int(bench("sshd %s/many"), 1);
        check_contains(output, "NEAR MISSES, 3 of 103: lines of the service that no rule matched\n"
                               "       1: reverse mapping of name0 [203.0.113.0] failed\n          and 99 more that begin so\n"
                               "     101: another of 203.0.113.5\n          and 1 more that begins so\n"
                               "     103: and one more\nWhy: ");
}

static void test_input(void)
{
        put("empty", "");
        check_int(bench("sshd --json %s/empty"), 1);
        check_text(output, "");
        check_int(bench("sshd %s/empty"), 1);
        check_int(bench("sshd %s/nosuch"), 2);
        check_contains(errors, "nosuch cannot be read: No such file");
        check_int(bench("sshd %s"), 2);
        check_contains(errors, "Is a directory");
        put("packed.gz", "\x1f\x8b\x08\x01\x02\x03\x04\x05");
        check_int(bench("sshd %s/packed.gz"), 2);
        check_contains(errors, "is compressed: zcat");
        /* NUL, line breaks of another system, 64 KiB and more: one object a line, whatever stands in it. */
        check_int(bench("sshd --json --raw - <<END | tail -1\n$(head -c 300000 /dev/zero | tr '\\\\0' x)\nFailed password for root from 203.0.113.5 port 1 ssh2\nEND\n"), 0);
        check_contains(output, "{\"v\":1,\"line\":2,\"match\":true");
        char command[5000];
        snprintf(command, sizeof command, "--version >/dev/null; printf 'a\\0b\\n\\0\\n\\377' | %s test sshd --json --raw - | wc -l", program);
        check_int(ctl(command), 0);
        check_text(output, "3\n");
        /* A line that is cut is too long for all rules but those for heads. */
        snprintf(command, sizeof command,
                 "--version >/dev/null; (printf 'Received disconnect from 203.0.113.5 port 4:11: '; head -c 500000 /dev/zero | tr '\\0' x) | %s test sshd --json --raw - ",
                 program);
        check_int(ctl(command), 1);
        check_contains(output, "\"ip\":\"203.0.113.5\",\"rule\":\"sshd:received-disconnect\"");
}

static void test_arguments(void)
{
        check_int(bench(""), 2);
        check_contains(errors, "which filter?");
        check_int(bench("shd"), 2);
        check_contains(errors, "did you mean \"sshd\"?");
        check_int(bench("sshd --line x %s/log"), 2);
        check_int(bench("sshd --journal %s/log"), 2);
        check_int(bench("sshd --since 1h %s/log"), 2);
        check_contains(errors, "--since is for --journal");
        check_int(bench("sshd %s/log %s/log"), 2);
        check_int(bench("sshd --mode"), 2);
        check_contains(errors, "--mode needs a value");
        check_int(bench("sshd --bogus x"), 2);
        check_int(bench("sshd --explain"), 2);
        check_int(bench("'sshd[publickey=nonsense]' --line x"), 2);
        check_contains(errors, "publickey");
        check_int(bench("sshd --journal --journal-dir %s/nosuch"), 2);
        check_contains(errors, "there is no journal file");
        /* A mode that is not there: normal, and it is said; but no output is disturbed. */
        check_int(bench("sshd --mode nosuch --json --raw --line 'Failed password for root from 203.0.113.5 port 1 ssh2'"), 0);
        check_contains(errors, "the filter has no mode \"nosuch\"; mode normal is used.");
        check(strncmp(output, "{\"v\":1", 6) == 0);
        /* Parameters reach the filter; a line may look like an option; `--` ends them. */
        check_int(bench("'sshd[publickey=any]' --raw --line 'Failed publickey for git from 203.0.113.19 port 5 ssh2: RSA a'"), 0);
        check_int(bench("sshd --raw --line 'Failed publickey for git from 203.0.113.19 port 5 ssh2: RSA a'"), 1);
        check_int(bench("sshd --raw --line --json"), 1);
        check_contains(output, "no match: no rule matches");
        /* A message with --raw is not taken apart. */
        check_int(bench("sshd --line 'h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 0);
        check_int(bench("sshd --raw --line 'h sshd[1]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 1);
}

static void test_explain(void)
{
        check_int(bench("sshd --explain --line '" STAMP "cron[99]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 1);
        check_contains(output, "- header    written by cron; the filter's idents are sshd, sshd-session,");
        check_int(bench("sshd --explain --line '" STAMP "sshd[99]: Failed password for root from host.example.com port 1 ssh2'"), 1);
        check_contains(output, "+ header    sshd[99]\n  + timestamp 2025-11-23T07:31:00Z\n");
        check_contains(output, "              Failed password for root from host.example.com port 1 ssh2\n"
                               "                                            ^\n");
        check_int(bench("sshd --explain --raw --line '" STAMP "sshd[99]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 1);
        check_contains(output, "- header    not taken off, because of --raw; ");
        check_int(bench("sshd --explain --raw --line '" STAMP "cron[99]: Failed password for root from 203.0.113.5 port 1 ssh2'"), 1);
        check(!strstr(output, "not taken off"));
        check_int(bench("sshd --explain --now 2025-12-01T00:00:00Z %s/log"), 0);
        check_contains(output, "0: the session has an attempt counted ahead, and this is that one");
        check_contains(output, "+ count     3 attempts of 203.0.113.7");
        check_contains(output, "+ count     a success: takes back");
        check_contains(output, "held back until a line of its session");
        /* Wide, commanding and long: the caret stays in its column, and nothing reaches the terminal. */
        check_int(bench("sshd --explain --raw --line \"$(printf 'Failed password for \\033[2J\\xe7\\xa9\\xba\\xe7\\xa9\\xba%.0s' 1 2 3 4 5 6 7 8 9) from 1.2.3 port 1 ssh2\""), 1);
        check(!strchr(output, '\033'));
        check_contains(output, "^\n");
        check_int(bench("sshd --json --explain --raw --line 'Failed password for root from 203.0.113.500 port 1 ssh2'"), 1);
        json_auto_t *object = json_line(output);
        const json_t *steps = json_object_get(object, "explain"), *step;
        bool found = false;
        size_t i;
        json_array_foreach(steps, i, step) if (strcmp(json_string_value(json_object_get(step, "stage")), "address") == 0)
        {
                found = true;
                check_int(json_integer_value(json_object_get(step, "at")), 30);
                check_text(json_string_value(json_object_get(step, "rule")), "failed-password");
        }
        check(found);
        put("foreign", STAMP "auth: passwd-file(bob,203.0.113.5,<abc>): Password mismatch\n"
                       STAMP "dovecot: imap-login: Login: user=<eve>, method=PLAIN, rip=203.0.113.5, lip=198.51.100.1, session=<abc>\n");
        check_int(bench("dovecot --explain --now 2025-12-01T00:00:00Z %s/foreign"), 0);
        check_contains(output, "which has tried another account before:");
        check_contains(output, "+ count     what the session of 203.0.113.5 has counted stays");
}

static void test_self_test(void)
{
        check_int(bench("sshd"), 0);
        check_contains(output, "tests passed\n");
        put("wrong.yaml", "name: wrong\nident: wrong\nmodes:\n  normal:\n    - { id: a, regex: '^failed <ADDR>$' }\n    - { id: b, regex: '^bad <ADDR>$' }\n"
                          "tests:\n  - line: 'failed 203.0.113.5'\n    match: { ip: 203.0.113.6, rule: b }\n  - line: 'failed 203.0.113.5'\n    match: { rule: a }\n");
        check_int(bench("%s/wrong.yaml"), 1);
        check_contains(output, "wrong.yaml:9: ip is \"203.0.113.5\", expected");
        check_contains(output, "wrong.yaml:9: rule is \"a\", expected \"b\"");
        check_contains(output, "no test line matches the rule b of");
        check_contains(output, "wrong: 3 failed, 1 passed\n");
        check(!strstr(output, "Why: "));
        put("miss.yaml", "name: miss\nident: miss\nmodes: { normal: [ { id: a, regex: '^failed <ADDR>$' } ] }\ntests:\n"
                         "  - line: 'Nov 23 07:31:00 web1 miss[4]: failed 203.0.113.5'\n    match: { rule: a }\n");
        check_int(bench("%s/miss.yaml"), 1);
        check_contains(output, "miss.yaml:6: no rule matched\n");
        check_contains(output, "a test's line is the message");
        check_contains(output, "miss: 2 failed, 0 passed\nWhy: bailiffctl test FILTER --explain --raw --line 'THE LINE'\n");
        check_int(bench("%s/nosuch.yaml"), 2);
        check_contains(errors, "nosuch.yaml cannot be read: No such");
        check_int(bench("%s/miss"), 2);
        check_contains(errors, "or a path ending in .yaml");
        check(!strstr(errors, "A path is taken"));
        check_int(bench("--json %s/wrong.yaml"), 1);
        check_contains(output, "\"passed\":false");
        check_contains(output, "\"test\":\"failed 203.0.113.5\"");
        put("bad.yaml", "name: bad\nident: bad\nmodes: { normal: [ { id: a, regexp: x } ] }\n");
        check_int(bench("%s/bad.yaml"), 2);
        check_contains(errors, "bad.yaml:3:");
}

/* ---- it does not grow ---- */

static long rss_anon(pid_t pid)
{
        char file[64], line[256];
        long kib = -1;

        snprintf(file, sizeof file, "/proc/%d/status", (int) pid);
        FILE *status = fopen(file, "r");
        check(status);
        while (fgets(line, sizeof line, status))
                sscanf(line, "RssAnon: %ld", &kib);
        fclose(status);
        check(kib > 0);
        return kib;
}

/* Every line another address, another process; every third one that no rule knows; an hour in all. */
static void feed(FILE *pipe, size_t from, size_t to, size_t all)
{
        for (size_t i = from; i < to; i++) {
                unsigned second = (unsigned) (i * 3600 / all);

                if (i % 3 == 0)
                        fprintf(pipe, "2025-11-23T07:%02u:%02uZ web1 sshd[%zu]: no rule knows %zu\n", second / 60 % 60, second % 60, i % 100000, i);
                else
                        fprintf(pipe, "2025-11-23T07:%02u:%02uZ web1 sshd[%zu]: Failed password for u%zu from 2001:db8:%zx:%zx::1 port 4 ssh2\n", second / 60 % 60,
                                second % 60, i % 100000, i, i >> 16, i & 0xffff);
        }
        fflush(pipe);
        for (int left = 1; left > 0;) {
                check_int(ioctl(fileno(pipe), FIONREAD, &left), 0);
                usleep(1000);
        }
        usleep(200000);
}

__attribute__((unused)) static void test_memory(void)
{
        size_t all = getenv("LONG") && strcmp(getenv("LONG"), "1") == 0 ? 1000000 : 300000;
        int ends[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        long before, after;
        pid_t pid;
        int status;

        check_int(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                dup2(ends[0], 0);
                dup2(null, 1);
                execl(program, program, "test", "sshd", "-", (char *) NULL);
                _exit(127);
        }
        close(ends[0]);
        close(null);
        FILE *pipe = fdopen(ends[1], "w");
        check(pipe);
        feed(pipe, 0, all / 5, all);
        before = rss_anon(pid);
        feed(pipe, all / 5, all, all);
        after = rss_anon(pid);
        fclose(pipe);
        check_int(waitpid(pid, &status, 0), pid);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        printf("RssAnon: %ld KiB after %zu lines, %ld KiB after %zu\n", before, all / 5, after, all);
        check(after - before < 2048);
        check(after < 32 * 1024);
}

int main(void)
{
        char filters[512], command[600];

        check(getenv("SOURCE_ROOT"));
        ctl_begin();
        snprintf(filters, sizeof filters, "%s/filters", getenv("SOURCE_ROOT"));
        setenv("BAILIFF_FILTERS", filters, 1);
        check(mkdtemp(work));
        test_json();
        test_time();
        test_summary();
        test_near_misses();
        test_input();
        test_arguments();
        test_explain();
        test_self_test();
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) /* which keeps what was freed */
        test_memory();
#endif
        snprintf(command, sizeof command, "rm -r %s", work);
        check_int(system(command), 0);
        ctl_end();
        return 0;
}
