/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One table of options is behind layers, reading, defaults, bounds, messages,
 * --dump-config, comparison, the JSON schema and the manual's list: an option
 * cannot exist without its default, bound and help.
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config/option.h"
#include "report.h"

static const char *const FIREWALL_WORDS[] = { "nftables", "none", NULL };
static const char *const STOP_WORDS[] = { "remove", "keep", NULL };
static const char *const ACTION_WORDS[] = { "drop", "reject", NULL };
static const char *const FORMAT_WORDS[] = { "lines", "json", NULL };
static const char *const VERDICT_WORDS[] = { "none", "malicious", "harmless", NULL };
static const char *const OVER_WORDS[] = { "jail", "host", NULL };

static const Option INCREMENT_OPTIONS[] = {
        { "enabled", OPTION_BOOL, offsetof(JailConfig, increment.enabled), "false",
          .help = "Whether bans grow. A map without it switches it on." },
        { "factor", OPTION_FACTOR, offsetof(JailConfig, increment.factor), "2", 1, 100,
          .help = "Each ban of an address lasts that many times as long as its last one; with decimals, as in *1.5*." },
        { "max", OPTION_DURATION, offsetof(JailConfig, increment.max), "30d", 0, 1, .help = "No ban grows beyond this." },
        { "over", OPTION_CHOICE, offsetof(JailConfig, increment.over_host), "jail", .words = OVER_WORDS,
          .help = "*jail*: this jail's bans count; *host*: those of all jails." },
        { "forget", OPTION_DURATION, offsetof(JailConfig, increment.forget), "30d",
          .help = "So long after the end of its last ban an address begins anew." },
};
static const OptionTable INCREMENT_TABLE = { INCREMENT_OPTIONS, sizeof INCREMENT_OPTIONS / sizeof *INCREMENT_OPTIONS };

static const Option JSON_OPTIONS[] = {
        { "message", OPTION_MEMBER, offsetof(JailConfig, json.message), "",
          .help = "What the filter sees. Default: the first that is there of *message*, *msg*, *log*, *MESSAGE*." },
        { "time", OPTION_MEMBER, offsetof(JailConfig, json.time), "",
          .help = "When it was: a timestamp, or seconds since 1970, of which more than 10^11 are milliseconds. Default: the first that "
                  "is there of *time*, *ts*, *timestamp*, *@timestamp*." },
        { "address", OPTION_MEMBER, offsetof(JailConfig, json.address), "",
          .help = "Who it was, where no message says it: the filter sees *ADDRESS MESSAGE*, with one space between, and none of the "
                  "objects whose member is no address. Default: none; the filter sees the message alone." },
};
static const OptionTable JSON_TABLE = { JSON_OPTIONS, sizeof JSON_OPTIONS / sizeof *JSON_OPTIONS };

static const Option JAIL_ABUSEIPDB_OPTIONS[] = {
        { "enabled", OPTION_BOOL, offsetof(JailConfig, report.abuseipdb), "false",
          .help = "Whether bans are reported there. A map without it switches it on." },
        { "categories", OPTION_CATEGORIES, offsetof(JailConfig, report.categories), "auto",
          .help = "What happened, as numbers from 1 to 23 of AbuseIPDB's list: *[18, 22]* is brute force, at SSH. *auto*: those of the "
                  "filter." },
        { "comment", OPTION_COMMENT, offsetof(JailConfig, report.abuseipdb_comment), "true", 0, REPORT_ABUSEIPDB_COMMENT_MAX,
          .help = "What is said of it, in public: a text with placeholders, see REPORTS. *true*: the usual text." },
};
static const OptionTable JAIL_ABUSEIPDB_TABLE = { JAIL_ABUSEIPDB_OPTIONS, sizeof JAIL_ABUSEIPDB_OPTIONS / sizeof *JAIL_ABUSEIPDB_OPTIONS };

static const Option JAIL_VIRUSTOTAL_OPTIONS[] = {
        { "enabled", OPTION_BOOL, offsetof(JailConfig, report.virustotal), "false",
          .help = "Whether bans are reported there. A map without it switches it on." },
        { "vote", OPTION_WORD, offsetof(JailConfig, report.vote), "malicious", .words = VERDICT_WORDS,
          .help = "The vote on a banned address: *malicious*, *harmless*, or *none*." },
        { "comment", OPTION_REMARK, offsetof(JailConfig, report.virustotal_comment), "false", 0, REPORT_VIRUSTOTAL_COMMENT_MAX,
          .help = "A comment on it, in public and in the account's name: a text with placeholders, see REPORTS. *true*: the usual text; "
                  "*false*: none." },
};
static const OptionTable JAIL_VIRUSTOTAL_TABLE = { JAIL_VIRUSTOTAL_OPTIONS, sizeof JAIL_VIRUSTOTAL_OPTIONS / sizeof *JAIL_VIRUSTOTAL_OPTIONS };

static const Option REPORT_OPTIONS[] = {
        { "enabled", OPTION_BOOL, offsetof(JailConfig, report.enabled), "false",
          .help = "*false*: nobody is told, whatever the options below say. A map without it switches it on." },
        { "abuseipdb", OPTION_GROUP, .table = &JAIL_ABUSEIPDB_TABLE, .example = "{ categories: [18, 22] }",
          .help = "A report to AbuseIPDB: a map of the options below, or *true* or *false* alone." },
        { "virustotal", OPTION_GROUP, .table = &JAIL_VIRUSTOTAL_TABLE, .example = "{ vote: malicious }",
          .help = "A vote or a comment at VirusTotal, whose terms of use are to be read before; see REPORTS. A map of the options "
                  "below, or *true* or *false* alone." },
};
static const OptionTable REPORT_TABLE = { REPORT_OPTIONS, sizeof REPORT_OPTIONS / sizeof *REPORT_OPTIONS };

static const Option JAIL_OPTIONS[] = {
        { "enabled", OPTION_BOOL, offsetof(JailConfig, enabled), "true",
          .help = "Whether the jail runs. One that does not is checked all the same." },
        { "observe", OPTION_BOOL, offsetof(JailConfig, observe), "false", .help = "*true*: count and show, but do not ban." },
        { "sources", OPTION_SOURCES, offsetof(JailConfig, sources), "auto",
          .help = "Where the lines come from: *[journal]*, *[files]* (then *logs* says which), or both. *auto*: the journal where it has "
                  "lines of the service, else the files of *logs*. *[bans]* makes a jail that reads no lines but counts the bans of "
                  "all other jails, and so bans for longer who comes back (*recidive*); it has no *filter* and no *mode*." },
        { "containers", OPTION_CONTAINERS, offsetof(JailConfig, containers), "[]", .of_filter = true,
          .help = "Names of containers; \\*, ? and [...] stand for what they do in a shell: *[shop-\\*]*. The jail then reads their "
                  "output, as docker's driver journald and podman put it into the journal, in place of the service's entries; see "
                  "CONTAINERS AND JSON." },
        { "logs", OPTION_PATHS, offsetof(JailConfig, logs), "[]", .of_filter = true,
          .help = "Log files, by absolute path; \\*, ? and [...] stand for what they do in a shell: *[/var/log/nginx/\\*error.log]*. Files "
                  "that appear later are read as well." },
        { "format", OPTION_CHOICE, offsetof(JailConfig, is_json), "lines", .words = FORMAT_WORDS, .of_filter = true,
          .help = "How *logs* are written. *lines*: a line is a timestamp, if any, and a message; *json*: a line is a JSON object, as "
                  "docker and many applications write them; see CONTAINERS AND JSON." },
        { "json", OPTION_MAP, .table = &JSON_TABLE, .of_filter = true,
          .help = "With *format: json*, the members of an object that are wanted; *a.b* for *b* inside of *a*." },
        { "timezone", OPTION_TIMEZONE, offsetof(JailConfig, timezone), "", .of_filter = true,
          .help = "Of timestamps in *logs* that name no zone: *Europe/Berlin*, *UTC*, *+02:00*. Default: the host's." },
        { "filter", OPTION_NAME, offsetof(JailConfig, filter), NULL, .of_filter = true,
          .help = "The filter's name, with parameters if it has some: *\"sshd[publickey=any]\"*. Default: the jail's name." },
        { "mode", OPTION_NAME, offsetof(JailConfig, mode), "normal", .of_filter = true, .help = "Which of the filter's rules are used." },
        { "findtime", OPTION_DURATION, offsetof(JailConfig, findtime), "10m", .help = "Failures within this time count together." },
        { "maxretry", OPTION_COUNT, offsetof(JailConfig, maxretry), "5", 1, 1000,
          .help = "That many failures within *findtime* ban the address." },
        { "bantime", OPTION_DURATION, offsetof(JailConfig, bantime), "1d", 0, 1,
          .help = "How long a ban lasts, from the deciding failure on." },
        { "bantime_increment", OPTION_GROUP, .table = &INCREMENT_TABLE, .example = "{ factor: 2, max: 30d }",
          .help = "Bans that grow: a map of the options below, or *true* or *false* alone. The second ban of an address lasts "
                  "*bantime* times *factor*, the third that times *factor*, and so on." },
        { "ipv6_prefix", OPTION_COUNT, offsetof(JailConfig, ipv6_prefix), "64", 32, 128,
          .help = "IPv6 addresses count and are banned by prefixes of this length." },
        { "ports", OPTION_PORTS, offsetof(JailConfig, ports), "all",
          .help = "*all*, or up to 64 ports that a ban closes, by name or number: *[ssh, 25, 53/udp]*. A port without */tcp* or */udp* "
                  "means both. Ranges are not taken." },
        { "action", OPTION_CHOICE, offsetof(JailConfig, reject), "drop", .words = ACTION_WORDS,
          .help = "*drop*: packets of a banned address vanish; *reject*: they are refused, so that its side ends at once." },
        { "report", OPTION_GROUP, .table = &REPORT_TABLE, .example = "{ abuseipdb: true }",
          .help = "Who is told of this jail's bans; see REPORTS. A map of the options below, or *false*: nobody, also where *defaults* says "
                  "something." },
        { "allow", OPTION_ALLOW,
          .help = "Who is never banned by this jail; see ALLOW. It adds to *allow* of the host and of *defaults*." },
};
const OptionTable JAIL_TABLE = { JAIL_OPTIONS, sizeof JAIL_OPTIONS / sizeof *JAIL_OPTIONS };

#define MINUTE 60LL
#define DAY (24 * 60 * MINUTE)

/* What the options of both services have in common. */
#define SERVICE_FILES(service)                                                                                                             \
        { "enabled", OPTION_BOOL, offsetof(Config, service.configured), "false",                                                           \
          .help = "Whether reports go there. A map without it switches it on." },                                                          \
        { "key_file", OPTION_FILE, offsetof(Config, service.key_file), "",                                                                 \
          .help = "The file with the account's key, which nobody but its owner and group may read; a relative path begins beside "         \
                  "bailiff.yaml. Default: the credential *" #service ".key* of bailiff-courier.service; see REPORTS." }
#define SERVICE_TIMEOUT(service)                                                                                                           \
        { "timeout", OPTION_PERIOD, offsetof(Config, service.timeout), "300s", 5, 10 * MINUTE,                                             \
          .help = "How long one request may take as a whole." }
#define SERVICE_PLACE(service, base)                                                                                                       \
        { "url", OPTION_URL, offsetof(Config, service.url), base,                                                                          \
          .help = "What the service's URLs begin with; https alone, for the key goes there." },                                            \
        { "ca_file", OPTION_FILE, offsetof(Config, service.ca_file), "",                                                                   \
          .help = "Certificates of the authorities that are trusted with it. Default: the system's." },                                    \
        { "proxy", OPTION_PROXY, offsetof(Config, service.proxy), "",                                                                      \
          .help = "A proxy on the way: *http://HOST:PORT*, *https://HOST:PORT* or *socks5h://HOST:PORT*. Default: none." }

static const Option ABUSEIPDB_OPTIONS[] = {
        SERVICE_FILES(abuseipdb),
        SERVICE_TIMEOUT(abuseipdb),
        { "window", OPTION_PERIOD, offsetof(Config, abuseipdb.window), "24h", 15 * MINUTE, 365 * DAY,
          .help = "An address is reported once in this time. The service refuses a second report within 15 minutes." },
        { "daily", OPTION_COUNT, offsetof(Config, abuseipdb.daily), "1000", 0, 1000000,
          .help = "So many single reports a day; *0*: none. What the service says of its limit counts, where that is less." },
        { "bulk_daily", OPTION_COUNT, offsetof(Config, abuseipdb.bulk_daily), "5", 0, 1000,
          .help = "So many files with up to 9,999 reports a day, in which those go that the day has no room for otherwise; *0*: never." },
        SERVICE_PLACE(abuseipdb, "https://api.abuseipdb.com/api/v2"),
};
static const OptionTable ABUSEIPDB_TABLE = { ABUSEIPDB_OPTIONS, sizeof ABUSEIPDB_OPTIONS / sizeof *ABUSEIPDB_OPTIONS };

static const Option VIRUSTOTAL_OPTIONS[] = {
        SERVICE_FILES(virustotal),
        SERVICE_TIMEOUT(virustotal),
        { "window", OPTION_PERIOD, offsetof(Config, virustotal.window), "365d", DAY, 365 * DAY,
          .help = "An address is voted on once in this time, and commented once." },
        { "daily", OPTION_COUNT, offsetof(Config, virustotal.daily), "500", 0, 1000000,
          .help = "So many requests a day, of which a vote is one and a comment one; *0*: none." },
        { "per_minute", OPTION_COUNT, offsetof(Config, virustotal.per_minute), "4", 1, 1000, .help = "So many requests a minute." },
        SERVICE_PLACE(virustotal, "https://www.virustotal.com/api/v3"),
};
static const OptionTable VIRUSTOTAL_TABLE = { VIRUSTOTAL_OPTIONS, sizeof VIRUSTOTAL_OPTIONS / sizeof *VIRUSTOTAL_OPTIONS };

static const Option REPORTS_OPTIONS[] = {
        { "abuseipdb", OPTION_GROUP, .table = &ABUSEIPDB_TABLE, .example = "{ key_file: abuseipdb.key }",
          .help = "AbuseIPDB, and how it is reached: a map of the options below, or *true* or *false* alone." },
        { "virustotal", OPTION_GROUP, .table = &VIRUSTOTAL_TABLE, .example = "{ key_file: virustotal.key }",
          .help = "VirusTotal, the same; see REPORTS for its terms of use." },
};
static const OptionTable REPORTS_TABLE = { REPORTS_OPTIONS, sizeof REPORTS_OPTIONS / sizeof *REPORTS_OPTIONS };

static const Option CONFIG_OPTIONS[] = {
        { "firewall", OPTION_WORD, offsetof(Config, firewall), "nftables", .words = FIREWALL_WORDS,
          .help = "Where bans are enforced; *none*: they are decided, shown and remembered only." },
        { "on_stop", OPTION_WORD, offsetof(Config, on_stop), "keep", .words = STOP_WORDS,
          .help = "*keep*: bans stay in the kernel while bailiffd is stopped; *remove*: the table is removed at the stop." },
        { "counters", OPTION_BOOL, offsetof(Config, counters), "false",
          .help = "Count the packets of each banned address, shown by **bailiffctl bans**. Costs 15.5 bytes per CPU and ban." },
        { "max_windows", OPTION_SIZE, offsetof(Config, max_windows), "200000", 1000, 10000000,
          .help = "How many addresses may be counted at once. Beyond it those with the fewest failures are forgotten, the oldest of "
                  "them first, and **bailiffctl status** counts them." },
        { "max_bans", OPTION_SIZE, offsetof(Config, max_bans), "2000000", 100, 10000000,
          .help = "How many bans may be in force. Beyond it the automatic ban that ends soonest gives way. From 90 % on "
                  "**bailiffctl status** warns." },
        { "journal_namespaces", OPTION_NAMESPACES, offsetof(Config, namespaces), "[]",
          .help = "Namespaces of the journal (*LogNamespace=* of a unit, **systemd-journald@**\\ (8)) that are read beside the journal "
                  "itself. Not with **bailiffd --journal-dir**." },
        { "nat64", OPTION_PREFIXES, offsetof(Config, nat64), "[]",
          .help = "IPv6 prefixes of NAT64 besides *64:ff9b::/96*, each of length 32, 40, 48, 56, 64 or 96: their addresses count and "
                  "are banned singly, since many hosts are behind one prefix." },
        { "reports", OPTION_MAP, .table = &REPORTS_TABLE,
          .help = "Services that bans can be reported to; which bans are, *report* of a jail says. See REPORTS." },
        { "allow", OPTION_ALLOW, .help = "Who is never banned, for whatever reason; see ALLOW." },
        { "defaults", OPTION_DEFAULTS, .table = &JAIL_TABLE,
          .help = "Options of all jails that do not set their own; every option of a jail but *filter*." },
        { "jails", OPTION_JAILS, .table = &JAIL_TABLE, .help = "Map from a jail's name to its options." },
};
const OptionTable CONFIG_TABLE = { CONFIG_OPTIONS, sizeof CONFIG_OPTIONS / sizeof *CONFIG_OPTIONS };

/**
 * option_key() - split a key into its stem and what stands behind it
 */
OptionKey option_key(const char *key)
{
        OptionKey split = { .sign = '\0' };
        size_t length = strlen(key);

        if (length > 1 && (key[length - 1] == '+' || key[length - 1] == '!'))
                split.sign = key[--length];
        if (length >= sizeof split.stem)
                length = sizeof split.stem - 1; /* longer than any option, so it is unknown all the same */
        memcpy(split.stem, key, length);
        return split;
}

/**
 * option_find() - the option of a key without sign, or NULL
 */
const Option *option_find(const OptionTable *table, const char *key)
{
        for (size_t i = 0; i < table->n_options; i++)
                if (strcmp(table->options[i].key, key) == 0)
                        return &table->options[i];
        return NULL;
}

/**
 * option_unknown() - the message about a key that is no option
 *
 * Return: -EINVAL
 */
int option_unknown(const OptionTable *table, const YamlNode *node, Problem *problem)
{
        OptionKey key = option_key(node->key);
        YamlNode bare = *node;
        const char *known[32];
        size_t n = table->n_options < 32 ? table->n_options : 32;

        for (size_t i = 0; i < n; i++)
                known[i] = table->options[i].key;
        if (key.sign && strlen(key.stem) + 1 == strlen(node->key))
                bare.key = key.stem; /* what is near is sought without the sign */
        return yaml_unknown_key(&bare, known, n, problem);
}

/**
 * option_is_list() - whether `key+:` may append to it
 */
bool option_is_list(const Option *option)
{
        return option->type == OPTION_SOURCES || option->type == OPTION_PATHS || option->type == OPTION_PORTS || option->type == OPTION_PREFIXES ||
               option->type == OPTION_CONTAINERS || option->type == OPTION_NAMESPACES ||
               option->type == OPTION_CATEGORIES || option->type == OPTION_ALLOW;
}

/**
 * option_defaults() - set all options of a table to their defaults
 *
 * Return: 0, -ENOMEM.
 */
int option_defaults(const OptionTable *table, void *target, Arena *arena)
{
        int r = 0;

        for (size_t i = 0; i < table->n_options && r == 0; i++) {
                const Option *option = &table->options[i];
                YamlNode node = { .kind = YAML_SCALAR, .file = "default" };

                if (option->type == OPTION_GROUP || option->type == OPTION_MAP)
                        r = option_defaults(option->table, target, arena);
                if (!option->fallback || option->type == OPTION_PREFIXES || option->type == OPTION_PATHS ||
                    option->type == OPTION_CONTAINERS || option->type == OPTION_NAMESPACES)
                        continue; /* zeroed memory is an empty list */
                node.quoted = !*option->fallback; /* "" is no null */
                node.text = arena_text(arena, option->fallback);
                r = node.text ? option_read(option, &node, target, arena, NULL) : -ENOMEM;
        }
        return r;
}
