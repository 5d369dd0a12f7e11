/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What `why` tells of one address: what stopped it, what counts against it, and what became of it before. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/arena.h"

#define WHY_MAX 32  /* bans and windows shown of one address */
#define PAST_MAX 10 /* ended bans, newest first */
#define REPORTS_MAX 12 /* newest first */

typedef struct Why {
        Daemon *daemon;
        const Addr *addr;
        const Ban *bans[WHY_MAX];
        FirewallElement kernel[WHY_MAX];
        bool in_kernel[WHY_MAX];
        size_t n_bans;
        WindowRecord windows[WHY_MAX];
        unsigned counts[WHY_MAX], maxretry[WHY_MAX];
        size_t n_windows;
        const AllowEntry *allowed[WHY_MAX];
        size_t n_allowed;
        Arena *arena;                   /* owns what `past` points to */
        Ban past_bans[PAST_MAX];
        PastBan past[PAST_MAX];
        size_t n_past;
        LevelRecord levels[WHY_MAX];
        size_t n_levels;
        OutboxEntry reports[REPORTS_MAX];
        size_t n_reports;
} Why;

static void why_free(Why **why)
{
        if (*why)
                arena_free((*why)->arena);
        free(*why);
}

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

/* The address lies in it, host-wide or for one jail. */
static int why_allowed(void *userdata, const AllowEntry *entry)
{
        Why *why = userdata;

        if (why->n_allowed < WHY_MAX && addr_contains(&entry->addr, why->addr))
                why->allowed[why->n_allowed++] = entry;
        return 0;
}

static Evidence *copy_evidence(Arena *arena, const Ban *ban)
{
        Evidence *copy = arena_alloc(arena, (ban->n_evidence + 1) * sizeof *copy);

        for (size_t i = 0; copy && i < ban->n_evidence; i++) {
                copy[i] = ban->evidence[i];
                copy[i].rule = arena_text(arena, ban->evidence[i].rule);
                copy[i].text = arena_text(arena, ban->evidence[i].text ? ban->evidence[i].text : "");
                if (!copy[i].rule || !copy[i].text)
                        return NULL;
        }
        return copy;
}

static int why_past(void *userdata, const Ban *ban, EventTime ended, const char *how)
{
        Why *why = userdata;
        Ban *copy = &why->past_bans[why->n_past];
        Port *ports = arena_alloc(why->arena, (ban->n_ports + 1) * sizeof *ports);
        char *how_copy = arena_text(why->arena, how);

        *copy = *ban;
        copy->jail = arena_text(why->arena, ban->jail);
        copy->rule = arena_text(why->arena, ban->rule);
        copy->reason = arena_text(why->arena, ban->reason);
        copy->evidence = copy_evidence(why->arena, ban);
        if (!ports || !how_copy || !copy->jail || !copy->rule || !copy->reason || !copy->evidence)
                return -ENOMEM;
        if (ban->n_ports)
                memcpy(ports, ban->ports, ban->n_ports * sizeof *ports);
        copy->ports = ban->n_ports ? ports : NULL;
        why->past[why->n_past++] = (PastBan){ copy, ended, how_copy };
        return why->n_past == PAST_MAX;
}

static int why_report(void *userdata, const OutboxEntry *entry)
{
        Why *why = userdata;
        OutboxEntry *copy = &why->reports[why->n_reports];
        const char **texts[] = { &copy->jail, &copy->receipt, &copy->remote, &copy->categories, &copy->comment };

        *copy = *entry;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (!(*texts[i] = arena_text(why->arena, *texts[i])))
                        return -ENOMEM;
        why->n_reports++;
        return 0;
}

/* What the next ban would have; of each jail the latest ban tells, and those come first. */
static void why_level(Why *why, const Ban *ban)
{
        const Jail *jail = daemon_jail(why->daemon, ban->jail);
        const BanIncrement *increment = jail ? &jail->config->increment : NULL;
        const char *scope = increment && increment->over_host ? "" : ban->jail;

        if (!increment || !increment->enabled || !event_time_before(clock_event_now(), ban->forgotten))
                return;
        for (size_t i = 0; i < why->n_levels; i++)
                if (strcmp(why->levels[i].jail, scope) == 0 && addr_equal(&why->levels[i].addr, &ban->addr))
                        return;
        if (why->n_levels < WHY_MAX)
                why->levels[why->n_levels++] = (LevelRecord){ scope, ban->addr, ban->level + 1, ban->forgotten };
}

/**
 * answer_why() - all that is known of one address, borrowed until @visit returns
 */
int answer_why(void *userdata, const Addr *addr, void (*visit)(void *visit_data, const WhyView *view), void *visit_data)
{
        Daemon *daemon = userdata;
        _cleanup_(why_free) Why *why = calloc(1, sizeof *why);

        if (!why || !(why->arena = arena_new()))
                return -ENOMEM;
        why->daemon = daemon;
        ban_engine_covering(daemon->engine, addr, why_ban, why);
        /* Each jail counts at a width of its own. */
        for (size_t i = 0; i < daemon->n_jails; i++) {
                Addr key = addr_is_single(addr) ? tracker_key(daemon->tracker, daemon->jails[i].config->name, addr) : *addr;
                tracker_each(daemon->tracker, daemon->jails[i].config->name, &key, why_window, why);
        }
        why->addr = addr;
        ban_engine_each_allow_entry(daemon->engine, NULL, why_allowed, why);
        store_read_past_bans(daemon->store, addr, PAST_MAX, why_past, why);
        store_read_outbox(daemon->store, addr, REPORTS_MAX, why_report, why);
        for (size_t i = 0; i < why->n_bans; i++)
                why_level(why, why->bans[i]);
        for (size_t i = 0; i < why->n_past; i++)
                why_level(why, &why->past_bans[i]);
        WhyView view = {
                .addr = *addr,
                .allowed = why->allowed,
                .n_allowed = why->n_allowed,
                .past = why->past,
                .n_past = why->n_past,
                .levels = why->levels,
                .n_levels = why->n_levels,
                .bans = why->bans,
                .kernel = why->kernel,
                .in_kernel = why->in_kernel,
                .not_enforced = !answer_enforces(daemon),
                .n_bans = why->n_bans,
                .windows = why->windows,
                .window_counts = why->counts,
                .window_maxretry = why->maxretry,
                .n_windows = why->n_windows,
                .reports = why->reports,
                .n_reports = why->n_reports,
        };
        visit(visit_data, &view);
        return 0;
}
