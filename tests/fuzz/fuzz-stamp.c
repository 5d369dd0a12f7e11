/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The timestamp at a line's beginning, whoever wrote it: what a file's lines had before must not change what is read, nor
 * does a zone change what a stamp with a zone says; and it counts with a time that is never later than its arrival.
 *
 * Input: a byte for the moment of reading, one for the zone, then the line.
 */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logline.h"

static const char *const names[] = { "UTC",
                                     "+14:00",
                                     "-12:00",
                                     "CET-1CEST,M3.5.0,M10.5.0/3",
                                     "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                                     "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1" };
#define N_ZONES (sizeof names / sizeof *names)

static Zone *zones[N_ZONES];
static DateFormats *dates;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        static const char *const formats[] = { "%d.%m.%Y %H:%M:%S,%f", "%a %B %e %I:%M:%S %p %Z %Y", "%y%j-%T%z", "%s.%f", NULL };

        (void) argc, (void) argv;
        for (size_t i = 0; i < N_ZONES; i++)
                assert(zone_load(names[i], &zones[i], NULL) == 0);
        assert(date_formats_compile(formats, &dates, NULL) == 0);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int64_t moments[] = {
                1795478716, 1798761600, 1772236800, 1806282000, 0, 253402300799, 4102444800, 946684800
        };

        if (size < 2)
                return 0;
        EventTime now = { moments[data[0] % 8] * USEC_PER_SEC };
        const Zone *zone = zones[data[1] % N_ZONES];
        char *text = malloc(size - 2 ? size - 2 : 1);

        assert(text);
        size -= 2;
        memcpy(text, data + 2, size);
        LogLineOptions options = { .now = now, .zone = zone, .dates = data[1] & 128 ? dates : NULL };
        EventTime time = { -1 }, again;
        bool zoned = false, zoned_again;
        size_t taken = logline_stamp(&options, text, size, &time, &zoned);

        assert(taken <= size && (taken > 0) == (time.usec >= 0));
        for (int form = 0; form < 256 && taken > 0; form++) {
                LogLineMemory memory = { (unsigned char) form };

                options.memory = &memory;
                again = EVENT_TIME_NONE;
                /* The second time it is the last line's stamp. */
                for (int n = 0; n < 2; n++)
                        assert(logline_stamp(&options, text, size, &again, &zoned_again) == taken && again.usec == time.usec &&
                               zoned_again == zoned);
        }
        options.memory = NULL;
        if (taken > 0 && zoned) {
                options.zone = zones[(data[1] + 1u) % N_ZONES];
                assert(logline_stamp(&options, text, size, &again, &zoned_again) == taken);
                /* A year that is not written is that of the present, which no zone changes here: the offset is written. */
                assert(again.usec == time.usec);
        }
        if (taken > 0) {
                StampTrust trust = { 0 };
                char words[STAMP_TRUST_TEXT_MAX];

                for (int turn = 0; turn < 4; turn++) {
                        EventTime counted = stamp_trust(&trust, time, now, turn == 3);
                        assert(counted.usec >= 0 && counted.usec <= now.usec);
                        stamp_trust_text(&trust, zone, zoned, now, words);
                }
        }
        free(text);
        return 0;
}
