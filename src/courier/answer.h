/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Answer: what came back from a service. Settlement: what that means. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "courier/work.h"

#define ANSWER_TEXT_MAX 301     /* with its NUL */
#define ANSWER_ROW_TEXT_MAX 121
#define ANSWER_ID_MAX 128

/**
 * Bytes as they came, of a server that may mean harm; the numbers are -1 where their header is missing or no number.
 */
typedef struct Answer {
        unsigned status;        /* of the last answer; 0: there was none */
        bool sent;              /* the request went out whole, or nobody knows */
        bool retry_header;      /* there was a Retry-After, whatever it said */
        int64_t limit, remaining, reset, retry_after;
        const char *body;       /* what came of it; not ended by NUL */
        size_t size;
        const char *error;      /* of the transport, where there was one; else "" */
} Answer;

#define ANSWER_NULL ((Answer){ .limit = -1, .remaining = -1, .reset = -1, .retry_after = -1, .body = "", .error = "" })

typedef struct RowError {
        int64_t report;
        char text[ANSWER_ROW_TEXT_MAX];
} RowError;

/**
 * All texts are printable. settlement_clear() ends it.
 */
typedef struct Settlement {
        int64_t claim;
        OutboxOutcome outcome;
        unsigned status;        /* 0: none */
        int64_t score, limit, remaining, retry_after, reset; /* -1: unknown */
        char text[ANSWER_TEXT_MAX];
        char comment_id[ANSWER_ID_MAX];
        RowError *errors;       /* of a bulk */
        size_t n_errors;
} Settlement;

#define SETTLEMENT_NULL ((Settlement){ .score = -1, .limit = -1, .remaining = -1, .retry_after = -1, .reset = -1 })

void answer_header(Answer *answer, const char *line, size_t size);
bool answer_holds(const Answer *answer, const char *text);
json_t *answer_json(const Answer *answer);
bool answer_has_data(const Answer *answer, const json_t *json);
void answer_text(const Answer *answer, const json_t *said, char text[static ANSWER_TEXT_MAX]);
void answer_begin(const Answer *answer, Settlement *ret_settlement);
bool answer_without_service(const Answer *answer, OutboxOutcome *ret_outcome);

int settlement_add_error(Settlement *settlement, int64_t report, const char *text, size_t size);
json_t *settlement_json(const Settlement *settlement);
void settlement_clear(Settlement *settlement);
