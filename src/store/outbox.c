/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Questions to the outbox.
 *
 * A courier's claim must be on disk before the report leaves the house, and how
 * it went must be on disk before the next one does; so both are asked of the
 * store thread, as the last part of a batch, inside its transaction. If the
 * commit fails, the batch is written again, and the question is answered again:
 * a run leaves nothing behind but its result, which the next run replaces.
 *
 * Answered questions travel back with the batch's events, and are told on the
 * loop thread. Who asked may be gone by then: the waiter, which belongs to the
 * loop thread, knows.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define LIST_MAX 1000 /* entries of one list */
#define DAY_SEC 86400

/* ---- SQL with values ---- */

/**
 * outbox_sql() - prepare a statement and bind its values
 * @types:      one letter for each: i int64_t, t text (borrowed until the statement is done), z int64_t that is NULL where it is 0
 *
 * Return: an SQLite result code; on failure there is no statement.
 */
static int sql_bind(sqlite3 *db, sqlite3_stmt **ret_statement, const char *sql, const char *types, va_list values)
{
        int rc = sqlite3_prepare_v2(db, sql, -1, ret_statement, NULL);

        for (int i = 0; rc == SQLITE_OK && types[i]; i++) {
                if (types[i] == 't') {
                        rc = sqlite3_bind_text(*ret_statement, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
                } else {
                        int64_t number = va_arg(values, int64_t);

                        rc = types[i] == 'z' && number == 0 ? sqlite3_bind_null(*ret_statement, i + 1)
                                                             : sqlite3_bind_int64(*ret_statement, i + 1, number);
                }
        }
        if (rc != SQLITE_OK) {
                sqlite3_finalize(*ret_statement);
                *ret_statement = NULL;
        }
        return rc;
}

int outbox_sql(sqlite3 *db, sqlite3_stmt **ret_statement, const char *sql, const char *types, ...)
{
        va_list values;
        int rc;

        va_start(values, types);
        rc = sql_bind(db, ret_statement, sql, types, values);
        va_end(values);
        return rc;
}

/**
 * outbox_number() - the number that a query yields; untouched if it yields none, or NULL: nobody wants it
 */
int outbox_number(sqlite3 *db, int64_t *ret_number, const char *sql, const char *types, ...)
{
        sqlite3_stmt *statement;
        va_list values;
        int rc;

        va_start(values, types);
        rc = sql_bind(db, &statement, sql, types, values);
        va_end(values);
        if (rc != SQLITE_OK)
                return rc;
        if (sqlite3_step(statement) == SQLITE_ROW && ret_number && sqlite3_column_type(statement, 0) == SQLITE_INTEGER)
                *ret_number = sqlite3_column_int64(statement, 0);
        return sqlite3_finalize(statement);
}

/* ---- lists ---- */

static int count_states(sqlite3 *db, OutboxResult *result)
{
        sqlite3_stmt *statement;
        int rc = outbox_sql(db, &statement, "SELECT state, service, count(*) FROM outbox GROUP BY state, service", "");

        if (rc != SQLITE_OK)
                return rc;
        while (sqlite3_step(statement) == SQLITE_ROW) {
                const char *state_text = (const char *) sqlite3_column_text(statement, 0);
                const char *kind_text = (const char *) sqlite3_column_text(statement, 1);
                int state = state_text ? outbox_state_from_name(state_text) : -1;
                int kind = kind_text ? outbox_kind_from_name(kind_text) : -1;

                if (state >= 0 && kind >= 0)
                        result->counts[kind][state] = (uint64_t) sqlite3_column_int64(statement, 2);
        }
        return sqlite3_finalize(statement);
}

static int list(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        char sql[1024], addr[ADDR_TEXT_MAX] = "";
        sqlite3_stmt *statement;
        int rc = count_states(db, result);

        if (rc == SQLITE_OK)
                rc = outbox_read_budgets(db, result->budgets);
        if (rc != SQLITE_OK || request->max == 0)
                return rc;
        if (request->addr.family != 0)
                addr_format(&request->addr, addr);
        /* A condition that is not wanted stands there with a value that all rows meet, where no index is meant. */
        snprintf(sql, sizeof sql, "SELECT %s, NULL FROM outbox o WHERE o.id < ?1%s%s%s ORDER BY o.id DESC LIMIT ?2", OUTBOX_COLUMNS,
                 *addr ? " AND o.address = ?3" : " AND ?3 = ''", request->state >= 0 ? " AND o.state = ?4" : " AND ?4 = ''",
                 request->lane_only >= 0 ? " AND o.service GLOB ?5" : " AND ?5 = ''");
        rc = outbox_sql(db, &statement, sql, "iittt", request->before > 0 ? (int64_t) request->before : INT64_MAX,
                        (int64_t) (request->max < LIST_MAX ? request->max : LIST_MAX), addr,
                        request->state >= 0 ? outbox_state_name((OutboxState) request->state) : "",
                        request->lane_only < 0 ? "" : OUTBOX_LANE_GLOBS[request->lane_only]);
        return rc == SQLITE_OK ? outbox_entries(db, statement, result) : rc;
}

/* ---- changes by hand ---- */

static int64_t changes(sqlite3 *db)
{
        return sqlite3_changes(db);
}

/* All that waits for a service to be well, or one row, whatever has become of it. */
static int retry(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        int rc;

        if (request->id != 0) {
                rc = outbox_run(db,
                                "UPDATE outbox SET state = 'queued', next_try = 0, first_try = NULL, maybe = 0, attempts = 0, claim = NULL, settled = NULL"
                                " WHERE id = ?1 AND state IN ('queued', 'refused', 'unknown', 'expired', 'dropped')",
                                "i", (int64_t) request->id);
                result->changed = (size_t) changes(db);
                return rc;
        }
        /* No quota of a day lasts longer than one: whoever says so may be broken, and will say it again if not. */
        rc = outbox_run(db,
                        "UPDATE budgets SET blocked = 0, failures = 0, remaining = CASE reason WHEN 'quota' THEN -1 ELSE remaining END, resets = min(resets, ?1)"
                        " WHERE reason <> 'quota' OR blocked > ?1",
                        "i", event_time_add(request->now, DAY_SEC).usec);
        if (rc == SQLITE_OK)
                rc = outbox_run(db, "UPDATE outbox SET next_try = 0 WHERE state = 'queued' AND attempts > 0", "");
        result->changed = (size_t) changes(db);
        return rc;
}

/*
 * What waits to be told of an address; not what waits to be taken back. What is
 * under way is left: it may arrive, and then has to be known as told; so has
 * what may have arrived already.
 */
static int drop_addr(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        char addr[ADDR_TEXT_MAX];
        int rc = outbox_run(db,
                            "UPDATE outbox SET state = CASE maybe WHEN 1 THEN 'unknown' ELSE 'dropped' END, settled = ?2, receipt = ?3"
                            " WHERE address = ?1 AND state = 'queued'"
                            " AND service NOT IN ('abuseipdb-clear', 'virustotal-delete')",
                            "tit", addr_format(&request->addr, addr), request->now.usec, request->text);

        result->changed += (size_t) changes(db);
        return rc;
}

static int drop(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        if (request->addr.family != 0)
                return drop_addr(db, request, result);
        for (size_t i = 0; i < request->n_ids; i++) {
                int rc = outbox_run(db,
                                    "UPDATE outbox SET state = CASE maybe WHEN 1 THEN 'unknown' ELSE 'dropped' END, settled = ?2, receipt = ?3"
                                    " WHERE id = ?1 AND (state = 'queued' OR (state = 'in-flight' AND claim = ?4))",
                                    "iiti", (int64_t) request->ids[i], request->now.usec, request->text, (int64_t) request->claim);
                if (rc != SQLITE_OK)
                        return rc;
                result->changed += (size_t) changes(db);
        }
        return SQLITE_OK;
}

static int enter_retraction(sqlite3 *db, const OutboxRequest *request, OutboxKind kind, const char *remote)
{
        char addr[ADDR_TEXT_MAX];

        return outbox_run(db,
                          "INSERT INTO outbox (ban, service, address, jail, attack, first, failures, added, state, remote)"
                          " SELECT 0, ?1, ?2, '', ?3, ?3, 0, ?3, 'queued', ?4 WHERE NOT EXISTS"
                          " (SELECT 1 FROM outbox WHERE address = ?2 AND service = ?1 AND state IN ('queued', 'in-flight') AND remote = ?4)",
                          "ttit", outbox_kind_name(kind), addr_format(&request->addr, addr), request->now.usec, remote);
}

/* What was told of an address: one call clears all of our reports; each comment has to be named. */
static int retract(sqlite3 *db, const OutboxRequest *request, OutboxResult *result)
{
        char addr[ADDR_TEXT_MAX];
        sqlite3_stmt *statement;
        int64_t told = 0;
        int rc = drop_addr(db, request, result);

        addr_format(&request->addr, addr);
        if (rc == SQLITE_OK)
                rc = outbox_number(db, &told, "SELECT 1 FROM outbox WHERE address = ?1 AND service = 'abuseipdb' AND state IN ('done', 'unknown', 'in-flight')",
                                   "t", addr);
        if (rc == SQLITE_OK && told) {
                result->clears = true;
                rc = enter_retraction(db, request, OUTBOX_CLEAR, "");
        }
        if (rc == SQLITE_OK)
                rc = outbox_sql(db, &statement, "SELECT DISTINCT remote FROM outbox WHERE address = ?1 AND service = 'virustotal-comment' AND remote <> ''", "t", addr);
        if (rc != SQLITE_OK)
                return rc;
        while (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
                result->deletes = true;
                rc = enter_retraction(db, request, OUTBOX_DELETE, (const char *) sqlite3_column_text(statement, 0));
        }
        int end = sqlite3_finalize(statement);
        return rc != SQLITE_OK ? rc : end;
}

static int unblock(sqlite3 *db)
{
        return outbox_run(db, "UPDATE budgets SET blocked = 0, failures = 0 WHERE reason IN ('key', 'forbidden', 'plan')", "");
}

/* ---- jobs ---- */

/**
 * outbox_result_free() - free a result and all that it names
 *
 * Return: NULL
 */
OutboxResult *outbox_result_free(OutboxResult *result)
{
        if (result) {
                arena_free(result->arena);
                free(result);
        }
        return NULL;
}

/* So that a question waits for no text of another thread. Without memory the store cannot go on: see take() in batch.c. */
static void copy_texts(OutboxJob *job)
{
        OutboxRequest *request = &job->request;
        const char **texts[] = { &request->answer.text, &request->answer.remote, &request->categories, &request->comment, &request->text };
        OutboxRowError *errors = arena_alloc(job->arena, (request->n_errors + 1) * sizeof *errors);
        uint64_t *ids = arena_alloc(job->arena, (request->n_ids + 1) * sizeof *ids);

        if (!errors || !ids)
                abort();
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (*texts[i] && !(*texts[i] = arena_text(job->arena, *texts[i])))
                        abort();
        for (size_t i = 0; i < request->n_errors; i++) {
                errors[i] = (OutboxRowError){ request->errors[i].id, arena_text(job->arena, request->errors[i].text) };
                if (!errors[i].text)
                        abort();
        }
        if (request->n_ids > 0)
                memcpy(ids, request->ids, request->n_ids * sizeof *ids);
        request->errors = errors;
        request->ids = ids;
}

/**
 * outbox_job_new() - a question on its way; NULL without memory
 */
OutboxJob *outbox_job_new(const OutboxRequest *request, void (*done)(void *userdata, OutboxResult *result), void *userdata)
{
        OutboxJob *job = calloc(1, sizeof *job);

        if (!job)
                return NULL;
        job->request = *request;
        job->arena = arena_new();
        job->waiter = calloc(1, sizeof *job->waiter);
        if (!job->arena || !job->waiter)
                return outbox_job_free(job);
        *job->waiter = (OutboxWaiter){ done, userdata };
        if (!job->request.answer.text)
                job->request.answer.text = "";
        if (!job->request.answer.remote)
                job->request.answer.remote = "";
        if (!job->request.text)
                job->request.text = "";
        copy_texts(job);
        return job;
}

OutboxJob *outbox_job_free(OutboxJob *job)
{
        outbox_result_free(job->result);
        free(job->waiter);
        arena_free(job->arena);
        free(job);
        return NULL;
}

/**
 * outbox_job_deliver() - tell an answer to who waits for it; on the loop thread
 */
void outbox_job_deliver(OutboxJob *job)
{
        if (job->waiter->done)
                job->waiter->done(job->waiter->userdata, steal(job->result));
}

/**
 * outbox_waiter_forget() - whoever asked does not want the answer any more; what it changes is changed all the same
 */
void outbox_waiter_forget(OutboxWaiter *waiter)
{
        waiter->done = NULL;
}

/**
 * outbox_job_run() - answer a question, inside the transaction of a batch; again if that failed
 *
 * Return: an SQLite result code.
 */
int outbox_job_run(sqlite3 *db, OutboxJob *job)
{
        const OutboxRequest *request = &job->request;
        OutboxResult *result;

        outbox_result_free(job->result);
        job->result = result = calloc(1, sizeof *result);
        if (!result || !(result->arena = arena_new()))
                return SQLITE_NOMEM;
        result->next = EVENT_TIME_FOREVER;
        switch (request->op) {
        case OUTBOX_CLAIM: return outbox_claim(db, request, result);
        case OUTBOX_SETTLE: return outbox_settle(db, request, result);
        case OUTBOX_LIST: return list(db, request, result);
        case OUTBOX_RETRY: return retry(db, request, result);
        case OUTBOX_DROP: return drop(db, request, result);
        case OUTBOX_RETRACT: return retract(db, request, result);
        case OUTBOX_UNBLOCK: return unblock(db);
        }
        return SQLITE_OK;
}
