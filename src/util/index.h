/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Index: finds things by the hash of their key, in one array.
 *
 * For tables in which most of what is sought is not there: that costs one place in memory, where a table of lists has one for
 * each thing in the list. The things are the caller's, who knows them by number, and so is the order in which they are visited,
 * if they ever are. A slot is a number and half a hash: eight of them are read from memory at a time.
 * Hashes are table_hash()'s: outsiders choose the keys.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct IndexSlot {
        uint32_t hash;
        uint32_t item;          /* its number; 0: free */
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
 * Return: the item's number; its key is still to be compared. 0: there are no more.
 */
static inline uint32_t index_find(const Index *index, uint32_t hash, size_t *at)
{
        while (index->size > 0) {
                const IndexSlot *slot = &index->slots[(hash + (*at)++) & (index->size - 1)];

                if (!slot->item)
                        return 0;
                if (slot->hash == hash)
                        return slot->item;
        }
        return 0;
}

/**
 * index_fetch() - bring near where an item with this hash is, since it will be sought soon
 */
static inline void index_fetch(const Index *index, uint32_t hash)
{
        if (index->size > 0)
                __builtin_prefetch(&index->slots[hash & (index->size - 1)]);
}

/* Two thirds full at most: then few slots have to be looked at. */
static inline bool index_is_enough(size_t size, size_t n_items)
{
        return n_items * 3 <= size * 2;
}

int index_grow(Index *index, size_t more);

/**
 * index_reserve() - make room for so many items more
 *
 * Return: 0 or -ENOMEM.
 */
static inline int index_reserve(Index *index, size_t more)
{
        return index->size > 0 && index_is_enough(index->size, index->n_items + more) ? 0 : index_grow(index, more);
}

void index_add(Index *index, uint32_t hash, uint32_t item);
void index_remove(Index *index, uint32_t hash, uint32_t item);
void index_deinit(Index *index);
