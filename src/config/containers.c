/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of containers whose entries of the journal a jail reads. */

#include <errno.h>
#include <string.h>

#include "config/option.h"

#define CONTAINERS_MAX 32
#define CONTAINER_NAME_MAX 255

static int name_read(const YamlNode *node, const char **ret_name, Arena *arena, Problem *problem)
{
        static const char taken[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-*?[]!";
        const char *name = node->kind == YAML_SCALAR ? node->text : NULL;

        if (!name || !*name || strlen(name) > CONTAINER_NAME_MAX || name[strspn(name, taken)])
                return yaml_problem(node, problem, "must be a container's name, as docker ps shows it in its last column; *, ? and [...] stand for others: shop-*");
        *ret_name = arena_text(arena, name);
        return *ret_name ? 0 : -ENOMEM;
}

/**
 * containers_read() - read a list of names; behind what is there already for `containers+:`
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int containers_read(const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem)
{
        bool append = node->key && option_key(node->key).sign == '+';
        size_t n = append ? jail->n_containers : 0;
        const char **containers;
        int r = 0;

        if (node->kind != YAML_LIST)
                return yaml_problem(node, problem, "must be a list of containers' names: [shop-*]");
        if (n + yaml_count(node) > CONTAINERS_MAX)
                return yaml_problem(node, problem, "more than %d names; a glob stands for many: shop-*", CONTAINERS_MAX);
        containers = arena_alloc(arena, (n + yaml_count(node) + 1) * sizeof *containers);
        if (!containers)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                containers[i] = jail->containers[i];
        for (const YamlNode *child = node->children; child && r == 0; child = child->next)
                r = name_read(child, &containers[n++], arena, problem);
        if (r < 0)
                return r;
        jail->containers = containers;
        jail->n_containers = n;
        return 0;
}

/**
 * containers_write() - write them so that containers_read() reads the same
 */
void containers_write(const JailConfig *jail, FILE *stream)
{
        fputc('[', stream);
        for (size_t i = 0; i < jail->n_containers; i++) {
                fputs(i ? ", " : "", stream);
                option_write_text(jail->containers[i], stream);
        }
        fputc(']', stream);
}
