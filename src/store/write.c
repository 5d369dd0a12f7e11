/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The transaction, and the pruning.
 *
 * write_rows() is the one function that writes rows: a batch goes to disk
 * whole or not at all, so a position never stands there without what the lines
 * before it have done.
 */

#include <string.h>

#include "store/private.h"

#define PRUNE_STEP 1000 /* rows in one transaction */

static int run(sqlite3_stmt *statement)
{
        int rc = sqlite3_step(statement);

        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* Texts are borrowed: they outlive the step that follows. */
static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
        sqlite3_bind_text(statement, column, text ? text : "", -1, SQLITE_STATIC);
}

static void bind_time(sqlite3_stmt *statement, int column, EventTime time, int64_t absent)
{
        if (time.usec == absent)
                sqlite3_bind_null(statement, column);
        else
                sqlite3_bind_int64(statement, column, time.usec);
}

static int write_windows(Database *database, const Batch *batch)
{
        char addr[ADDR_TEXT_MAX];

        for (const BatchWindow *row = batch->windows; row; row = row->hh.next) {
                bool gone = row->record.n_entries == 0;
                _cleanup_free_ char *entries = gone ? NULL : json_from_entries(row->record.entries, row->record.n_entries);
                sqlite3_stmt *statement = database->statements[gone ? STATEMENT_WINDOW_DELETE : STATEMENT_WINDOW_PUT];

                bind_text(statement, 1, row->key.jail);
                bind_text(statement, 2, addr_format(&row->key.addr, addr));
                if (!gone)
                        bind_text(statement, 3, entries);
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_positions(Database *database, const Batch *batch)
{
        for (const BatchPosition *row = batch->positions; row; row = row->hh.next) {
                bool gone = !*row->record.position;
                sqlite3_stmt *statement = database->statements[gone ? STATEMENT_POSITION_DELETE : STATEMENT_POSITION];

                bind_text(statement, 1, row->record.source);
                if (!gone) {
                        bind_text(statement, 2, row->record.position);
                        sqlite3_bind_int64(statement, 3, row->record.time.usec);
                }
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_ban(Database *database, const BatchBan *row)
{
        sqlite3_stmt *statement = database->statements[STATEMENT_BAN_PUT];
        const Ban *ban = row->ban;
        _cleanup_free_ char *lines = json_from_evidence(ban->evidence, ban->n_evidence);
        _cleanup_free_ char *ports = text_from_ports(ban->ports, ban->n_ports);
        char addr[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX];

        sqlite3_bind_int64(statement, 1, (int64_t) row->id);
        bind_text(statement, 2, ban->jail);
        bind_text(statement, 3, addr_format(&ban->addr, addr));
        if (ban->source.family != 0)
                bind_text(statement, 4, addr_format(&ban->source, source));
        bind_text(statement, 5, ban->origin == BAN_MANUAL ? "manual" : "automatic");
        sqlite3_bind_int64(statement, 6, ban->start.usec);
        bind_time(statement, 7, ban->until, EVENT_TIME_FOREVER.usec);
        sqlite3_bind_int64(statement, 8, ban->first.usec);
        sqlite3_bind_int64(statement, 9, ban->failures);
        bind_text(statement, 10, ban->rule);
        bind_text(statement, 11, ban->reason);
        bind_text(statement, 12, ports);
        bind_text(statement, 13, lines);
        bind_time(statement, 14, row->ended, EVENT_TIME_NONE.usec);
        if (row->how)
                bind_text(statement, 15, row->how);
        sqlite3_bind_int(statement, 16, ban->reject);
        sqlite3_bind_int64(statement, 17, ban->level);
        bind_time(statement, 18, ban->forgotten, EVENT_TIME_NONE.usec);
        return run(statement);
}

static int write_bans(Database *database, const Batch *batch)
{
        sqlite3_stmt *end = database->statements[STATEMENT_BAN_END];

        for (const BatchBan *row = batch->bans; row; row = row->hh.next) {
                int rc;

                if (row->ban) {
                        rc = write_ban(database, row);
                } else {
                        sqlite3_bind_int64(end, 1, (int64_t) row->id);
                        sqlite3_bind_int64(end, 2, row->ended.usec);
                        bind_text(end, 3, row->how);
                        rc = run(end);
                }
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_levels(Database *database, const Batch *batch)
{
        char addr[ADDR_TEXT_MAX];

        for (const BatchLevel *row = batch->levels; row; row = row->hh.next) {
                bool gone = row->record.forgotten.usec == EVENT_TIME_NONE.usec;
                sqlite3_stmt *statement = database->statements[gone ? STATEMENT_LEVEL_DELETE : STATEMENT_LEVEL_PUT];

                bind_text(statement, 1, row->key.jail);
                bind_text(statement, 2, addr_format(&row->key.addr, addr));
                if (!gone) {
                        sqlite3_bind_int64(statement, 3, row->record.level);
                        bind_time(statement, 4, row->record.forgotten, EVENT_TIME_FOREVER.usec);
                }
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_allowed(Database *database, const Batch *batch)
{
        char addr[ADDR_TEXT_MAX];

        for (const BatchAllow *row = batch->allowed; row; row = row->hh.next) {
                bool gone = row->record.until.usec == EVENT_TIME_NONE.usec;
                sqlite3_stmt *statement = database->statements[gone ? STATEMENT_ALLOW_DELETE : STATEMENT_ALLOW_PUT];

                bind_text(statement, 1, addr_format(&row->record.addr, addr));
                if (!gone) {
                        bind_time(statement, 2, row->record.until, EVENT_TIME_FOREVER.usec);
                        bind_text(statement, 3, row->record.reason);
                        bind_text(statement, 4, row->record.by);
                        sqlite3_bind_int64(statement, 5, row->record.time.usec);
                }
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_paused(Database *database, const Batch *batch)
{
        for (const BatchPause *row = batch->paused; row; row = row->hh.next) {
                bool gone = !row->record.by;
                sqlite3_stmt *statement = database->statements[gone ? STATEMENT_PAUSE_DELETE : STATEMENT_PAUSE_PUT];

                bind_text(statement, 1, row->record.jail);
                if (!gone) {
                        bind_text(statement, 2, row->record.by);
                        sqlite3_bind_int64(statement, 3, row->record.time.usec);
                }
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_events(Database *database, const Batch *batch)
{
        sqlite3_stmt *statement = database->statements[STATEMENT_EVENT];

        for (size_t i = 0; i < batch->n_events; i++) {
                const EventRecord *event = &batch->events[i];

                sqlite3_bind_int64(statement, 1, (int64_t) event->id);
                sqlite3_bind_int64(statement, 2, event->time.usec);
                bind_text(statement, 3, event->kind);
                bind_text(statement, 4, event->json);
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

/*
 * Where a report goes that is due: into the row of its kind and address that
 * waits, or into a new one, at the end of the window since the last one was
 * sent. What is told to VirusTotal is not told again within the window at all.
 */
static int enter_report(Database *database, const OutboxRecord *record, const char *addr)
{
        sqlite3_stmt *last = database->statements[STATEMENT_OUTBOX_LAST], *insert = database->statements[STATEMENT_OUTBOX];
        int64_t told = 0, now = record->now.usec, next_try = 0;
        int rc;

        bind_text(last, 1, addr);
        bind_text(last, 2, outbox_kind_name(record->kind));
        rc = sqlite3_step(last);
        if (rc == SQLITE_ROW)
                told = sqlite3_column_int64(last, 0) < now ? sqlite3_column_int64(last, 0) : now; /* the clock may have been set back since */
        sqlite3_reset(last);
        sqlite3_clear_bindings(last);
        if (rc != SQLITE_ROW)
                return rc;
        if (told > 0)
                next_try = event_time_add((EventTime){ told }, record->window).usec;
        if (next_try > record->attack.usec && record->kind != OUTBOX_REPORT)
                return SQLITE_OK;
        sqlite3_bind_int64(insert, 1, (int64_t) record->ban_id);
        bind_text(insert, 2, outbox_kind_name(record->kind));
        bind_text(insert, 3, addr);
        bind_text(insert, 4, record->jail);
        sqlite3_bind_int64(insert, 5, record->attack.usec);
        sqlite3_bind_int64(insert, 6, record->first.usec);
        sqlite3_bind_int64(insert, 7, record->failures);
        sqlite3_bind_int64(insert, 8, now);
        sqlite3_bind_int64(insert, 9, next_try);
        return run(insert);
}

static int write_outbox(Database *database, const Batch *batch)
{
        sqlite3_stmt *merge = database->statements[STATEMENT_OUTBOX_MERGE];
        char addr[ADDR_TEXT_MAX];

        for (const BatchOutbox *row = batch->outbox; row; row = row->next) {
                const OutboxRecord *record = &row->record;

                addr_format(&record->addr, addr);
                sqlite3_bind_int64(merge, 1, (int64_t) record->ban_id);
                bind_text(merge, 2, record->jail);
                sqlite3_bind_int64(merge, 3, record->attack.usec);
                sqlite3_bind_int64(merge, 4, record->first.usec);
                sqlite3_bind_int64(merge, 5, record->failures);
                bind_text(merge, 6, addr);
                bind_text(merge, 7, outbox_kind_name(record->kind));
                int rc = run(merge);
                if (rc == SQLITE_OK && sqlite3_changes(database->db) == 0)
                        rc = enter_report(database, record, addr);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

/* Who lifts a ban by hand says that it was a mistake: what it was to tell, and has not told yet, is dropped. */
static int drop_lifted(Database *database, const Batch *batch)
{
        sqlite3_stmt *statement = database->statements[STATEMENT_OUTBOX_LIFTED];

        for (const BatchBan *row = batch->bans; row; row = row->hh.next) {
                if (!row->how || strcmp(row->how, ban_event_kind_name(BAN_EVENT_UNBAN)) != 0)
                        continue;
                sqlite3_bind_int64(statement, 1, (int64_t) row->id);
                sqlite3_bind_int64(statement, 2, row->ended.usec);
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int run_jobs(Database *database, const Batch *batch)
{
        for (OutboxJob *job = batch->jobs; job; job = job->next) {
                int rc = outbox_job_run(database->db, job);

                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int write_set_aside(Database *database, const Batch *batch)
{
        sqlite3_stmt *statement = database->statements[STATEMENT_SET_ASIDE];

        for (const BatchSetAside *row = batch->set_aside; row; row = row->next) {
                bind_text(statement, 1, row->record.source);
                bind_text(statement, 2, row->record.position);
                bind_text(statement, 3, row->record.text);
                sqlite3_bind_int64(statement, 4, row->record.time.usec);
                int rc = run(statement);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

/**
 * write_begin() - begin a transaction, to which write_rows() adds, and which write_end() ends
 *
 * Return: an SQLite result code.
 */
int write_begin(Database *database)
{
        return run(database->statements[STATEMENT_BEGIN]);
}

/**
 * write_rows() - write a batch's rows into the transaction
 *
 * Return: an SQLite result code.
 */
int write_rows(Database *database, const Batch *batch)
{
        static int (*const parts[])(Database *, const Batch *) = { write_windows, write_bans,   write_levels,
                                                                   write_allowed, write_paused, write_events,
                                                                   write_outbox,  drop_lifted,   write_set_aside,
                                                                   write_positions, run_jobs };
        int rc = SQLITE_OK;

        for (size_t i = 0; rc == SQLITE_OK && i < sizeof parts / sizeof *parts; i++)
                rc = parts[i](database, batch);
        return rc;
}

/**
 * write_end() - commit, or roll back if @rc says that something failed
 *
 * Return: an SQLite result code; unless it is SQLITE_OK, nothing was written.
 */
int write_end(Database *database, int rc)
{
        if (rc == SQLITE_OK)
                rc = run(database->statements[STATEMENT_COMMIT]);
        /* Some errors end the transaction by themselves. */
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(database->db))
                run(database->statements[STATEMENT_ROLLBACK]);
        return rc;
}

/**
 * write_batch() - write a batch in one transaction
 *
 * Return: an SQLite result code; unless it is SQLITE_OK, nothing was written.
 */
int write_batch(Database *database, const Batch *batch)
{
        int rc = write_begin(database);

        return rc == SQLITE_OK ? write_end(database, write_rows(database, batch)) : rc;
}

/* Runs a statement whose parameter is an integer and whose rows are limited to a step. */
static int prune(Database *database, const char *sql, int64_t value, bool *more)
{
        sqlite3_stmt *statement;
        int rc;

        rc = sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return rc;
        sqlite3_bind_int64(statement, 1, value);
        sqlite3_bind_int(statement, 2, PRUNE_STEP);
        rc = run(statement);
        if (rc == SQLITE_OK && sqlite3_changes(database->db) >= PRUNE_STEP)
                *more = true;
        sqlite3_finalize(statement);
        return rc;
}

static int64_t beyond(int64_t rows, uint64_t max)
{
        return rows > 0 && (uint64_t) rows > max ? rows - (int64_t) max : 0;
}

/**
 * write_prune() - one step of pruning, each rule in a transaction of its own
 * @now:                the present
 * @over_before:        bans in force that were over by then ended without us
 * @ret_more:           whether another step has work
 *
 * Where an index is named, SQLite would take another one and look at all reports that wait, which may be a million.
 *
 * Numbered rows are counted by the first and the last: to count half a million takes a while.
 *
 * Return: an SQLite result code.
 */
int write_prune(Database *database, const StoreLimits *limits, EventTime now, EventTime over_before, bool *ret_more)
{
        int64_t past = beyond(database_number(database->db, "SELECT count(*) FROM bans WHERE ended IS NOT NULL", 0),
                              limits->past_bans_max);
        int64_t events = beyond(database_number(database->db, "SELECT (SELECT max(id) FROM events) - (SELECT min(id) FROM events) + 1", 0), limits->events_max);
        int64_t lines = beyond(database_number(database->db, "SELECT (SELECT max(id) FROM set_aside) - (SELECT min(id) FROM set_aside) + 1", 0), limits->set_aside_max);
        /* Few outboxes are so long that they have to be counted. */
        bool long_outbox = database_number(database->db, "SELECT max(id) - (SELECT min(id) FROM outbox) FROM outbox", 0) >= (int64_t) limits->outbox_max;
        int64_t queued = !long_outbox ? 0 : beyond(database_number(database->db, "SELECT count(*) FROM outbox WHERE state = 'queued'", 0), limits->outbox_max);
        int64_t settled = !long_outbox ? 0 : beyond(database_number(database->db, "SELECT count(*) FROM outbox WHERE settled IS NOT NULL", 0), limits->outbox_max);
        const struct {
                const char *sql;
                int64_t value;
        } rules[] = {
                { "UPDATE bans SET ended = until, how = 'expire' WHERE id IN"
                  " (SELECT id FROM bans WHERE ended IS NULL AND until <= ?1 LIMIT ?2)",
                  over_before.usec },
                { "DELETE FROM bans WHERE id IN (SELECT id FROM bans WHERE ended IS NOT NULL AND ended < ?1 ORDER BY ended LIMIT "
                  "?2)",
                  event_time_ago(now, limits->past_bans_age).usec },
                { "UPDATE outbox SET state = 'expired', settled = ?1, receipt = 'older than the 60 days that a service takes' WHERE id IN"
                  " (SELECT id FROM outbox INDEXED BY outbox_attack WHERE state = 'queued' AND attack < ?1 - 5184000000000 LIMIT ?2)",
                  now.usec },
                { "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE settled < ?1 ORDER BY settled LIMIT ?2)",
                  event_time_ago(now, limits->outbox_age).usec },
                { "DELETE FROM levels WHERE (jail, address) IN (SELECT jail, address FROM levels WHERE forgotten <= ?1 LIMIT ?2)",
                  now.usec },
                { "DELETE FROM allowed WHERE address IN (SELECT address FROM allowed WHERE until <= ?1 LIMIT ?2)", now.usec },
                { "DELETE FROM bans WHERE id IN (SELECT id FROM bans WHERE ended IS NOT NULL ORDER BY ended LIMIT min(?1, ?2))",
                  past },
                { "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT min(?1, ?2))", events },
                { "UPDATE outbox SET state = 'expired', settled = added, receipt = 'too many reports waited' WHERE id IN"
                  " (SELECT id FROM outbox INDEXED BY outbox_attack WHERE state = 'queued' ORDER BY attack LIMIT min(?1, ?2))", queued },
                { "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE settled IS NOT NULL ORDER BY settled LIMIT min(?1, ?2))", settled },
                { "DELETE FROM set_aside WHERE id IN (SELECT id FROM set_aside ORDER BY id LIMIT min(?1, ?2))", lines },
        };
        bool more = false;

        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                if (rules[i].value == 0)
                        continue;
                int rc = prune(database, rules[i].sql, rules[i].value, &more);
                if (rc != SQLITE_OK)
                        return rc;
        }
        *ret_more = more;
        return SQLITE_OK;
}
