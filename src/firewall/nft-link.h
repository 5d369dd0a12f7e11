/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* NftLink: the netlink socket, its transactions (NftBatch) and its questions. */

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "firewall.h"

/* libmnl's iterating macros cast const away wherever they are used. */
#pragma GCC diagnostic ignored "-Wcast-qual"

#define NFT_TABLE "bailiff"
#define NFT_CHAIN "prerouting"
#define NFT_MESSAGE_MAX 60000 /* payload of one message: its nest's length has 16 bits */

/* What commits and questions answer besides 0 and -errno. */
enum {
        NFT_E_REFUSED = 100, /* messages of the batch carry their errors */
        NFT_E_ABSENT,        /* ENOENT */
        NFT_E_DIFFERS,       /* not as it should be */
        NFT_E_NO_REJECT,     /* the kernel cannot refuse packets */
};

typedef struct NftMessage {
        uint32_t seq;
        size_t offset;       /* in the batch */
        const char *what;    /* for people: what it creates */
        size_t first, count; /* of the caller's elements */
        int error;           /* positive errno; 0: taken */
        char detail[80];     /* the kernel's own words, often "" */
} NftMessage;

typedef struct NftBatch {
        uint8_t *data;
        size_t size, space;
        NftMessage *messages;
        size_t n_messages, messages_space;
        int error; /* positive errno of the transaction as a whole */
} NftBatch;

typedef struct NftLink {
        struct mnl_socket *socket;
        uint32_t port; /* our address among the senders */
        uint32_t seq;
        uint64_t transactions; /* that the kernel took: each moves the generation by one */
        size_t send_max;       /* bytes that a transaction may have */
        size_t send_force_max; /* that with SO_SNDBUFFORCE; 0: it is not permitted */
        size_t ask_max;        /* keys in one question */
        uint8_t *buffer;
} NftLink;

typedef int (*NftAnswer)(const struct nlmsghdr *nlh, void *data);

int nft_link_new(NftLink **ret_link, Problem *problem);
NftLink *nft_link_free(NftLink *link);
int nft_link_commit(NftLink *link, NftBatch *batch);
struct nlmsghdr *nft_link_question(NftLink *link, uint16_t type, uint16_t flags, uint8_t *buffer);
int nft_link_ask(NftLink *link, struct nlmsghdr *question, NftAnswer answer, void *data);
int nft_link_generation(NftLink *link, uint32_t *ret_generation);
uint64_t nft_link_netns(const NftLink *link);

struct nlmsghdr *nft_batch_message(NftBatch *batch, NftLink *link, uint16_t type, uint16_t flags, const char *what);
void nft_batch_done(NftBatch *batch, const struct nlmsghdr *nlh);
const NftMessage *nft_batch_fault(const NftBatch *batch);
void nft_batch_reset(NftBatch *batch);
void nft_batch_deinit(NftBatch *batch);
