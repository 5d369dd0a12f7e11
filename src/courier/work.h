/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Work: what bailiffd gives to be sent, as Claim answers it. */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "outbox.h"
#include "util/addr.h"
#include "util/cleanup.h"
#include "util/problem.h"

typedef struct WorkItem {
        int64_t report;
        Addr addr;              /* single */
        const char *categories, *comment, *time, *verdict, *comment_id; /* "" where there is none */
} WorkItem;

/**
 * One claim; all zero: none. work_clear() ends it; texts live in `json`.
 */
typedef struct Work {
        int64_t claim;
        OutboxWork kind;
        WorkItem *items;        /* exactly one, but for a bulk */
        size_t n_items;
        json_t *json;
} Work;

int work_read(const json_t *parameters, Work *ret_work, Problem *problem);
void work_clear(Work *work);
