/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Modes: who besides its owner may change a file that is trusted. */

#include "util/problem.h"

int mode_check(const char *path, Problem *problem);
int mode_check_file(const char *path, Problem *problem);
