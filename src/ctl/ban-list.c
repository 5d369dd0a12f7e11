/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * banip JAIL -: a list from standard input, a thousand addresses a call. Each
 * call is one transaction of the kernel and one commit of the disk. A bad word
 * or a refused address is told with its line, and the others go on.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/addr.h"
#include "util/cleanup.h"

#define PAGE 1000    /* addresses of a call; the daemon takes no more */
#define TOLD_MAX 100 /* faults told to people one by one; a program is told all */

typedef struct List {
        Ctl *ctl;
        const json_t *parameters; /* of every call, without the addresses */
        json_t *addresses;        /* of the next call */
        size_t lines[PAGE];       /* theirs */
        size_t line, banned, allowed, faults;
        bool remembered, progress;
        int status;
} List;

static void show_progress(const List *list)
{
        if (list->progress)
                fprintf(stderr, "\r%zu lines, %zu banned ", list->line, list->banned);
}

static void end_progress(const List *list)
{
        if (list->progress)
                fprintf(stderr, "\r%50s\r", "");
}

/* Whether this fault is to be told. */
static bool count_fault(List *list, int status)
{
        list->status = worse(list->status, status);
        list->faults++;
        if (list->faults > TOLD_MAX && !list->ctl->json)
                return false;
        end_progress(list);
        return true;
}

static void take_result(List *list, json_t *result, const char *address, size_t line)
{
        const char *error = field(result, "error", NULL);
        bool allowed = error && strcmp(error, "io.bailiff.Manager.AddressAllowed") == 0;

        list->banned += !error;
        list->allowed += allowed;
        if (list->ctl->json) {
                json_object_set_new(result, "address", json_string(address));
                json_object_set_new(result, "line", json_integer((json_int_t) line));
                say_json(result);
        }
        if (error && count_fault(list, allowed ? STATUS_NO : STATUS_ERROR))
                fail("line %zu: %s: %s", line, address, field(result, "message", error));
}

/* Return: 0, or -1 when there is no use in going on. */
static int send_page(List *list)
{
        _cleanup_answer_ Answer answer = { 0 };
        json_auto_t *addresses = list->addresses;
        json_t *parameters = json_copy((json_t *) (uintptr_t) list->parameters), *results, *result;
        size_t i, n = json_array_size(addresses);

        json_object_set(parameters, "addresses", addresses);
        list->addresses = json_array();
        if (client_call(list->ctl, "BanList", parameters, &answer) != STATUS_DONE)
                return -1;
        if (answer.error) {
                end_progress(list);
                list->status = answer_error(&answer, NULL);
                return -1;
        }
        results = json_object_get(answer.parameters, "results");
        if (json_array_size(results) != n) {
                fail("bailiffd answered for %zu of %zu addresses; look: bailiffctl bans", json_array_size(results), n);
                return -1;
        }
        json_array_foreach(results, i, result) take_result(list, result, json_string_value(json_array_get(addresses, i)), list->lines[i]);
        list->remembered = list->remembered && json_is_true(json_object_get(answer.parameters, "remembered"));
        show_progress(list);
        return 0;
}

static int add_word(List *list, const char *word)
{
        Addr addr;

        if (addr_parse_prefix(word, &addr) == -EINVAL) {
                if (count_fault(list, STATUS_ERROR))
                        refuse_address(list->ctl, word, list->line);
                return 0;
        }
        list->lines[json_array_size(list->addresses)] = list->line;
        json_array_append_new(list->addresses, json_string(word));
        return json_array_size(list->addresses) == PAGE ? send_page(list) : 0;
}

static int read_list(List *list, FILE *file)
{
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (getline(&line, &size, file) >= 0) {
                char *rest = NULL;

                list->line++;
                line[strcspn(line, "#")] = '\0';
                for (char *word = strtok_r(line, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest))
                        if (add_word(list, word) < 0)
                                return -1;
        }
        if (ferror(file)) {
                fail("cannot read the list after line %zu: %s", list->line, strerror(errno));
                return -1;
        }
        return json_array_size(list->addresses) > 0 ? send_page(list) : 0;
}

static void say_summary(const List *list)
{
        size_t refused = list->faults - list->allowed;

        if (list->faults > TOLD_MAX)
                fail("and %zu more lines were refused", list->faults - TOLD_MAX);
        say(PLAIN, "%zu banned", list->banned);
        if (list->allowed > 0)
                say(YELLOW, ", %zu allowed and therefore not banned", list->allowed);
        if (refused > 0)
                say(RED, ", %zu refused", refused);
        say(PLAIN, "\n");
}

/**
 * ban_list() - ban all addresses of a file
 * @parameters: jail, and what else each ban has
 *
 * Return: the worst exit status.
 */
int ban_list(Ctl *ctl, const json_t *parameters, FILE *file)
{
        List list = { .ctl = ctl,
                      .parameters = parameters,
                      .addresses = json_array(),
                      .remembered = true,
                      .progress = !ctl->json && isatty(STDERR_FILENO) };
        int r = client_connect(ctl) == STATUS_DONE ? read_list(&list, file) : -1;

        json_decref(list.addresses);
        end_progress(&list);
        if (!ctl->json && (r == 0 || list.banned > 0))
                say_summary(&list);
        if (!list.remembered)
                list.status = fail("enforced, not yet all remembered: the disk does not answer, and a crash now would forget "
                                   "bans.\nLook: bailiffctl status");
        return r < 0 ? STATUS_ERROR : list.status;
}
