/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the configuration says decides who is locked out, so a file that others
 * may write is not believed. The owner is not looked at: root's files are read
 * by the daemon's user, and people try configurations of their own. root's
 * group may write, since who is in it is trusted with the machine.
 */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/mode.h"

static int check(const char *path, bool sticky_is_good, Problem *problem)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        bool group = (st.st_mode & S_IWGRP) && st.st_gid != 0, others = st.st_mode & S_IWOTH;

        if (sticky_is_good && S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX))
                return 0;
        if (!group && !others)
                return 0;
        return problem_set(problem, -EPERM, "%s may be changed by %s; take that away: chmod %s %s", path,
                           others ? "everybody" : "its group", !group ? "o-w" : others ? "go-w" : "g-w", path);
}

/**
 * mode_check() - whether none but the owner, root and root's group may change a file or directory
 * @problem:    if they may: who may, and the command that mends it
 *
 * Return: 0, -EPERM if others may change it, -errno of stat(2) without a text.
 */
int mode_check(const char *path, Problem *problem)
{
        return check(path, false, problem);
}

/**
 * mode_check_file() - mode_check() of a file and of the directory that it is in
 *
 * Who may write in the directory may put another file in its place, but for
 * directories such as /tmp where that is the owner's right alone. Where there is
 * no file yet, anybody could make it there, too.
 *
 * Return: as mode_check(); -ENOENT if nothing is wrong but that there is no file.
 */
int mode_check_file(const char *path, Problem *problem)
{
        const char *slash = strrchr(path, '/');
        int r = check(path, false, problem), length = slash && slash != path ? (int) (slash - path) : 1, s;
        char directory[PATH_MAX] = ".";

        if (r < 0 && r != -ENOENT)
                return r;
        if (slash && snprintf(directory, sizeof directory, "%.*s", length, path) >= (int) sizeof directory)
                return -ENAMETOOLONG;
        s = check(directory, r == 0, problem);
        return s < 0 ? s : r;
}
