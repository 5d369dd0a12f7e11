/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One jail as it runs: its filter, and what is said of it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/text.h"
#include "util/yaml.h"

/**
 * jail_init() - a jail without a filter
 *
 * Return: 0 or -ENOMEM.
 */
int jail_init(Jail *jail, const JailConfig *config)
{
        *jail = (Jail){ .config = config, .matches = calloc(1, sizeof *jail->matches) };
        return jail->matches ? 0 : -ENOMEM;
}

/**
 * jail_filter_place() - where the configuration names what could not be loaded
 * @r:          what filter_load() returned
 *
 * Return: "file:line:column" of the jail's mode or filter; where it is not written, of the jail.
 */
const char *jail_filter_place(const JailConfig *config, int r)
{
        return config_jail_place(config, r == -ENXIO ? "mode" : "filter");
}

static void free_matches(char **matches)
{
        for (size_t i = 0; matches && matches[i]; i++)
                free(matches[i]);
        free(matches);
}

/**
 * jail_deinit() - free what a jail owns
 */
void jail_deinit(Jail *jail)
{
        filter_free(jail->filter);
        free_matches(jail->matches);
        free(jail->paused_by);
        *jail = (Jail){ .config = NULL };
}

/* FNV-1a over the contents, file by file: whether a filter is the one that runs is asked only on a reload. */
static uint64_t filter_fingerprint(const Filter *filter)
{
        uint64_t sum = UINT64_C(14695981039346656037);
        const char *file;

        for (size_t layer = 0; (file = filter_file(filter, layer)); layer++) {
                _cleanup_free_ char *text = NULL;
                size_t size = 0;

                if (text_read_file(file, YAML_SIZE_MAX, &text, &size) < 0)
                        size = 0;
                for (size_t i = 0; i < size; i++)
                        sum = (sum ^ (unsigned char) text[i]) * UINT64_C(1099511628211);
                sum = (sum ^ 0x100) * UINT64_C(1099511628211);
        }
        return sum;
}

/* "SYSLOG_IDENTIFIER=sshd", as journalctl takes it; NULL: no memory. */
static char **matches_of(const JailConfig *config, const FilterInfo *info)
{
        bool inside = config->n_containers > 0;
        const char *const *names = inside ? config->containers : info->idents;
        size_t n = inside ? config->n_containers : info->n_idents;
        char **matches = calloc(n + 1, sizeof *matches);

        for (size_t i = 0; matches && i < n; i++)
                if (asprintf(&matches[i], "%s=%s", inside ? "CONTAINER_NAME" : "SYSLOG_IDENTIFIER", names[i]) < 0) {
                        matches[i] = NULL;
                        free_matches(matches);
                        matches = NULL;
                }
        return matches;
}

/**
 * jail_set_filter() - give a jail its filter, in place of another
 * @filter:     taken over, also on failure
 *
 * Return: 0 or -ENOMEM.
 */
int jail_set_filter(Jail *jail, Filter *filter)
{
        char **matches = matches_of(jail->config, filter_info(filter));

        if (!matches) {
                filter_free(filter);
                return -ENOMEM;
        }
        filter_free(jail->filter);
        free_matches(jail->matches);
        jail->filter = filter;
        filter_set_containers(filter, jail->config->n_containers > 0);
        jail->fingerprint = filter_fingerprint(filter);
        jail->matches = matches;
        return 0;
}

/**
 * jail_take_filter() - let a jail go on with the filter of another, and its sessions
 */
void jail_take_filter(Jail *jail, Jail *from)
{
        char **matches;

        free_matches(jail->matches);
        filter_free(jail->filter);
        jail->filter = steal(from->filter);
        jail->matches = steal(from->matches);
        jail->fingerprint = from->fingerprint;
        if (!jail->filter)
                return;
        matches = matches_of(jail->config, filter_info(jail->filter));
        if (matches) {
                free_matches(jail->matches);
                jail->matches = matches;
        }
        filter_set_containers(jail->filter, jail->config->n_containers > 0);
}

/**
 * jail_degrade() - say what is wrong about a jail, or that nothing is (NULL)
 */
void jail_degrade(Daemon *daemon, const char *jail, const char *text)
{
        char topic[JAIL_NAME_MAX + 8];

        snprintf(topic, sizeof topic, "jail %s", jail);
        daemon_degrade(daemon, topic, text);
}

/**
 * jail_pause() - let a jail count without banning, or ban again
 * @by:         who asked, shown by `status`; NULL: it bans again
 */
void jail_pause(Jail *jail, const char *by, EventTime since)
{
        free(jail->paused_by);
        jail->paused_by = by ? strdup(by) : NULL;
        jail->paused_since = since;
}
