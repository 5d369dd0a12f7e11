/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A disk that refuses, and foreign programs at the file. Nothing is lost, and
 * the loop thread never waits.
 *
 * With "disk DIRECTORY" it is the part of tests/system/300-store-full-disk that
 * has to be written in C; DIRECTORY is a small file system of its own.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "store/private.h"
#include "test-store.h"

#define LOOP_BOUND_USEC 200000 /* that a put and a submit may take while the disk stalls; they take some microseconds */

static void limit_file_size(rlim_t bytes)
{
        struct rlimit limit;

        check_int(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        check_int(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void put_round(Store *store, unsigned round)
{
        WindowEntry entry = { .time = NOW, .weight = (uint16_t) (round + 1), .rule = "r" };
        char position[32];
        uint64_t start = clock_boot_now().usec;

        snprintf(position, sizeof position, "%u", round);
        store_put_window(store, &(WindowRecord){ "sshd", address("203.0.113.5"), &entry, 1 });
        put_ban(store, round, "203.0.113.5", EVENT_TIME_FOREVER);
        if (round > 1)
                store_end_ban(store, round - 1, NOW, "displaced");
        store_put_event(store, NOW, "ban", "");
        store_put_position(store, &(PositionRecord){ "journal", position, NOW });
        store_submit(store);
        check(clock_boot_now().usec - start < LOOP_BOUND_USEC);
}

static void check_rounds(const char *directory, unsigned rounds)
{
        char sql[128];

        check_int(ask(directory, "SELECT count(*) FROM events"), rounds);
        check_int(ask(directory, "SELECT max(id) FROM events"), rounds);
        check_int(ask(directory, "SELECT count(*) FROM bans"), rounds);
        check_int(ask(directory, "SELECT id FROM bans WHERE ended IS NULL"), rounds);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM positions WHERE position = '%u'", rounds);
        check_int(ask(directory, sql), 1);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM windows WHERE json_extract(entries, '$[0].weight') = %u", rounds + 1);
        check_int(ask(directory, sql), 1);
}

static void test_failed_commit(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        Seen seen;

        signal(SIGXFSZ, SIG_IGN);
        start(store, event, &seen);
        put_round(store, 1);
        put_round(store, 2);
        check_int(store_flush(store, 5000), 0);
        limit_file_size(4096);
        put_round(store, 3);
        run_until(event, seen.degraded == 1);
        check_contains(seen.problem, "disk is full");
        for (unsigned round = 4; round <= 6; round++)
                put_round(store, round);
        check_int(store_flush(store, 1500), -ETIMEDOUT); /* at least one more try in between */
        check(store_stats(store)->failed_commits >= 2);
        check(store_stats(store)->pending_bytes > 0);
        check_int(seen.sequence, 2);
        put_round(store, 7);
        limit_file_size(RLIM_INFINITY);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 5000), 0);
        check_int(seen.sequence, 7);
        check_int(seen.events, 7);
        check_int(seen.emptied, 0);
        check_int(store_stats(store)->pending_bytes, 0);
        check_rounds(directory, 7);
        store_free(store);
        remove_tree(directory);
}

static sqlite3 *foreign(const char *directory, const char *sql)
{
        sqlite3 *db;

        check_int(sqlite3_open(in_directory(directory, "bailiff.db"), &db), SQLITE_OK);
        sqlite3_busy_timeout(db, 10000); /* the store's thread may be at its checkpoint for a moment after a flush */
        check_int(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        return db;
}

/* Somebody's transaction holds the write lock for longer than the store thread waits. */
static void test_foreign_writer(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        sqlite3 *db;
        Seen seen;

        start(store, event, &seen);
        put_round(store, 1);
        check_int(store_flush(store, 5000), 0);
        db = foreign(directory, "BEGIN IMMEDIATE");
        put_round(store, 2);
        run_until(event, seen.degraded == 1);
        check_contains(seen.problem, "lock");
        put_round(store, 3);
        sqlite3_close(db);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 10000), 0);
        check_rounds(directory, 3);
        store_free(store);
        remove_tree(directory);
}

/* A reader that never ends keeps the log growing up to the cap; then writing waits, and goes on when it has gone. */
static void test_foreign_reader(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        StoreLimits limits = STORE_LIMITS_DEFAULT;
        unsigned round = 1;
        struct stat st;
        sqlite3 *db;
        Seen seen;

        limits.wal_max = 1000000;
        store_set_limits(store, &limits);
        start(store, event, &seen);
        put_round(store, round);
        check_int(store_flush(store, 5000), 0);
        db = foreign(directory, "BEGIN; SELECT count(*) FROM bans");
        while (seen.degraded == 0 && round < 1000) {
                put_round(store, ++round);
                store_flush(store, 20);
        }
        check(round < 1000);
        check_contains(seen.problem, "bailiff.db-wal has grown");
        check_contains(seen.problem, "fuser");
        for (unsigned i = 0; i < 20; i++)
                put_round(store, ++round);
        store_flush(store, 1200);
        check_int(stat(in_directory(directory, "bailiff.db-wal"), &st), 0);
        check(st.st_size < 1200000);
        sqlite3_close(db);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 5000), 0);
        check_int(stat(in_directory(directory, "bailiff.db-wal"), &st), 0);
        check(st.st_size < 300000);
        check_rounds(directory, round);
        store_free(store);
        remove_tree(directory);
}

/* The file is removed, or written over, under the running daemon. */
static void test_lost_file(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        Seen seen;

        start(store, event, &seen);
        put_round(store, 1);
        check_int(store_flush(store, 5000), 0);
        check_int(unlink(in_directory(directory, "bailiff.db")), 0);
        unlink(in_directory(directory, "bailiff.db-wal"));
        unlink(in_directory(directory, "bailiff.db-shm"));
        put_round(store, 2);
        run_until(event, seen.emptied == 1);
        check_int(seen.degraded, 0);
        put_ban(store, 1, "203.0.113.5", NOW);
        check_int(store_flush(store, 5000), 0);
        check_int(ask(directory, "SELECT count(*) FROM bans"), 2);
        store_free(store);
        remove_tree(directory);
}

static void test_damaged_file(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        char noise[4096];
        struct stat st;
        Seen seen;
        int fd;

        start(store, event, &seen);
        for (unsigned round = 1; round <= 300; round++)
                put_round(store, round);
        check_int(store_flush(store, 5000), 0);
        check_int(ask(directory, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
        fd = open(in_directory(directory, "bailiff.db"), O_WRONLY);
        check(fd >= 0 && fstat(fd, &st) == 0);
        memset(noise, 0xee, sizeof noise);
        for (off_t at = 4096; at < st.st_size; at += 4096)
                check_int(pwrite(fd, noise, sizeof noise, at), sizeof noise);
        close(fd);
        /* A foreign change makes the store thread read the pages again. */
        sqlite3 *db;
        check_int(sqlite3_open(in_directory(directory, "bailiff.db"), &db), SQLITE_OK);
        check_int(sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        put_round(store, 301);
        run_until(event, seen.emptied == 1);
        check_contains(seen.problem, "damaged");
        check_int(store_flush(store, 5000), 0);
        check_int(ask(directory, "SELECT id FROM bans WHERE ended IS NULL"), 301);
        check_int(ask(directory, "SELECT max(id) FROM events"), 301);
        store_free(store);
        remove_tree(directory);
}

static void edit(const char *directory, const char *sql)
{
        sqlite3_close(foreign(directory, sql));
}

/* A row without its entry in an index: quick_check does not see it, and every write of that row fails. */
static void test_damaged_index(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        Seen seen;

        start(store, event, &seen);
        put_round(store, 1);
        check_int(store_flush(store, 5000), 0);
        store_free(store);
        edit(directory, "CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'bans_address';"
                        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'bans_address'");
        edit(directory, "UPDATE bans SET address = '203.0.113.77'");
        edit(directory, "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM kept");

        store = open_store(directory);
        start(store, event, &seen);
        put_ban(store, 1, "203.0.113.6", EVENT_TIME_FOREVER);
        store_put_event(store, NOW, "ban", "");
        store_submit(store);
        run_until(event, seen.emptied == 1);
        check_contains(seen.problem, "bailiff.db.corrupt-");
        check_int(store_flush(store, 5000), 0);
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE address = '203.0.113.6'"), 1);
        store_free(store);
        remove_tree(directory);
}

/* ---- The part of the system test ---- */

static void fill_up(const char *directory)
{
        int fd = open(in_directory(directory, "filler"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        char block[512] = "";

        check(fd >= 0);
        while (write(fd, block, sizeof block) > 0)
                ;
        check_int(errno, ENOSPC);
        close(fd);
}

typedef struct Found {
        unsigned bans, windows, positions;
} Found;

static int find_ban(void *userdata, const Ban *ban)
{
        ((Found *) userdata)->bans++;
        return 0;
}

static int find_window(void *userdata, const WindowRecord *record)
{
        ((Found *) userdata)->windows++;
        return 0;
}

static int find_position(void *userdata, const PositionRecord *record)
{
        ((Found *) userdata)->positions++;
        return 0;
}

/* A daemon that is killed with five rounds in its log, none of them in the database yet. */
static void crash_with_log(const char *directory, bool with_index)
{
        pid_t child = fork();
        int status;

        check(child >= 0);
        if (child == 0) {
                sd_event *event = NULL;
                Seen seen;
                check(sd_event_new(&event) >= 0);
                Store *store = open_store(directory);
                start(store, event, &seen);
                for (unsigned round = 1; round <= 5; round++) {
                        put_round(store, round);
                        check_int(store_flush(store, 5000), 0);
                }
                raise(SIGKILL);
        }
        check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (!with_index)
                check_int(unlink(in_directory(directory, "bailiff.db-shm")), 0);
}

/* @expected: of the problem's text; NULL: it opens, and only a write will show it. What is remembered is there in any case. */
static Store *open_and_read(const char *directory, const char *expected)
{
        Store *store = NULL;
        Problem problem = { "" };
        Found found = { 0 };

        check_int(store_open(directory, &store, &problem), expected ? STORE_E_UNAVAILABLE : 0);
        check(store);
        if (expected)
                check_contains(problem.text, expected);
        check_int(store_load(
                          store, NOW,
                          &(StoreLoader){ .ban = find_ban, .window = find_window, .position = find_position, .userdata = &found },
                          &problem),
                  0);
        check_int(found.bans, 1);
        check_int(found.windows, 1);
        check_int(found.positions, 1);
        check_int(store_stats(store)->next_ban_id, 6);
        check_int(store_stats(store)->next_event_id, 6);
        return store;
}

static void remount(const char *directory, bool read_only)
{
        check_int(mount(NULL, directory, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL), 0);
}

/* Full, and read-only, with and without the index that the crash left. Returns with an empty directory. */
static void disk_round(const char *disk, sd_event *event, bool full, bool read_only, bool with_index)
{
        char directory[PATH_MAX];
        Seen seen;

        snprintf(directory, sizeof directory, "%s/state", disk);
        crash_with_log(directory, with_index);
        if (full)
                fill_up(disk);
        if (read_only)
                remount(disk, true);
        Store *store = open_and_read(directory, read_only ? "read-only" : with_index ? NULL : "full");
        start(store, event, &seen);
        unsigned round = 5;
        while (seen.degraded == 0 && round < 50) { /* a full disk may still have some bytes in the log's last page */
                put_round(store, ++round);
                store_flush(store, 100);
        }
        check(seen.degraded > 0);
        put_round(store, ++round);
        check_int(store_flush(store, 1200), -ETIMEDOUT);
        if (read_only)
                remount(disk, false);
        if (full)
                check_int(unlink(in_directory(disk, "filler")), 0);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 5000), 0);
        check_rounds(directory, round);
        check_int(seen.emptied, 0);
        store_free(store);
        remove_tree(directory);
}

/* Somebody has the whole file for himself when the daemon starts: it is read all the same. */
static void test_exclusive_lock(sd_event *event)
{
        const char *directory = new_directory();
        sqlite3 *db;
        Seen seen;

        crash_with_log(directory, true);
        db = foreign(directory, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT");
        Store *store = open_and_read(directory, "lock");
        start(store, event, &seen);
        put_round(store, 6);
        run_until(event, seen.degraded >= 1);
        sqlite3_close(db);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 5000), 0);
        check_rounds(directory, 6);
        store_free(store);
        remove_tree(directory);
}

/* Full from the first start on: there is no file yet. */
static void disk_from_the_start(const char *disk, sd_event *event)
{
        char directory[PATH_MAX];
        Store *store = NULL;
        Problem problem;
        Seen seen;

        snprintf(directory, sizeof directory, "%s/state", disk);
        fill_up(disk);
        check_int(store_open(directory, &store, &problem), STORE_E_UNAVAILABLE);
        check_contains(problem.text, "full");
        start(store, event, &seen);
        put_round(store, 1);
        run_until(event, seen.degraded >= 1);
        check_int(unlink(in_directory(disk, "filler")), 0);
        run_until(event, seen.healed == 1);
        check_int(store_flush(store, 5000), 0);
        check_rounds(directory, 1);
        /* and while running */
        fill_up(disk);
        unsigned round = 1;
        while (seen.degraded < 2 && round < 500) {
                put_round(store, ++round);
                store_flush(store, 50);
        }
        check_contains(seen.problem, "full");
        check_int(unlink(in_directory(disk, "filler")), 0);
        run_until(event, seen.healed == 2);
        check_int(store_flush(store, 5000), 0);
        check_rounds(directory, round);
        store_free(store);
        remove_tree(directory);
}

int main(int argc, char *argv[])
{
        sd_event *event = NULL;

        check(sd_event_new(&event) >= 0);
        if (argc == 3 && strcmp(argv[1], "disk") == 0) {
                for (unsigned i = 0; i < 8; i++)
                        if (i & 3) {
                                printf("full %u, read-only %u, with index %u\n", i & 1, (i >> 1) & 1, i >> 2);
                                fflush(stdout);
                                disk_round(argv[2], event, i & 1, i & 2, i & 4);
                        }
                disk_from_the_start(argv[2], event);
        } else {
                test_failed_commit(event);
                test_foreign_writer(event);
                test_foreign_reader(event);
                test_lost_file(event);
                test_damaged_file(event);
                test_damaged_index(event);
                test_exclusive_lock(event);
        }
        sd_event_unref(event);
        return 0;
}
