/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The index against a list of what is in it: items come, go and are sought at random, under hashes that are alike. */

#include <stdbool.h>
#include <stdlib.h>

#include "test.h"
#include "util/index.h"

#define ITEMS 400
#define STEPS 200000

typedef struct Item {
        uint64_t hash;
        bool in;
} Item;

static bool finds(const Index *index, const Item *item)
{
        Item *found;
        size_t at = 0;

        while ((found = index_find(index, item->hash, &at)) && found != item)
                check(found->hash == item->hash);
        return found != NULL;
}

static void check_index(const Index *index, const Item *items)
{
        size_t n = 0;

        for (size_t i = 0; i < ITEMS; i++) {
                n += items[i].in;
                check(finds(index, &items[i]) == items[i].in);
        }
        check(n == index->n_items);
        check(n * 3 <= index->size * 2);
}

/* Hashes that want the same slots, also the last ones, behind which the first follow; and those that differ in high bits alone. */
static uint64_t some_hash(void)
{
        static const uint64_t masks[] = { 7, UINT64_MAX - 1, UINT64_C(0xff) << 56, UINT64_MAX };
        uint64_t mask = masks[rand() % 4];

        return (UINT64_MAX - (uint64_t) (rand() % 40)) & mask;
}

int main(void)
{
        static Item items[ITEMS];
        Index index = INDEX_NULL;

        srand(1);
        check(!finds(&index, &items[0]));
        for (int i = 0; i < STEPS; i++) {
                Item *item = &items[rand() % (i % 10000 < 5000 ? ITEMS : 20)];

                if (item->in) {
                        index_remove(&index, item->hash, item);
                } else {
                        check(index_reserve(&index, 1) == 0);
                        item->hash = some_hash();
                        index_add(&index, item->hash, item);
                }
                item->in = !item->in;
                if (i % 64 == 0)
                        check_index(&index, items);
        }
        check_index(&index, items);
        size_t n = index.n_items;
        check(index_reserve(&index, 1000) == 0);
        check(index.size >= (n + 1000) * 3 / 2);
        check_index(&index, items);
        index_deinit(&index);
        check(!finds(&index, &items[0]));
        return 0;
}
