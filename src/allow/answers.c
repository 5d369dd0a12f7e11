/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Both sides read what the other wrote as they would read an outsider's text:
 * bailiff-names has just parsed what strangers' name servers sent.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allow/answers.h"
#include "util/cleanup.h"
#include "util/text.h"

#define SECONDS_DIGITS_MAX 11

/**
 * name_is_host() - whether this may be a host's name: lower case, labels of 1 to 63 letters, digits, '-' and '_'
 */
bool name_is_host(const char *text, size_t size)
{
        size_t label = 0;

        if (size == 0 || size >= NAME_TEXT_MAX)
                return false;
        for (size_t i = 0; i < size; i++) {
                char c = text[i];

                if (c == '.') {
                        if (label == 0)
                                return false;
                        label = 0;
                        continue;
                }
                if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (c == '-' && label > 0)) || ++label > 63)
                        return false;
        }
        return true;
}

/**
 * names_parse() - the list of wanted names, one a line
 *
 * Return: how many there are; what is no host's name is passed over, as is what does not fit.
 */
size_t names_parse(const char *text, size_t size, char names[static NAMES_MAX][NAME_TEXT_MAX])
{
        size_t n = 0;

        for (size_t at = 0; at < size && n < NAMES_MAX;) {
                const char *end = memchr(text + at, '\n', size - at);
                size_t length = end ? (size_t) (end - (text + at)) : size - at;

                if (name_is_host(text + at, length)) {
                        memcpy(names[n], text + at, length);
                        names[n++][length] = '\0';
                }
                at += length + 1;
        }
        return n;
}

/**
 * name_addr_is_usable() - whether a name may mean this address
 *
 * Private and loopback addresses are good answers. 0.0.0.0 and multicast are
 * what ad blockers and mistakes answer.
 */
bool name_addr_is_usable(const Addr *addr)
{
        return addr_is_bannable(addr) && addr_is_single(addr);
}

/* The next word, which ends at a single space; NULL at the end. */
static const char *word_next(const char **at, const char *end, size_t *ret_size)
{
        const char *start = *at, *space;

        if (start >= end)
                return NULL;
        space = memchr(start, ' ', (size_t) (end - start));
        *ret_size = (size_t) ((space ? space : end) - start);
        *at = space ? space + 1 : end;
        return start;
}

static bool seconds_parse(const char *text, size_t size, EventTime *ret_time)
{
        int64_t seconds = 0;

        if (size == 0 || size > SECONDS_DIGITS_MAX)
                return false;
        for (size_t i = 0; i < size; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                seconds = seconds * 10 + (text[i] - '0');
        }
        *ret_time = (EventTime){ seconds * USEC_PER_SEC };
        return true;
}

/**
 * name_answer_parse() - read one line of answers
 * @line:       without its newline
 *
 * Return: NULL, or what is wrong with it.
 */
const char *name_answer_parse(const char *line, size_t size, NameAnswer *ret_answer)
{
        const char *at = line, *end = line + size, *word;
        NameAnswer answer = { .n_addrs = 0 };
        size_t length;

        word = word_next(&at, end, &length);
        if (!word || !name_is_host(word, length))
                return "is no host's name";
        memcpy(answer.name, word, length);
        word = word_next(&at, end, &length);
        if (!word || !seconds_parse(word, length, &answer.good))
                return "has no time";
        while ((word = word_next(&at, end, &length))) {
                Addr addr;

                if (length == 1 && *word == '!') {
                        text_printable(at, (size_t) (end - at), answer.error, sizeof answer.error);
                        if (!answer.error[0])
                                return "gives no reason for its failure";
                        break;
                }
                if (addr_parse(word, length, &addr) < 0)
                        return "has something that is no address";
                if (!name_addr_is_usable(&addr))
                        return "has an address that nobody can have";
                if (answer.n_addrs == NAME_ADDRESSES_MAX)
                        return "has more than 16 addresses";
                answer.addrs[answer.n_addrs++] = addr;
        }
        if ((answer.n_addrs == 0) != (answer.good.usec == 0))
                return "has a time without addresses, or addresses without a time";
        if (answer.n_addrs == 0 && !answer.error[0])
                return "has no addresses";
        *ret_answer = answer;
        return NULL;
}

/**
 * name_answers_format() - the text that name_answer_parse() reads line by line
 * @ret_text:   for free(3)
 *
 * Return: 0 or -ENOMEM.
 */
int name_answers_format(const NameAnswer *answers, size_t n_answers, char **ret_text, size_t *ret_size)
{
        _cleanup_free_ char *text = NULL;
        char address[ADDR_TEXT_MAX];
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        for (const NameAnswer *answer = answers; answer < answers + n_answers; answer++) {
                if (answer->n_addrs == 0 && !answer->error[0])
                        continue; /* not asked yet */
                fprintf(stream, "%s %lld", answer->name, (long long) (answer->good.usec / USEC_PER_SEC));
                for (size_t i = 0; i < answer->n_addrs; i++)
                        fprintf(stream, " %s", addr_format(&answer->addrs[i], address));
                fprintf(stream, "%s%s\n", answer->error[0] ? " ! " : "", answer->error);
        }
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret_text = steal(text);
        *ret_size = size;
        return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, text, size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        text += n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

/**
 * names_write_file() - replace a file, so that a reader sees the old or the new
 * @mode:       of the new file, whatever the umask
 *
 * It does not wait for the disk: bailiffd's loop must not, and what a power
 * failure takes is asked for again.
 *
 * Return: 0 or -errno.
 */
int names_write_file(const char *path, const char *text, size_t size, unsigned mode)
{
        char temporary[PATH_MAX];
        int r;

        if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int) sizeof temporary)
                return -ENAMETOOLONG;
        if (unlink(temporary) < 0 && errno != ENOENT)
                return -errno;
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, text, size);
        if (r == 0 && fchmod(fd, mode) < 0)
                r = -errno;
        close(fd);
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(temporary);
        return r;
}
