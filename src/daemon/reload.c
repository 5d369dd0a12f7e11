/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Another configuration while running: a validated diff.
 *
 * The new configuration and every filter of it are loaded first, beside those
 * that run; whatever is wrong ends the reload there, and nothing has changed.
 * Then only what differs is touched: a jail that is as it was keeps its Filter
 * with its sessions, its windows and its bans, and the kernel hears nothing.
 *
 * A filter is another one if its files, or what they extend, have other
 * contents than those that were loaded.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/log.h"

#define TOPIC_ON_DISK "configuration on disk"

/**
 * A jail of the new configuration.
 */
typedef struct NextJail {
        Jail jail;              /* as it shall run; without a filter: the one of `from` stays */
        Jail *from;             /* as it runs now; NULL: it does not */
        bool changed;           /* other options, or new: the stages are told */
} NextJail;

typedef struct Reload {
        Daemon *daemon;
        Config *config;
        NextJail *jails;
        size_t n_jails;
        char **lines;           /* for people */
        size_t n_lines;
        size_t bans_lifted, windows_dropped;
} Reload;

static void reload_deinit(Reload *reload)
{
        for (size_t i = 0; i < reload->n_jails; i++)
                jail_deinit(&reload->jails[i].jail);
        free(reload->jails);
        for (size_t i = 0; i < reload->n_lines; i++)
                free(reload->lines[i]);
        free(reload->lines);
        config_free(reload->config);
}

/* ---- what differs ---- */

__attribute__((format(printf, 2, 3))) static int say(Reload *reload, const char *format, ...)
{
        char **grown = reallocarray(reload->lines, reload->n_lines + 1, sizeof *grown);
        va_list arguments;
        int r;

        if (!grown)
                return -ENOMEM;
        reload->lines = grown;
        va_start(arguments, format);
        r = vasprintf(&reload->lines[reload->n_lines], format, arguments);
        va_end(arguments);
        if (r < 0)
                return -ENOMEM;
        reload->n_lines++;
        return 0;
}

static NextJail *find_next(Reload *reload, const char *name)
{
        for (size_t i = 0; i < reload->n_jails; i++)
                if (strcmp(reload->jails[i].jail.config->name, name) == 0)
                        return &reload->jails[i];
        return NULL;
}

static bool is_named(const Config *config, const char *jail)
{
        for (size_t i = 0; i < config->n_jails; i++)
                if (strcmp(config->jails[i].name, jail) == 0)
                        return true;
        return false;
}

static int take_jail_change(Reload *reload, const ConfigChange *change)
{
        const char *name = change->after ? change->after->name : change->before->name;
        NextJail *next = change->after ? find_next(reload, name) : NULL;

        switch (change->kind) {
        case CONFIG_JAIL_ADDED: return say(reload, "jail %s: added", name);
        case CONFIG_JAIL_REMOVED:
                return say(reload, "jail %s: %s", name, is_named(reload->config, name) ? "disabled" : "removed");
        case CONFIG_JAIL_RENAMED:
                /* Bans that an older jail of the new name left keep theirs; then the old jail goes, and a new one comes. */
                if (next && ban_engine_count(reload->daemon->engine, name) == 0)
                        next->from = daemon_jail(reload->daemon, change->before->name);
                return say(reload, "jail %s: renamed to %s", change->before->name, name);
        default:
                if (!next)
                        return 0; /* a disabled one: nothing runs that could differ */
                next->changed = true;
                return say(reload, "jail %s: %s %s -> %s", name, change->key, change->old, change->new);
        }
}

static int take_change(void *userdata, const ConfigChange *change)
{
        Reload *reload = userdata;
        const JailConfig *jail = change->after ? change->after : change->before;

        switch (change->kind) {
        case CONFIG_OPTION:
                return say(reload, "%s: %s -> %s%s", change->key, change->old, change->new,
                           strcmp(change->key, "firewall") == 0 ? " (takes effect at: systemctl restart bailiffd)" : "");
        case CONFIG_ALLOW:
                return say(reload, "%s%s%s: %s%s", jail ? "jail " : "", jail ? jail->name : "allow", jail ? ": allow" : "",
                           *change->new ? change->new : change->old, *change->new ? " added" : " removed");
        default: return take_jail_change(reload, change);
        }
}

/* A kept copy is not the filter that is installed, even where it reads the same: it goes with the next copy. */
static bool same_filter(const NextJail *next)
{
        const JailConfig *after = next->jail.config, *before = next->from->config;

        return next->from->filter && !next->from->filter_kept && next->from->fingerprint == next->jail.fingerprint &&
               strcmp(before->filter, after->filter) == 0 && strcmp(before->mode, after->mode) == 0;
}

/* Loads a jail's filter, and puts it away again if it is the one that runs. */
static int load_filter(Reload *reload, NextJail *next, Problem *problem)
{
        const JailConfig *config = next->jail.config;
        Filter *filter;
        Problem why = { "" };
        int r = filter_load(config->filter, config->mode, config->name, NULL, &filter, &why);

        if (r != 0)
                return problem_set(problem, r == -ENOMEM ? r : -EINVAL, "%.200s: jail %s: %.700s", jail_filter_place(config, r), config->name,
                                   why.text);
        r = jail_set_filter(&next->jail, filter);
        if (r < 0 || !next->from)
                return r;
        if (same_filter(next)) {
                next->jail.filter = filter_free(next->jail.filter);
                return 0;
        }
        if (!next->from->filter)
                return say(reload, "jail %s: its filter loads, it runs", config->name);
        if (next->from->fingerprint != next->jail.fingerprint)
                return say(reload, "jail %s: filter %s has changed on disk", config->name, config->filter);
        return 0;
}

static int plan(Reload *reload, Problem *problem)
{
        Daemon *daemon = reload->daemon;
        int r = config_load(daemon->options.config, &reload->config, problem);

        if (r < 0)
                return r == -ENOMEM ? r : -EINVAL;
        problem_set(problem, 0, "out of memory; nothing has changed");
        reload->jails = calloc(reload->config->n_jails + 1, sizeof *reload->jails);
        if (!reload->jails)
                return -ENOMEM;
        for (size_t i = 0; i < reload->config->n_jails; i++) {
                const JailConfig *config = &reload->config->jails[i];
                NextJail *next = &reload->jails[reload->n_jails];

                if (!config->enabled)
                        continue;
                if ((r = jail_init(&next->jail, config)) < 0)
                        return r;
                next->from = daemon_jail(daemon, config->name);
                reload->n_jails++;
        }
        r = config_compare(daemon->config, reload->config, take_change, reload);
        for (size_t i = 0; i < reload->n_jails && r == 0; i++)
                if (!core_counts_bans(reload->jails[i].jail.config))
                        r = load_filter(reload, &reload->jails[i], problem);
        return r;
}

static bool is_wanted(const Reload *reload, const Jail *jail)
{
        for (size_t i = 0; i < reload->n_jails; i++)
                if (reload->jails[i].from == jail)
                        return true;
        return false;
}

/* ---- putting it in place ---- */

static int rename_jail(Daemon *daemon, const Jail *jail, const char *name, EventTime now)
{
        char note[JAIL_NAME_MAX + 32];
        int r = tracker_rename_jail(daemon->tracker, jail->config->name, name);

        snprintf(note, sizeof note, "jail %s renamed", jail->config->name);
        if (r == 0)
                r = ban_engine_rename_jail(daemon->engine, jail->config->name, name, now, note);
        if (r == 0 && jail->paused_by) {
                store_put_pause(daemon->store, &(PauseRecord){ .jail = jail->config->name });
                store_put_pause(daemon->store, &(PauseRecord){ name, jail->paused_by, jail->paused_since });
        }
        return r;
}

static int remove_jail(Reload *reload, const Jail *jail, EventTime now, bool check)
{
        Daemon *daemon = reload->daemon;
        const char *name = jail->config->name;
        size_t lifted = ban_engine_count(daemon->engine, name);
        int r = 0;

        reload->windows_dropped += tracker_count(daemon->tracker, name);
        if (!check) {
                tracker_remove_jail(daemon->tracker, name);
                r = ban_engine_remove_jail(daemon->engine, name, now, "jail removed", &lifted);
                if (jail->paused_by)
                        store_put_pause(daemon->store, &(PauseRecord){ .jail = name });
                jail_degrade(daemon, name, NULL);
        }
        reload->bans_lifted += lifted;
        return r;
}

static bool same_scope(const JailConfig *a, const JailConfig *b)
{
        if (a->reject != b->reject || a->n_ports != b->n_ports)
                return false;
        for (size_t i = 0; i < a->n_ports; i++)
                if (a->ports[i].protocol != b->ports[i].protocol || a->ports[i].port != b->ports[i].port)
                        return false;
        return true;
}

static int change_stages(Reload *reload, EventTime now)
{
        Daemon *daemon = reload->daemon;
        int r = 0;

        for (size_t i = 0; i < reload->n_jails && r == 0; i++) {
                const NextJail *next = &reload->jails[i];

                if (next->from && strcmp(next->from->config->name, next->jail.config->name) != 0)
                        r = rename_jail(daemon, next->from, next->jail.config->name, now);
        }
        for (size_t i = 0; i < daemon->n_jails && r == 0; i++)
                if (!is_wanted(reload, &daemon->jails[i]))
                        r = remove_jail(reload, &daemon->jails[i], now, false);
        for (size_t i = 0; i < reload->n_jails && r == 0; i++) {
                const NextJail *next = &reload->jails[i];

                if (!next->from || next->changed)
                        r = core_set_jail(daemon->tracker, daemon->engine, next->jail.config);
                if (r == 0 && next->from && !same_scope(next->from->config, next->jail.config))
                        r = ban_engine_rescope(daemon->engine, next->jail.config->name, now, "configuration reloaded");
        }
        return r;
}

static int change_host(Daemon *daemon, const Config *config)
{
        const Config *before = daemon->config;
        Problem problem = { "" };
        int r;

        if (config->max_windows != before->max_windows)
                tracker_set_max(daemon->tracker, config->max_windows);
        if (config->max_bans != before->max_bans)
                ban_engine_set_max(daemon->engine, config->max_bans);
        if ((r = core_set_allowed(daemon->engine, config, clock_event_now())) < 0 || (r = allow_singles(daemon, config)) < 0 ||
            (r = allow_watch_set(daemon->allow, config->allow, config->n_allow)) < 0)
                return r;
        if (config->counters != before->counters) {
                daemon_flush_elements(daemon);
                r = firewall_set_counters(daemon->firewall, config->counters, &problem);
                daemon_degrade(daemon, "firewall counters", r != 0 && r != FIREWALL_E_ELEMENT ? problem.text : NULL);
        }
        daemon_degrade(daemon, "restart needed", !daemon->options.dry_run && config->firewall != daemon->firewall_running ?
                               "firewall: was changed, which takes effect at: systemctl restart bailiffd (remembered bans stay)" : NULL);
        return 0;
}

/* What the jail has gathered goes on with it. */
static void move_jail(Jail *to, Jail *from)
{
        if (!to->filter && !core_counts_bans(to->config))
                jail_take_filter(to, from);
        to->paused_by = steal(from->paused_by);
        to->paused_since = from->paused_since;
        to->total_failed = from->total_failed;
        to->allowed = from->allowed;
        to->observed = from->observed;
        to->carried = from->carried;
        to->read_files = from->read_files;
}

/* Takes the new configuration over from @reload. */
static void swap(Reload *reload, Jail *jails)
{
        Daemon *daemon = reload->daemon;

        for (size_t i = 0; i < reload->n_jails; i++) {
                NextJail *next = &reload->jails[i];

                if (next->from)
                        move_jail(&next->jail, next->from);
                jails[i] = next->jail;
                next->jail = (Jail){ .config = NULL };
        }
        for (size_t i = 0; i < daemon->n_jails; i++)
                jail_deinit(&daemon->jails[i]);
        free(daemon->jails);
        daemon->jails = jails;
        daemon->n_jails = reload->n_jails;
        config_free(daemon->config);
        daemon->config = steal(reload->config);
        daemon->config_kept = false;
        daemon_degrade(daemon, "configuration", NULL);
        daemon_degrade(daemon, TOPIC_ON_DISK, NULL);
        for (size_t i = 0; i < daemon->n_jails; i++)
                jail_degrade(daemon, daemon->jails[i].config->name, NULL);
}

static int apply(Reload *reload, Problem *problem)
{
        Daemon *daemon = reload->daemon;
        Jail *jails = calloc(reload->n_jails + 1, sizeof *jails);
        int r;

        if (!jails)
                return problem_set(problem, -ENOMEM, "out of memory; nothing has changed");
        if ((r = change_stages(reload, clock_event_now())) < 0 || (r = change_host(daemon, reload->config)) < 0) {
                free(jails);
                return problem_set(problem, r, "the new configuration is in force in part only: %s; systemctl restart bailiffd", strerror(-r));
        }
        files_stop(daemon);
        swap(reload, jails);
        files_open(daemon);
        r = journal_reopen(daemon, problem);
        if (r < 0)
                daemon_degrade(daemon, "journal", problem->text);
        kept_renew(daemon);
        return 0;
}

/* ---- telling ---- */

static void tell(const Reload *reload)
{
        char text[1000];
        size_t used = 0;

        if (reload->n_lines == 0)
                used += (size_t) snprintf(text, sizeof text, "nothing has changed");
        for (size_t i = 0; i < reload->n_lines && used < sizeof text; i++) {
                log_notice("reload: %s", reload->lines[i]);
                used += (size_t) snprintf(text + used, sizeof text - used, "%s%s", i ? "; " : "", reload->lines[i]);
        }
        if (reload->n_lines == 0)
                log_notice("reload: %s", text);
        daemon_note(reload->daemon, "reload", text);
        daemon_notify(reload->daemon, "");
}

/* What is on disk would not load at the next start, either: it is a problem until a reload is taken. */
static void tell_refused(Daemon *daemon, const Problem *problem)
{
        char text[PROBLEM_TEXT_MAX + 160];

        log_error("reload refused, what runs is unchanged: %s", problem->text);
        snprintf(text, sizeof text, "refused: %s", problem->text);
        daemon_note(daemon, "reload", text);
        if (daemon->config_kept) {
                kept_tell(daemon, problem);
                return;
        }
        snprintf(text, sizeof text, "refused at reload: %.900s; what runs is unchanged. Mend it, then: systemctl reload bailiffd", problem->text);
        daemon_degrade(daemon, TOPIC_ON_DISK, text);
}

static void tell_failed(Daemon *daemon, const Problem *problem)
{
        char text[PROBLEM_TEXT_MAX + 32];

        log_error("reload failed: %s", problem->text);
        snprintf(text, sizeof text, "failed: %s", problem->text);
        daemon_note(daemon, "reload", text);
        daemon_degrade(daemon, "configuration", problem->text);
}

/**
 * daemon_reload() - run another configuration, or say what is wrong with it
 * @check:      only load it and show what would change
 * @visit:      is shown what has changed; may be NULL
 * @problem:    "file:line:column: ..."; the old configuration runs on
 *
 * Return: 0; -EINVAL: refused; -ENOMEM; as answer_behind(): the kernel has not taken it yet.
 */
int daemon_reload(Daemon *daemon, bool check, void (*visit)(void *visit_data, const ReloadView *view), void *visit_data,
                  uint64_t *ret_sequence, Problem *problem)
{
        _cleanup_(reload_deinit) Reload reload = { .daemon = daemon };
        int r = plan(&reload, problem);
        bool planned = r == 0;

        for (size_t i = 0; check && i < daemon->n_jails && r == 0; i++)
                if (!is_wanted(&reload, &daemon->jails[i]))
                        r = remove_jail(&reload, &daemon->jails[i], daemon->started, true);
        if (!check && r == 0)
                r = apply(&reload, problem);
        if (r < 0) {
                if (!check) {
                        (planned ? tell_failed : tell_refused)(daemon, problem);
                        daemon_commit(daemon);
                }
                return r;
        }
        ReloadView view = {
                .changes = (const char *const *) reload.lines,
                .n_changes = reload.n_lines,
                .bans_lifted = reload.bans_lifted,
                .windows_dropped = reload.windows_dropped,
        };
        if (visit)
                visit(visit_data, &view);
        *ret_sequence = 0;
        if (check)
                return 0;
        tell(&reload);
        report_reloaded(daemon);
        allow_flush(daemon, false);
        r = daemon_flush_elements(daemon);
        daemon->deadlines_moved = true;
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? answer_behind(daemon, problem) : 0;
}
