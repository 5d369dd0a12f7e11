/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Replays text scripts through the tracker and the ban engine, with no clock,
 * file descriptor or root, and compares what they decide with what the script
 * expects.
 *
 * A script is a list of blocks that an empty line ends: commands, then what they
 * are to make, behind '>'. '#' begins a comment. Time stands still but for steps.
 *
 *     jail NAME [findtime=10m] [maxretry=5] [bantime=1d] [prefix=64] [ports=tcp/22,udp/53] [reject]
 *          [factor=2] [max=1w] [forget=1d] [over=host]      bans grow where there is a factor
 *     rename JAIL NAME                           remove JAIL                     rescope JAIL
 *     allow PREFIX [for=1h] [origin=TEXT] [jail=NAME] [group=config]             disallow PREFIX [group=config]
 *     singles PREFIX...                          addresses in these count alone
 *     fail JAIL ADDR [session=N] [count=each|ahead|once] [ends] [attempts=N] [witness=BIT] [span=SECONDS] [at=-30s] [rule=ID] [line=TEXT] [times=N]
 *     success JAIL ADDR session=N                end JAIL ADDR session=N
 *     ban JAIL PREFIX [for=1h] [force] [reason=TEXT]
 *     unban PREFIX|all [jail=NAME]               lift-inside PREFIX
 *     forget PREFIX|all [jail=NAME]              the tracker alone
 *     +10m                                       time passes, timers fire when they are due
 *     jump 1h, jump -1h                          the clock is stepped, then timers fire
 *     sleep 1h                                   time passes, and no timer fires: the daemon is away
 *     restart                                    all goes through the records that the store keeps
 *     caps bans=N windows=N evidence=N           first in a script
 *     windows, bans, elements, evidence, levels, stats, drain, covering PREFIX   show
 *
 * Shown times are relative to the script's begin. "replay DIRECTORY" runs all of its *.t, and
 * those of DIRECTORY/wrong, each of which must fail; "replay FILE..." runs these, and
 * "replay --restarts DIRECTORY" those about windows with a restart before each hit and each
 * look, which must change nothing.
 */

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>

#include "ban.h"
#include "test.h"
#include "tracker.h"

#define BEGIN INT64_C(1767225600000000)
#define WORDS_MAX 32
#define RECORDS_MAX 256
/* Scripts about windows alone; of bans a restart here takes less along than the store does. */
#define RESTARTED "{session-*,witness-*,attempts,evidence,out-of-order,sliding*,success,unban*,window-edge}.t"

typedef struct Replay {
        Tracker *tracker;
        BanEngine *engine;
        size_t max_bans, max_windows, max_evidence;
        EventTime now;
        const char *file;
        unsigned line;
        char *output; /* of the block */
        size_t output_size;
        FILE *out;
        char jails[RECORDS_MAX][1024]; /* the commands that made jails and allowed entries, for restarts */
        size_t n_jails;
        bool restarts; /* one before each line that counts or shows */
        struct {
                char jail[JAIL_NAME_MAX];
                LevelRecord record;
        } levels[RECORDS_MAX]; /* as a store would keep them */
        size_t n_levels;
} Replay;

static _Noreturn void usage(const Replay *replay, const char *what, const char *word)
{
        fprintf(stderr, "%s:%u: %s: %s\n", replay->file, replay->line, what, word);
        exit(2);
}

/* ---- words ---- */

typedef struct Words {
        char *word[WORDS_MAX];
        size_t n;
} Words;

static const char *option(const Words *words, const char *name, const char *otherwise)
{
        size_t size = strlen(name);

        for (size_t i = 1; i < words->n; i++)
                if (strncmp(words->word[i], name, size) == 0 && words->word[i][size] == '=')
                        return words->word[i] + size + 1;
        return otherwise;
}

static bool flag(const Words *words, const char *name)
{
        for (size_t i = 1; i < words->n; i++)
                if (strcmp(words->word[i], name) == 0)
                        return true;
        return false;
}

static int64_t duration(const Replay *replay, const char *text)
{
        bool negative = *text == '-' && text[1] && strcmp(text, "-1") != 0;
        int64_t seconds;

        if (duration_parse(text + negative, &seconds) != 0)
                usage(replay, "no duration", text);
        return negative ? -seconds : seconds;
}

static Addr addr_of(const Replay *replay, const char *text)
{
        Addr addr;

        if (!text || addr_parse_prefix(text, &addr) != 0)
                usage(replay, "no address", text ? text : "(none)");
        return addr;
}

/* A time relative to the begin: "@1h", "@-30s", "forever". */
static const char *at(EventTime time, char buffer[static TIME_TEXT_MAX])
{
        char text[DURATION_TEXT_MAX];
        int64_t seconds = (time.usec - BEGIN) / USEC_PER_SEC;

        if (time.usec == INT64_MAX)
                return "forever";
        snprintf(buffer, TIME_TEXT_MAX, "@%s%s", seconds < 0 ? "-" : "", duration_format(llabs(seconds), text));
        return buffer;
}

static void show_element(Replay *replay, const Element *element)
{
        char addr[ADDR_TEXT_MAX], time[TIME_TEXT_MAX];

        fprintf(replay->out, "%s %s", element->until.usec == 0 ? "del" : "set", addr_format(&element->addr, addr));
        if (element->protocol)
                fprintf(replay->out, " %s/%u", element->protocol == 6 ? "tcp" : "udp", element->port);
        if (element->reject)
                fprintf(replay->out, " reject");
        if (element->until.usec != 0)
                fprintf(replay->out, " until=%s", at(element->until, time));
        fprintf(replay->out, "\n");
}

static void show_ban(Replay *replay, const char *word, const Ban *ban)
{
        char addr[ADDR_TEXT_MAX], source[ADDR_TEXT_MAX], time[TIME_TEXT_MAX];

        fprintf(replay->out, "%s #%llu %s %s until=%s", word, (unsigned long long) ban->id, ban->jail,
                addr_format(&ban->addr, addr), at(ban->until, time));
        if (ban->origin == BAN_MANUAL)
                fprintf(replay->out, " manual");
        if (ban->failures > 0)
                fprintf(replay->out, " failures=%u first=%s", ban->failures, at(ban->first, time));
        if (ban->source.family != 0 && !addr_equal(&ban->source, &ban->addr))
                fprintf(replay->out, " source=%s", addr_format(&ban->source, source));
        if (*ban->rule)
                fprintf(replay->out, " rule=%s", ban->rule);
        if (*ban->reason)
                fprintf(replay->out, " reason=%s", ban->reason);
        if (ban->forgotten.usec != 0)
                fprintf(replay->out, " level=%u forgotten=%s", ban->level, at(ban->forgotten, time));
}

/* ---- sinks ---- */

static void event_sink(void *userdata, const BanEvent *event)
{
        Replay *replay = userdata;

        show_ban(replay, ban_event_kind_name(event->kind), event->ban);
        fprintf(replay->out, "%s%s%s\n", *event->note ? " [" : "", event->note, *event->note ? "]" : "");
        for (size_t i = 0; i < event->n_changes; i++)
                show_element(replay, &event->changes[i]);
}

static void level_sink(void *userdata, const LevelRecord *record)
{
        Replay *replay = userdata;
        size_t i = 0;

        while (i < replay->n_levels &&
               (strcmp(replay->levels[i].jail, record->jail) != 0 || !addr_equal(&replay->levels[i].record.addr, &record->addr)))
                i++;
        check(i < RECORDS_MAX);
        if (record->forgotten.usec == 0) {
                check(i < replay->n_levels);
                replay->levels[i] = replay->levels[--replay->n_levels];
                return;
        }
        replay->n_levels += i == replay->n_levels;
        strcpy(replay->levels[i].jail, record->jail);
        replay->levels[i].record = *record;
}

static void offence_sink(void *userdata, const Offence *offence)
{
        Replay *replay = userdata;
        int r = ban_engine_offence(replay->engine, offence, replay->now);

        if (r != 0)
                fprintf(replay->out, "offence answered %d\n", r);
}

static void make_stages(Replay *replay)
{
        check_int(tracker_new(replay->max_windows, replay->max_evidence, (TrackerSink){ offence_sink, replay }, &replay->tracker),
                  0);
        BanSink sink = { .event = event_sink, .level = level_sink, .userdata = replay };
        check_int(ban_engine_new(replay->max_bans, sink, &replay->engine), 0);
}

/* ---- commands ---- */

static void command_jail(Replay *replay, const Words *words)
{
        Port ports[16];
        size_t n = 0;
        char *list = strdup(option(words, "ports", "")), *rest = list, *word;

        while ((word = strsep(&rest, ",")) && *word) {
                check(n < 16 && strlen(word) > 4);
                ports[n++] = (Port){ strncmp(word, "tcp", 3) == 0 ? 6 : 17, (uint16_t) atoi(word + 4) };
        }
        TrackerJail tracked = { words->word[1], duration(replay, option(words, "findtime", "10m")),
                                (unsigned) atoi(option(words, "maxretry", "5")), (unsigned) atoi(option(words, "prefix", "64")) };
        const char *factor = option(words, "factor", NULL);
        BanJail jail = { .name = words->word[1],
                         .bantime = duration(replay, option(words, "bantime", "1d")),
                         .ports = ports,
                         .n_ports = n,
                         .reject = flag(words, "reject") };
        if (factor)
                jail.increment = (BanIncrement){ .enabled = true,
                                                 .factor = strtod(factor, NULL),
                                                 .max = duration(replay, option(words, "max", "7d")),
                                                 .over_host = strcmp(option(words, "over", "jail"), "host") == 0,
                                                 .forget = duration(replay, option(words, "forget", "1d")) };
        check_int(tracker_set_jail(replay->tracker, &tracked), 0);
        check_int(ban_engine_set_jail(replay->engine, &jail), 0);
        free(list);
}

static void command_allow(Replay *replay, const Words *words)
{
        const char *length = option(words, "for", "forever");
        AllowEntry entry = { .addr = addr_of(replay, words->word[1]),
                             .until = event_time_add(replay->now, duration(replay, length)),
                             .origin = option(words, "origin", ""),
                             .jail = option(words, "jail", NULL) };

        check_int(ban_engine_allow(replay->engine, option(words, "group", "config"), &entry, replay->now), 0);
}

static void command_disallow(Replay *replay, const Words *words)
{
        Addr addr = addr_of(replay, words->word[1]);
        int r = ban_engine_disallow(replay->engine, option(words, "group", "config"), &addr, replay->now);

        if (r != 0)
                fprintf(replay->out, "disallow answered %d\n", r);
}

static void command_hit(Replay *replay, const Words *words)
{
        const char *kind = words->word[0], *count = option(words, "count", "each"), *text = option(words, "line", "a line");
        Line line = { .text = text, .length = strlen(text) };
        Hit hit = {
                .kind = strcmp(kind, "fail") == 0      ? HIT_FAILURE
                        : strcmp(kind, "success") == 0 ? HIT_SUCCESS
                                                       : HIT_END,
                .count = strcmp(count, "ahead") == 0  ? HIT_COUNT_AHEAD
                         : strcmp(count, "once") == 0 ? HIT_COUNT_ONCE
                                                      : HIT_COUNT_EACH,
                .jail = words->word[1],
                .addr = addr_of(replay, words->word[2]),
                .attempts = (unsigned) atoi(option(words, "attempts", "1")),
                .witness = (uint16_t) atoi(option(words, "witness", "0")),
                .span = atoll(option(words, "span", "0")),
                .ends = flag(words, "ends"),
                .session = strtoull(option(words, "session", "0"), NULL, 10),
                .time = replay->now,
                .rule = option(words, "rule", ""),
                .user = "",
                .line = &line,
        };

        if (option(words, "at", NULL))
                hit.time = event_time_add(hit.time, duration(replay, option(words, "at", NULL)));
        for (int i = 0; i < atoi(option(words, "times", "1")); i++) {
                unsigned counted = 99;
                int r = tracker_hit(replay->tracker, &hit, &counted);

                if (r != 0)
                        fprintf(replay->out, "hit answered %d\n", r);
                else if (counted != (hit.kind == HIT_FAILURE ? hit.attempts : 0))
                        fprintf(replay->out, "counts %u\n", counted);
        }
}

static void command_ban(Replay *replay, const Words *words)
{
        const char *length = option(words, "for", NULL);
        BanRequest request = { .jail = words->word[1],
                               .addr = addr_of(replay, words->word[2]),
                               .has_duration = length != NULL,
                               .duration = length ? duration(replay, length) : 0,
                               .reason = option(words, "reason", ""),
                               .force = flag(words, "force") };
        Problem problem = { .text = "" };
        int r = ban_engine_ban(replay->engine, &request, replay->now, &problem);

        if (r != 0)
                fprintf(replay->out, "answered %d: %s\n", r, problem.text);
}

static void command_unban(Replay *replay, const Words *words)
{
        bool all = strcmp(words->word[1], "all") == 0;
        Addr addr = all ? ADDR_NULL : addr_of(replay, words->word[1]);
        const char *jail = option(words, "jail", NULL);
        size_t lifted = 99;

        check_int(ban_engine_unban(replay->engine, all ? NULL : &addr, jail, replay->now, "by hand", &lifted), 0);
        tracker_forget(replay->tracker, jail, all ? NULL : &addr);
        fprintf(replay->out, "lifted %zu\n", lifted);
}

static void command_lift_inside(Replay *replay, const Words *words)
{
        Addr addr = addr_of(replay, words->word[1]);
        size_t lifted = 99;

        check_int(ban_engine_unban_inside(replay->engine, &addr, replay->now, "allowed now", &lifted), 0);
        fprintf(replay->out, "lifted %zu\n", lifted);
}

static void command_forget(Replay *replay, const Words *words)
{
        bool all = strcmp(words->word[1], "all") == 0;
        Addr addr = all ? ADDR_NULL : addr_of(replay, words->word[1]);

        tracker_forget(replay->tracker, option(words, "jail", NULL), all ? NULL : &addr);
}

static void command_rename(Replay *replay, const Words *words)
{
        check_int(ban_engine_rename_jail(replay->engine, words->word[1], words->word[2], replay->now, "renamed"), 0);
        check_int(tracker_rename_jail(replay->tracker, words->word[1], words->word[2]), 0);
}

static void command_remove(Replay *replay, const Words *words)
{
        size_t lifted = 99;

        check_int(ban_engine_remove_jail(replay->engine, words->word[1], replay->now, "removed", &lifted), 0);
        check_int(tracker_remove_jail(replay->tracker, words->word[1]), 0);
        fprintf(replay->out, "lifted %zu\n", lifted);
}

static void command_rescope(Replay *replay, const Words *words)
{
        check_int(ban_engine_rescope(replay->engine, words->word[1], replay->now, "reload"), 0);
}

static void command_singles(Replay *replay, const Words *words)
{
        Addr prefixes[WORDS_MAX];

        for (size_t i = 1; i < words->n; i++)
                prefixes[i - 1] = addr_of(replay, words->word[i]);
        check_int(tracker_set_singles(replay->tracker, prefixes, words->n - 1), 0);
}

static void step(Replay *replay, EventTime target)
{
        EventTime tracker_due = tracker_expire(replay->tracker, replay->now);
        EventTime engine_due = ban_engine_expire(replay->engine, replay->now);

        for (EventTime due; (due = event_time_min(tracker_due, engine_due)).usec <= target.usec;) {
                check(due.usec > replay->now.usec);
                replay->now = due;
                tracker_due = tracker_expire(replay->tracker, due);
                engine_due = ban_engine_expire(replay->engine, due);
        }
        replay->now = target;
}

static void command_jump(Replay *replay, const Words *words)
{
        replay->now = event_time_add(replay->now, duration(replay, words->word[1]));
        if (strcmp(words->word[0], "sleep") == 0)
                return;
        tracker_expire(replay->tracker, replay->now);
        ban_engine_expire(replay->engine, replay->now);
}

static void command_caps(Replay *replay, const Words *words)
{
        replay->max_bans = strtoul(option(words, "bans", "1000"), NULL, 10);
        replay->max_windows = strtoul(option(words, "windows", "1000"), NULL, 10);
        replay->max_evidence = strtoul(option(words, "evidence", "1000000"), NULL, 10);
        tracker_free(replay->tracker);
        ban_engine_free(replay->engine);
        make_stages(replay);
}

/* ---- what can be shown ---- */

static int compare_lines(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Sorts what was written to the output from @from on, since visits have no order. */
static void sort_output(Replay *replay, size_t from)
{
        char *lines[RECORDS_MAX], *copy, *rest, *line;
        size_t n = 0;

        fflush(replay->out);
        copy = rest = strdup(replay->output + from);
        while ((line = strsep(&rest, "\n")) && *line) {
                check(n < RECORDS_MAX);
                lines[n++] = line;
        }
        qsort(lines, n, sizeof *lines, compare_lines);
        fseeko(replay->out, (off_t) from, SEEK_SET);
        for (size_t i = 0; i < n; i++)
                fprintf(replay->out, "%s\n", lines[i]);
        free(copy);
}

static int window_sink(void *userdata, const WindowRecord *record)
{
        Replay *replay = userdata;
        char addr[ADDR_TEXT_MAX], time[TIME_TEXT_MAX];

        fprintf(replay->out, "window %s %s:", record->jail, addr_format(&record->addr, addr));
        for (size_t i = 0; i < record->n_entries; i++) {
                const WindowEntry *entry = &record->entries[i];

                fprintf(replay->out, " %s*%u%s", at(entry->time, time), entry->weight, entry->ahead ? "!" : "");
                if (entry->session)
                        fprintf(replay->out, "/%llu", (unsigned long long) entry->session);
        }
        fprintf(replay->out, "%s\n", record->n_entries ? "" : " gone");
        return 0;
}

static int ban_visitor(void *userdata, const Ban *ban)
{
        Replay *replay = userdata;

        show_ban(replay, "ban", ban);
        fprintf(replay->out, "\n");
        return 0;
}

static int evidence_visitor(void *userdata, const Ban *ban)
{
        Replay *replay = userdata;
        char addr[ADDR_TEXT_MAX], time[TIME_TEXT_MAX];

        for (size_t i = 0; i < ban->n_evidence; i++)
                fprintf(replay->out, "%s %zu. %s %s: %s\n", addr_format(&ban->addr, addr), i + 1, at(ban->evidence[i].time, time),
                        ban->evidence[i].rule, ban->evidence[i].text);
        return 0;
}

static void show_levels(Replay *replay)
{
        char addr[ADDR_TEXT_MAX], time[TIME_TEXT_MAX];

        for (size_t i = 0; i < replay->n_levels; i++)
                fprintf(replay->out, "level %u %s %s forgotten=%s\n", replay->levels[i].record.level,
                        *replay->levels[i].jail ? replay->levels[i].jail : "(host)",
                        addr_format(&replay->levels[i].record.addr, addr), at(replay->levels[i].record.forgotten, time));
}

static int element_visitor(void *userdata, const Element *element)
{
        show_element(userdata, element);
        return 0;
}

static void show(Replay *replay, const Words *words)
{
        const char *what = words->word[0];
        fflush(replay->out);
        size_t from = replay->output_size;

        if (strcmp(what, "windows") == 0)
                check_int(tracker_each(replay->tracker, NULL, NULL, window_sink, replay), 0);
        else if (strcmp(what, "drain") == 0)
                check_int(tracker_drain(replay->tracker, window_sink, replay), 0);
        else if (strcmp(what, "bans") == 0)
                check_int(ban_engine_each(replay->engine, words->n > 1 ? words->word[1] : NULL, ban_visitor, replay), 0);
        else if (strcmp(what, "evidence") == 0)
                check_int(ban_engine_each(replay->engine, NULL, evidence_visitor, replay), 0);
        else if (strcmp(what, "levels") == 0)
                show_levels(replay);
        else if (strcmp(what, "elements") == 0)
                check_int(ban_engine_each_element(replay->engine, replay->now, element_visitor, replay), 0);
        else if (strcmp(what, "covering") == 0) {
                Addr addr = addr_of(replay, words->word[1]);
                check_int(ban_engine_covering(replay->engine, &addr, ban_visitor, replay), 0);
        } else
                fprintf(replay->out,
                        "counting=%zu windows=%zu bans=%zu total=%llu elements=%zu displaced=%llu evicted=%llu dropped=%llu\n",
                        tracker_count(replay->tracker, NULL), tracker_stats(replay->tracker)->windows,
                        ban_engine_count(replay->engine, NULL), (unsigned long long) ban_engine_total(replay->engine, NULL),
                        ban_engine_stats(replay->engine)->elements,
                        (unsigned long long) ban_engine_stats(replay->engine)->displaced,
                        (unsigned long long) tracker_stats(replay->tracker)->evicted,
                        (unsigned long long) tracker_stats(replay->tracker)->evidence_dropped);
        sort_output(replay, from);
}

/* ---- restart ---- */

static int restore_window(void *userdata, const WindowRecord *record)
{
        Replay *replay = userdata;
        int r = tracker_restore(replay->tracker, record);

        check(r == 0 || r == TRACKER_E_NO_JAIL);
        return 0;
}

static int restore_ban(void *userdata, const Ban *ban)
{
        Replay *replay = userdata;

        check_int(ban_engine_restore(replay->engine, ban, replay->now), 0);
        return 0;
}

static void run_command(Replay *replay, char *text);

static void command_restart(Replay *replay, const Words *words)
{
        Tracker *tracker = replay->tracker;
        BanEngine *engine = replay->engine;

        make_stages(replay);
        for (size_t i = 0; i < replay->n_jails; i++) {
                char copy[1024], *name = strchr(replay->jails[i], ' ') + 1;

                /* "restart without=NAME": the jail is not configured any more. */
                strcpy(copy, replay->jails[i]);
                if (strncmp(name, option(words, "without", "-"), strcspn(name, " ")) != 0)
                        run_command(replay, copy);
        }
        check_int(tracker_each(tracker, NULL, NULL, restore_window, replay), 0);
        check_int(ban_engine_each(engine, NULL, restore_ban, replay), 0);
        for (size_t i = 0; i < replay->n_levels; i++) {
                LevelRecord record = replay->levels[i].record;

                record.jail = replay->levels[i].jail;
                check_int(ban_engine_restore_level(replay->engine, &record, replay->now), 0);
        }
        tracker_free(tracker);
        ban_engine_free(engine);
}

/* ---- scripts ---- */

static const struct {
        const char *name;
        size_t n_words;
        void (*run)(Replay *replay, const Words *words);
} COMMANDS[] = {
        { "jail", 2, command_jail },
        { "allow", 2, command_allow },
        { "disallow", 2, command_disallow },
        { "fail", 3, command_hit },
        { "success", 3, command_hit },
        { "end", 3, command_hit },
        { "ban", 3, command_ban },
        { "unban", 2, command_unban },
        { "lift-inside", 2, command_lift_inside },
        { "forget", 2, command_forget },
        { "rename", 3, command_rename },
        { "remove", 2, command_remove },
        { "rescope", 2, command_rescope },
        { "singles", 2, command_singles },
        { "jump", 2, command_jump },
        { "sleep", 2, command_jump },
        { "caps", 1, command_caps },
        { "restart", 1, command_restart },
        { "windows", 1, show },
        { "bans", 1, show },
        { "elements", 1, show },
        { "evidence", 1, show },
        { "levels", 1, show },
        { "drain", 1, show },
        { "covering", 2, show },
        { "stats", 1, show },
};

static void run_command(Replay *replay, char *text)
{
        Words words = { .n = 0 };
        char *word;

        if (*text == '+') {
                step(replay, event_time_add(replay->now, duration(replay, text + 1)));
                return;
        }
        while ((word = strsep(&text, " ")))
                if (*word && words.n < WORDS_MAX)
                        words.word[words.n++] = word;
        for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
                if (strcmp(COMMANDS[i].name, words.word[0]) != 0)
                        continue;
                if (words.n < COMMANDS[i].n_words)
                        usage(replay, "words are missing", words.word[0]);
                COMMANDS[i].run(replay, &words);
                return;
        }
        usage(replay, "unknown command", words.word[0]);
}

/* Compares what the block made with what it was to make; both end here. */
static bool end_block(Replay *replay, char *expected, unsigned first_line)
{
        bool same;

        fclose(replay->out);
        same = strcmp(replay->output, expected) == 0;
        if (!same)
                printf("%s:%u: expected:\n%sbut got:\n%s", replay->file, first_line, expected, replay->output);
        free(replay->output);
        replay->out = open_memstream(&replay->output, &replay->output_size);
        *expected = '\0';
        return same;
}

static bool is_hit_or_look(const char *line)
{
        static const char *const words[] = { "fail ", "success ", "end ", "windows", "bans", "evidence" };

        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strncmp(line, words[i], strlen(words[i])) == 0)
                        return true;
        return false;
}

static bool run_lines(Replay *replay, FILE *file)
{
        char line[1024], expected[65536] = "";
        unsigned first_line = 1;
        bool same = true;

        while (fgets(line, sizeof line, file)) {
                replay->line++;
                line[strcspn(line, "\n")] = '\0';
                if (*line == '#')
                        continue;
                if (!*line) {
                        same &= end_block(replay, expected, first_line);
                        first_line = replay->line + 1;
                } else if (*line == '>') {
                        size_t used = strlen(expected);
                        snprintf(expected + used, sizeof expected - used, "%s\n", line + 1 + (line[1] == ' '));
                } else {
                        if (*expected)
                                usage(replay, "a command behind an expectation; end it by an empty line", line);
                        if (strncmp(line, "jail ", 5) == 0 || strncmp(line, "allow ", 6) == 0) {
                                check(replay->n_jails < RECORDS_MAX);
                                strcpy(replay->jails[replay->n_jails++], line);
                        }
                        if (replay->restarts && is_hit_or_look(line))
                                run_command(replay, (char[]){ "restart" });
                        run_command(replay, line);
                }
        }
        return end_block(replay, expected, first_line) && same;
}

static bool run_script(const char *name, bool restarts)
{
        Replay *replay = calloc(1, sizeof *replay);
        FILE *file = fopen(name, "r");
        bool same;

        check(replay && file);
        replay->file = name;
        replay->restarts = restarts;
        replay->now = (EventTime){ BEGIN };
        replay->max_bans = replay->max_windows = 1000;
        replay->max_evidence = 1000000;
        replay->out = open_memstream(&replay->output, &replay->output_size);
        make_stages(replay);
        same = run_lines(replay, file);
        fclose(file);
        fclose(replay->out);
        free(replay->output);
        tracker_free(replay->tracker);
        ban_engine_free(replay->engine);
        free(replay);
        return same;
}

static size_t run_all(const char *directory, const char *pattern, bool restarts, bool expected)
{
        char path[4096];
        size_t n_failed = 0;
        glob_t found;

        snprintf(path, sizeof path, "%s/%s", directory, pattern);
        check_int(glob(path, GLOB_BRACE, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                if (!expected)
                        printf("%s has to fail:\n", found.gl_pathv[i]);
                if (run_script(found.gl_pathv[i], restarts) == expected)
                        continue;
                printf("FAILED: %s%s\n", found.gl_pathv[i], expected ? "" : ", which has to fail, did not");
                n_failed++;
        }
        printf("%zu scripts in %s\n", found.gl_pathc, path);
        globfree(&found);
        return n_failed;
}

int main(int argc, char **argv)
{
        size_t n_failed = 0;

        if (argc < 2) {
                fprintf(stderr, "usage: replay DIRECTORY | FILE...\n");
                return 2;
        }
        if (argc == 3 && strcmp(argv[1], "--restarts") == 0)
                n_failed = run_all(argv[2], RESTARTED, true, true);
        else if (argc == 2 && !strstr(argv[1], ".t"))
                n_failed = run_all(argv[1], "*.t", false, true) + run_all(argv[1], "wrong/*.t", false, false);
        else
                for (int i = 1; i < argc; i++)
                        n_failed += !run_script(argv[i], false);
        return n_failed > 0;
}
