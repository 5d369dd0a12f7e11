/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The option table as a JSON schema (draft 2020-12), with which editors complete and check the file while it is written. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"

static const char TRUTH[] = "{ \"enum\": [true, false, \"yes\", \"no\", \"on\", \"off\"] }";

/* A JSON string. Asterisks of emphasis are left out. */
static void write_string(const char *text, FILE *stream)
{
        fputc('"', stream);
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        fputc('\\', stream);
                if (*text != '*')
                        fputc(*text, stream);
        }
        fputc('"', stream);
}

static void write_words(const char *const *words, FILE *stream)
{
        fputs("{ \"enum\": [", stream);
        for (size_t i = 0; words[i]; i++) {
                fputs(i ? ", " : "", stream);
                write_string(words[i], stream);
        }
        fputs("] }", stream);
}

static void write_table(const OptionTable *table, bool defaults, int indent, FILE *stream);

static void write_group(const OptionTable *table, int indent, FILE *stream)
{
        fprintf(stream, "{ \"anyOf\": [%s, {\n", TRUTH);
        write_table(table, false, indent + 2, stream);
        fprintf(stream, "%*s}] }", indent, "");
}

/* What a value may be. */
static void write_type(const Option *option, int indent, FILE *stream)
{
        switch (option->type) {
        case OPTION_BOOL: fputs(TRUTH, stream); break;
        case OPTION_DURATION:
                fprintf(stream, "{ \"anyOf\": [{ \"type\": \"integer\", \"minimum\": 1, \"maximum\": %lld }, "
                        "{ \"type\": \"string\", \"pattern\": \"^([0-9]+[smhdw])+$\" }%s] }",
                        (long long) DURATION_MAX_SEC, option->max ? ", { \"enum\": [\"forever\", -1] }" : "");
                break;
        case OPTION_PERIOD:
                fprintf(stream, "{ \"anyOf\": [{ \"type\": \"integer\", \"minimum\": %lld, \"maximum\": %lld }, "
                        "{ \"type\": \"string\", \"pattern\": \"^([0-9]+[smhdw])+$\" }] }", option->min, option->max);
                break;
        case OPTION_CATEGORIES:
                fputs("{ \"anyOf\": [{ \"const\": \"auto\" }, { \"type\": \"array\", \"minItems\": 1, \"uniqueItems\": true, "
                      "\"items\": { \"type\": \"integer\", \"minimum\": 1, \"maximum\": 23 } }] }", stream);
                break;
        case OPTION_COMMENT:
        case OPTION_REMARK:
                fprintf(stream, "{ \"anyOf\": [%s, { \"type\": [\"string\", \"number\"], \"minLength\": 1, \"maxLength\": %lld }] }",
                        option->type == OPTION_REMARK ? TRUTH : "{ \"const\": true }", option->max);
                break;
        case OPTION_URL: fputs("{ \"type\": \"string\", \"pattern\": \"^[Hh][Tt][Tt][Pp][Ss]://[^@?#]+$\" }", stream); break;
        case OPTION_PROXY: fputs("{ \"type\": \"string\", \"pattern\": \"^$|^(http|https|socks5h)://[^@?#]+$\" }", stream); break;
        case OPTION_FILE: fputs("{ \"type\": \"string\" }", stream); break;
        case OPTION_COUNT:
                fprintf(stream, "{ \"type\": \"integer\", \"minimum\": %lld, \"maximum\": %lld }", option->min, option->max);
                break;
        case OPTION_SIZE:
                fprintf(stream, "{ \"anyOf\": [{ \"type\": \"integer\", \"minimum\": %lld, \"maximum\": %lld }, "
                        "{ \"type\": \"string\", \"pattern\": \"^[0-9]+[kM]$\" }] }", option->min, option->max);
                break;
        case OPTION_FACTOR:
                fprintf(stream, "{ \"type\": \"number\", \"minimum\": %lld, \"maximum\": %lld }", option->min, option->max);
                break;
        case OPTION_WORD:
        case OPTION_CHOICE: write_words(option->words, stream); break;
        case OPTION_NAME: fputs("{ \"type\": [\"string\", \"number\", \"boolean\"] }", stream); break;
        case OPTION_SOURCES:
                fputs("{ \"anyOf\": [{ \"const\": \"auto\" }, { \"type\": \"array\", \"minItems\": 1, "
                      "\"items\": { \"enum\": [\"journal\", \"files\", \"bans\"] } }] }", stream);
                break;
        case OPTION_PORTS:
                fputs("{ \"anyOf\": [{ \"const\": \"all\" }, { \"type\": \"array\", \"minItems\": 1, \"items\": "
                      "{ \"anyOf\": [{ \"type\": \"integer\", \"minimum\": 1, \"maximum\": 65535 }, "
                      "{ \"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_.+-]+(/(tcp|udp))?$\" }] } }] }", stream);
                break;
        case OPTION_PREFIXES:
                fputs("{ \"type\": \"array\", \"items\": { \"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f:.]+/(32|40|48|56|64|96)$\" } }", stream);
                break;
        case OPTION_PATHS:
                fputs("{ \"type\": \"array\", \"items\": { \"type\": \"string\", \"pattern\": \"^/\" } }", stream);
                break;
        case OPTION_TIMEZONE:
        case OPTION_CONTAINERS:
                fputs("{ \"type\": \"array\", \"items\": { \"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_.*?!\\\\[\\\\]-]+$\" } }", stream);
                break;
        case OPTION_NAMESPACES:
                fputs("{ \"type\": \"array\", \"items\": { \"type\": \"string\", \"pattern\": \"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$\" } }", stream);
                break;
        case OPTION_MEMBER:
        case OPTION_TEXT: fputs("{ \"type\": \"string\" }", stream); break;
        case OPTION_ALLOW: fputs("{ \"type\": [\"array\", \"null\"], \"items\": { \"type\": \"string\" } }", stream); break;
        case OPTION_GROUP: write_group(option->table, indent, stream); break;
        case OPTION_MAP:
                fputs("{\n", stream);
                write_table(option->table, false, indent + 2, stream);
                fprintf(stream, "%*s}", indent, "");
                break;
        case OPTION_DEFAULTS:
                fputs("{\n", stream);
                write_table(option->table, true, indent + 2, stream);
                fprintf(stream, "%*s}", indent, "");
                break;
        case OPTION_JAILS:
                fprintf(stream, "{ \"type\": [\"object\", \"null\"], \"propertyNames\": { \"pattern\": \"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$\" }, "
                        "\"additionalProperties\": {\n");
                write_table(option->table, false, indent + 2, stream);
                fprintf(stream, "%*s} }", indent, "");
                break;
        }
}

static void write_property(const Option *option, const char *sign, const char *before, int indent, FILE *stream)
{
        fprintf(stream, "%s%*s\"%s%s\": { \"description\": ", before, indent, "", option->key, sign);
        write_string(option->help, stream);
        if (!*sign && option->fallback) {
                fputs(", \"default\": ", stream);
                bool bare = option->type == OPTION_BOOL || option->type == OPTION_COUNT || option->type == OPTION_SIZE ||
                            option->type == OPTION_FACTOR || option->type == OPTION_PREFIXES || option->type == OPTION_PATHS ||
                            option->type == OPTION_CONTAINERS || option->type == OPTION_NAMESPACES ||
                            option->type == OPTION_COMMENT || option->type == OPTION_REMARK;

                if (bare)
                        fputs(option->fallback, stream);
                else
                        write_string(option->fallback, stream);
        }
        fputs(", \"allOf\": [", stream);
        write_type(option, indent, stream);
        fputs("] }", stream);
}

/* The inside of an object's schema. */
static void write_table(const OptionTable *table, bool defaults, int indent, FILE *stream)
{
        const char *before = "";

        fprintf(stream, "%*s\"type\": [\"object\", \"null\"],\n%*s\"additionalProperties\": false,\n%*s\"properties\": {\n", indent, "", indent, "",
                indent, "");
        for (size_t i = 0; i < table->n_options; i++) {
                const Option *option = &table->options[i];

                if (defaults && strcmp(option->key, "filter") == 0)
                        continue;
                write_property(option, "", before, indent + 2, stream);
                before = ",\n";
                if (option_is_list(option))
                        write_property(option, "+", before, indent + 2, stream);
                if (option->type == OPTION_ALLOW)
                        write_property(option, "!", before, indent + 2, stream);
        }
        fprintf(stream, "\n%*s}\n", indent, "");
}

/**
 * config_schema() - the JSON schema of the configuration
 * @ret_text:   draft 2020-12, for free(3)
 *
 * Return: 0, -ENOMEM.
 */
int config_schema(char **ret_text)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"bailiff.yaml\",\n", stream);
        write_table(&CONFIG_TABLE, false, 2, stream);
        fputs("}\n", stream);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret_text = steal(text);
        return 0;
}
