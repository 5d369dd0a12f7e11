/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Monitor: the event log, then its continuation.
 *
 * `told` is the last event that this client has had. While it replays, a client
 * reads the log in pages, one a turn, and live events pass it by: they are on
 * disk already, so a later page has them. A page that is not full has reached
 * the present; from the same turn on events come live, and those that the last
 * page had already are known by their number. So there is neither gap nor double.
 *
 * The log does not reach back for ever, and a state directory may be lost. So a
 * replay begins one before what the client has had: if that event is still
 * there, or the next one, nothing is missing. If neither is, the client is told
 * that events were lost, and which is the first that there is. A `since` that
 * the log has not reached is from another log; then all of this one is told.
 */

#include <errno.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"
#include "util/table.h"

struct Monitor {
        Monitor *prev, *next;
        Control *control;
        VarlinkCall *call;
        uint64_t since; /* what he had before; 0: nothing */
        uint64_t told;  /* 0: nothing yet */
        bool lines, live;
        size_t n_page;
};

/* @first: 0 if there is none. */
static void tell_lost(Monitor *monitor, uint64_t first)
{
        json_t *answer = json_pack("{s:b}", "lost", 1);

        if (first > 0)
                json_object_set_new(answer, "first", json_integer((json_int_t) first));
        varlink_reply_more(monitor->call, answer);
}

static void tell(Monitor *monitor, const EventRecord *record)
{
        uint64_t had = monitor->told > monitor->since ? monitor->told : monitor->since;

        if (record->id <= monitor->told)
                return;
        monitor->told = record->id;
        if (record->id <= monitor->since)
                return;
        if (had > 0 && record->id > had + 1)
                tell_lost(monitor, record->id);
        varlink_reply_more(monitor->call, json_pack("{s:o}", "event", view_event(record, monitor->lines)));
}

/**
 * monitors_tell() - new events are on disk
 */
void monitors_tell(Control *control, const EventRecord *events, size_t n_events)
{
        Monitor *monitor;

        DL_FOREACH (control->monitors, monitor)
                for (size_t i = 0; monitor->live && i < n_events; i++)
                        tell(monitor, &events[i]);
}

static int take_event(void *data, const EventRecord *record)
{
        Monitor *monitor = data;

        monitor->n_page++;
        tell(monitor, record);
        return 0;
}

static void go_live(Monitor *monitor)
{
        monitor->live = true;
        varlink_reply_more(monitor->call, json_pack("{s:b}", "current", 1));
}

static bool monitor_step(VarlinkCall *call, void *data)
{
        Monitor *monitor = data;
        Control *control = monitor->control;
        uint64_t before = monitor->told;
        bool first = monitor->since > 0 && before < monitor->since;
        Problem problem = { 0 };
        int r;

        if (monitor->live)
                return false;
        monitor->n_page = 0;
        r = control->ops.events(control->ops.userdata, monitor->told, MONITOR_PAGE, take_event, monitor);
        if (r < 0) {
                problem_set(&problem, r,
                            "The event log cannot be read: %s; `bailiffctl monitor` without --since shows new events.",
                            strerror(-r));
                reply_problem(call, r, &problem);
                return false;
        }
        if (first && monitor->n_page == 0) { /* this log has never got there */
                monitor->since = monitor->told = 0;
                tell_lost(monitor, 0);
                return true;
        }
        if (monitor->n_page == MONITOR_PAGE && monitor->told > before)
                return true;
        go_live(monitor);
        return false;
}

static void monitor_end(VarlinkCall *call, void *data)
{
        Monitor *monitor = data;

        DL_DELETE(monitor->control->monitors, monitor);
        free(monitor);
}

/**
 * method_monitor() - Monitor
 */
void method_monitor(Control *control, VarlinkCall *call)
{
        int64_t since = 0;
        bool has_since;
        const Parameter parameters[] = { { "since", PARAMETER_INTEGER, &since, &has_since } };
        Problem problem = { 0 };
        Monitor *monitor;

        if (!parameters_read(control, call, parameters, 1))
                return;
        if (!varlink_wants_more(call)) {
                varlink_error(call, "org.varlink.service.ExpectedMore", NULL);
                return;
        }
        monitor = calloc(1, sizeof *monitor);
        if (!monitor) {
                reply_problem(call, -ENOMEM, &problem);
                return;
        }
        *monitor = (Monitor){ .control = control,
                              .call = call,
                              .since = (uint64_t) since,
                              .told = since > 0 ? (uint64_t) since - 1 : 0,
                              .lines = sees_lines(call) };
        DL_APPEND(control->monitors, monitor);
        varlink_later(call, &(VarlinkLater){ .step = monitor_step, .end = monitor_end }, monitor);
        if (!has_since)
                go_live(monitor);
}
