/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Outbox: what becomes of a report: its states, and when the next one may go. Part of the stage `report`. Pure.
 *
 * The store keeps the rows and the budgets on disk and asks here what to write;
 * the courier says how a service has answered.
 */

#include <stddef.h>

#include "util/addr.h"
#include "util/clock.h"

#define OUTBOX_AGAIN_SEC 840            /* 14 minutes: within AbuseIPDB's window of 15 a second try of the same report is refused */
#define OUTBOX_AGE_MAX_SEC (60 * INT64_C(86400)) /* AbuseIPDB takes no older attack (its reporting policy) */
#define OUTBOX_BULK_MAX 9999            /* rows of a bulk file: 10,000 lines with the heading */
#define OUTBOX_BULK_GATHER_SEC 60       /* that what does not fit the day is gathered before a bulk file goes */
#define OUTBOX_TEXT_MAX 320             /* bytes kept of what a service said, with the NUL */

/* What is asked of a service: a row of the outbox has one. */
typedef enum OutboxKind {
        OUTBOX_REPORT,          /* at AbuseIPDB */
        OUTBOX_CLEAR,           /* take our reports back */
        OUTBOX_VOTE,            /* at VirusTotal */
        OUTBOX_COMMENT,
        OUTBOX_DELETE,          /* take our comment back */
        _OUTBOX_KIND_MAX,
} OutboxKind;

/* How a claim is carried: a kind of its own each, and several reports in one file. */
typedef enum OutboxWork {
        WORK_REPORT,
        WORK_BULK,
        WORK_CLEAR,
        WORK_VOTE,
        WORK_COMMENT,
        WORK_DELETE,
        _WORK_MAX,
} OutboxWork;

/* A lane is served by one claim at a time. */
typedef enum OutboxLane {
        OUTBOX_ABUSEIPDB,
        OUTBOX_VIRUSTOTAL,
        _OUTBOX_LANE_MAX,
} OutboxLane;

/* Requests that a service counts together. */
typedef enum OutboxEndpoint {
        OUTBOX_ABUSEIPDB_REPORT,
        OUTBOX_ABUSEIPDB_BULK,
        OUTBOX_ABUSEIPDB_CLEAR,
        OUTBOX_VIRUSTOTAL_ALL,
        _OUTBOX_ENDPOINT_MAX,
} OutboxEndpoint;

typedef enum OutboxState {
        OUTBOX_QUEUED,
        OUTBOX_IN_FLIGHT,
        OUTBOX_DONE,
        OUTBOX_REFUSED,         /* the service will not have it */
        OUTBOX_UNKNOWN,         /* it may have arrived, and must not be sent again */
        OUTBOX_EXPIRED,         /* too old, or there were too many */
        OUTBOX_DROPPED,         /* by hand, or since it must not be reported any longer */
        _OUTBOX_STATE_MAX,
} OutboxState;

/* What the courier says of an answer. */
typedef enum OutboxOutcome {
        OUTCOME_DONE,
        OUTCOME_DUPLICATE,      /* the service has had it within its window */
        OUTCOME_QUOTA,          /* the day's requests are used up */
        OUTCOME_BUSY,           /* too many requests, and not said why */
        OUTCOME_KEY,            /* the key is not accepted */
        OUTCOME_FORBIDDEN,
        OUTCOME_PLAN,           /* more than the account's plan has */
        OUTCOME_REFUSED,        /* this one is wrong */
        OUTCOME_FAILED,         /* surely not accepted */
        OUTCOME_UNCERTAIN,      /* may have been accepted */
        OUTCOME_NOT_SENT,       /* the courier has not had it */
        _OUTCOME_MAX,
} OutboxOutcome;

typedef struct OutboxAnswer {
        OutboxOutcome outcome;
        int status;             /* of HTTP, 0 if there was none */
        int score;              /* -1 if there is none */
        const char *text;       /* what the service said; printable, "" if nothing */
        const char *remote;     /* the service's own id of what was made, "" if none */
        int64_t limit, remaining; /* of the day's requests, as the service counts; -1: not said */
        int64_t retry_after;    /* seconds, -1: not said */
        int64_t reset;          /* seconds since 1970 at which the day begins anew, -1: not said */
} OutboxAnswer;

/**
 * What may be used of an endpoint, by the configuration.
 */
typedef struct OutboxTerms {
        int64_t daily;          /* requests a day */
        int64_t per_minute;     /* 0: no limit */
} OutboxTerms;

/**
 * What has been used of an endpoint. Kept on disk.
 */
typedef struct OutboxBudget {
        int64_t used;           /* of the present day, by us */
        int64_t limit;          /* a day, as the service last said; 0: it has not */
        int64_t remaining;      /* as the service last said; -1: it has not */
        EventTime resets;       /* when the present day ends; EVENT_TIME_NONE: nothing was sent yet */
        EventTime last;         /* request; EVENT_TIME_NONE: none yet */
        EventTime blocked;      /* nothing before; EVENT_TIME_NONE: not blocked */
        OutboxOutcome reason;   /* why, while it is blocked */
        unsigned failures;      /* in a row */
        char text[OUTBOX_TEXT_MAX]; /* what the service said then */
} OutboxBudget;

/**
 * A report that is due.
 */
typedef struct OutboxRecord {
        OutboxKind kind;
        uint64_t ban_id;
        Addr addr;              /* of the deciding line, never a prefix */
        const char *jail;
        EventTime now;          /* when it was decided */
        EventTime attack;       /* of the deciding line */
        EventTime first;        /* of the failures; manual: `attack` */
        unsigned failures;      /* 0 for manual bans */
        int64_t window;         /* seconds in which an address is told once */
} OutboxRecord;

/**
 * What changes in a row.
 */
typedef struct OutboxRow {
        OutboxKind kind;
        OutboxState state;
        unsigned attempts;
        EventTime first_try;    /* that may have been accepted; EVENT_TIME_NONE: not yet */
        EventTime next_try;     /* EVENT_TIME_NONE: at once */
        bool maybe;             /* an earlier try may have been accepted */
} OutboxRow;

const char *outbox_kind_name(OutboxKind kind);
int outbox_kind_from_name(const char *name);
OutboxLane outbox_kind_lane(OutboxKind kind);
OutboxEndpoint outbox_kind_endpoint(OutboxKind kind);
OutboxLane outbox_endpoint_lane(OutboxEndpoint endpoint);
const char *outbox_work_name(OutboxWork work);
const char *outbox_lane_name(OutboxLane lane);
int outbox_lane_from_name(const char *name);
const char *outbox_endpoint_name(OutboxEndpoint endpoint);
const char *outbox_state_name(OutboxState state);
int outbox_state_from_name(const char *name);
const char *outbox_outcome_name(OutboxOutcome outcome);
int outbox_outcome_from_name(const char *name);

bool outbox_budget_is_ahead(const OutboxBudget *budget, EventTime now);
void outbox_budget_roll(OutboxBudget *budget, OutboxLane lane, EventTime now);
int64_t outbox_budget_left(const OutboxBudget *budget, const OutboxTerms *terms);
EventTime outbox_budget_next(const OutboxBudget *budget, const OutboxTerms *terms);
void outbox_budget_spend(OutboxBudget *budget, EventTime now);
void outbox_budget_refund(OutboxBudget *budget);
void outbox_budget_settle(OutboxBudget *budget, const OutboxAnswer *answer, EventTime now);
EventTime outbox_bulk_next(const OutboxBudget *bulk, const OutboxTerms *terms);

void outbox_row_begin(OutboxRow *row, EventTime now);
void outbox_row_settle(OutboxRow *row, const OutboxAnswer *answer, EventTime now);
void outbox_row_take_back(OutboxRow *row, EventTime now);
EventTime outbox_row_lost(const OutboxRow *row);
