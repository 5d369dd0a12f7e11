/* SPDX-License-Identifier: GPL-2.0-or-later */

/* reload: take the configuration in, or show what that would change. */

#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

static void say_ended(const json_t *reload, bool check)
{
        long long bans = number(reload, "bans_lifted"), windows = number(reload, "windows_dropped");

        if (bans > 0)
                say(YELLOW, "%lld %s %s lifted\n", bans, plural(bans, "ban", "bans"),
                    check ? "would be" : plural(bans, "was", "were"));
        if (windows > 0)
                say(YELLOW, "the failures of %lld %s %s forgotten\n", windows, plural(windows, "address", "addresses"),
                    check ? "would be" : "were");
}

static void say_changes(const json_t *reload, bool check)
{
        const json_t *changes = json_object_get(reload, "changes"), *change;
        size_t i;

        if (json_array_size(changes) == 0) {
                say(PLAIN, "Nothing has changed.\n");
                return;
        }
        json_array_foreach(changes, i, change)
                say_wrapped(PLAIN, "", "  ", json_string_value(change) ? json_string_value(change) : "?");
        say_ended(reload, check);
        if (check)
                say(PLAIN, "Nothing was done. Do it: bailiffctl reload\n");
}

/**
 * command_reload() - reload [--check]
 */
int command_reload(Ctl *ctl, int argc, char **argv)
{
        _cleanup_answer_ Answer answer = { 0 };
        bool check = argc == 2 && strcmp(argv[1], "--check") == 0;
        int status;

        if (argc > 1 && !check)
                return usage_error(command_find("reload"), "reload takes --check and nothing else");
        status = client_call(ctl, "Reload", check ? json_pack("{s:b}", "check", 1) : json_object(), &answer);
        if (status != STATUS_DONE)
                return status;
        if (ctl->json && answer.error)
                json_object_set_new(answer.parameters, "error", json_string(answer.error));
        if (ctl->json)
                say_json(answer.parameters);
        if (answer.error) {
                status = answer_error(&answer, NULL);
                if (strstr(answer.error, "ConfigInvalid"))
                        fail("bailiffd goes on with the configuration that it had.");
                return status;
        }
        if (!ctl->json)
                say_changes(answer.parameters, check);
        if (!check && json_is_false(json_object_get(answer.parameters, "remembered")))
                return fail("in force, not yet remembered: the disk does not answer. Look: bailiffctl status");
        return STATUS_DONE;
}
