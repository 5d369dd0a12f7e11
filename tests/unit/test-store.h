/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the store's tests share: a directory of their own, a loop, and records to put. */

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store.h"
#include "test.h"

#define NOW ((EventTime){ INT64_C(1800000000000000) })

typedef struct Seen {
        uint64_t sequence;
        size_t events, commits;
        uint64_t last_event;
        size_t degraded, healed, emptied;
        char problem[2048];
} Seen;

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static inline void remove_tree(const char *path)
{
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *new_directory(void)
{
        static char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/bailiff-store-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        check(mkdtemp(path));
        return path;
}

static inline const char *in_directory(const char *directory, const char *name)
{
        static char path[4][PATH_MAX + 256];
        static unsigned turn;

        turn = (turn + 1) % 4;
        snprintf(path[turn], sizeof *path, "%s/%s", directory, name);
        return path[turn];
}

static inline Addr address(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

static inline void on_committed(void *userdata, uint64_t sequence, const EventRecord *events, size_t n_events)
{
        Seen *seen = userdata;

        check(sequence > seen->sequence);
        seen->sequence = sequence;
        seen->commits++;
        for (size_t i = 0; i < n_events; i++) {
                check(seen->last_event == 0 || events[i].id == seen->last_event + 1);
                seen->last_event = events[i].id;
                seen->events++;
        }
}

static inline void on_degraded(void *userdata, const char *text)
{
        Seen *seen = userdata;

        if (text) {
                seen->degraded++;
                snprintf(seen->problem, sizeof seen->problem, "%s", text);
        } else {
                seen->healed++;
        }
}

static inline void on_emptied(void *userdata)
{
        ((Seen *) userdata)->emptied++;
}

static inline void start(Store *store, sd_event *event, Seen *seen)
{
        *seen = (Seen){ 0 };
        check_int(store_start(
                          store, event,
                          (StoreCallbacks){
                                  .committed = on_committed, .degraded = on_degraded, .emptied = on_emptied, .userdata = seen }),
                  0);
}

/* Runs the loop until a condition holds, ten seconds at most. */
#define run_until(event, condition)                                                                                              \
        do {                                                                                                                     \
                uint64_t _end = clock_boot_now().usec + 10 * USEC_PER_SEC;                                                       \
                while (!(condition) && clock_boot_now().usec < _end)                                                             \
                        check(sd_event_run((event), 20000) >= 0);                                                                \
                check(condition);                                                                                                \
        } while (0)

static inline Store *open_store(const char *directory)
{
        Store *store = NULL;
        Problem problem = { "" };
        int r = store_open(directory, &store, &problem);

        if (r != 0)
                fprintf(stderr, "store_open: %d %s\n", r, problem.text);
        check_int(r, 0);
        return store;
}

static inline void put_ban(Store *store, uint64_t id, const char *addr, EventTime until)
{
        static const Evidence lines[] = { { { INT64_C(1799999990000000) }, "sshd:failed-password", "Failed password for root" } };
        Ban ban = { .id = id,
                    .jail = "sshd",
                    .addr = address(addr),
                    .source = address(addr),
                    .start = NOW,
                    .until = until,
                    .first = NOW,
                    .failures = 5,
                    .rule = "sshd:failed-password",
                    .reason = "",
                    .evidence = lines,
                    .n_evidence = 1 };

        store_put_ban(store, &ban);
}

/* An integer straight from the file, by a foreign reader. */
static inline long long ask(const char *directory, const char *sql)
{
        sqlite3_stmt *statement;
        sqlite3 *db;
        long long answer;

        check_int(sqlite3_open_v2(in_directory(directory, "bailiff.db"), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
        sqlite3_busy_timeout(db, 5000);
        check_int(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        int rc = sqlite3_step(statement);
        check(rc == SQLITE_ROW || rc == SQLITE_DONE);
        answer = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        sqlite3_finalize(statement);
        sqlite3_close(db);
        return answer;
}
