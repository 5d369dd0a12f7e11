/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of the store share: batches (rows on their way), the database (rows on disk), and JSON columns. */

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>

#include "store.h"
#include "util/table.h"

#define STORE_FILE "bailiff.db"
#define STORE_LOCK_FILE "bailiff.lock"
#define STORE_RETRY_MSEC 1000   /* between two tries to write or to open */
#define STORE_BUSY_MSEC 2000    /* how long the store thread waits for a foreign writer */
#define STORE_COLUMN_MAX (8 * 1024 * 1024) /* bytes of a column; a longer one is not ours */
#define STORE_CORRUPT_KEPT 2    /* databases that were moved aside */

/* ---- batch.c: rows on their way ---- */

typedef struct WindowKey {
        Addr addr;
        char jail[JAIL_NAME_MAX];
} WindowKey;

typedef struct BatchWindow {
        WindowKey key;
        WindowRecord record;
        size_t bytes;           /* that cannot merge away: a removal */
        UT_hash_handle hh;
} BatchWindow;

typedef struct BatchBan {
        uint64_t id;
        Ban *ban;               /* NULL: only its end is to be written */
        EventTime ended;        /* EVENT_TIME_NONE: it has not ended */
        char *how;
        size_t bytes;           /* that cannot merge away: an ended ban */
        UT_hash_handle hh;
} BatchBan;

typedef struct BatchPosition {
        PositionRecord record;
        UT_hash_handle hh;
} BatchPosition;

typedef struct BatchLevel {
        WindowKey key;
        LevelRecord record;
        size_t bytes;           /* as in BatchWindow */
        UT_hash_handle hh;
} BatchLevel;

typedef struct BatchAllow {
        AllowRecord record;
        size_t bytes;
        UT_hash_handle hh;
} BatchAllow;

typedef struct BatchPause {
        PauseRecord record;
        UT_hash_handle hh;
} BatchPause;

typedef struct BatchSetAside {
        SetAsideRecord record;
        struct BatchSetAside *next;
} BatchSetAside;

typedef struct BatchOutbox {
        OutboxRecord record;
        struct BatchOutbox *next;
} BatchOutbox;

typedef struct OutboxJob OutboxJob;

/**
 * Rows that belong into one transaction.
 */
typedef struct Batch {
        uint64_t sequence;      /* of the newest submission in it */
        BatchWindow *windows;
        BatchBan *bans;
        BatchPosition *positions;
        BatchLevel *levels;
        BatchAllow *allowed;
        BatchPause *paused;
        BatchSetAside *set_aside, **set_aside_tail;
        BatchOutbox *outbox, **outbox_tail;
        OutboxJob *jobs, **jobs_tail; /* behind all rows; not yet run, or run and not yet answered */
        EventRecord *events;
        size_t n_events, allocated_events;
        size_t bytes;           /* of rows that cannot merge */
} Batch;

Batch *batch_new(void);
Batch *batch_free(Batch *batch);
DEFINE_CLEANUP(Batch *, batch_free)
bool batch_is_empty(const Batch *batch);
void batch_put_window(Batch *batch, const WindowRecord *record);
void batch_put_ban(Batch *batch, const Ban *ban);
void batch_end_ban(Batch *batch, uint64_t id, EventTime time, const char *how);
void batch_put_position(Batch *batch, const PositionRecord *record);
void batch_put_level(Batch *batch, const LevelRecord *record);
void batch_put_allow(Batch *batch, const AllowRecord *record);
void batch_put_pause(Batch *batch, const PauseRecord *record);
void batch_put_set_aside(Batch *batch, const SetAsideRecord *record);
void batch_put_outbox(Batch *batch, const OutboxRecord *record);
void batch_put_job(Batch *batch, OutboxJob *job);
void batch_put_event(Batch *batch, uint64_t id, EventTime time, const char *kind, const char *members);
void batch_absorb(Batch *older, Batch *newer);
void batch_keep_events(Batch *batch);

/* ---- schema.c ---- */

typedef int (*SchemaStep)(sqlite3 *db);

int schema_version(sqlite3 *db, int *ret_version);
int schema_migrate(sqlite3 *db, const SchemaStep steps[], int n_steps);
extern const SchemaStep schema_steps[STORE_SCHEMA_VERSION];

/* ---- database.c: the file ---- */

typedef enum Statement {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,
        STATEMENT_WINDOW_PUT,
        STATEMENT_WINDOW_DELETE,
        STATEMENT_POSITION,
        STATEMENT_POSITION_DELETE,
        STATEMENT_BAN_PUT,
        STATEMENT_BAN_END,
        STATEMENT_LEVEL_PUT,
        STATEMENT_LEVEL_DELETE,
        STATEMENT_ALLOW_PUT,
        STATEMENT_ALLOW_DELETE,
        STATEMENT_PAUSE_PUT,
        STATEMENT_PAUSE_DELETE,
        STATEMENT_EVENT,
        STATEMENT_SET_ASIDE,
        STATEMENT_OUTBOX_MERGE,
        STATEMENT_OUTBOX_LAST,
        STATEMENT_OUTBOX_LIFTED,
        STATEMENT_OUTBOX,
        N_STATEMENTS,
} Statement;

typedef struct Database {
        sqlite3 *db;            /* NULL: not open */
        sqlite3_stmt *statements[N_STATEMENTS];
        int wal_frames;         /* after the last commit */
} Database;

typedef struct DatabaseIds {
        uint64_t next_event, next_ban;
} DatabaseIds;

int database_open(Database *database, const char *path, Problem *problem);
int database_open_reader(const char *path, bool rescue, sqlite3 **ret_db);
void database_close(Database *database);
bool database_has_moved(Database *database);
int database_ids(sqlite3 *db, DatabaseIds *ret_ids);
int database_problem(Problem *problem, int r, const char *path, sqlite3 *db, int rc);
bool database_is_corrupt(int rc);
int database_move_aside(const char *path, char aside[static PATH_MAX]);
bool database_may_stay(sqlite3 *db, int rc);
int64_t database_number(sqlite3 *db, const char *sql, int64_t otherwise);

/* ---- write.c: what the store thread does to it ---- */

int write_begin(Database *database);
int write_rows(Database *database, const Batch *batch);
int write_end(Database *database, int rc);
int write_batch(Database *database, const Batch *batch);
int write_prune(Database *database, const StoreLimits *limits, EventTime now, EventTime over_before, bool *ret_more);

/* ---- read.c ---- */

int read_all(sqlite3 *db, EventTime now, const StoreLoader *loader, uint64_t *skipped);
int read_events(sqlite3 *db, uint64_t since, size_t max, StoreEventVisitor visitor, void *userdata);
int read_ban(sqlite3 *db, uint64_t id, StorePastBanVisitor visitor, void *userdata);
int read_outbox(sqlite3 *db, const Addr *addr, size_t max, OutboxVisitor visitor, void *userdata);
int read_past_bans(sqlite3 *db, const Addr *addr, size_t max, StorePastBanVisitor visitor, void *userdata);

/* ---- outbox.c: questions to it, which are answered inside a batch's transaction ---- */

struct OutboxWaiter {
        void (*done)(void *userdata, OutboxResult *result); /* NULL: nobody waits any more. The loop thread's alone */
        void *userdata;
};

struct OutboxJob {
        OutboxJob *next;
        OutboxRequest request;
        Arena *arena;           /* of the request */
        OutboxWaiter *waiter;
        OutboxResult *result;   /* of the last run */
};

OutboxJob *outbox_job_new(const OutboxRequest *request, void (*done)(void *userdata, OutboxResult *result), void *userdata);
OutboxJob *outbox_job_free(OutboxJob *job);
void outbox_job_deliver(OutboxJob *job);
int outbox_job_run(sqlite3 *db, OutboxJob *job);

/* ---- outbox-claim.c, outbox-settle.c, outbox-row.c: its parts ---- */

int outbox_claim(sqlite3 *db, const OutboxRequest *request, OutboxResult *result);
int outbox_settle(sqlite3 *db, const OutboxRequest *request, OutboxResult *result);
int outbox_sql(sqlite3 *db, sqlite3_stmt **ret_statement, const char *sql, const char *types, ...);
int outbox_number(sqlite3 *db, int64_t *ret_number, const char *sql, const char *types, ...);
int outbox_entries(sqlite3 *db, sqlite3_stmt *statement, OutboxResult *result);
int outbox_write_row(sqlite3 *db, const OutboxEntry *entry, EventTime now);
int outbox_read_budgets(sqlite3 *db, OutboxBudget budgets[static _OUTBOX_ENDPOINT_MAX]);
int outbox_write_budget(sqlite3 *db, OutboxEndpoint endpoint, const OutboxBudget *budget);
#define outbox_run(db, ...) outbox_number(db, NULL, __VA_ARGS__) /* a statement that yields nothing */
extern const char OUTBOX_COLUMNS[];
extern const char *const OUTBOX_LANE_GLOBS[_OUTBOX_LANE_MAX];

/* ---- thread.c ---- */

void *store_thread(void *userdata);

/* ---- json.c: columns that hold lists ---- */

/**
 * What the last list that was read lies in. Used again for the next one, for a million of them are read at a start.
 */
typedef struct JsonScratch {
        char *text;
        size_t text_size;
        WindowEntry *entries;
        size_t entries_size;
        Evidence evidence[EVIDENCE_MAX];
        Port *ports;
        size_t ports_size;
} JsonScratch;

void json_scratch_deinit(JsonScratch *scratch);
char *json_from_evidence(const Evidence *evidence, size_t n);
char *json_from_entries(const WindowEntry *entries, size_t n);
char *text_from_ports(const Port *ports, size_t n);
int json_to_evidence(const char *text, size_t size, JsonScratch *scratch, size_t *ret_n);
int json_to_entries(const char *text, size_t size, EventTime latest, JsonScratch *scratch, size_t *ret_n);
int text_to_ports(const char *text, JsonScratch *scratch, size_t *ret_n);
bool column_is_clean(const char *text, size_t max);

/* ---- summary.c: counting, on a thread of its own ---- */

typedef struct Summary Summary;

int summary_start(const char *path, EventTime now, int wake_fd, Summary **ret_summary);
bool summary_is_done(const Summary *summary);
const StoreSummary *summary_result(const Summary *summary);
bool summary_end(Summary *summary, unsigned timeout_sec);

typedef struct SummaryWaiter {
        void (*done)(void *userdata, const StoreSummary *summary);
        void *userdata;
} SummaryWaiter;

/**
 * The store: a loop-thread side, a store-thread side, and what both touch under the mutex.
 */
struct Store {
        char *directory, *path;
        int lock_fd, directory_fd; /* both locked */
        StoreLimits limits;     /* fixed once the thread runs */
        EventTime load_time;    /* bans that were over by then are nobody's any more */

        /* The loop thread's. */
        Batch *pending;
        sqlite3 *rescue;        /* until store_start(), where the file cannot be written */
        sqlite3 *reader;
        StoreStats stats;
        StoreCallbacks callbacks;
        sd_event_source *source;
        Summary *summary;       /* NULL: nobody has asked */
        SummaryWaiter *waiters; /* who has */
        size_t n_waiters;

        /* The store thread's, once it runs. */
        Database database;

        pthread_t thread;
        bool running;
        int wake_fd;            /* the store thread tells the loop thread */

        pthread_mutex_t mutex;
        pthread_cond_t work, done;
        struct {
                Batch *submitted;       /* not yet taken */
                Batch *committed;       /* events that are not yet told */
                uint64_t sequence_committed;
                uint64_t commits, failed_commits, last_commit_usec;
                size_t writing_bytes;
                char *problem;          /* NULL: the disk takes what we give */
                bool problem_news;
                bool emptied_news;
                bool stop;
        } shared;
};
