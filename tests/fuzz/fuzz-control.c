/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The bytes of one connection through framing, parser and every method.
 *
 * The first byte says what the caller may do and whether the disk answers; a
 * byte 0xff in what follows is a pause, in which the loop runs, the store
 * commits, has counted and answers one question to the outbox, and work comes for
 * a courier, so that splits and waiting calls are tried as well.
 */

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/control-fake.h"

_Static_assert(_ACCESS_MAX == 4, "the first byte's two lowest bits are the access");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sd_event *event;
static Fake fake;

static void turn(int fd)
{
        char drain[65536];

        for (unsigned i = 0; i < 10000; i++) {
                while (recv(fd, drain, sizeof drain, MSG_DONTWAIT) > 0)
                        ;
                if (sd_event_run(event, 0) <= 0)
                        return;
        }
        abort(); /* the loop spins */
}

static int set_up(void)
{
        static char directory[] = "/tmp/bailiff-fuzz-XXXXXX";
        char path[128];
        const ControlOptions options = { .rights = { fake_identify, &fake }, .commit_usec = CONTROL_COMMIT_USEC, .users = "/dev/null" };

        if (!mkdtemp(directory) || sd_event_new(&event) < 0)
                return -1;
        snprintf(path, sizeof path, "%s/control.sock", directory);
        if (control_new_with(event, path, fake_ops(&fake), &options, &fake.control, NULL) < 0)
                return -1;
        /* Connections come by socketpair(2); nothing is to stay behind in /tmp. */
        unlink(path);
        return rmdir(directory);
}

/* One lane after the other has a report, nothing, or a file of some pages. */
static void give_work(void)
{
        static const size_t sizes[] = { 1, 0, 2 * CLAIM_PAGE + 1 };
        size_t round = fake.claims % 3;

        fake_work(&fake, OUTBOX_ABUSEIPDB, OUTBOX_REPORT, sizes[round] > 1 ? "bulk" : "report", sizes[round]);
        fake_work(&fake, OUTBOX_VIRUSTOTAL, round == 0 ? OUTBOX_DELETE : OUTBOX_VOTE, round == 0 ? "delete" : "vote", sizes[round] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int pair[2];

        if (size < 1 || (!event && set_up() < 0))
                return 0;
        fake.access = (Access) (data[0] & 3);
        fake.commits_at_once = data[0] & 0x40;
        fake.fails = data[0] & 0x80;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return 0;
        control_add_client(fake.control, pair[0]);
        for (size_t i = 1; i < size;) {
                const uint8_t *pause = memchr(data + i, 0xff, size - i);
                size_t part = pause ? (size_t) (pause - (data + i)) : size - i;

                if (part > 0 && send(pair[1], data + i, part, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        break;
                i += part + (pause != NULL);
                turn(pair[1]);
                if (pause) {
                        fake_commit(&fake);
                        fake_counted(&fake, true);
                        if (fake.jobs)
                                fake_tell(&fake);
                        give_work();
                }
        }
        turn(pair[1]);
        close(pair[1]);
        for (unsigned i = 0; i < 10000 && sd_event_run(event, 0) > 0; i++)
                ;
        if (control_stats(fake.control)->clients != 0)
                abort(); /* a client that has hung up is kept */
        for (size_t i = 0; i < _OUTBOX_LANE_MAX; i++)
                if (fake.claim_answers[i])
                        abort(); /* and so is its claim */
        fake_clear(&fake);
        fake.paused = false;
        fake.claims = fake.claim = fake.claim_number = 0;
        fake.attempts = 0;
        fake.allowed_by_command = ADDR_NULL;
        return 0;
}
