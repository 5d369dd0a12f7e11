/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What finds its slot taken stands in the next free one. So what stands behind a slot that becomes free moves up, unless it is
 * where its hash wants it: nothing may be missing between an item and the slot where it is sought first.
 */

#include <errno.h>
#include <stdlib.h>

#include "util/index.h"

#define SIZE_MIN 64

static size_t size_for(const Index *index, size_t n_items)
{
        size_t size = index->size ? index->size : SIZE_MIN;

        while (!index_is_enough(size, n_items))
                size *= 2;
        return size;
}

/* index_reserve() where there is not room yet. */
int index_grow(Index *index, size_t more)
{
        Index grown = { .size = size_for(index, index->n_items + more) };

        grown.slots = calloc(grown.size, sizeof *grown.slots);
        if (!grown.slots)
                return -ENOMEM;
        for (size_t i = 0; i < index->size; i++)
                if (index->slots[i].item)
                        index_add(&grown, index->slots[i].hash, index->slots[i].item);
        free(index->slots);
        *index = grown;
        return 0;
}

/**
 * index_add() - let an item be found; there has to be room for it
 * @hash:       of its key; another item may have the same
 * @item:       its number, not 0
 */
void index_add(Index *index, uint32_t hash, uint32_t item)
{
        size_t i = hash & (index->size - 1);

        while (index->slots[i].item)
                i = (i + 1) & (index->size - 1);
        index->slots[i] = (IndexSlot){ hash, item };
        index->n_items++;
}

/**
 * index_remove() - an item, which is there, is not to be found any more
 */
void index_remove(Index *index, uint32_t hash, uint32_t item)
{
        size_t last = index->size - 1, hole = hash & last;

        while (index->slots[hole].item != item)
                hole = (hole + 1) & last;
        for (size_t i = (hole + 1) & last; index->slots[i].item; i = (i + 1) & last)
                if (((i - index->slots[i].hash) & last) >= ((i - hole) & last)) {
                        index->slots[hole] = index->slots[i];
                        hole = i;
                }
        index->slots[hole].item = 0;
        index->n_items--;
}

/**
 * index_deinit() - free the index's own memory; the items are the caller's
 */
void index_deinit(Index *index)
{
        free(index->slots);
        *index = INDEX_NULL;
}
