/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Daemon: builds every stage from the configuration, wires the sinks, owns the loop. */

#include <stdbool.h>

#include "util/cleanup.h"
#include "util/problem.h"

typedef struct Daemon Daemon;

typedef struct DaemonOptions {
        const char *config;             /* path */
        const char *state_directory;
        const char *runtime_directory;
        const char *journal_directory;  /* NULL: the system's journal */
        bool dry_run;                   /* decide and show; nothing is enforced */
} DaemonOptions;

int daemon_new(const DaemonOptions *options, Daemon **ret_daemon, Problem *problem);
Daemon *daemon_free(Daemon *daemon);
DEFINE_CLEANUP(Daemon *, daemon_free)

int daemon_start(Daemon *daemon, Problem *problem);
int daemon_run(Daemon *daemon);
int daemon_check(const DaemonOptions *options, bool dump, bool origin);
