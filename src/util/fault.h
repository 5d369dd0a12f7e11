/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Faults for tests: builds with -Dfault_points=true die where the environment says, or live at another time. In all others
 * nothing of this is left.
 */

#include "build-config.h"

#if BAILIFF_FAULT_POINTS
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * fault_kill() - die as by kill -9 if $BAILIFF_FAULT_KILL names this place: "PLACE", or "PLACE:WHAT"
 */
static inline void fault_kill(const char *place, const char *what)
{
        const char *wanted = getenv("BAILIFF_FAULT_KILL");
        size_t size = strlen(place);

        if (wanted && strncmp(wanted, place, size) == 0 && (!wanted[size] || (wanted[size] == ':' && strcmp(wanted + size + 1, what) == 0)))
                kill(getpid(), SIGKILL);
}

/**
 * fault_clock() - seconds that reports are ahead of the clock: what the file named by $BAILIFF_FAULT_REPORT_CLOCK holds
 */
static inline int64_t fault_clock(void)
{
        const char *path = getenv("BAILIFF_FAULT_REPORT_CLOCK");
        FILE *file = path ? fopen(path, "re") : NULL;
        long long seconds = 0;

        if (!file)
                return 0;
        if (fscanf(file, "%lld", &seconds) != 1)
                seconds = 0;
        fclose(file);
        return seconds;
}
#else
#define fault_kill(place, what) ((void) 0)
#define fault_clock() INT64_C(0)
#endif
