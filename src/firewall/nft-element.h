/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* NftChange: an element on its way into a set, and asking sets for elements by their keys. */

#include "firewall/nft-link.h"
#include "firewall/nft-set.h"

#define NFT_COMMENT_MAX 128

typedef enum NftWish {
        NFT_WISH_PUT,
        NFT_WISH_REMOVE,
        NFT_WISH_NOTHING, /* it is there already, was refused, or a later one has the same key */
} NftWish;

typedef struct NftChange {
        NftSet set;
        uint8_t wish;  /* NftWish */
        bool mistimed; /* it is there, but ends before or after it should */
        uint8_t key[NFT_KEY_MAX];
        size_t order; /* the caller's, so that the last of equal keys wins */
        EventTime until;
        uint64_t timeout_msec;   /* left now; 0: permanent */
        uint64_t packets, bytes; /* counted by the element that it replaces */
        Element element;         /* to name it when it is refused */
} NftChange;

/**
 * What a message does with its elements.
 */
typedef enum NftStep {
        NFT_STEP_ADD,     /* whole; what is there stays, in its own way on each kernel */
        NFT_STEP_ADD_NEW, /* whole; what is there is an error, EEXIST */
        NFT_STEP_TOUCH,   /* bare keys: make sure that something is there to drop */
        NFT_STEP_DROP,    /* bare keys: delete */
} NftStep;

/**
 * What the kernel answers about one element.
 */
typedef struct NftElement {
        bool has_timeout, has_counter;
        uint64_t expires_msec, packets, bytes;
        char comment[NFT_COMMENT_MAX];
} NftElement;

/* Return: 0; a negative errno ends it. */
typedef int (*NftKeyFound)(void *data, const uint8_t *key, size_t size);

typedef int (*NftElementFound)(void *data, size_t at, const NftElement *element);

void nft_change_set_time(NftChange *change, EventTime now);
void nft_changes_sort(NftChange *changes, size_t n);
size_t nft_changes_run(const NftChange *changes, size_t n);
int nft_changes_put(NftBatch *batch, NftLink *link, const NftChange *changes, size_t n, NftStep step, size_t per_message);
int nft_sentinel_put(NftBatch *batch, NftLink *link, const NftSet *set, const char *comment, bool replacing);
int nft_sentinel_find(NftLink *link, const NftSet *set, NftElement *ret_element);
int nft_set_each_key(NftLink *link, const NftSet *set, NftKeyFound found, void *data);
int nft_changes_find(NftLink *link, const NftChange *changes, size_t n, NftElementFound found, void *data, size_t *ret_found);
