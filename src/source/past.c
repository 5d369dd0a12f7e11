/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The lines before a position, once more.
 *
 * A start goes on behind the last line of the run before. What that run had
 * learnt from the lines just before it and kept in memory alone is learnt again
 * from the same lines: they are handed out by a reader of their own, which ends
 * at the position and leaves no trace in the source that reads on from there.
 *
 * First the reader steps back from the position, reading nothing but times,
 * until it has gone far enough; then it reads forward. If there is too much to
 * read, the lines nearest to the position are those that matter, so the limits
 * cut the way back. Stepping is several times faster than reading, so the way
 * back gets a part of the time, and the way forward is rarely cut.
 *
 * Only lines of the running boot are read: numbers of processes mean something
 * else after the next one, and a session of the boot before must not lend its
 * address to a stranger. The unit hides /proc/sys from us and passes the boot's
 * id in BAILIFF_BOOT_ID.
 */

#include <errno.h>
#include <stdlib.h>

#include "source/private.h"

#define BACK_PART 6 /* of the time, for the way back */

typedef struct Reader {
        JournalHandle handle;
        JournalPast past;
        EventTime from, position; /* times of entries */
        sd_id128_t boot;
        BootTime start;
        JournalPastStats stats;
        uint64_t n_entries; /* from where the way back ended up to the position */
} Reader;

static int running_boot(sd_id128_t *ret_boot)
{
        const char *variable = getenv("BAILIFF_BOOT_ID");
        int r = sd_id128_get_boot(ret_boot);

        if (r < 0 && variable)
                r = sd_id128_from_string(variable, ret_boot);
        return r < 0 ? r : 0;
}

static uint64_t spent(const Reader *reader)
{
        return clock_boot_now().usec - reader->start.usec;
}

static int entry_time(Reader *reader, EventTime *ret_time)
{
        uint64_t usec;
        int r = sd_journal_get_realtime_usec(reader->handle.journal, &usec);

        if (r < 0)
                return r;
        ret_time->usec = (int64_t) usec;
        return bus_guard_tripped() ? -EIO : 0;
}

/* Return: 1: the entry is one of those to be read; 0: it lies too far back, or in another boot; -errno. */
static int is_wanted(Reader *reader, EventTime time)
{
        sd_id128_t boot;
        uint64_t usec;
        int r;

        if (event_time_before(time, reader->from))
                return 0;
        r = sd_journal_get_monotonic_usec(reader->handle.journal, &usec, &boot);
        if (r < 0)
                return r;
        return bus_guard_tripped() ? -EIO : sd_id128_equal(boot, reader->boot) != 0;
}

static int seek_position(Reader *reader)
{
        JournalHandle *handle = &reader->handle;

        if (handle->cursor[0])
                return sd_journal_seek_cursor(handle->journal, handle->cursor);
        return sd_journal_seek_realtime_usec(handle->journal, (uint64_t) handle->since.usec);
}

/* Return: 1: the reader stands on an entry at or before the position; 0: there is none; -errno. */
static int first_back(Reader *reader)
{
        EventTime time;
        int r = seek_position(reader);

        /* A position that is a time is the first moment that has not been read. */
        do {
                if (r >= 0)
                        r = sd_journal_previous(reader->handle.journal);
                if (r > 0 && entry_time(reader, &time) < 0)
                        r = -EIO;
        } while (r > 0 && !reader->handle.cursor[0] && !event_time_before(time, reader->handle.since));
        if (r <= 0)
                return r;
        reader->position = time;
        reader->from = event_time_ago(time, reader->past.seconds);
        return 1;
}

/* Return: 1: the way back ends here; 0; -errno. */
static int is_far_enough(Reader *reader)
{
        EventTime time;
        int r = entry_time(reader, &time);

        if (r == 0)
                r = is_wanted(reader, time);
        if (r < 0)
                return r;
        reader->n_entries++;
        if (r == 0)
                return 1;
        if (reader->n_entries >= reader->past.max_lines)
                reader->stats.cut = true;
        if (spent(reader) > reader->past.max_usec / BACK_PART)
                reader->stats.cut = true;
        return reader->stats.cut;
}

/* Steps back as far as is wanted; reading begins there. Return: 1; 0: there is nothing to read; -errno. */
static int go_back(Reader *reader)
{
        _cleanup_free_ char *cursor = NULL;
        sd_journal *journal = reader->handle.journal;
        int r = first_back(reader);

        if (r <= 0)
                return r;
        while ((r = is_far_enough(reader)) == 0 && (r = sd_journal_previous(journal)) > 0)
                ;
        if (bus_guard_tripped())
                return -EIO;
        if (r < 0)
                return r;
        /* At the first entry of all the way back ends, too: libsystemd stands on it still. */
        r = sd_journal_get_cursor(journal, &cursor);
        /* The place is set anew, so that nothing hangs on how libsystemd turns round. */
        if (r >= 0)
                r = sd_journal_seek_cursor(journal, cursor);
        return r < 0 ? r : 1;
}

static int line_origin(const Line *line, Origin *ret_origin)
{
        return journal_handle_origin(line->handle, ret_origin);
}

/* An entry that cannot be read is passed over, as it was when it was read first. */
static int hand_out(Reader *reader, SourceLineSink sink, void *userdata)
{
        Line line;

        if (journal_handle_read(&reader->handle, clock_event_now(), &line) == 0) {
                line.origin = line_origin;
                line.handle = &reader->handle;
                reader->stats.lines++;
                sink(userdata, &line);
        }
        return bus_guard_tripped() ? -EIO : 0;
}

/* Return: 1: the position is reached; 0; -errno. */
static int read_entry(Reader *reader, SourceLineSink sink, void *userdata)
{
        JournalHandle *handle = &reader->handle;
        EventTime time;
        int r = entry_time(reader, &time), last = 0;

        if (r == 0 && !handle->cursor[0] && !event_time_before(time, handle->since))
                return 1;
        if (r == 0 && handle->cursor[0] && time.usec == reader->position.usec)
                last = journal_handle_stands_on_cursor(handle);
        if (r == 0 && last >= 0)
                r = is_wanted(reader, time);
        if (r > 0)
                r = hand_out(reader, sink, userdata);
        return r < 0 ? r : last;
}

static int read_forward(Reader *reader, SourceLineSink sink, void *userdata)
{
        for (uint64_t n = 0; n < reader->n_entries; n++) {
                int r;

                if (spent(reader) > reader->past.max_usec) {
                        reader->stats.cut = reader->stats.late = true;
                        return 0;
                }
                r = sd_journal_next(reader->handle.journal);
                if (r > 0)
                        r = bus_guard_tripped() ? -EIO : read_entry(reader, sink, userdata);
                else if (r == 0)
                        return 0;
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return 0;
}

static int read_past(Reader *reader, const JournalConfig *config, SourceLineSink sink, void *userdata)
{
        Problem problem;
        int r = running_boot(&reader->boot);

        if (r < 0)
                return r;
        r = journal_handle_open(&reader->handle, config, &problem);
        if (r != 0)
                return r < 0 ? r : 0;
        r = go_back(reader);
        if (r > 0)
                r = read_forward(reader, sink, userdata);
        return r;
}

/**
 * journal_read_past() - read the lines up to a position again, oldest first, the line at the position last
 * @config:     directory, idents and position; without a position there is no past
 * @past:       how far back, and what it may cost
 * @line:       gets each; the line and what it points to live until the return
 *
 * Opens the journal once more and reads before it returns: for a start. A
 * journal that is not there has no past.
 *
 * Return: 0, or -errno: the journal cannot be read; what could be was handed out, and @ret_stats is not set.
 */
int journal_read_past(const JournalConfig *config, const JournalPast *past, SourceLineSink line, void *userdata,
                      JournalPastStats *ret_stats)
{
        bool guarded, tripped = bus_guard_tripped();
        Reader *reader;
        int r = bus_guard_install();

        if (r < 0)
                return r;
        reader = calloc(1, sizeof *reader);
        if (!reader)
                return -ENOMEM;
        reader->past = *past;
        reader->start = clock_boot_now();
        journal_handle_place(&reader->handle, config->position, EVENT_TIME_NONE);
        guarded = bus_guard_set(true);
        if (reader->handle.cursor[0] || reader->handle.since_last)
                r = read_past(reader, config, line, userdata);
        reader->handle.moved = false; /* nobody goes on from here */
        journal_handle_close(&reader->handle);
        if (bus_guard_tripped() && !tripped)
                bus_guard_reset();
        bus_guard_set(guarded);
        reader->stats.usec = spent(reader);
        if (r == 0)
                *ret_stats = reader->stats;
        free(reader);
        return r;
}
