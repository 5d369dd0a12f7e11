/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Comments of reports: a template that an administrator wrote and lines that an attacker did, at any length. Whatever they are,
 * the text is UTF-8 without control characters, no longer than it may be, and of the lines shows nothing but known words and the
 * reported address.
 *
 * Input: a byte for the greatest length, one for the address and the rest of the facts, the template to the first
 * line break ('\f' stands for one in it), then the lines.
 */

#undef NDEBUG
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report.h"
#include "util/text.h"

#define LINES_MAX 16
#define ADDRESS_BYTES "0123456789abcdefABCDEF:."

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool knows(void *userdata, const char *word, size_t size)
{
        static const char *const words[] = { "failed", "password", "for", "from", "port", "user", "rhost", "dead", "beef" };

        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strlen(words[i]) == size && strncasecmp(words[i], word, size) == 0)
                        return true;
        return false;
}

static void check_redacted(const char *line, const Addr *addr)
{
        size_t size = strlen(line);
        char *out = malloc(size + 1);

        assert(out);
        report_redact(line, addr, knows, NULL, out, size + 1);
        for (size_t i = 0, n, end = strlen(out); i < end; i += n) {
                Addr found;

                n = 1;
                for (size_t length = strspn(out + i, ADDRESS_BYTES); length > 1 && n == 1; length--)
                        if (length <= 45 && addr_parse(out + i, length, &found) == 0 && addr_equal(&found, addr))
                                n = length;
                assert(out[i] >= 0x20 && out[i] < 0x7f);
                if (n > 1 || !isalnum((unsigned char) out[i]))
                        continue;
                while (isalnum((unsigned char) out[i + n]))
                        n++;
                assert(knows(NULL, out + i, n));
        }
        free(out);
}

static void check_comment(const char *template, const ReportFacts *facts, size_t max)
{
        char *text = report_comment(template, facts, max);

        assert(text && strlen(text) <= max);
        for (const char *p = text; *p;) {
                size_t n = *p == '\n' || *p == '\t' ? 1 : text_character(p, strlen(p));
                assert(n > 0);
                p += n;
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const addresses[] = { "203.0.113.5", "3fff::1", "2001:db8:0:1::c0de", "::1" };
        static const char *const tags[] = { "ssh", "x" };
        const char *lines[LINES_MAX];
        size_t n_lines = 0, max;

        if (size < 2)
                return 0;
        char *text = malloc(size - 1), *rest = text;

        assert(text);
        memcpy(text, data + 2, size - 2);
        text[size - 2] = '\0';
        max = data[0] < 200 ? data[0] : (size_t) (data[0] - 199) * 64;
        const char *template = strsep(&rest, "\n"), *address = addresses[data[1] % 4];
        for (char *p = strchr(template, '\f'); p; p = strchr(p, '\f'))
                *p = '\n';
        while (rest && n_lines < LINES_MAX)
                lines[n_lines++] = strsep(&rest, "\n");

        ReportFacts facts = {
                .service = data[1] & 4 ? "sshd" : "", .jail = "a jail", .failures = data[1], .ports = data[1] & 8 ? "22/tcp" : NULL,
                .first = { data[1] & 16 ? 0 : INT64_MIN }, .last = { data[1] & 32 ? INT64_MAX : 1795933205000000 },
                .lines = lines, .n_lines = n_lines, .tags = tags, .n_tags = data[1] & 64 ? 2 : 0, .knows_word = data[1] & 128 ? NULL : knows,
        };
        Problem problem = { "" };

        assert(addr_parse(address, strlen(address), &facts.addr) == 0);
        if (report_comment_check(template, &problem) < 0)
                assert(problem.text[0] && text_is_printable(problem.text));
        report_comment_wants_lines(template);
        check_comment(template, &facts, max);
        for (size_t i = 0; i < n_lines; i++)
                check_redacted(lines[i], &facts.addr);
        report_addr_is_public(&facts.addr);
        free(text);
        return 0;
}
