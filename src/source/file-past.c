/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The lines before the places of an earlier run, once more (past.c does the same for the journal, and says why).
 *
 * Of each file the lines before the place where reading goes on are sought
 * backwards, block by block, until they are old enough or enough; then they are
 * handed out forwards. Nothing of it is left in the streams. Lines from before the
 * boot are passed over: a process number means something else now.
 */

#include <errno.h>
#include <string.h>

#include "source/file-private.h"

#define BLOCK 65536

typedef struct PastReader {
        FileStream *stream;
        const FilePast *past;
        void (*line)(void *userdata, const Line *line);
        void *userdata;
        BootTime end;
        EventTime now, since;
        uint64_t skip;          /* lines, of those behind `from`, that are too many */
        uint32_t part[2];       /* LogSplit.print: of a split message, which is left out whole */
        FilePastStats *stats;
} PastReader;

static bool is_late(PastReader *reader)
{
        if (clock_boot_now().usec < reader->end.usec)
                return false;
        reader->stats->cut = true;
        return true;
}

/* Whether the first line with a stamp in a block that begins at @p is old enough. */
static bool begins_early(PastReader *reader, const char *p, const char *end)
{
        while (p < end) {
                const char *line_end = memchr(p, '\n', (size_t) (end - p));
                EventTime time;

                if (!line_end)
                        return false;
                time = stream_stamp(reader->stream, p, (size_t) (line_end - p), reader->now);
                if (time.usec != 0)
                        return event_time_before(time, reader->since);
                p = line_end + 1;
        }
        return false;
}

static uint64_t count_lines(const char *p, const char *end)
{
        uint64_t n = 0;

        while (p < end && (p = memchr(p, '\n', (size_t) (end - p)))) {
                n++;
                p++;
        }
        return n;
}

/* Return: where reading forwards begins, a line's start; -errno. */
static off_t go_back(PastReader *reader)
{
        FileStream *stream = reader->stream;
        char *buffer = stream->source->buffer;
        off_t from = stream->offset;
        uint64_t n = 0;

        while (from > 0 && n < reader->past->max_lines && !is_late(reader)) {
                off_t start = from > BLOCK ? from - BLOCK : 0;
                ssize_t size = file_pread(stream->fd, buffer, (size_t) (from - start), start);
                char *p = buffer, *end = buffer + size;

                if (size < 0)
                        return size;
                if (start > 0 && (p = size > 0 ? memchr(buffer, '\n', (size_t) size) : NULL))
                        p++;
                if (!p)
                        return from; /* a line as long as that: no further */
                if (start + (p - buffer) >= from)
                        return from;
                n += count_lines(p, end);
                from = start + (p - buffer);
                if (begins_early(reader, p, end))
                        break;
        }
        if (n > reader->past->max_lines) {
                reader->skip = n - reader->past->max_lines;
                reader->stats->cut = true;
        }
        return from;
}

static void give(PastReader *reader, const LogLine *parts, const char *transport)
{
        FileStream *stream = reader->stream;
        Line line = {
                .text = parts->text, .length = parts->length, .time = stream_time(stream, parts, true, reader->now), .ident = parts->ident,
                .pid = parts->pid, .source = stream->owner->path, .transport = transport, .readers = stream->readers, .n_readers = stream->n_readers, .handle = stream,
        };

        if (event_time_before(line.time, reader->since))
                return;
        reader->stats->lines++;
        reader->line(reader->userdata, &line);
}

static void hand_out_object(PastReader *reader, const char *text, size_t size)
{
        LogObject message;
        uint32_t *part;

        if (!stream_json_parse(reader->stream, text, size, reader->now, &message))
                return;
        part = &reader->part[message.err];
        if (message.part)
                *part = message.print;
        if ((message.print != 0 && message.print == *part) || !stream_json_address(reader->stream, &message))
                return;
        give(reader, &message.parts, stream_json_transport(reader->stream, &message));
}

static void hand_out(PastReader *reader, const char *text, size_t size)
{
        FileStream *stream = reader->stream;
        LogLine parts;

        if (stream_is_json(stream)) {
                hand_out_object(reader, text, size);
                return;
        }
        size = stream_cut(text, size);
        if (stream_parse(stream, text, size, reader->now, &parts))
                give(reader, &parts, stream_transport(stream, &parts, text, size));
}

static int read_forward(PastReader *reader, off_t from)
{
        FileStream *stream = reader->stream;
        char *buffer = stream->source->buffer;
        bool skipping = false;

        while (from < stream->offset && !is_late(reader)) {
                off_t left = stream->offset - from;
                ssize_t size = file_pread(stream->fd, buffer, left < FILE_TURN ? (size_t) left : FILE_TURN, from);
                char *p = buffer, *end = buffer + size;

                if (size <= 0)
                        return (int) size;
                while (p < end) {
                        char *line_end = memchr(p, '\n', (size_t) (end - p));
                        size_t length = (size_t) ((line_end ? line_end : end) - p);

                        if (!line_end && !skipping && length <= stream_line_max(stream) && size == FILE_TURN)
                                break; /* the rest comes with the next block */
                        if (reader->skip > 0)
                                reader->skip -= line_end != NULL;
                        else if (!skipping)
                                hand_out(reader, p, length);
                        skipping = !line_end;
                        p += length + (line_end != NULL);
                }
                from += p - buffer;
        }
        return 0;
}

static int read_stream(PastReader *reader)
{
        FileStream *stream = reader->stream;
        stream_prime(stream);
        const LogLineMemory memory = stream->memory;
        const StampTrust trust = stream->trust;
        const EventTime stamp = stream->stamp;
        off_t from;
        int r;

        reader->skip = 0;
        reader->part[0] = reader->part[1] = 0;
        reader->since = event_time_ago(stream->last_line.usec != 0 ? stream->last_line : reader->now, reader->past->seconds);
        reader->since = event_time_max(reader->since, (EventTime){ reader->now.usec - (int64_t) clock_boot_now().usec });
        from = go_back(reader);
        stream->stamp = EVENT_TIME_NONE;
        r = from < 0 ? (int) from : read_forward(reader, from);
        stream->memory = memory;
        stream->trust = trust;
        stream->stamp = stamp;
        return r;
}

/**
 * file_source_read_past() - after the start, before the loop turns: the lines up to where an earlier run has read to, once more
 * @line:       gets each, of one file after the other, oldest first; must not call back
 *
 * Return: 0, or -errno: some file cannot be read; what could be was handed out.
 */
int file_source_read_past(FileSource *source, const FilePast *past, void (*line)(void *userdata, const Line *line), void *userdata,
                          FilePastStats *ret_stats)
{
        FilePastStats stats = { 0 };
        BootTime start = clock_boot_now();
        PastReader reader = {
                .past = past, .line = line, .userdata = userdata, .stats = &stats, .now = clock_event_now(), .end = { start.usec + past->max_usec }
        };
        int r = 0;

        DL_FOREACH(source->streams, reader.stream)
                if (reader.stream->resumed && reader.stream->lines == 0) {
                        int one = read_stream(&reader);

                        r = one < 0 ? one : r;
                }
        stats.usec = clock_boot_now().usec - start.usec;
        *ret_stats = stats;
        return r;
}
