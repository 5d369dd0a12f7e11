/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which rules a mode has, over the files of an `extends` chain and the modes
 * that it includes.
 *
 * Files are laid over each other from the one that extends nothing upwards: a
 * rule of the same mode and id replaces the one below in its place, a new one
 * goes behind, `drop` takes away. Then includes are resolved, in place; the
 * first rule of an id stays.
 */

#include <errno.h>
#include <string.h>

#include "filter/private.h"
#include "util/text.h"

#define MODES_TOLD 32 /* in a message about a wrong one */
#define INCLUDE_DEPTH_MAX 8

typedef struct RuleList {
        const YamlNode **nodes; /* rules, and maps with `include` */
        size_t n;
} RuleList;

/**
 * layers_get() - the value of a key: the file's own, or what it inherits
 *
 * Return: the value or NULL.
 */
const YamlNode *layers_get(Layers layers, const char *key)
{
        for (size_t i = 0; i < layers.n; i++) {
                const YamlNode *node = yaml_get(layers.documents[i]->root, key);
                if (node)
                        return node;
        }
        return NULL;
}

/**
 * layers_default_mode() - "normal", or the first mode of a filter that has none of that name
 */
const char *layers_default_mode(Layers layers)
{
        const char *first = "normal";

        for (size_t i = 0; i < layers.n; i++) {
                const YamlNode *modes = yaml_get(layers.documents[i]->root, "modes");
                if (yaml_get(modes, "normal"))
                        return "normal";
                if (modes && modes->children)
                        first = modes->children->key;
        }
        return first;
}

static const char *rule_id(const YamlNode *rule)
{
        const YamlNode *id = yaml_get(rule, "id");

        return id ? id->text : NULL;
}

static size_t position(const RuleList *list, const char *id)
{
        size_t i;

        for (i = 0; i < list->n; i++) {
                const char *other = rule_id(list->nodes[i]);
                if (id && other && strcmp(id, other) == 0)
                        break;
        }
        return i;
}

static int append(RuleList *list, const YamlNode *rule, Problem *problem)
{
        if (list->n >= FILTER_RULES_MAX)
                return yaml_problem(rule, problem, "more than %d rules in one mode", FILTER_RULES_MAX);
        list->nodes[list->n++] = rule;
        return 0;
}

/* Loops over a list, or once over a scalar; not at all over NULL. */
#define FOR_EACH_TEXT(item, node)                                                                                                \
        for (const YamlNode *item = (node) && (node)->kind == YAML_LIST ? (node)->children : (node); item;                       \
             item = (node)->kind == YAML_LIST ? item->next : NULL)

static void drop_rules(RuleList *list, const YamlNode *drop)
{
        FOR_EACH_TEXT(id, drop)
        {
                size_t i = position(list, id->text);
                if (i == list->n)
                        continue;
                memmove(&list->nodes[i], &list->nodes[i + 1], (list->n - i - 1) * sizeof *list->nodes);
                list->n--;
        }
}

/* One mode, its files laid over each other; *found tells whether any has it. */
static int overlay(Layers layers, const char *mode, RuleList *list, bool *found, Problem *problem)
{
        for (size_t i = layers.n; i-- > 0;) {
                const YamlNode *root = layers.documents[i]->root;
                const YamlNode *rules = yaml_get(yaml_get(root, "modes"), mode);

                drop_rules(list, yaml_get(root, "drop"));
                *found = *found || rules;
                for (const YamlNode *rule = rules ? rules->children : NULL; rule; rule = rule->next) {
                        size_t at = position(list, rule_id(rule));
                        if (at < list->n) {
                                list->nodes[at] = rule;
                                continue;
                        }
                        int r = append(list, rule, problem);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static bool is_among(const char *word, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i], word) == 0)
                        return true;
        return false;
}

static int no_such_mode(Layers layers, const char *mode, const YamlNode *place, Problem *problem)
{
        const char *modes[MODES_TOLD], *near;
        char known[512] = "";
        size_t used = 0, n = 0;

        for (size_t i = 0; i < layers.n; i++) {
                const YamlNode *map = yaml_get(layers.documents[i]->root, "modes");
                for (const YamlNode *m = map ? map->children : NULL; m && n < MODES_TOLD; m = m->next)
                        if (!is_among(m->key, modes, n))
                                modes[n++] = m->key;
        }
        for (size_t i = 0; i < n && used + strlen(modes[i]) + 3 < sizeof known; i++)
                used += (size_t) snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", modes[i]);
        near = text_nearest(mode, modes, n);
        if (place)
                return yaml_problem(place, problem, "there is no mode \"%s\"; modes: %s", mode, known);
        return problem_set(problem, -ENXIO, "the filter %s has no mode \"%.64s\": it has %s%s%s%s (%s)", layers_get(layers, "name")->text, mode,
                           known, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", layers.documents[0]->file);
}

static int collect(Layers layers, const char *mode, const YamlNode *place, unsigned depth, RuleList *list, Problem *problem)
{
        const YamlNode *nodes[FILTER_RULES_MAX];
        RuleList own = { .nodes = nodes };
        bool found = false;
        int r;

        if (depth > INCLUDE_DEPTH_MAX)
                return yaml_problem(place, problem, "modes include each other");
        r = overlay(layers, mode, &own, &found, problem);
        if (r < 0)
                return r;
        if (!found)
                return no_such_mode(layers, mode, place, problem);
        for (size_t i = 0; i < own.n && r == 0; i++) {
                const YamlNode *include = yaml_get(own.nodes[i], "include");
                if (!include && position(list, rule_id(own.nodes[i])) == list->n)
                        r = append(list, own.nodes[i], problem);
                FOR_EACH_TEXT(other, include)
                {
                        r = collect(layers, other->text, other, depth + 1, list, problem);
                        if (r < 0)
                                return r;
                }
        }
        return r;
}

/**
 * layers_rules() - the rules of a mode, in the order in which they are tried
 * @ret_rules:  the rules' maps; those that `when` leaves out are among them
 * @ret_n:      their number
 *
 * Return: 0; -ENXIO if there is no such mode, -EINVAL.
 */
int layers_rules(Layers layers, const char *mode, const YamlNode *ret_rules[FILTER_RULES_MAX], size_t *ret_n, Problem *problem)
{
        RuleList list = { .nodes = ret_rules };
        int r = collect(layers, mode, NULL, 0, &list, problem);

        if (r == 0)
                *ret_n = list.n;
        return r;
}

/* How many witnesses the files name up to the first that is called @word; all, if none is. */
static size_t count_witnesses(Layers layers, const char *word)
{
        const char *known[FILTER_WITNESSES_MAX + 1];
        size_t n = 0;

        for (size_t i = layers.n; i-- > 0;) {
                const YamlNode *modes = yaml_get(layers.documents[i]->root, "modes");
                for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next)
                        for (const YamlNode *rule = mode->children; rule; rule = rule->next) {
                                const YamlNode *witness = yaml_get(rule, "witness");
                                size_t at = 0;

                                if (!witness)
                                        continue;
                                while (at < n && strcmp(known[at], witness->text) != 0)
                                        at++;
                                if (at == n && n <= FILTER_WITNESSES_MAX)
                                        known[n++] = witness->text;
                                if (word && strcmp(witness->text, word) == 0)
                                        return at;
                        }
        }
        return n;
}

/**
 * transport_bit() - the bit of a way that lines come by; 0 of one that no rule can name
 */
unsigned transport_bit(const char *name)
{
        static const char *const names[] = TRANSPORTS;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(names[i], name) == 0)
                        return 1u << i;
        return 0;
}

/**
 * rule_transports() - the bits of a rule's `transport`, a name or a list of them; 0: it has none
 */
unsigned rule_transports(const YamlNode *node)
{
        unsigned bits = 0;

        if (node && node->kind == YAML_SCALAR)
                return transport_bit(node->text);
        for (const YamlNode *child = node ? node->children : NULL; child; child = child->next)
                bits |= transport_bit(child->text);
        return bits;
}

/**
 * rule_witness() - the bit that stands for a rule's witness; 0: it has none
 *
 * Witnesses are numbered in the order of the files, over all modes, so that
 * what the store has kept means the same after a restart and in another mode.
 */
uint16_t rule_witness(Layers layers, const YamlNode *rule)
{
        const YamlNode *witness = yaml_get(rule, "witness");

        return witness ? (uint16_t) (1u << count_witnesses(layers, witness->text)) : 0;
}

/**
 * rule_wanted() - whether the parameters let a rule be there
 */
bool rule_wanted(const YamlNode *rule, const Param params[], size_t n_params)
{
        const YamlNode *when = yaml_get(rule, "when");

        for (const YamlNode *condition = when ? when->children : NULL; condition; condition = condition->next) {
                bool wanted = false;
                for (size_t i = 0; i < n_params; i++) {
                        if (strcmp(params[i].name, condition->key) != 0)
                                continue;
                        FOR_EACH_TEXT(value, condition)
                        {
                                wanted = wanted || strcmp(params[i].value, value->text) == 0;
                        }
                }
                if (!wanted)
                        return false;
        }
        return true;
}

static int check_when(Layers layers, const YamlNode *rule, Problem *problem)
{
        const YamlNode *when = yaml_get(rule, "when"), *params = layers_get(layers, "params");

        for (const YamlNode *condition = when ? when->children : NULL; condition; condition = condition->next) {
                const YamlNode *values = yaml_get(params, condition->key);
                if (!values)
                        return yaml_problem(condition, problem, "`params:` has no such parameter");
                FOR_EACH_TEXT(value, condition)
                {
                        bool known = false;
                        FOR_EACH_TEXT(choice, values)
                        {
                                known = known || strcmp(choice->text, value->text) == 0;
                        }
                        if (!known)
                                return yaml_problem(value, problem, "\"%s\" is no value of the parameter %s", value->text,
                                                    condition->key);
                }
        }
        return 0;
}

static int check_witness(Layers layers, const YamlNode *rule, const Regex *regex, Problem *problem)
{
        const YamlNode *witness = yaml_get(rule, "witness");

        if (witness && count_witnesses(layers, NULL) > FILTER_WITNESSES_MAX)
                return yaml_problem(witness, problem, "more than %d different witnesses", FILTER_WITNESSES_MAX);
        if (!witness && (regex_has(regex, CAPTURE_ATTEMPTS) || regex_has(regex, CAPTURE_SECONDS)))
                return yaml_problem(yaml_get(rule, "regex"), problem,
                                    "the groups attempts and seconds are for a summary, which names itself by `witness:`; add it");
        return 0;
}

static int check_rule(const YamlNode *rule, const Regex *regex, bool address_elsewhere, Problem *problem)
{
        const YamlNode *kind = yaml_get(rule, "kind"), *head = yaml_get(rule, "head"), *pattern = yaml_get(rule, "regex");
        size_t size = strlen(pattern->text);
        bool is_head = false;

        if ((!kind || strcmp(kind->text, "failure") == 0) && !regex_has(regex, CAPTURE_ADDR) && !address_elsewhere)
                return yaml_problem(
                        pattern, problem,
                        "finds no address: put <ADDR> where it stands, or give the filter a `session:` whose lines tell it");
        if (head && yaml_bool(head, &is_head, NULL) < 0)
                is_head = true; /* only */
        if (is_head && (!regex_has(regex, CAPTURE_ADDR) || pattern->text[0] != '^' || pattern->text[size - 1] == '$'))
                return yaml_problem(head, problem, "such a rule begins with ^, holds <ADDR>, and does not end with $");
        return 0;
}

/* What is dropped must be there, in some mode of what is extended. */
static int check_drop(Layers layers, Problem *problem)
{
        const YamlNode *drop = yaml_get(layers.documents[0]->root, "drop");

        FOR_EACH_TEXT(id, drop)
        {
                bool found = false;
                for (size_t i = 1; i < layers.n; i++) {
                        const YamlNode *modes = yaml_get(layers.documents[i]->root, "modes");
                        for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next)
                                for (const YamlNode *rule = mode->children; rule; rule = rule->next)
                                        found = found || (rule_id(rule) && strcmp(rule_id(rule), id->text) == 0);
                }
                if (!found)
                        return yaml_problem(id, problem, "there is no rule \"%s\" to drop", id->text);
        }
        return 0;
}

/**
 * layers_check_rules() - whether all rules of all modes of the file itself can be used
 * @session_capture: what regex_new() takes
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int layers_check_rules(Layers layers, const char *session_capture, Problem *problem)
{
        const YamlNode *modes = yaml_get(layers.documents[0]->root, "modes"), *prefix = layers_get(layers, "prefix");
        bool elsewhere =
                layers_get(layers, "session") || (prefix && (strstr(prefix->text, "<ADDR>") || strstr(prefix->text, "<HOST>")));
        const YamlNode *nodes[FILTER_RULES_MAX];
        size_t n;
        int r = check_drop(layers, problem);

        if (r < 0)
                return r;
        for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next) {
                r = layers_rules(layers, mode->key, nodes, &n, problem);
                if (r < 0)
                        return r;
                for (const YamlNode *rule = mode->children; rule; rule = rule->next) {
                        _cleanup_(regex_freep) Regex *regex = NULL;

                        if (yaml_get(rule, "include"))
                                continue;
                        r = check_when(layers, rule, problem);
                        if (r == 0)
                                r = regex_new(yaml_get(rule, "regex"), session_capture, 0, &regex, problem);
                        if (r == 0)
                                r = check_rule(rule, regex, elsewhere, problem);
                        if (r == 0)
                                r = check_witness(layers, rule, regex, problem);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
