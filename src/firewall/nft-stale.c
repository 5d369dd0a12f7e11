/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Allowed prefixes that an earlier bailiffd left in its table, and that nobody
 * allows any more: a line was taken out of a file while no daemon ran. They win
 * over every ban, so a start looks for them. Bans need no such look: what lifts
 * one is an event, and takes it out of the kernel.
 *
 * A set is read whole, and what is wanted is sorted before, so that 100,000
 * entries on both sides are a fraction of a second; only those to be removed are
 * kept.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/nft.h"

#define READS 10 /* of a set that changes while it is read */

typedef struct Key {
        uint8_t family, length;
        uint8_t bytes[NFT_KEY_MAX];
} Key;

typedef struct Keys {
        Key *items;
        size_t n, size;
} Keys;

typedef struct Stale {
        const Keys *wanted;
        const NftSet *set;
        uint8_t sentinel[NFT_KEY_MAX];
        Keys found;
} Stale;

static void keys_deinit(Keys *keys)
{
        free(keys->items);
}

static int keys_add(Keys *keys, const Key *key)
{
        if (keys->n == keys->size) {
                size_t size = keys->size ? 2 * keys->size : 64;
                Key *grown = reallocarray(keys->items, size, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                keys->items = grown;
                keys->size = size;
        }
        keys->items[keys->n++] = *key;
        return 0;
}

static int compare(const void *a, const void *b)
{
        return memcmp(a, b, sizeof(Key));
}

static int want(void *data, const Addr *addr, EventTime until)
{
        Key key = { .family = addr->family, .length = addr->length };
        NftSet set = { .kind = NFT_ALLOW, .family = addr->family, .length = addr->length };

        nft_set_key(&set, addr, 0, 0, key.bytes);
        return keys_add(data, &key);
}

static int take_key(void *data, const uint8_t *bytes, size_t size)
{
        Stale *stale = data;
        Key key = { .family = stale->set->family, .length = stale->set->length };

        if (size != nft_set_key_size(stale->set))
                return 0;
        memcpy(key.bytes, bytes, size);
        if (memcmp(key.bytes, stale->sentinel, NFT_KEY_MAX) == 0 ||
            (stale->wanted->n > 0 && bsearch(&key, stale->wanted->items, stale->wanted->n, sizeof key, compare)))
                return 0;
        return keys_add(&stale->found, &key);
}

static int drop(Nft *nft, const Keys *keys, Problem *problem)
{
        _cleanup_free_ NftChange *changes = calloc(FIREWALL_BATCH_MAX, sizeof *changes);
        int r = 0;

        if (!changes)
                return nft_failed(-ENOMEM, problem);
        for (size_t at = 0; at < keys->n && r == 0;) {
                size_t n = 0;

                for (; at < keys->n && n < FIREWALL_BATCH_MAX; at++) {
                        Addr addr = { .family = keys->items[at].family, .length = keys->items[at].length };

                        memcpy(addr.bytes, keys->items[at].bytes, addr.family == 4 ? 4 : 16);
                        changes[n] = nft_change_of_allowed(&addr, EVENT_TIME_NONE, true);
                        changes[n].order = n;
                        n++;
                }
                nft_changes_sort(changes, n);
                r = nft_send(nft, changes, n, true, problem);
        }
        return r;
}

/* Return: 0; NFT_E_ABSENT: the set has gone, and with it what it held; -errno. */
static int read_set(Nft *nft, Stale *stale)
{
        int r = -EINTR;

        nft_set_sentinel(stale->set, stale->sentinel);
        for (unsigned i = 0; i < READS && r == -EINTR; i++) {
                stale->found.n = 0;
                r = nft_set_each_key(nft->link, stale->set, take_key, stale);
        }
        return r == -EINTR ? 0 : r; /* what was read is there, or was a moment ago */
}

/**
 * nft_drop_stale_allowed() - take allowed prefixes out of the table that the wiring's side does not allow
 *
 * Return: 0, NFT_E_ABSENT: somebody takes the table away; FIREWALL_E_..., -errno.
 */
int nft_drop_stale_allowed(Nft *nft, Problem *problem)
{
        const FirewallCallbacks *callbacks = &nft->firewall.callbacks;
        _cleanup_(keys_deinit) Keys wanted = { .n = 0 };
        int r = callbacks->allowed ? callbacks->allowed(callbacks->userdata, want, &wanted) : 0;

        if (r != 0)
                return nft_failed(r < 0 ? r : -EIO, problem);
        if (wanted.n > 0)
                qsort(wanted.items, wanted.n, sizeof *wanted.items, compare);
        for (size_t i = 0; i < nft->sets.n && r == 0; i++) {
                Stale stale = { .wanted = &wanted, .set = &nft->sets.items[i] };

                if (stale.set->kind != NFT_ALLOW)
                        continue;
                r = read_set(nft, &stale);
                if (r == 0 && stale.found.n > 0)
                        r = drop(nft, &stale.found, problem);
                else if (r < 0)
                        nft_failed(r, problem);
                keys_deinit(&stale.found);
        }
        return r;
}
