/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file: modes, lock, versions, damage, and places that cannot be written. */

#include <fcntl.h>
#include <glob.h>

#include "store/private.h"
#include "test-store.h"

static unsigned mode_of(const char *path)
{
        struct stat st;

        check_int(stat(path, &st), 0);
        return st.st_mode & 0777;
}

static int count_ban(void *userdata, const Ban *ban)
{
        (*(unsigned *) userdata)++;
        return 0;
}

static unsigned count_bans(Store *store)
{
        unsigned bans = 0;
        Problem problem;

        check_int(store_load(store, NOW, &(StoreLoader){ .ban = count_ban, .userdata = &bans }, &problem), 0);
        return bans;
}

/* A database with one ban and one event. */
static void fill(const char *directory, sd_event *event)
{
        Store *store = open_store(directory);
        Seen seen;

        start(store, event, &seen);
        put_ban(store, store_stats(store)->next_ban_id, "203.0.113.5", EVENT_TIME_FOREVER);
        store_put_event(store, NOW, "ban", "");
        check_int(store_flush(store, 5000), 0);
        store_free(store);
}

static void test_modes_and_lock(sd_event *event)
{
        const char *parent = new_directory();
        char directory[PATH_MAX], expected[64];
        Store *store, *second = NULL;
        Problem problem;
        Seen seen;

        snprintf(directory, sizeof directory, "%s/state", parent);
        umask(0);
        store = open_store(directory);
        start(store, event, &seen);
        put_ban(store, 1, "203.0.113.5", NOW);
        check_int(store_flush(store, 5000), 0);
        check_int(mode_of(directory), 0700);
        check_int(mode_of(in_directory(directory, "bailiff.db")), 0600);
        check_int(mode_of(in_directory(directory, "bailiff.db-wal")), 0600);
        check_int(mode_of(in_directory(directory, "bailiff.lock")), 0600);

        check_int(store_open(directory, &second, &problem), STORE_E_LOCKED);
        check(!second);
        snprintf(expected, sizeof expected, "pid %ld", (long) getpid());
        check_contains(problem.text, expected);
        check_contains(problem.text, "systemctl status bailiffd");
        /* also by the directory alone, for a daemon whose disk took no lock file */
        check_int(unlink(in_directory(directory, "bailiff.lock")), 0);
        check_int(store_open(directory, &second, &problem), STORE_E_LOCKED);
        check(!second);
        store_free(store);
        store_free(open_store(directory));

        check_int(store_open(in_directory(directory, "no/such"), &second, &problem), -ENOENT);
        check_int(store_open(in_directory(directory, "bailiff.lock"), &second, &problem), -ENOTDIR);
        remove_tree(parent);
}

static int step_fails(sqlite3 *db)
{
        sqlite3_exec(db, "CREATE TABLE half (a)", NULL, NULL, NULL);
        return sqlite3_exec(db, "INSERT INTO no_such_table VALUES (1)", NULL, NULL, NULL);
}

static void test_migrations(void)
{
        const SchemaStep broken[] = { schema_steps[0], schema_steps[1], schema_steps[2], step_fails };
        sqlite3 *db;
        int version;

        check_int(sqlite3_open(":memory:", &db), SQLITE_OK);
        check_int(schema_migrate(db, broken, STORE_SCHEMA_VERSION + 1), SQLITE_ERROR);
        check_int(schema_version(db, &version), SQLITE_OK);
        check_int(version, 0);
        check_int(database_number(db, "SELECT count(*) FROM sqlite_schema", -1), 0);
        check_int(schema_migrate(db, schema_steps, STORE_SCHEMA_VERSION), SQLITE_OK);
        check_int(schema_version(db, &version), SQLITE_OK);
        check_int(version, STORE_SCHEMA_VERSION);
        check_int(database_number(
                          db,
                          "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('meta', 'windows', 'positions',"
                          " 'bans', 'events', 'outbox', 'set_aside', 'levels', 'allowed', 'paused', 'budgets')",
                          -1),
                  11);
        check_int(schema_migrate(db, schema_steps, STORE_SCHEMA_VERSION), SQLITE_OK); /* once more: nothing to do */
        /* A later step that fails leaves the version before as it is. */
        check_int(schema_migrate(db, broken, STORE_SCHEMA_VERSION + 1), SQLITE_ERROR);
        check_int(schema_version(db, &version), SQLITE_OK);
        check_int(version, STORE_SCHEMA_VERSION);
        check_int(database_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'", -1), 0);
        sqlite3_close(db);
}

/* A file as release 1 has left it, with data. */
static void make_version_1(const char *directory)
{
        sqlite3 *db;

        check_int(sqlite3_open(in_directory(directory, "bailiff.db"), &db), SQLITE_OK);
        check_int(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
        check_int(schema_migrate(db, schema_steps, 1), SQLITE_OK);
        check_int(sqlite3_exec(db,
                               "INSERT INTO bans VALUES (41, 'sshd', '203.0.113.5', '203.0.113.5', 'automatic', 1799999990000000, NULL,"
                               " 1799999980000000, 5, 'r', '', 'tcp/22', '[{\"time\":1799999980000000,\"rule\":\"r\",\"text\":\"t\"}]',"
                               " NULL, NULL), (42, 'sshd', '203.0.113.6', NULL, 'manual', 5, 6, 5, 0, '', 'why', '', '[]', 6, 'unban');"
                               "INSERT INTO events VALUES (7, 5, 'ban', '{}');"
                               "INSERT INTO windows VALUES ('sshd', '203.0.113.7', '[{\"time\":1799999980000000,\"rule\":\"r\"}]')",
                               NULL, NULL, NULL),
                  SQLITE_OK);
        sqlite3_close(db);
}

static int see_version_1(void *userdata, const Ban *ban)
{
        check_int(ban->id, 41);
        check(!ban->reject && ban->level == 0 && ban->forgotten.usec == 0 && ban->n_ports == 1 && ban->n_evidence == 1);
        return count_ban(userdata, ban);
}

static int count_window(void *userdata, const WindowRecord *record)
{
        *(unsigned *) userdata += 10;
        return 0;
}

static void test_version_1(void)
{
        const char *directory = new_directory();
        StoreLoader loader = { .ban = see_version_1, .window = count_window };
        unsigned seen = 0;
        uint64_t skipped = 0;
        Problem problem;
        sqlite3 *db;

        loader.userdata = &seen;
        make_version_1(directory);
        /* where the disk takes no migration it is read as it is */
        check_int(database_open_reader(in_directory(directory, "bailiff.db"), true, &db), SQLITE_OK);
        check_int(read_all(db, NOW, &loader, &skipped), 0);
        sqlite3_close(db);
        check_int(seen, 11);
        Store *store = open_store(directory);
        seen = 0;
        check_int(store_load(store, NOW, &loader, &problem), 0);
        check_int(seen, 11);
        check_int(skipped + store_stats(store)->skipped_rows, 0);
        check_int(store_stats(store)->next_ban_id, 43);
        check_int(store_stats(store)->next_event_id, 8);
        store_free(store);
        check_int(ask(directory, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE reject = 0 AND level = 0 AND forgotten IS NULL"), 2);
        remove_tree(directory);
}

static void read_whole(const char *path, char **ret_text, size_t *ret_size)
{
        FILE *file = fopen(path, "rb");
        char *text = malloc(1 << 20);

        check(file && text);
        *ret_size = fread(text, 1, 1 << 20, file);
        *ret_text = text;
        fclose(file);
}

/* Also with a WAL that a crash left behind, which holds the version. */
static void test_newer(void)
{
        const char *directory = new_directory();
        char *before[2], *after[2];
        size_t size[2], new_size[2];
        Store *store = NULL;
        Problem problem;
        pid_t child;
        int status;

        store_free(open_store(directory));
        child = fork();
        if (child == 0) {
                sqlite3 *db;
                if (sqlite3_open(in_directory(directory, "bailiff.db"), &db) != SQLITE_OK ||
                    sqlite3_exec(db, "PRAGMA user_version = 9; CREATE TABLE future (a)", NULL, NULL, NULL) != SQLITE_OK)
                        _exit(1);
                _exit(0); /* without closing it */
        }
        check(waitpid(child, &status, 0) == child && status == 0);
        read_whole(in_directory(directory, "bailiff.db"), &before[0], &size[0]);
        read_whole(in_directory(directory, "bailiff.db-wal"), &before[1], &size[1]);
        check(size[1] > 0);
        check_int(store_open(directory, &store, &problem), STORE_E_NEWER);
        check(!store);
        check_contains(problem.text, "schema version 9");
        check_contains(problem.text, "mv ");
        read_whole(in_directory(directory, "bailiff.db"), &after[0], &new_size[0]);
        read_whole(in_directory(directory, "bailiff.db-wal"), &after[1], &new_size[1]);
        for (int i = 0; i < 2; i++) {
                check(size[i] == new_size[i] && memcmp(before[i], after[i], size[i]) == 0);
                free(before[i]);
                free(after[i]);
        }
        remove_tree(directory);
}

static size_t count_corrupt(const char *directory)
{
        glob_t found = { 0 };
        size_t n = 0;

        if (glob(in_directory(directory, "bailiff.db.corrupt-*Z"), 0, NULL, &found) == 0)
                n = found.gl_pathc;
        globfree(&found);
        return n;
}

static void scribble(const char *path, off_t from, off_t to)
{
        int fd = open(path, O_WRONLY);

        check(fd >= 0);
        for (off_t at = from; at < to; at += 16)
                check_int(pwrite(fd, "scribble scribble", 16, at), 16);
        close(fd);
}

static void test_corrupt(sd_event *event)
{
        const char *directory = new_directory();
        const char *path = strdup(in_directory(directory, "bailiff.db"));
        Seen seen;

        /* The header, the pages behind it, and no database at all; each time an empty one takes its place. */
        for (unsigned round = 0; round < 4; round++) {
                Store *store = NULL;
                Problem problem;

                fill(directory, event);
                scribble(path, round == 1 ? 4096 : 0, round == 0 ? 100 : 16384);
                check_int(store_open(directory, &store, &problem), STORE_E_CORRUPT);
                check(store);
                check_contains(problem.text, "bailiff.db.corrupt-");
                check_contains(problem.text, "recover");
                check_int(count_bans(store), 0);
                check(store_stats(store)->next_event_id > 1000000); /* never one that was used */
                start(store, event, &seen);
                put_ban(store, store_stats(store)->next_ban_id, "203.0.113.6", EVENT_TIME_FOREVER);
                check_int(store_flush(store, 5000), 0);
                store_free(store);
                store = open_store(directory);
                check_int(count_bans(store), 1);
                store_free(store);
                check(count_corrupt(directory) >= 1 && count_corrupt(directory) <= 2);
                usleep(1050000); /* their names carry seconds */
        }
        check_int(count_corrupt(directory), 2);
        free((void *) (uintptr_t) path);
        remove_tree(directory);
}

/* The place of the file is taken by a directory: neither readable nor writable, by whomever. */
static void test_unavailable(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = NULL;
        Problem problem;
        Seen seen;

        check_int(mkdir(in_directory(directory, "bailiff.db"), 0700), 0);
        check_int(store_open(directory, &store, &problem), STORE_E_UNAVAILABLE);
        check(store && *problem.text);
        check_int(count_bans(store), 0);
        start(store, event, &seen);
        uint64_t id = store_stats(store)->next_ban_id;
        put_ban(store, id, "203.0.113.5", EVENT_TIME_FOREVER);
        check_int(store_put_event(store, NOW, "ban", ""), store_stats(store)->next_event_id - 1);
        store_submit(store);
        run_until(event, seen.degraded > 0);
        check_contains(seen.problem, "bailiff.db");
        check_int(store_flush(store, 50), -ETIMEDOUT);
        check_int(store_read_events(store, 0, 1, NULL, NULL), STORE_E_UNAVAILABLE);
        put_ban(store, id, "203.0.113.6", EVENT_TIME_FOREVER); /* merges with the one that waits */
        store_submit(store);
        check_int(rmdir(in_directory(directory, "bailiff.db")), 0);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 5000), 0);
        check_int(seen.events, 1);
        check_int(seen.emptied, 0);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE address = '203.0.113.6'"), 1);
        check_int(ask(directory, "SELECT count(*) FROM bans"), 1);
        store_free(store);
        remove_tree(directory);
}

int main(void)
{
        sd_event *event = NULL;

        check(sd_event_new(&event) >= 0);
        test_modes_and_lock(event);
        test_migrations();
        test_version_1();
        test_newer();
        test_corrupt(event);
        test_unavailable(event);
        sd_event_unref(event);
        return 0;
}
