/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which words a filter's patterns hold as text, and what it says of reports. A word too many would show a log's private words in public; one too few
 * hides what everybody may read.
 */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "filter/private.h"
#include "test.h"
#include "util/text.h"

static Filter *load(const char *yaml)
{
        Filter *filter = NULL;
        Problem problem = { "" };

        if (filter_load_memory("t.yaml", yaml, strlen(yaml), NULL, "jail", &filter, &problem) < 0)
                fprintf(stderr, "%s\nin:\n%s\n", problem.text, yaml);
        check(filter);
        return filter;
}

/* All words, with a space between. */
static const char *words_of(const Filter *filter)
{
        static char text[4096];

        *text = '\0';
        for (size_t i = 0; i < filter->words.n; i++) {
                const char *word = filter->words.sorted[i];

                check(filter_knows_word(filter, word, strlen(word)));
                check(strlen(text) + strlen(word) + 2 < sizeof text);
                strcat(strcat(text, i ? " " : ""), word);
        }
        return text;
}

static void expect(const char *pattern, const char *words)
{
        char yaml[4096];

        snprintf(yaml, sizeof yaml, "name: t\nident: t\nmodes:\n  normal:\n    - id: a\n      regex: |-\n        %s\n", pattern);
        _cleanup_(filter_freep) Filter *filter = load(yaml);
        if (strcmp(words_of(filter), words) != 0)
                fprintf(stderr, "in %s\n", pattern);
        check_text(words_of(filter), words);
}

static const char *const PATTERNS[][2] = {
        { "^Failed password for (?:invalid user )?(?<user>.*) from <ADDR>(?: port \\d+)?(?: ssh[12])?$", "failed for from invalid password port ssh user" },
        { "^x a I <ADDR>", "" }, /* one letter is none */
        { "^pam_unix\\(sshd:auth\\): uid=\\d* <ADDR>", "auth pam sshd uid unix" },
        { "^HTTP/1.1 GET <ADDR>", "get http" },
        { "^user''s <ADDR>", "user" },
        /* letters that may be missing */
        { "^passwords? <ADDR>", "password passwords" },
        { "^colou?rs* <ADDR>", "color colors colour colours" },
        { "^colou??rs*+ <ADDR>", "color colors colour colours" },
        { "^la{0,3}b <ADDR>", "lab lb" },
        { "^l{0}ab <ADDR>", "ab lab" },
        { "^ab+c{1,}d{1,2}? <ADDR>", "abcd" },
        { "^a?b?c?d? <ADDR>", "ab abc abcd abd ac acd ad bc bcd bd cd" },
        { "^a?b?c?d?e? xy <ADDR>", "xy" }, /* too many of them */
        { "^two l{2}s ab{2,3}c end <ADDR>", "end two" },
        { "^ (?:fail)?ed (?:abc)* <ADDR>", "abc ed fail" },
        { "^ab{,3}cd ef <ADDR>", "ef" },
        { "^ab{x}cd{} {yz} <ADDR>", "ab cd yz" },
        /* classes */
        { "^[Uu]nknown [pP]assword[Ss]? [x]yz <ADDR>", "password passwords unknown xyz" },
        { "^[a-z]+ed [A-Z]ing up[^ ]*. [^x]abc <ADDR>", "" },
        { "^ssh[12] up[.0-9]down [][]in[]]of[\\]]an <ADDR>", "an down in of ssh up" },
        { "^[a]b [ab]cd [Ab]cd [Aa-z]cd <ADDR>", "ab" },
        { "^x[[:alpha:]]ab [[:digit:]]cd [^[:digit:]]ef [a[:digit:]]gh <ADDR>", "" },
        { "^up[\\d]down [\\s-]of [\\w]no [\\x41]no [\\Qa\\E]no [\\Q]no\\E] <ADDR>", "down of up" },
        { "^up[+-9]down [+-z]no <ADDR>", "down up" },
        { "^[)(]in <ADDR>", "in" },
        /* escapes */
        { "^\\dab \\bcd\\b \\sef\\.gh \\x41no \\x{41}no no\\101 \\cAij <ADDR>", "ab cd ef gh ij" },
        { "^\\wno no\\w no\\pL \\p{Lu}no \\Wup\\D <ADDR>", "up" },
        { "^\\Qa.b cd?\\Ef\\Qg\\E\\.hi <ADDR>", "cd fg hi" },
        { "^(?<user>.*) \\k<user> \\k{user} \\k'user' \\g{user} \\g1 <ADDR> by", "by" },
        { "^auth-worker<\\d+>: \\<ADDR> is <HOST>", "addr auth is worker" },
        /* groups */
        { "^(?<user>ab)(?'name'cd)(?P<other>ef)(?:gh)(?>ij)(?|kl)(?=mn)(?!op)(?<=gh)(?<!st) <ADDR>", "ab cd ef gh ij kl mn op st" },
        { "^(?i)ab(?i:cd)(?i-s:ef)(?^:gh) <ADDR>", "ab cd ef gh" },
        { "^(?#no words here)ab(?# nor here) <ADDR>", "ab" },
        { "^(?<n>ab)(?(<n>)cd|ef)(?(n)gh)(?(?=ij)kl)(?(1)mn) <ADDR>", "ab cd ef gh ij kl mn" },
        { "^(?<name>ab(?&name)?)(?P>name)(?P=name)(?1)(?+1)?(x)(?-1) <ADDR>", "ab" },
        { "^(*pla:ab)(*negative_lookahead:cd)(*atomic:ef) <ADDR>", "ab cd ef" },
        { "^ab(*MARK:name)cd(*:other)(*COMMIT)ef(*THEN:no) <ADDR>", "ab cd ef" },
        { "(*LIMIT_MATCH=100)^ab <ADDR>", "ab" },
        { "(?x)^ ab # no words\n        cd <ADDR>", "ab cd" },
        { "^ab # is text <ADDR>", "ab is text" },
        { "^web|mail <ADDR>|<ADDR> \\d", "mail web" },
        /* tags */
        { "^<ADDR> <IP4> <IP6> <SUBNET> to <HOST>", "to" },
        { "^from<ADDR>port", "from port" },
        /* letters beyond ASCII */
        { "^gr\xc3\xbc\xc3\x9f dich mu\xcc\x88" "de <ADDR>", "dich" },
};

static void test_patterns(void)
{
        char pattern[256];

        for (size_t i = 0; i < sizeof PATTERNS / sizeof *PATTERNS; i++)
                expect(PATTERNS[i][0], PATTERNS[i][1]);
        expect("^<ADDR> \\QFailed (x): [ab]c <ADDR> \\d", "ab addr failed"); /* \Q without \E; a tag in it is text */
        /* The longest word, and one that is longer. */
        snprintf(pattern, sizeof pattern, "^%.64s <ADDR>", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
        expect(pattern, "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd");
        snprintf(pattern, sizeof pattern, "^%.65s <ADDR>", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
        expect(pattern, "");
}

static bool knows(const Filter *filter, const char *word)
{
        return filter_knows_word(filter, word, strlen(word));
}

/* All modes, all branches, prefix and rules; not what is beside them. */
static void test_whole(void)
{
        _cleanup_(filter_freep) Filter *filter =
                load("name: named\ndescription: described\nident: idented\nprefix: '^prefixed '\nignore: ['ignored <ADDR>', secret]\nparams: {choice: [one, two]}\n"
                     "modes:\n  normal: [{id: ruled, regex: '^Used\\.twice <ADDR>'}, {id: b, regex: '^branched <ADDR>', when: {choice: two}}]\n"
                     "  other: [{include: normal}, {id: c, regex: '^other used <ADDR>'}, {id: d, kind: helper, regex: '^helped'}]\n"
                     "tests: [{line: 'tested', match: false}]\n");

        check_text(words_of(filter), "branched helped other prefixed twice used");
        check(knows(filter, "USED") && knows(filter, "Used"));
        check(!knows(filter, "") && !knows(filter, "u") && !knows(filter, "use") && !knows(filter, "useds") && !knows(filter, "used ") && !knows(filter, "used1"));
        check(filter_knows_word(filter, "used twice", 4) && !filter_knows_word(filter, "used twice", 10) && !filter_knows_word(filter, "used\0x", 6));
        check(!knows(filter, "u\xc3\xa4") && !filter_knows_word(filter, "", 0));
}

static void put_file(const char *directory, const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", directory, name);
        check_int(text_write_file(path, text, strlen(text), 0600), 0);
}

/* Each key of `report:` is inherited on its own, and the words of what is extended are known. */
static void test_extends(void)
{
        char directory[] = "/tmp/test-words-XXXXXX", command[64];
        check(mkdtemp(directory));
        const char *directories[] = { directory, NULL };
        Filter *filter;
        Problem problem;

        put_file(directory, "base.yaml", "name: base\nident: b\nreport: {abuseipdb: [22, 18], tags: [ssh, brute-force]}\nprefix: '^prefixed '\n"
                                         "modes: {normal: [{id: a, regex: '^based <ADDR>'}, {id: gone, regex: '^dropped <ADDR>'}]}\n");
        put_file(directory, "bare.yaml", "name: bare\nextends: base\nmodes: {normal: [{id: n, regex: '^new <ADDR>'}]}\ndrop: [gone]\n");
        put_file(directory, "own.yaml", "name: own\nextends: base\nreport: {abuseipdb: 5}\nprefix: '^instead '\n");
        check_int(filter_load("bare", NULL, "j", directories, &filter, &problem), 0);
        check_text(filter_info(filter)->categories, "22,18");
        check_int(filter_info(filter)->n_tags, 2);
        check_text(filter_info(filter)->tags[0], "ssh");
        check_text(filter_info(filter)->tags[1], "brute-force");
        check_text(words_of(filter), "based dropped new prefixed");
        filter_free(filter);
        check_int(filter_load("own", NULL, "j", directories, &filter, &problem), 0);
        check_text(filter_info(filter)->categories, "5");
        check_int(filter_info(filter)->n_tags, 2);
        check_text(words_of(filter), "based dropped instead");
        filter_free(filter);
        snprintf(command, sizeof command, "rm -r %s", directory);
        check_int(system(command), 0);
}

static void test_report(void)
{
        static const struct {
                const char *report, *categories;
                size_t n_tags;
        } good[] = {
                { "", NULL, 0 },
                { "report: {}\n", NULL, 0 },
                { "report: {tags: x}\n", NULL, 1 },
                { "report: {abuseipdb: 18, tags: [x, y-z, a.b]}\n", "18", 3 },
                { "report: {abuseipdb: [1, 23, 018]}\n", "1,23,18", 0 },
                { "report: {abuseipdb: [23,22,21,20,19,18,17,16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1]}\n", "23,22,21,20,19,18,17,16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1", 0 },
                { "report: {tags: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p]}\n", NULL, 16 },
        };
        static const char *const wrong[][2] = {
                { "report: true\n", "t.yaml:3:9: report: must be a map" },
                { "report: {abuseip: 18}\n", "unknown key \"abuseip\"; did you mean \"abuseipdb\"?" },
                { "report: {abuseipdb: 0}\n", "t.yaml:3:21: abuseipdb: must be a whole number from 1 to 23" },
                { "report: {abuseipdb: [18, 24]}\n", "t.yaml:3:26: must be a whole number from 1 to 23" },
                { "report: {abuseipdb: []}\n", "t.yaml:3:21: abuseipdb: is an empty list; leave the key out" },
                { "report: {abuseipdb: [18, 22, 18]}\n", "t.yaml:3:30: 18 stands here twice; keep one" },
                { "report: {abuseipdb: [18, 018]}\n", "t.yaml:3:26: 018 stands here twice; keep one" },
                { "report: {tags: ['#x']}\n", "t.yaml:3:17: must be one word of letters, digits" },
                { "report: {tags: [a b]}\n", "must be one word of letters, digits" },
                { "report: {tags: {a: b}}\n", "must be one word" },
                { "report: {tags: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]}\n", "t.yaml:3:16: tags: more than 16 tags" },
        };
        char yaml[512];

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                snprintf(yaml, sizeof yaml, "name: t\nident: t\n%smodes: {normal: []}\n", good[i].report);
                _cleanup_(filter_freep) Filter *filter = load(yaml);
                const FilterInfo *info = filter_info(filter);

                check(!info->categories == !good[i].categories);
                if (good[i].categories)
                        check_text(info->categories, good[i].categories);
                check_int(info->n_tags, good[i].n_tags);
                check_int(filter->words.n, 0);
                check(!knows(filter, "any"));
        }
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                Filter *filter;
                Problem problem = { "" };

                snprintf(yaml, sizeof yaml, "name: t\nident: t\n%smodes: {normal: []}\n", wrong[i][0]);
                check_int(filter_load_memory("t.yaml", yaml, strlen(yaml), NULL, "j", &filter, &problem), -EINVAL);
                check_contains(problem.text, wrong[i][1]);
        }
}

/* ---- the shipped filters ---- */

/* Whether a text stands in a pattern of the file, in any case: what filter_knows_word() must not claim without. */
static bool stands_in_pattern(const YamlNode *root, const char *word)
{
        const YamlNode *prefix = yaml_get(root, "prefix"), *modes = yaml_get(root, "modes");

        if (prefix && strcasestr(prefix->text, word))
                return true;
        for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next)
                for (const YamlNode *rule = mode->children; rule; rule = rule->next) {
                        const YamlNode *regex = yaml_get(rule, "regex");
                        if (regex && strcasestr(regex->text, word))
                                return true;
                }
        return false;
}

/* Runs of letters in a user's name. Return: how many of them are known. */
static unsigned check_user(const Filter *filter, const YamlNode *root, const char *user)
{
        unsigned known = 0;

        for (size_t size; *user; user += size) {
                char word[128];

                size = 1;
                if (!isalpha((unsigned char) *user))
                        continue;
                while (isalpha((unsigned char) user[size]))
                        size++;
                snprintf(word, sizeof word, "%.*s", (int) size, user);
                if (!filter_knows_word(filter, user, size))
                        continue;
                known++;
                if (!stands_in_pattern(root, word))
                        fprintf(stderr, "%s is known, and in no pattern\n", word);
                check(stands_in_pattern(root, word));
        }
        return known;
}

/* The accounts in a filter's tests: those that are known stand in a pattern. */
static void check_users(const Filter *filter, const char *path)
{
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        unsigned n = 0, n_known = 0;
        Problem problem;

        check_int(yaml_read_file(path, &document, &problem), 0);
        for (const YamlNode *test = yaml_get(document->root, "tests")->children; test; test = test->next) {
                const YamlNode *match = yaml_get(test, "match"), *user = match && match->kind == YAML_MAP ? yaml_get(match, "user") : NULL;

                if (!user)
                        continue;
                n++;
                n_known += check_user(filter, document->root, user->text) > 0;
        }
        printf("%s: %zu words, %u of %u users known\n", filter_info(filter)->name, filter->words.n, n_known, n);
        check(n == 0 || n_known < n);
}

static void test_shipped(const char *root)
{
        static const struct {
                const char *name, *categories, *known, *unknown;
        } filters[] = {
                { "sshd", "18,22", "failed password for invalid user from port ssh preauth authentication failure accepted publickey closed by root keyboard interactive pam",
                  "admin anna oracle hunter backup ruser2 hostname example www localhost" },
                { "postfix", "11,18", "warning sasl authentication failed reject recipient address rejected relay access denied unknown lost connection after connect",
                  "info example postmaster localhost webmaster" },
                { "dovecot", "18", "auth failed password mismatch unknown user rip lip method", "admin webmaster example localhost" },
                { "nginx-http-auth", "18,21", "user password mismatch client server was not found in", "admin example www index html localhost" },
                { "nginx-botsearch", "21,15", "client server failed such file phpmyadmin", "example www index secret" },
                { "nginx-bad-request", "21", "nginx", "example www index secret" },
                { "nginx-limit-req", "4,21", "limiting requests request excess by zone client server", "example www index secret" },
                { "nginx-forbidden", "21", "access forbidden by rule client server", "example www index secret" },
        };
        char path[PATH_MAX];

        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
                _cleanup_(filter_freep) Filter *filter = NULL;
                Problem problem;

                snprintf(path, sizeof path, "%s/filters/%s.yaml", root, filters[i].name);
                check_int(filter_load(path, NULL, "j", NULL, &filter, &problem), 0);
                check_text(filter_info(filter)->categories, filters[i].categories);
                check(filter_info(filter)->n_tags > 0);
                for (int want = 1; want >= 0; want--)
                        for (const char *p = want ? filters[i].known : filters[i].unknown; *p; p += strspn(p, " ")) {
                                size_t size = strcspn(p, " ");

                                if (filter_knows_word(filter, p, size) != want)
                                        fprintf(stderr, "%s: %.*s\n", filters[i].name, (int) size, p);
                                check(filter_knows_word(filter, p, size) == want);
                                p += size;
                        }
                for (size_t k = 0; k < filter->words.n; k++) /* and nothing that is a part of the syntax */
                        check(strspn(filter->words.sorted[k], "abcdefghijklmnopqrstuvwxyz") == strlen(filter->words.sorted[k]) && strlen(filter->words.sorted[k]) > 1);
                check_users(filter, path);
        }
}

int main(int argc, char *argv[])
{
        const char *root = getenv("SOURCE_ROOT");

        if (argc == 2) { /* test-filter-words FILE: its words */
                Filter *filter;
                Problem problem;

                check_int(filter_load(argv[1], NULL, "j", NULL, &filter, &problem), 0);
                puts(words_of(filter));
                filter_free(filter);
                return 0;
        }
        check(root);
        test_patterns();
        test_whole();
        test_extends();
        test_report();
        test_shipped(root);
        return 0;
}
