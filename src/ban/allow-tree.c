/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A tree over the bits of addresses, one per family. A node stands for a
 * prefix; everything below it lies inside. The way down to an address passes
 * every prefix that it lies in, and stretches of bits where nothing forks have
 * no nodes: a list of n prefixes has less than 2n.
 */

#include <errno.h>
#include <stdlib.h>

#include "ban/allow-tree.h"

static unsigned addr_bit(const Addr *addr, unsigned bit)
{
        return addr->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static AllowNode **allow_tree_root(AllowTree *tree, const Addr *addr)
{
        return &tree->roots[addr->family == 6];
}

static AllowNode *allow_node_new(const Addr *addr)
{
        AllowNode *node = calloc(1, sizeof *node);

        if (node)
                node->addr = *addr;
        return node;
}

static Addr addr_common(const Addr *a, const Addr *b)
{
        unsigned length = a->length < b->length ? a->length : b->length, bit = 0;

        while (bit < length && addr_bit(a, bit) == addr_bit(b, bit))
                bit++;
        return addr_masked(a, bit);
}

/**
 * allow_tree_make() - the node of exactly @addr, made if it is missing
 *
 * One that gets no items must be pruned. Nodes keep their place in memory.
 *
 * Return: 0 or -ENOMEM.
 */
int allow_tree_make(AllowTree *tree, const Addr *addr, AllowNode **ret_node)
{
        AllowNode **place = allow_tree_root(tree, addr), *node, *fork;

        while (*place && addr_contains(&(*place)->addr, addr)) {
                if ((*place)->addr.length == addr->length) {
                        *ret_node = *place;
                        return 0;
                }
                place = &(*place)->child[addr_bit(addr, (*place)->addr.length)];
        }
        node = allow_node_new(addr);
        if (!node)
                return -ENOMEM;
        if (*place) {
                Addr common = addr_common(addr, &(*place)->addr);

                fork = common.length == addr->length ? node : allow_node_new(&common);
                if (!fork) {
                        free(node);
                        return -ENOMEM;
                }
                fork->child[addr_bit(&(*place)->addr, common.length)] = *place;
                if (fork != node)
                        fork->child[addr_bit(addr, common.length)] = node;
                *place = fork;
        } else
                *place = node;
        *ret_node = node;
        return 0;
}

/**
 * allow_tree_find() - the node of exactly @addr, or NULL
 */
AllowNode *allow_tree_find(const AllowTree *tree, const Addr *addr)
{
        AllowNode *node = tree->roots[addr->family == 6];

        while (node && node->addr.length < addr->length && addr_contains(&node->addr, addr))
                node = node->child[addr_bit(addr, node->addr.length)];
        return node && addr_equal(&node->addr, addr) ? node : NULL;
}

static AllowNode *allow_node_prune(AllowNode *node, const Addr *addr)
{
        if (!node || !addr_contains(&node->addr, addr))
                return node;
        if (node->addr.length < addr->length) {
                AllowNode **child = &node->child[addr_bit(addr, node->addr.length)];
                *child = allow_node_prune(*child, addr);
        }
        if (node->items || (node->child[0] && node->child[1]))
                return node;
        AllowNode *only = node->child[0] ? node->child[0] : node->child[1];
        free(node);
        return only;
}

/**
 * allow_tree_prune() - free the nodes on the way to @addr that are of no use any more
 */
void allow_tree_prune(AllowTree *tree, const Addr *addr)
{
        AllowNode **root = allow_tree_root(tree, addr);
        Addr key = *addr; /* @addr may be the node's own */

        *root = allow_node_prune(*root, &key);
}

/**
 * allow_tree_covering() - visit the nodes that all of @addr lies in, the widest first
 * @visitor:    returns other than 0 to stop
 *
 * Return: 0, or what the visitor stopped with.
 */
int allow_tree_covering(const AllowTree *tree, const Addr *addr, AllowNodeVisitor visitor, void *userdata)
{
        const AllowNode *node = tree->roots[addr->family == 6];

        while (node && addr_contains(&node->addr, addr)) {
                int r = visitor(userdata, node);

                if (r != 0)
                        return r;
                if (node->addr.length == addr->length)
                        break;
                node = node->child[addr_bit(addr, node->addr.length)];
        }
        return 0;
}

static int allow_node_each(const AllowNode *node, AllowNodeVisitor visitor, void *userdata)
{
        int r;

        if (!node)
                return 0;
        r = visitor(userdata, node);
        for (unsigned side = 0; r == 0 && side < 2; side++)
                r = allow_node_each(node->child[side], visitor, userdata);
        return r;
}

/**
 * allow_tree_each() - visit nodes by address, IPv4 first
 * @inside:     only those that lie in it; NULL for all
 * @visitor:    returns other than 0 to stop
 *
 * Return: 0, or what the visitor stopped with.
 */
int allow_tree_each(const AllowTree *tree, const Addr *inside, AllowNodeVisitor visitor, void *userdata)
{
        int r = 0;

        if (inside) {
                const AllowNode *node = tree->roots[inside->family == 6];

                while (node && node->addr.length < inside->length && addr_contains(&node->addr, inside))
                        node = node->child[addr_bit(inside, node->addr.length)];
                return node && addr_contains(inside, &node->addr) ? allow_node_each(node, visitor, userdata) : 0;
        }
        for (unsigned family = 0; r == 0 && family < 2; family++)
                r = allow_node_each(tree->roots[family], visitor, userdata);
        return r;
}
