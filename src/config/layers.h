/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Layers: the files of a configuration, and how they become one tree. */

#include "util/arena.h"
#include "util/cleanup.h"
#include "util/problem.h"
#include "util/yaml.h"

/**
 * The trees of all files, in their order. Nodes of what layers_merge() makes
 * point into them.
 */
typedef struct Layers {
        YamlDocument **documents;
        size_t n;
} Layers;

Layers *layers_free(Layers *layers);
DEFINE_CLEANUP(Layers *, layers_free)

int layers_read(const char *path, Layers **ret_layers, Problem *problem);
int layers_read_alone(const char *path, Layers **ret_layers, Problem *problem);
int layers_add(Layers *layers, YamlDocument *document);

int layers_merge(const Layers *layers, Arena *arena, const YamlNode **ret_root, Problem *problem);
