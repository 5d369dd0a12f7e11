/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "courier/service.h"

/**
 * service_request() - what is sent for a claim
 * @url:        of the service's interface, without a slash at the end
 * @ret_request: for request_clear()
 *
 * Return: 0; -EOPNOTSUPP if the service has no such thing; -ENOMEM.
 */
int service_request(const Service *service, const Work *work, const char *url, Request *ret_request)
{
        Request request = { .n_sent = work->n_items, .answer_max = REQUEST_ANSWER_MAX };
        int r = service->request(work, url, &request);

        if (r < 0) {
                request_clear(&request);
                return r;
        }
        *ret_request = request;
        if (request.type == request.type_buffer)
                ret_request->type = ret_request->type_buffer;
        return 0;
}

/**
 * service_settle() - what an answer means for a claim
 * @n_sent:     of the request that it answers
 * @ret_settlement: for settlement_clear()
 *
 * Return: 0 or -ENOMEM.
 */
int service_settle(const Service *service, const Work *work, size_t n_sent, const Answer *answer, Settlement *ret_settlement)
{
        Settlement settlement;
        int r;

        answer_begin(answer, &settlement);
        settlement.claim = work->claim;
        if (answer_without_service(answer, &settlement.outcome)) {
                json_auto_t *json = answer_json(answer);
                const json_t *error = json_object_get(json, "error"); /* VirusTotal's; AbuseIPDB's is a list */
                const json_t *detail = json_object_get(json_array_get(json_object_get(json, "errors"), 0), "detail");

                answer_text(answer, detail ? detail : json_object_get(error, "message"), settlement.text);
                r = 0;
        } else {
                r = service->settle(work, n_sent, answer, &settlement);
        }
        if (r < 0)
                settlement_clear(&settlement);
        else
                *ret_settlement = settlement;
        return r;
}

/**
 * request_set_url() - what is asked; the text must be safe to stand in a URL
 *
 * Return: 0 or -ENOMEM.
 */
int request_set_url(Request *request, const char *format, ...)
{
        char *url = NULL;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&url, format, args);
        va_end(args);
        if (n < 0)
                return -ENOMEM;
        request->url = url;
        return 0;
}

/**
 * request_put() - write a text percent-encoded
 * @plain:      what is left as it is, besides letters, digits and "-._~"
 */
void request_put(FILE *file, const char *text, const char *plain)
{
        for (const unsigned char *p = (const unsigned char *) text; *p; p++)
                if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._~", *p) ||
                    strchr(plain, *p))
                        putc(*p, file);
                else
                        fprintf(file, "%%%02X", *p);
}

/**
 * request_clear() - be done with it
 */
void request_clear(Request *request)
{
        free(request->url);
        free(request->body);
        *request = (Request){ 0 };
}
