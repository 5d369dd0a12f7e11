/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The floor of "line to ban": sees new lines, and the one that tests/bench/latency.py marks by its port becomes an element of
 * a kernel set. Nothing is matched, counted, remembered or waited for, not even the kernel's answer.
 *
 *     latency-floor file PATH         woken by inotify
 *     latency-floor journal           journald wakes nobody in time: looks every millisecond
 *
 * The set is any4 of the table inet floor, with timeouts. Prints "ready".
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <systemd/sd-journal.h>

#define FROM " from "
#define MARK " port 40004 "
#define MILLISECOND 1000000

static struct mnl_socket *netlink;

static void check(bool good, const char *what)
{
        if (good)
                return;
        fprintf(stderr, "latency-floor: %s: %m\n", what);
        exit(1);
}

/* ---- the element ---- */

static size_t build_batch(char *buffer, size_t size, const struct nftnl_set *set)
{
        struct mnl_nlmsg_batch *batch = mnl_nlmsg_batch_start(buffer, size);
        struct nlmsghdr *header;
        size_t used;

        nftnl_batch_begin(mnl_nlmsg_batch_current(batch), 0);
        mnl_nlmsg_batch_next(batch);
        header = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), NFT_MSG_NEWSETELEM, NFPROTO_INET, NLM_F_CREATE, 0);
        nftnl_set_elems_nlmsg_build_payload(header, (struct nftnl_set *) set);
        mnl_nlmsg_batch_next(batch);
        nftnl_batch_end(mnl_nlmsg_batch_current(batch), 0);
        mnl_nlmsg_batch_next(batch);
        used = mnl_nlmsg_batch_size(batch);
        mnl_nlmsg_batch_stop(batch);
        return used;
}

static void ban(const struct in_addr *address)
{
        char buffer[8192];
        struct nftnl_set *set = nftnl_set_alloc();
        struct nftnl_set_elem *element = nftnl_set_elem_alloc();

        check(set && element, "set");
        nftnl_set_set_str(set, NFTNL_SET_TABLE, "floor");
        nftnl_set_set_str(set, NFTNL_SET_NAME, "any4");
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, address, sizeof *address);
        nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, 3600 * 1000);
        nftnl_set_elem_add(set, element);
        size_t size = build_batch(buffer, sizeof buffer / 2, set);
        check(mnl_socket_sendto(netlink, buffer, size) >= 0, "netlink");
        nftnl_set_free(set);
}

/* ---- lines ---- */

/* The word before the mark, if FROM is before it. */
static void take_mark(const char *text, const char *mark)
{
        char word[INET_ADDRSTRLEN] = "";
        struct in_addr address;
        const char *start = mark;

        while (start > text && start[-1] != ' ')
                start--;
        if ((size_t) (mark - start) >= sizeof word || (size_t) (start - text) < strlen(FROM) ||
            memcmp(start - strlen(FROM), FROM, strlen(FROM)) != 0)
                return;
        memcpy(word, start, (size_t) (mark - start));
        if (inet_pton(AF_INET, word, &address) == 1)
                ban(&address);
}

static void take(const char *text, size_t size)
{
        const char *end = text + size, *mark;

        for (const char *at = text; (mark = memmem(at, (size_t) (end - at), MARK, strlen(MARK))); at = mark + strlen(MARK))
                take_mark(text, mark);
}

/* A line is written in one go, so it is read whole. */
static void follow_file(const char *path)
{
        static char text[1 << 20], events[4096];
        int fd = open(path, O_RDONLY | O_CLOEXEC), watch = inotify_init1(IN_CLOEXEC);
        ssize_t size;

        check(fd >= 0 && watch >= 0 && inotify_add_watch(watch, path, IN_MODIFY) >= 0, path);
        lseek(fd, 0, SEEK_END);
        puts("ready");
        fflush(stdout);
        for (;;) {
                while ((size = read(fd, text, sizeof text)) > 0)
                        take(text, (size_t) size);
                check(size == 0 && read(watch, events, sizeof events) > 0, "read");
        }
}

static void follow_journal(void)
{
        sd_journal *journal;
        const void *data;
        size_t size;

        check(sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) >= 0 && sd_journal_get_fd(journal) >= 0, "journal");
        check(sd_journal_seek_tail(journal) >= 0 && sd_journal_previous(journal) >= 0, "journal's end");
        puts("ready");
        fflush(stdout);
        for (;;) {
                while (sd_journal_next(journal) > 0)
                        if (sd_journal_get_data(journal, "MESSAGE", &data, &size) >= 0)
                                take(data, size);
                check(sd_journal_process(journal) >= 0, "journal");
                nanosleep(&(struct timespec){ .tv_nsec = MILLISECOND }, NULL);
        }
}

int main(int argc, char *argv[])
{
        bool file = argc == 3 && strcmp(argv[1], "file") == 0;

        if (!file && !(argc == 2 && strcmp(argv[1], "journal") == 0)) {
                fprintf(stderr, "usage: latency-floor file PATH | latency-floor journal\n");
                return 2;
        }
        netlink = mnl_socket_open(NETLINK_NETFILTER);
        check(netlink && mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) >= 0, "netlink");
        if (file)
                follow_file(argv[2]);
        else
                follow_journal();
}
