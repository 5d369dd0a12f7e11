/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One hash set per kind, family and prefix length.
 *
 * Interval sets would be one set for all lengths, but they refuse overlaps and,
 * on Linux 6.1, let packets through while they change. A hash set under a mask
 * does neither, and costs a packet 10 to 25 ns for each length in use.
 *
 * Every set holds a sentinel, whose key no valid packet can match: an address of
 * ones. It is not masked to the set's length, and so in a set under a mask it
 * cannot match any packet at all, not even for /0.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/nft-set.h"

static const char *const kind_names[] = {
        [NFT_ALLOW] = "allow",   [NFT_ANY] = "any",
        [NFT_PORT] = "port",     [NFT_REJECT] = "reject",
        [NFT_REJECT_PORT] = "rejectport",
};

static unsigned full_length(const NftSet *set)
{
        return set->family == 4 ? 32 : 128;
}

/**
 * nft_set_name() - "any4", "any6_64", "port4_24", "reject6", ...
 */
const char *nft_set_name(const NftSet *set, char buffer[static NFT_SET_NAME_LENGTH])
{
        if (set->length == full_length(set))
                snprintf(buffer, NFT_SET_NAME_LENGTH, "%s%u", kind_names[set->kind], set->family);
        else
                snprintf(buffer, NFT_SET_NAME_LENGTH, "%s%u_%u", kind_names[set->kind], set->family, set->length);
        return buffer;
}

/**
 * nft_set_parse() - the set that a name means
 *
 * Return: 0, or -EINVAL for a name that nft_set_name() does not give.
 */
int nft_set_parse(const char *name, NftSet *ret_set)
{
        char again[NFT_SET_NAME_LENGTH];

        for (unsigned kind = 0; kind < sizeof kind_names / sizeof *kind_names; kind++) {
                size_t used = strlen(kind_names[kind]);
                NftSet set = { .kind = (uint8_t) kind };

                if (strncmp(name, kind_names[kind], used) != 0 || (name[used] != '4' && name[used] != '6'))
                        continue;
                set.family = (uint8_t) (name[used] - '0');
                set.length = (uint8_t) full_length(&set);
                if (name[used + 1] == '_') {
                        unsigned long length = strtoul(name + used + 2, NULL, 10);
                        if (length >= full_length(&set))
                                return -EINVAL;
                        set.length = (uint8_t) length;
                }
                if (strcmp(nft_set_name(&set, again), name) != 0)
                        return -EINVAL;
                *ret_set = set;
                return 0;
        }
        return -EINVAL;
}

/**
 * nft_set_compare() - the order of the rules: allowed first, long prefixes before short ones
 */
int nft_set_compare(const NftSet *a, const NftSet *b)
{
        if (a->kind != b->kind)
                return (int) a->kind - (int) b->kind;
        if (a->family != b->family)
                return (int) a->family - (int) b->family;
        return (int) b->length - (int) a->length;
}

/**
 * nft_set_has_port() - whether its keys are addresses on a port
 */
bool nft_set_has_port(const NftSet *set)
{
        return set->kind == NFT_PORT || set->kind == NFT_REJECT_PORT;
}

/**
 * nft_set_rejects() - whether packets of its elements are refused, not dropped
 */
bool nft_set_rejects(const NftSet *set)
{
        return set->kind == NFT_REJECT || set->kind == NFT_REJECT_PORT;
}

size_t nft_set_addr_size(const NftSet *set)
{
        return set->family == 4 ? 4 : 16;
}

/**
 * nft_set_key_size() - bytes of a key; the fields of a concatenation are padded to four bytes each
 */
size_t nft_set_key_size(const NftSet *set)
{
        return nft_set_addr_size(set) + (nft_set_has_port(set) ? 8 : 0);
}

/**
 * nft_set_key() - an element's key as the kernel compares it
 * @addr:       masked to the set's length by the caller
 *
 * Return: its size in bytes.
 */
size_t nft_set_key(const NftSet *set, const Addr *addr, uint8_t protocol, uint16_t port, uint8_t key[static NFT_KEY_MAX])
{
        size_t size = nft_set_addr_size(set);

        memset(key, 0, NFT_KEY_MAX);
        memcpy(key, addr->bytes, size);
        if (nft_set_has_port(set)) {
                key[size] = protocol;
                key[size + 4] = (uint8_t) (port >> 8);
                key[size + 5] = (uint8_t) port;
        }
        return nft_set_key_size(set);
}

/**
 * nft_set_sentinel() - the sentinel's key
 */
size_t nft_set_sentinel(const NftSet *set, uint8_t key[static NFT_KEY_MAX])
{
        Addr ones = { .family = set->family };

        memset(ones.bytes, 0xff, sizeof ones.bytes);
        return nft_set_key(set, &ones, IPPROTO_TCP, 0, key);
}

/**
 * nft_sets_base() - the sets that every table has
 */
void nft_sets_base(NftSets *sets)
{
        static const NftSet base[] = {
                { NFT_ALLOW, 4, 32, false }, { NFT_ALLOW, 6, 128, false }, { NFT_ANY, 4, 32, false },
                { NFT_ANY, 6, 128, false },  { NFT_ANY, 6, 64, false },
        };

        sets->n = 0;
        for (size_t i = 0; i < sizeof base / sizeof *base; i++)
                nft_sets_add(sets, &base[i]);
}

/**
 * nft_sets_add() - add a set at its place
 *
 * Return: whether it was new.
 */
bool nft_sets_add(NftSets *sets, const NftSet *set)
{
        size_t at = 0;

        while (at < sets->n && nft_set_compare(&sets->items[at], set) < 0)
                at++;
        if (at < sets->n && nft_set_compare(&sets->items[at], set) == 0)
                return false;
        memmove(&sets->items[at + 1], &sets->items[at], (sets->n - at) * sizeof *sets->items);
        sets->items[at] = *set;
        sets->n++;
        return true;
}

/**
 * nft_sets_find() - a set by kind, family and length; NULL if the table has none such
 */
NftSet *nft_sets_find(NftSets *sets, const NftSet *set)
{
        for (size_t i = 0; i < sets->n; i++)
                if (nft_set_compare(&sets->items[i], set) == 0)
                        return &sets->items[i];
        return NULL;
}
