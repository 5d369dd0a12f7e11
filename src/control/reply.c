/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Answers that many methods give: what went wrong, by name and in words. */

#include <errno.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"

/**
 * error_name() - the typed error of the interface
 * @r:          BAN_E_* or negative errno
 */
const char *error_name(int r)
{
        static const char *const names[] = {
                [BAN_E_ALLOWED] = "io.bailiff.Manager.AddressAllowed",
                [BAN_E_TOO_WIDE] = "io.bailiff.Manager.TooWide",
                [BAN_E_NO_JAIL] = "io.bailiff.Manager.NoSuchJail",
                [BAN_E_NOT_BANNABLE] = "io.bailiff.Manager.NotBannable",
                [BAN_E_FULL] = "io.bailiff.Manager.Full",
                [BAN_E_NO_ENTRY] = "io.bailiff.Manager.NoSuchEntry",
        };

        return r > 0 && (size_t) r < sizeof names / sizeof *names && names[r] ? names[r] : "io.bailiff.Manager.Failed";
}

/**
 * reply_problem() - answer that a change failed
 * @r:          BAN_E_* or negative errno
 */
void reply_problem(VarlinkCall *call, int r, const Problem *problem)
{
        json_t *parameters = json_object();

        json_object_set_new(parameters, "message", view_text(*problem->text ? problem->text : strerror(r < 0 ? -r : EIO)));
        if (r == BAN_E_NO_JAIL)
                json_object_set(parameters, "jail", json_object_get(varlink_parameters(call), "jail"));
        varlink_error(call, error_name(r), parameters);
}

/**
 * reply_or_fail() - answer what was looked up
 * @r:          0, or negative errno: it could not be
 * @answer:     taken over; NULL: without memory
 */
void reply_or_fail(VarlinkCall *call, int r, json_t *answer)
{
        Problem problem;

        if (r == 0 && answer) {
                varlink_reply(call, answer);
                return;
        }
        json_decref(answer);
        problem_set(&problem, r, "bailiffd could not tell: %s; its log says more (journalctl -u bailiffd)",
                    strerror(r < 0 ? -r : EIO));
        reply_problem(call, r < 0 ? r : -EIO, &problem);
}

/**
 * sees_lines() - whether this caller may see the text of log lines
 */
bool sees_lines(const VarlinkCall *call)
{
        return varlink_caller(call)->access >= ACCESS_CHANGE;
}
