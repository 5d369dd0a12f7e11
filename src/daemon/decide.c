/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * From a line to a decision and its effects: the sinks that join the stages.
 *
 * All of it runs on the loop thread and waits for nothing. What a decision
 * changes in the kernel is gathered in `elements` and sent as one transaction
 * at the end of the loop's turn (or at once for a command, whose answer waits
 * for the kernel's); what it changes in the store goes into the store's pending
 * batch, which daemon_commit() hands over at most half a second later.
 */

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "build-config.h"
#include "daemon/private.h"
#include "util/jsontext.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

#define POSITION_TEXT_MAX 48
#define ELEMENTS_WAITING_MAX (20 * FIREWALL_BATCH_MAX) /* that the kernel did not take */
#define CHANGES_SAID 30 /* a minute, of what outsiders can break and mend */

/**
 * daemon_jail() - the running jail of a name, or NULL
 */
Jail *daemon_jail(Daemon *daemon, const char *name)
{
        for (size_t i = 0; i < daemon->n_jails; i++)
                if (strcmp(daemon->jails[i].config->name, name) == 0)
                        return &daemon->jails[i];
        return NULL;
}

/**
 * daemon_note() - put an event that is no ban into the event log
 * @kind:       "start", "heal" ...
 * @text:       for people
 */
void daemon_note(Daemon *daemon, const char *kind, const char *text)
{
        JsonText members = { 0 };

        json_text_string(&members, "\"text\":", text);
        store_put_event(daemon->store, clock_event_now(), kind, members.text);
        free(members.text);
        daemon->dirty = true;
}

/**
 * daemon_notify() - tell systemd how it goes
 * @first:      "READY=1\n", or ""
 *
 * No figures that change by themselves: this is not sent again for each ban.
 */
void daemon_notify(const Daemon *daemon, const char *first)
{
        const Health *health = &daemon->health;

        if (health->n_problems > 0)
                sd_notifyf(false, "%sSTATUS=degraded: %s: %s", first, health->problems[0].topic, health->problems[0].text);
        else
                sd_notifyf(false, "%sSTATUS=guarding with %zu jail%s, firewall: %s%s", first, daemon->n_jails, daemon->n_jails == 1 ? "" : "s",
                           firewall_backend(daemon->firewall), daemon->options.dry_run ? " (dry run)" : "");
}

/**
 * daemon_problem() - what is wrong about a topic, or ""
 */
const char *daemon_problem(const Daemon *daemon, const char *topic)
{
        for (size_t i = 0; i < daemon->health.n_problems; i++)
                if (strcmp(daemon->health.problems[i].topic, topic) == 0)
                        return daemon->health.problems[i].text;
        return "";
}

static void say_change(Daemon *daemon, const char *topic, const char *text, const char *more)
{
        bool wrong = text && *text;
        char note[1400];

        log_write(wrong ? LOG_WARNING : LOG_NOTICE, "%s: %s%s", topic, wrong ? text : "works again", more);
        if (!daemon->store)
                return;
        snprintf(note, sizeof note, "%s: %s%s", topic, wrong ? text : "works again", more);
        daemon_note(daemon, wrong ? "degraded" : "healthy", note);
}

/**
 * daemon_degrade() - say what is wrong about a topic, or that it is mended
 * @topic:      "firewall" ...
 * @text:       what is wrong and what to do; NULL: mended
 */
void daemon_degrade(Daemon *daemon, const char *topic, const char *text)
{
        if (!health_set(&daemon->health, topic, text))
                return;
        if (daemon->ready)
                daemon_notify(daemon, "");
        say_change(daemon, topic, text, "");
}

/**
 * daemon_degrade_often() - the same of what outsiders can break and mend at will: status tells all of it, log and event log some
 */
void daemon_degrade_often(Daemon *daemon, const char *topic, const char *text)
{
        HealthWord word;
        unsigned dropped;
        char more[128] = "";

        if (!health_set(&daemon->health, topic, text))
                return;
        if (daemon->ready)
                daemon_notify(daemon, "");
        word = health_word(&daemon->health, topic, clock_boot_now());
        if (word == HEALTH_SAY_NOTHING || !log_allow("what is wrong changes", CHANGES_SAID, &dropped))
                return;
        if (word == HEALTH_SAY_LAST)
                snprintf(more, sizeof more, " (it changes often: for ten minutes only bailiffctl status tells of it)");
        else if (dropped > 0)
                snprintf(more, sizeof more, " (%u changes of others are not told here)", dropped);
        say_change(daemon, topic, text, more);
}

/* ---- lines ---- */

static void fault_point(const Line *line)
{
#if BAILIFF_FAULT_POINTS
        const char *token = getenv("BAILIFF_FAULT_LINE");

        if (token && *token && memmem(line->text, line->length, token, strlen(token)))
                abort();
#endif
}

static void note_allowed(Jail *jail, const Hit *hit, const AllowEntry *entry)
{
        char addr[ADDR_TEXT_MAX];
        unsigned dropped;

        jail->allowed++;
        if (log_allow("allowed", 6, &dropped))
                log_info("[%s] failure of %s not counted: allowed by %s (%s)", jail->config->name, addr_format(&hit->addr, addr),
                         addr_format(&entry->addr, (char[ADDR_TEXT_MAX]){ "" }), entry->origin);
}

/**
 * decide_hit() - count a failure, unless its address is allowed
 */
void decide_hit(Daemon *daemon, Jail *jail, const Hit *hit)
{
        const AllowEntry *entry;
        unsigned counted;
        int r = core_hit(daemon->tracker, daemon->engine, hit, &entry, &counted);

        if (hit->kind == HIT_FAILURE && daemon->journal)
                journal_source_attack(daemon->journal);
        if (entry) {
                note_allowed(jail, hit, entry);
                return;
        }
        daemon_degrade(daemon, "memory", r < 0 ? "out of memory: failures are not counted; give the host more, or lower max_windows" : NULL);
        jail->total_failed += counted;
        daemon->dirty = true;
        daemon->deadlines_moved = true;
}

/* ---- lines that crash us ---- */

/* Where a line stands, whenever it is read. */
static int64_t place_of(const Line *line)
{
        return line->readers ? line->offset : line->time.usec;
}

static void position_of(const Line *line, char position[static POSITION_TEXT_MAX])
{
        snprintf(position, POSITION_TEXT_MAX, "%s=%lld", line->readers ? "offset" : "t", (long long) place_of(line));
}

/**
 * decide_note_aside() - a line has been set aside, by this run or an earlier one
 * @position:   as its record has it
 */
void decide_note_aside(Daemon *daemon, const char *source, const char *position)
{
        daemon->aside_keys[daemon->set_aside++ % ASIDE_KEYS_MAX] = table_hash(source, strlen(source)) ^ table_hash(position, strlen(position));
}

static bool is_aside(const Daemon *daemon, const Line *line)
{
        char position[POSITION_TEXT_MAX];
        uint64_t key;

        if (daemon->set_aside == 0)
                return false;
        position_of(line, position);
        key = table_hash(line->source, strlen(line->source)) ^ table_hash(position, strlen(position));
        for (uint64_t i = 0; i < daemon->set_aside && i < ASIDE_KEYS_MAX; i++)
                if (daemon->aside_keys[i] == key)
                        return true;
        return false;
}

static void set_aside(Daemon *daemon, const Line *line)
{
        char text[EVIDENCE_TEXT_MAX], position[POSITION_TEXT_MAX], note[128];

        text_printable(line->text, line->length, text, sizeof text);
        position_of(line, position);
        store_put_set_aside(daemon->store, &(SetAsideRecord){ .source = line->source, .position = position, .text = text, .time = line->time });
        decide_note_aside(daemon, line->source, position);
        snprintf(note, sizeof note, "%llu line%s crashed the daemon twice and %s set aside; please report it: sqlite3 %s", (unsigned long long) daemon->set_aside,
                 daemon->set_aside == 1 ? "" : "s", daemon->set_aside == 1 ? "was" : "were", "bailiff.db 'select * from set_aside'");
        daemon_degrade(daemon, "set aside", note);
        /* It must not be read again, however soon the next crash comes. */
        daemon_commit(daemon);
}

/* ---- lines ---- */

/* Whether the i-th jail is to see a line. */
static bool is_for(Daemon *daemon, size_t i, const Line *line)
{
        Jail *jail = &daemon->jails[i];

        if (!core_is_for(jail->config, jail->filter, i, line))
                return false;
        if (line->readers)
                return files_believes(daemon, jail, line);
        files_journal_line(daemon, jail, line);
        return true;
}

static bool may_have_copy(const Daemon *daemon, const Jail *jail)
{
        return daemon->copies && files_reads_both(jail);
}

/* Whether a jail that reads journal and files has seen the message in the other one. */
static bool is_copy(Daemon *daemon, const Jail *jail, const Line *line)
{
        return may_have_copy(daemon, jail) && copies_seen(daemon->copies, jail->config->name, line);
}

/* What is not believed must not pass for a message that is still to come: a client can write into an error log, a user into the journal. */
static void note_verdict(Daemon *daemon, const Jail *jail, FilterVerdict verdict)
{
        if (verdict == FILTER_ORIGIN && may_have_copy(daemon, jail))
                copies_retract(daemon->copies);
}

static FilterVerdict judge(Daemon *daemon, const Jail *jail, const Line *line, Hit *ret_hit)
{
        FilterVerdict verdict = core_match(jail->filter, jail->config, line, ret_hit);

        note_verdict(daemon, jail, verdict);
        return verdict;
}

static void learn_past(Daemon *daemon, const Jail *jail, const Line *line)
{
        if (filter_info(jail->filter)->has_sessions || may_have_copy(daemon, jail))
                note_verdict(daemon, jail, core_learn(jail->filter, line));
}

/**
 * decide_line() - the sources' sink
 */
void decide_line(void *userdata, const Line *line)
{
        Daemon *daemon = userdata;

        if (inflight_begin(daemon->inflight, place_of(line), line->text, line->length)) {
                set_aside(daemon, line);
                return;
        }
        daemon->dirty = true;
        fault_point(line);
        for (size_t i = 0; i < daemon->n_jails; i++) {
                Jail *jail = &daemon->jails[i];
                Hit hit;

                if (is_for(daemon, i, line) && !is_copy(daemon, jail, line) && judge(daemon, jail, line, &hit) == FILTER_HIT)
                        decide_hit(daemon, jail, &hit);
        }
        recidive_count(daemon);
        inflight_end(daemon->inflight);
}

/**
 * decide_past_line() - a line that an earlier run has decided about: filters learn their sessions from it, copies of it are
 * known, and nothing is counted
 *
 * A line that crashes us does so here as well, and is set aside all the same.
 * What has been set aside is passed over, though the file that knows it may be
 * gone with the runtime directory.
 */
void decide_past_line(void *userdata, const Line *line)
{
        Daemon *daemon = userdata;

        if (is_aside(daemon, line))
                return;
        if (inflight_begin(daemon->inflight, place_of(line), line->text, line->length)) {
                set_aside(daemon, line);
                return;
        }
        fault_point(line);
        for (size_t i = 0; i < daemon->n_jails; i++) {
                Jail *jail = &daemon->jails[i];

                if (is_for(daemon, i, line) && !is_copy(daemon, jail, line))
                        learn_past(daemon, jail, line);
        }
        inflight_end(daemon->inflight);
}

/* ---- offences ---- */

static void note_observed(Daemon *daemon, const Jail *jail, const Offence *offence)
{
        char addr[ADDR_TEXT_MAX], text[256];
        unsigned dropped;

        snprintf(text, sizeof text, "[%s] %s would be banned: %u failures, rule %s; the jail %s", jail->config->name,
                 addr_format(&offence->addr, addr), offence->failures, offence->rule, jail->paused_by ? "is paused" : "only observes");
        daemon_note(daemon, "observed", text);
        if (log_allow("observed", 60, &dropped))
                log_notice("%s", text);
}

/**
 * decide_offence() - the tracker's sink
 */
void decide_offence(void *userdata, const Offence *offence)
{
        Daemon *daemon = userdata;
        Jail *jail = daemon_jail(daemon, offence->jail);
        int r;

        if (jail && (jail->config->observe || jail->paused_by)) {
                jail->observed++;
                note_observed(daemon, jail, offence);
                return;
        }
        r = ban_engine_offence(daemon->engine, offence, clock_event_now());
        if (r == 0)
                daemon_degrade(daemon, "bans", NULL);
        else if (r == BAN_E_FULL)
                daemon_degrade(daemon, "bans", "max_bans is reached and no automatic ban can give way: raise max_bans, or lift manual bans");
        else if (r < 0)
                daemon_degrade(daemon, "bans", "out of memory: a ban was not made; give the host more, or lower max_bans");
}

/* ---- bans ---- */

static void log_event(const BanEvent *event)
{
        const Ban *ban = event->ban;
        char addr[ADDR_TEXT_MAX], until[TIME_TEXT_MAX];
        unsigned dropped;

        if (!log_allow(ban_event_kind_name(event->kind), 300, &dropped))
                return;
        if (dropped)
                log_notice("%u further \"%s\" were not logged; bailiffctl monitor shows all", dropped, ban_event_kind_name(event->kind));
        addr_format(&ban->addr, addr);
        event_time_format(ban->until, until);
        if (event->kind != BAN_EVENT_BAN && event->kind != BAN_EVENT_PROLONG)
                log_info("[%s] %s %s%s%s", ban->jail, ban_event_kind_name(event->kind), addr, *event->note ? ": " : "", event->note);
        else if (ban->origin == BAN_MANUAL)
                log_notice("[%s] %s %s until %s (by hand%s%s)%s%s", ban->jail, ban_event_kind_name(event->kind), addr, until,
                           *ban->reason ? ": " : "", ban->reason, *event->note ? " " : "", event->note);
        else
                log_notice("[%s] %s %s until %s (%u failures, the last: %s)%s%s", ban->jail, ban_event_kind_name(event->kind), addr, until,
                           ban->failures, ban->rule, *event->note ? " " : "", event->note);
}

/**
 * daemon_queue_elements() - changes for the kernel, sent at the end of this turn
 */
void daemon_queue_elements(Daemon *daemon, const Element *changes, size_t n_changes)
{
        if (n_changes == 0)
                return;
        if (daemon->n_elements + n_changes > daemon->elements_size) {
                size_t size = (daemon->n_elements + n_changes) * 2;
                Element *grown = realloc(daemon->elements, size * sizeof *grown);

                if (!grown) {
                        daemon_degrade(daemon, "memory", "out of memory: bans reach the kernel late; give the host more");
                        daemon_flush_elements(daemon);
                        if (daemon->n_elements + n_changes > daemon->elements_size) {
                                daemon->elements_lost = true;
                                return;
                        }
                } else {
                        daemon->elements = grown;
                        daemon->elements_size = size;
                }
        }
        memcpy(daemon->elements + daemon->n_elements, changes, n_changes * sizeof *changes);
        daemon->n_elements += n_changes;
        if (daemon->n_elements >= (daemon->kernel_behind ? ELEMENTS_WAITING_MAX : FIREWALL_BATCH_MAX))
                daemon_flush_elements(daemon);
}

/* Those that another jail still wants are laid again right afterwards. */
static void remove_elements(Daemon *daemon, const Ban *ban)
{
        Element element = { .addr = ban->addr, .reject = ban->reject, .until = EVENT_TIME_NONE };

        if (ban->n_ports == 0)
                daemon_queue_elements(daemon, &element, 1);
        for (size_t i = 0; i < ban->n_ports; i++) {
                element.protocol = ban->ports[i].protocol;
                element.port = ban->ports[i].port;
                daemon_queue_elements(daemon, &element, 1);
        }
}

/**
 * decide_event() - the ban engine's sink
 */
void decide_event(void *userdata, const BanEvent *event)
{
        Daemon *daemon = userdata;
        _cleanup_free_ char *members = control_event_members(event);

        if (event->kind == BAN_EVENT_BAN)
                recidive_take(daemon, event->ban);
        if (event->kind == BAN_EVENT_BAN || event->kind == BAN_EVENT_PROLONG)
                report_take(daemon, event->ban);
        switch (event->kind) {
        case BAN_EVENT_BAN:
        case BAN_EVENT_PROLONG: daemon->banned = true; store_put_ban(daemon->store, event->ban); break;
        case BAN_EVENT_CHANGE: store_put_ban(daemon->store, event->ban); break;
        case BAN_EVENT_LATE:
                store_put_ban(daemon->store, event->ban);
                store_end_ban(daemon->store, event->ban->id, event->ban->until, ban_event_kind_name(event->kind));
                break;
        case BAN_EVENT_UNBAN:
                if (daemon->lifted)
                        daemon->lifted(daemon->lifted_data, event->ban);
                store_end_ban(daemon->store, event->ban->id, event->time, ban_event_kind_name(event->kind));
                break;
        case BAN_EVENT_EXPIRE:
                if (daemon->clock_stepped)
                        remove_elements(daemon, event->ban);
                store_end_ban(daemon->store, event->ban->id, event->time, ban_event_kind_name(event->kind));
                break;
        case BAN_EVENT_DISPLACED:
                store_end_ban(daemon->store, event->ban->id, event->time, ban_event_kind_name(event->kind));
                break;
        case BAN_EVENT_REFUSED: break;
        }
        store_put_event(daemon->store, event->time, ban_event_kind_name(event->kind), members);
        daemon_queue_elements(daemon, event->changes, event->n_changes);
        log_event(event);
        daemon->dirty = true;
        daemon->deadlines_moved = true;
}

/**
 * decide_level() - the ban engine's sink of levels
 */
void decide_level(void *userdata, const LevelRecord *record)
{
        Daemon *daemon = userdata;

        store_put_level(daemon->store, record);
        daemon->dirty = true;
}

static void flush_again_soon(Daemon *daemon)
{
        sd_event_source_set_time(daemon->retry_source, clock_boot_now().usec + USEC_PER_SEC);
        sd_event_source_set_enabled(daemon->retry_source, SD_EVENT_ONESHOT);
}

static bool is_refusal(int r)
{
        return r < 0 || (r > 0 && r != FIREWALL_E_ELEMENT);
}

/**
 * daemon_flush_elements() - send what was decided to the kernel now
 *
 * What it does not take waits, and is offered again.
 *
 * Return: 0, or as firewall_apply(): the kernel lacks something.
 */
int daemon_flush_elements(Daemon *daemon)
{
        Problem problem = { "" };
        size_t sent = 0;
        int r = 0;

        while (sent < daemon->n_elements) {
                size_t n = daemon->n_elements - sent < FIREWALL_BATCH_MAX ? daemon->n_elements - sent : FIREWALL_BATCH_MAX;

                r = allow_send_touched(daemon, daemon->elements + sent, n);
                if (r == 0)
                        r = firewall_apply(daemon->firewall, daemon->elements + sent, n, &problem);
                if (is_refusal(r))
                        break;
                sent += n;
        }
        daemon->n_elements -= sent;
        if (sent > 0 && daemon->n_elements > 0)
                memmove(daemon->elements, daemon->elements + sent, daemon->n_elements * sizeof *daemon->elements);
        if (daemon->n_elements >= ELEMENTS_WAITING_MAX) {
                daemon->n_elements = 0;
                daemon->elements_lost = true;
        }
        if (!is_refusal(r) && daemon->elements_lost) {
                r = firewall_verify(daemon->firewall, &problem);
                daemon->elements_lost = is_refusal(r);
                if (r == 0)
                        daemon_degrade(daemon, "firewall allow list", NULL);
        }
        if (is_refusal(r)) {
                daemon->kernel_behind = true;
                daemon_degrade(daemon, "firewall changes", *problem.text ? problem.text : "the kernel did not take them");
                flush_again_soon(daemon);
                return r;
        }
        if (daemon->kernel_behind)
                daemon_degrade(daemon, "firewall changes", NULL);
        daemon->kernel_behind = false;
        return 0;
}

/**
 * daemon_verify_soon() - something is missing in the kernel: compare all with it in a second
 */
void daemon_verify_soon(Daemon *daemon)
{
        daemon->elements_lost = true;
        daemon->kernel_behind = true;
        flush_again_soon(daemon);
}

static int commit_window(void *userdata, const WindowRecord *record)
{
        store_put_window(userdata, record);
        return 0;
}

/**
 * daemon_commit() - hand all that has changed to the store's thread
 *
 * Return: the sequence that store's `committed` will report.
 */
uint64_t daemon_commit(Daemon *daemon)
{
        char position[SOURCE_POSITION_MAX];

        tracker_drain(daemon->tracker, commit_window, daemon->store);
        if (daemon->journal && journal_source_position(daemon->journal, position) == 0)
                store_put_position(daemon->store, &(PositionRecord){
                                                          .source = "journal",
                                                          .position = position,
                                                          .time = event_time_max(journal_source_stats(daemon->journal)->last_line,
                                                                         daemon->start_position_time),
                                                  });
        files_commit(daemon, false);
        daemon->dirty = false;
        return store_submit(daemon->store);
}
