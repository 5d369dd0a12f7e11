/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* LogLine: a line of a log file taken apart into time, program and message. Part of the stage `source`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/clock.h"

#define LOGLINE_HEAD_MAX 4096   /* header and stamp are sought in so many bytes of a line */
#define LOGLINE_IDENT_MAX 64    /* with its NUL; a longer name is no ident */

typedef struct LogLineOptions {
        /* When the line is read. Gives the year to stamps without one: the latest that is not more than a day ahead. */
        EventTime now;
} LogLineOptions;

typedef struct LogLine {
        EventTime time;         /* EVENT_TIME_NONE: it has no timestamp, or one before 1970 */
        const char *text;       /* the message; points into the line, not ended by NUL, and reaches to the line's end */
        size_t length;
        char ident[LOGLINE_IDENT_MAX]; /* program name, "" if none; forgeable */
        int64_t pid;            /* as the line itself claims, -1 if it does not */
        bool syslog;            /* it had a syslog header: host and ident[pid]: */
} LogLine;

void logline_parse(const LogLineOptions *options, const char *text, size_t size,
                   bool (*is_ident)(void *userdata, const char *ident), void *userdata, LogLine *ret_line);
void logline_zone_changed(void);
