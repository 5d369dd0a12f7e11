/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Config: what the administrator wants. Built whole, checked whole, never changed afterwards. */

#include "ban.h"
#include "pipeline.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/problem.h"

typedef struct JailConfig {
        const char *name;
        bool enabled;
        bool observe;           /* count and show, do not ban */
        const char *filter;     /* "sshd", or with parameters "sshd[publickey=any]" */
        const char *mode;
        int64_t findtime, bantime; /* seconds; bantime may be DURATION_FOREVER */
        unsigned maxretry;
        unsigned ipv6_prefix;
        const Port *ports;      /* NULL: all ports */
        size_t n_ports;
        const char *place;      /* "file:line:column" */
} JailConfig;

/* Values of the words in option.c, in their order. */
enum { FIREWALL_NFTABLES, FIREWALL_NONE };
enum { ON_STOP_REMOVE, ON_STOP_KEEP };

typedef struct Config {
        const char *path;       /* as it was loaded */
        int firewall;           /* FIREWALL_* */
        int on_stop;            /* ON_STOP_* */
        bool counters;          /* a packet counter in every element */
        size_t max_windows;
        size_t max_bans;
        JailConfig *jails;
        size_t n_jails;
        AllowEntry *allow;
        size_t n_allow;
        Arena *arena; /* owns all of the above */
} Config;

int config_load(const char *path, Config **ret_config, Problem *problem);
Config *config_free(Config *config);
DEFINE_CLEANUP(Config *, config_free)
int config_dump(const Config *config, char **ret_text);
