/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The replay, `bailiffctl plan`: what its files share. */

#include <pthread.h>
#include <stdatomic.h>

#include "copies.h"
#include "core.h"
#include "ctl/ctl.h"
#include "logobject.h"
#include "util/cache.h"

/**
 * A jail that takes part.
 */
typedef struct PlanJail {
        const JailConfig *config;
        Filter *filter;                 /* NULL: it counts bans */
        bool files, journal;            /* what it reads */
        bool both;                      /* where messages may stand twice */
} PlanJail;

/**
 * Jails whose files are written alike: a line is taken apart once for all of them.
 */
typedef struct PlanStyle {
        const char *timezone;           /* "": the host's */
        const char *const *directives;
        bool is_json;                   /* lines are objects */
        JsonNames names;
        Zone *zone;                     /* NULL: the host's */
        DateFormats *dates;
        size_t *readers, n_readers;     /* indexes of the jails, ascending */
} PlanStyle;

/**
 * Addresses seen, each once; a hash stands for one.
 */
typedef struct PlanAddresses {
        uint64_t *hashes;               /* 0: free */
        size_t n, size;
        bool full;                      /* at the cap: there are more */
} PlanAddresses;

#define PLAN_HITS 512   /* that are handed over at a time */
#define PLAN_LOTS 16    /* of them, on their way */

/**
 * A hit as it is handed over: all that counts of it, in one cache line.
 */
typedef struct PlanHit {
        _Alignas(CACHE_LINE) Addr addr;
        uint16_t witness;
        uint8_t kind, count;
        bool ends;
        bool first;                     /* of its line */
        unsigned attempts;
        int32_t span;
        uint64_t session;
        EventTime time;
        const char *jail, *rule;
} PlanHit;

_Static_assert(sizeof(PlanHit) == CACHE_LINE, "one hit, one cache line");

/**
 * The thread that counts, and lots of hits on their way to it, in a ring.
 */
typedef struct PlanCounter {
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        size_t found, counted;          /* lots so far; those between them are the thread's */
        bool finish;
        PlanHit *hits;                  /* of the lot that is being filled */
        size_t n;                       /* in it */
        size_t sizes[PLAN_LOTS];
        PlanHit lots[PLAN_LOTS][PLAN_HITS];
} PlanCounter;

/**
 * What has been read.
 */
typedef struct PlanLines {
        uint64_t n, untimed, matched;
        uint64_t bad, over_long;        /* of files with JSON objects those that are none; messages of which only the head is looked at */
} PlanLines;

/**
 * What has come of it.
 */
typedef struct PlanReport {
        uint64_t hits;
        uint64_t bans, prolonged, refused, displaced, full;
        uint64_t *jail_bans;            /* of each jail */
        uint64_t allowed;               /* failures of allowed addresses */
        uint64_t observed;              /* bans that a jail only observes */
        PlanAddresses addresses;
        BootTime started;
} PlanReport;

/**
 * What was asked for, and where it has got to.
 */
typedef struct Plan {
        const Ctl *ctl;
        const char *config_path, *directory, *zone;
        const char **names, **files;    /* --jail, --file */
        size_t n_names, n_files;
        bool journal, fail_on_bans;
        EventTime since;                /* EVENT_TIME_NONE: all */
        Config *config;
        PlanJail *jails;
        size_t n_jails;
        PlanStyle *styles;
        size_t n_styles;
        size_t *everyone;               /* indexes of all jails that have a filter */
        size_t n_everyone;
        Tracker *tracker;
        BanEngine *engine;
        Copies *copies;                 /* NULL: no message can come twice */
        PlanCounter *counter;           /* between plan_count() and plan_finish() */
        atomic_int error;               /* -errno that a sink met */
        atomic_bool broken;             /* standard output takes no more */
        /* One thread writes the first, the other the rest. Whatever shares a cache line with them is as slow as they are. */
        _Alignas(CACHE_LINE) PlanLines lines;
        _Alignas(CACHE_LINE) PlanReport report;
        BanHits ban_hits;
} Plan;

/* plan-jails.c: configuration, filters and stages */
int plan_load(Plan *plan);
void plan_unload(Plan *plan);
int plan_line(Plan *plan, const Line *line);

/* plan-count.c: tracker and ban engine */
int plan_count(Plan *plan);
void plan_found(Plan *plan, const Hit *hit, bool first);
void plan_finish(Plan *plan);

/* plan-source.c: where lines come from */
int plan_read(Plan *plan);

/* plan-object.c: lines that are JSON objects */
typedef struct PlanObjects PlanObjects;
typedef int (*PlanGive)(void *userdata, const LogLine *parts, const char *transport);
PlanObjects *plan_objects_new(const LogObjectStyle *style);
PlanObjects *plan_objects_free(PlanObjects *objects);
bool plan_objects_read(PlanObjects *objects, const char *text, size_t size, EventTime *ret_time);
int plan_objects_give(PlanObjects *objects, PlanGive give, void *userdata);
int plan_objects_end(PlanObjects *objects, PlanGive give, void *userdata);

/* plan-report.c: what came out */
int plan_saw(PlanReport *report, const Addr *addr);
void plan_event(void *userdata, const BanEvent *event);
void plan_say(Plan *plan);
