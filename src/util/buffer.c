/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/buffer.h"

/**
 * buffer_size() - bytes in it
 */
size_t buffer_size(const Buffer *buffer)
{
        return buffer->end - buffer->start;
}

/**
 * buffer_clear() - empty it and give its memory back
 */
void buffer_clear(Buffer *buffer)
{
        free(buffer->data);
        *buffer = (Buffer){ 0 };
}

/**
 * buffer_reserve() - make room for @size bytes at data + end
 *
 * Return: 0 or -ENOMEM.
 */
int buffer_reserve(Buffer *buffer, size_t size)
{
        if (buffer->start > 0 && (buffer->start == buffer->end || buffer->capacity - buffer->end < size)) {
                memmove(buffer->data, buffer->data + buffer->start, buffer_size(buffer));
                buffer->end -= buffer->start;
                buffer->start = 0;
        }
        if (buffer->capacity - buffer->end < size) {
                size_t capacity = buffer->capacity * 2 > buffer->end + size ? buffer->capacity * 2 : buffer->end + size;
                char *data = realloc(buffer->data, capacity);

                if (!data)
                        return -ENOMEM;
                buffer->data = data;
                buffer->capacity = capacity;
        }
        return 0;
}

/**
 * buffer_append() - put bytes at the end
 *
 * Return: 0, or -ENOMEM and it is as it was.
 */
int buffer_append(Buffer *buffer, const char *data, size_t size)
{
        int r = buffer_reserve(buffer, size);

        if (r < 0)
                return r;
        memcpy(buffer->data + buffer->end, data, size);
        buffer->end += size;
        return 0;
}

/**
 * buffer_consume() - drop bytes at the beginning; a large one that is empty gives its memory back
 */
void buffer_consume(Buffer *buffer, size_t size)
{
        buffer->start += size;
        if (buffer->start == buffer->end && buffer->capacity > BUFFER_KEEP)
                buffer_clear(buffer);
}
