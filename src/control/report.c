/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Methods for people about reports: what waits, what was sent, and what to do with it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"

#define REPORTS_MAX 1000        /* rows of one list */
#define REPORTS_DEFAULT 20

/* Who waits for the outbox. */
typedef struct Asking {
        Control *control;
        VarlinkCall *call;
        OutboxWaiter *waiter;
        bool lists;
        json_t *(*view)(Control *control, const OutboxResult *result);
} Asking;

static void asking_end(VarlinkCall *call, void *data)
{
        Asking *asking = data;

        if (asking->waiter)
                outbox_waiter_forget(asking->waiter);
        asking->control->n_listings -= asking->lists;
        free(asking);
}

static void on_answer(void *data, OutboxResult *result)
{
        Asking *asking = data;

        asking->waiter = NULL;
        reply_or_fail(asking->call, 0, asking->view(asking->control, result));
        outbox_result_free(result);
}

static void ask(Control *control, VarlinkCall *call, const OutboxRequest *request, json_t *(*view)(Control *control, const OutboxResult *result))
{
        bool lists = request->op == OUTBOX_LIST;
        int r = -ENOMEM;

        /* The store looks through all that it has, and writes no ban meanwhile. */
        if (lists && control->n_listings >= LISTINGS_MAX) {
                reply_busy(call);
                return;
        }
        Asking *asking = calloc(1, sizeof *asking);
        if (asking) {
                *asking = (Asking){ .control = control, .call = call, .lists = lists, .view = view };
                r = control->ops.outbox(control->ops.userdata, request, on_answer, asking, &asking->waiter);
        }
        if (r < 0) {
                free(asking);
                reply_or_fail(call, r, NULL);
                return;
        }
        control->n_listings += lists;
        varlink_later(call, &(VarlinkLater){ .end = asking_end }, asking);
}

/* ---- views ---- */

static json_t *view_budget(const OutboxBudget *budget, OutboxEndpoint endpoint, const OutboxTerms *terms, EventTime now)
{
        OutboxBudget today = *budget;

        outbox_budget_roll(&today, outbox_endpoint_lane(endpoint), now);
        json_t *view = json_pack("{s:s, s:I, s:I, s:I, s:o}", "endpoint", outbox_endpoint_name(endpoint), "used", (json_int_t) today.used, "left",
                                 (json_int_t) outbox_budget_left(&today, terms), "daily", (json_int_t) terms->daily, "resets", view_time(today.resets));
        if (event_time_before(now, today.blocked)) {
                json_object_set_new(view, "blocked_until", view_time(today.blocked));
                json_object_set_new(view, "reason", json_string(outbox_outcome_name(today.reason)));
        }
        if (*today.text)
                json_object_set_new(view, "last_error", view_text(today.text));
        return view;
}

static json_t *view_service(Control *control, OutboxLane lane, const OutboxResult *result)
{
        json_t *counts = json_object(), *budgets = json_array();
        ReportServiceView service = { .problem = "" };
        EventTime now = clock_event_now();

        control->ops.report_service(control->ops.userdata, lane, &service);
        for (int state = 0; state < _OUTBOX_STATE_MAX; state++) {
                uint64_t n = 0;

                for (int kind = 0; kind < _OUTBOX_KIND_MAX; kind++)
                        if (outbox_kind_lane((OutboxKind) kind) == lane)
                                n += result->counts[kind][state];
                json_object_set_new(counts, outbox_state_name((OutboxState) state), json_integer((json_int_t) n));
        }
        for (int endpoint = 0; endpoint < _OUTBOX_ENDPOINT_MAX; endpoint++)
                if (outbox_endpoint_lane((OutboxEndpoint) endpoint) == lane)
                        json_array_append_new(budgets, view_budget(&result->budgets[endpoint], (OutboxEndpoint) endpoint, &service.terms[endpoint], now));
        json_t *view = json_pack("{s:s, s:b, s:b, s:o, s:o}", "service", outbox_lane_name(lane), "configured", (int) service.configured, "courier",
                                 (int) service.has_courier, "counts", counts, "quotas", budgets);
        if (*service.problem)
                json_object_set_new(view, "problem", view_text(service.problem));
        return view;
}

static json_t *view_list(Control *control, const OutboxResult *result)
{
        json_t *services = json_array(), *reports = json_array();

        for (int lane = 0; lane < _OUTBOX_LANE_MAX; lane++)
                json_array_append_new(services, view_service(control, (OutboxLane) lane, result));
        for (size_t i = 0; i < result->n_entries; i++)
                json_array_append_new(reports, view_outbox_entry(&result->entries[i]));
        return json_pack("{s:o, s:o}", "services", services, "reports", reports);
}

static json_t *view_changed(Control *control, const OutboxResult *result)
{
        return json_pack("{s:I}", "changed", (json_int_t) result->changed);
}

static json_t *view_retracted(Control *control, const OutboxResult *result)
{
        return json_pack("{s:I, s:b, s:b}", "dropped", (json_int_t) result->changed, "clears", (int) result->clears, "deletes", (int) result->deletes);
}

/* ---- methods ---- */

/**
 * method_list_reports() - ListReports
 */
void method_list_reports(Control *control, VarlinkCall *call)
{
        const char *state = NULL, *service = NULL;
        int64_t before = 0, max = REPORTS_DEFAULT;
        Addr addr = ADDR_NULL;
        bool given[5];
        const Parameter parameters[] = {
                { "state", PARAMETER_TEXT, &state, &given[0] },
                { "service", PARAMETER_TEXT, &service, &given[1] },
                { "address", PARAMETER_SINGLE, &addr, &given[2] },
                { "before", PARAMETER_INTEGER, &before, &given[3] },
                { "max", PARAMETER_INTEGER, &max, &given[4] },
        };
        OutboxRequest request = { .op = OUTBOX_LIST, .state = -1, .lane_only = -1 };

        if (!parameters_read(control, call, parameters, 5))
                return;
        if (given[0] && (request.state = outbox_state_from_name(state)) < 0) {
                reply_invalid(call, "state", "The states are queued, in-flight, done, refused, unknown, expired and dropped.");
                return;
        }
        if (given[1] && (request.lane_only = outbox_lane_from_name(service)) < 0) {
                reply_invalid(call, "service", "The services are abuseipdb and virustotal.");
                return;
        }
        request.addr = addr;
        request.before = (uint64_t) before;
        request.max = max < REPORTS_MAX ? (size_t) max : REPORTS_MAX;
        ask(control, call, &request, view_list);
}

/**
 * method_retry_reports() - RetryReports
 */
void method_retry_reports(Control *control, VarlinkCall *call)
{
        int64_t report = 0;
        bool given;
        const Parameter parameters[] = { { "report", PARAMETER_INTEGER, &report, &given } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        if (given && report == 0) { /* which would be all */
                reply_invalid(call, "report", "Reports are numbered from 1 on.");
                return;
        }
        ask(control, call, &(OutboxRequest){ .op = OUTBOX_RETRY, .id = (uint64_t) report }, view_changed);
}

/**
 * method_drop_reports() - DropReports
 */
void method_drop_reports(Control *control, VarlinkCall *call)
{
        int64_t report = 0;
        Addr addr = ADDR_NULL;
        bool has_report, has_address;
        const Parameter parameters[] = {
                { "report", PARAMETER_INTEGER, &report, &has_report },
                { "address", PARAMETER_SINGLE, &addr, &has_address },
        };
        uint64_t id;

        if (!parameters_read(control, call, parameters, 2))
                return;
        if (has_report == has_address) {
                reply_invalid(call, "report", "Give either a report's number or an address.");
                return;
        }
        id = (uint64_t) report;
        ask(control, call, &(OutboxRequest){ .op = OUTBOX_DROP, .ids = &id, .n_ids = has_report, .addr = addr, .text = "dropped by hand" }, view_changed);
}

/**
 * method_retract_reports() - RetractReports
 */
void method_retract_reports(Control *control, VarlinkCall *call)
{
        Addr addr;
        const Parameter parameters[] = { { "address", PARAMETER_SINGLE, &addr } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        ask(control, call, &(OutboxRequest){ .op = OUTBOX_RETRACT, .addr = addr, .text = "retracted" }, view_retracted);
}

static void preview_add(void *data, const ReportView *view)
{
        json_t *item = view_report(view);

        json_object_del(item, "report");
        json_object_del(item, "again");
        json_object_set_new(item, "service", json_string(outbox_kind_name(view->kind)));
        json_array_append_new(data, item);
}

/**
 * method_preview_report() - PreviewReport
 */
void method_preview_report(Control *control, VarlinkCall *call)
{
        const char *jail;
        Addr addr;
        const Parameter parameters[] = { { "jail", PARAMETER_JAIL, &jail }, { "address", PARAMETER_SINGLE, &addr } };
        json_t *reports = json_array();
        Problem problem = { "" };

        if (!parameters_read(control, call, parameters, 2)) {
                json_decref(reports);
                return;
        }
        int r = control->ops.preview(control->ops.userdata, jail, &addr, preview_add, reports, &problem);
        if (r != 0) {
                json_decref(reports);
                reply_problem(call, r, &problem);
                return;
        }
        json_t *answer = json_pack("{s:o}", "reports", reports);
        if (*problem.text)
                json_object_set_new(answer, "note", view_text(problem.text));
        varlink_reply(call, answer);
}
