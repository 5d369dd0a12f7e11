/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Time zones: files, rules, offsets, names. What libc makes of the same file or rule has to be the same; the host's own
 * zones take part where they are.
 */

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "logline.h"
#include "util/zone.h"
#include "test.h"
#include "tzif.h"
#include "util/date.h"

#define HOST_ZONES "/usr/share/zoneinfo"

static char directory[] = "/tmp/test-zone.XXXXXX";

static int64_t moment(int year, int month, int day, int hour, int minute)
{
        return date_days(year, month - 1, day) * DATE_DAY + hour * DATE_HOUR + minute * 60;
}

static Zone *load(const char *name)
{
        Problem problem = { "" };
        Zone *zone = NULL;

        if (zone_load(name, &zone, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(zone);
        return zone;
}

/* ---- as libc has it ---- */

static unsigned n_compared;

static void compare_moment(const Zone *zone, const char *name, int64_t seconds)
{
        time_t time = seconds;
        struct tm tm;

        check(localtime_r(&time, &tm));
        if (zone_offset(zone, seconds) != tm.tm_gmtoff)
                fprintf(stderr, "%s at %lld\n", name, (long long) seconds);
        check_int(zone_offset(zone, seconds), tm.tm_gmtoff);
        /* Read when it is written, each local time is the right one. */
        if (seconds > 0)
                check_int(zone_to_utc(zone, seconds + tm.tm_gmtoff, seconds), seconds);
        n_compared++;
}

/* What is kept of one local time must not answer for another: around a change, warm and without anything kept. */
static void compare_kept(const char *name, const Zone *zone, int64_t change)
{
        _cleanup_(zone_freep) Zone *cold = load(name);
        int64_t offset = zone_offset(zone, change), later = change + 1000 * DATE_DAY;

        for (int64_t civil = change + offset - 8 * DATE_HOUR; civil < change + offset + 8 * DATE_HOUR; civil += 900) {
                (void) zone_to_utc(cold, civil - 3000 * DATE_DAY, later);
                int64_t expected = zone_to_utc(cold, civil, later);

                (void) zone_to_utc(zone, change + offset + (civil % 1800 ? 3 : -3) * DATE_DAY, later);
                check_int(zone_to_utc(zone, civil, later), expected);
        }
}

static void compare(const char *name, const char *tz, int64_t first, int64_t step)
{
        _cleanup_(zone_freep) Zone *zone = load(name);

        setenv("TZ", tz, 1);
        tzset();
        for (int64_t seconds = first; seconds < moment(2040, 1, 1, 0, 0); seconds += step)
                compare_moment(zone, name, seconds);
        for (int64_t seconds = moment(2040, 1, 1, 0, 0); seconds < moment(3000, 1, 1, 0, 0); seconds += 31 * step)
                compare_moment(zone, name, seconds);
        /* Both sides of each change of these years. */
        int64_t before = moment(1972, 1, 1, 0, 0);
        for (int64_t seconds = before; seconds < moment(2044, 1, 1, 0, 0); seconds += 10 * DATE_DAY) {
                int64_t low = before, high = seconds;

                if (zone_offset(zone, low) != zone_offset(zone, high)) {
                        while (high - low > 1) {
                                int64_t middle = low + (high - low) / 2;

                                *(zone_offset(zone, middle) == zone_offset(zone, before) ? &low : &high) = middle;
                        }
                        for (int64_t at = high - 7200; at <= high + 7200; at += 600)
                                compare_moment(zone, name, at);
                        compare_moment(zone, name, low);
                        if (high > moment(2015, 1, 1, 0, 0) && high < moment(2028, 1, 1, 0, 0))
                                compare_kept(name, zone, high);
                }
                before = seconds;
        }
}

static unsigned n_files;

static int compare_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
        const char *name = path + strlen(HOST_ZONES) + 1;
        char magic[4] = "";
        FILE *file = kind == FTW_F ? fopen(path, "re") : NULL;

        if (file && fread(magic, 1, 4, file) == 4 && memcmp(magic, "TZif", 4) == 0 && strncmp(name, "right/", 6) != 0 &&
            strncmp(name, "posix/", 6) != 0 && strcmp(name, "localtime") != 0 && strcmp(name, "posixrules") != 0) {
                compare(name, name, moment(1880, 1, 1, 0, 0), 11 * DATE_DAY + 4321);
                n_files++;
        }
        if (file)
                fclose(file);
        return 0;
}

static void test_host_zones(void)
{
        if (access(HOST_ZONES "/Europe/Berlin", R_OK) < 0) {
                printf("no zones on this host: only those made here take part\n");
                return;
        }
        unsetenv("TZDIR");
        check_int(nftw(HOST_ZONES, compare_file, 16, FTW_PHYS), 0);
        check(n_files > 100);
        printf("%u files, %u moments\n", n_files, n_compared);
}

/* Of years before 1971 libc takes no notice in rules. */
static void test_rules(void)
{
        static const char *const rules[] = {
                "CET-1CEST,M3.5.0,M10.5.0/3",
                "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                "NZST-12NZDT,M9.5.0,M4.1.0/3",
                "EST5EDT",
                "EST5EDT4,M3.2.0,M11.1.0",
                "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
                "IST-2IDT,M3.4.4/26,M10.5.0",
                "UTC0",
                "<+0545>-5:45",
                "<XYZ>12",
                "<XYZ>-14",
                "AAA3BBB,J60/0,J300/0",
                "AAA3BBB,59/0,300/0",
                "AAA-3BBB,J300,J60",
                "CET-1CEST-2,M3.5.0/2:30:15,M10.5.0",
        };

        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
                compare(rules[i], rules[i], moment(1972, 1, 1, 0, 0), 5 * DATE_DAY + 1234);
        /* Where it is always summer. */
        _cleanup_(zone_freep) Zone *zone = load("XXX3EDT4,0/0,J365/23");
        for (int64_t seconds = moment(1999, 12, 1, 0, 0); seconds < moment(2005, 1, 1, 0, 0); seconds += 3000)
                check_int(zone_offset(zone, seconds), -4 * DATE_HOUR);
}

/* ---- files of our own ---- */

static TzFile berlin(char version)
{
        TzFile file = { .version = version, .first = 3208, .footer = "CET-1CEST,M3.5.0,M10.5.0/3" };

        file.changes[file.n].at = moment(1893, 3, 31, 23, 6);
        if (version == 0)
                file.changes[file.n].at = moment(1902, 1, 1, 0, 0); /* 32 bits reach no further */
        file.changes[file.n++].offset = 3600;
        for (int year = 2020; year < 2030; year++) {
                int spring = 31, autumn = 31;

                while ((date_days(year, 2, spring) + 4) % 7 != 0)
                        spring--;
                while ((date_days(year, 9, autumn) + 4) % 7 != 0)
                        autumn--;
                file.changes[file.n].at = moment(year, 3, spring, 1, 0);
                file.changes[file.n++].offset = 7200;
                file.changes[file.n].at = moment(year, 10, autumn, 1, 0);
                file.changes[file.n++].offset = 3600;
        }
        return file;
}

static int read_zone(const TzFile *file, Zone **ret_zone)
{
        unsigned char data[TZIF_SIZE];
        size_t size = tzif_make(file, data);
        Problem problem = { "" };
        int r = zone_read("test", (const char *) data, size, ret_zone, &problem);

        check((r < 0) == (*problem.text != '\0'));
        return r;
}

static void test_files(void)
{
        static const char versions[] = { 0, '2', '3' };

        for (const char *version = versions; version < versions + sizeof versions; version++) {
                TzFile file = berlin(*version);
                _cleanup_(zone_freep) Zone *zone = NULL;

                check_int(read_zone(&file, &zone), 0);
                check_int(zone_offset(zone, moment(1850, 1, 1, 0, 0)), 3208);
                check_int(zone_offset(zone, moment(1910, 1, 1, 0, 0)), 3600);
                check_int(zone_offset(zone, moment(2026, 3, 29, 1, 0) - 1), 3600);
                check_int(zone_offset(zone, moment(2026, 3, 29, 1, 0)), 7200);
                check_int(zone_offset(zone, moment(2026, 10, 25, 1, 0) - 1), 7200);
                check_int(zone_offset(zone, moment(2026, 10, 25, 1, 0)), 3600);
                /* Behind the last change the rule goes on, for ever; a file without one stays as it is. */
                int summer = *version ? 7200 : 3600;
                check_int(zone_offset(zone, moment(2030, 3, 31, 1, 0) - 1), 3600);
                check_int(zone_offset(zone, moment(2030, 3, 31, 1, 0)), summer);
                check_int(zone_offset(zone, moment(2430, 7, 1, 0, 0)), summer);
                check_int(zone_offset(zone, moment(2431, 7, 1, 0, 0)), summer);
                check_int(zone_offset(zone, moment(9999, 7, 1, 0, 0)), summer);
                check_int(zone_offset(zone, moment(9999, 12, 1, 0, 0)), 3600);
                check_int(zone_to_utc(zone, moment(9999, 7, 1, 0, 0), 0), moment(9999, 7, 1, 0, 0) - summer);
        }
        /* A rule alone, no rule, and neither. */
        _cleanup_(zone_freep) Zone *rule = NULL, *fixed = NULL;
        check_int(read_zone(&(TzFile){ .version = '2', .first = 3600, .footer = "CET-1CEST,M3.5.0,M10.5.0/3" }, &rule), 0);
        check_int(zone_offset(rule, moment(2026, 7, 1, 0, 0)), 7200);
        check_int(zone_offset(rule, moment(1800, 7, 1, 0, 0)), 3600);
        check_int(read_zone(&(TzFile){ .version = '2', .first = -16200, .footer = "" }, &fixed), 0);
        check_int(zone_offset(fixed, 0), -16200);
}

static void test_broken(void)
{
        TzFile file = berlin('2');
        unsigned char data[TZIF_SIZE];
        size_t size = tzif_make(&file, data);
        Zone *zone = NULL;
        Problem problem;

        /* Cut anywhere: the file's last byte is needed. */
        for (size_t n = 0; n < size; n++) {
                char *copy = malloc(n ? n : 1);

                check(copy);
                memcpy(copy, data, n);
                check_int(zone_read("test", copy, n, &zone, &problem), -EBADMSG);
                check_contains(problem.text, "the time zone test");
                free(copy);
        }
        /* Any byte changed: refused, or a zone that answers. */
        for (size_t n = 0; n < size; n++)
                for (int bit = 0; bit < 8; bit++) {
                        char *copy = malloc(size);

                        check(copy);
                        memcpy(copy, data, size);
                        copy[n] = (char) (copy[n] ^ 1 << bit);
                        if (zone_read("test", copy, size, &zone, &problem) == 0) {
                                for (int year = 0; year < 10000; year += 37)
                                        check(llabs(zone_offset(zone, moment(year, 7, 1, 0, 0))) < DATE_DAY);
                                zone = zone_free(zone);
                        }
                        free(copy);
                }
        file.leaps = 2;
        check_int(read_zone(&file, &zone), -EBADMSG);
        file = berlin('2');
        file.changes[3].at = file.changes[2].at;
        check_int(read_zone(&file, &zone), -EBADMSG);
        file = berlin('2');
        file.changes[3].offset = 90000;
        check_int(read_zone(&file, &zone), -EBADMSG);
        static const char *const footers[] = { "CET-1CEST,M3.5.0",
                                               "C-1",
                                               "CET-25",
                                               "CET-1CEST,M13.5.0,M10.5.0",
                                               "CET-1CEST,M3.6.0,M10.5.0",
                                               "CET-1CEST,J0,J5",
                                               "CET-1CEST,366,5",
                                               "CET-1CEST,M3.5.0,M10.5.0/3x",
                                               "CET-1:60",
                                               "<CET-1" };
        for (size_t i = 0; i < sizeof footers / sizeof *footers; i++) {
                file = berlin('2');
                file.footer = footers[i];
                check_int(read_zone(&file, &zone), -EBADMSG);
        }
        check(!zone);
}

/* ---- names ---- */

static void test_names(void)
{
        static const struct {
                const char *name;
                int64_t offset;
        } offsets[] = { { "UTC", 0 },         { "Z", 0 },         { "GMT", 0 },      { "+00:00", 0 },     { "+02:00", 7200 },
                        { "-03:30", -12600 }, { "+0545", 20700 }, { "-12", -43200 }, { "+14:00", 50400 }, { "<+03>-3", 10800 } };
        static const char *const wrong[] = { "",
                                             "..",
                                             "../Here",
                                             "/etc/localtime",
                                             "Here/../Here",
                                             "Area//Here",
                                             "Area/Here/",
                                             ".hidden",
                                             "+2",
                                             "+02:0",
                                             "+02:60",
                                             "+16:00",
                                             "+02:00x",
                                             "02:00",
                                             "+02:",
                                             "Nowhere",
                                             "Here there",
                                             "Area/Here\n",
                                             "+020",
                                             "Here/x",
                                             "+02\x9b\xc2",
                                             "+021",
                                             "+02:000",
                                             "+",
                                             "-",
                                             "Europe/Atlantis" };
        static const char *const broken[] = { "Area", "empty", "large" };
        char path[128], large[200];
        Problem problem;

        check(mkdtemp(directory));
        setenv("TZDIR", directory, 1);
        snprintf(path, sizeof path, "%s/Area", directory);
        check_int(mkdir(path, 0700), 0);
        TzFile file = berlin('2');
        check(tzif_write(&file, directory, "Here") && tzif_write(&file, directory, "Area/Here-2") &&
              tzif_write(&file, directory, ".hidden"));
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
                _cleanup_(zone_freep) Zone *zone = load(offsets[i].name);

                check_int(zone_offset(zone, moment(2026, 7, 1, 0, 0)), offsets[i].offset);
                check_int(zone_to_utc(zone, moment(2026, 7, 1, 0, 0), 0), moment(2026, 7, 1, 0, 0) - offsets[i].offset);
        }
        zone_free(load("Here"));
        zone_free(load("Area/Here-2"));
        Zone *zone = NULL;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                printf("\"%s\"\n", wrong[i]);
                check_int(zone_load(wrong[i], &zone, &problem), -ENOENT);
                check_contains(problem.text, "write it as in Europe/Berlin, UTC or +02:00");
        }
        memset(large, 'a', sizeof large);
        large[sizeof large - 1] = '\0';
        check_int(zone_load(large, &zone, &problem), -ENOENT);
        snprintf(path, sizeof path, "%s/empty", directory);
        fclose(fopen(path, "we"));
        snprintf(path, sizeof path, "%s/large", directory);
        fclose(fopen(path, "we"));
        check_int(truncate(path, ZONE_FILE_MAX + 1), 0);
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
                check_int(zone_load(broken[i], &zone, &problem), -EBADMSG);
        check(!zone);
        setenv("TZDIR", "/nonexistent", 1);
        check_int(zone_load("Europe/Berlin", &zone, &problem), -ENOENT);
        check_contains(problem.text, "install tzdata");
        setenv("TZDIR", directory, 1);
}

/* ---- the host's ---- */

static int64_t host_offset(void)
{
        return zone_offset(zone_host(), moment(2026, 7, 1, 0, 0));
}

/* Nothing is looked at but when it is asked for; then a file that was replaced is seen, as is TZ. */
static void test_host(void)
{
        TzFile file = { .version = '2', .first = 3600, .footer = "<XYZ>-1" };
        char path[128];

        setenv("TZ", "Here", 1);
        logline_zone_changed();
        check_int(host_offset(), 7200);
        check(!logline_zone_changed());
        snprintf(path, sizeof path, "%s/Here", directory);
        check_int(unlink(path), 0);
        check(tzif_write(&file, directory, "Here"));
        check_int(host_offset(), 7200);
        check(logline_zone_changed());
        check_int(host_offset(), 3600);
        check(!logline_zone_changed());
        setenv("TZ", path, 1);
        check(logline_zone_changed());
        check_int(host_offset(), 3600);
        static const struct {
                const char *tz;
                int64_t offset;
        } zones[] = { { "", 0 },        { ":Here", 3600 }, { "CET-1CEST,M3.5.0,M10.5.0/3", 7200 },
                      { "Nowhere", 0 }, { "../Here", 0 },  { ":", 0 } };
        for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
                setenv("TZ", zones[i].tz, 1);
                check(logline_zone_changed());
                check_int(host_offset(), zones[i].offset);
        }
        unsetenv("TZ");
        unsetenv("TZDIR");
        check(logline_zone_changed());
        time_t time = moment(2026, 7, 1, 0, 0);
        struct tm tm;
        check(localtime_r(&time, &tm));
        check_int(host_offset(), tm.tm_gmtoff);
}

/* ---- hours that are skipped, and hours that come twice ---- */

static void test_changes(void)
{
        TzFile file = berlin('2');
        _cleanup_(zone_freep) Zone *zone = NULL;
        int64_t spring = moment(2026, 3, 29, 1, 0), autumn = moment(2026, 10, 25, 1, 0), later = moment(2027, 1, 1, 0, 0);

        check_int(read_zone(&file, &zone), 0);
        for (int turn = 0; turn < 2; turn++) {
                check_int(zone_to_utc(zone, moment(2026, 3, 29, 1, 59), later), spring - 60);
                check_int(zone_to_utc(zone, moment(2026, 3, 29, 2, 30), later), spring + 1800);
                check_int(zone_to_utc(zone, moment(2026, 3, 29, 3, 0), later), spring);
                check_int(zone_to_utc(zone, moment(2026, 10, 25, 2, 30), later), autumn + 1800);
                check_int(zone_to_utc(zone, moment(2026, 10, 25, 2, 30), autumn - 1800), autumn - 1800);
                /* Up to a minute ahead of now it is the later one. */
                check_int(zone_to_utc(zone, moment(2026, 10, 25, 2, 30), autumn + 1800 - 60), autumn + 1800);
                check_int(zone_to_utc(zone, moment(2026, 10, 25, 2, 30), autumn + 1800 - 61), autumn - 1800);
                /* What was kept of summer must not serve for winter. */
                check_int(zone_to_utc(zone, moment(2026, 7, 1, 12, 0), later), moment(2026, 7, 1, 10, 0));
                check_int(zone_to_utc(zone, moment(2026, 10, 25, 1, 59), later), autumn - 3660);
                check_int(zone_to_utc(zone, moment(2026, 12, 1, 12, 0), later), moment(2026, 12, 1, 11, 0));
        }
}

int main(void)
{
        test_files();
        test_broken();
        test_changes();
        test_names();
        test_host();
        test_rules();
        test_host_zones();
        char command[80];
        snprintf(command, sizeof command, "rm -r %s", directory);
        check_int(system(command), 0);
        return EXIT_SUCCESS;
}
