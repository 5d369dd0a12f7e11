/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Rows of the outbox, and budgets, there and back. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"
#include "util/text.h"

#define TEXT_MAX 8192 /* of a comment, a receipt */

/* The last one behind these is the lines of the ban, or NULL. */
const char OUTBOX_COLUMNS[] = "o.id, o.ban, o.claim, o.service, o.address, o.jail, o.attack, o.first, o.failures, o.added, o.state, o.attempts,"
                              " o.first_try, o.next_try, o.maybe, o.settled, o.status, o.score, o.receipt, o.remote, o.categories, o.comment";
enum { ID, BAN, CLAIM, SERVICE, ADDRESS, JAIL, ATTACK, FIRST, FAILURES, ADDED, STATE, ATTEMPTS, FIRST_TRY, NEXT_TRY, MAYBE, SETTLED, STATUS,
       SCORE, RECEIPT, REMOTE, CATEGORIES, COMMENT, LINES };

/* The kinds of a lane, as rows have them. */
const char *const OUTBOX_LANE_GLOBS[_OUTBOX_LANE_MAX] = { "abuseipdb*", "virustotal*" };

static const char *text(sqlite3_stmt *statement, int column)
{
        const char *value = (const char *) sqlite3_column_text(statement, column);

        return value && column_is_clean(value, TEXT_MAX) ? value : "";
}

static EventTime when(sqlite3_stmt *statement, int column)
{
        int64_t usec = sqlite3_column_int64(statement, column);

        return (EventTime){ usec > 0 ? usec : 0 };
}

/* Texts are the statement's, until its next step. False: the row makes no sense. */
static bool row_read(sqlite3_stmt *statement, OutboxEntry *entry)
{
        int kind = outbox_kind_from_name(text(statement, SERVICE)), state = outbox_state_from_name(text(statement, STATE));
        int64_t failures = sqlite3_column_int64(statement, FAILURES), attempts = sqlite3_column_int64(statement, ATTEMPTS);

        if (kind < 0 || state < 0 || addr_parse_prefix(text(statement, ADDRESS), &entry->addr) < 0 || !addr_is_single(&entry->addr) || failures < 0 ||
            failures > UINT32_MAX || attempts < 0 || attempts > UINT32_MAX)
                return false;
        entry->id = (uint64_t) sqlite3_column_int64(statement, ID);
        entry->ban_id = (uint64_t) sqlite3_column_int64(statement, BAN);
        entry->claim = (uint64_t) sqlite3_column_int64(statement, CLAIM);
        entry->row = (OutboxRow){ .kind = (OutboxKind) kind,
                                  .state = (OutboxState) state,
                                  .attempts = (unsigned) attempts,
                                  .first_try = when(statement, FIRST_TRY),
                                  .next_try = when(statement, NEXT_TRY),
                                  .maybe = sqlite3_column_int(statement, MAYBE) == 1 };
        entry->jail = text(statement, JAIL);
        entry->attack = when(statement, ATTACK);
        entry->first = when(statement, FIRST);
        entry->added = when(statement, ADDED);
        entry->settled = when(statement, SETTLED);
        entry->failures = (unsigned) failures;
        entry->status = sqlite3_column_int(statement, STATUS);
        entry->score = sqlite3_column_type(statement, SCORE) == SQLITE_NULL ? -1 : sqlite3_column_int(statement, SCORE);
        entry->receipt = text(statement, RECEIPT);
        entry->remote = text(statement, REMOTE);
        entry->categories = text(statement, CATEGORIES);
        entry->comment = text(statement, COMMENT);
        return true;
}

static bool keep_texts(OutboxEntry *entry, Arena *arena)
{
        const char **texts[] = { &entry->jail, &entry->receipt, &entry->remote, &entry->categories, &entry->comment };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (!(*texts[i] = arena_text(arena, *texts[i])))
                        return false;
        return true;
}

/* A report without its lines is still a report. */
static bool keep_lines(sqlite3_stmt *statement, OutboxEntry *entry, JsonScratch *scratch, Arena *arena)
{
        const char *json = (const char *) sqlite3_column_text(statement, LINES);
        const char **lines;
        size_t n = 0;

        if (!json || json_to_evidence(json, (size_t) sqlite3_column_bytes(statement, LINES), scratch, &n) < 0 || n == 0)
                return true;
        entry->lines = lines = arena_alloc(arena, n * sizeof *lines);
        if (!lines)
                return false;
        for (entry->n_lines = 0; entry->n_lines < n; entry->n_lines++)
                if (!(lines[entry->n_lines] = arena_text(arena, scratch->evidence[entry->n_lines].text)))
                        return false;
        return true;
}

static OutboxEntry *room(OutboxResult *result, size_t *size)
{
        OutboxEntry *grown;

        if (result->n_entries < *size)
                return &result->entries[result->n_entries];
        grown = arena_alloc(result->arena, (*size * 2 + 16) * sizeof *grown);
        if (!grown)
                return NULL;
        if (result->n_entries > 0)
                memcpy(grown, result->entries, result->n_entries * sizeof *grown);
        result->entries = grown;
        *size = *size * 2 + 16;
        return &result->entries[result->n_entries];
}

/**
 * outbox_entries() - put the rows of a statement into a result
 * @statement:  of OUTBOX_COLUMNS and a column of lines; is finalized
 *
 * Rows that make no sense are passed over.
 *
 * Return: an SQLite result code.
 */
int outbox_entries(sqlite3 *db, sqlite3_stmt *statement, OutboxResult *result)
{
        JsonScratch scratch = { 0 };
        size_t size = 0;
        bool good = true;
        int rc;

        result->entries = NULL;
        result->n_entries = 0;
        while (good && sqlite3_step(statement) == SQLITE_ROW) {
                OutboxEntry *entry = room(result, &size);

                good = entry;
                if (!good || !row_read(statement, entry))
                        continue;
                good = keep_texts(entry, result->arena) && keep_lines(statement, entry, &scratch, result->arena);
                result->n_entries++;
        }
        json_scratch_deinit(&scratch);
        rc = sqlite3_finalize(statement);
        return good ? rc : SQLITE_NOMEM;
}

/* Its ban was lifted, or our reports of the address were taken back, while it was under way: it does not go again. */
static int drop_lifted(sqlite3 *db, uint64_t id, EventTime now)
{
        return outbox_run(db,
                          "UPDATE outbox AS o SET state = CASE maybe WHEN 1 THEN 'unknown' ELSE 'dropped' END, settled = ?2, receipt = 'lifted or retracted by hand'"
                          " WHERE id = ?1 AND (EXISTS (SELECT 1 FROM bans b WHERE b.id = o.ban AND b.how = 'unban') OR"
                          " EXISTS (SELECT 1 FROM outbox c WHERE c.address = o.address AND c.service = 'abuseipdb-clear' AND c.id > o.id AND o.service = 'abuseipdb'))",
                          "ii", (int64_t) id, now.usec);
}

/**
 * outbox_write_row() - write what has changed in a row
 */
int outbox_write_row(sqlite3 *db, const OutboxEntry *entry, EventTime now)
{
        const OutboxRow *row = &entry->row;
        bool settled = row->state != OUTBOX_QUEUED && row->state != OUTBOX_IN_FLIGHT;
        int rc = outbox_run(db,
                            "UPDATE outbox SET state = ?2, attempts = ?3, first_try = ?4, next_try = ?5, maybe = ?6, settled = ?7, status = ?8,"
                            " score = CASE WHEN ?9 < 0 THEN NULL ELSE ?9 END, receipt = ?10, remote = ?11, categories = ?12, comment = ?13 WHERE id = ?1",
                            "itiziizzitttt", (int64_t) entry->id, outbox_state_name(row->state), (int64_t) row->attempts, row->first_try.usec,
                            row->next_try.usec, (int64_t) row->maybe, settled ? now.usec : INT64_C(0), (int64_t) entry->status, (int64_t) entry->score,
                            entry->receipt, entry->remote, entry->categories, entry->comment);

        return rc == SQLITE_OK && row->state == OUTBOX_QUEUED ? drop_lifted(db, entry->id, now) : rc;
}

/* ---- budgets ---- */

/**
 * outbox_read_budgets() - all of them; those that nobody has used yet are empty
 */
int outbox_read_budgets(sqlite3 *db, OutboxBudget budgets[static _OUTBOX_ENDPOINT_MAX])
{
        sqlite3_stmt *statement;
        int rc = outbox_sql(db, &statement, "SELECT endpoint, used, remaining, resets, last, blocked, reason, failures, text, day_limit FROM budgets", "");

        if (rc != SQLITE_OK)
                return rc;
        for (int i = 0; i < _OUTBOX_ENDPOINT_MAX; i++)
                budgets[i] = (OutboxBudget){ .remaining = -1 };
        while (sqlite3_step(statement) == SQLITE_ROW) {
                int reason = outbox_outcome_from_name(text(statement, 6));

                for (int i = 0; i < _OUTBOX_ENDPOINT_MAX; i++) {
                        if (strcmp(text(statement, 0), outbox_endpoint_name((OutboxEndpoint) i)) != 0)
                                continue;
                        budgets[i] = (OutboxBudget){ .used = sqlite3_column_int64(statement, 1),
                                                     .limit = sqlite3_column_int64(statement, 9),
                                                     .remaining = sqlite3_column_int64(statement, 2),
                                                     .resets = when(statement, 3),
                                                     .last = when(statement, 4),
                                                     .blocked = when(statement, 5),
                                                     .reason = reason < 0 ? OUTCOME_DONE : (OutboxOutcome) reason,
                                                     .failures = (unsigned) sqlite3_column_int(statement, 7) };
                        snprintf(budgets[i].text, sizeof budgets[i].text, "%s", text(statement, 8));
                }
        }
        return sqlite3_finalize(statement);
}

int outbox_write_budget(sqlite3 *db, OutboxEndpoint endpoint, const OutboxBudget *budget)
{
        return outbox_run(db,
                          "INSERT OR REPLACE INTO budgets (endpoint, used, remaining, resets, last, blocked, reason, failures, text, day_limit)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                          "tiiiiititi", outbox_endpoint_name(endpoint), budget->used, budget->remaining, budget->resets.usec, budget->last.usec,
                          budget->blocked.usec, outbox_outcome_name(budget->reason), (int64_t) budget->failures, budget->text, budget->limit);
}

/* ---- on the loop thread ---- */

/**
 * read_outbox() - reports of an address, the latest first
 *
 * Return: 0, -EBUSY, -EIO, or the visitor's.
 */
int read_outbox(sqlite3 *db, const Addr *addr, size_t max, OutboxVisitor visitor, void *userdata)
{
        char sql[640], addr_text[ADDR_TEXT_MAX];
        sqlite3_stmt *statement;
        int rc, r = 0;

        snprintf(sql, sizeof sql, "SELECT %s, NULL FROM outbox o WHERE o.address = ?1 ORDER BY o.id DESC LIMIT ?2", OUTBOX_COLUMNS);
        if (outbox_sql(db, &statement, sql, "ti", addr_format(addr, addr_text), (int64_t) max) != SQLITE_OK)
                return -EIO;
        while (r >= 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
                OutboxEntry entry = { 0 };

                if (row_read(statement, &entry))
                        r = visitor(userdata, &entry);
        }
        sqlite3_finalize(statement);
        return r < 0 ? r : (rc & 0xff) == SQLITE_BUSY ? -EBUSY : rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -EIO;
}
