/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Report: what is told to AbuseIPDB and VirusTotal, and of whom. Pure: no descriptor, no clock, no log, no global.
 * What is said there is public, under the account's name, and can hardly be taken back.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/addr.h"
#include "util/clock.h"
#include "util/problem.h"

/* Bytes of a comment, without its NUL. */
#define REPORT_ABUSEIPDB_COMMENT_MAX 1024
#define REPORT_VIRUSTOTAL_COMMENT_MAX 4096

bool report_addr_is_public(const Addr *addr);
bool report_addr_is_documentation(const Addr *addr);

/**
 * Whether a word (ASCII letters, in either case, not ended by NUL) is one that the filter's patterns hold literally: such
 * a word is public.
 */
typedef bool (*ReportKnowsWord)(void *userdata, const char *word, size_t size);

/**
 * What a comment may tell. All is borrowed.
 */
typedef struct ReportFacts {
        const char *service;            /* the filter's name; "": not known */
        const char *jail;
        Addr addr;                      /* the one that is reported */
        unsigned failures;              /* 0: banned by hand */
        EventTime first, last;          /* of the failures; by hand: both are the command's time */
        const char *ports;              /* as for people: "22/tcp, 2222/tcp"; "all", "" or NULL: all */
        const char *const *lines;       /* printable log lines, oldest first, not redacted */
        size_t n_lines;                 /* of more than EVIDENCE_MAX the latest are taken */
        const char *const *tags;        /* words, without '#' */
        size_t n_tags;
        ReportKnowsWord knows_word;     /* NULL: no line may be shown */
        void *userdata;
} ReportFacts;

/* What is said where the configuration says nothing. BY_HAND is for both services, when `failures` is 0. */
extern const char REPORT_COMMENT_ABUSEIPDB[], REPORT_COMMENT_VIRUSTOTAL[], REPORT_COMMENT_BY_HAND[];

int report_comment_check(const char *template, Problem *problem);
bool report_comment_wants_lines(const char *template);
char *report_comment(const char *template, const ReportFacts *facts, size_t max_bytes);

void report_redact(const char *line, const Addr *addr, ReportKnowsWord knows_word, void *userdata, char *buffer, size_t size);
