/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of this folder share. */

#include <systemd/sd-event.h>

#include "allow.h"
#include "ban.h"
#include "config.h"
#include "control.h"
#include "copies.h"
#include "core.h"
#include "daemon/daemon.h"
#include "files.h"
#include "filter.h"
#include "firewall.h"
#include "source.h"
#include "store.h"
#include "report.h"
#include "tracker.h"
#include "util/inflight.h"
#include "util/table.h"

#define HEALTH_MAX 64
#define HEALTH_TALES 256
#define ASIDE_KEYS_MAX 64

/**
 * What is wrong at present: one text per topic, shown by `status`, first.
 */
typedef struct Health {
        struct {
                char *topic, *text;
        } problems[HEALTH_MAX];
        size_t n_problems;
        /* What has been said of late, by hash of the topic. */
        struct {
                BootTime since;
                unsigned n;
        } tales[HEALTH_TALES];
} Health;

/* Whether to write down that what is wrong about a topic has changed. */
typedef enum HealthWord {
        HEALTH_SAY,
        HEALTH_SAY_LAST,        /* and that nothing more is said of it for a while */
        HEALTH_SAY_NOTHING,
} HealthWord;

#define HEALTH_FILE "file " /* how the topic of a log file begins */
#define HEALTH_LOG "log " /* and that of a path or pattern as a jail names it */

bool health_set(Health *health, const char *topic, const char *text);
HealthWord health_word(Health *health, const char *topic, BootTime now);
void health_clear(Health *health);

/**
 * A jail as it runs.
 */
typedef struct Jail {
        const JailConfig *config;
        Filter *filter;                 /* NULL: it could not be loaded, or the jail counts bans */
        uint64_t fingerprint;           /* of the filter's files as they were loaded */
        char **matches;                 /* what it reads of the journal, for status; ended by NULL */
        bool filter_kept;               /* the kept copy runs, since the present file did not load */
        enum { SERVICE_UNKNOWN, SERVICE_SILENT, SERVICE_SEEN } service; /* whether it has ever written; see journal_knows() */
        enum { CARRIED_UNKNOWN, CARRIED_NO, CARRIED_YES } carried; /* whether the journal has it of late; see journal_carries() */
        bool read_files;                /* since the start; see files_reads_both() */
        bool disbelieved;               /* a log file has lines that only the journal could vouch for; see files_believes() */
        char *paused_by;                /* who paused it; NULL: nobody */
        EventTime paused_since;
        uint64_t total_failed;
        uint64_t allowed;               /* hits of allowed addresses, not counted */
        uint64_t observed;              /* offences that were not banned for `observe` or a pause */
        char notice[256];               /* room for what status has to say of it */
} Jail;

/**
 * Where reading of a file goes on; see file_source_positions().
 */
typedef struct FilePlace {
        char *name, *position;
        EventTime time;
        UT_hash_handle hh;
} FilePlace;

typedef struct AllowQueue AllowQueue;

/**
 * A service that reports go to, as the daemon sees it; see report.c.
 */
typedef struct ReportLane {
        Daemon *daemon;
        OutboxLane lane;
        sd_event_source *timer;
        ClaimAnswer answer;             /* of the courier that waits; NULL: none does */
        void *answer_data;
        BootTime deadline;              /* when it is answered without work */
        BootTime absent;                /* when the want of a courier is told */
        EventTime next;                 /* nothing is due before, unless `stale` */
        bool stale;                     /* the outbox may have changed */
        bool put;                       /* a report waits for the commit */
        bool asking;                    /* the store */
        char ails[PROBLEM_TEXT_MAX];    /* the problem that the courier has told; "": none */
        OutboxResult *given;            /* what the courier carries; NULL: nothing */
        char *comment;                  /* of a single report, as it was given */
        char categories[128];
} ReportLane;

struct Daemon {
        DaemonOptions options;
        const char *allow_directory;    /* of allow-at-start: the service's state directory, also in a dry run */
        char *scratch;                  /* --dry-run's own directory */
        Config *config;
        bool config_kept;
        EventTime started;
        Health health;
        uint64_t set_aside;
        uint64_t aside_keys[ASIDE_KEYS_MAX]; /* of the latest of them, in a ring */
        char start_position[SOURCE_POSITION_MAX];
        EventTime start_position_time;

        char **idents;                  /* that the journal is read for, ended by NULL */
        size_t n_idents;
        int firewall_running;           /* FIREWALL_* of the start */
        bool firewall_started;
        char **groups;                  /* of the allow list, that the watch has told of */
        size_t n_groups;
        Addr *on_link;                  /* prefixes in which addresses count singly */
        size_t n_on_link;

        sd_event *event;
        sd_event_source *settle_source, *deadline_source, *commit_source, *retry_source, *clock_source, *keep_source;
        int clock_fd;

        Jail *jails;
        size_t n_jails;
        Tracker *tracker;
        BanEngine *engine;
        Firewall *firewall;
        Store *store;
        Control *control;
        JournalSource *journal;
        FileSource *files;              /* NULL: no jail reads any */
        FileWatch *watches;             /* one for each jail */
        FilePlace *places;              /* by name */
        Copies *copies;
        AllowWatch *allow;
        AllowQueue *allow_queue;
        Inflight *inflight;

        Element *elements;              /* to be changed in the kernel at the end of this turn */
        size_t n_elements, elements_size;
        bool kernel_behind;             /* it did not take them: they are offered again once a second */
        bool elements_lost;             /* they were too many to wait: all is compared when it takes them again */
        BanVisitor lifted;              /* is shown the bans that the present `unban` lifts */
        void *lifted_data;
        BanHits ban_hits;               /* to be counted behind the present line */
        ReportLane lanes[_OUTBOX_LANE_MAX];
        enum { BY_HAND_NOT, BY_HAND_REPORT, BY_HAND_SILENT } by_hand; /* the present decision, and whether it is reported */
        bool banned;                    /* since `attempt` cleared it */
        bool dirty;                     /* something waits for the next commit */
        bool deadlines_moved;
        bool paused;
        bool ready;
        bool journal_read, files_read;  /* up to the present */
        bool files_changed;             /* another choice of files is to be read */
        bool clock_stepped;             /* bans end because the clock was set: the kernel's timeouts do not know */
};

/* decide.c: from a line to a decision and its effects */
void decide_note_aside(Daemon *daemon, const char *source, const char *position);
void decide_line(void *userdata, const Line *line);
void decide_past_line(void *userdata, const Line *line);
void decide_hit(Daemon *daemon, Jail *jail, const Hit *hit);
void decide_offence(void *userdata, const Offence *offence);
void decide_event(void *userdata, const BanEvent *event);
void decide_level(void *userdata, const LevelRecord *record);
void daemon_queue_elements(Daemon *daemon, const Element *changes, size_t n_changes);
int daemon_flush_elements(Daemon *daemon);
void daemon_verify_soon(Daemon *daemon);
uint64_t daemon_commit(Daemon *daemon);
void daemon_note(Daemon *daemon, const char *kind, const char *text);
void daemon_notify(const Daemon *daemon, const char *first);
void daemon_degrade(Daemon *daemon, const char *topic, const char *text);
void daemon_degrade_often(Daemon *daemon, const char *topic, const char *text);
const char *daemon_problem(const Daemon *daemon, const char *topic);
Jail *daemon_jail(Daemon *daemon, const char *name);

/* report.c: what is told to others, and the courier's work */
int report_start(Daemon *daemon);
void report_stop(Daemon *daemon);
void report_take(Daemon *daemon, const Ban *ban);
void report_committed(Daemon *daemon);
void report_reloaded(Daemon *daemon);
void report_look(Daemon *daemon);
void report_claim(void *userdata, OutboxLane lane, const char *problem, ClaimAnswer answer, void *answer_data);
void report_claim_cancel(void *userdata, OutboxLane lane, const void *answer_data);
bool report_claim_item(void *userdata, OutboxLane lane, uint64_t claim, size_t i, ReportView *ret_item);
int report_ask(void *userdata, const OutboxRequest *request, OutboxAnswerer done, void *done_data, OutboxWaiter **ret_waiter);
void report_service(void *userdata, OutboxLane lane, ReportServiceView *ret_view);

/* report-view.c: a report in words */
bool report_wanted(const Daemon *daemon, const Jail *jail, OutboxKind kind);
const char *report_refused(Daemon *daemon, const OutboxEntry *entry);
bool report_view(Daemon *daemon, const OutboxEntry *entry, ReportView *ret_view);
int report_preview(void *userdata, const char *jail, const Addr *addr, void (*visit)(void *visit_data, const ReportView *view), void *visit_data,
                   Problem *problem);

/* recidive.c: jails that count the bans of others */
void recidive_take(Daemon *daemon, const Ban *ban);
void recidive_count(Daemon *daemon);

/* jail.c: one jail, and what it is in the stages */
int jail_init(Jail *jail, const JailConfig *config);
void jail_deinit(Jail *jail);
const char *jail_filter_place(const JailConfig *config, int r);
int jail_set_filter(Jail *jail, Filter *filter);
void jail_take_filter(Jail *jail, Jail *from);
void jail_degrade(Daemon *daemon, const char *jail, const char *text);
void jail_pause(Jail *jail, const char *by, EventTime since);

/* check-reports.c: what `bailiffd --check` says of reports */
void check_jail_reports(const JailConfig *jail, const Filter *filter);
void check_report_services(const Config *config);

/* allow.c: who is never banned */
int allow_start(Daemon *daemon, Problem *problem);
int allow_singles(Daemon *daemon, const Config *config);
int allow_remembered(void *userdata, const AllowRecord *record);
void allow_remember_all(Daemon *daemon);

/* allow-kernel.c: the allow list's way into the kernel */
int allow_queue_new(Daemon *daemon, AllowQueue **ret_queue);
AllowQueue *allow_queue_free(AllowQueue *queue);
DEFINE_CLEANUP(AllowQueue *, allow_queue_free)
void allow_changed(void *userdata, const Addr *addr, EventTime until);
void allow_flush(Daemon *daemon, bool all);
int allow_send_now(Daemon *daemon, const Addr *addr);
int allow_send_touched(Daemon *daemon, const Element *elements, size_t n_elements);

/* What sources read again at a start, at most. */
#define PAST_LINES_MAX 200000
#define PAST_USEC_MAX (2 * USEC_PER_SEC)

/* journal.c: what is read of the journal */
int journal_open(Daemon *daemon, Problem *problem);
int journal_reopen(Daemon *daemon, Problem *problem);
bool journal_knows(const Daemon *daemon, Jail *jail);
bool journal_carries(const Daemon *daemon, Jail *jail);

/* files.c: what is read of log files */
unsigned files_jail_sources(const Daemon *daemon, Jail *jail);
bool files_reads_both(const Jail *jail);
bool files_believes(const Daemon *daemon, Jail *jail, const Line *line);
void files_journal_line(Daemon *daemon, Jail *jail, const Line *line);
void files_remembered(Daemon *daemon, const PositionRecord *record);
void files_commit(Daemon *daemon, bool all);
void files_stop(Daemon *daemon);
void files_open(Daemon *daemon);
const char *files_problem(const Daemon *daemon, const char *path);
void files_close(Daemon *daemon);

/* reload.c: another configuration while running */
int daemon_reload(Daemon *daemon, bool check, void (*visit)(void *visit_data, const ReloadView *view), void *visit_data,
                  uint64_t *ret_sequence, Problem *problem);

/* answer.c: what the control socket asks; answer-*.c has a part for each noun */
ControlOps answer_ops(Daemon *daemon);
int answer_behind(Daemon *daemon, Problem *problem);
Element answer_element(const Ban *ban, size_t i);
bool answer_enforces(const Daemon *daemon);
int answer_kernel(void *userdata, const Ban *ban, FirewallElement *ret_element);
int answer_status(void *userdata, void (*visit)(void *visit_data, const StatusView *view), void *visit_data);
int answer_why(void *userdata, const Addr *addr, void (*visit)(void *visit_data, const WhyView *view), void *visit_data);
int answer_allow_add(void *userdata, const AllowRequest *request, BanVisitor visit, void *visit_data, uint64_t *ret_sequence, Problem *problem);
int answer_allow_remove(void *userdata, const Addr *addr, const char *by, uint64_t *ret_sequence, Problem *problem);
int answer_allow_list(void *userdata, AllowViewVisitor visit, void *visit_data);
int answer_attempt(void *userdata, const char *name, const Addr *addr, const char *text, unsigned *ret_count, bool *ret_banned,
                   uint64_t *ret_sequence, Problem *problem);
int answer_pause(void *userdata, const char *name, bool pause, const char *by, bool *ret_changed, uint64_t *ret_sequence, Problem *problem);

/* kept.c: the last configuration that loaded */
int kept_load(Daemon *daemon, Config **ret_config, Problem *problem);
void kept_tell(Daemon *daemon, const Problem *problem);
int kept_save(Daemon *daemon, Problem *problem);
int kept_filter(Daemon *daemon, const JailConfig *config, Filter **ret_filter);
void kept_renew(Daemon *daemon);
