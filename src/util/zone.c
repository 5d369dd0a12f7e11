/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A time zone is a list of moments at which its offset changes, read whole when it is loaded: nothing is opened while
 * lines are read, libc's own zone is left alone, and several zones live beside each other.
 *
 * The list comes from a TZif file (RFC 8536). What lies behind its last change follows the rule in the file's footer, which
 * is written as POSIX has TZ; its changes are put down for 400 years, after which the calendar repeats itself to the day of
 * the week, and so do they. A rule, or an offset alone, can also be a zone's name. A file that does not agree with itself is
 * refused whole.
 *
 * From local time to UTC: a time that the clock skipped in spring is taken as if the clock had not been changed yet. Of a
 * time that comes twice in autumn it is the later one that is not ahead of the moment of reading: right for every line that
 * is read as it is written. Lines of the same months come together, and there the offset is one; so a zone keeps the span of
 * local times that have the offset of its latest answer and no other. The span makes a zone one thread's own.
 *
 * The host's zone is what libc takes: TZ, or /etc/localtime. It is kept until somebody says that it may have changed.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "util/zone.h"
#include "util/date.h"
#include "util/text.h"

#define ZONE_NAME_SIZE 128
#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define HOST_FILE "/etc/localtime"
#define YEARS 400                               /* after which the calendar repeats itself */
#define PERIOD (INT64_C(146097) * DATE_DAY)     /* ... in seconds */
#define OFFSET_MAX (DATE_DAY - 1)               /* none ever was more than 16 hours */
#define CLEAR (4 * DATE_DAY)                    /* changes so far apart do not touch each other's local times */
#define AHEAD 60                                /* seconds that the later of two equal times may be ahead of now */
#define MOMENT_MAX (INT64_C(1) << 59)           /* files hold moments before the sun; none counts */
#define CHANGES_MAX 8000
#define BEGIN_YEAR 1900                         /* of rules without a file */

typedef struct Change {
        int64_t at;             /* UTC */
        int32_t offset;         /* from then on, east is positive */
} Change;

typedef struct Span {
        int64_t from, until;    /* local times; empty: nothing kept yet */
        int64_t offset;
} Span;

struct Zone {
        Change *changes;        /* the first is for all that lies before */
        size_t n;
        int64_t repeats;        /* from here on it is as it was PERIOD earlier */
        Span *span;
};

/* ---- asking ---- */

/* The change that holds at a moment. */
static size_t zone_find(const Zone *zone, int64_t seconds)
{
        size_t low = 0, high = zone->n;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (zone->changes[middle].at <= seconds)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

/**
 * zone_offset() - the offset of a zone at a moment, in seconds; east is positive
 * @seconds:    since 1970
 */
int64_t zone_offset(const Zone *zone, int64_t seconds)
{
        if (seconds >= zone->repeats)
                seconds -= ((seconds - zone->repeats) / PERIOD + 1) * PERIOD;
        return zone->changes[zone_find(zone, seconds)].offset;
}

/*
 * The offsets a day earlier and a day later tell whether the clock is changed nearby; then each is tried.
 */
static int64_t zone_offset_near(const Zone *zone, int64_t civil, int64_t now)
{
        int64_t before = zone_offset(zone, civil - DATE_DAY), after = zone_offset(zone, civil + DATE_DAY);

        if (before == after)
                return before;
        bool early = zone_offset(zone, civil - before) == before, late = zone_offset(zone, civil - after) == after;
        if (early && late)
                return civil - after <= now + AHEAD ? after : before;
        return late ? after : before;
}

/* Are two changes, or a change and the end of all that was put down, near each other? */
static bool zone_is_close(const Zone *zone, size_t i)
{
        return i > 0 && i + 1 < zone->n && zone->changes[i + 1].at - zone->changes[i].at < CLEAR;
}

/* The local times that one offset has alone; empty where changes crowd. */
static Span zone_span(const Zone *zone, size_t i)
{
        const Change *change = &zone->changes[i];
        Span span = { -MOMENT_MAX, zone->repeats == INT64_MAX ? INT64_MAX : zone->repeats - CLEAR, change->offset };

        if (zone_is_close(zone, i) || zone_is_close(zone, i + 1) || (i > 0 && zone_is_close(zone, i - 1)))
                return (Span){ 0, 0, 0 };
        if (i > 0)
                span.from = change->at + (change[-1].offset > change->offset ? change[-1].offset : change->offset);
        if (i + 1 < zone->n)
                span.until = change[1].at + (change[1].offset < change->offset ? change[1].offset : change->offset);
        return span;
}

/* Keeps the span around a local time, if it is not one that the clock skips or has twice. */
static void zone_keep(const Zone *zone, int64_t civil)
{
        size_t near = zone_find(zone, civil);

        for (size_t i = near > 0 ? near - 1 : 0; i <= near + 1 && i < zone->n; i++) {
                Span span = zone_span(zone, i);

                if (civil >= span.from && civil < span.until)
                        *zone->span = span;
        }
}

/**
 * zone_to_utc() - which moment a local time is
 * @civil:      seconds from 1970 to it, if it were UTC; of the years 0 to 9999
 * @now:        the moment of reading; see the top of this file
 *
 * Return: seconds since 1970.
 */
int64_t zone_to_utc(const Zone *zone, int64_t civil, int64_t now)
{
        if (civil >= zone->span->from && civil < zone->span->until)
                return civil - zone->span->offset;
        zone_keep(zone, civil);
        return civil - zone_offset_near(zone, civil, now);
}

/* ---- making ---- */

static Zone *zone_new(size_t max_changes)
{
        Zone *zone = calloc(1, sizeof *zone);

        if (!zone)
                return NULL;
        zone->changes = calloc(max_changes + 1, sizeof *zone->changes);
        zone->span = calloc(1, sizeof *zone->span);
        zone->repeats = INT64_MAX;
        if (!zone->changes || !zone->span)
                return zone_free(zone);
        zone->changes[0].at = -MOMENT_MAX;
        zone->n = 1;
        return zone;
}

/**
 * zone_free() - free a zone
 *
 * Return: NULL.
 */
Zone *zone_free(Zone *zone)
{
        if (!zone)
                return NULL;
        free(zone->changes);
        free(zone->span);
        free(zone);
        return NULL;
}

/* One that changes nothing is left out. There must be room. */
static void zone_add(Zone *zone, int64_t at, int64_t offset)
{
        if (zone->changes[zone->n - 1].offset != offset)
                zone->changes[zone->n++] = (Change){ at, (int32_t) offset };
}

/* ---- rules, as POSIX has TZ: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

typedef enum DayKind {
        DAY_OF_YEAR,            /* from 0, February 29 counts */
        DAY_WITHOUT_LEAP,       /* from 1, it does not */
        DAY_OF_WEEK,
} DayKind;

typedef struct RuleDay {
        DayKind kind;
        int day;                /* of year or week */
        int month, week;        /* month from 0; week 5 is the last */
        int64_t time;           /* in that day, by the clock until then */
} RuleDay;

typedef struct Rule {
        int64_t standard, summer;
        bool has_summer;
        RuleDay start, end;     /* of summer time */
} Rule;

typedef struct Text {
        const char *p, *end;
} Text;

static bool text_char(Text *text, char c)
{
        if (text->p == text->end || *text->p != c)
                return false;
        text->p++;
        return true;
}

static bool text_next_is(const Text *text, const char *set)
{
        return text->p < text->end && *text->p && strchr(set, *text->p);
}

static bool text_number(Text *text, int max, int *ret_number)
{
        int number = 0, n = 0;

        for (; text_next_is(text, "0123456789") && n < 3; text->p++, n++)
                number = number * 10 + (*text->p - '0');
        *ret_number = number;
        return n > 0 && number <= max;
}

static bool text_two_digits(Text *text, int *ret_number)
{
        const char *p = text->p;

        if (text->end - p < 2 || p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
                return false;
        *ret_number = (p[0] - '0') * 10 + (p[1] - '0');
        text->p += 2;
        return true;
}

/* "[+-]hh[:mm[:ss]]" */
static bool text_time(Text *text, int max_hours, int64_t *ret_seconds)
{
        bool negative = text_char(text, '-');
        int hours, minutes = 0, seconds = 0;

        if (!negative)
                (void) text_char(text, '+');
        if (!text_number(text, max_hours, &hours))
                return false;
        if (text_char(text, ':') &&
            (!text_number(text, 59, &minutes) || (text_char(text, ':') && !text_number(text, 59, &seconds))))
                return false;
        *ret_seconds = (negative ? -1 : 1) * (hours * DATE_HOUR + minutes * 60 + seconds);
        return true;
}

/* "CET", "<+0330>" */
static bool text_abbreviation(Text *text)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        const char *start = text->p;
        bool quoted = text_char(text, '<');

        while (text_next_is(text, letters) || (quoted && text_next_is(text, "+-0123456789")))
                text->p++;
        return text->p - start >= 3 && (!quoted || text_char(text, '>'));
}

static bool text_offset(Text *text, int64_t *ret_offset)
{
        if (!text_time(text, 24, ret_offset))
                return false;
        *ret_offset = -*ret_offset; /* POSIX counts to the west */
        return *ret_offset >= -OFFSET_MAX && *ret_offset <= OFFSET_MAX;
}

static bool text_day(Text *text, RuleDay *ret_day)
{
        RuleDay day = { .kind = DAY_OF_YEAR, .time = 2 * DATE_HOUR };

        if (text_char(text, 'M')) {
                day.kind = DAY_OF_WEEK;
                if (!text_number(text, 12, &day.month) || day.month-- == 0 || !text_char(text, '.') ||
                    !text_number(text, 5, &day.week) || day.week == 0 || !text_char(text, '.') || !text_number(text, 6, &day.day))
                        return false;
        } else {
                day.kind = text_char(text, 'J') ? DAY_WITHOUT_LEAP : DAY_OF_YEAR;
                if (!text_number(text, 365, &day.day) || (day.kind == DAY_WITHOUT_LEAP && day.day == 0))
                        return false;
        }
        if (text_char(text, '/') && !text_time(text, 167, &day.time))
                return false;
        *ret_day = day;
        return true;
}

/* Without days it is the rule of the United States, as libc has it. */
static bool text_days(Text *text, Rule *rule)
{
        static const char otherwise[] = "M3.2.0,M11.1.0";
        Text days = { otherwise, otherwise + sizeof otherwise - 1 };

        if (text->p < text->end) {
                if (!text_char(text, ','))
                        return false;
                days = *text;
                text->p = text->end;
        }
        return text_day(&days, &rule->start) && text_char(&days, ',') && text_day(&days, &rule->end) && days.p == days.end;
}

static bool rule_parse(const char *p, size_t size, Rule *ret_rule)
{
        Text text = { p, p + size };
        Rule rule = { .has_summer = false };

        if (!text_abbreviation(&text) || !text_offset(&text, &rule.standard))
                return false;
        if (text.p < text.end) {
                rule.has_summer = true;
                rule.summer = rule.standard + DATE_HOUR;
                if (!text_abbreviation(&text) || (text_next_is(&text, "+-0123456789") && !text_offset(&text, &rule.summer)) ||
                    !text_days(&text, &rule))
                        return false;
        }
        *ret_rule = rule;
        return rule.summer <= OFFSET_MAX;
}

/* The moment of a change in a year, by the clock that went until then. */
static int64_t rule_moment(const RuleDay *day, int year, int64_t offset)
{
        int64_t days = date_days(year, 0, 1);

        if (day->kind == DAY_OF_YEAR) {
                days += day->day;
        } else if (day->kind == DAY_WITHOUT_LEAP) {
                days += day->day - 1 + (day->day > 59 && date_exists(year, 1, 29));
        } else {
                int64_t first = date_days(year, day->month, 1);
                /* 1970 began on a Thursday; the years here lie behind year 0, which lies less than 10^7 days before. */
                int weekday = (int) ((first + 4 + INT64_C(7) * 10000000) % 7),
                    wanted = 1 + (day->day - weekday + 7) % 7 + 7 * (day->week - 1);

                while (!date_exists(year, day->month, wanted))
                        wanted -= 7;
                days = first + wanted - 1;
        }
        return days * DATE_DAY + day->time - offset;
}

static int compare_changes(const void *a, const void *b)
{
        const Change *x = a, *y = b;

        return x->at < y->at ? -1 : x->at > y->at;
}

/*
 * Puts down what a rule changes behind a moment. Of two changes at one moment the one to summer stays: the rule of a place
 * where it is always summer ends it when it begins.
 */
static int zone_extend(Zone *zone, const Rule *rule, int64_t after)
{
        int first = date_year(after / DATE_DAY - 1) - 1;
        size_t n = 0;

        if (!rule->has_summer || first < 1 || first > DATE_YEAR_MAX - YEARS)
                return 0;
        _cleanup_free_ Change *changes = calloc(2 * (YEARS + 4), sizeof *changes);
        if (!changes)
                return -ENOMEM;
        for (int year = first; year < first + YEARS + 4; year++) {
                changes[n++] = (Change){ rule_moment(&rule->start, year, rule->standard), (int32_t) rule->summer };
                changes[n++] = (Change){ rule_moment(&rule->end, year, rule->summer), (int32_t) rule->standard };
        }
        qsort(changes, n, sizeof *changes, compare_changes);
        for (size_t i = 0; i < n; i++) {
                bool double_before = i > 0 && changes[i - 1].at == changes[i].at,
                     double_behind = i + 1 < n && changes[i + 1].at == changes[i].at;

                if ((double_before || double_behind) && changes[i].offset != rule->summer)
                        continue;
                if (changes[i].at > after)
                        zone_add(zone, changes[i].at, changes[i].offset);
                else if (zone->n == 1 && zone->changes[0].at == -MOMENT_MAX && after == date_days(BEGIN_YEAR, 0, 1) * DATE_DAY)
                        zone->changes[0].offset = changes[i].offset;
        }
        /* In the last years that were put down a rule that reaches over New Year is not whole. */
        zone->repeats = date_days(first + YEARS + 2, 0, 1) * DATE_DAY;
        return 0;
}

#define RULE_CHANGES (2 * (YEARS + 4))

static int zone_from_rule(const Rule *rule, Zone **ret_zone)
{
        _cleanup_(zone_freep) Zone *zone = zone_new(RULE_CHANGES);

        if (!zone)
                return -ENOMEM;
        zone->changes[0].offset = (int32_t) rule->standard;
        int r = zone_extend(zone, rule, date_days(BEGIN_YEAR, 0, 1) * DATE_DAY);
        if (r < 0)
                return r;
        *ret_zone = steal(zone);
        return 0;
}

/* ---- TZif ---- */

#define HEADER_SIZE 44

/* One of a file's blocks, with all counts checked against its size. */
typedef struct Block {
        const unsigned char *data;
        size_t n_times, n_types, size;
        size_t time_size;       /* 4 or 8 bytes */
        bool leaps;
} Block;

static uint32_t read_32(const unsigned char *p)
{
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static int64_t read_time(const unsigned char *p, size_t size)
{
        if (size == 4)
                return (int32_t) read_32(p);
        return (int64_t) ((uint64_t) read_32(p) << 32 | read_32(p + 4));
}

/* @data begins with the header. */
static bool block_read(const unsigned char *data, size_t size, size_t time_size, Block *ret_block)
{
        size_t counts[6], need;

        if (size < HEADER_SIZE || memcmp(data, "TZif", 4) != 0)
                return false;
        for (size_t i = 0; i < 6; i++)
                if ((counts[i] = read_32(data + 20 + 4 * i)) > ZONE_FILE_MAX)
                        return false;
        size_t n_utc = counts[0], n_standard = counts[1], n_leaps = counts[2], n_times = counts[3], n_types = counts[4];
        need = n_times * (time_size + 1) + n_types * 6 + counts[5] + n_leaps * (time_size + 4) + n_standard + n_utc;
        if (n_types > 256 || (n_utc != 0 && n_utc != n_types) || (n_standard != 0 && n_standard != n_types) ||
            need > size - HEADER_SIZE)
                return false;
        *ret_block = (Block){ data + HEADER_SIZE, n_times, n_types, HEADER_SIZE + need, time_size, n_leaps > 0 };
        return true;
}

static bool block_offset(const Block *block, size_t type, int64_t *ret_offset)
{
        const unsigned char *types = block->data + block->n_times * (block->time_size + 1);

        if (type >= block->n_types)
                return false;
        *ret_offset = (int32_t) read_32(types + 6 * type);
        return *ret_offset >= -OFFSET_MAX && *ret_offset <= OFFSET_MAX;
}

static bool block_take(const Block *block, Zone *zone)
{
        int64_t offset, last = INT64_MIN;

        if (!block_offset(block, 0, &offset))
                return false;
        zone->changes[0].offset = (int32_t) offset;
        for (size_t i = 0; i < block->n_times; i++) {
                int64_t at = read_time(block->data + i * block->time_size, block->time_size);

                if ((i > 0 && at <= last) || at >= MOMENT_MAX ||
                    !block_offset(block, block->data[block->n_times * block->time_size + i], &offset))
                        return false;
                last = at;
                if (at <= -MOMENT_MAX)
                        zone->changes[0].offset = (int32_t) offset;
                else
                        zone_add(zone, at, offset);
        }
        return true;
}

/* The rule between two line breaks; there may be none. */
static bool footer_read(const unsigned char *data, size_t size, Rule *ret_rule, bool *ret_has)
{
        const unsigned char *end = size > 1 && data[0] == '\n' ? memchr(data + 1, '\n', size - 1) : NULL;

        if (!end)
                return false;
        *ret_has = end > data + 1;
        return !*ret_has || rule_parse((const char *) data + 1, (size_t) (end - data) - 1, ret_rule);
}

static int zone_is_broken(const char *name, Problem *problem, const char *how)
{
        return problem_set(problem, -EBADMSG, "the file of the time zone %s cannot be used: %s", name, how);
}

/**
 * zone_read() - make a zone from what a TZif file holds
 * @name:       for @problem
 *
 * Return: 0; -EBADMSG if the file is broken, or counts leap seconds; -ENOMEM.
 */
int zone_read(const char *name, const char *data, size_t size, Zone **ret_zone, Problem *problem)
{
        const unsigned char *bytes = (const unsigned char *) data;
        _cleanup_(zone_freep) Zone *zone = NULL;
        bool has_rule = false;
        Rule rule;
        Block block;
        int r = 0;

        if (size > ZONE_FILE_MAX || !block_read(bytes, size, 4, &block))
                return zone_is_broken(name, problem, "it is no TZif file, or breaks off");
        if (bytes[4] >= '2') {
                size_t skip = block.size;

                if (!block_read(bytes + skip, size - skip, 8, &block) || block.size > size - skip)
                        return zone_is_broken(name, problem, "its second part breaks off");
                if (!footer_read(bytes + skip + block.size, size - skip - block.size, &rule, &has_rule))
                        return zone_is_broken(name, problem, "its last line is no rule");
        }
        if (block.leaps)
                return zone_is_broken(name, problem,
                                      "it counts leap seconds, which log files do not; name it without \"right/\"");
        if (block.n_times > CHANGES_MAX)
                return zone_is_broken(name, problem, "it has too many changes");
        zone = zone_new(block.n_times + RULE_CHANGES);
        if (!zone)
                return problem_set(problem, -ENOMEM, "out of memory");
        if (!block_take(&block, zone))
                return zone_is_broken(name, problem, "its changes are not in order, or lead nowhere");
        if (has_rule && block.n_times == 0) {
                zone_free(steal(zone));
                r = zone_from_rule(&rule, &zone);
        } else if (has_rule) {
                int64_t last = read_time(block.data + (block.n_times - 1) * block.time_size, block.time_size);

                r = last > -MOMENT_MAX ? zone_extend(zone, &rule, last) : 0;
        }
        if (r < 0)
                return problem_set(problem, r, "out of memory");
        *ret_zone = steal(zone);
        return 0;
}

/* ---- names ---- */

static const char *zone_directory(void)
{
        const char *directory = getenv("TZDIR");

        return directory && *directory ? directory : ZONE_DIRECTORY;
}

/* "Europe/Berlin", "Etc/GMT+1": parts of letters, digits, + - and _, none of which begins with a dot. */
static bool is_zone_name(const char *name)
{
        static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_.";
        size_t n;

        if (strlen(name) >= ZONE_NAME_SIZE)
                return false;
        for (;; name += n + 1) {
                n = strspn(name, set);
                if (n == 0 || name[0] == '.' || (name[n] != '/' && name[n] != '\0'))
                        return false;
                if (name[n] == '\0')
                        return true;
        }
}

/* "+02:00", "-0330", "+02" */
static bool parse_offset(const char *name, int64_t *ret_offset)
{
        Text text = { name, name + strlen(name) };
        bool west = text_char(&text, '-');
        int hours, minutes = 0;

        if ((!west && !text_char(&text, '+')) || !text_two_digits(&text, &hours))
                return false;
        bool colon = text_char(&text, ':');
        if ((colon || text.p < text.end) && !text_two_digits(&text, &minutes))
                return false;
        *ret_offset = (west ? -1 : 1) * (hours * DATE_HOUR + minutes * 60);
        return text.p == text.end && hours <= 15 && minutes <= 59;
}

static int zone_read_path(const char *name, const char *path, Zone **ret_zone, Problem *problem)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r = text_read_file(path, ZONE_FILE_MAX, &data, &size);

        if (r == -EFBIG || r == -EISDIR || r == -EINVAL)
                return problem_set(problem, -EBADMSG, "%s is no file of a time zone", path);
        if (r < 0)
                return problem_set(problem, r, "the time zone %s cannot be read: %s: %s", name, path, strerror(-r));
        return zone_read(name, data, size, ret_zone, problem);
}

static int no_such_zone(const char *name, Problem *problem)
{
        struct stat st;
        const char *hint = stat(zone_directory(), &st) < 0 ? "; install tzdata" : "";

        return problem_set(problem, -ENOENT,
                           "there is no time zone \"%.80s\" in %.200s: write it as in Europe/Berlin, UTC or +02:00%s", name,
                           zone_directory(), hint);
}

/**
 * zone_load() - load a time zone
 * @name:       a file's below $TZDIR or /usr/share/zoneinfo: "Europe/Berlin"; "UTC" or "Z"; an offset: "+02:00";
 *              a rule as POSIX has TZ: "CET-1CEST,M3.5.0,M10.5.0/3"
 * @ret_zone:   for zone_free(); one thread's own
 * @problem:    what is wrong, and how a zone is written
 *
 * Return: 0; -ENOENT if there is no such zone, -EBADMSG if its file is broken, -errno of reading it, -ENOMEM.
 */
int zone_load(const char *name, Zone **ret_zone, Problem *problem)
{
        char path[512];
        Rule rule = { .has_summer = false };
        Problem why;
        int r = -ENOENT;

        if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 || strcmp(name, "GMT") == 0 ||
            parse_offset(name, &rule.standard)) {
                r = zone_from_rule(&rule, ret_zone);
                return r < 0 ? problem_set(problem, r, "out of memory") : 0;
        }
        if (is_zone_name(name)) {
                if (snprintf(path, sizeof path, "%s/%s", zone_directory(), name) >= (int) sizeof path)
                        return no_such_zone(name, problem);
                r = zone_read_path(name, path, ret_zone, &why);
                if (r < 0 && r != -ENOENT && r != -ENOTDIR)
                        return problem_set(problem, r, "%s", why.text);
                if (r == 0)
                        return 0;
        }
        if (strlen(name) >= ZONE_NAME_SIZE || !rule_parse(name, strlen(name), &rule))
                return no_such_zone(name, problem);
        r = zone_from_rule(&rule, ret_zone);
        return r < 0 ? problem_set(problem, r, "out of memory") : 0;
}

/* ---- the host's ---- */

/* What the host's zone was made of. */
typedef struct HostKey {
        char tz[ZONE_NAME_SIZE];
        bool has_tz;
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
} HostKey;

static _Thread_local struct {
        HostKey key;
        Zone *zone;             /* NULL: UTC */
        bool known;
} host;

/* The file that TZ names, or NULL. */
static const char *host_path(const HostKey *key, char buffer[static 512])
{
        const char *name = key->tz + (key->tz[0] == ':');

        if (!key->has_tz)
                return HOST_FILE;
        if (*name == '/')
                return name;
        if (!is_zone_name(name) || snprintf(buffer, 512, "%s/%s", zone_directory(), name) >= 512)
                return NULL;
        return buffer;
}

static HostKey host_key(void)
{
        const char *tz = getenv("TZ");
        char buffer[512];
        struct stat st;
        HostKey key;

        memset(&key, 0, sizeof key); /* padding too, for memcmp() */
        if (tz && strlen(tz) < sizeof key.tz) {
                key.has_tz = true;
                memcpy(key.tz, tz, strlen(tz));
        }
        const char *path = host_path(&key, buffer);
        if (path && stat(path, &st) == 0) {
                key.device = st.st_dev;
                key.inode = st.st_ino;
                key.size = st.st_size;
                key.changed = st.st_mtim;
        }
        return key;
}

/* As libc does, what is not understood is UTC. */
static Zone *host_load(const HostKey *key)
{
        const char *name = key->tz + (key->tz[0] == ':');
        Zone *zone = NULL;

        if (!key->has_tz)
                (void) zone_read_path("of this host", HOST_FILE, &zone, NULL);
        else if (*name == '/')
                (void) zone_read_path("of TZ", name, &zone, NULL);
        else if (*name)
                (void) zone_load(name, &zone, NULL);
        return zone;
}

/**
 * zone_host() - the host's own zone, as TZ or /etc/localtime had it when the calling thread asked first
 */
const Zone *zone_host(void)
{
        static Change never = { -MOMENT_MAX, 0 };
        static Span always = { INT64_MIN, INT64_MAX, 0 };
        static const Zone utc = { &never, 1, INT64_MAX, &always };

        if (!host.known) {
                host.key = host_key();
                host.zone = host_load(&host.key);
                host.known = true;
        }
        return host.zone ? host.zone : &utc;
}

/**
 * zone_host_changed() - look at TZ and /etc/localtime again, and load the zone anew if either is another
 *
 * Return: whether it is.
 */
bool zone_host_changed(void)
{
        HostKey key = host_key();

        if (!host.known || memcmp(&host.key, &key, sizeof key) == 0)
                return false;
        zone_free(steal(host.zone));
        host.known = false;
        (void) zone_host();
        return true;
}
