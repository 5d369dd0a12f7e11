/* SPDX-License-Identifier: GPL-2.0-or-later */

/* why: what happened to an address, and what keeps it from being banned. */

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
                say(PLAIN, ", %lld packets stopped (%lld bytes)", number(kernel, "packets"), number(kernel, "bytes"));
        putchar('\n');
}

/* "level 2, forgotten 2026-11-30 08:31" */
static const char *level_text(const json_t *object, char buffer[static 96])
{
        char time[64];

        snprintf(buffer, 96, "level %lld, forgotten %s", number(object, "level"),
                 time_text(field(object, "forgotten", ""), TIME_SHORT, time));
        return buffer;
}

static void say_why_ban(const json_t *ban)
{
        char time[64], level[96];
        const json_t *ports = json_object_get(ban, "ports");

        say(BOLD, "%s is banned in %s\n", field(ban, "ip", "?"), field(ban, "jail", "?"));
        say(PLAIN, "  since %s\n", time_text(field(ban, "start", ""), TIME_FULL, time));
        say(PLAIN, "  until %s\n", time_text(field(ban, "until", ""), TIME_FULL, time));
        if (strcmp(field(ban, "origin", ""), "manual") == 0)
                say(PLAIN, "  by hand\n");
        else
                say(PLAIN, "  after %lld failures; the last matched rule %s\n", number(ban, "failures"), field(ban, "rule", "?"));
        if (*field(ban, "reason", ""))
                say_wrapped(PLAIN, "  reason: ", "    ", field(ban, "reason", ""));
        if (json_object_get(ban, "level"))
                say(PLAIN, "  %s\n", level_text(ban, level));
        if (strcmp(field(ban, "action", ""), "reject") == 0)
                say(PLAIN, "  packets are refused, not dropped\n");
        if (json_array_size(ports) > 0)
                say_list("  only ports ", "    ", ports, "", " ");
        say_kernel(ban);
        say_lines(json_object_get(ban, "lines"));
}

static void say_window(const json_t *window)
{
        say(BOLD, "%s has failed %lld of %lld times in %s\n", field(window, "ip", "?"), number(window, "failures"),
            number(window, "maxretry"), field(window, "jail", "?"));
        say_lines(json_object_get(window, "lines"));
}

static void say_allowed(const char *ip, const json_t *entry)
{
        const char *until = field(entry, "until", "forever"), *jail = field(entry, "jail", NULL);
        char text[512], time[64];
        int used = snprintf(text, sizeof text, "%.64s is allowed by %.64s (%.120s)", ip, field(entry, "ip", "?"),
                            field(entry, "origin", "?"));

        if (strcmp(until, "forever") != 0)
                used += snprintf(text + used, sizeof text - (size_t) used, " until %s", time_text(until, TIME_SHORT, time));
        if (jail)
                snprintf(text + used, sizeof text - (size_t) used, " in %.63s alone: other jails may ban it", jail);
        say_wrapped(GREEN, "", "  ", text);
        if (*field(entry, "reason", ""))
                say_wrapped(PLAIN, "  reason: ", "    ", field(entry, "reason", ""));
}

static void say_past(const json_t *past)
{
        const json_t *ban = json_object_get(past, "ban");
        char text[512], start[64], end[64];

        snprintf(text, sizeof text, "was banned in %.63s from %s to %s (%.16s)%s%.200s", field(ban, "jail", "?"),
                 time_text(field(ban, "start", ""), TIME_SHORT, start), time_text(field(past, "ended", ""), TIME_SHORT, end),
                 field(past, "how", "?"), *field(ban, "reason", "") ? ": " : "", field(ban, "reason", ""));
        say_wrapped(DIM, "", "  ", text);
}

static void say_level(const json_t *level)
{
        char text[96];
        const char *jail = field(level, "jail", NULL);

        say(PLAIN, "its next ban in %s has %s\n", jail ? jail : "any jail", level_text(level, text));
}

static void say_why(const json_t *why)
{
        const json_t *allowed = json_object_get(why, "allowed"), *bans = json_object_get(why, "bans"),
                     *windows = json_object_get(why, "windows"), *past = json_object_get(why, "past"), *item;
        size_t i;

        json_array_foreach(allowed, i, item) say_allowed(field(why, "ip", "?"), item);
        json_array_foreach(bans, i, item) say_why_ban(item);
        json_array_foreach(windows, i, item) say_window(item);
        if (json_array_size(allowed) == 0 && json_array_size(bans) == 0)
                say(PLAIN, "%s is not banned%s\n", field(why, "ip", "?"),
                    json_array_size(windows) > 0 ? " (yet)." : ", and no failure of it counts at present.");
        json_array_foreach(json_object_get(why, "levels"), i, item) say_level(item);
        json_array_foreach(past, i, item) say_past(item);
        json_array_foreach(json_object_get(why, "reports"), i, item) say_report(item);
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
