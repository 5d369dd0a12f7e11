/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files whose lines are JSON objects.
 *
 * docker's json-file driver splits a message over 16 KiB into several objects: all
 * but the last lack the line break at the end of `log`, and all bear the time of
 * the first. Those of standard output and standard error stand mixed. Parts are
 * joined; until the last one comes they have not been handed out, so a position
 * tells how many bytes before its offset they begin, and a later run reads them
 * again from there.
 *
 * A message that does not end (its container is gone, its file was rotated or
 * truncated) or that grows too long goes out as an over-long line, of which only
 * the head is looked at. Its further parts are passed over, over a restart too:
 * a client who can make a message long must not choose how the next line begins.
 */

#include <errno.h>
#include <string.h>

#include "source/file-private.h"

#define LOOK_BACK 32768                 /* bytes at a file's beginning, and before the offset */
#define PART_USEC (10 * USEC_PER_SEC)   /* so long the rest of a message is waited for */

bool stream_is_json(const FileStream *stream)
{
        return stream->reading->style.format == FILE_JSON;
}

/**
 * stream_line_max() - a longer line is cut there
 */
size_t stream_line_max(const FileStream *stream)
{
        return stream_is_json(stream) ? FILE_OBJECT_MAX : FILE_LINE_MAX;
}

/* ---- one object ---- */

static void look_at(FileStream *stream, off_t from, char *buffer, size_t size)
{
        ssize_t n = file_pread(stream->fd, buffer, size, from);
        char *p = buffer, *line_end;

        while (n > 0 && (line_end = memchr(p, '\n', (size_t) (buffer + n - p)))) {
                JsonMessage message;

                if (stream_json_parse(stream, p, (size_t) (line_end - p), clock_event_now(), &message))
                        stream_json_transport(stream, &message);
                p = line_end + 1;
        }
}

/* Reading may have begun in the middle: behind a line of an error log, say, into which a client has written line breaks. */
static void look_back(FileStream *stream)
{
        _cleanup_free_ char *buffer = malloc(LOOK_BACK);
        off_t from = stream->offset > LOOK_BACK ? stream->offset - LOOK_BACK : 0;

        if (!buffer)
                return;
        stream->looked = true;
        look_at(stream, 0, buffer, LOOK_BACK);
        if (from > 0)
                look_at(stream, from, buffer, LOOK_BACK);
}

/* The first @length bytes of the message are taken apart; the object's time, if it has one, is the line's. */
static void message_parse(FileStream *stream, JsonMessage *message, size_t length, EventTime now)
{
        const LogLineOptions options = { .now = now, .zone = stream->reading->zone, .dates = stream->reading->dates };
        EventTime time = json_line_time(&options, message->line.time);

        stream_parse(stream, message->text, length, now, &message->parts);
        message->line.length = length;
        if (time.usec != 0)
                message->parts.time = time;
}

/* Text of which the end is missing is made too long for rules that want to see the end. */
static void pad(char *text, size_t length)
{
        if (length < FILE_LINE_MAX)
                memset(text + length, ' ', FILE_LINE_MAX - length);
}

/**
 * stream_json_parse() - take a line apart that is an object
 * @size:       more than FILE_OBJECT_MAX: it was cut
 *
 * Return: whether it is an object with a message.
 */
bool stream_json_parse(FileStream *stream, const char *text, size_t size, EventTime now, JsonMessage *ret_message)
{
        const FileStyle *style = &stream->reading->style;
        const JsonNames names = { style->message, style->time, style->address };
        JsonMessage message = { .text = stream->source->message + ADDR_TEXT_MAX };
        bool whole = size <= FILE_OBJECT_MAX;

        if (!stream->looked && stream->offset > 0)
                look_back(stream);
        if (!json_line_read(&names, text, whole ? size : FILE_OBJECT_MAX, whole, message.text, FILE_OBJECT_MAX, &message.line))
                return false;
        if (message.line.docker) {
                /* Without it the parts of a message cannot be told from whole ones. */
                if (!*message.line.time)
                        return false;
                message.print = (uint32_t) file_print_hash(message.line.time, strlen(message.line.time)) | 1;
        }
        if (message.line.cut)
                pad(message.text, message.line.length);
        message_parse(stream, &message, message.line.cut && message.line.length < FILE_LINE_MAX ? FILE_LINE_MAX : message.line.length, now);
        *ret_message = message;
        return true;
}

/**
 * stream_json_address() - put the address in front of the message, if the configuration names a member for it
 *
 * Return: false: there should be one, and there is none.
 */
bool stream_json_address(const FileStream *stream, JsonMessage *message)
{
        char text[ADDR_TEXT_MAX], *p;
        size_t length;

        if (!stream->reading->style.address)
                return true;
        if (!addr_is_valid(&message->line.address))
                return false;
        addr_format(&message->line.address, text);
        length = strlen(text);
        p = message->text + (message->parts.text - message->text) - length - 1;
        memcpy(p, text, length);
        p[length] = ' ';
        message->parts.text = p;
        message->parts.length += length + 1;
        return true;
}

/**
 * stream_json_transport() - as logline_transport(); of docker's objects for each of the streams that a container writes
 *
 * Who writes objects himself escapes line breaks, so nobody writes lines into them.
 */
const char *stream_json_transport(FileStream *stream, const JsonMessage *message)
{
        if (message->print == 0)
                return message->parts.syslog || *message->parts.ident ? "syslog" : "file";
        return logline_transport(&stream->error_logs[message->line.err], &message->parts, message->text, message->line.length);
}

/* ---- parts ---- */

static void part_drop(FilePart *part)
{
        free(part->text);
        part->text = NULL;
        part->length = 0;
}

/* What has come of a message goes out as it is, and what may follow does not. */
static void part_give_up(FileStream *stream, FilePart *part, EventTime now)
{
        _cleanup_free_ char *text = part->text;
        bool *error_log = &stream->error_logs[part - stream->parts];
        LogLine parts;

        if (!text)
                return;
        pad(text, part->length);
        part->text = NULL;
        part->length = 0;
        part->cut = part->print;
        stream->owner->moved = true;
        if (stream->reading->style.address)
                return;
        stream_parse(stream, text, FILE_LINE_MAX, now, &parts);
        parts.time = part->time;
        stream_give(stream, &parts, logline_transport(error_log, &parts, text, FILE_LINE_MAX), part->start, now);
}

/* Return: false: it has become too long, as far as it was taken. */
static bool part_append(FilePart *part, const JsonMessage *message, off_t start)
{
        size_t room, length = message->line.length;

        if (!part->text) {
                part->text = malloc(FILE_LINE_MAX);
                if (!part->text) {
                        part->cut = message->print;
                        return true; /* a message is lost, not the next one's beginning */
                }
                part->start = start;
                part->length = 0;
        }
        room = LINE_LENGTH_MAX - part->length;
        memcpy(part->text + part->length, message->text, length < room ? length : room);
        part->length += length < room ? length : room;
        part->print = message->print;
        part->time = message->parts.time;
        part->since = clock_boot_now();
        return length <= room;
}

/* Whether a message goes on that began in the file before this one; it is not joined over a rotation. */
static bool goes_on_from_other(FileStream *stream, const JsonMessage *message, EventTime now)
{
        size_t i = message->line.err;
        FileStream *other;
        bool found = false;

        if (stream->begun[i])
                return false;
        stream->begun[i] = true;
        DL_FOREACH2(stream->owner->owned, other, owned_next) {
                if (other == stream)
                        continue;
                if (other->parts[i].text && other->parts[i].print == message->print)
                        part_give_up(other, &other->parts[i], now);
                found = found || other->parts[i].cut == message->print;
        }
        return found;
}

/* Whether the message at hand is passed over, or waits for its other parts. */
static bool take_part(FileStream *stream, const JsonMessage *message, off_t start, EventTime now)
{
        FilePart *part = &stream->parts[message->line.err];

        if (part->text && part->print != message->print)
                part_give_up(stream, part, now);
        if (part->cut == 0 && goes_on_from_other(stream, message, now))
                part->cut = message->print;
        if (part->cut == message->print)
                return true;
        part->cut = 0;
        if (!message->line.part)
                return false;
        if (!part_append(part, message, start))
                part_give_up(stream, part, now);
        return true;
}

/* Return: false: it is too long together. */
static bool join_parts(FileStream *stream, JsonMessage *message, EventTime now)
{
        FilePart *part = &stream->parts[message->line.err];

        if (!part->text)
                return true;
        if (part->length + message->line.length > LINE_LENGTH_MAX || message->line.cut) {
                part_append(part, message, part->start);
                part_give_up(stream, part, now);
                return false;
        }
        memmove(message->text + part->length, message->text, message->line.length);
        memcpy(message->text, part->text, part->length);
        message_parse(stream, message, part->length + message->line.length, now);
        part_drop(part);
        return true;
}

/* Those that lie too far back for a position. */
static void give_up_far(FileStream *stream, EventTime now)
{
        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].text && stream->offset - stream->parts[i].start > FILE_PARTS_MAX)
                        part_give_up(stream, &stream->parts[i], now);
}

/**
 * stream_json_line() - hand out the message of a line that is an object; count one that is none
 * @start:      where the line begins in the file
 */
void stream_json_line(FileStream *stream, const char *text, size_t size, off_t start, EventTime now)
{
        JsonMessage message;

        if (!stream_json_parse(stream, text, size, now, &message)) {
                stream->bad += stream_cut(text, size) > 0;
        } else if (message.print == 0 || !take_part(stream, &message, start, now)) {
                if (message.print != 0 && message.line.cut && !stream->parts[message.line.err].text)
                        stream->parts[message.line.err].cut = message.print;
                if (join_parts(stream, &message, now) && message.parts.length > 0 && stream_json_address(stream, &message))
                        stream_give(stream, &message.parts, stream_json_transport(stream, &message), start, now);
        }
        give_up_far(stream, now);
}

/**
 * stream_json_give_up() - no more is expected of a file: parts of messages go out as they are
 */
void stream_json_give_up(FileStream *stream)
{
        FileStream *current = stream->owner->stream;

        for (size_t i = 0; i < 2; i++) {
                FilePart *part = &stream->parts[i];

                part_give_up(stream, part, clock_event_now());
                if (current && !current->begun[i] && current->parts[i].cut == 0)
                        current->parts[i].cut = part->cut;
        }
}

/**
 * stream_json_overdue() - hand out parts of messages whose rest does not come
 */
void stream_json_overdue(FileStream *stream, BootTime now)
{
        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].text && now.usec >= stream->parts[i].since.usec + PART_USEC)
                        part_give_up(stream, &stream->parts[i], clock_event_now());
}

/**
 * stream_json_due() - when stream_json_overdue() is to be called, CLOCK_BOOTTIME; 0: no part waits
 */
uint64_t stream_json_due(const FileStream *stream)
{
        uint64_t due = 0;

        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].text && (due == 0 || stream->parts[i].since.usec + PART_USEC < due))
                        due = stream->parts[i].since.usec + PART_USEC;
        return due;
}

/* ---- places ---- */

/**
 * stream_json_parts() - so many bytes before the offset the first part begins that has not been handed out; 0: there is none
 */
size_t stream_json_parts(const FileStream *stream)
{
        off_t parts = 0;

        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].text && stream->offset - stream->parts[i].start > parts)
                        parts = stream->offset - stream->parts[i].start;
        return (size_t) parts;
}

static void take_again(FileStream *stream, const char *text, size_t size, off_t start)
{
        JsonMessage message;
        FilePart *part;

        if (!stream_json_parse(stream, text, size, clock_event_now(), &message))
                return;
        part = &stream->parts[message.line.err];
        if (part->text && part->print != message.print)
                part_drop(part);
        if (message.print == 0 || message.print == part->cut)
                return;
        if (!message.line.part)
                part_drop(part);
        else
                part_append(part, &message, start);
}

/**
 * stream_json_resume() - at a mark: read the parts before it again that wait for their message's end
 *
 * What cannot be read is missing from its message.
 */
void stream_json_resume(FileStream *stream, const FileMark *mark)
{
        char *buffer = stream->source->buffer, *p = buffer, *line_end;
        off_t from = mark->offset - (off_t) mark->parts;
        ssize_t n;

        if (!stream_is_json(stream))
                return;
        for (size_t i = 0; i < 2; i++) {
                part_drop(&stream->parts[i]);
                stream->parts[i].cut = mark->cut[i];
        }
        n = mark->parts > 0 ? file_pread(stream->fd, buffer, mark->parts, from) : 0;
        while (n > 0 && (line_end = memchr(p, '\n', (size_t) (buffer + n - p)))) {
                take_again(stream, p, (size_t) (line_end - p), from + (p - buffer));
                p = line_end + 1;
        }
}

/**
 * stream_json_free() - free the parts, with the stream
 */
void stream_json_free(FileStream *stream)
{
        for (size_t i = 0; i < 2; i++)
                part_drop(&stream->parts[i]);
}
