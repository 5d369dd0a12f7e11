/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The built bailiffctl against a real server with a fake daemon behind it: what it prints and how it exits. */

#include "ctl-run.h"

static void test_without_daemon(void)
{
        check_int(ctl("status"), 2);
        check_contains(output, "bailiffd is not running");
        check_contains(output, "systemctl start bailiffd");
        check_int(ctl("--socket /nowhere/control.sock bans"), 2);
        check_contains(output, "/nowhere/control.sock");
        check_int(ctl("--version"), 0);
        check_contains(output, "bailiffctl 0.");
        check_int(ctl("--help"), 0);
        check_contains(output, "banip");
        check_int(ctl(""), 2);
        check_int(ctl("moniter"), 2);
        check_contains(output, "did you mean \"monitor\"");
        check_contains(output, "monitor");
        check_int(ctl("reload"), 2);
        check_int(ctl("--frobnicate status"), 2);
        static const char *const names[] = { "status", "bans",  "banip",  "unban", "banned",  "set",   "why",
                                             "monitor", "allow", "attempt", "pause", "resume", "reload", "stats" };
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                char arguments[64];

                snprintf(arguments, sizeof arguments, "%s --help", names[i]);
                check_int(ctl(arguments), 0);
                check_contains(output, names[i]);
                check(!strchr(output, '&'));
        }
        check_int(ctl("help bans"), 0);
        check_contains(output, "PACKETS");
        check_int(ctl("banip sshd"), 2);
        check_int(ctl("banip sshd 203.0.113.9 --for soon"), 2);
        check_contains(output, "no duration");
        check_int(ctl("unban"), 2);
        check_int(ctl("unban --all 203.0.113.9"), 2);
        check_int(ctl("set sshd bantime 600"), 2);
        check_int(ctl("monitor --since yesterday"), 2);
        check_int(ctl("why"), 2);
}

static void test_looking(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true, .bans = 1 });

        check_int(ctl("status"), 0);
        check(strncmp(output, "! /etc/bailiff/jails.d/web.yaml:3:9", 34) == 0);
        check_contains(output, "! nginx-http-auth: its filter does not load");
        check_contains(output, "12345678");
        check_int(ctl("status sshd"), 0);
        check_contains(output, "Currently failed: 3");
        check_contains(output, "Total failed:     12345678");
        check_contains(output, "SYSLOG_IDENTIFIER=sshd");
        check_contains(output, "Rules:            37 without a hit\n");
        check_contains(output, "RULE                                     KIND            HITS    AT LIMIT\n"
                               "|  |  failed-password                          failure     12345678           -\n"
                               "|  |  connection                               helper          4711           2\n");
        check_contains(output, "|  |  pumped                                   failure            0           1\n");
        check(strstr(output, "! Rule pumped reached the match limit on 1 line, and missed it.") < strstr(output, "Currently failed"));
        check_contains(output, "bailiffctl test sshd --mode");
        check(!strstr(output, "Rule failed-password"));
        check_contains(output, "Currently banned: 3");
        check_contains(output, "Total banned:     4711");
        check_contains(output, "Banned IP list:   203.0.113.5");
        check_int(ctl("status ssh"), 2);
        check_contains(output, "Did you mean \"sshd\"");
        check_int(ctl("--json status"), 0);
        json_auto_t *status = json_line(output);
        check_int(json_array_size(json_object_get(status, "jails")), 2);
        json_t *rules = json_object_get(json_array_get(json_object_get(status, "jails"), 0), "rules");
        check_int(json_array_size(rules), 4);
        check_int(json_integer_value(json_object_get(json_array_get(rules, 1), "limits")), 2);
        check_int(json_array_size(json_object_get(json_array_get(json_object_get(status, "jails"), 1), "rules")), 0);

        check_int(ctl("bans"), 0);
        check_contains(output, "203.0.113.5");
        check_contains(output, "not active"); /* the fake kernel lacks ban 2 */
        check_contains(output, "2001:db8:1234:5678:9abc:def0:1234:5670/124\n");
        check_int(ctl("bans sshd"), 0);
        check(!strstr(output, "5678::/64"));
        check_int(ctl("bans nosuch"), 2);
        check_int(ctl("bans --json"), 0);
        json_auto_t *ban = json_line(output);
        check_text(json_string_value(json_object_get(ban, "ip")), "203.0.113.5");
        check_int(json_integer_value(json_object_get(json_object_get(ban, "kernel"), "packets")), 17);

        check_int(ctl("banned 203.0.113.5"), 0);
        check_int(ctl("banned 2001:db8:1234:5678::1"), 0);
        check_contains(output, "(as\n  2001:db8:1234:5678::/64)");
        check_int(ctl("banned 203.0.113.5 203.0.113.6"), 1);
        check_contains(output, "203.0.113.6 is not banned");
        check_int(ctl("banned 203.0.113.5 nonsense"), 2);
        check_int(ctl("why 203.0.113.5"), 0);
        check_contains(output, "Failed password for hunter2");
        check_contains(output, "secret\\x1b[2J");
        check_contains(output, "17 packets");
        check_int(ctl("why 192.0.2.1"), 0);
        check_contains(output, "is allowed by 192.0.2.0/24 (bailiff.yaml:3:9)");
        check_int(ctl("why 203.0.113.5 --json"), 0);
        json_auto_t *why = json_line(output);
        check_int(json_array_size(json_object_get(why, "bans")), 1);
        stop(pid);
}

static void test_changing(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true });

        check_int(ctl("banip sshd 203.0.113.50 --for 1d12h --reason 'too many -- tries' --no-report"), 0);
        check_contains(output, "203.0.113.50 banned in sshd until 2026-");
        check_int(ctl("banip sshd 192.0.2.7"), 1);
        check_contains(output, "allowed by 192.0.2.0/24 (bailiff.yaml:3:9)");
        check_int(ctl("banip sshd 192.0.2.7 203.0.113.51 --for forever"), 1); /* all are tried, the worst wins */
        check_contains(output, "203.0.113.51 banned in sshd forever");
        check_int(ctl("banip sshd 192.0.2.7 nonsense 203.0.113.52"), 2);
        check_contains(output, "203.0.113.52 banned");
        check_int(ctl("banip sshd 203.0.113.9/24"), 2);
        check_contains(output, "did you mean"); /* and wraps */
        check_contains(output, "203.0.113.0/24?");
        check(!strstr(output, "203.0.113.9/24: 203.0.113.9/24"));
        check_int(ctl("banip 203.0.113.53 sshd"), 2);
        check_contains(output, "the jail stands before");
        check_int(ctl("set sshd banip 203.0.113.53 --for 1d"), 2);
        check_int(ctl("banned 203.0.113.53"), 1);
        check_int(ctl("banip sshd nonsense --json 2>/dev/null"), 2);
        json_auto_t *refused = json_line(output);
        check_text(json_string_value(json_object_get(refused, "address")), "nonsense");
        check_int(ctl("banip sshd 199.0.0.0/7"), 2);
        check_int(ctl("banip sshd 198.0.0.0/7"), 2);
        check_contains(output, "--force");
        check_int(ctl("banip sshd 198.0.0.0/7 --force"), 0);
        check_int(ctl("banip nosuch 203.0.113.9"), 2);
        check_contains(output, "no jail \"nosuch\"");
        check_int(ctl("banip sshd 224.0.0.1"), 2);
        check_int(ctl("set sshd banip 203.0.113.1"), 0);
        check_contains(output, "203.0.113.1 banned in sshd");
        check_int(ctl("banned 203.0.113.1"), 0);
        check_int(ctl("set sshd unbanip 203.0.113.1"), 0);
        check_contains(output, "203.0.113.1 unbanned in sshd");
        check_int(ctl("unban 198.0.0.1"), 0); /* the /7 alone covers it */
        check_contains(output, "198.0.0.0/7 unbanned in sshd");
        check_int(ctl("unban 203.0.113.1"), 1);
        check_contains(output, "203.0.113.1 is not banned");
        check_int(ctl("unban 203.0.113.5 --jail nginx-http-auth"), 1);
        check_int(ctl("banip sshd 203.0.113.60 --json"), 0);
        json_auto_t *answer = json_line(output);
        check(json_is_true(json_object_get(answer, "remembered")));
        check_text(json_string_value(json_object_get(answer, "address")), "203.0.113.60");

        char file[256], arguments[512];
        FILE *list;

        snprintf(file, sizeof file, "%s/list", directory);
        snprintf(arguments, sizeof arguments, "banip sshd - <%s", file);
        list = fopen(file, "w");
        check(list);
        for (int i = 0; i < 1000; i++)
                fprintf(list, "%s198.51.%d.%d # comment\n", i % 2 ? "" : "  \n", i / 250, i % 250);
        fclose(list);
        check_int(ctl(arguments), 0);
        check_contains(output, "1000 banned\n");
        list = fopen(file, "w");
        check(list);
        fputs("198.52.0.1\t198.52.0.2 # 198.52.0.3\n", list); /* none of a line is passed over in silence */
        fclose(list);
        check_int(ctl(arguments), 0);
        check_contains(output, "2 banned\n");
        unlink(file);
        check_int(ctl("bans sshd"), 0);
        check_contains(output, "198.52.0.2");
        check(!strstr(output, "198.52.0.3"));
        check_contains(output, "198.51.3.249");
        check_int(ctl("unban --all --jail sshd"), 0);
        check_contains(output, "203.0.113.5 unbanned in sshd");
        check_int(ctl("unban --all"), 0);
        check_contains(output, "2001:db8:1234:5678::/64 unbanned in nginx-http-auth");
        check_int(ctl("unban --all"), 0);
        check_int(ctl("bans"), 0);
        check_contains(output, "Nobody is banned");
        stop(pid);
}

static void test_rights(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK, .commits_at_once = true });

        check_int(ctl("why 203.0.113.5"), 0);
        check(!strstr(output, "hunter2"));
        check_contains(output, "Log lines are shown to root and group bailiff-admin only.");
        check_int(ctl("banip sshd 203.0.113.9"), 2);
        check_contains(output, "Use sudo or join the group bailiff-admin");
        stop(pid);
        pid = start(&(Setup){ .access = ACCESS_NONE });
        check_int(ctl("status"), 2);
        check_contains(output, "Use sudo or join the group bailiff-read");
        stop(pid);
}

static void test_not_remembered(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE });

        check_int(ctl("banip sshd 203.0.113.9 203.0.113.10"), 2);
        check_contains(output, "203.0.113.10 banned in sshd");
        check_contains(output, "203.0.113.10: enforced, not yet remembered");
        check_int(ctl("unban 203.0.113.9 --json"), 2);
        check_contains(output, "\"remembered\":false");
        stop(pid);
}

static void test_monitor(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .monitors_end = true });

        check_int(ctl("monitor --since 1"), 2); /* until the server goes away */
        check(!strstr(output, "203.0.113.5 "));
        check_contains(output, "2 2026-11-22");
        check_contains(output, "3 2026-11-22");
        check_contains(output, "ban 203.0.113.77 in sshd forever, 5 failures");
        check_contains(output, "bailiffctl monitor --since 3");
        stop(pid);
        pid = start(&(Setup){ .access = ACCESS_CHANGE, .monitors_end = true });
        check_int(ctl("--json monitor"), 2);
        json_auto_t *event = json_line(output);
        check_int(json_integer_value(json_object_get(event, "id")), 3);
        check_text(json_string_value(json_object_get(event, "ip")), "203.0.113.77");
        stop(pid);
}

static void test_many(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK, .bans = 3500 });
        size_t lines = 0;

        check_int(ctl("bans --json"), 0);
        for (const char *p = output; (p = strchr(p, '\n')); p++)
                lines++;
        check_int(lines, 3502);
        check_int(ctl("status sshd"), 0);
        check_contains(output, "(all: bailiffctl bans sshd)");
        stop(pid);
}

int main(void)
{
        ctl_begin();
        test_without_daemon();
        test_looking();
        test_changing();
        test_rights();
        test_not_remembered();
        test_monitor();
        test_many();
        ctl_end();
        return 0;
}
