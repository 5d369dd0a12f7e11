/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

struct Arena {
        Arena *next;            /* the first block is the arena itself */
        max_align_t bytes[];
};

/**
 * arena_new() - an empty arena, or NULL
 */
Arena *arena_new(void)
{
        return calloc(1, sizeof(Arena));
}

/**
 * arena_free() - free an arena and all that was allocated from it
 *
 * Return: NULL
 */
Arena *arena_free(Arena *arena)
{
        while (arena) {
                Arena *next = arena->next;

                free(arena);
                arena = next;
        }
        return NULL;
}

/**
 * arena_alloc() - zeroed memory that lives as long as the arena
 *
 * Return: the memory, or NULL.
 */
void *arena_alloc(Arena *arena, size_t size)
{
        Arena *block = calloc(1, sizeof *block + size);

        if (!block)
                return NULL;
        block->next = arena->next;
        arena->next = block;
        return block->bytes;
}

/**
 * arena_text() - a copy of @text that lives as long as the arena, or NULL
 */
char *arena_text(Arena *arena, const char *text)
{
        size_t size = strlen(text) + 1;
        char *copy = arena_alloc(arena, size);

        return copy ? memcpy(copy, text, size) : NULL;
}
