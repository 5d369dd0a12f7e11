/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answers of the control socket that come in many parts: Monitor and ListBans. */

#include "control-peer.h"

static void test_monitor(void)
{
        uint64_t expected = 11;
        bool current = false;
        Peer *peer;

        begin(ACCESS_LOOK);
        add_events(300);
        fake_commit(&fake);
        peer = join();
        expect(peer, "{\"method\":\"" M "Monitor\"}", V "ExpectedMore", "");
        push(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":10}}");
        for (int i = 0; i < 4; i++) { /* a few turns of replay, with events meanwhile */
                sd_event_run(event, 0);
                add_events(3);
                fake_commit(&fake);
        }
        pull(peer);
        add_events(5); /* live now */
        fake_commit(&fake);
        for (json_t *reply; (reply = answer(peer)); json_decref(reply)) {
                const json_t *parameters = json_object_get(reply, "parameters"), *told = json_object_get(parameters, "event");
                char *text = json_dumps(reply, 0);

                check(json_is_true(json_object_get(reply, "continues")));
                check(!strstr(text, "hunter2"));
                free(text);
                current |= json_is_true(json_object_get(parameters, "current"));
                if (!told)
                        continue;
                check_int(json_integer_value(json_object_get(told, "id")), expected);
                check_text(json_string_value(json_object_get(told, "event")), "ban");
                check(json_is_true(json_object_get(told, "redacted")));
                expected++;
        }
        check_int(expected, 318);
        check(current);
        check_int(fake.most_events, MONITOR_PAGE);
        leave(peer);
        end();

        begin(ACCESS_CHANGE);
        add_events(2);
        fake_commit(&fake);
        peer = join();
        expect(peer, "{\"method\":\"" M "Monitor\",\"more\":true}", "", "current");
        add_events(1);
        fake_commit(&fake);
        json_auto_t *reply = answer(peer);
        char *text = json_dumps(reply, 0);
        check_contains(text, "hunter2");
        check_contains(text, "\"id\": 3");
        free(text);
        /* What is damaged on disk is still numbered. */
        const EventRecord damaged = { .id = 4, .time = FAKE_NOW, .kind = "ban", .json = "{\"id\":4,\"time" };
        control_committed(fake.control, 0, &damaged, 1);
        json_auto_t *fourth = answer(peer);
        check_int(json_integer_value(json_object_get(json_object_get(json_object_get(fourth, "parameters"), "event"), "id")), 4);
        leave(peer);
        peer = join();
        fake.fails = true;
        expect(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":0}}", M "Failed", "--since");
        expect(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":-1}}", V "InvalidParameter", "since");
        leave(peer);
        end();
}

/* The ids that Monitor tells after `since`, as text; "lost" and "current" where it says so. */
static void expect_replay(int64_t since, const char *expected)
{
        char request[128], told[512] = "";
        size_t used = 0;
        Peer *peer = join();

        snprintf(request, sizeof request, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":%lld}}", (long long) since);
        push(peer, request);
        for (json_t *reply; (reply = answer(peer)); json_decref(reply)) {
                const json_t *one = member(reply, "event");

                check(json_is_true(json_object_get(reply, "continues")));
                if (one)
                        used += (size_t) snprintf(told + used, sizeof told - used, "%lld ",
                                                  (long long) json_integer_value(json_object_get(one, "id")));
                if (member(reply, "lost"))
                        used += (size_t) snprintf(told + used, sizeof told - used, "lost(%lld) ",
                                                  (long long) json_integer_value(member(reply, "first")));
                if (member(reply, "current"))
                        used += (size_t) snprintf(told + used, sizeof told - used, "current ");
        }
        check_text(told, expected);
        leave(peer);
}

/* The log begins late, or has never been as far as the client says: he is told, and the stream goes on. */
static void test_monitor_lost(void)
{
        Peer *peer;

        begin(ACCESS_LOOK);
        expect_replay(0, "current ");
        expect_replay(7, "lost(0) current ");
        add_events(9);
        fake_commit(&fake);
        expect_replay(7, "8 9 current ");
        expect_replay(9, "current ");
        expect_replay(10, "lost(0) 1 2 3 4 5 6 7 8 9 current ");
        expect_replay(INT64_MAX, "lost(0) 1 2 3 4 5 6 7 8 9 current ");
        fake.forgotten_events = 5;
        expect_replay(0, "6 7 8 9 current ");
        expect_replay(2, "lost(6) 6 7 8 9 current ");
        expect_replay(4, "lost(6) 6 7 8 9 current ");
        expect_replay(5, "6 7 8 9 current ");
        expect_replay(6, "7 8 9 current ");
        /* While a slow client replays, the log may lose its beginning under him. */
        add_events(2000);
        fake_commit(&fake);
        peer = join();
        push(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":6}}");
        while (!memchr(peer->data, '\0', peer->size)) {
                check(sd_event_run(event, 0) > 0);
                ssize_t n = recv(peer->fd, peer->data + peer->size, sizeof peer->data - peer->size, 0);
                peer->size += n > 0 ? (size_t) n : 0;
        }
        fake.forgotten_events = 1500;
        bool lost = false;
        int64_t last = 6;
        for (json_t *reply; (reply = answer(peer)); json_decref(reply)) {
                const json_t *one = member(reply, "event");

                if (member(reply, "lost")) {
                        check_int(json_integer_value(member(reply, "first")), 1501);
                        lost = true;
                        last = 1500;
                }
                if (one) {
                        check_int(json_integer_value(json_object_get(one, "id")), last + 1);
                        last++;
                }
        }
        check(lost);
        check_int(last, 2009);
        leave(peer);
        end();
}

/* What is no ban stands in the same stream. */
static void test_monitor_notes(void)
{
        static const char *const kinds[] = { "allow", "disallow", "pause", "resume", "reload" };
        static const char *const requests[] = { CALL("AllowAdd", "\"address\":\"203.0.113.5\""),
                                                CALL("AllowRemove", "\"address\":\"203.0.113.5\""), CALL("Pause", "\"jail\":\"sshd\""),
                                                CALL("Resume", "\"jail\":\"sshd\""), CALL("Reload", "") };
        Peer *monitor, *peer;

        begin(ACCESS_CHANGE);
        monitor = join();
        peer = join();
        expect(monitor, "{\"method\":\"" M "Monitor\",\"more\":true}", "", "current");
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                expect(peer, requests[i], "", "remembered");
                json_auto_t *reply = answer(monitor);
                check_text(json_string_value(json_object_get(member(reply, "event"), "event")), kinds[i]);
                check(json_is_string(json_object_get(member(reply, "event"), "text")));
        }
        leave(peer);
        leave(monitor);
        end();
}

static void test_listing(void)
{
        size_t pages = 0, bans = 0;
        uint64_t expected = 1;
        Peer *peer;

        begin(ACCESS_LOOK);
        for (size_t i = 0; i < 2500; i++) {
                Addr addr = { .family = 4, .length = 32, .bytes = { 198, 51, (uint8_t) (i >> 8), (uint8_t) i } };
                fake_add(&fake, i % 5 == 0 ? "nginx-http-auth" : "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        }
        peer = join();
        push(peer, "{\"method\":\"" M "ListBans\",\"more\":true}");
        for (bool more = true; more;) {
                json_auto_t *reply = NULL;

                fake.covering = 0;
                while (!memchr(peer->data, '\0', peer->size)) { /* turn by turn: no turn does more than its share */
                        size_t before = fake.covering;
                        check(sd_event_run(event, 0) > 0);
                        check(fake.covering - before <= LIST_STEP);
                        ssize_t n = recv(peer->fd, peer->data + peer->size, sizeof peer->data - peer->size, 0);
                        peer->size += n > 0 ? (size_t) n : 0;
                }
                reply = answer(peer);
                json_t *list = json_object_get(json_object_get(reply, "parameters"), "bans"), *ban;
                size_t i;

                check(json_array_size(list) <= LIST_MAX);
                json_array_foreach(list, i, ban) {
                        check_int(json_integer_value(json_object_get(ban, "ban")), expected);
                        expected++;
                }
                bans += json_array_size(list);
                pages++;
                more = json_is_true(json_object_get(reply, "continues"));
        }
        check_int(bans, 2500);
        check_int(pages, 3);
        json_auto_t *jail = ask(peer, "{\"method\":\"" M "ListBans\",\"parameters\":{\"jail\":\"nginx-http-auth\"}}");
        check_int(json_array_size(json_object_get(json_object_get(jail, "parameters"), "bans")), 500);
        check(!json_object_get(json_object_get(jail, "parameters"), "truncated"));
        json_auto_t *first = ask(peer, "{\"method\":\"" M "ListBans\"}");
        check_int(json_array_size(json_object_get(json_object_get(first, "parameters"), "bans")), LIST_MAX);
        check(json_is_true(json_object_get(json_object_get(first, "parameters"), "truncated")));
        leave(peer);

        Peer *many[LISTINGS_MAX + 1];
        for (size_t i = 0; i <= LISTINGS_MAX; i++) { /* nobody reads, so all are under way at once */
                many[i] = join();
                push(many[i], "{\"method\":\"" M "ListBans\",\"more\":true}");
        }
        for (size_t i = 0; i < 400; i++)
                sd_event_run(event, 0);
        size_t busy = 0;
        for (size_t i = 0; i <= LISTINGS_MAX; i++) {
                json_auto_t *reply = answer(many[i]);
                const char *error = json_string_value(json_object_get(reply, "error"));
                if (error) {
                        check_text(error, M "Busy");
                        busy++;
                }
        }
        check_int(busy, 1);
        for (size_t i = 0; i <= LISTINGS_MAX; i++)
                leave(many[i]);
        end();
}

int main(void)
{
        set_up();
        test_monitor();
        test_monitor_lost();
        test_monitor_notes();
        test_listing();
        tear_down();
        return 0;
}
