/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Secrets in log lines: nothing of them is shown.
 *
 * First the rules one by one, on lines with the words that stand beside them. Then a corpus: the test lines of every
 * shipped filter, and Fail2Ban's samples where they are at hand, redacted with the words that the filter's patterns have. At
 * every place of a line where something stands that the filter does not know, and behind every blank and mark, secrets of
 * each kind are planted, one at a time. Then no four characters of the secret may be shown that the line did not have
 * before; what is shown of the line besides must be what is shown without the secret; and every word that is shown must
 * be the filter's, or the reported address. At last lines of random pieces.
 *
 * Usage: test-report-redact [SEED]
 */

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <strings.h>
#include <time.h>

#include "filter.h"
#include "report.h"
#include "samples.h"
#include "test.h"
#include "util/yaml.h"

#define TEXT_MAX 8192
#define SECRET_MAX 256
#define WINDOW 4 /* characters of a secret that make a part of it */
#define RANDOM_LINES 30000

static const char *const ATTACKERS[] = { "203.0.113.5", "3fff::1", "2001:db8:0:1::c0de" };

/* ---- what knows words ---- */

static bool knows(void *userdata, const char *word, size_t size)
{
        const char *words = userdata;

        for (const char *p = words; *p; p += strcspn(p, " "), p += strspn(p, " "))
                if (strcspn(p, " ") == size && strncasecmp(p, word, size) == 0)
                        return true;
        return false;
}

static bool filter_knows(void *userdata, const char *word, size_t size)
{
        return filter_knows_word(userdata, word, size);
}

/**
 * Who judges the lines: whose words are shown, and whose address.
 */
typedef struct Judge {
        ReportKnowsWord knows_word;
        void *userdata;
        Addr addr;
} Judge;

static Addr address(const char *text)
{
        Addr addr;

        check_int(addr_parse(text, strlen(text), &addr), 0);
        return addr;
}

static void redact(const Judge *judge, const char *line, char out[static TEXT_MAX])
{
        report_redact(line, &judge->addr, judge->knows_word, judge->userdata, out, TEXT_MAX);
}

/* ---- the rules ---- */

static void test_rules(void)
{
        static const char words[] = "Failed password for invalid user from port keyboard interactive pam rhost auth mail login word rip a an GET ROOT";
        static const struct {
                const char *line, *shown;
        } rows[] = {
                { "Failed password for invalid user hunter2 from 203.0.113.5 port 56502 ssh2",
                  "Failed password for invalid user * from 203.0.113.5 port *" },
                { "FAILED Password for rooT from 203.0.113.5", "FAILED Password for rooT from 203.0.113.5" },
                { "", "" },
                { " \t ", "" },
                { "  Failed \t for\x01 user\r\n", "Failed for user" },
                { "a1 b2  c3 -- ## ()", "*" },
                { "user a1 b2  c3 -- ## () port", "user * port" },
                /* words that belong together */
                { "Failed keyboard-interactive/pam for x", "Failed keyboard-interactive/pam for *" },
                { "keyboard-x user@login login@ -user user- user_login user__login user.", "* user_login * user." },
                { "users xuser user1 1user u user", "* user" },
                { "user.port.example user/pam/../x9 %user user%20port", "*" },
                { "an a an", "an * an" },
                /* marks */
                { "user=<alice>, rip=203.0.113.5, lip=192.0.2.10, (auth), [port]:", "user=<*>, rip=203.0.113.5, * (auth), [port]:" },
                { "auth(alice,203.0.113.5,<kQaN1vpgb9>): Failed", "auth(*,203.0.113.5,<*): Failed" },
                { "user=((((( ))))) user=[[[[x]]]] (((((user", "user=( * user=[*]] ((user" },
                { "pam(x,user,auth):", "pam(*):" },
                { "(x9:user): <a>: user", "* user" },
                { "user's didn't", "user'*" },
                { "\"user\" 'user' \"GET /user HTTP/1.1\" \"-\"", "\"user\" 'user' \"GET *" },
                { "user. user.. .user user., user.)x user.\"x", "user. * user., user.)* user.\"*" },
                /* what is behind something hidden is somebody's text */
                { "https://user:password@mail/?user=port&password=login", "*" },
                { "user=x&password=login;user=a", "user=*" },
                { "user:x:user:203.0.113.5:user", "user:*:203.0.113.5:*" },
                /* other alphabets, and what is no UTF-8 */
                { "user \xce\xb1\xce\xb2 password", "user * password" },
                { "user\xce\xb1 \xce\xb1user user\xc2\xa0port user\xe2\x80\x93port user\xff", "*" },
                { "user \\xce\\xb1 port\\\\user", "user *" },
                { "\xd0\xb0\xd0\xb4\xd0\xbc\xd0\xb8\xd0\xbd for", "* for" },
                /* the reported address, and what only looks like it */
                { "203.0.113.5", "203.0.113.5" },
                { "[203.0.113.5]:25 203.0.113.5:443 203.0.113.5: 203.0.113.5. (203.0.113.5)", "[203.0.113.5]:* 203.0.113.5:* 203.0.113.5: 203.0.113.5. (203.0.113.5)" },
                { "::ffff:203.0.113.5 ::FFFF:CB00:7105 0:0:0:0:0:ffff:203.0.113.5", "::ffff:203.0.113.5 ::FFFF:CB00:7105 0:0:0:0:0:ffff:203.0.113.5" },
                { "rhost=::ffff:203.0.113.5 rip:::ffff:203.0.113.5", "rhost=::ffff:203.0.113.5 rip:::ffff:203.0.113.5" },
                { "host203.0.113.5.example", "*" },
                { "203.0.113.5.example 203.0.113.5-static x203.0.113.5 203.0.113.5x 203.0.113.50 1203.0.113.5", "*" },
                { "203.0.113.5/24 203.0.113.5%eth0 user@203.0.113.5 203.0.113.5@user 203.0.113.5\xc3\xa9 203.0.113.05", "*" },
                { "203-0-113-5.isp.example 203.0.113.5.6 5.203.0.113.5 0xcb007105 3405803781", "*" },
                { "198.51.100.7 2001:db8::7 ::1 fe80::1%eth0 64:ff9b::203.0.113.5 2001:db8::203.0.113.5", "*" },
        };
        Judge judge = { knows, (void *) words, address("203.0.113.5") };
        char out[TEXT_MAX];

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                redact(&judge, rows[i].line, out);
                check_text(out, rows[i].shown);
        }
        judge.addr = address("2001:db8::17");
        redact(&judge, "from 2001:DB8::17 port [2001:db8:0:0::0017]:25 rip=2001:db8::17, user 2001:db8::17:", out);
        check_text(out, "from 2001:DB8::17 port [2001:db8:0:0::0017]:* rip=2001:db8::17, user 2001:db8::17:");
        redact(&judge, "2001:db8::171 12001:db8::17 1:2001:db8::17 2001:db8::17%eth0 db8::17 2001:db8::17/64 2001:db8::17:25", out);
        check_text(out, "*");
        judge.knows_word = NULL;
        redact(&judge, "from 2001:db8::17", out);
        check_text(out, "");
}

/* However small the buffer, there is the beginning of the same text, cut between two words. */
static void test_buffers(void)
{
        static const char line[] = "Failed password for (x9), from 203.0.113.5 port 22 user=<y>";
        static const char shown[] = "Failed password for * from 203.0.113.5 port * user=<*>";
        const size_t from = (size_t) (strstr(shown, "203") - shown), behind = (size_t) (strstr(shown, " port") - shown);
        Addr addr = address("203.0.113.5");

        for (size_t size = 1; size <= sizeof shown + 2; size++) {
                char *buffer = malloc(size);

                check(buffer);
                report_redact(line, &addr, knows, (void *) "Failed password for from port user", buffer, size);
                check(strlen(buffer) < size && strncmp(buffer, shown, strlen(buffer)) == 0);
                size_t used = strlen(buffer);
                check(used == 0 || !isalnum((unsigned char) buffer[used - 1]) || !isalnum((unsigned char) shown[used]));
                check(used <= from || used >= behind);
                if (size >= sizeof shown)
                        check_text(buffer, shown);
                free(buffer);
        }
}

/* ---- what must hold of every line ---- */

static uint64_t seed, state;

static unsigned below(unsigned n)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned) ((state >> 11) % n);
}

static void fail(const char *what, const char *line, const char *secret, const char *out)
{
        fprintf(stderr, "%s, seed %llu\n  line:   %s\n  secret: %s\n  shown:  %s\n", what, (unsigned long long) seed, line, secret, out);
        abort();
}

/* Each word that is shown is known or the reported address, and all is printable ASCII. */
static void check_shown(const Judge *judge, const char *line, const char *secret, const char *out)
{
        size_t size = strlen(out);

        for (size_t i = 0, n; i < size; i += n) {
                Addr addr;

                n = 1;
                for (size_t length = strspn(out + i, "0123456789abcdefABCDEF:."); length >= 2; length--)
                        if (addr_parse(out + i, length, &addr) == 0 && addr_equal(&addr, &judge->addr)) {
                                n = length;
                                break;
                        }
                if (n > 1)
                        continue;
                if ((unsigned char) out[i] < 0x20 || (unsigned char) out[i] > 0x7e)
                        fail("something unprintable is shown", line, secret, out);
                while (i + n < size && isalnum((unsigned char) out[i]) && isalnum((unsigned char) out[i + n]))
                        n++;
                if (isalnum((unsigned char) out[i]) && !judge->knows_word(judge->userdata, out + i, n))
                        fail("a word is shown that is not known", line, secret, out);
        }
        if (size > strlen(line))
                fail("the text has grown", line, secret, out);
}

/* ---- secrets ---- */

static const char LOWER[] = "abcdefghijklmnopqrstuvwxyz", ALNUM[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                  BASE64[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", HEX[] = "0123456789abcdef",
                  TYPED[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&*+-./:;<=>?@[]^_{|}~()'\",\\";

/* Nothing of a secret is in @out but what @before, the line without it, has itself. */
static void check_hidden(const char *before, const char *line, const char *secret, const char *out)
{
        char part[WINDOW + 1] = "";

        if (strstr(out, secret) && !strstr(before, secret))
                fail("the secret is shown", line, secret, out);
        for (const char *p = secret; strlen(p) >= WINDOW; p++) {
                memcpy(part, p, WINDOW);
                /* Marks alone tell nothing, and what is hidden leaves a star among them. */
                if (!strpbrk(part, ALNUM))
                        continue;
                if (strstr(out, part) && !strstr(before, part))
                        fail("a part of the secret is shown", line, secret, out);
        }
}

/*
 * Kinds of secrets: %L seven to twelve small letters, %A letters and digits, %B base64, %X eight hexadecimal digits, %D a number, %H 1..ffff,
 * %P what may be typed as a password, begun by a letter and a digit (one that begins with a known word and a mark is shown so far).
 */
static const char *const KINDS[] = {
        "%L",                                           /* user names */
        "%L.%L",
        "%L_%D",
        "%L %L",                                        /* a name with a blank; a passphrase */
        "%L%D %A %P",
        "%L.%L.example",                                /* host names */
        "mail-%D.%L.example.net",
        "10.%D.%D.%D",                                  /* own addresses */
        "::ffff:10.%D.%D.%D",
        "2001:db8:%H:%H::%H",
        "fd%H::%H:%H:%H",
        "fe80::%H:%H%%%L",
        "%L@%L.example",                                /* mail */
        "<%L+%L@%L.example>",
        "https://%L:%A@%L.example/%L/?user=%L&password=%A&session=%X#%L",
        "/%L/%L.php?id=%D&token=%A",
        "/home/%L/.ssh/%L",
        "%A%A",                                         /* session ids */
        "%X-%X-%X",
        "SHA256:%B%B%B%B",                              /* keys */
        "%X:%X:%X",
        "%A.%D",                                        /* an IMAP tag */
        "sid=%A; path=/%L; csrf=%B",                    /* a cookie; its names are no words of a filter, which are shown */
        "%P",                                           /* a password in the wrong field */
        "%B%B%B==",
        "\xce\xba\xce\xb1%L\xce\xbb\xce\xb7",           /* letters of other alphabets */
        "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c",
        "\\xd0\\xbf\\x%X",
        "%L-203.0.113.5.%L.example",                    /* names made of the address */
        "203-0-113-5.%L.example",
        "x203.0.113.5%L",
};

#define N_KINDS (sizeof KINDS / sizeof *KINDS)

static size_t draw(char *out, const char *from, unsigned least, unsigned more)
{
        size_t n = least + below(more + 1);

        for (size_t i = 0; i < n; i++)
                out[i] = from[below((unsigned) strlen(from))];
        return n;
}

static void make_secret(size_t kind, char out[static SECRET_MAX])
{
        size_t used = 0;

        for (const char *p = KINDS[kind]; *p; p++) {
                char *to = out + used;

                if (*p != '%') {
                        out[used++] = *p;
                        continue;
                }
                switch (*++p) {
                case 'L': used += draw(to, LOWER, 7, 5); break;
                case 'A': used += draw(to, ALNUM, 12, 4); break;
                case 'B': used += draw(to, BASE64, 9, 3); break;
                case 'X': used += draw(to, HEX, 8, 0); break;
                case 'D': used += (size_t) sprintf(to, "%u", 1 + below(254)); break;
                case 'H': used += (size_t) sprintf(to, "%x", 1 + below(255)); break;
                case 'P': used += (size_t) sprintf(to, "z%u", below(10)), used += draw(out + used, TYPED, 8, 8); break;
                default: out[used++] = *p; break;
                }
                check(used < SECRET_MAX - 20);
        }
        out[used] = '\0';
}

/* ---- a corpus with planted secrets ---- */

static unsigned n_lines, n_planted;

static bool begins_with(const char *text, const char *beginning)
{
        return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
        return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* A secret of each kind instead of @size bytes at @at; the rest of the line is shown as it is without them. */
static void plant(const Judge *judge, const char *line, size_t at, size_t size, const char *behind)
{
        char planted[TEXT_MAX], out[TEXT_MAX], piece[TEXT_MAX], head[TEXT_MAX], tail[TEXT_MAX], secret[SECRET_MAX];
        size_t from = at, to = at + size + (*behind ? 0 : strcspn(line + at + size, " "));

        while (from > 0 && line[from - 1] != ' ')
                from--;
        snprintf(piece, sizeof piece, "%.*s", (int) from, line);
        redact(judge, piece, head);
        redact(judge, line + to, tail);
        for (size_t kind = 0; kind < N_KINDS; kind++) {
                make_secret(kind, secret);
                snprintf(planted, sizeof planted, "%.*s%s%s%s", (int) at, line, secret, behind, line + at + size);
                redact(judge, planted, out);
                check_hidden(line, planted, secret, out);
                check_shown(judge, planted, secret, out);
                if (!begins_with(out, head) || !ends_with(out, tail))
                        fail("a secret changes what is shown of the rest", planted, secret, out);
                n_planted++;
        }
}

static bool is_between(char c)
{
        return strchr(" ()[]<>{}:;,=\"'", c) != NULL;
}

/* Every place where something stands that is not known, and behind each blank and mark. */
static void plant_everywhere(const Judge *judge, const char *line)
{
        for (size_t i = 0, size; line[i]; i += size) {
                size = 1;
                if (is_between(line[i])) {
                        plant(judge, line, i + 1, 0, "");
                        if (line[i] == ' ')
                                plant(judge, line, i + 1, 0, " ");
                        continue;
                }
                while (line[i + size] && !is_between(line[i + size]))
                        size++;
                if (!judge->knows_word(judge->userdata, line + i, size))
                        plant(judge, line, i, size, "");
        }
}

static void take_line(Filter *filter, const char *line, const char *ip)
{
        Judge judge = { filter_knows, filter, address(ATTACKERS[0]) };
        char out[TEXT_MAX];

        if (strlen(line) > 2000)
                return;
        if (ip && addr_parse(ip, strlen(ip), &judge.addr) < 0)
                return;
        redact(&judge, line, out);
        check_shown(&judge, line, "", out);
        plant_everywhere(&judge, line);
        n_lines++;
}

static Filter *load(const char *name)
{
        const char *root = getenv("SOURCE_ROOT");
        char path[PATH_MAX];
        Filter *filter;
        Problem problem;

        snprintf(path, sizeof path, "%s/filters/%s", root ? root : ".", name);
        if (filter_load(path, NULL, "test", NULL, &filter, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        return filter;
}

/* What the essay in redact.c says of the shipped filters. */
static void test_essay(void)
{
        static const struct {
                const char *filter, *line, *shown;
        } rows[] = {
                { "sshd.yaml", "Failed password for invalid user hunter2 from 203.0.113.5 port 56502 ssh2",
                  "Failed password for invalid user * from 203.0.113.5 port *" },
                { "sshd.yaml", "Invalid user root from 203.0.113.5 port 1", "Invalid user root from 203.0.113.5 port *" },
                { "dovecot.yaml", "imap-login: Login: user=<password>, rip=203.0.113.5, lip=10.0.0.1", "imap-login: Login: user=<password>, rip=203.0.113.5, lip=*" },
                { "dovecot.yaml", "user=<imap.login>, user=<user:x9>", "user=<imap.login>, user=<user:*>" },
        };
        char out[TEXT_MAX];

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                _cleanup_(filter_freep) Filter *filter = load(rows[i].filter);
                Judge judge = { filter_knows, filter, address(ATTACKERS[0]) };

                redact(&judge, rows[i].line, out);
                check_text(out, rows[i].shown);
        }
}

/* The lines that each filter is tested with. */
static void test_filters(void)
{
        const char *root = getenv("SOURCE_ROOT");
        char path[PATH_MAX];
        unsigned n_filters = 0;

        snprintf(path, sizeof path, "%s/filters", root ? root : ".");
        DIR *dir = opendir(path);
        check(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
                _cleanup_(filter_freep) Filter *filter = NULL;

                if (!strstr(entry->d_name, ".yaml"))
                        continue;
                filter = load(entry->d_name);
                check_int(yaml_read_file(filter_file(filter, 0), &document, NULL), 0);
                const YamlNode *tests = yaml_get(document->root, "tests");
                for (const YamlNode *test = tests ? tests->children : NULL; test; test = test->next) {
                        const YamlNode *match = yaml_get(test, "match");
                        const YamlNode *ip = match && match->kind == YAML_MAP ? yaml_get(match, "ip") : NULL;

                        take_line(filter, yaml_get(test, "line")->text, ip ? ip->text : NULL);
                }
                n_filters++;
        }
        closedir(dir);
        check(n_filters >= 8 && n_lines >= 200);
        printf("%u filters: %u lines, %u secrets planted, none shown\n", n_filters, n_lines, n_planted);
}

/* Fail2Ban's samples, of which each tenth is taken: they are many, and much alike. */
static void test_samples(void)
{
        static const char *const samples[] = { "sshd", "postfix", "dovecot", "nginx-http-auth", "nginx-limit-req", "nginx-botsearch", "nginx-forbidden" };

        n_lines = n_planted = 0;
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
                _cleanup_fclose_ FILE *file = sample_open(samples[i]);
                _cleanup_(filter_freep) Filter *filter = NULL;
                char line[TEXT_MAX], name[64], host[64] = "";
                unsigned nth = 0;

                if (!file)
                        continue;
                snprintf(name, sizeof name, "%s.yaml", samples[i]);
                filter = load(name);
                while (fgets(line, sizeof line, file)) {
                        const char *given = strstr(line, "\"host\": \"");

                        line[strcspn(line, "\n")] = '\0';
                        if (line[0] == '#')
                                snprintf(host, sizeof host, "%.*s", given ? (int) strcspn(given + 9, "\"") : 0, given ? given + 9 : "");
                        else if (line[0] && nth++ % 10 == 0)
                                take_line(filter, line, *host ? host : NULL);
                }
        }
        if (n_lines == 0)
                printf("no log samples at hand: the filters' own lines only\n");
        else
                printf("samples: %u lines, %u secrets planted, none shown\n", n_lines, n_planted);
}

/* ---- random lines ---- */

static size_t random_piece(const char *attacker, char *to)
{
        static const char *const known[] = { "user", "PASSWORD", "from", "Failed", "keyboard-interactive/pam", "rhost=", "port" };
        char secret[SECRET_MAX];

        switch (below(7)) {
        case 0: return (size_t) sprintf(to, "%s", known[below(sizeof known / sizeof *known)]);
        case 1: return (size_t) sprintf(to, "%s", attacker);
        case 2: make_secret(below(N_KINDS), secret); return (size_t) sprintf(to, "%s", secret);
        case 3: return draw(to, "()[]<>{}:;,=\"'. ", 1, 4);
        case 4: return draw(to, TYPED, 1, 6);
        case 5: to[0] = (char) (1 + below(255)); return 1;
        default: to[0] = ' '; return 1;
        }
}

static void test_random(void)
{
        static const char words[] = "user password from failed keyboard interactive pam rhost port";

        for (unsigned i = 0; i < RANDOM_LINES; i++) {
                const char *attacker = ATTACKERS[i % 3];
                Judge judge = { knows, (void *) words, address(attacker) };
                char line[TEXT_MAX], out[TEXT_MAX], cut[TEXT_MAX];
                size_t used = 0, size;

                for (unsigned n = below(14); n > 0; n--)
                        used += random_piece(attacker, line + used);
                line[used] = '\0';
                redact(&judge, line, out);
                check_shown(&judge, line, "", out);
                size = 1 + below((unsigned) strlen(out) + 1);
                report_redact(line, &judge.addr, knows, (void *) words, cut, size);
                if (strlen(cut) >= size || !begins_with(out, cut))
                        fail("a smaller buffer takes something else", line, "", cut);
        }
        printf("%u random lines\n", RANDOM_LINES);
}

int main(int argc, char **argv)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t) now.tv_nsec * 4294967291u + (uint64_t) now.tv_sec;
        state = seed ? seed : 1;
        printf("seed %llu\n", (unsigned long long) seed);
        test_rules();
        test_buffers();
        test_essay();
        test_filters();
        test_samples();
        test_random();
        return EXIT_SUCCESS;
}
