/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A socket file outlives its daemon. Whether one is stale is asked by
 * connecting: nobody refuses a connection but the kernel, when there is no
 * listener left. The new socket is bound beside the final name and renamed over
 * it when it listens and has its mode, so that a client meets the old one, or
 * the new one, and never half of one.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/listen.h"
#include "util/cleanup.h"

static int set_address(const char *path, const char *suffix, struct sockaddr_un *ret_address)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int n = snprintf(address.sun_path, sizeof address.sun_path, "%s%s", path, suffix);

        if (n < 0 || (size_t) n >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        *ret_address = address;
        return 0;
}

static int check_stale(const char *path, Problem *problem)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : problem_set(problem, -errno, "%s: %s", path, strerror(errno));
        if (!S_ISSOCK(st.st_mode))
                return problem_set(problem, -EEXIST, "%s: something that is no socket stands there; move it away: mv %s %s.old",
                                   path, path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return problem_set(problem, -errno, "%s: no socket to try it with: %s", path, strerror(errno));
        set_address(path, "", &address);
        if (connect(fd, (struct sockaddr *) &address, sizeof address) < 0 && errno == ECONNREFUSED)
                return 0;
        /* EAGAIN, a full backlog, has somebody behind it as well. */
        return problem_set(problem, -EADDRINUSE,
                           "%s: another bailiffd answers there; stop it first (systemctl stop bailiffd), "
                           "or give this one a directory of its own (--runtime-dir)",
                           path);
}

/**
 * listen_unix() - listen on a socket file with mode 0666
 * @path:       in a directory that exists; a stale socket there is replaced
 * @ret_fd:     non-blocking, listening
 * @ret_file:   what listen_remove() will know it by
 *
 * Return: 0 or -errno with a Problem; -EADDRINUSE if another daemon answers.
 */
int listen_unix(const char *path, int *ret_fd, struct stat *ret_file, Problem *problem)
{
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        int r;

        if (set_address(path, ".new", &address) < 0)
                return problem_set(problem, -ENAMETOOLONG,
                                   "%s: too long for a socket's name (at most %zu bytes); use a shorter --runtime-dir", path,
                                   sizeof address.sun_path - 5);
        r = check_stale(path, problem);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return problem_set(problem, -errno, "%s: cannot make a socket: %s", path, strerror(errno));
        unlink(address.sun_path);
        if (bind(fd, (struct sockaddr *) &address, sizeof address) < 0) {
                r = -errno;
                if (r == -ENOENT)
                        return problem_set(problem, r,
                                           "%s: the directory does not exist; make it, or choose another with --runtime-dir",
                                           path);
                return problem_set(problem, r,
                                   "%s: cannot bind the control socket: %s; the daemon's user must be able to write there", path,
                                   strerror(-r));
        }
        if (chmod(address.sun_path, 0666) < 0 || listen(fd, LISTEN_BACKLOG) < 0 || stat(address.sun_path, ret_file) < 0 ||
            rename(address.sun_path, path) < 0) {
                r = -errno;
                unlink(address.sun_path);
                return problem_set(problem, r, "%s: cannot set up the control socket: %s", path, strerror(-r));
        }
        *ret_fd = fd;
        fd = -1;
        return 0;
}

/**
 * listen_remove() - unlink the socket file, unless another has taken its place
 */
void listen_remove(const char *path, const struct stat *file)
{
        struct stat st;

        if (lstat(path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino)
                unlink(path);
}
