/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Rights: who is on the other end of a connection, and what he may do. */

#include <stdbool.h>
#include <sys/types.h>

/* Each includes the ones before it, but for the courier's, which nobody else has. */
typedef enum Access {
        ACCESS_NONE,            /* what every user of the machine may ask */
        ACCESS_COURIER,         /* user bailiff-courier: takes and settles reports, and nothing else */
        ACCESS_LOOK,            /* group bailiff-read: all but log lines */
        ACCESS_CHANGE,          /* root and group bailiff-admin */
        _ACCESS_MAX,
} Access;

typedef struct Caller {
        uid_t uid;
        pid_t pid;
        Access access;
} Caller;

/**
 * How callers are told apart; replaced by tests.
 */
typedef struct Rights {
        int (*identify)(void *userdata, int fd, Caller *ret_caller);
        void *userdata;
} Rights;

#define RIGHTS_NO_GROUP ((gid_t) -1)

#define RIGHTS_NO_USER ((uid_t) -1)

typedef struct RightsGroups {
        gid_t admin, read;      /* RIGHTS_NO_GROUP: there is no such group */
        uid_t courier;          /* RIGHTS_NO_USER: there is no such user */
} RightsGroups;

RightsGroups rights_groups_lookup(void);
bool rights_may(Access has, Access needs);
Access rights_access(const RightsGroups *groups, uid_t uid, const gid_t *gids, size_t n_gids);
int rights_identify(void *groups, int fd, Caller *ret_caller);

#define CALLER_TEXT_MAX 64 /* with its NUL */
const char *rights_caller_text(const Caller *caller, const char *users, char buffer[static CALLER_TEXT_MAX]);
