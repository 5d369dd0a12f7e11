/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reports: from a ban into the outbox, and from the outbox to the courier.
 *
 * A ban that is to be told puts its rows into the same batch as itself, so both
 * are on disk or neither. The courier asks for work and waits; a lane then asks
 * the store, which knows what is due, and asks again when something may have
 * changed (a row was committed, a claim was settled, the hour has come), never
 * by looking again and again.
 *
 *     courier       Claim ......... work .......... Settle ......
 *     lane                 ask -> given                  ask ->
 *     store thread           claim, commit                 settle, commit
 *
 * Nothing here can hold a ban up: the lane waits for the store in callbacks, and
 * a courier that is not there only lets rows wait.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/fault.h"
#include "util/jsontext.h"
#include "util/log.h"

#define CLAIM_WAIT_SEC 30       /* a claim without work is answered after so long */
#define ABSENT_SEC 600          /* without a courier, until it is told */
#define FAILURES_TOLD 5         /* in a row, of a service, until it is told */
#define CLEARS_DAILY 5          /* AbuseIPDB's clear-address, of the smallest plan */

static EventTime report_now(void)
{
        return event_time_add(clock_event_now(), fault_clock());
}

static const ReportServiceConfig *service_of(const Daemon *daemon, OutboxLane lane)
{
        return lane == OUTBOX_ABUSEIPDB ? &daemon->config->abuseipdb : &daemon->config->virustotal;
}

static const char *topic_of(OutboxLane lane)
{
        return lane == OUTBOX_ABUSEIPDB ? "reports to abuseipdb" : "reports to virustotal";
}

static void lane_look(ReportLane *lane);

/* ---- what is told ---- */

/* By hand also an address of the documentation: so the first user tests it. */
static bool may_be_told(Daemon *daemon, const Ban *ban)
{
        const Addr *addr = &ban->source;

        if (daemon->by_hand == BY_HAND_SILENT || addr->family == 0 || !addr_is_single(addr))
                return false;
        if (!report_addr_is_public(addr) && !(daemon->by_hand == BY_HAND_REPORT && report_addr_is_documentation(addr)))
                return false;
        return !ban_engine_allowed(daemon->engine, ban->jail, addr);
}

/* Of the deciding line, or of the command. */
static EventTime attack_time(const Daemon *daemon, const Ban *ban)
{
        if (daemon->by_hand != BY_HAND_NOT)
                return clock_event_now();
        return ban->n_evidence > 0 ? ban->evidence[ban->n_evidence - 1].time : ban->start;
}

/**
 * report_take() - a ban was made or prolonged: put what is to be told of it into the outbox
 */
void report_take(Daemon *daemon, const Ban *ban)
{
        static const OutboxKind kinds[] = { OUTBOX_REPORT, OUTBOX_VOTE, OUTBOX_COMMENT };
        const Jail *jail = daemon_jail(daemon, ban->jail);

        if (!jail || !jail->config->report.enabled || !may_be_told(daemon, ban))
                return;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                OutboxLane lane = outbox_kind_lane(kinds[i]);

                if (!report_wanted(daemon, jail, kinds[i]))
                        continue;
                store_put_outbox(daemon->store, &(OutboxRecord){
                                                        .kind = kinds[i],
                                                        .ban_id = ban->id,
                                                        .addr = ban->source,
                                                        .jail = ban->jail,
                                                        .now = report_now(),
                                                        .attack = attack_time(daemon, ban),
                                                        .first = ban->first,
                                                        .failures = ban->failures,
                                                        .window = service_of(daemon, lane)->window,
                                                });
                daemon->lanes[lane].put = true;
                fault_kill("daemon-entering", outbox_kind_name(kinds[i]));
        }
}

/* ---- events ---- */

static void say_event(Daemon *daemon, const OutboxEntry *entry)
{
        JsonText members = { 0 };
        char addr[ADDR_TEXT_MAX];

        json_text_number(&members, "\"report\":", (int64_t) entry->id);
        json_text_string(&members, ",\"service\":", outbox_kind_name(entry->row.kind));
        json_text_string(&members, ",\"ip\":", addr_format(&entry->addr, addr));
        if (*entry->jail)
                json_text_string(&members, ",\"jail\":", entry->jail);
        json_text_string(&members, ",\"state\":", outbox_state_name(entry->row.state));
        if (entry->status > 0)
                json_text_number(&members, ",\"status\":", entry->status);
        if (entry->score >= 0)
                json_text_number(&members, ",\"score\":", entry->score);
        if (*entry->receipt)
                json_text_string(&members, ",\"text\":", entry->receipt);
        store_put_event(daemon->store, clock_event_now(), "report", members.text);
        free(members.text);
        daemon->dirty = true;
}

static void say_bulk(Daemon *daemon, const OutboxResult *result)
{
        size_t done = 0, refused = 0;
        char text[160];

        for (size_t i = 0; i < result->n_entries; i++) {
                done += result->entries[i].row.state == OUTBOX_DONE;
                refused += result->entries[i].row.state == OUTBOX_REFUSED;
        }
        snprintf(text, sizeof text, "a bulk file with %zu reports to abuseipdb: %zu taken, %zu refused, the others wait or are unknown", result->n_entries, done, refused);
        daemon_note(daemon, "report", text);
        log_info("%s", text);
}

/* What the courier's word changes in what is known of a service. */
static void note_health(Daemon *daemon, const OutboxResult *result, const OutboxAnswer *answer)
{
        OutboxKind kind = result->entries[0].row.kind;
        OutboxLane lane = outbox_kind_lane(kind);
        const OutboxBudget *budget = &result->budgets[result->bulk ? OUTBOX_ABUSEIPDB_BULK : outbox_kind_endpoint(kind)];
        char text[OUTBOX_TEXT_MAX + 300];

        switch (answer->outcome) {
        case OUTCOME_DONE:
        case OUTCOME_DUPLICATE:
        case OUTCOME_REFUSED: daemon_degrade(daemon, topic_of(lane), NULL); break;
        case OUTCOME_KEY:
        case OUTCOME_FORBIDDEN:
                snprintf(text, sizeof text, "the service does not accept the key (%s); put a valid one in its key_file, then: bailiffctl reports retry", answer->text);
                daemon_degrade(daemon, topic_of(lane), text);
                break;
        case OUTCOME_PLAN:
                snprintf(text, sizeof text, "the account's plan does not have this (%s)", answer->text);
                daemon_degrade(daemon, topic_of(lane), text);
                break;
        case OUTCOME_BUSY:
        case OUTCOME_FAILED:
        case OUTCOME_UNCERTAIN:
                if (budget->failures < FAILURES_TOLD)
                        break;
                snprintf(text, sizeof text, "the service does not answer well (%s); reports wait and are tried again; see bailiffctl reports", answer->text);
                daemon_degrade_often(daemon, topic_of(lane), text);
                break;
        case OUTCOME_QUOTA:
        case OUTCOME_NOT_SENT:
        case _OUTCOME_MAX: break;
        }
}

static void say_lost(Daemon *daemon, OutboxLane lane, size_t lost)
{
        char text[200];

        if (lost == 0)
                return;
        snprintf(text, sizeof text, "%zu report%s may have arrived at %s and %s not sent again; see: bailiffctl reports --state unknown", lost, lost == 1 ? "" : "s",
                 outbox_lane_name(lane), lost == 1 ? "is" : "are");
        log_warning("%s", text);
        daemon_note(daemon, "report", text);
}

/* ---- giving ---- */

static const char *work_name(const OutboxResult *result)
{
        static const OutboxWork works[_OUTBOX_KIND_MAX] = { WORK_REPORT, WORK_CLEAR, WORK_VOTE, WORK_COMMENT, WORK_DELETE };

        return outbox_work_name(result->bulk ? WORK_BULK : works[result->entries[0].row.kind]);
}

static void lane_answer(ReportLane *lane, const ClaimView *view)
{
        ClaimAnswer answer = steal(lane->answer);

        lane->absent.usec = clock_boot_now().usec + ABSENT_SEC * (uint64_t) USEC_PER_SEC;
        answer(lane->answer_data, view);
}

static void nothing_done(void *userdata, OutboxResult *result)
{
        outbox_result_free(result);
}

static void lane_ask(ReportLane *lane, const OutboxRequest *request, OutboxAnswerer done, void *done_data)
{
        if (store_ask_outbox(lane->daemon->store, request, done, done_data, NULL) == 0)
                daemon_commit(lane->daemon);
}

/* What was claimed and cannot be given goes back as if it had not been. */
static void lane_give_back(ReportLane *lane, uint64_t claim)
{
        lane_ask(lane,
                 &(OutboxRequest){ .op = OUTBOX_SETTLE,
                                   .now = report_now(),
                                   .claim = claim,
                                   .answer = { .outcome = OUTCOME_NOT_SENT, .score = -1, .limit = -1, .remaining = -1, .retry_after = -1, .reset = -1 } },
                 nothing_done, NULL);
}

static void lane_drop(ReportLane *lane, uint64_t claim, const uint64_t *ids, size_t n_ids, const char *why)
{
        lane_ask(lane, &(OutboxRequest){ .op = OUTBOX_DROP, .now = report_now(), .claim = claim, .ids = ids, .n_ids = n_ids, .text = why }, nothing_done, NULL);
}

/*
 * Takes out what must not be told any more: the jail does not report any longer,
 * or the address has been allowed since.
 */
static void lane_sort_out(ReportLane *lane, OutboxResult *result)
{
        uint64_t *ids = arena_alloc(result->arena, (result->n_entries + 1) * sizeof *ids);
        size_t n_ids = 0, kept = 0;
        const char *why = NULL;

        if (!ids)
                return;
        for (size_t i = 0; i < result->n_entries; i++) {
                const char *refused = report_refused(lane->daemon, &result->entries[i]);

                if (refused) {
                        ids[n_ids++] = result->entries[i].id;
                        why = refused;
                } else {
                        result->entries[kept++] = result->entries[i];
                }
        }
        result->n_entries = kept;
        if (kept == 0)
                lane_give_back(lane, result->claim);
        if (n_ids > 0)
                lane_drop(lane, result->claim, ids, n_ids, why);
}

static void lane_give(ReportLane *lane, OutboxResult *result)
{
        lane->given = outbox_result_free(lane->given);
        free(steal(lane->comment));
        lane->categories[0] = '\0';
        lane->given = result;
        fault_kill("daemon-claimed", work_name(result));
        lane_answer(lane, &(ClaimView){ .claim = result->claim, .kind = work_name(result), .n_items = result->n_entries });
}

static void on_claimed(void *userdata, OutboxResult *result)
{
        ReportLane *lane = userdata;

        lane->asking = false;
        say_lost(lane->daemon, lane->lane, result->lost);
        if (result->claim == 0) {
                lane->next = result->next;
        } else if (!lane->answer) { /* the courier has gone meanwhile */
                lane_give_back(lane, result->claim);
                lane->stale = true;
        } else {
                lane->stale = true;
                lane_sort_out(lane, result);
                if (result->n_entries > 0) {
                        lane_give(lane, result);
                        return;
                }
        }
        outbox_result_free(result);
        lane_look(lane);
}

static bool wants_lines(const Daemon *daemon)
{
        for (size_t i = 0; i < daemon->n_jails; i++) {
                const char *template = daemon->jails[i].config->report.abuseipdb_comment;

                if (template && report_comment_wants_lines(template))
                        return true;
        }
        return false;
}

static void set_terms(const Daemon *daemon, OutboxTerms terms[static _OUTBOX_ENDPOINT_MAX])
{
        const ReportServiceConfig *abuseipdb = &daemon->config->abuseipdb, *virustotal = &daemon->config->virustotal;

        memset(terms, 0, _OUTBOX_ENDPOINT_MAX * sizeof *terms);
        if (abuseipdb->configured) {
                terms[OUTBOX_ABUSEIPDB_REPORT].daily = abuseipdb->daily;
                terms[OUTBOX_ABUSEIPDB_BULK].daily = abuseipdb->bulk_daily;
                terms[OUTBOX_ABUSEIPDB_CLEAR].daily = CLEARS_DAILY;
        }
        if (virustotal->configured)
                terms[OUTBOX_VIRUSTOTAL_ALL] = (OutboxTerms){ .daily = virustotal->daily, .per_minute = virustotal->per_minute };
}

/* ---- waiting ---- */

static void lane_arm(ReportLane *lane)
{
        uint64_t at = lane->answer ? lane->deadline.usec : lane->absent.usec;
        BootTime next = clock_boot_at(event_time_add(lane->next, -fault_clock()));

        if (lane->answer && !*lane->ails && !lane->asking && lane->next.usec != EVENT_TIME_FOREVER.usec && next.usec < at)
                at = next.usec;
#if BAILIFF_FAULT_POINTS
        /* The clock of a test moves in leaps. */
        if (getenv("BAILIFF_FAULT_REPORT_CLOCK") && lane->answer)
                at = clock_boot_now().usec + 100 * USEC_PER_MSEC;
#endif
        sd_event_source_set_time(lane->timer, at);
        sd_event_source_set_enabled(lane->timer, SD_EVENT_ONESHOT);
}

static void lane_look(ReportLane *lane)
{
        bool due = lane->stale || !event_time_before(report_now(), lane->next);

        if (lane->answer && !*lane->ails && !lane->asking && due) {
                OutboxRequest request = { .op = OUTBOX_CLAIM, .now = report_now(), .lane = lane->lane, .wants_lines = wants_lines(lane->daemon) };

                set_terms(lane->daemon, request.terms);
                fault_kill("daemon-claiming", outbox_lane_name(lane->lane));
                lane->stale = false;
                lane->next = EVENT_TIME_FOREVER;
                lane->asking = true;
                lane_ask(lane, &request, on_claimed, lane);
        }
        lane_arm(lane);
}

static void tell_absence(ReportLane *lane)
{
        Daemon *daemon = lane->daemon;
        bool configured = service_of(daemon, lane->lane)->configured;

        lane->absent.usec = UINT64_MAX;
        if (configured)
                daemon_degrade(daemon, topic_of(lane->lane), "bailiff-courier does not ask for work, so reports wait: systemctl status bailiff-courier (to have it: systemctl enable --now bailiff-courier)");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        ReportLane *lane = userdata;
        uint64_t now = clock_boot_now().usec;

        if (lane->answer && now >= lane->deadline.usec)
                lane_answer(lane, NULL);
        else if (!lane->answer && now >= lane->absent.usec)
                tell_absence(lane);
        lane_look(lane);
        return 0;
}

/**
 * report_look() - look again whether something is due, on all lanes
 */
void report_look(Daemon *daemon)
{
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++) {
                daemon->lanes[i].stale = true;
                lane_look(&daemon->lanes[i]);
        }
}

/**
 * report_committed() - what was put is on disk
 */
void report_committed(Daemon *daemon)
{
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++) {
                ReportLane *lane = &daemon->lanes[i];

                if (!lane->put || !lane->timer)
                        continue;
                lane->put = false;
                lane->stale = true;
                lane_look(lane);
        }
}

/**
 * report_reloaded() - another configuration runs: keys may be others, and jails may say other things
 */
void report_reloaded(Daemon *daemon)
{
        lane_ask(&daemon->lanes[0], &(OutboxRequest){ .op = OUTBOX_UNBLOCK, .now = report_now() }, nothing_done, NULL);
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++) {
                /* The courier reads the configuration itself, and may have told before what is wrong with a service that is new here. */
                if (!service_of(daemon, (OutboxLane) i)->configured)
                        daemon_degrade(daemon, topic_of((OutboxLane) i), NULL);
                else if (*daemon->lanes[i].ails)
                        daemon_degrade_often(daemon, topic_of((OutboxLane) i), daemon->lanes[i].ails);
        }
        report_look(daemon);
}

/**
 * report_start() - prepare the lanes
 *
 * Return: 0 or -errno.
 */
int report_start(Daemon *daemon)
{
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++) {
                ReportLane *lane = &daemon->lanes[i];
                int r;

                *lane = (ReportLane){ .daemon = daemon, .lane = (OutboxLane) i, .stale = true, .next = EVENT_TIME_FOREVER };
                lane->absent.usec = clock_boot_now().usec + ABSENT_SEC * (uint64_t) USEC_PER_SEC;
                r = sd_event_add_time(daemon->event, &lane->timer, CLOCK_BOOTTIME, lane->absent.usec, USEC_PER_SEC / 10, on_timer, lane);
                if (r < 0)
                        return r;
                sd_event_source_set_description(lane->timer, topic_of(lane->lane));
        }
        return 0;
}

/**
 * report_stop() - free the lanes; the courier has gone
 */
void report_stop(Daemon *daemon)
{
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++) {
                sd_event_source_disable_unref(daemon->lanes[i].timer);
                outbox_result_free(daemon->lanes[i].given);
                free(daemon->lanes[i].comment);
        }
}

/* ---- what the control socket asks ---- */

/**
 * report_claim() - a courier waits for work
 * @problem:    why it cannot carry any; "": it can
 */
void report_claim(void *userdata, OutboxLane which, const char *problem, ClaimAnswer answer, void *answer_data)
{
        Daemon *daemon = userdata;
        ReportLane *lane = &daemon->lanes[which];
        bool ailed = *lane->ails || strstr(daemon_problem(daemon, topic_of(which)), "does not ask for work");

        if (lane->answer)
                lane_answer(lane, NULL);
        /* What it had, it has not settled. */
        if (lane->given)
                lane->stale = true;
        lane->given = outbox_result_free(lane->given);
        lane->answer = answer;
        lane->answer_data = answer_data;
        lane->deadline.usec = clock_boot_now().usec + CLAIM_WAIT_SEC * (uint64_t) USEC_PER_SEC;
        snprintf(lane->ails, sizeof lane->ails, "%s", problem);
        if (service_of(daemon, which)->configured && (*problem || ailed))
                daemon_degrade_often(daemon, topic_of(which), *problem ? problem : NULL);
        lane_look(lane);
}

/**
 * report_claim_cancel() - the courier that waited is gone
 */
void report_claim_cancel(void *userdata, OutboxLane which, const void *answer_data)
{
        ReportLane *lane = &((Daemon *) userdata)->lanes[which];

        if (lane->answer_data != answer_data || !lane->answer)
                return;
        lane->answer = NULL;
        lane->absent.usec = clock_boot_now().usec + ABSENT_SEC * (uint64_t) USEC_PER_SEC;
        lane_arm(lane);
}

/**
 * report_claim_item() - one of the reports of a claim; false if another one was given since
 */
bool report_claim_item(void *userdata, OutboxLane which, uint64_t claim, size_t i, ReportView *ret_item)
{
        Daemon *daemon = userdata;
        ReportLane *lane = &daemon->lanes[which];

        if (!lane->given || lane->given->claim != claim || i >= lane->given->n_entries)
                return false;
        /* Pages take their time, and a reload may come between them. What is not given must not be settled with the rest. */
        const OutboxEntry *entry = &lane->given->entries[i];
        const char *refused = report_refused(daemon, entry);

        if (refused || !report_view(daemon, entry, ret_item)) {
                lane_drop(lane, claim, &entry->id, 1, refused ? refused : "memory was short");
                return false;
        }
        if (!lane->given->bulk) {
                free(lane->comment);
                lane->comment = ret_item->comment ? strdup(ret_item->comment) : NULL;
                snprintf(lane->categories, sizeof lane->categories, "%s", ret_item->categories ? ret_item->categories : "");
        }
        return true;
}

/* A settlement on its way: what is to be done besides when it is on disk. */
typedef struct Settlement {
        Daemon *daemon;
        OutboxAnswer answer;
        char text[OUTBOX_TEXT_MAX];
        OutboxAnswerer done;
        void *done_data;
} Settlement;

static void on_settled(void *userdata, OutboxResult *result)
{
        Settlement *settlement = userdata;
        Daemon *daemon = settlement->daemon;

        fault_kill("daemon-settled", result->n_entries > 0 ? work_name(result) : "");
        if (result->r == 0 && result->n_entries > 0) {
                ReportLane *lane = &daemon->lanes[outbox_kind_lane(result->entries[0].row.kind)];

                note_health(daemon, result, &settlement->answer);
                if (result->bulk)
                        say_bulk(daemon, result);
                else if (result->entries[0].row.state != OUTBOX_QUEUED)
                        say_event(daemon, &result->entries[0]);
                if (lane->given && lane->given->claim == result->claim) /* else this is a late word, and another one is under way */
                        lane->given = outbox_result_free(lane->given);
                lane->stale = true;
        }
        settlement->done(settlement->done_data, result);
        free(settlement);
}

static int settle(Daemon *daemon, const OutboxRequest *asked, OutboxAnswerer done, void *done_data, OutboxWaiter **ret_waiter)
{
        OutboxRequest request = *asked;
        Settlement *settlement = calloc(1, sizeof *settlement);
        int r;

        if (!settlement)
                return -ENOMEM;
        *settlement = (Settlement){ .daemon = daemon, .answer = request.answer, .done = done, .done_data = done_data };
        snprintf(settlement->text, sizeof settlement->text, "%s", request.answer.text);
        settlement->answer.text = settlement->text;
        for (int i = 0; i < _OUTBOX_LANE_MAX; i++) {
                const ReportLane *lane = &daemon->lanes[i];

                if (!lane->given || lane->given->claim != request.claim || lane->given->bulk)
                        continue;
                request.comment = lane->comment;
                request.categories = *lane->categories ? lane->categories : NULL;
        }
        fault_kill("daemon-settling", "");
        r = store_ask_outbox(daemon->store, &request, on_settled, settlement, ret_waiter);
        if (r < 0)
                free(settlement);
        else
                daemon_commit(daemon);
        return r;
}

/**
 * report_ask() - a question to the outbox, from the control socket
 *
 * As store_ask_outbox(), with the present filled in.
 */
int report_ask(void *userdata, const OutboxRequest *asked, OutboxAnswerer done, void *done_data, OutboxWaiter **ret_waiter)
{
        Daemon *daemon = userdata;
        OutboxRequest request = *asked;
        int r;

        request.now = report_now();
        if (request.op == OUTBOX_SETTLE)
                return settle(daemon, &request, done, done_data, ret_waiter);
        r = store_ask_outbox(daemon->store, &request, done, done_data, ret_waiter);
        if (r < 0)
                return r;
        daemon_commit(daemon);
        if (request.op != OUTBOX_LIST)
                report_look(daemon); /* behind it, in the same order */
        return 0;
}

/**
 * report_service() - what is to be known of a service besides its rows
 */
void report_service(void *userdata, OutboxLane which, ReportServiceView *ret_view)
{
        const Daemon *daemon = userdata;
        const ReportLane *lane = &daemon->lanes[which];

        *ret_view = (ReportServiceView){
                .configured = service_of(daemon, which)->configured,
                .problem = daemon_problem(daemon, topic_of(which)),
                .has_courier = lane->answer || lane->given,
        };
        set_terms(daemon, ret_view->terms);
}
