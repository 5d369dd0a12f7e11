/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Two kinds of time that the compiler keeps apart, and durations. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MSEC INT64_C(1000)
#define DURATION_MAX_SEC (INT64_C(3653) * 86400) /* ten years */
#define DURATION_FOREVER INT64_C(-1)
#define TIME_TEXT_MAX 40
#define DURATION_TEXT_MAX 32

/**
 * When something happened: realtime microseconds, fixed when a line was first
 * read. The decision core and the store know no other time.
 */
typedef struct EventTime {
        int64_t usec;
} EventTime;

/**
 * When a timer is due: CLOCK_BOOTTIME microseconds.
 */
typedef struct BootTime {
        uint64_t usec;
} BootTime;

#define EVENT_TIME_NONE ((EventTime){ 0 })
#define EVENT_TIME_FOREVER ((EventTime){ INT64_MAX })

static inline bool event_time_before(EventTime a, EventTime b)
{
        return a.usec < b.usec;
}

static inline EventTime event_time_min(EventTime a, EventTime b)
{
        return a.usec < b.usec ? a : b;
}

static inline EventTime event_time_max(EventTime a, EventTime b)
{
        return a.usec > b.usec ? a : b;
}

EventTime event_time_add(EventTime time, int64_t seconds);
EventTime event_time_ago(EventTime time, int64_t seconds);
const char *event_time_format(EventTime time, char buffer[static TIME_TEXT_MAX]);

EventTime clock_event_now(void);
BootTime clock_boot_now(void);
BootTime clock_boot_at(EventTime time);

int duration_parse(const char *text, int64_t *ret_seconds);
const char *duration_format(int64_t seconds, char buffer[static DURATION_TEXT_MAX]);
