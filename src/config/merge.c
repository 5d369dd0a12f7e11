/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Layers become one tree whose nodes keep the places that they were written
 * at: maps merge by key, a scalar or list replaces, `key+:` appends to a list,
 * `allow:` always does, and `allow!:` replaces.
 *
 * Where a sign is left over, it still says something: a `ports+` in the result
 * appends to what the jail has from `defaults:`, and an `allow!` replaces that.
 * The option table leads the walk, so unknown keys and wrong signs are found in
 * every layer, also in one whose values a later layer replaces.
 */

#include <errno.h>
#include <string.h>

#include "config/layers.h"
#include "config/option.h"

typedef struct Merger {
        Arena *arena;
        Problem *problem;
} Merger;

static int merge_options(Merger *merger, const OptionTable *table, YamlNode *base, const YamlNode *over);

/* A copy of a node and all below it, whose text stays the document's. */
static YamlNode *copy_node(Arena *arena, const YamlNode *node)
{
        YamlNode *copy = arena_alloc(arena, sizeof *copy), **tail;

        if (!copy)
                return NULL;
        *copy = *node;
        copy->next = copy->children = NULL;
        tail = &copy->children;
        for (const YamlNode *child = node->children; child; child = child->next, tail = &(*tail)->next)
                if (!(*tail = copy_node(arena, child)))
                        return NULL;
        return copy;
}

/* The slot of the option in a map, in whichever form it was written; or the end of the map. */
static YamlNode **find_slot(YamlNode *map, const char *stem)
{
        YamlNode **slot = &map->children;

        while (*slot && strcmp(option_key((*slot)->key).stem, stem) != 0)
                slot = &(*slot)->next;
        return slot;
}

static int put(Merger *merger, YamlNode **slot, const YamlNode *node)
{
        YamlNode *copy = copy_node(merger->arena, node);

        if (!copy)
                return -ENOMEM;
        if (*slot)
                copy->next = (*slot)->next;
        *slot = copy;
        return 0;
}

static int append(Merger *merger, YamlNode **slot, const YamlNode *over, bool is_allow)
{
        YamlNode *copy, **tail;

        if (over->kind != YAML_LIST)
                return yaml_problem(over, merger->problem, "%s", is_allow ? ALLOW_EXPECTED : "must be a list, which is appended");
        if (!*slot)
                return put(merger, slot, over);
        if ((*slot)->kind != YAML_LIST)
                return yaml_problem(over, merger->problem,
                                    "there is no list to append to: %s:%u:%u says \"%s\"; write %s:", (*slot)->file,
                                    (*slot)->line, (*slot)->column, (*slot)->kind == YAML_SCALAR ? (*slot)->text : "map",
                                    option_key(over->key).stem);
        copy = copy_node(merger->arena, over);
        if (!copy)
                return -ENOMEM;
        for (tail = &(*slot)->children; *tail; tail = &(*tail)->next)
                ;
        *tail = copy->children;
        return 0;
}

/* The map in a slot, made where there is none, which says where it was written last. */
static YamlNode *map_in(Merger *merger, YamlNode **slot, const YamlNode *over)
{
        YamlNode *children = *slot && (*slot)->kind == YAML_MAP ? (*slot)->children : NULL, *next = *slot ? (*slot)->next : NULL;

        if (!*slot && !(*slot = arena_alloc(merger->arena, sizeof **slot)))
                return NULL;
        **slot = *over;
        (*slot)->kind = YAML_MAP;
        (*slot)->text = NULL;
        (*slot)->children = children;
        (*slot)->next = next;
        return *slot;
}

static int merge_map(Merger *merger, const OptionTable *table, YamlNode **slot, const YamlNode *over)
{
        YamlNode *map;

        if (over->kind != YAML_MAP && !yaml_is_null(over))
                return yaml_problem(over, merger->problem, "must be a map of options, not %s", yaml_kind_name(over->kind));
        map = map_in(merger, slot, over);
        if (!map)
                return -ENOMEM;
        return over->kind == YAML_MAP ? merge_options(merger, table, map, over) : 0;
}

static int merge_jails(Merger *merger, const OptionTable *table, YamlNode **slot, const YamlNode *over)
{
        YamlNode *map, **jail;
        int r = 0;

        if (over->kind != YAML_MAP && !yaml_is_null(over))
                return yaml_problem(over, merger->problem,
                                    "must be a map from names to jails, not %s", yaml_kind_name(over->kind));
        map = map_in(merger, slot, over);
        if (!map)
                return -ENOMEM;
        for (const YamlNode *child = over->children; child && r == 0; child = child->next) {
                for (jail = &map->children; *jail && strcmp((*jail)->key, child->key) != 0; jail = &(*jail)->next)
                        ;
                r = merge_map(merger, table, jail, child);
        }
        return r;
}

/* The sign must suit the option, and an option stands once in a map. */
static int check_key(Merger *merger, const Option *option, const YamlNode *over, const YamlNode *child)
{
        OptionKey key = option_key(child->key);
        YamlNode bare = *child;

        bare.line = child->key_line;
        bare.column = child->key_column;
        if (key.sign == '+' && !option_is_list(option))
                return yaml_problem(&bare, merger->problem, "only lists are appended to; write %s:", key.stem);
        if (key.sign == '!' && option->type != OPTION_ALLOW)
                return yaml_problem(&bare, merger->problem, "only allow: takes a \"!\"; write %s:, which replaces", key.stem);
        for (const YamlNode *other = over->children; other != child; other = other->next)
                if (strcmp(option_key(other->key).stem, key.stem) == 0)
                        return yaml_problem(&bare, merger->problem,
                                            "stands here twice (as %s: at line %u); keep one", other->key, other->key_line);
        return 0;
}

static int merge_option(Merger *merger, const Option *option, YamlNode **slot, const YamlNode *over)
{
        char sign = option_key(over->key).sign;

        switch (option->type) {
        case OPTION_DEFAULTS: return merge_map(merger, option->table, slot, over);
        case OPTION_JAILS: return merge_jails(merger, option->table, slot, over);
        case OPTION_MAP:
        case OPTION_GROUP:
                if (over->kind == YAML_MAP)
                        return merge_map(merger, option->table, slot, over);
                break;
        case OPTION_ALLOW:
                if (sign != '!')
                        return yaml_is_null(over) ? 0 : append(merger, slot, over, true);
                break;
        default:
                if (sign == '+')
                        return append(merger, slot, over, false);
                break;
        }
        return put(merger, slot, over);
}

static int merge_options(Merger *merger, const OptionTable *table, YamlNode *base, const YamlNode *over)
{
        int r;

        for (const YamlNode *child = over->children; child; child = child->next) {
                OptionKey key = option_key(child->key);
                const Option *option = option_find(table, key.stem);

                if (!option)
                        return option_unknown(table, child, merger->problem);
                r = check_key(merger, option, over, child);
                if (r == 0)
                        r = merge_option(merger, option, find_slot(base, key.stem), child);
                if (r < 0)
                        return r;
        }
        return 0;
}

/**
 * layers_merge() - one tree from all layers
 * @arena:      owns the nodes; their text is the layers'
 * @ret_root:   a map
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int layers_merge(const Layers *layers, Arena *arena, const YamlNode **ret_root, Problem *problem)
{
        Merger merger = { arena, problem };
        YamlNode *root = arena_alloc(arena, sizeof *root);
        int r;

        if (!root)
                return -ENOMEM;
        root->kind = YAML_MAP;
        for (size_t i = 0; i < layers->n; i++) {
                const YamlNode *over = layers->documents[i]->root;

                if (yaml_is_null(over))
                        continue;
                if (over->kind != YAML_MAP)
                        return yaml_problem(over, problem, "the configuration must be a map (defaults:, jails:, ...), not %s",
                                            yaml_kind_name(over->kind));
                r = merge_options(&merger, &CONFIG_TABLE, root, over);
                if (r < 0)
                        return r;
        }
        *ret_root = root;
        return 0;
}
