/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Elements in netlink's form, laid out by hand.
 *
 * libnftnl's own builder writes past the 64 KiB that a nest's length can say, and
 * the kernel then stores a few hundred of thousands with a positive answer. Here
 * a message ends before NFT_MESSAGE_MAX.
 *
 * To change an element is TOUCH, DROP, ADD in one transaction: Linux 6.1 answers
 * positively to a NEW of an existing element and changes nothing; the first NEW
 * makes the DEL safe where the element is absent. A counter's figures are handed
 * to the new element, else they would be lost.
 *
 * To ask is by key, a thousand at a time. The kernel stops at the first key that
 * is absent, so the number of answers tells which one that is.
 */

#include <endian.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <string.h>

#include "firewall/nft-element.h"

#define TIMEOUT_MAX_MSEC (UINT64_C(100) * 365 * 86400 * 1000)

/**
 * nft_change_set_time() - turn `until` into the time left; what is over is removed instead
 */
void nft_change_set_time(NftChange *change, EventTime now)
{
        int64_t left;

        change->timeout_msec = 0;
        if (change->wish != NFT_WISH_PUT || change->until.usec == INT64_MAX)
                return;
        if (change->until.usec <= 0 || !event_time_before(now, change->until)) {
                change->wish = NFT_WISH_REMOVE;
                return;
        }
        left = (change->until.usec - now.usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
        change->timeout_msec = (uint64_t) left > TIMEOUT_MAX_MSEC ? TIMEOUT_MAX_MSEC : (uint64_t) left;
}

static int compare_keys(const NftChange *a, const NftChange *b)
{
        int order = nft_set_compare(&a->set, &b->set);

        return order != 0 ? order : memcmp(a->key, b->key, sizeof a->key);
}

static int compare_changes(const void *a, const void *b)
{
        const NftChange *x = a, *y = b;
        int order = compare_keys(x, y);

        if (order != 0)
                return order;
        return x->order < y->order ? -1 : x->order > y->order;
}

/**
 * nft_changes_sort() - bring changes of one set together; of equal keys only the last keeps its wish
 */
void nft_changes_sort(NftChange *changes, size_t n)
{
        qsort(changes, n, sizeof *changes, compare_changes);
        for (size_t i = 0; i + 1 < n; i++)
                if (compare_keys(&changes[i], &changes[i + 1]) == 0)
                        changes[i].wish = NFT_WISH_NOTHING;
}

/**
 * nft_changes_run() - how many changes at the beginning are of the same set
 */
size_t nft_changes_run(const NftChange *changes, size_t n)
{
        size_t i = 1;

        while (i < n && nft_set_compare(&changes[0].set, &changes[i].set) == 0)
                i++;
        return i < n ? i : n;
}

static void put_key(struct nlmsghdr *nlh, const uint8_t *key, size_t size)
{
        struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);

        mnl_attr_put(nlh, NFTA_DATA_VALUE, size, key);
        mnl_attr_nest_end(nlh, nest);
}

static void put_counter(struct nlmsghdr *nlh, uint64_t packets, uint64_t bytes)
{
        struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPR), *data;

        mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
        data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
        mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, htobe64(bytes));
        mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, htobe64(packets));
        mnl_attr_nest_end(nlh, data);
        mnl_attr_nest_end(nlh, nest);
}

static void put_change(struct nlmsghdr *nlh, const NftChange *change, bool whole)
{
        struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

        put_key(nlh, change->key, nft_set_key_size(&change->set));
        if (whole && change->timeout_msec > 0)
                mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(change->timeout_msec));
        if (whole && (change->packets > 0 || change->bytes > 0))
                put_counter(nlh, change->packets, change->bytes);
        mnl_attr_nest_end(nlh, nest);
}

static void put_set_name(struct nlmsghdr *nlh, const NftSet *set)
{
        char name[NFT_SET_NAME_LENGTH];

        mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
        mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, nft_set_name(set, name));
}

static int put_run(NftBatch *batch, NftLink *link, const NftChange *changes, size_t first, size_t count, NftStep step,
                   size_t per_message)
{
        static const uint16_t flags[] = { [NFT_STEP_ADD] = NLM_F_CREATE,
                                          [NFT_STEP_ADD_NEW] = NLM_F_CREATE | NLM_F_EXCL,
                                          [NFT_STEP_TOUCH] = NLM_F_CREATE,
                                          [NFT_STEP_DROP] = 0 };
        uint16_t type = step == NFT_STEP_DROP ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM;
        bool whole = step == NFT_STEP_ADD || step == NFT_STEP_ADD_NEW;
        size_t at = first, end = first + count;

        while (at < end) {
                struct nlattr *nest;
                struct nlmsghdr *nlh;
                size_t in_message = 0;

                if (changes[at].wish == NFT_WISH_NOTHING) {
                        at++;
                        continue;
                }
                nlh = nft_batch_message(batch, link, type, flags[step], "elements");
                if (!nlh)
                        return -ENOMEM;
                put_set_name(nlh, &changes[at].set);
                nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
                batch->messages[batch->n_messages].first = at;
                for (; at < end && in_message < per_message && nlh->nlmsg_len < NFT_MESSAGE_MAX; at++) {
                        if (changes[at].wish == NFT_WISH_NOTHING || (whole && changes[at].wish == NFT_WISH_REMOVE))
                                continue;
                        put_change(nlh, &changes[at], whole);
                        in_message++;
                }
                batch->messages[batch->n_messages].count = at - batch->messages[batch->n_messages].first;
                mnl_attr_nest_end(nlh, nest);
                if (in_message > 0)
                        nft_batch_done(batch, nlh);
        }
        return 0;
}

/**
 * nft_changes_put() - add messages for sorted changes
 * @step:               whole elements are made of those to put; bare keys of all that have a wish
 * @per_message:        at most so many in a message; each message knows its changes by first and count
 */
int nft_changes_put(NftBatch *batch, NftLink *link, const NftChange *changes, size_t n, NftStep step, size_t per_message)
{
        for (size_t at = 0; at < n;) {
                size_t run = nft_changes_run(changes + at, n - at);
                int r = put_run(batch, link, changes, at, run, step, per_message);

                if (r < 0)
                        return r;
                at += run;
        }
        return 0;
}

static int put_sentinel(NftBatch *batch, NftLink *link, const NftSet *set, const char *comment, uint16_t type)
{
        struct nlmsghdr *nlh = nft_batch_message(batch, link, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, "a sentinel");
        uint8_t key[NFT_KEY_MAX], data[NFT_COMMENT_MAX + 2];
        size_t size = nft_set_sentinel(set, key), length = strlen(comment) + 1;
        struct nlattr *list, *nest;

        if (!nlh)
                return -ENOMEM;
        put_set_name(nlh, set);
        list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
        nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
        put_key(nlh, key, size);
        if (*comment) {
                data[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
                data[1] = (uint8_t) length;
                memcpy(data + 2, comment, length);
                mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, length + 2, data);
        }
        mnl_attr_nest_end(nlh, nest);
        mnl_attr_nest_end(nlh, list);
        nft_batch_done(batch, nlh);
        return 0;
}

/**
 * nft_sentinel_put() - add messages that give a set its sentinel
 * @comment:    shorter than NFT_COMMENT_MAX
 * @replacing:  another one may be there
 */
int nft_sentinel_put(NftBatch *batch, NftLink *link, const NftSet *set, const char *comment, bool replacing)
{
        int r = 0;

        if (replacing)
                r = put_sentinel(batch, link, set, "", NFT_MSG_NEWSETELEM);
        if (r == 0 && replacing)
                r = put_sentinel(batch, link, set, "", NFT_MSG_DELSETELEM);
        return r < 0 ? r : put_sentinel(batch, link, set, comment, NFT_MSG_NEWSETELEM);
}

static void read_counter(const struct nlattr *expr, NftElement *element)
{
        const struct nlattr *attr, *inner;

        mnl_attr_for_each_nested (attr, expr) {
                if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
                    strcmp(mnl_attr_get_str(attr), "counter") != 0)
                        return;
                if (mnl_attr_get_type(attr) != NFTA_EXPR_DATA)
                        continue;
                mnl_attr_for_each_nested (inner, attr) {
                        if (mnl_attr_validate(inner, MNL_TYPE_U64) < 0)
                                continue;
                        if (mnl_attr_get_type(inner) == NFTA_COUNTER_PACKETS)
                                element->packets = be64toh(mnl_attr_get_u64(inner));
                        else if (mnl_attr_get_type(inner) == NFTA_COUNTER_BYTES)
                                element->bytes = be64toh(mnl_attr_get_u64(inner));
                }
                element->has_counter = true;
        }
}

static void read_comment(const struct nlattr *attr, NftElement *element)
{
        const uint8_t *data = mnl_attr_get_payload(attr);
        size_t size = mnl_attr_get_payload_len(attr);

        for (size_t at = 0; at + 2 <= size; at += 2u + data[at + 1]) {
                size_t length = data[at + 1];
                if (at + 2 + length > size)
                        return;
                if (data[at] == NFTNL_UDATA_SET_ELEM_COMMENT && length > 0 && length <= sizeof element->comment)
                        snprintf(element->comment, sizeof element->comment, "%.*s", (int) length - 1,
                                 (const char *) data + at + 2);
        }
}

static void read_element(const struct nlattr *nest, NftElement *element)
{
        const struct nlattr *attr;

        mnl_attr_for_each_nested (attr, nest) {
                switch (mnl_attr_get_type(attr)) {
                case NFTA_SET_ELEM_TIMEOUT: element->has_timeout = true; break;
                case NFTA_SET_ELEM_EXPIRATION:
                        if (mnl_attr_validate(attr, MNL_TYPE_U64) >= 0)
                                element->expires_msec = be64toh(mnl_attr_get_u64(attr));
                        element->has_timeout = true;
                        break;
                case NFTA_SET_ELEM_EXPR: read_counter(attr, element); break;
                case NFTA_SET_ELEM_USERDATA: read_comment(attr, element); break;
                default: break;
                }
        }
}

typedef struct Asking {
        NftElementFound found;
        void *data;
        size_t base, seen;
} Asking;

static int take_elements(const struct nlmsghdr *nlh, void *data)
{
        const struct nlattr *attr, *nest;
        Asking *asking = data;

        mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
                        continue;
                mnl_attr_for_each_nested (nest, attr) {
                        NftElement element = { .has_timeout = false };
                        int r;

                        read_element(nest, &element);
                        r = asking->found(asking->data, asking->base + asking->seen++, &element);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/**
 * nft_changes_find() - ask one set for keys until one is absent
 * @changes:    of one set; as many of them as one question takes
 * @found:      called for each that is there, in order
 * @ret_found:  how many from the beginning are there; less than were asked for: the next one is absent
 *
 * Return: how many were asked for, or -errno; -ENOENT also if set or table are absent (then *ret_found is 0).
 */
int nft_changes_find(NftLink *link, const NftChange *changes, size_t n, NftElementFound found, void *data, size_t *ret_found)
{
        _cleanup_free_ uint8_t *buffer = malloc(NFT_MESSAGE_MAX + 512);
        Asking asking = { found, data, 0, 0 };
        struct nlattr *list;
        struct nlmsghdr *nlh;
        size_t asked;
        int r;

        if (!buffer)
                return -ENOMEM;
        nlh = nft_link_question(link, NFT_MSG_GETSETELEM, NLM_F_ACK, buffer);
        put_set_name(nlh, &changes[0].set);
        list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
        for (asked = 0; asked < n && asked < link->ask_max && nlh->nlmsg_len < NFT_MESSAGE_MAX; asked++) {
                struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
                put_key(nlh, changes[asked].key, nft_set_key_size(&changes[asked].set));
                mnl_attr_nest_end(nlh, nest);
        }
        mnl_attr_nest_end(nlh, list);
        r = nft_link_ask(link, nlh, take_elements, &asking);
        if (r < 0)
                return r;
        if (r == 0 && asking.seen < asked)
                return -EBADMSG;
        *ret_found = asking.seen;
        return (int) asked;
}

static int take_sentinel(void *data, size_t at, const NftElement *element)
{
        *(NftElement *) data = *element;
        return 0;
}

/**
 * nft_sentinel_find() - read a set's sentinel
 *
 * Return: 0, NFT_E_ABSENT, -errno.
 */
int nft_sentinel_find(NftLink *link, const NftSet *set, NftElement *ret_element)
{
        NftChange change = { .set = *set };
        size_t found = 0;
        int r;

        nft_set_sentinel(set, change.key);
        r = nft_changes_find(link, &change, 1, take_sentinel, ret_element, &found);
        if (r < 0)
                return r;
        return found == 1 ? 0 : NFT_E_ABSENT;
}

typedef struct KeyReading {
        NftKeyFound found;
        void *data;
} KeyReading;

static int take_key(const struct nlattr *nest, const KeyReading *reading)
{
        const struct nlattr *attr, *inner;

        mnl_attr_for_each_nested (attr, nest) {
                if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_KEY)
                        continue;
                mnl_attr_for_each_nested (inner, attr)
                        if (mnl_attr_get_type(inner) == NFTA_DATA_VALUE)
                                return reading->found(reading->data, mnl_attr_get_payload(inner), mnl_attr_get_payload_len(inner));
        }
        return 0;
}

static int take_keys(const struct nlmsghdr *nlh, void *data)
{
        const struct nlattr *attr, *nest;
        int r = 0;

        mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
                        continue;
                mnl_attr_for_each_nested (nest, attr) {
                        r = take_key(nest, data);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/**
 * nft_set_each_key() - read the keys of all elements of a set, the sentinel's too
 * @found:      must not ask the kernel
 *
 * Return: 0, NFT_E_ABSENT, -EINTR: it changed meanwhile, ask again; -errno.
 */
int nft_set_each_key(NftLink *link, const NftSet *set, NftKeyFound found, void *data)
{
        KeyReading reading = { found, data };
        uint8_t buffer[256];
        struct nlmsghdr *nlh = nft_link_question(link, NFT_MSG_GETSETELEM, NLM_F_DUMP, buffer);

        put_set_name(nlh, set);
        return nft_link_ask(link, nlh, take_keys, &reading);
}
