/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "courier/link.h"
#include "util/buffer.h"

#define READ_SIZE (16 * 1024)

struct Link {
        LinkHandler handler;
        sd_event_source *io;
        int fd;
        Buffer input, output;
        size_t searched; /* bytes of the input that hold no NUL */
        json_t *pages;   /* the parameters of the replies so far, with the items of all; NULL: none */
        bool waiting;    /* for an answer */
};

/* ---- reading ---- */

/* *ret_continues: there are more replies to this call. */
static int parse(const char *text, char **ret_error, json_t **ret_parameters, bool *ret_continues)
{
        json_auto_t *reply = json_loads(text, 0, NULL);
        const json_t *error = json_object_get(reply, "error");
        json_t *parameters = json_object_get(reply, "parameters");

        if (!json_is_object(reply) || (parameters && !json_is_object(parameters)) || (error && !json_is_string(error)))
                return -EPROTO;
        *ret_continues = json_is_true(json_object_get(reply, "continues"));
        *ret_error = error ? strdup(json_string_value(error)) : NULL;
        *ret_parameters = parameters ? json_incref(parameters) : json_object();
        return (error && !*ret_error) || !*ret_parameters ? -ENOMEM : 0;
}

/* Return: 1 if an answer is whole, 0 if there is more to come, or -errno. */
static int receive(Link *link)
{
        for (;;) {
                size_t have = buffer_size(&link->input);
                ssize_t n;

                if (have > link->searched &&
                    memchr(link->input.data + link->input.start + link->searched, '\0', have - link->searched))
                        return link->waiting ? 1 : -EPROTO;
                link->searched = have;
                if (have > LINK_INPUT_MAX)
                        return -EMSGSIZE;
                if (buffer_reserve(&link->input, READ_SIZE) < 0)
                        return -ENOMEM;
                n = recv(link->fd, link->input.data + link->input.end, READ_SIZE, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? errno == EAGAIN ? 0 : -errno : -ECONNRESET;
                link->input.end += (size_t) n;
        }
}

/* A claim of thousands comes in pages: their items are put together, the rest is the same in all. */
static int gather(Link *link, json_t **parameters)
{
        json_t *items = json_object_get(link->pages, "items"), *more = json_object_get(*parameters, "items");

        if (!link->pages) {
                link->pages = steal(*parameters);
                return 0;
        }
        if (!json_is_array(items) || !json_is_array(more) || json_array_size(items) + json_array_size(more) > LINK_ITEMS_MAX)
                return -EPROTO;
        return json_array_extend(items, more) < 0 ? -ENOMEM : 0;
}

static void give_up(Link *link, int error)
{
        sd_event_source_set_enabled(link->io, SD_EVENT_OFF);
        link->handler.broken(link->handler.userdata, error);
}

/* Takes one reply. Return: 1 if it was not the last one of its call; 0, and the handler has been called, which may free the link. */
static int deliver(Link *link)
{
        const char *text = link->input.data + link->input.start;
        _cleanup_free_ char *error = NULL;
        json_auto_t *parameters = NULL;
        bool continues = false;
        int r = parse(text, &error, &parameters, &continues);

        buffer_consume(&link->input, strlen(text) + 1);
        link->searched = 0;
        if (r == 0 && !error)
                r = gather(link, &parameters);
        if (r == 0 && continues && !error)
                return 1;
        if (r == 0 && buffer_size(&link->input) > 0)
                r = -EPROTO; /* it answers what nobody asked */
        if (r < 0) {
                give_up(link, r);
                return 0;
        }
        link->waiting = false;
        json_auto_t *whole = steal(link->pages);
        link->handler.answer(link->handler.userdata, error, error ? parameters : whole);
        return 0;
}

/* ---- writing ---- */

static int send_some(Link *link)
{
        while (buffer_size(&link->output) > 0) {
                ssize_t n = send(link->fd, link->output.data + link->output.start, buffer_size(&link->output), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                buffer_consume(&link->output, (size_t) n);
        }
        return 0;
}

static int update(Link *link)
{
        return sd_event_source_set_io_events(link->io, EPOLLIN | (buffer_size(&link->output) > 0 ? (uint32_t) EPOLLOUT : 0));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Link *link = userdata;
        int r = send_some(link);

        if (r == 0)
                r = update(link);
        while (r >= 0 && (r = receive(link)) > 0)
                if (deliver(link) == 0)
                        return 0;
        if (r < 0)
                give_up(link, r);
        return 0;
}

/* ---- life ---- */

/**
 * link_new() - connect
 *
 * Return: 0 or -errno: -ENOENT and -ECONNREFUSED if nobody is there, -EAGAIN if too many are waiting there.
 */
int link_new(sd_event *event, const char *path, LinkHandler handler, Link **ret_link)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(link_freep) Link *link = NULL;
        int r;

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        link = calloc(1, sizeof *link);
        if (!link)
                return -ENOMEM;
        link->handler = handler;
        link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (link->fd < 0 || connect(link->fd, (const struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        r = sd_event_add_io(event, &link->io, link->fd, EPOLLIN, on_io, link);
        if (r < 0)
                return r;
        sd_event_source_set_description(link->io, "courier-link");
        *ret_link = steal(link);
        return 0;
}

/**
 * link_free() - disconnect
 */
Link *link_free(Link *link)
{
        if (!link)
                return NULL;
        sd_event_source_disable_unref(link->io);
        if (link->fd >= 0)
                close(link->fd);
        buffer_clear(&link->input);
        buffer_clear(&link->output);
        json_decref(link->pages);
        free(link);
        return NULL;
}

/**
 * link_call() - ask; the handler gets the answer, once it is whole
 * @method:     of io.bailiff.Manager
 * @parameters: taken over
 *
 * Return: 0 or -errno, after which the link is of no more use.
 */
int link_call(Link *link, const char *method, json_t *parameters)
{
        json_auto_t *request = parameters ? json_pack("{s:s+, s:b, s:o}", "method", "io.bailiff.Manager.", method, "more", strcmp(method, "Claim") == 0, "parameters",
                                                        parameters)
                                            : NULL;
        _cleanup_free_ char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
        int r;

        assert(!link->waiting);
        if (!text || buffer_append(&link->output, text, strlen(text) + 1) < 0)
                return -ENOMEM;
        link->waiting = true;
        r = send_some(link);
        return r < 0 ? r : update(link);
}
