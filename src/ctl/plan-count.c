/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the filters found, counted. Filters do not care what becomes of their
 * hits, so a thread counts hundreds of them while the next ones are found. On
 * one processor that is good as well: patterns and windows are each more than
 * its nearest memory holds, and taken by turns for every line they would push
 * each other out. Some lots may be on their way: to wake a thread takes as long
 * as to count a lot, so neither should have to wait for every single one.
 *
 * The thread has tracker, ban engine and report to itself from plan_count() to
 * plan_finish(); filters, files and the journal stay the caller's.
 */

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

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

static void count_all(Plan *plan, const PlanHit *hits, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const Hit hit = {
                        .kind = hits[i].kind,
                        .count = hits[i].count,
                        .attempts = hits[i].attempts,
                        .witness = hits[i].witness,
                        .span = hits[i].span,
                        .ends = hits[i].ends,
                        .jail = hits[i].jail,
                        .addr = hits[i].addr,
                        .session = hits[i].session,
                        .time = hits[i].time,
                        .rule = hits[i].rule,
                        .user = "",
                };

                if (hits[i].first)
                        count_bans(plan);
                count(plan, &hit);
                if (plan->report.hits++ % EXPIRE_EVERY == 0)
                        tracker_expire(plan->tracker, hit.time);
        }
        count_bans(plan);
        if (ferror(stdout))
                plan->broken = true;
}

static void *run(void *userdata)
{
        Plan *plan = userdata;
        PlanCounter *counter = plan->counter;

        pthread_mutex_lock(&counter->mutex);
        for (;;) {
                size_t lot = counter->counted % PLAN_LOTS;

                while (counter->counted == counter->found && !counter->finish)
                        pthread_cond_wait(&counter->changed, &counter->mutex);
                if (counter->counted == counter->found)
                        break;
                pthread_mutex_unlock(&counter->mutex);
                count_all(plan, counter->lots[lot], counter->sizes[lot]);
                pthread_mutex_lock(&counter->mutex);
                counter->counted++;
                pthread_cond_signal(&counter->changed);
        }
        pthread_mutex_unlock(&counter->mutex);
        return NULL;
}

/* The hits that have been found go to the thread; there may have to be room first for the next ones. */
static void hand_over(PlanCounter *counter)
{
        pthread_mutex_lock(&counter->mutex);
        counter->sizes[counter->found++ % PLAN_LOTS] = counter->n;
        pthread_cond_signal(&counter->changed);
        while (counter->found - counter->counted == PLAN_LOTS)
                pthread_cond_wait(&counter->changed, &counter->mutex);
        pthread_mutex_unlock(&counter->mutex);
        counter->hits = counter->lots[counter->found % PLAN_LOTS];
        counter->n = 0;
}

/**
 * plan_count() - begin to count
 *
 * Return: 0 or -errno.
 */
int plan_count(Plan *plan)
{
        PlanCounter *counter = aligned_alloc(CACHE_LINE, sizeof *counter);
        int r;

        if (!counter)
                return -ENOMEM;
        memset(counter, 0, offsetof(PlanCounter, lots));
        pthread_mutex_init(&counter->mutex, NULL);
        pthread_cond_init(&counter->changed, NULL);
        counter->hits = counter->lots[0];
        plan->counter = counter;
        r = pthread_create(&counter->thread, NULL, run, plan);
        if (r != 0) {
                free(counter);
                plan->counter = NULL;
        }
        return -r;
}

/**
 * plan_found() - a hit is to be counted
 * @first:      of its line
 *
 * Of its texts only the names of jail and rule are kept. What goes wrong is in plan->error some time later.
 */
void plan_found(Plan *plan, const Hit *hit, bool first)
{
        PlanCounter *counter = plan->counter;

        counter->hits[counter->n++] = (PlanHit){
                .addr = hit->addr,
                .witness = hit->witness,
                .kind = (uint8_t) hit->kind,
                .count = (uint8_t) hit->count,
                .ends = hit->ends,
                .first = first,
                .attempts = hit->attempts,
                .span = hit->span < INT32_MAX ? (int32_t) hit->span : INT32_MAX,
                .session = hit->session,
                .time = hit->time,
                .jail = hit->jail,
                .rule = hit->rule,
        };
        if (counter->n == PLAN_HITS)
                hand_over(counter);
}

/**
 * plan_finish() - wait until all that was found has been counted
 */
void plan_finish(Plan *plan)
{
        PlanCounter *counter = plan->counter;

        if (!counter)
                return;
        hand_over(counter);
        pthread_mutex_lock(&counter->mutex);
        counter->finish = true;
        pthread_cond_signal(&counter->changed);
        pthread_mutex_unlock(&counter->mutex);
        pthread_join(counter->thread, NULL);
        pthread_cond_destroy(&counter->changed);
        pthread_mutex_destroy(&counter->mutex);
        free(counter);
        plan->counter = NULL;
}
