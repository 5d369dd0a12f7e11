/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Log files as a source: whose turn it is.
 *
 * A path is what the configuration names; a stream is an open file. They part
 * when a log is rotated: the path gets another stream, and the old one goes on
 * without a path. A stream that has something unread stands in a queue, and each
 * turn of the loop takes a bounded number of bytes of each, in turn, for 20 ms at
 * most; so a flood in one file delays neither the others nor the control socket.
 *
 * Nothing here is final. An error is tried again, ten times in the first second
 * and then once a second, and never ends a stream. No handler returns an error
 * to the loop.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "source/file-private.h"
#include "util/text.h"

#define TURN_USEC (20 * USEC_PER_MSEC)
#define POLL_USEC (250 * USEC_PER_MSEC)
#define SCAN_POLL_USEC (1 * USEC_PER_SEC)
#define LOOK_USEC (30 * USEC_PER_SEC)
#define BEHIND_USEC (10 * USEC_PER_SEC) /* lines unread for so long did not arrive just now */
#define STREAMS_MAX 4096
#define SKEW_NEWS 60            /* seconds */
#define ERRORS_FAST 10
#define RETRY_FAST (100 * USEC_PER_MSEC)
#define RETRY_SLOW (1 * USEC_PER_SEC)

/**
 * file_has_passed() - whether it is so long ago
 */
bool file_has_passed(BootTime now, BootTime since, int64_t usec)
{
        return now.usec >= since.usec + (uint64_t) usec;
}

/* ---- streams ---- */

/**
 * stream_bucket() - the streams with inodes alike
 */
FileStream **stream_bucket(FileSource *source, ino_t inode)
{
        return &source->by_inode[(inode ^ (inode >> 10)) % FILE_BUCKETS];
}

FileStream *stream_find(FileSource *source, const FileReading *reading, dev_t device, ino_t inode)
{
        FileStream *stream = *stream_bucket(source, inode);

        while (stream && (stream->inode != inode || stream->device != device || stream->reading != reading))
                stream = stream->inode_next;
        return stream;
}

/**
 * stream_set_owner() - have a path's row keep the place of a stream, as that of its last one
 */
void stream_set_owner(FileStream *stream, FilePath *owner)
{
        if (stream->owner) {
                DL_DELETE2(stream->owner->owned, stream, owned_prev, owned_next);
                stream->owner->moved = true;
        }
        stream->owner = owner;
        DL_APPEND2(owner->owned, stream, owned_prev, owned_next);
}

/* There is, or may be, something to read. */
void stream_ready(FileStream *stream)
{
        FileSource *source = stream->source;

        if (stream->ready)
                return;
        if (stream->behind.usec == 0)
                stream->behind = clock_boot_now();
        stream->ready = true;
        DL_APPEND2(source->ready, stream, ready_prev, ready_next);
}

static void stream_unready(FileStream *stream)
{
        if (stream->ready)
                DL_DELETE2(stream->source->ready, stream, ready_prev, ready_next);
        stream->ready = false;
}

/* Takes over the descriptor, whatever happens. The readers are the path's. */
FileStream *stream_new(FilePath *owner, int fd, const struct stat *st)
{
        FileSource *source = owner->source;
        FileStream *stream = calloc(1, sizeof *stream);

        if (stream)
                stream->readers = calloc(owner->n_readers + 1, sizeof *stream->readers);
        if (!stream || !stream->readers) {
                free(stream);
                close(fd);
                source->scan_polled = true;
                return NULL;
        }
        stream->source = source;
        stream_set_owner(stream, owner);
        stream->reading = owner->reading;
        stream->fd = fd;
        stream->device = st->st_dev;
        stream->inode = st->st_ino;
        stream->seen = file_mtime(st);
        stream->opened = stream->changed = clock_boot_now();
        stream->absent = source->scanned_before;
        stream->n_readers = owner->n_readers;
        memcpy(stream->readers, owner->readers, owner->n_readers * sizeof *stream->readers);
        if (!file_user_is_trusted(st->st_uid))
                stream->user = file_user_open(source, st->st_uid);
        DL_APPEND(source->streams, stream);
        stream->inode_next = *stream_bucket(source, stream->inode);
        *stream_bucket(source, stream->inode) = stream;
        source->n_streams++;
        file_watch_stream(stream);
        stream_ready(stream);
        return stream;
}

/**
 * stream_follow() - read a stream once another one has been read to its end
 */
void stream_follow(FileStream *stream, FileStream *after)
{
        if (stream->after)
                stream->after->n_followers--;
        stream->after = after;
        if (after)
                after->n_followers++;
}

static void release_followers(FileStream *stream)
{
        FileStream *other;

        if (stream->n_followers == 0)
                return;
        DL_FOREACH(stream->source->streams, other)
                if (other->after == stream) {
                        stream_follow(other, NULL);
                        stream_ready(other);
                }
}

void stream_close(FileStream *stream)
{
        FileSource *source = stream->source;
        FileStream **alike = stream_bucket(source, stream->inode);

        release_followers(stream);
        stream_follow(stream, NULL);
        stream_unready(stream);
        file_unwatch_stream(stream);
        DL_DELETE(source->streams, stream);
        while (*alike != stream)
                alike = &(*alike)->inode_next;
        *alike = stream->inode_next;
        source->n_streams--;
        file_user_close(stream->user);
        DL_DELETE2(stream->owner->owned, stream, owned_prev, owned_next);
        stream->owner->moved = true;
        close(stream->fd);
        stream_json_free(stream);
        free(stream->readers);
        free(stream);
}

/* ---- telling ---- */

/* A skew of an hour is now a second less, now one more: that is no news. */
static void describe_skew(FileStream *stream, char *text, size_t size)
{
        char words[STAMP_TRUST_TEXT_MAX];
        StampTrust trust = stream->trust;

        if (llabs(stream->skew_told - trust.skew) > SKEW_NEWS)
                stream->skew_told = trust.skew;
        trust.skew = stream->skew_told;
        snprintf(text, size, "%s", stamp_trust_text(&trust, stream->reading->zone, stream->zoned, clock_event_now(), words));
}

/* What there is to say about a path, when it has changed. */
void file_path_tell(FilePath *path)
{
        FileSource *source = path->source;
        char text[sizeof path->told] = "";

        if (*path->problem && !path->absent)
                snprintf(text, sizeof text, "%s", path->problem);
        else if (*path->notice)
                snprintf(text, sizeof text, "%s", path->notice);
        else if (path->stream && stamp_trust_is_off(&path->stream->trust))
                describe_skew(path->stream, text, sizeof text);
        if (strcmp(text, path->told) == 0)
                return;
        strcpy(path->told, text);
        source->callbacks.state(source->callbacks.userdata, path->path, text);
}

/* ---- turns ---- */

static void stop_starting(FileStream *stream)
{
        stream->starting = false;
}

void stream_fail(FileStream *stream, int r)
{
        FilePath *path = stream->owner;
        int64_t rest = stream->errors < ERRORS_FAST ? RETRY_FAST : RETRY_SLOW;

        stream->errors++;
        stream->retry.usec = clock_boot_now().usec + (uint64_t) rest;
        stop_starting(stream);
        release_followers(stream);
        if (r == -ESTALE)
                stream->source->scan_wanted = true;
        snprintf(path->problem, sizeof path->problem, "%s cannot be read: %s; it is tried again once a second: look at the disk, or at the network mount",
                 path->path, strerror(-r));
        file_path_tell(path);
}

static void stream_well(FileStream *stream)
{
        if (stream->errors == 0)
                return;
        stream->errors = 0;
        stream->retry.usec = 0;
        stream->owner->problem[0] = '\0';
        file_path_tell(stream->owner);
}

static bool may_read(FileStream *stream)
{
        if (stream->after) {
                /* Its end was seen before this one was chained to it, perhaps. */
                stream_ready(stream->after);
                return false;
        }
        if (stream->retry.usec > clock_boot_now().usec)
                return false;
        if (stream->shadow) {
                if (stream_is_copy(stream)) {
                        stop_starting(stream);
                        return false;
                }
                stream->shadow = false;
        }
        return true;
}

static void stream_turn(FileStream *stream, BootTime end)
{
        FileSource *source = stream->source;
        off_t before = stream->offset;
        bool off = stamp_trust_is_off(&stream->trust);
        int r;

        stream_unready(stream);
        if (!may_read(stream))
                return;
        if (stream->fresh && !stream_settle(stream))
                return;
        if (stream_is_copied(stream))
                return;
        if (stream->offset < stream->live_end)
                stream_prime(stream);
        stream->back_fill = file_has_passed(clock_boot_now(), stream->behind, BEHIND_USEC);
        r = stream_read(stream, end);
        if (stream->offset != before) {
                stream->changed = clock_boot_now();
                stream->quiet = false;
        }
        if (r < 0) {
                stream_fail(stream, r);
                return;
        }
        stream_well(stream);
        if (r == FILE_E_REWRITTEN) {
                if (file_kin_too_busy(source))
                        stream->retry.usec = clock_boot_now().usec + RETRY_SLOW;
                else
                        stream_rewritten(stream);
                return;
        }
        if (r == FILE_E_MORE)
                stream_ready(stream);
        else
                stream->behind.usec = 0;
        if (r == 0 || stream->offset >= stream->live_end) {
                stop_starting(stream);
                release_followers(stream);
        }
        if (off != stamp_trust_is_off(&stream->trust) && source->started)
                file_path_tell(stream->owner);
}

static void read_ready(FileSource *source)
{
        BootTime end = { clock_boot_now().usec + TURN_USEC };
        FileStream *stream;
        size_t n = 0;

        DL_COUNT2(source->ready, stream, n, ready_next);
        while (n-- > 0 && source->ready && !source->paused) {
                stream_turn(source->ready, end);
                if (clock_boot_now().usec >= end.usec)
                        break;
        }
}

static void tell_caught_up(FileSource *source)
{
        FileStream *stream;

        if (source->caught_up || source->first_scan)
                return;
        DL_FOREACH(source->streams, stream)
                if (stream->starting)
                        return;
        source->caught_up = true;
        if (source->callbacks.caught_up)
                source->callbacks.caught_up(source->callbacks.userdata);
}

/* ---- parts of messages ---- */

static void look_at_parts(FileSource *source)
{
        BootTime now = clock_boot_now();
        FileStream *stream;

        DL_FOREACH(source->streams, stream)
                if (!source->paused)
                        stream_json_overdue(stream, now);
}

/* ---- the timer ---- */

static void sooner(uint64_t *due, uint64_t usec)
{
        if (usec != 0 && usec < *due)
                *due = usec;
}

static void arm(FileSource *source)
{
        BootTime now = clock_boot_now();
        uint64_t due = source->look_due.usec;
        FileStream *stream;

        if (source->scan_wanted)
                sooner(&due, source->scan_allowed.usec);
        if (source->scan_polled)
                sooner(&due, source->scan_allowed.usec > source->scan_due.usec ? source->scan_allowed.usec : source->scan_due.usec);
        DL_FOREACH(source->streams, stream) {
                sooner(&due, stream->retry.usec);
                sooner(&due, stream_json_due(stream));
                if (stream->polled)
                        sooner(&due, source->poll_due.usec);
                if (stream->n_paths == 0 && !stream->quiet)
                        sooner(&due, source->old_due.usec);
        }
        sd_event_source_set_time_accuracy(source->timer, due > now.usec + (uint64_t) SCAN_POLL_USEC ? SCAN_POLL_USEC : 1);
        sd_event_source_set_time(source->timer, due);
        sd_event_source_set_enabled(source->timer, SD_EVENT_ONESHOT);
        sd_event_source_set_enabled(source->defer, source->ready && !source->paused ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void scan_if_due(FileSource *source)
{
        BootTime now = clock_boot_now();
        bool polled = source->scan_polled && now.usec >= source->scan_due.usec;

        if (now.usec >= source->look_due.usec)
                source->scan_wanted = true;
        if ((!source->scan_wanted && !polled) || now.usec < source->scan_allowed.usec)
                return;
        file_scan(source);
        source->scan_due.usec = now.usec + SCAN_POLL_USEC;
}

static void look_around(FileSource *source)
{
        BootTime now = clock_boot_now();
        bool look = now.usec >= source->look_due.usec, poll = now.usec >= source->poll_due.usec;
        FilePath *path, *next;
        FileStream *stream;

        scan_if_due(source);
        DL_FOREACH(source->streams, stream) {
                if (look || (poll && stream->polled))
                        stream_ready(stream);
                if (stream->retry.usec != 0 && now.usec >= stream->retry.usec) {
                        stream->retry.usec = 0;
                        stream_ready(stream);
                }
        }
        if (poll)
                source->poll_due.usec = now.usec + source->config.poll_usec;
        if (!look)
                return;
        source->look_due.usec = now.usec + LOOK_USEC;
        source->directory = file_directory_free(source->directory);
        HASH_ITER(hh, source->paths, path, next)
                if (*path->notice && now.usec >= path->notice_until.usec) {
                        path->notice[0] = '\0';
                        file_path_tell(path);
                }
}

void file_source_turn(FileSource *source)
{
        if (!source->started || source->in_turn)
                return;
        source->in_turn = true;
        if (!source->paused) {
                look_around(source);
                read_ready(source);
                look_at_parts(source);
                file_look_at_old(source);
                tell_caught_up(source);
        }
        source->in_turn = false;
        if (source->paused)
                sd_event_source_set_enabled(source->defer, SD_EVENT_OFF);
        else
                arm(source);
}

static int on_timer(sd_event_source *event_source, uint64_t usec, void *userdata)
{
        file_source_turn(userdata);
        return 0;
}

static int on_defer(sd_event_source *event_source, void *userdata)
{
        file_source_turn(userdata);
        return 0;
}

/* ---- what is read, and how ---- */

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_dates(const char *const *a, const char *const *b)
{
        static const char *const none[] = { NULL };

        a = a ? a : none;
        b = b ? b : none;
        while (*a && *b && strcmp(*a, *b) == 0)
                a++, b++;
        return !*a && !*b;
}

static bool same_style(const FileStyle *a, const FileStyle *b)
{
        return a->format == b->format && same_text(a->timezone, b->timezone) && same_dates(a->dates, b->dates) &&
               same_text(a->message, b->message) && same_text(a->time, b->time) && same_text(a->address, b->address);
}

static uint32_t style_hash(const FileStyle *style)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        uint32_t hash = 1;

        if (!stream)
                return hash;
        if (style->format != FILE_LINES)
                fprintf(stream, "json %s %s %s ", style->message ? style->message : "", style->time ? style->time : "", style->address ? style->address : "");
        fprintf(stream, "%s", style->timezone ? style->timezone : "");
        for (const char *const *date = style->dates; date && *date; date++)
                fprintf(stream, " %s", *date);
        if (fclose(stream) == 0)
                hash = size > 0 ? (uint32_t) text_hash(text, size) : 0;
        free(text);
        return hash;
}

static int add_reading(FileSource *source, const FileStyle *style, size_t *ret_index)
{
        FileReading *reading = &source->readings[source->n_readings];
        int r = 0;

        for (size_t i = 0; i < source->n_readings; i++)
                if (same_style(&source->readings[i].style, style)) {
                        *ret_index = i;
                        return 0;
                }
        reading->style = *style;
        reading->hash = style_hash(style);
        if (style->timezone)
                r = zone_load(style->timezone, &reading->zone, NULL);
        if (r == 0 && style->dates && style->dates[0])
                r = date_formats_compile(style->dates, &reading->dates, NULL);
        *ret_index = source->n_readings++;
        return r;
}

static int add_watches(FileSource *source)
{
        const FileConfig *config = &source->config;
        size_t n_patterns = 0;
        int r = 0;

        for (size_t i = 0; i < config->n_watches; i++)
                for (const char *const *path = config->watches[i].paths; *path; path++)
                        n_patterns++;
        source->readings = calloc(config->n_watches + 1, sizeof *source->readings);
        source->watch_reading = calloc(config->n_watches + 1, sizeof *source->watch_reading);
        source->patterns = calloc(n_patterns + 1, sizeof *source->patterns);
        if (!source->readings || !source->watch_reading || !source->patterns)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_watches && r == 0; i++) {
                if (config->watches[i].paths[0])
                        r = add_reading(source, &config->watches[i].style, &source->watch_reading[i]);
                for (const char *const *path = config->watches[i].paths; *path && r == 0; path++) {
                        if (**path != '/')
                                return -EINVAL;
                        source->patterns[source->n_patterns++] = (FilePattern){ .text = *path, .watch = i };
                }
        }
        return r;
}

static size_t streams_max(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > STREAMS_MAX)
                return STREAMS_MAX;
        return limit.rlim_cur / 2;
}

static void no_state(void *userdata, const char *path, const char *text)
{
}

/**
 * file_source_new() - prepare to read; nothing is opened yet
 * @config:     its watches are borrowed until the source is freed
 * @callbacks:  line is required
 *
 * Return: 0; -EINVAL: a path is not absolute; what zone_load() and date_formats_compile() return; -ENOMEM.
 */
int file_source_new(sd_event *event, const FileConfig *config, FileCallbacks callbacks, FileSource **ret_source)
{
        _cleanup_(file_source_freep) FileSource *source = calloc(1, sizeof *source);
        int r;

        assert(callbacks.line);
        if (!source)
                return -ENOMEM;
        source->inotify = -1;
        source->config = *config;
        if (source->config.poll_usec == 0)
                source->config.poll_usec = POLL_USEC;
        source->callbacks = callbacks;
        if (!source->callbacks.state)
                source->callbacks.state = no_state;
        source->event = sd_event_ref(event);
        source->streams_max = streams_max();
        source->buffer = malloc(FILE_PRINT_MAX + FILE_TURN);
        if (!source->buffer)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_watches && !source->message; i++)
                if (config->watches[i].style.format == FILE_JSON) {
                        source->message = malloc(LOGOBJECT_BUFFER);
                        if (!source->message)
                                return -ENOMEM;
                }
        r = add_watches(source);
        if (r < 0)
                return r;
        *ret_source = steal(source);
        return 0;
}

static int add_sources(FileSource *source)
{
        int r;

        r = sd_event_add_time(source->event, &source->timer, CLOCK_BOOTTIME, 0, 1, on_timer, source);
        if (r >= 0)
                r = sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(source->event, &source->defer, on_defer, source);
        if (r < 0)
                return r;
        sd_event_source_set_description(source->timer, "files-timer");
        sd_event_source_set_description(source->defer, "files-read");
        return file_watch_open(source);
}

/**
 * file_source_start() - find and open the files; their lines come in the loop
 *
 * Files that are not there, or cannot be read, are waited for.
 *
 * Return: 0; -errno with @problem set.
 */
int file_source_start(FileSource *source, Problem *problem)
{
        int r = add_sources(source);
        BootTime now = clock_boot_now();

        if (r < 0)
                return problem_set(problem, r, "log files cannot be watched: %s", strerror(-r));
        source->born = clock_event_now();
        source->first_scan = true;
        file_scan(source);
        source->first_scan = false;
        source->started = true;
        source->look_due.usec = now.usec + LOOK_USEC;
        source->scan_due.usec = now.usec + SCAN_POLL_USEC;
        sd_event_source_set_enabled(source->defer, source->paused ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        return 0;
}

/**
 * file_source_pause() - read nothing for a while, or go on
 */
void file_source_pause(FileSource *source, bool pause)
{
        source->paused = pause;
        if (!source->started)
                return;
        if (source->io)
                sd_event_source_set_enabled(source->io, pause ? SD_EVENT_OFF : SD_EVENT_ON);
        if (!source->in_turn)
                sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
        sd_event_source_set_enabled(source->defer, pause ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void free_paths(FileSource *source)
{
        FilePath *path, *next;

        HASH_ITER(hh, source->paths, path, next)
                file_path_free(path);
}

/**
 * file_source_free() - close all; not from within a callback
 */
FileSource *file_source_free(FileSource *source)
{
        if (!source)
                return NULL;
        while (source->streams)
                stream_close(source->streams);
        file_watch_close(source);
        file_users_free(source, true);
        free_paths(source);
        file_rows_free(source);
        file_directory_free(source->directory);
        for (size_t i = 0; i < source->n_readings; i++) {
                zone_free(source->readings[i].zone);
                date_formats_free(source->readings[i].dates);
        }
        for (size_t i = 0; i < source->n_forgotten; i++)
                free(source->forgotten[i]);
        free(source->forgotten);
        sd_event_source_disable_unref(source->timer);
        sd_event_source_disable_unref(source->defer);
        sd_event_unref(source->event);
        free(source->readings);
        free(source->watch_reading);
        free(source->patterns);
        free(source->buffer);
        free(source->message);
        free(source);
        return NULL;
}

/* ---- places ---- */

/**
 * file_source_place() - before the start: where an earlier run has read to
 * @name:       as file_source_positions() named it
 * @position:   as it gave it; "" is none, and so is one that is damaged
 *
 * Return: 0 or -ENOMEM.
 */
int file_source_place(FileSource *source, const char *name, const char *position)
{
        if (strncmp(name, "file:", strlen("file:")) != 0 || !*position)
                return 0;
        return file_row_add(source, name, position);
}

/* A row is not needed any more. */
void file_forget(FileSource *source, const char *name)
{
        char **grown = reallocarray(source->forgotten, source->n_forgotten + 1, sizeof *grown);

        if (!grown)
                return;
        source->forgotten = grown;
        grown[source->n_forgotten] = strdup(name);
        source->n_forgotten += grown[source->n_forgotten] != NULL;
}

static bool is_path_row(const FileSource *source, const char *name)
{
        FilePath *path;

        HASH_FIND(hh_name, source->paths_by_name, name, strlen(name), path);
        return path != NULL;
}

static void visit_forgotten(FileSource *source, FilePositionVisitor visit, void *userdata)
{
        FileRow *row, *next;

        for (size_t i = 0; i < source->n_forgotten; i++) {
                if (!is_path_row(source, source->forgotten[i]))
                        visit(userdata, source->forgotten[i], "", EVENT_TIME_NONE);
                free(source->forgotten[i]);
        }
        source->n_forgotten = 0;
        HASH_ITER(hh, source->rows, row, next)
                if (row->used && !is_path_row(source, row->name)) {
                        visit(userdata, row->name, "", EVENT_TIME_NONE);
                        file_row_drop(source, row);
                }
}

/**
 * file_source_positions() - see files.h
 */
void file_source_positions(FileSource *source, bool all, FilePositionVisitor visit, void *userdata)
{
        char position[FILE_POSITION_MAX];
        FilePath *path, *next;
        FileRow *row, *next_row;
        EventTime time;

        /* What stands at several paths moves in all of their rows. */
        HASH_ITER(hh, source->paths, path, next)
                if (path->stream && path->stream->owner->moved)
                        path->moved = true;
        HASH_ITER(hh, source->paths, path, next) {
                if ((!path->moved && !all) || (!path->placed && !path->stream))
                        continue;
                path->moved = false;
                file_path_position(path, position, &time);
                visit(userdata, path->name, position, time);
        }
        visit_forgotten(source, visit, userdata);
        HASH_ITER(hh, source->rows, row, next_row) {
                if (!row->used && row->n_marks > 0 && (all || row->moved))
                        visit(userdata, row->name, row->position, row->marks[row->n_marks - 1].time);
                row->moved = false;
        }
}

/* ---- what there is to show ---- */

static bool is_reader(const FilePath *path, size_t watch)
{
        if (watch == FILES_ALL)
                return true;
        for (size_t i = 0; i < path->n_readers; i++)
                if (path->readers[i] == watch)
                        return true;
        return false;
}

static void list_path(const FilePath *path, void (*visit)(void *userdata, const FileInfo *info), void *userdata)
{
        const FileStream *stream = path->stream;
        FileInfo info = { .path = path->path, .waiting = !stream, .problem = *path->told ? path->told : path->problem, .rotated = path->rotated };

        if (stream) {
                info.polled = stream->polled;
                info.forgeable = stream->forgeable;
                info.lines = stream->lines;
                info.bytes = stream->bytes;
                info.over_long = stream->over_long;
                info.bad = stream->bad;
                info.truncated = stream->truncated;
                info.last_line = stream->last_line;
                info.skew = stream->trust.skew;
        }
        visit(userdata, &info);
}

static int compare_paths(const FilePath *a, const FilePath *b)
{
        return strcmp(a->path, b->path);
}

/**
 * file_source_list() - the files of a watch, by name, and the patterns that match none
 */
void file_source_list(const FileSource *source, size_t watch, void (*visit)(void *userdata, const FileInfo *info), void *userdata)
{
        FilePath *path, *next;

        HASH_SRT(hh, ((FileSource *) source)->paths, compare_paths); /* the order says nothing to anybody else */
        HASH_ITER(hh, source->paths, path, next)
                if (is_reader(path, watch))
                        list_path(path, visit, userdata);
        for (size_t i = 0; i < source->n_patterns; i++) {
                const FilePattern *pattern = &source->patterns[i];

                if ((pattern->watch == watch || watch == FILES_ALL) && (pattern->n_found == 0 || *pattern->problem))
                        visit(userdata, &(FileInfo){ .path = pattern->text, .waiting = true, .left_out = pattern->n_left_out,
                                                     .problem = *pattern->problem ? pattern->problem : "no file matches (yet)" });
        }
}
