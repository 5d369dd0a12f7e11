/* SPDX-License-Identifier: GPL-2.0-or-later */

/* More log files than can be read: who gets how many, and what is said about the rest. */

#include <sys/resource.h>

#include "files-run.h"

#define MALLORY 1001
#define ALICE 1002
#define BOB 1003

static struct rlimit all_descriptors;

/* Half as many files are read. */
static void set_descriptors(rlim_t n)
{
        struct rlimit limit = all_descriptors;

        limit.rlim_cur = n;
        check_int(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void make_directory(const char *name, uid_t uid)
{
        check_int(mkdir(at(name), 0755), 0);
        check_int(chown(at(name), uid, (gid_t) -1), 0);
}

static void say_as(uid_t uid, const char *name, const char *text)
{
        say(name, text);
        check_int(chown(at(name), uid, (gid_t) -1), 0);
}

/* Empty files from @from up to @to, in the order of their numbers before all that is made later. */
static void make_many(uid_t uid, const char *directory, int from, int to)
{
        for (int i = from; i < to; i++) {
                char name[64];

                snprintf(name, sizeof name, "%s/%05d.log", directory, i);
                say_as(uid, name, "");
        }
}

static size_t n_reading, n_waiting, left_out;

static void count_info(void *userdata, const FileInfo *info)
{
        n_reading += !info->waiting;
        n_waiting += info->waiting;
        left_out += info->left_out;
}

static void count(void)
{
        n_reading = n_waiting = left_out = 0;
        file_source_list(source, 0, count_info, NULL);
}

/* One owner makes more files than can be read, before all others by name and by time. */
static void test_greedy_owner(void)
{
        clean("home/*/logs/*.log", NULL);
        set_descriptors(400);
        make_directory("home", 0);
        make_directory("home/a", MALLORY);
        make_directory("home/a/logs", MALLORY);
        make_directory("home/b", ALICE);
        make_directory("home/b/logs", ALICE);
        make_many(MALLORY, "home/a/logs", 0, 1500);
        say_as(ALICE, "home/b/logs/x.log", "");
        start();
        await_said("of user 1001");
        count();
        check_int(n_reading, 101);
        check_int(left_out, 1400);
        say("home/b/logs/x.log", "alice\n");
        await(1);
        /* newcomers, on both sides */
        make_many(MALLORY, "home/a/logs", 1500, 1600);
        say_as(ALICE, "home/b/logs/y.log", "alice's other\n");
        await(2);
        say_as(BOB, "home/b/logs/z.log", "bob's\n");
        say_as(0, "home/b/logs/root.log", "root's\n");
        await(4);
        count();
        check_int(n_reading, 104);
        check_int(left_out, 1500);
        check_int(n_said, 1);
        stop();
}

/* What is read is read on, whatever comes, also over a restart. */
static void test_followed_first(void)
{
        clean("home/*/logs/*.log", NULL);
        set_descriptors(400);
        make_directory("home", 0);
        make_directory("home/a", MALLORY);
        make_directory("home/a/logs", MALLORY);
        make_directory("home/b", ALICE);
        make_directory("home/b/logs", ALICE);
        make_many(ALICE, "home/b/logs", 0, 90);
        start();
        turn(30000);
        make_many(MALLORY, "home/a/logs", 0, 500);
        for (int round = 0; round < 2; round++) {
                for (int tries = 0; n_reading != 90 + 55 && tries < 100; tries++) {
                        turn(100000);
                        count();
                }
                turn(300000);
                count();
                check_int(n_reading, 90 + 55);
                for (int i = 0; i < 90; i++) {
                        char name[64];

                        snprintf(name, sizeof name, "home/b/logs/%05d.log", i);
                        say(name, "alice\n");
                }
                await((size_t) (round + 1) * 90);
                if (round == 0) {
                        stop();
                        start();
                }
        }
        stop();
}

/* Entries that match nothing, more than are looked at. */
static void test_greedy_directory(void)
{
        char command[600];

        clean("home/*/logs/*.log", NULL);
        set_descriptors(400);
        make_directory("home", 0);
        make_directory("home/a", MALLORY);
        make_directory("home/a/logs", MALLORY);
        make_directory("home/b", ALICE);
        make_directory("home/b/logs", ALICE);
        snprintf(command, sizeof command, "cd %s && seq -f x%%05.0f 70000 | xargs touch", at("home/a/logs"));
        check_int(system(command), 0);
        say_as(ALICE, "home/b/logs/x.log", "");
        start();
        await_said("entries of");
        say("home/b/logs/x.log", "alice\n");
        await(1);
        stop();
}

/* Files with a line each, then named so that the pattern matches them no more. */
static void make_old(uid_t uid, const char *prefix, int n)
{
        char name[64], old[64];

        for (int i = 0; i < n; i++) {
                snprintf(name, sizeof name, "%s%02d.log", prefix, i);
                say_as(uid, name, "a line\n");
        }
        await((size_t) n);
        forget_lines();
        for (int i = 0; i < n; i++) {
                snprintf(name, sizeof name, "%s%02d.log", prefix, i);
                snprintf(old, sizeof old, "%s%02d.old", prefix, i);
                rename_to(name, old);
        }
        turn(100000);
}

/* Renamed files keep their descriptors while lines may come, but not at the cost of new ones. */
static void test_old_give_way(void)
{
        clean("*.log", "named", NULL);
        set_descriptors(80);
        start();
        make_old(ALICE, "a", 10);
        make_old(ALICE, "b", 10);
        say_as(ALICE, "c.log", "c\n");
        turn(100000);
        check_int(n_lines, 0);
        say("a00.old", "late\n");
        await(1);
        turn(12000000);
        check_int(n_lines, 2);
        check_text(lines[1], "c");
        say("b00.old", "late\n");
        stop();
}

static void test_old_give_way_to_root(void)
{
        clean("*.log", "named", "other", NULL);
        set_descriptors(80);
        start();
        make_old(0, "a", 19);
        make_old(0, "b", 11);
        make_old(0, "c", 5);
        make_old(0, "d", 3);
        make_old(0, "e", 1);
        say("named", "named\n");
        await(1);
        /* None of them has been quiet for long, and what stands at a path stays. */
        say("other", "other\n");
        turn(500000);
        check_int(n_lines, 1);
        check_contains(said, "40 files are read already");
        turn(12000000);
        check_int(n_lines, 2);
        check_text(lines[1], "other");
        say("named", "named\n");
        await(3);
        stop();
}

static void set_days(const char *name, int days)
{
        struct timespec times[2] = { { .tv_sec = time(NULL) - days * 86400 }, { .tv_sec = time(NULL) - days * 86400 } };

        check_int(utimensat(AT_FDCWD, at(name), times, 0), 0);
}

/* Each number once, in whatever order files were read. */
static void check_each(int from, int to)
{
        check_int(n_lines, to - from);
        for (int i = from; i < to; i++) {
                char text[100];
                int n = 0;

                snprintf(text, sizeof text, "number %d of many lines", i);
                for (size_t j = 0; j < n_lines; j++)
                        n += strcmp(lines[j], text) == 0;
                check_int(n, 1);
        }
}

/* Logs with a date in their names stay where they match. Those of former days give way to today's, and are not lost. */
static void test_dated(void)
{
        char name[64];

        clean("*.log", NULL);
        set_descriptors(80);
        start();
        for (int i = 0; i < 20; i++) {
                snprintf(name, sizeof name, "day%02d.log", i);
                say_numbers(name, i, i + 1, 60);
        }
        await(20);
        for (int i = 0; i < 20; i++) {
                snprintf(name, sizeof name, "day%02d.log", i);
                set_days(name, 22 - i);
        }
        say_numbers("today.log", 20, 21, 0);
        await(21);
        /* The oldest, which has given way, is written to once more, and makes the next one give way; over a restart as well. */
        say_numbers("day00.log", 21, 22, 0);
        say("new.log", "");
        await(22);
        stop();
        say_numbers("day01.log", 22, 23, 0);
        start();
        await(23);
        say_numbers("day02.log", 23, 24, 0);
        say("newer.log", "");
        await(24);
        check_each(0, 24);
        count();
        check_int(n_reading, 20);
        stop();
}

int main(int argc, char **argv)
{
        static const FilesTest tests[] = { TEST(greedy_owner), TEST(followed_first), TEST(greedy_directory), TEST(old_give_way), TEST(old_give_way_to_root), TEST(dated) };

        check_int(getrlimit(RLIMIT_NOFILE, &all_descriptors), 0);
        if (geteuid() != 0) {
                fprintf(stderr, "not root: files of several owners cannot be made\n");
                return 77;
        }
        return run_tests(tests, sizeof tests / sizeof *tests, argc > 1 ? argv[1] : NULL);
}
