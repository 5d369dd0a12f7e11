/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Store: SQLite on a thread of its own.
 *
 * The loop thread adds what has changed to a pending batch, which merges by key
 * (windows, bans, positions) and queues the rest (events, outbox rows); the
 * store thread takes the batch whole and writes it in one transaction. Nothing
 * here blocks the loop thread.
 *
 *     store_open()      lock, check, migrate; may take a second with a million bans
 *     store_load()      hands out what is remembered
 *     store_start()     from here on the store thread owns the file
 *     store_put_*()     as often as wanted, then
 *     store_submit()    about once a second, and after every changing command
 *     store_flush()     at shutdown
 *     store_free()
 *
 * All functions belong to the loop thread (or to main before there is a loop).
 */

#include <systemd/sd-event.h>

#include "outbox.h"
#include "pipeline.h"
#include "records.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/problem.h"

#define STORE_SCHEMA_VERSION 3
#define STORE_PENDING_MAX (64 * 1024 * 1024) /* bytes of rows that cannot merge */

typedef struct Store Store;

/* Expected answers of store_open(), each with a Problem. */
enum {
        STORE_E_LOCKED = 1,  /* another daemon has this state directory; no store */
        STORE_E_NEWER,       /* written by a newer release, and left untouched; no store */
        STORE_E_CORRUPT,     /* moved aside, an empty one has taken its place; *ret_store is set, go on */
        STORE_E_UNAVAILABLE, /* full or read-only disk: running from memory, trying again; *ret_store is set, go on */
};

typedef struct StoreCallbacks {
        /* A batch is on disk: everything submitted up to `sequence`; its events in order. Runs on the loop thread. */
        void (*committed)(void *userdata, uint64_t sequence, const EventRecord *events, size_t n_events);
        /* The disk refuses (text says why and what to do), or works again (NULL). Runs on the loop thread. */
        void (*degraded)(void *userdata, const char *text);
        /* The file was lost or broken while running, and an empty one has taken its place: put every ban, window and
           position again. May be NULL. Runs on the loop thread. */
        void (*emptied)(void *userdata);
        void *userdata;
} StoreCallbacks;

/* Where store_load() puts what it finds. A negative return stops it and is handed on; NULL members are passed over. */
typedef struct StoreLoader {
        int (*ban)(void *userdata, const Ban *ban);
        int (*window)(void *userdata, const WindowRecord *record);
        int (*position)(void *userdata, const PositionRecord *record);
        int (*set_aside)(void *userdata, const SetAsideRecord *record);
        int (*level)(void *userdata, const LevelRecord *record);
        int (*allow)(void *userdata, const AllowRecord *record);
        int (*pause)(void *userdata, const PauseRecord *record);
        void *userdata;
} StoreLoader;

/**
 * How much is kept on disk. Pruning runs on the store thread, oldest first, in
 * steps of a thousand rows.
 */
typedef struct StoreLimits {
        uint64_t events_max;    /* rows of the event log */
        uint64_t past_bans_max; /* ended bans */
        int64_t past_bans_age;  /* seconds that an ended ban is kept */
        uint64_t set_aside_max; /* lines */
        uint64_t outbox_max;    /* reports that wait; and as many again that are settled */
        int64_t outbox_age;     /* seconds that a settled report is kept, by which the same is not sent again */
        uint64_t wal_max;       /* bytes that the log may reach while a foreign reader stops its checkpoints */
        unsigned prune_msec;    /* between two rounds of pruning */
} StoreLimits;

#define STORE_LIMITS_DEFAULT                                                                                                     \
        ((StoreLimits){ .events_max = 500000,                                                                                    \
                        .past_bans_max = 1000000,                                                                                \
                        .past_bans_age = 30 * INT64_C(86400),                                                                    \
                        .set_aside_max = 1000,                                                                                   \
                        .outbox_max = 1000000,                                                                                   \
                        .outbox_age = 400 * INT64_C(86400),                                                                                   \
                        .wal_max = UINT64_C(256) * 1024 * 1024,                                                                  \
                        .prune_msec = 10000 })

typedef struct StoreStats {
        uint64_t sequence_submitted, sequence_committed;
        uint64_t commits, failed_commits;
        uint64_t last_commit_usec; /* how long the last one took */
        size_t pending_bytes;      /* of rows that cannot merge: events, outbox, ended bans, removed windows */
        uint64_t next_event_id, next_ban_id;
        uint64_t skipped_rows; /* that store_load() could not make sense of */
} StoreStats;

int store_open(const char *directory, Store **ret_store, Problem *problem);
Store *store_free(Store *store);
DEFINE_CLEANUP(Store *, store_free)

void store_set_limits(Store *store, const StoreLimits *limits);
int store_load(Store *store, EventTime now, const StoreLoader *loader, Problem *problem);
int store_start(Store *store, sd_event *event, StoreCallbacks callbacks);

void store_put_ban(Store *store, const Ban *ban);
void store_end_ban(Store *store, uint64_t ban_id, EventTime time, const char *how);
void store_put_window(Store *store, const WindowRecord *record);
void store_put_position(Store *store, const PositionRecord *record);
void store_put_level(Store *store, const LevelRecord *record);
void store_put_allow(Store *store, const AllowRecord *record);
void store_put_pause(Store *store, const PauseRecord *record);
void store_put_set_aside(Store *store, const SetAsideRecord *record);
void store_put_outbox(Store *store, const OutboxRecord *record);
uint64_t store_put_event(Store *store, EventTime time, const char *kind, const char *json_members);
uint64_t store_submit(Store *store);
int store_flush(Store *store, unsigned timeout_msec);
bool store_is_full(const Store *store);
const StoreStats *store_stats(Store *store);

/**
 * What `stats` counts: bans of a time, most first.
 */
typedef struct StoreCount {
        const char *name;       /* of a jail, a rule; an address in text */
        uint64_t day, week, month; /* bans of the last 24 hours, 7 and 30 days */
} StoreCount;

#define STORE_TOP 10

typedef struct StoreSummary {
        EventTime since;        /* of the oldest ban that is still known */
        uint64_t bans_known;    /* in the database, ended ones too */
        uint64_t events, bytes; /* rows of the event log; size of the database with its log */
        const StoreCount *jails, *rules, *addresses, *prefixes; /* prefixes: /24 and /48, to see neighbours */
        size_t n_jails, n_rules, n_addresses, n_prefixes; /* all jails (1000 at most), STORE_TOP of the others */
} StoreSummary;

/* Counts on a thread of its own; `done` runs on the loop thread, with NULL if it could not be read. Not after store_free(). */
int store_summarise(Store *store, EventTime now, void (*done)(void *userdata, const StoreSummary *summary), void *userdata);

typedef int (*StorePastBanVisitor)(void *userdata, const Ban *ban, EventTime ended, const char *how);

/* For `unban --offline`: opens with the lock, ends the bans in one transaction, closes. @problem says what to do. */
int store_unban_offline(const char *directory, const Addr *addr, const char *jail, EventTime now, StorePastBanVisitor visitor,
                        void *userdata, Problem *problem);

typedef int (*StoreEventVisitor)(void *userdata, const EventRecord *record);

int store_read_events(Store *store, uint64_t since, size_t max, StoreEventVisitor visitor, void *userdata);
int store_read_past_bans(Store *store, const Addr *addr, size_t max, StorePastBanVisitor visitor, void *userdata);

/* ---- outbox: questions that change it too, answered when that is on disk ---- */

typedef enum OutboxOp {
        OUTBOX_CLAIM,           /* take what is due in a lane, and note that it is in flight */
        OUTBOX_SETTLE,          /* how a claim went */
        OUTBOX_LIST,
        OUTBOX_RETRY,           /* send again by hand: `id`, or 0: all that wait for a service to be well */
        OUTBOX_DROP,            /* what waits: `ids`, or all of `addr`; of `ids` also what `claim` has and was not given out */
        OUTBOX_RETRACT,         /* take back what was told of `addr`, and drop what was not sent */
        OUTBOX_UNBLOCK,         /* after a reload: keys may be others */
} OutboxOp;

typedef struct OutboxRowError {
        uint64_t id;
        const char *text;       /* what the service said of this row of a bulk file */
} OutboxRowError;

/**
 * A question to the outbox. Copied when it is asked.
 */
typedef struct OutboxRequest {
        OutboxOp op;
        EventTime now;
        OutboxLane lane;                                /* CLAIM */
        OutboxTerms terms[_OUTBOX_ENDPOINT_MAX];        /* CLAIM */
        bool wants_lines;                               /* CLAIM: entries of a bulk file come with their ban's lines */
        uint64_t claim;                                 /* SETTLE; DROP, 0: none */
        OutboxAnswer answer;                            /* SETTLE */
        const char *categories, *comment;               /* SETTLE: as they were sent; NULL: not to be kept */
        const OutboxRowError *errors;                   /* SETTLE of a bulk file */
        size_t n_errors;
        uint64_t id;                                    /* RETRY */
        const uint64_t *ids;                            /* DROP */
        size_t n_ids;
        Addr addr;                                      /* DROP, RETRACT, LIST; ADDR_NULL: any */
        const char *text;                               /* DROP: why, for people */
        int state, lane_only;                           /* LIST; -1: any */
        uint64_t before;                                /* LIST: entries with lower ids; 0: all */
        size_t max;                                     /* LIST: entries, newest first; 0: figures alone */
} OutboxRequest;

/**
 * A row of the outbox as it stands on disk.
 */
typedef struct OutboxEntry {
        uint64_t id, ban_id, claim;
        OutboxRow row;
        Addr addr;
        const char *jail;
        EventTime attack, first, added, settled; /* settled EVENT_TIME_NONE: not yet */
        unsigned failures;
        int status, score;      /* 0, -1: none */
        const char *receipt;    /* what the service said, "" if nothing */
        const char *remote;     /* its id of what was made, "" if none */
        const char *categories, *comment; /* as they were sent, "" before */
        const char *const *lines; /* of its ban, oldest first; CLAIM only */
        size_t n_lines;
} OutboxEntry;

enum { OUTBOX_E_NO_CLAIM = 1 }; /* it has been taken back, or is settled */

typedef struct OutboxResult {
        int r;                  /* 0 or OUTBOX_E_* */
        uint64_t claim;         /* CLAIM: 0: nothing is due */
        bool bulk;
        OutboxEntry *entries;   /* claimed, settled (as they are now), listed */
        size_t n_entries;
        size_t changed;         /* rows, by RETRY, DROP, RETRACT */
        size_t lost;            /* CLAIM: rows that became `unknown`, since whoever carried them did not say how it went */
        bool clears, deletes;   /* RETRACT: what is under way */
        EventTime next;         /* CLAIM without entries: when to ask again, unless something is put before */
        OutboxBudget budgets[_OUTBOX_ENDPOINT_MAX];
        uint64_t counts[_OUTBOX_KIND_MAX][_OUTBOX_STATE_MAX]; /* LIST */
        Arena *arena;           /* owns all of the above */
} OutboxResult;

typedef struct OutboxWaiter OutboxWaiter;

/* @done runs on the loop thread once the answer and what it changed are on disk; the result is the callee's. */
int store_ask_outbox(Store *store, const OutboxRequest *request, void (*done)(void *userdata, OutboxResult *result), void *userdata,
                     OutboxWaiter **ret_waiter);
void outbox_waiter_forget(OutboxWaiter *waiter);
OutboxResult *outbox_result_free(OutboxResult *result);
DEFINE_CLEANUP(OutboxResult *, outbox_result_free)

typedef int (*OutboxVisitor)(void *userdata, const OutboxEntry *entry);
int store_read_outbox(Store *store, const Addr *addr, size_t max, OutboxVisitor visitor, void *userdata);
