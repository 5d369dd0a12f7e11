/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A restart between any two lines changes nothing. The sequences of
 * tests/filters run through filter and tracker once as they are, and once for
 * every place at which a crash can come: there the windows go through the JSON
 * that the store keeps, and the filter has forgotten its sessions and learns
 * them from the lines before. What every line says and counts, every offence
 * with its evidence and the windows at the end must be the same. Without the
 * learning they are not, which shows that the comparison would see it.
 */

#include <limits.h>

#include "filter.h"
#include "filter/private.h"
#include "store/private.h"
#include "test.h"
#include "tracker.h"
#include "util/yaml.h"

#define PID 4711
#define START (INT64_C(1700000000) * USEC_PER_SEC)
#define LINES_MAX 2048
#define WINDOWS_MAX 64

typedef struct Item {
        const char *text;
        int64_t pid, seconds;
} Item;

typedef struct Items {
        Item item[LINES_MAX];
        size_t n;
} Items;

typedef struct Kept {
        Addr addr;
        char *json;
} Kept;

/**
 * What runs between two crashes.
 */
typedef struct World {
        Filter *filter;
        Tracker *tracker;
        FILE *out;
} World;

typedef struct Recipe {
        Filter *filter;
        unsigned maxretry;
} Recipe;

static void on_offence(void *userdata, const Offence *offence)
{
        World *world = userdata;
        char addr[ADDR_TEXT_MAX];

        fprintf(world->out, "offence %s %u %lld-%lld %s\n", addr_format(&offence->addr, addr), offence->failures,
                (long long) offence->first.usec, (long long) offence->last.usec, offence->rule);
        for (size_t i = 0; i < offence->n_evidence; i++)
                fprintf(world->out, "  %s: %s\n", offence->evidence[i].rule, offence->evidence[i].text);
}

/* As if it had just been loaded, which takes a hundred times as long. */
static void reset(Filter *filter)
{
        filter->stats = (FilterStats){ 0 };
        filter->evicted_learning = 0;
        for (size_t i = 0; i < filter->n_rules; i++)
                filter->rules[i].hits = filter->rules[i].limits = 0;
        filter->sessions = session_table_free(filter->sessions);
        check_int(session_table_new(SESSIONS_MAX, &filter->sessions), 0);
        filter->user[0] = '\0';
}

static Filter *load(const char *path, const char *yaml, const char *mode)
{
        Problem problem = { "" };
        Filter *filter;
        int r = yaml ? filter_load_memory("t.yaml", yaml, strlen(yaml), mode, "test", &filter, &problem)
                     : filter_load(path, mode, "test", NULL, &filter, &problem);

        if (r < 0)
                fprintf(stderr, "%s\n", problem.text);
        check_int(r, 0);
        return filter;
}

static void world_init(World *world, const Recipe *recipe, FILE *out)
{
        TrackerJail jail = { .name = "test", .findtime = 3600, .maxretry = recipe->maxretry, .ipv6_prefix = 64 };

        reset(recipe->filter);
        *world = (World){ .filter = recipe->filter, .out = out };
        check_int(tracker_new(100, 1 << 20, (TrackerSink){ on_offence, world }, &world->tracker), 0);
        check_int(tracker_set_jail(world->tracker, &jail), 0);
}

static void world_deinit(World *world)
{
        tracker_free(world->tracker);
}

static Line line_of(const Item *item)
{
        return (Line){ .text = item->text,
                       .length = strlen(item->text),
                       .time = { START + item->seconds * USEC_PER_SEC },
                       .ident = "x",
                       .pid = item->pid,
                       .source = "test" };
}

static void feed(World *world, const Items *items, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++) {
                Line line = line_of(&items->item[i]);
                char addr[ADDR_TEXT_MAX];
                unsigned counted = 0;
                Hit hit;
                FilterVerdict verdict = filter_match(world->filter, &line, &hit);

                fprintf(world->out, "%zu: %d", i, (int) verdict);
                if (verdict == FILTER_HIT) {
                        check_int(tracker_hit(world->tracker, &hit, &counted), 0);
                        fprintf(world->out, " kind %d %s %s user \"%s\" counts %u", (int) hit.kind, hit.rule,
                                addr_format(&hit.addr, addr), hit.user, counted);
                }
                fprintf(world->out, "\n");
                tracker_expire(world->tracker, line.time);
        }
}

static int keep_window(void *userdata, const WindowRecord *record)
{
        Kept *kept = userdata;

        while (kept->json)
                kept++;
        *kept = (Kept){ record->addr, json_from_entries(record->entries, record->n_entries) };
        return 0;
}

static int compare_kept(const void *a, const void *b)
{
        return memcmp(&((const Kept *) a)->addr, &((const Kept *) b)->addr, sizeof(Addr));
}

static size_t keep_windows(World *world, Kept kept[static WINDOWS_MAX])
{
        size_t n = 0;

        memset(kept, 0, WINDOWS_MAX * sizeof *kept);
        check(tracker_count(world->tracker, NULL) < WINDOWS_MAX / 2);
        check_int(tracker_each(world->tracker, NULL, NULL, keep_window, kept), 0);
        while (kept[n].json)
                n++;
        qsort(kept, n, sizeof *kept, compare_kept);
        return n;
}

static void restore_windows(World *world, Kept kept[static WINDOWS_MAX], size_t n, EventTime now)
{
        JsonScratch scratch = { 0 };

        for (size_t i = 0; i < n; i++) {
                WindowRecord record = { .jail = "test", .addr = kept[i].addr };

                check_int(json_to_entries(kept[i].json, strlen(kept[i].json), now, &scratch, &record.n_entries), 0);
                record.entries = scratch.entries;
                check_int(tracker_restore(world->tracker, &record), 0);
                free(kept[i].json);
        }
        json_scratch_deinit(&scratch);
}

static void check_nothing_counted(const Filter *filter)
{
        const FilterStats *stats = filter_stats(filter);
        FilterRuleStats rule;

        check_int(stats->lines, 0);
        check_int(stats->last_line.usec, 0);
        check_int(stats->last_hit.usec, 0);
        check_int(stats->sessions_evicted, 0);
        check(!stats->rule && !stats->limited);
        for (int i = 0; i < _FILTER_VERDICT_MAX; i++)
                check_int(stats->verdicts[i], 0);
        for (size_t i = 0; filter_rule_stats(filter, i, &rule); i++) {
                check_int(rule.hits, 0);
                check_int(rule.limits, 0);
        }
}

/* The lines before a place, as far back as the daemon reads them. */
static void learn_past(Filter *filter, const Items *items, size_t to)
{
        for (size_t i = 0; i < to; i++) {
                Line line = line_of(&items->item[i]);

                if (items->item[i].seconds >= items->item[to - 1].seconds - FILTER_SESSION_SECONDS)
                        filter_learn(filter, &line);
        }
        check_nothing_counted(filter);
}

/* What all lines come to with a crash before line `cut`; none if that is the number of lines. */
static char *run(const Recipe *recipe, const Items *items, size_t cut, bool learn)
{
        Kept kept[WINDOWS_MAX];
        char *text = NULL;
        size_t size, n;
        FILE *out = open_memstream(&text, &size);
        World world;

        check(out);
        world_init(&world, recipe, out);
        feed(&world, items, 0, cut);
        if (cut < items->n) {
                n = keep_windows(&world, kept);
                world_deinit(&world);
                world_init(&world, recipe, out);
                restore_windows(&world, kept, n, (EventTime){ START + 1000000 * USEC_PER_SEC });
                if (learn && cut > 0)
                        learn_past(world.filter, items, cut);
                feed(&world, items, cut, items->n);
        }
        n = keep_windows(&world, kept);
        for (size_t i = 0; i < n; i++) {
                char addr[ADDR_TEXT_MAX];

                fprintf(out, "window %s %s\n", addr_format(&kept[i].addr, addr), kept[i].json);
                free(kept[i].json);
        }
        fclose(out);
        world_deinit(&world);
        return text;
}

/* Return: at how many places the outcome would be another without learning. */
static unsigned cut_everywhere(const Recipe *recipe, const Items *items, const char *name)
{
        _cleanup_free_ char *whole = run(recipe, items, items->n, true);
        unsigned differ = 0;

        check(items->n > 0);
        for (size_t cut = 0; cut < items->n; cut++) {
                _cleanup_free_ char *learned = run(recipe, items, cut, true), *blank = run(recipe, items, cut, false);

                if (strcmp(learned, whole) != 0) {
                        fprintf(stderr, "%s, maxretry %u, a restart before line %zu:\n%s\nis not as without:\n%s", name,
                                recipe->maxretry, cut, learned, whole);
                        abort();
                }
                differ += strcmp(blank, whole) != 0;
        }
        return differ;
}

/* ---- the sequences of tests/filters ---- */

static void add_sequence(Items *items, const YamlNode *sequence, int64_t pids)
{
        long long seconds = 0;

        for (const YamlNode *node = yaml_get(sequence, "lines")->children; node; node = node->next) {
                const YamlNode *line = node->kind == YAML_SCALAR ? node : yaml_get(node, "line");
                const YamlNode *at = node->kind == YAML_SCALAR ? NULL : yaml_get(node, "at");
                const YamlNode *pid = node->kind == YAML_SCALAR ? NULL : yaml_get(node, "pid");

                if (at)
                        check_int(yaml_integer(at, 0, 100000, &seconds, NULL), 0);
                check(items->n < LINES_MAX);
                items->item[items->n++] = (Item){ line->text, pids + (pid ? atoll(pid->text) : PID), seconds };
        }
}

/* All sequences at once, a line of each in turn: many sessions are open at every place. */
static void interleave(const YamlNode *sequences, Items *ret_items)
{
        static Items each[128];
        size_t n = 0, longest = 0;

        for (const YamlNode *sequence = sequences->children; sequence; sequence = sequence->next) {
                check(n < 128);
                each[n].n = 0;
                add_sequence(&each[n], sequence, (int64_t) n * 100000);
                longest = each[n].n > longest ? each[n].n : longest;
                n++;
        }
        ret_items->n = 0;
        for (size_t i = 0; i < longest; i++)
                for (size_t s = 0; s < n; s++)
                        if (i < each[s].n && ret_items->n < LINES_MAX)
                                ret_items->item[ret_items->n++] = each[s].item[i];
        /* Times must not run backwards; a stable sort keeps the turns. */
        for (size_t i = 1; i < ret_items->n; i++)
                for (size_t k = i; k > 0 && ret_items->item[k - 1].seconds > ret_items->item[k].seconds; k--) {
                        Item swap = ret_items->item[k];

                        ret_items->item[k] = ret_items->item[k - 1];
                        ret_items->item[k - 1] = swap;
                }
}

static unsigned cut_sequence(const char *path, const YamlNode *sequence)
{
        static const unsigned maxretries[] = { TRACKER_MAXRETRY_MAX, 3, 1 };
        const YamlNode *mode = yaml_get(sequence, "mode");
        _cleanup_(filter_freep) Filter *filter = load(path, NULL, mode ? mode->text : NULL);
        static Items items;
        unsigned differ = 0;

        items.n = 0;
        add_sequence(&items, sequence, 0);
        for (size_t i = 0; i < sizeof maxretries / sizeof *maxretries; i++)
                differ += cut_everywhere(&(Recipe){ filter, maxretries[i] }, &items, yaml_get(sequence, "name")->text);
        return differ;
}

static unsigned test_filter(const char *root, const char *name, const char *mode)
{
        char file[PATH_MAX], path[PATH_MAX];
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        _cleanup_(filter_freep) Filter *filter = NULL;
        static Items items;
        unsigned differ = 0, n = 0;
        Problem problem;

        snprintf(file, sizeof file, "%s/tests/filters/%s/sequences.yaml", root, name);
        if (yaml_read_file(file, &document, &problem) < 0)
                fprintf(stderr, "%s\n", problem.text);
        check(document);
        snprintf(path, sizeof path, "%s/filters/%s.yaml", root, name);
        const YamlNode *sequences = yaml_get(document->root, "sequences");
        for (const YamlNode *sequence = sequences->children; sequence; sequence = sequence->next, n++)
                differ += cut_sequence(path, sequence);
        filter = load(path, NULL, mode);
        interleave(sequences, &items);
        unsigned together = cut_everywhere(&(Recipe){ filter, 20 }, &items, name);
        printf("%s: %u sequences, %u of their cuts tell without learning; %zu lines of all together, %u\n", name, n, differ,
               items.n, together);
        return differ + together;
}

/* ---- what the shipped filters have no sequence for ---- */

static const char YAML[] = "name: t\n"
                           "ident: x\n"
                           "session: pid\n"
                           "modes:\n"
                           "  normal:\n"
                           "    - { id: hello, kind: helper, regex: '^hello (?<user>\\w+) <ADDR>$' }\n"
                           "    - { id: wrong, regex: '^wrong$' }\n"
                           "    - { id: soon, count: ahead, regex: '^soon$' }\n"
                           "    - { id: sum, count: once, regex: '^sum$' }\n"
                           "    - { id: last, end: true, regex: '^last$' }\n"
                           "    - { id: right, kind: success, regex: '^right$' }\n"
                           "    - { id: bye, kind: end, regex: '^bye$' }\n";

static void test_kinds(void)
{
        static const Items cases[] = {
                /* The address before, the failure behind. */
                { { { "hello ann 203.0.113.5", 1, 0 }, { "wrong", 1, 5 }, { "bye", 1, 6 } }, 3 },
                /* The failure before, held until the address comes. */
                { { { "wrong", 1, 0 }, { "hello ann 203.0.113.5", 1, 5 }, { "bye", 1, 6 } }, 3 },
                { { { "wrong", 1, 0 }, { "right", 1, 5 }, { "hello ann 203.0.113.5", 1, 6 } }, 3 },
                /* Ahead before, the line that settles it behind. */
                { { { "hello ann 203.0.113.5", 1, 0 }, { "soon", 1, 1 }, { "wrong", 1, 2 }, { "wrong", 1, 3 }, { "sum", 1, 4 } },
                  5 },
                /* A success takes back what was counted before. */
                { { { "hello ann 203.0.113.5", 1, 0 }, { "wrong", 1, 1 }, { "wrong", 1, 2 }, { "right", 1, 3 } }, 4 },
                /* The process number is used again: at once by the same host, by another, and after the end. */
                { { { "hello ann 203.0.113.5", 1, 0 },
                    { "last", 1, 1 },
                    { "wrong", 1, 2 },
                    { "hello bob 203.0.113.6", 1, 3 },
                    { "wrong", 1, 4 } },
                  5 },
                { { { "hello ann 203.0.113.5", 1, 0 }, { "hello bob 203.0.113.6", 1, 1 }, { "wrong", 1, 2 } }, 3 },
                { { { "hello ann 203.0.113.5", 1, 0 }, { "bye", 1, 1 }, { "wrong", 1, 2 }, { "hello eve 203.0.113.6", 1, 3 } },
                  4 },
                /* Ten minutes of silence are known still, one second more is not. */
                { { { "hello ann 203.0.113.5", 1, 0 }, { "wrong", 1, 600 }, { "wrong", 1, 1200 } }, 3 },
                { { { "hello ann 203.0.113.5", 1, 0 }, { "wrong", 1, 601 }, { "hello bob 203.0.113.6", 1, 700 } }, 3 },
        };
        _cleanup_(filter_freep) Filter *filter = load(NULL, YAML, "normal");
        unsigned differ = 0;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char name[32];

                snprintf(name, sizeof name, "case %zu", i);
                for (unsigned maxretry = 1; maxretry <= 5; maxretry++)
                        differ += cut_everywhere(&(Recipe){ filter, maxretry }, &cases[i], name);
        }
        check(differ > 0);
}

/* The table is full: the same sessions have given way, and no counter says that it happened while learning. */
static void test_evicted(void)
{
        _cleanup_(filter_freep) Filter *filter = load(NULL, YAML, "normal");
        World world;
        unsigned known = 0;
        Hit hit;

        world_init(&world, &(Recipe){ filter, 5 }, stderr);
        for (int64_t pid = 1; pid <= SESSIONS_MAX + 10; pid++) {
                Line line = line_of(&(Item){ "hello ann 203.0.113.5", pid, 0 });

                check_int(filter_learn(world.filter, &line), FILTER_HELPER);
        }
        check_nothing_counted(world.filter);
        check_int(filter_stats(world.filter)->sessions, SESSIONS_MAX);
        for (int64_t pid = SESSIONS_MAX + 10; pid > 0; pid--) {
                Line line = line_of(&(Item){ "wrong", pid, 1 });

                known += filter_match(world.filter, &line, &hit) == FILTER_HIT;
                if (pid == 11)
                        check_int(filter_stats(world.filter)->sessions_evicted, 0);
        }
        check_int(known, SESSIONS_MAX);
        check_int(filter_stats(world.filter)->sessions_evicted, 10);
        world_deinit(&world);
}

/* A window that the store has kept names its sessions; so a session's key is the same in every run and every release. */
static void test_keys(void)
{
        check(session_key_pid(4711) == UINT64_C(0xe72bc63b69a58b33));
        check(session_key_text("m5BLzPpgR7XLAHES", 16) == UINT64_C(0x1369b4f03de0ef2c));
}

int main(void)
{
        static const struct {
                const char *name, *mode;
        } filters[] = {
                { "sshd", "aggressive" }, { "postfix", "aggressive" }, { "dovecot", "normal" }, { "nginx-http-auth", "normal" }
        };
        const char *root = getenv("SOURCE_ROOT");
        unsigned differ = 0;

        check(root);
        test_keys();
        test_kinds();
        test_evicted();
        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
                differ += test_filter(root, filters[i].name, filters[i].mode);
        check(differ > 0);
        return 0;
}
