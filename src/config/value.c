/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A value of each type: how it is read from YAML and written so that it reads back the same. */

#include <errno.h>
#include <string.h>

#include "config/option.h"
#include "util/text.h"
#include "util/zone.h"

#define MEMBER_MAX 100

#define PREFIXES_MAX 16

static int duration_read(const Option *option, const YamlNode *node, int64_t *target, Problem *problem)
{
        int64_t seconds;
        int r = node->kind == YAML_SCALAR ? duration_parse(node->text, &seconds) : -EINVAL;

        if (r == -ERANGE)
                return yaml_problem(node, problem, "\"%s\" is out of bounds: 1s to 3653d (ten years)%s", node->text,
                                    option->max ? ", or forever" : "");
        if (r < 0)
                return yaml_problem(node, problem,
                                    "must be a duration: 10m, 1d12h, seconds%s", option->max ? ", or forever" : "");
        if (seconds == DURATION_FOREVER && !option->max)
                return yaml_problem(node, problem, "cannot be forever; give a duration such as 10m");
        *target = seconds;
        return 0;
}

static int period_read(const Option *option, const YamlNode *node, int64_t *target, Problem *problem)
{
        char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];
        int64_t seconds;
        int r = node->kind == YAML_SCALAR ? duration_parse(node->text, &seconds) : -EINVAL;

        if (r < 0 || seconds == DURATION_FOREVER || seconds < option->min || seconds > option->max)
                return yaml_problem(node, problem, "must be a duration from %s to %s: 30m, 1d12h, seconds", duration_format(option->min, min),
                                    duration_format(option->max, max));
        *target = seconds;
        return 0;
}

/* Digits with k or M behind them. */
static int size_read(const Option *option, const YamlNode *node, size_t *target, Problem *problem)
{
        long long value = 0, unit = 1;

        if (node->kind == YAML_SCALAR) {
                const char *p = node->text, *end = p + strspn(p, "0123456789");

                for (; p < end && value <= option->max; p++)
                        value = value * 10 + (*p - '0');
                if (*end)
                        unit = strcmp(end, "k") == 0 ? 1000 : strcmp(end, "M") == 0 ? 1000000 : 0;
                if (end > node->text && unit > 0 && value * unit >= option->min && value * unit <= option->max) {
                        *target = (size_t) (value * unit);
                        return 0;
                }
        }
        return yaml_problem(node, problem,
                            "must be a whole number from %lld to %lld; 10k and 2M are taken, too", option->min, option->max);
}

/* In thousandths and without strtod(3), whose decimal point depends on the locale. */
static int factor_read(const Option *option, const YamlNode *node, double *target, Problem *problem)
{
        long long value = 0;
        unsigned decimals = 0;

        if (node->kind == YAML_SCALAR && node->text[0] >= '0' && node->text[0] <= '9') {
                const char *p = node->text;

                for (; *p >= '0' && *p <= '9' && value <= option->max; p++)
                        value = value * 10 + (*p - '0');
                if (*p == '.')
                        for (p++; *p >= '0' && *p <= '9' && decimals < 3; p++, decimals++)
                                value = value * 10 + (*p - '0');
                for (; decimals < 3; decimals++)
                        value *= 10;
                if (!*p && p[-1] != '.' && value >= option->min * 1000 && value <= option->max * 1000) {
                        *target = (double) value / 1000;
                        return 0;
                }
        }
        return yaml_problem(node, problem,
                            "must be a number from %lld to %lld, with up to three decimals: 1.5", option->min, option->max);
}

static int word_read(const Option *option, const YamlNode *node, int *target, Problem *problem)
{
        char list[128] = "";

        for (int i = 0; option->words[i]; i++) {
                if (node->kind == YAML_SCALAR && strcmp(node->text, option->words[i]) == 0) {
                        *target = i;
                        return 0;
                }
                strcat(strcat(list, i ? " or " : ""), option->words[i]);
        }
        return yaml_problem(node, problem, "must be %s", list);
}

/**
 * option_text_is_plain() - whether option_write_text() may write this text
 *
 * No controls, and none of the characters that YAML takes as a line's end or
 * refuses.
 */
bool option_text_is_plain(const char *text)
{
        static const char *const refused[] = { "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf" };
        char shown[2048], *out = shown;
        size_t length = strlen(text);

        if (length > sizeof shown / 4 - 1)
                return false;
        text_printable(text, length, shown, sizeof shown);
        for (const char *p = text; *p; p++, out++) {
                if (*p != *out)
                        return false;
                out += *p == '\\'; /* is doubled */
        }
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                if (strstr(text, refused[i]))
                        return false;
        return true;
}

/**
 * option_write_text() - write a text in double quotes
 * @text:       option_text_is_plain(), but for line feeds
 */
void option_write_text(const char *text, FILE *stream)
{
        fputc('"', stream);
        for (; *text; text++) {
                if (*text == '"' || *text == '\\' || *text == '\n')
                        fputc('\\', stream);
                fputc(*text == '\n' ? 'n' : *text, stream);
        }
        fputc('"', stream);
}

static int name_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        if (node->kind != YAML_SCALAR || !*node->text || strlen(node->text) >= 256)
                return yaml_problem(node, problem, "must be a name");
        if (!option_text_is_plain(node->text))
                return yaml_problem(node, problem, "has a control character in it; remove it");
        *target = arena_text(arena, node->text);
        return *target ? 0 : -ENOMEM;
}

static int plain_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        if (node->kind == YAML_SCALAR && !*node->text)
                return (*target = "", 0);
        return name_read(node, target, arena, problem);
}

static int member_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        int r = plain_read(node, target, arena, problem);
        size_t length = r == 0 ? strlen(*target) : 0;

        if (length == 0)
                return r;
        if (length > MEMBER_MAX || **target == '.' || (*target)[length - 1] == '.' || strstr(*target, ".."))
                return yaml_problem(node, problem, "must be a member's name of at most %d bytes, as it stands in the objects; with dots for one inside "
                                    "another: client.ip", MEMBER_MAX);
        return 0;
}

static int timezone_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        _cleanup_(zone_freep) Zone *zone = NULL;
        Problem why = { "" };
        int r = plain_read(node, target, arena, problem);

        if (r < 0 || !**target)
                return r;
        return zone_load(*target, &zone, &why) < 0 ? yaml_problem(node, problem, "%s", why.text) : 0;
}

static int source_read(const YamlNode *node, unsigned *sources, Problem *problem)
{
        static const char *const known[] = { "journal", "bans", "files" }; /* in the order of CONFIG_SOURCE_* */
        const char *word = node->kind == YAML_SCALAR ? node->text : "", *near;

        if (strcmp(word, "auto") == 0)
                return yaml_problem(node, problem, "auto stands alone; write sources: auto");
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (strcmp(word, known[i]) == 0) {
                        *sources |= 1u << i;
                        return 0;
                }
        near = text_nearest(word, known, sizeof known / sizeof *known);
        if (near)
                return yaml_problem(node, problem, "\"%s\" is no source; did you mean \"%s\"?", word, near);
        return yaml_problem(node, problem, "\"%s\" is no source; sources are journal, files and bans", word);
}

static int sources_read(const YamlNode *node, unsigned *target, Problem *problem)
{
        bool append = node->key && option_key(node->key).sign == '+';
        unsigned sources = append ? *target : 0;
        int r;

        if (!append && node->kind == YAML_SCALAR && strcmp(node->text, "auto") == 0) {
                *target = 0;
                return 0;
        }
        if (node->kind != YAML_LIST || !node->children)
                return yaml_problem(node, problem, "must be auto, [journal], [files], both of them, or [bans]");
        for (const YamlNode *child = node->children; child; child = child->next) {
                r = source_read(child, &sources, problem);
                if (r < 0)
                        return r;
                if ((sources & CONFIG_SOURCE_BANS) && sources != CONFIG_SOURCE_BANS)
                        return yaml_problem(child, problem, "bans stands alone; make a second jail for the lines");
        }
        *target = sources;
        return 0;
}

static bool nat64_length(unsigned length)
{
        return length == 32 || length == 40 || length == 48 || length == 56 || length == 64 || length == 96;
}

static int prefix_read(const YamlNode *node, Addr *ret_addr, Problem *problem)
{
        int r = node->kind == YAML_SCALAR ? addr_parse_prefix(node->text, ret_addr) : -EINVAL;

        if (r == -EDOM)
                return yaml_problem(node, problem, "\"%s\" has bits set behind the prefix length; write the network's first address", node->text);
        if (r < 0)
                return yaml_problem(node, problem, "\"%s\" is no IPv6 prefix; write one as in \"2001:db8:64::/96\"",
                                    node->kind == YAML_SCALAR ? node->text : yaml_kind_name(node->kind));
        if (ret_addr->family != 6 || !nat64_length(ret_addr->length))
                return yaml_problem(node, problem, "\"%s\" is no prefix of NAT64; it must be of IPv6, with length 32, 40, 48, 56, 64 or 96", node->text);
        return 0;
}

static int prefixes_read(const YamlNode *node, const Addr **target, Arena *arena, Problem *problem)
{
        size_t n = 0, *ret_n = (size_t *) (target + 1);
        Addr *prefixes;
        int r;

        if (node->kind != YAML_LIST)
                return yaml_problem(node, problem, "must be a list of IPv6 prefixes: [\"2001:db8:64::/96\"]");
        if (yaml_count(node) > PREFIXES_MAX)
                return yaml_problem(node, problem, "more than %d prefixes", PREFIXES_MAX);
        prefixes = arena_alloc(arena, (yaml_count(node) + 1) * sizeof *prefixes);
        if (!prefixes)
                return -ENOMEM;
        for (const YamlNode *child = node->children; child; child = child->next) {
                r = prefix_read(child, &prefixes[n++], problem);
                if (r < 0)
                        return r;
        }
        *target = prefixes;
        *ret_n = n;
        return 0;
}

/**
 * option_read() - read one option's value
 * @target:     the Config or JailConfig
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int option_read(const Option *option, const YamlNode *node, void *target, Arena *arena, Problem *problem)
{
        void *place = (char *) target + option->offset;
        long long number;
        int value, r;

        switch (option->type) {
        case OPTION_BOOL: return yaml_bool(node, place, problem);
        case OPTION_DURATION: return duration_read(option, node, place, problem);
        case OPTION_PERIOD: return period_read(option, node, place, problem);
        case OPTION_COUNT:
                r = yaml_integer(node, option->min, option->max, &number, problem);
                if (r == 0)
                        *(unsigned *) place = (unsigned) number;
                return r;
        case OPTION_SIZE: return size_read(option, node, place, problem);
        case OPTION_FACTOR: return factor_read(option, node, place, problem);
        case OPTION_WORD: return word_read(option, node, place, problem);
        case OPTION_CHOICE:
                r = word_read(option, node, &value, problem);
                if (r == 0)
                        *(bool *) place = value;
                return r;
        case OPTION_NAME: return name_read(node, place, arena, problem);
        case OPTION_SOURCES: return sources_read(node, place, problem);
        case OPTION_PORTS: return ports_read(node, target, arena, problem);
        case OPTION_PREFIXES: return prefixes_read(node, place, arena, problem);
        case OPTION_CONTAINERS:
        case OPTION_NAMESPACES: return config_names_read(node, option, place, arena, problem);
        case OPTION_PATHS: return logs_read(node, target, arena, problem);
        case OPTION_TEXT: return plain_read(node, place, arena, problem);
        case OPTION_MEMBER: return member_read(node, place, arena, problem);
        case OPTION_TIMEZONE: return timezone_read(node, place, arena, problem);
        case OPTION_CATEGORIES: return categories_read(node, place, arena, problem);
        case OPTION_COMMENT:
        case OPTION_REMARK: return comment_read(option, node, target, arena, problem);
        case OPTION_URL: return url_read(node, place, arena, problem);
        case OPTION_PROXY: return proxy_read(node, place, arena, problem);
        case OPTION_FILE: return config_file_read(node, target, place, arena, problem);
        case OPTION_ALLOW:
        case OPTION_GROUP:
        case OPTION_MAP:
        case OPTION_DEFAULTS:
        case OPTION_JAILS: break; /* read by config.c, which knows what they stand in */
        }
        return -EINVAL;
}

static void sources_write(unsigned sources, FILE *stream)
{
        static const char *const words[] = { "auto", "[journal]", "[bans]", "", "[files]", "[journal, files]" };

        fputs(words[sources], stream);
}

static void factor_write(double factor, FILE *stream)
{
        unsigned thousandths = (unsigned) (factor * 1000 + 0.5);
        char text[32];

        snprintf(text, sizeof text, "%u.%03u", thousandths / 1000, thousandths % 1000);
        for (size_t end = strlen(text); text[end - 1] == '0' || text[end - 1] == '.'; end--) {
                bool point = text[end - 1] == '.';

                text[end - 1] = '\0';
                if (point)
                        break;
        }
        fputs(text, stream);
}

static void prefixes_write(const Addr *const *place, FILE *stream)
{
        size_t n = *(const size_t *) (place + 1);
        char text[ADDR_TEXT_MAX];

        fputc('[', stream);
        for (size_t i = 0; i < n; i++)
                fprintf(stream, "%s\"%s\"", i ? ", " : "", addr_format(&(*place)[i], text));
        fputc(']', stream);
}

static void group_write(const OptionTable *table, const void *target, FILE *stream)
{
        for (size_t i = 0; i < table->n_options; i++) {
                fprintf(stream, "%s%s: ", i ? ", " : "{ ", table->options[i].key);
                option_write(&table->options[i], target, stream);
        }
        fputs(" }", stream);
}

/**
 * option_write() - write an option on one line so that option_read() reads the same
 */
void option_write(const Option *option, const void *target, FILE *stream)
{
        const void *place = (const char *) target + option->offset;
        char text[DURATION_TEXT_MAX];

        switch (option->type) {
        case OPTION_BOOL: fputs(*(const bool *) place ? "true" : "false", stream); break;
        case OPTION_PERIOD:
        case OPTION_DURATION: fputs(duration_format(*(const int64_t *) place, text), stream); break;
        case OPTION_COUNT: fprintf(stream, "%u", *(const unsigned *) place); break;
        case OPTION_SIZE: fprintf(stream, "%zu", *(const size_t *) place); break;
        case OPTION_FACTOR: factor_write(*(const double *) place, stream); break;
        case OPTION_WORD: fputs(option->words[*(const int *) place], stream); break;
        case OPTION_CHOICE: fputs(option->words[*(const bool *) place], stream); break;
        case OPTION_NAME: option_write_text(*(const char *const *) place, stream); break;
        case OPTION_SOURCES: sources_write(*(const unsigned *) place, stream); break;
        case OPTION_PORTS: ports_write(target, stream); break;
        case OPTION_PREFIXES: prefixes_write(place, stream); break;
        case OPTION_CONTAINERS:
        case OPTION_NAMESPACES: config_names_write(place, stream); break;
        case OPTION_PATHS: logs_write(target, stream); break;
        case OPTION_TIMEZONE:
        case OPTION_MEMBER:
        case OPTION_TEXT: option_write_text(*(const char *const *) place, stream); break;
        case OPTION_URL:
        case OPTION_PROXY:
        case OPTION_FILE: option_write_text(*(const char *const *) place ? *(const char *const *) place : "", stream); break;
        case OPTION_CATEGORIES: categories_write(*(const char *const *) place, stream); break;
        case OPTION_COMMENT:
        case OPTION_REMARK: comment_write(option, target, stream); break;
        case OPTION_MAP:
        case OPTION_GROUP: group_write(option->table, target, stream); break;
        case OPTION_ALLOW:
        case OPTION_DEFAULTS:
        case OPTION_JAILS: break;
        }
}
