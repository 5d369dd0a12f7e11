/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The calendar, and dates by strptime directives: what is taken, what is refused and in which words. */

#include <errno.h>
#include <time.h>

#include "test.h"
#include "util/date.h"

/* ---- the calendar ---- */

static void test_calendar(void)
{
        int64_t days = date_days(1, 0, 1);

        check_int(date_days(1970, 0, 1), 0);
        check_int(date_days(2000, 1, 29), 11016);
        for (int year = 1; year <= DATE_YEAR_MAX; year++)
                for (int month = 0; month < 12; month++)
                        for (int day = 1; day <= 31 && date_exists(year, month, day); day++, days++)
                                if (date_days(year, month, day) != days || date_year(days) != year) {
                                        check_int(date_days(year, month, day), days);
                                        check_int(date_year(days), year);
                                }
        check_int(days, date_days(9999, 11, 31) + 1);
        check_int(date_year(days), 10000);
        check_int(date_year(INT64_MAX), 10000);
        check_int(date_year(date_days(1, 0, 1) - 1), 0);
        check_int(date_year(INT64_MIN), 0);
        check(!date_exists(2026, 1, 29) && date_exists(2028, 1, 29) && !date_exists(2100, 1, 29) && date_exists(2000, 1, 29));
        check(!date_exists(2026, 12, 1) && !date_exists(2026, -1, 1) && !date_exists(2026, 0, 0) && !date_exists(2026, 3, 31));
}

/* ---- refused ---- */

static void test_refused(void)
{
        static const struct {
                const char *format, *words;
        } cases[] = {
                { "", "without directives" },
                { "%Y-%m-%d %Q", "%Q at column 10 is no directive that is known; known are %a %A" },
                { "%", "the % at column 1 stands alone" },
                { "%Y %", "the % at column 4 stands alone" },
                { "%Y%m%d %H%M%S %c", "%c at column 15 is no directive" },
                { "%Ey", "%E at column 1 is no directive" },
                { "%Y%m%d%\xc3\xa4", "no directive follows the % at column 7" },
                { "%H:%M:%S", "it tells no month" },
                { "%d %H:%M:%S", "it tells no month" },
                { "%b %H:%M:%S", "it tells no day" },
                { "%Y %j %b %T", "%j tells the day" },
                { "%j %T", "%j needs the year" },
                { "%Y-%m-%d", "it tells no time of the day" },
                { "%F %H", "it tells no time of the day" },
                { "%F %M:%S", "it tells no time of the day" },
                { "%F %I:%M:%S", "%I and %p go together" },
                { "%F %M:%S %p", "%I and %p go together" },
                { "%F %H:%M:%S %p", "%H counts to 23" },
                { "%F %H:%M %f", "%f is a fraction of %S" },
                { "%F %T %T", "at column 7 the hour is given a second time" },
                { "%F %y %T", "at column 4 the year is given a second time" },
                { "%b %d %m %T", "at column 7 the month is given a second time" },
                { "%s %Y", "%s is the whole time" },
                { "%s %z", "%s is the whole time" },
        };
        char large[DATE_FORMAT_SIZE + 2];
        DateFormats *dates = NULL;
        Problem problem;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                printf("%s\n", cases[i].format);
                check_int(date_formats_compile((const char *const[]){ "%s", cases[i].format, NULL }, &dates, &problem), -EINVAL);
                check_contains(problem.text, cases[i].words);
        }
        memset(large, 'x', sizeof large);
        large[sizeof large - 1] = '\0';
        check_int(date_formats_compile((const char *const[]){ large, NULL }, &dates, &problem), -EINVAL);
        check_contains(problem.text, "too long");
        const char *many[DATE_FORMATS_MAX + 2] = { NULL };
        for (size_t i = 0; i <= DATE_FORMATS_MAX; i++)
                many[i] = "%s";
        check_int(date_formats_compile(many, &dates, &problem), -EINVAL);
        check(!dates);
        many[DATE_FORMATS_MAX] = NULL;
        check_int(date_formats_compile(many, &dates, &problem), 0);
        dates = date_formats_free(dates);
        /* The longest that may be, whatever it is short for. */
        for (size_t i = 0; i + 1 < DATE_FORMAT_SIZE; i += 2)
                memcpy(large + i, "%%", 2);
        memcpy(large + DATE_FORMAT_SIZE - 5, "%F %T", 5);
        large[DATE_FORMAT_SIZE - 6] = 'x';
        large[DATE_FORMAT_SIZE] = '\0';
        check_int(date_formats_compile((const char *const[]){ large, NULL }, &dates, &problem), 0);
        date_formats_free(dates);
}

/* ---- taken ---- */

/* The text between angle brackets is what the date takes; without one it is none. In UTC, "" if it is none. */
static const struct {
        const char *format, *text;
        size_t taken;
        int year, month, day;
        int64_t seconds, usec, offset;
        bool zoned;
} matches[] = {
        { "%d.%m.%Y %H:%M:%S", "24.11.2026 00:05:16 x", 19, 2026, 11, 24, 316, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "24.11.2026 00:05:16", 19, 2026, 11, 24, 316, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "[24.11.2026 00:05:16] x", 21, 2026, 11, 24, 316, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "4.1.2026    0:05:16\tx", 19, 2026, 1, 4, 316, 0, 0, false },
        { "%e.%m.%Y %k:%M:%S", " 4.11.2026  9:05:16 x", 19, 2026, 11, 4, 32716, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "24.11.2026 00:05:16: x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S:", "24.11.2026 00:05:16: x", 20, 2026, 11, 24, 316, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S|", "24.11.2026 00:05:16|x", 20, 2026, 11, 24, 316, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "24.11.2026 00:05:161 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "24.11.2026 00:05:16.5 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%d.%m.%Y %H:%M:%S", "[24.11.2026 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "[%d.%m.%Y %T]", "[24.11.2026 00:05:16] x", 21, 2026, 11, 24, 316, 0, 0, false },
        { "%Y%m%d%H%M%S", "20261124000516 x", 14, 2026, 11, 24, 316, 0, 0, false },
        { "%Y%m%d-%H%M%S.%f", "20261124-000516.25 x", 18, 2026, 11, 24, 316, 250000, 0, false },
        { "%F %T.%f", "2026-11-24 00:05:16.123456789 x", 29, 2026, 11, 24, 316, 123456, 0, false },
        { "%F %T.%f", "2026-11-24 00:05:16.1234567890 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T.%f", "2026-11-24 00:05:16. x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%D %R", "11/24/26 00:05 x", 14, 2026, 11, 24, 300, 0, 0, false },
        { "%m/%d/%y %T", "11/24/69 00:05:16", 17, 1969, 11, 24, 316, 0, 0, false },
        { "%m/%d/%y %T", "11/24/68 00:05:16", 17, 2068, 11, 24, 316, 0, 0, false },
        { "%A, %d. %B %Y %T", "Tuesday, 24. November 2026 00:05:16 x", 35, 2026, 11, 24, 316, 0, 0, false },
        { "%A, %d. %B %Y %T", "tue, 24. nov 2026 00:05:16 x", 26, 2026, 11, 24, 316, 0, 0, false },
        { "%a %h %d %T", "SUN MAY 3 00:05:16 x", 18, -1, 5, 3, 316, 0, 0, false },
        { "%a %h %d %T", "Sol May 3 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%b %d %I:%M:%S %p", "Nov 24 12:05:16 AM x", 18, -1, 11, 24, 316, 0, 0, false },
        { "%b %d %I:%M:%S %p", "Nov 24 12:05:16 pm x", 18, -1, 11, 24, 43516, 0, 0, false },
        { "%p %l:%M:%S %b %d", "PM  1:05:16 Nov 24 x", 18, -1, 11, 24, 47116, 0, 0, false },
        { "%b %d %I:%M:%S %p", "Nov 24 13:05:16 PM x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%b %d %I:%M:%S %p", "Nov 24 00:05:16 PM x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%b %d %I:%M:%S %p", "Nov 24 01:05:16 XM x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T%z", "2026-11-24 00:05:16+0130 x", 24, 2026, 11, 24, 316, 0, 5400, true },
        { "%F %T %z", "2026-11-24 00:05:16 -01:30 x", 26, 2026, 11, 24, 316, 0, -5400, true },
        { "%F %T %z", "2026-11-24 00:05:16 +02 x", 23, 2026, 11, 24, 316, 0, 7200, true },
        { "%F %T%z", "2026-11-24 00:05:16Z x", 20, 2026, 11, 24, 316, 0, 0, true },
        { "%F %T %z", "2026-11-24 00:05:16 +2 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T %z", "2026-11-24 00:05:16 +2400 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T %z", "2026-11-24 00:05:16 +0160 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T %Z", "2026-11-24 00:05:16 CET x", 23, 2026, 11, 24, 316, 0, 0, false },
        { "%F %T %Z", "2026-11-24 00:05:16 UTC x", 23, 2026, 11, 24, 316, 0, 0, true },
        { "%F %T %Z", "2026-11-24 00:05:16 Z", 21, 2026, 11, 24, 316, 0, 0, true },
        { "%F %T %z (%Z)", "2026-11-24 00:05:16 +0100 (CET) x", 31, 2026, 11, 24, 316, 0, 3600, true },
        { "%F %T %Z", "2026-11-24 00:05:16 ABCDEFGHI x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%Y.%j %T", "2026.328 00:05:16 x", 17, 2026, 11, 24, 316, 0, 0, false },
        { "%Y.%j %T", "2028.060 00:05:16 x", 17, 2028, 2, 29, 316, 0, 0, false },
        { "%Y.%j %T", "2028.366 00:05:16 x", 17, 2028, 12, 31, 316, 0, 0, false },
        { "%Y.%j %T", "2026.366 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%Y.%j %T", "2026.367 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%Y.%j %T", "2026.1 00:05:16 x", 15, 2026, 1, 1, 316, 0, 0, false },
        { "%b %d %T", "Feb 29 00:05:16 x", 15, -1, 2, 29, 316, 0, 0, false },
        { "%b %d %T", "Feb 30 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-02-29 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-13-01 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-00-01 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-11-00 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-11-24 24:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-11-24 00:60:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-11-24 00:05:61 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "2026-11-24 00:05:60 x", 19, 2026, 11, 24, 360, 0, 0, false },
        { "%F %T", "202-11-24 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", " 2026-11-24 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "x 2026-11-24 00:05:16 x", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F%n%T", "2026-11-24 \t 00:05:16 x", 21, 2026, 11, 24, 316, 0, 0, false },
        { "100%% %F %T", "100% 2026-11-24 00:05:16 x", 24, 2026, 11, 24, 316, 0, 0, false },
        { "%F %T", "", 0, 0, 0, 0, 0, 0, 0, false },
        { "%F %T", "[", 0, 0, 0, 0, 0, 0, 0, false },
};

static size_t match(const char *format, const char *text, size_t size, DateParts *ret_parts)
{
        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        char *copy = malloc(size ? size : 1); /* so that a sanitizer sees a read behind it */
        Problem problem = { "" };

        check(copy);
        memcpy(copy, text, size);
        if (date_formats_compile((const char *const[]){ format, NULL }, &dates, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(dates);
        size_t taken = date_formats_match(dates, copy, size, ret_parts);
        check(taken <= size);
        free(copy);
        return taken;
}

static void test_matches(void)
{
        for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
                DateParts parts = { .year = 4711 };
                const char *text = matches[i].text;

                printf("%s: %s\n", matches[i].format, text);
                fflush(stdout);
                check_int(match(matches[i].format, text, strlen(text), &parts), matches[i].taken);
                if (matches[i].taken == 0) {
                        check_int(parts.year, 4711);
                        continue;
                }
                check_int(parts.year, matches[i].year);
                check_int(parts.month, matches[i].month - 1);
                check_int(parts.day, matches[i].day);
                check_int(parts.seconds, matches[i].seconds);
                check_int(parts.usec, matches[i].usec);
                check_int(parts.offset, matches[i].offset);
                check_int(parts.zoned, matches[i].zoned);
                check(!parts.absolute);
                /* Cut anywhere before its end, it is another date or none; no byte behind the cut is read. */
                for (size_t n = 0; n < matches[i].taken; n++)
                        (void) match(matches[i].format, text, n, &parts);
        }
        DateParts parts;
        check_int(match("%s", "1795478716 x", 12, &parts), 10);
        check(parts.absolute && parts.seconds == 1795478716);
        check_int(match("%s.%f", "1795478716.5", 12, &parts), 12);
        check(parts.usec == 500000);
        check_int(match("%s", "253402300799", 12, &parts), 12);
        check_int(match("%s", "253402300800", 12, &parts), 0);
        check_int(match("%s", "1234567890123", 13, &parts), 0);
        /* The first that fits. */
        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        check_int(date_formats_compile((const char *const[]){ "%d.%m.%Y %T", "%m/%d/%Y %T", "%d/%m/%Y %T", NULL }, &dates, NULL),
                  0);
        check_int(date_formats_match(dates, "02/03/2026 00:00:00", 19, &parts), 19);
        check(parts.month == 1 && parts.day == 3);
        check_int(date_formats_match(dates, "13/03/2026 00:00:00", 19, &parts), 19);
        check(parts.month == 2 && parts.day == 13);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* What strftime() writes is read, each hour of some years. */
static void test_round_trip(void)
{
        static const char *const formats[] = {
                "%Y-%m-%d %H:%M:%S",      "%d/%b/%y:%T", "%A %e %B %Y, %I.%M.%S %p", "%Y/%j %T", "%D %T", "%s",
                "%a %h %d %k:%M:%S %Y %z"
        };

        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
                _cleanup_(date_formats_freep) DateFormats *dates = NULL;

                check_int(date_formats_compile((const char *const[]){ formats[i], NULL }, &dates, NULL), 0);
                for (int64_t seconds = 1700000000; seconds < 1900000000; seconds += 3701) {
                        time_t time = seconds;
                        char text[80];
                        DateParts parts;
                        struct tm tm;

                        gmtime_r(&time, &tm);
                        size_t n = strftime(text, sizeof text, formats[i], &tm);
                        check_int(date_formats_match(dates, text, n, &parts), n);
                        check_int(parts.absolute ? parts.seconds
                                                 : date_days(parts.year, parts.month, parts.day) * DATE_DAY + parts.seconds,
                                  seconds);
                }
        }
}

int main(void)
{
        setenv("TZ", "UTC", 1);
        tzset();
        test_calendar();
        test_refused();
        test_matches();
        test_round_trip();
        return EXIT_SUCCESS;
}
