/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Store: SQLite on a thread of its own.
 *
 * The loop thread adds what has changed to a pending batch, which merges by key
 * (windows, bans, positions) and queues the rest (events, outbox rows); the
 * store thread takes the batch whole and writes it in one transaction. Nothing
 * here blocks the loop thread.
 */

#include <systemd/sd-event.h>

#include "pipeline.h"
#include "records.h"
#include "util/cleanup.h"
#include "util/problem.h"

#define STORE_SCHEMA_VERSION 1
#define STORE_PENDING_MAX (64 * 1024 * 1024) /* bytes of rows that cannot merge */

typedef struct Store Store;

enum {
        STORE_E_LOCKED = 1,     /* another daemon has this state directory */
        STORE_E_NEWER,          /* written by a newer release */
        STORE_E_CORRUPT,        /* moved aside; an empty one has taken its place */
        STORE_E_UNAVAILABLE,    /* full or read-only disk: running from memory, trying again */
};

typedef struct StoreCallbacks {
        /* A batch is on disk: everything submitted up to `sequence`; its events in order. Runs on the loop thread. */
        void (*committed)(void *userdata, uint64_t sequence, const EventRecord *events, size_t n_events);
        /* The disk refuses (text says why and what to do), or works again (NULL). Runs on the loop thread. */
        void (*degraded)(void *userdata, const char *text);
        void *userdata;
} StoreCallbacks;

typedef struct StoreLoader {
        int (*ban)(void *userdata, const Ban *ban);
        int (*window)(void *userdata, const WindowRecord *record);
        int (*position)(void *userdata, const PositionRecord *record);
        int (*set_aside)(void *userdata, const SetAsideRecord *record);
        void *userdata;
} StoreLoader;

typedef struct StoreStats {
        uint64_t sequence_submitted, sequence_committed;
        uint64_t commits, failed_commits;
        uint64_t last_commit_usec;      /* how long the last one took */
        size_t pending_bytes;
        uint64_t next_event_id, next_ban_id;
} StoreStats;

int store_open(const char *directory, Store **ret_store, Problem *problem);
Store *store_free(Store *store);
DEFINE_CLEANUP(Store *, store_free)

int store_load(Store *store, EventTime now, const StoreLoader *loader, Problem *problem);
int store_start(Store *store, sd_event *event, StoreCallbacks callbacks);

void store_put_ban(Store *store, const Ban *ban);
void store_end_ban(Store *store, uint64_t ban_id, EventTime time, const char *how);
void store_put_window(Store *store, const WindowRecord *record);
void store_put_position(Store *store, const PositionRecord *record);
void store_put_set_aside(Store *store, const SetAsideRecord *record);
uint64_t store_put_event(Store *store, EventTime time, const char *kind, const char *json_members);
uint64_t store_submit(Store *store);
int store_flush(Store *store, unsigned timeout_msec);
bool store_is_full(const Store *store);
const StoreStats *store_stats(Store *store);

typedef int (*StoreEventVisitor)(void *userdata, const EventRecord *record);
int store_read_events(Store *store, uint64_t since, size_t max, StoreEventVisitor visitor, void *userdata);
int store_read_past_bans(Store *store, const Addr *addr, size_t max, int (*visitor)(void *userdata, const Ban *ban, EventTime ended, const char *how), void *userdata);
