/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Heap: what is due first, for things that know their place in it. */

#include <stddef.h>
#include <stdint.h>

/**
 * Embedded in what is queued; zeroed: in no heap.
 */
typedef struct HeapItem {
        int64_t key;
        uint32_t place;         /* 0: in no heap */
} HeapItem;

typedef struct HeapSlot {
        int64_t key;            /* of its item */
        HeapItem *item;
} HeapSlot;

typedef struct Heap {
        HeapSlot *tree;
        size_t n_tree, tree_size;
        HeapSlot *queue;                /* a ring; a slot without an item is a gap */
        size_t n_queue, queue_size;     /* n_queue: without the gaps; queue_size: a power of two, or 0 */
        size_t head, tail;              /* those that ever left at the head, and came at the tail */
} Heap;

#define HEAP_NULL ((Heap){ .tree = NULL })

/* From a HeapItem to the structure that holds it. */
#define heap_owner(item, type, member) ((type *) (void *) ((char *) (item) - offsetof(type, member)))

int heap_reserve(Heap *heap);
int heap_push(Heap *heap, HeapItem *item, int64_t key);
void heap_update(Heap *heap, HeapItem *item, int64_t key);
void heap_remove(Heap *heap, HeapItem *item);
HeapItem *heap_first(const Heap *heap);
size_t heap_count(const Heap *heap);
void heap_deinit(Heap *heap);
