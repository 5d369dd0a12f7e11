/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The way of one line, step by step: filter_explain()'s steps, and those before and behind the filter. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/test.h"
#include "util/cleanup.h"
#include "util/text.h"

#define STAGE_WIDTH 10
#define SHOWN_WIDTH (WIDTH - STAGE_WIDTH - 4)
#define BEFORE_WIDTH 42 /* of what is shown before the caret */
#define AROUND_MAX 400  /* bytes of the line that may be shown */

/* The line around the byte, and a caret under it. */
static void say_place(const Line *line, size_t at)
{
        size_t start = at > BEFORE_WIDTH ? at - BEFORE_WIDTH : 0,
               end = line->length - at > AROUND_MAX / 2 ? at + AROUND_MAX / 2 : line->length;
        char text[4 * AROUND_MAX + 1];

        /* A byte may take four columns. */
        for (;; start++) {
                text_printable(line->text + start, at - start, text, sizeof text);
                if (text_width(text) <= BEFORE_WIDTH)
                        break;
        }
        const char *dots = start > 0 ? "..." : "";
        size_t used = strlen(text), column = text_width(text) + strlen(dots);

        text_printable(line->text + at, end - at, text + used, sizeof text - used);
        printf("    %*s%s", STAGE_WIDTH, "", dots);
        size_t width = strlen(dots) + text_width(text) < SHOWN_WIDTH ? text_width(text) : SHOWN_WIDTH - strlen(dots);
        say_cell(DIM, text, width, false);
        printf("\n    %*s%*s", STAGE_WIDTH, "", (int) column, "");
        say(YELLOW, "^\n");
}

static void say_step(const Explanation *explanation, const FilterStep *step)
{
        char first[STAGE_WIDTH + 8], *text = NULL;

        snprintf(first, sizeof first, "  %c %-*s", step->passed ? '+' : '-', STAGE_WIDTH, step->stage);
        if (asprintf(&text, "%s%s%s", step->rule, *step->rule ? ": " : "", step->text) < 0)
                abort();
        say_wrapped(step->passed ? GREEN : PLAIN, first, "              ", text);
        free(text);
        if (step->at != FILTER_STEP_NOWHERE && !step->passed)
                say_place(explanation->line, step->at);
}

/**
 * explain_step() - a step: is printed, or collected for --json
 * @userdata:   an Explanation
 */
void explain_step(void *userdata, const FilterStep *step)
{
        Explanation *explanation = userdata;
        json_t *object;

        if (!explanation->ctl->json) {
                say_step(explanation, step);
                return;
        }
        object = json_pack("{s:s, s:b, s:s}", "stage", step->stage, "passed", step->passed, "text", step->text);
        if (*step->rule)
                json_object_set_new(object, "rule", json_string(step->rule));
        if (step->at != FILTER_STEP_NOWHERE)
                json_object_set_new(object, "at", json_integer((json_int_t) step->at));
        json_array_append_new(explanation->steps, object);
}

/**
 * explain_add() - a step that is not the filter's
 */
void explain_add(Explanation *explanation, const char *stage, bool passed, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                abort();
        va_end(args);
        explain_step(explanation,
                     &(FilterStep){ .stage = stage, .rule = "", .passed = passed, .at = FILTER_STEP_NOWHERE, .text = text });
}

/**
 * explain_other() - the line is another service's
 */
void explain_other(Explanation *explanation, const FilterInfo *info, const char *ident)
{
        char idents[256] = "", name[LOGLINE_IDENT_MAX * 4 + 1];
        size_t used = 0;

        text_printable(ident, strlen(ident), name, sizeof name);
        for (size_t i = 0; i < info->n_idents && used < sizeof idents; i++)
                used += (size_t) snprintf(idents + used, sizeof idents - used, "%s%s", i > 0 ? ", " : "", info->idents[i]);
        explain_add(explanation, "header", false, "written by %s; the filter's %s %s", name,
                    info->n_idents == 1 ? "ident is" : "idents are", idents);
}

static const char *not_counted(const Hit *hit)
{
        if (hit->witness)
                return "another witness has told of this attempt";
        switch (hit->count) {
        case HIT_COUNT_EACH: return "the session has an attempt counted ahead, and this is that one";
        case HIT_COUNT_AHEAD: return "the session has an attempt counted ahead already";
        default: return "the session has counted already, and this rule counts once";
        }
}

/**
 * explain_count() - what the tracker made of a hit
 */
void explain_count(Explanation *explanation, const Hit *hit, unsigned counted)
{
        char addr[ADDR_TEXT_MAX];

        addr_format(&hit->addr, addr);
        if (hit->kind == HIT_SUCCESS)
                explain_add(explanation, "count", true, "a success: takes back the failures of its session");
        else if (hit->kind == HIT_END)
                explain_add(explanation, "count", true, "what the session of %s has counted stays", addr);
        else if (counted == 0)
                explain_add(explanation, "count", false, "0: %s", not_counted(hit));
        else
                explain_add(explanation, "count", true, "%u %s of %s", counted, counted == 1 ? "attempt" : "attempts", addr);
}
