/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Methods that change who is banned: Ban, BanList, Unban, Attempt. */

#include <errno.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"
#include "util/text.h"

typedef struct FindBan {
        const char *jail;
        const Addr *addr;
        bool exactly; /* this prefix, not one that covers it */
        json_t *found;
} FindBan;

static int find_ban(void *data, const Ban *ban)
{
        FindBan *find = data;

        if (!find->found && strcmp(ban->jail, find->jail) == 0 && (!find->exactly || addr_equal(&ban->addr, find->addr)))
                find->found = view_ban(ban, false);
        return 0;
}

static void put_found(Control *control, json_t *answer, FindBan find)
{
        control->ops.covering(control->ops.userdata, find.addr, find_ban, &find);
        if (find.found)
                json_object_set_new(answer, "ban", find.found);
}

/**
 * method_ban() - Ban
 */
void method_ban(Control *control, VarlinkCall *call)
{
        char reason[EVIDENCE_TEXT_MAX];
        const char *raw_reason = "";
        BanRequest request = { .reason = reason };
        bool has_reason, has_force, has_no_report, no_report = false;
        const Parameter parameters[] = {
                { "jail", PARAMETER_JAIL, &request.jail },
                { "address", PARAMETER_ADDR, &request.addr },
                { "duration", PARAMETER_SECONDS, &request.duration, &request.has_duration },
                { "reason", PARAMETER_TEXT, &raw_reason, &has_reason },
                { "force", PARAMETER_BOOL, &request.force, &has_force },
                { "no_report", PARAMETER_BOOL, &no_report, &has_no_report },
        };
        Problem problem = { 0 };
        uint64_t sequence = 0;
        int r;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        text_printable(raw_reason, strlen(raw_reason), reason, sizeof reason);
        r = control->ops.ban(control->ops.userdata, &request, !no_report, &sequence, &problem);
        if (r != 0) {
                reply_problem(call, r, &problem);
                return;
        }
        json_t *answer = json_object();

        put_found(control, answer, (FindBan){ .jail = request.jail, .addr = &request.addr, .exactly = true });
        reply_committed(control, call, answer, sequence);
}

/* ---- a list ---- */

/*
 * An answer's results stand in the order of the addresses. Those that are no
 * address are answered here; the others go on together, and `places` says which
 * of the list each of them is.
 */
typedef struct BanList {
        json_t *results;
        BanRequest requests[BAN_LIST_MAX];
        size_t places[BAN_LIST_MAX];
        size_t n_requests, banned;
} BanList;

static void set_result(json_t *results, size_t place, const char *error, const char *message)
{
        json_t *result = json_array_get(results, place);

        json_object_set_new(result, "error", json_string(error));
        json_object_set_new(result, "message", view_text(message));
}

static void take_result(void *data, size_t index, int r, const Problem *problem)
{
        BanList *list = data;

        if (r == 0)
                list->banned++;
        else
                set_result(list->results, list->places[index], error_name(r), problem->text);
}

static void read_list(BanList *list, const json_t *addresses, const BanRequest *all)
{
        for (size_t i = 0; i < json_array_size(addresses); i++) {
                const json_t *address = json_array_get(addresses, i);
                BanRequest *request = &list->requests[list->n_requests];
                char message[PROBLEM_TEXT_MAX];
                json_t *result = json_object();

                json_array_append_new(list->results, result);
                *request = *all;
                if (addr_read(json_string_value(address), false, &request->addr, message)) {
                        json_object_set_new(result, "ip", view_addr(&request->addr));
                        list->places[list->n_requests++] = i;
                } else {
                        set_result(list->results, i, "org.varlink.service.InvalidParameter", message);
                }
        }
}

/**
 * method_ban_list() - BanList
 */
void method_ban_list(Control *control, VarlinkCall *call)
{
        char reason[EVIDENCE_TEXT_MAX];
        const char *raw_reason = "";
        const json_t *addresses;
        BanRequest all = { .reason = reason };
        bool has_reason, has_force, has_report, report = false, has_no_report, no_report = false;
        const Parameter parameters[] = {
                { "jail", PARAMETER_JAIL, &all.jail },
                { "addresses", PARAMETER_LIST, &addresses },
                { "duration", PARAMETER_SECONDS, &all.duration, &all.has_duration },
                { "reason", PARAMETER_TEXT, &raw_reason, &has_reason },
                { "force", PARAMETER_BOOL, &all.force, &has_force },
                { "report", PARAMETER_BOOL, &report, &has_report },
                { "no_report", PARAMETER_BOOL, &no_report, &has_no_report },
        };
        Problem problem = { 0 };
        uint64_t sequence = 0;
        int r;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        if (json_array_size(addresses) > BAN_LIST_MAX) {
                reply_invalid(call, "addresses", "At most %d addresses a call; send the others in further ones.", BAN_LIST_MAX);
                return;
        }
        _cleanup_free_ BanList *list = calloc(1, sizeof *list);
        if (!list) {
                reply_problem(call, -ENOMEM, &problem);
                return;
        }
        text_printable(raw_reason, strlen(raw_reason), reason, sizeof reason);
        list->results = json_array();
        read_list(list, addresses, &all);
        r = control->ops.ban_many(control->ops.userdata, list->requests, list->n_requests, report && !no_report, take_result, list, &sequence,
                                  &problem);
        if (r != 0) {
                json_decref(list->results);
                reply_problem(call, r, &problem);
                return;
        }
        reply_committed(control, call, json_pack("{s:o, s:I}", "results", list->results, "banned", (json_int_t) list->banned),
                        sequence);
}

/* ---- Unban ---- */

/**
 * lifted_add() - take one more lifted ban into an answer
 */
int lifted_add(void *data, const Ban *ban)
{
        Lifted *lifted = data;

        if (lifted->n++ < LIFTED_LIST_MAX)
                json_array_append_new(lifted->bans, view_ban(ban, false));
        return 0;
}

/**
 * lifted_answer() - what Unban and AllowAdd say of the bans that they lifted
 */
json_t *lifted_answer(Lifted *lifted)
{
        json_t *answer = json_pack("{s:I, s:o}", "lifted", (json_int_t) lifted->n, "bans", lifted->bans);

        if (lifted->n > LIFTED_LIST_MAX)
                json_object_set_new(answer, "truncated", json_true());
        return answer;
}

/**
 * method_unban() - Unban
 */
void method_unban(Control *control, VarlinkCall *call)
{
        const char *jail = NULL;
        bool all = false, has_address, has_all, has_jail;
        Addr addr;
        const Parameter parameters[] = {
                { "address", PARAMETER_ADDR, &addr, &has_address },
                { "all", PARAMETER_BOOL, &all, &has_all },
                { "jail", PARAMETER_JAIL, &jail, &has_jail },
        };
        Problem problem = { 0 };
        char by[CALLER_TEXT_MAX];
        uint64_t sequence = 0;
        int r;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        if (has_address == all) {
                reply_invalid(call, "address", "Give either an address or all.");
                return;
        }
        rights_caller_text(varlink_caller(call), control->users, by);
        Lifted lifted = { .bans = json_array() };
        r = control->ops.unban(control->ops.userdata, has_address ? &addr : NULL, jail, by, lifted_add, &lifted, &sequence,
                               &problem);
        if (r != 0) {
                json_decref(lifted.bans);
                reply_problem(call, r, &problem);
                return;
        }
        reply_committed(control, call, lifted_answer(&lifted), sequence);
}

/* ---- Attempt ---- */

/**
 * method_attempt() - Attempt
 */
void method_attempt(Control *control, VarlinkCall *call)
{
        char line[EVIDENCE_TEXT_MAX];
        const char *jail, *raw_line = "";
        bool has_line, banned = false;
        unsigned count = 0;
        Addr addr;
        const Parameter parameters[] = {
                { "jail", PARAMETER_JAIL, &jail },
                { "address", PARAMETER_SINGLE, &addr },
                { "line", PARAMETER_TEXT, &raw_line, &has_line },
        };
        Problem problem = { 0 };
        uint64_t sequence = 0;
        int r;

        if (!parameters_read(control, call, parameters, sizeof parameters / sizeof *parameters))
                return;
        text_printable(raw_line, strlen(raw_line), line, sizeof line);
        r = control->ops.attempt(control->ops.userdata, jail, &addr, line, &count, &banned, &sequence, &problem);
        if (r != 0) {
                reply_problem(call, r, &problem);
                return;
        }
        json_t *answer = json_pack("{s:i, s:b}", "failures", (int) count, "banned", (int) banned);

        if (banned)
                put_found(control, answer, (FindBan){ .jail = jail, .addr = &addr });
        reply_committed(control, call, answer, sequence);
}
