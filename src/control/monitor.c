/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Monitor: the event log, then its continuation.
 *
 * `told` is the last event that this client has had. While it replays, a client
 * reads the log in pages, one a turn, and live events pass it by: they are on
 * disk already, so a later page has them. A page that is not full has reached
 * the present; from the same turn on events come live, and those that the last
 * page had already are known by their number. So there is neither gap nor double.
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
        uint64_t told;
        bool lines, live;
        size_t n_page;
};

static void tell(Monitor *monitor, const EventRecord *record)
{
        if (record->id <= monitor->told)
                return;
        monitor->told = record->id;
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
        *monitor = (Monitor){ .control = control, .call = call, .told = (uint64_t) since, .lines = sees_lines(call) };
        DL_APPEND(control->monitors, monitor);
        varlink_later(call, &(VarlinkLater){ .step = monitor_step, .end = monitor_end }, monitor);
        if (!has_since)
                go_live(monitor);
}
