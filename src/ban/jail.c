/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails, as far as bans know them: the terms of bans to come. What stands keeps
 * its terms until it is told otherwise, with an event for every ban that
 * changes. A jail that is not configured any more lives on for its restored bans.
 */

#include <errno.h>
#include <string.h>

#include "ban/private.h"

/* The one copy of a list of ports; NULL stands for all ports. */
int ban_engine_ports(BanEngine *engine, const Port *ports, size_t n, const Port **ret_ports)
{
        PortList *list;

        if (n == 0 || !ports) {
                *ret_ports = NULL;
                return 0;
        }
        for (list = engine->port_lists; list; list = list->next) {
                size_t i = 0;

                while (list->n_ports == n && i < n && list->ports[i].protocol == ports[i].protocol &&
                       list->ports[i].port == ports[i].port)
                        i++;
                if (i == n)
                        break;
        }
        if (!list) {
                list = calloc(1, sizeof *list + n * sizeof *ports);
                if (!list)
                        return -ENOMEM;
                list->n_ports = n;
                memcpy(list->ports, ports, n * sizeof *ports);
                LL_PREPEND(engine->port_lists, list);
        }
        *ret_ports = list->ports;
        return 0;
}

BanJailState *ban_engine_find_jail(const BanEngine *engine, const char *name)
{
        for (size_t i = 0; i < engine->n_jails; i++)
                if (strcmp(engine->jails[i]->name, name) == 0)
                        return engine->jails[i];
        return NULL;
}

int ban_engine_want_jail(BanEngine *engine, const char *name, BanJailState **ret_state)
{
        BanJailState *state = ban_engine_find_jail(engine, name), **jails;

        if (!state) {
                if (strlen(name) >= JAIL_NAME_MAX)
                        return -EINVAL;
                jails = reallocarray(engine->jails, engine->n_jails + 1, sizeof *jails);
                if (!jails)
                        return -ENOMEM;
                engine->jails = jails;
                state = calloc(1, sizeof *state);
                if (!state)
                        return -ENOMEM;
                strcpy(state->name, name);
                engine->jails[engine->n_jails++] = state;
        }
        *ret_state = state;
        return 0;
}

/**
 * ban_engine_set_jail() - add a jail, or change the terms of its future bans
 *
 * Bans that stand keep their terms: see ban_engine_rescope().
 *
 * Return: 0, -EINVAL for a bantime or increment out of bounds, -ENOMEM.
 */
int ban_engine_set_jail(BanEngine *engine, const BanJail *jail)
{
        BanJailState *state;
        const Port *ports;
        int r;

        if (jail->bantime != DURATION_FOREVER && (jail->bantime < 1 || jail->bantime > DURATION_MAX_SEC))
                return -EINVAL;
        if (!ban_increment_is_valid(&jail->increment))
                return -EINVAL;
        r = ban_engine_ports(engine, jail->ports, jail->n_ports, &ports);
        if (r < 0)
                return r;
        r = ban_engine_want_jail(engine, jail->name, &state);
        if (r < 0)
                return r;
        state->configured = true;
        state->bantime = jail->bantime;
        state->ports = ports;
        state->n_ports = ports ? jail->n_ports : 0;
        state->reject = jail->reject;
        state->increment = jail->increment;
        return 0;
}

/* Out of the list, and freed; it has no bans. */
static void ban_engine_forget_jail(BanEngine *engine, BanJailState *state)
{
        state->increment.over_host = false; /* what all jails share stays */
        level_table_forget(&engine->levels, state, NULL);
        for (size_t i = 0; i < engine->n_jails; i++)
                if (engine->jails[i] == state)
                        engine->jails[i] = engine->jails[--engine->n_jails];
        free(state);
}

/**
 * ban_engine_free_jails() - free all jails; there are no bans any more
 */
void ban_engine_free_jails(BanEngine *engine)
{
        for (size_t i = 0; i < engine->n_jails; i++)
                free(engine->jails[i]);
        free(engine->jails);
        while (engine->port_lists) {
                PortList *list = engine->port_lists;
                LL_DELETE(engine->port_lists, list);
                free(list);
        }
}

/* ---- what stands ---- */

typedef struct JailChange {
        BanEngine *engine;
        BanJailState *jail;
        EventTime now;
        const char *note;
        size_t n_lifted;
} JailChange;

static BanRecord *chain_find(BanRecord *chain, const BanJailState *jail)
{
        while (chain && chain->jail != jail)
                chain = chain->next;
        return chain;
}

static bool ban_is_in_scope(const Ban *ban, const BanJailState *jail)
{
        /* Lists of ports are kept once. */
        return ban->ports == jail->ports && ban->reject == jail->reject;
}

static int rescope_chain(void *userdata, BanRecord *chain)
{
        const JailChange *change = userdata;
        const BanJailState *jail = change->jail;
        BanRecord *record = chain_find(chain, jail);
        int r;

        if (!record || ban_is_in_scope(&record->ban, jail))
                return 0;
        r = ban_engine_begin(change->engine, &record->ban.addr, change->now, jail->n_ports ? jail->n_ports : 1);
        if (r < 0)
                return r;
        record->ban.ports = jail->ports;
        record->ban.n_ports = jail->n_ports;
        record->ban.reject = jail->reject;
        ban_engine_end(change->engine, &record->ban.addr, change->now);
        ban_engine_emit(change->engine, BAN_EVENT_CHANGE, change->now, &record->ban, true, change->note);
        return 0;
}

/**
 * ban_engine_rescope() - give the bans of a jail its present ports and action
 * @note:       why, for the events
 *
 * Makes CHANGE for every ban that is affected, and none for the others.
 *
 * Return: 0, BAN_E_NO_JAIL, -ENOMEM (some may have been changed; it can be called again).
 */
int ban_engine_rescope(BanEngine *engine, const char *jail, EventTime now, const char *note)
{
        JailChange change = { .engine = engine, .now = now, .note = note };

        ban_engine_expire(engine, now);
        change.jail = ban_engine_find_jail(engine, jail);
        if (!change.jail || !change.jail->configured)
                return BAN_E_NO_JAIL;
        return change.jail->n_bans > 0 ? ban_book_each(&engine->book, rescope_chain, &change) : 0;
}

static int remove_chain(void *userdata, BanRecord *chain)
{
        JailChange *change = userdata;
        BanRecord *record = chain_find(chain, change->jail);
        int r;

        if (!record)
                return 0;
        r = ban_engine_drop(change->engine, record, BAN_EVENT_UNBAN, change->now, change->note);
        change->n_lifted += r == 0;
        return r;
}

/**
 * ban_engine_remove_jail() - lift the bans of a jail, and forget it with its levels
 * @note:       why, for the events
 * @ret_lifted: bans lifted, each with an UNBAN event
 *
 * What it has added to the levels that all jails share stays.
 *
 * Return: 0, BAN_E_NO_JAIL, -ENOMEM (some may have been lifted; it can be called again).
 */
int ban_engine_remove_jail(BanEngine *engine, const char *jail, EventTime now, const char *note, size_t *ret_lifted)
{
        JailChange change = { .engine = engine, .now = now, .note = note };
        int r = 0;

        ban_engine_expire(engine, now);
        change.jail = ban_engine_find_jail(engine, jail);
        if (!change.jail)
                return BAN_E_NO_JAIL;
        if (change.jail->n_bans > 0)
                r = ban_book_each(&engine->book, remove_chain, &change);
        if (r < 0)
                return r;
        ban_engine_forget_jail(engine, change.jail);
        *ret_lifted = change.n_lifted;
        return 0;
}

static int rename_chain(void *userdata, BanRecord *chain)
{
        const JailChange *change = userdata;
        const BanRecord *record = chain_find(chain, change->jail);

        if (record)
                ban_engine_emit(change->engine, BAN_EVENT_CHANGE, change->now, &record->ban, false, change->note);
        return 0;
}

/**
 * ban_engine_rename_jail() - the same jail under another name, with its bans and levels
 * @note:       why, for the events
 *
 * Makes CHANGE for every ban of it, without changes in the kernel. The jail's
 * own allowed entries are for their groups to hand on anew.
 *
 * Return: 0, BAN_E_NO_JAIL, -EINVAL if the name is too long, -EEXIST if there is
 * a jail of that name that is configured or has bans.
 */
int ban_engine_rename_jail(BanEngine *engine, const char *jail, const char *name, EventTime now, const char *note)
{
        JailChange change = { .engine = engine, .now = now, .note = note };
        BanJailState *other;
        char old[JAIL_NAME_MAX];

        ban_engine_expire(engine, now);
        change.jail = ban_engine_find_jail(engine, jail);
        if (!change.jail)
                return BAN_E_NO_JAIL;
        if (strlen(name) >= JAIL_NAME_MAX)
                return -EINVAL;
        other = ban_engine_find_jail(engine, name);
        if (other && (other->configured || other->n_bans > 0))
                return -EEXIST;
        if (other)
                ban_engine_forget_jail(engine, other);
        strcpy(old, change.jail->name);
        strcpy(change.jail->name, name); /* its bans point here */
        level_table_rename(&engine->levels, change.jail, old);
        return change.jail->n_bans > 0 ? ban_book_each(&engine->book, rename_chain, &change) : 0;
}
