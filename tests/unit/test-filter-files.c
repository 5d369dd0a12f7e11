/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The shipped filters: their own tests, then what tests/filters holds beyond
 * them: attacks (whose address must come out, whatever the client wrote) and
 * sequences (how many attempts the lines of a connection are, by the tracker).
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "filter.h"
#include "test.h"
#include "tracker.h"
#include "util/text.h"
#include "util/yaml.h"

#define PID 4711
#define START (INT64_C(1700000000) * USEC_PER_SEC)

static void report(void *userdata, const char *line, bool passed, const char *message)
{
        unsigned *n = userdata;

        (*n)++;
        if (!passed)
                fprintf(stderr, "FAILED %s\n  in the line: %s\n", message, line);
}

static void test_self(const char *root)
{
        char directory[PATH_MAX], path[PATH_MAX + 260];
        unsigned n_files = 0;

        snprintf(directory, sizeof directory, "%s/filters", root);
        DIR *dir = opendir(directory);
        check(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                _cleanup_(filter_freep) Filter *filter = NULL;
                unsigned failed, n = 0;
                Problem problem;

                if (!strstr(entry->d_name, ".yaml"))
                        continue;
                snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
                if (filter_load(path, NULL, "test", NULL, &filter, &problem) < 0) {
                        fprintf(stderr, "%s\n", problem.text);
                        abort();
                }
                check_int(filter_self_test(filter, report, &n, &failed), 0);
                printf("%s: %u tests\n", entry->d_name, n);
                check_int(failed, 0);
                check(n > 0);
                n_files++;
        }
        closedir(dir);
        check(n_files > 0);
}

/* ---- attacks ---- */

#define PEER "203.0.113.77"
#define VICTIM "192.0.2.66"

static void put_text(FILE *out, const char *text, const YamlNode *pad, long long times)
{
        for (const char *p = text; *p; p++) {
                if (strncmp(p, "{peer}", 6) == 0) {
                        fputs(PEER, out);
                        p += 5;
                } else if (strncmp(p, "{victim}", 8) == 0) {
                        fputs(VICTIM, out);
                        p += 7;
                } else if (pad && strncmp(p, "{pad}", 5) == 0) {
                        for (long long i = 0; i < times; i++)
                                put_text(out, pad->text, NULL, 0);
                        p += 4;
                } else {
                        fputc(*p, out);
                }
        }
}

static FilterVerdict feed(Filter *filter, const char *text, size_t size, int64_t pid, int64_t seconds, Hit *ret_hit)
{
        Line line = { .text = text, .length = size, .time = { START + seconds * USEC_PER_SEC }, .ident = "x", .pid = pid, .source = "test" };

        FilterVerdict verdict = filter_match(filter, &line, ret_hit);
        if (verdict == FILTER_HIT)
                ret_hit->line = NULL; /* which ends here */
        return verdict;
}

/* Feeds a text; what comes out must be the peer. Return: whether something came out. */
static bool feed_attack(Filter *filter, const YamlNode *test, const char *text, size_t size, int64_t pid)
{
        char addr[ADDR_TEXT_MAX];
        Hit hit;

        if (feed(filter, text, size, pid, 0, &hit) != FILTER_HIT)
                return false;
        if (strcmp(addr_format(&hit.addr, addr), PEER) != 0) {
                fprintf(stderr, "%s:%u: mode %s, rule %s found %s\n", test->file, test->line, filter_info(filter)->mode, hit.rule, addr);
                abort();
        }
        return true;
}

static bool feed_node(Filter *filter, const YamlNode *test, const YamlNode *lines, const YamlNode *pad, long long times, int64_t pid)
{
        bool found = false;

        for (const YamlNode *line = lines && lines->kind == YAML_LIST ? lines->children : lines; line;
             line = lines->kind == YAML_LIST ? line->next : NULL) {
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *out = open_memstream(&text, &size);

                put_text(out, line->text, pad, times);
                fclose(out);
                found = feed_attack(filter, test, text, size, pid);
        }
        return found;
}

/* A line alone (behind its own `after`), then in a session that has told the peer, then before a line that asks its session for the address. */
static void attack(Filter *filter, const YamlNode *root, const YamlNode *test, bool judge, int64_t pid)
{
        const YamlNode *opening = yaml_get(root, "opening"), *asking = yaml_get(root, "asking");
        const YamlNode *line = yaml_get(test, "line"), *pad = yaml_get(test, "pad"), *times = yaml_get(test, "times");
        long long n = times ? atoll(times->text) : 0;
        bool expected = false, found;

        feed_node(filter, test, yaml_get(test, "after"), pad, n, pid);
        found = feed_node(filter, test, line, pad, n, pid);
        if (judge) {
                check_int(yaml_bool(yaml_get(test, "found"), &expected, NULL), 0);
                if (found != expected)
                        fprintf(stderr, "%s:%u: mode %s: the peer was %sfound\n", test->file, test->line, filter_info(filter)->mode,
                                found ? "" : "not ");
                check(found == expected);
        }
        feed_node(filter, test, asking, NULL, 0, pid);
        feed_node(filter, test, opening, NULL, 0, pid + 1);
        feed_node(filter, test, line, pad, n, pid + 1);
        feed_node(filter, test, asking, NULL, 0, pid + 1);
}

/* Return: how many attacks the file has. */
static unsigned run_attacks(const char *directory, const YamlNode *root, const char *mode, const char *params, bool first)
{
        const char *directories[] = { directory, NULL };
        _cleanup_(filter_freep) Filter *filter = NULL;
        char spec[256];
        Problem problem;
        unsigned n = 0;

        snprintf(spec, sizeof spec, "%s%s%s%s", yaml_get(root, "filter")->text, params ? "[" : "", params ? params : "", params ? "]" : "");
        if (filter_load(spec, mode, "test", directories, &filter, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        for (const YamlNode *test = yaml_get(root, "attacks")->children; test; test = test->next, n++) {
                const YamlNode *own = yaml_get(test, "mode");

                attack(filter, root, test, !params && (own ? strcmp(own->text, mode) == 0 : first), 100 + 2 * n);
        }
        return n;
}

static void test_attacks(const char *root)
{
        static const char *const services[] = { "sshd", "postfix", "dovecot", "nginx" };
        char filters[PATH_MAX], directory[PATH_MAX], path[PATH_MAX + 260];
        unsigned total[4] = { 0 };
        Problem problem;

        snprintf(filters, sizeof filters, "%s/filters", root);
        snprintf(directory, sizeof directory, "%s/tests/filters/attacks", root);
        DIR *dir = opendir(directory);
        check(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
                unsigned n = 0;

                if (!strstr(entry->d_name, ".yaml"))
                        continue;
                snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
                if (yaml_read_file(path, &document, &problem) < 0)
                        fprintf(stderr, "%s\n", problem.text);
                check(document);
                const YamlNode *modes = yaml_get(document->root, "modes"), *params = yaml_get(document->root, "params");
                for (const YamlNode *mode = modes->children; mode; mode = mode->next)
                        n = run_attacks(filters, document->root, mode->text, NULL, mode == modes->children);
                for (const YamlNode *param = params ? params->children : NULL; param; param = param->next)
                        run_attacks(filters, document->root, modes->children->text, param->text, false);
                printf("%s: %u attacks\n", entry->d_name, n);
                for (size_t i = 0; i < 4; i++)
                        total[i] += strncmp(entry->d_name, services[i], strlen(services[i])) == 0 ? n : 0;
        }
        closedir(dir);
        for (size_t i = 0; i < 4; i++)
                check(total[i] >= 40);
}

/* ---- sequences ---- */

static void no_offence(void *userdata, const Offence *offence)
{
        (void) userdata;
        check(offence == NULL);
}

static int add_weights(void *userdata, const WindowRecord *record)
{
        for (size_t i = 0; i < record->n_entries; i++)
                *(unsigned *) userdata += record->entries[i].weight;
        return 0;
}

static void run_sequence(const char *filter_path, const YamlNode *sequence)
{
        TrackerJail jail = { .name = "test", .findtime = 3600, .maxretry = TRACKER_MAXRETRY_MAX, .ipv6_prefix = 64 };
        const YamlNode *mode = yaml_get(sequence, "mode");
        _cleanup_(tracker_freep) Tracker *tracker = NULL;
        _cleanup_(filter_freep) Filter *filter = NULL;
        unsigned count = 0, counted;
        long long seconds = 0;
        Problem problem;

        if (filter_load(filter_path, mode ? mode->text : NULL, "test", NULL, &filter, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(filter);
        check_int(tracker_new(100, 1 << 20, (TrackerSink){ no_offence, NULL }, &tracker), 0);
        check_int(tracker_set_jail(tracker, &jail), 0);
        for (const YamlNode *item = yaml_get(sequence, "lines")->children; item; item = item->next) {
                const YamlNode *line = item->kind == YAML_SCALAR ? item : yaml_get(item, "line");
                const YamlNode *at = item->kind == YAML_SCALAR ? NULL : yaml_get(item, "at");
                const YamlNode *pid = item->kind == YAML_SCALAR ? NULL : yaml_get(item, "pid");
                Hit hit;

                if (at)
                        check_int(yaml_integer(at, 0, 100000, &seconds, &problem), 0);
                if (feed(filter, line->text, strlen(line->text), pid ? atoll(pid->text) : PID, seconds, &hit) == FILTER_HIT)
                        check_int(tracker_hit(tracker, &hit, &counted), 0);
        }
        check_int(tracker_each(tracker, "test", NULL, add_weights, &count), 0);
        if ((int) count != atoi(yaml_get(sequence, "count")->text)) {
                fprintf(stderr, "%s:%u: %s: counted %u\n", sequence->file, sequence->line, yaml_get(sequence, "name")->text, count);
                abort();
        }
}

static void test_sequences(const char *root)
{
        static const struct {
                const char *filter;
                unsigned at_least;
        } sets[] = { { "sshd", 20 }, { "postfix", 5 }, { "dovecot", 8 }, { "nginx-http-auth", 3 } };
        char path[PATH_MAX + 64];
        Problem problem;

        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
                _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
                unsigned n = 0;

                snprintf(path, sizeof path, "%s/tests/filters/%s/sequences.yaml", root, sets[i].filter);
                if (yaml_read_file(path, &document, &problem) < 0)
                        fprintf(stderr, "%s\n", problem.text);
                check(document);
                snprintf(path, sizeof path, "%s/filters/%s.yaml", root, sets[i].filter);
                for (const YamlNode *sequence = yaml_get(document->root, "sequences")->children; sequence; sequence = sequence->next, n++)
                        run_sequence(path, sequence);
                printf("%s: %u sequences\n", sets[i].filter, n);
                check(n >= sets[i].at_least);
        }
}

int main(void)
{
        const char *root = getenv("SOURCE_ROOT");

        check(root);
        test_self(root);
        test_attacks(root);
        test_sequences(root);
        return 0;
}
