/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Sets, keys and changes of the nftables backend: what needs no kernel. */

#include <errno.h>
#include <netinet/in.h>

#include "firewall/nft-element.h"
#include "firewall/nft-set.h"
#include "test.h"

static void test_names(void)
{
        static const char *const good[] = { "any4",  "any6",     "any6_64",  "any4_24", "any4_0",
                                            "port4", "port6_64", "allow4_8", "allow6",
                                            "reject4", "reject6_64", "rejectport4_24", "rejectport6" };
        static const char *const bad[] = { "any",      "any5",    "any4_32", "any4_33", "any6_128",        "any4_",  "any4_024",
                                           "any4_24x", "any4_-1", "porta",   "allow",   "any4_4294967320", "ports4", "", "rejectport", "reject4_32", "rejectany4" };
        char name[NFT_SET_NAME_LENGTH];
        NftSet set;

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                check_int(nft_set_parse(good[i], &set), 0);
                check_text(nft_set_name(&set, name), good[i]);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                check_int(nft_set_parse(bad[i], &set), -EINVAL);
}

static void test_order(void)
{
        static const char *const added[] = { "port6_64",  "any4_8",    "rejectport4", "port4",  "allow4_8",
                                             "reject6_64", "any4_24", "allow6_32",   "any4_24" };
        static const char *const expected[] = { "allow4", "allow4_8", "allow6",  "allow6_32", "any4",    "any4_24",
                                                "any4_8", "any6",     "any6_64", "port4",     "port6_64", "reject6_64", "rejectport4" };
        char name[NFT_SET_NAME_LENGTH];
        NftSets sets;
        NftSet set;

        nft_sets_base(&sets);
        check_int(sets.n, 5);
        for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
                check_int(nft_set_parse(added[i], &set), 0);
                check_int(nft_sets_add(&sets, &set), i < 8);
        }
        check_int(sets.n, sizeof expected / sizeof *expected);
        for (size_t i = 0; i < sets.n; i++)
                check_text(nft_set_name(&sets.items[i], name), expected[i]);
        check_int(nft_set_parse("port4_9", &set), 0);
        check(!nft_sets_find(&sets, &set));
}

static void test_all_sets_fit(void)
{
        NftSets sets = { .n = 0 };

        for (unsigned kind = NFT_ALLOW; kind <= NFT_REJECT_PORT; kind++)
                for (unsigned family = 4; family <= 6; family += 2)
                        for (unsigned length = 0; length <= (family == 4 ? 32 : 128); length++)
                                check(nft_sets_add(&sets,
                                                   &(NftSet){ (uint8_t) kind, (uint8_t) family, (uint8_t) length, false }));
        check_int(sets.n, NFT_SETS_MAX);
}

static void test_keys(void)
{
        static const uint8_t expected[NFT_KEY_MAX] = { 203, 0, 113, 5, IPPROTO_TCP, 0, 0, 0, 0x1f, 0x90 };
        uint8_t key[NFT_KEY_MAX];
        NftSet set;
        Addr addr;

        check_int(addr_parse_prefix("203.0.113.5", &addr), 0);
        check_int(nft_set_parse("port4", &set), 0);
        check_int(nft_set_key(&set, &addr, IPPROTO_TCP, 8080, key), 12);
        check(memcmp(key, expected, sizeof key) == 0);
        /* Under a mask no looked-up key has bits past the length, so an all-ones sentinel matches nothing. */
        check_int(nft_set_parse("any4_1", &set), 0);
        check_int(nft_set_sentinel(&set, key), 4);
        check_int(key[0] & key[1] & key[2] & key[3], 0xff);
        check_int(nft_set_parse("port6_64", &set), 0);
        check_int(nft_set_sentinel(&set, key), 24);
}

static NftChange change(const char *set, uint8_t last, size_t order, NftWish wish)
{
        NftChange made = { .order = order, .wish = (uint8_t) wish, .key = { 203, 0, 113, last } };

        check_int(nft_set_parse(set, &made.set), 0);
        return made;
}

static void test_last_wins(void)
{
        NftChange changes[] = {
                change("port4", 1, 0, NFT_WISH_PUT),   change("any4", 2, 1, NFT_WISH_PUT),    change("any4", 1, 2, NFT_WISH_PUT),
                change("any4", 2, 3, NFT_WISH_REMOVE), change("any4_24", 2, 4, NFT_WISH_PUT),
        };
        size_t n = sizeof changes / sizeof *changes;

        nft_changes_sort(changes, n);
        check_int(nft_changes_run(changes, n), 3);
        check_int(changes[0].key[3], 1);
        check_int(changes[1].wish, NFT_WISH_NOTHING);
        check_int(changes[2].wish, NFT_WISH_REMOVE);
        check_int(changes[2].order, 3);
        check_int(nft_changes_run(changes + 3, n - 3), 1);
        check_int(nft_changes_run(changes + 4, n - 4), 1);
}

static void test_time(void)
{
        EventTime now = { 1000 * USEC_PER_SEC };
        NftChange put = { .wish = NFT_WISH_PUT, .until = { now.usec + 1 } };

        nft_change_set_time(&put, now);
        check_int(put.timeout_msec, 1); /* never 0, which would be permanent */
        put.until = EVENT_TIME_FOREVER;
        nft_change_set_time(&put, now);
        check(put.wish == NFT_WISH_PUT && put.timeout_msec == 0);
        put.until.usec = INT64_MAX - 1;
        nft_change_set_time(&put, now);
        check(put.timeout_msec > 0 && put.timeout_msec < UINT64_C(1) << 42); /* the kernel refuses 2^63 */
        put.until = now;
        nft_change_set_time(&put, now);
        check_int(put.wish, NFT_WISH_REMOVE);
}

int main(void)
{
        test_names();
        test_order();
        test_all_sets_fit();
        test_keys();
        test_last_wins();
        test_time();
        return 0;
}
