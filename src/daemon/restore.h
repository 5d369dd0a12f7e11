/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Restore: what is remembered into the kernel, before there is a network. */

#include "daemon/daemon.h"

int daemon_restore(const DaemonOptions *options);
