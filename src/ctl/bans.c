/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bans and banned: who is banned. */

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

#define ADDRESS_WIDTH 24 /* a longer address has a line of its own */
#define JAIL_WIDTH 18

static void say_header(void)
{
        say_cell(BOLD, "ADDRESS", ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "JAIL", JAIL_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "UNTIL", 16, false);
        putchar(' ');
        say_cell(BOLD, "FAILS", 6, true);
        putchar(' ');
        say_cell(BOLD, "PACKETS", 10, true);
        putchar('\n');
}

/* What only some bans have, on a line of its own. */
static void say_more(const json_t *ban)
{
        const json_t *except = json_object_get(ban, "except"), *ip;
        char text[1400], time[64];
        size_t used = 0, i;

        if (number(ban, "level") > 0)
                used += (size_t) snprintf(text, sizeof text, ", level %lld until %s", number(ban, "level"),
                                          time_text(field(ban, "forgotten", ""), TIME_SHORT, time));
        if (strcmp(field(ban, "action", ""), "reject") == 0)
                used += (size_t) snprintf(text + used, sizeof text - used, ", refused");
        json_array_foreach(except, i, ip) if (used < sizeof text - 100) used += (size_t) snprintf(
                text + used, sizeof text - used, "%s%.64s", i == 0 ? ", except " : " ", json_string_value(ip) ? json_string_value(ip) : "?");
        if (used > 0)
                say_wrapped(DIM, "  ", "    ", text + 2);
}

static void say_ban(const json_t *ban)
{
        const json_t *kernel = json_object_get(ban, "kernel");
        bool absent = json_is_false(json_object_get(ban, "in_kernel"));
        char until[64], failures[32] = "-", packets[32] = "-";
        const char *ip = field(ban, "ip", "?");

        if (number(ban, "failures") > 0)
                snprintf(failures, sizeof failures, "%lld", number(ban, "failures"));
        if (json_object_get(kernel, "packets"))
                snprintf(packets, sizeof packets, "%lld", number(kernel, "packets"));
        if (strlen(ip) > ADDRESS_WIDTH) {
                say(PLAIN, "%s\n", ip);
                ip = "";
        }
        say_cell(PLAIN, ip, ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(PLAIN, field(ban, "jail", "?"), JAIL_WIDTH, false);
        putchar(' ');
        say_cell(PLAIN, time_text(field(ban, "until", ""), TIME_SHORT, until), 16, false);
        putchar(' ');
        say_cell(PLAIN, failures, 6, true);
        putchar(' ');
        say_cell(absent ? RED : PLAIN, absent ? "not active" : packets, 10, true);
        putchar('\n');
        say_more(ban);
}

static void show_page(const Ctl *ctl, const Answer *answer, size_t *n)
{
        const json_t *ban;
        size_t i;

        json_array_foreach(json_object_get(answer->parameters, "bans"), i, ban)
        {
                if (ctl->json) {
                        say_json(ban);
                } else {
                        if (*n == 0)
                                say_header();
                        say_ban(ban);
                }
                ++*n;
        }
}

/**
 * command_bans() - bans [JAIL]
 */
int command_bans(Ctl *ctl, int argc, char **argv)
{
        bool continues = true;
        size_t n = 0;
        int status;

        if (argc >= 2 && argv[1][0] == '-')
                return usage_error(command_find("bans"), "unknown option %s", argv[1]);
        if (argc > 2)
                return usage_error(command_find("bans"), "one jail at most");
        status = client_send(ctl, "ListBans", argc == 2 ? json_pack("{s:s}", "jail", argv[1]) : json_object(), true);
        while (status == STATUS_DONE && continues) {
                _cleanup_answer_ Answer answer = { 0 };

                status = client_receive(ctl, CLIENT_TIMEOUT_MSEC, &answer);
                if (status == STATUS_DONE && answer.error)
                        status = answer_error(&answer, NULL);
                if (status == STATUS_DONE)
                        show_page(ctl, &answer, &n);
                continues = answer.continues;
        }
        if (status == STATUS_DONE && n == 0 && !ctl->json)
                say(PLAIN, argc == 2 ? "Nobody is banned in %s.\n" : "Nobody is banned.\n", argc == 2 ? argv[1] : "");
        return status;
}

static int banned_one(Ctl *ctl, const char *address)
{
        _cleanup_answer_ Answer answer = { 0 };
        const json_t *ban;
        char until[80];
        size_t i;
        int status;

        status = client_call(ctl, "Banned", json_pack("{s:s}", "address", address), &answer);
        if (status != STATUS_DONE)
                return status;
        if (ctl->json) {
                json_object_set_new(answer.parameters, "address", json_string(address));
                if (answer.error)
                        json_object_set_new(answer.parameters, "error", json_string(answer.error));
                say_json(answer.parameters);
        }
        if (answer.error)
                return answer_error(&answer, address);
        bool banned = json_is_true(json_object_get(answer.parameters, "banned"));

        if (!ctl->json && !banned)
                say(PLAIN, "%s is not banned\n", address);
        json_array_foreach(json_object_get(answer.parameters, "bans"), i, ban)
        {
                const char *ip = field(ban, "ip", address);
                bool covered = strcmp(ip, address) != 0;
                char text[512];

                if (ctl->json)
                        break;
                snprintf(text, sizeof text, "%.100s is banned in %.100s %s%s%.100s%s", address, field(ban, "jail", "?"),
                         until_text(ban, TIME_SHORT, until), covered ? " (as " : "", covered ? ip : "", covered ? ")" : "");
                say_wrapped(PLAIN, "", "  ", text);
        }
        return banned ? STATUS_DONE : STATUS_NO;
}

/**
 * command_banned() - banned ADDR...
 */
int command_banned(Ctl *ctl, int argc, char **argv)
{
        int worst = STATUS_DONE;

        if (argc >= 2 && argv[1][0] == '-')
                return usage_error(command_find("banned"), "unknown option %s", argv[1]);
        if (argc < 2)
                return usage_error(command_find("banned"), "which address?");
        for (int i = 1; i < argc; i++) {
                int status = client_connect(ctl) == STATUS_DONE ? banned_one(ctl, argv[i]) : -1;

                if (status < 0)
                        return STATUS_ERROR;
                worst = status > worst ? status : worst;
        }
        return worst;
}
