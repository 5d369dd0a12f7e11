/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A heap, smallest key first. Every item carries its key and its place, so that a
 * deadline that moves, or goes, is found without a search.
 *
 * With a million items nearly each one that is looked at is far away in memory.
 * So slots hold the keys as well, and four children stand side by side: half as
 * many levels as with two, and each is read in one go.
 */

#include <errno.h>
#include <stdlib.h>

#include "util/heap.h"

#define CHILDREN 4

static void put(Heap *heap, size_t index, HeapSlot slot)
{
        heap->slots[index] = slot;
        slot.item->place = (uint32_t) index + 1;
}

static void sift_up(Heap *heap, size_t index)
{
        HeapSlot slot = heap->slots[index];

        while (index > 0 && heap->slots[(index - 1) / CHILDREN].key > slot.key) {
                put(heap, index, heap->slots[(index - 1) / CHILDREN]);
                index = (index - 1) / CHILDREN;
        }
        put(heap, index, slot);
}

/* The child with the smallest key; 0: there is none. */
static size_t first_child(const Heap *heap, size_t index)
{
        size_t child = index * CHILDREN + 1, end = child + CHILDREN < heap->n_items ? child + CHILDREN : heap->n_items;
        size_t first = child;

        if (child >= heap->n_items)
                return 0;
        while (++child < end)
                if (heap->slots[child].key < heap->slots[first].key)
                        first = child;
        return first;
}

static void sift_down(Heap *heap, size_t index)
{
        HeapSlot slot = heap->slots[index];
        size_t child;

        while ((child = first_child(heap, index)) && heap->slots[child].key < slot.key) {
                put(heap, index, heap->slots[child]);
                index = child;
        }
        put(heap, index, slot);
}

/* A slot has another key than it had before. */
static void sift(Heap *heap, size_t index, int64_t before)
{
        if (heap->slots[index].key > before)
                sift_down(heap, index);
        else
                sift_up(heap, index);
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
        HeapSlot *slots = reallocarray(heap->slots, n, sizeof *slots);

        if (!slots)
                return -ENOMEM;
        heap->slots = slots;
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
        put(heap, heap->n_items, (HeapSlot){ key, item });
        sift_up(heap, heap->n_items++);
        return 0;
}

/**
 * heap_update() - give a queued item another key
 */
void heap_update(Heap *heap, HeapItem *item, int64_t key)
{
        size_t index = item->place - 1;
        int64_t before = item->key;

        item->key = heap->slots[index].key = key;
        sift(heap, index, before);
}

/**
 * heap_remove() - take an item out; one that is in no heap is left alone
 */
void heap_remove(Heap *heap, HeapItem *item)
{
        if (item->place == 0)
                return;
        size_t index = item->place - 1;
        HeapItem *last = heap->slots[--heap->n_items].item;

        item->place = 0;
        if (last == item)
                return;
        put(heap, index, (HeapSlot){ last->key, last });
        sift(heap, index, item->key);
}

/**
 * heap_first() - the item with the smallest key, or NULL
 */
HeapItem *heap_first(const Heap *heap)
{
        return heap->n_items > 0 ? heap->slots[0].item : NULL;
}

/**
 * heap_deinit() - free the heap's own memory; the items are the caller's
 */
void heap_deinit(Heap *heap)
{
        free(heap->slots);
        *heap = HEAP_NULL;
}
