/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * VirusTotal, API v3. Its errors have a code in words, which says more than the
 * status: it is sought in the body as it is where that is no whole JSON.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "courier/service.h"

/* ---- requests ---- */

static int post_request(const WorkItem *item, const char *url, const char *collection, json_t *json, Request *request)
{
        char address[ADDR_TEXT_MAX];

        request->method = "POST";
        request->type = "application/json";
        request->body = json ? json_dumps(json, JSON_COMPACT) : NULL;
        json_decref(json);
        if (!request->body ||
            request_set_url(request, "%s/ip_addresses/%s/%s", url, addr_format(&item->addr, address), collection) < 0)
                return -ENOMEM;
        request->size = strlen(request->body);
        return 0;
}

static int delete_request(const WorkItem *item, const char *url, Request *request)
{
        size_t size = 0;
        FILE *file = open_memstream(&request->url, &size);

        if (!file)
                return -ENOMEM;
        fprintf(file, "%s/comments/", url);
        request_put(file, item->comment_id, ":");
        request->method = "DELETE";
        return fclose(file) == 0 ? 0 : -ENOMEM;
}

static int virustotal_request(const Work *work, const char *url, Request *request)
{
        const WorkItem *item = &work->items[0];

        switch (work->kind) {
        case WORK_VOTE:
                return post_request(item, url, "votes",
                                    json_pack("{s:{s:s, s:{s:s}}}", "data", "type", "vote", "attributes", "verdict", item->verdict),
                                    request);
        case WORK_COMMENT:
                return post_request(item, url, "comments",
                                    json_pack("{s:{s:s, s:{s:s}}}", "data", "type", "comment", "attributes", "text", item->comment),
                                    request);
        case WORK_DELETE: return delete_request(item, url, request);
        default: return -EOPNOTSUPP;
        }
}

/* ---- answers ---- */

static bool has_code(const Answer *answer, const json_t *json, const char *code)
{
        const char *said = json_string_value(json_object_get(json_object_get(json, "error"), "code"));

        return json ? said && strcmp(said, code) == 0 : answer_holds(answer, code);
}

static bool key_is_refused(const Answer *answer, const json_t *json)
{
        static const char *const codes[] = { "AuthenticationRequiredError", "UserNotActiveError", "WrongCredentialsError",
                                             "ForbiddenError" };

        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (has_code(answer, json, codes[i]))
                        return true;
        return answer->status == 401;
}

static OutboxOutcome refusal(OutboxWork kind, const Answer *answer, const json_t *json)
{
        if (key_is_refused(answer, json))
                return OUTCOME_KEY;
        switch (answer->status) {
        case 400: return has_code(answer, json, "NotAvailableYet") ? OUTCOME_FAILED : OUTCOME_REFUSED;
        case 402: return OUTCOME_PLAN;
        case 403: return OUTCOME_FORBIDDEN;
        case 404: return kind == WORK_DELETE && has_code(answer, json, "NotFoundError") ? OUTCOME_DONE : OUTCOME_REFUSED;
        case 409: return kind == WORK_VOTE ? OUTCOME_DONE : kind == WORK_COMMENT ? OUTCOME_DUPLICATE : OUTCOME_REFUSED;
        case 429: return OUTCOME_QUOTA;
        default: return OUTCOME_REFUSED;
        }
}

/* It goes into a URL when the comment is deleted. */
static void take_id(const json_t *value, char id[static ANSWER_ID_MAX])
{
        const char *text = json_string_value(value);
        size_t length = json_string_length(value);

        if (text && length > 0 && length < ANSWER_ID_MAX &&
            strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:._-") == length)
                memcpy(id, text, length + 1);
}

static int virustotal_settle(const Work *work, size_t n_sent, const Answer *answer, Settlement *settlement)
{
        json_auto_t *json = answer_json(answer);
        const json_t *error = json_object_get(json, "error");

        if (answer->status >= 400) {
                settlement->outcome = refusal(work->kind, answer, json);
        } else if (answer_has_data(answer, json) || (work->kind == WORK_DELETE && (answer->size == 0 || (json && !error)))) {
                settlement->outcome = OUTCOME_DONE; /* a deletion need not say anything */
                if (work->kind == WORK_COMMENT)
                        take_id(json_object_get(json_object_get(json, "data"), "id"), settlement->comment_id);
                return 0;
        }
        answer_text(answer, json_object_get(error, "message"), settlement->text);
        return 0;
}

const Service SERVICE_VIRUSTOTAL = {
        .name = "virustotal",
        .key_header = "x-apikey",
        .request = virustotal_request,
        .settle = virustotal_settle,
};
