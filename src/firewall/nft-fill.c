/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Elements into the kernel: by transactions, and asking first what is there.
 *
 * A transaction holds up to FIREWALL_BATCH_MAX elements in messages of up to
 * 60 KB. If the kernel refuses one, it is sent again with a message for each
 * element: then every failing element has an error of its own, all in one go.
 * Those are refused and the others sent once more. The happy way stays short,
 * and one bad element costs two more sendings, however many are bad.
 *
 * Elements that may be there already are taken out and put in again, within one
 * transaction. That costs the kernel 15 microseconds each, four times as much as
 * adding. So many of them are first sent as new ones, which they mostly are; the
 * kernel refuses that if one is there. Few are not, since a refused transaction
 * holds us for a grace period of the kernel, 16 milliseconds.
 */

#include <errno.h>
#include <string.h>

#include "firewall/nft-rules.h"
#include "firewall/nft.h"

#define ATTEMPTS 5
#define FEW 500          /* changes whose replacement costs less than a refusal */
#define CHANGE_ROOM 560  /* bytes that a change may take in a transaction, thrice in messages of its own */
#define ABSENT_MAX 8     /* single absentees in a question's worth of keys before the rest is just added */
#define TIME_SLACK_MSEC 10000 /* that a kernel element may end before or after it should */

static void batch_deinitp(NftBatch *batch)
{
        nft_batch_deinit(batch);
}

/**
 * nft_failed() - words for a -errno
 */
int nft_failed(int r, Problem *problem)
{
        if (r == -EPERM || r == -EACCES)
                return problem_set(problem, FIREWALL_E_DENIED,
                                   "Not permitted to change nftables: CAP_NET_ADMIN is missing. Run as root, or give the service "
                                   "AmbientCapabilities=CAP_NET_ADMIN");
        if (r == -ENOBUFS || r == -ENOMEM)
                return problem_set(problem, r, "The kernel has no memory for nftables (%s): see MemoryMax= of the service",
                                   strerror(-r));
        return problem_set(problem, r, "nftables: %s", strerror(-r));
}

/**
 * nft_refused() - words for the first error of a refused transaction
 *
 * Return: FIREWALL_E_DENIED, FIREWALL_E_UNSUPPORTED, NFT_E_NO_REJECT, -errno.
 */
int nft_refused(const NftBatch *batch, Problem *problem)
{
        const NftMessage *fault = nft_batch_fault(batch);
        int error = batch->error ? batch->error : fault->error;
        const char *what = batch->error || !fault ? "transactions (module nf_tables)" : fault->what;
        const char *detail = fault && fault->detail[0] ? fault->detail : "";

        if (what == NFT_REJECT_WHAT)
                return problem_set(problem, NFT_E_NO_REJECT, "This kernel's nftables has no %s", what);
        switch (error) {
        case EOPNOTSUPP:
        case EINVAL:
        case EAFNOSUPPORT:
        case EPROTONOSUPPORT:
                return problem_set(
                        problem, FIREWALL_E_UNSUPPORTED,
                        "This kernel's nftables lacks what bailiff needs: %s: %s%s%s. Load the module or use Debian 12's kernel, "
                        "or set `firewall: none`",
                        what, strerror(error), *detail ? ": " : "", detail);
        case EEXIST: return problem_set(problem, -EEXIST, "nftables: %s exists already", what);
        default: return nft_failed(-error, problem);
        }
}

/**
 * nft_change_of() - a ban's element as a change; firewall_element_fault() has found nothing
 *
 * Where the kernel cannot refuse packets they are dropped: a ban bites all the same.
 */
NftChange nft_change_of(const Nft *nft, const Element *element, size_t order)
{
        NftChange change = { .order = order, .until = element->until, .element = *element };

        change.wish = element->until.usec == 0 ? NFT_WISH_REMOVE : NFT_WISH_PUT;
        if (element->reject && !nft->no_reject)
                change.set.kind = element->protocol == 0 ? NFT_REJECT : NFT_REJECT_PORT;
        else
                change.set.kind = element->protocol == 0 ? NFT_ANY : NFT_PORT;
        change.set.family = element->addr.family;
        change.set.length = element->addr.length;
        nft_set_key(&change.set, &element->addr, element->protocol, element->port, change.key);
        return change;
}

/**
 * nft_change_of_allowed() - an allowed prefix as a change
 */
NftChange nft_change_of_allowed(const Addr *addr, EventTime until, bool remove)
{
        NftChange change = { .until = until, .wish = remove ? NFT_WISH_REMOVE : NFT_WISH_PUT };

        change.element.addr = *addr;
        change.set = (NftSet){ .kind = NFT_ALLOW, .family = addr->family, .length = addr->length };
        nft_set_key(&change.set, addr, 0, 0, change.key);
        return change;
}

static int put_all(Nft *nft, NftBatch *batch, const NftChange *changes, size_t n, NftStep step, size_t per_message)
{
        int r = 0;

        nft_batch_reset(batch);
        if (step == NFT_STEP_TOUCH) {
                r = nft_changes_put(batch, nft->link, changes, n, NFT_STEP_TOUCH, per_message);
                if (r == 0)
                        r = nft_changes_put(batch, nft->link, changes, n, NFT_STEP_DROP, per_message);
                step = NFT_STEP_ADD;
        }
        return r < 0 ? r : nft_changes_put(batch, nft->link, changes, n, step, per_message);
}

static int read_counter(void *data, size_t at, const NftElement *element)
{
        NftChange *change = &((NftChange *) data)[at];

        change->packets = element->packets;
        change->bytes = element->bytes;
        return 0;
}

/* Figures that the elements to be replaced have counted. An absent key ends an answer: go on behind it. */
static int carry_counters(Nft *nft, NftChange *changes, size_t n)
{
        for (size_t at = 0; at < n;) {
                size_t run = nft_changes_run(changes + at, n - at), found = 0;
                int asked = nft_changes_find(nft->link, changes + at, run, read_counter, changes + at, &found);

                if (asked < 0)
                        return asked;
                at += found + (found < (size_t) asked);
        }
        return 0;
}

static bool all_to_put(const NftChange *changes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (changes[i].wish == NFT_WISH_REMOVE)
                        return false;
        return true;
}

/* Messages hold one element each: refuse those that failed. */
static int refuse_failed(Nft *nft, const NftBatch *batch, NftChange *changes)
{
        char why[96];

        for (size_t i = 0; i < batch->n_messages; i++) {
                const NftMessage *message = &batch->messages[i];

                if (message->error == 0)
                        continue;
                snprintf(why, sizeof why, "%s%s%s", strerror(message->error), message->detail[0] ? ": " : "", message->detail);
                for (size_t at = message->first; at < message->first + message->count; at++) {
                        if (changes[at].wish == NFT_WISH_NOTHING || (message->count > 1 && changes[at].wish != NFT_WISH_PUT))
                                continue;
                        changes[at].wish = NFT_WISH_NOTHING;
                        if (firewall_refuse(&nft->firewall, &changes[at].element, changes[at].set.kind == NFT_ALLOW, why) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

static void count_sent(Nft *nft, const NftChange *changes, size_t n)
{
        nft->firewall.stats.transactions++;
        for (size_t i = 0; i < n; i++) {
                nft->firewall.stats.elements_added += changes[i].wish == NFT_WISH_PUT;
                nft->firewall.stats.elements_removed += changes[i].wish == NFT_WISH_REMOVE;
        }
}

/* Return: 0 to send it again, another way. */
static int learn_from_refusal(Nft *nft, const NftBatch *batch, NftChange *changes, size_t n, NftStep *step, size_t *per_message,
                              Problem *problem)
{
        int error = batch->error ? batch->error : nft_batch_fault(batch)->error, r = 0;

        if (error == ENOENT && !batch->error)
                return problem_set(problem, NFT_E_ABSENT, "Table inet %s is not as it was", NFT_TABLE);
        if (batch->error || error == EPERM || error == ENOMEM)
                return nft_refused(batch, problem);
        /* Some may be there and others faulty: only the longer way tells them apart. */
        if (*step == NFT_STEP_ADD_NEW) {
                *step = NFT_STEP_TOUCH;
                *per_message = SIZE_MAX;
                r = nft->counters ? carry_counters(nft, changes, n) : 0;
        } else if (*per_message == 1) {
                r = refuse_failed(nft, batch, changes);
        } else {
                *per_message = 1;
        }
        return r < 0 ? nft_failed(r, problem) : 0;
}

static int send_chunk(Nft *nft, NftChange *changes, size_t n, bool replacing, Problem *problem)
{
        _cleanup_(batch_deinitp) NftBatch batch = { 0 };
        NftStep step = !replacing ? NFT_STEP_ADD : n > FEW && all_to_put(changes, n) ? NFT_STEP_ADD_NEW : NFT_STEP_TOUCH;
        size_t per_message = SIZE_MAX;
        int r = 0;

        if (step == NFT_STEP_TOUCH && nft->counters)
                r = carry_counters(nft, changes, n);
        for (unsigned attempt = 0; r == 0 && attempt < ATTEMPTS; attempt++) {
                r = put_all(nft, &batch, changes, n, step, per_message);
                if (r == 0)
                        r = nft_link_commit(nft->link, &batch);
                if (r == 0) {
                        count_sent(nft, changes, n);
                        return 0;
                }
                if (r > 0) {
                        r = learn_from_refusal(nft, &batch, changes, n, &step, &per_message, problem);
                        if (r != 0)
                                return r;
                }
        }
        return r < 0 ? nft_failed(r, problem) : problem_set(problem, -EIO, "nftables refuses elements again and again");
}

/**
 * nft_send() - changes to the kernel, in as many transactions as it takes
 * @changes:    sorted; those that the kernel refused lose their wish
 * @replacing:  elements of these keys may be there
 *
 * Return: 0 (also if elements were refused); NFT_E_ABSENT: table or set have gone; FIREWALL_E_...; -errno.
 */
int nft_send(Nft *nft, NftChange *changes, size_t n, bool replacing, Problem *problem)
{
        size_t most = nft->link->send_max / CHANGE_ROOM;

        if (most > FIREWALL_BATCH_MAX)
                most = FIREWALL_BATCH_MAX;
        for (size_t at = 0; at < n; at += most) {
                int r = send_chunk(nft, changes + at, n - at < most ? n - at : most, replacing, problem);
                if (r != 0)
                        return r;
        }
        return 0;
}

typedef struct Presence {
        NftChange *changes;
} Presence;

/* It is there; but does it end when it should? A restore before the clock was set has guessed. */
static int note_present(void *data, size_t at, const NftElement *element)
{
        NftChange *change = &((Presence *) data)->changes[at];
        bool both = element->has_timeout && change->timeout_msec > 0;

        if (both ? element->expires_msec + TIME_SLACK_MSEC < change->timeout_msec ||
                           element->expires_msec > change->timeout_msec + TIME_SLACK_MSEC
                 : element->has_timeout != (change->timeout_msec > 0)) {
                change->mistimed = true;
                change->packets = element->packets;
                change->bytes = element->bytes;
        } else {
                change->wish = NFT_WISH_NOTHING;
        }
        return 0;
}

/* One set's changes: those that are there lose their wish. */
static int ask_run(Nft *nft, NftChange *changes, size_t n)
{
        size_t at = 0, absent = 0;

        while (at < n && absent <= ABSENT_MAX) {
                Presence presence = { changes + at };
                size_t found = 0;
                int asked = nft_changes_find(nft->link, changes + at, n - at, note_present, &presence, &found);

                if (asked < 0)
                        return asked;
                at += found;
                if (found < (size_t) asked) {
                        absent++;
                        at++;
                } else {
                        absent = 0;
                }
        }
        return 0;
}

static int ask(NftFill *fill)
{
        for (size_t at = 0; at < fill->n;) {
                size_t run = nft_changes_run(fill->changes + at, fill->n - at);
                const NftSet *set = nft_sets_find(&fill->nft->sets, &fill->changes[at].set);
                int r = set && set->certified ? ask_run(fill->nft, fill->changes + at, run) : 0;

                if (r < 0)
                        return r;
                at += run;
        }
        return 0;
}

static int by_mistimed(const void *a, const void *b)
{
        const NftChange *x = a, *y = b;

        return x->mistimed != y->mistimed ? (int) x->mistimed - (int) y->mistimed : nft_set_compare(&x->set, &y->set);
}

/* Drops what has no wish any more; what is to be replaced comes last. Return: how many are to be added. */
static size_t arrange(NftFill *fill)
{
        size_t kept = 0, mistimed = 0;

        for (size_t i = 0; i < fill->n; i++)
                if (fill->changes[i].wish == NFT_WISH_PUT) {
                        mistimed += fill->changes[i].mistimed;
                        fill->added += fill->changes[i].set.kind != NFT_ALLOW;
                        fill->retimed += fill->changes[i].set.kind != NFT_ALLOW && fill->changes[i].mistimed;
                        fill->changes[kept++] = fill->changes[i];
                }
        fill->n = kept;
        if (mistimed > 0)
                qsort(fill->changes, kept, sizeof *fill->changes, by_mistimed);
        return kept - mistimed;
}

static int fill_flush(NftFill *fill)
{
        size_t to_add;
        int r = 0;

        nft_changes_sort(fill->changes, fill->n);
        if (fill->mode == NFT_FILL_MISSING)
                r = ask(fill);
        if (r < 0) {
                fill->result = nft_failed(r, fill->problem);
                return -ECANCELED;
        }
        to_add = arrange(fill);
        if (fill->mode == NFT_FILL_WHOLE) {
                r = nft_changes_put(fill->batch, fill->nft->link, fill->changes, fill->n, NFT_STEP_ADD, SIZE_MAX);
        } else {
                r = nft_send(fill->nft, fill->changes, to_add, false, fill->problem);
                if (r == 0)
                        r = nft_send(fill->nft, fill->changes + to_add, fill->n - to_add, true, fill->problem);
        }
        fill->n = 0;
        if (r == 0)
                return 0;
        fill->result = r;
        return -ECANCELED;
}

static int fill_push(NftFill *fill, NftChange change)
{
        fill->total++;
        if (fill->mode == NFT_FILL_LEARN) {
                nft_sets_add(fill->sets, &change.set);
                return 0;
        }
        nft_change_set_time(&change, clock_event_now());
        if (change.wish != NFT_WISH_PUT)
                return 0;
        if (!fill->changes && !(fill->changes = calloc(FIREWALL_BATCH_MAX, sizeof *fill->changes)))
                return -ENOMEM;
        fill->changes[fill->n++] = change;
        return fill->n == FIREWALL_BATCH_MAX ? fill_flush(fill) : 0;
}

static int visit_element(void *data, const Element *element)
{
        NftFill *fill = data;
        const char *fault = firewall_element_fault(element);

        if (fault)
                return fill->mode == NFT_FILL_LEARN ? firewall_refuse(&fill->nft->firewall, element, false, fault) : 0;
        return fill_push(fill, nft_change_of(fill->nft, element, fill->total));
}

static int visit_allowed(void *data, const Addr *addr, EventTime until)
{
        NftFill *fill = data;
        const char *fault = firewall_allowed_fault(addr);
        Element element = { .addr = *addr, .until = until };

        if (fault)
                return fill->mode == NFT_FILL_LEARN ? firewall_refuse(&fill->nft->firewall, &element, true, fault) : 0;
        return fill_push(fill, nft_change_of_allowed(addr, until, false));
}

static int fill_end(NftFill *fill, int r)
{
        if (r == 0 && fill->n > 0)
                r = fill_flush(fill);
        if (r != 0 && fill->result != 0)
                return fill->result;
        return r == 0 ? 0 : nft_failed(r < 0 ? r : -EIO, fill->problem);
}

/**
 * nft_fill_allowed() - take every allowed prefix of the wiring's side
 *
 * Return: 0, NFT_E_ABSENT, FIREWALL_E_..., -errno.
 */
int nft_fill_allowed(NftFill *fill)
{
        const FirewallCallbacks *callbacks = &fill->nft->firewall.callbacks;

        return fill_end(fill, callbacks->allowed ? callbacks->allowed(callbacks->userdata, visit_allowed, fill) : 0);
}

/**
 * nft_fill_elements() - take every element that should be in the kernel
 */
int nft_fill_elements(NftFill *fill)
{
        const FirewallCallbacks *callbacks = &fill->nft->firewall.callbacks;

        return fill_end(fill, callbacks->elements ? callbacks->elements(callbacks->userdata, visit_element, fill) : 0);
}

/**
 * nft_fill_deinit() - free its memory
 */
void nft_fill_deinit(NftFill *fill)
{
        free(fill->changes);
        fill->changes = NULL;
}
