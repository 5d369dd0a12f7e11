/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Sends UDP packets as fast as it can, from 65,536 addresses of the range that is set aside for benchmarks (RFC 2544), so that
 * the receiver's lookups do not all end in one and the same cache line. For a network namespace of its own: the sources
 * are invented.
 *
 *     packet-send TARGET PORT COUNT       prints the nanoseconds of a packet
 *
 * Over veth the receiver's share, its firewall too, is done on the sender's processor before the next packet leaves; so
 * the sender's time is the whole way's.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define SOURCES UINT32_C(0xc6120000) /* 198.18.0.0/16 */

typedef struct Packet {
        struct iphdr ip;
        struct udphdr udp;
        char payload[18];
} Packet;

static Packet packets[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static void die(const char *what)
{
        fprintf(stderr, "packet-send: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* Its share and the receiver's stay on one processor; and nobody else's work is measured, where that may be asked for. */
static void stay(void)
{
        cpu_set_t set;
        const struct sched_param first = { .sched_priority = 1 };

        CPU_ZERO(&set);
        CPU_SET((unsigned) sched_getcpu(), &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0)
                die("affinity");
        if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
                fprintf(stderr, "packet-send: %s: other programs' work may count as the packets'\n", strerror(errno));
}

static void prepare(struct in_addr target, uint16_t port)
{
        for (size_t i = 0; i < BATCH; i++) {
                Packet *packet = &packets[i];

                /* The kernel adds length, id and checksum; a UDP checksum of 0 is none. */
                packet->ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = target.s_addr };
                packet->udp = (struct udphdr){ .source = htons(40000), .dest = htons(port), .len = htons(sizeof *packet - sizeof packet->ip) };
                parts[i] = (struct iovec){ packet, sizeof *packet };
                messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
        }
}

/* An odd step goes through all of them and leaves no two neighbours together. */
static void next_sources(void)
{
        static uint16_t at;

        for (size_t i = 0; i < BATCH; i++)
                packets[i].ip.saddr = htonl(SOURCES | (at += 40503));
}

static void send_batch(int fd, unsigned n)
{
        for (unsigned sent = 0; sent < n;) {
                int r = sendmmsg(fd, messages + sent, n - sent, 0);

                if (r < 0 && errno != ENOBUFS && errno != EINTR)
                        die("sendmmsg");
                sent += r > 0 ? (unsigned) r : 0;
        }
}

int main(int argc, char *argv[])
{
        struct sockaddr_in target = { .sin_family = AF_INET };
        struct timespec begin, end;

        if (argc != 4 || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1) {
                fprintf(stderr, "usage: packet-send TARGET PORT COUNT\n");
                return 1;
        }
        int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
        if (fd < 0 || connect(fd, (struct sockaddr *) &target, sizeof target) < 0)
                die("socket");
        unsigned long count = strtoul(argv[3], NULL, 10), left = count;

        stay();
        prepare(target.sin_addr, (uint16_t) strtoul(argv[2], NULL, 10));
        clock_gettime(CLOCK_MONOTONIC, &begin);
        while (left > 0) {
                unsigned n = left < BATCH ? (unsigned) left : BATCH;

                next_sources();
                send_batch(fd, n);
                left -= n;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%.2f\n", ((double) (end.tv_sec - begin.tv_sec) * 1e9 + (double) (end.tv_nsec - begin.tv_nsec)) / (double) (count ? count : 1));
        return 0;
}
