/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Elements out of the table without a daemon and without touching anything else: for `unban --offline`. */

#include <errno.h>

#include "firewall/nft.h"

static void link_freep(NftLink **link)
{
        nft_link_free(*link);
}

static void batch_deinitp(NftBatch *batch)
{
        nft_batch_deinit(batch);
}

static bool holds(const NftSet *set, const Element *element)
{
        bool ports = nft_set_key_size(set) > nft_set_addr_size(set);

        return set->kind != NFT_ALLOW && ports == (element->protocol != 0) && set->family == element->addr.family &&
               set->length == element->addr.length;
}

/* Whether it drops or refuses: an element is sought in every ban set that could have it. */
static size_t find_places(const NftSets *sets, const Element *element, NftChange *changes)
{
        size_t n = 0;

        for (size_t i = 0; i < sets->n; i++)
                if (holds(&sets->items[i], element)) {
                        changes[n] = (NftChange){ .set = sets->items[i], .wish = NFT_WISH_REMOVE, .element = *element };
                        nft_set_key(&changes[n].set, &element->addr, element->protocol, element->port, changes[n].key);
                        n++;
                }
        return n;
}

/* Puts and drops each in one transaction, so that those that are not there are no error. */
static int drop(NftLink *link, NftChange *changes, size_t n, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        int r;

        if (n == 0)
                return 0;
        nft_changes_sort(changes, n);
        r = nft_changes_put(&batch, link, changes, n, NFT_STEP_TOUCH, SIZE_MAX);
        if (r == 0)
                r = nft_changes_put(&batch, link, changes, n, NFT_STEP_DROP, SIZE_MAX);
        if (r == 0)
                r = nft_link_commit(link, &batch);
        return r > 0 ? nft_refused(&batch, problem) : r < 0 ? nft_failed(r, problem) : 0;
}

/**
 * firewall_forget() - take elements out of the table that stands
 * @elements:   whatever their `until` and `reject`; those that are not there are passed over
 *
 * For a time when no daemon runs, which would put them in again.
 *
 * Return: 0 (also if there is no table), FIREWALL_E_FOREIGN, FIREWALL_E_DENIED, FIREWALL_E_UNSUPPORTED, -errno.
 */
int firewall_forget(const Element *elements, size_t n_elements, Problem *problem)
{
        enum { ROOM = 1000, PLACES_MAX = 2 }; /* dropping, refusing */
        _cleanup_(link_freep) NftLink *link = NULL;
        _cleanup_free_ NftChange *changes = calloc(ROOM, sizeof *changes);
        NftFound found;
        size_t n = 0;
        int r;

        if (!changes)
                return problem_set(problem, -ENOMEM, "Out of memory");
        r = nft_link_new(&link, problem);
        if (r != 0)
                return r;
        r = nft_table_find(link, &found);
        if (r != 0)
                return nft_failed(r, problem);
        if (found.table && !found.marked)
                return problem_set(problem, FIREWALL_E_FOREIGN, "Table `inet %s` is not bailiff's: it was left alone", NFT_TABLE);
        for (size_t i = 0; r == 0 && found.table && i < n_elements; i++) {
                n += find_places(&found.sets, &elements[i], changes + n);
                if (n + PLACES_MAX > ROOM) {
                        r = drop(link, changes, n, problem);
                        n = 0;
                }
        }
        return r == 0 ? drop(link, changes, n, problem) : r;
}
