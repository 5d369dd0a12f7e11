/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails share the kernel's sets. So an element (an address, or an address on a
 * port, to be dropped or refused) stands for all bans of that address that want
 * it, and ends with the last of them. What a decision changes in the kernel is found by laying out
 * the elements before and after it and comparing: slower than knowing, but it
 * is never wrong, and an address has few bans.
 *
 * The kernel ends elements by itself. One whose time is over is not in the
 * kernel any more, and its going is no change.
 */

#include <errno.h>
#include <stdlib.h>

#include "ban/elements.h"

/**
 * element_list_reserve() - room for @n elements in all
 *
 * Return: 0 or -ENOMEM.
 */
int element_list_reserve(ElementList *list, size_t n)
{
        if (n <= list->n_allocated)
                return 0;
        Element *elements = reallocarray(list->elements, n, sizeof *elements);

        if (!elements)
                return -ENOMEM;
        list->elements = elements;
        list->n_allocated = n;
        return 0;
}

/**
 * element_list_bound() - how many elements the bans of an address have at most
 */
size_t element_list_bound(const BanRecord *bans)
{
        size_t n = 0;

        for (; bans; bans = bans->next)
                n += bans->ban.n_ports ? bans->ban.n_ports : 1;
        return n;
}

static Element *element_list_find(const ElementList *list, const Element *like)
{
        for (size_t i = 0; i < list->n_elements; i++)
                if (list->elements[i].protocol == like->protocol && list->elements[i].port == like->port &&
                    list->elements[i].reject == like->reject)
                        return &list->elements[i];
        return NULL;
}

static void element_list_want(ElementList *list, const Element *element)
{
        Element *known = element_list_find(list, element);

        if (known)
                known->until = event_time_max(known->until, element->until);
        else
                list->elements[list->n_elements++] = *element;
}

/* A ban that lies in the future, since the clock went back, still lasts no longer than it was meant to. */
static EventTime ban_until(const Ban *ban, EventTime now)
{
        if (ban->until.usec == INT64_MAX || !event_time_before(now, ban->start))
                return ban->until;
        return event_time_min(ban->until, (EventTime){ now.usec + (ban->until.usec - ban->start.usec) });
}

/**
 * element_list_collect() - the elements that the bans of an address want
 * @list:       is replaced; has room for element_list_bound(@bans)
 * @bans:       the first of the chain, or NULL
 */
void element_list_collect(ElementList *list, const BanRecord *bans, EventTime now)
{
        list->n_elements = 0;
        for (; bans; bans = bans->next) {
                const Ban *ban = &bans->ban;
                Element element = { .addr = ban->addr, .reject = ban->reject, .until = ban_until(ban, now) };

                if (ban->n_ports == 0)
                        element_list_want(list, &element);
                for (size_t i = 0; i < ban->n_ports; i++) {
                        element.protocol = ban->ports[i].protocol;
                        element.port = ban->ports[i].port;
                        element_list_want(list, &element);
                }
        }
}

/**
 * element_list_compare() - what has to change in the kernel
 * @changes:    is replaced; has room for the elements of both
 */
void element_list_compare(const ElementList *before, const ElementList *after, EventTime now, ElementList *changes)
{
        changes->n_elements = 0;
        for (size_t i = 0; i < before->n_elements; i++) {
                Element old = before->elements[i];
                const Element *new = element_list_find(after, &old);

                if (!event_time_before(now, old.until) || (new &&event_time_before(now, new->until)))
                        continue;
                old.until = EVENT_TIME_NONE;
                changes->elements[changes->n_elements++] = old;
        }
        for (size_t i = 0; i < after->n_elements; i++) {
                const Element *new = &after->elements[i], *old = element_list_find(before, new);

                if (!event_time_before(now, new->until))
                        continue;
                if (!old || old->until.usec != new->until.usec)
                        changes->elements[changes->n_elements++] = *new;
        }
}

/**
 * element_list_deinit() - free the list's memory
 */
void element_list_deinit(ElementList *list)
{
        free(list->elements);
        *list = ELEMENT_LIST_NULL;
}
