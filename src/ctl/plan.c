/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * plan: what would have been banned. Logs go through the whole core of the daemon
 * (core.h), without daemon, root or firewall, at the times that they tell of.
 */

#include <stdlib.h>
#include <string.h>

#include "ctl/plan.h"
#include "util/cleanup.h"

#define OWN_SECONDS 86400 /* what is read of the jails' own sources unless --since says otherwise */

typedef struct Arguments {
        const char *since, *fail_on;
} Arguments;

static int append(const char ***list, size_t *n, const char *text)
{
        const char **grown = reallocarray(*list, *n + 1, sizeof *grown);

        if (!grown)
                return fail("out of memory");
        *list = grown;
        grown[(*n)++] = text;
        return STATUS_DONE;
}

static int take_option(const Command *command, Plan *plan, Arguments *given, int argc, char **argv, int *i)
{
        const struct {
                const char *name;
                const char **value;
        } options[] = {
                { "--config", &plan->config_path }, { "--journal-dir", &plan->directory }, { "--since", &given->since },
                { "--timezone", &plan->zone },      { "--fail-on", &given->fail_on },
        };
        const char *value;

        for (size_t o = 0; o < sizeof options / sizeof *options; o++)
                if ((value = option_value(argc, argv, i, options[o].name))) {
                        *options[o].value = value;
                        return STATUS_DONE;
                }
        if ((value = option_value(argc, argv, i, "--jail")))
                return append(&plan->names, &plan->n_names, value);
        if ((value = option_value(argc, argv, i, "--file")))
                return append(&plan->files, &plan->n_files, value);
        if (strcmp(argv[*i], "--journal") != 0)
                return unknown_option(command, argv[*i], "--config --jail --file --journal-dir --since --timezone --fail-on ");
        plan->journal = true;
        return STATUS_DONE;
}

static int take_zone(const Command *command, const Plan *plan)
{
        _cleanup_(zone_freep) Zone *zone = NULL;
        Problem problem;

        if (!plan->zone)
                return STATUS_DONE;
        if (zone_load(plan->zone, &zone, &problem) < 0)
                return usage_error(command, "%s", problem.text);
        /* For --since as well: the zone of this process. */
        setenv("TZ", plan->zone, 1);
        logline_zone_changed();
        return STATUS_DONE;
}

static int check(const Command *command, Plan *plan, const Arguments *given)
{
        if (given->fail_on && strcmp(given->fail_on, "new") == 0)
                return usage_error(command, "--fail-on new would compare with the present configuration, which plan does not do yet; "
                                            "--fail-on any fails on every ban");
        if (given->fail_on && strcmp(given->fail_on, "any") != 0)
                return usage_error(command, "--fail-on any, not \"%s\"", given->fail_on);
        plan->fail_on_bans = given->fail_on != NULL;
        if (plan->directory && !plan->journal && plan->n_files > 0)
                return usage_error(command, "--journal-dir is for --journal");
        if (take_zone(command, plan) != STATUS_DONE)
                return STATUS_ERROR;
        if (given->since)
                return set_since(command, given->since, &plan->since);
        if (plan->n_files == 0 && !plan->journal)
                plan->since = event_time_ago(clock_event_now(), OWN_SECONDS);
        return STATUS_DONE;
}

static int take_arguments(const Command *command, Plan *plan, int argc, char **argv)
{
        Arguments given = { NULL };
        int status = STATUS_DONE;

        for (int i = 1; i < argc && status == STATUS_DONE; i++) {
                if (argv[i][0] == '-' && argv[i][1])
                        status = take_option(command, plan, &given, argc, argv, &i);
                else
                        status = usage_error(command, "\"%s\": a log file is given as --file %s", argv[i], argv[i]);
        }
        return status == STATUS_DONE ? check(command, plan, &given) : status;
}

/**
 * command_plan() - plan [--config FILE] [--jail JAIL]... [--file FILE]... [--journal] ...
 */
int command_plan(Ctl *ctl, int argc, char **argv)
{
        _cleanup_(plan_unload) Plan plan = { .ctl = ctl };
        int status = take_arguments(command_find("plan"), &plan, argc, argv);

        if (status == STATUS_DONE)
                status = plan_load(&plan);
        plan.report.started = clock_boot_now();
        if (status == STATUS_DONE)
                status = plan_read(&plan);
        if (status != STATUS_DONE)
                return status;
        if (!ctl->json)
                plan_say(&plan);
        return plan.fail_on_bans && plan.report.bans > 0 ? STATUS_NO : STATUS_DONE;
}
