/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Who is banned, until when: one ban per jail and address, and for every
 * decision one event that carries what it changes in the kernel.
 *
 * - A ban ends at the time of the deciding line plus the jail's bantime. One
 *   that stands when the next offence or command comes keeps its id and start,
 *   ends at the later of both ends, and is recorded with the newer lines. What
 *   a person has banned stays a manual ban.
 * - Every function that is told the time ends first what is over by then. So
 *   all bans in the book are in force but for those that a restore has just
 *   brought, which the next call ends.
 * - An expiry changes nothing in the kernel: the kernel's own timeout is the
 *   same end. Therefore daemon.c has to lay all elements anew
 *   (ban_engine_each_element()) when the clock has been stepped.
 * - The allow list is asked last, after everything else has said yes: permit.c.
 *   How bans grow: level.c.
 * - Log lines of bans are kept up to a cap; beyond it a ban has none here, but
 *   its event carried them to the store. Names of rules and lists of ports are
 *   kept once. All that a Ban points to lives as long as the ban does.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ban/private.h"

/**
 * ban_engine_new() - an engine without jails, bans and allowed entries
 * @max_bans:   cap of bans in force
 * @sink:       gets the events, from within the calls that cause them
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int ban_engine_new(size_t max_bans, BanSink sink, BanEngine **ret_engine)
{
        _cleanup_(ban_engine_freep) BanEngine *engine = NULL;
        int r;

        if (max_bans == 0 || max_bans > UINT32_MAX / 2)
                return -EINVAL;
        engine = calloc(1, sizeof *engine);
        if (!engine)
                return -ENOMEM;
        r = intern_new(&engine->rules);
        if (r < 0)
                return r;
        r = allow_set_new(sink.allow, sink.userdata, &engine->allowed);
        if (r < 0)
                return r;
        engine->sink = sink;
        engine->stats.max_bans = max_bans;
        engine->levels = (LevelTable){ .teller = sink.level, .userdata = sink.userdata, .stats = &engine->stats };
        engine->next_id = 1;
        *ret_engine = steal(engine);
        return 0;
}

/**
 * ban_engine_free() - free an engine; bans end with it without an event
 *
 * Return: NULL.
 */
BanEngine *ban_engine_free(BanEngine *engine)
{
        BanRecord *record;

        if (!engine)
                return NULL;
        while ((record = engine->book.records)) {
                ban_book_remove(&engine->book, record);
                ban_record_free(record, &engine->stats);
        }
        ban_book_deinit(&engine->book);
        level_table_deinit(&engine->levels);
        ban_engine_free_jails(engine);
        intern_free(engine->rules);
        allow_set_free(engine->allowed);
        element_list_deinit(&engine->before);
        element_list_deinit(&engine->after);
        element_list_deinit(&engine->changes);
        free(engine);
        return NULL;
}

/**
 * ban_engine_set_max() - another cap of bans, and of levels
 * @max_bans:   from 1
 *
 * What is beyond it gives way when the next one comes.
 */
void ban_engine_set_max(BanEngine *engine, size_t max_bans)
{
        engine->stats.max_bans = max_bans;
}

/* ---- changes and events ---- */

/* Lays out the elements of an address before a decision; @more: elements that it may add. */
int ban_engine_begin(BanEngine *engine, const Addr *addr, EventTime now, size_t more)
{
        const BanRecord *chain = ban_book_chain(&engine->book, addr);
        size_t bound = element_list_bound(chain) + more;
        int r;

        r = element_list_reserve(&engine->before, bound);
        if (r == 0)
                r = element_list_reserve(&engine->after, bound);
        if (r == 0)
                r = element_list_reserve(&engine->changes, 2 * bound);
        if (r == 0)
                element_list_collect(&engine->before, chain, now);
        return r;
}

/* And after it: what has to change in the kernel. */
void ban_engine_end(BanEngine *engine, const Addr *addr, EventTime now)
{
        element_list_collect(&engine->after, ban_book_chain(&engine->book, addr), now);
        element_list_compare(&engine->before, &engine->after, now, &engine->changes);
        engine->stats.elements += engine->after.n_elements - engine->before.n_elements;
        engine->stats.bans = engine->book.n_records;
}

void ban_engine_emit(BanEngine *engine, BanEventKind kind, EventTime now, const Ban *ban, bool changes, const char *note)
{
        BanEvent event = {
                .kind = kind,
                .time = now,
                .ban = ban,
                .changes = changes ? engine->changes.elements : NULL,
                .n_changes = changes ? engine->changes.n_elements : 0,
                .note = note ? note : "",
        };

        engine->sink.event(engine->sink.userdata, &event);
}

/* Takes a ban out and says so. */
int ban_engine_drop(BanEngine *engine, BanRecord *record, BanEventKind kind, EventTime now, const char *note)
{
        int r = ban_engine_begin(engine, &record->ban.addr, now, 0);

        if (r < 0)
                return r;
        ban_book_remove(&engine->book, record);
        ban_engine_end(engine, &record->ban.addr, now);
        ban_engine_emit(engine, kind, now, &record->ban, kind != BAN_EVENT_EXPIRE, note);
        ban_record_free(record, &engine->stats);
        return 0;
}

/* Makes room for one more ban. Return: 0, BAN_E_FULL, -ENOMEM. */
static int ban_engine_make_room(BanEngine *engine, EventTime now)
{
        char note[NOTE_MAX];

        while (engine->book.n_records >= engine->stats.max_bans) {
                BanRecord *record = ban_book_displaceable(&engine->book);
                int r;

                if (!record)
                        return BAN_E_FULL;
                snprintf(note, sizeof note, "gave way at the cap of %zu bans", engine->stats.max_bans);
                r = ban_engine_drop(engine, record, BAN_EVENT_DISPLACED, now, note);
                if (r < 0)
                        return r;
                engine->stats.displaced++;
        }
        return 0;
}

/**
 * ban_engine_expire() - end what is over by @now: bans, each with an event, levels and allowed entries
 *
 * Return: when to call again, or EVENT_TIME_FOREVER.
 */
EventTime ban_engine_expire(BanEngine *engine, EventTime now)
{
        EventTime next = event_time_min(allow_set_expire(engine->allowed, now), level_table_expire(&engine->levels, now));
        BanRecord *record;

        while ((record = ban_book_due(&engine->book)) && !event_time_before(now, record->ban.until))
                if (ban_engine_drop(engine, record, BAN_EVENT_EXPIRE, now, "") < 0)
                        break;
        return record ? event_time_min(next, record->ban.until) : next;
}

/* ---- decisions ---- */

/* Enters a ban that has no forerunner. @ban's strings are copied. */
int ban_engine_enter(BanEngine *engine, BanJailState *jail, const Ban *ban, EventTime now)
{
        BanRecord *record;
        int r;

        r = ban_engine_make_room(engine, now);
        if (r != 0)
                return r;
        record = calloc(1, sizeof *record);
        if (!record)
                return -ENOMEM;
        record->jail = jail;
        record->ban = *ban;
        record->ban.jail = jail->name;
        record->ban.reason = "";
        record->ban.evidence = NULL;
        record->ban.n_evidence = 0;
        record->ban.rule = intern_text(engine->rules, ban->rule);
        r = record->ban.rule ? ban_record_set_reason(record, ban->reason) : -ENOMEM;
        if (r == 0)
                r = ban_engine_ports(engine, ban->ports, ban->n_ports, &record->ban.ports);
        if (r == 0) {
                record->ban.n_ports = record->ban.ports ? ban->n_ports : 0;
                r = ban_engine_begin(engine, &ban->addr, now, ban->n_ports ? ban->n_ports : 1);
        }
        if (r == 0)
                r = ban_book_add(&engine->book, record);
        if (r < 0) {
                ban_record_free(record, &engine->stats);
                return r;
        }
        ban_record_keep_evidence(record, ban->evidence, ban->n_evidence, engine->rules, &engine->stats);
        ban_engine_end(engine, &ban->addr, now);
        return 0;
}

/* Prolongs a ban to the later end, with what is new in @ban. */
int ban_engine_prolong(BanEngine *engine, BanRecord *record, const Ban *ban, EventTime now)
{
        EventTime until = event_time_max(record->ban.until, ban->until);
        BanOrigin origin = ban->origin == BAN_MANUAL ? BAN_MANUAL : record->ban.origin;
        const char *rule = intern_text(engine->rules, ban->rule);
        int r;

        if (!rule)
                return -ENOMEM;
        r = ban_engine_begin(engine, &ban->addr, now, 0);
        if (r < 0)
                return r;
        if (*ban->reason) {
                r = ban_record_set_reason(record, ban->reason);
                if (r < 0)
                        return r;
        }
        r = ban_book_change(&engine->book, record, until, origin);
        if (r < 0)
                return r;
        if (*rule)
                record->ban.rule = rule;
        if (ban->source.family != 0)
                record->ban.source = ban->source;
        if (__builtin_add_overflow(record->ban.failures, ban->failures, &record->ban.failures))
                record->ban.failures = UINT32_MAX;
        if (ban->n_evidence > 0)
                ban_record_keep_evidence(record, ban->evidence, ban->n_evidence, engine->rules, &engine->stats);
        ban_engine_end(engine, &ban->addr, now);
        return 0;
}

/* Whose levels a jail uses: its own, or the host's. */
static const BanJailState *jail_levels(const BanJailState *jail)
{
        return jail->increment.over_host ? NULL : jail;
}

/* The level at which the jail's own terms ban an address now: a standing ban stays at its level. */
static unsigned ban_engine_level(const BanEngine *engine, const BanJailState *jail, const Addr *addr)
{
        const BanRecord *record = ban_book_find(&engine->book, addr, jail);

        if (!jail->increment.enabled)
                return 0;
        if (record && record->ban.forgotten.usec != 0)
                return record->ban.level;
        return level_table_get(&engine->levels, jail_levels(jail), addr);
}

/* Fills in what the jail's terms say: until when, and what is done to whom. */
static void ban_engine_apply_terms(const BanEngine *engine, const BanJailState *jail, Ban *ban)
{
        ban->level = ban_engine_level(engine, jail, &ban->addr);
        ban->until = event_time_add(ban->start, ban_increment_apply(&jail->increment, jail->bantime, ban->level));
        ban->ports = jail->ports;
        ban->n_ports = jail->n_ports;
        ban->reject = jail->reject;
}

/* Raises the level where the ban grows, or moves the time at which it is forgotten along with the ban's end. */
static void ban_engine_grow(BanEngine *engine, BanRecord *record, unsigned level)
{
        const BanJailState *jail = record->jail;
        EventTime forgotten = event_time_add(record->ban.until, jail->increment.forget);

        record->ban.level = level;
        record->ban.forgotten = level_table_raise(&engine->levels, jail_levels(jail), &record->ban.addr, level + 1, forgotten);
}

/* Bans, or prolongs the ban that stands, and says so. @ban lacks its id; @grows: it lasts as the jail's terms say. */
static int ban_engine_decide(BanEngine *engine, BanJailState *jail, Ban *ban, bool grows, EventTime now)
{
        BanRecord *record = ban_book_find(&engine->book, &ban->addr, jail);
        BanEventKind kind = record ? BAN_EVENT_PROLONG : BAN_EVENT_BAN;
        char note[NOTE_MAX];
        int r;

        ban->id = engine->next_id;
        r = record ? ban_engine_prolong(engine, record, ban, now) : ban_engine_enter(engine, jail, ban, now);
        if (r != 0)
                return r;
        if (!record) {
                record = ban_book_find(&engine->book, &ban->addr, jail);
                engine->next_id++;
                engine->total++;
                jail->total++;
        }
        if (jail->increment.enabled && (grows || record->ban.forgotten.usec != 0))
                ban_engine_grow(engine, record, grows ? ban->level : record->ban.level);
        /* The event has the lines of this decision even where they are not kept. */
        Ban event = record->ban;
        if (ban->n_evidence > 0) {
                event.evidence = ban->evidence;
                event.n_evidence = ban->n_evidence;
        }
        ban_engine_emit(engine, kind, now, &event, true, ban_engine_except(engine, &ban->addr, note));
        return 0;
}

/**
 * ban_engine_offence() - ban an offender, or say why not
 * @offence:    from the tracker; for a jail that ban_engine_set_jail() named
 * @now:        the present
 *
 * Makes one event: BAN, PROLONG, REFUSED (its ban has id 0), or LATE, if the
 * ban is over by @now and none stands; before it EXPIRE and DISPLACED for others.
 *
 * Return: 0, BAN_E_NO_JAIL, BAN_E_FULL (without an event), or -ENOMEM.
 */
int ban_engine_offence(BanEngine *engine, const Offence *offence, EventTime now)
{
        BanJailState *jail = ban_engine_find_jail(engine, offence->jail);
        char note[NOTE_MAX];

        ban_engine_expire(engine, now);
        if (!jail || !jail->configured)
                return BAN_E_NO_JAIL;
        Ban ban = {
                .jail = jail->name,
                .addr = offence->addr,
                .source = offence->source,
                .origin = BAN_AUTOMATIC,
                .start = offence->last,
                .first = offence->first,
                .failures = offence->failures,
                .rule = offence->rule,
                .reason = "",
                .evidence = offence->evidence,
                .n_evidence = offence->n_evidence,
        };
        if (!addr_is_single(&ban.addr) && allow_set_find_own(engine->allowed, jail->name, &ban.addr))
                ban.addr = ban.source;
        ban_engine_apply_terms(engine, jail, &ban);
        if (ban_engine_refuses(engine, offence, note)) {
                ban_engine_emit(engine, BAN_EVENT_REFUSED, now, &ban, false, note);
                return 0;
        }
        if (!event_time_before(now, ban.until) && !ban_book_find(&engine->book, &ban.addr, jail)) {
                ban.id = engine->next_id++;
                ban_engine_emit(engine, BAN_EVENT_LATE, now, &ban, false, "over before it was read");
                return 0;
        }
        return ban_engine_decide(engine, jail, &ban, true, now);
}

/**
 * ban_engine_ban() - ban by hand
 * @request:    borrowed
 * @problem:    filled on failure, or NULL
 *
 * Makes BAN, or PROLONG if the jail has banned exactly this address; a ban is
 * never shortened. Of an automatic ban it makes a manual one. Without a duration
 * it lasts as an offence's ban would, and raises the level like one.
 *
 * Return: 0, BAN_E_X, -EINVAL for a duration out of bounds, -ENOMEM.
 */
int ban_engine_ban(BanEngine *engine, const BanRequest *request, EventTime now, Problem *problem)
{
        BanJailState *jail = ban_engine_find_jail(engine, request->jail);
        int r;

        ban_engine_expire(engine, now);
        r = ban_engine_check(engine, request, jail, problem);
        if (r != 0)
                return r;
        int64_t duration = request->duration;
        if (request->has_duration && duration != DURATION_FOREVER && (duration < 1 || duration > DURATION_MAX_SEC))
                return problem_set(problem, -EINVAL, "a ban lasts 1 second to 10 years, or forever; give another duration");
        Ban ban = {
                .jail = jail->name,
                .addr = request->addr,
                .source = addr_is_single(&request->addr) ? request->addr : ADDR_NULL,
                .origin = BAN_MANUAL,
                .start = now,
                .first = now,
                .rule = "",
                .reason = request->reason ? request->reason : "",
        };
        ban_engine_apply_terms(engine, jail, &ban);
        if (request->has_duration) {
                ban.until = event_time_add(now, duration);
                ban.level = 0;
        }
        r = ban_engine_decide(engine, jail, &ban, !request->has_duration, now);
        if (r == BAN_E_FULL)
                return problem_set(problem, r,
                                   "no room for another ban: all of the %zu in force, which is the cap, are manual or "
                                   "permanent; lift some with bailiffctl unban, or raise max_bans",
                                   engine->stats.max_bans);
        if (r < 0)
                return problem_set(problem, r, "memory is short; nothing was banned");
        return 0;
}
