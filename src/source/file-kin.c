/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files beside a log that rotation has made of it.
 *
 * While we look on, a rotated file stays open and nothing has to be sought. It is
 * sought when it was rotated while we were stopped (by its inode: whatever it
 * is called now), when the log was copied and truncated (by its contents: what
 * was read of the log stands in the copy, and behind it what was not), and when
 * there was more than one rotation since the last look (files between, by their
 * names and times). Compressed files are not read: what was not read of them
 * before is lost.
 *
 * A copy is known by its contents if the log's beginning had been read. If not,
 * only time speaks: copies of a log of which nothing has been read count if they
 * were begun after it was looked at last, as its mark has it. Older ones are of
 * lines that were read; also that of a log that was read further than it was copied
 * before it was truncated. So a file that somebody unpacks beside such a log, under
 * a name that rotation gives and without its times, is taken for a copy.
 *
 * Whoever may write into the directory could put a file there that is no log. So
 * links are not followed here, and a file counts as the log's own only if it bears
 * the fingerprints of what was read, or a name that rotation gives.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "source/file-private.h"
#include "util/arena.h"

#define KIN_MAX 256             /* files looked at */
#define ENTRIES_MAX 65536       /* of a directory */
#define ENTRIES_SECOND 500000   /* of all directories, in a second */
#define TICK_USEC 50000         /* a directory that has changed so lately may change again with the same time */
#define KIN_MARGIN 60           /* seconds: no line of a later file is that much older than the last one of an earlier file */
#define PRINT_ENOUGH 32         /* bytes that tell two files apart whatever their names are */

typedef struct Kin {
        char name[NAME_MAX + 1];
        struct stat st;
        int64_t mtime, born;    /* usec; born 0: not known */
} Kin;

typedef struct KinList {
        Kin *kin;
        size_t n;
        int directory;
} KinList;

static const char *base_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/**
 * file_is_compressed() - by its name
 */
bool file_is_compressed(const char *name)
{
        static const char *const endings[] = { ".gz", ".xz", ".bz2", ".zst", ".lz4", ".lzma", ".Z", ".zip" };
        size_t length = strlen(name);

        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
                if (length > strlen(endings[i]) && strcmp(name + length - strlen(endings[i]), endings[i]) == 0)
                        return true;
        return false;
}

/* A separator and a number, or a date. */
static bool is_number(const char *text, size_t length)
{
        bool digit = false;

        if (length < 2 || !strchr(".-_", text[0]))
                return false;
        for (size_t i = 0; i < length; i++) {
                if (!strchr("0123456789.-_:T", text[i]))
                        return false;
                digit = digit || isdigit((unsigned char) text[i]);
        }
        return digit;
}

/* logrotate names a log so that came into being just when it was to make one. */
static size_t without_backup(const char *name, size_t length)
{
        static const char ending[] = ".backup";
        size_t size = sizeof ending - 1;

        return length > size && strcmp(name + length - size, ending) == 0 ? length - size : length;
}

/**
 * file_kin_name() - whether rotation gives this name to a log: access.log: access.log.1, access.log-20261124, access-20261124.log,
 * access.log-2026112407.backup
 */
bool file_kin_name(const char *base, const char *name)
{
        size_t length = strlen(base), name_length = strlen(name);
        const char *dot = strrchr(base, '.');
        size_t stem = dot ? (size_t) (dot - base) : 0, ending = length - stem;

        if (strncmp(name, base, length) == 0)
                return is_number(name + length, without_backup(name + length, name_length - length));
        return stem > 0 && name_length > length && strncmp(name, base, stem) == 0 && strcmp(name + name_length - ending, dot) == 0 &&
               is_number(name + stem, name_length - stem - ending);
}

/* ---- what stands there ---- */

static void kin_list_deinit(KinList *list)
{
        free(list->kin);
        if (list->directory >= 0)
                close(list->directory);
}

/* ---- directories ---- */

/* Where thousands of logs are rotated at once their directory is listed once, as long as it does not change. */

typedef struct Entry {
        const char *name;
        ino_t inode;
} Entry;

struct FileDirectory {
        dev_t device;
        ino_t inode;
        struct timespec mtime, ctime;
        bool lasting;           /* its times tell of each change since */
        Arena *names;
        Entry *entries;         /* regular files that are not compressed, by name */
        size_t n, allocated;
};

FileDirectory *file_directory_free(FileDirectory *directory)
{
        if (!directory)
                return NULL;
        arena_free(directory->names);
        free(directory->entries);
        free(directory);
        return NULL;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_current(const FileDirectory *directory, const struct stat *st)
{
        return directory && directory->lasting && directory->device == st->st_dev && directory->inode == st->st_ino &&
               is_same_time(directory->mtime, st->st_mtim) && is_same_time(directory->ctime, st->st_ctim);
}

static bool add_entry(FileDirectory *directory, const struct dirent *entry)
{
        if (directory->n == directory->allocated) {
                Entry *grown = reallocarray(directory->entries, directory->allocated * 2 + 64, sizeof *grown);

                if (!grown)
                        return false;
                directory->entries = grown;
                directory->allocated = directory->allocated * 2 + 64;
        }
        directory->entries[directory->n] = (Entry){ arena_text(directory->names, entry->d_name), entry->d_ino };
        return directory->entries[directory->n].name && ++directory->n;
}

static int compare_entries(const void *a, const void *b)
{
        return strcmp(((const Entry *) a)->name, ((const Entry *) b)->name);
}

static size_t list_entries(FileDirectory *directory, int fd)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
        const struct dirent *entry;
        size_t n = 0;

        if (!stream && copy >= 0)
                close(copy);
        while (stream && n++ < ENTRIES_MAX && (entry = readdir(stream)))
                if ((entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) && !file_is_compressed(entry->d_name) && !add_entry(directory, entry))
                        break;
        if (stream)
                closedir(stream);
        if (directory->n > 0)
                qsort(directory->entries, directory->n, sizeof *directory->entries, compare_entries);
        return n;
}

/* Return: what stands in an open directory at present, until the next call; NULL: out of memory. */
static const FileDirectory *directory_list(FileSource *source, int fd)
{
        FileDirectory *directory;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return NULL;
        if (is_current(source->directory, &st))
                return source->directory;
        source->directory = file_directory_free(source->directory);
        directory = calloc(1, sizeof *directory);
        if (!directory)
                return NULL;
        directory->device = st.st_dev;
        directory->inode = st.st_ino;
        directory->mtime = st.st_mtim;
        directory->ctime = st.st_ctim;
        directory->lasting = !file_is_silent(fd) && file_mtime(&st) + TICK_USEC < clock_event_now().usec;
        directory->names = arena_new();
        source->directory = directory;
        if (directory->names)
                source->n_listed += list_entries(directory, fd);
        return directory;
}

/**
 * file_kin_too_busy() - whether so many directories have been listed that whatever needs more of it has to wait a moment
 *
 * Who has a directory with many files, and renames them without end, shall not keep us from everything else.
 */
bool file_kin_too_busy(FileSource *source)
{
        BootTime now = clock_boot_now();

        if (now.usec >= source->listed_since.usec + (uint64_t) USEC_PER_SEC) {
                source->listed_since = now;
                source->n_listed = 0;
        }
        return source->n_listed > ENTRIES_SECOND;
}

/* The first entry whose name does not stand before @name. */
static size_t entry_at(const FileDirectory *directory, const char *name)
{
        size_t low = 0, high = directory->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(directory->entries[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int directory_of(const char *path)
{
        char directory[PATH_MAX];
        const char *base = base_of(path);

        snprintf(directory, sizeof directory, "%.*s", (int) (base - path), path);
        return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

typedef bool (*KinWanted)(const Entry *entry, const char *base, const FileMark *mark);

static bool kin_look(const KinList *list, const Entry *entry, Kin *kin)
{
        if (fstatat(list->directory, entry->name, &kin->st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(kin->st.st_mode))
                return false;
        snprintf(kin->name, sizeof kin->name, "%s", entry->name);
        kin->mtime = file_mtime(&kin->st);
        kin->born = file_birth(list->directory, kin->name);
        return true;
}

/* Regular files, not compressed, in the directory of @path, whose names begin with @prefix and of which @wanted says yes. */
static KinList kin_list_of(FileSource *source, const char *path, const char *prefix, KinWanted wanted, const FileMark *mark)
{
        KinList list = { .kin = calloc(KIN_MAX, sizeof *list.kin), .directory = directory_of(path) };
        const FileDirectory *directory = directory_list(source, list.directory);
        size_t length = strlen(prefix);

        for (size_t i = directory ? entry_at(directory, prefix) : 0; directory && list.kin && i < directory->n && list.n < KIN_MAX; i++) {
                const Entry *entry = &directory->entries[i];

                if (strncmp(entry->name, prefix, length) != 0)
                        break;
                if (wanted(entry, base_of(path), mark) && kin_look(&list, entry, &list.kin[list.n]))
                        list.n++;
        }
        return list;
}

/* Those whose names rotation can have made of the path's. */
static KinList kin_list_named(FileSource *source, const char *path, size_t stem, KinWanted wanted, const FileMark *mark)
{
        char prefix[NAME_MAX + 1];

        snprintf(prefix, sizeof prefix, "%.*s", (int) stem, base_of(path));
        return kin_list_of(source, path, prefix, wanted, mark);
}

static size_t stem_length(const char *base)
{
        const char *dot = strrchr(base, '.');

        return dot && dot > base ? (size_t) (dot - base) : strlen(base);
}

/* When a file was begun; or, where that is not known, a time by which it had been. */
static int64_t begun(const Kin *kin)
{
        return kin->born ? kin->born : kin->mtime;
}

/* Oldest first. Of files that changed at the same time, the number tells (the smaller the younger), or the date. */
static int kin_compare(const void *a, const void *b)
{
        const Kin *left = a, *right = b;
        int names = strverscmp(left->name, right->name);

        if (left->mtime != right->mtime)
                return left->mtime < right->mtime ? -1 : 1;
        return strlen(strrchr(left->name, '.') ? strrchr(left->name, '.') : "") <= 4 ? -names : names;
}

/* A file beside the path becomes a stream that is read under the path's name. */
static FileStream *kin_open(FilePath *path, const KinList *list, const Kin *kin)
{
        struct stat st;
        int fd = file_open_regular(list->directory, kin->name, false, &st);
        FileStream *stream;

        if (fd < 0)
                return NULL;
        if (st.st_ino != kin->st.st_ino || stream_find(path->source, path->reading, st.st_dev, st.st_ino)) {
                close(fd);
                return NULL;
        }
        stream = stream_new(path, fd, &st);
        if (stream)
                stream->live_end = st.st_size;
        return stream;
}

/* Both directories: the path's own, and that of the file that a link at the path leads to. */
static FileStream *in_directories(FilePath *path, FileStream *(*seek)(FilePath *path, const char *where, const FileMark *mark), const FileMark *mark)
{
        char real[PATH_MAX];
        FileStream *stream = seek(path, path->path, mark);

        if (!stream && realpath(path->path, real) && strcmp(real, path->path) != 0)
                stream = seek(path, real, mark);
        return stream;
}

/* ---- by inode ---- */

static bool has_inode(const Entry *entry, const char *base, const FileMark *mark)
{
        return entry->inode == mark->inode;
}

static bool has_kin_name(const Entry *entry, const char *base, const FileMark *mark)
{
        return file_kin_name(base, entry->name);
}

static FileStream *resume_in(FilePath *path, const KinList *list, const FileMark *mark)
{
        for (size_t i = 0; i < list->n; i++) {
                FileStream *stream = list->kin[i].st.st_ino == mark->inode ? kin_open(path, list, &list->kin[i]) : NULL;

                if (stream && stream_resume(stream, mark) == 0)
                        return stream;
                if (stream)
                        stream_close(stream);
        }
        return NULL;
}

static FileStream *seek_mark(FilePath *path, const char *where, const FileMark *mark)
{
        /* The directory's inode number may be another one than the file's (overlayfs), so those named alike are looked at first. */
        _cleanup_(kin_list_deinit) KinList named = kin_list_named(path->source, where, stem_length(base_of(where)), has_kin_name, mark);
        FileStream *stream = resume_in(path, &named, mark);

        if (!stream && mark->head.length >= PRINT_ENOUGH) {
                _cleanup_(kin_list_deinit) KinList alike = kin_list_of(path->source, where, "", has_inode, mark);

                stream = resume_in(path, &alike, mark);
        }
        return stream;
}

/**
 * file_kin_by_mark() - the file that was being read, under whatever name it stands there now
 *
 * Return: a stream that goes on at the mark; NULL: it is not there.
 */
FileStream *file_kin_by_mark(FilePath *path, const FileMark *mark)
{
        return in_directories(path, seek_mark, mark);
}

/* ---- by contents ---- */

static bool may_be_copy(const Entry *entry, const char *base, const FileMark *mark)
{
        return strcmp(entry->name, base) != 0;
}

/* Little evidence is enough if the copy was begun after the log was read last. */
static FileStream *seek_copy(FilePath *path, const char *where, const FileMark *mark)
{
        _cleanup_(kin_list_deinit) KinList list = kin_list_named(path->source, where, strcspn(base_of(where), "."), may_be_copy, mark);

        if (list.n > 1)
                qsort(list.kin, list.n, sizeof *list.kin, kin_compare);
        for (size_t i = 0; i < list.n; i++) {
                FileStream *stream;

                if (list.kin[i].st.st_size < mark->offset || (mark->head.length < PRINT_ENOUGH && begun(&list.kin[i]) <= mark->mtime))
                        continue;
                stream = kin_open(path, &list, &list.kin[i]);
                if (stream && stream_resume(stream, mark) == 0)
                        return stream;
                if (stream)
                        stream_close(stream);
        }
        return NULL;
}

/**
 * file_kin_copy() - a copy of the log as it was before it was truncated
 *
 * Return: a stream that goes on in the copy where the log was left; NULL: there is none.
 */
FileStream *file_kin_copy(FilePath *path, const FileMark *mark)
{
        return mark->head.length > 0 ? in_directories(path, seek_copy, mark) : NULL;
}

/* A copy of the log that ends before the mark, and was made not long before that. */
static bool seek_shorter(FilePath *path, const char *where, const FileMark *mark)
{
        _cleanup_(kin_list_deinit) KinList list = kin_list_named(path->source, where, strcspn(base_of(where), "."), may_be_copy, mark);
        bool found = false;

        for (size_t i = 0; i < list.n && !found; i++) {
                const Kin *kin = &list.kin[i];
                struct stat st;
                int fd;

                if (kin->st.st_size >= mark->offset || kin->mtime < mark->mtime - KIN_MARGIN * USEC_PER_SEC)
                        continue;
                fd = file_open_regular(list.directory, kin->name, false, &st);
                if (fd < 0)
                        continue;
                found = file_head_fits(fd, mark);
                close(fd);
        }
        return found;
}

/**
 * file_kin_read_further() - whether the log was read further than it was copied, so that nothing in the copy is missed
 */
bool file_kin_read_further(FilePath *path, const FileMark *mark)
{
        char real[PATH_MAX];

        if (mark->head.length < PRINT_ENOUGH)
                return false;
        return seek_shorter(path, path->path, mark) || (realpath(path->path, real) && strcmp(real, path->path) != 0 && seek_shorter(path, real, mark));
}

static bool same_bytes(int a, int b, off_t offset, size_t size)
{
        unsigned char of_a[FILE_PRINT_MAX], of_b[FILE_PRINT_MAX];

        return file_pread(a, of_a, size, offset) == (ssize_t) size && file_pread(b, of_b, size, offset) == (ssize_t) size &&
               memcmp(of_a, of_b, size) == 0;
}

/* Whether two files are the same as far as @size, by their first and their last bytes. */
static bool same_as_far(int a, int b, off_t size)
{
        size_t n = size < FILE_PRINT_MAX ? (size_t) size : FILE_PRINT_MAX;

        return same_bytes(a, b, 0, n) && same_bytes(a, b, size - (off_t) n, n);
}

static bool is_copy_of(const FileStream *stream, const FileStream *other)
{
        struct stat st, other_st;
        off_t n;

        if (other == stream || other->shadow || other->reading != stream->reading || other->n_paths == 0 || other->head_size == 0 ||
            !file_kin_name(base_of(other->owner->path), base_of(stream->owner->path)))
                return false;
        if (fstat(stream->fd, &st) < 0 || fstat(other->fd, &other_st) < 0)
                return false;
        n = st.st_size < other_st.st_size ? st.st_size : other_st.st_size;
        return n > 0 && same_as_far(stream->fd, other->fd, n);
}

/**
 * stream_is_copy() - whether a file of which nothing has been read is, as far as it goes, the copy of a log that is read
 *
 * Asked of files that a glob finds and that bear a name out of a rotation. Before the truncation the copy is no news;
 * with the first byte that differs it is a file of its own.
 */
bool stream_is_copy(FileStream *stream)
{
        FileStream *other;

        DL_FOREACH(stream->source->streams, other)
                if (is_copy_of(stream, other))
                        return true;
        return false;
}

/* ---- by name and time ---- */

static KinList kin_in_order(FilePath *path)
{
        char real[PATH_MAX];
        const char *where = realpath(path->path, real) ? real : path->path;
        KinList list = kin_list_named(path->source, where, stem_length(base_of(where)), has_kin_name, NULL);

        if (list.n > 1)
                qsort(list.kin, list.n, sizeof *list.kin, kin_compare);
        return list;
}

/**
 * file_kin_rotated() - whether a file that left its path stands beside it under a name that rotation gives
 */
bool file_kin_rotated(FilePath *path, const FileStream *stream)
{
        _cleanup_(kin_list_deinit) KinList list = kin_in_order(path);

        for (size_t i = 0; i < list.n; i++)
                if (list.kin[i].st.st_ino == stream->inode && list.kin[i].st.st_dev == stream->device)
                        return true;
        return false;
}

/**
 * file_kin_between() - files that were begun and rotated away since the last look
 * @after:      the file before them; NULL: only its mark is known
 * @mark:       as far as that was read
 * @current:    the inode of the file that stands at the path now; 0: none
 *
 * They are read from their beginning, each after the one before.
 *
 * Return: the last of them, or @after.
 */
FileStream *file_kin_between(FilePath *path, FileStream *after, const FileMark *mark, ino_t current)
{
        _cleanup_(kin_list_deinit) KinList list = kin_in_order(path);
        int64_t mtime = mark->mtime, born = 0;
        EventTime since = mark->time;
        struct stat st;

        if (after) {
                if (fstat(after->fd, &st) == 0)
                        mtime = file_mtime(&st);
                born = file_birth(after->fd, "");
        }
        for (size_t i = 0; i < list.n; i++) {
                const Kin *kin = &list.kin[i];
                FileStream *stream;

                /* The marked file itself is open, or gone: then another one may have been given its inode. */
                if (kin->mtime < mtime || kin->st.st_ino == current || (born && kin->born && kin->born <= born))
                        continue;
                stream = kin_open(path, &list, kin);
                if (!stream)
                        continue;
                /* One that was begun after the file before it, and is no copy of it, is new whatever its stamps say. */
                if (since.usec != 0 && event_time_before(since, clock_event_now()) && !(born && kin->born && !stream_is_same_log(after, stream->fd))) {
                        stream->since = event_time_ago(since, KIN_MARGIN);
                        stream->since_end = stream->live_end;
                }
                stream_follow(stream, after);
                after = stream;
        }
        return after;
}

/* Whether somebody has made a copy of a file beside the log that is read itself. */
static bool is_copy_of_old(const FilePath *path, const FileStream *copy)
{
        const FileStream *old;

        DL_FOREACH2(path->owned, old, owned_next)
                if (old != copy && old != path->stream && copy->live_end >= PRINT_ENOUGH && same_as_far(copy->fd, old->fd, copy->live_end))
                        return true;
        return false;
}

/**
 * file_kin_copied() - copies of the log, which nothing has been read of, that were made since it was looked at last
 *
 * What still stands in the log is read there, so such a copy is looked at again later.
 *
 * Return: the last of them, each to be read after the one before; NULL: there is none.
 */
FileStream *file_kin_copied(FilePath *path)
{
        _cleanup_(kin_list_deinit) KinList list = kin_in_order(path);
        FileStream *log = path->stream, *last = NULL;
        int64_t since = log->seen;
        struct stat st;

        if (fstat(log->fd, &st) == 0)
                log->seen = file_mtime(&st);
        for (size_t i = 0; i < list.n; i++) {
                const Kin *kin = &list.kin[i];
                FileStream *copy;
                bool stands;

                if (kin->st.st_size == 0 || kin->mtime < since || begun(kin) <= since)
                        continue;
                copy = kin_open(path, &list, kin);
                if (!copy)
                        continue;
                stands = same_as_far(copy->fd, log->fd, copy->live_end);
                if (stands && log->seen >= begun(kin))
                        log->seen = begun(kin) - 1;
                if (stands || is_copy_of_old(path, copy)) {
                        stream_close(copy);
                        continue;
                }
                /* What is older in the log has been read, see only_younger(). */
                copy->since = log->since;
                copy->since_end = log->since_end > 0 ? copy->live_end : 0;
                stream_follow(copy, last);
                last = copy;
        }
        return last;
}

/**
 * file_kin_first() - at the first start: rotated files that the window reaches into
 * @stream:     the log; read after them
 */
void file_kin_first(FilePath *path, FileStream *stream, EventTime since)
{
        _cleanup_(kin_list_deinit) KinList list = kin_in_order(path);
        FileStream *later = stream;

        for (size_t i = list.n; i-- > 0 && later->offset == 0 && list.kin[i].mtime >= since.usec;) {
                FileStream *earlier = kin_open(path, &list, &list.kin[i]);

                if (!earlier)
                        continue;
                if (stream_begin(earlier, since) < 0) {
                        stream_close(earlier);
                        return;
                }
                stream_follow(later, earlier);
                later = earlier;
        }
}
