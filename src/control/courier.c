/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Claim and Settle: the courier's two methods.
 *
 * A claim waits until something is due. A bulk file has up to 9,999 reports; to
 * render and write them in one turn would hold every ban up for tens of
 * milliseconds, so a claim is answered in pages, a turn each, as long as the
 * courier keeps up.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"
#include "util/text.h"

typedef struct Claiming {
        Control *control;
        VarlinkCall *call;
        OutboxLane lane;
        bool waiting; /* for the daemon's answer */
        ClaimView claim;
        size_t sent;
} Claiming;

static json_t *page(Claiming *claiming)
{
        Control *control = claiming->control;
        json_t *items = json_array();
        ReportView view;

        for (size_t n = 0; n < CLAIM_PAGE && claiming->sent < claiming->claim.n_items; n++, claiming->sent++) {
                if (!control->ops.claim_item(control->ops.userdata, claiming->lane, claiming->claim.claim, claiming->sent, &view))
                        continue;
                json_array_append_new(items, view_report(&view));
                free(view.comment);
        }
        return json_pack("{s:I, s:s, s:o}", "claim", (json_int_t) claiming->claim.claim, "kind", claiming->claim.kind, "items", items);
}

static bool claiming_step(VarlinkCall *call, void *data)
{
        Claiming *claiming = data;

        if (claiming->waiting)
                return false;
        json_t *answer = page(claiming);
        if (claiming->sent < claiming->claim.n_items) {
                varlink_reply_more(call, answer);
                return true;
        }
        varlink_reply(call, answer); /* ends in claiming_end() */
        return false;
}

static void claiming_end(VarlinkCall *call, void *data)
{
        Claiming *claiming = data;

        if (claiming->waiting)
                claiming->control->ops.claim_cancel(claiming->control->ops.userdata, claiming->lane, claiming);
        free(claiming);
}

static void on_claim(void *data, const ClaimView *claim)
{
        Claiming *claiming = data;

        claiming->waiting = false;
        if (!claim) {
                varlink_reply(claiming->call, json_object());
                return;
        }
        claiming->claim = *claim;
        varlink_wake(claiming->call);
}

static bool read_lane(VarlinkCall *call, const char *service, OutboxLane *ret_lane)
{
        int lane = outbox_lane_from_name(service);

        if (lane < 0) {
                reply_invalid(call, "service", "There are the services %s and %s.", outbox_lane_name(OUTBOX_ABUSEIPDB), outbox_lane_name(OUTBOX_VIRUSTOTAL));
                return false;
        }
        *ret_lane = (OutboxLane) lane;
        return true;
}

/**
 * method_claim() - Claim
 */
void method_claim(Control *control, VarlinkCall *call)
{
        const char *service, *raw_problem = "";
        char problem[512];
        bool has_problem;
        OutboxLane lane;
        const Parameter parameters[] = {
                { "service", PARAMETER_TEXT, &service },
                { "problem", PARAMETER_TEXT, &raw_problem, &has_problem },
        };

        if (!parameters_read(control, call, parameters, 2) || !read_lane(call, service, &lane))
                return;
        if (!varlink_wants_more(call)) {
                varlink_error(call, "org.varlink.service.ExpectedMore", NULL);
                return;
        }
        Claiming *claiming = calloc(1, sizeof *claiming);
        if (!claiming) {
                reply_problem(call, -ENOMEM, &(Problem){ "" });
                return;
        }
        text_printable(raw_problem, strlen(raw_problem), problem, sizeof problem);
        *claiming = (Claiming){ .control = control, .call = call, .lane = lane, .waiting = true };
        varlink_later(call, &(VarlinkLater){ .step = claiming_step, .end = claiming_end }, claiming);
        control->ops.claim(control->ops.userdata, lane, problem, on_claim, claiming);
}

/* ---- Settle ---- */

/* It is not forgotten with its caller: the daemon has to hear how the report went even if the courier has gone since. */
typedef struct Settling {
        VarlinkCall *call; /* NULL: whoever asked is gone */
        bool settled;
} Settling;

static void settling_end(VarlinkCall *call, void *data)
{
        Settling *settling = data;

        settling->call = NULL;
        if (settling->settled)
                free(settling);
}

static void on_settled(void *data, OutboxResult *result)
{
        Settling *settling = data;
        VarlinkCall *call = settling->call;
        int r = result->r;

        outbox_result_free(result);
        settling->settled = true;
        if (!call)
                free(settling);
        else if (r == OUTBOX_E_NO_CLAIM) /* an answer ends in settling_end() */
                varlink_error(call, "io.bailiff.Manager.NoSuchClaim", json_pack("{s:s}", "message", "It has been settled or taken back; drop it."));
        else
                varlink_reply(call, json_pack("{s:b}", "remembered", 1));
}

static bool read_errors(VarlinkCall *call, const json_t *list, OutboxRowError *errors)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *error = json_array_get(list, i);
                const char *text = json_string_value(json_object_get(error, "error"));
                const json_t *report = json_object_get(error, "report");

                if (!text || !text_is_printable(text) || !json_is_integer(report)) {
                        reply_invalid(call, "errors", "An error has a report's number and a text.");
                        return false;
                }
                errors[i] = (OutboxRowError){ (uint64_t) json_integer_value(report), text };
        }
        return true;
}

static void send_settlement(Control *control, VarlinkCall *call, OutboxRequest *request, const json_t *errors)
{
        OutboxRowError *rows = calloc(json_array_size(errors) + 1, sizeof *rows);
        Settling *settling = calloc(1, sizeof *settling);
        int r = rows && settling ? 0 : -ENOMEM;

        if (r == 0 && !read_errors(call, errors, rows)) {
                free(settling);
                free(rows);
                return;
        }
        request->errors = rows;
        request->n_errors = json_array_size(errors);
        if (r == 0) {
                settling->call = call;
                r = control->ops.outbox(control->ops.userdata, request, on_settled, settling, NULL);
        }
        free(rows);
        if (r < 0) {
                free(settling);
                reply_or_fail(call, r, NULL);
                return;
        }
        varlink_later(call, &(VarlinkLater){ .end = settling_end }, settling);
}

/**
 * method_settle() - Settle
 */
void method_settle(Control *control, VarlinkCall *call)
{
        int64_t claim, status = 0, score = -1, limit = -1, remaining = -1, retry_after = -1, reset = -1;
        const char *outcome, *raw_text = "", *raw_remote = "";
        const json_t *errors = NULL;
        bool given[9];
        const Parameter parameters[] = {
                { "claim", PARAMETER_INTEGER, &claim },
                { "outcome", PARAMETER_TEXT, &outcome },
                { "status", PARAMETER_INTEGER, &status, &given[0] },
                { "score", PARAMETER_INTEGER, &score, &given[1] },
                { "text", PARAMETER_TEXT, &raw_text, &given[2] },
                { "comment_id", PARAMETER_TEXT, &raw_remote, &given[3] },
                { "limit", PARAMETER_INTEGER, &limit, &given[4] },
                { "remaining", PARAMETER_INTEGER, &remaining, &given[5] },
                { "retry_after", PARAMETER_INTEGER, &retry_after, &given[6] },
                { "reset", PARAMETER_INTEGER, &reset, &given[7] },
                { "errors", PARAMETER_LIST, &errors, &given[8] },
        };
        char text[OUTBOX_TEXT_MAX], remote[256];
        int known;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        known = outbox_outcome_from_name(outcome);
        if (known < 0) {
                reply_invalid(call, "outcome", "That is no outcome; see the interface's description.");
                return;
        }
        text_printable(raw_text, strlen(raw_text), text, sizeof text);
        text_printable(raw_remote, strlen(raw_remote), remote, sizeof remote);
        OutboxRequest request = { .op = OUTBOX_SETTLE,
                                  .claim = (uint64_t) claim,
                                  .answer = { .outcome = (OutboxOutcome) known,
                                              .status = status < 1000 ? (int) status : 0,
                                              .score = score <= 100 ? (int) score : -1,
                                              .text = text,
                                              .remote = remote,
                                              .limit = limit,
                                              .remaining = remaining,
                                              .retry_after = retry_after,
                                              .reset = reset } };
        send_settlement(control, call, &request, errors);
}
