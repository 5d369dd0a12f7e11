/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `allow add`, `allow remove` and `allow list`. */

#include <errno.h>
#include <string.h>

#include "daemon/private.h"

/**
 * answer_allow_add() - allow an address from now on; bans inside are lifted and visited
 */
int answer_allow_add(void *userdata, const AllowRequest *request, BanVisitor visit, void *visit_data, uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        EventTime now = clock_event_now();
        AllowRecord record = {
                .addr = request->addr,
                .until = request->has_duration && request->duration != DURATION_FOREVER ? event_time_add(now, request->duration)
                                                                                         : EVENT_TIME_FOREVER,
                .reason = request->reason ? request->reason : "",
                .by = request->by,
                .time = now,
        };
        char note[256], addr[ADDR_TEXT_MAX];
        size_t lifted;
        bool behind;
        int r = allow_remembered(daemon, &record);

        if (r < 0)
                return problem_set(problem, r, "%s could not be allowed: %s", addr_format(&request->addr, addr), strerror(-r));
        store_put_allow(daemon->store, &record);
        behind = allow_send_now(daemon, &request->addr) != 0;
        snprintf(note, sizeof note, "allowed by %s", request->by);
        daemon->lifted = visit;
        daemon->lifted_data = visit_data;
        r = ban_engine_unban_inside(daemon->engine, &request->addr, now, note, &lifted);
        daemon->lifted = NULL;
        if (r < 0)
                return problem_set(problem, r, "out of memory: it is allowed, but bans inside may stand");
        tracker_forget(daemon->tracker, NULL, &request->addr);
        snprintf(note, sizeof note, "%s allowed by %s", addr_format(&request->addr, addr), request->by);
        daemon_note(daemon, "allow", note);
        r = daemon_flush_elements(daemon);
        daemon->deadlines_moved = true;
        *ret_sequence = daemon_commit(daemon);
        return r != 0 || behind || daemon->kernel_behind ? answer_behind(daemon, problem) : 0;
}

typedef struct Place {
        const Addr *addr;
        const AllowEntry *entry;        /* exactly the address, else the narrowest around it */
} Place;

static int find_place(void *userdata, const AllowEntry *entry)
{
        Place *place = userdata;

        if (addr_contains(&entry->addr, place->addr) && (!place->entry || entry->addr.length > place->entry->addr.length))
                place->entry = entry;
        return 0;
}

/**
 * answer_allow_remove() - take back what answer_allow_add() has allowed
 *
 * Return: 0; BAN_E_NO_ENTRY, with the place in @problem where it would have to be taken out.
 */
int answer_allow_remove(void *userdata, const Addr *addr, const char *by, uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        EventTime now = clock_event_now();
        Place place = { .addr = addr };
        char text[ADDR_TEXT_MAX], around[ADDR_TEXT_MAX], note[256];
        bool behind;
        int r = ban_engine_disallow(daemon->engine, "command", addr, now);

        addr_format(addr, text);
        if (r == BAN_E_NO_ENTRY) {
                ban_engine_each_allow_entry(daemon->engine, NULL, find_place, &place);
                if (!place.entry)
                        return problem_set(problem, r, "%s is not on the allow list; bailiffctl allow list shows it", text);
                return problem_set(problem, r, "%s is allowed by %s (%s), not by allow add: it has to be taken out there%s", text,
                                   addr_format(&place.entry->addr, around), place.entry->origin,
                                   strncmp(place.entry->origin, "allow add", 9) == 0 ? ": bailiffctl allow remove, with exactly that prefix" : "");
        }
        if (r < 0)
                return problem_set(problem, r, "out of memory; %s is still allowed", text);
        store_put_allow(daemon->store, &(AllowRecord){ .addr = *addr, .until = EVENT_TIME_NONE, .reason = "", .by = by, .time = now });
        snprintf(note, sizeof note, "%s no longer allowed, by %s", text, by);
        daemon_note(daemon, "disallow", note);
        behind = allow_send_now(daemon, addr) != 0;
        *ret_sequence = daemon_commit(daemon);
        return behind || daemon->kernel_behind ? answer_behind(daemon, problem) : 0;
}

typedef struct Listing {
        AllowViewVisitor visit;
        void *visit_data;
        AllowView view;
        bool enforces;
} Listing;

static int list_entry(void *userdata, const AllowEntry *entry)
{
        Listing *listing = userdata;

        listing->view.entry = entry;
        listing->view.in_kernel = listing->enforces && !entry->jail;
        return listing->visit(listing->visit_data, &listing->view);
}

/**
 * answer_allow_list() - every entry of the allow list, group by group
 *
 * Return: 0, or what @visit stopped with.
 */
int answer_allow_list(void *userdata, AllowViewVisitor visit, void *visit_data)
{
        static const char *const fixed[] = { "command", "config", "start" };
        Daemon *daemon = userdata;
        Listing listing = { .visit = visit, .visit_data = visit_data, .enforces = answer_enforces(daemon) };
        const size_t n_fixed = sizeof fixed / sizeof *fixed;
        int r = 0;

        for (size_t i = 0; i < n_fixed + daemon->n_groups && r == 0; i++) {
                listing.view.group = i < n_fixed ? fixed[i] : daemon->groups[i - n_fixed];
                r = ban_engine_each_allow_entry(daemon->engine, listing.view.group, list_entry, &listing);
        }
        return r;
}
