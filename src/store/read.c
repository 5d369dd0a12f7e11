/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rows back from the disk.
 *
 * The tables are STRICT, so types are as declared; nothing else is believed. A
 * row that makes no sense is passed over and counted, for one bad row must not
 * cost the other bans.
 */

#include <errno.h>

#include "store/private.h"
#include "util/text.h"

#define PAST_MAX 1000 /* past bans of one question */
#define TEXT_MAX 4096 /* of a rule, a reason, a source, a position */
#define BAN_COLUMNS_BEFORE "id, jail, address, source, origin, start, until, first, failures, rule, reason, ports, lines, ended, how, "
#define BAN_COLUMNS BAN_COLUMNS_BEFORE "reject, level, forgotten"
#define BAN_COLUMNS_1 BAN_COLUMNS_BEFORE "0, 0, NULL" /* of a file of version 1 */

/* "" for NULL: no column may be both absent and of use. */
static const char *column_text(sqlite3_stmt *statement, int column)
{
        const char *text = (const char *) sqlite3_column_text(statement, column);

        return text ? text : "";
}

static bool column_addr(sqlite3_stmt *statement, int column, Addr *ret_addr)
{
        return addr_parse_prefix(column_text(statement, column), ret_addr) == 0;
}

/* A column that was left empty for a time that has no number. */
static EventTime column_time(sqlite3_stmt *statement, int column, EventTime absent)
{
        if (sqlite3_column_type(statement, column) == SQLITE_NULL)
                return absent;
        return (EventTime){ sqlite3_column_int64(statement, column) };
}

/* Return: 0, -EBADMSG for a row that makes no sense, -ENOMEM. */
static int ban_row_read(sqlite3_stmt *statement, JsonScratch *scratch, Ban *ban)
{
        int64_t failures = sqlite3_column_int64(statement, 8), level = sqlite3_column_int64(statement, 16);
        const char *origin = column_text(statement, 4);
        int r;

        ban->id = (uint64_t) sqlite3_column_int64(statement, 0);
        ban->jail = column_text(statement, 1);
        ban->origin = strcmp(origin, "manual") == 0 ? BAN_MANUAL : BAN_AUTOMATIC;
        ban->start = column_time(statement, 5, EVENT_TIME_NONE);
        ban->until = column_time(statement, 6, EVENT_TIME_FOREVER);
        ban->first = column_time(statement, 7, EVENT_TIME_NONE);
        ban->failures = (unsigned) failures;
        ban->rule = column_text(statement, 9);
        ban->reason = column_text(statement, 10);
        ban->reject = sqlite3_column_int64(statement, 15) == 1;
        ban->level = (unsigned) level;
        ban->forgotten = column_time(statement, 17, EVENT_TIME_NONE);
        if (sqlite3_column_int64(statement, 0) <= 0 || !text_is_name(ban->jail) || !column_addr(statement, 2, &ban->addr) ||
            (sqlite3_column_type(statement, 3) != SQLITE_NULL && !column_addr(statement, 3, &ban->source)) ||
            (ban->origin == BAN_AUTOMATIC && strcmp(origin, "automatic") != 0) || ban->start.usec < 0 || ban->until.usec <= 0 ||
            ban->first.usec < 0 || failures < 0 || failures > UINT32_MAX || level < 0 ||
            level > UINT32_MAX || ban->forgotten.usec < 0 || !column_is_clean(ban->rule, TEXT_MAX) ||
            !column_is_clean(ban->reason, TEXT_MAX))
                return -EBADMSG;
        r = text_to_ports(column_text(statement, 11), scratch, &ban->n_ports);
        if (r < 0)
                return r;
        ban->ports = ban->n_ports > 0 ? scratch->ports : NULL;
        r = json_to_evidence(column_text(statement, 12), (size_t) sqlite3_column_bytes(statement, 12), scratch, &ban->n_evidence);
        if (r < 0 && r != -EBADMSG)
                return r;
        ban->evidence = scratch->evidence; /* a ban without its lines is still a ban */
        return 0;
}

static int error_of(int rc)
{
        return rc == SQLITE_DONE ? 0 : (rc & 0xff) == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

/* What the loading of all tables shares. */
typedef struct Load {
        EventTime now;
        const StoreLoader *loader;
        uint64_t *skipped;
        JsonScratch scratch;
} Load;

static int load_ban(sqlite3_stmt *statement, Load *load)
{
        Ban ban = { 0 };
        int r;

        r = ban_row_read(statement, &load->scratch, &ban);
        if (r == -EBADMSG) {
                (*load->skipped)++;
                return 0;
        }
        return r == 0 && load->loader->ban ? load->loader->ban(load->loader->userdata, &ban) : r;
}

static int load_window(sqlite3_stmt *statement, Load *load)
{
        WindowRecord record = { .jail = column_text(statement, 0) };
        int r;

        if (!text_is_name(record.jail) || !column_addr(statement, 1, &record.addr))
                r = -EBADMSG;
        else /* A day: what a clock that was set back may explain. */
                r = json_to_entries(column_text(statement, 2), (size_t) sqlite3_column_bytes(statement, 2),
                                    event_time_add(load->now, 86400), &load->scratch, &record.n_entries);
        if (r == -EBADMSG || (r == 0 && record.n_entries == 0)) {
                (*load->skipped)++;
                return 0;
        }
        record.entries = load->scratch.entries;
        return r == 0 && load->loader->window ? load->loader->window(load->loader->userdata, &record) : r;
}

static int load_position(sqlite3_stmt *statement, Load *load)
{
        PositionRecord record = { .source = column_text(statement, 0),
                                  .position = column_text(statement, 1),
                                  .time = column_time(statement, 2, EVENT_TIME_NONE) };

        if (!column_is_clean(record.source, TEXT_MAX) || !column_is_clean(record.position, TEXT_MAX) || record.time.usec < 0) {
                (*load->skipped)++;
                return 0;
        }
        return load->loader->position ? load->loader->position(load->loader->userdata, &record) : 0;
}

static int load_set_aside(sqlite3_stmt *statement, Load *load)
{
        SetAsideRecord record = { .source = column_text(statement, 0),
                                  .position = column_text(statement, 1),
                                  .text = column_text(statement, 2),
                                  .time = column_time(statement, 3, EVENT_TIME_NONE) };

        if (!column_is_clean(record.source, TEXT_MAX) || !column_is_clean(record.position, TEXT_MAX) ||
            !column_is_clean(record.text, LINE_LENGTH_MAX * 4)) {
                (*load->skipped)++;
                return 0;
        }
        return load->loader->set_aside ? load->loader->set_aside(load->loader->userdata, &record) : 0;
}

static int load_level(sqlite3_stmt *statement, Load *load)
{
        int64_t level = sqlite3_column_int64(statement, 2);
        LevelRecord record = { .jail = column_text(statement, 0),
                               .level = (unsigned) level,
                               .forgotten = column_time(statement, 3, EVENT_TIME_FOREVER) };

        if ((*record.jail && !text_is_name(record.jail)) || !column_addr(statement, 1, &record.addr) || level < 0 ||
            level > UINT32_MAX) {
                (*load->skipped)++;
                return 0;
        }
        return load->loader->level ? load->loader->level(load->loader->userdata, &record) : 0;
}

static int load_allow(sqlite3_stmt *statement, Load *load)
{
        AllowRecord record = { .until = column_time(statement, 1, EVENT_TIME_FOREVER),
                               .reason = column_text(statement, 2),
                               .by = column_text(statement, 3),
                               .time = column_time(statement, 4, EVENT_TIME_NONE) };

        if (!column_addr(statement, 0, &record.addr) || !column_is_clean(record.reason, TEXT_MAX) ||
            !column_is_clean(record.by, TEXT_MAX) || record.time.usec < 0) {
                (*load->skipped)++;
                return 0;
        }
        return load->loader->allow ? load->loader->allow(load->loader->userdata, &record) : 0;
}

static int load_pause(sqlite3_stmt *statement, Load *load)
{
        PauseRecord record = { .jail = column_text(statement, 0),
                               .by = column_text(statement, 1),
                               .time = column_time(statement, 2, EVENT_TIME_NONE) };

        if (!text_is_name(record.jail) || !column_is_clean(record.by, TEXT_MAX) || record.time.usec < 0) {
                (*load->skipped)++;
                return 0;
        }
        return load->loader->pause ? load->loader->pause(load->loader->userdata, &record) : 0;
}

typedef int (*RowLoader)(sqlite3_stmt *statement, Load *load);

/* ?1 is the present in all statements that have it. */
static int load_rows(sqlite3 *db, const char *sql, RowLoader row, Load *load)
{
        sqlite3_stmt *statement;
        int rc, r = 0;

        rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return -EIO;
        if (sqlite3_bind_parameter_count(statement) > 0)
                sqlite3_bind_int64(statement, 1, load->now.usec);
        while (r >= 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW)
                r = row(statement, load);
        sqlite3_finalize(statement);
        return r < 0 ? r : error_of(rc);
}

static int read_tables(sqlite3 *db, int version, Load *load)
{
        static const struct {
                const char *sql;
                RowLoader row;
                int since; /* version */
        } tables[] = {
                { "SELECT " BAN_COLUMNS " FROM bans WHERE ended IS NULL AND (until IS NULL OR until > ?1)", load_ban, 2 },
                { "SELECT " BAN_COLUMNS_1 " FROM bans WHERE ended IS NULL AND (until IS NULL OR until > ?1)", load_ban, -1 },
                { "SELECT jail, address, entries FROM windows", load_window, 1 },
                { "SELECT source, position, time FROM positions", load_position, 1 },
                { "SELECT source, position, text, time FROM set_aside ORDER BY id", load_set_aside, 1 },
                { "SELECT jail, address, level, forgotten FROM levels WHERE forgotten IS NULL OR forgotten > ?1", load_level, 2 },
                { "SELECT address, until, reason, who, time FROM allowed WHERE until IS NULL OR until > ?1 LIMIT 100000",
                  load_allow, 2 },
                { "SELECT jail, who, time FROM paused", load_pause, 2 },
        };
        int r, cut = 0;

        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
                if (tables[i].since < 0 ? version != -tables[i].since : version < tables[i].since)
                        continue;
                r = load_rows(db, tables[i].sql, tables[i].row, load);
                if (r == -EIO)
                        cut = r;
                else if (r < 0)
                        return r;
        }
        return cut;
}

/**
 * read_all() - hand out what is remembered
 * @skipped:    rows that make no sense are added to it
 *
 * A table that cannot be read to its end does not keep the others back. A file
 * of version 1 is read as it is where the disk takes no migration.
 *
 * Return: 0; the loader's own negative value; -EIO if a table was cut short.
 */
int read_all(sqlite3 *db, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        Load load = { .now = now, .loader = loader, .skipped = skipped };
        int r, version;

        if (schema_version(db, &version) != SQLITE_OK)
                return -EIO;
        r = read_tables(db, version, &load);
        json_scratch_deinit(&load.scratch);
        return r;
}

/**
 * read_events() - events behind @since, in order, at most @max
 */
int read_events(sqlite3 *db, uint64_t since, size_t max, StoreEventVisitor visitor, void *userdata)
{
        sqlite3_stmt *statement;
        int rc, r = 0;

        rc = sqlite3_prepare_v2(db, "SELECT id, time, kind, json FROM events WHERE id > ?1 ORDER BY id LIMIT ?2", -1, &statement,
                                NULL);
        if (rc != SQLITE_OK)
                return (rc & 0xff) == SQLITE_BUSY ? -EBUSY : -EIO;
        sqlite3_bind_int64(statement, 1, since > INT64_MAX ? INT64_MAX : (int64_t) since);
        sqlite3_bind_int64(statement, 2, max > INT64_MAX ? INT64_MAX : (int64_t) max);
        while (r >= 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
                EventRecord record = { .id = (uint64_t) sqlite3_column_int64(statement, 0),
                                       .time = column_time(statement, 1, EVENT_TIME_NONE),
                                       .kind = column_text(statement, 2),
                                       .json = column_text(statement, 3) };
                r = visitor(userdata, &record);
        }
        sqlite3_finalize(statement);
        return r < 0 ? r : (rc & 0xff) == SQLITE_BUSY ? -EBUSY : error_of(rc);
}

/**
 * read_ban() - show a ban that has ended
 *
 * Return: the visitor's; -ENOENT: there is none, or it makes no sense; -EBUSY, -EIO, -ENOMEM.
 */
int read_ban(sqlite3 *db, uint64_t id, StorePastBanVisitor visitor, void *userdata)
{
        _cleanup_(json_scratch_deinit) JsonScratch scratch = { 0 };
        sqlite3_stmt *statement;
        Ban ban = { 0 };
        int rc, r;

        rc = sqlite3_prepare_v2(db, "SELECT " BAN_COLUMNS " FROM bans WHERE id = ?1 AND ended IS NOT NULL", -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return (rc & 0xff) == SQLITE_BUSY ? -EBUSY : -EIO;
        sqlite3_bind_int64(statement, 1, (int64_t) id);
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW) {
                r = ban_row_read(statement, &scratch, &ban);
                if (r == 0)
                        r = visitor(userdata, &ban, column_time(statement, 13, EVENT_TIME_NONE), column_text(statement, 14));
                else if (r == -EBADMSG)
                        r = -ENOENT;
        } else {
                r = rc == SQLITE_DONE ? -ENOENT : (rc & 0xff) == SQLITE_BUSY ? -EBUSY : error_of(rc);
        }
        sqlite3_finalize(statement);
        return r;
}

/* A past ban, to be put in order. */
typedef struct PastId {
        int64_t ended, id;
} PastId;

static int past_id_compare(const void *a, const void *b)
{
        const PastId *x = a, *y = b;

        if (x->ended != y->ended)
                return x->ended < y->ended ? 1 : -1;
        return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* The latest of each prefix that holds the address, each found by the index. Return: how many, or -errno. */
static ssize_t find_past_bans(sqlite3 *db, const Addr *addr, size_t max, PastId *ids)
{
        sqlite3_stmt *statement;
        size_t n = 0;
        int rc;

        rc = sqlite3_prepare_v2(db,
                                "SELECT ended, id FROM bans INDEXED BY bans_address"
                                " WHERE address = ?1 AND ended IS NOT NULL ORDER BY ended DESC LIMIT ?2",
                                -1, &statement, NULL);
        for (int length = addr->length; rc == SQLITE_OK && length >= 0; length--) {
                Addr prefix = addr_masked(addr, (unsigned) length);
                char text[ADDR_TEXT_MAX];

                sqlite3_bind_text(statement, 1, addr_format(&prefix, text), -1, SQLITE_STATIC);
                sqlite3_bind_int64(statement, 2, (int64_t) max);
                while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
                        ids[n++] = (PastId){ sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1) };
                sqlite3_reset(statement);
                rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
        }
        sqlite3_finalize(statement);
        return rc == SQLITE_OK ? (ssize_t) n : (rc & 0xff) == SQLITE_BUSY ? -EBUSY : -EIO;
}

/**
 * read_past_bans() - ended bans that covered @addr, the latest first
 * @max:        at most so many, and at most PAST_MAX: the work is bounded by it, however often an address was banned
 */
int read_past_bans(sqlite3 *db, const Addr *addr, size_t max, StorePastBanVisitor visitor, void *userdata)
{
        _cleanup_free_ PastId *ids = NULL;
        ssize_t n;
        int r = 0;

        max = max < PAST_MAX ? max : PAST_MAX;
        ids = calloc((addr->length + 1u) * max + 1, sizeof *ids);
        if (!ids)
                return -ENOMEM;
        n = find_past_bans(db, addr, max, ids);
        if (n < 0)
                return (int) n;
        qsort(ids, (size_t) n, sizeof *ids, past_id_compare);
        for (ssize_t i = 0; i < n && i < (ssize_t) max && r >= 0; i++) {
                r = read_ban(db, (uint64_t) ids[i].id, visitor, userdata);
                if (r == -ENOENT)
                        r = 0; /* pruned, or not ours */
        }
        return r < 0 ? r : 0;
}
