/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Buffer: bytes that come at one end and leave at the other. All zero: empty. */

#include <stddef.h>

#define BUFFER_KEEP (16 * 1024) /* an empty buffer keeps this much memory at most */

typedef struct Buffer {
        char *data;
        size_t start, end, capacity; /* the bytes are data[start..end) */
} Buffer;

size_t buffer_size(const Buffer *buffer);
void buffer_clear(Buffer *buffer);
int buffer_reserve(Buffer *buffer, size_t size);
int buffer_append(Buffer *buffer, const char *data, size_t size);
void buffer_consume(Buffer *buffer, size_t size);
