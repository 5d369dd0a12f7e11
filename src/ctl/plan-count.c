/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the filters found, counted. Filters do not care what becomes of their
 * hits, so a thread counts a thousand of them while the next ones are found. On
 * one processor that is good as well: patterns and windows are each more than
 * its nearest memory holds, and taken by turns for every line they would push
 * each other out.
 *
 * The thread has tracker, ban engine and report to itself from plan_count() to
 * plan_finish(); filters, files and the journal stay the caller's.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

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

static void count_all(Plan *plan, const PlanHits *hits)
{
        for (size_t i = 0; i < hits->n; i++) {
                const PlanHit *queued = &hits->hits[i];

                if (queued->first)
                        count_bans(plan);
                count(plan, &queued->hit);
                if (plan->report.hits++ % EXPIRE_EVERY == 0)
                        tracker_expire(plan->tracker, queued->hit.time);
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
                while (!counter->handed && !counter->finish)
                        pthread_cond_wait(&counter->changed, &counter->mutex);
                if (!counter->handed)
                        break;
                pthread_mutex_unlock(&counter->mutex);
                count_all(plan, counter->handed);
                pthread_mutex_lock(&counter->mutex);
                counter->handed = NULL;
                pthread_cond_signal(&counter->changed);
        }
        pthread_mutex_unlock(&counter->mutex);
        return NULL;
}

/* The hits that have been found go to the thread, once it has counted those before. */
static void hand_over(PlanCounter *counter)
{
        pthread_mutex_lock(&counter->mutex);
        while (counter->handed)
                pthread_cond_wait(&counter->changed, &counter->mutex);
        counter->handed = counter->found;
        pthread_cond_signal(&counter->changed);
        pthread_mutex_unlock(&counter->mutex);
        counter->found = counter->found == &counter->hits[0] ? &counter->hits[1] : &counter->hits[0];
        counter->found->n = 0;
}

/**
 * plan_count() - begin to count
 *
 * Return: 0 or -errno.
 */
int plan_count(Plan *plan)
{
        PlanCounter *counter = calloc(1, sizeof *counter);
        int r;

        if (!counter)
                return -ENOMEM;
        pthread_mutex_init(&counter->mutex, NULL);
        pthread_cond_init(&counter->changed, NULL);
        counter->found = &counter->hits[0];
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
        PlanHit *found;

        if (counter->found->n == PLAN_HITS)
                hand_over(counter);
        found = &counter->found->hits[counter->found->n++];
        *found = (PlanHit){ *hit, first };
        found->hit.user = "";
        found->hit.line = NULL;
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
