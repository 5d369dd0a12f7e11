/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bailiffctl: options, and the table of commands that dispatch, help and the list of commands come from. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build-config.h"
#include "ctl/ctl.h"
#include "util/text.h"

const Command COMMANDS[] = {
        { "status", "[JAIL]", "what is wrong, then the jails; or one jail's figures", "", command_status },
        { "bans", "[JAIL]", "who is banned, until when, since how many failures",
          "FAILS: failures that led to the ban (- for a ban by hand).\n"
          "PACKETS: stopped so far, where the firewall counts them.\n",
          command_bans },
        { "banip", "JAIL ADDR[/LEN]...|- [--for 1d] [--reason TEXT] [--no-report] [--report] [--force]", "ban addresses or prefixes",
          "  -              read a list from standard input; # begins a comment. Only what\n"
          "                 is refused is told, with its line, and a summary\n"
          "  --for TIME     10m, 1d12h, plain seconds, or forever; else the jail's bantime\n"
          "  --reason TEXT  kept with the ban, shown by why\n"
          "  --no-report    do not report this ban to others, whatever the jail says\n"
          "  --report       report a list from standard input as the jail says, which\n"
          "                 single addresses are by themselves\n"
          "  --force        also prefixes wider than /8 (IPv4) or /16 (IPv6)\n"
          "All are tried. Exit status 1: an address is allowed; 2: an error, or enforced\n"
          "but not yet remembered (the disk does not answer).\n",
          command_banip },
        { "unban", "ADDR[/LEN]...|--all [--jail JAIL] [--offline] [--state-dir DIR]", "lift every ban that covers an address",
          "  --all          lift all bans\n"
          "  --jail JAIL    only this jail's\n"
          "  --offline      while bailiffd does not run: in its database and in the kernel\n"
          "  --state-dir DIR  the daemon's, for --offline; else " BAILIFF_STATE_DIR "\n"
          "A prefix also lifts the bans that lie in it. Each lifted ban is printed. Exit\n"
          "status 1: an address was not banned.\n",
          command_unban },
        { "banned", "ADDR...", "whether addresses are banned: exit status 0 all, 1 not", "", command_banned },
        { "attempt", "JAIL ADDR... [--line TEXT]", "count a failure by hand",
          "  --line TEXT    kept as the failure's log line, shown by why\n", command_attempt },
        { "allow", "add|remove|list [ADDR[/LEN]...] [--for 7d] [--reason TEXT]", "addresses that are never banned",
          "  add            allow addresses or prefixes; bans inside are lifted\n"
          "  remove         take back what allow add allowed; the configuration's entries\n"
          "                 are changed there\n"
          "  list           all entries, and where each comes from\n"
          "  --for TIME     10m, 1d12h, plain seconds; else for ever\n"
          "  --reason TEXT  shown by list and why\n",
          command_allow },
        { "pause", "JAIL", "let a jail count and show, but ban nobody", "It stays so over a restart. Its bans stand.\n",
          command_pause },
        { "resume", "JAIL", "let a paused jail ban again", "", command_resume },
        { "why", "ADDR", "why an address is banned, or what stopped it", "", command_why },
        { "reload", "[--check]", "take in the changed configuration",
          "  --check        only say what would change\n"
          "Exit status 2: it is refused and the old one runs on; the message has file, line\n"
          "and column.\n",
          command_reload },
        { "monitor", "[--since ID] [--count N] [--once]", "show events as they happen",
          "  --since ID     first all events after this one; 0: from the beginning\n"
          "  --count N      end after N events\n"
          "  --once         end when all that has happened is shown\n",
          command_monitor },
        { "stats", "", "bans by jail, rule, address and prefix", "", command_stats },
        { "reports",
          "[list] [--state STATE] [--service SERVICE] [--addr ADDR] [--max N]\n"
          "retry [ID]\n"
          "drop ID|ADDR...\n"
          "preview JAIL ADDR\n"
          "retract ADDR...",
          "what is reported to AbuseIPDB and VirusTotal, and how that went",
          "  list           how the services are: what waits, the day's requests, what is\n"
          "                 wrong; then the latest reports, 20 or --max N, and what the\n"
          "                 services answered\n"
          "  --state STATE  these alone: queued; in-flight; done; refused, the service does\n"
          "                 not take it; unknown, it may have arrived; expired, too old or\n"
          "                 too many; dropped\n"
          "  --service SERVICE  abuseipdb or virustotal\n"
          "  retry          try at once what has failed and waits to be tried again\n"
          "  retry ID       send one again that is refused, unknown, expired or dropped\n"
          "  drop           never send this one, or those that wait of an address\n"
          "  preview        exactly what would be sent of an address that the jail bans;\n"
          "                 long lines are wrapped, with --json they are not\n"
          "  retract        drop what waits, ask AbuseIPDB to delete our reports of the\n"
          "                 address, and VirusTotal our comments; votes stay\n"
          "Exit status 1: nothing was changed, or nothing would be sent.\n",
          command_reports },
        { "plan",
          "[--config FILE] [--jail JAIL]... [--file FILE|-]... [--journal [--journal-dir DIR]] [--since T] [--timezone Z] [--fail-on any]",
          "who would have been banned: a replay of logs",
          "Needs no daemon and no root. Bans nobody.\n"
          "  --config FILE  this configuration instead of /etc/bailiff/bailiff.yaml\n"
          "  --jail JAIL    this jail, also one that is not enabled or that is only named\n"
          "                 like a filter; may be repeated. Without: all that are enabled\n"
          "  --file FILE    a log file, - for standard input; may be repeated. Jails with\n"
          "                 format: json take its lines for JSON objects\n"
          "  --journal      the journal; --journal-dir DIR: another one\n"
          "                 Without files and journal: what the jails themselves read,\n"
          "                 of the last day\n"
          "  --since T      lines since 1d ago, or since 2026-11-23T07:31:00Z\n"
          "  --timezone Z   of timestamps that name none: Europe/Berlin, UTC, +02:00\n"
          "  --fail-on any  exit status 1 if anybody would have been banned\n",
          command_plan },
        { "test",
          "FILTER|FILE.yaml [--mode M] [--raw] [--now T] [--timezone Z] [--explain] [--line TEXT | --journal [--since T] "
          "[--journal-dir DIR] | FILE|-]",
          "what a filter finds in log lines",
          "Needs no daemon, no root and no configuration. Without lines the filter's own\n"
          "tests run.\n"
          "  FILTER         a name, also with parameters: 'sshd[publickey=any]'\n"
          "  FILE|-         a log file, or standard input\n"
          "  --line TEXT    one line\n"
          "  --journal      the service's lines in the journal, up to now\n"
          "  --since T      from then on: a duration back (1h), or a time\n"
          "  --journal-dir DIR  another journal than the system's\n"
          "  --mode M       of the filter; normal, if it has no such mode\n"
          "  --raw          lines are bare messages, without timestamp and program\n"
          "  --now T        the time of lines without a timestamp, and the latest of all\n"
          "  --timezone Z   of timestamps that name none: Europe/Berlin\n"
          "  --explain      what became of each line, step by step, and why\n"
          "Exit status 1: nothing matched, or a test failed.\n",
          command_test },
        { "set", "JAIL banip|unbanip ADDR...", "Fail2Ban's spelling of banip and unban --jail", "", command_set },
};
const size_t N_COMMANDS = sizeof COMMANDS / sizeof *COMMANDS;

const Command *command_find(const char *name)
{
        for (size_t i = 0; i < N_COMMANDS; i++)
                if (strcmp(COMMANDS[i].name, name) == 0)
                        return &COMMANDS[i];
        return NULL;
}

static void print_commands(FILE *file)
{
        for (size_t i = 0; i < N_COMMANDS; i++)
                fprintf(file, "  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
}

static void print_help(void)
{
        printf("Usage: bailiffctl [--socket PATH] [--json] COMMAND [ARGUMENT]...\n"
               "Looks at the bans of bailiffd and changes them.\n\n");
        print_commands(stdout);
        printf("\n"
               "  --socket PATH  else $BAILIFF_SOCKET, else " BAILIFF_RUNTIME_DIR "/control.sock\n"
               "  --json         for programs: one JSON object a line, see bailiffctl-json(7)\n"
               "  --help         of a command: bailiffctl COMMAND --help\n"
               "  --version\n\n"
               "Exit status: 0 done, 1 \"no\", 2 usage or error. Of several addresses the worst.\n");
}

static void print_command_help(const Command *command)
{
        print_usage(stdout, command);
        printf("%c%s.\n%s%s", toupper((unsigned char) command->summary[0]), command->summary + 1, *command->help ? "\n" : "",
               command->help);
}

static int unknown_command(const char *word)
{
        const char *names[sizeof COMMANDS / sizeof *COMMANDS];
        char *safe = clean(word);

        for (size_t i = 0; i < N_COMMANDS; i++)
                names[i] = COMMANDS[i].name;
        const char *nearest = text_nearest(word, names, N_COMMANDS);

        fprintf(stderr, "bailiffctl: unknown command \"%.40s\"", safe);
        if (nearest)
                fprintf(stderr, "; did you mean \"%s\"?", nearest);
        fprintf(stderr, "\nThe commands are:\n");
        print_commands(stderr);
        free(safe);
        return STATUS_ERROR;
}

/* Takes --socket, --json, --help and --version out, wherever they stand, up to "--". */
static int take_options(Ctl *ctl, int *argc, char **argv, bool *ret_help)
{
        int kept = 1;

        for (int i = 1; i < *argc; i++) {
                char *argument = argv[i];

                if (strcmp(argument, "--") == 0) {
                        while (i < *argc)
                                argv[kept++] = argv[i++];
                } else if (strcmp(argument, "--json") == 0) {
                        ctl->json = true;
                } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
                        *ret_help = true;
                } else if (strncmp(argument, "--socket=", 9) == 0) {
                        ctl->socket = argument + 9;
                } else if (strcmp(argument, "--socket") == 0) {
                        if (++i == *argc)
                                return fail("--socket needs a path; try bailiffctl --help");
                        ctl->socket = argv[i];
                } else if (strcmp(argument, "--reason") == 0 || strcmp(argument, "--line") == 0) {
                        argv[kept++] = argument; /* its value may look like an option */
                        if (i + 1 < *argc)
                                argv[kept++] = argv[++i];
                } else {
                        argv[kept++] = argument;
                }
        }
        *argc = kept;
        return STATUS_DONE;
}

int main(int argc, char **argv)
{
        const char *socket = getenv("BAILIFF_SOCKET");
        Ctl ctl = { .socket = socket && *socket ? socket : BAILIFF_RUNTIME_DIR "/control.sock" };
        const Command *command;
        bool help = false;
        int status;

        if (argc >= 2 && strcmp(argv[1], "__complete") == 0) {
                status = complete(&ctl, argc - 1, argv + 1);
                client_free(ctl.client);
                return output_end(status);
        }
        output_start(false);
        status = take_options(&ctl, &argc, argv, &help);
        if (status != STATUS_DONE)
                return status;
        output_start(ctl.json);
        if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
                printf("bailiffctl %s\n", BAILIFF_VERSION);
                return output_end(STATUS_DONE);
        }
        if (argc < 2 && !help) {
                fprintf(stderr, "Usage: bailiffctl [--socket PATH] [--json] COMMAND [ARGUMENT]...\nThe commands are:\n");
                print_commands(stderr);
                return STATUS_ERROR;
        }
        if (argc >= 3 && strcmp(argv[1], "help") == 0) { /* "help bans" is "bans --help" */
                help = true;
                argc--;
                argv++;
        }
        if (argc < 2 || strcmp(argv[1], "help") == 0) {
                print_help();
                return output_end(STATUS_DONE);
        }
        if (argv[1][0] == '-')
                return fail("unknown option %.40s; try bailiffctl --help", argv[1]);
        command = command_find(argv[1]);
        if (!command)
                return unknown_command(argv[1]);
        if (help) {
                print_command_help(command);
                return output_end(STATUS_DONE);
        }
        status = command->run(&ctl, argc - 1, argv + 1);
        client_free(ctl.client);
        return output_end(status);
}
