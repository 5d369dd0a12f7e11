/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* NftTable: the table, its chain and its sets: making them, and finding out what stands. */

#include "firewall/nft-link.h"
#include "firewall/nft-set.h"

/**
 * What stands in the kernel under our name.
 */
typedef struct NftFound {
        bool table, marked; /* marked: the table's comment is ours */
        uint64_t handle;    /* of the table: unique in its network namespace */
        bool chain;         /* it is there and as it should be */
        bool sets_sound;    /* no set of one of our names is of another make */
        bool counted, uncounted; /* there are ban sets whose elements count packets, and such whose do not */
        NftSets sets;       /* those of our names */
} NftFound;

int nft_table_put(NftBatch *batch, NftLink *link, bool replace);
int nft_table_put_set(NftBatch *batch, NftLink *link, const NftSet *set, bool counters);
int nft_table_put_removal(NftBatch *batch, NftLink *link);
int nft_table_find(NftLink *link, NftFound *ret_found);
int nft_table_find_handle(NftLink *link, NftFound *ret_found);
