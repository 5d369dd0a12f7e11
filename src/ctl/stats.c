/* SPDX-License-Identifier: GPL-2.0-or-later */

/* stats: who was banned how often, as far as the database remembers. */

#include <stdio.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

#define NAME_WIDTH 50

static void say_table(const char *title, const json_t *counts)
{
        static const char *const spans[] = { "day", "week", "month" };
        static const char *const heads[] = { "24 HOURS", "7 DAYS", "30 DAYS" };
        const json_t *count;
        size_t i;

        if (json_array_size(counts) == 0)
                return;
        putchar('\n');
        say_cell(BOLD, title, NAME_WIDTH, false);
        for (size_t j = 0; j < 3; j++) {
                putchar(' ');
                say_cell(BOLD, heads[j], 9, true);
        }
        putchar('\n');
        json_array_foreach(counts, i, count)
        {
                say_cell(PLAIN, field(count, "name", "?"), NAME_WIDTH, false);
                for (size_t j = 0; j < 3; j++) {
                        char text[32];

                        snprintf(text, sizeof text, "%lld", number(count, spans[j]));
                        putchar(' ');
                        say_cell(PLAIN, text, 9, true);
                }
                putchar('\n');
        }
}

static void say_stats(const json_t *stats)
{
        char time[64];

        say(PLAIN, "%lld %s known since %s\n", number(stats, "bans_known"),
            plural(number(stats, "bans_known"), "ban is", "bans are"), time_text(field(stats, "since", ""), TIME_SHORT, time));
        say(PLAIN, "%lld %s in the log, %lld KiB on disk\n", number(stats, "events"),
            plural(number(stats, "events"), "event", "events"), (number(stats, "bytes") + 1023) / 1024);
        say_table("JAIL", json_object_get(stats, "jails"));
        say_table("RULE", json_object_get(stats, "rules"));
        say_table("ADDRESS", json_object_get(stats, "addresses"));
        say_table("PREFIX", json_object_get(stats, "prefixes"));
}

/**
 * command_stats() - stats
 */
int command_stats(Ctl *ctl, int argc, char **argv)
{
        _cleanup_answer_ Answer answer = { 0 };
        int status;

        if (argc > 1)
                return usage_error(command_find("stats"), "stats takes no arguments");
        status = client_call(ctl, "Stats", json_object(), &answer);
        if (status != STATUS_DONE)
                return status;
        if (answer.error)
                return answer_error(&answer, NULL);
        if (ctl->json)
                say_json(answer.parameters);
        else
                say_stats(answer.parameters);
        return STATUS_DONE;
}
