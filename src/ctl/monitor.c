/* SPDX-License-Identifier: GPL-2.0-or-later */

/* monitor: what happens now, and what has happened since an event. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

typedef struct Watch {
        long long since, count; /* -1: not given */
        bool once;
} Watch;

/* " to abuseipdb: done, score 52" */
static int report_text(const json_t *event, char *buffer, size_t size)
{
        int used = snprintf(buffer, size, " to %.32s: %.16s", field(event, "service", ""), field(event, "state", "?"));

        if (json_object_get(event, "score"))
                used += snprintf(buffer + used, size - (size_t) used, ", score %lld", number(event, "score"));
        if (number(event, "status") > 0)
                used += snprintf(buffer + used, size - (size_t) used, ", HTTP %lld", number(event, "status"));
        return used;
}

static void say_event(const json_t *event)
{
        char time[64], text[1024];
        const char *kind = field(event, "event", "?");
        int used;

        used = snprintf(text, sizeof text, "%.16s", kind);
        if (*field(event, "ip", ""))
                used += snprintf(text + used, sizeof text - (size_t) used, " %.63s", field(event, "ip", ""));
        if (*field(event, "jail", ""))
                used += snprintf(text + used, sizeof text - (size_t) used, " in %.63s", field(event, "jail", ""));
        if (strcmp(kind, "ban") == 0 || strcmp(kind, "prolong") == 0) {
                char end[80];

                used += snprintf(text + used, sizeof text - (size_t) used, " %s%s", until_text(event, TIME_SHORT, end),
                                 strcmp(field(event, "origin", ""), "manual") == 0 ? ", by hand" : "");
        }
        if (*field(event, "service", ""))
                used += report_text(event, text + used, sizeof text - (size_t) used);
        if (number(event, "failures") > 0)
                used += snprintf(text + used, sizeof text - (size_t) used, ", %lld failures", number(event, "failures"));
        if (*field(event, "note", "") || *field(event, "text", ""))
                snprintf(text + used, sizeof text - (size_t) used, ": %.600s", field(event, "note", field(event, "text", "")));

        char first[64];
        snprintf(first, sizeof first, "%lld %s ", number(event, "id"), time_text(field(event, "time", ""), TIME_SECOND, time));
        say_wrapped(strcmp(kind, "ban") == 0 ? RED : PLAIN, first, "    ", text);
        fflush(stdout);
}

/* Between two events there were others, which the log has not kept. */
static void say_lost(const Ctl *ctl, const json_t *answer)
{
        if (ctl->json)
                say_json(answer);
        else if (json_object_get(answer, "first"))
                say(YELLOW, "some events are no longer in the log; it goes on with %lld\n", number(answer, "first"));
        else
                say(YELLOW, "the log does not know that event; here is the whole log\n");
}

/* Return: whether this was the last answer to wait for. */
static bool show_answer(const Ctl *ctl, const Watch *watch, const Answer *answer, long long *last, long long *n)
{
        const json_t *event = json_object_get(answer->parameters, "event");

        if (event && ctl->json)
                say_json(event);
        else if (event)
                say_event(event);
        else if (json_is_true(json_object_get(answer->parameters, "lost")))
                say_lost(ctl, answer->parameters);
        if (event) {
                *last = number(event, "id");
                ++*n;
        }
        return !answer->continues || (watch->count >= 0 && *n >= watch->count) ||
               (watch->once && json_is_true(json_object_get(answer->parameters, "current")));
}

static int follow(Ctl *ctl, const Watch *watch)
{
        long long last = watch->since, n = 0;
        bool ended = watch->count == 0;

        while (!ended) {
                _cleanup_answer_ Answer answer = { 0 };

                if (client_receive(ctl, -1, &answer) != STATUS_DONE) {
                        if (last >= 0)
                                fail("go on with: bailiffctl monitor --since %lld", last);
                        return STATUS_ERROR;
                }
                if (answer.error)
                        return answer_error(&answer, NULL);
                ended = show_answer(ctl, watch, &answer, &last, &n);
                if (output_end(STATUS_DONE) != STATUS_DONE)
                        return STATUS_ERROR;
        }
        return STATUS_DONE;
}

static bool parse_number(const char *text, long long *ret_number)
{
        if (!*text || strlen(text) > 18 || text[strspn(text, "0123456789")])
                return false;
        *ret_number = strtoll(text, NULL, 10);
        return true;
}

/* Return: an exit status; if not 0 the error has been told. */
static int read_watch(const Command *command, int argc, char **argv, Watch *watch)
{
        for (int i = 1; i < argc; i++) {
                const char *option = argv[i], *value;

                if (strcmp(option, "--once") == 0) {
                        watch->once = true;
                } else if ((value = option_value(argc, argv, &i, "--since"))) {
                        if (!parse_number(value, &watch->since))
                                return usage_error(command, "an event's ID is a number");
                } else if ((value = option_value(argc, argv, &i, "--count"))) {
                        if (!parse_number(value, &watch->count))
                                return usage_error(command, "how many events? \"%s\" is no number", value);
                } else {
                        return unknown_option(command, option, "--since --count ");
                }
        }
        return STATUS_DONE;
}

/**
 * command_monitor() - monitor [--since ID] [--count N] [--once]
 */
int command_monitor(Ctl *ctl, int argc, char **argv)
{
        Watch watch = { .since = -1, .count = -1 };
        int status = read_watch(command_find("monitor"), argc, argv, &watch);

        if (status == STATUS_DONE)
                status = client_send(ctl, "Monitor", watch.since >= 0 ? json_pack("{s:I}", "since", (json_int_t) watch.since) : json_object(),
                                     true);
        return status != STATUS_DONE ? status : follow(ctl, &watch);
}
