/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Takes a line that is a JSON object for the message in it, and puts messages
 * together that docker has split.
 *
 * A message that does not end or that grows too long goes out as an over-long
 * line, of which only the head is looked at. Its further parts are passed over: a
 * client who can make a message long must not choose how the next line begins.
 */

#include <stdlib.h>
#include <string.h>

#include "logobject.h"
#include "source/json-line.h"
#include "util/text.h"

/* ---- one object ---- */

static void parse(const LogObjectStyle *style, const char *text, size_t size, EventTime time, LogLine *ret_parts)
{
        logline_parse(&style->options, text, size, style->is_ident, style->userdata, ret_parts);
        if (time.usec != 0)
                ret_parts->time = time;
}

/* Text of which the end is missing is made too long for rules that want to see the end. Return: its length then. */
static size_t pad(char *text, size_t length)
{
        if (length >= LOGLINE_MAX)
                return length;
        memset(text + length, ' ', LOGLINE_MAX - length);
        return LOGLINE_MAX;
}

static EventTime time_of(const LogObjectStyle *style, const char *text)
{
        LogLineOptions options = style->options;

        options.memory = NULL; /* which knows the messages' own stamps */
        return json_line_time(&options, text);
}

/**
 * logobject_read() - take a line apart that is an object
 * @size:       more than LOGOBJECT_MAX: it was cut
 *
 * Return: whether it is an object with a message.
 */
bool logobject_read(const LogObjectStyle *style, const char *text, size_t size, char buffer[static LOGOBJECT_BUFFER], LogObject *ret_object)
{
        LogObject object = { .text = buffer + ADDR_TEXT_MAX };
        bool whole = size <= LOGOBJECT_MAX;
        JsonLine line;

        if (!json_line_read(&style->names, text, whole ? size : LOGOBJECT_MAX, whole, object.text, LOGOBJECT_MAX, &line))
                return false;
        if (line.docker) {
                /* Without it the parts of a message cannot be told from whole ones. */
                if (!*line.time)
                        return false;
                object.print = (uint32_t) text_hash(line.time, strlen(line.time)) | 1;
        }
        object.length = line.cut ? pad(object.text, line.length) : line.length;
        object.cut = line.cut;
        object.time = time_of(style, line.time);
        object.address = line.address;
        object.err = line.err;
        object.part = line.part;
        parse(style, object.text, object.length, object.time, &object.parts);
        *ret_object = object;
        return true;
}

/**
 * logobject_address() - put the address in front of the message, if a member is named for it
 *
 * Return: false: there should be one, and there is none.
 */
bool logobject_address(const JsonNames *names, LogObject *object)
{
        char text[ADDR_TEXT_MAX], *p;
        size_t length;

        if (!names->address)
                return true;
        if (!addr_is_valid(&object->address))
                return false;
        addr_format(&object->address, text);
        length = strlen(text);
        p = object->text + (object->parts.text - object->text) - length - 1;
        memcpy(p, text, length);
        p[length] = ' ';
        object->parts.text = p;
        object->parts.length += length + 1;
        return true;
}

/**
 * logobject_transport() - as logline_transport(); of docker's objects for each of the streams that a container writes
 * @error_logs: of standard output, standard error; false at first
 *
 * Who writes objects himself escapes line breaks, so nobody writes lines into them.
 */
const char *logobject_transport(bool error_logs[static 2], const LogObject *object)
{
        if (object->print == 0)
                return object->parts.syslog || *object->parts.ident ? "syslog" : "file";
        return logline_transport(&error_logs[object->err], &object->parts, object->text, object->length);
}

/* ---- messages in several objects ---- */

/**
 * logsplit_is_stale() - whether a message waits for parts that do not come, for the object is of another one
 */
bool logsplit_is_stale(const LogSplit *split, const LogObject *object)
{
        return split->text && split->print != object->print;
}

/**
 * logsplit_append() - a part of a message
 *
 * Return: false: it has become too long, as far as it was taken.
 */
bool logsplit_append(LogSplit *split, const LogObject *object)
{
        size_t room;

        if (!split->text) {
                split->text = malloc(LOGLINE_MAX);
                if (!split->text) {
                        split->cut = object->print;
                        return true; /* a message is lost, not the next one's beginning */
                }
                split->length = 0;
        }
        room = LINE_LENGTH_MAX - split->length;
        memcpy(split->text + split->length, object->text, object->length < room ? object->length : room);
        split->length += object->length < room ? object->length : room;
        split->print = object->print;
        split->time = object->parts.time;
        return object->length <= room;
}

static void join(const LogObjectStyle *style, LogSplit *split, LogObject *object)
{
        memmove(object->text + split->length, object->text, object->length);
        memcpy(object->text, split->text, split->length);
        object->length += split->length;
        parse(style, object->text, object->length, object->time, &object->parts);
        logsplit_drop(split);
}

/**
 * logsplit_take() - docker's next object of a stream: what is known of its message now
 * @split:      that stream's; not logsplit_is_stale()
 * @object:     with a print; gets the parts before it when its message is whole
 */
LogSplitStep logsplit_take(const LogObjectStyle *style, LogSplit *split, LogObject *object)
{
        if (split->cut == object->print)
                return LOGSPLIT_PASSED;
        split->cut = 0;
        if (object->part)
                return logsplit_append(split, object) ? LOGSPLIT_WAITS : LOGSPLIT_FULL;
        if (!split->text) {
                if (object->cut)
                        split->cut = object->print;
                return LOGSPLIT_WHOLE;
        }
        if (object->cut || split->length + object->length > LINE_LENGTH_MAX) {
                logsplit_append(split, object);
                return LOGSPLIT_FULL;
        }
        join(style, split, object);
        return LOGSPLIT_WHOLE;
}

/**
 * logsplit_give_up() - what has come of a message goes out as it is, and what may follow of it does not
 * @ret_parts:  as of a line that is too long
 *
 * Return: its text, of LOGLINE_MAX bytes, for free(); NULL: nothing goes out, since no part waits, or the address is not known.
 */
char *logsplit_give_up(const LogObjectStyle *style, LogSplit *split, LogLine *ret_parts)
{
        char *text = split->text;

        if (!text)
                return NULL;
        split->cut = split->print;
        if (style->names.address) {
                logsplit_drop(split);
                return NULL;
        }
        pad(text, split->length);
        split->text = NULL;
        split->length = 0;
        logline_parse(&style->options, text, LOGLINE_MAX, style->is_ident, style->userdata, ret_parts);
        ret_parts->time = split->time;
        return text;
}

/**
 * logsplit_drop() - forget the parts that wait
 */
void logsplit_drop(LogSplit *split)
{
        free(split->text);
        split->text = NULL;
        split->length = 0;
}
