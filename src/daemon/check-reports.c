/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What `bailiffd --check` says of reports. A configuration that reports less
 * than it seems to is good all the same: nobody's host shall be open for it. So
 * these are warnings.
 */

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/private.h"

#define ABUSEIPDB_WINDOW (15 * 60) /* seconds in which the service itself takes one report of an address */

/* AbuseIPDB's list asks to give them beside others only. */
static bool is_lone(long category)
{
        return category == 13 || category == 20 || category == 22;
}

static bool all_are_lone(const char *categories)
{
        for (const char *p = categories; p; p = strchr(p, ',')) {
                p += *p == ',';
                if (!is_lone(strtol(p, NULL, 10)))
                        return false;
        }
        return true;
}

/**
 * check_jail_reports() - warn of what a jail says of reports
 * @filter:     the jail's; NULL: it has none
 */
void check_jail_reports(const JailConfig *jail, const Filter *filter)
{
        const char *place = config_jail_place(jail, "report"), *of_filter = filter ? filter_info(filter)->categories : NULL;
        const char *categories = jail->report.categories ? jail->report.categories : of_filter;
        char text[DURATION_TEXT_MAX];

        if (!jail->enabled || !jail->report.abuseipdb)
                return;
        if (jail->bantime != DURATION_FOREVER && jail->bantime < ABUSEIPDB_WINDOW)
                fprintf(stderr, "bailiffd: %s: jail %s: its bantime of %s is shorter than the 15 minutes in which AbuseIPDB takes one report "
                        "of an address; who is banned again sooner is not reported again\n",
                        place, jail->name, duration_format(jail->bantime, text));
        if (!categories)
                fprintf(stderr, "bailiffd: %s: jail %s: reports nothing to AbuseIPDB, as %s; write report: { abuseipdb: { categories: [18] } }\n",
                        place, jail->name, filter ? "its filter names no categories" : "it has no filter that names categories");
        else if (all_are_lone(categories))
                fprintf(stderr, "bailiffd: %s: jail %s: AbuseIPDB asks for the categories 13, 20 and 22 beside others only; write one more, as in "
                        "categories: [18, 22]\n", place, jail->name);
}

/* Whether the courier can read it, by the rights of the file alone. Where it has no user, nobody knows. */
static bool courier_reads(const struct stat *st)
{
        const struct passwd *user = getpwnam("bailiff-courier");

        return !user || (st->st_uid == user->pw_uid && (st->st_mode & S_IRUSR)) || (st->st_gid == user->pw_gid && (st->st_mode & S_IRGRP));
}

/* A file that is named; what cannot be looked at, nothing is said of. */
static void check_file(const char *place, const char *key, const char *path, bool is_secret)
{
        struct stat st;

        if (!path)
                return;
        if (stat(path, &st) < 0) {
                if (errno == ENOENT || errno == ENOTDIR)
                        fprintf(stderr, is_secret ? "bailiffd: %s: %s: %s is not there, so nothing can be reported; make it: install -m 640 -o root "
                                                    "-g bailiff-courier /dev/null %s, then write the account's key into it\n"
                                                  : "bailiffd: %s: %s: %s is not there, so nothing can be reported\n",
                                place, key, path, path);
                return;
        }
        if (!S_ISREG(st.st_mode))
                fprintf(stderr, "bailiffd: %s: %s: %s is no file\n", place, key, path);
        else if (st.st_size == 0)
                fprintf(stderr, "bailiffd: %s: %s: %s is empty\n", place, key, path);
        else if (is_secret && (st.st_mode & S_IRWXO))
                fprintf(stderr, "bailiffd: %s: %s: %s can be read by everyone, so the key is not used; take that away: chmod o= %s\n", place, key,
                        path, path);
        else if (is_secret && !courier_reads(&st))
                fprintf(stderr, "bailiffd: %s: %s: %s cannot be read by bailiff-courier; to let it: chown root:bailiff-courier %s && chmod 640 %s\n",
                        place, key, path, path, path);
}

static bool reports_to(const JailConfig *jail, bool is_abuseipdb)
{
        return jail->enabled && (is_abuseipdb ? jail->report.abuseipdb : jail->report.virustotal);
}

static void check_service(const Config *config, const ReportServiceConfig *service, const char *key, const char *name)
{
        bool is_abuseipdb = service == &config->abuseipdb;
        const JailConfig *first = NULL;
        const char *place = config_option_place(config, key);

        for (size_t i = 0; i < config->n_jails && !first; i++)
                if (reports_to(&config->jails[i], is_abuseipdb))
                        first = &config->jails[i];
        if (!service->configured) {
                if (first)
                        fprintf(stderr, "bailiffd: %s: jail %s: %s is not under reports:, so nothing is reported there; write reports: { %s: { key_file: "
                                "%s.key } }\n", config_jail_place(first, "report"), first->name, name, key, key);
                return;
        }
        if (!first)
                fprintf(stderr, "bailiffd: %s: no jail reports to %s; write report: { %s: true } in a jail or in defaults\n", place, name, key);
        check_file(place, "key_file", service->key_file, true);
        check_file(place, "ca_file", service->ca_file, false);
}

/**
 * check_report_services() - warn of what `reports:` and the jails say of each other, and of files that are not there
 */
void check_report_services(const Config *config)
{
        check_service(config, &config->abuseipdb, "abuseipdb", "AbuseIPDB");
        check_service(config, &config->virustotal, "virustotal", "VirusTotal");
}
