/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * An AllowWatch that says what it is told.
 *
 * Usage: allow-probe DIRECTORY [file PATH | name HOST]...
 *
 * DIRECTORY has run/, names/, state/ and resolv.conf. Every group becomes a line
 * "MSEC group NAME N: ADDRESS (ORIGIN)...", at most ten of its entries.
 */

#include <string.h>
#include <time.h>

#include "allow.h"

static void print_time(void)
{
        printf("%lld ", (long long) (clock_event_now().usec / USEC_PER_MSEC));
}

static void on_group(void *userdata, const char *group, const AllowEntry *entries, size_t n_entries)
{
        char text[ADDR_TEXT_MAX];

        print_time();
        printf("group %s %zu:", group, n_entries);
        for (size_t i = 0; i < n_entries && i < 10; i++)
                printf(" %s (%s)", addr_format(&entries[i].addr, text), entries[i].origin);
        printf("\n");
}

static void on_link(void *userdata, const Addr *prefixes, size_t n_prefixes)
{
        char text[ADDR_TEXT_MAX];

        print_time();
        printf("on-link %zu:", n_prefixes);
        for (size_t i = 0; i < n_prefixes && i < 10; i++)
                printf(" %s", addr_format(&prefixes[i], text));
        printf("\n");
}

static void on_problem(void *userdata, const char *topic, const char *text)
{
        print_time();
        printf("problem %s: %s\n", topic, text ? text : "mended");
}

/* The longest turn of the loop, which everything else on it had to wait for: in processor time, and by the clock. */
static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
        static int64_t most_work = 10, most_late = 100, work_before;
        struct timespec now;
        int64_t late = (int64_t) (clock_boot_now().usec - usec) / USEC_PER_MSEC, work;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        work = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000 - work_before;
        work_before += work;
        if (work > most_work || late > most_late) {
                most_work = work > most_work ? work : most_work;
                most_late = late > most_late ? late : most_late;
                print_time();
                printf("turn %lld late %lld\n", (long long) work, (long long) late);
        }
        sd_event_source_set_time_relative(source, 5 * USEC_PER_MSEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int main(int argc, char **argv)
{
        char runtime[512], names[512], state[512], resolv_conf[512];
        AllowConfig wanted[64] = { 0 };
        AllowWatchConfig config = { .wanted = wanted,
                                    .runtime_directory = runtime,
                                    .names_directory = names,
                                    .state_directory = state,
                                    .resolv_conf = resolv_conf };
        _cleanup_(allow_watch_freep) AllowWatch *watch = NULL;
        sd_event *event;
        Problem problem;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc < 2 || argc % 2 != 0)
                return 2;
        for (int i = 2; i + 1 < argc && config.n_wanted < 64; i += 2) {
                wanted[config.n_wanted].kind = strcmp(argv[i], "file") == 0 ? ALLOW_FILE : ALLOW_NAME;
                wanted[config.n_wanted++].text = argv[i + 1];
        }
        snprintf(runtime, sizeof runtime, "%s/run", argv[1]);
        snprintf(names, sizeof names, "%s/names", argv[1]);
        snprintf(state, sizeof state, "%s/state", argv[1]);
        snprintf(resolv_conf, sizeof resolv_conf, "%s/resolv.conf", argv[1]);
        if (sd_event_default(&event) < 0 ||
            allow_watch_new(event, &config, (AllowCallbacks){ on_group, on_link, on_problem, NULL }, &watch) < 0 ||
            allow_watch_start(watch, &problem) < 0 ||
            sd_event_add_time_relative(event, NULL, CLOCK_BOOTTIME, 0, 1, on_turn, NULL) < 0)
                return 1;
        print_time();
        printf("ready\n");
        return sd_event_loop(event) < 0;
}
