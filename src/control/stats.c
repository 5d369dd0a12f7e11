/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Stats. Counting a million bans takes the store thread a second or two, so the
 * answer comes later, and all who ask meanwhile wait for the same one: however
 * many ask, the store counts once at a time.
 *
 *     control.counting  calls [ waiting ] [ waiting ]     one for each that still listens
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/private.h"
#include "control/view.h"
#include "util/table.h"

typedef struct Asker Asker;

struct Asker {
        Asker *prev, *next;
        Counting *counting;
        VarlinkCall *call;
};

struct Counting {
        Control *control; /* NULL: it is gone, and nobody listens any more */
        Asker *askers;
};

static void asker_end(VarlinkCall *call, void *data)
{
        Asker *asker = data;

        DL_DELETE(asker->counting->askers, asker);
        free(asker);
}

static void on_counted(void *data, const StoreSummary *summary)
{
        Counting *counting = data;
        json_auto_t *answer = summary ? view_stats(summary) : NULL;

        /* Whoever asks from now on wants new figures. */
        if (counting->control)
                counting->control->counting = NULL;
        while (counting->askers)
                reply_or_fail(counting->askers->call, answer ? 0 : -EIO, json_incref(answer)); /* ends in asker_end() */
        free(counting);
}

static int begin_counting(Control *control)
{
        Counting *counting = calloc(1, sizeof *counting);

        if (!counting)
                return -ENOMEM;
        counting->control = control;
        control->counting = counting;
        int r = control->ops.stats(control->ops.userdata, on_counted, counting);
        if (r < 0) {
                control->counting = NULL;
                free(counting);
        }
        return r;
}

/**
 * method_stats() - Stats
 */
void method_stats(Control *control, VarlinkCall *call)
{
        int r = 0;

        if (!parameters_read(control, call, NULL, 0))
                return;
        Asker *asker = calloc(1, sizeof *asker);
        if (!asker || (!control->counting && (r = begin_counting(control)) < 0)) {
                free(asker);
                reply_or_fail(call, asker ? r : -ENOMEM, NULL);
                return;
        }
        *asker = (Asker){ .counting = control->counting, .call = call };
        DL_APPEND(control->counting->askers, asker);
        varlink_later(call, &(VarlinkLater){ .end = asker_end }, asker);
}

/**
 * stats_abandon() - what is being counted has nobody to be told to
 *
 * All calls have ended.
 */
void stats_abandon(Control *control)
{
        if (control->counting)
                control->counting->control = NULL;
        control->counting = NULL;
}
