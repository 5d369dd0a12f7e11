/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The interface through the backend that records. */

#include <errno.h>
#include <netinet/in.h>

#include "firewall.h"
#include "firewall/private.h"
#include "test.h"

typedef struct World {
        Element elements[4];
        size_t n_elements;
        unsigned refused, refused_allow;
        char why[96];
        Addr last_refused;
} World;

static int visit_elements(void *userdata, int (*visit)(void *data, const Element *element), void *data)
{
        World *world = userdata;
        int r = 0;

        for (size_t i = 0; r == 0 && i < world->n_elements; i++)
                r = visit(data, &world->elements[i]);
        return r;
}

static int visit_allowed(void *userdata, int (*visit)(void *data, const Addr *addr, EventTime until), void *data)
{
        Addr addr;

        check_int(addr_parse_prefix("127.0.0.0/8", &addr), 0);
        return visit(data, &addr, EVENT_TIME_FOREVER);
}

static void on_refused(void *userdata, const Element *element, const char *why)
{
        World *world = userdata;

        world->refused++;
        world->last_refused = element->addr;
        snprintf(world->why, sizeof world->why, "%s", why);
}

static void on_refused_allow(void *userdata, const Addr *addr, const char *why)
{
        World *world = userdata;

        world->refused_allow++;
        world->last_refused = *addr;
        snprintf(world->why, sizeof world->why, "%s", why);
}

static Element element(const char *text, int64_t seconds)
{
        Element made = { .until = event_time_add(clock_event_now(), seconds) };

        check_int(addr_parse_prefix(text, &made.addr), 0);
        return made;
}

static Firewall *new_none(World *world)
{
        FirewallCallbacks callbacks = {
                .elements = visit_elements,
                .allowed = visit_allowed,
                .refused = on_refused,
                .refused_allow = on_refused_allow,
                .userdata = world,
        };
        Firewall *firewall;

        check_int(firewall_new_none(callbacks, &firewall), 0);
        return firewall;
}

static void test_elements(void)
{
        World world = { .n_elements = 0 };
        _cleanup_(firewall_freep) Firewall *firewall = new_none(&world);
        Element ban = element("203.0.113.5", 60), port = element("203.0.113.5", 60), net = element("3fff::/64", DURATION_FOREVER);
        FirewallElement answer = { 0 };

        port.protocol = IPPROTO_TCP;
        port.port = 25;
        check_text(firewall_backend(firewall), "none");
        check_int(firewall_start(firewall, 1, NULL), 0);
        check_int(firewall_apply(firewall, &ban, 1, NULL), 0);
        check_int(firewall_query(firewall, &ban, &answer), 0);
        check(!answer.permanent && answer.expires_msec > 59000 && answer.expires_msec <= 60000);
        check_int(firewall_query(firewall, &port, &answer), FIREWALL_E_ABSENT);
        check_int(firewall_apply(firewall, (Element[]){ port, net }, 2, NULL), 0);
        check_int(firewall_query(firewall, &port, &answer), 0);
        check_int(firewall_query(firewall, &net, &answer), 0);
        check(answer.permanent && answer.expires_msec == 0);

        ban.until = EVENT_TIME_NONE;
        check_int(firewall_apply(firewall, &ban, 1, NULL), 0);
        check_int(firewall_query(firewall, &ban, &answer), FIREWALL_E_ABSENT);
        check_int(firewall_apply(firewall, &ban, 1, NULL), 0); /* absent is no error */
        port.until = (EventTime){ clock_event_now().usec - 1 };
        check_int(firewall_apply(firewall, &port, 1, NULL), 0); /* over: removed */
        check_int(firewall_query(firewall, &port, &answer), FIREWALL_E_ABSENT);
        check_int(firewall_stats(firewall)->elements_added, 3 + 1); /* and 127.0.0.0/8 */
        check_int(firewall_stats(firewall)->elements_removed, 2);
        check_int(firewall_remove(firewall, NULL), 0);
        check_int(firewall_query(firewall, &net, &answer), FIREWALL_E_ABSENT);
        check_int(world.refused, 0);
}

static void test_start_reads_elements(void)
{
        World world = { .elements = { element("203.0.113.1", 60), element("203.0.113.2", 60) }, .n_elements = 2 };
        _cleanup_(firewall_freep) Firewall *firewall = new_none(&world);
        FirewallElement answer;

        check_int(firewall_start(firewall, 1, NULL), 0);
        check_int(firewall_query(firewall, &world.elements[1], &answer), 0);
}

static void test_refused(void)
{
        World world = { .n_elements = 0 };
        _cleanup_(firewall_freep) Firewall *firewall = new_none(&world);
        Element bad[] = { element("255.255.255.255", 60), element("::", 60), element("203.0.113.7", 60),
                          element("203.0.113.8", 60), element("203.0.113.9", 60) };
        FirewallElement answer;
        Addr ones;

        bad[2].port = 25;        /* without a protocol */
        bad[3].addr.length = 24; /* with bits past it */
        check_int(firewall_apply(firewall, bad, 5, NULL), FIREWALL_E_ELEMENT);
        check_int(world.refused, 4);
        check_contains(world.why, "past the prefix length");
        check_int(firewall_stats(firewall)->refused, 4);
        check_int(firewall_query(firewall, &bad[4], &answer), 0);
        check_int(firewall_query(firewall, &bad[0], &answer), FIREWALL_E_ABSENT);
        check_int(addr_parse_prefix("255.255.255.255", &ones), 0);
        check_int(firewall_allow(firewall, &ones, EVENT_TIME_FOREVER, false, NULL), -EINVAL);
        check_int(firewall_allow(firewall, &bad[4].addr, EVENT_TIME_FOREVER, false, NULL), 0);
        check_int(firewall_allow(firewall, &bad[4].addr, EVENT_TIME_NONE, true, NULL), 0);
}

static void test_cap(void)
{
        World world = { .n_elements = 0 };
        _cleanup_(firewall_freep) Firewall *firewall = new_none(&world);
        Element more = element("203.0.113.99", 60);
        FirewallElement answer;

        firewall_none_limit(firewall, 10);
        for (unsigned i = 0; i < 10; i++) {
                Element one = element("203.0.113.1", 60);
                one.addr.bytes[3] = (uint8_t) (1 + i);
                check_int(firewall_apply(firewall, &one, 1, NULL), 0);
        }
        check_int(firewall_apply(firewall, &more, 1, NULL), FIREWALL_E_ELEMENT);
        check_contains(world.why, "full");
        check_int(world.refused, 1);
        check_int(firewall_query(firewall, &more, &answer), FIREWALL_E_ABSENT);
        /* One that has a place is still changed, and a place that is given up is taken. */
        Element known = element("203.0.113.1", 600);
        check_int(firewall_apply(firewall, &known, 1, NULL), 0);
        known.until = EVENT_TIME_NONE;
        check_int(firewall_apply(firewall, &known, 1, NULL), 0);
        check_int(firewall_apply(firewall, &more, 1, NULL), 0);
        /* An allowed address that finds no room is told, and by another callback. */
        check_int(firewall_allow(firewall, &more.addr, EVENT_TIME_FOREVER, false, NULL), FIREWALL_E_ELEMENT);
        check_int(world.refused_allow, 1);
        check_int(world.refused, 1);
        check(addr_equal(&world.last_refused, &more.addr));
}

static void test_reject(void)
{
        World world = { .n_elements = 0 };
        _cleanup_(firewall_freep) Firewall *firewall = new_none(&world);
        Element drop = element("203.0.113.5", 60), reject = drop;
        FirewallElement answer;

        reject.reject = true;
        check_int(firewall_apply(firewall, &reject, 1, NULL), 0);
        check_int(firewall_query(firewall, &reject, &answer), 0);
        check_int(firewall_query(firewall, &drop, &answer), FIREWALL_E_ABSENT);
        check_int(firewall_set_counters(firewall, true, NULL), 0);
        check_int(firewall_query(firewall, &reject, &answer), 0);
}

int main(void)
{
        test_elements();
        test_start_reads_elements();
        test_refused();
        test_cap();
        test_reject();
        return 0;
}
