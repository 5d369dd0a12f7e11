/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Stamp: the timestamps that log files are written with. Shared by the files of this folder only. */

#include <stdbool.h>
#include <stddef.h>

#include "logline.h"

typedef struct Stamp {
        EventTime time;         /* EVENT_TIME_NONE: before 1970 */
        bool zoned;             /* it names its zone, or counts from 1970 */
} Stamp;

/* Whether what the last stamp meant is what it means now. */
static inline bool stamp_holds(const LogLineMemory *memory, const LogLineOptions *options)
{
        return memory->now.usec == options->now.usec && memory->zone == options->zone;
}

size_t stamp_read(const LogLineOptions *options, const char *text, size_t size, Stamp *ret_stamp);
size_t stamp_read_access(const char *text, size_t size, Stamp *ret_stamp);
