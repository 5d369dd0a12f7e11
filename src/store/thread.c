/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The store thread.
 *
 * It takes what was submitted and writes it; if that fails, what comes in
 * meanwhile is laid over the batch that failed, and the whole is tried again
 * every second, for ever: when the disk works again, nothing is missing. A
 * connection that failed for another reason than a full disk or a foreign lock
 * is given up and opened anew, which also finds out whether the file is damaged.
 *
 * Between batches it prunes, and once after the start it looks through every
 * table with integrity_check, which is too slow to be done before READY=1.
 *
 * Under the mutex pointers change hands; no disk is touched there.
 */

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "store/private.h"

#define CHECK_AFTER_MSEC 30000     /* integrity_check begins so long after the start */
#define WAL_CHECKPOINT_FRAMES 1000 /* pages in the log that are worth a checkpoint */
#define FRAME_BYTES 4120           /* a page with its header */

typedef struct Worker {
        Store *store;
        Batch *batch;   /* what is to be written; stays until it is */
        BootTime retry; /* not before */
        BootTime prune;
        BootTime check;
        size_t checked;   /* tables */
        unsigned corrupt; /* writes in a row that found the file damaged */
        bool degraded;
        bool lost;      /* our file was gone, and no other could be opened yet */
        Problem damage; /* what integrity_check found; "" if nothing */
} Worker;

static void add_msec(BootTime *time, uint64_t msec)
{
        *time = clock_boot_now();
        time->usec += msec * (uint64_t) USEC_PER_MSEC;
}

static void tell_loop(Store *store)
{
        uint64_t one = 1;

        /* The counter cannot overflow in practice, and a full one has woken the loop already. */
        (void) !write(store->wake_fd, &one, sizeof one);
}

/* text NULL: it works again. The same text is told once. */
static void report(Worker *worker, const char *text, bool emptied)
{
        Store *store = worker->store;

        pthread_mutex_lock(&store->mutex);
        char *old = store->shared.problem;
        if ((old == NULL) != (text == NULL) || (old && strcmp(old, text) != 0)) {
                store->shared.problem = text ? strdup(text) : NULL;
                store->shared.problem_news = true;
                free(old);
        }
        if (emptied)
                store->shared.emptied_news = true;
        pthread_mutex_unlock(&store->mutex);
        tell_loop(store);
}

static void failed(Worker *worker, const char *text)
{
        Store *store = worker->store;

        worker->degraded = true;
        add_msec(&worker->retry, STORE_RETRY_MSEC);
        pthread_mutex_lock(&store->mutex);
        if (worker->batch)
                store->shared.failed_commits++;
        pthread_mutex_unlock(&store->mutex);
        report(worker, text, false);
}

static void works(Worker *worker)
{
        if (!worker->degraded)
                return;
        worker->degraded = false;
        report(worker, *worker->damage.text ? worker->damage.text : NULL, false);
}

/*
 * True if the database is open. @lost: the file that we wrote is gone from its
 * place, so whatever stands there now lacks our rows.
 */
static bool ensure_open(Worker *worker, bool lost)
{
        Store *store = worker->store;
        Problem problem;
        int r;

        if (store->database.db)
                return true;
        r = database_open(&store->database, store->path, &problem);
        if (r != 0 && r != STORE_E_CORRUPT) {
                worker->lost |= lost;
                failed(worker, problem.text);
                return false;
        }
        sqlite3_busy_timeout(store->database.db, STORE_BUSY_MSEC);
        if (r == STORE_E_CORRUPT)
                worker->damage = problem;
        if (r == STORE_E_CORRUPT || lost || worker->lost) {
                worker->lost = false;
                worker->degraded = true;
                report(worker, r == STORE_E_CORRUPT ? problem.text : NULL, true);
        }
        return true;
}

/*
 * The log starts again from its beginning only when no reader needs it. A
 * foreign one that stays open makes it grow; beyond the cap writing waits.
 * Return: whether there is room.
 */
static bool tend_wal(Worker *worker)
{
        Store *store = worker->store;
        Database *database = &store->database;
        uint64_t bytes = (uint64_t) database->wal_frames * FRAME_BYTES;
        int in_log = 0, copied = 0;
        Problem problem;

        if (database->wal_frames < WAL_CHECKPOINT_FRAMES && bytes <= store->limits.wal_max)
                return true;
        sqlite3_busy_timeout(database->db, 0);
        sqlite3_wal_checkpoint_v2(database->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
        /* TRUNCATE needs that nobody reads; it is tried only where the log is long, and never waits. */
        if (in_log == copied && (database->wal_frames > 2 * WAL_CHECKPOINT_FRAMES || bytes > store->limits.wal_max) &&
            sqlite3_wal_checkpoint_v2(database->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK)
                database->wal_frames = 0;
        sqlite3_busy_timeout(database->db, STORE_BUSY_MSEC);
        if ((uint64_t) database->wal_frames * FRAME_BYTES <= store->limits.wal_max)
                return true;
        problem_set(&problem, 0,
                    "%s-wal has grown to %llu MB because another program has kept %s open for reading; end it "
                    "(fuser -v %s names it). Until then bans are remembered in memory only.",
                    store->path, (unsigned long long) (bytes >> 20), store->path, store->path);
        failed(worker, problem.text);
        return false;
}

/* Hands the events of a written batch to the loop thread. */
static void committed(Worker *worker, uint64_t usec)
{
        Store *store = worker->store;
        Batch *batch = steal(worker->batch);

        batch_keep_events(batch);
        pthread_mutex_lock(&store->mutex);
        store->shared.sequence_committed = batch->sequence;
        store->shared.commits++;
        store->shared.last_commit_usec = usec;
        store->shared.writing_bytes = 0;
        if (store->shared.committed)
                batch_absorb(store->shared.committed, batch);
        else
                store->shared.committed = batch;
        pthread_cond_broadcast(&store->done);
        pthread_mutex_unlock(&store->mutex);
        tell_loop(store);
}

/* The file was checked when it was opened anew and found good, yet it cannot be written: quick_check does not see everything. */
static void give_up_file(Worker *worker, Problem *problem)
{
        Store *store = worker->store;
        char aside[PATH_MAX];

        if (database_move_aside(store->path, aside) < 0)
                return;
        worker->corrupt = 0;
        worker->lost = true;
        worker->damage = (Problem){ "" };
        problem_set(&worker->damage, 0,
                    "%s was damaged; it is kept as %s and an empty one takes its place. Look for disk errors in dmesg; "
                    "to see what can be saved: sqlite3 %s .recover",
                    store->path, aside, aside);
        *problem = worker->damage;
}

static void write_now(Worker *worker)
{
        Store *store = worker->store;
        uint64_t start = clock_boot_now().usec;
        bool lost = store->database.db && database_has_moved(&store->database);
        Problem problem;
        int rc;

        if (lost)
                database_close(&store->database);
        if (!ensure_open(worker, lost) || !tend_wal(worker))
                return;
        rc = write_batch(&store->database, worker->batch);
        if (rc == SQLITE_OK) {
                worker->corrupt = 0;
                committed(worker, clock_boot_now().usec - start);
                works(worker);
                return;
        }
        database_problem(&problem, 0, store->path, store->database.db, rc);
        if (!database_may_stay(store->database.db, rc))
                database_close(&store->database);
        worker->corrupt = database_is_corrupt(rc) ? worker->corrupt + 1 : 0;
        if (worker->corrupt > 1)
                give_up_file(worker, &problem);
        failed(worker, problem.text);
}

/* One table a turn, so that a batch waits for one table's check at most. */
static void check_next_table(Worker *worker)
{
        static const char *const tables[] = { "meta", "positions", "windows", "bans", "events", "outbox", "set_aside",
                                              "levels", "allowed", "paused", "budgets" };
        Store *store = worker->store;
        sqlite3_stmt *statement;
        char sql[64];

        if (worker->checked == sizeof tables / sizeof *tables) {
                worker->check.usec = UINT64_MAX;
                return;
        }
        snprintf(sql, sizeof sql, "PRAGMA integrity_check(%s)", tables[worker->checked++]);
        if (sqlite3_prepare_v2(store->database.db, sql, -1, &statement, NULL) != SQLITE_OK)
                return;
        if (sqlite3_step(statement) == SQLITE_ROW) {
                const char *answer = (const char *) sqlite3_column_text(statement, 0);
                if (answer && strcmp(answer, "ok") != 0) {
                        problem_set(&worker->damage, 0,
                                    "%s is damaged: %s. It is still used. Look for disk errors in dmesg; to begin anew: stop the "
                                    "daemon, move the file aside, start it.",
                                    store->path, answer);
                        report(worker, worker->damage.text, false);
                }
        }
        sqlite3_finalize(statement);
}

static void idle(Worker *worker)
{
        Store *store = worker->store;
        uint64_t now = clock_boot_now().usec;
        bool more = false;

        if (!store->database.db) {
                if (now >= worker->retry.usec && ensure_open(worker, false))
                        works(worker);
        } else if (now >= worker->prune.usec) {
                int rc = write_prune(&store->database, &store->limits, clock_event_now(), store->load_time, &more);
                /* A failure shows at the next batch; pruning itself can wait. */
                add_msec(&worker->prune, rc == SQLITE_OK && more ? 0 : store->limits.prune_msec);
                if (rc == SQLITE_OK)
                        tend_wal(worker);
        } else if (now >= worker->check.usec) {
                check_next_table(worker);
        }
}

/* Microseconds of CLOCK_BOOTTIME until something is due without a submission. */
static uint64_t next_due(const Worker *worker)
{
        if (!worker->store->database.db || worker->batch)
                return worker->retry.usec;
        return worker->prune.usec < worker->check.usec ? worker->prune.usec : worker->check.usec;
}

/* Waits for a submission or until @due; true if the thread is to end. */
static bool wait_for_work(Worker *worker, uint64_t due)
{
        Store *store = worker->store;
        struct timespec until;
        uint64_t now = clock_boot_now().usec, left = due > now ? due - now : 0;
        bool stop, stalled = worker->batch != NULL;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t) (left / 1000000 > 3600 ? 3600 : left / 1000000);
        until.tv_nsec += (long) (left % 1000000) * 1000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&store->mutex);
        /* While the disk refuses, submissions merge where they are; they do not hurry it. */
        while (!store->shared.stop && (stalled || !store->shared.submitted) && left > 0)
                if (pthread_cond_timedwait(&store->work, &store->mutex, &until) == ETIMEDOUT)
                        break;
        Batch *taken = steal(store->shared.submitted);
        store->shared.writing_bytes += taken ? taken->bytes : 0;
        stop = store->shared.stop;
        pthread_mutex_unlock(&store->mutex);

        if (taken && worker->batch)
                batch_absorb(worker->batch, taken);
        else if (taken)
                worker->batch = taken;
        pthread_mutex_lock(&store->mutex);
        store->shared.writing_bytes = worker->batch ? worker->batch->bytes : 0;
        pthread_mutex_unlock(&store->mutex);
        return stop;
}

/**
 * store_thread() - the thread's function
 * @userdata:   the Store
 */
void *store_thread(void *userdata)
{
        Store *store = userdata;
        Worker worker = { .store = store, .degraded = !store->database.db };
        bool stop = false;

        add_msec(&worker.retry, 0);
        add_msec(&worker.prune, 0);
        add_msec(&worker.check, CHECK_AFTER_MSEC);
        if (store->database.db)
                sqlite3_busy_timeout(store->database.db, STORE_BUSY_MSEC);
        while (!stop) {
                stop = wait_for_work(&worker, next_due(&worker));
                if (worker.batch)
                        write_now(&worker);
                else if (!stop)
                        idle(&worker);
        }
        batch_free(worker.batch);
        return NULL;
}
