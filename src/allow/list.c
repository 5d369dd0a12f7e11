/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lists are gathered in whatever order the outside has, then finished: sorted
 * and each address once. Two finished lists are compared item by item, so that
 * a file that was only rearranged, or a dump in another order, is no change.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allow/private.h"

/**
 * allow_list_add() - append an address
 *
 * Return: 0 or -ENOMEM.
 */
int allow_list_add(AllowList *list, const Addr *addr, unsigned place, EventTime until)
{
        if (list->n_items == list->n_allocated) {
                size_t n = list->n_allocated ? list->n_allocated * 2 : 16;
                AllowItem *items = reallocarray(list->items, n, sizeof *items);

                if (!items)
                        return -ENOMEM;
                list->items = items;
                list->n_allocated = n;
        }
        list->items[list->n_items++] = (AllowItem){ .addr = *addr, .place = place, .until = until };
        return 0;
}

static int item_compare(const void *a, const void *b)
{
        const AllowItem *x = a, *y = b;
        int difference = memcmp(&x->addr, &y->addr, sizeof x->addr);

        if (difference != 0)
                return difference;
        if (x->until.usec != y->until.usec)
                return event_time_before(x->until, y->until) ? 1 : -1; /* what lasts longest comes first, and stays */
        return (x->place > y->place) - (x->place < y->place);
}

/**
 * allow_list_finish() - sort, and keep each address once, that which lasts longest
 * @max:        items to keep
 *
 * Return: how many different addresses there were, @max or more than that.
 */
size_t allow_list_finish(AllowList *list, size_t max)
{
        size_t n = 0;

        if (list->n_items > 0)
                qsort(list->items, list->n_items, sizeof *list->items, item_compare);
        for (size_t i = 0; i < list->n_items; i++)
                if (n == 0 || !addr_equal(&list->items[n - 1].addr, &list->items[i].addr))
                        list->items[n++] = list->items[i];
        list->n_items = n < max ? n : max;
        return n;
}

/**
 * allow_list_equal() - whether two finished lists say the same, for the same reasons
 */
bool allow_list_equal(const AllowList *a, const AllowList *b)
{
        if (a->n_items != b->n_items)
                return false;
        for (size_t i = 0; i < a->n_items; i++)
                if (item_compare(&a->items[i], &b->items[i]) != 0)
                        return false;
        return true;
}

/**
 * allow_list_move() - @to becomes @from, which is empty then
 */
void allow_list_move(AllowList *to, AllowList *from)
{
        allow_list_deinit(to);
        *to = *from;
        *from = ALLOW_LIST_NULL;
}

/**
 * allow_list_deinit() - free the items
 */
void allow_list_deinit(AllowList *list)
{
        free(list->items);
        *list = ALLOW_LIST_NULL;
}
