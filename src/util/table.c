/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "util/table.h"

static uint64_t table_seed(void)
{
        static uint64_t seed;

        /* Only the loop thread makes tables before others start, so no lock. */
        if (seed == 0 && (getrandom(&seed, sizeof seed, 0) != sizeof seed || seed == 0))
                seed = 0x9e3779b97f4a7c15u;
        return seed;
}

/**
 * table_hash() - hash a key with this process's seed
 */
uint64_t table_hash(const void *key, size_t size)
{
        return XXH3_64bits_withSeed(key, size, table_seed());
}

/**
 * table_hash_number() - the same of a number, whose size is known beforehand
 */
uint64_t table_hash_number(uint64_t key)
{
        return XXH3_64bits_withSeed(&key, sizeof key, table_seed());
}
