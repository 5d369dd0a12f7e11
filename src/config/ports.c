/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Ports that a jail's bans close, by name or number. */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "config/option.h"

#define PORTS_MAX 64 /* of each protocol */

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

static int number_read(const YamlNode *node, const char *word, uint16_t *ret_port, Problem *problem)
{
        const char *end = word + strspn(word, "0123456789");
        unsigned number = 0;

        if (*end == '-' || *end == ':')
                return yaml_problem(node, problem,
                                    "\"%s\" is a range, which is not taken; name each port, or write all", node->text);
        for (const char *p = word; p < end && number <= 65535; p++)
                number = number * 10 + (unsigned) (*p - '0');
        if (*end || number < 1 || number > 65535)
                return yaml_problem(node, problem, "\"%s\" is no port; ports are 1 to 65535", node->text);
        *ret_port = (uint16_t) number;
        return 0;
}

static void port_add(JailConfig *jail, Port *ports, Port port)
{
        for (size_t i = 0; i < jail->n_ports; i++)
                if (ports[i].protocol == port.protocol && ports[i].port == port.port)
                        return;
        ports[jail->n_ports++] = port;
}

/* Appends "ssh", "25", "53/udp": one entry, or two where no protocol is given. */
static int port_read(const YamlNode *node, JailConfig *jail, Port *ports, Problem *problem)
{
        char word[32];
        uint16_t port = 0;
        int r;

        if (node->kind != YAML_SCALAR || strlen(node->text) >= sizeof word || !*node->text)
                return yaml_problem(node, problem,
                                    "must be a port: a name or number, with /tcp or /udp if only one of them is meant");
        strcpy(word, node->text);
        char *slash = strchr(word, '/');
        if (slash)
                *slash++ = '\0';
        bool tcp = !slash || strcmp(slash, "tcp") == 0, udp = !slash || strcmp(slash, "udp") == 0;
        if (!tcp && !udp)
                return yaml_problem(node, problem, "\"%s\": the protocol must be tcp or udp", node->text);
        if (strcmp(word, "all") == 0)
                return yaml_problem(node, problem, "all stands alone; write ports: all");
        if (word[0] >= '0' && word[0] <= '9') {
                r = number_read(node, word, &port, problem);
                if (r < 0)
                        return r;
        } else if (service_port(word, &port) < 0) {
                return yaml_problem(node, problem, "the port name \"%s\" is not known; use its number", word);
        }
        if (tcp)
                port_add(jail, ports, (Port){ .protocol = IPPROTO_TCP, .port = port });
        if (udp)
                port_add(jail, ports, (Port){ .protocol = IPPROTO_UDP, .port = port });
        return 0;
}

/**
 * ports_read() - read `ports:`, or `ports+:` that adds to what the jail has
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int ports_read(const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem)
{
        bool append = node->key && option_key(node->key).sign == '+';
        size_t n_old = append ? jail->n_ports : 0;
        Port *ports;
        int r;

        if (!append && node->kind == YAML_SCALAR && strcmp(node->text, "all") == 0) {
                jail->ports = NULL;
                jail->n_ports = 0;
                return 0;
        }
        if (append && n_old == 0)
                return yaml_problem(node, problem,
                                    "there is no list to append to, all ports are closed; write ports: to close these alone");
        if (node->kind != YAML_LIST || !node->children)
                return yaml_problem(node, problem, "must be all or a list of ports: [ssh, 25, 53/udp]");
        if (yaml_count(node) > 2 * PORTS_MAX)
                return yaml_problem(node, problem, "more than %d ports; write all", PORTS_MAX);
        ports = arena_alloc(arena, (n_old + 2 * yaml_count(node)) * sizeof *ports);
        if (!ports)
                return -ENOMEM;
        if (n_old > 0)
                memcpy(ports, jail->ports, n_old * sizeof *ports);
        jail->ports = ports;
        jail->n_ports = n_old;
        for (const YamlNode *child = node->children; child; child = child->next) {
                r = port_read(child, jail, ports, problem);
                if (r < 0)
                        return r;
        }
        return jail->n_ports <= 2 * PORTS_MAX ? 0 : yaml_problem(node, problem, "more than %d ports; write all", PORTS_MAX);
}

/**
 * ports_write() - write ports so that ports_read() reads the same
 */
void ports_write(const JailConfig *jail, FILE *stream)
{
        if (jail->n_ports == 0)
                fputs("all", stream);
        for (size_t i = 0; i < jail->n_ports; i++)
                fprintf(stream, "%s%u/%s", i ? ", " : "[", jail->ports[i].port, jail->ports[i].protocol == IPPROTO_TCP ? "tcp" : "udp");
        if (jail->n_ports)
                fputc(']', stream);
}
