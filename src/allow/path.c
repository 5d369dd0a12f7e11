/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Word that something about a path has changed.
 *
 * A file is written in place, replaced by a rename, deleted and made again; it
 * may be a symbolic link, as /etc/resolv.conf mostly is, whose target is
 * replaced instead; and a directory on the way may be missing at first. So the
 * path is walked as the kernel would, and every directory on the way is watched
 * for the one name in it that matters.
 *
 * After word has come, the owner calls path_watch_renew() and then reads: what
 * changes after the walk is told again, so nothing falls between the two.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>

#include "allow/private.h"

#define PLACES_MAX 64
#define LINKS_MAX 16

typedef struct Place {
        PathWatch *watch;
        sd_event_source *source;
        char *path;       /* the directory and the name in it */
        const char *name; /* in `path` */
        bool last;        /* nothing comes below */
} Place;

struct PathWatch {
        sd_event *event;
        char *path;
        PathChanged changed;
        void *userdata;
        Place *places[PLACES_MAX];
        size_t n_places;
};

static void place_free(Place *place)
{
        sd_event_source_disable_unref(place->source);
        free(place->path);
        free(place);
}

static void path_watch_clear(PathWatch *watch)
{
        while (watch->n_places > 0)
                place_free(watch->places[--watch->n_places]);
}

/* A file that has just been made is still being written: IN_CLOSE_WRITE will follow. */
static bool is_being_written(const Place *place, const struct inotify_event *event)
{
        struct stat st;

        return place->last && (event->mask & IN_CREATE) && lstat(place->path, &st) == 0 && S_ISREG(st.st_mode) &&
               st.st_nlink == 1;
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        const Place *place = userdata;
        PathWatch *watch = place->watch;
        bool about_us = event->len > 0 && strcmp(event->name, place->name) == 0;

        if (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF))
                about_us = true;
        if (about_us && !is_being_written(place, event))
                watch->changed(watch->userdata);
        return 0;
}

static int path_watch_add(PathWatch *watch, const char *directory, const char *name, bool last)
{
        uint32_t mask = IN_ONLYDIR | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
        Place *place;
        int r;

        if (watch->n_places == PLACES_MAX)
                return -ELOOP;
        place = calloc(1, sizeof *place);
        if (!place)
                return -ENOMEM;
        place->watch = watch;
        place->last = last;
        if (asprintf(&place->path, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) < 0) {
                place->path = NULL;
                place_free(place);
                return -ENOMEM;
        }
        place->name = strrchr(place->path, '/') + 1;
        if (last)
                mask |= IN_CLOSE_WRITE | IN_ATTRIB;
        r = sd_event_add_inotify(watch->event, &place->source, directory, mask, on_inotify, place);
        if (r < 0) {
                place_free(place);
                return r;
        }
        sd_event_source_set_description(place->source, "allow-path");
        watch->places[watch->n_places++] = place;
        return 0;
}

/* Takes the first component off `rest`. */
static void component_take(char *rest, char name[static NAME_MAX + 1])
{
        size_t start = strspn(rest, "/"), length = strcspn(rest + start, "/"), after = start + length;

        snprintf(name, NAME_MAX + 1, "%.*s", (int) length, rest + start);
        after += strspn(rest + after, "/");
        memmove(rest, rest + after, strlen(rest + after) + 1);
}

static void directory_leave(char *directory)
{
        char *slash = strrchr(directory, '/');

        slash[slash == directory] = '\0';
}

/* `directory` and `rest` after the symbolic link at `directory`/`name`; 0 if that is none. */
static int link_follow(char directory[static PATH_MAX], const char *name, char rest[static PATH_MAX])
{
        char below[PATH_MAX], target[PATH_MAX], joined[PATH_MAX];
        ssize_t n;

        if (snprintf(below, sizeof below, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) >= (int) sizeof below)
                return -ENAMETOOLONG;
        n = readlink(below, target, sizeof target - 1);
        if (n < 0 && errno != EINVAL)
                return -errno; /* absent: we wait for it where we are */
        if (n < 0) {
                strcpy(directory, below);
                return 0;
        }
        target[n] = '\0';
        if (snprintf(joined, sizeof joined, "%s/%s", target, rest) >= (int) sizeof joined)
                return -ENAMETOOLONG;
        strcpy(rest, joined);
        if (target[0] == '/')
                strcpy(directory, "/");
        return 1;
}

/**
 * path_watch_renew() - watch the directories that lead to the path as it is now
 *
 * What may not be watched (a directory that we may not list, no watches left in
 * the kernel) is left to the owner's look from time to time.
 *
 * Return: 0 or -ENOMEM.
 */
int path_watch_renew(PathWatch *watch)
{
        char directory[PATH_MAX] = "/", rest[PATH_MAX], name[NAME_MAX + 1];
        unsigned links = 0;
        int r;

        path_watch_clear(watch);
        snprintf(rest, sizeof rest, "%s", watch->path);
        while (*rest && links <= LINKS_MAX) {
                component_take(rest, name);
                if (!*name || strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0) {
                        directory_leave(directory);
                        continue;
                }
                r = path_watch_add(watch, directory, name, !*rest);
                if (r == -ENOMEM)
                        return r;
                r = link_follow(directory, name, rest);
                if (r < 0)
                        break;
                links += (unsigned) r;
        }
        return 0;
}

/**
 * path_watch_new() - watch a path from now on
 * @path:       absolute
 * @changed:    called in the loop, often several times for one change; must not free or renew the watch
 *
 * Return: 0 or -ENOMEM.
 */
int path_watch_new(sd_event *event, const char *path, PathChanged changed, void *userdata, PathWatch **ret_watch)
{
        _cleanup_(path_watch_freep) PathWatch *watch = calloc(1, sizeof *watch);
        int r;

        if (!watch)
                return -ENOMEM;
        watch->event = sd_event_ref(event);
        watch->changed = changed;
        watch->userdata = userdata;
        watch->path = strdup(path);
        if (!watch->path)
                return -ENOMEM;
        r = path_watch_renew(watch);
        if (r < 0)
                return r;
        *ret_watch = steal(watch);
        return 0;
}

/**
 * path_watch_free() - stop watching
 */
PathWatch *path_watch_free(PathWatch *watch)
{
        if (!watch)
                return NULL;
        path_watch_clear(watch);
        sd_event_unref(watch->event);
        free(watch->path);
        free(watch);
        return NULL;
}
