/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How a claim went.
 *
 * A word that comes late is still welcome: a row that was taken back meanwhile,
 * and waits or counts as unknown, still carries the number of its last claim.
 * Only a row that was given out again, or is settled, does not listen any more.
 */

#include <string.h>

#include "store/private.h"

static const OutboxRowError *error_of_row(const OutboxRequest *request, uint64_t id)
{
        for (size_t i = 0; i < request->n_errors; i++)
                if (request->errors[i].id == id)
                        return &request->errors[i];
        return NULL;
}

/*
 * What a bulk file's answer says of one row. "Duplicate IP" may mean twice in
 * the file, which we never write, or told within the last 15 minutes.
 */
static OutboxAnswer row_answer(const OutboxRequest *request, uint64_t id)
{
        const OutboxRowError *error = error_of_row(request, id);
        OutboxAnswer answer = request->answer;

        if (!error || answer.outcome != OUTCOME_DONE)
                return answer;
        answer.text = error->text;
        answer.score = -1;
        if (strcmp(error->text, "not sent") == 0)
                answer.outcome = OUTCOME_NOT_SENT;
        else if (strcasestr(error->text, "duplicate"))
                answer.outcome = OUTCOME_DUPLICATE;
        else
                answer.outcome = OUTCOME_REFUSED;
        return answer;
}

static int settle_entry(sqlite3 *db, const OutboxRequest *request, OutboxEntry *entry)
{
        OutboxAnswer answer = row_answer(request, entry->id);

        outbox_row_settle(&entry->row, &answer, request->now);
        if (answer.outcome != OUTCOME_NOT_SENT) {
                entry->status = answer.status;
                entry->score = answer.score;
                entry->receipt = answer.text;
        }
        if (*answer.remote)
                entry->remote = answer.remote;
        if (request->categories)
                entry->categories = request->categories;
        if (request->comment)
                entry->comment = request->comment;
        return outbox_write_row(db, entry, request->now);
}

/* A bulk file is one request, of an endpoint of its own. */
static int settle_budget(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        OutboxKind kind = result->entries[0].row.kind;
        OutboxEndpoint endpoint = result->bulk ? OUTBOX_ABUSEIPDB_BULK : outbox_kind_endpoint(kind);
        OutboxBudget *budget = &result->budgets[endpoint];
        int rc = outbox_read_budgets(db, result->budgets);

        if (rc != SQLITE_OK)
                return rc;
        outbox_budget_roll(budget, outbox_kind_lane(kind), request->now);
        outbox_budget_settle(budget, &request->answer, request->now);
        return outbox_write_budget(db, endpoint, budget);
}

/**
 * outbox_settle() - write down how a claim went
 *
 * Return: an SQLite result code; result->r is OUTBOX_E_NO_CLAIM if nobody waits for this.
 */
int outbox_settle(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        sqlite3_stmt *statement;
        char sql[640];
        int64_t bulk = 0;
        int rc;

        snprintf(sql, sizeof sql, "SELECT %s, NULL FROM outbox o WHERE o.claim = ?1 AND o.state IN ('in-flight', 'queued', 'unknown')", OUTBOX_COLUMNS);
        rc = outbox_sql(db, &statement, sql, "i", (int64_t) request->claim);
        if (rc == SQLITE_OK)
                rc = outbox_entries(db, statement, result);
        if (rc == SQLITE_OK)
                rc = outbox_number(db, &bulk, "SELECT bulk FROM outbox WHERE claim = ?1 LIMIT 1", "i", (int64_t) request->claim);
        if (rc != SQLITE_OK)
                return rc;
        result->claim = request->claim;
        result->bulk = bulk == 1;
        if (result->n_entries == 0) {
                result->r = OUTBOX_E_NO_CLAIM;
                return SQLITE_OK;
        }
        for (size_t i = 0; rc == SQLITE_OK && i < result->n_entries; i++)
                rc = settle_entry(db, request, &result->entries[i]);
        /* A second word on the same claim must find nothing. */
        if (rc == SQLITE_OK)
                rc = outbox_run(db, "UPDATE outbox SET claim = NULL WHERE claim = ?1 AND state <> 'in-flight'", "i", (int64_t) request->claim);
        return rc == SQLITE_OK ? settle_budget(db, request, result) : rc;
}
