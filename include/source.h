/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Source: where lines come from. For now the journal. */

#include <systemd/sd-event.h>

#include "pipeline.h"
#include "util/cleanup.h"
#include "util/problem.h"

#define SOURCE_POSITION_MAX 512 /* text of a position, with its NUL */

typedef enum SourceState {
        SOURCE_STOPPED,
        SOURCE_WAITING,         /* no journal there yet; healthy on a host where none is expected */
        SOURCE_OPEN,
        SOURCE_DEGRADED,        /* errors repeat; read once a second */
        SOURCE_PAUSED,
} SourceState;

typedef struct SourceCallbacks {
        /* One line, borrowed until the return. May call any function below but journal_source_free(). */
        void (*line)(void *userdata, const Line *line);
        /* The state changed, or there is something to tell; text says why and what to do, "" if plain. */
        void (*state)(void *userdata, SourceState state, const char *text);
        /* Once: all that was there at start has been read (replay has reached the present). */
        void (*caught_up)(void *userdata);
        void *userdata;
} SourceCallbacks;

typedef struct JournalConfig {
        const char *directory;          /* NULL: the system's journal */
        const char *const *namespaces;  /* that are read beside it; nothing with a directory */
        size_t n_namespaces;
        const char *const *idents;      /* SYSLOG_IDENTIFIERs of all jails, without doubles; at least one */
        size_t n_idents;
        bool containers;                /* tell of each entry which container it is from */
        const char *position;           /* resume behind this cursor; NULL or "": first start */
        EventTime since;                /* where to begin without a position, or when it cannot be used */
        uint64_t fast_poll_usec;        /* between polls while an attack is on; 0: 5 ms */
} JournalConfig;

typedef struct SourceStats {
        uint64_t lines;
        uint64_t without_message;       /* entries that have no text to match */
        uint64_t reopened, errors, recovered; /* `recovered`: entries that only the second look found */
        EventTime last_line;
        SourceState state;
        uint64_t polls;
} SourceStats;

typedef struct JournalSource JournalSource;

int journal_source_new(sd_event *event, const JournalConfig *config, SourceCallbacks callbacks, JournalSource **ret_source);
bool journal_source_is_like(const JournalSource *source, const JournalConfig *config);
JournalSource *journal_source_free(JournalSource *source);
DEFINE_CLEANUP(JournalSource *, journal_source_free)

int journal_source_start(JournalSource *source, Problem *problem);
void journal_source_attack(JournalSource *source);
void journal_source_pause(JournalSource *source, bool pause);
int journal_source_position(JournalSource *source, char ret_position[static SOURCE_POSITION_MAX]);
const SourceStats *journal_source_stats(const JournalSource *source);

/**
 * How far to read back from a position, and what it may cost.
 */
typedef struct JournalPast {
        int64_t seconds;                /* before the line at the position */
        uint64_t max_lines;             /* the latest of them */
        uint64_t max_usec;              /* of time, by the clock */
} JournalPast;

typedef struct JournalPastStats {
        uint64_t lines;                 /* handed out */
        bool cut;                       /* a limit was reached: older lines, or with `late` the latest, were left out */
        bool late;
        uint64_t usec;                  /* that it took */
} JournalPastStats;

typedef void (*SourceLineSink)(void *userdata, const Line *line);
int journal_read_past(const JournalConfig *config, const JournalPast *past, SourceLineSink line, void *userdata,
                      JournalPastStats *ret_stats);

/**
 * Which entries say that a service has written. Zero: any.
 */
typedef struct JournalSeen {
        EventTime since;
        bool (*trusts)(void *userdata, const Line *line); /* whether the service wrote it; NULL: whoever did */
        void *userdata;
} JournalSeen;

int journal_has_seen(const JournalConfig *config, const JournalSeen *seen);
const char *source_state_name(SourceState state);
