/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * From a filter's file to a Filter: find it and what it extends, check it
 * whole (schema.c, rules.c), then compile the rules of one mode. The tree of the
 * file is kept; ids, idents and the like point into it.
 *
 * A file that extends the filter of its own name means the next one on the
 * way: /etc/bailiff/filters/sshd.yaml may extend the shipped sshd.yaml.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "filter/private.h"
#include "util/text.h"

#define SPEC_MAX 512
#define FILTERS_LISTED 200 /* names that a wrong one is compared with */

const char *const FILTER_DIRECTORIES[] = { BAILIFF_CONFIG_DIR "/filters", BAILIFF_DATA_DIR "/filters", NULL };

/* ---- values ---- */

static size_t count_texts(const YamlNode *node)
{
        size_t n = 0;

        if (!node || node->kind != YAML_LIST)
                return node ? 1 : 0;
        for (const YamlNode *child = node->children; child; child = child->next)
                n++;
        return n;
}

static int take_texts(const YamlNode *node, const char ***ret_texts, size_t *ret_n)
{
        size_t n = count_texts(node);
        const char **texts = calloc(n + 1, sizeof *texts);

        if (!texts)
                return -ENOMEM;
        const YamlNode *item = node && node->kind == YAML_LIST ? node->children : node;
        for (size_t i = 0; i < n; i++, item = item->next)
                texts[i] = item->text;
        *ret_texts = texts;
        *ret_n = n;
        return 0;
}

/* A user that is not there (yet) writes no lines; filter_resolve() looks again. */
static int take_uids(const YamlNode *node, OriginRule *origin, Problem *problem)
{
        size_t n = node ? count_texts(node) : 1;
        const YamlNode *item = node && node->kind == YAML_LIST ? node->children : node;

        origin->uids = calloc(n, sizeof *origin->uids);
        origin->absent = calloc(n, sizeof *origin->absent);
        if (!origin->uids || !origin->absent)
                return -ENOMEM;
        if (!node) {
                origin->n_uids = 1;
                return 0;
        }
        for (size_t i = 0; i < n; i++, item = item->next) {
                if (item->text[0] >= '0' && item->text[0] <= '9') {
                        long long uid;
                        if (yaml_integer(item, 0, UINT32_MAX - 1, &uid, problem) < 0)
                                return -EINVAL;
                        origin->uids[origin->n_uids++] = (uint32_t) uid;
                } else {
                        const struct passwd *user = getpwnam(item->text);
                        if (user)
                                origin->uids[origin->n_uids++] = (uint32_t) user->pw_uid;
                        else
                                origin->absent[origin->n_absent++] = item->text;
                }
        }
        return 0;
}

static int take_origin(Layers layers, OriginRule *origin, Problem *problem)
{
        const YamlNode *node = layers_get(layers, "origin");
        int r = take_uids(yaml_get(node, "uid"), origin, problem);

        if (r == 0)
                r = take_texts(yaml_get(node, "comm"), &origin->comms, &origin->n_comms);
        if (r == 0)
                r = take_texts(yaml_get(node, "unit"), &origin->units, &origin->n_units);
        return r;
}

/* ---- parameters: "sshd[publickey=any]" ---- */

static Param *find_param(Filter *filter, const char *name)
{
        for (size_t i = 0; i < filter->n_params; i++)
                if (strcmp(filter->params[i].name, name) == 0)
                        return &filter->params[i];
        return NULL;
}

static int no_such_param(const Filter *filter, const char *name, Problem *problem)
{
        char known[256] = "";
        size_t used = 0;

        for (size_t i = 0; i < filter->n_params && used < sizeof known; i++)
                used += (size_t) snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", filter->params[i].name);
        return problem_set(problem, -EINVAL, "%s: the filter has no parameter \"%s\"; it has %s", filter->file, name,
                           filter->n_params > 0 ? known : "none");
}

static int set_param(Filter *filter, const YamlNode *declared, char *assignment, Problem *problem)
{
        char *value = strchr(assignment, '=');
        char known[256] = "";
        size_t used = 0;
        Param *param;

        if (!value)
                return problem_set(problem, -EINVAL, "%s: parameters are written name=value, as in sshd[publickey=any]",
                                   filter->file);
        *value++ = '\0';
        param = find_param(filter, assignment);
        if (!param)
                return no_such_param(filter, assignment, problem);
        const YamlNode *choices = yaml_get(declared, assignment);
        for (const YamlNode *choice = choices->kind == YAML_LIST ? choices->children : choices; choice;
             choice = choices->kind == YAML_LIST ? choice->next : NULL) {
                if (strcmp(choice->text, value) == 0) {
                        param->value = choice->text;
                        param->given = true;
                        return 0;
                }
                if (used + strlen(choice->text) + 3 < sizeof known)
                        used += (size_t) snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", choice->text);
        }
        return problem_set(problem, -EINVAL, "%s: the parameter %s cannot be \"%s\"; possible: %s", filter->file, assignment,
                           value, known);
}

static int take_params(Filter *filter, Layers layers, const char *given, Problem *problem)
{
        const YamlNode *declared = layers_get(layers, "params");
        char *rest;

        for (const YamlNode *param = declared ? declared->children : NULL; param; param = param->next) {
                const YamlNode *first = param->kind == YAML_LIST ? param->children : param;
                filter->params[filter->n_params++] = (Param){ .name = param->key, .value = first->text };
        }
        filter->spec_params = strdup(given ? given : "");
        if (!filter->spec_params)
                return -ENOMEM;
        rest = filter->spec_params;
        while (rest && *rest) {
                char *assignment = strsep(&rest, ",");
                int r = set_param(filter, declared, assignment, problem);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- rules ---- */

static void take_rule(const YamlNode *node, Rule *rule)
{
        const YamlNode *kind = yaml_get(node, "kind"), *count = yaml_get(node, "count");
        const YamlNode *head = yaml_get(node, "head"), *end = yaml_get(node, "end");
        const char *k = kind ? kind->text : "failure", *c = count ? count->text : "each";

        rule->node = node;
        rule->id = yaml_get(node, "id")->text;
        rule->kind = strcmp(k, "helper") == 0    ? RULE_HELPER
                     : strcmp(k, "success") == 0 ? RULE_SUCCESS
                     : strcmp(k, "end") == 0     ? RULE_END
                                                 : RULE_FAILURE;
        rule->count = strcmp(c, "ahead") == 0 ? HIT_COUNT_AHEAD : strcmp(c, "once") == 0 ? HIT_COUNT_ONCE : HIT_COUNT_EACH;
        rule->head_only = head && strcmp(head->text, "only") == 0;
        if (head && yaml_bool(head, &rule->head, NULL) < 0)
                rule->head = rule->head_only;
        if (end)
                yaml_bool(end, &rule->ends, NULL);
}

static void index_rules(Filter *filter)
{
        for (size_t i = 0; i < filter->n_rules; i++)
                for (int byte = 0; byte < 256; byte++)
                        if (regex_may_match(filter->rules[i].regex, filter->runner, (char) byte))
                                filter->candidates[byte][i / 64] |= UINT64_C(1) << (i % 64);
}

/* Most lines have nothing for the prefix, and need not be matched with it. */
static void index_prefix(Filter *filter)
{
        for (int byte = 0; byte < 256; byte++)
                filter->passes[byte] = !filter->prefix || regex_passes(filter->prefix, filter->runner, (char) byte);
}

static int take_rules(Filter *filter, Layers layers, Problem *problem)
{
        const YamlNode *nodes[FILTER_RULES_MAX];
        size_t n;
        int r = layers_rules(layers, filter->mode, nodes, &n, problem);

        if (r < 0)
                return r;
        filter->rules = calloc(n + 1, sizeof *filter->rules);
        if (!filter->rules)
                return -ENOMEM;
        filter->info.jit = true;
        for (size_t i = 0; i < n; i++) {
                Rule *rule = &filter->rules[filter->n_rules];

                if (!rule_wanted(nodes[i], filter->params, filter->n_params))
                        continue;
                take_rule(nodes[i], rule);
                rule->witness = rule_witness(layers, nodes[i]);
                rule->transports = rule_transports(yaml_get(nodes[i], "transport"));
                r = regex_new(yaml_get(nodes[i], "regex"), filter->session_capture, REGEX_JIT, &rule->regex, problem);
                if (r < 0)
                        return r;
                filter->n_rules++;
                rule->begin = regex_begin(rule->regex);
                filter->has_head = filter->has_head || rule->head;
                filter->info.jit = filter->info.jit && regex_is_jit(rule->regex);
        }
        index_rules(filter);
        return 0;
}

static int take_ignores(Filter *filter, Layers layers, Problem *problem)
{
        filter->ignores = calloc(FILTER_IGNORE_MAX * layers.n, sizeof *filter->ignores);
        if (!filter->ignores)
                return -ENOMEM;
        for (size_t i = 0; i < layers.n; i++) {
                const YamlNode *list = yaml_get(layers.documents[i]->root, "ignore");
                for (const YamlNode *node = list && list->kind == YAML_LIST ? list->children : list; node;
                     node = list->kind == YAML_LIST ? node->next : NULL) {
                        int r = regex_new(node, NULL, REGEX_JIT, &filter->ignores[filter->n_ignores], problem);
                        if (r < 0)
                                return r;
                        filter->n_ignores++;
                }
        }
        return 0;
}

static int take_session(Filter *filter, Layers layers)
{
        const YamlNode *node = layers_get(layers, "session");

        if (!node)
                return 0;
        filter->session = strcmp(node->text, "pid") == 0 ? SESSION_PID : SESSION_CAPTURE;
        filter->info.has_sessions = true;
        if (filter->session == SESSION_CAPTURE)
                filter->session_capture = node->text;
        return 0;
}

/* A session that no rule captures ties nothing together. */
static int check_session(const Filter *filter, Layers layers, Problem *problem)
{
        bool captured = filter->session != SESSION_CAPTURE || (filter->prefix && regex_has(filter->prefix, CAPTURE_SESSION));

        for (size_t i = 0; i < filter->n_rules; i++)
                captured = captured || regex_has(filter->rules[i].regex, CAPTURE_SESSION);
        if (captured)
                return 0;
        return yaml_problem(layers_get(layers, "session"), problem,
                            "no pattern has a group (?<%s>...); write pid or add the group", filter->session_capture);
}

/* A key of `report:` of the file itself, or of what it extends: each on its own. */
static const YamlNode *report_get(Layers layers, const char *key)
{
        for (size_t i = 0; i < layers.n; i++) {
                const YamlNode *node = yaml_get(yaml_get(layers.documents[i]->root, "report"), key);
                if (node)
                        return node;
        }
        return NULL;
}

static int take_report(Filter *filter, Layers layers)
{
        const YamlNode *categories = report_get(layers, "abuseipdb");
        const YamlNode *item = categories && categories->kind == YAML_LIST ? categories->children : categories;
        size_t used = 0;

        for (; item; item = categories->kind == YAML_LIST ? item->next : NULL) {
                long long number;

                if (yaml_integer(item, 1, FILTER_CATEGORIES_MAX, &number, NULL) == 0)
                        used += (size_t) snprintf(filter->categories + used, sizeof filter->categories - used, "%s%lld", used ? "," : "", number);
        }
        filter->info.categories = used > 0 ? filter->categories : NULL;
        return take_texts(report_get(layers, "tags"), &filter->tags, &filter->info.n_tags);
}

static int take_info(Filter *filter, Layers layers)
{
        const YamlNode *description = layers_get(layers, "description");
        size_t n_dates;
        int r;

        r = take_texts(layers_get(layers, "ident"), &filter->idents, &filter->info.n_idents);
        if (r == 0)
                r = take_texts(layers_get(layers, "ports"), &filter->ports, &filter->info.n_ports);
        if (r == 0)
                r = take_texts(layers_get(layers, "date"), &filter->dates, &n_dates);
        if (r == 0)
                r = take_report(filter, layers);
        if (r < 0)
                return r;
        filter->ident_is_pattern = calloc(filter->info.n_idents + 1, sizeof *filter->ident_is_pattern);
        if (!filter->ident_is_pattern)
                return -ENOMEM;
        for (size_t i = 0; i < filter->info.n_idents; i++)
                filter->ident_is_pattern[i] = strpbrk(filter->idents[i], "*?[") != NULL;
        filter->info.name = layers_get(layers, "name")->text;
        filter->info.description = description ? description->text : "";
        filter->info.mode = filter->mode;
        filter->info.file = filter->file;
        filter->info.idents = filter->idents;
        filter->info.comms = filter->origin.comms;
        filter->info.n_comms = filter->origin.n_comms;
        filter->info.ports = filter->ports;
        filter->info.tags = filter->tags;
        filter->info.dates = n_dates > 0 ? filter->dates : NULL;
        return 0;
}

/**
 * filter_build() - compile one mode of a filter that has been read
 * @layers:     checked by filter_check_layer(); they have to live as long as the filter does
 * @mode:       NULL: the default mode
 * @params:     "publickey=any,...", or NULL
 * @jail:       copied
 *
 * Return: 0; -ENXIO if there is no such mode, -EINVAL, -ENOMEM.
 */
int filter_build(Layers layers, const char *mode, const char *params, const char *jail, Filter **ret_filter, Problem *problem)
{
        _cleanup_(filter_freep) Filter *filter = calloc(1, sizeof *filter);
        const YamlNode *prefix = layers_get(layers, "prefix");
        int r;

        if (!filter)
                return -ENOMEM;
        filter->file = strdup(layers.documents[0]->file);
        filter->mode = strdup(mode ? mode : layers_default_mode(layers));
        filter->jail = strdup(jail);
        if (!filter->file || !filter->mode || !filter->jail)
                return -ENOMEM;
        r = regex_runner_new(&filter->runner);
        if (r == 0)
                r = take_session(filter, layers);
        if (r == 0)
                r = layers_check_rules(layers, filter->session_capture, problem);
        if (r == 0)
                r = take_params(filter, layers, params, problem);
        if (r == 0)
                r = take_rules(filter, layers, problem);
        if (r == 0 && prefix)
                r = regex_new(prefix, filter->session_capture, REGEX_JIT | REGEX_AT_START, &filter->prefix, problem);
        if (r == 0)
                r = check_session(filter, layers, problem);
        if (r == 0)
                r = take_ignores(filter, layers, problem);
        if (r == 0)
                r = take_origin(layers, &filter->origin, problem);
        if (r == 0)
                r = take_info(filter, layers);
        if (r == 0)
                r = words_build(layers, &filter->words);
        if (r == 0)
                r = session_table_new(SESSIONS_MAX, &filter->sessions);
        if (r < 0)
                return r;
        index_prefix(filter);
        *ret_filter = steal(filter);
        return 0;
}

/* ---- files ---- */

typedef struct Loader {
        const char *const *directories;
        YamlDocument *documents[FILTER_LAYERS_MAX];
        size_t n;
} Loader;

static void loader_clear(Loader *loader)
{
        for (size_t i = 0; i < loader->n; i++)
                yaml_document_free(loader->documents[i]);
        loader->n = 0;
}

static int add_layer(Loader *loader, YamlDocument *document, Problem *problem)
{
        loader->documents[loader->n++] = document;
        return filter_check_layer(document, problem);
}

static bool is_loaded(const Loader *loader, const char *path)
{
        char a[PATH_MAX], b[PATH_MAX];

        for (size_t i = 0; i < loader->n; i++)
                if (strcmp(loader->documents[i]->file, path) == 0 ||
                    (realpath(loader->documents[i]->file, a) && realpath(path, b) && strcmp(a, b) == 0))
                        return true;
        return false;
}

/* Adds a directory's filters to `names`, so that a wrong name can be answered with the nearest. */
static void list_filters(const char *directory, char *names[static FILTERS_LISTED], size_t *n_names)
{
        DIR *stream = opendir(directory);

        for (struct dirent *entry; stream && *n_names < FILTERS_LISTED && (entry = readdir(stream));) {
                size_t size = strlen(entry->d_name);

                if (size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0 && (names[*n_names] = strndup(entry->d_name, size - 5)))
                        ++*n_names;
        }
        if (stream)
                closedir(stream);
}

/* The i-th directory in which filters are sought: $BAILIFF_FILTERS first if none were given, then the list; NULL at its end. */
static const char *search_directory(const Loader *loader, size_t i)
{
        const char *first = loader->directories ? NULL : getenv("BAILIFF_FILTERS");

        if (first && *first && i-- == 0)
                return first;
        return (loader->directories ? loader->directories : FILTER_DIRECTORIES)[i];
}

/* The problem of a name that no file has, with the nearest one that some file has. */
static int no_such_filter(const Loader *loader, const char *name, Problem *problem)
{
        char sought[PROBLEM_TEXT_MAX / 2] = "", hint[160] = "", *names[FILTERS_LISTED];
        size_t used = 0, n_names = 0;
        const char *directory, *near;

        for (size_t i = 0; (directory = search_directory(loader, i)); i++) {
                list_filters(directory, names, &n_names);
                if (used + strlen(directory) + 3 < sizeof sought)
                        used += (size_t) snprintf(sought + used, sizeof sought - used, "%s%s", used ? ", " : "", directory);
        }
        near = text_nearest(name, (const char *const *) names, n_names);
        if (strlen(name) > 4 && strcmp(name + strlen(name) - 4, ".yml") == 0)
                snprintf(hint, sizeof hint, "; a path ends in .yaml, not in .yml");
        else if (near && strcmp(near, name) != 0)
                snprintf(hint, sizeof hint, "; did you mean \"%.64s\"?", near);
        while (n_names > 0)
                free(names[--n_names]);
        return problem_set(problem, -ENOENT, "there is no filter \"%s\": no %s.yaml in %s%s", name, name, sought, hint);
}

static int find_file(const Loader *loader, const char *name, char path[static PATH_MAX], Problem *problem)
{
        const char *directory;

        for (size_t i = 0; (directory = search_directory(loader, i)); i++)
                if (snprintf(path, PATH_MAX, "%s/%s.yaml", directory, name) < PATH_MAX && access(path, F_OK) == 0 && !is_loaded(loader, path))
                        return 0;
        return no_such_filter(loader, name, problem);
}

/* A file that is found by a name has that name: what it finds is shown and remembered under it. */
static int check_name(const YamlDocument *document, const char *sought, Problem *problem)
{
        const YamlNode *name = yaml_get(document->root, "name");

        if (strcmp(name->text, sought) == 0)
                return 0;
        return yaml_problem(name, problem, "must be \"%s\", as the file is called; or rename the file to %s.yaml", sought,
                            name->text);
}

static int load_bases(Loader *loader, Problem *problem)
{
        for (;;) {
                const YamlNode *extends = yaml_get(loader->documents[loader->n - 1]->root, "extends");
                YamlDocument *document = NULL;
                char path[PATH_MAX];
                Problem why;
                int r;

                if (!extends)
                        return 0;
                if (loader->n == FILTER_LAYERS_MAX)
                        return yaml_problem(extends, problem, "filters extend each other more than %d deep",
                                            FILTER_LAYERS_MAX - 1);
                r = find_file(loader, extends->text, path, &why);
                if (r < 0)
                        return yaml_problem(extends, problem, "%s", why.text);
                r = yaml_read_file(path, &document, problem);
                if (r == 0)
                        r = add_layer(loader, document, problem);
                if (r == 0)
                        r = check_name(document, extends->text, problem);
                if (r < 0)
                        return r;
        }
}

static int finish(Loader *loader, const char *mode, const char *params, const char *jail, Filter **ret_filter, Problem *problem)
{
        Filter *filter;
        int r = filter_build((Layers){ loader->documents, loader->n }, mode, params, jail, &filter, problem);

        if (r < 0)
                return r;
        memcpy(filter->layers, loader->documents, sizeof filter->layers);
        filter->n_layers = loader->n;
        loader->n = 0;
        *ret_filter = filter;
        return 0;
}

/* Takes "name[params]" or "path.yaml[params]" apart. */
static int split_spec(const char *spec, char copy[static SPEC_MAX], char **ret_params, Problem *problem)
{
        size_t size = strlen(spec);
        char *open;

        if (size == 0 || size >= SPEC_MAX)
                return problem_set(problem, -EINVAL,
                                   "\"%.40s\" is no filter: write a name, as in sshd, or a path ending in .yaml", spec);
        memcpy(copy, spec, size + 1);
        open = copy[size - 1] == ']' ? strrchr(copy, '[') : NULL;
        *ret_params = NULL;
        if (open) {
                copy[size - 1] = '\0';
                *open = '\0';
                *ret_params = open + 1;
        }
        return 0;
}

/**
 * filter_load() - load a filter and compile one of its modes
 * @spec:       "sshd", "sshd[publickey=any]", or a path that ends in .yaml (parameters may follow it, too)
 * @mode:       NULL: the default mode, normal
 * @jail:       the jail that hits name; copied
 * @directories: where to seek names, ended by NULL; NULL: $BAILIFF_FILTERS, then FILTER_DIRECTORIES
 * @ret_filter: for filter_free()
 * @problem:    says what is wrong, with file:line:column if the file was read
 *
 * Return: 0; -ENOENT if there is no such filter, -ENXIO if it has no such mode,
 * -EINVAL if the file is wrong, -errno of reading it, -ENOMEM.
 */
int filter_load(const char *spec, const char *mode, const char *jail, const char *const directories[], Filter **ret_filter,
                Problem *problem)
{
        _cleanup_(loader_clear) Loader loader = { .directories = directories };
        YamlDocument *document = NULL;
        char copy[SPEC_MAX], path[PATH_MAX];
        char *params = NULL;
        size_t size;
        bool named = false;
        int r;

        problem_set(problem, 0, "%s: out of memory", spec);
        r = split_spec(spec, copy, &params, problem);
        if (r < 0)
                return r;
        size = strlen(copy);
        if (size > 5 && strcmp(copy + size - 5, ".yaml") == 0)
                strcpy(path, copy);
        else if (!text_is_name(copy))
                return problem_set(problem, -EINVAL,
                                   "\"%.40s\" is no filter: write a name, as in sshd, or a path ending in .yaml", copy);
        else if ((r = find_file(&loader, copy, path, problem)) < 0)
                return r;
        else
                named = true;
        r = yaml_read_file(path, &document, problem);
        if (r == 0)
                r = add_layer(&loader, document, problem);
        if (r == 0 && named)
                r = check_name(document, copy, problem);
        if (r == 0)
                r = load_bases(&loader, problem);
        return r < 0 ? r : finish(&loader, mode, params, jail, ret_filter, problem);
}

/**
 * filter_load_memory() - load a filter whose file is in memory
 * @name:       what messages call it
 *
 * Reads no file, so `extends` is refused. Otherwise like filter_load().
 */
int filter_load_memory(const char *name, const char *yaml, size_t size, const char *mode, const char *jail, Filter **ret_filter,
                       Problem *problem)
{
        _cleanup_(loader_clear) Loader loader = { 0 };
        YamlDocument *document = NULL;
        int r;

        problem_set(problem, 0, "%s: out of memory", name);
        r = yaml_read_memory(name, yaml, size, &document, problem);
        if (r == 0)
                r = add_layer(&loader, document, problem);
        if (r < 0)
                return r;
        if (yaml_get(document->root, "extends"))
                return yaml_problem(yaml_get(document->root, "extends"), problem, "only a filter in a file can extend another");
        return finish(&loader, mode, NULL, jail, ret_filter, problem);
}
