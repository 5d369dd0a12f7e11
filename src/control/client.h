/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Client: one connection, its requests and answers. What varlink.c and client.c share. */

#include <sys/stat.h>

#include "control/varlink.h"
#include "util/buffer.h"

typedef struct Client Client;

struct Client {
        Varlink *varlink;
        Client *prev, *next;
        int fd;
        sd_event_source *io;
        uint32_t events;
        Caller caller;
        Buffer input, output;
        size_t searched; /* bytes of the input known to hold no NUL */
        size_t request;  /* bytes of the first whole request with its NUL; 0: none yet */
        size_t held;     /* bytes held by calls */
        VarlinkCall *calls;
        size_t n_calls, n_streams;
        uint64_t active; /* when it last said something */
        bool eof;        /* nothing more will come */
        bool gone;       /* and nobody reads the answers */
        bool doomed;     /* to be freed at the next occasion */
};

struct Varlink {
        sd_event *event;
        char *path;
        struct stat file;
        int fd;
        sd_event_source *accept, *retry, *work;
        VarlinkHandler handler;
        VarlinkLimits limits;
        VarlinkStats stats;
        Client *clients; /* who is served next stands first */
};

int client_new(Varlink *varlink, int fd, const Caller *caller);
Client *client_free(Client *client);
bool client_has_work(const Client *client);
void client_work(Client *client);
