/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which files a configuration is read from: the shipped one, the
 * administrator's, and jails.d/ *.yaml beside that by name. A file or directory
 * that others may change is refused, for what it says would be theirs.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "config/layers.h"
#include "util/mode.h"

#define LAYERS_MAX 1000

/**
 * layers_free() - free all trees
 *
 * Return: NULL
 */
Layers *layers_free(Layers *layers)
{
        if (!layers)
                return NULL;
        for (size_t i = 0; i < layers->n; i++)
                yaml_document_free(layers->documents[i]);
        free(layers->documents);
        free(layers);
        return NULL;
}

/**
 * layers_add() - put a document on top
 * @document:   the layers' from now on, also on failure
 *
 * Return: 0, -ENOMEM.
 */
int layers_add(Layers *layers, YamlDocument *document)
{
        YamlDocument **grown = reallocarray(layers->documents, layers->n + 1, sizeof *grown);

        if (!grown) {
                yaml_document_free(document);
                return -ENOMEM;
        }
        layers->documents = grown;
        layers->documents[layers->n++] = document;
        return 0;
}

static int add_file(Layers *layers, const char *path, Problem *problem)
{
        YamlDocument *document = NULL;
        int r = yaml_read_file(path, &document, problem);

        return r < 0 ? r : layers_add(layers, document);
}

static int add_checked_file(Layers *layers, const char *path, Problem *problem)
{
        Problem why;

        if (mode_check_file(path, &why) == -EPERM)
                return problem_set(problem, -EINVAL, "%s:1:1: %.800s", path, why.text);
        return add_file(layers, path, problem);
}

/* Not hidden ones, backups (x.yaml~) or what package managers leave behind (x.yaml.dpkg-new). */
static int is_layer(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);

        return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int check_directories(const char *directory, const char *beside, Problem *problem)
{
        Problem why;

        /* Who may write where jails.d is could have made it, even where directories are sticky. */
        if (mode_check(beside, &why) == -EPERM || mode_check(directory, &why) == -EPERM)
                return problem_set(problem, -EINVAL, "%s:1:1: %.800s", directory, why.text);
        return 0;
}

static int add_directory(Layers *layers, const char *beside, Problem *problem)
{
        char directory[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
        struct dirent **entries;
        int n, r = 0;

        if (snprintf(directory, sizeof directory, "%s/jails.d", beside) >= (int) sizeof directory)
                return problem_set(problem, -ENAMETOOLONG, "%s:1:1: the path is too long", beside);
        n = scandir(directory, &entries, is_layer, by_name);
        if (n < 0 && errno == ENOENT)
                return 0;
        if (n < 0)
                return problem_set(problem, -errno, "%s:1:1: cannot be read: %s%s", directory, strerror(errno),
                                   errno == EACCES    ? " (bailiffd runs as a user of its own; let it: chmod a+rx)"
                                   : errno == ENOTDIR ? " (a directory with *.yaml files is expected)"
                                                      : "");
        if (n > LAYERS_MAX)
                r = problem_set(problem, -EINVAL, "%s:1:1: more than %d files; join some", directory, LAYERS_MAX);
        if (r == 0)
                r = check_directories(directory, beside, problem);
        for (int i = 0; i < n; i++) {
                if (r == 0) {
                        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
                        r = add_checked_file(layers, path, problem);
                }
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int add_shipped(Layers *layers, Problem *problem)
{
        const char *shipped = getenv("BAILIFF_SHIPPED");

        if (shipped)
                return *shipped ? add_checked_file(layers, shipped, problem) : 0;
        shipped = BAILIFF_DATA_DIR "/bailiff.yaml";
        return access(shipped, F_OK) == 0 ? add_checked_file(layers, shipped, problem) : 0;
}

/**
 * layers_read() - read all files of a configuration
 * @path:       the administrator's, which must exist; NULL: what is shipped alone
 * @ret_layers: for layers_free()
 *
 * Return: 0, -EINVAL if one is refused, -errno if one cannot be read.
 */
int layers_read(const char *path, Layers **ret_layers, Problem *problem)
{
        _cleanup_(layers_freep) Layers *layers = calloc(1, sizeof *layers);
        const char *slash = path ? strrchr(path, '/') : NULL;
        char beside[PATH_MAX] = ".";
        int r;

        if (!layers)
                return -ENOMEM;
        if (path && strlen(path) >= sizeof beside)
                return problem_set(problem, -ENAMETOOLONG, "%s:1:1: the path is too long", path);
        if (slash)
                snprintf(beside, sizeof beside, "%.*s", slash == path ? 1 : (int) (slash - path), path);
        r = add_shipped(layers, problem);
        if (r == 0 && path)
                r = add_checked_file(layers, path, problem);
        if (r == 0 && path)
                r = add_directory(layers, beside, problem);
        if (r < 0)
                return r;
        *ret_layers = steal(layers);
        return 0;
}

/**
 * layers_read_alone() - read one file, whoever may change it
 */
int layers_read_alone(const char *path, Layers **ret_layers, Problem *problem)
{
        _cleanup_(layers_freep) Layers *layers = calloc(1, sizeof *layers);
        int r = layers ? add_file(layers, path, problem) : -ENOMEM;

        if (r < 0)
                return r;
        *ret_layers = steal(layers);
        return 0;
}
