/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a replay finds: each ban when it is decided, then what became of all
 * lines. A ban is told as it is made. What the log has of its address while it
 * is banned would not have been logged, so later ends are counted alone.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/plan.h"
#include "util/cleanup.h"

#define ADDRESSES_MAX (UINT64_C(1) << 23)
#define ADDRESS_WIDTH 24 /* a longer address has a line of its own */
#define JAIL_WIDTH 18

/* ---- addresses ---- */

static uint64_t hash_addr(const Addr *addr)
{
        uint64_t high, low, hash;

        memcpy(&high, addr->bytes, sizeof high);
        memcpy(&low, addr->bytes + sizeof high, sizeof low);
        hash = (high ^ addr->family) * UINT64_C(0x9e3779b97f4a7c15);
        hash = (hash ^ (hash >> 32) ^ low) * UINT64_C(0xd6e8feb86659fd93);
        hash ^= hash >> 29;
        return hash ? hash : 1;
}

/* Return: whether it was not there. */
static bool addresses_put(PlanAddresses *addresses, uint64_t hash)
{
        size_t i = hash & (addresses->size - 1);

        for (; addresses->hashes[i]; i = (i + 1) & (addresses->size - 1))
                if (addresses->hashes[i] == hash)
                        return false;
        addresses->hashes[i] = hash;
        addresses->n++;
        return true;
}

static int addresses_grow(PlanAddresses *addresses)
{
        PlanAddresses grown = { .size = addresses->size ? addresses->size * 2 : 1024 };

        grown.hashes = calloc(grown.size, sizeof *grown.hashes);
        if (!grown.hashes)
                return -ENOMEM;
        for (size_t i = 0; i < addresses->size; i++)
                if (addresses->hashes[i])
                        addresses_put(&grown, addresses->hashes[i]);
        free(addresses->hashes);
        *addresses = grown;
        return 0;
}

/**
 * plan_saw() - a failure of an address was found
 *
 * Return: 0 or -ENOMEM.
 */
int plan_saw(PlanReport *report, const Addr *addr)
{
        PlanAddresses *addresses = &report->addresses;

        if (addresses->n * 2 >= addresses->size) {
                if (addresses->size >= 2 * ADDRESSES_MAX) {
                        addresses->full = true;
                        return 0;
                }
                if (addresses_grow(addresses) < 0)
                        return -ENOMEM;
        }
        addresses_put(addresses, hash_addr(addr));
        return 0;
}

/* ---- bans ---- */

static const JailConfig *config_of(const Plan *plan, const char *jail)
{
        for (size_t i = 0; i < plan->n_jails; i++)
                if (strcmp(plan->jails[i].config->name, jail) == 0)
                        return plan->jails[i].config;
        return NULL;
}

/* "sshd:failed-password"; a ban that is counted stays "ban:sshd". */
static const char *rule_name(const JailConfig *config, const char *rule, char buffer[static 256])
{
        if (!config || core_counts_bans(config))
                return rule;
        snprintf(buffer, 256, "%.*s:%s", (int) strcspn(config->filter, "["), config->filter, rule);
        return buffer;
}

/* Of the lines that are kept, each once, in their order; the deciding line's is the last of them. */
static json_t *rules_of(const Plan *plan, const Ban *ban)
{
        const JailConfig *config = config_of(plan, ban->jail);
        json_t *rules = json_array();
        char text[256];

        for (size_t i = 0; i < ban->n_evidence + 1; i++) {
                const char *rule = i < ban->n_evidence ? ban->evidence[i].rule : ban->rule;
                bool seen = false;

                for (size_t j = 0; j < i && !seen; j++)
                        seen = strcmp(ban->evidence[j].rule, rule) == 0;
                if (!seen)
                        json_array_append_new(rules, json_string(rule_name(config, rule, text)));
        }
        return rules;
}

static void print_json(const Plan *plan, const Ban *ban)
{
        char ip[ADDR_TEXT_MAX], time[TIME_TEXT_MAX], until[TIME_TEXT_MAX];
        json_auto_t *object = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:o}", "v", JSON_FORMAT_VERSION, "jail", ban->jail, "ip",
                                        addr_format(&ban->addr, ip), "time", event_time_format(ban->start, time), "until",
                                        event_time_format(ban->until, until), "failures", (json_int_t) ban->failures, "rules",
                                        rules_of(plan, ban));

        json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
}

static void say_header(void)
{
        say_cell(BOLD, "TIME", 19, false);
        putchar(' ');
        say_cell(BOLD, "ADDRESS", ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "JAIL", JAIL_WIDTH, false);
        putchar(' ');
        say_cell(BOLD, "FAILS", 5, true);
        putchar(' ');
        say_cell(BOLD, "FOR", 8, true);
        putchar('\n');
}

static void say_ban(const Ban *ban)
{
        char ip[ADDR_TEXT_MAX], rfc3339[TIME_TEXT_MAX], time[64], failures[16], length[DURATION_TEXT_MAX];
        int64_t seconds = ban->until.usec == EVENT_TIME_FOREVER.usec ? DURATION_FOREVER : (ban->until.usec - ban->start.usec) / USEC_PER_SEC;

        addr_format(&ban->addr, ip);
        snprintf(failures, sizeof failures, "%u", ban->failures);
        say_cell(PLAIN, time_text(event_time_format(ban->start, rfc3339), TIME_SECOND, time), 19, false);
        putchar(' ');
        if (strlen(ip) > ADDRESS_WIDTH)
                say(PLAIN, "%s\n%20s", ip, "");
        say_cell(PLAIN, strlen(ip) > ADDRESS_WIDTH ? "" : ip, ADDRESS_WIDTH, false);
        putchar(' ');
        say_cell(PLAIN, ban->jail, JAIL_WIDTH, false);
        putchar(' ');
        say_cell(PLAIN, failures, 5, true);
        putchar(' ');
        say_cell(PLAIN, duration_format(seconds, length), 8, true);
        putchar('\n');
}

/**
 * plan_event() - the ban engine has decided something
 */
void plan_event(void *userdata, const BanEvent *event)
{
        Plan *plan = userdata;
        PlanReport *report = &plan->report;

        report->prolonged += event->kind == BAN_EVENT_PROLONG;
        report->refused += event->kind == BAN_EVENT_REFUSED;
        report->displaced += event->kind == BAN_EVENT_DISPLACED;
        if (event->kind != BAN_EVENT_BAN)
                return;
        if (plan->ctl->json) {
                print_json(plan, event->ban);
        } else {
                if (report->bans == 0)
                        say_header();
                say_ban(event->ban);
        }
        report->bans++;
}

/* ---- in the end ---- */

static void say_bans(const Plan *plan)
{
        const PlanReport *report = &plan->report;
        char text[128];
        size_t n = 0;

        if (report->bans == 0) {
                say(GREEN, "Nobody would have been banned.\n");
                return;
        }
        say(BOLD, "%" PRIu64 " %s", report->bans, plural((long long) report->bans, "ban", "bans"));
        putchar('\n');
        for (size_t i = 0; i < plan->n_jails; i++)
                n += report->jail_bans[i] > 0;
        for (size_t i = 0; i < plan->n_jails; i++) {
                if (n == 0 || report->jail_bans[i] == 0)
                        continue;
                snprintf(text, sizeof text, "%s: %" PRIu64, plan->jails[i].config->name, report->jail_bans[i]);
                say_wrapped(PLAIN, "  ", "    ", text);
        }
}

static void say_count(uint64_t n, Colour colour, const char *one, const char *many)
{
        char text[256];

        if (n == 0)
                return;
        snprintf(text, sizeof text, "%" PRIu64 " %s", n, plural((long long) n, one, many));
        say_wrapped(colour, "", "  ", text);
}

static void say_names(const Plan *plan)
{
        const char *first = "host names in allow: are not resolved here, so their addresses can be among the bans: ";
        char text[512] = "";
        size_t used = 0, n = 0;

        for (size_t i = 0; i < plan->config->n_allow; i++)
                if (plan->config->allow[i].kind == ALLOW_NAME && n++ < 3)
                        used += (size_t) snprintf(text + used, sizeof text - used, "%s%.100s", used ? ", " : "", plan->config->allow[i].text);
        if (n > 3)
                snprintf(text + used, sizeof text - used, ", and %zu more", n - 3);
        if (n > 0) {
                char all[700];

                snprintf(all, sizeof all, "%s%s", first, text);
                say_wrapped(YELLOW, "", "  ", all);
        }
}

/**
 * plan_say() - what became of all lines
 */
void plan_say(Plan *plan)
{
        const PlanReport *report = &plan->report;
        const PlanLines *lines = &plan->lines;
        uint64_t usec = clock_boot_now().usec - report->started.usec;
        char text[256];

        if (report->bans > 0)
                putchar('\n');
        say_bans(plan);
        snprintf(text, sizeof text, "%" PRIu64 " %s read in %.2f s (%.0f lines/s), %" PRIu64 " matched, of %s%zu %s", lines->n,
                 plural((long long) lines->n, "line", "lines"), (double) usec / USEC_PER_SEC,
                 (double) lines->n * USEC_PER_SEC / (double) (usec ? usec : 1), lines->matched,
                 report->addresses.full ? "more than " : "", report->addresses.n, plural((long long) report->addresses.n, "address", "addresses"));
        say_wrapped(PLAIN, "", "  ", text);
        say_count(report->allowed, PLAIN, "failure of an allowed address was not counted", "failures of allowed addresses were not counted");
        say_count(report->refused, PLAIN, "ban was refused: the allow list has its address", "bans were refused: the allow list has their addresses");
        say_count(report->observed, PLAIN, "ban would have been made by a jail that only observes",
                  "bans would have been made by jails that only observe");
        say_count(report->prolonged, DIM, "time the maxretry of an address was reached again while it was banned",
                  "times the maxretry of an address was reached again while it was banned");
        say_count(lines->untimed, YELLOW, "line had no time, and took that of the line before",
                  "lines had no time, and took that of the line before");
        say_count(lines->bad, YELLOW, "line was no JSON object with a message, and was passed over",
                  "lines were no JSON objects with a message, and were passed over");
        say_count(lines->over_long, YELLOW, "message of a JSON object was too long (over 32 KiB), or had no end: only its beginning was looked at",
                  "messages of JSON objects were too long (over 32 KiB), or had no end: only their beginnings were looked at");
        say_count(report->displaced + report->full, RED, "ban had no room: max_bans is reached; raise it", "bans had no room: max_bans is reached; raise it");
        if (tracker_stats(plan->tracker)->evicted > 0)
                say_count(tracker_stats(plan->tracker)->evicted, YELLOW, "address was forgotten at the cap: raise max_windows",
                          "addresses were forgotten at the cap: raise max_windows");
        say_names(plan);
}
