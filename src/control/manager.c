/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The methods. One table says what there is and who may call it; no call
 * reaches a function but through it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build-config.h"
#include "control/private.h"

/* ---- org.varlink.service ---- */

static void method_get_info(Control *control, VarlinkCall *call)
{
        if (!parameters_read(control, call, NULL, 0))
                return;
        varlink_reply(call, json_pack("{s:s, s:s, s:s, s:s, s:[ss]}", "vendor", "bailiff", "product", "bailiffd", "version",
                                      BAILIFF_VERSION, "url", "", "interfaces", "org.varlink.service", "io.bailiff.Manager"));
}

static void method_get_description(Control *control, VarlinkCall *call)
{
        const char *interface, *description = NULL;
        const Parameter parameters[] = { { "interface", PARAMETER_TEXT, &interface } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        if (strcmp(interface, "io.bailiff.Manager") == 0)
                description = CONTROL_DESCRIPTION;
        else if (strcmp(interface, "org.varlink.service") == 0)
                description = VARLINK_SERVICE_DESCRIPTION;
        if (description)
                varlink_reply(call, json_pack("{s:s}", "description", description));
        else
                varlink_error(call, "org.varlink.service.InterfaceNotFound", json_pack("{s:s}", "interface", interface));
}

/* ---- the table ---- */

const ControlMethod CONTROL_METHODS[] = {
        { "org.varlink.service.GetInfo", ACCESS_NONE, method_get_info },
        { "org.varlink.service.GetInterfaceDescription", ACCESS_NONE, method_get_description },
        { "io.bailiff.Manager.Status", ACCESS_LOOK, method_status },
        { "io.bailiff.Manager.ListBans", ACCESS_LOOK, method_list_bans },
        { "io.bailiff.Manager.Banned", ACCESS_LOOK, method_banned },
        { "io.bailiff.Manager.Why", ACCESS_LOOK, method_why },
        { "io.bailiff.Manager.Monitor", ACCESS_LOOK, method_monitor },
        { "io.bailiff.Manager.Stats", ACCESS_LOOK, method_stats },
        { "io.bailiff.Manager.AllowList", ACCESS_LOOK, method_allow_list },
        { "io.bailiff.Manager.Ban", ACCESS_CHANGE, method_ban },
        { "io.bailiff.Manager.BanList", ACCESS_CHANGE, method_ban_list },
        { "io.bailiff.Manager.Unban", ACCESS_CHANGE, method_unban },
        { "io.bailiff.Manager.Attempt", ACCESS_CHANGE, method_attempt },
        { "io.bailiff.Manager.AllowAdd", ACCESS_CHANGE, method_allow_add },
        { "io.bailiff.Manager.AllowRemove", ACCESS_CHANGE, method_allow_remove },
        { "io.bailiff.Manager.Pause", ACCESS_CHANGE, method_pause },
        { "io.bailiff.Manager.Resume", ACCESS_CHANGE, method_resume },
        { "io.bailiff.Manager.Reload", ACCESS_CHANGE, method_reload },
        { "io.bailiff.Manager.ListReports", ACCESS_LOOK, method_list_reports },
        { "io.bailiff.Manager.PreviewReport", ACCESS_CHANGE, method_preview_report },
        { "io.bailiff.Manager.RetryReports", ACCESS_CHANGE, method_retry_reports },
        { "io.bailiff.Manager.DropReports", ACCESS_CHANGE, method_drop_reports },
        { "io.bailiff.Manager.RetractReports", ACCESS_CHANGE, method_retract_reports },
        { "io.bailiff.Manager.Claim", ACCESS_COURIER, method_claim },
        { "io.bailiff.Manager.Settle", ACCESS_COURIER, method_settle },
};
const size_t CONTROL_N_METHODS = sizeof CONTROL_METHODS / sizeof *CONTROL_METHODS;

static void reply_unknown(VarlinkCall *call)
{
        const char *method = varlink_method(call), *dot = strrchr(method, '.');
        bool ours = dot && ((dot - method == 18 && strncmp(method, "io.bailiff.Manager", 18) == 0) ||
                            (dot - method == 19 && strncmp(method, "org.varlink.service", 19) == 0));

        if (ours)
                varlink_error(call, "org.varlink.service.MethodNotFound", json_pack("{s:s}", "method", method));
        else
                varlink_error(call, "org.varlink.service.InterfaceNotFound",
                              json_pack("{s:s%}", "interface", method, dot ? (size_t) (dot - method) : strlen(method)));
}

static void reply_not_authorized(VarlinkCall *call, Access needed)
{
        static const char *const messages[_ACCESS_MAX] = {
                [ACCESS_COURIER] = "Only user bailiff-courier may do this.",
                [ACCESS_LOOK] = "Only root and members of groups bailiff-admin and bailiff-read may look.",
                [ACCESS_CHANGE] = "Only root and members of group bailiff-admin may do this.",
        };

        varlink_error(call, "io.bailiff.Manager.NotAuthorized", json_pack("{s:s}", "message", messages[needed]));
}

static void on_call(void *userdata, VarlinkCall *call)
{
        Control *control = userdata;
        Access access = varlink_caller(call)->access;

        for (size_t i = 0; i < CONTROL_N_METHODS; i++) {
                const ControlMethod *method = &CONTROL_METHODS[i];

                if (strcmp(method->name, varlink_method(call)) != 0)
                        continue;
                if (rights_may(access, method->access))
                        method->call(control, call);
                else
                        reply_not_authorized(call, method->access);
                return;
        }
        reply_unknown(call);
}

/* ---- Control ---- */

/**
 * control_new_with() - control_new() with what tests change
 */
int control_new_with(sd_event *event, const char *socket_path, ControlOps ops, const ControlOptions *options,
                     Control **ret_control, Problem *problem)
{
        _cleanup_(control_freep) Control *control = calloc(1, sizeof *control);
        int r;

        if (!control)
                return problem_set(problem, -ENOMEM, "%s: out of memory", socket_path);
        control->event = sd_event_ref(event);
        control->ops = ops;
        control->users = options->users ? options->users : "/etc/passwd";
        control->commit_usec = options->commit_usec;
        r = commit_init(control);
        if (r < 0)
                return problem_set(problem, r, "%s: cannot add a timer to the event loop: %s", socket_path, strerror(-r));

        Rights rights = options->rights;
        if (!rights.identify) {
                control->groups = rights_groups_lookup();
                rights = (Rights){ rights_identify, &control->groups };
        }
        VarlinkHandler handler = { .rights = rights, .call = on_call, .userdata = control };
        r = varlink_new(event, socket_path, handler, options->limits, &control->varlink, problem);
        if (r < 0)
                return r;
        *ret_control = steal(control);
        return 0;
}

/**
 * control_new() - serve the control socket
 * @event:              the loop; referenced
 * @socket_path:        in a directory that exists; a stale socket is replaced
 * @ops:                copied; called from the loop
 *
 * Looks two groups up, so it belongs before the loop runs.
 *
 * Return: 0, or -errno with a Problem; -EADDRINUSE if another daemon answers on
 * the socket.
 */
int control_new(sd_event *event, const char *socket_path, ControlOps ops, Control **ret_control, Problem *problem)
{
        return control_new_with(event, socket_path, ops, &(ControlOptions){ .commit_usec = CONTROL_COMMIT_USEC }, ret_control,
                                problem);
}

/**
 * control_free() - drop all clients and remove the socket
 */
Control *control_free(Control *control)
{
        if (!control)
                return NULL;
        varlink_free(control->varlink);
        stats_abandon(control);
        sd_event_source_disable_unref(control->timer);
        sd_event_unref(control->event);
        free(control);
        return NULL;
}

/**
 * control_add_client() - serve a socket that was connected elsewhere
 * @fd:         non-blocking; taken over, also on failure
 */
int control_add_client(Control *control, int fd)
{
        return varlink_add_client(control->varlink, fd);
}

const VarlinkStats *control_stats(const Control *control)
{
        return varlink_stats(control->varlink);
}
