/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * When the next report may go, and what becomes of one that went.
 *
 * A report must go out at most once, and none may be lost; where a connection
 * breaks, both cannot be had by trying again blindly. What can be had differs
 * by what is asked:
 *
 *     vote, clear, delete   a second one changes nothing (a vote: 409): sent again
 *     report                AbuseIPDB refuses the same address for 15 minutes: within 14 of the first try it is sent again, and
 *                           "once in 15 minutes" then says that the first one arrived; later it is `unknown`
 *     comment               nothing tells a second one from the first: `unknown`
 *
 * `unknown` is a state to be looked at and sent again by hand, not a failure
 * that is hidden.
 *
 * Budgets. A service counts requests by the day, and does not say when its day
 * begins: AbuseIPDB's documents show midnight of US Eastern standard time (05:00
 * UTC), others have seen 00:00 UTC; what its headers say goes, else the later of
 * both. VirusTotal's day begins at 00:00 UTC. Our own count goes on over restarts;
 * where the service says that less is left (another host uses the same key), that
 * goes. A service that fails is left alone for a time that doubles, since all of
 * its reports would share the fate of the first one.
 */

#include <string.h>

#include "outbox.h"

#define DAY_SEC INT64_C(86400)
#define ABUSEIPDB_DAY_BEGINS_SEC (5 * INT64_C(3600))
#define BACKOFF_SEC 30
#define BACKOFF_MAX_SEC 1800
#define ROW_BACKOFF_SEC 60              /* of one row, which may be what upsets the service */
#define ROW_BACKOFF_MAX_SEC (6 * INT64_C(3600))
#define KEY_BACKOFF_SEC 3600            /* a refused key is tried again so often, and after a reload */
#define DAY_EDGE_SEC 86340              /* a day's limit with more than this to wait: the day is about to begin */
#define DAY_EDGE_WAIT_SEC 10
#define MINUTE_SEC 60
#define QUOTA_TRIES 3                   /* without a word on how long: after so many the day's requests are taken to be used up */
#define REMAINING_MAX INT64_C(1000000000) /* requests left of a day that are believed */
#define WAIT_MAX_SEC (31 * DAY_SEC)     /* longest wait that a service may impose */

static const struct {
        const char *name;
        OutboxEndpoint endpoint;
} KINDS[_OUTBOX_KIND_MAX] = {
        [OUTBOX_REPORT] = { "abuseipdb", OUTBOX_ABUSEIPDB_REPORT },
        [OUTBOX_CLEAR] = { "abuseipdb-clear", OUTBOX_ABUSEIPDB_CLEAR },
        [OUTBOX_VOTE] = { "virustotal-vote", OUTBOX_VIRUSTOTAL_ALL },
        [OUTBOX_COMMENT] = { "virustotal-comment", OUTBOX_VIRUSTOTAL_ALL },
        [OUTBOX_DELETE] = { "virustotal-delete", OUTBOX_VIRUSTOTAL_ALL },
};

static const char *const WORKS[_WORK_MAX] = { "report", "bulk", "clear", "vote", "comment", "delete" };
static const char *const LANES[_OUTBOX_LANE_MAX] = { "abuseipdb", "virustotal" };
static const char *const ENDPOINTS[_OUTBOX_ENDPOINT_MAX] = { "abuseipdb/report", "abuseipdb/bulk-report", "abuseipdb/clear-address", "virustotal" };
static const char *const STATES[_OUTBOX_STATE_MAX] = { "queued", "in-flight", "done", "refused", "unknown", "expired", "dropped" };
static const char *const OUTCOMES[_OUTCOME_MAX] = { "done",    "duplicate", "quota",     "busy",      "key", "forbidden", "plan",
                                                    "refused", "failed",    "uncertain", "not-sent" };

static int find_name(const char *const names[], int n, const char *name)
{
        for (int i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return -1;
}

/**
 * outbox_kind_name() - the word that rows and people have for a kind
 */
const char *outbox_kind_name(OutboxKind kind)
{
        return KINDS[kind].name;
}

/**
 * outbox_kind_from_name() - the reverse, or -1
 */
int outbox_kind_from_name(const char *name)
{
        for (int i = 0; i < _OUTBOX_KIND_MAX; i++)
                if (strcmp(KINDS[i].name, name) == 0)
                        return i;
        return -1;
}

OutboxEndpoint outbox_kind_endpoint(OutboxKind kind)
{
        return KINDS[kind].endpoint;
}

/**
 * outbox_endpoint_lane() - whose endpoint it is
 */
OutboxLane outbox_endpoint_lane(OutboxEndpoint endpoint)
{
        return endpoint == OUTBOX_VIRUSTOTAL_ALL ? OUTBOX_VIRUSTOTAL : OUTBOX_ABUSEIPDB;
}

OutboxLane outbox_kind_lane(OutboxKind kind)
{
        return outbox_endpoint_lane(KINDS[kind].endpoint);
}

/**
 * outbox_work_name() - as the control socket spells it
 */
const char *outbox_work_name(OutboxWork work)
{
        return WORKS[work];
}

const char *outbox_lane_name(OutboxLane lane)
{
        return LANES[lane];
}

int outbox_lane_from_name(const char *name)
{
        return find_name(LANES, _OUTBOX_LANE_MAX, name);
}

const char *outbox_endpoint_name(OutboxEndpoint endpoint)
{
        return ENDPOINTS[endpoint];
}

const char *outbox_state_name(OutboxState state)
{
        return STATES[state];
}

int outbox_state_from_name(const char *name)
{
        return find_name(STATES, _OUTBOX_STATE_MAX, name);
}

const char *outbox_outcome_name(OutboxOutcome outcome)
{
        return OUTCOMES[outcome];
}

int outbox_outcome_from_name(const char *name)
{
        return find_name(OUTCOMES, _OUTCOME_MAX, name);
}

/* ---- budgets ---- */

/* When the service's day that holds @now ends, without a word from it. */
static EventTime day_end(OutboxLane lane, EventTime now)
{
        int64_t begins = lane == OUTBOX_ABUSEIPDB ? ABUSEIPDB_DAY_BEGINS_SEC : 0;
        int64_t seconds = now.usec / USEC_PER_SEC - begins;
        int64_t days = seconds >= 0 ? seconds / DAY_SEC : -1;

        return (EventTime){ ((days + 1) * DAY_SEC + begins) * USEC_PER_SEC };
}

/**
 * outbox_budget_is_ahead() - whether the last request was made later than now: the clock has been set back
 */
bool outbox_budget_is_ahead(const OutboxBudget *budget, EventTime now)
{
        return event_time_before(now, budget->last);
}

/**
 * outbox_budget_roll() - begin the next day if it is time
 *
 * After the clock was set back nothing waits until then: who has a reason to refuse will say so again.
 */
void outbox_budget_roll(OutboxBudget *budget, OutboxLane lane, EventTime now)
{
        if (outbox_budget_is_ahead(budget, now)) {
                budget->last = budget->blocked = EVENT_TIME_NONE;
                budget->resets = day_end(lane, now);
        }
        bool over = !event_time_before(now, budget->resets);
        /* No day ends later than a day from now, but for what a service has said. */
        bool odd = event_time_before(event_time_add(now, DAY_SEC), budget->resets) && budget->reason != OUTCOME_QUOTA;

        if (!over && !odd)
                return;
        budget->used = 0;
        budget->remaining = -1;
        budget->resets = day_end(lane, now);
        if (budget->reason == OUTCOME_QUOTA && !event_time_before(now, budget->blocked)) {
                budget->blocked = EVENT_TIME_NONE;
                budget->failures = 0;
        }
}

/**
 * outbox_budget_left() - requests that may still be made today, 0 or more
 */
int64_t outbox_budget_left(const OutboxBudget *budget, const OutboxTerms *terms)
{
        int64_t daily = budget->limit > 0 && budget->limit < terms->daily ? budget->limit : terms->daily, left = daily - budget->used;

        if (budget->remaining >= 0 && budget->remaining < left)
                left = budget->remaining;
        return left > 0 ? left : 0;
}

/**
 * outbox_budget_next() - when the next request may be made; a time that is past: now
 *
 * Call outbox_budget_roll() before.
 */
EventTime outbox_budget_next(const OutboxBudget *budget, const OutboxTerms *terms)
{
        EventTime next = budget->blocked;

        if (terms->daily == 0)
                return EVENT_TIME_FOREVER;
        if (outbox_budget_left(budget, terms) == 0)
                next = event_time_max(next, budget->resets);
        if (terms->per_minute > 0 && budget->last.usec != EVENT_TIME_NONE.usec)
                next = event_time_max(next, (EventTime){ budget->last.usec + MINUTE_SEC * USEC_PER_SEC / terms->per_minute });
        return next;
}

/**
 * outbox_budget_spend() - a request is about to be made
 */
void outbox_budget_spend(OutboxBudget *budget, EventTime now)
{
        budget->used++;
        if (budget->remaining > 0)
                budget->remaining--;
        budget->last = now;
}

/**
 * outbox_budget_refund() - it was not
 */
void outbox_budget_refund(OutboxBudget *budget)
{
        if (budget->used > 0)
                budget->used--;
        if (budget->remaining >= 0)
                budget->remaining++;
        budget->last = EVENT_TIME_NONE; /* it went only since enough time had passed */
}

static void block(OutboxBudget *budget, const OutboxAnswer *answer, EventTime until)
{
        size_t size = strnlen(answer->text, sizeof budget->text - 1);

        budget->blocked = until;
        budget->reason = answer->outcome;
        memcpy(budget->text, answer->text, size);
        budget->text[size] = '\0';
}

static int64_t backoff(int64_t first, int64_t max, unsigned failures)
{
        int64_t seconds = first;

        while (failures-- > 0 && seconds < max)
                seconds *= 2;
        return seconds < max ? seconds : max;
}

/* What a service says, within reason: a broken clock there must not silence us for years. */
static EventTime said_end(const OutboxAnswer *answer, EventTime now)
{
        EventTime end = EVENT_TIME_NONE, latest = event_time_add(now, WAIT_MAX_SEC);

        if (answer->retry_after >= 0)
                end = event_time_add(now, answer->retry_after < WAIT_MAX_SEC ? answer->retry_after : WAIT_MAX_SEC);
        if (answer->reset >= 0 && answer->reset < INT64_MAX / USEC_PER_SEC)
                end = event_time_max(end, (EventTime){ answer->reset * USEC_PER_SEC });
        return event_time_min(end, latest);
}

static void settle_quota(OutboxBudget *budget, const OutboxAnswer *answer, EventTime now)
{
        EventTime end = said_end(answer, now);

        if (answer->retry_after > DAY_EDGE_SEC && budget->failures == 0)
                end = event_time_add(now, DAY_EDGE_WAIT_SEC);
        else if (end.usec != EVENT_TIME_NONE.usec)
                budget->resets = event_time_max(budget->resets, end);
        else if (budget->failures + 1 >= QUOTA_TRIES || answer->remaining == 0)
                end = budget->resets;
        else /* It may have been the minute's limit: both have one word. */
                end = event_time_add(now, MINUTE_SEC);
        if (event_time_before(end, event_time_add(now, 1)))
                end = event_time_add(now, MINUTE_SEC);
        block(budget, answer, end);
        budget->failures++;
}

/* A service whose count went up has begun its day: so do we. */
static void take_count(OutboxBudget *budget, const OutboxAnswer *answer)
{
        if (answer->limit > 0)
                budget->limit = answer->limit;
        if (answer->remaining < 0)
                return;
        if (budget->remaining >= 0 && answer->remaining > budget->remaining)
                budget->used = 1;
        budget->remaining = answer->remaining < REMAINING_MAX ? answer->remaining : REMAINING_MAX;
}

/**
 * outbox_budget_settle() - take in what a service has answered
 */
void outbox_budget_settle(OutboxBudget *budget, const OutboxAnswer *answer, EventTime now)
{
        take_count(budget, answer);
        switch (answer->outcome) {
        case OUTCOME_DONE:
        case OUTCOME_DUPLICATE:
        case OUTCOME_REFUSED:
                budget->failures = 0;
                budget->blocked = EVENT_TIME_NONE;
                budget->reason = OUTCOME_DONE;
                budget->text[0] = '\0';
                break;
        case OUTCOME_QUOTA: settle_quota(budget, answer, now); break;
        case OUTCOME_KEY:
        case OUTCOME_FORBIDDEN:
        case OUTCOME_PLAN:
                block(budget, answer, event_time_add(now, KEY_BACKOFF_SEC));
                budget->failures++;
                break;
        case OUTCOME_BUSY:
        case OUTCOME_FAILED:
        case OUTCOME_UNCERTAIN: {
                EventTime end = event_time_add(now, backoff(BACKOFF_SEC, BACKOFF_MAX_SEC, budget->failures));

                block(budget, answer, event_time_max(end, said_end(answer, now)));
                budget->failures++;
                break;
        }
        case OUTCOME_NOT_SENT: outbox_budget_refund(budget); break;
        case _OUTCOME_MAX: break;
        }
}

/**
 * outbox_bulk_next() - when a bulk file may go that is not full
 *
 * The few files of a day are spread over what is left of it, or the first small
 * surplus of a morning would use them up. A full one goes at once.
 */
EventTime outbox_bulk_next(const OutboxBudget *bulk, const OutboxTerms *terms)
{
        int64_t left = outbox_budget_left(bulk, terms);

        if (bulk->used == 0 || left == 0 || bulk->last.usec >= bulk->resets.usec)
                return outbox_budget_next(bulk, terms);
        return event_time_max(outbox_budget_next(bulk, terms),
                              (EventTime){ bulk->last.usec + (bulk->resets.usec - bulk->last.usec) / (left + 1) });
}

/* ---- rows ---- */

/* Whether a second one changes nothing. */
static bool may_repeat(OutboxKind kind)
{
        return kind == OUTBOX_VOTE || kind == OUTBOX_CLEAR || kind == OUTBOX_DELETE;
}

/**
 * outbox_row_begin() - it is about to be sent
 */
void outbox_row_begin(OutboxRow *row, EventTime now)
{
        row->state = OUTBOX_IN_FLIGHT;
        row->attempts++;
        if (!row->maybe) /* what has surely failed before is none */
                row->first_try = now;
        row->next_try = EVENT_TIME_NONE;
}

/**
 * outbox_row_lost() - when a row that may have been accepted must not be sent any more; EVENT_TIME_FOREVER: it may always be
 */
EventTime outbox_row_lost(const OutboxRow *row)
{
        if (!row->maybe || may_repeat(row->kind))
                return EVENT_TIME_FOREVER;
        return row->kind == OUTBOX_COMMENT ? EVENT_TIME_NONE : event_time_add(row->first_try, OUTBOX_AGAIN_SEC);
}

static void again(OutboxRow *row, bool maybe, EventTime next_try, EventTime now)
{
        EventTime lost;

        row->maybe |= maybe;
        lost = outbox_row_lost(row);
        if (lost.usec != EVENT_TIME_FOREVER.usec && event_time_before(now, row->first_try))
                lost = EVENT_TIME_NONE; /* the clock was set back: nobody knows how long ago that was */
        if (event_time_before(now, lost)) {
                row->state = OUTBOX_QUEUED;
                row->next_try = event_time_before(next_try, lost) ? next_try : now;
        } else {
                row->state = OUTBOX_UNKNOWN;
        }
}

/**
 * outbox_row_settle() - what becomes of it after an answer
 */
void outbox_row_settle(OutboxRow *row, const OutboxAnswer *answer, EventTime now)
{
        EventTime later = event_time_add(now, backoff(ROW_BACKOFF_SEC, ROW_BACKOFF_MAX_SEC, row->attempts > 0 ? row->attempts - 1 : 0));

        switch (answer->outcome) {
        case OUTCOME_DONE:
        case OUTCOME_DUPLICATE: row->state = OUTBOX_DONE; break;
        case OUTCOME_REFUSED: row->state = row->maybe ? OUTBOX_UNKNOWN : OUTBOX_REFUSED; break;
        case OUTCOME_QUOTA:
        case OUTCOME_BUSY:
        case OUTCOME_KEY:
        case OUTCOME_FORBIDDEN:
        case OUTCOME_PLAN: again(row, false, EVENT_TIME_NONE, now); break; /* the service waits, not this one */
        case OUTCOME_FAILED: /* without an answer it was not this one's fault */
                again(row, false, answer->status == 0 ? EVENT_TIME_NONE : later, now);
                break;
        case OUTCOME_UNCERTAIN: again(row, true, later, now); break;
        case OUTCOME_NOT_SENT:
                row->attempts -= row->attempts > 0;
                if (row->attempts == 0)
                        row->first_try = EVENT_TIME_NONE;
                again(row, false, EVENT_TIME_NONE, now);
                break;
        case _OUTCOME_MAX: break;
        }
}

/**
 * outbox_row_take_back() - whoever carried it is gone and has not said how it went
 */
void outbox_row_take_back(OutboxRow *row, EventTime now)
{
        again(row, true, EVENT_TIME_NONE, now);
}
