/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The allow list's way into the kernel.
 *
 * One change of an allow file may change tens of thousands of entries, so what
 * changes is only noted here, and the kernel gets it a part in each turn of the
 * loop, one transaction at a time. The note is the prefix alone: what the kernel has to hold of
 * it is asked of the engine when it is sent, so that a prefix which changes
 * twice, or was sent meanwhile for another reason, ends as the engine has it.
 *
 * Nobody who is allowed may be cut off while that goes on. So
 *
 *   - entries that come are sent before entries that go: one that takes another
 *     one's place is there first;
 *   - before bans are sent, the entries that touch them are, if they could be
 *     among those that wait (allow_send_touched()). Usually none do;
 *   - a person's `allow add` is answered when the kernel has that entry
 *     (allow_send_now()).
 *
 * What the kernel does not take stays noted, and is offered again every second.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"
#include "util/log.h"

#define TURN_MAX 1000 /* entries that a turn of the loop sends: 4 to 15 ms of the kernel's time */

typedef struct AllowNotes {
        Addr *addrs;
        size_t n, size, sent;
} AllowNotes;

struct AllowQueue {
        Daemon *daemon;
        sd_event_source *turn;  /* in turn with whatever else is ready */
        sd_event_source *retry; /* in a second */
        AllowNotes puts, removals;
        bool behind;            /* the kernel refused; offered again in a second */
        Element *touched;       /* that go before bans */
        size_t n_touched, touched_size;
};

static int on_turn(sd_event_source *source, void *userdata);
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

/**
 * allow_queue_new() - a queue in which nothing waits
 * @daemon:     with its event loop
 *
 * Return: 0 or -errno.
 */
int allow_queue_new(Daemon *daemon, AllowQueue **ret_queue)
{
        _cleanup_(allow_queue_freep) AllowQueue *queue = calloc(1, sizeof *queue);
        int r;

        if (!queue)
                return -ENOMEM;
        queue->daemon = daemon;
        if ((r = sd_event_add_defer(daemon->event, &queue->turn, on_turn, queue)) < 0 ||
            (r = sd_event_source_set_enabled(queue->turn, SD_EVENT_OFF)) < 0 ||
            (r = sd_event_add_time(daemon->event, &queue->retry, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_retry, queue)) < 0 ||
            (r = sd_event_source_set_enabled(queue->retry, SD_EVENT_OFF)) < 0)
                return r;
        sd_event_source_set_description(queue->turn, "allow list to the kernel");
        sd_event_source_set_description(queue->retry, "allow list to the kernel again");
        sd_event_source_set_exit_on_failure(queue->turn, true);
        sd_event_source_set_exit_on_failure(queue->retry, true);
        *ret_queue = steal(queue);
        return 0;
}

/**
 * allow_queue_free() - forget what waits
 *
 * Return: NULL.
 */
AllowQueue *allow_queue_free(AllowQueue *queue)
{
        if (!queue)
                return NULL;
        sd_event_source_disable_unref(queue->turn);
        sd_event_source_disable_unref(queue->retry);
        free(queue->puts.addrs);
        free(queue->removals.addrs);
        free(queue->touched);
        free(queue);
        return NULL;
}

/* ---- notes ---- */

static size_t notes_left(const AllowNotes *notes)
{
        return notes->n - notes->sent;
}

static int notes_add(AllowNotes *notes, const Addr *addr)
{
        if (notes->n == notes->size) {
                size_t size = notes->size ? notes->size * 2 : 64;
                Addr *grown = reallocarray(notes->addrs, size, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                notes->addrs = grown;
                notes->size = size;
        }
        notes->addrs[notes->n++] = *addr;
        return 0;
}

static void notes_pass(AllowNotes *notes, size_t n)
{
        notes->sent += n;
        if (notes_left(notes) > 0)
                return;
        free(notes->addrs);
        *notes = (AllowNotes){ .addrs = NULL };
}

static bool waits(const AllowQueue *queue)
{
        return notes_left(&queue->puts) + notes_left(&queue->removals) > 0;
}

/* A turn to come stays when it is: who changes entries all the time is served all the same. */
static void arm(AllowQueue *queue)
{
        sd_event_source *source = queue->behind ? queue->retry : queue->turn;

        if (!waits(queue) || sd_event_source_get_enabled(source, NULL) > 0)
                return;
        if (queue->behind)
                sd_event_source_set_time(source, clock_boot_now().usec + USEC_PER_SEC);
        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- sending ---- */

typedef struct Exact {
        const Addr *addr;
        EventTime until;
} Exact;

/* Of a subtree the root comes first: no other one can be the prefix itself. */
static int take_exact(void *userdata, const AllowEntry *entry)
{
        Exact *exact = userdata;

        if (addr_equal(&entry->addr, exact->addr))
                exact->until = entry->until;
        return 1;
}

static Element as_allowed(const Daemon *daemon, const Addr *addr)
{
        Exact exact = { .addr = addr, .until = EVENT_TIME_NONE };

        ban_engine_each_allowed(daemon->engine, addr, take_exact, &exact);
        return (Element){ .addr = *addr, .until = exact.until };
}

static bool is_refusal(int r)
{
        return r < 0 || (r > 0 && r != FIREWALL_E_ELEMENT);
}

/* Return: 0; else the kernel has taken none of it, and it is told. */
static int send(AllowQueue *queue, const Element *entries, size_t n)
{
        Daemon *daemon = queue->daemon;
        Problem problem = { "" };
        char text[PROBLEM_TEXT_MAX + 128], addr[ADDR_TEXT_MAX];
        int r = firewall_allow_many(daemon->firewall, entries, n, &problem);

        queue->behind = is_refusal(r);
        if (queue->behind) {
                snprintf(text, sizeof text, "the kernel has not taken changes, as of %s: %s; they are offered again every second",
                         addr_format(&entries[0].addr, addr), *problem.text ? problem.text : "it did not say why");
                daemon_degrade(daemon, "firewall allow changes", text);
                return r;
        }
        daemon_degrade(daemon, "firewall allow changes", NULL);
        if (r == FIREWALL_E_ELEMENT)
                daemon_verify_soon(daemon); /* it was told which; when all are taken, that is mended */
        return 0;
}

static void send_notes(AllowQueue *queue)
{
        AllowNotes *notes = notes_left(&queue->puts) > 0 ? &queue->puts : &queue->removals;
        _cleanup_free_ Element *entries = NULL;
        size_t n = notes_left(notes) < TURN_MAX ? notes_left(notes) : TURN_MAX;

        if (n == 0)
                return;
        entries = calloc(n, sizeof *entries);
        for (size_t i = 0; entries && i < n; i++)
                entries[i] = as_allowed(queue->daemon, &notes->addrs[notes->sent + i]);
        if (!entries)
                queue->behind = true;
        else if (send(queue, entries, n) == 0)
                notes_pass(notes, n);
}

static int on_turn(sd_event_source *source, void *userdata)
{
        AllowQueue *queue = userdata;

        send_notes(queue);
        arm(queue);
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        return on_turn(source, userdata);
}

/**
 * allow_flush() - send a turn's worth of what waits now
 * @all:        everything, however long that takes
 *
 * Few entries, as a person changes them, are in force then.
 */
void allow_flush(Daemon *daemon, bool all)
{
        AllowQueue *queue = daemon->allow_queue;

        send_notes(queue);
        if (!queue->behind && notes_left(&queue->puts) == 0)
                send_notes(queue);
        while (all && !queue->behind && waits(queue))
                send_notes(queue);
        arm(queue);
}

static void note(AllowQueue *queue, const Element *entry)
{
        if (notes_add(entry->until.usec == EVENT_TIME_NONE.usec ? &queue->removals : &queue->puts, &entry->addr) == 0)
                return;
        /* No memory to wait in. */
        if (send(queue, entry, 1) != 0)
                daemon_verify_soon(queue->daemon);
}

/**
 * allow_changed() - the ban engine's sink for what the kernel's allow sets have to hold
 */
void allow_changed(void *userdata, const Addr *addr, EventTime until)
{
        Daemon *daemon = userdata;
        AllowQueue *queue = daemon->allow_queue;
        Element entry = { .addr = *addr, .until = until };

        if (!daemon->firewall_started)
                return; /* firewall_start() asks for all of them */
        note(queue, &entry);
        arm(queue);
}

/**
 * allow_send_now() - bring the kernel's entry for exactly this prefix up to date before anybody is answered
 *
 * Return: 0; else the kernel has not taken it, and it is offered again.
 */
int allow_send_now(Daemon *daemon, const Addr *addr)
{
        AllowQueue *queue = daemon->allow_queue;
        Element entry = as_allowed(daemon, addr);
        int r = daemon->firewall_started ? send(queue, &entry, 1) : 0;

        if (r != 0)
                note(queue, &entry);
        arm(queue);
        return r;
}

static int take_touched(void *userdata, const AllowEntry *entry)
{
        AllowQueue *queue = userdata;

        if (queue->n_touched == queue->touched_size) {
                size_t size = queue->touched_size ? queue->touched_size * 2 : 64;
                Element *grown = reallocarray(queue->touched, size, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                queue->touched = grown;
                queue->touched_size = size;
        }
        queue->touched[queue->n_touched++] = (Element){ .addr = entry->addr, .until = entry->until };
        return 0;
}

/**
 * allow_send_touched() - send the entries that bans would cut off before these bans are
 * @elements:   about to be sent
 *
 * Return: 0; else the kernel has not taken them, and the bans have to wait.
 */
int allow_send_touched(Daemon *daemon, const Element *elements, size_t n_elements)
{
        AllowQueue *queue = daemon->allow_queue;
        int r = 0;

        queue->n_touched = 0;
        if (notes_left(&queue->puts) == 0)
                return 0;
        for (size_t i = 0; i < n_elements && r == 0; i++) {
                const Addr *addr = &elements[i].addr;
                const AllowEntry *around;

                if (elements[i].until.usec == EVENT_TIME_NONE.usec)
                        continue;
                around = ban_engine_allowed(daemon->engine, NULL, addr);
                if (around)
                        r = take_touched(queue, around);
                if (r == 0)
                        r = ban_engine_each_allowed(daemon->engine, addr, take_touched, queue);
        }
        for (size_t at = 0; at < queue->n_touched && r == 0; at += FIREWALL_BATCH_MAX) {
                size_t n = queue->n_touched - at;

                r = send(queue, queue->touched + at, n < FIREWALL_BATCH_MAX ? n : FIREWALL_BATCH_MAX);
        }
        arm(queue);
        return r;
}
