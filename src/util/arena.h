/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Arena: memory that is freed all at once. */

#include <stddef.h>

#include "util/cleanup.h"

typedef struct Arena Arena;

Arena *arena_new(void);
Arena *arena_free(Arena *arena);
DEFINE_CLEANUP(Arena *, arena_free)

void *arena_alloc(Arena *arena, size_t size);
char *arena_text(Arena *arena, const char *text);
