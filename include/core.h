/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Core: how filter, tracker and ban engine are joined for a line, the same for the daemon and for `bailiffctl plan`.
 *
 * Pure like the stages that it joins: no descriptor, no clock, no log. Who has
 * them calls these functions between the stages' sinks.
 */

#include "ban.h"
#include "config.h"
#include "filter.h"
#include "pipeline.h"
#include "tracker.h"

#define CORE_EVIDENCE_BYTES_MAX (64 * 1024 * 1024) /* of log lines that the tracker keeps */

/* ---- core.c: jails, and what a line comes to ---- */

bool core_counts_bans(const JailConfig *config);
int core_set_jail(Tracker *tracker, BanEngine *engine, const JailConfig *config);
int core_add_idents(const JailConfig *config, const FilterInfo *info, char ***idents, size_t *n_idents);
void core_free_idents(char **idents, size_t n_idents);
int core_set_allowed(BanEngine *engine, const Config *config, EventTime now);
bool core_listens(const JailConfig *config, const Filter *filter, const Line *line);
bool core_is_for(const JailConfig *config, const Filter *filter, size_t jail, const Line *line);
bool core_believes(const JailConfig *config, const Line *line, bool journal);
FilterVerdict core_match(Filter *filter, const JailConfig *config, const Line *line, Hit *ret_hit);
FilterVerdict core_learn(Filter *filter, const Line *line);
int core_hit(Tracker *tracker, const BanEngine *engine, const Hit *hit, const AllowEntry **ret_allowed, unsigned *ret_counted);

/* ---- recidive.c: jails that count the bans of others ---- */

/**
 * A ban on its way to a jail that counts bans.
 */
typedef struct BanHit {
        char jail[JAIL_NAME_MAX];       /* which counts it */
        char rule[JAIL_NAME_MAX + 4];   /* "ban:sshd" */
        char text[EVIDENCE_TEXT_MAX];
        Addr addr;
        EventTime time;
} BanHit;

/**
 * Those that wait until the present line is done, oldest first. Zero is an empty one.
 */
typedef struct BanHits {
        BanHit *hits;
        size_t n, size;
} BanHits;

int ban_hits_put(BanHits *hits, const JailConfig *config, const Ban *ban);
bool ban_hits_take(BanHits *hits, BanHit *ret_taken, Line *ret_line, Hit *ret_hit);
void ban_hits_deinit(BanHits *hits);
