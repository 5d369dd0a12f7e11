/* SPDX-License-Identifier: GPL-2.0-or-later */

/* filter_explain() says what filter_match() does, and says it: on every line of the shipped filters' tests, and step by step. */

#include <dirent.h>
#include <limits.h>

#include "filter.h"
#include "filter/private.h"
#include "test.h"
#include "util/yaml.h"

static char told[64 * 1024]; /* the steps, one a line: "-rule id@place: text" */
static const char *last_failed;
static char last_stage[32];

static void on_step(void *userdata, const FilterStep *step)
{
        const Line *line = userdata;
        size_t used = strlen(told);
        char place[24] = "";

        for (const char *p = step->text; *p; p++)
                check((unsigned char) *p >= 0x20 && *p != 0x7f);
        if (step->at != FILTER_STEP_NOWHERE) {
                check(step->at <= line->length);
                snprintf(place, sizeof place, "@%zu", step->at);
        }
        snprintf(told + used, sizeof told - used, "%c%s %s%s: %s\n", step->passed ? '+' : '-', step->stage, step->rule, place, step->text);
        if (!step->passed) {
                snprintf(last_stage, sizeof last_stage, "%s", step->stage);
                last_failed = last_stage;
        }
}

static Filter *load(const char *yaml)
{
        Filter *filter;
        Problem problem;

        if (filter_load_memory("t.yaml", yaml, strlen(yaml), NULL, "jail", &filter, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        return filter;
}

static FilterVerdict explain_line(Filter *filter, const Line *line, Hit *ret_hit)
{
        told[0] = '\0';
        last_failed = NULL;
        return filter_explain(filter, line, on_step, (void *) (uintptr_t) line, ret_hit);
}

static FilterVerdict explain(Filter *filter, const char *text, int64_t pid)
{
        const Line line = { .text = text, .length = strlen(text), .time = { 1000 * USEC_PER_SEC }, .ident = "t", .pid = pid, .source = "test" };
        Hit hit;

        return explain_line(filter, &line, &hit);
}

/* ---- the steps ---- */

#define HEAD "name: t\nident: t\n"

static void test_reach(void)
{
        _cleanup_(filter_freep) Filter *filter = load(
                HEAD "modes: { normal: [ { id: a, regex: '^Failed for (?<user>.*) from <ADDR> port \\d+$' },\n"
                     "                   { id: b, regex: '^Other <ADDR>' },\n"
                     "                   { id: c, regex: '^Failed (?:for nobody at all|x) (?<user>.*?) <ADDR>' } ] }\n");

        /* `.*` is at the end at once; what counts is that <ADDR> was wanted where "host" stands. */
        check_int(explain(filter, "Failed for root from host port 22", 1), FILTER_NONE);
        check_contains(told, "-rule a@21: does not match; got this far, and goes on with \"<ADDR> port");
        check_contains(told, "-rule c@11: does not match; got this far, and goes on with \"nobody");
        check_contains(told, "-rule b: does not match: the line does not begin as the pattern does, \"^Other <ADDR>\"\n");
        check_contains(told, "-rule : no rule of mode normal matches (3 rules)");
        check_int(explain(filter, "Failed for root from 203.0.113.5 port 22x", 1), FILTER_NONE);
        check_contains(told, "-rule a@40: does not match; got this far, and goes on with \"$\"");
        check_int(explain(filter, "Failed for root from 203.0.113.5 pork 22", 1), FILTER_NONE);
        check_contains(told, "-rule a@36: does not match; got this far, and goes on with \"t \\d+$\"");
        /* The line ends too early. */
        check_int(explain(filter, "Failed for root from 203.0.113.5 port", 1), FILTER_NONE);
        check_contains(told, "-rule a@37:");
        check_int(explain(filter, "", 1), FILTER_NONE);
        check_int(explain(filter, "Failed for root from 203.0.113.5 port 22", 1), FILTER_HIT);
        check_contains(told, "+rule a: matches: a failure, address 203.0.113.5, user \"root\"");
        /* An address that is none. */
        check_int(explain(filter, "Failed for root from 203.0.113.500 port 22", 1), FILTER_NONE);
        check_contains(told, "-address a@21: matches, but \"203.0.113.500\" is no address");
        /* What the author wrote is made printable. */
        check_int(explain(filter, "Failed for \033[2J\n from 203.0.113.5 port 22", 1), FILTER_HIT);
        check_contains(told, "user \"\\x1b[2J\\x0a\"");
}

static void test_prefix_and_ignore(void)
{
        _cleanup_(filter_freep) Filter *filter = load(
                HEAD "prefix: '\\[<ADDR>\\] '\nignore: ['nothing', 'monitor$']\n"
                     "modes: { normal: [ { id: a, regex: '^failed (?<user>.*)$' }, { id: slow, regex: '^(?:x*x*)*x*x*!<ADDR>' } ] }\n");
        char pumped[4096];

        check_int(explain(filter, "[203.0.113.5] failed root", 1), FILTER_HIT);
        check_contains(told, "+prefix @14: matches the line's first 14 bytes");
        check_int(explain(filter, "[host] failed root", 1), FILTER_NONE);
        check_contains(told, "-prefix @1: does not match; got this far, and goes on with \"<ADDR>\\] \"");
        check_int(explain(filter, "[203.0.113.5] failed monitor", 1), FILTER_IGNORED);
        check_contains(told, "-ignore a: taken back by the `ignore` pattern at t.yaml:4, \"monitor$\"");
        check_text(last_failed, "ignore");
        check_int(explain(filter, "message repeated 3 times: [ [203.0.113.5] failed root]", 1), FILTER_HIT);
        check_contains(told, "+repeated @28: stands for 3 lines");
        strcpy(pumped, "[203.0.113.5] ");
        memset(pumped + 14, 'x', sizeof pumped - 15);
        pumped[sizeof pumped - 2] = '!';
        pumped[sizeof pumped - 1] = '\0';
        check_int(explain(filter, pumped, 1), FILTER_LIMIT);
        check_contains(told, "-rule slow: reached the match limit");
}

static void test_sessions(void)
{
        _cleanup_(filter_freep) Filter *filter = load(HEAD "session: pid\nmodes: { normal: [\n"
                                                           "  { id: locked, regex: '^locked (?<user>.*)$' },\n"
                                                           "  { id: from, kind: helper, regex: '^from <ADDR>$' },\n"
                                                           "  { id: ok, kind: success, regex: '^ok$' },\n"
                                                           "  { id: bye, kind: end, regex: '^bye$' } ] }\n");

        check_int(explain(filter, "locked root", 7), FILTER_HELPER);
        check_contains(told, "-session locked: held back until a line of its session tells the address");
        check_int(explain(filter, "from 203.0.113.5", 7), FILTER_HIT);
        check_contains(told, "+session locked: tells the address that the failure locked was held back for: 203.0.113.5");
        check_int(explain(filter, "locked root", 7), FILTER_HIT);
        check_contains(told, "+session locked: has told the address: 203.0.113.5");
        check_int(explain(filter, "from 203.0.113.6", 8), FILTER_HELPER);
        check_contains(told, "-session from: remembered: this session is 203.0.113.6");
        check_int(explain(filter, "ok", 9), FILTER_HELPER);
        check_contains(told, "-session ok: no line of the session has told the address");
        check_int(explain(filter, "locked root", -1), FILTER_HELPER);
        check_contains(told, "-session locked: none: the line has no process number, and so no address either");
}

static Origin fake_origin;
static int origin_result;

static int on_origin(const Line *line, Origin *ret_origin)
{
        *ret_origin = fake_origin;
        return origin_result;
}

static void test_origin_and_length(void)
{
        _cleanup_(filter_freep) Filter *filter = load(HEAD "origin: { uid: 33, comm: web, unit: 'web*.service' }\n"
                                                           "modes: { normal: [ { id: a, regex: '^failed <ADDR>$' } ] }\n");
        _cleanup_(filter_freep) Filter *head = load(HEAD "modes: { normal: [ { id: h, head: true, regex: '^failed <ADDR> ' },\n"
                                                         "                   { id: a, regex: '^failed <ADDR>$' } ] }\n");
        static char text[LINE_LENGTH_MAX + 10] = "failed 203.0.113.5 ";
        static const struct {
                Origin origin;
                const char *text;
        } cases[] = {
                { { .uid = 33, .comm = "web", .unit = "web-1.service" }, "+origin : uid 33, program web, unit web-1.service\n" },
                { { .uid = 5, .comm = "web", .unit = "web-1.service" }, "-origin : written by uid 5, program web, unit web-1.service: not as the filter's `origin:` says (uid)" },
                { { .uid = 33, .comm = "logger", .unit = "web-1.service" }, "says (comm)" },
                { { .uid = 33, .comm = "web" }, "unit absent: not as the filter's `origin:` says (unit)" },
        };
        Line line = { .text = "failed 203.0.113.5", .length = 18, .time = { 1000 * USEC_PER_SEC }, .ident = "t", .origin = on_origin, .source = "journal" };
        Hit hit;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                fake_origin = cases[i].origin;
                check_int(explain_line(filter, &line, &hit), i == 0 ? FILTER_HIT : FILTER_ORIGIN);
                check_contains(told, cases[i].text);
        }
        origin_result = -5;
        check_int(explain_line(filter, &line, &hit), FILTER_ORIGIN);
        check_contains(told, "the journal does not say who wrote it");

        memset(text + 19, 'x', sizeof text - 19);
        line = (Line){ .text = text, .length = sizeof text, .ident = "t", .pid = 1, .source = "test" };
        check_int(explain_line(filter, &line, &hit), FILTER_TOO_LONG);
        check_contains(told, "-length : 32778 bytes, more than 32768, and the filter has no rule");
        check_int(explain_line(head, &line, &hit), FILTER_HIT);
        check_contains(told, "+length : 32778 bytes, more than 32768: only rules with `head: true`");
        text[1] = 'x';
        check_int(explain_line(head, &line, &hit), FILTER_TOO_LONG);
        check_contains(told, "-rule : 1 rule is not for lines of this length");
}

/* ---- it never says otherwise ---- */

static void compare(Filter *matches, Filter *explains, const char *text)
{
        const Line line = { .text = text, .length = strlen(text), .time = { 1000 * USEC_PER_SEC }, .ident = matches->info.idents[0], .pid = 7, .source = "test" };
        Hit a, b;
        FilterVerdict verdict = filter_match(matches, &line, &a);

        check_int(explain_line(explains, &line, &b), verdict);
        check(strstr(told, "length "));
        if (verdict == FILTER_HIT) {
                check_text(b.rule, a.rule);
                check_text(b.user, a.user);
                check(addr_equal(&a.addr, &b.addr) && a.kind == b.kind && a.count == b.count && a.attempts == b.attempts);
                check(strstr(told, "+rule"));
        } else {
                check(last_failed); /* it says why */
        }
        const char *rule = filter_stats(matches)->rule, *other = filter_stats(explains)->rule;
        check_text(other ? other : "", rule ? rule : "");
}

static size_t compare_filter(const char *path)
{
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        _cleanup_(filter_freep) Filter *first = NULL;
        Problem problem;
        const char *mode;
        size_t n = 0;

        check_int(yaml_read_file(path, &document, &problem), 0);
        check_int(filter_load(path, NULL, "j", NULL, &first, &problem), 0);
        for (size_t i = 0; (mode = filter_mode_name(first, i)); i++) {
                _cleanup_(filter_freep) Filter *matches = NULL, *explains = NULL;

                check_int(filter_load(path, mode, "j", NULL, &matches, &problem), 0);
                check_int(filter_load(path, mode, "j", NULL, &explains, &problem), 0);
                for (const YamlNode *test = yaml_get(document->root, "tests")->children; test; test = test->next, n++) {
                        const char *text = yaml_get(test, "line")->text;
                        char cut[512];

                        compare(matches, explains, text);
                        snprintf(cut, sizeof cut, "%.*s", (int) (strlen(text) * 2 / 3), text);
                        compare(matches, explains, cut);
                }
        }
        return n;
}

int main(void)
{
        char path[PATH_MAX];
        struct dirent *entry;
        size_t n = 0;
        DIR *filters;

        test_reach();
        test_prefix_and_ignore();
        test_sessions();
        test_origin_and_length();
        snprintf(path, sizeof path, "%s/filters", getenv("SOURCE_ROOT"));
        filters = opendir(path);
        check(filters);
        while ((entry = readdir(filters)))
                if (strstr(entry->d_name, ".yaml")) {
                        snprintf(path, sizeof path, "%s/filters/%s", getenv("SOURCE_ROOT"), entry->d_name);
                        n += compare_filter(path);
                }
        closedir(filters);
        check(n >= 50);
        printf("%zu test lines\n", n);
        return 0;
}
