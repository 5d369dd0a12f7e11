/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The same message in several sources counts once, whatever the order in which the sources are read. */

#include "copies.h"
#include "test.h"

static Copies *copies;
static const char *reader = "sshd";

static bool seen(const char *source, const char *ident, int64_t pid, double time, const char *text)
{
        static const size_t readers[] = { 0 };
        bool file = strcmp(source, "journal") != 0;
        Line line = { .text = text, .length = strlen(text), .time = { (int64_t) (time * 1e6) }, .ident = ident, .pid = pid, .source = source,
                      .readers = file ? readers : NULL, .n_readers = file };

        return copies_seen(copies, reader, &line);
}

static void test_once(void)
{
        check(!seen("journal", "sshd", 7, 100.9, "Failed password"));
        check(seen("/a", "sshd", 7, 100, "Failed password"));
        /* the file may be first, and a second off */
        check(!seen("/a", "sshd", 7, 110, "Invalid user"));
        check(seen("journal", "sshd", 7, 111.9, "Invalid user"));
        check(!seen("/a", "sshd", 7, 120, "Invalid user"));
        check(!seen("journal", "sshd", 7, 123, "Invalid user"));
        /* a third source */
        check(seen("/b", "sshd", 7, 100, "Failed password"));
        check(!seen("/b", "sshd", 7, 100, "Failed password"));
}

static void test_others(void)
{
        check(!seen("journal", "sshd", 7, 200, "x"));
        check(!seen("/a", "sshd", 8, 200, "x"));
        check(!seen("/a", "sshd", 7, 200, "y"));
        check(!seen("/a", "sshe", 7, 200, "x"));
        check(seen("/a", "sshd", 7, 200, "x"));
        check(!seen("journal", "sshd", 7, 200.1, "x"));
}

/* As syslog daemons write them. */
static void test_writing(void)
{
        check(!seen("journal", "sshd", 7, 300, "user a\tb\x1b[0m from "));
        check(seen("/a", "sshd", 7, 300, " user a#011b#033[0m from"));
        check(!seen("/a", "sshd", 7, 300, " user a#099b#033[0m from"));
}

/* What one jail has heard is no copy for another one. */
static void test_readers(void)
{
        check(!seen("/a", "sshd", 7, 350, "x"));
        reader = "other";
        check(!seen("journal", "sshd", 7, 350, "x"));
        reader = "sshd";
        check(seen("journal", "sshd", 7, 350, "x"));
}

/* A line of an access log names no program; the journal's copy has nginx's name and process. */
static void test_nameless(void)
{
        check(!seen("/access.log", "", -1, 360, "203.0.113.5 - - GET"));
        check(seen("journal", "nginx", 7, 360.4, "203.0.113.5 - - GET"));
        check(!seen("journal", "nginx", 7, 370, "203.0.113.5 - - GET"));
        check(!seen("journal", "nginx", 8, 370, "203.0.113.5 - - GET"));
        check(seen("/access.log", "", -1, 370, "203.0.113.5 - - GET"));
        check(seen("/access.log", "", -1, 370, "203.0.113.5 - - GET"));
        check(!seen("/access.log", "", -1, 370, "203.0.113.5 - - GET"));
        /* A syslog file's line and a nameless one are both no journal's. */
        check(!seen("/syslog", "nginx", 7, 380, "x"));
        check(!seen("/access.log", "", -1, 380, "x"));
}

/* Two web sites write the same line in the same second: those are two requests, and the journal has both, or none. */
static void test_sites(void)
{
        check(!seen("/one.log", "", -1, 400, "203.0.113.5 - - GET"));
        check(!seen("/two.log", "", -1, 400, "203.0.113.5 - - GET"));
        check(seen("journal", "nginx", 7, 400.4, "203.0.113.5 - - GET"));
        check(seen("journal", "nginx", 7, 400.4, "203.0.113.5 - - GET"));
        check(!seen("journal", "nginx", 7, 400.4, "203.0.113.5 - - GET"));
}

/* However many files there are, and have been, the journal is told from each. */
static void test_many_files(void)
{
        for (int i = 0; i < 40; i++) {
                char file[20];

                snprintf(file, sizeof file, "/file-%d", i);
                check(!seen(file, "x", 1, 420 + 10 * i, "x"));
                check(seen("journal", "x", 1, 420 + 10 * i, "x"));
        }
        check(!seen("journal", "x", 1, 920, "z"));
        check(seen("/file-39", "x", 1, 920, "z"));
}

/* What was not believed does not stand for what the service itself will write. */
static void test_retract(void)
{
        for (int i = 0; i < 3; i++) {
                check(!seen("/error.log", "", -1, 1100, "203.0.113.5 - - GET"));
                copies_retract(copies);
                check(!seen("journal", "nginx", 7, 1100, "203.0.113.5 - - GET"));
                copies_retract(copies);
        }
        check(!seen("/access.log", "", -1, 1100, "203.0.113.5 - - GET"));
        check(!seen("/access.log", "", -1, 1101, "203.0.113.5 - - GET"));
        check(seen("journal", "nginx", 8, 1100, "203.0.113.5 - - GET"));
        copies_retract(copies); /* it was a copy: nothing to take back */
        check(seen("journal", "nginx", 8, 1101, "203.0.113.5 - - GET"));
        check(!seen("journal", "nginx", 8, 1101, "203.0.113.5 - - GET"));
}

/* Each of many messages, some of them told twice in a second, counts as often as it was written. */
static void test_shuffled(void)
{
        enum { N = 4000, LAG = 300 };
        size_t next[2] = { 0, 0 }, counted = 0;
        unsigned random = 12345;

        while (next[0] < N || next[1] < N) {
                char text[32];
                size_t s;

                random = random * 1103515245 + 12345;
                s = (random >> 16) & 1;
                if (next[s] >= N || next[s] > next[!s] + LAG)
                        s = !s;
                snprintf(text, sizeof text, "message %zu", next[s] / 2);
                counted += !seen(s ? "/a" : "journal", "sshd", 9, 1000.0 + (double) (next[s] / 40) + (s ? 0 : 0.7), text);
                next[s]++;
        }
        check_int(counted, N);
}

static void test_cap(void)
{
        Copies *big = copies;
        char text[32];

        copies = NULL;
        check_int(copies_new(100, &copies), 0);
        for (int i = 0; i < 1000; i++) {
                snprintf(text, sizeof text, "m%d", i);
                check(!seen("journal", "x", 1, 1, text));
        }
        check(!seen("/a", "x", 1, 1, "m899"));
        check(seen("/a", "x", 1, 1, "m999"));
        check_int(copies_dropped(copies), 1);
        copies_free(copies);
        copies = big;
}

int main(void)
{
        check_int(copies_new(COPIES_MAX, &copies), 0);
        test_once();
        test_others();
        test_writing();
        test_readers();
        test_nameless();
        test_sites();
        test_many_files();
        test_retract();
        test_shuffled();
        test_cap();
        copies_free(copies);
        return 0;
}
