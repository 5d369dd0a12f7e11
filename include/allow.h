/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Allow: where allowed addresses come from that nobody wrote down as addresses:
 * this host's own, its gateways and bridges, its resolvers, files, host names.
 * Each origin is a group of the engine's allow list and is handed on whole
 * whenever it has changed.
 *
 *     "own"            addresses of all interfaces (rtnetlink)
 *     "gateway"        default gateways and those of bridges
 *     "resolver"       of resolv.conf
 *     "file PATH"      a file's entries
 *     "name HOST"      what a host's name resolves to
 *
 * Names are resolved by a service of its own (bailiff-names), since this
 * process has no network socket: the names go out in RUNTIME/names, the answers
 * come back in a file that is watched like any other.
 */

#include <systemd/sd-event.h>

#include "ban.h"
#include "config.h"
#include "util/cleanup.h"
#include "util/problem.h"

typedef struct AllowWatch AllowWatch;

typedef struct AllowCallbacks {
        /* A group now has these entries (none: it is gone); borrowed. */
        void (*group)(void *userdata, const char *group, const AllowEntry *entries, size_t n_entries);
        /* IPv6 prefixes that are on-link now: their addresses count singly, and are not allowed. */
        void (*on_link)(void *userdata, const Addr *prefixes, size_t n_prefixes);
        /* Something is wrong about a topic ("allow file /etc/..."), or mended (text is NULL). */
        void (*problem)(void *userdata, const char *topic, const char *text);
        void *userdata;
} AllowCallbacks;

typedef struct AllowWatchConfig {
        const AllowConfig *wanted;      /* files and names of it are watched; copied */
        size_t n_wanted;
        const char *runtime_directory;  /* where `names` is written */
        const char *names_directory;    /* where bailiff-names answers; NULL: /run/bailiff-names */
        const char *state_directory;    /* last good answers of names are kept here over a restart; NULL: nowhere */
        const char *resolv_conf;        /* NULL: /etc/resolv.conf */
} AllowWatchConfig;

int allow_watch_new(sd_event *event, const AllowWatchConfig *config, AllowCallbacks callbacks, AllowWatch **ret_watch);
AllowWatch *allow_watch_free(AllowWatch *watch);
DEFINE_CLEANUP(AllowWatch *, allow_watch_free)

/* Reads everything once, and tells it, before it returns; from then on what changes. */
int allow_watch_start(AllowWatch *watch, Problem *problem);
int allow_watch_set(AllowWatch *watch, const AllowConfig *wanted, size_t n_wanted);
