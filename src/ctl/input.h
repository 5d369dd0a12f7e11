/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the lines of `test` and `plan` come from. */

#include "ctl/ctl.h"
#include "source.h"
#include "util/cleanup.h"

/**
 * Who takes the lines. A negative errno ends the reading, and is told.
 */
typedef struct LineSink {
        int (*text)(void *userdata, const char *text, size_t size); /* a line of a file */
        int (*entry)(void *userdata, const Line *line);             /* an entry of the journal */
        void *userdata;
} LineSink;

typedef struct InputFile InputFile;

int input_open(const char *path, const char *hint, InputFile **ret_file);
InputFile *input_close(InputFile *file);
DEFINE_CLEANUP(InputFile *, input_close)
int input_next(InputFile *file, const char **ret_text, size_t *ret_size);
EventTime input_mtime(const InputFile *file);
int input_file(const LineSink *sink, const char *path);
int input_journal(const LineSink *sink, const JournalConfig *config);
