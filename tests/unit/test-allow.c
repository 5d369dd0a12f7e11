/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What allows without standing in the configuration as an address: files, resolvers, names, and how they are watched. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allow/private.h"
#include "test.h"
#include "util/text.h"

#define GROUPS_MAX 32
#define TEXT_MAX 4096

/* ---- an AllowWatch in a directory of its own ---- */

typedef struct Group {
        char name[256];
        char text[TEXT_MAX]; /* "192.0.2.1=origin[@jail][<until] ..." of the first entries */
        size_t n;
        unsigned told;
} Group;

static char directory[] = "/tmp/bailiff-allow-XXXXXX";
static Group groups[GROUPS_MAX];
static struct {
        char topic[512], text[2048];
} problems[GROUPS_MAX];
static unsigned n_told;
static unsigned problems_told;

static Group *group_of(const char *name)
{
        size_t i = 0;

        while (groups[i].name[0] && strcmp(groups[i].name, name) != 0)
                check(++i < GROUPS_MAX);
        snprintf(groups[i].name, sizeof groups[i].name, "%s", name);
        return &groups[i];
}

static const char *problem_of(const char *topic)
{
        for (size_t i = 0; i < GROUPS_MAX; i++)
                if (strcmp(problems[i].topic, topic) == 0)
                        return problems[i].text;
        return "";
}

static void on_group(void *userdata, const char *name, const AllowEntry *entries, size_t n_entries)
{
        Group *group = group_of(name);
        char addr[ADDR_TEXT_MAX], until[TIME_TEXT_MAX];
        size_t used = 0;

        group->n = n_entries;
        group->told++;
        n_told++;
        group->text[0] = '\0';
        for (size_t i = 0; i < n_entries && used < TEXT_MAX - 1024; i++)
                used += (size_t) snprintf(group->text + used, TEXT_MAX - used, "%s%s=%s%s%s%s%s", i ? " " : "",
                                          addr_format(&entries[i].addr, addr), entries[i].origin, entries[i].jail ? "@" : "",
                                          entries[i].jail ? entries[i].jail : "", entries[i].until.usec == INT64_MAX ? "" : "<",
                                          entries[i].until.usec == INT64_MAX ? "" : event_time_format(entries[i].until, until));
}

static void on_on_link(void *userdata, const Addr *prefixes, size_t n_prefixes)
{
        for (size_t i = 0; i < n_prefixes; i++)
                check(prefixes[i].family == 6 && prefixes[i].length >= 48 && prefixes[i].length < 128);
}

static void on_problem(void *userdata, const char *topic, const char *text)
{
        size_t i = 0;

        while (problems[i].topic[0] && strcmp(problems[i].topic, topic) != 0)
                check(++i < GROUPS_MAX);
        snprintf(problems[i].topic, sizeof problems[i].topic, "%s", topic);
        snprintf(problems[i].text, sizeof problems[i].text, "%s", text ? text : "");
        problems_told++;
}

static const char *in(const char *name)
{
        static char paths[8][256];
        static unsigned next;
        char *path = paths[next++ % 8];

        snprintf(path, 256, "%s/%s", directory, name);
        return path;
}

static void write_text(const char *name, const char *text)
{
        FILE *file = fopen(in(name), "w");

        check(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void replace_text(const char *name, const char *text)
{
        check(text_write_file(in(name), text, strlen(text), 0644) == 0);
}

static sd_event *event;

static AllowWatch *watch_start(const AllowConfig *wanted, size_t n_wanted)
{
        static char runtime[256], names[256], state[256], resolv[256];
        const AllowWatchConfig config = { .wanted = wanted,
                                          .n_wanted = n_wanted,
                                          .runtime_directory = runtime,
                                          .names_directory = names,
                                          .state_directory = state,
                                          .resolv_conf = resolv };
        AllowWatch *watch = NULL;
        Problem problem = { "" };

        snprintf(runtime, sizeof runtime, "%s/run", directory);
        snprintf(names, sizeof names, "%s/names", directory);
        snprintf(state, sizeof state, "%s/state", directory);
        snprintf(resolv, sizeof resolv, "%s/etc/resolv.conf", directory);
        memset(groups, 0, sizeof groups);
        memset(problems, 0, sizeof problems);
        check_int(allow_watch_new(event, &config, (AllowCallbacks){ on_group, on_on_link, on_problem, NULL }, &watch), 0);
        check_int(allow_watch_start(watch, &problem), 0);
        return watch;
}

static void turn(unsigned milliseconds)
{
        uint64_t end = clock_boot_now().usec + milliseconds * (uint64_t) USEC_PER_MSEC;

        while (clock_boot_now().usec < end)
                check(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
}

/* Turns the loop until the group is so; five seconds at most. */
static void await_text(const char *group, const char *text)
{
        for (unsigned i = 0; i < 500 && strcmp(group_of(group)->text, text) != 0; i++)
                turn(10);
        check_text(group_of(group)->text, text);
}

static void await_problem(const char *topic, const char *part)
{
        for (unsigned i = 0; i < 500 && !(*part ? strstr(problem_of(topic), part) != NULL : !*problem_of(topic)); i++)
                turn(10);
        if (*part)
                check_contains(problem_of(topic), part);
        else
                check_text(problem_of(topic), "");
}

static AllowConfig want_file(const char *name, const char *jail)
{
        return (AllowConfig){ .kind = ALLOW_FILE, .text = in(name), .jail = jail };
}

static AllowConfig want_name(const char *name, const char *jail)
{
        return (AllowConfig){ .kind = ALLOW_NAME, .text = name, .jail = jail };
}

/* What a group must say: "%s" in the format is the directory. */
static const char *expect(const char *format)
{
        static char text[1024];
        size_t used = 0;

        for (const char *p = format; *p; p++)
                if (*p == '$')
                        used += (size_t) snprintf(text + used, sizeof text - used, "%s", directory);
                else
                        text[used++] = *p;
        text[used] = '\0';
        return text;
}

/* ---- parsers ---- */

static void test_file_lines(void)
{
        static const struct {
                const char *text;
                size_t n;
                int mistakes;
                const char *problem;
        } cases[] = {
                { "", 0, 0, "" },
                { "# nothing\n\n   \t\n", 0, 0, "" },
                { "192.0.2.0/24\n2001:db8::/48 # office\r\n\t198.51.100.7#home\n", 3, 0, "" },
                { "192.0.2.1", 1, 0, "" },
                { "192.0.2.1\n192.0.2.1\n::ffff:192.0.2.1\n", 1, 0, "" },
                { "192.0.2.1 until 2026-12-01\n192.0.2.2 until 2026-12-01T12:00:00Z # guest\n", 2, 0, "" },
                { "192.0.2.1\noffice.example.net\n192.0.2.2\n", 2, 1, "f:2:1: \"office.example.net\" is no address" },
                { "  192.0.2.1/24\n", 0, 1, "f:1:3: \"192.0.2.1/24\" is an address with a prefix length that cuts bits off" },
                { "0.0.0.0/0\n::/0\n", 0, 2, "f:1:1: \"0.0.0.0/0\" would allow everybody" },
                { "192.0.2.1 192.0.2.2\n", 0, 1, "f:1:11: \"192.0.2.2\" is not understood" },
                { "192.0.2.1 until\n", 0, 1, "f:1:11: \"until\" needs a time" },
                { "192.0.2.1 until tomorrow\n", 0, 1, "f:1:17: \"tomorrow\" needs a time" },
                { "192.0.2.1 until 2026-02-31\n", 0, 1, "f:1:17: \"2026-02-31\" needs a time" },
                { "192.0.2.1 until 2026-12-01T25:00:00Z\n", 0, 1, "f:1:17:" },
                { "192.0.2.1 until 2026-12-01T12:00:00\n", 0, 1, "f:1:17:" },
                { "192.0.2.1 until 2026-12-01 12:00\n", 0, 1, "f:1:28: \"12:00\" is too much" },
                { "192.0.2.300\n1.2.3\n\x1b[2J\n", 0, 3, "f:1:1:" },
                { "\x1b[2J\n", 0, 1, "f:1:1: \"\\x1b[2J\"" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
                Problem problem = { "" };

                check_int(allow_parse_file("f", cases[i].text, strlen(cases[i].text), &list, &problem), cases[i].mistakes);
                check_int(list.n_items, cases[i].n);
                check_contains(problem.text, cases[i].problem);
        }
        AllowList list = ALLOW_LIST_NULL;
        check_int(allow_parse_file("f", "192.0.2.1\0 x\n", 13, &list, NULL), 1);
        check_int(list.n_items, 0);
        allow_list_deinit(&list);
}

static void test_file_until(void)
{
        _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
        const char *text =
                "192.0.2.1 until 2026-12-01\n192.0.2.2 until 2026-12-01T12:00:00Z\n192.0.2.3 until 2026-12-01\n192.0.2.3\n";
        char time[TIME_TEXT_MAX];

        check_int(allow_parse_file("f", text, strlen(text), &list, NULL), 0);
        check_int(list.n_items, 3);
        check_text(event_time_format(list.items[0].until, time), "2026-12-02T00:00:00Z");
        check_text(event_time_format(list.items[1].until, time), "2026-12-01T12:00:00Z");
        check_int(list.items[2].until.usec, INT64_MAX); /* what lasts longest counts */
        check_int(list.items[2].place, 4);
}

static void test_file_cap(void)
{
        _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
        _cleanup_free_ char *text = NULL;
        Problem problem = { "" };
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        for (unsigned i = 0; i < ALLOW_FILE_ENTRIES_MAX + 5; i++)
                fprintf(stream, "10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
        fclose(stream);
        check_int(allow_parse_file("f", text, size, &list, &problem), 1);
        check_int(list.n_items, ALLOW_FILE_ENTRIES_MAX);
        check_contains(problem.text, "f:100001:1: \"10.1.134.160\" is one entry too many");
}

static void test_resolvers(void)
{
        _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
        const char *text = "# x\nsearch example.net\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n nameserver\t2001:db8::53 \n"
                           "nameserver 0.0.0.0\nnameserver\nnameserver dns.example\n;nameserver 192.0.2.9\nnameserver "
                           "192.0.2.53\nnameserver 127.0.0.53";
        static const char *const expected[] = { "127.0.0.53", "192.0.2.53", "2001:db8::53", "fe80::1" };
        char addr[ADDR_TEXT_MAX];

        check_int(allow_parse_resolvers(text, strlen(text), &list), 0);
        check_int(list.n_items, 4);
        for (size_t i = 0; i < 4; i++)
                check_text(addr_format(&list.items[i].addr, addr), expected[i]);
}

static void test_answers(void)
{
        static const struct {
                const char *line, *mistake;
        } cases[] = {
                { "office.example.net 1795332660 192.0.2.7 2001:db8::7", NULL },
                { "office.example.net 1795332660 10.0.0.1 127.0.0.1 ! Name or service not known", NULL },
                { "office.example.net 0 ! Temporary failure", NULL },
                { "", "is no host's name" },
                { "Office.example.net 1 192.0.2.1", "is no host's name" },
                { "a..b 1 192.0.2.1", "is no host's name" },
                { "../x 1 192.0.2.1", "is no host's name" },
                { "a", "has no time" },
                { "a -1 192.0.2.1", "has no time" },
                { "a 123456789012 192.0.2.1", "has no time" },
                { "a 1 192.0.2.0/24", "has something that is no address" },
                { "a 1  192.0.2.1", "has something that is no address" },
                { "a 1 0.0.0.0", "has an address that nobody can have" },
                { "a 1 ff02::1", "has an address that nobody can have" },
                { "a 1 ::", "has an address that nobody can have" },
                { "a 1 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9 1.1.1.10 1.1.1.11 1.1.1.12 "
                  "1.1.1.13 "
                  "1.1.1.14 1.1.1.15 1.1.1.16 1.1.1.17",
                  "has more than 16 addresses" },
                { "a 0", "has no addresses" },
                { "a 5 ! x", "has a time without addresses, or addresses without a time" },
                { "a 0 192.0.2.1", "has a time without addresses, or addresses without a time" },
                { "a 0 !", "gives no reason for its failure" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                _cleanup_free_ char *text = NULL;
                NameAnswer answer;
                const char *mistake = name_answer_parse(cases[i].line, strlen(cases[i].line), &answer);
                size_t size;

                check_text(mistake ? mistake : "good", cases[i].mistake ? cases[i].mistake : "good");
                if (mistake)
                        continue;
                check_int(name_answers_format(&answer, 1, &text, &size), 0);
                check(size == strlen(cases[i].line) + 1 && memcmp(text, cases[i].line, size - 1) == 0);
        }
}

/* ---- files ---- */

static void test_files(void)
{
        const AllowConfig wanted[] = { want_file("office", NULL), want_file("office", "sshd"), want_file("office", "sshd"),
                                       want_file("later/list", NULL) };
        char topic[300], later[300], group[300], jail_group[300], later_group[300];

        snprintf(topic, sizeof topic, "allow file %s/office", directory);
        snprintf(later, sizeof later, "allow file %s/later/list", directory);
        snprintf(group, sizeof group, "file %s/office", directory);
        snprintf(jail_group, sizeof jail_group, "file %s/office (sshd)", directory);
        snprintf(later_group, sizeof later_group, "file %s/later/list", directory);
        write_text("office", "192.0.2.1\nmistake\nanother\n192.0.2.2 until 2099-01-01\n");
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(wanted, 4);
        check(watch);

        /* The first time the good lines are used. */
        check_text(group_of(group)->text, expect("192.0.2.1=$/office:1 192.0.2.2=$/office:4<2099-01-02T00:00:00Z"));
        check_text(group_of(jail_group)->text,
                   expect("192.0.2.1=$/office:1@sshd 192.0.2.2=$/office:4@sshd<2099-01-02T00:00:00Z"));
        check_int(group_of(group)->told, 1);
        check_int(group_of(jail_group)->told, 1);
        check_contains(problem_of(topic), expect("$/office:2:1: \"mistake\" is no address"));
        check_contains(problem_of(topic), "(and 1 more mistake). Its other lines are used.");
        check_contains(problem_of(later), "does not exist: create it, or take it out of allow:. It allows nobody so far.");

        /* Faultless once: from then on a mistake takes nothing away. */
        write_text("office", "192.0.2.3\n");
        await_text(group, expect("192.0.2.3=$/office:1"));
        check_text(group_of(jail_group)->text, expect("192.0.2.3=$/office:1@sshd"));
        await_problem(topic, "");
        write_text("office", "192.0.2.4\nmistake\n");
        await_problem(topic, "What it allowed before stays allowed.");
        check_text(group_of(group)->text, expect("192.0.2.3=$/office:1"));
        check(unlink(in("office")) == 0);
        await_problem(topic, "does not exist");
        check_text(group_of(group)->text, expect("192.0.2.3=$/office:1"));

        /* Replaced by a rename, and not told when nothing has changed. */
        replace_text("office", "192.0.2.5\n");
        await_text(group, expect("192.0.2.5=$/office:1"));
        await_problem(topic, "");
        unsigned before = n_told;
        replace_text("office", "192.0.2.5   # the same\n");
        turn(300);
        check_int(n_told, before);

        /* Everybody may write it: refused, with what mends it. */
        check(chmod(in("office"), 0666) == 0);
        await_problem(topic, "chmod o-w");
        check(chmod(in("office"), 0644) == 0);
        await_problem(topic, "");

        /* Who may write in the directory may put another file in its place: that one is refused, and nothing is lost. */
        check(chmod(in("."), 0777) == 0);
        replace_text("office", "192.0.2.66\n");
        await_problem(topic, "may be changed by everybody; take that away: chmod o-w");
        check_int(n_told, before);
        check(chmod(in("."), 0700) == 0);
        replace_text("office", "192.0.2.5\n");
        await_problem(topic, "");
        /* The group of another user's as well; root's may. */
        if (geteuid() == 0) {
                check(chown(in("office"), 0, 12345) == 0 && chmod(in("office"), 0664) == 0);
                await_problem(topic, "may be changed by its group; take that away: chmod g-w");
                check(chown(in("office"), 0, 0) == 0 && chmod(in("office"), 0664) == 0);
                await_problem(topic, "");
                check(chmod(in("office"), 0644) == 0);
        }

        /* The directory comes later, then goes, and comes as a link. */
        check(mkdir(in("later"), 0755) == 0);
        write_text("later/list", "198.51.100.1\n");
        await_text(later_group, expect("198.51.100.1=$/later/list:1"));
        await_problem(later, "");
        check(rename(in("later"), in("elsewhere")) == 0);
        await_problem(later, "does not exist");
        write_text("elsewhere/list", "198.51.100.2\n");
        check(symlink("elsewhere", in("later")) == 0);
        await_text(later_group, expect("198.51.100.2=$/later/list:1"));
        write_text("elsewhere/list", "198.51.100.3\n");
        await_text(later_group, expect("198.51.100.3=$/later/list:1"));
        write_text("elsewhere/list", "");
        await_text(later_group, "");

        /* What is no file. */
        check(unlink(in("office")) == 0 && mkfifo(in("office"), 0644) == 0);
        await_problem(topic, "no regular file");
        check(unlink(in("office")) == 0 && truncate(in("elsewhere/list"), ALLOW_FILE_SIZE_MAX + 1) == 0);
        replace_text("elsewhere/list", "198.51.100.4\n");
        await_text(later_group, expect("198.51.100.4=$/later/list:1"));
        int fd = open(in("elsewhere/list"), O_WRONLY | O_CLOEXEC);
        check(fd >= 0 && ftruncate(fd, ALLOW_FILE_SIZE_MAX + 1) == 0 && close(fd) == 0);
        await_problem(later, "larger than 1 MiB");
        check_text(group_of(later_group)->text, expect("198.51.100.4=$/later/list:1"));
}

/* A file that is written slowly is never read in halves. */
static void test_slow_writer(void)
{
        const AllowConfig wanted[] = { want_file("slow", NULL) };
        char group[300];
        int fd;

        snprintf(group, sizeof group, "file %s/slow", directory);
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(wanted, 1);
        check(watch);
        fd = open(in("slow"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        check(fd >= 0 && write(fd, "192.0.2.1\n192.0.", 16) == 16);
        turn(400);
        check_int(group_of(group)->told, 0);
        check(write(fd, "2.2\n", 4) == 4 && close(fd) == 0);
        await_text(group, expect("192.0.2.1=$/slow:1 192.0.2.2=$/slow:2"));
        check_int(group_of(group)->told, 1);
}

static void test_set(void)
{
        const AllowConfig first[] = { want_file("a", NULL), want_file("b", "sshd") };
        const AllowConfig second[] = {
                { .kind = ALLOW_ADDR }, want_file("a", NULL), want_file("a", "web"), want_file("c", NULL)
        };
        char a[300], a_web[300], b[300], c[300];

        snprintf(a, sizeof a, "file %s/a", directory);
        snprintf(a_web, sizeof a_web, "file %s/a (web)", directory);
        snprintf(b, sizeof b, "file %s/b (sshd)", directory);
        snprintf(c, sizeof c, "file %s/c", directory);
        write_text("a", "192.0.2.1\n");
        write_text("b", "192.0.2.2\n");
        write_text("c", "192.0.2.3\n");
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(first, 2);
        unsigned before = n_told;

        check_int(allow_watch_set(watch, first, 2), 0);
        check_int(n_told, before);
        check_int(allow_watch_set(watch, second, 4), 0);
        check_int(n_told, before + 3);
        check_int(group_of(a)->told, 1);
        check_text(group_of(a_web)->text, expect("192.0.2.1=$/a:1@web"));
        check_text(group_of(b)->text, "");
        check_text(group_of(c)->text, expect("192.0.2.3=$/c:1"));
        /* b is watched no longer, a still is. */
        write_text("b", "192.0.2.9\n");
        write_text("a", "192.0.2.4\n");
        await_text(a_web, expect("192.0.2.4=$/a:1@web"));
        check_text(group_of(b)->text, "");
        /* A problem of what nobody wants is none. */
        write_text("a", "mistake\n");
        snprintf(c, sizeof c, "allow file %s/a", directory);
        await_problem(c, "mistake");
        check_int(allow_watch_set(watch, NULL, 0), 0);
        check_text(problem_of(c), "");
        check_text(group_of(a)->text, "");
}

/* ---- resolv.conf ---- */

static void test_resolv_conf(void)
{
        /* The directory comes last of all, and then the file is a link into another that comes even later. */
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(NULL, 0);
        check(watch);

        check_int(group_of("resolver")->told, 0);
        check(mkdir(in("etc"), 0755) == 0);
        check(symlink("../stub/resolv.conf", in("etc/resolv.conf")) == 0);
        turn(250);
        check(mkdir(in("stub"), 0755) == 0);
        turn(250);
        write_text("stub/resolv.conf", "nameserver 192.0.2.53\n");
        await_text("resolver", expect("192.0.2.53=nameserver of $/etc/resolv.conf"));
        replace_text("stub/resolv.conf", "nameserver 192.0.2.54\n");
        await_text("resolver", expect("192.0.2.54=nameserver of $/etc/resolv.conf"));
        /* The link is replaced by a file. */
        replace_text("etc/resolv.conf", "nameserver fe80::53%eth0\n");
        await_text("resolver", expect("fe80::53=nameserver of $/etc/resolv.conf"));
        check(unlink(in("etc/resolv.conf")) == 0);
        turn(250);
        check_text(group_of("resolver")->text, expect("fe80::53=nameserver of $/etc/resolv.conf"));
        /* A circle is none of our trouble. */
        check(symlink("resolv.conf", in("etc/resolv.conf")) == 0);
        turn(250);
        replace_text("etc/resolv.conf", "nameserver 192.0.2.55\n");
        await_text("resolver", expect("192.0.2.55=nameserver of $/etc/resolv.conf"));
}

/* ---- names ---- */

static void test_names(void)
{
        const AllowConfig wanted[] = { want_name("office.example.net", NULL), want_name("office.example.net", "sshd"),
                                       want_name("gone.example.net", NULL) };
        _cleanup_free_ char *list = NULL;
        char line[256];
        long long now = (long long) (clock_event_now().usec / USEC_PER_SEC);
        struct stat st;
        size_t size;

        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(wanted, 3);
        check_int(text_read_file(in("run/names"), 4096, &list, &size), 0);
        check_text(list, "gone.example.net\noffice.example.net\n");
        check(stat(in("run/names"), &st) == 0 && (st.st_mode & 0777) == 0644);

        /* The answers' directory comes with the service. */
        check(mkdir(in("names"), 0755) == 0);
        snprintf(line, sizeof line,
                 "gone.example.net 0 ! Name or service not known\noffice.example.net %lld 192.0.2.7 10.0.0.7\n", now);
        replace_text("names/answers", line);
        await_text("name office.example.net", "10.0.0.7=office.example.net 192.0.2.7=office.example.net");
        check_text(group_of("name office.example.net (sshd)")->text,
                   "10.0.0.7=office.example.net@sshd 192.0.2.7=office.example.net@sshd");
        check_contains(problem_of("allow name gone.example.net"),
                       "cannot be resolved (Name or service not known) and allows nobody");

        /* Other order: no change. Failure: the last good answer stays, and is no problem yet. */
        unsigned before = n_told;
        snprintf(line, sizeof line, "office.example.net %lld 10.0.0.7 192.0.2.7 ! Temporary failure in name resolution\n", now);
        replace_text("names/answers", line);
        turn(300);
        check_int(n_told, before);
        check_text(problem_of("allow name office.example.net"), "");

        /* A hostile line is refused by itself; names nobody asked for are nothing to us. */
        snprintf(line, sizeof line,
                 "other.example.net %lld 203.0.113.5\noffice.example.net %lld 0.0.0.0/0\noffice.example.net %lld 192.0.2.8\n",
                 now, now, now + 1);
        replace_text("names/answers", line);
        await_text("name office.example.net", "192.0.2.8=office.example.net");
        check_contains(problem_of("allow names"), "names/answers:2:1: The line has something that is no address");
        check_int(group_of("name other.example.net")->told, 0);

        /* The service ends, and this process: what it said stays. */
        check(unlink(in("names/answers")) == 0 && rmdir(in("names")) == 0);
        turn(250);
        check_text(group_of("name office.example.net")->text, "192.0.2.8=office.example.net");
        allow_watch_free(steal(watch));
        watch = watch_start(wanted, 3);
        check_text(group_of("name office.example.net")->text, "192.0.2.8=office.example.net");
        check_text(group_of("name office.example.net (sshd)")->text, "192.0.2.8=office.example.net@sshd");

        /* Nobody wants a name: the list is gone, which ends bailiff-names. */
        check_int(allow_watch_set(watch, wanted + 1, 1), 0);
        check_text(group_of("name office.example.net")->text, "");
        check_int(allow_watch_set(watch, NULL, 0), 0);
        check_text(group_of("name office.example.net (sshd)")->text, "");
        check(access(in("run/names"), F_OK) < 0);
}

static void test_names_old(void)
{
        const AllowConfig wanted[] = { want_name("old.example.net", NULL) };

        replace_text("state/names", "old.example.net 1600000000 192.0.2.9\nbroken\n");
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(wanted, 1);
        check(watch);
        check_text(group_of("name old.example.net")->text, "192.0.2.9=old.example.net");
        check_contains(problem_of("allow name old.example.net"), "has not been resolved since 2020-09-13T12:26:40Z");
        check_contains(problem_of("allow name old.example.net"), "stays allowed");
}

static void test_names_cap(void)
{
        static AllowConfig wanted[NAMES_MAX + 2];
        static char names[NAMES_MAX + 2][32];
        _cleanup_free_ char *list = NULL;
        unsigned lines = 0;
        size_t size;

        for (unsigned i = 0; i < NAMES_MAX + 2; i++) {
                snprintf(names[i], sizeof names[i], "h%u.example.net", i);
                wanted[i] = want_name(names[i], NULL);
        }
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(wanted, NAMES_MAX + 2);
        check_int(text_read_file(in("run/names"), 65536, &list, &size), 0);
        for (size_t i = 0; i < size; i++)
                lines += list[i] == '\n';
        check_int(lines, NAMES_MAX);
        check_contains(problem_of("allow names list"), "h100.example.net");
        /* Two leave, the others get their place. */
        check_int(allow_watch_set(watch, wanted + 2, NAMES_MAX), 0);
        check_text(problem_of("allow names list"), "");
        free(steal(list));
        check_int(text_read_file(in("run/names"), 65536, &list, &size), 0);
        check_contains(list, "h101.example.net\n");
        check(!strstr(list, "h1.example.net\n"));
        wanted[0] = want_name("a\nb", NULL);
        check_int(allow_watch_set(watch, wanted, 1), 0);
        check_contains(problem_of("allow names list"), "is no host name");
}

static void test_own(void)
{
        _cleanup_(allow_watch_freep) AllowWatch *watch = watch_start(NULL, 0);
        check(watch);

        /* Whatever this machine has, it has itself. */
        if (access("/proc/net/if_inet6", F_OK) == 0 || group_of("own")->n > 0)
                check_contains(group_of("own")->text, "=this host's own, on ");
        check_text(problem_of("allow own addresses"), "");
}

int main(void)
{
        char command[64];

        check(mkdtemp(directory) && mkdir(in("run"), 0755) == 0 && mkdir(in("state"), 0700) == 0);
        check(sd_event_new(&event) >= 0);
        test_file_lines();
        test_file_until();
        test_file_cap();
        test_resolvers();
        test_answers();
        test_files();
        test_slow_writer();
        test_set();
        test_resolv_conf();
        test_names();
        test_names_old();
        test_names_cap();
        test_own();
        sd_event_unref(event);
        snprintf(command, sizeof command, "rm -rf %s", directory);
        return system(command) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
