/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "filter/private.h"
#include "test.h"
#include "util/text.h"

#define HEAD "name: t\nident: t\n"

static Filter *load(const char *yaml, const char *mode)
{
        Filter *filter;
        Problem problem;

        if (filter_load_memory("t.yaml", yaml, strlen(yaml), mode, "jail", &filter, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        return filter;
}

static FilterVerdict match_at(Filter *filter, const char *text, int64_t pid, int64_t seconds, Hit *ret_hit)
{
        Line line = { .text = text,
                      .length = strlen(text),
                      .time = { seconds * USEC_PER_SEC },
                      .ident = "t",
                      .pid = pid,
                      .source = "test" };

        return filter_match(filter, &line, ret_hit);
}

static FilterVerdict match(Filter *filter, const char *text, Hit *ret_hit)
{
        return match_at(filter, text, 7, 1000, ret_hit);
}

static const char *addr_text(const Hit *hit)
{
        static char text[ADDR_TEXT_MAX];

        return addr_format(&hit->addr, text);
}

/* ---- the file ---- */

static void test_refused(void)
{
        static const char *const cases[][2] = {
                { "", "t.yaml:1:1: a filter is a map" },
                { "[a]", "t.yaml:1:1: a filter is a map" },
                { "ident: t\nmodes: {}\n", "has no \"name\"" },
                { HEAD, "has no \"modes\"" },
                { HEAD "moods: {}\n", "t.yaml:3:1: unknown key \"moods\"; did you mean \"modes\"?" },
                { HEAD "modes:\n  normal:\n    - id: a\n      regexp: x\n",
                  "t.yaml:6:7: unknown key \"regexp\"; did you mean \"regex\"?" },
                { HEAD "modes: {normal: [{id: a}]}\n", "has no \"regex\"" },
                { HEAD "modes: {normal: [{id: a, regex: '(<ADDR>'}]}\n",
                  "t.yaml:3:33: regex: not a valid pattern: missing closing parenthesis" },
                { HEAD "modes: {normal: [{id: a, regex: '(*UTF)<ADDR>'}]}\n", "not a valid pattern" },
                { HEAD "modes: {normal: [{id: a, regex: '^x <ADDR> (?<user.*) <IP4>$'}]}\n", "before \".*) <IP4>$\"" },
                { HEAD "modes: {normal: [{id: a, regex: 'x'}]}\n", "finds no address" },
                { HEAD "modes: {normal: [{id: a, regex: '^x <ADR>$'}]}\n",
                  "t.yaml:3:33: regex: there is no tag <ADR> (where the log has that text, write \\<ADR>); did you mean <ADDR>?" },
                { HEAD "modes: {normal: [{id: a, regex: '^x <addr>$'}]}\n", "(where the log has that text, write \\<addr>); did you mean <ADDR>?" },
                { HEAD "modes: {normal: [{id: a, regex: '^<F-USER>.*</F-USER> <HOST>$'}]}\n", "write \\<F-USER>): write (?<user>...)" },
                { HEAD "modes: {normal: [{id: a, regex: '^</F-USER> <HOST>$'}]}\n", "): a group is written" },
                { HEAD "modes: {normal: [{id: a, regex: '^<IP> <HOST>$'}]}\n", "): write <ADDR>" },
                { HEAD "modes: {normal: [{id: a, regex: '^x <ADDR>$'}]}\nignore: '<HST>'\n", "ignore: there is no tag <HST> (where the log has that text, write \\<HST>); did you mean <HOST>?" },
                { HEAD "modes: {normal: [{id: a, regex: '^\\<ADDR> x$'}]}\n", "finds no address" },
                { HEAD "modes: {normal: [{id: a, regex: <ADDR>, kind: helpr}]}\n", "did you mean \"helper\"?" },
                { HEAD "modes: {normal: [{id: a, regex: <ADDR>, count: twice}]}\n", "must be one of each, ahead, once" },
                { HEAD "modes: {normal: [{id: a, regex: <ADDR>, kind: end, count: each}]}\n", "only failures count" },
                { HEAD "modes: {normal: [{id: a, regex: <ADDR>, head: maybe}]}\n", "must be true, false or only" },
                { HEAD "modes: {normal: [{id: a, regex: '^<ADDR>$', head: true}]}\n", "does not end with $" },
                { HEAD "modes: {normal: [{id: a, regex: '<ADDRESS> x'}]}\n", "did you mean <ADDR>?" },
                { HEAD "modes: {normal: [{id: a, regex: 'x <ADDR>', head: only}]}\n", "such a rule begins with ^" },
                { HEAD "modes: {normal: [{id: a, regex: '^<ADDR>'}]}\ntests: [{line: x, match: false, pad: 70000}]\n", "1 to 65536" },
                { HEAD "modes: {normal: [{id: a, regex: <ADDR>}, {id: a, regex: <IP4>}]}\n", "\"a\" stands here twice" },
                { HEAD "modes: {normal: [{include: other}]}\n", "there is no mode \"other\"; modes: normal" },
                { HEAD "modes: {normal: [{include: more}], more: [{include: normal}]}\n", "modes include each other" },
                { HEAD "modes: {normal: [{id: a, regex: <ADDR>, when: {p: x}}]}\n", "`params:` has no such parameter" },
                { HEAD "params: {p: [y]}\nmodes: {normal: [{id: a, regex: <ADDR>, when: {p: x}}]}\n",
                  "\"x\" is no value of the parameter p" },
                { HEAD "modes: {}\nwindow_lines: 3\n", "not supported yet" },
                { HEAD "modes: {}\ndate: '%Y-%m-%Q %T'\n", "t.yaml:4:7: date: \"%Y-%m-%Q %T\": %Q at column 7 is no directive that is known; known are %a" },
                { HEAD "modes: {}\ndate: ['%s', '%H:%M:%S']\n", "t.yaml:4:14: \"%H:%M:%S\": it tells no month: %m or %b" },
                { HEAD "modes: {}\ndate: []\n", "is an empty list" },
                { HEAD "modes: {}\ndate: {a: b}\n", "must be a text, not a map" },
                { HEAD "modes: {}\ndate: ['%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s','%s']\n", "more than 16 dates" },
                { HEAD "modes: {}\norigin: {comm: t}\n", "has no \"uid\"" },
                { HEAD "modes: {}\nreport: {abuseipdb: [99]}\n", "whole number from 1 to 23" },
                { HEAD "modes: {}\nports: [ssh/icmp]\n", "must be a port" },
                { HEAD "modes: {}\ndrop: [a]\n", "only with `extends:`" },
                { HEAD "extends: sshd\n", "only a filter in a file can extend" },
                { HEAD "modes: {normal: []}\nsession: id\n", "no pattern has a group (?<id>...)" },
                { HEAD "modes: {normal: []}\nignore: []\n", "is an empty list" },
                { HEAD "modes: {normal: []}\ntests: [{line: x}]\n", "has no \"match\"" },
                { HEAD "modes: {normal: []}\ntests: [{line: x, match: true}]\n", "must be false" },
                { HEAD "modes: {normal: []}\ntests: [{line: x, match: {ip: host}}]\n", "must be an IP address" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                Filter *filter = NULL;
                Problem problem = { "" };

                if (filter_load_memory("t.yaml", cases[i][0], strlen(cases[i][0]), NULL, "jail", &filter, &problem) >= 0)
                        fprintf(stderr, "taken: %s\n", cases[i][0]);
                check(!filter);
                check_contains(problem.text, cases[i][1]);
        }
}

/* What only looks like a tag: groups, references to them, other text in angle brackets, and a tag's name behind a backslash. */
static void test_no_tags(void)
{
        static const char *const cases[][2] = {
                { "^\\\\<ADDR>: <ADDR>$", "<ADDR>: 203.0.113.5" },
                { "^(?<X>a)\\\\k<X> <ADDR>$", "aa 203.0.113.5" },
                { "^(?P<X>a)?(?(<X>)b|c) <ADDR>$", "ab 203.0.113.5" },
                { "^<unknown> from=<> <Ab> <A <ADDR>$", "<unknown> from=<> <Ab> <A 203.0.113.5" },
                { "^\\\\\\\\<ADDR>$", "\\203.0.113.5" },
                { "^\\\\<F-USER> <ADDR>$", "<F-USER> 203.0.113.5" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char yaml[400];
                Hit hit;

                snprintf(yaml, sizeof yaml, HEAD "modes: {normal: [{id: a, regex: \"%s\"}]}\n", cases[i][0]);
                _cleanup_(filter_freep) Filter *filter = load(yaml, NULL);
                check_int(match(filter, cases[i][1], &hit), FILTER_HIT);
        }
}

static void test_info(void)
{
        _cleanup_(filter_freep) Filter *filter =
                load("name: t\ndescription: a test\nident: [a, b]\nports: [ssh, 25/tcp]\ndate: ['%d.%m.%Y %T', '%s']\n"
                     "window_lines: 1\nreport: {abuseipdb: 18, tags: [x]}\nmodes: {normal: []}\n",
                     NULL);
        const FilterInfo *info = filter_info(filter);

        check_text(info->name, "t");
        check_text(info->description, "a test");
        check_text(info->mode, "normal");
        check_int(info->n_idents, 2);
        check_text(info->idents[1], "b");
        check_int(info->n_ports, 2);
        check_text(info->ports[1], "25/tcp");
        check_text(info->dates[0], "%d.%m.%Y %T");
        check_text(info->dates[1], "%s");
        check(!info->dates[2]);
}

static void test_modes(void)
{
        static const char yaml[] =
                HEAD "modes:\n"
                     "  normal: [{id: a, regex: '^a <ADDR>$'}, {id: b, regex: '^b <ADDR>$'}]\n"
                     "  more: [{id: b, regex: '^B <ADDR>$'}, {include: normal}, {id: c, regex: '^c <ADDR>$'}]\n"
                     "  only: [{id: c, regex: '^c <ADDR>$'}]\n";
        _cleanup_(filter_freep) Filter *normal = load(yaml, NULL), *more = load(yaml, "more"), *only = load(yaml, "only");
        Filter *none = NULL;
        Problem problem;
        Hit hit;

        check_int(match(normal, "c 203.0.113.1", &hit), FILTER_NONE);
        check_int(match(more, "c 203.0.113.1", &hit), FILTER_HIT);
        check_int(match(more, "a 203.0.113.1", &hit), FILTER_HIT);
        check_int(match(more, "b 203.0.113.1", &hit), FILTER_NONE);
        check_int(match(more, "B 203.0.113.1", &hit), FILTER_HIT);
        check_int(match(only, "a 203.0.113.1", &hit), FILTER_NONE);
        check_int(filter_load_memory("t.yaml", yaml, sizeof yaml - 1, "mor", "jail", &none, &problem), -ENXIO);
        check_contains(problem.text, "has no mode \"mor\": it has normal, more, only; did you mean \"more\"? (t.yaml)");
        check_int(filter_load_memory("t.yaml", yaml, sizeof yaml - 1, "ddos", "jail", &none, &problem), -ENXIO);
        check_contains(problem.text, "has no mode \"ddos\": it has normal, more, only (t.yaml)");
}

static void put_file(const char *directory, const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", directory, name);
        check_int(text_write_file(path, text, strlen(text), 0600), 0);
}

static void test_files(void)
{
        char own[] = "/tmp/test-filter-XXXXXX", shipped[] = "/tmp/test-filter-XXXXXX", command[128];
        check(mkdtemp(own) && mkdtemp(shipped));
        const char *directories[] = { own, shipped, NULL };
        Filter *filter;
        Problem problem;
        Hit hit;

        put_file(shipped, "s.yaml",
                 "name: s\nident: s\nparams: {p: [x, y]}\nmodes: {normal: [{id: a, regex: '^a <ADDR>$'}, {id: b, regex: '^b "
                 "<ADDR>$'},"
                 " {id: p, regex: '^p <ADDR>$', when: {p: y}}]}\n");
        check_int(filter_load("s", NULL, "j", directories, &filter, &problem), 0);
        check_int(match(filter, "p 203.0.113.1", &hit), FILTER_NONE);
        filter_free(filter);
        check_int(filter_load("s[p=y]", NULL, "j", directories, &filter, &problem), 0);
        check_int(match(filter, "p 203.0.113.1", &hit), FILTER_HIT);
        filter_free(filter);
        check_int(filter_load("s[p=z]", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_contains(problem.text, "the parameter p cannot be \"z\"; possible: x, y");
        check_int(filter_load("s[q=z]", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_contains(problem.text, "the filter has no parameter \"q\"; it has p");
        check_int(filter_load("s[p]", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_int(filter_load("nowhere", NULL, "j", directories, &filter, &problem), -ENOENT);
        check_contains(problem.text, shipped);
        check_int(filter_load("s.yml", NULL, "j", directories, &filter, &problem), -ENOENT);
        check_contains(problem.text, "; a path ends in .yaml, not in .yml");
        /* A file that has another's name inside, and who extends it; by its path it may be a draft. */
        put_file(shipped, "copy.yaml", "name: s\nident: s\nmodes: {normal: [{id: a, regex: '^a <ADDR>$'}]}\n");
        check_int(filter_load("copy", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_contains(problem.text, "copy.yaml:1:7: name: must be \"copy\", as the file is called; or rename the file to s.yaml");
        put_file(shipped, "more.yaml", "name: more\nextends: copy\n");
        check_int(filter_load("more", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_contains(problem.text, "copy.yaml:1:7: name: must be");
        snprintf(command, sizeof command, "%s/copy.yaml", shipped);
        check_int(filter_load(command, NULL, "j", directories, &filter, &problem), 0);
        filter_free(filter);
        check_int(filter_load("../s", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_int(filter_load("", NULL, "j", directories, &filter, &problem), -EINVAL);

        /* A file of the same name extends the shipped one. */
        put_file(own, "s.yaml",
                 "name: s\nextends: s\ndrop: [b]\nident: [t, u]\nmodes: {normal: [{id: a, regex: '^A <ADDR>$'}, {id: n, regex: "
                 "'^n <ADDR>$'}]}\n"
                 "tests: [{line: 'A 203.0.113.1', match: {rule: a}}]\n");
        setenv("BAILIFF_FILTERS", own, 1);
        check_int(filter_load("s", NULL, "j", NULL, &filter, &problem), -EINVAL);
        check_contains(problem.text, "s.yaml:2:10: extends: there is no filter \"s\"");
        check_int(filter_load("s[p=y]", NULL, "j", directories, &filter, &problem), 0);
        check_int(match(filter, "a 203.0.113.1", &hit), FILTER_NONE);
        check_int(match(filter, "A 203.0.113.1", &hit), FILTER_HIT);
        check_int(match(filter, "n 203.0.113.1", &hit), FILTER_HIT);
        check_int(match(filter, "b 203.0.113.1", &hit), FILTER_NONE);
        check_int(match(filter, "p 203.0.113.1", &hit), FILTER_HIT);
        check_int(filter_info(filter)->n_idents, 2);
        unsigned failed;
        check_int(filter_self_test(filter, NULL, NULL, &failed), 0);
        check_int(failed, 1); /* rule n has no test line */
        filter_free(filter);
        put_file(own, "s.yaml", "name: s\nextends: s\ndrop: [typo]\n");
        check_int(filter_load("s", NULL, "j", directories, &filter, &problem), -EINVAL);
        check_contains(problem.text, "s.yaml:3:8: there is no rule \"typo\" to drop");
        /* Two files that extend each other. */
        put_file(own, "x.yaml", "name: x\nextends: y\n");
        put_file(own, "y.yaml", "name: y\nextends: x\n");
        check_int(filter_load("x", NULL, "j", directories, &filter, &problem), -EINVAL);
        snprintf(command, sizeof command, "rm -r %s %s", own, shipped);
        check_int(system(command), 0);
}

static void count_failures(void *userdata, const char *line, bool passed, const char *message)
{
        unsigned *n = userdata;

        *n += !passed;
}

static void test_self_test_fails(void)
{
        _cleanup_(filter_freep) Filter *filter =
                load(HEAD "modes: {normal: [{id: a, regex: '^a <ADDR> (?<user>.*)$'}, {id: b, regex: '^b <ADDR>$'}], m: [{id: c, "
                          "regex: '^c <ADDR>$'}]}\n"
                          "tests:\n"
                          "  - {line: 'a 203.0.113.1 x', match: {ip: 203.0.113.1, user: x, rule: a}}\n"
                          "  - {line: 'c 203.0.113.1', mode: m, match: {ip: 203.0.113.1}}\n"
                          "  - {line: 'a 203.0.113.1 x', match: {ip: 203.0.113.2}}\n"
                          "  - {line: 'a 203.0.113.1 x', match: {user: y}}\n"
                          "  - {line: 'a 203.0.113.1 x', match: {rule: b}}\n"
                          "  - {line: 'a 203.0.113.1 x', match: false}\n"
                          "  - {line: 'nothing', match: {ip: 203.0.113.1}}\n"
                          "  - {line: 'a 203.0.113.1 x', mode: none, match: false}\n",
                     NULL);
        unsigned failed, reported = 0;

        check_int(filter_self_test(filter, count_failures, &reported, &failed), 0);
        check_int(failed, 7); /* six tests, and b has none */
        check_int(reported, failed);
}

/* ---- lines ---- */

static void test_addresses(void)
{
        static const struct {
                const char *line, *addr;
        } cases[] = {
                { "x 203.0.113.5", "203.0.113.5" },
                { "x [203.0.113.5]", "203.0.113.5" },
                { "x 2001:db8::1", "2001:db8::1" },
                { "x [2001:DB8:0:0::1]", "2001:db8::1" },
                { "x ::ffff:203.0.113.5", "203.0.113.5" },
                { "x fe80::1%eth0", "fe80::1" },
                { "x 2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6" },
                { "x 203.0.113.500", NULL },
                { "x 203.0.113", NULL },
                { "x 203.0.113.5.6", NULL },
                { "x 0203.0.113.5", NULL },
                { "x 203.0.113.05", NULL },
                { "x 0.0.0.0", NULL },
                { "x 224.0.0.1", NULL },
                { "x ::", NULL },
                { "x :::", NULL },
                { "x host.example.com", NULL },
                { "x 203.0.113.5.example.com", NULL },
        };
        _cleanup_(filter_freep) Filter *filter = load(HEAD "modes: {normal: [{id: a, regex: '^x <HOST>$'}, {id: b, regex: '^\\<SESSION> \\<HOST> \\\\<HOST>$'}]}\n", NULL);
        _cleanup_(filter_freep) Filter *subnet =
                load(HEAD "modes: {normal: [{id: a, regex: '^x <SUBNET>$'}, {id: b, regex: '^y (?<addr>\\S+)$'}]}\n", NULL);
        Hit hit;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                FilterVerdict verdict = match(filter, cases[i].line, &hit);
                if ((verdict == FILTER_HIT) != (cases[i].addr != NULL))
                        fprintf(stderr, "%s\n", cases[i].line);
                check_int(verdict, cases[i].addr ? FILTER_HIT : FILTER_NONE);
                if (cases[i].addr)
                        check_text(addr_text(&hit), cases[i].addr);
        }
        /* what only looks like a tag, and a tag that is escaped, are text */
        check_int(match(filter, "<SESSION> <HOST> \\203.0.113.9", &hit), FILTER_HIT);
        check_text(addr_text(&hit), "203.0.113.9");
        check_int(match(subnet, "x 203.0.113.0/24", &hit), FILTER_HIT);
        check_text(addr_text(&hit), "203.0.113.0");
        check_int(match(subnet, "y 203.0.113.9", &hit), FILTER_HIT);
        check_int(match(subnet, "y nine", &hit), FILTER_NONE);
}

static void test_bytes(void)
{
        _cleanup_(filter_freep) Filter *filter =
                load(HEAD "ignore: ['^Fail (?:known|office)']\nmodes: {normal: [{id: a, regex: '^Fail (?<user>.*) <ADDR>$'}]}\n",
                     NULL);
        static const char bytes[] = "Fail \xff\xfe\0\n\x1b[2J\\ 203.0.113.5";
        Line line = { .text = bytes, .length = sizeof bytes - 1, .time = { 1 }, .pid = -1 };
        char *user = malloc(5000);
        Hit hit;

        check_int(filter_match(filter, &line, &hit), FILTER_HIT);
        check_text(hit.user, "\\xff\\xfe\\x00\\x0a\\x1b[2J\\\\");
        check_text(hit.jail, "jail");
        check_text(hit.rule, "a");
        check(hit.line == &line && hit.session == 0 && hit.kind == HIT_FAILURE && hit.count == HIT_COUNT_EACH);
        snprintf(user, 5000, "Fail %04000d 203.0.113.5", 1);
        check_int(match(filter, user, &hit), FILTER_HIT);
        check(strlen(hit.user) < FILTER_USER_MAX && strlen(hit.user) > FILTER_USER_MAX - 8);
        check_int(match(filter, "Fail known 203.0.113.5", &hit), FILTER_IGNORED);
        check_int(match(filter, "fail x 203.0.113.5", &hit), FILTER_NONE);
        check_int(match(filter, "", &hit), FILTER_NONE);
        check_int(filter_stats(filter)->lines, 5);
        check_int(filter_stats(filter)->verdicts[FILTER_HIT], 2);
        check_int(filter_stats(filter)->verdicts[FILTER_IGNORED], 1);
        check_int(filter_stats(filter)->last_hit.usec, 1000 * USEC_PER_SEC);
        free(user);
}

static void test_long(void)
{
        _cleanup_(filter_freep) Filter *filter =
                load(HEAD "modes: {normal: [{id: a, regex: '^a <ADDR> .*$'}, {id: h, head: true, regex: '^h <ADDR> '}]}\n", NULL);
        _cleanup_(filter_freep) Filter *plain = load(HEAD "modes: {normal: [{id: a, regex: '^a <ADDR>'}]}\n", NULL);
        size_t size = 100000;
        char *text = malloc(size);
        Line line = { .text = text, .length = size, .time = { 1 }, .pid = 1 };
        Hit hit;

        memset(text, 'x', size);
        memcpy(text, "a 203.0.113.5 ", 14);
        check_int(filter_match(filter, &line, &hit), FILTER_TOO_LONG);
        check_int(filter_match(plain, &line, &hit), FILTER_TOO_LONG);
        text[0] = 'h';
        check_int(filter_match(filter, &line, &hit), FILTER_HIT);
        check_text(addr_text(&hit), "203.0.113.5");
        line.length = LINE_LENGTH_MAX;
        text[0] = 'a';
        check_int(filter_match(filter, &line, &hit), FILTER_HIT);
        line.length++;
        check_int(filter_match(filter, &line, &hit), FILTER_TOO_LONG);
        free(text);
}

static void test_limit(void)
{
        static const char yaml[] = HEAD "ignore: ['(x+x+)+z']\nmodes: {normal: [{id: slow, regex: '(x+x+)+y <ADDR>'}, {id: a, "
                                        "regex: '^a .* <ADDR>$'}]}\n";
        _cleanup_(filter_freep) Filter *filter = load(yaml, NULL);
        Hit hit;

        check_int(match(filter, "b xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 203.0.113.1", &hit), FILTER_LIMIT);
        check_int(match(filter, "a xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 203.0.113.1", &hit), FILTER_HIT);
        check_int(filter_stats(filter)->verdicts[FILTER_LIMIT], 1);
}

static void test_prefix(void)
{
        _cleanup_(filter_freep) Filter *filter =
                load(HEAD "session: conn\nprefix: 'conn=(?<conn>\\d+) client=<ADDR>: '\nmodes: {normal: ["
                          "{id: a, regex: '^failed (?<user>\\w+)$'}, {id: b, regex: '^via <ADDR>$'}, {id: c, kind: end, regex: "
                          "'^bye$'}]}\n",
                     NULL);
        Hit hit;

        check_int(match(filter, "conn=12 client=203.0.113.5: failed root", &hit), FILTER_HIT);
        check_text(addr_text(&hit), "203.0.113.5");
        check_text(hit.user, "root");
        uint64_t session = hit.session;
        check(session != 0);
        check_int(match(filter, "conn=12 client=203.0.113.5: via 203.0.113.6", &hit), FILTER_HIT);
        check_text(addr_text(&hit), "203.0.113.6");
        check_int(match(filter, "x conn=12 client=203.0.113.5: failed root", &hit), FILTER_NONE);
        check_int(match(filter, "conn=13 client=203.0.113.5: bye", &hit), FILTER_HIT);
        check(hit.kind == HIT_END && hit.session != session);
}

/* Of lines whose first byte decides it neither prefix nor rule is asked: with each pattern in both places, as PCRE2 says. */
static void test_first_bytes(void)
{
        static const char *const patterns[] = { "^(?:error: )?PAM", "^(?:Invalid|Illegal) user", "^(?i)abc", "^ *x", "^x?", "^(?:x|$)", "^(?=[a-f])", "^(?!x)",
                                                "^(?:\\[ID \\d+\\] |kernel: )?", "^.", "^\\d", "x$", "^a|b", "^a|^b", "(?<!a)x", "^(?<user>)", "^$", "\\bx", "^a\\b", ".*x",
                                                "^literal and more", "^liter" };
        static const char *const rests[] = { "", "x", "rror: PAM", "llegal user", "iteral and more", "itera", "ID 7] ", "ernel: b", " x", "bc" };
        char yaml[512], text[64];

        for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
                snprintf(yaml, sizeof yaml, HEAD "prefix: '%s'\nmodes: {normal: [{id: a, regex: '%s', kind: end}]}\nsession: pid\n", patterns[i], patterns[i]);
                _cleanup_(filter_freep) Filter *filter = load(yaml, NULL);

                for (int byte = 0; byte < 256; byte++)
                        for (size_t j = 0; j < sizeof rests / sizeof *rests; j++) {
                                RegexMatch prefix, match;
                                size_t size = (size_t) snprintf(text, sizeof text, "%c%s", 'x', rests[j]);
                                Line line = { .text = text, .length = size, .time = { 1000 * USEC_PER_SEC }, .ident = "t", .pid = 7, .source = "test" };
                                Hit hit;

                                text[0] = (char) byte;
                                bool expected = regex_match(filter->prefix, filter->runner, text, size, &prefix) == 0 &&
                                                regex_match(filter->rules[0].regex, filter->runner, text + prefix.end, size - prefix.end, &match) == 0;
                                check_int(filter_match(filter, &line, &hit), expected ? FILTER_HELPER : FILTER_NONE);
                                if (filter->passes[byte])
                                        check_int(prefix.end, 0);
                        }
        }
}

/* ---- origin ---- */

typedef struct FakeOrigin {
        Origin origin;
        int result;
        unsigned calls;
} FakeOrigin;

static int fake_origin(const Line *line, Origin *ret_origin)
{
        FakeOrigin *fake = line->handle;

        fake->calls++;
        if (fake->result == 0)
                *ret_origin = fake->origin;
        return fake->result;
}

static FilterVerdict match_origin(Filter *filter, const char *text, FakeOrigin *fake, Hit *ret_hit)
{
        Line line = {
                .text = text,
                .length = strlen(text),
                .time = { 1000 * USEC_PER_SEC },
                .ident = "sshd",
                .pid = 666,
                .source = "journal",
                .origin = fake_origin,
                .handle = fake,
        };

        return filter_match(filter, &line, ret_hit);
}

static void test_origin(void)
{
        static const char line[] = "a 203.0.113.5";
        _cleanup_(filter_freep) Filter *filter = load(HEAD "origin: {uid: [0, daemon, no-such-user], comm: [sshd, sshd-session], "
                                                           "unit: ['ssh*.service', 'session-*.scope']}\n"
                                                           "session: pid\nmodes: {normal: [{id: a, regex: '^a <ADDR>$'}]}\n",
                                                      NULL);
        _cleanup_(filter_freep) Filter *plain = load(HEAD "modes: {normal: [{id: a, regex: '^a <ADDR>$'}]}\n", NULL);
        static const struct {
                Origin origin;
                FilterVerdict verdict;
        } cases[] = {
                { { 0, 42, "sshd", "ssh.service" }, FILTER_HIT },
                { { 0, 42, "sshd-session", "ssh@3-198.51.100.1:22-203.0.113.5:40112.service" }, FILTER_HIT },
                { { 0, 42, "sshd", "session-7.scope" }, FILTER_HIT },
                { { 0, 42, NULL, "ssh.service" }, FILTER_HIT },
                { { 0, 42, NULL, NULL }, FILTER_HIT },
                { { 0, 42, "logger", NULL }, FILTER_ORIGIN },
                { { 0, 42, "sshd", "cron.service" }, FILTER_ORIGIN },
                { { 1, 42, "sshd", "ssh.service" }, FILTER_HIT },
                { { 1, 42, NULL, "ssh.service" }, FILTER_ORIGIN },
                { { 1, 42, "sshd", NULL }, FILTER_ORIGIN },
                { { 1000, 42, "sshd", "ssh.service" }, FILTER_ORIGIN },
                { { -1, 42, "sshd", "ssh.service" }, FILTER_ORIGIN },
        };
        Hit hit, own;
        FakeOrigin fake = { .result = 0 };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                fake = (FakeOrigin){ .origin = cases[i].origin };
                if (match_origin(filter, line, &fake, &hit) != cases[i].verdict)
                        fprintf(stderr, "case %zu\n", i);
                fake.calls = 0;
                check_int(match_origin(filter, line, &fake, &hit), cases[i].verdict);
                check_int(fake.calls, 1);
        }
        /* The trusted process makes the session, not the one that the line claims. */
        fake = (FakeOrigin){ .origin = { 0, 42, "sshd", "ssh.service" } };
        check_int(match_origin(filter, line, &fake, &hit), FILTER_HIT);
        check_int(match_at(filter, line, 42, 1000, &own), FILTER_HIT);
        check(hit.session == own.session);
        /* Lines that match nothing are not worth the look. */
        fake.calls = 0;
        check_int(match_origin(filter, "b 203.0.113.5", &fake, &hit), FILTER_NONE);
        check_int(fake.calls, 0);
        /* But a stranger's long line is not worth the patterns. */
        char long_line[4096] = "b";
        memset(long_line + 1, ' ', sizeof long_line - 2);
        fake = (FakeOrigin){ .origin = { 1000, 1, NULL, NULL } };
        check_int(match_origin(filter, long_line, &fake, &hit), FILTER_ORIGIN);
        fake = (FakeOrigin){ .result = -EIO };
        check_int(match_origin(filter, line, &fake, &hit), FILTER_ORIGIN);
        /* Without `origin:` only root is believed. */
        fake = (FakeOrigin){ .origin = { 1000, 1, NULL, NULL } };
        check_int(match_origin(plain, line, &fake, &hit), FILTER_ORIGIN);
        fake = (FakeOrigin){ .origin = { 0, 1, NULL, NULL } };
        check_int(match_origin(plain, line, &fake, &hit), FILTER_HIT);
}

/* A file's lines have no trusted fields; how they came says which rules take them. */
static void test_transport(void)
{
        static const char text[] = HEAD "origin: {uid: root}\nmodes:\n  normal:\n"
                                        "    - {id: any, regex: '^any <ADDR>$'}\n"
                                        "    - {id: one, transport: syslog, regex: '^one <ADDR>$'}\n"
                                        "    - {id: two, transport: [syslog, file], regex: '^two <ADDR>$'}\n";
        static const struct {
                const char *transport, *taken;
        } cases[] = { { NULL, "any one two" }, { "syslog", "any one two" }, { "file", "any two" }, { "mixed", "" } };
        static const char *const words[] = { "any", "one", "two" };
        _cleanup_(filter_freep) Filter *filter = load(text, NULL);
        Hit hit;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                for (size_t j = 0; j < 3; j++) {
                        char message[64];
                        int length = snprintf(message, sizeof message, "%s 203.0.113.5", words[j]);
                        const Line line = { .text = message, .length = (size_t) length, .time = { 1 }, .ident = "", .pid = -1, .source = "/x.log",
                                            .transport = cases[i].transport };

                        check_int(filter_match(filter, &line, &hit), strstr(cases[i].taken, words[j]) ? FILTER_HIT : FILTER_ORIGIN);
                }
}

/* ---- sessions ---- */

static const char SESSIONS[] = HEAD "session: pid\nmodes:\n  normal:\n"
                                    "    - {id: hello, kind: helper, regex: '^hello <ADDR>(?: (?<user>\\w+))?$'}\n"
                                    "    - {id: bad, regex: '^bad$', count: ahead}\n"
                                    "    - {id: worse, regex: '^worse (?<user>\\w+) <ADDR>$'}\n"
                                    "    - {id: good, kind: success, regex: '^good$'}\n"
                                    "    - {id: bye, kind: end, regex: '^bye(?: <ADDR>)?$'}\n";

static void test_sessions(void)
{
        _cleanup_(filter_freep) Filter *filter = load(SESSIONS, NULL);
        Addr prefix;
        Hit hit;

        /* The helper's address and user. */
        check_int(match_at(filter, "hello 203.0.113.5 anna", 1, 1000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "bad", 1, 1001, &hit), FILTER_HIT);
        check_text(addr_text(&hit), "203.0.113.5");
        check_text(hit.user, "anna");
        check(hit.count == HIT_COUNT_AHEAD);
        check_int(match_at(filter, "good", 1, 1002, &hit), FILTER_HIT);
        check(hit.kind == HIT_SUCCESS);
        /* Another process is another session. */
        check_int(match_at(filter, "bad", 2, 1002, &hit), FILTER_HELPER);
        /* The end forgets. */
        check_int(match_at(filter, "bye", 1, 1003, &hit), FILTER_HIT);
        check(hit.kind == HIT_END);
        check_int(match_at(filter, "bye", 1, 1004, &hit), FILTER_HELPER);
        /* Process 2 has a failure held; the address settles it, whoever tells it. */
        check_int(match_at(filter, "hello 203.0.113.6", 2, 1005, &hit), FILTER_HIT);
        check_text(hit.rule, "bad");
        check(hit.kind == HIT_FAILURE);
        check_text(addr_text(&hit), "203.0.113.6");
        check_int(match_at(filter, "hello 203.0.113.6", 2, 1005, &hit), FILTER_HELPER);
        check_int(match_at(filter, "bad", 3, 1006, &hit), FILTER_HELPER);
        check_int(match_at(filter, "bye 203.0.113.7", 3, 1007, &hit), FILTER_HIT);
        check_text(hit.rule, "bad");
        check_int(match_at(filter, "bye 203.0.113.7", 3, 1008, &hit), FILTER_HIT);
        check(hit.kind == HIT_END);
        /* A failure with its own address is the held one. */
        check_int(match_at(filter, "bad", 4, 1006, &hit), FILTER_HELPER);
        check_int(match_at(filter, "worse eve 203.0.113.8", 4, 1007, &hit), FILTER_HIT);
        check_text(hit.rule, "worse");
        check_int(match_at(filter, "hello 203.0.113.8", 4, 1008, &hit), FILTER_HELPER);
        /* Without a process there is no session. */
        check_int(match_at(filter, "hello 203.0.113.5", -1, 1000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "bad", -1, 1000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "worse eve 203.0.113.8", -1, 1007, &hit), FILTER_HIT);
        check(hit.session == 0);
        /* Reused: another address, or ten minutes of silence. */
        check_int(match_at(filter, "hello 203.0.113.9 anna", 5, 1000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "hello 203.0.113.10", 5, 1001, &hit), FILTER_HELPER);
        check_int(match_at(filter, "bad", 5, 1002, &hit), FILTER_HIT);
        check_text(hit.user, "");
        check_int(match_at(filter, "bad", 5, 1602, &hit), FILTER_HIT);
        check_int(match_at(filter, "bad", 5, 2203, &hit), FILTER_HELPER);
        /* unban forgets what is held and what is known. */
        check_int(match_at(filter, "hello 203.0.113.11", 6, 3000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "hello 2001:db8::1", 7, 3000, &hit), FILTER_HELPER);
        check_int(addr_parse_prefix("203.0.113.0/24", &prefix), 0);
        filter_forget(filter, &prefix);
        check_int(match_at(filter, "bad", 6, 3001, &hit), FILTER_HELPER);
        check_int(match_at(filter, "bad", 7, 3001, &hit), FILTER_HIT);
}

static const char ACCOUNTS[] = HEAD "session: pid\nmodes:\n  normal:\n"
                                    "    - {id: bad, regex: '^bad (?<user>[^ ]+)(?: <ADDR>)?$'}\n"
                                    "    - {id: worse, regex: '^worse <ADDR>$'}\n"
                                    "    - {id: good, kind: success, regex: '^good (?<user>[^ ]+) <ADDR>$'}\n";

/* Who has an account may not clear with it what he has tried against others. */
static void test_accounts(void)
{
        static const struct {
                const char *lines[3], *user;
                bool clears;
        } cases[] = {
                { { "bad anna 203.0.113.5", "bad anna 203.0.113.5" }, "anna", true },
                { { "bad Anna 203.0.113.5", "bad anna@example.com 203.0.113.5" }, "ANNA@Example.com", true },
                { { "worse 203.0.113.5" }, "anna", true },
                { { "bad bob 203.0.113.5" }, "anna", false },
                { { "bad anna 203.0.113.5", "bad bob 203.0.113.5" }, "anna", false },
                { { "bad bob 203.0.113.5", "bad anna 203.0.113.5" }, "anna", false },
                { { "bad bob 203.0.113.5", "worse 203.0.113.5", "bad anna 203.0.113.5" }, "anna", false },
                { { "bad anna@example.org 203.0.113.5" }, "anna@example.com", false },
                { { "bad ann 203.0.113.5" }, "anna", false },
        };
        char line[64];
        Hit hit;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                _cleanup_(filter_freep) Filter *filter = load(ACCOUNTS, NULL);

                for (size_t j = 0; j < 3 && cases[i].lines[j]; j++)
                        check_int(match_at(filter, cases[i].lines[j], 1, 1000, &hit), FILTER_HIT);
                snprintf(line, sizeof line, "good %s 203.0.113.5", cases[i].user);
                check_int(match_at(filter, line, 1, 1001, &hit), FILTER_HIT);
                if (hit.kind != (cases[i].clears ? HIT_SUCCESS : HIT_END))
                        fprintf(stderr, "case %zu\n", i);
                check_int(hit.kind, cases[i].clears ? HIT_SUCCESS : HIT_END);
        }
        /* One that was held back counts with it, as the other's. */
        _cleanup_(filter_freep) Filter *filter = load(ACCOUNTS, NULL);
        check_int(match_at(filter, "bad bob", 1, 1000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "good anna 203.0.113.5", 1, 1001, &hit), FILTER_HIT);
        check_int(hit.kind, HIT_FAILURE);
        check_text(hit.user, "bob");
        check_text(hit.rule, "bad");
        check_int(match_at(filter, "bad anna", 2, 1000, &hit), FILTER_HELPER);
        check_int(match_at(filter, "good anna 203.0.113.5", 2, 1001, &hit), FILTER_HIT);
        check_int(hit.kind, HIT_SUCCESS);
}

/* Nor by having the table forget what they were. */
static void test_accounts_flood(void)
{
        _cleanup_(filter_freep) Filter *filter = load(ACCOUNTS, NULL);
        Hit hit;

        check_int(match_at(filter, "bad bob 203.0.113.5", 1, 1000, &hit), FILTER_HIT);
        for (int pid = 2; pid <= SESSIONS_MAX + 1; pid++)
                check_int(match_at(filter, "good anna 203.0.113.5", pid, 1001, &hit), FILTER_HIT);
        check_int(filter_stats(filter)->sessions_evicted, 1);
        check_int(match_at(filter, "good anna 203.0.113.5", 1, 1002, &hit), FILTER_HIT);
        check_int(hit.kind, HIT_END);
        /* Who has failed since, and alone, clears as ever. */
        check_int(match_at(filter, "bad anna 203.0.113.5", 99999, 1003, &hit), FILTER_HIT);
        check_int(match_at(filter, "good anna 203.0.113.5", 99999, 1004, &hit), FILTER_HIT);
        check_int(hit.kind, HIT_SUCCESS);
}

static void test_session_cap(void)
{
        _cleanup_(filter_freep) Filter *filter = load(SESSIONS, NULL);
        Hit hit;

        for (int pid = 1; pid <= SESSIONS_MAX; pid++)
                check_int(match_at(filter, "hello 203.0.113.5", pid, 1000, &hit), FILTER_HELPER);
        check_int(filter_stats(filter)->sessions, SESSIONS_MAX);
        check_int(filter_stats(filter)->sessions_evicted, 0);
        check_int(match_at(filter, "hello 203.0.113.5", 1, 1001, &hit), FILTER_HELPER);
        check_int(match_at(filter, "hello 203.0.113.5", SESSIONS_MAX + 1, 1001, &hit), FILTER_HELPER);
        check_int(filter_stats(filter)->sessions, SESSIONS_MAX);
        check_int(filter_stats(filter)->sessions_evicted, 1);
        check_int(match_at(filter, "bad", 1, 1002, &hit), FILTER_HIT);    /* touched lately */
        check_int(match_at(filter, "bad", 2, 1002, &hit), FILTER_HELPER); /* gave way */
}

/* ---- without executable memory ---- */

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

static void test_interpreter(void)
{
        pid_t child = fork();
        int status;

        check(child >= 0);
        if (child == 0) {
                if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0)
                        _exit(77); /* before Linux 6.3 */
                Filter *filter = load(SESSIONS, NULL);
                Hit hit;
                check(!filter_info(filter)->jit);
                check_int(match(filter, "worse eve 203.0.113.8", &hit), FILTER_HIT);
                filter_free(filter);
                test_limit();
                test_bytes();
                fflush(stdout);
                _exit(0);
        }
        check_int(waitpid(child, &status, 0), child);
        check(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                puts("interpreter not tried: this kernel cannot forbid executable memory");
        else
                check_int(WEXITSTATUS(status), 0);
}

int main(void)
{
        test_interpreter(); /* first: PCRE2 would use executable memory that it has got already */
        test_refused();
        test_no_tags();
        test_info();
        test_modes();
        test_files();
        test_self_test_fails();
        test_addresses();
        test_bytes();
        test_long();
        test_limit();
        test_prefix();
        test_first_bytes();
        test_origin();
        test_transport();
        test_sessions();
        test_accounts();
        test_accounts_flood();
        test_session_cap();
        return 0;
}
