/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * LogObject: a line of a log file that is a JSON object, as the message in it. Part of the stage `source`, the same for the
 * daemon and for `bailiffctl plan`.
 *
 * docker's json-file driver splits a message over 16 KiB into several objects: all
 * but the last lack the line break at the end of `log`, and all bear the time of
 * the first. Those of standard output and standard error stand mixed, so who reads
 * such a file keeps a LogSplit for each.
 */

#include "logline.h"
#include "util/addr.h"

#define LOGOBJECT_MAX 114688    /* a longer line is cut: 16 KiB may be escaped sixfold */
#define LOGOBJECT_BUFFER (ADDR_TEXT_MAX + LINE_LENGTH_MAX + LOGOBJECT_MAX) /* an address, earlier parts, what an object holds */

/**
 * Which members are wanted: "a.b" for one inside another. NULL: the usual names are sought, and no address.
 */
typedef struct JsonNames {
        const char *message, *time, *address;
} JsonNames;

/**
 * How the objects of a file are read.
 */
typedef struct LogObjectStyle {
        JsonNames names;
        LogLineOptions options;
        bool (*is_ident)(void *userdata, const char *ident); /* as for logline_parse() */
        void *userdata;
} LogObjectStyle;

/**
 * What a line that is an object holds, in the reader's buffer until the next one is read.
 */
typedef struct LogObject {
        LogLine parts;          /* its text begins behind the address, if one is wanted; its time is the object's, if that has one */
        char *text;             /* all of the message, behind ADDR_TEXT_MAX bytes of room */
        size_t length;
        bool cut;               /* its end is missing: it or its object is too long */
        EventTime time;         /* the object's; EVENT_TIME_NONE */
        Addr address;           /* ADDR_NULL: none is wanted, there is none, or it is no address literal */
        uint32_t print;         /* of a docker message's time; 0: it is not docker's */
        bool err;               /* docker's: written to standard error */
        bool part;              /* docker's: the message goes on in another object */
} LogObject;

bool logobject_read(const LogObjectStyle *style, const char *text, size_t size, char buffer[static LOGOBJECT_BUFFER], LogObject *ret_object);
bool logobject_address(const JsonNames *names, LogObject *object);
const char *logobject_transport(bool error_logs[static 2], const LogObject *object);

/* ---- messages in several objects ---- */

/**
 * The message of one of a container's streams that waits for its other parts, or that was given up. Zero: there is none.
 */
typedef struct LogSplit {
        char *text;             /* room for LOGLINE_MAX bytes; NULL: no part waits */
        size_t length;
        uint32_t print;         /* of its time */
        uint32_t cut;           /* print of a message that was handed out without its end: its other parts are passed over; 0: none */
        EventTime time;
} LogSplit;

typedef enum LogSplitStep {
        LOGSPLIT_WHOLE,         /* the object has all of its message now */
        LOGSPLIT_WAITS,         /* for further parts */
        LOGSPLIT_PASSED,        /* a part of a message that was handed out without its end: no line */
        LOGSPLIT_FULL,          /* the message is too long: logsplit_give_up() */
} LogSplitStep;

bool logsplit_is_stale(const LogSplit *split, const LogObject *object);
bool logsplit_append(LogSplit *split, const LogObject *object);
LogSplitStep logsplit_take(const LogObjectStyle *style, LogSplit *split, LogObject *object);
char *logsplit_give_up(const LogObjectStyle *style, LogSplit *split, LogLine *ret_parts);
void logsplit_drop(LogSplit *split);
