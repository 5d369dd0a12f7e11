/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* LogLine: a line of a log file taken apart into time, program and message. Part of the stage `source`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/date.h"
#include "util/problem.h"
#include "util/zone.h"

#define LOGLINE_HEAD_MAX 4096   /* header and stamp are sought in so many bytes of a line */
#define LOGLINE_MAX (LINE_LENGTH_MAX + LOGLINE_HEAD_MAX + 1) /* a longer line is cut here; without its header it is still too long */
#define LOGLINE_IDENT_MAX 64    /* with its NUL; a longer name is no ident */

#define LOGLINE_STAMP_MAX 40    /* a longer stamp is read each time */
#define LOGLINE_HEADER_MAX 64   /* and a longer header */
#define LOGLINE_LEAD_MAX 104    /* and both together */

/**
 * What a file's lines have in common, learnt from those before: the form of the stamp is tried first that the last
 * line had, and under a flood it is the same stamp again, and the same program. Zero is a file that nothing is known of.
 */
typedef struct LogLineMemory {
        unsigned char form;     /* 0: none yet */
        unsigned char size;     /* of the last stamp, 0: none */
        bool zoned;
        char text[LOGLINE_STAMP_MAX];
        EventTime time, now;    /* what it meant, and when it was read */
        const Zone *zone;
        unsigned char header_size, host_size; /* of the last "host ident[" and "host "; 0: none */
        char header[LOGLINE_HEADER_MAX];
        unsigned char lead_size; /* of the last stamp with the last header behind it; 0: they are not of one line */
        char lead[LOGLINE_LEAD_MAX];
} LogLineMemory;

typedef struct LogLineOptions {
        /* When the line is read. Gives the year to stamps without one: the latest that is not more than a day ahead. */
        EventTime now;
        const Zone *zone;       /* of stamps that name none; NULL: the host's (TZ, /etc/localtime) */
        const DateFormats *dates; /* tried before detection; NULL: none */
        LogLineMemory *memory;  /* NULL: every line is a stranger */
} LogLineOptions;

typedef struct LogLine {
        EventTime time;         /* EVENT_TIME_NONE: it has no timestamp, or one before 1970 */
        const char *text;       /* the message; points into the line, not ended by NUL, and reaches to the line's end */
        size_t length;
        char ident[LOGLINE_IDENT_MAX]; /* program name, "" if none; forgeable */
        int64_t pid;            /* as the line itself claims, -1 if it does not */
        bool syslog;            /* it had a syslog header: host and ident[pid]: */
        bool zoned;             /* its timestamp names its zone, or counts from 1970 */
} LogLine;

void logline_parse(const LogLineOptions *options, const char *text, size_t size,
                   bool (*is_ident)(void *userdata, const char *ident), void *userdata, LogLine *ret_line);
size_t logline_stamp(const LogLineOptions *options, const char *text, size_t size, EventTime *ret_time, bool *ret_zoned);
const char *logline_transport(bool *error_log, const LogLine *parts, const char *text, size_t size);
bool logline_zone_changed(void);

#define STAMP_TRUST_TEXT_MAX 192

/**
 * Which time a line of a file gets (design.md, section 7): its stamp, unless that lies more than 60 s from its arrival and
 * the line is not back-fill. Kept per file; zero at first.
 */
typedef struct StampTrust {
        int64_t skew;           /* seconds that stamps are ahead of arrival, while they are not believed; 0 */
        EventTime last;         /* the time of the latest line */
        unsigned lines;         /* in a row that had about this skew */
} StampTrust;

EventTime stamp_trust(StampTrust *trust, EventTime stamp, EventTime arrival, bool back_fill);
bool stamp_trust_is_off(const StampTrust *trust);
const char *stamp_trust_text(const StampTrust *trust, const Zone *zone, bool zoned, EventTime arrival,
                             char buffer[static STAMP_TRUST_TEXT_MAX]);
