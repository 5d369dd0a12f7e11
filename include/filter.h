/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Filter: what a service logs. Line -> Hit. Pure: no descriptor, no clock, no log, no global. */

#include "pipeline.h"
#include "util/cleanup.h"
#include "util/problem.h"

typedef struct Filter Filter;

#define FILTER_SESSION_SECONDS 600 /* of event time without a line, after which a session is forgotten */

/**
 * What became of a line.
 */
typedef enum FilterVerdict {
        FILTER_HIT,             /* *ret_hit is set */
        FILTER_NONE,            /* no rule matched */
        FILTER_HELPER,          /* a rule matched that only tells about its session */
        FILTER_IGNORED,         /* an `ignore` pattern matched */
        FILTER_ORIGIN,          /* a rule matched but the line was not written by the service */
        FILTER_TOO_LONG,        /* not matched for its length */
        FILTER_LIMIT,           /* the match limit was reached; treated as no match */
        _FILTER_VERDICT_MAX,
} FilterVerdict;

/**
 * What the wiring needs to know about a filter; owned by the filter.
 */
typedef struct FilterInfo {
        const char *name;               /* "sshd" */
        const char *description;
        const char *mode;
        const char *file;               /* where it was read */
        const char *const *idents;      /* SYSLOG_IDENTIFIERs, may hold * and ?; see filter_listens() */
        size_t n_idents;
        const char *const *comms;       /* names of the programs that write them; how a journal is asked for idents with a * */
        size_t n_comms;
        const char *const *ports;       /* as written: "ssh", "25/tcp" */
        size_t n_ports;
        const char *categories;         /* for AbuseIPDB, "18,22"; NULL: it names none */
        const char *const *tags;        /* for reports: words, without # */
        size_t n_tags;
        const char *const *dates;       /* strptime directives for its log files, ended by NULL; NULL: detection is enough */
        bool jit;                       /* false: the interpreter runs (no executable memory) */
        bool has_sessions;              /* what a line says may hang on lines before it; see filter_learn() */
} FilterInfo;

/**
 * Counters since the filter was loaded, for `status`.
 */
typedef struct FilterStats {
        uint64_t lines;                         /* looked at */
        uint64_t verdicts[_FILTER_VERDICT_MAX];
        EventTime last_line, last_hit;
        uint64_t sessions, sessions_evicted;    /* now, and given up at the cap */
        const char *rule;                       /* id of the rule that the latest line matched, whatever came of it; NULL: none */
        const char *limited;                    /* id of the rule that reached the match limit last; NULL: none did */
} FilterStats;

/**
 * What one rule of the filter's mode has found.
 */
typedef struct FilterRuleStats {
        const char *id;
        const char *kind;                       /* "failure", "helper", "success", "end" */
        uint64_t hits;                          /* lines that it matched, whether or not they counted */
        uint64_t limits;                        /* lines on which it reached the match limit */
} FilterRuleStats;

#define FILTER_STEP_NOWHERE SIZE_MAX

/**
 * A step on the way of one line through the filter, for people.
 */
typedef struct FilterStep {
        const char *stage;              /* "length", "origin", "repeated", "prefix", "rule", "address", "ignore", "session" */
        const char *rule;               /* the rule's id, "" outside rules */
        bool passed;
        size_t at;                      /* the byte of Line.text that it is about, or FILTER_STEP_NOWHERE */
        const char *text;               /* what happened and why; printable */
} FilterStep;

typedef void (*FilterExplain)(void *userdata, const FilterStep *step);

/* Programs that put the output of containers into the journal; ended by NULL. */
extern const char *const FILTER_CONTAINER_WRITERS[];

/* Directories in which filters are sought, first match wins; ended by NULL. */
extern const char *const FILTER_DIRECTORIES[];

int filter_load(const char *spec, const char *mode, const char *jail, const char *const directories[], Filter **ret_filter,
                Problem *problem);
int filter_load_memory(const char *name, const char *yaml, size_t size, const char *mode, const char *jail, Filter **ret_filter,
                       Problem *problem);
Filter *filter_free(Filter *filter);
DEFINE_CLEANUP(Filter *, filter_free)

const char *filter_file(const Filter *filter, size_t layer);
const FilterInfo *filter_info(const Filter *filter);
const FilterStats *filter_stats(const Filter *filter);
bool filter_rule_stats(const Filter *filter, size_t i, FilterRuleStats *ret_stats);
bool filter_knows_word(const Filter *filter, const char *word, size_t size);
const char *filter_mode_name(const Filter *filter, size_t i);
bool filter_listens(const Filter *filter, const char *ident);
bool filter_resolve(Filter *filter, EventTime now);
const char *filter_missing_user(const Filter *filter);
void filter_set_containers(Filter *filter, bool containers);
bool filter_trusts(const Filter *filter, const Line *line);
FilterVerdict filter_match(Filter *filter, const Line *line, Hit *ret_hit);
FilterVerdict filter_learn(Filter *filter, const Line *line);
FilterVerdict filter_explain(Filter *filter, const Line *line, FilterExplain explain, void *userdata, Hit *ret_hit);
void filter_forget(Filter *filter, const Addr *addr);

typedef void (*FilterTestReport)(void *userdata, const char *line, bool passed, const char *message);
int filter_self_test(const Filter *filter, FilterTestReport report, void *userdata, unsigned *ret_failed);
