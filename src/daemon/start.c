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
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build-config.h"
#include "daemon/private.h"
#include "util/log.h"

#define KEEP_RETRY_USEC (5 * USEC_PER_SEC)

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

static void firewall_healed(void *userdata, const char *text)
{
        log_warning("firewall: %s", text);
        daemon_note(userdata, "heal", text);
}

static void firewall_degraded(void *userdata, const char *text)
{
        daemon_degrade(userdata, "firewall", text);
}

/* ---- the store's and the source's callbacks ---- */

static void store_committed(void *userdata, uint64_t sequence, const EventRecord *events, size_t n_events)
{
        Daemon *daemon = userdata;

        if (daemon->control)
                control_committed(daemon->control, sequence, events, n_events);
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

static int put_window(void *userdata, const WindowRecord *record)
{
        store_put_window(userdata, record);
        return 0;
}

/* The database was lost while we ran: all that is in memory is remembered anew. */
static void store_emptied(void *userdata)
{
        Daemon *daemon = userdata;

        log_warning("store: the database was lost; all bans and counts are written again");
        ban_engine_each(daemon->engine, NULL, put_ban, daemon->store);
        tracker_each(daemon->tracker, NULL, NULL, put_window, daemon->store);
        daemon_commit(daemon);
}

static void source_state(void *userdata, SourceState state, const char *text)
{
        daemon_degrade(userdata, "journal", state == SOURCE_WAITING || state == SOURCE_DEGRADED ? text : NULL);
}

static void source_caught_up(void *userdata)
{
        Daemon *daemon = userdata;

        daemon->caught_up = true;
        daemon->deadlines_moved = true;
        log_debug("the journal has been read up to the present");
}

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
                if (event_time_before(clock_event_now(), entry.until)) {
                        ban_engine_allow(daemon->engine, "start", &entry, daemon->started);
                        log_notice("%s is allowed for now: %s", addr_text, origin);
                }
        }
        free(line);
}

/* A local user who mistypes five times must not cut the host off from itself. */
static void allow_own_addresses(Daemon *daemon)
{
        struct ifaddrs *all;

        if (getifaddrs(&all) < 0)
                return;
        for (struct ifaddrs *one = all; one; one = one->ifa_next) {
                char origin[IFNAMSIZ + 32];
                AllowEntry entry = { .until = EVENT_TIME_FOREVER, .origin = origin };

                if (!one->ifa_addr)
                        continue;
                if (one->ifa_addr->sa_family == AF_INET)
                        entry.addr = addr_from_bytes(4, &((struct sockaddr_in *) one->ifa_addr)->sin_addr);
                else if (one->ifa_addr->sa_family == AF_INET6)
                        entry.addr = addr_from_bytes(6, &((struct sockaddr_in6 *) one->ifa_addr)->sin6_addr);
                else
                        continue;
                snprintf(origin, sizeof origin, "this host's own, on %s", one->ifa_name);
                ban_engine_allow(daemon->engine, "own", &entry, daemon->started);
        }
        freeifaddrs(all);
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

        return tracker_restore(daemon->tracker, record) < 0 ? -ENOMEM : 0;
}

static int load_position(void *userdata, const PositionRecord *record)
{
        Daemon *daemon = userdata;

        if (strcmp(record->source, "journal") == 0 && strlen(record->position) < sizeof daemon->start_position) {
                strcpy(daemon->start_position, record->position);
                daemon->start_position_time = record->time;
        }
        return 0;
}

static int load_set_aside(void *userdata, const SetAsideRecord *record)
{
        Daemon *daemon = userdata;

        daemon->set_aside++;
        return 0;
}

static int start_store(Daemon *daemon, Problem *problem)
{
        StoreLoader loader = { .ban = load_ban, .window = load_window, .position = load_position, .set_aside = load_set_aside, .userdata = daemon };
        StoreCallbacks callbacks = { .committed = store_committed, 
                .degraded = store_degraded, .emptied = store_emptied, .userdata = daemon };
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
        r = firewall_start(daemon->firewall, store_stats(daemon->store)->next_event_id - 1, problem);
        if (r == FIREWALL_E_ELEMENT)
                return 0; /* it runs; element_refused() has told which ones it lacks */
        return r > 0 ? -EPERM : r;
}

static bool has_ident(const char *const *idents, size_t n_idents, const char *ident)
{
        for (size_t i = 0; i < n_idents; i++)
                if (strcmp(idents[i], ident) == 0)
                        return true;
        return false;
}

static int start_journal(Daemon *daemon, Problem *problem)
{
        _cleanup_free_ const char **idents = NULL;
        SourceCallbacks callbacks = { .line = decide_line, .state = source_state, .caught_up = source_caught_up, .userdata = daemon };
        int64_t findtime = 0;
        size_t n_idents = 0, room = 0;
        int r;

        for (size_t i = 0; i < daemon->n_jails; i++)
                room += daemon->jails[i].filter ? filter_info(daemon->jails[i].filter)->n_idents : 0;
        idents = calloc(room + 1, sizeof *idents);
        if (!idents)
                return -ENOMEM;
        for (size_t i = 0; i < daemon->n_jails; i++) {
                const FilterInfo *info = daemon->jails[i].filter ? filter_info(daemon->jails[i].filter) : NULL;

                for (size_t j = 0; info && j < info->n_idents; j++)
                        if (!has_ident(idents, n_idents, info->idents[j]))
                                idents[n_idents++] = info->idents[j];
                if (daemon->jails[i].config->findtime > findtime)
                        findtime = daemon->jails[i].config->findtime;
        }
        if (n_idents == 0) {
                daemon_degrade(daemon, "jails", "no jail runs, so nothing is protected: name one under jails: in the configuration");
                return 0;
        }
        /* A first start reads back findtime, so that an attack in progress is seen; later ones go on where the last ended. */
        EventTime since = *daemon->start_position ? daemon->start_position_time : event_time_add(clock_event_now(), -findtime);
        JournalConfig config = {
                .directory = daemon->options.journal_directory,
                .idents = idents,
                .n_idents = n_idents,
                .position = daemon->start_position,
                .since = since,
        };
        r = journal_source_new(daemon->event, &config, callbacks, &daemon->journal);
        return r < 0 ? r : journal_source_start(daemon->journal, problem);
}

static int start_control(Daemon *daemon, Problem *problem)
{
        char path[PATH_MAX];
        int r = make_directory(daemon->options.runtime_directory, 0755, problem);

        if (r < 0)
                return r;
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

static void keep_configuration(Daemon *daemon);

static int on_keep(sd_event_source *source, uint64_t usec, void *userdata)
{
        keep_configuration(userdata);
        return 0;
}

/* Where the disk is full it is tried again until it works. */
static void keep_configuration(Daemon *daemon)
{
        Problem problem;

        if (daemon->options.dry_run || daemon->config_kept)
                return;
        for (size_t i = 0; i < daemon->n_jails; i++)
                if (!daemon->jails[i].filter || daemon->jails[i].filter_kept)
                        return;
        daemon->keep_source = sd_event_source_unref(daemon->keep_source);
        if (kept_save(daemon, &problem) == 0) {
                daemon_degrade(daemon, "kept configuration", NULL);
                return;
        }
        daemon_degrade(daemon, "kept configuration", problem.text);
        if (sd_event_add_time_relative(daemon->event, &daemon->keep_source, CLOCK_BOOTTIME, KEEP_RETRY_USEC, KEEP_RETRY_USEC / 10, on_keep, daemon) >= 0)
                sd_event_source_set_description(daemon->keep_source, "keep the configuration");
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
        allow_own_addresses(daemon);
        allow_at_start(daemon);
        if ((r = start_firewall(daemon, problem)) < 0 || (r = start_control(daemon, problem)) < 0)
                return r;
        start_inflight(daemon);
        if ((r = start_journal(daemon, problem)) < 0)
                return r;
        keep_configuration(daemon);
        daemon->deadlines_moved = true;
        say_ready(daemon);
        return 0;
}
