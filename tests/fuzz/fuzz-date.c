/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * strptime directives: refused with words, or compiled; then whatever the line, what is read is a date.
 *
 * Input: directives up to a line break, as many lines as there are up to an empty one; then the text.
 */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const DateFormats *dates, const char *text, size_t size)
{
        DateParts parts = { .year = 4711 };
        char *copy = malloc(size ? size : 1); /* exactly as large, so that a read behind its end is seen */

        assert(copy);
        memcpy(copy, text, size);
        size_t taken = date_formats_match(dates, copy, size, &parts);
        assert(taken <= size);
        if (taken == 0)
                assert(parts.year == 4711);
        else if (parts.absolute)
                assert(parts.seconds >= 0 && parts.seconds <= DATE_EPOCH_MAX);
        else
                assert(parts.year >= -1 && parts.year <= DATE_YEAR_MAX &&
                       date_exists(parts.year < 0 ? 2000 : parts.year, parts.month, parts.day) && parts.seconds >= 0 &&
                       parts.seconds <= DATE_DAY);
        assert(taken == 0 || (parts.usec >= 0 && parts.usec < 1000000 && llabs(parts.offset) < DATE_DAY));
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *formats[DATE_FORMATS_MAX + 2] = { NULL };
        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        _cleanup_free_ char *input = malloc(size + 1);
        Problem problem = { "" };
        size_t n = 0;

        assert(input);
        memcpy(input, data, size);
        input[size] = '\0';
        char *text = input, *end = input + size;
        while (n <= DATE_FORMATS_MAX && text < end) {
                char *line = text, *stop = memchr(text, '\n', (size_t) (end - text));

                text = stop ? stop + 1 : end;
                if (stop)
                        *stop = '\0';
                if (!*line)
                        break;
                formats[n++] = line;
        }
        if (date_formats_compile(formats, &dates, &problem) < 0) {
                assert(*problem.text && !dates);
                return 0;
        }
        match(dates, text, (size_t) (end - text));
        /* The directives themselves are a text, too. */
        if (n > 0)
                match(dates, formats[0], strlen(formats[0]));
        return 0;
}
