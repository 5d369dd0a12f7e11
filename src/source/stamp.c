/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reads timestamps. What they look like stands in one table of forms; a small scanner, which knows a letter for each
 * part, tries those that can begin with the line's first byte. It sees a bounded number of bytes, needs no locale and
 * allocates nothing.
 *
 * Three things are not written in the stamp and are filled in so that the same line read at the same moment gives the
 * same answer, whatever was read before it (which is why mktime(), whose guess depends on earlier calls, is not asked):
 *
 * - The year, where it is missing, is the latest in which the day exists and which is not more than a day ahead of the
 *   moment of reading. So a line of 31 December read on 1 January is last year's, and 29 February is the last leap year's.
 * - Without a zone the time is that of the process (TZ). A time that the clock skipped in spring is taken as if the
 *   clock had not been changed yet. Of an hour that comes twice in autumn it is the later one that is not ahead of the
 *   moment of reading: right for every line that is read as it is written.
 * - TAI64N is read as daemontools and runit write it: Unix time and 10 seconds.
 *
 * Asking for the local time is slow, and lines of the same hour come together. Hours in which the zone's offset does not
 * change are kept in a few places per thread.
 */

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "source/stamp.h"

#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)
#define YEAR_MAX 9999
#define UTC_OFFSET_MAX (16 * HOUR)      /* more than any zone ever had */
#define AHEAD_OF_YEAR DAY               /* how far ahead of now a stamp without year may be */
#define AHEAD_OF_HOUR 60                /* ... and the later of two equal hours */
#define TAI64_UNIX (INT64_C(1) << 62)   /* the label of 1970 in TAI, */
#define TAI64_SHIFT 10                  /* ... whose seconds were ahead by so many */
#define EPOCH_MAX INT64_C(253402300799) /* the end of 9999 */

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

typedef struct Scan {
        const char *p, *end;
        int year, month, day;   /* year -1: not given; month from 0 */
        int64_t seconds;        /* in the day; or since 1970 if `absolute` */
        int64_t usec;
        int64_t offset;         /* of the zone, east is positive */
        bool zoned, absolute;
} Scan;

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
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
                if (memcmp(scan->p, names + 3 * i, 3) == 0) {
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
                return scan_int(scan, 1, &scan->day);
        return scan_int(scan, 2, &scan->day) || scan_int(scan, 1, &scan->day);
}

/* A leap second is taken as the first one of the next minute. */
static bool scan_time(Scan *scan)
{
        int64_t hour, minute, second;

        if (!scan_digits(scan, 2, &hour) || !scan_char(scan, ':') || !scan_digits(scan, 2, &minute) || !scan_char(scan, ':') ||
            !scan_digits(scan, 2, &second))
                return false;
        scan->seconds = hour * HOUR + minute * 60 + second;
        return hour <= 23 && minute <= 59 && second <= 60;
}

static bool scan_fraction(Scan *scan, bool comma)
{
        int n = 0;

        if (!scan_char(scan, '.') && !(comma && scan_char(scan, ',')))
                return true;
        for (; scan->p < scan->end && is_digit(*scan->p) && n < 9; scan->p++, n++)
                if (n < 6)
                        scan->usec = scan->usec * 10 + (*scan->p - '0');
        for (int i = n; i < 6; i++)
                scan->usec *= 10;
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
        scan->offset = sign * (hours * HOUR + minutes * 60);
        scan->zoned = true;
        return true;
}

static bool scan_zone(Scan *scan)
{
        if (scan_char(scan, 'Z'))
                return scan->zoned = true;
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
        if (label < TAI64_UNIX + TAI64_SHIFT || label - TAI64_UNIX - TAI64_SHIFT > (uint64_t) EPOCH_MAX || nsec > 999999999)
                return false;
        scan->seconds = (int64_t) (label - TAI64_UNIX) - TAI64_SHIFT;
        scan->usec = (int64_t) nsec / 1000;
        return scan->absolute = true;
}

static bool scan_part(Scan *scan, char part)
{
        int ignored;

        switch (part) {
        case 'a': return scan_name(scan, "MonTueWedThuFriSatSun", &ignored);
        case 'b': return scan_name(scan, "JanFebMarAprMayJunJulAugSepOctNovDec", &scan->month);
        case 'e': return scan_day(scan);
        case 'd': return scan_int(scan, 2, &scan->day);
        case 'm': return scan_int(scan, 2, &scan->month) && scan->month-- > 0;
        case 'Y': return scan_int(scan, 4, &scan->year);
        case 'T': return scan_time(scan);
        case 'f': return scan_fraction(scan, true);
        case 'F': return scan_fraction(scan, false);
        case 'z': return scan_zone(scan);
        case 'o': return scan_offset(scan);
        case 's': return scan->absolute = scan_digits(scan, 10, &scan->seconds);
        case 'n': return scan_tai(scan);
        case '_': return scan_char(scan, 'T') || scan_char(scan, ' ');
        default: return scan_char(scan, part);
        }
}

static bool is_leap(int year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool is_date(int year, int month, int day)
{
        static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return month < 12 && day > 0 && day <= lengths[month] + (month == 1 && is_leap(year));
}

/* Days since 1970. 400 years repeat themselves, so one such turn more keeps what is divided from being negative. */
static int64_t civil_days(int year, int month, int day)
{
        static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
        int64_t past = year + 399;
        int64_t until_1970 = 2369 * 365 + 2369 / 4 - 2369 / 100 + 2369 / 400;

        return past * 365 + past / 4 - past / 100 + past / 400 - until_1970 + before[month] + (month > 1 && is_leap(year)) + day - 1;
}

/* Seconds since 1970 if the stamp were UTC. */
static int64_t scan_civil(const Scan *scan, int year)
{
        return civil_days(year, scan->month, scan->day) * DAY + scan->seconds;
}

static bool scan_form(Scan *scan, const char *form)
{
        for (; *form; form++)
                if (!scan_part(scan, *form))
                        return false;
        /* A year without February 29 is for year_of() to skip. */
        return scan->absolute || is_date(scan->year < 0 ? 2000 : scan->year, scan->month, scan->day);
}

/* ---- Local time ---- */

#define N_HOURS 8

static _Thread_local struct {
        int64_t hour;           /* of local time */
        int64_t offset;
        bool used;
} hours[N_HOURS];

static int64_t offset_at(int64_t seconds)
{
        time_t time = (time_t) seconds;
        struct tm tm;

        return localtime_r(&time, &tm) ? tm.tm_gmtoff : 0;
}

/*
 * The offset of local time `civil`. The zone's offsets a day earlier and a day later tell whether the clock is changed
 * nearby; then each is tried. Returns whether the time exists, and exists once.
 */
static bool local_offset(int64_t civil, int64_t now, int64_t *ret_offset)
{
        int64_t before = offset_at(civil - DAY), after = offset_at(civil + DAY);

        *ret_offset = before;
        if (before == after)
                return true;
        bool early = offset_at(civil - before) == before, late = offset_at(civil - after) == after;
        if (early && late) {
                if (civil - after <= now + AHEAD_OF_HOUR)
                        *ret_offset = after;
                return false;
        }
        if (late)
                *ret_offset = after;
        return early || late;
}

static int64_t local_to_utc(int64_t civil, int64_t now)
{
        int64_t hour = (civil - (civil % HOUR + HOUR) % HOUR) / HOUR, offset, first, last;
        size_t place = (uint64_t) hour % N_HOURS;

        if (hours[place].used && hours[place].hour == hour)
                return civil - hours[place].offset;
        bool once = local_offset(hour * HOUR, now, &first);
        if (local_offset(hour * HOUR + HOUR - 1, now, &last) && once && first == last) {
                hours[place].hour = hour;
                hours[place].offset = first;
                hours[place].used = true;
                return civil - first;
        }
        (void) local_offset(civil, now, &offset);
        return civil - offset;
}

/**
 * stamp_zone_changed() - forget what was learnt of the local time zone, and learn it anew from TZ or /etc/localtime
 *
 * In the calling thread; to be called after setenv("TZ").
 */
void stamp_zone_changed(void)
{
        tzset();
        memset(hours, 0, sizeof hours);
}

/* ---- From the parts to the time ---- */

/* Years are tried downwards from next year; as far as the zone cannot change it, without asking for the local time. */
static int64_t scan_without_year(const Scan *scan, int64_t now)
{
        int64_t latest = now + AHEAD_OF_YEAR, days = now > 0 ? now / DAY : 0;
        int next = days < EPOCH_MAX / DAY ? (int) (days * 400 / 146097) + 1972 : YEAR_MAX;

        if (next > YEAR_MAX)
                next = YEAR_MAX;
        for (int year = next; year > next - 12; year--) {
                if (!is_date(year, scan->month, scan->day) || scan_civil(scan, year) - UTC_OFFSET_MAX > latest)
                        continue;
                int64_t seconds = local_to_utc(scan_civil(scan, year), now);
                if (seconds <= latest)
                        return seconds;
        }
        return -1;
}

static EventTime scan_result(const Scan *scan, EventTime now)
{
        int64_t seconds, present = now.usec / USEC_PER_SEC;

        if (scan->absolute)
                seconds = scan->seconds;
        else if (scan->year < 0)
                seconds = scan_without_year(scan, present);
        else if (scan->zoned)
                seconds = scan_civil(scan, scan->year) - scan->offset;
        else
                seconds = local_to_utc(scan_civil(scan, scan->year), present);
        return seconds < 0 ? EVENT_TIME_NONE : (EventTime){ seconds * USEC_PER_SEC + scan->usec };
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

/**
 * stamp_read() - read the timestamp at the beginning of a text
 * @now:        when it is read, see the top of this file
 * @ret_time:   EVENT_TIME_NONE for a time before 1970; untouched without a stamp
 *
 * The stamp may stand in brackets, and white space or the end has to follow. The common log format is not among the
 * forms, see stamp_read_access().
 *
 * Return: the number of its bytes, 0 if there is none.
 */
size_t stamp_read(const char *text, size_t size, EventTime now, EventTime *ret_time)
{
        size_t bracket = size > 0 && text[0] == '[';

        if (size <= bracket)
                return 0;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                Scan scan = { .p = text + bracket, .end = text + size, .year = -1 };

                if (!form_begins(forms[i], *scan.p) || !scan_form(&scan, forms[i]))
                        continue;
                if ((bracket && !scan_char(&scan, ']')) || !is_behind(scan.p, scan.end))
                        continue;
                *ret_time = scan_result(&scan, now);
                return (size_t) (scan.p - text);
        }
        return 0;
}

/**
 * stamp_read_access() - read a timestamp of the common log format, [24/Nov/2026:00:05:16 +0100], with its brackets
 * @ret_time:   EVENT_TIME_NONE for a time before 1970; untouched without a stamp
 *
 * Return: the number of its bytes, 0 if there is none at the beginning of the text.
 */
size_t stamp_read_access(const char *text, size_t size, EventTime *ret_time)
{
        Scan scan = { .p = text, .end = text + size, .year = -1 };

        if (size == 0 || !scan_char(&scan, '[') || !scan_form(&scan, access_form) || !scan_char(&scan, ']') ||
            !is_behind(scan.p, scan.end))
                return 0;
        *ret_time = scan_result(&scan, EVENT_TIME_NONE);
        return (size_t) (scan.p - text);
}
