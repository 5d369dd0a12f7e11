/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the event log keeps of a decision: the same members that view_ban() shows
 * (a test compares them). They are written without a tree of objects, which took
 * most of the time of a ban.
 */

#include <netinet/in.h>
#include <stdio.h>

#include "control.h"
#include "util/jsontext.h"

/* `"name":`, behind a comma unless it is the first. */
static void put_name(JsonText *json, const char *name)
{
        char last = json->used > 0 ? json->text[json->used - 1] : '{';

        json_text_put(json, last == '{' || last == '[' ? "\"" : ",\"");
        json_text_put(json, name);
        json_text_put(json, "\":");
}

static void put_text(JsonText *json, const char *name, const char *text)
{
        if (!text || !*text)
                return;
        put_name(json, name);
        json_text_string(json, "", text);
}

static void put_number(JsonText *json, const char *name, uint64_t number)
{
        put_name(json, name);
        json_text_number(json, "", number > INT64_MAX ? INT64_MAX : (int64_t) number);
}

static void put_time(JsonText *json, const char *name, EventTime time)
{
        char text[TIME_TEXT_MAX];

        if (time.usec != 0)
                put_text(json, name, event_time_format(time, text));
}

static void put_addr(JsonText *json, const char *name, const Addr *addr)
{
        char text[ADDR_TEXT_MAX];

        if (addr->family != 0)
                put_text(json, name, addr_format(addr, text));
}

static void put_ports(JsonText *json, const Port *ports, size_t n_ports)
{
        put_name(json, "ports");
        json_text_put(json, "[");
        for (size_t i = 0; i < n_ports; i++) {
                json_text_number(json, i > 0 ? ",\"" : "\"", ports[i].port);
                if (ports[i].protocol == IPPROTO_TCP || ports[i].protocol == IPPROTO_UDP)
                        json_text_put(json, ports[i].protocol == IPPROTO_TCP ? "/tcp" : "/udp");
                else
                        json_text_number(json, "/", ports[i].protocol);
                json_text_put(json, "\"");
        }
        json_text_put(json, "]");
}

static void put_lines(JsonText *json, const Evidence *evidence, size_t n_evidence)
{
        if (n_evidence == 0)
                return;
        put_name(json, "lines");
        json_text_put(json, "[");
        for (size_t i = 0; i < n_evidence; i++) {
                json_text_put(json, i > 0 ? ",{" : "{");
                put_time(json, "time", evidence[i].time);
                put_text(json, "rule", evidence[i].rule);
                put_text(json, "line", evidence[i].text);
                json_text_put(json, "}");
        }
        json_text_put(json, "]");
}

/**
 * control_event_members() - a decision's members in the event log
 * @event:      borrowed
 *
 * jail, ip, ban (its id), source, origin ("automatic", "manual"), start, until,
 * first, failures, rule, reason, ports, action ("drop", "reject"), level and
 * forgotten where bans grow, lines (each with time, rule, line), and note: who or
 * what caused it. Members that do not apply are absent. The store
 * adds id, time and event.
 *
 * Return: `"jail":"sshd","ip":"203.0.113.5",...` without braces and without a
 * leading comma, for free(3).
 */
char *control_event_members(const BanEvent *event)
{
        const Ban *ban = event->ban;
        JsonText json = { 0 };

        put_text(&json, "jail", ban->jail);
        put_addr(&json, "ip", &ban->addr);
        put_number(&json, "ban", ban->id);
        put_addr(&json, "source", &ban->source);
        put_text(&json, "origin", ban->origin == BAN_MANUAL ? "manual" : "automatic");
        put_time(&json, "start", ban->start);
        put_time(&json, "until", ban->until);
        put_time(&json, "first", ban->first);
        put_number(&json, "failures", ban->failures);
        put_text(&json, "rule", ban->rule);
        put_text(&json, "reason", ban->reason);
        put_ports(&json, ban->ports, ban->n_ports);
        put_text(&json, "action", ban->reject ? "reject" : "drop");
        if (ban->forgotten.usec != EVENT_TIME_NONE.usec) {
                put_number(&json, "level", ban->level);
                put_time(&json, "forgotten", ban->forgotten);
        }
        put_lines(&json, ban->evidence, ban->n_evidence);
        put_text(&json, "note", event->note);
        return json.text;
}
