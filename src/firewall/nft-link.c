/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Transactions and questions over one netlink socket.
 *
 * nf_tables works inside sendmsg(2): when it returns, the transaction has been
 * taken or refused and every answer lies in our receive buffer. So a commit
 * sends once and then reads until nothing is left; nothing is waited for, and
 * no answer is left behind for the next request to stumble over.
 *
 * Only the last real message asks for an acknowledgement. Errors come unasked
 * for every message that failed; an acknowledgement for each success would
 * overflow the receive buffer, and Linux 6.1 never answers for the brackets of
 * a transaction (BATCH_BEGIN, BATCH_END) while newer kernels do.
 */

#include <errno.h>
#include <libnftnl/common.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "firewall/nft-link.h"

#define RECEIVE_BUFFER (64 * 1024)
#define RECEIVE_QUEUE (16 * 1024 * 1024)
#define BATCH_ROOM (80 * 1024)     /* that a message may need */
#define SEND_UNFORCED (128 * 1024) /* below every kernel's default buffer */
#define SEND_FORCED (16 * 1024 * 1024)
#define SEND_FORCED_MAX (512 * 1024 * 1024)

/**
 * nft_link_free() - close the socket
 */
NftLink *nft_link_free(NftLink *link)
{
        if (!link)
                return NULL;
        if (link->socket)
                mnl_socket_close(link->socket);
        free(link->buffer);
        free(link);
        return NULL;
}

DEFINE_CLEANUP(NftLink *, nft_link_free)

static bool force_size(const NftLink *link, int option, size_t size)
{
        int value = (int) (size / 2); /* the kernel doubles it */

        return setsockopt(mnl_socket_get_fd(link->socket), SOL_SOCKET, option, &value, sizeof value) == 0;
}

static void size_buffers(NftLink *link)
{
        link->send_max = SEND_UNFORCED;
        link->ask_max = 100;
        if (force_size(link, SO_SNDBUFFORCE, SEND_FORCED + 64 * 1024)) {
                link->send_max = SEND_FORCED;
                link->send_force_max = SEND_FORCED_MAX;
        }
        if (force_size(link, SO_RCVBUFFORCE, RECEIVE_QUEUE))
                link->ask_max = 1000;
}

/**
 * nft_link_new() - open a socket to nf_tables
 *
 * Return: 0, FIREWALL_E_UNSUPPORTED, -errno.
 */
int nft_link_new(NftLink **ret_link, Problem *problem)
{
        _cleanup_(nft_link_freep) NftLink *link = calloc(1, sizeof *link);
        int on = 1;

        if (!link || !(link->buffer = malloc(RECEIVE_BUFFER)))
                return problem_set(problem, -ENOMEM, "Out of memory");
        link->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        if (!link->socket && (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT))
                return problem_set(problem, FIREWALL_E_UNSUPPORTED,
                                   "This kernel has no netfilter netlink (or the service's sandbox forbids AF_NETLINK): "
                                   "load the modules nfnetlink and nf_tables, or set `firewall: none`");
        if (!link->socket || mnl_socket_bind(link->socket, 0, MNL_SOCKET_AUTOPID) < 0)
                return problem_set(problem, -errno, "Cannot open a netlink socket to nftables: %s", strerror(errno));
        link->port = mnl_socket_get_portid(link->socket);
        mnl_socket_setsockopt(link->socket, NETLINK_EXT_ACK, &on, sizeof on);
        mnl_socket_setsockopt(link->socket, NETLINK_CAP_ACK, &on, sizeof on);
        size_buffers(link);
        *ret_link = steal(link);
        return 0;
}

static void read_detail(const struct nlmsghdr *nlh, char *detail, size_t size)
{
        const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
        size_t skip = sizeof *error;
        const struct nlattr *attr;

        detail[0] = '\0';
        if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
                return;
        if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
                skip += error->msg.nlmsg_len - sizeof error->msg;
        if (skip > mnl_nlmsg_get_payload_len(nlh))
                return;
        mnl_attr_for_each (attr, nlh, skip)
                if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
                        snprintf(detail, size, "%s", mnl_attr_get_str(attr));
}

/* Return: whether it was the acknowledgement of the last message. */
static bool take_answer(NftBatch *batch, const struct nlmsghdr *nlh)
{
        const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
        uint32_t first = batch->messages[0].seq;
        size_t at = nlh->nlmsg_seq - first;

        if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof *error)
                return false;
        if (at >= batch->n_messages) {
                /* The opening bracket's number: the transaction as a whole. An older one's is none of ours. */
                if (nlh->nlmsg_seq == first - 1 && error->error != 0 && batch->error == 0)
                        batch->error = -error->error;
                return false;
        }
        if (error->error == 0)
                return at == batch->n_messages - 1;
        if (batch->messages[at].error == 0) {
                batch->messages[at].error = -error->error;
                read_detail(nlh, batch->messages[at].detail, sizeof batch->messages[at].detail);
        }
        return false;
}

static int read_answers(NftLink *link, NftBatch *batch, bool *ret_acknowledged)
{
        bool acknowledged = false, lost = false;

        for (;;) {
                ssize_t n = recv(mnl_socket_get_fd(link->socket), link->buffer, RECEIVE_BUFFER, MSG_DONTWAIT);
                int left = (int) n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == ENOBUFS) {
                        lost = true;
                        continue;
                }
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return -errno;
                for (const struct nlmsghdr *nlh = (void *) link->buffer; mnl_nlmsg_ok(nlh, left);
                     nlh = mnl_nlmsg_next(nlh, &left))
                        if (batch && take_answer(batch, nlh))
                                acknowledged = true;
        }
        *ret_acknowledged = acknowledged;
        return lost && !acknowledged ? -ENOBUFS : 0;
}

static int send_all(NftLink *link, const NftBatch *batch)
{
        size_t usual = link->send_max + 64 * 1024;
        bool enlarged = false;
        ssize_t n;

        if (batch->size > link->send_max && batch->size <= link->send_force_max)
                enlarged = force_size(link, SO_SNDBUFFORCE, batch->size * 2 + 64 * 1024);
        do
                n = mnl_socket_sendto(link->socket, batch->data, batch->size);
        while (n < 0 && errno == EINTR);
        int r = n < 0 ? -errno : 0;
        if (enlarged)
                force_size(link, SO_SNDBUFFORCE, usual);
        return r;
}

static int close_batch(NftBatch *batch)
{
        NftMessage *last = &batch->messages[batch->n_messages - 1];
        struct nlmsghdr *end;

        ((struct nlmsghdr *) (void *) (batch->data + last->offset))->nlmsg_flags |= NLM_F_ACK;
        if (batch->size + 64 > batch->space)
                return -ENOBUFS;
        end = nftnl_batch_end((char *) batch->data + batch->size, last->seq + 1);
        batch->size += MNL_ALIGN(end->nlmsg_len);
        return 0;
}

/**
 * nft_link_commit() - send a transaction and read all that the kernel has to say of it
 *
 * Return: 0 if it was taken; NFT_E_REFUSED if not, and then batch->error or the messages' errors say why; -errno.
 */
int nft_link_commit(NftLink *link, NftBatch *batch)
{
        bool acknowledged;
        int r;

        if (batch->n_messages == 0)
                return 0;
        r = read_answers(link, NULL, &acknowledged);
        if (r == 0 || r == -ENOBUFS)
                r = close_batch(batch);
        if (r == 0)
                r = send_all(link, batch);
        if (r == 0)
                r = read_answers(link, batch, &acknowledged);
        link->seq++;
        if (r < 0)
                return r;
        if (batch->error != 0 || nft_batch_fault(batch))
                return NFT_E_REFUSED;
        if (!acknowledged)
                return -ENOBUFS;
        link->transactions++;
        return 0;
}

/**
 * nft_link_question() - begin a request that changes nothing
 * @type:       NFT_MSG_GET...
 * @buffer:     MNL_SOCKET_BUFFER_SIZE, or NFT_MESSAGE_MAX and headers
 */
struct nlmsghdr *nft_link_question(NftLink *link, uint16_t type, uint16_t flags, uint8_t *buffer)
{
        return nftnl_nlmsg_build_hdr((char *) buffer, type, NFPROTO_INET, flags, ++link->seq);
}

/* Return: 1 go on, 0 done, -errno. */
static int read_question(const struct nlmsghdr *nlh, NftAnswer answer, void *data, bool *interrupted)
{
        if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
                *interrupted = true;
        if (nlh->nlmsg_type == NLMSG_DONE)
                return 0;
        if (nlh->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
                return mnl_nlmsg_get_payload_len(nlh) < sizeof *error ? -EBADMSG : error->error;
        }
        int r = answer(nlh, data);
        return r < 0 ? r : 1;
}

/**
 * nft_link_ask() - send a question and hand each answer on
 * @question:   with NLM_F_DUMP or NLM_F_ACK, so that its end can be told
 * @answer:     returns 0 or -errno, which ends the reading
 *
 * Return: 0; NFT_E_ABSENT if the thing, or one of the things, is not there (answers may have come before);
 * -EINTR if the kernel's state changed meanwhile: ask again; -errno.
 */
int nft_link_ask(NftLink *link, struct nlmsghdr *question, NftAnswer answer, void *data)
{
        bool interrupted = false;
        int result = 1;

        if (mnl_socket_sendto(link->socket, question, question->nlmsg_len) < 0)
                return -errno;
        while (result == 1) {
                struct pollfd poll_fd = { mnl_socket_get_fd(link->socket), POLLIN, 0 };
                ssize_t n = recv(poll_fd.fd, link->buffer, RECEIVE_BUFFER, MSG_DONTWAIT);
                int left = (int) n;

                if (n < 0 && errno == EAGAIN && poll(&poll_fd, 1, 5000) == 0)
                        return -ETIMEDOUT;
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                if (n < 0)
                        return -errno;
                for (const struct nlmsghdr *nlh = (void *) link->buffer; result == 1 && mnl_nlmsg_ok(nlh, left);
                     nlh = mnl_nlmsg_next(nlh, &left))
                        if (nlh->nlmsg_seq == question->nlmsg_seq)
                                result = read_question(nlh, answer, data, &interrupted);
        }
        if (result == 0 && interrupted)
                return -EINTR;
        return result == -ENOENT ? NFT_E_ABSENT : result;
}

static int take_generation(const struct nlmsghdr *nlh, void *data)
{
        const struct nlattr *attr;

        mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg))
                if (mnl_attr_get_type(attr) == NFTA_GEN_ID && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
                        *(uint32_t *) data = ntohl(mnl_attr_get_u32(attr));
        return 0;
}

/**
 * nft_link_generation() - the number of the ruleset's present state; every transaction of anybody moves it by one
 */
int nft_link_generation(NftLink *link, uint32_t *ret_generation)
{
        uint8_t buffer[256];
        uint32_t generation = 0;
        int r = nft_link_ask(link, nft_link_question(link, NFT_MSG_GETGEN, NLM_F_ACK, buffer), take_generation, &generation);

        if (r == 0)
                *ret_generation = generation;
        return r;
}

/**
 * nft_link_netns() - a number that no other network namespace has had since boot; 0 if the kernel does not tell
 */
uint64_t nft_link_netns(const NftLink *link)
{
        uint64_t cookie = 0;
        socklen_t size = sizeof cookie;

        if (getsockopt(mnl_socket_get_fd(link->socket), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
                return 0;
        return cookie;
}

static int batch_grow(NftBatch *batch)
{
        if (batch->space - batch->size < BATCH_ROOM) {
                size_t space = batch->space * 2 + 2 * BATCH_ROOM;
                uint8_t *data = realloc(batch->data, space);

                if (!data)
                        return -ENOMEM;
                batch->data = data;
                batch->space = space;
        }
        if (batch->n_messages == batch->messages_space) {
                size_t space = batch->messages_space * 2 + 16;
                NftMessage *messages = reallocarray(batch->messages, space, sizeof *messages);

                if (!messages)
                        return -ENOMEM;
                batch->messages = messages;
                batch->messages_space = space;
        }
        return 0;
}

/**
 * nft_batch_message() - begin a message of a transaction
 * @what:       for people, lives as long as the batch
 *
 * The caller adds attributes and ends it with nft_batch_done(); the pointer is good until then.
 *
 * Return: the message, or NULL when out of memory.
 */
struct nlmsghdr *nft_batch_message(NftBatch *batch, NftLink *link, uint16_t type, uint16_t flags, const char *what)
{
        if (batch_grow(batch) < 0)
                return NULL;
        if (batch->n_messages == 0) {
                struct nlmsghdr *begin = nftnl_batch_begin((char *) batch->data, ++link->seq);
                batch->size = MNL_ALIGN(begin->nlmsg_len);
        } else {
                link->seq = batch->messages[batch->n_messages - 1].seq; /* a message that was begun and left leaves no gap */
        }
        batch->messages[batch->n_messages] = (NftMessage){ .seq = ++link->seq, .offset = batch->size, .what = what };
        return nftnl_nlmsg_build_hdr((char *) batch->data + batch->size, type, NFPROTO_INET, flags, link->seq);
}

/**
 * nft_batch_done() - the message is complete
 */
void nft_batch_done(NftBatch *batch, const struct nlmsghdr *nlh)
{
        batch->size += MNL_ALIGN(nlh->nlmsg_len);
        batch->n_messages++;
}

/**
 * nft_batch_fault() - the first message that was refused, NULL if none was
 */
const NftMessage *nft_batch_fault(const NftBatch *batch)
{
        for (size_t i = 0; i < batch->n_messages; i++)
                if (batch->messages[i].error != 0)
                        return &batch->messages[i];
        return NULL;
}

/**
 * nft_batch_reset() - empty it, keeping its memory
 */
void nft_batch_reset(NftBatch *batch)
{
        batch->size = batch->n_messages = 0;
        batch->error = 0;
}

/**
 * nft_batch_deinit() - free its memory
 */
void nft_batch_deinit(NftBatch *batch)
{
        free(batch->data);
        free(batch->messages);
        *batch = (NftBatch){ 0 };
}
