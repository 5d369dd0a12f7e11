/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The start, in the order in which things depend on each other:
 *
 *     store: bans, windows and positions come back -> firewall: the table is
 *     built or adopted -> control socket -> journal, from the position -> READY=1
 *
 * and the callbacks by which these stages report from then on.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build-config.h"
#include "daemon/private.h"
#include "util/log.h"

/* ---- firewall's callbacks ---- */

typedef struct AllowedVisit {
        int (*visit)(void *visit_data, const Addr *addr, EventTime until);
        void *visit_data;
} AllowedVisit;

static int wanted_elements(void *userdata, int (*visit)(void *visit_data, const Element *element), void *visit_data)
{
        Daemon *daemon = userdata;

        return ban_engine_each_element(daemon->engine, clock_event_now(), visit, visit_data);
}

static int allowed_visit(void *userdata, const AllowEntry *entry)
{
        AllowedVisit *visit = userdata;

        return visit->visit(visit->visit_data, &entry->addr, entry->until);
}

static int wanted_allowed(void *userdata, int (*visit)(void *visit_data, const Addr *addr, EventTime until), void *visit_data)
{
        Daemon *daemon = userdata;
        AllowedVisit wrapped = { visit, visit_data };

        return ban_engine_each_allowed(daemon->engine, NULL, allowed_visit, &wrapped);
}

static void element_refused(void *userdata, const Element *element, const char *why)
{
        char addr[ADDR_TEXT_MAX], text[512];

        snprintf(text, sizeof text, "the kernel refused to ban %s: %s", addr_format(&element->addr, addr), why);
        daemon_degrade(userdata, "firewall element", text);
}

static void allow_refused(void *userdata, const Addr *addr, const char *why)
{
        char addr_text[ADDR_TEXT_MAX], text[512];

        snprintf(text, sizeof text, "the kernel refused to allow %s: %s; a ban around it cuts it off", addr_format(addr, addr_text), why);
        daemon_degrade(userdata, "firewall allow list", text);
}

static void firewall_healed(void *userdata, const char *text)
{
        log_warning("firewall: %s", text);
        daemon_note(userdata, "heal", text);
}

static void firewall_degraded(void *userdata, const char *text)
{
        daemon_degrade(userdata, "firewall", text);
}

/* ---- the store's callbacks ---- */

static void store_committed(void *userdata, uint64_t sequence, const EventRecord *events, size_t n_events)
{
        Daemon *daemon = userdata;

        if (daemon->control)
                control_committed(daemon->control, sequence, events, n_events);
        report_committed(daemon);
}

static void store_degraded(void *userdata, const char *text)
{
        daemon_degrade(userdata, "store", text);
}

static int put_ban(void *userdata, const Ban *ban)
{
        store_put_ban(userdata, ban);
        return 0;
}

static void put_pauses(Daemon *daemon)
{
        for (size_t i = 0; i < daemon->n_jails; i++) {
                const Jail *jail = &daemon->jails[i];

                if (jail->paused_by)
                        store_put_pause(daemon->store, &(PauseRecord){ jail->config->name, jail->paused_by, jail->paused_since });
        }
}

static int put_window(void *userdata, const WindowRecord *record)
{
        store_put_window(userdata, record);
        return 0;
}

/* The database was lost while we ran: all that is in memory is remembered anew. */
static void store_emptied(void *userdata)
{
        Daemon *daemon = userdata;

        log_warning("store: the database was lost; all bans and counts are written again, but reports that waited, and what was reported, are not known any more");
        ban_engine_each(daemon->engine, NULL, put_ban, daemon->store);
        tracker_each(daemon->tracker, NULL, NULL, put_window, daemon->store);
        allow_remember_all(daemon);
        put_pauses(daemon);
        files_commit(daemon, true);
        daemon_commit(daemon);
}

static int make_directory(const char *path, mode_t mode, Problem *problem)
{
        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return problem_set(problem, -errno, "%s cannot be made: %s; make it, owned by the user that runs bailiffd", path, strerror(errno));
        return 0;
}

/* ---- starting ---- */

static int load_ban(void *userdata, const Ban *ban)
{
        Daemon *daemon = userdata;

        return ban_engine_restore(daemon->engine, ban, clock_event_now()) < 0 ? -ENOMEM : 0;
}

static int load_window(void *userdata, const WindowRecord *record)
{
        Daemon *daemon = userdata;
        int r = tracker_restore(daemon->tracker, record);

        /* Of a jail that is no more: it must not count again when there is one of that name. */
        if (r == TRACKER_E_NO_JAIL && !daemon->config_kept)
                store_put_window(daemon->store, &(WindowRecord){ .jail = record->jail, .addr = record->addr });
        return r < 0 ? -ENOMEM : 0;
}

static int load_position(void *userdata, const PositionRecord *record)
{
        Daemon *daemon = userdata;

        if (strcmp(record->source, "journal") == 0 && strlen(record->position) < sizeof daemon->start_position) {
                strcpy(daemon->start_position, record->position);
                daemon->start_position_time = record->time;
        } else if (strncmp(record->source, "file:", 5) == 0) {
                files_remembered(daemon, record);
        }
        return 0;
}

static int load_level(void *userdata, const LevelRecord *record)
{
        Daemon *daemon = userdata;

        return ban_engine_restore_level(daemon->engine, record, clock_event_now()) == -ENOMEM ? -ENOMEM : 0;
}

static int load_allow(void *userdata, const AllowRecord *record)
{
        return allow_remembered(userdata, record) == -ENOMEM ? -ENOMEM : 0;
}

static int load_pause(void *userdata, const PauseRecord *record)
{
        Daemon *daemon = userdata;
        Jail *jail = daemon_jail(daemon, record->jail);

        if (jail)
                jail_pause(jail, record->by, record->time);
        else if (!daemon->config_kept)
                store_put_pause(daemon->store, &(PauseRecord){ .jail = record->jail });
        return 0;
}

static int load_set_aside(void *userdata, const SetAsideRecord *record)
{
        Daemon *daemon = userdata;

        decide_note_aside(daemon, record->source, record->position);
        return 0;
}

static int start_store(Daemon *daemon, Problem *problem)
{
        StoreLoader loader = { .ban = load_ban, .window = load_window, .position = load_position, .set_aside = load_set_aside,
                               .level = load_level, .allow = load_allow, .pause = load_pause, .userdata = daemon };
        StoreCallbacks callbacks = { .committed = store_committed, .degraded = store_degraded, .emptied = store_emptied, .userdata = daemon };
        int r = make_directory(daemon->options.state_directory, 0700, problem);

        if (r < 0)
                return r;
        r = store_open(daemon->options.state_directory, &daemon->store, problem);
        if (r < 0 || r == STORE_E_LOCKED || r == STORE_E_NEWER)
                return r < 0 ? r : -EBUSY;
        if (r > 0)
                daemon_degrade(daemon, "store", problem->text);
        r = store_load(daemon->store, clock_event_now(), &loader, problem);
        /* What could not be read is no reason to go without what could. */
        if (r < 0 && r != -EIO)
                return r;
        if (r != 0)
                daemon_degrade(daemon, "store reading", problem->text);
        ban_engine_set_next_id(daemon->engine, store_stats(daemon->store)->next_ban_id);
        r = store_start(daemon->store, daemon->event, callbacks);
        return r < 0 ? problem_set(problem, r, "the store's thread cannot be started: %s", strerror(-r)) : 0;
}

/* `firewall: none` after a time with nftables: what was left in the kernel must not go on enforcing. */
static void remove_old_table(Daemon *daemon, FirewallCallbacks callbacks)
{
        _cleanup_(firewall_freep) Firewall *old = NULL;
        Problem problem = { "" };
        int r = firewall_new_nft(daemon->event, false, callbacks, &old, &problem);

        if (r == 0)
                r = firewall_remove(old, &problem);
        if (r != 0 && r != FIREWALL_E_FOREIGN) {
                char text[PROBLEM_TEXT_MAX + 160];

                snprintf(text, sizeof text, "firewall: none, but bans of an earlier time may still be enforced: %s", problem.text);
                daemon_degrade(daemon, "firewall", text);
        }
}

static int start_firewall(Daemon *daemon, Problem *problem)
{
        FirewallCallbacks callbacks = {
                .elements = wanted_elements,
                .allowed = wanted_allowed,
                .refused = element_refused,
                .refused_allow = allow_refused,
                .healed = firewall_healed,
                .degraded = firewall_degraded,
                .userdata = daemon,
        };
        bool none = daemon->options.dry_run || daemon->config->firewall == FIREWALL_NONE;
        int r = none ? firewall_new_none(callbacks, &daemon->firewall)
                     : firewall_new_nft(daemon->event, daemon->config->counters, callbacks, &daemon->firewall, problem);

        if (r != 0)
                return r < 0 ? r : -EPERM;
        if (none && !daemon->options.dry_run)
                remove_old_table(daemon, callbacks);
        daemon->firewall_running = daemon->config->firewall;
        r = firewall_start(daemon->firewall, store_stats(daemon->store)->next_event_id - 1, problem);
        daemon->firewall_started = r == 0 || r == FIREWALL_E_ELEMENT;
        if (r == FIREWALL_E_ELEMENT)
                return 0; /* it runs; element_refused() has told which ones it lacks */
        return r > 0 ? -EPERM : r;
}

static int start_control(Daemon *daemon, Problem *problem)
{
        char path[PATH_MAX];

        int r = report_start(daemon);

        if (r < 0)
                return problem_set(problem, r, "timers for reports cannot be made: %s", strerror(-r));
        snprintf(path, sizeof path, "%s/control.sock", daemon->options.runtime_directory);
        return control_new(daemon->event, path, answer_ops(daemon), &daemon->control, problem);
}

static void start_inflight(Daemon *daemon)
{
        char path[PATH_MAX], text[PATH_MAX + 160];
        int r;

        snprintf(path, sizeof path, "%s/inflight", daemon->options.runtime_directory);
        r = inflight_open(path, &daemon->inflight);
        if (r < 0) {
                snprintf(text, sizeof text, "%s cannot be used: %s; a line that crashes bailiffd would not be set aside", path, strerror(-r));
                daemon_degrade(daemon, "inflight", text);
        } else if (inflight_crashes(daemon->inflight) > 0) {
                log_warning("the last run ended on a line; if that happens again, the line is set aside");
        }
}

/* ---- what the configuration has become while nobody ran it ---- */

typedef struct Orphans {
        Daemon *daemon;
        char (*jails)[JAIL_NAME_MAX];
        size_t n_jails;
} Orphans;

static int find_orphan(void *userdata, const Ban *ban)
{
        Orphans *orphans = userdata;
        char (*grown)[JAIL_NAME_MAX];

        if (daemon_jail(orphans->daemon, ban->jail))
                return 0;
        for (size_t i = 0; i < orphans->n_jails; i++)
                if (strcmp(orphans->jails[i], ban->jail) == 0)
                        return 0;
        grown = reallocarray(orphans->jails, orphans->n_jails + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        orphans->jails = grown;
        snprintf(orphans->jails[orphans->n_jails++], JAIL_NAME_MAX, "%s", ban->jail);
        return 0;
}

/*
 * A restart with another configuration does what a reload of it does: bans of
 * jails that are gone are lifted, and those of jails with other ports or another
 * action follow. Not with the kept one, which may lack what was added since.
 */
static int follow_configuration(Daemon *daemon)
{
        Orphans orphans = { .daemon = daemon };
        EventTime now = clock_event_now();
        size_t lifted;
        int r;

        if (daemon->config_kept)
                return 0;
        r = ban_engine_each(daemon->engine, NULL, find_orphan, &orphans);
        for (size_t i = 0; i < orphans.n_jails && r == 0; i++)
                r = ban_engine_remove_jail(daemon->engine, orphans.jails[i], now, "jail removed", &lifted);
        for (size_t i = 0; i < daemon->n_jails && r == 0; i++)
                r = ban_engine_rescope(daemon->engine, daemon->jails[i].config->name, now, "configuration");
        free(orphans.jails);
        return r;
}

static void say_ready(Daemon *daemon)
{
        size_t n_bans = ban_engine_stats(daemon->engine)->bans;
        char text[256];

        snprintf(text, sizeof text, "%zu jail%s, %zu ban%s in force, firewall: %s%s", daemon->n_jails, daemon->n_jails == 1 ? "" : "s", n_bans,
                 n_bans == 1 ? "" : "s", firewall_backend(daemon->firewall), daemon->options.dry_run ? " (dry run)" : "");
        daemon_note(daemon, "start", text);
        daemon->ready = true;
        log_notice("bailiffd " BAILIFF_VERSION ": %s", text);
        daemon_notify(daemon, "READY=1\n");
}

/**
 * daemon_start() - bring back what is remembered, take over the kernel's table, open the sources
 *
 * Return: 0, or an error that a restart would not mend, with @problem set.
 */
int daemon_start(Daemon *daemon, Problem *problem)
{
        int r;

        problem_set(problem, 0, "out of memory");
        if ((r = start_store(daemon, problem)) < 0)
                return r;
        if ((r = make_directory(daemon->options.runtime_directory, 0755, problem)) < 0 || (r = allow_start(daemon, problem)) < 0 ||
            (r = follow_configuration(daemon)) < 0)
                return r;
        if ((r = start_firewall(daemon, problem)) < 0 || (r = start_control(daemon, problem)) < 0)
                return r;
        start_inflight(daemon);
        files_open(daemon);
        if ((r = journal_open(daemon, problem)) < 0)
                return r;
        kept_renew(daemon);
        daemon->deadlines_moved = true;
        /* Where reading begins: a file whose lines bear no time would be begun at its end once more. */
        daemon_commit(daemon);
        say_ready(daemon);
        return 0;
}
