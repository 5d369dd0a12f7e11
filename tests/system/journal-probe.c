/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs the journal source alone and prints what it hands out, for the tests.
 *
 *     journal-probe [--dir DIR] [--position FILE] [--since SECONDS] [--attack] [--quit-after N] [--kill-after N]
 *                   [--poll-usec N] [--quiet] [--origin] IDENT...
 *
 *     L <arrival usec> <event usec> <ident> <pid> <length> <text>      a line; bytes that do not print become ?
 *     O <uid> <pid> <comm> <unit>                                      after it, with --origin
 *     S <state> <text>       C            the state callback; caught up
 *     stats ...                           at SIGTERM or the end, and at SIGUSR1
 *
 * --position is read at start and written, by rename, whenever
 * lines have been printed. --kill-after leaves without
 * a word after N lines, as kill -9 would. --attack reports every line as a hit.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source.h"
#include "util/text.h"

typedef struct Probe {
        sd_event *event;
        JournalSource *source;
        const char *position_file;
        bool attack, origin, quiet;
        uint64_t lines, saved, quit_after, kill_after;
} Probe;

static void save_position(Probe *probe)
{
        char position[SOURCE_POSITION_MAX], path[4096];

        if (!probe->position_file || probe->saved == probe->lines || journal_source_position(probe->source, position) < 0)
                return;
        snprintf(path, sizeof path, "%s.new", probe->position_file);
        FILE *file = fopen(path, "we");
        if (!file || fputs(position, file) < 0 || fclose(file) != 0 || rename(path, probe->position_file) < 0) {
                perror(path);
                exit(1);
        }
        probe->saved = probe->lines;
}

static void print_line(const Line *line)
{
        char text[256];

        text_printable(line->text, line->length, text, sizeof text);
        printf("L %lld %lld %s %lld %zu %s\n", (long long) clock_event_now().usec, (long long) line->time.usec,
               *line->ident ? line->ident : "-", (long long) line->pid, line->length, text);
}

static void on_line(void *userdata, const Line *line)
{
        Probe *probe = userdata;
        Origin origin;

        if (probe->attack)
                journal_source_attack(probe->source);
        if (!probe->quiet)
                print_line(line);
        if (probe->origin && line->origin(line, &origin) == 0)
                printf("O %lld %lld %s %s\n", (long long) origin.uid, (long long) origin.pid, origin.comm ? origin.comm : "-",
                       origin.unit ? origin.unit : "-");
        probe->lines++;
        if (probe->kill_after && probe->lines >= probe->kill_after) {
                /* What was printed counts as done, so its place must be kept with it. */
                save_position(probe);
                fflush(stdout);
                _exit(0);
        }
        if (probe->quit_after && probe->lines >= probe->quit_after)
                sd_event_exit(probe->event, 0);
}

static void on_state(void *userdata, SourceState state, const char *text)
{
        printf("S %s %s\n", source_state_name(state), text);
        fflush(stdout);
}

static void on_caught_up(void *userdata)
{
        printf("C\n");
        fflush(stdout);
}

static void print_stats(Probe *probe)
{
        const SourceStats *stats = journal_source_stats(probe->source);

        printf("stats lines=%llu without_message=%llu reopened=%llu errors=%llu recovered=%llu polls=%llu state=%s\n",
               (unsigned long long) stats->lines, (unsigned long long) stats->without_message,
               (unsigned long long) stats->reopened, (unsigned long long) stats->errors, (unsigned long long) stats->recovered,
               (unsigned long long) stats->polls, source_state_name(stats->state));
        fflush(stdout);
}

static int on_signal(sd_event_source *event_source, const struct signalfd_siginfo *info, void *userdata)
{
        Probe *probe = userdata;

        if (info->ssi_signo == SIGUSR1)
                print_stats(probe);
        else if (info->ssi_signo == SIGHUP)
                journal_source_pause(probe->source, journal_source_stats(probe->source)->state != SOURCE_PAUSED);
        else
                sd_event_exit(probe->event, 0);
        return 0;
}

/* Before the loop sleeps: what was read is printed, and its place kept. */
static int on_post(sd_event_source *event_source, void *userdata)
{
        Probe *probe = userdata;

        fflush(stdout);
        save_position(probe);
        return 0;
}

static int run(Probe *probe, const JournalConfig *config)
{
        static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };
        SourceCallbacks callbacks = { on_line, on_state, on_caught_up, probe };
        Problem problem;
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
                sigaddset(&mask, signals[i]);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        r = sd_event_new(&probe->event);
        for (size_t i = 0; r >= 0 && i < sizeof signals / sizeof *signals; i++)
                r = sd_event_add_signal(probe->event, NULL, signals[i], on_signal, probe);
        if (r >= 0)
                r = sd_event_add_post(probe->event, NULL, on_post, probe);
        if (r >= 0)
                r = journal_source_new(probe->event, config, callbacks, &probe->source);
        if (r < 0) {
                fprintf(stderr, "journal-probe: %s\n", strerror(-r));
                return 1;
        }
        if (journal_source_start(probe->source, &problem) < 0) {
                fprintf(stderr, "journal-probe: %s\n", problem.text);
                return 1;
        }
        r = sd_event_loop(probe->event);
        save_position(probe);
        print_stats(probe);
        journal_source_free(probe->source);
        sd_event_unref(probe->event);
        return r < 0;
}

int main(int argc, char *argv[])
{
        static const struct option options[] = {
                { "dir", required_argument, NULL, 'd' },        { "position", required_argument, NULL, 'p' },
                { "since", required_argument, NULL, 's' },      { "attack", no_argument, NULL, 'a' },
                { "quit-after", required_argument, NULL, 'q' }, { "kill-after", required_argument, NULL, 'k' },
                { "origin", no_argument, NULL, 'o' },           { "quiet", no_argument, NULL, 'Q' },
                { "poll-usec", required_argument, NULL, 'u' },  { 0 },
        };
        _cleanup_free_ char *position = NULL;
        Probe probe = { 0 };
        JournalConfig config = { .since = clock_event_now() };
        size_t size;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (c) {
                case 'u': config.fast_poll_usec = strtoull(optarg, NULL, 10); break;
                case 'd': config.directory = optarg; break;
                case 'p': probe.position_file = optarg; break;
                case 's': config.since = event_time_add(clock_event_now(), -strtoll(optarg, NULL, 10)); break;
                case 'a': probe.attack = true; break;
                case 'q': probe.quit_after = strtoull(optarg, NULL, 10); break;
                case 'k': probe.kill_after = strtoull(optarg, NULL, 10); break;
                case 'o': probe.origin = true; break;
                case 'Q': probe.quiet = true; break;
                default: return 2;
                }
        }
        if (optind == argc)
                return 2;
        config.idents = (const char *const *) argv + optind;
        config.n_idents = (size_t) (argc - optind);
        if (probe.position_file && text_read_file(probe.position_file, SOURCE_POSITION_MAX, &position, &size) == 0)
                config.position = position;
        return run(&probe, &config);
}
