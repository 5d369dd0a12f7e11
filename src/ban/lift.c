/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lifting bans before their end. A person who names an address wants it to get
 * through, so every ban that covers it goes, also one of a wider prefix; one who
 * names a prefix means all that lies in it as well. And since the ban was a
 * mistake, the levels of these addresses are forgotten, too.
 */

#include <errno.h>

#include "ban/private.h"

typedef struct Lift {
        BanEngine *engine;
        const Addr *inside;       /* only bans that lie in it; NULL: any */
        const BanJailState *jail; /* NULL: any */
        EventTime now;
        const char *note;
        size_t n_lifted;
} Lift;

static int lift_chain(void *userdata, BanRecord *record)
{
        Lift *lift = userdata;

        for (BanRecord *next; record; record = next) {
                int r;

                next = record->next;
                if (lift->jail && record->jail != lift->jail)
                        continue;
                if (lift->inside && !addr_contains(lift->inside, &record->ban.addr))
                        return 0;
                r = ban_engine_drop(lift->engine, record, BAN_EVENT_UNBAN, lift->now, lift->note);
                if (r < 0)
                        return r;
                lift->n_lifted++;
        }
        return 0;
}

/**
 * ban_engine_unban() - lift every ban that covers an address, or lies in it
 * @addr:       an address or prefix; NULL for all
 * @jail:       or NULL for all
 * @note:       who asked, for the event
 * @ret_lifted: bans lifted, each with an UNBAN event
 *
 * Where another jail still bans the address, the change sets the element to that
 * ban's end. What only the kernel knows is for daemon.c to delete by key. Levels
 * go whether a ban stands or not; of one jail, with those that it shares.
 *
 * Return: 0 or -ENOMEM (some may have been lifted).
 */
int ban_engine_unban(BanEngine *engine, const Addr *addr, const char *jail, EventTime now, const char *note, size_t *ret_lifted)
{
        Lift lift = { .engine = engine, .now = now, .note = note };
        int r = 0;

        ban_engine_expire(engine, now);
        if (jail)
                lift.jail = ban_engine_find_jail(engine, jail);
        if (!jail || lift.jail) {
                if (addr)
                        r = ban_book_covering(&engine->book, addr, lift_chain, &lift);
                lift.inside = addr;
                if (r == 0 && (!addr || !addr_is_single(addr)))
                        r = ban_book_each(&engine->book, lift_chain, &lift);
        }
        if (r < 0)
                return r;
        if (!jail || lift.jail)
                level_table_forget(&engine->levels, lift.jail, addr);
        *ret_lifted = lift.n_lifted;
        return 0;
}

/**
 * ban_engine_unban_inside() - lift the bans that lie wholly in an address or prefix, in all jails
 *
 * For an address that has just been allowed: wider bans stay, and exempt it.
 *
 * Return: 0 or -ENOMEM.
 */
int ban_engine_unban_inside(BanEngine *engine, const Addr *addr, EventTime now, const char *note, size_t *ret_lifted)
{
        Lift lift = { .engine = engine, .inside = addr, .now = now, .note = note };
        int r;

        ban_engine_expire(engine, now);
        r = addr_is_single(addr) ? ban_book_covering(&engine->book, addr, lift_chain, &lift)
                                 : ban_book_each(&engine->book, lift_chain, &lift);
        if (r < 0)
                return r;
        *ret_lifted = lift.n_lifted;
        return 0;
}
