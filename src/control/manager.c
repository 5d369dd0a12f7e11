/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The methods. One table says what there is and who may call it; no call
 * reaches a function but through it.
 *
 * A change is carried out at once (ControlOps returns when the kernel has it)
 * and answered when the disk has it too: the call waits in `waiting` for the
 * store's sequence. After five seconds it is answered all the same, with
 * `remembered: false`: the ban holds, but a crash now would forget it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build-config.h"
#include "control/private.h"
#include "control/view.h"
#include "util/table.h"
#include "util/text.h"

struct Waiting {
        Waiting *prev, *next;
        Control *control;
        VarlinkCall *call;
        json_t *answer;
        uint64_t sequence;
        uint64_t deadline;
};

/* ---- waiting for the disk ---- */

static void waiting_end(VarlinkCall *call, void *data)
{
        Waiting *waiting = data;

        DL_DELETE(waiting->control->waiting, waiting);
        json_decref(waiting->answer);
        free(waiting);
}

static void waiting_answer(Waiting *waiting, bool remembered)
{
        json_t *answer = json_incref(waiting->answer);

        json_object_set_new(answer, "remembered", json_boolean(remembered));
        varlink_reply(waiting->call, answer); /* ends in waiting_end() */
}

static void arm_timer(Control *control)
{
        if (!control->waiting) {
                sd_event_source_set_enabled(control->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(control->timer, control->waiting->deadline);
        sd_event_source_set_enabled(control->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Control *control = userdata;
        uint64_t now = clock_boot_now().usec;

        while (control->waiting && control->waiting->deadline <= now)
                waiting_answer(control->waiting, false);
        arm_timer(control);
        return 0;
}

/* Takes `answer` over. All wait equally long, so the list is ordered by deadline. */
static void reply_committed(Control *control, VarlinkCall *call, json_t *answer, uint64_t sequence)
{
        Waiting *waiting;

        if (sequence <= control->committed) {
                json_object_set_new(answer, "remembered", json_true());
                varlink_reply(call, answer);
                return;
        }
        waiting = calloc(1, sizeof *waiting);
        if (!waiting) {
                json_object_set_new(answer, "remembered", json_false());
                varlink_reply(call, answer);
                return;
        }
        *waiting = (Waiting){ .control = control,
                              .call = call,
                              .answer = answer,
                              .sequence = sequence,
                              .deadline = clock_boot_now().usec + control->commit_usec };
        DL_APPEND(control->waiting, waiting);
        varlink_later(call, &(VarlinkLater){ .end = waiting_end }, waiting);
        arm_timer(control);
}

/**
 * control_committed() - the store has a batch on disk
 * @sequence:   everything submitted up to it
 * @events:     the batch's events in order, for Monitor
 */
void control_committed(Control *control, uint64_t sequence, const EventRecord *events, size_t n_events)
{
        Waiting *waiting, *next;

        if (sequence > control->committed)
                control->committed = sequence;
        monitors_tell(control, events, n_events);
        DL_FOREACH_SAFE (control->waiting, waiting, next)
                if (waiting->sequence <= control->committed)
                        waiting_answer(waiting, true);
        arm_timer(control);
}

/* ---- changing ---- */

typedef struct FindBan {
        const char *jail;
        const Addr *addr;
        json_t *found;
} FindBan;

static int find_ban(void *data, const Ban *ban)
{
        FindBan *find = data;

        if (!find->found && strcmp(ban->jail, find->jail) == 0 && addr_equal(&ban->addr, find->addr))
                find->found = view_ban(ban, false);
        return 0;
}

static void method_ban(Control *control, VarlinkCall *call)
{
        char reason[EVIDENCE_TEXT_MAX];
        const char *raw_reason = "";
        BanRequest request = { .reason = reason };
        bool has_reason, has_force, has_no_report, no_report;
        const Parameter parameters[] = {
                { "jail", PARAMETER_JAIL, &request.jail },
                { "address", PARAMETER_ADDR, &request.addr },
                { "duration", PARAMETER_SECONDS, &request.duration, &request.has_duration },
                { "reason", PARAMETER_TEXT, &raw_reason, &has_reason },
                { "force", PARAMETER_BOOL, &request.force, &has_force },
                /* Nothing is reported yet; a wish not to be is granted already. */
                { "no_report", PARAMETER_BOOL, &no_report, &has_no_report },
        };
        Problem problem = { 0 };
        uint64_t sequence = 0;
        int r;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        text_printable(raw_reason, strlen(raw_reason), reason, sizeof reason);
        r = control->ops.ban(control->ops.userdata, &request, &sequence, &problem);
        if (r != 0) {
                reply_problem(call, r, &problem);
                return;
        }
        FindBan find = { .jail = request.jail, .addr = &request.addr };
        json_t *answer = json_object();

        control->ops.covering(control->ops.userdata, &request.addr, find_ban, &find);
        if (find.found)
                json_object_set_new(answer, "ban", find.found);
        reply_committed(control, call, answer, sequence);
}

typedef struct Lifted {
        size_t n;
        json_t *bans;
} Lifted;

static int add_lifted(void *data, const Ban *ban)
{
        Lifted *lifted = data;

        if (lifted->n++ < UNBAN_LIST_MAX)
                json_array_append_new(lifted->bans, view_ban(ban, false));
        return 0;
}

static void method_unban(Control *control, VarlinkCall *call)
{
        const Caller *caller = varlink_caller(call);
        const char *jail = NULL;
        bool all = false, has_address, has_all, has_jail;
        Addr addr;
        const Parameter parameters[] = {
                { "address", PARAMETER_ADDR, &addr, &has_address },
                { "all", PARAMETER_BOOL, &all, &has_all },
                { "jail", PARAMETER_JAIL, &jail, &has_jail },
        };
        Problem problem = { 0 };
        char by[32];
        uint64_t sequence = 0;
        int r;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        if (has_address == all) {
                reply_invalid(call, "address", "Give either an address or all.");
                return;
        }
        if (caller->uid == 0)
                strcpy(by, "root");
        else
                snprintf(by, sizeof by, "uid %u", (unsigned) caller->uid);
        Lifted lifted = { .bans = json_array() };
        r = control->ops.unban(control->ops.userdata, has_address ? &addr : NULL, jail, by, add_lifted, &lifted, &sequence,
                               &problem);
        if (r != 0) {
                json_decref(lifted.bans);
                reply_problem(call, r, &problem);
                return;
        }
        json_t *answer = json_object();

        json_object_set_new(answer, "lifted", json_integer((json_int_t) lifted.n));
        json_object_set_new(answer, "bans", lifted.bans);
        if (lifted.n > UNBAN_LIST_MAX)
                json_object_set_new(answer, "truncated", json_true());
        reply_committed(control, call, answer, sequence);
}

/* ---- looking ---- */

typedef struct StatusAnswer {
        const char *jail;
        json_t *answer;
} StatusAnswer;

static void take_status(void *data, const StatusView *status)
{
        StatusAnswer *answer = data;

        if (!answer->answer)
                answer->answer = view_status(status, answer->jail);
}

static void reply_or_fail(VarlinkCall *call, int r, json_t *answer)
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

static void method_status(Control *control, VarlinkCall *call)
{
        StatusAnswer answer = { 0 };
        bool has_jail;
        const Parameter parameters[] = { { "jail", PARAMETER_JAIL, &answer.jail, &has_jail } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        int r = control->ops.status(control->ops.userdata, take_status, &answer);
        reply_or_fail(call, r, answer.answer);
}

typedef struct BannedAnswer {
        json_t *bans;
        bool lines;
} BannedAnswer;

static int take_banned(void *data, const Ban *ban)
{
        BannedAnswer *answer = data;

        json_array_append_new(answer->bans, view_ban(ban, answer->lines));
        return 0;
}

static void method_banned(Control *control, VarlinkCall *call)
{
        Addr addr;
        const Parameter parameters[] = { { "address", PARAMETER_ADDR, &addr } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        BannedAnswer banned = { .bans = json_array(), .lines = sees_lines(call) };
        int r = control->ops.covering(control->ops.userdata, &addr, take_banned, &banned);
        json_t *answer = json_object();

        json_object_set_new(answer, "banned", json_boolean(json_array_size(banned.bans) > 0));
        json_object_set_new(answer, "bans", banned.bans);
        json_object_set_new(answer, "redacted", json_boolean(!banned.lines));
        reply_or_fail(call, r, answer);
}

typedef struct WhyAnswer {
        bool lines;
        json_t *answer;
} WhyAnswer;

static void take_why(void *data, const WhyView *why)
{
        WhyAnswer *answer = data;

        if (!answer->answer)
                answer->answer = view_why(why, answer->lines);
}

static void method_why(Control *control, VarlinkCall *call)
{
        WhyAnswer answer = { .lines = sees_lines(call) };
        Addr addr;
        const Parameter parameters[] = { { "address", PARAMETER_ADDR, &addr } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        int r = control->ops.why(control->ops.userdata, &addr, take_why, &answer);
        reply_or_fail(call, r, answer.answer);
}

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
        { "io.bailiff.Manager.Ban", ACCESS_CHANGE, method_ban },
        { "io.bailiff.Manager.Unban", ACCESS_CHANGE, method_unban },
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

static void on_call(void *userdata, VarlinkCall *call)
{
        Control *control = userdata;
        Access access = varlink_caller(call)->access;

        for (size_t i = 0; i < CONTROL_N_METHODS; i++) {
                const ControlMethod *method = &CONTROL_METHODS[i];

                if (strcmp(method->name, varlink_method(call)) != 0)
                        continue;
                if (access >= method->access)
                        method->call(control, call);
                else
                        varlink_error(
                                call, "io.bailiff.Manager.NotAuthorized",
                                json_pack("{s:s}", "message",
                                          method->access == ACCESS_CHANGE
                                                  ? "Only root and members of group bailiff-admin may change bans."
                                                  : "Only root and members of groups bailiff-admin and bailiff-read may look."));
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
        control->commit_usec = options->commit_usec;
        r = sd_event_add_time(event, &control->timer, CLOCK_BOOTTIME, 0, 0, on_timer, control);
        if (r < 0)
                return problem_set(problem, r, "%s: cannot add a timer to the event loop: %s", socket_path, strerror(-r));
        sd_event_source_set_description(control->timer, "control: commit");
        sd_event_source_set_enabled(control->timer, SD_EVENT_OFF);

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
