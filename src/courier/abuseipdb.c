/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * AbuseIPDB, APIv2.
 *
 * Its 429 has two meanings. The window of an address (one report of it in
 * fifteen minutes) is known by its text, which older servers sent with other
 * statuses, and which comes as {"errors":[{"detail":...}]} or as the bare
 * object inside; so the text is sought in the body as it is. The day's quota is
 * known by its text or by Retry-After. Anything else is somebody's before it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "courier/csv.h"
#include "courier/service.h"

#define WINDOW_TEXT "once in 15 minutes"
#define QUOTA_TEXT "Daily rate limit of"
#define NOT_SENT "not sent"
#define SCORE_MAX 100

/* ---- requests ---- */

static void put_field(FILE *file, const char *name, const char *value)
{
        if (!*value)
                return;
        fprintf(file, "%s%s=", strcmp(name, "ip") == 0 ? "" : "&", name);
        request_put(file, value, "");
}

static int report_request(const WorkItem *item, const char *url, Request *request)
{
        char address[ADDR_TEXT_MAX];
        FILE *file = open_memstream(&request->body, &request->size);

        if (!file)
                return -ENOMEM;
        put_field(file, "ip", addr_format(&item->addr, address));
        put_field(file, "categories", item->categories);
        put_field(file, "timestamp", item->time);
        put_field(file, "comment", item->comment);
        if (fclose(file) != 0 || request_set_url(request, "%s/report", url) < 0)
                return -ENOMEM;
        request->method = "POST";
        request->type = "application/x-www-form-urlencoded";
        return 0;
}

static int clear_request(const WorkItem *item, const char *url, Request *request)
{
        char address[ADDR_TEXT_MAX];
        size_t size = 0;
        FILE *file = open_memstream(&request->url, &size);

        if (!file)
                return -ENOMEM;
        fprintf(file, "%s/clear-address?ipAddress=", url);
        request_put(file, addr_format(&item->addr, address), "");
        request->method = "DELETE";
        return fclose(file) == 0 ? 0 : -ENOMEM;
}

/* A line that stands nowhere in the file. */
static void choose_boundary(const char *csv, size_t size, char boundary[static 64])
{
        unsigned i = 0;

        do
                snprintf(boundary, 64, "----bailiff-report-%08u", i++);
        while (memmem(csv, size, boundary, strlen(boundary)));
}

static int bulk_request(const Work *work, const char *url, Request *request)
{
        _cleanup_free_ char *csv = NULL;
        char boundary[64];
        size_t size = 0;
        int r = csv_write(work->items, work->n_items, CSV_MAX, &csv, &size, &request->n_sent);

        if (r < 0)
                return r;
        choose_boundary(csv, size, boundary);
        FILE *file = open_memstream(&request->body, &request->size);
        if (!file)
                return -ENOMEM;
        fprintf(file, "--%s\r\nContent-Disposition: form-data; name=\"csv\"; filename=\"report.csv\"\r\nContent-Type: text/csv\r\n\r\n",
                boundary);
        fwrite(csv, 1, size, file);
        fprintf(file, "\r\n--%s--\r\n", boundary);
        if (fclose(file) != 0 || request_set_url(request, "%s/bulk-report", url) < 0)
                return -ENOMEM;
        snprintf(request->type_buffer, sizeof request->type_buffer, "multipart/form-data; boundary=%s", boundary);
        request->method = "POST";
        request->type = request->type_buffer;
        request->answer_max = REQUEST_BULK_ANSWER_MAX;
        return 0;
}

static int abuseipdb_request(const Work *work, const char *url, Request *request)
{
        switch (work->kind) {
        case WORK_REPORT: return report_request(&work->items[0], url, request);
        case WORK_BULK: return bulk_request(work, url, request);
        case WORK_CLEAR: return clear_request(&work->items[0], url, request);
        default: return -EOPNOTSUPP;
        }
}

/* ---- the rows of a bulk ---- */

typedef struct Place {
        Addr addr;
        size_t i;
} Place;

static int place_compare(const void *a, const void *b)
{
        return memcmp(&((const Place *) a)->addr, &((const Place *) b)->addr, sizeof(Addr));
}

/* The one item with this address; n if there is none or there are several. */
static size_t find_address(const Place *places, size_t n, const json_t *input)
{
        const char *text = json_string_value(input);
        Place wanted = { .addr = ADDR_NULL };
        const Place *found;

        if (!text || addr_parse(text, strlen(text), &wanted.addr) < 0)
                return n;
        found = bsearch(&wanted, places, n, sizeof *places, place_compare);
        if (!found || (found > places && addr_equal(&found[-1].addr, &wanted.addr)) ||
            (found + 1 < places + n && addr_equal(&found[1].addr, &wanted.addr)))
                return n;
        return found->i;
}

/*
 * rowNumber counts the lines of the file with its heading, as far as is known: so the address beside it has the last word
 * where it is that of one other item.
 */
static size_t find_row(const WorkItem *items, const Place *places, size_t n, const json_t *row)
{
        const json_t *number = json_object_get(row, "rowNumber"), *input = json_object_get(row, "input");
        json_int_t line = json_is_integer(number) ? json_integer_value(number) : 0;
        size_t by_line = line >= 2 && line - 2 < (json_int_t) n ? (size_t) (line - 2) : n;
        size_t by_address = find_address(places, n, input);
        const char *text = json_string_value(input);
        Addr addr;

        if (by_line < n && text && addr_parse(text, strlen(text), &addr) == 0 && addr_equal(&addr, &items[by_line].addr))
                return by_line; /* also where an address stands in several rows */
        return by_address < n ? by_address : by_line;
}

static int read_rows(const WorkItem *items, size_t n, const json_t *rows, Settlement *settlement, size_t *ret_strays)
{
        _cleanup_free_ Place *places = calloc(n + 1, sizeof *places);
        _cleanup_free_ bool *seen = calloc(n + 1, sizeof *seen);
        size_t strays = 0, i;
        json_t *row;

        if (!places || !seen)
                return -ENOMEM;
        for (i = 0; i < n; i++)
                places[i] = (Place){ .addr = items[i].addr, .i = i };
        qsort(places, n, sizeof *places, place_compare);
        json_array_foreach(rows, i, row)
        {
                const json_t *error = json_object_get(row, "error");
                size_t at = find_row(items, places, n, row);

                if (at == n || seen[at]) {
                        strays++;
                        continue;
                }
                seen[at] = true;
                size_t before = settlement->n_errors;
                if (settlement_add_error(settlement, items[at].report, json_is_string(error) ? json_string_value(error) : "not accepted",
                                         json_is_string(error) ? json_string_length(error) : strlen("not accepted")) < 0)
                        return -ENOMEM;
                RowError *added = &settlement->errors[before];
                if (strcmp(added->text, NOT_SENT) == 0) /* which only we can say */
                        snprintf(added->text, sizeof added->text, "not accepted: " NOT_SENT);
        }
        *ret_strays = strays;
        return 0;
}

static int settle_rows(const Work *work, size_t n_sent, const json_t *json, Settlement *settlement)
{
        const json_t *data = json_object_get(json, "data"), *saved = json_object_get(data, "savedReports");
        size_t strays = 0;
        int r = read_rows(work->items, n_sent, json_object_get(data, "invalidReports"), settlement, &strays);

        if (r < 0)
                return r;
        if (!json)
                snprintf(settlement->text, sizeof settlement->text, "accepted; the list of rows that were not is cut off");
        else if (json_is_integer(saved) && strays == 0)
                snprintf(settlement->text, sizeof settlement->text, "%" JSON_INTEGER_FORMAT " of %zu rows saved",
                         json_integer_value(saved), n_sent);
        else
                snprintf(settlement->text, sizeof settlement->text, "%zu rows sent, %zu not saved, and %zu named that are none of them",
                         n_sent, settlement->n_errors, strays);
        for (size_t i = n_sent; i < work->n_items; i++)
                if (settlement_add_error(settlement, work->items[i].report, NOT_SENT, strlen(NOT_SENT)) < 0)
                        return -ENOMEM;
        return 0;
}

/* ---- answers ---- */

static OutboxOutcome refusal(OutboxWork kind, const Answer *answer)
{
        /* Of one address it says that it is told; of a file's thousands it cannot. */
        if (kind != WORK_BULK && answer_holds(answer, WINDOW_TEXT))
                return OUTCOME_DUPLICATE;
        switch (answer->status) {
        case 401: return OUTCOME_KEY;
        case 402: return OUTCOME_PLAN;
        case 403: return OUTCOME_FORBIDDEN;
        case 429: return answer->retry_header || answer_holds(answer, QUOTA_TEXT) ? OUTCOME_QUOTA : OUTCOME_BUSY;
        default: return OUTCOME_REFUSED;
        }
}

/* {"errors":[{"detail":...}]}, or the bare object inside. */
static const json_t *find_detail(const json_t *json)
{
        const json_t *detail = json_object_get(json_array_get(json_object_get(json, "errors"), 0), "detail");

        return detail ? detail : json_object_get(json, "detail");
}

static int abuseipdb_settle(const Work *work, size_t n_sent, const Answer *answer, Settlement *settlement)
{
        json_auto_t *json = answer_json(answer);
        const json_t *data = json_object_get(json, "data");
        const json_t *score = json_object_get(data, "abuseConfidenceScore"), *deleted = json_object_get(data, "numReportsDeleted");

        if (answer->status >= 400 || !answer_has_data(answer, json)) {
                settlement->outcome = answer->status >= 400 ? refusal(work->kind, answer) : OUTCOME_UNCERTAIN;
                answer_text(answer, find_detail(json), settlement->text);
                return 0;
        }
        settlement->outcome = OUTCOME_DONE;
        if (work->kind == WORK_BULK)
                return settle_rows(work, n_sent, json, settlement);
        if (json_is_integer(score) && json_integer_value(score) >= 0 && json_integer_value(score) <= SCORE_MAX)
                settlement->score = json_integer_value(score);
        if (work->kind == WORK_CLEAR && json_is_integer(deleted))
                snprintf(settlement->text, sizeof settlement->text, "%" JSON_INTEGER_FORMAT " of our reports removed",
                         json_integer_value(deleted));
        return 0;
}

const Service SERVICE_ABUSEIPDB = {
        .name = "abuseipdb",
        .key_header = "Key",
        .request = abuseipdb_request,
        .settle = abuseipdb_settle,
};
