/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Filter: a line in, at most one hit out.
 *
 * Most lines of a service match no rule, so the cheap things come first: the
 * prefix, then the rules in order until one matches and its address is an
 * address. Only then are the trusted fields of the line read and compared
 * (check_origin()), since reading them costs more than all the patterns.
 *
 * Who wrote the line. A journal entry's SYSLOG_IDENTIFIER and text are any
 * user's to choose, the uid is not. So the uid must be one of the filter's;
 * comm and unit must agree when they are there; journald reads both after the
 * fact and misses them for processes that are gone, and only root's lines are
 * taken without them: other users could try until it happens. Lines from files
 * have no such fields; who may write the file may write lines. Of long lines
 * the fields are read first: patterns can be made to take milliseconds for
 * them, and any user could keep us busy with lines that are not the service's.
 *
 * Sessions. A service spreads one attempt over several lines. What a filter
 * does about that:
 *
 *   - `helper` rules tell address and user of their session and are no hit;
 *   - a failure without an address takes its session's. If that is not known
 *     yet, one such failure per session is held until a line tells it, and is
 *     then returned in that line's place. A failure that has its own address
 *     replaces a held one: they are the same attempt;
 *   - `success` and `end` are passed on, and `end` forgets the session.
 *
 * How failures of a session add up is said by the rule's `count` and done by
 * the tracker, with Hit.session:
 *
 *     each   an attempt of its own, unless the session has one counted ahead:
 *            then it is that one (sshd: "Failed password")
 *     ahead  counts now, and the session's next `each` is the same attempt;
 *            nothing if one is ahead already (sshd: "Invalid user")
 *     once   counts only if the session has counted nothing (sshd: "maximum
 *            authentication attempts exceeded", which sums up others)
 *
 * A failure with `end: true` is the session's last line as well.
 *
 * Where no session ties the lines of an attempt together, since several
 * programs write them, rules name a `witness` instead: each tells of an attempt
 * once, and the tracker keeps who has. A summary is such a witness, too: its
 * groups `attempts` and `seconds` say how many, and since when.
 *
 * "message repeated 3 times: [ ... ]" is a syslog daemon's way to write a line
 * thrice. The line inside is matched, and counts as many times where each
 * counts.
 *
 * Over-long lines are not matched whole: their steps would be bounded, their
 * number is not. Rules marked `head` see their first 4 KiB, so padding hides
 * nobody whom such a rule can find.
 *
 * An `ignore` pattern takes back a failure that was found; it is tried last,
 * since few lines get that far. One that reaches a match limit has not matched:
 * nobody hides behind a pattern that he exhausts. The rules behind it are still
 * tried, up to a number that keeps a line from costing more than a millisecond.
 */

#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "filter/private.h"
#include "util/text.h"

#define ORIGIN_FIRST_SIZE 2048 /* longer lines cost more to match than their origin to read */

/* What the prefix has captured and the rule has not. */
static void add_captures(RegexMatch *match, const RegexMatch *prefix)
{
        for (size_t i = 0; i < _CAPTURE_MAX; i++)
                if (!match->captures[i].text)
                        match->captures[i] = prefix->captures[i];
}

/* The address that was captured; false if what was captured is none that a peer can have. */
static bool take_addr(RegexSpan span, Addr *ret_addr)
{
        Addr addr;

        if (!span.text) {
                *ret_addr = ADDR_NULL;
                return true;
        }
        if (addr_parse(span.text, span.size, &addr) < 0 || !addr_is_bannable(&addr))
                return false;
        *ret_addr = addr;
        return true;
}

/* Whether the prefix may have a part of a line. A trace sees it tried. */
static bool has_prefix(const Filter *filter, const char *text, size_t size, const Trace *trace)
{
        return size > 0 && !trace ? !filter->passes[(unsigned char) *text] : filter->prefix != NULL;
}

/* The prefix's part of a line. Return: 0 it matched; REGEX_E_NONE, REGEX_E_LIMIT. */
static int match_prefix(Filter *filter, const char **text, size_t *size, Trace *trace, RegexMatch *ret_prefix)
{
        int r;

        r = regex_match(filter->prefix, filter->runner, *text, *size, ret_prefix);
        trace_prefix(trace, filter, *text, *size, r, r == 0 ? ret_prefix->end : 0);
        if (r != 0)
                return r;
        *text += ret_prefix->end;
        *size -= ret_prefix->end;
        return 0;
}

/* The rules that can match a text with this first byte, a bit for each; NULL: any may. A trace sees them all. */
static const uint64_t *candidates(const Filter *filter, const char *text, size_t size, const Trace *trace)
{
        return size > 0 && !trace ? filter->candidates[(unsigned char) *text] : NULL;
}

/* The first of them from the i-th rule on; n_rules: none. */
static size_t next_rule(const Filter *filter, const uint64_t *words, size_t i)
{
        while (words && i < filter->n_rules) {
                uint64_t word = words[i / 64] >> (i % 64);

                if (word)
                        return i + (size_t) __builtin_ctzll(word);
                i = (i / 64 + 1) * 64;
        }
        return i < filter->n_rules ? i : filter->n_rules;
}

/* @head: of an over-long line, only the head is looked at */
static bool is_for_length(const Rule *rule, bool head)
{
        return head ? rule->head : !rule->head_only;
}

/* *ret_found is set with FILTER_HIT alone. */
static FilterVerdict find_rule(Filter *filter, const char *text, size_t size, bool head, Trace *trace, Found *ret_found)
{
        FilterVerdict verdict = FILTER_NONE;
        RegexMatch prefix;
        unsigned limits = 0;
        bool prefixed = has_prefix(filter, text, size, trace);
        int r = prefixed ? match_prefix(filter, &text, &size, trace, &prefix) : 0;
        const uint64_t *words;
        uint64_t first_bytes;

        if (r != 0)
                return r == REGEX_E_LIMIT ? FILTER_LIMIT : FILTER_NONE;
        first_bytes = regex_first_bytes(text, size);
        words = candidates(filter, text, size, trace);
        for (size_t i = 0; (i = next_rule(filter, words, i)) < filter->n_rules && limits < LIMITS_A_LINE; i++) {
                Rule *rule = &filter->rules[i];

                if (!regex_begins(rule->begin, first_bytes) || !is_for_length(rule, head)) {
                        if (trace)
                                trace_skipped(trace, rule, !is_for_length(rule, head));
                        continue;
                }
                r = regex_match(rule->regex, filter->runner, text, size, &ret_found->match);
                if (r == REGEX_E_LIMIT) {
                        verdict = FILTER_LIMIT;
                        limits++;
                        rule->limits += !filter->learning;
                        filter->stats.limited = rule->id;
                }
                if (r != 0) {
                        if (trace)
                                trace_rule(trace, rule, text, size, r);
                        continue;
                }
                if (prefixed)
                        add_captures(&ret_found->match, &prefix);
                if (!take_addr(found_span(ret_found, CAPTURE_ADDR), &ret_found->addr)) {
                        trace_address(trace, rule, found_span(ret_found, CAPTURE_ADDR));
                        continue;
                }
                ret_found->rule = rule;
                ret_found->foreign = false;
                rule->hits += !filter->learning;
                filter->stats.rule = rule->id;
                if (trace)
                        trace_found(trace, ret_found);
                return FILTER_HIT;
        }
        trace_rules_end(trace, filter, verdict);
        return verdict;
}

/* A number of a line; absurd ones become the greatest sensible. */
static unsigned number_of(RegexSpan span, unsigned otherwise)
{
        unsigned value = 0;

        if (!span.text || span.size == 0)
                return otherwise;
        for (size_t i = 0; i < span.size && value < 100000000; i++) {
                if (span.text[i] < '0' || span.text[i] > '9')
                        return otherwise;
                value = value * 10 + (unsigned) (span.text[i] - '0');
        }
        return value;
}

/* Takes "message repeated 3 times: [ text]" off a line; how many lines it stands for. */
static unsigned take_repeated(const char **text, size_t *size)
{
        static const char before[] = "message repeated ", behind[] = " times: [ ";
        const char *p = *text, *end = *text + *size;
        RegexSpan digits = { p + sizeof before - 1, 0 };

        if (*size < sizeof before + sizeof behind || memcmp(p, before, sizeof before - 1) != 0 || end[-1] != ']')
                return 1;
        while (digits.size < 6 && digits.text + digits.size < end && digits.text[digits.size] >= '0' && digits.text[digits.size] <= '9')
                digits.size++;
        p = digits.text + digits.size;
        if (digits.size == 0 || (size_t) (end - p) < sizeof behind || memcmp(p, behind, sizeof behind - 1) != 0)
                return 1;
        *text = p + sizeof behind - 1;
        *size = (size_t) (end - 1 - *text);
        return number_of(digits, 1);
}

static bool ignored(const Filter *filter, const Rule *rule, const char *text, size_t size, Trace *trace)
{
        RegexMatch match;

        for (size_t i = 0; i < filter->n_ignores; i++)
                if (regex_match(filter->ignores[i], filter->runner, text, size, &match) == 0) {
                        trace_ignore(trace, filter, rule, i);
                        return true;
                }
        return false;
}

static bool listed(const char *const words[], size_t n_words, const char *word, bool pattern)
{
        for (size_t i = 0; i < n_words; i++)
                if (pattern ? fnmatch(words[i], word, 0) == 0 : strcmp(words[i], word) == 0)
                        return true;
        return n_words == 0;
}

/* The trusted field that speaks against the service, "" if none could be read; NULL: the service wrote the line. */
static const char *origin_fault(const OriginRule *rule, const Line *line, Origin *origin)
{
        bool known = false;

        if (line->origin(line, origin) < 0)
                return "";
        for (size_t i = 0; i < rule->n_uids; i++)
                known = known || origin->uid == (int64_t) rule->uids[i];
        if (!known)
                return "uid";
        if (origin->comm ? !listed(rule->comms, rule->n_comms, origin->comm, false) : rule->n_comms > 0 && origin->uid != 0)
                return "comm";
        if (origin->unit ? !listed(rule->units, rule->n_units, origin->unit, true) : rule->n_units > 0 && origin->uid != 0)
                return "unit";
        return NULL;
}

const char *const FILTER_CONTAINER_WRITERS[] = { "dockerd", "conmon", NULL };

/* Of what a container manager writes: whether it did. Return: the field that says otherwise, NULL: none. */
static const char *container_fault(const Line *line, Origin *origin)
{
        bool known = false;

        if (line->origin(line, origin) < 0)
                return "";
        if (origin->uid != 0)
                return "uid";
        for (const char *const *writer = FILTER_CONTAINER_WRITERS; *writer && origin->comm; writer++)
                known = known || strcmp(*writer, origin->comm) == 0;
        if (!known)
                return "comm";
        return line->container && origin->transport && strcmp(origin->transport, "journal") == 0 ? NULL : "container";
}

/* What a line says of itself, where its source knows no better. */
static Origin claimed_origin(const Line *line)
{
        return (Origin){ .uid = -1, .pid = line->pid };
}

static bool check_trusted_fields(const Filter *filter, const Line *line, Trace *trace, Origin *ret_origin)
{
        Origin origin = { .uid = -1, .pid = -1 };
        const char *fault;

        fault = filter->containers ? container_fault(line, &origin) : origin_fault(&filter->origin, line, &origin);
        trace_origin(trace, fault, &origin);
        if (!fault && filter->containers)
                ret_origin->pid = -1; /* the manager's own would tie all containers' lines together */
        else if (!fault)
                *ret_origin = origin;
        return !fault;
}

/* Whether the service wrote the line; its trusted fields go to *ret_origin, if the source knows any. */
static bool check_origin(const Filter *filter, const Line *line, Trace *trace, Origin *ret_origin)
{
        return !line->origin || check_trusted_fields(filter, line, trace, ret_origin);
}

/*
 * Whether the line is what its rule takes it for. A service that prints raw
 * line breaks of its clients to standard output lets them write whole lines,
 * with its own trusted fields; what they cannot know is its process number. A
 * log file that the service writes itself has such lines as well, and nothing
 * tells them apart.
 */
static bool check_rule_origin(const Found *found, const Line *line, const Origin *origin, Trace *trace)
{
        const char *fault = NULL, *transport = origin->uid < 0 ? line->transport : origin->transport;
        unsigned transports = found->rule->transports;
        RegexSpan pid = found_span(found, CAPTURE_PID);

        if (origin->uid < 0 && !transport)
                return true;
        if (transport && *transport == 'm' && strcmp(transport, "mixed") == 0)
                fault = "the line is a stranger in its file";
        else if (transports != 0 && !(transport && (transports & transport_bit(transport))))
                fault = "the rule's transport";
        else if (pid.text && origin->pid >= 0 && number_of(pid, 0) != (unsigned) origin->pid)
                fault = "the pid in the text is another";
        if (fault)
                trace_origin(trace, fault, origin);
        return !fault;
}

static uint64_t session_of(const Filter *filter, const Found *found, int64_t pid)
{
        RegexSpan session = found_span(found, CAPTURE_SESSION);

        switch (filter->session) {
        case SESSION_PID: return session_key_pid(pid);
        case SESSION_CAPTURE: return session.text ? session_key_text(session.text, session.size) : 0;
        default: return 0;
        }
}

/* "Alice" and "alice@example.com" may be one; "alice@example.com" and "alice@example.org" are two. */
static bool same_account(const char *a, const char *b)
{
        size_t size_a = strcspn(a, "@"), size_b = strcspn(b, "@");

        if (size_a != size_b || strncasecmp(a, b, size_a) != 0)
                return false;
        return !a[size_a] || !b[size_b] || strcasecmp(a + size_a, b + size_b) == 0;
}

static void copy_user(char to[static FILTER_USER_MAX], const char from[static FILTER_USER_MAX], size_t length)
{
        memcpy(to, from, length + 1);
}

static void note_tried(Session *session, const char *user, size_t length)
{
        if (*session->tried && !same_account(session->tried, user))
                session->tried_others = true;
        else
                copy_user(session->tried, user, length);
}

/*
 * Whether a success proves nothing about the session's failures: who has one account may guess at others. Where sessions
 * have given way at the cap, one without failures may be one whose failures are forgotten: who floods the table and then
 * logs in must not clear with it what he has tried against others.
 */
static bool is_foreign(const Filter *filter, const Session *session, const char *user)
{
        if (!session->failed && session_table_evicted(filter->sessions) > 0)
                return true;
        return session->tried_others || (*session->tried && *user && !same_account(session->tried, user));
}

/* Notes the line in its session; *rule becomes the failure that it settles, if any. @length: of filter->user */
static FilterVerdict follow_session(Filter *filter, Found *found, size_t length, uint64_t key, EventTime time, const Rule **rule)
{
        Session *session = key ? session_table_touch(filter->sessions, key, &found->addr, time) : NULL;

        if (!session)
                return found->addr.family && found->rule->kind != RULE_HELPER ? FILTER_HIT : FILTER_HELPER;
        if (*filter->user && found->rule->kind == RULE_FAILURE)
                note_tried(session, filter->user, length);
        session->failed |= found->rule->kind == RULE_FAILURE;
        found->foreign = found->rule->kind == RULE_SUCCESS && is_foreign(filter, session, filter->user);
        if (*filter->user)
                copy_user(session->user, filter->user, length);
        else
                copy_user(filter->user, session->user, strlen(session->user));
        found->addr = session->addr;
        if (found->rule->kind == RULE_FAILURE && !session->addr.family && !session->held)
                session->held = found->rule;
        if (!session->addr.family)
                return FILTER_HELPER;
        if (session->held && found->rule->kind != RULE_FAILURE && (found->rule->kind != RULE_SUCCESS || found->foreign)) {
                *rule = session->held;
                if (found->foreign)
                        copy_user(filter->user, session->tried, strlen(session->tried));
        }
        session->held = NULL;
        return (*rule)->kind == RULE_HELPER ? FILTER_HELPER : FILTER_HIT;
}

static void fill_hit(const Filter *filter, const Line *line, const Rule *rule, const Found *found, unsigned repeated, uint64_t session,
                     uint16_t witness, Hit *ret_hit)
{
        unsigned attempts = number_of(found_span(found, CAPTURE_ATTEMPTS), 1);

        *ret_hit = (Hit){
                .kind = rule->kind == RULE_SUCCESS && !found->foreign            ? HIT_SUCCESS
                        : rule->kind == RULE_END || rule->kind == RULE_SUCCESS ? HIT_END
                                                                               : HIT_FAILURE,
                .count = rule->count,
                .attempts = repeated > 1 && rule->count == HIT_COUNT_EACH ? repeated : attempts,
                .witness = witness,
                .span = number_of(found_span(found, CAPTURE_SECONDS), WITNESS_SECONDS),
                .ends = rule->ends,
                .jail = filter->jail,
                .addr = found->addr,
                .session = session,
                .time = line->time,
                .rule = rule->id,
                .user = filter->user,
                .line = line,
        };
}

/* Some services tell of the same on both: a line by syslog and its copy on standard output are two witnesses. */
static uint16_t witness_of(const Rule *rule, const Origin *origin)
{
        bool copy = origin->transport && strcmp(origin->transport, "stdout") == 0;

        return (uint16_t) (rule->witness << (copy ? WITNESS_STDOUT_SHIFT : 0));
}

/* What was found is a failure, a helper or whatever its session makes of it. */
static FilterVerdict judge_found(Filter *filter, const Line *line, Found *found, const Origin *origin, unsigned repeated, Trace *trace,
                                 Hit *ret_hit, const Rule **ret_rule)
{
        uint64_t session = session_of(filter, found, origin->pid);
        RegexSpan user = found_span(found, CAPTURE_USER);
        bool told = found->addr.family;
        FilterVerdict verdict;
        size_t length;

        *ret_rule = found->rule;
        length = text_printable(user.text ? user.text : "", user.size, filter->user, sizeof filter->user);
        verdict = follow_session(filter, found, length, session, line->time, ret_rule);
        if (trace)
                trace_session(trace, filter, found, told, *ret_rule, session, verdict);
        if ((found->rule->kind == RULE_END || found->rule->ends) && session)
                session_table_remove(filter->sessions, session);
        if (verdict == FILTER_HIT)
                fill_hit(filter, line, *ret_rule, found, repeated, session, witness_of(*ret_rule, origin), ret_hit);
        return verdict;
}

static FilterVerdict judge(Filter *filter, const Line *line, Trace *trace, Hit *ret_hit, const Rule **ret_rule)
{
        bool head = line->length > LINE_LENGTH_MAX, origin_first = line->length > ORIGIN_FIRST_SIZE;
        size_t size = head ? FILTER_HEAD_SIZE : line->length;
        const char *text = line->text;
        Origin origin = claimed_origin(line);
        unsigned repeated = 1;
        FilterVerdict verdict;
        Found found;

        if (trace)
                trace_length(trace, head, filter->has_head);
        if (head && !filter->has_head)
                return FILTER_TOO_LONG;
        if (filter->session == SESSION_PID)
                session_table_expect(filter->sessions, session_key_pid(origin.pid));
        if (origin_first && !check_origin(filter, line, trace, &origin))
                return FILTER_ORIGIN;
        if (!head)
                repeated = take_repeated(&text, &size);
        if (trace)
                trace_repeated(trace, repeated, text);
        verdict = find_rule(filter, text, size, head, trace, &found);
        if (verdict != FILTER_HIT)
                return verdict == FILTER_NONE && head ? FILTER_TOO_LONG : verdict;
        if ((!origin_first && !check_origin(filter, line, trace, &origin)) || !check_rule_origin(&found, line, &origin, trace))
                return FILTER_ORIGIN;
        if (found.rule->kind == RULE_FAILURE && ignored(filter, found.rule, text, size, trace))
                return FILTER_IGNORED;
        return judge_found(filter, line, &found, &origin, repeated, trace, ret_hit, ret_rule);
}

/**
 * filter_judge() - filter_match_rule(), told step by step
 * @trace:      who wants to know, or NULL
 */
FilterVerdict filter_judge(Filter *filter, const Line *line, Trace *trace, Hit *ret_hit, const Rule **ret_rule)
{
        FilterVerdict verdict;

        filter->stats.rule = NULL;
        verdict = judge(filter, line, trace, ret_hit, ret_rule);
        filter->stats.lines++;
        filter->stats.verdicts[verdict]++;
        filter->stats.last_line = event_time_max(filter->stats.last_line, line->time);
        if (verdict == FILTER_HIT)
                filter->stats.last_hit = event_time_max(filter->stats.last_hit, line->time);
        filter->stats.sessions = session_table_count(filter->sessions);
        filter->stats.sessions_evicted = session_table_evicted(filter->sessions) - filter->evicted_learning;
        return verdict;
}

/**
 * filter_match_rule() - filter_match(), and which rule it was
 * @ret_rule:   the rule, set with FILTER_HIT and FILTER_HELPER; with a held failure, that failure's
 */
FilterVerdict filter_match_rule(Filter *filter, const Line *line, Hit *ret_hit, const Rule **ret_rule)
{
        return filter_judge(filter, line, NULL, ret_hit, ret_rule);
}

/**
 * filter_set_containers() - whether the filter sees what services in containers write, in place of the host's
 *
 * The journal's trusted fields then have to be those of a container manager that root runs. What a user's own podman writes
 * has that user's uid, so he may write it himself: it is not believed.
 */
void filter_set_containers(Filter *filter, bool containers)
{
        filter->containers = containers;
}

/**
 * filter_trusts() - whether a line's trusted fields say that the service wrote it
 *
 * Of a line whose source has no such fields they say nothing, and it is taken for the service's.
 */
bool filter_trusts(const Filter *filter, const Line *line)
{
        Origin origin = claimed_origin(line);

        return check_origin(filter, line, NULL, &origin);
}

/**
 * filter_match() - what a line says
 * @line:       a line of one of the filter's idents, oldest first; Line.origin() is called only if a rule matched
 * @ret_hit:    set with FILTER_HIT alone; its texts live until the next call or filter_free()
 */
FilterVerdict filter_match(Filter *filter, const Line *line, Hit *ret_hit)
{
        const Rule *rule;

        return filter_match_rule(filter, line, ret_hit, &rule);
}

/**
 * filter_learn() - take a line into its session, and into nothing else
 * @line:       one that an earlier run has matched and counted, oldest first, before any filter_match()
 *
 * What a filter knows of its sessions is in memory alone. Who goes on behind a
 * line at which an earlier run ended shows the filter the lines of the last
 * FILTER_SESSION_SECONDS before it, and the sessions are what they were. No
 * counter moves, and the hits that were found then are not found again.
 *
 * Return: as filter_match(), for filter_resolve().
 */
FilterVerdict filter_learn(Filter *filter, const Line *line)
{
        uint64_t evicted = session_table_evicted(filter->sessions);
        const FilterStats stats = filter->stats;
        const Rule *rule;
        FilterVerdict verdict;
        Hit hit;

        filter->learning = true;
        verdict = judge(filter, line, NULL, &hit, &rule);
        filter->learning = false;
        filter->evicted_learning += session_table_evicted(filter->sessions) - evicted;
        filter->stats = stats;
        filter->stats.sessions = session_table_count(filter->sessions);
        return verdict;
}

/**
 * filter_forget() - forget what sessions of an address hold back
 * @addr:       an address, or a prefix: all addresses inside
 */
void filter_forget(Filter *filter, const Addr *addr)
{
        session_table_forget(filter->sessions, addr);
        filter->stats.sessions = session_table_count(filter->sessions);
}

/**
 * filter_listens() - whether lines of a program are this filter's
 * @ident:      SYSLOG_IDENTIFIER, or the program name in a log file
 */
bool filter_listens(const Filter *filter, const char *ident)
{
        for (size_t i = 0; i < filter->info.n_idents; i++)
                if (strcmp(filter->idents[i], ident) == 0 || (filter->ident_is_pattern[i] && fnmatch(filter->idents[i], ident, 0) == 0))
                        return true;
        return false;
}

/**
 * filter_resolve() - look again for the users of `origin` that the host did not have
 * @now:        of the line that was refused; they are asked for once a second at most
 *
 * A service may be installed while we run. To be called when a line was refused
 * for its origin; it is then to be matched again.
 *
 * Return: whether one was found.
 */
bool filter_resolve(Filter *filter, EventTime now)
{
        OriginRule *origin = &filter->origin;
        size_t n = 0, before = origin->n_absent;

        if (before == 0 || (origin->resolved.usec != 0 && now.usec - origin->resolved.usec < USEC_PER_SEC &&
                            now.usec >= origin->resolved.usec))
                return false;
        origin->resolved = now;
        for (size_t i = 0; i < before; i++) {
                const struct passwd *user = getpwnam(origin->absent[i]);

                if (user)
                        origin->uids[origin->n_uids++] = (uint32_t) user->pw_uid;
                else
                        origin->absent[n++] = origin->absent[i];
        }
        origin->n_absent = n;
        return n < before;
}

/**
 * filter_missing_user() - whose absence makes a filter deaf
 *
 * Return: the first user of `origin`, as long as the filter lives, if the host has none of them, so that no line can
 * count; NULL otherwise.
 */
const char *filter_missing_user(const Filter *filter)
{
        const OriginRule *origin = &filter->origin;

        return origin->n_uids == 0 && origin->n_absent > 0 ? origin->absent[0] : NULL;
}

/**
 * filter_rule_stats() - what the i-th rule of the filter's mode has found
 *
 * Return: false behind the last.
 */
bool filter_rule_stats(const Filter *filter, size_t i, FilterRuleStats *ret_stats)
{
        static const char *const kinds[] = { [RULE_FAILURE] = "failure", [RULE_HELPER] = "helper", [RULE_SUCCESS] = "success", [RULE_END] = "end" };

        if (i >= filter->n_rules)
                return false;
        const Rule *rule = &filter->rules[i];
        *ret_stats = (FilterRuleStats){ rule->id, kinds[rule->kind], rule->hits, rule->limits };
        return true;
}

/**
 * filter_mode_name() - the i-th mode that a filter has, its own before those that it inherits
 *
 * Return: the name as long as the filter lives, or NULL behind the last.
 */
const char *filter_mode_name(const Filter *filter, size_t i)
{
        for (size_t l = 0; l < filter->n_layers; l++) {
                const YamlNode *modes = yaml_get(filter->layers[l]->root, "modes");

                for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next) {
                        bool seen = false;

                        for (size_t below = 0; below < l && !seen; below++)
                                seen = yaml_get(yaml_get(filter->layers[below]->root, "modes"), mode->key);
                        if (!seen && i-- == 0)
                                return mode->key;
                }
        }
        return NULL;
}

/**
 * filter_file() - where the filter was read, or a file that it extends
 * @layer:      0: its own; 1: what that extends, and so on
 *
 * Return: the path as long as the filter lives, or NULL behind the last.
 */
const char *filter_file(const Filter *filter, size_t layer)
{
        return layer < filter->n_layers ? filter->layers[layer]->file : NULL;
}

/**
 * filter_info() - what a filter is for; lives as long as the filter
 */
const FilterInfo *filter_info(const Filter *filter)
{
        return &filter->info;
}

/**
 * filter_stats() - counters since the filter was loaded
 */
const FilterStats *filter_stats(const Filter *filter)
{
        return &filter->stats;
}

/**
 * filter_free() - free a filter, whole or half built
 *
 * Return: NULL
 */
Filter *filter_free(Filter *filter)
{
        if (!filter)
                return NULL;
        for (size_t i = 0; i < filter->n_rules; i++)
                regex_free(filter->rules[i].regex);
        for (size_t i = 0; i < filter->n_ignores; i++)
                regex_free(filter->ignores[i]);
        free(filter->rules);
        free(filter->ignores);
        regex_free(filter->prefix);
        regex_runner_free(filter->runner);
        session_table_free(filter->sessions);
        free(filter->origin.uids);
        free(filter->origin.comms);
        free(filter->origin.units);
        free(filter->origin.absent);
        free(filter->ident_is_pattern);
        free(filter->idents);
        free(filter->ports);
        free(filter->dates);
        free(filter->tags);
        words_clear(&filter->words);
        free(filter->file);
        free(filter->jail);
        free(filter->mode);
        free(filter->spec_params);
        for (size_t i = 0; i < filter->n_layers; i++)
                yaml_document_free(filter->layers[i]);
        free(filter);
        return NULL;
}
