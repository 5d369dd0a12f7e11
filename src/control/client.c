/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One connection. Calls are begun in the order in which they came, and several
 * may be waiting (for the store's commit) at a time, so that a list of a
 * thousand bans costs one commit and not a thousand. Answers leave in the order
 * of the calls: those that are early are held behind the first one that is late.
 *
 *     client.calls   [ waiting ] [ answered: held ] [ stream: held ]
 *                      head: writes straight to the client's output
 */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/client.h"
#include "util/clock.h"
#include "util/table.h"

#define READ_SIZE BUFFER_KEEP

struct VarlinkCall {
        Client *client;
        VarlinkCall *prev, *next;
        char *method;
        json_t *parameters;
        bool more, oneway, answered, awake;
        VarlinkLater later;
        void *data;
        Buffer held; /* answers that earlier calls still stand in front of */
};

/* ---- what a client is ready for ---- */

static bool may_begin(const Client *client)
{
        return client->request > 0 && client->n_streams == 0 && client->n_calls < VARLINK_CALLS_MAX &&
               buffer_size(&client->output) + client->held < VARLINK_OUTPUT_LOW;
}

static bool may_step(const Client *client)
{
        const VarlinkCall *head = client->calls;

        return head && head->later.step && head->awake && buffer_size(&client->output) < VARLINK_OUTPUT_LOW;
}

static bool is_finished(const Client *client)
{
        return client->doomed || (client->eof && client->request == 0 && !client->calls && buffer_size(&client->output) == 0);
}

/**
 * client_has_work() - whether client_work() has something to do
 */
bool client_has_work(const Client *client)
{
        return is_finished(client) || may_begin(client) || may_step(client) ||
               (client->gone && !client->eof && client->request == 0);
}

static void arm_work(Varlink *varlink)
{
        sd_event_source_set_enabled(varlink->work, SD_EVENT_ON);
}

/* To be called whenever something about a client has changed: asks the loop for exactly what he waits for. */
static void client_update(Client *client)
{
        uint32_t events = 0;

        if (!client->eof && client->request == 0 && client->n_calls < VARLINK_CALLS_MAX)
                events |= EPOLLIN;
        if (buffer_size(&client->output) > 0)
                events |= EPOLLOUT;
        if (events != client->events && client->io && !client->gone) {
                if (sd_event_source_set_io_events(client->io, events) < 0)
                        client->doomed = true;
                client->events = events;
        }
        if (client_has_work(client))
                arm_work(client->varlink);
}

/* ---- calls ---- */

static void call_end(VarlinkCall *call)
{
        VarlinkLater later = call->later;

        if (later.step)
                call->client->n_streams--;
        call->later = (VarlinkLater){ 0 };
        if (later.end)
                later.end(call, call->data);
        call->data = NULL;
}

static VarlinkCall *call_free(VarlinkCall *call)
{
        Client *client = call->client;

        call_end(call);
        client->held -= buffer_size(&call->held);
        buffer_clear(&call->held);
        DL_DELETE(client->calls, call);
        client->n_calls--;
        json_decref(call->parameters);
        free(call->method);
        free(call);
        return NULL;
}

/* The head's answers leave; as long as the head is answered, the next one becomes head. */
static void release_held(Client *client)
{
        while (client->calls) {
                VarlinkCall *head = client->calls;
                size_t held = buffer_size(&head->held);

                if (held > 0) {
                        if (buffer_append(&client->output, head->held.data + head->held.start, held) < 0)
                                client->doomed = true;
                        client->held -= held;
                        buffer_clear(&head->held);
                }
                if (!head->answered)
                        break;
                call_free(head);
        }
}

static void call_write(VarlinkCall *call, json_t *message)
{
        Client *client = call->client;
        bool head = call == client->calls;
        _cleanup_free_ char *text = NULL;
        size_t waiting = buffer_size(&client->output) + client->held, size;

        if (call->oneway || client->gone || client->doomed)
                return;
        text = json_dumps(message, JSON_COMPACT);
        size = text ? strlen(text) + 1 : 0;
        /* One answer may be long; what piles up behind unread answers may not. */
        if (!text || (waiting > VARLINK_OUTPUT_LOW && waiting + size > client->varlink->limits.output)) {
                client->varlink->stats.dropped_slow += text != NULL;
                client->doomed = true;
                return;
        }
        if (buffer_append(head ? &client->output : &call->held, text, size) < 0)
                client->doomed = true;
        else if (!head)
                client->held += size;
}

static void call_answer(VarlinkCall *call, const char *error, json_t *parameters, bool continues)
{
        Client *client = call->client;
        json_auto_t *message = json_object();

        assert(!call->answered);
        if (!message || json_object_set_new(message, "parameters", parameters ? parameters : json_object()) < 0)
                client->doomed = true;
        else {
                if (error)
                        json_object_set_new(message, "error", json_string(error));
                if (continues)
                        json_object_set_new(message, "continues", json_true());
                call_write(call, message);
        }
        if (!continues) {
                call->answered = true;
                call_end(call);
                release_held(client);
        }
        client_update(client);
}

/**
 * varlink_reply() - the last answer; the call must not be used afterwards
 */
void varlink_reply(VarlinkCall *call, json_t *parameters)
{
        call_answer(call, NULL, parameters, false);
}

/**
 * varlink_reply_more() - an answer that others will follow
 */
void varlink_reply_more(VarlinkCall *call, json_t *parameters)
{
        call_answer(call, NULL, parameters, true);
}

/**
 * varlink_error() - the last answer, an error; the call must not be used afterwards
 */
void varlink_error(VarlinkCall *call, const char *error, json_t *parameters)
{
        call_answer(call, error, parameters, false);
}

/**
 * varlink_later() - the call will be answered after the handler has returned
 * @later:      copied; `end` runs exactly once, also when the client goes away
 * @data:       for both functions
 */
void varlink_later(VarlinkCall *call, const VarlinkLater *later, void *data)
{
        assert(!call->answered && !call->later.end && !call->later.step);
        call->later = *later;
        call->data = data;
        call->awake = later->step != NULL;
        if (later->step)
                call->client->n_streams++;
        client_update(call->client);
}

/**
 * varlink_wake() - a stream's step has something to do again
 */
void varlink_wake(VarlinkCall *call)
{
        call->awake = true;
        client_update(call->client);
}

const char *varlink_method(const VarlinkCall *call)
{
        return call->method;
}

const json_t *varlink_parameters(const VarlinkCall *call)
{
        return call->parameters;
}

const Caller *varlink_caller(const VarlinkCall *call)
{
        return &call->client->caller;
}

bool varlink_wants_more(const VarlinkCall *call)
{
        return call->more;
}

/* ---- requests ---- */

/* jansson recurses; so what is nested too deeply is not shown to it. */
static bool depth_is_sane(const char *text, size_t size)
{
        bool quoted = false;
        int depth = 0;

        for (size_t i = 0; i < size; i++) {
                char c = text[i];

                if (quoted && c == '\\')
                        i++;
                else if (c == '"')
                        quoted = !quoted;
                else if (!quoted && (c == '{' || c == '['))
                        depth++;
                else if (!quoted && (c == '}' || c == ']'))
                        depth--;
                if (depth > VARLINK_DEPTH_MAX)
                        return false;
        }
        return true;
}

static bool is_optional_bool(const json_t *value)
{
        return !value || json_is_boolean(value);
}

static int call_new(Client *client, const char *text, size_t size, VarlinkCall **ret_call)
{
        json_auto_t *request = depth_is_sane(text, size) ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const char *method = json_string_value(json_object_get(request, "method"));
        json_t *parameters = json_object_get(request, "parameters");
        const json_t *more = json_object_get(request, "more"), *oneway = json_object_get(request, "oneway");
        VarlinkCall *call;

        if (!method || (parameters && !json_is_object(parameters) && !json_is_null(parameters)) || !is_optional_bool(more) ||
            !is_optional_bool(oneway))
                return -EBADMSG;
        call = calloc(1, sizeof *call);
        if (!call)
                return -ENOMEM;
        call->client = client;
        call->more = json_is_true(more) && !json_is_true(oneway);
        call->oneway = json_is_true(oneway);
        call->method = strdup(method);
        call->parameters = json_is_object(parameters) ? json_incref(parameters) : json_object();
        DL_APPEND(client->calls, call);
        client->n_calls++;
        if (!call->method || !call->parameters) {
                call_free(call);
                return -ENOMEM;
        }
        *ret_call = call;
        return 0;
}

static void find_request(Client *client)
{
        size_t size = buffer_size(&client->input), limit = client->varlink->limits.request[client->caller.access];
        const char *begin, *nul = NULL;

        client->request = 0;
        if (size > client->searched) {
                begin = client->input.data + client->input.start;
                nul = memchr(begin + client->searched, '\0', size - client->searched);
                client->request = nul ? (size_t) (nul - begin) + 1 : 0;
        }
        client->searched = size;
        if (client->request > limit || (!nul && size >= limit)) {
                client->varlink->stats.dropped_bad++;
                client->doomed = true;
        }
}

/* Nobody is there for the answers: what waits for something ends, unanswered. */
static void end_calls(Client *client)
{
        while (client->calls)
                call_free(client->calls);
}

static void client_begin(Client *client)
{
        Varlink *varlink = client->varlink;
        VarlinkCall *call = NULL;
        int r;

        r = call_new(client, client->input.data + client->input.start, client->request - 1, &call);
        buffer_consume(&client->input, client->request);
        client->searched = 0;
        find_request(client);
        if (r < 0) {
                varlink->stats.dropped_bad++;
                client->doomed = true;
                return;
        }
        varlink->stats.calls++;
        varlink->handler.call(varlink->handler.userdata, call);
        if (client->gone)
                end_calls(client);
}

static void client_step(Client *client)
{
        VarlinkCall *head = client->calls;

        head->awake = false;
        if (head->later.step(head, head->data))
                head->awake = true;
}

/* ---- clients ---- */

/**
 * client_free() - hang up
 */
Client *client_free(Client *client)
{
        end_calls(client);
        DL_DELETE(client->varlink->clients, client);
        client->varlink->stats.clients--;
        sd_event_source_disable_unref(client->io);
        if (client->fd >= 0)
                close(client->fd);
        buffer_clear(&client->input);
        buffer_clear(&client->output);
        free(client);
        return NULL;
}

static void client_gone(Client *client)
{
        client->gone = true;
        buffer_clear(&client->output);
        end_calls(client);
        sd_event_source_set_enabled(client->io, SD_EVENT_OFF);
}

static void client_read(Client *client)
{
        ssize_t n;

        if (buffer_reserve(&client->input, READ_SIZE) < 0) {
                client->doomed = true;
                return;
        }
        n = recv(client->fd, client->input.data + client->input.end, READ_SIZE, MSG_DONTWAIT);
        if (n > 0) {
                client->input.end += (size_t) n;
                client->active = clock_boot_now().usec;
                find_request(client);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR) || client->gone) {
                client->eof = true;
        }
}

static void client_flush(Client *client)
{
        Buffer *output = &client->output;
        ssize_t n = send(client->fd, output->data + output->start, buffer_size(output), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
                buffer_consume(output, (size_t) n);
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
                client_gone(client);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Client *client = userdata;

        if ((events & EPOLLOUT) && buffer_size(&client->output) > 0)
                client_flush(client);
        if ((events & EPOLLIN) && !client->eof && client->request == 0)
                client_read(client);
        if ((events & (EPOLLHUP | EPOLLERR)) && !client->gone)
                client_gone(client);
        client_update(client);
        return 0; /* a negative value would silence this client's source; whatever was wrong is in his flags */
}

/**
 * client_work() - one portion: begins a call, or takes one step of a stream
 *
 * Frees the client if it is finished.
 */
void client_work(Client *client)
{
        if (is_finished(client)) {
                client_free(client);
                return;
        }
        if (may_step(client))
                client_step(client);
        else if (may_begin(client))
                client_begin(client);
        else
                client_read(client);
        client_update(client);
}

/**
 * client_new() - serve a connection; it joins the server's list
 * @fd:         non-blocking; taken over, also on failure
 *
 * Return: 0 or -errno.
 */
int client_new(Varlink *varlink, int fd, const Caller *caller)
{
        Client *client = calloc(1, sizeof *client);
        int r;

        if (!client) {
                close(fd);
                return -ENOMEM;
        }
        *client = (Client){ .varlink = varlink, .fd = fd, .caller = *caller, .events = EPOLLIN, .active = clock_boot_now().usec };
        DL_APPEND(varlink->clients, client);
        varlink->stats.clients++;
        r = sd_event_add_io(varlink->event, &client->io, client->fd, EPOLLIN, on_client, client);
        if (r < 0) {
                client_free(client);
                return r;
        }
        return sd_event_source_set_description(client->io, "control: client");
}
