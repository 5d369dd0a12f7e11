/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A daemon without firewall and disk behind ControlOps, for the tests and the fuzz target of the control socket. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"

#define FAKE_BANS_MAX 4096
#define FAKE_EVENTS_MAX 4096
#define FAKE_NOW ((EventTime){ INT64_C(1795332660000000) }) /* 2026-11-22T07:31:00Z */

typedef struct Fake {
        Control *control;
        Access access; /* what every caller is taken for */
        uid_t uid;
        Ban bans[FAKE_BANS_MAX];
        size_t n_bans;
        uint64_t next_ban;
        EventRecord events[FAKE_EVENTS_MAX];
        size_t n_events, n_committed;
        uint64_t sequence;
        bool commits_at_once;
        bool fails;                     /* looking methods fail with -EIO */
        size_t most_events;             /* largest page that was asked for */
        size_t most_covering, covering; /* look-ups since somebody set it to 0 */
        char by[64];
        BanRequest last;
        char reason[EVIDENCE_TEXT_MAX];
} Fake;

static const char *const fake_matches[] = { "SYSLOG_IDENTIFIER=sshd", "SYSLOG_IDENTIFIER=sshd-session" };
static const Port fake_ports[] = { { 6, 22 }, { 17, 4500 } };
static const Evidence fake_evidence[] = {
        { { INT64_C(1795332600000000) },
          "failed-password",
          "Failed password for secret\\x1b[2J from 203.0.113.5 port 4711 ssh2" },
        { { INT64_C(1795332660000000) }, "failed-password", "Failed password for hunter2 from 203.0.113.5 port 4712 ssh2" },
};

static inline int fake_identify(void *userdata, int fd, Caller *ret_caller)
{
        const Fake *fake = userdata;

        *ret_caller = (Caller){ .uid = fake->uid, .pid = 1, .access = fake->access };
        return 0;
}

static inline bool fake_has_jail(void *userdata, const char *jail)
{
        return strcmp(jail, "sshd") == 0 || strcmp(jail, "nginx-http-auth") == 0;
}

static inline const char *fake_jail_name(const char *jail)
{
        return strcmp(jail, "sshd") == 0 ? "sshd" : "nginx-http-auth";
}

static inline int fake_status(void *userdata, void (*visit)(void *visit_data, const StatusView *view), void *visit_data)
{
        const Fake *fake = userdata;
        static const char *const problems[] = { "/etc/bailiff/jails.d/web.yaml:3:9: unknown key \"maxretrys\", did you mean "
                                                "\"maxretry\"? The jail is left out; mend the file, "
                                                "then: systemctl reload bailiffd" };
        const JailView jails[] = {
                { .name = "sshd",
                  .filter = "sshd",
                  .mode = "normal",
                  .state = "running",
                  .problem = "",
                  .findtime = 600,
                  .bantime = 86400,
                  .maxretry = 5,
                  .currently_failed = 3,
                  .total_failed = 12345678,
                  .currently_banned = fake->n_bans,
                  .total_banned = 4711,
                  .lines = 99,
                  .last_line = FAKE_NOW,
                  .last_hit = FAKE_NOW,
                  .journal_matches = fake_matches,
                  .n_journal_matches = 2 },
                { .name = "nginx-http-auth",
                  .filter = "nginx-http-auth",
                  .mode = "normal",
                  .state = "degraded",
                  .problem = "its filter does not load",
                  .findtime = 600,
                  .bantime = DURATION_FOREVER,
                  .maxretry = 3,
                  .ports = fake_ports,
                  .n_ports = 2 },
        };
        const StatusView view = { .version = "0.1.0",
                                  .pid = 42,
                                  .started = FAKE_NOW,
                                  .now = FAKE_NOW,
                                  .state = "degraded",
                                  .problems = problems,
                                  .n_problems = 1,
                                  .config = "/etc/bailiff/bailiff.yaml",
                                  .firewall = "nftables",
                                  .source_state = "open",
                                  .source_lines = 123456789,
                                  .windows = 7,
                                  .bans = fake->n_bans,
                                  .max_bans = 2000000,
                                  .elements = fake->n_bans,
                                  .jails = jails,
                                  .n_jails = 2 };

        if (fake->fails)
                return -EIO;
        visit(visit_data, &view);
        return 0;
}

static inline int fake_bans(void *userdata, const char *jail, BanVisitor visit, void *visit_data)
{
        Fake *fake = userdata;

        if (fake->fails)
                return -EIO;
        for (size_t i = 0; i < fake->n_bans; i++)
                if (!jail || strcmp(jail, fake->bans[i].jail) == 0) {
                        int r = visit(visit_data, &fake->bans[i]);
                        if (r != 0)
                                return r;
                }
        return 0;
}

static inline int fake_kernel(void *userdata, const Ban *ban, FirewallElement *ret_element)
{
        if (ban->id == 2)
                return FIREWALL_E_ABSENT;
        *ret_element = (FirewallElement){ .permanent = ban->until.usec == INT64_MAX,
                                          .expires_msec = 86399000,
                                          .has_counter = true,
                                          .packets = 17,
                                          .bytes = 1020 };
        return 0;
}

static inline int fake_covering(void *userdata, const Addr *addr, BanVisitor visit, void *visit_data)
{
        Fake *fake = userdata;

        if (++fake->covering > fake->most_covering)
                fake->most_covering = fake->covering;
        if (fake->fails)
                return -EIO;
        for (size_t i = 0; i < fake->n_bans; i++)
                if (addr_contains(&fake->bans[i].addr, addr)) {
                        int r = visit(visit_data, &fake->bans[i]);
                        if (r != 0)
                                return r;
                }
        return 0;
}

static inline const AllowEntry *fake_allowed(const Addr *addr)
{
        static AllowEntry entry = { .until = { INT64_MAX }, .origin = "bailiff.yaml:3:9" };

        addr_parse_prefix("192.0.2.0/24", &entry.addr);
        return addr_contains(&entry.addr, addr) ? &entry : NULL;
}

static inline int fake_why(void *userdata, const Addr *addr, void (*visit)(void *visit_data, const WhyView *view),
                           void *visit_data)
{
        Fake *fake = userdata;
        const Ban *bans[8];
        FirewallElement kernel[8];
        bool in_kernel[8];
        WindowEntry entries[] = { { FAKE_NOW, 1, 1, false, "failed-password", fake_evidence[0].text } };
        WindowRecord window = { "sshd", *addr, entries, 1 };
        unsigned count = 1, maxretry = 5;
        const AllowEntry *allowed = fake_allowed(addr);
        WhyView view = { .addr = *addr,
                         .allowed = &allowed,
                         .n_allowed = allowed != NULL,
                         .bans = bans,
                         .kernel = kernel,
                         .in_kernel = in_kernel,
                         .windows = &window,
                         .window_counts = &count,
                         .window_maxretry = &maxretry,
                         .n_windows = 1 };

        if (fake->fails)
                return -EIO;
        for (size_t i = 0; i < fake->n_bans && view.n_bans < 8; i++)
                if (addr_contains(&fake->bans[i].addr, addr)) {
                        bans[view.n_bans] = &fake->bans[i];
                        in_kernel[view.n_bans] = fake_kernel(fake, &fake->bans[i], &kernel[view.n_bans]) == 0;
                        view.n_bans++;
                }
        visit(visit_data, &view);
        return 0;
}

/* The store has everything on disk. */
static inline void fake_commit(Fake *fake)
{
        size_t from = fake->n_committed;

        fake->n_committed = fake->n_events;
        control_committed(fake->control, fake->sequence, fake->events + from, fake->n_events - from);
}

static inline void fake_event(Fake *fake, BanEventKind kind, const Ban *ban, const char *note)
{
        const BanEvent event = { .kind = kind, .time = FAKE_NOW, .ban = ban, .note = note };
        EventRecord *record = &fake->events[fake->n_events];
        char *members = control_event_members(&event), *json = NULL;

        if (fake->n_events < FAKE_EVENTS_MAX &&
            asprintf(&json, "{\"id\":%zu,\"time\":\"2026-11-22T07:31:00Z\",\"event\":\"%s\",%s}", fake->n_events + 1,
                     ban_event_kind_name(kind), members) >= 0) {
                *record = (EventRecord){
                        .id = ++fake->n_events, .time = FAKE_NOW, .kind = ban_event_kind_name(kind), .json = json
                };
        }
        free(members);
        fake->sequence++;
}

static inline void fake_add(Fake *fake, const char *jail, const Addr *addr, BanOrigin origin, EventTime until)
{
        if (fake->n_bans == FAKE_BANS_MAX)
                return;
        fake->bans[fake->n_bans] = (Ban){
                .id = ++fake->next_ban,
                .jail = fake_jail_name(jail),
                .addr = *addr,
                .source = *addr,
                .origin = origin,
                .start = FAKE_NOW,
                .until = until,
                .first = FAKE_NOW,
                .failures = origin == BAN_AUTOMATIC ? 5 : 0,
                .rule = origin == BAN_AUTOMATIC ? "failed-password" : "",
                .reason = "",
                .evidence = fake_evidence,
                .n_evidence = origin == BAN_AUTOMATIC ? 2 : 0,
        };
        fake_event(fake, BAN_EVENT_BAN, &fake->bans[fake->n_bans++], "");
}

static inline int fake_ban(void *userdata, const BanRequest *request, uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;

        fake->last = *request;
        fake->last.jail = fake_jail_name(request->jail);
        snprintf(fake->reason, sizeof fake->reason, "%s", request->reason);
        fake->last.reason = fake->reason;
        if (fake_allowed(&request->addr))
                return problem_set(problem, BAN_E_ALLOWED, "allowed by 192.0.2.0/24 (bailiff.yaml:3:9); remove that entry first");
        if (request->addr.length < 8 && !request->force)
                return problem_set(problem, BAN_E_TOO_WIDE, "wider than /8; --force bans it nevertheless");
        if (!addr_is_bannable(&request->addr))
                return problem_set(problem, BAN_E_NOT_BANNABLE, "no packet can have this source");
        if (fake->n_bans == FAKE_BANS_MAX)
                return problem_set(problem, BAN_E_FULL, "there are as many bans as there may be");
        fake_add(fake, request->jail, &request->addr, BAN_MANUAL,
                 event_time_add(FAKE_NOW, request->has_duration ? request->duration : 86400));
        *ret_sequence = fake->sequence;
        if (fake->commits_at_once)
                fake_commit(fake);
        return 0;
}

static inline int fake_unban(void *userdata, const Addr *addr, const char *jail, const char *by, BanVisitor visit,
                             void *visit_data, uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;
        size_t kept = 0;

        snprintf(fake->by, sizeof fake->by, "%s", by);
        if (fake->fails)
                return problem_set(problem, -EIO, "the kernel refused: Input/output error");
        for (size_t i = 0; i < fake->n_bans; i++) {
                Ban ban = fake->bans[i];

                if ((addr && !addr_contains(&ban.addr, addr)) || (jail && strcmp(jail, ban.jail) != 0)) {
                        fake->bans[kept++] = ban;
                        continue;
                }
                visit(visit_data, &ban);
                fake_event(fake, BAN_EVENT_UNBAN, &ban, by);
        }
        fake->n_bans = kept;
        *ret_sequence = fake->sequence;
        if (fake->commits_at_once)
                fake_commit(fake);
        return 0;
}

static inline int fake_events(void *userdata, uint64_t since, size_t max,
                              int (*visit)(void *visit_data, const EventRecord *record), void *visit_data)
{
        Fake *fake = userdata;

        if (fake->fails)
                return -EIO;
        if (max > fake->most_events)
                fake->most_events = max;
        for (size_t i = since; i < fake->n_committed && max > 0; i++, max--)
                visit(visit_data, &fake->events[i]);
        return 0;
}

static inline ControlOps fake_ops(Fake *fake)
{
        return (ControlOps){
                .status = fake_status,
                .bans = fake_bans,
                .kernel = fake_kernel,
                .covering = fake_covering,
                .why = fake_why,
                .ban = fake_ban,
                .unban = fake_unban,
                .events = fake_events,
                .has_jail = fake_has_jail,
                .userdata = fake,
        };
}

static inline void fake_clear(Fake *fake)
{
        for (size_t i = 0; i < fake->n_events; i++)
                free((void *) (uintptr_t) fake->events[i].json);
        fake->n_events = fake->n_committed = fake->n_bans = 0;
        fake->next_ban = fake->sequence = 0;
}
