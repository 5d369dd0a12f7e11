/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is asked of one jail: to count an attempt, to pause, to go on. */

#include <errno.h>
#include <string.h>

#include "daemon/private.h"
#include "util/log.h"

static int no_jail(const Daemon *daemon, const char *name, Problem *problem)
{
        for (size_t i = 0; i < daemon->config->n_jails; i++)
                if (strcmp(daemon->config->jails[i].name, name) == 0)
                        return problem_set(problem, BAN_E_NO_JAIL, "the jail \"%s\" is not enabled (%s)", name, daemon->config->jails[i].place);
        return problem_set(problem, BAN_E_NO_JAIL, "there is no jail \"%s\"; bailiffctl status lists them", name);
}

static int count_window(void *userdata, const WindowRecord *record)
{
        unsigned *count = userdata;

        for (size_t i = 0; i < record->n_entries; i++)
                *count += record->entries[i].weight;
        return 0;
}

/**
 * answer_attempt() - count a failure by hand
 * @text:       of the line, or NULL
 * @ret_count:  failures in the window now; 0 if it was full
 */
int answer_attempt(void *userdata, const char *name, const Addr *addr, const char *text, unsigned *ret_count, bool *ret_banned,
                   uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        Jail *jail = daemon_jail(daemon, name);
        const AllowEntry *entry;
        char addr_text[ADDR_TEXT_MAX], entry_text[ADDR_TEXT_MAX];
        int r;

        addr_format(addr, addr_text);
        if (!jail)
                return no_jail(daemon, name, problem);
        if (!addr_is_single(addr) || !addr_is_bannable(addr))
                return problem_set(problem, BAN_E_NOT_BANNABLE, "%s is not one address that packets can come from", addr_text);
        if ((entry = ban_engine_allowed(daemon->engine, jail->config->name, addr)))
                return problem_set(problem, BAN_E_ALLOWED, "%s is allowed by %s (%s), so its failures do not count", addr_text,
                                   addr_format(&entry->addr, entry_text), entry->origin);
        Line line = { .text = text, .length = text ? strlen(text) : 0, .time = clock_event_now(), .ident = "", .pid = -1, .source = "attempt" };
        Hit hit = {
                .kind = HIT_FAILURE,
                .count = HIT_COUNT_EACH,
                .attempts = 1,
                .jail = jail->config->name,
                .addr = *addr,
                .time = line.time,
                .rule = "attempt",
                .user = "",
                .line = text ? &line : NULL,
        };
        daemon->banned = false;
        decide_hit(daemon, jail, &hit);
        *ret_banned = daemon->banned;
        *ret_count = 0;
        Addr key = tracker_key(daemon->tracker, hit.jail, addr);
        tracker_each(daemon->tracker, hit.jail, &key, count_window, ret_count);
        recidive_count(daemon);
        r = daemon_flush_elements(daemon);
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? answer_behind(daemon, problem) : 0;
}

/**
 * answer_pause() - let a jail count without banning, or ban again; over a restart too
 */
int answer_pause(void *userdata, const char *name, bool pause, const char *by, bool *ret_changed, uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        Jail *jail = daemon_jail(daemon, name);
        EventTime now = clock_event_now();
        char text[256];

        if (!jail)
                return no_jail(daemon, name, problem);
        *ret_changed = pause != (jail->paused_by != NULL);
        *ret_sequence = 0;
        if (!*ret_changed)
                return 0;
        jail_pause(jail, pause ? by : NULL, now);
        if (pause && !jail->paused_by)
                return problem_set(problem, -ENOMEM, "out of memory; the jail is not paused");
        store_put_pause(daemon->store, &(PauseRecord){ .jail = name, .by = pause ? by : NULL, .time = now });
        snprintf(text, sizeof text, "jail %s %s by %s", name, pause ? "paused" : "resumed", by);
        daemon_note(daemon, pause ? "pause" : "resume", text);
        log_notice("%s", text);
        *ret_sequence = daemon_commit(daemon);
        return 0;
}
