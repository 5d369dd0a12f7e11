/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A filter proves itself: the tests in its file are run by the same code that
 * will read the log, one fresh session table a test, and every rule that the
 * file itself has must be matched by at least one test line.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/private.h"
#include "util/text.h"

#define TEST_PID 4711
#define TEST_TIME (INT64_C(1700000000) * USEC_PER_SEC)
#define PARAMS_TEXT_MAX 512

typedef struct Tester {
        Layers layers;
        FilterTestReport report;
        void *userdata;
        unsigned failed;
        const YamlNode *hit[FILTER_RULES_MAX * 4]; /* rules that a test line matched */
        size_t n_hit;
} Tester;

static void tell(Tester *tester, const char *line, bool passed, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void tell(Tester *tester, const char *line, bool passed, const char *format, ...)
{
        char message[PROBLEM_TEXT_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        if (!passed)
                tester->failed++;
        if (tester->report)
                tester->report(tester->userdata, line, passed, message);
}

static void note_hit(Tester *tester, const YamlNode *rule)
{
        for (size_t i = 0; i < tester->n_hit; i++)
                if (tester->hit[i] == rule)
                        return;
        if (tester->n_hit < sizeof tester->hit / sizeof *tester->hit)
                tester->hit[tester->n_hit++] = rule;
}

static FilterVerdict run_line(Tester *tester, Filter *filter, const char *text, Hit *ret_hit, const Rule **ret_rule)
{
        const Line line = {
                .text = text,
                .length = strlen(text),
                .time = { TEST_TIME },
                .ident = filter->info.idents[0],
                .pid = TEST_PID,
                .source = "test",
        };
        FilterVerdict verdict = filter_match_rule(filter, &line, ret_hit, ret_rule);

        if (verdict == FILTER_HIT || verdict == FILTER_HELPER)
                note_hit(tester, (*ret_rule)->node);
        return verdict;
}

/* One key of `match`; what came out and what should have. */
static void compare(Tester *tester, const YamlNode *test, const char *key, const char *actual, bool *passed)
{
        const YamlNode *expected = yaml_get(yaml_get(test, "match"), key);
        const char *line = yaml_get(test, "line")->text;

        if (!expected || strcmp(expected->text, actual) == 0)
                return;
        *passed = false;
        tell(tester, line, false, "%s:%u: %s is \"%s\", expected \"%s\"", expected->file, expected->line, key, actual,
             expected->text);
}

static void judge_test(Tester *tester, const YamlNode *test, FilterVerdict verdict, const Hit *hit, const Rule *rule)
{
        const YamlNode *match = yaml_get(test, "match");
        const char *line = yaml_get(test, "line")->text;
        bool matched = verdict == FILTER_HIT || verdict == FILTER_HELPER, passed = true;
        char addr[ADDR_TEXT_MAX], attempts[16];

        if (match->kind == YAML_SCALAR) {
                passed = verdict != FILTER_HIT || hit->kind != HIT_FAILURE;
                tell(tester, line, passed, "%s:%u: %s", match->file, match->line,
                     passed ? "no failure" : "a failure was found, none was expected");
                return;
        }
        if (!matched) {
                tell(tester, line, false, "%s:%u: no rule matched", match->file, match->line);
                return;
        }
        compare(tester, test, "rule", rule->id, &passed);
        if (verdict == FILTER_HIT) {
                Addr expected;
                const YamlNode *ip = yaml_get(match, "ip");

                compare(tester, test, "user", hit->user, &passed);
                snprintf(attempts, sizeof attempts, "%u", hit->attempts);
                compare(tester, test, "attempts", attempts, &passed);
                addr_format(&hit->addr, addr);
                if (!ip || addr_parse(ip->text, strlen(ip->text), &expected) < 0 || !addr_equal(&expected, &hit->addr))
                        compare(tester, test, "ip", addr, &passed);
        } else if (yaml_get(match, "ip") || yaml_get(match, "user")) {
                passed = false;
                tell(tester, line, false, "%s:%u: rule %s matched, but that is no hit, so there is no ip and no user to compare",
                     match->file, match->line, rule->id);
        }
        if (passed)
                tell(tester, line, true, "%s:%u: %s", match->file, match->line, rule->id);
}

static void params_text(const YamlNode *params, char text[static PARAMS_TEXT_MAX])
{
        size_t used = 0;

        text[0] = '\0';
        for (const YamlNode *param = params ? params->children : NULL; param; param = param->next)
                if (param->kind == YAML_SCALAR && used + strlen(param->key) + strlen(param->text) + 3 < PARAMS_TEXT_MAX)
                        used += (size_t) snprintf(text + used, PARAMS_TEXT_MAX - used, "%s%s=%s", used ? "," : "", param->key,
                                                  param->text);
}

/* Its line, with as many bytes behind it as `pad` says. */
static char *padded_line(const YamlNode *test)
{
        const YamlNode *line = yaml_get(test, "line"), *pad = yaml_get(test, "pad");
        size_t size = strlen(line->text);
        long long more = 0;
        char *text;

        if (pad)
                yaml_integer(pad, 1, FILTER_PAD_MAX, &more, NULL);
        text = malloc(size + (size_t) more + 1);
        if (!text)
                return NULL;
        memcpy(text, line->text, size);
        memset(text + size, 'x', (size_t) more);
        text[size + (size_t) more] = '\0';
        return text;
}

static int run_test(Tester *tester, const YamlNode *test, const Filter *model)
{
        _cleanup_(filter_freep) Filter *filter = NULL;
        _cleanup_free_ char *padded = NULL;
        const YamlNode *mode = yaml_get(test, "mode"), *after = yaml_get(test, "after"), *line = yaml_get(test, "line");
        char params[PARAMS_TEXT_MAX];
        const Rule *rule = NULL;
        FilterVerdict verdict;
        Problem problem = { "" };
        Hit hit;
        int r;

        params_text(yaml_get(test, "params"), params);
        r = filter_build(tester->layers, mode ? mode->text : NULL, params, model->jail, &filter, &problem);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                tell(tester, line->text, false, "%s", problem.text);
                return 0;
        }
        for (const YamlNode *earlier = after && after->kind == YAML_LIST ? after->children : after; earlier;
             earlier = after->kind == YAML_LIST ? earlier->next : NULL)
                run_line(tester, filter, earlier->text, &hit, &rule);
        padded = padded_line(test);
        if (!padded)
                return -ENOMEM;
        verdict = run_line(tester, filter, padded, &hit, &rule);
        judge_test(tester, test, verdict, &hit, rule);
        return 0;
}

static void check_coverage(Tester *tester)
{
        const YamlNode *modes = yaml_get(tester->layers.documents[0]->root, "modes");

        for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next)
                for (const YamlNode *rule = mode->children; rule; rule = rule->next) {
                        const YamlNode *id = yaml_get(rule, "id");
                        bool hit = !id;

                        for (size_t i = 0; i < tester->n_hit && !hit; i++)
                                hit = tester->hit[i] == rule;
                        if (!hit)
                                tell(tester, id->text, false,
                                     "%s:%u: no test line matches the rule %s of mode %s: add a test, or mend its pattern",
                                     id->file, id->line, id->text, mode->key);
                }
}

/**
 * filter_self_test() - run the tests in a filter's file, all modes
 * @filter:     loaded in any mode; not changed
 * @report:     called for every test and every rule without one, may be NULL
 * @ret_failed: how many of them failed
 *
 * Return: 0, also if tests failed; -ENOMEM.
 */
int filter_self_test(const Filter *filter, FilterTestReport report, void *userdata, unsigned *ret_failed)
{
        Tester tester = { .layers = { filter->layers, filter->n_layers }, .report = report, .userdata = userdata };
        const YamlNode *tests = yaml_get(filter->layers[0]->root, "tests");

        for (const YamlNode *test = tests ? tests->children : NULL; test; test = test->next) {
                int r = run_test(&tester, test, filter);
                if (r < 0)
                        return r;
        }
        check_coverage(&tester);
        *ret_failed = tester.failed;
        return 0;
}
