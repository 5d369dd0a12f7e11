/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The option tables, and how a value of each type is read and written. */

#include "config.h"
#include "util/yaml.h"

typedef enum OptionType {
        OPTION_BOOL,            /* bool */
        OPTION_DURATION,        /* int64_t, seconds; max 0: "forever" is refused */
        OPTION_PERIOD,          /* int64_t, seconds from min to max */
        OPTION_COUNT,           /* unsigned */
        OPTION_SIZE,            /* size_t, a number of things, also as 10k or 2M */
        OPTION_FACTOR,          /* double, in thousandths */
        OPTION_WORD,            /* int, one of `words` */
        OPTION_CHOICE,          /* bool, one of two `words` */
        OPTION_NAME,            /* const char *, a name with optional [parameters] */
        OPTION_SOURCES,         /* unsigned, CONFIG_SOURCE_* */
        OPTION_PORTS,           /* Port *, with n_ports behind it */
        OPTION_PREFIXES,        /* const Addr *, with their number behind it */
        OPTION_PATHS,           /* const char *const *, ended by NULL, with their number behind it */
        OPTION_CONTAINERS,      /* const char *const *, with their number behind it; globs among them */
        OPTION_NAMESPACES,      /* the same without globs */
        OPTION_TEXT,            /* const char *, "" if not given */
        OPTION_MEMBER,          /* const char *, a member of a JSON object, "a.b" for one inside another; "" if not given */
        OPTION_TIMEZONE,        /* const char *, "" if not given */
        OPTION_CATEGORIES,      /* const char *, "18,22"; NULL: auto */
        OPTION_COMMENT,         /* const char *, a template of at most max bytes; NULL: the usual one */
        OPTION_REMARK,          /* the same, of which `false` makes none; for VirusTotal's alone */
        OPTION_URL,             /* const char *, https */
        OPTION_PROXY,           /* const char *, NULL if not given */
        OPTION_FILE,            /* const char *, absolute; NULL if not given; of a Config */
        OPTION_ALLOW,           /* config/allow.h */
        OPTION_GROUP,           /* a map by `table`, whose first option may be given in its place */
        OPTION_MAP,             /* a map by `table` */
        OPTION_DEFAULTS,        /* a map by `table`, for all jails */
        OPTION_JAILS,           /* a map from names to maps by `table` */
} OptionType;

typedef struct Option Option;

typedef struct OptionTable {
        const Option *options;
        size_t n_options;
} OptionTable;

struct Option {
        const char *key;
        OptionType type;
        size_t offset;          /* in JailConfig or Config, also of a group's or map's options */
        const char *fallback;   /* as it would be written; NULL: none */
        long long min, max;     /* OPTION_COUNT, OPTION_SIZE, OPTION_FACTOR, OPTION_PERIOD */
        const char *const *words;
        const OptionTable *table;
        const char *example;    /* OPTION_GROUP: a map of it */
        bool of_filter;         /* means nothing where bans are counted */
        const char *help;       /* reStructuredText without bounds and default, which are written from the table */
};

extern const OptionTable CONFIG_TABLE;
extern const OptionTable JAIL_TABLE;

#define OPTION_KEY_MAX 64
#define ALLOW_EXPECTED "must be a list: [192.0.2.0/24, \"2001:db8::1\", /etc/bailiff/office.allow, host.example]"

/**
 * A key as it is written: "ports", "ports+", "allow!".
 */
typedef struct OptionKey {
        char stem[OPTION_KEY_MAX];
        char sign;              /* '+', '!', or NUL */
} OptionKey;

struct ConfigOrigin {
        const Option *option;
        const char *place;
        const ConfigOrigin *next;
};

/* ---- option.c ---- */

OptionKey option_key(const char *key);
const Option *option_find(const OptionTable *table, const char *key);
int option_unknown(const OptionTable *table, const YamlNode *node, Problem *problem);
bool option_is_list(const Option *option);
int option_defaults(const OptionTable *table, void *target, Arena *arena);

/* ---- value.c ---- */

int option_read(const Option *option, const YamlNode *node, void *target, Arena *arena, Problem *problem);
void option_write(const Option *option, const void *target, FILE *stream);
bool option_text_is_plain(const char *text);
void option_write_text(const char *text, FILE *stream);

/* ---- ports.c ---- */

int ports_read(const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem);
void ports_write(const JailConfig *jail, FILE *stream);

/* ---- names.c ---- */

int config_names_read(const YamlNode *node, const Option *option, void *place, Arena *arena, Problem *problem);
void config_names_write(const void *place, FILE *stream);

/* ---- logs.c ---- */

int logs_read(const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem);
void logs_write(const JailConfig *jail, FILE *stream);

/* ---- report.c ---- */

int categories_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem);
void categories_write(const char *categories, FILE *stream);
int comment_read(const Option *option, const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem);
void comment_write(const Option *option, const JailConfig *jail, FILE *stream);
void config_report_settle(JailReportConfig *report);
int config_report_check(const YamlNode *map, const JailReportConfig *report, Problem *problem);

/* ---- service.c ---- */

int url_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem);
int proxy_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem);
int config_file_read(const YamlNode *node, const Config *config, const char **target, Arena *arena, Problem *problem);
