/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AbuseIPDB's own kind of CSV, for bulk-report. */

#include "courier/work.h"

#define CSV_MAX (2 * 1000 * 1000) /* bytes; the service takes less than 2 MB */

int csv_write(const WorkItem *items, size_t n_items, size_t max, char **ret_text, size_t *ret_size, size_t *ret_n);
