/* SPDX-License-Identifier: GPL-2.0-or-later */

/* attempt, pause and resume: what is done to a jail by hand. */

#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

static int attempt_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *value = option_value(argc, argv, i, "--line");

        return value ? set_text(command, parameters, "line", "the line", value) : unknown_option(command, argv[*i], "--line ");
}

static int show_attempt(const Ctl *ctl, const Answer *answer, const char *address)
{
        long long failures = number(answer->parameters, "failures");

        if (ctl->json)
                return STATUS_DONE;
        if (json_is_true(json_object_get(answer->parameters, "banned")))
                say(PLAIN, "%s: the window is full, and it is banned\n", address);
        else if (failures == 0)
                say(PLAIN, "%s: the window was full; not banned. Why not: bailiffctl why %s\n", address, address);
        else
                say(PLAIN, "%s: counted, %lld %s now\n", address, failures, plural(failures, "failure", "failures"));
        return STATUS_DONE;
}

/**
 * command_attempt() - attempt JAIL ADDR... [--line TEXT]
 */
int command_attempt(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("attempt");
        json_auto_t *parameters = json_object();
        int status = read_options(command, attempt_option, parameters, &argc, argv);

        if (status != STATUS_DONE)
                return status;
        if (argc < 3)
                return usage_error(command, argc < 2 ? "which jail, and which address?" : "which address?");
        status = set_text(command, parameters, "jail", "the jail's name", argv[1]);
        return status != STATUS_DONE ? status : each_address(ctl, "Attempt", parameters, show_attempt, argc - 2, argv + 2);
}

static int show_pause(const Ctl *ctl, const Answer *answer, const char *jail)
{
        if (!ctl->json && json_is_false(json_object_get(answer->parameters, "changed")))
                say(PLAIN, "%s is paused already\n", jail);
        else if (!ctl->json)
                say(PLAIN, "%s is paused: it counts and shows, and bans nobody. Its bans stand.\n", jail);
        return STATUS_DONE;
}

static int show_resume(const Ctl *ctl, const Answer *answer, const char *jail)
{
        if (!ctl->json && json_is_false(json_object_get(answer->parameters, "changed")))
                say(PLAIN, "%s was not paused\n", jail);
        else if (!ctl->json)
                say(PLAIN, "%s bans again\n", jail);
        return STATUS_DONE;
}

static int change_jail(Ctl *ctl, const char *method, AnswerShower show, int argc, char **argv)
{
        const Command *command = command_find(argv[0]);
        json_auto_t *parameters = json_object();
        _cleanup_answer_ Answer answer = { 0 };
        int status;

        if (argc >= 2 && argv[1][0] == '-')
                return usage_error(command, "unknown option %s", argv[1]);
        if (argc != 2)
                return usage_error(command, argc < 2 ? "which jail?" : "one jail at a time");
        status = set_text(command, parameters, "jail", "the jail's name", argv[1]);
        if (status == STATUS_DONE)
                status = client_call(ctl, method, json_incref(parameters), &answer);
        if (status != STATUS_DONE)
                return status;
        json_object_set_new(answer.parameters, "jail", json_string(argv[1]));
        if (ctl->json && answer.error)
                json_object_set_new(answer.parameters, "error", json_string(answer.error));
        if (ctl->json)
                say_json(answer.parameters);
        if (answer.error)
                return answer_error(&answer, NULL);
        show(ctl, &answer, argv[1]);
        if (json_is_false(json_object_get(answer.parameters, "remembered")))
                return fail("in force, not yet remembered: the disk does not answer. Look: bailiffctl status");
        return STATUS_DONE;
}

/**
 * command_pause() - pause JAIL
 */
int command_pause(Ctl *ctl, int argc, char **argv)
{
        return change_jail(ctl, "Pause", show_pause, argc, argv);
}

/**
 * command_resume() - resume JAIL
 */
int command_resume(Ctl *ctl, int argc, char **argv)
{
        return change_jail(ctl, "Resume", show_resume, argc, argv);
}
