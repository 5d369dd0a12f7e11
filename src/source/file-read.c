/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading one file.
 *
 * Every turn reads from the first byte that has not been handed out, into one
 * buffer that all files share; a partial last line is left there and read again
 * when there is more of it. The last bytes that were handed out are read along,
 * and the first ones of the file are looked at afterwards: if either is not what
 * it was, the file has been rewritten since, and nothing of this turn is used. In
 * this order no moment of a truncation is missed. The file is never mapped: who
 * truncates a mapped file kills its readers.
 *
 * The offset moves before the line goes out: a commit from within the sink
 * (a line that is set aside) must not bring the line back.
 *
 * NULs in front of a line are dropped. They are no writer's: a file that is
 * truncated under a writer without O_APPEND begins with a hole, and so does what a
 * file system lost in a crash. Anything else passes as it is.
 */

#include <errno.h>
#include <string.h>

#include "source/file-private.h"

ssize_t file_pread(int fd, void *buffer, size_t size, off_t offset)
{
        ssize_t n;

        do
                n = pread(fd, buffer, size, offset);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/**
 * stream_cut() - the length of a line as it is handed out: without CR, and not endless
 */
size_t stream_cut(const char *text, size_t size)
{
        if (size > LOGLINE_MAX)
                return LOGLINE_MAX;
        return size > 0 && text[size - 1] == '\r' ? size - 1 : size;
}

/**
 * stream_is_ident() - is it the name of a program whose lines a reader seeks? As for logline_parse()
 */
bool stream_is_ident(void *userdata, const char *ident)
{
        const FileStream *stream = userdata;

        for (size_t i = 0; i < stream->n_readers; i++) {
                const FileWatch *watch = &stream->source->config.watches[stream->readers[i]];

                if (watch->is_ident && watch->is_ident(watch->ident_data, ident))
                        return true;
        }
        return false;
}

/**
 * stream_parse() - take a line apart
 *
 * Return: whether there is anything in it.
 */
bool stream_parse(FileStream *stream, const char *text, size_t size, EventTime now, LogLine *ret_parts)
{
        const LogLineOptions options = {
                .now = now, .zone = stream->reading->zone, .dates = stream->reading->dates, .memory = &stream->memory
        };

        logline_parse(&options, text, size, stream_is_ident, stream, ret_parts);
        return size > 0;
}

/**
 * stream_stamp() - the time that a line bears, EVENT_TIME_NONE if it has none
 */
EventTime stream_stamp(FileStream *stream, const char *text, size_t size, EventTime now)
{
        LogObject message;
        LogLine parts;

        if (stream_is_json(stream))
                return stream_json_parse(stream, text, size, now, &message) ? message.parts.time : EVENT_TIME_NONE;
        return stream_parse(stream, text, stream_cut(text, size), now, &parts) ? parts.time : EVENT_TIME_NONE;
}

/**
 * stream_time() - the event time of a line: its stamp as far as it is to be trusted, or that of the line before, or its arrival
 */
EventTime stream_time(FileStream *stream, const LogLine *parts, bool back_fill, EventTime now)
{
        EventTime time = parts->time;

        if (time.usec != 0) {
                stream->stamp = time;
                stream->zoned = parts->zoned;
                return event_time_min(stamp_trust(&stream->trust, time, now, back_fill), now);
        }
        time = stream->stamp;
        if (back_fill)
                return event_time_min(time.usec != 0 ? time : stream->mtime, now);
        return time.usec >= now.usec - FILE_TRUST_USEC ? event_time_min(time, now) : now;
}

/* Reading may have begun in the middle. */
static void look_at_first_line(FileStream *stream)
{
        char text[64];
        ssize_t n = file_pread(stream->fd, text, sizeof text, 0);

        stream->looked = n > 0;
        if (n > 0)
                logline_transport(&stream->error_log, &(LogLine){ .ident = "" }, text, (size_t) n);
}

/**
 * stream_transport() - how a line came into its file, see logline_transport()
 */
const char *stream_transport(FileStream *stream, const LogLine *parts, const char *text, size_t size)
{
        if (!stream->looked)
                look_at_first_line(stream);
        return logline_transport(&stream->error_log, parts, text, size);
}

/**
 * stream_give() - hand out a line that has been taken apart
 */
void stream_give(FileStream *stream, const LogLine *parts, const char *transport, off_t start, EventTime now)
{
        FileSource *source = stream->source;
        Line line = {
                .text = parts->text,
                .length = parts->length,
                .time = stream_time(stream, parts, start < stream->live_end || stream->back_fill, now),
                .ident = parts->ident,
                .pid = parts->pid,
                .source = stream->owner->path,
                .transport = transport,
                .readers = stream->readers,
                .n_readers = stream->n_readers,
                .offset = start,
                .handle = stream,
        };

        stream->forgeable = stream->forgeable || parts->syslog;
        if (start < stream->since_end && event_time_before(line.time, stream->since))
                return;
        stream->lines++;
        stream->over_long += parts->length > LINE_LENGTH_MAX;
        stream->last_line = line.time;
        source->callbacks.line(source->callbacks.userdata, &line);
}

static void hand_out(FileStream *stream, const char *text, size_t size, off_t start, EventTime now)
{
        LogLine parts;

        if (stream_is_json(stream)) {
                stream_json_line(stream, text, size, start, now);
                return;
        }
        size = stream_cut(text, size);
        if (stream_parse(stream, text, size, now, &parts))
                stream_give(stream, &parts, stream_transport(stream, &parts, text, size), start, now);
}

static void move_to(FileStream *stream, char *p)
{
        FileSource *source = stream->source;

        stream->offset += p - source->cursor;
        stream->bytes += (uint64_t) (p - source->cursor);
        source->cursor = p;
        stream->owner->moved = true;
}

/* Return: where the line ends that is skipped; NULL: not here. */
static char *skip(FileStream *stream, char *p, char *end)
{
        char *line_end = memchr(p, '\n', (size_t) (end - p));

        move_to(stream, line_end ? line_end + 1 : end);
        stream->skipping = !line_end;
        return line_end ? line_end + 1 : NULL;
}

/* Past NULs in front of a line; those that nothing follows are left, unless they fill the buffer. */
static char *skip_nuls(FileStream *stream, char *p, char *end, bool full)
{
        char *start = p;

        while (p < end && *p == '\0')
                p++;
        if (p == end && !full)
                return start;
        move_to(stream, p);
        return p;
}

/* One line at @p. Return: where the next begins; NULL: there is none to hand out. */
static char *next_line(FileStream *stream, char *p, char *end, EventTime now)
{
        char *line_end = memchr(p, '\n', (size_t) (end - p));
        off_t start = stream->offset;
        size_t length, max = stream_line_max(stream);

        if (!line_end && (size_t) (end - p) <= max)
                return NULL;
        length = line_end ? (size_t) (line_end - p) : max + 1;
        stream->skipping = !line_end;
        move_to(stream, line_end ? line_end + 1 : p + max);
        hand_out(stream, p, length, start, now);
        return stream->source->cursor;
}

/* Return: FILE_E_MORE: it broke off; 0: all that is whole has been handed out. */
static int read_lines(FileStream *stream, char *p, char *end, bool full, BootTime until)
{
        FileSource *source = stream->source;
        EventTime now = clock_event_now();

        for (unsigned n = 1; p && p < end; n++) {
                if (source->paused)
                        return FILE_E_MORE;
                if (n % FILE_LINES_BETWEEN == 0) {
                        now = clock_event_now();
                        if (clock_boot_now().usec >= until.usec)
                                return FILE_E_MORE;
                }
                if (stream->skipping) {
                        p = skip(stream, p, end);
                        continue;
                }
                if (*p == '\0') {
                        p = skip_nuls(stream, p, end, full);
                        if (p == end || *p == '\0')
                                break;
                }
                p = next_line(stream, p, end, now);
        }
        return 0;
}

/* The first bytes are kept as they are, as far as they have been handed out. */
static void keep_head(FileStream *stream)
{
        unsigned char head[FILE_PRINT_MAX];
        size_t size = stream->offset < FILE_PRINT_MAX ? (size_t) stream->offset : FILE_PRINT_MAX;

        if (size <= stream->head_size || file_pread(stream->fd, head, size, 0) != (ssize_t) size ||
            memcmp(head, stream->head, stream->head_size) != 0)
                return;
        memcpy(stream->head, head, size);
        stream->head_size = size;
}

static void keep_tail(FileStream *stream)
{
        FileSource *source = stream->source;
        size_t size = (size_t) (source->cursor - source->buffer);

        stream->tail_size = size < FILE_PRINT_MAX ? size : FILE_PRINT_MAX;
        memcpy(stream->tail, source->cursor - stream->tail_size, stream->tail_size);
}

static int head_fits(FileStream *stream)
{
        unsigned char head[FILE_PRINT_MAX];
        ssize_t n = file_pread(stream->fd, head, stream->head_size, 0);

        if (n < 0)
                return (int) n;
        return n == (ssize_t) stream->head_size && memcmp(head, stream->head, stream->head_size) == 0;
}

/*
 * Behind a hole: so that a file of many gigabytes of nothing is not read byte by byte. One that reaches to the end is left, for
 * as long as it does. Return: whether there is nothing behind.
 */
static bool skip_hole(FileStream *stream)
{
        off_t data = lseek(stream->fd, stream->offset, SEEK_DATA);

        if (data > stream->offset) {
                stream->offset = data;
                stream->tail_size = 0;
        }
        return data < 0 && errno == ENXIO;
}

/* What was read was written by then; it may have come since the size was looked at. */
static void look_at_mtime(FileStream *stream)
{
        struct stat st;

        if (fstat(stream->fd, &st) == 0)
                stream->seen = file_mtime(&st);
}

static int look_at_size(FileStream *stream)
{
        struct stat st;

        if (fstat(stream->fd, &st) < 0)
                return -errno;
        if (st.st_size < stream->offset)
                return FILE_E_REWRITTEN;
        stream->unlinked = st.st_nlink == 0;
        stream->mtime.usec = file_mtime(&st);
        return 0;
}

/**
 * stream_read() - hand out what there is, up to FILE_TURN bytes
 * @end:        when the turn is over; looked at from time to time
 *
 * Return: 0: all has been read but for a partial last line; FILE_E_MORE; FILE_E_REWRITTEN; -errno.
 */
int stream_read(FileStream *stream, BootTime end)
{
        FileSource *source = stream->source;
        size_t kept = stream->tail_size, max = FILE_TURN;
        off_t before = stream->offset;
        ssize_t n;
        bool full;
        int r;

        r = look_at_size(stream);
        if (r != 0)
                return r;
        /* What has come to a fresh file since it was looked at is not known to be live. */
        if (stream->fresh && stream->live_end < stream->offset + FILE_TURN)
                max = stream->live_end > stream->offset ? (size_t) (stream->live_end - stream->offset) : 0;
        n = file_pread(stream->fd, source->buffer, kept + max, stream->offset - (off_t) kept);
        if (n < 0)
                return (int) n;
        if ((size_t) n < kept || memcmp(source->buffer, stream->tail, kept) != 0)
                return FILE_E_REWRITTEN;
        r = head_fits(stream);
        if (r <= 0)
                return r < 0 ? r : FILE_E_REWRITTEN;
        stream->seen = stream->mtime.usec;
        if ((size_t) n == kept)
                return 0;
        full = (size_t) n == kept + FILE_TURN;
        source->reading = stream;
        source->cursor = source->buffer + kept;
        r = read_lines(stream, source->cursor, source->buffer + n, full, end);
        keep_tail(stream);
        source->reading = NULL;
        keep_head(stream);
        if (stream->offset != before)
                look_at_mtime(stream);
        if (full && source->buffer[n - 1] == '\0' && skip_hole(stream))
                return 0;
        return r == 0 && full ? FILE_E_MORE : r;
}

/**
 * stream_hand_out_rest() - the partial last line of a file that no more is expected of
 *
 * If more does come, up to the next line break, it is passed over.
 */
void stream_hand_out_rest(FileStream *stream)
{
        FileSource *source = stream->source;
        ssize_t n = file_pread(stream->fd, source->buffer, FILE_TURN, stream->offset);
        char *p = source->buffer, *end = p + n;
        off_t start = stream->offset;

        if (n <= 0 || stream->skipping || memchr(p, '\n', (size_t) n))
                return;
        source->reading = stream;
        source->cursor = p;
        p = skip_nuls(stream, p, end, true);
        if (p < end) {
                stream->skipping = true;
                move_to(stream, end);
                hand_out(stream, p, (size_t) (end - p), start, clock_event_now());
        }
        keep_tail(stream);
        source->reading = NULL;
        keep_head(stream);
}
