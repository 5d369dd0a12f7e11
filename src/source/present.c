/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Is there a journal, and may we read it?
 *
 * libsystemd opens what it can and passes over the rest in silence: without a
 * journal, or without the right to read it, it reports an empty one. A daemon
 * that reads an empty journal for ever has disarmed the host, so we look at the
 * files ourselves and tell the two cases apart. A user's own journal does not
 * count: the services write to the system's.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/private.h"

typedef struct Scan {
        const char *prefix; /* of the files that count */
        bool readable;
        char denied[PATH_MAX]; /* the first that may not be read; "" if none */
} Scan;

static void cleanup_closedir(DIR **directory)
{
        if (*directory)
                closedir(*directory);
}

static void deny(Scan *scan, const char *path, const char *name)
{
        if (!scan->denied[0])
                snprintf(scan->denied, sizeof scan->denied, "%s%s%s", path, *name ? "/" : "", name);
}

static void scan_directory(Scan *scan, const char *path, unsigned depth)
{
        _cleanup_(cleanup_closedir) DIR *directory = opendir(path);
        char below[PATH_MAX];

        if (!directory) {
                if (errno == EACCES)
                        deny(scan, path, "");
                return;
        }
        for (struct dirent *entry; !scan->readable && (entry = readdir(directory));) {
                size_t length = strlen(entry->d_name);

                if (entry->d_name[0] == '.')
                        continue;
                if (length > 8 && strcmp(entry->d_name + length - 8, ".journal") == 0) {
                        if (strncmp(entry->d_name, scan->prefix, strlen(scan->prefix)) != 0)
                                continue;
                        if (faccessat(dirfd(directory), entry->d_name, R_OK, AT_EACCESS) == 0)
                                scan->readable = true;
                        else if (errno == EACCES)
                                deny(scan, path, entry->d_name);
                } else if (depth > 0 && entry->d_type != DT_REG) {
                        if ((size_t) snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < sizeof below)
                                scan_directory(scan, below, depth - 1);
                }
        }
}

static int scan_system(Scan *scan, Problem *problem)
{
        char machine[SD_ID128_STRING_MAX], path[64];
        sd_id128_t id;
        int r;

        r = sd_id128_get_machine(&id);
        if (r < 0)
                return problem_set(problem, JOURNAL_E_ABSENT,
                                   "this machine has no id, so its journal cannot be found (/etc/machine-id: %s); run "
                                   "systemd-machine-id-setup",
                                   strerror(-r));
        sd_id128_to_string(id, machine);
        snprintf(path, sizeof path, "/run/log/journal/%s", machine);
        scan_directory(scan, path, 0);
        snprintf(path, sizeof path, "/var/log/journal/%s", machine);
        scan_directory(scan, path, 0);
        return 0;
}

/**
 * journal_present() - look for journal files that may be read
 * @problem:    what is missing, and what to do
 *
 * Return: 0, JOURNAL_E_ABSENT.
 */
int journal_present(const JournalConfig *config, Problem *problem)
{
        Scan scan = { .prefix = config->directory ? "" : "system" };

        if (config->directory)
                scan_directory(&scan, config->directory, 1);
        else if (scan_system(&scan, problem) != 0)
                return JOURNAL_E_ABSENT;
        if (scan.readable)
                return 0;
        if (scan.denied[0])
                return problem_set(problem, JOURNAL_E_ABSENT,
                                   "%s may not be read by uid %d: add bailiffd's user to the group systemd-journal "
                                   "(usermod -aG systemd-journal USER) and start it again",
                                   scan.denied, (int) geteuid());
        if (config->directory)
                return problem_set(problem, JOURNAL_E_ABSENT,
                                   "there is no journal file in %s: check --journal-dir; it is read as soon as there is one",
                                   config->directory);
        return problem_set(problem, JOURNAL_E_ABSENT,
                           "there is no journal yet in /run/log/journal or /var/log/journal: is systemd-journald running "
                           "(systemctl status systemd-journald), and is Storage= in journald.conf other than none? It is read as "
                           "soon as it is there");
}
