/* SPDX-License-Identifier: GPL-2.0-or-later */

/* reports, and what why, monitor and banip have to do with them: text, JSON and exit statuses. */

#include "ctl-run.h"

static size_t count_lines(void)
{
        size_t n = 0;

        for (const char *p = output; (p = strchr(p, '\n')); p++)
                n++;
        return n;
}

static void test_list(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK });

        check_int(ctl("reports"), 0);
        check(strncmp(output, "abuseipdb: 2 queued, 1 in-flight, 1 done, 1 refused\n  bailiff-courier asks for work\n", 84) == 0);
        check_contains(output, "\n  report        120 used, 870 left of 1000 until 20");
        check_contains(output, " (in 2h0m)\n  bulk-report   0 used, 5 left of 5 until ");
        check_contains(output, "\n  clear-address 1 used, 4 left of 5 until ");
        check_contains(output, " (in 2h0m)\n                last error: an error\\x1b[31m\n");
        check_contains(output, "\nvirustotal: 2 done, 1 unknown, 1 expired, 1 dropped\n  ! the key's file cannot be read: \\x1b[2J; mend it\n");
        check_contains(output, "  bailiff-courier does not ask for work: systemctl status bailiff-courier (to\n    have it: systemctl enable --now bailiff-courier)\n");
        check_contains(output, "\n  requests      500 used, 0 left of 500 until ");
        check_contains(output, " (in 2h0m): the day's requests are\n                used up: Quota exceeded\n");
        check_contains(output, "\n\n      ID ADDRESS                  SERVICE            STATE     WHEN\n");
        check_contains(output, "\n       1 203.0.113.5              abuseipdb          done      2026-11-22 07:31\n         score 52, HTTP 200\n");
        check_contains(output, "\n       2 203.0.113.5              virustotal-vote    done      2026-11-22 07:31\n         HTTP 409, 2 tries: already voted\n");
        check_contains(output, "\n       3 203.0.113.5              virustotal-comment unknown   2026-11-22 07:31\n         may have arrived: nobody has said how it went\n");
        check_contains(output, "\n         2001:db8:ffff:ffff:ffff:ffff:ffff:fff1\n       4                          abuseipdb          refused   2026-11-22 07:31\n"
                               "         HTTP 422: Unable \\x1b[2J to process ");
        check_contains(output, "\n       6 198.51.100.7             abuseipdb          queued    in 1h1m");
        check_contains(output, "3 tries, may have arrived: no answer\n");
        check_contains(output, "\n       8 198.51.100.7             abuseipdb-clear    queued    ");
        check_contains(output, "bailiffctl reports retry ID");
        check(!strstr(output, "older ones"));
        char *whole = strdup(output);
        check_int(ctl("reports list"), 0);
        check_text(output, whole);
        free(whole);
        check_int(ctl("reports --max 0"), 0);
        check_contains(output, "virustotal: ");
        check(!strstr(output, "ADDRESS") && !strstr(output, "Nothing has been"));
        check_int(ctl("reports --max 2"), 0);
        check_contains(output, "      10 198.51.100.9");
        check(!strstr(output, "       8 "));
        check_contains(output, "There may be older ones: --max N shows more");
        check_int(ctl("reports --state unknown --service=virustotal --addr 203.0.113.5"), 0);
        check_contains(output, "       3 203.0.113.5");
        check(!strstr(output, "       2 "));
        check_int(ctl("reports --addr 192.0.2.1"), 0);
        check_contains(output, "No report is like that.");
        stop(pid);

        pid = start(&(Setup){ .access = ACCESS_LOOK, .only_abuseipdb = true });
        check_int(ctl("reports --max 0"), 0);
        check_contains(output, "  not under reports: in the configuration, so nothing is sent\n");
        check(!strstr(output, "does not ask for work"));
        stop(pid);
}

/* More than an answer holds. */
static void test_pages(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK, .reports = 2490 });

        check_int(ctl("reports --json --max 1500"), 0);
        check_int(count_lines(), 2 + 1500);
        check_contains(output, "\"report\":2500,");
        check_contains(output, "\"report\":1001,");
        check(!strstr(output, "\"report\":1000,"));
        check_int(ctl("reports --json --max 1000000"), 0);
        check_int(count_lines(), 2 + 2500);
        check_int(ctl("reports --json"), 0);
        check_int(count_lines(), 2 + 20);
        check_int(ctl("reports --max 2500"), 0);
        check(!strstr(output, "older ones")); /* the first one has number 1 */
        const char *heading = strstr(output, "ADDRESS");
        check(heading && !strstr(heading + 1, "ADDRESS"));
        stop(pid);
}

static void test_json(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE });

        check_int(ctl("reports --json --state done"), 0);
        json_auto_t *service = json_line(output);
        check_text(json_string_value(json_object_get(service, "service")), "abuseipdb");
        check_int(json_integer_value(json_object_get(service, "v")), 1);
        check_contains(output, "{\"v\":1,\"report\":1,\"service\":\"abuseipdb\",\"ip\":\"203.0.113.5\",\"state\":\"done\"");
        check_int(ctl("reports retry 3 --json"), 0);
        check_text(output, "{\"v\":1,\"changed\":1,\"report\":3}\n");
        check_int(ctl("reports retry --json"), 0);
        check_text(output, "{\"v\":1,\"changed\":1}\n");
        check_int(ctl("reports retry 1 --json"), 1);
        check_text(output, "{\"v\":1,\"changed\":0,\"report\":1}\n");
        check_int(ctl("reports drop 6 198.51.100.7 203.0.113.5 --json"), 1);
        check_text(output, "{\"v\":1,\"changed\":1,\"report\":6}\n{\"v\":1,\"changed\":1,\"address\":\"198.51.100.7\"}\n"
                           "{\"v\":1,\"changed\":0,\"address\":\"203.0.113.5\"}\n");
        check_int(ctl("reports drop --json 198.51.100.0/24 2>/dev/null"), 2);
        json_auto_t *wrong = json_line(output);
        check_text(json_string_value(json_object_get(wrong, "error")), "org.varlink.service.InvalidParameter");
        check_text(json_string_value(json_object_get(wrong, "address")), "198.51.100.0/24");
        check_int(ctl("reports retract 203.0.113.5 --json"), 0);
        check_text(output, "{\"v\":1,\"dropped\":0,\"clears\":true,\"deletes\":true,\"address\":\"203.0.113.5\"}\n");
        check_int(ctl("reports preview sshd 203.0.113.5 --json"), 0);
        json_auto_t *preview = json_line(output);
        const json_t *first = json_array_get(json_object_get(preview, "reports"), 0);
        check_contains(json_string_value(json_object_get(first, "comment")), "5 failures\n");
        check_int(ctl("reports preview nginx-http-auth 203.0.113.5 --json"), 1);
        check_contains(output, "\"reports\":[],\"note\":\"the jail reports nothing");
        stop(pid);
}

static void test_changes(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE });

        check_int(ctl("reports retry"), 0);
        check_text(output, "1 report is tried again now\n");
        check_int(ctl("reports retry 3"), 0);
        check_text(output, "report 3 is queued again\n");
        check_int(ctl("reports retry 1"), 1);
        check_contains(output, "report 1 has been accepted and is not sent again; to take it back: bailiffctl");
        check_contains(output, "reports retract 203.0.113.5\n");
        check_int(ctl("reports retry 7"), 1);
        check_contains(output, "report 7 is under way and is not sent again");
        check_int(ctl("reports retry 99"), 1);
        check_contains(output, "there is no report 99; bailiffctl reports lists them\n");
        check_int(ctl("reports drop 6 7 99 198.51.100.7"), 1);
        check_contains(output, "report 6 dropped\nreport 7 is under way and is not dropped");
        check_contains(output, "there is no report 99");
        check_contains(output, "198.51.100.7: 1 report dropped\n");
        check_int(ctl("reports drop 4"), 1);
        check_text(output, "report 4 is refused and was not dropped\n");
        check_int(ctl("reports drop 198.51.100.7"), 0);
        check_int(ctl("reports drop 203.0.113.5"), 1);
        check_text(output, "203.0.113.5: no report of it waits\n");
        check_int(ctl("reports retract 203.0.113.5"), 0);
        check_text(output, "203.0.113.5: AbuseIPDB is being asked to delete our reports\n203.0.113.5: VirusTotal is being asked to delete our comments\n"
                           "How it goes: bailiffctl reports --addr 203.0.113.5\n");
        check_int(ctl("reports retract 198.51.100.7 192.0.2.1"), 1);
        check_text(output, "198.51.100.7: 1 report that waited is dropped\n192.0.2.1: nothing that could be taken back was told of it\n");
        stop(pid);
}

static void test_preview(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE });

        check_int(ctl("reports preview sshd 203.0.113.5"), 0);
        check(strncmp(output,
                      "abuseipdb\n  address     203.0.113.5\n  categories  18,22\n  time        2026-11-22T07:31:00+00:00\n  comment     5 failures\n              \xe7\xa9\xba "
                      "\\x1b[2J of a length",
                      100) == 0);
        check_contains(output, "\nvirustotal-vote\n  address     203.0.113.5\n  verdict     malicious\nvirustotal-comment\n  address     203.0.113.5\n  comment     #ssh\n");
        check(!strstr(output, "!"));
        check_int(ctl("reports preview sshd 192.0.2.7"), 0);
        check_contains(output, "\n! the address is allowed, so it is never reported\n");
        check_int(ctl("reports preview nginx-http-auth 203.0.113.5"), 1);
        check_text(output, "! the jail reports nothing; write report: { abuseipdb: true } in it\n");
        check_int(ctl("reports preview sshdd 203.0.113.5"), 2);
        check_contains(output, "Did you mean \"sshd\"?");
        check_int(ctl("reports preview sshd 203.0.113.0/24"), 2);
        check_contains(output, "is a prefix; give one address");
        stop(pid);
}

static void test_wrong(void)
{
        static const struct {
                const char *arguments, *part;
        } cases[] = {
                { "reports lits", "did you mean \"list\"?" },
                { "reports 203.0.113.5", "reports knows no \"203.0.113.5\"" },
                { "reports --stat done", "unknown option --stat" },
                { "reports --state", "--state needs a value" },
                { "reports --max few", "how many reports? \"few\" is no number" },
                { "reports --state lost", "The states are queued, in-flight, done" },
                { "reports --service virustotal-vote", "The services are abuseipdb and virustotal." },
                { "reports --addr www.example.com", "never resolved" },
                { "reports --addr 203.0.113.0/24", "is a prefix; give one address" },
                { "reports list 203.0.113.5", "--addr ADDR" },
                { "reports retry --state unknown", "go with reports list" },
                { "reports retry 0", "no report's ID" },
                { "reports retry 203.0.113.5", "no report's ID" },
                { "reports retry 1 2", "one report at a time" },
                { "reports drop", "which report's ID, or address?" },
                { "reports drop example.com", "never resolved" },
                { "reports drop 203.0.113.0/24", "is a prefix; give one address" },
                { "reports retract", "which address?" },
                { "reports retract 17", "never resolved" },
                { "reports preview sshd", "a jail and an address" },
                { "reports preview sshd 203.0.113.5 203.0.113.6", "one address at a time" },
                { "reports preview $(printf '\\377') 203.0.113.5", "not UTF-8" },
                { "reports $(printf '\\033[2J')", "reports knows no \"\\x1b[2J\"" },
        };
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE });

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                int status = ctl(cases[i].arguments);

                if (status != 2 || !strstr(output, cases[i].part))
                        fprintf(stderr, "bailiffctl %s: %d: %s\n", cases[i].arguments, status, output);
                check_int(status, 2);
                check_contains(output, cases[i].part);
                check(!strchr(output, '\033'));
        }
        check_int(ctl("reports --help"), 0);
        check_contains(output, "Usage: bailiffctl reports [list] [--state STATE] [--service SERVICE] [--addr\n         ADDR] [--max N]\n");
        check_contains(output, "\n       bailiffctl reports retry [ID]\n       bailiffctl reports drop ID|ADDR...\n       bailiffctl reports preview JAIL ADDR\n");
        stop(pid);
        check_int(ctl("reports"), 2);
        check_contains(output, "systemctl start bailiffd");
        check_int(ctl("reports drop 1 2"), 2);
        const char *told = strstr(output, "is not running");
        check(told && !strstr(told + 1, "is not running")); /* once is enough */
}

/* Who may look may not change; the courier's user is not for people. */
static void test_rights(void)
{
        static const char *const changing[] = { "reports retry", "reports drop 6", "reports retract 203.0.113.5", "reports preview sshd 203.0.113.5" };
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK });

        for (size_t i = 0; i < sizeof changing / sizeof *changing; i++) {
                check_int(ctl(changing[i]), 2);
                check_contains(output, "Use sudo or join the group bailiff-admin");
        }
        check_int(ctl("reports"), 0);
        stop(pid);
        pid = start(&(Setup){ .access = ACCESS_COURIER });
        check_int(ctl("reports"), 2);
        check_contains(output, "join the group bailiff-read");
        stop(pid);
        pid = start(&(Setup){ .access = ACCESS_CHANGE, .fails = true });
        check_int(ctl("reports"), 2);
        check_contains(output, "journalctl -u bailiffd");
        stop(pid);
}

static void test_why(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK });

        check_int(ctl("why 203.0.113.5"), 0);
        check_contains(output, "\nreport 1 (abuseipdb): done 2026-11-22 07:31, score 52, HTTP 200\n");
        check_contains(output, "\nreport 2 (virustotal-vote): done 2026-11-22 07:31, HTTP 409, 2 tries: already\n  voted\n");
        check_contains(output, "\nreport 3 (virustotal-comment): unknown 2026-11-22 07:31, may have arrived:\n");
        check_int(ctl("why 198.51.100.8"), 0);
        check_contains(output, "\nreport 7 (abuseipdb): in-flight\n");
        check_int(ctl("why 192.0.2.1"), 0);
        check(!strstr(output, "report "));
        stop(pid);
}

static void test_monitor(void)
{
        pid_t pid = start(&(Setup){ .access = ACCESS_LOOK, .reports = 1 });

        check_int(ctl("monitor --since 2 --once"), 0);
        check_text(output, "3 2026-11-22 07:31:00 report 203.0.113.5 in sshd to abuseipdb: done, score 52,\n    HTTP 200: thanks\n");
        check_int(ctl("monitor --since 2 --once --json"), 0);
        json_auto_t *event = json_line(output);
        check_text(json_string_value(json_object_get(event, "event")), "report");
        check_int(json_integer_value(json_object_get(event, "score")), 52);
        stop(pid);
}

/* By hand: reported as the jail says, but for a list, and unless the caller says otherwise. */
static void test_banip(void)
{
        static const struct {
                const char *arguments;
                char reported;
        } cases[] = {
                { "banip sshd 203.0.113.10", 'y' },
                { "banip sshd 203.0.113.11 --no-report", 'n' },
                { "banip sshd 203.0.113.12 --report", 'y' },
                { "set sshd banip 203.0.113.13", 'y' },
                { "banip sshd - <<END\n203.0.113.14\nEND\ntrue", 'n' },
                { "banip sshd - --report <<END\n203.0.113.15\nEND\ntrue", 'y' },
                { "banip sshd - --no-report <<END\n203.0.113.16\nEND\ntrue", 'n' },
        };
        pid_t pid = start(&(Setup){ .access = ACCESS_CHANGE, .commits_at_once = true });

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                *ctl_reported = '?';
                check_int(ctl(cases[i].arguments), 0);
                if (*ctl_reported != cases[i].reported)
                        fprintf(stderr, "bailiffctl %s: reported %c\n", cases[i].arguments, *ctl_reported);
                check_int(*ctl_reported, cases[i].reported);
        }
        *ctl_reported = '?';
        check_int(ctl("banip sshd 203.0.113.17 --report --no-report"), 2);
        check_contains(output, "either --report or --no-report");
        check_int(*ctl_reported, '?');
        check_int(ctl("set sshd banip 203.0.113.18 --report"), 2);
        stop(pid);
}

int main(void)
{
        ctl_begin();
        test_list();
        test_pages();
        test_json();
        test_changes();
        test_preview();
        test_wrong();
        test_rights();
        test_why();
        test_monitor();
        test_banip();
        ctl_end();
        return 0;
}
