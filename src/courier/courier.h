/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Courier: the lanes, and the configuration that they go by. */

#include <systemd/sd-event.h>

#include "util/cleanup.h"

typedef struct Courier Courier;

typedef struct CourierOptions {
        const char *config;      /* the file */
        const char *socket;      /* bailiffd's */
        const char *credentials; /* $CREDENTIALS_DIRECTORY; NULL: none */
} CourierOptions;

int courier_new(sd_event *event, const CourierOptions *options, Courier **ret_courier);
Courier *courier_free(Courier *courier);
DEFINE_CLEANUP(Courier *, courier_free)
void courier_stop(Courier *courier);
