/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The configuration is built whole and checked whole before anybody sees it,
 * and never changes afterwards: a reload builds another one. Every message
 * names file, line and column and what would be right.
 *
 * All memory belongs to one arena, so that freeing half a configuration is the
 * same as freeing a whole one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config/option.h"
#include "util/text.h"
#include "util/yaml.h"

#define JAILS_MAX 1000

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

static const char *node_place(Arena *arena, const YamlNode *node)
{
        char place[512];

        snprintf(place, sizeof place, "%s:%u:%u", node->file, node->key ? node->key_line : node->line,
                 node->key ? node->key_column : node->column);
        return arena_text(arena, place);
}

static int count_children(const YamlNode *node)
{
        int n = 0;

        for (const YamlNode *child = node->children; child; child = child->next)
                n++;
        return n;
}

static int allow_read(Config *config, const YamlNode *node, Problem *problem)
{
        AllowConfig *all;
        int r;

        if (yaml_is_null(node))
                return 0;
        if (node->kind != YAML_LIST)
                return yaml_problem(node, problem, "must be a list of addresses: [192.0.2.0/24, \"2001:db8::1\"]");
        all = arena_alloc(config->arena, (config->n_allow + (size_t) count_children(node) + 1) * sizeof *all);
        if (!all)
                return -ENOMEM;
        if (config->n_allow)
                memcpy(all, config->allow, config->n_allow * sizeof *all);
        config->allow = all;
        for (const YamlNode *child = node->children; child; child = child->next) {
                AllowConfig *entry = &all[config->n_allow];

                r = child->kind == YAML_SCALAR ? addr_parse_prefix(child->text, &entry->addr) : -EINVAL;
                if (r == -EDOM)
                        return yaml_problem(child, problem, "\"%s\" has bits set behind the prefix length; write the network's first address",
                                            child->text);
                if (r < 0)
                        return yaml_problem(child, problem, "\"%s\" is no address or prefix (host names are not taken here)",
                                            child->kind == YAML_SCALAR ? child->text : yaml_kind_name(child->kind));
                entry->kind = ALLOW_ADDR;
                entry->text = entry->jail = NULL;
                entry->place = node_place(config->arena, child);
                if (!entry->place)
                        return -ENOMEM;
                config->n_allow++;
        }
        return 0;
}

static int jail_options_read(Config *config, const YamlNode *map, JailConfig *jail, bool defaults, Problem *problem)
{
        int r;

        if (yaml_is_null(map))
                return 0;
        if (map->kind != YAML_MAP)
                return yaml_problem(map, problem, "must be a map of options, not %s", yaml_kind_name(map->kind));
        for (const YamlNode *child = map->children; child; child = child->next) {
                const Option *option = option_find(JAIL_OPTIONS, N_JAIL_OPTIONS, child->key);

                if (defaults && strcmp(child->key, "allow") == 0) {
                        r = allow_read(config, child, problem);
                } else if (!option) {
                        return option_unknown(JAIL_OPTIONS, N_JAIL_OPTIONS, child, problem);
                } else if (defaults && strcmp(child->key, "filter") == 0) {
                        return yaml_problem(child, problem, "cannot stand in defaults; each jail has a filter of its own");
                } else {
                        r = option_read(option, child, jail, config->arena, problem);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int jails_read(Config *config, const YamlNode *map, const JailConfig *defaults, Problem *problem)
{
        int r;

        if (yaml_is_null(map))
                return 0;
        if (map->kind != YAML_MAP)
                return yaml_problem(map, problem, "must be a map from names to jails, not %s", yaml_kind_name(map->kind));
        if (count_children(map) > JAILS_MAX)
                return yaml_problem(map, problem, "more than %d jails", JAILS_MAX);
        config->jails = arena_alloc(config->arena, (size_t) count_children(map) * sizeof *config->jails);
        if (!config->jails)
                return -ENOMEM;
        for (const YamlNode *child = map->children; child; child = child->next) {
                JailConfig *jail = &config->jails[config->n_jails];

                if (!text_is_name(child->key))
                        return yaml_problem(child, problem, "a jail's name has letters, digits, '-', '_' and '.', and at most 63 of them");
                *jail = *defaults;
                jail->name = arena_text(config->arena, child->key);
                jail->filter = jail->name;
                jail->place = node_place(config->arena, child);
                if (!jail->name || !jail->place)
                        return -ENOMEM;
                r = jail_options_read(config, child, jail, false, problem);
                if (r < 0)
                        return r;
                config->n_jails++;
        }
        return 0;
}

static int config_build(Config *config, const YamlNode *root, Problem *problem)
{
        JailConfig defaults = { 0 };
        int r = 0;

        for (size_t i = 0; i < N_CONFIG_OPTIONS && r == 0; i++)
                r = option_fallback(&CONFIG_OPTIONS[i], config, config->arena);
        for (size_t i = 0; i < N_JAIL_OPTIONS && r == 0; i++)
                r = option_fallback(&JAIL_OPTIONS[i], &defaults, config->arena);
        if (r < 0 || yaml_is_null(root))
                return r;
        if (root->kind != YAML_MAP)
                return yaml_problem(root, problem, "the configuration must be a map (defaults:, jails:, ...), not %s", yaml_kind_name(root->kind));
        for (const YamlNode *child = root->children; child; child = child->next) {
                const Option *option = option_find(CONFIG_OPTIONS, N_CONFIG_OPTIONS, child->key);

                if (!option)
                        return option_unknown(CONFIG_OPTIONS, N_CONFIG_OPTIONS, child, problem);
                r = option_read(option, child, config, config->arena, problem);
                if (r < 0)
                        return r;
        }
        if (yaml_get(root, "defaults")) {
                r = jail_options_read(config, yaml_get(root, "defaults"), &defaults, true, problem);
                if (r < 0)
                        return r;
        }
        if (yaml_get(root, "allow")) {
                r = allow_read(config, yaml_get(root, "allow"), problem);
                if (r < 0)
                        return r;
        }
        return jails_read(config, yaml_get(root, "jails"), &defaults, problem);
}

/**
 * config_load() - read and check a configuration
 * @path:       the file
 * @ret_config: the configuration, for config_free()
 * @problem:    "file:line:column: what is wrong and what would be right"
 *
 * Return: 0, -EINVAL if it is refused, -errno if it cannot be read.
 */
int config_load(const char *path, Config **ret_config, Problem *problem)
{
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        _cleanup_(config_freep) Config *config = calloc(1, sizeof *config);
        int r;

        problem_set(problem, 0, "%s: out of memory", path);
        if (!config || !(config->arena = arena_new()))
                return -ENOMEM;
        r = yaml_read_file(path, &document, problem);
        if (r < 0)
                return r;
        config->path = arena_text(config->arena, path);
        if (!config->path)
                return -ENOMEM;
        r = config_build(config, document->root, problem);
        if (r < 0)
                return r;
        *ret_config = steal(config);
        return 0;
}

/**
 * config_dump() - the configuration in force, every option written out
 * @ret_text:   YAML that config_load() reads to the same configuration, for free(3)
 */
int config_dump(const Config *config, bool origin, char **ret_text)
{
        char text[ADDR_TEXT_MAX];
        size_t size;
        FILE *stream = open_memstream(ret_text, &size);

        if (!stream)
                return -ENOMEM;
        for (size_t i = 0; i < N_CONFIG_OPTIONS; i++) {
                if (CONFIG_OPTIONS[i].type == OPTION_BLOCK)
                        continue;
                fprintf(stream, "%s: ", CONFIG_OPTIONS[i].key);
                option_write(&CONFIG_OPTIONS[i], config, stream);
                fputc('\n', stream);
        }
        fprintf(stream, "allow:%s\n", config->n_allow ? "" : " []");
        for (size_t i = 0; i < config->n_allow; i++)
                fprintf(stream, "  - \"%s\"\n", addr_format(&config->allow[i].addr, text));
        fprintf(stream, "jails:%s\n", config->n_jails ? "" : " {}");
        for (size_t i = 0; i < config->n_jails; i++) {
                fprintf(stream, "  %s:\n", config->jails[i].name);
                for (size_t j = 0; j < N_JAIL_OPTIONS; j++) {
                        fprintf(stream, "    %s: ", JAIL_OPTIONS[j].key);
                        option_write(&JAIL_OPTIONS[j], &config->jails[i], stream);
                        fputc('\n', stream);
                }
        }
        return fclose(stream) == 0 ? 0 : -ENOMEM;
}
