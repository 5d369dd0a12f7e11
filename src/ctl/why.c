/* SPDX-License-Identifier: GPL-2.0-or-later */

/* why and monitor: what happened to an address, and what happens now. */

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/clock.h"

static void say_lines(const json_t *lines)
{
        const json_t *line;
        char time[64];
        size_t i;

        json_array_foreach(lines, i, line)
        {
                long long weight = json_object_get(line, "weight") ? number(line, "weight") : 1;

                say(DIM, "    %s %s%s\n", time_text(field(line, "time", ""), TIME_SECOND, time), field(line, "rule", ""),
                    weight == 0 ? " (counted for an earlier ban)" : "");
                if (*field(line, "line", ""))
                        say_wrapped(PLAIN, "      ", "      ", field(line, "line", ""));
        }
}

static void say_kernel(const json_t *ban)
{
        const json_t *kernel = json_object_get(ban, "kernel");
        char left[DURATION_TEXT_MAX];

        if (!json_object_get(ban, "in_kernel")) {
                say(YELLOW, "  kernel: not asked (firewall: none, or a dry run). The ban is not enforced\n");
                return;
        }
        if (!json_is_true(json_object_get(ban, "in_kernel"))) {
                say(RED, "  kernel: no element. The ban does not bite; see bailiffctl status\n");
                return;
        }
        if (json_is_true(json_object_get(kernel, "permanent")))
                say(PLAIN, "  kernel: element without timeout");
        else
                say(PLAIN, "  kernel: element, %s left", duration_format(number(kernel, "expires_msec") / 1000, left));
        if (json_object_get(kernel, "packets"))
                say(PLAIN, ", %lld packets dropped (%lld bytes)", number(kernel, "packets"), number(kernel, "bytes"));
        putchar('\n');
}

static void say_why_ban(const json_t *ban)
{
        char time[64];
        const json_t *ports = json_object_get(ban, "ports"), *port;
        size_t i;

        say(BOLD, "%s is banned in %s\n", field(ban, "ip", "?"), field(ban, "jail", "?"));
        say(PLAIN, "  since %s\n", time_text(field(ban, "start", ""), TIME_FULL, time));
        say(PLAIN, "  until %s\n", time_text(field(ban, "until", ""), TIME_FULL, time));
        if (strcmp(field(ban, "origin", ""), "manual") == 0)
                say(PLAIN, "  by hand\n");
        else
                say(PLAIN, "  after %lld failures; the last matched rule %s\n", number(ban, "failures"), field(ban, "rule", "?"));
        if (*field(ban, "reason", ""))
                say_wrapped(PLAIN, "  reason: ", "    ", field(ban, "reason", ""));
        if (json_array_size(ports) > 0) {
                say(PLAIN, "  only ports");
                json_array_foreach(ports, i, port) say(PLAIN, " %s", json_string_value(port) ? json_string_value(port) : "?");
                putchar('\n');
        }
        say_kernel(ban);
        say_lines(json_object_get(ban, "lines"));
}

static void say_window(const json_t *window)
{
        say(BOLD, "%s has failed %lld of %lld times in %s\n", field(window, "ip", "?"), number(window, "failures"),
            number(window, "maxretry"), field(window, "jail", "?"));
        say_lines(json_object_get(window, "lines"));
}

static void say_why(const json_t *why)
{
        const json_t *allowed = json_object_get(why, "allowed"), *bans = json_object_get(why, "bans"),
                     *windows = json_object_get(why, "windows");
        const json_t *item;
        char time[64];
        size_t i;

        if (allowed) {
                const char *until = field(allowed, "until", "forever");

                say(GREEN, "%s is allowed by %s (%s)", field(why, "ip", "?"), field(allowed, "ip", "?"),
                    field(allowed, "origin", "?"));
                if (strcmp(until, "forever") != 0)
                        say(GREEN, " until %s", time_text(until, TIME_SHORT, time));
                putchar('\n');
        }
        json_array_foreach(bans, i, item) say_why_ban(item);
        json_array_foreach(windows, i, item) say_window(item);
        if (!allowed && json_array_size(bans) == 0)
                say(PLAIN, "%s is not banned%s\n", field(why, "ip", "?"),
                    json_array_size(windows) > 0 ? " (yet)." : ", and no failure of it counts at present.");
        if (json_is_true(json_object_get(why, "redacted")) && (json_array_size(bans) > 0 || json_array_size(windows) > 0))
                say(DIM, "Log lines are shown to root and group bailiff-admin only.\n");
}

/**
 * command_why() - why ADDR
 */
int command_why(Ctl *ctl, int argc, char **argv)
{
        _cleanup_answer_ Answer answer = { 0 };
        int status;

        if (argc >= 2 && argv[1][0] == '-')
                return usage_error(command_find("why"), "unknown option %s", argv[1]);
        if (argc != 2)
                return usage_error(command_find("why"), argc < 2 ? "which address?" : "one address");
        status = client_call(ctl, "Why", json_pack("{s:s}", "address", argv[1]), &answer);
        if (status != STATUS_DONE)
                return status;
        if (answer.error)
                return answer_error(&answer, NULL);
        if (ctl->json)
                say_json(answer.parameters);
        else
                say_why(answer.parameters);
        return STATUS_DONE;
}

static void say_event(const json_t *event)
{
        char time[64], text[1024];
        const char *kind = field(event, "event", "?");
        int used;

        used = snprintf(text, sizeof text, "%.16s", kind);
        if (*field(event, "ip", ""))
                used += snprintf(text + used, sizeof text - (size_t) used, " %.63s in %.63s", field(event, "ip", ""),
                                 field(event, "jail", "?"));
        if (strcmp(kind, "ban") == 0 || strcmp(kind, "prolong") == 0) {
                char end[80];

                used += snprintf(text + used, sizeof text - (size_t) used, " %s%s", until_text(event, TIME_SHORT, end),
                                 strcmp(field(event, "origin", ""), "manual") == 0 ? ", by hand" : "");
        }
        if (number(event, "failures") > 0)
                used += snprintf(text + used, sizeof text - (size_t) used, ", %lld failures", number(event, "failures"));
        if (*field(event, "note", "") || *field(event, "text", ""))
                snprintf(text + used, sizeof text - (size_t) used, ": %.600s", field(event, "note", field(event, "text", "")));

        char first[64];
        snprintf(first, sizeof first, "%lld %s ", number(event, "id"), time_text(field(event, "time", ""), TIME_SECOND, time));
        say_wrapped(strcmp(kind, "ban") == 0 ? RED : PLAIN, first, "    ", text);
        fflush(stdout);
}

static int monitor(Ctl *ctl)
{
        long long last = -1;

        for (;;) {
                _cleanup_answer_ Answer answer = { 0 };
                const json_t *event;

                if (client_receive(ctl, -1, &answer) != STATUS_DONE) {
                        if (last >= 0)
                                fail("go on with: bailiffctl monitor --since %lld", last);
                        return STATUS_ERROR;
                }
                if (answer.error)
                        return answer_error(&answer, NULL);
                event = json_object_get(answer.parameters, "event");
                if (event && ctl->json)
                        say_json(event);
                else if (event)
                        say_event(event);
                if (event)
                        last = number(event, "id");
                if (output_end(STATUS_DONE) != STATUS_DONE)
                        return STATUS_ERROR;
                if (!answer.continues)
                        return STATUS_DONE;
        }
}

/**
 * command_monitor() - monitor [--since ID]
 */
int command_monitor(Ctl *ctl, int argc, char **argv)
{
        const Command *command = command_find("monitor");
        json_t *parameters = json_object();
        const char *since = NULL;
        int status;

        if (argc == 3 && strcmp(argv[1], "--since") == 0)
                since = argv[2];
        else if (argc == 2 && strncmp(argv[1], "--since=", 8) == 0)
                since = argv[1] + 8;
        if (argc > 1 && (!since || !*since || strlen(since) > 18 || since[strspn(since, "0123456789")])) {
                json_decref(parameters);
                return usage_error(command, since ? "an event's ID is a number" : "monitor takes --since ID and nothing else");
        }
        if (since)
                json_object_set_new(parameters, "since", json_integer(strtoll(since, NULL, 10)));
        status = client_send(ctl, "Monitor", parameters, true);
        return status != STATUS_DONE ? status : monitor(ctl);
}
