/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Whatever a service answers, there is one settlement; its texts are printable and short, its numbers are in range, the rows
 * that it names are those that were sent, each once, and what it says can be given to bailiffd. Done is only what was answered
 * by a service, and what surely failed was not.
 *
 * Input: "KIND STATUS", lines of headers, an empty line, and the body. KIND: a letter of report, bulk, clear, vote, Comment,
 * delete; a capital letter besides: the request had not gone.
 */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "courier/service.h"
#include "util/text.h"

#define ITEMS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static WorkItem items[ITEMS];

static Work work_of(char letter)
{
        static const char letters[_WORK_MAX + 1] = "rbcvod";
        const char *found = letter ? strchr(letters, letter | 0x20) : NULL;
        OutboxWork kind = found ? (OutboxWork) (found - letters) : WORK_REPORT;

        for (size_t i = 0; i < ITEMS; i++) {
                items[i] = (WorkItem){ .report = 100 + (int64_t) i, .categories = "18", .comment = "c", .time = "t", .verdict = "malicious",
                                       .comment_id = "i" };
                items[i].addr = addr_from_bytes(4, (const uint8_t[]){ 203, 0, 113, (uint8_t) (i < 4 ? i : 9) }); /* two are equal */
        }
        return (Work){ .claim = 7, .kind = kind, .items = items, .n_items = kind == WORK_BULK ? ITEMS : 1 };
}

static bool in_range(int64_t number)
{
        return number >= -1 && number <= INT64_C(99999999999);
}

static void check_errors(const Settlement *settlement, const Work *work, size_t n_sent)
{
        bool seen[ITEMS] = { false };

        assert(settlement->n_errors <= work->n_items);
        assert(settlement->n_errors == 0 || (work->kind == WORK_BULK && settlement->outcome == OUTCOME_DONE));
        for (size_t i = 0; i < settlement->n_errors; i++) {
                size_t at = (size_t) (settlement->errors[i].report - 100);

                assert(at < work->n_items && !seen[at]);
                seen[at] = true;
                assert(text_is_printable(settlement->errors[i].text) && strlen(settlement->errors[i].text) < ANSWER_ROW_TEXT_MAX);
        }
        if (work->kind == WORK_BULK && settlement->outcome == OUTCOME_DONE)
                for (size_t i = n_sent; i < work->n_items; i++)
                        assert(seen[i]);
}

static void check_settlement(const Settlement *settlement, const Answer *answer, const Work *work, size_t n_sent)
{
        json_auto_t *json = settlement_json(settlement);
        char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

        assert(text);
        free(text);
        assert(settlement->claim == 7 && settlement->status == answer->status);
        assert(text_is_printable(settlement->text) && strlen(settlement->text) < ANSWER_TEXT_MAX);
        assert(strspn(settlement->comment_id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:._-") ==
               strlen(settlement->comment_id));
        assert(strlen(settlement->comment_id) < ANSWER_ID_MAX);
        assert(settlement->score >= -1 && settlement->score <= 100);
        assert(in_range(settlement->limit) && in_range(settlement->remaining) && in_range(settlement->reset) &&
               in_range(settlement->retry_after));
        if (settlement->outcome == OUTCOME_DONE)
                assert(answer->status >= 200 && answer->status < 500);
        if (settlement->outcome == OUTCOME_FAILED)
                assert(answer->status >= 400 || (answer->status == 0 && !answer->sent));
        if (answer->status >= 200 && answer->status < 300)
                assert(settlement->outcome == OUTCOME_DONE || settlement->outcome == OUTCOME_UNCERTAIN);
        check_errors(settlement, work, n_sent);
}

/* Return: what follows the line. */
static const char *take_line(const char *text, const char *end, const char **ret_line, size_t *ret_size)
{
        const char *newline = memchr(text, '\n', (size_t) (end - text));

        *ret_line = text;
        *ret_size = (size_t) ((newline ? newline : end) - text);
        return newline ? newline + 1 : end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *) data, *end = text + size, *line;
        Answer answer = ANSWER_NULL;
        size_t length;

        text = take_line(text, end, &line, &length);
        Work work = work_of(length > 0 ? line[0] : '\0');
        size_t n_sent = work.kind == WORK_BULK && length % 2 ? ITEMS - 1 : work.n_items;
        answer.sent = length > 0 && line[0] >= 'a';
        for (size_t i = 2; i < length && i < 5 && line[i] >= '0' && line[i] <= '9'; i++)
                answer.status = answer.status * 10 + (unsigned) (line[i] - '0');
        while (text < end) {
                text = take_line(text, end, &line, &length);
                if (length == 0)
                        break;
                answer_header(&answer, line, length);
        }
        answer.body = text;
        answer.size = (size_t) (end - text);
        answer.error = answer.status == 0 ? "it broke" : "";
        const Service *service = work.kind <= WORK_CLEAR ? &SERVICE_ABUSEIPDB : &SERVICE_VIRUSTOTAL;
        Settlement settlement;
        assert(service_settle(service, &work, n_sent, &answer, &settlement) == 0);
        check_settlement(&settlement, &answer, &work, n_sent);
        settlement_clear(&settlement);
        return 0;
}
