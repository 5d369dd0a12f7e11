/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One open journal: steps that neither lose nor double an entry.
 *
 * libsystemd keeps the place of reading, but not through everything that can
 * happen to a journal, so this file keeps the last entry's cursor beside it and
 * starts from there whenever there is doubt:
 *
 *  - A reader with matches can miss an entry. journald raises the file's number
 *    of entries before it links the new one into the chain that the match is
 *    looked up in; who looks in between remembers "nothing new up to this
 *    number" and stays blind until the next entry. journal_handle_look() seeks
 *    to the cursor, which forgets that number. Worse, an entry missed in one
 *    file would be skipped for good once an entry of another file (after a
 *    rotation) has been read. So the first entry after an end is never taken as
 *    it comes: the handle looks from the cursor again and takes what is next.
 *  - A cursor names an entry by its number in a sequence and by boot, clocks
 *    and contents. When journald moves the volatile journal to the disk, the
 *    entries get new numbers. They are still the same entries, so only the
 *    second half of the cursor is compared.
 *  - Files shrink while they are read (bus.c). Then neither the step nor what was
 *    read in it is to be trusted, and the journal is opened anew.
 *  - A cursor costs an allocation and a print, so it is taken when the reader
 *    comes to an end or somebody asks, not for every line.
 *
 * Only this machine's own journal is read (LOCAL_ONLY): a journal that came
 * from elsewhere, a container's for instance, has trusted fields too, but they
 * are that machine's word and not ours.
 */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source/private.h"
#include "util/text.h"

#define PASS_MAX 64 /* fields of an entry; sshd's has some 25 */

static const char *const SYSTEM_ROOTS[2] = { "/run/log/journal", "/var/log/journal" };

static JournalRoot root_identity(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return (JournalRoot){ 0 };
        return (JournalRoot){ .device = st.st_dev, .inode = st.st_ino };
}

/* One number that changes with any of the directories beside @machine. */
static JournalRoot namespaces_identity(const JournalConfig *config, const char *machine)
{
        JournalRoot all = { 0 };

        for (size_t i = 0; i < config->n_namespaces; i++) {
                char path[PATH_MAX];
                JournalRoot one;

                snprintf(path, sizeof path, "%s.%s", machine, config->namespaces[i]);
                one = root_identity(path);
                all.device = all.device * 31 + one.device;
                all.inode = all.inode * 31 + one.inode;
        }
        return all;
}

static void read_roots(const JournalConfig *config, JournalRoot roots[static JOURNAL_N_ROOTS])
{
        char machine[SD_ID128_STRING_MAX] = "none", path[64];
        sd_id128_t id;

        memset(roots, 0, JOURNAL_N_ROOTS * sizeof *roots);
        if (config->directory) {
                roots[0] = root_identity(config->directory);
                return;
        }
        if (sd_id128_get_machine(&id) >= 0)
                sd_id128_to_string(id, machine);
        for (size_t i = 0; i < 2; i++) {
                roots[2 * i] = root_identity(SYSTEM_ROOTS[i]);
                snprintf(path, sizeof path, "%s/%s", SYSTEM_ROOTS[i], machine);
                roots[2 * i + 1] = root_identity(path);
                roots[4 + i] = namespaces_identity(config, path);
        }
}

/**
 * journal_handle_roots_changed() - has a journal directory come, gone or been replaced since the opening?
 *
 * libsystemd watches only directories that were there when it opened.
 */
bool journal_handle_roots_changed(const JournalHandle *handle, const JournalConfig *config)
{
        JournalRoot now[JOURNAL_N_ROOTS];

        read_roots(config, now);
        for (size_t i = 0; i < JOURNAL_N_ROOTS; i++)
                if (now[i].device != handle->roots[i].device || now[i].inode != handle->roots[i].inode)
                        return true;
        return false;
}

static int add_matches(sd_journal *journal, const JournalConfig *config)
{
        char match[JOURNAL_IDENT_MAX + 32];
        int r;

        /* Terms of one field are alternatives; the disjunction makes the two fields alternatives too. */
        for (size_t i = 0; i < config->n_idents; i++) {
                snprintf(match, sizeof match, "SYSLOG_IDENTIFIER=%s", config->idents[i]);
                r = sd_journal_add_match(journal, match, 0);
                if (r < 0)
                        return r;
        }
        r = sd_journal_add_disjunction(journal);
        for (size_t i = 0; r >= 0 && i < config->n_idents; i++) {
                snprintf(match, sizeof match, "_COMM=%s", config->idents[i]);
                r = sd_journal_add_match(journal, match, 0);
        }
        return r < 0 ? r : 0;
}

static int open_failed(Problem *problem, int r)
{
        const char *advice = "reading is tried again once a second";

        if (r == -EMFILE || r == -ENFILE)
                advice = "there are more journal files than file descriptors: raise LimitNOFILE= of the unit, or thin the "
                         "journal out "
                         "with journalctl --vacuum-files=50";
        return problem_set(problem, r, "cannot open the journal: %s; %s", strerror(-r), advice);
}

/* Several namespaces can be had by opening all of them only; is_of_other_namespace() passes over the rest. */
static int open_journal(const JournalConfig *config, sd_journal **ret_journal)
{
        if (config->directory)
                return sd_journal_open_directory(ret_journal, config->directory, 0);
        if (config->n_namespaces == 0)
                return sd_journal_open(ret_journal, SD_JOURNAL_LOCAL_ONLY);
        if (config->n_namespaces == 1)
                return sd_journal_open_namespace(ret_journal, config->namespaces[0], SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_INCLUDE_DEFAULT_NAMESPACE);
        return sd_journal_open_namespace(ret_journal, NULL, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_ALL_NAMESPACES);
}

/**
 * journal_handle_open() - open the journal with its matches; the place of reading is not set yet
 * @handle:     closed
 * @config:     idents and directory
 * @problem:    what is wrong and what to do
 *
 * Return: 0, JOURNAL_E_ABSENT, -errno.
 */
int journal_handle_open(JournalHandle *handle, const JournalConfig *config, Problem *problem)
{
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        int r;

        r = journal_present(config, problem);
        if (r != 0)
                return r;
        read_roots(config, handle->roots);
        r = open_journal(config, &journal);
        if (r >= 0)
                r = add_matches(journal, config);
        if (r >= 0)
                r = sd_journal_set_data_threshold(journal, JOURNAL_TEXT_MAX + sizeof "MESSAGE=");
        /* The descriptor starts the watching, so it comes before the first look: what arrives between is seen twice at worst. */
        if (r >= 0)
                r = sd_journal_get_fd(journal);
        /* A file that journald renames while the directory is listed may be in neither place. Its renaming has been watched by then. */
        if (r >= 0)
                r = sd_journal_process(journal);
        if (r < 0)
                return open_failed(problem, r);
        handle->journal = steal(journal);
        handle->containers = config->containers;
        handle->namespaces = config->namespaces;
        handle->n_namespaces = config->directory ? 0 : config->n_namespaces;
        handle->at_end = handle->look_first = false;
        return 0;
}

/**
 * journal_handle_close() - close the journal, keeping the cursor
 */
void journal_handle_close(JournalHandle *handle)
{
        if (handle->journal && handle->moved)
                journal_handle_mark(handle);
        sd_journal_close(handle->journal);
        handle->journal = NULL;
        handle->at_end = handle->look_first = false;
}

/**
 * journal_handle_place() - take over the place of reading that was kept
 * @handle:     new
 * @position:   as journal_source_position() gave it, or NULL
 * @since:      where to begin without a position
 */
void journal_handle_place(JournalHandle *handle, const char *position, EventTime since)
{
        long long usec;

        handle->since = since;
        if (position && sscanf(position, "@%lld", &usec) == 1) {
                handle->since.usec = usec;
                handle->since_last = true;
                return;
        }
        /* A position that is too long is as good as a damaged one: the resume will say so. */
        if (position)
                snprintf(handle->cursor, sizeof handle->cursor, "%s", position);
}

static void go_by_time(JournalHandle *handle)
{
        handle->cursor[0] = '\0';
        handle->since = (EventTime){ handle->realtime + 1 };
        handle->since_last = true;
}

/**
 * journal_handle_mark() - bring the cursor up to the last entry handed out
 *
 * When the entry cannot be read any more, its time takes the cursor's place.
 */
void journal_handle_mark(JournalHandle *handle)
{
        _cleanup_free_ char *cursor = NULL;

        if (!handle->moved)
                return;
        handle->moved = handle->unmarked = false;
        if (sd_journal_get_cursor(handle->journal, &cursor) >= 0 && strlen(cursor) < sizeof handle->cursor) {
                strcpy(handle->cursor, cursor);
                handle->since_last = false;
                return;
        }
        go_by_time(handle);
}

/**
 * journal_handle_distrust() - a file shrank while the handle stepped: forget the step
 *
 * The entry handed out last cannot be asked for its cursor any more; its time has to do.
 */
void journal_handle_distrust(JournalHandle *handle)
{
        if (handle->unmarked)
                go_by_time(handle);
        handle->moved = handle->unmarked = false;
}

/* From the boot id on: the sequence number before it changes when journald moves an entry from memory to the disk. */
static const char *cursor_entry(const char *cursor)
{
        const char *entry = strstr(cursor, ";b=");

        return entry ? entry : cursor;
}

/**
 * journal_handle_stands_on_cursor() - whether the handle stands on the entry that was handed out last
 *
 * Return: 1, 0, -errno.
 */
int journal_handle_stands_on_cursor(JournalHandle *handle)
{
        _cleanup_free_ char *cursor = NULL;
        int r;

        if (!handle->cursor[0])
                return 0;
        r = sd_journal_get_cursor(handle->journal, &cursor);
        if (r < 0)
                return r;
        return strcmp(cursor_entry(cursor), cursor_entry(handle->cursor)) == 0;
}

static int64_t cursor_time(const char *cursor)
{
        const char *time = strstr(cursor, ";t=");
        int64_t usec = 0;

        if (time)
                sscanf(time, ";t=%16" SCNx64, (uint64_t *) &usec);
        return usec;
}

static int seek_base(JournalHandle *handle)
{
        if (handle->cursor[0])
                return sd_journal_seek_cursor(handle->journal, handle->cursor);
        /* A clock that was set back must not leave us waiting for the old present. */
        handle->since = event_time_min(handle->since, clock_event_now());
        return sd_journal_seek_realtime_usec(handle->journal, (uint64_t) handle->since.usec);
}

/**
 * journal_handle_resume() - after an opening: go to the cursor, or to `since` without one
 * @ret_note:   "" if the journal still holds what was read last; else what may have been missed
 *
 * An entry that has been vacuumed away is no reason to read anything twice: its
 * cursor still tells what came later.
 *
 * Return: 0, -errno.
 */
int journal_handle_resume(JournalHandle *handle, Problem *ret_note)
{
        char last[TIME_TEXT_MAX], next[TIME_TEXT_MAX];
        uint64_t realtime = 0;
        int r;

        ret_note->text[0] = '\0';
        r = seek_base(handle);
        if (r == -EINVAL && handle->cursor[0]) {
                handle->cursor[0] = '\0';
                problem_set(ret_note, 0, "the kept position is not one of the journal's; reading from %s on",
                            event_time_format(handle->since, last));
                r = seek_base(handle);
        }
        if (r < 0)
                return r;
        if (!handle->cursor[0])
                return 0;
        r = sd_journal_next(handle->journal);
        if (r == 0 && cursor_time(handle->cursor) > clock_event_now().usec) {
                handle->cursor[0] = '\0';
                problem_set(
                        ret_note, 0,
                        "the kept position lies in the future (was the clock wrong?) and its entry is gone; reading from %s on",
                        event_time_format(handle->since, last));
                return seek_base(handle);
        }
        if (r > 0)
                r = journal_handle_stands_on_cursor(handle);
        else if (r == 0)
                handle->at_end = true;
        if (r != 0)
                return r < 0 ? r : 0;
        event_time_format((EventTime){ cursor_time(handle->cursor) }, last);
        if (handle->at_end) {
                problem_set(ret_note, 0, "the entry read last (%s) is not in the journal any more; going on with what comes",
                            last);
                return 0;
        }
        handle->look_first = true;
        sd_journal_get_realtime_usec(handle->journal, &realtime);
        return problem_set(
                ret_note, 0,
                "the entry read last (%s) is not in the journal any more; going on at %s, entries between are lost if they "
                "were vacuumed",
                last, event_time_format((EventTime){ (int64_t) realtime }, next));
}

/**
 * journal_handle_look() - look from the cursor, forgetting what libsystemd remembers
 *
 * Return: 1: the handle stands on a new entry; 0: there is none; -errno.
 */
int journal_handle_look(JournalHandle *handle)
{
        int r;

        journal_handle_mark(handle);
        handle->look_first = false;
        r = seek_base(handle);
        if (r >= 0)
                r = sd_journal_next(handle->journal);
        if (r > 0) {
                r = journal_handle_stands_on_cursor(handle);
                if (r >= 0)
                        r = r > 0 ? sd_journal_next(handle->journal) : 1;
        }
        if (r < 0)
                return r;
        handle->at_end = r == 0;
        handle->moved = r > 0;
        return r > 0;
}

/**
 * journal_handle_next() - step to the next entry
 *
 * Return: 1: the handle stands on it; 0: there is none; -errno.
 */
int journal_handle_next(JournalHandle *handle)
{
        int r;

        if (handle->look_first)
                return journal_handle_look(handle);
        r = sd_journal_next(handle->journal);
        if (r < 0)
                return r;
        if (r > 0 && handle->at_end)
                return journal_handle_look(handle);
        if (r > 0) {
                handle->moved = true;
                return 1;
        }
        handle->at_end = true;
        journal_handle_mark(handle);
        return 0;
}

/**
 * journal_handle_process() - let libsystemd take up files that came and go
 *
 * Without it a reader goes blind at the first rotation. It may drop the file
 * that the handle stands in, so the cursor is taken first.
 *
 * Return: 0, -errno.
 */
int journal_handle_process(JournalHandle *handle)
{
        int r;

        journal_handle_mark(handle);
        r = sd_journal_process(handle->journal);
        return r < 0 ? r : 0;
}

static int get_field(JournalHandle *handle, const char *field, const char **ret_value, size_t *ret_size)
{
        size_t skip = strlen(field) + 1, size;
        const void *data;
        int r;

        r = sd_journal_get_data(handle->journal, field, &data, &size);
        if (r < 0)
                return r;
        if (size < skip)
                return -EBADMSG;
        *ret_value = (const char *) data + skip;
        *ret_size = size - skip;
        return 0;
}

static void copy_value(const char *value, size_t size, char buffer[static JOURNAL_IDENT_MAX])
{
        if (size >= JOURNAL_IDENT_MAX)
                size = JOURNAL_IDENT_MAX - 1;
        for (size_t i = 0; i < size; i++)
                buffer[i] = value[i] ? value[i] : '?'; /* a NUL must not make "sshd" of "sshd\0x" */
        buffer[size] = '\0';
}

/* Return: 0, -ENOENT: the entry has no such field, -errno. */
static int copy_field(JournalHandle *handle, const char *field, char buffer[static JOURNAL_IDENT_MAX])
{
        const char *value;
        size_t size;
        int r;

        r = get_field(handle, field, &value, &size);
        if (r == 0)
                copy_value(value, size, buffer);
        return r;
}

static int parse_number(const char *text, size_t size, int64_t *ret_number)
{
        int64_t number = 0;

        if (size == 0 || size > 18)
                return -EBADMSG;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -EBADMSG;
                number = number * 10 + (text[i] - '0');
        }
        *ret_number = number;
        return 0;
}

static int number_field(JournalHandle *handle, const char *field, int64_t *ret_number)
{
        const char *value;
        size_t size;
        int r = get_field(handle, field, &value, &size);

        return r < 0 ? r : parse_number(value, size, ret_number);
}

/* ---- all that every entry is asked for ---- */

#define NAMED(name) { name, sizeof name "=" - 1 }

static const struct {
        const char *name;
        size_t skip;            /* bytes of the name and the = behind it */
} FIELDS[_FIELD_MAX] = {
        [FIELD_IDENTIFIER] = NAMED("SYSLOG_IDENTIFIER"),
        [FIELD_SYSLOG_PID] = NAMED("SYSLOG_PID"),
        [FIELD_SOURCE_TIME] = NAMED("_SOURCE_REALTIME_TIMESTAMP"),
        [FIELD_UID] = NAMED("_UID"),
        [FIELD_PID] = NAMED("_PID"),
        [FIELD_COMM] = NAMED("_COMM"),
        [FIELD_UNIT] = NAMED("_SYSTEMD_UNIT"),
        [FIELD_TRANSPORT] = NAMED("_TRANSPORT"),
};

static void take_text(JournalHandle *handle, const char *value, size_t size)
{
        handle->text_error = 0;
        handle->text_size = size < sizeof handle->text ? size : sizeof handle->text;
        memcpy(handle->text, value, handle->text_size);
}

/* "NAME=...": is it this one? */
static bool is_named(const char *data, size_t size, const char *name, size_t skip)
{
        return size >= skip && data[skip - 1] == '=' && memcmp(data, name, skip - 1) == 0;
}

/* One of the entry's fields. Of several of a name the first counts, as for sd_journal_get_data(). */
static void take_field(JournalHandle *handle, const char *data, size_t size)
{
        static const size_t skip = sizeof "MESSAGE=" - 1;

        if (handle->text_error == -ENOENT && is_named(data, size, "MESSAGE", skip)) {
                take_text(handle, data + skip, size - skip);
                return;
        }
        for (size_t i = 0; i < _FIELD_MAX; i++) {
                JournalField *field = &handle->fields[i];

                if (field->error != -ENOENT || !is_named(data, size, FIELDS[i].name, FIELDS[i].skip))
                        continue;
                field->error = 0;
                copy_value(data + FIELDS[i].skip, size - FIELDS[i].skip, field->text);
                return;
        }
}

/* Return: 0; -errno: something about the entry is not right, or it has very many fields. */
static int pass_over_fields(JournalHandle *handle)
{
        const void *data;
        size_t size;
        int r;

        handle->text_error = -ENOENT;
        for (size_t i = 0; i < _FIELD_MAX; i++)
                handle->fields[i].error = -ENOENT;
        sd_journal_restart_data(handle->journal);
        for (unsigned n = 0; (r = sd_journal_enumerate_available_data(handle->journal, &data, &size)) > 0; n++) {
                if (n == PASS_MAX)
                        return -E2BIG;
                take_field(handle, data, size);
        }
        return r;
}

static void ask_for_fields(JournalHandle *handle)
{
        const char *text;
        size_t size;

        handle->text_error = get_field(handle, "MESSAGE", &text, &size);
        if (handle->text_error == 0)
                take_text(handle, text, size);
        for (size_t i = 0; i < _FIELD_MAX; i++)
                handle->fields[i].error = copy_field(handle, FIELDS[i].name, handle->fields[i].text);
}

/*
 * libsystemd looks for a field by its name through all of the entry each time; to pass over them once takes a third of the
 * time. By name they are asked for where that is too much: any user can write an entry with a thousand fields of a service's
 * name, each packed; or where one is broken, and the others may not be.
 */
static void read_fields(JournalHandle *handle)
{
        if (pass_over_fields(handle) < 0)
                ask_for_fields(handle);
}

static int field_number(const JournalHandle *handle, JournalFieldName name, int64_t *ret_number)
{
        const JournalField *field = &handle->fields[name];

        return field->error < 0 ? field->error : parse_number(field->text, strlen(field->text), ret_number);
}

/* ---- containers ---- */

static bool has_value(JournalHandle *handle, const char *field, const char *wanted)
{
        const char *value;
        size_t size;

        return get_field(handle, field, &value, &size) == 0 && size == strlen(wanted) && memcmp(value, wanted, size) == 0;
}

static bool has_field(JournalHandle *handle, const char *field)
{
        const char *value;
        size_t size;

        return get_field(handle, field, &value, &size) == 0;
}

/* Of one container's standard output or standard error. */
static uint32_t stream_hash(JournalHandle *handle, bool err)
{
        uint32_t hash;
        const char *id;
        size_t size;

        if (get_field(handle, "CONTAINER_ID_FULL", &id, &size) < 0 && get_field(handle, "CONTAINER_ID", &id, &size) < 0)
                return 1;
        hash = (uint32_t) text_hash(id, size) ^ err;
        return hash ? hash : 1;
}

/*
 * A message that a container manager has split: of its parts the first alone is looked at, and no more than its head, since its
 * end is elsewhere; a further one is no line of its own. What the last one looks like is a matter of taste: docker once did not
 * mark it, and podman does not.
 *
 * Return: false: a further part. *first: the first of several.
 */
static bool take_part(JournalHandle *handle, bool err, bool *first)
{
        bool partial = has_value(handle, "CONTAINER_PARTIAL_MESSAGE", "true");
        bool last = partial && has_value(handle, "CONTAINER_PARTIAL_LAST", "true");
        int64_t ordinal = 1;
        uint32_t hash = stream_hash(handle, err);
        size_t i = 0;

        (void) number_field(handle, "CONTAINER_PARTIAL_ORDINAL", &ordinal);
        while (i < JOURNAL_PARTS_MAX && handle->parts[i] != hash)
                i++;
        *first = partial && !last && ordinal <= 1 && i == JOURNAL_PARTS_MAX;
        if (i == JOURNAL_PARTS_MAX) {
                if (partial && !last)
                        handle->parts[handle->next_part++ % JOURNAL_PARTS_MAX] = hash;
                return *first || !partial;
        }
        /* A new message by its number, though the one before has no end. */
        if (partial && !last && has_value(handle, "CONTAINER_PARTIAL_ORDINAL", "1"))
                return *first = true;
        if (!partial || last)
                handle->parts[i] = 0;
        return false;
}

/* Return: 0; -ENOENT: no line, but a part of one. */
static int read_container(JournalHandle *handle, Line *line)
{
        bool err = has_value(handle, "PRIORITY", "3"), first;
        int64_t uid;

        /* Whoever is not root cannot say so, nor that a message goes on. */
        if (copy_field(handle, "CONTAINER_NAME", handle->container) < 0 || number_field(handle, "_UID", &uid) < 0 || uid != 0)
                return 0;
        if (!take_part(handle, err, &first))
                return -ENOENT;
        if (first && line->length <= LINE_LENGTH_MAX) {
                memset(handle->text + line->length, ' ', LINE_LENGTH_MAX + 1 - line->length);
                line->length = LINE_LENGTH_MAX + 1;
        }
        line->container = handle->container;
        line->transport = err ? "journal" : "file";
        line->pid = -1;
        return 0;
}

static bool is_of_other_namespace(JournalHandle *handle)
{
        for (size_t i = 0; i < handle->n_namespaces; i++)
                if (has_value(handle, "_NAMESPACE", handle->namespaces[i]))
                        return false;
        return handle->n_namespaces > 1 && has_field(handle, "_NAMESPACE");
}

/**
 * journal_handle_read() - the entry that the handle stands on, as a Line
 * @now:        the present; a later event time is taken as now
 * @ret_line:   texts point into the handle and live until the next call; origin and handle are left to the caller
 *
 * Everything is copied: reading a further field may unmap the last one.
 *
 * Return: 0; -ENOENT: it has no MESSAGE, or is not to be read; -errno: it cannot be read.
 */
int journal_handle_read(JournalHandle *handle, EventTime now, Line *ret_line)
{
        const JournalField *ident = &handle->fields[FIELD_IDENTIFIER], *comm = &handle->fields[FIELD_COMM];
        Line line = { .source = "journal", .text = handle->text, .pid = -1 };
        uint64_t realtime;
        int r;

        handle->unmarked = true;
        r = sd_journal_get_realtime_usec(handle->journal, &realtime);
        if (r < 0)
                return r;
        handle->realtime = (int64_t) realtime;
        if (handle->n_namespaces > 1 && is_of_other_namespace(handle))
                return -ENOENT;
        read_fields(handle);
        if (handle->text_error < 0)
                return handle->text_error;
        line.length = handle->text_size;
        if (field_number(handle, FIELD_SOURCE_TIME, &line.time.usec) < 0)
                line.time.usec = handle->realtime;
        line.time = event_time_min(line.time, now);
        if (field_number(handle, FIELD_SYSLOG_PID, &line.pid) < 0)
                line.pid = -1;
        line.ident = ident->error == 0 ? ident->text : comm->error == 0 ? comm->text : "";
        r = handle->containers ? read_container(handle, &line) : 0;
        if (r < 0 && !bus_guard_tripped())
                return r;
        if (bus_guard_tripped())
                return -EIO;
        *ret_line = line;
        return 0;
}

static int origin_text(const JournalField *field, const char **ret_text)
{
        *ret_text = field->error == 0 ? field->text : NULL;
        return field->error == -ENOENT ? 0 : field->error;
}

/**
 * journal_handle_origin() - the trusted fields of the entry that was read last
 *
 * Return: 0; -errno: one cannot be read, so nothing is known of its writer.
 */
int journal_handle_origin(const JournalHandle *handle, Origin *ret_origin)
{
        Origin origin = { .uid = -1, .pid = -1 };
        int r;

        r = field_number(handle, FIELD_UID, &origin.uid);
        if (r < 0 && r != -ENOENT)
                return r;
        r = field_number(handle, FIELD_PID, &origin.pid);
        if (r < 0 && r != -ENOENT)
                return r;
        r = origin_text(&handle->fields[FIELD_COMM], &origin.comm);
        if (r == 0)
                r = origin_text(&handle->fields[FIELD_UNIT], &origin.unit);
        if (r == 0)
                r = origin_text(&handle->fields[FIELD_TRANSPORT], &origin.transport);
        if (r < 0)
                return r;
        *ret_origin = origin;
        return 0;
}
