/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The store as the loop thread sees it.
 *
 * Putting a row copies it into the pending batch; submitting hands the batch
 * over by a pointer. The way back is an eventfd: what is on disk, and whether
 * the disk refuses, is told by callbacks on the loop thread.
 *
 * Ids are given out here, from memory, so that whoever puts a ban or an event
 * knows its number at once; they were read from the file when it was opened. If
 * the file could not be read, or was damaged, ids begin at the time of day in
 * milliseconds, which is higher than any that such a file can hold: an id must
 * not come twice, for a Monitor that was away asks by it.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "build-config.h"
#if BAILIFF_FAULT_POINTS
#include <jansson.h>
#endif
#include "store/private.h"

#define JOIN_SECONDS 10 /* for the thread's last transaction */

/*
 * The lock file names its owner for people. Where the disk takes no new file,
 * the directory itself can still be locked; so it always is, or a daemon that
 * comes when the disk works again would not see the one that came before.
 */
static int lock_directory(Store *store, Problem *problem)
{
        char path[PATH_MAX], pid[32] = "";
        int length;

        snprintf(path, sizeof path, "%.*s/" STORE_LOCK_FILE, PATH_MAX - 32, store->directory);
        store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        store->directory_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if ((store->lock_fd >= 0 && flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) ||
            (store->directory_fd >= 0 && flock(store->directory_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)) {
                ssize_t n = store->lock_fd >= 0 ? pread(store->lock_fd, pid, sizeof pid - 1, 0) : 0;
                pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
                return problem_set(problem, STORE_E_LOCKED,
                                   "another bailiffd (pid %s) runs with the state directory %s. "
                                   "See systemctl status bailiffd; for a second one give another --state-dir.",
                                   *pid ? pid : "unknown", store->directory);
        }
        length = snprintf(pid, sizeof pid, "%ld\n", (long) getpid());
        if (store->lock_fd >= 0 && ftruncate(store->lock_fd, 0) == 0)
                (void) !pwrite(store->lock_fd, pid, (size_t) length, 0); /* for people; the lock is what counts */
        return 0;
}

static int make_directory(const char *directory, Problem *problem)
{
        struct stat st;

        if (mkdir(directory, 0700) < 0 && errno == ENOENT)
                return problem_set(problem, -ENOENT,
                                   "%s: the directory that should hold the state directory does not exist; make it, or give "
                                   "another --state-dir",
                                   directory);
        if (stat(directory, &st) == 0 && !S_ISDIR(st.st_mode))
                return problem_set(problem, -ENOTDIR, "%s is not a directory; move it away, or give another --state-dir",
                                   directory);
        return 0;
}

static void take_ids(Store *store, const DatabaseIds *ids)
{
        store->stats.next_event_id = ids->next_event;
        store->stats.next_ban_id = ids->next_ban;
}

static void invent_ids(Store *store)
{
        uint64_t high = (uint64_t) (clock_event_now().usec / USEC_PER_MSEC);

        take_ids(store, &(DatabaseIds){ .next_event = high, .next_ban = high });
}

/* What cannot be written may be read. */
static void open_rescue(Store *store)
{
        DatabaseIds ids;
        struct stat st;
        int version = 0;

        if (stat(store->path, &st) < 0 && errno == ENOENT) {
                take_ids(store, &(DatabaseIds){ 1, 1 });
                return;
        }
        if (database_open_reader(store->path, true, &store->rescue) == SQLITE_OK &&
            schema_version(store->rescue, &version) == SQLITE_OK && database_ids(store->rescue, &ids) == SQLITE_OK) {
                take_ids(store, &ids);
                if (version > 0)
                        return;
        } else {
                invent_ids(store);
        }
        sqlite3_close(store->rescue); /* unreadable, or empty */
        store->rescue = NULL;
}

static int open_database(Store *store, Problem *problem)
{
        DatabaseIds ids;
        int r;

        r = database_open(&store->database, store->path, problem);
        if (r == STORE_E_NEWER)
                return r;
        if (r == STORE_E_UNAVAILABLE)
                open_rescue(store);
        else if (r == STORE_E_CORRUPT || database_ids(store->database.db, &ids) != SQLITE_OK)
                invent_ids(store);
        else
                take_ids(store, &ids);
        return r;
}

/**
 * store_open() - lock the state directory and open the database in it
 * @directory:  is made (0700) if it is missing; its parent must exist
 * @ret_store:  also set with STORE_E_CORRUPT and STORE_E_UNAVAILABLE, which are warnings: the daemon goes on
 * @problem:    set unless 0 is returned
 *
 * The file is checked with quick_check and brought to the newest schema.
 *
 * Return: 0, STORE_E_*, or -errno: there is no such directory and it cannot be made.
 */
int store_open(const char *directory, Store **ret_store, Problem *problem)
{
        _cleanup_(store_freep) Store *store = calloc(1, sizeof *store);
        pthread_condattr_t attributes;
        int r;

        if (!store)
                return problem_set(problem, -ENOMEM, "out of memory");
        store->lock_fd = store->directory_fd = store->wake_fd = -1;
        store->limits = STORE_LIMITS_DEFAULT;
        pthread_mutex_init(&store->mutex, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&store->work, &attributes);
        pthread_cond_init(&store->done, &attributes);
        pthread_condattr_destroy(&attributes);
        store->pending = batch_new();
        store->directory = strdup(directory);
        if (!store->directory || asprintf(&store->path, "%s/" STORE_FILE, directory) < 0)
                return problem_set(problem, -ENOMEM, "out of memory");
        r = make_directory(directory, problem);
        if (r == 0)
                r = lock_directory(store, problem);
        if (r == 0)
                r = open_database(store, problem);
        if (r == 0 || r == STORE_E_CORRUPT || r == STORE_E_UNAVAILABLE)
                *ret_store = steal(store);
        return r;
}

static void stop_thread(Store *store)
{
        struct timespec until;

        pthread_mutex_lock(&store->mutex);
        store->shared.stop = true;
        pthread_cond_broadcast(&store->work);
        pthread_mutex_unlock(&store->mutex);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += JOIN_SECONDS;
        if (pthread_timedjoin_np(store->thread, NULL, &until) == 0)
                store->running = false;
}

/**
 * store_free() - stop the thread and close the file
 *
 * What was submitted is written once more if the disk takes it; what was only
 * put is dropped: call store_flush() before. A thread that hangs in a dead disk
 * is left behind after ten seconds, with all that it uses, for it cannot be
 * stopped and the process is about to end.
 *
 * Return: NULL.
 */
Store *store_free(Store *store)
{
        if (!store)
                return NULL;
        sd_event_source_disable_unref(store->source);
        store->source = NULL;
        sqlite3_close(store->reader);
        store->reader = NULL;
        if (store->running)
                stop_thread(store);
        if (store->running || (store->summary && !summary_end(store->summary, JOIN_SECONDS)))
                return NULL;
        free(store->waiters);
        sqlite3_close(store->rescue);
        database_close(&store->database);
        batch_free(store->pending);
        batch_free(store->shared.submitted);
        batch_free(store->shared.committed);
        free(store->shared.problem);
        pthread_cond_destroy(&store->work);
        pthread_cond_destroy(&store->done);
        pthread_mutex_destroy(&store->mutex);
        if (store->wake_fd >= 0)
                close(store->wake_fd);
        if (store->lock_fd >= 0)
                close(store->lock_fd);
        if (store->directory_fd >= 0)
                close(store->directory_fd);
        free(store->directory);
        free(store->path);
        free(store);
        return NULL;
}

/**
 * store_set_limits() - keep more or less than STORE_LIMITS_DEFAULT; before store_start()
 */
void store_set_limits(Store *store, const StoreLimits *limits)
{
        assert(!store->running);
        store->limits = *limits;
}

/**
 * store_load() - hand out what is remembered; before store_start()
 * @now:        bans that are over by then are not handed out, and become history
 * @loader:     where it goes; records are borrowed until a function returns
 *
 * Works also with STORE_E_UNAVAILABLE, as far as the file can be read. Rows
 * that make no sense are passed over and counted in the stats.
 *
 * Return: 0; a negative value of the loader; -EIO if a part could not be read.
 */
int store_load(Store *store, EventTime now, const StoreLoader *loader, Problem *problem)
{
        sqlite3 *db = store->database.db ? store->database.db : store->rescue;
        int r;

        assert(!store->running);
        store->load_time = now;
        if (!db)
                return 0;
        r = read_all(db, now, loader, &store->stats.skipped_rows);
        if (r == -EIO)
                return problem_set(problem, r,
                                   "%s could not be read to its end: %s; what was read is in use. Look for disk errors in dmesg",
                                   store->path, sqlite3_errmsg(db));
        if (r < 0)
                return problem_set(problem, r, "%s: taking over what is remembered failed: %s", store->path, strerror(-r));
        return r;
}

/* A waiter may ask again, which begins a new count. */
static void deliver_summary(Store *store)
{
        Summary *summary = steal(store->summary);
        _cleanup_free_ SummaryWaiter *waiters = steal(store->waiters);
        size_t n_waiters = store->n_waiters;

        store->n_waiters = 0;
        for (size_t i = 0; i < n_waiters; i++)
                waiters[i].done(waiters[i].userdata, summary_result(summary));
        summary_end(summary, JOIN_SECONDS);
}

/* Tells on the loop thread what the store thread has done. */
static void deliver(Store *store)
{
        _cleanup_(batch_freep) Batch *batch = NULL;
        _cleanup_free_ char *problem = NULL;
        bool news, emptied;

        if (store->summary && summary_is_done(store->summary))
                deliver_summary(store);

        pthread_mutex_lock(&store->mutex);
        batch = steal(store->shared.committed);
        news = store->shared.problem_news;
        emptied = store->shared.emptied_news;
        store->shared.problem_news = store->shared.emptied_news = false;
        if (news && store->shared.problem)
                problem = strdup(store->shared.problem);
        pthread_mutex_unlock(&store->mutex);

        if (news && store->callbacks.degraded)
                store->callbacks.degraded(store->callbacks.userdata, problem);
        if (emptied) {
                sqlite3_close(store->reader); /* it reads the old file */
                store->reader = NULL;
                if (store->callbacks.emptied)
                        store->callbacks.emptied(store->callbacks.userdata);
        }
        if (batch && store->callbacks.committed)
                store->callbacks.committed(store->callbacks.userdata, batch->sequence, batch->events, batch->n_events);
        for (OutboxJob *job = batch ? batch->jobs : NULL; job; job = job->next)
                outbox_job_deliver(job);
}

static int on_wake(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        uint64_t count;

        (void) !read(fd, &count, sizeof count);
        deliver(userdata);
        return 0;
}

/**
 * store_start() - start the store thread
 * @event:      the loop, on which the callbacks run
 * @callbacks:  copied
 *
 * Signals are blocked in the thread. Where the file could not be opened yet,
 * `degraded` tells so soon, and again (NULL) when it has healed.
 *
 * Return: 0 or -errno.
 */
int store_start(Store *store, sd_event *event, StoreCallbacks callbacks)
{
        sigset_t all, before;
        int r;

        assert(!store->running);
        store->callbacks = callbacks;
        store->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (store->wake_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &store->source, store->wake_fd, EPOLLIN, on_wake, store);
        if (r < 0)
                return r;
        sd_event_source_set_description(store->source, "store");
        sd_event_source_set_exit_on_failure(store->source, true);
        sqlite3_close(store->rescue);
        store->rescue = NULL;
        table_hash("", 0); /* draws the seed before there are two threads */

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&store->thread, NULL, store_thread, store);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        pthread_setname_np(store->thread, "store");
        store->running = true;
        return 0;
}

/**
 * store_put_ban() - a ban is new or has changed
 *
 * A ban that had ended is in force again.
 */
void store_put_ban(Store *store, const Ban *ban)
{
        batch_put_ban(store->pending, ban);
        if (ban->id >= store->stats.next_ban_id)
                store->stats.next_ban_id = ban->id + 1;
}

/**
 * store_end_ban() - a ban is over; it stays as history until it is pruned
 * @time:       when
 * @how:        one word for people: ban_event_kind_name()
 */
void store_end_ban(Store *store, uint64_t ban_id, EventTime time, const char *how)
{
        batch_end_ban(store->pending, ban_id, time, how);
}

/**
 * store_put_window() - a window has changed; without entries it is removed
 */
void store_put_window(Store *store, const WindowRecord *record)
{
        batch_put_window(store->pending, record);
}

/**
 * store_put_position() - a source was read up to here; a position of "" forgets the source
 *
 * Put it after the effects of the lines before it and before store_submit():
 * then they are committed together.
 */
void store_put_position(Store *store, const PositionRecord *record)
{
        batch_put_position(store->pending, record);
}

/**
 * store_put_level() - how far an address' bans have grown; forgotten EVENT_TIME_NONE: it is forgotten
 */
void store_put_level(Store *store, const LevelRecord *record)
{
        batch_put_level(store->pending, record);
}

/**
 * store_put_allow() - an address is allowed; until EVENT_TIME_NONE: no longer
 */
void store_put_allow(Store *store, const AllowRecord *record)
{
        batch_put_allow(store->pending, record);
}

/**
 * store_put_pause() - a jail is paused; by NULL: it runs again
 */
void store_put_pause(Store *store, const PauseRecord *record)
{
        batch_put_pause(store->pending, record);
}

/**
 * store_put_set_aside() - a line was set aside
 */
void store_put_set_aside(Store *store, const SetAsideRecord *record)
{
        batch_put_set_aside(store->pending, record);
}

/**
 * store_put_outbox() - a report is due
 *
 * It is laid together with one of the same kind and address that waits and has
 * surely not arrived. Within the record's window since the last one was sent it waits
 * for the window's end, where it is a report, and else is not entered at all.
 */
void store_put_outbox(Store *store, const OutboxRecord *record)
{
        batch_put_outbox(store->pending, record);
}

#if BAILIFF_FAULT_POINTS
static bool members_are_json(const char *members)
{
        _cleanup_free_ char *text = NULL;
        json_t *value;

        if (asprintf(&text, "{%s}", members) < 0)
                return true;
        value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        json_decref(value);
        return value;
}
#endif

/**
 * store_put_event() - append to the event log
 * @kind:               a word without a quote
 * @json_members:       a fragment `"jail":"sshd","ip":"203.0.113.5"`, or ""; it follows "id", "time" and "event"
 *
 * Return: the event's id, one more than the last one's.
 */
uint64_t store_put_event(Store *store, EventTime time, const char *kind, const char *json_members)
{
#if BAILIFF_FAULT_POINTS
        assert(members_are_json(json_members));
#endif
        uint64_t id = store->stats.next_event_id++;

        batch_put_event(store->pending, id, time, kind, json_members);
        return id;
}

/**
 * store_submit() - hand what was put to the store thread
 *
 * Return: the sequence number at which all of it is on disk; the last one's if
 * nothing was put since.
 */
uint64_t store_submit(Store *store)
{
        if (batch_is_empty(store->pending))
                return store->stats.sequence_submitted;
        store->pending->sequence = ++store->stats.sequence_submitted;
        pthread_mutex_lock(&store->mutex);
        if (store->shared.submitted)
                batch_absorb(store->shared.submitted, steal(store->pending));
        else
                store->shared.submitted = steal(store->pending);
        pthread_cond_signal(&store->work);
        pthread_mutex_unlock(&store->mutex);
        store->pending = batch_new();
        return store->stats.sequence_submitted;
}

/**
 * store_flush() - submit, and wait until everything is on disk
 * @timeout_msec:       at most so long
 *
 * For shutdown: it blocks the loop thread. The callbacks for what was committed
 * run before it returns.
 *
 * Return: 0, or -ETIMEDOUT (it is tried further).
 */
int store_flush(Store *store, unsigned timeout_msec)
{
        uint64_t wanted = store_submit(store);
        struct timespec until;
        bool complete;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += timeout_msec / 1000;
        until.tv_nsec += (long) (timeout_msec % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&store->mutex);
        while (store->running && store->shared.sequence_committed < wanted)
                if (pthread_cond_timedwait(&store->done, &store->mutex, &until) == ETIMEDOUT)
                        break;
        complete = store->shared.sequence_committed >= wanted;
        pthread_mutex_unlock(&store->mutex);
        deliver(store);
        return complete ? 0 : -ETIMEDOUT;
}

/**
 * store_stats() - figures for status and health
 *
 * Return: valid until the next call.
 */
const StoreStats *store_stats(Store *store)
{
        StoreStats *stats = &store->stats;

        pthread_mutex_lock(&store->mutex);
        stats->sequence_committed = store->shared.sequence_committed;
        stats->commits = store->shared.commits;
        stats->failed_commits = store->shared.failed_commits;
        stats->last_commit_usec = store->shared.last_commit_usec;
        stats->pending_bytes = store->pending->bytes + store->shared.writing_bytes +
                               (store->shared.submitted ? store->shared.submitted->bytes : 0);
        pthread_mutex_unlock(&store->mutex);
        return stats;
}

/**
 * store_is_full() - whether the sources have to pause
 *
 * True while rows that cannot merge take STORE_PENDING_MAX bytes. Rows are still
 * taken then: an administrator's command goes on.
 */
bool store_is_full(const Store *store)
{
        /* Only the mutex changes, which is not part of what the caller sees. */
        return store_stats((Store *) (uintptr_t) store)->pending_bytes >= STORE_PENDING_MAX;
}

/* The file is opened at the first question, so that a daemon that nobody asks has one connection. */
static int reader(Store *store)
{
        if (store->reader)
                return 0;
        return database_open_reader(store->path, false, &store->reader) == SQLITE_OK ? 0 : STORE_E_UNAVAILABLE;
}

/**
 * store_read_events() - committed events behind @since, in order
 * @max:        rows at most, which bounds the time; ask again with the last id
 * @visitor:    a negative return stops it and is handed on
 *
 * Reads on the loop thread, by a connection that waits for no lock. Keep @max
 * at some hundreds: 1,000 rows take about a millisecond.
 *
 * Return: 0; -EBUSY: ask again later; STORE_E_UNAVAILABLE; -EIO; the visitor's.
 */
int store_read_events(Store *store, uint64_t since, size_t max, StoreEventVisitor visitor, void *userdata)
{
        int r = reader(store);

        return r != 0 ? r : read_events(store->reader, since, max, visitor, userdata);
}

/**
 * store_read_past_bans() - ended bans that covered @addr, the latest first
 * @max:        rows at most
 * @visitor:    @how is the word given to store_end_ban(); a negative return stops it and is handed on
 *
 * As store_read_events().
 */
int store_read_past_bans(Store *store, const Addr *addr, size_t max, StorePastBanVisitor visitor, void *userdata)
{
        int r = reader(store);

        return r != 0 ? r : read_past_bans(store->reader, addr, max, visitor, userdata);
}

/**
 * store_summarise() - count bans, for `stats`; after store_start()
 * @done:       runs on the loop thread, with NULL if the file could not be read; not after store_free()
 *
 * Takes a second or two with a million bans, on a thread and a connection of its
 * own. Who asks while it counts gets the same answer.
 *
 * Return: 0 or -errno; then @done does not run.
 */
int store_summarise(Store *store, EventTime now, void (*done)(void *userdata, const StoreSummary *summary), void *userdata)
{
        SummaryWaiter *waiters = reallocarray(store->waiters, store->n_waiters + 1, sizeof *waiters);
        int r;

        assert(store->running);
        if (!waiters)
                return -ENOMEM;
        store->waiters = waiters;
        if (!store->summary) {
                r = summary_start(store->path, now, store->wake_fd, &store->summary);
                if (r < 0)
                        return r;
        }
        store->waiters[store->n_waiters++] = (SummaryWaiter){ done, userdata };
        return 0;
}

/**
 * store_ask_outbox() - a question to the outbox, which may change it
 * @request:    copied
 * @done:       runs once on the loop thread, when the answer and what it changed are on disk; not after store_free()
 * @ret_waiter: for outbox_waiter_forget(), valid until @done has run; may be NULL
 *
 * It goes into the pending batch, behind the rows in it: call store_submit()
 * (or what leads to it) soon. While the disk refuses, it waits.
 *
 * Return: 0 or -ENOMEM.
 */
int store_ask_outbox(Store *store, const OutboxRequest *request, void (*done)(void *userdata, OutboxResult *result), void *userdata,
                     OutboxWaiter **ret_waiter)
{
        OutboxJob *job = outbox_job_new(request, done, userdata);

        if (!job)
                return -ENOMEM;
        if (ret_waiter)
                *ret_waiter = job->waiter;
        batch_put_job(store->pending, job);
        return 0;
}

/**
 * store_read_outbox() - reports of an address, the latest first
 * @addr:       a single address
 * @max:        rows at most
 * @visitor:    a negative return stops it and is handed on
 *
 * As store_read_events().
 */
int store_read_outbox(Store *store, const Addr *addr, size_t max, OutboxVisitor visitor, void *userdata)
{
        int r = reader(store);

        return r != 0 ? r : read_outbox(store->reader, addr, max, visitor, userdata);
}
