/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Entries of `allow:` lists. */

#include "config.h"
#include "util/yaml.h"

int allow_read(Config *config, const YamlNode *list, const char *jail, bool check_modes, Problem *problem);
bool allow_equal(const AllowConfig *a, const AllowConfig *b);
void allow_write(const AllowConfig *entry, FILE *stream);
