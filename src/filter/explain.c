/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What becomes of one line, told step by step.
 *
 * There is no second way through the filter: filter.c judges the line as ever,
 * and hands each step to a trace, if there is one. So what is told is what
 * happened. Only the question how far a pattern got is answered by asking PCRE2
 * again (regex_reach()).
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/private.h"
#include "util/text.h"

#define STEP_TEXT_MAX 512
#define SHOWN_MAX 80 /* of a text that the line's author wrote */

static void tell(const Trace *trace, const char *stage, const char *rule, bool passed, const char *at, const char *format, ...)
        __attribute__((format(printf, 6, 7)));

static void tell(const Trace *trace, const char *stage, const char *rule, bool passed, const char *at, const char *format, ...)
{
        char text[STEP_TEXT_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        for (char *p = text; *p; p++) /* a pattern may hold anything that YAML can write */
                if ((unsigned char) *p < 0x20 || *p == 0x7f)
                        *p = '?';
        const FilterStep step = {
                .stage = stage,
                .rule = rule,
                .passed = passed,
                .at = at ? (size_t) (at - trace->line->text) : FILTER_STEP_NOWHERE,
                .text = text,
        };
        trace->explain(trace->userdata, &step);
}

static const char *shown(RegexSpan span, char buffer[static SHOWN_MAX])
{
        text_printable(span.text, span.size, buffer, SHOWN_MAX);
        return buffer;
}

void trace_length(Trace *trace, bool over_long, bool has_head)
{
        if (!over_long)
                tell(trace, "length", "", true, NULL, "%zu bytes", trace->line->length);
        else if (has_head)
                tell(trace, "length", "", true, NULL,
                     "%zu bytes, more than %d: only rules with `head: true` see it, and only its first %d", trace->line->length,
                     LINE_LENGTH_MAX, FILTER_HEAD_SIZE);
        else
                tell(trace, "length", "", false, NULL, "%zu bytes, more than %d, and the filter has no rule with `head: true`",
                     trace->line->length, LINE_LENGTH_MAX);
}

/* @fault: what origin_fault() answered */
void trace_origin(Trace *trace, const char *fault, const Origin *origin)
{
        char who[2 * SHOWN_MAX + 64], comm[SHOWN_MAX] = "absent", unit[SHOWN_MAX] = "absent";

        if (!trace)
                return;
        if (fault && !*fault) {
                tell(trace, "origin", "", false, NULL, "the journal does not say who wrote it");
                return;
        }
        if (origin->comm)
                shown((RegexSpan){ origin->comm, strlen(origin->comm) }, comm);
        if (origin->unit)
                shown((RegexSpan){ origin->unit, strlen(origin->unit) }, unit);
        snprintf(who, sizeof who, "uid %lld, program %s, unit %s", (long long) origin->uid, comm, unit);
        if (fault)
                tell(trace, "origin", "", false, NULL, "written by %s: not as the filter's `origin:` says (%s)", who, fault);
        else
                tell(trace, "origin", "", true, NULL, "%s", who);
}

void trace_repeated(Trace *trace, unsigned repeated, const char *text)
{
        if (repeated > 1)
                tell(trace, "repeated", "", true, text, "stands for %u lines, each with the text in brackets", repeated);
}

/* @result of regex_match(); @end: of what it matched */
void trace_prefix(Trace *trace, const Filter *filter, const char *text, size_t size, int result, size_t end)
{
        const YamlNode *node;
        RegexReach reach;

        if (!trace)
                return;
        node = layers_get((Layers){ filter->layers, filter->n_layers }, "prefix");
        if (result == 0)
                tell(trace, "prefix", "", true, text + end, "matches the line's first %zu bytes; the rules see what follows",
                     end);
        else if (result == REGEX_E_LIMIT)
                tell(trace, "prefix", "", false, NULL, "reached the match limit on this line, and was given up");
        else if (node && regex_reach(node, REGEX_AT_START, text, size, &reach) == 0)
                tell(trace, "prefix", "", false, text + reach.at, "does not match; got this far, and goes on with \"%s\"",
                     reach.wants);
        else
                tell(trace, "prefix", "", false, NULL, "does not match");
}

static void count_other(Trace *trace, const Rule *rule)
{
        trace->others++;
        trace->other = rule;
}

/* A rule was not tried: it begins with another byte, or is not for lines of this length. */
void trace_skipped(Trace *trace, const Rule *rule, bool for_length)
{
        if (for_length)
                trace->not_head++;
        else
                count_other(trace, rule);
}

/* A rule that has not matched. */
void trace_rule(Trace *trace, const Rule *rule, const char *text, size_t size, int result)
{
        RegexReach reach;

        if (result == REGEX_E_LIMIT)
                tell(trace, "rule", rule->id, false, NULL,
                     "reached the match limit on this line, and was given up: its pattern can go too many ways; let parts "
                     "exclude each other");
        else if (!regex_may_begin(rule->regex, text, size))
                count_other(trace, rule);
        else if (regex_reach(yaml_get(rule->node, "regex"), 0, text, size, &reach) < 0)
                tell(trace, "rule", rule->id, false, NULL, "does not match");
        else if (reach.at == 0)
                count_other(trace, rule);
        else if (!*reach.wants)
                tell(trace, "rule", rule->id, false, text + reach.at, "does not match; got this far, where the pattern ends");
        else
                tell(trace, "rule", rule->id, false, text + reach.at, "does not match; got this far, and goes on with \"%s\"",
                     reach.wants);
}

void trace_address(Trace *trace, const Rule *rule, RegexSpan span)
{
        char text[SHOWN_MAX];

        if (trace)
                tell(trace, "address", rule->id, false, span.text, "matches, but \"%s\" is no address that a peer can have",
                     shown(span, text));
}

static const char *pattern_of(const Rule *rule)
{
        return yaml_get(rule->node, "regex")->text;
}

static void tell_others(Trace *trace)
{
        if (trace->others == 1)
                tell(trace, "rule", trace->other->id, false, NULL,
                     "does not match: the line does not begin as the pattern does, \"%.*s%s\"", SHOWN_MAX,
                     pattern_of(trace->other), strlen(pattern_of(trace->other)) > SHOWN_MAX ? "..." : "");
        else if (trace->others > 1)
                tell(trace, "rule", "", false, NULL, "%u rules were out at the text that they begin with", trace->others);
        if (trace->not_head > 0)
                tell(trace, "rule", "", false, NULL, "%u rule%s not for lines of this length (`head:`)", trace->not_head,
                     trace->not_head == 1 ? " is" : "s are");
}

static const char *kind_text(const Rule *rule)
{
        static const char *const texts[] = { [RULE_FAILURE] = "a failure",
                                             [RULE_HELPER] = "a helper, which tells of its session only",
                                             [RULE_SUCCESS] = "a success",
                                             [RULE_END] = "the end of a session" };

        return texts[rule->kind];
}

void trace_found(Trace *trace, const Found *found)
{
        char addr[ADDR_TEXT_MAX], shown_user[SHOWN_MAX];
        RegexSpan user = found_span(found, CAPTURE_USER);

        tell_others(trace);
        if (found->addr.family)
                addr_format(&found->addr, addr);
        tell(trace, "rule", found->rule->id, true, NULL, "matches: %s%s%s%s%s%s", kind_text(found->rule),
             found->addr.family ? ", address " : ", without an address", found->addr.family ? addr : "",
             user.text ? ", user \"" : "", user.text ? shown(user, shown_user) : "", user.text ? "\"" : "");
}

/* No rule matched. */
void trace_rules_end(Trace *trace, const Filter *filter, FilterVerdict verdict)
{
        if (!trace)
                return;
        tell_others(trace);
        if (verdict == FILTER_LIMIT)
                tell(trace, "rule", "", false, NULL,
                     "given up at the match limit: a line that does this is taken as none of the service's");
        else
                tell(trace, "rule", "", false, NULL, "no rule of mode %s matches (%zu %s)", filter->mode, filter->n_rules,
                     filter->n_rules == 1 ? "rule" : "rules");
}

/* @i: of filter->ignores, which load.c filled in the order of the layers */
void trace_ignore(Trace *trace, const Filter *filter, const Rule *rule, size_t i)
{
        const YamlNode *found = NULL;

        if (!trace)
                return;
        for (size_t l = 0; l < filter->n_layers && !found; l++) {
                const YamlNode *list = yaml_get(filter->layers[l]->root, "ignore");

                for (const YamlNode *node = list && list->kind == YAML_LIST ? list->children : list; node && !found;
                     node = list->kind == YAML_LIST ? node->next : NULL)
                        if (i-- == 0)
                                found = node;
        }
        if (found)
                tell(trace, "ignore", rule->id, false, NULL, "taken back by the `ignore` pattern at %s:%u, \"%.100s\"",
                     found->file, found->line, found->text);
}

/* @told: the line itself has the address; @settled: the rule that is returned; after follow_session() */
void trace_session(Trace *trace, Filter *filter, const Found *found, bool told, const Rule *settled, uint64_t session,
                   FilterVerdict verdict)
{
        const char *id = found->rule->id;
        char addr[ADDR_TEXT_MAX] = "";
        const Session *state;

        if (filter->session == SESSION_NONE)
                return;
        if (found->addr.family)
                addr_format(&found->addr, addr);
        state = session ? session_table_find(filter->sessions, session, trace->line->time) : NULL;
        if (!state)
                tell(trace, "session", id, verdict == FILTER_HIT, NULL, "none: the line has no %s%s",
                     filter->session == SESSION_PID ? "process number" : filter->session_capture,
                     verdict == FILTER_HIT || told ? "" : ", and so no address either");
        else if (state->held == found->rule)
                tell(trace, "session", id, false, NULL, "held back until a line of its session tells the address");
        else if (settled != found->rule)
                tell(trace, "session", settled->id, true, NULL,
                     "tells the address that the failure %s was held back for: %s, and that counts now", settled->id, addr);
        else if (!*addr)
                tell(trace, "session", id, false, NULL, "no line of the session has told the address");
        else if (verdict == FILTER_HELPER)
                tell(trace, "session", id, false, NULL, "remembered: this session is %s", addr);
        else if (found->foreign)
                tell(trace, "session", id, true, NULL, "of %s, which has tried another account before: its failures stay", addr);
        else
                tell(trace, "session", id, true, NULL, told ? "of %s" : "has told the address: %s", addr);
}

/**
 * filter_explain() - filter_match(), and what happened on the way
 * @line:       as for filter_match(): it goes through the filter, with all that this does to sessions and counters
 * @explain:    gets the steps in order; the last one that did not pass is why there is no hit
 * @ret_hit:    set with FILTER_HIT alone
 *
 * Costs a thousand times as much as filter_match().
 */
FilterVerdict filter_explain(Filter *filter, const Line *line, FilterExplain explain, void *userdata, Hit *ret_hit)
{
        Trace trace = { .explain = explain, .userdata = userdata, .line = line };
        const Rule *rule;

        return filter_judge(filter, line, &trace, ret_hit, &rule);
}
