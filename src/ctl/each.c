/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One call for each address of the command line. All are asked before the first
 * answer is awaited, a few hundred at a time: the daemon answers when its disk
 * has a change, so many of them take one commit.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/addr.h"
#include "util/cleanup.h"

#define AHEAD 256 /* calls under way; the daemon takes more, and their answers fit its socket */

typedef struct Each {
        Ctl *ctl;
        const char *method;
        const json_t *parameters; /* of every call; the address is added */
        AnswerShower show;
        const char *sent[AHEAD];  /* addresses whose answers are still to come; of argv */
        size_t first, n;
        int status;
} Each;

static void show_json(const Answer *answer, const char *address)
{
        json_auto_t *object = json_copy(answer->parameters);

        if (address)
                json_object_set_new(object, "address", json_string(address));
        if (answer->error)
                json_object_set_new(object, "error", json_string(answer->error));
        say_json(object);
}

/**
 * show_change() - tell the answer to a changing call, as JSON or by @show
 * @address:    what it was about; NULL: all
 *
 * Return: an exit status.
 */
int show_change(Ctl *ctl, const Answer *answer, const char *address, AnswerShower show)
{
        int status;

        if (ctl->json)
                show_json(answer, address);
        if (answer->error)
                return answer_error(answer, address);
        status = show(ctl, answer, address);
        if (!json_is_true(json_object_get(answer->parameters, "remembered"))) {
                fail("%s%senforced, not yet remembered: the disk does not answer, and a crash now would forget it.\n"
                     "Look: bailiffctl status",
                     address ? address : "", address ? ": " : "");
                status = STATUS_ERROR;
        }
        return status;
}

static int take_answer(Each *each)
{
        _cleanup_answer_ Answer answer = { 0 };
        const char *address = each->sent[each->first % AHEAD];
        int status = client_receive(each->ctl, CLIENT_TIMEOUT_MSEC, &answer);

        if (status != STATUS_DONE)
                return -1;
        each->first++;
        each->n--;
        each->status = worse(each->status, show_change(each->ctl, &answer, address, each->show));
        return 0;
}

/**
 * refuse_address() - tell that a word is no address
 * @line:       of a list; 0: it stood on the command line
 *
 * Return: STATUS_ERROR.
 */
int refuse_address(const Ctl *ctl, const char *address, size_t line)
{
        json_auto_t *object = json_object();
        json_t *text = json_string(address);

        if (ctl->json) {
                json_object_set_new(object, "address", text ? text : json_string("?")); /* it may not be UTF-8 */
                json_object_set_new(object, "error", json_string("org.varlink.service.InvalidParameter"));
                json_object_set_new(object, "message", json_string("no IP address or prefix; names are never resolved"));
                if (line > 0)
                        json_object_set_new(object, "line", json_integer((json_int_t) line));
                say_json(object);
        } else {
                json_decref(text);
        }
        if (line > 0)
                return fail("line %zu: \"%.100s\" is no IP address or prefix; names are never resolved.", line, address);
        return fail("\"%.100s\" is no IP address or prefix; names are never resolved.", address);
}

/* Return: 0, or -1 when there is no use in going on. */
static int ask(Each *each, const char *address)
{
        Addr addr;

        /* Checked here as well, so that a typing error is told without a daemon and an odd byte never leaves. */
        if (addr_parse_prefix(address, &addr) == -EINVAL) {
                each->status = refuse_address(each->ctl, address, 0);
                return 0;
        }
        if (each->n == AHEAD && take_answer(each) < 0)
                return -1;
        json_t *parameters = json_copy((json_t *) (uintptr_t) each->parameters);

        json_object_set_new(parameters, "address", json_string(address));
        if (client_send(each->ctl, each->method, parameters, false) != STATUS_DONE)
                return -1;
        each->sent[(each->first + each->n++) % AHEAD] = address;
        return 0;
}

/**
 * each_address() - a call for each address, and its answer told
 * @parameters: of every call, without the address
 *
 * Return: the worst exit status.
 */
int each_address(Ctl *ctl, const char *method, const json_t *parameters, AnswerShower show, int argc, char **argv)
{
        Each each = { .ctl = ctl, .method = method, .parameters = parameters, .show = show };
        int r = client_connect(ctl) == STATUS_DONE ? 0 : -1;

        for (int i = 0; r == 0 && i < argc; i++)
                r = ask(&each, argv[i]);
        while (r == 0 && each.n > 0)
                r = take_answer(&each);
        return r < 0 ? STATUS_ERROR : each.status;
}
