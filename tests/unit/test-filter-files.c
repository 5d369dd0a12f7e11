/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The shipped filters: their own tests, then what tests/filters holds beyond
 * them: attacks (whose address must come out, whatever the client wrote) and
 * sequences (how many attempts the lines of a connection are).
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "filter.h"
#include "test.h"
#include "util/text.h"
#include "util/yaml.h"

#define PID 4711

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

static FilterVerdict feed(Filter *filter, const char *text, size_t size, int64_t pid, Hit *ret_hit)
{
        Line line = {
                .text = text, .length = size, .time = { 1700000000 * USEC_PER_SEC }, .ident = "sshd", .pid = pid, .source = "test"
        };

        return filter_match(filter, &line, ret_hit);
}

/* Alone, in a session that has told the peer, and before a line that asks its session for the address. */
static void attack(Filter *filter, const YamlNode *test, const char *text, size_t size, int64_t pid)
{
        static const char connection[] = "Connection from " PEER " port 40000",
                          sum[] = "Disconnecting: Too many authentication failures";
        char addr[ADDR_TEXT_MAX];
        bool found = false;
        Hit hit;

        if (feed(filter, text, size, pid, &hit) == FILTER_HIT) {
                check_text(addr_format(&hit.addr, addr), PEER);
                found = true;
        }
        bool expected;
        check_int(yaml_bool(yaml_get(test, "found"), &expected, NULL), 0);
        if (found != expected)
                fprintf(stderr, "%s:%u: the peer was %sfound\n", test->file, test->line, found ? "" : "not ");
        check(found == expected);
        if (feed(filter, sum, sizeof sum - 1, pid, &hit) == FILTER_HIT)
                check_text(addr_format(&hit.addr, addr), PEER);
        feed(filter, connection, sizeof connection - 1, pid + 1, &hit);
        if (feed(filter, text, size, pid + 1, &hit) == FILTER_HIT)
                check_text(addr_format(&hit.addr, addr), PEER);
        if (feed(filter, sum, sizeof sum - 1, pid + 1, &hit) == FILTER_HIT)
                check_text(addr_format(&hit.addr, addr), PEER);
}

static void test_attacks(const char *root)
{
        static const char *const specs[] = { "sshd", "sshd[publickey=any]", "sshd[publickey=ignore]" };
        char directory[PATH_MAX], path[PATH_MAX + 32];
        const char *directories[] = { directory, NULL };
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        unsigned n = 0;
        Problem problem;

        snprintf(directory, sizeof directory, "%s/filters", root);
        snprintf(path, sizeof path, "%s/tests/filters/attacks/sshd.yaml", root);
        if (yaml_read_file(path, &document, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(document);
        for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
                _cleanup_(filter_freep) Filter *filter = NULL;

                n = 0;
                check_int(filter_load(specs[i], "normal", "sshd", directories, &filter, &problem), 0);
                for (const YamlNode *test = yaml_get(document->root, "attacks")->children; test; test = test->next) {
                        const YamlNode *times = yaml_get(test, "times");
                        _cleanup_free_ char *text = NULL;
                        size_t size;

                        if (i == 2 && strstr(yaml_get(test, "line")->text, "publickey"))
                                continue;
                        FILE *out = open_memstream(&text, &size);
                        put_text(out, yaml_get(test, "line")->text, yaml_get(test, "pad"), times ? atoll(times->text) : 0);
                        fclose(out);
                        attack(filter, test, text, size, 100 + 2 * n++);
                }
        }
        check(n >= 40);
}

/* ---- sequences ---- */

/**
 * How the lines of one connection add up, as the tracker does it.
 */
typedef struct Model {
        unsigned count;
        bool ahead;
} Model;

static void add(Model *model, const Hit *hit)
{
        if (hit->kind == HIT_SUCCESS) {
                model->count = 0;
                model->ahead = false;
        } else if (hit->kind == HIT_END) {
                model->ahead = false;
        } else if (hit->count == HIT_COUNT_AHEAD) {
                model->count += !model->ahead;
                model->ahead = true;
        } else if (hit->count == HIT_COUNT_ONCE) {
                model->count += model->count == 0;
        } else {
                model->count += !model->ahead;
                model->ahead = false;
        }
}

static void test_sequences(const char *root)
{
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        char path[PATH_MAX + 32];
        unsigned n = 0;
        Problem problem;

        snprintf(path, sizeof path, "%s/tests/filters/sshd/sequences.yaml", root);
        if (yaml_read_file(path, &document, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(document);
        snprintf(path, sizeof path, "%s/filters/sshd.yaml", root);
        for (const YamlNode *sequence = yaml_get(document->root, "sequences")->children; sequence;
             sequence = sequence->next, n++) {
                _cleanup_(filter_freep) Filter *filter = NULL;
                uint64_t session = 0;
                Model model = { 0 };
                Hit hit;

                check_int(filter_load(path, NULL, "sshd", NULL, &filter, &problem), 0);
                for (const YamlNode *line = yaml_get(sequence, "lines")->children; line; line = line->next) {
                        if (feed(filter, line->text, strlen(line->text), PID, &hit) != FILTER_HIT)
                                continue;
                        check(hit.session != 0 && (session == 0 || session == hit.session));
                        session = hit.session;
                        add(&model, &hit);
                }
                if ((int) model.count != atoi(yaml_get(sequence, "count")->text)) {
                        fprintf(stderr, "%s: counted %u\n", yaml_get(sequence, "name")->text, model.count);
                        abort();
                }
        }
        check(n > 20);
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
