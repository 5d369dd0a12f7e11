/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* JournalHandle: one open sd_journal and the place up to which it has been read. Shared by the files of this folder only. */

#include <sys/types.h>
#include <systemd/sd-journal.h>

#include "source.h"

/* A longer message is cut here. It stays longer than LINE_LENGTH_MAX, so that it counts as too long. */
#define JOURNAL_TEXT_MAX (2 * LINE_LENGTH_MAX)
#define JOURNAL_IDENT_MAX 256
#define JOURNAL_N_ROOTS 6 /* for each of /run and /var: the root, this machine's, those of namespaces in one */
#define JOURNAL_PARTS_MAX 64

/* What journal_handle_*() return besides 0 and -errno. */
enum {
        JOURNAL_E_ABSENT = 1,   /* no journal there that we may read */
};

/* The fields of an entry that are read in one pass, with MESSAGE. */
typedef enum JournalFieldName {
        FIELD_IDENTIFIER,
        FIELD_SYSLOG_PID,
        FIELD_SOURCE_TIME,
        FIELD_UID,
        FIELD_PID,
        FIELD_COMM,
        FIELD_UNIT,
        FIELD_TRANSPORT,
        _FIELD_MAX,
} JournalFieldName;

typedef struct JournalField {
        int error;              /* 0; -ENOENT: the entry has none; -errno: it cannot be read */
        char text[JOURNAL_IDENT_MAX]; /* cut; a NUL in it became '?' */
} JournalField;

/**
 * A directory's identity: a journal that was removed, mounted over or made anew is another one.
 */
typedef struct JournalRoot {
        dev_t device;
        ino_t inode;
} JournalRoot;

typedef struct JournalHandle {
        sd_journal *journal;            /* NULL: closed */
        char cursor[SOURCE_POSITION_MAX]; /* the last entry handed out, unless `moved`; "": none yet */
        EventTime since;                /* where to look while there is no cursor */
        bool since_last;                /* `since` stands for a last entry whose cursor could not be had */
        int64_t realtime;               /* of the entry that the handle stands on */
        bool moved;                     /* the handle stands on the last entry handed out and `cursor` lags behind */
        bool unmarked;                  /* entries have been read since `cursor` was taken */
        bool at_end;                    /* the last step found nothing */
        bool look_first;                /* where the handle stands says nothing: begin at the cursor */
        bool containers;                /* tell of containers */
        const char *const *namespaces;  /* whose entries count, beside those of none */
        size_t n_namespaces;
        uint32_t parts[JOURNAL_PARTS_MAX]; /* containers' streams in the midst of a message, by hash; 0: free */
        size_t next_part;
        JournalRoot roots[JOURNAL_N_ROOTS];
        JournalField fields[_FIELD_MAX]; /* of the entry that was read last */
        int text_error;                 /* as JournalField.error, of MESSAGE */
        size_t text_size;
        char container[JOURNAL_IDENT_MAX];
        char text[JOURNAL_TEXT_MAX];
} JournalHandle;

int journal_handle_open(JournalHandle *handle, const JournalConfig *config, Problem *problem);
void journal_handle_close(JournalHandle *handle);
void journal_handle_place(JournalHandle *handle, const char *position, EventTime since);
int journal_handle_resume(JournalHandle *handle, Problem *ret_note);
int journal_handle_next(JournalHandle *handle);
int journal_handle_stands_on_cursor(JournalHandle *handle);
int journal_handle_look(JournalHandle *handle);
int journal_handle_process(JournalHandle *handle);
bool journal_handle_roots_changed(const JournalHandle *handle, const JournalConfig *config);
void journal_handle_mark(JournalHandle *handle);
void journal_handle_distrust(JournalHandle *handle);
int journal_handle_read(JournalHandle *handle, EventTime now, Line *ret_line);
int journal_handle_origin(const JournalHandle *handle, Origin *ret_origin);

int journal_present(const JournalConfig *config, Problem *problem);

int bus_guard_install(void);
bool bus_guard_set(bool on);
bool bus_guard_tripped(void);
void bus_guard_reset(void);
