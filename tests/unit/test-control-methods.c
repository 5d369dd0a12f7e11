/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The methods of the control socket: what each answers and refuses, to whom, and that it is described so. */

#include <netinet/in.h>

#include "control-peer.h"
#include "control/view.h"

static void test_methods(void)
{
        Addr addr = parse("203.0.113.5");
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, event_time_add(FAKE_NOW, 86400));
        fake_commit(&fake);
        peer = join();
        expect(peer, "{\"method\":\"" V "GetInfo\"}", "", "\"io.bailiff.Manager\"");
        expect(peer, "{\"method\":\"" V "GetInterfaceDescription\",\"parameters\":{\"interface\":\"io.bailiff.Manager\"}}", "",
               "interface io.bailiff.Manager");
        expect(peer, "{\"method\":\"" V "GetInterfaceDescription\",\"parameters\":{\"interface\":\"x.y\"}}", V "InterfaceNotFound", "x.y");
        expect(peer, "{\"method\":\"" M "Nothing\"}", V "MethodNotFound", M "Nothing");
        expect(peer, "{\"method\":\"org.example.Ping\"}", V "InterfaceNotFound", "\"org.example\"");
        expect(peer, "{\"method\":\"Ping\"}", V "InterfaceNotFound", "\"Ping\"");
        expect(peer, "{\"method\":\"" M "Status\"}", "", "\"max_bans\":2000000");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":\"sshd\"}}", "", "\"total_banned\":4711");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":null}}", "", "\"nginx-http-auth\"");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":\"sshdd\"}}", M "NoSuchJail", "Did you mean");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":\"\\u001b[2J\"}}", M "NoSuchJail", "\\\\x1b");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":7}}", V "InvalidParameter", "\"parameter\":\"jail\"");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jial\":\"sshd\"}}", V "InvalidParameter", "\"parameter\":\"jial\"");
        expect(peer, "{\"method\":\"" M "ListBans\"}", "", "\"packets\":17");
        expect(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"::ffff:203.0.113.5\"}}", "", "\"banned\":true");
        expect(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"203.0.113.6\"}}", "", "\"banned\":false");
        expect(peer, "{\"method\":\"" M "Banned\"}", V "InvalidParameter", "address is missing");
        expect(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"203.0.113.5\"}}", "", "hunter2");
        expect(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"www.example.com\"}}", V "InvalidParameter", "never resolved");
        fake.fails = true;
        expect(peer, "{\"method\":\"" M "Status\"}", M "Failed", "journalctl -u bailiffd");
        expect(peer, "{\"method\":\"" M "ListBans\"}", M "Failed", "message");
        expect(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"203.0.113.6\"}}", M "Failed", "message");
        expect(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"203.0.113.6\"}}", M "Failed", "message");
        expect(peer, "{\"method\":\"" M "Unban\",\"parameters\":{\"all\":true}}", M "Failed", "the kernel refused");
        fake.fails = false;
        leave(peer);
        end();
}

static void test_changes(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\",\"duration\":600,\"reason\":\"x\",\"no_report\":true"), "",
               "\"until\":\"2026-11-22T07:41:00Z\"");
        check_int(fake.last.duration, 600);
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.10\""), "", "\"remembered\":true");
        check(!fake.last.has_duration && !fake.last.force);
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"192.0.2.1\""), M "AddressAllowed", "bailiff.yaml:3:9");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"198.0.0.0/7\""), M "TooWide", "--force");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"198.0.0.0/7\",\"force\":true"), "", "198.0.0.0/7");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"224.0.0.1\""), M "NotBannable", "source");
        expect(peer, BAN("\"jail\":\"nosuch\",\"address\":\"203.0.113.9\""), M "NoSuchJail", "nosuch");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9/24\""), V "InvalidParameter", "did you mean 203.0.113.0/24?");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"::ffff:203.0.113.9/120\""), V "InvalidParameter", "did you mean 203.0.113.0/24?");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\",\"duration\":0"), V "InvalidParameter", "duration");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\",\"force\":1"), V "InvalidParameter", "force");
        expect(peer, BAN("\"jail\":\"sshd\""), V "InvalidParameter", "\"parameter\":\"address\"");
        expect(peer, UNBAN("\"address\":\"203.0.113.9\",\"jail\":\"nginx-http-auth\""), "", "\"lifted\":0");
        expect(peer, UNBAN("\"address\":\"203.0.113.9\",\"jail\":\"sshd\""), "", "\"lifted\":1");
        check_text(fake.by, "alice (1000)");
        expect(peer, UNBAN("\"all\":true,\"address\":\"203.0.113.9\""), V "InvalidParameter", "either");
        expect(peer, UNBAN("\"all\":false"), V "InvalidParameter", "either");
        expect(peer, UNBAN("\"all\":true"), "", "\"lifted\":2");
        for (size_t i = 0; i < FAKE_BANS_MAX; i++) {
                Addr addr = { .family = 4, .length = 32, .bytes = { 198, 51, (uint8_t) (i >> 8), (uint8_t) i } };
                fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        }
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\""), M "Full", "as many bans");
        leave(peer);
        end();
}

/* A list goes to the kernel once; each address has its answer, in order. */
static void test_ban_list(void)
{
        json_t *addresses = json_array();
        char text[32];
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        json_auto_t *mixed = ask(peer, CALL("BanList", "\"jail\":\"sshd\",\"reason\":\"a\\u001bb\",\"duration\":60,\"addresses\":"
                                            "[\"203.0.113.9\",\"192.0.2.1\",7,\"203.0.113.9/24\",\"2001:db8::1\",\"224.0.0.1\",\"198.0.0.0/7\"]"));
        static const char *const errors[] = { NULL, M "AddressAllowed", V "InvalidParameter", V "InvalidParameter", NULL, M "NotBannable", M "TooWide" };
        static const char *const parts[] = { NULL, "bailiff.yaml:3:9", "no IP address", "did you mean 203.0.113.0/24?", NULL, "source", "--force" };
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
                const json_t *result = json_array_get(member(mixed, "results"), i);
                const char *error = json_string_value(json_object_get(result, "error"));

                check_text(error ? error : "none", errors[i] ? errors[i] : "none");
                if (parts[i])
                        check_contains(json_string_value(json_object_get(result, "message")), parts[i]);
        }
        check_int(json_array_size(member(mixed, "results")), 7);
        check_text(json_string_value(json_object_get(json_array_get(member(mixed, "results"), 4), "ip")), "2001:db8::1");
        check_int(json_integer_value(member(mixed, "banned")), 2);
        check(json_is_true(member(mixed, "remembered")));
        check_int(fake.n_bans, 2);
        check_int(fake.last.duration, 60);
        check_text(fake.reason, "a\\x1bb");
        check_int(fake.transactions, 1);
        expect(peer, CALL("BanList", "\"jail\":\"sshd\",\"addresses\":\"203.0.113.9\""), V "InvalidParameter", "must be a list");
        expect(peer, CALL("BanList", "\"jail\":\"sshd\""), V "InvalidParameter", "missing");
        expect(peer, CALL("BanList", "\"jail\":\"nosuch\",\"addresses\":[]"), M "NoSuchJail", "nosuch");
        expect(peer, CALL("BanList", "\"jail\":\"sshd\",\"addresses\":[]"), "", "\"banned\":0");
        fake.fails = true;
        expect(peer, CALL("BanList", "\"jail\":\"sshd\",\"addresses\":[\"203.0.113.9\"]"), M "Failed", "the kernel refused");
        fake.fails = false;
        for (size_t i = 0; i <= BAN_LIST_MAX; i++) {
                snprintf(text, sizeof text, "198.51.%zu.%zu", i / 256, i % 256);
                json_array_append_new(addresses, json_string(text));
        }
        for (size_t n = BAN_LIST_MAX + 1; n >= BAN_LIST_MAX; n--) {
                json_auto_t *request = json_pack("{s:s, s:{s:s, s:O}}", "method", M "BanList", "parameters", "jail", "sshd", "addresses", addresses);
                char *line = json_dumps(request, JSON_COMPACT);

                expect(peer, line, n > BAN_LIST_MAX ? V "InvalidParameter" : "", n > BAN_LIST_MAX ? "At most 1000" : "\"banned\":1000");
                free(line);
                json_array_remove(addresses, n - 1);
        }
        check_int(fake.n_bans, 2 + BAN_LIST_MAX);
        /* Lists that are sent without waiting share one commit. */
        fake.commits_at_once = false;
        for (int i = 0; i < 10; i++)
                push(peer, CALL("BanList", "\"jail\":\"sshd\",\"addresses\":[\"203.0.113.10\",\"203.0.113.11\"]"));
        check(!answer(peer));
        check_int(fake.n_bans, 2 + BAN_LIST_MAX + 20);
        fake_commit(&fake);
        for (int i = 0; i < 10; i++) {
                json_auto_t *reply = answer(peer);
                check(json_is_true(member(reply, "remembered")));
        }
        json_decref(addresses);
        leave(peer);
        end();
}

static void test_attempt(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        for (int i = 1; i < 5; i++) {
                json_auto_t *reply = ask(peer, CALL("Attempt", "\"jail\":\"sshd\",\"address\":\"2001:db8::1\",\"line\":\"by\\nhand\""));
                check_int(json_integer_value(member(reply, "failures")), i);
                check(json_is_false(member(reply, "banned")) && !member(reply, "ban"));
        }
        check_text(fake.attempt_text, "by\\x0ahand");
        json_auto_t *fifth = ask(peer, CALL("Attempt", "\"jail\":\"sshd\",\"address\":\"2001:db8::1\""));
        check(json_is_true(member(fifth, "banned")) && json_is_true(member(fifth, "remembered")));
        check_text(json_string_value(json_object_get(member(fifth, "ban"), "ip")), "2001:db8::/64");
        check_text(fake.attempt_text, "");
        expect(peer, CALL("Attempt", "\"jail\":\"sshd\",\"address\":\"203.0.113.0/24\""), V "InvalidParameter", "is a prefix");
        expect(peer, CALL("Attempt", "\"jail\":\"sshdd\",\"address\":\"203.0.113.5\""), M "NoSuchJail", "Did you mean");
        fake.fails = true;
        expect(peer, CALL("Attempt", "\"jail\":\"sshd\",\"address\":\"203.0.113.5\""), M "Failed", "memory");
        leave(peer);
        end();
}

static void test_allow(void)
{
        Addr inside = parse("203.0.113.5"), outside = parse("198.51.100.1");
        size_t pages = 0, entries = 0;
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake_add(&fake, "sshd", &inside, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        fake_add(&fake, "sshd", &outside, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        peer = join();
        json_auto_t *added = ask(peer, CALL("AllowAdd", "\"address\":\"203.0.113.0/24\",\"duration\":600,\"reason\":\"the \\u001boffice\""));
        check_int(json_integer_value(member(added, "lifted")), 1);
        check_text(json_string_value(json_object_get(json_array_get(member(added, "bans"), 0), "ip")), "203.0.113.5");
        check(json_is_true(member(added, "remembered")));
        check(fake.last_allow.has_duration);
        check_int(fake.last_allow.duration, 600);
        check_text(fake.reason, "the \\x1boffice");
        check_text(fake.by, "alice (1000)");
        expect(peer, CALL("AllowRemove", "\"address\":\"203.0.113.5\""), M "NoSuchEntry", "bailiff.yaml:3:9");
        fake.uid = 0;
        Peer *root = join();
        expect(root, CALL("AllowRemove", "\"address\":\"203.0.113.0/24\""), "", "\"remembered\":true");
        check_text(fake.by, "root");
        leave(root);
        fake.uid = 1001;
        Peer *other = join();
        expect(other, CALL("AllowAdd", "\"address\":\"203.0.113.5\",\"duration\":-1"), "", "\"lifted\":0");
        check(!fake.last_allow.has_duration);
        check_text(fake.by, "m\\x1ballory (1001)");
        leave(other);
        fake.uid = 1002;
        other = join();
        expect(other, CALL("AllowAdd", "\"address\":\"203.0.113.5\""), "", "\"lifted\":0");
        check_text(fake.by, "uid 1002");
        expect(other, CALL("AllowAdd", "\"address\":\"203.0.113.5\",\"duration\":0"), V "InvalidParameter", "duration");
        expect(other, CALL("AllowAdd", "\"address\":\"www.example.com\""), V "InvalidParameter", "never resolved");
        expect(other, CALL("AllowAdd", "\"address\":\"0.0.0.0/0\""), V "InvalidParameter", "allow everybody");
        expect(other, CALL("AllowAdd", "\"address\":\"::/0\""), V "InvalidParameter", "allow everybody");
        fake.fails = true;
        expect(other, CALL("AllowAdd", "\"address\":\"203.0.113.5\""), M "Failed", "the kernel refused");
        expect(other, CALL("AllowList", ""), M "Failed", "journalctl");
        fake.fails = false;
        leave(other);

        /* The list: all of it in pages with `more`, the first page without. */
        json_auto_t *few = ask(peer, CALL("AllowList", ""));
        const json_t *own = json_array_get(member(few, "entries"), 0);
        check_int(json_array_size(member(few, "entries")), 1);
        check_text(json_string_value(json_object_get(own, "jail")), "sshd");
        check_text(json_string_value(json_object_get(own, "group")), "config");
        check_text(json_string_value(json_object_get(own, "reason")), "the office\x1b");
        check(json_is_false(json_object_get(own, "in_kernel")));
        fake.n_allow_entries = 2999;
        json_auto_t *first = ask(peer, CALL("AllowList", ""));
        check_int(json_array_size(member(first, "entries")), LIST_MAX);
        check(json_is_true(member(first, "truncated")));
        push(peer, "{\"method\":\"" M "AllowList\",\"more\":true}");
        for (bool more = true; more; pages++) {
                json_auto_t *reply = answer(peer);

                check(json_array_size(member(reply, "entries")) <= LIST_MAX && !member(reply, "truncated"));
                entries += json_array_size(member(reply, "entries"));
                more = json_is_true(json_object_get(reply, "continues"));
        }
        check_int(entries, 3000);
        check_int(pages, 3);
        leave(peer);
        check_int(fake.control->n_listings, 0);
        end();
}

static void test_pause(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        expect(peer, CALL("Pause", "\"jail\":\"sshd\""), "", "\"changed\":true");
        check_text(fake.by, "alice (1000)");
        expect(peer, CALL("Status", "\"jail\":\"sshd\""), "", "\"state\":\"paused\"");
        expect(peer, CALL("Pause", "\"jail\":\"sshd\""), "", "\"changed\":false");
        expect(peer, CALL("Resume", "\"jail\":\"sshd\""), "", "\"changed\":true");
        check(!fake.paused);
        expect(peer, CALL("Pause", "\"jail\":\"nosuch\""), M "NoSuchJail", "nosuch");
        expect(peer, CALL("Resume", ""), V "InvalidParameter", "jail is missing");
        fake.fails = true;
        expect(peer, CALL("Pause", "\"jail\":\"sshd\""), M "Failed", "memory");
        leave(peer);
        end();
}

static void test_reload(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake.commits_at_once = false;
        peer = join();
        json_auto_t *check_only = ask(peer, CALL("Reload", "\"check\":true"));
        check_int(json_array_size(member(check_only, "changes")), 2);
        check_int(json_integer_value(member(check_only, "bans_lifted")), 7);
        check(!member(check_only, "remembered"));
        push(peer, CALL("Reload", ""));
        check(!answer(peer));
        fake_commit(&fake);
        json_auto_t *done = answer(peer);
        check(json_is_true(member(done, "remembered")));
        check_text(json_string_value(json_array_get(member(done, "changes"), 0)), "jail sshd: maxretry 5 -> 3");
        fake.config_is_bad = true;
        expect(peer, CALL("Reload", ""), M "ConfigInvalid", "bailiff.yaml:3:9");
        expect(peer, CALL("Reload", "\"check\":true"), M "ConfigInvalid", "did you mean");
        fake.config_is_bad = false;
        fake.reload_fails = true;
        expect(peer, CALL("Reload", "\"check\":false"), M "ReloadFailed", "memory");
        expect(peer, CALL("Reload", "\"check\":\"yes\""), V "InvalidParameter", "true or false");
        leave(peer);
        end();
}

/* However many ask, the store counts once at a time; who has gone away is not told. */
static void test_stats(void)
{
        Peer *peer, *others[8];

        begin(ACCESS_LOOK);
        peer = join();
        push(peer, CALL("Stats", ""));
        check(!answer(peer));
        for (size_t i = 0; i < 8; i++) {
                others[i] = join();
                push(others[i], CALL("Stats", ""));
                push(others[i], CALL("Stats", ""));
        }
        turn();
        check_int(fake.counted, 1);
        leave(others[0]);
        fake_counted(&fake, true);
        json_auto_t *reply = answer(peer);
        check_int(json_integer_value(member(reply, "bans_known")), 4711);
        check_int(json_integer_value(json_object_get(json_array_get(member(reply, "jails"), 0), "week")), 60);
        for (size_t i = 1; i < 8; i++) {
                json_auto_t *first = answer(others[i]), *second = answer(others[i]);
                check(json_equal(first, reply) && json_equal(second, reply));
                leave(others[i]);
        }
        push(peer, CALL("Stats", "")); /* asks anew */
        check(!answer(peer));
        check_int(fake.counted, 2);
        fake_counted(&fake, false);
        json_auto_t *failed = answer(peer);
        check_text(json_string_value(json_object_get(failed, "error")), M "Failed");
        fake.fails = true;
        expect(peer, CALL("Stats", ""), M "Failed", "journalctl");
        fake.fails = false;
        /* The server ends before the store has counted. */
        push(peer, CALL("Stats", ""));
        turn();
        check_int(fake.counted, 3);
        fake.control = control_free(fake.control);
        fake_counted(&fake, true);
        leave(peer);
        end();
}

/* Every method by every caller: what is granted, and nothing else. */
static void test_rights(void)
{
        enum { READ = 501, ADMIN = 500, COURIER = 502, COURIER_UID = 990 };
        static const struct {
                const char *name;
                uid_t uid;
                gid_t gids[2];
        } callers[] = {
                { "anyone", 1000, { 1000, 100 } }, { "bailiff-read", 1001, { 1001, READ } },    { "bailiff-admin", 1002, { 1002, ADMIN } },
                { "both", 1003, { READ, ADMIN } }, { "the courier", COURIER_UID, { COURIER, COURIER } }, { "root", 0, { 0, 0 } },
                { "the courier in all groups", COURIER_UID, { READ, ADMIN } }, { "the courier's group", 1004, { COURIER, COURIER } },
        };
        /* One letter for each caller in turn: y granted, n not. */
        static const struct {
                const char *name, *parameters, *granted;
        } methods[] = {
                { V "GetInfo", "", "yyyyyyyy" },
                { V "GetInterfaceDescription", "\"interface\":\"io.bailiff.Manager\"", "yyyyyyyy" },
                { M "Status", "", "nyyynynn" },
                { M "ListBans", "", "nyyynynn" },
                { M "Banned", "\"address\":\"203.0.113.5\"", "nyyynynn" },
                { M "Why", "\"address\":\"203.0.113.5\"", "nyyynynn" },
                { M "Monitor", "\"since\":0", "nyyynynn" },
                { M "Stats", "", "nyyynynn" },
                { M "AllowList", "", "nyyynynn" },
                { M "Ban", "\"jail\":\"sshd\",\"address\":\"203.0.113.6\"", "nnyynynn" },
                { M "BanList", "\"jail\":\"sshd\",\"addresses\":[\"203.0.113.6\"]", "nnyynynn" },
                { M "Unban", "\"address\":\"203.0.113.6\"", "nnyynynn" },
                { M "Attempt", "\"jail\":\"sshd\",\"address\":\"203.0.113.6\"", "nnyynynn" },
                { M "AllowAdd", "\"address\":\"203.0.113.6\"", "nnyynynn" },
                { M "AllowRemove", "\"address\":\"203.0.113.6\"", "nnyynynn" },
                { M "Pause", "\"jail\":\"sshd\"", "nnyynynn" },
                { M "Resume", "\"jail\":\"sshd\"", "nnyynynn" },
                { M "Reload", "", "nnyynynn" },
                { M "ListReports", "", "nyyynynn" },
                { M "PreviewReport", "\"jail\":\"sshd\",\"address\":\"198.51.100.1\"", "nnyynynn" },
                { M "RetryReports", "\"report\":3", "nnyynynn" },
                { M "DropReports", "\"report\":3", "nnyynynn" },
                { M "RetractReports", "\"address\":\"198.51.100.1\"", "nnyynynn" },
                { M "Claim", "\"service\":\"abuseipdb\"", "nnnnynyn" },
                { M "Settle", "\"claim\":7,\"outcome\":\"done\"", "nnnnynyn" },
        };
        const RightsGroups groups = { .admin = ADMIN, .read = READ, .courier = COURIER_UID };
        Addr addr = parse("203.0.113.5");

        check_int(CONTROL_N_METHODS, sizeof methods / sizeof *methods);
        for (size_t who = 0; who < sizeof callers / sizeof *callers; who++) {
                begin(rights_access(&groups, callers[who].uid, callers[who].gids, 2));
                fake.uid = callers[who].uid;
                fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
                fake_commit(&fake);
                for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                        bool granted = methods[i].granted[who] == 'y';
                        char request[512];

                        Peer *peer = join();
                        snprintf(request, sizeof request, "{\"method\":\"%s\",\"more\":true,\"parameters\":{%s}}", methods[i].name,
                                 methods[i].parameters);
                        push(peer, request);
                        turn();
                        fake_counted(&fake, true);
                        check((fake.claim_answers[0] != NULL) == (granted && strcmp(methods[i].name, M "Claim") == 0));
                        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, "report", 1);
                        while (fake.jobs) {
                                check(granted);
                                fake.claim = fake.jobs->request.claim;
                                fake_tell(&fake);
                        }
                        json_auto_t *reply = answer(peer);
                        const char *error = json_string_value(json_object_get(reply, "error"));
                        char *text = json_dumps(reply, JSON_COMPACT);
                        if ((error == NULL) != granted)
                                fprintf(stderr, "%s as %s: %s\n", methods[i].name, callers[who].name, text);
                        check((error == NULL) == granted);
                        if (!granted)
                                check_text(error, M "NotAuthorized");
                        if (fake.access < ACCESS_CHANGE)
                                check(!strstr(text, "hunter2") && !strstr(text, "203.0.113.6"));
                        free(text);
                        leave(peer);
                }
                check(fake.n_bans == 1 && (fake.access == ACCESS_CHANGE || fake.n_events == 1));
                end();
        }
}

/* The description names exactly the methods of the table, and every error and field that the answers use. */
static void test_description(void)
{
        size_t described = 0;

        for (const char *p = CONTROL_DESCRIPTION; (p = strstr(p, "\nmethod ")); p++)
                described++;
        for (const char *p = VARLINK_SERVICE_DESCRIPTION; (p = strstr(p, "\nmethod ")); p++)
                described++;
        check_int(described, CONTROL_N_METHODS);
        for (size_t i = 0; i < CONTROL_N_METHODS; i++) {
                const char *name = CONTROL_METHODS[i].name, *dot = strrchr(name, '.');
                bool ours = strncmp(name, M, strlen(M)) == 0;
                char line[128];

                snprintf(line, sizeof line, "\nmethod %s(", dot + 1);
                check_contains(ours ? CONTROL_DESCRIPTION : VARLINK_SERVICE_DESCRIPTION, line);
        }
        static const char *const errors[] = { "AddressAllowed", "NoSuchJail", "TooWide", "NotBannable", "NotAuthorized", "Full", "Busy",
                                              "NoSuchEntry", "ConfigInvalid", "ReloadFailed", "NoSuchClaim", "Failed" };
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
                char line[64];

                snprintf(line, sizeof line, "\nerror %s (", errors[i]);
                check_contains(CONTROL_DESCRIPTION, line);
        }
}

/* Whether each key of an answer's object is a field of the description, in that method or type. */
static void check_fields(const char *heading, const json_t *object)
{
        const char *from = strstr(CONTROL_DESCRIPTION, heading), *to;
        const char *key;
        json_t *value;

        check(from);
        from += strlen(heading);
        if (strncmp(heading, "\nmethod", 7) == 0)
                from = strstr(from, "->");
        to = strstr(from, "\n\n");
        check(to);
        json_object_foreach((json_t *) (uintptr_t) object, key, value) {
                char name[64];
                const char *found;

                snprintf(name, sizeof name, "%s: ", key);
                found = strstr(from, name);
                while (found && found[-1] != ' ' && found[-1] != '(')
                        found = strstr(found + 1, name);
                if (!found || found >= to) {
                        fprintf(stderr, "%s: %s is not described\n", heading + 1, key);
                        abort();
                }
        }
}

static void test_described_fields(void)
{
        Addr addr = parse("203.0.113.5");
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, event_time_add(FAKE_NOW, 86400));
        fake.bans[0].reason = "by hand";
        fake.bans[0].ports = fake_ports;
        fake.bans[0].n_ports = 2;
        peer = join();
        json_auto_t *status = ask(peer, "{\"method\":\"" M "Status\"}");
        json_t *parameters = json_object_get(status, "parameters");
        check_fields("\nmethod Status(", parameters);
        check_fields("\ntype Jail (", json_array_get(json_object_get(parameters, "jails"), 0));
        check_fields("\ntype Jail (", json_array_get(json_object_get(parameters, "jails"), 1));
        check_fields("\ntype Rule (", json_array_get(json_object_get(json_array_get(json_object_get(parameters, "jails"), 0), "rules"), 1));
        json_auto_t *why = ask(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"203.0.113.5\"}}");
        parameters = json_object_get(why, "parameters");
        check_fields("\nmethod Why(", parameters);
        json_t *ban = json_array_get(json_object_get(parameters, "bans"), 0), *window = json_array_get(json_object_get(parameters, "windows"), 0);
        check_fields("\ntype BanRecord (", ban);
        check_fields("\ntype Kernel ", json_object_get(ban, "kernel"));
        check_fields("\ntype Line ", json_array_get(json_object_get(ban, "lines"), 0));
        check_fields("\ntype Window ", window);
        check_fields("\ntype Line ", json_array_get(json_object_get(window, "lines"), 0));
        check_fields("\ntype PastBan ", json_array_get(json_object_get(parameters, "past"), 0));
        check_fields("\ntype Level ", json_array_get(json_object_get(parameters, "levels"), 0));
        json_auto_t *allowed = ask(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"192.0.2.5\"}}");
        check_int(json_array_size(member(allowed, "allowed")), 2);
        check_fields("\ntype Allowed (", json_array_get(member(allowed, "allowed"), 1));
        check_text(json_string_value(json_object_get(json_array_get(member(allowed, "allowed"), 1), "jail")), "sshd");
        check_fields("\ntype Increment ", json_object_get(json_array_get(member(status, "jails"), 0), "increment"));
        check_text(json_string_value(json_object_get(json_array_get(member(status, "jails"), 0), "action")), "drop");
        check_text(json_string_value(json_object_get(json_array_get(member(status, "jails"), 1), "action")), "reject");
        static const struct {
                const char *heading, *request, *type, *list;
        } answers[] = {
                { "\nmethod Ban(", BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\""), NULL, NULL },
                { "\nmethod BanList(", CALL("BanList", "\"jail\":\"sshd\",\"addresses\":[\"x\"]"), "\ntype BanResult ", "results" },
                { "\nmethod Banned(", CALL("Banned", "\"address\":\"203.0.113.9\""), "\ntype BanRecord (", "bans" },
                { "\nmethod AllowList(", CALL("AllowList", ""), "\ntype Allowed (", "entries" },
                { "\nmethod AllowAdd(", CALL("AllowAdd", "\"address\":\"203.0.113.9\""), "\ntype BanRecord (", "bans" },
                { "\nmethod AllowRemove(", CALL("AllowRemove", "\"address\":\"203.0.113.9\""), NULL, NULL },
                { "\nmethod Attempt(", CALL("Attempt", "\"jail\":\"sshd\",\"address\":\"203.0.113.9\""), NULL, NULL },
                { "\nmethod Pause(", CALL("Pause", "\"jail\":\"sshd\""), NULL, NULL },
                { "\nmethod Resume(", CALL("Resume", "\"jail\":\"sshd\""), NULL, NULL },
                { "\nmethod Reload(", CALL("Reload", ""), NULL, NULL },
        };
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
                json_auto_t *reply = ask(peer, answers[i].request);
                check(!json_object_get(reply, "error") && json_object_size(json_object_get(reply, "parameters")) > 0);
                check_fields(answers[i].heading, json_object_get(reply, "parameters"));
                if (answers[i].type) {
                        check(json_array_size(member(reply, answers[i].list)) > 0);
                        check_fields(answers[i].type, json_array_get(member(reply, answers[i].list), 0));
                }
        }
        push(peer, CALL("Stats", ""));
        turn();
        fake_counted(&fake, true);
        json_auto_t *stats = answer(peer);
        check_fields("\nmethod Stats(", json_object_get(stats, "parameters"));
        check_fields("\ntype Count ", json_array_get(member(stats, "jails"), 0));
        json_auto_t *list = ask(peer, "{\"method\":\"" M "ListBans\"}");
        check_fields("\nmethod ListBans(", json_object_get(list, "parameters"));
        /* A growing ban says its level; one around allowed addresses names them, up to a number. */
        fake.bans[0].addr = parse("192.0.0.0/8");
        fake.bans[0].level = 2;
        fake.bans[0].forgotten = event_time_add(FAKE_NOW, 3600);
        fake.bans[0].reject = true;
        json_auto_t *wide = ask(peer, "{\"method\":\"" M "ListBans\"}");
        ban = json_array_get(member(wide, "bans"), 0);
        check_fields("\ntype BanRecord (", ban);
        check_int(json_integer_value(json_object_get(ban, "level")), 2);
        check_text(json_string_value(json_object_get(ban, "forgotten")), "2026-11-22T08:31:00Z");
        check_text(json_string_value(json_object_get(ban, "action")), "reject");
        check_int(json_array_size(json_object_get(ban, "except")), 1);
        check_text(json_string_value(json_array_get(json_object_get(ban, "except"), 0)), "192.0.2.0/24");
        fake.bans[0].addr = parse("198.18.0.0/15");
        fake.n_allow_entries = 100;
        json_auto_t *many = ask(peer, "{\"method\":\"" M "ListBans\"}");
        ban = json_array_get(member(many, "bans"), 0);
        check_int(json_array_size(json_object_get(ban, "except")), EXEMPT_MAX + 1);
        check_text(json_string_value(json_array_get(json_object_get(ban, "except"), EXEMPT_MAX)), "...");
        json_auto_t *unban = ask(peer, UNBAN("\"all\":true"));
        check_fields("\nmethod Unban(", json_object_get(unban, "parameters"));
        leave(peer);
        end();
}

static void test_members(void)
{
        const Ban ban = { .id = 7, .jail = "sshd", .addr = parse("2001:db8::/64"), .source = parse("2001:db8::1"), .start = FAKE_NOW,
                          .until = EVENT_TIME_FOREVER, .first = FAKE_NOW, .failures = 5, .rule = "failed-password", .reason = "\xff\x1b",
                          .ports = fake_ports, .n_ports = 2, .evidence = fake_evidence, .n_evidence = 2 };
        const BanEvent unban = { .kind = BAN_EVENT_UNBAN, .time = FAKE_NOW, .ban = &ban, .note = "by root" };
        char *members = control_event_members(&unban), *text;

        check(members && members[0] == '"');
        check(asprintf(&text, "{%s}", members) > 0);
        json_auto_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        check_text(json_string_value(json_object_get(object, "jail")), "sshd");
        check_text(json_string_value(json_object_get(object, "ip")), "2001:db8::/64");
        check_text(json_string_value(json_object_get(object, "source")), "2001:db8::1");
        check_text(json_string_value(json_object_get(object, "start")), "2026-11-22T07:31:00Z");
        check_text(json_string_value(json_object_get(object, "until")), "forever");
        check_text(json_string_value(json_object_get(object, "reason")), "\\xff\\x1b");
        check_text(json_string_value(json_object_get(object, "note")), "by root");
        check_text(json_string_value(json_array_get(json_object_get(object, "ports"), 1)), "4500/udp");
        check_int(json_array_size(json_object_get(object, "lines")), 2);
        free(members);
        free(text);
}

/* The event log's members are those that ListBans and Why show. */
static void test_members_as_shown(void)
{
        static const Port ports[] = { { IPPROTO_TCP, 22 }, { IPPROTO_UDP, 65535 }, { 132, 0 } };
        static const Evidence evidence[] = { { FAKE_NOW, "a", "say \"x\\\\y\" \xc3\xbc" }, { FAKE_NOW, "b", "" } };
        static const EventTime times[] = { FAKE_NOW, EVENT_TIME_FOREVER, EVENT_TIME_NONE, { 1 }, { INT64_MAX - 1 } };

        srand(7);
        for (int i = 0; i < 2000; i++) {
                const Ban ban = { .id = i == 0 ? UINT64_MAX : (uint64_t) rand(), .jail = "sshd", .addr = parse(rand() % 2 ? "2001:db8::/64" : "203.0.113.5"),
                                  .source = rand() % 2 ? parse("203.0.113.5") : ADDR_NULL, .origin = rand() % 2 ? BAN_MANUAL : BAN_AUTOMATIC,
                                  .start = times[rand() % 5], .until = times[rand() % 5], .first = times[rand() % 5], .failures = (unsigned) rand(),
                                  .rule = rand() % 2 ? "failed-password" : NULL, .reason = rand() % 2 ? "it's \xe2\x82\xac" : rand() % 2 ? "" : NULL,
                                  .ports = ports, .n_ports = (size_t) rand() % 4, .reject = rand() % 2, .level = (unsigned) rand() % 9,
                                  .forgotten = times[rand() % 5], .evidence = evidence, .n_evidence = (size_t) rand() % 3 };
                const BanEvent decided = { .kind = BAN_EVENT_BAN, .ban = &ban };
                _cleanup_free_ char *members = control_event_members(&decided), *text = NULL;

                check(asprintf(&text, "{%s}", members) > 0);
                json_auto_t *written = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *shown = view_ban(&ban, true);
                check(json_equal(written, shown));
        }
}

int main(void)
{
        set_up();
        test_methods();
        test_changes();
        test_ban_list();
        test_attempt();
        test_allow();
        test_pause();
        test_reload();
        test_stats();
        test_rights();
        test_description();
        test_described_fields();
        test_members();
        test_members_as_shown();
        tear_down();
        return 0;
}
