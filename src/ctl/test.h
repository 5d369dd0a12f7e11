/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The workbench, `bailiffctl test`: what its files share. */

#include "ctl/ctl.h"
#include "filter.h"
#include "logline.h"
#include "tracker.h"

#define NEAR_MISSES_MAX 20
#define TOP_ADDRESSES 10

/**
 * A line of the service that no rule matched.
 */
#define NEAR_MISS_KIND 32

typedef struct NearMiss {
        uint64_t line;
        uint64_t alike;                 /* more lines that begin so */
        char kind[NEAR_MISS_KIND];      /* how it begins, without digits */
        char text[EVIDENCE_TEXT_MAX];   /* printable */
} NearMiss;

/**
 * What became of all lines; capped, however many there are.
 */
typedef struct TestReport {
        uint64_t lines, matched, attempts, other;
        uint64_t verdicts[_FILTER_VERDICT_MAX]; /* of the service's own lines */
        uint64_t tells;                 /* successes and ends */
        NearMiss *with_address, *without;
        size_t n_with_address, n_without;
        struct AddressCount *addresses;
        uint64_t forgotten;             /* addresses that gave way at the cap */
} TestReport;

/**
 * What was asked for, and where it has got to.
 */
typedef struct Workbench {
        const Ctl *ctl;
        const char *spec, *mode, *line, *file, *directory;
        bool raw, explain, journal;
        bool now_given;
        EventTime now, since;
        Filter *filter;
        const FilterInfo *info;
        DateFormats *dates;             /* the filter's; NULL: none */
        LogLineMemory memory;
        Tracker *tracker;
        TestReport report;
        BootTime told;                  /* when progress was shown last */
        uint64_t told_lines;
        bool progress;
} Workbench;

/**
 * What came out for one line.
 */
typedef struct Outcome {
        FilterVerdict verdict;
        bool other;             /* another service's line; verdict means nothing */
        bool match;             /* evidence of a failure */
        unsigned count;         /* attempts that it added */
        const char *rule;       /* NULL: none */
        const Hit *hit;         /* NULL: none */
        EventTime time;
        bool timed;             /* something told the time: a stamp, the journal, --now */
} Outcome;

/* test-run.c: one line through the core */
int bench_new(Workbench *bench);
void bench_free(Workbench *bench);
int bench_line(Workbench *bench, const char *text, size_t size);
int bench_entry(Workbench *bench, const Line *line);
void bench_progress(Workbench *bench, bool end);

/* test-explain.c: the way of one line, told */
typedef struct Explanation {
        const Ctl *ctl;
        const Line *line;
        json_t *steps;          /* --json: collected */
} Explanation;

void explain_step(void *userdata, const FilterStep *step);
void explain_add(Explanation *explanation, const char *stage, bool passed, const char *format, ...) __attribute__((format(printf, 4, 5)));
void explain_count(Explanation *explanation, const Hit *hit, unsigned counted);
void explain_other(Explanation *explanation, const FilterInfo *info, const char *ident);

/* test-report.c */
int report_init(TestReport *report);
void report_deinit(TestReport *report);
int report_add(TestReport *report, const Line *line, const Outcome *outcome);
void report_say(TestReport *report, const Workbench *bench);
