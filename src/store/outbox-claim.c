/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What is due, and may go.
 *
 * A lane has one courier and one claim at a time; whatever is in flight when it
 * asks again has been lost with its carrier, and is taken back first. Then:
 *
 *     retractions     first, for they mend
 *     a bulk file     where more reports are due than requests are left today
 *     one report      else
 *
 * A surplus is gathered for a minute before it goes as a file, since a file is
 * dear (5 a day) and takes 9,999; single reports wait for that minute too, and
 * go on where no file can be sent soon.
 */

#include <string.h>

#include "store/private.h"

typedef struct Claim {
        sqlite3 *db;
        const OutboxRequest *request;
        OutboxResult *result;
        EventTime now;
        EventTime blocked; /* of the whole lane: its service is not well */
} Claim;

#define DUE "state = 'queued' AND service = ?1 AND next_try <= ?2 AND attack >= ?3"

static int64_t oldest(const Claim *claim)
{
        return event_time_ago(claim->now, OUTBOX_AGE_MAX_SEC).usec;
}

/* ---- what was lost ---- */

static int take_back(Claim *claim)
{
        OutboxResult *result = claim->result;
        sqlite3_stmt *statement;
        char sql[640];
        int rc;

        snprintf(sql, sizeof sql, "SELECT %s, NULL FROM outbox o WHERE o.state = 'in-flight' AND o.service GLOB ?1", OUTBOX_COLUMNS);
        rc = outbox_sql(claim->db, &statement, sql, "t", OUTBOX_LANE_GLOBS[claim->request->lane]);
        if (rc == SQLITE_OK)
                rc = outbox_entries(claim->db, statement, result);
        for (size_t i = 0; rc == SQLITE_OK && i < result->n_entries; i++) {
                OutboxEntry *entry = &result->entries[i];

                outbox_row_take_back(&entry->row, claim->now);
                result->lost += entry->row.state == OUTBOX_UNKNOWN;
                if (entry->row.state == OUTBOX_UNKNOWN)
                        entry->receipt = "nobody has said how it went";
                rc = outbox_write_row(claim->db, entry, claim->now);
        }
        result->n_entries = 0;
        return rc;
}

/* Those that may have arrived, and cannot be tried again in time. Left to itself SQLite looks at all that waits. */
static int give_up(Claim *claim)
{
        int rc = outbox_run(claim->db,
                            "UPDATE outbox INDEXED BY outbox_maybe SET state = 'unknown', settled = ?1 WHERE state = 'queued' AND maybe = 1 AND service = 'abuseipdb'"
                            " AND (first_try <= ?2 OR first_try > ?1)",
                            "ii", claim->now.usec, event_time_ago(claim->now, OUTBOX_AGAIN_SEC).usec);

        claim->result->lost += (size_t) sqlite3_changes(claim->db);
        return rc;
}

/* The clock was set back: what waits until then would wait for longer than it was to. */
static int set_back(Claim *claim)
{
        bool ahead = false;

        for (unsigned i = 0; i < _OUTBOX_ENDPOINT_MAX; i++)
                ahead = ahead || outbox_budget_is_ahead(&claim->result->budgets[i], claim->now);
        if (!ahead)
                return SQLITE_OK;
        return outbox_run(claim->db,
                          "UPDATE outbox SET next_try = CASE WHEN first_try IS NULL THEN next_try - added + ?1 ELSE 0 END, added = min(added, ?1)"
                          " WHERE state = 'queued' AND next_try > ?1 AND (first_try > ?1 OR (first_try IS NULL AND added > ?1))",
                          "i", claim->now.usec);
}

/* ---- what is due ---- */

static void sooner(Claim *claim, EventTime time)
{
        claim->result->next = event_time_min(claim->result->next, event_time_max(time, claim->now));
}

static const OutboxTerms *terms_of(const Claim *claim, OutboxEndpoint endpoint)
{
        return &claim->request->terms[endpoint];
}

/* When an endpoint takes the next request; what ails one of a service ails all. */
static EventTime open_at(const Claim *claim, OutboxEndpoint endpoint)
{
        return event_time_max(claim->blocked, outbox_budget_next(&claim->result->budgets[endpoint], terms_of(claim, endpoint)));
}

/* Rows of a kind that are due, counted up to @max; 0: none, and `next` knows when one will be. */
static int count_due(Claim *claim, OutboxKind kind, int64_t max, int64_t *ret_n)
{
        const char *name = outbox_kind_name(kind);
        int64_t next = 0;
        int rc = outbox_number(claim->db, ret_n, "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE " DUE " LIMIT ?4)", "tiii", name, claim->now.usec,
                               oldest(claim), max);

        if (rc == SQLITE_OK && *ret_n == 0) {
                rc = outbox_number(claim->db, &next, "SELECT min(next_try) FROM outbox WHERE state = 'queued' AND service = ?1 AND next_try > ?2", "ti", name,
                                   claim->now.usec);
                if (next > 0)
                        sooner(claim, (EventTime){ next });
        }
        return rc;
}

/* Gives out the first @max rows of a kind. */
static int give_out(Claim *claim, OutboxKind kind, bool bulk, int64_t max)
{
        OutboxResult *result = claim->result;
        OutboxEndpoint endpoint = bulk ? OUTBOX_ABUSEIPDB_BULK : outbox_kind_endpoint(kind);
        OutboxBudget *budget = &result->budgets[endpoint];
        int64_t number = claim->now.usec / 1000; /* as with ids: one of a database that was lost must not come again */
        sqlite3_stmt *statement;
        char sql[1024];
        int rc;

        rc = outbox_number(claim->db, &number, "SELECT value + 1 FROM (SELECT CAST(value AS INTEGER) AS value FROM meta WHERE key = 'claims')", "");
        if (rc == SQLITE_OK)
                rc = outbox_run(claim->db, "INSERT OR REPLACE INTO meta (key, value) VALUES ('claims', CAST(?1 AS TEXT))", "i", number);
        snprintf(sql, sizeof sql,
                 "SELECT %s, %s FROM outbox o LEFT JOIN bans b ON b.id = o.ban WHERE o.state = 'queued' AND o.service = ?1 AND o.next_try <= ?2"
                 " AND o.attack >= ?3 ORDER BY o.next_try, o.id LIMIT ?4",
                 OUTBOX_COLUMNS, bulk && !claim->request->wants_lines ? "NULL" : "b.lines");
        if (rc == SQLITE_OK)
                rc = outbox_sql(claim->db, &statement, sql, "tiii", outbox_kind_name(kind), claim->now.usec, oldest(claim), max);
        if (rc == SQLITE_OK)
                rc = outbox_entries(claim->db, statement, result);
        for (size_t i = 0; rc == SQLITE_OK && i < result->n_entries; i++) {
                OutboxEntry *entry = &result->entries[i];

                outbox_row_begin(&entry->row, claim->now);
                rc = outbox_write_row(claim->db, entry, claim->now);
                if (rc == SQLITE_OK)
                        rc = outbox_run(claim->db, "UPDATE outbox SET claim = ?2, bulk = ?3 WHERE id = ?1", "iii", (int64_t) entry->id, number, (int64_t) bulk);
        }
        if (rc != SQLITE_OK || result->n_entries == 0)
                return rc;
        result->claim = (uint64_t) number;
        result->bulk = bulk;
        outbox_budget_spend(budget, claim->now);
        return outbox_write_budget(claim->db, endpoint, budget);
}

/* One row of a kind, if one is due and its endpoint is open. */
static int try_one(Claim *claim, OutboxKind kind)
{
        int64_t n = 0;
        EventTime at;
        int rc = count_due(claim, kind, 1, &n);

        if (rc != SQLITE_OK || n == 0)
                return rc;
        at = open_at(claim, outbox_kind_endpoint(kind));
        if (!event_time_before(claim->now, at))
                return give_out(claim, kind, false, 1);
        sooner(claim, at);
        return SQLITE_OK;
}

/* ---- AbuseIPDB ---- */

/* When what is due may go as a file. */
static int bulk_at(Claim *claim, int64_t n, EventTime *ret_at)
{
        const OutboxTerms *terms = terms_of(claim, OUTBOX_ABUSEIPDB_BULK);
        const OutboxBudget *budget = &claim->result->budgets[OUTBOX_ABUSEIPDB_BULK];
        int64_t added = claim->now.usec;
        int rc;

        if (n >= OUTBOX_BULK_MAX) {
                *ret_at = open_at(claim, OUTBOX_ABUSEIPDB_BULK);
                return SQLITE_OK;
        }
        rc = outbox_number(claim->db, &added, "SELECT added FROM outbox WHERE " DUE " ORDER BY next_try, id LIMIT 1", "tii", outbox_kind_name(OUTBOX_REPORT),
                           claim->now.usec, oldest(claim));
        *ret_at = event_time_max(event_time_max(claim->blocked, outbox_bulk_next(budget, terms)), event_time_add((EventTime){ added }, OUTBOX_BULK_GATHER_SEC));
        return rc;
}

static int try_reports(Claim *claim)
{
        const OutboxBudget *budget = &claim->result->budgets[OUTBOX_ABUSEIPDB_REPORT];
        int64_t left = outbox_budget_left(budget, terms_of(claim, OUTBOX_ABUSEIPDB_REPORT)), n = 0;
        EventTime one = open_at(claim, OUTBOX_ABUSEIPDB_REPORT), many = EVENT_TIME_FOREVER;
        int rc = count_due(claim, OUTBOX_REPORT, left >= OUTBOX_BULK_MAX ? left + 1 : OUTBOX_BULK_MAX, &n);

        if (rc != SQLITE_OK || n == 0)
                return rc;
        if (n > left) {
                rc = bulk_at(claim, n, &many);
                if (rc != SQLITE_OK)
                        return rc;
                if (!event_time_before(claim->now, many))
                        return give_out(claim, OUTBOX_REPORT, true, OUTBOX_BULK_MAX);
                /* Soon all go together: then none of today's few requests is used up for them. */
                if (event_time_before(many, event_time_add(claim->now, OUTBOX_BULK_GATHER_SEC + 1)))
                        one = many;
        }
        if (!event_time_before(claim->now, one))
                return give_out(claim, OUTBOX_REPORT, false, 1);
        sooner(claim, event_time_min(one, many));
        return SQLITE_OK;
}

/* ---- both ---- */

/* Vote and comment take turns by age. */
static int first_of(Claim *claim, OutboxKind *ret_kind)
{
        int64_t vote = INT64_MAX, comment = INT64_MAX;
        const char sql[] = "SELECT id FROM outbox WHERE " DUE " ORDER BY next_try, id LIMIT 1";
        int rc = outbox_number(claim->db, &vote, sql, "tii", outbox_kind_name(OUTBOX_VOTE), claim->now.usec, oldest(claim));

        if (rc == SQLITE_OK)
                rc = outbox_number(claim->db, &comment, sql, "tii", outbox_kind_name(OUTBOX_COMMENT), claim->now.usec, oldest(claim));
        *ret_kind = comment < vote ? OUTBOX_COMMENT : OUTBOX_VOTE;
        return rc;
}

static int find_work(Claim *claim)
{
        const OutboxResult *result = claim->result;
        OutboxKind first = OUTBOX_VOTE;
        int rc;

        if (claim->request->lane == OUTBOX_ABUSEIPDB) {
                rc = try_one(claim, OUTBOX_CLEAR);
                return rc == SQLITE_OK && result->claim == 0 ? try_reports(claim) : rc;
        }
        rc = try_one(claim, OUTBOX_DELETE);
        if (rc == SQLITE_OK && result->claim == 0)
                rc = first_of(claim, &first);
        if (rc == SQLITE_OK && result->claim == 0)
                rc = try_one(claim, first);
        if (rc == SQLITE_OK && result->claim == 0)
                rc = try_one(claim, first == OUTBOX_VOTE ? OUTBOX_COMMENT : OUTBOX_VOTE);
        return rc;
}

/* What stops more than one endpoint. */
static EventTime lane_blocked(const OutboxResult *result, OutboxLane lane)
{
        OutboxEndpoint from = lane == OUTBOX_ABUSEIPDB ? OUTBOX_ABUSEIPDB_REPORT : OUTBOX_VIRUSTOTAL_ALL;
        OutboxEndpoint to = lane == OUTBOX_ABUSEIPDB ? OUTBOX_ABUSEIPDB_CLEAR : OUTBOX_VIRUSTOTAL_ALL;
        EventTime blocked = EVENT_TIME_NONE;

        for (unsigned i = from; i <= to; i++)
                if (result->budgets[i].reason != OUTCOME_QUOTA && result->budgets[i].reason != OUTCOME_PLAN)
                        blocked = event_time_max(blocked, result->budgets[i].blocked);
        return blocked;
}

/**
 * outbox_claim() - take back what was lost, and give out what is due and may go
 *
 * Return: an SQLite result code.
 */
int outbox_claim(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        Claim claim = { .db = db, .request = request, .result = result, .now = request->now };
        int rc = take_back(&claim);

        if (rc == SQLITE_OK && request->lane == OUTBOX_ABUSEIPDB)
                rc = give_up(&claim);
        if (rc == SQLITE_OK)
                rc = outbox_read_budgets(db, result->budgets);
        if (rc == SQLITE_OK)
                rc = set_back(&claim);
        if (rc != SQLITE_OK)
                return rc;
        for (unsigned i = 0; i < _OUTBOX_ENDPOINT_MAX; i++)
                outbox_budget_roll(&result->budgets[i], outbox_endpoint_lane(i), claim.now);
        claim.blocked = lane_blocked(result, request->lane);
        return find_work(&claim);
}
