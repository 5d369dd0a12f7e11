/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Copies: the same message, seen in more than one source, counts once. Part of the stage `source`. */

#include "pipeline.h"
#include "util/cleanup.h"

#define COPIES_SECONDS 2        /* between the times that two sources give one message */
#define COPIES_SOURCES_MAX 8    /* that are told apart of one message: the journal and files; a further file is taken for the last */
#define COPIES_MAX 65536        /* messages remembered */

typedef struct Copies Copies;

int copies_new(size_t max, Copies **ret_copies);
Copies *copies_free(Copies *copies);
DEFINE_CLEANUP(Copies *, copies_free)

bool copies_seen(Copies *copies, const char *reader, const Line *line);
void copies_retract(Copies *copies);
uint64_t copies_dropped(const Copies *copies);
