/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Builds every stage, wires them, and owns the loop: the only folder that knows
 * all stages.
 *
 * The configuration (or the kept one), the filters and the core are built here;
 * start.c brings the stages that touch the world to life, and reload.c puts
 * another configuration in place while they run. After each turn of the loop
 * one function, daemon_settle(), brings the effects of that turn to their
 * places: elements to the kernel, records towards the store, deadlines to their
 * timer.
 */

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/private.h"
#include "util/log.h"

#define COMMIT_DELAY_USEC (300 * 1000)  /* P1 allows a second between commits */
#define STOP_TIMEOUT_MSEC 5000

/* ---- loop ---- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Daemon *daemon = userdata;

        daemon->deadlines_moved = true;
        return 0;
}

static int on_commit(sd_event_source *source, uint64_t usec, void *userdata)
{
        daemon_commit(userdata);
        return 0;
}

/* What the kernel did not take is offered again, once a second. */
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        daemon_flush_elements(userdata);
        return 0;
}

static void arm(sd_event_source *source, uint64_t boot_usec)
{
        if (boot_usec == UINT64_MAX) {
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        } else {
                sd_event_source_set_time(source, boot_usec);
                sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
}

static void arm_commit(Daemon *daemon)
{
        int enabled;

        if (sd_event_source_get_enabled(daemon->commit_source, &enabled) >= 0 && enabled == SD_EVENT_OFF)
                arm(daemon->commit_source, clock_boot_now().usec + COMMIT_DELAY_USEC);
}

/*
 * Up to when all lines have been read. While old ones are still coming, windows
 * that are over by the clock are not over: the next line may fill them, and the
 * ban that follows may last until tomorrow.
 */
static EventTime read_up_to(const Daemon *daemon, EventTime now)
{
        const SourceStats *stats = daemon->journal ? journal_source_stats(daemon->journal) : NULL;

        if (daemon->files && !daemon->files_read)
                return EVENT_TIME_NONE;
        if (!stats || (daemon->journal_read && stats->state == SOURCE_OPEN))
                return now;
        return event_time_min(stats->last_line, now);
}

/* P7: an alarm at 90 %, taken back at 80 % so that it does not flicker. */
static void watch_cap(Daemon *daemon)
{
        const BanStats *stats = ban_engine_stats(daemon->engine);
        char text[256];

        if (stats->bans >= stats->max_bans / 10 * 9) {
                snprintf(text, sizeof text, "more than 90 %% of max_bans (%zu) are in force; at the limit the automatic ban that ends soonest gives way. "
                                            "Raise max_bans, or shorten bantime", stats->max_bans);
                daemon_degrade(daemon, "bans near the limit", text);
        } else if (stats->bans < stats->max_bans / 10 * 8) {
                daemon_degrade(daemon, "bans near the limit", NULL);
        }
}

/* Runs after every turn of the loop. */
static int daemon_settle(sd_event_source *source, void *userdata)
{
        Daemon *daemon = userdata;

        if (daemon->deadlines_moved) {
                EventTime now = clock_event_now();
                EventTime windows = tracker_expire(daemon->tracker, read_up_to(daemon, now));

                /* Overdue while lines are still to be read: no reason to hurry. */
                if (!event_time_before(now, windows))
                        windows = event_time_add(now, 1);
                EventTime next = event_time_min(ban_engine_expire(daemon->engine, now), windows);
                watch_cap(daemon);
                daemon->deadlines_moved = false;
                BootTime at = clock_boot_at(next);
                /* Deadlines that lie close together share one wake-up. */
                arm(daemon->deadline_source, at.usec == UINT64_MAX ? UINT64_MAX : at.usec + 50 * USEC_PER_MSEC);
        }
        if (daemon->n_elements > 0 && !daemon->kernel_behind)
                daemon_flush_elements(daemon);
        if (daemon->dirty)
                arm_commit(daemon);
        if (daemon->files_changed)
                files_open(daemon);
        bool full = store_is_full(daemon->store);
        if (full != daemon->paused) {
                daemon->paused = full;
                if (daemon->journal)
                        journal_source_pause(daemon->journal, full);
                if (daemon->files)
                        file_source_pause(daemon->files, full);
                daemon_degrade(daemon, "reading", full ? "paused until the disk takes what waits for it: free space in the state directory" : NULL);
        }
        return 0;
}

static int queue_again(void *userdata, const Element *element)
{
        daemon_queue_elements(userdata, element, 1);
        return 0;
}

static void arm_clock(Daemon *daemon)
{
        struct itimerspec never = { .it_value.tv_sec = clock_event_now().usec / USEC_PER_SEC + DURATION_MAX_SEC };

        timerfd_settime(daemon->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

/* Somebody set the clock: kernel timeouts, which run on, are brought in line with the new time. */
static int on_clock(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Daemon *daemon = userdata;
        uint64_t expirations;

        if (read(fd, &expirations, sizeof expirations) < 0 && errno == ECANCELED) {
                log_notice("the clock was set; the bans' remaining times are computed again");
                daemon->clock_stepped = true;
                ban_engine_expire(daemon->engine, clock_event_now());
                daemon->clock_stepped = false;
                ban_engine_each_element(daemon->engine, clock_event_now(), queue_again, daemon);
                daemon->deadlines_moved = true;
        }
        arm_clock(daemon);
        return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        uint64_t sequence;
        Problem problem;

        /* It logs how it went; there is nobody to answer. */
        daemon_reload(userdata, false, NULL, NULL, &sequence, &problem);
        return 0;
}

static int loop_new(Daemon *daemon)
{
        sigset_t signals;
        int r;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        signal(SIGPIPE, SIG_IGN);
        daemon->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (daemon->clock_fd < 0)
                return -errno;
        arm_clock(daemon);
        if ((r = sd_event_default(&daemon->event)) < 0 || (r = sd_event_add_signal(daemon->event, NULL, SIGTERM, NULL, NULL)) < 0 ||
            (r = sd_event_add_signal(daemon->event, NULL, SIGINT, NULL, NULL)) < 0 ||
            (r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon)) < 0 ||
            (r = sd_event_add_post(daemon->event, &daemon->settle_source, daemon_settle, daemon)) < 0 ||
            (r = sd_event_add_time(daemon->event, &daemon->deadline_source, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_deadline, daemon)) < 0 ||
            (r = sd_event_add_time(daemon->event, &daemon->commit_source, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_commit, daemon)) < 0 ||
            (r = sd_event_add_time(daemon->event, &daemon->retry_source, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_retry, daemon)) < 0 ||
            (r = sd_event_add_io(daemon->event, &daemon->clock_source, daemon->clock_fd, EPOLLIN, on_clock, daemon)) < 0 ||
            (r = allow_queue_new(daemon, &daemon->allow_queue)) < 0)
                return r;
        sd_event_source_set_description(daemon->settle_source, "settle");
        sd_event_source_set_description(daemon->deadline_source, "deadlines");
        sd_event_source_set_description(daemon->commit_source, "commit");
        sd_event_source_set_description(daemon->retry_source, "kernel again");
        sd_event_source_set_description(daemon->clock_source, "clock");
        sd_event_source_set_exit_on_failure(daemon->settle_source, true);
        sd_event_source_set_exit_on_failure(daemon->deadline_source, true);
        sd_event_source_set_exit_on_failure(daemon->commit_source, true);
        arm(daemon->deadline_source, UINT64_MAX);
        arm(daemon->commit_source, UINT64_MAX);
        arm(daemon->retry_source, UINT64_MAX);
        r = sd_event_set_watchdog(daemon->event, true);
        return r < 0 ? r : 0;
}

/* ---- building ---- */

static int load_config(Daemon *daemon, Problem *problem)
{
        Problem kept_problem;
        int r = config_load(daemon->options.config, &daemon->config, problem);

        if (r == 0)
                return 0;
        if (daemon->options.dry_run || kept_load(daemon, &daemon->config, &kept_problem) < 0) {
                char reason[PROBLEM_TEXT_MAX];

                memcpy(reason, problem->text, sizeof reason);
                return problem_set(problem, r, "%.900s; mend it and check it with: bailiffd --check", reason);
        }
        daemon->config_kept = true;
        kept_tell(daemon, problem);
        return 0;
}

/* The filter as it is installed, else as it was kept; degraded without one. */
static int load_filter(Daemon *daemon, Jail *jail)
{
        const JailConfig *config = jail->config;
        char text[PROBLEM_TEXT_MAX + 160];
        char reason[PROBLEM_TEXT_MAX];
        Problem problem = { "" };
        Filter *filter = NULL;
        int r = 0;

        if (!daemon->config_kept && (r = filter_load(config->filter, config->mode, config->name, NULL, &filter, &problem)) == 0)
                return jail_set_filter(jail, filter);
        /* What the configuration names and is not there is mended in the configuration, unlike what is wrong in the filter. */
        if (r == -ENOENT || r == -ENXIO) {
                memcpy(reason, problem.text, sizeof reason);
                problem_set(&problem, r, "%.200s: %.800s", jail_filter_place(config, r), reason);
        }
        if (kept_filter(daemon, config, &filter) == 0) {
                jail->filter_kept = true;
                snprintf(text, sizeof text, "%s; its filter as it last loaded runs instead. Mend it, then: systemctl reload bailiffd", problem.text);
                if (!daemon->config_kept)
                        jail_degrade(daemon, config->name, text);
                return jail_set_filter(jail, filter);
        }
        if (daemon->config_kept && filter_load(config->filter, config->mode, config->name, NULL, &filter, &problem) == 0)
                return jail_set_filter(jail, filter);
        snprintf(text, sizeof text, "does not run: %s. The other jails do. Mend it, then: systemctl reload bailiffd", problem.text);
        jail_degrade(daemon, config->name, text);
        return 0;
}

static int build_core(Daemon *daemon, Problem *problem)
{
        const Config *config = daemon->config;
        int r;

        problem_set(problem, 0, "out of memory");
        daemon->jails = calloc(config->n_jails + 1, sizeof *daemon->jails);
        if (!daemon->jails)
                return -ENOMEM;
        if ((r = tracker_new(config->max_windows, CORE_EVIDENCE_BYTES_MAX, (TrackerSink){ decide_offence, daemon }, &daemon->tracker)) < 0 ||
            (r = ban_engine_new(config->max_bans, (BanSink){ decide_event, decide_level, allow_changed, daemon }, &daemon->engine)) < 0)
                return r;
        for (size_t i = 0; i < config->n_jails; i++) {
                const JailConfig *jail = &config->jails[i];

                if (!jail->enabled)
                        continue;
                Jail *running = &daemon->jails[daemon->n_jails];
                if ((r = jail_init(running, jail)) < 0)
                        return r;
                daemon->n_jails++;
                if ((r = core_counts_bans(jail) ? 0 : load_filter(daemon, running)) < 0 || (r = core_set_jail(daemon->tracker, daemon->engine, jail)) < 0)
                        return r;
        }
        r = allow_singles(daemon, config);
        return r < 0 ? r : core_set_allowed(daemon->engine, config, clock_event_now());
}

/* A dry run shares nothing with the daemon that may be running. */
static int make_scratch(Daemon *daemon, Problem *problem)
{
        char scratch[] = "/tmp/bailiffd-dry-run-XXXXXX";

        if (!mkdtemp(scratch) || !(daemon->scratch = strdup(scratch)))
                return problem_set(problem, -errno, "no directory for the dry run could be made in /tmp: %s", strerror(errno));
        daemon->options.state_directory = daemon->scratch;
        daemon->options.runtime_directory = daemon->scratch;
        return 0;
}

static void remove_scratch(Daemon *daemon)
{
        static const char *const names[] = { "bailiff.db", "bailiff.db-wal", "bailiff.db-shm", "bailiff.lock", "control.sock", "inflight", "names" };
        char path[PATH_MAX];

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "%s/%s", daemon->scratch, names[i]);
                unlink(path);
        }
        rmdir(daemon->scratch);
}

/**
 * daemon_new() - load the configuration and build what decides
 * @options:    borrowed for the daemon's life
 * @problem:    what is wrong and what to do
 *
 * Return: 0, -EINVAL for a bad configuration where none is kept, -errno.
 */
int daemon_new(const DaemonOptions *options, Daemon **ret_daemon, Problem *problem)
{
        _cleanup_(daemon_freep) Daemon *daemon = calloc(1, sizeof *daemon);
        int r;

        if (!daemon)
                return -ENOMEM;
        daemon->options = *options;
        daemon->allow_directory = options->state_directory;
        daemon->clock_fd = -1;
        daemon->started = clock_event_now();
        if (options->dry_run && (r = make_scratch(daemon, problem)) < 0)
                return r;
        if ((r = load_config(daemon, problem)) < 0 || (r = build_core(daemon, problem)) < 0)
                return r;
        r = loop_new(daemon);
        if (r < 0)
                return problem_set(problem, r, "the event loop cannot be set up: %s", strerror(-r));
        *ret_daemon = steal(daemon);
        return 0;
}

/**
 * daemon_run() - run until SIGTERM or SIGINT, then put everything away
 */
int daemon_run(Daemon *daemon)
{
        Problem problem;
        int r = sd_event_loop(daemon->event);

        sd_notify(false, "STOPPING=1");
        allow_flush(daemon, true);
        daemon_flush_elements(daemon);
        daemon_note(daemon, "stop", r < 0 ? strerror(-r) : "as asked");
        daemon_commit(daemon);
        if (store_flush(daemon->store, STOP_TIMEOUT_MSEC) != 0)
                log_warning("the disk did not take the last changes in %d s; lines since then are read again", STOP_TIMEOUT_MSEC / 1000);
        if (daemon->config->on_stop == ON_STOP_REMOVE && firewall_remove(daemon->firewall, &problem) != 0)
                log_error("%s", problem.text);
        if (r < 0)
                log_error("the event loop failed: %s", strerror(-r));
        return r < 0 ? r : 0;
}

/**
 * daemon_free() - free a daemon, running or half built
 *
 * Return: NULL
 */
Daemon *daemon_free(Daemon *daemon)
{
        if (!daemon)
                return NULL;
        control_free(daemon->control);
        allow_watch_free(daemon->allow);
        allow_queue_free(daemon->allow_queue);
        journal_source_free(daemon->journal);
        files_close(daemon);
        firewall_free(daemon->firewall);
        store_free(daemon->store);
        inflight_free(daemon->inflight);
        ban_engine_free(daemon->engine);
        tracker_free(daemon->tracker);
        for (size_t i = 0; i < daemon->n_jails; i++)
                jail_deinit(&daemon->jails[i]);
        free(daemon->jails);
        core_free_idents(daemon->idents, daemon->n_idents);
        for (size_t i = 0; i < daemon->n_groups; i++)
                free(daemon->groups[i]);
        free(daemon->groups);
        free(daemon->on_link);
        ban_hits_deinit(&daemon->ban_hits);
        config_free(daemon->config);
        health_clear(&daemon->health);
        free(daemon->elements);
        sd_event_source_unref(daemon->settle_source);
        sd_event_source_unref(daemon->deadline_source);
        sd_event_source_unref(daemon->commit_source);
        sd_event_source_unref(daemon->retry_source);
        sd_event_source_unref(daemon->clock_source);
        sd_event_source_unref(daemon->keep_source);
        sd_event_unref(daemon->event);
        if (daemon->clock_fd >= 0)
                close(daemon->clock_fd);
        if (daemon->scratch)
                remove_scratch(daemon);
        free(daemon->scratch);
        free(daemon);
        return NULL;
}

/* ---- checking ---- */

/* Root can read what the service's user cannot, and would call it good. */
static void check_readable(const char *path)
{
        const struct group *group = getgrnam("bailiff");
        struct stat st;

        if (geteuid() != 0 || !group || stat(path, &st) < 0 || (st.st_mode & S_IROTH) || ((st.st_mode & S_IRGRP) && st.st_gid == group->gr_gid))
                return;
        fprintf(stderr, "bailiffd: %s: the service's user bailiff may not read it: chgrp bailiff %s && chmod 640 %s\n", path, path, path);
}

/**
 * daemon_check() - load the configuration and its filters, and say what is wrong
 * @dump:       print the configuration instead of a summary
 * @origin:     and behind each value, where it was written
 *
 * Return: the exit status: 0 good, 2 bad.
 */
int daemon_check(const DaemonOptions *options, bool dump, bool origin)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL;
        Problem problem = { "" };
        int status = 0;
        size_t n_enabled = 0;

        if (config_load(options->config, &config, &problem) < 0) {
                fprintf(stderr, "bailiffd: %s\n", problem.text);
                return 2;
        }
        for (size_t i = 0; i < config->n_files; i++)
                check_readable(config->files[i]);
        for (size_t i = 0; i < config->n_jails; i++) {
                const JailConfig *jail = &config->jails[i];
                _cleanup_(filter_freep) Filter *filter = NULL;
                int r = core_counts_bans(jail) ? 0 : filter_load(jail->filter, jail->mode, jail->name, NULL, &filter, &problem);

                if (r != 0) {
                        fprintf(stderr, "bailiffd: %s: jail %s: %s\n", jail_filter_place(jail, r), jail->name, problem.text);
                        status = 2;
                } else {
                        check_jail_reports(jail, filter);
                }
                n_enabled += jail->enabled;
        }
        check_report_services(config);
        if (status == 0 && dump && config_dump(config, origin, &text) == 0)
                fputs(text, stdout);
        else if (status == 0)
                printf("%s: good: %zu jail%s enabled%s\n", options->config, n_enabled, n_enabled == 1 ? "" : "s",
                       n_enabled > 0 ? "" : ", so nothing is protected: name one under jails:");
        return status;
}
