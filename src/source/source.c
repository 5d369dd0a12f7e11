/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "source.h"

/**
 * source_state_name() - one word for people and for JSON
 */
const char *source_state_name(SourceState state)
{
        switch (state) {
        case SOURCE_STOPPED: return "stopped";
        case SOURCE_WAITING: return "waiting";
        case SOURCE_OPEN: return "open";
        case SOURCE_DEGRADED: return "degraded";
        case SOURCE_PAUSED: return "paused";
        }
        return "unknown";
}
