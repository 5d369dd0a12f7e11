/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files with methods share, and what tests may set. */

#include "control.h"
#include "control/varlink.h"

#define CONTROL_COMMIT_USEC (5 * USEC_PER_SEC)  /* longest wait for the store before "not yet remembered" */
#define LIST_MAX 1000                           /* bans of one reply without `more`, and of one page with it */
#define LIST_STEP 100                           /* bans of one loop turn: each asks the kernel once */
#define LISTINGS_MAX 4                          /* at a time, of bans, allow entries and reports: each holds a key of every one, or the store up */
#define LIFTED_LIST_MAX 10000                   /* bans that one answer of Unban or AllowAdd names */
#define BAN_LIST_MAX 1000                       /* addresses of one BanList: what one loop turn may ban */
#define EXEMPT_MAX 16                           /* allowed addresses that a prefix ban's record names */
#define CLAIM_PAGE 200                          /* reports of a bulk file that one loop turn renders and sends */
#define MONITOR_PAGE 64                         /* events of the log that one loop turn reads */

typedef struct ControlOptions {
        Rights rights;
        uint64_t commit_usec;
        const VarlinkLimits *limits;    /* NULL: VARLINK_LIMITS */
        const char *users;              /* where callers' names stand; NULL: /etc/passwd */
} ControlOptions;

typedef struct Waiting Waiting;
typedef struct Monitor Monitor;
typedef struct Counting Counting;

struct Control {
        sd_event *event;
        ControlOps ops;
        RightsGroups groups;
        const char *users;
        uint64_t commit_usec;
        uint64_t committed;             /* the store's sequence that is on disk */
        Varlink *varlink;
        sd_event_source *timer;
        Waiting *waiting;               /* for the commit, oldest first */
        Monitor *monitors;
        Counting *counting;             /* what Stats waits for; NULL: nothing */
        size_t n_listings;
};

typedef struct ControlMethod {
        const char *name;               /* with its interface */
        Access access;                  /* the least that a caller needs */
        void (*call)(Control *control, VarlinkCall *call);
} ControlMethod;

extern const ControlMethod CONTROL_METHODS[];
extern const size_t CONTROL_N_METHODS;
extern const char CONTROL_DESCRIPTION[];
extern const char VARLINK_SERVICE_DESCRIPTION[];

int control_new_with(sd_event *event, const char *socket_path, ControlOps ops, const ControlOptions *options,
                     Control **ret_control, Problem *problem);
int control_add_client(Control *control, int fd);
const VarlinkStats *control_stats(const Control *control);

/* parameters.c: the first wrong parameter answers the call; then these return false */
typedef enum ParameterKind {
        PARAMETER_TEXT,         /* const char * */
        PARAMETER_BOOL,         /* bool */
        PARAMETER_INTEGER,      /* int64_t, at least 0 */
        PARAMETER_SECONDS,      /* int64_t, 1 s to ten years, or -1 */
        PARAMETER_ADDR,         /* Addr, maybe a prefix */
        PARAMETER_SINGLE,       /* Addr, one address */
        PARAMETER_JAIL,         /* const char *, one that exists */
        PARAMETER_LIST,         /* const json_t *, a list */
} ParameterKind;

typedef struct Parameter {
        const char *name;
        ParameterKind kind;
        void *value;
        bool *given;            /* NULL: it must be given */
} Parameter;

bool parameters_read(Control *control, VarlinkCall *call, const Parameter *parameters, size_t n);
void reply_invalid(VarlinkCall *call, const char *parameter, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool addr_read(const char *text, bool single, Addr *ret_addr, char message[static PROBLEM_TEXT_MAX]);

/* reply.c */
const char *error_name(int r);
void reply_problem(VarlinkCall *call, int r, const Problem *problem);
void reply_or_fail(VarlinkCall *call, int r, json_t *answer);
bool sees_lines(const VarlinkCall *call);

/* commit.c */
void reply_committed(Control *control, VarlinkCall *call, json_t *answer, uint64_t sequence);
int commit_init(Control *control);

/* ban.c */
void method_ban(Control *control, VarlinkCall *call);
void method_ban_list(Control *control, VarlinkCall *call);
void method_unban(Control *control, VarlinkCall *call);
void method_attempt(Control *control, VarlinkCall *call);

typedef struct Lifted {
        size_t n;
        json_t *bans;
} Lifted;

int lifted_add(void *lifted, const Ban *ban);
json_t *lifted_answer(Lifted *lifted);

/* allow.c */
void method_allow_add(Control *control, VarlinkCall *call);
void method_allow_remove(Control *control, VarlinkCall *call);
void method_allow_list(Control *control, VarlinkCall *call);

/* jail.c */
void method_pause(Control *control, VarlinkCall *call);
void method_resume(Control *control, VarlinkCall *call);
void method_reload(Control *control, VarlinkCall *call);

/* look.c */
void method_status(Control *control, VarlinkCall *call);
void method_banned(Control *control, VarlinkCall *call);
void method_why(Control *control, VarlinkCall *call);

/* stats.c */
void method_stats(Control *control, VarlinkCall *call);
void stats_abandon(Control *control);

/* listing.c */
void method_list_bans(Control *control, VarlinkCall *call);
void reply_busy(VarlinkCall *call);

/* courier.c */
void method_claim(Control *control, VarlinkCall *call);
void method_settle(Control *control, VarlinkCall *call);

/* report.c */
void method_list_reports(Control *control, VarlinkCall *call);
void method_preview_report(Control *control, VarlinkCall *call);
void method_retry_reports(Control *control, VarlinkCall *call);
void method_drop_reports(Control *control, VarlinkCall *call);
void method_retract_reports(Control *control, VarlinkCall *call);

/* monitor.c */
void method_monitor(Control *control, VarlinkCall *call);
void monitors_tell(Control *control, const EventRecord *events, size_t n_events);
