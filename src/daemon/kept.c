/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A bad configuration must not disarm the host.
 *
 * Once a configuration has loaded with all its filters, a copy of those files
 * is kept in the state directory: kept/bailiff.yaml, and kept/filters/ with the
 * filters, kept/filters1/ with what those extend, and so on. The next
 * start with a file that does not load runs the kept one, degraded. The copy is
 * replaced as a whole by renaming directories, so a crash leaves the old or the
 * new one; between the two renames it is found as kept.old.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/private.h"
#include "util/text.h"
#include "util/yaml.h"

#define KEPT_LAYERS 4 /* files of one `extends` chain */

static int path_join(char path[static PATH_MAX], const char *a, const char *b, const char *c)
{
        return snprintf(path, PATH_MAX, "%s/%s%s", a, b, c) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int filters_path(char path[static PATH_MAX], const char *directory, size_t layer)
{
        char name[32] = "filters";

        if (layer > 0)
                snprintf(name, sizeof name, "filters%zu", layer);
        return path_join(path, directory, name, "");
}

/* Removes kept-directories only: files one and two levels down, by known names. */
static void remove_kept(const char *directory)
{
        char path[PATH_MAX];

        for (size_t layer = 0; layer < KEPT_LAYERS; layer++) {
                DIR *filters;

                if (filters_path(path, directory, layer) < 0 || !(filters = opendir(path)))
                        continue;
                for (struct dirent *entry; (entry = readdir(filters));)
                        if (entry->d_name[0] != '.')
                                unlinkat(dirfd(filters), entry->d_name, 0);
                closedir(filters);
                rmdir(path);
        }
        if (path_join(path, directory, "bailiff.yaml", "") == 0)
                unlink(path);
        rmdir(directory);
}

static int make_kept(const char *directory)
{
        char path[PATH_MAX];

        if (mkdir(directory, 0700) < 0)
                return -errno;
        for (size_t layer = 0; layer < KEPT_LAYERS; layer++)
                if (filters_path(path, directory, layer) < 0 || mkdir(path, 0700) < 0)
                        return -errno;
        return 0;
}

static int copy_file(const char *from, const char *to)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = text_read_file(from, YAML_SIZE_MAX, &text, &size);

        return r < 0 ? r : text_write_file(to, text, size, 0600);
}

static bool same_file(const char *a, const char *b)
{
        _cleanup_free_ char *text_a = NULL, *text_b = NULL;
        size_t size_a, size_b;

        return text_read_file(a, YAML_SIZE_MAX, &text_a, &size_a) == 0 && text_read_file(b, YAML_SIZE_MAX, &text_b, &size_b) == 0 &&
               size_a == size_b && memcmp(text_a, text_b, size_a) == 0;
}

/* Calls `visit` for each file that the running configuration was made of, with its name in a kept directory. */
static int each_file(const Daemon *daemon, const char *directory, int (*visit)(const char *file, const char *kept))
{
        char path[PATH_MAX], filters[PATH_MAX];
        int r;

        r = path_join(path, directory, "bailiff.yaml", "");
        if (r == 0)
                r = visit(daemon->config->path, path);
        for (size_t i = 0; i < daemon->n_jails && r == 0; i++) {
                const Filter *filter = daemon->jails[i].filter;
                const char *file;

                for (size_t layer = 0; filter && r == 0 && (file = filter_file(filter, layer)); layer++) {
                        const char *slash = strrchr(file, '/');

                        r = filters_path(filters, directory, layer);
                        if (r == 0)
                                r = path_join(path, filters, slash ? slash + 1 : file, "");
                        if (r == 0)
                                r = visit(file, path);
                }
        }
        return r;
}

static int visit_same(const char *file, const char *kept)
{
        return same_file(file, kept) ? 0 : 1;
}

/**
 * kept_save() - keep the files of the configuration that runs
 *
 * Return: 0 (also if they are kept already), or -errno with @problem set; the
 * old copy stays then.
 */
int kept_save(Daemon *daemon, Problem *problem)
{
        const char *state = daemon->options.state_directory;
        char kept[PATH_MAX], new[PATH_MAX], old[PATH_MAX];
        int r;

        if (path_join(kept, state, "kept", "") < 0 || path_join(new, state, "kept.new", "") < 0 ||
            path_join(old, state, "kept.old", "") < 0)
                return problem_set(problem, -ENAMETOOLONG, "%s: the path is too long", state);
        if (each_file(daemon, kept, visit_same) == 0)
                return 0;
        remove_kept(new);
        r = make_kept(new);
        if (r == 0)
                r = each_file(daemon, new, copy_file);
        if (r == 0) {
                remove_kept(old);
                if (rename(kept, old) < 0 && errno != ENOENT)
                        r = -errno;
                else if (rename(new, kept) < 0)
                        r = -errno;
                remove_kept(old);
        }
        if (r < 0)
                return problem_set(problem, r, "the configuration could not be kept in %s: %s; a bad one at the next start would find none",
                                   kept, strerror(-r));
        return 0;
}

static const char *kept_directory(const Daemon *daemon, char path[static PATH_MAX])
{
        if (path_join(path, daemon->options.state_directory, "kept", "") == 0 && access(path, F_OK) == 0)
                return path;
        return path_join(path, daemon->options.state_directory, "kept.old", "") == 0 && access(path, F_OK) == 0 ? path : NULL;
}

/**
 * kept_load() - load the kept configuration
 *
 * Return: 0, -ENOENT if none is kept, or as config_load().
 */
int kept_load(Daemon *daemon, Config **ret_config, Problem *problem)
{
        char directory[PATH_MAX], path[PATH_MAX];

        if (!kept_directory(daemon, directory) || path_join(path, directory, "bailiff.yaml", "") < 0)
                return -ENOENT;
        return config_load(path, ret_config, problem);
}

/**
 * kept_filter() - load a jail's filter as it was kept
 *
 * Return: as filter_load().
 */
int kept_filter(const Daemon *daemon, const JailConfig *config, Filter **ret_filter)
{
        const char *slash = strrchr(config->filter, '/'), *directories[KEPT_LAYERS + 1] = { NULL };
        char directory[PATH_MAX], paths[KEPT_LAYERS][PATH_MAX];
        _cleanup_free_ char *spec = strdup(slash ? slash + 1 : config->filter);

        if (!spec || !kept_directory(daemon, directory))
                return -ENOENT;
        /* A filter that was named by its path is kept by its name. */
        char *suffix = slash ? strstr(spec, ".yaml") : NULL;
        if (suffix)
                memmove(suffix, suffix + 5, strlen(suffix + 5) + 1);
        for (size_t layer = 0; layer < KEPT_LAYERS; layer++) {
                if (filters_path(paths[layer], directory, layer) < 0)
                        return -ENAMETOOLONG;
                directories[layer] = paths[layer];
        }
        return filter_load(spec, config->mode, config->name, directories, ret_filter, NULL);
}
