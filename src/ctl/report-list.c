/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * reports list: how the services are, then the latest reports.
 *
 * What a service has said stands in receipts and errors; it is hostile text, and
 * goes through say() like a log line.
 */

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

#define PAGE 1000 /* reports of one answer */
#define ID_WIDTH 8
#define ADDRESS_WIDTH 24 /* a longer address has a line of its own */
#define SERVICE_WIDTH 18
#define STATE_WIDTH 9

static Colour state_colour(const char *state)
{
        static const struct {
                const char *state;
                Colour colour;
        } colours[] = { { "done", GREEN }, { "refused", RED }, { "unknown", YELLOW }, { "expired", YELLOW }, { "dropped", DIM } };

        for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
                if (strcmp(colours[i].state, state) == 0)
                        return colours[i].colour;
        return PLAIN;
}

/* ---- one report ---- */

/* "score 52, HTTP 200, 2 tries: what the service said"; "" if there is nothing to tell. */
static const char *details(const json_t *report, char buffer[static 1024])
{
        const char *state = field(report, "state", "");
        size_t used = 0;

        buffer[0] = '\0';
        if (json_object_get(report, "score"))
                used += (size_t) snprintf(buffer + used, 1024 - used, ", score %lld", number(report, "score"));
        if (number(report, "status") > 0)
                used += (size_t) snprintf(buffer + used, 1024 - used, ", HTTP %lld", number(report, "status"));
        if (number(report, "attempts") > 1)
                used += (size_t) snprintf(buffer + used, 1024 - used, ", %lld tries", number(report, "attempts"));
        if (json_is_true(json_object_get(report, "maybe_sent")) && strcmp(state, "done") != 0)
                used += (size_t) snprintf(buffer + used, 1024 - used, ", may have arrived");
        if (*field(report, "receipt", ""))
                snprintf(buffer + used, 1024 - used, "%s%.600s", used > 0 ? ": " : ", ", field(report, "receipt", ""));
        return *buffer ? buffer + 2 : buffer;
}

/* Settled: when. Else: when it is tried next, or since when it waits. */
static const char *when_text(const json_t *report, char buffer[static 64])
{
        const char *settled = field(report, "settled", NULL), *next = field(report, "next_try", NULL);
        char relative[32];

        if (settled)
                return time_text(settled, TIME_SHORT, buffer);
        snprintf(buffer, 64, "%s", ago(next ? next : field(report, "queued", ""), relative));
        return buffer;
}

/**
 * say_report() - what became of a report, in a sentence
 */
void say_report(const json_t *report)
{
        const char *state = field(report, "state", "?"), *settled = field(report, "settled", NULL);
        char text[2048], more[1024], time[64];
        const char *tail = details(report, more);

        snprintf(text, sizeof text, "report %lld (%.32s): %.16s%s%s%s%.1000s", number(report, "report"), field(report, "service", "?"), state,
                 settled ? " " : "", settled ? time_text(settled, TIME_SHORT, time) : "", *tail ? ", " : "", tail);
        say_wrapped(state_colour(state), "", "  ", text);
}

static void say_header(void)
{
        say_cell(BOLD, "ID", ID_WIDTH, true);
        putchar(' ');
        say_cell(BOLD, "ADDRESS", ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "SERVICE", SERVICE_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "STATE", STATE_WIDTH, false);
        putchar(' ');
        say(BOLD, "WHEN\n");
}

static void say_row(const json_t *report)
{
        const char *ip = field(report, "ip", "?"), *state = field(report, "state", "?");
        char id[32], when[64], more[1024];

        snprintf(id, sizeof id, "%lld", number(report, "report"));
        if (text_width(ip) > ADDRESS_WIDTH) {
                say(PLAIN, "%*s %s\n", ID_WIDTH, "", ip);
                ip = "";
        }
        say_cell(PLAIN, id, ID_WIDTH, true);
        putchar(' ');
        say_cell(PLAIN, ip, ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(PLAIN, field(report, "service", "?"), SERVICE_WIDTH, false);
        putchar(' ');
        say_cell(state_colour(state), state, STATE_WIDTH, false);
        putchar(' ');
        say(PLAIN, "%s\n", when_text(report, when));
        if (*details(report, more))
                say_wrapped(DIM, "         ", "         ", more + 2);
}

/* ---- a service ---- */

static const char *reason_text(const char *reason)
{
        static const struct {
                const char *reason, *text;
        } reasons[] = {
                { "quota", "the day's requests are used up" },
                { "busy", "it has too many requests" },
                { "key", "it does not accept the key" },
                { "forbidden", "it forbids us" },
                { "plan", "the account's plan does not have this" },
                { "failed", "it could not be reached" },
                { "uncertain", "it has not answered clearly" },
        };

        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (strcmp(reasons[i].reason, reason) == 0)
                        return reasons[i].text;
        return reason;
}

/* Nothing is to be mended, or in vain to be tried. */
static bool is_limit(const char *reason)
{
        return strcmp(reason, "quota") == 0 || strcmp(reason, "busy") == 0;
}

static void say_quota(const json_t *quota)
{
        const char *reason = field(quota, "reason", "?");
        const char *endpoint = field(quota, "endpoint", "?"), *slash = strchr(endpoint, '/'), *label = slash ? slash + 1 : "requests";
        const char *blocked = field(quota, "blocked_until", NULL), *error = field(quota, "last_error", "");
        static const char indent[] = "                ";
        char time[64], relative[32], text[1024];

        /* Taking back is rare: it is told when it has been done. */
        if ((number(quota, "daily") > 0 && strcmp(label, "clear-address") != 0) || number(quota, "used") > 0)
                say(number(quota, "left") > 0 ? PLAIN : YELLOW, "  %-13s %lld used, %lld left of %lld until %s (%s)\n", label,
                    number(quota, "used"), number(quota, "left"), number(quota, "daily"),
                    time_text(field(quota, "resets", ""), TIME_SHORT, time), ago(field(quota, "resets", ""), relative));
        if (blocked) {
                snprintf(text, sizeof text, "not before %s (%s): %.64s%s%.500s%s", time_text(blocked, TIME_SHORT, time), ago(blocked, relative),
                         reason_text(reason), *error ? ": " : "", error, is_limit(reason) ? "" : "; once mended: bailiffctl reports retry");
                say_wrapped(YELLOW, indent, indent, text);
        } else if (*error) {
                snprintf(text, sizeof text, "last error: %.500s", error);
                say_wrapped(PLAIN, indent, indent, text);
        }
}

/* "12 queued, 120 done", in the order that the daemon has. Return: whether there are any. */
static bool counts_text(const json_t *counts, char buffer[static 256])
{
        const char *state;
        const json_t *count;
        size_t used = 0;

        snprintf(buffer, 256, "no reports");
        json_object_foreach((json_t *) (uintptr_t) counts, state, count)
                if (json_integer_value(count) > 0 && used < 200)
                        used += (size_t) snprintf(buffer + used, 256 - used, "%s%lld %.16s", used > 0 ? ", " : "",
                                                  (long long) json_integer_value(count), state);
        return used > 0;
}

static void say_service(const json_t *service)
{
        const char *problem = field(service, "problem", "");
        bool configured = json_is_true(json_object_get(service, "configured"));
        const json_t *quota;
        char counts[256];
        size_t i;

        counts_text(json_object_get(service, "counts"), counts);
        say(BOLD, "%s", field(service, "service", "?"));
        say(PLAIN, ": %s\n", counts);
        if (*problem)
                say_wrapped(RED, "  ! ", "    ", problem);
        if (!configured) {
                say(PLAIN, "  not under reports: in the configuration, so nothing is sent\n");
                return;
        }
        if (json_is_true(json_object_get(service, "courier")))
                say(PLAIN, "  bailiff-courier asks for work\n");
        else if (!strstr(problem, "bailiff-courier does not ask"))
                say_wrapped(YELLOW, "  ", "    ",
                            "bailiff-courier does not ask for work: systemctl status bailiff-courier (to have it: systemctl enable --now bailiff-courier)");
        json_array_foreach(json_object_get(service, "quotas"), i, quota) say_quota(quota);
}

/* ---- the list ---- */

typedef struct ReportList {
        Ctl *ctl;
        json_t *parameters;
        long long max, n;
        bool unknown, more; /* some of them are unknown; there may be others */
} ReportList;

static void show_services(const ReportList *list, const Answer *answer)
{
        const json_t *service;
        size_t i;

        json_array_foreach(json_object_get(answer->parameters, "services"), i, service)
        {
                if (list->ctl->json)
                        say_json(service);
                else
                        say_service(service);
        }
}

static void show_reports(ReportList *list, const json_t *reports)
{
        const json_t *report;
        size_t i;

        json_array_foreach(reports, i, report)
        {
                list->unknown = list->unknown || strcmp(field(report, "state", ""), "unknown") == 0;
                if (list->n++ == 0 && !list->ctl->json) {
                        putchar('\n');
                        say_header();
                }
                if (list->ctl->json)
                        say_json(report);
                else
                        say_row(report);
        }
}

/* Return: whether there may be more. */
static int show_page(ReportList *list, bool *ret_more)
{
        _cleanup_answer_ Answer answer = { 0 };
        long long wanted = list->max - list->n < PAGE ? list->max - list->n : PAGE;
        int status;

        json_object_set_new(list->parameters, "max", json_integer(wanted));
        status = client_call(list->ctl, "ListReports", json_copy(list->parameters), &answer);
        if (status != STATUS_DONE)
                return status;
        if (answer.error)
                return answer_error(&answer, NULL);
        if (list->n == 0)
                show_services(list, &answer);
        const json_t *reports = json_object_get(answer.parameters, "reports"), *last = json_array_get(reports, json_array_size(reports) - 1);

        show_reports(list, reports);
        list->more = last && (long long) json_array_size(reports) >= wanted && number(last, "report") > 1;
        *ret_more = list->more && list->n < list->max;
        if (*ret_more)
                json_object_set_new(list->parameters, "before", json_integer(number(last, "report")));
        return STATUS_DONE;
}

static void say_end(const ReportList *list, bool filtered)
{
        if (list->n == 0 && list->max > 0)
                say(PLAIN, filtered ? "No report is like that.\n" : "Nothing has been reported.\n");
        if (list->n > 0 && list->more)
                say(DIM, "There may be older ones: --max N shows more, --state, --service and --addr fewer.\n");
        if (list->unknown)
                say_wrapped(DIM, "", "  ",
                            "unknown: it may have arrived, so it is not sent again by itself. To send it: bailiffctl reports retry ID");
}

/**
 * report_list() - list the services and the latest reports
 * @parameters: of ListReports, without max; changed
 * @max:        reports, 0 or more
 *
 * Return: an exit status.
 */
int report_list(Ctl *ctl, json_t *parameters, long long max)
{
        ReportList list = { .ctl = ctl, .parameters = parameters, .max = max };
        bool filtered = json_object_size(parameters) > 0, more = true;
        int status = STATUS_DONE;

        while (status == STATUS_DONE && more)
                status = show_page(&list, &more);
        if (status == STATUS_DONE && !ctl->json)
                say_end(&list, filtered);
        return status;
}
