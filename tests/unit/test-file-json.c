/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files of JSON objects: what is handed out of them, once, whatever is split, rotated, truncated, or read in two runs. */

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "test.h"

#define MESSAGES_MAX 64
#define PART 16384

static char base[32] = "/tmp/test-file-json.XXXXXX", path[64], old_path[64];
static sd_event *event;
static FileSource *source;
static FileStyle style;
static char row[2][FILE_POSITION_MAX];
static char messages[MESSAGES_MAX][160];
static size_t lengths[MESSAGES_MAX], n_messages;
static EventTime last_time;
static const char *last_transport;
static FileInfo info;
static time_t began;

static void on_line(void *userdata, const Line *line)
{
        check(n_messages < MESSAGES_MAX);
        snprintf(messages[n_messages], sizeof *messages, "%.*s", (int) (line->length < 150 ? line->length : 150), line->text);
        lengths[n_messages++] = line->length;
        last_time = line->time;
        last_transport = line->transport;
}

static void on_position(void *userdata, const char *name, const char *position, EventTime time)
{
        snprintf(row[0], sizeof row[0], "%s", name);
        snprintf(row[1], sizeof row[1], "%s", position);
}

static void on_info(void *userdata, const FileInfo *next)
{
        info = *next;
}

static void start(void)
{
        static const char *paths[] = { path, NULL };
        static FileWatch watch;
        FileConfig config = { .watches = &watch, .n_watches = 1 };
        Problem problem = { "" };

        usleep(30000); /* what was made before is older than the start, also by a clock that ticks */
        watch = (FileWatch){ .paths = paths, .style = style, .findtime = 600 };
        check_int(file_source_new(event, &config, (FileCallbacks){ .line = on_line }, &source), 0);
        check_int(file_source_place(source, row[0], row[1]), 0);
        check_int(file_source_start(source, &problem), 0);
}

static void commit(void)
{
        file_source_positions(source, false, on_position, NULL);
}

static void stop(void)
{
        commit();
        source = file_source_free(source);
}

static void turn(uint64_t usec)
{
        uint64_t end = clock_boot_now().usec + usec;
        int64_t left;

        while ((left = (int64_t) (end - clock_boot_now().usec)) > 0)
                check(sd_event_run(event, (uint64_t) left) >= 0);
}

static void await(size_t n)
{
        uint64_t end = clock_boot_now().usec + 15000000;

        while (n_messages < n && clock_boot_now().usec < end)
                check(sd_event_run(event, 100000) >= 0);
        turn(30000);
        for (size_t i = 0; n_messages != n && i < n_messages; i++)
                fprintf(stderr, "%zu: %.60s\n", i, messages[i]);
        check_int(n_messages, n);
}

static void clean(FileStyle next)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf %s; mkdir %s", base, base);
        check_int(system(command), 0);
        memset(row, 0, sizeof row);
        n_messages = 0;
        style = next;
        style.format = FILE_JSON;
}

static void say(const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);

        check(fd >= 0);
        check_int(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

/* One object of docker's: `fill` up to a length behind a text, with a line break if it is the message's end. */
static void docker(const char *text, size_t length, bool end, const char *stream, unsigned second)
{
        size_t size = length + 200;
        char *object = malloc(size), *fill = malloc(length + 1), when[40];

        memset(fill, 'x', length);
        memcpy(fill, text, strlen(text) < length ? strlen(text) : length);
        fill[length] = '\0';
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime(&(time_t){ began - 10 + second }));
        snprintf(object, size, "{\"log\":\"%s%s\",\"stream\":\"%s\",\"time\":\"%s.123456789Z\"}\n", fill, end ? "\\n" : "", stream, when);
        say(object);
        free(object);
        free(fill);
}

static void whole(const char *text, const char *stream, unsigned second)
{
        docker(text, strlen(text), true, stream, second);
}

/* ---- tests ---- */

static void test_application(void)
{
        clean((FileStyle){ .address = "ip" });
        start();
        say("{\"msg\":\"login failed\",\"user\":\"x\",\"ip\":\"203.0.113.5\",\"ts\":1795867200.25}\n"
            "{\"msg\":\"login failed\",\"ip\":\"unknown\"}\n"
            "no object\n"
            "{\"msg\":\"started\"}\n"
            "{\"msg\":\"two\\nlines\",\"ip\":\"::ffff:203.0.113.6\"}\n"
            "{\"msg\":\"not whole");
        await(2);
        check_text(messages[0], "203.0.113.5 login failed");
        check_text(messages[1], "203.0.113.6 two\nlines");
        check_text(last_transport, "file");
        file_source_list(source, FILES_ALL, on_info, NULL);
        check_int(info.bad, 1);
        check_int(info.lines, 2);
        say("\",\"ip\":\"203.0.113.7\"}\n");
        await(3);
        check_text(messages[2], "203.0.113.7 not whole");
        stop();
}

static void test_time_and_header(void)
{
        clean((FileStyle){ 0 });
        say("{\"message\":\"2020-01-01T00:00:00Z host sshd[5]: Failed\",\"time\":\"2026-11-28T12:00:00Z\"}\n");
        start();
        await(0); /* older than the window */
        say("{\"message\":\"Nov 28 12:00:00 host sshd[5]: Failed\",\"time\":1}\n");
        await(1);
        check_text(messages[0], "Failed");
        check_text(last_transport, "syslog");
        stop();
}

/* What each of the two streams says, in parts that stand mixed. */
static const struct {
        const char *text;
        bool end, err;
        unsigned second;
} SPLIT[] = {
        { "before", true, false, 1 }, { "out A ", false, false, 2 }, { "err B ", false, true, 3 }, { "out A2 ", false, false, 2 },
        { "err whole", true, true, 4 }, { "out end", true, false, 2 }, { "after", true, false, 5 }, { "err C ", false, true, 6 },
        { "end C", true, true, 6 },
};
#define N_SPLIT (sizeof SPLIT / sizeof *SPLIT)

static void say_split(size_t from, size_t to)
{
        for (size_t i = from; i < to; i++)
                docker(SPLIT[i].text, SPLIT[i].end ? strlen(SPLIT[i].text) : 5000, SPLIT[i].end, SPLIT[i].err ? "stderr" : "stdout", SPLIT[i].second);
}

static void check_split(void)
{
        check_text(messages[0], "before");
        check_contains(messages[1], "err B ");
        check(lengths[1] > LINE_LENGTH_MAX);
        check_text(messages[2], "err whole");
        check_contains(messages[3], "out A ");
        check_int(lengths[3], 10007);
        check_text(messages[4], "after");
        check_contains(messages[5], "err C ");
        check_int(lengths[5], 5005);
}

/* In one run; in two, the first of which ended behind any object; and in two after a crash, with the place of any object. */
static void test_docker(void)
{
        for (size_t cut = 0; cut <= N_SPLIT; cut++)
                for (int crash = 0; crash < 2; crash++) {
                        size_t told;

                        clean((FileStyle){ 0 });
                        start();
                        turn(2000);
                        say_split(0, cut);
                        turn(20000);
                        commit();
                        told = n_messages;
                        if (crash)
                                say_split(cut, N_SPLIT), await(6);
                        source = file_source_free(source);
                        if (crash)
                                n_messages = told;
                        start();
                        if (!crash)
                                say_split(cut, N_SPLIT);
                        await(6);
                        check_split();
                        stop();
                        start();
                        await(6);
                        stop();
                }
}

/* Too long together: once, as an over-long line, and what follows of it is passed over, over a restart too. */
static void test_too_long(void)
{
        clean((FileStyle){ 0 });
        start();
        turn(2000);
        docker("head ", PART, false, "stdout", 1);
        docker("more ", PART, false, "stdout", 1);
        await(0);
        docker("more ", PART, false, "stdout", 1);
        await(1);
        check_contains(messages[0], "head x");
        check(lengths[0] > LINE_LENGTH_MAX);
        stop();
        docker("Failed password for root from 203.0.113.5", PART, false, "stdout", 1);
        start();
        docker("Failed password for root from 203.0.113.5", 41, true, "stdout", 1);
        whole("next", "stdout", 2);
        await(2);
        check_text(messages[1], "next");
        file_source_list(source, FILES_ALL, on_info, NULL);
        check_int(info.bad, 0);
        stop();
}

/* A message that a rotation, or a truncation, has parted: its head goes out, its rest is no line. */
static void test_rotated(void)
{
        for (int again = 0; again < 2; again++)
                for (int truncate_it = 0; truncate_it < 2; truncate_it++) {
                        clean((FileStyle){ 0 });
                        start();
                        turn(2000);
                        whole("first", "stdout", 1);
                        docker("head ", PART, false, "stdout", 2);
                        await(1);
                        if (truncate_it)
                                check_int(truncate(path, 0), 0);
                        else
                                check_int(rename(path, old_path), 0);
                        if (truncate_it)
                                await(2);
                        if (again)
                                stop();
                        whole("tail", "stdout", 2);
                        whole("next", "stdout", 3);
                        if (again)
                                start();
                        await(3);
                        check_contains(messages[1], "head ");
                        check(lengths[1] > LINE_LENGTH_MAX);
                        check_text(messages[2], "next");
                        stop();
                }
}

/* The container has ended in the midst of a message: no rest comes. */
static void test_overdue(void)
{
        clean((FileStyle){ 0 });
        start();
        turn(2000);
        docker("last words", 10, false, "stderr", 1);
        await(0);
        await(1);
        check_contains(messages[0], "last words ");
        stop();
}

/* Line breaks that a client has put into nginx's error log make lines in the same stream. */
static void test_error_log(void)
{
        clean((FileStyle){ 0 });
        start();
        turn(2000);
        whole("203.0.113.5 - - x", "stdout", 1);
        whole("2026/11/24 00:26:16 [error] 2#2: *1 x", "stderr", 1);
        await(2);
        check_text(last_transport, "file");
        stop();
        start();
        whole("203.0.113.9 - - forged", "stderr", 1);
        await(3);
        check_text(last_transport, "mixed");
        whole("203.0.113.5 - - x", "stdout", 2);
        await(4);
        check_text(last_transport, "file");
        stop();
}

int main(void)
{
        char command[128];

        began = time(NULL);
        check(mkdtemp(base) != NULL);
        check_int(setenv("TZ", "UTC", 1), 0);
        snprintf(path, sizeof path, "%s/a.log", base);
        snprintf(old_path, sizeof old_path, "%s/a.log.1", base);
        check(sd_event_new(&event) >= 0);
        test_application();
        test_time_and_header();
        test_docker();
        test_too_long();
        test_rotated();
        test_overdue();
        test_error_log();
        sd_event_unref(event);
        snprintf(command, sizeof command, "rm -rf %s", base);
        return system(command);
}
