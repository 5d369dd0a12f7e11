/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Taking back what the store has kept over a restart. */

#include <errno.h>

#include "ban/private.h"

/**
 * ban_engine_restore() - take back a ban that the store has kept
 * @ban:        copied, with its id; its jail need not be configured any more
 * @now:        the present
 *
 * No event is made for it. One that is over by @now gets its EXPIRE from the
 * next ban_engine_expire(). A second one of the same jail and address is merged.
 *
 * Return: 0, BAN_E_FULL, -EINVAL if it is no ban, -ENOMEM.
 */
int ban_engine_restore(BanEngine *engine, const Ban *ban, EventTime now)
{
        BanJailState *jail;
        BanRecord *record;
        int r;

        if (ban->id == 0 || !addr_is_valid(&ban->addr))
                return -EINVAL;
        r = ban_engine_want_jail(engine, ban->jail, &jail);
        if (r < 0)
                return r;
        record = ban_book_find(&engine->book, &ban->addr, jail);
        /* None in force gives way to one that is over. */
        if (!record && !event_time_before(now, ban->until) && engine->book.n_records >= engine->stats.max_bans)
                return BAN_E_FULL;
        r = record ? ban_engine_prolong(engine, record, ban, now) : ban_engine_enter(engine, jail, ban, now);
        if (r == 0 && ban->id >= engine->next_id)
                engine->next_id = ban->id + 1;
        return r;
}

/**
 * ban_engine_set_next_id() - the id that the next ban gets, unless restored bans have gone further
 */
void ban_engine_set_next_id(BanEngine *engine, uint64_t id)
{
        if (id > engine->next_id)
                engine->next_id = id;
}

/**
 * ban_engine_restore_level() - take back a level that the store has kept
 * @record:     its jail need not be configured any more
 *
 * One that is over by @now is told as forgotten by the next ban_engine_expire().
 *
 * Return: 0, -EINVAL if it is none, -ENOSPC if all kept ones are for ever, -ENOMEM.
 */
int ban_engine_restore_level(BanEngine *engine, const LevelRecord *record, EventTime now)
{
        BanJailState *jail = NULL;
        int r = 0;

        if (!addr_is_valid(&record->addr) || record->level == 0 || record->forgotten.usec <= 0)
                return -EINVAL;
        if (*record->jail)
                r = ban_engine_want_jail(engine, record->jail, &jail);
        return r < 0 ? r : level_table_restore(&engine->levels, jail, record);
}
