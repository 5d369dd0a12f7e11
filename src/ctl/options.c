/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What commands share in reading their arguments. */

#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"
#include "logline.h"
#include "util/clock.h"

/**
 * option_value() - an option's value: the next argument, or what follows '='
 * @i:          of the option; moved on if the next argument was taken
 *
 * Return: NULL if this is not the option @name, or nothing follows it.
 */
const char *option_value(int argc, char **argv, int *i, const char *name)
{
        size_t size = strlen(name);

        if (strncmp(argv[*i], name, size) == 0 && argv[*i][size] == '=')
                return argv[*i] + size + 1;
        return strcmp(argv[*i], name) == 0 && *i + 1 < argc ? argv[++*i] : NULL;
}

/**
 * set_duration() - a parameter "duration" in seconds
 */
int set_duration(const Command *command, json_t *parameters, const char *text)
{
        int64_t seconds;

        if (duration_parse(text, &seconds) < 0)
                return usage_error(command, "\"%s\" is no duration: 10m, 1d12h, plain seconds, or forever; 1 s to 10 years",
                                   text);
        json_object_set_new(parameters, "duration", json_integer(seconds));
        return STATUS_DONE;
}

/**
 * set_text() - a parameter out of a text that somebody typed
 * @what:       names it for people: "the reason"
 */
int set_text(const Command *command, json_t *parameters, const char *name, const char *what, const char *text)
{
        json_t *value = json_string(text);

        if (!value)
                return usage_error(command, "%s is not UTF-8", what);
        json_object_set_new(parameters, name, value);
        return STATUS_DONE;
}

/**
 * unknown_option() - tell that an option lacks its value, or is none of this command
 * @with_value: the options that take one, each followed by a space: "--for --reason "
 */
int unknown_option(const Command *command, const char *option, const char *with_value)
{
        const char *known = strstr(with_value, option);

        if (known && known[strlen(option)] == ' ')
                return usage_error(command, "%s needs a value", option);
        return usage_error(command, "unknown option %s", option);
}

/**
 * read_options() - hand the options to @reader, and move the other arguments to the front
 *
 * Return: an exit status; if not 0 the error has been told.
 */
int read_options(const Command *command, OptionReader reader, json_t *parameters, int *argc, char **argv)
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
 * set_moment() - read a moment that a person has given
 * @text:       "@1700000000", or any timestamp that a log file's line may begin with
 *
 * Return: 0 or -EINVAL.
 */
int set_moment(const char *text, EventTime *ret_time)
{
        const LogLineOptions options = { .now = clock_event_now() };
        LogLine parts;
        long long seconds;
        char rest;

        if (sscanf(text, "@%lld%c", &seconds, &rest) == 1 && seconds >= 0 && seconds < INT64_MAX / USEC_PER_SEC) {
                ret_time->usec = seconds * USEC_PER_SEC;
                return 0;
        }
        logline_parse(&options, text, strlen(text), NULL, NULL, &parts);
        if (parts.time.usec == 0 || parts.length > 0 || parts.syslog)
                return -EINVAL;
        *ret_time = parts.time;
        return 0;
}

/**
 * set_since() - read the value of --since: a duration before now, or a moment
 */
int set_since(const Command *command, const char *text, EventTime *ret_time)
{
        int64_t seconds;

        if (duration_parse(text, &seconds) == 0)
                *ret_time = seconds == DURATION_FOREVER ? EVENT_TIME_NONE : event_time_ago(clock_event_now(), seconds);
        else if (set_moment(text, ret_time) < 0)
                return usage_error(command, "\"%s\" is neither a duration (1h, 1d12h) nor a time (2026-11-23T07:31:00Z)", text);
        return STATUS_DONE;
}
