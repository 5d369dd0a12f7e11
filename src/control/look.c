/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Methods that look at what is now: Status, Banned, Why. */

#include "control/private.h"
#include "control/view.h"

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

/**
 * method_status() - Status
 */
void method_status(Control *control, VarlinkCall *call)
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

/**
 * method_banned() - Banned
 */
void method_banned(Control *control, VarlinkCall *call)
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

/**
 * method_why() - Why
 */
void method_why(Control *control, VarlinkCall *call)
{
        WhyAnswer answer = { .lines = sees_lines(call) };
        Addr addr;
        const Parameter parameters[] = { { "address", PARAMETER_ADDR, &addr } };

        if (!parameters_read(control, call, parameters, 1))
                return;
        int r = control->ops.why(control->ops.userdata, &addr, take_why, &answer);
        reply_or_fail(call, r, answer.answer);
}
