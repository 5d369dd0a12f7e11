/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The fake daemon's reports: an outbox that is a table, a courier's claims that
 * wait, and questions that are answered when a test says so. Included by
 * control-fake.h. Questions wait as the store's own, so who lets go of one too
 * early, or not at all, is found out.
 */

static const char fake_receipt[] = "Unable \x1b[2J to process \xe7\xa9\xba the address; a service may say whatever it likes and at any length";

/* Return: false behind the last one. */
static inline bool fake_entry(const Fake *fake, size_t i, OutboxEntry *ret_entry)
{
        static const struct {
                OutboxKind kind;
                OutboxState state;
                const char *addr, *receipt, *remote;
                int status, score;
                unsigned attempts;
                bool maybe;
        } rows[] = {
                { OUTBOX_REPORT, OUTBOX_DONE, "203.0.113.5", "", "", 200, 52, 1, false },
                { OUTBOX_VOTE, OUTBOX_DONE, "203.0.113.5", "already voted", "", 409, -1, 2, true },
                { OUTBOX_COMMENT, OUTBOX_UNKNOWN, "203.0.113.5", "nobody has said how it went", "", 0, -1, 1, true },
                { OUTBOX_REPORT, OUTBOX_REFUSED, "2001:db8:ffff:ffff:ffff:ffff:ffff:fff1", fake_receipt, "", 422, -1, 1, false },
                { OUTBOX_COMMENT, OUTBOX_DONE, "203.0.113.5", "", "i-203.0.113.5-0123abcd", 200, -1, 1, false },
                { OUTBOX_REPORT, OUTBOX_QUEUED, "198.51.100.7", "no answer", "", 0, -1, 3, true },
                { OUTBOX_REPORT, OUTBOX_IN_FLIGHT, "198.51.100.8", "", "", 0, -1, 1, false },
                { OUTBOX_CLEAR, OUTBOX_QUEUED, "198.51.100.7", "", "", 0, -1, 0, false },
                { OUTBOX_VOTE, OUTBOX_EXPIRED, "198.51.100.9", "", "", 0, -1, 0, false },
                { OUTBOX_VOTE, OUTBOX_DROPPED, "198.51.100.9", "dropped by hand", "", 0, -1, 0, false },
        };
        const size_t n_rows = sizeof rows / sizeof *rows;
        size_t row = i < n_rows ? i : 0;
        bool settled = rows[row].state != OUTBOX_QUEUED && rows[row].state != OUTBOX_IN_FLIGHT;

        if (i >= n_rows + fake->n_more_reports)
                return false;
        *ret_entry = (OutboxEntry){
                .id = i + 1,
                .ban_id = i % 3,
                .row = { .kind = rows[row].kind, .state = rows[row].state, .attempts = rows[row].attempts, .maybe = rows[row].maybe,
                         .first_try = rows[row].attempts > 0 ? FAKE_NOW : EVENT_TIME_NONE,
                         .next_try = rows[row].attempts > 1 && !settled ? event_time_add(clock_event_now(), 3690) : EVENT_TIME_NONE },
                .jail = rows[row].kind == OUTBOX_CLEAR ? "" : "sshd",
                .attack = FAKE_NOW,
                .first = FAKE_NOW,
                .added = FAKE_NOW,
                .settled = settled ? FAKE_NOW : EVENT_TIME_NONE,
                .failures = rows[row].kind == OUTBOX_REPORT ? 5 : 0,
                .status = rows[row].status,
                .score = rows[row].score,
                .receipt = rows[row].receipt,
                .remote = rows[row].remote,
                .categories = rows[row].kind == OUTBOX_REPORT && settled ? "18,22" : "",
                .comment = settled ? "Visit: https://www.example.com/" : "",
        };
        if (i < n_rows)
                addr_parse_prefix(rows[row].addr, &ret_entry->addr);
        else
                ret_entry->addr = (Addr){ .family = 4, .length = 32, .bytes = { 198, 19, (uint8_t) (i >> 8), (uint8_t) i } };
        return true;
}

static inline bool fake_may_retry(OutboxState state)
{
        return state != OUTBOX_DONE && state != OUTBOX_IN_FLIGHT;
}

static inline void fake_list(const Fake *fake, const OutboxRequest *request, OutboxResult *result)
{
        size_t n = 0;
        OutboxEntry entry;

        while (fake_entry(fake, n, &entry)) {
                result->counts[entry.row.kind][entry.row.state]++;
                n++;
        }
        result->entries = arena_alloc(result->arena, (n + 1) * sizeof *result->entries);
        while (n > 0 && result->n_entries < request->max && fake_entry(fake, --n, &entry)) {
                if ((request->before > 0 && entry.id >= request->before) || (request->state >= 0 && (int) entry.row.state != request->state) ||
                    (request->lane_only >= 0 && (int) outbox_kind_lane(entry.row.kind) != request->lane_only) ||
                    (request->addr.family != 0 && !addr_equal(&request->addr, &entry.addr)))
                        continue;
                result->entries[result->n_entries++] = entry;
        }
        result->budgets[OUTBOX_ABUSEIPDB_REPORT] = (OutboxBudget){ .used = 120, .remaining = 870, .resets = event_time_add(clock_event_now(), 7230), .reason = OUTCOME_DONE };
        result->budgets[OUTBOX_ABUSEIPDB_CLEAR] = (OutboxBudget){ .used = 1, .remaining = -1, .resets = event_time_add(clock_event_now(), 7230), .text = "an error\x1b[31m" };
        result->budgets[OUTBOX_VIRUSTOTAL_ALL] = (OutboxBudget){ .used = 500, .remaining = -1, .resets = event_time_add(clock_event_now(), 7230),
                                                                 .blocked = event_time_add(clock_event_now(), 7230), .reason = OUTCOME_QUOTA, .text = "Quota exceeded" };
}

static inline void fake_change(const Fake *fake, const OutboxRequest *request, OutboxResult *result)
{
        OutboxEntry entry;

        for (size_t i = 0; fake_entry(fake, i, &entry); i++) {
                bool same = request->addr.family != 0 && addr_equal(&request->addr, &entry.addr);

                if (request->op == OUTBOX_RETRY)
                        result->changed += request->id == 0 ? entry.row.attempts > 1 && entry.row.state == OUTBOX_QUEUED
                                                            : entry.id == request->id && fake_may_retry(entry.row.state);
                else if (entry.row.state == OUTBOX_QUEUED && entry.row.kind != OUTBOX_CLEAR)
                        result->changed += same || (request->n_ids == 1 && request->ids[0] == entry.id);
                if (request->op == OUTBOX_RETRACT && same && entry.row.state == OUTBOX_DONE) {
                        result->clears = result->clears || entry.row.kind == OUTBOX_REPORT;
                        result->deletes = result->deletes || *entry.remote;
                }
        }
}

/* Answers the oldest question; `fake->jobs` names it before. */
static inline void fake_tell(Fake *fake)
{
        OutboxJob *job = fake->jobs;
        OutboxResult *result = calloc(1, sizeof *result);

        if (!job || !result || !(result->arena = arena_new()))
                abort();
        fake->jobs = job->next;
        job->result = result;
        if (job->request.op == OUTBOX_LIST) {
                fake_list(fake, &job->request, result);
        } else if (job->request.op == OUTBOX_SETTLE) {
                result->r = job->request.claim != 0 && job->request.claim == fake->claim ? 0 : OUTBOX_E_NO_CLAIM;
                fake->claim = result->r == 0 ? 0 : fake->claim;
                fake->settled += result->r == 0;
        } else {
                fake_change(fake, &job->request, result);
        }
        outbox_job_deliver(job);
        outbox_job_free(job);
}

static inline int fake_outbox(void *userdata, const OutboxRequest *request, OutboxAnswerer done, void *done_data, OutboxWaiter **ret_waiter)
{
        Fake *fake = userdata;
        OutboxJob *job = fake->fails ? NULL : outbox_job_new(request, done, done_data), **end = &fake->jobs;

        if (!job)
                return -ENOMEM;
        if (ret_waiter)
                *ret_waiter = job->waiter;
        while (*end)
                end = &(*end)->next;
        *end = job;
        return 0;
}

static inline void fake_claim_waits(void *userdata, OutboxLane lane, const char *problem, ClaimAnswer answer, void *answer_data)
{
        Fake *fake = userdata;
        ClaimAnswer waiting = fake->claim_answers[lane];

        fake->claim_answers[lane] = NULL;
        if (waiting)
                waiting(fake->claim_data[lane], NULL);
        fake->claim_answers[lane] = answer;
        fake->claim_data[lane] = answer_data;
        snprintf(fake->claim_problem, sizeof fake->claim_problem, "%s", problem);
        fake->claims++;
}

static inline void fake_claim_cancel(void *userdata, OutboxLane lane, const void *answer_data)
{
        Fake *fake = userdata;

        if (!fake->claim_answers[lane] || fake->claim_data[lane] != answer_data)
                abort(); /* nobody waits so */
        fake->claim_answers[lane] = NULL;
        fake->cancelled++;
}

/* Something is due: @n reports, or 0: nothing for half a minute. */
static inline void fake_work(Fake *fake, OutboxLane lane, OutboxKind kind, const char *word, size_t n)
{
        ClaimAnswer answer = fake->claim_answers[lane];
        const ClaimView view = { .claim = n > 0 ? ++fake->claim_number : 0, .kind = word, .n_items = n };

        fake->claim_answers[lane] = NULL;
        fake->given = kind;
        fake->n_given = n;
        fake->claim = view.claim;
        if (answer)
                answer(fake->claim_data[lane], n > 0 ? &view : NULL);
}

static inline bool fake_claim_item(void *userdata, OutboxLane lane, uint64_t claim, size_t i, ReportView *ret_item)
{
        Fake *fake = userdata;
        bool deletes = fake->given == OUTBOX_DELETE, votes = fake->given == OUTBOX_VOTE, clears = fake->given == OUTBOX_CLEAR;

        if (i >= fake->n_given || (fake->item_fails > 0 && i + 1 == fake->item_fails))
                return false;
        fake->items++;
        *ret_item = (ReportView){
                .id = 1000 + i,
                .kind = fake->given,
                .addr = { .family = 4, .length = 32, .bytes = { 198, 51, (uint8_t) (i >> 8), (uint8_t) i } },
                .comment = deletes || votes || clears ? NULL : strdup("it's \"quoted\",\nand \xe2\x82\xac"),
                .categories = fake->given == OUTBOX_REPORT ? "18,22" : NULL,
                .verdict = votes ? "malicious" : NULL,
                .remote = deletes ? "i-203.0.113.5-0123abcd" : NULL,
                .time = fake->given == OUTBOX_REPORT ? FAKE_NOW : EVENT_TIME_NONE,
                .again = i == 1,
        };
        return true;
}

static inline void fake_report_service(void *userdata, OutboxLane lane, ReportServiceView *ret_view)
{
        const Fake *fake = userdata;

        *ret_view = (ReportServiceView){ .configured = lane == OUTBOX_ABUSEIPDB || !fake->only_abuseipdb,
                                         .problem = lane == OUTBOX_VIRUSTOTAL ? "the key's file cannot be read: \x1b[2J; mend it" : "",
                                         .has_courier = lane == OUTBOX_ABUSEIPDB };
        if (ret_view->configured) {
                ret_view->terms[OUTBOX_ABUSEIPDB_REPORT].daily = 1000;
                ret_view->terms[OUTBOX_ABUSEIPDB_BULK].daily = 5;
                ret_view->terms[OUTBOX_ABUSEIPDB_CLEAR].daily = 5;
                ret_view->terms[OUTBOX_VIRUSTOTAL_ALL] = (OutboxTerms){ 500, 4 };
        }
}

static inline int fake_preview(void *userdata, const char *jail, const Addr *addr, void (*visit)(void *visit_data, const ReportView *view), void *visit_data,
                               Problem *problem)
{
        const Fake *fake = userdata;
        char report[] = "5 failures\n\xe7\xa9\xba \x1b[2J of a length that no line of a terminal with eighty columns could ever hold, as people do write them", comment[] = "#ssh";
        const ReportView views[] = {
                { .kind = OUTBOX_REPORT, .addr = *addr, .comment = report, .categories = "18,22", .time = FAKE_NOW },
                { .kind = OUTBOX_VOTE, .addr = *addr, .verdict = "malicious", .time = EVENT_TIME_NONE },
                { .kind = OUTBOX_COMMENT, .addr = *addr, .comment = comment, .time = EVENT_TIME_NONE },
        };

        if (fake->fails)
                return problem_set(problem, BAN_E_NO_JAIL, "the jail \"%s\" does not run; enable it first", jail);
        if (strcmp(jail, "sshd") != 0) {
                problem_set(problem, 0, "the jail reports nothing; write report: { abuseipdb: true } in it");
                return 0;
        }
        if (fake_allowed(addr))
                problem_set(problem, 0, "the address is allowed, so it is never reported");
        for (size_t i = 0; i < 3; i++)
                visit(visit_data, &views[i]);
        return 0;
}
