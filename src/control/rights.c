/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel says who connected: SO_PEERCRED gives uid and primary group,
 * SO_PEERGROUPS the supplementary ones, all as they were at connect(2). The
 * names of our two groups are looked up once at start; a name service that
 * hangs must not hang a ban, so no request ever asks one. A group that is made
 * later counts after a restart. The name of a caller who changes something is
 * read from /etc/passwd itself for the same reason.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control/rights.h"
#include "util/cleanup.h"
#include "util/text.h"

#define GROUP_BUFFER_MAX (1024 * 1024)
#define USERS_MAX 10000 /* lines of /etc/passwd that are looked at */

static gid_t group_id(const char *name)
{
        for (size_t size = 1024; size <= GROUP_BUFFER_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct group group, *found = NULL;

                if (!buffer)
                        break;
                int r = getgrnam_r(name, &group, buffer, size, &found);
                if (r == 0)
                        return found ? found->gr_gid : RIGHTS_NO_GROUP;
                if (r != ERANGE)
                        break;
        }
        return RIGHTS_NO_GROUP;
}

static uid_t user_id(const char *name)
{
        for (size_t size = 1024; size <= GROUP_BUFFER_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct passwd user, *found = NULL;

                if (!buffer)
                        break;
                int r = getpwnam_r(name, &user, buffer, size, &found);
                if (r == 0)
                        return found ? found->pw_uid : RIGHTS_NO_USER;
                if (r != ERANGE)
                        break;
        }
        return RIGHTS_NO_USER;
}

/**
 * rights_groups_lookup() - the ids of groups bailiff-admin and bailiff-read, and of user bailiff-courier
 *
 * Asks the name service, so it belongs before the loop.
 */
RightsGroups rights_groups_lookup(void)
{
        return (RightsGroups){ .admin = group_id("bailiff-admin"), .read = group_id("bailiff-read"), .courier = user_id("bailiff-courier") };
}

/**
 * rights_may() - whether one who has this access may do what needs that one
 */
bool rights_may(Access has, Access needs)
{
        return needs == ACCESS_COURIER ? has == ACCESS_COURIER : has >= needs;
}

/**
 * rights_access() - what a user with these groups may do
 *
 * The courier, which talks to the internet, may do what it is there for, whatever groups it is in.
 */
Access rights_access(const RightsGroups *groups, uid_t uid, const gid_t *gids, size_t n_gids)
{
        Access access = ACCESS_NONE;

        if (uid == 0)
                return ACCESS_CHANGE;
        if (uid != RIGHTS_NO_USER && uid == groups->courier)
                return ACCESS_COURIER;
        for (size_t i = 0; i < n_gids; i++) {
                if (gids[i] == RIGHTS_NO_GROUP)
                        continue;
                if (gids[i] == groups->admin)
                        return ACCESS_CHANGE;
                if (gids[i] == groups->read)
                        access = ACCESS_LOOK;
        }
        return access;
}

static int peer_groups(int fd, gid_t primary, gid_t **ret_gids, size_t *ret_n)
{
        socklen_t size = 64 * sizeof(gid_t);
        _cleanup_free_ gid_t *gids = malloc(sizeof(gid_t) + size);

        if (!gids)
                return -ENOMEM;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids + 1, &size) < 0) {
                if (errno != ERANGE)
                        return -errno;
                free(gids);
                gids = malloc(sizeof(gid_t) + size); /* the kernel has said how much it takes */
                if (!gids)
                        return -ENOMEM;
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids + 1, &size) < 0)
                        return -errno;
        }
        gids[0] = primary;
        *ret_n = 1 + size / sizeof(gid_t);
        *ret_gids = steal(gids);
        return 0;
}

/**
 * rights_identify() - ask the kernel who connected
 * @groups:     a RightsGroups
 * @fd:         a connected unix socket
 *
 * Return: 0 or -errno.
 */
int rights_identify(void *groups, int fd, Caller *ret_caller)
{
        _cleanup_free_ gid_t *gids = NULL;
        struct ucred cred;
        socklen_t size = sizeof cred;
        size_t n = 0;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        r = peer_groups(fd, cred.gid, &gids, &n);
        if (r < 0)
                return r;
        *ret_caller = (Caller){ .uid = cred.uid, .pid = cred.pid, .access = rights_access(groups, cred.uid, gids, n) };
        return 0;
}

/**
 * rights_caller_text() - who asked, for logs and people
 * @users:      a file of passwd(5)
 *
 * Return: @buffer: "root", "alice (1000)", or "uid 1000" where that file names nobody so.
 */
const char *rights_caller_text(const Caller *caller, const char *users, char buffer[static CALLER_TEXT_MAX])
{
        char line[1024], name[33];
        struct passwd user, *found;
        FILE *file;

        if (caller->uid == 0)
                return strcpy(buffer, "root");
        snprintf(buffer, CALLER_TEXT_MAX, "uid %u", (unsigned) caller->uid);
        file = fopen(users, "re");
        if (!file)
                return buffer;
        for (size_t i = 0; i < USERS_MAX && fgetpwent_r(file, &user, line, sizeof line, &found) == 0; i++) {
                if (user.pw_uid != caller->uid)
                        continue;
                text_printable(user.pw_name, strlen(user.pw_name), name, sizeof name);
                snprintf(buffer, CALLER_TEXT_MAX, "%s (%u)", name, (unsigned) caller->uid);
                break;
        }
        fclose(file);
        return buffer;
}
