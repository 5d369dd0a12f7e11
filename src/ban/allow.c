/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The allow list as a tree over the bits of the address, one per family: the
 * way down to an address passes every entry that it lies in, the last one
 * being the nearest, and everything below a prefix's place lies inside it.
 * Entries are few (tens), written by administrators, so plain nodes will do.
 *
 * An entry that ends is dropped by allow_set_expire(). Of two entries for the
 * same prefix the one that lasts longer stays: a login must not shorten what
 * the configuration allows for ever.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ban/allow.h"
#include "util/heap.h"

typedef struct AllowItem {
        AllowEntry entry;
        HeapItem deadline;
        char origin[];
} AllowItem;

typedef struct AllowNode AllowNode;

struct AllowNode {
        AllowNode *child[2];
        AllowItem *item;
};

struct AllowSet {
        AllowNode *roots[2]; /* IPv4, IPv6 */
        Heap deadlines;
};

static unsigned addr_bit(const Addr *addr, unsigned bit)
{
        return addr->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

/**
 * allow_set_new() - an empty set
 *
 * Return: 0 or -ENOMEM.
 */
int allow_set_new(AllowSet **ret_set)
{
        AllowSet *set = calloc(1, sizeof *set);

        if (!set)
                return -ENOMEM;
        *ret_set = set;
        return 0;
}

static AllowNode *allow_node_free(AllowNode *node)
{
        if (!node)
                return NULL;
        allow_node_free(node->child[0]);
        allow_node_free(node->child[1]);
        free(node->item);
        free(node);
        return NULL;
}

/**
 * allow_set_free() - free a set and its entries
 *
 * Return: NULL.
 */
AllowSet *allow_set_free(AllowSet *set)
{
        if (!set)
                return NULL;
        allow_node_free(set->roots[0]);
        allow_node_free(set->roots[1]);
        heap_deinit(&set->deadlines);
        free(set);
        return NULL;
}

/* The node of exactly @addr; made if it is missing and @make says so. */
static AllowNode *allow_set_node(AllowSet *set, const Addr *addr, bool make)
{
        AllowNode **place = &set->roots[addr->family == 6];

        for (unsigned bit = 0;; bit++) {
                if (!*place && make)
                        *place = calloc(1, sizeof **place);
                if (!*place || bit == addr->length)
                        return *place;
                place = &(*place)->child[addr_bit(addr, bit)];
        }
}

/* Frees the nodes on the way to @addr that hold nothing any more. */
static AllowNode *allow_node_prune(AllowNode *node, const Addr *addr, unsigned bit)
{
        if (!node)
                return NULL;
        if (bit < addr->length) {
                unsigned side = addr_bit(addr, bit);
                node->child[side] = allow_node_prune(node->child[side], addr, bit + 1);
        }
        if (node->item || node->child[0] || node->child[1])
                return node;
        free(node);
        return NULL;
}

static void allow_set_drop(AllowSet *set, AllowNode *node, const Addr *addr)
{
        AllowNode **root = &set->roots[addr->family == 6];
        Addr key = *addr; /* @addr may be the item's own */

        heap_remove(&set->deadlines, &node->item->deadline);
        free(node->item);
        node->item = NULL;
        *root = allow_node_prune(*root, &key, 0);
}

/**
 * allow_set_add() - add an entry
 * @entry:      copied
 *
 * Return: 0; -EINVAL if it has no address; -ENOMEM.
 */
int allow_set_add(AllowSet *set, const AllowEntry *entry)
{
        _cleanup_free_ AllowItem *item = NULL;
        const char *origin = entry->origin ? entry->origin : "";
        AllowNode *node;
        int r;

        if (entry->addr.family == 0)
                return -EINVAL;
        item = calloc(1, sizeof *item + strlen(origin) + 1);
        if (!item)
                return -ENOMEM;
        r = heap_reserve(&set->deadlines);
        if (r < 0)
                return r;
        node = allow_set_node(set, &entry->addr, true);
        if (!node) {
                AllowNode **root = &set->roots[entry->addr.family == 6];
                *root = allow_node_prune(*root, &entry->addr, 0);
                return -ENOMEM;
        }
        if (node->item && !event_time_before(node->item->entry.until, entry->until))
                return 0;
        strcpy(item->origin, origin);
        item->entry = *entry;
        item->entry.origin = item->origin;
        if (node->item) {
                heap_remove(&set->deadlines, &node->item->deadline);
                free(node->item);
        }
        node->item = item;
        if (item->entry.until.usec != INT64_MAX)
                heap_push(&set->deadlines, &item->deadline, item->entry.until.usec);
        item = NULL;
        return 0;
}

/**
 * allow_set_remove() - take away exactly this entry
 *
 * Return: 0 or BAN_E_NO_ENTRY.
 */
int allow_set_remove(AllowSet *set, const Addr *addr)
{
        AllowNode *node = allow_set_node(set, addr, false);

        if (!node || !node->item)
                return BAN_E_NO_ENTRY;
        allow_set_drop(set, node, addr);
        return 0;
}

/**
 * allow_set_expire() - drop the entries that have ended
 *
 * Return: when the next one ends, or EVENT_TIME_FOREVER.
 */
EventTime allow_set_expire(AllowSet *set, EventTime now)
{
        HeapItem *first;

        while ((first = heap_first(&set->deadlines)) && first->key <= now.usec) {
                const AllowItem *item = heap_owner(first, AllowItem, deadline);
                allow_set_drop(set, allow_set_node(set, &item->entry.addr, false), &item->entry.addr);
        }
        return first ? (EventTime){ first->key } : EVENT_TIME_FOREVER;
}

/**
 * allow_set_find() - the entry nearest to @addr of those that all of it lies in, or NULL
 */
const AllowEntry *allow_set_find(const AllowSet *set, const Addr *addr)
{
        const AllowNode *node = set->roots[addr->family == 6];
        const AllowEntry *found = NULL;

        for (unsigned bit = 0; node; bit++) {
                if (node->item)
                        found = &node->item->entry;
                if (bit == addr->length)
                        break;
                node = node->child[addr_bit(addr, bit)];
        }
        return found;
}

static int allow_node_each(const AllowNode *node, AllowVisitor visitor, void *userdata)
{
        int r = 0;

        if (node && node->item)
                r = visitor(userdata, &node->item->entry);
        for (unsigned side = 0; node && r == 0 && side < 2; side++)
                r = allow_node_each(node->child[side], visitor, userdata);
        return r;
}

/**
 * allow_set_each() - visit entries by address, IPv4 first
 * @inside:     only those that lie in it; NULL for all
 * @visitor:    returns other than 0 to stop
 *
 * Return: 0, or what the visitor stopped with.
 */
int allow_set_each(const AllowSet *set, const Addr *inside, AllowVisitor visitor, void *userdata)
{
        if (inside) {
                const AllowNode *node = set->roots[inside->family == 6];

                for (unsigned bit = 0; node && bit < inside->length; bit++)
                        node = node->child[addr_bit(inside, bit)];
                return allow_node_each(node, visitor, userdata);
        }
        int r = allow_node_each(set->roots[0], visitor, userdata);
        return r != 0 ? r : allow_node_each(set->roots[1], visitor, userdata);
}
