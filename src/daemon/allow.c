/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Who is never banned: what the configuration names ("config"), what the watch
 * finds (own addresses, gateways, resolvers, files, names), what `allow add`
 * has allowed ("command"), and who is allowed for the first start ("start").
 * Each is a group of the engine's allow list; the engine tells what of it the
 * kernel has to hold.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/log.h"

/* ---- what is watched ---- */

/* The names of the groups, which `allow list` asks for one by one. */
static void know_group(Daemon *daemon, const char *group, bool present)
{
        size_t i = 0;

        while (i < daemon->n_groups && strcmp(daemon->groups[i], group) != 0)
                i++;
        if (i < daemon->n_groups && !present) {
                free(daemon->groups[i]);
                daemon->groups[i] = daemon->groups[--daemon->n_groups];
        } else if (i == daemon->n_groups && present) {
                char **grown = reallocarray(daemon->groups, i + 1, sizeof *grown);

                if (!grown)
                        return;
                daemon->groups = grown;
                daemon->groups[i] = strdup(group);
                daemon->n_groups += daemon->groups[i] != NULL;
        }
}

static void on_group(void *userdata, const char *group, const AllowEntry *entries, size_t n_entries)
{
        Daemon *daemon = userdata;
        char topic[PATH_MAX + 16], text[512];
        int r = ban_engine_allow_group(daemon->engine, group, entries, n_entries, clock_event_now());

        snprintf(topic, sizeof topic, "allow list, %s", group);
        snprintf(text, sizeof text, "its %zu entries were not taken: %s; what it allowed before stays", n_entries, strerror(-r));
        daemon_degrade(daemon, topic, r < 0 ? text : NULL);
        if (r == 0)
                know_group(daemon, group, n_entries > 0);
        daemon->deadlines_moved = true;
}

/**
 * allow_singles() - IPv6 prefixes in which every address counts by itself: on-link and translated ones
 * @config:     whose nat64 counts
 *
 * Return: 0 or -ENOMEM.
 */
int allow_singles(Daemon *daemon, const Config *config)
{
        size_t n = daemon->n_on_link + config->n_nat64;
        _cleanup_free_ Addr *all = calloc(n + 1, sizeof *all);

        if (!all)
                return -ENOMEM;
        if (daemon->n_on_link)
                memcpy(all, daemon->on_link, daemon->n_on_link * sizeof *all);
        if (config->n_nat64)
                memcpy(all + daemon->n_on_link, config->nat64, config->n_nat64 * sizeof *all);
        return tracker_set_singles(daemon->tracker, all, n);
}

static void on_link(void *userdata, const Addr *prefixes, size_t n_prefixes)
{
        Daemon *daemon = userdata;
        Addr *copy = calloc(n_prefixes + 1, sizeof *copy);
        int r = -ENOMEM;

        if (copy) {
                if (n_prefixes)
                        memcpy(copy, prefixes, n_prefixes * sizeof *copy);
                free(daemon->on_link);
                daemon->on_link = copy;
                daemon->n_on_link = n_prefixes;
                r = allow_singles(daemon, daemon->config);
        }
        daemon_degrade(daemon, "on-link prefixes", r < 0 ? "out of memory: addresses of this host's own networks count by ipv6_prefix; give the host more" : NULL);
}

static void on_problem(void *userdata, const char *topic, const char *text)
{
        daemon_degrade(userdata, topic, text);
}

/* ---- the first start ---- */

/*
 * Addresses that scripts/run wrote down before the first start, so that reading
 * back findtime cannot ban the person who installs: "ADDR UNTIL-EPOCH ORIGIN".
 */
static void allow_at_start(Daemon *daemon)
{
        char path[PATH_MAX], *line = NULL;
        size_t size = 0;
        _cleanup_fclose_ FILE *file = NULL;

        snprintf(path, sizeof path, "%s/allow-at-start", daemon->allow_directory);
        file = fopen(path, "re");
        for (int n = 0; file && n < 1000 && getline(&line, &size, file) > 0; n++) {
                char addr_text[ADDR_TEXT_MAX], origin[128] = "allow-at-start";
                long long until;
                AllowEntry entry = { .origin = origin };

                if (sscanf(line, "%63s %lld %127[^\n]", addr_text, &until, origin) < 2 || addr_parse_prefix(addr_text, &entry.addr) < 0 ||
                    until <= 0 || until > INT64_MAX / USEC_PER_SEC)
                        continue;
                entry.until.usec = until * USEC_PER_SEC;
                if (event_time_before(clock_event_now(), entry.until) &&
                    ban_engine_allow(daemon->engine, "start", &entry, daemon->started) == 0)
                        log_notice("%s is allowed for now: %s", addr_text, origin);
        }
        free(line);
}

/**
 * allow_start() - allow what is to be allowed from the first line on, and watch what may change
 *
 * Return: 0 or -errno with @problem set.
 */
int allow_start(Daemon *daemon, Problem *problem)
{
        AllowWatchConfig config = {
                .wanted = daemon->config->allow,
                .n_wanted = daemon->config->n_allow,
                .runtime_directory = daemon->options.runtime_directory,
                .state_directory = daemon->options.dry_run ? NULL : daemon->options.state_directory,
        };
        AllowCallbacks callbacks = { .group = on_group, .on_link = on_link, .problem = on_problem, .userdata = daemon };
        int r = allow_watch_new(daemon->event, &config, callbacks, &daemon->allow);

        allow_at_start(daemon);
        return r < 0 ? r : allow_watch_start(daemon->allow, problem);
}

/* ---- what `allow add` has allowed ---- */

#define BY "allow add by "

/**
 * allow_remembered() - allow what a person has allowed, now or before a restart
 * @record:     as the store keeps it
 *
 * Return: 0 or -errno.
 */
int allow_remembered(void *userdata, const AllowRecord *record)
{
        Daemon *daemon = userdata;
        char origin[256];
        AllowEntry entry = { .addr = record->addr, .until = record->until, .origin = origin, .reason = record->reason };

        snprintf(origin, sizeof origin, BY "%s", record->by);
        return ban_engine_allow(daemon->engine, "command", &entry, clock_event_now());
}

static int put_entry(void *userdata, const AllowEntry *entry)
{
        Daemon *daemon = userdata;

        store_put_allow(daemon->store, &(AllowRecord){
                                               .addr = entry->addr,
                                               .until = entry->until,
                                               .reason = entry->reason ? entry->reason : "",
                                               .by = entry->origin + strlen(BY),
                                               .time = clock_event_now(),
                                       });
        return 0;
}

/**
 * allow_remember_all() - what people have allowed, into a database that was lost
 */
void allow_remember_all(Daemon *daemon)
{
        ban_engine_each_allow_entry(daemon->engine, "command", put_entry, daemon);
}
