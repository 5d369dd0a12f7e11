/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One hash table over addresses and prefixes, whose entries are chains: the
 * bans of one address over the jails. With it, the number of addresses per
 * prefix length: what covers an address is asked for once per length in use,
 * which is one or two.
 *
 * Two heaps by the end, since only automatic bans give way at the cap.
 * Permanent bans are in neither.
 */

#include <errno.h>
#include <string.h>

#include "ban/book.h"

static Heap *book_heap(BanBook *book, BanOrigin origin)
{
        return origin == BAN_AUTOMATIC ? &book->automatic : &book->manual;
}

static uint32_t *book_length(BanBook *book, const Addr *addr)
{
        return &book->lengths[addr->family == 6][addr->length];
}

/**
 * ban_book_chain() - the first ban of exactly this address, or NULL
 */
BanRecord *ban_book_chain(const BanBook *book, const Addr *addr)
{
        BanRecord *record;

        HASH_FIND(hh, book->records, addr, sizeof *addr, record);
        return record;
}

/**
 * ban_book_find() - the ban of exactly this address in a jail, or NULL
 */
BanRecord *ban_book_find(const BanBook *book, const Addr *addr, const BanJailState *jail)
{
        BanRecord *record = ban_book_chain(book, addr);

        while (record && record->jail != jail)
                record = record->next;
        return record;
}

/**
 * ban_book_add() - enter a ban
 * @record:     becomes the book's, until it is removed; its jail has no ban of its address yet
 *
 * Return: 0 or -ENOMEM.
 */
int ban_book_add(BanBook *book, BanRecord *record)
{
        BanRecord *first = ban_book_chain(book, &record->ban.addr);

        if (record->ban.until.usec != INT64_MAX) {
                int r = heap_push(book_heap(book, record->ban.origin), &record->deadline, record->ban.until.usec);
                if (r < 0)
                        return r;
        }
        record->next = NULL;
        if (first) {
                record->next = first->next;
                first->next = record;
        } else {
                HASH_ADD(hh, book->records, ban.addr, sizeof record->ban.addr, record);
                ++*book_length(book, &record->ban.addr);
        }
        book->n_records++;
        record->jail->n_bans++;
        return 0;
}

/**
 * ban_book_remove() - take a ban out; it is the caller's again
 */
void ban_book_remove(BanBook *book, BanRecord *record)
{
        BanRecord *first = ban_book_chain(book, &record->ban.addr), *next = record->next;

        heap_remove(book_heap(book, record->ban.origin), &record->deadline);
        if (first == record) {
                HASH_DEL(book->records, record);
                if (next)
                        HASH_ADD(hh, book->records, ban.addr, sizeof next->ban.addr, next);
                else
                        --*book_length(book, &record->ban.addr);
        } else {
                while (first->next != record)
                        first = first->next;
                first->next = next;
        }
        record->next = NULL;
        book->n_records--;
        record->jail->n_bans--;
}

/**
 * ban_book_change() - give a ban another end or origin
 *
 * Return: 0; -ENOMEM, and nothing is changed.
 */
int ban_book_change(BanBook *book, BanRecord *record, EventTime until, BanOrigin origin)
{
        int r = heap_reserve(book_heap(book, origin));

        if (r < 0)
                return r;
        heap_remove(book_heap(book, record->ban.origin), &record->deadline);
        record->ban.until = until;
        record->ban.origin = origin;
        if (until.usec != INT64_MAX)
                heap_push(book_heap(book, origin), &record->deadline, until.usec);
        return 0;
}

/**
 * ban_book_due() - the ban that ends next, or NULL
 */
BanRecord *ban_book_due(const BanBook *book)
{
        HeapItem *automatic = heap_first(&book->automatic), *manual = heap_first(&book->manual);
        HeapItem *first = automatic && manual ? (manual->key < automatic->key ? manual : automatic)
                          : automatic         ? automatic
                                              : manual;

        return first ? heap_owner(first, BanRecord, deadline) : NULL;
}

/**
 * ban_book_displaceable() - the automatic ban that ends soonest, or NULL
 */
BanRecord *ban_book_displaceable(const BanBook *book)
{
        HeapItem *first = heap_first(&book->automatic);

        return first ? heap_owner(first, BanRecord, deadline) : NULL;
}

/**
 * ban_book_each() - visit every chain
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_book_each(const BanBook *book, ChainVisitor visitor, void *userdata)
{
        BanRecord *chain, *next;

        /* A chain that loses its first ban is entered anew at the end, and may be visited twice. */
        HASH_ITER (hh, book->records, chain, next) {
                int r = visitor(userdata, chain);
                if (r != 0)
                        return r;
        }
        return 0;
}

/**
 * ban_book_covering() - visit the chains of every prefix that @addr lies in, the widest first
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_book_covering(const BanBook *book, const Addr *addr, ChainVisitor visitor, void *userdata)
{
        for (unsigned length = 0; length <= addr->length; length++) {
                if (book->lengths[addr->family == 6][length] == 0)
                        continue;
                Addr prefix = addr_masked(addr, length);
                BanRecord *chain = ban_book_chain(book, &prefix);
                int r = chain ? visitor(userdata, chain) : 0;

                if (r != 0)
                        return r;
        }
        return 0;
}

/**
 * ban_book_deinit() - free the book's own memory; the bans have been removed
 */
void ban_book_deinit(BanBook *book)
{
        heap_deinit(&book->automatic);
        heap_deinit(&book->manual);
}
