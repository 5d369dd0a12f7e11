/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The interface, and what is the same for every backend.
 *
 * A refusal is told only after the backend has returned from the kernel and
 * from the caller's own iterations (callbacks.elements): whoever hears of it
 * will change the tables that are being walked.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "firewall/private.h"

static const char *addr_fault(const Addr *addr)
{
        Addr masked = *addr;

        if (addr->family != 4 && addr->family != 6)
                return "no address";
        if (addr->length > addr_full_length(addr))
                return "a prefix length that does not exist";
        masked.length = (uint8_t) addr_full_length(addr);
        masked = addr_masked(&masked, addr->length);
        if (memcmp(masked.bytes, addr->bytes, sizeof masked.bytes) != 0)
                return "bits set past the prefix length";
        return NULL;
}

/**
 * firewall_element_fault() - why no set could hold an element
 *
 * Addresses that are never a peer are refused here once more: one of them
 * stands in every set as the sentinel's key.
 *
 * Return: the reason, or NULL if nothing is wrong with it.
 */
const char *firewall_element_fault(const Element *element)
{
        const char *fault = addr_fault(&element->addr);

        if (fault)
                return fault;
        if (!addr_is_bannable(&element->addr))
                return "an address that no packet comes from";
        if (element->protocol == 0 && element->port != 0)
                return "a port without a protocol";
        if (element->protocol != 0 &&
            (element->port == 0 || (element->protocol != IPPROTO_TCP && element->protocol != IPPROTO_UDP)))
                return "not a TCP or UDP port";
        return NULL;
}

/**
 * firewall_allowed_fault() - why a prefix cannot stand in the allow sets; NULL if it can
 */
const char *firewall_allowed_fault(const Addr *addr)
{
        static const uint8_t ones[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
        const char *fault = addr_fault(addr);

        if (fault)
                return fault;
        if (addr_is_single(addr) && memcmp(addr->bytes, ones, addr->family == 4 ? 4 : 16) == 0)
                return "an address that no packet comes from";
        return NULL;
}

/**
 * firewall_refuse() - note an element that cannot be enforced; told before the caller gets its answer
 * @allow:      its address was to be allowed, not banned
 *
 * Return: 0, or -ENOMEM.
 */
int firewall_refuse(Firewall *firewall, const Element *element, bool allow, const char *why)
{
        FirewallRefusal *grown = reallocarray(firewall->refusals, firewall->n_refusals + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        firewall->refusals = grown;
        grown += firewall->n_refusals++;
        grown->element = *element;
        grown->allow = allow;
        snprintf(grown->why, sizeof grown->why, "%s", why);
        firewall->stats.refused++;
        return 0;
}

/**
 * firewall_tell_refusals() - tell what was noted, once nothing is being walked
 * @r:          the answer so far
 *
 * Return: @r, or FIREWALL_E_ELEMENT in place of 0 if there were any.
 */
int firewall_tell_refusals(Firewall *firewall, int r)
{
        _cleanup_free_ FirewallRefusal *refusals = steal(firewall->refusals);
        const FirewallCallbacks *callbacks = &firewall->callbacks;
        size_t n = firewall->n_refusals;

        firewall->n_refusals = 0;
        for (size_t i = 0; i < n; i++)
                if (refusals[i].allow && callbacks->refused_allow)
                        callbacks->refused_allow(callbacks->userdata, &refusals[i].element.addr, refusals[i].why);
                else if (!refusals[i].allow && callbacks->refused)
                        callbacks->refused(callbacks->userdata, &refusals[i].element, refusals[i].why);
        return r == 0 && n > 0 ? FIREWALL_E_ELEMENT : r;
}

/**
 * firewall_free() - let go; the kernel's table stays, and goes on enforcing
 */
Firewall *firewall_free(Firewall *firewall)
{
        if (!firewall)
                return NULL;
        free(firewall->refusals);
        firewall->backend->free(firewall);
        return NULL;
}

/**
 * firewall_start() - make the kernel hold what callbacks.elements and .allowed say
 * @sequence:   the store's sequence, written into the sentinels for people; it takes no part in decisions
 * @problem:    filled on failure
 *
 * A table that this host's bailiffd left behind is adopted without a message
 * that changes anything; only elements that are missing are added.
 *
 * Return: 0; FIREWALL_E_FOREIGN, _DENIED, _UNSUPPORTED; FIREWALL_E_ELEMENT if it runs but some elements were
 * refused (each was told); -errno.
 */
int firewall_start(Firewall *firewall, uint64_t sequence, Problem *problem)
{
        return firewall_tell_refusals(firewall, firewall->backend->start(firewall, sequence, problem));
}

/**
 * firewall_apply() - put elements into the kernel, prolong and remove them
 * @elements:   `until` EVENT_TIME_NONE or past: remove (absent ones are no error); else add or change. Of
 *              equal keys the last one counts.
 * @n_elements: at most FIREWALL_BATCH_MAX to keep the loop lively; more are split
 *
 * Return: 0; FIREWALL_E_ELEMENT if some were refused (each was told, the others are enforced);
 * FIREWALL_E_DENIED, _UNSUPPORTED, _FOREIGN; -errno.
 */
int firewall_apply(Firewall *firewall, const Element *elements, size_t n_elements, Problem *problem)
{
        if (n_elements == 0)
                return 0;
        return firewall_tell_refusals(firewall, firewall->backend->apply(firewall, elements, n_elements, problem));
}

/**
 * firewall_allow() - let a prefix pass whatever is banned, or no longer
 * @until:      EVENT_TIME_FOREVER, or when the kernel forgets it by itself
 *
 * An entry that stands gets the new end. It is in force when this returns.
 *
 * Return: 0; -EINVAL for a prefix that no set can hold; FIREWALL_E_ELEMENT if the kernel refused it (it was told);
 * else as firewall_apply().
 */
int firewall_allow(Firewall *firewall, const Addr *addr, EventTime until, bool remove, Problem *problem)
{
        const char *fault = firewall_allowed_fault(addr);
        char text[ADDR_TEXT_MAX];

        if (fault)
                return problem_set(problem, -EINVAL, "%s cannot be allowed: %s", addr->family ? addr_format(addr, text) : "It",
                                   fault);
        Element entry = { .addr = *addr, .until = remove ? EVENT_TIME_NONE : until };

        return firewall_tell_refusals(firewall, firewall->backend->allow(firewall, &entry, 1, problem));
}

/**
 * firewall_allow_many() - firewall_allow() for many prefixes, in one transaction
 * @entries:    prefixes with their `until`; EVENT_TIME_NONE or past: allowed no longer. Of equal prefixes the last one counts.
 * @n_entries:  at most FIREWALL_BATCH_MAX to keep the loop lively; more are split
 *
 * Prefixes that no set can hold are refused like those that the kernel refuses.
 *
 * Return: 0; FIREWALL_E_ELEMENT if some were refused (each was told, the others are in force); else as firewall_apply().
 */
int firewall_allow_many(Firewall *firewall, const Element *entries, size_t n_entries, Problem *problem)
{
        _cleanup_free_ Element *sound = calloc(n_entries + 1, sizeof *sound);
        size_t n = 0;
        int r = 0;

        if (!sound)
                return problem_set(problem, -ENOMEM, "Out of memory");
        for (size_t i = 0; i < n_entries && r == 0; i++) {
                const char *fault = firewall_allowed_fault(&entries[i].addr);

                if (fault)
                        r = firewall_refuse(firewall, &entries[i], true, fault);
                else
                        sound[n++] = entries[i];
        }
        if (r < 0)
                problem_set(problem, r, "Out of memory");
        else if (n > 0)
                r = firewall->backend->allow(firewall, sound, n, problem);
        return firewall_tell_refusals(firewall, r);
}

/**
 * firewall_query() - what the kernel says of one element, found by its key
 *
 * Return: 0, FIREWALL_E_ABSENT, -errno.
 */
int firewall_query(Firewall *firewall, const Element *element, FirewallElement *ret_element)
{
        if (firewall_element_fault(element))
                return FIREWALL_E_ABSENT;
        return firewall->backend->query(firewall, element, ret_element);
}

/**
 * firewall_verify() - compare all of it with the kernel now, and mend (callbacks.healed tells)
 *
 * Return: as firewall_start().
 */
int firewall_verify(Firewall *firewall, Problem *problem)
{
        return firewall_tell_refusals(firewall, firewall->backend->verify(firewall, problem));
}

/**
 * firewall_set_counters() - give every element a packet counter, or take them out
 *
 * The kernel cannot change that of a set, so the table is laid anew, in one
 * transaction: no packet finds it without its bans or its allowed prefixes.
 * Figures counted so far are lost. Before firewall_start() it only says what is
 * built then; a table of the other make is laid anew at the start.
 *
 * Return: as firewall_start(). After a failure call it again: verifying goes on with what was before.
 */
int firewall_set_counters(Firewall *firewall, bool counters, Problem *problem)
{
        return firewall_tell_refusals(firewall, firewall->backend->set_counters(firewall, counters, problem));
}

/**
 * firewall_remove() - take our table out of the kernel; bans are enforced no longer
 *
 * Return: 0 (also if there was none); FIREWALL_E_FOREIGN, _DENIED; -errno.
 */
int firewall_remove(Firewall *firewall, Problem *problem)
{
        return firewall->backend->remove(firewall, problem);
}

const FirewallStats *firewall_stats(const Firewall *firewall)
{
        return &firewall->stats;
}

/**
 * firewall_backend() - "nftables" or "none"
 */
const char *firewall_backend(const Firewall *firewall)
{
        return firewall->backend->name;
}
