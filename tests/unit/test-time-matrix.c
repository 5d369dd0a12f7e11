/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The time matrix: the same failures give the same bans, whatever zone the host is in, however its services write the time,
 * and whatever the calendar does meanwhile. Each cell goes the whole way of a line: its text through logline_parse(),
 * stamp_trust(), filter, tracker and ban engine; what comes out is compared with what the failures' true times give.
 *
 * Rows are forms of timestamps. Columns are zones from -12 to +14, with half and three quarter hours among them, each
 * without summer time, with the north's and with the south's; made here, so that a host without zones runs it too. Planes are
 * moments: New Year, the leap day, both changes of the clock in each hemisphere, a day like any other. Each is read as it is
 * written, and a second time as back-fill months later; then with clocks and zones that are wrong.
 */

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ban.h"
#include "filter.h"
#include "logline.h"
#include "util/zone.h"
#include "test.h"
#include "tracker.h"
#include "tzif.h"
#include "util/date.h"

#define MAXRETRY 5
#define FINDTIME 600
#define BANTIME 3600
#define BANS_MAX 16

/* ---- what happens ---- */

/* Failures in seconds from the moment that a scene is about; addresses by their last number. */
static const struct {
        int at, address;
} scene[] = {
        { -1790, 4 }, { -1700, 1 }, { -1690, 4 }, { -1650, 1 }, { -1600, 1 },   /* 1: five within 600 s, well before */
        { -1550, 1 }, { -1450, 4 }, { -1400, 1 }, { -1300, 2 }, { -1210, 4 },
        { -900, 5 },  { -300, 3 },  { -290, 2 },  { -200, 3 },  { -100, 3 },    /* 2: four within 601 s; not enough */
        { -30, 6 },   { -20, 6 },   { -10, 6 },   { 0, 6 },     { 10, 6 },      /* 6: over the moment in 40 s */
        { 100, 3 },   { 299, 3 },   { 310, 2 },   { 350, 2 },   { 400, 2 },     /* 3: five in 599 s, over the moment */
        { 600, 5 },   { 1100, 7 },  { 1250, 7 },  { 1400, 7 },  { 1550, 7 },    /* 7: five in 601 s: not banned */
        { 1701, 7 },  { 1800, 8 },  { 1801, 8 },  { 1802, 8 },  { 1803, 8 },    /* 8: five in 4 s */
        { 1804, 8 },  { 2700, 5 },  { 3500, 9 },  { 3540, 9 },  { 3599, 9 },    /* 9: over the end of the hour */
        { 3600, 9 },  { 3700, 9 },  { 4500, 5 },  { 6300, 5 },                  /* 5: one each half hour, never banned */
};

#define N_FAILURES (sizeof scene / sizeof *scene)

typedef struct Outcome {
        struct {
                Addr addr;
                EventTime start, until;
                unsigned failures;
                bool late;
        } bans[BANS_MAX];
        size_t n;
} Outcome;

/* ---- the core ---- */

static const char filter_text[] =
        "name: gate\nident: gate\nports: [ssh]\ndate: ['%d.%m.%Y-%I.%M.%S %p']\nmodes:\n  normal:\n"
        "    - id: fail\n      regex: '^fail from <ADDR>$'\n"
        "    - id: access\n      regex: '^<ADDR> - - \\[[^\\]]{26}\\] \"FAIL\"$'\n";

static Filter *filter;
static DateFormats *dates;

typedef struct Core {
        Tracker *tracker;
        BanEngine *engine;
        EventTime now;
        Outcome *outcome;
} Core;

static void on_event(void *userdata, const BanEvent *event)
{
        Core *core = userdata;
        Outcome *outcome = core->outcome;

        if (event->kind != BAN_EVENT_BAN && event->kind != BAN_EVENT_LATE)
                return;
        check(outcome->n < BANS_MAX);
        outcome->bans[outcome->n].addr = event->ban->addr;
        outcome->bans[outcome->n].start = event->ban->start;
        outcome->bans[outcome->n].until = event->ban->until;
        outcome->bans[outcome->n].failures = event->ban->failures;
        outcome->bans[outcome->n++].late = event->kind == BAN_EVENT_LATE;
}

static void on_offence(void *userdata, const Offence *offence)
{
        Core *core = userdata;

        check_int(ban_engine_offence(core->engine, offence, core->now), 0);
}

static void core_begin(Core *core, Outcome *outcome)
{
        *outcome = (Outcome){ .n = 0 };
        *core = (Core){ .outcome = outcome };
        check_int(tracker_new(100, 4096, (TrackerSink){ .offence = on_offence, .userdata = core }, &core->tracker), 0);
        check_int(
                tracker_set_jail(core->tracker,
                                 &(TrackerJail){ .name = "gate", .findtime = FINDTIME, .maxretry = MAXRETRY, .ipv6_prefix = 64 }),
                0);
        check_int(ban_engine_new(100, (BanSink){ .event = on_event, .userdata = core }, &core->engine), 0);
        check_int(ban_engine_set_jail(core->engine, &(BanJail){ .name = "gate", .bantime = BANTIME }), 0);
}

static void core_line(Core *core, const char *text, size_t length, EventTime time, EventTime now)
{
        Line line = { .text = text, .length = length, .time = time, .ident = "gate", .pid = 1, .source = "/var/log/gate.log" };
        Hit hit;
        unsigned counted;

        core->now = now;
        tracker_expire(core->tracker, time);
        if (filter_match(filter, &line, &hit) != FILTER_HIT) {
                fprintf(stderr, "no rule matches: %.*s\n", (int) length, text);
                abort();
        }
        check_int(tracker_hit(core->tracker, &hit, &counted), 0);
        check_int(counted, 1);
}

static void core_end(Core *core)
{
        tracker_free(core->tracker);
        ban_engine_free(core->engine);
}

/* ---- how lines are written ---- */

typedef enum Form {
        RFC_3164,
        RFC_3164_YEAR,
        RFC_5424,
        ISO_ZONE,
        ISO_ZONE_FRACTION,
        ISO,
        ISO_FRACTION,
        NGINX,
        ASCTIME,
        ACCESS,
        EPOCH,
        EPOCH_FRACTION,
        TAI64N,
        DIRECTIVES,
        N_FORMS,
} Form;

static const struct {
        const char *name;
        bool zoned;
} forms[] = {
        [RFC_3164] = { "RFC 3164", false },          [RFC_3164_YEAR] = { "RFC 3164 with year", false },
        [RFC_5424] = { "RFC 5424", true },           [ISO_ZONE] = { "ISO 8601", true },
        [ISO_ZONE_FRACTION] = { "ISO 8601 with fraction", true }, [ISO] = { "ISO 8601 without zone", false },
        [ISO_FRACTION] = { "ISO 8601 with fraction, without zone", false }, [NGINX] = { "nginx", false },
        [ASCTIME] = { "asctime", false },            [ACCESS] = { "common log format", true },
        [EPOCH] = { "epoch", true },                 [EPOCH_FRACTION] = { "epoch with fraction", true },
        [TAI64N] = { "TAI64N", true },               [DIRECTIVES] = { "directives", false },
};

/* By libc's calendar, not by ours. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static size_t write_line(Form form, int64_t utc, int64_t offset, int address, char text[static 256])
{
        static const char *const formats[] = {
                [RFC_3164] = "%b %e %H:%M:%S host gate[1]: ",   [RFC_3164_YEAR] = "%b %e %Y %H:%M:%S host gate[1]: ",
                [RFC_5424] = "<38>1 %Y-%m-%dT%H:%M:%S.250000",  [ISO_ZONE] = "%Y-%m-%dT%H:%M:%S",
                [ISO_ZONE_FRACTION] = "%Y-%m-%d %H:%M:%S.250",  [ISO] = "%Y-%m-%d %H:%M:%S gate[1]: ",
                [ISO_FRACTION] = "%Y-%m-%d %H:%M:%S,250 ",      [NGINX] = "%Y/%m/%d %H:%M:%S ",
                [ASCTIME] = "[%a %b %e %H:%M:%S.250000 %Y] ",   [ACCESS] = "%d/%b/%Y:%H:%M:%S ",
                [EPOCH] = "",                                   [EPOCH_FRACTION] = "",
                [TAI64N] = "",                                  [DIRECTIVES] = "%d.%m.%Y-%I.%M.%S %p ",
        };
        char time[80], zone[16];
        time_t local = utc + offset;
        struct tm tm;
        int size = (int) llabs(offset) / 60;

        check(gmtime_r(&local, &tm));
        time[0] = '\0';
        strftime(time, sizeof time, formats[form], &tm);
        snprintf(zone, sizeof zone, "%c%02d%s%02d", offset < 0 ? '-' : '+', size / 60, form == ACCESS ? "" : ":", size % 60);
        switch (form) {
        case RFC_5424: return (size_t) sprintf(text, "%s%s host gate 1 - - fail from 192.0.2.%d", time, zone, address);
        case ISO_ZONE:
        case ISO_ZONE_FRACTION: return (size_t) sprintf(text, "%s%s host gate[1]: fail from 192.0.2.%d", time, zone, address);
        case ACCESS: return (size_t) sprintf(text, "192.0.2.%d - - [%s%s] \"FAIL\"", address, time, zone);
        case EPOCH: return (size_t) sprintf(text, "%lld fail from 192.0.2.%d", (long long) utc, address);
        case EPOCH_FRACTION: return (size_t) sprintf(text, "[%lld.250] fail from 192.0.2.%d", (long long) utc, address);
        case TAI64N:
                return (size_t) sprintf(text, "@%016llx%08x fail from 192.0.2.%d", (1ULL << 62) + 10 + (unsigned long long) utc,
                                        250000000u, address);
        default: return (size_t) sprintf(text, "%sfail from 192.0.2.%d", time, address);
        }
}

static bool is_known(void *userdata, const char *ident)
{
        return strcmp(ident, "gate") == 0;
}

/* ---- a cell ---- */

typedef struct Cell {
        Form form;
        const Zone *writer, *reader;    /* of zoneless stamps */
        int64_t moment;
        int64_t skew;                   /* the writer's clock is ahead */
        int64_t back_fill;              /* read so many seconds behind the moment, 0: as it is written */
        bool latest_first;              /* with back-fill: the latest line has been seen when it was written */
} Cell;

static uint64_t n_lines, n_cells;

static EventTime read_line(const Cell *cell, LogLineMemory *memory, StampTrust *trust, const char *text, size_t size,
                           int64_t arrival, bool back_fill, LogLine *ret_parts)
{
        LogLineOptions options = {
                .now = { arrival * USEC_PER_SEC + 300000 }, .zone = cell->reader, .dates = dates, .memory = memory
        };

        logline_parse(&options, text, size, is_known, NULL, ret_parts);
        check(ret_parts->time.usec != 0);
        check_int(ret_parts->zoned, forms[cell->form].zoned);
        return stamp_trust(trust, ret_parts->time, options.now, back_fill);
}

static void run(const Cell *cell, Outcome *outcome)
{
        LogLineMemory memory = { 0 };
        StampTrust trust = { 0 };
        LogLine parts;
        char text[256];
        Core core;

        core_begin(&core, outcome);
        if (cell->latest_first) {
                int64_t utc = cell->moment + scene[N_FAILURES - 1].at, stamp = utc + cell->skew;
                size_t size = write_line(cell->form, stamp, zone_offset(cell->writer, stamp), 1, text);

                (void) read_line(cell, &memory, &trust, text, size, utc, false, &parts);
        }
        for (size_t i = 0; i < N_FAILURES; i++) {
                int64_t utc = cell->moment + scene[i].at, stamp = utc + cell->skew,
                        arrival = cell->back_fill ? cell->moment + cell->back_fill : utc;
                size_t size = write_line(cell->form, stamp, zone_offset(cell->writer, stamp), scene[i].address, text);
                EventTime time = read_line(cell, &memory, &trust, text, size, arrival, cell->back_fill > 0, &parts);

                core_line(&core, parts.text, parts.length, time, (EventTime){ arrival * USEC_PER_SEC + 300000 });
                n_lines++;
        }
        core_end(&core);
        n_cells++;
}

/* What the true times give. */
static void run_truth(int64_t moment, Outcome *outcome)
{
        Core core;

        core_begin(&core, outcome);
        for (size_t i = 0; i < N_FAILURES; i++) {
                EventTime time = { (moment + scene[i].at) * USEC_PER_SEC };
                char text[64];

                core_line(&core, text, (size_t) sprintf(text, "fail from 192.0.2.%d", scene[i].address), time, time);
        }
        core_end(&core);
}

static bool is_over(const Cell *cell, EventTime until)
{
        return until.usec < (cell->moment + cell->back_fill) * USEC_PER_SEC;
}

/* The same addresses for as many failures; their bans begin and end within @slack seconds of the truth. */
static void compare(const Cell *cell, const char *zone, const Outcome *truth, int64_t slack)
{
        Outcome outcome;
        bool same;

        run(cell, &outcome);
        same = outcome.n == truth->n;
        for (size_t i = 0; i < truth->n && same; i++) {
                int64_t late = llabs(outcome.bans[i].start.usec - truth->bans[i].start.usec);

                same = addr_equal(&outcome.bans[i].addr, &truth->bans[i].addr) &&
                       outcome.bans[i].failures == truth->bans[i].failures && late < slack * USEC_PER_SEC &&
                       outcome.bans[i].until.usec - outcome.bans[i].start.usec == BANTIME * USEC_PER_SEC &&
                       outcome.bans[i].late == (cell->back_fill > 0 && is_over(cell, truth->bans[i].until));
        }
        if (same)
                return;
        fprintf(stderr, "%s in %s at %lld, skew %lld, back-fill %lld: %zu bans, expected %zu\n", forms[cell->form].name, zone,
                (long long) cell->moment, (long long) cell->skew, (long long) cell->back_fill, outcome.n, truth->n);
        for (size_t i = 0; i < outcome.n; i++) {
                char addr[ADDR_TEXT_MAX];

                fprintf(stderr, "  %s at %+lld s, %u failures%s\n", addr_format(&outcome.bans[i].addr, addr),
                        (long long) (outcome.bans[i].start.usec / USEC_PER_SEC - cell->moment), outcome.bans[i].failures,
                        outcome.bans[i].late ? ", late" : "");
        }
        abort();
}

/* ---- zones ---- */

#define ZONES_MAX 256

static struct {
        char name[48];
        Zone *zone;
        int64_t changes[4];     /* of its clock, in 2027 and 2028 */
        size_t n_changes;
} zones[ZONES_MAX];
static size_t n_zones;
static char directory[] = "/tmp/test-time-matrix.XXXXXX";

static void find_changes(size_t i)
{
        const int64_t first = date_days(2027, 0, 1) * DATE_DAY, end = date_days(2029, 0, 1) * DATE_DAY;

        for (int64_t at = first; at < end && zones[i].n_changes < 4; at += 900)
                if (zone_offset(zones[i].zone, at) != zone_offset(zones[i].zone, at - 900))
                        zones[i].changes[zones[i].n_changes++] = at;
}

static void add_zone(const char *name)
{
        Problem problem = { "" };

        check(n_zones < ZONES_MAX);
        snprintf(zones[n_zones].name, sizeof zones->name, "%s", name);
        if (zone_load(name, &zones[n_zones].zone, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        find_changes(n_zones++);
}

/* Offset and summer time as a rule; half of them by changes in the file, half by its last line. */
static void make_zone(int minutes, const char *kind)
{
        TzFile file = { .version = '2', .first = minutes * 60, .footer = "" };
        char rule[80], name[48];
        int west = -minutes, size = west < 0 ? -west : west;
        int used = snprintf(rule, sizeof rule, "<XXX>%s%d:%02d", west < 0 ? "-" : "", size / 60, size % 60);

        if (strcmp(kind, "north") == 0)
                snprintf(rule + used, sizeof rule - (size_t) used, "<YYY>,M3.5.0,M10.5.0/3");
        else if (strcmp(kind, "south") == 0)
                snprintf(rule + used, sizeof rule - (size_t) used, "<YYY>,M10.1.0,M4.1.0/3");
        snprintf(name, sizeof name, "Made%+d-%s", minutes, kind);
        if (minutes % 120 == 0 && strcmp(kind, "none") != 0) {
                _cleanup_(zone_freep) Zone *zone = NULL;

                /* The same changes, written down. */
                check_int(zone_load(rule, &zone, NULL), 0);
                file.first = (int32_t) zone_offset(zone, date_days(2020, 0, 1) * DATE_DAY);
                for (int64_t at = date_days(2020, 0, 1) * DATE_DAY; at < date_days(2030, 0, 1) * DATE_DAY; at += 900)
                        if (zone_offset(zone, at) != zone_offset(zone, at - 900)) {
                                check(file.n < TZIF_CHANGES_MAX);
                                file.changes[file.n].at = at;
                                file.changes[file.n++].offset = (int32_t) zone_offset(zone, at);
                        }
        } else {
                file.footer = rule;
        }
        check(tzif_write(&file, directory, name));
        add_zone(name);
        check_int(zones[n_zones - 1].n_changes, strcmp(kind, "none") == 0 ? 0 : 4);
}

static void make_zones(void)
{
        static const char *const real[] = { "Europe/Berlin",    "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca",
                                            "Asia/Kathmandu",   "Pacific/Chatham",  "Pacific/Kiritimati",  "America/New_York",
                                            "America/Santiago", "Antarctica/Troll" };
        char path[128];

        check(mkdtemp(directory));
        setenv("TZDIR", directory, 1);
        for (int hours = -12; hours <= 14; hours++) {
                make_zone(hours * 60, "none");
                make_zone(hours * 60, "north");
                make_zone(hours * 60, "south");
        }
        static const int odd[] = { -570, -210, 210, 270, 330, 345, 390, 525, 570, 630, 765 };
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                make_zone(odd[i], "none");
                make_zone(odd[i], i % 2 ? "north" : "south");
        }
        unsetenv("TZDIR");
        for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
                snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", real[i]);
                if (access(path, R_OK) == 0)
                        add_zone(real[i]);
        }
        add_zone("UTC");
        add_zone("+05:30");
        printf("%zu zones\n", n_zones);
}

/* ---- planes ---- */

/* LONG=1: more pairs of zones. */
static bool is_long(void)
{
        const char *text = getenv("LONG");

        return text && strcmp(text, "1") == 0;
}

/* Whether a local time of the scene comes twice: read later it cannot be known which of both it was. */
static bool comes_twice(const Zone *zone, int64_t moment)
{
        for (size_t i = 0; i < N_FAILURES; i++) {
                int64_t utc = moment + scene[i].at;

                if (zone_to_utc(zone, utc + zone_offset(zone, utc), utc + 365 * DATE_DAY) != utc)
                        return true;
        }
        return false;
}

static unsigned n_twice;

static void test_moment(size_t zone, int64_t moment)
{
        const Zone *z = zones[zone].zone;
        bool twice = comes_twice(z, moment);
        Outcome truth;

        run_truth(moment, &truth);
        check_int(truth.n, 5);
        n_twice += twice;
        for (Form form = 0; form < N_FORMS; form++) {
                compare(&(Cell){ .form = form, .writer = z, .reader = z, .moment = moment }, zones[zone].name, &truth, 1);
                if (twice || is_long()) {
                        /* A clock that is changed a little too early, or too late. */
                        compare(&(Cell){ .form = form, .writer = z, .reader = z, .moment = moment, .skew = 50 }, zones[zone].name,
                                &truth, 51);
                        compare(&(Cell){ .form = form, .writer = z, .reader = z, .moment = moment, .skew = -50 },
                                zones[zone].name, &truth, 51);
                }
                if (twice && !forms[form].zoned)
                        continue;
                compare(&(Cell){ .form = form, .writer = z, .reader = z, .moment = moment, .back_fill = 7200 }, zones[zone].name,
                        &truth, 1);
                compare(&(Cell){ .form = form, .writer = z, .reader = z, .moment = moment, .back_fill = 340 * DATE_DAY },
                        zones[zone].name, &truth, 1);
        }
}

static void test_moments(void)
{
        for (size_t i = 0; i < n_zones; i++) {
                int64_t offset = zone_offset(zones[i].zone, date_days(2027, 0, 1) * DATE_DAY);

                test_moment(i, date_days(2027, 0, 1) * DATE_DAY - offset);      /* New Year, there and in Greenwich */
                test_moment(i, date_days(2027, 0, 1) * DATE_DAY);
                test_moment(i, date_days(2028, 1, 29) * DATE_DAY - offset);     /* into the leap day and out of it */
                test_moment(i, date_days(2028, 2, 1) * DATE_DAY - offset);
                test_moment(i, date_days(2026, 10, 24) * DATE_DAY + 316);
                for (size_t change = 0; change < zones[i].n_changes; change++) {
                        test_moment(i, zones[i].changes[change] - 3600);
                        test_moment(i, zones[i].changes[change]);
                        test_moment(i, zones[i].changes[change] + 3600);
                }
        }
        check(n_twice > 100);
}

/* Clocks up to a minute off are followed, others are not: what is counted stays the same. */
static void test_skew(void)
{
        const int64_t moment = date_days(2026, 10, 24) * DATE_DAY + 316;
        static const int64_t skews[] = { -50,   -3,           7,         59, 61, 900, -900, 3600, -3600, 5 * 3600 + 1800,
                                         86400, -86400 * 400, 86400 * 20 };
        Outcome truth;

        run_truth(moment, &truth);
        for (size_t i = 0; i < n_zones; i += 7)
                for (Form form = 0; form < N_FORMS; form++)
                        for (size_t s = 0; s < sizeof skews / sizeof *skews; s++) {
                                /* Without a year a stamp far ahead is of last year; far behind it is not believed either. */
                                Cell cell = { .form = form,
                                              .writer = zones[i].zone,
                                              .reader = zones[i].zone,
                                              .moment = moment,
                                              .skew = skews[s] };

                                compare(&cell, zones[i].name, &truth, 61);
                        }
}

/* A zone that is set wrongly: as it is written; and back-fill where the latest line has told it, if the stamps are ahead. */
static void test_wrong_zones(void)
{
        const int64_t moment = date_days(2026, 10, 24) * DATE_DAY + 316;
        const size_t step = is_long() ? 3 : 29;
        Outcome truth;

        run_truth(moment, &truth);
        for (size_t writer = 0; writer < n_zones; writer++)
                for (size_t reader = writer % step; reader < n_zones; reader += step)
                        for (Form form = 0; form < N_FORMS; form++) {
                                Cell cell = {
                                        .form = form, .writer = zones[writer].zone, .reader = zones[reader].zone, .moment = moment
                                };
                                int64_t skew = zone_offset(cell.writer, moment) - zone_offset(cell.reader, moment);

                                compare(&cell, zones[reader].name, &truth, 2);
                                /* Without a year a stamp more than a day ahead would be last year's. */
                                cell.back_fill = 7200;
                                cell.latest_first = true;
                                if (forms[form].zoned || (skew >= 0 && skew <= DATE_DAY - 7200))
                                        compare(&cell, zones[reader].name, &truth, 2);
                        }
}

int main(void)
{
        check_int(filter_load_memory("gate.yaml", filter_text, sizeof filter_text - 1, NULL, "gate", &filter, NULL), 0);
        check(filter_info(filter)->dates);
        check_int(date_formats_compile(filter_info(filter)->dates, &dates, NULL), 0);
        make_zones();
        test_moments();
        test_skew();
        test_wrong_zones();
        printf("%llu cells, %llu lines; in %u scenes a local time comes twice\n", (unsigned long long) n_cells,
               (unsigned long long) n_lines, n_twice);
        for (size_t i = 0; i < n_zones; i++)
                zone_free(zones[i].zone);
        filter_free(filter);
        date_formats_free(dates);
        char command[80];
        snprintf(command, sizeof command, "rm -r %s", directory);
        check_int(system(command), 0);
        return EXIT_SUCCESS;
}
