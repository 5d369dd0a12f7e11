/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "test.h"
#include "tracker.h"

#define SECOND USEC_PER_SEC
#define SESSION_TIME (600 * SECOND)
#define TRACES 64
#define SLACK (2 * SECOND)

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state >> 11) % below;
}

static Addr addr_of(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

static Addr addr_number(uint32_t number)
{
        uint8_t bytes[4] = { (uint8_t) (number >> 24), (uint8_t) (number >> 16), (uint8_t) (number >> 8), (uint8_t) number };

        return addr_from_bytes(4, bytes);
}

typedef struct Seen {
        unsigned offences;
        unsigned failures;
        EventTime first, last;
        Addr addr;
        size_t n_evidence;
} Seen;

static void see(void *userdata, const Offence *offence)
{
        Seen *seen = userdata;

        seen->offences++;
        seen->failures = offence->failures;
        seen->first = offence->first;
        seen->last = offence->last;
        seen->addr = offence->addr;
        seen->n_evidence = offence->n_evidence;
}

/* ---- a model that keeps everything in one heap of entries and tries every interval ---- */

typedef struct ModelEntry {
        size_t key;
        int64_t time;
        uint64_t session;
        unsigned weight;
        bool ahead;
        unsigned witnesses;
} ModelEntry;

typedef struct ModelJail {
        const char *name;
        int64_t findtime;
        unsigned maxretry;
} ModelJail;

static const ModelJail JAILS[] = { { "short", 10, 3 }, { "long", 900, 5 }, { "wide", 120, 12 }, { "one", 60, 1 } };
#define N_JAILS (sizeof JAILS / sizeof *JAILS)
#define N_ADDRS 6

static ModelEntry model[20000];
static size_t n_model;

static void model_remove(size_t i)
{
        memmove(model + i, model + i + 1, (--n_model - i) * sizeof *model);
}

static bool model_binds(const ModelEntry *entry, size_t key, uint64_t session, int64_t time)
{
        return session != 0 && entry->key == key && entry->session == session && llabs(entry->time - time) <= SESSION_TIME;
}

static bool model_is_tied(const ModelEntry *entry)
{
        return entry->session != 0 || entry->witnesses != 0;
}

/* The oldest of a key with weight or without, by time, then by arrival. */
static size_t model_oldest(size_t key, bool weighs, size_t *ret_n)
{
        size_t oldest = SIZE_MAX;

        *ret_n = 0;
        for (size_t i = 0; i < n_model; i++) {
                if (model[i].key != key || (model[i].weight > 0) != weighs)
                        continue;
                ++*ret_n;
                if (oldest == SIZE_MAX || model[i].time < model[oldest].time)
                        oldest = i;
        }
        return oldest;
}

static void model_settle(size_t key, const ModelJail *jail, int64_t settled)
{
        for (size_t i = n_model; i-- > 0;) {
                if (model[i].key != key)
                        continue;
                if (model[i].weight > 0 && model[i].time < settled - jail->findtime * SECOND)
                        model[i].weight = 0;
                if (model[i].weight == 0 && (!model_is_tied(&model[i]) || model[i].time < settled - SESSION_TIME))
                        model_remove(i);
        }
}

static void model_trim(size_t key, const ModelJail *jail)
{
        size_t n, i;

        while ((i = model_oldest(key, true, &n)), n > 2 * jail->maxretry) {
                model[i].weight = 0;
                if (!model_is_tied(&model[i]))
                        model_remove(i);
        }
        while ((i = model_oldest(key, false, &n)), n > TRACES)
                model_remove(i);
}

/* The oldest attempt that others have told of and this witness has not: it becomes this one's too. */
static bool model_claim(size_t key, const Hit *hit)
{
        size_t oldest = SIZE_MAX;

        for (size_t i = 0; i < n_model; i++) {
                const ModelEntry *entry = &model[i];
                int64_t age = hit->time.usec - entry->time;

                if (entry->key == key && entry->witnesses && !(entry->witnesses & hit->witness) && age <= hit->span * SECOND + SLACK &&
                    age >= -SLACK && (!hit->session || !entry->session || hit->session == entry->session) &&
                    (oldest == SIZE_MAX || entry->time < model[oldest].time))
                        oldest = i;
        }
        if (oldest == SIZE_MAX)
                return false;
        model[oldest].witnesses |= hit->witness;
        if (hit->session)
                model[oldest].session = hit->session;
        return true;
}

/* How many attempts of the failure count. */
static unsigned model_counts(size_t key, const Hit *hit)
{
        size_t ahead = SIZE_MAX;
        unsigned attempts = hit->attempts > 0 ? hit->attempts : 1;
        bool known = false;

        if (hit->witness) {
                while (attempts > 0 && model_claim(key, hit))
                        attempts--;
                return attempts;
        }

        for (size_t i = 0; i < n_model; i++) {
                if (!model_binds(&model[i], key, hit->session, hit->time.usec))
                        continue;
                known = true;
                if (model[i].ahead && (ahead == SIZE_MAX || model[i].time < model[ahead].time))
                        ahead = i;
        }
        if (hit->count == HIT_COUNT_ONCE)
                return !known;
        if (hit->count == HIT_COUNT_AHEAD)
                return ahead == SIZE_MAX;
        if (ahead == SIZE_MAX)
                return attempts;
        model[ahead].ahead = false;
        return attempts - 1;
}

/* Behind a session's last line. */
static void model_end(size_t key, const Hit *hit)
{
        for (size_t i = n_model; i-- > 0;) {
                if (!model_binds(&model[i], key, hit->session, hit->time.usec))
                        continue;
                model[i].ahead = false;
                model[i].session = 0;
                if (model[i].weight == 0 && !model[i].witnesses)
                        model_remove(i);
        }
}

/* The most attempts in an interval of length findtime around @time; from the earliest of these. */
static unsigned model_most(size_t key, const ModelJail *jail, int64_t time, int64_t *ret_first)
{
        unsigned most = 0;

        for (size_t i = 0; i < n_model; i++) {
                int64_t begin = model[i].time, end = begin + jail->findtime * SECOND;
                unsigned sum = 0;

                if (model[i].key != key || begin > time || end < time || model[i].weight == 0)
                        continue;
                for (size_t j = 0; j < n_model; j++)
                        if (model[j].key == key && model[j].time >= begin && model[j].time <= end)
                                sum += model[j].weight;
                if (sum > most || (sum == most && begin < *ret_first)) {
                        most = sum;
                        *ret_first = begin;
                }
        }
        return most;
}

/* Applies a hit; what it is to make goes to @seen. */
static unsigned model_hit(size_t key, const ModelJail *jail, const Hit *hit, int64_t settled, Seen *seen)
{
        int64_t first = 0;

        model_settle(key, jail, settled);
        if (hit->kind == HIT_END)
                model_end(key, hit);
        for (size_t i = n_model; hit->kind == HIT_SUCCESS && i-- > 0;)
                if (model_binds(&model[i], key, hit->session, hit->time.usec))
                        model_remove(i);
        if (hit->kind != HIT_FAILURE)
                return 0;
        unsigned counted = model_counts(key, hit);
        for (unsigned i = 0; i < (hit->witness ? counted : counted > 0); i++) {
                check(n_model < sizeof model / sizeof *model);
                model[n_model++] = (ModelEntry){ key, hit->time.usec, hit->session, hit->witness ? 1 : counted,
                                                 hit->count == HIT_COUNT_AHEAD && !hit->ends, hit->witness };
        }
        if (counted == 0) {
                if (hit->ends)
                        model_end(key, hit);
                return 0;
        }
        unsigned most = model_most(key, jail, hit->time.usec, &first);
        if (most >= jail->maxretry) {
                Offence offence = { .addr = hit->addr, .failures = most, .first = { first }, .last = hit->time,
};
                see(seen, &offence);
                for (size_t i = n_model; i-- > 0;) {
                        if (model[i].key != key)
                                continue;
                        model[i].weight = 0;
                        if (!model_is_tied(&model[i]) || llabs(model[i].time - hit->time.usec) > SESSION_TIME)
                                model_remove(i);
                }
        }
        model_trim(key, jail);
        if (hit->ends)
                model_end(key, hit);
        return counted;
}

/* ---- the tracker beside it ---- */

typedef struct Stored {
        bool present;
        WindowRecord record;
} Stored;

static Stored stored[N_JAILS][N_ADDRS];

static void stored_drop(Stored *of)
{
        for (size_t i = 0; of->present && i < of->record.n_entries; i++)
                free((void *) (uintptr_t) of->record.entries[i].text);
        if (of->present)
                free((void *) (uintptr_t) of->record.entries);
        of->present = false;
}

static int store_record(void *userdata, const WindowRecord *record)
{
        size_t jail = 0, addr = record->addr.bytes[3] - 1u;

        while (strcmp(JAILS[jail].name, record->jail) != 0)
                jail++;
        check(addr < N_ADDRS);
        stored_drop(&stored[jail][addr]);
        if (record->n_entries == 0)
                return 0;
        WindowEntry *copy = calloc(record->n_entries, sizeof *copy);
        memcpy(copy, record->entries, record->n_entries * sizeof *copy);
        for (size_t i = 0; i < record->n_entries; i++) {
                check_text(copy[i].rule, "rule");
                copy[i].rule = "rule";
                copy[i].text = copy[i].text ? strdup(copy[i].text) : NULL;
        }
        stored[jail][addr] = (Stored){ true, *record };
        stored[jail][addr].record.entries = copy;
        stored[jail][addr].record.jail = JAILS[jail].name;
        return 0;
}

static Tracker *make_tracker(Seen *seen)
{
        Tracker *tracker;

        check_int(tracker_new(1000, 1 << 20, (TrackerSink){ see, seen }, &tracker), 0);
        for (size_t i = 0; i < N_JAILS; i++) {
                TrackerJail jail = { JAILS[i].name, JAILS[i].findtime, JAILS[i].maxretry, 64 };
                check_int(tracker_set_jail(tracker, &jail), 0);
        }
        return tracker;
}

/* As after kill -9: a new tracker from what was drained last, which is everything. */
static Tracker *reborn(Tracker *tracker, Seen *seen, EventTime settled)
{
        check_int(tracker_drain(tracker, store_record, NULL), 0);
        tracker_free(tracker);
        tracker = make_tracker(seen);
        for (size_t i = 0; i < N_JAILS; i++)
                for (size_t j = 0; j < N_ADDRS; j++)
                        if (stored[i][j].present)
                                check_int(tracker_restore(tracker, &stored[i][j].record), 0);
        tracker_expire(tracker, settled);
        return tracker;
}

static void check_same(const Seen *actual, const Seen *expected)
{
        check_int(actual->offences, expected->offences);
        check_int(actual->failures, expected->failures);
        check_int(actual->first.usec, expected->first.usec);
        check_int(actual->last.usec, expected->last.usec);
        check(addr_equal(&actual->addr, &expected->addr));
        check(actual->n_evidence <= actual->failures && (actual->n_evidence > 0) == (actual->failures > 0));
}

static void test_model(unsigned steps)
{
        Seen seen = { 0 }, expected = { 0 };
        Tracker *tracker = make_tracker(&seen);
        Line line = { .text = "a line", .length = 6 };
        EventTime now = { 5000 * SECOND }, settled = now;

        tracker_expire(tracker, settled);
        for (unsigned step = 0; step < steps; step++) {
                size_t jail = draw(N_JAILS), addr = draw(N_ADDRS);
                unsigned counted = 9, kind = (unsigned) draw(12);
                Hit hit = {
                        .kind = kind < 10 ? HIT_FAILURE : kind == 10 ? HIT_SUCCESS : HIT_END,
                        .count = (HitCount) draw(3),
                        .jail = JAILS[jail].name,
                        .addr = addr_number(0xcb007101 + (uint32_t) addr),
                        .session = draw(8),
                        .attempts = draw(4) ? 1 : (unsigned) draw(5),
                        .witness = draw(3) ? 0 : (uint16_t) (1u << draw(4)),
                        .span = (int64_t) draw(2) * 40,
                        .ends = draw(6) == 0,
                        .rule = "rule",
                        .user = "",
                        .line = &line,
                };

                if (hit.witness || hit.attempts > 1)
                        hit.count = HIT_COUNT_EACH;
                now.usec += (int64_t) draw(draw(50) ? 3 * SECOND : 700 * SECOND);
                settled.usec = now.usec - 10 * SECOND > settled.usec ? now.usec - 10 * SECOND : settled.usec;
                if (draw(4) == 0) {
                        EventTime due = tracker_expire(tracker, settled);
                        check(due.usec > settled.usec);
                } else
                        tracker_expire(tracker, settled);
                /* Out of order by up to 10 s, with equal times among them. */
                hit.time.usec = settled.usec + (int64_t) draw(11) * (now.usec - settled.usec) / 10;
                check_int(tracker_hit(tracker, &hit, &counted), 0);
                check_int(counted, model_hit(jail * N_ADDRS + addr, &JAILS[jail], &hit, settled.usec, &expected));
                check_same(&seen, &expected);
                if (draw(300) == 0)
                        tracker = reborn(tracker, &seen, settled);
                else if (draw(10) == 0)
                        check_int(tracker_drain(tracker, store_record, NULL), 0);
        }
        check(seen.offences > steps / 50);
        now.usec += 2000 * SECOND;
        check_int(tracker_expire(tracker, now).usec, INT64_MAX);
        check_int(tracker_stats(tracker)->windows, 0);
        check_int(tracker_stats(tracker)->evidence_bytes, 0);
        check_int(tracker_drain(tracker, store_record, NULL), 0);
        for (size_t i = 0; i < N_JAILS; i++)
                for (size_t j = 0; j < N_ADDRS; j++)
                        check(!stored[i][j].present);
        tracker_free(tracker);
        printf("model: %u steps, %u offences\n", steps, seen.offences);
}

/* ---- caps ---- */

static int fail(Tracker *tracker, const char *jail, Addr addr, int64_t usec)
{
        Line line = { .text = "Failed password for root from somewhere port 56502 ssh2", .length = 55 };
        Hit hit = { .kind = HIT_FAILURE, .jail = jail, .addr = addr, .time = { usec }, .rule = "r", .user = "", .line = &line };
        unsigned counted;

        return tracker_hit(tracker, &hit, &counted);
}

static int count_record(void *userdata, const WindowRecord *record)
{
        ++*(size_t *) userdata;
        return 0;
}

static void test_cap(void)
{
        Seen seen = { 0 };
        Tracker *tracker;
        TrackerJail jail = { "sshd", 600, 5, 64 };
        size_t n = 0;

        check_int(tracker_new(10000, 64 << 20, (TrackerSink){ see, &seen }, &tracker), 0);
        check_int(tracker_set_jail(tracker, &jail), 0);
        struct mallinfo2 before = mallinfo2();
        /* 3,000 fail two to four times, in between a million that fail once. */
        for (uint32_t i = 0; i < 1000000; i++) {
                check_int(fail(tracker, "sshd", addr_number(0x0a000000 + i), 1000 * SECOND + i), 0);
                if (i < 9000)
                        check_int(fail(tracker, "sshd", addr_number(0xc0000000 + i % 3000), 1000 * SECOND + i), 0);
        }
        struct mallinfo2 after = mallinfo2();
        check_int(tracker_stats(tracker)->windows, 10000);
        check_int(tracker_stats(tracker)->evicted, 1000000 + 3000 - 10000);
        printf("10,000 windows: %zu bytes each, %zu of them text\n", (after.uordblks - before.uordblks) / 10000,
               tracker_stats(tracker)->evidence_bytes / 10000);
        for (uint32_t i = 0; i < 3000; i++) {
                Addr addr = addr_number(0xc0000000 + i);
                check_int(tracker_each(tracker, "sshd", &addr, count_record, &n), 0);
        }
        check_int(n, 3000);
        /* And of those that failed once, the latest. */
        Addr last = addr_number(0x0a000000 + 999999), early = addr_number(0x0a000000 + 992999), gone = addr_number(0x0a000000 + 990000);
        for (const Addr *addr = &last; addr; addr = addr == &last ? &gone : NULL) {
                n = 0;
                check_int(tracker_each(tracker, NULL, addr, count_record, &n), 0);
                check_int(n, addr == &last);
        }
        n = 0;
        check_int(tracker_each(tracker, NULL, &early, count_record, &n), 0);
        check_int(n, 0);
        /* The store is told of what is there, not of the million that came and went. */
        n = 0;
        check_int(tracker_drain(tracker, count_record, &n), 0);
        check_int(n, 10000);
        n = 0;
        check_int(tracker_drain(tracker, count_record, &n), 0);
        check_int(n, 0);
        tracker_forget(tracker, NULL, NULL);
        check_int(tracker_drain(tracker, count_record, &n), 0);
        check_int(n, 10000);
        check_int(tracker_count(tracker, NULL), 0);
        tracker_free(tracker);
}

/* Tombstones stay within the cap however often windows are replaced between drains. */
static void test_tombstones(void)
{
        Seen seen = { 0 };
        Tracker *tracker;
        TrackerJail jail = { "sshd", 600, 5, 64 };
        size_t n = 0;

        check_int(tracker_new(100, 1 << 20, (TrackerSink){ see, &seen }, &tracker), 0);
        check_int(tracker_set_jail(tracker, &jail), 0);
        for (uint32_t round = 0; round < 50; round++) {
                for (uint32_t i = 0; i < 1000; i++)
                        check_int(fail(tracker, "sshd", addr_number(0x0a000000 + round * 1000 + i), 1000 * SECOND), 0);
                n = 0;
                check_int(tracker_drain(tracker, count_record, &n), 0);
                check_int(n, round == 0 ? 100 : 200);
        }
        tracker_free(tracker);
}

static int failing_sink(void *userdata, const WindowRecord *record)
{
        size_t *left = userdata;

        if (*left == 0)
                return -EIO;
        --*left;
        return 0;
}

static void test_drain_error(void)
{
        Seen seen = { 0 };
        Tracker *tracker;
        TrackerJail jail = { "sshd", 600, 5, 64 };
        size_t left = 3, n = 0;

        check_int(tracker_new(100, 1 << 20, (TrackerSink){ see, &seen }, &tracker), 0);
        check_int(tracker_set_jail(tracker, &jail), 0);
        for (uint32_t i = 0; i < 10; i++)
                check_int(fail(tracker, "sshd", addr_number(0xcb007100 + i), 1000 * SECOND), 0);
        check_int(tracker_drain(tracker, failing_sink, &left), -EIO);
        check_int(tracker_drain(tracker, count_record, &n), 0);
        check_int(n, 7);
        tracker_free(tracker);
}

static void test_bounds(void)
{
        Seen seen = { 0 };
        Tracker *tracker = NULL;
        static const TrackerJail wrong[] = { { "a", 0, 5, 64 }, { "a", 600, 0, 64 }, { "a", 600, 1001, 64 }, { "a", 600, 5, 0 }, { "a", 600, 5, 129 } };
        Addr addr = addr_of("203.0.113.5");
        WindowEntry entries[] = { { .time = { INT64_MIN }, .weight = 65535, .session = 1, .rule = "x", .text = "text" },
                                  { .time = { INT64_MAX }, .weight = 65535, .session = 1, .ahead = true, .rule = NULL } };
        WindowRecord record = { "sshd", addr, entries, 2 };
        TrackerJail jail = { "sshd", DURATION_MAX_SEC, 1000, 128 };

        check_int(tracker_new(0, 0, (TrackerSink){ see, &seen }, &tracker), -EINVAL);
        check(!tracker);
        check_int(tracker_new(10, 0, (TrackerSink){ see, &seen }, &tracker), 0);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                check_int(tracker_set_jail(tracker, &wrong[i]), -EINVAL);
        check_int(fail(tracker, "sshd", addr, 5), TRACKER_E_NO_JAIL);
        check_int(tracker_restore(tracker, &record), TRACKER_E_NO_JAIL);
        check_int(tracker_set_jail(tracker, &jail), 0);
        /* A database that somebody has written to overflows nothing. */
        check_int(tracker_restore(tracker, &record), 0);
        check_int(seen.offences, 0);
        check_int(tracker_stats(tracker)->evidence_dropped, 1);
        check_int(fail(tracker, "sshd", addr, INT64_MAX), 0);
        check_int(seen.offences, 1);
        check(tracker_expire(tracker, (EventTime){ INT64_MAX }).usec > 0);
        tracker_free(tracker);
        check(!tracker_free(NULL));
}

int main(void)
{
        const char *seed = getenv("SEED");

        random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL) * 2654435761u + 1;
        printf("SEED=%llu\n", (unsigned long long) random_state);
        fflush(stdout);
        test_model(getenv("LONG") && strcmp(getenv("LONG"), "0") != 0 ? 200000 : 20000);
        test_cap();
        test_tombstones();
        test_drain_error();
        test_bounds();
        return 0;
}
