/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* NftMonitor: hears of other programs' changes to our table. */

#include "firewall/nft-link.h"

/**
 * What was heard.
 */
typedef struct NftSuspicion {
        bool elements;    /* elements may be missing, not only structure */
        bool lost;        /* messages were lost: anything may have happened */
        char process[64]; /* "nft (pid 812)"; "" if nobody can be named */
} NftSuspicion;

typedef struct NftMonitor NftMonitor;

/* Checks and mends. Return: 0, or an error that has been told: it is called again in a second. */
typedef int (*NftMonitorCheck)(void *userdata, const NftSuspicion *suspicion);

int nft_monitor_new(sd_event *event, NftLink *link, NftMonitorCheck check, void *userdata, NftMonitor **ret_monitor,
                    Problem *problem);
NftMonitor *nft_monitor_free(NftMonitor *monitor);
void nft_monitor_leave(NftMonitor *monitor);
void nft_monitor_join(NftMonitor *monitor);
void nft_monitor_suspect(NftMonitor *monitor);
const char *nft_monitor_culprit(NftMonitor *monitor);
