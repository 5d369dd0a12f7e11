/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "test.h"
#include "util/yaml.h"

static void test_tree(void)
{
        static const char text[] = "defaults: { findtime: 10m, allow: [127.0.0.0/8, \"::1\"] }\njails:\n  sshd:\n    enabled: yes\n    maxretry: 5\n    none:\n";
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        long long number;
        bool yes;

        check_int(yaml_read_memory("t", text, sizeof text - 1, &document, NULL), 0);
        const YamlNode *sshd = yaml_get(yaml_get(document->root, "jails"), "sshd");
        check(sshd && sshd->kind == YAML_MAP);
        check_int(yaml_get(sshd, "enabled")->line, 4);
        check_int(yaml_get(sshd, "enabled")->column, 14);
        check_int(yaml_bool(yaml_get(sshd, "enabled"), &yes, NULL), 0);
        check(yes);
        check_int(yaml_integer(yaml_get(sshd, "maxretry"), 1, 10, &number, NULL), 0);
        check_int(number, 5);
        check(yaml_is_null(yaml_get(sshd, "none")) && !yaml_get(sshd, "absent"));
        check_text(yaml_get(yaml_get(document->root, "defaults"), "allow")->children->next->text, "::1");
}

static void test_refused(void)
{
        static const char *const cases[][2] = {
                { "a: 1\na: 2\n", "t:2:1: \"a\" stands here twice (first at line 1)" },
                { "a: &x 1\nb: *x\n", "t:1:4: anchors" },
                { "a: *x\n", "t:1:4: aliases" },
                { "a: !!int 1\n", "anchors (&) and tags (!)" },
                { "a:\n\tb: 1\n", "t:2:1: not valid YAML" },
                { "a:\n  - id: b\n\tc: 1\n", "(indent with spaces, not tabs)" },
                { "a: [a-z] <ADDR>\n", "put a value that begins with [ or { within '...'" },
                { "a: 'o'f'\n", "and a ' in it twice)" },
                { "a: [1, 2\n", "t:2:1: not valid YAML" },
                { "a: 1\n---\nb: 1\n", "t:2:1: a second document" },
                { "? [a]\n: 1\n", "a key must be a plain word" },
                { "<<: {a: 1}\n", "merge keys" },
                { "a: \"x\\0y\"\n", "NUL" },
                { "a: \xff\n", "t:" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
                Problem problem;
                check_int(yaml_read_memory("t", cases[i][0], strlen(cases[i][0]), &document, &problem), -EINVAL);
                check_contains(problem.text, cases[i][1]);
        }
}

static void test_caps(void)
{
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        Problem problem;
        char deep[100], *large = malloc(YAML_SIZE_MAX + 1);

        memset(deep, '[', sizeof deep);
        check_int(yaml_read_memory("t", deep, sizeof deep, &document, &problem), -EINVAL);
        check_contains(problem.text, "nested too deeply");
        memset(large, '#', YAML_SIZE_MAX + 1);
        check_int(yaml_read_memory("t", large, YAML_SIZE_MAX + 1, &document, &problem), -EINVAL);
        check_contains(problem.text, "larger than");
        memset(large, ',', YAML_SIZE_MAX);
        large[0] = '[';
        for (size_t i = 1; i + 1 < YAML_SIZE_MAX; i += 2)
                large[i] = 'a';
        check_int(yaml_read_memory("t", large, YAML_SIZE_MAX, &document, &problem), -EINVAL);
        check_contains(problem.text, "too many values");
        free(large);
        check_int(yaml_read_memory("t", "", 0, &document, &problem), 0);
        check(!document->root);
}

static void test_messages(void)
{
        static const char *const known[] = { "findtime", "maxretry" };
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        Problem problem;
        bool yes;

        check_int(yaml_read_memory("t", "fintime: 5\nwhat: \"yes\"\n", 23, &document, NULL), 0);
        check_int(yaml_unknown_key(document->root->children, known, 2, &problem), -EINVAL);
        check_text(problem.text, "t:1:1: unknown key \"fintime\"; did you mean \"findtime\"?");
        check_int(yaml_unknown_key(document->root->children->next, known, 2, &problem), -EINVAL);
        check_text(problem.text, "t:2:1: unknown key \"what\"; known here: findtime, maxretry");
        check_int(yaml_bool(document->root->children->next, &yes, &problem), -EINVAL);
        check_text(problem.text, "t:2:7: what: must be true or false");
        check_int(yaml_read_file("/nonexistent/x.yaml", &document, &problem), -ENOENT);
        check_contains(problem.text, "/nonexistent/x.yaml:1:1: cannot be read");
}

int main(void)
{
        test_tree();
        test_refused();
        test_caps();
        test_messages();
        return 0;
}
