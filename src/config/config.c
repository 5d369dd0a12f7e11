/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The configuration is built whole and checked whole before anybody sees it,
 * and never changes afterwards: a reload builds another one. Every message
 * names file, line and column and what would be right.
 *
 * The layers have been merged into one tree before (merge.c), in which every
 * key is known; here each value is read once. All memory belongs to one arena,
 * so that freeing half a configuration is the same as freeing a whole one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/allow.h"
#include "config/private.h"
#include "util/text.h"

#define JAILS_MAX 1000

typedef struct Builder {
        Config *config;
        bool check_modes;
        Problem *problem;
} Builder;

/**
 * config_free() - free a configuration and all that it points to
 *
 * Return: NULL
 */
Config *config_free(Config *config)
{
        if (!config)
                return NULL;
        arena_free(config->arena);
        free(config);
        return NULL;
}

/**
 * config_place() - "file:line:column", or NULL
 */
char *config_place(Arena *arena, const char *file, unsigned line, unsigned column)
{
        size_t size = strlen(file) + 32;
        char *place = arena_alloc(arena, size);

        if (place)
                snprintf(place, size, "%s:%u:%u", file, line, column);
        return place;
}

/**
 * config_jail_place() - where an option of a jail was written, in the jail itself or in `defaults:`
 * @key:        of an option that is in no group, or of a group that is in none
 *
 * Return: "file:line:column"; where the option has its default, of the jail.
 */
const char *config_jail_place(const JailConfig *jail, const char *key)
{
        for (const ConfigOrigin *origin = jail->origins; origin; origin = origin->next)
                if (strcmp(origin->option->key, key) == 0)
                        return origin->place;
        return jail->place;
}

/**
 * config_option_place() - where an option of the host was written
 * @key:        of an option or a group, at the top level or below `reports:`
 *
 * Return: "file:line:column"; where the option has its default, the administrator's file.
 */
const char *config_option_place(const Config *config, const char *key)
{
        for (const ConfigOrigin *origin = config->origins; origin; origin = origin->next)
                if (strcmp(origin->option->key, key) == 0)
                        return origin->place;
        return config->path;
}

/**
 * config_has_option() - whether an option means something to this jail
 */
bool config_has_option(const JailConfig *jail, const Option *option)
{
        return !option->of_filter || !(jail->sources & CONFIG_SOURCE_BANS);
}

static int add_origin(Builder *builder, const ConfigOrigin **origins, const Option *option, const YamlNode *node)
{
        ConfigOrigin *origin = arena_alloc(builder->config->arena, sizeof *origin);

        if (!origin)
                return -ENOMEM;
        origin->option = option;
        origin->next = *origins;
        origin->place = config_place(builder->config->arena, node->file, node->line, node->column);
        *origins = origin;
        return origin->place ? 0 : -ENOMEM;
}

static int options_read(Builder *builder, const OptionTable *table, const YamlNode *map, void *target, const ConfigOrigin **origins);

static int map_read(Builder *builder, const Option *option, const YamlNode *node, void *target, const ConfigOrigin **origins)
{
        if (node->kind != YAML_MAP && !yaml_is_null(node))
                return yaml_problem(node, builder->problem, "must be a map: { %s: ... }", option->table->options[0].key);
        return options_read(builder, option->table, node, target, origins);
}

/* Its first option switches the group: by a map, which means true, or by its value alone. */
static int group_read(Builder *builder, const Option *group, const YamlNode *node, void *target, const ConfigOrigin **origins)
{
        const Option *first = &group->table->options[0];
        bool *enabled = (bool *) ((char *) target + first->offset);
        int r;

        if (node->kind == YAML_MAP)
                *enabled = true;
        else if (yaml_bool(node, enabled, NULL) < 0)
                return yaml_problem(node, builder->problem, "must be true, false or a map: %s", group->example);
        r = add_origin(builder, origins, group, node);
        if (r == 0)
                r = add_origin(builder, origins, first, node);
        return r == 0 && node->kind == YAML_MAP ? options_read(builder, group->table, node, target, origins) : r;
}

static int options_read(Builder *builder, const OptionTable *table, const YamlNode *map, void *target, const ConfigOrigin **origins)
{
        int r = 0;

        for (const YamlNode *child = map ? map->children : NULL; child && r == 0; child = child->next) {
                const Option *option = option_find(table, option_key(child->key).stem);

                switch (option->type) {
                case OPTION_ALLOW:
                case OPTION_DEFAULTS:
                case OPTION_JAILS: continue;
                case OPTION_MAP: r = map_read(builder, option, child, target, origins); break;
                case OPTION_GROUP: r = group_read(builder, option, child, target, origins); break;
                default:
                        r = option_read(option, child, target, builder->config->arena, builder->problem);
                        if (r == 0)
                                r = add_origin(builder, origins, option, child);
                        break;
                }
        }
        return r;
}

static int defaults_read(Builder *builder, const YamlNode *map, JailConfig *defaults)
{
        const YamlNode *filter = yaml_get(map, "filter"), *sources = yaml_get(map, "sources");
        int r;

        if (filter)
                return yaml_problem(filter, builder->problem, "cannot stand in defaults; each jail has a filter of its own");
        r = options_read(builder, &JAIL_TABLE, map, defaults, &defaults->origins);
        if (r == 0)
                r = config_report_check(map, &defaults->report, builder->problem);
        if (r == 0 && (defaults->sources & CONFIG_SOURCE_BANS))
                return yaml_problem(sources ? sources : map, builder->problem,
                                    "[bans] cannot stand in defaults; write it in the one jail that counts bans");
        return r;
}

/* A jail that counts bans reads no lines. */
static int check_bans(Builder *builder, const YamlNode *map, JailConfig *jail)
{
        if (!(jail->sources & CONFIG_SOURCE_BANS))
                return 0;
        for (size_t i = 0; i < JAIL_TABLE.n_options; i++) {
                const Option *option = &JAIL_TABLE.options[i];
                const YamlNode *node = option->of_filter ? yaml_get(map, option->key) : NULL;

                if (node)
                        return yaml_problem(node, builder->problem,
                                            "means nothing where bans are counted (sources: [bans]); remove it");
        }
        /* What defaults: say of lines is not for it either. */
        jail->filter = jail->mode = jail->timezone = "";
        jail->logs = jail->containers = NULL;
        jail->n_logs = jail->n_containers = 0;
        jail->is_json = false;
        jail->json.message = jail->json.time = jail->json.address = "";
        return 0;
}

static int check_files(Builder *builder, const YamlNode *map, const JailConfig *jail)
{
        const YamlNode *sources = yaml_get(map, "sources");

        if (jail->n_containers > 0 && jail->sources && !(jail->sources & CONFIG_SOURCE_JOURNAL))
                return yaml_problem(sources ? sources : map, builder->problem,
                                    "containers are read in the journal: write sources: [journal], or take containers away and name their files in logs");
        if ((jail->sources & CONFIG_SOURCE_FILES) && jail->n_logs == 0)
                return yaml_problem(sources ? sources : map, builder->problem, "[files] needs logs: write which, as in logs: [/var/log/auth.log]");
        return 0;
}

static int check_increment(Builder *builder, const YamlNode *map, const JailConfig *jail)
{
        const YamlNode *node = yaml_get(map, "bantime_increment"), *max = yaml_get(node, "max"), *bantime = yaml_get(map, "bantime");
        const BanIncrement *increment = &jail->increment;
        char a[DURATION_TEXT_MAX], b[DURATION_TEXT_MAX];

        if (!increment->enabled)
                return 0;
        node = max ? max : bantime ? bantime : node ? node : map;
        if (jail->bantime == DURATION_FOREVER)
                return yaml_problem(node, builder->problem,
                                    "a bantime of forever cannot grow; write bantime_increment: false in this jail");
        if (increment->max != DURATION_FOREVER && increment->max < jail->bantime)
                return yaml_problem(node, builder->problem, "the longest ban (bantime_increment: max, %s) is shorter than bantime (%s); raise it, or lower bantime",
                                    duration_format(increment->max, a), duration_format(jail->bantime, b));
        return 0;
}

static int jail_read(Builder *builder, const YamlNode *map, const JailConfig *defaults, JailConfig *jail)
{
        Arena *arena = builder->config->arena;
        int r;

        if (!text_is_name(map->key))
                return yaml_problem(map, builder->problem,
                                    "a jail's name has letters, digits, '-', '_' and '.', and at most 63 of them");
        *jail = *defaults;
        jail->filter = jail->name = arena_text(arena, map->key);
        jail->place = config_place(arena, map->file, map->key_line, map->key_column);
        if (!jail->name || !jail->place)
                return -ENOMEM;
        r = options_read(builder, &JAIL_TABLE, map, jail, &jail->origins);
        if (r == 0)
                r = check_bans(builder, map, jail);
        if (r == 0)
                r = check_files(builder, map, jail);
        if (r == 0)
                r = config_report_check(map, &jail->report, builder->problem);
        config_report_settle(&jail->report);
        return r == 0 ? check_increment(builder, map, jail) : r;
}

static int jails_read(Builder *builder, const YamlNode *map, const JailConfig *defaults)
{
        Config *config = builder->config;
        int r;

        if (!map)
                return 0;
        if (yaml_count(map) > JAILS_MAX)
                return yaml_problem(map, builder->problem, "more than %d jails", JAILS_MAX);
        config->jails = arena_alloc(config->arena, (yaml_count(map) + 1) * sizeof *config->jails);
        if (!config->jails)
                return -ENOMEM;
        for (const YamlNode *child = map->children; child; child = child->next) {
                r = jail_read(builder, child, defaults, &config->jails[config->n_jails]);
                if (r < 0)
                        return r;
                config->n_jails++;
        }
        return 0;
}

static const YamlNode *allow_of(const YamlNode *map)
{
        const YamlNode *list = yaml_get(map, "allow!");

        if (!list)
                list = yaml_get(map, "allow+");
        return list ? list : yaml_get(map, "allow");
}

/*
 * What defaults allow, every jail does: then it is the host's, and stands in
 * the kernel. Only where a jail that runs replaces it (`allow!`), it is the
 * other jails' alone, as the kernel would exempt it from that jail's bans too.
 */
static int allow_lists_read(Builder *builder, const YamlNode *root)
{
        const YamlNode *defaults = allow_of(yaml_get(root, "defaults")), *jails = yaml_get(root, "jails");
        Config *config = builder->config;
        bool replaced = false;
        size_t i = 0;
        int r;

        for (const YamlNode *jail = jails ? jails->children : NULL; jail; jail = jail->next, i++)
                replaced = replaced || (config->jails[i].enabled && yaml_get(jail, "allow!"));
        r = allow_read(config, allow_of(root), NULL, builder->check_modes, builder->problem);
        if (r == 0 && !replaced)
                r = allow_read(config, defaults, NULL, builder->check_modes, builder->problem);
        i = 0;
        for (const YamlNode *jail = jails ? jails->children : NULL; jail && r == 0; jail = jail->next, i++) {
                if (replaced && !yaml_get(jail, "allow!"))
                        r = allow_read(config, defaults, config->jails[i].name, builder->check_modes, builder->problem);
                if (r == 0)
                        r = allow_read(config, allow_of(jail), config->jails[i].name, builder->check_modes, builder->problem);
        }
        return r;
}

static int build(Builder *builder, const YamlNode *root)
{
        Config *config = builder->config;
        JailConfig defaults = { 0 };
        int r;

        r = option_defaults(&CONFIG_TABLE, config, config->arena);
        if (r == 0)
                r = option_defaults(&JAIL_TABLE, &defaults, config->arena);
        if (r == 0)
                r = options_read(builder, &CONFIG_TABLE, root, config, &config->origins);
        if (r == 0)
                r = defaults_read(builder, yaml_get(root, "defaults"), &defaults);
        if (r == 0)
                r = jails_read(builder, yaml_get(root, "jails"), &defaults);
        return r == 0 ? allow_lists_read(builder, root) : r;
}

static int take_files(Config *config, const Layers *layers)
{
        const char **files = arena_alloc(config->arena, (layers->n + 1) * sizeof *files);

        if (!files)
                return -ENOMEM;
        for (size_t i = 0; i < layers->n; i++)
                if (!(files[i] = arena_text(config->arena, layers->documents[i]->file)))
                        return -ENOMEM;
        config->files = files;
        config->n_files = layers->n;
        return 0;
}

/**
 * config_build() - a configuration from layers that have been read
 * @path:       the administrator's file
 * @check_modes: refuse allow files that others may change
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int config_build(const char *path, const Layers *layers, bool check_modes, Config **ret_config, Problem *problem)
{
        _cleanup_(config_freep) Config *config = calloc(1, sizeof *config);
        _cleanup_(arena_freep) Arena *merged = arena_new();
        Builder builder = { config, check_modes, problem };
        const YamlNode *root;
        int r;

        problem_set(problem, 0, "%s:1:1: out of memory", path);
        if (!config || !merged || !(config->arena = arena_new()) || !(config->path = arena_text(config->arena, path)))
                return -ENOMEM;
        r = take_files(config, layers);
        if (r == 0)
                r = layers_merge(layers, merged, &root, problem);
        if (r == 0)
                r = build(&builder, root);
        if (r < 0)
                return r;
        *ret_config = steal(config);
        return 0;
}

/**
 * config_load() - read and check a configuration from all its layers
 * @path:       the administrator's file; what is shipped lies below it, jails.d beside it above
 * @ret_config: the configuration, for config_free()
 * @problem:    "file:line:column: what is wrong and what would be right"
 *
 * Return: 0, -EINVAL if it is refused, -errno if it cannot be read.
 */
int config_load(const char *path, Config **ret_config, Problem *problem)
{
        _cleanup_(layers_freep) Layers *layers = NULL;
        int r;

        problem_set(problem, 0, "%s:1:1: out of memory", path);
        r = layers_read(path, &layers, problem);
        return r < 0 ? r : config_build(path, layers, true, ret_config, problem);
}

/* A layer on top that enables a jail. */
static int enable_jail(Layers *layers, const char *name)
{
        char text[JAIL_NAME_MAX + 64];
        YamlDocument *document = NULL;
        int r;

        snprintf(text, sizeof text, "jails: { \"%s\": { enabled: true } }", name);
        r = yaml_read_memory("--jail", text, strlen(text), &document, &(Problem){ "" });
        return r < 0 ? r : layers_add(layers, document);
}

/**
 * config_load_jails() - config_load(), with some jails enabled whatever it says
 * @path:       NULL: what is shipped, alone; without that, the built-in defaults
 * @jails:      names; of one that the files do not have, every option has its default, and the filter is named like it
 *
 * Return: as config_load(); -EINVAL for a name that no jail can have, too.
 */
int config_load_jails(const char *path, const char *const *jails, size_t n_jails, Config **ret_config, Problem *problem)
{
        _cleanup_(layers_freep) Layers *layers = NULL;
        int r;

        problem_set(problem, 0, "%s:1:1: out of memory", path ? path : "defaults");
        r = layers_read(path, &layers, problem);
        for (size_t i = 0; i < n_jails && r == 0; i++) {
                if (!text_is_name(jails[i]))
                        return problem_set(problem, -EINVAL, "\"%.80s\" is no jail's name, which has letters, digits, '-', '_' and '.'", jails[i]);
                r = enable_jail(layers, jails[i]);
        }
        return r < 0 ? r : config_build(path ? path : "", layers, true, ret_config, problem);
}

/**
 * config_load_alone() - read and check a configuration that is one file
 *
 * It is one that we wrote, so it is not asked who may change it, nor who may
 * change the allow files that it names: the last configuration that loaded must
 * load again.
 *
 * Return: as config_load().
 */
int config_load_alone(const char *path, Config **ret_config, Problem *problem)
{
        _cleanup_(layers_freep) Layers *layers = NULL;
        int r;

        problem_set(problem, 0, "%s:1:1: out of memory", path);
        r = layers_read_alone(path, &layers, problem);
        return r < 0 ? r : config_build(path, layers, false, ret_config, problem);
}
