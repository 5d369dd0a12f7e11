/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One table of options is behind reading, defaults, bounds, messages and
 * --dump-config: an option cannot exist without its default, bound and help.
 */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "config/option.h"

static const char *const FIREWALL_WORDS[] = { "nftables", "none", NULL };
static const char *const STOP_WORDS[] = { "remove", "keep", NULL };

const Option CONFIG_OPTIONS[] = {
        { "firewall", OPTION_WORD, offsetof(Config, firewall), "nftables", .words = FIREWALL_WORDS,
          .help = "where bans are enforced; none: only counted, shown and remembered" },
        { "on_stop", OPTION_WORD, offsetof(Config, on_stop), "keep", .words = STOP_WORDS,
          .help = "keep: bans stay in the kernel while bailiffd is stopped; remove: the table is removed" },
        { "counters", OPTION_BOOL, offsetof(Config, counters), "false",
          .help = "count the packets of each banned address (15.5 bytes per CPU and ban)" },
        { "max_windows", OPTION_SIZE, offsetof(Config, max_windows), "200000", 1000, 10000000,
          .help = "addresses that may be counted at once; beyond, those with the fewest failures are forgotten" },
        { "max_bans", OPTION_SIZE, offsetof(Config, max_bans), "2000000", 100, 10000000,
          .help = "bans in force at once; beyond, the automatic ban that ends soonest gives way" },
        { "allow", OPTION_BLOCK, .help = "addresses and prefixes that are never banned" },
        { "defaults", OPTION_BLOCK, .help = "options of all jails that do not set their own" },
        { "jails", OPTION_BLOCK, .help = "what is protected" },
};
const size_t N_CONFIG_OPTIONS = sizeof CONFIG_OPTIONS / sizeof *CONFIG_OPTIONS;

const Option JAIL_OPTIONS[] = {
        { "enabled", OPTION_BOOL, offsetof(JailConfig, enabled), "true", .help = "whether the jail runs" },
        { "observe", OPTION_BOOL, offsetof(JailConfig, observe), "false", .help = "count and show, but do not ban" },
        { "filter", OPTION_NAME, offsetof(JailConfig, filter), NULL,
          .help = "the filter's name, with parameters: \"sshd[publickey=any]\"; default: the jail's name" },
        { "mode", OPTION_NAME, offsetof(JailConfig, mode), "normal", .help = "which of the filter's rules are used" },
        { "findtime", OPTION_DURATION, offsetof(JailConfig, findtime), "10m", 0, 0,
          .help = "failures within this time count together" },
        { "maxretry", OPTION_COUNT, offsetof(JailConfig, maxretry), "5", 1, 1000,
          .help = "that many failures within findtime ban the address" },
        { "bantime", OPTION_DURATION, offsetof(JailConfig, bantime), "1d", 0, 1, .help = "how long a ban lasts" },
        { "ipv6_prefix", OPTION_COUNT, offsetof(JailConfig, ipv6_prefix), "64", 32, 128,
          .help = "IPv6 addresses count and are banned by prefixes of this length" },
        { "ports", OPTION_PORTS, offsetof(JailConfig, ports), "all",
          .help = "all, or the ports that a ban closes: [ssh, 25, 53/udp]; without /tcp or /udp both" },
};
const size_t N_JAIL_OPTIONS = sizeof JAIL_OPTIONS / sizeof *JAIL_OPTIONS;

/**
 * option_find() - the option of a key, or NULL
 */
const Option *option_find(const Option *options, size_t n_options, const char *key)
{
        for (size_t i = 0; i < n_options; i++)
                if (strcmp(options[i].key, key) == 0)
                        return &options[i];
        return NULL;
}

/**
 * option_unknown() - the message about a key that is no option
 *
 * Return: -EINVAL
 */
int option_unknown(const Option *options, size_t n_options, const YamlNode *node, Problem *problem)
{
        const char *known[32];

        for (size_t i = 0; i < n_options; i++)
                known[i] = options[i].key;
        return yaml_unknown_key(node, known, n_options, problem);
}

static int service_port(const char *name, uint16_t *ret_port)
{
        /* A minimal system has no /etc/services; the shipped filters' names are known without. */
        static const struct {
                const char *name;
                uint16_t port;
        } known[] = {
                { "ssh", 22 },    { "smtp", 25 },        { "http", 80 },   { "pop3", 110 },  { "imap", 143 },   { "imap2", 143 },
                { "https", 443 }, { "submissions", 465 }, { "submission", 587 }, { "imaps", 993 }, { "pop3s", 995 }, { "sieve", 4190 },
        };
        const struct servent *entry;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (strcmp(known[i].name, name) == 0) {
                        *ret_port = known[i].port;
                        return 0;
                }
        entry = getservbyname(name, NULL);
        if (!entry)
                return -ENOENT;
        *ret_port = ntohs((uint16_t) entry->s_port);
        return 0;
}

/* Appends "ssh", "25", "53/udp" to ports: one entry, or two where no protocol is given. */
static int port_read(const YamlNode *node, Port *ports, size_t *n_ports, Problem *problem)
{
        static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
        char word[32];
        uint16_t port;
        long long number;
        unsigned wanted = 3;

        if (node->kind != YAML_SCALAR || strlen(node->text) >= sizeof word || !*node->text)
                return yaml_problem(node, problem, "must be a port: a name or number, with /tcp or /udp if only one of them is meant");
        strcpy(word, node->text);
        char *slash = strchr(word, '/');
        if (slash) {
                *slash = '\0';
                wanted = strcmp(slash + 1, "tcp") == 0 ? 1 : strcmp(slash + 1, "udp") == 0 ? 2 : 0;
                if (!wanted)
                        return yaml_problem(node, problem, "\"%s\": the protocol must be tcp or udp", node->text);
        }
        if (word[strspn(word, "0123456789")] == '\0') {
                YamlNode bare = *node;
                bare.text = word;
                if (yaml_integer(&bare, 1, 65535, &number, problem) < 0)
                        return yaml_problem(node, problem, "\"%s\" is no port; ports are 1 to 65535", node->text);
                port = (uint16_t) number;
        } else if (service_port(word, &port) < 0) {
                return yaml_problem(node, problem, "the port name \"%s\" is not known; use its number", word);
        }
        for (size_t i = 0; i < 2; i++)
                if (wanted & (1u << i))
                        ports[(*n_ports)++] = (Port){ .protocol = protocols[i], .port = port };
        return 0;
}

static int ports_read(const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem)
{
        size_t n = 0, count = 0;
        Port *ports;
        int r;

        if (node->kind == YAML_SCALAR && strcmp(node->text, "all") == 0) {
                jail->ports = NULL;
                jail->n_ports = 0;
                return 0;
        }
        if (node->kind != YAML_LIST || !node->children)
                return yaml_problem(node, problem, "must be all or a list of ports: [ssh, 25, 53/udp]");
        for (const YamlNode *child = node->children; child; child = child->next)
                count++;
        if (count > 64)
                return yaml_problem(node, problem, "more than 64 ports; use all");
        ports = arena_alloc(arena, 2 * count * sizeof *ports);
        if (!ports)
                return -ENOMEM;
        for (const YamlNode *child = node->children; child; child = child->next) {
                r = port_read(child, ports, &n, problem);
                if (r < 0)
                        return r;
        }
        jail->ports = ports;
        jail->n_ports = n;
        return 0;
}

static int duration_read(const Option *option, const YamlNode *node, int64_t *target, Problem *problem)
{
        int64_t seconds;
        int r = node->kind == YAML_SCALAR ? duration_parse(node->text, &seconds) : -EINVAL;

        if (r == -ERANGE)
                return yaml_problem(node, problem, "\"%s\" is out of bounds: 1s to 3653d (ten years)%s", node->text,
                                    option->max ? ", or forever" : "");
        if (r < 0)
                return yaml_problem(node, problem, "must be a duration: 10m, 1d12h, seconds%s", option->max ? ", or forever" : "");
        if (seconds == DURATION_FOREVER && !option->max)
                return yaml_problem(node, problem, "cannot be forever; give a duration such as 10m");
        *target = seconds;
        return 0;
}

static int word_read(const Option *option, const YamlNode *node, int *target, Problem *problem)
{
        char list[128] = "";

        for (int i = 0; option->words[i]; i++) {
                if (node->kind == YAML_SCALAR && strcmp(node->text, option->words[i]) == 0) {
                        *target = i;
                        return 0;
                }
                strcat(strcat(list, i ? " or " : ""), option->words[i]);
        }
        return yaml_problem(node, problem, "must be %s", list);
}

/**
 * option_read() - read one option's value
 * @target:     the Config or JailConfig
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int option_read(const Option *option, const YamlNode *node, void *target, Arena *arena, Problem *problem)
{
        void *place = (char *) target + option->offset;
        long long number;
        int r;

        switch (option->type) {
        case OPTION_BOOL: return yaml_bool(node, place, problem);
        case OPTION_DURATION: return duration_read(option, node, place, problem);
        case OPTION_COUNT:
                r = yaml_integer(node, option->min, option->max, &number, problem);
                if (r == 0)
                        *(unsigned *) place = (unsigned) number;
                return r;
        case OPTION_SIZE:
                r = yaml_integer(node, option->min, option->max, &number, problem);
                if (r == 0)
                        *(size_t *) place = (size_t) number;
                return r;
        case OPTION_WORD: return word_read(option, node, place, problem);
        case OPTION_NAME:
                if (node->kind != YAML_SCALAR || !*node->text || strlen(node->text) >= 256)
                        return yaml_problem(node, problem, "must be a name");
                *(const char **) place = arena_text(arena, node->text);
                return *(const char **) place ? 0 : -ENOMEM;
        case OPTION_PORTS: return ports_read(node, target, arena, problem);
        case OPTION_BLOCK: return 0;
        }
        return -EINVAL;
}

/**
 * option_fallback() - set an option to its default
 */
int option_fallback(const Option *option, void *target, Arena *arena)
{
        YamlNode node = { .kind = YAML_SCALAR, .file = "default" };

        if (!option->fallback)
                return 0;
        node.text = arena_text(arena, option->fallback);
        return node.text ? option_read(option, &node, target, arena, NULL) : -ENOMEM;
}

static void ports_write(const JailConfig *jail, FILE *stream)
{
        if (jail->n_ports == 0)
                fputs("all", stream);
        for (size_t i = 0; i < jail->n_ports; i++)
                fprintf(stream, "%s%u/%s", i ? ", " : "[", jail->ports[i].port, jail->ports[i].protocol == IPPROTO_TCP ? "tcp" : "udp");
        if (jail->n_ports)
                fputc(']', stream);
}

/**
 * option_write() - write an option so that option_read() reads the same
 */
void option_write(const Option *option, const void *target, FILE *stream)
{
        const void *place = (const char *) target + option->offset;
        char text[DURATION_TEXT_MAX];

        switch (option->type) {
        case OPTION_BOOL: fputs(*(const bool *) place ? "true" : "false", stream); break;
        case OPTION_DURATION: fputs(duration_format(*(const int64_t *) place, text), stream); break;
        case OPTION_COUNT: fprintf(stream, "%u", *(const unsigned *) place); break;
        case OPTION_SIZE: fprintf(stream, "%zu", *(const size_t *) place); break;
        case OPTION_WORD: fputs(option->words[*(const int *) place], stream); break;
        case OPTION_NAME: fprintf(stream, "\"%s\"", *(const char *const *) place); break;
        case OPTION_PORTS: ports_write(target, stream); break;
        case OPTION_BLOCK: break;
        }
}
