/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Nft: the nftables backend's object, shared by its files. */

#include "firewall/nft-element.h"
#include "firewall/nft-link.h"
#include "firewall/nft-monitor.h"
#include "firewall/nft-set.h"
#include "firewall/nft-table.h"
#include "firewall/private.h"

typedef struct Nft {
        Firewall firewall;
        bool counters, started, degraded;
        bool no_reject; /* the kernel cannot refuse packets: they are dropped */
        NftLink *link;
        NftMonitor *monitor; /* NULL without an event loop, and until the start */
        sd_event *event;
        NftSets sets;    /* that the table has */
        uint64_t handle; /* the table's */
        uint64_t sequence;
        char boot[40]; /* which boot this is; "unknown" */
} Nft;

/**
 * What a reconciliation found and did.
 */
typedef struct NftReport {
        const char *found; /* NULL: nothing was wrong */
        const char *mended;
        size_t restored; /* bans */
        size_t retimed;  /* of these were there, with another end */
} NftReport;

/* nft-fill.c */
typedef enum NftFillMode {
        NFT_FILL_LEARN,   /* only which sets are needed, and how many elements there are */
        NFT_FILL_ADD,     /* all of them, in transactions */
        NFT_FILL_WHOLE,   /* all of them, appended to one transaction */
        NFT_FILL_MISSING, /* ask by key, add what is missing */
} NftFillMode;

typedef struct NftFill {
        Nft *nft;
        NftFillMode mode;
        NftSets *sets;   /* LEARN: they grow here */
        NftBatch *batch; /* WHOLE */
        NftChange *changes;
        size_t n, total, added, retimed;
        int result; /* what visiting must not return: FIREWALL_E_... */
        Problem *problem;
} NftFill;

int nft_fill_allowed(NftFill *fill);
int nft_fill_elements(NftFill *fill);
void nft_fill_deinit(NftFill *fill);
NftChange nft_change_of(const Nft *nft, const Element *element, size_t order);
NftChange nft_change_of_allowed(const Addr *addr, EventTime until, bool remove);
int nft_send(Nft *nft, NftChange *changes, size_t n, bool replacing, Problem *problem);
int nft_refused(const NftBatch *batch, Problem *problem);
int nft_failed(int r, Problem *problem);

/* nft-stale.c */
int nft_drop_stale_allowed(Nft *nft, Problem *problem);

/* nft-reconcile.c */
int nft_reconcile(Nft *nft, bool elements, NftReport *ret_report, Problem *problem);
int nft_need_sets(Nft *nft, const NftChange *changes, size_t n, Problem *problem);
