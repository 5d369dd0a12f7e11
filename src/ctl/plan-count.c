/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the filters found, counted. Filters do not care what becomes of their
 * hits, so these wait until there are some hundreds. Patterns and windows are
 * each more than a processor's nearest memory holds: taken by turns for every
 * line, they would push each other out.
 */

#include <errno.h>

#include "ctl/plan.h"

#define EXPIRE_EVERY 1024 /* hits */

static void count(Plan *plan, const Hit *hit)
{
        const AllowEntry *entry;
        unsigned counted;
        int r = core_hit(plan->tracker, plan->engine, hit, &entry, &counted);

        /* Nobody reads the number from JSON. */
        if (hit->kind == HIT_FAILURE && r == 0 && !plan->ctl->json)
                r = plan_saw(&plan->report, &hit->addr);
        plan->report.allowed += entry != NULL;
        if (r < 0)
                plan->error = r;
}

/* The bans that a line has led to, for jails that count them. */
static void count_bans(Plan *plan)
{
        BanHit taken;
        Line line;
        Hit hit;

        while (ban_hits_take(&plan->ban_hits, &taken, &line, &hit))
                count(plan, &hit);
}

/**
 * plan_queue() - a hit is to be counted
 * @first:      of its line
 *
 * Of its texts only the names of jail and rule are kept.
 */
void plan_queue(Plan *plan, const Hit *hit, bool first)
{
        PlanHit *queued;

        if (plan->n_queued == PLAN_QUEUE)
                plan_flush(plan);
        queued = &plan->queue[plan->n_queued++];
        *queued = (PlanHit){ *hit, first };
        queued->hit.user = "";
        queued->hit.line = NULL;
}

/**
 * plan_flush() - count what waits
 *
 * What goes wrong is in plan->error.
 */
void plan_flush(Plan *plan)
{
        for (size_t i = 0; i < plan->n_queued; i++) {
                const PlanHit *queued = &plan->queue[i];

                if (queued->first)
                        count_bans(plan);
                count(plan, &queued->hit);
                if (plan->report.hits++ % EXPIRE_EVERY == 0)
                        tracker_expire(plan->tracker, queued->hit.time);
        }
        plan->n_queued = 0;
        count_bans(plan);
}
