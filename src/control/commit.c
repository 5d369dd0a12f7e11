/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A change is carried out at once (ControlOps returns when the kernel has it)
 * and answered when the disk has it too: the call waits in `waiting` for the
 * store's sequence. After five seconds it is answered all the same, with
 * `remembered: false`: the ban holds, but a crash now would forget it.
 */

#include <stdlib.h>

#include "control/private.h"
#include "util/table.h"

struct Waiting {
        Waiting *prev, *next;
        Control *control;
        VarlinkCall *call;
        json_t *answer;
        uint64_t sequence;
        uint64_t deadline;
};

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

/**
 * reply_committed() - answer a change when it is on disk
 * @answer:     taken over; gets `remembered`
 * @sequence:   what has to be committed
 */
void reply_committed(Control *control, VarlinkCall *call, json_t *answer, uint64_t sequence)
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
        DL_APPEND(control->waiting, waiting); /* all wait equally long, so the list is ordered by deadline */
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

/**
 * commit_init() - prepare the clock of those who wait
 *
 * Return: 0 or -errno.
 */
int commit_init(Control *control)
{
        int r = sd_event_add_time(control->event, &control->timer, CLOCK_BOOTTIME, 0, 0, on_timer, control);

        if (r < 0)
                return r;
        sd_event_source_set_description(control->timer, "control: commit");
        return sd_event_source_set_enabled(control->timer, SD_EVENT_OFF);
}
