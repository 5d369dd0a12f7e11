/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the parts of the configuration share, and its fuzz target uses. */

#include "config.h"
#include "config/layers.h"
#include "config/option.h"

int config_build(const char *path, const Layers *layers, bool check_modes, Config **ret_config, Problem *problem);
char *config_place(Arena *arena, const char *file, unsigned line, unsigned column);
bool config_has_option(const JailConfig *jail, const Option *option);
