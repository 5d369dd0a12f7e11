/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails that come, get other names and go while windows stand: what drains have
 * told a store is always what the tracker holds. And what addresses count as.
 */

#include <errno.h>
#include <time.h>

#include "test.h"
#include "tracker.h"

#define SECOND USEC_PER_SEC
#define STORE_MAX 4096

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

static void no_offence(void *userdata, const Offence *offence)
{
        ++*(size_t *) userdata;
}

/* ---- a store ---- */

typedef struct Stored {
        char jail[JAIL_NAME_MAX];
        Addr addr;
        size_t n_entries;
} Stored;

typedef struct Store {
        Stored windows[STORE_MAX];
        size_t n, n_seen, n_gone;
} Store;

static Stored *store_find(Store *store, const WindowRecord *record)
{
        for (size_t i = 0; i < store->n; i++)
                if (strcmp(store->windows[i].jail, record->jail) == 0 && addr_equal(&store->windows[i].addr, &record->addr))
                        return &store->windows[i];
        return NULL;
}

static int store_put(void *userdata, const WindowRecord *record)
{
        Store *store = userdata;
        Stored *known = store_find(store, record);

        if (record->n_entries == 0) {
                check(known); /* only of what it knows is it told that it is gone */
                *known = store->windows[--store->n];
                store->n_gone++;
                return 0;
        }
        if (!known) {
                check(store->n < STORE_MAX);
                known = &store->windows[store->n++];
                strcpy(known->jail, record->jail);
                known->addr = record->addr;
        }
        known->n_entries = record->n_entries;
        return 0;
}

static int store_compare(void *userdata, const WindowRecord *record)
{
        Store *store = userdata;
        const Stored *known = store_find(store, record);

        check(known);
        check_int(known->n_entries, record->n_entries);
        store->n_seen++;
        return 0;
}

static void test_store(unsigned steps)
{
        static const char *const names[] = { "a", "b", "c", "d", "e" };
        static Store store;
        bool known[5] = { false };
        size_t n_offences = 0, n_renamed = 0, n_removed = 0;
        int64_t now = 1000 * SECOND;
        Tracker *tracker;

        check_int(tracker_new(60, 1 << 20, (TrackerSink){ no_offence, &n_offences }, &tracker), 0);
        for (unsigned step = 0; step < steps; step++) {
                size_t jail = draw(5), other = draw(5);
                uint8_t bytes[4] = { 203, 0, 113, (uint8_t) draw(40) };
                Hit hit = { .jail = names[jail], .addr = addr_from_bytes(4, bytes), .session = draw(4), .time = { now }, .rule = "rule", .user = "" };
                TrackerJail terms = { names[jail], 300, 3, 64 };
                unsigned counted;
                int r;

                now += (int64_t) draw(10 * SECOND);
                switch (draw(40)) {
                case 0:
                        check_int(tracker_set_jail(tracker, &terms), 0);
                        known[jail] = true;
                        break;
                case 1:
                        check_int(tracker_remove_jail(tracker, names[jail]), known[jail] ? 0 : TRACKER_E_NO_JAIL);
                        n_removed += known[jail];
                        known[jail] = false;
                        check_int(tracker_count(tracker, names[jail]), 0);
                        break;
                case 2 ... 3:
                        r = tracker_rename_jail(tracker, names[jail], names[other]);
                        check_int(r, !known[jail] ? TRACKER_E_NO_JAIL : known[other] ? -EEXIST : 0);
                        if (r == 0) {
                                known[jail] = false;
                                known[other] = true;
                                n_renamed++;
                        }
                        break;
                case 4: tracker_set_max(tracker, 20 + draw(60)); break;
                case 5: tracker_expire(tracker, (EventTime){ now }); break;
                case 6 ... 7:
                        check_int(tracker_drain(tracker, store_put, &store), 0);
                        store.n_seen = 0;
                        check_int(tracker_each(tracker, NULL, NULL, store_compare, &store), 0);
                        check_int(store.n_seen, store.n);
                        check_int(tracker_stats(tracker)->windows, store.n);
                        break;
                default: check_int(tracker_hit(tracker, &hit, &counted), known[jail] ? 0 : TRACKER_E_NO_JAIL);
                }
                check(tracker_stats(tracker)->windows <= tracker_stats(tracker)->max_windows);
        }
        size_t n_counting = 0;
        for (size_t i = 0; i < 5; i++)
                n_counting += tracker_count(tracker, names[i]);
        check_int(n_counting, tracker_count(tracker, NULL));
        check(n_offences > 0 && n_renamed > 0 && n_removed > 0 && store.n_gone > 0);
        printf("%u steps: %zu offences, %zu jails renamed, %zu removed, %zu windows told as gone\n", steps, n_offences, n_renamed, n_removed,
               store.n_gone);
        tracker_free(tracker);
}

/* Attempts go along with the jail's new name. */
static void test_rename(void)
{
        size_t n_offences = 0;
        Tracker *tracker;
        TrackerJail terms = { "ssh", 600, 3, 56 };
        Hit hit = { .jail = "ssh", .addr = addr_of("2001:db8:0:12::5"), .time = { 1000 * SECOND }, .rule = "rule", .user = "" };
        unsigned counted;

        check_int(tracker_new(10, 1 << 20, (TrackerSink){ no_offence, &n_offences }, &tracker), 0);
        check_int(tracker_set_jail(tracker, &terms), 0);
        check_int(tracker_hit(tracker, &hit, &counted), 0);
        check_int(tracker_hit(tracker, &hit, &counted), 0);
        check_int(tracker_rename_jail(tracker, "ssh", "sshd"), 0);
        check_int(tracker_count(tracker, "sshd"), 1);
        check_int(tracker_count(tracker, "ssh"), 0);
        hit.jail = "sshd";
        check_int(tracker_hit(tracker, &hit, &counted), 0);
        check_int(n_offences, 1);
        tracker_free(tracker);
}

/* ---- widths ---- */

static void test_keys(void)
{
        static const struct {
                const char *jail, *addr, *key;
        } rows[] = {
                { "sshd", "192.0.2.1", "192.0.2.1" },
                { "sshd", "2001:db8:5::1", "2001:db8:5::/64" },
                { "wide", "2001:db8:5::1", "2001:db8:5::/48" },
                { "none", "2001:db8:5::1", "2001:db8:5::/64" },
                { "sshd", "2001:db8:0:1::1", "2001:db8:0:1::1" },     /* on-link */
                { "wide", "2001:db8:0:1::1", "2001:db8:0:1::1" },
                { "sshd", "2001:db8:0:2::1", "2001:db8:0:2::/64" },   /* beside it */
                { "wide", "2001:db8:64::c000:201", "2001:db8:64::c000:201" }, /* a NAT64 prefix of one's own */
                { "wide", "fe80::1", "fe80::1" },
                { "wide", "64:ff9b::c000:201", "64:ff9b::c000:201" },
                { "wide", "2001:0:1::5", "2001:0:1::5" },
                { "wide", "2002:c000:201:5::1", "2002:c000:201::/48" },
                { "wide", "::ffff:192.0.2.1", "192.0.2.1" },
        };
        Addr singles[] = { addr_of("2001:db8:0:1::/64"), addr_of("2001:db8:64::/96"), addr_of("192.0.2.0/24") };
        TrackerJail sshd = { "sshd", 600, 3, 64 }, wide = { "wide", 600, 3, 48 };
        Addr on_link = addr_of("2001:db8:0:1::1"), key;
        char text[ADDR_TEXT_MAX];
        size_t n_offences = 0;
        Tracker *tracker;

        check_int(tracker_new(10, 1 << 20, (TrackerSink){ no_offence, &n_offences }, &tracker), 0);
        check_int(tracker_set_jail(tracker, &sshd), 0);
        check_int(tracker_set_jail(tracker, &wide), 0);
        check_int(tracker_set_singles(tracker, singles, 3), 0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                Addr addr = addr_of(rows[i].addr);

                key = tracker_key(tracker, rows[i].jail, &addr);
                check_text(addr_format(&key, text), rows[i].key);
        }
        check_int(tracker_set_singles(tracker, NULL, 0), 0);
        key = tracker_key(tracker, "sshd", &on_link);
        check_text(addr_format(&key, text), "2001:db8:0:1::/64");
        tracker_free(tracker);
}

int main(void)
{
        const char *seed = getenv("SEED");

        random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL) * 2654435761u + 1;
        printf("SEED=%llu\n", (unsigned long long) random_state);
        fflush(stdout);
        test_store(200000);
        test_rename();
        test_keys();
        return 0;
}
