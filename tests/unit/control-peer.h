/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Clients of a control socket with a fake daemon behind it, in one process and one event loop. */

#include <sys/socket.h>
#include <sys/un.h>

#include "control-fake.h"
#include "test.h"

static char directory[] = "/tmp/bailiff-test-control-XXXXXX";
static char path[128], users[128];
static sd_event *event;
static Fake fake;

typedef struct Peer {
        int fd;
        char data[1 << 20];
        size_t size;
        bool closed;
} Peer;

static inline Addr parse(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

static inline void begin_with(Access access, const VarlinkLimits *limits)
{
        const ControlOptions options = {
                .rights = { fake_identify, &fake }, .commit_usec = 50 * USEC_PER_MSEC, .limits = limits, .users = users
        };
        Problem problem = { 0 };

        fake.access = access;
        fake.uid = 1000;
        fake.commits_at_once = true;
        check_int(control_new_with(event, path, fake_ops(&fake), &options, &fake.control, &problem), 0);
}

static inline void begin(Access access)
{
        begin_with(access, NULL);
}

static inline void end(void)
{
        control_free(fake.control);
        fake_clear(&fake);
        fake = (Fake){ 0 };
}

/* Lets the loop run until it has nothing to do. */
static inline void turn(void)
{
        for (unsigned i = 0; i < 100000; i++)
                if (sd_event_run(event, 0) <= 0)
                        return;
        check(!"the loop spins");
}

static inline Peer *join(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Peer *peer = calloc(1, sizeof *peer);

        strcpy(address.sun_path, path);
        peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        check(peer->fd >= 0);
        check_int(connect(peer->fd, (struct sockaddr *) &address, sizeof address), 0);
        turn();
        return peer;
}

static inline void leave(Peer *peer)
{
        close(peer->fd);
        free(peer);
        turn();
}

static inline void push(Peer *peer, const char *text)
{
        check_int(send(peer->fd, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
}

static inline void pull(Peer *peer)
{
        for (;;) {
                turn();
                ssize_t n = recv(peer->fd, peer->data + peer->size, sizeof peer->data - peer->size, 0);
                if (n > 0) {
                        peer->size += (size_t) n;
                        continue;
                }
                peer->closed = n == 0 || (errno != EAGAIN && errno != EINTR);
                return;
        }
}

/* The next answer, or NULL if there is none. */
static inline json_t *answer(Peer *peer)
{
        pull(peer);
        char *nul = memchr(peer->data, '\0', peer->size);
        if (!nul)
                return NULL;
        size_t used = (size_t) (nul - peer->data) + 1;
        json_t *reply = json_loads(peer->data, 0, NULL);
        check(json_is_object(reply));
        memmove(peer->data, peer->data + used, peer->size - used);
        peer->size -= used;
        return reply;
}

static inline json_t *ask(Peer *peer, const char *request)
{
        push(peer, request);
        json_t *reply = answer(peer);
        check(reply);
        return reply;
}

/* Asks and compares the error's name, "" for none; then a text that the answer must hold. */
static inline void expect(Peer *peer, const char *request, const char *error, const char *part)
{
        json_auto_t *reply = ask(peer, request);
        const char *name = json_string_value(json_object_get(reply, "error"));
        char *text = json_dumps(reply, JSON_COMPACT);

        check_text(name ? name : "", error);
        check_contains(text, part);
        free(text);
}

#define M "io.bailiff.Manager."
#define V "org.varlink.service."
#define BAN(parameters) "{\"method\":\"" M "Ban\",\"parameters\":{" parameters "}}"
#define CALL(method, parameters) "{\"method\":\"" M method "\",\"parameters\":{" parameters "}}"
#define UNBAN(parameters) "{\"method\":\"" M "Unban\",\"parameters\":{" parameters "}}"

static inline void add_events(size_t n)
{
        Addr addr = parse("203.0.113.5");
        Ban ban = { .id = 1, .jail = "sshd", .addr = addr, .source = addr, .start = FAKE_NOW, .until = EVENT_TIME_FOREVER, .rule = "r",
                    .reason = "", .evidence = fake_evidence, .n_evidence = 2 };

        for (size_t i = 0; i < n; i++)
                fake_event(&fake, BAN_EVENT_BAN, &ban, "");
}

/* A parameter of an answer, or NULL. */
static inline json_t *member(const json_t *reply, const char *name)
{
        return json_object_get(json_object_get(reply, "parameters"), name);
}

static inline void set_up(void)
{
        check(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/control.sock", directory);
        check(sd_event_new(&event) >= 0);
        snprintf(users, sizeof users, "%s/passwd", directory);
        FILE *file = fopen(users, "we");
        check(file);
        fputs("root:x:0:0::/:/bin/sh\n\nnot a line\nalice:x:1000:1000::/:/bin/sh\nm\033allory:x:1001:1001::/:/bin/sh\n", file);
        check_int(fclose(file), 0);
}

static inline void tear_down(void)
{
        sd_event_unref(event);
        check_int(unlink(users), 0);
        check_int(rmdir(directory), 0);
}
