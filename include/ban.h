/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* BanEngine: who is banned, until when. Offence -> BanEvent. Pure. */

#include "pipeline.h"
#include "records.h"
#include "util/cleanup.h"
#include "util/problem.h"

typedef struct BanEngine BanEngine;

/**
 * Bans that grow: the next ban of an address lasts bantime * factor^level, at
 * most `max`.
 */
typedef struct BanIncrement {
        bool enabled;
        double factor;          /* 1..100 */
        int64_t max;            /* seconds, or DURATION_FOREVER */
        bool over_host;         /* bans of all jails raise the level, not of this one alone */
        int64_t forget;         /* seconds after a ban's end without another until the level is forgotten */
} BanIncrement;

typedef struct BanJail {
        const char *name;
        int64_t bantime;        /* seconds, or DURATION_FOREVER */
        const Port *ports;      /* copied; NULL: all ports */
        size_t n_ports;
        bool reject;            /* refuse packets instead of dropping them */
        BanIncrement increment;
} BanJail;

/**
 * An entry of the allow list.
 */
typedef struct AllowEntry {
        Addr addr;
        EventTime until;        /* EVENT_TIME_FOREVER: stays */
        const char *origin;     /* for people: "bailiff.yaml:3:9", "login of root", "allow add" */
        const char *jail;       /* NULL: for the whole host, and in the kernel; else it stops this jail's decisions only */
        const char *reason;     /* as given with "allow add"; may be NULL */
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
        /* A level to be remembered, or forgotten (EVENT_TIME_NONE). May be NULL. */
        void (*level)(void *userdata, const LevelRecord *record);
        /* What the kernel's allow sets have to hold for exactly this prefix; EVENT_TIME_NONE: nothing. Entries that
           end by themselves are not told, as the kernel's own timeout ends them. May be NULL. */
        void (*allow)(void *userdata, const Addr *addr, EventTime until);
        void *userdata;
} BanSink;

typedef struct BanStats {
        size_t bans;            /* in force */
        size_t max_bans;
        size_t elements;        /* in the kernel, as it should be */
        size_t evidence_bytes;  /* of log lines kept here; events carry them in any case */
        uint64_t displaced;
        uint64_t evidence_dropped; /* bans whose lines were not kept here */
        size_t levels;          /* of growing bans; at most max_bans */
        uint64_t levels_displaced; /* given up at the cap */
} BanStats;

typedef int (*BanVisitor)(void *userdata, const Ban *ban);
typedef int (*ElementVisitor)(void *userdata, const Element *element);
typedef int (*AllowVisitor)(void *userdata, const AllowEntry *entry);

int ban_engine_new(size_t max_bans, BanSink sink, BanEngine **ret_engine);
BanEngine *ban_engine_free(BanEngine *engine);
DEFINE_CLEANUP(BanEngine *, ban_engine_free)

int ban_engine_set_jail(BanEngine *engine, const BanJail *jail);
int ban_engine_rescope(BanEngine *engine, const char *jail, EventTime now, const char *note);
int ban_engine_remove_jail(BanEngine *engine, const char *jail, EventTime now, const char *note, size_t *ret_lifted);
int ban_engine_rename_jail(BanEngine *engine, const char *jail, const char *name, EventTime now, const char *note);
void ban_engine_set_max(BanEngine *engine, size_t max_bans);

/*
 * The allow list is made of groups, each from one origin ("config", "own",
 * "file /etc/..."), which are replaced whole; they add up.
 */
int ban_engine_allow_group(BanEngine *engine, const char *group, const AllowEntry *entries, size_t n_entries, EventTime now);
int ban_engine_allow(BanEngine *engine, const char *group, const AllowEntry *entry, EventTime now);
int ban_engine_disallow(BanEngine *engine, const char *group, const Addr *addr, EventTime now);
/* `jail`: this jail's own entries count too; NULL: host-wide ones alone. */
const AllowEntry *ban_engine_allowed(const BanEngine *engine, const char *jail, const Addr *addr);
/* `group` NULL: all. An address that stands in several groups is visited once for each. */
int ban_engine_each_allow_entry(const BanEngine *engine, const char *group, AllowVisitor visitor, void *userdata);
/* Host-wide, each prefix once, with the latest end: what the kernel should hold. */
int ban_engine_each_allowed(const BanEngine *engine, const Addr *inside, AllowVisitor visitor, void *userdata);

int ban_engine_offence(BanEngine *engine, const Offence *offence, EventTime now);
int ban_engine_ban(BanEngine *engine, const BanRequest *request, EventTime now, Problem *problem);
int ban_engine_unban(BanEngine *engine, const Addr *addr, const char *jail, EventTime now, const char *note, size_t *ret_lifted);
int ban_engine_unban_inside(BanEngine *engine, const Addr *addr, EventTime now, const char *note, size_t *ret_lifted);
EventTime ban_engine_expire(BanEngine *engine, EventTime now);

int ban_engine_restore(BanEngine *engine, const Ban *ban, EventTime now);
int ban_engine_restore_level(BanEngine *engine, const LevelRecord *record, EventTime now);
void ban_engine_set_next_id(BanEngine *engine, uint64_t id);
int ban_engine_each(const BanEngine *engine, const char *jail, BanVisitor visitor, void *userdata);
int ban_engine_covering(const BanEngine *engine, const Addr *addr, BanVisitor visitor, void *userdata);
int ban_engine_each_element(const BanEngine *engine, EventTime now, ElementVisitor visitor, void *userdata);
size_t ban_engine_count(const BanEngine *engine, const char *jail);
uint64_t ban_engine_total(const BanEngine *engine, const char *jail);
const BanStats *ban_engine_stats(const BanEngine *engine);
