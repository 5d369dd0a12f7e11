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

/* Rooms for what the views of all jails point to, filled from their beginnings. */
typedef struct Rooms {
        RuleView *rules;
        FileView *files;
} Rooms;

static SourceState journal_state(const Daemon *daemon)
{
        return daemon->journal ? journal_source_stats(daemon->journal)->state : SOURCE_STOPPED;
}

static bool reads_journal(const Daemon *daemon, Jail *jail)
{
        return (files_jail_sources(daemon, jail) & CONFIG_SOURCE_JOURNAL) != 0;
}

static bool hears_journal(const Daemon *daemon, Jail *jail)
{
        return reads_journal(daemon, jail) && journal_state(daemon) != SOURCE_WAITING && journal_knows(daemon, jail);
}

static size_t count_files(const JailView *view, const char *state)
{
        size_t n = 0;

        for (size_t i = 0; i < view->n_files; i++)
                n += strcmp(view->files[i].state, state) == 0;
        return n;
}

/* See files_believes(). */
static bool hears_files(const Daemon *daemon, const Jail *jail, const JailView *view)
{
        bool believes = jail->config->sources || !daemon->journal || journal_state(daemon) == SOURCE_WAITING;

        for (size_t i = 0; i < view->n_files; i++)
                if (strcmp(view->files[i].state, "reading") == 0 && (believes || (!view->files[i].forgeable && view->files[i].lines > 0)))
                        return true;
        return false;
}

/* Lines of its service stand in a log file, but not in the journal: nothing of them counts. */
static bool is_disbelieved(const Daemon *daemon, Jail *jail)
{
        return jail->disbelieved && jail->filter && !jail->config->sources && !journal_carries(daemon, jail);
}

static const char *disbelieved_notice(const Daemon *daemon, Jail *jail)
{
        if (!is_disbelieved(daemon, jail))
                return "";
        snprintf(jail->notice, sizeof jail->notice,
                 "its lines stand in a syslog file but not in the journal, so any local user may have written them (logger -t), and "
                 "nothing counts; if this host's service is only there, write sources: [files]");
        return jail->notice;
}

static const char *jail_state(const Daemon *daemon, Jail *jail, const JailView *view)
{
        if (jail->paused_by)
                return "paused";
        if (core_counts_bans(jail->config))
                return jail->config->observe ? "observing" : "running";
        if (!jail->filter || count_files(view, "degraded") > 0)
                return "degraded";
        if (is_disbelieved(daemon, jail))
                return "degraded";
        bool reads_files = hears_files(daemon, jail, view);
        if (!reads_files && reads_journal(daemon, jail) && journal_state(daemon) == SOURCE_WAITING)
                return "waiting";
        if (jail->filter_kept || (reads_journal(daemon, jail) && journal_state(daemon) == SOURCE_DEGRADED))
                return "degraded";
        if (!reads_files && !hears_journal(daemon, jail))
                return "waiting";
        if (!reads_files && filter_missing_user(jail->filter))
                return "degraded";
        return jail->config->observe ? "observing" : "running";
}

/* Its service writes, and yet nothing can count: the filter trusts users alone that the host does not have. */
static const char *deaf_notice(const Daemon *daemon, Jail *jail, const JailView *view)
{
        const char *user = jail->filter && !hears_files(daemon, jail, view) && hears_journal(daemon, jail) ? filter_missing_user(jail->filter) : NULL;

        if (!user)
                return "";
        snprintf(jail->notice, sizeof jail->notice,
                 "nothing can count: there is no user \"%.64s\", and its filter believes whom `origin: uid:` names alone; "
                 "correct it, or create the user", user);
        return jail->notice;
}

static const char *jail_problem(const Daemon *daemon, Jail *jail, const JailView *view)
{
        char topic[JAIL_NAME_MAX + 8];
        const char *text;

        snprintf(topic, sizeof topic, "jail %s", jail->config->name);
        text = daemon_problem(daemon, topic);
        if (!*text)
                text = disbelieved_notice(daemon, jail);
        for (size_t i = 0; i < view->n_files && !*text; i++)
                text = strcmp(view->files[i].state, "degraded") == 0 ? view->files[i].problem : "";
        return *text ? text : deaf_notice(daemon, jail, view);
}

static const char *jail_source(const Daemon *daemon, Jail *jail)
{
        const unsigned sources = files_jail_sources(daemon, jail), both = CONFIG_SOURCE_JOURNAL | CONFIG_SOURCE_FILES;

        if (sources & CONFIG_SOURCE_BANS)
                return "bans";
        return (sources & both) == both ? "journal and files" : sources & CONFIG_SOURCE_FILES ? "files" : "journal";
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
                .source = core_counts_bans(config) ? "bans" : "journal",
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

/* ---- its files ---- */

typedef struct FileList {
        const Daemon *daemon;
        FileView *files;        /* NULL: count them */
        size_t n;
} FileList;

static void take_file(void *userdata, const FileInfo *info)
{
        FileList *list = userdata;
        const char *problem = files_problem(list->daemon, info->path);

        if (list->files)
                list->files[list->n] = (FileView){
                        .path = info->path,
                        .state = *problem ? "degraded" : info->waiting ? "waiting" : "reading",
                        .problem = *problem ? problem : info->problem,
                        .forgeable = info->forgeable,
                        .polled = info->polled,
                        .lines = info->lines,
                        .bytes = info->bytes,
                        .over_long = info->over_long,
                        .bad = info->bad,
                        .rotated = info->rotated,
                        .truncated = info->truncated,
                        .last_line = info->last_line,
                        .left_out = info->left_out,
                        .skew = info->skew,
                };
        list->n++;
}

static size_t list_files(const Daemon *daemon, size_t watch, FileView *files)
{
        FileList list = { .daemon = daemon, .files = files };

        if (daemon->files)
                file_source_list(daemon->files, watch, take_file, &list);
        return list.n;
}

static size_t count_all_files(const Daemon *daemon)
{
        size_t n = 0;

        for (size_t i = 0; i < daemon->n_jails; i++)
                n += list_files(daemon, i, NULL);
        return n;
}

static void add_file(void *userdata, const FileInfo *info)
{
        StatusView *view = userdata;

        view->files += !info->waiting;
        view->file_lines += info->lines;
}

/* ---- views ---- */

static void jail_view(const Daemon *daemon, Jail *jail, Rooms *rooms, JailView *view)
{
        const char *name = jail->config->name;

        *view = config_view(daemon, jail->config);
        view->source = jail_source(daemon, jail);
        view->files = rooms->files;
        view->n_files = list_files(daemon, (size_t) (jail - daemon->jails), rooms->files);
        rooms->files += view->n_files;
        view->state = jail_state(daemon, jail, view);
        view->problem = jail_problem(daemon, jail, view);
        view->currently_failed = tracker_count(daemon->tracker, name);
        view->total_failed = jail->total_failed;
        view->currently_banned = ban_engine_count(daemon->engine, name);
        view->total_banned = ban_engine_total(daemon->engine, name);
        view->allowed = jail->allowed;
        view->observed = jail->observed;
        if (jail->filter) {
                const FilterStats *stats = filter_stats(jail->filter);

                view->lines = stats->lines;
                view->ignored = stats->verdicts[FILTER_IGNORED];
                view->refused_by_origin = stats->verdicts[FILTER_ORIGIN];
                view->too_long = stats->verdicts[FILTER_TOO_LONG];
                view->limit = stats->verdicts[FILTER_LIMIT];
                view->last_line = stats->last_line;
                view->last_hit = stats->last_hit;
                view->journal_matches = (const char *const *) jail->matches;
                while (jail->matches[view->n_journal_matches])
                        view->n_journal_matches++;
                rules_view(jail->filter, &rooms->rules, view);
        }
}

/* Every jail that the configuration names, those that are not enabled too. */
static size_t jail_views(const Daemon *daemon, Rooms rooms, JailView *views)
{
        const Config *config = daemon->config;
        size_t n = 0;

        for (size_t i = 0; i < config->n_jails; i++) {
                Jail *jail = daemon_jail((Daemon *) (uintptr_t) daemon, config->jails[i].name);

                if (jail)
                        jail_view(daemon, jail, &rooms, &views[n++]);
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
        _cleanup_free_ FileView *files = calloc(count_all_files(daemon) + 1, sizeof *files);
        char texts[NOTICES_MAX][NOTICE_MAX];
        const char *problems[NOTICES_MAX];

        if (!jails || !rules || !files)
                return -ENOMEM;
        size_t n_jails = jail_views(daemon, (Rooms){ rules, files }, jails), n_notices = notices(daemon, texts, NOTICES_MAX);

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
        if (daemon->files)
                file_source_list(daemon->files, FILES_ALL, add_file, &view);
        visit(visit_data, &view);
        return 0;
}
