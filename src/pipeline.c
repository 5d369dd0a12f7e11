/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pipeline.h"

/**
 * ban_event_kind_name() - the word for it in the event log, in Monitor and in messages
 */
const char *ban_event_kind_name(BanEventKind kind)
{
        static const char *const names[] = {
                [BAN_EVENT_BAN] = "ban",
                [BAN_EVENT_PROLONG] = "prolong",
                [BAN_EVENT_UNBAN] = "unban",
                [BAN_EVENT_EXPIRE] = "expire",
                [BAN_EVENT_REFUSED] = "refused",
                [BAN_EVENT_LATE] = "late",
                [BAN_EVENT_DISPLACED] = "displaced",
                [BAN_EVENT_CHANGE] = "change",
        };

        return names[kind];
}
