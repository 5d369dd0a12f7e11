/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What one address did in one jail: attempts by event time, oldest first.
 *
 * A window is full when some interval of length findtime, both ends included,
 * holds maxretry attempts. Only intervals with the newest arrival in them can
 * have become full, wherever it falls in time, and of those only the ones that
 * begin at an entry matter. Lines of several sources arrive out of order, so
 * entries that a later arrival may still need are kept: all within findtime of
 * the time up to which the sources have been read, and twice maxretry at most.
 * That many suffice for any disorder of up to findtime, since no interval of
 * that length holds maxretry entries without having been used up.
 *
 * Weight 0 marks a trace: the attempt has been used up by a ban or has left
 * the window, but its session may still log lines about it. Sessions are process
 * ids more often than not, and those return within minutes under a flood. So
 * an entry, attempt or trace, binds its session for ten minutes, whatever findtime is: longer than
 * any service lets a login take, and shorter than it takes to meet the same
 * number again on a quiet host. The time of an entry is that of the first line
 * that told the attempt; a line that settles it does not move it.
 *
 * Witnesses. Some services tell of an attempt in several places that no session
 * ties together: PAM in its line, the service in another, a summary at the end
 * in a third, each or none of them as the host is configured. So each attempt
 * keeps who has told of it. A line of a witness is taken for the oldest attempt
 * near its time that this witness has not told of yet, and is a new one only if
 * there is none. The attempts of an address are then those of the witness who
 * saw most of them, and never the sum.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracker/window.h"

static void entry_drop_text(WindowEntry *entry, size_t *evidence_bytes)
{
        if (!entry->text)
                return;
        *evidence_bytes -= strlen(entry->text) + 1;
        free((void *) (uintptr_t) entry->text);
        entry->text = NULL;
}

static bool entry_binds(const WindowEntry *entry, uint64_t session, EventTime time)
{
        return entry->session == session && llabs(entry->time.usec - time.usec) <= WINDOW_SESSION_USEC;
}

/* Whether lines may still come that tell of the same attempt. */
static bool entry_is_tied(const WindowEntry *entry)
{
        return entry->session != 0 || entry->witnesses != 0;
}

/* Keeps the entries that @keep says yes to; it may change them. */
typedef bool (*EntryFilter)(WindowEntry *entry, const void *argument);

static bool window_filter(Window *window, EntryFilter keep, const void *argument, size_t *evidence_bytes)
{
        size_t n = 0;
        bool changed = false;

        for (size_t i = 0; i < window->n_entries; i++) {
                WindowEntry *entry = &window->entries[i];
                WindowEntry before = *entry;

                if (!keep(entry, argument)) {
                        entry_drop_text(entry, evidence_bytes);
                        changed = true;
                        continue;
                }
                changed |= before.weight != entry->weight || before.ahead != entry->ahead || before.session != entry->session;
                if (entry->weight == 0)
                        entry_drop_text(entry, evidence_bytes);
                window->entries[n++] = *entry;
        }
        window->n_entries = (uint16_t) n;
        return changed;
}

/* Room for twice as many entries as there are. */
static int window_grow(Window *window)
{
        unsigned n = window->n_allocated * 2u;
        WindowEntry *entries = &window->first;

        if (window->n_allocated == 0)
                n = 1;
        else if (n > UINT16_MAX || !(entries = reallocarray(window->n_allocated > 1 ? window->entries : NULL, n, sizeof *entries)))
                return -ENOMEM;
        if (window->n_allocated == 1)
                *entries = window->first;
        window->entries = entries;
        window->n_allocated = (uint16_t) n;
        return 0;
}

/**
 * window_insert() - add an entry behind those that are as old or older
 * @entry:      its text passes to the window
 * @ret_index:  where it stands
 *
 * Return: 0 or -ENOMEM.
 */
int window_insert(Window *window, const WindowEntry *entry, size_t *ret_index)
{
        size_t i;

        if (window->n_entries == window->n_allocated && window_grow(window) < 0)
                return -ENOMEM;
        for (i = window->n_entries; i > 0 && event_time_before(entry->time, window->entries[i - 1].time); i--)
                window->entries[i] = window->entries[i - 1];
        window->entries[i] = *entry;
        window->n_entries++;
        *ret_index = i;
        return 0;
}

/**
 * window_clear() - drop all entries and their memory
 */
void window_clear(Window *window, size_t *evidence_bytes)
{
        for (size_t i = 0; i < window->n_entries; i++)
                entry_drop_text(&window->entries[i], evidence_bytes);
        if (window->n_allocated > 1)
                free(window->entries);
        window->entries = NULL;
        window->n_entries = window->n_allocated = 0;
}

/**
 * window_trim() - keep to the bounds: attempts and traces by number, and the latest texts
 */
void window_trim(Window *window, const WindowLimits *limits, size_t *evidence_bytes)
{
        size_t attempts = 2 * limits->maxretry, traces = WINDOW_TRACES_MAX, texts = EVIDENCE_MAX;
        size_t n = window->n_entries, kept = n;

        for (size_t i = n; i-- > 0;) {
                WindowEntry *entry = &window->entries[i];

                if (entry->weight > 0 && attempts == 0)
                        entry->weight = 0;
                if (entry->weight == 0 || texts == 0)
                        entry_drop_text(entry, evidence_bytes);
                if (entry->weight == 0 && (!entry_is_tied(entry) || traces == 0))
                        continue;
                --*(entry->weight > 0 ? &attempts : &traces);
                texts -= entry->text != NULL;
                window->entries[--kept] = *entry;
        }
        memmove(window->entries, window->entries + kept, (n - kept) * sizeof *window->entries);
        window->n_entries = (uint16_t) (n - kept);
}

typedef struct SettleArgument {
        int64_t attempts_from; /* attempts older than this are out of the window */
        int64_t traces_from;
} SettleArgument;

static bool settle_entry(WindowEntry *entry, const void *argument)
{
        const SettleArgument *bounds = argument;

        if (entry->weight > 0 && entry->time.usec >= bounds->attempts_from)
                return true;
        entry->weight = 0;
        return entry_is_tied(entry) && entry->time.usec >= bounds->traces_from;
}

/**
 * window_settle() - drop what no line from @now on can need
 *
 * Attempts go after findtime, traces after the session's time; where that is
 * longer, an attempt of a session becomes a trace in between.
 *
 * Return: whether anything changed.
 */
bool window_settle(Window *window, const WindowLimits *limits, EventTime now, size_t *evidence_bytes)
{
        SettleArgument bounds = { now.usec - limits->findtime, now.usec - WINDOW_SESSION_USEC };

        return window_filter(window, settle_entry, &bounds, evidence_bytes);
}

/**
 * window_is_full() - whether an interval of length findtime around an entry holds maxretry attempts
 * @index:      the entry, which has just come
 * @ret_span:   the first such interval that holds the most
 */
bool window_is_full(const Window *window, const WindowLimits *limits, size_t index, WindowSpan *ret_span)
{
        const WindowEntry *entries = window->entries;
        EventTime time = entries[index].time;
        WindowSpan best = { 0 }, span = { 0 };

        while (entries[span.from].time.usec < time.usec - limits->findtime)
                span.from++;
        for (span.to = span.from; span.from <= index; span.weight -= entries[span.from++].weight) {
                int64_t end = entries[span.from].time.usec + limits->findtime;

                while (span.to < window->n_entries && entries[span.to].time.usec <= end)
                        span.weight += entries[span.to++].weight;
                if (span.weight > best.weight)
                        best = span;
        }
        if (best.weight < limits->maxretry)
                return false;
        *ret_span = best;
        return true;
}

static bool use_up_entry(WindowEntry *entry, const void *argument)
{
        const EventTime *time = argument;

        entry->weight = 0;
        return entry_is_tied(entry) && entry_binds(entry, entry->session, *time);
}

/**
 * window_use_up() - a ban empties the window
 * @time:       of the deciding line
 *
 * Traces stay where the session may still log about an attempt that has been
 * used up: it must not count a second time, against the next ban.
 */
void window_use_up(Window *window, EventTime time, size_t *evidence_bytes)
{
        window_filter(window, use_up_entry, &time, evidence_bytes);
}

/**
 * window_ahead() - the session's attempt that was counted ahead of its line, or NULL
 */
WindowEntry *window_ahead(const Window *window, uint64_t session, EventTime time)
{
        for (size_t i = 0; session != 0 && i < window->n_entries; i++)
                if (window->entries[i].ahead && entry_binds(&window->entries[i], session, time))
                        return &window->entries[i];
        return NULL;
}

/**
 * window_knows() - whether the session has an attempt or a trace here
 */
bool window_knows(const Window *window, uint64_t session, EventTime time)
{
        for (size_t i = 0; session != 0 && i < window->n_entries; i++)
                if (entry_binds(&window->entries[i], session, time))
                        return true;
        return false;
}

/**
 * window_claim() - an attempt that others have told of, for a witness to confirm
 * @witness:    the one bit of who tells of it now
 * @session:    of the line, or 0; a claimed attempt without a session takes it over
 * @time:       of the line
 * @span:       how many microseconds before it the attempt may lie
 *
 * Return: whether there was one. It is the oldest.
 */
bool window_claim(Window *window, uint16_t witness, uint64_t session, EventTime time, int64_t span)
{
        for (size_t i = 0; i < window->n_entries; i++) {
                WindowEntry *entry = &window->entries[i];

                if (entry->witnesses == 0 || (entry->witnesses & witness) || (session && entry->session && entry->session != session) ||
                    entry->time.usec < time.usec - span - WINDOW_WITNESS_SLACK || entry->time.usec > time.usec + WINDOW_WITNESS_SLACK)
                        continue;
                entry->witnesses |= witness;
                if (session)
                        entry->session = session;
                return true;
        }
        return false;
}

typedef struct SessionArgument {
        uint64_t session;
        EventTime time;
} SessionArgument;

static bool take_back_entry(WindowEntry *entry, const void *argument)
{
        const SessionArgument *of = argument;

        return !entry_binds(entry, of->session, of->time);
}

/**
 * window_take_back() - the session has proved itself: its failures go, and its traces
 *
 * Return: whether anything changed.
 */
bool window_take_back(Window *window, uint64_t session, EventTime time, size_t *evidence_bytes)
{
        SessionArgument of = { session, time };

        return session != 0 && window_filter(window, take_back_entry, &of, evidence_bytes);
}

static bool end_session_entry(WindowEntry *entry, const void *argument)
{
        const SessionArgument *of = argument;

        if (!entry_binds(entry, of->session, of->time))
                return true;
        entry->ahead = false;
        entry->session = 0;
        return entry->weight > 0 || entry->witnesses != 0;
}

/**
 * window_end_session() - the session is over: nothing is ahead any more, traces go, failures stay
 *
 * They no longer are of that session: a process that serves one client after
 * the other begins the next one with nothing counted.
 *
 * Return: whether anything changed.
 */
bool window_end_session(Window *window, uint64_t session, EventTime time, size_t *evidence_bytes)
{
        SessionArgument of = { session, time };

        return session != 0 && window_filter(window, end_session_entry, &of, evidence_bytes);
}

/**
 * window_weight() - attempts within findtime of the latest: how near it is to a ban
 */
unsigned window_weight(const Window *window, const WindowLimits *limits)
{
        int64_t from = INT64_MIN;
        unsigned weight = 0;

        for (size_t i = window->n_entries; i-- > 0 && window->entries[i].time.usec >= from;) {
                if (window->entries[i].weight == 0)
                        continue;
                if (weight == 0)
                        from = window->entries[i].time.usec - limits->findtime;
                weight += window->entries[i].weight;
        }
        return weight;
}

/**
 * window_deadline() - when window_settle() should look at it
 */
EventTime window_deadline(const Window *window, const WindowLimits *limits)
{
        int64_t attempts = INT64_MIN, traces = INT64_MIN;

        for (size_t i = 0; i < window->n_entries; i++)
                *(window->entries[i].weight > 0 ? &attempts : &traces) = window->entries[i].time.usec;
        if (attempts != INT64_MIN)
                return (EventTime){ attempts + limits->findtime + 1 };
        return (EventTime){ traces + WINDOW_SESSION_USEC + 1 };
}
