/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reads timestamps. What they look like stands in one table of forms; a small scanner, which knows a letter for each
 * part, tries those that can begin with the line's first byte. It sees a bounded number of bytes, needs no locale and
 * allocates nothing. Forms that somebody has written down (`date:`, util/date.c) come first.
 *
 * Lines come in floods, hundreds with the same stamp: what the last one meant is kept, for as long as what fills in its gaps
 * is the same (the moment of reading and the zone, see below).
 *
 * No text is read by two of the forms, so it does not matter which is tried first, and the one that a file's last line had
 * is: that makes it quick, and no line can change what another one means.
 *
 * Two things are not written in the stamp and are filled in so that the same line read at the same moment gives the
 * same answer, whatever was read before it:
 *
 * - The year, where it is missing, is the latest in which the day exists and which is not more than a day ahead of the
 *   moment of reading. So a line of 31 December read on 1 January is last year's, and 29 February is the last leap year's.
 * - Without a zone the time is that of LogLineOptions.zone; zone.c says what becomes of hours that the clock skips or has
 *   twice.
 *
 * TAI64N is read as daemontools and runit write it: Unix time and 10 seconds.
 */

#include <string.h>

#include "source/stamp.h"
#include "util/zone.h"
#include "util/date.h"

#define AHEAD_OF_YEAR DATE_DAY          /* how far ahead of now a stamp without year may be */
#define TAI64_UNIX (INT64_C(1) << 62)   /* the label of 1970 in TAI, */
#define TAI64_SHIFT 10                  /* ... whose seconds were ahead by so many */

/*
 * a weekday, b month's name, e day with one or two digits or padded by a space, d two digits of it, m month, Y year,
 * T hh:mm:ss, f fraction with . or , if any, F the same with . only, z zone if any, o offset, s ten digits of Unix time,
 * n TAI64N, _ T or a space; all else stands for itself.
 */
static const char *const forms[] = {
        "b e Tf",               /* RFC 3164 */
        "b e Y Tf",             /* ... with year */
        "Y-m-d_Tfz",            /* ISO 8601, RFC 5424 */
        "Y/m/d_Tfz",            /* ... and nginx's error log */
        "a b e Tf Y",           /* asctime(), Apache's error log */
        "sF",                   /* seconds since 1970 */
        "@n",                   /* multilog, svlogd */
};
static const char access_form[] = "d/b/Y:T o";

#define N_FORMS (sizeof forms / sizeof *forms)

typedef struct Scan {
        const char *p, *end;
        DateParts parts;
} Scan;

static bool is_digit(char c)
{
        return (unsigned char) (c - '0') <= 9;
}

static bool scan_digits(Scan *scan, int n, int64_t *ret_number)
{
        int64_t number = 0;

        if (scan->end - scan->p < n)
                return false;
        for (int i = 0; i < n; i++) {
                if (!is_digit(scan->p[i]))
                        return false;
                number = number * 10 + (scan->p[i] - '0');
        }
        scan->p += n;
        *ret_number = number;
        return true;
}

static bool scan_int(Scan *scan, int n, int *ret_number)
{
        int64_t number;

        if (!scan_digits(scan, n, &number))
                return false;
        *ret_number = (int) number;
        return true;
}

static bool scan_char(Scan *scan, char c)
{
        if (scan->p == scan->end || *scan->p != c)
                return false;
        scan->p++;
        return true;
}

/* One of `names`, three letters each. */
static bool scan_name(Scan *scan, const char *names, int *ret_index)
{
        if (scan->end - scan->p < 3)
                return false;
        for (int i = 0; names[3 * i]; i++)
                if (scan->p[0] == names[3 * i] && scan->p[1] == names[3 * i + 1] && scan->p[2] == names[3 * i + 2]) {
                        scan->p += 3;
                        *ret_index = i;
                        return true;
                }
        return false;
}

/* " 4", "4", "04" and "24". */
static bool scan_day(Scan *scan)
{
        if (scan_char(scan, ' '))
                return scan_int(scan, 1, &scan->parts.day);
        return scan_int(scan, 2, &scan->parts.day) || scan_int(scan, 1, &scan->parts.day);
}

static int two_digits(const char *p)
{
        return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : 99;
}

/* A leap second is taken as the first one of the next minute. */
static bool scan_time(Scan *scan)
{
        const char *p = scan->p;

        if (scan->end - p < 8 || p[2] != ':' || p[5] != ':')
                return false;
        int hour = two_digits(p), minute = two_digits(p + 3), second = two_digits(p + 6);
        scan->p += 8;
        scan->parts.seconds = hour * DATE_HOUR + minute * 60 + second;
        return hour <= 23 && minute <= 59 && second <= 60;
}

static bool scan_fraction(Scan *scan, bool comma)
{
        int n = 0;

        if (!scan_char(scan, '.') && !(comma && scan_char(scan, ',')))
                return true;
        for (; scan->p < scan->end && is_digit(*scan->p) && n < 9; scan->p++, n++)
                if (n < 6)
                        scan->parts.usec = scan->parts.usec * 10 + (*scan->p - '0');
        for (int i = n; i < 6; i++)
                scan->parts.usec *= 10;
        return n > 0;
}

static bool scan_offset(Scan *scan)
{
        int64_t hours, minutes, sign = 1;

        if (scan_char(scan, '-'))
                sign = -1;
        else if (!scan_char(scan, '+'))
                return false;
        if (!scan_digits(scan, 2, &hours))
                return false;
        (void) scan_char(scan, ':');
        if (!scan_digits(scan, 2, &minutes) || hours > 23 || minutes > 59)
                return false;
        scan->parts.offset = sign * (hours * DATE_HOUR + minutes * 60);
        scan->parts.zoned = true;
        return true;
}

static bool scan_zone(Scan *scan)
{
        if (scan_char(scan, 'Z'))
                return scan->parts.zoned = true;
        if (scan->p < scan->end && (*scan->p == '+' || *scan->p == '-'))
                return scan_offset(scan);
        return true;
}

static int hex_digit(char c)
{
        if (is_digit(c))
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool scan_hex(Scan *scan, int n, uint64_t *ret_number)
{
        uint64_t number = 0;

        if (scan->end - scan->p < n)
                return false;
        for (int i = 0; i < n; i++) {
                int digit = hex_digit(scan->p[i]);

                if (digit < 0)
                        return false;
                number = number << 4 | (unsigned) digit;
        }
        scan->p += n;
        *ret_number = number;
        return true;
}

static bool scan_tai(Scan *scan)
{
        uint64_t label, nsec;

        if (!scan_hex(scan, 16, &label) || !scan_hex(scan, 8, &nsec))
                return false;
        if (label < TAI64_UNIX + TAI64_SHIFT || label - TAI64_UNIX - TAI64_SHIFT > (uint64_t) DATE_EPOCH_MAX || nsec > 999999999)
                return false;
        scan->parts.seconds = (int64_t) (label - TAI64_UNIX) - TAI64_SHIFT;
        scan->parts.usec = (int64_t) nsec / 1000;
        return scan->parts.absolute = true;
}

static bool scan_part(Scan *scan, char part)
{
        DateParts *parts = &scan->parts;
        int ignored;

        switch (part) {
        case 'a': return scan_name(scan, "MonTueWedThuFriSatSun", &ignored);
        case 'b': return scan_name(scan, "JanFebMarAprMayJunJulAugSepOctNovDec", &parts->month);
        case 'e': return scan_day(scan);
        case 'd': return scan_int(scan, 2, &parts->day);
        case 'm': return scan_int(scan, 2, &parts->month) && parts->month-- > 0;
        case 'Y': return scan_int(scan, 4, &parts->year);
        case 'T': return scan_time(scan);
        case 'f': return scan_fraction(scan, true);
        case 'F': return scan_fraction(scan, false);
        case 'z': return scan_zone(scan);
        case 'o': return scan_offset(scan);
        case 's': return parts->absolute = scan_digits(scan, 10, &parts->seconds);
        case 'n': return scan_tai(scan);
        case '_': return scan_char(scan, 'T') || scan_char(scan, ' ');
        default: return scan_char(scan, part);
        }
}

static bool scan_form(Scan *scan, const char *form)
{
        const DateParts *parts = &scan->parts;

        for (; *form; form++)
                if (!scan_part(scan, *form))
                        return false;
        /* A year without February 29 is for scan_without_year() to skip. */
        return parts->absolute || date_exists(parts->year < 0 ? 2000 : parts->year, parts->month, parts->day);
}

/* ---- From the parts to the time ---- */

/* Seconds since 1970 if the stamp were UTC. */
static int64_t parts_civil(const DateParts *parts, int year)
{
        return date_days(year, parts->month, parts->day) * DATE_DAY + parts->seconds;
}

static int64_t parts_to_utc(const DateParts *parts, int year, const Zone *zone, int64_t now)
{
        int64_t civil = parts_civil(parts, year);

        return parts->zoned ? civil - parts->offset : zone_to_utc(zone, civil, now);
}

/* Years are tried downwards from next year; as far as the zone cannot change it, without asking for the local time. */
static int64_t parts_without_year(const DateParts *parts, const Zone *zone, int64_t now)
{
        int64_t latest = now + AHEAD_OF_YEAR, days = now > 0 ? now / DATE_DAY : 0;
        int next = days < DATE_EPOCH_MAX / DATE_DAY ? (int) (days * 400 / 146097) + 1972 : DATE_YEAR_MAX;

        if (next > DATE_YEAR_MAX)
                next = DATE_YEAR_MAX;
        for (int year = next; year > next - 12; year--) {
                if (!date_exists(year, parts->month, parts->day) || parts_civil(parts, year) - DATE_DAY > latest)
                        continue;
                int64_t seconds = parts_to_utc(parts, year, zone, now);
                if (seconds <= latest)
                        return seconds;
        }
        return -1;
}

static Stamp parts_stamp(const DateParts *parts, const Zone *zone, EventTime now)
{
        Stamp stamp = { .zoned = parts->zoned || parts->absolute };
        int64_t seconds, present = now.usec / USEC_PER_SEC;

        if (!stamp.zoned && !zone)
                zone = zone_host();
        if (parts->absolute)
                seconds = parts->seconds;
        else if (parts->year < 0)
                seconds = parts_without_year(parts, zone, present);
        else
                seconds = parts_to_utc(parts, parts->year, zone, present);
        if (seconds >= 0)
                stamp.time.usec = seconds * USEC_PER_SEC + parts->usec;
        return stamp;
}

/* Can a stamp of this form begin with this byte? */
static bool form_begins(const char *form, char c)
{
        if (*form == 'a' || *form == 'b')
                return c >= 'A' && c <= 'Z';
        if (*form == '@')
                return c == '@';
        return is_digit(c);
}

static bool is_behind(const char *p, const char *end)
{
        return p == end || *p == ' ' || *p == '\t';
}

/* Return: the number of its bytes, 0 if the text does not begin with this form. */
static size_t read_form(const char *form, const LogLineOptions *options, const char *text, size_t size, Stamp *ret_stamp)
{
        size_t bracket = text[0] == '[';
        Scan scan = { .p = text + bracket, .end = text + size, .parts = { .year = -1 } };

        if (!scan_form(&scan, form))
                return 0;
        if ((bracket && !scan_char(&scan, ']')) || !is_behind(scan.p, scan.end))
                return 0;
        *ret_stamp = parts_stamp(&scan.parts, options->zone, options->now);
        return (size_t) (scan.p - text);
}

/* The last stamp again? Nothing behind it is looked at but that it ends there. */
static bool is_last(const LogLineMemory *memory, const LogLineOptions *options, const char *text, size_t size)
{
        return memory && memory->size > 0 && memory->size <= size && memcmp(memory->text, text, memory->size) == 0 &&
               is_behind(text + memory->size, text + size) && stamp_holds(memory, options);
}

static void remember(LogLineMemory *memory, const LogLineOptions *options, unsigned form, const char *text, size_t size, const Stamp *stamp)
{
        memory->form = (unsigned char) form;
        memory->size = memory->lead_size = 0;
        memory->zoned = stamp->zoned;
        memory->time = stamp->time;
        memory->now = options->now;
        memory->zone = options->zone;
        if (size <= sizeof memory->text) {
                memcpy(memory->text, text, size);
                memory->size = (unsigned char) size;
        }
}

static size_t detect(const LogLineOptions *options, const char *text, size_t size, Stamp *ret_stamp)
{
        LogLineMemory *memory = options->memory;
        unsigned first = memory && memory->form <= N_FORMS ? memory->form : 0;
        char c = text[text[0] == '['];
        size_t taken;

        for (unsigned i = 0; i <= N_FORMS; i++) {
                unsigned form = i == 0 ? first : i;

                if (form == 0 || (i > 0 && form == first) || !form_begins(forms[form - 1], c) ||
                    (taken = read_form(forms[form - 1], options, text, size, ret_stamp)) == 0)
                        continue;
                if (memory)
                        remember(memory, options, form, text, taken, ret_stamp);
                return taken;
        }
        return 0;
}

/**
 * stamp_read() - read the timestamp at the beginning of a text
 * @options:    when it is read, in which zone, and what is known of its file
 * @ret_stamp:  untouched without a stamp
 *
 * The stamp may stand in brackets, and white space or the end has to follow. The common log format is not among the
 * forms, see stamp_read_access().
 *
 * Return: the number of its bytes, 0 if there is none.
 */
size_t stamp_read(const LogLineOptions *options, const char *text, size_t size, Stamp *ret_stamp)
{
        DateParts parts;
        size_t taken;

        if (options->dates && (taken = date_formats_match(options->dates, text, size, &parts)) > 0) {
                *ret_stamp = parts_stamp(&parts, options->zone, options->now);
                return taken;
        }
        if (size <= (size > 0 && text[0] == '['))
                return 0;
        if (!is_last(options->memory, options, text, size))
                return detect(options, text, size, ret_stamp);
        *ret_stamp = (Stamp){ .time = options->memory->time, .zoned = options->memory->zoned };
        return options->memory->size;
}

/**
 * stamp_read_access() - read a timestamp of the common log format, [24/Nov/2026:00:05:16 +0100], with its brackets
 * @ret_stamp:  untouched without a stamp
 *
 * Return: the number of its bytes, 0 if there is none at the beginning of the text.
 */
size_t stamp_read_access(const char *text, size_t size, Stamp *ret_stamp)
{
        Scan scan = { .p = text, .end = text + size, .parts = { .year = -1 } };

        if (size == 0 || !scan_char(&scan, '[') || !scan_form(&scan, access_form) || !scan_char(&scan, ']') ||
            !is_behind(scan.p, scan.end))
                return 0;
        *ret_stamp = parts_stamp(&scan.parts, NULL, EVENT_TIME_NONE);
        return (size_t) (scan.p - text);
}
