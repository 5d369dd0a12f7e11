/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What may stand in a filter file. Everything is checked here, before anything
 * is built: keys, kinds of values, words; so that load.c can take the tree as
 * it is. What the tree means beyond single values (an included mode that is
 * not there, a failure without an address) is checked where it is used.
 *
 *     name, description   what it is; the name is a word
 *     extends, drop       another filter whose rules are inherited by id, and which of them are not
 *     ident               SYSLOG_IDENTIFIER in the journal, program name in log files; one or a list, may hold *
 *     origin              {uid, comm, unit} that trusted journal fields must agree with; without it: uid 0
 *     ports, report       defaults of a jail: the service's ports, {abuseipdb: [categories], tags: [words]}
 *     session             `pid`, or the name of a capture: lines of one session belong together
 *     prefix              common beginning of all rules, matched at the line's start; its captures are defaults,
 *                         and the rules see what follows it
 *     modes               lists of rules, see below
 *     ignore              patterns that take back a failure
 *     date                strptime directives, for log files
 *     window_lines        1; joining lines is not supported yet
 *     params              name: [values], the first is the default; `when` of a rule looks at them
 *     tests               lines with what must come out
 *
 * A rule: {id, regex, kind: failure|helper|success|end, count: each|ahead|once,
 * end: true, witness: word, transport: syslog|stdout|journal|file or a list, head: true|only, when: {param: value or [values]}}; without
 * `when` it is always there. What `count`, `end` and `witness` mean stands in filter.c. A mode does not inherit by itself: `- include: normal` (or a list)
 * among its rules takes over another mode's, in that place; a rule that stands
 * there already under the same id stays.
 *
 * A test: {line, match, mode, params: {name: value}, after: [lines before it in
 * the same session], description}. match: false (no failure), or a map of what must agree: ip, user, rule, attempts.
 */

#include <errno.h>
#include <string.h>

#include "filter/private.h"
#include "util/date.h"
#include "util/text.h"

typedef int (*Check)(const YamlNode *node, Problem *problem);

typedef struct Key {
        const char *name;
        Check check;
} Key;

#define KEYS_MAX 16

static int check_map(const YamlNode *node, const Key keys[], size_t n_keys, Problem *problem)
{
        const char *known[KEYS_MAX];

        if (node->kind != YAML_MAP)
                return yaml_problem(node, problem, "must be a map (\"key: value\"), not %s", yaml_kind_name(node->kind));
        for (size_t i = 0; i < n_keys; i++)
                known[i] = keys[i].name;
        for (const YamlNode *child = node->children; child; child = child->next) {
                size_t i;

                for (i = 0; i < n_keys; i++)
                        if (strcmp(child->key, keys[i].name) == 0)
                                break;
                if (i == n_keys)
                        return yaml_unknown_key(child, known, n_keys, problem);
                int r = keys[i].check(child, problem);
                if (r < 0)
                        return r;
        }
        return 0;
}

#define CHECK_MAP(node, keys, problem) check_map(node, keys, sizeof(keys) / sizeof *(keys), problem)

static int need(const YamlNode *map, const char *key, Problem *problem)
{
        if (yaml_get(map, key))
                return 0;
        return yaml_problem(map, problem, "has no \"%s\"; add it", key);
}

static int check_text(const YamlNode *node, Problem *problem)
{
        if (node->kind != YAML_SCALAR || !*node->text)
                return yaml_problem(node, problem, "must be a text, not %s",
                                    node->kind == YAML_SCALAR ? "empty" : yaml_kind_name(node->kind));
        return 0;
}

/* A line to test may be empty. */
static int check_line(const YamlNode *node, Problem *problem)
{
        return node->kind == YAML_SCALAR ? 0 : yaml_problem(node, problem, "must be a text, not %s", yaml_kind_name(node->kind));
}

static int check_word(const YamlNode *node, Problem *problem)
{
        if (node->kind != YAML_SCALAR || !text_is_name(node->text))
                return yaml_problem(node, problem, "must be one word of letters, digits, '-', '_' and '.'");
        return 0;
}

static int check_choice(const YamlNode *node, const char *const words[], size_t n_words, Problem *problem)
{
        if (node->kind == YAML_SCALAR)
                for (size_t i = 0; i < n_words; i++)
                        if (strcmp(node->text, words[i]) == 0)
                                return 0;
        const char *near = node->kind == YAML_SCALAR ? text_nearest(node->text, words, n_words) : NULL;
        return yaml_problem(node, problem, "must be one of %s, %s, %s%s%s%s%s%s", words[0], words[1], words[2],
                            n_words > 3 ? ", " : "", n_words > 3 ? words[3] : "", near ? "; did you mean \"" : "",
                            near ? near : "", near ? "\"?" : "");
}

static int check_flag(const YamlNode *node, Problem *problem)
{
        bool value;

        return yaml_bool(node, &value, problem);
}

/* One value, or a list of at least one. */
static int check_each(const YamlNode *node, Check check, Problem *problem)
{
        if (node->kind != YAML_LIST)
                return check(node, problem);
        if (!node->children)
                return yaml_problem(node, problem, "is an empty list; leave the key out");
        for (const YamlNode *child = node->children; child; child = child->next) {
                int r = check(child, problem);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_texts(const YamlNode *node, Problem *problem)
{
        return check_each(node, check_text, problem);
}

static int check_words(const YamlNode *node, Problem *problem)
{
        return check_each(node, check_word, problem);
}

static int check_lines(const YamlNode *node, Problem *problem)
{
        return check_each(node, check_line, problem);
}

static int check_date(const YamlNode *node, Problem *problem)
{
        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        int r = check_text(node, problem);
        Problem why;

        if (r < 0)
                return r;
        r = date_formats_compile((const char *const[]){ node->text, NULL }, &dates, &why);
        return r < 0 ? yaml_problem(node, problem, "%s", why.text) : 0;
}

static int check_dates(const YamlNode *node, Problem *problem)
{
        if (yaml_count(node) > DATE_FORMATS_MAX)
                return yaml_problem(node, problem, "more than %d dates", DATE_FORMATS_MAX);
        return check_each(node, check_date, problem);
}

static int check_ignore(const YamlNode *node, Problem *problem)
{
        size_t n = 0;

        for (const YamlNode *child = node->kind == YAML_LIST ? node->children : NULL; child; child = child->next)
                if (++n > FILTER_IGNORE_MAX)
                        return yaml_problem(child, problem, "more than %d patterns", FILTER_IGNORE_MAX);
        return check_texts(node, problem);
}

static int check_category(const YamlNode *node, Problem *problem)
{
        long long value;

        return yaml_integer(node, 1, FILTER_CATEGORIES_MAX, &value, problem);
}

static int check_categories(const YamlNode *node, Problem *problem)
{
        bool taken[FILTER_CATEGORIES_MAX + 1] = { false };
        int r = check_each(node, check_category, problem);

        for (const YamlNode *child = r == 0 && node->kind == YAML_LIST ? node->children : NULL; child; child = child->next) {
                long long value;

                if (yaml_integer(child, 1, FILTER_CATEGORIES_MAX, &value, NULL) < 0 || taken[value])
                        return yaml_problem(child, problem, "%s stands here twice; keep one", child->text);
                taken[value] = true;
        }
        return r;
}

static int check_tags(const YamlNode *node, Problem *problem)
{
        if (node->kind == YAML_LIST && yaml_count(node) > FILTER_TAGS_MAX)
                return yaml_problem(node, problem, "more than %d tags", FILTER_TAGS_MAX);
        return check_words(node, problem);
}

static int check_window_lines(const YamlNode *node, Problem *problem)
{
        long long value;
        int r = yaml_integer(node, 1, 100, &value, problem);

        if (r == 0 && value > 1)
                return yaml_problem(node, problem, "joining lines is not supported yet; use `session:` to tie lines together");
        return r;
}

static int check_port(const YamlNode *node, Problem *problem)
{
        const char *slash = node->kind == YAML_SCALAR ? strchr(node->text, '/') : NULL;
        size_t size = node->kind != YAML_SCALAR ? 0 : slash ? (size_t) (slash - node->text) : strlen(node->text);

        if (size > 0 && (!slash || strcmp(slash, "/tcp") == 0 || strcmp(slash, "/udp") == 0) &&
            strspn(node->text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == size)
                return 0;
        return yaml_problem(node, problem, "must be a port or a service of /etc/services, as in ssh, 25 or 53/udp");
}

static int check_ports(const YamlNode *node, Problem *problem)
{
        return check_each(node, check_port, problem);
}

static int check_origin(const YamlNode *node, Problem *problem)
{
        static const Key keys[] = { { "uid", check_texts }, { "comm", check_texts }, { "unit", check_texts } };
        int r = CHECK_MAP(node, keys, problem);

        return r < 0 ? r : need(node, "uid", problem);
}

static int check_report(const YamlNode *node, Problem *problem)
{
        static const Key keys[] = { { "abuseipdb", check_categories }, { "tags", check_tags } };

        return CHECK_MAP(node, keys, problem);
}

/* A map of words to words (or to lists of them). */
static int check_word_map(const YamlNode *node, Problem *problem)
{
        size_t n = 0;

        if (node->kind != YAML_MAP)
                return yaml_problem(node, problem, "must be a map (\"name: value\"), not %s", yaml_kind_name(node->kind));
        for (const YamlNode *child = node->children; child; child = child->next) {
                int r = check_words(child, problem);
                if (r < 0)
                        return r;
                if (!text_is_name(child->key))
                        return yaml_problem(child, problem, "a parameter is named by one word");
                if (++n > FILTER_PARAMS_MAX)
                        return yaml_problem(child, problem, "more than %d parameters", FILTER_PARAMS_MAX);
        }
        return 0;
}

static int check_kind(const YamlNode *node, Problem *problem)
{
        static const char *const words[] = { "failure", "helper", "success", "end" };

        return check_choice(node, words, 4, problem);
}

static int check_transport(const YamlNode *node, Problem *problem)
{
        static const char *const words[] = TRANSPORTS;
        int r = 0;

        if (node->kind != YAML_LIST)
                return check_choice(node, words, 4, problem);
        if (!node->children)
                return yaml_problem(node, problem, "is empty; leave it out for lines that come any way");
        for (const YamlNode *child = node->children; child && r == 0; child = child->next)
                r = check_choice(child, words, 4, problem);
        return r;
}

static int check_count(const YamlNode *node, Problem *problem)
{
        static const char *const words[] = { "each", "ahead", "once" };

        return check_choice(node, words, 3, problem);
}

static int check_head(const YamlNode *node, Problem *problem)
{
        bool value;

        if (node->kind == YAML_SCALAR && (strcmp(node->text, "only") == 0 || yaml_bool(node, &value, NULL) == 0))
                return 0;
        return yaml_problem(node, problem, "must be true, false or only");
}

static int check_pad(const YamlNode *node, Problem *problem)
{
        long long value;

        return yaml_integer(node, 1, FILTER_PAD_MAX, &value, problem);
}

static int check_rule_end(const YamlNode *node, const char *kind, Problem *problem)
{
        const YamlNode *end = yaml_get(node, "end"), *witness = yaml_get(node, "witness");

        if (strcmp(kind, "failure") == 0) {
                if (witness && yaml_get(node, "count"))
                        return yaml_problem(yaml_get(node, "count"), problem, "where several witnesses tell of an attempt, each line counts by what they told");
                return 0;
        }
        if (end)
                return yaml_problem(end, problem, "only for failures that end their session; this rule is of kind %s, write `kind: end` alone", kind);
        return witness ? yaml_problem(witness, problem, "only failures have witnesses; this rule is of kind %s", kind) : 0;
}

static int check_rule(const YamlNode *node, Problem *problem)
{
        static const Key include_keys[] = { { "include", check_words } };
        static const Key keys[] = {
                { "id", check_word },     { "regex", check_text }, { "kind", check_kind },
                { "count", check_count }, { "head", check_head },  { "when", check_word_map },
                { "end", check_flag },    { "witness", check_word }, { "transport", check_transport },
        };
        const YamlNode *kind = yaml_get(node, "kind");
        int r;

        if (yaml_get(node, "include"))
                return CHECK_MAP(node, include_keys, problem);
        r = CHECK_MAP(node, keys, problem);
        if (r == 0)
                r = need(node, "id", problem);
        if (r == 0)
                r = need(node, "regex", problem);
        if (r == 0 && yaml_get(node, "count") && kind && strcmp(kind->text, "failure") != 0)
                return yaml_problem(yaml_get(node, "count"), problem, "only failures count; this rule is of kind %s", kind->text);
        return r == 0 ? check_rule_end(node, kind ? kind->text : "failure", problem) : r;
}

static int check_rules(const YamlNode *node, Problem *problem)
{
        size_t n = 0;

        if (node->kind != YAML_LIST || !text_is_name(node->key))
                return yaml_problem(node, problem, "a mode is a word with a list of rules (\"- id: ...\")");
        for (const YamlNode *rule = node->children; rule; rule = rule->next) {
                int r = check_rule(rule, problem);
                if (r < 0)
                        return r;
                if (++n > FILTER_RULES_MAX)
                        return yaml_problem(rule, problem, "more than %d rules in one mode", FILTER_RULES_MAX);
                for (const YamlNode *other = node->children; other != rule; other = other->next) {
                        const YamlNode *a = yaml_get(rule, "id"), *b = yaml_get(other, "id");
                        if (a && b && strcmp(a->text, b->text) == 0)
                                return yaml_problem(a, problem, "\"%s\" stands here twice (first at line %u)", a->text, b->line);
                }
        }
        return 0;
}

static int check_modes(const YamlNode *node, Problem *problem)
{
        if (node->kind != YAML_MAP)
                return yaml_problem(node, problem, "must be a map of modes (\"normal:\" and a list of rules)");
        for (const YamlNode *mode = node->children; mode; mode = mode->next) {
                int r = check_rules(mode, problem);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_address(const YamlNode *node, Problem *problem)
{
        Addr addr;

        if (node->kind != YAML_SCALAR || addr_parse(node->text, strlen(node->text), &addr) < 0)
                return yaml_problem(node, problem, "must be an IP address; quote it if it holds colons");
        return 0;
}

static int check_attempts(const YamlNode *node, Problem *problem)
{
        long long value;

        return yaml_integer(node, 1, HIT_ATTEMPTS_MAX, &value, problem);
}

static int check_match(const YamlNode *node, Problem *problem)
{
        static const Key keys[] = { { "ip", check_address }, { "user", check_line }, { "rule", check_word }, { "attempts", check_attempts } };
        bool value = false;

        if (node->kind != YAML_SCALAR)
                return CHECK_MAP(node, keys, problem);
        if (yaml_bool(node, &value, NULL) < 0 || value)
                return yaml_problem(node, problem, "must be false (no failure), or a map of ip, user and rule");
        return 0;
}

static int check_test(const YamlNode *node, Problem *problem)
{
        static const Key keys[] = {
                { "line", check_line },       { "match", check_match }, { "mode", check_word },
                { "params", check_word_map }, { "after", check_lines }, { "description", check_text },
                { "pad", check_pad },
        };
        int r = CHECK_MAP(node, keys, problem);

        if (r == 0)
                r = need(node, "line", problem);
        return r < 0 ? r : need(node, "match", problem);
}

static int check_tests(const YamlNode *node, Problem *problem)
{
        if (node->kind != YAML_LIST)
                return yaml_problem(node, problem, "must be a list of tests (\"- line: ...\")");
        return node->children ? check_each(node, check_test, problem) : 0;
}

/**
 * filter_check_layer() - whether a file is a filter's
 * @document:   the file
 * @problem:    says "file:line:column: what"
 *
 * Return: 0 or -EINVAL.
 */
int filter_check_layer(const YamlDocument *document, Problem *problem)
{
        static const Key keys[] = {
                { "name", check_word },       { "description", check_text },
                { "extends", check_word },    { "drop", check_words },
                { "ident", check_texts },     { "origin", check_origin },
                { "ports", check_ports },     { "report", check_report },
                { "session", check_word },    { "prefix", check_text },
                { "modes", check_modes },     { "ignore", check_ignore },
                { "date", check_dates },      { "window_lines", check_window_lines },
                { "params", check_word_map }, { "tests", check_tests },
        };
        const YamlNode *root = document->root;
        int r;

        _Static_assert(sizeof keys / sizeof *keys <= KEYS_MAX, "room for all names");
        if (!root || root->kind != YAML_MAP)
                return problem_set(problem, -EINVAL, "%s:1:1: a filter is a map with at least name, ident and modes",
                                   document->file);
        r = CHECK_MAP(root, keys, problem);
        if (r == 0)
                r = need(root, "name", problem);
        if (r == 0 && yaml_get(root, "drop") && !yaml_get(root, "extends"))
                return yaml_problem(yaml_get(root, "drop"), problem, "only with `extends:` there is something to drop");
        if (r == 0 && !yaml_get(root, "extends")) {
                r = need(root, "ident", problem);
                if (r == 0)
                        r = need(root, "modes", problem);
        }
        return r;
}
