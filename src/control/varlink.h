/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Varlink: connections, framing and replies on a unix socket. Knows the protocol and no method. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "control/rights.h"
#include "util/cleanup.h"
#include "util/problem.h"

#define VARLINK_DEPTH_MAX 16            /* nested objects and lists in a request */
#define VARLINK_CALLS_MAX 1024          /* of one client, begun and not yet answered */
#define VARLINK_OUTPUT_LOW (64 * 1024)  /* with more waiting to be read, a client gets no new work */

typedef struct Varlink Varlink;
typedef struct VarlinkCall VarlinkCall;

typedef struct VarlinkLimits {
        size_t clients;                 /* all */
        size_t clients_reserved;        /* of these, kept for callers who may change things */
        size_t clients_per_uid;         /* not for root */
        size_t request[_ACCESS_MAX];    /* bytes of one request, by what the caller may do */
        size_t output;                  /* bytes that a client may leave unread before it is dropped */
} VarlinkLimits;

extern const VarlinkLimits VARLINK_LIMITS;

/**
 * What a call can become after its handler has returned without an answer.
 */
typedef struct VarlinkLater {
        /* One bounded step of a stream; runs while the client keeps up. True: there is more to do. NULL: the call only waits. */
        bool (*step)(VarlinkCall *call, void *data);
        /* The call is over, answered or not: let go of `data`. */
        void (*end)(VarlinkCall *call, void *data);
} VarlinkLater;

typedef struct VarlinkHandler {
        Rights rights;
        void (*call)(void *userdata, VarlinkCall *call);
        void *userdata;
} VarlinkHandler;

typedef struct VarlinkStats {
        size_t clients;
        uint64_t accepted, refused, dropped_slow, dropped_bad, calls;
} VarlinkStats;

int varlink_new(sd_event *event, const char *path, VarlinkHandler handler, const VarlinkLimits *limits, Varlink **ret_varlink,
                Problem *problem);
Varlink *varlink_free(Varlink *varlink);
DEFINE_CLEANUP(Varlink *, varlink_free)
int varlink_add_client(Varlink *varlink, int fd);
const VarlinkStats *varlink_stats(const Varlink *varlink);

/* VarlinkCall; replies take the parameters over, NULL means none */
const char *varlink_method(const VarlinkCall *call);
const json_t *varlink_parameters(const VarlinkCall *call);
const Caller *varlink_caller(const VarlinkCall *call);
bool varlink_wants_more(const VarlinkCall *call);
void varlink_later(VarlinkCall *call, const VarlinkLater *later, void *data);
void varlink_wake(VarlinkCall *call);
void varlink_reply(VarlinkCall *call, json_t *parameters);
void varlink_reply_more(VarlinkCall *call, json_t *parameters);
void varlink_error(VarlinkCall *call, const char *error, json_t *parameters);
