/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Firewall: the kernel's side of the bans. Two backends behind one interface: nft
 * (nftables over netlink) and none (records, for `firewall: none`, --dry-run and tests).
 *
 * Netlink to nf_tables is synchronous: when a call returns, the kernel has
 * answered, and every acknowledgement has been read and tied to its element.
 *
 * Whether a table in the kernel is the one that was left behind, or came out of a
 * saved ruleset, is told by its sentinels alone (table handle, network namespace,
 * boot): the store's sequence is written beside that for people. Where the
 * service's sandbox hides /proc/sys, the unit gives the boot by
 * Environment=BAILIFF_BOOT_ID=%b.
 */

#include <systemd/sd-event.h>

#include "pipeline.h"
#include "util/cleanup.h"
#include "util/problem.h"

#define FIREWALL_BATCH_MAX 5000 /* elements that one loop turn may carry */

typedef struct Firewall Firewall;

/* Expected errors. */
enum {
        FIREWALL_E_FOREIGN = 1, /* a table `inet bailiff` without our mark stands there */
        FIREWALL_E_DENIED,      /* CAP_NET_ADMIN is missing */
        FIREWALL_E_UNSUPPORTED, /* the kernel lacks something; the Problem names it */
        FIREWALL_E_ELEMENT,     /* some elements were refused; each was told to `refused` or `refused_allow` */
        FIREWALL_E_ABSENT,      /* asked for an element that is not there */
};

/**
 * The wiring's side. `elements` and `allowed` call visit() for each, stop at the
 * first answer other than 0 and return that.
 */
typedef struct FirewallCallbacks {
        /* Every element that should be in the kernel now; called while a table is built or verified. */
        int (*elements)(void *userdata, int (*visit)(void *visit_data, const Element *element), void *visit_data);
        /* Every allowed prefix; same use. */
        int (*allowed)(void *userdata, int (*visit)(void *visit_data, const Addr *addr, EventTime until), void *visit_data);
        /* An element that the kernel refused, and why. */
        void (*refused)(void *userdata, const Element *element, const char *why);
        /* An allowed prefix that the kernel refused, and why: bans around it cut it off. May be NULL. */
        void (*refused_allow)(void *userdata, const Addr *addr, const char *why);
        /* The table was altered by somebody else and has been mended. `text` names what was found, who did it and what was restored. */
        void (*healed)(void *userdata, const char *text);
        /* The table cannot be mended at present (text says why), or can again (NULL). */
        void (*degraded)(void *userdata, const char *text);
        /* `allowed` does not know all yet: firewall_start() leaves what else an earlier run has allowed. */
        bool partial;
        void *userdata;
} FirewallCallbacks;

/**
 * What the kernel says of one element.
 */
typedef struct FirewallElement {
        bool permanent;
        int64_t expires_msec;   /* left; 0 if permanent */
        bool has_counter;
        uint64_t packets, bytes;
} FirewallElement;

typedef struct FirewallStats {
        uint64_t transactions, elements_added, elements_removed, refused, heals;
} FirewallStats;

int firewall_new_nft(sd_event *event, bool counters, FirewallCallbacks callbacks, Firewall **ret_firewall, Problem *problem);
int firewall_new_none(FirewallCallbacks callbacks, Firewall **ret_firewall);
Firewall *firewall_free(Firewall *firewall);
DEFINE_CLEANUP(Firewall *, firewall_free)

int firewall_start(Firewall *firewall, uint64_t sequence, Problem *problem);
int firewall_apply(Firewall *firewall, const Element *elements, size_t n_elements, Problem *problem);
int firewall_allow(Firewall *firewall, const Addr *addr, EventTime until, bool remove, Problem *problem);
int firewall_allow_many(Firewall *firewall, const Element *entries, size_t n_entries, Problem *problem);
int firewall_query(Firewall *firewall, const Element *element, FirewallElement *ret_element);
int firewall_verify(Firewall *firewall, Problem *problem);
/* Puts a packet counter into every element, or takes them out: the table is laid anew. */
int firewall_set_counters(Firewall *firewall, bool counters, Problem *problem);
int firewall_remove(Firewall *firewall, Problem *problem);
/* Without a Firewall, while no daemon runs: takes elements out of the table that stands. */
int firewall_forget(const Element *elements, size_t n_elements, Problem *problem);
const FirewallStats *firewall_stats(const Firewall *firewall);
const char *firewall_backend(const Firewall *firewall);
