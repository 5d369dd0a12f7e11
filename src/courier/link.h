/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Link: a connection to bailiffd's control socket that never waits. One call at a time. */

#include <stdbool.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "util/cleanup.h"

#define LINK_INPUT_MAX (32 * 1024 * 1024) /* bytes of one reply */
#define LINK_ITEMS_MAX 20000 /* of all replies to one call; a bulk file has 9,999 */

typedef struct Link Link;

typedef struct LinkHandler {
        /* The answer to the call. error: its name, NULL if it is none. The link may be freed from within. */
        void (*answer)(void *userdata, const char *error, const json_t *parameters);
        /* It is of no more use, and is to be freed, from within or later. error: -errno; -ECONNRESET if bailiffd closed it. */
        void (*broken)(void *userdata, int error);
        void *userdata;
} LinkHandler;

int link_new(sd_event *event, const char *path, LinkHandler handler, Link **ret_link);
Link *link_free(Link *link);
DEFINE_CLEANUP(Link *, link_free)
int link_call(Link *link, const char *method, json_t *parameters);
