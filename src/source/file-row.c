/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What an earlier run has kept of paths: rows.
 *
 * There may be thousands, so they are found by their names. A path that is read in another way than before has another name,
 * and takes the row over that it had before: so they are found by their paths as well.
 */

#include <errno.h>
#include <string.h>

#include "source/file-private.h"

#define PREFIX "file:"
#define ROWS_MAX 16384          /* then the one that was kept first gives way */
#define READING_SIZE 9          /* "|" and the hash of how the file is read */

/**
 * file_row_name() - what the row of a path is called
 *
 * Return: to be freed; NULL: out of memory.
 */
char *file_row_name(const char *path, uint32_t reading)
{
        char *name;

        return (reading ? asprintf(&name, PREFIX "%s|%08x", path, reading) : asprintf(&name, PREFIX "%s", path)) < 0 ? NULL : name;
}

/* The length of the path in a row's name, which may end with a reading. */
static size_t path_length(const char *path)
{
        size_t length = strlen(path);

        return length > READING_SIZE && path[length - READING_SIZE] == '|' ? length - READING_SIZE : length;
}

static void row_free(FileRow *row)
{
        free(row->name);
        free(row->position);
        free(row->marks);
        free(row);
}

/**
 * file_row_drop() - a row is not needed any more
 */
void file_row_drop(FileSource *source, FileRow *row)
{
        FileRow *found;

        HASH_DEL(source->rows, row);
        HASH_FIND(hh_path, source->rows_by_path, row->path, row->path_length, found);
        if (found == row)
                HASH_DELETE(hh_path, source->rows_by_path, row);
        row_free(row);
}

/**
 * file_row_add() - keep a row; one of that name gives way to it
 * @position:   one that is damaged is none
 *
 * Return: 0 or -ENOMEM.
 */
int file_row_add(FileSource *source, const char *name, const char *position)
{
        FileRow *row = calloc(1, sizeof *row), *found;
        int r;

        if (!row)
                return -ENOMEM;
        row->name = strdup(name);
        row->position = strdup(position);
        r = row->name && row->position ? file_marks_parse(position, &row->marks, &row->n_marks) : -ENOMEM;
        if (r < 0) {
                row_free(row);
                return r == -EINVAL ? 0 : r;
        }
        HASH_FIND_STR(source->rows, name, found);
        if (found)
                file_row_drop(source, found);
        row->path = row->name + strlen(PREFIX);
        row->path_length = path_length(row->path);
        HASH_ADD_KEYPTR(hh, source->rows, row->name, strlen(row->name), row);
        HASH_FIND(hh_path, source->rows_by_path, row->path, row->path_length, found);
        if (!found)
                HASH_ADD_KEYPTR(hh_path, source->rows_by_path, row->path, row->path_length, row);
        return 0;
}

/**
 * file_row_park() - keep the place of a file that is not read for now
 *
 * Return: 0 or -errno.
 */
int file_row_park(FileSource *source, const char *name, const char *position)
{
        FileRow *row, *next;
        int r = file_row_add(source, name, position);

        if (r < 0)
                return r;
        HASH_FIND_STR(source->rows, name, row);
        if (!row)
                return -EINVAL;
        row->moved = true;
        if (HASH_COUNT(source->rows) <= ROWS_MAX)
                return 0;
        HASH_ITER(hh, source->rows, row, next)
                if (!row->used) {
                        file_forget(source, row->name);
                        file_row_drop(source, row);
                        return 0;
                }
        return 0;
}

/**
 * file_row_find() - a path's own row, or that of the path when it was read in another way; NULL: there is none
 */
FileRow *file_row_find(const FilePath *path)
{
        FileRow *row;

        HASH_FIND_STR(path->source->rows, path->name, row);
        if (!row)
                HASH_FIND(hh_path, path->source->rows_by_path, path->path, strlen(path->path), row);
        return row;
}

/**
 * file_row_is_kept() - whether a file that a pattern matches was read by an earlier run, and not yet by this one
 */
bool file_row_is_kept(const FileSource *source, const FilePattern *pattern, const char *path)
{
        uint32_t reading = source->readings[source->watch_reading[pattern->watch]].hash;
        _cleanup_free_ char *name = file_row_name(path, reading);
        FileRow *row = NULL;

        if (name)
                HASH_FIND_STR(source->rows, name, row);
        return row && !row->used && row->n_marks > 0;
}

/**
 * file_rows_free() - forget all rows
 */
void file_rows_free(FileSource *source)
{
        FileRow *row, *next;

        HASH_CLEAR(hh_path, source->rows_by_path);
        HASH_ITER(hh, source->rows, row, next) {
                HASH_DEL(source->rows, row);
                row_free(row);
        }
}
