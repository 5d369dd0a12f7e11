/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The jails of a replay, joined as the daemon joins them: by the functions of
 * core.h, between the same stages. What differs is the clock. The ban engine is
 * told the time of the deciding line as the present, so a ban that is over by
 * now is made all the same, and the next one of its address grows on it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "allow.h"
#include "build-config.h"
#include "ctl/plan.h"
#include "util/cleanup.h"

/* ---- sinks ---- */

static PlanJail *find_jail(Plan *plan, const char *name)
{
        for (size_t i = 0; i < plan->n_jails; i++)
                if (strcmp(plan->jails[i].config->name, name) == 0)
                        return &plan->jails[i];
        return NULL;
}

static void on_offence(void *userdata, const Offence *offence)
{
        Plan *plan = userdata;
        const PlanJail *jail = find_jail(plan, offence->jail);
        int r;

        if (jail && jail->config->observe) {
                plan->report.observed++;
                return;
        }
        r = ban_engine_offence(plan->engine, offence, offence->last);
        if (r == BAN_E_FULL)
                plan->report.full++;
        else if (r < 0)
                plan->error = r;
}

static void on_event(void *userdata, const BanEvent *event)
{
        Plan *plan = userdata;
        PlanJail *jail = find_jail(plan, event->ban->jail);

        if (event->kind == BAN_EVENT_BAN) {
                if (jail)
                        plan->report.jail_bans[jail - plan->jails]++;
                for (size_t i = 0; i < plan->n_jails; i++)
                        if (ban_hits_put(&plan->ban_hits, plan->jails[i].config, event->ban) < 0)
                                plan->error = -ENOMEM;
        }
        plan_event(plan, event);
}

/* ---- who is never banned ---- */

static void on_group(void *userdata, const char *group, const AllowEntry *entries, size_t n_entries)
{
        Plan *plan = userdata;
        int r = ban_engine_allow_group(plan->engine, group, entries, n_entries, clock_event_now());

        if (r < 0)
                plan->error = r;
}

static void on_link(void *userdata, const Addr *prefixes, size_t n_prefixes)
{
        Plan *plan = userdata;
        size_t n = n_prefixes + plan->config->n_nat64;
        _cleanup_free_ Addr *all = calloc(n + 1, sizeof *all);

        if (!all) {
                plan->error = -ENOMEM;
                return;
        }
        if (n_prefixes)
                memcpy(all, prefixes, n_prefixes * sizeof *all);
        if (plan->config->n_nat64)
                memcpy(all + n_prefixes, plan->config->nat64, plan->config->n_nat64 * sizeof *all);
        if (tracker_set_singles(plan->tracker, all, n) < 0)
                plan->error = -ENOMEM;
}

static void on_problem(void *userdata, const char *topic, const char *text)
{
        if (text)
                fail("%s: %s", topic, text);
}

/* This host's own addresses as they are now, and files. Names are not resolved: that is a service of the daemon's. */
static int allow(Plan *plan)
{
        _cleanup_free_ AllowConfig *files = calloc(plan->config->n_allow + 1, sizeof *files);
        /* No names, so nothing is written there; nor may anything of the daemon's be taken away. */
        AllowWatchConfig config = { .wanted = files, .runtime_directory = "/proc/bailiffctl" };
        const AllowCallbacks callbacks = { on_group, on_link, on_problem, plan };
        _cleanup_(allow_watch_freep) AllowWatch *watch = NULL;
        Problem problem = { "" };
        sd_event *event = NULL;
        int r;

        if (!files)
                return fail("%s", strerror(ENOMEM));
        for (size_t i = 0; i < plan->config->n_allow; i++)
                if (plan->config->allow[i].kind == ALLOW_FILE)
                        files[config.n_wanted++] = plan->config->allow[i];
        on_link(plan, NULL, 0);
        r = core_set_allowed(plan->engine, plan->config, clock_event_now());
        if (r == 0)
                r = sd_event_new(&event);
        if (r >= 0)
                r = allow_watch_new(event, &config, callbacks, &watch);
        if (r >= 0)
                r = allow_watch_start(watch, &problem);
        watch = allow_watch_free(watch);
        sd_event_unref(event);
        if (r >= 0)
                r = plan->error;
        return r < 0 ? fail("%s", *problem.text ? problem.text : strerror(-r)) : STATUS_DONE;
}

/* ---- jails ---- */

static bool takes_part(const Plan *plan, const JailConfig *config)
{
        for (size_t i = 0; i < plan->n_names; i++)
                if (strcmp(plan->names[i], config->name) == 0)
                        return true;
        return plan->n_names == 0 && config->enabled;
}

static int load_config(Plan *plan)
{
        static const char usual[] = BAILIFF_CONFIG_DIR "/bailiff.yaml";
        const char *path = plan->config_path ? plan->config_path : access(usual, F_OK) == 0 ? usual : NULL;
        Problem problem = { "" };
        int r = config_load_jails(path, plan->names, plan->n_names, &plan->config, &problem);

        return r < 0 ? fail("%s", problem.text) : STATUS_DONE;
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_directives(const char *const *a, const char *const *b)
{
        size_t i = 0;

        if (!a || !b)
                return a == b;
        while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
                i++;
        return !a[i] && !b[i];
}

static bool same_style(const PlanStyle *a, const PlanStyle *b)
{
        return strcmp(a->timezone, b->timezone) == 0 && same_directives(a->directives, b->directives) && a->is_json == b->is_json &&
               same_text(a->names.message, b->names.message) && same_text(a->names.time, b->names.time) && same_text(a->names.address, b->names.address);
}

static const char *name_or_null(const char *name)
{
        return *name ? name : NULL;
}

static PlanStyle *style_of(Plan *plan, const PlanJail *jail)
{
        const JailConfig *config = jail->config;
        const PlanStyle wanted = {
                .timezone = plan->zone ? "" : config->timezone,
                .directives = filter_info(jail->filter)->dates,
                .is_json = config->is_json,
                .names = { name_or_null(config->json.message), name_or_null(config->json.time), name_or_null(config->json.address) },
        };
        PlanStyle *style = plan->styles;

        for (; style < plan->styles + plan->n_styles; style++)
                if (same_style(style, &wanted))
                        return style;
        *style = wanted;
        style->readers = calloc(plan->n_jails, sizeof *style->readers);
        plan->n_styles++;
        return style->readers ? style : NULL;
}

static int set_style(Plan *plan, size_t i)
{
        const PlanJail *jail = &plan->jails[i];
        size_t before = plan->n_styles;
        PlanStyle *style = style_of(plan, jail);
        Problem problem = { "" };
        int r = style ? 0 : -ENOMEM;

        if (r == 0 && plan->n_styles > before && *style->timezone)
                r = zone_load(style->timezone, &style->zone, &problem);
        if (r == 0 && plan->n_styles > before && style->directives)
                r = date_formats_compile(style->directives, &style->dates, &problem);
        if (r < 0)
                return fail("%s: %s", jail->config->place, *problem.text ? problem.text : strerror(-r));
        style->readers[style->n_readers++] = i;
        plan->everyone[plan->n_everyone++] = i;
        return STATUS_DONE;
}

static int add_jail(Plan *plan, const JailConfig *config)
{
        PlanJail *jail = &plan->jails[plan->n_jails];
        Problem problem = { "" };
        int r = 0;

        *jail = (PlanJail){ .config = config };
        if (!core_counts_bans(config)) {
                r = filter_load(config->filter, config->mode, config->name, NULL, &jail->filter, &problem);
                if (r < 0)
                        return fail("jail %s: %s", config->name, problem.text);
        }
        plan->n_jails++;
        if (r == 0)
                r = core_set_jail(plan->tracker, plan->engine, config);
        if (r < 0)
                return fail("%s", strerror(-r));
        return STATUS_DONE;
}

/* A counter for each jail, in cache lines that nothing else is in. */
static uint64_t *new_counters(size_t n)
{
        size_t size = (n * sizeof(uint64_t) / CACHE_LINE + 1) * CACHE_LINE;
        uint64_t *counters = aligned_alloc(CACHE_LINE, size);

        return counters ? memset(counters, 0, size) : NULL;
}

static int make_stages(Plan *plan)
{
        const Config *config = plan->config;
        int r = tracker_new(config->max_windows, 0, (TrackerSink){ on_offence, plan }, &plan->tracker);

        if (r == 0)
                r = ban_engine_new(config->max_bans, (BanSink){ .event = on_event, .userdata = plan }, &plan->engine);
        plan->jails = calloc(config->n_jails + 1, sizeof *plan->jails);
        plan->styles = calloc(config->n_jails + 1, sizeof *plan->styles);
        plan->everyone = calloc(config->n_jails + 1, sizeof *plan->everyone);
        plan->report.jail_bans = new_counters(config->n_jails);
        return r == 0 && plan->jails && plan->styles && plan->everyone && plan->report.jail_bans ? STATUS_DONE : fail("%s", strerror(ENOMEM));
}

/**
 * plan_load() - the configuration that is asked for, and its jails as the daemon would run them
 *
 * Return: an exit status; what went wrong has been told.
 */
int plan_load(Plan *plan)
{
        int status = load_config(plan);

        if (status == STATUS_DONE)
                status = make_stages(plan);
        for (size_t i = 0; status == STATUS_DONE && i < plan->config->n_jails; i++)
                if (takes_part(plan, &plan->config->jails[i]))
                        status = add_jail(plan, &plan->config->jails[i]);
        for (size_t i = 0; status == STATUS_DONE && i < plan->n_jails; i++)
                if (plan->jails[i].filter)
                        status = set_style(plan, i);
        if (status != STATUS_DONE)
                return status;
        if (plan->n_everyone == 0)
                return fail("no jail reads lines: name one, as in --jail sshd, or give a configuration with --config");
        return allow(plan);
}

/**
 * plan_unload() - free what plan_load() has made, and the arguments' lists
 */
void plan_unload(Plan *plan)
{
        ban_engine_free(plan->engine);
        tracker_free(plan->tracker);
        copies_free(plan->copies);
        ban_hits_deinit(&plan->ban_hits);
        for (size_t i = 0; i < plan->n_jails; i++)
                filter_free(plan->jails[i].filter);
        for (size_t i = 0; i < plan->n_styles; i++) {
                zone_free(plan->styles[i].zone);
                date_formats_free(plan->styles[i].dates);
                free(plan->styles[i].readers);
        }
        free(plan->jails);
        free(plan->styles);
        free(plan->everyone);
        free(plan->names);
        free(plan->files);
        free(plan->report.addresses.hashes);
        free(plan->report.jail_bans);
        config_free(plan->config);
}

/* ---- one line ---- */

/* A line of the journal is for whoever was to read it, a file's for whoever reads that; see is_for() of the daemon. */
static bool is_for(const Plan *plan, size_t i, const Line *line)
{
        const PlanJail *jail = &plan->jails[i];

        if (!line->readers)
                return jail->journal && core_listens(jail->config, jail->filter, line);
        return core_is_for(jail->config, jail->filter, i, line) && (plan->n_files > 0 || core_believes(jail->config, line, jail->journal));
}

static FilterVerdict judge(const Plan *plan, const PlanJail *jail, const Line *line, Hit *ret_hit)
{
        FilterVerdict verdict = core_match(jail->filter, jail->config, line, ret_hit);

        if (verdict == FILTER_ORIGIN && jail->both)
                copies_retract(plan->copies);
        return verdict;
}

/**
 * plan_line() - a line through the filters, and what they find to be counted
 *
 * Return: 0 or -errno.
 */
int plan_line(Plan *plan, const Line *line)
{
        size_t found = 0;
        bool failed = false;
        Hit hit;

        for (size_t i = 0; i < plan->n_jails; i++) {
                const PlanJail *jail = &plan->jails[i];

                if (!is_for(plan, i, line) || (jail->both && copies_seen(plan->copies, jail->config->name, line)) ||
                    judge(plan, jail, line, &hit) != FILTER_HIT)
                        continue;
                plan_found(plan, &hit, found++ == 0);
                failed = failed || hit.kind == HIT_FAILURE;
        }
        plan->lines.matched += failed;
        return plan->error;
}
