/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What manager.c and monitor.c share, and what tests may set. */

#include "control.h"
#include "control/varlink.h"

#define CONTROL_COMMIT_USEC (5 * USEC_PER_SEC)  /* longest wait for the store before "not yet remembered" */
#define LIST_MAX 1000                           /* bans of one reply without `more`, and of one page with it */
#define LIST_STEP 100                           /* bans of one loop turn: each asks the kernel once */
#define LISTINGS_MAX 4                          /* at a time: each holds a key of every ban */
#define UNBAN_LIST_MAX 10000                    /* bans that one answer of Unban names */
#define MONITOR_PAGE 64                         /* events of the log that one loop turn reads */

typedef struct ControlOptions {
        Rights rights;
        uint64_t commit_usec;
        const VarlinkLimits *limits;    /* NULL: VARLINK_LIMITS */
} ControlOptions;

typedef struct Waiting Waiting;
typedef struct Monitor Monitor;

struct Control {
        sd_event *event;
        ControlOps ops;
        RightsGroups groups;
        uint64_t commit_usec;
        uint64_t committed;             /* the store's sequence that is on disk */
        Varlink *varlink;
        sd_event_source *timer;
        Waiting *waiting;               /* for the commit, oldest first */
        Monitor *monitors;
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
} ParameterKind;

typedef struct Parameter {
        const char *name;
        ParameterKind kind;
        void *value;
        bool *given;            /* NULL: it must be given */
} Parameter;

bool parameters_read(Control *control, VarlinkCall *call, const Parameter *parameters, size_t n);
void reply_invalid(VarlinkCall *call, const char *parameter, const char *format, ...) __attribute__((format(printf, 3, 4)));
void reply_problem(VarlinkCall *call, int r, const Problem *problem);
bool sees_lines(const VarlinkCall *call);

/* listing.c */
void method_list_bans(Control *control, VarlinkCall *call);

/* monitor.c */
void method_monitor(Control *control, VarlinkCall *call);
void monitors_tell(Control *control, const EventRecord *events, size_t n_events);
