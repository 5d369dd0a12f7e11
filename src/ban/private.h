/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* BanEngine's inside, for the files of this folder. */

#include "ban.h"
#include "ban/allow.h"
#include "ban/book.h"
#include "ban/elements.h"
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
        BanBook book;
        uint64_t next_id;
        ElementList before, after, changes; /* of the decision at hand */
};

BanJailState *ban_engine_find_jail(const BanEngine *engine, const char *name);
int ban_engine_drop(BanEngine *engine, BanRecord *record, BanEventKind kind, EventTime now, const char *note);
