/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Sessions: lines that belong together, because one process wrote them or one
 * capture names them.
 *
 * A service tells in one line who comes and in another what he did wrong. The
 * table keeps, per session, the address and the user told so far, and at most
 * one failure that still waits for its address. A session ends when the service says so, after ten
 * minutes of event time, or when its key appears with another address: then
 * the process number was used again.
 *
 * Outsiders make sessions, so the table is capped; the one that was silent
 * longest gives way and is counted. The list that has them in that order stands
 * apart from them: a flood touches sessions that were far away in memory, but
 * not their neighbours in the list as well.
 *
 * Keys are the same in every run, unlike table_hash(): a line that is read
 * again after a restart must fall into the same session, and the windows that
 * the store has kept name their sessions by them. The table itself is not kept:
 * filter_learn() fills it again from the lines.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/private.h"
#include "util/cache.h"
#include "util/index.h"
#include "util/table.h"
#include "util/text.h"

typedef struct Entry {
        _Alignas(CACHE_LINE) uint64_t key;
        Session session;
} Entry;

/* Of the entry with the same number; the 0th is the list's head. */
typedef struct Link {
        uint32_t prev, next;
        uint32_t hash; /* of its key */
} Link;

struct SessionTable {
        Entry *entries; /* from 1 to max; those above `used` have never been touched */
        Link *order; /* the longest silent first */
        uint32_t used, spare; /* spare: entries that are free again, by `next` */
        Index index;
        size_t max;
        uint64_t evicted;
};

/**
 * session_table_new() - an empty table
 * @max:        sessions it holds at most
 *
 * Return: 0 or -ENOMEM.
 */
int session_table_new(size_t max, SessionTable **ret_table)
{
        SessionTable *table = calloc(1, sizeof *table);

        if (!table)
                return -ENOMEM;
        table->max = max;
        table->entries = aligned_alloc(CACHE_LINE, (max + 1) * sizeof *table->entries);
        table->order = calloc(max + 1, sizeof *table->order);
        if (!table->entries || !table->order) {
                session_table_free(table);
                return -ENOMEM;
        }
        *ret_table = table;
        return 0;
}

static uint32_t key_hash(uint64_t key)
{
        return (uint32_t) table_hash_number(key);
}

static void unlink_entry(SessionTable *table, uint32_t i)
{
        table->order[table->order[i].prev].next = table->order[i].next;
        table->order[table->order[i].next].prev = table->order[i].prev;
}

static void link_last(SessionTable *table, uint32_t i)
{
        table->order[i].prev = table->order[0].prev;
        table->order[i].next = 0;
        table->order[table->order[0].prev].next = i;
        table->order[0].prev = i;
}

static uint32_t number_of(const SessionTable *table, const Entry *entry)
{
        return (uint32_t) (entry - table->entries);
}

static void drop(SessionTable *table, Entry *entry)
{
        uint32_t i = number_of(table, entry);

        index_remove(&table->index, table->order[i].hash, i);
        unlink_entry(table, i);
        table->order[i].next = table->spare;
        table->spare = i;
}

/* A session of which nothing has been told. */
static void clear(Entry *entry, uint64_t key)
{
        memset(entry, 0, offsetof(Entry, session.user));
        entry->session.user[0] = entry->session.tried[0] = '\0';
        entry->key = key;
}

/* Brings near what a touch of the entry will need. */
static void fetch(const Entry *entry)
{
        __builtin_prefetch(entry, 1);
        __builtin_prefetch(entry->session.user, 1);
        __builtin_prefetch(entry->session.tried, 1);
}

/* The one that was silent longest. */
static void give_way(SessionTable *table)
{
        drop(table, &table->entries[table->order[0].next]);
        table->evicted++;
        /* The next one will be asked for soon, and is far away: nobody has looked at it for ten thousand sessions. */
        fetch(&table->entries[table->order[0].next]);
        index_fetch(&table->index, table->order[table->order[0].next].hash);
}

/* In a full table the one that gives way makes room. */
static Entry *add(SessionTable *table, uint64_t key, uint32_t hash)
{
        uint32_t i;

        if (table->index.n_items >= table->max)
                give_way(table);
        if (index_reserve(&table->index, 1) < 0)
                return NULL;
        i = table->spare ? table->spare : ++table->used;
        if (i == table->spare)
                table->spare = table->order[i].next;
        Entry *entry = &table->entries[i];
        clear(entry, key);
        table->order[i].hash = hash;
        index_add(&table->index, hash, i);
        link_last(table, i);
        return entry;
}

/**
 * session_table_free() - free a table and its sessions
 *
 * Return: NULL
 */
SessionTable *session_table_free(SessionTable *table)
{
        if (table) {
                index_deinit(&table->index);
                free(table->order);
                free(table->entries);
                free(table);
        }
        return NULL;
}

static Entry *look(const SessionTable *table, uint64_t key, uint32_t hash)
{
        size_t at = 0;
        uint32_t i;

        do
                i = index_find(&table->index, hash, &at);
        while (i && table->entries[i].key != key);
        return i ? &table->entries[i] : NULL;
}

/* Whether it was silent for too long. */
static bool is_over(const Entry *entry, EventTime now)
{
        return event_time_before(event_time_add(entry->session.time, FILTER_SESSION_SECONDS), now);
}

/**
 * session_table_expect() - a line of a session has come, and may have to be noted
 * @key:        the session, or 0
 *
 * Nothing changes but the time that session_table_touch() takes: what it needs is fetched while the patterns are tried.
 */
void session_table_expect(const SessionTable *table, uint64_t key)
{
        size_t at = 0;
        /* Not look(): to compare keys is to wait for the entry. */
        uint32_t i = key ? index_find(&table->index, key_hash(key), &at) : 0;

        if (i)
                fetch(&table->entries[i]);
}

/**
 * session_table_find() - a session that is known
 * @now:        time of the line that asks; a session silent for too long is forgotten
 *
 * Return: the session, valid until the table changes, or NULL.
 */
Session *session_table_find(SessionTable *table, uint64_t key, EventTime now)
{
        Entry *entry = key ? look(table, key, key_hash(key)) : NULL;

        if (entry && is_over(entry, now)) {
                drop(table, entry);
                return NULL;
        }
        return entry ? &entry->session : NULL;
}

/**
 * session_table_touch() - note a line of a session
 * @key:        the session, not 0
 * @addr:       the address that the line gives, or ADDR_NULL
 * @now:        time of the line
 *
 * Return: the session, valid until the table changes; NULL if memory is short.
 */
Session *session_table_touch(SessionTable *table, uint64_t key, const Addr *addr, EventTime now)
{
        uint32_t hash = key_hash(key);
        Entry *entry = look(table, key, hash);

        if (entry) {
                const Addr *known = &entry->session.addr;

                unlink_entry(table, number_of(table, entry));
                link_last(table, number_of(table, entry));
                if (is_over(entry, now) || (addr->family && known->family && !addr_equal(addr, known)))
                        clear(entry, key);
        } else if (!(entry = add(table, key, hash))) {
                return NULL;
        }
        if (addr->family)
                entry->session.addr = *addr;
        entry->session.time = event_time_max(entry->session.time, now);
        return &entry->session;
}

/**
 * session_table_remove() - forget a session that has ended
 */
void session_table_remove(SessionTable *table, uint64_t key)
{
        Entry *entry = look(table, key, key_hash(key));

        if (entry)
                drop(table, entry);
}

/**
 * session_table_forget() - forget the sessions of an address, or of all in a prefix
 */
void session_table_forget(SessionTable *table, const Addr *addr)
{
        for (uint32_t i = table->order[0].next, next; i; i = next) {
                next = table->order[i].next;
                if (addr_contains(addr, &table->entries[i].session.addr))
                        drop(table, &table->entries[i]);
        }
}

/**
 * session_table_count() - sessions now
 */
size_t session_table_count(const SessionTable *table)
{
        return table->index.n_items;
}

/**
 * session_table_evicted() - sessions that gave way at the cap so far
 */
uint64_t session_table_evicted(const SessionTable *table)
{
        return table->evicted;
}

/* A bijection, so two process numbers never share a key. */
static uint64_t mix(uint64_t x)
{
        x ^= x >> 30;
        x *= UINT64_C(0xbf58476d1ce4e5b9);
        x ^= x >> 27;
        x *= UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

/**
 * session_key_pid() - the key of a process's session
 *
 * Return: 0 for a negative @pid: no session.
 */
uint64_t session_key_pid(int64_t pid)
{
        return pid < 0 ? 0 : mix((uint64_t) pid + 1);
}

/**
 * session_key_text() - the key of a session that a capture names
 *
 * Return: 0 for an empty text: no session.
 */
uint64_t session_key_text(const char *text, size_t size)
{
        uint64_t hash;

        if (size == 0)
                return 0;
        hash = mix(text_hash(text, size));
        return hash ? hash : 1;
}
