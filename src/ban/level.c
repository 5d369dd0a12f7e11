/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bans that grow. The first ban of an address lasts bantime, and raises its
 * level to 1; each further one lasts bantime * factor^level and raises it again.
 * The level is forgotten some time after the end of the ban that raised it last.
 *
 * What raises a level is a new ban by the jail's own terms: an offence, or a
 * command that names no duration. To prolong a standing ban raises nothing: the
 * address cannot get worse while it is kept out. A ban for a stated time
 * neither uses levels nor raises them.
 *
 * Outsiders make entries here, so their number is capped; the level that would
 * be forgotten soonest gives way. One that is never forgotten, after a ban for
 * ever, does not give way: if there are only such, a new level is not kept.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ban/level.h"

/**
 * The levels of one address are chained, one per jail; the first is in the hash table.
 */
struct LevelItem {
        UT_hash_handle hh;
        Addr addr;
        unsigned level;
        const BanJailState *jail; /* NULL: the host's */
        EventTime forgotten;
        HeapItem deadline;
        LevelItem *next;
};

/**
 * ban_increment_is_valid() - whether all values are within their bounds; one that is off always is
 */
bool ban_increment_is_valid(const BanIncrement *increment)
{
        if (!increment->enabled)
                return true;
        return increment->factor >= 1 && increment->factor <= 100 &&
               (increment->max == DURATION_FOREVER || (increment->max >= 1 && increment->max <= DURATION_MAX_SEC)) &&
               (increment->forget == DURATION_FOREVER || (increment->forget >= 1 && increment->forget <= DURATION_MAX_SEC));
}

/**
 * ban_increment_apply() - how long a ban at this level lasts
 * @bantime:    seconds, or DURATION_FOREVER, which nothing shortens
 *
 * With a `max` of DURATION_FOREVER, what would last longer than any duration may is for ever.
 *
 * Return: seconds or DURATION_FOREVER.
 */
int64_t ban_increment_apply(const BanIncrement *increment, int64_t bantime, unsigned level)
{
        int64_t max = increment->max == DURATION_FOREVER ? DURATION_MAX_SEC : increment->max;
        double seconds = (double) bantime;

        if (!increment->enabled || bantime == DURATION_FOREVER)
                return bantime;
        for (unsigned i = 0; i < level && seconds <= (double) max; i++)
                seconds *= increment->factor;
        return seconds <= (double) max ? (int64_t) seconds : increment->max;
}

static LevelItem *level_table_chain(const LevelTable *table, const Addr *addr)
{
        LevelItem *chain;

        HASH_FIND(hh, table->items, addr, sizeof *addr, chain);
        return chain;
}

static LevelItem *level_table_find(const LevelTable *table, const BanJailState *jail, const Addr *addr)
{
        LevelItem *item = level_table_chain(table, addr);

        while (item && item->jail != jail)
                item = item->next;
        return item;
}

static void level_table_link(LevelTable *table, LevelItem *item)
{
        LevelItem *first = level_table_chain(table, &item->addr);

        if (first) {
                item->next = first->next;
                first->next = item;
        } else {
                HASH_ADD(hh, table->items, addr, sizeof item->addr, item);
                table->lengths[item->addr.family == 6][item->addr.length]++;
        }
        table->stats->levels++;
}

static void level_table_unlink(LevelTable *table, LevelItem *item)
{
        LevelItem *first = level_table_chain(table, &item->addr), *next = item->next;

        if (first == item) {
                HASH_DEL(table->items, item);
                if (next)
                        HASH_ADD(hh, table->items, addr, sizeof next->addr, next);
                else
                        table->lengths[item->addr.family == 6][item->addr.length]--;
        } else {
                while (first->next != item)
                        first = first->next;
                first->next = next;
        }
        table->stats->levels--;
}

static void level_table_tell(const LevelTable *table, const LevelItem *item, const char *jail, EventTime forgotten)
{
        LevelRecord record = { .jail = jail, .addr = item->addr, .level = item->level, .forgotten = forgotten };

        if (table->teller)
                table->teller(table->userdata, &record);
}

static const char *level_jail_name(const LevelItem *item)
{
        return item->jail ? item->jail->name : "";
}

/* Frees an item, and says that it is forgotten. */
static void level_table_drop(LevelTable *table, LevelItem *item)
{
        level_table_tell(table, item, level_jail_name(item), EVENT_TIME_NONE);
        level_table_unlink(table, item);
        heap_remove(&table->deadlines, &item->deadline);
        free(item);
}

static int level_table_make_room(LevelTable *table)
{
        while (table->stats->levels >= table->stats->max_bans) {
                HeapItem *first = heap_first(&table->deadlines);

                table->stats->levels_displaced++;
                if (!first)
                        return -ENOSPC;
                level_table_drop(table, heap_owner(first, LevelItem, deadline));
        }
        return 0;
}

/* The item of a key, found or made. */
static int level_table_want(LevelTable *table, const BanJailState *jail, const Addr *addr, LevelItem **ret_item)
{
        LevelItem *item = level_table_find(table, jail, addr);
        int r;

        if (!item) {
                r = level_table_make_room(table);
                if (r < 0)
                        return r;
                item = calloc(1, sizeof *item);
                if (!item)
                        return -ENOMEM;
                item->jail = jail;
                item->addr = *addr;
                level_table_link(table, item);
        }
        *ret_item = item;
        return 0;
}

/* Raises to at least @level, kept to at least @forgotten. */
static int level_item_set(LevelTable *table, LevelItem *item, unsigned level, EventTime forgotten)
{
        int r = heap_reserve(&table->deadlines);

        if (r < 0)
                return r;
        if (level > item->level)
                item->level = level < LEVEL_MAX ? level : LEVEL_MAX;
        item->forgotten = event_time_max(item->forgotten, forgotten);
        heap_remove(&table->deadlines, &item->deadline);
        if (item->forgotten.usec != INT64_MAX)
                heap_push(&table->deadlines, &item->deadline, item->forgotten.usec);
        return 0;
}

/**
 * level_table_get() - the level of an address' next ban
 */
unsigned level_table_get(const LevelTable *table, const BanJailState *jail, const Addr *addr)
{
        const LevelItem *item = level_table_find(table, jail, addr);

        return item ? item->level : 0;
}

/**
 * level_table_raise() - remember at least this level, to at least this time
 * A level that there is no room or memory for is not kept, and counted.
 *
 * Return: when it is forgotten; @forgotten if it is not kept.
 */
EventTime level_table_raise(LevelTable *table, const BanJailState *jail, const Addr *addr, unsigned level, EventTime forgotten)
{
        LevelItem *item;

        if (level_table_want(table, jail, addr, &item) < 0)
                return forgotten;
        if (item->level >= level && !event_time_before(item->forgotten, forgotten))
                return item->forgotten;
        if (level_item_set(table, item, level, forgotten) < 0) {
                level_table_drop(table, item);
                table->stats->levels_displaced++;
                return forgotten;
        }
        level_table_tell(table, item, level_jail_name(item), item->forgotten);
        return item->forgotten;
}

/**
 * level_table_restore() - take back a level that the store has kept, without telling of it
 *
 * Return: 0, -ENOSPC, -ENOMEM.
 */
int level_table_restore(LevelTable *table, const BanJailState *jail, const LevelRecord *record)
{
        LevelItem *item;
        int r = level_table_want(table, jail, &record->addr, &item);

        if (r < 0)
                return r;
        r = level_item_set(table, item, record->level, record->forgotten);
        if (r < 0)
                level_table_drop(table, item);
        return r;
}

static void level_table_forget_chain(LevelTable *table, LevelItem *item, const BanJailState *jail)
{
        for (LevelItem *next; item; item = next) {
                next = item->next;
                if (!jail || item->jail == jail || (!item->jail && jail->increment.over_host))
                        level_table_drop(table, item);
        }
}

/**
 * level_table_forget() - forget the levels of addresses
 * @jail:       the jail's, with the host's if it uses them; NULL: all
 * @addr:       what it lies in, and what lies in it; NULL: all
 */
void level_table_forget(LevelTable *table, const BanJailState *jail, const Addr *addr)
{
        LevelItem *chain, *next;

        for (unsigned length = 0; addr && length <= addr->length; length++) {
                Addr prefix = addr_masked(addr, length);

                if (table->lengths[addr->family == 6][length] > 0)
                        level_table_forget_chain(table, level_table_chain(table, &prefix), jail);
        }
        if (addr && addr_is_single(addr))
                return;
        HASH_ITER (hh, table->items, chain, next)
                if (!addr || addr_contains(addr, &chain->addr))
                        level_table_forget_chain(table, chain, jail);
}

/**
 * level_table_rename() - tell the levels of a jail that has got another name
 */
void level_table_rename(LevelTable *table, const BanJailState *jail, const char *old_name)
{
        LevelItem *chain, *next;

        HASH_ITER (hh, table->items, chain, next) {
                const LevelItem *item = level_table_find(table, jail, &chain->addr);

                if (!item)
                        continue;
                level_table_tell(table, item, old_name, EVENT_TIME_NONE);
                level_table_tell(table, item, jail->name, item->forgotten);
        }
}

/**
 * level_table_expire() - forget what is due
 *
 * Return: when the next one is, or EVENT_TIME_FOREVER.
 */
EventTime level_table_expire(LevelTable *table, EventTime now)
{
        HeapItem *first;

        while ((first = heap_first(&table->deadlines)) && first->key <= now.usec)
                level_table_drop(table, heap_owner(first, LevelItem, deadline));
        return first ? (EventTime){ first->key } : EVENT_TIME_FOREVER;
}

/**
 * level_table_deinit() - free all levels, without telling
 */
void level_table_deinit(LevelTable *table)
{
        table->teller = NULL;
        while (table->items)
                level_table_drop(table, table->items);
        heap_deinit(&table->deadlines);
}
