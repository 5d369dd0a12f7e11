/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Words of a pattern, whatever that is: a filter's file can only hold what PCRE2 takes, but the words are read without it. Each word
 * is letters, at least two, in order, and its letters stand in the pattern one after the other.
 */

#undef NDEBUG
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(const char *word, const char *pattern)
{
        const char *letter = word;

        assert(strlen(word) >= 2 && strlen(word) <= 64);
        for (; *pattern && *letter; pattern++)
                letter += tolower((unsigned char) *pattern) == *letter;
        assert(!*letter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);
        YamlNode prefix = { .kind = YAML_SCALAR, .key = (char[]){ "prefix" }, .text = text }, root = { .kind = YAML_MAP, .children = &prefix };
        YamlDocument document = { .root = &root };
        YamlDocument *const documents[] = { &document };
        Filter *filter = calloc(1, sizeof *filter);

        assert(text && filter);
        memcpy(text, data, size);
        text[size] = '\0';
        assert(words_build((Layers){ documents, 1 }, &filter->words) == 0);
        for (size_t i = 0; i < filter->words.n; i++) {
                const char *word = filter->words.sorted[i];

                check_word(word, text);
                assert(i == 0 || strcmp(filter->words.sorted[i - 1], word) < 0);
                assert(filter_knows_word(filter, word, strlen(word)));
        }
        filter_free(filter);
        free(text);
        return 0;
}
