/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A key is read anew for each request and wiped after it: a new one counts from
 * the next request on, and an old one is nowhere. No message holds any of it.
 *
 * From a file of the administrator it is taken only if nobody but its owner and
 * group can read or change it. What systemd passes on (LoadCredential=) it has
 * put where only this service can look.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "courier/key.h"
#include "util/cleanup.h"

#define MEND "chown root:bailiff-courier %s && chmod 640 %s"

void key_clear(Key *key)
{
        explicit_bzero(key, sizeof *key);
}

static int open_failed(const char *service, const char *file, Problem *problem)
{
        switch (errno) {
        case ENOENT:
                return problem_set(problem, -ENOENT,
                                   "there is no key: write the key of your account at the service into %s, one line, then: " MEND,
                                   file, file, file);
        case EACCES:
                return problem_set(problem, -EACCES,
                                   "%s: bailiff-courier may not read the key; to let it: " MEND
                                   " (and its directory must be passable)",
                                   file, file, file);
        case ELOOP:
                return problem_set(problem, -ELOOP, "%s is a symbolic link; name the file itself in reports: %s: key_file", file, service);
        default: return problem_set(problem, -errno, "%s: the key cannot be read: %s", file, strerror(errno));
        }
}

static int check_file(int fd, const char *file, bool credential, Problem *problem)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return problem_set(problem, -errno, "%s: %s", file, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return problem_set(problem, -EINVAL, "%s is no regular file; put the key into one", file);
        if (!credential && (st.st_mode & S_IRWXO))
                return problem_set(problem, -EPERM,
                                   "%s: others than its owner and group have rights to the key, so it is not used; mend it: " MEND
                                   "; and get a new key if others use this machine",
                                   file, file, file);
        return 0;
}

/* Return: its length, or -1. */
static ssize_t check_text(const char *text, size_t size)
{
        if (size > 0 && text[size - 1] == '\n')
                size--;
        if (size > 0 && text[size - 1] == '\r')
                size--;
        for (size_t i = 0; i < size; i++)
                if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == '"' || text[i] == '\'')
                        return -1;
        return size < KEY_MIN || size > KEY_MAX ? -1 : (ssize_t) size;
}

static int read_text(int fd, const char *file, Key *ret_key, Problem *problem)
{
        char text[KEY_MAX + 8];
        size_t size = 0;
        ssize_t n;

        do {
                n = read(fd, text + size, sizeof text - size);
                if (n > 0)
                        size += (size_t) n;
        } while ((n > 0 && size < sizeof text) || (n < 0 && errno == EINTR));
        if (n < 0) {
                n = -errno;
                explicit_bzero(text, sizeof text);
                return problem_set(problem, (int) n, "%s: the key cannot be read: %s", file, strerror((int) -n));
        }
        n = check_text(text, size);
        if (n >= 0) {
                memcpy(ret_key->text, text, (size_t) n);
                ret_key->text[n] = '\0';
        }
        explicit_bzero(text, sizeof text);
        return n >= 0 ? 0
                      : problem_set(problem, -EBADMSG,
                                    "%s does not hold a key: one line of %d to %d letters, digits and signs, without blanks or quotation marks, is wanted",
                                    file, KEY_MIN, KEY_MAX);
}

/**
 * key_read() - read a service's key
 * @file:       NULL: SERVICE.key in `credentials`
 * @credentials: $CREDENTIALS_DIRECTORY; NULL or "": there is none
 * @ret_key:    for key_clear()
 *
 * Return: 0, or -errno with a Problem that says what to do.
 */
int key_read(const char *service, const char *file, const char *credentials, Key *ret_key, Problem *problem)
{
        char path[PATH_MAX];
        bool credential = !file;
        _cleanup_close_ int fd = -1;
        int r;

        if (credential) {
                if (!credentials || !*credentials)
                        return problem_set(problem, -ENOENT,
                                           "there is no key: name its file in the configuration (reports: %s: key_file: "
                                           "/etc/bailiff/%s.key), or give it with LoadCredential=; see bailiff-courier(8)",
                                           service, service);
                if (snprintf(path, sizeof path, "%s/%s.key", credentials, service) >= (int) sizeof path)
                        return problem_set(problem, -ENAMETOOLONG, "%s: too long a name for a directory of credentials", credentials);
                file = path;
        }
        fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && credential && errno == ENOENT)
                return problem_set(problem, -ENOENT,
                                   "there is no key: the unit was given no credential %s.key, and the configuration names no "
                                   "key_file (reports: %s: key_file); see bailiff-courier(8)",
                                   service, service);
        if (fd < 0)
                return open_failed(service, file, problem);
        r = check_file(fd, file, credential, problem);
        return r < 0 ? r : read_text(fd, file, ret_key, problem);
}
