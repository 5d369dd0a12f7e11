/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Log files as a source: which time the lines of files get that were not written before our eyes. */

#include "files-run.h"

#define DAY 86400

/* Lines a second apart, the first so many seconds ago, behind those that stand there. */
static void say_old(const char *name, int from, int to, int ago, int step)
{
        for (int i = from; i < to; i++)
                say_numbers(name, i, i + 1, ago - (i - from) * step);
}

static void set_mtime(const char *name, int ago)
{
        struct timespec times[2] = { { .tv_sec = time(NULL) - ago }, { .tv_sec = time(NULL) - ago } };

        check_int(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

static bool is_now(void)
{
        return llabs(last_time.usec - clock_event_now().usec) < 5 * USEC_PER_SEC;
}

static bool is_ago(int ago)
{
        return llabs(last_time.usec - clock_event_now().usec + ago * USEC_PER_SEC) < 10 * USEC_PER_SEC;
}

static void start_without_files(int findtime)
{
        clean("*.log", NULL);
        watches[0].findtime = findtime;
        start();
        turn(30000);
}

/* An old log is put where a pattern finds it, at once: its lines are as old as they say. */
static void test_old_moved_in(void)
{
        start_without_files(30 * DAY);
        say_old("old.txt", 0, 100, 3 * 3600, 60);
        set_mtime("old.txt", 80 * 60);
        rename_to("old.txt", "old.log");
        await(100);
        check_numbers(0, 100);
        check(is_ago(3 * 3600 - 99 * 60));
        /* what comes then is new */
        turn(30000);
        say_numbers("old.log", 100, 101, 0);
        await(101);
        check(is_now());
        stop();
}

/* Nobody has kept when it was written to; it takes longer to be unpacked than to be found. */
static void test_old_unpacked(void)
{
        start_without_files(30 * DAY);
        for (int i = 0; i < 10; i++) {
                say_old("old.log", i * 20, i * 20 + 20, 3 * 3600 - i * 60, 1);
                turn(50000);
        }
        await(200);
        check_numbers(0, 200);
        check(is_ago(3 * 3600 - 9 * 60 - 19));
        say_old("old.log", 200, 220, 7200, 1);
        await(220);
        check(is_ago(7200 - 19));
        stop();
}

/* Older than the window: passed over. */
static void test_old_is_over(void)
{
        start_without_files(600);
        say_old("old.log", 0, 100, 3 * 3600, 60);
        turn(3000000);
        check_int(n_lines, 0);
        say_numbers("old.log", 100, 101, 0);
        await(1);
        check(is_now());
        stop();
}

/* Stamps of one moment say little, but the file has not been written to since. */
static void test_old_moment(void)
{
        start_without_files(30 * DAY);
        say_numbers("old.log", 0, 5, 2 * DAY);
        set_mtime("old.log", 2 * DAY);
        await(5);
        check(is_ago(2 * DAY));
        stop();
}

/* A clock that is days behind is no reason to pass anything over. */
static void test_clock_behind(void)
{
        start_without_files(600);
        say_numbers("slow.log", 0, 5, 2 * DAY);
        await(5);
        check(is_now());
        stop();
}

/* Logs in a wrong zone count from their arrival, from the first line on. */
static void test_zone_behind(void)
{
        start_without_files(30 * DAY);
        say_numbers("late.log", 0, 5, 3600);
        await(5);
        check(is_now());
        for (int i = 0; i < 3; i++) {
                turn(300000);
                say_numbers("late.log", 5 + i, 6 + i, 3600);
                await(6 + (size_t) i);
                check(is_now());
        }
        check_numbers(0, 8);
        check_contains(said, "behind the clock");
        check_int(n_said, 1);
        stop();
}

static void test_zone_ahead(void)
{
        start_without_files(30 * DAY);
        say_numbers("early.log", 0, 5, -3600);
        await(5);
        check(is_now());
        stop();
}

/* A service's new file is not waited for. */
static void test_new(void)
{
        uint64_t began;

        start_without_files(600);
        began = clock_boot_now().usec;
        say_numbers("new.log", 0, 5, 0);
        while (n_lines < 5)
                check(sd_event_run(event, 100000) >= 0);
        check(clock_boot_now().usec < began + 500000);
        stop();
}

/* A log that is ahead of the clock when it is first read: its lines are set back by what its time of change tells. */
static void test_first_start_ahead(void)
{
        clean("a.log", NULL);
        say_old("a.log", 0, 60, 3540 - 3600, 60);
        usleep(20000);
        start();
        turn(200000);
        check(n_lines >= 9 && n_lines <= 11);
        check_text(lines[n_lines - 1], "number 59 of many lines");
        check(is_now());
        forget_lines();
        /* and again after a restart */
        stop();
        say_old("a.log", 60, 63, -3600 + 300, 1);
        say_numbers("a.log", 63, 64, -3600);
        start();
        await(4);
        check(is_now());
        last_time = first_time;
        check(is_ago(300));
        stop();
}

/* One that is behind, or that was touched since: its stamps are right, as far as anybody knows. */
static void test_first_start_behind(void)
{
        clean("a.log", NULL);
        say_old("a.log", 0, 60, 3600 + 3540, 60);
        usleep(20000);
        watches[0].findtime = 7200;
        start();
        await(60);
        check(is_ago(3600));
        check_text(said, "");
        stop();
}

int main(int argc, char **argv)
{
        static const FilesTest tests[] = {
                TEST(new), TEST(zone_behind), TEST(zone_ahead), TEST(old_moved_in), TEST(old_unpacked), TEST(old_is_over), TEST(old_moment), TEST(clock_behind),
                TEST(first_start_ahead), TEST(first_start_behind),
        };

        return run_tests(tests, sizeof tests / sizeof *tests, argc > 1 ? argv[1] : NULL);
}
