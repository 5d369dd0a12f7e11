/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bailiffctl plan, the built program: who would have been banned, when, and by what; and how it exits. */

#include "ctl-run.h"

static char work[] = "/tmp/bailiff-test-plan-XXXXXX";
static char errors[64 * 1024];

static const char *at(const char *name)
{
        static char file[4][256];
        static unsigned next;
        char *text = file[next++ % 4];

        snprintf(text, sizeof file[0], "%s/%s", work, name);
        return text;
}

static void put(const char *name, const char *text)
{
        check_int(text_write_file(at(name), text, strlen(text), 0644), 0);
}

static void slurp(FILE *file, char *text, size_t size)
{
        check(file);
        text[fread(text, 1, size - 1, file)] = '\0';
}

/* Runs `bailiffctl plan ARGUMENTS` in the directory. What it says on standard error is in `errors`. */
static int plan(const char *arguments)
{
        char command[9000];
        int status;

        snprintf(command, sizeof command, "cd %s && %s plan %s 2>errors", work, program, arguments);
        FILE *pipe = popen(command, "r");
        slurp(pipe, output, sizeof output);
        status = pclose(pipe);
        check(WIFEXITED(status));
        if (!strstr(arguments, "--json"))
                check_width(arguments);
        FILE *file = fopen(at("errors"), "r");
        slurp(file, errors, sizeof errors);
        fclose(file);
        return WEXITSTATUS(status);
}

/* Failures of an address, one a second from @from on, in seconds after 07:00. */
static void say(FILE *file, const char *addr, int from, int n)
{
        for (int i = from; i < from + n; i++)
                fprintf(file, "2025-11-23T%02d:%02d:%02dZ web1 sshd[%d]: Failed password for root from %s port 4 ssh2\n", 7 + i / 3600,
                        i / 60 % 60, i % 60, 1000 + i, addr);
}

static void log_of(const char *name, const char *addr, int from, int n)
{
        FILE *file = fopen(at(name), "a");

        check(file);
        say(file, addr, from, n);
        fclose(file);
}

static const char FIRST[] = "{\"v\":1,\"jail\":\"sshd\",\"ip\":\"203.0.113.5\",\"time\":\"2025-11-23T07:00:04Z\",\"until\":\"2025-11-24T07:00:04Z\","
                            "\"failures\":5,\"rules\":[\"sshd:failed-password\"]}\n";

static void test_bans(void)
{
        log_of("auth.log", "203.0.113.5", 0, 5);
        log_of("auth.log", "203.0.113.6", 10, 4);
        log_of("auth.log", "127.0.0.9", 20, 9);
        check_int(plan("--jail sshd --file auth.log --json"), 0);
        check_text(output, FIRST);
        check_int(plan("--jail sshd --file - --json <auth.log"), 0);
        check_text(output, FIRST);
        check_int(plan("--jail sshd --file auth.log"), 0);
        check_contains(output, "203.0.113.5");
        check(!strstr(output, "203.0.113.6"));
        check_contains(output, "1 ban");
        check_contains(output, "18 lines read");
        check_contains(output, "9 failures of allowed addresses were not counted");
        check_int(plan("--jail sshd --file auth.log --since 2025-11-23T07:00:01Z --json"), 0);
        check_text(output, "");
}

static void test_fail_on(void)
{
        log_of("quiet.log", "203.0.113.6", 10, 4);
        check_int(plan("--jail sshd --file auth.log --fail-on any"), 1);
        check_int(plan("--jail sshd --file quiet.log --fail-on any"), 0);
        check_contains(output, "Nobody would have been banned.");
        check_int(plan("--jail sshd --file auth.log --fail-on new"), 2);
        check_contains(errors, "--fail-on any");
}

/* A window knows no files; and the later lines of one do not come before the earlier ones of the other. */
static void test_merged(void)
{
        log_of("a.log", "203.0.113.7", 0, 2);
        log_of("b.log", "203.0.113.7", 2, 2);
        log_of("a.log", "203.0.113.7", 4, 1);
        log_of("b.log", "203.0.113.7", 590, 1);
        check_int(plan("--jail sshd --file b.log --file a.log --json"), 0);
        check_contains(output, "\"ip\":\"203.0.113.7\",\"time\":\"2025-11-23T07:00:04Z\"");
        check(!strchr(strchr(output, '\n') + 1, '\n'));
}

static void test_configuration(void)
{
        put("new.yaml", "allow: [203.0.113.0/29, host.example.net]\n"
                        "defaults: { bantime: 1m, maxretry: 3, bantime_increment: { factor: 2 } }\n"
                        "jails:\n"
                        "  sshd: {}\n"
                        "  watched: { filter: sshd, observe: true }\n"
                        "  off: { filter: sshd, enabled: false, maxretry: 1 }\n"
                        "  again: { sources: [bans], maxretry: 2, findtime: 1h, bantime: 1d }\n");
        log_of("grown.log", "203.0.113.6", 0, 3);
        log_of("grown.log", "203.0.113.9", 10, 3);
        log_of("grown.log", "203.0.113.9", 100, 3);
        check_int(plan("--config new.yaml --file grown.log --json"), 0);
        check(!strstr(output, "203.0.113.6"));
        check_contains(output, "\"jail\":\"sshd\",\"ip\":\"203.0.113.9\",\"time\":\"2025-11-23T07:00:12Z\",\"until\":\"2025-11-23T07:01:12Z\"");
        check_contains(output, "\"time\":\"2025-11-23T07:01:42Z\",\"until\":\"2025-11-23T07:03:42Z\"");
        check_contains(output, "\"jail\":\"again\",\"ip\":\"203.0.113.9\"");
        check_contains(output, "\"rules\":[\"ban:sshd\"]");
        check(!strstr(output, "\"jail\":\"off\"") && !strstr(output, "\"jail\":\"watched\""));
        check_int(plan("--config new.yaml --file grown.log"), 0);
        check_contains(output, "host.example.net");
        check_contains(output, "only observe");
        check_int(plan("--config new.yaml --jail off --file grown.log --json"), 0);
        check_contains(output, "\"jail\":\"off\",\"ip\":\"203.0.113.9\",\"time\":\"2025-11-23T07:00:10Z\"");
}

/* What the jails name themselves, in their own zones, is read without --file. */
static void test_own(void)
{
        char text[1024];

        snprintf(text, sizeof text, "jails: { sshd: { sources: [files], logs: [%s/own-*.log], timezone: \"+02:00\", maxretry: 2, bantime: 1h } }\n", work);
        put("own.yaml", text);
        put("own-1.log", "2025-11-23 09:00:00 web1 sshd[1]: Failed password for root from 203.0.113.5 port 4 ssh2\n");
        put("own-2.log", "2025-11-23 09:00:01 web1 sshd[2]: Failed password for root from 203.0.113.5 port 4 ssh2\n"
                         "a line without a time\n");
        check_int(plan("--config own.yaml --since forever --json"), 0);
        check_contains(output, "\"time\":\"2025-11-23T07:00:01Z\",\"until\":\"2025-11-23T08:00:01Z\"");
        check_int(plan("--config own.yaml --json"), 0);
        check_text(output, ""); /* older than a day */
}

static void test_errors(void)
{
        check_int(plan("auth.log"), 2);
        check_contains(errors, "--file auth.log");
        check_int(plan("--jail sshd --file none.log"), 2);
        check_contains(errors, "none.log cannot be read: No such file or directory");
        check_int(plan("--jail nosuch --file auth.log"), 2);
        check_contains(errors, "nosuch");
        check_int(plan("--jail sshd --file auth.log --since yesterdaze"), 2);
        check_contains(errors, "yesterdaze");
        check_int(plan("--jail sshd --file auth.log --timezone Nowhere/Land"), 2);
        check_contains(errors, "Nowhere/Land");
        check_int(plan("--jail sshd --file auth.log --fale-on any"), 2);
        check_contains(errors, "--fale-on");
        put("bad.yaml", "jails: { sshd: { maxretries: 3 } }\n");
        check_int(plan("--config bad.yaml --file auth.log"), 2);
        check_contains(errors, "maxretry");
        put("packed.log", "\x1f\x8b\x08packed");
        check_int(plan("--jail sshd --file packed.log"), 2);
        check_contains(errors, "zcat");
}

int main(void)
{
        char text[512];

        check(getenv("SOURCE_ROOT"));
        ctl_begin();
        snprintf(text, sizeof text, "%s/filters", getenv("SOURCE_ROOT"));
        setenv("BAILIFF_FILTERS", text, 1);
        snprintf(text, sizeof text, "%s/conf/shipped.yaml", getenv("SOURCE_ROOT"));
        setenv("BAILIFF_SHIPPED", text, 1);
        check(mkdtemp(work));
        test_bans();
        test_fail_on();
        test_merged();
        test_configuration();
        test_own();
        test_errors();
        snprintf(text, sizeof text, "rm -r %s", work);
        check_int(system(text), 0);
        ctl_end();
        return 0;
}
