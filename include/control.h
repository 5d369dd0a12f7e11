/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Control: the varlink server (interface io.bailiff.Manager) on the control socket.
 *
 * Control knows the protocol, the rights and the JSON; what a method does is
 * asked of the daemon through ControlOps. Views are borrowed until the visitor
 * returns.
 */

#include <systemd/sd-event.h>

#include "ban.h"
#include "firewall.h"
#include "pipeline.h"
#include "records.h"
#include "store.h"
#include "util/cleanup.h"
#include "util/problem.h"

#define CONTROL_REQUEST_MAX (1024 * 1024) /* bytes of one request; less for callers without rights */

typedef struct Control Control;

/**
 * What a rule of a jail's filter has found since the filter was loaded.
 */
typedef struct RuleView {
        const char *rule;               /* its id */
        const char *kind;               /* "failure", "helper", "success", "end" */
        uint64_t hits;                  /* lines that it matched, whether or not they counted */
        uint64_t limits;                /* lines on which it reached the match limit, and so did not match */
} RuleView;

/**
 * A log file of a jail, or a pattern that matches none yet, or of which not all is read.
 */
typedef struct FileView {
        const char *path;
        const char *state;              /* "reading", "waiting", "degraded" */
        const char *problem;            /* "" if none */
        bool forgeable;                 /* lines of local users stand in it, under any program's name */
        bool polled;                    /* its file system does not tell of changes */
        uint64_t lines, bytes, over_long, bad, rotated, truncated; /* since reading began */
        EventTime last_line;
        uint64_t left_out;              /* of a pattern: files that match and are not read, since there are too many */
        int64_t skew;                   /* seconds that its stamps are ahead of the clock, where they are not believed; 0 */
} FileView;

typedef struct JailView {
        const char *name, *filter, *mode;
        const char *state;              /* "running", "waiting", "degraded", "observing", "paused", "disabled" */
        const char *source;             /* "journal", "files", "journal and files", "bans" */
        const BanIncrement *increment;
        bool reject;
        bool has_own_allow;             /* entries of the allow list are this jail's alone */
        uint64_t observed;              /* bans that were not made, for it observes or is paused */
        const char *problem;            /* "" if none: what is wrong and what to do */
        int64_t findtime, bantime;
        unsigned maxretry;
        const Port *ports;
        size_t n_ports;                 /* 0: all */
        size_t currently_failed;        /* addresses with failures in their windows */
        uint64_t total_failed;          /* attempts counted since the start */
        size_t currently_banned;
        uint64_t total_banned;          /* since the start, restored ones included */
        uint64_t lines, ignored, refused_by_origin, too_long, limit, allowed;
        EventTime last_line, last_hit;
        const char *const *journal_matches; /* "SYSLOG_IDENTIFIER=sshd" */
        size_t n_journal_matches;
        const FileView *files;          /* that are read at present */
        size_t n_files;
        const RuleView *rules;          /* those with hits, or at the limit; most hits first */
        size_t n_rules;
        size_t rules_without_hit;       /* the others: how many */
} JailView;

typedef struct StatusView {
        const char *version;
        int64_t pid;
        EventTime started, now;
        const char *state;              /* "running", "degraded" */
        const char *const *problems;    /* what is wrong, each with the next step */
        size_t n_problems;
        const char *config;             /* path of the configuration that runs */
        bool config_kept;               /* the kept one, since the present one did not load */
        bool dry_run;
        const char *firewall;           /* "nftables", "none" */
        const char *source_state;       /* of the journal: source_state_name() */
        uint64_t source_lines, source_errors;
        size_t files;                   /* log files that are read */
        uint64_t file_lines;
        size_t windows, bans, max_bans, elements;
        uint64_t windows_evicted, bans_displaced, heals;
        uint64_t commits, failed_commits, pending_bytes, set_aside;
        const JailView *jails;
        size_t n_jails;
} StatusView;

/**
 * What `why` tells of one address. All arrays may be empty.
 */
typedef struct PastBan {
        const Ban *ban;
        EventTime ended;
        const char *how;                /* "expire", "unban" ... */
} PastBan;

typedef struct WhyView {
        Addr addr;
        const AllowEntry *const *allowed; /* all entries that it lies in, jails' own too */
        size_t n_allowed;
        const PastBan *past;            /* the latest ended ones, newest first */
        size_t n_past;
        const LevelRecord *levels;      /* where bans grow: what the next ban would have */
        size_t n_levels;
        const Ban *const *bans;         /* that cover it now */
        const FirewallElement *kernel;  /* one for each of `bans` */
        const bool *in_kernel;          /* likewise */
        bool not_enforced;              /* there is no kernel to look into (firewall: none, a dry run) */
        size_t n_bans;
        const WindowRecord *windows;    /* that it is counted in now */
        const unsigned *window_counts;  /* attempts in each */
        const unsigned *window_maxretry;
        size_t n_windows;
        const OutboxEntry *reports;     /* the latest, newest first */
        size_t n_reports;
} WhyView;

typedef struct AllowRequest {
        Addr addr;
        bool has_duration;              /* else for ever */
        int64_t duration;               /* seconds */
        const char *reason;             /* or "" */
        const char *by;                 /* "root", "alice (1000)" */
} AllowRequest;

/**
 * An entry of the allow list as `allow list` shows it.
 */
typedef struct AllowView {
        const AllowEntry *entry;
        const char *group;              /* "config", "own", "command" ... */
        bool in_kernel;
} AllowView;

typedef int (*AllowViewVisitor)(void *userdata, const AllowView *view);

/**
 * What `reload` did, or would do: one line for each difference, and which bans
 * and windows it ended.
 */
typedef struct ReloadView {
        const char *const *changes;     /* "jail sshd: maxretry 5 -> 3"; empty: nothing has changed */
        size_t n_changes;
        size_t bans_lifted, windows_dropped;
} ReloadView;

/* @r: 0, BAN_E_* or negative errno with @problem set. */
typedef void (*BanAnswer)(void *userdata, size_t index, int r, const Problem *problem);

/**
 * One report as it goes out.
 */
typedef struct ReportView {
        uint64_t id;
        OutboxKind kind;
        Addr addr;
        char *comment;                  /* for free(3); NULL: it has none */
        const char *categories, *verdict, *remote; /* NULL: it has none */
        EventTime time;                 /* of the attack; EVENT_TIME_NONE: not told */
        bool again;                     /* an earlier try may have been accepted */
} ReportView;

/**
 * What a courier is given.
 */
typedef struct ClaimView {
        uint64_t claim;
        const char *kind;               /* "report", "bulk", "clear", "vote", "comment", "delete" */
        size_t n_items;
} ClaimView;

/* @claim NULL: nothing is due. Runs once. */
typedef void (*ClaimAnswer)(void *userdata, const ClaimView *claim);

/* The result is the callee's. */
typedef void (*OutboxAnswerer)(void *userdata, OutboxResult *result);

/**
 * What is to be known of a service besides its rows.
 */
typedef struct ReportServiceView {
        bool configured;
        const char *problem;            /* "" if none */
        bool has_courier;               /* it asks for work, or carries some */
        OutboxTerms terms[_OUTBOX_ENDPOINT_MAX]; /* the same for all services */
} ReportServiceView;

/**
 * What methods ask of the daemon. Functions that change something return 0, or
 * a positive BAN_E_* or negative errno with @problem set, and the store's
 * sequence that has to be committed before the answer may be given.
 */
typedef struct ControlOps {
        int (*status)(void *userdata, void (*visit)(void *visit_data, const StatusView *view), void *visit_data);
        /* Every ban of `jail`, NULL: of all; stops when `visit` returns non-zero. Asks no kernel, so that millions are quick. */
        int (*bans)(void *userdata, const char *jail, BanVisitor visit, void *visit_data);
        /* What the kernel says of a ban (several elements: packets summed): 0, or FIREWALL_E_ABSENT. */
        int (*kernel)(void *userdata, const Ban *ban, FirewallElement *ret_element);
        int (*covering)(void *userdata, const Addr *addr, BanVisitor visit, void *visit_data);
        int (*why)(void *userdata, const Addr *addr, void (*visit)(void *visit_data, const WhyView *view), void *visit_data);
        /* `report`: to others, as the jail says. */
        int (*ban)(void *userdata, const BanRequest *request, bool report, uint64_t *ret_sequence, Problem *problem);
        /* All of a list with one kernel transaction and one commit. Each one's answer, as ban() gives it, is told in order; the
           returned one is the whole list's: the kernel has not taken it. */
        int (*ban_many)(void *userdata, const BanRequest *requests, size_t n, bool report, BanAnswer answer, void *answer_data, uint64_t *ret_sequence,
                        Problem *problem);
        /* What the kernel's allow sets exempt inside a banned prefix: ban_engine_each_allowed(). */
        int (*exempt)(void *userdata, const Addr *inside, AllowVisitor visit, void *visit_data);
        /* `addr` NULL: all. Each lifted ban is visited. */
        int (*unban)(void *userdata, const Addr *addr, const char *jail, const char *by, BanVisitor visit, void *visit_data, uint64_t *ret_sequence, Problem *problem);
        /* Committed events with an id greater than `since`, in order, at most `max`. */
        int (*events)(void *userdata, uint64_t since, size_t max, int (*visit)(void *visit_data, const EventRecord *record), void *visit_data);
        bool (*has_jail)(void *userdata, const char *jail);
        /* Bans inside the entry are lifted and visited. */
        int (*allow_add)(void *userdata, const AllowRequest *request, BanVisitor visit, void *visit_data, uint64_t *ret_sequence, Problem *problem);
        /* Only what `allow add` has allowed can go; else BAN_E_NO_ENTRY, and the Problem names the place to edit. */
        int (*allow_remove)(void *userdata, const Addr *addr, const char *by, uint64_t *ret_sequence, Problem *problem);
        int (*allow_list)(void *userdata, AllowViewVisitor visit, void *visit_data);
        /* Counts an attempt by hand; *ret_count: failures in the window now, 0 if it filled and banned. */
        int (*attempt)(void *userdata, const char *jail, const Addr *addr, const char *text, unsigned *ret_count, bool *ret_banned,
                       uint64_t *ret_sequence, Problem *problem);
        /* *ret_changed: false if it was so already. */
        int (*pause)(void *userdata, const char *jail, bool pause, const char *by, bool *ret_changed, uint64_t *ret_sequence, Problem *problem);
        /* `check`: validate and show only. A refused configuration: -EINVAL, the Problem has file:line:column; the old one runs on. */
        int (*reload)(void *userdata, bool check, void (*visit)(void *visit_data, const ReloadView *view), void *visit_data,
                      uint64_t *ret_sequence, Problem *problem);
        /* Counts on another thread; `done` runs later, once, with NULL if it could not. */
        int (*stats)(void *userdata, void (*done)(void *done_data, const StoreSummary *summary), void *done_data);
        /* Waits for work in a lane; `problem`: why there can be none, "" if nothing. Who waits already is answered without work. */
        void (*claim)(void *userdata, OutboxLane lane, const char *problem, ClaimAnswer answer, void *answer_data);
        void (*claim_cancel)(void *userdata, OutboxLane lane, const void *answer_data);
        /* The i-th report of a claim; false if it must not be told any more, without memory, or if another one has been made since. */
        bool (*claim_item)(void *userdata, OutboxLane lane, uint64_t claim, size_t i, ReportView *ret_item);
        /* A question to the outbox; lanes look again after what may have changed. 0 or -errno, then `done` does not run. */
        int (*outbox)(void *userdata, const OutboxRequest *request, OutboxAnswerer done, void *done_data, OutboxWaiter **ret_waiter);
        void (*report_service)(void *userdata, OutboxLane lane, ReportServiceView *ret_view);
        /* What would be sent of an address that a jail has banned, or counted, or would ban by hand. */
        int (*preview)(void *userdata, const char *jail, const Addr *addr, void (*visit)(void *visit_data, const ReportView *view), void *visit_data,
                       Problem *problem);
        void *userdata;
} ControlOps;

int control_new(sd_event *event, const char *socket_path, ControlOps ops, Control **ret_control, Problem *problem);
Control *control_free(Control *control);
DEFINE_CLEANUP(Control *, control_free)

void control_committed(Control *control, uint64_t sequence, const EventRecord *events, size_t n_events);
char *control_event_members(const BanEvent *event);
