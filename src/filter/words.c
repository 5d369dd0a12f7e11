/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The words that a filter's patterns contain as text, and what else it says
 * about reports.
 *
 * A report may show lines of the log, with all taken out of them that is not
 * public. Public is what the service writes into each such line, and that
 * stands in the filter: "Failed password for". So a word that is found here
 * gets out, and everything else does not. What is taken from a pattern must
 * therefore stand in it as text; where that is in doubt, the word is left out,
 * and the line shows an asterisk more.
 *
 * A word is a run of ASCII letters, two at least, in small letters. It is taken
 * from the pattern as it is written:
 *
 *     [Pp]assword     a class of one letter, in both cases or one, is that letter
 *     requests?       a letter that may be missing gives both: "request", "requests"
 *     \Qa.b\E         is text, without its marks
 *     (?:in)?valid    parentheses end a word: "in" and "valid"
 *     [a-z]*ed \w+ed  a class that has letters next to it makes a run a piece of some other word, which is none
 *     l{2}            what is counted otherwise than by ? * + {0,n} {1,n} is no word either
 *
 * No text are: escapes (\d, \x41, \p{Lu}, \k<user>), names of groups, letters
 * of (?flags), verbs (*...), comments (?#...), and under (?x) what follows a
 * #, tags like <ADDR>, and classes. Letters beyond ASCII are not known as
 * letters, so a run beside one is a piece, too.
 *
 * Of all modes and of all branches of parameters, as of the files that the
 * filter extends, since their words are just as public; but not of `ignore`,
 * which is the administrator's own and may name his hosts.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/private.h"

#define WORD_MIN 2
#define WORD_MAX 64
#define OPTIONAL_MAX 4 /* letters of one word that may be missing */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

typedef struct Reader {
        FILE *stream;           /* takes the words, each with its NUL */
        bool extended;          /* (?x) was there */
        bool is_piece;          /* what is being read is part of some other word */
        size_t size;            /* of the word that is being read */
        char letters[WORD_MAX];
        bool optional[WORD_MAX];
} Reader;

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* ---- words ---- */

/* Writes the word once for each choice of its optional letters. */
static void write_word(const Reader *reader)
{
        unsigned n_optional = 0;

        for (size_t i = 0; i < reader->size; i++)
                n_optional += reader->optional[i];
        if (n_optional > OPTIONAL_MAX)
                return;
        for (unsigned missing = 0; missing < 1u << n_optional; missing++) {
                char word[WORD_MAX + 1];
                size_t size = 0, nth = 0;

                for (size_t i = 0; i < reader->size; i++)
                        if (!reader->optional[i] || !(missing >> nth++ & 1))
                                word[size++] = reader->letters[i];
                word[size] = '\0';
                if (size >= WORD_MIN)
                        fwrite(word, 1, size + 1, reader->stream);
        }
}

/* What comes next is no letter, and can be none. */
static void end_word(Reader *reader)
{
        if (!reader->is_piece)
                write_word(reader);
        reader->size = 0;
        reader->is_piece = false;
}

/* What comes next may be a letter: what stands before it is a piece, and what follows is one. */
static void end_piece(Reader *reader)
{
        reader->size = 0;
        reader->is_piece = true;
}

static void add_letter(Reader *reader, char letter)
{
        if (reader->size == WORD_MAX) {
                end_piece(reader);
                return;
        }
        reader->letters[reader->size] = lower(letter);
        reader->optional[reader->size++] = false;
}

/* ---- parts of a pattern; each takes one and returns what follows it ---- */

static const char *behind(const char *p, char end)
{
        const char *found = strchr(p, end);

        return found ? found + 1 : p + strlen(p);
}

/* What counts the item before it: ?, *, +, {2,3}, with a ? or + behind it. */
static const char *take_quantifier(Reader *reader, const char *p, bool counts_letter)
{
        bool optional = *p == '?' || *p == '*', once = *p == '+';

        if (*p == '{') {
                size_t low = strspn(p + 1, DIGITS), size = strspn(p, "{,0123456789");

                if (p[1] == ',') /* older PCRE2 takes {,n} as text, newer as a count */
                        return (end_piece(reader), p + size + (p[size] == '}'));
                if (p[size] != '}' || low == 0)
                        return (end_word(reader), p + 1); /* text */
                optional = strtoul(p + 1, NULL, 10) == 0;
                once = strtoul(p + 1, NULL, 10) == 1 && p[1 + low] == ',';
                p += size;
        }
        p += 1 + strspn(p + 1, "?+");
        if (counts_letter && optional && reader->size > 0)
                reader->optional[reader->size - 1] = true;
        else if (counts_letter && !once)
                end_piece(reader);
        return p;
}

/* (?flags), and (?flags: up to its content. */
static const char *take_flags(Reader *reader, const char *p)
{
        size_t size = strspn(p, LETTERS "^-");

        reader->extended = reader->extended || memchr(p, 'x', size);
        return p + size + (p[size] == ':' || p[size] == ')');
}

/* Behind "(?". Names of groups and calls of them are no text; their content is. */
static const char *take_group(Reader *reader, const char *p)
{
        if (*p == '#')
                return behind(p, ')');
        if (*p == 'P' && (p[1] == '=' || p[1] == '>'))
                return behind(p, ')');
        if (*p == 'P')
                p++;
        if (*p == '<' && (p[1] == '=' || p[1] == '!'))
                return p + 2;
        if (*p == '<')
                return behind(p, '>');
        if (*p == '\'')
                return behind(p + 1, '\'');
        if (*p == '(')
                return p[1] == '?' || p[1] == '*' ? p : behind(p, ')'); /* a condition: an assertion, or a name */
        if (*p == '&' || *p == 'R' || *p == 'C' || *p == '+' || (*p >= '0' && *p <= '9') || (*p == '-' && p[1] >= '0' && p[1] <= '9'))
                return behind(p, ')');
        if (*p == ':' || *p == '=' || *p == '!' || *p == '>' || *p == '|' || *p == '*')
                return p + 1;
        return take_flags(reader, p);
}

/* At "(". */
static const char *take_parenthesis(Reader *reader, const char *p)
{
        end_word(reader);
        if (p[1] == '?')
                return take_group(reader, p + 2);
        if (p[1] == '*') {
                size_t size = strspn(p + 2, LETTERS "_");

                /* (*pla: and the like are groups; (*MARK:name) and (*LIMIT_MATCH=9) are none. */
                if (p[2] >= 'a' && p[2] <= 'z' && p[2 + size] == ':')
                        return p + 2 + size + 1;
                return behind(p, ')');
        }
        return p + 1;
}

/* Behind a "\" in a pattern or a class, with the name in braces or the like that some escapes have. */
static const char *take_escape_name(const char *p)
{
        char c = *p++;

        if (c == 'c' && *p)
                return p + 1;
        if (c == 'x' && *p != '{')
                return p + (strspn(p, DIGITS "abcdefABCDEF") < 2 ? strspn(p, DIGITS "abcdefABCDEF") : 2);
        if ((c == 'p' || c == 'P') && *p != '{')
                return *p ? p + 1 : p;
        if (strchr("xopPNgk", c) && *p == '{')
                return behind(p, '}');
        if ((c == 'g' || c == 'k') && *p == '<')
                return behind(p, '>');
        if ((c == 'g' || c == 'k') && *p == '\'')
                return behind(p + 1, '\'');
        if (c == 'g' || (c >= '0' && c <= '9'))
                return p + strspn(p, DIGITS "+-");
        return p;
}

/* \Q up to \E. */
static const char *take_quoted(Reader *reader, const char *p)
{
        for (; *p && strncmp(p, "\\E", 2) != 0; p++) {
                if (is_letter(*p))
                        add_letter(reader, *p);
                else if ((unsigned char) *p >= 0x80)
                        end_piece(reader);
                else
                        end_word(reader);
        }
        return *p ? p + 2 : p;
}

/* At a "\". */
static const char *take_escape(Reader *reader, const char *p)
{
        if (p[1] == 'Q')
                return take_quoted(reader, p + 2);
        if (p[1] == 'E')
                return p + 2;
        if (!p[1])
                return p + 1;
        if (strchr("wpPxoNkg0123456789", p[1]))
                end_piece(reader); /* may be a letter */
        else
                end_word(reader);
        return take_escape_name(p + 1);
}

/* At a "[". A class that stands for one letter is that letter. */
static const char *take_class(Reader *reader, const char *p, bool *ret_is_letter)
{
        const char *start = p + 1 + (p[1] == '^');
        bool has_letters = p[1] == '^';

        if (is_letter(p[1]) && (p[2] == ']' || (is_letter(p[2]) && lower(p[2]) == lower(p[1]) && p[3] == ']'))) {
                *ret_is_letter = true;
                add_letter(reader, p[1]);
                return p + (p[2] == ']' ? 3 : 4);
        }
        for (p = start; *p && (*p != ']' || p == start);) {
                if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=') && strstr(p, ":]")) {
                        has_letters = true;
                        p = strstr(p, ":]") + 2;
                } else if (*p == '\\' && p[1]) {
                        const char *end = p[1] == 'Q' ? strstr(p, "\\E") : NULL;

                        has_letters = has_letters || !strchr("dsbtnrfvh\\/.-^]['\"()+*?{}|:", p[1]);
                        p = end ? end + 2 : p[1] == 'Q' ? p + strlen(p) : take_escape_name(p + 1);
                } else {
                        has_letters = has_letters || is_letter(*p) || (unsigned char) *p >= 0x80 || (p[0] < '0' && p[1] == '-' && p[2] > '9');
                        p++;
                }
        }
        if (has_letters)
                end_piece(reader);
        else
                end_word(reader);
        return *p ? p + 1 : p;
}

static void read_pattern(Reader *reader, const char *p)
{
        bool letter = false; /* the item before is one, so that a quantifier counts it */

        reader->extended = false;
        while (*p) {
                size_t tag = *p == '<' ? regex_tag_size(p) : 0;
                bool next = false;

                if (tag > 0) {
                        end_word(reader);
                        p += tag;
                } else if (*p == '\\') {
                        p = take_escape(reader, p);
                } else if (*p == '[') {
                        p = take_class(reader, p, &next);
                } else if (*p == '(') {
                        p = take_parenthesis(reader, p);
                } else if (strchr("?*+{", *p)) {
                        p = take_quantifier(reader, p, letter);
                } else if (*p == '#' && reader->extended) {
                        end_word(reader);
                        p = behind(p, '\n');
                } else if (is_letter(*p)) {
                        add_letter(reader, *p++);
                        next = true;
                } else if ((unsigned char) *p++ >= 0x80) {
                        end_piece(reader);
                } else {
                        end_word(reader);
                }
                letter = next;
        }
        end_word(reader);
}

/* ---- the filter's ---- */

static void read_layers(Reader *reader, Layers layers)
{
        const YamlNode *prefix = layers_get(layers, "prefix");

        if (prefix)
                read_pattern(reader, prefix->text);
        for (size_t i = 0; i < layers.n; i++) {
                const YamlNode *modes = yaml_get(layers.documents[i]->root, "modes");

                for (const YamlNode *mode = modes ? modes->children : NULL; mode; mode = mode->next)
                        for (const YamlNode *rule = mode->children; rule; rule = rule->next) {
                                const YamlNode *regex = yaml_get(rule, "regex");

                                if (regex)
                                        read_pattern(reader, regex->text);
                        }
        }
}

static int compare_words(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* An index of the words in @text, sorted, each once. */
static int index_words(const char *text, size_t size, const char ***ret_words, size_t *ret_n)
{
        const char **words;
        size_t n = 0, kept = 0;

        for (size_t i = 0; i < size; i++)
                n += text[i] == '\0';
        words = calloc(n + 1, sizeof *words);
        if (!words)
                return -ENOMEM;
        n = 0;
        for (const char *p = text; p < text + size; p += strlen(p) + 1)
                words[n++] = p;
        qsort(words, n, sizeof *words, compare_words);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || strcmp(words[kept - 1], words[i]) != 0)
                        words[kept++] = words[i];
        *ret_words = words;
        *ret_n = kept;
        return 0;
}

/**
 * words_build() - find the words of a filter's patterns
 *
 * Return: 0, -ENOMEM.
 */
int words_build(Layers layers, FilterWords *words)
{
        Reader reader = { .stream = open_memstream(&words->text, &words->size) };

        if (!reader.stream)
                return -ENOMEM;
        read_layers(&reader, layers);
        bool failed = ferror(reader.stream) != 0;
        if (fclose(reader.stream) != 0 || failed)
                return -ENOMEM;
        return index_words(words->text, words->size, &words->sorted, &words->n);
}

void words_clear(FilterWords *words)
{
        free(words->sorted);
        free(words->text);
}

/**
 * filter_knows_word() - whether a word stands as text in a pattern of the filter, and so is public
 * @word:       in whichever case
 * @size:       its bytes
 *
 * Of one letter none is known, nor of what has anything but ASCII letters in it.
 */
bool filter_knows_word(const Filter *filter, const char *word, size_t size)
{
        const FilterWords *words = &filter->words;
        char small[WORD_MAX + 1];
        const char *key = small;

        if (size < WORD_MIN || size > WORD_MAX)
                return false;
        for (size_t i = 0; i < size; i++) {
                if (!is_letter(word[i]))
                        return false;
                small[i] = lower(word[i]);
        }
        small[size] = '\0';
        return bsearch(&key, words->sorted, words->n, sizeof *words->sorted, compare_words) != NULL;
}
