/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Inflight: remembers, over a crash, which line was being worked on. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

#define INFLIGHT_TEXT_MAX 4096
#define INFLIGHT_CRASHES_MAX 2 /* so many crashes on a line, and it is set aside */

typedef struct Inflight Inflight;

int inflight_open(const char *path, Inflight **ret_inflight);
Inflight *inflight_free(Inflight *inflight);
DEFINE_CLEANUP(Inflight *, inflight_free)

bool inflight_begin(Inflight *inflight, int64_t place, const char *text, size_t size);
void inflight_end(Inflight *inflight);
unsigned inflight_crashes(const Inflight *inflight);
