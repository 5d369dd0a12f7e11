/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Paths of log files that a jail reads. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "config/option.h"

#define LOGS_MAX 32

static int path_read(const YamlNode *node, const char **ret_path, Arena *arena, Problem *problem)
{
        const char *path = node->kind == YAML_SCALAR ? node->text : NULL;

        if (!path || !*path)
                return yaml_problem(node, problem, "must be a path: /var/log/auth.log");
        if (path[0] != '/')
                return yaml_problem(node, problem, "\"%s\" is not absolute; write the path from / on", path);
        if (strlen(path) >= PATH_MAX || !option_text_is_plain(path))
                return yaml_problem(node, problem, "this path is too long, or has a control character in it");
        if (path[strlen(path) - 1] == '/')
                return yaml_problem(node, problem, "\"%s\" is a directory; name files: %s*.log", path, path);
        if (strchr(path, '{'))
                return yaml_problem(node, problem, "\"%s\" has a brace, which is not taken; write one entry for each path", path);
        if (strstr(path, "/../") || strstr(path, "**"))
                return yaml_problem(node, problem, "\"%s\" has %s in it, which is not taken", path, strstr(path, "**") ? "**" : "..");
        *ret_path = arena_text(arena, path);
        return *ret_path ? 0 : -ENOMEM;
}

/**
 * logs_read() - read a list of paths; behind what is there already for `logs+:`
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int logs_read(const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem)
{
        bool append = node->key && option_key(node->key).sign == '+';
        size_t n = append ? jail->n_logs : 0;
        const char **logs;
        int r = 0;

        if (node->kind != YAML_LIST)
                return yaml_problem(node, problem, "must be a list of paths: [/var/log/auth.log]");
        if (n + yaml_count(node) > LOGS_MAX)
                return yaml_problem(node, problem, "more than %d paths; a glob stands for many: /var/log/nginx/*.log", LOGS_MAX);
        logs = arena_alloc(arena, (n + yaml_count(node) + 1) * sizeof *logs);
        if (!logs)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                logs[i] = jail->logs[i];
        for (const YamlNode *child = node->children; child && r == 0; child = child->next)
                r = path_read(child, &logs[n++], arena, problem);
        if (r < 0)
                return r;
        logs[n] = NULL;
        jail->logs = logs;
        jail->n_logs = n;
        return 0;
}

/**
 * logs_write() - write them so that logs_read() reads the same
 */
void logs_write(const JailConfig *jail, FILE *stream)
{
        fputc('[', stream);
        for (size_t i = 0; i < jail->n_logs; i++) {
                fputs(i ? ", " : "", stream);
                option_write_text(jail->logs[i], stream);
        }
        fputc(']', stream);
}
