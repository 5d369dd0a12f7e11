/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * test: the workbench. Lines go through the daemon's own code, here and now,
 * without daemon, root or configuration; so who writes a filter sees what it
 * would find. Without lines the filter's own tests run.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/input.h"
#include "ctl/test.h"
#include "util/cleanup.h"

/* ---- the filter's own tests ---- */

typedef struct SelfTest {
        const Ctl *ctl;
        unsigned passed;
        bool missed; /* a line that no rule matched */
} SelfTest;

/* A test's line that was copied with its header can match nothing. */
static bool has_header(const char *line)
{
        LogLine parts;

        logline_parse(&(LogLineOptions){ .now = clock_event_now() }, line, strlen(line), NULL, NULL, &parts);
        return parts.time.usec != 0 && parts.syslog;
}

static void on_test(void *userdata, const char *line, bool passed, const char *message)
{
        SelfTest *test = userdata;

        test->passed += passed;
        if (test->ctl->json) {
                json_auto_t *object = json_pack("{s:s, s:b, s:s}", "test", line, "passed", passed, "message", message);

                say_json(object);
        } else if (!passed) {
                bool missed = strstr(message, ": no rule matched") != NULL;

                say_wrapped(RED, "", "  ", message);
                say_wrapped(PLAIN, "  ", "  ", line);
                if (missed && has_header(line))
                        say_wrapped(PLAIN, "  ", "  ",
                                    "(it begins with a timestamp and a program's name; a test's line is the message alone)");
                test->missed = test->missed || missed;
        }
}

static int self_test(const Ctl *ctl, const Filter *filter)
{
        SelfTest test = { .ctl = ctl };
        unsigned failed = 0;
        int r = filter_self_test(filter, on_test, &test, &failed);

        if (r < 0)
                return fail("%s", strerror(-r));
        if (!ctl->json && failed > 0)
                say(RED, "%s: %u failed, %u passed\n", filter_info(filter)->name, failed, test.passed);
        if (!ctl->json && test.missed)
                say(DIM, "Why: bailiffctl test FILTER --explain --raw --line 'THE LINE'\n");
        if (!ctl->json && failed == 0)
                say(GREEN, "%s: %u %s passed\n", filter_info(filter)->name, test.passed, plural(test.passed, "test", "tests"));
        return failed > 0 ? STATUS_NO : STATUS_DONE;
}

/* ---- the filter ---- */

static void list_modes(const Filter *filter, char *text, size_t size)
{
        const char *mode;
        size_t used = 0;

        for (size_t i = 0; (mode = filter_mode_name(filter, i)) && used < size; i++)
                used += (size_t) snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", mode);
}

/* Loads it; a mode that it lacks is told, and the default taken. */
static int load(Workbench *bench)
{
        Problem problem = { "" };
        char modes[256];
        int r = filter_load(bench->spec, bench->mode, "test", NULL, &bench->filter, &problem);

        if (r == -ENXIO && bench->mode && filter_load(bench->spec, NULL, "test", NULL, &bench->filter, &(Problem){ "" }) == 0) {
                list_modes(bench->filter, modes, sizeof modes);
                fail("the filter has no mode \"%s\"; mode %s is used. Modes: %s", bench->mode, filter_info(bench->filter)->mode,
                     modes);
                return STATUS_DONE;
        }
        if (r == -ENOENT && strchr(bench->spec, '/') && access(bench->spec, F_OK) < 0)
                return fail("%s cannot be read: No such file or directory; a name alone, as in sshd, is sought where filters are",
                            bench->spec);
        return r < 0 ? fail("%s", problem.text) : STATUS_DONE;
}

/* ---- arguments ---- */

typedef struct Arguments {
        const char *now, *since, *zone;
} Arguments;

static int take_option(const Command *command, Workbench *bench, Arguments *given, int argc, char **argv, int *i)
{
        const struct {
                const char *name;
                const char **value;
        } options[] = {
                { "--mode", &bench->mode }, { "--now", &given->now },     { "--timezone", &given->zone },
                { "--line", &bench->line }, { "--since", &given->since }, { "--journal-dir", &bench->directory },
        };
        const char *value;

        for (size_t o = 0; o < sizeof options / sizeof *options; o++)
                if ((value = option_value(argc, argv, i, options[o].name))) {
                        *options[o].value = value;
                        return STATUS_DONE;
                }
        if (strcmp(argv[*i], "--raw") == 0)
                bench->raw = true;
        else if (strcmp(argv[*i], "--explain") == 0)
                bench->explain = true;
        else if (strcmp(argv[*i], "--journal") == 0)
                bench->journal = true;
        else
                return unknown_option(command, argv[*i], "--mode --now --timezone --line --since --journal-dir ");
        return STATUS_DONE;
}

static int take_times(const Command *command, Workbench *bench, const Arguments *given)
{
        if (given->zone) {
                _cleanup_(zone_freep) Zone *zone = NULL;
                Problem problem;

                if (zone_load(given->zone, &zone, &problem) < 0)
                        return usage_error(command, "%s", problem.text);
                /* For --now and --since as well: the zone of this process. */
                setenv("TZ", given->zone, 1);
                logline_zone_changed();
        }
        bench->now_given = given->now;
        if (given->now && set_moment(given->now, &bench->now) < 0)
                return usage_error(command,
                                   "\"%s\" is no time: write 2026-11-23T07:31:00Z, \"2026-11-23 08:31:00\" or @1795419060",
                                   given->now);
        if (!given->since)
                return STATUS_DONE;
        return set_since(command, given->since, &bench->since);
}

static int take_arguments(const Command *command, Workbench *bench, int argc, char **argv)
{
        Arguments given = { NULL };
        bool options = true;

        for (int i = 1; i < argc; i++) {
                int status = STATUS_DONE;

                if (options && strcmp(argv[i], "--") == 0)
                        options = false;
                else if (options && argv[i][0] == '-' && argv[i][1])
                        status = take_option(command, bench, &given, argc, argv, &i);
                else if (!bench->spec)
                        bench->spec = argv[i];
                else if (!bench->file)
                        bench->file = argv[i];
                else
                        status = usage_error(command, "one file at a time; of several: cat FILE... | bailiffctl test FILTER -");
                if (status != STATUS_DONE)
                        return status;
        }
        if (!bench->spec)
                return usage_error(command, "which filter? A name, as in sshd, or a path that ends in .yaml");
        if (!!bench->file + !!bench->line + bench->journal > 1)
                return usage_error(command, "lines come from a file, from --line, or from --journal, not from two of them");
        if (!bench->journal && (given.since || bench->directory))
                return usage_error(command, "%s is for --journal", given.since ? "--since" : "--journal-dir");
        return take_times(command, bench, &given);
}

/* ---- the command ---- */

static int take_text(void *userdata, const char *text, size_t size)
{
        return bench_line(userdata, text, size);
}

static int take_entry(void *userdata, const Line *line)
{
        Workbench *bench = userdata;

        return filter_listens(bench->filter, line->ident) ? bench_entry(bench, line) : 0;
}

static int run(Workbench *bench)
{
        const LineSink sink = { .text = take_text, .entry = take_entry, .userdata = bench };
        int status = STATUS_DONE, r = bench_new(bench);

        if (r == 0 && bench->line)
                r = bench_line(bench, bench->line, strlen(bench->line));
        if (r < 0)
                return fail("%s", strerror(-r));
        if (bench->file)
                status = input_file(&sink, bench->file);
        else if (bench->journal)
                status = input_journal(&sink, &(JournalConfig){ .directory = bench->directory, .idents = bench->info->idents,
                                                                .n_idents = bench->info->n_idents, .since = bench->since });
        bench_progress(bench, true);
        if (status != STATUS_DONE)
                return status;
        if (!bench->ctl->json && !bench->line) {
                if (bench->explain && bench->report.lines > 0)
                        putchar('\n');
                report_say(&bench->report, bench);
        }
        return bench->report.matched > 0 ? STATUS_DONE : STATUS_NO;
}

/**
 * command_test() - test FILTER|FILE.yaml ...
 */
int command_test(Ctl *ctl, int argc, char **argv)
{
        _cleanup_(bench_free) Workbench bench = { .ctl = ctl };
        int status = take_arguments(command_find("test"), &bench, argc, argv);

        if (status == STATUS_DONE)
                status = load(&bench);
        if (status != STATUS_DONE)
                return status;
        if (bench.file || bench.line || bench.journal)
                return run(&bench);
        if (bench.explain || bench.raw)
                return usage_error(command_find("test"), "%s needs a line: --line TEXT, a file, - or --journal",
                                   bench.explain ? "--explain" : "--raw");
        return self_test(ctl, bench.filter);
}
