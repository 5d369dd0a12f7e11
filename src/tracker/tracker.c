/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One window per jail and address, and three ways to reach it: by key, by
 * deadline, and by rank.
 *
 * The rank is the window's weight within findtime. At the cap of windows the
 * lowest rank gives way, and within it the window that was touched least
 * recently, so a flood of addresses that fail once cannot push out those that
 * are about to be banned. There is a list per rank, so that this costs the same
 * with a million windows as with ten.
 *
 * A window that changed waits in a list until the store asks (tracker_drain).
 * One that is gone must be told to the store too, but only if the store knows
 * it: it stays as a tombstone without entries. The store knows at most as many
 * windows as the cap allows, which bounds the tombstones.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracker/private.h"
#include "util/text.h"

/**
 * tracker_new() - a tracker without jails
 * @max_windows:        cap of addresses over all jails
 * @max_evidence_bytes: cap of log text kept for them; 0: the evidence has times and rules, and no text
 * @sink:               gets the offences, from within tracker_hit()
 * @ret_tracker:        the tracker
 *
 * Return: 0, -EINVAL if a cap is 0, -ENOMEM.
 */
int tracker_new(size_t max_windows, size_t max_evidence_bytes, TrackerSink sink, Tracker **ret_tracker)
{
        _cleanup_(tracker_freep) Tracker *tracker = NULL;
        int r;

        if (max_windows == 0 || max_windows > UINT32_MAX / 2)
                return -EINVAL;
        tracker = calloc(1, sizeof *tracker);
        if (!tracker)
                return -ENOMEM;
        r = intern_new(&tracker->rules);
        if (r < 0)
                return r;
        tracker->sink = sink;
        tracker->pool = POOL_OF(Window);
        tracker->settled = (EventTime){ INT64_MIN / 4 };
        tracker->stats.max_windows = max_windows;
        tracker->stats.max_evidence_bytes = max_evidence_bytes;
        *ret_tracker = steal(tracker);
        return 0;
}

/* One that nothing finds yet; NULL if memory is short. */
Window *tracker_new_window(Tracker *tracker)
{
        uint32_t number = pool_take(&tracker->pool);
        Window *window = number ? pool_at(&tracker->pool, number) : NULL;

        if (window)
                window->number = number;
        return window;
}

/* The index must have room for it. */
void tracker_link(Tracker *tracker, Window *window)
{
        window->hash = (uint32_t) table_hash(&window->key, sizeof window->key);
        index_add(&tracker->index, window->hash, window->number);
        tracker->jails[window->key.jail]->n_windows++;
}

void tracker_unlink(Tracker *tracker, Window *window)
{
        index_remove(&tracker->index, window->hash, window->number);
        tracker->jails[window->key.jail]->n_windows--;
}

void tracker_free_window(Tracker *tracker, Window *window)
{
        window_clear(window, &tracker->stats.evidence_bytes);
        tracker_unlink(tracker, window);
        if (window->dirty)
                DL_DELETE2(tracker->dirty, window, dirty_prev, dirty_next);
        pool_give(&tracker->pool, window->number);
}

/**
 * tracker_free() - free a tracker and all its windows
 *
 * Return: NULL.
 */
Tracker *tracker_free(Tracker *tracker)
{
        Window *window;

        if (!tracker)
                return NULL;
        TRACKER_FOREACH (tracker, i, window)
                window_clear(window, &tracker->stats.evidence_bytes);
        for (size_t i = 0; i < tracker->n_jails; i++)
                free(tracker->jails[i]);
        free(tracker->jails);
        free(tracker->singles);
        heap_deinit(&tracker->deadlines);
        index_deinit(&tracker->index);
        pool_deinit(&tracker->pool);
        intern_free(tracker->rules);
        free(tracker);
        return NULL;
}

TrackerJailState *tracker_find_jail(const Tracker *tracker, const char *name, uint16_t *ret_index)
{
        for (size_t i = 0; i < tracker->n_jails; i++) {
                if (tracker->jails[i]->removed || strcmp(tracker->jails[i]->name, name) != 0)
                        continue;
                *ret_index = (uint16_t) i;
                return tracker->jails[i];
        }
        return NULL;
}

/* ---- rank, deadline and dirt ---- */

static void tracker_unrank(Tracker *tracker, Window *window)
{
        DL_DELETE(tracker->ranks[window->rank], window);
        tracker->jails[window->key.jail]->n_counting -= window->rank > 0;
}

static void tracker_rank(Tracker *tracker, Window *window)
{
        TrackerJailState *jail = tracker->jails[window->key.jail];
        unsigned weight = window_weight(window, &jail->limits);

        window->rank = (uint16_t) (weight < RANKS ? weight : RANKS - 1);
        DL_APPEND(tracker->ranks[window->rank], window);
        jail->n_counting += window->rank > 0;
}

void tracker_mark(Tracker *tracker, Window *window)
{
        if (window->dirty)
                return;
        window->dirty = true;
        DL_APPEND2(tracker->dirty, window, dirty_prev, dirty_next);
}

/* The window is empty: it is freed, or becomes a tombstone for the store. Return: the tombstone, or NULL. */
Window *tracker_retire(Tracker *tracker, Window *window)
{
        window_clear(window, &tracker->stats.evidence_bytes);
        tracker_unrank(tracker, window);
        heap_remove(&tracker->deadlines, &window->deadline);
        tracker->stats.windows--;
        if (!window->stored) {
                tracker_free_window(tracker, window);
                return NULL;
        }
        tracker_mark(tracker, window);
        return window;
}

/*
 * Each new attempt puts the deadline off. Moving it in the heap each time would cost more than all else that is done for
 * a hit, so it moves only when it comes nearer: tracker_expire() puts it where it belongs when the old one has come.
 */
static void tracker_due(Tracker *tracker, Window *window, EventTime deadline)
{
        if (!window->deadline.place)
                heap_push(&tracker->deadlines, &window->deadline, deadline.usec); /* tracker_want() has made room */
        else if (deadline.usec < window->deadline.key)
                heap_update(&tracker->deadlines, &window->deadline, deadline.usec);
}

/* To be called after every change of a live window's entries. Return: the window, or its tombstone; NULL: it is gone. */
Window *tracker_touched(Tracker *tracker, Window *window, bool mark)
{
        const WindowLimits *limits = &tracker->jails[window->key.jail]->limits;

        if (window->n_entries == 0)
                return tracker_retire(tracker, window);
        tracker_unrank(tracker, window);
        tracker_rank(tracker, window);
        tracker_due(tracker, window, window_deadline(window, limits));
        if (mark)
                tracker_mark(tracker, window);
        return window;
}

/* ---- windows ---- */

static WindowKey window_key(const Addr *addr, uint16_t jail)
{
        WindowKey key;

        memset(&key, 0, sizeof key);
        key.addr = *addr;
        key.jail = jail;
        return key;
}

Window *tracker_find(const Tracker *tracker, const Addr *addr, uint16_t jail)
{
        WindowKey key = window_key(addr, jail);
        uint32_t hash = (uint32_t) table_hash(&key, sizeof key), number;
        size_t at = 0;

        while ((number = index_find(&tracker->index, hash, &at))) {
                Window *window = pool_at(&tracker->pool, number);

                if (memcmp(&window->key, &key, sizeof key) == 0)
                        return window;
        }
        return NULL;
}

void tracker_evict(Tracker *tracker)
{
        for (size_t rank = 0; rank < RANKS; rank++) {
                Window *window = tracker->ranks[rank];

                if (!window)
                        continue;
                tracker->stats.evicted++;
                tracker_retire(tracker, window);
                return;
        }
}

/* A live window: the one that was found, revived if it is a tombstone, or a new one; its entries are the caller's to add at once. */
static int tracker_want(Tracker *tracker, const Addr *addr, uint16_t jail, Window *found, Window **ret_window)
{
        Window *window = found;
        int r;

        if (window && window->n_entries > 0) {
                *ret_window = window;
                return 0;
        }
        while (tracker->stats.windows >= tracker->stats.max_windows)
                tracker_evict(tracker);
        if (!window) {
                if (index_reserve(&tracker->index, 1) < 0)
                        return -ENOMEM;
                window = tracker_new_window(tracker);
                if (!window)
                        return -ENOMEM;
                window->key = window_key(addr, jail);
                tracker_link(tracker, window);
        }
        r = heap_reserve(&tracker->deadlines);
        if (r < 0) {
                if (!window->stored)
                        tracker_free_window(tracker, window);
                return r;
        }
        tracker_rank(tracker, window);
        tracker->stats.windows++;
        *ret_window = window;
        return 0;
}

/* ---- counting ---- */

static unsigned tracker_count_told(Window *window, const Hit *hit, unsigned attempts, bool *ret_changed)
{
        int64_t span = (hit->span < WINDOW_SESSION_USEC / USEC_PER_SEC ? hit->span * USEC_PER_SEC : WINDOW_SESSION_USEC);

        while (attempts > 0 && window_claim(window, hit->witness, hit->session, hit->time, span)) {
                attempts--;
                *ret_changed = true;
        }
        return attempts;
}

/* What a failure's line adds: its attempts, but those that have been counted. Settles what was counted ahead. */
static unsigned tracker_count_line(Window *window, const Hit *hit, unsigned attempts, bool *ret_changed)
{
        WindowEntry *ahead = window_ahead(window, hit->session, hit->time);

        if (hit->witness)
                return tracker_count_told(window, hit, attempts, ret_changed);
        switch (hit->count) {
        case HIT_COUNT_EACH:
                if (!ahead)
                        return attempts;
                ahead->ahead = false;
                *ret_changed = true;
                return attempts - 1;
        case HIT_COUNT_AHEAD: return ahead ? 0 : 1;
        case HIT_COUNT_ONCE: return window_knows(window, hit->session, hit->time) ? 0 : 1;
        }
        return 0;
}

static void tracker_offend(Tracker *tracker, Window *window, const Hit *hit, const WindowSpan *span, size_t index,
                           const char *text)
{
        Evidence evidence[EVIDENCE_MAX];
        size_t n = EVIDENCE_MAX;

        /* From the latest backwards, into the end of the array. */
        for (size_t i = span->to; i-- > span->from && n > 0;) {
                const WindowEntry *entry = &window->entries[i];
                const char *line = i == index ? text : entry->text;

                if (!line && tracker->stats.max_evidence_bytes == 0)
                        line = "";
                if (entry->weight > 0 && line)
                        evidence[--n] = (Evidence){ entry->time, entry->rule, line };
        }
        size_t first = span->from;
        while (window->entries[first].weight == 0)
                first++;
        Offence offence = {
                .jail = tracker->jails[window->key.jail]->name,
                .addr = window->key.addr,
                .source = hit->addr,
                .first = window->entries[first].time,
                .last = window->entries[index].time,
                .failures = span->weight,
                .rule = window->entries[index].rule,
                .evidence = evidence + n,
                .n_evidence = EVIDENCE_MAX - n,
        };
        tracker->sink.offence(tracker->sink.userdata, &offence);
        window_use_up(window, window->entries[index].time, &tracker->stats.evidence_bytes);
}

/* A copy of the text, if there is room for it. */
static const char *tracker_keep_text(Tracker *tracker, const char *text, size_t length)
{
        size_t size = length + 1;
        char *copy;

        if (size > tracker->stats.max_evidence_bytes - tracker->stats.evidence_bytes || !(copy = malloc(size))) {
                tracker->stats.evidence_dropped++;
                return NULL;
        }
        memcpy(copy, text, size);
        tracker->stats.evidence_bytes += size;
        return copy;
}

/* Times from a broken clock or database must not overflow sums. */
static EventTime time_clamped(EventTime time)
{
        return event_time_max((EventTime){ 0 }, event_time_min(time, (EventTime){ INT64_MAX / 4 }));
}

/* One entry of all attempts, or, where others may still tell of each of them, one each. The last has the text. */
static int tracker_insert_entries(Window *window, WindowEntry entry, unsigned attempts, size_t *ret_index)
{
        const char *text = entry.text;
        int r = 0;

        entry.weight = (uint16_t) (entry.witnesses ? 1 : attempts);
        for (unsigned n = entry.witnesses ? attempts : 1; n > 0 && r == 0; n--) {
                entry.text = n == 1 ? text : NULL;
                r = window_insert(window, &entry, ret_index);
        }
        return r;
}

static int tracker_insert(Tracker *tracker, const Hit *hit, const Addr *addr, uint16_t jail, Window *found, unsigned attempts)
{
        const WindowLimits *limits = &tracker->jails[jail]->limits;
        size_t *evidence_bytes = &tracker->stats.evidence_bytes, index;
        char text[EVIDENCE_TEXT_MAX];
        WindowSpan span;
        Window *window;
        int r;

        WindowEntry entry = {
                .time = hit->time,
                .session = hit->session,
                .ahead = hit->count == HIT_COUNT_AHEAD && !hit->ends,
                .witnesses = hit->witness,
        };
        entry.rule = intern_text(tracker->rules, hit->rule);
        if (!entry.rule)
                return -ENOMEM;
        r = tracker_want(tracker, addr, jail, found, &window);
        if (r < 0)
                return r;
        if (hit->line) {
                size_t length = text_printable(hit->line->text, hit->line->length, text, sizeof text);

                entry.text = tracker_keep_text(tracker, text, length);
        }
        r = tracker_insert_entries(window, entry, attempts, &index);
        if (r < 0) {
                if (entry.text) {
                        *evidence_bytes -= strlen(entry.text) + 1;
                        free((void *) (uintptr_t) entry.text);
                }
                if (window->n_entries == 0)
                        tracker_retire(tracker, window);
                return r;
        }
        if (window_is_full(window, limits, index, &span))
                tracker_offend(tracker, window, hit, &span, index, hit->line ? text : NULL);
        window_trim(window, limits, evidence_bytes);
        if (hit->ends)
                window_end_session(window, hit->session, hit->time, evidence_bytes);
        tracker_touched(tracker, window, true);
        return 0;
}

/* How many attempts a line tells of; what counts ahead or once is one. */
static unsigned attempts_of(const Hit *hit)
{
        if (hit->attempts < 1 || (hit->count != HIT_COUNT_EACH && !hit->witness))
                return 1;
        return hit->attempts < HIT_ATTEMPTS_MAX ? hit->attempts : HIT_ATTEMPTS_MAX;
}

/**
 * tracker_hit() - count what a filter found
 * @hit:                borrowed; for a jail that tracker_set_jail() named
 * @ret_counted:        attempts that it added to the window; 0: they have counted already
 *
 * A full window goes to the sink before this returns, and is emptied.
 *
 * Return: 0, TRACKER_E_NO_JAIL, or -ENOMEM.
 */
int tracker_hit(Tracker *tracker, const Hit *hit, unsigned *ret_counted)
{
        size_t *evidence_bytes = &tracker->stats.evidence_bytes;
        unsigned attempts = attempts_of(hit), counted = hit->kind == HIT_FAILURE ? attempts : 0;
        bool changed = false;
        uint16_t index;
        int r;

        const TrackerJailState *jail = tracker_find_jail(tracker, hit->jail, &index);
        if (!jail)
                return TRACKER_E_NO_JAIL;
        Hit copy = *hit;
        copy.time = time_clamped(hit->time);
        Addr addr = tracker_addr_key(tracker, &hit->addr, jail->ipv6_prefix);
        Window *window = tracker_find(tracker, &addr, index);

        if (window && window->n_entries > 0) {
                /* A line from before the present needs what was in the window then. */
                EventTime now = event_time_min(copy.time, tracker->settled);

                changed = window_settle(window, &jail->limits, now, evidence_bytes);
                switch (hit->kind) {
                case HIT_FAILURE: counted = tracker_count_line(window, &copy, attempts, &changed); break;
                case HIT_SUCCESS: changed |= window_take_back(window, hit->session, copy.time, evidence_bytes); break;
                case HIT_END: changed |= window_end_session(window, hit->session, copy.time, evidence_bytes); break;
                }
                if (hit->ends && counted == 0)
                        changed |= window_end_session(window, hit->session, copy.time, evidence_bytes);
                if (changed)
                        window = tracker_touched(tracker, window, true);
        }
        if (counted > 0) {
                r = tracker_insert(tracker, &copy, &addr, index, window, counted);
                if (r < 0)
                        return r;
        }
        *ret_counted = counted;
        return 0;
}

/**
 * tracker_expire() - drop what has left its window
 * @now:        the time up to which the sources have been read: the present, once they have
 *              caught up; while one is back-filling, the time of the line that it is at
 *
 * Return: when to call again, which may turn out to be too early; EVENT_TIME_FOREVER if there is nothing to drop.
 */
EventTime tracker_expire(Tracker *tracker, EventTime now)
{
        HeapItem *item;

        now = time_clamped(now);
        tracker->settled = now;
        while ((item = heap_first(&tracker->deadlines)) && item->key <= now.usec) {
                Window *window = heap_owner(item, Window, deadline);
                const WindowLimits *limits = &tracker->jails[window->key.jail]->limits;

                bool changed = window_settle(window, limits, now, &tracker->stats.evidence_bytes);

                if (window->n_entries > 0)
                        heap_update(&tracker->deadlines, item, window_deadline(window, limits).usec);
                if (changed)
                        tracker_touched(tracker, window, true);
        }
        return item ? (EventTime){ item->key } : EVENT_TIME_FOREVER;
}

/* ---- visits ---- */

/* Calls back for every live window that lies in @addr, or that @addr lies in. The callback may retire its window. */
typedef int (*WindowVisitor)(Tracker *tracker, Window *window, void *userdata);

static int tracker_visit_single(Tracker *tracker, uint16_t jail, const Addr *addr, WindowVisitor visitor, void *userdata)
{
        /* IPv4 counts by address; an IPv6 window may have any length. */
        for (unsigned length = addr_full_length(addr);; length--) {
                Addr prefix = addr_masked(addr, length);
                Window *window = tracker_find(tracker, &prefix, jail);
                int r = window && window->n_entries > 0 ? visitor(tracker, window, userdata) : 0;

                if (r != 0 || addr->family == 4 || length == 1)
                        return r;
        }
}

static int tracker_visit(Tracker *tracker, const char *jail, const Addr *addr, WindowVisitor visitor, void *userdata)
{
        Window *window;
        uint16_t index = 0;
        int r;

        if (jail && !tracker_find_jail(tracker, jail, &index))
                return 0;
        if (addr && addr_is_single(addr)) {
                for (size_t i = jail ? index : 0; i < (jail ? index + 1u : tracker->n_jails); i++) {
                        r = tracker_visit_single(tracker, (uint16_t) i, addr, visitor, userdata);
                        if (r != 0)
                                return r;
                }
                return 0;
        }
        TRACKER_FOREACH (tracker, i, window) {
                if (jail && window->key.jail != index)
                        continue;
                if (addr && !addr_contains(addr, &window->key.addr) && !addr_contains(&window->key.addr, addr))
                        continue;
                r = visitor(tracker, window, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int forget_window(Tracker *tracker, Window *window, void *userdata)
{
        window_clear(window, &tracker->stats.evidence_bytes);
        tracker_retire(tracker, window);
        return 0;
}

/**
 * tracker_forget() - empty windows, with all that their sessions had ahead
 * @jail:       or NULL for all
 * @addr:       windows that it covers, and that cover it; NULL for all
 */
void tracker_forget(Tracker *tracker, const char *jail, const Addr *addr)
{
        tracker_visit(tracker, jail, addr, forget_window, NULL);
}

static WindowRecord window_record(const Tracker *tracker, const Window *window)
{
        return (WindowRecord){
                .jail = tracker->jails[window->key.jail]->name,
                .addr = window->key.addr,
                .entries = window->entries,
                .n_entries = window->n_entries,
        };
}

typedef struct EachArgument {
        TrackerRecordSink sink;
        void *userdata;
} EachArgument;

static int each_window(Tracker *tracker, Window *window, void *userdata)
{
        const EachArgument *argument = userdata;
        WindowRecord record = window_record(tracker, window);

        return argument->sink(argument->userdata, &record);
}

/**
 * tracker_each() - visit windows
 * @jail, @addr:        as for tracker_forget()
 * @sink:               returns other than 0 to stop
 *
 * Return: 0, or what the sink stopped with.
 */
int tracker_each(const Tracker *tracker, const char *jail, const Addr *addr, TrackerRecordSink sink, void *userdata)
{
        EachArgument argument = { sink, userdata };

        /* each_window() changes nothing. */
        return tracker_visit((Tracker *) (uintptr_t) tracker, jail, addr, each_window, &argument);
}

/**
 * tracker_drain() - hand over each window that changed since the last drain, once
 * @sink:       gets the window as it is now, without entries if it is gone; on an error the rest stays due
 *
 * Return: 0, or the sink's error.
 */
int tracker_drain(Tracker *tracker, TrackerRecordSink sink, void *userdata)
{
        while (tracker->dirty) {
                Window *window = tracker->dirty;
                WindowRecord record = window_record(tracker, window);
                int r = sink(userdata, &record);

                if (r != 0)
                        return r;
                DL_DELETE2(tracker->dirty, window, dirty_prev, dirty_next);
                window->dirty = false;
                window->stored = window->n_entries > 0;
                if (!window->stored)
                        tracker_free_window(tracker, window);
        }
        return 0;
}

/**
 * tracker_restore() - take back a window that the store has kept
 * @record:     copied; replaces a window of the same jail and address
 *
 * It is not due for the store again, and makes no offence.
 *
 * Return: 0, TRACKER_E_NO_JAIL, or -ENOMEM.
 */
int tracker_restore(Tracker *tracker, const WindowRecord *record)
{
        size_t *evidence_bytes = &tracker->stats.evidence_bytes;
        Window *window;
        uint16_t jail;
        size_t index;
        int r = 0;

        if (!tracker_find_jail(tracker, record->jail, &jail))
                return TRACKER_E_NO_JAIL;
        if (record->n_entries == 0)
                return 0;
        r = tracker_want(tracker, &record->addr, jail, tracker_find(tracker, &record->addr, jail), &window);
        if (r < 0)
                return r;
        window->stored = true;
        window_clear(window, evidence_bytes);
        const WindowLimits *limits = &tracker->jails[jail]->limits;
        size_t most = 2u * TRACKER_MAXRETRY_MAX + WINDOW_TRACES_MAX,
               from = record->n_entries > most ? record->n_entries - most : 0;
        for (size_t i = from; i < record->n_entries && r == 0; i++) {
                WindowEntry entry = record->entries[i];

                entry.time = time_clamped(entry.time);
                entry.rule = intern_text(tracker->rules, entry.rule);
                if (!entry.rule)
                        r = -ENOMEM;
                else {
                        entry.text = entry.text ? tracker_keep_text(tracker, entry.text, strlen(entry.text)) : NULL;
                        r = window_insert(window, &entry, &index);
                }
        }
        window_trim(window, limits, evidence_bytes);
        tracker_touched(tracker, window, false);
        return r;
}

/**
 * tracker_count() - addresses with attempts in their window
 * @jail:       or NULL for the sum over all
 */
size_t tracker_count(const Tracker *tracker, const char *jail)
{
        size_t n = 0;

        for (size_t i = 0; i < tracker->n_jails; i++)
                if (!jail || strcmp(tracker->jails[i]->name, jail) == 0)
                        n += tracker->jails[i]->n_counting;
        return n;
}

/**
 * tracker_stats() - figures, good until the next call
 */
const TrackerStats *tracker_stats(const Tracker *tracker)
{
        return &tracker->stats;
}
