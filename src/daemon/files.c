/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What is read of log files.
 *
 * There is a watch for each jail, in the jails' order, so a line's readers are
 * jails. A jail reads files where its configuration says so, or, with
 * `sources: auto`, while the journal has never had a line of its service: the
 * journal tells who wrote a line, a file does not. With the first line in the
 * journal its files are left. (Not so jails that name both.) Until then, and where both are configured, a
 * message that stands in both counts once (copies.h).
 *
 * A reload builds the source anew and hands it the places of reading.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "logline.h"
#include "util/log.h"

/**
 * files_jail_sources() - where a jail's lines come from at present: CONFIG_SOURCE_*
 */
unsigned files_jail_sources(const Daemon *daemon, Jail *jail)
{
        const JailConfig *config = jail->config;

        if (config->sources)
                return config->sources;
        if (config->n_logs == 0 || config->n_containers > 0 || !jail->filter || journal_carries(daemon, jail))
                return CONFIG_SOURCE_JOURNAL;
        return CONFIG_SOURCE_JOURNAL | CONFIG_SOURCE_FILES;
}

/**
 * files_reads_both() - whether a jail's messages may come twice
 *
 * With `sources: auto` only where files have been read: the journal's copies of their last lines are still to come when they
 * are left.
 */
bool files_reads_both(const Jail *jail)
{
        const unsigned both = CONFIG_SOURCE_JOURNAL | CONFIG_SOURCE_FILES;

        return jail->read_files && (!jail->config->sources || (jail->config->sources & both) == both);
}

/**
 * files_believes() - whether a jail takes a line of a file that it reads, see core_believes()
 *
 * Where the journal never gets what is not believed, status tells what to write (answer-status.c).
 */
bool files_believes(const Daemon *daemon, Jail *jail, const Line *line)
{
        bool journal = daemon->journal && journal_source_stats(daemon->journal)->state != SOURCE_WAITING;
        bool believed = core_believes(jail->config, line, journal);

        jail->disbelieved = jail->disbelieved || !believed;
        return believed;
}

/**
 * files_journal_line() - the journal has a line under the name of a jail's service
 *
 * If the service itself wrote it, with `sources: auto` its files are left.
 */
void files_journal_line(Daemon *daemon, Jail *jail, const Line *line)
{
        jail->service = SERVICE_SEEN;
        if (jail->carried == CARRIED_YES || jail->config->sources || jail->config->n_logs == 0 || jail->config->n_containers > 0 || !filter_trusts(jail->filter, line))
                return;
        jail->carried = CARRIED_YES;
        daemon->files_changed = true;
}

/* ---- places of reading ---- */

static FilePlace *find_place(const Daemon *daemon, const char *name)
{
        FilePlace *place;

        HASH_FIND_STR(daemon->places, name, place);
        return place;
}

static FilePlace *add_place(Daemon *daemon, const char *name)
{
        FilePlace *place = calloc(1, sizeof *place);

        if (place)
                place->name = strdup(name);
        if (!place || !place->name) {
                free(place);
                return NULL;
        }
        HASH_ADD_KEYPTR(hh, daemon->places, place->name, strlen(place->name), place);
        return place;
}

static void drop_place(Daemon *daemon, FilePlace *place)
{
        HASH_DEL(daemon->places, place);
        free(place->name);
        free(place->position);
        free(place);
}

static void keep_place(Daemon *daemon, const char *name, const char *position, EventTime time)
{
        FilePlace *place = find_place(daemon, name);
        char *copy = strdup(position);

        if (!place && copy)
                place = add_place(daemon, name);
        if (!place || !copy) {
                free(copy);
                daemon_degrade(daemon, "memory", "out of memory: where reading of a log file goes on is not remembered");
                return;
        }
        free(place->position);
        place->position = copy;
        place->time = time;
}

/**
 * files_remembered() - take over a place that the store has kept
 */
void files_remembered(Daemon *daemon, const PositionRecord *record)
{
        keep_place(daemon, record->source, record->position, record->time);
}

static void forget_place(Daemon *daemon, const char *name)
{
        FilePlace *place = find_place(daemon, name);

        if (place)
                drop_place(daemon, place);
}

/* A position of "" is one that is not needed any more; the store takes it likewise. */
static void moved(void *userdata, const char *name, const char *position, EventTime time)
{
        Daemon *daemon = userdata;

        if (*position)
                keep_place(daemon, name, position, time);
        else
                forget_place(daemon, name);
        store_put_position(daemon->store, &(PositionRecord){ .source = name, .position = position, .time = time });
}

/**
 * files_commit() - give the store the places that have moved
 * @all:        each of them, since the store has lost what it knew
 */
void files_commit(Daemon *daemon, bool all)
{
        if (daemon->files)
                file_source_positions(daemon->files, all, moved, daemon);
}

static void free_places(Daemon *daemon)
{
        FilePlace *place, *next;

        HASH_ITER(hh, daemon->places, place, next)
                drop_place(daemon, place);
}

/* ---- the source ---- */

static bool is_ident(void *userdata, const char *ident)
{
        return filter_listens(userdata, ident);
}

static bool is_named(const Daemon *daemon, const char *path)
{
        if (*path != '/')
                return true; /* what is wrong with all of them */
        for (size_t i = 0; i < daemon->n_jails; i++)
                for (const char *const *named = daemon->watches[i].paths; *named; named++)
                        if (strcmp(*named, path) == 0)
                                return true;
        return false;
}

/* What a jail names itself has topics that outsiders cannot make more of: what is wrong with it is never hidden behind theirs. */
static void topic_of(const Daemon *daemon, const char *path, char topic[static PROBLEM_TEXT_MAX])
{
        snprintf(topic, PROBLEM_TEXT_MAX, "%s%s", is_named(daemon, path) ? HEALTH_LOG : HEALTH_FILE, path);
}

static void file_state(void *userdata, const char *path, const char *text)
{
        char topic[PROBLEM_TEXT_MAX];

        topic_of(userdata, path, topic);
        daemon_degrade_often(userdata, topic, *text ? text : NULL);
}

/**
 * files_problem() - what is wrong with a file that is read, or ""
 */
const char *files_problem(const Daemon *daemon, const char *path)
{
        char topic[PROBLEM_TEXT_MAX];

        topic_of(daemon, path, topic);
        return daemon_problem(daemon, topic);
}

static void files_caught_up(void *userdata)
{
        Daemon *daemon = userdata;

        daemon->files_read = true;
        daemon->deadlines_moved = true;
        log_debug("the log files have been read up to the present");
}

/* What was wrong with files that are perhaps not read any more; what still is will be said again. */
static void forget_problems(Daemon *daemon)
{
        Health *health = &daemon->health;

        for (size_t i = health->n_problems; i-- > 0;)
                if (strncmp(health->problems[i].topic, HEALTH_FILE, strlen(HEALTH_FILE)) == 0 ||
                    strncmp(health->problems[i].topic, HEALTH_LOG, strlen(HEALTH_LOG)) == 0)
                        health_set(health, health->problems[i].topic, NULL);
}

static const char *name_or_null(const char *name)
{
        return *name ? name : NULL;
}

static FileWatch watch_of(const Daemon *daemon, Jail *jail)
{
        static const char *const nothing[] = { NULL };
        const JailConfig *config = jail->config;
        bool reads = jail->filter && (files_jail_sources(daemon, jail) & CONFIG_SOURCE_FILES);
        FileWatch watch = { .paths = nothing, .findtime = config->findtime, .is_ident = is_ident, .ident_data = jail->filter };

        if (!reads)
                return watch;
        jail->read_files = true;
        watch.paths = config->logs;
        watch.style = (FileStyle){
                .format = config->is_json ? FILE_JSON : FILE_LINES,
                .message = name_or_null(config->json.message),
                .time = name_or_null(config->json.time),
                .address = name_or_null(config->json.address),
                .timezone = name_or_null(config->timezone),
                .dates = filter_info(jail->filter)->dates,
        };
        return watch;
}

static bool any_paths(const FileWatch *watches, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (watches[i].paths[0])
                        return true;
        return false;
}

static int new_source(Daemon *daemon, const FileWatch *watches, Problem *problem)
{
        FileCallbacks callbacks = { .line = decide_line, .state = file_state, .caught_up = files_caught_up, .userdata = daemon };
        FileConfig config = { .watches = watches, .n_watches = daemon->n_jails };
        _cleanup_(file_source_freep) FileSource *files = NULL;
        int r = file_source_new(daemon->event, &config, callbacks, &files);

        for (const FilePlace *place = daemon->places; place && r == 0; place = place->hh.next)
                r = file_source_place(files, place->name, place->position);
        if (r < 0)
                return problem_set(problem, r, "log files cannot be read: %s", strerror(-r));
        if (daemon->paused)
                file_source_pause(files, true);
        daemon->files = steal(files);
        return file_source_start(daemon->files, problem);
}

/* As learn_sessions() of the journal: filters' sessions, and which messages have been told. */
static void learn_sessions(Daemon *daemon)
{
        const FilePast past = { .seconds = FILTER_SESSION_SECONDS, .max_lines = PAST_LINES_MAX, .max_usec = PAST_USEC_MAX };
        FilePastStats stats = { 0 };
        int r = file_source_read_past(daemon->files, &past, decide_past_line, daemon, &stats);

        if (r < 0)
                log_warning("the last lines before the places where reading of log files goes on could not be read again: %s; "
                            "an attempt whose lines lie on both sides of such a place may be missed",
                            strerror(-r));
        else if (stats.cut)
                log_warning("only %llu of the lines before the places where reading of log files goes on were read again, for their "
                            "sessions, in %llu ms: an attempt that began before them may be missed",
                            (unsigned long long) stats.lines, (unsigned long long) stats.usec / USEC_PER_MSEC);
        else
                log_debug("%llu lines of log files were read again, for their sessions, in %llu ms", (unsigned long long) stats.lines,
                          (unsigned long long) stats.usec / USEC_PER_MSEC);
}

/**
 * files_stop() - end reading, and keep the places; before jails or their configuration go
 */
void files_stop(Daemon *daemon)
{
        files_commit(daemon, true);
        daemon->files = file_source_free(daemon->files);
        forget_problems(daemon);
}

static int open_for(Daemon *daemon, FileWatch *watches, Problem *problem)
{
        int r = 0;

        files_stop(daemon);
        logline_zone_changed();
        for (size_t i = 0; i < daemon->n_jails; i++)
                watches[i] = watch_of(daemon, &daemon->jails[i]);
        free(daemon->watches);
        daemon->watches = watches;
        daemon->files_changed = false;
        daemon->files_read = !any_paths(watches, daemon->n_jails);
        if (!daemon->files_read && !daemon->copies)
                r = copies_new(COPIES_MAX, &daemon->copies);
        if (r < 0)
                return problem_set(problem, r, "out of memory");
        return daemon->files_read ? 0 : new_source(daemon, watches, problem);
}

/**
 * files_open() - begin to read what the jails want, each file from where it was left
 *
 * Once more after each change of the jails. What fails is told: a host whose
 * log files cannot be read is still guarded by its journal.
 */
void files_open(Daemon *daemon)
{
        FileWatch *watches = calloc(daemon->n_jails + 1, sizeof *watches);
        Problem problem = { "out of memory; give the host more" };
        int r = watches ? open_for(daemon, watches, &problem) : -ENOMEM;

        daemon_degrade(daemon, "log files", r < 0 ? problem.text : NULL);
        if (r == 0 && daemon->files && !daemon->ready)
                learn_sessions(daemon);
}

/**
 * files_close() - free what is kept for reading files
 */
void files_close(Daemon *daemon)
{
        file_source_free(daemon->files);
        free(daemon->watches);
        free_places(daemon);
        copies_free(daemon->copies);
}
