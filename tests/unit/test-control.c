/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The control socket with a fake daemon behind it: protocol, rights, methods, and clients that mean harm. */

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control-fake.h"
#include "control/view.h"
#include "test.h"

static char directory[] = "/tmp/bailiff-test-control-XXXXXX";
static char path[128];
static sd_event *event;
static Fake fake;

typedef struct Peer {
        int fd;
        char data[1 << 20];
        size_t size;
        bool closed;
} Peer;

static Addr parse(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

static void begin_with(Access access, const VarlinkLimits *limits)
{
        const ControlOptions options = { .rights = { fake_identify, &fake }, .commit_usec = 50 * USEC_PER_MSEC, .limits = limits };
        Problem problem = { 0 };

        fake.access = access;
        fake.uid = 1000;
        fake.commits_at_once = true;
        check_int(control_new_with(event, path, fake_ops(&fake), &options, &fake.control, &problem), 0);
}

static void begin(Access access)
{
        begin_with(access, NULL);
}

static void end(void)
{
        control_free(fake.control);
        fake_clear(&fake);
        fake = (Fake){ 0 };
}

/* Lets the loop run until it has nothing to do. */
static void turn(void)
{
        for (unsigned i = 0; i < 100000; i++)
                if (sd_event_run(event, 0) <= 0)
                        return;
        check(!"the loop spins");
}

static Peer *join(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Peer *peer = calloc(1, sizeof *peer);

        strcpy(address.sun_path, path);
        peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        check(peer->fd >= 0);
        check_int(connect(peer->fd, (struct sockaddr *) &address, sizeof address), 0);
        turn();
        return peer;
}

static void leave(Peer *peer)
{
        close(peer->fd);
        free(peer);
        turn();
}

static void push(Peer *peer, const char *text)
{
        check_int(send(peer->fd, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
}

static void pull(Peer *peer)
{
        for (;;) {
                turn();
                ssize_t n = recv(peer->fd, peer->data + peer->size, sizeof peer->data - peer->size, 0);
                if (n > 0) {
                        peer->size += (size_t) n;
                        continue;
                }
                peer->closed = n == 0 || (errno != EAGAIN && errno != EINTR);
                return;
        }
}

/* The next answer, or NULL if there is none. */
static json_t *answer(Peer *peer)
{
        pull(peer);
        char *nul = memchr(peer->data, '\0', peer->size);
        if (!nul)
                return NULL;
        size_t used = (size_t) (nul - peer->data) + 1;
        json_t *reply = json_loads(peer->data, 0, NULL);
        check(json_is_object(reply));
        memmove(peer->data, peer->data + used, peer->size - used);
        peer->size -= used;
        return reply;
}

static json_t *ask(Peer *peer, const char *request)
{
        push(peer, request);
        json_t *reply = answer(peer);
        check(reply);
        return reply;
}

/* Asks and compares the error's name, "" for none; then a text that the answer must hold. */
static void expect(Peer *peer, const char *request, const char *error, const char *part)
{
        json_auto_t *reply = ask(peer, request);
        const char *name = json_string_value(json_object_get(reply, "error"));
        char *text = json_dumps(reply, JSON_COMPACT);

        check_text(name ? name : "", error);
        check_contains(text, part);
        free(text);
}

#define M "io.bailiff.Manager."
#define V "org.varlink.service."

static void test_methods(void)
{
        Addr addr = parse("203.0.113.5");
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, event_time_add(FAKE_NOW, 86400));
        fake_commit(&fake);
        peer = join();
        expect(peer, "{\"method\":\"" V "GetInfo\"}", "", "\"io.bailiff.Manager\"");
        expect(peer, "{\"method\":\"" V "GetInterfaceDescription\",\"parameters\":{\"interface\":\"io.bailiff.Manager\"}}", "",
               "interface io.bailiff.Manager");
        expect(peer, "{\"method\":\"" V "GetInterfaceDescription\",\"parameters\":{\"interface\":\"x.y\"}}", V "InterfaceNotFound", "x.y");
        expect(peer, "{\"method\":\"" M "Nothing\"}", V "MethodNotFound", M "Nothing");
        expect(peer, "{\"method\":\"org.example.Ping\"}", V "InterfaceNotFound", "\"org.example\"");
        expect(peer, "{\"method\":\"Ping\"}", V "InterfaceNotFound", "\"Ping\"");
        expect(peer, "{\"method\":\"" M "Status\"}", "", "\"max_bans\":2000000");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":\"sshd\"}}", "", "\"total_banned\":4711");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":null}}", "", "\"nginx-http-auth\"");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":\"sshdd\"}}", M "NoSuchJail", "Did you mean");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":\"\\u001b[2J\"}}", M "NoSuchJail", "\\\\x1b");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jail\":7}}", V "InvalidParameter", "\"parameter\":\"jail\"");
        expect(peer, "{\"method\":\"" M "Status\",\"parameters\":{\"jial\":\"sshd\"}}", V "InvalidParameter", "\"parameter\":\"jial\"");
        expect(peer, "{\"method\":\"" M "ListBans\"}", "", "\"packets\":17");
        expect(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"::ffff:203.0.113.5\"}}", "", "\"banned\":true");
        expect(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"203.0.113.6\"}}", "", "\"banned\":false");
        expect(peer, "{\"method\":\"" M "Banned\"}", V "InvalidParameter", "address is missing");
        expect(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"203.0.113.5\"}}", "", "hunter2");
        expect(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"www.example.com\"}}", V "InvalidParameter", "never resolved");
        fake.fails = true;
        expect(peer, "{\"method\":\"" M "Status\"}", M "Failed", "journalctl -u bailiffd");
        expect(peer, "{\"method\":\"" M "ListBans\"}", M "Failed", "message");
        expect(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"203.0.113.6\"}}", M "Failed", "message");
        expect(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"203.0.113.6\"}}", M "Failed", "message");
        expect(peer, "{\"method\":\"" M "Unban\",\"parameters\":{\"all\":true}}", M "Failed", "the kernel refused");
        fake.fails = false;
        leave(peer);
        end();
}

#define BAN(parameters) "{\"method\":\"" M "Ban\",\"parameters\":{" parameters "}}"
#define UNBAN(parameters) "{\"method\":\"" M "Unban\",\"parameters\":{" parameters "}}"

static void test_changes(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        peer = join();
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\",\"duration\":600,\"reason\":\"x\",\"no_report\":true"), "",
               "\"until\":\"2026-11-22T07:41:00Z\"");
        check_int(fake.last.duration, 600);
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.10\""), "", "\"remembered\":true");
        check(!fake.last.has_duration && !fake.last.force);
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"192.0.2.1\""), M "AddressAllowed", "bailiff.yaml:3:9");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"198.0.0.0/7\""), M "TooWide", "--force");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"198.0.0.0/7\",\"force\":true"), "", "198.0.0.0/7");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"224.0.0.1\""), M "NotBannable", "source");
        expect(peer, BAN("\"jail\":\"nosuch\",\"address\":\"203.0.113.9\""), M "NoSuchJail", "nosuch");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9/24\""), V "InvalidParameter", "did you mean 203.0.113.0/24?");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"::ffff:203.0.113.9/120\""), V "InvalidParameter", "did you mean 203.0.113.0/24?");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\",\"duration\":0"), V "InvalidParameter", "duration");
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\",\"force\":1"), V "InvalidParameter", "force");
        expect(peer, BAN("\"jail\":\"sshd\""), V "InvalidParameter", "\"parameter\":\"address\"");
        expect(peer, UNBAN("\"address\":\"203.0.113.9\",\"jail\":\"nginx-http-auth\""), "", "\"lifted\":0");
        expect(peer, UNBAN("\"address\":\"203.0.113.9\",\"jail\":\"sshd\""), "", "\"lifted\":1");
        check_text(fake.by, "uid 1000");
        expect(peer, UNBAN("\"all\":true,\"address\":\"203.0.113.9\""), V "InvalidParameter", "either");
        expect(peer, UNBAN("\"all\":false"), V "InvalidParameter", "either");
        expect(peer, UNBAN("\"all\":true"), "", "\"lifted\":2");
        for (size_t i = 0; i < FAKE_BANS_MAX; i++) {
                Addr addr = { .family = 4, .length = 32, .bytes = { 198, 51, (uint8_t) (i >> 8), (uint8_t) i } };
                fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        }
        expect(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\""), M "Full", "as many bans");
        leave(peer);
        end();
}

/* Every method by every class of caller: what the table grants, and nothing else. */
static void test_rights(void)
{
        static const struct {
                const char *name, *parameters;
                Access access;
        } methods[] = {
                { V "GetInfo", "", ACCESS_NONE },
                { V "GetInterfaceDescription", "\"interface\":\"io.bailiff.Manager\"", ACCESS_NONE },
                { M "Status", "", ACCESS_LOOK },
                { M "ListBans", "", ACCESS_LOOK },
                { M "Banned", "\"address\":\"203.0.113.5\"", ACCESS_LOOK },
                { M "Why", "\"address\":\"203.0.113.5\"", ACCESS_LOOK },
                { M "Monitor", "\"since\":0", ACCESS_LOOK },
                { M "Ban", "\"jail\":\"sshd\",\"address\":\"203.0.113.6\"", ACCESS_CHANGE },
                { M "Unban", "\"address\":\"203.0.113.6\"", ACCESS_CHANGE },
        };
        Addr addr = parse("203.0.113.5");

        check_int(CONTROL_N_METHODS, sizeof methods / sizeof *methods);
        for (Access access = 0; access < _ACCESS_MAX; access++) {
                begin(access);
                fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
                fake_commit(&fake);
                for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                        Peer *peer = join();
                        char request[512];

                        snprintf(request, sizeof request, "{\"method\":\"%s\",\"more\":true,\"parameters\":{%s}}", methods[i].name,
                                 methods[i].parameters);
                        json_auto_t *reply = ask(peer, request);
                        const char *error = json_string_value(json_object_get(reply, "error"));
                        char *text = json_dumps(reply, JSON_COMPACT);

                        if (access >= methods[i].access)
                                check(!error);
                        else
                                check_text(error, M "NotAuthorized");
                        if (access < ACCESS_CHANGE)
                                check(!strstr(text, "hunter2") && !strstr(text, "203.0.113.6"));
                        free(text);
                        leave(peer);
                }
                check_int(fake.n_bans, 1);
                end();
        }
}

static void test_groups(void)
{
        const RightsGroups groups = { .admin = 500, .read = 501 }, none = { RIGHTS_NO_GROUP, RIGHTS_NO_GROUP };
        const gid_t plain[] = { 100, 7 }, reader[] = { 100, 501 }, admin[] = { 501, 500 }, odd[] = { RIGHTS_NO_GROUP };
        int pair[2];
        Caller caller;

        check_int(rights_access(&groups, 0, NULL, 0), ACCESS_CHANGE);
        check_int(rights_access(&groups, 1000, plain, 2), ACCESS_NONE);
        check_int(rights_access(&groups, 1000, reader, 2), ACCESS_LOOK);
        check_int(rights_access(&groups, 1000, admin, 2), ACCESS_CHANGE);
        check_int(rights_access(&none, 1000, odd, 1), ACCESS_NONE);
        check_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        RightsGroups own = { .admin = RIGHTS_NO_GROUP, .read = getgid() };
        check_int(rights_identify(&own, pair[0], &caller), 0);
        check_int(caller.uid, getuid());
        check_int(caller.pid, getpid());
        check_int(caller.access, getuid() == 0 ? ACCESS_CHANGE : ACCESS_LOOK);
        close(pair[0]);
        close(pair[1]);
        check_int(rights_identify(&own, -1, &caller), -EBADF);
}

/* The description names exactly the methods of the table, and every error and field that the answers use. */
static void test_description(void)
{
        size_t described = 0;

        for (const char *p = CONTROL_DESCRIPTION; (p = strstr(p, "\nmethod ")); p++)
                described++;
        for (const char *p = VARLINK_SERVICE_DESCRIPTION; (p = strstr(p, "\nmethod ")); p++)
                described++;
        check_int(described, CONTROL_N_METHODS);
        for (size_t i = 0; i < CONTROL_N_METHODS; i++) {
                const char *name = CONTROL_METHODS[i].name, *dot = strrchr(name, '.');
                bool ours = strncmp(name, M, strlen(M)) == 0;
                char line[128];

                snprintf(line, sizeof line, "\nmethod %s(", dot + 1);
                check_contains(ours ? CONTROL_DESCRIPTION : VARLINK_SERVICE_DESCRIPTION, line);
        }
        static const char *const errors[] = { "AddressAllowed", "NoSuchJail", "TooWide", "NotBannable", "NotAuthorized", "Full", "Busy", "Failed" };
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
                char line[64];

                snprintf(line, sizeof line, "\nerror %s (", errors[i]);
                check_contains(CONTROL_DESCRIPTION, line);
        }
}

/* Whether each key of an answer's object is a field of the description, in that method or type. */
static void check_fields(const char *heading, const json_t *object)
{
        const char *from = strstr(CONTROL_DESCRIPTION, heading), *to;
        const char *key;
        json_t *value;

        check(from);
        from += strlen(heading);
        if (strncmp(heading, "\nmethod", 7) == 0)
                from = strstr(from, "->");
        to = strstr(from, "\n\n");
        check(to);
        json_object_foreach((json_t *) (uintptr_t) object, key, value) {
                char name[64];
                const char *found;

                snprintf(name, sizeof name, "%s: ", key);
                found = strstr(from, name);
                while (found && found[-1] != ' ' && found[-1] != '(')
                        found = strstr(found + 1, name);
                if (!found || found >= to) {
                        fprintf(stderr, "%s: %s is not described\n", heading + 1, key);
                        abort();
                }
        }
}

static void test_described_fields(void)
{
        Addr addr = parse("203.0.113.5");
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake_add(&fake, "sshd", &addr, BAN_AUTOMATIC, event_time_add(FAKE_NOW, 86400));
        fake.bans[0].reason = "by hand";
        fake.bans[0].ports = fake_ports;
        fake.bans[0].n_ports = 2;
        peer = join();
        json_auto_t *status = ask(peer, "{\"method\":\"" M "Status\"}");
        json_t *parameters = json_object_get(status, "parameters");
        check_fields("\nmethod Status(", parameters);
        check_fields("\ntype Jail (", json_array_get(json_object_get(parameters, "jails"), 0));
        check_fields("\ntype Jail (", json_array_get(json_object_get(parameters, "jails"), 1));
        json_auto_t *why = ask(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"203.0.113.5\"}}");
        parameters = json_object_get(why, "parameters");
        check_fields("\nmethod Why(", parameters);
        json_t *ban = json_array_get(json_object_get(parameters, "bans"), 0), *window = json_array_get(json_object_get(parameters, "windows"), 0);
        check_fields("\ntype BanRecord (", ban);
        check_fields("\ntype Kernel ", json_object_get(ban, "kernel"));
        check_fields("\ntype Line ", json_array_get(json_object_get(ban, "lines"), 0));
        check_fields("\ntype Window ", window);
        check_fields("\ntype Line ", json_array_get(json_object_get(window, "lines"), 0));
        json_auto_t *allowed = ask(peer, "{\"method\":\"" M "Why\",\"parameters\":{\"address\":\"192.0.2.5\"}}");
        check_fields("\ntype Allowed ", json_object_get(json_object_get(allowed, "parameters"), "allowed"));
        json_auto_t *list = ask(peer, "{\"method\":\"" M "ListBans\"}");
        check_fields("\nmethod ListBans(", json_object_get(list, "parameters"));
        json_auto_t *unban = ask(peer, UNBAN("\"all\":true"));
        check_fields("\nmethod Unban(", json_object_get(unban, "parameters"));
        leave(peer);
        end();
}

static void test_framing(void)
{
        static const char request[] = "{\"method\":\"" V "GetInfo\"}\0{\"method\":\"" M "Status\"}";
        Peer *peer;

        begin(ACCESS_CHANGE);
        for (size_t cut = 1; cut < sizeof request; cut++) { /* two requests, split at every byte */
                peer = join();
                check_int(send(peer->fd, request, cut, 0), cut);
                turn();
                check_int(send(peer->fd, request + cut, sizeof request - cut, 0), sizeof request - cut);
                for (int i = 0; i < 2; i++) {
                        json_auto_t *reply = answer(peer);
                        check(reply && !json_object_get(reply, "error"));
                }
                check(!answer(peer) && !peer->closed);
                leave(peer);
        }
        static const char *const bad[] = {
                "", "x", "[]", "7", "{}", "{\"method\":7}", "{\"method\":\"" V "GetInfo\",\"parameters\":[]}",
                "{\"method\":\"" V "GetInfo\",\"more\":1}", "{\"method\":\"" V "GetInfo\"}}", "{\"method\":\"a\",\"method\":\"b\"}",
                "{\"method\":\"\xff\"}", "{\"method\":\"a\\u0000b\"}",
                "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                "{\"method\":\"" V "GetInfo\",\"parameters\":{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}}",
        };
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                peer = join();
                push(peer, bad[i]);
                check(!answer(peer) && peer->closed);
                leave(peer);
        }
        check_int(control_stats(fake.control)->clients, 0);
        check_int(control_stats(fake.control)->dropped_bad, sizeof bad / sizeof *bad);
        end();
}

static void test_pipelining(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake.commits_at_once = false;
        peer = join();
        /* Ban waits for the disk; the answer to Banned is ready at once, and comes second all the same. */
        push(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\""));
        push(peer, "{\"method\":\"" M "Banned\",\"parameters\":{\"address\":\"203.0.113.9\"}}");
        push(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.10\""));
        check(!answer(peer));
        check_int(fake.n_bans, 2);
        fake_commit(&fake);
        json_auto_t *first = answer(peer), *second = answer(peer), *third = answer(peer);
        check(json_object_get(json_object_get(first, "parameters"), "remembered"));
        check(json_is_true(json_object_get(json_object_get(second, "parameters"), "banned")));
        check(json_is_true(json_object_get(json_object_get(third, "parameters"), "remembered")));
        /* oneway: done, not answered; also when the client has hung up at once */
        push(peer, "{\"method\":\"" M "Ban\",\"oneway\":true,\"parameters\":{\"jail\":\"sshd\",\"address\":\"203.0.113.11\"}}");
        check(!answer(peer));
        check_int(fake.n_bans, 3);
        push(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.12\""));
        push(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.13\""));
        leave(peer);
        check_int(fake.n_bans, 5);
        check_int(control_stats(fake.control)->clients, 0);
        fake_commit(&fake);
        /* Whoever has only shut his sending side down still gets his answers. */
        peer = join();
        push(peer, "{\"method\":\"" V "GetInfo\"}");
        push(peer, "{\"method\":\"" V "GetInfo\"}");
        shutdown(peer->fd, SHUT_WR);
        json_auto_t *fourth = answer(peer), *fifth = answer(peer);
        check(fourth && fifth && !answer(peer) && peer->closed);
        leave(peer);
        end();
}

static void test_not_remembered(void)
{
        Peer *peer;

        begin(ACCESS_CHANGE);
        fake.commits_at_once = false;
        peer = join();
        push(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.9\""));
        push(peer, UNBAN("\"address\":\"203.0.113.9\""));
        check(!answer(peer));
        usleep(80 * 1000);
        json_auto_t *first = answer(peer), *second = answer(peer);
        check(json_is_false(json_object_get(json_object_get(first, "parameters"), "remembered")));
        check(json_is_false(json_object_get(json_object_get(second, "parameters"), "remembered")));
        check_int(json_integer_value(json_object_get(json_object_get(second, "parameters"), "lifted")), 1);
        fake_commit(&fake); /* too late, and harmless */
        check(!answer(peer) && !peer->closed);
        /* An earlier batch is not the one that is waited for. */
        fake.sequence = 10;
        push(peer, BAN("\"jail\":\"sshd\",\"address\":\"203.0.113.10\""));
        check(!answer(peer));
        control_committed(fake.control, 10, NULL, 0);
        check(!answer(peer));
        control_committed(fake.control, 11, NULL, 0);
        json_auto_t *third = answer(peer);
        check(json_is_true(json_object_get(json_object_get(third, "parameters"), "remembered")));
        leave(peer);
        end();
}

static void add_events(size_t n)
{
        Addr addr = parse("203.0.113.5");
        Ban ban = { .id = 1, .jail = "sshd", .addr = addr, .source = addr, .start = FAKE_NOW, .until = EVENT_TIME_FOREVER, .rule = "r",
                    .reason = "", .evidence = fake_evidence, .n_evidence = 2 };

        for (size_t i = 0; i < n; i++)
                fake_event(&fake, BAN_EVENT_BAN, &ban, "");
}

static void test_monitor(void)
{
        uint64_t expected = 11;
        bool current = false;
        Peer *peer;

        begin(ACCESS_LOOK);
        add_events(300);
        fake_commit(&fake);
        peer = join();
        expect(peer, "{\"method\":\"" M "Monitor\"}", V "ExpectedMore", "");
        push(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":10}}");
        for (int i = 0; i < 4; i++) { /* a few turns of replay, with events meanwhile */
                sd_event_run(event, 0);
                add_events(3);
                fake_commit(&fake);
        }
        pull(peer);
        add_events(5); /* live now */
        fake_commit(&fake);
        for (json_t *reply; (reply = answer(peer)); json_decref(reply)) {
                const json_t *parameters = json_object_get(reply, "parameters"), *told = json_object_get(parameters, "event");
                char *text = json_dumps(reply, 0);

                check(json_is_true(json_object_get(reply, "continues")));
                check(!strstr(text, "hunter2"));
                free(text);
                current |= json_is_true(json_object_get(parameters, "current"));
                if (!told)
                        continue;
                check_int(json_integer_value(json_object_get(told, "id")), expected);
                check_text(json_string_value(json_object_get(told, "event")), "ban");
                check(json_is_true(json_object_get(told, "redacted")));
                expected++;
        }
        check_int(expected, 318);
        check(current);
        check_int(fake.most_events, MONITOR_PAGE);
        leave(peer);
        end();

        begin(ACCESS_CHANGE);
        add_events(2);
        fake_commit(&fake);
        peer = join();
        expect(peer, "{\"method\":\"" M "Monitor\",\"more\":true}", "", "current");
        add_events(1);
        fake_commit(&fake);
        json_auto_t *reply = answer(peer);
        char *text = json_dumps(reply, 0);
        check_contains(text, "hunter2");
        check_contains(text, "\"id\": 3");
        free(text);
        /* What is damaged on disk is still numbered. */
        const EventRecord damaged = { .id = 4, .time = FAKE_NOW, .kind = "ban", .json = "{\"id\":4,\"time" };
        control_committed(fake.control, 0, &damaged, 1);
        json_auto_t *fourth = answer(peer);
        check_int(json_integer_value(json_object_get(json_object_get(json_object_get(fourth, "parameters"), "event"), "id")), 4);
        leave(peer);
        peer = join();
        fake.fails = true;
        expect(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":0}}", M "Failed", "--since");
        expect(peer, "{\"method\":\"" M "Monitor\",\"more\":true,\"parameters\":{\"since\":-1}}", V "InvalidParameter", "since");
        leave(peer);
        end();
}

static void test_listing(void)
{
        size_t pages = 0, bans = 0;
        uint64_t expected = 1;
        Peer *peer;

        begin(ACCESS_LOOK);
        for (size_t i = 0; i < 2500; i++) {
                Addr addr = { .family = 4, .length = 32, .bytes = { 198, 51, (uint8_t) (i >> 8), (uint8_t) i } };
                fake_add(&fake, i % 5 == 0 ? "nginx-http-auth" : "sshd", &addr, BAN_AUTOMATIC, EVENT_TIME_FOREVER);
        }
        peer = join();
        push(peer, "{\"method\":\"" M "ListBans\",\"more\":true}");
        for (bool more = true; more;) {
                json_auto_t *reply = NULL;

                fake.covering = 0;
                while (!memchr(peer->data, '\0', peer->size)) { /* turn by turn: no turn does more than its share */
                        size_t before = fake.covering;
                        check(sd_event_run(event, 0) > 0);
                        check(fake.covering - before <= LIST_STEP);
                        ssize_t n = recv(peer->fd, peer->data + peer->size, sizeof peer->data - peer->size, 0);
                        peer->size += n > 0 ? (size_t) n : 0;
                }
                reply = answer(peer);
                json_t *list = json_object_get(json_object_get(reply, "parameters"), "bans"), *ban;
                size_t i;

                check(json_array_size(list) <= LIST_MAX);
                json_array_foreach(list, i, ban) {
                        check_int(json_integer_value(json_object_get(ban, "ban")), expected);
                        expected++;
                }
                bans += json_array_size(list);
                pages++;
                more = json_is_true(json_object_get(reply, "continues"));
        }
        check_int(bans, 2500);
        check_int(pages, 3);
        json_auto_t *jail = ask(peer, "{\"method\":\"" M "ListBans\",\"parameters\":{\"jail\":\"nginx-http-auth\"}}");
        check_int(json_array_size(json_object_get(json_object_get(jail, "parameters"), "bans")), 500);
        check(!json_object_get(json_object_get(jail, "parameters"), "truncated"));
        json_auto_t *first = ask(peer, "{\"method\":\"" M "ListBans\"}");
        check_int(json_array_size(json_object_get(json_object_get(first, "parameters"), "bans")), LIST_MAX);
        check(json_is_true(json_object_get(json_object_get(first, "parameters"), "truncated")));
        leave(peer);

        Peer *many[LISTINGS_MAX + 1];
        for (size_t i = 0; i <= LISTINGS_MAX; i++) { /* nobody reads, so all are under way at once */
                many[i] = join();
                push(many[i], "{\"method\":\"" M "ListBans\",\"more\":true}");
        }
        for (size_t i = 0; i < 400; i++)
                sd_event_run(event, 0);
        size_t busy = 0;
        for (size_t i = 0; i <= LISTINGS_MAX; i++) {
                json_auto_t *reply = answer(many[i]);
                const char *error = json_string_value(json_object_get(reply, "error"));
                if (error) {
                        check_text(error, M "Busy");
                        busy++;
                }
        }
        check_int(busy, 1);
        for (size_t i = 0; i <= LISTINGS_MAX; i++)
                leave(many[i]);
        end();
}

static void test_too_long(void)
{
        static char filler[70 * 1024];
        Peer *peer;

        memset(filler, ' ', sizeof filler);
        for (Access access = 0; access < _ACCESS_MAX; access++) {
                size_t limit = VARLINK_LIMITS.request[access], sent = 0;

                begin(access);
                peer = join();
                while (!peer->closed && sent <= 2 * limit + sizeof filler) {
                        ssize_t n = send(peer->fd, filler, sizeof filler < limit ? sizeof filler : 1024, MSG_NOSIGNAL | MSG_DONTWAIT);
                        sent += n > 0 ? (size_t) n : 0;
                        pull(peer);
                }
                check(peer->closed);
                check(sent >= limit && sent <= 2 * limit + sizeof filler);
                check_int(control_stats(fake.control)->dropped_bad, 1);
                leave(peer);
                /* One byte less, NUL included, is served. */
                char *request = malloc(limit + 1);
                int n = snprintf(request, limit, "{\"method\":\"" V "GetInfo\"}");
                memset(request + n, ' ', limit - (size_t) n);
                request[limit - 1] = '\0';
                peer = join();
                for (size_t done = 0; done < limit;) {
                        ssize_t m = send(peer->fd, request + done, limit - done, MSG_NOSIGNAL | MSG_DONTWAIT);
                        done += m > 0 ? (size_t) m : 0;
                        turn();
                }
                free(request);
                json_auto_t *reply = answer(peer);
                check(reply && !json_object_get(reply, "error"));
                leave(peer);
                end();
        }
}

/* A monitor that never reads is dropped, at a bounded amount; another one beside it misses nothing. */
static void test_slow(void)
{
        static const char status[] = "{\"method\":\"" M "Status\"}";
        VarlinkLimits limits = VARLINK_LIMITS;
        size_t events = 0;
        Peer *slow, *quick;

        limits.output = 128 * 1024;
        begin_with(ACCESS_CHANGE, &limits);
        slow = join();
        quick = join();
        push(slow, "{\"method\":\"" M "Monitor\",\"more\":true}");
        push(quick, "{\"method\":\"" M "Monitor\",\"more\":true}");
        json_auto_t *current = answer(quick);
        check(current);
        for (int i = 0; i < 3000; i++) {
                add_events(1);
                fake_commit(&fake);
                turn();
                for (json_t *reply; (reply = answer(quick)); json_decref(reply))
                        events++;
        }
        check_int(events, 3000);
        check_int(control_stats(fake.control)->dropped_slow, 1);
        check_int(control_stats(fake.control)->clients, 1);
        leave(slow);
        leave(quick);
        /* A client that asks and never reads gets no new work; memory stays what it was, and the others are served. */
        slow = join();
        for (int i = 0; i < 20000; i++)
                if (send(slow->fd, status, sizeof status, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        break;
        turn();
        check(control_stats(fake.control)->calls < 2000);
        quick = join();
        expect(quick, "{\"method\":\"" M "Status\"}", "", "version");
        leave(slow);
        leave(quick);
        end();
}

static void test_crowd(void)
{
        Peer *peers[80];
        size_t n = 0;

        begin(ACCESS_LOOK);
        for (size_t i = 0; i < 17; i++)
                peers[n++] = join();
        check_int(control_stats(fake.control)->clients, VARLINK_LIMITS.clients_per_uid);
        check_int(control_stats(fake.control)->refused, 1);
        while (n > 0)
                leave(peers[--n]);
        for (size_t i = 0; i < 60; i++) {
                fake.uid = 1000 + (uid_t) i;
                peers[n++] = join();
        }
        check_int(control_stats(fake.control)->clients, VARLINK_LIMITS.clients - VARLINK_LIMITS.clients_reserved);
        fake.uid = 0; /* root is let in, up to the end */
        fake.access = ACCESS_CHANGE;
        for (size_t i = 0; i < 20; i++)
                peers[n++] = join();
        check_int(control_stats(fake.control)->clients, VARLINK_LIMITS.clients);
        expect(peers[60], "{\"method\":\"" M "Status\"}", "", "version");
        while (n > 0)
                leave(peers[--n]);
        /* Users without rights give way to each other: the longest silent first. */
        fake.access = ACCESS_NONE;
        for (size_t i = 0; i < 50; i++) {
                fake.uid = 2000 + (uid_t) i;
                peers[n++] = join();
        }
        check_int(control_stats(fake.control)->clients, VARLINK_LIMITS.clients - VARLINK_LIMITS.clients_reserved);
        pull(peers[0]);
        check(peers[0]->closed);
        expect(peers[49], "{\"method\":\"" V "GetInfo\"}", "", "bailiffd");
        while (n > 0)
                leave(peers[--n]);
        end();
}

static void test_no_descriptors(void)
{
        struct rlimit before, none;
        Peer *peer;

        begin(ACCESS_LOOK);
        peer = calloc(1, sizeof *peer);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        strcpy(address.sun_path, path);
        peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        check_int(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = (rlim_t) peer->fd + 1;
        check_int(setrlimit(RLIMIT_NOFILE, &none), 0);
        check_int(connect(peer->fd, (struct sockaddr *) &address, sizeof address), 0);
        turn(); /* comes to an end: the loop does not spin on the socket that stays readable */
        check_int(control_stats(fake.control)->clients, 0);
        check_int(setrlimit(RLIMIT_NOFILE, &before), 0);
        check(sd_event_run(event, USEC_PER_SEC) > 0); /* it tries again by itself */
        expect(peer, "{\"method\":\"" V "GetInfo\"}", "", "bailiffd");
        leave(peer);
        end();
}

static void test_socket_file(void)
{
        Control *other = NULL;
        Problem problem = { 0 };
        struct stat st;
        char longer[256];

        begin(ACCESS_LOOK);
        check_int(stat(path, &st), 0);
        check_int(st.st_mode & 0777, 0666);
        check_int(control_new(event, path, fake_ops(&fake), &other, &problem), -EADDRINUSE);
        check_contains(problem.text, "another bailiffd answers there");
        end();
        check_int(access(path, F_OK), -1);

        /* A socket file that nobody listens on */
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        strcpy(address.sun_path, path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check_int(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
        close(fd);
        begin(ACCESS_LOOK);
        Peer *peer = join();
        expect(peer, "{\"method\":\"" V "GetInfo\"}", "", "bailiffd");
        leave(peer);
        /* Another has taken the name: it is not ours to remove. */
        check_int(unlink(path), 0);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        close(fd);
        end();
        check_int(access(path, F_OK), 0);
        check_int(control_new(event, path, fake_ops(&fake), &other, &problem), -EEXIST);
        check_contains(problem.text, "no socket");
        check_int(unlink(path), 0);
        check_int(control_new(event, "/nonexistent/bailiff/control.sock", fake_ops(&fake), &other, &problem), -ENOENT);
        check_contains(problem.text, "the directory does not exist");
        memset(longer, 'a', sizeof longer - 1);
        longer[sizeof longer - 1] = '\0';
        check_int(control_new(event, longer, fake_ops(&fake), &other, &problem), -ENAMETOOLONG);
        check(!other);
}

static void test_members(void)
{
        const Ban ban = { .id = 7, .jail = "sshd", .addr = parse("2001:db8::/64"), .source = parse("2001:db8::1"), .start = FAKE_NOW,
                          .until = EVENT_TIME_FOREVER, .first = FAKE_NOW, .failures = 5, .rule = "failed-password", .reason = "\xff\x1b",
                          .ports = fake_ports, .n_ports = 2, .evidence = fake_evidence, .n_evidence = 2 };
        const BanEvent unban = { .kind = BAN_EVENT_UNBAN, .time = FAKE_NOW, .ban = &ban, .note = "by root" };
        char *members = control_event_members(&unban), *text;

        check(members && members[0] == '"');
        check(asprintf(&text, "{%s}", members) > 0);
        json_auto_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        check_text(json_string_value(json_object_get(object, "jail")), "sshd");
        check_text(json_string_value(json_object_get(object, "ip")), "2001:db8::/64");
        check_text(json_string_value(json_object_get(object, "source")), "2001:db8::1");
        check_text(json_string_value(json_object_get(object, "start")), "2026-11-22T07:31:00Z");
        check_text(json_string_value(json_object_get(object, "until")), "forever");
        check_text(json_string_value(json_object_get(object, "reason")), "\\xff\\x1b");
        check_text(json_string_value(json_object_get(object, "note")), "by root");
        check_text(json_string_value(json_array_get(json_object_get(object, "ports"), 1)), "4500/udp");
        check_int(json_array_size(json_object_get(object, "lines")), 2);
        free(members);
        free(text);
}

int main(void)
{
        check(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/control.sock", directory);
        check(sd_event_new(&event) >= 0);
        test_members();
        test_groups();
        test_socket_file();
        test_methods();
        test_changes();
        test_rights();
        test_description();
        test_described_fields();
        test_framing();
        test_pipelining();
        test_not_remembered();
        test_monitor();
        test_listing();
        test_too_long();
        test_slow();
        test_crowd();
        test_no_descriptors();
        sd_event_unref(event);
        check_int(rmdir(directory), 0);
        return 0;
}
