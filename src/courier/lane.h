/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lane: one service. Takes work from bailiffd, has it sent, and tells what became of it. */

#include <systemd/sd-event.h>

#include "config.h"
#include "courier/http.h"
#include "courier/service.h"

typedef struct Lane Lane;

/**
 * What a lane needs of others. All are called from the loop.
 */
typedef struct LaneOps {
        /* How the service is configured at this moment; NULL: it is not. *ret_problem: "" or why it cannot be served, whatever is
         * returned; then there is work for nobody. Both live until the next call. */
        const ReportServiceConfig *(*look)(void *userdata, const Service *service, const char **ret_problem);
        /* As http_send() and http_cancel(). */
        int (*send)(void *userdata, const Service *service, const Request *request, const Key *key, const HttpOptions *options,
                    HttpDone done, void *done_userdata, Transfer **ret_transfer);
        void (*cancel)(void *userdata, Transfer *transfer);
        /* Something for the log. */
        void (*say)(void *userdata, const Service *service, int level, const char *text);
        /* It has stopped, after lane_stop(). */
        void (*stopped)(void *userdata);
        void *userdata;
} LaneOps;

typedef struct LaneTimes {
        uint64_t retry_min, retry_max;  /* microseconds between attempts to reach bailiffd, doubled each time */
        uint64_t claim_min;             /* between two claims of which the first had no work */
        uint64_t problem;               /* the same, while there is a problem */
        uint64_t answer;                /* after which a silent bailiffd is given up */
} LaneTimes;

extern const LaneTimes LANE_TIMES;

int lane_new(sd_event *event, const Service *service, const char *socket, const char *credentials, const LaneTimes *times,
             LaneOps ops, Lane **ret_lane);
Lane *lane_free(Lane *lane);
DEFINE_CLEANUP(Lane *, lane_free)
void lane_start(Lane *lane);
void lane_stop(Lane *lane, bool now);
bool lane_is_off(const Lane *lane);
