/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lines of a file that are JSON objects, for the jails of one style: read ahead
 * for their time, and made to messages when their turn has come. The daemon's
 * file-json.c does the same with rotation and a clock: here a split message waits
 * for its end as long as there are lines.
 */

#include <stdlib.h>

#include "ctl/plan.h"
#include "util/cleanup.h"

struct PlanObjects {
        LogObjectStyle style;
        bool found;                     /* the line that is next is an object */
        LogObject object;
        LogSplit splits[2];             /* of docker's standard output, standard error */
        bool error_logs[2];
        char buffer[LOGOBJECT_BUFFER];
};

/**
 * plan_objects_new() - nothing has been read yet
 * @style:      what it points to is borrowed
 *
 * Return: NULL: out of memory.
 */
PlanObjects *plan_objects_new(const LogObjectStyle *style)
{
        PlanObjects *objects = calloc(1, sizeof *objects);

        if (objects)
                objects->style = *style;
        return objects;
}

/**
 * plan_objects_free() - parts that wait are lost
 */
PlanObjects *plan_objects_free(PlanObjects *objects)
{
        if (!objects)
                return NULL;
        logsplit_drop(&objects->splits[0]);
        logsplit_drop(&objects->splits[1]);
        free(objects);
        return NULL;
}

/**
 * plan_objects_read() - the line that is next
 * @ret_time:   its own, EVENT_TIME_NONE if it has none
 *
 * Return: whether it is an object with a message.
 */
bool plan_objects_read(PlanObjects *objects, const char *text, size_t size, EventTime *ret_time)
{
        objects->found = logobject_read(&objects->style, text, size, objects->buffer, &objects->object);
        *ret_time = objects->found ? objects->object.parts.time : EVENT_TIME_NONE;
        return objects->found;
}

static int give_up(PlanObjects *objects, size_t i, PlanGive give, void *userdata)
{
        LogLine parts;
        _cleanup_free_ char *text = logsplit_give_up(&objects->style, &objects->splits[i], &parts);

        return text ? give(userdata, &parts, logline_transport(&objects->error_logs[i], &parts, text, LOGLINE_MAX)) : 0;
}

static int take_part(PlanObjects *objects, PlanGive give, void *userdata, bool *ret_whole)
{
        LogObject *object = &objects->object;
        LogSplit *split = &objects->splits[object->err];
        LogSplitStep step;
        int r = 0;

        if (logsplit_is_stale(split, object))
                r = give_up(objects, object->err, give, userdata);
        step = logsplit_take(&objects->style, split, object);
        if (step == LOGSPLIT_FULL && r == 0)
                r = give_up(objects, object->err, give, userdata);
        *ret_whole = step == LOGSPLIT_WHOLE;
        return r;
}

/**
 * plan_objects_give() - hand out what the line that was read last has brought: its message, or one whose end did not come, or both
 *
 * Return: 0, or what @give has returned.
 */
int plan_objects_give(PlanObjects *objects, PlanGive give, void *userdata)
{
        LogObject *object = &objects->object;
        bool whole = objects->found;
        int r = 0;

        if (objects->found && object->print != 0)
                r = take_part(objects, give, userdata, &whole);
        if (r < 0 || !whole || object->parts.length == 0 || !logobject_address(&objects->style.names, object))
                return r;
        return give(userdata, &object->parts, logobject_transport(objects->error_logs, object));
}

/**
 * plan_objects_end() - there are no more lines: what waits for its end goes out without
 *
 * Return: as plan_objects_give().
 */
int plan_objects_end(PlanObjects *objects, PlanGive give, void *userdata)
{
        int r = give_up(objects, 0, give, userdata);

        return r < 0 ? r : give_up(objects, 1, give, userdata);
}
