/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * From a path to the file that stands there, and what happens when that is another one.
 *
 * A file that has left its path is rotated away and is read on, as its lines may
 * still come; the file that took its place is read once the old one has been
 * read to its end. Which file it is, and how far it has been read, is told by
 * what is open, by the marks of an earlier run, and by contents (file-kin.c).
 *
 * An editor that saves a log writes lines that have been counted. It is told
 * from rotation by the log's first lines, which it leaves: then only lines that
 * are younger than the last one read are taken.
 *
 * A log that was truncated is begun anew, once what was not read of its copy has
 * been read, and what was copied of it since. If it was copied and truncated twice
 * before we came to look at it, and it had been read further than the first copy
 * goes, the second one is not read while we run: who cuts a log by hand ("tail a.log
 * >a.log.1", and empties it) would have all those lines counted twice.
 */

#include <errno.h>
#include <string.h>

#include "source/file-private.h"

#define SAME_LOG 64             /* equal bytes at the beginning by which two files are one log */
#define EVIDENCE 32             /* bytes of a fingerprint by which a file is known under another path */
#define ROW_MARGIN 60           /* seconds that lines of a later file may be older than the last one before the restart */
#define ROTATED_SHARE 3         /* times as many files as could still be opened are a user's at most, with those that were rotated away */
#define NOTICE_USEC (600 * USEC_PER_SEC)

static void notice(FilePath *path, const char *text)
{
        snprintf(path->notice, sizeof path->notice, "%s", text);
        path->notice_until.usec = clock_boot_now().usec + NOTICE_USEC;
}

/* ---- readers ---- */

static void add_reader(FileStream *stream, size_t reader)
{
        size_t i = 0, *grown;

        while (i < stream->n_readers && stream->readers[i] < reader)
                i++;
        if (i < stream->n_readers && stream->readers[i] == reader)
                return;
        grown = reallocarray(stream->readers, stream->n_readers + 1, sizeof *grown);
        if (!grown)
                return;
        memmove(grown + i + 1, grown + i, (stream->n_readers - i) * sizeof *grown);
        grown[i] = reader;
        stream->readers = grown;
        stream->n_readers++;
}

static void add_readers(FileStream *stream, const FilePath *path)
{
        for (size_t i = 0; i < path->n_readers; i++)
                add_reader(stream, path->readers[i]);
}

static int64_t longest_findtime(const FilePath *path)
{
        int64_t findtime = 0;

        for (size_t i = 0; i < path->n_readers; i++) {
                int64_t own = path->source->config.watches[path->readers[i]].findtime;

                findtime = own > findtime ? own : findtime;
        }
        return findtime;
}

/* ---- rows of an earlier run ---- */

static bool resume_at(FileStream *stream, FileRow *row, size_t evidence)
{
        for (size_t i = row->n_marks; i-- > 0;)
                if (row->marks[i].inode == stream->inode && row->marks[i].head.length >= evidence && stream_resume(stream, &row->marks[i]) == 0) {
                        row->marks[i].used = true;
                        return true;
                }
        return false;
}

/* A file may have been read under another path: it was renamed to one that is read as well. */
static bool resume_elsewhere(FileStream *stream)
{
        FileRow *row, *next;

        HASH_ITER(hh, stream->source->rows, row, next)
                if (resume_at(stream, row, EVIDENCE))
                        return true;
        return false;
}

/* Read on from the mark, or from a later place. Another file may have been given the inode. */
static FileStream *opened(const FilePath *path, const FileMark *mark)
{
        FileStream *stream = *stream_bucket(path->source, mark->inode);

        while (stream && (stream->reading != path->reading || stream->inode != mark->inode || stream->offset < mark->offset ||
                          !file_mark_fits(stream->fd, mark)))
                stream = stream->inode_next;
        return stream;
}

static bool known(const FilePath *path, const FileMark *mark)
{
        const FileStream *stream = opened(path, mark);

        return stream && stream->n_paths > 0;
}

/*
 * A log that was truncated while we were stopped is still what it was, by its inode, and what stood in it may stand in a copy. Of other
 * files no copy is sought: those that begin with the same lines, in the same second, are not rare enough.
 */
static FileStream *find_copy(FilePath *path, const FileMark *mark)
{
        return path->stream && path->stream->inode == mark->inode ? file_kin_copy(path, mark) : NULL;
}

/* The file of a mark, if @seek finds it, is read after @last. Return: the last. */
static FileStream *find_mark(FilePath *path, FileMark *mark, FileStream *(*seek)(FilePath *path, const FileMark *mark), FileStream *last)
{
        FileStream *stream = mark->used ? NULL : seek(path, mark);

        if (!stream)
                return last;
        mark->used = true;
        stream->quiet = mark->quiet;
        stream_follow(stream, last);
        return stream;
}

/* Whether the file at the path is that of a mark; it may have been truncated since. */
static bool is_marked(const FilePath *path, const FileMark *mark)
{
        return path->stream && path->stream->inode == mark->inode && file_mark_is_of(path->stream->fd, mark);
}

/* Whether lines may have been in the file of a mark that had not been read. */
static bool is_lost(FilePath *path, const FileMark *mark)
{
        return !mark->used && !mark->quiet && !(is_marked(path, mark) && file_kin_read_further(path, mark));
}

/*
 * The files of a row that stand elsewhere now, each read after the one before. Return: the last.
 *
 * What has its own inode is found before copies are looked for: it is nobody's copy.
 */
static FileStream *find_marked(FilePath *path, FileRow *row, bool resumed, bool *ret_lost)
{
        FileMark *newest = row->n_marks > 0 ? &row->marks[row->n_marks - 1] : NULL;
        FileStream *last = NULL;
        bool lost = false;

        for (size_t i = 0; i < row->n_marks; i++)
                row->marks[i].used = row->marks[i].used || known(path, &row->marks[i]);
        for (size_t i = 0; i < row->n_marks; i++)
                last = find_mark(path, &row->marks[i], file_kin_by_mark, last);
        for (size_t i = 0; i < row->n_marks; i++)
                last = find_mark(path, &row->marks[i], find_copy, last);
        if (newest && !resumed && !is_marked(path, newest))
                last = file_kin_between(path, last, newest, path->stream ? path->stream->inode : 0);
        for (size_t i = 0; i < row->n_marks; i++) {
                lost = lost || is_lost(path, &row->marks[i]);
                *ret_lost = !row->marks[i].used;
                row->marks[i].used = true;
        }
        if (lost)
                notice(path, "what was being read when bailiffd stopped is not there any more (compressed, removed or truncated?): lines "
                             "in it that had not been read are lost; delaycompress in logrotate's configuration keeps them readable");
        return last;
}

/* @ret_lost: the latest file of the row is not there any more */
static FileStream *use_row(FilePath *path, FileRow *row, bool resumed, bool *ret_lost)
{
        path->placed = true;
        path->moved = true;
        row->used = true;
        return find_marked(path, row, resumed, ret_lost);
}

/* Nothing stands at the path. If the rest is not there either, perhaps the file system is not: it is waited for. */
static void use_row_of_absent(FilePath *path, FileRow *row)
{
        bool lost;

        if (use_row(path, row, false, &lost))
                return;
        path->placed = path->moved = row->used = false;
        path->notice[0] = '\0';
        for (size_t i = 0; i < row->n_marks; i++)
                row->marks[i].used = false;
}

/* ---- where a new stream begins ---- */

/**
 * stream_is_same_log() - whether a file begins as another one does, so that it may be a copy of it
 */
bool stream_is_same_log(const FileStream *old, int fd)
{
        unsigned char head[FILE_PRINT_MAX];

        return old->head_size >= SAME_LOG && file_pread(fd, head, old->head_size, 0) == (ssize_t) old->head_size &&
               memcmp(head, old->head, old->head_size) == 0;
}

static void only_younger(FileStream *stream, EventTime last, int64_t margin)
{
        struct stat st;

        if (last.usec == 0 || fstat(stream->fd, &st) < 0 || !event_time_before(last, clock_event_now()))
                return;
        stream->since = (EventTime){ event_time_ago(last, margin).usec + (margin == 0) };
        stream->since_end = stream->live_end = st.st_size;
}

/* The path has had another file before. One that rotation has renamed is not this one, however alike their first lines are. */
static void begin_behind(FilePath *path, FileStream *stream, FileStream *before)
{
        bool rotated = file_kin_rotated(path, before);
        FileMark mark;

        stream_mark(before, &mark);
        if (!rotated && mark.head.length >= SAME_LOG && file_mark_fits(stream->fd, &mark)) {
                /* The same log in a new file. */
                stream_resume(stream, &mark);
                stream->trust = before->trust;
                stream_close(before);
                return;
        }
        if (!rotated && stream_is_same_log(before, stream->fd))
                only_younger(stream, mark.time, 0);
        stream->memory = before->memory;
        stream_follow(stream, file_kin_between(path, before, &mark, stream->inode));
}

static void begin_from_row(FilePath *path, FileStream *stream, FileRow *row)
{
        bool resumed = resume_at(stream, row, 0), lost = true;
        const FileMark *newest = row->n_marks > 0 ? &row->marks[row->n_marks - 1] : NULL;
        const FileStream *before;

        stream_follow(stream, use_row(path, row, resumed, &lost));
        if (newest && stream->offset == 0 && is_marked(path, newest)) {
                stream->seen = newest->mtime;
                stream->kept = true;
        }
        if (resumed || !newest)
                return;
        before = opened(path, newest);
        /* Beside the file from before this one is new, unless an editor has kept that under another name. */
        if (lost || (before && before != stream && stream_is_same_log(before, stream->fd) && !file_kin_rotated(path, before)))
                only_younger(stream, newest->time, ROW_MARGIN);
}

static void begin(FilePath *path, FileStream *stream, FileStream *before, bool had)
{
        FileRow *row = path->placed ? NULL : file_row_find(path);
        EventTime since = event_time_ago(clock_event_now(), longest_findtime(path));

        if (row) {
                begin_from_row(path, stream, row);
                return;
        }
        path->placed = true;
        if (resume_elsewhere(stream))
                return;
        if (before) {
                begin_behind(path, stream, before);
                return;
        }
        if (stream_is_copy(stream)) {
                stream->shadow = true;
                return;
        }
        if (had) {
                stream->since = since;
                stream->fresh = true;
        }
        if (had || stream_begin(stream, since) < 0)
                return;
        if (path->source->first_scan && stream->offset == 0)
                file_kin_first(path, stream, since);
}

/* ---- coming and going ---- */

static void count_standing(const FileStream *stream, int n)
{
        stream->source->n_standing += (size_t) n;
        if (stream->user)
                stream->user->n_standing += (size_t) n;
}

static FileStream *newest_old(const FilePath *path)
{
        FileStream *stream, *newest = NULL;

        DL_FOREACH2(path->owned, stream, owned_next)
                if (stream->n_paths == 0)
                        newest = stream;
        return newest;
}

static void change_owner(FileStream *stream)
{
        FilePath *path, *next;

        HASH_ITER(hh, stream->source->paths, path, next)
                if (path->stream == stream) {
                        stream_set_owner(stream, path);
                        return;
                }
}

/**
 * file_path_leave() - another file stands at the path, or none: the one that stood there is read on, for a while
 */
void file_path_leave(FilePath *path)
{
        FileSource *source = path->source;
        FileStream *stream = path->stream;
        struct stat st;

        if (!stream)
                return;
        path->stream = NULL;
        path->moved = true;
        path->rotated++;
        stream->n_paths--;
        if (stream->n_paths > 0) {
                change_owner(stream);
                return;
        }
        count_standing(stream, -1);
        stream_set_owner(stream, path);
        stream->quiet = stream->shadow = false;
        stream->changed = clock_boot_now();
        if (fstat(stream->fd, &st) == 0)
                stream->unlinked = st.st_nlink == 0;
        /* The last to be rotated away stands last. */
        DL_DELETE(source->streams, stream);
        DL_APPEND(source->streams, stream);
        stream_ready(stream);
}

static void join(FilePath *path, FileStream *stream)
{
        path->stream = stream;
        path->moved = true;
        path->had = true;
        stream->n_paths++;
        if (stream->n_paths == 1)
                count_standing(stream, 1);
        if (stream->n_paths == 1 && stream->owner != path)
                stream_set_owner(stream, path);
        add_readers(stream, path);
}

/**
 * file_path_park() - stop reading a file that has been read to its end, and keep its place, since others are to be read
 *
 * When it is written to again it is in use, and goes on there: whatever has come meanwhile is not lost.
 *
 * Return: whether that was possible.
 */
bool file_path_park(FilePath *path)
{
        char position[FILE_POSITION_MAX];
        FileStream *stream = path->stream;
        EventTime time;

        if (!stream || stream->owner != path || stream->n_paths > 1 || path->literal || stream->ready || stream->after || stream->shadow ||
            stream->errors > 0 || newest_old(path))
                return false;
        file_path_position(path, position, &time);
        if (file_row_park(path->source, path->name, position) < 0)
                return false;
        count_standing(stream, -1);
        stream_close(stream);
        path->stream = NULL;
        path->scan = path->source->scan - 1;
        return true;
}

static void attach(FilePath *path, int fd, const struct stat *st)
{
        FileSource *source = path->source;
        FileStream *stream = stream_find(source, path->reading, st->st_dev, st->st_ino), *before;
        bool had = path->had;

        file_path_leave(path);
        before = newest_old(path);
        if (stream) {
                close(fd);
                join(path, stream);
                return;
        }
        stream = stream_new(path, fd, st);
        if (!stream)
                return;
        join(path, stream);
        begin(path, stream, before, had);
        stream->starting = source->first_scan;
        stream_ready(stream);
}

static void open_failed(FilePath *path, int r)
{
        const char *advice = "give bailiffd's user the right to read it: add it to the file's group";

        if (r == -EMFILE || r == -ENFILE)
                advice = "there are more log files than file descriptors: raise LimitNOFILE= of the unit, or name fewer files";
        if (path->stream)
                advice = "the file that stood there before is still read; give bailiffd's user the right to read the new one";
        snprintf(path->problem, sizeof path->problem, "%s cannot be opened: %s; %s", path->path, strerror(-r), advice);
}

/*
 * A user's rotations may have half of what others could have besides, so that many of his logs can be rotated at once; then each
 * waits until an old one is quiet.
 */
static bool is_too_much(const FileSource *source, const FileUser *user)
{
        return user && user->n_streams > user->n_standing && user->n_streams / ROTATED_SHARE >= file_left_for(source, user);
}

/* Whether the file that stands at a path now can be opened, as far as descriptors go. */
static bool has_room(FilePath *path)
{
        FileSource *source = path->source;
        FileUser *user = path->stream ? path->stream->user : NULL;

        if (!file_get_descriptor(source, user, 0)) {
                snprintf(path->problem, sizeof path->problem, "%s is not read: %zu files are read already; name fewer files, or raise LimitNOFILE= of "
                         "the unit", path->path, source->n_streams);
                source->scan_polled = source->scan_polled || source->n_streams > source->n_standing;
                return false;
        }
        while (is_too_much(source, user) && !user->spent)
                user->spent = !file_make_room(source, user, true);
        source->scan_polled = source->scan_polled || is_too_much(source, user);
        return !is_too_much(source, user);
}

static void look(FilePath *path)
{
        FileSource *source = path->source;
        struct stat st, opened;
        int fd, r;

        r = file_chase(source, path->path, &st, path->problem, sizeof path->problem);
        path->absent = r == -ENOENT || r == -ENOTDIR;
        if (path->absent) {
                FileRow *row = path->placed ? NULL : file_row_find(path);

                file_path_leave(path);
                if (row && source->first_scan)
                        use_row_of_absent(path, row);
                return;
        }
        if (r < 0 || (path->stream && path->stream->device == st.st_dev && path->stream->inode == st.st_ino)) {
                if (path->stream)
                        add_readers(path->stream, path);
                return;
        }
        if (!has_room(path))
                return;
        if (file_kin_too_busy(source)) {
                source->scan_wanted = true;
                return;
        }
        fd = file_open_regular(AT_FDCWD, path->path, true, &opened);
        if (fd < 0) {
                open_failed(path, fd);
                return;
        }
        if (opened.st_dev != st.st_dev || opened.st_ino != st.st_ino) {
                /* It was exchanged in this moment: it is looked at again. */
                close(fd);
                source->scan_wanted = true;
                return;
        }
        attach(path, fd, &st);
}

/**
 * file_path_look() - see what stands at a path now
 */
void file_path_look(FilePath *path)
{
        path->problem[0] = '\0';
        look(path);
        if (path->stream)
                path->stream->polled = path->stream->polled || !path->stream->node;
        file_path_tell(path);
}

/* ---- truncation ---- */

/**
 * stream_is_copied() - before the first lines of a log: whether it has been copied and truncated since it was looked at last
 *
 * Of a log of which something has been read the contents tell that. Its copies are read first.
 *
 * Return: whether it cannot be read yet, because of that or since it could not be found out.
 */
bool stream_is_copied(FileStream *stream)
{
        FilePath *path = stream->owner;
        FileStream *copy;
        struct stat st;

        if (stream->offset > 0 || path->stream != stream || fstat(stream->fd, &st) < 0 || file_mtime(&st) == stream->seen)
                return false;
        if (file_kin_too_busy(stream->source)) {
                stream->retry.usec = clock_boot_now().usec + (uint64_t) USEC_PER_SEC;
                return true;
        }
        copy = file_kin_copied(path);
        if (!copy)
                return false;
        path->moved = true;
        stream->kept = false;
        stream_follow(stream, copy);
        stream_ready(stream);
        return true;
}

/* Copies that a glob found are read from where the log was left. */
static void use_shadows(FileStream *stream, const FileMark *mark)
{
        FileStream *other;

        DL_FOREACH(stream->source->streams, other) {
                struct stat st;

                if (!other->shadow || !stream_is_same_log(stream, other->fd))
                        continue;
                other->shadow = false;
                other->owner->moved = true;
                if (stream_resume(other, mark) < 0 && fstat(other->fd, &st) == 0) {
                        /* The log was read further than it was copied. */
                        other->offset = st.st_size;
                        other->tail_size = other->head_size = 0;
                }
                stream_ready(other);
        }
}

/**
 * stream_rewritten() - what had been read is not there any more: go on in a copy, if there is one, and begin anew
 */
void stream_rewritten(FileStream *stream)
{
        FilePath *path = stream->owner;
        FileStream *copy = NULL;
        bool same = stream_is_same_log(stream, stream->fd);
        FileMark mark;
        struct stat st;

        stream_mark(stream, &mark);
        stream->truncated++;
        path->moved = true;
        stream_json_give_up(stream);
        use_shadows(stream, &mark);
        if (!same && stream->n_paths > 0)
                copy = file_kin_copy(path, &mark);
        /* Later copies are sought when it is their turn; without the first one what stands there may have been read. */
        stream->kept = copy != NULL;
        if (!copy && fstat(stream->fd, &st) == 0)
                stream->seen = file_mtime(&st);
        stream->offset = 0;
        stream->head_size = stream->tail_size = 0;
        stream->skipping = false;
        stream->live_end = stream->since_end = 0;
        stream_follow(stream, copy);
        if (same)
                only_younger(stream, mark.time, 0);
        stream_ready(stream);
}
