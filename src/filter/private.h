/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of this folder share: Regex, SessionTable, and the inside of a Filter. */

#include <string.h>

#include "filter.h"
#include "util/yaml.h"

#define FILTER_RULES_MAX 256 /* in one mode */
#define FILTER_IGNORE_MAX 64
#define FILTER_LAYERS_MAX 4   /* files of one `extends` chain */
#define FILTER_HEAD_SIZE 4096 /* of an over-long line, what `head: true` rules see */
#define FILTER_PAD_MAX 65536 /* bytes that a test adds to its line */
#define FILTER_USER_MAX 128   /* bytes of Hit.user, with its NUL */
#define FILTER_PARAMS_MAX 8
#define FILTER_CATEGORIES_MAX 23
#define FILTER_CATEGORIES_TEXT_MAX 64 /* all of them, once each: "1,2,...,23" */
#define FILTER_TAGS_MAX 16
#define FILTER_WITNESSES_MAX 8
#define WITNESS_STDOUT_SHIFT 8 /* what a witness says on its standard output as well as by syslog is another's word */
#define WITNESS_SECONDS 15 /* how far apart two may tell of one attempt, where none states seconds: PAM delays its answer */
#define LIMITS_A_LINE 3 /* rules that may reach the match limit on one line before it is given up */
#define SESSIONS_MAX 10000

/* ---- regex.c ---- */

typedef struct Regex Regex;
typedef struct RegexRunner RegexRunner;

enum {
        REGEX_E_NONE = 1, /* does not match */
        REGEX_E_LIMIT,    /* gave up: match, depth or memory limit */
};

typedef enum RegexCapture {
        CAPTURE_ADDR, /* groups addr, ip4, ip6 */
        CAPTURE_USER,
        CAPTURE_SESSION, /* the group that `session:` names */
        CAPTURE_ATTEMPTS, /* how many attempts the line tells of */
        CAPTURE_SECONDS, /* within how many seconds before it they were made */
        CAPTURE_PID, /* the writer's process as the text has it; must be the one that the journal knows */
        _CAPTURE_MAX,
} RegexCapture;

typedef struct RegexSpan {
        const char *text; /* NULL: not captured */
        size_t size;
} RegexSpan;

typedef struct RegexMatch {
        size_t end; /* where the match ends, in bytes */
        RegexSpan captures[_CAPTURE_MAX];
} RegexMatch;

typedef enum RegexFlags {
        REGEX_JIT = 1 << 0,      /* compile to machine code; silently the interpreter where that is forbidden */
        REGEX_AT_START = 1 << 1, /* match at the first byte only */
} RegexFlags;

/**
 * What a match begins with, to be compared in one go.
 */
typedef struct RegexBegin {
        uint64_t bytes, mask; /* mask: 0 where any byte may stand */
} RegexBegin;

/* Up to eight bytes of a text as one number; those behind its end are 0. */
static inline uint64_t regex_first_bytes(const char *text, size_t size)
{
        uint64_t bytes = 0;

        if (size >= sizeof bytes)
                memcpy(&bytes, text, sizeof bytes);
        else
                memcpy(&bytes, text, size);
        return bytes;
}

static inline bool regex_begins(RegexBegin begin, uint64_t first_bytes)
{
        return ((begin.bytes ^ first_bytes) & begin.mask) == 0;
}

int regex_new(const YamlNode *node, const char *session_capture, unsigned flags, Regex **ret_regex, Problem *problem);
Regex *regex_free(Regex *regex);
DEFINE_CLEANUP(Regex *, regex_free)
size_t regex_tag_size(const char *p);
bool regex_has(const Regex *regex, RegexCapture capture);
bool regex_is_jit(const Regex *regex);
RegexBegin regex_begin(const Regex *regex);
bool regex_may_match(const Regex *regex, RegexRunner *runner, char first);
bool regex_passes(const Regex *regex, RegexRunner *runner, char first);
unsigned regex_steps(const Regex *regex, RegexRunner *runner, const char *text, size_t size);
int regex_match(const Regex *regex, RegexRunner *runner, const char *text, size_t size, RegexMatch *ret_match);

/**
 * How far into a text a pattern that does not match got.
 */
typedef struct RegexReach {
        size_t at;              /* bytes of the text that it took */
        char wants[64];         /* what the pattern goes on with there, as it is written */
} RegexReach;

bool regex_may_begin(const Regex *regex, const char *text, size_t size);
int regex_reach(const YamlNode *node, unsigned flags, const char *text, size_t size, RegexReach *ret_reach);

int regex_runner_new(RegexRunner **ret_runner);
RegexRunner *regex_runner_free(RegexRunner *runner);
DEFINE_CLEANUP(RegexRunner *, regex_runner_free)

/* ---- session.c ---- */

typedef struct Rule Rule;
typedef struct SessionTable SessionTable;

/**
 * What the lines of one session have told so far.
 */
typedef struct Session {
        Addr addr;        /* ADDR_NULL: not told yet */
        EventTime time;   /* of its latest line */
        const Rule *held; /* a failure that waits for the address; NULL: none */
        bool tried_others; /* accounts besides `tried` */
        bool failed;      /* a failure was among its lines */
        char user[FILTER_USER_MAX];
        char tried[FILTER_USER_MAX]; /* the account that failures named; "" if they named none */
} Session;

int session_table_new(size_t max, SessionTable **ret_table);
SessionTable *session_table_free(SessionTable *table);
void session_table_expect(const SessionTable *table, uint64_t key);
Session *session_table_find(SessionTable *table, uint64_t key, EventTime now);
Session *session_table_touch(SessionTable *table, uint64_t key, const Addr *addr, EventTime now);
void session_table_remove(SessionTable *table, uint64_t key);
void session_table_forget(SessionTable *table, const Addr *addr);
size_t session_table_count(const SessionTable *table);
uint64_t session_table_evicted(const SessionTable *table);
uint64_t session_key_pid(int64_t pid);
uint64_t session_key_text(const char *text, size_t size);

/* ---- filter.c, load.c, rules.c, schema.c, selftest.c, words.c ---- */

typedef enum RuleKind {
        RULE_FAILURE,
        RULE_HELPER,
        RULE_SUCCESS,
        RULE_END,
} RuleKind;

/* What `transport:` names: the journal's field, and Line.transport. */
#define TRANSPORTS { "syslog", "stdout", "journal", "file" }

struct Rule {
        const char *id;
        RuleKind kind;
        HitCount count;
        bool head, head_only; /* tried on over-long lines too, on them alone */
        bool ends;        /* a failure that is its session's last line, too */
        uint16_t witness; /* one bit, see WindowEntry.witnesses; 0: none */
        unsigned transports; /* those that its lines come by, a bit for each of TRANSPORTS; 0: any */
        Regex *regex;
        RegexBegin begin;
        uint64_t hits, limits;
        const YamlNode *node;
};

typedef enum SessionMode {
        SESSION_NONE,
        SESSION_PID,
        SESSION_CAPTURE,
} SessionMode;

typedef struct OriginRule {
        uint32_t *uids;
        size_t n_uids;
        const char **comms;
        size_t n_comms;
        const char **units; /* fnmatch(3) patterns */
        size_t n_units;
        const char **absent; /* users that this host does not have (yet) */
        size_t n_absent;
        EventTime resolved; /* when they were asked for last */
} OriginRule;

typedef struct Param {
        const char *name;
        const char *value;
        bool given; /* by the spec, not the default */
} Param;

/**
 * Words of the patterns, see words.c.
 */
typedef struct FilterWords {
        const char **sorted;
        size_t n;
        char *text; /* that they are in */
        size_t size;
} FilterWords;

struct Filter {
        YamlDocument *layers[FILTER_LAYERS_MAX]; /* the file itself, then what it extends; rules point into them */
        size_t n_layers;
        char *file;
        char *jail;
        char *mode;
        char *spec_params; /* Param.value points into it */
        Param params[FILTER_PARAMS_MAX];
        size_t n_params;
        const char **idents;
        bool *ident_is_pattern;
        const char **ports;
        const char **dates;
        const char **tags;
        char categories[FILTER_CATEGORIES_TEXT_MAX];
        FilterWords words;
        FilterInfo info;
        FilterStats stats;
        SessionMode session;
        const char *session_capture;
        Regex *prefix;
        bool passes[256]; /* nothing of a text that begins with this byte is the prefix's */
        Rule *rules;
        size_t n_rules;
        /* For each byte that a text can begin with, the rules that can match then, a bit for each. */
        uint64_t candidates[256][FILTER_RULES_MAX / 64];
        Regex **ignores;
        size_t n_ignores;
        OriginRule origin;
        bool containers; /* filter_set_containers() */
        RegexRunner *runner;
        SessionTable *sessions;
        bool has_head;
        bool learning; /* filter_learn() runs: nothing is counted */
        uint64_t evicted_learning; /* sessions that gave way meanwhile */
        char user[FILTER_USER_MAX]; /* of the latest Hit */
};

/**
 * A filter file with those that it extends, the file itself first.
 */
typedef struct Layers {
        YamlDocument *const *documents;
        size_t n;
} Layers;

int filter_check_layer(const YamlDocument *document, Problem *problem);
const YamlNode *layers_get(Layers layers, const char *key);
const char *layers_default_mode(Layers layers);
int layers_rules(Layers layers, const char *mode, const YamlNode *ret_rules[FILTER_RULES_MAX], size_t *ret_n, Problem *problem);
int layers_check_rules(Layers layers, const char *session_capture, Problem *problem);
uint16_t rule_witness(Layers layers, const YamlNode *rule);
unsigned rule_transports(const YamlNode *node);
unsigned transport_bit(const char *name);
bool rule_wanted(const YamlNode *rule, const Param params[], size_t n_params);
int words_build(Layers layers, FilterWords *words);
void words_clear(FilterWords *words);
int filter_build(Layers layers, const char *mode, const char *params, const char *jail, Filter **ret_filter, Problem *problem);
FilterVerdict filter_match_rule(Filter *filter, const Line *line, Hit *ret_hit, const Rule **ret_rule);

/**
 * What a pattern, or the prefix and a pattern, found in a line.
 */
typedef struct Found {
        const Rule *rule;
        RegexMatch match; /* the rule's, and where it has captured nothing, the prefix's */
        Addr addr; /* ADDR_NULL: none captured */
        bool foreign; /* a success of another account than its session has tried */
} Found;

static inline RegexSpan found_span(const Found *found, RegexCapture capture)
{
        return found->match.captures[capture];
}

/* ---- explain.c: what filter.c tells while it judges a line, if somebody listens ---- */

/**
 * Who wants to know what becomes of one line. A NULL pointer to it: nobody does.
 */
typedef struct Trace {
        FilterExplain explain;
        void *userdata;
        const Line *line;
        unsigned others;        /* rules that were out at the text they begin with */
        const Rule *other;      /* the last one of them */
        unsigned not_head;      /* rules that are not for over-long lines */
} Trace;

FilterVerdict filter_judge(Filter *filter, const Line *line, Trace *trace, Hit *ret_hit, const Rule **ret_rule);
void trace_length(Trace *trace, bool over_long, bool has_head);
void trace_origin(Trace *trace, const char *fault, const Origin *origin);
void trace_repeated(Trace *trace, unsigned repeated, const char *text);
void trace_prefix(Trace *trace, const Filter *filter, const char *text, size_t size, int result, size_t end);
void trace_skipped(Trace *trace, const Rule *rule, bool for_length);
void trace_rule(Trace *trace, const Rule *rule, const char *text, size_t size, int result);
void trace_address(Trace *trace, const Rule *rule, RegexSpan span);
void trace_found(Trace *trace, const Found *found);
void trace_rules_end(Trace *trace, const Filter *filter, FilterVerdict verdict);
void trace_ignore(Trace *trace, const Filter *filter, const Rule *rule, size_t i);
void trace_session(Trace *trace, Filter *filter, const Found *found, bool told, const Rule *settled, uint64_t session, FilterVerdict verdict);
