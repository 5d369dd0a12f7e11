/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which addresses may be reported.
 *
 * The services take any address: reports about 127.0.0.1 and 192.168.1.1 stand in their databases by the thousand. So it
 * is decided here that a report accuses somebody: a single address, of global unicast, that belongs to one network whose
 * owner can be asked. The table is made from IANA's two registries of special-purpose addresses (RFC 6890, RFC 8190),
 * and of what is special each block was judged by itself.
 *
 * Blocks that the registries call globally reachable, and that are not reported nevertheless, are anycast services that
 * many run together: AS112's sinks for reverse lookups (192.31.196.0/24, 192.175.48.0/24, 2620:4f:8000::/48, and
 * 2001:4:112::/48), relays of automatic multicast tunnelling (192.52.193.0/24, 2001:3::/32), of 6to4 (192.88.99.0/24), and
 * PCP's and TURN's anycast addresses (in 192.0.0.0/24 and 2001:1::/32). Who sent a packet with such a source is not known.
 *
 * 6to4 (2002::/16) and Teredo (2001::/32) hold another host's IPv4 address, and could be judged by that one. They are not
 * reported: a report would name an IPv4 address that the allow list and the list of own addresses were never asked about,
 * since both looked at the IPv6 address; with Teredo it is a whole NAT's as well. Both are given up (RFC 7526), so nothing
 * is missed. The same holds for NAT64 (64:ff9b::/96, 64:ff9b:1::/48), which lies outside of global unicast.
 *
 * Of IPv6 only 2000::/3 is global unicast (RFC 4291, RFC 3587); that leaves out loopback, mapped and unique local
 * addresses, link-local ones, multicast, the discard and dummy prefixes and segment routing's 5f00::/16 without naming
 * them. An IPv4 address that was written as a mapped one is IPv4 already in an Addr. Which parts of 2000::/3 are given to
 * a registry yet is not asked: the list grows, and from elsewhere no connection comes about.
 */

#include "report.h"

#define V4(bits, ...) { .family = 4, .length = (bits), .bytes = { __VA_ARGS__ } }
#define V6(bits, ...) { .family = 6, .length = (bits), .bytes = { __VA_ARGS__ } }

static const Addr global_unicast = V6(3, 0x20);

static const Addr documentation[] = {
        V4(24, 192, 0, 2),                      /* TEST-NET-1, RFC 5737 */
        V4(24, 198, 51, 100),                   /* TEST-NET-2 */
        V4(24, 203, 0, 113),                    /* TEST-NET-3 */
        V6(32, 0x20, 0x01, 0x0d, 0xb8),         /* RFC 3849 */
        V6(20, 0x3f, 0xff),                     /* RFC 9637 */
};

static const Addr special[] = {
        V4(8, 0),                               /* this network, RFC 791, RFC 1122 */
        V4(8, 10),                              /* private, RFC 1918 */
        V4(10, 100, 64),                        /* behind a provider's NAT, RFC 6598 */
        V4(8, 127),                             /* loopback, RFC 1122 */
        V4(16, 169, 254),                       /* link-local, RFC 3927 */
        V4(12, 172, 16),                        /* private, RFC 1918 */
        V4(24, 192, 0, 0),                      /* protocol assignments, RFC 6890; with DS-Lite, NAT64 discovery, PCP, TURN */
        V4(24, 192, 31, 196),                   /* AS112, RFC 7535 */
        V4(24, 192, 52, 193),                   /* automatic multicast tunnelling, RFC 7450 */
        V4(24, 192, 88, 99),                    /* 6to4 relays, RFC 3068, RFC 7526 */
        V4(16, 192, 168),                       /* private, RFC 1918 */
        V4(24, 192, 175, 48),                   /* AS112, RFC 7534 */
        V4(15, 198, 18),                        /* benchmarks, RFC 2544 */
        V4(4, 224),                             /* multicast, RFC 5771 */
        V4(4, 240),                             /* reserved, RFC 1112; with limited broadcast, RFC 919 */
        V6(23, 0x20, 0x01),                     /* protocol assignments, RFC 2928: Teredo (RFC 4380), benchmarks (RFC 5180), ORCHID
                                                   (RFC 4843, RFC 7343), DRIP (RFC 9374), and the anycast services above */
        V6(16, 0x20, 0x02),                     /* 6to4, RFC 3056 */
        V6(48, 0x26, 0x20, 0, 0x4f, 0x80, 0),   /* AS112, RFC 7534 */
};

static bool is_within(const Addr *addr, const Addr blocks[], size_t n_blocks)
{
        for (size_t i = 0; i < n_blocks; i++)
                if (addr_contains(&blocks[i], addr))
                        return true;
        return false;
}

/**
 * report_addr_is_documentation() - whether this is a single address of those that stand in documents and belong to nobody
 *
 * Such an address may be reported where somebody asks for it by hand, which is how a set-up is tried out.
 */
bool report_addr_is_documentation(const Addr *addr)
{
        return addr_is_valid(addr) && addr_is_single(addr) && is_within(addr, documentation, sizeof documentation / sizeof *documentation);
}

/**
 * report_addr_is_public() - whether this is a single address of global unicast, and nothing special
 *
 * Return: false also for prefixes, for ADDR_NULL, and for documentation's addresses.
 */
bool report_addr_is_public(const Addr *addr)
{
        if (!addr_is_valid(addr) || !addr_is_single(addr))
                return false;
        if (addr->family == 6 && !addr_contains(&global_unicast, addr))
                return false;
        return !report_addr_is_documentation(addr) && !is_within(addr, special, sizeof special / sizeof *special);
}
