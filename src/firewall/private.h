/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the backends share: the object that callers hold, and the errors they are told. */

#include "firewall.h"

typedef struct FirewallBackend {
        const char *name;
        int (*start)(Firewall *firewall, uint64_t sequence, Problem *problem);
        int (*apply)(Firewall *firewall, const Element *elements, size_t n_elements, Problem *problem);
        int (*allow)(Firewall *firewall, const Element *entries, size_t n_entries, Problem *problem); /* all of them can be */
        int (*query)(Firewall *firewall, const Element *element, FirewallElement *ret_element);
        int (*verify)(Firewall *firewall, Problem *problem);
        int (*set_counters)(Firewall *firewall, bool counters, Problem *problem);
        int (*remove)(Firewall *firewall, Problem *problem);
        void (*free)(Firewall *firewall);
} FirewallBackend;

typedef struct FirewallRefusal {
        Element element;
        bool allow; /* the element's address was to be allowed */
        char why[96];
} FirewallRefusal;

/* Every backend's struct begins with it. */
struct Firewall {
        const FirewallBackend *backend;
        FirewallCallbacks callbacks;
        FirewallStats stats;
        FirewallRefusal *refusals; /* not told yet */
        size_t n_refusals;
};

const char *firewall_element_fault(const Element *element);
const char *firewall_allowed_fault(const Addr *addr);
int firewall_refuse(Firewall *firewall, const Element *element, bool allow, const char *why);
int firewall_tell_refusals(Firewall *firewall, int r);

void firewall_none_limit(Firewall *firewall, size_t max);
