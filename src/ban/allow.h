/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AllowSet: the addresses and prefixes that are never banned, in groups. */

#include "ban.h"
#include "util/heap.h"

#define ALLOW_ENTRIES_MAX 1000000

typedef struct AllowSet AllowSet;
typedef struct AllowNode AllowNode;
typedef struct AllowGroup AllowGroup;
typedef struct AllowItem AllowItem;

/**
 * All entries of one origin.
 */
struct AllowGroup {
        AllowGroup *prev, *next;
        AllowItem *items;
        size_t n_items;
        char name[];
};

/**
 * An entry as a group holds it; never changed, but replaced.
 */
struct AllowItem {
        AllowEntry entry;
        AllowGroup *group;
        AllowItem *group_prev, *group_next;
        AllowNode *node;
        AllowItem *next;        /* of the same prefix */
        HeapItem deadline;
        uint64_t round;         /* the last replacement that wanted it */
        char text[];            /* origin, reason, jail */
};

typedef void (*AllowTeller)(void *userdata, const Addr *addr, EventTime until);

int allow_set_new(AllowTeller teller, void *userdata, AllowSet **ret_set);
AllowSet *allow_set_free(AllowSet *set);
DEFINE_CLEANUP(AllowSet *, allow_set_free)

int allow_set_replace(AllowSet *set, const char *group, const AllowEntry *entries, size_t n_entries, EventTime now);
int allow_set_add(AllowSet *set, const char *group, const AllowEntry *entry, EventTime now);
int allow_set_remove(AllowSet *set, const char *group, const Addr *addr, EventTime now);
EventTime allow_set_expire(AllowSet *set, EventTime now);

const AllowItem *allow_set_find(const AllowSet *set, const char *jail, const Addr *addr);
const AllowItem *allow_set_find_own(const AllowSet *set, const char *jail, const Addr *inside);
int allow_set_each(const AllowSet *set, const char *group, AllowVisitor visitor, void *userdata);
int allow_set_each_host(const AllowSet *set, const Addr *inside, AllowVisitor visitor, void *userdata);
