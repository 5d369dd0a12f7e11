/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The option table as the manual's list of options. A test finds it word by word in bailiff.yaml(5). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"

#define WIDTH 120

/* Writes a paragraph in lines of at most WIDTH columns. */
static void write_wrapped(const char *text, int indent, FILE *stream)
{
        size_t column = 0;

        while (*text) {
                size_t word = strcspn(text, " ");

                if (column > 0 && column + 1 + word > WIDTH) {
                        fputc('\n', stream);
                        column = 0;
                }
                if (column == 0)
                        column = (size_t) fprintf(stream, "%*s%.*s", indent, "", (int) word, text);
                else
                        column += (size_t) fprintf(stream, " %.*s", (int) word, text);
                text += word;
                text += strspn(text, " ");
        }
        fputc('\n', stream);
}

static void write_bounds(const Option *option, FILE *stream)
{
        char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];

        if (option->type == OPTION_COUNT || option->type == OPTION_SIZE || option->type == OPTION_FACTOR)
                fprintf(stream, " From %lld to %lld.", option->min, option->max);
        else if (option->type == OPTION_PERIOD)
                fprintf(stream, " From %s to %s.", duration_format(option->min, min), duration_format(option->max, max));
        else if (option->type == OPTION_COMMENT || option->type == OPTION_REMARK)
                fprintf(stream, " At most %lld bytes.", option->max);
        else if (option->type == OPTION_DURATION && option->max)
                fputs(" May be *forever*.", stream);
        if (option->fallback && *option->fallback && strcmp(option->fallback, "[]") != 0)
                fprintf(stream, " Default *%s*.", option->fallback);
}

static int write_table(const OptionTable *table, int indent, FILE *stream)
{
        for (size_t i = 0; i < table->n_options; i++) {
                const Option *option = &table->options[i];
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *paragraph = open_memstream(&text, &size);

                if (!paragraph)
                        return -ENOMEM;
                fputs(option->help, paragraph);
                write_bounds(option, paragraph);
                if (fclose(paragraph) != 0)
                        return -ENOMEM;
                fprintf(stream, "%*s%s\n", indent, "", option->key);
                write_wrapped(text, indent + 8, stream);
                if (option->type == OPTION_GROUP || option->type == OPTION_MAP) {
                        fputc('\n', stream);
                        if (write_table(option->table, indent + 8, stream) < 0)
                                return -ENOMEM;
                        fputc('\n', stream);
                }
        }
        return 0;
}

/**
 * config_options_manual() - the options of the host and of a jail as sections of the manual
 * @ret_text:   reStructuredText, for free(3)
 *
 * Return: 0, -ENOMEM.
 */
int config_options_manual(char **ret_text)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        fputs("TOP LEVEL\n=========\n\n", stream);
        int r = write_table(&CONFIG_TABLE, 0, stream);
        fputs("\nOPTIONS OF A JAIL\n=================\n\n", stream);
        if (r == 0)
                r = write_table(&JAIL_TABLE, 0, stream);
        if (fclose(stream) != 0 || r < 0)
                return -ENOMEM;
        *ret_text = steal(text);
        return 0;
}
