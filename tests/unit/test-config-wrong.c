/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Wrong configurations: each is refused with its place and with words that
 * name the mend, and nothing else comes out.
 *
 * A case is the administrator's file, what is expected, and if it takes two,
 * the file below it ($BAILIFF_SHIPPED) and the one above (jails.d/50.yaml). In
 * what is expected, the file is named by its last part. To try a running daemon
 * with them, `test-config-wrong DIRECTORY` writes each to DIRECTORY/NNN.yaml
 * (those of one file) and what is expected to DIRECTORY/NNN.expected.
 */

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "test.h"
#include "util/text.h"

typedef struct Case {
        const char *text;
        const char *expected;
        const char *shipped, *above;
} Case;

static const Case CASES[] = {
        /* keys */
        { "jail: {}\n", "bailiff.yaml:1:1: unknown key \"jail\"; did you mean \"jails\"?" },
        { "jails:\n  sshd:\n    fintime: 5m\n", "bailiff.yaml:3:5: unknown key \"fintime\"; did you mean \"findtime\"?" },
        { "jails:\n  sshd:\n    colour: red\n", "bailiff.yaml:3:5: unknown key \"colour\"; known here: enabled, observe" },
        { "defaults:\n  maxretrys: 5\n", "bailiff.yaml:2:3: unknown key \"maxretrys\"; did you mean \"maxretry\"?" },
        { "jails:\n  sshd:\n    bantime_increment: { facter: 2 }\n", "bailiff.yaml:3:26: unknown key \"facter\"; did you mean \"factor\"?" },
        { "jails:\n  sshd:\n    jails: {}\n", "bailiff.yaml:3:5: unknown key \"jails\"" },
        { "maxretry: 3\n", "bailiff.yaml:1:1: unknown key \"maxretry\"" },
        { "jails:\n  sshd:\n    prots+: [25]\n", "bailiff.yaml:3:5: unknown key \"prots\"; did you mean \"ports\"?" },
        { "a: 1\na: 2\n", "bailiff.yaml:2:1: \"a\" stands here twice (first at line 1); keep one" },
        { "jails:\n  sshd: {}\n  sshd: {}\n", "bailiff.yaml:3:3: \"sshd\" stands here twice (first at line 2); keep one" },
        { "jails: { sshd: { ports: [22], ports+: [25] } }\n", "bailiff.yaml:1:31: ports+: stands here twice (as ports: at line 1); keep one" },
        { "allow: [192.0.2.1]\nallow!: []\n", "bailiff.yaml:2:1: allow!: stands here twice (as allow: at line 1)" },
        /* kinds */
        { "- a\n", "bailiff.yaml:1:1: the configuration must be a map (defaults:, jails:, ...), not a list" },
        { "sshd\n", "bailiff.yaml:1:1: the configuration must be a map (defaults:, jails:, ...), not a value" },
        { "jails: [sshd]\n", "bailiff.yaml:1:8: jails: must be a map from names to jails, not a list" },
        { "jails: sshd\n", "bailiff.yaml:1:8: jails: must be a map from names to jails, not a value" },
        { "jails:\n  sshd: yes\n", "bailiff.yaml:2:9: sshd: must be a map of options, not a value" },
        { "defaults: 5\n", "bailiff.yaml:1:11: defaults: must be a map of options, not a value" },
        { "jails:\n  ../x: {}\n", "bailiff.yaml:2:9: ../x: a jail's name has letters" },
        { "jails:\n  \"\": {}\n", "bailiff.yaml:2:7: : a jail's name has letters" },
        { "jails:\n  sshd:\n    enabled: maybe\n", "bailiff.yaml:3:14: enabled: must be true or false" },
        { "jails:\n  sshd:\n    enabled:\n", "bailiff.yaml:3:13: enabled: must be true or false" },
        { "firewall: iptables\n", "bailiff.yaml:1:11: firewall: must be nftables or none" },
        { "on_stop: [keep]\n", "bailiff.yaml:1:10: on_stop: must be remove or keep" },
        { "jails:\n  sshd: { action: tarpit }\n", "bailiff.yaml:2:19: action: must be drop or reject" },
        { "jails:\n  sshd: { filter: [sshd] }\n", "bailiff.yaml:2:19: filter: must be a name" },
        { "jails:\n  sshd: { filter: \"ss\\thd\" }\n", "bailiff.yaml:2:19: filter: has a control character in it; remove it" },
        { "jails:\n  sshd: { mode: '' }\n", "bailiff.yaml:2:17: mode: must be a name" },
        { "defaults: { filter: sshd }\n", "bailiff.yaml:1:21: filter: cannot stand in defaults; each jail has" },
        /* durations and numbers */
        { "jails:\n  sshd:\n    findtime: soon\n", "bailiff.yaml:3:15: findtime: must be a duration: 10m, 1d12h, seconds" },
        { "jails:\n  sshd:\n    findtime: 1h30\n", "bailiff.yaml:3:15: findtime: must be a duration" },
        { "jails:\n  sshd:\n    findtime: 0\n", "bailiff.yaml:3:15: findtime: \"0\" is out of bounds: 1s to 3653d (ten years)" },
        { "jails:\n  sshd:\n    findtime: forever\n", "bailiff.yaml:3:15: findtime: cannot be forever; give a duration such as 10m" },
        { "jails:\n  sshd:\n    bantime: 11y\n", "bailiff.yaml:3:14: bantime: must be a duration: 10m, 1d12h, seconds, or forever" },
        { "jails:\n  sshd:\n    bantime: 9999d\n", "bailiff.yaml:3:14: bantime: \"9999d\" is out of bounds" },
        { "jails:\n  sshd:\n    maxretry: 0\n", "bailiff.yaml:3:15: maxretry: must be a whole number from 1 to 1000" },
        { "jails:\n  sshd:\n    maxretry: 3.5\n", "bailiff.yaml:3:15: maxretry: must be a whole number from 1 to 1000" },
        { "jails:\n  sshd:\n    maxretry: [5]\n", "bailiff.yaml:3:15: maxretry: must be a whole number" },
        { "defaults:\n  ipv6_prefix: 129\n", "bailiff.yaml:2:16: ipv6_prefix: must be a whole number from 32 to 128" },
        { "max_bans: 5\n", "bailiff.yaml:1:11: max_bans: must be a whole number from 100 to 10000000; 10k and 2M are taken" },
        { "max_bans: 2G\n", "bailiff.yaml:1:11: max_bans: must be a whole number" },
        { "max_windows: 99999999999999999999M\n", "bailiff.yaml:1:14: max_windows: must be a whole number" },
        { "max_windows: k\n", "bailiff.yaml:1:14: max_windows: must be a whole number" },
        /* growing bans */
        { "jails: { a: { bantime_increment: 2 } }\n", "bailiff.yaml:1:34: bantime_increment: must be true, false or a map: { factor: 2, max: 30d }" },
        { "jails: { a: { bantime_increment: [] } }\n", "bailiff.yaml:1:34: bantime_increment: must be true, false or a map" },
        { "jails: { a: { bantime_increment: { factor: 0.5 } } }\n", "bailiff.yaml:1:44: factor: must be a number from 1 to 100" },
        { "jails: { a: { bantime_increment: { factor: 1. } } }\n", "bailiff.yaml:1:44: factor: must be a number from 1 to 100" },
        { "jails: { a: { bantime_increment: { over: all } } }\n", "bailiff.yaml:1:42: over: must be jail or host" },
        { "jails: { a: { bantime_increment: { forget: forever } } }\n", "bailiff.yaml:1:44: forget: cannot be forever" },
        { "jails: { a: { bantime: 40d, bantime_increment: true } }\n", "bailiff.yaml:1:24: bantime: the longest ban (bantime_increment: max, 30d) is shorter than bantime (40d)" },
        { "jails: { a: { bantime_increment: { max: 1h } } }\n", "bailiff.yaml:1:41: max: the longest ban (bantime_increment: max, 1h) is shorter than bantime (1d); raise it" },
        { "jails: { a: { bantime: forever, bantime_increment: true } }\n", "bailiff.yaml:1:24: bantime: a bantime of forever cannot grow; write bantime_increment: false" },
        /* ports */
        { "jails:\n  sshd:\n    ports: [ssh, 70000]\n", "bailiff.yaml:3:18: \"70000\" is no port; ports are 1 to 65535" },
        { "jails:\n  sshd:\n    ports: [0]\n", "bailiff.yaml:3:13: \"0\" is no port" },
        { "jails:\n  sshd:\n    ports: [22/icmp]\n", "bailiff.yaml:3:13: \"22/icmp\": the protocol must be tcp or udp" },
        { "jails:\n  sshd:\n    ports: [nosuchservice]\n", "bailiff.yaml:3:13: the port name \"nosuchservice\" is not known; use its number" },
        { "jails:\n  sshd:\n    ports: [1000-2000/tcp]\n", "bailiff.yaml:3:13: \"1000-2000/tcp\" is a range, which is not taken; name each port, or write all" },
        { "jails:\n  sshd:\n    ports: ssh\n", "bailiff.yaml:3:12: ports: must be all or a list of ports: [ssh, 25, 53/udp]" },
        { "jails:\n  sshd:\n    ports: []\n", "bailiff.yaml:3:12: ports: must be all or a list" },
        { "jails:\n  sshd:\n    ports: [ssh, all]\n", "bailiff.yaml:3:18: all stands alone; write ports: all" },
        { "jails:\n  sshd:\n    ports: [{}]\n", "bailiff.yaml:3:13: must be a port" },
        /* sources */
        { "jails:\n  sshd:\n    sources: journal\n", "bailiff.yaml:3:14: sources: must be auto, [journal], [files], both of them, or [bans]" },
        { "jails:\n  sshd:\n    sources: [files]\n", "bailiff.yaml:3:14: sources: [files] needs logs: write which" },
        { "jails: { a: { logs: /var/log/auth.log } }\n", "bailiff.yaml:1:21: logs: must be a list" },
        { "jails: { a: { logs: [auth.log] } }\n", "bailiff.yaml:1:22: \"auth.log\" is not absolute; write the path from / on" },
        { "jails: { a: { logs: [/var/log/] } }\n", "bailiff.yaml:1:22: \"/var/log/\" is a directory; name files: /var/log/*.log" },
        { "jails: { a: { logs: [\"/var/{a,b}.log\"] } }\n", "bailiff.yaml:1:22: \"/var/{a,b}.log\" has a brace" },
        { "jails: { a: { logs: [/var/../x.log] } }\n", "bailiff.yaml:1:22: \"/var/../x.log\" has .. in it" },
        { "jails: { a: { logs: { a: /x } } }\n", "bailiff.yaml:1:21: logs: must be a list of paths" },
        { "jails: { a: { timezone: Europe/Nowhere } }\n", "bailiff.yaml:1:25: timezone: there is no time zone \"Europe/Nowhere\" in " },
        { "jails: { a: { containers: shop } }\n", "bailiff.yaml:1:27: containers: must be a list of names: [shop]" },
        { "jails: { a: { containers: [\"a b\"] } }\n", "bailiff.yaml:1:28: must be a container's name, as docker ps shows it" },
        { "jails: { a: { sources: [files], logs: [/x], containers: [a] } }\n", "bailiff.yaml:1:24: sources: containers are read in the journal" },
        { "jails: { a: { format: xml } }\n", "bailiff.yaml:1:23: format: " },
        { "jails: { a: { json: true } }\n", "bailiff.yaml:1:21: json: must be a map: { message: ... }" },
        { "jails: { a: { json: { adress: ip } } }\n", "did you mean \"address\"?" },
        { "jails: { a: { json: { address: a..ip } } }\n", "bailiff.yaml:1:32: address: must be a member's name of at most 100 bytes" },
        { "jails:\n  r: { sources: [bans], format: json }\n", "bailiff.yaml:2:33: format: means nothing where bans are counted" },
        { "jails:\n  r: { sources: [bans], logs: [/x] }\n", "bailiff.yaml:2:31: logs: means nothing where bans are counted" },
        { "jails:\n  sshd:\n    sources: [jurnal]\n", "bailiff.yaml:3:15: \"jurnal\" is no source; did you mean \"journal\"?" },
        { "jails:\n  sshd:\n    sources: [journal, bans]\n", "bailiff.yaml:3:24: bans stands alone; make a second jail" },
        { "jails:\n  r: { sources: [bans], filter: sshd }\n", "bailiff.yaml:2:33: filter: means nothing where bans are counted (sources: [bans]); remove it" },
        { "jails:\n  r: { sources: [bans], mode: normal }\n", "bailiff.yaml:2:31: mode: means nothing where bans are counted" },
        { "defaults: { sources: [journal] }\njails: { a: { sources+: [bans] } }\n", "bailiff.yaml:2:26: bans stands alone" },
        { "defaults: { sources: [bans] }\n", "bailiff.yaml:1:22: sources: [bans] cannot stand in defaults" },
        /* allow and NAT64 */
        { "allow: 192.0.2.1\n", "bailiff.yaml:1:8: allow: must be a list: [192.0.2.0/24" },
        { "allow!: 192.0.2.1\n", "bailiff.yaml:1:9: allow!: must be a list" },
        { "allow: [192.0.2.1/24]\n", "bailiff.yaml:1:9: \"192.0.2.1/24\" has bits set behind the prefix length; write the network's first address" },
        { "allow: [192.0.2.300]\n", "bailiff.yaml:1:9: \"192.0.2.300\" is no address, prefix, absolute path of a file, or host name" },
        { "allow: [\"2001:db8::xyz\"]\n", "bailiff.yaml:1:9: \"2001:db8::xyz\" is no address" },
        { "allow: [office.allow/]\n", "bailiff.yaml:1:9: \"office.allow/\" is no address or prefix; a file is named by its absolute path" },
        { "allow: [-host.example]\n", "bailiff.yaml:1:9: \"-host.example\" is no address" },
        { "allow: [two words]\n", "bailiff.yaml:1:9: \"two words\" is no address" },
        { "allow: [[192.0.2.1]]\n", "bailiff.yaml:1:9: must be an address, a prefix, a file's path or a host name, not a list" },
        { "allow:\n  -\n", "bailiff.yaml:2:4: must be an address, a prefix, a file's path or a host name, not nothing" },
        { "allow: [/etc]\n", "bailiff.yaml:1:9: /etc is a directory; name a file in it" },
        { "jails: { a: { enabled: no, allow: [x/y] } }\n", "bailiff.yaml:1:36: \"x/y\" is no address or prefix" },
        { "nat64: [192.0.2.0/24]\n", "bailiff.yaml:1:9: \"192.0.2.0/24\" is no prefix of NAT64; it must be of IPv6" },
        { "nat64: [\"2001:db8::/33\"]\n", "bailiff.yaml:1:9: \"2001:db8::/33\" is no prefix of NAT64; it must be of IPv6, with length 32, 40" },
        { "nat64: [\"2001:db8::1/96\"]\n", "bailiff.yaml:1:9: \"2001:db8::1/96\" has bits set" },
        { "nat64: [host]\n", "bailiff.yaml:1:9: \"host\" is no IPv6 prefix; write one as in" },
        { "journal_namespaces: web\n", "bailiff.yaml:1:21: journal_namespaces: must be a list of names" },
        { "journal_namespaces: [\"web*\"]\n", "bailiff.yaml:1:22: must be the name of a namespace" },
        { "nat64: all\n", "bailiff.yaml:1:8: nat64: must be a list of IPv6 prefixes" },
        /* reports of a jail */
        { "jails: { a: { report: yes } }\n", "bailiff.yaml:1:23: report: does not say to whom; write { abuseipdb: true }" },
        { "jails: { a: { report: [abuseipdb] } }\n", "bailiff.yaml:1:23: report: must be true, false or a map: { abuseipdb: true }" },
        { "jails: { a: { report: } }\n", "report: must be true, false or a map: { abuseipdb: true }" },
        { "jails: { a: { report: { abuseip: true } } }\n", "bailiff.yaml:1:25: unknown key \"abuseip\"; did you mean \"abuseipdb\"?" },
        { "jails: { a: { report: { abuseipdb: 18 } } }\n", "bailiff.yaml:1:36: abuseipdb: must be true, false or a map: { categories: [18, 22] }" },
        { "jails: { a: { report: { abuseipdb: { categorys: [18] } } } }\n", "bailiff.yaml:1:38: unknown key \"categorys\"; did you mean \"categories\"?" },
        { "jails: { a: { report: { abuseipdb: { categories: 18 } } } }\n", "bailiff.yaml:1:50: categories: must be a list of AbuseIPDB's categories, as in [18, 22], or auto: those of the filter" },
        { "jails: { a: { report: { abuseipdb: { categories: [] } } } }\n", "bailiff.yaml:1:50: categories: must be a list of AbuseIPDB's categories" },
        { "jails: { a: { report: { abuseipdb: { categories: { a: 18 } } } } }\n", "bailiff.yaml:1:50: categories: must be a list of AbuseIPDB's categories" },
        { "jails: { a: { report: { abuseipdb: { categories: [18, 0] } } } }\n", "bailiff.yaml:1:55: must be a category of AbuseIPDB, a number from 1 to 23: 18 is brute force" },
        { "jails: { a: { report: { abuseipdb: { categories: [24] } } } }\n", "bailiff.yaml:1:51: must be a category of AbuseIPDB, a number from 1 to 23" },
        { "jails: { a: { report: { abuseipdb: { categories: [-1] } } } }\n", "bailiff.yaml:1:51: must be a category of AbuseIPDB, a number from 1 to 23" },
        { "jails: { a: { report: { abuseipdb: { categories: [[18]] } } } }\n", "bailiff.yaml:1:51: must be a category of AbuseIPDB, a number from 1 to 23" },
        { "jails: { a: { report: { abuseipdb: { categories: [bruteforce] } } } }\n", "bailiff.yaml:1:51: \"bruteforce\" is no category of AbuseIPDB, which are numbers; did you mean 18 (brute-force)?" },
        { "jails: { a: { report: { abuseipdb: { categories: [22, 18, 22] } } } }\n", "bailiff.yaml:1:59: 22 stands here twice; keep one" },
        { "jails: { a: { report: { abuseipdb: { categories+: [18] } } } }\n", "bailiff.yaml:1:51: categories+: there are none here to append to, as the filter's are taken; write all of them: categories: [18, 22]" },
        { "jails: { a: { report: { abuseipdb: { categories+: 18 } } } }\n", "bailiff.yaml:1:51: categories+: must be a list, which is appended", "jails: { a: { report: { abuseipdb: { categories: [22] } } } }\n" },
        { "jails: { a: { report: { abuseipdb: { categories+: [22] } } } }\n", "22 stands here twice; keep one", "jails: { a: { report: { abuseipdb: { categories: [22] } } } }\n" },
        { "jails: { a: { report: { abuseipdb: { categories+: [22] } } } }\n", "bailiff.yaml:1:52: 22 stands here twice; keep one", "defaults: { report: { abuseipdb: { categories: [22] } } }\n" },
        { "jails: { a: { report: { abuseipdb: { categories+: [22] } } } }\n", "categories+: there is no list to append to: ", "jails: { a: { report: { abuseipdb: { categories: auto } } } }\n" },
        { "jails: { a: { report: { abuseipdb: { comment: } } } }\n", "comment: must be a text, or true for the usual one" },
        { "jails: { a: { report: { abuseipdb: { comment: [x] } } } }\n", "bailiff.yaml:1:47: comment: must be a text, or true for the usual one" },
        { "jails: { a: { report: { abuseipdb: { comment: '' } } } }\n", "bailiff.yaml:1:47: comment: is empty; write true for the usual text" },
        { "jails: { a: { report: { abuseipdb: { comment: \"\\n\\n\" } } } }\n", "bailiff.yaml:1:47: comment: is empty; write true for the usual text" },
        { "jails: { a: { report: { abuseipdb: { comment: false } } } }\n", "bailiff.yaml:1:47: comment: AbuseIPDB wants to be told what happened; write a text, or true for the usual one" },
        { "jails: { a: { report: { abuseipdb: { comment: \"a\\tb\" } } } }\n", "bailiff.yaml:1:47: comment: has a control character in it; remove it" },
        { "jails: { a: { report: { abuseipdb: { comment: \"a\\x07\" } } } }\n", "bailiff.yaml:1:47: comment: byte 2 of the comment, 0x07, is no printable text" },
        { "jails: { a: { report: { abuseipdb: { comment: \"a\\u2028b\" } } } }\n", "bailiff.yaml:1:47: comment: has a control character in it; remove it" },
        { "jails: { a: { report: { abuseipdb: { comment: '{failure} from {jail}' } } } }\n", "bailiff.yaml:1:47: comment: " },
        { "jails: { a: { report: { abuseipdb: { comment: '{failure} from {jail}' } } } }\n", "{failures}" },
        { "jails: { a: { report: { virustotal: { comment: 'a { b' } } } }\n", "bailiff.yaml:1:48: comment: the comment has a '{' without its '}'" },
        { "jails: { a: { enabled: no, report: { enabled: no, virustotal: { comment: 'a }' } } } }\n", "bailiff.yaml:1:74: comment: the comment has a '}' without its '{'" },
        { "defaults: { report: { abuseipdb: { comment: '{x}' } } }\n", "bailiff.yaml:1:45: comment: " },
        { "jails: { a: { report: { virustotal: { vote: bad } } } }\n", "bailiff.yaml:1:45: vote: must be none or malicious or harmless" },
        { "jails: { a: { report: { virustotal: { vote: no } } } }\n", "bailiff.yaml:1:45: vote: must be none or malicious or harmless" },
        { "jails: { a: { report: { virustotal: { vote: none } } } }\n", "bailiff.yaml:1:37: virustotal: neither votes nor comments; write virustotal: false, or { vote: malicious }, or { comment: true }" },
        { "defaults: { report: { virustotal: { vote: none, comment: false } } }\n", "bailiff.yaml:1:35: virustotal: neither votes nor comments" },
        { "jails: { a: { report: { virustotal: true } } }\n", "bailiff.yaml:1:37: virustotal: neither votes nor comments", "defaults: { report: { virustotal: { enabled: no, vote: none } } }\n" },
        { "jails: { a: { report: { virustotal: { comment: '' } } } }\n", "bailiff.yaml:1:48: comment: is empty" },
        /* services */
        { "reports: true\n", "bailiff.yaml:1:10: reports: must be a map: { abuseipdb: ... }" },
        { "reports: { abuseipbd: {} }\n", "bailiff.yaml:1:12: unknown key \"abuseipbd\"; did you mean \"abuseipdb\"?" },
        { "reports: { abuseipdb: abuseipdb.key }\n", "bailiff.yaml:1:23: abuseipdb: must be true, false or a map: { key_file: abuseipdb.key }" },
        { "reports: { virustotal: [] }\n", "bailiff.yaml:1:24: virustotal: must be true, false or a map: { key_file: virustotal.key }" },
        { "reports: { abuseipdb: { key: abc } }\n", "bailiff.yaml:1:25: unknown key \"key\"" },
        { "reports: { abuseipdb: { per_minute: 4 } }\n", "bailiff.yaml:1:25: unknown key \"per_minute\"" },
        { "reports: { virustotal: { bulk_daily: 4 } }\n", "bailiff.yaml:1:26: unknown key \"bulk_daily\"" },
        { "reports: { abuseipdb: { key_file: [x] } }\n", "bailiff.yaml:1:35: key_file: must be a file's path; a relative one begins beside bailiff.yaml" },
        { "reports: { abuseipdb: { key_file: } }\n", "key_file: must be a file's path" },
        { "reports: { abuseipdb: { key_file: keys/ } }\n", "bailiff.yaml:1:35: key_file: \"keys/\" is a directory; name a file in it" },
        { "reports: { abuseipdb: { key_file: \"a\\nb\" } }\n", "bailiff.yaml:1:35: key_file: this path is too long, or has a control character in it" },
        { "reports: { abuseipdb: { timeout: 4s } }\n", "bailiff.yaml:1:34: timeout: must be a duration from 5s to 10m: 30m, 1d12h, seconds" },
        { "reports: { abuseipdb: { timeout: 601 } }\n", "bailiff.yaml:1:34: timeout: must be a duration from 5s to 10m" },
        { "reports: { abuseipdb: { timeout: soon } }\n", "bailiff.yaml:1:34: timeout: must be a duration from 5s to 10m" },
        { "reports: { abuseipdb: { window: 14m59s } }\n", "bailiff.yaml:1:33: window: must be a duration from 15m to 365d" },
        { "reports: { abuseipdb: { window: forever } }\n", "bailiff.yaml:1:33: window: must be a duration from 15m to 365d" },
        { "reports: { abuseipdb: { window: -1 } }\n", "bailiff.yaml:1:33: window: must be a duration from 15m to 365d" },
        { "reports: { virustotal: { window: 23h } }\n", "bailiff.yaml:1:34: window: must be a duration from 1d to 365d" },
        { "reports: { abuseipdb: { daily: -1 } }\n", "bailiff.yaml:1:32: daily: must be a whole number from 0 to 1000000" },
        { "reports: { abuseipdb: { bulk_daily: 1001 } }\n", "bailiff.yaml:1:37: bulk_daily: must be a whole number from 0 to 1000" },
        { "reports: { virustotal: { per_minute: 0 } }\n", "bailiff.yaml:1:38: per_minute: must be a whole number from 1 to 1000" },
        { "reports: { abuseipdb: { url: \"http://h/x\" } }\n", "bailiff.yaml:1:30: url: must be a URL that begins with https:// and has at most 400 bytes; the key goes there" },
        { "reports: { abuseipdb: { url: '' } }\n", "bailiff.yaml:1:30: url: must be a URL that begins with https://" },
        { "reports: { abuseipdb: { url: h } }\n", "bailiff.yaml:1:30: url: must be a URL that begins with https://" },
        { "reports: { abuseipdb: { url: [] } }\n", "bailiff.yaml:1:30: url: must be a URL that begins with https://" },
        { "reports: { abuseipdb: { url: \"https://\" } }\n", "url: \"https://\" has no host; write it as in https://api.example/v2" },
        { "reports: { abuseipdb: { url: \"https:///x\" } }\n", "\"https:///x\" has no host" },
        { "reports: { abuseipdb: { url: \"https://-h\" } }\n", "\"https://-h\" has no host" },
        { "reports: { abuseipdb: { url: \"https://[::g]/x\" } }\n", "\"https://[::g]/x\" has no host" },
        { "reports: { abuseipdb: { url: \"https://[::1\" } }\n", "\"https://[::1\" has no host" },
        { "reports: { abuseipdb: { url: \"https://u:p@h/x\" } }\n", "has a user in it, whom all who may read this file would see" },
        { "reports: { abuseipdb: { url: \"https://h?x=/\" } }\n", "\"https://h?x=/\" has a query or a fragment in it" },
        { "reports: { abuseipdb: { url: \"https://h/x#y\" } }\n", "\"https://h/x#y\" has a query or a fragment in it" },
        { "reports: { abuseipdb: { url: \"https://h:/x\" } }\n", "has no good port, which is a number from 1 to 65535" },
        { "reports: { abuseipdb: { url: \"https://h:0/x\" } }\n", "has no good port" },
        { "reports: { abuseipdb: { url: \"https://h:65536/x\" } }\n", "has no good port" },
        { "reports: { abuseipdb: { url: \"https://h:123456\" } }\n", "has no good port" },
        { "reports: { abuseipdb: { url: \"https://h:44x/x\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { url: \"https://h/a b\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { url: \"https://h/%4\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { url: \"https://h/a/..\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { url: \"https://h/./b\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { url: \"https://h/a/../b\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { url: \"https://h\xc3\xa4/\" } }\n", "has a path that cannot stand in a URL" },
        { "reports: { abuseipdb: { proxy: \"socks5://h:1080\" } }\n", "bailiff.yaml:1:32: proxy: must be a proxy: http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT" },
        { "reports: { abuseipdb: { proxy: } }\n", "proxy: must be a proxy" },
        { "reports: { abuseipdb: { proxy: \"http://u@h:1\" } }\n", "\"http://u@h:1\" has a user in it" },
        { "reports: { abuseipdb: { proxy: \"http://h:1/x\" } }\n", "\"http://h:1/x\" goes on behind host and port; write it as in http://proxy.example:3128" },
        { "reports: { abuseipdb: { proxy: \"http://h:1?x\" } }\n", "\"http://h:1?x\" goes on behind host and port" },
        { "reports: { abuseipdb: { ca_file: /etc/ssl/ } }\n", "bailiff.yaml:1:34: ca_file: \"/etc/ssl/\" is a directory" },
        { "reports: { abuseipdb+: {} }\n", "bailiff.yaml:1:12: abuseipdb+: only lists are appended to" },
        { "jails: {}\n", "shipped.yaml:1:33: window: must be a duration", "reports: { abuseipdb: { window: 1m } }\n" },
        /* YAML */
        { "jails:\n\tsshd: {}\n", "bailiff.yaml:2:1: not valid YAML: found character that cannot start any token (indent with spaces, not tabs" },
        { "jails:\r\n\tsshd: {}\r\n", "bailiff.yaml:2:1: not valid YAML" },
        { "jails:\r\n  sshd:\r\n    maxretry: x\r\n", "bailiff.yaml:3:15: maxretry: must be" },
        { "\xef\xbb\xbfjail: {}\n", "bailiff.yaml:1:1: unknown key \"jail\"" },
        { "\xff\xfej", "bailiff.yaml:1:1: is UTF-16; save the file as UTF-8" },
        { "allow: [192.0.2.1]\n# caf\xe9\n", "bailiff.yaml:2:6: not valid YAML: incomplete UTF-8 octet sequence (save the file as UTF-8)" },
        { "firewall: none\non_stop: ke\x01\x65p\n", "bailiff.yaml:2:12: not valid YAML: control characters are not allowed (remove the control character)" },
        { "allow: [192.0.2.1\n", "in what begins at line 1 (end the list with ])" },
        { "jails: { sshd: {}\n", "bailiff.yaml:2:1: not valid YAML: did not find expected ',' or '}', in what begins at line 1 (end the map with })" },
        { "firewall: \"none\njails: {}\n", "(end the text with the quote that it begins with)" },
        { "firewall: \"no\\ne\\q\"\n", "bailiff.yaml:1:17: not valid YAML: found unknown escape character (within double quotes" },
        { "allow: [::1]\n", "bailiff.yaml:1:9: not valid YAML: did not find expected node content (quote a value that begins with a colon" },
        { "jails:\n  sshd:\n   maxretry: 3\n  x: 1\n bad: 2\n", "(indent the keys of one map alike; put a value" },
        { "jails:\n  sshd: mode: normal\n", "bailiff.yaml:2:13: not valid YAML: mapping values are not allowed in this context (begin each key on a line of its own" },
        { "defaults: &d { maxretry: 3 }\n", "bailiff.yaml:1:11: anchors (&) and tags (!) are not used here; write the map out" },
        { "jails: *d\n", "bailiff.yaml:1:8: aliases (*) are not used here; write the value out" },
        { "max_bans: !!int 5\n", "bailiff.yaml:1:11: anchors (&) and tags (!) are not used here; write the value out" },
        { "jails:\n  sshd:\n    <<: { maxretry: 3 }\n", "bailiff.yaml:3:5: merge keys (<<) are not used here; write the keys out" },
        { "jails: {}\n---\njails: {}\n", "bailiff.yaml:2:1: a second document (---); a file holds one" },
        { "? [a]\n: 1\n", "bailiff.yaml:1:3: a key must be a plain word" },
        /* layers */
        { "jails: { sshd: { findtime+: 5m } }\n", "bailiff.yaml:1:18: findtime+: only lists are appended to; write findtime:" },
        { "jails: { sshd: { findtime!: 5m } }\n", "bailiff.yaml:1:18: findtime!: only allow: takes a \"!\"; write findtime:, which replaces" },
        { "defaults+: {}\n", "bailiff.yaml:1:1: defaults+: only lists are appended to" },
        { "jails: { sshd: { ports+: [25] } }\n", "bailiff.yaml:1:26: ports+: there is no list to append to, all ports are closed" },
        { "jails: { sshd: { ports+: 25 } }\n", "bailiff.yaml:1:26: ports+: must be a list, which is appended" },
        { "jails: { sshd: { ports+: [25] } }\n", "bailiff.yaml:1:26: ports+: there is no list to append to: ", "jails: { sshd: { ports: all } }\n" },
        { "jails: { sshd: { sources+: [bans] } }\n", "bailiff.yaml:1:29: bans stands alone", "jails: { sshd: { sources: [journal] } }\n" },
        { "jails: {}\n", "50.yaml:3:1: unknown key \"shd\"", NULL, "jails:\n  sshd:\nshd: 2\n" },
        { "jails: {}\n", "shipped.yaml:1:28: maxretry: must be a whole number", "jails: { sshd: { maxretry: many } }\n" },
        { "jails: {}\n", "50.yaml:1:8: jails: must be a map", "jails: { sshd: }\n", "jails: [x]\n" },
        { "jails: { sshd: { bantime_increment: { factor: 3 } } }\n", "50.yaml:1:37: bantime_increment: must be true", NULL, "jails: { sshd: { bantime_increment: ten } }\n" },
};
#define N_CASES (sizeof CASES / sizeof *CASES)

static unsigned n_failed; /* all are shown, then the test fails */
static char directory[] = "/tmp/bailiff-wrong-XXXXXX";

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

/* Expects the refusal of bailiff.yaml as it lies there. */
static void expect(const char *expected, int error)
{
        _cleanup_(config_freep) Config *config = NULL;
        Problem problem = { "" };
        char path[128];
        int r = config_load(path_in("bailiff.yaml", path), &config, &problem);

        if (r != error || config || !strstr(problem.text, expected) || problem.text[0] != '/') {
                fprintf(stderr, "expected %d: %s\n     got %d: %s\n", error, expected, r, problem.text);
                n_failed++;
        }
}

static void test_texts(void)
{
        char path[128];

        for (size_t i = 0; i < N_CASES; i++) {
                write_in("shipped.yaml", CASES[i].shipped);
                write_in("bailiff.yaml", CASES[i].text);
                write_in("jails.d/50.yaml", CASES[i].above);
                setenv("BAILIFF_SHIPPED", CASES[i].shipped ? path_in("shipped.yaml", path) : "", 1);
                expect(CASES[i].expected, -EINVAL);
        }
        setenv("BAILIFF_SHIPPED", "", 1);
        write_in("shipped.yaml", NULL);
        write_in("jails.d/50.yaml", NULL);
        printf("%zu wrong texts\n", N_CASES);
}

static void test_sizes(void)
{
        size_t size = 10 * 1000 * 1000;
        char *large = malloc(size + 1), *p;
        char path[128];

        memset(large, '#', size);
        large[size] = '\0';
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:1:1: larger than 8388608 bytes; split it", -EFBIG);
        memset(large, '[', 1000);
        large[1000] = '\0';
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:1:33: nested too deeply", -EINVAL);
        p = stpcpy(large, "jails:\n");
        for (int i = 0; i < 1001; i++)
                p += sprintf(p, "  jail%d:\n", i);
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:2:3: jails: more than 1000 jails", -EINVAL);
        p = stpcpy(large, "allow:\n");
        for (int i = 0; i < 10001; i++)
                p += sprintf(p, "- 192.0.%d.%d\n", i / 256, i % 256);
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:10002:3: more than 10000 entries; put them into a file and name it here", -EINVAL);
        p = stpcpy(large, "jails: { sshd: { ports: [");
        for (int i = 1; i <= 65; i++)
                p += sprintf(p, "%d, ", i);
        strcpy(p, "] } }\n");
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:1:25: ports: more than 64 ports; write all", -EINVAL);
        p = stpcpy(large, "jails: { a: { report: { abuseipdb: { comment: ");
        memset(p, 'x', 1025);
        strcpy(p + 1025, " } } } }\n");
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:1:47: comment: has 1025 bytes, of which the service takes at most 1024; shorten it", -EINVAL);
        p = stpcpy(large, "jails: { a: { report: { virustotal: { comment: ");
        memset(p, 'x', 4097);
        strcpy(p + 4097, " } } } }\n");
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:1:48: comment: has 4097 bytes, of which the service takes at most 4096; shorten it", -EINVAL);
        p = stpcpy(large, "reports: { abuseipdb: { key_file: ");
        memset(p, 'x', 5000);
        strcpy(p + 5000, " } }\n");
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:1:35: key_file: this path is too long", -EINVAL);
        p = stpcpy(large, "jails:\n");
        for (int i = 0; i < 6000; i++)
                p += sprintf(p, "  j%d:\n", i);
        write_in("bailiff.yaml", large);
        expect("bailiff.yaml:5002:3: too many keys in one map", -EINVAL);
        free(large);
        unlink(path_in("bailiff.yaml", path));
}

static void set_mode(const char *name, mode_t mode, gid_t group)
{
        char path[128];

        check_int(chown(path_in(name, path), (uid_t) -1, group), 0);
        check_int(chmod(path_in(name, path), mode), 0);
}

static void expect_good(void)
{
        _cleanup_(config_freep) Config *config = NULL;
        Problem problem = { "" };
        char path[128];

        if (config_load(path_in("bailiff.yaml", path), &config, &problem) != 0)
                fprintf(stderr, "%s\n", problem.text);
        check(config);
}

/* Files, directories, and who may change them. */
static void test_files(void)
{
        char path[128], allow[256];

        expect("bailiff.yaml:1:1: cannot be read: No such file", -ENOENT);
        check_int(mkdir(path_in("bailiff.yaml", path), 0755), 0);
        expect("bailiff.yaml:1:1: is a directory; put a file there", -EISDIR);
        rmdir(path_in("bailiff.yaml", path));
        check_int(mkfifo(path_in("bailiff.yaml", path), 0644), 0);
        expect("bailiff.yaml:1:1: is no regular file; put a file there", -EINVAL);
        unlink(path_in("bailiff.yaml", path));

        write_in("bailiff.yaml", "jails: {}\n");
        setenv("BAILIFF_SHIPPED", path_in("shipped.yaml", path), 1);
        expect("shipped.yaml:1:1: cannot be read: No such file", -ENOENT);
        setenv("BAILIFF_SHIPPED", "", 1);
        expect_good();

        gid_t group = getgid() ? getgid() : 12345;
        set_mode("bailiff.yaml", 0666, group);
        expect("/bailiff.yaml may be changed by everybody; take that away: chmod go-w /", -EINVAL);
        set_mode("bailiff.yaml", 0646, group);
        expect("/bailiff.yaml may be changed by everybody; take that away: chmod o-w /", -EINVAL);
        set_mode("bailiff.yaml", 0664, group);
        expect("/bailiff.yaml may be changed by its group; take that away: chmod g-w /", -EINVAL);
        if (geteuid() == 0) {
                set_mode("bailiff.yaml", 0664, 0);
                expect_good(); /* root's group may */
        }
        set_mode("bailiff.yaml", 0600, group);
        expect_good();
        set_mode(".", 0777, group);
        expect("may be changed by everybody; take that away: chmod go-w /", -EINVAL);
        set_mode(".", 0700, group);

        write_in("jails.d/50.yaml", "jails: { sshd: }\n");
        set_mode("jails.d/50.yaml", 0602, group);
        expect("jails.d/50.yaml:1:1: ", -EINVAL);
        set_mode("jails.d/50.yaml", 0600, group);
        set_mode("jails.d", 01777, group);
        expect("/jails.d may be changed by everybody; take that away: chmod go-w /", -EINVAL);
        set_mode("jails.d", 0700, group);
        set_mode(".", 01777, group);
        expect("jails.d:1:1: /", -EINVAL); /* anybody could have made it there */
        set_mode(".", 0700, group);
        expect_good();
        check_int(mkdir(path_in("jails.d/60.yaml", path), 0755), 0);
        expect("jails.d/60.yaml:1:1: is a directory", -EISDIR);
        rmdir(path_in("jails.d/60.yaml", path));

        snprintf(allow, sizeof allow, "allow: [%s]\n", path_in("office/allow", path));
        write_in("bailiff.yaml", allow);
        expect_good(); /* it may come later */
        check_int(mkdir(path_in("office", path), 0755), 0);
        write_in("office/allow", "192.0.2.1\n");
        set_mode("office/allow", 0622, group);
        expect("bailiff.yaml:1:9: /", -EINVAL);
        expect("/office/allow may be changed by everybody; take that away: chmod go-w /", -EINVAL);
        set_mode("office/allow", 0644, group);
        set_mode("office", 0777, group);
        expect("/office may be changed by everybody; take that away: chmod go-w /", -EINVAL);
        set_mode("office", 0755, group);
        expect_good();
        write_in("office/allow", NULL);
        set_mode("office", 01777, group);
        expect("/office may be changed by everybody", -EINVAL); /* anybody could make it there */
        write_in("office/allow", "192.0.2.1\n");
        expect_good();
        write_in("office/allow", NULL);
        rmdir(path_in("office", path));
        if (geteuid() != 0) {
                set_mode("bailiff.yaml", 0, group);
                expect("bailiff.yaml:1:1: cannot be read: Permission denied (bailiffd runs as a user of its own; let it: chmod a+r", -EACCES);
                set_mode("bailiff.yaml", 0600, group);
                set_mode("jails.d", 0, group);
                expect("jails.d:1:1: cannot be read: Permission denied (bailiffd runs as a user of its own; let it: chmod a+rx)", -EACCES);
                set_mode("jails.d", 0700, group);
        }
        write_in("jails.d/50.yaml", NULL);
        rmdir(path_in("jails.d", path));
        write_in("jails.d", "no directory\n");
        expect("jails.d:1:1: cannot be read: Not a directory (a directory with *.yaml files is expected)", -ENOTDIR);
        write_in("jails.d", NULL);
        write_in("bailiff.yaml", NULL);
}

static int write_cases(const char *to)
{
        for (size_t i = 0; i < N_CASES; i++) {
                char path[PATH_MAX];

                if (CASES[i].shipped || CASES[i].above)
                        continue;
                snprintf(path, sizeof path, "%s/%03zu.yaml", to, i);
                check_int(text_write_file(path, CASES[i].text, strlen(CASES[i].text), 0644), 0);
                snprintf(path, sizeof path, "%s/%03zu.expected", to, i);
                check_int(text_write_file(path, CASES[i].expected, strlen(CASES[i].expected), 0644), 0);
        }
        return 0;
}

int main(int argc, char *argv[])
{
        char path[128];

        if (argc == 2)
                return write_cases(argv[1]);
        check(mkdtemp(directory));
        check_int(mkdir(path_in("jails.d", path), 0755), 0);
        test_texts();
        test_sizes();
        test_files();
        check_int(rmdir(directory), 0);
        check_int(n_failed, 0);
        return 0;
}
