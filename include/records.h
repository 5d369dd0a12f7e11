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
        uint64_t id;            /* ordered, without gaps in a database, from 1 */
        EventTime time;
        const char *kind;       /* ban_event_kind_name(), or "start", "stop", "heal", "degraded" ... */
        const char *json;       /* the whole event as one JSON object, with "id", "time" and "event" */
} EventRecord;
