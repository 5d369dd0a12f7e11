/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the two services have in common. An answer is bytes of an outsider: a
 * service that is ill, a proxy with a page of its own, a connection that broke
 * in the middle. So a JSON parser has the first word, and where it fails the
 * bytes are searched as they are: half an answer still says that the report
 * arrived, and counts.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "courier/answer.h"
#include "util/text.h"

#define NUMBER_MAX INT64_C(99999999999) /* an epoch of the year 5138 */
#define EXCERPT_MAX 1024                /* bytes that are looked at for a text */
#define ERRORS_STEP 64

/* ---- headers ---- */

/* Digits alone; a date, or what is no number at all, is unknown. */
static int64_t number_read(const char *text, size_t size)
{
        int64_t number = 0;

        if (size == 0)
                return -1;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                number = number * 10 + (text[i] - '0');
                if (number > NUMBER_MAX)
                        return -1;
        }
        return number;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/**
 * answer_header() - take a line of the headers
 * @line:       whole, not ended by NUL. A status line begins anew: what a proxy or a 100 said before does not count.
 */
void answer_header(Answer *answer, const char *line, size_t size)
{
        struct {
                const char *name;
                int64_t *value;
        } const known[] = {
                { "X-RateLimit-Limit", &answer->limit },
                { "X-RateLimit-Remaining", &answer->remaining },
                { "X-RateLimit-Reset", &answer->reset },
                { "Retry-After", &answer->retry_after },
        };
        const char *colon = memchr(line, ':', size);

        if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                answer->limit = answer->remaining = answer->reset = answer->retry_after = -1;
                answer->retry_header = false;
                return;
        }
        if (!colon)
                return;
        size_t length = (size_t) (colon - line);
        const char *value = colon + 1, *end = line + size;
        while (value < end && is_blank(*value))
                value++;
        while (end > value && is_blank(end[-1]))
                end--;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (strlen(known[i].name) == length && strncasecmp(known[i].name, line, length) == 0) {
                        *known[i].value = number_read(value, (size_t) (end - value));
                        answer->retry_header |= known[i].value == &answer->retry_after;
                }
}

/* ---- the body ---- */

/**
 * answer_holds() - whether the body has a text in it, be it JSON or not
 */
bool answer_holds(const Answer *answer, const char *text)
{
        return answer->size > 0 && memmem(answer->body, answer->size, text, strlen(text));
}

/**
 * answer_json() - the body, if it is one whole JSON object
 *
 * Return: for json_decref(); NULL if it is not.
 */
json_t *answer_json(const Answer *answer)
{
        json_t *json = answer->size > 0 ? json_loadb(answer->body, answer->size, 0, NULL) : NULL;

        if (json && !json_is_object(json)) {
                json_decref(json);
                return NULL;
        }
        return json;
}

/**
 * answer_has_data() - whether the body is what both services answer when they have accepted: {"data":{...}}
 * @json:       of answer_json(). NULL: it is cut off or broken; its beginning decides
 */
bool answer_has_data(const Answer *answer, const json_t *json)
{
        static const char *const tokens[] = { "{", "\"data\"", ":", "{" };
        size_t at = 0;

        if (json)
                return json_is_object(json_object_get(json, "data"));
        for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
                size_t length = strlen(tokens[i]);

                while (at < answer->size && is_blank(answer->body[at]))
                        at++;
                if (answer->size - at < length || memcmp(answer->body + at, tokens[i], length) != 0)
                        return false;
                at += length;
        }
        return true;
}

/* Of a page what stands in its title, if it has one. */
static void find_title(const char **text, size_t *size)
{
        for (size_t i = 0; i + 7 <= *size; i++)
                if (strncasecmp(*text + i, "<title>", 7) == 0) {
                        const char *title = *text + i + 7, *end = memchr(title, '<', *size - i - 7);

                        *size = end ? (size_t) (end - title) : *size - i - 7;
                        *text = title;
                        return;
                }
}

/* White space of any kind and length becomes one blank. */
static void text_take(const char *from, size_t size, char *text, size_t text_size)
{
        char excerpt[EXCERPT_MAX];
        size_t n = 0;

        for (size_t i = 0; i < size && n < sizeof excerpt; i++) {
                if (!is_blank(from[i]))
                        excerpt[n++] = from[i];
                else if (n > 0 && excerpt[n - 1] != ' ')
                        excerpt[n++] = ' ';
        }
        while (n > 0 && excerpt[n - 1] == ' ')
                n--;
        text_printable(excerpt, n, text, text_size);
}

/**
 * answer_text() - what the service said, for people
 * @said:       a string out of its JSON; anything else: the body itself is shown, or the transport's error
 */
void answer_text(const Answer *answer, const json_t *said, char text[static ANSWER_TEXT_MAX])
{
        const char *from = answer->body;
        size_t size = answer->size;

        if (json_is_string(said)) {
                from = json_string_value(said);
                size = json_string_length(said);
        } else if (size == 0 || answer->status == 0) {
                from = answer->error;
                size = strlen(from);
        } else {
                find_title(&from, &size);
        }
        text_take(from, size, text, ANSWER_TEXT_MAX);
}

/* ---- outcomes ---- */

/**
 * answer_begin() - a settlement with what an answer says in any case
 */
void answer_begin(const Answer *answer, Settlement *ret_settlement)
{
        *ret_settlement = SETTLEMENT_NULL;
        ret_settlement->outcome = OUTCOME_UNCERTAIN;
        ret_settlement->status = answer->status;
        ret_settlement->limit = answer->limit;
        ret_settlement->remaining = answer->remaining;
        ret_settlement->reset = answer->reset;
        ret_settlement->retry_after = answer->retry_after;
}

/**
 * answer_without_service() - what a status means that says the same of every service
 *
 * Return: whether it is one: no answer, one that is none, or a failure of the server or of something before it.
 */
bool answer_without_service(const Answer *answer, OutboxOutcome *ret_outcome)
{
        switch (answer->status) {
        case 0: *ret_outcome = answer->sent ? OUTCOME_UNCERTAIN : OUTCOME_FAILED; return true;
        case 200 ... 299: return false;
        case 408: /* the request did not come in whole */
        case 424:
        case 425: /* not looked at */
                *ret_outcome = OUTCOME_FAILED;
                return true;
        case 400 ... 407:
        case 409 ... 423:
        case 426 ... 499: return false;
        case 502: /* nobody behind the gateway, overloaded, or no way from it to the server: of 52x Cloudflare's */
        case 503:
        case 521:
        case 522:
        case 523:
        case 525:
        case 526:
        case 530: *ret_outcome = OUTCOME_FAILED; return true;
        default: *ret_outcome = OUTCOME_UNCERTAIN; return true;
        }
}

/* ---- settlements ---- */

/**
 * settlement_add_error() - one row of a bulk was not accepted
 * @text:       why; not ended by NUL
 *
 * Return: 0 or -ENOMEM.
 */
int settlement_add_error(Settlement *settlement, int64_t report, const char *text, size_t size)
{
        if (settlement->n_errors % ERRORS_STEP == 0) {
                RowError *errors = reallocarray(settlement->errors, settlement->n_errors + ERRORS_STEP, sizeof *errors);

                if (!errors)
                        return -ENOMEM;
                settlement->errors = errors;
        }
        RowError *error = &settlement->errors[settlement->n_errors++];
        error->report = report;
        text_take(text, size, error->text, sizeof error->text);
        return 0;
}

static void put_number(json_t *json, const char *name, int64_t number)
{
        if (number >= 0)
                json_object_set_new(json, name, json_integer(number));
}

/**
 * settlement_json() - the parameters of Settle
 *
 * Return: for json_decref(); NULL if memory is short.
 */
json_t *settlement_json(const Settlement *settlement)
{
        json_t *json = json_pack("{s:I, s:s}", "claim", (json_int_t) settlement->claim, "outcome", outbox_outcome_name(settlement->outcome));

        if (!json)
                return NULL;
        put_number(json, "status", settlement->status > 0 ? (int64_t) settlement->status : -1);
        put_number(json, "score", settlement->score);
        put_number(json, "limit", settlement->limit);
        put_number(json, "remaining", settlement->remaining);
        put_number(json, "retry_after", settlement->retry_after);
        put_number(json, "reset", settlement->reset);
        if (*settlement->text)
                json_object_set_new(json, "text", json_string(settlement->text));
        if (*settlement->comment_id)
                json_object_set_new(json, "comment_id", json_string(settlement->comment_id));
        if (settlement->n_errors > 0) {
                json_t *errors = json_array();

                for (size_t i = 0; i < settlement->n_errors; i++)
                        json_array_append_new(errors, json_pack("{s:I, s:s}", "report", (json_int_t) settlement->errors[i].report,
                                                                "error", settlement->errors[i].text));
                /* Without its rows a bulk would pass as accepted whole. */
                if (json_array_size(errors) != settlement->n_errors || json_object_set(json, "errors", errors) < 0) {
                        json_decref(errors);
                        json_decref(json);
                        return NULL;
                }
                json_decref(errors);
        }
        return json;
}

/**
 * settlement_clear() - be done with it
 */
void settlement_clear(Settlement *settlement)
{
        free(settlement->errors);
        *settlement = SETTLEMENT_NULL;
}
