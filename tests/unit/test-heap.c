/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The heap against a list that is searched: pushes, moves and removals at random, in any order of keys and in the one that it
 * is made for, later ones later.
 */

#include <stdlib.h>

#include "test.h"
#include "util/heap.h"

#define ITEMS 300
#define STEPS 100000

static int64_t least(const HeapItem *items)
{
        int64_t key = INT64_MAX;

        for (size_t i = 0; i < ITEMS; i++)
                if (items[i].place && items[i].key < key)
                        key = items[i].key;
        return key;
}

static void check_heap(const Heap *heap, const HeapItem *items)
{
        size_t n = 0;

        for (size_t i = 0; i < ITEMS; i++)
                n += items[i].place > 0;
        check(n == heap_count(heap));
        check(n == 0 ? !heap_first(heap) : heap_first(heap)->key == least(items));
}

/* @now: grows; keys lie around it, @disorder to either side, and now and then far behind it */
static void step(Heap *heap, HeapItem *items, int64_t now, int disorder)
{
        HeapItem *item = &items[rand() % ITEMS];
        int64_t key = now + rand() % (2 * disorder) - disorder + (rand() % 50 == 0 ? 100000 : 0), before = item->key;

        if (!item->place)
                check(heap_push(heap, item, key) == 0);
        else if (rand() % 2)
                heap_update(heap, item, key);
        else
                heap_remove(heap, item);
        check(item->key == (item->place ? key : before));
}

/* Everything that is due by then comes out, in order. */
static void drain(Heap *heap, int64_t until)
{
        int64_t before = INT64_MIN;

        for (HeapItem *item; (item = heap_first(heap)) && item->key <= until; heap_remove(heap, item)) {
                check(item->key >= before);
                before = item->key;
        }
}

static void play(int disorder, int pace)
{
        static HeapItem items[ITEMS];
        Heap heap = HEAP_NULL;
        int64_t now = 0;

        for (int i = 0; i < STEPS; i++, now += rand() % pace) {
                step(&heap, items, now, disorder);
                if (i % 16 == 0)
                        check_heap(&heap, items);
                if (i % 1000 == 0)
                        drain(&heap, now);
        }
        /* What came in order was not sorted, and what did not was. */
        check(disorder > 1 || heap.n_queue > heap.n_tree);
        check(pace > 1 || heap.n_tree > heap.n_queue);
        drain(&heap, INT64_MAX);
        check(heap_count(&heap) == 0 && !heap_first(&heap));
        check_heap(&heap, items);
        heap_remove(&heap, &items[0]);
        heap_deinit(&heap);
}

int main(void)
{
        unsigned seed = 20261129;

        srand(seed);
        play(500, 1);
        play(500, 8);
        play(30, 8);
        play(1, 8);
        printf("%d steps each, seed %u\n", STEPS, seed);
        return 0;
}
