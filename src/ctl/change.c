/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * banip, unban and set. All addresses are asked for before the first answer is
 * awaited, a few hundred at a time: the daemon answers when its disk has a
 * change, so a thousand bans take one commit and not a thousand.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/addr.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define AHEAD 256 /* calls under way; the daemon takes more, and their answers fit its socket */

typedef struct Change {
        Ctl *ctl;
        const char *method;
        json_t *parameters; /* of every call; the address is added */
        const char **sent;  /* addresses whose answers are still to come */
        size_t first, n;
        int status;
} Change;

static int worse(int a, int b)
{
        return a > b ? a : b;
}

static int show_banned(const Answer *answer, const char *address)
{
        const json_t *ban = json_object_get(answer->parameters, "ban");
        char buffer[80];

        if (ban)
                say(PLAIN, "%s banned in %s %s\n", field(ban, "ip", address), field(ban, "jail", "?"),
                    until_text(ban, TIME_FULL, buffer));
        else
                say(PLAIN, "%s banned\n", address);
        return STATUS_DONE;
}

static int show_lifted(const Answer *answer, const char *address)
{
        const json_t *bans = json_object_get(answer->parameters, "bans"), *ban;
        long long lifted = number(answer->parameters, "lifted");
        size_t i;

        json_array_foreach(bans, i, ban) say(PLAIN, "%s unbanned in %s\n", field(ban, "ip", "?"), field(ban, "jail", "?"));
        if ((size_t) lifted > json_array_size(bans))
                say(PLAIN, "and %lld more\n", lifted - (long long) json_array_size(bans));
        if (lifted == 0)
                say(PLAIN, address ? "%s is not banned\n" : "Nobody is banned%s\n", address ? address : "");
        return lifted == 0 && address ? STATUS_NO : STATUS_DONE;
}

static void show_json(const Answer *answer, const char *address)
{
        json_auto_t *object = json_copy(answer->parameters);

        if (address)
                json_object_set_new(object, "address", json_string(address));
        if (answer->error)
                json_object_set_new(object, "error", json_string(answer->error));
        say_json(object);
}

/* address: NULL for --all */
static int show_answer(Change *change, const Answer *answer, const char *address)
{
        int status = STATUS_DONE;

        if (change->ctl->json)
                show_json(answer, address);
        if (answer->error)
                return answer_error(answer, address);
        if (strcmp(change->method, "Ban") == 0)
                status = change->ctl->json ? STATUS_DONE : show_banned(answer, address);
        else if (!change->ctl->json)
                status = show_lifted(answer, address);
        else if (address && number(answer->parameters, "lifted") == 0)
                status = STATUS_NO;
        if (!json_is_true(json_object_get(answer->parameters, "remembered"))) {
                fail("%s%senforced, not yet remembered: the disk does not answer, and a crash now would forget it.\n"
                     "Look: bailiffctl status",
                     address ? address : "", address ? ": " : "");
                status = STATUS_ERROR;
        }
        return status;
}

static int take_answer(Change *change)
{
        _cleanup_answer_ Answer answer = { 0 };
        const char *address = change->sent[change->first % AHEAD];
        int status = client_receive(change->ctl, CLIENT_TIMEOUT_MSEC, &answer);

        if (status != STATUS_DONE)
                return -1;
        change->first++;
        change->n--;
        change->status = worse(change->status, show_answer(change, &answer, address));
        free((void *) (uintptr_t) address);
        return 0;
}

static int refuse_address(const Change *change, const char *address)
{
        json_auto_t *object = json_object();
        json_t *text = json_string(address);

        if (change->ctl->json) {
                json_object_set_new(object, "address", text ? text : json_string("?")); /* it may not be UTF-8 */
                json_object_set_new(object, "error", json_string("org.varlink.service.InvalidParameter"));
                json_object_set_new(object, "message", json_string("no IP address or prefix; names are never resolved"));
                say_json(object);
        } else {
                json_decref(text);
        }
        return fail("\"%s\" is no IP address or prefix; names are never resolved.", address);
}

/* Return: 0, or -1 when there is no use in going on. */
static int add_address(Change *change, const char *address)
{
        Addr addr;

        /* Checked here as well, so that a typing error is told without a daemon and an odd byte never leaves. */
        int r = addr_parse_prefix(address, &addr);
        if (r == -EINVAL) {
                change->status = refuse_address(change, address);
                return 0;
        }
        if (change->n == AHEAD && take_answer(change) < 0)
                return -1;
        json_t *parameters = json_copy(change->parameters);

        json_object_set_new(parameters, "address", json_string(address));
        if (client_send(change->ctl, change->method, parameters, false) != STATUS_DONE)
                return -1;
        change->sent[(change->first + change->n++) % AHEAD] = strdup(address);
        return 0;
}

static int add_lines(Change *change, FILE *file)
{
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (getline(&line, &size, file) >= 0) {
                char *rest = NULL;

                line[strcspn(line, "#")] = '\0';
                for (char *word = strtok_r(line, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest))
                        if (add_address(change, word) < 0)
                                return -1;
        }
        return 0;
}

/* Takes `parameters` over. */
static int run(Ctl *ctl, const char *method, json_t *parameters, int argc, char **argv, bool stdin_allowed)
{
        const char *sent[AHEAD];
        Change change = { .ctl = ctl, .method = method, .parameters = parameters, .sent = sent };
        int r = client_connect(ctl) == STATUS_DONE ? 0 : -1;

        for (int i = 0; r == 0 && i < argc; i++)
                r = stdin_allowed && strcmp(argv[i], "-") == 0 ? add_lines(&change, stdin) : add_address(&change, argv[i]);
        while (r == 0 && change.n > 0)
                r = take_answer(&change);
        while (change.n > 0) {
                free((void *) (uintptr_t) sent[change.first++ % AHEAD]);
                change.n--;
        }
        json_decref(parameters);
        return r < 0 ? STATUS_ERROR : change.status;
}

/* An option's value: the next argument, or what follows '='. */
static const char *option_value(int argc, char **argv, int *i, const char *name)
{
        size_t size = strlen(name);

        if (strncmp(argv[*i], name, size) == 0 && argv[*i][size] == '=')
                return argv[*i] + size + 1;
        return strcmp(argv[*i], name) == 0 && *i + 1 < argc ? argv[++*i] : NULL;
}

static int set_duration(const Command *command, json_t *parameters, const char *text)
{
        int64_t seconds;

        if (duration_parse(text, &seconds) < 0)
                return usage_error(command, "\"%s\" is no duration: 10m, 1d12h, plain seconds, or forever; 1 s to 10 years",
                                   text);
        json_object_set_new(parameters, "duration", json_integer(seconds));
        return STATUS_DONE;
}

static int banip_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *option = argv[*i], *value;

        if (strcmp(option, "--no-report") == 0) {
                json_object_set_new(parameters, "no_report", json_true());
        } else if (strcmp(option, "--force") == 0) {
                json_object_set_new(parameters, "force", json_true());
        } else if ((value = option_value(argc, argv, i, "--for"))) {
                return set_duration(command, parameters, value);
        } else if ((value = option_value(argc, argv, i, "--reason"))) {
                json_t *reason = json_string(value);

                if (!reason)
                        return usage_error(command, "the reason is not UTF-8");
                json_object_set_new(parameters, "reason", reason);
        } else if (strcmp(option, "--for") == 0 || strcmp(option, "--reason") == 0) {
                return usage_error(command, "%s needs a value", option);
        } else {
                return usage_error(command, "unknown option %s", option);
        }
        return STATUS_DONE;
}

/* Moves the arguments that are no options to the front. */
typedef int (*OptionReader)(const Command *command, json_t *parameters, int argc, char **argv, int *i);
static int read_options(const Command *command, OptionReader reader, json_t *parameters, int *argc, char **argv)
{
        int kept = 1;

        for (int i = 1; i < *argc; i++) {
                if (strcmp(argv[i], "--") == 0) {
                        while (++i < *argc)
                                argv[kept++] = argv[i];
                } else if (argv[i][0] == '-' && argv[i][1]) {
                        int status = reader(command, parameters, *argc, argv, &i);

                        if (status != STATUS_DONE)
                                return status;
                } else {
                        argv[kept++] = argv[i];
                }
        }
        *argc = kept;
        return STATUS_DONE;
}

/**
 * command_banip() - banip JAIL ADDR[/LEN]...|- [--for 1d] [--reason TEXT] [--no-report] [--force]
 */
int command_banip(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("banip");
        json_auto_t *parameters = json_object();
        int status = read_options(command, banip_option, parameters, &argc, argv);
        Addr addr;

        if (status != STATUS_DONE)
                return status;
        if (argc >= 2 && addr_parse_prefix(argv[1], &addr) != -EINVAL)
                return usage_error(command, "the jail stands before the addresses, and %s is no jail", argv[1]);
        if (argc < 3)
                return usage_error(command, argc < 2 ? "which jail, and which address?" : "which address?");
        json_t *jail = json_string(argv[1]);
        if (!jail)
                return usage_error(command, "the jail's name is not UTF-8");
        json_object_set_new(parameters, "jail", jail);
        return run(ctl, "Ban", json_incref(parameters), argc - 2, argv + 2, true);
}

static int unban_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *option = argv[*i], *value;

        if (strcmp(option, "--all") == 0) {
                json_object_set_new(parameters, "all", json_true());
        } else if ((value = option_value(argc, argv, i, "--jail"))) {
                json_t *jail = json_string(value);

                if (!jail)
                        return usage_error(command, "the jail's name is not UTF-8");
                json_object_set_new(parameters, "jail", jail);
        } else {
                return usage_error(command, strcmp(option, "--jail") == 0 ? "%s needs a value" : "unknown option %s", option);
        }
        return STATUS_DONE;
}

static int unban_all(Ctl *ctl, const json_t *parameters)
{
        Change change = { .ctl = ctl, .method = "Unban" };
        _cleanup_answer_ Answer answer = { 0 };
        int status = client_call(ctl, "Unban", json_copy((json_t *) (uintptr_t) parameters), &answer);

        return status != STATUS_DONE ? status : show_answer(&change, &answer, NULL);
}

/**
 * command_unban() - unban ADDR[/LEN]...|--all [--jail JAIL]
 */
int command_unban(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("unban");
        json_auto_t *parameters = json_object();
        int status = read_options(command, unban_option, parameters, &argc, argv);

        if (status != STATUS_DONE)
                return status;
        bool all = json_object_get(parameters, "all");

        if (all && argc > 1)
                return usage_error(command, "either addresses or --all");
        if (!all && argc < 2)
                return usage_error(command, "which address? --all lifts all bans");
        if (all)
                return unban_all(ctl, parameters);
        return run(ctl, "Unban", json_incref(parameters), argc - 1, argv + 1, false);
}

/**
 * command_set() - set JAIL banip|unbanip ADDR..., Fail2Ban's spelling
 */
int command_set(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("set");
        json_auto_t *parameters = json_object();

        if (argc < 4)
                return usage_error(command, "a jail, banip or unbanip, and an address are needed");
        for (int i = 3; i < argc; i++)
                if (argv[i][0] == '-')
                        return usage_error(command, "set takes no options; bailiffctl banip does: bailiffctl banip --help");
        json_t *jail = json_string(argv[1]);
        if (!jail)
                return usage_error(command, "the jail's name is not UTF-8");
        json_object_set_new(parameters, "jail", jail);
        if (strcmp(argv[2], "banip") == 0)
                return run(ctl, "Ban", json_incref(parameters), argc - 3, argv + 3, false);
        if (strcmp(argv[2], "unbanip") == 0)
                return run(ctl, "Unban", json_incref(parameters), argc - 3, argv + 3, false);
        return usage_error(command, "set knows banip and unbanip; all else is in /etc/bailiff/bailiff.yaml");
}
