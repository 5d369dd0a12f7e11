/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `unban --offline`: lifting bans in the file while no daemon runs, for somebody
 * who sits at the console and is locked out otherwise.
 *
 * Root runs it on files of the daemon's user. A database, log or lock file that
 * root makes is one that the daemon cannot write, so everything is done as the
 * user who owns the database; nothing has to be handed over afterwards, and a
 * kill in between leaves nothing wrong.
 */

#include <errno.h>
#include <sys/stat.h>

#include "store/private.h"
#include "util/text.h"

#define STEP 1000 /* bans whose rows are held in memory at a time */

typedef struct Lift {
        const Addr *addr;       /* NULL: all */
        const char *jail;       /* NULL: all */
        EventTime now;
        uint64_t *ids;          /* of the bans that were ended */
        size_t n_ids, ids_size;
} Lift;

/* As a running daemon does: what covers the address, and for a prefix also what lies in it. */
static bool is_meant(const Lift *lift, const Addr *addr, const char *jail)
{
        return (!lift->jail || strcmp(lift->jail, jail) == 0) &&
               (!lift->addr || addr_contains(addr, lift->addr) || addr_contains(lift->addr, addr));
}

static void remember(Lift *lift, uint64_t id)
{
        if (lift->n_ids == lift->ids_size) {
                size_t wanted = lift->ids_size > 0 ? lift->ids_size * 2 : 64;
                uint64_t *ids = reallocarray(lift->ids, wanted, sizeof *ids);
                if (!ids)
                        abort(); /* memory; the transaction is rolled back by that */
                lift->ids = ids;
                lift->ids_size = wanted;
        }
        lift->ids[lift->n_ids++] = id;
}

/* The ban's end, and what would bring its address under a ban again at once. */
static void put_end(Batch *batch, uint64_t event_id, uint64_t id, const Addr *addr, const char *jail, EventTime now)
{
        char members[JAIL_NAME_MAX + ADDR_TEXT_MAX + 128], text[ADDR_TEXT_MAX];

        batch_end_ban(batch, id, now, "unban");
        batch_put_window(batch, &(WindowRecord){ .jail = jail, .addr = *addr });
        batch_put_level(batch, &(LevelRecord){ .jail = jail, .addr = *addr });
        batch_put_level(batch, &(LevelRecord){ .jail = "", .addr = *addr });
        snprintf(members, sizeof members, "\"jail\":\"%s\",\"ip\":\"%s\",\"ban\":%llu,\"note\":\"unban --offline\"", jail,
                 addr_format(addr, text), (unsigned long long) id);
        batch_put_event(batch, event_id, now, "unban", members);
}

static int write_step(Database *database, Batch **batch)
{
        int rc = write_rows(database, *batch);

        batch_free(*batch);
        *batch = batch_new();
        return rc;
}

/* Within a transaction. Return: an SQLite result code. */
static int lift_rows(Store *store, Lift *lift)
{
        _cleanup_(batch_freep) Batch *batch = batch_new();
        sqlite3_stmt *statement;
        int rc, failed = SQLITE_OK;

        rc = sqlite3_prepare_v2(store->database.db,
                                "SELECT id, jail, address FROM bans WHERE ended IS NULL AND (until IS NULL OR until > ?1)"
                                " AND id > ?2 ORDER BY id LIMIT ?3",
                                -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return rc;
        for (int64_t last = 0, rows = STEP; rows == STEP && failed == SQLITE_OK;) {
                sqlite3_bind_int64(statement, 1, lift->now.usec);
                sqlite3_bind_int64(statement, 2, last);
                sqlite3_bind_int(statement, 3, STEP);
                for (rows = 0; (rc = sqlite3_step(statement)) == SQLITE_ROW; rows++) {
                        const char *jail = (const char *) sqlite3_column_text(statement, 1);
                        const char *text = (const char *) sqlite3_column_text(statement, 2);
                        Addr addr;

                        last = sqlite3_column_int64(statement, 0);
                        if (!jail || !text || !text_is_name(jail) || addr_parse_prefix(text, &addr) < 0 ||
                            !is_meant(lift, &addr, jail))
                                continue;
                        put_end(batch, store->stats.next_event_id++, (uint64_t) last, &addr, jail, lift->now);
                        remember(lift, (uint64_t) last);
                }
                failed = sqlite3_reset(statement);
                if (failed == SQLITE_OK)
                        failed = write_step(&store->database, &batch);
        }
        sqlite3_finalize(statement);
        return failed;
}

static int lift_all(Store *store, Lift *lift, Problem *problem)
{
        int rc;

        rc = write_begin(&store->database);
        if (rc == SQLITE_OK)
                rc = write_end(&store->database, lift_rows(store, lift));
        if (rc == SQLITE_OK)
                return 0;
        return problem_set(problem, -EIO, "%s: %s; no ban was lifted. See that the disk is neither full nor read-only (df, mount)",
                           store->path, sqlite3_errstr(rc));
}

static int open_offline(const char *directory, Store **ret_store, Problem *problem)
{
        Problem why;
        int r;

        r = store_open(directory, ret_store, &why);
        if (r == 0)
                return 0;
        if (r == STORE_E_LOCKED)
                return problem_set(problem, -EBUSY,
                                   "bailiffd runs with %s, so it has to be asked: bailiffctl unban ADDR, without --offline",
                                   directory);
        if (r == STORE_E_UNAVAILABLE)
                return problem_set(problem, -EIO,
                                   "%s/" STORE_FILE " cannot be written, and no ban was lifted. See that the disk is neither full nor "
                                   "read-only (df, mount), and that no other program holds the file (fuser)",
                                   directory);
        return problem_set(problem, r < 0 ? r : -EBADMSG, "%s", why.text);
}

static int unban(const char *directory, Lift *lift, StorePastBanVisitor visitor, void *userdata, Problem *problem)
{
        _cleanup_(store_freep) Store *store = NULL;
        int r;

        r = open_offline(directory, &store, problem);
        if (r == 0)
                r = lift_all(store, lift, problem);
        for (size_t i = 0; i < lift->n_ids && r >= 0; i++) {
                r = read_ban(store->database.db, lift->ids[i], visitor, userdata);
                if (r == -ENOENT)
                        r = 0; /* lifted, though its other columns make no sense */
                else if (r < 0)
                        problem_set(problem, r, "the bans were lifted, but not all could be shown: %s", strerror(-r));
        }
        return r < 0 ? r : 0;
}

/* Root becomes the owner of the file. Return: whether that succeeded, or was not needed. */
static bool become(uid_t uid, gid_t gid)
{
        return geteuid() != 0 || (setegid(gid) == 0 && seteuid(uid) == 0);
}

static bool become_again(uid_t uid, gid_t gid)
{
        return seteuid(uid) == 0 && setegid(gid) == 0;
}

/**
 * store_unban_offline() - lift bans in the file, while no daemon runs
 * @directory:  the state directory
 * @addr:       as ban_engine_unban(): bans that cover it, and for a prefix those that lie in it; NULL: all
 * @jail:       NULL: all
 * @visitor:    is called for each ban that was lifted, when that is on disk; a negative return stops the showing
 *
 * The windows and levels of the bans go with them, and each has its "unban"
 * event, all in one transaction. As root it acts as the owner of the database
 * meanwhile, with the whole process: call it from a program with one thread.
 *
 * Return: 0 (also if there was none to lift); -EBUSY: a daemon runs; -ENOENT:
 * there is no database; another -errno; the visitor's. @problem says what to do.
 */
int store_unban_offline(const char *directory, const Addr *addr, const char *jail, EventTime now, StorePastBanVisitor visitor,
                        void *userdata, Problem *problem)
{
        Lift lift = { .addr = addr, .jail = jail, .now = now };
        uid_t uid = geteuid();
        gid_t gid = getegid();
        char path[PATH_MAX];
        struct stat st;
        int r;

        snprintf(path, sizeof path, "%.*s/" STORE_FILE, PATH_MAX - 32, directory);
        if (lstat(path, &st) < 0)
                return problem_set(problem, -errno,
                                   "%s: %s. Give the daemon's --state-dir; if this is it, no bans are remembered",
                                   path, strerror(errno));
        if (become(st.st_uid, st.st_gid))
                r = unban(directory, &lift, visitor, userdata, problem);
        else
                r = problem_set(problem, -EPERM, "cannot act as the owner of %s: %s. Run it as root, or as that user", path,
                                strerror(errno));
        if (!become_again(uid, gid))
                r = problem_set(problem, -EPERM, "cannot be root again: %s", strerror(errno));
        free(lift.ids);
        return r;
}
