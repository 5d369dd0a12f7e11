/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Writes entries to the journal of the mount namespace that it runs in, by the
 * native protocol. Run it under setpriv --reuid for another _UID, and as a copy
 * of another name (sshd) for another _COMM: journald takes both from the kernel.
 *
 *     journal-send [--ident NAME] [--repeat N [--first K]] [--gap-usec N] [--wait-usec N] MESSAGE
 *     journal-send --raw          an entry in the native protocol from standard input, as it is
 *     journal-send --lines        MESSAGEs from standard input, one a line, each sent when it is read
 *
 * "%n" in MESSAGE becomes the number of the entry, "%t" the time of sending in
 * microseconds. It stays for --wait-usec (default: 20 ms) at the end, so that
 * journald can still read its name.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int connect_journal(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 8 << 20;

        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0) {
                perror("journal-send: /run/systemd/journal/socket");
                exit(1);
        }
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        return fd;
}

/* What is too long for a datagram travels as a sealed memory file. */
static int send_memfd(int fd, const char *data, size_t size)
{
        int file = memfd_create("journal-send", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct msghdr message = { .msg_control = &control, .msg_controllen = sizeof control };

        if (file < 0 || write(file, data, size) != (ssize_t) size ||
            fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &file, sizeof file);
        int r = sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
        close(file);
        return r;
}

static void send_entry(int fd, const char *data, size_t size)
{
        int r = send(fd, data, size, MSG_NOSIGNAL) < 0 ? -errno : 0;

        if (r == -EMSGSIZE || r == -ENOBUFS)
                r = send_memfd(fd, data, size);
        if (r < 0) {
                fprintf(stderr, "journal-send: %s\n", strerror(-r));
                exit(1);
        }
}

static void send_message(int fd, const char *ident, const char *format, unsigned long number)
{
        static char entry[1 << 16];
        size_t used = 0;
        struct timespec now;

        if (*ident)
                used = (size_t) snprintf(entry, 512, "SYSLOG_IDENTIFIER=%.300s\n", ident);
        used += (size_t) snprintf(entry + used, 256, "PRIORITY=6\nSYSLOG_PID=%d\nMESSAGE=", (int) getpid());
        for (const char *p = format; *p && used < sizeof entry - 64; p++) {
                if (p[0] == '%' && p[1] == 'n') {
                        used += (size_t) sprintf(entry + used, "%lu", number);
                        p++;
                } else if (p[0] == '%' && p[1] == 't') {
                        clock_gettime(CLOCK_REALTIME, &now);
                        used += (size_t) sprintf(entry + used, "%lld", (long long) now.tv_sec * 1000000 + now.tv_nsec / 1000);
                        p++;
                } else
                        entry[used++] = *p;
        }
        entry[used++] = '\n';
        send_entry(fd, entry, used);
}

static void send_raw(int fd)
{
        static char entry[8 << 20];
        size_t used = 0;
        ssize_t n;

        while (used < sizeof entry && (n = read(STDIN_FILENO, entry + used, sizeof entry - used)) > 0)
                used += (size_t) n;
        send_entry(fd, entry, used);
}

int main(int argc, char *argv[])
{
        static const struct option options[] = {
                { "ident", required_argument, NULL, 'i' },     { "repeat", required_argument, NULL, 'r' },
                { "first", required_argument, NULL, 'f' },     { "gap-usec", required_argument, NULL, 'g' },
                { "wait-usec", required_argument, NULL, 'w' }, { "raw", no_argument, NULL, 'R' },
                { "lines", no_argument, NULL, 'l' },           { 0 },
        };
        const char *ident = "sshd";
        unsigned long repeat = 1, first = 1;
        unsigned gap = 0, stay = 20000;
        bool raw = false, lines = false;
        int c, fd;

        while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (c) {
                case 'i': ident = optarg; break;
                case 'r': repeat = strtoul(optarg, NULL, 10); break;
                case 'f': first = strtoul(optarg, NULL, 10); break;
                case 'g': gap = (unsigned) strtoul(optarg, NULL, 10); break;
                case 'w': stay = (unsigned) strtoul(optarg, NULL, 10); break;
                case 'R': raw = true; break;
                case 'l': lines = true; break;
                default: return 2;
                }
        }
        if (argc - optind != !(raw || lines))
                return 2;
        fd = connect_journal();
        if (raw)
                send_raw(fd);
        else if (lines) {
                static char text[32768];

                for (unsigned long i = first; fgets(text, sizeof text, stdin); i++) {
                        text[strcspn(text, "\n")] = '\0';
                        send_message(fd, ident, text, i);
                }
        } else
                for (unsigned long i = first; i < first + repeat; i++) {
                        send_message(fd, ident, argv[optind], i);
                        if (gap)
                                usleep(gap);
                }
        usleep(stay);
        return 0;
}
