/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the control socket asks of the daemon: the stages' figures put into
 * views, and changes made the same way as the daemon's own decisions, but with
 * the kernel's answer before ours. Here are bans; the other nouns have a file
 * each.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/log.h"

/* ---- bans ---- */

/**
 * answer_element() - what enforces a ban: one element, or one for each of its ports
 */
Element answer_element(const Ban *ban, size_t i)
{
        return (Element){
                .addr = ban->addr,
                .protocol = ban->n_ports ? ban->ports[i].protocol : 0,
                .port = ban->n_ports ? ban->ports[i].port : 0,
                .reject = ban->reject,
                .until = ban->until,
        };
}

static int answer_bans(void *userdata, const char *jail, BanVisitor visit, void *visit_data)
{
        Daemon *daemon = userdata;

        return ban_engine_each(daemon->engine, jail, visit, visit_data);
}

/**
 * answer_enforces() - whether there is a kernel to look into
 */
bool answer_enforces(const Daemon *daemon)
{
        return strcmp(firewall_backend(daemon->firewall), "none") != 0;
}

/**
 * answer_kernel() - what the kernel counts for a ban, over all of its ports
 */
int answer_kernel(void *userdata, const Ban *ban, FirewallElement *ret_element)
{
        Daemon *daemon = userdata;
        FirewallElement sum = { 0 };

        if (!answer_enforces(daemon))
                return -EOPNOTSUPP;
        for (size_t i = 0; i < (ban->n_ports ? ban->n_ports : 1); i++) {
                Element element = answer_element(ban, i);
                FirewallElement kernel;
                int r = firewall_query(daemon->firewall, &element, &kernel);

                if (r != 0)
                        return r;
                kernel.packets += sum.packets;
                kernel.bytes += sum.bytes;
                sum = kernel;
        }
        *ret_element = sum;
        return 0;
}

static int answer_covering(void *userdata, const Addr *addr, BanVisitor visit, void *visit_data)
{
        Daemon *daemon = userdata;

        return ban_engine_covering(daemon->engine, addr, visit, visit_data);
}

static int answer_exempt(void *userdata, const Addr *inside, AllowVisitor visit, void *visit_data)
{
        Daemon *daemon = userdata;

        return ban_engine_each_allowed(daemon->engine, inside, visit, visit_data);
}

/* ---- changes ---- */

/**
 * answer_behind() - the command stands and is remembered, but nobody is told "done" before the kernel says so
 */
int answer_behind(Daemon *daemon, Problem *problem)
{
        const char *why = daemon_problem(daemon, "firewall changes");

        return problem_set(problem, -EAGAIN, "the kernel has not taken the change (%.300s); it is offered again every second; "
                                             "see bailiffctl status", *why ? why : daemon_problem(daemon, "firewall allow changes"));
}

static int answer_ban(void *userdata, const BanRequest *request, bool report, uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        int r;

        daemon->by_hand = report ? BY_HAND_REPORT : BY_HAND_SILENT;
        r = ban_engine_ban(daemon->engine, request, clock_event_now(), problem);
        daemon->by_hand = BY_HAND_NOT;
        if (r != 0)
                return r;
        r = daemon_flush_elements(daemon);
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? answer_behind(daemon, problem) : 0;
}

static int answer_ban_many(void *userdata, const BanRequest *requests, size_t n, bool report, BanAnswer answer, void *answer_data,
                           uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        EventTime now = clock_event_now();
        int r;

        daemon->by_hand = report ? BY_HAND_REPORT : BY_HAND_SILENT;
        for (size_t i = 0; i < n; i++) {
                Problem one = { "" };

                r = ban_engine_ban(daemon->engine, &requests[i], now, &one);
                answer(answer_data, i, r, &one);
        }
        daemon->by_hand = BY_HAND_NOT;
        r = daemon_flush_elements(daemon);
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? answer_behind(daemon, problem) : 0;
}

static void remove_if_there(Daemon *daemon, const Addr *addr)
{
        for (int reject = 0; reject < 2; reject++) {
                Element element = { .addr = *addr, .reject = reject, .until = EVENT_TIME_NONE };
                FirewallElement kernel;

                if (firewall_query(daemon->firewall, &element, &kernel) == 0)
                        daemon_queue_elements(daemon, &element, 1);
        }
}

/*
 * `unban` deletes by key even what nobody remembers: whoever asks wants the
 * address to get through. The address itself is tried, and what it counts as.
 */
static void remove_unknown(Daemon *daemon, const Addr *addr)
{
        Addr last = *addr;

        remove_if_there(daemon, addr);
        for (size_t i = 0; addr_is_single(addr) && i < daemon->n_jails; i++) {
                Addr key = tracker_key(daemon->tracker, daemon->jails[i].config->name, addr);

                if (!addr_equal(&key, &last) && !addr_equal(&key, addr))
                        remove_if_there(daemon, &key);
                last = key;
        }
}

static int answer_unban(void *userdata, const Addr *addr, const char *jail, const char *by, BanVisitor visit, void *visit_data,
                        uint64_t *ret_sequence, Problem *problem)
{
        Daemon *daemon = userdata;
        size_t lifted;
        int r;

        if (jail && !daemon_jail(daemon, jail) && ban_engine_count(daemon->engine, jail) == 0)
                return problem_set(problem, BAN_E_NO_JAIL, "there is no jail \"%s\"; bailiffctl status lists them", jail);
        daemon->lifted = visit;
        daemon->lifted_data = visit_data;
        r = ban_engine_unban(daemon->engine, addr, jail, clock_event_now(), by, &lifted);
        daemon->lifted = NULL;
        if (r < 0)
                return problem_set(problem, r, "out of memory");
        /* One mistype afterwards must not ban again at once. */
        if (addr) {
                tracker_forget(daemon->tracker, jail, addr);
                for (size_t i = 0; i < daemon->n_jails; i++)
                        if (daemon->jails[i].filter && (!jail || strcmp(jail, daemon->jails[i].config->name) == 0))
                                filter_forget(daemon->jails[i].filter, addr);
        }
        r = daemon_flush_elements(daemon);
        if (addr && !jail && r == 0) {
                remove_unknown(daemon, addr);
                r = daemon_flush_elements(daemon);
        }
        daemon->deadlines_moved = true;
        *ret_sequence = daemon_commit(daemon);
        return r != 0 ? answer_behind(daemon, problem) : 0;
}

static int answer_events(void *userdata, uint64_t since, size_t max, int (*visit)(void *visit_data, const EventRecord *record), void *visit_data)
{
        Daemon *daemon = userdata;

        return store_read_events(daemon->store, since, max, visit, visit_data);
}

/* One that is not enabled is shown as such. */
static bool answer_has_jail(void *userdata, const char *jail)
{
        const Daemon *daemon = userdata;

        for (size_t i = 0; i < daemon->config->n_jails; i++)
                if (strcmp(daemon->config->jails[i].name, jail) == 0)
                        return true;
        return false;
}

static int answer_reload(void *userdata, bool check, void (*visit)(void *visit_data, const ReloadView *view), void *visit_data,
                         uint64_t *ret_sequence, Problem *problem)
{
        return daemon_reload(userdata, check, visit, visit_data, ret_sequence, problem);
}

static int answer_stats(void *userdata, void (*done)(void *done_data, const StoreSummary *summary), void *done_data)
{
        Daemon *daemon = userdata;

        return store_summarise(daemon->store, clock_event_now(), done, done_data);
}

/**
 * answer_ops() - the control stage's view of the daemon
 */
ControlOps answer_ops(Daemon *daemon)
{
        return (ControlOps){
                .status = answer_status,
                .bans = answer_bans,
                .kernel = answer_kernel,
                .covering = answer_covering,
                .why = answer_why,
                .ban = answer_ban,
                .ban_many = answer_ban_many,
                .exempt = answer_exempt,
                .unban = answer_unban,
                .events = answer_events,
                .has_jail = answer_has_jail,
                .allow_add = answer_allow_add,
                .allow_remove = answer_allow_remove,
                .allow_list = answer_allow_list,
                .attempt = answer_attempt,
                .pause = answer_pause,
                .reload = answer_reload,
                .stats = answer_stats,
                .claim = report_claim,
                .claim_cancel = report_claim_cancel,
                .claim_item = report_claim_item,
                .outbox = report_ask,
                .report_service = report_service,
                .preview = report_preview,
                .userdata = daemon,
        };
}
