/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "config.h"
#include "test.h"
#include "util/text.h"

static char directory[] = "/tmp/bailiff-config-XXXXXX";
static char file[64];

static int load(const char *text, Config **ret_config, Problem *problem)
{
        check_int(text_write_file(file, text, strlen(text), 0600), 0);
        return config_load(file, ret_config, problem);
}

static void test_refused(void)
{
        static const char *const cases[][2] = {
                { "jail: {}\n", ":1:1: unknown key \"jail\"; did you mean \"jails\"?" },
                { "jails:\n  sshd:\n    fintime: 5m\n", ":3:5: unknown key \"fintime\"; did you mean \"findtime\"?" },
                { "jails:\n  sshd:\n    findtime: soon\n", ":3:15: findtime: must be a duration: 10m, 1d12h, seconds" },
                { "jails:\n  sshd:\n    findtime: forever\n", ":3:15: findtime: cannot be forever" },
                { "jails:\n  sshd:\n    bantime: 11y\n", ":3:14: bantime: must be a duration: 10m, 1d12h, seconds, or forever" },
                { "jails:\n  sshd:\n    bantime: 9999d\n", ":3:14: bantime: \"9999d\" is out of bounds" },
                { "jails:\n  sshd:\n    maxretry: 0\n", ":3:15: maxretry: must be a whole number from 1 to 1000" },
                { "jails:\n  sshd:\n    maxretry: [5]\n", ":3:15: maxretry: must be a whole number" },
                { "jails:\n  sshd:\n    enabled: maybe\n", ":3:14: enabled: must be true or false" },
                { "jails:\n  sshd:\n    ports: [ssh, 70000]\n", ":3:18: \"70000\" is no port" },
                { "jails:\n  sshd:\n    ports: [22/icmp]\n", ":3:13: \"22/icmp\": the protocol must be tcp or udp" },
                { "jails:\n  sshd:\n    ports: [nosuchservice]\n", ":3:13: the port name \"nosuchservice\" is not known" },
                { "jails:\n  sshd:\n    ports: ssh\n", ":3:12: ports: must be all or a list" },
                { "jails:\n  ../x: {}\n", ":2:9: ../x: a jail's name has" },
                { "jails: [sshd]\n", ":1:8: jails: must be a map from names to jails, not a list" },
                { "jails:\n  sshd: yes\n", ":2:9: sshd: must be a map of options, not a value" },
                { "allow: [192.0.2.1/24]\n", ":1:9: \"192.0.2.1/24\" has bits set" },
                { "allow: [office.example]\n", ":1:9: \"office.example\" is no address or prefix" },
                { "allow: 192.0.2.1\n", ":1:8: allow: must be a list" },
                { "defaults: { filter: sshd }\n", ":1:21: filter: cannot stand in defaults" },
                { "firewall: iptables\n", ":1:11: firewall: must be nftables or none" },
                { "max_bans: 5\n", ":1:11: max_bans: must be a whole number from 100" },
                { "- a\n", ":1:1: the configuration must be a map" },
                { "jails:\n\tsshd: {}\n", ":2:1: not valid YAML" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                _cleanup_(config_freep) Config *config = NULL;
                Problem problem = { "" };

                check_int(load(cases[i][0], &config, &problem), -EINVAL);
                check_contains(problem.text, cases[i][1]);
                check(strncmp(problem.text, file, strlen(file)) == 0 && !config);
        }
}

static void test_defaults(void)
{
        _cleanup_(config_freep) Config *config = NULL;

        check_int(load("defaults: { maxretry: 3, allow: [127.0.0.0/8] }\nallow: [\"::1\"]\njails:\n  sshd:\n"
                       "  mail: { filter: 'postfix[x=1]', bantime: forever, ports: [smtp, 587/tcp], findtime: 1h }\n", &config, NULL), 0);
        check_int(config->n_jails, 2);
        const JailConfig *sshd = &config->jails[0], *mail = &config->jails[1];
        check_text(sshd->filter, "sshd");
        check_text(sshd->mode, "normal");
        check(sshd->enabled && !sshd->observe && sshd->n_ports == 0);
        check_int(sshd->findtime, 600);
        check_int(sshd->maxretry, 3);
        check_int(sshd->bantime, 86400);
        check_int(mail->bantime, DURATION_FOREVER);
        check_text(mail->filter, "postfix[x=1]");
        check_int(mail->n_ports, 3);
        check_int(mail->ports[1].protocol, IPPROTO_UDP);
        check_int(mail->ports[2].port, 587);
        check_int(config->n_allow, 2);
        check_contains(config->allow[1].place, ":2:9");
        check_int(config->firewall, FIREWALL_NFTABLES);
        check_int(config->on_stop, ON_STOP_KEEP);
}

/* What is dumped reads back to the same. */
static void test_dump(void)
{
        _cleanup_(config_freep) Config *config = NULL, *again = NULL;
        _cleanup_free_ char *first = NULL, *second = NULL;

        check_int(load("counters: true\non_stop: remove\nallow: [192.0.2.0/24, \"2001:db8::1\"]\n"
                       "jails: { a: { ports: [ssh, 53/udp], observe: on }, b: { bantime: forever, enabled: off } }\n", &config, NULL), 0);
        check_int(config_dump(config, false, &first), 0);
        check_int(load(first, &again, NULL), 0);
        check_int(config_dump(again, false, &second), 0);
        check_text(second, first);
        check_contains(first, "ports: [22/tcp, 22/udp, 53/udp]");
}

int main(void)
{
        check(mkdtemp(directory));
        snprintf(file, sizeof file, "%s/c.yaml", directory);
        test_refused();
        test_defaults();
        test_dump();
        unlink(file);
        rmdir(directory);
        return 0;
}
