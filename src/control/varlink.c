/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The protocol: JSON objects, each ended by NUL, on a unix stream socket.
 *
 * Clients are strangers and the loop has bans to place, so everything here is
 * counted out in small portions. A readable socket is read once; then one work
 * source, shared by all clients, does one thing per loop turn for one client
 * (begins one call, or one step of a stream) and puts him at the end of the
 * queue. All sources have the loop's normal priority: the loop serves them in
 * turn, so a flood of requests delays a ban by one portion, and a flood of log
 * lines does not lock the administrator out.
 *
 * Back-pressure: a client with a whole request waiting is not read from, and
 * one that does not read his answers gets no new work. Only events cannot wait;
 * who leaves too many of them unread is dropped.
 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/client.h"
#include "control/listen.h"
#include "util/clock.h"
#include "util/table.h"

#define ACCEPTS_PER_TURN 8
#define ACCEPT_RETRY_USEC (200 * USEC_PER_MSEC)

const VarlinkLimits VARLINK_LIMITS = {
        .clients = 64,
        .clients_reserved = 16,
        .clients_per_uid = 16,
        .request = { [ACCESS_NONE] = 4096, [ACCESS_COURIER] = 4 * 1024 * 1024 /* 9,999 rows of a file, each refused with 120 bytes */, [ACCESS_LOOK] = 64 * 1024, [ACCESS_CHANGE] = 1024 * 1024 },
        .output = 4 * 1024 * 1024,
};

/* One portion for the first client that is ready for something. */
static int on_work(sd_event_source *source, void *userdata)
{
        Varlink *varlink = userdata;
        Client *client;

        DL_FOREACH (varlink->clients, client)
                if (client_has_work(client))
                        break;
        if (!client) {
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        DL_DELETE(varlink->clients, client);
        DL_APPEND(varlink->clients, client);
        client_work(client);
        return 0;
}

/*
 * Strangers share what is not reserved; of them, the one that has been silent
 * longest gives way, in the middle of whatever he does: he may ask nothing that
 * takes time, so one who is busy for long does not read, or means to stay.
 */
static bool make_room(Varlink *varlink, const Caller *caller)
{
        size_t same_uid = 0, strangers = 0;
        Client *client, *silent = NULL;

        DL_FOREACH (varlink->clients, client) {
                same_uid += client->caller.uid == caller->uid;
                strangers += client->caller.access != ACCESS_CHANGE;
                if (client->caller.access == ACCESS_NONE && (!silent || client->active < silent->active))
                        silent = client;
        }
        if (caller->uid != 0 && same_uid >= varlink->limits.clients_per_uid)
                return false;
        if (varlink->stats.clients < varlink->limits.clients &&
            (caller->access == ACCESS_CHANGE || strangers < varlink->limits.clients - varlink->limits.clients_reserved))
                return true;
        if (!silent)
                return false;
        client_free(silent);
        return true;
}

/**
 * varlink_add_client() - serve a connected socket
 * @fd:         non-blocking; taken over, also on failure
 *
 * Return: 0; -EUSERS if there are too many already; -errno.
 */
int varlink_add_client(Varlink *varlink, int fd)
{
        Caller caller;
        int r;

        r = varlink->handler.rights.identify(varlink->handler.rights.userdata, fd, &caller);
        if (r == 0 && !make_room(varlink, &caller))
                r = -EUSERS;
        if (r < 0) {
                close(fd);
                varlink->stats.refused++;
                return r;
        }
        r = client_new(varlink, fd, &caller);
        if (r < 0)
                return r;
        varlink->stats.accepted++;
        return 0;
}

/* ---- the listening socket ---- */

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Varlink *varlink = userdata;

        sd_event_source_set_enabled(varlink->accept, SD_EVENT_ON);
        return 0;
}

/* Without descriptors or memory the socket stays readable and the loop would spin; so it rests a little. */
static void rest(Varlink *varlink)
{
        if (sd_event_source_set_time_relative(varlink->retry, ACCEPT_RETRY_USEC) < 0 ||
            sd_event_source_set_enabled(varlink->retry, SD_EVENT_ONESHOT) < 0)
                return;
        sd_event_source_set_enabled(varlink->accept, SD_EVENT_OFF);
}

static int on_accept(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
        Varlink *varlink = userdata;

        for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd >= 0) {
                        varlink_add_client(varlink, fd);
                        continue;
                }
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        rest(varlink);
                break;
        }
        return 0;
}

static int add_sources(Varlink *varlink)
{
        int r;

        r = sd_event_add_defer(varlink->event, &varlink->work, on_work, varlink);
        if (r < 0)
                return r;
        sd_event_source_set_description(varlink->work, "control: work");
        sd_event_source_set_enabled(varlink->work, SD_EVENT_OFF);
        r = sd_event_add_time_relative(varlink->event, &varlink->retry, CLOCK_BOOTTIME, ACCEPT_RETRY_USEC, 0, on_retry, varlink);
        if (r < 0)
                return r;
        sd_event_source_set_description(varlink->retry, "control: accept again");
        sd_event_source_set_enabled(varlink->retry, SD_EVENT_OFF);
        r = sd_event_add_io(varlink->event, &varlink->accept, varlink->fd, EPOLLIN, on_accept, varlink);
        if (r < 0)
                return r;
        return sd_event_source_set_description(varlink->accept, "control: accept");
}

/**
 * varlink_new() - a server on a socket file
 * @path:       in an existing directory; a stale socket is replaced
 * @handler:    gets every well-formed call, and says who calls
 * @limits:     NULL: VARLINK_LIMITS
 *
 * Return: 0 or -errno with a Problem.
 */
int varlink_new(sd_event *event, const char *path, VarlinkHandler handler, const VarlinkLimits *limits, Varlink **ret_varlink,
                Problem *problem)
{
        _cleanup_(varlink_freep) Varlink *varlink = calloc(1, sizeof *varlink);
        int r;

        if (!varlink)
                return problem_set(problem, -ENOMEM, "%s: out of memory", path);
        varlink->fd = -1;
        varlink->event = sd_event_ref(event);
        varlink->handler = handler;
        varlink->limits = limits ? *limits : VARLINK_LIMITS;
        r = listen_unix(path, &varlink->fd, &varlink->file, problem);
        if (r < 0)
                return r;
        varlink->path = strdup(path);
        r = varlink->path ? add_sources(varlink) : -ENOMEM;
        if (r < 0)
                return problem_set(problem, r, "%s: cannot add the control socket to the event loop: %s", path, strerror(-r));
        *ret_varlink = steal(varlink);
        return 0;
}

/**
 * varlink_free() - drop all clients and remove the socket file
 */
Varlink *varlink_free(Varlink *varlink)
{
        if (!varlink)
                return NULL;
        while (varlink->clients)
                client_free(varlink->clients);
        sd_event_source_disable_unref(varlink->accept);
        sd_event_source_disable_unref(varlink->retry);
        sd_event_source_disable_unref(varlink->work);
        if (varlink->fd >= 0)
                close(varlink->fd);
        if (varlink->path)
                listen_remove(varlink->path, &varlink->file);
        sd_event_unref(varlink->event);
        free(varlink->path);
        free(varlink);
        return NULL;
}

const VarlinkStats *varlink_stats(const Varlink *varlink)
{
        return &varlink->stats;
}
