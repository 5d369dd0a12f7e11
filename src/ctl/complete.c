/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Completion: what may stand at the cursor. The shell hands over its words, and
 * the answer comes out of the table of commands: a usage like
 *
 *     JAIL ADDR[/LEN]...|- [--for 1d] [--no-report]
 *
 * says that a jail stands first, then something that cannot be completed, and
 * that there are two options, one of them with a value. Small letters are words
 * to type, capitals stand for something; of these JAIL is known, from the daemon,
 * FILTER from the directories of filters, M, a mode, from the filter named before, and STATE
 * and SERVICE, of reports, by heart.
 * A usage may have several forms, a line each, which begin with different words; the
 * word that was typed says which form goes on.
 */

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "filter.h"
#include "util/cleanup.h"
#include "util/text.h"

#define DAEMON_MSEC 1000 /* somebody waits at a prompt */
#define TOKENS_MAX 16
#define FORMS_MAX 6

typedef struct Token {
        char text[48];
        bool has_value; /* an option with a value, which `value` stands for */
        char value[16];
} Token;

typedef struct Form {
        Token tokens[TOKENS_MAX];
        size_t n;
} Form;

/* The words of a form: an option with its value is one. @text is taken apart. Return: how many. */
static size_t read_form(char *text, Token tokens[static TOKENS_MAX])
{
        char *rest = NULL;
        bool open = false;
        size_t n = 0;

        for (char *word = strtok_r(text, " ", &rest); word && n < TOKENS_MAX; word = strtok_r(NULL, " ", &rest)) {
                size_t size = strlen(word);
                bool closes = word[size - 1] == ']';

                if (closes)
                        word[size - 1] = '\0';
                if (open) {
                        tokens[n - 1].has_value = true;
                        snprintf(tokens[n - 1].value, sizeof tokens[n - 1].value, "%s", word);
                        open = false;
                        continue;
                }
                open = strncmp(word, "[--", 3) == 0 && !closes;
                tokens[n] = (Token){ .has_value = false };
                snprintf(tokens[n++].text, sizeof tokens->text, "%s", word + (*word == '['));
        }
        return n;
}

/* Return: how many forms. */
static size_t read_usage(const char *usage, Form forms[static FORMS_MAX])
{
        _cleanup_free_ char *copy = strdup(usage);
        char *rest = copy;
        size_t n = 0;

        for (char *text; n < FORMS_MAX && (text = strsep(&rest, "\n")); n++)
                forms[n].n = read_form(text, forms[n].tokens);
        return n;
}

static void offer(const char *candidate, const char *typed)
{
        if (strncmp(candidate, typed, strlen(typed)) == 0)
                puts(candidate);
}

static void offer_jails(Ctl *ctl, const char *typed)
{
        _cleanup_answer_ Answer answer = { 0 };
        const json_t *jail;
        size_t i;

        if (client_send(ctl, "Status", json_object(), false) != STATUS_DONE ||
            client_receive(ctl, DAEMON_MSEC, &answer) != STATUS_DONE)
                return;
        json_array_foreach(json_object_get(answer.parameters, "jails"), i, jail) if (text_is_name(field(jail, "name", "")))
                offer(field(jail, "name", ""), typed);
}

static void offer_filters_of(const char *directory, const char *typed)
{
        struct dirent **entries;
        int n = scandir(directory, &entries, NULL, alphasort);

        for (int i = 0; i < n; i++) {
                size_t size = strlen(entries[i]->d_name);

                if (size > 5 && strcmp(entries[i]->d_name + size - 5, ".yaml") == 0) {
                        entries[i]->d_name[size - 5] = '\0';
                        if (text_is_name(entries[i]->d_name))
                                offer(entries[i]->d_name, typed);
                }
                free(entries[i]);
        }
        if (n >= 0)
                free(entries);
}

static void offer_filters(const char *typed)
{
        const char *first = getenv("BAILIFF_FILTERS");

        if (first && *first)
                offer_filters_of(first, typed);
        for (size_t i = 0; FILTER_DIRECTORIES[i]; i++)
                offer_filters_of(FILTER_DIRECTORIES[i], typed);
}

static void offer_modes(const char *spec, const char *typed)
{
        _cleanup_(filter_freep) Filter *filter = NULL;
        Problem problem;
        const char *mode;

        if (filter_load(spec, NULL, "complete", NULL, &filter, &problem) == 0)
                for (size_t i = 0; (mode = filter_mode_name(filter, i)); i++)
                        offer(mode, typed);
}

static void offer_words(const char *const words[], const char *typed)
{
        for (size_t i = 0; words[i]; i++)
                offer(words[i], typed);
}

/* "add|remove|list", "ADDR...|--all", "JAIL"; @first: the first argument before the cursor that is no option, or "" */
static void offer_token(Ctl *ctl, const char *token, const char *first, const char *typed, bool options)
{
        static const char *const states[] = { "queued", "in-flight", "done", "refused", "unknown", "expired", "dropped", NULL };
        static const char *const services[] = { "abuseipdb", "virustotal", NULL };
        _cleanup_free_ char *copy = strdup(token);
        char *rest = NULL;

        for (char *word = strtok_r(copy, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
                if (strcmp(word, "JAIL") == 0 && !options)
                        offer_jails(ctl, typed);
                else if (strcmp(word, "FILTER") == 0 && !options)
                        offer_filters(typed);
                else if (strcmp(word, "M") == 0 && !options)
                        offer_modes(first, typed);
                else if (strcmp(word, "STATE") == 0 && !options)
                        offer_words(states, typed);
                else if (strcmp(word, "SERVICE") == 0 && !options)
                        offer_words(services, typed);
                else if (options ? *word == '-' && word[1] : islower((unsigned char) *word))
                        offer(word, typed);
        }
}

static bool is_positional(const Token *token)
{
        return token->text[0] != '-' && strcmp(token->text, "|") != 0;
}

static const Token *find_option(const Form *forms, size_t n_forms, const char *word)
{
        for (size_t i = 0; i < n_forms; i++)
                for (size_t j = 0; j < forms[i].n; j++)
                        if (*word == '-' && strcmp(forms[i].tokens[j].text, word) == 0)
                                return &forms[i].tokens[j];
        return NULL;
}

/* What a form has for the word at @place, or its options. */
static void offer_form(Ctl *ctl, const Form *form, size_t place, const char *first, const char *typed)
{
        bool options = *typed == '-';

        for (size_t i = 0; i < form->n; i++)
                if (options || (is_positional(&form->tokens[i]) && place-- == 0))
                        offer_token(ctl, form->tokens[i].text, first, typed, options);
}

/* words[0] is the command's name, words[n - 1] the word at the cursor. */
static void complete_argument(Ctl *ctl, const Command *command, int n, char **words)
{
        Form forms[FORMS_MAX];
        size_t n_forms = read_usage(command->usage, forms), place = 0;
        const char *typed = words[n - 1], *first = "";

        for (int i = 1; i < n - 1; i++) {
                const Token *option = find_option(forms, n_forms, words[i]);

                if (option && option->has_value && ++i == n - 1) {
                        offer_token(ctl, option->value, first, typed, false);
                        return;
                }
                if (words[i][0] == '-' || option)
                        continue;
                if (place++ == 0)
                        first = words[i];
        }
        for (size_t i = 0; i < n_forms; i++)
                if (n_forms == 1 || place == 0 || strcmp(forms[i].tokens[0].text, first) == 0)
                        offer_form(ctl, &forms[i], place, first, typed);
        if (*typed == '-') {
                offer("--json", typed);
                offer("--help", typed);
        }
}

/**
 * complete() - __complete PLACE WORD...: what the word at PLACE may be, one a line
 *
 * The words are the whole line, the program's name as well.
 */
int complete(Ctl *ctl, int argc, char **argv)
{
        static const char *const global[] = { "--socket", "--json", "--help", "--version" };
        int place = argc > 2 ? atoi(argv[1]) + 2 : 0;

        if (place < 3 || place >= argc)
                return STATUS_ERROR;
        for (int i = 3; i < place; i++) {
                const Command *command = command_find(argv[i]);

                if (strcmp(argv[i], "--socket") == 0) {
                        if (++i == place)
                                return STATUS_DONE; /* a path: the shell knows better */
                        ctl->socket = argv[i];
                } else if (command) {
                        complete_argument(ctl, command, place - i + 1, argv + i);
                        return STATUS_DONE;
                }
        }
        for (size_t i = 0; argv[place][0] != '-' && i < N_COMMANDS; i++)
                offer(COMMANDS[i].name, argv[place]);
        for (size_t i = 0; argv[place][0] == '-' && i < sizeof global / sizeof *global; i++)
                offer(global[i], argv[place]);
        return STATUS_DONE;
}
