/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Log files as a source: what is handed out, once, whatever happens to the files. */

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "files-run.h"

static void test_appears(void)
{
        clean("a.log", NULL);
        start();
        turn(30000);
        check(caught_up);
        say_numbers("a.log", 0, 3, 0);
        await(3);
        say_numbers("a.log", 3, 4, 0);
        await(4);
        check_numbers(0, 4);
        check(llabs(last_time.usec - clock_event_now().usec) < 2 * USEC_PER_SEC);
        stop();
}

#define ERROR_LOG "2026/11/24 00:26:16 [error] 2#2: *1 x\n"
#define ACCESS_LOG "203.0.113.5 - - [24/Nov/2026:00:31:49 +0000] \"GET / HTTP/1.1\" 404 1\n"
#define SYSLOG "Nov 24 00:26:16 host sshd[7]: x\n"

/* How lines came: by a syslog daemon, from the service itself, or as strangers into a file that clients can write to. */
static void test_transport(void)
{
        memset(ways, 0, sizeof ways);
        clean("a.log", NULL);
        start();
        say("a.log", ACCESS_LOG SYSLOG "x\n");
        await(3);
        check_text(ways, "fsf");
        say("a.log", ERROR_LOG ACCESS_LOG SYSLOG "x\n" ERROR_LOG);
        await(8);
        check_text(ways, "fsffmmmf");
        stop();
        /* Reading begins in the middle of an error log. */
        memset(ways, 0, sizeof ways);
        clean("a.log", NULL);
        start();
        say("a.log", ERROR_LOG);
        await(1);
        commit();
        stop();
        say("a.log", ACCESS_LOG SYSLOG);
        start();
        await(3);
        check_text(ways, "fmm");
        stop();
}

static void test_partial(void)
{
        clean("a.log", NULL);
        start();
        say("a.log", "one\ntw");
        await(1);
        say("a.log", "o");
        turn(30000);
        check_int(n_lines, 1);
        stop();
        start();
        say("a.log", "\r\nthree\n\n\nfour\n");
        await(4);
        check_text(lines[1], "two");
        check_text(lines[3], "four");
        stop();
}

static void test_globs(void)
{
        clean("x/*/l*.log", "y.log", NULL);
        start();
        check_int(mkdir(at("x"), 0755), 0);
        turn(20000);
        check_int(mkdir(at("x/one"), 0755), 0);
        say("x/one/l1.log", "a\n");
        say("x/one/other.log", "no\n");
        say("x/one/l2.log.gz", "no\n");
        await(1);
        check_int(mkdir(at("x/two"), 0755), 0);
        turn(20000);
        say("x/two/l1.log", "b\n");
        await(2);
        /* a directory is replaced */
        rename_to("x", "z");
        check_int(mkdir(at("x"), 0755), 0);
        check_int(mkdir(at("x/one"), 0755), 0);
        say("x/one/l1.log", "c\n");
        await(3);
        check_text(lines[2], "c");
        say("y.log", "d\n");
        await(4);
        stop();
}

static void test_links(void)
{
        clean("current", "log-*", "dir/f.log", NULL);
        check_int(symlink("log-1", at("current")), 0);
        say("log-1", "");
        start();
        say("log-1", "a\n");
        await(1);
        say("log-2", "b\n");
        await(2);
        check_int(symlink("log-2", at("next")), 0);
        rename_to("next", "current");
        turn(30000);
        say("log-2", "c\n");
        say("log-1", "d\n");
        await(4);
        /* a directory behind a link */
        check_int(mkdir(at("real-1"), 0755), 0);
        check_int(symlink("real-1", at("dir")), 0);
        turn(20000);
        say("real-1/f.log", "e\n");
        await(5);
        check_int(mkdir(at("real-2"), 0755), 0);
        check_int(symlink("real-2", at("next")), 0);
        rename_to("next", "dir");
        turn(20000);
        say("real-2/f.log", "f\n");
        await(6);
        /* what the link leads to is replaced, the link is not */
        rename_to("real-2", "real-3");
        check_int(mkdir(at("real-2"), 0755), 0);
        say("real-2/f.log", "g\n");
        await(7);
        stop();
}

static void test_foreign_link(void)
{
        if (geteuid() != 0)
                return;
        clean("user/a.log", NULL);
        say("secret", "root:secret\n");
        check_int(mkdir(at("user"), 0755), 0);
        check_int(chown(at("user"), 12345, 12345), 0);
        check_int(symlink("../secret", at("user/a.log")), 0);
        check_int(lchown(at("user/a.log"), 12345, 12345), 0);
        start();
        await_said("symbolic link whose owner");
        check_int(n_lines, 0);
        /* its own file it may lead to, and root may lead anywhere */
        check_int(chown(at("secret"), 12345, 12345), 0);
        say("secret", "mine\n");
        stop();
        start();
        say("secret", "more\n");
        await(1);
        check_int(chown(at("secret"), 0, 0), 0);
        stop();
        forget_rows();
        forget_lines();
        check_int(lchown(at("user/a.log"), 0, 0), 0);
        start();
        say("secret", "more\n");
        await(1);
        stop();
}

static void test_no_file(void)
{
        clean("a.log", NULL);
        check_int(mkfifo(at("a.log"), 0644), 0);
        start();
        await_said("is a pipe");
        check_int(unlink(at("a.log")), 0);
        say("a.log", "a\n");
        await(1);
        check_contains(said, "a.log: ");
        check(!strstr(said, "pipe"));
        check_int(unlink(at("a.log")), 0);
        check_int(mkdir(at("a.log"), 0755), 0);
        await_said("is a directory");
        stop();
}

static void test_rotation(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 10, 0);
        await(10);
        rename_to("a.log", "a.log.1");
        say_numbers("a.log.1", 10, 12, 0);
        await(12);
        say("a.log.1", "partial");
        say_numbers("a.log", 12, 14, 0);
        await(14);
        check_numbers(0, 14);
        /* its writer has not heard yet; the file may move on meanwhile */
        rename_to("a.log.1", "a.log.2");
        say("a.log.2", " whole\n");
        await(15);
        check_text(lines[14], "partial whole");
        commit();
        check(strchr(rows[0][1], ' ') != NULL);
        stop();
}

/* The log's writer makes a new one before logrotate does, which puts it aside. */
static void test_rotation_backup(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        rename_to("a.log", "a.log.1");
        usleep(12000);
        say_numbers("a.log", 5, 7, 0);
        rename_to("a.log", "a.log-2026112907.backup");
        usleep(12000);
        say_numbers("a.log", 7, 9, 0);
        await(9);
        check_numbers(0, 9);
        stop();
}

/* Several rotations between two looks. */
static void test_rotations_unseen(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        for (int i = 1; i < 5; i++) {
                char from[32], to[32];

                for (int j = i; j > 0; j--) {
                        snprintf(to, sizeof to, "a.log.%d", j);
                        snprintf(from, sizeof from, j == 1 ? "a.log" : "a.log.%d", j - 1);
                        rename_to(from, to);
                }
                say_numbers("a.log", i * 5, i * 5 + 5, 0);
                usleep(12000); /* so that their times differ */
        }
        await(25);
        check_numbers(0, 25);
        stop();
}

static void test_unlinked(void)
{
        int fd;

        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 2, 0);
        await(2);
        fd = open(at("a.log"), O_WRONLY | O_APPEND);
        check_int(unlink(at("a.log")), 0);
        turn(20000);
        check_int(write(fd, "late\n", 5), 5);
        await(3);
        say("a.log", "new\n");
        await(4);
        check_int(write(fd, "rest", 4), 4);
        close(fd);
        forget_lines();
        turn(12500000);
        check_int(n_lines, 1);
        check_text(lines[0], "rest");
        commit();
        check(!strchr(rows[0][1], ' '));
        stop();
}

static void copy(const char *from, const char *to)
{
        char command[1200];

        snprintf(command, sizeof command, "cp %s %s", at(from), at(to));
        check_int(system(command), 0);
}

static void test_copytruncate(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 10, 0);
        await(10);
        /* lines that come just before the copy, unseen: they are read in the copy */
        say_numbers("a.log", 10, 15, 0);
        copy("a.log", "a.log.1");
        check_int(truncate(at("a.log"), 0), 0);
        /* it has grown beyond the old place before anybody looks */
        say_numbers("a.log", 15, 40, 0);
        await(40);
        check_numbers(0, 40);
        stop();
}

static void test_truncated(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 10, 0);
        await(10);
        check_int(truncate(at("a.log"), 0), 0);
        turn(20000);
        say_numbers("a.log", 10, 12, 0);
        await(12);
        check_numbers(0, 12);
        stop();
}

/* A glob that matches the copy as well does not count it twice. */
static void test_copy_in_glob(void)
{
        clean("a.log*", NULL);
        start();
        say_numbers("a.log", 0, 10, 0);
        await(10);
        copy("a.log", "a.log.1");
        turn(30000);
        say_numbers("a.log", 10, 12, 0);
        turn(30000);
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 12, 14, 0);
        await(14);
        rename_to("a.log.1", "a.log.2");
        rename_to("a.log", "a.log.1");
        say_numbers("a.log", 14, 16, 0);
        await(16);
        check_numbers(0, 16);
        stop();
        start();
        turn(50000);
        check_int(n_lines, 16);
        stop();
}

/* A writer that does not append leaves a hole. */
static void test_hole(void)
{
        int fd;

        clean("a.log", NULL);
        start();
        fd = open(at("a.log"), O_WRONLY | O_CREAT, 0644);
        check(fd >= 0);
        check_int(write(fd, "before\n", 7), 7);
        await(1);
        check_int(ftruncate(fd, 0), 0);
        turn(20000);
        check_int(lseek(fd, 3000000000, SEEK_SET), 3000000000);
        check_int(write(fd, "behind\n", 7), 7);
        await(2);
        check_text(lines[1], "behind");
        check_int(write(fd, "a\0b\xff\n", 5), 5);
        await(3);
        check_int(last_length, 4);
        close(fd);
        stop();
}

/* Who makes a file of nothing but a hole has it lie there: it is not read for hours, and what is written behind it is. */
static void test_endless_hole(void)
{
        uint64_t runs = 0, until;

        clean("a.log", NULL);
        start();
        say("a.log", "before\n");
        await(1);
        check_int(truncate(at("a.log"), INT64_C(1) << 43), 0);
        turn(100000);
        for (until = clock_boot_now().usec + 300000; clock_boot_now().usec < until; runs++)
                check(sd_event_run(event, 20000) >= 0);
        check(runs < 50);
        say("a.log", "behind\n");
        await(2);
        check_text(lines[1], "behind");
        stop();
}

static void test_long_lines(void)
{
        char *text = malloc(600000);

        clean("a.log", NULL);
        start();
        memset(text, 'x', 600000);
        put("a.log", text, 30000);
        say("a.log", "\n");
        await(1);
        check_int(last_length, 30000);
        /* over-long: once, as soon as that is known, and the rest is passed over, over a restart too */
        put("a.log", text, 50000);
        await(2);
        check(last_length > LINE_LENGTH_MAX);
        check(last_length < 40000);
        stop();
        start();
        put("a.log", text, 300000);
        say("a.log", "\nnext\n");
        await(3);
        check_text(lines[2], "next");
        text[599999] = '\n';
        put("a.log", text, 600000);
        say("a.log", "last\n");
        await(5);
        check_text(lines[4], "last");
        stop();
        free(text);
}

/* ---- over restarts ---- */

static void test_restart(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        say_numbers("a.log", 5, 7, 0);
        start();
        await(7);
        check(caught_up);
        check_numbers(0, 7);
        stop();
}

/* A line that is set aside is committed from within the sink, and then the daemon may crash. */
static void test_commit_in_line(void)
{
        clean("a.log", NULL);
        start();
        turn(20000);
        commit_in_line = true;
        say_numbers("a.log", 0, 20, 0);
        await(20);
        commit_in_line = false;
        source = file_source_free(source);
        say_numbers("a.log", 20, 22, 0);
        start();
        await(22);
        check_numbers(0, 22);
        source = file_source_free(source);
        /* Without a commit the two come again. */
        start();
        await(24);
        stop();
}

/* Nothing is there yet: the place is kept until the file system is mounted. */
static void test_absent_at_start(void)
{
        clean("d/a.log", NULL);
        check_int(mkdir(at("d"), 0755), 0);
        start();
        say_numbers("d/a.log", 0, 5, 0);
        await(5);
        stop();
        rename_to("d", "away");
        start();
        turn(30000);
        check_text(said, "");
        stop();
        start();
        rename_to("away", "d");
        say_numbers("d/a.log", 5, 7, 0);
        await(7);
        check_numbers(0, 7);
        stop();
}

/* A glob that matches what rotation makes of the log: the same file under another path. */
static void test_renamed_in_glob(void)
{
        clean("a*.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        rename_to("a.log", "a-20261124.log");
        say_numbers("a.log", 5, 7, 0);
        await(7);
        stop();
        say_numbers("a.log", 7, 9, 0);
        rename_to("a.log", "a-20261125.log");
        say_numbers("a.log", 9, 10, 0);
        start();
        await(10);
        check_numbers(0, 10);
        stop();
}

/* The way of reading is changed: the place stays. */
static void test_style_changed(void)
{
        char *name;

        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        check(asprintf(&name, "%s|01234567", rows[0][0]) > 0);
        free(rows[0][0]);
        rows[0][0] = name;
        start();
        say_numbers("a.log", 5, 6, 0);
        await(6);
        check_numbers(0, 6);
        stop();
        check_text(rows[0][1], "");
        check_int(n_rows, 2);
}

static void test_rotated_while_stopped(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        say_numbers("a.log", 5, 7, 0);
        for (int i = 0; i < 3; i++) {
                if (i > 1)
                        rename_to("a.log.2", "a.log.3");
                if (i > 0)
                        rename_to("a.log.1", "a.log.2");
                usleep(12000);
                rename_to("a.log", "a.log.1");
                say_numbers("a.log", 7 + 2 * i, 9 + 2 * i, 0);
        }
        start();
        await(13);
        check_numbers(0, 13);
        stop();
        /* and nothing of it comes again */
        start();
        turn(50000);
        check_int(n_lines, 13);
        check_text(said, "");
        stop();
}

static void test_copied_while_stopped(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        say_numbers("a.log", 5, 7, 0);
        copy("a.log", "a.log.1");
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 7, 20, 0);
        start();
        await(20);
        check_numbers(0, 20);
        stop();
}

/* As logrotate does: a.log.1 becomes a.log.2, and the log a.log.1. */
static void copy_and_truncate(void)
{
        rename(at("a.log.1"), at("a.log.2"));
        copy("a.log", "a.log.1");
        check_int(truncate(at("a.log"), 0), 0);
        usleep(12000);
}

/* What was not committed is forgotten. */
static void crash(void)
{
        source = file_source_free(source);
}

/* Nothing of the log had been read at the last commit, so its copies are known only by when they were made. */
static void test_copied_unread(void)
{
        clean("a.log", NULL);
        say_numbers("a.log.1", 90, 95, 3600);
        usleep(20000);
        say("a.log", "");
        start();
        turn(30000);
        commit();
        crash();
        check_int(n_lines, 0);
        rename_to("a.log.1", "a.log.3");
        say_numbers("a.log", 0, 5, 0);
        copy_and_truncate();
        say_numbers("a.log", 5, 10, 0);
        copy_and_truncate();
        say_numbers("a.log", 10, 12, 0);
        /* What is unpacked keeps its time. */
        say_numbers("a.log.9", 90, 95, 3600);
        check_int(utimensat(AT_FDCWD, at("a.log.9"), (struct timespec[2]){ 0 }, 0), 0);
        start();
        await(12);
        check_numbers(0, 12);
        check_text(said, "");
        stop();
        start();
        turn(50000);
        check_int(n_lines, 12);
        stop();
}

/* The same, but a line has been read, too short to know a copy by it alone. */
static void test_copied_hardly_read(void)
{
        clean("a.log", NULL);
        start();
        say("a.log", "short\n");
        await(1);
        usleep(12000);
        stop();
        say_numbers("a.log", 0, 5, 0);
        copy_and_truncate();
        say_numbers("a.log", 5, 10, 0);
        copy_and_truncate();
        say_numbers("a.log", 10, 12, 0);
        start();
        await(13);
        check_contains(lines[1], "number 0 of");
        check_contains(lines[12], "number 11 of");
        check_text(said, "");
        stop();
}

/* The copy was made before the commit, of lines that had not been read by then; the log went on. */
static void test_copied_before_commit(void)
{
        clean("a.log", NULL);
        say("a.log", "");
        start();
        turn(30000);
        file_source_pause(source, true);
        say_numbers("a.log", 0, 5, 0);
        copy("a.log", "a.log.1");
        usleep(20000);
        say_numbers("a.log", 90, 91, 0);
        commit();
        crash();
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 5, 7, 0);
        start();
        await(7);
        check_numbers(0, 7);
        stop();
}

/* The copy is there and the truncation still to come. */
static void test_copied_not_truncated(void)
{
        clean("a.log", NULL);
        say("a.log", "");
        start();
        turn(30000);
        commit();
        crash();
        say_numbers("a.log", 0, 5, 0);
        copy("a.log", "a.log.1");
        say_numbers("a.log", 5, 6, 0);
        start();
        await(6);
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 6, 8, 0);
        await(8);
        check_numbers(0, 8);
        stop();
}

/* The log was read further than it was copied, so its place is in none of the files, and its copy is younger than what is known. */
static void test_read_further_than_copied(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        copy("a.log", "a.log.1");
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 5, 15, 0);
        await(15);
        usleep(20000);
        rename_to("a.log.1", "a.log.2");
        copy("a.log", "a.log.1");
        usleep(20000);
        say_numbers("a.log", 15, 17, 0);
        await(17);
        stop();
        check_int(truncate(at("a.log"), 0), 0);
        usleep(12000);
        /* That copy is no news, but the next one is. */
        rename_to("a.log.2", "a.log.3");
        say_numbers("a.log", 17, 19, 0);
        copy_and_truncate();
        say_numbers("a.log", 19, 21, 0);
        start();
        await(21);
        check_numbers(0, 21);
        check_text(said, "");
        stop();
        start();
        turn(50000);
        check_int(n_lines, 21);
        stop();
}

/* What a hand has cut out of a log is no copy of it. */
static void test_cut_by_hand(void)
{
        char command[1200];

        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 10, 0);
        await(10);
        usleep(12000);
        snprintf(command, sizeof command, "tail -n 5 %s >%s; : >%s", at("a.log"), at("a.log.1"), at("a.log"));
        check_int(system(command), 0);
        say_numbers("a.log", 10, 12, 0);
        await(12);
        check_numbers(0, 12);
        stop();
}

/* Nor is a copy of what was rotated away. */
static void test_copy_of_rotated(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 10, 0);
        await(10);
        rename_to("a.log", "a.log.1");
        say("a.log", "");
        turn(50000);
        usleep(12000);
        copy("a.log.1", "a.log-20261129");
        say_numbers("a.log", 10, 12, 0);
        await(12);
        check_numbers(0, 12);
        stop();
}

/* Of copies that come faster than the log is looked at, the one behind a copy that ends too early is not read. The next is. */
static void test_copied_twice_unseen(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        copy("a.log", "a.log.1");
        say_numbers("a.log", 5, 6, 0);
        await(6);
        usleep(12000);
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 90, 92, 0);
        copy_and_truncate();
        say_numbers("a.log", 6, 8, 0);
        await(8);
        check_numbers(0, 8);
        say_numbers("a.log", 8, 9, 0);
        copy_and_truncate();
        say_numbers("a.log", 9, 10, 0);
        await(10);
        check_numbers(0, 10);
        stop();
}

/* Reading pauses, before anything of the log has been read, while it is copied and truncated. */
static void test_copied_while_waiting(void)
{
        clean("a.log", NULL);
        say("a.log", "");
        start();
        turn(30000);
        file_source_pause(source, true);
        for (int i = 0; i < 3; i++) {
                say_numbers("a.log", 2 * i, 2 * i + 2, 0);
                usleep(12000);
                copy_and_truncate();
                rename(at("a.log.3"), at("a.log.4"));
                rename(at("a.log.2"), at("a.log.3"));
        }
        say_numbers("a.log", 6, 7, 0);
        file_source_pause(source, false);
        await(7);
        check_numbers(0, 7);
        stop();
}

/* Have a member of the last mark of the only row say something else. */
static void edit_mark(unsigned member, uint64_t value)
{
        char *mark, *next, *edited;

        check_int(n_rows, 1);
        mark = strrchr(rows[0][1], ' ');
        mark = mark ? mark + 1 : rows[0][1];
        while (member-- > 0)
                mark = strchr(mark, ':') + 1;
        next = mark + strcspn(mark, ":+");
        check(asprintf(&edited, "%.*s%" PRIx64 "%s", (int) (mark - rows[0][1]), rows[0][1], value, next) > 0);
        free(rows[0][1]);
        rows[0][1] = edited;
}

/* Two rotations after the last commit: what was marked is gone, and the file system has given its inode to the log. */
static void test_inode_of_unread(void)
{
        struct stat st;

        clean("a.log", NULL);
        say("a.log", "");
        start();
        turn(30000);
        commit();
        crash();
        usleep(12000);
        check_int(unlink(at("a.log")), 0);
        say_numbers("a.log", 0, 3, 0);
        usleep(12000);
        rename_to("a.log", "a.log.1");
        say_numbers("a.log", 3, 5, 0);
        check_int(stat(at("a.log"), &st), 0);
        edit_mark(1, st.st_ino);
        start();
        await(5);
        check_numbers(0, 5);
        stop();
}

/* The log was written to for a while after it had been rotated away: then the next one is older than its last line. */
static void test_next_is_older(void)
{
        struct stat st;

        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 3, 0);
        await(3);
        stop();
        check_int(unlink(at("a.log")), 0);
        say_numbers("a.log", 3, 4, 0);
        usleep(12000);
        check_int(stat(at("a.log"), &st), 0);
        edit_mark(9, (uint64_t) st.st_mtim.tv_sec * 1000000 + (uint64_t) st.st_mtim.tv_nsec / 1000 + 2000);
        say_numbers("a.log", 4, 5, 0);
        rename_to("a.log", "a.log.1");
        say_numbers("a.log", 5, 7, 0);
        start();
        await(7);
        check_numbers(0, 7);
        stop();
}

#define RANDOM_LINES 200
#define RANDOM_STEPS 25

static int n_written, n_rotated;
static size_t n_committed;
static bool excused[RANDOM_LINES];

static void write_some(bool between)
{
        for (int i = rand() % 3; i >= 0 && n_written < RANDOM_LINES; i--) {
                char text[100], when[40];

                stamp(when, sizeof when, time(NULL));
                if (rand() % 3 == 0)
                        snprintf(text, sizeof text, "number %d of\n", n_written);
                else
                        snprintf(text, sizeof text, "%s host sshd[1]: number %d of the lines at random\n", when, n_written);
                say("a.log", text);
                excused[n_written++] = between;
        }
}

/* All files stay, each under a higher number. */
static void rotate_at_random(bool by_copy)
{
        bool between = rand() % 3 == 0;

        for (int i = n_rotated; i > 0; i--) {
                char from[20], to[20];

                snprintf(from, sizeof from, "a.log.%d", i);
                snprintf(to, sizeof to, "a.log.%d", i + 1);
                rename_to(from, to);
        }
        n_rotated++;
        if (!by_copy) {
                rename_to("a.log", "a.log.1");
                say("a.log", "");
                return;
        }
        copy("a.log", "a.log.1");
        usleep(12000);
        if (between) {
                write_some(true);
                if (rand() % 2 == 0)
                        turn(3000);
                if (source && rand() % 4 == 0) {
                        commit();
                        n_committed = n_lines;
                }
                usleep(12000);
        }
        check_int(truncate(at("a.log"), 0), 0);
        /* See stream_rewritten(): this is to be seen before the next copy is made. */
        if (source && between)
                turn(3000);
}

/* It commits where reading begins. */
static void start_as_daemon(void)
{
        start();
        commit();
        n_committed = n_lines;
}

static void one_step(bool by_copy)
{
        usleep(12000);
        switch (rand() % 8) {
        case 0 ... 2:
                write_some(false);
                break;
        case 3:
                turn(3000);
                break;
        case 4:
                commit();
                n_committed = n_lines;
                break;
        case 5:
                crash();
                while (n_lines > n_committed)
                        free(lines[--n_lines]);
                if (rand() % 2 == 0) {
                        start_as_daemon();
                        break;
                }
                for (int i = rand() % 3; i >= 0; i--) {
                        write_some(false);
                        usleep(12000);
                        rotate_at_random(by_copy);
                        usleep(12000);
                }
                start_as_daemon();
                break;
        default:
                rotate_at_random(by_copy);
        }
}

static void count_lines(int times[static RANDOM_LINES])
{
        memset(times, 0, RANDOM_LINES * sizeof *times);
        for (size_t i = 0; i < n_lines; i++)
                times[atoi(strstr(lines[i], "number ") + 7)]++;
}

static bool have_come(void)
{
        int times[RANDOM_LINES];

        count_lines(times);
        for (int i = 0; i < n_written; i++)
                if (times[i] == 0 && !excused[i])
                        return false;
        return true;
}

static void check_each_once(unsigned seed)
{
        int times[RANDOM_LINES];

        for (int i = 0; i < 100 && !have_come(); i++)
                turn(50000);
        turn(300000);
        count_lines(times);
        for (int i = 0; i < n_written; i++)
                if (times[i] != 1 && !(times[i] == 0 && excused[i])) {
                        fprintf(stderr, "seed %u: line %d came %d times\n", seed, i, times[i]);
                        abort();
                }
}

/* Rotations, commits and crashes in any order. Only what was written between a copy and the truncation may be missing. */
static void test_at_random(void)
{
        unsigned first = getenv("SEED") ? (unsigned) atoi(getenv("SEED")) : (unsigned) time(NULL), n = getenv("ROUNDS") ? (unsigned) atoi(getenv("ROUNDS")) : 4;

        for (unsigned seed = first; seed < first + n; seed++) {
                srand(seed);
                clean("a.log", NULL);
                n_written = n_rotated = 0;
                n_committed = 0;
                memset(excused, 0, sizeof excused);
                say("a.log", "");
                start_as_daemon();
                for (int i = 0; i < RANDOM_STEPS; i++)
                        one_step(seed % 2);
                check_each_once(seed);
                stop();
        }
}

/* What comes after a rotation is new, whatever its stamps say: of requests that took long, of a clock that was set back. */
static void test_late_stamps_after_rotation(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        say_numbers("a.log", 5, 7, 0);
        rename_to("a.log", "a.log.1");
        say_numbers("a.log", 7, 8, 300);
        say_numbers("a.log", 8, 9, 0);
        start();
        await(9);
        check_numbers(0, 9);
        stop();
        /* Two rotations: the file between. */
        rename_to("a.log.1", "a.log.2");
        rename_to("a.log", "a.log.1");
        usleep(12000);
        say_numbers("a.log", 9, 10, 300);
        say_numbers("a.log", 10, 11, 0);
        rename_to("a.log.2", "a.log.3");
        rename_to("a.log.1", "a.log.2");
        rename_to("a.log", "a.log.1");
        usleep(12000);
        say_numbers("a.log", 11, 12, 300);
        start();
        await(12);
        check_numbers(0, 12);
        stop();
}

/* Two files may begin with the same lines, of the same second: the one is no copy of the other. */
static void test_same_lines_rotated(void)
{
        char same[100], when[40];

        clean("a.log", NULL);
        stamp(when, sizeof when, time(NULL));
        snprintf(same, sizeof same, "%s the same line in the same second, twice\n", when);
        start();
        say("a.log", same);
        say("a.log", same);
        await(2);
        rename_to("a.log", "a.log.1");
        say("a.log", same);
        say("a.log", same);
        say_numbers("a.log", 4, 6, 0);
        await(6);
        stop();
        say_numbers("a.log", 6, 7, 0);
        check_int(unlink(at("a.log.1")), 0);
        rename_to("a.log", "a.log.1");
        say_numbers("a.log", 7, 8, 0);
        start();
        await(8);
        check_contains(lines[6], "number 6 of");
        check_contains(lines[7], "number 7 of");
        stop();
}

static void test_lost(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        rename_to("a.log", "elsewhere");
        check_int(unlink(at("elsewhere")), 0);
        say_numbers("a.log", 5, 8, 0);
        start();
        await(8);
        check_contains(said, "lost");
        stop();
}

static size_t n_past;
static char past_first[100], past_last[100];

static void on_past(void *userdata, const Line *line)
{
        snprintf(n_past++ ? past_last : past_first, sizeof past_first, "%.*s", (int) line->length, line->text);
}

static void test_past(void)
{
        FilePast past = { .seconds = 30, .max_lines = 100000, .max_usec = USEC_PER_SEC };
        FilePastStats stats;

        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 60);
        say_numbers("a.log", 5, 3000, 10);
        await(3000);
        stop();
        say_numbers("a.log", 3000, 3002, 0);
        start();
        check_int(file_source_read_past(source, &past, on_past, NULL, &stats), 0);
        check_int(n_past, 2995);
        check_int(stats.lines, 2995);
        check(!stats.cut);
        check_text(past_first, "number 5 of many lines");
        check_text(past_last, "number 2999 of many lines");
        past.max_lines = 10;
        n_past = 0;
        check_int(file_source_read_past(source, &past, on_past, NULL, &stats), 0);
        check_int(n_past, 10);
        check(stats.cut);
        check_text(past_first, "number 2990 of many lines");
        await(3002);
        check_numbers(0, 3002);
        stop();
}

/* The kernel gives no watches, or no inotify at all: files are polled, and it is said. */
static void in_namespace(const char *limit, const char *value, const char *words)
{
        pid_t child;
        int status;

        clean("a.log", NULL);
        fflush(NULL);
        child = fork();
        if (child == 0) {
                int fd;

                if (unshare(CLONE_NEWUSER) < 0 || (fd = open(limit, O_WRONLY)) < 0 || write(fd, value, strlen(value)) < 0)
                        _exit(77);
                event = NULL;
                check(sd_event_new(&event) >= 0);
                start();
                await_said(words);
                say_numbers("a.log", 0, 3, 0);
                await(3);
                rename_to("a.log", "a.log.1");
                say_numbers("a.log.1", 3, 4, 0);
                say_numbers("a.log", 4, 6, 0);
                await(6);
                check_numbers(0, 6);
                _exit(0);
        }
        check_int(waitpid(child, &status, 0), child);
        check(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
        if (WEXITSTATUS(status) == 77)
                fprintf(stderr, "no user namespace here: not tested\n");
}

static void test_polling(void)
{
        in_namespace("/proc/sys/user/max_inotify_watches", "2", "max_user_watches");
        in_namespace("/proc/sys/user/max_inotify_instances", "0", "max_user_instances");
}

/* Too few descriptors: said; half of them are for one pattern, and what is named is read. */
static void test_descriptors(void)
{
        struct rlimit limit, few;

        clean("*.log", "00.log", NULL);
        for (int i = 0; i < 40; i++) {
                char name[32];

                snprintf(name, sizeof name, "%02d.log", i);
                say(name, "");
        }
        check_int(getrlimit(RLIMIT_NOFILE, &limit), 0);
        few = limit;
        few.rlim_cur = 60;
        check_int(setrlimit(RLIMIT_NOFILE, &few), 0);
        start();
        await_said("25 files that match are not read");
        say("00.log", "a\n");
        await(1);
        stop();
        check_int(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* An inode that another file has got. */
static void test_inode_again(void)
{
        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 5, 0);
        await(5);
        stop();
        check_int(truncate(at("a.log"), 0), 0);
        say_numbers("a.log", 5, 15, 0);
        start();
        await(15);
        check_numbers(0, 15);
        stop();
}

/* An editor writes a new file with the same lines and some fewer. */
static void test_edited(void)
{
        char command[1200];

        clean("a.log", NULL);
        start();
        say_numbers("a.log", 0, 30, 5);
        await(30);
        snprintf(command, sizeof command, "sed -i '/number 20 /d' %s", at("a.log"));
        check_int(system(command), 0);
        turn(50000);
        check_int(n_lines, 30);
        say_numbers("a.log", 30, 32, 0);
        await(32);
        check_numbers(0, 32);
        stop();
}

static size_t n_infos;
static FileInfo info;
static char info_problem[600];

static void on_info(void *userdata, const FileInfo *next)
{
        n_infos++;
        info = *next;
        snprintf(info_problem, sizeof info_problem, "%s", next->problem);
}

/* ---- first start ---- */

static void test_first_start(void)
{
        FILE *file;
        char when[40];

        clean("a.log", NULL);
        file = fopen(at("a.log"), "w");
        check(file != NULL);
        for (int i = 0; i < 100000; i++) {
                stamp(when, sizeof when, time(NULL) - 86400 + (time_t) i * 86400 / 100000);
                fprintf(file, "%s number %d of many lines\n", when, i);
        }
        fclose(file);
        start();
        turn(300000);
        check(caught_up);
        check(n_lines >= 690 && n_lines <= 697);
        check_text(lines[n_lines - 1], "number 99999 of many lines");
        file_source_list(source, 0, on_info, NULL);
        check(info.bytes < 1000000); /* of five million: the beginning was sought, not read */
        n_infos = 0;
        stop();
}

static void test_first_start_rotated(void)
{
        clean("a.log", NULL);
        say_numbers("a.log.2", 0, 10, 3600);
        usleep(12000);
        say_numbers("a.log.1", 10, 15, 3600);
        say_numbers("a.log.1", 15, 20, 60);
        usleep(12000);
        say_numbers("a.log", 20, 25, 30);
        start();
        await(10);
        check_numbers(15, 25);
        stop();
}

/* Lines without time may be of any age. */
static void test_first_start_without_stamps(void)
{
        clean("a.log", NULL);
        say("a.log", "old\nold\npar");
        usleep(20000);
        start();
        turn(50000);
        check_int(n_lines, 0);
        say("a.log", "tial\nnew\n");
        await(2);
        check_text(lines[0], "partial");
        stop();
}

/* ---- readers, fairness, pause ---- */

static void test_readers(void)
{
        const char *other[] = { NULL, NULL };

        clean("a.log", "*.log", NULL);
        n_watches = 2;
        other[0] = at("a.log");
        watches[1] = (FileWatch){ .paths = other, .findtime = 60 };
        start();
        say("a.log", "a\n");
        await(1);
        check_int(last_readers, 2);
        say("b.log", "b\n");
        await(2);
        check_int(last_readers, 1);
        stop();
}

static void test_fair(void)
{
        char *text = malloc(40 << 20);
        size_t at_quiet = 0;

        clean("flood.log", "quiet.log", NULL);
        say("flood.log", "");
        say("quiet.log", "");
        start();
        turn(20000);
        for (size_t i = 0; i < 40 << 20; i++)
                text[i] = i % 128 == 127 ? '\n' : 'f';
        put("flood.log", text, 40 << 20);
        say("quiet.log", "quiet\n");
        for (int i = 0; i < 100 && at_quiet == 0; i++) {
                check(sd_event_run(event, 100000) >= 0);
                for (size_t j = 0; j < n_lines && at_quiet == 0; j++)
                        if (strcmp(lines[j], "quiet") == 0)
                                at_quiet = j + 1;
        }
        check(at_quiet > 0 && at_quiet < 10000);
        file_source_pause(source, true);
        at_quiet = n_lines;
        turn(50000);
        check_int(n_lines, at_quiet);
        file_source_pause(source, false);
        await((40 << 20) / 128 + 1);
        stop();
        free(text);
}

static void test_overflow(void)
{
        clean("a.log", "b.log", NULL);
        say("a.log", "");
        say("b.log", "");
        start();
        turn(20000);
        /* More events than the kernel keeps, then what they tell nothing of. */
        for (int i = 0; i < 20000; i++)
                say(i & 1 ? "a.log" : "b.log", "x");
        say("a.log", "\n");
        rename_to("a.log", "a.log.1");
        say("a.log", "new\n");
        await(2);
        check_text(lines[1], "new");
        stop();
}

/* A rewritten file is known by its first bytes alone, and by the last ones before the place alone. */
static void test_prints(void)
{
        char header[302];

        clean("a.log", NULL);
        start();
        say("a.log", "first: 1\n");
        for (int i = 0; i < 50; i++)
                say("a.log", "always the same\n");
        await(51);
        check_int(truncate(at("a.log"), 0), 0);
        say("a.log", "first: 2\n");
        for (int i = 0; i < 60; i++)
                say("a.log", "always the same\n");
        await(51 + 61);
        stop();
        clean("a.log", NULL);
        memset(header, '#', 300);
        strcpy(header + 300, "\n");
        start();
        say("a.log", header);
        say_numbers("a.log", 0, 5, 50);
        await(6);
        check_int(truncate(at("a.log"), 0), 0);
        say("a.log", header);
        say_numbers("a.log", 5, 20, 10);
        await(21);
        check_text(lines[6], "number 5 of many lines");
        stop();
}

static void test_list(void)
{
        clean("a.log", NULL);
        start();
        file_source_list(source, 0, on_info, NULL);
        check_int(n_infos, 1);
        check(info.waiting);
        check_contains(info_problem, "not there");
        check_text(said, "");
        say("a.log", "Nov 24 10:00:00 host sshd[5]: x\n");
        await(1);
        file_source_list(source, 0, on_info, NULL);
        check(!info.waiting && info.forgeable && !info.polled);
        check_int(info.lines, 1);
        stop();
}

/* The rights are lost when the log is rotated, and given back. */
static void test_rights(void)
{
        pid_t child;
        int status;

        if (geteuid() != 0)
                return;
        clean("a.log", NULL);
        say("a.log", "");
        check_int(chmod(base, 0755), 0);
        fflush(NULL);
        child = fork();
        if (child == 0) {
                sd_event *own = NULL;
                int pipes[2];

                /* root's file, our user's eyes */
                check_int(pipe(pipes), 0);
                if (fork() == 0) {
                        char byte;

                        say("new", "a\n");
                        check_int(chmod(at("new"), 0600), 0);
                        check_int(read(pipes[0], &byte, 1), 1);
                        rename_to("a.log", "a.log.1");
                        rename_to("new", "a.log");
                        check_int(read(pipes[0], &byte, 1), 1);
                        check_int(chmod(at("a.log"), 0644), 0);
                        _exit(0);
                }
                check_int(setresuid(12345, 12345, 12345), 0);
                check(sd_event_new(&own) >= 0);
                event = own;
                start();
                turn(20000);
                check_int(write(pipes[1], "x", 1), 1);
                await_said("cannot be opened");
                check_int(write(pipes[1], "x", 1), 1);
                await(1);
                check_contains(said, "a.log: ");
                check(!strstr(said, "cannot"));
                _exit(0);
        }
        check_int(waitpid(child, &status, 0), child);
        check_int(status, 0);
}

int main(int argc, char **argv)
{
        static const FilesTest tests[] = {
                TEST(appears), TEST(transport), TEST(partial), TEST(globs), TEST(links), TEST(foreign_link), TEST(no_file), TEST(rotation),
                TEST(rotation_backup), TEST(rotations_unseen), TEST(unlinked), TEST(copytruncate), TEST(truncated), TEST(copy_in_glob), TEST(hole), TEST(endless_hole),
                TEST(long_lines), TEST(restart), TEST(commit_in_line), TEST(absent_at_start), TEST(renamed_in_glob), TEST(style_changed), TEST(rotated_while_stopped), TEST(copied_while_stopped),
                TEST(copied_unread), TEST(copied_hardly_read), TEST(copied_before_commit), TEST(copied_not_truncated), TEST(read_further_than_copied),
                TEST(cut_by_hand), TEST(copy_of_rotated), TEST(copied_twice_unseen), TEST(copied_while_waiting), TEST(inode_of_unread), TEST(next_is_older), TEST(at_random),
                TEST(late_stamps_after_rotation), TEST(same_lines_rotated), TEST(lost),
                TEST(inode_again), TEST(past), TEST(polling), TEST(descriptors), TEST(edited), TEST(first_start), TEST(first_start_rotated), TEST(first_start_without_stamps),
                TEST(readers), TEST(fair), TEST(overflow), TEST(prints), TEST(list), TEST(rights),
        };

        return run_tests(tests, sizeof tests / sizeof *tests, argc > 1 ? argv[1] : NULL);
}
