/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Parameters of calls: checked as strictly as the configuration, since a misspelt one would otherwise be a wish ignored. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"
#include "util/text.h"

/**
 * reply_invalid() - answer that a parameter is wrong
 * @format:     why, for people
 */
void reply_invalid(VarlinkCall *call, const char *parameter, const char *format, ...)
{
        json_t *parameters = json_object();
        char message[PROBLEM_TEXT_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        json_object_set_new(parameters, "parameter", view_text(parameter));
        json_object_set_new(parameters, "message", view_text(message));
        varlink_error(call, "org.varlink.service.InvalidParameter", parameters);
}

typedef struct Names {
        const char *word;
        char nearest[JAIL_NAME_MAX];
} Names;

static void find_nearest(void *data, const StatusView *status)
{
        Names *names = data;
        const char *known[64], *nearest;
        size_t n = status->n_jails < 64 ? status->n_jails : 64;

        for (size_t i = 0; i < n; i++)
                known[i] = status->jails[i].name;
        nearest = text_nearest(names->word, known, n);
        if (nearest)
                snprintf(names->nearest, sizeof names->nearest, "%s", nearest);
}

static void reply_no_jail(Control *control, VarlinkCall *call, const char *jail)
{
        json_t *parameters = json_object();
        char message[256], word[JAIL_NAME_MAX];
        Names names = { .word = jail };

        control->ops.status(control->ops.userdata, find_nearest, &names);
        text_printable(jail, strlen(jail), word, sizeof word);
        snprintf(message, sizeof message, "There is no jail \"%s\"%s%s%s `bailiffctl status` lists them.", word,
                 *names.nearest ? ". Did you mean \"" : ";", names.nearest, *names.nearest ? "\"?" : "");
        json_object_set_new(parameters, "jail", view_text(jail));
        json_object_set_new(parameters, "message", view_text(message));
        varlink_error(call, "io.bailiff.Manager.NoSuchJail", parameters);
}

/**
 * addr_read() - an address as people write it
 * @text:       may be NULL
 * @single:     a prefix will not do
 * @message:    set if it is wrong: why, and what to write instead
 */
bool addr_read(const char *text, bool single, Addr *ret_addr, char message[static PROBLEM_TEXT_MAX])
{
        char printable[2 * ADDR_TEXT_MAX], good[ADDR_TEXT_MAX];
        Addr addr;
        int r = text ? addr_parse_prefix(text, &addr) : -EINVAL;

        if (r == 0 && (!single || addr_is_single(&addr))) {
                *ret_addr = addr;
                return true;
        }
        text_printable(text ? text : "", text ? strlen(text) : 0, printable, sizeof printable);
        if (r == 0) {
                snprintf(message, PROBLEM_TEXT_MAX, "%s is a prefix; give one address.", addr_format(&addr, good));
        } else if (r == -EDOM) {
                const char *slash = strchr(text, '/');
                Addr whole;

                addr_parse(text, (size_t) (slash - text), &whole);
                unsigned length = (unsigned) strtoul(slash + 1, NULL, 10);
                whole = addr_masked(&whole, strchr(text, ':') && whole.family == 4 ? length - 96 : length);
                snprintf(message, PROBLEM_TEXT_MAX, "%s has bits set past its prefix length; did you mean %s?", printable,
                         addr_format(&whole, good));
        } else {
                snprintf(message, PROBLEM_TEXT_MAX, "\"%s\" is no %s; names are never resolved.", printable,
                         single ? "IP address" : "IP address or prefix");
        }
        return false;
}

static bool read_addr(VarlinkCall *call, const Parameter *parameter, const char *text)
{
        char message[PROBLEM_TEXT_MAX];
        bool good = addr_read(text, parameter->kind == PARAMETER_SINGLE, parameter->value, message);

        if (!good)
                reply_invalid(call, parameter->name, "%s", message);
        return good;
}

static bool read_integer(VarlinkCall *call, const Parameter *parameter, const json_t *value)
{
        int64_t number = json_integer_value(value);

        if (parameter->kind == PARAMETER_SECONDS) {
                if (!json_is_integer(value) || (number != DURATION_FOREVER && (number < 1 || number > DURATION_MAX_SEC))) {
                        reply_invalid(call, parameter->name, "A duration is 1 second to ten years in seconds, or -1 for ever.");
                        return false;
                }
        } else if (!json_is_integer(value) || number < 0) {
                reply_invalid(call, parameter->name, "%s must be a number, at least 0.", parameter->name);
                return false;
        }
        *(int64_t *) parameter->value = number;
        return true;
}

static bool read_one(Control *control, VarlinkCall *call, const Parameter *parameter, const json_t *value)
{
        switch (parameter->kind) {
        case PARAMETER_ADDR:
        case PARAMETER_SINGLE: return read_addr(call, parameter, json_string_value(value));
        case PARAMETER_INTEGER:
        case PARAMETER_SECONDS: return read_integer(call, parameter, value);
        case PARAMETER_BOOL:
                if (!json_is_boolean(value)) {
                        reply_invalid(call, parameter->name, "%s must be true or false.", parameter->name);
                        return false;
                }
                *(bool *) parameter->value = json_is_true(value);
                return true;
        case PARAMETER_LIST:
                if (!json_is_array(value)) {
                        reply_invalid(call, parameter->name, "%s must be a list.", parameter->name);
                        return false;
                }
                *(const json_t **) parameter->value = value;
                return true;
        case PARAMETER_TEXT:
        case PARAMETER_JAIL:
                if (!json_is_string(value)) {
                        reply_invalid(call, parameter->name, "%s must be a text.", parameter->name);
                        return false;
                }
                *(const char **) parameter->value = json_string_value(value);
                break;
        }
        if (parameter->kind == PARAMETER_JAIL) {
                const char *jail = json_string_value(value);

                if (!text_is_name(jail) || !control->ops.has_jail(control->ops.userdata, jail)) {
                        reply_no_jail(control, call, jail);
                        return false;
                }
        }
        return true;
}

/**
 * parameters_read() - check a call's parameters and take their values
 * @parameters: all that the method knows; texts live as long as the call
 *
 * Return: true; or false, and the call has been answered.
 */
bool parameters_read(Control *control, VarlinkCall *call, const Parameter *parameters, size_t n)
{
        json_t *object = (json_t *) (uintptr_t) varlink_parameters(call), *value;
        const char *key;

        json_object_foreach(object, key, value)
        {
                size_t i = 0;

                while (i < n && strcmp(parameters[i].name, key) != 0)
                        i++;
                if (i == n) {
                        reply_invalid(call, key, "%s has no such parameter.", strrchr(varlink_method(call), '.') + 1);
                        return false;
                }
        }
        for (size_t i = 0; i < n; i++) {
                value = json_object_get(object, parameters[i].name);
                if (value && json_is_null(value))
                        value = NULL;
                if (parameters[i].given)
                        *parameters[i].given = value != NULL;
                if (!value && parameters[i].given)
                        continue;
                if (!value) {
                        reply_invalid(call, parameters[i].name, "%s is missing.", parameters[i].name);
                        return false;
                }
                if (!read_one(control, call, &parameters[i], value))
                        return false;
        }
        return true;
}
