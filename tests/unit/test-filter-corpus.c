/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The log samples of Fail2Ban's own test suite through our filters: do both
 * find the same failures, addresses and users? Each filter runs in each mode
 * that a block of the samples is for. Where bailiff decides otherwise on
 * purpose, tests/filters/differences.yaml names the line and the reason; a line
 * that differs without being named fails, and so does a named one that is not met.
 *
 * The table counts both: lines on which we differ by design, and those on which
 * we differ without a reason, of which there may be none. Its last columns do the
 * same for the times of the lines, read as Fail2Ban's tests read them: in the zone
 * of Zurich, at noon of 14 August 2005.
 */

#include <time.h>

#include "filter.h"
#include "logline.h"
#include "samples.h"
#include "test.h"
#include "util/text.h"
#include "util/yaml.h"

#define MODES_MAX 8
#define NAMED_MAX 1024

typedef struct Sample {
        const char *file, *filter;
        unsigned agreeing; /* per cent of the lines that have to agree, over all modes */
} Sample;

static const Sample SAMPLES[] = {
        { "sshd", "sshd", 94 },
        { "sshd-journal", "sshd", 93 },
        { "postfix", "postfix", 98 },
        { "dovecot", "dovecot", 98 },
        { "nginx-http-auth", "nginx-http-auth", 88 },
        { "nginx-limit-req", "nginx-limit-req", 98 },
        { "nginx-botsearch", "nginx-botsearch", 98 },
        { "nginx-bad-request", "nginx-bad-request", 98 },
        { "nginx-forbidden", "nginx-forbidden", 98 },
};

#define N_SAMPLES (sizeof SAMPLES / sizeof *SAMPLES)
#define OLDER_LEAST 88
#define NOON INT64_C(1124013599) /* 2005-08-14 11:59:59 in Zurich, as their tests have it */

static unsigned timed; /* lines whose time Fail2Ban tells */

static const char *const MODES[MODES_MAX] = { "normal", "auth", "rbl", "ddos", "extra", "aggressive", "errors", "fallback" };

/**
 * How often both say the same.
 */
typedef struct Tally {
        unsigned agree, designed, unexplained;
} Tally;

/**
 * One filter in one mode over one file.
 */
typedef struct Run {
        Filter *filter;
        const char *mode, *name;
        const YamlNode *differences;
        bool *used;
        bool wanted;   /* the block's lines are for this mode */
        bool pending;  /* a verdict stands above the line */
        bool skip;     /* ... but not for this mode */
        bool match;    /* that verdict */
        bool has_user;
        char host[256], user[256];
        int64_t seconds;
        int64_t time; /* that it names, seconds; 0: none */
        LogLineMemory memory;
        Tally lines, times;
} Run;

/* Any of the block's option sets is for the mode. */
static bool wants(const char *options, const char *mode)
{
        for (const char *set = strchr(options, '{'); set; set = strchr(set + 1, '{')) {
                const char *end = strchr(set, '}'), *key = strstr(set, "\"mode\"");
                char word[32] = "normal";

                if (key && (!end || key < end))
                        sscanf(key, "\"mode\": \"%31[a-z]\"", word);
                if (strcmp(word, mode) == 0)
                        return true;
        }
        return false;
}

/* The text of a JSON member, without its escapes; false if there is none. */
static bool member(const char *json, const char *key, char text[static 256])
{
        const char *at = strstr(json, key);
        size_t n = 0;

        if (!at)
                return false;
        for (at += strlen(key); *at && *at != '"' && n < 255; at++) {
                if (*at == '\\' && at[1])
                        at++;
                text[n++] = *at;
        }
        text[n] = '\0';
        return true;
}

static int64_t verdict_time(const char *json)
{
        struct tm tm = { .tm_isdst = -1 };
        char text[256];

        if (!member(json, "\"time\": \"", text))
                return 0;
        check(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
        return (int64_t) mktime(&tm);
}

static void take_verdict(Run *run, const char *json)
{
        const char *match = strstr(json, "\"match\":"), *constraint = strstr(json, "get('mode') ");

        run->pending = true;
        run->match = match && strncmp(match + 8 + strspn(match + 8, " "), "true", 4) == 0;
        /* "opts.get('mode') == 'aggressive'", or != */
        run->skip = constraint && (strncmp(constraint + 16, run->mode, strlen(run->mode)) == 0) != (constraint[12] == '=');
        if (!member(json, "\"host\": \"", run->host) && !member(json, "\"ip4\": \"", run->host) && !member(json, "\"ip6\": \"", run->host))
                run->host[0] = '\0';
        run->has_user = member(json, "\"user\": \"", run->user);
        run->time = verdict_time(json);
}

static bool is_named(Run *run, const char *message, size_t size)
{
        size_t i = 0;
        bool named = false;

        for (const YamlNode *group = yaml_get(run->differences, "differences")->children; group; group = group->next) {
                const YamlNode *filter = yaml_get(group, "filter"), *modes = yaml_get(group, "modes");
                bool here = !modes;

                check(filter && yaml_get(group, "reason") && *yaml_get(group, "reason")->text);
                for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next)
                        here = here || strcmp(mode->text, run->mode) == 0;
                here = here && strcmp(filter->text, run->name) == 0;
                for (const YamlNode *line = yaml_get(group, "lines")->children; line; line = line->next, i++) {
                        check(i < NAMED_MAX);
                        if (here && strlen(line->text) == size && memcmp(line->text, message, size) == 0)
                                named = run->used[i] = true;
                }
        }
        return named;
}

static void tally(Tally *counts, bool agree, bool named)
{
        *(agree ? &counts->agree : named ? &counts->designed : &counts->unexplained) += 1;
}

static unsigned tally_sum(const Tally *counts)
{
        return counts->agree + counts->designed + counts->unexplained;
}

static void tally_add(Tally *sum, const Tally *counts)
{
        sum->agree += counts->agree;
        sum->designed += counts->designed;
        sum->unexplained += counts->unexplained;
}

/*
 * By design: TAI64N, whose seconds Fail2Ban takes for Unix time, though daemontools and runit count 10 more. The journal's short
 * form has no stamp: Fail2Ban reads the one in nginx's message, where the journal itself gives the time.
 */
static void judge_time(Run *run, const char *text, EventTime time)
{
        int64_t ours = time.usec / USEC_PER_SEC;
        bool agree = ours == run->time;
        bool named = (*text == '@' && ours == run->time - 10) || (strncmp(text, "host nginx[", 11) == 0 && ours == 0);

        if (run->time == 0)
                return;
        tally(&run->times, agree, named);
        if (!agree && (!named || getenv("VERBOSE")))
                printf("TIME DIFFERS%s: ours %lld, theirs %lld:\n  %s\n", named ? "" : ", without a reason", (long long) ours,
                       (long long) run->time, text);
}

static bool is_ident(void *userdata, const char *ident)
{
        return filter_listens(userdata, ident);
}

static void judge(Run *run, const char *text)
{
        LogLineOptions options = { .now = { NOON * USEC_PER_SEC }, .memory = &run->memory };
        char ours[ADDR_TEXT_MAX] = "", theirs[256];
        LogLine parsed;
        Addr addr;
        Hit hit;

        logline_parse(&options, text, strlen(text), is_ident, run->filter, &parsed);
        Line line = { .text = parsed.text, .length = parsed.length, .time = { ++run->seconds * USEC_PER_SEC },
                      .ident = parsed.ident, .pid = parsed.pid, .source = "corpus" };
        bool failure = filter_match(run->filter, &line, &hit) == FILTER_HIT && hit.kind == HIT_FAILURE;
        if (failure)
                addr_format(&hit.addr, ours);
        snprintf(theirs, sizeof theirs, "%s", run->match ? run->host : "");
        if (run->match && addr_parse(theirs, strlen(theirs), &addr) == 0)
                addr_format(&addr, theirs);
        /* A verdict without a host leaves the address open, as one without a user leaves that. */
        bool agree = failure == run->match && (!*theirs || strcmp(ours, theirs) == 0) &&
                     (!failure || !run->has_user || strcmp(hit.user, run->user) == 0);
        bool named = is_named(run, line.text, line.length);

        tally(&run->lines, agree, named);
        judge_time(run, text, parsed.time);
        if (!agree && (!named || getenv("VERBOSE")))
                printf("DIFFER%s, %s %s: ours %s %s user \"%s\", theirs %s %s user \"%s\":\n  %.*s\n", named ? "" : ", not named",
                       run->name, run->mode, failure ? "failure" : "none", ours, failure ? hit.user : "", run->match ? "failure" : "none",
                       theirs, run->has_user ? run->user : "", (int) line.length, line.text);
}

static void run_file(Run *run, FILE *file)
{
        char line[8192];

        rewind(file);
        run->wanted = strcmp(run->mode, "normal") == 0;
        run->pending = false;
        while (fgets(line, sizeof line, file)) {
                const char *json = line + 1 + strspn(line + 1, " ");

                line[strcspn(line, "\n")] = '\0';
                if (*line == '#' && strncmp(json, "filterOptions:", 14) == 0) {
                        run->wanted = wants(json, run->mode);
                } else if (*line == '#' && strncmp(json, "failJSON:", 9) == 0) {
                        take_verdict(run, json);
                } else if (*line && *line != '#') {
                        if (!run->pending)
                                take_verdict(run, "{ \"match\": false }");
                        if (run->wanted && !run->skip)
                                judge(run, line);
                        run->pending = false;
                }
        }
}

/* Lines that are named, but not among the samples. Some are in Debian's older samples only (`samples: older`). */
static unsigned count_stale(const YamlNode *differences, const bool *used)
{
        unsigned stale = 0;
        size_t i = 0;

        for (const YamlNode *group = yaml_get(differences, "differences")->children; group; group = group->next)
                for (const YamlNode *line = yaml_get(group, "lines")->children; line; line = line->next, i++)
                        if (!used[i] && !yaml_get(group, "samples")) {
                                printf("named, but not met: %s\n", line->text);
                                stale++;
                        }
        return stale;
}

static bool has_mode(FILE *file, const char *mode)
{
        char line[8192];
        bool normal = strcmp(mode, "normal") == 0;

        rewind(file);
        while (fgets(line, sizeof line, file)) {
                if (strncmp(line, "# filterOptions:", 16) == 0 && wants(line, mode))
                        return true;
        }
        return normal;
}

static void print_row(const char *file, const char *mode, const Tally *lines, const Tally *times)
{
        printf("%-16s %-11s %5u %6u %6u %6u   %5u %6u %6u %6u\n", file, mode, tally_sum(lines), lines->agree, lines->designed,
               lines->unexplained, tally_sum(times), times->agree, times->designed, times->unexplained);
}

static void run_mode(const char *path, FILE *file, Run *run)
{
        Problem problem;

        if (filter_load(path, run->mode, run->name, NULL, &run->filter, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        run_file(run, file);
        filter_free(run->filter);
}

/* One row of the table per mode. @least: per cent of the lines that have to agree. Return: what differs without a reason. */
static unsigned run_sample(const char *root, const Sample *sample, FILE *file, unsigned least, const YamlNode *differences, bool *used)
{
        Tally lines = { 0 }, times = { 0 };
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/filters/%s.yaml", root, sample->filter);
        for (size_t i = 0; i < MODES_MAX; i++) {
                Run run = { .mode = MODES[i], .name = sample->filter, .differences = differences, .used = used, .seconds = 1700000000 };

                if (!has_mode(file, MODES[i]))
                        continue;
                run_mode(path, file, &run);
                print_row(sample->file, run.mode, &run.lines, &run.times);
                tally_add(&lines, &run.lines);
                tally_add(&times, &run.times);
        }
        printf("%-16s %-11s %5u %5.1f%%\n", sample->file, "all", tally_sum(&lines), 100.0 * lines.agree / tally_sum(&lines));
        timed += tally_sum(&times);
        if (100 * lines.agree < least * tally_sum(&lines)) {
                printf("%s: only %u of %u lines agree, not %u %%\n", sample->file, lines.agree, tally_sum(&lines), least);
                lines.unexplained++;
        }
        return lines.unexplained + times.unexplained;
}

int main(void)
{
        _cleanup_(yaml_document_freep) YamlDocument *differences = NULL;
        const char *root = getenv("SOURCE_ROOT");
        static bool used[NAMED_MAX];
        char path[PATH_MAX];
        unsigned unexplained = 0, missing = 0;
        FILE *files[N_SAMPLES];
        Problem problem;

        check(root);
        setenv("TZ", "Europe/Zurich", 1);
        logline_zone_changed();
        snprintf(path, sizeof path, "%s/tests/filters/differences.yaml", root);
        if (yaml_read_file(path, &differences, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(differences);
        printf("%-16s %-11s %5s %6s %6s %6s   %5s %6s %6s %6s\n", "SAMPLES", "MODE", "LINES", "AGREE", "DESIGN", "WRONG", "TIMES", "AGREE",
               "DESIGN", "WRONG");
        for (size_t i = 0; i < N_SAMPLES; i++) {
                files[i] = sample_open(SAMPLES[i].file);
                missing += !files[i];
        }
        if (missing == N_SAMPLES)
                exit((fputs(SAMPLES_NONE, stdout), SAMPLES_SKIPPED));
        for (size_t i = 0; i < N_SAMPLES; i++) {
                if (!files[i]) {
                        printf("%-18s not among these samples\n", SAMPLES[i].file);
                        continue;
                }
                unexplained += run_sample(root, &SAMPLES[i], files[i], missing > 0 ? OLDER_LEAST : SAMPLES[i].agreeing, differences->root, used);
                fclose(files[i]);
        }
        /* Samples that lack a file are older ones, and lack lines, too. */
        unsigned stale = missing > 0 ? 0 : count_stale(differences->root, used);
        printf("%u lines or times differ without a reason, %u reasons are stale\n", unexplained, stale);
        check(timed > 250);
        return unexplained + stale > 0;
}
