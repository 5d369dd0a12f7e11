/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Counting bans for `stats`.
 *
 * A million bans take a second or two, so it is done by a thread that lives for
 * one answer, on a connection of its own that only reads: in WAL mode a reader
 * holds no commit up. It walks the index by address, which holds every column
 * that it needs, so the rows with their lines are not read; and since the
 * bans of an address lie together there, addresses are counted in no memory.
 * Prefixes cost eight bytes a ban, which are sorted at the end.
 */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "store/private.h"

#define NAMES_MAX 1000 /* jails; and rules, which filters name and no outsider */
#define NAME_SIZE 128
#define KEYS_MAX 4000000 /* bans whose prefixes are counted: more than the caps of bans allow */
#define DAY_USEC (INT64_C(86400) * USEC_PER_SEC)

typedef struct Count {
        char name[NAME_SIZE];
        uint64_t day, week, month;
        UT_hash_handle hh;
} Count;

/* The most counted, the most first. */
typedef struct Top {
        Count counts[STORE_TOP];
        size_t n;
} Top;

struct Summary {
        char *path;
        EventTime now;
        int wake_fd;
        pthread_t thread;
        atomic_bool stop, done;
        bool failed;
        StoreSummary result;
        Count *jails, *rules;   /* tables by name */
        Top addresses, prefixes;
        uint64_t *keys;         /* family, prefix, and in the lowest two bits the period */
        size_t n_keys, keys_size;
        StoreCount *lists;      /* what the result points to */
};

/* 0: of the last day, 1: of the week, 2: of the month, 3: older. */
static unsigned period_of(EventTime now, int64_t start)
{
        int64_t age = now.usec - start;

        return age < DAY_USEC ? 0 : age < 7 * DAY_USEC ? 1 : age < 30 * DAY_USEC ? 2 : 3;
}

static void count(Count *count, unsigned period)
{
        count->day += period < 1;
        count->week += period < 2;
        count->month += period < 3;
}

static int count_compare(const Count *a, const Count *b)
{
        if (a->month != b->month)
                return a->month < b->month ? 1 : -1;
        if (a->week != b->week)
                return a->week < b->week ? 1 : -1;
        return a->day != b->day ? (a->day < b->day ? 1 : -1) : strcmp(a->name, b->name);
}

static void top_add(Top *top, const Count *one)
{
        size_t at = top->n;

        if (one->month == 0)
                return;
        while (at > 0 && count_compare(one, &top->counts[at - 1]) < 0)
                at--;
        if (at == STORE_TOP)
                return;
        if (top->n < STORE_TOP)
                top->n++;
        memmove(&top->counts[at + 1], &top->counts[at], (top->n - at - 1) * sizeof *top->counts);
        top->counts[at] = *one;
}

static int count_name(Count **table, const char *name, unsigned period)
{
        size_t size = strnlen(name, NAME_SIZE - 1);
        Count *found;

        HASH_FIND(hh, *table, name, size, found);
        if (!found) {
                if (HASH_COUNT(*table) >= NAMES_MAX)
                        return 0;
                found = calloc(1, sizeof *found);
                if (!found)
                        return -ENOMEM;
                memcpy(found->name, name, size);
                HASH_ADD_KEYPTR(hh, *table, found->name, size, found);
        }
        count(found, period);
        return 0;
}

static unsigned prefix_length(uint8_t family)
{
        return family == 4 ? 24 : 48;
}

/* Bans wider than a /24 or /48 are no neighbours of anybody. */
static int add_key(Summary *summary, const Addr *addr, unsigned period)
{
        uint64_t key = addr->family == 6;

        if (period > 2 || addr->length < prefix_length(addr->family) || summary->n_keys >= KEYS_MAX)
                return 0;
        if (summary->n_keys == summary->keys_size) {
                size_t wanted = summary->keys_size > 0 ? summary->keys_size * 2 : 1024;
                uint64_t *keys = reallocarray(summary->keys, wanted, sizeof *keys);
                if (!keys)
                        return -ENOMEM;
                summary->keys = keys;
                summary->keys_size = wanted;
        }
        for (unsigned i = 0; i < 6; i++)
                key = key << 8 | addr->bytes[i] * (i < prefix_length(addr->family) / 8);
        summary->keys[summary->n_keys++] = key << 2 | period;
        return 0;
}

static int key_compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static void key_name(uint64_t key, char name[static NAME_SIZE])
{
        Addr prefix = { .family = key >> 48 ? 6 : 4 };
        char text[ADDR_TEXT_MAX];

        prefix.length = (uint8_t) prefix_length(prefix.family);
        for (unsigned i = 0; i < 6; i++)
                prefix.bytes[i] = (uint8_t) (key >> (40 - 8 * i));
        snprintf(name, NAME_SIZE, "%s", addr_format(&prefix, text));
}

static void count_prefixes(Summary *summary)
{
        Count one = { 0 };

        if (summary->n_keys > 0)
                qsort(summary->keys, summary->n_keys, sizeof *summary->keys, key_compare);
        for (size_t i = 0; i < summary->n_keys; i++) {
                count(&one, summary->keys[i] & 3);
                if (i + 1 < summary->n_keys && summary->keys[i + 1] >> 2 == summary->keys[i] >> 2)
                        continue;
                key_name(summary->keys[i] >> 2, one.name);
                top_add(&summary->prefixes, &one);
                one = (Count){ 0 };
        }
}

static int count_row(Summary *summary, sqlite3_stmt *statement, Count *address)
{
        const char *text = (const char *) sqlite3_column_text(statement, 0);
        const char *jail = (const char *) sqlite3_column_text(statement, 2);
        const char *rule = (const char *) sqlite3_column_text(statement, 3);
        int64_t start = sqlite3_column_int64(statement, 1);
        unsigned period = period_of(summary->now, start);
        Addr addr;
        int r;

        if (!text || !jail || !rule || addr_parse_prefix(text, &addr) < 0)
                return 0;
        if (summary->result.bans_known++ == 0 || start < summary->result.since.usec)
                summary->result.since.usec = start;
        if (strcmp(address->name, text) != 0) {
                top_add(&summary->addresses, address);
                *address = (Count){ 0 };
                snprintf(address->name, sizeof address->name, "%s", text);
        }
        count(address, period);
        r = count_name(&summary->jails, jail, period);
        if (r == 0 && *rule)
                r = count_name(&summary->rules, rule, period);
        return r == 0 ? add_key(summary, &addr, period) : r;
}

static int count_bans(Summary *summary, sqlite3 *db)
{
        Count address = { 0 };
        sqlite3_stmt *statement;
        int rc, r = 0;

        rc = sqlite3_prepare_v2(db, "SELECT address, start, jail, rule FROM bans INDEXED BY bans_address ORDER BY address", -1,
                                &statement, NULL);
        if (rc != SQLITE_OK)
                return -EIO;
        while (r == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW)
                r = atomic_load(&summary->stop) ? -ECANCELED : count_row(summary, statement, &address);
        sqlite3_finalize(statement);
        top_add(&summary->addresses, &address);
        count_prefixes(summary);
        return r < 0 ? r : rc == SQLITE_DONE ? 0 : -EIO;
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
        char name[PATH_MAX];
        struct stat st;

        snprintf(name, sizeof name, "%.*s%s", PATH_MAX - 8, path, suffix);
        return stat(name, &st) == 0 ? (uint64_t) st.st_size : 0;
}

static StoreCount *list_one(StoreCount *list, const Count *one)
{
        *list = (StoreCount){ .name = one->name, .day = one->day, .week = one->week, .month = one->month };
        return list + 1;
}

static StoreCount *list_top(StoreCount *list, const Top *top, const StoreCount **ret_counts, size_t *ret_n)
{
        *ret_counts = list;
        *ret_n = top->n;
        for (size_t i = 0; i < top->n; i++)
                list = list_one(list, &top->counts[i]);
        return list;
}

static int by_count(Count *a, Count *b)
{
        return count_compare(a, b);
}

static int make_lists(Summary *summary)
{
        StoreSummary *result = &summary->result;
        StoreCount *list = calloc(HASH_COUNT(summary->jails) + 3 * STORE_TOP, sizeof *list);

        if (!list)
                return -ENOMEM;
        summary->lists = list;
        HASH_SORT(summary->jails, by_count);
        HASH_SORT(summary->rules, by_count);
        result->jails = list;
        result->n_jails = HASH_COUNT(summary->jails);
        for (const Count *one = summary->jails; one; one = one->hh.next)
                list = list_one(list, one);
        result->rules = list;
        for (const Count *one = summary->rules; one && result->n_rules < STORE_TOP; one = one->hh.next, result->n_rules++)
                list = list_one(list, one);
        list = list_top(list, &summary->addresses, &result->addresses, &result->n_addresses);
        list_top(list, &summary->prefixes, &result->prefixes, &result->n_prefixes);
        return 0;
}

static void *summary_thread(void *userdata)
{
        Summary *summary = userdata;
        sqlite3 *db = NULL;
        uint64_t one = 1;
        int r = -EIO;

        if (database_open_reader(summary->path, false, &db) == SQLITE_OK) {
                sqlite3_busy_timeout(db, STORE_BUSY_MSEC);
                /* The log of events has no gaps. */
                summary->result.events =
                        (uint64_t) database_number(db, "SELECT max(id) - (SELECT min(id) FROM events) + 1 FROM events", 0);
                r = count_bans(summary, db);
                sqlite3_close(db);
        }
        summary->result.bytes = file_bytes(summary->path, "") + file_bytes(summary->path, "-wal");
        if (r == 0)
                r = make_lists(summary);
        summary->failed = r < 0;
        atomic_store(&summary->done, true);
        (void) !write(summary->wake_fd, &one, sizeof one);
        return NULL;
}

static void count_free_all(Count *table)
{
        Count *one, *next;

        HASH_ITER (hh, table, one, next) {
                HASH_DEL(table, one);
                free(one);
        }
}

static void summary_free(Summary *summary)
{
        count_free_all(summary->jails);
        count_free_all(summary->rules);
        free(summary->keys);
        free(summary->lists);
        free(summary->path);
        free(summary);
}

/**
 * summary_start() - begin to count
 * @wake_fd:    an eventfd that is written to when it is done
 *
 * Return: 0 or -errno.
 */
int summary_start(const char *path, EventTime now, int wake_fd, Summary **ret_summary)
{
        Summary *summary = calloc(1, sizeof *summary);
        sigset_t all, before;
        int r;

        if (!summary)
                return -ENOMEM;
        summary->path = strdup(path);
        summary->now = now;
        summary->wake_fd = wake_fd;
        if (!summary->path) {
                summary_free(summary);
                return -ENOMEM;
        }
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&summary->thread, NULL, summary_thread, summary);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0) {
                summary_free(summary);
                return -r;
        }
        pthread_setname_np(summary->thread, "summary");
        *ret_summary = summary;
        return 0;
}

bool summary_is_done(const Summary *summary)
{
        return atomic_load(&summary->done);
}

/**
 * summary_result() - what was counted; NULL if it could not be read. Only when it is done.
 */
const StoreSummary *summary_result(const Summary *summary)
{
        return summary->failed ? NULL : &summary->result;
}

/**
 * summary_end() - stop counting, and free what was counted
 *
 * Return: false if the thread hangs in a dead disk; it is left behind then, with
 * the eventfd.
 */
bool summary_end(Summary *summary, unsigned timeout_sec)
{
        struct timespec until;

        atomic_store(&summary->stop, true);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += timeout_sec;
        if (pthread_timedjoin_np(summary->thread, NULL, &until) != 0)
                return false;
        summary_free(summary);
        return true;
}
