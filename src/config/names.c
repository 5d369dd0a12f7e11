/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lists of plain names: containers, and namespaces of the journal. */

#include <errno.h>
#include <string.h>

#include "config/option.h"

#define NAMES_MAX 32
#define NAME_LENGTH_MAX 200
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

typedef struct List {
        const char *const *names;
        size_t n;
} List;

static int name_read(const YamlNode *node, const Option *option, const char **ret_name, Arena *arena, Problem *problem)
{
        const char *taken = option->type == OPTION_CONTAINERS ? LETTERS "*?[]!" : LETTERS;
        const char *name = node->kind == YAML_SCALAR ? node->text : NULL;

        if (!name || !*name || *name == '.' || strlen(name) > NAME_LENGTH_MAX || name[strspn(name, taken)])
                return option->type == OPTION_CONTAINERS
                               ? yaml_problem(node, problem, "must be a container's name, as docker ps shows it in its last column; *, ? and [...] stand for others: shop-*")
                               : yaml_problem(node, problem, "must be the name of a namespace, as LogNamespace= of a unit has it");
        *ret_name = arena_text(arena, name);
        return *ret_name ? 0 : -ENOMEM;
}

/**
 * config_names_read() - read a list of names; behind what is there already for `KEY+:`
 * @place:      of the list and its number
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int config_names_read(const YamlNode *node, const Option *option, void *place, Arena *arena, Problem *problem)
{
        bool append = node->key && option_key(node->key).sign == '+';
        List *list = place;
        size_t n = append ? list->n : 0;
        const char **names;
        int r = 0;

        if (node->kind != YAML_LIST)
                return yaml_problem(node, problem, "must be a list of names: [shop]");
        if (n + yaml_count(node) > NAMES_MAX)
                return yaml_problem(node, problem, "more than %d names%s", NAMES_MAX, option->type == OPTION_CONTAINERS ? "; a glob stands for many: shop-*" : "");
        names = arena_alloc(arena, (n + yaml_count(node) + 1) * sizeof *names);
        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                names[i] = list->names[i];
        for (const YamlNode *child = node->children; child && r == 0; child = child->next)
                r = name_read(child, option, &names[n++], arena, problem);
        if (r == 0)
                *list = (List){ names, n };
        return r;
}

/**
 * config_names_write() - write them so that config_names_read() reads the same
 */
void config_names_write(const void *place, FILE *stream)
{
        const List *list = place;

        fputc('[', stream);
        for (size_t i = 0; i < list->n; i++) {
                fputs(i ? ", " : "", stream);
                option_write_text(list->names[i], stream);
        }
        fputc(']', stream);
}
