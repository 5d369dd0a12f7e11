/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The control socket's protocol and rights, and clients that mean harm. */

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "control-peer.h"

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

/* A caller in more groups than the first answer of the kernel has room for. */
static void test_many_groups(void)
{
        enum { GROUPS = 300, ADMIN = 70000 };
        gid_t gids[GROUPS];
        int pair[2], status;
        pid_t child;

        if (getuid() != 0)
                return; /* only root may take groups */
        for (gid_t i = 0; i < GROUPS; i++)
                gids[i] = i + 1 == GROUPS ? ADMIN : 50000 + i;
        child = fork();
        check(child >= 0);
        if (child == 0) {
                RightsGroups groups = { .admin = ADMIN, .read = RIGHTS_NO_GROUP };
                Caller caller;

                check_int(setgroups(GROUPS, gids), 0);
                check_int(setresgid(65534, 65534, 65534), 0);
                check_int(setresuid(65534, 65534, 65534), 0);
                check_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
                check_int(rights_identify(&groups, pair[0], &caller), 0);
                check_int(caller.uid, 65534);
                check_int(caller.access, ACCESS_CHANGE);
                groups.admin = ADMIN + 1; /* a group that he is not in */
                check_int(rights_identify(&groups, pair[0], &caller), 0);
                check_int(caller.access, ACCESS_NONE);
                _exit(0);
        }
        check_int(waitpid(child, &status, 0), child);
        check_int(status, 0);
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
        static const char info[] = "{\"method\":\"" V "GetInfo\"}";
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
        /* So they do where they have asked a lot and read nothing: whoever may look finds a place. */
        for (size_t i = 0; i < n; i++)
                for (int k = 0; k < 4000; k++)
                        if (send(peers[i]->fd, info, sizeof info, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                                break;
        turn();
        fake.access = ACCESS_LOOK;
        fake.uid = 3000;
        peers[n++] = join();
        expect(peers[n - 1], "{\"method\":\"" M "Status\"}", "", "version");
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

int main(void)
{
        set_up();
        test_groups();
        test_many_groups();
        test_framing();
        test_pipelining();
        test_not_remembered();
        test_too_long();
        test_slow();
        test_crowd();
        test_no_descriptors();
        test_socket_file();
        tear_down();
        return 0;
}
