/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The configuration is read here, and not asked of bailiffd, so that a daemon
 * which somebody has taken over cannot say where a key is sent. It is read again
 * when one of its files has changed. A file with a mistake in it stops no report:
 * the last configuration that loaded stays in force, as in bailiffd itself, and
 * the log tells what is wrong. Only where none ever loaded both services are
 * told to have a problem, for nobody knows which of them is wanted.
 *
 * Who has edited the configuration or put a key beside it wants to see at once
 * whether it is right, so its directories are watched. What the watch does not
 * see (a key elsewhere, a directory that came later) is looked at twice a
 * minute. Where no service is configured, nothing else is done; libcurl is not
 * even initialised.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>

#include "config.h"
#include "courier/courier.h"
#include "courier/lane.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#define REFRESH_USEC (30 * (uint64_t) USEC_PER_SEC)
#define SOON_USEC (uint64_t) (USEC_PER_SEC / 2) /* after a change, and between two of them */
#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)
#define GRACE_USEC (3 * (uint64_t) USEC_PER_SEC) /* for a request under way when the courier is stopped */
#define UNSURE_SEC 2
#define END_USEC (3 * (uint64_t) USEC_PER_SEC)   /* for its settlement after that */

static const Service *const SERVICES[] = { &SERVICE_ABUSEIPDB, &SERVICE_VIRUSTOTAL };
#define N_SERVICES (sizeof SERVICES / sizeof *SERVICES)

/* What files looked like: the same for as long as none was changed. */
typedef struct Stamp {
        uint64_t hash;
        EventTime newest;       /* change of any */
} Stamp;

struct Courier {
        sd_event *event;
        sd_event_source *timer;
        sd_event_source *watches[2]; /* where the configuration is, and jails.d; NULL: cannot be watched */
        bool soon;              /* the timer was set for a change */
        char *path, *directory; /* the configuration, and jails.d beside it */
        Http *http;             /* NULL: nothing was sent yet */
        Lane *lanes[N_SERVICES];
        Config *config;         /* NULL: none has loaded */
        Stamp stamp;            /* of the files, when they were last read */
        EventTime read;         /* then */
        uint64_t tried;         /* the same, CLOCK_BOOTTIME microseconds; 0: never */
        Problem problem;        /* of the last attempt to load; "" */
        enum { COURIER_RUNNING, COURIER_STOPPING, COURIER_ENDING } state;
};

/* ---- the configuration ---- */

static void stamp_add(Stamp *stamp, const char *path)
{
        struct stat st = { 0 };

        if (stat(path, &st) < 0)
                st.st_size = -errno;
        const int64_t what[] = { (int64_t) st.st_dev,    (int64_t) st.st_ino, st.st_size,          st.st_mtim.tv_sec,
                                 st.st_mtim.tv_nsec, st.st_ctim.tv_sec,   st.st_ctim.tv_nsec };
        const EventTime changed = { st.st_ctim.tv_sec * USEC_PER_SEC + st.st_ctim.tv_nsec / 1000 };

        stamp->hash = stamp->hash * 31 + text_hash(what, sizeof what);
        stamp->newest = event_time_max(stamp->newest, changed);
}

static Stamp stamp_of(const Courier *courier)
{
        Stamp stamp = { 0 };

        stamp_add(&stamp, courier->path);
        stamp_add(&stamp, courier->directory);
        for (size_t i = 0; courier->config && i < courier->config->n_files; i++)
                stamp_add(&stamp, courier->config->files[i]);
        return stamp;
}

/*
 * What failed is tried again now and then in any case: not all that it would have read is known. So is what was changed in the
 * moment in which it was read.
 */
static bool is_current(const Courier *courier)
{
        uint64_t ago = clock_boot_now().usec - courier->tried;

        if (courier->tried == 0 || stamp_of(courier).hash != courier->stamp.hash)
                return false;
        if (*courier->problem.text)
                return ago < REFRESH_USEC;
        return event_time_before(event_time_add(courier->stamp.newest, UNSURE_SEC), courier->read) ||
               ago < UNSURE_SEC * (uint64_t) USEC_PER_SEC;
}

static void refresh(Courier *courier)
{
        Config *config = NULL;
        Problem problem = { "out of memory" };

        if (is_current(courier))
                return;
        courier->tried = clock_boot_now().usec;
        courier->read = clock_event_now();
        if (config_load(courier->path, &config, &problem) < 0) {
                if (strcmp(problem.text, courier->problem.text) != 0)
                        log_warning("%s%s", problem.text, courier->config ? "; the configuration before this goes on" : "");
                courier->problem = problem;
        } else {
                config_free(courier->config);
                courier->config = config;
                courier->problem = (Problem){ "" };
        }
        courier->stamp = stamp_of(courier);
}

static const ReportServiceConfig *look(void *userdata, const Service *service, const char **ret_problem)
{
        Courier *courier = userdata;
        const ReportServiceConfig *config;

        refresh(courier);
        *ret_problem = courier->config ? "" : courier->problem.text;
        if (!courier->config)
                return NULL;
        config = service == &SERVICE_ABUSEIPDB ? &courier->config->abuseipdb : &courier->config->virustotal;
        return config->configured ? config : NULL;
}

/* ---- what lanes need besides ---- */

static int send_request(void *userdata, const Service *service, const Request *request, const Key *key, const HttpOptions *options,
                        HttpDone done, void *done_userdata, Transfer **ret_transfer)
{
        Courier *courier = userdata;
        int r = courier->http ? 0 : http_new(courier->event, &courier->http);

        return r < 0 ? r : http_send(courier->http, request, service->key_header, key, options, done, done_userdata, ret_transfer);
}

static void cancel(void *userdata, Transfer *transfer)
{
        http_cancel(transfer);
}

static void say(void *userdata, const Service *service, int level, const char *text)
{
        log_write(level, "%s: %s", service->name, text);
}

static void end_if_idle(Courier *courier)
{
        for (size_t i = 0; i < N_SERVICES; i++)
                if (!lane_is_off(courier->lanes[i]))
                        return;
        sd_event_exit(courier->event, 0);
}

static void stopped(void *userdata)
{
        end_if_idle(userdata);
}

/* ---- turns ---- */

static int arm(Courier *courier, uint64_t usec)
{
        int r = sd_event_source_set_time_relative(courier->timer, usec);

        return r < 0 ? r : sd_event_source_set_enabled(courier->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Courier *courier = userdata;

        courier->soon = false;
        switch (courier->state) {
        case COURIER_RUNNING:
                for (size_t i = 0; i < N_SERVICES; i++)
                        lane_start(courier->lanes[i]);
                return arm(courier, REFRESH_USEC);
        case COURIER_STOPPING:
                courier->state = COURIER_ENDING;
                for (size_t i = 0; i < N_SERVICES; i++)
                        lane_stop(courier->lanes[i], true);
                return arm(courier, END_USEC);
        default:
                log_warning("bailiffd is not there to be told what was sent last; it takes it for unknown");
                return sd_event_exit(courier->event, 0);
        }
}

/* Many files may change at once, and one that is written again and again must not keep us busy. */
static int on_change(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Courier *courier = userdata;

        if (courier->state != COURIER_RUNNING || courier->soon)
                return 0;
        courier->soon = true;
        return arm(courier, SOON_USEC);
}

/* Where it cannot be done, the timer is enough. */
static void watch(Courier *courier)
{
        _cleanup_free_ char *above = strdup(courier->path);
        char *slash = above ? strrchr(above, '/') : NULL;

        if (!above)
                return;
        if (slash)
                slash[slash == above] = '\0';
        const char *const paths[] = { slash ? above : ".", courier->directory };
        for (size_t i = 0; i < 2; i++) {
                if (sd_event_add_inotify(courier->event, &courier->watches[i], paths[i], CHANGES | IN_ONLYDIR, on_change, courier) < 0)
                        continue;
                sd_event_source_set_description(courier->watches[i], "courier-watch");
        }
}

/**
 * courier_stop() - end the loop, when what is under way is settled or seconds later
 */
void courier_stop(Courier *courier)
{
        if (courier->state != COURIER_RUNNING)
                return;
        courier->state = COURIER_STOPPING;
        for (size_t i = 0; i < N_SERVICES; i++)
                lane_stop(courier->lanes[i], false);
        end_if_idle(courier);
        if (arm(courier, GRACE_USEC) < 0)
                sd_event_exit(courier->event, 0);
}

/* ---- life ---- */

static int set_paths(Courier *courier, const char *path)
{
        const char *slash = strrchr(path, '/');

        courier->path = strdup(path);
        if (asprintf(&courier->directory, "%.*sjails.d", slash ? (int) (slash + 1 - path) : 0, path) < 0) {
                courier->directory = NULL;
                return -ENOMEM;
        }
        return courier->path ? 0 : -ENOMEM;
}

/**
 * courier_new() - begin to serve what is configured
 *
 * Return: 0 or -errno. A configuration that does not load is no error.
 */
int courier_new(sd_event *event, const CourierOptions *options, Courier **ret_courier)
{
        _cleanup_(courier_freep) Courier *courier = calloc(1, sizeof *courier);
        int r = courier ? set_paths(courier, options->config) : -ENOMEM;

        if (r < 0)
                return r;
        courier->event = sd_event_ref(event);
        const LaneOps ops = { look, send_request, cancel, say, stopped, courier };
        for (size_t i = 0; i < N_SERVICES; i++) {
                r = lane_new(event, SERVICES[i], options->socket, options->credentials, &LANE_TIMES, ops, &courier->lanes[i]);
                if (r < 0)
                        return r;
        }
        r = sd_event_add_time_relative(event, &courier->timer, CLOCK_BOOTTIME, 0, USEC_PER_SEC / 10, on_timer, courier);
        if (r < 0)
                return r;
        sd_event_source_set_description(courier->timer, "courier-timer");
        r = sd_event_source_set_exit_on_failure(courier->timer, true);
        if (r < 0)
                return r;
        watch(courier);
        *ret_courier = steal(courier);
        return 0;
}

Courier *courier_free(Courier *courier)
{
        if (!courier)
                return NULL;
        http_free(courier->http); /* first: nobody is called any more */
        for (size_t i = 0; i < N_SERVICES; i++)
                lane_free(courier->lanes[i]);
        config_free(courier->config);
        sd_event_source_disable_unref(courier->timer);
        for (size_t i = 0; i < 2; i++)
                sd_event_source_disable_unref(courier->watches[i]);
        sd_event_unref(courier->event);
        free(courier->path);
        free(courier->directory);
        free(courier);
        return NULL;
}
