/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Layers and how they merge, what a dump reads back to, and what a comparison
 * finds. What is refused is in test-config-wrong.c.
 */

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "test.h"
#include "util/text.h"

static char directory[] = "/tmp/bailiff-config-XXXXXX";

static const char *path_in(const char *name, char path[static 128])
{
        snprintf(path, 128, "%s/%s", directory, name);
        return path;
}

/* Without text_write_file(), whose fsync(2) costs more than all the rest. */
static void write_in(const char *name, const char *text)
{
        char path[128];
        FILE *file;

        unlink(path_in(name, path));
        if (!text)
                return;
        file = fopen(path, "we");
        check(file && fputs(text, file) >= 0);
        check_int(fclose(file), 0);
}

/* Loads up to three layers; those that are NULL are not there. */
static Config *load(const char *shipped, const char *text, const char *above)
{
        char path[128];
        Config *config = NULL;
        Problem problem = { "" };

        write_in("shipped.yaml", shipped);
        write_in("bailiff.yaml", text);
        write_in("jails.d/50.yaml", above);
        setenv("BAILIFF_SHIPPED", shipped ? path_in("shipped.yaml", path) : "", 1);
        if (config_load(path_in("bailiff.yaml", path), &config, &problem) != 0)
                fprintf(stderr, "%s\nin:\n%s\n", problem.text, text);
        check(config);
        return config;
}

static char *dump(const Config *config, bool origin)
{
        char *text = NULL;

        check_int(config_dump(config, origin, &text), 0);
        return text;
}

static void test_values(void)
{
        _cleanup_(config_freep) Config *config =
                load(NULL, "defaults: { maxretry: 3, allow: [127.0.0.0/8] }\nallow: [\"::1\", /etc/x.allow, Host.Example]\nmax_bans: 10k\n"
                           "nat64: [\"2001:db8:64::/96\"]\njails:\n  sshd:\n"
                           "  mail: { filter: 'postfix[x=1]', bantime: forever, ports: [smtp, 587/tcp, 25/tcp], findtime: 1h30m, action: reject }\n"
                           "  grow: { bantime_increment: { factor: 1.25, over: host }, sources: [journal] }\n"
                           "  recidive: { sources: [bans], enabled: no }\n", NULL);
        const JailConfig *sshd = &config->jails[0], *mail = &config->jails[1], *grow = &config->jails[2], *recidive = &config->jails[3];

        check_int(config->n_jails, 4);
        check_text(sshd->filter, "sshd");
        check_text(sshd->mode, "normal");
        check(sshd->enabled && !sshd->observe && !sshd->reject && sshd->n_ports == 0 && sshd->sources == 0 && !sshd->increment.enabled);
        check_int(sshd->findtime, 600);
        check_int(sshd->maxretry, 3);
        check_int(sshd->bantime, 86400);
        check_int(mail->bantime, DURATION_FOREVER);
        check_int(mail->findtime, 5400);
        check_text(mail->filter, "postfix[x=1]");
        check(mail->reject);
        check_int(mail->n_ports, 3);
        check_int(mail->ports[1].protocol, IPPROTO_UDP);
        check_int(mail->ports[2].port, 587);
        check(grow->increment.enabled && grow->increment.over_host && grow->increment.factor == 1.25);
        check_int(grow->increment.max, 30 * 86400);
        check_int(grow->increment.forget, 30 * 86400);
        check_int(grow->sources, CONFIG_SOURCE_JOURNAL);
        check_int(recidive->sources, CONFIG_SOURCE_BANS);
        check_text(recidive->filter, "");
        check(!recidive->enabled);
        check_int(config->max_bans, 10000);
        check_int(config->n_nat64, 1);
        check_int(config->n_allow, 4);
        check_int(config->allow[0].kind, ALLOW_ADDR);
        check_contains(config->allow[0].place, "bailiff.yaml:2:9");
        check_int(config->allow[1].kind, ALLOW_FILE);
        check_int(config->allow[2].kind, ALLOW_NAME);
        check_text(config->allow[2].text, "host.example");
        check(!config->allow[3].jail); /* of defaults */
        check_int(config->firewall, FIREWALL_NFTABLES);
        check_int(config->on_stop, ON_STOP_KEEP);
        check_int(config->n_files, 1);
}

/* ---- reports ---- */

static void check_report(const JailConfig *jail, bool abuseipdb, const char *categories, ReportVerdict vote, bool comments)
{
        check(jail->report.abuseipdb == abuseipdb && jail->report.vote == vote && jail->report.virustotal_comments == comments);
        check(jail->report.virustotal == (vote != REPORT_VERDICT_NONE || comments));
        check(jail->report.enabled == (abuseipdb || jail->report.virustotal));
        check(!jail->report.categories == !categories);
        check(!categories || strcmp(jail->report.categories, categories) == 0);
}

static void test_reports(void)
{
        _cleanup_(config_freep) Config *config =
                load(NULL, "jails:\n"
                           "  none:\n"
                           "  plain: { report: { abuseipdb: true } }\n"
                           "  seed: { report: { abuseipdb: { categories: [18, 22], comment: \"Visit: https://www.example.com/\" },\n"
                           "                    virustotal: { vote: malicious, comment: \"Visit: https://www.example.com/\" } } }\n"
                           "  votes: { report: { virustotal: true } }\n"
                           "  says: { report: { virustotal: { vote: none, comment: true } } }\n"
                           "  good: { report: { abuseipdb: false, virustotal: { vote: harmless } } }\n"
                           "  off: { report: { enabled: no, abuseipdb: { categories: [1] }, virustotal: { comment: x } } }\n"
                           "  both: { report: { abuseipdb: { categories: auto, comment: true }, virustotal: { enabled: off } } }\n"
                           "  text: { report: { abuseipdb: { comment: \"true\" }, virustotal: { vote: none, comment: \"no\" } } }\n"
                           "  all: { report: { abuseipdb: { categories: [23,22,21,20,19,18,17,16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1] } } }\n"
                           "  block:\n"
                           "    report:\n"
                           "      virustotal:\n"
                           "        comment: |\n"
                           "          {failures} at {jail}\n"
                           "\n"
                           "          {tags}\n", NULL);
        const JailConfig *jails = config->jails;
        char path[128];

        check_report(&jails[0], false, NULL, REPORT_VERDICT_NONE, false);
        check_report(&jails[1], true, NULL, REPORT_VERDICT_NONE, false);
        check(!jails[1].report.abuseipdb_comment);
        check_report(&jails[2], true, "18,22", REPORT_VERDICT_MALICIOUS, true);
        check_text(jails[2].report.abuseipdb_comment, "Visit: https://www.example.com/");
        check_text(jails[2].report.virustotal_comment, "Visit: https://www.example.com/");
        check_report(&jails[3], false, NULL, REPORT_VERDICT_MALICIOUS, false);
        check_report(&jails[4], false, NULL, REPORT_VERDICT_NONE, true);
        check(!jails[4].report.virustotal_comment);
        check_report(&jails[5], false, NULL, REPORT_VERDICT_HARMLESS, false);
        check_report(&jails[6], false, "1", REPORT_VERDICT_NONE, false);
        check_report(&jails[7], true, NULL, REPORT_VERDICT_NONE, false);
        check_report(&jails[8], true, NULL, REPORT_VERDICT_NONE, true);
        check_text(jails[8].report.abuseipdb_comment, "true");
        check_text(jails[8].report.virustotal_comment, "no");
        check_report(&jails[9], true, "23,22,21,20,19,18,17,16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1", REPORT_VERDICT_NONE, false);
        check_report(&jails[10], false, NULL, REPORT_VERDICT_MALICIOUS, true);
        check_text(jails[10].report.virustotal_comment, "{failures} at {jail}\n\n{tags}");
        check_contains(config_jail_place(&jails[2], "report"), "bailiff.yaml:4:19");
        check_text(config_jail_place(&jails[0], "report"), jails[0].place);
        check_text(config_option_place(config, "abuseipdb"), path_in("bailiff.yaml", path));
        check(!config->abuseipdb.configured && !config->virustotal.configured);
}

/* The longest comments, and such with all that has to be escaped, are dumped and read back. */
static void test_comments(void)
{
        static const char *const pieces[] = { "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
        char text[6000], comment[1025];

        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                size_t n = strlen(pieces[i]), used = 1024 % n;
                _cleanup_(config_freep) Config *config = NULL, *again = NULL;
                _cleanup_free_ char *first = NULL;
                Problem problem = { "" };
                char path[128];

                memset(comment, 'y', used);
                for (; used + n <= 1024; used += n)
                        memcpy(comment + used, pieces[i], n);
                comment[used] = '\0';
                check_int(used, 1024);
                snprintf(text, sizeof text, "jails: { a: { report: { abuseipdb: { comment: \"%s\" }, virustotal: { comment: \"\\\\ \\\"\\n%s: {{ # '\" } } } }\n",
                         comment, comment);
                config = load(NULL, text, NULL);
                check_text(config->jails[0].report.abuseipdb_comment, comment);
                check_int(strncmp(config->jails[0].report.virustotal_comment, "\\ \"\n", 4), 0);
                first = dump(config, true);
                write_in("dump.yaml", first);
                check_int(config_load_alone(path_in("dump.yaml", path), &again, &problem), 0);
                check_text(again->jails[0].report.abuseipdb_comment, comment);
                check_text(again->jails[0].report.virustotal_comment, config->jails[0].report.virustotal_comment);
                write_in("dump.yaml", NULL);
        }
}

static void check_file_in(const char *path, const char *name)
{
        char expected[256];

        snprintf(expected, sizeof expected, "%s/%s", directory, name);
        check_text(path, expected);
}

static void test_services(void)
{
        _cleanup_(config_freep) Config *bare = load(NULL, "reports: { abuseipdb: true }\n", NULL);
        _cleanup_(config_freep) Config *config =
                load(NULL, "reports:\n"
                           "  abuseipdb: { key_file: keys/abuseipdb.key, timeout: 5, window: 15m, daily: 0, bulk_daily: 0, url: \"HTTPS://127.0.0.1:8443/api/v2///\",\n"
                           "               ca_file: /etc/ca.pem, proxy: \"socks5h://[2001:db8::1]:1080/\" }\n",
                     "reports: { virustotal: { key_file: virustotal.key, url: \"https://h\", per_minute: 1000, window: 365d, proxy: \"HTTP://p.example:3128\" } }\n");
        const ReportServiceConfig *a = &bare->abuseipdb, *v = &bare->virustotal;

        check(a->configured && !a->key_file && !a->ca_file && !a->proxy && !v->configured && !v->key_file);
        check_int(a->timeout, 300);
        check_int(a->window, 86400);
        check_int(a->daily, 1000);
        check_int(a->bulk_daily, 5);
        check_text(a->url, "https://api.abuseipdb.com/api/v2");
        check_int(v->timeout, 300);
        check_int(v->window, 365 * 86400);
        check_int(v->daily, 500);
        check_int(v->per_minute, 4);
        check_text(v->url, "https://www.virustotal.com/api/v3");
        check_contains(config_option_place(bare, "abuseipdb"), "bailiff.yaml:1:23");

        a = &config->abuseipdb;
        v = &config->virustotal;
        check(a->configured && v->configured);
        check_file_in(a->key_file, "keys/abuseipdb.key");
        check_int(a->timeout, 5);
        check_int(a->window, 900);
        check(a->daily == 0 && a->bulk_daily == 0);
        check_text(a->url, "https://127.0.0.1:8443/api/v2");
        check_text(a->ca_file, "/etc/ca.pem");
        check_text(a->proxy, "socks5h://[2001:db8::1]:1080");
        check_file_in(v->key_file, "virustotal.key"); /* beside bailiff.yaml, not beside the file that says it */
        check_text(v->url, "https://h");
        check_text(v->proxy, "http://p.example:3128");
        check_int(v->window, INT64_C(365) * 86400);
}

/* What is shipped alone has its files below /etc; a path without a slash is a file here. */
static void test_relative_files(void)
{
        _cleanup_(config_freep) Config *config = NULL, *here = NULL;
        char path[128], cwd[4096];
        Problem problem;

        write_in("shipped.yaml", "reports: { abuseipdb: { key_file: x.key } }\n");
        setenv("BAILIFF_SHIPPED", path_in("shipped.yaml", path), 1);
        check_int(config_load_jails(NULL, NULL, 0, &config, &problem), 0);
        check_text(config->abuseipdb.key_file, "/etc/bailiff/x.key");
        write_in("bailiff.yaml", "reports: { abuseipdb: { key_file: y.key } }\n");
        check(getcwd(cwd, sizeof cwd));
        check_int(chdir(directory), 0);
        check_int(config_load("bailiff.yaml", &here, &problem), 0);
        check_int(chdir(cwd), 0);
        check_file_in(here->abuseipdb.key_file, "y.key");
}

/* ---- layers: below, the administrator's, above, and a line of the dump ---- */

static const struct {
        const char *shipped, *text, *above;
        const char *has, *lacks;
} MERGES[] = {
        /* maps merge by key, also three deep */
        { "jails: { sshd: { maxretry: 3 } }\n", "jails: { sshd: { findtime: 5m } }\n", "jails: { sshd: { bantime: 2d } }\n",
          "maxretry: 3  # SHIPPED:1:28", "default\n    bantime: " },
        { "jails: { sshd: { maxretry: 3 } }\n", "jails: { sshd: { findtime: 5m } }\n", NULL, "findtime: 5m  # BAILIFF:1:28", NULL },
        { "jails: { sshd: { maxretry: 3 } }\n", "jails: { sshd: }\n", NULL, "maxretry: 3  # SHIPPED:1:28", NULL },
        { "jails: { sshd: { maxretry: 3 } }\n", "jails:\n", NULL, "maxretry: 3", NULL },
        { "jails: { sshd: { maxretry: 3 } }\n", "", NULL, "maxretry: 3", NULL },
        { "jails: { sshd: { maxretry: 3 } }\n", "# nothing\n", NULL, "maxretry: 3", NULL },
        { "jails: { sshd: }\n", "jails: { sshd: { maxretry: 3 } }\n", NULL, "  sshd:  # BAILIFF:1:10", NULL },
        { "jails: { a: , b: }\n", "jails: { b: { enabled: false } }\n", NULL, "  b:  # BAILIFF:1:10\n    enabled: false", NULL },
        { NULL, "jails: { sshd: }\n", "jails: { other: }\n", "  other:  # ABOVE:1:10", NULL },
        { NULL, "\xef\xbb\xbfjails:\r\n  sshd:\r\n    maxretry: 4\r\n", NULL, "maxretry: 4  # BAILIFF:3:15", NULL },
        /* a value or list replaces */
        { "firewall: none\n", "firewall: nftables\n", NULL, "firewall: nftables  # BAILIFF:1:11", NULL },
        { "firewall: none\n", "on_stop: keep\n", "firewall: nftables\n", "firewall: nftables  # ABOVE:1:11", NULL },
        { "jails: { a: { ports: [22] } }\n", "jails: { a: { ports: [25/tcp] } }\n", NULL, "ports: [25/tcp]", "22/tcp" },
        { "jails: { a: { ports: [22] } }\n", "jails: { a: { ports: all } }\n", NULL, "ports: all", NULL },
        { "nat64: [\"2001:db8:1::/96\"]\n", "nat64: [\"2001:db8:2::/96\"]\n", NULL, "nat64: [\"2001:db8:2::/96\"]", NULL },
        /* key+ appends: to a layer's list, to that of defaults, and to both */
        { "jails: { a: { ports: [22/tcp] } }\n", "jails: { a: { ports+: [25/tcp] } }\n", "jails: { a: { ports+: [53/udp] } }\n", "ports: [22/tcp, 25/tcp, 53/udp]", NULL },
        { "defaults: { ports: [22/tcp] }\n", "jails: { a: { ports+: [25/tcp] } }\n", NULL, "ports: [22/tcp, 25/tcp]", NULL },
        { "jails: { a: { ports+: [25/tcp] } }\n", "defaults: { ports: [22/tcp] }\n", "jails: { a: { ports+: [53/udp] } }\n", "ports: [22/tcp, 25/tcp, 53/udp]", NULL },
        { "jails: { a: { ports: [22/tcp] } }\n", "jails: { a: { ports+: [25/tcp] } }\n", "jails: { a: { ports: [53/udp] } }\n", "ports: [53/udp]  #", "22/tcp" },
        { "journal_namespaces: [web]\n", "journal_namespaces+: [mail]\n", NULL, "journal_namespaces: [\"web\", \"mail\"]", NULL },
        { "nat64: [\"2001:db8:1::/96\"]\n", "nat64+: [\"2001:db8:2::/96\"]\n", NULL, "nat64: [\"2001:db8:1::/96\", \"2001:db8:2::/96\"]", NULL },
        { "jails: { a: { logs: [/a.log] } }\n", "jails: { a: { logs+: [\"/b*.log\"] } }\n", NULL, "logs: [\"/a.log\", \"/b*.log\"]", NULL },
        { "jails: { a: { format: json, json: { address: client.ip } } }\n", "defaults: { json: { time: t } }\n", "jails: { a: { json: { message: text } } }\n",
          "    format: json  # SHIPPED:1:23\n    json:\n      message: \"text\"  # ABOVE:1:32\n      time: \"t\"  # BAILIFF:1:27\n      address: \"client.ip\"  # SHIPPED:1:46\n", NULL },
        { "jails: { a: { containers: [a] } }\n", "jails: { a: { containers+: [\"b-*\"] } }\n", NULL, "containers: [\"a\", \"b-*\"]", NULL },
        { "jails: { a: { sources: [journal] } }\n", "jails: { a: { sources+: [journal] } }\n", NULL, "sources: [journal]", NULL },
        /* allow adds up over layers and from defaults; allow! replaces */
        { "allow: [192.0.2.1]\n", "allow: [192.0.2.2]\n", "allow+: [192.0.2.3]\n",
          "allow:\n  - \"192.0.2.1\"  # SHIPPED:1:9\n  - \"192.0.2.2\"  # BAILIFF:1:9\n  - \"192.0.2.3\"  # ABOVE:1:10\n", NULL },
        { "allow: [192.0.2.1]\n", "allow: [192.0.2.1]\n", NULL, "allow:\n  - \"192.0.2.1\"  # SHIPPED:1:9\njails", NULL },
        { "allow: [192.0.2.1]\n", "allow!: [192.0.2.2]\n", "allow: [192.0.2.3]\n", "allow:\n  - \"192.0.2.2\"  # BAILIFF:1:10\n  - \"192.0.2.3\"", "192.0.2.1" },
        { "allow: [192.0.2.1]\n", "allow!: []\n", NULL, "allow: []", "192.0.2.1" },
        { "allow: [192.0.2.1]\n", "allow!:\n", NULL, "allow: []", "192.0.2.1" },
        { "allow: [192.0.2.1]\n", "allow:\n", NULL, "192.0.2.1", NULL },
        { "defaults: { allow: [192.0.2.1] }\n", "allow: [192.0.2.2]\njails: { a: { allow: [192.0.2.3] } }\n", NULL,
          "allow:\n  - \"192.0.2.2\"  # BAILIFF:1:9\n  - \"192.0.2.1\"  # SHIPPED:1:21\njails:\n", NULL },
        { "jails: { a: { allow: [192.0.2.1] } }\n", "jails: { a: { allow: [192.0.2.2] } }\n", NULL,
          "    allow:\n      - \"192.0.2.1\"  # SHIPPED:1:23\n      - \"192.0.2.2\"  # BAILIFF:1:23\n", NULL },
        { "jails: { a: { allow: [192.0.2.1] } }\n", "jails: { a: { allow!: [192.0.2.2] } }\n", NULL, "      - \"192.0.2.2\"", "192.0.2.1" },
        /* what defaults allow is the other jails' own, where one that runs replaces it */
        { "defaults: { allow: [192.0.2.1] }\n", "jails: { a: , b: { allow!: [] } }\n", NULL, "    allow:\n      - \"192.0.2.1\"  # SHIPPED:1:21\n  b:", "\nallow:\n" },
        { "defaults: { allow: [192.0.2.1] }\n", "jails: { a: , b: { enabled: no, allow!: [] } }\n", NULL, "\nallow:\n  - \"192.0.2.1\"", "      - " },
        { "defaults: { allow: [192.0.2.1] }\n", "defaults: { allow!: [192.0.2.2] }\n", NULL, "allow:\n  - \"192.0.2.2\"", "192.0.2.1" },
        /* growing bans: a map merges, a value replaces, and jails go on from defaults */
        { "jails: { a: { bantime_increment: { factor: 3 } } }\n", "jails: { a: { bantime_increment: { max: 9d } } }\n", NULL,
          "enabled: true  # BAILIFF:1:34\n      factor: 3  # SHIPPED:1:44\n      max: 9d  # BAILIFF:1:41", NULL },
        { "jails: { a: { bantime_increment: { factor: 3 } } }\n", "jails: { a: { bantime_increment: false } }\n", NULL,
          "enabled: false  # BAILIFF:1:34\n      factor: 2  # default", NULL },
        { "jails: { a: { bantime_increment: true } }\n", "jails: { a: { bantime_increment: { factor: 3 } } }\n", NULL, "factor: 3", NULL },
        { "defaults: { bantime_increment: { factor: 3 } }\n", "jails: { a: { bantime_increment: false } }\n", NULL, "enabled: false  # BAILIFF:1:34\n      factor: 3  # SHIPPED", NULL },
        { "defaults: { bantime_increment: { factor: 3 } }\n", "jails: { a: { bantime_increment: { enabled: no, over: host } } }\n", NULL,
          "enabled: false  # BAILIFF:1:45", NULL },
        { "defaults: { bantime_increment: { factor: 3 } }\n", "jails: { a: }\n", NULL, "enabled: true  # SHIPPED:1:32\n      factor: 3", NULL },
        { NULL, "jails: { a: { bantime_increment: { factor: 1.001 } } }\n", NULL, "factor: 1.001  # BAILIFF:1:44", NULL },
        { NULL, "jails: { a: { bantime_increment: { factor: 100 } } }\n", NULL, "factor: 100  # BAILIFF:1:44", NULL },
        /* reports: maps merge by key, categories+ appends over layers and to defaults, and false of a jail wins over defaults */
        { "jails: { a: { report: { abuseipdb: { categories: [18] } } } }\n", "jails: { a: { report: { virustotal: { comment: true } } } }\n",
          "jails: { a: { report: { abuseipdb: { comment: x } } } }\n",
          "    report:\n      enabled: true  # ABOVE:1:23\n      abuseipdb:\n        enabled: true  # ABOVE:1:36\n        categories: [18]  # SHIPPED:1:50\n"
          "        comment: \"x\"  # ABOVE:1:47\n      virustotal:\n        enabled: true  # BAILIFF:1:37\n        vote: malicious  # default\n"
          "        comment: true  # BAILIFF:1:48\n", NULL },
        { "jails: { a: { report: { abuseipdb: { categories: [18] } } } }\n", "jails: { a: { report: { abuseipdb: { categories+: [22] } } } }\n",
          "jails: { a: { report: { abuseipdb: { categories+: [21, 1] } } } }\n", "categories: [18, 22, 21, 1]", NULL },
        { "defaults: { report: { abuseipdb: { categories: [18] } } }\n", "jails: { a: { report: { abuseipdb: { categories+: [22] } } } }\n", NULL, "categories: [18, 22]", NULL },
        { "defaults: { report: { abuseipdb: { categories: [18] } } }\n", "jails: { a: { report: { abuseipdb: { categories: auto } } } }\n", NULL,
          "        enabled: true  # BAILIFF:1:36\n        categories: auto  # BAILIFF:1:50\n", NULL },
        { "defaults: { report: { abuseipdb: { categories: [18] } } }\n", "jails: { a: { report: false } }\n", NULL,
          "enabled: false  # BAILIFF:1:23\n      abuseipdb:\n        enabled: false  # SHIPPED:1:34\n        categories: [18]", NULL },
        { "defaults: { report: { virustotal: { vote: harmless, comment: y } } }\n", "jails: { a: { report: { virustotal: false } } }\n", NULL,
          "      enabled: false  # BAILIFF:1:23\n      abuseipdb:\n        enabled: false  # default\n        categories: auto  # default\n"
          "        comment: true  # default\n      virustotal:\n        enabled: false  # BAILIFF:1:37\n        vote: none  # SHIPPED:1:43\n        comment: false", NULL },
        { "defaults: { report: { abuseipdb: { comment: x } } }\n", "jails: { a: { report: { abuseipdb: true } } }\n", NULL, "comment: \"x\"  # SHIPPED:1:45", NULL },
        { "defaults: { report: { abuseipdb: true } }\n", "jails: { a: { report: { virustotal: true } } }\n", NULL,
          "        enabled: true  # SHIPPED:1:34\n        categories: auto", "vote: none" },
        { "jails: { a: { report: { abuseipdb: { categories: [18] } } } }\n", "jails: { a: { report: { abuseipdb: true } } }\n", NULL, "categories: auto  # default", NULL },
        { "reports: { abuseipdb: { key_file: /x, daily: 9 } }\n", "reports: { virustotal: { key_file: /y } }\n", "reports: { abuseipdb: { key_file: /z } }\n",
          "  abuseipdb:\n    enabled: true  # ABOVE:1:23\n    key_file: \"/z\"  # ABOVE:1:35\n    timeout: 5m  # default\n    window: 1d  # default\n"
          "    daily: 9  # SHIPPED:1:46\n", NULL },
        { "reports: { abuseipdb: { key_file: /x } }\n", "reports: { abuseipdb: false }\n", NULL, "    enabled: false  # BAILIFF:1:23\n    key_file: \"\"  # default\n", NULL },
        { "reports: { abuseipdb: { key_file: /x } }\n", "reports: { abuseipdb: { key_file: '' } }\n", NULL, "    enabled: true  # BAILIFF:1:23\n    key_file: \"\"  # BAILIFF:1:35\n", NULL },
        { "reports: { abuseipdb: { key_file: /x } }\n", "reports:\n", NULL, "    enabled: false  # default\n", "/x" },
        /* defaults of a later layer hold for a jail of an earlier one */
        { "jails: { a: }\n", "defaults: { maxretry: 9 }\n", NULL, "maxretry: 9  # BAILIFF:1:23", NULL },
        { "jails: { a: { maxretry: 8 } }\n", "defaults: { maxretry: 9 }\n", NULL, "maxretry: 8  # SHIPPED:1:25", NULL },
};

/* The names of the files in a dump, instead of their paths. */
static void shorten(char *text)
{
        static const char *const names[][2] = { { "shipped.yaml", "SHIPPED" }, { "bailiff.yaml", "BAILIFF" }, { "jails.d/50.yaml", "ABOVE" } };
        char path[128];

        for (size_t i = 0; i < 3; i++) {
                size_t length = strlen(path_in(names[i][0], path)), shorter = strlen(names[i][1]);

                for (char *hit; (hit = strstr(text, path));) {
                        memcpy(hit, names[i][1], shorter);
                        memmove(hit + shorter, hit + length, strlen(hit + length) + 1);
                }
        }
}

static void test_merge(void)
{
        for (size_t i = 0; i < sizeof MERGES / sizeof *MERGES; i++) {
                _cleanup_(config_freep) Config *config = load(MERGES[i].shipped, MERGES[i].text, MERGES[i].above);
                _cleanup_free_ char *text = dump(config, true);

                shorten(text);
                if (!strstr(text, MERGES[i].has) || (MERGES[i].lacks && strstr(text, MERGES[i].lacks)))
                        fprintf(stderr, "case %zu: %s\n%s", i, MERGES[i].text, text);
                check_contains(text, MERGES[i].has);
                check(!MERGES[i].lacks || !strstr(text, MERGES[i].lacks));
        }
}

/* jails.d by name, without what packages and editors leave there. */
static void test_files(void)
{
        static const char *const ignored[] = { "jails.d/.hidden.yaml", "jails.d/90.yaml~", "jails.d/90.yaml.dpkg-old", "jails.d/90.yml", "jails.d/.yaml" };
        char path[128];

        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
                write_in(ignored[i], "wrong: true\n");
        write_in("jails.d/9.yaml", "max_bans: 900\n");
        write_in("jails.d/10.yaml", "max_bans: 1000\n");
        _cleanup_(config_freep) Config *config = load("max_bans: 100\n", "max_bans: 200\n", "max_bans: 5000\n");
        check_int(config->max_bans, 900);
        check_int(config->n_files, 5);
        check_text(config->files[0], path_in("shipped.yaml", path));
        check_text(config->files[1], path_in("bailiff.yaml", path));
        check_text(config->path, path);
        check_text(config->files[2], path_in("jails.d/10.yaml", path));
        check_text(config->files[4], path_in("jails.d/9.yaml", path));

        _cleanup_(config_freep) Config *alone = NULL;
        check_int(config_load_alone(path_in("bailiff.yaml", path), &alone, NULL), 0);
        check_int(alone->max_bans, 200);
        check_int(alone->n_files, 1);
        for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
                write_in(ignored[i], NULL);
        write_in("jails.d/9.yaml", NULL);
        write_in("jails.d/10.yaml", NULL);
}

/* ---- comparing ---- */

static int show_change(void *userdata, const ConfigChange *change)
{
        static const char *const kinds[] = { "option", "allow", "added", "removed", "renamed", "changed" };

        fprintf(userdata, "%s%s%s%s%s%s%s%s%s%s\n", kinds[change->kind], change->before ? " " : "", change->before ? change->before->name : "",
                change->after ? " >" : "", change->after ? change->after->name : "", *change->key ? " " : "", change->key,
                *change->key ? " " : "", change->old, *change->key ? "=>" : "");
        if (*change->key)
                fprintf(userdata, "^%s\n", change->new);
        return 0;
}

static char *compare(const Config *before, const Config *after)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        check_int(config_compare(before, after, show_change, stream), 0);
        fclose(stream);
        return text;
}

static const struct {
        const char *before, *after, *expected;
} COMPARISONS[] = {
        { "jails: { a: }\n", "jails: { a: }\n", "" },
        { "max_bans: 10k\njails: { a: { findtime: 60 } }\n", "max_bans: 10000\njails: { a: { findtime: 1m } }\n", "" },
        { "jails: { a: , b: }\n", "jails: { b: , a: }\n", "" },
        { "defaults: { maxretry: 3 }\njails: { a: }\n", "jails: { a: { maxretry: 3 } }\n", "" },
        { "jails: { a: { filter: a } }\n", "jails: { a: }\n", "" },
        { "firewall: none\n", "on_stop: remove\n", "option firewall none=>\n^nftables\noption on_stop keep=>\n^remove\n" },
        { "", "nat64: [\"2001:db8::/96\"]\n", "option nat64 []=>\n^[\"2001:db8::/96\"]\n" },
        { "jails: { a: { maxretry: 3 } }\n", "jails: { a: { bantime: 2h } }\n", "changed a >a maxretry 3=>\n^5\nchanged a >a bantime 1d=>\n^2h\n" },
        { "jails: { a: }\n", "jails: { a: { bantime_increment: { factor: 3 } } }\n",
          "changed a >a bantime_increment { enabled: false, factor: 2, max: 30d, over: jail, forget: 30d }=>\n"
          "^{ enabled: true, factor: 3, max: 30d, over: jail, forget: 30d }\n" },
        { "defaults: { report: { abuseipdb: { categories: [18] } } }\njails: { a: { report: false } }\n",
          "defaults: { report: { abuseipdb: { categories: [18] } } }\njails: { a: { report: { enabled: no } } }\n", "" },
        { "jails: { a: }\n", "jails: { a: { report: { abuseipdb: { comment: \"x\\ny\" }, virustotal: { vote: harmless } } } }\n",
          "changed a >a report.enabled false=>\n^true\nchanged a >a report.abuseipdb.enabled false=>\n^true\n"
          "changed a >a report.abuseipdb.comment true=>\n^\"x\\ny\"\nchanged a >a report.virustotal.enabled false=>\n^true\n"
          "changed a >a report.virustotal.vote none=>\n^harmless\n" },
        { "reports: { virustotal: { key_file: /x, timeout: 10, per_minute: 5 } }\n", "reports: { virustotal: { key_file: /x, timeout: 10s, per_minute: 5 } }\n", "" },
        { "", "reports: { virustotal: { key_file: /x } }\n",
          "option reports.virustotal.enabled false=>\n^true\noption reports.virustotal.key_file \"\"=>\n^\"/x\"\n" },
        { "jails: { a: { filter: f, report: { abuseipdb: true } } }\n", "jails: { b: { filter: f, report: { abuseipdb: { comment: x } } } }\n", "removed a\nadded >b\n" },
        { "jails: { a: }\n", "jails: { a: { sources: [bans] } }\n",
          "changed a >a sources auto=>\n^[bans]\nchanged a >a filter \"a\"=>\n^\"\"\nchanged a >a mode \"normal\"=>\n^\"\"\n" },
        { "jails: { a: { ports: [22], action: drop } }\n", "jails: { a: { ports: [22/tcp], action: reject } }\n",
          "changed a >a ports [22/tcp, 22/udp]=>\n^[22/tcp]\nchanged a >a action drop=>\n^reject\n" },
        { "jails: { a: , b: }\n", "jails: { a: , b: { enabled: false } }\n", "removed b\n" },
        { "jails: { b: { enabled: no, maxretry: 3 } }\n", "jails: { b: { enabled: yes } }\n", "added >b\n" },
        { "jails: { b: { enabled: no, maxretry: 3 } }\n", "jails: { b: { enabled: no } }\n", "" },
        { "jails: { a: , c: }\n", "jails: { a: , b: { filter: c, maxretry: 3 } }\n", "removed c\nadded >b\n" },
        { "jails: { a: , c: }\n", "jails: { a: , b: { filter: c } }\n", "renamed c >b\n" },
        { "jails: { c: }\n", "jails: { b: }\n", "removed c\nadded >b\n" }, /* another filter */
        { "jails: { c: { filter: f }, d: { filter: f } }\n", "jails: { b: { filter: f } }\n", "removed c\nremoved d\nadded >b\n" },
        { "jails: { c: { filter: f } }\n", "jails: { b: { filter: f }, d: { filter: f } }\n", "removed c\nadded >b\nadded >d\n" },
        { "jails: { c: { enabled: no, filter: f }, x: { filter: f } }\n", "jails: { b: { filter: f } }\n", "renamed x >b\n" },
        { "jails: { c: { filter: f, allow: [192.0.2.1] } }\n", "jails: { b: { filter: f, allow: [192.0.2.1] } }\n", "renamed c >b\n" },
        { "jails: { c: { filter: f, allow: [192.0.2.1] } }\n", "jails: { b: { filter: f } }\n", "allow c allow 192.0.2.1=>\n^\nremoved c\nadded >b\n" },
        { "allow: [192.0.2.1, /etc/x]\n", "allow: [/etc/x, h.example]\n", "allow allow 192.0.2.1=>\n^\nallow allow =>\n^h.example\n" },
        { "allow: [192.0.2.1]\n", "defaults: { allow: [192.0.2.1] }\n", "" },
        { "jails: { a: }\n", "jails: { a: { allow: [192.0.2.0/24] } }\n", "allow a >a allow =>\n^192.0.2.0/24\n" },
        { "allow: [192.0.2.1]\njails: { a: }\n", "jails: { a: { allow: [192.0.2.1] } }\n",
          "allow allow 192.0.2.1=>\n^\nallow a >a allow =>\n^192.0.2.1\n" },
        { "", "jails: { a: { allow: [192.0.2.1] } }\n", "allow >a allow =>\n^192.0.2.1\nadded >a\n" },
};

static int stop(void *userdata, const ConfigChange *change)
{
        ++*(int *) userdata;
        return 7;
}

static void test_compare(void)
{
        for (size_t i = 0; i < sizeof COMPARISONS / sizeof *COMPARISONS; i++) {
                _cleanup_(config_freep) Config *before = load(NULL, COMPARISONS[i].before, NULL), *after = load(NULL, COMPARISONS[i].after, NULL);
                _cleanup_free_ char *text = compare(before, after);
                int calls = 0;

                check_text(text, COMPARISONS[i].expected);
                check_int(config_compare(before, after, stop, &calls), *text ? 7 : 0);
                check_int(calls, *text ? 1 : 0);
        }
}

/* ---- what is dumped reads back to the same, over random configurations ---- */

static uint64_t state;

static unsigned draw(unsigned n)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned) (state >> 20) % n;
}

static const char *pick(const char *const words[], unsigned n)
{
        return words[draw(n)];
}
#define PICK(...) pick((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void random_list(FILE *f, const char *key, const char *const words[], unsigned n)
{
        fprintf(f, "%s: [", key);
        for (unsigned i = 0, count = 1 + draw(4); i < count; i++)
                fprintf(f, "%s%s", i ? ", " : "", words[draw(n)]);
        fputs("]", f);
}

static void random_allow(FILE *f, const char *indent, const char *key)
{
        static const char *const words[] = { "192.0.2.1", "\"2001:db8::/32\"", "198.51.100.0/24", "/etc/a b/c\\d", "'/etc/x\"y'", "Home.Example",
                                             "\"::ffff:203.0.113.9\"", "/etc/b\xc3\xbcro.allow", "localhost" };

        fputs(indent, f);
        random_list(f, key, words, sizeof words / sizeof *words);
        fputc('\n', f);
}

/* What any layer may say on top of any other. */
static void random_report(FILE *f, const char *indent)
{
        if (draw(4) == 0) {
                fprintf(f, "%sreport: %s\n", indent, PICK("false", "no", "{}", "{ enabled: no }"));
                return;
        }
        fprintf(f, "%sreport: { ", indent);
        if (draw(3))
                fprintf(f, "abuseipdb: %s, ",
                        PICK("true", "false", "{}", "{ categories: [18, 22] }", "{ categories: auto, comment: yes }", "{ enabled: no, categories: [1] }",
                             "{ comment: 'a \"quoted\" \\ text: # {{' }", "{ comment: \"two\\n\\nlines \\u20ac \" }", "{ comment: 'true', categories: [23] }"));
        if (draw(3))
                fprintf(f, "virustotal: %s, ",
                        PICK("true", "false", "{ vote: malicious }", "{ vote: harmless, comment: on }", "{ vote: none, comment: \"x\\ny {tags}\" }",
                             "{ enabled: off, vote: malicious, comment: z }", "{ vote: malicious, comment: 'no' }"));
        fputs("}\n", f);
}

static void random_service(FILE *f, const char *name)
{
        fprintf(f, "  %s: %s\n", name,
                PICK("true", "false", "{}", "{ key_file: k, timeout: 10s }", "{ key_file: '/etc/a b/\"k\"', window: 2d }", "{ key_file: '', daily: 0 }",
                     "{ enabled: no, url: \"https://[2001:db8::1]:8443/a%20b/\" }", "{ ca_file: ca.pem, proxy: \"http://p:3128\" }", "{ proxy: '', url: \"https://h/\" }"));
}

static void random_options(FILE *f, const char *indent, bool defaults, bool bans)
{
        static const char *const ports[] = { "ssh", "25", "53/udp", "https/tcp", "65535", "imaps" };

        if (draw(3) == 0)
                fprintf(f, "%senabled: %s\n", indent, PICK("yes", "no", "true", "off"));
        if (draw(4) == 0)
                fprintf(f, "%sobserve: %s\n", indent, PICK("yes", "no"));
        if (bans)
                fprintf(f, "%ssources: [bans]\n", indent);
        else if (draw(3) == 0)
                fprintf(f, "%ssources: %s\n", indent, PICK("auto", "[journal]", "[journal, journal]"));
        if (!defaults && !bans && draw(2))
                fprintf(f, "%sfilter: %s\n", indent, PICK("sshd", "'sshd[publickey=any]'", "'a\"b'", "/etc/f/x y.yaml", "\"back\\\\slash\"", "true"));
        if (!bans && draw(3) == 0)
                fprintf(f, "%smode: %s\n", indent, PICK("normal", "aggressive", "'1'", "null"));
        if (!bans && draw(4) == 0)
                fprintf(f, "%scontainers: %s\n", indent, PICK("[]", "[shop-1]", "['a*', '[ab]?', c_d.e]"));
        if (!bans && draw(4) == 0)
                fprintf(f, "%sformat: %s\n", indent, PICK("lines", "json"));
        if (!bans && draw(4) == 0)
                fprintf(f, "%sjson: %s\n", indent, PICK("{}", "{ message: 'a\"b.c' }", "{ time: '@timestamp', address: client.ip }", "{ address: '' }", "null"));
        if (draw(2))
                fprintf(f, "%sfindtime: %s\n", indent, PICK("10m", "1", "3653d", "1w2d3h4m5s", "90"));
        if (draw(2))
                fprintf(f, "%smaxretry: %u\n", indent, 1 + draw(1000));
        if (draw(2))
                fprintf(f, "%sbantime: %s\n", indent, PICK("1d", "1s", "25h", "2w"));
        if (draw(2))
                fprintf(f, "%sbantime_increment: %s\n", indent,
                        PICK("true", "false", "{ factor: 1.5 }", "{ factor: 1.001 }", "{ factor: 2.125, max: forever, over: host, forget: 1h }", "{ factor: 100, max: 365d }",
                             "{ enabled: no, factor: 3.01 }", "{}"));
        if (draw(3) == 0)
                fprintf(f, "%sipv6_prefix: %u\n", indent, 32 + draw(97));
        if (draw(3) == 0) {
                fputs(indent, f);
                random_list(f, "ports", ports, sizeof ports / sizeof *ports);
                fputc('\n', f);
        }
        if (draw(3) == 0)
                fprintf(f, "%saction: %s\n", indent, PICK("drop", "reject"));
        if (draw(3) == 0)
                random_allow(f, indent, draw(3) || defaults ? "allow" : "allow!");
        if (draw(2))
                random_report(f, indent);
}

static char *random_text(void)
{
        static const char *const prefixes[] = { "\"2001:db8::/96\"", "\"2001:db8:1::/64\"", "\"64:ff9b:1::/48\"" };
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (draw(2))
                fprintf(f, "firewall: %s\n", PICK("none", "nftables"));
        if (draw(2))
                fprintf(f, "max_bans: %s\n", PICK("10k", "2M", "12345"));
        if (draw(3) == 0) {
                random_list(f, "nat64", prefixes, 3);
                fputc('\n', f);
        }
        if (draw(2))
                random_allow(f, "", PICK("allow", "allow!", "allow+"));
        if (draw(2)) {
                fputs("reports:\n", f);
                if (draw(3))
                        random_service(f, "abuseipdb");
                if (draw(3))
                        random_service(f, "virustotal");
        }
        if (draw(2)) {
                fputs("defaults:\n", f);
                random_options(f, "  ", true, false);
        }
        if (draw(5))
                fputs("jails:\n", f);
        else
                fputs("jails:\n  \"null\":\n    enabled: yes\n", f);
        for (unsigned i = 0, n = draw(5); i < n; i++) {
                bool bans = draw(5) == 0;

                fprintf(f, "  %s%u:\n", bans ? "recidive" : PICK("sshd", "a.b-c_", "9"), i);
                random_options(f, "    ", false, bans);
        }
        fclose(f);
        return text;
}

static void test_dump(void)
{
        unsigned runs = getenv("LONG") && strcmp(getenv("LONG"), "1") == 0 ? 20000 : 1000;
        const char *seed = getenv("SEED");
        char path[128];

        state = seed ? strtoull(seed, NULL, 10) : (uint64_t) getpid() * 2654435761u + 1;
        printf("SEED=%llu\n", (unsigned long long) state);
        fflush(stdout);
        for (unsigned i = 0; i < runs; i++) {
                _cleanup_free_ char *shipped = random_text(), *text = random_text(), *above = random_text();
                _cleanup_(config_freep) Config *config = load(draw(2) ? shipped : NULL, text, draw(2) ? above : NULL);
                _cleanup_free_ char *plain = dump(config, false);

                for (int origin = 0; origin < 2; origin++) {
                        _cleanup_free_ char *first = dump(config, origin), *second = NULL, *differences = NULL;
                        _cleanup_(config_freep) Config *again = NULL;
                        Problem problem = { "" };

                        write_in("dump.yaml", first);
                        if (config_load_alone(path_in("dump.yaml", path), &again, &problem) != 0)
                                fprintf(stderr, "%s in\n%s\n", problem.text, first);
                        check(again);
                        second = dump(again, false);
                        check_text(second, plain);
                        differences = compare(config, again);
                        check_text(differences, "");
                }
        }
        write_in("dump.yaml", NULL);
}

/* Each line of values says where it comes from. */
static void test_origin(void)
{
        _cleanup_(config_freep) Config *config = load("jails: { sshd: }\n", "allow: [192.0.2.1]\n", NULL);
        _cleanup_free_ char *text = dump(config, true);
        unsigned n = 0;

        shorten(text);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++)
                check(strstr(line, "  # default") || strstr(line, "  # SHIPPED:") || strstr(line, "  # BAILIFF:") || line[strlen(line) - 1] == ':');
        check(n > 25);
}

/* ---- the files that come with it ---- */

static char *source_file(const char *name)
{
        char path[4096], *text;
        size_t size;

        snprintf(path, sizeof path, "%s/%s", getenv("SOURCE_ROOT") ? getenv("SOURCE_ROOT") : "..", name);
        check_int(text_read_file(path, 1000000, &text, &size), 0);
        return text;
}

/* The commented file changes nothing, and its examples are good once they are made true. */
static void test_conf(void)
{
        _cleanup_free_ char *shipped = source_file("conf/shipped.yaml"), *text = source_file("conf/bailiff.yaml");
        _cleanup_(config_freep) Config *bare = load(shipped, "", NULL), *config = load(shipped, text, NULL);
        _cleanup_free_ char *differences = compare(bare, config);
        unsigned n = 0;

        check_text(differences, "");
        check_int(config->n_jails, 10);
        check(config->jails[0].enabled && config->jails[0].n_ports == 0 && !config->jails[9].enabled);
        check_int(config->jails[9].sources, CONFIG_SOURCE_BANS);
        /* Of nginx's jails the one of passwords runs; all read journal and files. */
        for (size_t i = 4; i < 9; i++)
                check(config->jails[i].enabled == (i == 4) && config->jails[i].n_logs == 1 && config->jails[i].n_ports == 0 &&
                      config->jails[i].sources == (CONFIG_SOURCE_JOURNAL | CONFIG_SOURCE_FILES));
        /* Of the mail's jails one observes only, and none closes more than the mail's ports. */
        for (size_t i = 1; i < 4; i++)
                check(config->jails[i].enabled && config->jails[i].n_ports > 0 &&
                      config->jails[i].observe == (strcmp(config->jails[i].name, "postfix-reject") == 0));
        for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                size_t indent = strspn(line + 1, " ");

                /* Prose has one space behind its #, commands have five. */
                if (line[0] != '#' || indent % 2 != 0 || line[1 + indent] < 'a' || line[1 + indent] > 'z')
                        continue;
                memmove(line, line + 1, strlen(line));
                n++;
        }
        check(n > 15);
        _cleanup_(config_freep) Config *examples = load(shipped, text, NULL);
        check_int(examples->n_jails, 14);
        check(examples->jails[9].enabled && examples->jails[5].enabled && !examples->jails[1].enabled && !examples->jails[2].observe && examples->jails[0].increment.enabled && examples->firewall == FIREWALL_NONE);
        check_int(examples->n_allow, 8);
        /* Nobody is told of anything until somebody writes so. */
        check(!config->abuseipdb.configured && !config->virustotal.configured);
        for (size_t i = 0; i < config->n_jails; i++)
                check(!config->jails[i].report.enabled);
        check(examples->abuseipdb.configured && examples->virustotal.configured);
        check_report(&examples->jails[0], true, "18,22", REPORT_VERDICT_MALICIOUS, false);
}

static void test_manual(void)
{
        _cleanup_free_ char *page = source_file("src/man/bailiff.yaml.5.rst"), *list = NULL;

        check_int(config_options_manual(&list), 0);
        if (!strstr(page, list))
                fputs("src/man/bailiff.yaml.5.rst does not hold the list of options; put there what `src/config-print manual` writes\n", stderr);
        check(strstr(page, list));
}

static void test_schema(void)
{
        _cleanup_free_ char *text = NULL;
        json_error_t error;

        check_int(config_schema(&text), 0);
        json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        check(schema);
        json_t *top = json_object_get(schema, "properties");
        check(json_is_false(json_object_get(schema, "additionalProperties")));
        check(json_object_get(top, "allow!") && json_object_get(top, "nat64+") && !json_object_get(top, "firewall+"));
        json_t *jails = json_array_get(json_object_get(json_object_get(top, "jails"), "allOf"), 0);
        json_t *jail = json_object_get(json_object_get(jails, "additionalProperties"), "properties");
        check(json_object_get(jail, "filter") && json_object_get(jail, "bantime_increment") && json_object_get(jail, "ports+"));
        json_t *defaults = json_array_get(json_object_get(json_object_get(top, "defaults"), "allOf"), 0);
        check(!json_object_get(json_object_get(defaults, "properties"), "filter"));
        check(json_object_get(json_object_get(defaults, "properties"), "report") && json_object_get(jail, "report") && json_object_get(top, "reports"));
        check_int(json_integer_value(json_object_get(json_object_get(jail, "maxretry"), "default")), 5);
        check_contains(json_string_value(json_object_get(json_object_get(jail, "filter"), "description")), "\"sshd[publickey=any]\"");
        json_decref(schema);
}

int main(void)
{
        char path[128];

        umask(022);
        check(mkdtemp(directory));
        check_int(mkdir(path_in("jails.d", path), 0700), 0);
        test_values();
        test_reports();
        test_comments();
        test_services();
        test_relative_files();
        test_merge();
        test_files();
        test_compare();
        test_origin();
        test_conf();
        test_manual();
        test_schema();
        test_dump();
        write_in("shipped.yaml", NULL);
        write_in("bailiff.yaml", NULL);
        write_in("jails.d/50.yaml", NULL);
        check_int(rmdir(path_in("jails.d", path)), 0);
        check_int(rmdir(directory), 0);
        return 0;
}
