/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A lane goes round: claim, send, settle. It has one thing in hand at a time:
 *
 *     OFF ──▶ AWAY ──▶ CLAIM ──▶ SEND ──▶ SETTLE ──▶ CLAIM ...
 *              ▲         │ nothing to do    │
 *              │         ▼                  │
 *              │        REST ──▶ CLAIM      │
 *              └── the connection broke ────┘
 *
 * What became of a request is never forgotten while this program runs: if
 * bailiffd goes away meanwhile, the settlement is kept until it is back, and
 * nothing is claimed before that, since a claim takes back what is unsettled.
 * If it has taken the work back all the same, it says NoSuchClaim, and the
 * settlement is dropped.
 */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "courier/lane.h"
#include "courier/link.h"
#include "util/clock.h"
#include "util/fault.h"
#include "util/text.h"

typedef enum LaneState {
        LANE_OFF,       /* not configured, or stopped */
        LANE_AWAY,      /* not connected; the timer tries */
        LANE_REST,      /* connected; the timer goes on */
        LANE_CLAIM,     /* waits for an answer; the timer gives up */
        LANE_SEND,
        LANE_SETTLE,    /* as LANE_CLAIM */
} LaneState;

struct Lane {
        sd_event *event;
        sd_event_source *timer;
        const Service *service;
        char *socket, *credentials;
        LaneTimes times;
        LaneOps ops;
        LaneState state;
        bool stopping;
        Link *link;             /* may break in LANE_SEND; then it is NULL until that is over */
        uint64_t retry;         /* microseconds until the next attempt to connect */
        uint64_t claimed;       /* when the last claim was made, CLOCK_BOOTTIME */
        bool has_problem;       /* the last claim had one */
        bool failing;           /* the last request did not come through; the next that does says that it is mended */
        bool unsent;            /* what it brought was not sent at all: the next one takes its time */
        Work work;              /* in LANE_SEND */
        size_t n_sent;
        Transfer *transfer;     /* in LANE_SEND, else NULL */
        bool has_settlement;
        Settlement settlement;
        char trouble[PROBLEM_TEXT_MAX]; /* what was told last; "": it goes well */
};

const LaneTimes LANE_TIMES = {
        .retry_min = 250 * (uint64_t) USEC_PER_MSEC,
        .retry_max = 30 * (uint64_t) USEC_PER_SEC,
        .claim_min = 1 * (uint64_t) USEC_PER_SEC,
        .problem = 30 * (uint64_t) USEC_PER_SEC,
        .answer = 90 * (uint64_t) USEC_PER_SEC,
};

static void go(Lane *lane);

/* ---- what is told ---- */

/* Once, and again when it is another one. */
static void tell_trouble(Lane *lane, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell_trouble(Lane *lane, const char *format, ...)
{
        char text[PROBLEM_TEXT_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        if (strcmp(text, lane->trouble) == 0)
                return;
        strcpy(lane->trouble, text);
        lane->ops.say(lane->ops.userdata, lane->service, LOG_WARNING, text);
}

static void tell_mended(Lane *lane)
{
        if (*lane->trouble)
                lane->ops.say(lane->ops.userdata, lane->service, LOG_NOTICE, "reports go out again");
        *lane->trouble = '\0';
}

/* ---- states ---- */

static void set_timer(Lane *lane, uint64_t usec)
{
        if (sd_event_source_set_time_relative(lane->timer, usec) < 0 || sd_event_source_set_enabled(lane->timer, SD_EVENT_ONESHOT) < 0)
                sd_event_exit(lane->event, -EIO); /* without its timer it would stand still unseen */
}

static void become(Lane *lane, LaneState state, uint64_t usec)
{
        lane->state = state;
        set_timer(lane, usec);
}

static void turn_off(Lane *lane)
{
        bool was_off = lane->state == LANE_OFF;

        lane->link = link_free(lane->link);
        sd_event_source_set_enabled(lane->timer, SD_EVENT_OFF);
        lane->state = LANE_OFF;
        if (lane->stopping && !was_off)
                lane->ops.stopped(lane->ops.userdata);
}

static void go_away(Lane *lane)
{
        lane->link = link_free(lane->link);
        become(lane, LANE_AWAY, lane->retry);
        lane->retry = lane->retry * 2 < lane->times.retry_max ? lane->retry * 2 : lane->times.retry_max;
}

static void on_broken(void *userdata, int error)
{
        Lane *lane = userdata;

        tell_trouble(lane, "lost bailiffd at %s (%s); waiting for it", lane->socket, strerror(-error));
        if (lane->transfer)
                lane->link = link_free(lane->link); /* nobody is needed before that is over */
        else
                go_away(lane);
}

static void call(Lane *lane, LaneState state, const char *method, json_t *parameters)
{
        int r = link_call(lane->link, method, parameters);

        if (r < 0)
                on_broken(lane, r);
        else
                become(lane, state, lane->times.answer);
}

/* ---- sending ---- */

static void settle(Lane *lane, Settlement *settlement)
{
        settlement_clear(&lane->settlement);
        lane->settlement = *settlement;
        *settlement = SETTLEMENT_NULL;
        lane->has_settlement = true;
        work_clear(&lane->work);
        go(lane);
}

/* Without the service having been asked at all. */
static void settle_unsent(Lane *lane, OutboxOutcome outcome, const char *text)
{
        Settlement settlement = SETTLEMENT_NULL;

        settlement.claim = lane->work.claim;
        settlement.outcome = outcome;
        text_printable(text, strlen(text), settlement.text, sizeof settlement.text);
        lane->unsent = true;
        settle(lane, &settlement);
}

/* Who looks into this unit's log sees why reports wait. */
static void tell_outcome(Lane *lane, const Settlement *settlement)
{
        switch (settlement->outcome) {
        case OUTCOME_DONE:
        case OUTCOME_DUPLICATE:
                lane->failing = false;
                tell_mended(lane);
                break;
        case OUTCOME_FAILED:
        case OUTCOME_UNCERTAIN:
        case OUTCOME_KEY:
        case OUTCOME_FORBIDDEN:
        case OUTCOME_PLAN:
                lane->failing = true;
                tell_trouble(lane, "%s (see: bailiffctl reports)", *settlement->text ? settlement->text : "the service did not take it");
                break;
        default: break;
        }
}

static void on_done(void *userdata, const Answer *answer)
{
        Lane *lane = userdata;
        Settlement settlement = SETTLEMENT_NULL;

        lane->transfer = NULL;
        fault_kill("courier-answered", outbox_work_name(lane->work.kind));
        if (service_settle(lane->service, &lane->work, lane->n_sent, answer, &settlement) < 0) {
                /* Memory is short, and what was answered is not known. */
                answer_begin(answer, &settlement);
                settlement.claim = lane->work.claim;
                snprintf(settlement.text, sizeof settlement.text, "bailiff-courier: out of memory");
        }
        tell_outcome(lane, &settlement);
        settle(lane, &settlement);
}

static const char *key_file(const ReportServiceConfig *config)
{
        return config->key_file && *config->key_file ? config->key_file : NULL;
}

static int send_with(Lane *lane, const ReportServiceConfig *config, Problem *problem)
{
        const HttpOptions options = { .ca_file = config->ca_file && *config->ca_file ? config->ca_file : NULL,
                                      .proxy = config->proxy && *config->proxy ? config->proxy : NULL,
                                      .timeout = config->timeout };
        _cleanup_(key_clear) Key key = { 0 };
        _cleanup_(request_clear) Request request = { 0 };
        int r = key_read(lane->service->name, key_file(config), lane->credentials, &key, problem);

        if (r < 0)
                return r;
        r = service_request(lane->service, &lane->work, config->url, &request);
        if (r == -EOPNOTSUPP)
                return problem_set(problem, r, "%s has no %s", lane->service->name, outbox_work_name(lane->work.kind));
        if (r == 0) {
                lane->n_sent = request.n_sent;
                r = lane->ops.send(lane->ops.userdata, lane->service, &request, &key, &options, on_done, lane, &lane->transfer);
        }
        return r < 0 ? problem_set(problem, r, "the request cannot be made: %s; look at url, proxy and ca_file in reports: %s",
                                   strerror(-r), lane->service->name)
                     : 0;
}

static void send_work(Lane *lane)
{
        Problem problem = { "" };
        const char *trouble = "";
        const ReportServiceConfig *config = lane->ops.look(lane->ops.userdata, lane->service, &trouble);
        int r;

        if (!config || *trouble) {
                settle_unsent(lane, OUTCOME_FAILED, *trouble ? trouble : "it is not configured any more");
                return;
        }
        lane->state = LANE_SEND;
        sd_event_source_set_enabled(lane->timer, SD_EVENT_OFF);
        fault_kill("courier-claimed", outbox_work_name(lane->work.kind));
        r = send_with(lane, config, &problem);
        if (r < 0)
                settle_unsent(lane, r == -EOPNOTSUPP ? OUTCOME_REFUSED : OUTCOME_FAILED, problem.text);
}

/* ---- claiming ---- */

static void rest(Lane *lane)
{
        uint64_t now = clock_boot_now().usec, next = lane->claimed + (lane->has_problem ? lane->times.problem : lane->times.claim_min);

        become(lane, LANE_REST, next > now ? next - now : 0);
}

static void on_claimed(Lane *lane, const json_t *parameters)
{
        Problem problem = { "" };
        int r = work_read(parameters, &lane->work, &problem);

        lane->retry = lane->times.retry_min;
        if (!lane->has_problem && !lane->failing)
                tell_mended(lane);
        if (r == 0) {
                send_work(lane);
        } else if (r == -EPROTONOSUPPORT || r == -EPROTO) {
                tell_trouble(lane, "%s", problem.text);
                settle_unsent(lane, r == -EPROTO ? OUTCOME_REFUSED : OUTCOME_FAILED, problem.text);
        } else if (r == -ENOMEM) {
                on_broken(lane, r); /* the next claim takes it back */
        } else {
                rest(lane);
        }
}

static void claim(Lane *lane, const ReportServiceConfig *config, const char *trouble)
{
        _cleanup_(key_clear) Key key = { 0 };
        Problem problem = { "" };
        char text[PROBLEM_TEXT_MAX];
        json_t *parameters;

        if (!*trouble && key_read(lane->service->name, key_file(config), lane->credentials, &key, &problem) < 0)
                trouble = problem.text;
        parameters = json_pack("{s:s}", "service", lane->service->name);
        lane->has_problem = *trouble != '\0';
        if (lane->has_problem) {
                text_printable(trouble, strlen(trouble), text, sizeof text); /* names of files are any bytes */
                tell_trouble(lane, "%s", text);
                if (parameters)
                        json_object_set_new(parameters, "problem", json_string(text));
        }
        lane->claimed = clock_boot_now().usec;
        call(lane, LANE_CLAIM, "Claim", parameters);
}

/* ---- settling ---- */

static const char *short_name(const char *error)
{
        const char *dot = strrchr(error, '.');

        if (!text_is_printable(error))
                return "an error without a name";
        return dot ? dot + 1 : error;
}

static void settled(Lane *lane)
{
        fault_kill("courier-settled", lane->service->name);
        lane->has_settlement = false;
        settlement_clear(&lane->settlement);
        lane->retry = lane->times.retry_min;
        if (lane->unsent && !lane->stopping)
                rest(lane);
        else
                go(lane);
        lane->unsent = false;
}

static void on_error(Lane *lane, const char *error, const json_t *parameters)
{
        const char *said = json_string_value(json_object_get(parameters, "message")), *name = short_name(error);
        char message[ANSWER_TEXT_MAX];
        bool settling = lane->state == LANE_SETTLE;

        if (settling && strcmp(name, "NoSuchClaim") == 0) {
                lane->ops.say(lane->ops.userdata, lane->service, LOG_INFO, "bailiffd has taken back what was sent meanwhile");
                settled(lane);
                return;
        }
        text_printable(said ? said : "", said ? strlen(said) : 0, message, sizeof message);
        tell_trouble(lane, "bailiffd refuses %s: %s%s%s%s", settling ? "Settle" : "Claim", name, *message ? ": " : "", message,
                     strcmp(name, "NotAuthorized") == 0    ? "; it must run as user bailiff-courier (systemctl start bailiff-courier)"
                     : strcmp(name, "MethodNotFound") == 0 ? "; upgrade bailiffd, then: systemctl restart bailiffd"
                                                           : "");
        if (settling && strcmp(name, "InvalidParameter") == 0) {
                settled(lane); /* it will not be understood the next time either */
                return;
        }
        become(lane, LANE_REST, lane->times.problem);
}

static void on_answer(void *userdata, const char *error, const json_t *parameters)
{
        Lane *lane = userdata;

        assert(lane->state == LANE_CLAIM || lane->state == LANE_SETTLE);
        if (error)
                on_error(lane, error, parameters);
        else if (lane->state == LANE_SETTLE)
                settled(lane);
        else
                on_claimed(lane, parameters);
}

/* ---- turns ---- */

static int join(Lane *lane)
{
        int r = link_new(lane->event, lane->socket, (LinkHandler){ on_answer, on_broken, lane }, &lane->link);

        if (r < 0) {
                tell_trouble(lane, "cannot reach bailiffd at %s (%s); waiting for it", lane->socket, strerror(-r));
                go_away(lane);
        }
        return r;
}

/* The next step, when nothing is under way. */
static void go(Lane *lane)
{
        const char *trouble = "";
        const ReportServiceConfig *config = NULL;
        bool wanted = false;

        if (!lane->stopping) {
                config = lane->ops.look(lane->ops.userdata, lane->service, &trouble);
                wanted = config || *trouble;
        }
        if (!wanted && !lane->has_settlement) {
                turn_off(lane);
                return;
        }
        if (!lane->link && join(lane) < 0)
                return;
        if (lane->has_settlement)
                call(lane, LANE_SETTLE, "Settle", settlement_json(&lane->settlement));
        else
                claim(lane, config, trouble);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Lane *lane = userdata;

        if (lane->state == LANE_CLAIM || lane->state == LANE_SETTLE)
                on_broken(lane, -ETIMEDOUT);
        else
                go(lane);
        return 0;
}

/* ---- life ---- */

/**
 * lane_new() - be ready for a service; lane_start() starts it
 * @socket:     bailiffd's
 * @credentials: directory for keys that the configuration names no file for; NULL: none
 *
 * Return: 0 or -errno.
 */
int lane_new(sd_event *event, const Service *service, const char *socket, const char *credentials, const LaneTimes *times,
             LaneOps ops, Lane **ret_lane)
{
        _cleanup_(lane_freep) Lane *lane = calloc(1, sizeof *lane);
        int r;

        if (!lane)
                return -ENOMEM;
        lane->event = sd_event_ref(event);
        lane->service = service;
        lane->ops = ops;
        lane->times = *times;
        lane->retry = times->retry_min;
        lane->settlement = SETTLEMENT_NULL;
        lane->socket = strdup(socket);
        lane->credentials = credentials ? strdup(credentials) : NULL;
        if (!lane->socket || (credentials && !lane->credentials))
                return -ENOMEM;
        r = sd_event_add_time_relative(event, &lane->timer, CLOCK_BOOTTIME, 0, 1, on_timer, lane);
        if (r >= 0)
                r = sd_event_source_set_enabled(lane->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        sd_event_source_set_description(lane->timer, "courier-lane");
        *ret_lane = steal(lane);
        return 0;
}

/**
 * lane_free() - drop it as it is: a request under way is cancelled by http_free()
 */
Lane *lane_free(Lane *lane)
{
        if (!lane)
                return NULL;
        link_free(lane->link);
        work_clear(&lane->work);
        settlement_clear(&lane->settlement);
        sd_event_source_disable_unref(lane->timer);
        sd_event_unref(lane->event);
        free(lane->socket);
        free(lane->credentials);
        free(lane);
        return NULL;
}

/**
 * lane_start() - go to work, if the service is configured; to be called again whenever it may have become so, or a key is mended
 */
void lane_start(Lane *lane)
{
        if (lane->stopping)
                return;
        /* A claim with a problem brings no work, and bailiffd may let it wait: the next one tells whether that is over. */
        if (lane->state == LANE_CLAIM && lane->has_problem)
                lane->link = link_free(lane->link);
        else if (lane->state != LANE_OFF && !(lane->state == LANE_REST && lane->has_problem))
                return;
        go(lane);
}

/**
 * lane_stop() - take no more work; what is under way is still settled
 * @now:        a request under way is cancelled
 */
void lane_stop(Lane *lane, bool now)
{
        lane->stopping = true;
        if (lane->state == LANE_SEND && now)
                lane->ops.cancel(lane->ops.userdata, lane->transfer);
        else if (lane->state != LANE_SEND && !lane->has_settlement)
                turn_off(lane);
}

/**
 * lane_is_off() - whether it does nothing
 */
bool lane_is_off(const Lane *lane)
{
        return lane->state == LANE_OFF;
}
