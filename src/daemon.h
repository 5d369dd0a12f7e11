/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Daemon: builds every stage and wires the sinks. */

#include "util/cleanup.h"
#include "util/problem.h"

typedef struct Daemon Daemon;
