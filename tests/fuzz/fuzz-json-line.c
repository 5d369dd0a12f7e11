/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A line that is a JSON object, whoever wrote it: a message fits its room and is the same with any room that holds it, bytes
 * behind its end change nothing, and whatever stands in a time is a time or none.
 *
 * Input: a byte for the names, one for the room, then the line.
 */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/json-line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const JsonLine *a, const JsonLine *b)
{
        return a->length == b->length && a->cut == b->cut && strcmp(a->time, b->time) == 0 && addr_equal(&a->address, &b->address) &&
               a->docker == b->docker && a->err == b->err && a->part == b->part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const JsonNames names[] = { { NULL, NULL, NULL }, { NULL, NULL, "ip" }, { "a.b", "a.t", "a.c.ip" }, { "log", "time", "a" } };
        const LogLineOptions options = { .now = { INT64_C(1795867200) * USEC_PER_SEC } };
        JsonLine line, again;

        if (size < 2)
                return 0;
        const JsonNames *wanted = &names[data[0] % 4];
        bool whole = !(data[0] & 4);
        size_t room = data[1];
        char *text = malloc(size - 1), *small = malloc(room ? room : 1), *large = malloc(size);

        assert(text && small && large);
        size -= 2;
        memcpy(text, data + 2, size);
        if (json_line_read(wanted, text, size, whole, large, size, &line)) {
                assert(line.length <= size && strlen(line.time) < JSON_TIME_MAX);
                assert(!line.cut || !whole);
                assert(!line.part || line.docker);
                assert(addr_is_valid(&line.address) ? addr_is_single(&line.address) : line.address.family == 0);
                EventTime time = json_line_time(&options, line.time);
                assert(time.usec >= 0);
                text[size] = '}';
                assert(json_line_read(wanted, text, size, whole, large, size, &again) && same(&line, &again));
        }
        if (json_line_read(wanted, text, size, whole, small, room, &again)) {
                assert(again.length <= room);
                assert(memcmp(small, large, again.length) == 0);
        }
        free(text);
        free(small);
        free(large);
        return 0;
}
