/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Runs the built bailiffctl against a real server with a fake daemon behind it. */

#include <locale.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "control-fake.h"
#include "test.h"
#include "util/text.h"
#include <wchar.h>

#define OUTPUT_MAX (4 * 1024 * 1024)

static char directory[] = "/tmp/bailiff-test-ctl-XXXXXX";
static sd_event *ctl_event; /* of the server's process */
static char path[128], program[4096], output[OUTPUT_MAX];
static char *ctl_reported;    /* shared with the server: 'y' or 'n', whether the last ban was to be reported to others */

typedef struct Setup {
        Access access;
        bool commits_at_once;
        bool monitors_end;      /* a commit comes a little later, then the server goes away */
        bool config_is_bad;
        bool hostile;           /* names and texts that an attacker would choose */
        unsigned bans;
        unsigned allowed;       /* entries of the allow list */
        unsigned reports;       /* in the outbox besides the fake's ten; then an event tells of one */
        bool only_abuseipdb, fails;
} Setup;

static inline Addr parse(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

static inline int on_end(sd_event_source *source, uint64_t usec, void *userdata)
{
        Fake *fake = userdata;
        Addr addr = parse("203.0.113.77");

        if (fake->n_bans < 3) {
                fake_add(fake, "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
                fake_commit(fake);
                sd_event_source_set_time_relative(source, 100 * USEC_PER_MSEC);
                sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
                return 0;
        }
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static inline int stats_counted(sd_event_source *source, void *userdata)
{
        fake_counted(userdata, true);
        return 0;
}

static inline int stats_soon(void *userdata, void (*done)(void *done_data, const StoreSummary *summary), void *done_data)
{
        Fake *fake = userdata;
        int r = fake_stats(fake, done, done_data);

        return r != 0 ? r : sd_event_add_defer(ctl_event, NULL, stats_counted, fake);
}

static inline int outbox_answers(sd_event_source *source, void *userdata)
{
        fake_tell(userdata);
        return 0;
}

static inline int outbox_soon(void *userdata, const OutboxRequest *request, OutboxAnswerer done, void *done_data, OutboxWaiter **ret_waiter)
{
        int r = fake_outbox(userdata, request, done, done_data, ret_waiter);

        return r != 0 ? r : sd_event_add_defer(ctl_event, NULL, outbox_answers, userdata);
}

static inline int ban_one(void *userdata, const BanRequest *request, bool report, uint64_t *ret_sequence, Problem *problem)
{
        *ctl_reported = report ? 'y' : 'n';
        return fake_ban(userdata, request, report, ret_sequence, problem);
}

/* As many as there may come: the fake's table holds a few thousand. */
static inline int ban_any(void *userdata, const BanRequest *requests, size_t n, bool report, BanAnswer answer, void *answer_data,
                          uint64_t *ret_sequence, Problem *problem)
{
        Fake *fake = userdata;
        const Problem none = { "" };
        Problem one;

        *ctl_reported = report ? 'y' : 'n';
        if (fake->n_bans + n + 50 < FAKE_BANS_MAX)
                return fake_ban_many(userdata, requests, n, report, answer, answer_data, ret_sequence, problem);
        for (size_t i = 0; i < n; i++) {
                if (fake_allowed(&requests[i].addr)) {
                        problem_set(&one, 0, "allowed by 192.0.2.0/24 (bailiff.yaml:3:9); remove that entry first");
                        answer(answer_data, i, BAN_E_ALLOWED, &one);
                } else {
                        answer(answer_data, i, 0, &none);
                }
        }
        return fake_changed(fake, ret_sequence);
}

/* Long, wide, commanding: what stands in lines, reasons and names must never leave its column. */
static inline void serve_hostile(Fake *fake)
{
        static const Evidence lines[] = {
                { FAKE_NOW, "failed-password",
                  "Failed for \xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba"
                  "\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba" },
                { FAKE_NOW, "a-rule-with-a-name-of-a-length-that-nobody-expects-to-see-in-any-filter-of-ours",
                  "\x1b]0;owned\x07\x1b[2J\xe2\x80\xaereversed \xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80 "
                  "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww" },
        };
        Addr addr = parse("2001:db8:ffff:ffff:ffff:ffff:ffff:fff0/124"), wide = parse("192.0.0.0/8");
        Ban *ban;

        fake_add(fake, "nginx-http-auth", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        ban = &fake->bans[fake->n_bans - 1];
        ban->jail = "a-jail-\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba\xe7\xa9\xba-of-a-very-long-name";
        ban->rule = lines[1].rule;
        ban->reason = lines[0].text;
        ban->evidence = lines;
        ban->n_evidence = 2;
        ban->failures = 4294967295u;
        ban->level = 4000000000u;
        ban->forgotten = event_time_add(FAKE_NOW, 86400);
        ban->reject = true;
        ban->ports = fake_ports;
        ban->n_ports = 2;
        fake_event(fake, BAN_EVENT_CHANGE, ban, lines[1].text);
        fake_add(fake, "sshd", &wide, BAN_MANUAL, EVENT_TIME_FOREVER);
}

static inline void serve(const Setup *setup, int ready)
{
        static Fake fake;
        sd_event *event;
        sd_event_source *timer = NULL;
        Problem problem;
        const ControlOptions options = { .rights = { fake_identify, &fake }, .commit_usec = 100 * USEC_PER_MSEC };
        Addr first = parse("203.0.113.5"), wide = parse("2001:db8:1234:5678::/64"), odd = parse("2001:db8:1234:5678:9abc:def0:1234:5670/124");

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fake = (Fake){ .access = setup->access, .uid = 1000, .commits_at_once = setup->commits_at_once };
        check(sd_event_new(&event) >= 0);
        ctl_event = event;
        fake.config_is_bad = setup->config_is_bad;
        fake.n_allow_entries = setup->allowed;
        ControlOps ops = fake_ops(&fake);
        ops.stats = stats_soon;
        ops.outbox = outbox_soon;
        ops.ban = ban_one;
        fake.n_more_reports = setup->reports;
        fake.only_abuseipdb = setup->only_abuseipdb;
        fake.fails = setup->fails;
        ops.ban_many = ban_any;
        check_int(control_new_with(event, path, ops, &options, &fake.control, &problem), 0);
        fake_add(&fake, "sshd", &first, BAN_AUTOMATIC, event_time_add(clock_event_now(), 86400));
        fake_add(&fake, "nginx-http-auth", &wide, BAN_MANUAL, EVENT_TIME_FOREVER);
        if (setup->bans > 0)
                fake_add(&fake, "sshd", &odd, BAN_MANUAL, FAKE_NOW);
        for (unsigned i = 1; i < setup->bans; i++) {
                Addr addr = { .family = 4, .length = 32, .bytes = { 198, 51, (uint8_t) (i >> 8), (uint8_t) i } };
                fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        }
        if (setup->hostile)
                serve_hostile(&fake);
        if (setup->reports > 0)
                fake_report_event(&fake);
        fake_commit(&fake);
        if (setup->monitors_end)
                check(sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, 300 * USEC_PER_MSEC, 0, on_end, &fake) >= 0);
        check_int(write(ready, "", 1), 1);
        sd_event_loop(event);
        control_free(fake.control);
        fake_clear(&fake);
        sd_event_source_unref(timer);
        sd_event_unref(event);
        _exit(0);
}

static inline pid_t start(const Setup *setup)
{
        int ready[2];
        char byte;
        pid_t pid;

        check_int(pipe(ready), 0);
        fflush(NULL);
        pid = fork();
        check(pid >= 0);
        if (pid == 0) {
                close(ready[0]);
                serve(setup, ready[1]);
        }
        close(ready[1]);
        check_int(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static inline void stop(pid_t pid)
{
        kill(pid, SIGKILL);
        check_int(waitpid(pid, NULL, 0), pid);
}

/* No line of more than 80 columns, no colours in a pipe, and no escapes ever. */
static inline void check_width(const char *arguments)
{
        size_t width = 0, left = strlen(output);
        mbstate_t state = { 0 };
        const char *p = output;

        while (left > 0) {
                wchar_t character;
                size_t size = mbrtowc(&character, p, left, &state);

                check(size > 0 && size <= 4); /* valid UTF-8 */
                check(character == '\n' || wcwidth(character) >= 0);
                width = character == '\n' ? 0 : width + (size_t) wcwidth(character);
                if (width > 80) {
                        fprintf(stderr, "bailiffctl %s: a line of more than 80 columns:\n%s\n", arguments, output);
                        abort();
                }
                p += size;
                left -= size;
        }
}

/* Runs it; what it printed, errors too, is in `output`. */
static inline int ctl(const char *arguments)
{
        char command[8192];
        size_t size;
        FILE *pipe;
        int status;

        snprintf(command, sizeof command, "BAILIFF_SOCKET=%s %s %s 2>&1", path, program, arguments);
        pipe = popen(command, "r");
        check(pipe);
        size = fread(output, 1, sizeof output - 1, pipe);
        output[size] = '\0';
        status = pclose(pipe);
        check(WIFEXITED(status));
        if (!strstr(arguments, "--json"))
                check_width(arguments);
        return WEXITSTATUS(status);
}

static inline json_t *json_line(const char *text)
{
        json_t *object = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);

        if (!json_is_object(object))
                fprintf(stderr, "no JSON: %s\n", text);
        check(json_is_object(object));
        return object;
}

static inline void ctl_begin(void)
{
        ssize_t size = readlink("/proc/self/exe", program, sizeof program - 32);

        check(size > 0);
        program[size] = '\0';
        strcpy(strrchr(program, '/'), "/../src/bailiffctl");
        check_int(access(program, X_OK), 0);
        check(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/control.sock", directory);
        ctl_reported = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check(ctl_reported != MAP_FAILED);
        setenv("TZ", "UTC", 1);
        check(setlocale(LC_CTYPE, "C.UTF-8")); /* wcwidth() */
}

static inline void ctl_end(void)
{
        unlink(path);
        check_int(rmdir(directory), 0);
}
