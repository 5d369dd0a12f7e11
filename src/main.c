/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bailiffd: reads its arguments, builds the daemon and runs it. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build-config.h"
#include "daemon/daemon.h"
#include "daemon/restore.h"
#include "util/log.h"

static const char HELP[] =
        "Usage: bailiffd [OPTION]...\n"
        "\n"
        "Bans addresses whose failed logins stand in the journal.\n"
        "\n"
        "  --config FILE       the configuration (" BAILIFF_CONFIG_DIR "/bailiff.yaml)\n"
        "  --check             check the configuration and its filters; exit: 0 good, 2 bad\n"
        "  --dump-config       print the configuration with every default, and exit\n"
        "  --origin            with it: where each value was written\n"
        "  --restore-only      put the bans that are remembered into the kernel, and exit\n"
        "  --dry-run           decide, show and count, but enforce and remember nothing\n"
        "  --state-dir DIR     what is remembered (" BAILIFF_STATE_DIR ")\n"
        "  --runtime-dir DIR   the control socket (" BAILIFF_RUNTIME_DIR ")\n"
        "  --journal-dir DIR   read the journal files in DIR, not the system's journal\n"
        "  --log-level LEVEL   error, warning, notice, info (the default) or debug\n"
        "  --version           print the version, and exit\n"
        "  --help              print this, and exit\n"
        "\n"
        "Exit status: 0 done, 1 failed while running, 2 usage, configuration, or another\n"
        "thing that no restart mends.\n"
        "Manual: bailiffd(8), bailiff.yaml(5). The client is bailiffctl(8).\n";

static DaemonOptions arg_options = {
        .config = BAILIFF_CONFIG_DIR "/bailiff.yaml",
        .state_directory = BAILIFF_STATE_DIR,
        .runtime_directory = BAILIFF_RUNTIME_DIR,
};
static bool arg_check, arg_dump, arg_origin, arg_restore;

/* Return: -1 to go on, else the exit status. */
static int parse_arguments(int argc, char *argv[])
{
        enum { CONFIG = 256, CHECK, DUMP, ORIGIN, RESTORE, DRY_RUN, STATE, RUNTIME, JOURNAL, LEVEL, VERSION };
        static const struct option options[] = {
                { "config", required_argument, NULL, CONFIG },      { "check", no_argument, NULL, CHECK },
                { "dump-config", no_argument, NULL, DUMP },         { "origin", no_argument, NULL, ORIGIN },
                { "restore-only", no_argument, NULL, RESTORE },
                { "dry-run", no_argument, NULL, DRY_RUN },
                { "state-dir", required_argument, NULL, STATE },    { "runtime-dir", required_argument, NULL, RUNTIME },
                { "journal-dir", required_argument, NULL, JOURNAL }, { "log-level", required_argument, NULL, LEVEL },
                { "version", no_argument, NULL, VERSION },          { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };

        for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;)
                switch (option) {
                case CONFIG: arg_options.config = optarg; break;
                case CHECK: arg_check = true; break;
                case DUMP: arg_dump = true; break;
                case ORIGIN: arg_origin = true; break;
                case RESTORE: arg_restore = true; break;
                case DRY_RUN: arg_options.dry_run = true; break;
                case STATE: arg_options.state_directory = optarg; break;
                case RUNTIME: arg_options.runtime_directory = optarg; break;
                case JOURNAL: arg_options.journal_directory = optarg; break;
                case LEVEL:
                        if (log_level_parse(optarg) < 0) {
                                fprintf(stderr, "bailiffd: --log-level %s: must be error, warning, notice, info or debug\n", optarg);
                                return 2;
                        }
                        log_set_level(log_level_parse(optarg));
                        break;
                case VERSION: puts("bailiffd " BAILIFF_VERSION); return 0;
                case 'h': fputs(HELP, stdout); return 0;
                default: fputs("Try: bailiffd --help\n", stderr); return 2;
                }
        if (optind < argc) {
                fprintf(stderr, "bailiffd: \"%s\" is not an option. Try: bailiffd --help\n", argv[optind]);
                return 2;
        }
        if (arg_origin && !arg_dump) {
                fputs("bailiffd: --origin goes with --dump-config. Try: bailiffd --help\n", stderr);
                return 2;
        }
        return -1;
}

int main(int argc, char *argv[])
{
        _cleanup_(daemon_freep) Daemon *daemon = NULL;
        Problem problem = { "out of memory" };
        int status = parse_arguments(argc, argv);

        if (status >= 0)
                return status;
        if (arg_check || arg_dump)
                return daemon_check(&arg_options, arg_dump, arg_origin);
        if (arg_restore)
                return daemon_restore(&arg_options);
        if (daemon_new(&arg_options, &daemon, &problem) < 0 || daemon_start(daemon, &problem) < 0) {
                log_error("%s", problem.text);
                return 2;
        }
        return daemon_run(daemon) < 0 ? 1 : 0;
}
