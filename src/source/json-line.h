/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* JsonLine: what is wanted of a line that is a JSON object. Shared by the files of this folder only; logobject.h is for others. */

#include <stdbool.h>
#include <stddef.h>

#include "logobject.h"
#include "util/addr.h"

#define JSON_NAME_MAX 128       /* of a member that is named, with its NUL */
#define JSON_TIME_MAX 64        /* text of a time, with its NUL; a longer one is none */

typedef struct JsonLine {
        size_t length;                  /* of the message in the caller's buffer */
        bool cut;                       /* it was longer than the buffer, or the object broke off */
        char time[JSON_TIME_MAX];       /* as it stands there; "" if there is none */
        Addr address;                   /* ADDR_NULL: there is none, or it is no address literal */
        bool docker;                    /* docker's json-file: `log`, and the stream that it was written to */
        bool err;                       /* ... which is standard error */
        bool part;                      /* ... and the message goes on in another object */
} JsonLine;

bool json_line_read(const JsonNames *names, const char *text, size_t size, bool whole, char *buffer, size_t room, JsonLine *ret_line);
EventTime json_line_time(const LogLineOptions *options, const char *time);
