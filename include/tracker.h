/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tracker: exact sliding windows of failures per jail and address. Hit -> Offence. Pure. */

#include "pipeline.h"
#include "records.h"
#include "util/cleanup.h"

#define TRACKER_MAXRETRY_MAX 1000

typedef struct Tracker Tracker;

typedef struct TrackerJail {
        const char *name;
        int64_t findtime;       /* seconds */
        unsigned maxretry;      /* 1..TRACKER_MAXRETRY_MAX */
        unsigned ipv6_prefix;   /* 1..128 */
} TrackerJail;

/* Expected errors of tracker_hit() and tracker_restore(). */
enum {
        TRACKER_E_NO_JAIL = 1,  /* tracker_set_jail() has not named it */
};

/* The sink must not call back into the tracker. */
typedef struct TrackerSink {
        void (*offence)(void *userdata, const Offence *offence);
        void *userdata;
} TrackerSink;

typedef struct TrackerStats {
        size_t windows;         /* now */
        size_t max_windows;
        size_t evidence_bytes;
        size_t max_evidence_bytes;
        uint64_t evicted;       /* windows given up at the cap */
        uint64_t evidence_dropped; /* lines whose text was not kept */
} TrackerStats;

int tracker_new(size_t max_windows, size_t max_evidence_bytes, TrackerSink sink, Tracker **ret_tracker);
Tracker *tracker_free(Tracker *tracker);
DEFINE_CLEANUP(Tracker *, tracker_free)

int tracker_set_jail(Tracker *tracker, const TrackerJail *jail);
int tracker_hit(Tracker *tracker, const Hit *hit, unsigned *ret_counted);
int tracker_remove_jail(Tracker *tracker, const char *jail);
int tracker_rename_jail(Tracker *tracker, const char *jail, const char *name);
void tracker_set_max(Tracker *tracker, size_t max_windows);
/* IPv6 prefixes in which every address counts on its own (/128): on-link and NAT64 ones. */
int tracker_set_singles(Tracker *tracker, const Addr *prefixes, size_t n_prefixes);
/* What an address counts as in a jail. */
Addr tracker_key(const Tracker *tracker, const char *jail, const Addr *addr);
void tracker_forget(Tracker *tracker, const char *jail, const Addr *addr);
EventTime tracker_expire(Tracker *tracker, EventTime now);

int tracker_restore(Tracker *tracker, const WindowRecord *record);
typedef int (*TrackerRecordSink)(void *userdata, const WindowRecord *record);
int tracker_drain(Tracker *tracker, TrackerRecordSink sink, void *userdata);
int tracker_each(const Tracker *tracker, const char *jail, const Addr *addr, TrackerRecordSink sink, void *userdata);
size_t tracker_count(const Tracker *tracker, const char *jail);
const TrackerStats *tracker_stats(const Tracker *tracker);
