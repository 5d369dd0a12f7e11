/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* LevelTable: how often an address has been banned, where bans grow. */

#include "ban/record.h"

#define LEVEL_MAX 1000

typedef struct LevelItem LevelItem;

typedef void (*LevelTeller)(void *userdata, const LevelRecord *record);

typedef struct LevelTable {
        LevelTeller teller;     /* NULL: nobody listens */
        void *userdata;
        BanStats *stats;        /* counts levels; its max_bans is their cap, too */
        LevelItem *items;
        uint32_t lengths[2][129]; /* items by family and prefix length */
        Heap deadlines;
} LevelTable;

bool ban_increment_is_valid(const BanIncrement *increment);
int64_t ban_increment_apply(const BanIncrement *increment, int64_t bantime, unsigned level);

/* `jail` NULL: the host's, over all jails. */
unsigned level_table_get(const LevelTable *table, const BanJailState *jail, const Addr *addr);
EventTime level_table_raise(LevelTable *table, const BanJailState *jail, const Addr *addr, unsigned level, EventTime forgotten);
int level_table_restore(LevelTable *table, const BanJailState *jail, const LevelRecord *record);
void level_table_forget(LevelTable *table, const BanJailState *jail, const Addr *addr);
void level_table_rename(LevelTable *table, const BanJailState *jail, const char *old_name);
EventTime level_table_expire(LevelTable *table, EventTime now);
void level_table_deinit(LevelTable *table);
