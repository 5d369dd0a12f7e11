/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The calendar, and dates by strptime directives.
 *
 * strptime(3) itself is not asked: it knows no fraction, skips blanks that nobody wrote, goes by the locale, leaves what it
 * did not find as it was, and reads on to a NUL. Here a list of directives is compiled once into steps, one for each
 * number, name or byte; steps look at a bounded number of bytes, never go back, and allocate nothing. A list that can give
 * no time is refused when it is compiled, not when a line comes: one without a day, with `%I` but no `%p`, or with one part
 * of the date twice.
 *
 * Numbers take as many digits as they may have, so `%Y%m%d` needs no separators; `%d`, `%H` and `%I` may have a space
 * instead of their first digit. Names are English, short or long, in either case. A blank stands for one blank or more.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/date.h"

#define STEPS_MAX 128
#define BLANKS_MAX 64
#define ZONE_NAME_MAX 8
#define KNOWN "%a %A %b %B %d %D %e %f %F %h %H %I %j %k %l %m %M %n %p %R %s %S %t %T %y %Y %z %Z %%"

/* ---- the calendar ---- */

static bool is_leap(int year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 16 == 0);
}

/**
 * date_exists() - whether a year has this day
 * @month:      from 0
 */
bool date_exists(int year, int month, int day)
{
        static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return month >= 0 && month < 12 && day > 0 && day <= lengths[month] + (month == 1 && is_leap(year));
}

static const int days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };

/**
 * date_days() - days since 1970, of any year from 0 on
 * @month:      from 0
 */
int64_t date_days(int year, int month, int day)
{
        /* 400 years repeat themselves, so one such turn more keeps what is divided from being negative. */
        const unsigned past = (unsigned) year + 399, until_1970 = 2369 * 365 + 2369 / 4 - 2369 / 100 + 2369 / 400;
        int days = (int) (past * 365 + past / 4 - past / 100 + past / 400 - until_1970);

        return days + days_before[month] + (month > 1 && is_leap(year)) + day - 1;
}

/**
 * date_year() - the year that a day lies in; of days before year 1 it is 0
 * @days:       since 1970
 */
int date_year(int64_t days)
{
        const int64_t year_1 = date_days(1, 0, 1), beyond = date_days(DATE_YEAR_MAX, 11, 31);

        if (days < year_1)
                return 0;
        if (days > beyond)
                return DATE_YEAR_MAX + 1;
        int year = (int) ((days - year_1) * 400 / 146097) + 1;
        if (date_days(year, 0, 1) > days)
                return year - 1;
        return date_days(year, 11, 31) < days ? year + 1 : year;
}

/* ---- directives, compiled ---- */

/* The parts of a date that a directive gives; each may be given once. */
enum {
        PART_YEAR = 1 << 0,
        PART_MONTH = 1 << 1,
        PART_DAY = 1 << 2,
        PART_DAY_OF_YEAR = 1 << 3,
        PART_WEEKDAY = 1 << 4,
        PART_HOUR = 1 << 5,
        PART_HALF_HOUR = 1 << 6, /* of twelve */
        PART_HALF = 1 << 7,
        PART_MINUTE = 1 << 8,
        PART_SECOND = 1 << 9,
        PART_FRACTION = 1 << 10,
        PART_OFFSET = 1 << 11,
        PART_ZONE_NAME = 1 << 12,
        PART_EPOCH = 1 << 13,
};

typedef enum StepKind {
        STEP_BYTE,
        STEP_BLANKS,
        STEP_YEAR,
        STEP_SHORT_YEAR,
        STEP_MONTH,
        STEP_MONTH_NAME,
        STEP_DAY,
        STEP_DAY_OF_YEAR,
        STEP_WEEKDAY,
        STEP_HOUR,
        STEP_HALF_HOUR,
        STEP_HALF,
        STEP_MINUTE,
        STEP_SECOND,
        STEP_FRACTION,
        STEP_OFFSET,
        STEP_ZONE_NAME,
        STEP_EPOCH,
} StepKind;

static const struct Directive {
        char letter;
        StepKind step;
        unsigned part;
        const char *name;
        const char *means;      /* it is short for this; NULL: a step of its own */
} directives[] = {
        { 'a', STEP_WEEKDAY, PART_WEEKDAY, "the weekday", NULL },
        { 'A', STEP_WEEKDAY, PART_WEEKDAY, "the weekday", NULL },
        { 'b', STEP_MONTH_NAME, PART_MONTH, "the month", NULL },
        { 'B', STEP_MONTH_NAME, PART_MONTH, "the month", NULL },
        { 'h', STEP_MONTH_NAME, PART_MONTH, "the month", NULL },
        { 'm', STEP_MONTH, PART_MONTH, "the month", NULL },
        { 'd', STEP_DAY, PART_DAY, "the day", NULL },
        { 'e', STEP_DAY, PART_DAY, "the day", NULL },
        { 'j', STEP_DAY_OF_YEAR, PART_DAY_OF_YEAR, "the day of the year", NULL },
        { 'y', STEP_SHORT_YEAR, PART_YEAR, "the year", NULL },
        { 'Y', STEP_YEAR, PART_YEAR, "the year", NULL },
        { 'H', STEP_HOUR, PART_HOUR, "the hour", NULL },
        { 'k', STEP_HOUR, PART_HOUR, "the hour", NULL },
        { 'I', STEP_HALF_HOUR, PART_HALF_HOUR, "the hour", NULL },
        { 'l', STEP_HALF_HOUR, PART_HALF_HOUR, "the hour", NULL },
        { 'p', STEP_HALF, PART_HALF, "AM or PM", NULL },
        { 'M', STEP_MINUTE, PART_MINUTE, "the minute", NULL },
        { 'S', STEP_SECOND, PART_SECOND, "the second", NULL },
        { 'f', STEP_FRACTION, PART_FRACTION, "the fraction", NULL },
        { 'z', STEP_OFFSET, PART_OFFSET, "the zone's offset", NULL },
        { 'Z', STEP_ZONE_NAME, PART_ZONE_NAME, "the zone's name", NULL },
        { 's', STEP_EPOCH, PART_EPOCH, "the seconds since 1970", NULL },
        { 'n', STEP_BLANKS, 0, "", NULL },
        { 't', STEP_BLANKS, 0, "", NULL },
        { '%', STEP_BYTE, 0, "", NULL },
        { 'T', 0, 0, "", "%H:%M:%S" },
        { 'R', 0, 0, "", "%H:%M" },
        { 'D', 0, 0, "", "%m/%d/%y" },
        { 'F', 0, 0, "", "%Y-%m-%d" },
};

typedef struct Step {
        unsigned char kind;
        char byte;              /* STEP_BYTE */
} Step;

typedef struct Format {
        Step steps[STEPS_MAX];
        size_t n;
        unsigned parts;
} Format;

struct DateFormats {
        size_t n;
        Format formats[];
};

/* Where in which text the compiler is. */
typedef struct Place {
        const char *text;
        size_t column;
        Problem *problem;
} Place;

static int add_step(Format *format, const Place *place, StepKind kind, char byte)
{
        if (format->n == STEPS_MAX)
                return problem_set(place->problem, -EINVAL, "\"%.40s...\" is too long", place->text);
        format->steps[format->n++] = (Step){ (unsigned char) kind, byte };
        return 0;
}

static const struct Directive *find_directive(char letter)
{
        for (size_t i = 0; i < sizeof directives / sizeof *directives; i++)
                if (directives[i].letter == letter)
                        return &directives[i];
        return NULL;
}

static int no_directive(const Place *place, char letter)
{
        if (!letter)
                return problem_set(place->problem, -EINVAL,
                                   "\"%s\": the %% at column %zu stands alone; write %%%% for the sign itself", place->text,
                                   place->column);
        if (letter < ' ' || letter > '~')
                return problem_set(place->problem, -EINVAL, "\"%s\": no directive follows the %% at column %zu; known are %s",
                                   place->text, place->column, KNOWN);
        return problem_set(place->problem, -EINVAL, "\"%s\": %%%c at column %zu is no directive that is known; known are %s",
                           place->text, letter, place->column, KNOWN);
}

static int add_directive(Format *format, const Place *place, char letter);

/* What a directive is short for: directives of one letter, and bytes. */
static int add_meaning(Format *format, const Place *place, const char *means)
{
        int r = 0;

        for (; r == 0 && *means; means++)
                r = *means == '%' ? add_directive(format, place, *++means) : add_step(format, place, STEP_BYTE, *means);
        return r;
}

static int add_directive(Format *format, const Place *place, char letter)
{
        const struct Directive *directive = letter ? find_directive(letter) : NULL;

        if (!directive)
                return no_directive(place, letter);
        if (directive->means)
                return add_meaning(format, place, directive->means);
        if (format->parts & directive->part)
                return problem_set(place->problem, -EINVAL, "\"%s\": at column %zu %s is given a second time", place->text,
                                   place->column, directive->name);
        format->parts |= directive->part;
        return add_step(format, place, directive->step, letter);
}

/* Whether the parts make a time. */
static int check_parts(const Format *format, const Place *place)
{
        const unsigned parts = format->parts, days = PART_MONTH | PART_DAY;
        const char *wrong = NULL;

        if (parts & PART_EPOCH) {
                if (parts & ~(unsigned) (PART_EPOCH | PART_FRACTION))
                        wrong = "%s is the whole time; only %f may stand with it";
        } else if (parts & PART_DAY_OF_YEAR) {
                if (parts & days)
                        wrong = "%j tells the day; leave month and day out";
                else if (!(parts & PART_YEAR))
                        wrong = "%j needs the year: %Y or %y";
        } else if ((parts & days) != days) {
                wrong = parts & PART_MONTH ? "it tells no day: %d or %e" : "it tells no month: %m or %b";
        }
        if (!wrong && !(parts & PART_EPOCH)) {
                if ((parts & PART_HOUR) && (parts & (PART_HALF_HOUR | PART_HALF)))
                        wrong = "%H counts to 23; %I and %p do not go with it";
                else if (!!(parts & PART_HALF_HOUR) != !!(parts & PART_HALF))
                        wrong = "%I and %p go together";
                else if (!(parts & (PART_HOUR | PART_HALF_HOUR)) || !(parts & PART_MINUTE))
                        wrong = "it tells no time of the day: %H:%M:%S";
                else if ((parts & PART_FRACTION) && !(parts & PART_SECOND))
                        wrong = "%f is a fraction of %S";
        }
        return wrong ? problem_set(place->problem, -EINVAL, "\"%s\": %s", place->text, wrong) : 0;
}

static int compile(Format *format, Place *place)
{
        const char *text = place->text;
        int r = 0;

        if (!*text)
                return problem_set(place->problem, -EINVAL,
                                   "a date without directives; write it as in \"%%d.%%m.%%Y %%H:%%M:%%S\"");
        if (strlen(text) > DATE_FORMAT_SIZE)
                return problem_set(place->problem, -EINVAL, "\"%.40s...\" is too long; at most %d bytes", text, DATE_FORMAT_SIZE);
        for (size_t i = 0; r == 0 && text[i]; i++) {
                place->column = i + 1;
                if (text[i] == '%')
                        r = add_directive(format, place, text[++i]);
                else if (text[i] != ' ' && text[i] != '\t')
                        r = add_step(format, place, STEP_BYTE, text[i]);
                else if (format->n == 0 || format->steps[format->n - 1].kind != STEP_BLANKS)
                        r = add_step(format, place, STEP_BLANKS, ' ');
        }
        return r < 0 ? r : check_parts(format, place);
}

/**
 * date_formats_compile() - compile strptime directives
 * @formats:    ended by NULL; tried in this order
 * @ret_dates:  for date_formats_free()
 * @problem:    names the directive, and its column in its text
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int date_formats_compile(const char *const *formats, DateFormats **ret_dates, Problem *problem)
{
        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        size_t n = 0;

        while (formats[n])
                if (++n > DATE_FORMATS_MAX)
                        return problem_set(problem, -EINVAL, "more than %d dates", DATE_FORMATS_MAX);
        dates = calloc(1, sizeof *dates + n * sizeof *dates->formats);
        if (!dates)
                return problem_set(problem, -ENOMEM, "out of memory");
        for (; dates->n < n; dates->n++) {
                int r = compile(&dates->formats[dates->n], &(Place){ .text = formats[dates->n], .problem = problem });
                if (r < 0)
                        return r;
        }
        *ret_dates = steal(dates);
        return 0;
}

/**
 * date_formats_free() - free what was compiled
 *
 * Return: NULL.
 */
DateFormats *date_formats_free(DateFormats *dates)
{
        free(dates);
        return NULL;
}

/* ---- matching ---- */

typedef struct Match {
        const char *p, *end;
        DateParts parts;
        int day_of_year, half_hour; /* 0: not written */
        bool afternoon, has_half;
} Match;

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* From one digit to `max`. */
static bool take_number(Match *match, int max, int64_t *ret_number, int *ret_digits)
{
        int64_t number = 0;
        int n = 0;

        for (; n < max && match->p < match->end && is_digit(*match->p); match->p++, n++)
                number = number * 10 + (*match->p - '0');
        *ret_number = number;
        if (ret_digits)
                *ret_digits = n;
        return n > 0;
}

static bool take_between(Match *match, int digits, bool padded, int min, int max, int64_t *ret_number)
{
        if (padded && match->p < match->end && *match->p == ' ') {
                match->p++;
                digits--;
        }
        return take_number(match, digits, ret_number, NULL) && *ret_number >= min && *ret_number <= max;
}

static bool take_int(Match *match, int digits, bool padded, int min, int max, int *ret_number)
{
        int64_t number;

        if (!take_between(match, digits, padded, min, max, &number))
                return false;
        *ret_number = (int) number;
        return true;
}

/* One of `names`, whole or its first three letters. */
static bool take_name(Match *match, const char *const names[], int n, int *ret_index)
{
        if (match->end - match->p < 3)
                return false;
        for (int i = 0; i < n; i++) {
                size_t length = strlen(names[i]);

                if (strncasecmp(match->p, names[i], 3) != 0)
                        continue;
                if ((size_t) (match->end - match->p) < length || strncasecmp(match->p, names[i], length) != 0)
                        length = 3;
                match->p += length;
                *ret_index = i;
                return true;
        }
        return false;
}

static bool take_month_name(Match *match)
{
        static const char *const names[] = { "January", "February", "March",     "April",   "May",      "June",
                                             "July",    "August",   "September", "October", "November", "December" };

        return take_name(match, names, 12, &match->parts.month);
}

static bool take_weekday(Match *match)
{
        static const char *const names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };
        int ignored;

        return take_name(match, names, 7, &ignored);
}

static bool take_year(Match *match, bool is_short)
{
        int64_t year;
        int digits;

        if (!take_number(match, is_short ? 2 : 4, &year, &digits) || digits != (is_short ? 2 : 4))
                return false;
        match->parts.year = (int) year + (is_short ? year < 69 ? 2000 : 1900 : 0);
        return true;
}

static bool take_seconds(Match *match, int64_t unit, int max, bool padded)
{
        int64_t number;

        if (!take_between(match, 2, padded, 0, max, &number))
                return false;
        match->parts.seconds += number * unit;
        return true;
}

static bool take_half(Match *match)
{
        if (match->end - match->p < 2 || (match->p[1] != 'm' && match->p[1] != 'M') || !memchr("aApP", match->p[0], 4))
                return false;
        match->afternoon = match->p[0] == 'p' || match->p[0] == 'P';
        match->p += 2;
        return true;
}

static bool take_fraction(Match *match)
{
        int64_t number;
        int digits;

        if (!take_number(match, 9, &number, &digits))
                return false;
        for (; digits < 6; digits++)
                number *= 10;
        for (; digits > 6; digits--)
                number /= 10;
        match->parts.usec = number;
        return true;
}

/* "Z", "+02", "+0200", "+02:00" */
static bool take_offset(Match *match)
{
        int64_t hours, minutes = 0;
        int digits;

        match->parts.zoned = true;
        match->parts.offset = 0;
        if (match->p == match->end)
                return false;
        char sign = *match->p++;
        if (sign == 'Z')
                return true;
        if ((sign != '+' && sign != '-') || !take_number(match, 2, &hours, &digits) || digits != 2 || hours > 23)
                return false;
        bool colon = match->end - match->p > 1 && *match->p == ':' && is_digit(match->p[1]);
        match->p += colon;
        if (take_number(match, 2, &minutes, &digits) && (digits != 2 || minutes > 59))
                return false;
        match->parts.offset = (sign == '-' ? -1 : 1) * (hours * DATE_HOUR + minutes * 60);
        return true;
}

/* Whose zone "IST" is nobody can say; a name but for these is read over. */
static bool take_zone_name(Match *match)
{
        const char *start = match->p;

        while (match->p < match->end && is_letter(*match->p) && match->p - start <= ZONE_NAME_MAX)
                match->p++;
        size_t n = (size_t) (match->p - start);
        if ((n == 3 && (memcmp(start, "UTC", 3) == 0 || memcmp(start, "GMT", 3) == 0)) || (n == 1 && *start == 'Z'))
                match->parts.zoned = true;
        return n > 0 && n <= ZONE_NAME_MAX;
}

static bool take_epoch(Match *match)
{
        match->parts.absolute = true;
        return take_number(match, 12, &match->parts.seconds, NULL) && match->parts.seconds <= DATE_EPOCH_MAX;
}

static bool take_blanks(Match *match)
{
        const char *start = match->p;

        while (match->p < match->end && (*match->p == ' ' || *match->p == '\t') && match->p - start < BLANKS_MAX)
                match->p++;
        return match->p > start;
}

static bool take_step(Match *match, Step step)
{
        switch ((StepKind) step.kind) {
        case STEP_BYTE: return match->p < match->end && *match->p++ == step.byte;
        case STEP_BLANKS: return take_blanks(match);
        case STEP_YEAR: return take_year(match, false);
        case STEP_SHORT_YEAR: return take_year(match, true);
        case STEP_MONTH: return take_int(match, 2, false, 1, 12, &match->parts.month) && match->parts.month-- > 0;
        case STEP_MONTH_NAME: return take_month_name(match);
        case STEP_DAY: return take_int(match, 2, true, 1, 31, &match->parts.day);
        case STEP_DAY_OF_YEAR: return take_int(match, 3, false, 1, 366, &match->day_of_year);
        case STEP_WEEKDAY: return take_weekday(match);
        case STEP_HOUR: return take_seconds(match, DATE_HOUR, 23, true);
        case STEP_HALF_HOUR: return take_int(match, 2, true, 1, 12, &match->half_hour);
        case STEP_HALF: return take_half(match);
        case STEP_MINUTE: return take_seconds(match, 60, 59, false);
        case STEP_SECOND: return take_seconds(match, 1, 60, false); /* a leap second is the first of the next minute */
        case STEP_FRACTION: return take_fraction(match);
        case STEP_OFFSET: return take_offset(match);
        case STEP_ZONE_NAME: return take_zone_name(match);
        case STEP_EPOCH: return take_epoch(match);
        }
        return false;
}

/* The day of the year as month and day. */
static bool resolve_day(Match *match)
{
        int month = 11;

        while (days_before[month] + (month > 1 && is_leap(match->parts.year)) >= match->day_of_year)
                month--;
        match->parts.month = month;
        match->parts.day = match->day_of_year - days_before[month] - (month > 1 && is_leap(match->parts.year));
        return true;
}

static bool resolve(Match *match)
{
        DateParts *parts = &match->parts;

        if (match->half_hour > 0)
                parts->seconds += (match->half_hour % 12 + (match->afternoon ? 12 : 0)) * DATE_HOUR;
        if (match->day_of_year > 0)
                resolve_day(match);
        /* Whether there is a February 29 in a year that is not written is for the reader to say. */
        return parts->absolute || date_exists(parts->year < 0 ? 2000 : parts->year, parts->month, parts->day);
}

/* Behind the stamp stands the bracket's end, a blank or nothing; or what the format's own last byte asks for. */
static bool ends_well(const Format *format, Match *match, bool bracket)
{
        unsigned last = format->steps[format->n - 1].kind;

        if (bracket) {
                if (match->p == match->end || *match->p != ']')
                        return false;
                match->p++;
        } else if (last == STEP_BYTE || last == STEP_BLANKS) {
                return true;
        }
        return match->p == match->end || *match->p == ' ' || *match->p == '\t';
}

static size_t match_format(const Format *format, const char *text, size_t size, bool bracket, DateParts *ret_parts)
{
        Match match = { .p = text + bracket, .end = text + size, .parts = { .year = -1 } };

        for (size_t i = 0; i < format->n; i++)
                if (!take_step(&match, format->steps[i]))
                        return 0;
        if (!resolve(&match) || !ends_well(format, &match, bracket))
                return 0;
        *ret_parts = match.parts;
        return (size_t) (match.p - text);
}

/**
 * date_formats_match() - read a date at the beginning of a text, or of what a bracket there encloses
 * @ret_parts:  untouched if there is none
 *
 * The first format that fits is taken. Behind the date stands a blank or nothing, unless its format ends in a byte of its
 * own or a bracket is closed.
 *
 * Return: the number of its bytes, brackets among them; 0 if there is none.
 */
size_t date_formats_match(const DateFormats *dates, const char *text, size_t size, DateParts *ret_parts)
{
        size_t taken = 0;

        for (size_t i = 0; i < dates->n && taken == 0; i++) {
                taken = match_format(&dates->formats[i], text, size, false, ret_parts);
                if (taken == 0 && size > 0 && text[0] == '[')
                        taken = match_format(&dates->formats[i], text, size, true, ret_parts);
        }
        return taken;
}
