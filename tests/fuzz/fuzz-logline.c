/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A line of a log file taken apart, with every name and with none known; the parts lie inside the line. */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logline.h"

static bool all(void *userdata, const char *ident)
{
        (void) userdata;
        return strlen(ident) < LOGLINE_IDENT_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* Exactly as long as the line, so that a read behind its end is seen. */
        char *copy = malloc(size ? size : 1);

        assert(copy);
        memcpy(copy, data, size);
        for (int known = 0; known < 2; known++) {
                LogLineOptions options = { .now = { 1800000000 * USEC_PER_SEC } };
                LogLine line;

                logline_parse(&options, copy, size, known ? all : NULL, NULL, &line);
                assert(line.text >= copy && line.text + line.length == copy + size);
                assert(strlen(line.ident) < sizeof line.ident && line.pid >= -1);
                assert(line.syslog || !*line.ident);
        }
        free(copy);
        return 0;
}
