/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The journal as a source of lines: when to look, and what to do when looking fails.
 *
 * journald wakes its readers late: a 250 ms timer with up to 250 ms of slack.
 * An attack is decided faster than that, so while one is on (the daemon calls
 * journal_source_attack() at each hit) the journal is polled every 5 ms, which
 * costs 0.4 % of a core. The pace then falls to once a second, where it costs
 * nothing that can be measured, and the wake-ups that do come are heeded.
 *
 * One poll reads until nothing is left, lets libsystemd take up rotated files,
 * and reads again; every 50 ms at most it also looks from the cursor for an
 * entry that libsystemd overlooked (handle.c). A poll hands out a bounded
 * number of lines and then lets the loop turn, so that a backlog of millions
 * does not keep the control socket and the kernel's answers waiting.
 *
 * Nothing here is final. A journal that is not there is looked for once a
 * second. An error closes the journal and opens it again at the cursor; ten
 * errors in a second slow that down to once a second until three seconds have
 * passed without one. No handler ever returns an error to the loop, which would
 * silence the source for good.
 *
 * Three event sources, of which one at least is armed at any time: the timer, the
 * journal's descriptor, and a deferred one while there is more to read at once.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "source/private.h"

#define POLL_FAST (5 * USEC_PER_MSEC)
#define POLL_LIVELY (100 * USEC_PER_MSEC) /* lines come, but no hits */
#define POLL_IDLE (1 * USEC_PER_SEC)
#define ATTACK_FOR (10 * USEC_PER_SEC)
#define LOOK_EVERY (50 * USEC_PER_MSEC)
#define BATCH_LINES 1000
#define BATCH_TIME (20 * USEC_PER_MSEC)
#define ERRORS_PER_SEC 10
#define HEALED_AFTER (3 * USEC_PER_SEC)

/* The poll was cut short: there is more to read. */
#define SOURCE_E_MORE 1

struct JournalSource {
        JournalConfig config;
        char **idents, **namespaces, *directory;
        SourceCallbacks callbacks;
        SourceStats stats;
        sd_event *event;
        sd_event_source *timer, *defer, *io;
        bool started, opened, paused, caught_up;
        bool degraded; /* reads once a second */
        bool in_poll;
        uint64_t interval; /* between polls, usec */
        BootTime attack_until, last_look, last_root_check;
        BootTime error_window, last_error;
        unsigned errors_in_window;
        JournalHandle handle;
};

typedef struct Batch {
        unsigned lines;
        BootTime end;
} Batch;

static void tell(JournalSource *source, SourceState state, const char *text)
{
        if (state == source->stats.state && !*text)
                return;
        source->stats.state = state;
        if (source->callbacks.state)
                source->callbacks.state(source->callbacks.userdata, state, text);
}

/* ---- The timer ---- */

static void arm(JournalSource *source, uint64_t interval)
{
        source->interval = interval;
        sd_event_source_set_time_accuracy(source->timer, interval >= POLL_IDLE ? POLL_IDLE / 20 : 1);
        sd_event_source_set_time(source->timer, clock_boot_now().usec + interval);
        sd_event_source_set_enabled(source->timer, SD_EVENT_ONESHOT);
}

static void arm_next_poll(JournalSource *source, bool found_lines)
{
        /* The first poll has no pace to slow down from; nothing doubled would stay nothing, and spin. */
        uint64_t interval = source->interval > 0 ? source->interval * 2 : POLL_LIVELY;

        if (source->degraded)
                interval = POLL_IDLE;
        else if (clock_boot_now().usec < source->attack_until.usec)
                interval = source->config.fast_poll_usec;
        else if (found_lines)
                interval = POLL_LIVELY;
        if (interval > POLL_IDLE)
                interval = POLL_IDLE;
        arm(source, interval);
}

static void listen_to_wakeups(JournalSource *source, bool listen)
{
        if (source->io)
                sd_event_source_set_enabled(source->io, listen ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* ---- Opening and failing ---- */

static void source_close(JournalSource *source)
{
        bool guarded = bus_guard_set(true);

        source->io = sd_event_source_disable_unref(source->io);
        journal_handle_close(&source->handle);
        bus_guard_reset();
        bus_guard_set(guarded);
}

static void source_fail(JournalSource *source, int r, const char *text)
{
        char words[PROBLEM_TEXT_MAX];
        BootTime now = clock_boot_now();

        source->stats.errors++;
        source_close(source);
        if (now.usec - source->error_window.usec > (uint64_t) USEC_PER_SEC) {
                source->error_window = now;
                source->errors_in_window = 0;
        }
        source->last_error = now;
        if (++source->errors_in_window < ERRORS_PER_SEC && !source->degraded) {
                sd_event_source_set_enabled(source->defer, SD_EVENT_ONESHOT);
                return;
        }
        if (!text) {
                snprintf(words, sizeof words,
                         "reading the journal fails again and again: %s; it is tried once a second; look for damage with "
                         "journalctl --verify",
                         strerror(-r));
                text = words;
        }
        if (!source->degraded || source->stats.state != SOURCE_DEGRADED) {
                source->degraded = true;
                tell(source, SOURCE_DEGRADED, text);
        }
        arm(source, POLL_IDLE);
}

static int on_wakeup(sd_event_source *event_source, int fd, uint32_t events, void *userdata);

static int add_wakeup(JournalSource *source)
{
        int fd, r;

        fd = sd_journal_get_fd(source->handle.journal);
        if (fd < 0)
                return fd;
        r = sd_event_add_io(source->event, &source->io, fd, EPOLLIN, on_wakeup, source);
        if (r >= 0)
                r = sd_event_source_set_description(source->io, "journal-wakeup");
        return r < 0 ? r : 0;
}

/* Return: whether the journal is open now. */
static bool source_open(JournalSource *source)
{
        Problem problem = { 0 };
        int r;

        r = journal_handle_open(&source->handle, &source->config, &problem);
        if (r == JOURNAL_E_ABSENT) {
                source->degraded = false;
                if (source->stats.state != SOURCE_WAITING)
                        tell(source, SOURCE_WAITING, problem.text);
                arm(source, POLL_IDLE);
                return false;
        }
        if (r < 0) {
                source_fail(source, r, problem.text);
                return false;
        }
        r = journal_handle_resume(&source->handle, &problem);
        if (r == 0 && bus_guard_tripped())
                r = -EIO;
        if (r == 0)
                r = add_wakeup(source);
        if (r < 0) {
                source_fail(source, r, NULL);
                return false;
        }
        listen_to_wakeups(source, !source->degraded);
        tell(source, source->degraded ? SOURCE_DEGRADED : SOURCE_OPEN, problem.text);
        if (source->opened)
                source->stats.reopened++;
        source->opened = true;
        source->last_root_check = clock_boot_now();
        return true;
}

/* ---- Reading ---- */

static int line_origin(const Line *line, Origin *ret_origin)
{
        JournalSource *source = line->handle;

        return journal_handle_origin(&source->handle, ret_origin);
}

/* Return: @r, or -EIO if a file shrank meanwhile. */
static int step_trusted(JournalSource *source, int r)
{
        if (!bus_guard_tripped())
                return r;
        journal_handle_distrust(&source->handle);
        return -EIO;
}

/* Return: 0, -EIO: a file shrank meanwhile. */
static int hand_out(JournalSource *source, Batch *batch)
{
        Line line;
        int r;

        batch->lines++;
        r = journal_handle_read(&source->handle, clock_event_now(), &line);
        if (r < 0) {
                /* The entry is passed over: it would be no better when read again. */
                if (r == -ENOENT)
                        source->stats.without_message++;
                else
                        source->stats.errors++;
                return bus_guard_tripped() ? -EIO : 0;
        }
        line.origin = line_origin;
        line.handle = source;
        source->stats.lines++;
        source->stats.last_line = line.time;
        source->callbacks.line(source->callbacks.userdata, &line);
        return bus_guard_tripped() ? -EIO : 0;
}

/* Return: 0: nothing is left, SOURCE_E_MORE: the batch is full, -errno. */
static int drain(JournalSource *source, Batch *batch)
{
        int r;

        for (;;) {
                if (source->paused)
                        return SOURCE_E_MORE;
                if (batch->lines >= BATCH_LINES || clock_boot_now().usec >= batch->end.usec)
                        return SOURCE_E_MORE;
                r = journal_handle_next(&source->handle);
                r = step_trusted(source, r);
                if (r <= 0)
                        return r;
                r = hand_out(source, batch);
                if (r < 0)
                        return r;
        }
}

static int second_look(JournalSource *source, Batch *batch)
{
        BootTime now = clock_boot_now();
        int r;

        if (now.usec - source->last_look.usec < (uint64_t) LOOK_EVERY)
                return 0;
        source->last_look = now;
        r = journal_handle_look(&source->handle);
        r = step_trusted(source, r);
        if (r <= 0)
                return r;
        source->stats.recovered++;
        r = hand_out(source, batch);
        return r < 0 ? r : drain(source, batch);
}

/* Return: as drain(). */
static int poll_once(JournalSource *source, Batch *batch)
{
        int r, process;

        source->stats.polls++;
        r = drain(source, batch);
        if (r < 0)
                return r;
        process = journal_handle_process(&source->handle);
        if (process < 0 || bus_guard_tripped())
                return process < 0 ? process : -EIO;
        if (r == 0)
                r = drain(source, batch);
        if (r == 0)
                r = second_look(source, batch);
        return r;
}

static bool reopen_if_moved(JournalSource *source)
{
        BootTime now = clock_boot_now();

        if (now.usec - source->last_root_check.usec < (uint64_t) POLL_IDLE)
                return true;
        source->last_root_check = now;
        if (!journal_handle_roots_changed(&source->handle, &source->config))
                return true;
        source_close(source);
        return source_open(source);
}

static void settle(JournalSource *source, bool found_lines)
{
        if (source->degraded && clock_boot_now().usec - source->last_error.usec >= (uint64_t) HEALED_AFTER) {
                source->degraded = false;
                listen_to_wakeups(source, true);
                tell(source, SOURCE_OPEN, "reading without errors again");
        }
        arm_next_poll(source, found_lines);
        if (!source->caught_up) {
                source->caught_up = true;
                if (source->callbacks.caught_up)
                        source->callbacks.caught_up(source->callbacks.userdata);
        }
}

static void turn_paused(JournalSource *source)
{
        bool guarded = bus_guard_set(true);

        listen_to_wakeups(source, false);
        /* Files come and go meanwhile; only the reading waits. */
        if (source->handle.journal && (journal_handle_process(&source->handle) < 0 || bus_guard_tripped()))
                source_close(source);
        bus_guard_set(guarded);
        arm(source, POLL_IDLE);
}

static void read_on(JournalSource *source)
{
        Batch batch = { .end = { clock_boot_now().usec + BATCH_TIME } };
        int r;

        if (!source->started)
                return;
        if (source->paused) {
                turn_paused(source);
                return;
        }
        if (!source->handle.journal) {
                if (!source_open(source))
                        return;
        } else if (!reopen_if_moved(source))
                return;

        source->in_poll = true;
        r = poll_once(source, &batch);
        source->in_poll = false;
        if (r < 0)
                source_fail(source, r, NULL);
        else if (source->paused)
                turn_paused(source);
        else if (r == SOURCE_E_MORE)
                sd_event_source_set_enabled(source->defer, SD_EVENT_ONESHOT);
        else
                settle(source, batch.lines > 0);
}

static void turn(JournalSource *source)
{
        bool guarded = bus_guard_set(true);

        read_on(source);
        bus_guard_set(guarded);
}

static int on_timer(sd_event_source *event_source, uint64_t usec, void *userdata)
{
        turn(userdata);
        return 0;
}

static int on_defer(sd_event_source *event_source, void *userdata)
{
        turn(userdata);
        return 0;
}

static int on_wakeup(sd_event_source *event_source, int fd, uint32_t events, void *userdata)
{
        turn(userdata);
        return 0;
}

/* ---- The interface ---- */

static void free_names(char **names, size_t n)
{
        for (size_t i = 0; names && i < n; i++)
                free(names[i]);
        free(names);
}

/* Return: for free_names(), with room for one more; NULL: no memory. */
static char **copy_names(const char *const *names, size_t n)
{
        char **copies = calloc(n + 1, sizeof *copies);

        for (size_t i = 0; copies && i < n; i++) {
                copies[i] = strdup(names[i]);
                if (!copies[i]) {
                        free_names(copies, n);
                        return NULL;
                }
        }
        return copies;
}

static int copy_config(JournalSource *source, const JournalConfig *config)
{
        source->config = *config;
        source->config.position = NULL;
        if (config->fast_poll_usec == 0)
                source->config.fast_poll_usec = POLL_FAST;
        for (size_t i = 0; i < config->n_idents; i++)
                if (strlen(config->idents[i]) >= JOURNAL_IDENT_MAX)
                        return -EINVAL;
        source->idents = copy_names(config->idents, config->n_idents);
        source->namespaces = copy_names(config->namespaces, config->n_namespaces);
        if (!source->idents || !source->namespaces)
                return -ENOMEM;
        source->config.idents = (const char *const *) source->idents;
        source->config.namespaces = (const char *const *) source->namespaces;
        if (config->directory) {
                source->directory = strdup(config->directory);
                if (!source->directory)
                        return -ENOMEM;
                source->config.directory = source->directory;
        }
        journal_handle_place(&source->handle, config->position, config->since);
        return 0;
}

/**
 * journal_source_new() - prepare a reader of the journal; nothing is opened yet
 * @event:      the loop
 * @config:     copied; idents of at most 255 bytes, without doubles
 * @callbacks:  line is required
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int journal_source_new(sd_event *event, const JournalConfig *config, SourceCallbacks callbacks, JournalSource **ret_source)
{
        _cleanup_(journal_source_freep) JournalSource *source = NULL;
        int r;

        assert(callbacks.line);
        if (config->n_idents == 0)
                return -EINVAL;
        source = calloc(1, sizeof *source);
        if (!source)
                return -ENOMEM;
        source->event = sd_event_ref(event);
        source->callbacks = callbacks;
        r = copy_config(source, config);
        if (r < 0)
                return r;
        *ret_source = steal(source);
        return 0;
}

/**
 * journal_source_is_like() - whether a source of this configuration would read the same, but for its place
 */
bool journal_source_is_like(const JournalSource *source, const JournalConfig *config)
{
        size_t n = source->config.n_namespaces;

        if (n != config->n_namespaces || source->config.containers != config->containers)
                return false;
        for (size_t i = 0; i < n; i++)
                if (strcmp(source->namespaces[i], config->namespaces[i]) != 0)
                        return false;
        return true;
}

/**
 * journal_source_free() - stop reading and forget everything
 */
JournalSource *journal_source_free(JournalSource *source)
{
        if (!source)
                return NULL;
        source_close(source);
        sd_event_source_disable_unref(source->timer);
        sd_event_source_disable_unref(source->defer);
        sd_event_unref(source->event);
        free_names(source->idents, source->config.n_idents);
        free_names(source->namespaces, source->config.n_namespaces);
        free(source->directory);
        free(source);
        return NULL;
}

/**
 * journal_source_start() - begin to read, at once if there is a journal
 * @problem:    why the loop cannot take it
 *
 * The first lines come from the loop, not from within this call. A journal that
 * is missing or fails is no failure: the state callback tells of it, also from
 * within this call.
 *
 * Return: 0, -errno.
 */
int journal_source_start(JournalSource *source, Problem *problem)
{
        int r;

        assert(!source->started);
        r = bus_guard_install();
        if (r >= 0)
                r = sd_event_add_time(source->event, &source->timer, CLOCK_BOOTTIME, UINT64_MAX, 1, on_timer, source);
        if (r >= 0)
                r = sd_event_source_set_description(source->timer, "journal-poll");
        if (r >= 0)
                r = sd_event_add_defer(source->event, &source->defer, on_defer, source);
        if (r >= 0)
                r = sd_event_source_set_description(source->defer, "journal-backlog");
        if (r < 0)
                return problem_set(problem, r, "cannot set up the reading of the journal: %s", strerror(-r));
        sd_event_source_set_enabled(source->defer, SD_EVENT_OFF);
        source->started = true;
        bool guarded = bus_guard_set(true);
        bool open = !source->paused && source_open(source);
        bus_guard_set(guarded);
        if (source->paused || open)
                sd_event_source_set_enabled(source->defer, SD_EVENT_ONESHOT);
        return 0;
}

/**
 * journal_source_attack() - a line was a hit: poll fast for the next ten seconds
 */
void journal_source_attack(JournalSource *source)
{
        source->attack_until.usec = clock_boot_now().usec + ATTACK_FOR;
        if (source->started && !source->in_poll && !source->paused && source->handle.journal && !source->degraded &&
            source->interval > source->config.fast_poll_usec)
                arm(source, source->config.fast_poll_usec);
}

/**
 * journal_source_pause() - stop handing out lines, or go on
 * @pause:      true: at most the line being handed out now is followed by none
 *
 * The place is kept; what the journal still holds then is read when it goes on.
 */
void journal_source_pause(JournalSource *source, bool pause)
{
        if (source->paused == pause)
                return;
        source->paused = pause;
        if (!source->started)
                return;
        if (pause) {
                tell(source, SOURCE_PAUSED, "reading is paused");
                if (!source->in_poll)
                        turn_paused(source);
                return;
        }
        if (source->handle.journal) {
                listen_to_wakeups(source, !source->degraded);
                tell(source, source->degraded ? SOURCE_DEGRADED : SOURCE_OPEN, "");
        }
        sd_event_source_set_enabled(source->defer, SD_EVENT_ONESHOT);
}

/**
 * journal_source_position() - the place of the last line handed out
 * @ret_position:       text for JournalConfig.position: a cursor, or "@" and a time if the cursor could not be had
 *
 * Within the line callback that is the line itself, which is not done yet: keep
 * it together with the line's effects, or ask between lines. It costs about 2 µs
 * when lines have come since it was asked last.
 *
 * Return: 0, -ENODATA: no line has been read and no position was given.
 */
int journal_source_position(JournalSource *source, char ret_position[static SOURCE_POSITION_MAX])
{
        bool guarded = bus_guard_set(true);

        if (source->handle.journal)
                journal_handle_mark(&source->handle);
        bus_guard_set(guarded);
        if (source->handle.cursor[0])
                strcpy(ret_position, source->handle.cursor);
        else if (source->handle.since_last)
                snprintf(ret_position, SOURCE_POSITION_MAX, "@%lld", (long long) source->handle.since.usec);
        else
                return -ENODATA;
        return 0;
}

/**
 * journal_source_stats() - counters since start, borrowed, always up to date
 */
const SourceStats *journal_source_stats(const JournalSource *source)
{
        return &source->stats;
}
