/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files of time zones: refused with words, or a zone that has an answer for every moment. What is no TZif file is taken for
 * a zone's name, as a rule.
 */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/zone.h"

#define DAY INT64_C(86400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int64_t moments[] = { -62167219200, -5000000000, -1,         0,           1,           951782400,
                                           1774746000,   1795478716,  4102444800, 16725225600, 29348006400, 253402300799 };
        _cleanup_(zone_freep) Zone *zone = NULL;
        Problem problem = { "" };
        int r;

        setenv("TZDIR", "/nonexistent", 1);
        if (size >= 4 && memcmp(data, "TZif", 4) == 0) {
                r = zone_read("fuzz", (const char *) data, size, &zone, &problem);
        } else {
                _cleanup_free_ char *name = malloc(size + 1);

                assert(name);
                memcpy(name, data, size);
                name[size] = '\0';
                r = zone_load(name, &zone, &problem);
        }
        assert((r < 0) == (zone == NULL) && (r < 0) == (*problem.text != '\0'));
        for (size_t i = 0; zone && i < sizeof moments / sizeof *moments; i++)
                for (int64_t near = -2 * DAY; near <= 2 * DAY; near += DAY / 4) {
                        int64_t civil = moments[i] + near, utc = zone_to_utc(zone, civil, moments[i]);

                        assert(utc > civil - DAY && utc < civil + DAY);
                        /* Asked again, with what was kept, it is the same. */
                        assert(zone_to_utc(zone, civil, moments[i]) == utc);
                        assert(llabs(zone_offset(zone, utc)) < DAY);
                }
        return 0;
}
