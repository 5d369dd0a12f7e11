/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What differs between two configurations, by the option table: values are
 * compared as they are written, so what is shown is what was compared.
 *
 * A jail that is not enabled is not there. One that went and one that came are
 * the same under another name if that is all that differs; with two that could
 * be meant, nobody knows which, and they went and came.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/allow.h"
#include "config/private.h"

typedef struct Comparison {
        const Config *before, *after;
        const JailConfig *renamed_before, *renamed_after; /* of at most one pair, else NULL */
        ConfigChangeVisitor visitor;
        void *userdata;
} Comparison;

static int option_text(const Option *option, const void *target, char **ret_text)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        option_write(option, target, stream);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret_text = steal(text);
        return 0;
}

static int allow_text(const AllowConfig *entry, char **ret_text)
{
        char addr[ADDR_TEXT_MAX];

        *ret_text = strdup(entry->kind == ALLOW_ADDR ? addr_format(&entry->addr, addr) : entry->text);
        return *ret_text ? 0 : -ENOMEM;
}

static bool is_option(const Option *option)
{
        return option->type != OPTION_ALLOW && option->type != OPTION_DEFAULTS && option->type != OPTION_JAILS;
}

static bool is_map(const Option *option)
{
        return option->type == OPTION_MAP || option->type == OPTION_GROUP;
}

static bool has_maps(const Option *option)
{
        for (size_t i = 0; is_map(option) && i < option->table->n_options; i++)
                if (is_map(&option->table->options[i]))
                        return true;
        return false;
}

/* Calls the visitor with each option that differs. A map is one option; of a map of maps, each of their options is. */
static int compare_options(const OptionTable *table, const char *within, const void *before, const void *after, ConfigChange change,
                           const Comparison *comparison)
{
        for (size_t i = 0; i < table->n_options; i++) {
                const Option *option = &table->options[i];
                _cleanup_free_ char *old = NULL, *new = NULL;
                char key[3 * OPTION_KEY_MAX];
                int r;

                if (!is_option(option))
                        continue;
                snprintf(key, sizeof key, "%s%s%s", within, *within ? "." : "", option->key);
                if (has_maps(option) || (*within && is_map(option))) {
                        r = compare_options(option->table, key, before, after, change, comparison);
                        if (r != 0)
                                return r;
                        continue;
                }
                if (option_text(option, before, &old) < 0 || option_text(option, after, &new) < 0)
                        return -ENOMEM;
                if (strcmp(old, new) == 0)
                        continue;
                change.key = key;
                change.old = old;
                change.new = new;
                r = comparison->visitor(comparison->userdata, &change);
                if (r != 0)
                        return r;
        }
        return 0;
}

static const JailConfig *find_jail(const Config *config, const char *name)
{
        for (size_t i = 0; i < config->n_jails; i++)
                if (config->jails[i].enabled && strcmp(config->jails[i].name, name) == 0)
                        return &config->jails[i];
        return NULL;
}

static bool has_entry(const Config *config, const AllowConfig *entry, const char *jail)
{
        AllowConfig wanted = *entry;

        wanted.jail = jail;
        for (size_t i = 0; i < config->n_allow; i++)
                if (allow_equal(&config->allow[i], &wanted))
                        return true;
        return false;
}

/* ---- renames ---- */

static int stop_at_change(void *userdata, const ConfigChange *change)
{
        return 1;
}

/* Whether all that `a` allows itself `b` does, too. */
static bool allows_no_more(const Config *config_a, const JailConfig *a, const Config *config_b, const JailConfig *b)
{
        for (size_t i = 0; i < config_a->n_allow; i++) {
                const AllowConfig *entry = &config_a->allow[i];

                if (entry->jail && strcmp(entry->jail, a->name) == 0 && !has_entry(config_b, entry, b->name))
                        return false;
        }
        return true;
}

static int find_rename(Comparison *comparison)
{
        const Config *before = comparison->before, *after = comparison->after;
        Comparison stop = { .visitor = stop_at_change };
        const JailConfig *gone = NULL, *come = NULL;

        for (size_t i = 0; i < before->n_jails; i++)
                if (before->jails[i].enabled && !find_jail(after, before->jails[i].name)) {
                        if (gone)
                                return 0;
                        gone = &before->jails[i];
                }
        for (size_t i = 0; i < after->n_jails; i++)
                if (after->jails[i].enabled && !find_jail(before, after->jails[i].name)) {
                        if (come)
                                return 0;
                        come = &after->jails[i];
                }
        if (!gone || !come || !allows_no_more(before, gone, after, come) || !allows_no_more(after, come, before, gone))
                return 0;
        int r = compare_options(&JAIL_TABLE, "", gone, come, (ConfigChange){ 0 }, &stop);
        if (r < 0)
                return r;
        if (r == 0) {
                comparison->renamed_before = gone;
                comparison->renamed_after = come;
        }
        return 0;
}

/* ---- visiting ---- */

/* Entries of one side that the other has not. `config` is the one that has them. */
static int compare_allow(const Comparison *comparison, const Config *config, const Config *other, bool gone)
{
        for (size_t i = 0; i < config->n_allow; i++) {
                const AllowConfig *entry = &config->allow[i];
                const JailConfig *jail = entry->jail ? find_jail(config, entry->jail) : NULL;
                const JailConfig *same = jail ? find_jail(other, entry->jail) : NULL;
                _cleanup_free_ char *text = NULL;
                int r;

                if (entry->jail && (!jail || jail == comparison->renamed_before || jail == comparison->renamed_after))
                        continue;
                if ((!entry->jail || same) && has_entry(other, entry, entry->jail))
                        continue;
                if (allow_text(entry, &text) < 0)
                        return -ENOMEM;
                ConfigChange change = {
                        .kind = CONFIG_ALLOW,
                        .before = gone ? jail : same,
                        .after = gone ? same : jail,
                        .key = "allow",
                        .old = gone ? text : "",
                        .new = gone ? "" : text,
                };
                r = comparison->visitor(comparison->userdata, &change);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int visit_jail(const Comparison *comparison, ConfigChangeKind kind, const JailConfig *before, const JailConfig *after)
{
        ConfigChange change = { .kind = kind, .before = before, .after = after, .key = "", .old = "", .new = "" };

        return comparison->visitor(comparison->userdata, &change);
}

static int compare_gone_jails(const Comparison *comparison)
{
        int r = 0;

        for (size_t i = 0; i < comparison->before->n_jails && r == 0; i++) {
                const JailConfig *jail = &comparison->before->jails[i];

                if (!jail->enabled || find_jail(comparison->after, jail->name))
                        continue;
                r = jail == comparison->renamed_before ? visit_jail(comparison, CONFIG_JAIL_RENAMED, jail, comparison->renamed_after)
                                                       : visit_jail(comparison, CONFIG_JAIL_REMOVED, jail, NULL);
        }
        return r;
}

static int compare_jails(const Comparison *comparison)
{
        int r = compare_gone_jails(comparison);

        for (size_t i = 0; i < comparison->after->n_jails && r == 0; i++) {
                const JailConfig *after = &comparison->after->jails[i], *before = find_jail(comparison->before, after->name);

                if (!after->enabled || after == comparison->renamed_after)
                        continue;
                r = before ? compare_options(&JAIL_TABLE, "", before, after,
                                             (ConfigChange){ .kind = CONFIG_JAIL_CHANGED, .before = before, .after = after }, comparison)
                           : visit_jail(comparison, CONFIG_JAIL_ADDED, NULL, after);
        }
        return r;
}

/**
 * config_compare() - tell every difference between two configurations
 * @visitor:    called with each; a value other than 0 ends it
 *
 * In this order: options of the host, allow entries that went and came, jails
 * that went or have another name, jails that came or changed.
 *
 * Entries of a jail's own are told with the jail, also where it came or went
 * itself; not for one that is only renamed.
 *
 * Return: 0, what the visitor returned, -ENOMEM.
 */
int config_compare(const Config *before, const Config *after, ConfigChangeVisitor visitor, void *userdata)
{
        Comparison comparison = { .before = before, .after = after, .visitor = visitor, .userdata = userdata };
        int r = find_rename(&comparison);

        if (r == 0)
                r = compare_options(&CONFIG_TABLE, "", before, after, (ConfigChange){ .kind = CONFIG_OPTION }, &comparison);
        if (r == 0)
                r = compare_allow(&comparison, before, after, true);
        if (r == 0)
                r = compare_allow(&comparison, after, before, false);
        return r == 0 ? compare_jails(&comparison) : r;
}
