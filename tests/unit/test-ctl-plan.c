/* SPDX-License-Identifier: GPL-2.0-or-later */

/* bailiffctl plan, the built program: who would have been banned, when, and by what; and how it exits. */

#include "ctl-run.h"

static char work[] = "/tmp/bailiff-test-plan-XXXXXX";
static char errors[64 * 1024];

static const char *at(const char *name)
{
        static char file[4][256];
        static unsigned next;
        char *text = file[next++ % 4];

        snprintf(text, sizeof file[0], "%s/%s", work, name);
        return text;
}

static void put(const char *name, const char *text)
{
        check_int(text_write_file(at(name), text, strlen(text), 0644), 0);
}

static void slurp(FILE *file, char *text, size_t size)
{
        check(file);
        text[fread(text, 1, size - 1, file)] = '\0';
}

/* Runs `bailiffctl plan ARGUMENTS` in the directory. What it says on standard error is in `errors`. */
static int plan(const char *arguments)
{
        char command[9000];
        int status;

        snprintf(command, sizeof command, "cd %s && %s plan %s 2>errors", work, program, arguments);
        FILE *pipe = popen(command, "r");
        slurp(pipe, output, sizeof output);
        status = pclose(pipe);
        check(WIFEXITED(status));
        if (!strstr(arguments, "--json"))
                check_width(arguments);
        FILE *file = fopen(at("errors"), "r");
        slurp(file, errors, sizeof errors);
        fclose(file);
        return WEXITSTATUS(status);
}

/* Failures of an address, one a second from @from on, in seconds after 07:00. */
static void say(FILE *file, const char *addr, int from, int n)
{
        for (int i = from; i < from + n; i++)
                fprintf(file, "2025-11-23T%02d:%02d:%02dZ web1 sshd[%d]: Failed password for root from %s port 4 ssh2\n", 7 + i / 3600,
                        i / 60 % 60, i % 60, 1000 + i, addr);
}

static void log_of(const char *name, const char *addr, int from, int n)
{
        FILE *file = fopen(at(name), "a");

        check(file);
        say(file, addr, from, n);
        fclose(file);
}

static const char FIRST[] = "{\"v\":1,\"jail\":\"sshd\",\"ip\":\"203.0.113.5\",\"time\":\"2025-11-23T07:00:04Z\",\"until\":\"2025-11-24T07:00:04Z\","
                            "\"failures\":5,\"rules\":[\"sshd:failed-password\"]}\n";

static void test_bans(void)
{
        log_of("auth.log", "203.0.113.5", 0, 5);
        log_of("auth.log", "203.0.113.6", 10, 4);
        log_of("auth.log", "127.0.0.9", 20, 9);
        check_int(plan("--jail sshd --file auth.log --json"), 0);
        check_text(output, FIRST);
        check_int(plan("--jail sshd --file - --json <auth.log"), 0);
        check_text(output, FIRST);
        check_int(plan("--jail sshd --file auth.log"), 0);
        check_contains(output, "203.0.113.5");
        check(!strstr(output, "203.0.113.6"));
        check_contains(output, "1 ban");
        check_contains(output, "18 lines read");
        check_contains(output, "9 failures of allowed addresses were not counted");
        check_int(plan("--jail sshd --file auth.log --since 2025-11-23T07:00:01Z --json"), 0);
        check_text(output, "");
}

/* More than is on its way to the thread that counts, or read at a time: each is banned once, and nobody after four. */
static void test_many(void)
{
        FILE *file = fopen(at("many.log"), "w");
        char addr[32];

        check(file);
        for (int i = 0; i < 3000; i++) {
                snprintf(addr, sizeof addr, "2001:db8:0:%x::1", i);
                say(file, addr, i, i % 3 == 0 ? 4 : 5);
        }
        fclose(file);
        /* Nobody takes the bans for a while, so the counting stands still, and the finding has to wait for it. */
        check_int(plan("--jail sshd --file many.log --json | (sleep 1; cat) >many.json; sort -u many.json | wc -l; wc -l <many.json"), 0);
        check_text(output, "2000\n2000\n");
        check_int(plan("--jail sshd --file many.log | tail -n 3"), 0);
        check_contains(output, "14000 lines read");
        check_contains(output, "14000 matched, of 3000 addresses");
}

/* The rules of all that counted are told, though no lines are kept. */
static void test_rules(void)
{
        log_of("rules.log", "203.0.113.40", 0, 3);
        FILE *file = fopen(at("rules.log"), "a");

        check(file);
        for (int i = 3; i < 5; i++)
                fprintf(file, "2025-11-23T07:00:%02dZ web1 sshd[%d]: Failed keyboard-interactive/pam for root from 203.0.113.40 port 4 ssh2\n", i, 3000 + i);
        fclose(file);
        check_int(plan("--jail sshd --file rules.log --json"), 0);
        check_contains(output, "\"failures\":5,\"rules\":[\"sshd:failed-password\",\"sshd:failed-keyboard-pam\"]");
}

static void test_fail_on(void)
{
        log_of("quiet.log", "203.0.113.6", 10, 4);
        check_int(plan("--jail sshd --file auth.log --fail-on any"), 1);
        check_int(plan("--jail sshd --file quiet.log --fail-on any"), 0);
        check_contains(output, "Nobody would have been banned.");
        check_int(plan("--jail sshd --file auth.log --fail-on new"), 2);
        check_contains(errors, "--fail-on any");
}

/* A window knows no files; and the later lines of one do not come before the earlier ones of the other. */
static void test_merged(void)
{
        log_of("a.log", "203.0.113.7", 0, 2);
        log_of("b.log", "203.0.113.7", 2, 2);
        log_of("a.log", "203.0.113.7", 4, 1);
        log_of("b.log", "203.0.113.7", 590, 1);
        check_int(plan("--jail sshd --file b.log --file a.log --json"), 0);
        check_contains(output, "\"ip\":\"203.0.113.7\",\"time\":\"2025-11-23T07:00:04Z\"");
        check(!strchr(strchr(output, '\n') + 1, '\n'));
}

static void test_configuration(void)
{
        put("new.yaml", "allow: [203.0.113.0/29, host.example.net]\n"
                        "defaults: { bantime: 1m, maxretry: 3, bantime_increment: { factor: 2 } }\n"
                        "jails:\n"
                        "  sshd: {}\n"
                        "  watched: { filter: sshd, observe: true }\n"
                        "  off: { filter: sshd, enabled: false, maxretry: 1 }\n"
                        "  again: { sources: [bans], maxretry: 2, findtime: 1h, bantime: 1d }\n");
        log_of("grown.log", "203.0.113.6", 0, 3);
        log_of("grown.log", "203.0.113.9", 10, 3);
        log_of("grown.log", "203.0.113.9", 100, 3);
        check_int(plan("--config new.yaml --file grown.log --json"), 0);
        check(!strstr(output, "203.0.113.6"));
        check_contains(output, "\"jail\":\"sshd\",\"ip\":\"203.0.113.9\",\"time\":\"2025-11-23T07:00:12Z\",\"until\":\"2025-11-23T07:01:12Z\"");
        check_contains(output, "\"time\":\"2025-11-23T07:01:42Z\",\"until\":\"2025-11-23T07:03:42Z\"");
        check_contains(output, "\"jail\":\"again\",\"ip\":\"203.0.113.9\"");
        check_contains(output, "\"rules\":[\"ban:sshd\"]");
        check(!strstr(output, "\"jail\":\"off\"") && !strstr(output, "\"jail\":\"watched\""));
        check_int(plan("--config new.yaml --file grown.log"), 0);
        check_contains(output, "host.example.net");
        check_contains(output, "only observe");
        check_int(plan("--config new.yaml --jail off --file grown.log --json"), 0);
        check_contains(output, "\"jail\":\"off\",\"ip\":\"203.0.113.9\",\"time\":\"2025-11-23T07:00:10Z\"");
}

/* What the jails name themselves, in their own zones, is read without --file. */
static void test_own(void)
{
        char text[1024];

        snprintf(text, sizeof text, "jails: { sshd: { sources: [files], logs: [%s/own-*.log], timezone: \"+02:00\", maxretry: 2, bantime: 1h } }\n", work);
        put("own.yaml", text);
        put("own-1.log", "2025-11-23 09:00:00 web1 sshd[1]: Failed password for root from 203.0.113.5 port 4 ssh2\n");
        put("own-2.log", "2025-11-23 09:00:01 web1 sshd[2]: Failed password for root from 203.0.113.5 port 4 ssh2\n"
                         "a line without a time\n");
        check_int(plan("--config own.yaml --since forever --json"), 0);
        check_contains(output, "\"time\":\"2025-11-23T07:00:01Z\",\"until\":\"2025-11-23T08:00:01Z\"");
        check_int(plan("--config own.yaml --json"), 0);
        check_text(output, ""); /* older than a day */
}

/* ---- files of JSON objects ---- */

static void append(const char *name, const char *text)
{
        FILE *file = fopen(at(name), "a");

        check(file);
        fputs(text, file);
        fclose(file);
}

/* An object of docker's json-file driver, @second seconds after 07:00: `text`, filled up to a length, and a line break if it is the message's end. */
static void docker(const char *name, const char *text, size_t length, bool end, const char *stream, int second)
{
        char *fill = malloc(length + 1), *object = malloc(length + 200);

        memset(fill, 'x', length);
        memcpy(fill, text, strlen(text) < length ? strlen(text) : length);
        fill[length] = '\0';
        snprintf(object, length + 200, "{\"log\":\"%s%s\",\"stream\":\"%s\",\"time\":\"2025-11-23T07:%02d:%02d.5Z\"}\n", fill, end ? "\\n" : "", stream,
                 second / 60, second % 60);
        append(name, object);
        free(fill);
        free(object);
}

static void whole(const char *name, const char *text, const char *stream, int second)
{
        docker(name, text, strlen(text), true, stream, second);
}

static void part(const char *name, const char *text, const char *stream, int second)
{
        docker(name, text, strlen(text), false, stream, second);
}

static const char FAILED[] = "Failed password for root from 203.0.113.5 port 4 ssh2", OTHER[] = "Failed password for root from 203.0.113.6 port 4 ssh2";

/* Each line of a file as an object: the whole line in it, or (@docker) its time in a member of its own. */
static void objects_of(const char *name, const char *plain, bool in_docker)
{
        FILE *from = fopen(at(plain), "r"), *to = fopen(at(name), "w");
        char line[512];

        check(from && to);
        while (fgets(line, sizeof line, from)) {
                line[strcspn(line, "\n")] = '\0';
                if (in_docker)
                        fprintf(to, "{\"log\":\"%s\\n\",\"stream\":\"stderr\",\"time\":\"%.20s\"}\n", line + 21, line);
                else
                        fprintf(to, "{\"level\":\"info\",\"message\":\"%s\"}\n", line);
        }
        fclose(from);
        fclose(to);
}

/* The same bans as of the lines in them. */
static void test_objects(void)
{
        char plain[sizeof output];

        put("json.yaml", "defaults: { bantime: 1m, bantime_increment: { factor: 2 } }\njails: { sshd: { format: json } }\n");
        put("lines.yaml", "defaults: { bantime: 1m, bantime_increment: { factor: 2 } }\njails: { sshd: {} }\n");
        for (int i = 0; i < 40; i++) {
                log_of("same.log", "203.0.113.5", i * 20, 3);
                log_of("same.log", i % 2 ? "203.0.113.6" : "2001:db8::1", i * 20 + 4, 2);
        }
        check_int(plan("--config lines.yaml --file same.log --json"), 0);
        snprintf(plain, sizeof plain, "%s", output);
        check_contains(plain, "\"ip\":\"2001:db8::/64\"");
        for (int in_docker = 0; in_docker < 2; in_docker++) {
                objects_of("same.json", "same.log", in_docker);
                check_int(plan("--config json.yaml --file same.json --json"), 0);
                check_text(output, plain);
                check_int(plan("--config json.yaml --jail sshd --file - --json <same.json"), 0);
                check_text(output, plain);
        }
        check_int(plan("--config json.yaml --file same.json"), 0);
        check_contains(output, "200 lines read");
        check(!strstr(output, "JSON") && !strstr(output, "had no time"));
        /* They are no lines, nor are lines objects: to each jail its own. */
        put("both.yaml", "defaults: { bantime: 1m, bantime_increment: { factor: 2 } }\n"
                         "jails: { sshd: { format: json }, second: { filter: sshd, observe: true }, third: { filter: sshd } }\n");
        check_int(plan("--config both.yaml --file same.json --json"), 0);
        check_text(output, plain);
        check_int(plan("--config both.yaml --jail sshd --jail second --file same.log --json"), 0);
        check_text(output, "");
        check_int(plan("--config both.yaml --jail sshd --jail second --file same.log"), 0);
        check_contains(output, "40 bans would have been made by jails that only observe");
}

/* Messages that docker has split, those of two streams mixed: each counts once, when its end is there. */
static void test_split(void)
{
        whole("split.json", FAILED, "stderr", 1);
        part("split.json", "Failed password for ", "stderr", 2);
        whole("split.json", OTHER, "stdout", 2);
        part("split.json", "root from ", "stderr", 2);
        part("split.json", "Failed password for root ", "stdout", 3);
        whole("split.json", "203.0.113.5 port 4 ssh2", "stderr", 2);
        whole("split.json", "from 203.0.113.6 port 4 ssh2", "stdout", 3);
        for (int i = 0; i < 2; i++) {
                whole("split.json", FAILED, "stderr", 4 + i);
                whole("split.json", OTHER, "stdout", 4 + i);
        }
        check_int(plan("--config json.yaml --file split.json --json"), 0);
        check_text(output, "");
        whole("split.json", FAILED, "stderr", 7);
        check_int(plan("--config json.yaml --file split.json --json"), 0);
        check_contains(output, "\"ip\":\"203.0.113.5\",\"time\":\"2025-11-23T07:00:07Z\"");
        check(!strstr(output, "203.0.113.6"));
        whole("split.json", OTHER, "stdout", 8);
        check_int(plan("--config json.yaml --file split.json"), 0);
        check_contains(output, "2 bans");
        check_contains(output, "13 lines read");
        check_contains(output, "10 matched");
}

/* Too long together, or without an end: once, as a line of which the head is looked at; what follows of it is no line. */
static void test_too_long(void)
{
        for (int i = 0; i < 6; i++) {
                docker("long.json", "GET /", 16384, false, "stdout", i);
                docker("long.json", "GET /", 16384, false, "stdout", i);
                docker("long.json", "GET /", 16384, false, "stdout", i);
                part("long.json", FAILED, "stdout", i);
                whole("long.json", FAILED, "stdout", i);
        }
        check_int(plan("--config json.yaml --file long.json"), 0);
        check_contains(output, "Nobody would have been banned.");
        check_contains(output, "6 messages of JSON objects were too long");
        check_contains(output, "30 lines read");
        check_contains(output, "0 matched");
        for (int i = 0; i < 6; i++)
                part("stale.json", FAILED, i % 2 ? "stdout" : "stderr", i);
        whole("stale.json", OTHER, "stderr", 7);
        check_int(plan("--config json.yaml --file stale.json"), 0);
        check_contains(output, "6 messages of JSON objects were too long");
        check_contains(output, "1 matched");
        /* One object over the limit, which is cut, and one whose escapes make it longer than lines may be. */
        docker("huge.json", "x", 200000, true, "stdout", 1);
        FILE *file = fopen(at("huge.json"), "a");
        check(file);
        for (int i = 0; i < 5; i++) {
                fprintf(file, "{\"msg\":\"");
                for (const char *p = FAILED; *p; p++)
                        fprintf(file, "\\u%04x", (unsigned char) *p);
                fprintf(file, "\",\"x\":\"%080000d\",\"ts\":\"2025-11-23T07:00:%02dZ\"}\n", 0, i);
        }
        fclose(file);
        check_int(plan("--config json.yaml --file huge.json"), 0);
        check_contains(output, "1 message of a JSON object was too long");
        check_contains(output, "5 matched");
        check_contains(output, "1 ban\n");
}

static void test_broken(void)
{
        append("broken.json", "no object\n{\"msg\":\"cut off\n\n{\"text\":\"no message\"}\n{\"msg\":1}\n");
        append("broken.json", "{\"msg\":\"a\",\"msg\":\"b\"}\n{\"log\":\"docker without a time\\n\",\"stream\":\"stdout\"}\n");
        append("broken.json", "{\"msg\":\"without a time\"}\n");
        for (int i = 0; i < 5; i++)
                whole("broken.json", FAILED, "stderr", i);
        check_int(plan("--config json.yaml --file broken.json"), 0);
        check_contains(output, "1 ban\n");
        check_contains(output, "6 lines were no JSON objects");
        check_contains(output, "13 lines read");
        check_int(plan("--config json.yaml --jail sshd --file broken.json"), 0);
        check_contains(output, "6 lines were no JSON objects");
        check_contains(output, "1 line had no time");
}

/* Times and addresses in members; in the jails' own files, and merged by time with a plain one. */
static void test_members(void)
{
        char text[2048];

        put("app.yaml", "name: app\ndescription: an application\nident: app\nmodes:\n  normal:\n    - id: login-failed\n      regex: '^<ADDR> login failed$'\n"
                        "tests:\n  - line: '203.0.113.5 login failed'\n    match: { ip: 203.0.113.5, rule: login-failed }\n");
        snprintf(text, sizeof text,
                 "defaults: { maxretry: 4, bantime: 1h }\njails:\n"
                 "  app: { filter: %s/app.yaml, sources: [files], logs: [%s/app-*.json], format: json, json: { message: event, time: at, address: peer.ip } }\n"
                 "  plain: { filter: %s/app.yaml, sources: [files], logs: [%s/app.log, %s/app-1.json] }\n"
                 "  sum: { sources: [bans], maxretry: 2, bantime: 1d }\n",
                 work, work, work, work, work);
        put("members.yaml", text);
        for (int i = 0; i < 4; i++) {
                snprintf(text, sizeof text, "{\"at\":%d.25,\"event\":\"login failed\",\"peer\":{\"ip\":\"203.0.113.5:%d\"},\"time\":\"x\"}\n", 1763881200 + 2 * i, i);
                append(i % 2 ? "app-1.json" : "app-2.json", text);
                snprintf(text, sizeof text, "2025-11-23T07:00:%02dZ app[3]: 203.0.113.5 login failed\n", 2 * i + 1);
                append("app.log", text);
        }
        append("app-1.json", "{\"at\":1763881230,\"event\":\"203.0.113.9 login failed\"}\n{\"at\":1763881230,\"event\":\"login failed\",\"peer\":{\"ip\":\"host.example\"}}\n");
        check_int(plan("--config members.yaml --since forever --json"), 0);
        check_contains(output, "\"jail\":\"app\",\"ip\":\"203.0.113.5\",\"time\":\"2025-11-23T07:00:06Z\"");
        check_contains(output, "\"jail\":\"plain\",\"ip\":\"203.0.113.5\",\"time\":\"2025-11-23T07:00:07Z\"");
        check_contains(output, "\"jail\":\"sum\",\"ip\":\"203.0.113.5\",\"time\":\"2025-11-23T07:00:07Z\"");
        check(!strstr(output, "203.0.113.9"));
        check_text(errors, "");
        check_int(plan("--config members.yaml --since forever"), 0);
        check_contains(output, "10 lines read");
        check_contains(output, "8 matched");
        /* What one jail takes for objects and another for lines is no mistake. */
        check_int(plan("--config members.yaml --file app.log --file app-1.json --file app-2.json"), 0);
        check_contains(output, "8 matched");
        check(!strstr(output, "JSON"));
        append("app-1.json", "2025-11-23T07:01:00Z no object\n");
        check_int(plan("--config members.yaml --file app.log --file app-1.json"), 0);
        check_contains(output, "1 line was no JSON object");
        check_int(plan("--config members.yaml --jail app --file app.log"), 0);
        check_contains(output, "4 lines were no JSON objects");
}

static void test_errors(void)
{
        check_int(plan("auth.log"), 2);
        check_contains(errors, "--file auth.log");
        check_int(plan("--jail sshd --file none.log"), 2);
        check_contains(errors, "none.log cannot be read: No such file or directory");
        check_int(plan("--jail nosuch --file auth.log"), 2);
        check_contains(errors, "nosuch");
        check_int(plan("--jail sshd --file auth.log --since yesterdaze"), 2);
        check_contains(errors, "yesterdaze");
        check_int(plan("--jail sshd --file auth.log --timezone Nowhere/Land"), 2);
        check_contains(errors, "Nowhere/Land");
        check_int(plan("--jail sshd --file auth.log --fale-on any"), 2);
        check_contains(errors, "--fale-on");
        put("bad.yaml", "jails: { sshd: { maxretries: 3 } }\n");
        check_int(plan("--config bad.yaml --file auth.log"), 2);
        check_contains(errors, "maxretry");
        put("packed.log", "\x1f\x8b\x08packed");
        check_int(plan("--jail sshd --file packed.log"), 2);
        check_contains(errors, "zcat");
}

int main(void)
{
        char text[512];

        check(getenv("SOURCE_ROOT"));
        ctl_begin();
        snprintf(text, sizeof text, "%s/filters", getenv("SOURCE_ROOT"));
        setenv("BAILIFF_FILTERS", text, 1);
        snprintf(text, sizeof text, "%s/conf/shipped.yaml", getenv("SOURCE_ROOT"));
        setenv("BAILIFF_SHIPPED", text, 1);
        check(mkdtemp(work));
        test_bans();
        test_many();
        test_rules();
        test_fail_on();
        test_merged();
        test_configuration();
        test_own();
        test_objects();
        test_split();
        test_too_long();
        test_broken();
        test_members();
        test_errors();
        snprintf(text, sizeof text, "rm -r %s", work);
        check_int(system(text), 0);
        ctl_end();
        return 0;
}
