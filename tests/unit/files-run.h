/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Runs a FileSource over files that a test writes, and keeps what comes out of it. */

#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "files.h"
#include "logline.h"
#include "test.h"

#define LINES_MAX 400000
#define ROWS_MAX 16384

static char base[32] = "/tmp/test-files.XXXXXX";
static sd_event *event;
static FileSource *source;
static const char *paths[8];
static FileWatch watches[3];
static size_t n_watches = 1;
static FileConfig config;

/* what has come */
static char *lines[LINES_MAX];
static size_t n_lines, last_length, last_readers;
static EventTime first_time, last_time;
static char ways[64]; /* the first letter of each line's transport */
static char said[4096];
static char *rows[ROWS_MAX][2]; /* name, position */
static size_t n_rows, n_said;
static bool caught_up;

static bool commit_in_line;
static inline void commit(void);

static inline void on_line(void *userdata, const Line *line)
{
        if (commit_in_line)
                commit();
        check(n_lines < LINES_MAX);
        lines[n_lines++] = strndup(line->text, line->length < 100 ? line->length : 100);
        last_length = line->length;
        last_readers = line->n_readers;
        last_time = line->time;
        if (n_lines == 1)
                first_time = line->time;
        check(line->transport != NULL);
        if (n_lines < sizeof ways)
                ways[n_lines - 1] = line->transport[0];
        for (size_t i = 1; i < line->n_readers; i++)
                check(line->readers[i - 1] < line->readers[i]);
}

static inline void on_state(void *userdata, const char *path, const char *text)
{
        if (getenv("SAY"))
                fprintf(stderr, "said: %s: %s\n", path, text);
        n_said++;
        snprintf(said, sizeof said, "%s: %s", path, text);
}

static inline void on_caught_up(void *userdata)
{
        check(!caught_up);
        caught_up = true;
}

static inline void forget_rows(void)
{
        for (; n_rows > 0; rows[n_rows][0] = rows[n_rows][1] = NULL) {
                n_rows--;
                free(rows[n_rows][0]);
                free(rows[n_rows][1]);
        }
}

static inline void forget_lines(void)
{
        while (n_lines > 0)
                free(lines[--n_lines]);
}

/* ---- the source ---- */

static inline void start(void)
{
        usleep(30000); /* what was made before is older than the start, also by a clock that ticks */
        FileCallbacks callbacks = { on_line, on_state, on_caught_up, NULL };
        Problem problem = { "" };

        caught_up = false;
        said[0] = '\0';
        n_said = 0;
        config = (FileConfig){ .watches = watches, .n_watches = n_watches };
        check_int(file_source_new(event, &config, callbacks, &source), 0);
        for (size_t i = 0; i < n_rows; i++)
                check_int(file_source_place(source, rows[i][0], rows[i][1]), 0);
        check_int(file_source_start(source, &problem), 0);
}

static inline void keep_row(void *userdata, const char *name, const char *position, EventTime time)
{
        size_t i = 0;

        while (i < n_rows && strcmp(rows[i][0], name) != 0)
                i++;
        check(i < ROWS_MAX);
        if (i == n_rows)
                rows[n_rows++][0] = strdup(name);
        free(rows[i][1]);
        rows[i][1] = strdup(position);
}

static inline void commit(void)
{
        file_source_positions(source, false, keep_row, NULL);
}

static inline void stop(void)
{
        commit();
        source = file_source_free(source);
}

static inline void turn(uint64_t usec)
{
        uint64_t end = clock_boot_now().usec + usec;
        int64_t left;

        while ((left = (int64_t) (end - clock_boot_now().usec)) > 0)
                check(sd_event_run(event, (uint64_t) left) >= 0);
}

/* Until so many lines have come; then a moment more, in which none may. */
static inline void await(size_t n)
{
        uint64_t end = clock_boot_now().usec + 5000000;

        while (n_lines < n && clock_boot_now().usec < end)
                check(sd_event_run(event, 100000) >= 0);
        turn(30000);
        if (n_lines != n) {
                fprintf(stderr, "%zu lines instead of %zu; the last: %s; said: %s\n", n_lines, n, n_lines ? lines[n_lines - 1] : "-", said);
                abort();
        }
}

static inline void await_said(const char *text)
{
        uint64_t end = clock_boot_now().usec + 5000000;

        while (!strstr(said, text) && clock_boot_now().usec < end)
                check(sd_event_run(event, 100000) >= 0);
        check_contains(said, text);
}

/* ---- files ---- */

static inline char *at(const char *name)
{
        static char buffers[8][512];
        static unsigned next;
        char *path = buffers[next++ % 8];

        snprintf(path, 512, "%s/%s", base, name);
        return path;
}

static inline void put(const char *name, const char *text, size_t size)
{
        int fd = open(at(name), O_WRONLY | O_CREAT | O_APPEND, 0644);

        check(fd >= 0);
        check_int(write(fd, text, size), size);
        close(fd);
}

static inline void say(const char *name, const char *text)
{
        put(name, text, strlen(text));
}

static inline void stamp(char *buffer, size_t size, time_t time)
{
        strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", gmtime(&time));
}

/* Lines "number N" with a stamp so many seconds ago. */
static inline void say_numbers(const char *name, int from, int to, int ago)
{
        for (int i = from; i < to; i++) {
                char text[100], when[40];

                stamp(when, sizeof when, time(NULL) - ago);
                snprintf(text, sizeof text, "%s number %d of many lines\n", when, i);
                say(name, text);
        }
}

static inline void rename_to(const char *from, const char *to)
{
        check_int(rename(at(from), at(to)), 0);
}

static inline void clean(const char *first, ...)
{
        va_list list;
        const char *path = first;
        char command[128];

        snprintf(command, sizeof command, "rm -rf %s; mkdir %s", base, base);
        check_int(system(command), 0);
        forget_lines();
        forget_rows();
        n_watches = 1;
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                free((char *) paths[i]);
        memset(paths, 0, sizeof paths);
        va_start(list, first);
        for (size_t i = 0; path; path = va_arg(list, const char *))
                paths[i++] = strdup(at(path));
        va_end(list);
        watches[0] = (FileWatch){ .paths = paths, .findtime = 600 };
}

static inline void check_numbers(int from, int to)
{
        check_int(n_lines, to - from);
        for (int i = from; i < to; i++) {
                char text[100];

                snprintf(text, sizeof text, "number %d of many lines", i);
                check_text(lines[i - from], text);
        }
}

/* ---- running the tests ---- */

typedef struct FilesTest {
        const char *name;
        void (*run)(void);
} FilesTest;

#define TEST(name) { #name, test_##name }

static inline int run_tests(const FilesTest *tests, size_t n, const char *only)
{
        char command[128];

        check(mkdtemp(base) != NULL);
        check_int(setenv("TZ", "UTC", 1), 0);
        check(sd_event_new(&event) >= 0);
        for (size_t i = 0; i < n; i++) {
                if (only && strcmp(only, tests[i].name) != 0)
                        continue;
                fprintf(stderr, "%s\n", tests[i].name);
                tests[i].run();
        }
        forget_lines();
        forget_rows();
        sd_event_unref(event);
        snprintf(command, sizeof command, "rm -rf %s", base);
        return system(command);
}
