/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* bailiffctl: what its files share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "util/clock.h"

#define WIDTH 80
#define JSON_FORMAT_VERSION 1 /* of bailiffctl-json(7): a member that changed its meaning or went would raise it */

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
        const char *usage;              /* behind the name, a form a line; completion reads it as well, see complete.c */
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

/* options.c: reading arguments */
typedef int (*OptionReader)(const Command *command, json_t *parameters, int argc, char **argv, int *i);

int read_options(const Command *command, OptionReader reader, json_t *parameters, int *argc, char **argv);
const char *option_value(int argc, char **argv, int *i, const char *name);
int unknown_option(const Command *command, const char *option, const char *with_value);
int set_duration(const Command *command, json_t *parameters, const char *text);
int set_moment(const char *text, EventTime *ret_time);
int set_since(const Command *command, const char *text, EventTime *ret_time);
int set_text(const Command *command, json_t *parameters, const char *name, const char *what, const char *text);

/* each.c: a call for each address. Tells an answer that is no error, unless ctl->json; returns an exit status. */
typedef int (*AnswerShower)(const Ctl *ctl, const Answer *answer, const char *subject);

int each_address(Ctl *ctl, const char *method, const json_t *parameters, AnswerShower show, int argc, char **argv);
int show_change(Ctl *ctl, const Answer *answer, const char *subject, AnswerShower show);
int refuse_address(const Ctl *ctl, const char *address, size_t line);

/* ban-list.c, offline.c, change.c */
int ban_list(Ctl *ctl, const json_t *parameters, FILE *file);
int unban_offline(Ctl *ctl, const char *directory, const char *jail, int argc, char **argv);
void say_lifted(const json_t *bans, long long lifted, const char *what);

/* report-list.c */
int report_list(Ctl *ctl, json_t *parameters, long long max);
void say_report(const json_t *report);

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
void say_list(const char *first, const char *indent, const json_t *list, const char *none, const char *separator);
void say_json(const json_t *object);
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_usage(FILE *file, const Command *command);
int usage_error(const Command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *clean(const char *text);
const char *field(const json_t *object, const char *name, const char *otherwise);
long long number(const json_t *object, const char *name);
size_t text_width(const char *text);
void say_cell(Colour colour, const char *text, size_t width, bool right);
void say_cell_middle(Colour colour, const char *text, size_t width);
const char *time_text(const char *rfc3339, TimeStyle style, char buffer[static 64]);
const char *until_text(const json_t *ban, TimeStyle style, char buffer[static 80]);
const char *ago(const char *rfc3339, char buffer[static 32]);
int worse(int a, int b);
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
int command_allow(Ctl *ctl, int argc, char **argv);
int command_attempt(Ctl *ctl, int argc, char **argv);
int command_pause(Ctl *ctl, int argc, char **argv);
int command_resume(Ctl *ctl, int argc, char **argv);
int command_reload(Ctl *ctl, int argc, char **argv);
int command_stats(Ctl *ctl, int argc, char **argv);
int command_reports(Ctl *ctl, int argc, char **argv);
int command_plan(Ctl *ctl, int argc, char **argv);
int command_test(Ctl *ctl, int argc, char **argv);

/* complete.c: `bailiffctl __complete`, for the shell */
int complete(Ctl *ctl, int argc, char **argv);
