/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Views of reports, as JSON. */

#include <time.h>

#include "control/view.h"

static const char *time_with_offset(EventTime time, char buffer[static TIME_TEXT_MAX])
{
        time_t seconds = (time_t) (time.usec / USEC_PER_SEC);
        struct tm tm;

        /* A time without an offset would be read as the service's own zone. */
        if (!gmtime_r(&seconds, &tm) || strftime(buffer, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S+00:00", &tm) == 0)
                buffer[0] = '\0';
        return buffer;
}

/**
 * view_report() - a report as it goes out
 */
json_t *view_report(const ReportView *report)
{
        json_t *item = json_pack("{s:I, s:o, s:b}", "report", (json_int_t) report->id, "address", view_addr(&report->addr), "again", (int) report->again);
        char time[TIME_TEXT_MAX];

        if (report->categories)
                json_object_set_new(item, "categories", view_text(report->categories));
        if (report->comment)
                json_object_set_new(item, "comment", view_text(report->comment));
        if (report->time.usec != EVENT_TIME_NONE.usec)
                json_object_set_new(item, "time", json_string(time_with_offset(report->time, time)));
        if (report->verdict)
                json_object_set_new(item, "verdict", json_string(report->verdict));
        if (report->remote)
                json_object_set_new(item, "comment_id", view_text(report->remote));
        return item;
}

static void set_time(json_t *object, const char *name, EventTime time)
{
        if (time.usec != EVENT_TIME_NONE.usec)
                json_object_set_new(object, name, view_time(time));
}

static void set_text(json_t *object, const char *name, const char *text)
{
        if (*text)
                json_object_set_new(object, name, view_text(text));
}

/**
 * view_outbox_entry() - a report as the outbox has it
 */
json_t *view_outbox_entry(const OutboxEntry *entry)
{
        json_t *view = json_pack("{s:I, s:s, s:o, s:s, s:i, s:b}", "report", (json_int_t) entry->id, "service", outbox_kind_name(entry->row.kind), "ip",
                                 view_addr(&entry->addr), "state", outbox_state_name(entry->row.state), "attempts", (int) entry->row.attempts, "maybe_sent",
                                 (int) entry->row.maybe);

        set_text(view, "jail", entry->jail);
        if (entry->ban_id > 0)
                json_object_set_new(view, "ban", json_integer((json_int_t) entry->ban_id));
        set_time(view, "time", entry->attack);
        set_time(view, "queued", entry->added);
        set_time(view, "first_try", entry->row.first_try);
        set_time(view, "next_try", entry->row.next_try);
        set_time(view, "settled", entry->settled);
        if (entry->failures > 0)
                json_object_set_new(view, "failures", json_integer(entry->failures));
        if (entry->status > 0)
                json_object_set_new(view, "status", json_integer(entry->status));
        if (entry->score >= 0)
                json_object_set_new(view, "score", json_integer(entry->score));
        set_text(view, "receipt", entry->receipt);
        set_text(view, "comment_id", entry->remote);
        set_text(view, "categories", entry->categories);
        set_text(view, "comment", entry->comment);
        return view;
}
