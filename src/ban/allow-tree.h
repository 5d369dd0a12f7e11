/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AllowTree: the places of addresses and prefixes, so that what contains one and what lies in one is found fast. */

#include "util/addr.h"
#include "util/clock.h"

typedef struct AllowItem AllowItem;
typedef struct AllowNode AllowNode;

struct AllowNode {
        Addr addr;
        AllowNode *child[2];    /* by the bit that follows the prefix */
        AllowItem *items;       /* allow.c's; without any, the node is a fork or goes */
        EventTime told;         /* what the kernel has been told to hold */
};

/**
 * One root per family.
 */
typedef struct AllowTree {
        AllowNode *roots[2];
} AllowTree;

typedef int (*AllowNodeVisitor)(void *userdata, const AllowNode *node);

int allow_tree_make(AllowTree *tree, const Addr *addr, AllowNode **ret_node);
AllowNode *allow_tree_find(const AllowTree *tree, const Addr *addr);
void allow_tree_prune(AllowTree *tree, const Addr *addr);
int allow_tree_covering(const AllowTree *tree, const Addr *addr, AllowNodeVisitor visitor, void *userdata);
int allow_tree_each(const AllowTree *tree, const Addr *inside, AllowNodeVisitor visitor, void *userdata);
