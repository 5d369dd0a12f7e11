/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Text for people. What the daemon sends may hold words that an attacker wrote;
 * it has made them printable, and here they are made so again before they reach
 * a terminal. Colours only on a terminal, and never with NO_COLOR.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/text.h"

static struct {
        bool coloured;
        bool json;
} arg_output;

/**
 * output_start() - decide how to print
 */
void output_start(bool json)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        arg_output.json = json;
        arg_output.coloured = !json && isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

/**
 * output_end() - a full disk or a closed pipe is an error as well
 */
int output_end(int status)
{
        if (fflush(stdout) != 0 || ferror(stdout)) {
                if (errno != EPIPE)
                        fprintf(stderr, "bailiffctl: cannot write the output: %s\n", strerror(errno));
                return STATUS_ERROR;
        }
        return status;
}

static const char *colour_code(Colour colour)
{
        static const char *const codes[] = {
                [PLAIN] = "",       [BOLD] = "\033[1m",   [DIM] = "\033[2m",
                [RED] = "\033[31m", [GREEN] = "\033[32m", [YELLOW] = "\033[33m",
        };

        return arg_output.coloured ? codes[colour] : "";
}

static const char *colour_end(Colour colour)
{
        return arg_output.coloured && colour != PLAIN ? "\033[0m" : "";
}

/**
 * clean() - a text without anything that a terminal would obey
 *
 * Backslashes stay single: the daemon has doubled those that it met.
 *
 * Return: for free(3).
 */
char *clean(const char *text)
{
        size_t size = strlen(text), used = 0;
        char *safe = malloc(4 * size + 1);

        if (!safe)
                abort();
        while (size > 0) {
                size_t part = strcspn(text, "\\");

                used += text_printable(text, part, safe + used, 4 * part + 1);
                text += part;
                size -= part;
                if (size > 0) {
                        safe[used++] = '\\';
                        text++;
                        size--;
                }
        }
        safe[used] = '\0';
        return safe;
}

/* Bytes and columns of the character at @text: East Asian letters and pictures take two columns. */
static size_t character(const char *text, size_t *ret_columns)
{
        static const struct {
                uint32_t first, last;
        } wide[] = { { 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x23e9, 0x23f3 },   { 0x25fd, 0x27bf },
                     { 0x2b1b, 0x2b55 },   { 0x2e80, 0xa4cf },   { 0xa960, 0xa97c },   { 0xac00, 0xd7a3 },
                     { 0xf900, 0xfaff },   { 0xfe10, 0xfe6f },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },
                     { 0x16fe0, 0x1b2fb }, { 0x1f000, 0x1faff }, { 0x20000, 0x3fffd } };
        const unsigned char *p = (const unsigned char *) text;
        size_t size = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4, used = 1;
        uint32_t code = size == 1 ? *p : *p & (0x7fu >> size);

        while (used < size && (p[used] & 0xc0) == 0x80)
                code = code << 6 | (p[used++] & 0x3f);
        *ret_columns = 1;
        for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
                if (code >= wide[i].first && code <= wide[i].last)
                        *ret_columns = 2;
        return used;
}

/* Bytes of as many characters as fit into @columns. */
static size_t prefix_size(const char *text, size_t columns)
{
        size_t size = 0;

        while (text[size]) {
                size_t width, bytes = character(text + size, &width);

                if (width > columns)
                        break;
                columns -= width;
                size += bytes;
        }
        return size;
}

/**
 * text_width() - columns that a clean text takes, at most
 */
size_t text_width(const char *text)
{
        size_t sum = 0;

        while (*text) {
                size_t width;

                text += character(text, &width);
                sum += width;
        }
        return sum;
}

static void print_wrapped(FILE *file, Colour colour, const char *first, const char *indent, const char *text)
{
        _cleanup_free_ char *safe = clean(text);
        const char *p = safe, *lead = first;

        do {
                size_t room = WIDTH - text_width(lead), size = prefix_size(p, room);

                if (p[size]) {
                        size_t cut = size;

                        while (cut > 0 && p[cut] != ' ')
                                cut--;
                        if (cut > 0)
                                size = cut;
                }
                fprintf(file, "%s%s%.*s%s\n", lead, file == stdout ? colour_code(colour) : "", (int) size, p,
                        file == stdout ? colour_end(colour) : "");
                p += size;
                while (*p == ' ')
                        p++;
                lead = indent;
        } while (*p);
}

/**
 * say() - printf to people, cleaned; only a newline at the format's end is one
 *
 * A whole line that is too long for the terminal is wrapped.
 */
void say(Colour colour, const char *format, ...)
{
        size_t size = strlen(format);
        bool newline = size > 0 && format[size - 1] == '\n';
        _cleanup_free_ char *text = NULL;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0)
                abort();
        if (newline)
                text[n - 1] = '\0';
        _cleanup_free_ char *safe = clean(text);
        if (newline && text_width(safe) > WIDTH)
                print_wrapped(stdout, colour, "", "    ", safe);
        else
                printf("%s%s%s%s", colour_code(colour), safe, colour_end(colour), newline ? "\n" : "");
}

/**
 * say_cell() - a table's cell, padded or cut to @width columns
 */
void say_cell(Colour colour, const char *text, size_t width, bool right)
{
        _cleanup_free_ char *safe = clean(text);
        size_t columns = text_width(safe);
        int pad = columns < width ? (int) (width - columns) : 0;

        if (columns > width) {
                safe[prefix_size(safe, width - 1)] = '\0';
                pad = (int) (width - 1 - text_width(safe));
        }
        printf("%*s%s%s%s%s%*s", right ? pad : 0, "", colour_code(colour), safe, columns > width ? "~" : "",
               colour_end(colour), right ? 0 : pad, "");
}

/**
 * say_cell_middle() - a table's last cell; what is too long for @width columns is cut in its middle
 *
 * Of a path both ends tell most: where it is, and the file with its line.
 */
void say_cell_middle(Colour colour, const char *text, size_t width)
{
        static const char ellipsis[] = "...";
        _cleanup_free_ char *safe = clean(text);
        const char *tail = safe;
        size_t room = width - strlen(ellipsis), head = strlen(safe), columns;

        if (text_width(safe) > width) {
                head = prefix_size(safe, room / 3);
                while (text_width(tail) > room - room / 3)
                        tail += character(tail, &columns);
        } else {
                tail = safe + head;
        }
        printf("%s%.*s%s%s%s", colour_code(colour), (int) head, safe, head < strlen(safe) ? ellipsis : "", tail, colour_end(colour));
}

/**
 * say_wrapped() - a paragraph of at most WIDTH columns
 * @first:      in front of the first line
 * @indent:     in front of the others
 */
void say_wrapped(Colour colour, const char *first, const char *indent, const char *text)
{
        print_wrapped(stdout, colour, first, indent, text);
}

/**
 * say_list() - texts on one or more lines
 * @first:      in front of the first line; @indent in front of the others
 * @none:       what stands there if the list is empty
 */
void say_list(const char *first, const char *indent, const json_t *list, const char *none, const char *separator)
{
        _cleanup_free_ char *text = NULL;
        const json_t *item;
        size_t i, size = 1, used = 0;

        json_array_foreach(list, i, item) size += json_string_length(item) + strlen(separator);
        text = calloc(1, size);
        if (!text)
                abort();
        json_array_foreach(list, i, item) used += (size_t) sprintf(text + used, "%s%s", i > 0 ? separator : "",
                                                                   json_string_value(item) ? json_string_value(item) : "");
        say_wrapped(PLAIN, first, indent, *text ? text : none);
}

/**
 * say_json() - one object on one line, in ASCII, so that it is safe on a terminal too
 *
 * It begins with "v", the version of what bailiffctl-json(7) promises.
 */
void say_json(const json_t *object)
{
        json_auto_t *versioned = json_pack("{s:i}", "v", JSON_FORMAT_VERSION);

        json_object_update(versioned, (json_t *) (uintptr_t) object);
        json_dumpf(versioned, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
        fflush(stdout);
}

__attribute__((format(printf, 1, 0))) static void complain(const char *format, va_list args)
{
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, format, args) < 0)
                abort();
        fflush(stdout);
        for (char *line = strtok(text, "\n"), *first = line; line; line = strtok(NULL, "\n"))
                print_wrapped(stderr, PLAIN, line == first ? "bailiffctl: " : "  ", "  ", line);
}

/**
 * fail() - tell an error
 *
 * Return: STATUS_ERROR.
 */
int fail(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        complain(format, args);
        va_end(args);
        return STATUS_ERROR;
}

/**
 * print_usage() - the right forms of a command
 */
void print_usage(FILE *file, const Command *command)
{
        const char *form = command->usage;
        char first[64];

        for (const char *lead = "Usage:"; form; lead = "      ") {
                const char *end = strchr(form, '\n');
                _cleanup_free_ char *line = strndup(form, end ? (size_t) (end - form) : strlen(form));

                if (!line)
                        abort();
                snprintf(first, sizeof first, "%s bailiffctl %s ", lead, command->name);
                print_wrapped(file, PLAIN, first, "         ", line);
                form = end ? end + 1 : NULL;
        }
}

/**
 * usage_error() - tell an error of the command line, and the right form
 */
int usage_error(const Command *command, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        complain(format, args);
        va_end(args);
        print_usage(stderr, command);
        return STATUS_ERROR;
}

/**
 * field() - a member's text, or @otherwise
 */
const char *field(const json_t *object, const char *name, const char *otherwise)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : otherwise;
}

/**
 * number() - a member's number, or 0
 */
long long number(const json_t *object, const char *name)
{
        return json_integer_value(json_object_get(object, name));
}

static bool parse_time(const char *text, time_t *ret_time)
{
        struct tm parts = { 0 };
        const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);

        if (!end || *end)
                return false;
        *ret_time = timegm(&parts);
        return true;
}

static void span_text(long long seconds, char buffer[static 16])
{
        static const struct {
                char unit, next;
                long long seconds, next_seconds;
        } units[] = { { 'd', 'h', 86400, 3600 }, { 'h', 'm', 3600, 60 }, { 'm', 's', 60, 1 } };

        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (seconds >= units[i].seconds) {
                        snprintf(buffer, 16, "%lld%c%lld%c", seconds / units[i].seconds % 1000000, units[i].unit,
                                 seconds % units[i].seconds / units[i].next_seconds, units[i].next);
                        return;
                }
        snprintf(buffer, 16, "%llds", seconds);
}

/**
 * ago() - "3m5s ago", "in 23h59m", or "never"
 */
const char *ago(const char *rfc3339, char buffer[static 32])
{
        char span[16];
        time_t then;

        if (!*rfc3339 || !parse_time(rfc3339, &then))
                return strcmp(rfc3339, "forever") == 0 ? "forever" : "never";
        long long left = (long long) then - (long long) time(NULL);

        span_text(left < 0 ? -left : left, span);
        snprintf(buffer, 32, left <= 0 ? "%s ago" : "in %s", span);
        return buffer;
}

/**
 * time_text() - a time of the daemon in local time
 */
const char *time_text(const char *rfc3339, TimeStyle style, char buffer[static 64])
{
        char relative[32];
        struct tm parts;
        time_t then;

        if (!parse_time(rfc3339, &then) || !localtime_r(&then, &parts))
                return strcmp(rfc3339, "forever") == 0 ? "forever" : "never";
        size_t used = strftime(buffer, 64, style == TIME_SHORT ? "%Y-%m-%d %H:%M" : "%Y-%m-%d %H:%M:%S", &parts);
        if (style == TIME_FULL)
                snprintf(buffer + used, 64 - used, " (%s)", ago(rfc3339, relative));
        return buffer;
}

/**
 * until_text() - "until 2026-11-23 08:31", or "forever"
 */
const char *until_text(const json_t *ban, TimeStyle style, char buffer[static 80])
{
        char time[64];
        const char *until = field(ban, "until", "");

        if (strcmp(until, "forever") == 0)
                return "forever";
        snprintf(buffer, 80, "until %s", time_text(until, style, time));
        return buffer;
}

/**
 * worse() - the worse of two exit statuses
 */
int worse(int a, int b)
{
        return a > b ? a : b;
}

const char *plural(long long n, const char *one, const char *many)
{
        return n == 1 ? one : many;
}
