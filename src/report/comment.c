/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Comments: a template with placeholders, filled in.
 *
 * The template is the administrator's, and goes out as it is written; a brace that is to be one is written twice. Values are counted or
 * chosen by us (numbers, times in UTC, names of the configuration) but for {matches}, which is log lines, and each of those goes
 * through report_redact().
 *
 * A service takes so many bytes and cuts the rest off, perhaps in the middle of a character. So it is cut here, between two. Where
 * lines make the text too long, whole lines give way, the oldest first, until the rest of the text fits: what the administrator
 * wrote behind {matches} is not the price of a long log. Lines that look alike when redacted, which is the rule in an attack on
 * passwords, are shown once with their number.
 *
 * The default texts have no lines and no name of a jail or host. AbuseIPDB wants to read what happened, on which port and
 * when; VirusTotal takes words with '#' as tags and wants no active links. They name the number of attempts in a way that
 * is right for one and for many.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline.h"
#include "report.h"
#include "util/cleanup.h"
#include "util/text.h"

#define NAME_SHOWN_MAX 40 /* bytes of a wrong placeholder that an error repeats */
#define NUMBER_MAX 32

const char REPORT_COMMENT_ABUSEIPDB[] = "Failed attempts on {service}: {failures} within {window} ({first} to {last}), ports: {ports}";
const char REPORT_COMMENT_VIRUSTOTAL[] = "Failed attempts on {service}: {failures} within {window} ({first} to {last}), ports: {ports} {tags}";
const char REPORT_COMMENT_BY_HAND[] = "Blocked by an administrator's decision at {last} for abuse of {service}, ports: {ports}";

/**
 * A comment in the making. `size` goes on counting when the text has become too long.
 */
typedef struct Comment {
        char *text;
        size_t used, size, room;
        bool full;
} Comment;

/**
 * Lines as they are shown, oldest first; the same ones in a row are one.
 */
typedef struct Matches {
        char text[EVIDENCE_MAX][EVIDENCE_TEXT_MAX];
        unsigned times[EVIDENCE_MAX];
        size_t n, skipped; /* of them, for want of room */
} Matches;

/* Whole characters, so that the cut is between two. Of values nothing but printable text comes in; of templates also these two. */
static void put(Comment *comment, const char *text, size_t size, const char *besides)
{
        for (size_t i = 0, n; i < size; i += n) {
                n = text_character(text + i, size - i);
                if (n == 0) {
                        n = 1;
                        if (!text[i] || !strchr(besides, text[i]))
                                continue;
                }
                comment->size += n;
                comment->full = comment->full || n > comment->room - comment->used;
                if (comment->full)
                        continue;
                memcpy(comment->text + comment->used, text + i, n);
                comment->used += n;
        }
}

static void put_template(Comment *comment, const char *text, size_t size)
{
        put(comment, text, size, "\n\t");
}

static void put_value(Comment *comment, const char *text)
{
        put(comment, text, strlen(text), "");
}

/* ---- placeholders ---- */

static void put_service(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        put_value(comment, *facts->service ? facts->service : "a service");
}

static void put_jail(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        put_value(comment, facts->jail);
}

static void put_failures(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        char number[NUMBER_MAX];

        snprintf(number, sizeof number, "%u", facts->failures);
        put_value(comment, number);
}

/* From the first to the last; a single moment counts as a second. */
static void put_window(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        char text[DURATION_TEXT_MAX];
        int64_t usec;

        if (__builtin_sub_overflow(facts->last.usec, facts->first.usec, &usec) || usec < USEC_PER_SEC)
                usec = USEC_PER_SEC;
        put_value(comment, duration_format(usec / USEC_PER_SEC, text));
}

static void put_ports(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        put_value(comment, facts->ports && *facts->ports ? facts->ports : "all");
}

static void put_first(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        char text[TIME_TEXT_MAX];

        put_value(comment, event_time_format(facts->first, text));
}

static void put_last(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        char text[TIME_TEXT_MAX];

        put_value(comment, event_time_format(facts->last, text));
}

static void put_matches(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        for (size_t i = matches->skipped; i < matches->n; i++) {
                char number[NUMBER_MAX];

                if (i > matches->skipped)
                        put_template(comment, "\n", 1);
                put_value(comment, matches->text[i]);
                snprintf(number, sizeof number, " (%u times)", matches->times[i]);
                put_value(comment, matches->times[i] > 1 ? number : "");
        }
}

static void put_tags(Comment *comment, const ReportFacts *facts, const Matches *matches)
{
        for (size_t i = 0; i < facts->n_tags; i++) {
                put_value(comment, i > 0 ? " #" : "#");
                put_value(comment, facts->tags[i]);
        }
}

static const struct Field {
        const char *name;
        void (*put)(Comment *comment, const ReportFacts *facts, const Matches *matches);
} FIELDS[] = {
        { "service", put_service }, { "jail", put_jail }, { "failures", put_failures }, { "window", put_window }, { "ports", put_ports },
        { "first", put_first },     { "last", put_last }, { "matches", put_matches },   { "tags", put_tags },
};

#define N_FIELDS (sizeof FIELDS / sizeof *FIELDS)
#define KNOWN "{service} {jail} {failures} {window} {ports} {first} {last} {matches} {tags}"

/* ---- templates ---- */

typedef enum PartKind {
        PART_END,
        PART_TEXT,
        PART_FIELD,
        PART_UNKNOWN,   /* `text` is the name */
        PART_OPEN,      /* a lone brace */
        PART_CLOSE,
} PartKind;

typedef struct Part {
        PartKind kind;
        const char *text;
        size_t size;
        const struct Field *field;
} Part;

/* The template's next part; @templatep moves behind it. */
static Part next_part(const char **templatep)
{
        const char *p = *templatep;
        size_t size = strcspn(p, "{}");

        if (size > 0 || !*p) {
                *templatep += size;
                return (Part){ size > 0 ? PART_TEXT : PART_END, p, size, NULL };
        }
        if (p[1] == *p) {
                *templatep += 2;
                return (Part){ PART_TEXT, p, 1, NULL };
        }
        size = strcspn(p + 1, "{}");
        if (*p == '}' || p[1 + size] != '}') {
                *templatep += 1;
                return (Part){ *p == '}' ? PART_CLOSE : PART_OPEN, p, 1, NULL };
        }
        *templatep += size + 2;
        for (size_t i = 0; i < N_FIELDS; i++)
                if (strlen(FIELDS[i].name) == size && memcmp(FIELDS[i].name, p + 1, size) == 0)
                        return (Part){ PART_FIELD, p, size + 2, &FIELDS[i] };
        return (Part){ PART_UNKNOWN, p + 1, size, NULL };
}

static int unknown_problem(const Part *part, Problem *problem)
{
        const char *known[N_FIELDS], *near;
        char name[NAME_SHOWN_MAX + 1];
        size_t used = 0;

        for (size_t i = 0; i < part->size;) {
                size_t n = text_character(part->text + i, part->size - i), taken = n > 0 ? n : 1;

                if (taken > NAME_SHOWN_MAX - used)
                        break;
                memcpy(name + used, n > 0 ? part->text + i : " ", taken); /* a line break or tab */
                used += taken;
                i += taken;
        }
        name[used] = '\0';
        for (size_t i = 0; i < N_FIELDS; i++)
                known[i] = FIELDS[i].name;
        near = text_nearest(name, known, N_FIELDS);
        return problem_set(problem, -EINVAL, "a comment has no placeholder {%s}; %s%s%s are " KNOWN "; a brace itself is written twice, \"{{\"",
                           name, near ? "did you mean {" : "", near ? near : "", near ? "}? There" : "there");
}

/* Where a template is no printable text but for line breaks and tabs; NULL: nowhere. */
static const char *unprintable(const char *template)
{
        size_t n;

        for (const char *p = template; *p; p += n) {
                n = *p == '\n' || *p == '\t' ? 1 : text_character(p, strlen(p));
                if (n == 0)
                        return p;
        }
        return NULL;
}

/**
 * report_comment_check() - whether a template of a comment is right
 * @problem:    says what is wrong, with the placeholder that was probably meant and all that there are
 *
 * Return: 0 or -EINVAL.
 */
int report_comment_check(const char *template, Problem *problem)
{
        const char *wrong = unprintable(template);

        if (wrong)
                return problem_set(problem, -EINVAL, "byte %zu of the comment, 0x%02x, is no printable text in UTF-8; write the character itself, "
                                   "and save the file as UTF-8", (size_t) (wrong - template) + 1, (unsigned) (unsigned char) *wrong);
        if (!template[strspn(template, " \n\t")])
                return problem_set(problem, -EINVAL, "the comment is empty; leave it out for the default text");
        for (const char *p = template;;) {
                Part part = next_part(&p);

                switch (part.kind) {
                case PART_END:
                        return 0;
                case PART_UNKNOWN:
                        return unknown_problem(&part, problem);
                case PART_OPEN:
                        return problem_set(problem, -EINVAL, "the comment has a '{' without its '}'; a brace itself is written twice, \"{{\", and the "
                                           "placeholders are " KNOWN);
                case PART_CLOSE:
                        return problem_set(problem, -EINVAL, "the comment has a '}' without its '{'; a brace itself is written twice, \"}}\", and the "
                                           "placeholders are " KNOWN);
                case PART_TEXT:
                case PART_FIELD:
                        break;
                }
        }
}

/**
 * report_comment_wants_lines() - whether a template shows log lines
 */
bool report_comment_wants_lines(const char *template)
{
        for (const char *p = template;;) {
                Part part = next_part(&p);

                if (part.kind == PART_END)
                        return false;
                if (part.kind == PART_FIELD && part.field->put == put_matches)
                        return true;
        }
}

/* ---- filling in ---- */

static void redact_lines(const ReportFacts *facts, Matches *matches)
{
        size_t from = facts->n_lines > EVIDENCE_MAX ? facts->n_lines - EVIDENCE_MAX : 0;

        matches->n = matches->skipped = 0;
        for (size_t i = from; i < facts->n_lines; i++) {
                char *text = matches->text[matches->n];

                report_redact(facts->lines[i], &facts->addr, facts->knows_word, facts->userdata, text, EVIDENCE_TEXT_MAX);
                if (!*text || strcmp(text, "*") == 0)
                        continue; /* it would tell nothing */
                if (matches->n > 0 && strcmp(text, matches->text[matches->n - 1]) == 0)
                        matches->times[matches->n - 1]++;
                else
                        matches->times[matches->n++] = 1;
        }
}

/* Return: whether there is a placeholder. What is wrong in a template stays as it is written: it has been checked before. */
static bool fill(const char *template, const ReportFacts *facts, const Matches *matches, Comment *comment)
{
        bool filled = false;

        comment->used = comment->size = 0;
        comment->full = false;
        for (const char *p = template;;) {
                const char *from = p;
                Part part = next_part(&p);

                if (part.kind == PART_END)
                        return filled;
                if (part.kind == PART_FIELD)
                        part.field->put(comment, facts, matches);
                else if (part.kind == PART_UNKNOWN)
                        put_template(comment, from, (size_t) (p - from));
                else
                        put_template(comment, part.text, part.size);
                filled = filled || part.kind == PART_FIELD;
        }
}

/**
 * report_comment() - the text that a service is sent
 * @template:   checked by report_comment_check()
 * @facts:      what may be told
 * @max_bytes:  of the text, without its NUL
 *
 * The text is UTF-8 without control characters, but for line breaks and tabs of the template and a line break between log lines.
 * A template without placeholders is sent as it is written; otherwise blanks at the end are left out, where a value was empty.
 *
 * Return: the text, for free(3); NULL without memory.
 */
char *report_comment(const char *template, const ReportFacts *facts, size_t max_bytes)
{
        _cleanup_free_ char *text = malloc(max_bytes + 1);
        Comment comment = { .text = text, .room = max_bytes };
        Matches matches;
        bool filled;

        if (!text)
                return NULL;
        redact_lines(facts, &matches);
        filled = fill(template, facts, &matches, &comment);
        while (comment.size > max_bytes && matches.skipped < matches.n) {
                matches.skipped++;
                fill(template, facts, &matches, &comment);
        }
        while (filled && comment.used > 0 && strchr(" \n\t", text[comment.used - 1]))
                comment.used--;
        text[comment.used] = '\0';
        return steal(text);
}
