/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where reading of a file stands, and where it begins.
 *
 * An inode does not tell a file for ever: copytruncate empties it and it grows
 * again, a removed file's inode is given to the next one, and an editor writes
 * the same log into a new one. So a mark holds two fingerprints beside inode and
 * offset: of the file's first bytes, and of the last ones that were read. Both
 * cover only what has been handed out, so they never change while a file only
 * grows. The device is kept for people: it gets another number at each mount of
 * some file systems.
 *
 * A file that nothing is known of is read from the window's beginning, which is
 * found by bisection on the lines' times. Lines are not always in order, so the
 * search aims at two minutes before, and steps back by some more bytes; what is
 * older than the window is passed over line by line.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "source/file-private.h"
#include "util/text.h"

#define BISECT_BLOCK 65536      /* read at once; the search ends when so little is left */
#define BISECT_MARGIN 262144    /* bytes stepped back from what was found */
#define BISECT_EARLIER 120      /* seconds before what is sought */
#define TICK_USEC 20000
#define SETTLE_USEC (2 * USEC_PER_SEC)
#define UNPACKED_USEC (10 * USEC_PER_SEC) /* a file to which nothing has come for so long is not being unpacked any more */
#define BISECT_BLOCKS 16        /* without any stamp, and the search goes on before them */

/**
 * file_mtime() - when a file was changed last, in usec
 */
int64_t file_mtime(const struct stat *st)
{
        return (int64_t) st->st_mtim.tv_sec * USEC_PER_SEC + st->st_mtim.tv_nsec / 1000;
}

/**
 * file_birth() - when a file was made
 * @name:       in the directory; "": @directory is the file
 *
 * Return: usec; 0: the file system does not know.
 */
int64_t file_birth(int directory, const char *name)
{
        struct statx sx;

        if (statx(directory, name, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH), STATX_BTIME, &sx) < 0 || !(sx.stx_mask & STATX_BTIME))
                return 0;
        return (int64_t) sx.stx_btime.tv_sec * USEC_PER_SEC + sx.stx_btime.tv_nsec / 1000;
}

/**
 * stream_mark() - where a stream has been read to, as of the last line handed out
 */
void stream_mark(const FileStream *stream, FileMark *ret_mark)
{
        const FileSource *source = stream->source;
        const void *tail = stream->tail;
        size_t tail_size = stream->tail_size;
        struct stat st;

        if (source->reading == stream) {
                tail_size = (size_t) (source->cursor - source->buffer);
                if (tail_size > FILE_PRINT_MAX)
                        tail_size = FILE_PRINT_MAX;
                tail = source->cursor - tail_size;
        }
        *ret_mark = (FileMark){
                .device = stream->device,
                .inode = stream->inode,
                .offset = stream->offset,
                .skipping = stream->skipping,
                .quiet = stream->quiet,
                .head = { stream->head_size, text_hash(stream->head, stream->head_size) },
                .tail = { tail_size, text_hash(tail, tail_size) },
                .parts = stream_json_parts(stream),
                .cut = { stream->parts[0].split.cut, stream->parts[1].split.cut },
                .time = stream->last_line,
                .mtime = source->reading == stream && fstat(stream->fd, &st) == 0 ? file_mtime(&st) : stream->seen,
                .born = stream->head_size == 0 ? file_birth(stream->fd, "") : 0,
        };
}

/* At most 173 characters. What only objects need is written where it says something. */
static int mark_write(const FileMark *mark, char *buffer, size_t size)
{
        int n = snprintf(buffer, size, "%" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%s%s:%zx:%" PRIx64 ":%zx:%" PRIx64 ":%" PRIx64 ":%" PRIx64,
                         mark->device, mark->inode, (uint64_t) mark->offset, mark->skipping ? "s" : "-", mark->quiet ? "q" : "-",
                         mark->head.length, mark->head.hash, mark->tail.length, mark->tail.hash, (uint64_t) mark->time.usec,
                         (uint64_t) mark->mtime);

        if (mark->parts || mark->cut[0] || mark->cut[1])
                n += snprintf(buffer + n, size - (size_t) n, ":%zx:%" PRIx32 ":%" PRIx32, mark->parts, mark->cut[0], mark->cut[1]);
        /* Where there is no head, the rest is so short that there is room. */
        if (mark->born)
                n += snprintf(buffer + n, size - (size_t) n, "+%" PRIx64, (uint64_t) mark->born);
        return n;
}

static bool mark_read(const char *text, FileMark *ret_mark)
{
        uint64_t offset, time, mtime;
        char skipping, quiet;
        FileMark mark = { 0 };
        const char *born = text + strcspn(text, " +");
        int n = sscanf(text, "%" SCNx64 ":%" SCNx64 ":%" SCNx64 ":%c%c:%zx:%" SCNx64 ":%zx:%" SCNx64 ":%" SCNx64 ":%" SCNx64 ":%zx:%" SCNx32 ":%" SCNx32, &mark.device,
                       &mark.inode, &offset, &skipping, &quiet, &mark.head.length, &mark.head.hash, &mark.tail.length, &mark.tail.hash,
                       &time, &mtime, &mark.parts, &mark.cut[0], &mark.cut[1]);

        if (n != 11 && n != 14)
                return false;
        mark.offset = (off_t) offset;
        mark.skipping = skipping == 's';
        mark.quiet = quiet == 'q';
        mark.time.usec = (int64_t) time;
        mark.mtime = (int64_t) mtime;
        if (*born == '+')
                mark.born = strtoll(born + 1, NULL, 16);
        if (mark.offset < 0 || mark.head.length > FILE_PRINT_MAX || mark.tail.length > FILE_PRINT_MAX ||
            (off_t) mark.head.length > mark.offset || (off_t) mark.tail.length > mark.offset || mark.parts > FILE_PARTS_MAX || (off_t) mark.parts > mark.offset)
                return false;
        *ret_mark = mark;
        return true;
}

/**
 * file_marks_parse() - the marks of a position, oldest first
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int file_marks_parse(const char *position, FileMark **ret_marks, size_t *ret_n)
{
        _cleanup_free_ FileMark *marks = calloc(FILE_MARKS_MAX, sizeof *marks);
        size_t n = 0;

        if (!marks)
                return -ENOMEM;
        for (const char *p = position; *p && n < FILE_MARKS_MAX; p += strspn(p, " ")) {
                if (!mark_read(p, &marks[n++]))
                        return -EINVAL;
                p += strcspn(p, " ");
        }
        *ret_marks = steal(marks);
        *ret_n = n;
        return 0;
}

/* A file that waits for the one before it is found again as it was found now; but for a log whose copies are told by its mark. */
static bool has_mark(const FilePath *path, const FileStream *stream)
{
        if (stream->shadow || (stream->after && stream->offset == 0 && !stream->kept))
                return false;
        return stream == path->stream || stream->n_paths == 0;
}

/* Of too many the oldest are left out. */
static size_t marks_left_out(const FilePath *path)
{
        const FileStream *stream;
        size_t n = path->stream && has_mark(path, path->stream);

        DL_FOREACH2(path->owned, stream, owned_next)
                n += stream != path->stream && has_mark(path, stream);
        return n > FILE_MARKS_MAX ? n - FILE_MARKS_MAX : 0;
}

static size_t add_mark(const FileStream *stream, char position[static FILE_POSITION_MAX], size_t used, EventTime *time)
{
        FileMark mark;

        stream_mark(stream, &mark);
        if (used > 0)
                position[used++] = ' ';
        used += (size_t) mark_write(&mark, position + used, FILE_POSITION_MAX - used);
        *time = event_time_max(*time, stream->last_line);
        return used;
}

/**
 * file_path_position() - where all files have been read to that are read under a path, oldest first
 * @ret_time:   of the last line
 */
void file_path_position(const FilePath *path, char position[static FILE_POSITION_MAX], EventTime *ret_time)
{
        size_t used = 0, left_out = marks_left_out(path);
        const FileStream *stream;

        position[0] = '\0';
        *ret_time = EVENT_TIME_NONE;
        DL_FOREACH2(path->owned, stream, owned_next) {
                if (stream == path->stream || !has_mark(path, stream))
                        continue;
                if (left_out > 0)
                        left_out--;
                else
                        used = add_mark(stream, position, used, ret_time);
        }
        if (path->stream && has_mark(path, path->stream))
                add_mark(path->stream, position, used, ret_time);
}

static bool birth_fits(int fd, const FileMark *mark)
{
        int64_t born = mark->born ? file_birth(fd, "") : 0;

        return !born || born == mark->born;
}

static bool print_fits(int fd, off_t offset, const FilePrint *print, unsigned char bytes[static FILE_PRINT_MAX])
{
        ssize_t n = file_pread(fd, bytes, print->length, offset);

        return n == (ssize_t) print->length && text_hash(bytes, print->length) == print->hash;
}

/**
 * file_head_fits() - whether a file begins as that of a mark did
 */
bool file_head_fits(int fd, const FileMark *mark)
{
        unsigned char bytes[FILE_PRINT_MAX];

        return mark->head.length > 0 && print_fits(fd, 0, &mark->head, bytes);
}

/**
 * file_mark_is_of() - whether a file that has a mark's inode is the one that was marked, whatever stands in it now
 *
 * The next one with that inode was made after the marked one had been read for the last time.
 */
bool file_mark_is_of(int fd, const FileMark *mark)
{
        int64_t born = file_birth(fd, "");

        return !born || (mark->born ? born == mark->born : born <= mark->mtime);
}

/**
 * file_mark_fits() - whether what had been read at a mark stands in this file
 */
bool file_mark_fits(int fd, const FileMark *mark)
{
        unsigned char bytes[FILE_PRINT_MAX];
        struct stat st;

        return fstat(fd, &st) == 0 && st.st_size >= mark->offset && birth_fits(fd, mark) && print_fits(fd, 0, &mark->head, bytes) &&
               print_fits(fd, mark->offset - (off_t) mark->tail.length, &mark->tail, bytes);
}

/**
 * stream_resume() - go on at a mark
 *
 * Return: 0; -ESTALE: this is not the file that was read, and nothing is changed.
 */
int stream_resume(FileStream *stream, const FileMark *mark)
{
        unsigned char head[FILE_PRINT_MAX], tail[FILE_PRINT_MAX];
        struct stat st;

        if (fstat(stream->fd, &st) < 0 || st.st_size < mark->offset || !birth_fits(stream->fd, mark))
                return -ESTALE;
        if (!print_fits(stream->fd, 0, &mark->head, head) ||
            !print_fits(stream->fd, mark->offset - (off_t) mark->tail.length, &mark->tail, tail))
                return -ESTALE;
        memcpy(stream->head, head, mark->head.length);
        memcpy(stream->tail, tail, mark->tail.length);
        stream->head_size = mark->head.length;
        stream->tail_size = mark->tail.length;
        stream->offset = mark->offset;
        stream->skipping = mark->skipping;
        stream->resumed = true;
        stream->seen = mark->mtime;
        stream->last_line = stream->stamp = mark->time;
        stream->since = EVENT_TIME_NONE;
        stream->since_end = 0;
        stream->live_end = st.st_size;
        stream_json_resume(stream, mark);
        return 0;
}

/* ---- bisection ---- */

/* The first line with a stamp that begins in [from, to), of what is read at once. Return: 1, 0: there is none, -errno. */
static int stamp_behind(FileStream *stream, off_t from, off_t to, EventTime now, off_t *ret_start, EventTime *ret_time)
{
        char *buffer = stream->source->buffer;
        ssize_t n = file_pread(stream->fd, buffer, BISECT_BLOCK, from > 0 ? from - 1 : 0);
        char *p = buffer, *end = buffer + n;

        if (n < 0)
                return (int) n;
        if (from > 0) {
                p = n > 0 ? memchr(buffer, '\n', (size_t) n) : NULL;
                if (!p)
                        return 0;
                p++;
        }
        while (p < end) {
                char *line_end = memchr(p, '\n', (size_t) (end - p));
                off_t start = (from > 0 ? from - 1 : 0) + (p - buffer);
                EventTime time;

                if (!line_end || start >= to)
                        return 0;
                time = stream_stamp(stream, p, (size_t) (line_end - p), now);
                if (time.usec != 0) {
                        *ret_start = start;
                        *ret_time = time;
                        return 1;
                }
                p = line_end + 1;
        }
        return 0;
}

/* The same, over several blocks. */
static int stamp_after(FileStream *stream, off_t from, off_t to, EventTime now, off_t *ret_start, EventTime *ret_time)
{
        int r = 0;

        for (unsigned i = 0; i < BISECT_BLOCKS && from < to && r == 0; i++, from += BISECT_BLOCK / 2)
                r = stamp_behind(stream, from, to, now, ret_start, ret_time);
        return r;
}

static int line_start_before(FileStream *stream, off_t *offset)
{
        char *buffer = stream->source->buffer, *p;
        off_t from = *offset > BISECT_MARGIN ? *offset - BISECT_MARGIN : 0;
        ssize_t n;

        if (from == 0) {
                *offset = 0;
                return 0;
        }
        n = file_pread(stream->fd, buffer, BISECT_BLOCK, from - 1);
        if (n < 0)
                return (int) n;
        p = n > 0 ? memchr(buffer, '\n', (size_t) n) : NULL;
        if (p)
                *offset = from + (p - buffer);
        return 0;
}

static int bisect(FileStream *stream, EventTime since, off_t size, off_t *ret_offset)
{
        EventTime now = clock_event_now(), time, sought = event_time_ago(since, BISECT_EARLIER);
        off_t low = 0, high = size, start;
        bool stamped = false;
        int r;

        while (high - low > BISECT_BLOCK) {
                off_t middle = low + (high - low) / 2;

                r = stamp_after(stream, middle, high, now, &start, &time);
                if (r < 0)
                        return r;
                stamped = stamped || r > 0;
                if (r > 0 && event_time_before(time, sought))
                        low = start;
                else
                        high = middle;
        }
        if (!stamped)
                stamped = stamp_after(stream, 0, size, now, &start, &time) > 0;
        *ret_offset = low;
        if (!stamped)
                return -ENODATA;
        return line_start_before(stream, ret_offset);
}

/* The end, but for a line that is still being written. */
static int go_to_end(FileStream *stream, off_t size)
{
        char *buffer = stream->source->buffer, *p;
        off_t from = size > BISECT_BLOCK ? size - BISECT_BLOCK : 0;
        ssize_t n = file_pread(stream->fd, buffer, (size_t) (size - from), from);

        if (n < 0)
                return (int) n;
        p = n > 0 ? memrchr(buffer, '\n', (size_t) n) : NULL;
        stream->skipping = !p && from > 0;
        stream->offset = p ? from + (p - buffer) + 1 : from > 0 ? size : 0;
        return 0;
}

/* File systems take their times from a clock that ticks up to 100 times a second, so they may lie a tick behind. */
static bool is_younger(int fd, EventTime time)
{
        int64_t born = file_birth(fd, "");

        return born && born + TICK_USEC > time.usec;
}

/* ---- old logs that appear ---- */

/* The last stamp of a file, as far as its last lines have one. */
static bool last_stamp(FileStream *stream, off_t size, EventTime now, EventTime *ret_time)
{
        char *buffer = stream->source->buffer;
        off_t from = size > BISECT_BLOCK ? size - BISECT_BLOCK : 0;
        ssize_t n = file_pread(stream->fd, buffer, (size_t) (size - from), from);
        char *p = buffer, *end = n > 0 ? buffer + n : buffer, *line_end;
        bool found = false;

        for (; (line_end = memchr(p, '\n', (size_t) (end - p))); p = line_end + 1) {
                EventTime time = stream_stamp(stream, p, (size_t) (line_end - p), now);

                if (time.usec != 0)
                        *ret_time = time;
                found = found || time.usec != 0;
        }
        return found;
}

/**
 * stream_prime() - before back-fill: learn from a file's last line, which was written when the file was changed last, whether its stamps are ahead
 *
 * Otherwise lines of hours would all be of the latest minute, see trust.c. That they are behind says nothing: a file may have been touched.
 */
void stream_prime(FileStream *stream)
{
        const LogLineMemory memory = stream->memory;
        EventTime last, changed;
        struct stat st;

        if (stream->primed || fstat(stream->fd, &st) < 0)
                return;
        stream->primed = true;
        changed.usec = file_mtime(&st);
        if (last_stamp(stream, st.st_size, clock_event_now(), &last) && event_time_before(changed, last))
                stamp_trust(&stream->trust, last, changed, false);
        stream->memory = memory;
}

/*
 * Whether lines up to @last cannot all have been written since the file was not there. Their stamps may be wrong, but then by the same
 * all of them: they do not tell of more time than has passed. And the file would have been changed since.
 */
static bool is_from_before(const FileStream *stream, const struct stat *st, EventTime last, EventTime now)
{
        int64_t passed = (int64_t) (clock_boot_now().usec - stream->absent.usec) + FILE_TRUST_USEC;

        return last.usec - stream->first_stamp.usec > passed || file_mtime(st) < now.usec - passed;
}

/* Lines so far are of the past. Only those of the window are wanted. Return: whether that could be done. */
static bool take_as_past(FileStream *stream, const struct stat *st)
{
        off_t offset = stream->offset;

        if (offset == 0 && bisect(stream, stream->since, st->st_size, &offset) < 0) {
                stream->retry.usec = clock_boot_now().usec + (uint64_t) USEC_PER_SEC;
                return false;
        }
        stream->offset = offset;
        stream->live_end = stream->since_end = st->st_size;
        return true;
}

/**
 * stream_settle() - find out whether the lines of a file that has appeared are as old as they say
 *
 * A log that was unpacked, or moved to where it is found, holds lines of the past; if they counted from their arrival, who
 * mistyped five times in a month would be banned. A log whose clock or zone is behind looks alike in its first lines. So a file
 * whose lines are behind is given a moment, in which it is seen what is written to it at once.
 *
 * Return: whether its lines can be handed out now.
 */
bool stream_settle(FileStream *stream)
{
        EventTime now = clock_event_now(), first, last;
        BootTime boot = clock_boot_now();
        struct stat st;
        off_t start;
        int r;

        if (fstat(stream->fd, &st) < 0 || st.st_size <= stream->offset)
                return true;
        r = stamp_after(stream, stream->offset, st.st_size, now, &start, &first);
        if (r == 0 && stream->first_stamp.usec != 0)
                return take_as_past(stream, &st); /* they belong to those before them */
        if (r <= 0 || first.usec >= now.usec - FILE_TRUST_USEC) {
                stream->fresh = false;
                return true;
        }
        if (stream->first_stamp.usec == 0)
                stream->first_stamp = first;
        if (boot.usec < stream->opened.usec + SETTLE_USEC) {
                stream->retry.usec = stream->opened.usec + SETTLE_USEC;
                return false;
        }
        if (boot.usec >= stream->changed.usec + UNPACKED_USEC || !last_stamp(stream, st.st_size, now, &last) || !is_from_before(stream, &st, last, now)) {
                stream->fresh = false;
                return true;
        }
        return take_as_past(stream, &st);
}

/**
 * stream_begin() - go to where the lines begin that are not older than @since, in a file that nothing is known of
 *
 * A file that was made since the start is read whole, see stream_settle(). Lines
 * without any stamp may be of any age, so a file of such is read from its end.
 *
 * Return: 0 or -errno.
 */
int stream_begin(FileStream *stream, EventTime since)
{
        struct stat st;
        off_t offset = 0;
        int r;

        if (fstat(stream->fd, &st) < 0)
                return -errno;
        stream->since = since;
        stream->fresh = st.st_size == 0 || is_younger(stream->fd, stream->source->born);
        if (stream->fresh)
                return 0;
        stream->live_end = stream->since_end = st.st_size;
        r = bisect(stream, since, st.st_size, &offset);
        if (r == -ENODATA)
                r = go_to_end(stream, st.st_size);
        else if (r == 0)
                stream->offset = offset;
        memset(&stream->memory, 0, sizeof stream->memory);
        return r;
}
