/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The heap against a list that is searched: pushes, moves and removals at random. */

#include <stdlib.h>

#include "test.h"
#include "util/heap.h"

#define ITEMS 300
#define STEPS 200000

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

        for (size_t i = 0; i < ITEMS; i++) {
                n += items[i].place > 0;
                check(!items[i].place || heap->slots[items[i].place - 1].item == &items[i]);
                check(!items[i].place || heap->slots[items[i].place - 1].key == items[i].key);
        }
        check(n == heap->n_items);
        check(n == 0 ? !heap_first(heap) : heap_first(heap)->key == least(items));
}

static void step(Heap *heap, HeapItem *items)
{
        HeapItem *item = &items[rand() % ITEMS];
        int64_t key = rand() % 1000;

        if (!item->place)
                check(heap_push(heap, item, key) == 0);
        else if (rand() % 2)
                heap_update(heap, item, key);
        else
                heap_remove(heap, item);
}

/* Everything comes out in order. */
static void drain(Heap *heap)
{
        int64_t before = INT64_MIN;

        for (HeapItem *item; (item = heap_first(heap)); heap_remove(heap, item)) {
                check(item->key >= before);
                before = item->key;
        }
}

int main(void)
{
        static HeapItem items[ITEMS];
        Heap heap = HEAP_NULL;
        unsigned seed = 20261129;

        srand(seed);
        for (int i = 0; i < STEPS; i++) {
                step(&heap, items);
                if (i % 16 == 0)
                        check_heap(&heap, items);
        }
        drain(&heap);
        check_heap(&heap, items);
        heap_remove(&heap, &items[0]);
        heap_deinit(&heap);
        printf("%d steps, seed %u\n", STEPS, seed);
        return 0;
}
