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

/**
 * say() - printf to people, cleaned; only a newline at the format's end is one
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
        printf("%s%s%s%s", colour_code(colour), safe, colour_end(colour), newline ? "\n" : "");
}

/**
 * text_width() - columns that a clean text takes: its characters
 */
size_t text_width(const char *text)
{
        size_t width = 0;

        for (; *text; text++)
                width += ((unsigned char) *text & 0xc0) != 0x80;
        return width;
}

/* Bytes of the first `columns` characters. */
static size_t prefix_size(const char *text, size_t columns)
{
        size_t size = 0;

        while (text[size] && (columns > 0 || ((unsigned char) text[size] & 0xc0) == 0x80)) {
                columns -= ((unsigned char) text[size] & 0xc0) != 0x80;
                size++;
        }
        return size;
}

/**
 * say_cell() - a table's cell, padded or cut to @width columns
 */
void say_cell(Colour colour, const char *text, size_t width, bool right)
{
        _cleanup_free_ char *safe = clean(text);
        size_t columns = text_width(safe);
        int pad = columns < width ? (int) (width - columns) : 0;

        printf("%*s%s", right ? pad : 0, "", colour_code(colour));
        if (columns > width)
                printf("%.*s~", (int) prefix_size(safe, width - 1), safe);
        else
                fputs(safe, stdout);
        printf("%s%*s", colour_end(colour), right ? 0 : pad, "");
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
 * say_wrapped() - a paragraph of at most WIDTH columns
 * @first:      in front of the first line
 * @indent:     in front of the others
 */
void say_wrapped(Colour colour, const char *first, const char *indent, const char *text)
{
        print_wrapped(stdout, colour, first, indent, text);
}

/**
 * say_json() - one object on one line, in ASCII, so that it is safe on a terminal too
 */
void say_json(const json_t *object)
{
        json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
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
 * print_usage() - the one right form of a command
 */
void print_usage(FILE *file, const Command *command)
{
        char first[64];

        snprintf(first, sizeof first, "Usage: bailiffctl %s ", command->name);
        print_wrapped(file, PLAIN, first, "         ", command->usage);
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

const char *plural(long long n, const char *one, const char *many)
{
        return n == 1 ? one : many;
}
