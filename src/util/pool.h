/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Pool: things of one size, each with a number.
 *
 * For tables of which a million things come and go: a number is half as long as a pointer wherever one thing names another,
 * and neither malloc() nor free() has anything to look for. What is free again is all zeros but for its first four bytes.
 */

#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNK 1024 /* things that are allocated at a time; they never move */

typedef struct Pool {
        char **chunks;
        size_t n_chunks, item_size;
        uint32_t used;          /* numbers that were ever taken: 1 to this one */
        uint32_t spare;         /* one that is free again; 0: none is */
} Pool;

#define POOL_OF(type) ((Pool){ .item_size = sizeof(type) })

/**
 * pool_at() - the thing with a number
 * @number:     from 1 to Pool.used
 */
static inline void *pool_at(const Pool *pool, uint32_t number)
{
        return pool->chunks[(number - 1) / POOL_CHUNK] + (number - 1) % POOL_CHUNK * pool->item_size;
}

uint32_t pool_take(Pool *pool);
void pool_give(Pool *pool, uint32_t number);
void pool_deinit(Pool *pool);
