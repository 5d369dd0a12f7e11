/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One line through the daemon's own code: header and timestamp, filter, tracker.
 *
 * The tracker has one jail, whose limit is out of reach, so that what it adds to
 * the window is what a jail would have counted, and nothing is emptied by a ban.
 * It is told the time every thousand lines, and forgets what is over.
 *
 * A failure without an address is held back by the filter. The line that made it
 * is no match: no address is named yet, and a success may still take it back.
 * The line that tells the address is one, and counts what was held.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/test.h"
#include "util/cleanup.h"
#include "util/text.h"

#define WINDOWS_MAX 10000
#define FINDTIME 600
#define EXPIRE_EVERY 1024
#define EXPLAINED_MAX 1000
#define PROGRESS_USEC (USEC_PER_SEC / 2)

static void no_offence(void *userdata, const Offence *offence)
{
}

/**
 * bench_new() - what lines go through, for a filter that has been loaded
 *
 * Return: 0 or -errno.
 */
int bench_new(Workbench *bench)
{
        int r = tracker_new(WINDOWS_MAX, 1, (TrackerSink){ .offence = no_offence }, &bench->tracker);

        bench->info = filter_info(bench->filter);
        if (r == 0)
                r = tracker_set_jail(bench->tracker, &(TrackerJail){ .name = bench->info->name,
                                                                     .findtime = FINDTIME,
                                                                     .maxretry = TRACKER_MAXRETRY_MAX,
                                                                     .ipv6_prefix = 64 });
        if (r == 0 && bench->info->dates)
                r = date_formats_compile(bench->info->dates, &bench->dates, NULL);
        bench->told = clock_boot_now();
        bench->progress = isatty(STDERR_FILENO) && !bench->line;
        return r == 0 ? report_init(&bench->report) : r;
}

/**
 * bench_free() - free all but the Workbench itself
 */
void bench_free(Workbench *bench)
{
        report_deinit(&bench->report);
        tracker_free(bench->tracker);
        date_formats_free(bench->dates);
        filter_free(bench->filter);
}

/**
 * bench_progress() - tell somebody who waits how far it is, twice a second
 * @end:        take it away
 */
void bench_progress(Workbench *bench, bool end)
{
        BootTime now;
        uint64_t usec;

        if (!bench->progress || (end && bench->told_lines == 0))
                return;
        if (end) {
                fprintf(stderr, "\r\033[K");
                return;
        }
        now = clock_boot_now();
        usec = now.usec - bench->told.usec;
        if (usec < (uint64_t) PROGRESS_USEC)
                return;
        fprintf(stderr, "\r\033[K%" PRIu64 " lines, %" PRIu64 " lines/s", bench->report.lines,
                (bench->report.lines - bench->told_lines) * (uint64_t) USEC_PER_SEC / usec);
        bench->told = now;
        bench->told_lines = bench->report.lines;
}

/* ---- what came out, told ---- */

static void print_json(const Workbench *bench, const Outcome *outcome, json_t *steps)
{
        json_auto_t *object = json_pack("{s:i, s:I, s:b}", "v", JSON_FORMAT_VERSION, "line", (json_int_t) bench->report.lines,
                                        "match", outcome->match);
        char text[256];

        if (outcome->match)
                json_object_set_new(object, "count", json_integer(outcome->count));
        if (outcome->hit) {
                json_object_set_new(object, "ip", json_string(addr_format(&outcome->hit->addr, text)));
                if (*outcome->hit->user)
                        json_object_set_new(object, "user", json_string(outcome->hit->user));
        }
        if (outcome->rule) {
                snprintf(text, sizeof text, "%s:%s", bench->info->name, outcome->rule);
                json_object_set_new(object, "rule", json_string(text));
                json_object_set_new(object, "time", json_string(event_time_format(outcome->time, text)));
        }
        if (steps)
                json_object_set(object, "explain", steps);
        json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
}

static const char *no_match(const Outcome *outcome)
{
        static const char *const texts[_FILTER_VERDICT_MAX] = {
                [FILTER_HIT] = "context, no failure",           [FILTER_NONE] = "no rule matches",
                [FILTER_HELPER] = "context, no failure",        [FILTER_IGNORED] = "ignored",
                [FILTER_ORIGIN] = "not written by the service", [FILTER_TOO_LONG] = "too long",
                [FILTER_LIMIT] = "given up at the match limit",
        };

        return outcome->other ? "another service's line" : texts[outcome->verdict];
}

static void say_outcome(const Workbench *bench, const Outcome *outcome)
{
        char addr[ADDR_TEXT_MAX], time[TIME_TEXT_MAX], text[512];

        if (!outcome->match) {
                snprintf(text, sizeof text, "%s%s%s", no_match(outcome), outcome->rule ? ", rule " : "",
                         outcome->rule ? outcome->rule : "");
                say_wrapped(YELLOW, "no match: ", "  ", text);
                return;
        }
        snprintf(text, sizeof text, "%s, %u %s%s%s%s, rule %s%s%s", addr_format(&outcome->hit->addr, addr), outcome->count,
                 outcome->count == 1 ? "attempt" : "attempts", *outcome->hit->user ? ", user \"" : "", outcome->hit->user,
                 *outcome->hit->user ? "\"" : "", outcome->rule, outcome->timed ? ", " : "",
                 outcome->timed ? event_time_format(outcome->time, time) : "");
        say_wrapped(GREEN, "match: ", "  ", text);
}

static int finish_line(Workbench *bench, const Line *line, const Outcome *outcome, Explanation *explanation)
{
        int r = report_add(&bench->report, line, outcome);

        if (bench->ctl->json)
                print_json(bench, outcome, explanation ? explanation->steps : NULL);
        else if (bench->line || explanation)
                say_outcome(bench, outcome);
        if (bench->report.lines % EXPIRE_EVERY == 0)
                bench_progress(bench, false);
        return r;
}

/* ---- one line ---- */

static int track(Workbench *bench, Hit *hit, Outcome *outcome)
{
        hit->jail = bench->info->name;
        outcome->hit = hit;
        outcome->rule = hit->rule;
        outcome->match = hit->kind == HIT_FAILURE;
        if (bench->report.lines % EXPIRE_EVERY == 0)
                tracker_expire(bench->tracker, hit->time);
        return tracker_hit(bench->tracker, hit, &outcome->count);
}

static int run(Workbench *bench, const Line *line, bool timed, Explanation *explanation)
{
        Outcome outcome = { .time = line->time, .timed = timed };
        Hit hit;
        int r = 0;

        if (explanation)
                outcome.verdict = filter_explain(bench->filter, line, explain_step, explanation, &hit);
        else
                outcome.verdict = filter_match(bench->filter, line, &hit);
        outcome.rule = filter_stats(bench->filter)->rule;
        if (outcome.verdict == FILTER_HIT)
                r = track(bench, &hit, &outcome);
        if (r == 0 && explanation && outcome.hit)
                explain_count(explanation, outcome.hit, outcome.count);
        return r == 0 ? finish_line(bench, line, &outcome, explanation) : r;
}

static bool begin_line(Workbench *bench, const char *text, size_t size, Explanation *explanation)
{
        *explanation = (Explanation){ .ctl = bench->ctl };
        bench->report.lines++;
        if (!bench->explain || (bench->report.lines > EXPLAINED_MAX && !bench->ctl->json))
                return false;
        if (bench->ctl->json) {
                explanation->steps = json_array();
                return true;
        }
        if (bench->report.lines == EXPLAINED_MAX)
                fail("Only the first %d lines are explained.", EXPLAINED_MAX);
        char shown[EVIDENCE_TEXT_MAX], first[32];
        text_printable(text, size, shown, sizeof shown);
        snprintf(first, sizeof first, "%sline %" PRIu64 ": ", bench->report.lines > 1 ? "\n" : "", bench->report.lines);
        say_wrapped(BOLD, first, "  ", shown);
        return true;
}

static void explain_header(Explanation *explanation, const Workbench *bench, const LogLine *parts)
{
        char time[TIME_TEXT_MAX], ident[LOGLINE_IDENT_MAX * 4 + 1];

        text_printable(parts->ident, strlen(parts->ident), ident, sizeof ident);
        if (!parts->syslog)
                explain_add(explanation, "header", true, "none; taken as the service's own line");
        else if (parts->pid >= 0)
                explain_add(explanation, "header", true, "%s[%" PRId64 "]", *ident ? ident : "no name", parts->pid);
        else
                explain_add(explanation, "header", true, "%s, without a process number", *ident ? ident : "no name");
        if (parts->time.usec == 0)
                explain_add(explanation, "timestamp", true, "none; taken as %s", bench->now_given ? "--now says" : "now");
        else
                explain_add(explanation, "timestamp", true, "%s", event_time_format(parts->time, time));
}

static bool is_ident(void *userdata, const char *ident)
{
        return filter_listens(userdata, ident);
}

/* With --raw nothing is taken off a line; who left a header on it waits for a match in vain. */
static void explain_raw(Explanation *explanation, const Workbench *bench, const LogLineOptions *options, const char *text,
                        size_t size)
{
        LogLine parts;

        logline_parse(options, text, size, is_ident, bench->filter, &parts);
        if (parts.syslog && parts.time.usec != 0 && filter_listens(bench->filter, parts.ident))
                explain_add(explanation, "header", false,
                            "not taken off, because of --raw; for a log file's line leave --raw out");
}

/**
 * bench_line() - a line of a log file, or a bare message with --raw
 *
 * Return: 0 or -errno.
 */
int bench_line(Workbench *bench, const char *text, size_t size)
{
        const LogLineOptions options = { .now = bench->now_given ? bench->now : clock_event_now(),
                                         .dates = bench->dates,
                                         .memory = &bench->memory };
        LogLine parts = { .text = text, .length = size, .pid = -1 };
        Explanation explanation;
        bool explained = begin_line(bench, text, size, &explanation);
        int r;

        if (!bench->raw)
                logline_parse(&options, text, size, is_ident, bench->filter, &parts);
        if (*parts.ident && !filter_listens(bench->filter, parts.ident)) {
                if (explained)
                        explain_other(&explanation, bench->info, parts.ident);
                r = finish_line(bench, NULL, &(Outcome){ .other = true }, explained ? &explanation : NULL);
        } else {
                const Line line = {
                        .text = parts.text,
                        .length = parts.length,
                        .time = parts.time.usec == 0 ? options.now : event_time_min(parts.time, options.now),
                        .ident = *parts.ident ? parts.ident : bench->info->idents[0],
                        .pid = parts.pid,
                        .source = bench->file ? bench->file : "line",
                };

                explanation.line = &line;
                if (explained && bench->raw)
                        explain_raw(&explanation, bench, &options, text, size);
                else if (explained)
                        explain_header(&explanation, bench, &parts);
                r = run(bench, &line, bench->now_given || parts.time.usec != 0, explained ? &explanation : NULL);
        }
        json_decref(explanation.steps);
        return r;
}

/**
 * bench_entry() - an entry of the journal
 *
 * Return: 0 or -errno.
 */
int bench_entry(Workbench *bench, const Line *line)
{
        Explanation explanation;
        bool explained = begin_line(bench, line->text, line->length, &explanation);
        int r;

        explanation.line = line;
        r = run(bench, line, true, explained ? &explanation : NULL);
        json_decref(explanation.steps);
        return r;
}
