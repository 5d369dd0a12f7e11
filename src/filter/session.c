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
 * longest gives way and is counted. A list has them in that order.
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
#include "util/table.h"
#include "util/text.h"

typedef struct Entry Entry;
struct Entry {
        UT_hash_handle hh;
        uint64_t key;
        Entry *prev, *next;
        Session session;
};

struct SessionTable {
        Entry *entries;
        Entry *order; /* the longest silent first */
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
        *ret_table = table;
        return 0;
}

static Entry *take_out(SessionTable *table, Entry *entry)
{
        HASH_DEL(table->entries, entry);
        DL_DELETE(table->order, entry);
        return entry;
}

static void drop(SessionTable *table, Entry *entry)
{
        free(take_out(table, entry));
}

/* In a full table the memory of the one that gives way. */
static Entry *add(SessionTable *table, uint64_t key)
{
        bool full = HASH_COUNT(table->entries) >= table->max;
        Entry *entry = full ? take_out(table, table->order) : malloc(sizeof *entry);

        if (!entry)
                return NULL;
        table->evicted += full;
        memset(entry, 0, offsetof(Entry, session.user));
        entry->session.user[0] = entry->session.tried[0] = '\0';
        entry->key = key;
        HASH_ADD(hh, table->entries, key, sizeof entry->key, entry);
        DL_APPEND(table->order, entry);
        return entry;
}

/**
 * session_table_free() - free a table and its sessions
 *
 * Return: NULL
 */
SessionTable *session_table_free(SessionTable *table)
{
        Entry *entry, *next;

        if (table) {
                HASH_ITER (hh, table->entries, entry, next) {
                        drop(table, entry);
                }
                free(table);
        }
        return NULL;
}

static Entry *find(SessionTable *table, uint64_t key, EventTime now)
{
        Entry *entry;

        HASH_FIND(hh, table->entries, &key, sizeof key, entry);
        if (entry && event_time_before(event_time_add(entry->session.time, FILTER_SESSION_SECONDS), now)) {
                drop(table, entry);
                return NULL;
        }
        return entry;
}

/**
 * session_table_find() - a session that is known
 * @now:        time of the line that asks; a session silent for too long is forgotten
 *
 * Return: the session, valid until the table changes, or NULL.
 */
Session *session_table_find(SessionTable *table, uint64_t key, EventTime now)
{
        Entry *entry = key ? find(table, key, now) : NULL;

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
        Entry *entry = find(table, key, now);

        if (entry && addr->family && entry->session.addr.family && !addr_equal(addr, &entry->session.addr)) {
                drop(table, entry);
                entry = NULL;
        }
        if (entry) {
                DL_DELETE(table->order, entry);
                DL_APPEND(table->order, entry);
        } else if (!(entry = add(table, key))) {
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
        Entry *entry;

        HASH_FIND(hh, table->entries, &key, sizeof key, entry);
        if (entry)
                drop(table, entry);
}

/**
 * session_table_forget() - forget the sessions of an address, or of all in a prefix
 */
void session_table_forget(SessionTable *table, const Addr *addr)
{
        Entry *entry, *next;

        HASH_ITER (hh, table->entries, entry, next) {
                if (addr_contains(addr, &entry->session.addr))
                        drop(table, entry);
        }
}

/**
 * session_table_count() - sessions now
 */
size_t session_table_count(const SessionTable *table)
{
        return HASH_COUNT(table->entries);
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
