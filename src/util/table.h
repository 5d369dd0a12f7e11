/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Hash tables: uthash with a seeded hash.
 *
 * Outsiders choose the keys (addresses), and with uthash's fixed hash they
 * could choose keys that all fall into one chain. Every file that wants a table
 * includes this header instead of <uthash.h>, which replaces the hash by XXH3
 * with a seed drawn at start. Pads in keys must be zeroed.
 */

#include <stddef.h>
#include <stdint.h>

uint64_t table_hash(const void *key, size_t size);
uint64_t table_hash_number(uint64_t key);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned) table_hash((keyptr), (keylen)))
#define HASH_NONFATAL_OOM 0

#include <uthash.h>
#include <utlist.h>
