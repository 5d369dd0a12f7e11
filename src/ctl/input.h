/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the lines of `test` and `plan` come from. */

#include "ctl/ctl.h"
#include "source.h"

/**
 * Who takes the lines. A negative errno ends the reading, and is told.
 */
typedef struct LineSink {
        int (*text)(void *userdata, const char *text, size_t size); /* a line of a file */
        int (*entry)(void *userdata, const Line *line);             /* an entry of the journal */
        void *userdata;
} LineSink;

int input_file(const LineSink *sink, const char *path);
int input_journal(const LineSink *sink, const JournalConfig *config);
