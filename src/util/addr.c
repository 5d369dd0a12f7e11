/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Addresses as keys.
 *
 * A host must have one key, however its address was spelt: `::ffff:192.0.2.1`
 * is 192.0.2.1, upper and lower case hexadecimal are one, and bits past the
 * prefix length do not exist. So the text is parsed once, where it is found,
 * and from there on only the bytes travel.
 *
 * Which prefix of an address counts and is banned is decided here too
 * (addr_ban_key), because it follows from the address alone: one customer owns
 * an IPv6 /64 at least, but translated and link-local addresses are many
 * customers behind one prefix.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/addr.h"

static const uint8_t V4_MAPPED[12] = { [10] = 0xff, [11] = 0xff };

static bool prefix_matches(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
        if (memcmp(bytes, prefix, bits / 8) != 0)
                return false;
        if (bits % 8 == 0)
                return true;
        uint8_t mask = (uint8_t) (0xff << (8 - bits % 8));
        return ((bytes[bits / 8] ^ prefix[bits / 8]) & mask) == 0;
}

/**
 * addr_from_bytes() - an address from network-order bytes
 * @family:     4 or 6
 * @bytes:      4 or 16 bytes
 *
 * Return: the address at full length; a v4-mapped one is folded to IPv4.
 */
Addr addr_from_bytes(int family, const void *bytes)
{
        Addr addr = { .family = (uint8_t) family, .length = family == 4 ? 32 : 128 };

        memcpy(addr.bytes, bytes, family == 4 ? 4 : 16);
        if (family == 6 && prefix_matches(addr.bytes, V4_MAPPED, 96)) {
                Addr folded = { .family = 4, .length = 32 };
                memcpy(folded.bytes, addr.bytes + 12, 4);
                return folded;
        }
        return addr;
}

/* Four decimal numbers of up to 255 without leading zeros: what inet_pton(3) takes, in a fifth of its time. */
static bool parse_v4(const char *text, size_t size, uint8_t bytes[static 4])
{
        size_t i = 0;

        for (int part = 0; part < 4; part++) {
                size_t from = i;
                unsigned value = 0;

                for (; i < size && i - from < 3 && text[i] >= '0' && text[i] <= '9'; i++)
                        value = value * 10 + (unsigned) (text[i] - '0');
                if (i == from || value > 255 || (text[from] == '0' && i - from > 1))
                        return false;
                bytes[part] = (uint8_t) value;
                if (part < 3 && (i == size || text[i++] != '.'))
                        return false;
        }
        return i == size;
}

static int hex_digit(char c)
{
        unsigned digit = (unsigned char) c - (unsigned) '0', letter = ((unsigned char) c | 0x20) - (unsigned) 'a';

        return digit <= 9 ? (int) digit : letter < 6 ? (int) letter + 10 : -1;
}

#define NO_GAP 17

/*
 * Eight groups of up to four hexadecimal digits; "::" may stand for one or more of zeros, and IPv4's form for the last
 * two: what inet_pton(3) takes.
 */
static bool parse_v6(const char *text, size_t size, uint8_t bytes[static 16])
{
        size_t i = 0, n = 0, gap = NO_GAP;

        if (size >= 2 && text[0] == ':' && text[1] == ':') {
                i = 2;
                gap = 0;
        }
        while (i < size) {
                size_t from = i;
                unsigned value = 0;

                for (int digit; i < size && i - from < 4 && (digit = hex_digit(text[i])) >= 0; i++)
                        value = value << 4 | (unsigned) digit;
                if (i < size && text[i] == '.') {
                        if (n > 12 || !parse_v4(text + from, size - from, bytes + n))
                                return false;
                        n += 4;
                        break;
                }
                if (i == from || n == 16)
                        return false;
                bytes[n++] = (uint8_t) (value >> 8);
                bytes[n++] = (uint8_t) value;
                if (i == size)
                        break;
                if (text[i++] != ':' || i == size)
                        return false;
                if (text[i] == ':') {
                        if (gap != NO_GAP)
                                return false;
                        gap = n;
                        i++;
                }
        }
        if (gap == NO_GAP || n == 16)
                return gap == NO_GAP && n == 16;
        memmove(bytes + 16 - (n - gap), bytes + gap, n - gap);
        memset(bytes + gap, 0, 16 - n);
        return true;
}

/**
 * addr_parse() - parse the text of one address
 * @text:       the text, need not end in NUL
 * @size:       bytes of @text
 * @ret_addr:   the address, full length
 *
 * Only literals that inet_pton(3) takes: no names, no brackets, no scope.
 * Leading zeros in an IPv4 part are refused, since one reader takes them as
 * octal and the next as decimal.
 *
 * Return: 0, or -EINVAL.
 */
int addr_parse(const char *text, size_t size, Addr *ret_addr)
{
        uint8_t bytes[16];

        if (parse_v4(text, size, bytes))
                *ret_addr = addr_from_bytes(4, bytes);
        else if (parse_v6(text, size, bytes))
                *ret_addr = addr_from_bytes(6, bytes);
        else
                return -EINVAL;
        return 0;
}

/**
 * addr_parse_prefix() - parse an address with an optional prefix length
 * @text:       "192.0.2.1", "2001:db8::/32", ended by NUL
 * @ret_addr:   the prefix
 *
 * Return: 0; -EINVAL if it is no address or the length is out of range;
 * -EDOM if bits are set past the length (a typing error more often than not).
 */
int addr_parse_prefix(const char *text, Addr *ret_addr)
{
        const char *slash = strchr(text, '/');
        Addr addr;
        int r;

        r = addr_parse(text, slash ? (size_t) (slash - text) : strlen(text), &addr);
        if (r < 0)
                return r;
        if (slash) {
                char *end;
                unsigned long length = strtoul(slash + 1, &end, 10);
                unsigned full = addr_full_length(&addr);

                if (slash[1] < '0' || slash[1] > '9' || *end || end - slash > 4)
                        return -EINVAL;
                /* "::ffff:192.0.2.0/120" was written with IPv6's lengths. */
                if (full == 32 && strchr(text, ':')) {
                        if (length < 96)
                                return -EINVAL;
                        length -= 96;
                }
                if (length > full)
                        return -EINVAL;
                Addr masked = addr_masked(&addr, (unsigned) length);
                if (memcmp(masked.bytes, addr.bytes, sizeof addr.bytes) != 0)
                        return -EDOM;
                addr = masked;
        }
        *ret_addr = addr;
        return 0;
}

/**
 * addr_format() - the text of an address
 * @addr:       the address or prefix
 * @buffer:     where the text goes
 *
 * Return: @buffer; "/length" follows only for a prefix.
 */
const char *addr_format(const Addr *addr, char buffer[static ADDR_TEXT_MAX])
{
        if (addr->family == 0) {
                strcpy(buffer, "none");
                return buffer;
        }
        inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, buffer, INET6_ADDRSTRLEN);
        if (!addr_is_single(addr)) {
                size_t used = strlen(buffer);
                snprintf(buffer + used, ADDR_TEXT_MAX - used, "/%u", addr->length);
        }
        return buffer;
}

/**
 * addr_masked() - the prefix of an address
 * @addr:       the address
 * @length:     bits to keep; more than @addr has keeps it as it is
 */
Addr addr_masked(const Addr *addr, unsigned length)
{
        Addr masked = *addr;

        if (length >= addr->length)
                return masked;
        masked.length = (uint8_t) length;
        for (unsigned i = 0; i < sizeof masked.bytes; i++) {
                if (i * 8 >= length)
                        masked.bytes[i] = 0;
                else if (length - i * 8 < 8)
                        masked.bytes[i] &= (uint8_t) (0xff << (8 - (length - i * 8)));
        }
        return masked;
}

/**
 * addr_ban_key() - the prefix at which an address counts and is banned
 * @addr:               one address
 * @ipv6_prefix:        length for ordinary IPv6 addresses, 1..128
 *
 * IPv4: the address. IPv6: @ipv6_prefix; but the whole address where one
 * prefix serves many hosts (link-local RFC 4291, NAT64 RFC 6052 and 8215,
 * Teredo RFC 4380), and /48 for 6to4 (RFC 3056), where that is one host's.
 */
Addr addr_ban_key(const Addr *addr, unsigned ipv6_prefix)
{
        static const struct {
                uint8_t bytes[16];
                unsigned bits, length;
        } special[] = {
                { { 0xfe, 0x80 }, 10, 128 },
                { { 0x00, 0x64, 0xff, 0x9b }, 96, 128 },
                { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, 128 },
                { { 0x20, 0x01, 0x00, 0x00 }, 32, 128 },
                { { 0x20, 0x02 }, 16, 48 },
        };

        if (addr->family != 6)
                return *addr;
        for (size_t i = 0; i < sizeof special / sizeof *special; i++)
                if (prefix_matches(addr->bytes, special[i].bytes, special[i].bits))
                        return addr_masked(addr, special[i].length);
        return addr_masked(addr, ipv6_prefix);
}

/**
 * addr_full_length() - bits of a single address of this family: 32 or 128
 */
unsigned addr_full_length(const Addr *addr)
{
        return addr->family == 4 ? 32 : 128;
}

/**
 * addr_is_valid() - whether this is an address or a prefix at all, for what comes from a file
 */
bool addr_is_valid(const Addr *addr)
{
        return (addr->family == 4 || addr->family == 6) && addr->length <= addr_full_length(addr);
}

/**
 * addr_is_single() - whether this is one address, not a wider prefix
 */
bool addr_is_single(const Addr *addr)
{
        return addr->length == addr_full_length(addr);
}

/**
 * addr_equal() - whether both are the same prefix
 */
bool addr_equal(const Addr *a, const Addr *b)
{
        return memcmp(a, b, sizeof *a) == 0;
}

/**
 * addr_contains() - whether every address of @inner lies in @outer
 */
bool addr_contains(const Addr *outer, const Addr *inner)
{
        return outer->family == inner->family && outer->length <= inner->length &&
               prefix_matches(inner->bytes, outer->bytes, outer->length);
}

/**
 * addr_is_bannable() - whether packets can carry this source at all
 *
 * The unspecified address, multicast, IPv4's 240.0.0.0/4 (with broadcast) and
 * 0.0.0.0/8 are never a peer: a log line that names one is wrong or forged,
 * and dropping them would hurt DHCP and neighbour discovery.
 */
bool addr_is_bannable(const Addr *addr)
{
        if (addr->family == 4) {
                return addr->bytes[0] < 224 && (addr->bytes[0] != 0 || addr->length < 8);
        }
        if (addr->family == 6) {
                static const uint8_t zero[16];
                if (addr->length >= 8 && addr->bytes[0] == 0xff)
                        return false;
                return addr->length < 128 || memcmp(addr->bytes, zero, 16) != 0;
        }
        return false;
}
