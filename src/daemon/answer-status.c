/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What `status` shows: the stages' figures put into one view. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "daemon/private.h"

#define NOTICES_MAX (2 * HEALTH_MAX)
#define NOTICE_MAX 1200

static const char *jail_state(const Daemon *daemon, Jail *jail)
{
        const SourceStats *source = daemon->journal ? journal_source_stats(daemon->journal) : NULL;

        if (jail->paused_by)
                return "paused";
        if (jail_counts_bans(jail->config))
                return jail->config->observe ? "observing" : "running";
        if (!jail->filter)
                return "degraded";
        if (source && source->state == SOURCE_WAITING)
                return "waiting";
        if (jail->filter_kept || (source && source->state == SOURCE_DEGRADED))
                return "degraded";
        if (!journal_knows(daemon, jail))
                return "waiting";
        if (filter_missing_user(jail->filter))
                return "degraded";
        return jail->config->observe ? "observing" : "running";
}

/* Its service writes, and yet nothing can count: the filter trusts users alone that the host does not have. */
static const char *deaf_notice(const Daemon *daemon, Jail *jail)
{
        const char *user = jail->filter && journal_knows(daemon, jail) ? filter_missing_user(jail->filter) : NULL;

        if (!user)
                return "";
        snprintf(jail->notice, sizeof jail->notice,
                 "nothing can count: there is no user \"%.64s\", and its filter believes whom `origin: uid:` names alone; "
                 "correct it, or create the user", user);
        return jail->notice;
}

static const char *jail_problem(const Daemon *daemon, Jail *jail)
{
        char topic[JAIL_NAME_MAX + 8];
        const char *text;

        snprintf(topic, sizeof topic, "jail %s", jail->config->name);
        text = daemon_problem(daemon, topic);
        return *text ? text : deaf_notice(daemon, jail);
}

static bool has_own_allow(const Config *config, const char *jail)
{
        for (size_t i = 0; i < config->n_allow; i++)
                if (config->allow[i].jail && strcmp(config->allow[i].jail, jail) == 0)
                        return true;
        return false;
}

/* What holds of a jail whether or not it is enabled. */
static JailView config_view(const Daemon *daemon, const JailConfig *config)
{
        return (JailView){
                .name = config->name,
                .filter = config->filter,
                .mode = config->mode,
                .state = "disabled",
                .problem = "",
                .source = jail_counts_bans(config) ? "bans" : "journal",
                .increment = &config->increment,
                .reject = config->reject,
                .has_own_allow = has_own_allow(daemon->config, config->name),
                .findtime = config->findtime,
                .bantime = config->bantime,
                .maxretry = config->maxretry,
                .ports = config->ports,
                .n_ports = config->n_ports,
        };
}

/* The rules of all filters that run: as many as answer_status() has to make room for. */
static size_t count_rules(const Daemon *daemon)
{
        FilterRuleStats stats;
        size_t n = 0;

        for (size_t i = 0; i < daemon->n_jails; i++)
                for (size_t rule = 0; daemon->jails[i].filter && filter_rule_stats(daemon->jails[i].filter, rule, &stats); rule++)
                        n++;
        return n;
}

static int by_hits(const void *a, const void *b)
{
        const RuleView *x = a, *y = b;

        if (x->hits != y->hits)
                return x->hits > y->hits ? -1 : 1;
        if (x->limits != y->limits)
                return x->limits > y->limits ? -1 : 1;
        return strcmp(x->rule, y->rule);
}

/* Puts those that have something to tell to *room, which goes on behind them. */
static void rules_view(const Filter *filter, RuleView **room, JailView *view)
{
        RuleView *rules = *room;
        FilterRuleStats stats;

        for (size_t i = 0; filter_rule_stats(filter, i, &stats); i++) {
                if (stats.hits > 0 || stats.limits > 0)
                        rules[view->n_rules++] = (RuleView){ stats.id, stats.kind, stats.hits, stats.limits };
                else
                        view->rules_without_hit++;
        }
        qsort(rules, view->n_rules, sizeof *rules, by_hits);
        view->rules = rules;
        *room += view->n_rules;
}

static void jail_view(const Daemon *daemon, Jail *jail, RuleView **room, JailView *view)
{
        const char *name = jail->config->name;

        *view = config_view(daemon, jail->config);
        view->state = jail_state(daemon, jail);
        view->problem = jail_problem(daemon, jail);
        view->currently_failed = tracker_count(daemon->tracker, name);
        view->total_failed = jail->total_failed;
        view->currently_banned = ban_engine_count(daemon->engine, name);
        view->total_banned = ban_engine_total(daemon->engine, name);
        view->allowed = jail->allowed;
        view->observed = jail->observed;
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
                rules_view(jail->filter, room, view);
        }
}

/* Every jail that the configuration names, those that are not enabled too. */
static size_t jail_views(const Daemon *daemon, RuleView *room, JailView *views)
{
        const Config *config = daemon->config;
        size_t n = 0;

        for (size_t i = 0; i < config->n_jails; i++) {
                Jail *jail = daemon_jail((Daemon *) (uintptr_t) daemon, config->jails[i].name);

                if (jail)
                        jail_view(daemon, jail, &room, &views[n++]);
                else
                        views[n++] = config_view(daemon, &config->jails[i]);
        }
        return n;
}

/* What is wrong; and which jails are paused, which nothing is wrong about but must not be forgotten. */
static size_t notices(const Daemon *daemon, char texts[][NOTICE_MAX], size_t max)
{
        const Health *health = &daemon->health;
        char since[TIME_TEXT_MAX];
        size_t n = 0;

        for (size_t i = 0; i < health->n_problems && n < max; i++)
                snprintf(texts[n++], NOTICE_MAX, "%s: %s", health->problems[i].topic, health->problems[i].text);
        for (size_t i = 0; i < daemon->n_jails && n < max; i++) {
                const Jail *jail = &daemon->jails[i];

                if (jail->paused_by)
                        snprintf(texts[n++], NOTICE_MAX, "jail %s: paused by %s since %s: it counts, but does not ban; bailiffctl resume %s",
                                 jail->config->name, jail->paused_by, event_time_format(jail->paused_since, since), jail->config->name);
        }
        return n;
}

/**
 * answer_status() - all figures, borrowed until @visit returns
 */
int answer_status(void *userdata, void (*visit)(void *visit_data, const StatusView *view), void *visit_data)
{
        Daemon *daemon = userdata;
        const SourceStats *source = daemon->journal ? journal_source_stats(daemon->journal) : NULL;
        const BanStats *bans = ban_engine_stats(daemon->engine);
        const TrackerStats *windows = tracker_stats(daemon->tracker);
        const StoreStats *store = store_stats(daemon->store);
        _cleanup_free_ JailView *jails = calloc(daemon->config->n_jails + 1, sizeof *jails);
        _cleanup_free_ RuleView *rules = calloc(count_rules(daemon) + 1, sizeof *rules);
        char texts[NOTICES_MAX][NOTICE_MAX];
        const char *problems[NOTICES_MAX];

        if (!jails || !rules)
                return -ENOMEM;
        size_t n_jails = jail_views(daemon, rules, jails), n_notices = notices(daemon, texts, NOTICES_MAX);

        for (size_t i = 0; i < n_notices; i++)
                problems[i] = texts[i];
        StatusView view = {
                .version = BAILIFF_VERSION,
                .pid = getpid(),
                .started = daemon->started,
                .now = clock_event_now(),
                .state = daemon->health.n_problems ? "degraded" : "running",
                .problems = problems,
                .n_problems = n_notices,
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
                .n_jails = n_jails,
        };
        visit(visit_data, &view);
        return 0;
}
