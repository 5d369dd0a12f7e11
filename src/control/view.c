/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Views as JSON. Three rules: times are RFC 3339 in UTC or "forever" or, if it
 * never happened, absent; durations are seconds with -1 for ever; what does not
 * apply is absent. Lines of logs are the only thing that not every reader may
 * see (people type passwords as user names), so every function that could show
 * one takes `lines`.
 */

#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include "control/view.h"
#include "util/text.h"

/**
 * view_text() - a JSON string, whatever the bytes
 */
json_t *view_text(const char *text)
{
        char printable[4 * EVIDENCE_TEXT_MAX];
        json_t *value = json_string(text);

        if (value)
                return value;
        text_printable(text, strlen(text), printable, sizeof printable);
        return json_string(printable);
}

/**
 * view_time() - RFC 3339, "forever", or NULL for EVENT_TIME_NONE
 */
json_t *view_time(EventTime time)
{
        char text[TIME_TEXT_MAX];

        return time.usec == 0 ? NULL : json_string(event_time_format(time, text));
}

json_t *view_addr(const Addr *addr)
{
        char text[ADDR_TEXT_MAX];

        return addr->family == 0 ? NULL : json_string(addr_format(addr, text));
}

/* Sets nothing for NULL, so that what does not apply is absent. */
static void put(json_t *object, const char *key, json_t *value)
{
        if (value)
                json_object_set_new(object, key, value);
}

static void put_text(json_t *object, const char *key, const char *text)
{
        if (text && *text)
                put(object, key, view_text(text));
}

static void put_number(json_t *object, const char *key, uint64_t number)
{
        put(object, key, json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t) number));
}

/**
 * view_ports() - "22/tcp" for each; an empty list says all ports
 */
json_t *view_ports(const Port *ports, size_t n_ports)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_ports; i++) {
                char text[32];

                if (ports[i].protocol == IPPROTO_TCP || ports[i].protocol == IPPROTO_UDP)
                        snprintf(text, sizeof text, "%u/%s", ports[i].port, ports[i].protocol == IPPROTO_TCP ? "tcp" : "udp");
                else
                        snprintf(text, sizeof text, "%u/%u", ports[i].port, ports[i].protocol);
                json_array_append_new(list, json_string(text));
        }
        return list;
}

static json_t *view_line(EventTime time, const char *rule, const char *text, bool lines)
{
        json_t *line = json_object();

        put(line, "time", view_time(time));
        put_text(line, "rule", rule);
        if (lines)
                put_text(line, "line", text);
        return line;
}

static json_t *view_evidence(const Evidence *evidence, size_t n_evidence, bool lines)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_evidence; i++)
                json_array_append_new(list, view_line(evidence[i].time, evidence[i].rule, evidence[i].text, lines));
        return list;
}

static const char *action_name(bool reject)
{
        return reject ? "reject" : "drop";
}

static void put_ban(json_t *object, const Ban *ban, bool lines)
{
        put_text(object, "jail", ban->jail);
        put(object, "ip", view_addr(&ban->addr));
        put_number(object, "ban", ban->id);
        put(object, "source", view_addr(&ban->source));
        put_text(object, "origin", ban->origin == BAN_MANUAL ? "manual" : "automatic");
        put(object, "start", view_time(ban->start));
        put(object, "until", view_time(ban->until));
        put(object, "first", view_time(ban->first));
        put_number(object, "failures", ban->failures);
        put_text(object, "rule", ban->rule);
        put_text(object, "reason", ban->reason);
        put(object, "ports", view_ports(ban->ports, ban->n_ports));
        put_text(object, "action", action_name(ban->reject));
        if (ban->forgotten.usec != EVENT_TIME_NONE.usec) {
                put_number(object, "level", ban->level);
                put(object, "forgotten", view_time(ban->forgotten));
        }
        if (ban->n_evidence > 0)
                put(object, "lines", view_evidence(ban->evidence, ban->n_evidence, lines));
}

/**
 * view_ban() - type BanRecord
 * @lines:      with the text of the log lines
 */
json_t *view_ban(const Ban *ban, bool lines)
{
        json_t *object = json_object();

        put_ban(object, ban, lines);
        return object;
}

/**
 * view_kernel() - type Kernel
 */
json_t *view_kernel(const FirewallElement *kernel)
{
        json_t *object = json_object();

        put(object, "permanent", json_boolean(kernel->permanent));
        if (!kernel->permanent)
                put(object, "expires_msec", json_integer(kernel->expires_msec));
        if (kernel->has_counter) {
                put_number(object, "packets", kernel->packets);
                put_number(object, "bytes", kernel->bytes);
        }
        return object;
}

static json_t *view_texts(const char *const *texts, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, view_text(texts[i]));
        return list;
}

static json_t *view_increment(const BanIncrement *increment)
{
        json_t *object = json_object();

        put(object, "factor", json_real(increment->factor));
        put(object, "max", json_integer(increment->max));
        put_text(object, "over", increment->over_host ? "host" : "jail");
        put(object, "forget", json_integer(increment->forget));
        return object;
}

static json_t *view_rules(const RuleView *rules, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *object = json_object();

                put_text(object, "rule", rules[i].rule);
                put_text(object, "kind", rules[i].kind);
                put_number(object, "hits", rules[i].hits);
                put_number(object, "limits", rules[i].limits);
                json_array_append_new(list, object);
        }
        return list;
}

static json_t *view_file(const FileView *file)
{
        json_t *object = json_object();

        put_text(object, "path", file->path);
        put_text(object, "state", file->state);
        put_text(object, "problem", file->problem);
        put(object, "forgeable", json_boolean(file->forgeable));
        put(object, "polled", json_boolean(file->polled));
        put_number(object, "lines", file->lines);
        put_number(object, "bytes", file->bytes);
        put_number(object, "over_long", file->over_long);
        put_number(object, "bad", file->bad);
        put_number(object, "rotated", file->rotated);
        put_number(object, "truncated", file->truncated);
        put(object, "last_line", view_time(file->last_line));
        put_number(object, "left_out", file->left_out);
        put(object, "skew", json_integer(file->skew));
        return object;
}

static json_t *view_files(const JailView *jail)
{
        json_t *list = json_array();

        for (size_t i = 0; i < jail->n_files; i++)
                json_array_append_new(list, view_file(&jail->files[i]));
        return list;
}

/**
 * view_jail() - type Jail
 */
json_t *view_jail(const JailView *jail)
{
        json_t *object = json_object();

        put_text(object, "name", jail->name);
        put_text(object, "filter", jail->filter);
        put_text(object, "mode", jail->mode);
        put_text(object, "state", jail->state);
        put_text(object, "source", jail->source);
        put_text(object, "problem", jail->problem);
        put(object, "findtime", json_integer(jail->findtime));
        put(object, "bantime", json_integer(jail->bantime));
        put_number(object, "maxretry", jail->maxretry);
        put(object, "ports", view_ports(jail->ports, jail->n_ports));
        put_text(object, "action", action_name(jail->reject));
        if (jail->increment && jail->increment->enabled)
                put(object, "increment", view_increment(jail->increment));
        put(object, "own_allow", json_boolean(jail->has_own_allow));
        put_number(object, "currently_failed", jail->currently_failed);
        put_number(object, "total_failed", jail->total_failed);
        put_number(object, "currently_banned", jail->currently_banned);
        put_number(object, "total_banned", jail->total_banned);
        put_number(object, "lines", jail->lines);
        put_number(object, "ignored", jail->ignored);
        put_number(object, "refused_by_origin", jail->refused_by_origin);
        put_number(object, "too_long", jail->too_long);
        put_number(object, "limit", jail->limit);
        put_number(object, "allowed", jail->allowed);
        put_number(object, "observed", jail->observed);
        put(object, "last_line", view_time(jail->last_line));
        put(object, "last_hit", view_time(jail->last_hit));
        put(object, "journal_matches", view_texts(jail->journal_matches, jail->n_journal_matches));
        put(object, "files", view_files(jail));
        put(object, "rules", view_rules(jail->rules, jail->n_rules));
        put_number(object, "rules_without_hit", jail->rules_without_hit);
        return object;
}

/**
 * view_status() - what Status answers
 * @jail:       only this jail in `jails`, or NULL
 */
json_t *view_status(const StatusView *status, const char *jail)
{
        json_t *object = json_object(), *jails = json_array();

        put_text(object, "version", status->version);
        put(object, "pid", json_integer(status->pid));
        put(object, "started", view_time(status->started));
        put(object, "now", view_time(status->now));
        put_text(object, "state", status->state);
        put(object, "problems", view_texts(status->problems, status->n_problems));
        put_text(object, "config", status->config);
        put(object, "config_kept", json_boolean(status->config_kept));
        put(object, "dry_run", json_boolean(status->dry_run));
        put_text(object, "firewall", status->firewall);
        put_text(object, "source_state", status->source_state);
        put_number(object, "source_lines", status->source_lines);
        put_number(object, "source_errors", status->source_errors);
        put_number(object, "files", status->files);
        put_number(object, "file_lines", status->file_lines);
        put_number(object, "windows", status->windows);
        put_number(object, "bans", status->bans);
        put_number(object, "max_bans", status->max_bans);
        put_number(object, "elements", status->elements);
        put_number(object, "windows_evicted", status->windows_evicted);
        put_number(object, "bans_displaced", status->bans_displaced);
        put_number(object, "heals", status->heals);
        put_number(object, "commits", status->commits);
        put_number(object, "failed_commits", status->failed_commits);
        put_number(object, "pending_bytes", status->pending_bytes);
        put_number(object, "set_aside", status->set_aside);
        for (size_t i = 0; i < status->n_jails; i++)
                if (!jail || strcmp(jail, status->jails[i].name) == 0)
                        json_array_append_new(jails, view_jail(&status->jails[i]));
        put(object, "jails", jails);
        return object;
}

/**
 * view_allowed() - type Allowed
 */
json_t *view_allowed(const AllowEntry *entry)
{
        json_t *object = json_object();

        put(object, "ip", view_addr(&entry->addr));
        put(object, "until", view_time(entry->until));
        put_text(object, "origin", entry->origin);
        put_text(object, "jail", entry->jail);
        put_text(object, "reason", entry->reason);
        return object;
}

static json_t *view_window(const WindowRecord *window, unsigned count, unsigned maxretry, bool lines)
{
        json_t *object = json_object(), *list = json_array();

        put_text(object, "jail", window->jail);
        put(object, "ip", view_addr(&window->addr));
        put_number(object, "failures", count);
        put_number(object, "maxretry", maxretry);
        for (size_t i = 0; i < window->n_entries; i++) {
                const WindowEntry *entry = &window->entries[i];
                json_t *line = view_line(entry->time, entry->rule, entry->text, lines);

                put_number(line, "weight", entry->weight);
                json_array_append_new(list, line);
        }
        put(object, "lines", list);
        return object;
}

static json_t *view_past(const PastBan *past, bool lines)
{
        json_t *object = json_object();

        put(object, "ban", view_ban(past->ban, lines));
        put(object, "ended", view_time(past->ended));
        put_text(object, "how", past->how);
        return object;
}

static json_t *view_level(const LevelRecord *level)
{
        json_t *object = json_object();

        put_text(object, "jail", level->jail);
        put(object, "ip", view_addr(&level->addr));
        put_number(object, "level", level->level);
        put(object, "forgotten", view_time(level->forgotten));
        return object;
}

static json_t *view_covering(const WhyView *why, size_t i, bool lines)
{
        json_t *ban = view_ban(why->bans[i], lines);

        if (!why->not_enforced)
                put(ban, "in_kernel", json_boolean(why->in_kernel[i]));
        if (!why->not_enforced && why->in_kernel[i])
                put(ban, "kernel", view_kernel(&why->kernel[i]));
        return ban;
}

/**
 * view_why() - what Why answers
 * @lines:      with the text of the log lines
 */
json_t *view_why(const WhyView *why, bool lines)
{
        json_t *object = json_object(), *allowed = json_array(), *bans = json_array(), *past = json_array();
        json_t *levels = json_array(), *windows = json_array(), *reports = json_array();

        for (size_t i = 0; i < why->n_reports; i++)
                json_array_append_new(reports, view_outbox_entry(&why->reports[i]));
        for (size_t i = 0; i < why->n_allowed; i++)
                json_array_append_new(allowed, view_allowed(why->allowed[i]));
        for (size_t i = 0; i < why->n_bans; i++)
                json_array_append_new(bans, view_covering(why, i, lines));
        for (size_t i = 0; i < why->n_past; i++)
                json_array_append_new(past, view_past(&why->past[i], lines));
        for (size_t i = 0; i < why->n_levels; i++)
                json_array_append_new(levels, view_level(&why->levels[i]));
        for (size_t i = 0; i < why->n_windows; i++)
                json_array_append_new(windows,
                                      view_window(&why->windows[i], why->window_counts[i], why->window_maxretry[i], lines));
        put(object, "ip", view_addr(&why->addr));
        put(object, "allowed", allowed);
        put(object, "bans", bans);
        put(object, "past", past);
        put(object, "levels", levels);
        put(object, "windows", windows);
        put(object, "reports", reports);
        put(object, "redacted", json_boolean(!lines));
        return object;
}

/**
 * view_reload() - what Reload answers
 */
json_t *view_reload(const ReloadView *reload)
{
        json_t *object = json_object();

        put(object, "changes", view_texts(reload->changes, reload->n_changes));
        put_number(object, "bans_lifted", reload->bans_lifted);
        put_number(object, "windows_dropped", reload->windows_dropped);
        return object;
}

static json_t *view_counts(const StoreCount *counts, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *object = json_object();

                put(object, "name", view_text(counts[i].name));
                put_number(object, "day", counts[i].day);
                put_number(object, "week", counts[i].week);
                put_number(object, "month", counts[i].month);
                json_array_append_new(list, object);
        }
        return list;
}

/**
 * view_stats() - what Stats answers
 */
json_t *view_stats(const StoreSummary *summary)
{
        json_t *object = json_object();

        put(object, "since", view_time(summary->since));
        put_number(object, "bans_known", summary->bans_known);
        put_number(object, "events", summary->events);
        put_number(object, "bytes", summary->bytes);
        put(object, "jails", view_counts(summary->jails, summary->n_jails));
        put(object, "rules", view_counts(summary->rules, summary->n_rules));
        put(object, "addresses", view_counts(summary->addresses, summary->n_addresses));
        put(object, "prefixes", view_counts(summary->prefixes, summary->n_prefixes));
        return object;
}

static void redact(json_t *event)
{
        size_t i;
        json_t *line;

        json_array_foreach(json_object_get(event, "lines"), i, line) json_object_del(line, "line");
        json_object_set_new(event, "redacted", json_true());
}

/**
 * view_event() - an entry of the event log
 * @lines:      with the text of the log lines
 *
 * A record that is no JSON object (a damaged database) is still shown, so that
 * the numbers stay without gaps.
 */
json_t *view_event(const EventRecord *record, bool lines)
{
        json_t *event = json_loads(record->json, JSON_REJECT_DUPLICATES, NULL);

        if (!json_is_object(event)) {
                json_decref(event);
                event = json_object();
                put(event, "time", view_time(record->time));
                put_text(event, "event", record->kind);
        }
        put_number(event, "id", record->id);
        if (!lines)
                redact(event);
        return event;
}
