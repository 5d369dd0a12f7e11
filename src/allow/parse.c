/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files of allowed addresses, and resolv.conf.
 *
 *     # the office
 *     192.0.2.0/24
 *     2001:db8:1::/48
 *     198.51.100.7    until 2026-12-01            # the guest, until that day ends (UTC)
 *     198.51.100.8    until 2026-12-01T12:00:00Z
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "allow/private.h"
#include "util/text.h"

#define WORDS_MAX 4 /* one more than an entry has */
#define QUOTE_MAX 80

typedef struct Word {
        const char *text;
        size_t size;
        unsigned column; /* from 1 */
} Word;

static size_t words_split(const char *line, size_t size, Word words[static WORDS_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < size && n < WORDS_MAX;) {
                size_t start;

                while (i < size && (line[i] == ' ' || line[i] == '\t'))
                        i++;
                if (i == size || line[i] == '#')
                        break;
                for (start = i; i < size && line[i] != ' ' && line[i] != '\t' && line[i] != '#'; i++)
                        ;
                words[n++] = (Word){ line + start, i - start, (unsigned) start + 1 };
        }
        return n;
}

static bool word_copy(const Word *word, char *buffer, size_t buffer_size)
{
        if (word->size >= buffer_size || memchr(word->text, '\0', word->size))
                return false;
        memcpy(buffer, word->text, word->size);
        buffer[word->size] = '\0';
        return true;
}

/* "2026-12-01T12:00:00Z", or "2026-12-01": to the end of that day, for who is told "until Tuesday" comes on Tuesday. */
static bool parse_until(const char *text, EventTime *ret_until)
{
        struct tm given = { 0 }, parts;
        bool day = strlen(text) == 10;
        const char *end = NULL;
        time_t seconds;

        if (text[0] < '0' || text[0] > '9')
                return false;
        if (day)
                end = strptime(text, "%Y-%m-%d", &given);
        else if (strlen(text) == 20)
                end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &given);
        if (!end || *end)
                return false;
        parts = given;
        seconds = timegm(&parts);
        /* timegm() takes the 31st of February for a day in March. */
        if (parts.tm_mday != given.tm_mday || parts.tm_hour != given.tm_hour || parts.tm_min != given.tm_min || seconds <= 0)
                return false;
        *ret_until = (EventTime){ ((int64_t) seconds + (day ? 86400 : 0)) * USEC_PER_SEC };
        return true;
}

/* The entry's mistake, and where it is; NULL if it is good. */
static const char *parse_entry(const Word *words, size_t n_words, Addr *ret_addr, EventTime *ret_until, const Word **ret_at)
{
        char copy[ADDR_TEXT_MAX];
        int r;

        *ret_at = &words[0];
        r = word_copy(&words[0], copy, sizeof copy) ? addr_parse_prefix(copy, ret_addr) : -EINVAL;
        if (r == -EDOM)
                return "is an address with a prefix length that cuts bits off; write the prefix's first address";
        if (r < 0)
                return "is no address or prefix (such as 192.0.2.0/24); host names belong into the configuration's allow:";
        if (ret_addr->length == 0)
                return "would allow everybody; take it out, and to ban nobody: systemctl disable --now bailiffd";
        *ret_until = EVENT_TIME_FOREVER;
        if (n_words == 1)
                return NULL;
        *ret_at = &words[1];
        if (words[1].size != 5 || memcmp(words[1].text, "until", 5) != 0)
                return "is not understood; after the address comes nothing, \"until 2026-12-01\", or a # comment";
        *ret_at = &words[n_words == 2 ? 1 : 2];
        if (n_words == 2 || !word_copy(&words[2], copy, sizeof copy) || !parse_until(copy, ret_until))
                return "needs a time such as \"until 2026-12-01\" or \"until 2026-12-01T12:00:00Z\" (UTC)";
        *ret_at = &words[3];
        return n_words > 3 ? "is too much; a comment starts with #" : NULL;
}

static void tell_mistake(Problem *problem, const char *path, unsigned line, const Word *word, const char *mistake)
{
        char quote[QUOTE_MAX];

        text_printable(word->text, word->size, quote, sizeof quote);
        problem_set(problem, 0, "%s:%u:%u: \"%s\" %s", path, line, word->column, quote, mistake);
}

/**
 * allow_parse_file() - read a file's entries
 * @path:       for messages
 * @list:       takes the good entries, finished
 * @problem:    the first mistake
 *
 * Return: how many mistakes there are, -ENOMEM.
 */
int allow_parse_file(const char *path, const char *text, size_t size, AllowList *list, Problem *problem)
{
        int mistakes = 0, r;
        unsigned number = 0;

        for (size_t at = 0; at < size;) {
                const char *line = text + at, *end = memchr(line, '\n', size - at), *mistake;
                size_t length = end ? (size_t) (end - line) : size - at;
                Word words[WORDS_MAX];
                const Word *wrong;
                EventTime until;
                size_t n;
                Addr addr;

                at += length + 1;
                number++;
                if (length > 0 && line[length - 1] == '\r')
                        length--;
                n = words_split(line, length, words);
                if (n == 0)
                        continue;
                mistake = parse_entry(words, n, &addr, &until, &wrong);
                if (!mistake && list->n_items == ALLOW_FILE_ENTRIES_MAX) {
                        mistake = "is one entry too many (100,000 are allowed); write prefixes";
                        wrong = &words[0];
                        at = size;
                }
                if (mistake) {
                        if (mistakes++ == 0)
                                tell_mistake(problem, path, number, wrong, mistake);
                        continue;
                }
                r = allow_list_add(list, &addr, number, until);
                if (r < 0)
                        return r;
        }
        allow_list_finish(list, ALLOW_FILE_ENTRIES_MAX);
        return mistakes;
}

/**
 * allow_parse_resolvers() - the name servers of resolv.conf
 * @list:       takes them, finished; loopback ones too, which does no harm
 *
 * What is no address is passed over, as the resolver does.
 *
 * Return: 0 or -ENOMEM.
 */
int allow_parse_resolvers(const char *text, size_t size, AllowList *list)
{
        for (size_t at = 0; at < size;) {
                const char *line = text + at, *end = memchr(line, '\n', size - at), *scope;
                size_t length = end ? (size_t) (end - line) : size - at;
                Word words[WORDS_MAX];
                Addr addr;

                at += length + 1;
                if (length > 0 && line[length - 1] == '\r')
                        length--;
                if (words_split(line, length, words) < 2 || words[0].size != 10 || memcmp(words[0].text, "nameserver", 10) != 0)
                        continue;
                /* "fe80::1%eth0" */
                scope = memchr(words[1].text, '%', words[1].size);
                if (addr_parse(words[1].text, scope ? (size_t) (scope - words[1].text) : words[1].size, &addr) < 0 ||
                    !addr_is_bannable(&addr))
                        continue;
                if (allow_list_add(list, &addr, 0, EVENT_TIME_FOREVER) < 0)
                        return -ENOMEM;
        }
        allow_list_finish(list, ALLOW_HOST_ENTRIES_MAX);
        return 0;
}
