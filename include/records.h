/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is remembered over a restart besides bans: windows, positions, events,
 * and lines that were set aside. The tracker and the sources give and take
 * these; the store keeps them and does not look inside.
 */

#include "pipeline.h"

/**
 * One counted attempt, or a trace of one that a ban has used up.
 */
typedef struct WindowEntry {
        EventTime time;
        uint64_t session;
        uint16_t weight;        /* attempts; 0: used up by a ban, kept for the session's sake */
        bool ahead;             /* counted ahead of the line that will tell the same attempt */
        uint16_t witnesses;     /* bits of those who have told of it; 0: it is told by one line alone */
        const char *rule;
        const char *text;       /* printable line; NULL if not kept */
} WindowEntry;

/**
 * The window of a jail and an address, oldest entry first. No entries: gone.
 */
typedef struct WindowRecord {
        const char *jail;
        Addr addr;
        const WindowEntry *entries;
        size_t n_entries;
} WindowRecord;

/**
 * How far a source has been read.
 */
typedef struct PositionRecord {
        const char *source;     /* "journal", or a file's key */
        const char *position;   /* the source's own text: a journal cursor */
        EventTime time;         /* of the last line */
} PositionRecord;

/**
 * How often an address has been banned, where bans grow.
 */
typedef struct LevelRecord {
        const char *jail;       /* "": over all jails of the host */
        Addr addr;
        unsigned level;         /* of its next ban */
        EventTime forgotten;    /* EVENT_TIME_NONE: it is forgotten */
} LevelRecord;

/**
 * An address that `bailiffctl allow add` has allowed.
 */
typedef struct AllowRecord {
        Addr addr;
        EventTime until;        /* EVENT_TIME_FOREVER: stays; EVENT_TIME_NONE: it is gone */
        const char *reason;     /* "" if none was given */
        const char *by;         /* who asked: "root", "alice (1000)" */
        EventTime time;
} AllowRecord;

/**
 * A jail that `bailiffctl pause` has paused.
 */
typedef struct PauseRecord {
        const char *jail;
        const char *by;         /* NULL: it runs again */
        EventTime time;
} PauseRecord;

/**
 * A line on which the daemon crashed twice.
 */
typedef struct SetAsideRecord {
        const char *source;
        const char *position;
        const char *text;       /* printable, cut */
        EventTime time;
} SetAsideRecord;

/**
 * An entry of the event log as Monitor shows it.
 */
typedef struct EventRecord {
        uint64_t id;            /* ordered, without gaps in a database; from 1, but higher where an older database was lost */
        EventTime time;
        const char *kind;       /* ban_event_kind_name(), or "start", "stop", "heal", "degraded" ... */
        const char *json;       /* the whole event as one JSON object, with "id", "time" and "event" */
} EventRecord;
