/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of this folder share. */

#include <systemd/sd-event.h>

#include "ban.h"
#include "config.h"
#include "control.h"
#include "daemon/daemon.h"
#include "filter.h"
#include "firewall.h"
#include "source.h"
#include "store.h"
#include "tracker.h"
#include "util/inflight.h"

#define HEALTH_MAX 64

/**
 * What is wrong at present: one text per topic, shown by `status`, first.
 */
typedef struct Health {
        struct {
                char *topic, *text;
        } problems[HEALTH_MAX];
        size_t n_problems;
} Health;

bool health_set(Health *health, const char *topic, const char *text);
void health_clear(Health *health);

/**
 * A jail as it runs.
 */
typedef struct Jail {
        const JailConfig *config;
        Filter *filter;                 /* NULL: it could not be loaded */
        char **matches;                 /* what it reads of the journal, for status; as many as the filter has idents */
        bool filter_kept;               /* the kept copy runs, since the present file did not load */
        uint64_t total_failed;
        uint64_t allowed;               /* hits of allowed addresses, not counted */
        uint64_t observed;              /* offences that were not banned for `observe` */
} Jail;

struct Daemon {
        DaemonOptions options;
        const char *allow_directory;    /* of allow-at-start: the service's state directory, also in a dry run */
        char *scratch;                  /* --dry-run's own directory */
        Config *config;
        bool config_kept;
        EventTime started;
        Health health;
        uint64_t set_aside;
        char start_position[SOURCE_POSITION_MAX];
        EventTime start_position_time;

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
        Inflight *inflight;

        Element *elements;              /* to be changed in the kernel at the end of this turn */
        size_t n_elements, elements_size;
        bool kernel_behind;             /* it did not take them: they are offered again once a second */
        bool elements_lost;             /* they were too many to wait: all is compared when it takes them again */
        BanVisitor lifted;              /* is shown the bans that the present `unban` lifts */
        void *lifted_data;
        bool dirty;                     /* something waits for the next commit */
        bool deadlines_moved;
        bool paused;
        bool ready;
        bool caught_up;                 /* the journal has been read up to the present */
        bool clock_stepped;             /* bans end because the clock was set: the kernel's timeouts do not know */
};

/* decide.c: from a line to a decision and its effects */
void decide_line(void *userdata, const Line *line);
void decide_offence(void *userdata, const Offence *offence);
void decide_event(void *userdata, const BanEvent *event);
void daemon_queue_elements(Daemon *daemon, const Element *changes, size_t n_changes);
int daemon_flush_elements(Daemon *daemon);
uint64_t daemon_commit(Daemon *daemon);
void daemon_note(Daemon *daemon, const char *kind, const char *text);
void daemon_notify(const Daemon *daemon, const char *first);
void daemon_degrade(Daemon *daemon, const char *topic, const char *text);
Jail *daemon_jail(Daemon *daemon, const char *name);

/* answer.c: what the control socket asks */
ControlOps answer_ops(Daemon *daemon);

/* kept.c: the last configuration that loaded */
int kept_load(Daemon *daemon, Config **ret_config, Problem *problem);
int kept_save(Daemon *daemon, Problem *problem);
int kept_filter(const Daemon *daemon, const JailConfig *config, Filter **ret_filter);
