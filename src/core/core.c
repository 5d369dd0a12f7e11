/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Jails in the stages, and the way of a line between them. */

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/* ---- jails ---- */

/**
 * core_counts_bans() - whether a jail's hits are the bans of the other jails
 */
bool core_counts_bans(const JailConfig *config)
{
        return config->sources & CONFIG_SOURCE_BANS;
}

/**
 * core_set_jail() - tell the tracker and the ban engine of a jail, or what has changed about it
 *
 * Return: 0 or -errno.
 */
int core_set_jail(Tracker *tracker, BanEngine *engine, const JailConfig *config)
{
        TrackerJail window = { config->name, config->findtime, config->maxretry, config->ipv6_prefix };
        BanJail ban = {
                .name = config->name,
                .bantime = config->bantime,
                .ports = config->ports,
                .n_ports = config->n_ports,
                .reject = config->reject,
                .increment = config->increment,
        };
        int r = tracker_set_jail(tracker, &window);

        return r < 0 ? r : ban_engine_set_jail(engine, &ban);
}

static bool is_running(const Config *config, const char *jail)
{
        for (size_t i = 0; i < config->n_jails; i++)
                if (config->jails[i].enabled && strcmp(config->jails[i].name, jail) == 0)
                        return true;
        return false;
}

static int add_ident(char ***idents, size_t *n_idents, const char *ident)
{
        char **grown, *copy;

        for (size_t i = 0; i < *n_idents; i++)
                if (strcmp((*idents)[i], ident) == 0)
                        return 0;
        grown = reallocarray(*idents, *n_idents + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        *idents = grown;
        copy = strdup(ident);
        if (!copy)
                return -ENOMEM;
        grown[(*n_idents)++] = copy;
        return 0;
}

/**
 * core_add_idents() - what the journal is to be asked for because of a jail and its filter
 * @idents:     each name once, for core_free_idents(); NULL at first
 *
 * A journal is asked for whole names. Idents with a * are found by their program's: the source asks for _COMM as well.
 *
 * Return: 0 or -ENOMEM.
 */
int core_add_idents(const JailConfig *config, const FilterInfo *info, char ***idents, size_t *n_idents)
{
        bool by_comm = false;
        int r = 0;

        if (config->n_containers > 0) {
                for (const char *const *writer = FILTER_CONTAINER_WRITERS; *writer && r == 0; writer++)
                        r = add_ident(idents, n_idents, *writer);
                return r;
        }
        for (size_t i = 0; i < info->n_idents && r == 0; i++) {
                if (strpbrk(info->idents[i], "*?["))
                        by_comm = true;
                else
                        r = add_ident(idents, n_idents, info->idents[i]);
        }
        for (size_t i = 0; by_comm && i < info->n_comms && r == 0; i++)
                r = add_ident(idents, n_idents, info->comms[i]);
        return r;
}

/**
 * core_free_idents() - free what core_add_idents() has made
 */
void core_free_idents(char **idents, size_t n_idents)
{
        for (size_t i = 0; i < n_idents; i++)
                free(idents[i]);
        free(idents);
}

/**
 * core_set_allowed() - put the addresses of a configuration into the allow list, in place of an earlier one's
 *
 * Return: 0 or -errno.
 */
int core_set_allowed(BanEngine *engine, const Config *config, EventTime now)
{
        _cleanup_free_ AllowEntry *entries = calloc(config->n_allow + 1, sizeof *entries);
        size_t n_entries = 0;

        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_allow; i++) {
                const AllowConfig *wanted = &config->allow[i];

                if (wanted->kind == ALLOW_ADDR && (!wanted->jail || is_running(config, wanted->jail)))
                        entries[n_entries++] = (AllowEntry){
                                .addr = wanted->addr,
                                .until = EVENT_TIME_FOREVER,
                                .origin = wanted->place,
                                .jail = wanted->jail,
                        };
        }
        return ban_engine_allow_group(engine, "config", entries, n_entries, now);
}

/* ---- lines ---- */

static bool has_reader(const Line *line, size_t jail)
{
        for (size_t i = 0; i < line->n_readers; i++)
                if (line->readers[i] == jail)
                        return true;
        return false;
}

/**
 * core_listens() - whether a jail is to see an entry of the journal
 *
 * A jail with containers sees theirs alone, whatever program they name.
 */
bool core_listens(const JailConfig *config, const Filter *filter, const Line *line)
{
        if (config->n_containers == 0)
                return filter_listens(filter, line->ident);
        for (size_t i = 0; i < config->n_containers && line->container; i++)
                if (fnmatch(config->containers[i], line->container, 0) == 0)
                        return true;
        return false;
}

/**
 * core_is_for() - whether a jail is to see a line
 * @filter:     the jail's, NULL if it has none
 * @jail:       its index, as Line.readers has it
 *
 * A file's line without a program's name is for whoever reads the file.
 */
bool core_is_for(const JailConfig *config, const Filter *filter, size_t jail, const Line *line)
{
        if (!filter)
                return false;
        if (line->readers)
                return has_reader(line, jail) && (!*line->ident || filter_listens(filter, line->ident));
        return (!config->sources || (config->sources & CONFIG_SOURCE_JOURNAL)) && core_listens(config, filter, line);
}

/**
 * core_believes() - whether a jail takes a line of a file that it reads
 * @journal:    whether there is a journal
 *
 * What a syslog daemon has written went through the journal as well, where there is one, and the journal tells whether it
 * was the service or any user with logger(1). So with `sources: auto` such lines count only on a host without a journal.
 */
bool core_believes(const JailConfig *config, const Line *line, bool journal)
{
        return config->sources || strcmp(line->transport, "syslog") != 0 || !journal;
}

/**
 * core_match() - what a jail's filter says to a line
 * @config:     names the jail, which may have been renamed since the filter was loaded
 *
 * The user who writes the lines may have come with a package, after the filter was loaded.
 *
 * Return: as filter_match().
 */
FilterVerdict core_match(Filter *filter, const JailConfig *config, const Line *line, Hit *ret_hit)
{
        FilterVerdict verdict = filter_match(filter, line, ret_hit);

        if (verdict == FILTER_ORIGIN && filter_resolve(filter, line->time))
                verdict = filter_match(filter, line, ret_hit);
        if (verdict == FILTER_HIT)
                ret_hit->jail = config->name;
        return verdict;
}

/**
 * core_learn() - take a line that has been decided about into its session, and into nothing else
 *
 * Return: as filter_learn().
 */
FilterVerdict core_learn(Filter *filter, const Line *line)
{
        FilterVerdict verdict = filter_learn(filter, line);

        if (verdict == FILTER_ORIGIN && filter_resolve(filter, line->time))
                verdict = filter_learn(filter, line);
        return verdict;
}

/**
 * core_hit() - count a failure, unless its address is allowed
 * @ret_allowed: the entry that allows it, and nothing was counted; else NULL
 * @ret_counted: as tracker_hit() has it
 *
 * Return: 0 or -errno.
 */
int core_hit(Tracker *tracker, const BanEngine *engine, const Hit *hit, const AllowEntry **ret_allowed, unsigned *ret_counted)
{
        *ret_counted = 0;
        *ret_allowed = hit->kind == HIT_FAILURE ? ban_engine_allowed(engine, hit->jail, &hit->addr) : NULL;
        return *ret_allowed ? 0 : tracker_hit(tracker, hit, ret_counted);
}
