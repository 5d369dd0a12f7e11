/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Service: how one is asked, and what its answers mean. Pure: no descriptor, no clock, no log. */

#include "courier/answer.h"
#include "courier/work.h"

/**
 * One HTTP request, without the key, which http.c adds under `Service.key_header`. request_clear() ends it.
 */
typedef struct Request {
        const char *method;
        char *url;
        const char *type;       /* Content-Type; NULL: no body */
        char type_buffer[96];
        char *body;
        size_t size;
        size_t n_sent;          /* items that are in it, the first ones; the others did not fit */
        size_t answer_max;      /* bytes of an answer's body that are wanted */
} Request;

typedef struct Service {
        const char *name;       /* as Claim and the configuration spell it */
        const char *key_header;
        int (*request)(const Work *work, const char *url, Request *ret_request);
        int (*settle)(const Work *work, size_t n_sent, const Answer *answer, Settlement *ret_settlement);
} Service;

#define REQUEST_ANSWER_MAX (256 * 1024)
#define REQUEST_BULK_ANSWER_MAX (4 * 1024 * 1024)

extern const Service SERVICE_ABUSEIPDB, SERVICE_VIRUSTOTAL;

int service_request(const Service *service, const Work *work, const char *url, Request *ret_request);
int service_settle(const Service *service, const Work *work, size_t n_sent, const Answer *answer, Settlement *ret_settlement);
int request_set_url(Request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
void request_put(FILE *file, const char *text, const char *plain);
void request_clear(Request *request);
