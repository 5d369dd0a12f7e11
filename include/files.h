/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Files: log files as a source.
 *
 * One FileSource serves all jails. What a jail reads is a FileWatch: paths, globs
 * among them, and how their lines are written. A file that several watches name,
 * and read in the same way, is opened and read once; its lines tell whose they are.
 */

#include <systemd/sd-event.h>

#include "pipeline.h"
#include "source.h"
#include "util/cleanup.h"
#include "util/problem.h"

/* ---- how lines are written ---- */

typedef enum FileFormat {
        FILE_LINES,             /* a line is a line: stamp if any, syslog header if any, message */
        FILE_JSON,              /* an object per line; docker's json-file as well */
} FileFormat;

/**
 * How the lines of a file are read. Borrowed texts; NULL is the default of each.
 */
typedef struct FileStyle {
        FileFormat format;
        const char *timezone;           /* of stamps that name none: "Europe/Berlin", "UTC", "+02:00"; NULL: the host's */
        const char *const *dates;       /* strptime directives, tried before detection; ended by NULL, or NULL */
        /* FILE_JSON: members, "a.b" for one inside another. NULL: the usual names are sought (manual). */
        const char *message, *time, *address;
} FileStyle;

/* ---- what is read ---- */

typedef struct FileWatch {
        const char *const *paths;       /* absolute; globs as glob(7), no braces; ended by NULL */
        FileStyle style;
        int64_t findtime;               /* seconds: a file without a kept position is read from so long ago */
        /* Is it a program of this watch? Asked for lines whose header is not plain (logline_parse()). */
        bool (*is_ident)(void *userdata, const char *ident);
        void *ident_data;
} FileWatch;

typedef struct FileConfig {
        const FileWatch *watches;       /* borrowed until the source is freed, with all that they point to */
        size_t n_watches;
        uint64_t poll_usec;             /* where inotify sees nothing (network file systems); 0: 250 ms */
} FileConfig;

/**
 * A file as it is read, or as it is waited for; or a pattern that matches none, or of which not all is read: waiting.
 */
typedef struct FileInfo {
        const char *path;
        bool waiting;                   /* a path that is not there, or may not be read: `problem` says which */
        bool polled;                    /* its file system does not tell of changes */
        bool forgeable;                 /* lines with syslog headers stand in it: any local user may have written them */
        const char *problem;            /* with the next step; "" */
        uint64_t lines, bytes;          /* since the start */
        uint64_t over_long;             /* lines */
        uint64_t bad;                   /* FILE_JSON: lines that are no object with a message; not handed out */
        uint64_t rotated, truncated;
        EventTime last_line;            /* EVENT_TIME_NONE: none yet */
        uint64_t left_out;              /* of a pattern: files that match and are not read, since there are too many */
        int64_t skew;                   /* seconds that its stamps are ahead of arrival, where they are not believed; 0 */
} FileInfo;

#define FILE_POSITION_MAX 4096  /* text of a position, with its NUL */

typedef struct FileSource FileSource;

typedef struct FileCallbacks {
        /*
         * One line, borrowed until the return: Line.source is the path, Line.origin NULL, Line.readers says whose it is.
         * May call any function below but file_source_free().
         */
        void (*line)(void *userdata, const Line *line);
        /* What there is to say about a file: it cannot be read, its clock is wrong; "" when it is well again. */
        void (*state)(void *userdata, const char *path, const char *text);
        /* Once: all that stood in the files at the start has been read. */
        void (*caught_up)(void *userdata);
        void *userdata;
} FileCallbacks;

int file_source_new(sd_event *event, const FileConfig *config, FileCallbacks callbacks, FileSource **ret_source);
FileSource *file_source_free(FileSource *source);
DEFINE_CLEANUP(FileSource *, file_source_free)

/* Before the start: where an earlier run has read to. `source` as file_source_positions() named it. */
int file_source_place(FileSource *source, const char *name, const char *position);
int file_source_start(FileSource *source, Problem *problem);

/* How far to read back from the places where an earlier run has read to, and what it may cost. */
typedef struct FilePast {
        int64_t seconds;                /* before the line at the place */
        uint64_t max_lines;             /* the latest of each file */
        uint64_t max_usec;              /* of time, by the clock */
} FilePast;

typedef struct FilePastStats {
        uint64_t lines;                 /* handed out */
        bool cut;                       /* a limit was reached: older lines were left out */
        uint64_t usec;                  /* that it took */
} FilePastStats;

/* After the start, before the loop turns: the lines up to those places once more. Leaves no trace in the source. */
int file_source_read_past(FileSource *source, const FilePast *past, void (*line)(void *userdata, const Line *line),
                          void *userdata, FilePastStats *ret_stats);
void file_source_pause(FileSource *source, bool pause);

/*
 * What has moved since the last call: a name (the key of the store's row, "file:..."), and for each file that is read
 * under it device, inode, offset and fingerprints behind the last line handed out. A position of "" says that the row is
 * not needed any more. All: every place, as for a store that was emptied.
 */
typedef void (*FilePositionVisitor)(void *userdata, const char *name, const char *position, EventTime time);
void file_source_positions(FileSource *source, bool all, FilePositionVisitor visit, void *userdata);
#define FILES_ALL ((size_t) -1) /* as a watch: all of them, each file once */
void file_source_list(const FileSource *source, size_t watch, void (*visit)(void *userdata, const FileInfo *info), void *userdata);
