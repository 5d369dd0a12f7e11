/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* BanEngine: who is banned, until when. Offence -> BanEvent. Pure. */

#include "pipeline.h"
#include "util/cleanup.h"
#include "util/problem.h"

typedef struct BanEngine BanEngine;

typedef struct BanJail {
        const char *name;
        int64_t bantime;        /* seconds, or DURATION_FOREVER */
        const Port *ports;      /* copied; NULL: all ports */
        size_t n_ports;
} BanJail;

/**
 * An entry of the allow list.
 */
typedef struct AllowEntry {
        Addr addr;
        EventTime until;        /* EVENT_TIME_FOREVER: stays */
        const char *origin;     /* for people: "bailiff.yaml:3:9", "login of root", "allow add" */
} AllowEntry;

typedef struct BanRequest {
        const char *jail;       /* must have been set by ban_engine_set_jail() */
        Addr addr;
        bool has_duration;
        int64_t duration;       /* seconds or DURATION_FOREVER; else the jail's bantime */
        const char *reason;     /* or "" */
        bool force;             /* allow prefixes wider than /8 (IPv4) and /16 (IPv6) */
} BanRequest;

/* Expected errors, with a Problem for the person from ban_engine_ban(). */
enum {
        BAN_E_ALLOWED = 1,      /* lies inside an allowed entry */
        BAN_E_TOO_WIDE,         /* needs force */
        BAN_E_NO_JAIL,
        BAN_E_NOT_BANNABLE,     /* no packet can have it as source */
        BAN_E_FULL,             /* at the cap, and nothing may give way */
        BAN_E_NO_ENTRY,         /* ban_engine_disallow(): the allow list does not have exactly this */
};

/* The sink must not call back into the engine, but for the functions that take it const. */
typedef struct BanSink {
        void (*event)(void *userdata, const BanEvent *event);
        void *userdata;
} BanSink;

typedef struct BanStats {
        size_t bans;            /* in force */
        size_t max_bans;
        size_t elements;        /* in the kernel, as it should be */
        size_t evidence_bytes;  /* of log lines kept here; events carry them in any case */
        uint64_t displaced;
        uint64_t evidence_dropped; /* bans whose lines were not kept here */
} BanStats;

typedef int (*BanVisitor)(void *userdata, const Ban *ban);
typedef int (*ElementVisitor)(void *userdata, const Element *element);
typedef int (*AllowVisitor)(void *userdata, const AllowEntry *entry);

int ban_engine_new(size_t max_bans, BanSink sink, BanEngine **ret_engine);
BanEngine *ban_engine_free(BanEngine *engine);
DEFINE_CLEANUP(BanEngine *, ban_engine_free)

int ban_engine_set_jail(BanEngine *engine, const BanJail *jail);
int ban_engine_allow(BanEngine *engine, const AllowEntry *entry);
int ban_engine_disallow(BanEngine *engine, const Addr *addr);
const AllowEntry *ban_engine_allowed(const BanEngine *engine, const Addr *addr);
int ban_engine_each_allowed(const BanEngine *engine, const Addr *inside, AllowVisitor visitor, void *userdata);

int ban_engine_offence(BanEngine *engine, const Offence *offence, EventTime now);
int ban_engine_ban(BanEngine *engine, const BanRequest *request, EventTime now, Problem *problem);
int ban_engine_unban(BanEngine *engine, const Addr *addr, const char *jail, EventTime now, const char *note, size_t *ret_lifted);
int ban_engine_unban_inside(BanEngine *engine, const Addr *addr, EventTime now, const char *note, size_t *ret_lifted);
EventTime ban_engine_expire(BanEngine *engine, EventTime now);

int ban_engine_restore(BanEngine *engine, const Ban *ban, EventTime now);
void ban_engine_set_next_id(BanEngine *engine, uint64_t id);
int ban_engine_each(const BanEngine *engine, const char *jail, BanVisitor visitor, void *userdata);
int ban_engine_covering(const BanEngine *engine, const Addr *addr, BanVisitor visitor, void *userdata);
int ban_engine_each_element(const BanEngine *engine, EventTime now, ElementVisitor visitor, void *userdata);
size_t ban_engine_count(const BanEngine *engine, const char *jail);
uint64_t ban_engine_total(const BanEngine *engine, const char *jail);
const BanStats *ban_engine_stats(const BanEngine *engine);
