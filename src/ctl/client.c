/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A varlink client that blocks, but never for ever: each wait has an end, but monitor's. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/cleanup.h"

#define CROWD_TRIES 250 /* 20 ms apart */
#define ANSWER_MAX (64 * 1024 * 1024)

struct Client {
        int fd;
        char *input;
        size_t start, end, capacity;
};

static int connect_failed(const Ctl *ctl, int error)
{
        switch (error) {
        case ENOENT:
        case ECONNREFUSED:
                return fail("bailiffd is not running (nobody answers on %s).\nStart it: systemctl start bailiffd; if it does not "
                            "start: journalctl -u bailiffd",
                            ctl->socket);
        case EACCES:
        case EPERM: return fail("%s: permission denied. Use sudo or join the group bailiff-admin.", ctl->socket);
        case EAGAIN: return fail("%s: bailiffd has too many clients waiting; try again.", ctl->socket);
        default: return fail("%s: %s", ctl->socket, strerror(error));
        }
}

/* While others crowd the daemon's door the kernel does not let us in; it takes them in by turns, so that passes. */
static int connect_in_turn(int fd, const struct sockaddr_un *address)
{
        const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

        for (int tries = CROWD_TRIES; connect(fd, (const struct sockaddr *) address, sizeof *address) < 0; tries--) {
                if (errno != EAGAIN || tries == 0)
                        return -errno;
                nanosleep(&pause, NULL);
        }
        return 0;
}

/**
 * client_connect() - connect unless that is done already
 *
 * Return: an exit status; if not 0 the error has been told.
 */
int client_connect(Ctl *ctl)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int r;

        if (ctl->client)
                return STATUS_DONE;
        if (strlen(ctl->socket) >= sizeof address.sun_path)
                return fail("%s: too long for a socket's name", ctl->socket);
        strcpy(address.sun_path, ctl->socket);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail("cannot make a socket: %s", strerror(errno));
        r = connect_in_turn(fd, &address);
        if (r < 0)
                return connect_failed(ctl, -r);
        ctl->client = calloc(1, sizeof *ctl->client);
        if (!ctl->client)
                return fail("out of memory");
        ctl->client->fd = fd;
        fd = -1;
        return STATUS_DONE;
}

Client *client_free(Client *client)
{
        if (!client)
                return NULL;
        close(client->fd);
        free(client->input);
        free(client);
        return NULL;
}

static int closed(void)
{
        return fail("bailiffd closed the connection: it stopped, or it has too many clients.\n"
                    "Look: systemctl status bailiffd");
}

static int wait_for(const Client *client, short events, int timeout_msec, short *ret_events)
{
        struct pollfd poll_fd = { .fd = client->fd, .events = events };
        int n;

        do
                n = poll(&poll_fd, 1, timeout_msec);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return fail("poll: %s", strerror(errno));
        if (n == 0)
                return fail("bailiffd does not answer (waited %d s). Look: systemctl status bailiffd", timeout_msec / 1000);
        *ret_events = poll_fd.revents;
        return STATUS_DONE;
}

static int read_some(Client *client)
{
        ssize_t n;

        if (client->start > 0) {
                memmove(client->input, client->input + client->start, client->end - client->start);
                client->end -= client->start;
                client->start = 0;
        }
        if (client->end == client->capacity) {
                size_t capacity = client->capacity ? client->capacity * 2 : 64 * 1024;
                char *input = capacity <= ANSWER_MAX ? realloc(client->input, capacity) : NULL;

                if (!input)
                        return fail("the answer is too long");
                client->input = input;
                client->capacity = capacity;
        }
        n = recv(client->fd, client->input + client->end, client->capacity - client->end, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                return closed();
        if (n > 0)
                client->end += (size_t) n;
        return STATUS_DONE;
}

/* While the daemon does not take more, its answers are taken: else each would wait for the other. */
static int send_all(Client *client, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = send(client->fd, text, size, MSG_NOSIGNAL);

                if (n < 0 && errno == EAGAIN) {
                        short events = 0;
                        int status = wait_for(client, POLLIN | POLLOUT, CLIENT_TIMEOUT_MSEC, &events);

                        if (status == STATUS_DONE && (events & POLLIN))
                                status = read_some(client);
                        if (status != STATUS_DONE)
                                return status;
                } else if (n < 0 && errno != EINTR) {
                        return closed();
                } else if (n > 0) {
                        text += n;
                        size -= (size_t) n;
                }
        }
        return STATUS_DONE;
}

/**
 * client_send() - ask, without waiting for the answer
 * @method:     of io.bailiff.Manager
 * @parameters: taken over
 *
 * Return: an exit status; if not 0 the error has been told.
 */
int client_send(Ctl *ctl, const char *method, json_t *parameters, bool more)
{
        json_auto_t *request = json_pack("{s:s+, s:o}", "method", "io.bailiff.Manager.", method, "parameters", parameters);
        _cleanup_free_ char *text = NULL;
        int status;

        if (request && more)
                json_object_set_new(request, "more", json_true());
        text = json_dumps(request, JSON_COMPACT);
        if (!text)
                return fail("out of memory, or an argument is not UTF-8");
        status = client_connect(ctl);
        return status != STATUS_DONE ? status : send_all(ctl->client, text, strlen(text) + 1);
}

static int parse_answer(const char *text, Answer *ret_answer)
{
        json_auto_t *reply = json_loads(text, 0, NULL);
        json_t *parameters = json_object_get(reply, "parameters");
        const char *error = json_string_value(json_object_get(reply, "error"));
        Answer answer = { .continues = json_is_true(json_object_get(reply, "continues")) };

        if (!json_is_object(reply))
                return fail("the answer is no varlink; is this bailiffd's socket?");
        answer.parameters = json_is_object(parameters) ? json_incref(parameters) : json_object();
        answer.error = error ? strdup(error) : NULL;
        if (!answer.parameters || (error && !answer.error))
                return fail("out of memory");
        *ret_answer = answer;
        return STATUS_DONE;
}

/**
 * client_receive() - wait for the next answer
 * @timeout_msec: -1: for ever
 * @ret_answer:   for answer_clear()
 *
 * Return: an exit status; if not 0 the error has been told. An error that the
 * daemon answers is an answer.
 */
int client_receive(Ctl *ctl, int timeout_msec, Answer *ret_answer)
{
        Client *client = ctl->client;
        size_t searched = 0;

        for (;;) {
                size_t have = client->end - client->start;
                const char *text = client->input ? client->input + client->start : NULL;
                const char *nul = have > searched ? memchr(text + searched, '\0', have - searched) : NULL;
                short events;
                int status;

                if (nul) {
                        client->start += (size_t) (nul - text) + 1;
                        return parse_answer(text, ret_answer);
                }
                searched = have;
                status = wait_for(client, POLLIN, timeout_msec, &events);
                if (status == STATUS_DONE)
                        status = read_some(client);
                if (status != STATUS_DONE)
                        return status;
        }
}

/**
 * client_call() - ask and wait for the one answer
 */
int client_call(Ctl *ctl, const char *method, json_t *parameters, Answer *ret_answer)
{
        int status = client_send(ctl, method, parameters, false);

        return status != STATUS_DONE ? status : client_receive(ctl, CLIENT_TIMEOUT_MSEC, ret_answer);
}

void answer_clear(Answer *answer)
{
        json_decref(answer->parameters);
        free(answer->error);
        *answer = (Answer){ 0 };
}

/**
 * answer_error() - tell an error that the daemon answered
 * @subject:    what it is about ("203.0.113.5"), or NULL
 *
 * Return: the exit status that it stands for.
 */
int answer_error(const Answer *answer, const char *subject)
{
        const char *name = strrchr(answer->error, '.') ? strrchr(answer->error, '.') + 1 : answer->error;
        const char *message = json_string_value(json_object_get(answer->parameters, "message"));
        const char *colon = ": ", *group = message && strstr(message, "bailiff-read") ? "bailiff-read" : "bailiff-admin";

        /* Most messages begin with what they are about. */
        if (!subject || (message && strncmp(message + (*message == '"'), subject, strlen(subject)) == 0))
                subject = colon = "";
        if (strcmp(name, "NotAuthorized") == 0)
                return fail("%s\nUse sudo or join the group %s (usermod -aG %s USER, then log in again).",
                            message ? message : "Permission denied.", group, group);
        if (strcmp(name, "MethodNotFound") == 0)
                return fail("this bailiffd is older than bailiffctl and does not know how; upgrade and restart it");
        if (message)
                fail("%s%s%s", subject, colon, message);
        else
                fail("%s%s%s", subject, colon, answer->error);
        if (strcmp(name, "TooWide") == 0 && !(message && strstr(message, "--force")))
                fail("--force bans it nevertheless");
        return strcmp(name, "AddressAllowed") == 0 ? STATUS_NO : STATUS_ERROR;
}
