/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The floor of "file to decisions": a mapped file, memchr() for its lines, and PCRE2's machine code for the patterns, nothing
 * else. No time is read, no address parsed, nothing is counted but the lines that match.
 *
 *     match-floor PATTERNS FILE       PATTERNS: one a line, in the order in which they are tried
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERNS_MAX 256

static pcre2_code *patterns[PATTERNS_MAX];
static size_t n_patterns;

static void die(const char *what)
{
        fprintf(stderr, "match-floor: %s\n", what);
        exit(1);
}

static void load_patterns(const char *path)
{
        static char text[65536];
        FILE *file = fopen(path, "re");
        PCRE2_SIZE at;
        int error;

        if (!file)
                die("the patterns cannot be read");
        while (n_patterns < PATTERNS_MAX && fgets(text, sizeof text, file)) {
                text[strcspn(text, "\n")] = '\0';
                pcre2_code *code = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED, PCRE2_DUPNAMES, &error, &at, NULL);
                if (!code || pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) != 0)
                        die(text);
                patterns[n_patterns++] = code;
        }
        fclose(file);
        if (n_patterns == 0)
                die("no patterns");
}

int main(int argc, char *argv[])
{
        uint64_t lines = 0, matched = 0;
        struct stat info;
        int fd;

        if (argc != 3 || (fd = open(argv[2], O_RDONLY | O_CLOEXEC)) < 0 || fstat(fd, &info) < 0 || info.st_size == 0)
                die("usage: match-floor PATTERNS FILE");
        load_patterns(argv[1]);
        const char *text = mmap(NULL, (size_t) info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (text == MAP_FAILED)
                die("the file cannot be mapped");
        pcre2_match_data *data = pcre2_match_data_create(32, NULL);
        for (const char *line = text, *end = text + info.st_size, *next; line < end; line = next + 1, lines++) {
                next = memchr(line, '\n', (size_t) (end - line));
                if (!next)
                        next = end;
                const char *message = memmem(line, (size_t) (next - line), "]: ", 3);
                message = message ? message + 3 : line;
                for (size_t i = 0; i < n_patterns; i++)
                        if (pcre2_jit_match(patterns[i], (PCRE2_SPTR) message, (PCRE2_SIZE) (next - message), 0, 0, data, NULL) >=
                            0) {
                                matched++;
                                break;
                        }
        }
        printf("%llu lines, %llu matched by %zu patterns\n", (unsigned long long) lines, (unsigned long long) matched,
               n_patterns);
        return 0;
}
