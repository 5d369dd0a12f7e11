/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "ban.h"
#include "test.h"

#define SECOND USEC_PER_SEC

static Addr addr_of(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

typedef struct Last {
        BanEventKind kind;
        Ban ban;
        size_t n_events;
} Last;

static void keep_last(void *userdata, const BanEvent *event)
{
        Last *last = userdata;

        last->kind = event->kind;
        last->ban = *event->ban;
        last->n_events++;
}

static void test_ids(void)
{
        Last last = { .n_events = 0 };
        BanEngine *engine;
        BanJail jail = { "sshd", 600, NULL, 0 };
        BanRequest request = { .jail = "sshd", .addr = addr_of("203.0.113.5"), .reason = "" };
        Ban restored = { .id = 70, .jail = "sshd", .addr = addr_of("203.0.113.9"), .start = { 1 }, .until = { 2000 }, .rule = "", .reason = "why" };

        check_int(ban_engine_new(10, (BanSink){ .event = keep_last, .userdata = &last }, &engine), 0);
        check_int(ban_engine_set_jail(engine, &jail), 0);
        ban_engine_set_next_id(engine, 42);
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1000 }, NULL), 0);
        check_int(last.ban.id, 42);
        check_int(ban_engine_restore(engine, &restored, (EventTime){ 1000 }), 0);
        check_int(last.n_events, 1);
        request.addr = addr_of("203.0.113.6");
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1000 }, NULL), 0);
        check_int(last.ban.id, 71);
        check_int(ban_engine_total(engine, "sshd"), 2);
        check_int(ban_engine_count(engine, "sshd"), 3);
        check_int(ban_engine_count(engine, "other"), 0);
        restored.id = 0;
        check_int(ban_engine_restore(engine, &restored, (EventTime){ 1000 }), -EINVAL);
        restored.id = 9;
        restored.addr = ADDR_NULL;
        check_int(ban_engine_restore(engine, &restored, (EventTime){ 1000 }), -EINVAL);
        /* Over by now: told at the next call, as a ban that ended by itself. */
        check_int(ban_engine_expire(engine, (EventTime){ 3000 }).usec, 1000 + 600 * SECOND);
        check_int(last.kind, BAN_EVENT_EXPIRE);
        check_int(last.ban.id, 70);
        ban_engine_free(engine);
        check(!ban_engine_free(NULL));
}

static int count_evidence(void *userdata, const Ban *ban)
{
        *(size_t *) userdata += ban->n_evidence > 0;
        return 0;
}

/* 100,000 bans with ten long lines each: what is kept stays within the cap, the bans are all there. */
static void test_evidence_cap(void)
{
        Last last = { .n_events = 0 };
        BanEngine *engine;
        BanJail jail = { "sshd", 600, NULL, 0 };
        Evidence lines[EVIDENCE_MAX];
        char text[EVIDENCE_TEXT_MAX];
        size_t n = 0;

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        for (size_t i = 0; i < EVIDENCE_MAX; i++)
                lines[i] = (Evidence){ { 1000 }, "rule", text };
        check_int(ban_engine_new(200000, (BanSink){ .event = keep_last, .userdata = &last }, &engine), 0);
        check_int(ban_engine_set_jail(engine, &jail), 0);
        struct mallinfo2 before = mallinfo2();
        for (uint32_t i = 0; i < 100000; i++) {
                uint8_t bytes[4] = { 10, (uint8_t) (i >> 16), (uint8_t) (i >> 8), (uint8_t) i };
                Addr addr = addr_from_bytes(4, bytes);
                Offence offence = { "sshd", addr, addr, { 1000 }, { 1000 }, 5, "rule", lines, EVIDENCE_MAX };

                check_int(ban_engine_offence(engine, &offence, (EventTime){ 1000 }), 0);
                check_int(last.ban.n_evidence, EVIDENCE_MAX);
        }
        struct mallinfo2 after = mallinfo2();
        const BanStats *stats = ban_engine_stats(engine);
        check(stats->evidence_bytes <= 32 << 20);
        check_int(ban_engine_each(engine, "sshd", count_evidence, &n), 0);
        check_int(n + stats->evidence_dropped, 100000);
        check(stats->evidence_dropped > 90000);
        printf("100,000 bans: %zu bytes each without lines\n",
               (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd - stats->evidence_bytes) / 100000);
        check(ban_engine_expire(engine, EVENT_TIME_FOREVER).usec == INT64_MAX);
        check_int(stats->evidence_bytes, 0);
        check_int(stats->bans, 0);
        check_int(stats->elements, 0);
        ban_engine_free(engine);
}

static void test_bounds(void)
{
        Last last = { .n_events = 0 };
        BanEngine *engine = NULL;
        BanJail jail = { "sshd", 0, NULL, 0 };
        BanRequest request = { .jail = "sshd", .addr = addr_of("203.0.113.5"), .has_duration = true, .duration = 0 };
        AllowEntry nothing = { ADDR_NULL, EVENT_TIME_FOREVER, NULL }, everything = { addr_of("0.0.0.0/0"), EVENT_TIME_FOREVER, NULL };
        Problem problem;

        check_int(ban_engine_new(0, (BanSink){ .event = keep_last, .userdata = &last }, &engine), -EINVAL);
        check_int(ban_engine_new(10, (BanSink){ .event = keep_last, .userdata = &last }, &engine), 0);
        check_int(ban_engine_set_jail(engine, &jail), -EINVAL);
        jail.bantime = DURATION_MAX_SEC;
        check_int(ban_engine_set_jail(engine, &jail), 0);
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1 }, &problem), -EINVAL);
        check_contains(problem.text, "give another duration");
        check_int(ban_engine_allow(engine, "test", &nothing, (EventTime){ 1 }), -EINVAL);
        check_int(ban_engine_allow(engine, "test", &everything, (EventTime){ 1 }), 0);
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1 }, &problem), BAN_E_ALLOWED);
        check_contains(problem.text, "0.0.0.0/0");
        check_int(last.n_events, 0);
        ban_engine_free(engine);
}

/* ---- bans that grow ---- */

typedef struct Told {
        Last last;
        LevelRecord level;
        size_t n_levels;
        char jail[JAIL_NAME_MAX];
        Addr allow;
        EventTime allow_until;
        size_t n_allows;
} Told;

static void told_event(void *userdata, const BanEvent *event)
{
        keep_last(&((Told *) userdata)->last, event);
}

static void told_level(void *userdata, const LevelRecord *record)
{
        Told *told = userdata;

        told->level = *record;
        strcpy(told->jail, record->jail);
        told->n_levels++;
}

static void told_allow(void *userdata, const Addr *addr, EventTime until)
{
        Told *told = userdata;

        told->allow = *addr;
        told->allow_until = until;
        told->n_allows++;
}

static BanEngine *told_engine(Told *told, size_t max_bans)
{
        BanSink sink = { .event = told_event, .level = told_level, .allow = told_allow, .userdata = told };
        BanEngine *engine;

        check_int(ban_engine_new(max_bans, sink, &engine), 0);
        return engine;
}

/* Bans an address at its level and lets the ban end. Return: how long it was. */
static int64_t ban_once(BanEngine *engine, Told *told, const char *jail, const char *text, EventTime *now)
{
        Addr addr = addr_of(text);
        Offence offence = { jail, addr, addr, *now, *now, 5, "rule", NULL, 0 };

        check_int(ban_engine_offence(engine, &offence, *now), 0);
        check_int(told->last.kind, BAN_EVENT_BAN);
        int64_t seconds = told->last.ban.until.usec == INT64_MAX ? DURATION_FOREVER : (told->last.ban.until.usec - now->usec) / SECOND;
        if (seconds != DURATION_FOREVER) {
                *now = told->last.ban.until;
                ban_engine_expire(engine, *now);
        }
        return seconds;
}

static void test_growth(void)
{
        static const struct {
                int64_t bantime;
                double factor;
                int64_t max, expected[6];
        } rows[] = {
                { 600, 2, 4000, { 600, 1200, 2400, 4000, 4000, 4000 } },
                { 600, 1, 4000, { 600, 600, 600, 600, 600, 600 } },
                { 10, 1.5, 86400, { 10, 15, 22, 33, 50, 75 } },
                { 600, 2, 300, { 300, 300, 300, 300, 300, 300 } },
                { 86400, 100, DURATION_FOREVER, { 86400, 8640000, DURATION_FOREVER } },
                { DURATION_FOREVER, 2, 4000, { DURATION_FOREVER } },
                { DURATION_MAX_SEC, 100, DURATION_MAX_SEC, { DURATION_MAX_SEC, DURATION_MAX_SEC } },
        };

        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
                Told told = { .n_levels = 0 };
                BanEngine *engine = told_engine(&told, 10);
                BanJail jail = { .name = "sshd", .bantime = rows[row].bantime,
                                 .increment = { true, rows[row].factor, rows[row].max, false, 86400 } };
                EventTime now = { SECOND };

                check_int(ban_engine_set_jail(engine, &jail), 0);
                for (unsigned level = 0; level < 6 && rows[row].expected[level] != 0; level++) {
                        check_int(ban_once(engine, &told, "sshd", "203.0.113.5", &now), rows[row].expected[level]);
                        check_int(told.last.ban.level, level);
                        check_int(told.level.level, level + 1);
                        check_int(told.level.forgotten.usec, told.last.ban.forgotten.usec);
                }
                /* 2,000 levels, and no overflow. */
                for (unsigned i = 0; rows[row].bantime == 600 && i < 2000; i++)
                        ban_once(engine, &told, "sshd", "203.0.113.6", &now);
                ban_engine_free(engine);
        }
        BanJail wrong = { .name = "sshd", .bantime = 600, .increment = { true, 0.5, 4000, false, 86400 } };
        Told told = { .n_levels = 0 };
        BanEngine *engine = told_engine(&told, 10);
        check_int(ban_engine_set_jail(engine, &wrong), -EINVAL);
        wrong.increment.factor = 2;
        wrong.increment.max = 0;
        check_int(ban_engine_set_jail(engine, &wrong), -EINVAL);
        ban_engine_free(engine);
}

/* As many levels as bans: the one that is forgotten soonest gives way; what is kept comes back over a restart. */
static void test_levels_cap(void)
{
        Told told = { .n_levels = 0 };
        BanEngine *engine = told_engine(&told, 3);
        BanJail jail = { .name = "sshd", .bantime = 60, .increment = { true, 2, 4000, false, 86400 } };
        LevelRecord record = { "gone", addr_of("203.0.113.9"), 7, { 100 * SECOND } };
        EventTime now = { SECOND };

        check_int(ban_engine_set_jail(engine, &jail), 0);
        check_int(ban_engine_restore_level(engine, &record, now), 0);
        check_int(told.n_levels, 0);
        ban_once(engine, &told, "sshd", "203.0.113.1", &now);
        ban_once(engine, &told, "sshd", "203.0.113.2", &now);
        check_int(ban_engine_stats(engine)->levels, 2); /* the restored one was over by then */
        ban_once(engine, &told, "sshd", "203.0.113.3", &now);
        ban_once(engine, &told, "sshd", "203.0.113.4", &now);
        check_int(ban_engine_stats(engine)->levels, 3);
        check_int(ban_engine_stats(engine)->levels_displaced, 1);
        ban_once(engine, &told, "sshd", "203.0.113.1", &now);
        check_int(told.last.n_events > 0 && told.level.level, 1); /* it was the one to give way */
        check_int(ban_engine_expire(engine, (EventTime){ now.usec + 86400 * SECOND }).usec, INT64_MAX);
        check_int(ban_engine_stats(engine)->levels, 0);
        check_int(told.level.forgotten.usec, 0);
        record.jail = "";
        record.level = 0;
        check_int(ban_engine_restore_level(engine, &record, now), -EINVAL);
        record.level = 1;
        record.addr.length = 129;
        check_int(ban_engine_restore_level(engine, &record, now), -EINVAL);
        ban_engine_free(engine);
}

/* ---- allow groups ---- */

static void test_allow_groups(void)
{
        Told told = { .n_levels = 0 };
        BanEngine *engine = told_engine(&told, 10);
        Addr addr = addr_of("192.0.2.1");
        AllowEntry entry = { .addr = addr, .until = { 100 * SECOND }, .origin = "allow add" };
        EventTime now = { SECOND };
        BanJail jail = { .name = "sshd", .bantime = 60 };
        BanRequest request = { .jail = "sshd", .addr = addr, .reason = "" };
        Problem problem;

        check_int(ban_engine_set_jail(engine, &jail), 0);
        check_int(ban_engine_allow(engine, "command", &entry, now), 0);
        check_int(told.allow_until.usec, 100 * SECOND);
        check_int(ban_engine_ban(engine, &request, now, &problem), BAN_E_ALLOWED);
        check_contains(problem.text, "bailiffctl allow remove 192.0.2.1");
        /* A second group with an earlier end changes nothing in the kernel; nor does its going. */
        entry.until.usec = 50 * SECOND;
        check_int(ban_engine_allow(engine, "login", &entry, now), 0);
        check_int(told.n_allows, 1);
        check_int(ban_engine_disallow(engine, "login", &addr, now), 0);
        check_int(ban_engine_disallow(engine, "login", &addr, now), BAN_E_NO_ENTRY);
        check_int(told.n_allows, 1);
        check_int(ban_engine_allow(engine, "login", &entry, now), 0);
        check_int(ban_engine_disallow(engine, "command", &addr, now), 0);
        check_int(told.n_allows, 2);
        check_int(told.allow_until.usec, 50 * SECOND);
        /* A jail's own is not in the kernel, but stops the jail. */
        entry.jail = "sshd";
        entry.until = EVENT_TIME_FOREVER;
        check_int(ban_engine_allow_group(engine, "config", &entry, 1, now), 0);
        check_int(told.n_allows, 2);
        ban_engine_expire(engine, (EventTime){ 50 * SECOND });
        check_int(told.n_allows, 2); /* the kernel's own timeout */
        check(ban_engine_allowed(engine, "sshd", &addr) && !ban_engine_allowed(engine, NULL, &addr));
        check_int(ban_engine_ban(engine, &request, (EventTime){ 51 * SECOND }, &problem), BAN_E_ALLOWED);
        check_contains(problem.text, "allowed in jail sshd (allow add)");
        check_contains(problem.text, "bailiffctl reload");
        /* A prefix around it cannot exempt it for one jail. */
        request.addr = addr_of("192.0.2.0/24");
        check_int(ban_engine_ban(engine, &request, (EventTime){ 51 * SECOND }, &problem), BAN_E_ALLOWED);
        check_contains(problem.text, "192.0.2.1, which jail sshd allows");
        request.force = true;
        check_int(ban_engine_ban(engine, &request, (EventTime){ 51 * SECOND }, &problem), 0);
        check_int(ban_engine_allow_group(engine, "config", NULL, 0, now), 0);
        check(!ban_engine_allowed(engine, "sshd", &addr));
        ban_engine_free(engine);
}

/* 200,000 entries: a change of one is told as one; a million and one are refused. */
static void test_allow_many(void)
{
        enum { N = 200000, MAX = 1000000 };
        AllowEntry *entries = calloc(MAX + 1, sizeof *entries);
        Told told = { .n_levels = 0 };
        BanEngine *engine = told_engine(&told, 10);
        EventTime now = { SECOND };

        check(entries);
        for (uint32_t i = 0; i <= MAX; i++) {
                uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, (uint8_t) (i * 17), (uint8_t) (i >> 16), (uint8_t) (i >> 8), (uint8_t) i };
                entries[i] = (AllowEntry){ .addr = addr_from_bytes(6, bytes), .until = EVENT_TIME_FOREVER, .origin = "file" };
        }
        clock_t begin = clock();
        check_int(ban_engine_allow_group(engine, "file", entries, N, now), 0);
        check_int(told.n_allows, N);
        clock_t filled = clock();
        entries[N / 2].addr = addr_of("192.0.2.1");
        check_int(ban_engine_allow_group(engine, "file", entries, N, now), 0);
        check_int(told.n_allows, N + 2);
        printf("200,000 allowed entries: %ld ms to enter, %ld ms to compare\n", (long) (filled - begin) * 1000 / CLOCKS_PER_SEC,
               (long) (clock() - filled) * 1000 / CLOCKS_PER_SEC);
        check_int(ban_engine_allow_group(engine, "other", entries, MAX - N + 1, now), -ENOSPC);
        check_int(ban_engine_allow_group(engine, "file", entries, MAX + 1, now), -ENOSPC);
        check_int(told.n_allows, N + 2);
        check_int(ban_engine_allow_group(engine, "file", NULL, 0, now), 0);
        check_int(told.n_allows, 2 * N + 2);
        ban_engine_free(engine);
        free(entries);
}

/* ---- jails ---- */

static void test_rename(void)
{
        Told told = { .n_levels = 0 };
        BanEngine *engine = told_engine(&told, 10);
        BanJail jail = { .name = "sshd", .bantime = 60, .increment = { true, 2, 4000, false, 86400 } }, other = { .name = "nginx", .bantime = 60 };
        EventTime now = { SECOND };
        size_t lifted;

        check_int(ban_engine_set_jail(engine, &jail), 0);
        check_int(ban_engine_set_jail(engine, &other), 0);
        ban_once(engine, &told, "sshd", "203.0.113.5", &now);
        told.n_levels = 0;
        check_int(ban_engine_rename_jail(engine, "sshd", "nginx", now, ""), -EEXIST);
        check_int(ban_engine_rename_jail(engine, "none", "ssh", now, ""), BAN_E_NO_JAIL);
        check_int(ban_engine_rename_jail(engine, "sshd", "ssh", now, ""), 0);
        check_int(told.n_levels, 2); /* the old forgotten, then the new */
        check_text(told.jail, "ssh");
        check_int(told.level.level, 1);
        check_int(ban_once(engine, &told, "ssh", "203.0.113.5", &now), 120);
        check_int(ban_engine_total(engine, "ssh"), 2);
        check_int(ban_engine_remove_jail(engine, "ssh", now, "", &lifted), 0);
        check_int(lifted, 0);
        check_int(told.level.forgotten.usec, 0);
        check_int(ban_engine_total(engine, NULL), 2);
        check_int(ban_engine_total(engine, "ssh"), 0);
        check_int(ban_engine_remove_jail(engine, "ssh", now, "", &lifted), BAN_E_NO_JAIL);
        check_int(ban_engine_rescope(engine, "ssh", now, ""), BAN_E_NO_JAIL);
        ban_engine_free(engine);
}

int main(void)
{
        test_ids();
        test_evidence_cap();
        test_bounds();
        test_growth();
        test_levels_cap();
        test_allow_groups();
        test_allow_many();
        test_rename();
        return 0;
}
