/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * unban --offline: mends a lock-out from the console while bailiffd does not run.
 * The ban ends in the database, so that it does not come back, and its elements
 * leave the kernel, so that it does not bite.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"
#include "control/view.h"
#include "ctl/ctl.h"
#include "firewall.h"
#include "store.h"
#include "util/addr.h"
#include "util/cleanup.h"

typedef struct Offline {
        Ctl *ctl;
        json_t *bans;
        size_t lifted;
        Element *elements; /* that are to leave the kernel */
        size_t n_elements, space;
        int status;
} Offline;

static void push(Offline *offline, Element element)
{
        if (offline->n_elements == offline->space) {
                size_t space = offline->space ? offline->space * 2 : 256;
                Element *elements = reallocarray(offline->elements, space, sizeof *elements);

                if (!elements)
                        abort();
                offline->elements = elements;
                offline->space = space;
        }
        offline->elements[offline->n_elements++] = element;
}

static int on_ended(void *userdata, const Ban *ban, EventTime ended, const char *how)
{
        Offline *offline = userdata;

        offline->lifted++;
        if (json_array_size(offline->bans) < 10000)
                json_array_append_new(offline->bans, view_ban(ban, false));
        if (ban->n_ports == 0)
                push(offline, (Element){ .addr = ban->addr });
        for (size_t i = 0; i < ban->n_ports; i++)
                push(offline, (Element){ .addr = ban->addr, .protocol = ban->ports[i].protocol, .port = ban->ports[i].port });
        return 0;
}

/* The kernel may hold what the database does not know. */
static void push_covering(Offline *offline, const Addr *addr)
{
        for (unsigned length = 1; length <= addr->length; length++)
                push(offline, (Element){ .addr = addr_masked(addr, length) });
}

static int clear_kernel(Offline *offline, bool whole, Problem *problem)
{
        _cleanup_(firewall_freep) Firewall *firewall = NULL;
        int r;

        if (!whole)
                return firewall_forget(offline->elements, offline->n_elements, problem);
        r = firewall_new_nft(NULL, false, (FirewallCallbacks){ NULL }, &firewall, problem);
        return r == 0 ? firewall_remove(firewall, problem) : r;
}

static void show(Offline *offline, const char *address, bool known)
{
        json_auto_t *object = json_pack("{s:I, s:O, s:b}", "lifted", (json_int_t) offline->lifted, "bans", offline->bans,
                                        "remembered", known);

        if (address)
                json_object_set_new(object, "address", json_string(address));
        if (offline->ctl->json) {
                say_json(object);
                return;
        }
        say_lifted(offline->bans, (long long) offline->lifted, "unbanned");
        if (offline->lifted == 0 && known)
                say(PLAIN, address ? "%s is not banned in the database\n" : "Nobody is banned in the database%s\n",
                    address ? address : "");
}

/* @address NULL: all. Return: 0, or -1 when there is no use in going on. */
static int lift(Offline *offline, const char *directory, const char *address, const char *jail)
{
        const Ctl *ctl = offline->ctl;
        Problem problem = { "" };
        Addr addr = ADDR_NULL;
        bool known;
        int r;

        if (address && addr_parse_prefix(address, &addr) < 0) {
                offline->status = worse(offline->status, refuse_address(ctl, address, 0));
                return 0;
        }
        json_array_clear(offline->bans);
        offline->lifted = offline->n_elements = 0;
        r = store_unban_offline(directory, address ? &addr : NULL, jail, clock_event_now(), on_ended, offline, &problem);
        if (r != 0)
                offline->status = fail("%s", problem.text);
        if (r == -EBUSY)
                return -1;
        known = r == 0;
        if (!known)
                fail("A ban that is in the database comes back when bailiffd starts.");
        if (address && !jail)
                push_covering(offline, &addr);
        r = clear_kernel(offline, !address && !jail, &problem);
        if (r != 0)
                offline->status = fail("the kernel's side: %s\nBy hand: nft delete table inet bailiff", problem.text);
        if (offline->lifted == 0 && address)
                offline->status = worse(offline->status, STATUS_NO);
        show(offline, address, known);
        return 0;
}

/**
 * unban_offline() - unban without the daemon
 * @directory:  where its state is, or NULL
 * @jail:       or NULL: in all
 * @argc:       addresses; 0: all bans
 */
int unban_offline(Ctl *ctl, const char *directory, const char *jail, int argc, char **argv)
{
        Offline offline = { .ctl = ctl };

        if (geteuid() != 0)
                return fail("--offline changes the database and the kernel itself, which root alone may do: use sudo");
        if (!directory)
                directory = BAILIFF_STATE_DIR;
        offline.bans = json_array();
        for (int i = 0; i < argc; i++)
                if (lift(&offline, directory, argv[i], jail) < 0)
                        break;
        if (argc == 0)
                lift(&offline, directory, NULL, jail);
        json_decref(offline.bans);
        free(offline.elements);
        return offline.status;
}
