/* SPDX-License-Identifier: GPL-2.0-or-later */

/* banip, unban and set. */

#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/addr.h"
#include "util/cleanup.h"

static int show_banned(const Ctl *ctl, const Answer *answer, const char *address)
{
        const json_t *ban = json_object_get(answer->parameters, "ban");
        char buffer[80];

        if (ctl->json)
                return STATUS_DONE;
        if (ban)
                say(PLAIN, "%s banned in %s %s\n", field(ban, "ip", address), field(ban, "jail", "?"),
                    until_text(ban, TIME_FULL, buffer));
        else
                say(PLAIN, "%s banned\n", address);
        return STATUS_DONE;
}

static int show_lifted(const Ctl *ctl, const Answer *answer, const char *address)
{
        long long lifted = number(answer->parameters, "lifted");

        if (!ctl->json) {
                say_lifted(json_object_get(answer->parameters, "bans"), lifted, "unbanned");
                if (lifted == 0)
                        say(PLAIN, address ? "%s is not banned\n" : "Nobody is banned%s\n", address ? address : "");
        }
        return lifted == 0 && address ? STATUS_NO : STATUS_DONE;
}

/**
 * say_lifted() - the bans that a change has ended
 * @lifted:     how many, named or not
 * @what:       became of them: "unbanned"
 */
void say_lifted(const json_t *bans, long long lifted, const char *what)
{
        const json_t *ban;
        char text[512];
        size_t i;

        json_array_foreach(bans, i, ban)
        {
                snprintf(text, sizeof text, "%.100s %s in %.200s", field(ban, "ip", "?"), what, field(ban, "jail", "?"));
                say_wrapped(PLAIN, "", "  ", text);
        }
        if ((size_t) lifted > json_array_size(bans))
                say(PLAIN, "and %lld more\n", lifted - (long long) json_array_size(bans));
}

static int banip_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *option = argv[*i], *value;

        if (strcmp(option, "--no-report") == 0)
                json_object_set_new(parameters, "no_report", json_true());
        else if (strcmp(option, "--report") == 0)
                json_object_set_new(parameters, "report", json_true());
        else if (strcmp(option, "--force") == 0)
                json_object_set_new(parameters, "force", json_true());
        else if ((value = option_value(argc, argv, i, "--for")))
                return set_duration(command, parameters, value);
        else if ((value = option_value(argc, argv, i, "--reason")))
                return set_text(command, parameters, "reason", "the reason", value);
        else
                return unknown_option(command, option, "--for --reason ");
        return STATUS_DONE;
}

/**
 * command_banip() - banip JAIL ADDR[/LEN]...|- [--for 1d] [--reason TEXT] [--no-report] [--report] [--force]
 */
int command_banip(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("banip");
        json_auto_t *parameters = json_object();
        int status = read_options(command, banip_option, parameters, &argc, argv);
        Addr addr;

        if (status != STATUS_DONE)
                return status;
        if (json_object_get(parameters, "report") && json_object_get(parameters, "no_report"))
                return usage_error(command, "either --report or --no-report");
        if (argc >= 2 && addr_parse_prefix(argv[1], &addr) != -EINVAL)
                return usage_error(command, "the jail stands before the addresses, and %s is no jail", argv[1]);
        if (argc < 3)
                return usage_error(command, argc < 2 ? "which jail, and which address?" : "which address?");
        status = set_text(command, parameters, "jail", "the jail's name", argv[1]);
        if (status != STATUS_DONE)
                return status;
        for (int i = 2; i < argc; i++)
                if (strcmp(argv[i], "-") == 0)
                        return argc == 3 ? ban_list(ctl, parameters, stdin)
                                         : usage_error(command, "either addresses or -, the list on standard input");
        json_object_del(parameters, "report"); /* as the jail says: so it is without */
        return each_address(ctl, "Ban", parameters, show_banned, argc - 2, argv + 2);
}

static int unban_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *option = argv[*i], *value;

        if (strcmp(option, "--all") == 0)
                json_object_set_new(parameters, "all", json_true());
        else if (strcmp(option, "--offline") == 0)
                json_object_set_new(parameters, "offline", json_true());
        else if ((value = option_value(argc, argv, i, "--state-dir")))
                return set_text(command, parameters, "state_dir", "the directory's name", value);
        else if ((value = option_value(argc, argv, i, "--jail")))
                return set_text(command, parameters, "jail", "the jail's name", value);
        else
                return unknown_option(command, option, "--jail --state-dir ");
        return STATUS_DONE;
}

static int unban_all(Ctl *ctl, const json_t *parameters)
{
        _cleanup_answer_ Answer answer = { 0 };
        int status = client_call(ctl, "Unban", json_copy((json_t *) (uintptr_t) parameters), &answer);

        return status != STATUS_DONE ? status : show_change(ctl, &answer, NULL, show_lifted);
}

/**
 * command_unban() - unban ADDR[/LEN]...|--all [--jail JAIL] [--offline] [--state-dir DIR]
 */
int command_unban(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("unban");
        json_auto_t *parameters = json_object();
        int status = read_options(command, unban_option, parameters, &argc, argv);

        if (status != STATUS_DONE)
                return status;
        bool all = json_object_get(parameters, "all"), offline = json_object_get(parameters, "offline");
        const char *directory = field(parameters, "state_dir", NULL);

        if (all && argc > 1)
                return usage_error(command, "either addresses or --all");
        if (!all && argc < 2)
                return usage_error(command, "which address? --all lifts all bans");
        if (directory && !offline)
                return usage_error(command, "--state-dir goes with --offline");
        if (offline)
                return unban_offline(ctl, directory, field(parameters, "jail", NULL), argc - 1, argv + 1);
        if (all)
                return unban_all(ctl, parameters);
        return each_address(ctl, "Unban", parameters, show_lifted, argc - 1, argv + 1);
}

/**
 * command_set() - set JAIL banip|unbanip ADDR..., Fail2Ban's spelling
 */
int command_set(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("set");
        json_auto_t *parameters = json_object();
        int status;

        if (argc < 4)
                return usage_error(command, "a jail, banip or unbanip, and an address are needed");
        for (int i = 3; i < argc; i++)
                if (argv[i][0] == '-')
                        return usage_error(command, "set takes no options; bailiffctl banip does: bailiffctl banip --help");
        status = set_text(command, parameters, "jail", "the jail's name", argv[1]);
        if (status != STATUS_DONE)
                return status;
        if (strcmp(argv[2], "banip") == 0)
                return each_address(ctl, "Ban", parameters, show_banned, argc - 3, argv + 3);
        if (strcmp(argv[2], "unbanip") == 0)
                return each_address(ctl, "Unban", parameters, show_lifted, argc - 3, argv + 3);
        return usage_error(command, "set knows banip and unbanip; all else is in /etc/bailiff/bailiff.yaml");
}
