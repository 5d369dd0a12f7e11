/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/text.h"

#define WORD_MAX 64 /* longer words are near to nothing */

/**
 * text_read_file() - the contents of a regular file
 * @max:        bytes; a larger file is refused
 * @ret_text:   the contents with a NUL behind them, for free(3)
 * @ret_size:   bytes without that NUL
 *
 * Return: 0, -EFBIG, -EISDIR, or -errno of open(2) and read(2).
 */
int text_read_file(const char *path, size_t max, char **ret_text, size_t *ret_size)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size = 0;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if (st.st_size > (off_t) max)
                return -EFBIG;
        text = malloc(max + 2);
        if (!text)
                return -ENOMEM;
        while (size <= max) {
                ssize_t n = read(fd, text + size, max + 1 - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        if (size > max)
                return -EFBIG;
        text[size] = '\0';
        *ret_text = steal(text);
        *ret_size = size;
        return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                size -= (size_t) n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

/**
 * text_write_file() - replace a file, so that a reader sees the old or the new
 * @mode:       permission bits of the new file
 *
 * Return: 0 or -errno; on failure the old file stays.
 */
int text_write_file(const char *path, const char *text, size_t size, unsigned mode)
{
        char temporary[PATH_MAX];
        int r;

        if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int) sizeof temporary)
                return -ENAMETOOLONG;
        int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        r = write_all(fd, text, size);
        close(fd);
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(temporary);
        return r;
}

/* Levenshtein's distance, by one row at a time. */
static unsigned distance(const char *a, const char *b)
{
        unsigned row[WORD_MAX + 1];
        size_t n = strlen(b);

        for (size_t j = 0; j <= n; j++)
                row[j] = (unsigned) j;
        for (size_t i = 1; a[i - 1]; i++) {
                unsigned diagonal = row[0];
                row[0] = (unsigned) i;
                for (size_t j = 1; j <= n; j++) {
                        unsigned best = diagonal + (a[i - 1] != b[j - 1]);
                        diagonal = row[j];
                        if (row[j] + 1 < best)
                                best = row[j] + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        row[j] = best;
                }
        }
        return row[n];
}

/**
 * text_nearest() - the known word that a wrong one was probably meant to be
 *
 * Return: an element of @known, or NULL if none is near.
 */
const char *text_nearest(const char *word, const char *const known[], size_t n_known)
{
        const char *best = NULL;
        unsigned best_distance = strlen(word) >= 9 ? 4 : 3;

        if (strlen(word) > WORD_MAX)
                return NULL;
        for (size_t i = 0; i < n_known; i++) {
                if (strlen(known[i]) > WORD_MAX)
                        continue;
                unsigned d = distance(word, known[i]);
                if (d < best_distance && d < strlen(word)) {
                        best = known[i];
                        best_distance = d;
                }
        }
        return best;
}

/**
 * text_is_name() - whether this may name a jail, filter or rule
 *
 * Letters, digits, '-', '_' and '.', at most 63, not beginning with '-' or '.'.
 */
bool text_is_name(const char *word)
{
        size_t size = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

        return size > 0 && size < WORD_MAX && !word[size] && word[0] != '-' && word[0] != '.';
}

static size_t utf8_sequence(const unsigned char *p, size_t left)
{
        size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

        if (n == 0 || n > left)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        if ((n == 2 && p[0] == 0xc2 && p[1] < 0xa0) ||                 /* C1 controls */
            (n == 3 && p[0] == 0xe0 && p[1] < 0xa0) ||                  /* overlong */
            (n == 3 && p[0] == 0xed && p[1] >= 0xa0) ||                 /* surrogates */
            (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || /* bidi overrides */
            (n == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9) || /* bidi isolates */
            (n == 4 && p[0] == 0xf0 && p[1] < 0x90) || (n == 4 && p[0] == 0xf4 && p[1] >= 0x90))
                return 0;
        return n;
}

/**
 * text_character() - the printable character that a text begins with
 * @size:       bytes of @text, which need not end in NUL
 *
 * Return: its bytes; 0 if the text is empty, or begins with a control character (also one that turns the direction of
 * writing) or with what is no UTF-8.
 */
size_t text_character(const char *text, size_t size)
{
        const unsigned char *p = (const unsigned char *) text;

        return size == 0 || p[0] < 0x20 || p[0] == 0x7f ? 0 : utf8_sequence(p, size);
}

#define PLAIN_BLOCK sizeof(uint64_t)
#define EACH_BYTE(byte) (UINT64_MAX / 255 * (byte))

/* ASCII that is shown as it is. */
static bool is_plain(unsigned char c)
{
        return c >= 0x20 && c < 0x7f && c != '\\';
}

/* Whether some byte of eight is less than a number of up to 128; taking that off then borrows from its highest bit. */
static uint64_t has_less(uint64_t block, unsigned char than)
{
        return (block - EACH_BYTE(than)) & ~block & EACH_BYTE(0x80);
}

/* Eight times is_plain(). */
static bool is_plain_block(const unsigned char *p)
{
        uint64_t block;

        memcpy(&block, p, sizeof block);
        return !((block & EACH_BYTE(0x80)) | has_less(block, 0x20) | has_less(block ^ EACH_BYTE(0x7f), 1) | has_less(block ^ EACH_BYTE('\\'), 1));
}

/* How many plain bytes a text begins with. Nearly every line is nothing else, so they are taken by blocks, also the last. */
static size_t plain_run(const unsigned char *p, size_t size)
{
        size_t n = 0;

        while (size - n >= PLAIN_BLOCK && is_plain_block(p + n))
                n += PLAIN_BLOCK;
        if (n > 0 && size - n < PLAIN_BLOCK && is_plain_block(p + size - PLAIN_BLOCK))
                return size;
        while (n < size && is_plain(p[n]))
                n++;
        return n;
}

/**
 * text_is_printable() - whether text_printable() would have nothing to mend in a text, but that it doubles backslashes
 */
bool text_is_printable(const char *text)
{
        const unsigned char *p = (const unsigned char *) text;
        size_t size = strlen(text);

        for (size_t i = 0, n; i < size; i += n) {
                n = plain_run(p + i, size - i);
                if (n == 0)
                        n = p[i] == '\\' ? 1 : utf8_sequence(p + i, size - i);
                if (n == 0 || (n == 1 && p[i] < 0x20) || p[i] == 0x7f)
                        return false;
        }
        return true;
}

/* What is no plain byte: how it is shown, in up to four bytes. Return: how many of the text that stands for. */
static size_t show_special(const unsigned char *p, size_t size, char shown[static 4], size_t *ret_length)
{
        static const char digits[] = "0123456789abcdef";
        size_t n = utf8_sequence(p, size);

        if (n > 1) {
                memcpy(shown, p, n);
                *ret_length = n;
                return n;
        }
        shown[0] = '\\';
        shown[1] = *p == '\\' ? '\\' : 'x';
        shown[2] = digits[*p >> 4];
        shown[3] = digits[*p & 15];
        *ret_length = *p == '\\' ? 2 : 4;
        return 1;
}

/**
 * text_hash() - FNV-1a: the same in every run and on every machine
 */
uint64_t text_hash(const void *bytes, size_t size)
{
        const unsigned char *p = bytes;
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
        return hash;
}

/**
 * text_printable() - a hostile text made safe to show, store and send as JSON
 * @text:       bytes of a log line
 * @size:       their number
 * @buffer:     takes valid UTF-8 with a NUL; bytes that are no printable UTF-8 become \xNN, a backslash is doubled
 * @buffer_size: at least 1; the text is cut at a character's boundary to fit
 *
 * Return: bytes written without the NUL.
 */
size_t text_printable(const char *text, size_t size, char *buffer, size_t buffer_size)
{
        const unsigned char *p = (const unsigned char *) text;
        size_t used = 0, room = buffer_size - 1, taken;

        if (size <= room && plain_run(p, size) == size) { /* nearly all are */
                memcpy(buffer, p, size);
                buffer[size] = '\0';
                return size;
        }
        for (size_t i = 0; i < size; i += taken) {
                size_t left = size - i < room - used ? size - i : room - used, n = plain_run(p + i, left);
                const void *from = p + i;
                char special[4];

                taken = n;
                if (n == 0) {
                        taken = show_special(p + i, size - i, special, &n);
                        from = special;
                }
                if (n > room - used)
                        break;
                memcpy(buffer + used, from, n);
                used += n;
        }
        buffer[used] = '\0';
        return used;
}
