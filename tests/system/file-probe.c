/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reads log files as bailiffd does and prints their lines.
 *
 *     file-probe [--state FILE --output FILE] [--quiet] [--quit] [--findtime SECONDS] PATH...
 *
 * With --state and --output lines and places are kept as the store keeps decisions and places: five times a second,
 * together or not at all. After SIGKILL the next run cuts the output to what was kept and goes on from there.
 * --quiet counts only; --quit ends when all that was there at the start has been read.
 */

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#define COMMIT_USEC (200 * 1000)

typedef struct Row {
        char *name, *position;
} Row;

static const char *state_path, *output_path;
static bool quiet, quit;
static sd_event *event;
static FileSource *source;
static FILE *output;
static Row rows[64];
static size_t n_rows;
static unsigned long long n_lines, n_bytes;

static void on_line(void *userdata, const Line *line)
{
        n_lines++;
        n_bytes += line->length;
        if (quiet)
                return;
        fwrite(line->text, 1, line->length, output);
        fputc('\n', output);
}

static void on_state(void *userdata, const char *path, const char *text)
{
        fprintf(stderr, "%s: %s\n", path, *text ? text : "well again");
}

static void on_caught_up(void *userdata)
{
        fprintf(stderr, "caught up\n");
        if (quit)
                sd_event_exit(event, 0);
}

static void keep(void *userdata, const char *name, const char *position, EventTime time)
{
        size_t i = 0;

        while (i < n_rows && strcmp(rows[i].name, name) != 0)
                i++;
        if (i == sizeof rows / sizeof *rows)
                abort();
        if (i == n_rows)
                rows[n_rows++].name = strdup(name);
        free(rows[i].position);
        rows[i].position = strdup(position);
}

static void commit(void)
{
        char path[4096];
        FILE *state;

        if (!state_path)
                return;
        file_source_positions(source, false, keep, NULL);
        fflush(output);
        snprintf(path, sizeof path, "%s.new", state_path);
        state = fopen(path, "w");
        if (!state)
                abort();
        fprintf(state, "%ld\n", ftell(output));
        for (size_t i = 0; i < n_rows; i++)
                fprintf(state, "%s\n%s\n", rows[i].name, rows[i].position);
        if (fclose(state) != 0 || rename(path, state_path) < 0)
                abort();
}

static int on_commit(sd_event_source *timer, uint64_t usec, void *userdata)
{
        commit();
        sd_event_source_set_time_relative(timer, COMMIT_USEC);
        sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
        return 0;
}

static void restore(void)
{
        FILE *state = fopen(state_path, "r");
        char *name = NULL, *position = NULL;
        size_t name_size = 0, position_size = 0;
        long size = 0;

        if (state && fscanf(state, "%ld\n", &size) == 1)
                while (getline(&name, &name_size, state) > 0 && getline(&position, &position_size, state) > 0) {
                        name[strcspn(name, "\n")] = '\0';
                        position[strcspn(position, "\n")] = '\0';
                        keep(NULL, name, position, EVENT_TIME_NONE);
                        if (file_source_place(source, name, position) < 0)
                                abort();
                }
        if (state)
                fclose(state);
        output = fopen(output_path, "a");
        if (!output || ftruncate(fileno(output), size) < 0 || fseek(output, 0, SEEK_END) < 0)
                abort();
        free(name);
        free(position);
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "state", required_argument, NULL, 's' },   { "output", required_argument, NULL, 'o' }, { "quiet", no_argument, NULL, 'q' },
                { "findtime", required_argument, NULL, 'f' }, { "quit", no_argument, NULL, 'e' },         { NULL, 0, NULL, 0 },
        };
        FileCallbacks callbacks = { on_line, on_state, on_caught_up, NULL };
        FileWatch watch = { .findtime = 86400 };
        FileConfig config = { .watches = &watch, .n_watches = 1 };
        sd_event_source *timer;
        Problem problem;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
                switch (option) {
                case 's': state_path = optarg; break;
                case 'o': output_path = optarg; break;
                case 'q': quiet = true; break;
                case 'e': quit = true; break;
                case 'f': watch.findtime = atoi(optarg); break;
                default: return 2;
                }
        watch.paths = (const char *const *) argv + optind;
        output = stdout;
        if (sd_event_new(&event) < 0 || file_source_new(event, &config, callbacks, &source) < 0)
                return 2;
        if (state_path && output_path)
                restore();
        if (file_source_start(source, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                return 2;
        }
        sd_event_set_signal_exit(event, true);
        if (sd_event_add_time_relative(event, &timer, CLOCK_BOOTTIME, COMMIT_USEC, 1, on_commit, NULL) < 0 || sd_event_loop(event) < 0)
                return 2;
        commit();
        fprintf(stderr, "%llu lines, %llu bytes\n", n_lines, n_bytes);
        source = file_source_free(source);
        return 0;
}
