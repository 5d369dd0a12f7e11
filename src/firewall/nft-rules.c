/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The rules, in the sets' order: one for each set, two for a set whose packets
 * are refused; and one for neighbour discovery between the allow sets and the
 * ban sets.
 *
 * TCP is refused by a reset, which ends connections, too; all else by an ICMP
 * "administratively prohibited", of which the kernel itself limits the rate.
 * The two rules of a set exclude each other before they look anything up, so a
 * packet is looked up once, and counted once.
 *
 * They are what `nft` itself makes of the same text, registers included, so that
 * a table which nft has saved and loaded again has equal rules. They are always
 * rewritten together, in one transaction: that is atomic for packets, and spares
 * us from placing a new rule between others. They hold no counters, so nothing
 * is lost by it.
 *
 * What stands in the kernel is compared expression by expression in libnftnl's
 * text form. User data is no proof: `nft flush chain` leaves the chain's, and
 * rules of our own text could have been altered under the same comment.
 */

#include <errno.h>
#include <stdio.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <stddef.h>
#include <string.h>

#include "firewall/nft-rules.h"

#define RULE_TEXT_MAX 1024
#define SETS_WHAT "rules with set lookup, payload and meta (modules nf_tables_inet, nft_set_hash)"

const char NFT_REJECT_WHAT[] = "rules that refuse packets (module nft_reject_inet)";

typedef struct nftnl_rule Rule;

static inline void rule_freep(Rule **rule)
{
        if (*rule)
                nftnl_rule_free(*rule);
}

/* The register that holds byte @at of a key that begins in register 1, as nft numbers them. */
static uint32_t key_register(size_t at)
{
        return at % 16 == 0 ? NFT_REG_1 + (uint32_t) at / 16 : NFT_REG32_00 + (uint32_t) at / 4;
}

static struct nftnl_expr *add_expr(Rule *rule, const char *name)
{
        struct nftnl_expr *expr = nftnl_expr_alloc(name);

        if (expr)
                nftnl_rule_add_expr(rule, expr);
        return expr;
}

static int add_meta(Rule *rule, uint32_t key, uint32_t to)
{
        struct nftnl_expr *expr = add_expr(rule, "meta");

        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, to);
        return 0;
}

static int add_compare(Rule *rule, uint32_t operation, uint8_t value)
{
        struct nftnl_expr *expr = add_expr(rule, "cmp");

        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
        nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, &value, sizeof value);
        return 0;
}

static int add_payload(Rule *rule, uint32_t base, uint32_t offset, uint32_t size, uint32_t to)
{
        struct nftnl_expr *expr = add_expr(rule, "payload");

        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, size);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, to);
        return 0;
}

static int add_mask(Rule *rule, const NftSet *set)
{
        struct nftnl_expr *expr;
        uint32_t size = (uint32_t) nft_set_addr_size(set);
        uint8_t zero[16] = { 0 };
        Addr ones = { .family = set->family, .length = (uint8_t) (size * 8) };

        if (set->length == size * 8)
                return 0;
        memset(ones.bytes, 0xff, size);
        ones = addr_masked(&ones, set->length);
        expr = add_expr(rule, "bitwise");
        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, size);
        nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, ones.bytes, size);
        nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zero, size);
        return 0;
}

static int add_lookup(Rule *rule, const NftSet *set)
{
        struct nftnl_expr *expr = add_expr(rule, "lookup");
        char name[NFT_SET_NAME_LENGTH];

        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, 0); /* the kernel's answers have it, too */
        return nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, nft_set_name(set, name)) < 0 ? -ENOMEM : 0;
}

static int add_verdict(Rule *rule, int verdict)
{
        struct nftnl_expr *expr = add_expr(rule, "immediate");

        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t) verdict);
        return 0;
}

static int add_reject(Rule *rule, bool tcp)
{
        struct nftnl_expr *expr = add_expr(rule, "reject");

        if (!expr)
                return -ENOMEM;
        nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, tcp ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
        nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, tcp ? 0 : NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
        return 0;
}

static int add_family(Rule *rule, int family)
{
        int r = add_meta(rule, NFT_META_NFPROTO, NFT_REG_1);

        return r < 0 ? r : add_compare(rule, NFT_CMP_EQ, family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static int add_comment(Rule *rule, const char *comment)
{
        struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
        int r = -ENOMEM;

        if (!data)
                return r;
        if (nftnl_udata_put_strz(data, NFTNL_UDATA_RULE_COMMENT, comment) &&
            nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data), nftnl_udata_buf_len(data)) == 0)
                r = 0;
        nftnl_udata_buf_free(data);
        return r;
}

/* meta l4proto tcp, or != tcp */
static int add_tcp(Rule *rule, bool tcp)
{
        int r = add_meta(rule, NFT_META_L4PROTO, NFT_REG_1);

        return r < 0 ? r : add_compare(rule, tcp ? NFT_CMP_EQ : NFT_CMP_NEQ, IPPROTO_TCP);
}

/* ip saddr [& mask] [. meta l4proto . th dport] @set */
static int add_match(Rule *rule, const NftSet *set)
{
        uint32_t size = (uint32_t) nft_set_addr_size(set);
        int r = add_family(rule, set->family);

        if (r == 0)
                r = add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, set->family == 4 ? 12 : 8, size, NFT_REG_1);
        if (r == 0)
                r = add_mask(rule, set);
        if (r == 0 && nft_set_has_port(set))
                r = add_meta(rule, NFT_META_L4PROTO, key_register(size));
        if (r == 0 && nft_set_has_port(set))
                r = add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, key_register(size + 4));
        return r < 0 ? r : add_lookup(rule, set);
}

/* A set's first rule, or its second. */
static int fill_set_rule(Rule *rule, const NftSet *set, bool second)
{
        static const char *const comments[] = {
                [NFT_ALLOW] = "allowed: never banned",
                [NFT_ANY] = "banned on all ports",
                [NFT_PORT] = "banned on some ports",
                [NFT_REJECT] = "banned on all ports, refused",
                [NFT_REJECT_PORT] = "banned on some ports, refused",
        };
        bool rejects = nft_set_rejects(set);
        int r = rejects ? add_tcp(rule, !second) : 0;

        if (r == 0)
                r = add_match(rule, set);
        if (r == 0)
                r = rejects ? add_reject(rule, !second) : add_verdict(rule, set->kind == NFT_ALLOW ? NFT_RETURN : NF_DROP);
        return r < 0 ? r : add_comment(rule, comments[set->kind]);
}

/* icmpv6 type 133-137 return: a banned /64 may hold our own router and neighbours. */
static int fill_discovery_rule(Rule *rule)
{
        int r = add_family(rule, 6);

        if (r == 0)
                r = add_meta(rule, NFT_META_L4PROTO, NFT_REG_1);
        if (r == 0)
                r = add_compare(rule, NFT_CMP_EQ, IPPROTO_ICMPV6);
        if (r == 0)
                r = add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
        if (r == 0)
                r = add_compare(rule, NFT_CMP_GTE, 133);
        if (r == 0)
                r = add_compare(rule, NFT_CMP_LTE, 137);
        if (r == 0)
                r = add_verdict(rule, NFT_RETURN);
        return r < 0 ? r : add_comment(rule, "IPv6 neighbour discovery works on");
}

/* Which rule stands at a place. */
typedef struct RulePlace {
        const NftSet *set; /* NULL: neighbour discovery */
        bool second;
} RulePlace;

/* Return: whether there is one. */
static bool find_place(const NftSets *sets, size_t at, RulePlace *ret_place)
{
        bool discovery = false;

        for (size_t i = 0; i <= sets->n; i++) {
                const NftSet *set = i < sets->n ? &sets->items[i] : NULL;

                if (!discovery && (!set || set->kind != NFT_ALLOW)) {
                        discovery = true;
                        if (at-- == 0) {
                                *ret_place = (RulePlace){ NULL, false };
                                return true;
                        }
                }
                for (size_t part = 0; set && part < 1u + nft_set_rejects(set); part++)
                        if (at-- == 0) {
                                *ret_place = (RulePlace){ set, part == 1 };
                                return true;
                        }
        }
        return false;
}

static int make_rule(const RulePlace *place, Rule **ret_rule)
{
        _cleanup_(rule_freep) Rule *rule = nftnl_rule_alloc();
        int r;

        if (!rule)
                return -ENOMEM;
        nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
        nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE);
        nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, NFT_CHAIN);
        r = place->set ? fill_set_rule(rule, place->set, place->second) : fill_discovery_rule(rule);
        if (r < 0)
                return r;
        *ret_rule = steal(rule);
        return 0;
}

/**
 * nft_rules_put() - add messages that make the chain hold exactly these rules
 * @replace:    the chain has rules, which go in the same transaction
 *
 * Return: 0, -ENOMEM.
 */
int nft_rules_put(NftBatch *batch, NftLink *link, const NftSets *sets, bool replace)
{
        RulePlace place;

        if (replace) {
                struct nlmsghdr *nlh = nft_batch_message(batch, link, NFT_MSG_DELRULE, 0, "the old rules");
                if (!nlh)
                        return -ENOMEM;
                mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, NFT_TABLE);
                mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, NFT_CHAIN);
                nft_batch_done(batch, nlh);
        }
        for (size_t i = 0; find_place(sets, i, &place); i++) {
                _cleanup_(rule_freep) Rule *rule = NULL;
                int r = make_rule(&place, &rule);
                struct nlmsghdr *nlh;

                if (r < 0)
                        return r;
                nlh = nft_batch_message(batch, link, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
                                        place.set && nft_set_rejects(place.set) ? NFT_REJECT_WHAT : SETS_WHAT);
                if (!nlh)
                        return -ENOMEM;
                nftnl_rule_nlmsg_build_payload(nlh, rule);
                nft_batch_done(batch, nlh);
        }
        return 0;
}

typedef struct RuleText {
        char *text;
        size_t used;
} RuleText;

static int write_expr(struct nftnl_expr *expr, void *data)
{
        RuleText *out = data;
        int n;

        if (out->used >= RULE_TEXT_MAX)
                return 0;
        n = snprintf(out->text + out->used, RULE_TEXT_MAX - out->used, "%s ", nftnl_expr_get_str(expr, NFTNL_EXPR_NAME));
        out->used += (size_t) n;
        if (out->used < RULE_TEXT_MAX) {
                n = nftnl_expr_snprintf(out->text + out->used, RULE_TEXT_MAX - out->used, expr, NFTNL_OUTPUT_DEFAULT, 0);
                out->used += n > 0 ? (size_t) n : 0;
        }
        if (out->used + 1 < RULE_TEXT_MAX)
                out->text[out->used++] = '\n';
        return 0;
}

static void write_rule(Rule *rule, char text[static RULE_TEXT_MAX])
{
        RuleText out = { text, 0 };

        memset(text, 0, RULE_TEXT_MAX);
        nftnl_expr_foreach(rule, write_expr, &out);
        text[RULE_TEXT_MAX - 1] = '\0';
}

typedef struct RuleCheck {
        const NftSets *sets;
        size_t seen;
        bool differs;
} RuleCheck;

static int check_rule(const struct nlmsghdr *nlh, void *data)
{
        _cleanup_(rule_freep) Rule *rule = nftnl_rule_alloc(), *expected = NULL;
        char found_text[RULE_TEXT_MAX], expected_text[RULE_TEXT_MAX];
        RuleCheck *check = data;
        RulePlace place;
        int r;

        if (!rule)
                return -ENOMEM;
        if (nftnl_rule_nlmsg_parse(nlh, rule) < 0)
                return -EBADMSG;
        /* 6.1 dumps other chains of the table as well when one is asked for that is not there. */
        if (strcmp(nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN), NFT_CHAIN) != 0)
                return 0;
        if (!find_place(check->sets, check->seen++, &place)) {
                check->differs = true;
                return 0;
        }
        r = make_rule(&place, &expected);
        if (r < 0)
                return r;
        write_rule(rule, found_text);
        write_rule(expected, expected_text);
        if (strcmp(found_text, expected_text) != 0)
                check->differs = true;
        return 0;
}

/**
 * nft_rules_check() - compare the chain's rules with those that belong there
 *
 * Return: 0 if they are equal, NFT_E_DIFFERS, -errno.
 */
int nft_rules_check(NftLink *link, const NftSets *sets)
{
        RuleCheck check = { .sets = sets };
        uint8_t buffer[512];
        RulePlace place;
        struct nlmsghdr *nlh = nft_link_question(link, NFT_MSG_GETRULE, NLM_F_DUMP, buffer);
        int r;

        mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, NFT_TABLE);
        mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, NFT_CHAIN);
        r = nft_link_ask(link, nlh, check_rule, &check);
        if (r == NFT_E_ABSENT)
                return NFT_E_DIFFERS;
        if (r != 0)
                return r;
        return check.differs || find_place(sets, check.seen, &place) ? NFT_E_DIFFERS : 0;
}
