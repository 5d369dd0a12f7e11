/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * From whatever stands in the kernel to what should stand there, with as few
 * messages as that takes: none at all when nothing is wrong.
 *
 * Each set's sentinel certifies it. Its comment names the table's handle, the
 * network namespace and the boot: together these are never given out twice. So
 *
 *   - a set without its sentinel was flushed, or never filled to the end: the
 *     sentinel is written after the elements;
 *   - a sentinel that names another table came out of a saved ruleset. A loaded
 *     table gets a handle of its own, and whatever it holds is as old as the
 *     file: lifted bans, timeouts that begin anew. The table is replaced whole,
 *     in one transaction, so that no packet finds a gap;
 *   - a table that an earlier bailiffd left behind, by whatever death, passes,
 *     for nothing about it depends on what was committed to the store. The
 *     store's sequence stands in the comment for people only.
 *
 * The boot is read from /proc, or where a sandbox hides that from the variable
 * BAILIFF_BOOT_ID (a unit has %b for it).
 *
 * Sets in use are known before rules are written, because a new prefix length
 * needs both. Allowed prefixes always go before bans.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "firewall/nft-rules.h"
#include "firewall/nft.h"

#define READS 10 /* of a state that changes while it is read */
#define REBUILDS 3

static void batch_deinitp(NftBatch *batch)
{
        nft_batch_deinit(batch);
}

static void certificate(const Nft *nft, char text[static NFT_COMMENT_MAX])
{
        snprintf(text, NFT_COMMENT_MAX, "sentinel: table %" PRIu64 ", netns %" PRIu64 ", boot %s", nft->handle,
                 nft_link_netns(nft->link), nft->boot);
}

static int put_sentinels(Nft *nft, NftBatch *batch, const NftSets *sets, bool all)
{
        char text[NFT_COMMENT_MAX], comment[NFT_COMMENT_MAX];
        int r = 0;

        certificate(nft, text);
        snprintf(comment, sizeof comment, "%.90s, sequence %" PRIu64, text, nft->sequence);
        for (size_t i = 0; r == 0 && i < sets->n; i++)
                if (all || !sets->items[i].certified)
                        r = nft_sentinel_put(batch, nft->link, &sets->items[i], comment, true);
        return r;
}

static int commit(Nft *nft, NftBatch *batch, Problem *problem)
{
        int r;

        if (batch->n_messages == 0)
                return 0;
        r = nft_link_commit(nft->link, batch);
        if (r < 0)
                return nft_failed(r, problem);
        if (r > 0 && !batch->error && nft_batch_fault(batch)->error == ENOENT && nft_batch_fault(batch)->what != NFT_REJECT_WHAT)
                return problem_set(problem, NFT_E_ABSENT, "Table inet %s is not as it was", NFT_TABLE);
        if (r > 0)
                return nft_refused(batch, problem);
        nft->firewall.stats.transactions++;
        return 0;
}

/* Certifies sets that are complete. @all: those that are certified already too */
static int write_sentinels(Nft *nft, bool all, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        int r = put_sentinels(nft, &batch, &nft->sets, all);

        if (r == 0)
                r = commit(nft, &batch, problem);
        else
                nft_failed(r, problem);
        for (size_t i = 0; r == 0 && i < nft->sets.n; i++)
                nft->sets.items[i].certified = true;
        return r;
}

static int learn(Nft *nft, NftSets *sets, size_t *ret_total, Problem *problem)
{
        NftFill fill = { .nft = nft, .mode = NFT_FILL_LEARN, .sets = sets, .problem = problem };
        int r = nft_fill_allowed(&fill);

        if (r == 0)
                r = nft_fill_elements(&fill);
        if (r == 0)
                *ret_total = fill.total;
        return r;
}

static int put_scaffold(Nft *nft, NftBatch *batch, const NftSets *sets, bool replace)
{
        int r = nft_table_put(batch, nft->link, replace);

        for (size_t i = 0; r == 0 && i < sets->n; i++)
                r = nft_table_put_set(batch, nft->link, &sets->items[i], nft->counters);
        return r < 0 ? r : nft_rules_put(batch, nft->link, sets, false);
}

/* Everything in one transaction. Return: 0, NFT_E_REFUSED: do it in steps; else as usual. */
static int build_whole(Nft *nft, const NftSets *sets, size_t *ret_added, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        _cleanup_(nft_fill_deinit) NftFill fill = { .nft = nft, .mode = NFT_FILL_WHOLE, .batch = &batch, .problem = problem };
        int r = put_scaffold(nft, &batch, sets, true);

        if (r < 0)
                return nft_failed(r, problem);
        r = nft_fill_allowed(&fill);
        if (r == 0)
                r = nft_fill_elements(&fill);
        if (r != 0)
                return r;
        if (batch.size > nft->link->send_max && batch.size > nft->link->send_force_max)
                return NFT_E_REFUSED;
        r = nft_link_commit(nft->link, &batch);
        if (r != 0)
                return r == -EPERM ? nft_failed(r, problem) : NFT_E_REFUSED;
        nft->firewall.stats.transactions++;
        nft->firewall.stats.elements_added += fill.added;
        *ret_added = fill.added;
        return 0;
}

static int build_in_steps(Nft *nft, const NftSets *sets, bool replace, size_t *ret_added, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        _cleanup_(nft_fill_deinit) NftFill fill = { .nft = nft, .mode = NFT_FILL_ADD, .problem = problem };
        int r = put_scaffold(nft, &batch, sets, replace);

        if (r < 0)
                return nft_failed(r, problem);
        r = commit(nft, &batch, problem);
        if (r == 0)
                r = nft_fill_allowed(&fill);
        if (r == 0)
                r = nft_fill_elements(&fill);
        if (r == 0)
                *ret_added = fill.added;
        return r;
}

static int build(Nft *nft, bool replace, size_t *ret_added, Problem *problem)
{
        NftFound found;
        size_t total = 0;
        int r;

        nft_sets_base(&nft->sets);
        r = learn(nft, &nft->sets, &total, problem);
        if (r != 0)
                return r;
        if (total > FIREWALL_BATCH_MAX)
                nft_monitor_leave(nft->monitor);
        r = replace ? build_whole(nft, &nft->sets, ret_added, problem) : NFT_E_REFUSED;
        if (r == NFT_E_REFUSED)
                r = build_in_steps(nft, &nft->sets, replace, ret_added, problem);
        if (r == 0) {
                r = nft_table_find_handle(nft->link, &found);
                nft->handle = found.handle;
                if (r == 0)
                        r = found.table ? write_sentinels(nft, true, problem) : NFT_E_ABSENT;
                else
                        nft_failed(r, problem);
        }
        if (total > FIREWALL_BATCH_MAX)
                nft_monitor_join(nft->monitor);
        return r;
}

/* Whose each set is. Return: 0, NFT_E_DIFFERS if one came out of a file, -errno. */
static int read_sentinels(Nft *nft, NftSets *sets, bool *ret_flushed)
{
        char text[NFT_COMMENT_MAX];
        bool flushed = false;

        certificate(nft, text);
        for (size_t i = 0; i < sets->n; i++) {
                NftElement element;
                int r = nft_sentinel_find(nft->link, &sets->items[i], &element);

                if (r < 0)
                        return r;
                if (r == 0 && (strncmp(element.comment, text, strlen(text)) != 0 || element.has_timeout))
                        return NFT_E_DIFFERS;
                sets->items[i].certified = r == 0;
                flushed |= r != 0;
        }
        *ret_flushed = flushed;
        return 0;
}

/* Adds the sets that are missing, and rewrites the rules. */
static int mend_structure(Nft *nft, const NftSets *present, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        NftSets there = *present;
        int r = 0;

        for (size_t i = 0; r == 0 && i < nft->sets.n; i++)
                if (!nft_sets_find(&there, &nft->sets.items[i]))
                        r = nft_table_put_set(&batch, nft->link, &nft->sets.items[i], nft->counters);
        if (r == 0)
                r = nft_rules_put(&batch, nft->link, &nft->sets, true);
        return r < 0 ? nft_failed(r, problem) : commit(nft, &batch, problem);
}

static int fill_missing(Nft *nft, NftReport *report, Problem *problem)
{
        _cleanup_(nft_fill_deinit) NftFill fill = { .nft = nft, .mode = NFT_FILL_MISSING, .problem = problem };
        int r = nft_fill_allowed(&fill);

        if (r == 0)
                r = nft_fill_elements(&fill);
        if (r == 0) {
                report->restored = fill.added;
                report->retimed = fill.retimed;
        }
        return r;
}

static int find(Nft *nft, NftFound *ret_found, bool *ret_rules)
{
        int r = -EINTR;

        for (unsigned i = 0; r == -EINTR && i < READS; i++) {
                r = nft_table_find(nft->link, ret_found);
                if (r != 0 || !ret_found->marked)
                        continue;
                r = nft_rules_check(nft->link, &ret_found->sets);
                *ret_rules = r == 0;
                r = r == NFT_E_DIFFERS ? 0 : r;
        }
        return r;
}

/* The table is ours, and not out of a file: mend its parts. */
static int mend(Nft *nft, const NftFound *found, bool rules, bool flushed, bool elements, NftReport *report, Problem *problem)
{
        NftSets base;
        bool set_gone = false;
        size_t total;
        int r;

        nft_sets_base(&base);
        for (size_t i = 0; i < base.n; i++)
                set_gone |= nft_sets_add(&nft->sets, &base.items[i]);
        r = learn(nft, &nft->sets, &total, problem);
        if (r == 0 && (!rules || nft->sets.n != found->sets.n))
                r = mend_structure(nft, &found->sets, problem);
        if (r != 0)
                return r;
        if (!rules || set_gone) {
                report->found = "The rules of table inet bailiff were altered";
                report->mended = "rules rewritten";
        } else if (flushed) {
                report->found = "Sets of table inet bailiff were flushed";
                report->mended = "sets filled again";
        }
        if (elements || report->found)
                r = fill_missing(nft, report, problem);
        if (r == 0 && report->restored > 0 && !report->found && report->restored == report->retimed) {
                report->found = "Bans in table inet bailiff had other ends";
                report->mended = "put right";
        } else if (r == 0 && report->restored > 0 && !report->found) {
                report->found = "Bans were taken out of table inet bailiff";
                report->mended = "added again";
        }
        return r == 0 ? write_sentinels(nft, false, problem) : r;
}

static int reconcile_once(Nft *nft, bool elements, NftReport *report, Problem *problem)
{
        bool rules = false, flushed = false;
        NftFound found;
        int r = find(nft, &found, &rules);

        if (r != 0)
                return nft_failed(r < 0 ? r : -EAGAIN, problem);
        if (found.table && !found.marked)
                return problem_set(
                        problem, FIREWALL_E_FOREIGN,
                        "A table `inet %s` that bailiff did not make stands in the kernel. If nobody needs it, remove it: "
                        "nft delete table inet %s",
                        NFT_TABLE, NFT_TABLE);
        if (!found.table) {
                report->found = "Table inet bailiff was deleted";
                report->mended = "table rebuilt";
                return build(nft, false, &report->restored, problem);
        }
        nft->handle = found.handle;
        r = read_sentinels(nft, &found.sets, &flushed);
        if (r < 0)
                return nft_failed(r, problem);
        if (r == NFT_E_DIFFERS || !found.chain || !found.sets_sound) {
                report->found =
                        r == NFT_E_DIFFERS ? "Table inet bailiff was replaced by a saved one" : "Table inet bailiff was altered";
                report->mended = "table rebuilt whole";
                return build(nft, true, &report->restored, problem);
        }
        if (nft->counters ? found.uncounted : found.counted)
                return build(nft, true, &report->restored, problem); /* our own doing: the configuration has changed */
        nft->sets = found.sets;
        return mend(nft, &found, rules, flushed, elements, report, problem);
}

/**
 * nft_reconcile() - make the kernel hold what it should
 * @elements:   ask for every element too; else only if the structure was not right
 * @ret_report: what was wrong
 *
 * Return: 0, FIREWALL_E_FOREIGN, _DENIED, _UNSUPPORTED, -errno.
 */
int nft_reconcile(Nft *nft, bool elements, NftReport *ret_report, Problem *problem)
{
        NftReport report = { NULL };
        int r = NFT_E_ABSENT;

        /* What goes away while we mend it is mended from the beginning. */
        for (unsigned i = 0; i < REBUILDS && (r == NFT_E_ABSENT || r == -EEXIST || r == NFT_E_NO_REJECT); i++) {
                const char *first_found = report.found, *first_mended = report.mended;

                report = (NftReport){ NULL };
                r = reconcile_once(nft, elements || first_found, &report, problem);
                nft->no_reject |= r == NFT_E_NO_REJECT;
                if (first_found && !report.found) {
                        report.found = first_found;
                        report.mended = first_mended;
                }
        }
        if (r == NFT_E_ABSENT)
                return problem_set(problem, -EAGAIN, "Table inet %s is being removed again and again by another program",
                                   NFT_TABLE);
        if (r == 0)
                *ret_report = report;
        return r;
}

/**
 * nft_need_sets() - make the sets that changes need and the table lacks
 *
 * Return: 0; NFT_E_ABSENT: the table has gone; NFT_E_NO_REJECT: make the changes again, for other sets; FIREWALL_E_..., -errno.
 */
int nft_need_sets(Nft *nft, const NftChange *changes, size_t n, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        NftSets added = { .n = 0 }, sets = nft->sets;
        int r = 0;

        for (size_t i = 0; i < n; i++)
                if (changes[i].wish == NFT_WISH_PUT && nft_sets_add(&sets, &changes[i].set))
                        nft_sets_add(&added, &changes[i].set);
        if (added.n == 0)
                return 0;
        for (size_t i = 0; r == 0 && i < added.n; i++)
                r = nft_table_put_set(&batch, nft->link, &added.items[i], nft->counters);
        if (r == 0)
                r = put_sentinels(nft, &batch, &added, true);
        if (r == 0)
                r = nft_rules_put(&batch, nft->link, &sets, true);
        if (r < 0)
                return nft_failed(r, problem);
        r = commit(nft, &batch, problem);
        nft->no_reject |= r == NFT_E_NO_REJECT;
        if (r != 0)
                return r;
        for (size_t i = 0; i < added.n; i++)
                nft_sets_find(&sets, &added.items[i])->certified = true;
        nft->sets = sets;
        return 0;
}
