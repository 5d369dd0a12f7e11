/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A daemon without firewall and disk behind ControlOps, for the tests and the fuzz target of the control socket. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"
#include "store/private.h"

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
        size_t transactions;            /* lists that went to the kernel */
        size_t forgotten_events;        /* the oldest events that are pruned */
        bool paused;
        AllowRequest last_allow;
        Addr allowed_by_command;        /* family 0: nothing */
        size_t n_allow_entries;         /* of the list besides; from 198.18.0.0 on */
        char attempt_text[EVIDENCE_TEXT_MAX];
        unsigned attempts;
        bool config_is_bad, reload_fails;
        void (*stats_done)(void *done_data, const StoreSummary *summary); /* NULL: nobody waits */
        void *stats_data;
        size_t counted;                 /* how often the store was asked */
        bool reported;                  /* what the last Ban or BanList wanted */
        OutboxJob *jobs;                /* questions to the outbox that wait, oldest first: fake_tell() */
        ClaimAnswer claim_answers[_OUTBOX_LANE_MAX]; /* NULL: nobody waits */
        void *claim_data[_OUTBOX_LANE_MAX];
        char claim_problem[1024];
        size_t claims, cancelled, settled, items; /* how often */
        uint64_t claim, claim_number;   /* what is given out; 0: nothing */
        OutboxKind given;
        size_t n_given, item_fails;     /* item_fails: the one, from 1 on, for which there is no memory */
        size_t n_more_reports;          /* in the outbox, besides the ten */
        bool only_abuseipdb;
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
        static const RuleView rules[] = {
                { "failed-password", "failure", 12345678, 0 },
                { "connection", "helper", 4711, 2 },
                { "a-rule-whose-id-is-as-long-as-an-id-may-be-\xe7\xa9\xba\xe7\xa9\xba\x1b[2J\x1b]0;owned\x07", "end", 1, UINT64_MAX },
                { "pumped", "failure", 0, 1 },
        };
        const BanIncrement increment = { .enabled = true, .factor = 1.5, .max = 604800, .over_host = true, .forget = 86400 };
        const FileView files[] = {
                { .path = "/var/log/auth.log\x1b[2J", .state = "reading", .problem = "", .forgeable = true, .lines = 4711, .rotated = 3,
                  .last_line = FAKE_NOW },
                { .path = "/var/log/secure", .state = "waiting", .problem = "no file matches (yet)", .polled = true, .skew = -3600 },
        };
        const JailView jails[] = {
                { .name = "sshd",
                  .source = "journal and files",
                  .files = files,
                  .n_files = 2,
                  .increment = &increment,
                  .has_own_allow = true,
                  .observed = 12,
                  .filter = "sshd",
                  .mode = "normal",
                  .state = fake->paused ? "paused" : "running",
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
                  .n_journal_matches = 2,
                  .rules = rules,
                  .n_rules = 4,
                  .rules_without_hit = 37 },
                { .name = "nginx-http-auth",
                  .filter = "nginx-http-auth",
                  .source = "journal",
                  .reject = true,
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
                                  .files = 1,
                                  .file_lines = 4711,
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

static inline AllowEntry fake_jail_entry(void)
{
        AllowEntry entry = {
                .until = event_time_add(FAKE_NOW, 3600), .origin = "allow add", .jail = "sshd", .reason = "the office\x1b"
        };

        addr_parse_prefix("192.0.0.0/16", &entry.addr);
        return entry;
}

static inline int fake_exempt(void *userdata, const Addr *inside, AllowVisitor visit, void *visit_data)
{
        Fake *fake = userdata;
        Addr one;
        AllowEntry entry = { .until = EVENT_TIME_FOREVER, .origin = "allow add" };

        addr_parse_prefix("192.0.2.0/24", &one);
        if (addr_contains(inside, &one) && visit(visit_data, fake_allowed(&one)) != 0)
                return 1;
        for (size_t i = 0; i < fake->n_allow_entries; i++) {
                entry.addr = (Addr){ .family = 4, .length = 32, .bytes = { 198, 18, (uint8_t) (i >> 8), (uint8_t) i } };
                if (addr_contains(inside, &entry.addr) && visit(visit_data, &entry) != 0)
                        return 1;
        }
        return 0;
}

#include "control-fake-report.h"

static inline int fake_why(void *userdata, const Addr *addr, void (*visit)(void *visit_data, const WhyView *view),
                           void *visit_data)
{
        Fake *fake = userdata;
        const Ban *bans[8];
        FirewallElement kernel[8];
        bool in_kernel[8];
        WindowEntry entries[] = { { FAKE_NOW, 1, 1, false, 0, "failed-password", fake_evidence[0].text } };
        WindowRecord window = { "sshd", *addr, entries, 1 };
        unsigned count = 1, maxretry = 5;
        AllowEntry own = fake_jail_entry();
        const AllowEntry *allowed[] = { fake_allowed(addr), &own };
        const Ban over = { .id = 99, .jail = "sshd", .addr = *addr, .source = *addr, .start = FAKE_NOW, .until = FAKE_NOW,
                           .first = FAKE_NOW, .failures = 5, .rule = "failed-password", .reason = "", .evidence = fake_evidence,
                           .n_evidence = 2 };
        const PastBan past = { .ban = &over, .ended = FAKE_NOW, .how = "expire" };
        const LevelRecord level = { .jail = "", .addr = *addr, .level = 3, .forgotten = event_time_add(FAKE_NOW, 86400) };
        WhyView view = { .addr = *addr,
                         .allowed = allowed,
                         .n_allowed = allowed[0] ? 2 : 0,
                         .past = &past,
                         .n_past = 1,
                         .levels = &level,
                         .n_levels = 1,
                         .bans = bans,
                         .kernel = kernel,
                         .in_kernel = in_kernel,
                         .windows = &window,
                         .window_counts = &count,
                         .window_maxretry = &maxretry,
                         .n_windows = 1 };
        OutboxEntry reports[4];

        if (fake->fails)
                return -EIO;
        view.reports = reports;
        for (size_t i = 0; view.n_reports < 4 && fake_entry(fake, i, &reports[view.n_reports]); i++)
                view.n_reports += addr_equal(&reports[view.n_reports].addr, addr);
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

static inline int fake_ban_one(Fake *fake, const BanRequest *request, Problem *problem)
{
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
        return 0;
}

static inline int fake_changed(Fake *fake, uint64_t *ret_sequence)
{
        *ret_sequence = fake->sequence;
        if (fake->commits_at_once)
                fake_commit(fake);
        return 0;
}

static inline int fake_ban(void *userdata, const BanRequest *request, bool report, uint64_t *ret_sequence, Problem *problem)
{
        ((Fake *) userdata)->reported = report;

        int r = fake_ban_one(userdata, request, problem);

        return r != 0 ? r : fake_changed(userdata, ret_sequence);
}

static inline int fake_ban_many(void *userdata, const BanRequest *requests, size_t n, bool report, BanAnswer answer, void *answer_data,
                                uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;

        fake->reported = report;

        if (fake->fails)
                return problem_set(problem, -EIO, "the kernel refused: Input/output error");
        fake->transactions++;
        for (size_t i = 0; i < n; i++) {
                Problem one = { 0 };
                int r = fake_ban_one(fake, &requests[i], &one);
                answer(answer_data, i, r, &one);
        }
        return fake_changed(fake, ret_sequence);
}

/* How a report went, as the daemon notes it. */
static inline void fake_report_event(Fake *fake)
{
        EventRecord *record = &fake->events[fake->n_events];
        char *json = NULL;

        if (fake->n_events < FAKE_EVENTS_MAX &&
            asprintf(&json,
                     "{\"id\":%zu,\"time\":\"2026-11-22T07:31:00Z\",\"event\":\"report\",\"report\":17,\"service\":\"abuseipdb\",\"ip\":\"203.0.113.5\","
                     "\"jail\":\"sshd\",\"state\":\"done\",\"status\":200,\"score\":52,\"text\":\"thanks\"}",
                     fake->n_events + 1) >= 0)
                *record = (EventRecord){ .id = ++fake->n_events, .time = FAKE_NOW, .kind = "report", .json = json };
        fake->sequence++;
}

/* An event of the log that is no ban, as the daemon notes them. */
static inline void fake_note(Fake *fake, const char *kind, const char *text)
{
        EventRecord *record = &fake->events[fake->n_events];
        char *json = NULL;

        if (fake->n_events < FAKE_EVENTS_MAX &&
            asprintf(&json, "{\"id\":%zu,\"time\":\"2026-11-22T07:31:00Z\",\"event\":\"%s\",\"text\":\"%s\"}", fake->n_events + 1,
                     kind, text) >= 0)
                *record = (EventRecord){ .id = ++fake->n_events, .time = FAKE_NOW, .kind = kind, .json = json };
        fake->sequence++;
}

static inline int fake_allow_add(void *userdata, const AllowRequest *request, BanVisitor visit, void *visit_data,
                                 uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;
        size_t kept = 0;

        if (fake->fails)
                return problem_set(problem, -EIO, "the kernel refused: Input/output error");
        fake->last_allow = *request;
        snprintf(fake->reason, sizeof fake->reason, "%s", request->reason);
        snprintf(fake->by, sizeof fake->by, "%s", request->by);
        fake->allowed_by_command = request->addr;
        for (size_t i = 0; i < fake->n_bans; i++) {
                Ban ban = fake->bans[i];

                if (!addr_contains(&request->addr, &ban.addr)) {
                        fake->bans[kept++] = ban;
                        continue;
                }
                visit(visit_data, &ban);
                fake_event(fake, BAN_EVENT_UNBAN, &ban, request->by);
        }
        fake->n_bans = kept;
        fake_note(fake, "allow", "something, by somebody");
        return fake_changed(fake, ret_sequence);
}

static inline int fake_allow_remove(void *userdata, const Addr *addr, const char *by, uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;

        if (!addr_equal(addr, &fake->allowed_by_command))
                return problem_set(problem, BAN_E_NO_ENTRY, "bailiff.yaml:3:9 allows it; remove it there, then: bailiffctl reload");
        snprintf(fake->by, sizeof fake->by, "%s", by);
        fake->allowed_by_command = ADDR_NULL;
        fake_note(fake, "disallow", "something, by somebody");
        return fake_changed(fake, ret_sequence);
}

static inline int fake_allow_list(void *userdata, AllowViewVisitor visit, void *visit_data)
{
        Fake *fake = userdata;
        AllowEntry own = fake_jail_entry(), entry = { .until = EVENT_TIME_FOREVER, .origin = "/etc/bailiff/office" };
        AllowView view = { .entry = &own, .group = "config" };

        if (fake->fails)
                return -EIO;
        if (visit(visit_data, &view) != 0)
                return 1;
        view = (AllowView){ .entry = &entry, .group = "file /etc/bailiff/office", .in_kernel = true };
        for (size_t i = 0; i < fake->n_allow_entries; i++) {
                entry.addr = (Addr){ .family = 4, .length = 32, .bytes = { 198, 18, (uint8_t) (i >> 8), (uint8_t) i } };
                entry.origin = i == 1 ? "/etc/bailiff/\x1b[2J/a/path/that/no/table/shows/in/full/of/all/networks/jails.d/office.allow:12345" : "/etc/bailiff/office";
                if (visit(visit_data, &view) != 0)
                        return 1;
        }
        return 0;
}

static inline int fake_attempt(void *userdata, const char *jail, const Addr *addr, const char *text, unsigned *ret_count,
                               bool *ret_banned, uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;

        if (fake->fails)
                return problem_set(problem, -EIO, "out of memory");
        snprintf(fake->attempt_text, sizeof fake->attempt_text, "%s", text);
        *ret_count = ++fake->attempts % 5;
        *ret_banned = *ret_count == 0;
        if (*ret_banned) {
                Addr key = addr_ban_key(addr, 64);
                fake_add(fake, jail, &key, BAN_AUTOMATIC, event_time_add(FAKE_NOW, 86400));
        }
        return fake_changed(fake, ret_sequence);
}

static inline int fake_pause(void *userdata, const char *jail, bool pause, const char *by, bool *ret_changed,
                             uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;

        if (fake->fails)
                return problem_set(problem, -ENOMEM, "out of memory");
        snprintf(fake->by, sizeof fake->by, "%s", by);
        *ret_changed = fake->paused != pause;
        fake->paused = pause;
        if (*ret_changed)
                fake_note(fake, pause ? "pause" : "resume", jail);
        return fake_changed(fake, ret_sequence);
}

static inline int fake_reload(void *userdata, bool check, void (*visit)(void *visit_data, const ReloadView *view),
                              void *visit_data, uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;
        static const char *const changes[] = { "jail sshd: maxretry 5 -> 3", "jail nginx-http-auth: removed" };
        const ReloadView view = { .changes = changes, .n_changes = 2, .bans_lifted = 7, .windows_dropped = 1 };

        if (fake->config_is_bad)
                return problem_set(problem, -EINVAL, "/etc/bailiff/bailiff.yaml:3:9: unknown key \"maxretrys\", did you mean \"maxretry\"?");
        if (fake->reload_fails)
                return problem_set(problem, -ENOMEM, "out of memory");
        visit(visit_data, &view);
        if (check)
                return 0;
        fake_note(fake, "reload", changes[0]);
        return fake_changed(fake, ret_sequence);
}

static inline int fake_stats(void *userdata, void (*done)(void *done_data, const StoreSummary *summary), void *done_data)
{
        Fake *fake = userdata;

        if (fake->fails || fake->stats_done)
                return -EAGAIN;
        fake->stats_done = done;
        fake->stats_data = done_data;
        fake->counted++;
        return 0;
}

/* The store has counted. */
static inline void fake_counted(Fake *fake, bool readable)
{
        static const StoreCount jails[] = { { "sshd", 5, 60, 700 } }, addresses[] = { { "203.0.113.5", 1, 2, 3 } };
        const StoreSummary summary = { .since = FAKE_NOW, .bans_known = 4711, .events = 99, .bytes = 123456, .jails = jails,
                                       .n_jails = 1, .addresses = addresses, .n_addresses = 1 };
        void (*done)(void *done_data, const StoreSummary *summary) = fake->stats_done;

        fake->stats_done = NULL;
        if (done)
                done(fake->stats_data, readable ? &summary : NULL);
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
        return fake_changed(fake, ret_sequence);
}

static inline int fake_events(void *userdata, uint64_t since, size_t max,
                              int (*visit)(void *visit_data, const EventRecord *record), void *visit_data)
{
        Fake *fake = userdata;

        if (fake->fails)
                return -EIO;
        if (max > fake->most_events)
                fake->most_events = max;
        for (size_t i = since > fake->forgotten_events ? since : fake->forgotten_events; i < fake->n_committed && max > 0; i++, max--)
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
                .ban_many = fake_ban_many,
                .exempt = fake_exempt,
                .unban = fake_unban,
                .events = fake_events,
                .has_jail = fake_has_jail,
                .allow_add = fake_allow_add,
                .allow_remove = fake_allow_remove,
                .allow_list = fake_allow_list,
                .attempt = fake_attempt,
                .pause = fake_pause,
                .reload = fake_reload,
                .stats = fake_stats,
                .claim = fake_claim_waits,
                .claim_cancel = fake_claim_cancel,
                .claim_item = fake_claim_item,
                .outbox = fake_outbox,
                .report_service = fake_report_service,
                .preview = fake_preview,
                .userdata = fake,
        };
}

static inline void fake_clear(Fake *fake)
{
        for (size_t i = 0; i < fake->n_events; i++)
                free((void *) (uintptr_t) fake->events[i].json);
        fake_counted(fake, false);
        while (fake->jobs) /* whoever asked is gone, and has been forgotten */
                fake_tell(fake);
        fake->n_events = fake->n_committed = fake->n_bans = 0;
        fake->next_ban = fake->sequence = 0;
}
