/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The index against a list of what is in it: items come, go and are sought at random, under hashes that are alike. */

#include <stdbool.h>
#include <stdlib.h>

#include "test.h"
#include "util/index.h"

#define ITEMS 400
#define STEPS 200000

typedef struct Item {
        uint32_t hash;
        bool in;
} Item;

static Item items[ITEMS + 1]; /* by their numbers, which begin with 1 */

static bool finds(const Index *index, uint32_t number)
{
        uint32_t found;
        size_t at = 0;

        while ((found = index_find(index, items[number].hash, &at)) && found != number)
                check(items[found].hash == items[number].hash);
        return found != 0;
}

static void check_index(const Index *index)
{
        size_t n = 0;

        for (uint32_t i = 1; i <= ITEMS; i++) {
                n += items[i].in;
                check(finds(index, i) == items[i].in);
        }
        check(n == index->n_items);
        check(n * 3 <= index->size * 2);
}

/* Hashes that want the same slots, also the last ones, behind which the first follow; and those that differ in high bits alone. */
static uint32_t some_hash(void)
{
        static const uint32_t masks[] = { 7, UINT32_MAX - 1, UINT32_C(0xff) << 24, UINT32_MAX };
        uint32_t mask = masks[rand() % 4];

        return (UINT32_MAX - (uint32_t) (rand() % 40)) & mask;
}

int main(void)
{
        Index index = INDEX_NULL;

        srand(1);
        check(!finds(&index, 1));
        for (int i = 0; i < STEPS; i++) {
                uint32_t number = 1 + (uint32_t) rand() % (i % 10000 < 5000 ? ITEMS : 20);
                Item *item = &items[number];

                if (item->in) {
                        index_remove(&index, item->hash, number);
                } else {
                        check(index_reserve(&index, 1) == 0);
                        item->hash = some_hash();
                        index_add(&index, item->hash, number);
                }
                item->in = !item->in;
                if (i % 64 == 0)
                        check_index(&index);
        }
        check_index(&index);
        size_t n = index.n_items;
        check(index_reserve(&index, 1000) == 0);
        check(index.size >= (n + 1000) * 3 / 2);
        check_index(&index);
        index_deinit(&index);
        check(!finds(&index, 1));
        return 0;
}
