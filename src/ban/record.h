/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* BanRecord: a ban in force, as the engine keeps it. */

#include "ban.h"
#include "util/heap.h"
#include "util/intern.h"
#include "util/table.h"

typedef struct BanJailState {
        char name[JAIL_NAME_MAX];
        bool configured;        /* else known from restored bans and levels only */
        int64_t bantime;
        const Port *ports;
        size_t n_ports;
        bool reject;
        BanIncrement increment;
        size_t n_bans;
        uint64_t total;         /* bans since the start */
} BanJailState;

typedef struct BanRecord BanRecord;

/**
 * The bans of one address are chained, one per jail; the first is in the hash table.
 */
struct BanRecord {
        UT_hash_handle hh;
        Ban ban;                /* its strings: see engine.c */
        BanJailState *jail;
        HeapItem deadline;
        BanRecord *next;
};

void ban_record_keep_evidence(BanRecord *record, const Evidence *evidence, size_t n, Intern *rules, BanStats *stats);
int ban_record_set_reason(BanRecord *record, const char *reason);
BanRecord *ban_record_free(BanRecord *record, BanStats *stats);
