/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Paths, globs, and word of what happens to them.
 *
 * A scan walks every pattern from / on, as the kernel would, and on the way
 * watches each directory for the names that matter in it, those that symbolic
 * links lead through included. So whatever is made, renamed, removed, replaced or
 * linked anew, on the last step or before, is noticed, and answered by another
 * scan. A directory is watched before it is read, so nothing falls between. Who
 * makes files there without a pause does not make us scan without a pause: a
 * scan is followed by a rest ten times as long as it took.
 *
 * That a file grows is told by a watch on the file itself, through its
 * descriptor: it goes on wherever the file is renamed to. Where the kernel gives
 * no watch, or tells nothing (network file systems), files are polled. Besides,
 * everything is looked at twice a minute.
 *
 * A link is followed only if who made it could have read the target for us, as
 * systemd's "safe transition" has it: it is root's or our own, or it belongs to
 * the target's owner. Otherwise a web server's user could have any log that we
 * may read shown as his own. Overlay needs no polling: kernels from 4.19 on read
 * and tell of the upper file through a descriptor of the lower one.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

#include "source/file-private.h"

#define DIRECTORY_MASK (IN_ONLYDIR | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define FILE_MASK (IN_MODIFY | IN_ATTRIB)
#define LINKS_MAX 40
#define NAMES_MAX 16            /* in a directory; more: every name matters */
#define ENTER_COST 8            /* entries of a directory, as a directory below it costs: it is watched */
#define EVENTS_SIZE 65536
#define EVENTS_TURN 8           /* reads of events in a turn */
#define SCAN_REST 10            /* times as long as a scan took */

struct FileNode {
        int wd;
        unsigned scan;          /* the last that wanted it, of a directory */
        bool directory;
        char *names[NAMES_MAX];
        size_t n_names;         /* NAMES_MAX + 1: all */
        FileStream *streams;
        UT_hash_handle hh;
};

typedef struct Walk {
        FileSource *source;
        FilePattern *pattern;
        FileChoice *choice;
        FileShare share;
        bool cut;
        char path[PATH_MAX];
} Walk;

/* ---- nodes ---- */

static FileNode *node_get(FileSource *source, int wd)
{
        FileNode *node;

        HASH_FIND_INT(source->nodes, &wd, node);
        if (node)
                return node;
        node = calloc(1, sizeof *node);
        if (!node)
                return NULL;
        node->wd = wd;
        HASH_ADD_INT(source->nodes, wd, node);
        return node;
}

static void node_forget_names(FileNode *node)
{
        for (size_t i = 0; i < node->n_names && i < NAMES_MAX; i++)
                free(node->names[i]);
        node->n_names = 0;
}

static void node_free(FileSource *source, FileNode *node)
{
        while (node->streams) {
                FileStream *stream = node->streams;

                node->streams = stream->node_next;
                stream->node = NULL;
                stream->polled = true;
        }
        node_forget_names(node);
        HASH_DEL(source->nodes, node);
        free(node);
}

static void node_add_name(FileNode *node, const char *name)
{
        for (size_t i = 0; i < node->n_names && i < NAMES_MAX; i++)
                if (strcmp(node->names[i], name) == 0)
                        return;
        if (node->n_names < NAMES_MAX && (node->names[node->n_names] = strdup(name)))
                node->n_names++;
        else if (node->n_names == NAMES_MAX)
                node->n_names = NAMES_MAX + 1;
}

static bool node_wants(const FileNode *node, const char *name)
{
        for (size_t i = 0; i < node->n_names && i < NAMES_MAX; i++)
                if (fnmatch(node->names[i], name, FNM_PERIOD) == 0)
                        return true;
        return node->n_names > NAMES_MAX;
}

static bool tells_nothing(const struct statfs *fs)
{
        static const uint32_t silent[] = {
                0x6969,     /* NFS */
                0xff534d42, /* CIFS */
                0xfe534d42, /* SMB2 */
                0x517b,     /* SMB */
                0x65735546, /* FUSE */
                0x01021997, /* 9P */
                0x00c36400, /* CEPH */
                0x5346414f, /* AFS */
                0x73757245, /* CODA */
                0x0bd00bd0, /* LUSTRE */
                0x01161970, /* GFS2 */
                0x7461636f, /* OCFS2 */
                0x786f4256, /* VBOXSF */
        };

        for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
                if ((uint32_t) fs->f_type == silent[i])
                        return true;
        return false;
}

/**
 * file_is_silent() - whether a file lies where the kernel does not tell of each change
 */
bool file_is_silent(int fd)
{
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && tells_nothing(&fs);
}

static void watch_failed(FileSource *source, int r)
{
        if (r == ENOSPC || r == ENOMEM)
                source->watches_full = true;
        if (r != ENOENT && r != ENOTDIR)
                source->scan_polled = true;
}

/* In @directory, @name (a component of a pattern) matters from now on. */
static void watch_directory(FileSource *source, const char *directory, const char *name)
{
        struct statfs fs;
        FileNode *node;
        int wd;

        if (source->inotify < 0) {
                source->scan_polled = true;
                return;
        }
        wd = inotify_add_watch(source->inotify, directory, DIRECTORY_MASK);
        if (wd < 0) {
                watch_failed(source, errno);
                return;
        }
        node = node_get(source, wd);
        if (!node) {
                inotify_rm_watch(source->inotify, wd);
                source->scan_polled = true;
                return;
        }
        if (!node->directory || node->scan != source->scan) {
                node_forget_names(node);
                if (statfs(directory, &fs) == 0 && tells_nothing(&fs))
                        source->scan_polled = true;
        }
        node->directory = true;
        node->scan = source->scan;
        node_add_name(node, name);
}

/**
 * file_watch_stream() - have word when an open file grows; without it the file is polled
 */
void file_watch_stream(FileStream *stream)
{
        FileSource *source = stream->source;
        char path[64];
        int wd;

        stream->polled = true;
        if (source->inotify < 0 || file_is_silent(stream->fd))
                return;
        snprintf(path, sizeof path, "/proc/self/fd/%d", stream->fd);
        wd = inotify_add_watch(source->inotify, path, FILE_MASK);
        if (wd < 0) {
                watch_failed(source, errno);
                return;
        }
        stream->node = node_get(source, wd);
        if (!stream->node) {
                inotify_rm_watch(source->inotify, wd);
                return;
        }
        stream->node_next = stream->node->streams;
        stream->node->streams = stream;
        stream->polled = false;
}

/**
 * file_unwatch_stream() - before it is closed
 */
void file_unwatch_stream(FileStream *stream)
{
        FileSource *source = stream->source;
        FileNode *node = stream->node;

        if (!node)
                return;
        for (FileStream **p = &node->streams; *p; p = &(*p)->node_next)
                if (*p == stream) {
                        *p = stream->node_next;
                        break;
                }
        stream->node = NULL;
        if (node->streams || node->directory)
                return;
        inotify_rm_watch(source->inotify, node->wd);
        node_free(source, node);
}

/* ---- following paths ---- */

/* Takes the first component off `rest`. */
static void component_take(char *rest, char name[static NAME_MAX + 1])
{
        size_t start = strspn(rest, "/"), length = strcspn(rest + start, "/"), after = start + length;

        snprintf(name, NAME_MAX + 1, "%.*s", (int) length, rest + start);
        after += strspn(rest + after, "/");
        memmove(rest, rest + after, strlen(rest + after) + 1);
}

static bool join(char joined[static PATH_MAX], const char *directory, const char *name)
{
        return snprintf(joined, PATH_MAX, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) < PATH_MAX;
}

static bool is_safe(const char *link, const struct stat *st)
{
        struct stat target;

        return st->st_uid == 0 || st->st_uid == geteuid() || stat(link, &target) < 0 || target.st_uid == st->st_uid;
}

/* `directory` and `rest` go on behind what stands at `below`. Return: 1: that was a link; 0; -errno. */
static int step(char directory[static PATH_MAX], const char *below, char rest[static PATH_MAX])
{
        char target[PATH_MAX], joined[PATH_MAX];
        struct stat st;
        ssize_t n;

        if (lstat(below, &st) < 0)
                return -errno;
        if (!S_ISLNK(st.st_mode)) {
                strcpy(directory, below);
                return 0;
        }
        if (!is_safe(below, &st))
                return -EPERM;
        n = readlink(below, target, sizeof target - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (snprintf(joined, sizeof joined, "%s%s%s", target, *rest ? "/" : "", rest) >= (int) sizeof joined)
                return -ENAMETOOLONG;
        strcpy(rest, joined);
        if (target[0] == '/')
                strcpy(directory, "/");
        return 1;
}

/* Walks a path without wildcards, watching every directory. Return: 0; -EPERM: a link that is not followed, -errno. */
static int follow(FileSource *source, const char *path)
{
        char directory[PATH_MAX] = "/", below[PATH_MAX], rest[PATH_MAX], name[NAME_MAX + 1];
        unsigned links = 0;

        snprintf(rest, sizeof rest, "%s", path);
        while (*rest) {
                int r;

                component_take(rest, name);
                if (!*name || strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0) {
                        char *slash = strrchr(directory, '/');

                        slash[slash == directory] = '\0';
                        continue;
                }
                watch_directory(source, directory, name);
                if (!join(below, directory, name))
                        return -ENAMETOOLONG;
                r = step(directory, below, rest);
                if (r < 0)
                        return r;
                links += (unsigned) r;
                if (links > LINKS_MAX)
                        return -ELOOP;
        }
        return 0;
}

/**
 * file_chase() - what stands at a path, following links as far as they may be followed
 * @problem:    why it cannot be read
 *
 * Return: 0; -ENOENT, -ENOTDIR: nothing does; -errno.
 */
int file_chase(FileSource *source, const char *path, struct stat *ret_st, char *problem, size_t size)
{
        struct stat st;
        int r = 0;

        if (lstat(path, &st) < 0)
                r = -errno;
        else if (S_ISLNK(st.st_mode)) {
                r = follow(source, path);
                if (r == 0 && stat(path, &st) < 0)
                        r = -errno;
        }
        if (r == 0 && !S_ISREG(st.st_mode)) {
                snprintf(problem, size, "%s is a %s, not a file; name a log file, or remove it", path,
                         S_ISDIR(st.st_mode) ? "directory" : S_ISFIFO(st.st_mode) ? "pipe" : S_ISSOCK(st.st_mode) ? "socket" : "device");
                return -EINVAL;
        }
        if (r == -ENOENT || r == -ENOTDIR)
                snprintf(problem, size, "%s is not there (yet)", path);
        else if (r == -EPERM)
                snprintf(problem, size, "%s is a symbolic link whose owner does not own what it leads to; let root own the link, or name the target", path);
        else if (r < 0)
                snprintf(problem, size, "%s cannot be reached: %s; give bailiffd's user the right to enter the directories", path, strerror(-r));
        if (r == 0)
                *ret_st = st;
        return r;
}

/**
 * file_open_regular() - open a file for reading, and nothing else: opening a device or a pipe may have effects
 *
 * Return: a descriptor; -EINVAL: it is none; -errno.
 */
int file_open_regular(int directory, const char *name, bool follow_links, struct stat *ret_st)
{
        _cleanup_close_ int handle = openat(directory, name, O_PATH | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW));
        const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        char path[64];
        struct stat st;
        int fd;

        if (handle < 0)
                return -errno;
        if (fstat(handle, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
        fd = open(path, flags);
        if (fd < 0 && errno == ENOENT)
                fd = openat(directory, name, flags | (follow_links ? 0 : O_NOFOLLOW));
        if (fd < 0)
                return -errno;
        if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
                close(fd);
                return -EINVAL;
        }
        return fd;
}

/* ---- patterns ---- */

static bool has_magic(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (strchr("*?[", text[i]))
                        return true;
        return false;
}

static void add_path_reader(FilePath *path, size_t watch)
{
        for (size_t i = 0; i < path->n_readers; i++)
                if (path->readers[i] == watch)
                        return;
        if (path->n_readers == path->readers_size) {
                size_t *grown = reallocarray(path->readers, path->readers_size + 4, sizeof *grown);

                if (!grown)
                        return;
                path->readers = grown;
                path->readers_size += 4;
        }
        path->readers[path->n_readers++] = watch;
}

/**
 * file_path_get() - the path that a pattern matches
 * @make:       if there is none yet
 *
 * Return: the path; NULL: there is none, or no memory.
 */
FilePath *file_path_get(FileSource *source, const FilePattern *pattern, const char *text, bool make)
{
        size_t reading = source->watch_reading[pattern->watch];
        _cleanup_free_ char *key = NULL;
        FilePath *path;

        if (asprintf(&key, "%zu:%s", reading, text) < 0) {
                key = NULL;
                return NULL;
        }
        HASH_FIND_STR(source->paths, key, path);
        if (path || !make)
                return path;
        path = calloc(1, sizeof *path);
        if (path && !(path->name = file_row_name(text, source->readings[reading].hash))) {
                free(path);
                path = NULL;
        }
        if (!path)
                return NULL;
        path->source = source;
        path->reading = &source->readings[reading];
        path->key = steal(key);
        path->path = strchr(path->key, ':') + 1;
        HASH_ADD_KEYPTR(hh, source->paths, path->key, strlen(path->key), path);
        HASH_ADD_KEYPTR(hh_name, source->paths_by_name, path->name, strlen(path->name), path);
        return path;
}

/**
 * file_path_free() - forget a path under which nothing is read
 */
void file_path_free(FilePath *path)
{
        HASH_DEL(path->source->paths, path);
        HASH_DELETE(hh_name, path->source->paths_by_name, path);
        free(path->readers);
        free(path->name);
        free(path->key);
        free(path);
}

/**
 * file_found() - a path that a pattern matches is to be read
 */
void file_found(FileSource *source, FilePattern *pattern, const char *text, bool literal)
{
        FilePath *path = file_path_get(source, pattern, text, true);

        pattern->n_found++;
        if (!path) {
                source->scan_polled = true; /* again, when there is memory */
                return;
        }
        if (path->scan != source->scan) {
                path->n_readers = 0;
                path->literal = false;
        }
        path->scan = source->scan;
        path->literal = path->literal || literal;
        add_path_reader(path, pattern->watch);
}

/* Who can make more of what stands here: who owns it; of what root links to, its owner. */
static void candidate(Walk *walk, const struct stat *entry)
{
        struct stat st = *entry;

        if (S_ISLNK(entry->st_mode) && file_user_is_trusted(entry->st_uid) && stat(walk->path, &st) < 0 && errno == ENOENT)
                return;
        if (file_choice_add(walk->choice, walk->path, st.st_uid, (int64_t) st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000) < 0)
                walk->source->scan_polled = true;
}

/* Which entries are too many is not known before they are looked at. */
static void cut(Walk *walk, const char *where, uid_t uid)
{
        walk->cut = true;
        snprintf(walk->pattern->problem, sizeof walk->pattern->problem, "not all entries of %.120s are looked at: there are too many in directories of user %u; "
                 "have them removed, or match fewer directories", where, (unsigned) uid);
}

static void walk_on(Walk *walk, const char *rest);

static void walk_file(Walk *walk, uid_t directory)
{
        struct stat entry, st;

        if (lstat(walk->path, &entry) < 0) {
                if (errno == ENOENT)
                        return;
                entry = (struct stat){ .st_uid = directory };
        } else if (S_ISDIR(entry.st_mode) || (S_ISLNK(entry.st_mode) && (stat(walk->path, &st) == 0 ? S_ISDIR(st.st_mode) : errno == ENOENT)))
                return;
        candidate(walk, &entry);
}

static void walk_further(Walk *walk, const char *rest)
{
        struct stat st;
        size_t used = 0;
        int r;

        if (lstat(walk->path, &st) < 0) {
                if (errno == EACCES)
                        walk->source->scan_polled = true;
                return;
        }
        if (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode))
                return;
        if (!file_share_take(&walk->share, st.st_uid, &used, ENTER_COST)) {
                cut(walk, walk->path, st.st_uid);
                return;
        }
        r = S_ISLNK(st.st_mode) ? follow(walk->source, walk->path) : 0;
        if (r == -EPERM)
                snprintf(walk->pattern->problem, sizeof walk->pattern->problem, "%.120s is a symbolic link whose owner does not own what it leads to; "
                         "let root own the link", walk->path);
        else if (r == 0 && stat(walk->path, &st) == 0 && S_ISDIR(st.st_mode))
                walk_on(walk, rest);
}

/* One name for a component of the pattern; `walk->path` is the directory, @directory its owner. */
static void walk_name(Walk *walk, const char *name, const char *rest, bool literal, uid_t directory)
{
        size_t length = strlen(walk->path);

        if (length + strlen(name) + 2 > sizeof walk->path)
                return;
        sprintf(walk->path + length, "/%s", name);
        if (*rest)
                walk_further(walk, rest);
        else if (literal)
                file_found(walk->source, walk->pattern, walk->path, true);
        else
                walk_file(walk, directory);
        walk->path[length] = '\0';
}

typedef struct Names {
        char **names;
        size_t n, allocated;
} Names;

static bool names_add(Names *names, const char *name)
{
        if (names->n == names->allocated) {
                char **grown = reallocarray(names->names, names->allocated * 2 + 16, sizeof *grown);

                if (!grown)
                        return false;
                names->names = grown;
                names->allocated = names->allocated * 2 + 16;
        }
        names->names[names->n] = strdup(name);
        return names->names[names->n] && ++names->n;
}

static void names_deinit(Names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->names[i]);
        free(names->names);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static void walk_directory(Walk *walk, const char *component, const char *rest)
{
        const char *directory = *walk->path ? walk->path : "/";
        _cleanup_(names_deinit) Names names = { NULL };
        const struct dirent *entry;
        DIR *stream = opendir(directory);
        struct stat st = { 0 };
        size_t used = 0;

        if (!stream || fstat(dirfd(stream), &st) < 0) {
                if (errno != ENOENT && errno != ENOTDIR) {
                        snprintf(walk->pattern->problem, sizeof walk->pattern->problem, "%.120s cannot be read: %s; give bailiffd's user the right to list it",
                                 directory, strerror(errno));
                        walk->source->scan_polled = true;
                }
                return;
        }
        while ((entry = readdir(stream))) {
                if (!file_share_take(&walk->share, st.st_uid, &used, 1)) {
                        cut(walk, directory, st.st_uid);
                        break;
                }
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (fnmatch(component, entry->d_name, FNM_PERIOD) == 0 && (*rest || !file_is_compressed(entry->d_name)) &&
                    !names_add(&names, entry->d_name))
                        break;
        }
        closedir(stream);
        if (names.n > 0)
                qsort(names.names, names.n, sizeof *names.names, compare_names);
        for (size_t i = 0; i < names.n; i++)
                walk_name(walk, names.names[i], rest, false, st.st_uid);
}

static void walk_on(Walk *walk, const char *rest)
{
        char component[NAME_MAX + 1];
        size_t length;

        rest += strspn(rest, "/");
        length = strcspn(rest, "/");
        if (length == 0 || length > NAME_MAX)
                return;
        memcpy(component, rest, length);
        component[length] = '\0';
        rest += length;
        watch_directory(walk->source, *walk->path ? walk->path : "/", component);
        if (has_magic(component, length))
                walk_directory(walk, component, rest);
        else
                walk_name(walk, component, rest, !has_magic(walk->pattern->text, strlen(walk->pattern->text)), 0);
}

/* What is named is waited for, though a directory on the way is missing. */
static void want_literal(Walk *walk)
{
        if (has_magic(walk->pattern->text, strlen(walk->pattern->text)) || walk->pattern->n_found > 0)
                return;
        file_found(walk->source, walk->pattern, walk->pattern->text, true);
}

/* What is read already stays so, though the walk did not come to it. */
static void keep_followed(Walk *walk)
{
        FileSource *source = walk->source;
        FilePath *path, *next;
        struct stat st;

        HASH_ITER(hh, source->paths, path, next) {
                bool matched = false;

                for (size_t i = 0; i < path->n_readers; i++)
                        matched = matched || path->readers[i] == walk->pattern->watch;
                if (matched && path->stream && path->scan != source->scan && lstat(path->path, &st) == 0 &&
                    file_choice_add(walk->choice, path->path, st.st_uid, 0) < 0)
                        source->scan_polled = true;
        }
}

static void walk_pattern(FileSource *source, FilePattern *pattern)
{
        _cleanup_(file_choice_freep) FileChoice *choice = file_choice_new(source, pattern);
        Walk walk = { .source = source, .pattern = pattern, .choice = choice };

        if (!choice) {
                source->scan_polled = true;
                return;
        }
        pattern->n_found = pattern->n_trusted = pattern->n_left_out = 0;
        pattern->problem[0] = '\0';
        pattern->spent = false;
        file_share_begin(source, &walk.share);
        walk_on(&walk, pattern->text);
        want_literal(&walk);
        if (walk.cut)
                keep_followed(&walk);
        file_choice_make(choice);
}

static void tell_pattern(FileSource *source, FilePattern *pattern)
{
        if (*pattern->crowd)
                strcpy(pattern->problem, pattern->crowd);
        if (strcmp(pattern->problem, pattern->told) == 0)
                return;
        strcpy(pattern->told, pattern->problem);
        source->callbacks.state(source->callbacks.userdata, pattern->text, pattern->told);
}

static void tell_watches(FileSource *source)
{
        if (source->watches_full == source->watches_told)
                return;
        source->watches_told = source->watches_full;
        source->callbacks.state(source->callbacks.userdata, "inotify",
                                source->watches_full ? "the kernel gives no more watches, so some log files are looked at four times a second "
                                                       "instead: raise fs.inotify.max_user_watches (sysctl), or name fewer files"
                                                     : "");
}

static void drop_stale_nodes(FileSource *source)
{
        FileNode *node, *next;

        HASH_ITER(hh, source->nodes, node, next)
                if (node->directory && node->scan != source->scan) {
                        inotify_rm_watch(source->inotify, node->wd);
                        node_free(source, node);
                }
}

static void drop_path(FilePath *path)
{
        FileSource *source = path->source;
        FileRow *row;

        if (path->owned)
                return;
        HASH_FIND_STR(source->rows, path->name, row);
        if (!row || row->used)
                file_forget(source, path->name);
        if (path->told[0])
                source->callbacks.state(source->callbacks.userdata, path->path, "");
        file_path_free(path);
}

/**
 * file_scan() - look at all patterns and at what stands at their paths
 */
void file_scan(FileSource *source)
{
        BootTime start = clock_boot_now();
        FilePath *path, *next;
        uint64_t took;

        source->scan++;
        source->scanned_before = source->scanned;
        source->scanned = start;
        source->scan_wanted = source->scan_polled = source->watches_full = false;
        source->scan_due.usec = 0;
        for (size_t i = 0; i < source->n_patterns; i++)
                walk_pattern(source, &source->patterns[i]);
        /* A file that has moved to another path is seen to have left before it is seen to have come, if it is read under neither. */
        HASH_ITER(hh, source->paths, path, next)
                if (path->scan == source->scan)
                        file_path_look(path);
        HASH_ITER(hh, source->paths, path, next)
                if (path->scan != source->scan) {
                        file_path_leave(path);
                        drop_path(path);
                }
        drop_stale_nodes(source);
        for (size_t i = 0; i < source->n_patterns; i++)
                tell_pattern(source, &source->patterns[i]);
        tell_watches(source);
        file_users_free(source, false);
        took = clock_boot_now().usec - start.usec;
        source->scan_allowed.usec = start.usec + took + (took * SCAN_REST > 1000 ? took * SCAN_REST : 1000);
}

/* ---- events ---- */

static void on_event(FileSource *source, const struct inotify_event *event)
{
        FileStream *stream;
        FileNode *node;

        if (event->mask & IN_Q_OVERFLOW) {
                source->scan_wanted = true;
                DL_FOREACH(source->streams, stream)
                        stream_ready(stream);
                return;
        }
        HASH_FIND_INT(source->nodes, &event->wd, node);
        if (!node)
                return;
        if (event->mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF))
                source->scan_wanted = true;
        if (node->directory && event->len > 0 && node_wants(node, event->name))
                source->scan_wanted = true;
        for (stream = node->streams; stream; stream = stream->node_next)
                stream_ready(stream);
        if (event->mask & IN_IGNORED)
                node_free(source, node);
}

/* Return: whether there may be more. */
static bool read_events(FileSource *source)
{
        static char buffer[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n = read(source->inotify, buffer, sizeof buffer);

        for (char *p = buffer; n > 0 && p < buffer + n;) {
                const struct inotify_event *event = (const struct inotify_event *) (void *) p;

                on_event(source, event);
                p += sizeof *event + event->len;
        }
        return n > 0;
}

static int on_inotify(sd_event_source *event_source, int fd, uint32_t events, void *userdata)
{
        FileSource *source = userdata;

        for (unsigned i = 0; i < EVENTS_TURN && read_events(source); i++)
                ;
        file_source_turn(source);
        return 0;
}

/**
 * file_watch_open() - begin to hear of changes; where that fails, everything is polled
 *
 * Return: 0 or -errno.
 */
int file_watch_open(FileSource *source)
{
        int r;

        source->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (source->inotify < 0) {
                source->callbacks.state(source->callbacks.userdata, "inotify", "the kernel gives no inotify instance, so log files are looked at four "
                                        "times a second instead: raise fs.inotify.max_user_instances (sysctl)");
                return 0;
        }
        r = sd_event_add_io(source->event, &source->io, source->inotify, EPOLLIN, on_inotify, source);
        if (r >= 0)
                r = sd_event_source_set_description(source->io, "files-inotify");
        return r < 0 ? r : 0;
}

/**
 * file_watch_close() - hear of nothing any more; streams have been closed
 */
void file_watch_close(FileSource *source)
{
        FileNode *node, *next;

        sd_event_source_disable_unref(source->io);
        HASH_ITER(hh, source->nodes, node, next)
                node_free(source, node);
        if (source->inotify >= 0)
                close(source->inotify);
}
