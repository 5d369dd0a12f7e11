/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The only file that reads clocks and converts between them.
 *
 * Decisions run on event time, so that reading a line again after a crash gives
 * the same answer. Timers run on CLOCK_BOOTTIME, so that a clock step neither
 * fires them all nor puts them off for ever; whoever waits for an event time
 * asks clock_boot_at() again after a step (timerfd's TFD_TIMER_CANCEL_ON_SET
 * tells daemon.c).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"

static int64_t clock_usec(clockid_t id)
{
        struct timespec now;

        clock_gettime(id, &now);
        return (int64_t) now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

/**
 * clock_event_now() - the present as an event time
 */
EventTime clock_event_now(void)
{
        return (EventTime){ clock_usec(CLOCK_REALTIME) };
}

/**
 * clock_boot_now() - the present for timers
 */
BootTime clock_boot_now(void)
{
        return (BootTime){ (uint64_t) clock_usec(CLOCK_BOOTTIME) };
}

/**
 * clock_boot_at() - when a timer for @time is due, as the clocks stand now
 *
 * Return: now for a time that has passed, UINT64_MAX for EVENT_TIME_FOREVER.
 */
BootTime clock_boot_at(EventTime time)
{
        BootTime boot = clock_boot_now();
        int64_t left;

        if (time.usec == INT64_MAX)
                return (BootTime){ UINT64_MAX };
        left = time.usec - clock_event_now().usec;
        if (left > 0)
                boot.usec += (uint64_t) left;
        return boot;
}

/**
 * event_time_add() - @time plus @seconds, stopping short of FOREVER
 * @seconds:    not negative but for DURATION_FOREVER, which gives EVENT_TIME_FOREVER
 */
EventTime event_time_add(EventTime time, int64_t seconds)
{
        int64_t usec;

        if (time.usec == INT64_MAX || seconds == DURATION_FOREVER)
                return EVENT_TIME_FOREVER;
        if (__builtin_mul_overflow(seconds, USEC_PER_SEC, &usec) ||
            __builtin_add_overflow(time.usec, usec, &usec) || usec == INT64_MAX)
                return (EventTime){ INT64_MAX - 1 };
        return (EventTime){ usec };
}

/**
 * event_time_ago() - @seconds before @time
 * @seconds:    0..DURATION_MAX_SEC
 */
EventTime event_time_ago(EventTime time, int64_t seconds)
{
        return (EventTime){ time.usec - seconds * USEC_PER_SEC };
}

static char *put_digits(char *p, int number, int n)
{
        for (int i = n; i-- > 0; number /= 10)
                p[i] = (char) ('0' + number % 10);
        return p + n;
}

/**
 * event_time_format() - RFC 3339 in UTC, to the second; "forever" for FOREVER
 */
const char *event_time_format(EventTime time, char buffer[static TIME_TEXT_MAX])
{
        time_t seconds = (time_t) (time.usec / USEC_PER_SEC);
        struct tm parts;

        if (time.usec == INT64_MAX || !gmtime_r(&seconds, &parts) || parts.tm_year < -1900 || parts.tm_year > 9999 - 1900) {
                strcpy(buffer, time.usec == INT64_MAX ? "forever" : "never");
                return buffer;
        }
        const int numbers[] = { parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec };
        char *p = buffer;

        /* strftime(3) takes ten times as long, and each ban is written with nine times. */
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                p = put_digits(p, numbers[i], i == 0 ? 4 : 2);
                *p++ = "--T::Z"[i];
        }
        *p = '\0';
        return buffer;
}

static int64_t unit_seconds(char unit)
{
        switch (unit) {
        case 's': return 1;
        case 'm': return 60;
        case 'h': return 3600;
        case 'd': return 86400;
        case 'w': return 7 * 86400;
        default: return 0;
        }
}

/**
 * duration_parse() - "10m", "1d12h", plain seconds, "forever" or "-1"
 * @text:               ended by NUL
 * @ret_seconds:        1 s to ten years, or DURATION_FOREVER
 *
 * Return: 0, -EINVAL if it is no duration, -ERANGE if it is out of bounds.
 */
int duration_parse(const char *text, int64_t *ret_seconds)
{
        int64_t total = 0;

        if (strcmp(text, "forever") == 0 || strcmp(text, "-1") == 0) {
                *ret_seconds = DURATION_FOREVER;
                return 0;
        }
        if (!*text)
                return -EINVAL;
        for (const char *p = text; *p;) {
                int64_t value = 0, unit = 1;

                if (*p < '0' || *p > '9')
                        return -EINVAL;
                for (; *p >= '0' && *p <= '9'; p++)
                        if (value < INT64_C(1000000000000))
                                value = value * 10 + (*p - '0');
                if (*p && (unit = unit_seconds(*p++)) == 0)
                        return -EINVAL;
                if (!*p && p[-1] >= '0' && p[-1] <= '9' && total > 0)
                        return -EINVAL; /* "1h30": minutes or seconds? */
                if (value > DURATION_MAX_SEC / unit + 1)
                        return -ERANGE;
                total += value * unit;
                if (total > DURATION_MAX_SEC)
                        return -ERANGE;
        }
        if (total < 1)
                return -ERANGE;
        *ret_seconds = total;
        return 0;
}

/**
 * duration_format() - the shortest text that duration_parse() reads back
 */
const char *duration_format(int64_t seconds, char buffer[static DURATION_TEXT_MAX])
{
        static const struct {
                char unit;
                int64_t seconds;
        } units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
        size_t used = 0;

        if (seconds < 0) {
                strcpy(buffer, "forever");
                return buffer;
        }
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
                int64_t n = seconds / units[i].seconds;

                seconds %= units[i].seconds;
                if (n > 0 || (used == 0 && units[i].unit == 's'))
                        used += (size_t) snprintf(buffer + used, DURATION_TEXT_MAX - used, "%lld%c",
                                                  (long long) n, units[i].unit);
        }
        return buffer;
}
