/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files whose lines are JSON objects: what logobject.c makes of them, with places,
 * rotation and time.
 *
 * Parts of a message that docker has split have not been handed out until the last
 * one comes, so a position tells how many bytes before its offset they begin, and
 * a later run reads them again from there. A message that does not end (its
 * container is gone, its file was rotated or truncated) goes out without its end.
 * Its further parts are passed over, over a restart too.
 */

#include <string.h>

#include "source/file-private.h"

#define LOOK_BACK 32768                 /* bytes at a file's beginning, and before the offset */
#define PART_USEC (10 * USEC_PER_SEC)   /* so long the rest of a message is waited for */

_Static_assert(LOGOBJECT_MAX < FILE_TURN, "an object that is not cut fits into a turn");

bool stream_is_json(const FileStream *stream)
{
        return stream->reading->style.format == FILE_JSON;
}

/**
 * stream_line_max() - a longer line is cut there
 */
size_t stream_line_max(const FileStream *stream)
{
        return stream_is_json(stream) ? LOGOBJECT_MAX : LOGLINE_MAX;
}

static JsonNames names_of(const FileStream *stream)
{
        const FileStyle *style = &stream->reading->style;

        return (JsonNames){ style->message, style->time, style->address };
}

static LogObjectStyle style_of(FileStream *stream, EventTime now)
{
        return (LogObjectStyle){
                .names = names_of(stream),
                .options = { .now = now, .zone = stream->reading->zone, .dates = stream->reading->dates, .memory = &stream->memory },
                .is_ident = stream_is_ident,
                .userdata = stream,
        };
}

/* ---- one object ---- */

static void look_at(FileStream *stream, off_t from, char *buffer, size_t size)
{
        ssize_t n = file_pread(stream->fd, buffer, size, from);
        char *p = buffer, *line_end;

        while (n > 0 && (line_end = memchr(p, '\n', (size_t) (buffer + n - p)))) {
                LogObject object;

                if (stream_json_parse(stream, p, (size_t) (line_end - p), clock_event_now(), &object))
                        stream_json_transport(stream, &object);
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

/**
 * stream_json_parse() - logobject_read() of a line
 */
bool stream_json_parse(FileStream *stream, const char *text, size_t size, EventTime now, LogObject *ret_object)
{
        const LogObjectStyle style = style_of(stream, now);

        if (!stream->looked && stream->offset > 0)
                look_back(stream);
        return logobject_read(&style, text, size, stream->source->message, ret_object);
}

/**
 * stream_json_address() - logobject_address()
 */
bool stream_json_address(const FileStream *stream, LogObject *object)
{
        const JsonNames names = names_of(stream);

        return logobject_address(&names, object);
}

/**
 * stream_json_transport() - logobject_transport()
 */
const char *stream_json_transport(FileStream *stream, const LogObject *object)
{
        return logobject_transport(stream->error_logs, object);
}

/* ---- parts ---- */

static void part_give_up(FileStream *stream, FilePart *part, EventTime now)
{
        const LogObjectStyle style = style_of(stream, now);
        bool *error_log = &stream->error_logs[part - stream->parts];
        LogLine parts;

        if (!part->split.text)
                return;
        _cleanup_free_ char *text = logsplit_give_up(&style, &part->split, &parts);
        stream->owner->moved = true;
        if (text)
                stream_give(stream, &parts, logline_transport(error_log, &parts, text, LOGLINE_MAX), part->start, now);
}

/* Whether a message goes on that began in the file before this one; it is not joined over a rotation. */
static bool goes_on_from_other(FileStream *stream, const LogObject *object, EventTime now)
{
        size_t i = object->err;
        FileStream *other;
        bool found = false;

        if (stream->begun[i])
                return false;
        stream->begun[i] = true;
        DL_FOREACH2(stream->owner->owned, other, owned_next) {
                if (other == stream)
                        continue;
                if (other->parts[i].split.text && other->parts[i].split.print == object->print)
                        part_give_up(other, &other->parts[i], now);
                found = found || other->parts[i].split.cut == object->print;
        }
        return found;
}

/* Return: whether the message of docker's object is whole, and no part of one that has been handed out. */
static bool take_part(FileStream *stream, LogObject *object, off_t start, EventTime now)
{
        const LogObjectStyle style = style_of(stream, now);
        FilePart *part = &stream->parts[object->err];
        LogSplitStep step;

        if (logsplit_is_stale(&part->split, object))
                part_give_up(stream, part, now);
        if (part->split.cut == 0 && goes_on_from_other(stream, object, now))
                part->split.cut = object->print;
        if (!part->split.text)
                part->start = start;
        step = logsplit_take(&style, &part->split, object);
        if (step == LOGSPLIT_WAITS)
                part->since = clock_boot_now();
        else if (step == LOGSPLIT_FULL)
                part_give_up(stream, part, now);
        return step == LOGSPLIT_WHOLE;
}

/* Those that lie too far back for a position. */
static void give_up_far(FileStream *stream, EventTime now)
{
        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].split.text && stream->offset - stream->parts[i].start > FILE_PARTS_MAX)
                        part_give_up(stream, &stream->parts[i], now);
}

/**
 * stream_json_line() - hand out the message of a line that is an object; count one that is none
 * @start:      where the line begins in the file
 */
void stream_json_line(FileStream *stream, const char *text, size_t size, off_t start, EventTime now)
{
        LogObject object;

        if (!stream_json_parse(stream, text, size, now, &object))
                stream->bad += stream_cut(text, size) > 0;
        else if ((object.print == 0 || take_part(stream, &object, start, now)) && object.parts.length > 0 && stream_json_address(stream, &object))
                stream_give(stream, &object.parts, stream_json_transport(stream, &object), start, now);
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
                if (current && !current->begun[i] && current->parts[i].split.cut == 0)
                        current->parts[i].split.cut = part->split.cut;
        }
}

/**
 * stream_json_overdue() - hand out parts of messages whose rest does not come
 */
void stream_json_overdue(FileStream *stream, BootTime now)
{
        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].split.text && now.usec >= stream->parts[i].since.usec + PART_USEC)
                        part_give_up(stream, &stream->parts[i], clock_event_now());
}

/**
 * stream_json_due() - when stream_json_overdue() is to be called, CLOCK_BOOTTIME; 0: no part waits
 */
uint64_t stream_json_due(const FileStream *stream)
{
        uint64_t due = 0;

        for (size_t i = 0; i < 2; i++)
                if (stream->parts[i].split.text && (due == 0 || stream->parts[i].since.usec + PART_USEC < due))
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
                if (stream->parts[i].split.text && stream->offset - stream->parts[i].start > parts)
                        parts = stream->offset - stream->parts[i].start;
        return (size_t) parts;
}

static void take_again(FileStream *stream, const char *text, size_t size, off_t start)
{
        LogObject object;
        FilePart *part;

        if (!stream_json_parse(stream, text, size, clock_event_now(), &object))
                return;
        part = &stream->parts[object.err];
        if (logsplit_is_stale(&part->split, &object))
                logsplit_drop(&part->split);
        if (object.print == 0 || object.print == part->split.cut)
                return;
        if (!object.part) {
                logsplit_drop(&part->split);
                return;
        }
        if (!part->split.text)
                part->start = start;
        logsplit_append(&part->split, &object);
        part->since = clock_boot_now();
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
                logsplit_drop(&stream->parts[i].split);
                stream->parts[i].split.cut = mark->cut[i];
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
                logsplit_drop(&stream->parts[i].split);
}
