/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The outbox on disk: what is entered, given out, taken back and settled. */

#include "test-store.h"

#define DAY INT64_C(86400)
#define HOUR INT64_C(3600)
#define AT(seconds) event_time_add(NOW, seconds)

static sd_event *event;
static Store *store;
static const char *directory;
static Seen seen;
static OutboxResult *answer; /* of the last question */

static void on_answer(void *userdata, OutboxResult *result)
{
        check(!answer);
        answer = result;
}

/* Asks, and waits for the answer. */
static const OutboxResult *question(OutboxRequest request)
{
        answer = outbox_result_free(answer);
        check_int(store_ask_outbox(store, &request, on_answer, NULL, NULL), 0);
        store_submit(store);
        run_until(event, answer);
        check(answer);
        return answer;
}

static const OutboxResult *claim_with(OutboxLane lane, int64_t seconds, int64_t daily)
{
        return question((OutboxRequest){ .op = OUTBOX_CLAIM,
                                         .now = AT(seconds),
                                         .lane = lane,
                                         .terms = { { .daily = daily }, { .daily = 5 }, { .daily = 5 }, { .daily = 500, .per_minute = 4 } } });
}

static const OutboxResult *claim(OutboxLane lane, int64_t seconds)
{
        return claim_with(lane, seconds, 1000);
}

static const OutboxResult *settle(uint64_t number, OutboxOutcome outcome, int64_t seconds)
{
        return question((OutboxRequest){ .op = OUTBOX_SETTLE,
                                         .now = AT(seconds),
                                         .claim = number,
                                         .answer = { .outcome = outcome,
                                                     .status = 200,
                                                     .score = outcome == OUTCOME_DONE ? 52 : -1,
                                                     .text = "as the service said",
                                                     .remote = "",
                                                     .limit = -1,
                                                     .remaining = -1,
                                                     .retry_after = -1,
                                                     .reset = -1 },
                                         .categories = "18,22",
                                         .comment = "Visit: https://www.example.com/" });
}

static void put(OutboxKind kind, const char *addr, uint64_t ban_id, int64_t seconds)
{
        store_put_outbox(store, &(OutboxRecord){ .kind = kind,
                                                 .ban_id = ban_id,
                                                 .addr = address(addr),
                                                 .jail = "sshd",
                                                 .now = AT(seconds),
                                                 .attack = AT(seconds),
                                                 .first = AT(seconds - 60),
                                                 .failures = 5,
                                                 .window = kind == OUTBOX_REPORT ? DAY : 365 * DAY });
}

static void open_again(void)
{
        store_free(store);
        store = open_store(directory);
        start(store, event, &seen);
}

static void begin(void)
{
        directory = new_directory();
        store = open_store(directory);
        start(store, event, &seen);
}

static void end(void)
{
        answer = outbox_result_free(answer);
        store = store_free(store);
        remove_tree(directory);
}

static long long rows(const char *condition)
{
        char sql[256];

        snprintf(sql, sizeof sql, "SELECT count(*) FROM outbox WHERE %s", condition);
        return ask(directory, sql);
}

/* What was claimed of a database that was lost settles nothing in the one that took its place. */
static void test_other_database(void)
{
        uint64_t old;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        old = claim(OUTBOX_ABUSEIPDB, 0)->claim;
        end();
        begin();
        put(OUTBOX_VOTE, "203.0.113.6", 2, 10);
        check_int(claim(OUTBOX_VIRUSTOTAL, 10)->n_entries, 1);
        check_int(settle(old, OUTCOME_DONE, 11)->r, OUTBOX_E_NO_CLAIM);
        check_int(rows("state = 'in-flight'"), 1);
        end();
}

/* From the ban to the receipt, over a restart. */
static void test_way(void)
{
        const OutboxResult *result;
        uint64_t number;

        begin();
        put_ban(store, 7, "203.0.113.5", EVENT_TIME_FOREVER);
        put(OUTBOX_REPORT, "203.0.113.5", 7, 0);
        check_int(store_flush(store, 5000), 0);
        check_int(rows("state = 'queued' AND ban = 7 AND failures = 5"), 1);
        open_again();
        result = claim(OUTBOX_ABUSEIPDB, 1);
        number = result->claim;
        check(number > 0 && !result->bulk && result->lost == 0);
        check_int(result->n_entries, 1);
        check_int(result->entries[0].n_lines, 1);
        check_text(result->entries[0].lines[0], "Failed password for root");
        check_text(result->entries[0].jail, "sshd");
        check(result->entries[0].row.state == OUTBOX_IN_FLIGHT && result->entries[0].row.kind == OUTBOX_REPORT);
        check_int(rows("state = 'in-flight' AND attempts = 1"), 1);
        result = settle(number, OUTCOME_DONE, 2);
        check_int(result->r, 0);
        check_int(result->n_entries, 1);
        check_int(rows("state = 'done' AND score = 52 AND status = 200 AND categories = '18,22' AND comment LIKE 'Visit%' AND settled IS NOT NULL"), 1);
        /* A second word is nobody's. */
        check_int(settle(number, OUTCOME_DONE, 3)->r, OUTBOX_E_NO_CLAIM);
        check_int(settle(12345, OUTCOME_DONE, 3)->r, OUTBOX_E_NO_CLAIM);
        /* Nothing else is due, ever. */
        result = claim(OUTBOX_ABUSEIPDB, 4);
        check_int(result->claim, 0);
        check_int(result->next.usec, EVENT_TIME_FOREVER.usec);
        end();
}

/* One waiting row for an address; the next one waits for the window's end; what VirusTotal was told is not told again. */
static void test_window(void)
{
        const OutboxResult *result;

        begin();
        for (int i = 0; i < 5; i++) {
                put(OUTBOX_REPORT, "203.0.113.5", (uint64_t) i + 1, i);
                put(OUTBOX_VOTE, "203.0.113.5", (uint64_t) i + 1, i);
        }
        check_int(store_flush(store, 5000), 0);
        check_int(rows("1"), 2);
        check_int(rows("ban = 5"), 2);
        settle(claim(OUTBOX_ABUSEIPDB, 10)->claim, OUTCOME_DONE, 11);
        settle(claim(OUTBOX_VIRUSTOTAL, 10)->claim, OUTCOME_DONE, 11);
        put(OUTBOX_REPORT, "203.0.113.5", 9, 20);
        put(OUTBOX_VOTE, "203.0.113.5", 9, 20);
        put(OUTBOX_REPORT, "203.0.113.6", 10, 20);
        result = claim(OUTBOX_ABUSEIPDB, 30);
        check_int(result->n_entries, 1);
        check_int(result->entries[0].ban_id, 10);
        settle(result->claim, OUTCOME_DONE, 31);
        result = claim(OUTBOX_ABUSEIPDB, 40);
        check_int(result->claim, 0);
        check_int(result->next.usec, AT(10 + DAY).usec);
        /* Until then later attacks go into the same row. */
        put(OUTBOX_REPORT, "203.0.113.5", 11, 5000);
        result = claim(OUTBOX_ABUSEIPDB, 10 + DAY);
        check_int(result->n_entries, 1);
        check_int(result->entries[0].ban_id, 11);
        check_int(rows("service = 'virustotal-vote'"), 1);
        put(OUTBOX_VOTE, "203.0.113.5", 12, 10 + 365 * DAY);
        check_int(store_flush(store, 5000), 0);
        check_int(rows("service = 'virustotal-vote'"), 2);
        end();
}

/* The service was down for days: the window begins with the try that got through, and what happens meanwhile is one report. */
static void test_window_after_failures(void)
{
        const OutboxResult *result;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        settle(claim(OUTBOX_ABUSEIPDB, 0)->claim, OUTCOME_FAILED, 1);
        put(OUTBOX_REPORT, "203.0.113.5", 2, DAY + HOUR);
        check_int(store_flush(store, 5000), 0);
        check_int(rows("1"), 1);
        check_int(rows("ban = 2 AND attempts = 1"), 1);
        result = claim(OUTBOX_ABUSEIPDB, 2 * DAY);
        check_int(result->n_entries, 1);
        settle(result->claim, OUTCOME_DONE, 2 * DAY + 1);
        put(OUTBOX_REPORT, "203.0.113.5", 3, 2 * DAY + HOUR);
        result = claim(OUTBOX_ABUSEIPDB, 2 * DAY + HOUR);
        check_int(result->claim, 0);
        check_int(result->next.usec, AT(3 * DAY).usec);
        end();
}

/* Rows of the clock's own time: what is entered carries it. */
static int64_t present(void)
{
        return (clock_event_now().usec - NOW.usec) / USEC_PER_SEC;
}

/* The clock went from years ahead back to the present: rows wait as long as they would have waited, and what was told then counts as told now. */
static void test_set_back(void)
{
        const int64_t now = present(), ahead = now + 5000 * DAY;
        const OutboxResult *result;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, ahead);
        put(OUTBOX_REPORT, "203.0.113.6", 2, ahead);
        put(OUTBOX_REPORT, "203.0.113.7", 3, ahead);
        settle(claim(OUTBOX_ABUSEIPDB, ahead)->claim, OUTCOME_DONE, ahead + 1);
        settle(claim(OUTBOX_ABUSEIPDB, ahead + 2)->claim, OUTCOME_UNCERTAIN, ahead + 3);
        settle(claim(OUTBOX_ABUSEIPDB, ahead + 60)->claim, OUTCOME_FAILED, ahead + 61);
        check_int(rows("state = 'queued'"), 2);
        put(OUTBOX_REPORT, "203.0.113.5", 4, now);
        result = claim(OUTBOX_ABUSEIPDB, now);
        check_int(rows("state = 'unknown' AND address = '203.0.113.6'"), 1);
        check_int(result->lost, 1);
        check_int(result->n_entries, 1);
        check_int(result->entries[0].ban_id, 3);
        settle(result->claim, OUTCOME_DONE, now + 1);
        result = claim(OUTBOX_ABUSEIPDB, now + 2);
        check_int(result->claim, 0);
        check(event_time_before(result->next, AT(now + DAY + 60)));
        check_int(claim(OUTBOX_ABUSEIPDB, now + DAY + 60)->n_entries, 1);
        end();
}

/* Whoever lifts a ban by hand takes back what it was to tell; a ban that expires, or one that is made anew, tells it. */
static void test_lifted(void)
{
        const OutboxResult *result;

        begin();
        for (uint64_t id = 1; id <= 5; id++) {
                char addr[32];

                snprintf(addr, sizeof addr, "203.0.113.%d", (int) id);
                put_ban(store, id, addr, EVENT_TIME_FOREVER);
                put(OUTBOX_REPORT, addr, id, (int64_t) id);
        }
        store_end_ban(store, 1, NOW, "unban"); /* in one batch with the ban */
        store_end_ban(store, 2, NOW, "expire");
        check_int(store_flush(store, 5000), 0);
        check_int(rows("address = '203.0.113.1' AND state = 'dropped' AND settled IS NOT NULL AND receipt <> ''"), 1);
        check_int(rows("state = 'queued'"), 4);
        put(OUTBOX_VOTE, "203.0.113.3", 3, 3);
        settle(claim(OUTBOX_ABUSEIPDB, 10)->claim, OUTCOME_DONE, 11); /* ban 2 */
        result = claim(OUTBOX_ABUSEIPDB, 12);
        check_int(result->entries[0].ban_id, 3);
        store_end_ban(store, 3, NOW, "unban"); /* while it is under way */
        check_int(store_flush(store, 5000), 0);
        check_int(rows("ban = 3 AND state = 'in-flight'"), 1);
        check_int(rows("ban = 3 AND state = 'dropped'"), 1);
        settle(result->claim, OUTCOME_FAILED, 13);
        check_int(rows("ban = 3 AND state = 'dropped'"), 2);
        settle(claim(OUTBOX_ABUSEIPDB, 60)->claim, OUTCOME_UNCERTAIN, 61); /* ban 4: it may have arrived */
        store_end_ban(store, 4, NOW, "unban");
        store_end_ban(store, 5, NOW, "unban");
        put_ban(store, 6, "203.0.113.5", EVENT_TIME_FOREVER);
        put(OUTBOX_REPORT, "203.0.113.5", 6, 70);
        check_int(store_flush(store, 5000), 0);
        check_int(rows("ban = 4 AND state = 'unknown'"), 1);
        check_int(rows("ban = 6 AND state = 'queued'"), 1);
        check_int(rows("state = 'queued'"), 1);
        /* By hand it goes all the same. */
        check_int(question((OutboxRequest){ .op = OUTBOX_RETRY, .now = AT(900), .id = 1 })->changed, 1);
        check_int(rows("ban = 1 AND state = 'queued'"), 1);
        end();
}

/* The carrier is gone: within 14 minutes a report goes again, later it is unknown, as a comment is at once. */
static void test_lost(void)
{
        const OutboxResult *result;
        uint64_t first;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        put(OUTBOX_COMMENT, "203.0.113.5", 1, 0);
        put(OUTBOX_VOTE, "203.0.113.5", 1, 0);
        first = claim(OUTBOX_ABUSEIPDB, 0)->claim;
        open_again();
        result = claim(OUTBOX_ABUSEIPDB, 600);
        check(result->claim > first && result->entries[0].row.maybe && result->entries[0].row.attempts == 2);
        /* The first carrier comes back with its word: too late, another one has the report. */
        check_int(settle(first, OUTCOME_DONE, 601)->r, OUTBOX_E_NO_CLAIM);
        result = claim(OUTBOX_ABUSEIPDB, 841);
        check_int(result->claim, 0);
        check_int(result->lost, 1);
        check_int(rows("state = 'unknown' AND service = 'abuseipdb'"), 1);

        first = claim(OUTBOX_VIRUSTOTAL, 0)->claim; /* the comment, since it is older */
        result = claim(OUTBOX_VIRUSTOTAL, 20);
        check_int(result->lost, 1);
        check_int(result->entries[0].row.kind, OUTBOX_VOTE);
        check_int(rows("state = 'unknown' AND service = 'virustotal-comment'"), 1);
        /* Its word comes late, and is welcome. */
        check_int(settle(first, OUTCOME_DONE, 21)->r, 0);
        check_int(rows("state = 'done' AND service = 'virustotal-comment'"), 1);
        first = result->claim;
        result = claim(OUTBOX_VIRUSTOTAL, 20 + 10 * DAY);
        check(result->claim > 0 && result->entries[0].row.kind == OUTBOX_VOTE && result->entries[0].row.maybe);
        end();
}

/* A row that waited too long after an unclear answer is given up without being claimed. */
static void test_give_up(void)
{
        const OutboxResult *result;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        settle(claim(OUTBOX_ABUSEIPDB, 0)->claim, OUTCOME_UNCERTAIN, 1);
        result = claim(OUTBOX_ABUSEIPDB, 10);
        check_int(result->claim, 0);
        check_int(result->next.usec, AT(61).usec); /* the service's 30 s and the row's minute */
        result = claim(OUTBOX_ABUSEIPDB, 840);
        check_int(result->lost, 1);
        check_int(rows("state = 'unknown'"), 1);
        /* By hand it goes again, as a new one. */
        check_int(question((OutboxRequest){ .op = OUTBOX_RETRY, .now = AT(900), .id = 1 })->changed, 1);
        result = claim(OUTBOX_ABUSEIPDB, 901);
        check(result->n_entries == 1 && !result->entries[0].row.maybe && result->entries[0].row.attempts == 1);
        end();
}

static void test_budget(void)
{
        const OutboxResult *result;

        begin();
        for (int i = 0; i < 4; i++) {
                char addr[32];

                snprintf(addr, sizeof addr, "203.0.113.%d", i + 1);
                put(OUTBOX_VOTE, addr, (uint64_t) i + 1, 0);
        }
        settle(claim(OUTBOX_VIRUSTOTAL, 0)->claim, OUTCOME_DONE, 0);
        result = claim(OUTBOX_VIRUSTOTAL, 1);
        check_int(result->claim, 0);
        check_int(result->next.usec, AT(15).usec);
        open_again(); /* kept */
        check_int(claim(OUTBOX_VIRUSTOTAL, 14)->claim, 0);
        settle(claim(OUTBOX_VIRUSTOTAL, 15)->claim, OUTCOME_KEY, 15);
        result = claim(OUTBOX_VIRUSTOTAL, 40);
        check_int(result->claim, 0);
        check_int(result->next.usec, AT(15 + HOUR).usec);
        check_int(question((OutboxRequest){ .op = OUTBOX_LIST, .now = AT(41) })->counts[OUTBOX_VOTE][OUTBOX_QUEUED], 3);
        check_int(answer->budgets[OUTBOX_VIRUSTOTAL_ALL].used, 2);
        check_int(answer->budgets[OUTBOX_VIRUSTOTAL_ALL].reason, OUTCOME_KEY);
        question((OutboxRequest){ .op = OUTBOX_UNBLOCK, .now = AT(42) });
        check(claim(OUTBOX_VIRUSTOTAL, 42)->claim > 0);
        end();
}

/* ---- bulk ---- */

static void put_many(int from, int n)
{
        char addr[32];

        for (int i = from; i < from + n; i++) {
                snprintf(addr, sizeof addr, "198.51.%d.%d", 100 + i / 250, i % 250 + 1);
                put(OUTBOX_REPORT, addr, (uint64_t) i + 1, 0);
        }
}

static void test_bulk(void)
{
        const OutboxResult *result;
        OutboxRowError errors[3];
        uint64_t number;
        int64_t now;

        begin();
        now = present();
        for (int i = 0; i < 30; i++) {
                char addr[32];

                snprintf(addr, sizeof addr, "198.51.100.%d", i + 1);
                put(OUTBOX_REPORT, addr, (uint64_t) i + 1, now);
        }
        check_int(store_flush(store, 5000), 0);
        now = present();
        /* 30 are due and 10 may go today: they are gathered for a minute, and nothing goes meanwhile. */
        result = claim_with(OUTBOX_ABUSEIPDB, now + 1, 10);
        check_int(result->claim, 0);
        check(result->next.usec > AT(now + 50).usec && result->next.usec < AT(now + 70).usec);
        result = claim_with(OUTBOX_ABUSEIPDB, now + 70, 10);
        check(result->claim > 0 && result->bulk);
        check_int(result->n_entries, 30);
        check_int(result->entries[0].n_lines, 0);
        number = result->claim;
        for (int i = 0; i < 3; i++)
                errors[i] = (OutboxRowError){ result->entries[i + 4].id, i == 0 ? "Duplicate IP" : i == 1 ? "Invalid Category" : "not sent" };
        result = question((OutboxRequest){ .op = OUTBOX_SETTLE,
                                           .now = AT(now + 71),
                                           .claim = number,
                                           .answer = { .outcome = OUTCOME_DONE, .status = 200, .score = -1, .limit = -1, .remaining = 4, .retry_after = -1, .reset = -1 },
                                           .errors = errors,
                                           .n_errors = 3 });
        check_int(result->r, 0);
        check_int(rows("state = 'done'"), 28);
        check_int(rows("state = 'done' AND receipt = 'Duplicate IP'"), 1);
        check_int(rows("state = 'refused' AND receipt = 'Invalid Category'"), 1);
        check_int(rows("state = 'queued' AND attempts = 0"), 1);
        check_int(ask(directory, "SELECT used FROM budgets WHERE endpoint = 'abuseipdb/bulk-report'"), 1);
        check_int(ask(directory, "SELECT count(*) FROM budgets WHERE endpoint = 'abuseipdb/report' AND used > 0"), 0);
        /* What is left fits the day: it goes singly. */
        result = claim_with(OUTBOX_ABUSEIPDB, now + 80, 10);
        check(result->claim > 0 && !result->bulk && result->n_entries == 1);
        end();
}

/* Never more than the quota, whatever waits: one a day here, and five files. */
static void test_quota_holds(void)
{
        const OutboxResult *result;
        int64_t day = 0, singles = 0, files = 0, told = 0;

        begin();
        put_many(0, 12000);
        check_int(store_flush(store, 20000), 0);
        for (int64_t t = 100; t < 21 * HOUR; t = t + 600) {
                result = claim_with(OUTBOX_ABUSEIPDB, t, 50);
                if (result->claim == 0)
                        continue;
                singles += !result->bulk;
                files += result->bulk;
                told += (int64_t) result->n_entries;
                settle(result->claim, OUTCOME_DONE, t + 1);
                day = t;
        }
        fprintf(stderr, "%lld singly, %lld files, %lld told, the last after %lld s\n", (long long) singles, (long long) files, (long long) told,
                (long long) day);
        check(singles <= 50 && files <= 5);
        check_int(told, 12000);
        end();
}

/* ---- by hand ---- */

static void test_retract(void)
{
        const OutboxResult *result;
        Addr addr = address("203.0.113.5");

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        put(OUTBOX_COMMENT, "203.0.113.5", 1, 0);
        put(OUTBOX_VOTE, "203.0.113.5", 1, 0);
        settle(claim(OUTBOX_ABUSEIPDB, 0)->claim, OUTCOME_DONE, 1);
        result = claim(OUTBOX_VIRUSTOTAL, 0);
        question((OutboxRequest){ .op = OUTBOX_SETTLE,
                                  .now = AT(1),
                                  .claim = result->claim,
                                  .answer = { .outcome = OUTCOME_DONE, .status = 200, .score = -1, .remote = "i-203.0.113.5-5c1e02aa", .limit = -1,
                                              .remaining = -1, .retry_after = -1, .reset = -1 } });
        result = question((OutboxRequest){ .op = OUTBOX_RETRACT, .now = AT(10), .addr = addr, .text = "retracted" });
        check(result->clears && result->deletes);
        check_int(result->changed, 1); /* the vote */
        result = question((OutboxRequest){ .op = OUTBOX_RETRACT, .now = AT(11), .addr = addr, .text = "retracted" });
        check_int(rows("service IN ('abuseipdb-clear', 'virustotal-delete')"), 2);
        result = claim(OUTBOX_VIRUSTOTAL, 20);
        check_int(result->entries[0].row.kind, OUTBOX_DELETE);
        check_text(result->entries[0].remote, "i-203.0.113.5-5c1e02aa");
        settle(result->claim, OUTCOME_DONE, 21);
        result = claim(OUTBOX_ABUSEIPDB, 20);
        check_int(result->entries[0].row.kind, OUTBOX_CLEAR);
        /* Nobody was told anything of this one. */
        addr = address("203.0.113.99");
        result = question((OutboxRequest){ .op = OUTBOX_RETRACT, .now = AT(12), .addr = addr, .text = "retracted" });
        check(!result->clears && !result->deletes && result->changed == 0);
        end();
}

/* What may have arrived is cleared as well; what was under way then, and did not arrive, does not go again. */
static void test_retract_unsettled(void)
{
        const OutboxResult *result;
        Addr addr = address("203.0.113.5");
        uint64_t number;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        put(OUTBOX_REPORT, "203.0.113.6", 2, 1);
        settle(claim(OUTBOX_ABUSEIPDB, 0)->claim, OUTCOME_UNCERTAIN, 1);
        result = question((OutboxRequest){ .op = OUTBOX_RETRACT, .now = AT(2), .addr = addr, .text = "retracted" });
        check(result->clears);
        settle(claim(OUTBOX_ABUSEIPDB, 60)->claim, OUTCOME_DONE, 61);
        number = claim(OUTBOX_ABUSEIPDB, 61)->claim;
        addr = address("203.0.113.6");
        result = question((OutboxRequest){ .op = OUTBOX_RETRACT, .now = AT(62), .addr = addr, .text = "retracted" });
        check(result->clears && result->changed == 0);
        settle(number, OUTCOME_FAILED, 63);
        check_int(rows("ban = 2 AND state = 'dropped'"), 1);
        result = claim(OUTBOX_ABUSEIPDB, 1000);
        check_int(result->entries[0].row.kind, OUTBOX_CLEAR);
        /* A ban after that is told again. */
        put(OUTBOX_REPORT, "203.0.113.6", 3, 2000);
        check_int(store_flush(store, 5000), 0);
        settle(result->claim, OUTCOME_DONE, 1001);
        settle(claim(OUTBOX_ABUSEIPDB, 2001)->claim, OUTCOME_FAILED, 2002);
        check_int(rows("ban = 3 AND state = 'queued'"), 1);
        end();
}

/* Dropped by its number as well: what may have arrived stays known as told. */
static void test_drop_unsettled(void)
{
        uint64_t id = 1;

        begin();
        put(OUTBOX_REPORT, "203.0.113.5", 1, 0);
        settle(claim(OUTBOX_ABUSEIPDB, 0)->claim, OUTCOME_UNCERTAIN, 1);
        check_int(question((OutboxRequest){ .op = OUTBOX_DROP, .now = AT(2), .ids = &id, .n_ids = 1, .text = "dropped by hand" })->changed, 1);
        check_int(rows("state = 'unknown'"), 1);
        put(OUTBOX_REPORT, "203.0.113.5", 2, 3);
        check_int(claim(OUTBOX_ABUSEIPDB, 100)->claim, 0);
        end();
}

/* A service that is broken and says "in a month" can be tried at once by hand; one that says "tomorrow" cannot. */
static void test_retry_quota(void)
{
        static const int64_t waits[] = { 31 * DAY, 20 * HOUR };

        for (size_t i = 0; i < 2; i++) {
                begin();
                put(OUTBOX_VOTE, "203.0.113.5", 1, 0);
                for (int times = 0; times < 2; times++) {
                        uint64_t number = claim(OUTBOX_VIRUSTOTAL, times * 20)->claim;

                        check(number > 0);
                        question((OutboxRequest){ .op = OUTBOX_SETTLE,
                                                  .now = AT(times * 20),
                                                  .claim = number,
                                                  .answer = { .outcome = OUTCOME_QUOTA, .status = 429, .score = -1, .limit = -1, .remaining = -1,
                                                              .retry_after = times == 0 ? 5 : waits[i], .reset = -1 } });
                }
                question((OutboxRequest){ .op = OUTBOX_RETRY, .now = AT(100) });
                check_int(claim(OUTBOX_VIRUSTOTAL, 101)->n_entries, i == 0);
                end();
        }
}

static void test_list(void)
{
        const OutboxResult *result;

        begin();
        put_many(0, 30);
        put(OUTBOX_VOTE, "203.0.113.5", 99, 0);
        result = question((OutboxRequest){ .op = OUTBOX_LIST, .now = NOW, .state = -1, .lane_only = -1, .max = 10 });
        check_int(result->n_entries, 10);
        check_int(result->entries[0].row.kind, OUTBOX_VOTE);
        check_int(result->counts[OUTBOX_REPORT][OUTBOX_QUEUED], 30);
        result = question((OutboxRequest){ .op = OUTBOX_LIST, .now = NOW, .state = -1, .lane_only = OUTBOX_ABUSEIPDB, .max = 10, .before = 6 });
        check_int(result->n_entries, 5);
        result = question((OutboxRequest){ .op = OUTBOX_LIST, .now = NOW, .state = OUTBOX_DONE, .lane_only = -1, .max = 10 });
        check_int(result->n_entries, 0);
        result = question((OutboxRequest){ .op = OUTBOX_LIST, .now = NOW, .state = -1, .lane_only = -1, .addr = address("203.0.113.5"), .max = 10 });
        check_int(result->n_entries, 1);
        result = question((OutboxRequest){ .op = OUTBOX_DROP, .now = NOW, .addr = address("203.0.113.5"), .text = "by hand" });
        check_int(result->changed, 1);
        result = question((OutboxRequest){ .op = OUTBOX_DROP, .now = NOW, .ids = (uint64_t[]){ 1, 2, 77 }, .n_ids = 3, .text = "by hand" });
        check_int(result->changed, 2);
        check_int(rows("state = 'dropped' AND receipt = 'by hand'"), 3);
        /* What is under way may arrive, so it is not dropped by hand; by its claim it is, before it was given out. */
        result = claim(OUTBOX_ABUSEIPDB, 0);
        check_int(result->n_entries, 1);
        uint64_t id = result->entries[0].id, number = result->claim;
        result = question((OutboxRequest){ .op = OUTBOX_DROP, .now = NOW, .ids = &id, .n_ids = 1, .text = "by hand" });
        check_int(result->changed, 0);
        result = question((OutboxRequest){ .op = OUTBOX_DROP, .now = NOW, .ids = &id, .n_ids = 1, .claim = number + 1, .text = "by hand" });
        check_int(result->changed, 0);
        check_int(rows("state = 'in-flight'"), 1);
        result = question((OutboxRequest){ .op = OUTBOX_DROP, .now = NOW, .ids = &id, .n_ids = 1, .claim = number, .text = "allowed" });
        check_int(result->changed, 1);
        check_int(rows("state = 'in-flight'"), 0);
        end();
}

/* Rows that somebody has edited are passed over, and cost nothing else. */
static void test_nonsense(void)
{
        const OutboxResult *result;

        begin();
        put_many(0, 4);
        check_int(store_flush(store, 5000), 0);
        ask(directory, "UPDATE outbox SET address = 'nowhere' WHERE id = 1");
        ask(directory, "UPDATE outbox SET failures = -5 WHERE id = 2");
        ask(directory, "UPDATE outbox SET jail = char(7) WHERE id = 3");
        ask(directory, "INSERT INTO budgets VALUES ('abuseipdb/report', -9, 9, -1, -1, -1, 'whim', -3, char(27), -7)");
        result = question((OutboxRequest){ .op = OUTBOX_LIST, .now = NOW, .state = -1, .lane_only = -1, .max = 10 });
        check_int(result->n_entries, 2);
        check_text(result->entries[1].jail, "");
        check_int(result->budgets[OUTBOX_ABUSEIPDB_REPORT].blocked.usec, 0);
        end();
}

/* Who asked is gone; the answer finds nobody, and leaks nothing. */
static void test_forgotten(void)
{
        OutboxWaiter *waiter;
        OutboxRequest request = { .op = OUTBOX_LIST, .now = NOW, .max = 5, .state = -1, .lane_only = -1 };

        begin();
        answer = outbox_result_free(answer);
        check_int(store_ask_outbox(store, &request, on_answer, NULL, &waiter), 0);
        outbox_waiter_forget(waiter);
        check_int(store_flush(store, 5000), 0);
        check(!answer);
        check_int(store_ask_outbox(store, &request, on_answer, NULL, NULL), 0); /* and one that nobody submits */
        end();
}

static int visit(void *userdata, const OutboxEntry *entry)
{
        ++*(size_t *) userdata;
        return 0;
}

static void test_read(void)
{
        Addr addr = address("198.51.100.1");
        size_t n = 0;

        begin();
        put_many(0, 4);
        check_int(store_flush(store, 5000), 0);
        check_int(store_read_outbox(store, &addr, 10, visit, &n), 0);
        check_int(n, 1);
        end();
}

/* Too old, too many, kept long enough: what the pruning does. */
static void test_prune(void)
{
        directory = new_directory();
        store = open_store(directory);
        StoreLimits limits = STORE_LIMITS_DEFAULT;
        limits.outbox_max = 10;
        limits.prune_msec = 10;
        store_set_limits(store, &limits);
        start(store, event, &seen);
        int64_t now = present();
        put(OUTBOX_REPORT, "203.0.113.5", 1, now - 61 * DAY);
        check_int(store_flush(store, 5000), 0);
        run_until(event, rows("state = 'expired'") == 1);
        for (int i = 0; i < 25; i++) {
                char addr[32];

                snprintf(addr, sizeof addr, "198.51.100.%d", i + 1);
                put(OUTBOX_REPORT, addr, (uint64_t) i + 2, now + i);
        }
        check_int(store_flush(store, 5000), 0);
        run_until(event, rows("state = 'queued'") == 10);
        check_int(rows("state = 'queued' AND attack < (SELECT max(attack) FROM outbox) - 9500000"), 0);
        run_until(event, rows("state = 'expired'") <= 10);
        end();
}

int main(void)
{
        check(sd_event_default(&event) >= 0);
        test_way();
        test_other_database();
        test_window();
        test_window_after_failures();
        test_set_back();
        test_lifted();
        test_lost();
        test_give_up();
        test_budget();
        test_bulk();
        test_quota_holds();
        test_retract();
        test_retract_unsettled();
        test_drop_unsettled();
        test_retry_quota();
        test_list();
        test_nonsense();
        test_forgotten();
        test_read();
        test_prune();
        sd_event_unref(event);
        return 0;
}
