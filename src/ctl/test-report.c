/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What became of all lines, for people. A log may have any number of lines and
 * addresses, and this holds a few: the lines that no rule matched up to a
 * number, and of the addresses those with the most attempts. Where the table of
 * addresses is full, the half with the fewest attempts gives way; who has made
 * thousands stays.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/test.h"
#include "util/cleanup.h"
#include "util/table.h"
#include "util/text.h"

#define ADDRESSES_MAX 4096
#define RULE_WIDTH 44
#define SOUGHT_MAX 4096 /* bytes of a line in which an address is sought */

typedef struct AddressCount {
        Addr addr;
        uint64_t attempts;
        UT_hash_handle hh;
} AddressCount;

/**
 * report_init() - an empty report
 *
 * Return: 0 or -ENOMEM.
 */
int report_init(TestReport *report)
{
        report->with_address = calloc(NEAR_MISSES_MAX, sizeof *report->with_address);
        report->without = calloc(NEAR_MISSES_MAX, sizeof *report->without);
        return report->with_address && report->without ? 0 : -ENOMEM;
}

/**
 * report_deinit() - free what a report holds
 */
void report_deinit(TestReport *report)
{
        AddressCount *count, *next;

        HASH_ITER (hh, report->addresses, count, next) {
                HASH_DEL(report->addresses, count);
                free(count);
        }
        free(report->with_address);
        free(report->without);
}

static int by_attempts(const AddressCount *a, const AddressCount *b)
{
        return a->attempts < b->attempts ? 1 : a->attempts > b->attempts ? -1 : 0;
}

static void drop_half(TestReport *report)
{
        AddressCount *count, *next;
        size_t i = 0;

        HASH_SORT(report->addresses, by_attempts);
        HASH_ITER (hh, report->addresses, count, next)
                if (i++ >= ADDRESSES_MAX / 2) {
                        HASH_DEL(report->addresses, count);
                        free(count);
                        report->forgotten++;
                }
}

static int count_address(TestReport *report, const Addr *addr, unsigned attempts)
{
        AddressCount *count;

        HASH_FIND(hh, report->addresses, addr, sizeof *addr, count);
        if (!count) {
                if (HASH_COUNT(report->addresses) >= ADDRESSES_MAX)
                        drop_half(report);
                count = calloc(1, sizeof *count);
                if (!count)
                        return -ENOMEM;
                count->addr = *addr;
                HASH_ADD(hh, report->addresses, addr, sizeof count->addr, count);
        }
        count->attempts += attempts;
        return 0;
}

static bool is_address_char(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':';
}

/* Whether an address stands somewhere in a text: then it is more likely that a rule should have matched. */
static bool holds_address(const char *text, size_t size)
{
        for (size_t i = 0, n; i < size && i < SOUGHT_MAX; i += n + 1) {
                Addr addr;

                for (n = 0; i + n < size && is_address_char(text[i + n]);)
                        n++;
                size_t length = n;
                while (length > 0 && (text[i + length - 1] == '.' || text[i + length - 1] == ':'))
                        length--;
                if (length >= 3 && length < 46 && addr_parse(text + i, length, &addr) == 0)
                        return true;
                /* "192.0.2.7:22": the port is none of the address's */
                const char *colon = memchr(text + i, ':', length);
                if (colon && colon - (text + i) >= 7 && addr_parse(text + i, (size_t) (colon - (text + i)), &addr) == 0)
                        return true;
        }
        return false;
}

/* How a line begins, without what differs from line to line of a kind: a thousand of one kind must not hide another. */
static void take_kind(const Line *line, char kind[static NEAR_MISS_KIND])
{
        size_t n = 0;

        memset(kind, 0, NEAR_MISS_KIND);
        for (size_t i = 0; i < line->length && n < NEAR_MISS_KIND; i++)
                if (line->text[i] < '0' || line->text[i] > '9')
                        kind[n++] = line->text[i];
}

static NearMiss *find_kind(NearMiss *list, size_t n, const char kind[static NEAR_MISS_KIND])
{
        for (size_t i = 0; i < n; i++)
                if (memcmp(list[i].kind, kind, NEAR_MISS_KIND) == 0)
                        return &list[i];
        return NULL;
}

static void add_near_miss(TestReport *report, const Line *line)
{
        char kind[NEAR_MISS_KIND];
        NearMiss *alike;

        take_kind(line, kind);
        alike = find_kind(report->with_address, report->n_with_address, kind);
        if (!alike)
                alike = find_kind(report->without, report->n_without, kind);
        if (alike) {
                alike->alike++;
                return;
        }
        bool full = report->n_with_address == NEAR_MISSES_MAX, address = !full && holds_address(line->text, line->length);
        NearMiss *list = address ? report->with_address : report->without;
        size_t *n = address ? &report->n_with_address : &report->n_without;

        if (full || *n == NEAR_MISSES_MAX)
                return;
        memcpy(list[*n].kind, kind, sizeof kind);
        list[*n].line = report->lines;
        text_printable(line->text, line->length, list[*n].text, sizeof list->text);
        ++*n;
}

/**
 * report_add() - take in what came out for a line
 * @report:     its `lines` is the line's number already
 * @line:       NULL for another service's
 *
 * Return: 0 or -ENOMEM.
 */
int report_add(TestReport *report, const Line *line, const Outcome *outcome)
{
        if (outcome->other) {
                report->other++;
                return 0;
        }
        report->verdicts[outcome->verdict]++;
        report->matched += outcome->match;
        report->attempts += outcome->count;
        if (outcome->verdict == FILTER_NONE)
                add_near_miss(report, line);
        if (outcome->verdict == FILTER_HIT && !outcome->match)
                report->tells++;
        return outcome->match ? count_address(report, &outcome->hit->addr, outcome->count) : 0;
}

static void say_count(const char *name, uint64_t n, const char *meaning)
{
        say(n > 0 ? PLAIN : DIM, "  %-12s %10" PRIu64 "%s%s\n", name, n, *meaning ? "  " : "", meaning);
}

static void say_rules(const Filter *filter)
{
        FilterRuleStats rule;
        char text[24];

        putchar('\n');
        say_cell(BOLD, "RULE", RULE_WIDTH, false);
        say(BOLD, " %-8s %11s %11s\n", "KIND", "HITS", "AT LIMIT");
        for (size_t i = 0; filter_rule_stats(filter, i, &rule); i++) {
                say_cell(rule.hits > 0 ? PLAIN : DIM, rule.id, RULE_WIDTH, false);
                say(rule.hits > 0 ? PLAIN : DIM, " %-8s %11" PRIu64 " ", rule.kind, rule.hits);
                snprintf(text, sizeof text, "%" PRIu64, rule.limits);
                say_cell(rule.limits > 0 ? RED : DIM, rule.limits > 0 ? text : "-", 11, true);
                putchar('\n');
        }
        if (filter_stats(filter)->limited)
                say_wrapped(YELLOW, "", "  ",
                            "A rule at the limit was given up on such lines: its pattern can go too many ways. Let its parts "
                            "exclude each other, and try "
                            "--explain.");
}

static void say_addresses(TestReport *report)
{
        const AddressCount *count, *next;
        size_t n = 0;

        if (!report->addresses)
                return;
        HASH_SORT(report->addresses, by_attempts);
        putchar('\n');
        say_cell(BOLD, "ADDRESS", RULE_WIDTH, false);
        say(BOLD, " %20s\n", "ATTEMPTS");
        HASH_ITER (hh, report->addresses, count, next) {
                char addr[ADDR_TEXT_MAX];

                if (n++ == TOP_ADDRESSES)
                        break;
                say_cell(PLAIN, addr_format(&count->addr, addr), RULE_WIDTH, false);
                say(PLAIN, " %20" PRIu64 "\n", count->attempts);
        }
        if (HASH_COUNT(report->addresses) > TOP_ADDRESSES)
                say(DIM, "and %s%" PRIu64 " more\n", report->forgotten > 0 ? "about " : "",
                    (uint64_t) HASH_COUNT(report->addresses) + report->forgotten - TOP_ADDRESSES);
}

static void say_misses(const NearMiss *misses, size_t n, size_t *left)
{
        for (size_t i = 0; i<n && * left> 0; i++, --*left) {
                char first[48];

                snprintf(first, sizeof first, "%8" PRIu64 ": ", misses[i].line);
                say_wrapped(PLAIN, first, "          ", *misses[i].text ? misses[i].text : "(an empty line)");
                if (misses[i].alike > 0)
                        say(DIM, "          and %" PRIu64 " more that %s so\n", misses[i].alike,
                            misses[i].alike == 1 ? "begins" : "begin");
        }
}

static void say_near_misses(const TestReport *report)
{
        size_t left = NEAR_MISSES_MAX, shown = report->n_with_address + report->n_without;
        uint64_t all = report->verdicts[FILTER_NONE];

        if (all == 0)
                return;
        putchar('\n');
        if (shown > NEAR_MISSES_MAX)
                shown = NEAR_MISSES_MAX;
        say(BOLD, "NEAR MISSES, %zu of %" PRIu64 ":", shown, all);
        say(PLAIN, " lines of the service that no rule matched\n");
        say_misses(report->with_address, report->n_with_address, &left);
        say_misses(report->without, report->n_without, &left);
        say(DIM, "Why: bailiffctl test FILTER --explain --line 'THE LINE'\n");
}

/**
 * report_say() - the summary
 */
void report_say(TestReport *report, const Workbench *bench)
{
        char text[64];
        const char *file = bench->info->file;

        say(BOLD, "%s", bench->info->name);
        say(PLAIN, ", mode %s\n", bench->info->mode);
        say_wrapped(DIM, "  ", "  ", file);
        putchar('\n');
        say_count("lines", report->lines, "");
        snprintf(text, sizeof text, "failures, of %" PRIu64 " %s", report->attempts,
                 report->attempts == 1 ? "attempt" : "attempts");
        say_count("matched", report->matched, text);
        say_count("context", report->verdicts[FILTER_HELPER] + report->tells, "helpers, successes, ends of sessions");
        say_count("ignored", report->verdicts[FILTER_IGNORED], "by an `ignore` pattern");
        say_count("missed", report->verdicts[FILTER_NONE], "no rule matched");
        if (report->verdicts[FILTER_LIMIT] > 0)
                say_count("given up", report->verdicts[FILTER_LIMIT], "at the match limit; counts as missed");
        if (report->verdicts[FILTER_TOO_LONG] > 0)
                say_count("too long", report->verdicts[FILTER_TOO_LONG], "longer than 32 KiB");
        if (bench->journal)
                say_count("refused", report->verdicts[FILTER_ORIGIN], "not written by the service (its `origin:`)");
        else
                say_count("other", report->other, "another service's");
        if (report->verdicts[FILTER_ORIGIN] > 0 && report->verdicts[FILTER_HIT] + report->verdicts[FILTER_HELPER] == 0)
                say_wrapped(YELLOW, "", "  ",
                            "All that a rule matched was refused: compare the filter's `origin:` with who wrote the lines; "
                            "--explain tells it.");
        say_rules(bench->filter);
        say_addresses(report);
        say_near_misses(report);
}
