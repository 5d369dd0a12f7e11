/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The configuration in force as a file: every option of every jail, so that nothing but this file is needed to have it again. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/allow.h"
#include "config/private.h"
#include "util/text.h"

typedef struct Dumper {
        const Config *config;
        bool origin;
        FILE *stream;
} Dumper;

/* Ends a line, with where it comes from as a comment. `place` NULL: a default. */
static void end_line(const Dumper *dumper, const char *place)
{
        if (dumper->origin) {
                size_t length = place ? strlen(place) : 0;
                _cleanup_free_ char *shown = malloc(4 * length + 1);

                if (place && shown)
                        text_printable(place, length, shown, 4 * length + 1);
                fprintf(dumper->stream, "  # %s", !place ? "default" : shown ? shown : "?");
        }
        fputc('\n', dumper->stream);
}

static const char *place_of(const ConfigOrigin *origin, const Option *option)
{
        while (origin && origin->option != option)
                origin = origin->next;
        return origin ? origin->place : NULL;
}

static void dump_options(const Dumper *dumper, const OptionTable *table, const void *target, const ConfigOrigin *origins, int indent);

static void dump_option(const Dumper *dumper, const Option *option, const void *target, const ConfigOrigin *origins, int indent)
{
        fprintf(dumper->stream, "%*s%s:", indent, "", option->key);
        if (option->type == OPTION_GROUP || option->type == OPTION_MAP) {
                fputc('\n', dumper->stream);
                dump_options(dumper, option->table, target, origins, indent + 2);
                return;
        }
        fputc(' ', dumper->stream);
        option_write(option, target, dumper->stream);
        end_line(dumper, place_of(origins, option));
}

static void dump_options(const Dumper *dumper, const OptionTable *table, const void *target, const ConfigOrigin *origins, int indent)
{
        for (size_t i = 0; i < table->n_options; i++) {
                const Option *option = &table->options[i];

                if (option->type == OPTION_ALLOW || option->type == OPTION_DEFAULTS || option->type == OPTION_JAILS ||
                    (table == &JAIL_TABLE && !config_has_option(target, option)))
                        continue;
                dump_option(dumper, option, target, origins, indent);
        }
}

static void dump_allow(const Dumper *dumper, const char *jail, int indent)
{
        const Config *config = dumper->config;
        size_t n = 0;

        for (size_t i = 0; i < config->n_allow; i++) {
                const AllowConfig *entry = &config->allow[i];

                if (!entry->jail != !jail || (jail && strcmp(entry->jail, jail) != 0))
                        continue;
                if (n++ == 0)
                        fprintf(dumper->stream, "%*sallow:\n", indent, "");
                fprintf(dumper->stream, "%*s- ", indent + 2, "");
                allow_write(entry, dumper->stream);
                end_line(dumper, entry->place);
        }
        if (n == 0) {
                fprintf(dumper->stream, "%*sallow: []", indent, "");
                end_line(dumper, NULL);
        }
}

/**
 * config_dump() - the configuration in force, every option written out
 * @origin:     say behind each value where it was written: "# file:line:column" or "# default"
 * @ret_text:   YAML that config_load_alone() reads to the same configuration, for free(3)
 *
 * Return: 0, -ENOMEM.
 */
int config_dump(const Config *config, bool origin, char **ret_text)
{
        size_t size;
        _cleanup_free_ char *text = NULL;
        FILE *stream = open_memstream(&text, &size);
        Dumper dumper = { config, origin, stream };

        if (!stream)
                return -ENOMEM;
        dump_options(&dumper, &CONFIG_TABLE, config, config->origins, 0);
        dump_allow(&dumper, NULL, 0);
        fprintf(stream, "jails:%s\n", config->n_jails ? "" : " {}");
        for (size_t i = 0; i < config->n_jails; i++) {
                const JailConfig *jail = &config->jails[i];

                fprintf(stream, "  %s:", jail->name);
                if (origin)
                        end_line(&dumper, jail->place);
                else
                        fputc('\n', stream);
                dump_options(&dumper, &JAIL_TABLE, jail, jail->origins, 4);
                dump_allow(&dumper, jail->name, 4);
        }
        bool failed = ferror(stream) != 0;
        if (fclose(stream) != 0 || failed)
                return -ENOMEM;
        *ret_text = steal(text);
        return 0;
}
