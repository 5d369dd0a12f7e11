/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What people, the store and the firewall may ask of the engine; nothing here changes it. */

#include "ban/private.h"

typedef struct Look {
        const BanJailState *jail; /* NULL: any */
        BanVisitor visitor;
        void *userdata;
} Look;

static int look_chain(void *userdata, BanRecord *record)
{
        const Look *look = userdata;
        int r = 0;

        for (; record && r == 0; record = record->next)
                if (!look->jail || record->jail == look->jail)
                        r = look->visitor(look->userdata, &record->ban);
        return r;
}

/**
 * ban_engine_each() - visit the bans in force, in no order
 * @jail:       or NULL for all
 * @visitor:    returns other than 0 to stop
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_engine_each(const BanEngine *engine, const char *jail, BanVisitor visitor, void *userdata)
{
        Look look = { .visitor = visitor, .userdata = userdata };

        if (jail && !(look.jail = ban_engine_find_jail(engine, jail)))
                return 0;
        return ban_book_each(&engine->book, look_chain, &look);
}

/**
 * ban_engine_covering() - visit the bans that all of @addr lies in, the widest first
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_engine_covering(const BanEngine *engine, const Addr *addr, BanVisitor visitor, void *userdata)
{
        Look look = { .visitor = visitor, .userdata = userdata };

        return ban_book_covering(&engine->book, addr, look_chain, &look);
}

typedef struct ElementLook {
        ElementList list;
        EventTime now;
        ElementVisitor visitor;
        void *userdata;
} ElementLook;

static int element_chain(void *userdata, BanRecord *chain)
{
        ElementLook *look = userdata;
        int r = element_list_reserve(&look->list, element_list_bound(chain));

        if (r < 0)
                return r;
        element_list_collect(&look->list, chain, look->now);
        for (size_t i = 0; i < look->list.n_elements && r == 0; i++)
                if (event_time_before(look->now, look->list.elements[i].until))
                        r = look->visitor(look->userdata, &look->list.elements[i]);
        return r;
}

/**
 * ban_engine_each_element() - visit what the kernel should hold
 * @now:        the present; where it lies before a ban's start, the clock having gone back, the
 *              element ends after the ban's full length at the latest
 *
 * Return: 0, -ENOMEM, or what the visitor stopped with.
 */
int ban_engine_each_element(const BanEngine *engine, EventTime now, ElementVisitor visitor, void *userdata)
{
        ElementLook look = { .now = now, .visitor = visitor, .userdata = userdata };
        int r = ban_book_each(&engine->book, element_chain, &look);

        element_list_deinit(&look.list);
        return r;
}

/**
 * ban_engine_count() - bans in force
 * @jail:       or NULL for all
 */
size_t ban_engine_count(const BanEngine *engine, const char *jail)
{
        const BanJailState *state = jail ? ban_engine_find_jail(engine, jail) : NULL;

        return !jail ? engine->book.n_records : state ? state->n_bans : 0;
}

/**
 * ban_engine_total() - bans made since the start, without restored and prolonged ones
 * @jail:       or NULL for all, those that are gone included
 */
uint64_t ban_engine_total(const BanEngine *engine, const char *jail)
{
        const BanJailState *state = jail ? ban_engine_find_jail(engine, jail) : NULL;

        return !jail ? engine->total : state ? state->total : 0;
}

/**
 * ban_engine_stats() - figures, good until the next call
 */
const BanStats *ban_engine_stats(const BanEngine *engine)
{
        return &engine->stats;
}
