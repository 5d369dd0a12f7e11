/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The allow list: entries in groups, one group per origin. An entry is known by
 * its group, prefix and jail; groups add up, so the same prefix may stand in
 * several, and goes only when the last of them gives it up.
 *
 * A group is replaced whole, as a difference: what the new entries need is
 * prepared first, where memory may be short; then nothing can fail any more,
 * and entries that are wanted as they stand are not touched. Of two entries of
 * a new group for the same prefix and jail the one that lasts longer counts.
 *
 * The kernel holds each host-wide prefix once, with the latest end over the
 * groups. It is told whenever that changes, except by time: its own timeout is
 * the same end.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ban/allow-tree.h"
#include "ban/allow.h"
#include "util/table.h"

struct AllowSet {
        AllowTeller teller; /* NULL: nobody listens */
        void *userdata;
        AllowTree tree;
        AllowGroup *groups;
        size_t n_items;
        Heap deadlines;
        uint64_t round;
};

/**
 * allow_set_new() - an empty set
 * @teller:     is told what the kernel should hold; may be NULL
 *
 * Return: 0 or -ENOMEM.
 */
int allow_set_new(AllowTeller teller, void *userdata, AllowSet **ret_set)
{
        AllowSet *set = calloc(1, sizeof *set);

        if (!set)
                return -ENOMEM;
        set->teller = teller;
        set->userdata = userdata;
        *ret_set = set;
        return 0;
}

/* ---- items ---- */

static bool text_same(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool entry_same_jail(const AllowEntry *entry, const char *jail)
{
        return !entry->jail == !jail && text_same(entry->jail, jail);
}

static bool entry_same(const AllowEntry *a, const AllowEntry *b)
{
        return a->until.usec == b->until.usec && text_same(a->origin, b->origin) && text_same(a->reason, b->reason);
}

/* Where the node's pointer to the group's entry for the jail stands; points to NULL if there is none. */
static AllowItem **allow_node_place(AllowNode *node, const AllowGroup *group, const char *jail)
{
        AllowItem **place = &node->items;

        while (*place && ((*place)->group != group || !entry_same_jail(&(*place)->entry, jail)))
                place = &(*place)->next;
        return place;
}

static AllowItem *allow_set_discard(AllowSet *set, AllowItem *item)
{
        heap_remove(&set->deadlines, &item->deadline);
        free(item);
        return NULL;
}

/* An item that is in no list yet, but has its node and deadline. */
static int allow_set_prepare(AllowSet *set, AllowGroup *group, const AllowEntry *entry, AllowItem **ret_item)
{
        const char *origin = entry->origin ? entry->origin : "", *reason = entry->reason ? entry->reason : "",
                   *jail = entry->jail ? entry->jail : "";
        AllowItem *item = calloc(1, sizeof *item + strlen(origin) + strlen(reason) + strlen(jail) + 3);
        char *text;
        int r = 0;

        if (!item)
                return -ENOMEM;
        item->group = group;
        item->entry = *entry;
        item->entry.origin = text = item->text;
        item->entry.reason = text = stpcpy(text, origin) + 1;
        text = stpcpy(text, reason) + 1;
        strcpy(text, jail);
        item->entry.jail = entry->jail ? text : NULL;
        if (entry->until.usec != INT64_MAX)
                r = heap_push(&set->deadlines, &item->deadline, entry->until.usec);
        if (r == 0)
                r = allow_tree_make(&set->tree, &entry->addr, &item->node);
        if (r < 0) {
                allow_set_discard(set, item);
                return r;
        }
        *ret_item = item;
        return 0;
}

/* Takes an item out of its lists; the node is left to be settled. */
static void allow_set_detach(AllowSet *set, AllowItem *item)
{
        *allow_node_place(item->node, item->group, item->entry.jail) = item->next;
        DL_DELETE2(item->group->items, item, group_prev, group_next);
        item->group->n_items--;
        set->n_items--;
        allow_set_discard(set, item);
}

/* Enters a prepared item, in place of its forerunner. */
static void allow_set_attach(AllowSet *set, AllowItem *item)
{
        AllowItem **place = allow_node_place(item->node, item->group, item->entry.jail);

        if (*place)
                allow_set_detach(set, *place);
        item->next = item->node->items;
        item->node->items = item;
        DL_APPEND2(item->group->items, item, group_prev, group_next);
        item->group->n_items++;
        set->n_items++;
}

/* The host-wide entry of a node that lasts longest, or NULL. */
static const AllowItem *allow_node_latest(const AllowNode *node)
{
        const AllowItem *latest = NULL;

        for (const AllowItem *item = node->items; item; item = item->next)
                if (!item->entry.jail && (!latest || event_time_before(latest->entry.until, item->entry.until)))
                        latest = item;
        return latest;
}

/* After a node's items have changed: tells the kernel, and prunes what is empty. */
static void allow_set_settle(AllowSet *set, AllowNode *node, EventTime now)
{
        const AllowItem *latest = allow_node_latest(node);
        EventTime until = latest && event_time_before(now, latest->entry.until) ? latest->entry.until : EVENT_TIME_NONE;

        if (!event_time_before(now, node->told))
                node->told = EVENT_TIME_NONE; /* the kernel has ended it */
        if (node->told.usec != until.usec) {
                node->told = until;
                if (set->teller)
                        set->teller(set->userdata, &node->addr, until);
        }
        if (!node->items)
                allow_tree_prune(&set->tree, &node->addr);
}

/* ---- groups ---- */

static AllowGroup *allow_set_group(const AllowSet *set, const char *name)
{
        AllowGroup *group;

        DL_FOREACH (set->groups, group)
                if (strcmp(group->name, name) == 0)
                        return group;
        return NULL;
}

static int allow_set_want_group(AllowSet *set, const char *name, AllowGroup **ret_group)
{
        AllowGroup *group = allow_set_group(set, name);

        if (!group) {
                group = calloc(1, sizeof *group + strlen(name) + 1);
                if (!group)
                        return -ENOMEM;
                strcpy(group->name, name);
                DL_APPEND(set->groups, group);
        }
        *ret_group = group;
        return 0;
}

static void allow_set_drop_empty(AllowSet *set, AllowGroup *group)
{
        if (group->n_items > 0)
                return;
        DL_DELETE(set->groups, group);
        free(group);
}

/**
 * allow_set_free() - free a set and its entries
 *
 * Return: NULL.
 */
AllowSet *allow_set_free(AllowSet *set)
{
        AllowGroup *group, *next;

        if (!set)
                return NULL;
        DL_FOREACH_SAFE (set->groups, group, next) {
                while (group->items) {
                        Addr addr = group->items->entry.addr;

                        allow_set_detach(set, group->items);
                        allow_tree_prune(&set->tree, &addr);
                }
                allow_set_drop_empty(set, group);
        }
        heap_deinit(&set->deadlines);
        free(set);
        return NULL;
}

/* Prepares items for the entries that do not stand as they are wanted, and marks those that do. */
static int allow_set_stage(AllowSet *set, AllowGroup *group, const AllowEntry *entries, size_t n, EventTime now,
                           AllowItem **staged)
{
        for (size_t i = 0; i < n; i++) {
                AllowNode *node = allow_tree_find(&set->tree, &entries[i].addr);
                AllowItem *old = node ? *allow_node_place(node, group, entries[i].jail) : NULL;
                int r = 0;

                if (!event_time_before(now, entries[i].until))
                        continue;
                if (old && entry_same(&old->entry, &entries[i]))
                        old->round = set->round;
                else
                        r = allow_set_prepare(set, group, &entries[i], &staged[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void allow_set_unstage(AllowSet *set, AllowItem **staged, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (!staged[i])
                        continue;
                Addr addr = staged[i]->entry.addr;

                allow_set_discard(set, staged[i]);
                allow_tree_prune(&set->tree, &addr);
        }
}

static void allow_set_enter(AllowSet *set, AllowItem *item)
{
        const AllowItem *standing = *allow_node_place(item->node, item->group, item->entry.jail);

        if (standing && standing->round == set->round && !event_time_before(standing->entry.until, item->entry.until)) {
                allow_set_discard(set, item);
                return;
        }
        item->round = set->round;
        allow_set_attach(set, item);
}

/**
 * allow_set_replace() - give a group these entries, and no others
 * @entries:    copied; those that are over are passed by
 *
 * Return: 0; and with nothing changed -EINVAL if one has no address, -ENOSPC
 * beyond ALLOW_ENTRIES_MAX over all groups, -ENOMEM.
 */
int allow_set_replace(AllowSet *set, const char *name, const AllowEntry *entries, size_t n_entries, EventTime now)
{
        _cleanup_free_ AllowItem **staged = NULL;
        AllowGroup *group;
        AllowItem *item, *next;
        int r;

        for (size_t i = 0; i < n_entries; i++)
                if (entries[i].addr.family == 0)
                        return -EINVAL;
        staged = calloc(n_entries + 1, sizeof(AllowItem *));
        if (!staged)
                return -ENOMEM;
        r = allow_set_want_group(set, name, &group);
        if (r < 0)
                return r;
        set->round++;
        r = n_entries > ALLOW_ENTRIES_MAX - (set->n_items - group->n_items) ? -ENOSPC : 0;
        if (r == 0)
                r = allow_set_stage(set, group, entries, n_entries, now, staged);
        if (r < 0) {
                allow_set_unstage(set, staged, n_entries);
                allow_set_drop_empty(set, group);
                return r;
        }
        for (size_t i = 0; i < n_entries; i++)
                if (staged[i])
                        allow_set_enter(set, staged[i]);
        DL_FOREACH_SAFE2(group->items, item, next, group_next)
        {
                AllowNode *node = item->node;

                if (item->round != set->round)
                        allow_set_detach(set, item);
                allow_set_settle(set, node, now);
        }
        allow_set_drop_empty(set, group);
        return 0;
}

/**
 * allow_set_add() - add an entry to a group, in place of its entry for the same prefix and jail
 * @entry:      copied; nothing happens if it is over
 *
 * Return: 0, -EINVAL if it has no address, -ENOSPC beyond ALLOW_ENTRIES_MAX, -ENOMEM.
 */
int allow_set_add(AllowSet *set, const char *name, const AllowEntry *entry, EventTime now)
{
        AllowGroup *group;
        AllowItem *item;
        int r;

        if (entry->addr.family == 0)
                return -EINVAL;
        if (!event_time_before(now, entry->until))
                return 0;
        if (set->n_items >= ALLOW_ENTRIES_MAX)
                return -ENOSPC;
        r = allow_set_want_group(set, name, &group);
        if (r < 0)
                return r;
        r = allow_set_prepare(set, group, entry, &item);
        if (r < 0) {
                allow_set_drop_empty(set, group);
                return r;
        }
        allow_set_attach(set, item);
        allow_set_settle(set, item->node, now);
        return 0;
}

/**
 * allow_set_remove() - take exactly this prefix out of a group, for the host and for jails
 *
 * Return: 0 or BAN_E_NO_ENTRY.
 */
int allow_set_remove(AllowSet *set, const char *name, const Addr *addr, EventTime now)
{
        AllowGroup *group = allow_set_group(set, name);
        AllowNode *node = allow_tree_find(&set->tree, addr);
        bool found = false;

        if (!group || !node)
                return BAN_E_NO_ENTRY;
        for (AllowItem *item = node->items, *next; item; item = next) {
                next = item->next;
                if (item->group != group)
                        continue;
                allow_set_detach(set, item);
                found = true;
        }
        if (!found)
                return BAN_E_NO_ENTRY;
        allow_set_settle(set, node, now);
        allow_set_drop_empty(set, group);
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
                AllowItem *item = heap_owner(first, AllowItem, deadline);
                AllowGroup *group = item->group;
                AllowNode *node = item->node;

                allow_set_detach(set, item);
                allow_set_settle(set, node, now);
                allow_set_drop_empty(set, group);
        }
        return first ? (EventTime){ first->key } : EVENT_TIME_FOREVER;
}

/* ---- looking ---- */

typedef struct FindArgument {
        const char *jail;
        const AllowItem *found;
} FindArgument;

static int find_in_node(void *userdata, const AllowNode *node)
{
        FindArgument *find = userdata;
        const AllowItem *host = allow_node_latest(node);

        if (host)
                find->found = host;
        for (const AllowItem *item = node->items; !host && find->jail && item; item = item->next)
                if (item->entry.jail && strcmp(item->entry.jail, find->jail) == 0)
                        find->found = item;
        return 0;
}

/**
 * allow_set_find() - the entry nearest to @addr of those that all of it lies in, or NULL
 * @jail:       this jail's own entries count too; NULL: host-wide ones alone
 */
const AllowItem *allow_set_find(const AllowSet *set, const char *jail, const Addr *addr)
{
        FindArgument find = { .jail = jail };

        allow_tree_covering(&set->tree, addr, find_in_node, &find);
        return find.found;
}

static int find_own_in_node(void *userdata, const AllowNode *node)
{
        FindArgument *find = userdata;

        for (const AllowItem *item = node->items; item; item = item->next) {
                if (!item->entry.jail || strcmp(item->entry.jail, find->jail) != 0)
                        continue;
                find->found = item;
                return 1;
        }
        return 0;
}

/**
 * allow_set_find_own() - an entry of the jail's own that lies in @inside, or NULL
 */
const AllowItem *allow_set_find_own(const AllowSet *set, const char *jail, const Addr *inside)
{
        FindArgument find = { .jail = jail };

        allow_tree_each(&set->tree, inside, find_own_in_node, &find);
        return find.found;
}

typedef struct EachArgument {
        const AllowGroup *group; /* NULL: any */
        AllowVisitor visitor;
        void *userdata;
} EachArgument;

static int each_in_node(void *userdata, const AllowNode *node)
{
        const EachArgument *each = userdata;
        int r = 0;

        for (const AllowItem *item = node->items; r == 0 && item; item = item->next)
                if (!each->group || item->group == each->group)
                        r = each->visitor(each->userdata, &item->entry);
        return r;
}

/**
 * allow_set_each() - visit entries by address, IPv4 first
 * @group:      or NULL for all
 * @visitor:    returns other than 0 to stop
 *
 * Return: 0, or what the visitor stopped with.
 */
int allow_set_each(const AllowSet *set, const char *group, AllowVisitor visitor, void *userdata)
{
        EachArgument each = { .visitor = visitor, .userdata = userdata };

        if (group && !(each.group = allow_set_group(set, group)))
                return 0;
        return allow_tree_each(&set->tree, NULL, each_in_node, &each);
}

static int each_host_node(void *userdata, const AllowNode *node)
{
        const EachArgument *each = userdata;
        const AllowItem *latest = allow_node_latest(node);

        return latest ? each->visitor(each->userdata, &latest->entry) : 0;
}

/**
 * allow_set_each_host() - visit host-wide entries, of each prefix the one that lasts longest, by address
 * @inside:     only those that lie in it; NULL for all
 *
 * Return: 0, or what the visitor stopped with.
 */
int allow_set_each_host(const AllowSet *set, const Addr *inside, AllowVisitor visitor, void *userdata)
{
        EachArgument each = { .visitor = visitor, .userdata = userdata };

        return allow_tree_each(&set->tree, inside, each_host_node, &each);
}
