/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* NftSet: which kernel set holds what, by name and key. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

#define NFT_SET_NAME_LENGTH 24
#define NFT_KEY_MAX 24
#define NFT_SETS_MAX (5 * (33 + 129)) /* every kind, family and prefix length */

typedef enum NftKind {
        NFT_ALLOW,
        NFT_ANY,
        NFT_PORT,
        NFT_REJECT,
        NFT_REJECT_PORT,
} NftKind;

typedef struct NftSet {
        uint8_t kind; /* NftKind */
        uint8_t family, length;
        bool certified; /* its sentinel is there and is this table's */
} NftSet;

/**
 * The sets of a table, in the order of their rules.
 */
typedef struct NftSets {
        NftSet items[NFT_SETS_MAX];
        size_t n;
} NftSets;

const char *nft_set_name(const NftSet *set, char buffer[static NFT_SET_NAME_LENGTH]);
int nft_set_parse(const char *name, NftSet *ret_set);
int nft_set_compare(const NftSet *a, const NftSet *b);
bool nft_set_has_port(const NftSet *set);
bool nft_set_rejects(const NftSet *set);
size_t nft_set_addr_size(const NftSet *set);
size_t nft_set_key_size(const NftSet *set);
size_t nft_set_key(const NftSet *set, const Addr *addr, uint8_t protocol, uint16_t port, uint8_t key[static NFT_KEY_MAX]);
size_t nft_set_sentinel(const NftSet *set, uint8_t key[static NFT_KEY_MAX]);

void nft_sets_base(NftSets *sets);
bool nft_sets_add(NftSets *sets, const NftSet *set);
NftSet *nft_sets_find(NftSets *sets, const NftSet *set);
