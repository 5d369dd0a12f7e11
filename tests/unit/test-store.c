/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Rows: what goes in comes out, merges by key, keeps its order and its bounds. */

#include <jansson.h>
#include <netinet/in.h>
#include <stdarg.h>

#include "store/private.h"
#include "test-store.h"

typedef struct Loaded {
        unsigned bans, windows, positions, set_aside;
} Loaded;

static const Port PORTS[] = { { IPPROTO_TCP, 25 }, { IPPROTO_UDP, 53 }, { IPPROTO_SCTP, 65535 } };
static const Evidence LINES[] = {
        { { INT64_C(1799999000000000) },
          "sshd:failed-password",
          "Failed password for \"'; DROP TABLE bans; -- \\\\x00 \xc3\xa9 from 203.0.113.5" },
        { { INT64_C(1799999500000000) }, "sshd:invalid-user", "" },
};
static const WindowEntry ENTRIES[] = {
        { { INT64_C(1799999000000000) }, UINT64_C(0xfedcba9876543210), 0, false, 0, "a", NULL },
        { { INT64_C(1799999000000000) }, 0, 1, true, 5, "b", "text with \"quotes\"" },
        { { INT64_C(1799999500000000) }, 7, UINT16_MAX, false, UINT16_MAX, "c", "" },
};

static int load_ban(void *userdata, const Ban *ban)
{
        Loaded *loaded = userdata;
        Addr addr = address("2001:db8:1:2::/64"), source = address("2001:db8:1:2::5");

        loaded->bans++;
        if (ban->id == 8) { /* the permanent one, of a prefix by hand */
                check(ban->until.usec == INT64_MAX && ban->source.family == 0 && ban->origin == BAN_MANUAL && !ban->ports &&
                      ban->n_evidence == 0);
                check_text(ban->reason, "a scanner's network; \xe2\x82\xac");
                return 0;
        }
        check_int(ban->id, 7);
        check_text(ban->jail, "sshd");
        check(addr_equal(&ban->addr, &addr) && addr_equal(&ban->source, &source));
        check(ban->origin == BAN_AUTOMATIC && ban->start.usec == NOW.usec && ban->until.usec == NOW.usec + 5 &&
              ban->first.usec == NOW.usec - 9);
        check_int(ban->failures, 5);
        check_text(ban->rule, "sshd:failed-password");
        check_int(ban->n_ports, 3);
        for (size_t i = 0; i < 3; i++)
                check(ban->ports[i].port == PORTS[i].port && ban->ports[i].protocol == PORTS[i].protocol);
        check_int(ban->n_evidence, 2);
        for (size_t i = 0; i < 2; i++) {
                check(ban->evidence[i].time.usec == LINES[i].time.usec);
                check_text(ban->evidence[i].text, LINES[i].text);
                check_text(ban->evidence[i].rule, LINES[i].rule);
        }
        return 0;
}

static int load_window(void *userdata, const WindowRecord *record)
{
        check_text(record->jail, "sshd");
        check_int(record->n_entries, 3);
        for (size_t i = 0; i < 3; i++) {
                const WindowEntry *got = &record->entries[i], *put = &ENTRIES[i];

                check(got->time.usec == put->time.usec && got->session == put->session && got->weight == put->weight &&
                      got->ahead == put->ahead && got->witnesses == put->witnesses);
                check_text(got->rule, put->rule);
                check((got->text == NULL) == (put->text == NULL));
                if (put->text)
                        check_text(got->text, put->text);
        }
        ((Loaded *) userdata)->windows++;
        return 0;
}

static int load_position(void *userdata, const PositionRecord *record)
{
        check_text(record->source, "journal");
        check_text(record->position, "s=ab;i=2");
        check(record->time.usec == NOW.usec);
        ((Loaded *) userdata)->positions++;
        return 0;
}

static int load_set_aside(void *userdata, const SetAsideRecord *record)
{
        check_text(record->text, "poison");
        check_text(record->position, "s=ab;i=1");
        ((Loaded *) userdata)->set_aside++;
        return 0;
}

static Loaded load(Store *store, EventTime now)
{
        Loaded loaded = { 0 };
        StoreLoader loader = { .ban = load_ban,
                               .window = load_window,
                               .position = load_position,
                               .set_aside = load_set_aside,
                               .userdata = &loaded };
        Problem problem;

        check_int(store_load(store, now, &loader, &problem), 0);
        return loaded;
}

static void put_all(Store *store)
{
        Ban ban = { .id = 7,
                    .jail = "sshd",
                    .addr = address("2001:db8:1:2::/64"),
                    .source = address("2001:db8:1:2::5"),
                    .start = NOW,
                    .until = { NOW.usec + 5 },
                    .first = { NOW.usec - 9 },
                    .failures = 5,
                    .rule = "sshd:failed-password",
                    .reason = "",
                    .ports = PORTS,
                    .n_ports = 3,
                    .evidence = LINES,
                    .n_evidence = 2 };
        Ban permanent = { .id = 8,
                          .jail = "sshd",
                          .addr = address("198.51.100.0/24"),
                          .origin = BAN_MANUAL,
                          .start = NOW,
                          .until = EVENT_TIME_FOREVER,
                          .first = NOW,
                          .rule = "",
                          .reason = "a scanner's network; \xe2\x82\xac" };
        WindowRecord window = { .jail = "sshd", .addr = address("203.0.113.5"), .entries = ENTRIES, .n_entries = 3 };
        WindowRecord gone = { .jail = "sshd", .addr = address("203.0.113.6") };

        store_put_ban(store, &ban);
        store_put_ban(store, &permanent);
        put_ban(store, 9, "203.0.113.9", (EventTime){ NOW.usec - 1 });
        put_ban(store, 10, "203.0.113.10", EVENT_TIME_FOREVER);
        store_end_ban(store, 10, NOW, "unban");
        store_put_window(store, &window);
        store_put_window(store, &gone);
        store_put_position(store, &(PositionRecord){ "journal", "s=ab;i=1", NOW });
        store_put_position(store, &(PositionRecord){ "journal", "s=ab;i=2", NOW });
        store_put_set_aside(store, &(SetAsideRecord){ "journal", "s=ab;i=1", "poison", NOW });
}

static void test_round_trip(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        Loaded loaded = load(store, NOW);
        Seen seen;

        check_int(loaded.bans + loaded.windows + loaded.positions + loaded.set_aside, 0);
        start(store, event, &seen);
        put_all(store);
        check_int(store_stats(store)->next_ban_id, 11);
        check_int(store_flush(store, 5000), 0);
        check_int(seen.sequence, 1);
        store_free(store);

        store = open_store(directory);
        check_int(store_stats(store)->next_ban_id, 11);
        loaded = load(store, NOW);
        check_int(loaded.bans, 2);
        check_int(loaded.windows, 1);
        check_int(loaded.positions, 1);
        check_int(loaded.set_aside, 1);
        check_int(store_stats(store)->skipped_rows, 0);
        /* What was over before the start is history now, and the file reads well. */
        start(store, event, &seen);
        for (int i = 0; i < 200 && ask(directory, "SELECT count(*) FROM bans WHERE ended IS NOT NULL") < 2; i++)
                usleep(10000);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE id = 9 AND how = 'expire' AND ended = until"), 1);
        check_int(ask(directory,
                      "SELECT count(*) FROM bans WHERE address = '2001:db8:1:2::/64' AND ports = 'tcp/25 udp/53 132/65535'"),
                  1);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE until IS NULL AND origin = 'manual' AND source IS NULL"), 1);
        store_free(store);
        remove_tree(directory);
}

/* A loader that refuses ends the loading with its own value. */
static int refuse_ban(void *userdata, const Ban *ban)
{
        return -ECANCELED;
}

static int count_ban(void *userdata, const Ban *ban)
{
        (*(unsigned *) userdata)++;
        return 0;
}

static void test_hostile_rows(sd_event *event)
{
        static const char *const edits[] = {
                "UPDATE bans SET jail = '../x' WHERE id = 1",     "UPDATE bans SET address = '203.0.113.0/33' WHERE id = 2",
                "UPDATE bans SET until = -5 WHERE id = 3",        "UPDATE bans SET ports = 'tcp/22,80' WHERE id = 4",
                "UPDATE bans SET failures = -1 WHERE id = 5",     "UPDATE bans SET origin = 'divine' WHERE id = 6",
                "UPDATE bans SET reason = char(27) WHERE id = 7", "UPDATE bans SET source = 'example.org' WHERE id = 8",
                "UPDATE bans SET id = -3 WHERE id = 9",           "UPDATE bans SET first = -1 WHERE id = 10",
        };
        static const char *const kept[] = {
                /* the lines are lost, the ban is not */
                "UPDATE bans SET lines = '[[[[' WHERE id = 11",
                "UPDATE bans SET lines = '[1,null,{\"time\":\"x\"},{\"time\":5,\"rule\":\"\\u001b\",\"text\":7}]' WHERE id = 12",
                "UPDATE bans SET lines = '{}' WHERE id = 13",
        };
        static const char *const windows[] = {
                "INSERT INTO windows VALUES ('sshd', 'nowhere', '[]')",
                "INSERT INTO windows VALUES ('a b', '203.0.113.1', '[]')",
                "INSERT INTO windows VALUES ('sshd', '203.0.113.1', '[{\"time\":1,\"rule\":\"r\",\"weight\":-1}]')",
                "INSERT INTO windows VALUES ('sshd', '203.0.113.2', '[{\"time\":9000000000000000000,\"rule\":\"r\"}]')",
                "INSERT INTO windows VALUES ('sshd', '203.0.113.3', '')",
                "INSERT INTO positions VALUES ('journal', char(10), 5)",
        };
        const char *directory = new_directory();
        Store *store = open_store(directory);
        unsigned bans = 0;
        Seen seen;

        start(store, event, &seen);
        for (unsigned i = 1; i <= 14; i++)
                put_ban(store, i, "203.0.113.5", EVENT_TIME_FOREVER);
        check_int(store_flush(store, 5000), 0);
        store_free(store);
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
                ask(directory, edits[i]);
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
                ask(directory, kept[i]);
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
                ask(directory, windows[i]);

        store = open_store(directory);
        Problem problem;
        check_int(store_load(
                          store, NOW,
                          &(StoreLoader){ .ban = count_ban, .window = load_window, .position = load_position, .userdata = &bans },
                          &problem),
                  0);
        check_int(bans, 4);
        check_int(store_stats(store)->skipped_rows, 9 + 6); /* `until` = -5 is merely over */
        check_int(store_load(store, NOW, &(StoreLoader){ .ban = refuse_ban }, &problem), -ECANCELED);
        store_free(store);
        remove_tree(directory);
}

/* Whatever a text holds, the column is JSON; what is printable comes back as it was. */
static void test_columns(void)
{
        static const char *const texts[] = { "",           "plain",     "\"\\\"\\", "\xc3\xa9\"\xe2\x82\xac\\",
                                             "ends in \\", "tab\there", "\x7f",     "\x80\xff not UTF-8 \"" };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                Evidence line = { NOW, "r", texts[i] };
                JsonScratch scratch = { 0 };
                char *text = json_from_evidence(&line, 1);
                json_t *owner = json_loads(text, 0, NULL), *value = json_object_get(json_array_get(owner, 0), "text");
                size_t n;

                check(json_is_string(value));
                if (i < 5)
                        check_text(json_string_value(value), texts[i]);
                check_int(json_to_evidence(text, strlen(text), &scratch, &n), 0);
                check_int(n, 1);
                check_text(scratch.evidence[0].text, json_string_value(value));
                json_decref(owner);
                json_scratch_deinit(&scratch);
                free(text);
        }
}

/* What is not just as we write it is refused, and escapes that older releases wrote are read. */
static void test_strict(void)
{
        static const char *const refused[] = {
                "",         "[",          "{}",        "[]x",       "[{}",      "[{\"time\":1,}]", "[{\"time\":}]", "[{\"time\":9223372036854775808}]",
                "[{\"x\":1}]", "[{\"rule\":\"a}]", "[{\"rule\":\"\\q\"}]", "[{\"rule\":\"\\u00\"}]", "[{\"rule\":\"\\u0000\"}]", "[{\"time\":1} ]",
                "[,]",      "[{\"time\":1}{\"time\":1}]", "[{\"ahead\":false}]", "[{\"text\":\"\\",
        };
        static const char odd[] = "[{\"text\":\"\\u0041\\/\",\"rule\":\"r\",\"time\":9223372036854775807},{\"time\":-1,\"rule\":\"r\",\"text\":\"\"}]";
        JsonScratch scratch = { 0 };
        size_t n = 77;

        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                check_int(json_to_evidence(refused[i], strlen(refused[i]), &scratch, &n), -EBADMSG);
                check_int(json_to_entries(refused[i], strlen(refused[i]), NOW, &scratch, &n), -EBADMSG);
        }
        check_int(n, 77);
        check_int(json_to_evidence(odd, sizeof odd - 1, &scratch, &n), 0);
        check_int(n, 1);
        check_text(scratch.evidence[0].text, "A/");
        check(scratch.evidence[0].time.usec == INT64_MAX);
        json_scratch_deinit(&scratch);
}

/* ---- What grows, is allowed, and paused ---- */

typedef struct Grown {
        char text[512];
} Grown;

__attribute__((format(printf, 2, 3))) static void grown_add(Grown *grown, const char *format, ...)
{
        size_t used = strlen(grown->text);
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(grown->text + used, sizeof grown->text - used, format, arguments);
        va_end(arguments);
}

static int load_level(void *userdata, const LevelRecord *record)
{
        char addr[ADDR_TEXT_MAX];

        grown_add(userdata, "level %s %s %u %s; ", record->jail, addr_format(&record->addr, addr), record->level,
                  record->forgotten.usec == INT64_MAX ? "stays" : "ends");
        return 0;
}

static int load_allow(void *userdata, const AllowRecord *record)
{
        char addr[ADDR_TEXT_MAX];

        check(record->time.usec == NOW.usec);
        grown_add(userdata, "allow %s %s %s %s; ", addr_format(&record->addr, addr), record->reason, record->by,
                  record->until.usec == INT64_MAX ? "stays" : "ends");
        return 0;
}

static int load_pause(void *userdata, const PauseRecord *record)
{
        check(record->time.usec == NOW.usec);
        grown_add(userdata, "pause %s %s; ", record->jail, record->by);
        return 0;
}

static int load_grown_ban(void *userdata, const Ban *ban)
{
        grown_add(userdata, "ban %u %s %lld; ", ban->level, ban->reject ? "reject" : "drop", (long long) ban->forgotten.usec);
        return 0;
}

static void load_grown(const char *directory, EventTime now, const char *expected)
{
        Store *store = open_store(directory);
        Grown grown = { "" };
        Problem problem;

        check_int(store_load(store, now,
                             &(StoreLoader){ .ban = load_grown_ban, .level = load_level, .allow = load_allow, .pause = load_pause, .userdata = &grown },
                             &problem),
                  0);
        check_text(grown.text, expected);
        check_int(store_stats(store)->skipped_rows, 0);
        check_int(store_load(store, now, &(StoreLoader){ .userdata = NULL }, &problem), 0); /* members may be absent */
        store_free(store);
}

static void test_levels(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        EventTime real = clock_event_now(), soon = event_time_add(real, 3600), past = { real.usec - 1 };
        Addr a = address("203.0.113.5"), b = address("2001:db8::/64");
        Ban ban = { .id = 1, .jail = "sshd", .addr = a, .until = EVENT_TIME_FOREVER, .rule = "", .reason = "", .reject = true, .level = 3, .forgotten = { 99 } };
        Seen seen;

        start(store, event, &seen);
        store_put_ban(store, &ban);
        for (unsigned level = 1; level <= 2; level++) /* the second of each key wins, within a batch and over the next one */
                store_put_level(store, &(LevelRecord){ "sshd", a, level, soon });
        store_put_level(store, &(LevelRecord){ "", a, 7, EVENT_TIME_FOREVER });
        store_put_level(store, &(LevelRecord){ "sshd", b, 1, soon });
        store_put_allow(store, &(AllowRecord){ a, EVENT_TIME_FOREVER, "office", "root", NOW });
        store_put_allow(store, &(AllowRecord){ b, soon, "", "alice (1000)", NOW });
        store_put_pause(store, &(PauseRecord){ "sshd", "root", NOW });
        store_put_pause(store, &(PauseRecord){ "postfix", "root", NOW });
        check_int(store_stats(store)->pending_bytes, 0); /* all of it merges */
        check_int(store_flush(store, 5000), 0);
        store_put_level(store, &(LevelRecord){ "sshd", b, 0, EVENT_TIME_NONE });
        store_put_pause(store, &(PauseRecord){ "postfix", NULL, NOW });
        check(store_stats(store)->pending_bytes > 0); /* removals of ever new addresses do not */
        check_int(store_flush(store, 5000), 0);
        store_free(store);
        load_grown(directory, real,
                   "ban 3 reject 99; level  203.0.113.5 7 stays; level sshd 203.0.113.5 2 ends; "
                   "allow 203.0.113.5 office root stays; allow 2001:db8::/64  alice (1000) ends; pause sshd root; ");
        load_grown(directory, soon, "ban 3 reject 99; level  203.0.113.5 7 stays; allow 203.0.113.5 office root stays; pause sshd root; ");

        store = open_store(directory);
        start(store, event, &seen);
        store_put_allow(store, &(AllowRecord){ a, EVENT_TIME_NONE, NULL, NULL, NOW });
        store_put_allow(store, &(AllowRecord){ b, past, "", "root", NOW });
        store_put_level(store, &(LevelRecord){ "sshd", a, 2, past });
        check_int(store_flush(store, 5000), 0);
        store_free(store);
        /* What is over is not only kept back but deleted, as soon as a daemon runs. */
        store = open_store(directory);
        start(store, event, &seen);
        for (int i = 0; i < 500 && ask(directory, "SELECT (SELECT count(*) FROM allowed) * 10 + (SELECT count(*) FROM levels)") != 1; i++)
                usleep(10000);
        check_int(ask(directory, "SELECT (SELECT count(*) FROM allowed) * 10 + (SELECT count(*) FROM levels)"), 1);
        store_free(store);
        load_grown(directory, real, "ban 3 reject 99; level  203.0.113.5 7 stays; pause sshd root; ");
        remove_tree(directory);
}

/* Batches alone: newer keys win, an end keeps the row, events keep their order, bytes are counted right. */
static void test_merge(void)
{
        WindowEntry entry = { .time = NOW, .weight = 1, .rule = "r" };
        Addr addr = address("203.0.113.5");
        Batch *older = batch_new(), *newer = batch_new();
        Ban ban = { .id = 1, .jail = "sshd", .addr = addr, .until = NOW, .rule = "", .reason = "old" };

        check(batch_is_empty(older));
        batch_put_window(older, &(WindowRecord){ "sshd", addr, NULL, 0 });
        check(older->bytes > 0);
        batch_put_window(older, &(WindowRecord){ "sshd", addr, &entry, 1 });
        check_int(older->bytes, 0);
        batch_put_window(older, &(WindowRecord){ "sshd-2", addr, &entry, 1 });
        check_int(HASH_COUNT(older->windows), 2);
        batch_put_ban(older, &ban);
        batch_put_position(older, &(PositionRecord){ "journal", "1", NOW });
        check_int(older->bytes, 0);
        batch_put_event(older, 1, NOW, "ban", "\"jail\":\"sshd\"");
        check_text(older->events[0].json, "{\"id\":1,\"time\":\"2027-01-15T08:00:00Z\",\"event\":\"ban\",\"jail\":\"sshd\"}");

        newer->sequence = 2;
        batch_end_ban(newer, 1, NOW, "unban");
        batch_put_window(newer, &(WindowRecord){ "sshd", addr, NULL, 0 });
        batch_put_position(newer, &(PositionRecord){ "journal", "2", NOW });
        batch_put_event(newer, 2, NOW, "unban", "");
        batch_put_event(newer, 3, NOW, "stop", "");
        size_t expected = older->bytes + newer->bytes;
        batch_absorb(older, newer);
        check(older->bytes > expected); /* the ended ban's row cannot merge away either */
        check_int(older->sequence, 2);
        check_int(HASH_COUNT(older->windows), 2);
        check_int(HASH_COUNT(older->bans), 1);
        check_text(older->bans->ban->reason, "old");
        check_text(older->bans->how, "unban");
        check_text(older->positions->record.position, "2");
        check_int(older->n_events, 3);
        for (unsigned i = 0; i < 3; i++)
                check_int(older->events[i].id, i + 1);

        /* In force again: the row wins over the end. */
        newer = batch_new();
        ban.reason = "new";
        batch_put_ban(newer, &ban);
        batch_absorb(older, newer);
        check(older->bans->ended.usec == 0 && !older->bans->how);
        check_text(older->bans->ban->reason, "new");
        batch_keep_events(older);
        check_int(older->bytes, 0);
        check_int(older->n_events, 3);
        batch_free(older);
}

static int collect_event(void *userdata, const EventRecord *record)
{
        uint64_t *last = userdata;
        json_t *json = json_loads(record->json, 0, NULL);

        check_int(record->id, *last + 1);
        check(json && json_integer_value(json_object_get(json, "id")) == (json_int_t) record->id);
        check_text(json_string_value(json_object_get(json, "event")), record->kind);
        json_decref(json);
        *last = record->id;
        return record->id == 25 ? -ECANCELED : 0;
}

static void test_events(sd_event *event)
{
        const char *directory = new_directory();
        uint64_t last = 0;

        for (unsigned round = 0; round < 3; round++) {
                Store *store = open_store(directory);
                Seen seen;

                check_int(store_stats(store)->next_event_id, round * 10 + 1);
                start(store, event, &seen);
                for (unsigned i = 1; i <= 10; i++) {
                        check_int(store_put_event(store, NOW, "ban", i % 2 ? "\"ip\":\"203.0.113.5\"" : ""), round * 10 + i);
                        store_submit(store);
                }
                run_until(event, seen.events == 10);
                check_int(seen.sequence, 10);
                check_int(seen.last_event, round * 10 + 10);
                check_int(store_submit(store), 10); /* nothing new: the same number */
                if (round == 2) {
                        check_int(store_read_events(store, 0, 20, collect_event, &last), 0);
                        check_int(last, 20);
                        check_int(store_read_events(store, last, 20, collect_event, &last), -ECANCELED);
                        check_int(store_read_events(store, last, 20, collect_event, &last), 0);
                        check_int(last, 30);
                        check_int(store_read_events(store, UINT64_MAX, 20, collect_event, &last), 0);
                }
                store_free(store);
        }
        remove_tree(directory);
}

static int collect_past(void *userdata, const Ban *ban, EventTime ended, const char *how)
{
        char *text = userdata;

        snprintf(text + strlen(text), 64, "%llu:%s ", (unsigned long long) ban->id, how);
        check(ended.usec > 0);
        return 0;
}

static void test_past_bans(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        char text[256] = "";
        Addr addr = address("203.0.113.5"), other = address("2001:db8::1");
        Seen seen;

        start(store, event, &seen);
        put_ban(store, 1, "203.0.113.5", NOW);
        put_ban(store, 2, "203.0.113.0/24", NOW);
        put_ban(store, 3, "203.0.113.6", NOW);
        put_ban(store, 4, "203.0.113.5", EVENT_TIME_FOREVER); /* in force */
        put_ban(store, 5, "2001:db8::/32", NOW);
        store_end_ban(store, 1, (EventTime){ NOW.usec + 1 }, "expire");
        check_int(store_flush(store, 5000), 0);
        for (unsigned i = 2; i <= 5; i++)
                if (i != 4)
                        store_end_ban(store, i, (EventTime){ NOW.usec + i }, "unban");
        check_int(store_flush(store, 5000), 0);
        check_int(store_read_past_bans(store, &addr, 10, collect_past, text), 0);
        check_text(text, "2:unban 1:expire ");
        text[0] = '\0';
        check_int(store_read_past_bans(store, &addr, 1, collect_past, text), 0);
        check_text(text, "2:unban ");
        text[0] = '\0';
        check_int(store_read_past_bans(store, &other, 1, collect_past, text), 0);
        check_text(text, "5:unban ");
        store_free(store);
        remove_tree(directory);
}

static void test_pruning(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        StoreLimits limits = STORE_LIMITS_DEFAULT;
        EventTime now = clock_event_now();
        Seen seen;

        limits.events_max = 100;
        limits.past_bans_max = 50;
        limits.set_aside_max = 10;
        limits.prune_msec = 10;
        store_set_limits(store, &limits);
        start(store, event, &seen);
        for (unsigned i = 1; i <= 3500; i++) {
                store_put_event(store, now, "ban", "");
                put_ban(store, i, "203.0.113.5", now);
                /* the first ten are old, the rest ends one after another; the last five stay in force */
                if (i <= 3495)
                        store_end_ban(store, i, event_time_add(now, i <= 10 ? -31 * INT64_C(86400) : (int64_t) i - 5000),
                                      "expire");
                store_put_set_aside(store, &(SetAsideRecord){ "journal", "p", "t", now });
        }
        check_int(store_flush(store, 5000), 0);
        for (int i = 0; i < 500 && (ask(directory, "SELECT count(*) FROM events") > 100 ||
                                    ask(directory, "SELECT count(*) FROM set_aside") > 10 ||
                                    ask(directory, "SELECT count(*) FROM bans") > 55);
             i++)
                usleep(10000);
        check_int(ask(directory, "SELECT count(*) FROM events"), 100);
        check_int(ask(directory, "SELECT min(id) FROM events"), 3401);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE ended IS NOT NULL"), 50);
        check_int(ask(directory, "SELECT min(id) FROM bans WHERE ended IS NOT NULL"), 3446);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE ended IS NULL"), 5);
        check_int(ask(directory, "SELECT count(*) FROM set_aside"), 10);
        store_free(store);
        ask(directory, "DELETE FROM bans"); /* an id does not come again after its row went */
        ask(directory, "DELETE FROM events");
        store = open_store(directory);
        check_int(store_stats(store)->next_ban_id, 3501);
        check_int(store_stats(store)->next_event_id, 3501);
        store_free(store);
        remove_tree(directory);
}

/* Nothing is written while nobody has started the thread, so all of it waits: the cap of what cannot merge. */
static void test_full(void)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        WindowEntry entry = { .time = NOW, .weight = 1, .rule = "r" };
        char members[1100];
        unsigned events = 0;

        memset(members, 'x', sizeof members);
        memcpy(members, "\"text\":\"", 8);
        memcpy(members + sizeof members - 2, "\"", 2);
        for (unsigned i = 0; i < 100000; i++) /* the same window and ban over and over: no more than one of each */
                store_put_window(store, &(WindowRecord){ "sshd", address("203.0.113.5"), &entry, 1 });
        check_int(store_stats(store)->pending_bytes, 0);
        while (!store_is_full(store) && events < 100000) {
                store_put_event(store, NOW, "ban", members);
                if (++events % 1000 == 0)
                        store_submit(store);
        }
        check(events > 40000 && events < 64000);
        check_int(store_flush(store, 60000), -ETIMEDOUT); /* at once: there is no thread to wait for */
        check(store_stats(store)->pending_bytes >= STORE_PENDING_MAX &&
              store_stats(store)->pending_bytes < STORE_PENDING_MAX + 4096);
        /* Removed windows of ever new addresses count too. */
        size_t before = store_stats(store)->pending_bytes;
        for (uint32_t i = 0; i < 1000; i++) {
                uint32_t bytes = htonl(0xc0000200u + i);
                store_put_window(store, &(WindowRecord){ "sshd", addr_from_bytes(4, &bytes), NULL, 0 });
        }
        check(store_stats(store)->pending_bytes > before + 1000 * 64);
        store_free(store);
        remove_tree(directory);
}

int main(void)
{
        sd_event *event = NULL;

        check(sd_event_new(&event) >= 0);
        test_columns();
        test_strict();
        test_levels(event);
        test_merge();
        test_round_trip(event);
        test_hostile_rows(event);
        test_events(event);
        test_past_bans(event);
        test_pruning(event);
        test_full();
        sd_event_unref(event);
        return 0;
}
