/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The socket file: made whole, replaced when stale, removed when ours. */

#include <sys/stat.h>

#include "util/problem.h"

#define LISTEN_BACKLOG 64

int listen_unix(const char *path, int *ret_fd, struct stat *ret_file, Problem *problem);
void listen_remove(const char *path, const struct stat *file);
