/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a line may cost: no rule of the shipped filters needs more than 2,000 steps of PCRE2 on a line of the samples, of the
 * filters' own tests or of the attacks that a service would log; and strings made to be expensive end at the match limit, are
 * counted and named, in less than a millisecond (ten here, for slow and busy machines; the figure is printed).
 */

#include <dirent.h>
#include <limits.h>
#include <time.h>

#include "filter/private.h"
#include "samples.h"
#include "test.h"

#define STEPS_MAX 2000

static const char *const NAMES[] = { "sshd", "postfix", "dovecot", "nginx-http-auth", "nginx-limit-req", "nginx-botsearch", "nginx-bad-request",
                                     "nginx-forbidden" };

static unsigned worst_steps;
static char worst_rule[128];

static void measure(Filter *filter, const char *text, size_t size)
{
        RegexMatch prefix = { 0 };

        if (filter->prefix && regex_match(filter->prefix, filter->runner, text, size, &prefix) != 0)
                return;
        for (size_t i = 0; i < filter->n_rules; i++) {
                unsigned steps = regex_steps(filter->rules[i].regex, filter->runner, text + prefix.end, size - prefix.end);

                if (steps <= worst_steps)
                        continue;
                worst_steps = steps;
                snprintf(worst_rule, sizeof worst_rule, "%s:%s", filter->info.name, filter->rules[i].id);
                if (steps > STEPS_MAX)
                        fprintf(stderr, "%s needs %u steps on: %.*s\n", worst_rule, steps, (int) size, text);
        }
}

static void measure_tests(Filter *filter)
{
        const YamlNode *tests = yaml_get(filter->layers[0]->root, "tests");

        for (const YamlNode *test = tests ? tests->children : NULL; test; test = test->next)
                measure(filter, yaml_get(test, "line")->text, strlen(yaml_get(test, "line")->text));
}

/* Every line, from every place in it that could be the message's beginning. */
static bool measure_samples(Filter *filter, const char *name)
{
        FILE *file = sample_open(name);
        char line[8192];

        if (!file)
                return false;
        while (fgets(line, sizeof line, file)) {
                line[strcspn(line, "\n")] = '\0';
                if (*line == '#' || !*line)
                        continue;
                measure(filter, line, strlen(line));
                for (char *p = strchr(line, ' '); p && p < line + 100; p = strchr(p + 1, ' '))
                        measure(filter, p + 1, strlen(p + 1));
        }
        fclose(file);
        return true;
}

static double seconds_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* A test line with its first address' place taken by what repeats, up to the length that is still matched whole. */
static double pump(Filter *filter, const char *text, const char *what, uint64_t *limits)
{
        static char line[LINE_LENGTH_MAX + 1];
        size_t head = strcspn(text, " ") + 1, size = 0;
        double best = 1;
        Hit hit;

        while (strlen(text) > head && text[head] && strchr("0123456789abcdefABCDEF:.[", text[head]) == NULL)
                head++;
        size = head < strlen(text) ? head : strlen(text);
        memcpy(line, text, size);
        while (size + strlen(what) < LINE_LENGTH_MAX) {
                memcpy(line + size, what, strlen(what));
                size += strlen(what);
        }
        for (int i = 0; i < 3; i++) {
                Line l = { .text = line, .length = size, .time = { 1700000000 * USEC_PER_SEC }, .ident = "x", .pid = 1, .source = "test" };
                uint64_t before = filter->stats.verdicts[FILTER_LIMIT];
                double start = seconds_now();

                filter_match(filter, &l, &hit);
                double took = seconds_now() - start;
                best = took < best ? took : best;
                if (filter->stats.verdicts[FILTER_LIMIT] > before) {
                        check(filter->stats.limited);
                        *limits += 1;
                }
        }
        return best;
}

int main(void)
{
        static const char *const pumps[] = { " from 192.0.2.66", ", client: 192.0.2.66", ", rip=192.0.2.66", " rhost=192.0.2.66", "> ", "a", "\"", "): ", "a: ", "[192.0.2.66]: " };
        const char *root = getenv("SOURCE_ROOT");
        double worst = 0;
        uint64_t limits = 0;
        bool samples = true;

        check(root);
        for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
                _cleanup_(filter_freep) Filter *filter = NULL;
                char path[PATH_MAX];
                Problem problem;

                snprintf(path, sizeof path, "%s/filters/%s.yaml", root, NAMES[i]);
                if (filter_load(path, "aggressive", "test", NULL, &filter, &problem) < 0)
                        check_int(filter_load(path, NULL, "test", NULL, &filter, &problem), 0);
                measure_tests(filter);
                samples = measure_samples(filter, NAMES[i]) && samples;
                const YamlNode *tests = yaml_get(filter->layers[0]->root, "tests");
                for (const YamlNode *test = tests->children; test; test = test->next)
                        for (size_t j = 0; j < sizeof pumps / sizeof *pumps; j++) {
                                double took = pump(filter, yaml_get(test, "line")->text, pumps[j], &limits);
                                if (took > worst) {
                                        worst = took;
                                        printf("%s: %.3f ms: %.60s ... %s\n", NAMES[i], took * 1e3, yaml_get(test, "line")->text, pumps[j]);
                                }
                        }
        }
        printf("most steps on a line: %u, %s%s\n", worst_steps, worst_rule, samples ? "" : " (without the samples)");
        printf("the most expensive line of %d bytes: %.3f ms; %llu lines ended at the limit\n", LINE_LENGTH_MAX, worst * 1e3, (unsigned long long) limits);
        check(worst_steps <= STEPS_MAX);
        check(worst < 0.010 || getenv("ASAN_OPTIONS") || getenv("BAILIFF_SLOW"));
        check(limits > 0);
        return 0;
}
