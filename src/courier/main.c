/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bailiff-courier: carries reports out of the house.
 *
 * bailiffd decides what is reported and when, and has no network socket. This
 * program has them, and the keys, and decides nothing.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <systemd/sd-daemon.h>

#include "build-config.h"
#include "courier/courier.h"
#include "util/log.h"

static CourierOptions arg_options = {
        .config = BAILIFF_CONFIG_DIR "/bailiff.yaml",
        .socket = BAILIFF_RUNTIME_DIR "/control.sock",
};

static int usage(FILE *stream, int status)
{
        fputs("Usage: bailiff-courier [--config FILE] [--socket PATH]\n"
              "\n"
              "Sends what bailiffd has to report to AbuseIPDB and VirusTotal.\n"
              "\n"
              "  --config FILE     the configuration; default " BAILIFF_CONFIG_DIR "/bailiff.yaml\n"
              "  --socket PATH     bailiffd's control socket; default " BAILIFF_RUNTIME_DIR "/control.sock\n"
              "  --version, --help\n"
              "\n"
              "Manual: bailiff-courier(8).\n",
              stream);
        return status;
}

/* Return: -1 to go on, else the exit status. */
static int parse_arguments(int argc, char **argv)
{
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' }, { "socket", required_argument, NULL, 's' },
                { "version", no_argument, NULL, 'v' },      { "help", no_argument, NULL, 'h' },
                { 0 },
        };

        for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) >= 0;)
                switch (option) {
                case 'c': arg_options.config = optarg; break;
                case 's': arg_options.socket = optarg; break;
                case 'v': puts("bailiff-courier " BAILIFF_VERSION); return EXIT_SUCCESS;
                case 'h': return usage(stdout, EXIT_SUCCESS);
                default: return usage(stderr, 2);
                }
        if (optind < argc) {
                fprintf(stderr, "bailiff-courier: \"%s\" is not an option. Try: bailiff-courier --help\n", argv[optind]);
                return 2;
        }
        return -1;
}

/* No key comes into a core, or to a debugger of the same user. */
static int lock_memory(void)
{
        const struct rlimit none = { 0, 0 };

        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        sd_notify(false, "STOPPING=1");
        courier_stop(userdata);
        return 0;
}

static int add_signals(sd_event *event, Courier *courier)
{
        static const int signals[] = { SIGTERM, SIGINT };

        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
                int r = sd_event_add_signal(event, NULL, signals[i], on_signal, courier);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int run(void)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(courier_freep) Courier *courier = NULL;
        sigset_t blocked;
        int r = lock_memory();

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGINT);
        if (r == 0 && sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                r = -errno;
        if (r == 0)
                r = sd_event_default(&event);
        if (r >= 0)
                r = courier_new(event, &arg_options, &courier);
        if (r >= 0)
                r = add_signals(event, courier);
        if (r >= 0)
                r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return r;
        sd_notify(false, "READY=1");
        return sd_event_loop(event);
}

int main(int argc, char **argv)
{
        int r = parse_arguments(argc, argv);

        if (r >= 0)
                return r;
        log_set_program("bailiff-courier");
        arg_options.credentials = getenv("CREDENTIALS_DIRECTORY");
        r = run();
        if (r < 0)
                log_error("cannot go on: %s", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
