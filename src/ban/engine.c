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
 * - The allow list is asked last, after everything else has said yes. A ban that
 *   stands when its address becomes allowed is left standing, as the kernel's
 *   allow set wins; ban_engine_unban_inside() lifts it.
 * - Log lines of bans are kept up to a cap; beyond it a ban has none here, but
 *   its event carried them to the store. Names of rules and lists of ports are
 *   kept once. All that a Ban points to lives as long as the ban does.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ban/private.h"

#define NOTE_MAX 512
#define NOTE_ENTRIES 3 /* allowed entries that a note names */
#define WIDEST_IPV4 8
#define WIDEST_IPV6 16

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
        r = allow_set_new(&engine->allowed);
        if (r < 0)
                return r;
        engine->sink = sink;
        engine->stats.max_bans = max_bans;
        engine->next_id = 1;
        *ret_engine = steal(engine);
        return 0;
}

/* ---- what a ban owns ---- */

/* The one copy of a list of ports; NULL stands for all ports. */
static int ban_engine_ports(BanEngine *engine, const Port *ports, size_t n, const Port **ret_ports)
{
        PortList *list;

        if (n == 0 || !ports) {
                *ret_ports = NULL;
                return 0;
        }
        for (list = engine->port_lists; list; list = list->next) {
                size_t i = 0;

                while (list->n_ports == n && i < n && list->ports[i].protocol == ports[i].protocol &&
                       list->ports[i].port == ports[i].port)
                        i++;
                if (i == n)
                        break;
        }
        if (!list) {
                list = calloc(1, sizeof *list + n * sizeof *ports);
                if (!list)
                        return -ENOMEM;
                list->n_ports = n;
                memcpy(list->ports, ports, n * sizeof *ports);
                LL_PREPEND(engine->port_lists, list);
        }
        *ret_ports = list->ports;
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
        for (size_t i = 0; i < engine->n_jails; i++)
                free(engine->jails[i]);
        free(engine->jails);
        while (engine->port_lists) {
                PortList *list = engine->port_lists;
                LL_DELETE(engine->port_lists, list);
                free(list);
        }
        intern_free(engine->rules);
        allow_set_free(engine->allowed);
        element_list_deinit(&engine->before);
        element_list_deinit(&engine->after);
        element_list_deinit(&engine->changes);
        free(engine);
        return NULL;
}

/* ---- jails and the allow list ---- */

BanJailState *ban_engine_find_jail(const BanEngine *engine, const char *name)
{
        for (size_t i = 0; i < engine->n_jails; i++)
                if (strcmp(engine->jails[i]->name, name) == 0)
                        return engine->jails[i];
        return NULL;
}

static int ban_engine_want_jail(BanEngine *engine, const char *name, BanJailState **ret_state)
{
        BanJailState *state = ban_engine_find_jail(engine, name), **jails;

        if (!state) {
                if (strlen(name) >= JAIL_NAME_MAX)
                        return -EINVAL;
                jails = reallocarray(engine->jails, engine->n_jails + 1, sizeof *jails);
                if (!jails)
                        return -ENOMEM;
                engine->jails = jails;
                state = calloc(1, sizeof *state);
                if (!state)
                        return -ENOMEM;
                strcpy(state->name, name);
                engine->jails[engine->n_jails++] = state;
        }
        *ret_state = state;
        return 0;
}

/**
 * ban_engine_set_jail() - add a jail, or change the terms of its future bans
 *
 * Return: 0, -EINVAL for a bantime out of bounds, -ENOMEM.
 */
int ban_engine_set_jail(BanEngine *engine, const BanJail *jail)
{
        BanJailState *state;
        const Port *ports;
        int r;

        if (jail->bantime != DURATION_FOREVER && (jail->bantime < 1 || jail->bantime > DURATION_MAX_SEC))
                return -EINVAL;
        r = ban_engine_ports(engine, jail->ports, jail->n_ports, &ports);
        if (r < 0)
                return r;
        r = ban_engine_want_jail(engine, jail->name, &state);
        if (r < 0)
                return r;
        state->configured = true;
        state->bantime = jail->bantime;
        state->ports = ports;
        state->n_ports = ports ? jail->n_ports : 0;
        return 0;
}

/**
 * ban_engine_allow() - add to the allow list
 * @entry:      copied; of two entries for one prefix the one that lasts longer stays
 *
 * Bans that stand are not touched: see ban_engine_unban_inside().
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int ban_engine_allow(BanEngine *engine, const char *group, const AllowEntry *entry, EventTime now)
{
        return allow_set_add(engine->allowed, entry);
}

/**
 * ban_engine_disallow() - take exactly this entry off the allow list
 *
 * Return: 0 or BAN_E_NO_ENTRY.
 */
int ban_engine_disallow(BanEngine *engine, const char *group, const Addr *addr, EventTime now)
{
        return allow_set_remove(engine->allowed, addr);
}

/**
 * ban_engine_allowed() - the nearest allowed entry that all of @addr lies in, or NULL
 */
const AllowEntry *ban_engine_allowed(const BanEngine *engine, const char *jail, const Addr *addr)
{
        return allow_set_find(engine->allowed, addr);
}

/**
 * ban_engine_each_allowed() - visit the allow list in order of addresses
 * @inside:     only entries that lie in it; NULL for all
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_engine_each_allowed(const BanEngine *engine, const Addr *inside, AllowVisitor visitor, void *userdata)
{
        return allow_set_each(engine->allowed, inside, visitor, userdata);
}

typedef struct ExceptNote {
        char text[NOTE_MAX];
        size_t n_entries;
} ExceptNote;

static int except_entry(void *userdata, const AllowEntry *entry)
{
        ExceptNote *note = userdata;
        char addr[ADDR_TEXT_MAX];
        size_t used = strlen(note->text);

        if (++note->n_entries <= NOTE_ENTRIES)
                snprintf(note->text + used, sizeof note->text - used, "%s%s", used ? ", " : "except ",
                         addr_format(&entry->addr, addr));
        return 0;
}

/* "except 192.0.2.1, 192.0.2.8/29": the allowed entries inside a prefix that is banned. */
static const char *ban_engine_except(const BanEngine *engine, const Addr *addr, ExceptNote *note)
{
        size_t used;

        *note = (ExceptNote){ .n_entries = 0 };
        if (addr_is_single(addr))
                return note->text;
        allow_set_each(engine->allowed, addr, except_entry, note);
        used = strlen(note->text);
        if (note->n_entries > NOTE_ENTRIES)
                snprintf(note->text + used, sizeof note->text - used, " and %zu more", note->n_entries - NOTE_ENTRIES);
        return note->text;
}

/* ---- changes and events ---- */

/* Lays out the elements of an address before a decision; @more: elements that it may add. */
static int ban_engine_begin(BanEngine *engine, const Addr *addr, EventTime now, size_t more)
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
static void ban_engine_end(BanEngine *engine, const Addr *addr, EventTime now)
{
        element_list_collect(&engine->after, ban_book_chain(&engine->book, addr), now);
        element_list_compare(&engine->before, &engine->after, now, &engine->changes);
        engine->stats.elements += engine->after.n_elements - engine->before.n_elements;
        engine->stats.bans = engine->book.n_records;
}

static void ban_engine_emit(BanEngine *engine, BanEventKind kind, EventTime now, const Ban *ban, bool changes, const char *note)
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
 * ban_engine_expire() - end what is over by @now: bans, each with an event, and allowed entries
 *
 * Return: when to call again, or EVENT_TIME_FOREVER.
 */
EventTime ban_engine_expire(BanEngine *engine, EventTime now)
{
        EventTime next = allow_set_expire(engine->allowed, now);
        BanRecord *record;

        while ((record = ban_book_due(&engine->book)) && !event_time_before(now, record->ban.until))
                if (ban_engine_drop(engine, record, BAN_EVENT_EXPIRE, now, "") < 0)
                        break;
        return record ? event_time_min(next, record->ban.until) : next;
}

/* ---- decisions ---- */

/* Enters a ban that has no forerunner. @ban's strings are copied. */
static int ban_engine_enter(BanEngine *engine, BanJailState *jail, const Ban *ban, EventTime now)
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
static int ban_engine_prolong(BanEngine *engine, BanRecord *record, const Ban *ban, EventTime now)
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

/* Bans, or prolongs the ban that stands, and says so. @ban lacks its id. */
static int ban_engine_decide(BanEngine *engine, BanJailState *jail, Ban *ban, EventTime now)
{
        BanRecord *record = ban_book_find(&engine->book, &ban->addr, jail);
        BanEventKind kind = record ? BAN_EVENT_PROLONG : BAN_EVENT_BAN;
        ExceptNote note;
        int r;

        ban->id = engine->next_id;
        r = record ? ban_engine_prolong(engine, record, ban, now) : ban_engine_enter(engine, jail, ban, now);
        if (r != 0)
                return r;
        if (!record) {
                record = ban_book_find(&engine->book, &ban->addr, jail);
                engine->next_id++;
                jail->total++;
        }
        /* The event has the lines of this decision even where they are not kept. */
        Ban event = record->ban;
        if (ban->n_evidence > 0) {
                event.evidence = ban->evidence;
                event.n_evidence = ban->n_evidence;
        }
        ban_engine_emit(engine, kind, now, &event, true, ban_engine_except(engine, &ban->addr, &note));
        return 0;
}

/* Why an offender must not be banned. Return: whether @ret_note says so. */
static bool ban_engine_refuses(const BanEngine *engine, const Offence *offence, char ret_note[static NOTE_MAX])
{
        const AllowEntry *entry = allow_set_find(engine->allowed, &offence->source);
        char text[ADDR_TEXT_MAX];

        if (!addr_is_bannable(&offence->addr)) {
                snprintf(ret_note, NOTE_MAX, "no packet can have %s as its source", addr_format(&offence->addr, text));
                return true;
        }
        if (!entry)
                entry = allow_set_find(engine->allowed, &offence->addr);
        if (!entry)
                return false;
        snprintf(ret_note, NOTE_MAX, "allowed by %s%s%s%s", addr_format(&entry->addr, text), *entry->origin ? " (" : "",
                 entry->origin, *entry->origin ? ")" : "");
        return true;
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
                .until = event_time_add(offence->last, jail->bantime),
                .first = offence->first,
                .failures = offence->failures,
                .rule = offence->rule,
                .reason = "",
                .ports = jail->ports,
                .n_ports = jail->n_ports,
                .evidence = offence->evidence,
                .n_evidence = offence->n_evidence,
        };
        if (ban_engine_refuses(engine, offence, note)) {
                ban_engine_emit(engine, BAN_EVENT_REFUSED, now, &ban, false, note);
                return 0;
        }
        if (!event_time_before(now, ban.until) && !ban_book_find(&engine->book, &ban.addr, jail)) {
                ban.id = engine->next_id++;
                ban_engine_emit(engine, BAN_EVENT_LATE, now, &ban, false, "over before it was read");
                return 0;
        }
        return ban_engine_decide(engine, jail, &ban, now);
}

/* Whether a person may ban this. Return: 0, or BAN_E_X with the problem told. */
static int ban_engine_check(const BanEngine *engine, const BanRequest *request, const BanJailState *jail, Problem *problem)
{
        unsigned widest = request->addr.family == 4 ? WIDEST_IPV4 : WIDEST_IPV6;
        char text[ADDR_TEXT_MAX], allowed[ADDR_TEXT_MAX];
        const AllowEntry *entry;

        addr_format(&request->addr, text);
        if (!jail || !jail->configured)
                return problem_set(problem, BAN_E_NO_JAIL,
                                   "there is no jail \"%s\"; bailiffctl status names those that there are", request->jail);
        if (!addr_is_bannable(&request->addr))
                return problem_set(problem, BAN_E_NOT_BANNABLE,
                                   "%s was not banned: no packet can have it as its source; give the address of a host", text);
        if (request->addr.length < widest && !request->force)
                return problem_set(problem, BAN_E_TOO_WIDE,
                                   "%s was not banned: it is wider than /%u; narrow it, or repeat with --force if you mean it",
                                   text, widest);
        entry = allow_set_find(engine->allowed, &request->addr);
        if (entry)
                return problem_set(
                        problem, BAN_E_ALLOWED,
                        "%s was not banned: it lies in %s, which is allowed (%s); to ban it, first take that entry away", text,
                        addr_format(&entry->addr, allowed), *entry->origin ? entry->origin : "no origin given");
        return 0;
}

/**
 * ban_engine_ban() - ban by hand
 * @request:    borrowed
 * @problem:    filled on failure, or NULL
 *
 * Makes BAN, or PROLONG if the jail has banned exactly this address; a ban is
 * never shortened. Of an automatic ban it makes a manual one.
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
        int64_t duration = request->has_duration ? request->duration : jail->bantime;
        if (duration != DURATION_FOREVER && (duration < 1 || duration > DURATION_MAX_SEC))
                return problem_set(problem, -EINVAL, "a ban lasts 1 second to 10 years, or forever; give another duration");
        Ban ban = {
                .jail = jail->name,
                .addr = request->addr,
                .source = addr_is_single(&request->addr) ? request->addr : ADDR_NULL,
                .origin = BAN_MANUAL,
                .start = now,
                .until = event_time_add(now, duration),
                .first = now,
                .rule = "",
                .reason = request->reason ? request->reason : "",
                .ports = jail->ports,
                .n_ports = jail->n_ports,
        };
        r = ban_engine_decide(engine, jail, &ban, now);
        if (r == BAN_E_FULL)
                return problem_set(problem, r,
                                   "no room for another ban: all of the %zu in force, which is the cap, are manual or "
                                   "permanent; lift some with bailiffctl unban, or raise max_bans",
                                   engine->stats.max_bans);
        if (r < 0)
                return problem_set(problem, r, "memory is short; nothing was banned");
        return 0;
}

/* ---- restoring ---- */

/**
 * ban_engine_restore() - take back a ban that the store has kept
 * @ban:        copied, with its id; its jail need not be configured any more
 * @now:        the present
 *
 * No event is made for it. One that is over by @now gets its EXPIRE from the
 * next ban_engine_expire(). A second one of the same jail and address is merged.
 *
 * Return: 0, BAN_E_FULL, -EINVAL if it is no ban, -ENOMEM.
 */
int ban_engine_restore(BanEngine *engine, const Ban *ban, EventTime now)
{
        BanJailState *jail;
        BanRecord *record;
        int r;

        if (ban->id == 0 || (ban->addr.family != 4 && ban->addr.family != 6) || ban->addr.length > addr_full_length(&ban->addr))
                return -EINVAL;
        r = ban_engine_want_jail(engine, ban->jail, &jail);
        if (r < 0)
                return r;
        record = ban_book_find(&engine->book, &ban->addr, jail);
        /* None in force gives way to one that is over. */
        if (!record && !event_time_before(now, ban->until) && engine->book.n_records >= engine->stats.max_bans)
                return BAN_E_FULL;
        r = record ? ban_engine_prolong(engine, record, ban, now) : ban_engine_enter(engine, jail, ban, now);
        if (r == 0 && ban->id >= engine->next_id)
                engine->next_id = ban->id + 1;
        return r;
}

/**
 * ban_engine_set_next_id() - the id that the next ban gets, unless restored bans have gone further
 */
void ban_engine_set_next_id(BanEngine *engine, uint64_t id)
{
        if (id > engine->next_id)
                engine->next_id = id;
}
