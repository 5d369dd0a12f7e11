/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Stamp: the timestamps that log files are written with. Shared by the files of this folder only. */

#include <stddef.h>

#include "util/clock.h"

size_t stamp_read(const char *text, size_t size, EventTime now, EventTime *ret_time);
size_t stamp_read_access(const char *text, size_t size, EventTime *ret_time);
void stamp_zone_changed(void);
