/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The option tables, and how a value of each type is read and written. */

#include "config.h"
#include "util/yaml.h"

typedef enum OptionType {
        OPTION_BOOL,            /* bool */
        OPTION_DURATION,        /* int64_t, seconds; max 0: "forever" is refused */
        OPTION_COUNT,           /* unsigned */
        OPTION_SIZE,            /* size_t, a number of things */
        OPTION_WORD,            /* int, one of `words` */
        OPTION_NAME,            /* const char *, a name with optional [parameters] */
        OPTION_PORTS,           /* Port *, with n_ports behind it */
        OPTION_BLOCK,           /* read elsewhere; stands here for the list of known keys */
} OptionType;

typedef struct Option {
        const char *key;
        OptionType type;
        size_t offset;          /* in JailConfig or Config */
        const char *fallback;   /* as it would be written; NULL: none */
        long long min, max;     /* OPTION_COUNT, OPTION_SIZE */
        const char *const *words;
        const char *help;
} Option;

extern const Option CONFIG_OPTIONS[];
extern const size_t N_CONFIG_OPTIONS;
extern const Option JAIL_OPTIONS[];
extern const size_t N_JAIL_OPTIONS;

int option_read(const Option *option, const YamlNode *node, void *target, Arena *arena, Problem *problem);
int option_fallback(const Option *option, void *target, Arena *arena);
void option_write(const Option *option, const void *target, FILE *stream);
const Option *option_find(const Option *options, size_t n_options, const char *key);
int option_unknown(const Option *options, size_t n_options, const YamlNode *node, Problem *problem);
