/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Addr: an IP address or prefix as a binary key. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_MAX 64 /* longest text with prefix length, and its NUL */

/**
 * An address (length 32 or 128) or a prefix. The bytes past the prefix length
 * are zero, and IPv4 fills bytes[0..3] only, so two equal prefixes are equal
 * bytes: an Addr is its own hash key. A v4-mapped IPv6 address is kept as the
 * IPv4 address that it is.
 */
typedef struct Addr {
        uint8_t family; /* 4 or 6; 0 means "none" */
        uint8_t length; /* prefix length in bits */
        uint8_t bytes[16];
} Addr;

#define ADDR_NULL ((Addr){ .family = 0 })

int addr_parse(const char *text, size_t size, Addr *ret_addr);
int addr_parse_prefix(const char *text, Addr *ret_addr);
Addr addr_from_bytes(int family, const void *bytes);

const char *addr_format(const Addr *addr, char buffer[static ADDR_TEXT_MAX]);

Addr addr_masked(const Addr *addr, unsigned length);
Addr addr_ban_key(const Addr *addr, unsigned ipv6_prefix);

unsigned addr_full_length(const Addr *addr);
bool addr_is_valid(const Addr *addr);
bool addr_is_single(const Addr *addr);
bool addr_equal(const Addr *a, const Addr *b);
bool addr_contains(const Addr *outer, const Addr *inner);
bool addr_is_bannable(const Addr *addr);
