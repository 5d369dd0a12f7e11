/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Zone: the time zone of stamps that name none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/problem.h"

typedef struct Zone Zone;       /* rules of a place, or an offset */

#define ZONE_FILE_MAX (64 * 1024)

int zone_load(const char *name, Zone **ret_zone, Problem *problem);
Zone *zone_free(Zone *zone);
DEFINE_CLEANUP(Zone *, zone_free)
const Zone *zone_host(void);
bool zone_host_changed(void);
int64_t zone_to_utc(const Zone *zone, int64_t civil, int64_t now);
int64_t zone_offset(const Zone *zone, int64_t seconds);
int zone_read(const char *name, const char *data, size_t size, Zone **ret_zone, Problem *problem);
