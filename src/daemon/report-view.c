/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A report in words, made when it is given out and not before: what a reload
 * says of categories and comments goes for all that is not yet sent.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"

#define PORTS_TEXT_MAX 200

/**
 * report_wanted() - whether a jail's bans are told by this kind, and its service is configured
 */
bool report_wanted(const Daemon *daemon, const Jail *jail, OutboxKind kind)
{
        const JailReportConfig *report = &jail->config->report;

        switch (kind) {
        case OUTBOX_REPORT:
                return daemon->config->abuseipdb.configured && report->abuseipdb &&
                       (report->categories || (jail->filter && filter_info(jail->filter)->categories));
        case OUTBOX_VOTE: return daemon->config->virustotal.configured && report->vote != REPORT_VERDICT_NONE;
        case OUTBOX_COMMENT: return daemon->config->virustotal.configured && report->virustotal_comments;
        case OUTBOX_CLEAR:
        case OUTBOX_DELETE:
        case _OUTBOX_KIND_MAX: break;
        }
        return false;
}

static bool takes_back(const OutboxEntry *entry)
{
        return entry->row.kind == OUTBOX_CLEAR || entry->row.kind == OUTBOX_DELETE;
}

/**
 * report_refused() - why a report must not be sent, or NULL
 */
const char *report_refused(Daemon *daemon, const OutboxEntry *entry)
{
        const Jail *jail = daemon_jail(daemon, entry->jail);

        if (takes_back(entry))
                return NULL;
        if (!jail || !report_wanted(daemon, jail, entry->row.kind))
                return "the jail does not report this any longer";
        if (ban_engine_allowed(daemon->engine, entry->jail, &entry->addr))
                return "the address has been allowed since";
        return NULL;
}

/* What was attacked: the ports that the jail bans, or where it bans all, those of its service. */
static const char *ports_text(const Jail *jail, char buffer[static PORTS_TEXT_MAX])
{
        const FilterInfo *info = jail->filter ? filter_info(jail->filter) : NULL;
        size_t used = 0;

        buffer[0] = '\0';
        for (size_t i = 0; i < jail->config->n_ports && used < PORTS_TEXT_MAX - 16; i++) {
                const Port *port = &jail->config->ports[i];

                used += (size_t) snprintf(buffer + used, PORTS_TEXT_MAX - used, "%s%u/%s", i > 0 ? ", " : "", port->port, port->protocol == IPPROTO_UDP ? "udp" : "tcp");
        }
        for (size_t i = 0; jail->config->n_ports == 0 && info && i < info->n_ports && used < PORTS_TEXT_MAX - 64; i++)
                used += (size_t) snprintf(buffer + used, PORTS_TEXT_MAX - used, "%s%.40s", i > 0 ? ", " : "", info->ports[i]);
        return *buffer ? buffer : "all";
}

static bool knows_word(void *userdata, const char *word, size_t size)
{
        return filter_knows_word(userdata, word, size);
}

static char *comment(const Jail *jail, const OutboxEntry *entry)
{
        const JailReportConfig *report = &jail->config->report;
        const FilterInfo *info = jail->filter ? filter_info(jail->filter) : NULL;
        bool is_abuseipdb = entry->row.kind == OUTBOX_REPORT;
        const char *template = is_abuseipdb ? report->abuseipdb_comment : report->virustotal_comment;
        size_t max = is_abuseipdb ? REPORT_ABUSEIPDB_COMMENT_MAX : REPORT_VIRUSTOTAL_COMMENT_MAX;
        char ports[PORTS_TEXT_MAX], *text = NULL;
        ReportFacts facts = {
                .service = info ? info->name : "",
                .jail = jail->config->name,
                .addr = entry->addr,
                .failures = entry->failures,
                .first = entry->first,
                .last = entry->attack,
                .ports = ports_text(jail, ports),
                .lines = entry->lines,
                .n_lines = entry->n_lines,
                .tags = info ? info->tags : NULL,
                .n_tags = info ? info->n_tags : 0,
                .knows_word = jail->filter ? knows_word : NULL,
                .userdata = jail->filter,
        };

        if (template && (text = report_comment(template, &facts, max)) && *text)
                return text;
        free(text); /* of lines alone, where there is none that could be shown */
        template = entry->failures == 0 ? REPORT_COMMENT_BY_HAND : is_abuseipdb ? REPORT_COMMENT_ABUSEIPDB : REPORT_COMMENT_VIRUSTOTAL;
        return report_comment(template, &facts, max);
}

/**
 * report_view() - what is sent of a report
 * @entry:      that report_refused() has nothing against; borrowed by the view
 *
 * Return: false without memory.
 */
bool report_view(Daemon *daemon, const OutboxEntry *entry, ReportView *ret_view)
{
        const Jail *jail = daemon_jail(daemon, entry->jail);
        ReportView view = { .id = entry->id, .kind = entry->row.kind, .addr = entry->addr, .again = entry->row.maybe };

        if (entry->row.kind == OUTBOX_DELETE)
                view.remote = entry->remote;
        if (!takes_back(entry)) {
                if (!jail)
                        return false;
                if (entry->row.kind == OUTBOX_VOTE)
                        view.verdict = jail->config->report.vote == REPORT_VERDICT_HARMLESS ? "harmless" : "malicious";
                else if (!(view.comment = comment(jail, entry)))
                        return false;
                if (entry->row.kind == OUTBOX_REPORT) {
                        view.categories = jail->config->report.categories ? jail->config->report.categories : filter_info(jail->filter)->categories;
                        view.time = entry->attack;
                }
        }
        *ret_view = view;
        return true;
}

/* ---- preview ---- */

typedef struct Preview {
        const Addr *addr;
        const char *jail;
        OutboxEntry entry;
        const char *lines[EVIDENCE_MAX];
        bool found;
} Preview;

static int preview_ban(void *userdata, const Ban *ban)
{
        Preview *preview = userdata;

        if (preview->found || strcmp(ban->jail, preview->jail) != 0)
                return 0;
        preview->found = true;
        preview->entry.failures = ban->failures;
        preview->entry.first = ban->first;
        preview->entry.attack = ban->n_evidence > 0 ? ban->evidence[ban->n_evidence - 1].time : ban->start;
        for (size_t i = 0; i < ban->n_evidence && i < EVIDENCE_MAX; i++)
                preview->lines[preview->entry.n_lines++] = ban->evidence[i].text;
        return 0;
}

static const char *preview_obstacle(Daemon *daemon, const Jail *jail, const Addr *addr)
{
        const JailReportConfig *report = &jail->config->report;

        if (!report->enabled)
                return "the jail reports nothing; write report: { abuseipdb: true } in it";
        if (report->abuseipdb && !daemon->config->abuseipdb.configured)
                return "abuseipdb is not under reports: in the configuration; write reports: { abuseipdb: { key_file: abuseipdb.key } }";
        if (report->virustotal && !daemon->config->virustotal.configured)
                return "virustotal is not under reports: in the configuration; write reports: { virustotal: { key_file: virustotal.key } }";
        if (ban_engine_allowed(daemon->engine, jail->config->name, addr))
                return "the address is allowed, so it is never reported";
        if (report_addr_is_documentation(addr))
                return "an address of the documentation is reported only when it is banned by hand";
        if (!report_addr_is_public(addr))
                return "the address is not public, so it is never reported";
        return NULL;
}

/**
 * report_preview() - what would be sent of an address
 * @problem:    set to why nothing would be, though 0 is returned
 *
 * As its ban tells, or as if it were banned by hand now.
 *
 * Return: 0, BAN_E_NO_JAIL for one that does not run.
 */
int report_preview(void *userdata, const char *name, const Addr *addr, void (*visit)(void *visit_data, const ReportView *view), void *visit_data,
                   Problem *problem)
{
        static const OutboxKind kinds[] = { OUTBOX_REPORT, OUTBOX_VOTE, OUTBOX_COMMENT };
        Daemon *daemon = userdata;
        const Jail *jail = daemon_jail(daemon, name);
        EventTime now = clock_event_now();
        Preview preview = { .addr = addr, .jail = name, .entry = { .jail = name, .addr = *addr, .first = now, .attack = now } };
        const char *obstacle;

        if (!jail)
                return problem_set(problem, BAN_E_NO_JAIL, "the jail \"%s\" does not run; enable it first", name);
        obstacle = preview_obstacle(daemon, jail, addr);
        if (obstacle)
                problem_set(problem, 0, "%s", obstacle);
        ban_engine_covering(daemon->engine, addr, preview_ban, &preview);
        preview.entry.lines = preview.lines;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                ReportView view;

                preview.entry.row.kind = kinds[i];
                if (!report_wanted(daemon, jail, kinds[i]) || !report_view(daemon, &preview.entry, &view))
                        continue;
                visit(visit_data, &view);
                free(view.comment);
        }
        return 0;
}
