/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What becomes of a report by every answer, and when the next request may go. */

#include "outbox.h"
#include "test.h"

#define DAY INT64_C(86400)
#define HOUR INT64_C(3600)
/* 2027-01-15 08:00:00 UTC. */
#define NOW ((EventTime){ INT64_C(1800000000) * USEC_PER_SEC })
#define AT(seconds) event_time_add(NOW, seconds)
#pragma GCC diagnostic ignored "-Woverride-init"
#define ANSWER(...) (&(OutboxAnswer){ .score = -1, .text = "", .remote = "", .limit = -1, .remaining = -1, .retry_after = -1, .reset = -1, __VA_ARGS__ })

static const OutboxTerms DAILY_1000 = { .daily = 1000 };
static const OutboxTerms VIRUSTOTAL = { .daily = 500, .per_minute = 4 };

static void check_time(EventTime actual, EventTime expected)
{
        check_int(actual.usec, expected.usec);
}

static OutboxRow sent(OutboxKind kind, EventTime time)
{
        OutboxRow row = { .kind = kind };

        outbox_row_begin(&row, time);
        check(row.state == OUTBOX_IN_FLIGHT && row.attempts == 1);
        check_time(row.first_try, time);
        return row;
}

/* One line for each kind and outcome: what it becomes, one second after its first try. */
static void test_settle(void)
{
        static const struct {
                OutboxKind kind;
                OutboxOutcome outcome;
                OutboxState state;
                bool maybe;
                int64_t wait; /* seconds; of the row, not of its service */
        } rows[] = {
                { OUTBOX_REPORT, OUTCOME_DONE, OUTBOX_DONE, false, 0 },
                { OUTBOX_REPORT, OUTCOME_DUPLICATE, OUTBOX_DONE, false, 0 },
                { OUTBOX_REPORT, OUTCOME_QUOTA, OUTBOX_QUEUED, false, 0 },
                { OUTBOX_REPORT, OUTCOME_BUSY, OUTBOX_QUEUED, false, 0 },
                { OUTBOX_REPORT, OUTCOME_KEY, OUTBOX_QUEUED, false, 0 },
                { OUTBOX_REPORT, OUTCOME_FORBIDDEN, OUTBOX_QUEUED, false, 0 },
                { OUTBOX_REPORT, OUTCOME_PLAN, OUTBOX_QUEUED, false, 0 },
                { OUTBOX_REPORT, OUTCOME_REFUSED, OUTBOX_REFUSED, false, 0 },
                { OUTBOX_REPORT, OUTCOME_FAILED, OUTBOX_QUEUED, false, 60 },
                { OUTBOX_REPORT, OUTCOME_UNCERTAIN, OUTBOX_QUEUED, true, 60 },
                { OUTBOX_VOTE, OUTCOME_UNCERTAIN, OUTBOX_QUEUED, true, 60 },
                { OUTBOX_VOTE, OUTCOME_DUPLICATE, OUTBOX_DONE, false, 0 },
                { OUTBOX_COMMENT, OUTCOME_UNCERTAIN, OUTBOX_UNKNOWN, true, 0 },
                { OUTBOX_COMMENT, OUTCOME_FAILED, OUTBOX_QUEUED, false, 60 },
                { OUTBOX_COMMENT, OUTCOME_QUOTA, OUTBOX_QUEUED, false, 0 },
                { OUTBOX_CLEAR, OUTCOME_UNCERTAIN, OUTBOX_QUEUED, true, 60 },
                { OUTBOX_DELETE, OUTCOME_UNCERTAIN, OUTBOX_QUEUED, true, 60 },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                OutboxRow row = sent(rows[i].kind, NOW);

                outbox_row_settle(&row, ANSWER(.outcome = rows[i].outcome, .status = 503), AT(1));
                check_int(row.state, rows[i].state);
                check_int(row.maybe, rows[i].maybe);
                check_time(row.next_try, rows[i].wait ? AT(1 + rows[i].wait) : EVENT_TIME_NONE);
        }
}

/* Not sent at all: as if it had never been claimed. */
static void test_not_sent(void)
{
        OutboxRow row = sent(OUTBOX_COMMENT, NOW);

        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_NOT_SENT), AT(1));
        check(row.state == OUTBOX_QUEUED && row.attempts == 0 && !row.maybe);
        check_time(row.first_try, EVENT_TIME_NONE);
        outbox_row_begin(&row, AT(100));
        check_time(row.first_try, AT(100));
}

/* A row's own wait doubles, up to six hours; a refused one that may have arrived before is unknown, not refused. */
static void test_waits(void)
{
        OutboxRow row = sent(OUTBOX_VOTE, NOW);
        int64_t wait = 60;

        for (int i = 0; i < 20; i++) {
                outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_FAILED, .status = 503), NOW);
                check_time(row.next_try, AT(wait));
                wait = wait * 2 < 6 * HOUR ? wait * 2 : 6 * HOUR;
                outbox_row_begin(&row, NOW);
                check_time(row.first_try, NOW);
        }
        /* Where nobody answered, the service waits, and no report of its own accord. */
        row = sent(OUTBOX_REPORT, NOW);
        for (int i = 0; i < 9; i++) {
                outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_FAILED), NOW);
                check_time(row.next_try, EVENT_TIME_NONE);
                outbox_row_begin(&row, NOW);
        }
        row = sent(OUTBOX_REPORT, NOW);
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_UNCERTAIN), AT(1));
        outbox_row_begin(&row, AT(100));
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_REFUSED), AT(101));
        check_int(row.state, OUTBOX_UNKNOWN);
}

/* A report that may have arrived goes again within 14 minutes of its first try, and never later; a vote always; a comment never. */
static void test_take_back(void)
{
        OutboxRow row = sent(OUTBOX_REPORT, NOW);

        outbox_row_take_back(&row, AT(839));
        check(row.state == OUTBOX_QUEUED && row.maybe);
        check_time(outbox_row_lost(&row), AT(840));
        outbox_row_begin(&row, AT(839));
        check_time(row.first_try, NOW);
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_DUPLICATE), AT(839));
        check_int(row.state, OUTBOX_DONE);

        row = sent(OUTBOX_REPORT, NOW);
        outbox_row_take_back(&row, AT(840));
        check_int(row.state, OUTBOX_UNKNOWN);

        /* The service's own wait must not push the second try out of the window. */
        row = sent(OUTBOX_REPORT, NOW);
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_UNCERTAIN), AT(800));
        check_int(row.state, OUTBOX_QUEUED);
        check_time(row.next_try, AT(800));

        /* What surely failed before does not count: the first try that may have arrived does. */
        row = sent(OUTBOX_REPORT, NOW);
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_FAILED), AT(1));
        outbox_row_begin(&row, AT(2 * DAY));
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_UNCERTAIN), AT(2 * DAY + 300));
        check_int(row.state, OUTBOX_QUEUED);
        check_time(outbox_row_lost(&row), AT(2 * DAY + 840));

        row = sent(OUTBOX_VOTE, NOW);
        outbox_row_take_back(&row, AT(30 * DAY));
        check_int(row.state, OUTBOX_QUEUED);
        check_time(outbox_row_lost(&row), EVENT_TIME_FOREVER);

        row = sent(OUTBOX_COMMENT, NOW);
        outbox_row_take_back(&row, AT(1));
        check_int(row.state, OUTBOX_UNKNOWN);

        /* Sure failures may follow for days: then nothing arrived. */
        row = sent(OUTBOX_REPORT, NOW);
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_FAILED), AT(2 * DAY));
        check_int(row.state, OUTBOX_QUEUED);
        check_time(outbox_row_lost(&row), EVENT_TIME_FOREVER);
}

/* ---- budgets ---- */

static void test_day(void)
{
        OutboxBudget budget = { .remaining = -1 };

        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, NOW);
        check_time(budget.resets, AT(21 * HOUR)); /* 05:00 UTC tomorrow */
        check_time(outbox_budget_next(&budget, &DAILY_1000), EVENT_TIME_NONE);
        for (int i = 0; i < 1000; i++) {
                check_int(outbox_budget_left(&budget, &DAILY_1000), 1000 - i);
                outbox_budget_spend(&budget, NOW);
                outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE), NOW);
        }
        check_int(outbox_budget_left(&budget, &DAILY_1000), 0);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(21 * HOUR));
        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, AT(21 * HOUR - 1));
        check_int(outbox_budget_left(&budget, &DAILY_1000), 0);
        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, AT(21 * HOUR));
        check_int(outbox_budget_left(&budget, &DAILY_1000), 1000);
        check_time(budget.resets, AT(45 * HOUR));

        budget = (OutboxBudget){ .remaining = -1 };
        outbox_budget_roll(&budget, OUTBOX_VIRUSTOTAL, NOW);
        check_time(budget.resets, AT(16 * HOUR)); /* 00:00 UTC */
        /* A clock that was set back a month does not make a day of a month. */
        outbox_budget_roll(&budget, OUTBOX_VIRUSTOTAL, AT(-30 * DAY));
        check_time(budget.resets, AT(-30 * DAY + 16 * HOUR));
        check_time(outbox_budget_next(&budget, &(OutboxTerms){ .daily = 0 }), EVENT_TIME_FOREVER);
}

/* A clock that was set back, be it by an hour or by years, makes nothing wait until then, and gives no request of the day anew. */
static void test_set_back(void)
{
        static const OutboxOutcome outcomes[] = { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_KEY, OUTCOME_QUOTA };
        static const int64_t back[] = { HOUR, DAY, 5000 * DAY };

        for (size_t i = 0; i < 12; i++) {
                OutboxBudget budget = { .remaining = -1 };

                outbox_budget_roll(&budget, OUTBOX_VIRUSTOTAL, NOW);
                outbox_budget_spend(&budget, NOW);
                outbox_budget_settle(&budget, ANSWER(.outcome = outcomes[i / 3], .retry_after = 4000), NOW);
                outbox_budget_roll(&budget, OUTBOX_VIRUSTOTAL, AT(-back[i % 3]));
                check(!event_time_before(AT(-back[i % 3]), outbox_budget_next(&budget, &VIRUSTOTAL)));
                check_int(outbox_budget_left(&budget, &VIRUSTOTAL), 499);
                check(event_time_before(budget.resets, AT(DAY + 1 - back[i % 3])));
        }
}

/* Whether fourteen minutes are over cannot be told then. */
static void test_set_back_row(void)
{
        OutboxRow row = sent(OUTBOX_REPORT, NOW);

        outbox_row_take_back(&row, AT(-HOUR));
        check_int(row.state, OUTBOX_UNKNOWN);
        row = sent(OUTBOX_REPORT, NOW);
        outbox_row_settle(&row, ANSWER(.outcome = OUTCOME_FAILED), AT(-HOUR));
        check_int(row.state, OUTBOX_QUEUED);
        row = sent(OUTBOX_VOTE, NOW);
        outbox_row_take_back(&row, AT(-HOUR));
        check_int(row.state, OUTBOX_QUEUED);
}

/* The service's own count goes where it is lower; where it went up, its day has begun. */
static void test_headers(void)
{
        OutboxBudget budget = { .remaining = -1 };

        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, NOW);
        outbox_budget_spend(&budget, NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE, .limit = 1000, .remaining = 3), NOW);
        check_int(outbox_budget_left(&budget, &DAILY_1000), 3);
        outbox_budget_spend(&budget, NOW);
        check_int(outbox_budget_left(&budget, &DAILY_1000), 2);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE, .limit = 1000, .remaining = 0), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(21 * HOUR));

        budget = (OutboxBudget){ .remaining = 4, .used = 996, .resets = AT(HOUR) };
        outbox_budget_spend(&budget, NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE, .remaining = 999), NOW);
        check_int(outbox_budget_left(&budget, &DAILY_1000), 999);
        /* One with less: the day's first request knows already, before the service has counted anything. */
        budget = (OutboxBudget){ .remaining = -1, .resets = AT(HOUR) };
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE, .limit = 300, .remaining = 299), NOW);
        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, AT(2 * DAY));
        check_int(budget.remaining, -1);
        check_int(outbox_budget_left(&budget, &DAILY_1000), 300);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE, .limit = 0), NOW); /* no limit at all is none that is believed */
        check_int(outbox_budget_left(&budget, &DAILY_1000), 300);
        /* A plan with more than the configuration wants to use. */
        budget = (OutboxBudget){ .remaining = -1, .used = 10, .resets = AT(HOUR) };
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE, .remaining = 49000), NOW);
        check_int(outbox_budget_left(&budget, &(OutboxTerms){ .daily = 20 }), 10);
}

/* A courier that somebody has taken over says what it likes; nothing overflows, and no wait is longer than a month. */
static void test_extremes(void)
{
        static const int64_t numbers[] = { INT64_MAX, INT64_MAX - 1, INT64_MIN, 0, -2 };

        for (OutboxOutcome outcome = 0; outcome < _OUTCOME_MAX; outcome++)
                for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                        OutboxBudget budget = { .remaining = -1 };
                        const int64_t n = numbers[i];

                        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, NOW);
                        for (int times = 0; times < 3; times++) {
                                outbox_budget_spend(&budget, NOW);
                                outbox_budget_settle(&budget, ANSWER(.outcome = outcome, .status = -1, .limit = n, .remaining = n, .retry_after = n, .reset = n), NOW);
                                outbox_budget_refund(&budget);
                        }
                        check(budget.remaining >= -1 && budget.remaining < INT64_MAX / 2);
                        check(!event_time_before(AT(31 * DAY), outbox_budget_next(&budget, &DAILY_1000)));
                }
}

static OutboxBudget full(EventTime now)
{
        OutboxBudget budget = { .remaining = -1 };

        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, now);
        outbox_budget_spend(&budget, now);
        return budget;
}

static void test_quota(void)
{
        OutboxBudget budget = full(NOW);

        /* The documents' example. */
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .remaining = 0, .retry_after = 29241, .text = "Daily rate limit"), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(21 * HOUR));
        check_text(budget.text, "Daily rate limit");
        /* It ends with what the service said; the count is new then. */
        budget = full(NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .retry_after = 29241, .reset = NOW.usec / USEC_PER_SEC + 30 * HOUR), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(30 * HOUR));
        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, AT(30 * HOUR));
        check_int(outbox_budget_left(&budget, &DAILY_1000), 1000);
        check_int(budget.failures, 0);
        /* A day's wait at the edge of the day: once after ten seconds, then as said. */
        budget = full(NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .retry_after = 86390), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(10));
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .retry_after = 86380), AT(10));
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(86390));
        /* Without a word: a minute, a minute, then the day. A success in between begins anew. */
        budget = full(NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(60));
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA), NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(21 * HOUR));
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_DONE), NOW);
        check_time(outbox_budget_next(&budget, &DAILY_1000), EVENT_TIME_NONE);
        /* A broken clock over there. */
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .retry_after = INT64_MAX, .reset = INT64_MAX - 1), NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .retry_after = INT64_MAX, .reset = INT64_MAX - 1), NOW);
        check_time(budget.blocked, AT(31 * DAY));
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA, .retry_after = 0), NOW);
        check_time(budget.blocked, AT(60));
}

static void test_backoff(void)
{
        static const OutboxOutcome outcomes[] = { OUTCOME_FAILED, OUTCOME_UNCERTAIN, OUTCOME_BUSY };

        for (size_t i = 0; i < 3; i++) {
                OutboxBudget budget = full(NOW);
                int64_t wait = 30;

                for (int n = 0; n < 12; n++) {
                        outbox_budget_settle(&budget, ANSWER(.outcome = outcomes[i]), NOW);
                        check_time(outbox_budget_next(&budget, &DAILY_1000), AT(wait));
                        wait = wait * 2 < 1800 ? wait * 2 : 1800;
                }
                outbox_budget_settle(&budget, ANSWER(.outcome = outcomes[i], .retry_after = 7200), NOW);
                check_time(outbox_budget_next(&budget, &DAILY_1000), AT(7200));
                outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_REFUSED), NOW);
                check_int(budget.failures, 0);
        }
        for (OutboxOutcome outcome = OUTCOME_KEY; outcome <= OUTCOME_PLAN; outcome++) {
                OutboxBudget budget = full(NOW);

                outbox_budget_settle(&budget, ANSWER(.outcome = outcome), NOW);
                check_time(outbox_budget_next(&budget, &DAILY_1000), AT(3600));
                check_int(budget.reason, outcome);
        }
        OutboxBudget budget = full(NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_NOT_SENT), NOW);
        check_int(outbox_budget_left(&budget, &DAILY_1000), 1000);
}

static void test_minute(void)
{
        OutboxBudget budget = { .remaining = -1 };

        outbox_budget_roll(&budget, OUTBOX_VIRUSTOTAL, NOW);
        check_time(outbox_budget_next(&budget, &VIRUSTOTAL), EVENT_TIME_NONE);
        outbox_budget_spend(&budget, NOW);
        check_time(outbox_budget_next(&budget, &VIRUSTOTAL), AT(15));
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_QUOTA), AT(1));
        check_time(outbox_budget_next(&budget, &VIRUSTOTAL), AT(61));
        /* What was not sent takes no time: thousands of a jail that reports no longer are looked through at once. */
        budget = (OutboxBudget){ .remaining = -1 };
        outbox_budget_spend(&budget, NOW);
        outbox_budget_settle(&budget, ANSWER(.outcome = OUTCOME_NOT_SENT), NOW);
        check(!event_time_before(NOW, outbox_budget_next(&budget, &VIRUSTOTAL)));
}

static void test_bulk(void)
{
        const OutboxTerms terms = { .daily = 5 };
        OutboxBudget budget = { .remaining = -1 };

        outbox_budget_roll(&budget, OUTBOX_ABUSEIPDB, NOW);
        check_time(outbox_bulk_next(&budget, &terms), EVENT_TIME_NONE);
        outbox_budget_spend(&budget, NOW);
        check_time(outbox_bulk_next(&budget, &terms), AT(21 * HOUR / 5)); /* four more in 21 hours */
        budget.used = 4;
        check_time(outbox_bulk_next(&budget, &terms), AT(21 * HOUR / 2));
        budget.used = 5;
        check_time(outbox_bulk_next(&budget, &terms), AT(21 * HOUR));
}

static void test_names(void)
{
        for (int i = 0; i < _OUTBOX_KIND_MAX; i++)
                check_int(outbox_kind_from_name(outbox_kind_name((OutboxKind) i)), i);
        for (int i = 0; i < _OUTBOX_STATE_MAX; i++)
                check_int(outbox_state_from_name(outbox_state_name((OutboxState) i)), i);
        for (int i = 0; i < _OUTCOME_MAX; i++)
                check_int(outbox_outcome_from_name(outbox_outcome_name((OutboxOutcome) i)), i);
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++)
                check_int(outbox_lane_from_name(outbox_lane_name((OutboxLane) i)), i);
        check_int(outbox_kind_from_name("mail"), -1);
        check_int(outbox_state_from_name(""), -1);
        check(outbox_kind_lane(OUTBOX_DELETE) == OUTBOX_VIRUSTOTAL && outbox_kind_lane(OUTBOX_CLEAR) == OUTBOX_ABUSEIPDB);
}

int main(void)
{
        test_settle();
        test_not_sent();
        test_waits();
        test_take_back();
        test_day();
        test_set_back();
        test_set_back_row();
        test_headers();
        test_extremes();
        test_quota();
        test_backoff();
        test_minute();
        test_bulk();
        test_names();
        return 0;
}
