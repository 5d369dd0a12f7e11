/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* BanBook: every ban in force, by address and by its end. */

#include "ban/record.h"

typedef struct BanBook {
        BanRecord *records;     /* hash table of the first ban of each address */
        size_t n_records;
        uint32_t lengths[2][129]; /* addresses by family and prefix length */
        Heap automatic, manual; /* those that end, by their end */
} BanBook;

#define BAN_BOOK_NULL ((BanBook){ .records = NULL })

/* Callbacks for every chain; they may take bans of that chain out. Other than 0 stops. */
typedef int (*ChainVisitor)(void *userdata, BanRecord *chain);

int ban_book_add(BanBook *book, BanRecord *record);
void ban_book_remove(BanBook *book, BanRecord *record);
int ban_book_change(BanBook *book, BanRecord *record, EventTime until, BanOrigin origin);
BanRecord *ban_book_chain(const BanBook *book, const Addr *addr);
BanRecord *ban_book_find(const BanBook *book, const Addr *addr, const BanJailState *jail);
BanRecord *ban_book_due(const BanBook *book);
BanRecord *ban_book_displaceable(const BanBook *book);
int ban_book_each(const BanBook *book, ChainVisitor visitor, void *userdata);
int ban_book_covering(const BanBook *book, const Addr *addr, ChainVisitor visitor, void *userdata);
void ban_book_deinit(BanBook *book);
