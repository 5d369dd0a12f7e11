/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bailiffd --restore-only: at boot, bans are in force before the first packet
 * can come in. It reads the store and the configuration, lays the kernel's table
 * and ends; bailiffd finds that table as its own and touches what differs alone.
 *
 * Nothing here waits: there is no journal, no network and no loop yet. Nor may
 * there be a clock: where the time lies before a ban's start, the ban gets its
 * full time, and bailiffd puts the end right once the clock is.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/private.h"
#include "daemon/restore.h"
#include "util/log.h"

#define BANS_MAX 10000000 /* as many as `max_bans` allows at most; fewer are for bailiffd to choose */

typedef struct Restore {
        const DaemonOptions *options;
        Config *config; /* NULL: none loads */
        Store *store;
        BanEngine *engine;
        EventTime now;
} Restore;

static void restore_deinit(Restore *restore)
{
        store_free(restore->store);
        ban_engine_free(restore->engine);
        config_free(restore->config);
}

/* An entry's whole time is the most that may be left of it; the engine sees to that for bans. */
static EventTime end_of(EventTime now, EventTime start, EventTime until)
{
        if (until.usec == EVENT_TIME_FOREVER.usec || !event_time_before(now, start))
                return until;
        return (EventTime){ now.usec + (until.usec - start.usec) };
}

static int load_ban(void *userdata, const Ban *ban)
{
        Restore *restore = userdata;

        return ban_engine_restore(restore->engine, ban, restore->now) == -ENOMEM ? -ENOMEM : 0;
}

static int load_allow(void *userdata, const AllowRecord *record)
{
        Restore *restore = userdata;
        AllowEntry entry = { .addr = record->addr, .until = end_of(restore->now, record->time, record->until), .origin = "allow add" };

        if (!event_time_before(restore->now, entry.until))
                return 0;
        return ban_engine_allow(restore->engine, "command", &entry, restore->now) == -ENOMEM ? -ENOMEM : 0;
}

/* A bad configuration is no reason to leave the host unguarded. */
static void load_config(Restore *restore)
{
        Daemon daemon = { .options = *restore->options };
        Problem problem = { "" }, kept_problem = { "" };

        if (config_load(restore->options->config, &restore->config, &problem) == 0)
                return;
        if (kept_load(&daemon, &restore->config, &kept_problem) == 0)
                log_warning("%s; the last configuration that loaded is used", problem.text);
        else
                log_warning("%s; bans are restored without one", problem.text);
}

static int allow_written(Restore *restore)
{
        const Config *config = restore->config;

        for (size_t i = 0; config && i < config->n_allow; i++) {
                AllowEntry entry = { .addr = config->allow[i].addr, .until = EVENT_TIME_FOREVER, .origin = config->allow[i].place };

                /* Files and names are bailiffd's to read; a jail's own entries are none of the kernel's. */
                if (config->allow[i].kind == ALLOW_ADDR && !config->allow[i].jail &&
                    ban_engine_allow(restore->engine, "config", &entry, restore->now) == -ENOMEM)
                        return -ENOMEM;
        }
        return 0;
}

static void no_event(void *userdata, const BanEvent *event)
{
}

/* Allowed first: then no ban is entered only to be lifted. Return: 0, 1: there is nothing to do, or an error that @problem names. */
static int load(Restore *restore, Problem *problem)
{
        StoreLoader allowed = { .allow = load_allow, .userdata = restore }, bans = { .ban = load_ban, .userdata = restore };
        int r = store_open(restore->options->state_directory, &restore->store, problem);

        if (r == STORE_E_LOCKED) {
                log_notice("bailiffd runs: its bans are in the kernel, and nothing was restored");
                return 1;
        }
        if (r < 0 || !restore->store)
                return r < 0 ? r : -EIO;
        if (r > 0)
                log_warning("%s", problem->text);
        r = ban_engine_new(BANS_MAX, (BanSink){ .event = no_event }, &restore->engine);
        if (r == 0)
                r = allow_written(restore);
        /* What could not be read is no reason to go without what could. */
        if (r == 0 && (r = store_load(restore->store, restore->now, &allowed, problem)) != 0)
                log_warning("%s", problem->text);
        if (r == 0 || r == -EIO)
                r = store_load(restore->store, restore->now, &bans, problem);
        if (r == -EIO)
                log_warning("%s", problem->text);
        return r == -ENOMEM ? problem_set(problem, r, "out of memory") : r == -EIO ? 0 : r;
}

static int wanted_elements(void *userdata, int (*visit)(void *visit_data, const Element *element), void *visit_data)
{
        Restore *restore = userdata;

        return ban_engine_each_element(restore->engine, restore->now, visit, visit_data);
}

typedef struct AllowedVisit {
        int (*visit)(void *visit_data, const Addr *addr, EventTime until);
        void *visit_data;
} AllowedVisit;

static int visit_allowed(void *userdata, const AllowEntry *entry)
{
        AllowedVisit *visit = userdata;

        return visit->visit(visit->visit_data, &entry->addr, entry->until);
}

static int wanted_allowed(void *userdata, int (*visit)(void *visit_data, const Addr *addr, EventTime until), void *visit_data)
{
        Restore *restore = userdata;
        AllowedVisit wrapped = { visit, visit_data };

        return ban_engine_each_allowed(restore->engine, NULL, visit_allowed, &wrapped);
}

static void element_refused(void *userdata, const Element *element, const char *why)
{
        char addr[ADDR_TEXT_MAX];

        log_warning("the kernel refused to ban %s: %s", addr_format(&element->addr, addr), why);
}

static void allow_refused(void *userdata, const Addr *addr, const char *why)
{
        char text[ADDR_TEXT_MAX];

        log_warning("the kernel refused to allow %s: %s", addr_format(addr, text), why);
}

static void firewall_degraded(void *userdata, const char *text)
{
        if (text)
                log_warning("firewall: %s", text);
}

static int enforce(Restore *restore, Problem *problem)
{
        FirewallCallbacks callbacks = {
                .elements = wanted_elements,
                .allowed = wanted_allowed,
                .refused = element_refused,
                .refused_allow = allow_refused,
                .degraded = firewall_degraded,
                .partial = true, /* files and names */
                .userdata = restore,
        };
        _cleanup_(firewall_freep) Firewall *firewall = NULL;
        int r = firewall_new_nft(NULL, restore->config && restore->config->counters, callbacks, &firewall, problem);

        if (r == 0)
                r = firewall_start(firewall, store_stats(restore->store)->next_event_id - 1, problem);
        return r == FIREWALL_E_ELEMENT ? 0 : r;
}

/**
 * daemon_restore() - put what is remembered into the kernel, and end
 *
 * Where a daemon runs on the same state directory nothing is done.
 *
 * Return: the exit status: 0 done, or nothing to do; 1 bans could not be brought back, which was logged.
 */
int daemon_restore(const DaemonOptions *options)
{
        _cleanup_(restore_deinit) Restore restore = { .options = options, .now = clock_event_now() };
        BootTime began = clock_boot_now();
        Problem problem = { "" };
        int r;

        if (access(options->state_directory, F_OK) < 0 && errno == ENOENT)
                return 0;
        load_config(&restore);
        if (restore.config && restore.config->firewall == FIREWALL_NONE)
                return 0;
        r = load(&restore, &problem);
        if (r == 1)
                return 0;
        if (r == 0)
                r = enforce(&restore, &problem);
        if (r != 0) {
                log_error("%s", problem.text);
                return 1;
        }
        log_notice("%zu bans restored in %" PRIu64 " ms", ban_engine_stats(restore.engine)->bans,
                   (uint64_t) (clock_boot_now().usec - began.usec) / USEC_PER_MSEC);
        return 0;
}
