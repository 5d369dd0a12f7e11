/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A bad configuration must not disarm the host.
 *
 * Once a configuration has loaded with all its filters, it is kept in the state
 * directory: kept/bailiff.yaml is all its layers in one, every value written
 * out, so that a later release's defaults do not change it; kept/jails/NAME/ has
 * the jail's filter: in filters/ itself, in filters1/ what it extends, and so on.
 * A jail has a place of its own because files of one name may be different ones:
 * they may come from several directories, or be the base of one filter and what
 * another one begins with. A copy of an older release has the filters of all
 * jails together, in kept/filters/; it is still read, and goes with the next one.
 *
 * The next start with a file that does not load runs the kept one, degraded. The
 * copy is replaced as a whole by renaming directories, so a crash leaves the old
 * or the new one; between the two renames it is found as kept.old.
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
#define KEPT_SIZE_MAX (16 * 1024 * 1024) /* all layers in one, for a thousand jails */
#define KEEP_RETRY_USEC (5 * USEC_PER_SEC)

static int path_join(char path[static PATH_MAX], const char *a, const char *b, const char *c)
{
        return snprintf(path, PATH_MAX, "%s/%s%s", a, b, c) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int jail_path(char path[static PATH_MAX], const char *directory, const char *jail)
{
        return path_join(path, directory, "jails/", jail);
}

/* In a jail's directory. */
static int filters_path(char path[static PATH_MAX], const char *directory, size_t layer)
{
        char name[32] = "filters";

        if (layer > 0)
                snprintf(name, sizeof name, "filters%zu", layer);
        return path_join(path, directory, name, "");
}

static void remove_filters(const char *directory)
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
}

static void remove_jails(const char *directory)
{
        char jails[PATH_MAX], path[PATH_MAX];
        DIR *stream = path_join(jails, directory, "jails", "") == 0 ? opendir(jails) : NULL;

        if (!stream)
                return;
        for (struct dirent *entry; (entry = readdir(stream));)
                if (entry->d_name[0] != '.' && jail_path(path, directory, entry->d_name) == 0) {
                        remove_filters(path);
                        rmdir(path);
                }
        closedir(stream);
        rmdir(jails);
}

/* Removes kept-directories only: files in directories of known names. */
static void remove_kept(const char *directory)
{
        char path[PATH_MAX];

        remove_jails(directory);
        remove_filters(directory); /* of an older release */
        if (path_join(path, directory, "bailiff.yaml", "") == 0)
                unlink(path);
        rmdir(directory);
}

static int make_jail(const char *directory, const Jail *jail)
{
        char path[PATH_MAX], filters[PATH_MAX];
        int r = jail_path(path, directory, jail->config->name);

        if (r == 0 && mkdir(path, 0700) < 0)
                r = -errno;
        for (size_t layer = 0; r == 0 && filter_file(jail->filter, layer); layer++) {
                r = filters_path(filters, path, layer);
                if (r == 0 && mkdir(filters, 0700) < 0)
                        r = -errno;
        }
        return r;
}

static int make_kept(const Daemon *daemon, const char *directory)
{
        char path[PATH_MAX];
        int r = path_join(path, directory, "jails", "");

        if (r == 0 && (mkdir(directory, 0700) < 0 || mkdir(path, 0700) < 0))
                r = -errno;
        for (size_t i = 0; i < daemon->n_jails && r == 0; i++)
                if (daemon->jails[i].filter)
                        r = make_jail(directory, &daemon->jails[i]);
        return r;
}

static int copy_file(const char *from, const char *to)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = text_read_file(from, YAML_SIZE_MAX, &text, &size);

        return r < 0 ? r : text_write_file(to, text, size, 0600);
}

static bool holds(const char *file, const char *text, size_t size)
{
        _cleanup_free_ char *present = NULL;
        size_t present_size;

        return text_read_file(file, KEPT_SIZE_MAX, &present, &present_size) == 0 && present_size == size && memcmp(present, text, size) == 0;
}

static int visit_same(const char *file, const char *kept)
{
        _cleanup_free_ char *text = NULL;
        size_t size;

        return text_read_file(file, YAML_SIZE_MAX, &text, &size) == 0 && holds(kept, text, size) ? 0 : 1;
}

/* Calls `visit` for each file of the filters that run, with its name in a kept directory. */
static int each_filter(const Daemon *daemon, const char *directory, int (*visit)(const char *file, const char *kept))
{
        char path[PATH_MAX], filters[PATH_MAX], jail[PATH_MAX];
        int r = 0;

        for (size_t i = 0; i < daemon->n_jails && r == 0; i++) {
                const Filter *filter = daemon->jails[i].filter;
                const char *file;

                r = jail_path(jail, directory, daemon->jails[i].config->name);
                for (size_t layer = 0; filter && r == 0 && (file = filter_file(filter, layer)); layer++) {
                        const char *slash = strrchr(file, '/');

                        r = filters_path(filters, jail, layer);
                        if (r == 0)
                                r = path_join(path, filters, slash ? slash + 1 : file, "");
                        if (r == 0)
                                r = visit(file, path);
                }
        }
        return r;
}

static bool is_kept(const Daemon *daemon, const char *directory, const char *text)
{
        char path[PATH_MAX];

        return path_join(path, directory, "bailiff.yaml", "") == 0 && holds(path, text, strlen(text)) &&
               each_filter(daemon, directory, visit_same) == 0;
}

static int write_kept(const Daemon *daemon, const char *directory, const char *text)
{
        char path[PATH_MAX];
        int r = make_kept(daemon, directory);

        if (r == 0)
                r = path_join(path, directory, "bailiff.yaml", "");
        if (r == 0)
                r = text_write_file(path, text, strlen(text), 0600);
        return r < 0 ? r : each_filter(daemon, directory, copy_file);
}

/**
 * kept_save() - keep the configuration that runs, and its filters
 *
 * Return: 0 (also if they are kept already), or -errno with @problem set; the
 * old copy stays then.
 */
int kept_save(Daemon *daemon, Problem *problem)
{
        const char *state = daemon->options.state_directory;
        char kept[PATH_MAX], new[PATH_MAX], old[PATH_MAX];
        _cleanup_free_ char *text = NULL;
        int r = config_dump(daemon->config, false, &text);

        if (r < 0)
                return problem_set(problem, r, "out of memory: the configuration is not kept");

        if (path_join(kept, state, "kept", "") < 0 || path_join(new, state, "kept.new", "") < 0 ||
            path_join(old, state, "kept.old", "") < 0)
                return problem_set(problem, -ENAMETOOLONG, "%s: the path is too long", state);
        if (is_kept(daemon, kept, text))
                return 0;
        remove_kept(new);
        r = write_kept(daemon, new, text);
        if (r == 0) {
                /* kept.old is all there is, where a crash came between the two renames. */
                if (access(kept, F_OK) == 0) {
                        remove_kept(old);
                        r = rename(kept, old) < 0 ? -errno : 0;
                }
                if (r == 0 && rename(new, kept) < 0)
                        r = -errno;
                if (r == 0)
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
 * Return: 0, -ENOENT if none is kept, or as config_load_alone().
 */
int kept_load(Daemon *daemon, Config **ret_config, Problem *problem)
{
        char directory[PATH_MAX], path[PATH_MAX];

        if (!kept_directory(daemon, directory) || path_join(path, directory, "bailiff.yaml", "") < 0)
                return -ENOENT;
        return config_load_alone(path, ret_config, problem);
}

/**
 * kept_tell() - say that the kept configuration runs, and why
 * @problem:    what is wrong with the one on disk
 */
void kept_tell(Daemon *daemon, const Problem *problem)
{
        char text[PROBLEM_TEXT_MAX + PATH_MAX];

        snprintf(text, sizeof text, "%s; the last configuration that loaded (%s) runs instead. Mend it, then: systemctl reload bailiffd",
                 problem->text, daemon->config->path);
        daemon_degrade(daemon, "configuration", text);
}

/* Bytes of "sshd" in "sshd[publickey=any]", and of a path likewise. */
static size_t spec_size(const char *spec)
{
        size_t size = strlen(spec);
        const char *open = size > 0 && spec[size - 1] == ']' ? strrchr(spec, '[') : NULL;

        return open ? (size_t) (open - spec) : size;
}

static bool same_file(const char *a, const char *b)
{
        return spec_size(a) == spec_size(b) && strncmp(a, b, spec_size(a)) == 0;
}

/* @directory: that has filters/, and filters1/ ... with what it extends */
static int load_from(const char *directory, const JailConfig *config, Filter **ret_filter)
{
        const char *directories[KEPT_LAYERS + 1] = { NULL }, *params = config->filter + spec_size(config->filter), *slash;
        char paths[KEPT_LAYERS][PATH_MAX];
        _cleanup_free_ char *name = strndup(config->filter, spec_size(config->filter)), *spec = NULL;

        if (!name)
                return -ENOMEM;
        for (size_t layer = 0; layer < KEPT_LAYERS; layer++) {
                if (filters_path(paths[layer], directory, layer) < 0)
                        return -ENAMETOOLONG;
                directories[layer] = paths[layer];
        }
        /* A filter that was named by its path is kept by its name. */
        slash = strrchr(name, '/');
        if (asprintf(&spec, "%s/%s%s%s", paths[0], slash ? slash + 1 : name, slash ? "" : ".yaml", params) < 0) {
                spec = NULL;
                return -ENOMEM;
        }
        return filter_load(spec, config->mode, config->name, directories, ret_filter, NULL);
}

/**
 * kept_filter() - load a jail's filter as it was kept
 *
 * A jail that is new, or has another filter than it had, gets the copy of a jail
 * that had the one it names now.
 *
 * Return: as filter_load().
 */
int kept_filter(Daemon *daemon, const JailConfig *config, Filter **ret_filter)
{
        _cleanup_(config_freep) Config *kept = NULL;
        char directory[PATH_MAX], path[PATH_MAX];
        Problem problem;

        if (!kept_directory(daemon, directory) || path_join(path, directory, "jails", "") < 0)
                return -ENOENT;
        if (access(path, F_OK) < 0)
                return load_from(directory, config, ret_filter); /* as older releases kept it */
        if (kept_load(daemon, &kept, &problem) < 0)
                return -ENOENT;
        for (int own = 1; own >= 0; own--)
                for (size_t i = 0; i < kept->n_jails; i++) {
                        const JailConfig *jail = &kept->jails[i];

                        if ((strcmp(jail->name, config->name) == 0) == own && same_file(jail->filter, config->filter) &&
                            jail_path(path, directory, jail->name) == 0 && load_from(path, config, ret_filter) == 0)
                                return 0;
                }
        return -ENOENT;
}

static int on_keep(sd_event_source *source, uint64_t usec, void *userdata)
{
        kept_renew(userdata);
        return 0;
}

/**
 * kept_renew() - keep what runs, if all of it loaded; where the disk is full it is tried again until it works
 */
void kept_renew(Daemon *daemon)
{
        Problem problem;

        if (daemon->options.dry_run || daemon->config_kept)
                return;
        for (size_t i = 0; i < daemon->n_jails; i++)
                if (!core_counts_bans(daemon->jails[i].config) && (!daemon->jails[i].filter || daemon->jails[i].filter_kept))
                        return;
        daemon->keep_source = sd_event_source_disable_unref(daemon->keep_source);
        if (kept_save(daemon, &problem) == 0) {
                daemon_degrade(daemon, "kept configuration", NULL);
                return;
        }
        daemon_degrade(daemon, "kept configuration", problem.text);
        if (sd_event_add_time_relative(daemon->event, &daemon->keep_source, CLOCK_BOOTTIME, KEEP_RETRY_USEC, KEEP_RETRY_USEC / 10, on_keep, daemon) >= 0)
                sd_event_source_set_description(daemon->keep_source, "keep the configuration");
}
