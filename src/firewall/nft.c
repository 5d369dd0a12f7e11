/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The nftables backend, by libmnl and libnftnl; no nft process.
 *
 *     nft-set.c        which set an element belongs to, and its key; pure
 *     nft-link.c       the socket: transactions and questions
 *     nft-table.c      the table, its chain, its sets
 *     nft-rules.c      the rules
 *     nft-element.c    elements and sentinels as messages
 *     nft-fill.c       many elements, with their errors
 *     nft-reconcile.c  from what stands to what should stand
 *     nft-stale.c      allowed prefixes that nobody allows any more
 *     nft-monitor.c    hears what other programs do to the table
 *
 * This file puts them behind the interface, and tells what was mended.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "firewall/nft.h"
#include "util/text.h"

static Nft *nft_of(Firewall *firewall)
{
        return (Nft *) firewall;
}

static void tell_healed(Nft *nft, const NftReport *report, const char *who, BootTime began)
{
        char text[320];
        int64_t msec = (int64_t) (clock_boot_now().usec - began.usec) / USEC_PER_MSEC;

        if (!report->found)
                return;
        nft->firewall.stats.heals++;
        snprintf(text, sizeof text, "%s%s%s: %s, %zu %s restored in %" PRId64 " ms", report->found, *who ? " by " : "", who,
                 report->mended, report->restored, report->restored == 1 ? "ban" : "bans", msec);
        if (nft->firewall.callbacks.healed)
                nft->firewall.callbacks.healed(nft->firewall.callbacks.userdata, text);
}

static void set_degraded(Nft *nft, const char *text)
{
        bool degraded;

        if (!text && nft->no_reject)
                text = "This kernel cannot refuse packets (module nft_reject_inet): those of jails with `action: reject` are dropped. "
                       "Load the module and restart bailiffd, or set `action: drop`";
        degraded = text != NULL;
        if (degraded == nft->degraded)
                return;
        nft->degraded = degraded;
        if (nft->firewall.callbacks.degraded)
                nft->firewall.callbacks.degraded(nft->firewall.callbacks.userdata, text);
}

/* Reconciles, and tells. */
static int heal(Nft *nft, bool elements, const char *who, Problem *problem)
{
        BootTime began = clock_boot_now();
        Problem own = { "" };
        NftReport report;
        int r = nft_reconcile(nft, elements, &report, problem ? problem : &own);

        if (r != 0) {
                set_degraded(nft, (problem ? problem : &own)->text);
                return r;
        }
        tell_healed(nft, &report, who, began);
        set_degraded(nft, NULL);
        return 0;
}

static int on_suspicion(void *userdata, const NftSuspicion *suspicion)
{
        Nft *nft = userdata;
        int r;

        if (!nft->started)
                return 0;
        r = heal(nft, suspicion->elements || suspicion->lost, suspicion->process, NULL);
        firewall_tell_refusals(&nft->firewall, 0);
        return r;
}

static int nft_verify(Firewall *firewall, Problem *problem)
{
        Nft *nft = nft_of(firewall);

        if (!nft->started)
                return problem_set(problem, -ESHUTDOWN, "The firewall has not been started");
        return heal(nft, true, nft_monitor_culprit(nft->monitor), problem);
}

/* Bans stand already: what goes wrong here is no reason not to guard. */
static void drop_stale(Nft *nft)
{
        Problem problem = { "" };
        char text[PROBLEM_TEXT_MAX + 128];

        /* Where somebody takes the table away, it will be laid anew, and without them. */
        int r = nft_drop_stale_allowed(nft, &problem);

        if (r == 0 || r == NFT_E_ABSENT)
                return;
        snprintf(text, sizeof text, "What an earlier run has allowed may still be: %s; systemctl restart bailiffd", problem.text);
        set_degraded(nft, text);
}

static int nft_start(Firewall *firewall, uint64_t sequence, Problem *problem)
{
        Nft *nft = nft_of(firewall);
        BootTime began = clock_boot_now();
        NftReport report;
        NftFound found;
        int r;

        nft->sequence = sequence;
        r = nft_table_find_handle(nft->link, &found);
        if (r != 0)
                return r == -EINVAL
                               ? problem_set(problem, FIREWALL_E_UNSUPPORTED,
                                             "This kernel has no nftables: load the module nf_tables, or set `firewall: none`")
                               : nft_failed(r, problem);
        if (nft->event && !nft->monitor) {
                r = nft_monitor_new(nft->event, nft->link, on_suspicion, nft, &nft->monitor, problem);
                if (r != 0)
                        return r;
        }
        r = nft_reconcile(nft, true, &report, problem);
        if (r != 0) {
                nft->monitor = nft_monitor_free(nft->monitor);
                return r;
        }
        nft->started = true;
        set_degraded(nft, NULL);
        if (found.table && !nft->firewall.callbacks.partial)
                drop_stale(nft);
        if (found.table)
                tell_healed(nft, &report, "another program before the start", began);
        return 0;
}

static int send_changes(Nft *nft, NftChange *changes, size_t n, Problem *problem)
{
        int r = nft_need_sets(nft, changes, n, problem);
        size_t kept = 0;

        if (r != 0)
                return r;
        /* Nothing can be removed from a set that does not exist. */
        for (size_t i = 0; i < n; i++)
                if (changes[i].wish != NFT_WISH_NOTHING && nft_sets_find(&nft->sets, &changes[i].set))
                        changes[kept++] = changes[i];
        return nft_send(nft, changes, kept, true, problem);
}

static int change(Nft *nft, NftChange *changes, size_t n, Problem *problem)
{
        _cleanup_free_ NftChange *again = NULL;
        int r;

        if (!nft->started)
                return problem_set(problem, -ESHUTDOWN, "The firewall has not been started");
        nft_changes_sort(changes, n);
        again = reallocarray(NULL, n, sizeof *again);
        if (!again)
                return problem_set(problem, -ENOMEM, "Out of memory");
        memcpy(again, changes, n * sizeof *again);
        r = send_changes(nft, changes, n, problem);
        if (r != NFT_E_ABSENT)
                return r;
        /* Somebody took the table away, and the monitor has not been served yet. */
        r = heal(nft, true, nft_monitor_culprit(nft->monitor), problem);
        if (r == 0)
                r = send_changes(nft, again, n, problem);
        return r == NFT_E_ABSENT ? problem_set(problem, -EAGAIN, "Table inet %s is being removed again and again", NFT_TABLE) : r;
}

static int apply_once(Nft *nft, const Element *elements, size_t n_elements, Problem *problem)
{
        _cleanup_free_ NftChange *changes = reallocarray(NULL, n_elements, sizeof *changes);
        EventTime now = clock_event_now();
        size_t n = 0;

        if (!changes)
                return problem_set(problem, -ENOMEM, "Out of memory");
        for (size_t i = 0; i < n_elements; i++) {
                if (firewall_element_fault(&elements[i]))
                        continue;
                changes[n] = nft_change_of(nft, &elements[i], i);
                nft_change_set_time(&changes[n++], now);
        }
        return n == 0 ? 0 : change(nft, changes, n, problem);
}

static int nft_apply(Firewall *firewall, const Element *elements, size_t n_elements, Problem *problem)
{
        Nft *nft = nft_of(firewall);
        int r;

        for (size_t i = 0; i < n_elements; i++) {
                const char *fault = firewall_element_fault(&elements[i]);

                if (fault && firewall_refuse(firewall, &elements[i], false, fault) < 0)
                        return problem_set(problem, -ENOMEM, "Out of memory");
        }
        r = apply_once(nft, elements, n_elements, problem);
        if (r == NFT_E_NO_REJECT) {
                set_degraded(nft, NULL);
                r = apply_once(nft, elements, n_elements, problem);
        }
        return r;
}

static int nft_allow(Firewall *firewall, const Element *entries, size_t n_entries, Problem *problem)
{
        _cleanup_free_ NftChange *changes = reallocarray(NULL, n_entries, sizeof *changes);
        EventTime now = clock_event_now();

        if (!changes)
                return problem_set(problem, -ENOMEM, "Out of memory");
        for (size_t i = 0; i < n_entries; i++) {
                changes[i] = nft_change_of_allowed(&entries[i].addr, entries[i].until, entries[i].until.usec == 0);
                changes[i].order = i;
                nft_change_set_time(&changes[i], now);
        }
        return change(nft_of(firewall), changes, n_entries, problem);
}

static int take_answer(void *data, size_t at, const NftElement *element)
{
        *(FirewallElement *) data = (FirewallElement){
                .permanent = !element->has_timeout,
                .expires_msec = (int64_t) element->expires_msec,
                .has_counter = element->has_counter,
                .packets = element->packets,
                .bytes = element->bytes,
        };
        return 0;
}

static int nft_query(Firewall *firewall, const Element *element, FirewallElement *ret_element)
{
        NftChange asked = nft_change_of(nft_of(firewall), element, 0);
        FirewallElement answer = { 0 };
        size_t found = 0;
        int r = nft_changes_find(nft_of(firewall)->link, &asked, 1, take_answer, &answer, &found);

        if (r < 0)
                return r;
        if (found == 0)
                return FIREWALL_E_ABSENT;
        *ret_element = answer;
        return 0;
}

static int nft_set_counters(Firewall *firewall, bool counters, Problem *problem)
{
        Nft *nft = nft_of(firewall);
        bool before = nft->counters;
        int r;

        nft->counters = counters;
        if (!nft->started || before == counters)
                return 0;
        /* The reconciliation finds sets of the other make, and builds the table whole. */
        r = heal(nft, true, nft_monitor_culprit(nft->monitor), problem);
        if (r != 0)
                nft->counters = before;
        return r;
}

static int nft_remove(Firewall *firewall, Problem *problem)
{
        Nft *nft = nft_of(firewall);
        NftBatch batch = { 0 };
        NftFound found;
        int r = nft_table_find_handle(nft->link, &found);

        if (r != 0)
                return nft_failed(r, problem);
        if (found.table && !found.marked)
                return problem_set(problem, FIREWALL_E_FOREIGN, "Table `inet %s` is not bailiff's: it was left alone", NFT_TABLE);
        nft->started = false;
        if (!found.table)
                return 0;
        r = nft_table_put_removal(&batch, nft->link);
        if (r == 0)
                r = nft_link_commit(nft->link, &batch);
        if (r != 0)
                r = r < 0 ? nft_failed(r, problem) : nft_refused(&batch, problem);
        nft_batch_deinit(&batch);
        return r;
}

static void nft_free(Firewall *firewall)
{
        Nft *nft = nft_of(firewall);

        nft_monitor_free(nft->monitor);
        nft_link_free(nft->link);
        sd_event_unref(nft->event);
        free(nft);
}

static const FirewallBackend nft_backend = {
        .name = "nftables",
        .start = nft_start,
        .apply = nft_apply,
        .allow = nft_allow,
        .query = nft_query,
        .verify = nft_verify,
        .set_counters = nft_set_counters,
        .remove = nft_remove,
        .free = nft_free,
};

static void read_boot(char *boot, size_t size)
{
        _cleanup_free_ char *text = NULL;
        const char *variable = getenv("BAILIFF_BOOT_ID");
        size_t length, used = 0;

        if (text_read_file("/proc/sys/kernel/random/boot_id", 256, &text, &length) < 0)
                text = strdup(variable ? variable : "unknown");
        for (const char *p = text ? text : "unknown"; *p && *p != '\n' && used + 1 < size; p++)
                if (*p != '-')
                        boot[used++] = *p;
        boot[used] = '\0';
}

/**
 * firewall_new_nft() - bans by nftables
 * @event:      hears of other programs' changes; NULL: nobody listens, firewall_verify() finds them
 * @counters:   elements count packets and bytes, at 15.5 bytes of kernel memory per element and processor
 *
 * Nothing is changed before firewall_start(); firewall_query() and firewall_remove() work without it.
 *
 * Return: 0, FIREWALL_E_UNSUPPORTED, -errno.
 */
int firewall_new_nft(sd_event *event, bool counters, FirewallCallbacks callbacks, Firewall **ret_firewall, Problem *problem)
{
        Nft *nft = calloc(1, sizeof *nft);
        int r;

        if (!nft)
                return problem_set(problem, -ENOMEM, "Out of memory");
        r = nft_link_new(&nft->link, problem);
        if (r != 0) {
                free(nft);
                return r;
        }
        nft->firewall.backend = &nft_backend;
        nft->firewall.callbacks = callbacks;
        nft->event = event ? sd_event_ref(event) : NULL;
        nft->counters = counters;
        read_boot(nft->boot, sizeof nft->boot);
        *ret_firewall = &nft->firewall;
        return 0;
}
