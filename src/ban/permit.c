/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the allow list means for bans. It is asked last, after everything else
 * has said yes.
 *
 * An entry for the whole host stops every ban that lies in it; one that lies
 * inside a banned prefix stands in the kernel, which lets it pass, and the ban's
 * note names it. A jail's own entry is not in the kernel, since another jail may
 * ban the address. So where one lies inside an IPv6 prefix that its jail is about
 * to ban, the jail bans the offender's one address only; and a person who bans
 * such a prefix in that jail has to insist.
 *
 * A ban that stands when its address becomes allowed is left standing, as the
 * kernel's allow set wins; ban_engine_unban_inside() lifts it.
 */

#include <string.h>

#include "ban/private.h"

#define NOTE_ENTRIES 3 /* allowed entries that a note names */
#define WIDEST_IPV4 8
#define WIDEST_IPV6 16

/**
 * ban_engine_allow_group() - what this origin allows now, and nothing else of it
 * @group:      its name
 * @entries:    copied; of two for the same prefix and jail the one that lasts longer counts
 *
 * Entries that stand as they are wanted cause no call of sink.allow. Bans that
 * stand are not touched: see ban_engine_unban_inside().
 *
 * Return: 0; and with the group as it was -EINVAL for an entry without address,
 * -ENOSPC if there were more than a million entries over all groups, -ENOMEM.
 */
int ban_engine_allow_group(BanEngine *engine, const char *group, const AllowEntry *entries, size_t n_entries, EventTime now)
{
        ban_engine_expire(engine, now);
        return allow_set_replace(engine->allowed, group, entries, n_entries, now);
}

/**
 * ban_engine_allow() - add an entry to a group
 * @entry:      copied; takes the place of the group's entry for the same prefix and jail
 *
 * Return: 0, -EINVAL, -ENOSPC, -ENOMEM as ban_engine_allow_group().
 */
int ban_engine_allow(BanEngine *engine, const char *group, const AllowEntry *entry, EventTime now)
{
        ban_engine_expire(engine, now);
        return allow_set_add(engine->allowed, group, entry, now);
}

/**
 * ban_engine_disallow() - take exactly this prefix out of a group
 *
 * Return: 0 or BAN_E_NO_ENTRY.
 */
int ban_engine_disallow(BanEngine *engine, const char *group, const Addr *addr, EventTime now)
{
        ban_engine_expire(engine, now);
        return allow_set_remove(engine->allowed, group, addr, now);
}

/**
 * ban_engine_allowed() - the nearest allowed entry that all of @addr lies in, or NULL
 * @jail:       this jail's own entries count too; NULL: host-wide ones alone
 */
const AllowEntry *ban_engine_allowed(const BanEngine *engine, const char *jail, const Addr *addr)
{
        const AllowItem *item = allow_set_find(engine->allowed, jail, addr);

        return item ? &item->entry : NULL;
}

/**
 * ban_engine_each_allow_entry() - visit the entries of a group, or of all, by address
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_engine_each_allow_entry(const BanEngine *engine, const char *group, AllowVisitor visitor, void *userdata)
{
        return allow_set_each(engine->allowed, group, visitor, userdata);
}

/**
 * ban_engine_each_allowed() - visit what the kernel should hold: each host-wide prefix once, with the latest end
 * @inside:     only entries that lie in it; NULL for all
 *
 * Return: 0, or what the visitor stopped with.
 */
int ban_engine_each_allowed(const BanEngine *engine, const Addr *inside, AllowVisitor visitor, void *userdata)
{
        return allow_set_each_host(engine->allowed, inside, visitor, userdata);
}

/* ---- notes and refusals ---- */

typedef struct ExceptNote {
        char *text;
        size_t n_entries;
} ExceptNote;

static int except_entry(void *userdata, const AllowEntry *entry)
{
        ExceptNote *note = userdata;
        char addr[ADDR_TEXT_MAX];
        size_t used = strlen(note->text);

        if (++note->n_entries <= NOTE_ENTRIES)
                snprintf(note->text + used, NOTE_MAX - used, "%s%s", used ? ", " : "except ", addr_format(&entry->addr, addr));
        return 0;
}

/**
 * ban_engine_except() - "except 192.0.2.1, 192.0.2.8/29": the allowed entries inside a prefix that is banned
 *
 * Return: @note, "" if there are none.
 */
const char *ban_engine_except(const BanEngine *engine, const Addr *addr, char note[static NOTE_MAX])
{
        ExceptNote except = { .text = note };
        size_t used;

        *note = '\0';
        if (addr_is_single(addr))
                return note;
        allow_set_each_host(engine->allowed, addr, except_entry, &except);
        used = strlen(note);
        if (except.n_entries > NOTE_ENTRIES)
                snprintf(note + used, NOTE_MAX - used, " and %zu more", except.n_entries - NOTE_ENTRIES);
        return note;
}

/**
 * ban_engine_refuses() - why an offender must not be banned
 *
 * Return: whether @ret_note says so.
 */
bool ban_engine_refuses(const BanEngine *engine, const Offence *offence, char ret_note[static NOTE_MAX])
{
        const AllowEntry *entry = ban_engine_allowed(engine, offence->jail, &offence->source);
        char text[ADDR_TEXT_MAX];

        if (!addr_is_bannable(&offence->addr)) {
                snprintf(ret_note, NOTE_MAX, "no packet can have %s as its source", addr_format(&offence->addr, text));
                return true;
        }
        if (!entry)
                entry = ban_engine_allowed(engine, offence->jail, &offence->addr);
        if (!entry)
                return false;
        snprintf(ret_note, NOTE_MAX, "allowed by %s%s%s%s", addr_format(&entry->addr, text), *entry->origin ? " (" : "",
                 entry->origin, *entry->origin ? ")" : "");
        return true;
}

/* What a person has to do so that an entry does not allow any more. */
static const char *allow_item_remedy(const AllowItem *item, char text[static NOTE_MAX])
{
        const char *group = item->group->name;
        char addr[ADDR_TEXT_MAX];

        if (strcmp(group, "command") == 0)
                snprintf(text, NOTE_MAX, "to ban it, first run: bailiffctl allow remove %s",
                         addr_format(&item->entry.addr, addr));
        else if (strcmp(group, "config") == 0)
                snprintf(text, NOTE_MAX, "to ban it, first take that line out and run: bailiffctl reload");
        else if (strncmp(group, "file ", 5) == 0)
                snprintf(text, NOTE_MAX, "to ban it, first take it out of that file");
        else if (strncmp(group, "name ", 5) == 0)
                snprintf(text, NOTE_MAX, "to ban it, first take that name out of the configuration and run: bailiffctl reload");
        else
                snprintf(text, NOTE_MAX, "it stays allowed as long as that is so");
        return text;
}

/**
 * ban_engine_check() - whether a person may ban this
 * @jail:       of the request, or NULL if there is none of that name
 *
 * Return: 0, or BAN_E_X with the problem told.
 */
int ban_engine_check(const BanEngine *engine, const BanRequest *request, const BanJailState *jail, Problem *problem)
{
        unsigned widest = request->addr.family == 4 ? WIDEST_IPV4 : WIDEST_IPV6;
        char text[ADDR_TEXT_MAX], allowed[ADDR_TEXT_MAX], remedy[NOTE_MAX];
        const AllowItem *item;

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
        item = allow_set_find(engine->allowed, jail->name, &request->addr);
        if (item)
                return problem_set(problem, BAN_E_ALLOWED, "%s was not banned: it lies in %s, which is allowed%s%s (%s); %s",
                                   text, addr_format(&item->entry.addr, allowed), item->entry.jail ? " in jail " : "",
                                   item->entry.jail ? item->entry.jail : "",
                                   *item->entry.origin ? item->entry.origin : item->group->name, allow_item_remedy(item, remedy));
        item = allow_set_find_own(engine->allowed, jail->name, &request->addr);
        if (item && !request->force)
                return problem_set(
                        problem, BAN_E_ALLOWED,
                        "%s was not banned: it would keep out %s, which jail %s allows (%s); ban narrower prefixes, allow "
                        "it for the whole host, or repeat with --force if you mean it",
                        text, addr_format(&item->entry.addr, allowed), jail->name,
                        *item->entry.origin ? item->entry.origin : item->group->name);
        return 0;
}
