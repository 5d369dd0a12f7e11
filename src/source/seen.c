/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Has a service ever written to the journal?
 *
 * A jail for a service that is not installed has nothing to read, and that is
 * no fault. What tells it from a service that is quiet is the journal: a
 * service writes when it starts at the latest. The journal's index answers in
 * about a millisecond per file; nothing is read but the first entry.
 */

#include <errno.h>
#include <stdlib.h>

#include "source/private.h"

static int has_entry(JournalHandle *handle, const JournalConfig *config)
{
        Problem problem;
        int r = journal_handle_open(handle, config, &problem);

        if (r == JOURNAL_E_ABSENT)
                return 0;
        if (r == 0)
                r = sd_journal_seek_realtime_usec(handle->journal, 0);
        if (r >= 0)
                r = sd_journal_next(handle->journal);
        return r < 0 ? r : r > 0;
}

/**
 * journal_has_seen() - whether the journal holds a line of any of the idents
 * @config:     directory and idents; the rest does not matter
 *
 * Opens the journal once more, so it is not for every line.
 *
 * Return: 1, 0: there is none, or no journal; -errno: the journal cannot be read.
 */
int journal_has_seen(const JournalConfig *config)
{
        JournalHandle *handle = calloc(1, sizeof *handle);
        bool guarded, tripped = bus_guard_tripped();
        int r;

        if (!handle)
                return -ENOMEM;
        guarded = bus_guard_set(true);
        r = has_entry(handle, config);
        journal_handle_close(handle);
        if (bus_guard_tripped() && !tripped) {
                bus_guard_reset();
                r = -EIO;
        }
        bus_guard_set(guarded);
        free(handle);
        return r;
}
