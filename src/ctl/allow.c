/* SPDX-License-Identifier: GPL-2.0-or-later */

/* allow: addresses that are never banned. */

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

/* The most of each column. */
#define ADDRESS_WIDTH 24 /* a longer address has a line of its own */
#define UNTIL_WIDTH 16
#define JAIL_WIDTH 14

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

/* Columns of the table. FROM has what the others leave of the 80. */
typedef struct Columns {
        size_t address, until, jail, from;
} Columns;

static size_t wider(size_t width, const char *text, size_t max)
{
        size_t own = text_width(text);

        return own > max || own <= width ? width : own;
}

/* As wide as the entries at hand need; where more follow, as wide as those may be. */
static Columns columns_for(const json_t *entries, bool more)
{
        Columns columns = { strlen("ADDRESS"), more ? UNTIL_WIDTH : strlen("forever"), more ? JAIL_WIDTH : strlen("(all)"), 0 };
        const json_t *entry;
        char until[64];
        size_t i;

        json_array_foreach(entries, i, entry)
        {
                _cleanup_free_ char *jail = clean(field(entry, "jail", "(all)"));

                columns.address = wider(columns.address, field(entry, "ip", "?"), ADDRESS_WIDTH);
                columns.until = wider(columns.until, time_text(field(entry, "until", ""), TIME_SHORT, until), UNTIL_WIDTH);
                columns.jail = text_width(jail) > JAIL_WIDTH ? JAIL_WIDTH : wider(columns.jail, jail, JAIL_WIDTH);
        }
        columns.from = WIDTH - columns.address - columns.until - columns.jail - 3;
        return columns;
}

static void say_header(const Columns *columns)
{
        say_cell(BOLD, "ADDRESS", columns->address, false);
        putchar(' ');
        say_cell(BOLD, "UNTIL", columns->until, false);
        putchar(' ');
        say_cell(BOLD, "JAIL", columns->jail, false);
        putchar(' ');
        say(BOLD, "FROM\n");
}

static void say_entry(const Columns *columns, const json_t *entry)
{
        const char *ip = field(entry, "ip", "?"), *reason = field(entry, "reason", ""), *origin = field(entry, "origin", "?");
        char until[64];

        if (text_width(ip) > columns->address) {
                say(PLAIN, "%s\n", ip);
                ip = "";
        }
        say_cell(PLAIN, ip, columns->address, false);
        putchar(' ');
        say_cell(PLAIN, time_text(field(entry, "until", ""), TIME_SHORT, until), columns->until, false);
        putchar(' ');
        say_cell(PLAIN, field(entry, "jail", "(all)"), columns->jail, false);
        putchar(' ');
        say_cell_middle(DIM, origin, columns->from);
        putchar('\n');
        if (*reason)
                say_wrapped(DIM, "  ", "  ", reason);
        if (json_is_false(json_object_get(entry, "in_kernel")) && !json_object_get(entry, "jail"))
                say(RED, "  not in the kernel; see bailiffctl status\n");
}

static void say_entries(const Columns *columns, const json_t *entries, bool json)
{
        const json_t *entry;
        size_t i;

        json_array_foreach(entries, i, entry) {
                if (json)
                        say_json(entry);
                else
                        say_entry(columns, entry);
        }
}

static int allow_list(Ctl *ctl)
{
        bool continues = true;
        Columns columns = { 0 };
        size_t n = 0;
        int status = client_send(ctl, "AllowList", json_object(), true);

        while (status == STATUS_DONE && continues) {
                _cleanup_answer_ Answer answer = { 0 };
                const json_t *entries;

                status = client_receive(ctl, CLIENT_TIMEOUT_MSEC, &answer);
                if (status == STATUS_DONE && answer.error)
                        status = answer_error(&answer, NULL);
                entries = json_object_get(answer.parameters, "entries");
                if (n == 0 && json_array_size(entries) > 0 && !ctl->json) {
                        columns = columns_for(entries, answer.continues);
                        say_header(&columns);
                }
                n += json_array_size(entries);
                say_entries(&columns, entries, ctl->json);
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
