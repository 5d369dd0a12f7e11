/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The tables, and how a file gets from one version of them to the next.
 *
 * People open this file with sqlite3(1), so addresses are text, states are
 * words, and only times are numbers (microseconds since 1970, UTC):
 *
 *     SELECT address, jail, datetime(until / 1000000, 'unixepoch') FROM bans WHERE ended IS NULL;
 *
 * Lists that nobody searches in (lines of a ban, entries of a window) are one
 * JSON column each: they are read and written whole, with their row. Ids are
 * AUTOINCREMENT, which remembers the highest ever used, so that no id comes
 * again after its row was pruned. What is for ever has no `until`, and a level
 * that stays no `forgotten`.
 *
 * PRAGMA user_version holds the version. schema_steps[n] leads from n to n + 1;
 * all missing steps run in one transaction, so a file is never half-way.
 */

#include "store/private.h"

static const char SCHEMA_1[] =
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

        "CREATE TABLE positions ("
        "  source TEXT PRIMARY KEY, position TEXT NOT NULL, time INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE windows ("
        "  jail TEXT NOT NULL, address TEXT NOT NULL, entries TEXT NOT NULL, PRIMARY KEY (jail, address)"
        ") STRICT;"

        "CREATE TABLE bans ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT, jail TEXT NOT NULL, address TEXT NOT NULL, source TEXT, origin TEXT NOT NULL,"
        "  start INTEGER NOT NULL, until INTEGER, first INTEGER NOT NULL, failures INTEGER NOT NULL, rule TEXT NOT NULL,"
        "  reason TEXT NOT NULL, ports TEXT NOT NULL, lines TEXT NOT NULL, ended INTEGER, how TEXT"
        ") STRICT;"
        "CREATE INDEX bans_in_force ON bans (until) WHERE ended IS NULL;"
        "CREATE INDEX bans_past ON bans (ended) WHERE ended IS NOT NULL;"
        "CREATE INDEX bans_address ON bans (address);"

        "CREATE TABLE events ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL"
        ") STRICT;"

        "CREATE TABLE outbox ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT, ban INTEGER NOT NULL, service TEXT NOT NULL, address TEXT NOT NULL,"
        "  jail TEXT NOT NULL, categories TEXT NOT NULL, comment TEXT NOT NULL, attack INTEGER NOT NULL,"
        "  attempts INTEGER NOT NULL, first_try INTEGER, next_try INTEGER, state TEXT NOT NULL,"
        "  status INTEGER, score INTEGER, receipt TEXT NOT NULL"
        ") STRICT;"
        "CREATE INDEX outbox_due ON outbox (service, next_try) WHERE state IN ('queued', 'in-flight');"
        "CREATE INDEX outbox_address ON outbox (address);"

        "CREATE TABLE set_aside ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, position TEXT NOT NULL, text TEXT NOT NULL,"
        "  time INTEGER NOT NULL"
        ") STRICT;";

static int step_1(sqlite3 *db)
{
        return sqlite3_exec(db, SCHEMA_1, NULL, NULL, NULL);
}

/*
 * Growing bans, refusing instead of dropping, and what people have allowed and paused. The index by address now holds all
 * that `stats` counts, in the order in which it counts, and the past bans of an address by their end.
 */
static const char SCHEMA_2[] =
        "ALTER TABLE bans ADD COLUMN reject INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE bans ADD COLUMN level INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE bans ADD COLUMN forgotten INTEGER;"

        "DROP INDEX bans_address;"
        "CREATE INDEX bans_address ON bans (address, ended, start, jail, rule);"

        "CREATE TABLE levels ("
        "  jail TEXT NOT NULL, address TEXT NOT NULL, level INTEGER NOT NULL, forgotten INTEGER, PRIMARY KEY (jail, address)"
        ") STRICT;"
        "CREATE INDEX levels_forgotten ON levels (forgotten);"

        "CREATE TABLE allowed ("
        "  address TEXT PRIMARY KEY, until INTEGER, reason TEXT NOT NULL, who TEXT NOT NULL, time INTEGER NOT NULL"
        ") STRICT;"

        "CREATE TABLE paused (jail TEXT PRIMARY KEY, who TEXT NOT NULL, time INTEGER NOT NULL) STRICT;";

static int step_2(sqlite3 *db)
{
        return sqlite3_exec(db, SCHEMA_2, NULL, NULL, NULL);
}

/*
 * Reports. Rows of the outbox carry what is told; `claim` is whose hands a row was given into last, `maybe` says that an
 * earlier try may have been accepted. next_try 0 is "at once", so that one range of the index has all that is due. Nothing
 * wrote the outbox before.
 */
static const char SCHEMA_3[] =
        "DROP TABLE outbox;"
        "CREATE TABLE outbox ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT, ban INTEGER NOT NULL, service TEXT NOT NULL, address TEXT NOT NULL,"
        "  jail TEXT NOT NULL, attack INTEGER NOT NULL, first INTEGER NOT NULL, failures INTEGER NOT NULL,"
        "  added INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, first_try INTEGER,"
        "  next_try INTEGER NOT NULL DEFAULT 0, maybe INTEGER NOT NULL DEFAULT 0, claim INTEGER, bulk INTEGER NOT NULL DEFAULT 0,"
        "  settled INTEGER, status INTEGER, score INTEGER, receipt TEXT NOT NULL DEFAULT '', remote TEXT NOT NULL DEFAULT '',"
        "  categories TEXT NOT NULL DEFAULT '', comment TEXT NOT NULL DEFAULT ''"
        ") STRICT;"
        "CREATE INDEX outbox_state ON outbox (state, service, next_try);"
        "CREATE INDEX outbox_address ON outbox (address, service, state);"
        "CREATE INDEX outbox_ban ON outbox (ban) WHERE state = 'queued';"
        "CREATE INDEX outbox_claim ON outbox (claim) WHERE claim IS NOT NULL;"
        "CREATE INDEX outbox_maybe ON outbox (first_try) WHERE maybe = 1 AND state = 'queued';"
        "CREATE INDEX outbox_attack ON outbox (attack) WHERE state = 'queued';"
        "CREATE INDEX outbox_settled ON outbox (settled) WHERE settled IS NOT NULL;"

        "CREATE TABLE budgets ("
        "  endpoint TEXT PRIMARY KEY, used INTEGER NOT NULL, remaining INTEGER NOT NULL, resets INTEGER NOT NULL, last INTEGER NOT NULL,"
        "  blocked INTEGER NOT NULL, reason TEXT NOT NULL, failures INTEGER NOT NULL, text TEXT NOT NULL, day_limit INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;";

static int step_3(sqlite3 *db)
{
        return sqlite3_exec(db, SCHEMA_3, NULL, NULL, NULL);
}

const SchemaStep schema_steps[STORE_SCHEMA_VERSION] = { step_1, step_2, step_3 };

/**
 * schema_version() - PRAGMA user_version; 0 for an empty file
 *
 * Return: an SQLite result code.
 */
int schema_version(sqlite3 *db, int *ret_version)
{
        sqlite3_stmt *statement;
        int rc;

        rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return rc;
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
                *ret_version = sqlite3_column_int(statement, 0);
        sqlite3_finalize(statement);
        return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/**
 * schema_migrate() - bring a file to the newest version
 * @steps:      steps[n] leads from version n to n + 1
 * @n_steps:    the newest version
 *
 * Return: an SQLite result code; on failure the file is as it was.
 */
int schema_migrate(sqlite3 *db, const SchemaStep steps[], int n_steps)
{
        char sql[64];
        int version = -1, rc;

        rc = schema_version(db, &version);
        if (rc != SQLITE_OK || version == n_steps)
                return rc;
        if (version < 0 || version > n_steps)
                return SQLITE_MISMATCH;
        rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc != SQLITE_OK)
                return rc;
        for (; rc == SQLITE_OK && version < n_steps; version++)
                rc = steps[version](db);
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d", n_steps);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        if (rc != SQLITE_OK)
                sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return rc;
}
