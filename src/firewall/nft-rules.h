/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* NftRules: the rules that a table with these sets has. */

#include "firewall/nft-link.h"
#include "firewall/nft-set.h"

/* What an NftMessage creates that makes a refusing rule. */
extern const char NFT_REJECT_WHAT[];

int nft_rules_put(NftBatch *batch, NftLink *link, const NftSets *sets, bool replace);
int nft_rules_check(NftLink *link, const NftSets *sets);
