/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Random steps through the ban engine, against a model of flat lists that are
 * asked from end to end: overlapping bans of several jails with ports, allow
 * entries of several groups, bans that grow, jails that come, change, get other
 * names and go. After each step what the sink has told must let exactly those
 * packets pass that no ban in force covers, or that are allowed.
 */

#include <time.h>

#include "ban.h"
#include "test.h"

#define SECOND USEC_PER_SEC
#define MODEL_MAX 1024
#define N_JAILS 5
#define N_GROUPS 3
#define HOST N_JAILS /* whose levels all jails share */

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state >> 11) % below;
}

static const Port PORTS[] = { { 6, 25 }, { 6, 587 }, { 6, 993 }, { 17, 587 } };
#define N_PORTS (sizeof PORTS / sizeof *PORTS)

static const char *const NAMES[] = { "sshd", "nginx", "postfix", "dovecot", "recidive", "mail", "web", "other" };
#define N_NAMES (sizeof NAMES / sizeof *NAMES)

static const char *const GROUPS[N_GROUPS] = { "config", "command", "file /etc/allowed" };

typedef struct ModelJail {
        size_t name; /* of NAMES */
        bool known, configured;
        int64_t bantime;
        size_t from, n; /* of PORTS; n 0: all ports */
        bool reject;
        BanIncrement increment;
} ModelJail;

typedef struct ModelBan {
        size_t jail;
        Addr addr;
        int64_t until, forgotten;
        bool manual, reject;
        size_t from, n;
        unsigned level;
} ModelBan;

typedef struct ModelLevel {
        size_t jail;
        Addr addr;
        unsigned level;
        int64_t forgotten;
} ModelLevel;

typedef struct ModelAllow {
        size_t group;
        Addr addr;
        int64_t until;
        const char *jail; /* NULL: host-wide */
} ModelAllow;

typedef struct Model {
        ModelJail jails[N_JAILS];
        ModelBan bans[MODEL_MAX];
        size_t n_bans, max_bans;
        ModelLevel levels[MODEL_MAX];
        size_t n_levels;
        ModelAllow allowed[MODEL_MAX];
        size_t n_allowed;
        int64_t now;
} Model;

/* What the sink's calls have made of the outside. */
typedef struct World {
        Element elements[MODEL_MAX];
        size_t n_elements;
        AllowEntry allowed[MODEL_MAX];
        size_t n_allowed;
        Addr told[MODEL_MAX]; /* allowed prefixes told in this step */
        size_t n_told;
        struct {
                char jail[JAIL_NAME_MAX];
                Addr addr;
                unsigned level;
                int64_t forgotten;
        } levels[MODEL_MAX];
        size_t n_levels;
        size_t n_events[BAN_EVENT_CHANGE + 1];
        size_t n_packets[3]; /* passed, dropped, refused */
        unsigned highest_level;
        uint64_t n_displaced_levels;
} World;

static Model model;
static World world;

static const char *jail_name(size_t jail)
{
        return jail == HOST ? "" : NAMES[model.jails[jail].name];
}

/* ---- the world ---- */

static bool same_element(const Element *a, const Element *b)
{
        return addr_equal(&a->addr, &b->addr) && a->protocol == b->protocol && a->port == b->port && a->reject == b->reject;
}

static size_t find_element(const Element *elements, size_t n, const Element *like)
{
        size_t i = 0;

        while (i < n && !same_element(&elements[i], like))
                i++;
        return i;
}

static size_t find_allowed(const Addr *addr)
{
        size_t i = 0;

        while (i < world.n_allowed && !addr_equal(&world.allowed[i].addr, addr))
                i++;
        return i;
}

/* The kernel's own work: elements end by themselves. */
static void world_tick(void)
{
        for (size_t i = world.n_elements; i-- > 0;)
                if (world.elements[i].until.usec <= model.now)
                        world.elements[i] = world.elements[--world.n_elements];
        for (size_t i = world.n_allowed; i-- > 0;)
                if (world.allowed[i].until.usec <= model.now)
                        world.allowed[i] = world.allowed[--world.n_allowed];
        world.n_told = 0;
}

static void sink_event(void *userdata, const BanEvent *event)
{
        world.n_events[event->kind]++;
        check_int(event->time.usec, model.now);
        if (event->kind == BAN_EVENT_BAN && event->ban->origin == BAN_AUTOMATIC)
                for (size_t i = 0; i < model.n_allowed; i++)
                        check(!model.allowed[i].jail || strcmp(model.allowed[i].jail, event->ban->jail) != 0 ||
                              !addr_contains(&event->ban->addr, &model.allowed[i].addr));
        for (size_t i = 0; i < event->n_changes; i++) {
                const Element *change = &event->changes[i];
                size_t k = find_element(world.elements, world.n_elements, change);

                if (change->until.usec == 0) {
                        /* Only what is there is taken away, only what differs is set. */
                        check(k < world.n_elements);
                        world.elements[k] = world.elements[--world.n_elements];
                        continue;
                }
                check(change->until.usec > model.now);
                check(k == world.n_elements || world.elements[k].until.usec != change->until.usec);
                check(k < MODEL_MAX);
                world.n_elements += k == world.n_elements;
                world.elements[k] = *change;
        }
}

static void sink_allow(void *userdata, const Addr *addr, EventTime until)
{
        size_t k = find_allowed(addr);

        for (size_t i = 0; i < world.n_told; i++)
                check(!addr_equal(&world.told[i], addr)); /* one step, one word */
        world.told[world.n_told++] = *addr;
        if (until.usec == 0) {
                check(k < world.n_allowed);
                world.allowed[k] = world.allowed[--world.n_allowed];
                return;
        }
        check(until.usec > model.now);
        check(k == world.n_allowed || world.allowed[k].until.usec != until.usec);
        world.n_allowed += k == world.n_allowed;
        world.allowed[k] = (AllowEntry){ .addr = *addr, .until = until };
}

static void sink_level(void *userdata, const LevelRecord *record)
{
        size_t k = 0;

        while (k < world.n_levels && (strcmp(world.levels[k].jail, record->jail) != 0 || !addr_equal(&world.levels[k].addr, &record->addr)))
                k++;
        if (record->forgotten.usec == 0) {
                check(k < world.n_levels);
                world.levels[k] = world.levels[--world.n_levels];
                return;
        }
        check(k < MODEL_MAX);
        world.n_levels += k == world.n_levels;
        strcpy(world.levels[k].jail, record->jail);
        world.levels[k].addr = record->addr;
        world.levels[k].level = record->level;
        world.levels[k].forgotten = record->forgotten.usec;
        if (record->level > world.highest_level)
                world.highest_level = record->level;
}

/* ---- the model ---- */

static void model_expire(void)
{
        for (size_t i = model.n_bans; i-- > 0;)
                if (model.bans[i].until <= model.now)
                        model.bans[i] = model.bans[--model.n_bans];
        for (size_t i = model.n_allowed; i-- > 0;)
                if (model.allowed[i].until <= model.now)
                        model.allowed[i] = model.allowed[--model.n_allowed];
        for (size_t i = model.n_levels; i-- > 0;)
                if (model.levels[i].forgotten <= model.now)
                        model.levels[i] = model.levels[--model.n_levels];
}

/* The longest prefix that allows @addr, or -1. */
static int model_allows(const char *jail, const Addr *addr)
{
        int length = -1;

        for (size_t i = 0; i < model.n_allowed; i++) {
                const ModelAllow *allow = &model.allowed[i];

                if (addr_contains(&allow->addr, addr) && (!allow->jail || (jail && strcmp(allow->jail, jail) == 0)) &&
                    allow->addr.length > length)
                        length = allow->addr.length;
        }
        return length;
}

static bool model_has_own(const char *jail, const Addr *inside)
{
        for (size_t i = 0; i < model.n_allowed; i++)
                if (model.allowed[i].jail && strcmp(model.allowed[i].jail, jail) == 0 && addr_contains(inside, &model.allowed[i].addr))
                        return true;
        return false;
}

static ModelLevel *model_level(size_t jail, const Addr *addr)
{
        for (size_t i = 0; i < model.n_levels; i++)
                if (model.levels[i].jail == jail && addr_equal(&model.levels[i].addr, addr))
                        return &model.levels[i];
        return NULL;
}

static int64_t model_raise(size_t jail, const Addr *addr, unsigned level, int64_t forgotten)
{
        ModelLevel *known = model_level(jail, addr);

        while (!known && model.n_levels >= model.max_bans) {
                ModelLevel *soonest = NULL;

                for (size_t i = 0; i < model.n_levels; i++)
                        if (model.levels[i].forgotten != INT64_MAX && (!soonest || model.levels[i].forgotten < soonest->forgotten))
                                soonest = &model.levels[i];
                if (!soonest)
                        return forgotten;
                *soonest = model.levels[--model.n_levels];
        }
        if (!known) {
                known = &model.levels[model.n_levels++];
                *known = (ModelLevel){ .jail = jail, .addr = *addr };
        }
        known->level = level > known->level ? level : known->level;
        known->forgotten = forgotten > known->forgotten ? forgotten : known->forgotten;
        return known->forgotten;
}

static ModelBan *model_find(size_t jail, const Addr *addr)
{
        for (size_t i = 0; i < model.n_bans; i++)
                if (model.bans[i].jail == jail && addr_equal(&model.bans[i].addr, addr))
                        return &model.bans[i];
        return NULL;
}

static unsigned model_next_level(size_t jail, const Addr *addr)
{
        const ModelJail *terms = &model.jails[jail];
        const ModelBan *ban = model_find(jail, addr);
        const ModelLevel *level = model_level(terms->increment.over_host ? HOST : jail, addr);

        if (!terms->increment.enabled)
                return 0;
        return ban && ban->forgotten != 0 ? ban->level : level ? level->level : 0;
}

static int64_t model_duration(size_t jail, unsigned level)
{
        const ModelJail *terms = &model.jails[jail];
        int64_t max = terms->increment.max == DURATION_FOREVER ? DURATION_MAX_SEC : terms->increment.max;
        double seconds = (double) terms->bantime;

        if (!terms->increment.enabled || terms->bantime == DURATION_FOREVER)
                return terms->bantime;
        while (level-- > 0)
                seconds *= terms->increment.factor;
        return seconds > (double) max ? terms->increment.max : (int64_t) seconds;
}

static bool model_make_room(void)
{
        while (model.n_bans >= model.max_bans) {
                ModelBan *soonest = NULL;

                for (size_t i = 0; i < model.n_bans; i++)
                        if (!model.bans[i].manual && model.bans[i].until != INT64_MAX && (!soonest || model.bans[i].until < soonest->until))
                                soonest = &model.bans[i];
                if (!soonest)
                        return false;
                *soonest = model.bans[--model.n_bans];
        }
        return true;
}

/* Return: whether there was room. */
static bool model_ban(size_t jail, const Addr *addr, int64_t until, unsigned level, bool manual, bool grows)
{
        const ModelJail *terms = &model.jails[jail];
        ModelBan *ban = model_find(jail, addr);

        if (!ban && until <= model.now)
                return true;
        if (!ban) {
                if (!model_make_room())
                        return false;
                ban = &model.bans[model.n_bans++];
                *ban = (ModelBan){ .jail = jail, .addr = *addr, .reject = terms->reject, .from = terms->from, .n = terms->n };
        }
        ban->until = until > ban->until ? until : ban->until;
        ban->manual |= manual;
        if (terms->increment.enabled && (grows || ban->forgotten != 0)) {
                EventTime forgotten = event_time_add((EventTime){ ban->until }, terms->increment.forget);

                ban->level = grows ? level : ban->level;
                ban->forgotten = model_raise(terms->increment.over_host ? HOST : jail, addr, ban->level + 1, forgotten.usec);
        }
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
        for (size_t i = model.n_levels; !inside_only && i-- > 0;) {
                const ModelLevel *level = &model.levels[i];

                if (jail < N_JAILS && level->jail != jail && (level->jail != HOST || !model.jails[jail].increment.over_host))
                        continue;
                if (addr && !addr_contains(addr, &level->addr) && !addr_contains(&level->addr, addr))
                        continue;
                model.levels[i] = model.levels[--model.n_levels];
        }
        return n;
}

/* What the kernel ought to hold, from the model's bans. */
static size_t model_elements(Element *elements)
{
        size_t n = 0;

        for (size_t i = 0; i < model.n_bans; i++) {
                const ModelBan *ban = &model.bans[i];

                for (size_t p = 0; p < (ban->n ? ban->n : 1); p++) {
                        Element element = { .addr = ban->addr, .reject = ban->reject, .until = { ban->until } };

                        if (ban->n) {
                                element.protocol = PORTS[ban->from + p].protocol;
                                element.port = PORTS[ban->from + p].port;
                        }
                        size_t k = find_element(elements, n, &element);
                        if (k == n)
                                elements[n++] = element;
                        else
                                elements[k].until = event_time_max(elements[k].until, element.until);
                }
        }
        return n;
}

/* ---- comparing ---- */

/* 0: passes, 1: is dropped, 2: is refused. */
static int world_packet(const Addr *addr, Port port)
{
        int verdict = 0;

        for (size_t i = 0; i < world.n_allowed; i++)
                if (addr_contains(&world.allowed[i].addr, addr))
                        return 0;
        for (size_t i = 0; i < world.n_elements; i++) {
                const Element *element = &world.elements[i];

                if (addr_contains(&element->addr, addr) &&
                    (element->protocol == 0 || (element->protocol == port.protocol && element->port == port.port)))
                        verdict = verdict == 1 || !element->reject ? 1 : 2;
        }
        return verdict;
}

static int model_packet(const Addr *addr, Port port)
{
        int verdict = 0;

        if (model_allows(NULL, addr) >= 0)
                return 0;
        for (size_t i = 0; i < model.n_bans; i++) {
                const ModelBan *ban = &model.bans[i];
                bool on_port = ban->n == 0;

                for (size_t p = 0; p < ban->n; p++)
                        on_port |= PORTS[ban->from + p].protocol == port.protocol && PORTS[ban->from + p].port == port.port;
                if (on_port && addr_contains(&ban->addr, addr))
                        verdict = verdict == 1 || !ban->reject ? 1 : 2;
        }
        return verdict;
}

static void check_elements(const Element *a, size_t n_a, const Element *b, size_t n_b)
{
        check_int(n_a, n_b);
        for (size_t i = 0; i < n_a; i++) {
                size_t k = find_element(b, n_b, &a[i]);

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
        while (i < model.n_bans && (strcmp(jail_name(model.bans[i].jail), ban->jail) != 0 || !addr_equal(&model.bans[i].addr, &ban->addr)))
                i++;
        check(i < model.n_bans);
        const ModelBan *expected = &model.bans[i];
        check_int(ban->until.usec, expected->until);
        check_int(ban->origin == BAN_MANUAL, expected->manual);
        check_int(ban->reject, expected->reject);
        check_int(ban->n_ports, expected->n);
        check(ban->n_ports == 0 || memcmp(ban->ports, &PORTS[expected->from], sizeof *PORTS) == 0);
        check_int(ban->level, expected->level);
        check_int(ban->forgotten.usec, expected->forgotten);
        return 0;
}

static int check_allow_entry(void *userdata, const AllowEntry *entry)
{
        size_t i = 0;

        ++*(size_t *) userdata;
        while (i < model.n_allowed && (!addr_equal(&model.allowed[i].addr, &entry->addr) || model.allowed[i].until != entry->until.usec))
                i++;
        check(i < model.n_allowed);
        return 0;
}

static int count_allowed(void *userdata, const AllowEntry *entry)
{
        size_t k = find_allowed(&entry->addr);

        ++*(size_t *) userdata;
        check(!entry->jail && k < world.n_allowed);
        check_int(entry->until.usec, world.allowed[k].until.usec);
        return 0;
}

/* The told allow list is the latest end of each host-wide prefix over the groups. */
static void check_allowed(const BanEngine *engine, const Addr *probe)
{
        size_t n_entries = 0, n_inside = 0, expected_inside = 0;

        for (size_t i = 0; i < model.n_allowed; i++) {
                size_t k = find_allowed(&model.allowed[i].addr);

                check(model.allowed[i].jail || (k < world.n_allowed && world.allowed[k].until.usec >= model.allowed[i].until));
        }
        for (size_t k = 0; k < world.n_allowed; k++) {
                bool found = false;

                expected_inside += addr_contains(probe, &world.allowed[k].addr);
                for (size_t i = 0; i < model.n_allowed; i++)
                        found |= !model.allowed[i].jail && addr_equal(&model.allowed[i].addr, &world.allowed[k].addr) &&
                                 model.allowed[i].until == world.allowed[k].until.usec;
                check(found);
        }
        check_int(ban_engine_each_allow_entry(engine, NULL, check_allow_entry, &n_entries), 0);
        check_int(n_entries, model.n_allowed);
        for (size_t group = 0; group < N_GROUPS; group++)
                check_int(ban_engine_each_allow_entry(engine, GROUPS[group], check_allow_entry, &n_entries), 0);
        check_int(n_entries, 2 * model.n_allowed);
        check_int(ban_engine_each_allowed(engine, probe, count_allowed, &n_inside), 0);
        check_int(n_inside, expected_inside);
        for (size_t name = 0; name <= N_NAMES; name++) {
                const char *jail = name < N_NAMES ? NAMES[name] : NULL;
                const AllowEntry *entry = ban_engine_allowed(engine, jail, probe);

                check_int(entry ? entry->addr.length : -1, model_allows(jail, probe));
        }
}

static void check_state(const BanEngine *engine)
{
        static Element expected[MODEL_MAX];
        static Collected collected;
        size_t n = model_elements(expected), n_bans = 0;

        check_elements(expected, n, world.elements, world.n_elements);
        collected.n = 0;
        check_int(ban_engine_each_element(engine, (EventTime){ model.now }, collect_element, &collected), 0);
        check_elements(expected, n, collected.elements, collected.n);
        check_int(ban_engine_stats(engine)->elements, n);
        check_int(ban_engine_stats(engine)->bans, model.n_bans);
        check_int(ban_engine_each(engine, NULL, check_ban, &n_bans), 0);
        check_int(n_bans, model.n_bans);
        for (size_t jail = 0; jail < N_JAILS; jail++) {
                n_bans = 0;
                for (size_t i = 0; i < model.n_bans; i++)
                        n_bans += model.bans[i].jail == jail;
                check_int(ban_engine_count(engine, jail_name(jail)), n_bans);
        }
        check_int(world.n_levels, model.n_levels);
        check_int(ban_engine_stats(engine)->levels, model.n_levels);
        for (size_t i = 0; i < model.n_levels; i++) {
                size_t k = 0;

                while (k < world.n_levels &&
                       (strcmp(world.levels[k].jail, jail_name(model.levels[i].jail)) != 0 || !addr_equal(&world.levels[k].addr, &model.levels[i].addr)))
                        k++;
                check(k < world.n_levels);
                check_int(world.levels[k].level, model.levels[i].level);
                check_int(world.levels[k].forgotten, model.levels[i].forgotten);
        }
}

/* ---- random steps ---- */

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

static void check_packets(void)
{
        for (unsigned i = 0; i < 4; i++) {
                Addr addr = random_addr(true);
                Port port = draw(5) ? PORTS[draw(N_PORTS)] : (Port){ 6, 22 };
                int verdict = world_packet(&addr, port);

                check_int(verdict, model_packet(&addr, port));
                world.n_packets[verdict]++;
        }
}

static void set_jail(BanEngine *engine, const ModelJail *jail)
{
        BanJail terms = { .name = NAMES[jail->name], .bantime = jail->bantime, .ports = jail->n ? PORTS + jail->from : NULL,
                          .n_ports = jail->n, .reject = jail->reject, .increment = jail->increment };

        check_int(ban_engine_set_jail(engine, &terms), 0);
}

static void step_set_jail(BanEngine *engine)
{
        static const double factors[] = { 1, 1.5, 2, 3, 100 };
        ModelJail *jail = &model.jails[draw(N_JAILS)];

        jail->known = jail->configured = true;
        jail->bantime = draw(12) ? 200 + (int64_t) draw(1500) : DURATION_FOREVER;
        jail->from = draw(N_PORTS);
        jail->n = draw(2) ? draw(N_PORTS + 1 - jail->from) : 0;
        jail->reject = draw(3) == 0;
        jail->increment = (BanIncrement){ .enabled = draw(3) > 0, .factor = factors[draw(5)], .over_host = draw(2),
                                          .max = draw(4) ? 1000 + (int64_t) draw(100000) : DURATION_FOREVER,
                                          .forget = 1 + (int64_t) draw(draw(3) ? 10000 : 100000000) };
        set_jail(engine, jail);
}

static void step_offence(BanEngine *engine)
{
        size_t jail = draw(N_JAILS);
        const char *name = jail_name(jail);
        Addr source = random_addr(true), addr = addr_ban_key(&source, 64);
        EventTime last = { model.now - (int64_t) draw(draw(4) ? 10 * SECOND : 1500 * SECOND) };
        Evidence line = { last, "rule", "a line" };
        Offence offence = { name, addr, source, last, last, 5, "rule", &line, 1 };
        bool room = true;

        if (model.jails[jail].configured && model_allows(name, &source) < 0 && model_allows(name, &addr) < 0) {
                if (!addr_is_single(&addr) && model_has_own(name, &addr))
                        addr = source;
                unsigned level = model_next_level(jail, &addr);
                room = model_ban(jail, &addr, event_time_add(last, model_duration(jail, level)).usec, level, false, true);
        }
        int r = ban_engine_offence(engine, &offence, (EventTime){ model.now });
        check_int(r, !model.jails[jail].configured ? BAN_E_NO_JAIL : room ? 0 : BAN_E_FULL);
}

static void step_manual(BanEngine *engine)
{
        size_t jail = draw(N_JAILS);
        const char *name = jail_name(jail);
        BanRequest request = { .jail = name, .addr = random_addr(false), .has_duration = draw(2), .force = draw(2),
                               .duration = draw(20) ? 1 + (int64_t) draw(3000) : DURATION_FOREVER, .reason = draw(2) ? "reason" : "" };
        int expected = BAN_E_NO_JAIL;

        if (model.jails[jail].configured) {
                unsigned level = request.has_duration ? 0 : model_next_level(jail, &request.addr);
                int64_t duration = request.has_duration ? request.duration : model_duration(jail, level);
                int64_t until = event_time_add((EventTime){ model.now }, duration).usec;

                expected = model_allows(name, &request.addr) >= 0 || (model_has_own(name, &request.addr) && !request.force) ? BAN_E_ALLOWED
                           : model_ban(jail, &request.addr, until, level, true, !request.has_duration)                     ? 0
                                                                                                                           : BAN_E_FULL;
        }
        check_int(ban_engine_ban(engine, &request, (EventTime){ model.now }, NULL), expected);
}

static void step_unban(BanEngine *engine)
{
        Addr addr = random_addr(false);
        bool all = draw(60) == 0, inside = !all && draw(4) == 0;
        size_t jail = inside ? N_JAILS : draw(2) ? draw(N_JAILS) : N_JAILS, lifted = 999;
        size_t expected = jail < N_JAILS && !model.jails[jail].known ? 0 : model_unban(all ? NULL : &addr, jail, inside);
        EventTime now = { model.now };

        if (inside)
                check_int(ban_engine_unban_inside(engine, &addr, now, "", &lifted), 0);
        else
                check_int(ban_engine_unban(engine, all ? NULL : &addr, jail < N_JAILS ? jail_name(jail) : NULL, now, "", &lifted), 0);
        check_int(lifted, expected);
}

static size_t model_find_allow(size_t group, const Addr *addr, const char *jail)
{
        size_t i = 0;

        while (i < model.n_allowed &&
               (model.allowed[i].group != group || !addr_equal(&model.allowed[i].addr, addr) || model.allowed[i].jail != jail))
                i++;
        return i;
}

static AllowEntry random_allow(void)
{
        return (AllowEntry){ .addr = random_addr(false), .origin = "somewhere", .jail = draw(3) ? NULL : NAMES[draw(N_NAMES)],
                             .until = { draw(4) ? model.now + (int64_t) draw(600 * SECOND) : INT64_MAX } };
}

static void step_allow(BanEngine *engine)
{
        size_t group = draw(N_GROUPS), i;
        AllowEntry entry = random_allow();
        EventTime now = { model.now };
        bool found = false;

        if (draw(2)) {
                for (i = model.n_allowed; i-- > 0;) {
                        if (model.allowed[i].group != group || !addr_equal(&model.allowed[i].addr, &entry.addr))
                                continue;
                        model.allowed[i] = model.allowed[--model.n_allowed];
                        found = true;
                }
                check_int(ban_engine_disallow(engine, GROUPS[group], &entry.addr, now), found ? 0 : BAN_E_NO_ENTRY);
                return;
        }
        check_int(ban_engine_allow(engine, GROUPS[group], &entry, now), 0);
        if (entry.until.usec <= model.now)
                return;
        i = model_find_allow(group, &entry.addr, entry.jail);
        model.n_allowed += i == model.n_allowed;
        model.allowed[i] = (ModelAllow){ group, entry.addr, entry.until.usec, entry.jail };
}

static void step_allow_group(BanEngine *engine)
{
        AllowEntry entries[16];
        size_t n = 0, n_new = draw(6), group = draw(N_GROUPS);

        /* Some of what stands, something new, one of it twice. */
        for (size_t i = model.n_allowed; i-- > 0;) {
                if (model.allowed[i].group != group)
                        continue;
                if (n < 8 && draw(3))
                        entries[n++] = (AllowEntry){ .addr = model.allowed[i].addr, .until = { model.allowed[i].until }, .origin = "somewhere",
                                                     .jail = model.allowed[i].jail };
                model.allowed[i] = model.allowed[--model.n_allowed];
        }
        for (size_t i = 0; i < n_new; i++)
                entries[n++] = random_allow();
        if (n > 0) {
                entries[n] = entries[draw(n)];
                entries[n++].until.usec = draw(2) ? model.now + (int64_t) draw(600 * SECOND) : INT64_MAX;
        }
        for (size_t e = 0; e < n; e++) {
                size_t i = model_find_allow(group, &entries[e].addr, entries[e].jail);

                if (entries[e].until.usec <= model.now)
                        continue;
                if (i < model.n_allowed && model.allowed[i].until >= entries[e].until.usec)
                        continue;
                model.n_allowed += i == model.n_allowed;
                model.allowed[i] = (ModelAllow){ group, entries[e].addr, entries[e].until.usec, entries[e].jail };
        }
        check_int(ban_engine_allow_group(engine, GROUPS[group], entries, n, (EventTime){ model.now }), 0);
        world.n_told = 0;
        check_int(ban_engine_allow_group(engine, GROUPS[group], entries, n, (EventTime){ model.now }), 0);
        check_int(world.n_told, 0); /* the same once more is nothing new */
}

static void step_rescope(BanEngine *engine)
{
        size_t jail = draw(N_JAILS), before = world.n_events[BAN_EVENT_CHANGE], n = 0;
        const ModelJail *terms = &model.jails[jail];

        for (size_t i = 0; terms->configured && i < model.n_bans; i++) {
                ModelBan *ban = &model.bans[i];

                if (ban->jail != jail)
                        continue;
                n += ban->n != terms->n || (ban->n > 0 && ban->from != terms->from) || ban->reject != terms->reject;
                ban->from = terms->from;
                ban->n = terms->n;
                ban->reject = terms->reject;
        }
        check_int(ban_engine_rescope(engine, jail_name(jail), (EventTime){ model.now }, "reload"), terms->configured ? 0 : BAN_E_NO_JAIL);
        check_int(world.n_events[BAN_EVENT_CHANGE] - before, n);
}

static void step_remove(BanEngine *engine)
{
        size_t jail = draw(N_JAILS), lifted = 999, n = 0;
        bool known = model.jails[jail].known;

        for (size_t i = model.n_bans; i-- > 0;) {
                if (model.bans[i].jail != jail)
                        continue;
                model.bans[i] = model.bans[--model.n_bans];
                n++;
        }
        for (size_t i = model.n_levels; i-- > 0;)
                if (model.levels[i].jail == jail)
                        model.levels[i] = model.levels[--model.n_levels];
        check_int(ban_engine_remove_jail(engine, jail_name(jail), (EventTime){ model.now }, "reload", &lifted), known ? 0 : BAN_E_NO_JAIL);
        check_int(lifted, known ? n : 999);
        model.jails[jail] = (ModelJail){ .name = model.jails[jail].name };
}

static void step_rename(BanEngine *engine)
{
        size_t jail = draw(N_JAILS), name = draw(N_NAMES), before = world.n_events[BAN_EVENT_CHANGE], n = 0;
        int expected = model.jails[jail].known ? 0 : BAN_E_NO_JAIL;

        for (size_t i = 0; i < N_JAILS; i++)
                if (model.jails[i].name == name)
                        return;
        for (size_t i = 0; i < model.n_bans; i++)
                n += model.bans[i].jail == jail;
        check_int(ban_engine_rename_jail(engine, jail_name(jail), NAMES[name], (EventTime){ model.now }, "reload"), expected);
        check_int(world.n_events[BAN_EVENT_CHANGE] - before, n);
        if (expected == 0)
                model.jails[jail].name = name;
}

/* ---- restart ---- */

static int restore_ban(void *userdata, const Ban *ban)
{
        return ban_engine_restore(userdata, ban, (EventTime){ model.now });
}

static BanEngine *new_engine(void)
{
        BanEngine *engine;

        check_int(ban_engine_new(MODEL_MAX, (BanSink){ .event = sink_event, .level = sink_level, .allow = sink_allow }, &engine), 0);
        return engine;
}

/* Through the records that a store keeps; one jail may have gone from the configuration. */
static BanEngine *reborn(BanEngine *old)
{
        BanEngine *engine = new_engine();
        size_t without = draw(2 * N_JAILS);

        ban_engine_expire(old, (EventTime){ model.now });
        if (without < N_JAILS)
                model.jails[without] = (ModelJail){ .name = model.jails[without].name };
        for (size_t jail = 0; jail < N_JAILS; jail++) {
                model.jails[jail].known = model.jails[jail].configured;
                for (size_t i = 0; i < model.n_bans; i++)
                        model.jails[jail].known |= model.bans[i].jail == jail;
                for (size_t i = 0; i < model.n_levels; i++)
                        model.jails[jail].known |= model.levels[i].jail == jail;
        }
        for (size_t i = 0; i < N_JAILS; i++)
                if (model.jails[i].configured)
                        set_jail(engine, &model.jails[i]);
        world.n_allowed = world.n_told = 0;
        for (size_t group = 0; group < N_GROUPS; group++) {
                AllowEntry entries[MODEL_MAX];
                size_t n = 0;

                for (size_t i = 0; i < model.n_allowed; i++)
                        if (model.allowed[i].group == group)
                                entries[n++] = (AllowEntry){ .addr = model.allowed[i].addr, .until = { model.allowed[i].until },
                                                             .origin = "somewhere", .jail = model.allowed[i].jail };
                check_int(ban_engine_allow_group(engine, GROUPS[group], entries, n, (EventTime){ model.now }), 0);
                world.n_told = 0;
        }
        check_int(ban_engine_each(old, NULL, restore_ban, engine), 0);
        for (size_t i = 0; i < world.n_levels; i++) {
                LevelRecord record = { world.levels[i].jail, world.levels[i].addr, world.levels[i].level, { world.levels[i].forgotten } };
                check_int(ban_engine_restore_level(engine, &record, (EventTime){ model.now }), 0);
        }
        ban_engine_set_max(engine, model.max_bans);
        world.n_displaced_levels += ban_engine_stats(old)->levels_displaced;
        ban_engine_free(old);
        return engine;
}

static void check_deadline(BanEngine *engine)
{
        EventTime next = ban_engine_expire(engine, (EventTime){ model.now }), expected = EVENT_TIME_FOREVER;

        for (size_t i = 0; i < model.n_bans; i++)
                expected = event_time_min(expected, (EventTime){ model.bans[i].until });
        for (size_t i = 0; i < model.n_allowed; i++)
                expected = event_time_min(expected, (EventTime){ model.allowed[i].until });
        for (size_t i = 0; i < model.n_levels; i++)
                expected = event_time_min(expected, (EventTime){ model.levels[i].forgotten });
        check_int(next.usec, expected.usec);
}

static BanEngine *step(BanEngine *engine)
{
        switch (draw(100)) {
        case 0 ... 39: step_offence(engine); break;
        case 40 ... 64: step_manual(engine); break;
        case 65 ... 71: step_unban(engine); break;
        case 72 ... 76: step_allow(engine); break;
        case 77 ... 79: step_allow_group(engine); break;
        case 80 ... 82: step_set_jail(engine); break;
        case 83 ... 84: step_rescope(engine); break;
        case 85: step_rename(engine); break;
        case 86:
                if (draw(4) == 0)
                        step_remove(engine);
                break;
        case 87:
                model.max_bans = 12 + draw(40);
                ban_engine_set_max(engine, model.max_bans);
                break;
        case 88:
                if (draw(4) == 0)
                        return reborn(engine);
                break;
        default: break;
        }
        return engine;
}

static void test_model(unsigned steps)
{
        BanEngine *engine = new_engine();

        model.now = 5000 * SECOND;
        model.max_bans = MODEL_MAX;
        for (size_t jail = 0; jail < N_JAILS; jail++)
                model.jails[jail].name = jail;
        for (unsigned n = 0; n < steps; n++) {
                /* Odd microseconds: no two bans end together, so that which one gives way is certain. */
                model.now += 1 + (int64_t) draw(draw(100) ? 10 * SECOND : 900 * SECOND);
                world_tick();
                model_expire();
                engine = step(engine);
                check_deadline(engine);
                check_state(engine);
                Addr probe = random_addr(draw(2));
                check_allowed(engine, &probe);
                check_packets();
        }
        for (size_t kind = 0; kind <= BAN_EVENT_CHANGE; kind++) {
                printf("%s %zu, ", ban_event_kind_name((BanEventKind) kind), world.n_events[kind]);
                check(world.n_events[kind] > 0);
        }
        world.n_displaced_levels += ban_engine_stats(engine)->levels_displaced;
        check(world.highest_level > 3 && world.n_displaced_levels > 0);
        check(world.n_packets[0] > 0 && world.n_packets[1] > 0 && world.n_packets[2] > 0);
        printf("highest level %u, packets passed %zu, dropped %zu, refused %zu, %u steps\n", world.highest_level, world.n_packets[0],
               world.n_packets[1], world.n_packets[2], steps);
        ban_engine_free(engine);
}

int main(void)
{
        const char *seed = getenv("SEED"), *steps = getenv("STEPS");

        random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t) time(NULL) * 2654435761u + 1;
        printf("SEED=%llu\n", (unsigned long long) random_state);
        fflush(stdout);
        test_model(steps ? (unsigned) atoi(steps) : 100000);
        return 0;
}
