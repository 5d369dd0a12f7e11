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

#define TEXT_MAX 4096 /* of a rule, a reason, a source, a position */
#define BAN_COLUMNS "id, jail, address, source, origin, start, until, first, failures, rule, reason, ports, lines, ended, how"

/* What hangs on a ban while it is shown. */
typedef struct BanRow {
        Ban ban;
        json_t *lines;
        Evidence *evidence;
        Port *ports;
} BanRow;

static void ban_row_deinit(BanRow *row)
{
        json_decref(row->lines);
        free(row->evidence);
        free(row->ports);
}

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
static int ban_row_read(sqlite3_stmt *statement, BanRow *row)
{
        Ban *ban = &row->ban;
        int64_t failures = sqlite3_column_int64(statement, 8);
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
        if (sqlite3_column_int64(statement, 0) <= 0 || !text_is_name(ban->jail) || !column_addr(statement, 2, &ban->addr) ||
            (sqlite3_column_type(statement, 3) != SQLITE_NULL && !column_addr(statement, 3, &ban->source)) ||
            (ban->origin == BAN_AUTOMATIC && strcmp(origin, "automatic") != 0) || ban->start.usec < 0 || ban->until.usec <= 0 ||
            ban->first.usec < 0 || failures < 0 || failures > UINT32_MAX || !column_is_clean(ban->rule, TEXT_MAX) ||
            !column_is_clean(ban->reason, TEXT_MAX))
                return -EBADMSG;
        r = text_to_ports(column_text(statement, 11), &row->ports, &ban->n_ports);
        if (r < 0)
                return r;
        ban->ports = row->ports;
        r = json_to_evidence(column_text(statement, 12), &row->lines, &row->evidence, &ban->n_evidence);
        if (r < 0 && r != -EBADMSG)
                return r;
        ban->evidence = row->evidence; /* a ban without its lines is still a ban */
        return 0;
}

static int error_of(int rc)
{
        return rc == SQLITE_DONE ? 0 : (rc & 0xff) == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

static int load_bans(sqlite3 *db, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        sqlite3_stmt *statement;
        int rc, r = 0;

        rc = sqlite3_prepare_v2(db, "SELECT " BAN_COLUMNS " FROM bans WHERE ended IS NULL AND (until IS NULL OR until > ?1)", -1,
                                &statement, NULL);
        if (rc != SQLITE_OK)
                return -EIO;
        sqlite3_bind_int64(statement, 1, now.usec);
        while (r >= 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
                _cleanup_(ban_row_deinit) BanRow row = { 0 };

                r = ban_row_read(statement, &row);
                if (r == -EBADMSG) {
                        (*skipped)++;
                        r = 0;
                } else if (r == 0 && loader->ban) {
                        r = loader->ban(loader->userdata, &row.ban);
                }
        }
        sqlite3_finalize(statement);
        return r < 0 ? r : error_of(rc);
}

static int load_window(sqlite3_stmt *statement, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        WindowRecord record = { .jail = column_text(statement, 0) };
        _cleanup_free_ WindowEntry *entries = NULL;
        json_t *owner;
        int r;

        if (!text_is_name(record.jail) || !column_addr(statement, 1, &record.addr))
                r = -EBADMSG;
        else /* A day: what a clock that was set back may explain. */
                r = json_to_entries(column_text(statement, 2), event_time_add(now, 86400), &owner, &entries, &record.n_entries);
        if (r == -EBADMSG) {
                (*skipped)++;
                return 0;
        }
        if (r < 0)
                return r;
        record.entries = entries;
        if (record.n_entries > 0 && loader->window)
                r = loader->window(loader->userdata, &record);
        else if (record.n_entries == 0)
                (*skipped)++;
        json_decref(owner);
        return r;
}

static int load_position(sqlite3_stmt *statement, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        PositionRecord record = { .source = column_text(statement, 0),
                                  .position = column_text(statement, 1),
                                  .time = column_time(statement, 2, EVENT_TIME_NONE) };

        if (!column_is_clean(record.source, TEXT_MAX) || !column_is_clean(record.position, TEXT_MAX) || record.time.usec < 0) {
                (*skipped)++;
                return 0;
        }
        return loader->position ? loader->position(loader->userdata, &record) : 0;
}

static int load_set_aside(sqlite3_stmt *statement, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        SetAsideRecord record = { .source = column_text(statement, 0),
                                  .position = column_text(statement, 1),
                                  .text = column_text(statement, 2),
                                  .time = column_time(statement, 3, EVENT_TIME_NONE) };

        if (!column_is_clean(record.source, TEXT_MAX) || !column_is_clean(record.position, TEXT_MAX) ||
            !column_is_clean(record.text, LINE_LENGTH_MAX * 4)) {
                (*skipped)++;
                return 0;
        }
        return loader->set_aside ? loader->set_aside(loader->userdata, &record) : 0;
}

typedef int (*RowLoader)(sqlite3_stmt *statement, EventTime now, const StoreLoader *loader, uint64_t *skipped);

static int load_rows(sqlite3 *db, const char *sql, RowLoader row, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        sqlite3_stmt *statement;
        int rc, r = 0;

        rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return -EIO;
        while (r >= 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW)
                r = row(statement, now, loader, skipped);
        sqlite3_finalize(statement);
        return r < 0 ? r : error_of(rc);
}

/**
 * read_all() - hand out what is remembered
 * @skipped:    rows that make no sense are added to it
 *
 * A table that cannot be read to its end does not keep the others back.
 *
 * Return: 0; the loader's own negative value; -EIO if a table was cut short.
 */
int read_all(sqlite3 *db, EventTime now, const StoreLoader *loader, uint64_t *skipped)
{
        int r, cut = 0;

        r = load_bans(db, now, loader, skipped);
        if (r == -EIO)
                cut = r;
        else if (r < 0)
                return r;
        const struct {
                const char *sql;
                RowLoader row;
        } tables[] = {
                { "SELECT jail, address, entries FROM windows", load_window },
                { "SELECT source, position, time FROM positions", load_position },
                { "SELECT source, position, text, time FROM set_aside ORDER BY id", load_set_aside },
        };
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
                r = load_rows(db, tables[i].sql, tables[i].row, now, loader, skipped);
                if (r == -EIO)
                        cut = r;
                else if (r < 0)
                        return r;
        }
        return cut;
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

/* "'192.0.2.1', '192.0.2.0/31', ..." : all prefixes that hold an address. The texts are our own, so they need no escape. */
static char *covering_list(const Addr *addr)
{
        size_t size = (addr->length + 1u) * (ADDR_TEXT_MAX + 4), used = 0;
        char *list = malloc(size), text[ADDR_TEXT_MAX];

        if (!list)
                return NULL;
        for (int length = addr->length; length >= 0; length--) {
                Addr prefix = addr_masked(addr, (unsigned) length);
                used += (size_t) snprintf(list + used, size - used, "%s'%s'", used > 0 ? "," : "", addr_format(&prefix, text));
        }
        return list;
}

/**
 * read_past_bans() - ended bans that covered @addr, the latest first, at most @max
 */
int read_past_bans(sqlite3 *db, const Addr *addr, size_t max, StorePastBanVisitor visitor, void *userdata)
{
        _cleanup_free_ char *list = covering_list(addr);
        _cleanup_free_ char *sql = NULL;
        sqlite3_stmt *statement;
        int rc, r = 0;

        if (!list ||
            asprintf(&sql,
                     "SELECT " BAN_COLUMNS " FROM bans INDEXED BY bans_address WHERE ended IS NOT NULL AND address IN (%s)"
                     " ORDER BY ended DESC, id DESC LIMIT ?1",
                     list) < 0)
                return -ENOMEM;
        rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return (rc & 0xff) == SQLITE_BUSY ? -EBUSY : -EIO;
        sqlite3_bind_int64(statement, 1, max > INT64_MAX ? INT64_MAX : (int64_t) max);
        while (r >= 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
                _cleanup_(ban_row_deinit) BanRow row = { 0 };

                r = ban_row_read(statement, &row);
                if (r == -EBADMSG)
                        r = 0;
                else if (r == 0)
                        r = visitor(userdata, &row.ban, column_time(statement, 13, EVENT_TIME_NONE), column_text(statement, 14));
        }
        sqlite3_finalize(statement);
        return r < 0 ? r : (rc & 0xff) == SQLITE_BUSY ? -EBUSY : error_of(rc);
}
