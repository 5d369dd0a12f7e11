/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* YamlNode: a YAML document as a tree whose every node knows its place. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util/cleanup.h"
#include "util/problem.h"

#define YAML_SIZE_MAX (8 * 1024 * 1024) /* bytes of one file; the largest configuration, written out by config_dump(), fits */
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 400000
#define YAML_KEYS_MAX 5000 /* of one map */

typedef enum YamlKind {
        YAML_SCALAR,
        YAML_LIST,
        YAML_MAP,
} YamlKind;

typedef struct YamlNode YamlNode;

/**
 * Children of a list or a map are chained by `next`; a child of a map has its
 * `key`. All text is UTF-8 without NUL, owned by the document.
 */
struct YamlNode {
        YamlKind kind;
        char *key;              /* NULL outside maps */
        unsigned key_line;      /* place of the key, from 1 */
        unsigned key_column;
        char *text;             /* scalars */
        bool quoted;            /* a scalar in quotes, or a block: never null, true or a number */
        unsigned line;          /* place of the value, from 1 */
        unsigned column;
        const char *file;       /* as given to the reader */
        YamlNode *children;
        YamlNode *next;
};

typedef struct YamlDocument {
        char *file;
        YamlNode *root;         /* NULL for an empty document */
        size_t n_nodes;
} YamlDocument;

int yaml_read_file(const char *path, YamlDocument **ret_document, Problem *problem);
int yaml_read_memory(const char *name, const char *text, size_t size, YamlDocument **ret_document, Problem *problem);
YamlDocument *yaml_document_free(YamlDocument *document);
DEFINE_CLEANUP(YamlDocument *, yaml_document_free)

const YamlNode *yaml_get(const YamlNode *map, const char *key);
bool yaml_is_null(const YamlNode *node);
const char *yaml_kind_name(YamlKind kind);
size_t yaml_count(const YamlNode *node);
int yaml_bool(const YamlNode *node, bool *ret_value, Problem *problem);
int yaml_integer(const YamlNode *node, long long min, long long max, long long *ret_value, Problem *problem);
int yaml_problem(const YamlNode *node, Problem *problem, const char *format, ...) __attribute__((format(printf, 3, 4)));
int yaml_unknown_key(const YamlNode *node, const char *const known[], size_t n_known, Problem *problem);
