/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Things are taken and given back at random: what is taken is zeroed and nobody else's, and does not move. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "util/pool.h"

#define ITEMS (3 * POOL_CHUNK)
#define STEPS 100000

typedef struct Thing {
        unsigned char bytes[20];
} Thing;

static uint32_t numbers[ITEMS];
static Thing *places[ITEMS];

static bool is_all(const Thing *thing, unsigned char byte)
{
        for (size_t i = 0; i < sizeof thing->bytes; i++)
                if (thing->bytes[i] != byte)
                        return false;
        return true;
}

static void take(Pool *pool, size_t i)
{
        numbers[i] = pool_take(pool);
        check(numbers[i] > 0 && numbers[i] <= pool->used);
        places[i] = pool_at(pool, numbers[i]);
        check(is_all(places[i], 0));
        memset(places[i]->bytes, (int) (i % 255 + 1), sizeof places[i]->bytes);
}

static void give(Pool *pool, size_t i)
{
        check(pool_at(pool, numbers[i]) == places[i] && is_all(places[i], (unsigned char) (i % 255 + 1)));
        pool_give(pool, numbers[i]);
        numbers[i] = 0;
}

int main(void)
{
        Pool pool = POOL_OF(Thing);
        size_t n = 0, most = 0;

        srand(1);
        for (int step = 0; step < STEPS; step++) {
                size_t i = (size_t) rand() % (step % 20000 < 10000 ? ITEMS : 100);

                n = numbers[i] ? n - 1 : n + 1;
                most = n > most ? n : most;
                if (numbers[i])
                        give(&pool, i);
                else
                        take(&pool, i);
        }
        check(most > POOL_CHUNK);
        check(pool.used == most); /* what is free is taken first */
        for (size_t i = 0; i < ITEMS; i++)
                if (numbers[i])
                        give(&pool, i);
        pool_deinit(&pool);
        check(pool.used == 0 && pool_take(&pool) == 1);
        pool_deinit(&pool);
        return 0;
}
