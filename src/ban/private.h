/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* BanEngine's inside, for the files of this folder. */

#include "ban.h"
#include "ban/allow.h"
#include "ban/book.h"
#include "ban/elements.h"
#include "ban/level.h"
#include "util/intern.h"

typedef struct PortList {
        struct PortList *next;
        size_t n_ports;
        Port ports[];
} PortList;

struct BanEngine {
        BanSink sink;
        BanStats stats;
        BanJailState **jails;
        size_t n_jails;
        PortList *port_lists;
        Intern *rules;
        AllowSet *allowed;
        LevelTable levels;
        BanBook book;
        uint64_t next_id;
        uint64_t total;         /* bans since the start, over all jails that there were */
        ElementList before, after, changes; /* of the decision at hand */
};

#define NOTE_MAX 512

/* jail.c */
BanJailState *ban_engine_find_jail(const BanEngine *engine, const char *name);
int ban_engine_want_jail(BanEngine *engine, const char *name, BanJailState **ret_state);
int ban_engine_ports(BanEngine *engine, const Port *ports, size_t n, const Port **ret_ports);
void ban_engine_free_jails(BanEngine *engine);

/* permit.c */
const char *ban_engine_except(const BanEngine *engine, const Addr *addr, char note[static NOTE_MAX]);
bool ban_engine_refuses(const BanEngine *engine, const Offence *offence, char ret_note[static NOTE_MAX]);
int ban_engine_check(const BanEngine *engine, const BanRequest *request, const BanJailState *jail, Problem *problem);

/* engine.c: a change of the bans of one address stands between begin and end, which work out what it means in the kernel. */
int ban_engine_begin(BanEngine *engine, const Addr *addr, EventTime now, size_t more);
void ban_engine_end(BanEngine *engine, const Addr *addr, EventTime now);
void ban_engine_emit(BanEngine *engine, BanEventKind kind, EventTime now, const Ban *ban, bool changes, const char *note);
int ban_engine_enter(BanEngine *engine, BanJailState *jail, const Ban *ban, EventTime now);
int ban_engine_prolong(BanEngine *engine, BanRecord *record, const Ban *ban, EventTime now);
int ban_engine_drop(BanEngine *engine, BanRecord *record, BanEventKind kind, EventTime now, const char *note);
