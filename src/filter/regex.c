/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The only file that knows PCRE2.
 *
 * A log line is bytes that a stranger wrote, so everything here is bounded:
 * steps by the match limit (ordinary lines need under a hundred; the limit is
 * reached in a fraction of a millisecond), recursion and heap by limits of the
 * interpreter, the compiled code's stack by its size. Who reaches a limit is
 * reported as such, never as a match.
 *
 * Patterns work on bytes. UTF mode is off and cannot be switched on by a
 * pattern: an invalid sequence would make PCRE2 refuse the whole line, and
 * hide it. `.` matches every byte, a line break and NUL too, and `$` only the
 * very end: a user name with a line break must neither hide the line nor end
 * it early. `\w` and `\d` are ASCII.
 *
 * Tags stand for addresses and become named groups:
 *
 *     <IP4>           an IPv4 address                    group ip4
 *     <IP6>           an IPv6 address, %scope dropped    group ip6
 *     <ADDR> <HOST>   either, in [] or not               ip4 or ip6
 *     <CIDR>          a prefix length                    group cidr
 *     <SUBNET>        <ADDR>, maybe "/" and <CIDR>; the address counts
 *     \<ADDR>         no tag: that text
 *
 * They only find what may be an address; addr_parse() has the last word. A
 * hand-written group `addr` is taken as well. The group `user` is the account
 * that was tried; a group that `session:` names tells the session; `attempts`
 * and `seconds` say of a summary how many attempts it sums up, and since when;
 * `pid` must be the process that the journal knows the line to be from.
 *
 * Compiled code needs memory that is writable and then executable, which a
 * hardened unit forbids: then the interpreter runs, ten times slower and with
 * the same answers.
 *
 * Before PCRE2 is asked, the literal text behind a leading `^` is compared:
 * of two dozen rules all but one or two are out at that.
 */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "filter/private.h"
#include "util/text.h"

#define MATCH_LIMIT 10000
#define DEPTH_LIMIT 10000
#define HEAP_LIMIT_KIB 8192
#define JIT_STACK_MAX (512 * 1024)
#define GROUPS_MAX 60   /* capturing groups of one pattern */
#define SAME_NAME_MAX 8 /* groups for one RegexCapture */
#define REGEX_WATCHED (1 << 8) /* besides RegexFlags: call back before each item */
#define LITERAL_MAX 48
#define PATTERN_MAX 8192

#define IP4 "(?:[0-9]{1,3}\\.){3}[0-9]{1,3}"
#define TAG_IP4 "(?<ip4>" IP4 ")(?![0-9]|\\.[0-9])"
#define TAG_IP6 "(?<ip6>[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,38}(?:" IP4 ")?)(?![0-9A-Fa-f])(?:%[0-9A-Za-z_.-]{1,15})?"
#define TAG_ADDR "\\[?(?:" TAG_IP4 "|" TAG_IP6 ")\\]?"
#define TAG_CIDR "(?<cidr>[0-9]{1,3})"

static const struct {
        const char *tag, *pattern;
} TAGS[] = {
        { "<ADDR>", TAG_ADDR }, { "<HOST>", TAG_ADDR }, { "<IP4>", TAG_IP4 },
        { "<IP6>", TAG_IP6 },   { "<CIDR>", TAG_CIDR }, { "<SUBNET>", TAG_ADDR "(?:/" TAG_CIDR ")?" },
};
#define N_TAGS (sizeof TAGS / sizeof *TAGS)

struct Regex {
        pcre2_code *code;
        bool jit;
        size_t literal_size; /* of the text that a match begins with; 0: unknown */
        char literal[LITERAL_MAX];
        struct {
                uint8_t capture, group;
        } takes[_CAPTURE_MAX * SAME_NAME_MAX]; /* the groups of each RegexCapture, in its order */
        size_t n_takes;
};

struct RegexRunner {
        pcre2_match_context *context;
        pcre2_match_data *data;
        pcre2_jit_stack *stack;
};

/* What stands at @p: a tag, an escaped character, or any other. Return: the bytes that it has. */
static size_t next_item(const char *p, const char **ret_tag_pattern)
{
        *ret_tag_pattern = NULL;
        if (*p == '\\' && p[1])
                return 2;
        for (size_t i = 0; i < N_TAGS; i++)
                if (strncmp(p, TAGS[i].tag, strlen(TAGS[i].tag)) == 0) {
                        *ret_tag_pattern = TAGS[i].pattern;
                        return strlen(TAGS[i].tag);
                }
        return 1;
}

/**
 * regex_tag_size() - the bytes of the tag that a text begins with; 0 if it begins with none
 */
size_t regex_tag_size(const char *p)
{
        const char *tag;
        size_t size = *p == '<' ? next_item(p, &tag) : 0;

        return size > 1 ? size : 0;
}

/* What other programs have tags for, and is written otherwise here; by the beginning of the tag's name. */
static const char *tag_advice(const char *name)
{
        static const char *const advice[][2] = {
                { "<F-USER", "write (?<user>...) around the account" },
                { "<F-ID", "write <ADDR> for the address" },
                { "<F-MLFID", "name the session's group in `session:`" },
                { "<F-MLFFORGET", "give the rule `kind: success`" },
                { "<F-NOFAIL", "give the rule a `kind:`" },
                { "<F-", "a group is written (?<user>...)" },
                { "</F-", "a group is written (?<user>...)" },
                { "<IP>", "write <ADDR>" },
                { "<DNS>", "names are never looked up" },
                { "<SKIPLINES>", "use `session:` to tie lines together" },
        };

        for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
                if (strncasecmp(name, advice[i][0], strlen(advice[i][0])) == 0)
                        return advice[i][1];
        return NULL;
}

/* Whether the "<" at @p opens a group's name: (?<NAME>, (?P<NAME>, (?(<NAME>), \k<NAME> and \g<NAME>. */
static bool names_group(const char *pattern, const char *p)
{
        static const char *const before[] = { "(?", "(?P", "(?(", "\\k", "\\g" };

        for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
                size_t size = strlen(before[i]);
                if ((size_t) (p - pattern) >= size && memcmp(p - size, before[i], size) == 0)
                        return true;
        }
        return false;
}

/*
 * A tag that is none would be sought as text, and never be found: <ADR>, <addr>, <F-USER>. So what looks like one is
 * refused: capital letters, or a tag's name in small ones. Names of groups, (?<NAME>...), are none; \<NAME> is text.
 */
static int check_no_tag(const YamlNode *node, const char *p, Problem *problem)
{
        const char *known[N_TAGS], *near, *advice;
        size_t size = strspn(p + 1, "/-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") + 2;
        char name[24], upper[24];
        bool capital;

        if (size < 4 || size >= sizeof name || p[size - 1] != '>')
                return 0;
        if (names_group(node->text, p))
                return 0;
        for (size_t i = 0; i <= size; i++) {
                name[i] = i < size ? p[i] : '\0';
                upper[i] = name[i] >= 'a' && name[i] <= 'z' ? (char) (name[i] - 'a' + 'A') : name[i];
        }
        capital = strcmp(name, upper) == 0 && strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        for (size_t i = 0; i < N_TAGS; i++) {
                known[i] = TAGS[i].tag;
                capital = capital || strcmp(upper, TAGS[i].tag) == 0;
        }
        advice = tag_advice(name);
        if (!capital && strncmp(upper, "<F-", 3) != 0 && strncmp(upper, "</F-", 4) != 0)
                return 0;
        near = advice ? NULL : text_nearest(upper, known, N_TAGS);
        return yaml_problem(node, problem, "there is no tag %s (where the log has that text, write \\%s)%s%s%s%s%s", name, name,
                            advice ? ": " : "", advice ? advice : "", near ? "; did you mean " : "", near ? near : "",
                            near ? "?" : "");
}

static int expand_tags(const YamlNode *node, char **ret_pattern, Problem *problem)
{
        _cleanup_free_ char *pattern = NULL;
        size_t size, step;
        FILE *stream;
        int r = 0;

        if (strlen(node->text) > PATTERN_MAX)
                return yaml_problem(node, problem, "a pattern may have up to %d characters; split the rule", PATTERN_MAX);
        stream = open_memstream(&pattern, &size);
        if (!stream)
                return -ENOMEM;
        for (const char *p = node->text; *p && r == 0; p += step) {
                const char *tag;

                step = next_item(p, &tag);
                if (tag)
                        fputs(tag, stream);
                else
                        fwrite(p, 1, step, stream);
                if (!tag && *p == '<')
                        r = check_no_tag(node, p, problem);
        }
        if (fclose(stream) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret_pattern = steal(pattern);
        return 0;
}

/* Whether `|` stands outside all parentheses and brackets. */
static bool has_outer_alternative(const char *pattern)
{
        unsigned depth = 0;
        bool in_class = false;

        for (const char *p = pattern; *p; p++) {
                if (*p == '\\' && p[1]) {
                        p++;
                } else if (in_class) {
                        in_class = *p != ']';
                } else if (*p == '[') {
                        in_class = true;
                } else if (*p == '(') {
                        depth++;
                } else if (*p == ')' && depth > 0) {
                        depth--;
                } else if (*p == '|' && depth == 0) {
                        return true;
                }
        }
        return false;
}

/* The plain text behind `^`, which every match begins with. Too short is safe, too long is not. */
static void find_literal(Regex *regex, const char *pattern)
{
        const char *p = pattern;
        size_t n = 0;

        if (*p != '^' || has_outer_alternative(pattern) || strstr(pattern, "\\Q"))
                return;
        for (p++; *p && n < LITERAL_MAX; p++) {
                char c = *p;

                if (strchr("^$.[]|()*+?{}#", c))
                        break;
                if (c == '\\') {
                        c = p[1];
                        if (!c || !strchr("()[]{}.*+?|^$/:\\", c))
                                break;
                }
                size_t step = *p == '\\' ? 2 : 1;
                if (p[step] && strchr("*+?{", p[step]))
                        break;
                regex->literal[n++] = c;
                p += step - 1;
        }
        regex->literal_size = n;
}

static void add_groups(Regex *regex, RegexCapture capture, const char *name)
{
        PCRE2_SPTR first, last;
        int entry = pcre2_substring_nametable_scan(regex->code, (PCRE2_SPTR) name, &first, &last);
        size_t used = 0;

        for (size_t i = 0; i < regex->n_takes; i++)
                used += regex->takes[i].capture == capture;
        if (entry < 0)
                return;
        for (PCRE2_SPTR p = first; p <= last && used < SAME_NAME_MAX; p += entry, used++) {
                regex->takes[regex->n_takes].capture = (uint8_t) capture;
                regex->takes[regex->n_takes++].group = p[1];
        }
}

/* The rest of a pattern as it is written, from a byte of the expanded one on. */
static const char *written_from(const char *written, size_t offset)
{
        size_t n = 0, step;

        for (const char *p = written; *p; p += step) {
                const char *tag;

                step = next_item(p, &tag);
                size_t size = tag ? strlen(tag) : step;
                if (offset < n + size)
                        return tag ? p : p + (offset - n);
                n += size;
        }
        return written + strlen(written);
}

static int compile(const YamlNode *node, const char *pattern, unsigned flags, Regex *regex, Problem *problem)
{
        uint32_t options = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_DUPNAMES | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
                           PCRE2_NEVER_BACKSLASH_C | (flags & REGEX_AT_START ? PCRE2_ANCHORED : 0) |
                           (flags & REGEX_WATCHED ? PCRE2_AUTO_CALLOUT | PCRE2_NO_START_OPTIMIZE | PCRE2_NO_AUTO_POSSESS : 0);
        PCRE2_SIZE offset;
        uint32_t count;
        int error;

        regex->code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED, options, &error, &offset, NULL);
        if (!regex->code) {
                char text[160];
                pcre2_get_error_message(error, (PCRE2_UCHAR *) text, sizeof text);
                if (offset >= strlen(pattern))
                        return yaml_problem(node, problem, "not a valid pattern: %s, at its end", text);
                return yaml_problem(node, problem, "not a valid pattern: %s, before \"%.40s\"", text,
                                    written_from(node->text, offset));
        }
        pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
        if (count > GROUPS_MAX)
                return yaml_problem(node, problem,
                                    "has %u capturing groups, at most %d are allowed; write (?:...) for plain groups", count,
                                    GROUPS_MAX);
        if (flags & REGEX_JIT)
                regex->jit = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
        return 0;
}

/**
 * regex_new() - compile a pattern
 * @node:               a scalar with the pattern; its tags are expanded
 * @session_capture:    name of the group that tells the session, or NULL
 * @flags:              RegexFlags
 * @ret_regex:          for regex_free()
 *
 * Return: 0, -EINVAL with @problem naming the place, -ENOMEM.
 */
int regex_new(const YamlNode *node, const char *session_capture, unsigned flags, Regex **ret_regex, Problem *problem)
{
        _cleanup_(regex_freep) Regex *regex = calloc(1, sizeof *regex);
        _cleanup_free_ char *pattern = NULL;
        int r;

        if (!regex)
                return -ENOMEM;
        if (node->kind != YAML_SCALAR || !*node->text)
                return yaml_problem(node, problem, "must be a pattern (a regular expression in quotes)");
        r = expand_tags(node, &pattern, problem);
        if (r < 0)
                return r;
        r = compile(node, pattern, flags, regex, problem);
        if (r < 0)
                return r;
        find_literal(regex, pattern);
        add_groups(regex, CAPTURE_ADDR, "addr");
        add_groups(regex, CAPTURE_ADDR, "ip4");
        add_groups(regex, CAPTURE_ADDR, "ip6");
        add_groups(regex, CAPTURE_USER, "user");
        add_groups(regex, CAPTURE_ATTEMPTS, "attempts");
        add_groups(regex, CAPTURE_SECONDS, "seconds");
        add_groups(regex, CAPTURE_PID, "pid");
        if (session_capture)
                add_groups(regex, CAPTURE_SESSION, session_capture);
        *ret_regex = steal(regex);
        return 0;
}

/**
 * regex_free() - free a pattern
 *
 * Return: NULL
 */
Regex *regex_free(Regex *regex)
{
        if (regex) {
                pcre2_code_free(regex->code);
                free(regex);
        }
        return NULL;
}

/**
 * regex_has() - whether a pattern has a group for this
 */
bool regex_has(const Regex *regex, RegexCapture capture)
{
        for (size_t i = 0; i < regex->n_takes; i++)
                if (regex->takes[i].capture == capture)
                        return true;
        return false;
}

/**
 * regex_is_jit() - whether a pattern runs as machine code
 */
bool regex_is_jit(const Regex *regex)
{
        return regex->jit;
}

/**
 * regex_begin() - the bytes that every match begins with, at the text's beginning, up to eight of them
 */
RegexBegin regex_begin(const Regex *regex)
{
        const char all[sizeof(uint64_t)] = { '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff' };

        return (RegexBegin){ regex_first_bytes(regex->literal, regex->literal_size), regex_first_bytes(all, regex->literal_size) };
}

/*
 * What becomes of every text with this first byte, as far as the byte alone decides it: a text of nothing else is matched,
 * and PCRE2 says if it has looked for what follows.
 */
static int match_byte(const Regex *regex, RegexRunner *runner, char first)
{
        return pcre2_match(regex->code, (PCRE2_SPTR) &first, 1, 0, PCRE2_PARTIAL_HARD | PCRE2_NO_JIT, runner->data, runner->context);
}

/**
 * regex_may_match() - whether a pattern can match any text with this first byte
 */
bool regex_may_match(const Regex *regex, RegexRunner *runner, char first)
{
        uint32_t options;

        if (regex->literal_size > 0)
                return regex->literal[0] == first;
        pcre2_pattern_info(regex->code, PCRE2_INFO_ALLOPTIONS, &options);
        return !(options & PCRE2_ANCHORED) || match_byte(regex, runner, first) != PCRE2_ERROR_NOMATCH;
}

/**
 * regex_passes() - whether a pattern matches every text with this first byte, and takes nothing of it
 * @regex:      compiled with REGEX_AT_START
 */
bool regex_passes(const Regex *regex, RegexRunner *runner, char first)
{
        /* 1: no group has taken part. */
        return match_byte(regex, runner, first) == 1 && pcre2_get_ovector_pointer(runner->data)[1] == 0;
}

static void take_captures(const Regex *regex, const RegexRunner *runner, const char *text, RegexMatch *match)
{
        const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(runner->data);

        *match = (RegexMatch){ .end = offsets[1] };
        for (size_t i = 0; i < regex->n_takes; i++) {
                RegexSpan *span = &match->captures[regex->takes[i].capture];
                PCRE2_SIZE start = offsets[2 * regex->takes[i].group], end = offsets[2 * regex->takes[i].group + 1];

                if (!span->text && start != PCRE2_UNSET && start <= end)
                        *span = (RegexSpan){ text + start, end - start };
        }
}

/**
 * regex_may_begin() - whether a text begins as every match does, as far as that is known without PCRE2
 */
bool regex_may_begin(const Regex *regex, const char *text, size_t size)
{
        return regex->literal_size == 0 || (size >= regex->literal_size && text[0] == regex->literal[0] &&
                                            memcmp(text, regex->literal, regex->literal_size) == 0);
}

/**
 * regex_match() - match a text
 * @text:       any bytes
 * @size:       their number
 * @ret_match:  spans that point into @text
 *
 * Return: 0 matched, REGEX_E_NONE, REGEX_E_LIMIT.
 */
int regex_match(const Regex *regex, RegexRunner *runner, const char *text, size_t size, RegexMatch *ret_match)
{
        int r;

        if (!regex_may_begin(regex, text, size))
                return REGEX_E_NONE;
        if (regex->jit)
                r = pcre2_jit_match(regex->code, (PCRE2_SPTR) text, size, 0, 0, runner->data, runner->context);
        else
                r = pcre2_match(regex->code, (PCRE2_SPTR) text, size, 0, PCRE2_NO_JIT, runner->data, runner->context);
        if (r == PCRE2_ERROR_NOMATCH)
                return REGEX_E_NONE;
        if (r < 0)
                return REGEX_E_LIMIT;
        take_captures(regex, runner, text, ret_match);
        return 0;
}

/* ---- How far a pattern got ---- */

/*
 * PCRE2 calls back before each item of a pattern that it tries. Of two tries the one that has passed more items got
 * further: the place in the text alone would say nothing, since `.*` is at the end at once. How many items were passed
 * is counted along the first way on which an item is reached: behind the item before it, or, after going back, behind
 * the furthest of those that stand before it in pattern and text.
 */
#define REACH_ITEMS_MAX 4096

typedef struct ReachItem {
        unsigned passed; /* items before it, and itself; 0: not reached */
        size_t least;    /* the first place in the text where it was tried */
} ReachItem;

typedef struct Reach {
        const uint16_t *written;       /* for each byte of the expanded pattern: of the one as written */
        size_t size;
        ReachItem items[REACH_ITEMS_MAX];
        unsigned passed, latest;       /* of the best item; of the item before */
        size_t at, item;               /* the best: place in the text, and in the pattern as written */
        size_t tag, tag_at;            /* the tag that is being tried, and where in the text it began */
} Reach;

static unsigned reach_count(const Reach *reach, const pcre2_callout_block *block)
{
        unsigned most = 0;

        if (!(block->callout_flags & (PCRE2_CALLOUT_BACKTRACK | PCRE2_CALLOUT_STARTMATCH)))
                return reach->latest + 1;
        for (size_t i = 0; i < block->pattern_position; i++)
                if (reach->items[i].passed > most && reach->items[i].least <= block->current_position)
                        most = reach->items[i].passed;
        return most + 1;
}

static int reach_callout(pcre2_callout_block *block, void *userdata)
{
        Reach *reach = userdata;

        if (block->pattern_position >= REACH_ITEMS_MAX || block->pattern_position >= reach->size)
                return 0;
        ReachItem *item = &reach->items[block->pattern_position];
        size_t written = reach->written[block->pattern_position];
        bool tag = block->pattern_position > 0 && reach->written[block->pattern_position - 1] == written;

        if (item->passed == 0)
                *item = (ReachItem){ reach_count(reach, block), block->current_position };
        reach->latest = item->passed;
        if (!tag) {
                reach->tag = written;
                reach->tag_at = block->current_position;
        }
        size_t at = tag && reach->tag == written ? reach->tag_at : block->current_position;
        if (item->passed > reach->passed || (item->passed == reach->passed && at > reach->at)) {
                reach->passed = item->passed;
                reach->at = at;
                reach->item = written;
        }
        return 0;
}

/* For each byte of the expanded pattern, where in the pattern as written it comes from; its end as well. */
static uint16_t *map_tags(const char *written, size_t expanded_size)
{
        uint16_t *map = calloc(expanded_size + 1, sizeof *map);
        size_t n = 0, step;

        for (const char *p = written; map && *p; p += step) {
                const char *tag;

                step = next_item(p, &tag);
                for (size_t i = 0, size = tag ? strlen(tag) : step; i < size && n < expanded_size; i++)
                        map[n++] = (uint16_t) (p - written + (tag ? 0 : (ptrdiff_t) i));
        }
        if (map)
                map[n] = (uint16_t) strlen(written);
        return map;
}

/**
 * regex_reach() - how far into a text a pattern gets that does not match it
 * @node:       the pattern, one that regex_new() has taken
 * @flags:      as it was given to regex_new()
 *
 * The pattern is compiled once more, to be watched; so this is for people who wait for an answer.
 *
 * Return: 0, -ENOMEM.
 */
int regex_reach(const YamlNode *node, unsigned flags, const char *text, size_t size, RegexReach *ret_reach)
{
        _cleanup_(regex_freep) Regex *regex = calloc(1, sizeof *regex);
        _cleanup_(regex_runner_freep) RegexRunner *runner = NULL;
        _cleanup_free_ Reach *reach = calloc(1, sizeof *reach);
        _cleanup_free_ uint16_t *map = NULL;
        _cleanup_free_ char *pattern = NULL;
        Problem problem;
        int r;

        if (!regex || !reach)
                return -ENOMEM;
        r = expand_tags(node, &pattern, &problem);
        if (r == 0)
                r = compile(node, pattern, (flags & REGEX_AT_START) | REGEX_WATCHED, regex, &problem);
        if (r == 0)
                r = regex_runner_new(&runner);
        if (r < 0)
                return r;
        reach->size = strlen(pattern) + 1;
        reach->written = map = map_tags(node->text, strlen(pattern));
        if (!map)
                return -ENOMEM;
        pcre2_set_callout(runner->context, reach_callout, reach);
        pcre2_match(regex->code, (PCRE2_SPTR) text, size, 0, PCRE2_NO_JIT, runner->data, runner->context);
        ret_reach->at = reach->at;
        snprintf(ret_reach->wants, sizeof ret_reach->wants, "%s", node->text + reach->item);
        return 0;
}

/**
 * regex_steps() - how many steps of the interpreter a text needs
 *
 * That is the least match limit under which the answer is the same. For tests.
 *
 * Return: up to and including the limit that regex_match() has.
 */
unsigned regex_steps(const Regex *regex, RegexRunner *runner, const char *text, size_t size)
{
        unsigned low = 0, high = MATCH_LIMIT;

        while (low < high) {
                unsigned limit = low + (high - low) / 2;

                pcre2_set_match_limit(runner->context, limit);
                int r = pcre2_match(regex->code, (PCRE2_SPTR) text, size, 0, PCRE2_NO_JIT, runner->data, runner->context);
                if (r == PCRE2_ERROR_MATCHLIMIT)
                        low = limit + 1;
                else
                        high = limit;
        }
        pcre2_set_match_limit(runner->context, MATCH_LIMIT);
        return low;
}

/**
 * regex_runner_new() - the working memory for matching, with the limits
 * @ret_runner: for regex_runner_free(); not for two threads at once
 *
 * Return: 0 or -ENOMEM.
 */
int regex_runner_new(RegexRunner **ret_runner)
{
        RegexRunner *runner = calloc(1, sizeof *runner);

        if (!runner)
                return -ENOMEM;
        runner->context = pcre2_match_context_create(NULL);
        runner->data = pcre2_match_data_create(GROUPS_MAX + 1, NULL);
        if (!runner->context || !runner->data) {
                regex_runner_free(runner);
                return -ENOMEM;
        }
        pcre2_set_match_limit(runner->context, MATCH_LIMIT);
        pcre2_set_depth_limit(runner->context, DEPTH_LIMIT);
        pcre2_set_heap_limit(runner->context, HEAP_LIMIT_KIB);
        /* NULL where PCRE2 has no JIT: then nothing asks for it. */
        runner->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
        if (runner->stack)
                pcre2_jit_stack_assign(runner->context, NULL, runner->stack);
        *ret_runner = runner;
        return 0;
}

/**
 * regex_runner_free() - free the working memory
 *
 * Return: NULL
 */
RegexRunner *regex_runner_free(RegexRunner *runner)
{
        if (runner) {
                pcre2_jit_stack_free(runner->stack);
                pcre2_match_data_free(runner->data);
                pcre2_match_context_free(runner->context);
                free(runner);
        }
        return NULL;
}
