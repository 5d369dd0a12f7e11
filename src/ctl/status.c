/* SPDX-License-Identifier: GPL-2.0-or-later */

/* status: what is wrong, first; then the jails, or one jail with all of Fail2Ban's figures. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define BANNED_SHOWN 200 /* addresses in the list of one jail; `bans` has all */

static Colour state_colour(const char *state)
{
        if (strcmp(state, "running") == 0)
                return GREEN;
        if (strcmp(state, "degraded") == 0)
                return RED;
        return strcmp(state, "observing") == 0 || strcmp(state, "paused") == 0 ? YELLOW : PLAIN;
}

/* A jail's problem is often the daemon's as well; it is told once. */
static bool is_told(const json_t *problems, const char *text)
{
        const json_t *problem;
        size_t i;

        if (!*text)
                return true;
        json_array_foreach(problems, i,
                           problem) if (json_string_value(problem) && strstr(json_string_value(problem), text)) return true;
        return false;
}

static void say_problems(const json_t *status)
{
        const json_t *problem, *jail;
        char first[128];
        size_t i;

        json_array_foreach(json_object_get(status, "problems"), i, problem)
                say_wrapped(RED, "! ", "  ", json_string_value(problem) ? json_string_value(problem) : "?");
        json_array_foreach(json_object_get(status, "jails"), i,
                           jail) if (!is_told(json_object_get(status, "problems"), field(jail, "problem", "")))
        {
                _cleanup_free_ char *name = clean(field(jail, "name", "?"));

                snprintf(first, sizeof first, "! %.60s: ", name);
                say_wrapped(RED, first, "  ", field(jail, "problem", ""));
        }
        if (json_is_true(json_object_get(status, "config_kept")) &&
            !is_told(json_object_get(status, "problems"), "the last configuration that loaded"))
                say_wrapped(
                        YELLOW, "! ", "  ",
                        "The configuration on disk does not load; the last one that did is in force. Check: bailiffd --check");
        if (number(status, "failed_commits") > 0 && number(status, "pending_bytes") > 0)
                say(YELLOW, "! %lld %s failed; %lld bytes wait for the disk.\n", number(status, "failed_commits"),
                    plural(number(status, "failed_commits"), "commit", "commits"), number(status, "pending_bytes"));
        if (strcmp(field(status, "firewall", ""), "none") == 0 && !json_is_true(json_object_get(status, "dry_run")))
                say(YELLOW, "! The configuration says firewall: none, so bans are not enforced.\n");
        if (number(status, "set_aside") > 0)
                say(YELLOW, "! %lld log %s set aside: the daemon crashed on %s.\n", number(status, "set_aside"),
                    plural(number(status, "set_aside"), "line is", "lines are"),
                    plural(number(status, "set_aside"), "it", "them"));
}

static void say_daemon(const json_t *status)
{
        char since[32];

        say(BOLD, "bailiffd %s ", field(status, "version", "?"));
        say(state_colour(field(status, "state", "")), "%s", field(status, "state", "?"));
        say(PLAIN, ", started %s, pid %lld%s\n", ago(field(status, "started", ""), since), number(status, "pid"),
            json_is_true(json_object_get(status, "dry_run")) ? ", dry run: bans nobody" : "");
        say(PLAIN, "firewall %s, journal %s, %lld lines read", field(status, "firewall", "?"),
            field(status, "source_state", "?"), number(status, "source_lines"));
        if (number(status, "files") > 0)
                say(PLAIN, "; %lld %s, %lld %s", number(status, "files"), plural(number(status, "files"), "log file", "log files"),
                    number(status, "file_lines"), plural(number(status, "file_lines"), "line", "lines"));
        putchar('\n');
        say(PLAIN, "%lld %s in force", number(status, "bans"), plural(number(status, "bans"), "ban", "bans"));
        if (number(status, "max_bans") > 0 && number(status, "bans") * 10 >= number(status, "max_bans") * 9)
                say(RED, " of at most %lld", number(status, "max_bans"));
        say(PLAIN, ", %lld %s under watch\n", number(status, "windows"),
            plural(number(status, "windows"), "address", "addresses"));
        if (number(status, "bans_displaced") + number(status, "windows_evicted") > 0)
                say(PLAIN, "%lld %s and %lld %s gave way at a cap\n", number(status, "bans_displaced"),
                    plural(number(status, "bans_displaced"), "ban", "bans"), number(status, "windows_evicted"),
                    plural(number(status, "windows_evicted"), "watched address", "watched addresses"));
        if (number(status, "heals") > 0)
                say(PLAIN, "somebody altered the firewall's table, and it was mended, %lld %s\n", number(status, "heals"),
                    plural(number(status, "heals"), "time", "times"));
}

static void say_count(long long count)
{
        char text[32];

        snprintf(text, sizeof text, "%lld", count);
        putchar(' ');
        say_cell(PLAIN, text, 8, true);
}

static void say_jails(const json_t *jails)
{
        const json_t *jail;
        char when[32];
        size_t i;

        if (json_array_size(jails) == 0) {
                say(YELLOW, "No jail runs: see /etc/bailiff/bailiff.yaml\n");
                return;
        }
        putchar('\n');
        say_cell(BOLD, "JAIL", 18, false);
        putchar(' ');
        say_cell(BOLD, "STATE", 9, false);
        printf("  ");
        say_cell(BOLD, "FAILED    TOTAL   BANNED    TOTAL  LAST HIT", 44, false);
        putchar('\n');
        json_array_foreach(jails, i, jail)
        {
                say_cell(PLAIN, field(jail, "name", "?"), 18, false);
                putchar(' ');
                say_cell(state_colour(field(jail, "state", "")), field(jail, "state", "?"), 9, false);
                say_count(number(jail, "currently_failed"));
                say_count(number(jail, "total_failed"));
                say_count(number(jail, "currently_banned"));
                say_count(number(jail, "total_banned"));
                printf("  ");
                say_cell(DIM, ago(field(jail, "last_hit", ""), when), 14, false);
                putchar('\n');
        }
}

#define JAIL_INDENT "                        "
#define RULE_WIDTH 40
#define COUNT_WIDTH 11
#define RULE_HEADER "|  |  RULE                                     KIND            HITS    AT LIMIT\n"

static void say_banned(Ctl *ctl, const char *jail)
{
        _cleanup_answer_ Answer answer = { 0 };
        json_auto_t *list = json_array();
        const json_t *ban;
        size_t i;

        if (client_call(ctl, "ListBans", json_pack("{s:s}", "jail", jail), &answer) != STATUS_DONE || answer.error)
                return;
        json_array_foreach(json_object_get(answer.parameters, "bans"), i, ban) if (i < BANNED_SHOWN)
                json_array_append(list, json_object_get(ban, "ip"));
        say_list("   `- Banned IP list:   ", JAIL_INDENT, list, "", " ");
        if (i > BANNED_SHOWN || json_is_true(json_object_get(answer.parameters, "truncated")))
                say(PLAIN, "                        ... (all: bailiffctl bans %s)\n", jail);
}

/* Those that have found something; of the others the number is enough. */
static void say_rules(const json_t *jail)
{
        const json_t *rules = json_object_get(jail, "rules"), *rule;
        long long silent = number(jail, "rules_without_hit");
        char text[24];
        size_t i;

        if (json_array_size(rules) == 0 && silent == 0)
                return;
        say(PLAIN, "|  |- Rules:            %lld without a hit\n", silent);
        json_array_foreach(rules, i, rule)
        {
                printf("%s|  |  ", i == 0 ? RULE_HEADER : "");
                say_cell(PLAIN, field(rule, "rule", "?"), RULE_WIDTH, false);
                putchar(' ');
                say_cell(DIM, field(rule, "kind", "?"), 8, false);
                putchar(' ');
                snprintf(text, sizeof text, "%lld", number(rule, "hits"));
                say_cell(PLAIN, text, COUNT_WIDTH, true);
                putchar(' ');
                snprintf(text, sizeof text, "%lld", number(rule, "limits"));
                say_cell(number(rule, "limits") > 0 ? RED : DIM, number(rule, "limits") > 0 ? text : "-", COUNT_WIDTH, true);
                putchar('\n');
        }
}

/* A rule at the limit may miss failures, so it is told in front of all figures. */
static void say_limits(const json_t *jail)
{
        const json_t *rules = json_object_get(jail, "rules"), *rule;
        const char *filter = field(jail, "filter", "FILTER"), *quote = strpbrk(filter, "[ ") ? "'" : "";
        size_t i;

        json_array_foreach(rules, i, rule) if (number(rule, "limits") > 0)
        {
                _cleanup_free_ char *text = NULL;
                long long limits = number(rule, "limits");

                if (asprintf(&text,
                             "Rule %s reached the match limit on %lld %s, and missed %s. See which and why: "
                             "bailiffctl test %s%s%s --mode %s --explain --journal",
                             field(rule, "rule", "?"), limits, plural(limits, "line", "lines"), plural(limits, "it", "them"), quote, filter,
                             quote, field(jail, "mode", "MODE")) < 0)
                        abort();
                say_wrapped(YELLOW, "! ", "  ", text);
        }
}

/* A path is shown whole, so that it can be copied: on a line of its own. */
static void say_file(const json_t *file)
{
        _cleanup_free_ char *path = clean(field(file, "path", "?"));
        const char *state = field(file, "state", "?");

        say(PLAIN, "|  |  %s\n", path);
        if (strcmp(state, "reading") == 0)
                say(DIM, "|  |     %lld %s, rotated %lld, truncated %lld, too long %lld%s\n", number(file, "lines"),
                    plural(number(file, "lines"), "line", "lines"), number(file, "rotated"), number(file, "truncated"),
                    number(file, "over_long"), json_is_true(json_object_get(file, "polled")) ? ", polled" : "");
        else
                say_wrapped(state_colour(state), "|  |     ", "|  |     ", field(file, "problem", state));
        if (number(file, "left_out") > 0)
                say(YELLOW, "|  |     %lld %s not read: too many match\n", number(file, "left_out"), plural(number(file, "left_out"), "file is", "files are"));
        if (number(file, "bad") > 0)
                say(YELLOW, "|  |     %lld %s no JSON object with a message: see format and json\n", number(file, "bad"),
                    plural(number(file, "bad"), "line is", "lines are"));
        if (json_is_true(json_object_get(file, "forgeable")))
                say(YELLOW, "|  |     forgeable: local users can write such lines (logger -t NAME)\n");
}

static void say_files(const json_t *jail)
{
        const json_t *files = json_object_get(jail, "files"), *file;
        size_t i;

        if (json_array_size(files) == 0)
                return;
        say(PLAIN, "|  |- Log files:\n");
        json_array_foreach(files, i, file) say_file(file);
}

static void say_lines_read(const json_t *jail)
{
        char time[64];

        if (strcmp(field(jail, "source", "journal"), "files") != 0)
                say_list("|  |- Journal matches:  ", JAIL_INDENT, json_object_get(jail, "journal_matches"), "(none)", " + ");
        say_files(jail);
        say(PLAIN, "|  |- Lines looked at:  %lld\n", number(jail, "lines"));
        say(PLAIN, "|  |  ignored %lld, wrong writer %lld, too long %lld, match limit %lld\n", number(jail, "ignored"),
            number(jail, "refused_by_origin"), number(jail, "too_long"), number(jail, "limit"));
        say_rules(jail);
        say(PLAIN, "|  |- Last line:        %s\n", time_text(field(jail, "last_line", ""), TIME_FULL, time));
        say(PLAIN, "|  `- Last failure:     %s\n", time_text(field(jail, "last_hit", ""), TIME_FULL, time));
}

/* Bans that grow. */
static void say_increment(const json_t *increment)
{
        char max[DURATION_TEXT_MAX], forget[DURATION_TEXT_MAX];

        if (!increment)
                return;
        say(PLAIN, "   |- Each further ban:  %g times as long, at most %s\n",
            json_number_value(json_object_get(increment, "factor")), duration_format(number(increment, "max"), max));
        say(PLAIN, "   |                     over %s, forgotten %s after a ban's end\n",
            strcmp(field(increment, "over", ""), "host") == 0 ? "all jails" : "this jail",
            duration_format(number(increment, "forget"), forget));
}

/* Lines that its rules match, and not one of them from the service: an attack on the log, or an `origin:` that is wrong. */
static void say_refused(const json_t *jail)
{
        _cleanup_free_ char *text = NULL;
        long long refused = number(jail, "refused_by_origin");

        if (refused == 0 || number(jail, "total_failed") > 0)
                return;
        if (json_array_size(json_object_get(jail, "files")) > 0) {
                if (asprintf(&text,
                             "Of the lines that a rule matches none counted: %lld %s in a log file into which clients can write whole lines (nginx's "
                             "error log), or by another program. Have the service log to the journal, or read `transport:` in bailiff-filter.yaml(5)",
                             refused, plural(refused, "stands", "stand")) < 0)
                        abort();
        } else if (asprintf(&text,
                     "Of the lines that a rule matches none counted: %lld %s written by another program than the filter's `origin:` names. "
                     "Should that be the service, see how it writes: bailiffctl test '%s' --mode %s --explain --journal",
                     refused, plural(refused, "was", "were"), field(jail, "filter", "FILTER"), field(jail, "mode", "MODE")) < 0)
                abort();
        say_wrapped(YELLOW, "! ", "  ", text);
}

static void say_waiting(const json_t *jail)
{
        if (strcmp(field(jail, "source", "journal"), "journal") == 0)
                say(PLAIN, "Waiting: nothing of its service is in the journal. It goes on by itself when there is.\n"
                           "If the service logs to a file alone, name the file: jails: { %s: { logs: [/var/log/...] } }\n",
                    field(jail, "name", "JAIL"));
        else
                say(PLAIN, "Waiting: nothing of its service is in the %s. It goes on by itself when there is.\n",
                    strcmp(field(jail, "source", "journal"), "files") == 0 ? "log files" : "journal, and none of its log files is there");
}

static void say_state(const json_t *jail)
{
        const char *state = field(jail, "state", "?");

        if (strcmp(state, "paused") == 0)
                say(YELLOW, "Paused: it counts and bans nobody. Go on: bailiffctl resume %s\n", field(jail, "name", "JAIL"));
        else if (strcmp(state, "observing") == 0)
                say(YELLOW, "Observing (observe: true): it counts and bans nobody.\n");
        else if (strcmp(state, "waiting") == 0)
                say_waiting(jail);
        else if (strcmp(state, "disabled") == 0)
                say(YELLOW, "Disabled (enabled: false).\n");
}

static void say_jail(Ctl *ctl, const json_t *jail)
{
        char find[DURATION_TEXT_MAX], ban[DURATION_TEXT_MAX];
        const char *name = field(jail, "name", "?");
        bool reads_bans = strcmp(field(jail, "source", ""), "bans") == 0;

        say(state_colour(field(jail, "state", "")), "Status for the jail: %s (%s)\n", name, field(jail, "state", "?"));
        say_state(jail);
        say_limits(jail);
        say_refused(jail);
        if (reads_bans)
                say(PLAIN, "|- Counts the bans of the other jails\n");
        else
                say(PLAIN, "|- Filter %s, mode %s\n", field(jail, "filter", "?"), field(jail, "mode", "?"));
        say(PLAIN, "|  |- Currently failed: %lld\n", number(jail, "currently_failed"));
        say(PLAIN, "|  %s Total failed:     %lld\n", reads_bans ? "`-" : "|-", number(jail, "total_failed"));
        if (!reads_bans)
                say_lines_read(jail);
        say(PLAIN, "`- Actions: %s for %s after %lld failures in %s\n",
            strcmp(field(jail, "action", ""), "reject") == 0 ? "ban and refuse" : "ban",
            duration_format(number(jail, "bantime"), ban), number(jail, "maxretry"),
            duration_format(number(jail, "findtime"), find));
        say_increment(json_object_get(jail, "increment"));
        say_list("   |- Ports:            ", JAIL_INDENT, json_object_get(jail, "ports"), "all", " ");
        say(PLAIN, "   |- Currently banned: %lld\n", number(jail, "currently_banned"));
        say(PLAIN, "   |- Total banned:     %lld\n", number(jail, "total_banned"));
        say(PLAIN, "   |- Allowed, so not:  %lld%s\n", number(jail, "allowed"),
            json_is_true(json_object_get(jail, "own_allow")) ? " (it has entries of its own)" : "");
        if (number(jail, "observed") > 0)
                say(PLAIN, "   |- Only observed:    %lld\n", number(jail, "observed"));
        say_banned(ctl, name);
}

/**
 * command_status() - status [JAIL]
 */
int command_status(Ctl *ctl, int argc, char **argv)
{
        _cleanup_answer_ Answer answer = { 0 };
        int status;

        if (argc >= 2 && argv[1][0] == '-')
                return usage_error(command_find("status"), "unknown option %s", argv[1]);
        if (argc > 2)
                return usage_error(command_find("status"), "one jail at most");
        status = client_call(ctl, "Status", argc == 2 ? json_pack("{s:s}", "jail", argv[1]) : json_object(), &answer);
        if (status != STATUS_DONE)
                return status;
        if (answer.error)
                return answer_error(&answer, NULL);
        if (ctl->json) {
                say_json(answer.parameters);
                return STATUS_DONE;
        }
        say_problems(answer.parameters);
        if (argc == 2) {
                say_jail(ctl, json_array_get(json_object_get(answer.parameters, "jails"), 0));
                return STATUS_DONE;
        }
        say_daemon(answer.parameters);
        say_jails(json_object_get(answer.parameters, "jails"));
        return STATUS_DONE;
}
