/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * banip JAIL -: a list from standard input, a thousand addresses a call. Each
 * call is one transaction of the kernel and one commit of the disk. Some calls
 * are on their way at a time, so that the daemon works on one while the disk
 * takes another. A bad word or a refused address is told with its line, and the
 * others go on.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/addr.h"
#include "util/cleanup.h"

#define PAGE 1000    /* addresses of a call; the daemon takes no more */
#define PAGES 4      /* calls on their way */
#define TOLD_MAX 100 /* faults told to people one by one; a program is told all */

typedef struct Page {
        json_t *addresses;
        size_t lines[PAGE];       /* theirs */
} Page;

typedef struct List {
        Ctl *ctl;
        const json_t *parameters; /* of every call, without the addresses */
        Page pages[PAGES];        /* a ring: those that have been sent and not answered, and the next one */
        size_t first, n_sent;
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

static Page *page_at(List *list, size_t i)
{
        return &list->pages[(list->first + i) % PAGES];
}

static int take_answer(List *list, const Page *page, Answer *answer)
{
        json_t *results = json_object_get(answer->parameters, "results"), *result;
        size_t i, n = json_array_size(page->addresses);

        if (answer->error) {
                end_progress(list);
                list->status = answer_error(answer, NULL);
                return -1;
        }
        if (json_array_size(results) != n) {
                fail("bailiffd answered for %zu of %zu addresses; look: bailiffctl bans", json_array_size(results), n);
                return -1;
        }
        json_array_foreach(results, i, result)
                take_result(list, result, json_string_value(json_array_get(page->addresses, i)), page->lines[i]);
        list->remembered = list->remembered && json_is_true(json_object_get(answer->parameters, "remembered"));
        show_progress(list);
        return 0;
}

/* The answer to the first page that was sent. Return: 0, or -1 when there is no use in going on. */
static int receive_page(List *list)
{
        _cleanup_answer_ Answer answer = { 0 };
        Page *page = page_at(list, 0);
        int r = -1;

        list->first = (list->first + 1) % PAGES;
        list->n_sent--;
        if (client_receive(list->ctl, CLIENT_TIMEOUT_MSEC, &answer) == STATUS_DONE)
                r = take_answer(list, page, &answer);
        json_array_clear(page->addresses);
        return r;
}

/* Return: as receive_page(). */
static int send_page(List *list)
{
        json_t *parameters = json_copy((json_t *) (uintptr_t) list->parameters);

        json_object_set(parameters, "addresses", page_at(list, list->n_sent)->addresses);
        if (client_send(list->ctl, "BanList", parameters, false) != STATUS_DONE)
                return -1;
        list->n_sent++;
        return list->n_sent < PAGES ? 0 : receive_page(list);
}

/* All that is still on its way. What was sent has been carried out, also if an earlier page was not. */
static int receive_rest(List *list)
{
        int r = 0;

        while (list->n_sent > 0 && r == 0)
                r = receive_page(list);
        return r;
}

static int add_word(List *list, const char *word)
{
        Page *page = page_at(list, list->n_sent);
        Addr addr;

        if (addr_parse_prefix(word, &addr) == -EINVAL) {
                if (count_fault(list, STATUS_ERROR))
                        refuse_address(list->ctl, word, list->line);
                return 0;
        }
        page->lines[json_array_size(page->addresses)] = list->line;
        json_array_append_new(page->addresses, json_string(word));
        return json_array_size(page->addresses) == PAGE ? send_page(list) : 0;
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
        if (json_array_size(page_at(list, list->n_sent)->addresses) > 0 && send_page(list) < 0)
                return -1;
        return receive_rest(list);
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
                      .remembered = true,
                      .progress = !ctl->json && isatty(STDERR_FILENO) };
        int r;

        for (size_t i = 0; i < PAGES; i++)
                list.pages[i].addresses = json_array();
        r = client_connect(ctl) == STATUS_DONE ? read_list(&list, file) : -1;
        for (size_t i = 0; i < PAGES; i++)
                json_decref(list.pages[i].addresses);
        end_progress(&list);
        if (!ctl->json && (r == 0 || list.banned > 0))
                say_summary(&list);
        if (!list.remembered)
                list.status = fail("enforced, not yet all remembered: the disk does not answer, and a crash now would forget "
                                   "bans.\nLook: bailiffctl status");
        return r < 0 ? STATUS_ERROR : list.status;
}
