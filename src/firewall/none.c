/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The backend that enforces nothing: it keeps a table of the elements that would
 * be in the kernel, with their ends, and answers from it. `firewall: none`,
 * --dry-run and tests use it, so it behaves as nft does towards its caller.
 *
 * Elements that have ended are dropped when they are met, and all of them
 * whenever the table has doubled since the last time; at the cap, after such a
 * sweep, new ones are refused. The ban engine's own cap lies far below.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "firewall/private.h"
#include "util/table.h"

#define NONE_MAX 8000000

typedef struct NoneKey {
        Addr addr;
        uint8_t protocol;
        bool allow, reject;
        uint16_t port;
} NoneKey;

typedef struct NoneElement {
        NoneKey key;
        EventTime until;
        UT_hash_handle hh;
} NoneElement;

typedef struct None {
        Firewall firewall;
        NoneElement *elements;
        size_t max, sweep_at;
} None;

static None *none_of(Firewall *firewall)
{
        return (None *) firewall;
}

/* Without an element: allowed. */
static NoneKey none_key(const Addr *addr, const Element *element)
{
        NoneKey key;

        memset(&key, 0, sizeof key);
        key.addr = *addr;
        key.allow = !element;
        if (element) {
                key.protocol = element->protocol;
                key.port = element->port;
                key.reject = element->reject;
        }
        return key;
}

static void none_drop(None *none, NoneElement *found)
{
        HASH_DEL(none->elements, found);
        free(found);
}

static void none_sweep(None *none)
{
        EventTime now = clock_event_now();
        NoneElement *element, *next;

        HASH_ITER (hh, none->elements, element, next)
                if (!event_time_before(now, element->until))
                        none_drop(none, element);
        none->sweep_at = (size_t) HASH_COUNT(none->elements) * 2;
        if (none->sweep_at < 1024)
                none->sweep_at = 1024;
}

/* Return: 0, 1 if the table is full, -ENOMEM. */
static int none_put(None *none, const NoneKey *key, EventTime until, bool remove)
{
        NoneElement *found;

        HASH_FIND(hh, none->elements, key, sizeof *key, found);
        if (remove || !event_time_before(clock_event_now(), until)) {
                if (found) {
                        none_drop(none, found);
                        none->firewall.stats.elements_removed++;
                }
                return 0;
        }
        if (!found) {
                if (HASH_COUNT(none->elements) >= none->sweep_at || HASH_COUNT(none->elements) >= none->max)
                        none_sweep(none);
                if (HASH_COUNT(none->elements) >= none->max)
                        return 1;
                found = calloc(1, sizeof *found);
                if (!found)
                        return -ENOMEM;
                found->key = *key;
                HASH_ADD(hh, none->elements, key, sizeof found->key, found);
        }
        found->until = until;
        none->firewall.stats.elements_added++;
        return 0;
}

static int none_visit_element(void *data, const Element *element)
{
        None *none = data;
        const char *fault = firewall_element_fault(element);
        NoneKey key;
        int r;

        if (fault)
                return firewall_refuse(&none->firewall, element, false, fault);
        key = none_key(&element->addr, element);
        r = none_put(none, &key, element->until, element->until.usec == 0);
        return r > 0 ? firewall_refuse(&none->firewall, element, false, "the table is full") : r;
}

static int put_allowed(None *none, const Addr *addr, EventTime until, bool remove)
{
        Element element = { .addr = *addr, .until = until };
        NoneKey key = none_key(addr, NULL);
        int r = none_put(none, &key, until, remove);

        return r > 0 ? firewall_refuse(&none->firewall, &element, true, "the table is full") : r;
}

static int none_visit_allowed(void *data, const Addr *addr, EventTime until)
{
        Element element = { .addr = *addr, .until = until };
        const char *fault = firewall_allowed_fault(addr);

        if (fault)
                return firewall_refuse(data, &element, true, fault);
        return put_allowed(data, addr, until, false);
}

static int none_verify(Firewall *firewall, Problem *problem)
{
        const FirewallCallbacks *callbacks = &firewall->callbacks;
        int r = 0;

        if (callbacks->allowed)
                r = callbacks->allowed(callbacks->userdata, none_visit_allowed, firewall);
        if (r == 0 && callbacks->elements)
                r = callbacks->elements(callbacks->userdata, none_visit_element, firewall);
        return r == 0 ? 0 : problem_set(problem, r, "The elements could not be read: %s", strerror(-r));
}

static int none_start(Firewall *firewall, uint64_t sequence, Problem *problem)
{
        return none_verify(firewall, problem);
}

static int none_apply(Firewall *firewall, const Element *elements, size_t n_elements, Problem *problem)
{
        firewall->stats.transactions++;
        for (size_t i = 0; i < n_elements; i++) {
                int r = none_visit_element(firewall, &elements[i]);
                if (r < 0)
                        return problem_set(problem, r, "Elements could not be recorded: %s", strerror(-r));
        }
        return 0;
}

static int none_allow(Firewall *firewall, const Element *entries, size_t n_entries, Problem *problem)
{
        int r = 0;

        firewall->stats.transactions++;
        for (size_t i = 0; i < n_entries && r == 0; i++)
                r = put_allowed(none_of(firewall), &entries[i].addr, entries[i].until, entries[i].until.usec == 0);
        return r == 0 ? 0 : problem_set(problem, r, "An allowed address could not be recorded: %s", strerror(-r));
}

static int none_query(Firewall *firewall, const Element *element, FirewallElement *ret_element)
{
        NoneKey key = none_key(&element->addr, element);
        EventTime now = clock_event_now();
        FirewallElement answer = { 0 };
        NoneElement *found;

        HASH_FIND(hh, none_of(firewall)->elements, &key, sizeof key, found);
        if (!found || !event_time_before(now, found->until))
                return FIREWALL_E_ABSENT;
        answer.permanent = found->until.usec == INT64_MAX;
        if (!answer.permanent)
                answer.expires_msec = (found->until.usec - now.usec) / USEC_PER_MSEC;
        *ret_element = answer;
        return 0;
}

static int none_set_counters(Firewall *firewall, bool counters, Problem *problem)
{
        return 0;
}

static int none_remove(Firewall *firewall, Problem *problem)
{
        None *none = none_of(firewall);
        NoneElement *element, *next;

        HASH_ITER (hh, none->elements, element, next)
                none_drop(none, element);
        return 0;
}

static void none_free(Firewall *firewall)
{
        none_remove(firewall, NULL);
        free(firewall);
}

static const FirewallBackend none_backend = {
        .name = "none",
        .start = none_start,
        .apply = none_apply,
        .allow = none_allow,
        .query = none_query,
        .verify = none_verify,
        .set_counters = none_set_counters,
        .remove = none_remove,
        .free = none_free,
};

/**
 * firewall_new_none() - the backend that only records
 */
int firewall_new_none(FirewallCallbacks callbacks, Firewall **ret_firewall)
{
        None *none = calloc(1, sizeof *none);

        if (!none)
                return -ENOMEM;
        none->firewall.backend = &none_backend;
        none->firewall.callbacks = callbacks;
        none->max = NONE_MAX;
        none->sweep_at = 1024;
        *ret_firewall = &none->firewall;
        return 0;
}

/**
 * firewall_none_limit() - another cap, for tests
 */
void firewall_none_limit(Firewall *firewall, size_t max)
{
        none_of(firewall)->max = max;
}
