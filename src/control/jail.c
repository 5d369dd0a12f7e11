/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Methods that change what the daemon watches: Pause, Resume, Reload. */

#include <errno.h>

#include "control/private.h"
#include "control/view.h"

static void pause_or_resume(Control *control, VarlinkCall *call, bool pause)
{
        const char *jail;
        const Parameter parameters[] = { { "jail", PARAMETER_JAIL, &jail } };
        char by[CALLER_TEXT_MAX];
        Problem problem = { 0 };
        uint64_t sequence = 0;
        bool changed = false;

        if (!parameters_read(control, call, parameters, 1))
                return;
        rights_caller_text(varlink_caller(call), control->users, by);
        int r = control->ops.pause(control->ops.userdata, jail, pause, by, &changed, &sequence, &problem);
        if (r != 0)
                reply_problem(call, r, &problem);
        else
                reply_committed(control, call, json_pack("{s:b}", "changed", (int) changed), sequence);
}

/**
 * method_pause() - Pause
 */
void method_pause(Control *control, VarlinkCall *call)
{
        pause_or_resume(control, call, true);
}

/**
 * method_resume() - Resume
 */
void method_resume(Control *control, VarlinkCall *call)
{
        pause_or_resume(control, call, false);
}

static void take_reload(void *data, const ReloadView *view)
{
        json_t **answer = data;

        json_decref(*answer);
        *answer = view_reload(view);
}

/* Either way the old configuration runs on; the two errors say whether the file is at fault. */
static void reply_reload_failed(VarlinkCall *call, int r, const Problem *problem)
{
        varlink_error(call, r == -EINVAL ? "io.bailiff.Manager.ConfigInvalid" : "io.bailiff.Manager.ReloadFailed",
                      json_pack("{s:o}", "message", view_text(problem->text)));
}

/**
 * method_reload() - Reload
 */
void method_reload(Control *control, VarlinkCall *call)
{
        bool check = false, has_check;
        const Parameter parameters[] = { { "check", PARAMETER_BOOL, &check, &has_check } };
        Problem problem = { 0 };
        json_t *answer = NULL;
        uint64_t sequence = 0;

        if (!parameters_read(control, call, parameters, 1))
                return;
        int r = control->ops.reload(control->ops.userdata, check, take_reload, &answer, &sequence, &problem);
        if (r != 0 || !answer) {
                json_decref(answer);
                if (r == 0)
                        problem_set(&problem, r, "out of memory");
                reply_reload_failed(call, r, &problem);
        } else if (check) {
                varlink_reply(call, answer); /* there is nothing to remember */
        } else {
                reply_committed(control, call, answer, sequence);
        }
}
