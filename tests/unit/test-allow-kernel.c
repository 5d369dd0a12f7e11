/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The allow list's way into the kernel, before a kernel that is an array: how
 * much a turn of the loop sends, and that nobody who is allowed is cut off while
 * that goes on.
 */

#include <errno.h>
#include <limits.h>

#include "daemon/private.h"
#include "firewall/private.h"
#include "test.h"

#define ENTRIES 30000
#define TURN 1000

typedef struct Kernel {
        Firewall firewall;
        bool allowed[2 * ENTRIES];      /* by the number of the address, see host() */
        size_t n_allowed;
        size_t transactions, largest;   /* of allowed prefixes */
        int error;                      /* that is answered to the next transaction */
        bool cut_off;                   /* a ban came in before the allowed addresses that lie in it */
        size_t bans;
        const Daemon *daemon;
} Kernel;

/* 10.0.0.0 + number */
static Addr host(size_t number)
{
        Addr addr = { .family = 4, .length = 32, .bytes = { 10, (uint8_t) (number >> 16), (uint8_t) (number >> 8), (uint8_t) number } };

        return addr;
}

static size_t number_of(const Addr *addr)
{
        return (size_t) addr->bytes[1] << 16 | (size_t) addr->bytes[2] << 8 | addr->bytes[3];
}

static int kernel_allow(Firewall *firewall, const Element *entries, size_t n_entries, Problem *problem)
{
        Kernel *kernel = (Kernel *) firewall;

        if (kernel->error) {
                int error = kernel->error;

                kernel->error = 0;
                return problem_set(problem, error, "no memory, says the test");
        }
        kernel->transactions++;
        if (n_entries > kernel->largest)
                kernel->largest = n_entries;
        for (size_t i = 0; i < n_entries; i++) {
                bool *place = &kernel->allowed[number_of(&entries[i].addr)], allow = entries[i].until.usec != 0;

                kernel->n_allowed = kernel->n_allowed - *place + allow;
                *place = allow;
        }
        return 0;
}

static int check_entry(void *userdata, const AllowEntry *entry)
{
        Kernel *kernel = userdata;

        kernel->cut_off |= !kernel->allowed[number_of(&entry->addr)];
        return 0;
}

static int kernel_apply(Firewall *firewall, const Element *elements, size_t n_elements, Problem *problem)
{
        Kernel *kernel = (Kernel *) firewall;

        for (size_t i = 0; i < n_elements; i++)
                ban_engine_each_allowed(kernel->daemon->engine, &elements[i].addr, check_entry, kernel);
        kernel->bans += n_elements;
        return 0;
}

static const FirewallBackend BACKEND = { .name = "test", .allow = kernel_allow, .apply = kernel_apply };

typedef struct World {
        Daemon daemon;
        Kernel kernel;
        sd_event_source *always;
        size_t most, sent_before;       /* allowed addresses between two turns of somebody else */
} World;

static void on_ban(void *userdata, const BanEvent *event)
{
        daemon_queue_elements(userdata, event->changes, event->n_changes);
}

/* Somebody else on the loop, who is always ready: a request of the control socket. */
static int on_always(sd_event_source *source, void *userdata)
{
        World *world = userdata;
        size_t sent = world->kernel.transactions;

        if (sent - world->sent_before > world->most)
                world->most = sent - world->sent_before;
        world->sent_before = sent;
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT); /* at the end of the row again */
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        return 0;
}

static World *world_new(void)
{
        static Config config;
        World *world = calloc(1, sizeof *world);
        Daemon *daemon = &world->daemon;

        check(world);
        daemon->config = &config;
        world->kernel.daemon = daemon;
        world->kernel.firewall.backend = &BACKEND;
        daemon->firewall = &world->kernel.firewall;
        daemon->firewall_started = true;
        check(sd_event_new(&daemon->event) >= 0);
        check_int(ban_engine_new(100000, (BanSink){ on_ban, NULL, allow_changed, daemon }, &daemon->engine), 0);
        check_int(ban_engine_set_jail(daemon->engine, &(BanJail){ .name = "sshd", .bantime = 3600 }), 0);
        check(sd_event_add_time(daemon->event, &daemon->retry_source, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_retry, daemon) >= 0);
        check_int(allow_queue_new(daemon, &daemon->allow_queue), 0);
        check(sd_event_add_defer(daemon->event, &world->always, on_always, world) >= 0);
        return world;
}

static void world_free(World *world)
{
        Daemon *daemon = &world->daemon;

        sd_event_source_unref(world->always);
        sd_event_source_unref(daemon->retry_source);
        allow_queue_free(daemon->allow_queue);
        ban_engine_free(daemon->engine);
        health_clear(&daemon->health);
        free(daemon->elements);
        sd_event_unref(daemon->event);
        free(world);
}

/* The file now has addresses of these numbers. */
static void set_file(World *world, size_t first, size_t n)
{
        AllowEntry *entries = calloc(n + 1, sizeof *entries);

        for (size_t i = 0; i < n; i++)
                entries[i] = (AllowEntry){ .addr = host(first + i), .until = EVENT_TIME_FOREVER, .origin = "a file" };
        check_int(ban_engine_allow_group(world->daemon.engine, "file", entries, n, clock_event_now()), 0);
        free(entries);
}

static void turns(World *world, size_t n)
{
        for (size_t i = 0; i < n; i++)
                check(sd_event_run(world->daemon.event, 0) >= 0);
}

static bool holds(const World *world, size_t first, size_t n)
{
        for (size_t i = 0; i < 2 * ENTRIES; i++)
                if (world->kernel.allowed[i] != (i >= first && i < first + n))
                        return false;
        return true;
}

static void ban(World *world, const char *text)
{
        BanRequest request = { .jail = "sshd", .reason = "" };
        Problem problem = { "" };

        check_int(addr_parse_prefix(text, &request.addr), 0);
        check_int(ban_engine_ban(world->daemon.engine, &request, clock_event_now(), &problem), 0);
        check_int(daemon_flush_elements(&world->daemon), 0);
}

static void test_in_parts(void)
{
        World *world = world_new();

        set_file(world, 0, ENTRIES);
        check_int(world->kernel.transactions, 0); /* nothing waits for the kernel in the turn that reads the file */
        turns(world, 200);
        check(holds(world, 0, ENTRIES));
        check_int(world->kernel.transactions, ENTRIES / TURN);
        check_int(world->kernel.largest, TURN);
        /* Somebody else had a turn between any two. */
        check_int(world->most, 1);
        world_free(world);
}

static void test_replaced(void)
{
        World *world = world_new();

        set_file(world, 0, ENTRIES);
        turns(world, 200);
        set_file(world, ENTRIES / 2, ENTRIES);
        /* Those that come are there before any that goes has gone. */
        for (size_t i = 0; i < 200; i++) {
                turns(world, 1);
                check(!(world->kernel.allowed[0] != world->kernel.allowed[1]) || world->kernel.allowed[ENTRIES / 2 + ENTRIES - 1]);
                check(world->kernel.n_allowed >= ENTRIES);
        }
        check(holds(world, ENTRIES / 2, ENTRIES));
        set_file(world, 0, 0);
        turns(world, 200);
        check(holds(world, 0, 0));
        /* Gone and back before the loop turned: it stays. */
        set_file(world, 0, 10);
        turns(world, 10);
        set_file(world, 0, 0);
        set_file(world, 5, 5);
        turns(world, 10);
        check(holds(world, 5, 5));
        world_free(world);
}

static void test_never_cut_off(void)
{
        World *world = world_new();

        set_file(world, 0, ENTRIES);
        turns(world, 6);
        check(world->kernel.n_allowed > 0 && world->kernel.n_allowed < ENTRIES);
        check(!world->kernel.allowed[ENTRIES - 1]);
        ban(world, "10.0.117.0/24"); /* has number 29,999 and those before it */
        check(world->kernel.allowed[ENTRIES - 1]);
        check_int(world->kernel.bans, 1);
        check(!world->kernel.cut_off);
        check(!world->kernel.allowed[ENTRIES - 1000]); /* and nothing else was sent for that */
        turns(world, 200);
        check(holds(world, 0, ENTRIES));

        /* An address is decided to be banned, and allowed before the kernel heard of either. */
        Addr late = host(ENTRIES + 7);
        BanRequest request = { .jail = "sshd", .reason = "", .addr = late };
        AllowEntry entry = { .addr = late, .until = EVENT_TIME_FOREVER, .origin = "" };
        Problem problem = { "" };

        check_int(ban_engine_ban(world->daemon.engine, &request, clock_event_now(), &problem), 0);
        check_int(ban_engine_allow(world->daemon.engine, "command", &entry, clock_event_now()), 0);
        check_int(daemon_flush_elements(&world->daemon), 0);
        check(!world->kernel.cut_off && world->kernel.bans == 2);
        world_free(world);
}

/* The kernel refuses: bans that touch what it lacks wait, and nothing is forgotten. */
static void test_refused(void)
{
        World *world = world_new();
        Daemon *daemon = &world->daemon;
        BanRequest request = { .jail = "sshd", .reason = "" };
        Problem problem = { "" };

        set_file(world, 0, 10);
        world->kernel.error = -ENOBUFS;
        check_int(addr_parse_prefix("10.0.0.0/24", &request.addr), 0);
        check_int(ban_engine_ban(daemon->engine, &request, clock_event_now(), &problem), 0);
        check_int(daemon_flush_elements(daemon), -ENOBUFS);
        check_int(world->kernel.bans, 0);
        check_contains(daemon_problem(daemon, "firewall allow changes"), "no memory, says the test");
        check_int(daemon_flush_elements(daemon), 0);
        check_int(world->kernel.bans, 1);
        check(!world->kernel.cut_off);
        check_text(daemon_problem(daemon, "firewall allow changes"), "");
        turns(world, 10);

        /* One that goes is offered again as well. */
        world->kernel.error = -ENOBUFS;
        set_file(world, 0, 9);
        turns(world, 10);
        check(holds(world, 0, 10));
        check_contains(daemon_problem(daemon, "firewall allow changes"), "10.0.0.9");
        sd_event_source_set_enabled(world->always, SD_EVENT_OFF);
        check(sd_event_run(daemon->event, 3 * USEC_PER_SEC) >= 0);
        check(holds(world, 0, 9));
        check_text(daemon_problem(daemon, "firewall allow changes"), "");
        world_free(world);
}

/* A command's entry does not wait behind a file's. */
static void test_now(void)
{
        World *world = world_new();
        AllowEntry entry = { .addr = host(ENTRIES + 1), .until = EVENT_TIME_FOREVER, .origin = "" };

        set_file(world, 0, ENTRIES);
        check_int(ban_engine_allow(world->daemon.engine, "command", &entry, clock_event_now()), 0);
        check_int(allow_send_now(&world->daemon, &entry.addr), 0);
        check(holds(world, ENTRIES + 1, 1));
        check_int(ban_engine_disallow(world->daemon.engine, "command", &entry.addr, clock_event_now()), 0);
        check_int(allow_send_now(&world->daemon, &entry.addr), 0);
        check(holds(world, 0, 0));
        /* At the end all of it. */
        allow_flush(&world->daemon, true);
        check(holds(world, 0, ENTRIES));
        world_free(world);
}

int main(void)
{
        test_in_parts();
        test_replaced();
        test_never_cut_off();
        test_refused();
        test_now();
        return 0;
}
