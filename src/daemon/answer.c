/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the control socket asks of the daemon: the stages' figures put into
 * views, and changes made the same way as the daemon's own decisions, but with
 * the kernel's answer before ours.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "daemon/private.h"
#include "util/log.h"

#define WHY_MAX 32 /* bans and windows shown of one address */

/* ---- status ---- */

static const char *jail_state(const Daemon *daemon, const Jail *jail)
{
        const SourceStats *source = daemon->journal ? journal_source_stats(daemon->journal) : NULL;

        if (!jail->filter)
                return "degraded";
        if (source && source->state == SOURCE_WAITING)
                return "waiting";
        if (jail->filter_kept || (source && source->state == SOURCE_DEGRADED))
                return "degraded";
        return jail->config->observe ? "observing" : "running";
}

static const char *daemon_problem(const Daemon *daemon, const char *topic)
{
        for (size_t i = 0; i < daemon->health.n_problems; i++)
                if (strcmp(daemon->health.problems[i].topic, topic) == 0)
                        return daemon->health.problems[i].text;
        return "";
}

static const char *jail_problem(const Daemon *daemon, const Jail *jail)
{
        char topic[JAIL_NAME_MAX + 8];

        snprintf(topic, sizeof topic, "jail %s", jail->config->name);
        return daemon_problem(daemon, topic);
}

static void jail_view(const Daemon *daemon, const Jail *jail, JailView *view)
{
        const JailConfig *config = jail->config;

        *view = (JailView){
                .name = config->name,
                .filter = config->filter,
                .mode = config->mode,
                .state = jail_state(daemon, jail),
                .problem = jail_problem(daemon, jail),
                .findtime = config->findtime,
                .bantime = config->bantime,
                .maxretry = config->maxretry,
                .ports = config->ports,
                .n_ports = config->n_ports,
                .currently_failed = tracker_count(daemon->tracker, config->name),
                .total_failed = jail->total_failed,
                .currently_banned = ban_engine_count(daemon->engine, config->name),
                .total_banned = ban_engine_total(daemon->engine, config->name),
                .allowed = jail->allowed,
        };
        if (jail->filter) {
                const FilterStats *stats = filter_stats(jail->filter);
                const FilterInfo *info = filter_info(jail->filter);

                view->lines = stats->lines;
                view->ignored = stats->verdicts[FILTER_IGNORED];
                view->refused_by_origin = stats->verdicts[FILTER_ORIGIN];
                view->too_long = stats->verdicts[FILTER_TOO_LONG];
                view->limit = stats->verdicts[FILTER_LIMIT];
                view->last_line = stats->last_line;
                view->last_hit = stats->last_hit;
                view->journal_matches = (const char *const *) jail->matches;
                view->n_journal_matches = info->n_idents;
        }
}

static int answer_status(void *userdata, void (*visit)(void *visit_data, const StatusView *view), void *visit_data)
{
        Daemon *daemon = userdata;
        const SourceStats *source = daemon->journal ? journal_source_stats(daemon->journal) : NULL;
        const BanStats *bans = ban_engine_stats(daemon->engine);
        const TrackerStats *windows = tracker_stats(daemon->tracker);
        const StoreStats *store = store_stats(daemon->store);
        _cleanup_free_ JailView *jails = calloc(daemon->n_jails + 1, sizeof *jails);
        char texts[HEALTH_MAX][1200];
        const char *problems[HEALTH_MAX];

        if (!jails)
                return -ENOMEM;
        for (size_t i = 0; i < daemon->n_jails; i++)
                jail_view(daemon, &daemon->jails[i], &jails[i]);
        for (size_t i = 0; i < daemon->health.n_problems; i++) {
                snprintf(texts[i], sizeof texts[i], "%s: %s", daemon->health.problems[i].topic, daemon->health.problems[i].text);
                problems[i] = texts[i];
        }
        StatusView view = {
                .version = BAILIFF_VERSION,
                .pid = getpid(),
                .started = daemon->started,
                .now = clock_event_now(),
                .state = daemon->health.n_problems ? "degraded" : "running",
                .problems = problems,
                .n_problems = daemon->health.n_problems,
                .config = daemon->config->path,
                .config_kept = daemon->config_kept,
                .dry_run = daemon->options.dry_run,
                .firewall = firewall_backend(daemon->firewall),
                .source_state = source_state_name(source ? source->state : SOURCE_STOPPED),
                .source_lines = source ? source->lines : 0,
                .source_errors = source ? source->errors : 0,
                .windows = windows->windows,
                .windows_evicted = windows->evicted,
                .bans = bans->bans,
                .max_bans = bans->max_bans,
                .elements = bans->elements,
                .bans_displaced = bans->displaced,
                .heals = firewall_stats(daemon->firewall)->heals,
                .commits = store->commits,
                .failed_commits = store->failed_commits,
                .pending_bytes = store->pending_bytes,
                .set_aside = daemon->set_aside,
                .jails = jails,
                .n_jails = daemon->n_jails,
        };
        visit(visit_data, &view);
        return 0;
}

/* ---- bans ---- */

/* What enforces a ban: one element, or one for each of its ports. */
static Element ban_element(const Ban *ban, size_t i)
{
        return (Element){
                .addr = ban->addr,
                .protocol = ban->n_ports ? ban->ports[i].protocol : 0,
                .port = ban->n_ports ? ban->ports[i].port : 0,
                .until = ban->until,
        };
}

static int answer_bans(void *userdata, const char *jail, BanVisitor visit, void *visit_data)
{
        Daemon *daemon = userdata;

        return ban_engine_each(daemon->engine, jail, visit, visit_data);
}

static bool enforces(const Daemon *daemon)
{
        return strcmp(firewall_backend(daemon->firewall), "none") != 0;
}

static int answer_kernel(void *userdata, const Ban *ban, FirewallElement *ret_element)
{
        Daemon *daemon = userdata;
        FirewallElement sum = { 0 };

        if (!enforces(daemon))
                return -EOPNOTSUPP;
        for (size_t i = 0; i < (ban->n_ports ? ban->n_ports : 1); i++) {
                Element element = ban_element(ban, i);
                FirewallElement kernel;
                int r = firewall_query(daemon->firewall, &element, &kernel);

                if (r != 0)
                        return r;
                kernel.packets += sum.packets;
                kernel.bytes += sum.bytes;
                sum = kernel;
        }
        *ret_element = sum;
        return 0;
}

static int answer_covering(void *userdata, const Addr *addr, BanVisitor visit, void *visit_data)
{
        Daemon *daemon = userdata;

        return ban_engine_covering(daemon->engine, addr, visit, visit_data);
}

/* ---- why ---- */

typedef struct Why {
        Daemon *daemon;
        const Ban *bans[WHY_MAX];
        FirewallElement kernel[WHY_MAX];
        bool in_kernel[WHY_MAX];
        size_t n_bans;
        WindowRecord windows[WHY_MAX];
        unsigned counts[WHY_MAX], maxretry[WHY_MAX];
        size_t n_windows;
} Why;

static int why_ban(void *userdata, const Ban *ban)
{
        Why *why = userdata;

        if (why->n_bans < WHY_MAX) {
                why->in_kernel[why->n_bans] = answer_kernel(why->daemon, ban, &why->kernel[why->n_bans]) == 0;
                why->bans[why->n_bans++] = ban;
        }
        return 0;
}

static int why_window(void *userdata, const WindowRecord *record)
{
        Why *why = userdata;
        const Jail *jail = daemon_jail(why->daemon, record->jail);
        unsigned count = 0;

        for (size_t i = 0; i < record->n_entries; i++)
                count += record->entries[i].weight;
        if (why->n_windows < WHY_MAX && count > 0) {
                why->windows[why->n_windows] = *record;
                why->counts[why->n_windows] = count;
                why->maxretry[why->n_windows++] = jail ? jail->config->maxretry : 0;
        }
        return 0;
}

static int answer_why(void *userdata, const Addr *addr, void (*visit)(void *visit_data, const WhyView *view), void *visit_data)
{
        Daemon *daemon = userdata;
        _cleanup_free_ Why *why = calloc(1, sizeof *why);

        if (!why)
                return -ENOMEM;
        why->daemon = daemon;
        ban_engine_covering(daemon->engine, addr, why_ban, why);
        /* Each jail counts at a width of its own. */
        for (size_t i = 0; i < daemon->n_jails; i++) {
                Addr key = addr_is_single(addr) ? addr_ban_key(addr, daemon->jails[i].config->ipv6_prefix) : *addr;
                tracker_each(daemon->tracker, daemon->jails[i].config->name, &key, why_window, why);
        }
        const AllowEntry *allowed = ban_engine_allowed(daemon->engine, NULL, addr);
        WhyView view = {
                .addr = *addr,
                .allowed = &allowed,
                .n_allowed = allowed != NULL,
                .bans = why->bans,
                .kernel = why->kernel,
                .in_kernel = why->in_kernel,
                .not_enforced = !enforces(daemon),
                .n_bans = why->n_bans,
                .windows = why->windows,
                .window_counts = why->counts,
                .window_maxretry = why->maxretry,
                .n_windows = why->n_windows,
        };
        visit(visit_data, &view);
        return 0;
}

/* ---- changes ---- */

/* The command stands and is remembered; but nobody is told "done" before the kernel says so. */
static int behind(Daemon *daemon, Problem *problem)
{
        return problem_set(problem, -EAGAIN, "the kernel has not taken the change (%.300s); it is offered again every second; "
                                             "see bailiffctl status", daemon_problem(daemon, "firewall changes"));
}

static int answer_ban(void *userdata, const BanRequest *request, uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        int r = ban_engine_ban(daemon->engine, request, clock_event_now(), problem);

        if (r != 0)
                return r;
        r = daemon_flush_elements(daemon);
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? behind(daemon, problem) : 0;
}

/*
 * `unban` deletes by key even what nobody remembers: whoever asks wants the
 * address to get through. The address itself and its counting prefix are tried.
 */
static void remove_unknown(Daemon *daemon, const Addr *addr)
{
        Element elements[] = { { .addr = *addr }, { .addr = addr_is_single(addr) ? addr_ban_key(addr, 64) : *addr } };

        for (size_t i = 0; i < 2; i++) {
                FirewallElement kernel;

                elements[i].until = EVENT_TIME_NONE;
                if (firewall_query(daemon->firewall, &elements[i], &kernel) == 0)
                        daemon_queue_elements(daemon, &elements[i], 1);
        }
}

static int answer_unban(void *userdata, const Addr *addr, const char *jail, const char *by, BanVisitor visit, void *visit_data,
                        uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        size_t lifted;
        int r;

        if (jail && !daemon_jail(daemon, jail) && ban_engine_count(daemon->engine, jail) == 0)
                return problem_set(problem, BAN_E_NO_JAIL, "there is no jail \"%s\"; bailiffctl status lists them", jail);
        daemon->lifted = visit;
        daemon->lifted_data = visit_data;
        r = ban_engine_unban(daemon->engine, addr, jail, clock_event_now(), by, &lifted);
        daemon->lifted = NULL;
        if (r < 0)
                return problem_set(problem, r, "out of memory");
        /* One mistype afterwards must not ban again at once. */
        if (addr) {
                tracker_forget(daemon->tracker, jail, addr);
                for (size_t i = 0; i < daemon->n_jails; i++)
                        if (daemon->jails[i].filter && (!jail || strcmp(jail, daemon->jails[i].config->name) == 0))
                                filter_forget(daemon->jails[i].filter, addr);
        }
        r = daemon_flush_elements(daemon);
        if (addr && !jail && r == 0) {
                remove_unknown(daemon, addr);
                r = daemon_flush_elements(daemon);
        }
        daemon->deadlines_moved = true;
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? behind(daemon, problem) : 0;
}

static int answer_events(void *userdata, uint64_t since, size_t max, int (*visit)(void *visit_data, const EventRecord *record), void *visit_data)
{
        Daemon *daemon = userdata;

        return store_read_events(daemon->store, since, max, visit, visit_data);
}

static bool answer_has_jail(void *userdata, const char *jail)
{
        return daemon_jail(userdata, jail) != NULL;
}

/**
 * answer_ops() - the control stage's view of the daemon
 */
ControlOps answer_ops(Daemon *daemon)
{
        return (ControlOps){
                .status = answer_status,
                .bans = answer_bans,
                .kernel = answer_kernel,
                .covering = answer_covering,
                .why = answer_why,
                .ban = answer_ban,
                .unban = answer_unban,
                .events = answer_events,
                .has_jail = answer_has_jail,
                .userdata = daemon,
        };
}
