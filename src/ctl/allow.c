/* SPDX-License-Identifier: GPL-2.0-or-later */

/* allow: addresses that are never banned. */

#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

#define ADDRESS_WIDTH 24 /* a longer address has a line of its own */

static int allow_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *value;

        if ((value = option_value(argc, argv, i, "--for")))
                return set_duration(command, parameters, value);
        if ((value = option_value(argc, argv, i, "--reason")))
                return set_text(command, parameters, "reason", "the reason", value);
        return unknown_option(command, argv[*i], "--for --reason ");
}

static int show_added(const Ctl *ctl, const Answer *answer, const char *address)
{
        const json_t *bans = json_object_get(answer->parameters, "bans");

        if (!ctl->json) {
                say(PLAIN, "%s is allowed\n", address);
                say_lifted(bans, number(answer->parameters, "lifted"), "unbanned");
        }
        return STATUS_DONE;
}

static int show_removed(const Ctl *ctl, const Answer *answer, const char *address)
{
        if (!ctl->json)
                say(PLAIN, "%s is no longer allowed by \"allow add\"\n", address);
        return STATUS_DONE;
}

static void say_header(void)
{
        say_cell(BOLD, "ADDRESS", ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "UNTIL", 16, false);
        putchar(' ');
        say_cell(BOLD, "JAIL", 14, false);
        putchar(' ');
        say_cell(BOLD, "FROM", 23, false);
        putchar('\n');
}

static void say_entry(const json_t *entry)
{
        const char *ip = field(entry, "ip", "?"), *reason = field(entry, "reason", "");
        char until[64];

        if (strlen(ip) > ADDRESS_WIDTH) {
                say(PLAIN, "%s\n", ip);
                ip = "";
        }
        say_cell(PLAIN, ip, ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(PLAIN, time_text(field(entry, "until", ""), TIME_SHORT, until), 16, false);
        putchar(' ');
        say_cell(PLAIN, field(entry, "jail", "(all)"), 14, false);
        putchar(' ');
        say_cell(DIM, field(entry, "origin", "?"), 23, false);
        putchar('\n');
        if (*reason)
                say_wrapped(DIM, "  ", "  ", reason);
        if (json_is_false(json_object_get(entry, "in_kernel")) && !json_object_get(entry, "jail"))
                say(RED, "  not in the kernel; see bailiffctl status\n");
}

static int allow_list(Ctl *ctl)
{
        bool continues = true;
        size_t n = 0, i;
        const json_t *entry;
        int status = client_send(ctl, "AllowList", json_object(), true);

        while (status == STATUS_DONE && continues) {
                _cleanup_answer_ Answer answer = { 0 };

                status = client_receive(ctl, CLIENT_TIMEOUT_MSEC, &answer);
                if (status == STATUS_DONE && answer.error)
                        status = answer_error(&answer, NULL);
                json_array_foreach(json_object_get(answer.parameters, "entries"), i, entry)
                {
                        if (!ctl->json && n++ == 0)
                                say_header();
                        if (ctl->json)
                                say_json(entry);
                        else
                                say_entry(entry);
                }
                continues = answer.continues;
        }
        if (status == STATUS_DONE && n == 0 && !ctl->json)
                say(PLAIN, "Nobody is allowed.\n");
        return status;
}

/**
 * command_allow() - allow add|remove|list [ADDR[/LEN]...] [--for 7d] [--reason TEXT]
 */
int command_allow(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("allow");
        json_auto_t *parameters = json_object();
        int status = read_options(command, allow_option, parameters, &argc, argv);
        const char *verb = argc >= 2 ? argv[1] : "";

        if (status != STATUS_DONE)
                return status;
        if (strcmp(verb, "add") != 0 && json_object_size(parameters) > 0)
                return usage_error(command, "--for and --reason go with allow add");
        if (strcmp(verb, "list") == 0)
                return argc > 2 ? usage_error(command, "allow list shows all; of one address: bailiffctl why ADDR")
                                : allow_list(ctl);
        if (strcmp(verb, "add") != 0 && strcmp(verb, "remove") != 0)
                return usage_error(command, argc >= 2 ? "allow knows add, remove and list, not \"%s\"" : "add, remove or list?%s", verb);
        if (argc < 3)
                return usage_error(command, "which address?");
        if (*verb == 'a')
                return each_address(ctl, "AllowAdd", parameters, show_added, argc - 2, argv + 2);
        return each_address(ctl, "AllowRemove", parameters, show_removed, argc - 2, argv + 2);
}
