/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Has a service ever written to the journal?
 *
 * A jail for a service that is not installed has nothing to read, and that is
 * no fault. What tells it from a service that is quiet is the journal: a
 * service writes when it starts at the latest. The journal's index answers in
 * about a millisecond per file; nothing is read but the first entry.
 *
 * Whether the journal can be relied on for a service, instead of its log files,
 * is another question. Any user writes under any name, and a service may have
 * gone over to a file of its own: so it is asked for an entry of late, whose
 * trusted fields say that the service wrote it.
 */

#include <errno.h>
#include <stdlib.h>

#include "source/private.h"

#define ENTRIES_MAX 2000 /* of others, before one of the service */

static int line_origin(const Line *line, Origin *ret_origin)
{
        return journal_handle_origin(line->handle, ret_origin);
}

static bool is_trusted(JournalHandle *handle, const JournalSeen *seen)
{
        Line line;

        if (!seen->trusts)
                return true;
        if (journal_handle_read(handle, clock_event_now(), &line) < 0)
                return false;
        line.origin = line_origin;
        line.handle = handle;
        return seen->trusts(seen->userdata, &line);
}

static int has_entry(JournalHandle *handle, const JournalConfig *config, const JournalSeen *seen)
{
        Problem problem;
        int r = journal_handle_open(handle, config, &problem);

        if (r == JOURNAL_E_ABSENT)
                return 0;
        if (r == 0)
                r = sd_journal_seek_realtime_usec(handle->journal, (uint64_t) seen->since.usec);
        for (unsigned i = 0; i < ENTRIES_MAX && r >= 0 && !bus_guard_tripped(); i++) {
                r = sd_journal_next(handle->journal);
                if (r <= 0 || is_trusted(handle, seen))
                        return r < 0 ? r : r > 0;
        }
        return r < 0 ? r : 0;
}

/**
 * journal_has_seen() - whether the journal holds a line of any of the idents
 * @config:     directory and idents; the rest does not matter
 * @seen:       which entries count
 *
 * Opens the journal once more, so it is not for every line.
 *
 * Return: 1, 0: there is none, or no journal; -errno: the journal cannot be read.
 */
int journal_has_seen(const JournalConfig *config, const JournalSeen *seen)
{
        JournalHandle *handle = calloc(1, sizeof *handle);
        bool guarded, tripped = bus_guard_tripped();
        int r;

        if (!handle)
                return -ENOMEM;
        guarded = bus_guard_set(true);
        r = has_entry(handle, config, seen);
        journal_handle_close(handle);
        if (bus_guard_tripped() && !tripped) {
                bus_guard_reset();
                r = -EIO;
        }
        bus_guard_set(guarded);
        free(handle);
        return r;
}
