/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Window: the counted attempts of one address in one jail, oldest first. */

#include "tracker.h"
#include "util/heap.h"
#include "util/table.h"

/* How long lines of one session are taken to belong together; see window.c. */
#define WINDOW_SESSION_USEC (600 * USEC_PER_SEC)
#define WINDOW_TRACES_MAX 64
/* Two who tell of one attempt may be that far from the times they state: seconds are rounded, lines come out of order. */
#define WINDOW_WITNESS_SLACK (2 * USEC_PER_SEC)

typedef struct WindowKey {
        Addr addr;
        uint16_t jail;          /* index in the tracker */
} WindowKey;

_Static_assert(sizeof(WindowKey) == sizeof(Addr) + sizeof(uint16_t), "a hash key has no pads");

typedef struct Window Window;

struct Window {
        uint32_t hash;          /* of its key */
        uint32_t number;        /* in the pool */
        WindowKey key;
        uint16_t n_entries;
        uint16_t n_allocated;
        uint16_t rank;          /* the list that it stands in: its weight within findtime */
        bool dirty;             /* changed since the last drain */
        bool stored;            /* the store has a record of it */
        WindowEntry *entries;   /* `first`, as long as one is enough */
        HeapItem deadline;
        Window *prev, *next;    /* of equal rank, the one touched last at the end */
        Window *dirty_prev, *dirty_next;
        WindowEntry first;      /* most addresses under a flood come once: what they did needs no memory of its own */
};

/**
 * The parameters of a window's jail.
 */
typedef struct WindowLimits {
        int64_t findtime;       /* microseconds */
        unsigned maxretry;
} WindowLimits;

/**
 * A run of entries: those from `from` up to but not including `to`.
 */
typedef struct WindowSpan {
        size_t from, to;
        unsigned weight;
} WindowSpan;

int window_insert(Window *window, const WindowEntry *entry, size_t *ret_index);
void window_clear(Window *window, size_t *evidence_bytes);
void window_trim(Window *window, const WindowLimits *limits, size_t *evidence_bytes);
bool window_settle(Window *window, const WindowLimits *limits, EventTime now, size_t *evidence_bytes);
bool window_is_full(const Window *window, const WindowLimits *limits, size_t index, WindowSpan *ret_span);
void window_use_up(Window *window, EventTime time, size_t *evidence_bytes);

WindowEntry *window_ahead(const Window *window, uint64_t session, EventTime time);
bool window_knows(const Window *window, uint64_t session, EventTime time);
bool window_claim(Window *window, uint16_t witness, uint64_t session, EventTime time, int64_t span);
bool window_take_back(Window *window, uint64_t session, EventTime time, size_t *evidence_bytes);
bool window_end_session(Window *window, uint64_t session, EventTime time, size_t *evidence_bytes);

unsigned window_weight(const Window *window, const WindowLimits *limits);
EventTime window_deadline(const Window *window, const WindowLimits *limits);
