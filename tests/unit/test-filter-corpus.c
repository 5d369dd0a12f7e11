/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The log samples of Fail2Ban's own test suite through our filters: do both
 * find the same failures and addresses? Where bailiff decides otherwise on
 * purpose, tests/filters/differences.yaml names the line and the reason; a line
 * that differs without being named fails, and so does a named one that agrees.
 *
 * The samples are not part of this tree: $BAILIFF_CORPUS, or ../shared/corpus
 * beside the tree. Without them the test is skipped.
 */

#include <limits.h>

#include "filter.h"
#include "test.h"
#include "util/text.h"
#include "util/yaml.h"

#define SKIPPED 77

typedef struct Corpus {
        Filter *filter;
        const YamlNode *differences; /* the document's root */
        bool used[1024];             /* which of its lines were met */
        bool normal;                 /* the block's lines are for mode normal */
        bool pending;                /* a verdict stands above the line */
        bool match;                  /* that verdict */
        bool skip;                   /* ... is for another mode */
        char host[256];
        int64_t seconds;
        unsigned agree, differ, unexplained;
} Corpus;

/* Any of the option sets is for mode normal. */
static bool is_normal(const char *options)
{
        for (const char *set = strchr(options, '{'); set; set = strchr(set + 1, '{')) {
                const char *end = strchr(set, '}'), *mode = strstr(set, "\"mode\"");
                if (!mode || (end && mode > end) || strstr(set, "\"mode\": \"normal\""))
                        return true;
        }
        return false;
}

static void take_verdict(Corpus *corpus, const char *json)
{
        static const char *const keys[] = { "\"host\": \"", "\"ip4\": \"", "\"ip6\": \"" };
        const char *match = strstr(json, "\"match\":");

        corpus->pending = true;
        corpus->match = match && strncmp(match + 8 + strspn(match + 8, " "), "true", 4) == 0;
        corpus->skip = strstr(json, "== 'aggressive'") != NULL;
        corpus->host[0] = '\0';
        for (size_t i = 0; i < 3; i++) {
                const char *host = strstr(json, keys[i]);
                if (host)
                        snprintf(corpus->host, sizeof corpus->host, "%.*s", (int) strcspn(host + strlen(keys[i]), "\""),
                                 host + strlen(keys[i]));
        }
}

/* The message of "timestamp host ident[pid]: message" and its like; *ret_pid is -1 if there is none. */
static const char *strip(const char *line, int64_t *ret_pid)
{
        const char *ident = strstr(line, "sshd"), *p = ident;
        char *end;

        *ret_pid = -1;
        if (!ident)
                return line;
        if (line[0] == '<') { /* RFC 5424: ident pid msgid [data] message */
                *ret_pid = strtoll(ident + 5, &end, 10);
                p = strstr(end, " - ");
                const char *data = strrchr(line, ']');
                return p[3] == '[' && data ? data + 2 : p + 5;
        }
        p += strcspn(p, "[]: ");
        if (*p == '[') {
                *ret_pid = strtoll(p + 1, &end, 10);
                p = end;
        }
        p += strspn(p, "]:");
        return p + (*p == ' ');
}

static bool is_named(Corpus *corpus, const char *message)
{
        size_t i = 0;
        bool named = false;

        for (const YamlNode *group = yaml_get(corpus->differences, "differences")->children; group; group = group->next) {
                check(yaml_get(group, "reason") && *yaml_get(group, "reason")->text);
                for (const YamlNode *line = yaml_get(group, "lines")->children; line; line = line->next, i++) {
                        check(i < sizeof corpus->used);
                        if (strcmp(line->text, message) == 0)
                                named = corpus->used[i] = true;
                }
        }
        return named;
}

static void judge(Corpus *corpus, const char *text)
{
        char ours[ADDR_TEXT_MAX] = "", theirs[256];
        Line line = { .time = { ++corpus->seconds * USEC_PER_SEC }, .ident = "sshd", .source = "corpus" };
        Addr addr;
        Hit hit;

        line.text = strip(text, &line.pid);
        line.length = strlen(line.text);
        bool failure = filter_match(corpus->filter, &line, &hit) == FILTER_HIT && hit.kind == HIT_FAILURE;
        if (failure)
                addr_format(&hit.addr, ours);
        snprintf(theirs, sizeof theirs, "%s", corpus->match ? corpus->host : "");
        if (corpus->match && addr_parse(theirs, strlen(theirs), &addr) == 0)
                addr_format(&addr, theirs);
        /* A verdict without a host leaves the address open. */
        bool agree = failure == corpus->match && (!*theirs || strcmp(ours, theirs) == 0);
        bool named = is_named(corpus, line.text);

        if (agree)
                corpus->agree++;
        else
                corpus->differ++;
        if (!agree && !named)
                corpus->unexplained++;
        printf("%s%s: ours %s%s, theirs %s%s: %s\n", agree ? "agree" : "DIFFER", !agree && !named ? ", not named" : "",
               failure ? "failure " : "none", ours, corpus->match ? "failure " : "none", theirs, line.text);
}

static void run_file(Corpus *corpus, const char *path)
{
        char line[8192];
        FILE *file = fopen(path, "re");

        if (!file)
                exit((printf("SKIP: %s is not there\n", path), SKIPPED));
        corpus->normal = true;
        corpus->pending = false;
        while (fgets(line, sizeof line, file)) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, "# filterOptions:", 16) == 0) {
                        corpus->normal = is_normal(line);
                } else if (strncmp(line, "# failJSON:", 11) == 0) {
                        take_verdict(corpus, line);
                } else if (*line && *line != '#') {
                        if (!corpus->pending)
                                take_verdict(corpus, "{ \"match\": false }");
                        if (corpus->normal && !corpus->skip)
                                judge(corpus, line);
                        corpus->pending = false;
                        corpus->skip = false;
                }
        }
        fclose(file);
}

/* Every named line was met; one that agrees by now must go from the list. */
static unsigned count_stale(const Corpus *corpus)
{
        unsigned stale = 0;
        size_t i = 0;

        for (const YamlNode *group = yaml_get(corpus->differences, "differences")->children; group; group = group->next)
                for (const YamlNode *line = yaml_get(group, "lines")->children; line; line = line->next, i++)
                        if (!corpus->used[i]) {
                                printf("named, but not met: %s\n", line->text);
                                stale++;
                        }
        return stale;
}

int main(void)
{
        static const char *const names[] = { "sshd", "sshd-journal" };
        const char *root = getenv("SOURCE_ROOT"), *given = getenv("BAILIFF_CORPUS");
        _cleanup_(yaml_document_freep) YamlDocument *differences = NULL;
        char path[PATH_MAX];
        Corpus corpus = { .seconds = 1700000000 };
        Problem problem;

        check(root);
        snprintf(path, sizeof path, "%s/tests/filters/differences.yaml", root);
        check_int(yaml_read_file(path, &differences, &problem), 0);
        corpus.differences = differences->root;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "%s/filters/sshd.yaml", root);
                check_int(filter_load(path, "normal", "sshd", NULL, &corpus.filter, &problem), 0);
                if (given)
                        snprintf(path, sizeof path, "%s/fail2ban/%s", given, names[i]);
                else
                        snprintf(path, sizeof path, "%s/../shared/corpus/fail2ban/%s", root, names[i]);
                run_file(&corpus, path);
                corpus.filter = filter_free(corpus.filter);
        }
        unsigned stale = count_stale(&corpus);
        printf("%u lines agree, %u differ, %u of these without a reason, %u reasons are stale\n", corpus.agree, corpus.differ,
               corpus.unexplained, stale);
        check(corpus.agree > 100);
        return corpus.unexplained + stale > 0;
}
