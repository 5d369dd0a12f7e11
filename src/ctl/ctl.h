/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* bailiffctl: what its files share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#define WIDTH 80

enum {
        STATUS_DONE = 0,
        STATUS_NO = 1,
        STATUS_ERROR = 2,
};

typedef struct Ctl {
        const char *socket;
        bool json;
        struct Client *client;
} Ctl;

typedef struct Command {
        const char *name;
        const char *usage;              /* behind the name */
        const char *summary;            /* one line of the list */
        const char *help;               /* more, for --help; "" if there is no more */
        int (*run)(Ctl *ctl, int argc, char **argv); /* argv[0] is the name; returns the exit status */
} Command;

extern const Command COMMANDS[];
extern const size_t N_COMMANDS;

/* client.c: a blocking varlink client */
typedef struct Client Client;

typedef struct Answer {
        json_t *parameters;             /* of the reply or the error; never NULL after a call succeeded */
        char *error;                    /* NULL: none */
        bool continues;
} Answer;

int client_connect(Ctl *ctl);
Client *client_free(Client *client);
int client_send(Ctl *ctl, const char *method, json_t *parameters, bool more);
int client_receive(Ctl *ctl, int timeout_msec, Answer *ret_answer);
int client_call(Ctl *ctl, const char *method, json_t *parameters, Answer *ret_answer);
void answer_clear(Answer *answer);
int answer_error(const Answer *answer, const char *subject);

#define CLIENT_TIMEOUT_MSEC (30 * 1000)
#define _cleanup_answer_ __attribute__((cleanup(answer_clear)))

/* output.c: text for people, safe for their terminal */
typedef enum Colour {
        PLAIN,
        BOLD,
        DIM,
        RED,
        GREEN,
        YELLOW,
} Colour;

typedef enum TimeStyle {
        TIME_FULL,                      /* "2026-11-23 08:31:00 (in 23h 59m)" */
        TIME_SHORT,                     /* "2026-11-23 08:31" */
        TIME_SECOND,                    /* "2026-11-23 08:31:00" */
} TimeStyle;

void output_start(bool json);
int output_end(int status);
void say(Colour colour, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_wrapped(Colour colour, const char *first, const char *indent, const char *text);
void say_json(const json_t *object);
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_usage(FILE *file, const Command *command);
int usage_error(const Command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *clean(const char *text);
const char *field(const json_t *object, const char *name, const char *otherwise);
long long number(const json_t *object, const char *name);
size_t text_width(const char *text);
void say_cell(Colour colour, const char *text, size_t width, bool right);
const char *time_text(const char *rfc3339, TimeStyle style, char buffer[static 64]);
const char *until_text(const json_t *ban, TimeStyle style, char buffer[static 80]);
const char *ago(const char *rfc3339, char buffer[static 32]);
const char *plural(long long n, const char *one, const char *many);

/* commands */
const Command *command_find(const char *name);
int command_status(Ctl *ctl, int argc, char **argv);
int command_bans(Ctl *ctl, int argc, char **argv);
int command_banip(Ctl *ctl, int argc, char **argv);
int command_unban(Ctl *ctl, int argc, char **argv);
int command_banned(Ctl *ctl, int argc, char **argv);
int command_set(Ctl *ctl, int argc, char **argv);
int command_why(Ctl *ctl, int argc, char **argv);
int command_monitor(Ctl *ctl, int argc, char **argv);
