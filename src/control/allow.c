/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Methods of the allow list: AllowAdd, AllowRemove, AllowList.
 *
 * A file may hold a hundred thousand entries, and they may change while a
 * client reads: so AllowList copies them in its first turn, which is cheap, and
 * makes JSON of a hundred in each later one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"
#include "util/text.h"

/**
 * method_allow_add() - AllowAdd
 */
void method_allow_add(Control *control, VarlinkCall *call)
{
        char reason[EVIDENCE_TEXT_MAX], by[CALLER_TEXT_MAX];
        const char *raw_reason = "";
        AllowRequest request = { .reason = reason, .by = by };
        bool has_reason;
        const Parameter parameters[] = {
                { "address", PARAMETER_ADDR, &request.addr },
                { "duration", PARAMETER_SECONDS, &request.duration, &request.has_duration },
                { "reason", PARAMETER_TEXT, &raw_reason, &has_reason },
        };
        Problem problem = { 0 };
        uint64_t sequence = 0;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        if (request.addr.length == 0) {
                reply_invalid(call, "address", "%s would allow everybody; to ban nobody for a while: bailiffctl pause JAIL.",
                              request.addr.family == 4 ? "0.0.0.0/0" : "::/0");
                return;
        }
        if (request.has_duration && request.duration == DURATION_FOREVER)
                request.has_duration = false;
        text_printable(raw_reason, strlen(raw_reason), reason, sizeof reason);
        rights_caller_text(varlink_caller(call), control->users, by);
        Lifted lifted = { .bans = json_array() };
        int r = control->ops.allow_add(control->ops.userdata, &request, lifted_add, &lifted, &sequence, &problem);
        if (r != 0) {
                json_decref(lifted.bans);
                reply_problem(call, r, &problem);
                return;
        }
        reply_committed(control, call, lifted_answer(&lifted), sequence);
}

/**
 * method_allow_remove() - AllowRemove
 */
void method_allow_remove(Control *control, VarlinkCall *call)
{
        Addr addr;
        const Parameter parameters[] = { { "address", PARAMETER_ADDR, &addr } };
        char by[CALLER_TEXT_MAX];
        Problem problem = { 0 };
        uint64_t sequence = 0;

        if (!parameters_read(control, call, parameters, 1))
                return;
        rights_caller_text(varlink_caller(call), control->users, by);
        int r = control->ops.allow_remove(control->ops.userdata, &addr, by, &sequence, &problem);
        if (r != 0)
                reply_problem(call, r, &problem);
        else
                reply_committed(control, call, json_object(), sequence);
}

/* ---- AllowList ---- */

typedef struct Copy {
        Addr addr;
        EventTime until;
        char *group, *origin, *jail, *reason;
        bool in_kernel;
} Copy;

typedef struct AllowListing {
        Control *control;
        Copy *copies;
        size_t n_copies, capacity, next;
        json_t *page;
        bool failed;
} AllowListing;

/* What is absent stays so; without memory it is absent too, and the address is told all the same. */
static char *copy_text(const char *text)
{
        return text && *text ? strdup(text) : NULL;
}

static int take_copy(void *data, const AllowView *view)
{
        AllowListing *listing = data;
        const AllowEntry *entry = view->entry;

        if (listing->n_copies == listing->capacity) {
                size_t capacity = listing->capacity ? listing->capacity * 2 : 64;
                Copy *copies = realloc(listing->copies, capacity * sizeof *copies);

                if (!copies) {
                        listing->failed = true;
                        return 1;
                }
                listing->copies = copies;
                listing->capacity = capacity;
        }
        listing->copies[listing->n_copies++] = (Copy){ .addr = entry->addr,
                                                       .until = entry->until,
                                                       .group = copy_text(view->group),
                                                       .origin = copy_text(entry->origin),
                                                       .jail = copy_text(entry->jail),
                                                       .reason = copy_text(entry->reason),
                                                       .in_kernel = view->in_kernel };
        return 0;
}

static json_t *take_page(AllowListing *listing)
{
        json_t *answer = json_pack("{s:o}", "entries", listing->page);

        listing->page = json_array();
        return answer;
}

static bool listing_step(VarlinkCall *call, void *data)
{
        AllowListing *listing = data;

        for (size_t i = 0; i < LIST_STEP && listing->next < listing->n_copies; i++) {
                const Copy *copy = &listing->copies[listing->next++];
                const AllowEntry entry = { .addr = copy->addr,
                                           .until = copy->until,
                                           .origin = copy->origin,
                                           .jail = copy->jail,
                                           .reason = copy->reason };
                json_t *object = view_allowed(&entry);

                if (copy->group)
                        json_object_set_new(object, "group", view_text(copy->group));
                json_object_set_new(object, "in_kernel", json_boolean(copy->in_kernel));
                json_array_append_new(listing->page, object);
        }
        if (listing->next == listing->n_copies) {
                varlink_reply(call, take_page(listing));
                return false;
        }
        if (json_array_size(listing->page) + LIST_STEP > LIST_MAX) {
                if (!varlink_wants_more(call)) {
                        json_t *answer = take_page(listing);

                        json_object_set_new(answer, "truncated", json_true());
                        varlink_reply(call, answer);
                        return false;
                }
                varlink_reply_more(call, take_page(listing));
        }
        return true;
}

static void listing_end(VarlinkCall *call, void *data)
{
        AllowListing *listing = data;

        listing->control->n_listings--;
        json_decref(listing->page);
        for (size_t i = 0; i < listing->n_copies; i++) {
                free(listing->copies[i].group);
                free(listing->copies[i].origin);
                free(listing->copies[i].jail);
                free(listing->copies[i].reason);
        }
        free(listing->copies);
        free(listing);
}

/**
 * method_allow_list() - AllowList
 */
void method_allow_list(Control *control, VarlinkCall *call)
{
        AllowListing *listing;

        if (!parameters_read(control, call, NULL, 0))
                return;
        if (control->n_listings >= LISTINGS_MAX) {
                reply_busy(call);
                return;
        }
        listing = calloc(1, sizeof *listing);
        if (!listing) {
                reply_or_fail(call, -ENOMEM, NULL);
                return;
        }
        listing->control = control;
        listing->page = json_array();
        control->n_listings++;
        varlink_later(call, &(VarlinkLater){ .step = listing_step, .end = listing_end }, listing);
        int r = control->ops.allow_list(control->ops.userdata, take_copy, listing);
        if (r < 0 || listing->failed)
                reply_or_fail(call, r < 0 ? r : -ENOMEM, NULL);
}
