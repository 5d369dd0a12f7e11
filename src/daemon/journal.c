/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What is read of the journal: the identifiers of all filters. A reload that
 * changes them opens it anew behind the last line, so that none is lost or
 * counted twice.
 *
 * A start goes on behind the last line whose effects were remembered. Windows
 * and bans come from the store; what filters know of their sessions is in no
 * store, so the lines of the last minutes before that place are read once more,
 * for the sessions alone (decide_past_line()). That happens before the first
 * new line is read, and is bounded: a host must not stay unguarded for it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/log.h"

#define CARRIED_SECONDS 86400 /* without a line in the journal, and a service's log files are read again at the next start */

static bool has_ident(char *const *idents, size_t n_idents, const char *ident)
{
        for (size_t i = 0; i < n_idents; i++)
                if (strcmp(idents[i], ident) == 0)
                        return true;
        return false;
}

/* The filter that the i-th jail reads the journal for, if any; with @past, if lines before the present have a meaning for it. */
static const FilterInfo *reader(const Daemon *daemon, size_t i, bool past)
{
        const Jail *jail = &daemon->jails[i];
        const unsigned sources = jail->config->sources;
        const FilterInfo *info = jail->filter ? filter_info(jail->filter) : NULL;

        if (!info || (sources && !(sources & CONFIG_SOURCE_JOURNAL)))
                return NULL;
        return !past || info->has_sessions || files_reads_both(jail) ? info : NULL;
}

/* With @past, only those for which lines before the present have a meaning. */
static int wanted_idents(const Daemon *daemon, bool past, char ***ret_idents, size_t *ret_n)
{
        char **idents = NULL;
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < daemon->n_jails && r == 0; i++) {
                const FilterInfo *info = reader(daemon, i, past);

                r = info ? core_add_idents(daemon->jails[i].config, info, &idents, &n) : 0;
        }
        if (r < 0) {
                core_free_idents(idents, n);
                return r;
        }
        *ret_idents = idents;
        *ret_n = n;
        return 0;
}

static bool any_containers(const Daemon *daemon)
{
        for (size_t i = 0; i < daemon->n_jails; i++)
                if (daemon->jails[i].config->n_containers > 0)
                        return true;
        return false;
}

/* Which journal is read; of which entries is for the caller to say. */
static JournalConfig journal_config(const Daemon *daemon)
{
        return (JournalConfig){
                .directory = daemon->options.journal_directory,
                .namespaces = daemon->config->namespaces,
                .n_namespaces = daemon->config->n_namespaces,
                .containers = any_containers(daemon),
        };
}

static void source_state(void *userdata, SourceState state, const char *text)
{
        daemon_degrade(userdata, "journal", state == SOURCE_WAITING || state == SOURCE_DEGRADED ? text : NULL);
}

static void source_caught_up(void *userdata)
{
        Daemon *daemon = userdata;

        daemon->journal_read = true;
        daemon->deadlines_moved = true;
        log_debug("the journal has been read up to the present");
}

static int64_t longest_findtime(const Daemon *daemon)
{
        int64_t findtime = 0;

        for (size_t i = 0; i < daemon->n_jails; i++)
                if (daemon->jails[i].config->findtime > findtime)
                        findtime = daemon->jails[i].config->findtime;
        return findtime;
}

/* Takes `idents` over, and only if that works the place of what was read until now. */
static int open_for(Daemon *daemon, char **idents, size_t n_idents, Problem *problem)
{
        SourceCallbacks callbacks = { .line = decide_line, .state = source_state, .caught_up = source_caught_up, .userdata = daemon };
        _cleanup_(journal_source_freep) JournalSource *journal = NULL;
        /* A first start reads back findtime, so that an attack in progress is seen; later ones go on where the last ended. */
        EventTime since = *daemon->start_position ? daemon->start_position_time
                                                  : event_time_ago(clock_event_now(), longest_findtime(daemon));
        JournalConfig config = journal_config(daemon);
        int r = 0;

        config.idents = (const char *const *) idents;
        config.n_idents = n_idents;
        config.position = daemon->start_position;
        config.since = since;
        if (n_idents > 0)
                r = journal_source_new(daemon->event, &config, callbacks, &journal);
        if (r < 0) {
                core_free_idents(idents, n_idents);
                return problem_set(problem, r, "the journal cannot be read: %s", strerror(-r));
        }
        journal_source_free(daemon->journal);
        daemon->journal = steal(journal);
        core_free_idents(daemon->idents, daemon->n_idents);
        daemon->idents = idents;
        daemon->n_idents = n_idents;
        daemon->journal_read = n_idents == 0;
        daemon_degrade(daemon, "jails", n_idents == 0 && !daemon->files ? "no jail runs, so nothing is protected: name one under jails: in the configuration" : NULL);
        if (!daemon->journal) {
                daemon_degrade(daemon, "journal", NULL);
                return 0;
        }
        if (daemon->paused)
                journal_source_pause(daemon->journal, true);
        return journal_source_start(daemon->journal, problem);
}

static void say_learned(const JournalPastStats *stats, int r)
{
        if (r < 0)
                log_warning("the journal's last lines before the place where reading goes on could not be read again: %s; "
                            "an attempt whose lines lie on both sides of it may be missed",
                            strerror(-r));
        else if (stats->cut)
                log_warning("only %llu of the lines before the place where reading goes on were read again, for their sessions, "
                            "in %llu ms: an attempt that began before them may be missed%s",
                            (unsigned long long) stats->lines, (unsigned long long) stats->usec / USEC_PER_MSEC,
                            stats->late ? "; the machine is slow or busy" : "");
        else
                log_debug("%llu lines were read again, for their sessions, in %llu ms", (unsigned long long) stats->lines,
                          (unsigned long long) stats->usec / USEC_PER_MSEC);
}

/* Without a place to go on from there is nothing that an earlier run knew. */
static int learn_sessions(Daemon *daemon)
{
        JournalPast past = { .seconds = FILTER_SESSION_SECONDS, .max_lines = PAST_LINES_MAX, .max_usec = PAST_USEC_MAX };
        JournalConfig config = journal_config(daemon);
        JournalPastStats stats = { 0 };
        char **idents;
        int r;

        if (!*daemon->start_position)
                return 0;
        config.position = daemon->start_position;
        r = wanted_idents(daemon, true, &idents, &config.n_idents);
        if (r < 0)
                return r;
        config.idents = (const char *const *) idents;
        if (config.n_idents > 0)
                say_learned(&stats, journal_read_past(&config, &past, decide_past_line, daemon, &stats));
        core_free_idents(idents, config.n_idents);
        return 0;
}

/**
 * journal_open() - begin to read what the jails want, from where the last run ended
 *
 * Return: 0 or -errno with @problem set.
 */
int journal_open(Daemon *daemon, Problem *problem)
{
        char **idents;
        size_t n_idents;
        int r = learn_sessions(daemon);

        if (r == 0)
                r = wanted_idents(daemon, false, &idents, &n_idents);
        return r < 0 ? problem_set(problem, r, "out of memory") : open_for(daemon, idents, n_idents, problem);
}

/**
 * journal_reopen() - read what the jails want now, from behind the last line; nothing happens if that is what is read
 *
 * Return: 0 or -errno with @problem set; what was read until now is read on.
 */
int journal_reopen(Daemon *daemon, Problem *problem)
{
        const JournalConfig config = journal_config(daemon);
        char **idents;
        size_t n_idents, n_same = 0;
        int r = wanted_idents(daemon, false, &idents, &n_idents);

        if (r < 0)
                return problem_set(problem, r, "out of memory");
        for (size_t i = 0; i < n_idents; i++)
                n_same += has_ident(daemon->idents, daemon->n_idents, idents[i]);
        if (n_same == n_idents && n_same == daemon->n_idents && (!daemon->journal || journal_source_is_like(daemon->journal, &config))) {
                core_free_idents(idents, n_idents);
                return 0;
        }
        if (daemon->journal) {
                journal_source_position(daemon->journal, daemon->start_position);
                daemon->start_position_time = event_time_max(journal_source_stats(daemon->journal)->last_line, daemon->start_position_time);
        }
        return open_for(daemon, idents, n_idents, problem);
}

/**
 * journal_knows() - whether a jail's service has ever written, as far as the journal goes back
 *
 * A service that is not on this host has not. The journal is asked once; from then on its first line tells.
 */
bool journal_knows(const Daemon *daemon, Jail *jail)
{
        const FilterInfo *info = filter_info(jail->filter);
        JournalConfig config = journal_config(daemon);

        config.idents = info->idents;
        config.n_idents = info->n_idents;
        if (jail->config->n_containers > 0) {
                config.idents = FILTER_CONTAINER_WRITERS;
                for (config.n_idents = 0; config.idents[config.n_idents];)
                        config.n_idents++;
        }
        if (jail->service == SERVICE_UNKNOWN)
                jail->service = journal_has_seen(&config, &(JournalSeen){ 0 }) == 0 ? SERVICE_SILENT : SERVICE_SEEN;
        return jail->service == SERVICE_SEEN;
}

static bool trusts(void *userdata, const Line *line)
{
        return filter_trusts(userdata, line);
}

/**
 * journal_carries() - whether a jail can rely on the journal for its service
 *
 * Not on what anybody wrote under its name, nor on what it wrote before it went over to a log file. The journal is asked once;
 * from then on its first line tells, see files_journal_line().
 */
bool journal_carries(const Daemon *daemon, Jail *jail)
{
        const FilterInfo *info = filter_info(jail->filter);
        JournalConfig config = journal_config(daemon);
        JournalSeen seen = { .since = event_time_ago(clock_event_now(), CARRIED_SECONDS), .trusts = trusts, .userdata = jail->filter };

        config.idents = info->idents;
        config.n_idents = info->n_idents;
        if (jail->carried == CARRIED_UNKNOWN)
                jail->carried = journal_has_seen(&config, &seen) > 0 ? CARRIED_YES : CARRIED_NO;
        return jail->carried == CARRIED_YES;
}
