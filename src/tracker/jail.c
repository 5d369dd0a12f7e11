/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails come, go and change while windows stand. A window's key holds its
 * jail's place in a list. The place of a jail that has gone is kept, under its
 * name, until the store has been told of its windows' end.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracker/private.h"

#define JAILS_MAX 4096
#define IPV6_PREFIX 64

/*
 * The place of a jail that is new, or that has been removed and whose tombstones
 * the store has not been told of yet: then it has to be the same one, so that
 * the store hears of each key once.
 */
static int tracker_want_place(Tracker *tracker, const char *name, uint16_t *ret_index)
{
        TrackerJailState *state, **jails;
        size_t place = tracker->n_jails;

        for (size_t i = 0; i < tracker->n_jails; i++) {
                state = tracker->jails[i];
                if (strcmp(state->name, name) == 0) {
                        place = i;
                        break;
                }
                if (state->removed && state->n_windows == 0)
                        place = i;
        }
        if (place == tracker->n_jails) {
                if (tracker->n_jails == JAILS_MAX)
                        return -ENOSPC;
                jails = reallocarray(tracker->jails, tracker->n_jails + 1, sizeof *jails);
                if (!jails)
                        return -ENOMEM;
                tracker->jails = jails;
                state = calloc(1, sizeof *state);
                if (!state)
                        return -ENOMEM;
                state->removed = true;
                tracker->jails[tracker->n_jails++] = state;
        }
        strcpy(tracker->jails[place]->name, name);
        *ret_index = (uint16_t) place;
        return 0;
}

/**
 * tracker_set_jail() - add a jail, or change the parameters of one
 *
 * Windows that a smaller maxretry has made full fire at their next failure.
 * Windows of another ipv6_prefix are not found any more and run out.
 *
 * Return: 0, -EINVAL for parameters out of bounds, -ENOMEM, -ENOSPC.
 */
int tracker_set_jail(Tracker *tracker, const TrackerJail *jail)
{
        TrackerJailState *state;
        Window *window;
        uint16_t index;
        int r;

        if (jail->maxretry < 1 || jail->maxretry > TRACKER_MAXRETRY_MAX || jail->ipv6_prefix < 1 || jail->ipv6_prefix > 128 ||
            jail->findtime < 1 || jail->findtime > DURATION_MAX_SEC || strlen(jail->name) >= JAIL_NAME_MAX)
                return -EINVAL;
        r = tracker_want_place(tracker, jail->name, &index);
        if (r < 0)
                return r;
        state = tracker->jails[index];
        state->removed = false;
        state->limits = (WindowLimits){ jail->findtime * USEC_PER_SEC, jail->maxretry };
        state->ipv6_prefix = jail->ipv6_prefix;
        TRACKER_FOREACH (tracker, i, window)
                if (window->key.jail == index)
                        tracker_touched(tracker, window, false);
        return 0;
}

/**
 * tracker_remove_jail() - drop a jail with its windows
 *
 * The next drain tells that the windows are gone.
 *
 * Return: 0 or TRACKER_E_NO_JAIL.
 */
int tracker_remove_jail(Tracker *tracker, const char *jail)
{
        TrackerJailState *state;
        Window *window;
        uint16_t index;

        state = tracker_find_jail(tracker, jail, &index);
        if (!state)
                return TRACKER_E_NO_JAIL;
        TRACKER_FOREACH (tracker, i, window)
                if (window->key.jail == index)
                        tracker_retire(tracker, window);
        state->removed = true;
        return 0;
}

static int tracker_no_tombstones(Tracker *tracker, Window *list)
{
        for (Window *next; list; list = next) {
                next = list->next;
                pool_give(&tracker->pool, list->number);
        }
        return -ENOMEM;
}

/* One tombstone for each window of a jail that the store knows, in a list by `next`, and room in the index for them. */
static int tracker_make_tombstones(Tracker *tracker, uint16_t jail, Window **ret_list)
{
        Window *window, *list = NULL, *tombstone;
        size_t n = 0;

        TRACKER_FOREACH (tracker, i, window) {
                if (window->key.jail != jail || !window->stored)
                        continue;
                tombstone = tracker_new_window(tracker);
                if (!tombstone)
                        return tracker_no_tombstones(tracker, list);
                tombstone->next = list;
                list = tombstone;
                n++;
        }
        if (index_reserve(&tracker->index, n) < 0)
                return tracker_no_tombstones(tracker, list);
        *ret_list = list;
        return 0;
}

/* Gives a live window to another jail with the same limits; where the store knows it, @tombstone takes its old place. */
static void tracker_move(Tracker *tracker, Window *window, uint16_t jail, Window *tombstone)
{
        Window *forerunner = tracker_find(tracker, &window->key.addr, jail);
        WindowKey old = window->key;

        tracker_unlink(tracker, window);
        window->key.jail = jail;
        window->stored = forerunner != NULL;
        if (forerunner)
                tracker_free_window(tracker, forerunner);
        tracker_link(tracker, window);
        tracker_mark(tracker, window);
        if (!tombstone)
                return;
        tombstone->next = NULL;
        tombstone->key = old;
        tombstone->stored = true;
        tracker_link(tracker, tombstone);
        tracker_mark(tracker, tombstone);
}

/**
 * tracker_rename_jail() - the same jail under another name, with its windows
 *
 * The next drain tells that the windows of the old name are gone, and those of the new one.
 *
 * Return: 0, TRACKER_E_NO_JAIL, -EEXIST if there is a jail of that name, -EINVAL if it is too long, -ENOMEM, -ENOSPC.
 */
int tracker_rename_jail(Tracker *tracker, const char *jail, const char *name)
{
        Window *window, *tombstones = NULL;
        TrackerJailState *old, *new;
        uint16_t from, to;
        int r;

        if (!tracker_find_jail(tracker, jail, &from))
                return TRACKER_E_NO_JAIL;
        if (tracker_find_jail(tracker, name, &to))
                return -EEXIST;
        if (strlen(name) >= JAIL_NAME_MAX)
                return -EINVAL;
        r = tracker_want_place(tracker, name, &to);
        if (r == 0)
                r = tracker_make_tombstones(tracker, from, &tombstones);
        if (r < 0)
                return r;
        TRACKER_FOREACH (tracker, i, window) {
                Window *tombstone = NULL;

                if (window->key.jail != from)
                        continue;
                if (window->stored) {
                        tombstone = tombstones;
                        tombstones = tombstone->next;
                }
                tracker_move(tracker, window, to, tombstone);
        }
        old = tracker->jails[from];
        new = tracker->jails[to];
        new->limits = old->limits;
        new->ipv6_prefix = old->ipv6_prefix;
        new->n_counting = old->n_counting;
        new->removed = false;
        old->n_counting = 0;
        old->removed = true;
        return 0;
}

/**
 * tracker_set_max() - another cap of windows
 * @max_windows:        from 1; those beyond it give way at once, by the usual rule
 */
void tracker_set_max(Tracker *tracker, size_t max_windows)
{
        tracker->stats.max_windows = max_windows;
        while (tracker->stats.windows > max_windows)
                tracker_evict(tracker);
}

/**
 * tracker_set_singles() - IPv6 prefixes in which every address counts on its own
 * @prefixes:   copied; on-link ones, where neighbours share a prefix, and those of NAT64
 *
 * Windows of addresses that counted otherwise until now are not found any more and run out.
 *
 * Return: 0 or -ENOMEM.
 */
int tracker_set_singles(Tracker *tracker, const Addr *prefixes, size_t n_prefixes)
{
        Addr *copy = calloc(n_prefixes + 1, sizeof *copy);

        if (!copy)
                return -ENOMEM;
        if (n_prefixes > 0)
                memcpy(copy, prefixes, n_prefixes * sizeof *copy);
        free(tracker->singles);
        tracker->singles = copy;
        tracker->n_singles = n_prefixes;
        return 0;
}

Addr tracker_addr_key(const Tracker *tracker, const Addr *addr, unsigned ipv6_prefix)
{
        for (size_t i = 0; addr->family == 6 && i < tracker->n_singles; i++)
                if (addr_contains(&tracker->singles[i], addr))
                        return *addr;
        return addr_ban_key(addr, ipv6_prefix);
}

/**
 * tracker_key() - what an address counts as in a jail, and is banned as
 * @jail:       one that there is not has the usual /64
 */
Addr tracker_key(const Tracker *tracker, const char *jail, const Addr *addr)
{
        uint16_t index;
        const TrackerJailState *state = tracker_find_jail(tracker, jail, &index);

        return tracker_addr_key(tracker, addr, state ? state->ipv6_prefix : IPV6_PREFIX);
}
