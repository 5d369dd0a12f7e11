/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Http: requests over TLS on the event loop. */

#include <systemd/sd-event.h>

#include "courier/key.h"
#include "courier/service.h"

typedef struct Http Http;
typedef struct Transfer Transfer;

typedef struct HttpOptions {
        const char *ca_file;    /* NULL: the system's authorities, else these alone */
        const char *proxy;      /* NULL: none, whatever the environment says */
        int64_t timeout;        /* seconds, whole request */
} HttpOptions;

/* The answer and its texts live as long as the call, in which the transfer ends. */
typedef void (*HttpDone)(void *userdata, const Answer *answer);

int http_new(sd_event *event, Http **ret_http);
Http *http_free(Http *http);
DEFINE_CLEANUP(Http *, http_free)
int http_send(Http *http, const Request *request, const char *key_header, const Key *key, const HttpOptions *options, HttpDone done,
              void *userdata, Transfer **ret_transfer);
void http_cancel(Transfer *transfer);
