/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "ban.h"
#include "test.h"

#define SECOND USEC_PER_SEC
#define MODEL_MAX 4096
#define MAX_BANS 24

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state >> 11) % below;
}

static Addr addr_of(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

/* ---- a model: flat lists, asked from end to end ---- */

static const Port PORTS[] = { { 6, 25 }, { 6, 587 }, { 6, 993 }, { 17, 587 } };

static const struct {
        const char *name;
        int64_t bantime;
        size_t from, n; /* of PORTS; n 0: all ports */
} JAILS[] = { { "sshd", 600, 0, 0 }, { "nginx", 1000, 0, 0 }, { "postfix", 300, 0, 2 }, { "dovecot", 2000, 1, 3 }, { "ever", DURATION_FOREVER, 2, 1 } };
#define N_JAILS (sizeof JAILS / sizeof *JAILS)

typedef struct ModelBan {
        uint64_t id;
        size_t jail;
        Addr addr;
        int64_t until;
        bool manual;
} ModelBan;

typedef struct Model {
        ModelBan bans[MODEL_MAX];
        size_t n_bans;
        AllowEntry allowed[MODEL_MAX];
        size_t n_allowed;
        Element kernel[MODEL_MAX]; /* what the events have made of it */
        size_t n_kernel;
        size_t n_events[BAN_EVENT_DISPLACED + 1];
        int64_t now;
} Model;

static Model model;

static bool same_element(const Element *a, const Element *b)
{
        return addr_equal(&a->addr, &b->addr) && a->protocol == b->protocol && a->port == b->port;
}

/* The kernel's own work: elements end by themselves. */
static void kernel_tick(void)
{
        for (size_t i = model.n_kernel; i-- > 0;)
                if (model.kernel[i].until.usec <= model.now)
                        model.kernel[i] = model.kernel[--model.n_kernel];
}

static void apply(void *userdata, const BanEvent *event)
{
        model.n_events[event->kind]++;
        check_int(event->time.usec, model.now);
        for (size_t i = 0; i < event->n_changes; i++) {
                const Element *change = &event->changes[i];
                size_t k = 0;

                while (k < model.n_kernel && !same_element(&model.kernel[k], change))
                        k++;
                if (change->until.usec == 0) {
                        /* Only what is there is taken away, only what differs is set. */
                        check(k < model.n_kernel);
                        model.kernel[k] = model.kernel[--model.n_kernel];
                        continue;
                }
                check(change->until.usec > model.now);
                check(k == model.n_kernel || model.kernel[k].until.usec != change->until.usec);
                check(k < MODEL_MAX);
                model.n_kernel += k == model.n_kernel;
                model.kernel[k] = *change;
        }
}

static void model_expire(void)
{
        kernel_tick();
        for (size_t i = model.n_bans; i-- > 0;)
                if (model.bans[i].until <= model.now)
                        model.bans[i] = model.bans[--model.n_bans];
        for (size_t i = model.n_allowed; i-- > 0;)
                if (model.allowed[i].until.usec <= model.now)
                        model.allowed[i] = model.allowed[--model.n_allowed];
}

static bool model_allows(const Addr *addr)
{
        for (size_t i = 0; i < model.n_allowed; i++)
                if (addr_contains(&model.allowed[i].addr, addr))
                        return true;
        return false;
}

/* Return: whether there was room. */
static bool model_ban(size_t jail, const Addr *addr, int64_t until, bool manual)
{
        for (size_t i = 0; i < model.n_bans; i++) {
                ModelBan *ban = &model.bans[i];

                if (ban->jail != jail || !addr_equal(&ban->addr, addr))
                        continue;
                ban->until = until > ban->until ? until : ban->until;
                ban->manual |= manual;
                return true;
        }
        if (until <= model.now)
                return true;
        if (model.n_bans == MAX_BANS) {
                size_t soonest = SIZE_MAX;

                for (size_t i = 0; i < model.n_bans; i++)
                        if (!model.bans[i].manual && model.bans[i].until != INT64_MAX &&
                            (soonest == SIZE_MAX || model.bans[i].until < model.bans[soonest].until))
                                soonest = i;
                if (soonest == SIZE_MAX)
                        return false;
                model.bans[soonest] = model.bans[--model.n_bans];
        }
        model.bans[model.n_bans++] = (ModelBan){ .jail = jail, .addr = *addr, .until = until, .manual = manual };
        return true;
}

static size_t model_unban(const Addr *addr, size_t jail, bool inside_only)
{
        size_t n = 0;

        for (size_t i = model.n_bans; i-- > 0;) {
                const ModelBan *ban = &model.bans[i];

                if (jail < N_JAILS && ban->jail != jail)
                        continue;
                if (addr && !addr_contains(addr, &ban->addr) && (inside_only || !addr_contains(&ban->addr, addr)))
                        continue;
                model.bans[i] = model.bans[--model.n_bans];
                n++;
        }
        return n;
}

/* What the kernel ought to hold, from the model's bans. */
static size_t model_elements(Element *elements)
{
        size_t n = 0;

        for (size_t i = 0; i < model.n_bans; i++) {
                size_t jail = model.bans[i].jail;

                for (size_t p = 0; p < (JAILS[jail].n ? JAILS[jail].n : 1); p++) {
                        Element element = { .addr = model.bans[i].addr, .until = { model.bans[i].until } };
                        size_t k = 0;

                        if (JAILS[jail].n) {
                                element.protocol = PORTS[JAILS[jail].from + p].protocol;
                                element.port = PORTS[JAILS[jail].from + p].port;
                        }
                        while (k < n && !same_element(&elements[k], &element))
                                k++;
                        if (k == n)
                                elements[n++] = element;
                        else
                                elements[k].until = event_time_max(elements[k].until, element.until);
                }
        }
        return n;
}

/* ---- comparing ---- */

static void check_elements(const Element *a, size_t n_a, const Element *b, size_t n_b)
{
        check_int(n_a, n_b);
        for (size_t i = 0; i < n_a; i++) {
                size_t k = 0;

                while (k < n_b && !same_element(&a[i], &b[k]))
                        k++;
                check(k < n_b);
                check_int(a[i].until.usec, b[k].until.usec);
        }
}

typedef struct Collected {
        Element elements[MODEL_MAX];
        size_t n;
} Collected;

static int collect_element(void *userdata, const Element *element)
{
        Collected *collected = userdata;

        check(collected->n < MODEL_MAX);
        collected->elements[collected->n++] = *element;
        return 0;
}

static int check_ban(void *userdata, const Ban *ban)
{
        size_t i = 0;

        ++*(size_t *) userdata;
        while (i < model.n_bans && (strcmp(JAILS[model.bans[i].jail].name, ban->jail) != 0 || !addr_equal(&model.bans[i].addr, &ban->addr)))
                i++;
        check(i < model.n_bans);
        check_int(ban->until.usec, model.bans[i].until);
        check_int(ban->origin == BAN_MANUAL, model.bans[i].manual);
        return 0;
}

static void check_state(BanEngine *engine, const Addr *probe)
{
        static Element expected[MODEL_MAX];
        static Collected collected;
        size_t n = model_elements(expected), n_bans = 0, n_covering = 0, covering = 0;

        check_elements(expected, n, model.kernel, model.n_kernel);
        collected.n = 0;
        check_int(ban_engine_each_element(engine, (EventTime){ model.now }, collect_element, &collected), 0);
        check_elements(expected, n, collected.elements, collected.n);
        check_int(ban_engine_stats(engine)->elements, n);
        check_int(ban_engine_stats(engine)->bans, model.n_bans);
        check_int(ban_engine_each(engine, NULL, check_ban, &n_bans), 0);
        check_int(n_bans, model.n_bans);
        for (size_t i = 0; i < model.n_bans; i++)
                covering += addr_contains(&model.bans[i].addr, probe);
        check_int(ban_engine_covering(engine, probe, check_ban, &n_covering), 0);
        check_int(n_covering, covering);
        check_int(ban_engine_allowed(engine, NULL, probe) != NULL, model_allows(probe));
}

/* ---- random steps ---- */

static BanEngine *make_engine(void)
{
        BanEngine *engine;

        check_int(ban_engine_new(MAX_BANS, (BanSink){ .event = apply }, &engine), 0);
        for (size_t i = 0; i < N_JAILS; i++) {
                BanJail jail = { JAILS[i].name, JAILS[i].bantime, JAILS[i].n ? PORTS + JAILS[i].from : NULL, JAILS[i].n };
                check_int(ban_engine_set_jail(engine, &jail), 0);
        }
        for (size_t i = 0; i < model.n_allowed; i++)
                check_int(ban_engine_allow(engine, "test", &model.allowed[i], (EventTime){ model.now }), 0);
        return engine;
}

/* Addresses and prefixes around a few hosts, so that they overlap. */
static Addr random_addr(bool single)
{
        uint8_t bytes[16] = { 203, 0, 113, (uint8_t) draw(24) };
        Addr addr;

        if (draw(3) == 0) {
                memcpy(bytes, (uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8 }, 4);
                bytes[7] = (uint8_t) draw(3);
                bytes[15] = (uint8_t) draw(3);
                addr = addr_from_bytes(6, bytes);
                return single || draw(2) ? addr : addr_masked(&addr, draw(2) ? 64 : 62);
        }
        addr = addr_from_bytes(4, bytes);
        return single || draw(2) ? addr : addr_masked(&addr, 24 + (unsigned) draw(8));
}

static void step_offence(BanEngine *engine)
{
        size_t jail = draw(N_JAILS);
        Addr source = random_addr(true), addr = addr_ban_key(&source, 64);
        EventTime last = { model.now - (int64_t) draw(draw(4) ? 10 * SECOND : 1500 * SECOND) };
        Evidence line = { last, "rule", "a line" };
        Offence offence = { JAILS[jail].name, addr, source, last, last, 5, "rule", &line, 1 };
        bool room = true;
        int r;

        if (!model_allows(&source) && !model_allows(&addr))
                room = model_ban(jail, &addr, event_time_add(last, JAILS[jail].bantime).usec, false);
        r = ban_engine_offence(engine, &offence, (EventTime){ model.now });
        check_int(r, room ? 0 : BAN_E_FULL);
}

static void step_manual(BanEngine *engine)
{
        size_t jail = draw(N_JAILS);
        BanRequest request = { .jail = JAILS[jail].name, .addr = random_addr(false), .has_duration = draw(2), .duration = 1 + (int64_t) draw(3000),
                               .reason = draw(2) ? "reason" : "" };
        int64_t until = event_time_add((EventTime){ model.now }, request.has_duration ? request.duration : JAILS[jail].bantime).usec;
        int expected;

        if (request.has_duration && draw(20) == 0) {
                request.duration = DURATION_FOREVER;
                until = INT64_MAX;
        }
        expected = model_allows(&request.addr) ? BAN_E_ALLOWED : model_ban(jail, &request.addr, until, true) ? 0 : BAN_E_FULL;
        check_int(ban_engine_ban(engine, &request, (EventTime){ model.now }, NULL), expected);
}

static void step_unban(BanEngine *engine)
{
        Addr addr = random_addr(false);
        bool all = draw(60) == 0, inside = !all && draw(4) == 0;
        size_t jail = inside ? N_JAILS : draw(2) ? draw(N_JAILS) : N_JAILS, lifted = 999;
        size_t expected = model_unban(all ? NULL : &addr, jail, inside);
        EventTime now = { model.now };

        if (inside)
                check_int(ban_engine_unban_inside(engine, &addr, now, "", &lifted), 0);
        else
                check_int(ban_engine_unban(engine, all ? NULL : &addr, jail < N_JAILS ? JAILS[jail].name : NULL, now, "", &lifted), 0);
        check_int(lifted, expected);
}

static void step_allow(BanEngine *engine)
{
        AllowEntry entry = { random_addr(false), { draw(20) ? model.now + 1 + (int64_t) draw(200 * SECOND) : INT64_MAX }, "test" };
        size_t i = 0;

        /* These two functions are not told the time. */
        ban_engine_expire(engine, (EventTime){ model.now });
        while (i < model.n_allowed && !addr_equal(&model.allowed[i].addr, &entry.addr))
                i++;
        if (draw(2)) {
                check_int(ban_engine_disallow(engine, "test", &entry.addr, (EventTime){ model.now }), i < model.n_allowed ? 0 : BAN_E_NO_ENTRY);
                if (i < model.n_allowed)
                        model.allowed[i] = model.allowed[--model.n_allowed];
                return;
        }
        check_int(ban_engine_allow(engine, "test", &entry, (EventTime){ model.now }), 0);
        if (i < model.n_allowed && model.allowed[i].until.usec >= entry.until.usec)
                return;
        model.n_allowed += i == model.n_allowed;
        model.allowed[i] = entry;
}

static int restore_ban(void *userdata, const Ban *ban)
{
        return ban_engine_restore(userdata, ban, (EventTime){ model.now });
}

static BanEngine *reborn(BanEngine *old)
{
        BanEngine *engine = make_engine();

        check_int(ban_engine_each(old, NULL, restore_ban, engine), 0);
        ban_engine_free(old);
        return engine;
}

static void test_model(unsigned steps)
{
        BanEngine *engine = make_engine();

        model.now = 5000 * SECOND;
        for (unsigned step = 0; step < steps; step++) {
                /* Odd microseconds: no two bans end together, so that which one gives way is certain. */
                model.now += 1 + (int64_t) draw(draw(100) ? 10 * SECOND : 900 * SECOND);
                model_expire();
                switch (draw(20)) {
                case 0 ... 8: step_offence(engine); break;
                case 9 ... 13: step_manual(engine); break;
                case 14 ... 15: step_unban(engine); break;
                case 16: step_allow(engine); break;
                default: break;
                }
                EventTime next = ban_engine_expire(engine, (EventTime){ model.now }), expected = EVENT_TIME_FOREVER;
                for (size_t i = 0; i < model.n_bans; i++)
                        expected = event_time_min(expected, (EventTime){ model.bans[i].until });
                for (size_t i = 0; i < model.n_allowed; i++)
                        expected = event_time_min(expected, model.allowed[i].until);
                check_int(next.usec, expected.usec);
                if (draw(400) == 0)
                        engine = reborn(engine);
                Addr probe = random_addr(draw(2));
                check_state(engine, &probe);
        }
        for (size_t kind = 0; kind <= BAN_EVENT_DISPLACED; kind++) {
                printf("%s %zu, ", ban_event_kind_name((BanEventKind) kind), model.n_events[kind]);
                check(model.n_events[kind] > 0);
        }
        printf("%u steps\n", steps);
        ban_engine_free(engine);
}

/* ---- single points ---- */

typedef struct Last {
        BanEventKind kind;
        Ban ban;
        size_t n_events;
} Last;

static void keep_last(void *userdata, const BanEvent *event)
{
        Last *last = userdata;

        last->kind = event->kind;
        last->ban = *event->ban;
        last->n_events++;
}

static void test_ids(void)
{
        Last last = { .n_events = 0 };
        BanEngine *engine;
        BanJail jail = { "sshd", 600, NULL, 0 };
        BanRequest request = { .jail = "sshd", .addr = addr_of("203.0.113.5"), .reason = "" };
        Ban restored = { .id = 70, .jail = "sshd", .addr = addr_of("203.0.113.9"), .start = { 1 }, .until = { 2000 }, .rule = "", .reason = "why" };

        check_int(ban_engine_new(10, (BanSink){ .event = keep_last, .userdata = &last }, &engine), 0);
        check_int(ban_engine_set_jail(engine, &jail), 0);
        ban_engine_set_next_id(engine, 42);
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1000 }, NULL), 0);
        check_int(last.ban.id, 42);
        check_int(ban_engine_restore(engine, &restored, (EventTime){ 1000 }), 0);
        check_int(last.n_events, 1);
        request.addr = addr_of("203.0.113.6");
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1000 }, NULL), 0);
        check_int(last.ban.id, 71);
        check_int(ban_engine_total(engine, "sshd"), 2);
        check_int(ban_engine_count(engine, "sshd"), 3);
        check_int(ban_engine_count(engine, "other"), 0);
        restored.id = 0;
        check_int(ban_engine_restore(engine, &restored, (EventTime){ 1000 }), -EINVAL);
        restored.id = 9;
        restored.addr = ADDR_NULL;
        check_int(ban_engine_restore(engine, &restored, (EventTime){ 1000 }), -EINVAL);
        /* Over by now: told at the next call, as a ban that ended by itself. */
        check_int(ban_engine_expire(engine, (EventTime){ 3000 }).usec, 1000 + 600 * SECOND);
        check_int(last.kind, BAN_EVENT_EXPIRE);
        check_int(last.ban.id, 70);
        ban_engine_free(engine);
        check(!ban_engine_free(NULL));
}

static int count_evidence(void *userdata, const Ban *ban)
{
        *(size_t *) userdata += ban->n_evidence > 0;
        return 0;
}

/* 100,000 bans with ten long lines each: what is kept stays within the cap, the bans are all there. */
static void test_evidence_cap(void)
{
        Last last = { .n_events = 0 };
        BanEngine *engine;
        BanJail jail = { "sshd", 600, NULL, 0 };
        Evidence lines[EVIDENCE_MAX];
        char text[EVIDENCE_TEXT_MAX];
        size_t n = 0;

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        for (size_t i = 0; i < EVIDENCE_MAX; i++)
                lines[i] = (Evidence){ { 1000 }, "rule", text };
        check_int(ban_engine_new(200000, (BanSink){ .event = keep_last, .userdata = &last }, &engine), 0);
        check_int(ban_engine_set_jail(engine, &jail), 0);
        struct mallinfo2 before = mallinfo2();
        for (uint32_t i = 0; i < 100000; i++) {
                uint8_t bytes[4] = { 10, (uint8_t) (i >> 16), (uint8_t) (i >> 8), (uint8_t) i };
                Addr addr = addr_from_bytes(4, bytes);
                Offence offence = { "sshd", addr, addr, { 1000 }, { 1000 }, 5, "rule", lines, EVIDENCE_MAX };

                check_int(ban_engine_offence(engine, &offence, (EventTime){ 1000 }), 0);
                check_int(last.ban.n_evidence, EVIDENCE_MAX);
        }
        struct mallinfo2 after = mallinfo2();
        const BanStats *stats = ban_engine_stats(engine);
        check(stats->evidence_bytes <= 32 << 20);
        check_int(ban_engine_each(engine, "sshd", count_evidence, &n), 0);
        check_int(n + stats->evidence_dropped, 100000);
        check(stats->evidence_dropped > 90000);
        printf("100,000 bans: %zu bytes each without lines\n",
               (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd - stats->evidence_bytes) / 100000);
        check(ban_engine_expire(engine, EVENT_TIME_FOREVER).usec == INT64_MAX);
        check_int(stats->evidence_bytes, 0);
        check_int(stats->bans, 0);
        check_int(stats->elements, 0);
        ban_engine_free(engine);
}

static void test_bounds(void)
{
        Last last = { .n_events = 0 };
        BanEngine *engine = NULL;
        BanJail jail = { "sshd", 0, NULL, 0 };
        BanRequest request = { .jail = "sshd", .addr = addr_of("203.0.113.5"), .has_duration = true, .duration = 0 };
        AllowEntry nothing = { ADDR_NULL, EVENT_TIME_FOREVER, NULL }, everything = { addr_of("0.0.0.0/0"), EVENT_TIME_FOREVER, NULL };
        Problem problem;

        check_int(ban_engine_new(0, (BanSink){ .event = keep_last, .userdata = &last }, &engine), -EINVAL);
        check_int(ban_engine_new(10, (BanSink){ .event = keep_last, .userdata = &last }, &engine), 0);
        check_int(ban_engine_set_jail(engine, &jail), -EINVAL);
        jail.bantime = DURATION_MAX_SEC;
        check_int(ban_engine_set_jail(engine, &jail), 0);
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1 }, &problem), -EINVAL);
        check_contains(problem.text, "give another duration");
        check_int(ban_engine_allow(engine, "test", &nothing, (EventTime){ model.now }), -EINVAL);
        check_int(ban_engine_allow(engine, "test", &everything, (EventTime){ model.now }), 0);
        check_int(ban_engine_ban(engine, &request, (EventTime){ 1 }, &problem), BAN_E_ALLOWED);
        check_contains(problem.text, "0.0.0.0/0");
        check_int(last.n_events, 0);
        ban_engine_free(engine);
}

int main(void)
{
        const char *seed = getenv("SEED");

        random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL) * 2654435761u + 1;
        printf("SEED=%llu\n", (unsigned long long) random_state);
        fflush(stdout);
        test_model(getenv("LONG") && strcmp(getenv("LONG"), "0") != 0 ? 100000 : 20000);
        test_ids();
        test_evidence_cap();
        test_bounds();
        return 0;
}
