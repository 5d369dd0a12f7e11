/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The table `inet bailiff`: our mark in its comment, one chain, the sets.
 *
 * The mark is a comment because nft prints a table's comment and loads it again;
 * flags like `owner` do not survive that.
 */

#include <errno.h>
#include <stdio.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <string.h>

#include "firewall/nft-table.h"

#define TABLE_MARK "bans of bailiffd; change them with bailiffctl"
#define CHAIN_PRIORITY (-300) /* raw: before connection tracking and DNAT, so established flows and published ports count */
#define GC_INTERVAL_MSEC                                                                                                         \
        60000 /* expired elements match nothing; a sweep over a million each second would cost a core's few percent */

/* nft's numbers of datatypes; a concatenation shifts them together. */
enum {
        TYPE_IPV4 = 7,
        TYPE_IPV6 = 8,
        TYPE_PROTOCOL = 12,
        TYPE_SERVICE = 13,
};

static inline void chain_freep(struct nftnl_chain **chain)
{
        if (*chain)
                nftnl_chain_free(*chain);
}

static inline void table_freep(struct nftnl_table **table)
{
        if (*table)
                nftnl_table_free(*table);
}

static inline void set_freep(struct nftnl_set **set)
{
        if (*set)
                nftnl_set_free(*set);
}

static inline void udata_freep(struct nftnl_udata_buf **data)
{
        if (*data)
                nftnl_udata_buf_free(*data);
}

static struct nftnl_udata_buf *comment_data(uint8_t type, const char *comment)
{
        _cleanup_(udata_freep) struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

        if (!data || !nftnl_udata_put_strz(data, type, comment))
                return NULL;
        return steal(data);
}

/**
 * nft_table_put_removal() - remove the table, whether it is there or not
 */
int nft_table_put_removal(NftBatch *batch, NftLink *link)
{
        static const uint16_t types[] = { NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE };

        for (size_t i = 0; i < 2; i++) {
                struct nlmsghdr *nlh = nft_batch_message(batch, link, types[i], i == 0 ? NLM_F_CREATE : 0, "the table");
                if (!nlh)
                        return -ENOMEM;
                mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NFT_TABLE);
                nft_batch_done(batch, nlh);
        }
        return 0;
}

static int put_table(NftBatch *batch, NftLink *link)
{
        _cleanup_(table_freep) struct nftnl_table *table = nftnl_table_alloc();
        _cleanup_(udata_freep) struct nftnl_udata_buf *data = comment_data(NFTNL_UDATA_TABLE_COMMENT, TABLE_MARK);
        struct nlmsghdr *nlh;

        if (!table || !data)
                return -ENOMEM;
        nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
        nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFT_TABLE);
        nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data), nftnl_udata_buf_len(data));
        nlh = nft_batch_message(batch, link, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL,
                                "a table of family inet (module nf_tables)");
        if (!nlh)
                return -ENOMEM;
        nftnl_table_nlmsg_build_payload(nlh, table);
        nft_batch_done(batch, nlh);
        return 0;
}

static int put_chain(NftBatch *batch, NftLink *link)
{
        _cleanup_(chain_freep) struct nftnl_chain *chain = nftnl_chain_alloc();
        struct nlmsghdr *nlh;

        if (!chain)
                return -ENOMEM;
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
        nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFT_TABLE);
        nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, NFT_CHAIN);
        nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
        nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, CHAIN_PRIORITY);
        nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
        nlh = nft_batch_message(batch, link, NFT_MSG_NEWCHAIN, NLM_F_CREATE,
                                "a chain at prerouting in family inet (module nf_tables)");
        if (!nlh)
                return -ENOMEM;
        nftnl_chain_nlmsg_build_payload(nlh, chain);
        nft_batch_done(batch, nlh);
        return 0;
}

/**
 * nft_table_put() - add messages that make the table and its empty chain
 * @replace:    a table may stand there, and goes in the same transaction
 */
int nft_table_put(NftBatch *batch, NftLink *link, bool replace)
{
        int r = replace ? nft_table_put_removal(batch, link) : 0;

        if (r == 0)
                r = put_table(batch, link);
        return r < 0 ? r : put_chain(batch, link);
}

static uint32_t key_type(const NftSet *set)
{
        uint32_t type = set->family == 4 ? TYPE_IPV4 : TYPE_IPV6;

        return nft_set_has_port(set) ? (type << 12) | (TYPE_PROTOCOL << 6) | TYPE_SERVICE : type;
}

static uint32_t set_flags(const NftSet *set)
{
        return NFT_SET_TIMEOUT | (nft_set_has_port(set) ? (uint32_t) NFT_SET_CONCAT : 0);
}

static int describe_set(struct nftnl_set *out, const NftSet *set, bool counters)
{
        static const char *const comments[] = {
                [NFT_ALLOW] = "allowed, looked up first",
                [NFT_ANY] = "banned on all ports",
                [NFT_PORT] = "banned on one port",
                [NFT_REJECT] = "banned on all ports, and told so",
                [NFT_REJECT_PORT] = "banned on one port, and told so",
        };
        _cleanup_(udata_freep) struct nftnl_udata_buf *data = comment_data(NFTNL_UDATA_SET_COMMENT, comments[set->kind]);
        uint8_t fields[3] = { (uint8_t) nft_set_addr_size(set), 4, 4 };
        char name[NFT_SET_NAME_LENGTH];

        if (!data)
                return -ENOMEM;
        nftnl_set_set_u32(out, NFTNL_SET_FAMILY, NFPROTO_INET);
        nftnl_set_set_str(out, NFTNL_SET_TABLE, NFT_TABLE);
        nftnl_set_set_str(out, NFTNL_SET_NAME, nft_set_name(set, name));
        nftnl_set_set_u32(out, NFTNL_SET_ID, 1000u * set->kind + 200u * (set->family == 6) + set->length + 1);
        nftnl_set_set_u32(out, NFTNL_SET_FLAGS, set_flags(set));
        nftnl_set_set_u32(out, NFTNL_SET_KEY_TYPE, key_type(set));
        nftnl_set_set_u32(out, NFTNL_SET_KEY_LEN, (uint32_t) nft_set_key_size(set));
        nftnl_set_set_u32(out, NFTNL_SET_GC_INTERVAL, GC_INTERVAL_MSEC);
        nftnl_set_set_data(out, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data), nftnl_udata_buf_len(data));
        if (nft_set_has_port(set))
                nftnl_set_set_data(out, NFTNL_SET_DESC_CONCAT, fields, sizeof fields);
        if (counters && set->kind != NFT_ALLOW) {
                struct nftnl_expr *counter = nftnl_expr_alloc("counter");
                if (!counter)
                        return -ENOMEM;
                nftnl_set_add_expr(out, counter);
        }
        return 0;
}

/**
 * nft_table_put_set() - add the message that makes a set
 * @counters:   each of its elements shall count packets and bytes
 */
int nft_table_put_set(NftBatch *batch, NftLink *link, const NftSet *set, bool counters)
{
        _cleanup_(set_freep) struct nftnl_set *out = nftnl_set_alloc();
        struct nlmsghdr *nlh;

        if (!out || describe_set(out, set, counters) < 0)
                return -ENOMEM;
        nlh = nft_batch_message(batch, link, NFT_MSG_NEWSET, NLM_F_CREATE,
                                "hash sets with timeouts (modules nf_tables, nft_set_hash), counters and concatenations");
        if (!nlh)
                return -ENOMEM;
        nftnl_set_nlmsg_build_payload(nlh, out);
        nft_batch_done(batch, nlh);
        return 0;
}

static int take_table(const struct nlmsghdr *nlh, void *data)
{
        _cleanup_(table_freep) struct nftnl_table *table = nftnl_table_alloc();
        NftFound *found = data;
        struct nftnl_udata *attr;
        const uint8_t *comment;
        uint32_t size = 0;

        if (!table)
                return -ENOMEM;
        if (nftnl_table_nlmsg_parse(nlh, table) < 0)
                return -EBADMSG;
        found->table = true;
        found->handle = nftnl_table_get_u64(table, NFTNL_TABLE_HANDLE);
        comment = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &size);
        if (!comment || size < 2)
                return 0;
        /* One attribute alone: type, length, text. */
        attr = (struct nftnl_udata *) (uintptr_t) comment;
        found->marked = nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT && nftnl_udata_len(attr) == sizeof TABLE_MARK &&
                        size >= 2 + sizeof TABLE_MARK && memcmp(nftnl_udata_get(attr), TABLE_MARK, sizeof TABLE_MARK) == 0;
        return 0;
}

static int take_chain(const struct nlmsghdr *nlh, void *data)
{
        _cleanup_(chain_freep) struct nftnl_chain *chain = nftnl_chain_alloc();
        NftFound *found = data;
        const char *type;

        if (!chain)
                return -ENOMEM;
        if (nftnl_chain_nlmsg_parse(nlh, chain) < 0)
                return -EBADMSG;
        type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
        found->chain = nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) && type && strcmp(type, "filter") == 0 &&
                       nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) == NF_INET_PRE_ROUTING &&
                       nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO) == CHAIN_PRIORITY &&
                       nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_ACCEPT;
        return 0;
}

static int take_set(const struct nlmsghdr *nlh, void *data)
{
        _cleanup_(set_freep) struct nftnl_set *in = nftnl_set_alloc();
        NftFound *found = data;
        NftSet set;

        if (!in)
                return -ENOMEM;
        if (nftnl_set_nlmsg_parse(nlh, in) < 0)
                return -EBADMSG;
        if (nft_set_parse(nftnl_set_get_str(in, NFTNL_SET_NAME), &set) < 0)
                return 0; /* somebody's own */
        /* A size limit or a default timeout is not ours: elements would be refused, or end early. */
        if (nftnl_set_get_u32(in, NFTNL_SET_FLAGS) != set_flags(&set) ||
            nftnl_set_get_u32(in, NFTNL_SET_KEY_LEN) != nft_set_key_size(&set) ||
            nftnl_set_get_u32(in, NFTNL_SET_DESC_SIZE) != 0 || nftnl_set_get_u64(in, NFTNL_SET_TIMEOUT) != 0)
                found->sets_sound = false;
        if (set.kind != NFT_ALLOW && nftnl_set_is_set(in, NFTNL_SET_EXPR))
                found->counted = true;
        else if (set.kind != NFT_ALLOW)
                found->uncounted = true;
        nft_sets_add(&found->sets, &set);
        return 0;
}

/**
 * nft_table_find_handle() - the table alone: whether it is there, ours, and which
 */
int nft_table_find_handle(NftLink *link, NftFound *ret_found)
{
        NftFound found = { .sets_sound = true };
        uint8_t buffer[256];
        struct nlmsghdr *nlh = nft_link_question(link, NFT_MSG_GETTABLE, NLM_F_ACK, buffer);
        int r;

        mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NFT_TABLE);
        r = nft_link_ask(link, nlh, take_table, &found);
        if (r == 0 || r == NFT_E_ABSENT)
                *ret_found = found;
        return r == NFT_E_ABSENT ? 0 : r;
}

/**
 * nft_table_find() - what stands in the kernel, but for rules and elements
 *
 * Return: 0 (also if nothing is there), -EINTR: ask again, -errno.
 */
int nft_table_find(NftLink *link, NftFound *ret_found)
{
        struct nlmsghdr *nlh;
        NftFound found;
        uint8_t buffer[256];
        int r = nft_table_find_handle(link, &found);

        if (r != 0 || !found.marked) {
                if (r == 0)
                        *ret_found = found;
                return r;
        }
        nlh = nft_link_question(link, NFT_MSG_GETCHAIN, NLM_F_ACK, buffer);
        mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, NFT_TABLE);
        mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, NFT_CHAIN);
        r = nft_link_ask(link, nlh, take_chain, &found);
        if (r != 0 && r != NFT_E_ABSENT)
                return r;

        nlh = nft_link_question(link, NFT_MSG_GETSET, NLM_F_DUMP, buffer);
        mnl_attr_put_strz(nlh, NFTA_SET_TABLE, NFT_TABLE);
        r = nft_link_ask(link, nlh, take_set, &found);
        if (r != 0 && r != NFT_E_ABSENT)
                return r;
        *ret_found = found;
        return 0;
}
