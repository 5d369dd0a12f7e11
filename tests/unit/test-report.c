/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What is told to the public, and of whom: addresses at every boundary, templates and their errors, and cuts. What is
 * hidden of log lines is test-report-redact's.
 */

#include <errno.h>
#include <strings.h>

#include "pipeline.h"
#include "report.h"
#include "test.h"
#include "util/text.h"

static Addr single(const char *text)
{
        Addr addr;

        check_int(addr_parse(text, strlen(text), &addr), 0);
        return addr;
}

/* ---- addresses ---- */

typedef enum Sort {
        PUBLIC,
        SPECIAL,
        DOCUMENTATION,
} Sort;

/* Ends of blocks, ascending: each address up to and with the named one is of this sort. */
static const struct {
        const char *last;
        Sort sort;
} ends[] = {
        { "0.255.255.255", SPECIAL },
        { "9.255.255.255", PUBLIC },
        { "10.255.255.255", SPECIAL },
        { "100.63.255.255", PUBLIC },
        { "100.127.255.255", SPECIAL },
        { "126.255.255.255", PUBLIC },
        { "127.255.255.255", SPECIAL },
        { "169.253.255.255", PUBLIC },
        { "169.254.255.255", SPECIAL },
        { "172.15.255.255", PUBLIC },
        { "172.31.255.255", SPECIAL },
        { "191.255.255.255", PUBLIC },
        { "192.0.0.255", SPECIAL },
        { "192.0.1.255", PUBLIC },
        { "192.0.2.255", DOCUMENTATION },
        { "192.31.195.255", PUBLIC },
        { "192.31.196.255", SPECIAL },
        { "192.52.192.255", PUBLIC },
        { "192.52.193.255", SPECIAL },
        { "192.88.98.255", PUBLIC },
        { "192.88.99.255", SPECIAL },
        { "192.167.255.255", PUBLIC },
        { "192.168.255.255", SPECIAL },
        { "192.175.47.255", PUBLIC },
        { "192.175.48.255", SPECIAL },
        { "198.17.255.255", PUBLIC },
        { "198.19.255.255", SPECIAL },
        { "198.51.99.255", PUBLIC },
        { "198.51.100.255", DOCUMENTATION },
        { "203.0.112.255", PUBLIC },
        { "203.0.113.255", DOCUMENTATION },
        { "223.255.255.255", PUBLIC },
        { "255.255.255.255", SPECIAL },
        { "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SPECIAL },
        { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC },
        { "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", SPECIAL },
        { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC },
        { "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", DOCUMENTATION },
        { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC },
        { "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SPECIAL },
        { "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", PUBLIC },
        { "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", SPECIAL },
        { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC },
        { "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", DOCUMENTATION },
        { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SPECIAL },
};

static Addr next_addr(const Addr *addr)
{
        Addr next = *addr;

        for (size_t i = addr->family == 4 ? 4 : 16; i-- > 0 && ++next.bytes[i] == 0;)
                ;
        return next;
}

static void check_sort(const Addr *addr, Sort sort)
{
        char text[ADDR_TEXT_MAX];

        if (report_addr_is_public(addr) != (sort == PUBLIC) || report_addr_is_documentation(addr) != (sort == DOCUMENTATION)) {
                fprintf(stderr, "%s: public %d, documentation %d\n", addr_format(addr, text), report_addr_is_public(addr),
                        report_addr_is_documentation(addr));
                abort();
        }
}

/* The last address of each block, and the first of the one behind it. */
static void test_boundaries(void)
{
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
                Addr last = single(ends[i].last), first = next_addr(&last);

                check_sort(&last, ends[i].sort);
                if (i + 1 < sizeof ends / sizeof *ends && single(ends[i + 1].last).family == last.family)
                        check_sort(&first, ends[i + 1].sort);
        }
}

static void test_single_addresses(void)
{
        static const struct {
                const char *addr;
                Sort sort;
        } rows[] = {
                { "0.0.0.0", SPECIAL },           { "1.1.1.1", PUBLIC },           { "8.8.8.8", PUBLIC },
                { "127.0.0.1", SPECIAL },         { "192.0.0.9", SPECIAL },        { "192.0.0.170", SPECIAL },
                { "192.88.99.2", SPECIAL },       { "224.0.0.1", SPECIAL },        { "240.0.0.1", SPECIAL },
                { "::", SPECIAL },                { "::1", SPECIAL },              { "::203.0.114.5", SPECIAL },
                { "64:ff9b::808:808", SPECIAL },  { "64:ff9b:1::808:808", SPECIAL }, { "100::1", SPECIAL },
                { "100:0:0:1::1", SPECIAL },      { "2001::1", SPECIAL },          { "2001:0:808:808::f7f7:f7f7", SPECIAL },
                { "2001:1::1", SPECIAL },         { "2001:2::1", SPECIAL },        { "2001:3::1", SPECIAL },
                { "2001:4:112::1", SPECIAL },     { "2001:10::1", SPECIAL },       { "2001:20::1", SPECIAL },
                { "2001:30::1", SPECIAL },        { "2001:200::1", PUBLIC },       { "2002:808:808::1", SPECIAL },
                { "2002:c0a8:101::1", SPECIAL },  { "2606:4700::1111", PUBLIC },   { "2a00:1450::1", PUBLIC },
                { "3fff::1", DOCUMENTATION },     { "4000::1", SPECIAL },          { "5f00::1", SPECIAL },
                { "fc00::1", SPECIAL },           { "fd00::1", SPECIAL },          { "fe80::1", SPECIAL },
                { "fec0::1", SPECIAL },           { "ff02::1", SPECIAL },          { "::ffff:8.8.8.8", PUBLIC },
                { "::ffff:10.0.0.1", SPECIAL },   { "::ffff:203.0.113.5", DOCUMENTATION },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                Addr addr = single(rows[i].addr);
                check_sort(&addr, rows[i].sort);
        }
}

/* A report is about one address. */
static void test_no_prefix(void)
{
        static const char *const prefixes[] = { "8.8.8.0/24", "8.8.8.8/31", "203.0.113.0/24", "2606:4700::/64", "2606:4700::/127", "2001:db8::/32",
                                                "0.0.0.0/0", "::/0", "2000::/3" };
        Addr addr, wrong[] = { ADDR_NULL, { .family = 5, .length = 32 }, { .family = 4, .length = 128, .bytes = { 8, 8, 8, 8 } } };

        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
                check_int(addr_parse_prefix(prefixes[i], &addr), 0);
                check_sort(&addr, SPECIAL);
        }
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                check_sort(&wrong[i], SPECIAL);
}

/* ---- templates ---- */

static bool knows(void *userdata, const char *word, size_t size)
{
        static const char *const words[] = { "failed", "password", "for", "from", "port", "invalid", "user" };

        (void) userdata;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strlen(words[i]) == size && strncasecmp(words[i], word, size) == 0)
                        return true;
        return false;
}

static ReportFacts facts(void)
{
        static const char *const tags[] = { "ssh", "bruteforce" };

        return (ReportFacts){
                .service = "sshd",
                .jail = "secret-jail",
                .addr = single("203.0.113.5"),
                .failures = 5,
                .first = { INT64_C(1795932955) * USEC_PER_SEC + 999999 },
                .last = { INT64_C(1795933205) * USEC_PER_SEC + 999999 },
                .ports = "22/tcp, 2222/tcp",
                .tags = tags,
                .n_tags = 2,
                .knows_word = knows,
        };
}

static void check_comment(const char *template, const ReportFacts *of, size_t max, const char *expected)
{
        char *text = report_comment(template, of, max);

        check(text);
        check_text(text, expected);
        free(text);
}

static void test_placeholders(void)
{
        static const struct {
                const char *template, *text;
        } rows[] = {
                { "Visit: https://www.example.com/", "Visit: https://www.example.com/" },
                { "{service}", "sshd" },
                { "{jail}", "secret-jail" },
                { "{failures}", "5" },
                { "{window}", "4m10s" },
                { "{ports}", "22/tcp, 2222/tcp" },
                { "{first}", "2026-11-29T06:15:55Z" },
                { "{last}", "2026-11-29T06:20:05Z" },
                { "{tags}", "#ssh #bruteforce" },
                { "{matches}", "" },
                { "{service}{service} {failures}x", "sshdsshd 5x" },
                { "{{service}} {{{service}}} }}{{", "{service} {sshd} }{" },
                { "  blanks stay \t\n", "  blanks stay \t\n" },
                { "{service}: {matches}\n", "sshd:" },
                { "Größe {service} 💥 \xe2\x80\x9cx\xe2\x80\x9d", "Größe sshd 💥 \xe2\x80\x9cx\xe2\x80\x9d" },
                { "%s %n \\n \"x\", 'y'", "%s %n \\n \"x\", 'y'" },
        };
        ReportFacts of = facts();

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                check_int(report_comment_check(rows[i].template, NULL), 0);
                check_comment(rows[i].template, &of, 1024, rows[i].text);
        }
}

static void test_values_at_their_ends(void)
{
        ReportFacts of = facts();

        of.failures = 1;
        of.first = of.last;
        of.ports = NULL;
        of.n_tags = 0;
        check_comment("{failures} {window} {ports} {tags}", &of, 1024, "1 1s all");
        of.first.usec = of.last.usec - USEC_PER_SEC + 1;
        check_comment("{window}", &of, 1024, "1s");
        of.first.usec = of.last.usec - 2 * USEC_PER_SEC;
        check_comment("{window}", &of, 1024, "2s");
        of.first.usec = of.last.usec + 5 * USEC_PER_SEC; /* lines are not always in order */
        check_comment("{window}", &of, 1024, "1s");
        of.first.usec = INT64_MIN;
        check_comment("{window} {first}", &of, 1024, "1s never");
        of.last = EVENT_TIME_FOREVER;
        of.first.usec = 0;
        of.failures = UINT32_MAX;
        check_comment("{failures} {first} {last}", &of, 1024, "4294967295 1970-01-01T00:00:00Z forever");
        of.ports = "";
        of.service = "";
        check_comment("{service} {ports}", &of, 1024, "a service all");
        /* They are printable by contract; should one not be, it does no harm. */
        of.jail = "a\x1b[1m\r\nb\xff\xc3(\xe2\x80\xae!";
        check_comment("{jail}", &of, 1024, "a[1mb(!");
}

static void test_defaults(void)
{
        const char *const defaults[] = { REPORT_COMMENT_ABUSEIPDB, REPORT_COMMENT_VIRUSTOTAL, REPORT_COMMENT_BY_HAND };
        ReportFacts of = facts();

        for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
                check_int(report_comment_check(defaults[i], NULL), 0);
                check(!report_comment_wants_lines(defaults[i]) && !strstr(defaults[i], "{jail}"));
        }
        check_comment(REPORT_COMMENT_ABUSEIPDB, &of, 1024,
                      "Failed attempts on sshd: 5 within 4m10s (2026-11-29T06:15:55Z to 2026-11-29T06:20:05Z), ports: 22/tcp, 2222/tcp");
        check_comment(REPORT_COMMENT_VIRUSTOTAL, &of, 4096,
                      "Failed attempts on sshd: 5 within 4m10s (2026-11-29T06:15:55Z to 2026-11-29T06:20:05Z), ports: 22/tcp, 2222/tcp "
                      "#ssh #bruteforce");
        of.n_tags = 0;
        of.failures = 1;
        of.first = of.last;
        of.ports = "all";
        check_comment(REPORT_COMMENT_VIRUSTOTAL, &of, 4096,
                      "Failed attempts on sshd: 1 within 1s (2026-11-29T06:20:05Z to 2026-11-29T06:20:05Z), ports: all");
        of.failures = 0;
        check_comment(REPORT_COMMENT_BY_HAND, &of, 1024,
                      "Blocked by an administrator's decision at 2026-11-29T06:20:05Z for abuse of sshd, ports: all");
}

static void test_wrong_templates(void)
{
        static const struct {
                const char *template, *problem;
        } rows[] = {
                { "{failres} attempts", "no placeholder {failres}; did you mean {failures}? There" },
                { "{Service}", "did you mean {service}?" },
                { "{ service }", "no placeholder { service }; did you mean {service}?" },
                { "{match}", "did you mean {matches}?" },
                { "{ip}", "no placeholder {ip}; there are {service} {jail} {failures} {window} {ports} {first} {last} {matches} {tags}" },
                { "{}", "no placeholder {}; there are" },
                { "{service", "'{' without its '}'" },
                { "{service {jail}", "'{' without its '}'" },
                { "{service}}", "'}' without its '{'" },
                { "service}", "'}' without its '{'" },
                { "{{{", "'{' without its '}'" },
                { "a{", "'{' without its '}'" },
                { "}", "'}' without its '{'" },
                { "{a\nb}", "no placeholder {a b}" },
                { "{0123456789012345678901234567890123456789012345678901234567890123456789}", "{0123456789012345678901234567890123456789}" },
                { "{ééééééééééééééééééééééééé}", "{éééééééééééééééééééé}" },
                { "{\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n}", "no placeholder {" },
                { "", "empty" },
                { " \n\t ", "empty" },
                { "abc\xff", "byte 4 of the comment, 0xff" },
                { "\xc3", "byte 1 of the comment, 0xc3" },
                { "\xe2\x82", "byte 1 of the comment, 0xe2" },
                { "a\rb", "byte 2 of the comment, 0x0d" },
                { "a\x1b", "byte 2 of the comment, 0x1b" },
                { "a\x7f", "byte 2 of the comment, 0x7f" },
                { "\xe2\x80\xaeturned", "byte 1 of the comment, 0xe2" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                Problem problem = { "" };

                check_int(report_comment_check(rows[i].template, &problem), -EINVAL);
                check_contains(problem.text, rows[i].problem);
                check(text_is_printable(problem.text));
        }
        check_int(report_comment_check("}", NULL), -EINVAL);
}

/* The caller has checked; if it has not, the text is sent as it stands. */
static void test_unchecked_template(void)
{
        ReportFacts of = facts();

        check_comment("{nothing} {service {jail} } {", &of, 1024, "{nothing} {service secret-jail } {");
        check_comment("a\xff\r\nb\x01", &of, 1024, "a\nb");
}

static void test_wants_lines(void)
{
        check(report_comment_wants_lines("{matches}"));
        check(report_comment_wants_lines("{nothing} { }} {service} {matches}"));
        check(!report_comment_wants_lines("{{matches}}"));
        check(!report_comment_wants_lines("{matches"));
        check(!report_comment_wants_lines("matches {service}"));
        check(!report_comment_wants_lines(""));
}

/* ---- cuts ---- */

/* At each length the text is the longest beginning that ends between two characters. */
static void test_cut_everywhere(void)
{
        static const char text[] = "aß€💥 é\tz\n\xe0\xa0\x80 \xf0\x90\x80\x80 end";
        ReportFacts of = facts();

        for (size_t max = 0; max <= sizeof text + 3; max++) {
                char expected[sizeof text];
                size_t keep = max < sizeof text - 1 ? max : sizeof text - 1;

                while (keep > 0 && ((unsigned char) text[keep] & 0xc0) == 0x80)
                        keep--;
                memcpy(expected, text, keep);
                expected[keep] = '\0';
                check_comment(text, &of, max, expected);
        }
}

/* A cut value ends there: nothing that is shorter takes its place behind it. */
static void test_cut_in_values(void)
{
        ReportFacts of = facts();

        of.service = "ßß";
        check_comment("{service}a", &of, 5, "ßßa");
        check_comment("{service}a", &of, 4, "ßß");
        check_comment("{service}a", &of, 3, "ß");
        check_comment("{service}a", &of, 1, "");
        check_comment("{service}a", &of, 0, "");
        check_comment("{ports} x", &of, 8, "22/tcp,"); /* the blank at the cut goes, too */
}

#define LINE(user, port) "Failed password for invalid user " user " from 203.0.113.5 port " port " ssh2"
#define SHOWN "Failed password for invalid user * from 203.0.113.5 port *"

static void test_lines(void)
{
        static const char *const lines[] = { LINE("a1", "1"), LINE("b2", "2"), "Failed password for c3 from 203.0.113.5", "nothing known",
                                             LINE("d4", "3") };
        ReportFacts of = facts();

        of.lines = lines;
        of.n_lines = 5;
        check_comment("{matches}", &of, 1024, SHOWN " (2 times)\nFailed password for * from 203.0.113.5\n" SHOWN);
        check_comment("{matches}|{matches}", &of, 1024,
                      SHOWN " (2 times)\nFailed password for * from 203.0.113.5\n" SHOWN "|" SHOWN
                            " (2 times)\nFailed password for * from 203.0.113.5\n" SHOWN);
        of.knows_word = NULL;
        check_comment("lines: {matches}", &of, 1024, "lines:");
}

/* Whole lines give way from the oldest, so that the rest of the text stays; then the rest is cut. */
static void test_lines_give_way(void)
{
        static const char *const lines[] = { "Failed password for x1 from 203.0.113.5 port 1", "Failed password from 203.0.113.5", "user x2 from 203.0.113.5" };
        static const char *const texts[] = {
                "<Failed password for * from 203.0.113.5 port *\nFailed password from 203.0.113.5\nuser * from 203.0.113.5> end",
                "<Failed password from 203.0.113.5\nuser * from 203.0.113.5> end",
                "<user * from 203.0.113.5> end",
                "<> end",
        };
        ReportFacts of = facts();

        of.lines = lines;
        of.n_lines = 3;
        for (size_t max = 0, i = 3; max <= strlen(texts[0]) + 1; max++) {
                char expected[16];

                while (i > 0 && max >= strlen(texts[i - 1]))
                        i--;
                snprintf(expected, sizeof expected, "%.*s", (int) max, max == 3 ? "<>" : texts[3]); /* not "<> " */
                check_comment("<{matches}> end", &of, max, max < strlen(texts[3]) ? expected : texts[i]);
        }
}

/* Of too many lines the latest are taken, and a long line is cut between two words. */
static void test_many_and_long_lines(void)
{
        const char *lines[EVIDENCE_MAX + 3];
        char expected[1024] = "", longest[4096] = "user";
        ReportFacts of = facts();

        for (size_t i = 0; i < EVIDENCE_MAX + 3; i++) {
                lines[i] = i % 2 ? "user from" : "from user";
                if (i >= 3)
                        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s", i > 3 ? "\n" : "", lines[i]);
        }
        of.lines = lines;
        of.n_lines = EVIDENCE_MAX + 3;
        check_comment("{matches}", &of, 1024, expected);

        while (strlen(longest) < sizeof longest - 16)
                strcat(longest, " 203.0.113.5");
        lines[0] = longest;
        of.n_lines = 1;
        char *text = report_comment("{matches}", &of, 4096);
        check(text && strlen(text) < EVIDENCE_TEXT_MAX && strlen(text) > EVIDENCE_TEXT_MAX - 16);
        check(strncmp(text, longest, strlen(text)) == 0 && strcmp(text + strlen(text) - 12, " 203.0.113.5") == 0);
        free(text);
}

int main(void)
{
        test_boundaries();
        test_single_addresses();
        test_no_prefix();
        test_placeholders();
        test_values_at_their_ends();
        test_defaults();
        test_wrong_templates();
        test_unchecked_template();
        test_wants_lines();
        test_cut_everywhere();
        test_cut_in_values();
        test_lines();
        test_lines_give_way();
        test_many_and_long_lines();
        return EXIT_SUCCESS;
}
