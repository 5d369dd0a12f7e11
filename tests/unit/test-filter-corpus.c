/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The log samples of Fail2Ban's own test suite through our filters: do both
 * find the same failures, addresses and users? Each filter runs in each mode
 * that a block of the samples is for. Where bailiff decides otherwise on
 * purpose, tests/filters/differences.yaml names the line and the reason; a line
 * that differs without being named fails, and so does a named one that agrees.
 *
 * The samples are not part of this tree: $BAILIFF_CORPUS, or ../shared/corpus
 * beside the tree, or what scripts/test has unpacked of Debian's package
 * fail2ban. Without them the test is skipped.
 */

#include <limits.h>
#include <unistd.h>

#include "filter.h"
#include "logline.h"
#include "test.h"
#include "util/text.h"
#include "util/yaml.h"

#define SKIPPED 77
#define MODES_MAX 8
#define NAMED_MAX 1024

typedef struct Sample {
        const char *file, *filter;
        unsigned agreeing; /* per cent of the lines that have to agree, over all modes */
} Sample;

static const Sample SAMPLES[] = {
        { "sshd", "sshd", 90 },
        { "sshd-journal", "sshd", 90 },
        { "postfix", "postfix", 98 },
        { "dovecot", "dovecot", 98 },
        { "nginx-http-auth", "nginx-http-auth", 90 },
        { "nginx-limit-req", "nginx-limit-req", 98 },
        { "nginx-botsearch", "nginx-botsearch", 98 },
        { "nginx-bad-request", "nginx-bad-request", 98 },
        { "nginx-forbidden", "nginx-forbidden", 98 },
};

static const char *const MODES[MODES_MAX] = { "normal", "auth", "rbl", "ddos", "extra", "aggressive", "errors", "fallback" };

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
        unsigned agree, differ, unexplained;
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

static bool is_ident(void *userdata, const char *ident)
{
        return filter_listens(userdata, ident);
}

static void judge(Run *run, const char *text)
{
        LogLineOptions options = { .now = { 1800000000 * USEC_PER_SEC } };
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

        if (agree)
                run->agree++;
        else
                run->differ++;
        if (!agree && !named)
                run->unexplained++;
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

/* Every named line was met; one that agrees by now must go from the list. */
static unsigned count_stale(const YamlNode *differences, const bool *used)
{
        unsigned stale = 0;
        size_t i = 0;

        for (const YamlNode *group = yaml_get(differences, "differences")->children; group; group = group->next)
                for (const YamlNode *line = yaml_get(group, "lines")->children; line; line = line->next, i++)
                        if (!used[i]) {
                                printf("named, but not met: %s\n", line->text);
                                stale++;
                        }
        return stale;
}

static FILE *open_sample(const char *root, const char *name)
{
        const char *given = getenv("BAILIFF_CORPUS");
        const char *const directories[] = { given ? given : "", "../shared/corpus/fail2ban", "build-test/fail2ban-logs" };
        char path[PATH_MAX];

        for (size_t i = given ? 0 : 1; i < (given ? 1 : sizeof directories / sizeof *directories); i++) {
                if (given)
                        snprintf(path, sizeof path, "%s/fail2ban/%s", given, name);
                else
                        snprintf(path, sizeof path, "%s/%s/%s", root, directories[i], name);
                FILE *file = fopen(path, "re");
                if (file)
                        return file;
        }
        return NULL;
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

/* One row of the table per mode. Return: lines that differ without a reason. */
static unsigned run_sample(const char *root, const Sample *sample, FILE *file, const YamlNode *differences, bool *used)
{
        unsigned agree = 0, differ = 0, unexplained = 0;
        char path[PATH_MAX];
        Problem problem;

        snprintf(path, sizeof path, "%s/filters/%s.yaml", root, sample->filter);
        for (size_t i = 0; i < MODES_MAX; i++) {
                Run run = { .mode = MODES[i], .name = sample->filter, .differences = differences, .used = used, .seconds = 1700000000 };

                if (!has_mode(file, MODES[i]))
                        continue;
                if (filter_load(path, MODES[i], sample->filter, NULL, &run.filter, &problem) < 0) {
                        fprintf(stderr, "%s\n", problem.text);
                        abort();
                }
                run_file(&run, file);
                filter_free(run.filter);
                printf("%-18s %-12s %5u %7u %7u\n", sample->file, run.mode, run.agree + run.differ, run.agree, run.differ);
                agree += run.agree;
                differ += run.differ;
                unexplained += run.unexplained;
        }
        if (100 * agree < sample->agreeing * (agree + differ)) {
                printf("%s: only %u of %u lines agree, not %u %%\n", sample->file, agree, agree + differ, sample->agreeing);
                unexplained++;
        }
        return unexplained;
}

int main(void)
{
        _cleanup_(yaml_document_freep) YamlDocument *differences = NULL;
        const char *root = getenv("SOURCE_ROOT");
        static bool used[NAMED_MAX];
        char path[PATH_MAX];
        unsigned unexplained = 0;
        Problem problem;

        check(root);
        snprintf(path, sizeof path, "%s/tests/filters/differences.yaml", root);
        if (yaml_read_file(path, &differences, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(differences);
        printf("%-18s %-12s %5s %7s %7s\n", "SAMPLES", "MODE", "LINES", "AGREE", "DIFFER");
        for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++) {
                FILE *file = open_sample(root, SAMPLES[i].file);

                if (!file)
                        exit((printf("SKIP: no %s in $BAILIFF_CORPUS, ../shared/corpus/fail2ban or build-test/fail2ban-logs\n", SAMPLES[i].file), SKIPPED));
                unexplained += run_sample(root, &SAMPLES[i], file, differences->root, used);
                fclose(file);
        }
        unsigned stale = count_stale(differences->root, used);
        printf("%u lines differ without a reason, %u reasons are stale\n", unexplained, stale);
        return unexplained + stale > 0;
}
