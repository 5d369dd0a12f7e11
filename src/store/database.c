/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The file: opened, checked, brought up to date; or moved aside when it is
 * beyond use, since a host without its history is better off than a host
 * without its daemon.
 *
 * In WAL mode with synchronous=FULL: real power cuts lost half of the commits
 * with NORMAL and none with FULL.
 *
 * Where the file cannot be opened for writing, it can mostly still be read, and
 * then has to be, for it says who is banned. SQLite itself is no help there: to
 * read a WAL database it wants to make its -shm file, which fails on a full and
 * on a read-only disk, and `immutable=1` ignores the WAL, which holds the newest
 * rows after a crash. What works in all cases (full disk, read-only disk, both;
 * with and without a -shm file; with a WAL left behind by SIGKILL) is to open it
 * read-only without file locks (the VFS "unix-none") in the exclusive locking
 * mode, where the WAL's index is kept in memory. Our own lock file keeps other
 * daemons out meanwhile.
 *
 * The version is looked at in the same way first, since it leaves every byte of
 * a newer release's files untouched; an ordinary connection would fold the WAL
 * into the database when it is closed.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "store/private.h"

static const char *const STATEMENTS[N_STATEMENTS] = {
        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_ROLLBACK] = "ROLLBACK",
        [STATEMENT_WINDOW_PUT] = "INSERT INTO windows (jail, address, entries) VALUES (?1, ?2, ?3)"
                                 " ON CONFLICT DO UPDATE SET entries = excluded.entries",
        [STATEMENT_WINDOW_DELETE] = "DELETE FROM windows WHERE jail = ?1 AND address = ?2",
        [STATEMENT_POSITION_DELETE] = "DELETE FROM positions WHERE source = ?1",
        [STATEMENT_POSITION] = "INSERT OR REPLACE INTO positions (source, position, time) VALUES (?1, ?2, ?3)",
        [STATEMENT_BAN_PUT] =
                "INSERT OR REPLACE INTO bans (id, jail, address, source, origin, start, until, first, failures, rule,"
                " reason, ports, lines, ended, how, reject, level, forgotten)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        [STATEMENT_BAN_END] = "UPDATE bans SET ended = ?2, how = ?3 WHERE id = ?1",
        [STATEMENT_LEVEL_PUT] = "INSERT OR REPLACE INTO levels (jail, address, level, forgotten) VALUES (?1, ?2, ?3, ?4)",
        [STATEMENT_LEVEL_DELETE] = "DELETE FROM levels WHERE jail = ?1 AND address = ?2",
        [STATEMENT_ALLOW_PUT] = "INSERT OR REPLACE INTO allowed (address, until, reason, who, time) VALUES (?1, ?2, ?3, ?4, ?5)",
        [STATEMENT_ALLOW_DELETE] = "DELETE FROM allowed WHERE address = ?1",
        [STATEMENT_PAUSE_PUT] = "INSERT OR REPLACE INTO paused (jail, who, time) VALUES (?1, ?2, ?3)",
        [STATEMENT_PAUSE_DELETE] = "DELETE FROM paused WHERE jail = ?1",
        [STATEMENT_EVENT] = "INSERT OR REPLACE INTO events (id, time, kind, json) VALUES (?1, ?2, ?3, ?4)",
        [STATEMENT_SET_ASIDE] = "INSERT INTO set_aside (source, position, text, time) VALUES (?1, ?2, ?3, ?4)",
        [STATEMENT_OUTBOX_MERGE] =
                "UPDATE outbox SET ban = ?1, jail = ?2, attack = ?3, first = ?4, failures = ?5"
                " WHERE address = ?6 AND service = ?7 AND state = 'queued' AND maybe = 0",
        [STATEMENT_OUTBOX_LAST] =
                "SELECT max(coalesce(first_try, settled, 0)) FROM outbox WHERE address = ?1 AND service = ?2"
                " AND (state IN ('done', 'unknown', 'in-flight') OR (state = 'queued' AND attempts > 0))",
        /* What may have arrived must be known as told; what takes something back has no ban. */
        [STATEMENT_OUTBOX_LIFTED] =
                "UPDATE outbox SET state = CASE maybe WHEN 1 THEN 'unknown' ELSE 'dropped' END, settled = ?2, receipt = 'its ban was lifted by hand'"
                " WHERE ban = ?1 AND state = 'queued'",
        [STATEMENT_OUTBOX] =
                "INSERT INTO outbox (ban, service, address, jail, attack, first, failures, added, state, next_try)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', ?9)",
};

/* What every connection is told; the sizes are bytes and pages of 4 KiB. */
/* The cache is of 8 MiB: in the usual 2 a transaction of 10,000 windows writes its pages again and again. */
static const char SETTINGS[] = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;"
                               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -8192;";

/* What the system said. SQLite tells for some calls only; after a commit the log's own file knows. */
static int system_error(sqlite3 *db)
{
        sqlite3_file *log = NULL;
        int error = db ? sqlite3_system_errno(db) : 0;

        if (db && error == 0 && sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log &&
            log->pMethods)
                log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
        return error;
}

static bool is_full(int rc, int error)
{
        return (rc & 0xff) == SQLITE_FULL || error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* SQLite's own word for a read-only disk depends on which of its files it touched first. */
static bool is_read_only(const char *path, int rc, int error)
{
        const char *slash = strrchr(path, '/');
        char directory[PATH_MAX];
        struct statvfs st;

        if ((rc & 0xff) == SQLITE_READONLY || error == EROFS)
                return true;
        snprintf(directory, sizeof directory, "%.*s", slash ? (int) (slash - path) : 1, slash ? path : ".");
        return statvfs(directory, &st) == 0 && (st.f_flag & ST_RDONLY);
}

/**
 * database_may_stay() - whether the connection is as good as before after this failure
 *
 * Else it is to be closed and opened anew, which checks the file.
 */
bool database_may_stay(sqlite3 *db, int rc)
{
        return (rc & 0xff) == SQLITE_BUSY || is_full(rc, system_error(db));
}

/**
 * database_problem() - say why SQLite failed, and what to do
 * @r:          what to return
 * @db:         the connection, or NULL
 * @rc:         SQLite's result code
 */
int database_problem(Problem *problem, int r, const char *path, sqlite3 *db, int rc)
{
        int error = system_error(db);
        const char *todo;

        if (is_full(rc, error))
                todo = "the disk is full; free some space there";
        else if (is_read_only(path, rc, error))
                todo = "it is read-only; mount the file system for writing and see that the file belongs to the daemon's user";
        else if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
                todo = "another program holds its lock; end the sqlite3 or backup that has it open (fuser -v on the file names "
                       "it)";
        else if (error == EACCES || error == EPERM || (rc & 0xff) == SQLITE_PERM)
                todo = "not permitted; see that the file and its directory belong to the daemon's user (chown)";
        else
                todo = "look for disk errors in dmesg and check the file's owner and mode";
        return problem_set(
                problem, r,
                "%s: %s%s%s: %s. Until then bans are enforced and remembered in memory only; it is tried again every second.",
                path, sqlite3_errstr(rc), error ? ", " : "", error ? strerror(error) : "", todo);
}

/**
 * database_is_corrupt() - whether a result code says that the file is beyond use
 */
bool database_is_corrupt(int rc)
{
        return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/**
 * database_number() - the integer that a query yields
 * @otherwise:  if it fails or yields none
 */
int64_t database_number(sqlite3 *db, const char *sql, int64_t otherwise)
{
        sqlite3_stmt *statement;

        if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
                return otherwise;
        if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_INTEGER)
                otherwise = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
        return otherwise;
}

static uint64_t next_id(sqlite3 *db, const char *table)
{
        char sql[160];
        int64_t used, highest;

        snprintf(sql, sizeof sql, "SELECT max(seq) FROM sqlite_sequence WHERE name = '%s'", table);
        used = database_number(db, sql, 0);
        snprintf(sql, sizeof sql, "SELECT max(id) FROM %s", table);
        highest = database_number(db, sql, 0);
        if (used > highest)
                highest = used;
        return highest > 0 && highest < INT64_MAX ? (uint64_t) highest + 1 : 1;
}

/**
 * database_ids() - the ids that come next
 *
 * Return: an SQLite result code; an empty file begins at 1.
 */
int database_ids(sqlite3 *db, DatabaseIds *ret_ids)
{
        int version, rc;

        rc = schema_version(db, &version);
        if (rc != SQLITE_OK)
                return rc;
        *ret_ids = (DatabaseIds){ .next_event = next_id(db, "events"),
                                  .next_ban = next_id(db, "bans") };
        return SQLITE_OK;
}

/**
 * database_open_reader() - a connection that only reads
 * @rescue:     read a file whose disk takes no writing; only while we hold the lock file
 *
 * Return: an SQLite result code.
 */
int database_open_reader(const char *path, bool rescue, sqlite3 **ret_db)
{
        sqlite3 *db;
        int rc, version;

        rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, rescue ? "unix-none" : NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(db,
                                  rescue ? "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF"
                                         : "PRAGMA trusted_schema = OFF",
                                  NULL, NULL, NULL);
        if (rc == SQLITE_OK)
                rc = schema_version(db, &version);
        if (rc != SQLITE_OK) {
                sqlite3_close(db);
                return rc;
        }
        *ret_db = db;
        return SQLITE_OK;
}

static int refuse_newer(const char *path, Problem *problem)
{
        sqlite3 *db;
        int version = 0;

        if (database_open_reader(path, true, &db) != SQLITE_OK)
                return 0; /* the ordinary way will tell what is wrong */
        schema_version(db, &version);
        sqlite3_close(db);
        if (version <= STORE_SCHEMA_VERSION)
                return 0;
        return problem_set(
                problem, STORE_E_NEWER,
                "%s was written by a newer release (schema version %d, this one reads up to %d). Install that release again, "
                "or move the file aside to begin without its bans: mv %s %s.newer",
                path, version, STORE_SCHEMA_VERSION, path, path);
}

static int check_quickly(sqlite3 *db)
{
        sqlite3_stmt *statement;
        int rc;

        rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return rc;
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW) {
                const char *answer = (const char *) sqlite3_column_text(statement, 0);
                rc = answer && strcmp(answer, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
        }
        sqlite3_finalize(statement);
        return rc;
}

static int prepare_all(Database *database)
{
        for (int i = 0; i < N_STATEMENTS; i++) {
                int rc = sqlite3_prepare_v3(database->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT, &database->statements[i],
                                            NULL);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}

static int on_wal(void *userdata, sqlite3 *db, const char *name, int frames)
{
        Database *database = userdata;

        database->wal_frames = frames;
        return SQLITE_OK;
}

/* On failure the connection stays, for its error; the caller closes it. */
static int open_file(Database *database, const char *path)
{
        int rc, fd;

        /* SQLite would make the file with the umask's mode; its companions take the mode of this one. */
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
                fchmod(fd, 0600);
                close(fd);
        }
        rc = sqlite3_open_v2(path, &database->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(database->db, SETTINGS, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
                rc = check_quickly(database->db);
        if (rc == SQLITE_OK)
                rc = schema_migrate(database->db, schema_steps, STORE_SCHEMA_VERSION);
        if (rc == SQLITE_OK)
                rc = prepare_all(database);
        /* A read-only file opens well, and only a write shows it. */
        if (rc == SQLITE_OK && sqlite3_db_readonly(database->db, "main") != 0)
                rc = SQLITE_READONLY;
        if (rc == SQLITE_OK)
                sqlite3_wal_hook(database->db, on_wal, database);
        return rc;
}

/* Keeps the newest; the time in their names sorts them. */
static void forget_old_corrupt(const char *path)
{
        char pattern[PATH_MAX];
        glob_t found;

        snprintf(pattern, sizeof pattern, "%s.corrupt-*Z", path);
        if (glob(pattern, 0, NULL, &found) != 0)
                return;
        for (size_t i = 0; i + STORE_CORRUPT_KEPT < found.gl_pathc; i++) {
                char wal[PATH_MAX];
                unlink(found.gl_pathv[i]);
                snprintf(wal, sizeof wal, "%.*s-wal", PATH_MAX - 8, found.gl_pathv[i]);
                unlink(wal);
        }
        globfree(&found);
}

/**
 * database_move_aside() - make room for an empty file; the database must be closed
 * @aside:      takes the name under which the old one is kept
 *
 * Return: 0 or -errno.
 */
int database_move_aside(const char *path, char aside[static PATH_MAX])
{
        char when[TIME_TEXT_MAX], from[PATH_MAX], to[PATH_MAX];

        snprintf(aside, PATH_MAX, "%.*s.corrupt-%s", PATH_MAX - 64, path, event_time_format(clock_event_now(), when));
        /* The log first: a crash in between then leaves a database without one, and never a new one with an old log. */
        snprintf(from, sizeof from, "%.*s-wal", PATH_MAX - 8, path);
        snprintf(to, sizeof to, "%.*s-wal", PATH_MAX - 8, aside);
        if (rename(from, to) < 0 && errno != ENOENT)
                return -errno;
        snprintf(from, sizeof from, "%.*s-shm", PATH_MAX - 8, path);
        unlink(from);
        if (rename(path, aside) < 0)
                return -errno;
        forget_old_corrupt(path);
        return 0;
}

/**
 * database_open() - open the file for writing, whatever state it is in
 * @database:   zeroed, or closed
 *
 * Takes as long as quick_check does: 0.2 s with a million bans.
 *
 * Return: 0; STORE_E_CORRUPT if a new file has taken the place of a broken one
 * (the database is open); STORE_E_NEWER or STORE_E_UNAVAILABLE (it is not).
 */
int database_open(Database *database, const char *path, Problem *problem)
{
        char aside[PATH_MAX];
        int r, rc;

        r = refuse_newer(path, problem);
        if (r > 0)
                return r;
        rc = open_file(database, path);
        if (rc == SQLITE_OK)
                return 0;
        if (!database_is_corrupt(rc)) {
                r = database_problem(problem, STORE_E_UNAVAILABLE, path, database->db, rc);
                database_close(database);
                return r;
        }
        database_close(database);
        r = database_move_aside(path, aside);
        if (r < 0)
                return problem_set(problem, STORE_E_UNAVAILABLE,
                                   "%s is damaged and cannot be moved aside: %s. Move it away by hand; until then bans "
                                   "are remembered in memory only.",
                                   path, strerror(-r));
        rc = open_file(database, path);
        if (rc != SQLITE_OK) {
                r = database_problem(problem, STORE_E_UNAVAILABLE, path, database->db, rc);
                database_close(database);
                return r;
        }
        return problem_set(problem, STORE_E_CORRUPT,
                           "%s was damaged; it is kept as %s and an empty one has taken its place. Bans made before are not "
                           "remembered. Look for disk errors in dmesg; to see what can be saved: sqlite3 %s .recover",
                           path, aside, aside);
}

/**
 * database_close() - close it, open or half open
 */
void database_close(Database *database)
{
        for (int i = 0; i < N_STATEMENTS; i++)
                sqlite3_finalize(database->statements[i]);
        sqlite3_close(database->db);
        *database = (Database){ 0 };
}

/**
 * database_has_moved() - whether the file that we write is no longer at its place
 */
bool database_has_moved(Database *database)
{
        int moved = 0;

        return sqlite3_file_control(database->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}
