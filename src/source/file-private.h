/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* FileSource from inside: paths, streams, marks. Shared by src/source/file*.c only. */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "files.h"
#include "logobject.h"
#include "util/table.h"

#define FILE_PRINT_MAX 256      /* bytes that a fingerprint covers at most */
#define FILE_TURN 131072        /* bytes read of a file in one turn */
#define FILE_PARTS_MAX FILE_TURN /* bytes of a file over which the parts of a message are joined */
#define FILE_BUCKETS 1024
#define FILE_LINES_BETWEEN 64   /* lines between two looks at the clock */
#define FILE_MARKS_MAX 23       /* in a position: they have to fit into FILE_POSITION_MAX */
#define FILE_TRUST_USEC (60 * USEC_PER_SEC) /* a line without stamp has that of the line before it, if that is no older */

/* What reading returns besides 0 and -errno. */
enum {
        FILE_E_MORE = 1,        /* there is more to read at once */
        FILE_E_REWRITTEN = 2,   /* what had been read is not in the file any more */
};

typedef struct FileStream FileStream;
typedef struct FilePath FilePath;
typedef struct FileNode FileNode;
typedef struct FileDirectory FileDirectory;

/**
 * The first bytes of a file, or the last ones before an offset.
 */
typedef struct FilePrint {
        size_t length;
        uint64_t hash;
} FilePrint;

/**
 * Where a file has been read to, as it is kept over a restart.
 */
typedef struct FileMark {
        uint64_t device, inode;
        off_t offset;
        bool skipping;          /* in the midst of an over-long line that has been handed out */
        bool quiet;             /* rotated away, read to its end, and nothing has come for long */
        FilePrint head, tail;
        size_t parts;           /* bytes before the offset in which parts of messages stand that have not been handed out */
        uint32_t cut[2];        /* LogSplit.cut of standard output and standard error */
        EventTime time;         /* of the last line */
        int64_t mtime;          /* of the file as it was read, usec */
        int64_t born;           /* usec; 0: not known. Without a head nothing else tells a file from the next one with its inode */
        bool used;
} FileMark;

/**
 * What an earlier run has kept of a path.
 */
typedef struct FileRow {
        char *name, *position;
        const char *path;       /* in `name` */
        size_t path_length;
        FileMark *marks;        /* oldest first */
        size_t n_marks;
        bool used;
        bool moved;             /* it has to be written */
        UT_hash_handle hh, hh_path; /* by name; by path, of each path the first */
} FileRow;

typedef struct FileReading {
        FileStyle style;
        Zone *zone;
        DateFormats *dates;
        uint32_t hash;          /* 0: the default of each */
} FileReading;

typedef struct FilePattern {
        const char *text;
        size_t watch;
        size_t n_found;
        size_t n_trusted;       /* of those that match, root's and ours that are read */
        bool spent;             /* none of those gives way in this scan */
        size_t n_left_out, crowd_told;
        char problem[256];      /* why not all of it is read */
        char told[256];
        char crowd[256];        /* more match than are read */
} FilePattern;

/**
 * Somebody whose files are read; not root, and not we.
 */
typedef struct FileUser {
        uid_t uid;
        size_t n_streams;       /* open files of his, those that were rotated away too */
        size_t n_standing;      /* those that were not */
        size_t n_chosen;        /* that are going to be opened in this scan */
        bool spent;             /* nothing of his gives way in this scan */
        size_t n_left_out;      /* of the pattern at hand */
        size_t n_entries;       /* of his directories, that were looked at for the pattern at hand */
        UT_hash_handle hh;
} FileUser;

/**
 * The entries of directories that may still be looked at for a pattern.
 */
typedef struct FileShare {
        FileSource *source;
        size_t left;
} FileShare;

typedef struct FileChoice FileChoice;

/**
 * A message that docker has split, as far as it has been read, and what a place and a clock have to do with it.
 */
typedef struct FilePart {
        LogSplit split;
        off_t start;            /* of the first part in the file */
        BootTime since;         /* when its last part was read */
} FilePart;

/**
 * A path that a pattern names, with the file that stands there now.
 */
struct FilePath {
        FileSource *source;
        char *key;              /* the number of its reading and the path */
        char *path;             /* in `key` */
        char *name;             /* of its row */
        FileReading *reading;
        FileStream *stream;     /* NULL: there is no file, or it cannot be read */
        FileStream *owned;      /* whose owner it is; those that were rotated away in the order in which they were */
        size_t *readers, n_readers, readers_size;
        unsigned scan;          /* the last scan that found it */
        bool literal;           /* named by a pattern without wildcards: stays while it is not there */
        bool placed;            /* what was kept of it has been used */
        bool had;               /* a file stood there before */
        bool moved;             /* its row has to be written */
        bool absent;
        char problem[512], told[512];
        char notice[256];       /* what happened once: lines were lost */
        BootTime notice_until, retry;
        unsigned errors;
        uint64_t rotated;
        UT_hash_handle hh, hh_name; /* by key, by the row's name */
};

/**
 * One open file as it is read.
 */
struct FileStream {
        FileSource *source;
        FileReading *reading;
        FileUser *user;         /* NULL: root or we */
        FilePath *owner;        /* whose row keeps its place, and whose name its lines bear */
        size_t n_paths;         /* that it stands at; 0: rotated away */
        int fd;
        dev_t device;
        ino_t inode;
        size_t *readers, n_readers;
        off_t offset;           /* the first byte that has not been handed out: a line's start, unless skipping */
        bool skipping;
        unsigned char head[FILE_PRINT_MAX], tail[FILE_PRINT_MAX];
        size_t head_size, tail_size;
        LogLineMemory memory;
        bool looked, error_log; /* at its first line; see stream_transport() */
        bool error_logs[2];     /* the same of docker's standard output and standard error */
        FilePart parts[2];      /* standard output, standard error; FILE_JSON */
        bool begun[2];          /* an object of theirs has been read */
        StampTrust trust;
        bool zoned;             /* the last stamp named its zone */
        int64_t skew_told;
        EventTime stamp;        /* of the last line that had one */
        EventTime last_line;
        EventTime since;        /* lines before it are passed over, as far as since_end */
        off_t since_end;
        off_t live_end;         /* what stood there before is back-fill */
        EventTime first_stamp;  /* of a fresh file that is behind */
        BootTime opened, absent; /* when its path was last seen without it */
        EventTime mtime;        /* the latest that its unread lines can be, as of the last look */
        int64_t seen;           /* usec: its mtime when it was read last */
        BootTime behind;        /* since when there has been something unread */
        BootTime changed;       /* when it was last found longer */
        BootTime retry;         /* 0: it has not failed */
        unsigned errors;
        bool kept;              /* has a mark though it waits: what was copied of it since it was seen last is found from that */
        bool resumed;           /* goes on where an earlier run left it */
        bool primed;            /* stream_prime() */
        bool fresh;             /* it has appeared, and its lines may be of the past; stream_settle() */
        bool ready, starting, polled, quiet, unlinked, forgeable, back_fill;
        bool shadow;            /* so far a copy of a file that is read */
        FileStream *after;      /* read once that one has been read to its end; stream_follow() */
        size_t n_followers;     /* that are read after this one */
        FileNode *node;         /* NULL: nothing tells of changes, so it is polled */
        FileStream *node_next;
        uint64_t lines, bytes, over_long, bad, truncated;
        FileStream *prev, *next;                /* all */
        FileStream *owned_prev, *owned_next;    /* of its owner */
        FileStream *inode_next;                 /* with inodes alike */
        FileStream *ready_prev, *ready_next;    /* to be read */
};

struct FileSource {
        sd_event *event;
        FileConfig config;
        FileCallbacks callbacks;
        FileReading *readings;
        size_t *watch_reading;  /* watch to reading */
        size_t n_readings;
        FilePattern *patterns;
        size_t n_patterns;
        FilePath *paths, *paths_by_name;
        FileStream *streams, *ready;
        FileStream *by_inode[FILE_BUCKETS];
        FileUser *users;
        FileRow *rows, *rows_by_path;
        char **forgotten;       /* names of rows that are not needed any more */
        size_t n_forgotten;
        FileDirectory *directory; /* that was listed last; see file-kin.c */
        size_t n_listed;        /* entries, since then */
        BootTime listed_since;
        FileNode *nodes;
        int inotify;            /* -1: there is none, everything is polled */
        sd_event_source *io, *timer, *defer;
        unsigned scan;
        size_t n_streams, streams_max; /* files that are open; that may be */
        size_t n_standing, n_chosen; /* that are open and not rotated away; that are going to be opened in this scan */
        bool started, paused, first_scan, caught_up, scan_wanted, scan_polled, watches_full, watches_told, in_turn, spent;
        BootTime scanned, scanned_before; /* when the scan at hand, or the last one, and the one before it began */
        BootTime scan_allowed, scan_due, look_due, poll_due, old_due;
        EventTime born;
        FileStream *reading;    /* the one whose lines are being handed out */
        char *buffer;           /* FILE_PRINT_MAX + FILE_TURN */
        char *cursor;           /* behind the last line handed out */
        char *message;          /* LOGOBJECT_BUFFER: of the object at hand; NULL: no file has objects */
};

/* ---- file.c ---- */
void file_source_turn(FileSource *source);
bool file_has_passed(BootTime now, BootTime since, int64_t usec);
void file_forget(FileSource *source, const char *name);
void file_path_tell(FilePath *path);
void stream_ready(FileStream *stream);
FileStream *stream_new(FilePath *owner, int fd, const struct stat *st);
void stream_close(FileStream *stream);
void stream_follow(FileStream *stream, FileStream *after);
void stream_set_owner(FileStream *stream, FilePath *owner);
FileStream **stream_bucket(FileSource *source, ino_t inode);
FileStream *stream_find(FileSource *source, const FileReading *reading, dev_t device, ino_t inode);
void stream_fail(FileStream *stream, int r);

/* ---- file-old.c: files that were rotated away ---- */
bool file_make_room(FileSource *source, const FileUser *user, bool own);
bool file_get_descriptor(FileSource *source, const FileUser *user, size_t promised);
void file_look_at_old(FileSource *source);

/* ---- file-watch.c: paths, globs, inotify ---- */
int file_watch_open(FileSource *source);
FilePath *file_path_get(FileSource *source, const FilePattern *pattern, const char *text, bool make);
void file_found(FileSource *source, FilePattern *pattern, const char *text, bool literal);
void file_watch_close(FileSource *source);
void file_watch_stream(FileStream *stream);
bool file_is_silent(int fd);
void file_unwatch_stream(FileStream *stream);
void file_scan(FileSource *source);
void file_path_free(FilePath *path);
int file_open_regular(int directory, const char *name, bool follow, struct stat *ret_st);
int file_chase(FileSource *source, const char *path, struct stat *ret_st, char *problem, size_t problem_size);

/* ---- file-choose.c: which are read, where too many match ---- */
bool file_user_is_trusted(uid_t uid);
FileUser *file_user_open(FileSource *source, uid_t uid);
void file_user_close(FileUser *user);
size_t file_left_for(const FileSource *source, const FileUser *user);
void file_users_free(FileSource *source, bool all);
void file_share_begin(FileSource *source, FileShare *share);
bool file_share_take(FileShare *share, uid_t uid, size_t *used, size_t n);
FileChoice *file_choice_new(FileSource *source, FilePattern *pattern);
FileChoice *file_choice_free(FileChoice *choice);
DEFINE_CLEANUP(FileChoice *, file_choice_free)
int file_choice_add(FileChoice *choice, const char *path, uid_t uid, int64_t mtime);
void file_choice_make(FileChoice *choice);

/* ---- file-row.c: what an earlier run has kept ---- */
char *file_row_name(const char *path, uint32_t reading);
int file_row_add(FileSource *source, const char *name, const char *position);
int file_row_park(FileSource *source, const char *name, const char *position);
FileRow *file_row_find(const FilePath *path);
bool file_row_is_kept(const FileSource *source, const FilePattern *pattern, const char *path);
void file_row_drop(FileSource *source, FileRow *row);
void file_rows_free(FileSource *source);

/* ---- file-path.c: from a path to the file that stands there ---- */
void file_path_look(FilePath *path);
void file_path_leave(FilePath *path);
bool file_path_park(FilePath *path);
void stream_rewritten(FileStream *stream);
bool stream_is_copied(FileStream *stream);
bool stream_is_same_log(const FileStream *old, int fd);

/* ---- file-kin.c: files beside a file that rotation has made of it ---- */
bool file_kin_name(const char *base, const char *name);
bool file_is_compressed(const char *name);
FileStream *file_kin_by_mark(FilePath *path, const FileMark *mark);
FileStream *file_kin_copy(FilePath *path, const FileMark *mark);
bool file_kin_rotated(FilePath *path, const FileStream *stream);
FileStream *file_kin_copied(FilePath *path);
bool file_kin_read_further(FilePath *path, const FileMark *mark);
FileStream *file_kin_between(FilePath *path, FileStream *after, const FileMark *mark, ino_t current);
void file_kin_first(FilePath *path, FileStream *stream, EventTime since);
bool stream_is_copy(FileStream *stream);
bool file_kin_too_busy(FileSource *source);
FileDirectory *file_directory_free(FileDirectory *directory);

/* ---- file-read.c: one open file ---- */
int stream_read(FileStream *stream, BootTime end);
void stream_hand_out_rest(FileStream *stream);
bool stream_is_ident(void *userdata, const char *ident);
bool stream_parse(FileStream *stream, const char *text, size_t size, EventTime now, LogLine *ret_parts);
EventTime stream_stamp(FileStream *stream, const char *text, size_t size, EventTime now);
const char *stream_transport(FileStream *stream, const LogLine *parts, const char *text, size_t size);
EventTime stream_time(FileStream *stream, const LogLine *parts, bool back_fill, EventTime now);
size_t stream_cut(const char *text, size_t size);
ssize_t file_pread(int fd, void *buffer, size_t size, off_t offset);

void stream_give(FileStream *stream, const LogLine *parts, const char *transport, off_t start, EventTime now);

/* ---- file-json.c: lines that are objects ---- */

bool stream_is_json(const FileStream *stream);
size_t stream_line_max(const FileStream *stream);
bool stream_json_parse(FileStream *stream, const char *text, size_t size, EventTime now, LogObject *ret_message);
bool stream_json_address(const FileStream *stream, LogObject *message);
void stream_json_line(FileStream *stream, const char *text, size_t size, off_t start, EventTime now);
const char *stream_json_transport(FileStream *stream, const LogObject *message);
void stream_json_give_up(FileStream *stream);
void stream_json_overdue(FileStream *stream, BootTime now);
uint64_t stream_json_due(const FileStream *stream);
size_t stream_json_parts(const FileStream *stream);
void stream_json_resume(FileStream *stream, const FileMark *mark);
void stream_json_free(FileStream *stream);

/* ---- file-place.c: marks, prints, and where to begin ---- */
int64_t file_birth(int directory, const char *name);
int64_t file_mtime(const struct stat *st);
void stream_mark(const FileStream *stream, FileMark *ret_mark);
int stream_resume(FileStream *stream, const FileMark *mark);
bool file_mark_fits(int fd, const FileMark *mark);
bool file_head_fits(int fd, const FileMark *mark);
bool file_mark_is_of(int fd, const FileMark *mark);
int file_marks_parse(const char *position, FileMark **ret_marks, size_t *ret_n);
void file_path_position(const FilePath *path, char position[static FILE_POSITION_MAX], EventTime *ret_time);
int stream_begin(FileStream *stream, EventTime since);
bool stream_settle(FileStream *stream);
void stream_prime(FileStream *stream);
