/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Drives the firewall stage from a script, in a namespace or in a virtual machine:
 * reads commands from standard input, one a line, and prints one line for each
 * answer and callback. Exit status 0 unless a command is unknown.
 *
 *     start SEQUENCE · verify · remove · counters on|off · stats
 *     ban ADDR[/LEN] [tcp|udp PORT] [reject] SECONDS|forever     (wanted, and queued)
 *     unban ADDR[/LEN] [tcp|udp PORT] [reject] · want ... (as ban, not queued) · forget ... (as unban, not queued)
 *     many N [SECONDS]              N prefixes of 2001:db8::/32, /64 each (wanted, and queued)
 *     apply                         sends the queue, 5000 a call
 *     allow ADDR[/LEN] [SECONDS] · disallow ADDR[/LEN]
 *     query ADDR[/LEN] [tcp|udp PORT] [reject] · count       how many of the wanted are in the kernel
 *     run MSEC                      the event loop · shell COMMAND
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "firewall.h"

typedef struct AllowedPrefix {
        Addr addr;
        EventTime until;
} AllowedPrefix;

typedef struct Probe {
        Firewall *firewall;
        sd_event *event;
        Element *wanted, *queue;
        size_t n_wanted, n_queue;
        AllowedPrefix allowed[64];
        size_t n_allowed;
} Probe;

static int64_t now_msec(void)
{
        return (int64_t) clock_boot_now().usec / 1000;
}

static int visit_elements(void *userdata, int (*visit)(void *data, const Element *element), void *data)
{
        Probe *probe = userdata;
        int r = 0;

        for (size_t i = 0; r == 0 && i < probe->n_wanted; i++)
                if (probe->wanted[i].until.usec != 0)
                        r = visit(data, &probe->wanted[i]);
        return r;
}

static int visit_allowed(void *userdata, int (*visit)(void *data, const Addr *addr, EventTime until), void *data)
{
        Probe *probe = userdata;
        int r = 0;

        for (size_t i = 0; r == 0 && i < probe->n_allowed; i++)
                r = visit(data, &probe->allowed[i].addr, probe->allowed[i].until);
        return r;
}

static void on_refused(void *userdata, const Element *element, const char *why)
{
        char text[ADDR_TEXT_MAX];

        printf("refused: %s %u: %s\n", addr_format(&element->addr, text), element->port, why);
}

static void on_refused_allow(void *userdata, const Addr *addr, const char *why)
{
        char text[ADDR_TEXT_MAX];

        printf("refused to allow: %s: %s\n", addr_format(addr, text), why);
}

static void on_healed(void *userdata, const char *text)
{
        printf("healed: %s\n", text);
}

static void on_degraded(void *userdata, const char *text)
{
        printf("degraded: %s\n", text ? text : "no longer");
}

static void push(Element **list, size_t *n, const Element *element)
{
        if ((*n & (*n + 1)) == 0 || !*list) {
                *list = reallocarray(*list, *n * 2 + 2, sizeof **list);
                if (!*list)
                        abort();
        }
        (*list)[(*n)++] = *element;
}

static void want(Probe *probe, const Element *element)
{
        for (size_t i = 0; i < probe->n_wanted; i++)
                if (addr_equal(&probe->wanted[i].addr, &element->addr) && probe->wanted[i].port == element->port &&
                    probe->wanted[i].protocol == element->protocol && probe->wanted[i].reject == element->reject) {
                        probe->wanted[i] = *element;
                        return;
                }
        if (element->until.usec != 0)
                push(&probe->wanted, &probe->n_wanted, element);
}

static bool read_element(char *rest, bool has_time, Element *ret_element)
{
        char *save = NULL, *word = strtok_r(rest, " ", &save);
        Element element = { .until = EVENT_TIME_NONE };

        if (!word || addr_parse_prefix(word, &element.addr) != 0)
                return false;
        word = strtok_r(NULL, " ", &save);
        if (word && (strcmp(word, "tcp") == 0 || strcmp(word, "udp") == 0)) {
                element.protocol = *word == 't' ? IPPROTO_TCP : IPPROTO_UDP;
                word = strtok_r(NULL, " ", &save);
                element.port = (uint16_t) atoi(word ? word : "0");
                word = strtok_r(NULL, " ", &save);
        }
        if (word && strcmp(word, "reject") == 0) {
                element.reject = true;
                word = strtok_r(NULL, " ", &save);
        }
        if (has_time && !word)
                return false;
        if (has_time)
                element.until =
                        strcmp(word, "forever") == 0 ? EVENT_TIME_FOREVER : event_time_add(clock_event_now(), atoll(word));
        *ret_element = element;
        return true;
}

static void many(Probe *probe, unsigned n, int64_t seconds)
{
        for (unsigned i = 0; i < n; i++) {
                Element element = { .addr = { .family = 6, .length = 64, .bytes = { 0x20, 0x01, 0x0d, 0xb8 } } };

                element.addr.bytes[4] = (uint8_t) (i >> 24);
                element.addr.bytes[5] = (uint8_t) (i >> 16);
                element.addr.bytes[6] = (uint8_t) (i >> 8);
                element.addr.bytes[7] = (uint8_t) i;
                element.until = event_time_add(clock_event_now(), seconds);
                push(&probe->wanted, &probe->n_wanted, &element);
                push(&probe->queue, &probe->n_queue, &element);
        }
}

static void apply(Probe *probe)
{
        int64_t began = now_msec();
        Problem problem = { "" };
        int r = 0, result = 0;

        for (size_t at = 0; r >= 0 && at < probe->n_queue; at += FIREWALL_BATCH_MAX) {
                size_t left = probe->n_queue - at;
                r = firewall_apply(probe->firewall, probe->queue + at, left < FIREWALL_BATCH_MAX ? left : FIREWALL_BATCH_MAX,
                                   &problem);
                result = r != 0 ? r : result;
        }
        fprintf(stderr, "apply of %zu: %lld ms\n", probe->n_queue, (long long) (now_msec() - began));
        printf("apply: %d %s\n", result, problem.text);
        probe->n_queue = 0;
}

static void query(Probe *probe, const Element *element)
{
        FirewallElement answer;
        int r = firewall_query(probe->firewall, element, &answer);

        if (r != 0)
                printf("query: %d\n", r);
        else if (answer.permanent)
                printf("query: 0 permanent packets %llu\n", (unsigned long long) answer.packets);
        else
                printf("query: 0 left %lld packets %llu\n", (long long) (answer.expires_msec + 999) / 1000,
                       (unsigned long long) answer.packets);
}

static void count(Probe *probe)
{
        FirewallElement answer;
        size_t n = 0;

        for (size_t i = 0; i < probe->n_wanted; i++)
                n += probe->wanted[i].until.usec != 0 && firewall_query(probe->firewall, &probe->wanted[i], &answer) == 0;
        printf("count: %zu\n", n);
}

static void run(Probe *probe, int64_t msec)
{
        int64_t end = now_msec() + msec, left;

        while ((left = end - now_msec()) > 0)
                if (sd_event_run(probe->event, (uint64_t) left * 1000) < 0)
                        abort();
}

static void allow(Probe *probe, char *rest, bool remove)
{
        AllowedPrefix entry = { .until = EVENT_TIME_FOREVER };
        char *seconds = strchr(rest, ' ');
        Problem problem = { "" };

        if (seconds) {
                *seconds++ = '\0';
                entry.until = event_time_add(clock_event_now(), atoll(seconds));
        }
        if (addr_parse_prefix(rest, &entry.addr) != 0)
                return;
        for (size_t i = 0; i < probe->n_allowed; i++)
                if (addr_equal(&probe->allowed[i].addr, &entry.addr))
                        probe->allowed[i] = probe->allowed[--probe->n_allowed];
        if (!remove && probe->n_allowed < sizeof probe->allowed / sizeof *probe->allowed)
                probe->allowed[probe->n_allowed++] = entry;
        int r = firewall_allow(probe->firewall, &entry.addr, entry.until, remove, &problem);
        printf("allow: %d %s\n", r, problem.text);
}

static bool command_on_element(Probe *probe, const char *word, char *rest)
{
        bool ban = strcmp(word, "ban") == 0, wanted = strcmp(word, "want") == 0, unban = strcmp(word, "unban") == 0,
             forget = strcmp(word, "forget") == 0, asked = strcmp(word, "query") == 0;
        Element element;

        if (!ban && !wanted && !unban && !forget && !asked)
                return false;
        if (!read_element(rest, ban || wanted, &element)) {
                printf("not an element: %s\n", rest);
                return true;
        }
        if (asked)
                query(probe, &element);
        else
                want(probe, &element);
        if (ban || unban)
                push(&probe->queue, &probe->n_queue, &element);
        return true;
}

static bool command(Probe *probe, const char *word, char *rest)
{
        int64_t began = now_msec();
        Problem problem = { "" };

        if (command_on_element(probe, word, rest))
                return true;
        if (strcmp(word, "start") == 0) {
                int r = firewall_start(probe->firewall, strtoull(rest, NULL, 10), &problem);
                fprintf(stderr, "start: %lld ms\n", (long long) (now_msec() - began));
                printf("start: %d %s\n", r, r ? problem.text : "");
        } else if (strcmp(word, "verify") == 0) {
                int r = firewall_verify(probe->firewall, &problem);
                fprintf(stderr, "verify: %lld ms\n", (long long) (now_msec() - began));
                printf("verify: %d %s\n", r, r ? problem.text : "");
        } else if (strcmp(word, "remove") == 0) {
                int r = firewall_remove(probe->firewall, &problem);
                printf("remove: %d %s\n", r, r ? problem.text : "");
        } else if (strcmp(word, "counters") == 0) {
                int r = firewall_set_counters(probe->firewall, strcmp(rest, "on") == 0, &problem);
                printf("counters: %d %s\n", r, r ? problem.text : "");
        } else if (strcmp(word, "many") == 0) {
                char *end;
                unsigned n = (unsigned) strtoul(rest, &end, 10);
                many(probe, n, *end ? atoll(end) : 3600);
        } else if (strcmp(word, "stats") == 0) {
                const FirewallStats *stats = firewall_stats(probe->firewall);
                printf("stats: added %llu removed %llu refused %llu heals %llu\n", (unsigned long long) stats->elements_added,
                       (unsigned long long) stats->elements_removed, (unsigned long long) stats->refused,
                       (unsigned long long) stats->heals);
        } else if (strcmp(word, "apply") == 0) {
                apply(probe);
        } else if (strcmp(word, "count") == 0) {
                count(probe);
        } else if (strcmp(word, "allow") == 0 || strcmp(word, "disallow") == 0) {
                allow(probe, rest, *word == 'd');
        } else if (strcmp(word, "run") == 0) {
                run(probe, atoll(rest));
        } else if (strcmp(word, "shell") == 0) {
                printf("shell: %d\n", system(rest));
        } else {
                return false;
        }
        return true;
}

int main(int argc, char **argv)
{
        bool counters = argc > 1 && strcmp(argv[1], "--counters") == 0, none = argc > 1 && strcmp(argv[1], "--none") == 0;
        Probe probe = { 0 };
        FirewallCallbacks callbacks = {
                .elements = visit_elements,
                .allowed = visit_allowed,
                .refused = on_refused,
                .refused_allow = on_refused_allow,
                .healed = on_healed,
                .degraded = on_degraded,
                .userdata = &probe,
        };
        Problem problem = { "" };
        char line[4096];
        int status = 0, r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (sd_event_new(&probe.event) < 0)
                return 2;
        r = none ? firewall_new_none(callbacks, &probe.firewall)
                 : firewall_new_nft(probe.event, counters, callbacks, &probe.firewall, &problem);
        if (r != 0) {
                printf("new: %d %s\n", r, problem.text);
                return 2;
        }
        while (status == 0 && fgets(line, sizeof line, stdin)) {
                line[strcspn(line, "\n")] = '\0';
                char *rest = strchr(line, ' ');
                if (rest)
                        *rest++ = '\0';
                if (*line && *line != '#' && !command(&probe, line, rest ? rest : line + strlen(line))) {
                        fprintf(stderr, "unknown command: %s\n", line);
                        status = 2;
                }
        }
        firewall_free(probe.firewall);
        sd_event_unref(probe.event);
        free(probe.wanted);
        free(probe.queue);
        return status;
}
