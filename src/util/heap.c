/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What is due first, in two parts.
 *
 * Most things become due in the order in which they come: whoever failed later is
 * forgotten later, who is banned later is released later. They stand in a queue, a
 * ring with the smallest key at its head: the next one is beside the last one in
 * memory, and none moves. Who leaves from its middle leaves a gap.
 *
 * What comes out of order is in a tree, the smallest key at its root. With a
 * million items nearly each one that is looked at is far away in memory. So slots
 * hold the keys as well, and four children stand side by side: half as many levels
 * as with two, and each is read in one go.
 *
 * One that is due long after all others would close the queue to them. So when one
 * comes that only the last few are in the way of, those go to the tree.
 *
 * Every item carries its key and its place, so that a deadline that moves, or goes,
 * is found without a search.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/heap.h"

#define CHILDREN 4
#define IN_THE_WAY_MAX 2
#define QUEUED (UINT32_C(1) << 31) /* in HeapItem.place: the rest counts those that ever queued */
#define SIZE_MIN 64

/* ---- the tree ---- */

static void put(Heap *heap, size_t index, HeapSlot slot)
{
        heap->tree[index] = slot;
        slot.item->place = (uint32_t) index + 1;
}

static void sift_up(Heap *heap, size_t index, HeapSlot slot)
{
        while (index > 0 && heap->tree[(index - 1) / CHILDREN].key > slot.key) {
                put(heap, index, heap->tree[(index - 1) / CHILDREN]);
                index = (index - 1) / CHILDREN;
        }
        put(heap, index, slot);
}

/* The child with the smallest key; 0: there is none. */
static size_t first_child(const Heap *heap, size_t index)
{
        size_t child = index * CHILDREN + 1, end = child + CHILDREN < heap->n_tree ? child + CHILDREN : heap->n_tree;
        size_t first = child;

        if (child >= heap->n_tree)
                return 0;
        while (++child < end)
                if (heap->tree[child].key < heap->tree[first].key)
                        first = child;
        return first;
}

static void sift_down(Heap *heap, size_t index, HeapSlot slot)
{
        size_t child;

        while ((child = first_child(heap, index)) && heap->tree[child].key < slot.key) {
                put(heap, index, heap->tree[child]);
                index = child;
        }
        put(heap, index, slot);
}

static void tree_add(Heap *heap, HeapSlot slot)
{
        sift_up(heap, heap->n_tree++, slot);
}

static void tree_take(Heap *heap, size_t index)
{
        int64_t key = heap->tree[index].key;
        HeapSlot last = heap->tree[--heap->n_tree];

        if (index == heap->n_tree)
                return;
        if (last.key > key)
                sift_down(heap, index, last);
        else
                sift_up(heap, index, last);
}

/* ---- the queue ---- */

static HeapSlot *queue_at(const Heap *heap, size_t n)
{
        return &heap->queue[n & (heap->queue_size - 1)];
}

static size_t queue_length(const Heap *heap)
{
        return heap->tail - heap->head;
}

static void queue_add(Heap *heap, HeapSlot slot)
{
        slot.item->place = QUEUED | (uint32_t) heap->tail;
        *queue_at(heap, heap->tail++) = slot;
        heap->n_queue++;
}

/* No gap stands at either end. */
static void queue_take(Heap *heap, size_t n)
{
        queue_at(heap, n)->item = NULL;
        heap->n_queue--;
        while (heap->head != heap->tail && !queue_at(heap, heap->head)->item)
                heap->head++;
        while (heap->head != heap->tail && !queue_at(heap, heap->tail - 1)->item)
                heap->tail--;
}

/* The items close up, into a ring of so many slots: the same one, or a new one. */
static void queue_close_up(Heap *heap, HeapSlot *queue, size_t size)
{
        Heap closed = *heap;

        closed.queue = queue;
        closed.queue_size = size;
        closed.tail = heap->head;
        closed.n_queue = 0;
        for (size_t n = heap->head; n != heap->tail; n++)
                if (queue_at(heap, n)->item)
                        queue_add(&closed, *queue_at(heap, n));
        *heap = closed;
}

/* Room for one more. */
static int queue_reserve(Heap *heap)
{
        size_t size = heap->queue_size ? heap->queue_size * 2 : SIZE_MIN;
        HeapSlot *queue;

        if (queue_length(heap) < heap->queue_size)
                return 0;
        if (heap->n_queue < heap->queue_size / 2) {
                queue_close_up(heap, heap->queue, heap->queue_size);
                return 0;
        }
        queue = reallocarray(NULL, size, sizeof *queue);
        if (!queue)
                return -ENOMEM;
        HeapSlot *old = heap->queue;
        queue_close_up(heap, queue, size);
        free(old);
        return 0;
}

/* Whether a key is later than all that queue, but for the few that it gets out of its way. */
static bool queue_lets_in(Heap *heap, int64_t key)
{
        size_t length = queue_length(heap);

        /* A gap still has its key. */
        if (length > IN_THE_WAY_MAX && queue_at(heap, heap->tail - 1 - IN_THE_WAY_MAX)->key > key)
                return false;
        while (heap->head != heap->tail && queue_at(heap, heap->tail - 1)->key > key) {
                HeapSlot last = *queue_at(heap, heap->tail - 1);

                queue_take(heap, heap->tail - 1);
                tree_add(heap, last);
        }
        return queue_length(heap) < heap->queue_size;
}

/* ---- both ---- */

static void add(Heap *heap, HeapItem *item, int64_t key)
{
        HeapSlot slot = { key, item };

        item->key = key;
        if (queue_lets_in(heap, key))
                queue_add(heap, slot);
        else
                tree_add(heap, slot);
}

/**
 * heap_reserve() - make sure that the next heap_push() succeeds
 *
 * Return: 0 or -ENOMEM.
 */
int heap_reserve(Heap *heap)
{
        /* All of them may have to go into the tree: heap_update() cannot fail. */
        if (heap_count(heap) == heap->tree_size) {
                size_t size = heap->tree_size ? heap->tree_size * 2 : SIZE_MIN;
                HeapSlot *tree = reallocarray(heap->tree, size, sizeof *tree);

                if (!tree)
                        return -ENOMEM;
                heap->tree = tree;
                heap->tree_size = size;
        }
        return queue_reserve(heap);
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
        add(heap, item, key);
        return 0;
}

/**
 * heap_update() - give a queued item another key
 */
void heap_update(Heap *heap, HeapItem *item, int64_t key)
{
        heap_remove(heap, item);
        add(heap, item, key);
}

/**
 * heap_remove() - take an item out; one that is in no heap is left alone
 */
void heap_remove(Heap *heap, HeapItem *item)
{
        if (item->place & QUEUED)
                queue_take(heap, item->place & ~QUEUED);
        else if (item->place)
                tree_take(heap, item->place - 1);
        item->place = 0;
}

/**
 * heap_first() - the item with the smallest key, or NULL
 */
HeapItem *heap_first(const Heap *heap)
{
        const HeapSlot *queued = heap->head != heap->tail ? queue_at(heap, heap->head) : NULL;

        if (heap->n_tree > 0 && (!queued || heap->tree[0].key < queued->key))
                return heap->tree[0].item;
        return queued ? queued->item : NULL;
}

/**
 * heap_count() - how many items there are
 */
size_t heap_count(const Heap *heap)
{
        return heap->n_tree + heap->n_queue;
}

/**
 * heap_deinit() - free the heap's own memory; the items are the caller's
 */
void heap_deinit(Heap *heap)
{
        free(heap->tree);
        free(heap->queue);
        *heap = HEAP_NULL;
}
