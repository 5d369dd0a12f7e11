/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A binary heap of pointers, smallest key first. Every item carries its key and
 * its place, so that a deadline that moves, or goes, is found without a search.
 */

#include <errno.h>
#include <stdlib.h>

#include "util/heap.h"

static void put(Heap *heap, size_t place, HeapItem *item)
{
        heap->items[place - 1] = item;
        item->place = (uint32_t) place;
}

static void sift_up(Heap *heap, HeapItem *item)
{
        size_t place = item->place;

        while (place > 1 && heap->items[place / 2 - 1]->key > item->key) {
                put(heap, place, heap->items[place / 2 - 1]);
                place /= 2;
        }
        put(heap, place, item);
}

static void sift_down(Heap *heap, HeapItem *item)
{
        size_t place = item->place;

        for (;;) {
                size_t child = place * 2;

                if (child > heap->n_items)
                        break;
                if (child < heap->n_items && heap->items[child]->key < heap->items[child - 1]->key)
                        child++;
                if (heap->items[child - 1]->key >= item->key)
                        break;
                put(heap, place, heap->items[child - 1]);
                place = child;
        }
        put(heap, place, item);
}

/**
 * heap_reserve() - make sure that the next heap_push() succeeds
 *
 * Return: 0 or -ENOMEM.
 */
int heap_reserve(Heap *heap)
{
        if (heap->n_items < heap->n_allocated)
                return 0;
        size_t n = heap->n_allocated ? heap->n_allocated * 2 : 64;
        HeapItem **items = reallocarray(heap->items, n, sizeof *items);

        if (!items)
                return -ENOMEM;
        heap->items = items;
        heap->n_allocated = n;
        return 0;
}

/**
 * heap_push() - queue an item
 * @item:       in no heap; stays the caller's, and must be removed before it is freed
 *
 * Return: 0 or -ENOMEM.
 */
int heap_push(Heap *heap, HeapItem *item, int64_t key)
{
        int r = heap_reserve(heap);

        if (r < 0)
                return r;
        item->key = key;
        put(heap, ++heap->n_items, item);
        sift_up(heap, item);
        return 0;
}

/**
 * heap_update() - give a queued item another key
 */
void heap_update(Heap *heap, HeapItem *item, int64_t key)
{
        item->key = key;
        sift_up(heap, item);
        sift_down(heap, item);
}

/**
 * heap_remove() - take an item out; one that is in no heap is left alone
 */
void heap_remove(Heap *heap, HeapItem *item)
{
        size_t place = item->place;

        if (place == 0)
                return;
        item->place = 0;
        HeapItem *last = heap->items[--heap->n_items];
        if (last == item)
                return;
        put(heap, place, last);
        sift_up(heap, last);
        sift_down(heap, last);
}

/**
 * heap_first() - the item with the smallest key, or NULL
 */
HeapItem *heap_first(const Heap *heap)
{
        return heap->n_items > 0 ? heap->items[0] : NULL;
}

/**
 * heap_deinit() - free the heap's own memory; the items are the caller's
 */
void heap_deinit(Heap *heap)
{
        free(heap->items);
        *heap = HEAP_NULL;
}
