/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Writes files of time zones (RFC 8536), so that tests have zones where the host has none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TZIF_CHANGES_MAX 64
#define TZIF_SIZE 4096

typedef struct TzFile {
        char version;                   /* 0, '2', '3' */
        int32_t first;                  /* the offset before all changes */
        struct {
                int64_t at;
                int32_t offset;
        } changes[TZIF_CHANGES_MAX];
        size_t n;
        const char *footer;             /* "" or "CET-1CEST,M3.5.0,M10.5.0/3"; from version 2 on */
        unsigned leaps;
} TzFile;

static size_t tzif_number(unsigned char *p, int64_t number, size_t size)
{
        for (size_t i = 0; i < size; i++)
                p[i] = (unsigned char) ((uint64_t) number >> 8 * (size - 1 - i));
        return size;
}

/* A type for each change, and one before them. */
static size_t tzif_block(const TzFile *file, unsigned char *p, size_t time_size, bool empty)
{
        size_t n = empty ? 0 : file->n, used = 20;

        memset(p, 0, 20);
        memcpy(p, "TZif", 4);
        p[4] = (unsigned char) file->version;
        used += tzif_number(p + used, 0, 4);
        used += tzif_number(p + used, 0, 4);
        used += tzif_number(p + used, empty ? 0 : file->leaps, 4);
        used += tzif_number(p + used, (int64_t) n, 4);
        used += tzif_number(p + used, (int64_t) n + 1, 4);
        used += tzif_number(p + used, 4, 4);
        for (size_t i = 0; i < n; i++)
                used += tzif_number(p + used, file->changes[i].at, time_size);
        for (size_t i = 0; i < n; i++)
                p[used++] = (unsigned char) (i + 1);
        for (size_t i = 0; i <= n; i++) {
                used += tzif_number(p + used, i == 0 ? file->first : file->changes[i - 1].offset, 4);
                p[used++] = 0;
                p[used++] = 0;
        }
        memcpy(p + used, "XYZ", 4);
        used += 4;
        for (unsigned i = 0; i < (empty ? 0 : file->leaps); i++) {
                used += tzif_number(p + used, 78796800 + i, time_size);
                used += tzif_number(p + used, i + 1, 4);
        }
        return used;
}

static inline size_t tzif_make(const TzFile *file, unsigned char data[static TZIF_SIZE])
{
        size_t used = tzif_block(file, data, 4, file->version != 0);

        if (file->version == 0)
                return used;
        used += tzif_block(file, data + used, 8, false);
        return used + (size_t) sprintf((char *) data + used, "\n%s\n", file->footer);
}

static inline bool tzif_write(const TzFile *file, const char *directory, const char *name)
{
        unsigned char data[TZIF_SIZE];
        size_t size = tzif_make(file, data);
        char path[512];

        snprintf(path, sizeof path, "%s/%s", directory, name);
        FILE *stream = fopen(path, "we");
        bool written = stream && fwrite(data, 1, size, stream) == size;
        return stream && fclose(stream) == 0 && written;
}
