/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reads a line that is a JSON object: its message, its time and an address.
 *
 * It is one pass over the bytes that keeps no tree: members that nobody asked for
 * are passed over, so a line costs time by its length alone, whatever it holds.
 * What a service writes is understood as far as it is clear: bytes that are no
 * UTF-8 pass as they are, control characters too. What is not clear is refused: a
 * member that is wanted and stands there twice, since readers differ about which
 * one counts, and what follows the object. A member inside another is named with
 * dots, and one whose own name has dots is the same.
 *
 * An object that was cut off for its length is read as far as it goes.
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "source/json-line.h"
#include "source/stamp.h"

#define DEPTH_MAX 1024
#define PATH_DEPTH 16           /* deeper members have no name */
#define NONE SIZE_MAX
#define SECONDS_MAX INT64_C(100000000000)       /* more are milliseconds, */
#define MSEC_MAX INT64_C(100000000000000)       /* ... microseconds, */
#define USEC_MAX INT64_C(100000000000000000)    /* ... nanoseconds */

static const char *const MESSAGE_NAMES[] = { "message", "msg", "log", "MESSAGE", NULL };
static const char *const TIME_NAMES[] = { "time", "ts", "timestamp", "@timestamp", "__REALTIME_TIMESTAMP", NULL };
static const char *const STREAM_NAMES[] = { "stream", NULL };

/* A member that is wanted; the first name of the list that is there wins. */
typedef struct Wanted {
        const char *const *names;
        size_t rank;            /* of the one that was found; NONE */
        bool twice;
        bool number;            /* may be one */
        char *buffer;
        size_t room, length;
        bool cut;               /* it did not fit */
} Wanted;

enum { MESSAGE, TIME, ADDRESS, STREAM, N_WANTED };

typedef struct Scan {
        const char *p, *end;
        bool broken;                            /* the end was met where there should be more */
        unsigned depth;
        uint64_t objects[DEPTH_MAX / 64];       /* one bit for each level: an object, not an array */
        unsigned unnamed;                       /* the level from which on members have no name; 0: they have */
        char path[JSON_NAME_MAX];               /* of the member at hand; NUL: longer than any that is wanted */
        size_t base[PATH_DEPTH];                /* where the names of a level begin in it */
        Wanted wanted[N_WANTED];
} Scan;

static void scan_blanks(Scan *scan)
{
        while (scan->p < scan->end && (*scan->p == ' ' || *scan->p == '\t' || *scan->p == '\r'))
                scan->p++;
}

static bool scan_is_end(Scan *scan)
{
        if (scan->p < scan->end)
                return false;
        scan->broken = true;
        return true;
}

static bool scan_char(Scan *scan, char c)
{
        scan_blanks(scan);
        if (scan_is_end(scan) || *scan->p != c)
                return false;
        scan->p++;
        return true;
}

/* ---- strings ---- */

/* Where a string goes; without a buffer nowhere. */
typedef struct Sink {
        char *buffer;
        size_t room, length;
        bool cut;
} Sink;

static void sink_put(Sink *sink, const char *bytes, size_t size)
{
        size_t fits = sink->room - sink->length < size ? sink->room - sink->length : size;

        if (!sink->buffer)
                return;
        memcpy(sink->buffer + sink->length, bytes, fits);
        sink->length += fits;
        sink->cut = sink->cut || fits < size;
}

static void sink_code(Sink *sink, unsigned code)
{
        char bytes[4];
        size_t n = 0;

        if (code < 0x80) {
                bytes[n++] = (char) code;
        } else if (code < 0x800) {
                bytes[n++] = (char) (0xc0 | code >> 6);
        } else if (code < 0x10000) {
                bytes[n++] = (char) (0xe0 | code >> 12);
                bytes[n++] = (char) (0x80 | (code >> 6 & 0x3f));
        } else {
                bytes[n++] = (char) (0xf0 | code >> 18);
                bytes[n++] = (char) (0x80 | (code >> 12 & 0x3f));
                bytes[n++] = (char) (0x80 | (code >> 6 & 0x3f));
        }
        if (code >= 0x80)
                bytes[n++] = (char) (0x80 | (code & 0x3f));
        sink_put(sink, bytes, n);
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u. Return: -1: there are none. */
static int scan_unit(Scan *scan)
{
        int unit = 0;

        for (int i = 0; i < 4; i++) {
                int digit = scan_is_end(scan) ? -1 : hex_digit(*scan->p);

                if (digit < 0)
                        return -1;
                unit = unit << 4 | digit;
                scan->p++;
        }
        return unit;
}

/* \uXXXX, two of them for what lies beyond the first plane; half a pair is U+FFFD. */
static bool scan_unicode(Scan *scan, Sink *sink)
{
        int unit = scan_unit(scan), low;
        const char *here = scan->p;

        if (unit < 0)
                return false;
        if (unit < 0xd800 || unit > 0xdfff)
                return sink_code(sink, (unsigned) unit), true;
        if (unit <= 0xdbff && scan->end - scan->p >= 6 && scan->p[0] == '\\' && scan->p[1] == 'u') {
                scan->p += 2;
                low = scan_unit(scan);
                if (low >= 0xdc00 && low <= 0xdfff)
                        return sink_code(sink, 0x10000u + (((unsigned) unit & 0x3ff) << 10) + ((unsigned) low & 0x3ff)), true;
                scan->p = here;
        }
        return sink_code(sink, 0xfffd), true;
}

static bool scan_escape(Scan *scan, Sink *sink)
{
        static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        const char *letter;

        if (scan_is_end(scan))
                return false;
        if (*scan->p == 'u') {
                scan->p++;
                return scan_unicode(scan, sink);
        }
        letter = *scan->p ? strchr(letters, *scan->p) : NULL;
        if (!letter)
                return false;
        scan->p++;
        sink_put(sink, &meant[letter - letters], 1);
        return true;
}

static bool scan_string(Scan *scan, Sink *sink)
{
        if (!scan_char(scan, '"'))
                return false;
        for (;;) {
                const char *start = scan->p;

                while (scan->p < scan->end && *scan->p != '"' && *scan->p != '\\')
                        scan->p++;
                sink_put(sink, start, (size_t) (scan->p - start));
                if (scan_is_end(scan))
                        return false;
                if (*scan->p++ == '"')
                        return true;
                if (!scan_escape(scan, sink))
                        return false;
        }
}

/* ---- members ---- */

/* The member at hand, if it is wanted and none was found that goes before it. */
static Wanted *scan_wanted(Scan *scan, bool number)
{
        if (scan->unnamed || !scan->path[0])
                return NULL;
        for (Wanted *wanted = scan->wanted; wanted < scan->wanted + N_WANTED; wanted++)
                for (size_t i = 0; (wanted->number || !number) && wanted->names[i] && (wanted->rank == NONE || i <= wanted->rank); i++)
                        if (strcmp(wanted->names[i], scan->path) == 0) {
                                wanted->twice = i == wanted->rank;
                                wanted->rank = i;
                                return wanted;
                        }
        return NULL;
}

static bool scan_key(Scan *scan)
{
        size_t base = scan->unnamed ? 0 : scan->base[scan->depth - 1];
        char name[JSON_NAME_MAX];
        Sink sink = { .buffer = scan->unnamed ? NULL : name, .room = sizeof name - 1 };

        if (!scan_string(scan, &sink) || !scan_char(scan, ':'))
                return false;
        if (scan->unnamed)
                return true;
        name[sink.length] = '\0';
        if (sink.cut || base + sink.length >= sizeof scan->path || memchr(name, '\0', sink.length))
                scan->path[base] = '\0'; /* a name that nobody can want */
        else
                memcpy(scan->path + base, name, sink.length + 1);
        return true;
}

static bool scan_text(Scan *scan)
{
        Wanted *wanted = scan_wanted(scan, false);
        Sink sink = { 0 };
        bool whole;

        if (wanted)
                sink = (Sink){ .buffer = wanted->buffer, .room = wanted->room };
        whole = scan_string(scan, &sink);
        if (wanted) {
                wanted->length = sink.length;
                wanted->cut = sink.cut || !whole;
        }
        return whole;
}

static bool is_bare(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

/* A number, true, false, null. */
static bool scan_bare(Scan *scan)
{
        static const char *const words[] = { "true", "false", "null" };
        const char *start = scan->p;
        Wanted *wanted;
        size_t length;

        while (scan->p < scan->end && is_bare(*scan->p))
                scan->p++;
        if (scan_is_end(scan))
                return false;
        length = (size_t) (scan->p - start);
        if (length == 0)
                return false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (length == strlen(words[i]) && memcmp(start, words[i], length) == 0)
                        return true;
        if (*start != '-' && (*start < '0' || *start > '9'))
                return false;
        wanted = scan_wanted(scan, true);
        if (wanted) {
                Sink sink = { .buffer = wanted->buffer, .room = wanted->room };

                sink_put(&sink, start, length);
                wanted->length = sink.length;
                wanted->cut = sink.cut;
        }
        return true;
}

/* ---- containers ---- */

static bool scan_in_object(const Scan *scan)
{
        unsigned level = scan->depth - 1;

        return scan->objects[level / 64] >> level % 64 & 1;
}

/* The names inside the member at hand begin behind its own one and a dot. */
static void name_members(Scan *scan, bool object)
{
        unsigned level = scan->depth - 1;
        size_t length = strlen(scan->path);

        if (scan->unnamed)
                return;
        if (!object || level >= PATH_DEPTH || (level > 0 && (length == 0 || length + 1 >= sizeof scan->path))) {
                scan->unnamed = scan->depth;
                return;
        }
        if (level > 0)
                scan->path[length++] = '.';
        scan->path[length] = '\0';
        scan->base[level] = length;
}

static bool scan_enter(Scan *scan, bool object)
{
        unsigned level = scan->depth;

        if (level == DEPTH_MAX)
                return false;
        if (object)
                scan->objects[level / 64] |= UINT64_C(1) << level % 64;
        else
                scan->objects[level / 64] &= ~(UINT64_C(1) << level % 64);
        scan->depth++;
        scan->p++;
        name_members(scan, object);
        return true;
}

static void scan_leave(Scan *scan)
{
        if (scan->unnamed == scan->depth)
                scan->unnamed = 0;
        scan->depth--;
        scan->p++;
}

/* Behind a value: the ends of what it closes. Return: whether all is as it should be. */
static bool scan_behind(Scan *scan)
{
        while (scan->depth > 0) {
                scan_blanks(scan);
                if (scan_is_end(scan))
                        return false;
                if (*scan->p == ',') {
                        scan->p++;
                        return true;
                }
                if (*scan->p != (scan_in_object(scan) ? '}' : ']'))
                        return false;
                scan_leave(scan);
        }
        return true;
}

/* A member's name, if it has one, and its value up to what stands inside. */
static bool scan_member(Scan *scan)
{
        if (scan_in_object(scan) && !scan_key(scan))
                return false;
        scan_blanks(scan);
        if (scan_is_end(scan))
                return false;
        if (*scan->p == '"')
                return scan_text(scan) && scan_behind(scan);
        if (*scan->p != '{' && *scan->p != '[')
                return scan_bare(scan) && scan_behind(scan);
        if (!scan_enter(scan, *scan->p == '{'))
                return false;
        scan_blanks(scan);
        if (scan->p < scan->end && *scan->p == (scan_in_object(scan) ? '}' : ']'))
                return scan_behind(scan);
        return true;
}

static bool scan_object(Scan *scan)
{
        scan_blanks(scan);
        if (scan_is_end(scan) || *scan->p != '{')
                return false;
        scan_enter(scan, true);
        scan_blanks(scan);
        if (scan->p < scan->end && *scan->p == '}')
                scan_leave(scan);
        while (scan->depth > 0)
                if (!scan_member(scan))
                        return false;
        scan_blanks(scan);
        return scan->p == scan->end;
}

/* ---- what it means ---- */

/* "203.0.113.5", "2001:db8::1", either in brackets or with a port behind it, as servers write their peers */
static Addr read_address(const char *text, size_t size)
{
        const char *colon = memrchr(text, ':', size), *inner = text;
        Addr addr;

        if (size > 0 && addr_parse(text, size, &addr) == 0)
                return addr;
        if (colon && size > 0 && (*text == '[' ? colon > text && colon[-1] == ']' : memchr(text, ':', size) == colon)) {
                size_t digits = size - (size_t) (colon + 1 - text);

                for (size_t i = 1; i <= digits; i++)
                        if (colon[i] < '0' || colon[i] > '9')
                                return ADDR_NULL;
                if (digits == 0 || digits > 5)
                        return ADDR_NULL;
                size = (size_t) (colon - text);
        }
        if (size > 2 && text[0] == '[' && text[size - 1] == ']')
                inner++, size -= 2;
        return addr_parse(inner, size, &addr) == 0 ? addr : ADDR_NULL;
}

static bool is_found(const Wanted *wanted)
{
        return wanted->rank != NONE;
}

/* docker's json-file driver: the message ends in a line break unless it goes on in the next object. */
static void look_for_docker(const Wanted *message, const Wanted *stream, const char *text, JsonLine *line)
{
        line->err = is_found(stream) && stream->length == 6 && memcmp(stream->buffer, "stderr", 6) == 0;
        line->docker = strcmp(message->names[message->rank], "log") == 0 &&
                       (line->err || (is_found(stream) && stream->length == 6 && memcmp(stream->buffer, "stdout", 6) == 0));
        line->err = line->err && line->docker;
        line->part = line->docker && !line->cut && !(line->length > 0 && text[line->length - 1] == '\n');
}

/**
 * json_line_read() - find message, time and address in a line that is a JSON object
 * @whole:      it was not cut off for its length
 * @buffer:     gets the message, up to @room bytes, without one line break at its end; it may hold any bytes, NUL and line
 *              breaks too
 *
 * Return: whether there is a message. False: the line is no object, or has no message, or a member that is wanted twice.
 */
bool json_line_read(const JsonNames *names, const char *text, size_t size, bool whole, char *buffer, size_t room, JsonLine *ret_line)
{
        const char *const message_names[] = { names->message, NULL }, *const time_names[] = { names->time, NULL },
                          *const address_names[] = { names->address, NULL };
        char address[ADDR_TEXT_MAX], stream[8];
        Scan scan = { .p = text, .end = text + size };
        JsonLine line = { .length = 0 };
        Wanted *wanted = scan.wanted;

        wanted[MESSAGE] = (Wanted){ names->message ? message_names : MESSAGE_NAMES, NONE, .buffer = buffer, .room = room };
        wanted[TIME] = (Wanted){ names->time ? time_names : TIME_NAMES, NONE, .buffer = line.time, .room = sizeof line.time - 1, .number = true };
        wanted[ADDRESS] = (Wanted){ address_names, NONE, .buffer = address, .room = sizeof address };
        wanted[STREAM] = (Wanted){ STREAM_NAMES, NONE, .buffer = stream, .room = sizeof stream };
        if (!scan_object(&scan) && !(scan.broken && !whole))
                return false;
        for (size_t i = 0; i < N_WANTED; i++)
                if (wanted[i].twice)
                        return false;
        if (!is_found(&wanted[MESSAGE]) || (wanted[MESSAGE].cut && wanted[MESSAGE].length == 0))
                return false;
        line.length = wanted[MESSAGE].length;
        line.cut = wanted[MESSAGE].cut || scan.broken;
        line.time[is_found(&wanted[TIME]) && !wanted[TIME].cut && !memchr(line.time, '\0', wanted[TIME].length) ? wanted[TIME].length : 0] = '\0';
        if (is_found(&wanted[ADDRESS]) && !wanted[ADDRESS].cut)
                line.address = read_address(address, wanted[ADDRESS].length);
        look_for_docker(&wanted[MESSAGE], &wanted[STREAM], buffer, &line);
        if (!line.cut && line.length > 0 && buffer[line.length - 1] == '\n')
                line.length -= 1 + (line.length > 1 && buffer[line.length - 2] == '\r');
        *ret_line = line;
        return true;
}

/* ---- time ---- */

/* Seconds since 1970, and what is too large for them: its thousandths, millionths ... Return: EVENT_TIME_NONE: no number. */
static EventTime read_number(const char *text)
{
        int64_t number = 0, fraction = 0, unit = 100000;
        const char *p = text;

        for (; *p >= '0' && *p <= '9' && p - text < 19; p++)
                if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *p - '0', &number))
                        return EVENT_TIME_NONE;
        if (p == text)
                return EVENT_TIME_NONE;
        if (*p == '.')
                for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
                        fraction += unit * (*p - '0');
        if (*p)
                return EVENT_TIME_NONE;
        if (number <= SECONDS_MAX)
                return (EventTime){ number * USEC_PER_SEC + fraction };
        if (number <= MSEC_MAX)
                return (EventTime){ number * 1000 + fraction / 1000 };
        return (EventTime){ number <= USEC_MAX ? number : number / 1000 };
}

/**
 * json_line_time() - what a member that holds a time means
 * @options:    as for logline_parse(); its dates are tried first
 * @time:       JsonLine.time
 *
 * Every stamp that logline_stamp() knows, if it is all of the text; the time of an access log without its brackets; a number
 * of seconds since 1970 with decimals, and one above 10^11, 10^14, 10^17 of milliseconds, microseconds, nanoseconds.
 *
 * Return: EVENT_TIME_NONE if it means nothing.
 */
EventTime json_line_time(const LogLineOptions *options, const char *time)
{
        size_t length = strlen(time);
        char bracketed[JSON_TIME_MAX + 2];
        EventTime read = EVENT_TIME_NONE;
        Stamp stamp;
        bool zoned;

        if (length == 0)
                return EVENT_TIME_NONE;
        if (options->dates && logline_stamp(options, time, length, &read, &zoned) == length)
                return read;
        read = read_number(time);
        if (read.usec != 0)
                return read.usec / USEC_PER_SEC <= DATE_EPOCH_MAX ? read : EVENT_TIME_NONE;
        if (logline_stamp(options, time, length, &read, &zoned) == length)
                return read;
        bracketed[0] = '[';
        memcpy(bracketed + 1, time, length);
        bracketed[length + 1] = ']';
        return stamp_read_access(bracketed, length + 2, &stamp) == length + 2 ? stamp.time : EVENT_TIME_NONE;
}
