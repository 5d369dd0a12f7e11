/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The service's rules: a strict heading; a value with a comma is quoted; inside
 * a quoted value a quote has a backslash before it, and a backslash does not
 * escape itself. By that rule a backslash that stands before a quote, or at the
 * end of a value, cannot be written: it would swallow the end of the value, and
 * the rows behind it with it. A blank behind such a backslash keeps them apart,
 * and is right also for a reader that takes two backslashes for one.
 *
 * A line of the file is a row, so that `rowNumber` of an answer names an item
 * whether rows or lines are counted: line breaks in a comment become blanks.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "courier/csv.h"

static const char HEADING[] = "IP,Categories,ReportDate,Comment\n";

static void put_quoted(FILE *file, const char *text)
{
        putc('"', file);
        for (const char *p = text; *p; p++) {
                if (*p == '"')
                        fputs("\\\"", file);
                else if (*p == '\\' && (p[1] == '"' || p[1] == '\0'))
                        fputs("\\ ", file);
                else if ((unsigned char) *p < 0x20 || *p == 0x7f)
                        putc(' ', file);
                else
                        putc(*p, file);
        }
        putc('"', file);
}

/* Quoted only where it needs to be: one category and a date stand as they are. */
static void put_value(FILE *file, const char *text)
{
        if (text[strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:+-.")] == '\0')
                fputs(text, file);
        else
                put_quoted(file, text);
}

static int row_write(const WorkItem *item, char **ret_row, size_t *ret_size)
{
        char address[ADDR_TEXT_MAX];
        FILE *file = open_memstream(ret_row, ret_size);

        if (!file)
                return -ENOMEM;
        fprintf(file, "%s,", addr_format(&item->addr, address));
        put_value(file, item->categories);
        putc(',', file);
        put_value(file, item->time);
        putc(',', file);
        if (*item->comment)
                put_quoted(file, item->comment);
        putc('\n', file);
        return fclose(file) == 0 ? 0 : -ENOMEM;
}

/**
 * csv_write() - write items as a file for bulk-report
 * @max:        bytes; the last items are left out rather than that it gets longer
 * @ret_text:   for free(3)
 * @ret_n:      items that are in it, the first ones
 *
 * Return: 0 or -ENOMEM.
 */
int csv_write(const WorkItem *items, size_t n_items, size_t max, char **ret_text, size_t *ret_size, size_t *ret_n)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, used = sizeof HEADING - 1, n;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return -ENOMEM;
        fputs(HEADING, file);
        for (n = 0; n < n_items; n++) {
                _cleanup_free_ char *row = NULL;
                size_t row_size = 0;

                if (row_write(&items[n], &row, &row_size) < 0) {
                        fclose(file);
                        return -ENOMEM;
                }
                if (used + row_size > max)
                        break;
                fwrite(row, 1, row_size, file);
                used += row_size;
        }
        if (fclose(file) != 0)
                return -ENOMEM;
        *ret_text = steal(text);
        *ret_size = size;
        *ret_n = n;
        return 0;
}
