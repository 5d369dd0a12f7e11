/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "allow/private.h"
#include "util/mode.h"
#include "util/text.h"

/**
 * file_stamp() - how the file at @path looks now
 */
FileStamp file_stamp(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return (FileStamp){ .size = 0 };
        return (FileStamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
}

static bool timespec_equal(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/**
 * file_stamp_equal() - whether the file is still the one that was seen
 */
bool file_stamp_equal(const FileStamp *a, const FileStamp *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               timespec_equal(&a->modified, &b->modified) && timespec_equal(&a->changed, &b->changed);
}

static int refuse(const char *path, int r, Problem *problem)
{
        switch (r) {
        case -ENOENT:
        case -ENOTDIR:
                return problem_set(
                        problem, r, "%s does not exist%s: create it, or take it out of allow:", path,
                        strncmp(path, "/home/", 6) == 0 || strncmp(path, "/root/", 6) == 0
                                ? " for bailiffd.service, which sees nothing of /home and /root: move it to /etc/bailiff"
                                : "");
        case -EACCES:
        case -EPERM:
                return problem_set(
                        problem, r,
                        "%s may not be read by this service: chmod a+r %s; namei -l %s shows which directory is in the way", path,
                        path, path);
        case -EFBIG: return problem_set(problem, r, "%s is larger than 1 MiB: write prefixes instead of single addresses", path);
        case -EISDIR:
        case -EINVAL: return problem_set(problem, r, "%s is no regular file: name a file of addresses", path);
        default: return problem_set(problem, r, "%s cannot be read: %s", path, strerror(-r));
        }
}

/**
 * allow_read_file() - the text of a file that says who is allowed
 * @ret_text:   for free(3)
 *
 * Who may write the file, or put another one in its place, could allow himself:
 * others than its owner, root and root's group must not.
 *
 * Return: 0 or -errno.
 */
int allow_read_file(const char *path, char **ret_text, size_t *ret_size, Problem *problem)
{
        struct stat st;
        Problem why;
        int r;

        if (stat(path, &st) < 0)
                return refuse(path, -errno, problem);
        if (S_ISREG(st.st_mode) && mode_check_file(path, &why) == -EPERM)
                return problem_set(problem, -EPERM, "%s is not believed, as others could allow themselves: %.700s", path, why.text);
        r = text_read_file(path, ALLOW_FILE_SIZE_MAX, ret_text, ret_size);
        return r < 0 ? refuse(path, r, problem) : 0;
}
