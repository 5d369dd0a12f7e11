/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Index: finds things by the hash of their key, in one array.
 *
 * For tables in which most of what is sought is not there: that costs one place in memory, where a table of lists has one for
 * each thing in the list. The things are the caller's, and so is the order in which they are visited, if they ever are.
 * Hashes are table_hash()'s: outsiders choose the keys.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct IndexSlot {
        uint64_t hash;
        void *item;             /* NULL: free */
} IndexSlot;

typedef struct Index {
        IndexSlot *slots;
        size_t n_items;
        size_t size;            /* a power of two, or 0 */
} Index;

#define INDEX_NULL ((Index){ .slots = NULL })

/**
 * index_find() - the next item with this hash
 * @at:         0 for the first one; untouched between calls
 *
 * Return: the item, whose key is still to be compared; NULL: there are no more.
 */
static inline void *index_find(const Index *index, uint64_t hash, size_t *at)
{
        while (index->size > 0) {
                const IndexSlot *slot = &index->slots[(hash + (*at)++) & (index->size - 1)];

                if (!slot->item)
                        return NULL;
                if (slot->hash == hash)
                        return slot->item;
        }
        return NULL;
}

int index_reserve(Index *index, size_t more);
void index_add(Index *index, uint64_t hash, void *item);
void index_remove(Index *index, uint64_t hash, const void *item);
void index_deinit(Index *index);
