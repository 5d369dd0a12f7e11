/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tracker's inside, for the files of this folder. */

#include "tracker.h"
#include "tracker/window.h"
#include "util/index.h"
#include "util/intern.h"
#include "util/pool.h"

#define RANKS (TRACKER_MAXRETRY_MAX + 1)

typedef struct TrackerJailState {
        char name[JAIL_NAME_MAX];
        WindowLimits limits;
        unsigned ipv6_prefix;
        size_t n_counting; /* windows with attempts in them */
        size_t n_windows;  /* and tombstones */
        bool removed;      /* only its tombstones are left */
} TrackerJailState;

struct Tracker {
        TrackerSink sink;
        TrackerStats stats;
        TrackerJailState **jails;
        size_t n_jails;
        Addr *singles; /* IPv6 prefixes in which every address counts on its own */
        size_t n_singles;
        Pool pool; /* of windows and tombstones */
        Index index; /* ... by their keys */
        Window *ranks[RANKS];
        Window *dirty;
        Heap deadlines;
        Intern *rules;
        EventTime settled; /* no line older than this is expected */
};

TrackerJailState *tracker_find_jail(const Tracker *tracker, const char *name, uint16_t *ret_index);
Addr tracker_addr_key(const Tracker *tracker, const Addr *addr, unsigned ipv6_prefix);

Window *tracker_find(const Tracker *tracker, const Addr *addr, uint16_t jail);
/* The windows with entries, in no order; any may go meanwhile. A window that comes may be among them. */
#define TRACKER_FOREACH(tracker, i, window) \
        for (uint32_t i = 1; i <= (tracker)->pool.used; i++) \
                if (((window) = pool_at(&(tracker)->pool, i))->n_entries > 0)

Window *tracker_new_window(Tracker *tracker);
void tracker_link(Tracker *tracker, Window *window);
void tracker_unlink(Tracker *tracker, Window *window);
void tracker_free_window(Tracker *tracker, Window *window);
void tracker_mark(Tracker *tracker, Window *window);
Window *tracker_touched(Tracker *tracker, Window *window, bool mark);
Window *tracker_retire(Tracker *tracker, Window *window);
void tracker_evict(Tracker *tracker);
