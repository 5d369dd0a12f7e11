/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "util/pool.h"

static int grow(Pool *pool)
{
        char **chunks = reallocarray(pool->chunks, pool->n_chunks + 1, sizeof *chunks);

        if (!chunks)
                return -1;
        pool->chunks = chunks;
        chunks[pool->n_chunks] = calloc(POOL_CHUNK, pool->item_size);
        if (!chunks[pool->n_chunks])
                return -1;
        pool->n_chunks++;
        return 0;
}

/**
 * pool_take() - a thing, all zeros
 *
 * Return: its number; 0 if memory is short, or there are UINT32_MAX already.
 */
uint32_t pool_take(Pool *pool)
{
        uint32_t number = pool->spare;

        if (number) {
                uint32_t *next = pool_at(pool, number);

                pool->spare = *next;
                *next = 0;
                return number;
        }
        if (pool->used == UINT32_MAX || (pool->used == pool->n_chunks * POOL_CHUNK && grow(pool) < 0))
                return 0;
        return ++pool->used;
}

/**
 * pool_give() - a thing is not needed any more
 * @number:     as pool_take() has returned it; what the thing itself owns has been freed
 */
void pool_give(Pool *pool, uint32_t number)
{
        uint32_t *next = memset(pool_at(pool, number), 0, pool->item_size);

        *next = pool->spare;
        pool->spare = number;
}

/**
 * pool_deinit() - free all things
 */
void pool_deinit(Pool *pool)
{
        for (size_t i = 0; i < pool->n_chunks; i++)
                free(pool->chunks[i]);
        free(pool->chunks);
        *pool = (Pool){ .item_size = pool->item_size };
}
