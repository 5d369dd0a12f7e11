/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Config: what the administrator wants. Built whole, checked whole, never changed afterwards. */

#include "ban.h"
#include "pipeline.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/problem.h"

/* Where a jail's lines come from; `sources: auto` is 0. */
enum { CONFIG_SOURCE_JOURNAL = 1 << 0, CONFIG_SOURCE_BANS = 1 << 1, CONFIG_SOURCE_FILES = 1 << 2 };

typedef enum AllowKind {
        ALLOW_ADDR,
        ALLOW_FILE,
        ALLOW_NAME,
} AllowKind;

/**
 * What the configuration allows: an address or a prefix, a file with such, or a
 * host's name.
 */
typedef struct AllowConfig {
        AllowKind kind;
        Addr addr;              /* ALLOW_ADDR */
        const char *text;       /* the file's absolute path; the name in lower case; else NULL */
        const char *jail;       /* NULL: host-wide */
        const char *place;      /* "file:line:column" */
} AllowConfig;

/* Where options' values were written, for config_dump(); jails go on with the list of `defaults:`. */
typedef struct ConfigOrigin ConfigOrigin;

/* Words of option.c, in their order. */
typedef enum ReportVerdict { REPORT_VERDICT_NONE, REPORT_VERDICT_MALICIOUS, REPORT_VERDICT_HARMLESS } ReportVerdict;

/**
 * What a jail reports, and how. What says nothing is off in every member that
 * switches: `enabled` is whether any service is told, `virustotal` whether it
 * gets a vote or a comment.
 */
typedef struct JailReportConfig {
        bool enabled;
        bool abuseipdb;                 /* report there */
        const char *categories;         /* "18,22"; NULL: the filter's */
        const char *abuseipdb_comment;  /* a template; NULL: the default one */
        bool virustotal;
        ReportVerdict vote;             /* at VirusTotal; NONE: no vote */
        bool virustotal_comments;       /* a comment at VirusTotal */
        const char *virustotal_comment; /* a template; NULL: the default one */
} JailReportConfig;

/**
 * A service under `reports:`.
 */
typedef struct ReportServiceConfig {
        bool configured;                /* it stands there */
        const char *key_file;           /* absolute; NULL: $CREDENTIALS_DIRECTORY/<service>.key */
        const char *url;                /* https only, without a slash at the end */
        const char *ca_file, *proxy;    /* NULL: the system's, none */
        int64_t timeout;                /* seconds, whole request */
        int64_t window;                 /* seconds in which an address is reported once */
        unsigned daily;                 /* requests; 0: none */
        unsigned bulk_daily;            /* AbuseIPDB: bulk files a day; 0: never */
        unsigned per_minute;            /* VirusTotal: requests */
} ReportServiceConfig;

typedef struct JailConfig {
        const char *name;
        bool enabled;
        unsigned sources;       /* CONFIG_SOURCE_*, 0: auto. CONFIG_SOURCE_BANS stands alone: it counts bans (recidive) */
        const char *const *containers; /* names, globs among them, whose entries of the journal are read in place of the service's */
        size_t n_containers;
        const char *const *logs; /* absolute paths, globs among them; ended by NULL */
        size_t n_logs;
        bool is_json;           /* format: json */
        struct {
                const char *message, *time, *address; /* members of an object, "a.b" for one inside another; "": the usual ones, no address */
        } json;
        const char *timezone;   /* of stamps that name none; "": the host's */
        bool observe;           /* count and show, do not ban */
        const char *filter;     /* "sshd", or with parameters "sshd[publickey=any]"; "" if it counts bans */
        const char *mode;
        int64_t findtime, bantime; /* seconds; bantime may be DURATION_FOREVER */
        unsigned maxretry;
        unsigned ipv6_prefix;
        const Port *ports;      /* NULL: all ports */
        size_t n_ports;
        bool reject;            /* action: reject */
        BanIncrement increment; /* bantime_increment */
        JailReportConfig report;
        const char *place;      /* "file:line:column", of the last layer that names it */
        const ConfigOrigin *origins;
} JailConfig;

/* Values of the words in option.c, in their order. */
enum { FIREWALL_NFTABLES, FIREWALL_NONE };
enum { ON_STOP_REMOVE, ON_STOP_KEEP };

typedef struct Config {
        const char *path;       /* as it was loaded */
        int firewall;           /* FIREWALL_* */
        int on_stop;            /* ON_STOP_* */
        bool counters;          /* a packet counter in every element */
        size_t max_windows;
        size_t max_bans;
        JailConfig *jails;
        size_t n_jails;
        AllowConfig *allow;     /* the host's, then all jails' in their order, also of those that are not enabled */
        size_t n_allow;
        const char *const *namespaces; /* of the journal, read beside it */
        size_t n_namespaces;
        const Addr *nat64;      /* further NAT64 prefixes */
        size_t n_nat64;
        ReportServiceConfig abuseipdb, virustotal; /* reports */
        const char *const *files; /* that it was read from, in order */
        size_t n_files;
        const ConfigOrigin *origins;
        Arena *arena; /* owns all of the above */
} Config;

/**
 * One difference between two configurations.
 */
typedef enum ConfigChangeKind {
        CONFIG_OPTION,          /* a host-wide option */
        CONFIG_ALLOW,           /* an entry of the allow list came or went */
        CONFIG_JAIL_ADDED,      /* or enabled */
        CONFIG_JAIL_REMOVED,    /* or disabled */
        CONFIG_JAIL_RENAMED,    /* all but the name is equal */
        CONFIG_JAIL_CHANGED,    /* one of its options: `key` */
} ConfigChangeKind;

typedef struct ConfigChange {
        ConfigChangeKind kind;
        const JailConfig *before, *after; /* jails; NULL where there is none */
        const char *key;        /* of the option, "report.abuseipdb.comment" for one in a map of maps; "allow" */
        const char *old, *new;  /* values as they are written; "" for none */
} ConfigChange;

typedef int (*ConfigChangeVisitor)(void *userdata, const ConfigChange *change);

/* The shipped file ($BAILIFF_SHIPPED, else BAILIFF_DATA_DIR/bailiff.yaml, where there is one), `path`, jails.d/ *.yaml beside `path`. */
int config_load(const char *path, Config **ret_config, Problem *problem);
/* The same, with these jails enabled; one that nobody wrote down is made of the defaults. `path` NULL: what is shipped alone. */
int config_load_jails(const char *path, const char *const *jails, size_t n_jails, Config **ret_config, Problem *problem);
/* One file alone: a kept one, which has every value in it. */
int config_load_alone(const char *path, Config **ret_config, Problem *problem);
int config_compare(const Config *before, const Config *after, ConfigChangeVisitor visitor, void *userdata);
Config *config_free(Config *config);
DEFINE_CLEANUP(Config *, config_free)
const char *config_jail_place(const JailConfig *jail, const char *key);
const char *config_option_place(const Config *config, const char *key);
int config_dump(const Config *config, bool origin, char **ret_text);
int config_schema(char **ret_text);
int config_options_manual(char **ret_text);
