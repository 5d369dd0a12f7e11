/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A second socket, in nf_tables' multicast group.
 *
 * A filter in the kernel drops what our own socket caused (a notification
 * carries its sender's port), so our own load, however large, neither wakes nor
 * overflows us. Of the rest, only transactions that name our table count: every
 * message about a table, chain, rule, set or element carries the table's name,
 * and NEWGEN, which ends a transaction, says which process it was. What other
 * programs do to their own tables costs one read.
 *
 * A suspicion is acted upon at once, but no more often than each
 * CHECK_INTERVAL, or a third of the time if a check takes long; one that comes earlier waits for the timer, together with all
 * that follow it. So two programs that fight over the table cost a few checks a
 * second and never spin. When mending fails, the timer tries again each second.
 *
 * Notifying costs the kernel more than storing elements does, so bulk loads
 * leave the group, and compare the ruleset's generation before and after with
 * the number of their own transactions.
 */

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "firewall/nft-monitor.h"

#define CHECK_INTERVAL UINT64_C(250000) /* microseconds */
#define RETRY_INTERVAL UINT64_C(1000000)
#define READS_MAX 2000 /* datagrams in one turn of the loop */
#define BUFFER_SIZE (64 * 1024)

struct NftMonitor {
        NftLink *link; /* borrowed */
        struct mnl_socket *socket;
        sd_event_source *source, *timer;
        NftMonitorCheck check;
        void *userdata;
        uint8_t *buffer;
        bool touched; /* in the transaction that is being read */
        bool due;     /* `suspicion` waits to be acted upon */
        bool waiting; /* the timer is set */
        NftSuspicion suspicion;
        uint64_t next_usec;  /* no check before */
        uint32_t generation; /* when the group was left */
        uint64_t transactions;
};

/**
 * nft_monitor_free() - stop listening
 */
NftMonitor *nft_monitor_free(NftMonitor *monitor)
{
        if (!monitor)
                return NULL;
        sd_event_source_disable_unref(monitor->source);
        sd_event_source_disable_unref(monitor->timer);
        if (monitor->socket)
                mnl_socket_close(monitor->socket);
        free(monitor->buffer);
        free(monitor);
        return NULL;
}

DEFINE_CLEANUP(NftMonitor *, nft_monitor_free)

static int wake_at(NftMonitor *monitor, uint64_t usec)
{
        monitor->waiting = true;
        sd_event_source_set_time(monitor->timer, usec);
        return sd_event_source_set_enabled(monitor->timer, SD_EVENT_ONESHOT);
}

static void act(NftMonitor *monitor)
{
        uint64_t now = clock_boot_now().usec;
        NftSuspicion suspicion = monitor->suspicion;

        if (!monitor->due || monitor->waiting)
                return;
        if (now < monitor->next_usec) {
                wake_at(monitor, monitor->next_usec);
                return;
        }
        monitor->due = false;
        monitor->suspicion = (NftSuspicion){ 0 };
        if (monitor->check(monitor->userdata, &suspicion) != 0) {
                monitor->due = true;
                monitor->suspicion = suspicion;
                monitor->suspicion.elements = true;
                wake_at(monitor, clock_boot_now().usec + RETRY_INTERVAL);
        }
        uint64_t done = clock_boot_now().usec, rest = 2 * (done - now);
        monitor->next_usec = done + (rest > CHECK_INTERVAL ? rest : CHECK_INTERVAL);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        NftMonitor *monitor = userdata;

        monitor->waiting = false;
        act(monitor);
        return 0;
}

static bool names_our_table(const struct nlmsghdr *nlh)
{
        const struct nlattr *attr;

        /* In each of these messages the table's name is attribute 1. */
        mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg))
                if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME)
                        return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
                               strcmp(mnl_attr_get_str(attr), NFT_TABLE) == 0;
        return false;
}

static void name_process(const struct nlmsghdr *nlh, char *text, size_t size)
{
        const struct nlattr *attr;
        const char *name = NULL;
        uint32_t pid = 0;

        mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_PID && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
                        pid = ntohl(mnl_attr_get_u32(attr));
                if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
                        name = mnl_attr_get_str(attr);
        }
        if (name)
                snprintf(text, size, "%s (pid %u)", name, pid);
}

static void take_event(NftMonitor *monitor, const struct nlmsghdr *nlh)
{
        const struct nfgenmsg *family = mnl_nlmsg_get_payload(nlh);

        if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || mnl_nlmsg_get_payload_len(nlh) < sizeof *family)
                return;
        if ((nlh->nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
                if (monitor->touched && !monitor->suspicion.process[0])
                        name_process(nlh, monitor->suspicion.process, sizeof monitor->suspicion.process);
                monitor->due |= monitor->touched;
                monitor->touched = false;
                return;
        }
        if (family->nfgen_family != NFPROTO_INET || !names_our_table(nlh))
                return;
        monitor->touched = true;
        /* Elements that were added only may have changed ours too: newer kernels update an existing one. */
        if ((nlh->nlmsg_type & 0xff) == NFT_MSG_DELSETELEM || (nlh->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM)
                monitor->suspicion.elements = true;
}

static void read_events(NftMonitor *monitor)
{
        int fd = mnl_socket_get_fd(monitor->socket);

        for (unsigned i = 0; i < READS_MAX; i++) {
                ssize_t n = recv(fd, monitor->buffer, BUFFER_SIZE, MSG_DONTWAIT);
                int left = (int) n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == ENOBUFS) {
                        monitor->suspicion.elements = monitor->suspicion.lost = monitor->due = true;
                        continue;
                }
                if (n <= 0)
                        break;
                for (const struct nlmsghdr *nlh = (void *) monitor->buffer; mnl_nlmsg_ok(nlh, left);
                     nlh = mnl_nlmsg_next(nlh, &left))
                        take_event(monitor, nlh);
        }
}

static int on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        NftMonitor *monitor = userdata;

        read_events(monitor);
        act(monitor);
        return 0;
}

/**
 * nft_monitor_culprit() - who changed the table, for somebody who found that out before the loop came round
 *
 * Return: "nft (pid 812)", or "" if it is not known; good until the loop runs.
 */
const char *nft_monitor_culprit(NftMonitor *monitor)
{
        if (!monitor)
                return "";
        read_events(monitor);
        return monitor->suspicion.process;
}

/* Drops what @port sent. */
static int attach_filter(int fd, uint32_t port)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1), /* BPF loads in network order, the header is in ours */
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };
        struct sock_fprog program = { sizeof code / sizeof *code, code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}

static int set_member(const NftMonitor *monitor, bool member)
{
        int group = NFNLGRP_NFTABLES;

        if (mnl_socket_setsockopt(monitor->socket, member ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group,
                                  sizeof group) < 0)
                return -errno;
        return 0;
}

static int open_socket(NftMonitor *monitor)
{
        int size = 4 * 1024 * 1024, r;

        monitor->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (!monitor->socket || mnl_socket_bind(monitor->socket, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        setsockopt(mnl_socket_get_fd(monitor->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        r = attach_filter(mnl_socket_get_fd(monitor->socket), monitor->link->port);
        return r < 0 ? r : set_member(monitor, true);
}

/**
 * nft_monitor_new() - listen
 * @link:       whose own transactions are no news; outlives the monitor
 * @check:      called from the loop
 */
int nft_monitor_new(sd_event *event, NftLink *link, NftMonitorCheck check, void *userdata, NftMonitor **ret_monitor,
                    Problem *problem)
{
        _cleanup_(nft_monitor_freep) NftMonitor *monitor = calloc(1, sizeof *monitor);
        int r;

        if (!monitor || !(monitor->buffer = malloc(BUFFER_SIZE)))
                return problem_set(problem, -ENOMEM, "Out of memory");
        monitor->link = link;
        monitor->check = check;
        monitor->userdata = userdata;
        r = open_socket(monitor);
        if (r == -EPERM)
                return problem_set(problem, FIREWALL_E_DENIED,
                                   "Not permitted to hear of changes to nftables: run as root or with CAP_NET_ADMIN");
        if (r < 0)
                return problem_set(problem, r, "Cannot hear of changes to nftables: %s", strerror(-r));
        r = sd_event_add_io(event, &monitor->source, mnl_socket_get_fd(monitor->socket), EPOLLIN, on_event, monitor);
        if (r >= 0)
                r = sd_event_add_time(event, &monitor->timer, CLOCK_BOOTTIME, 0, 1, on_timer, monitor);
        if (r >= 0)
                r = sd_event_source_set_enabled(monitor->timer, SD_EVENT_OFF);
        if (r < 0)
                return problem_set(problem, r, "Cannot watch nftables in the event loop: %s", strerror(-r));
        sd_event_source_set_description(monitor->source, "nftables-monitor");
        sd_event_source_set_description(monitor->timer, "nftables-check");
        *ret_monitor = steal(monitor);
        return 0;
}

/**
 * nft_monitor_leave() - before a bulk load; NULL is allowed, as in the following
 */
void nft_monitor_leave(NftMonitor *monitor)
{
        if (!monitor)
                return;
        monitor->transactions = monitor->link->transactions;
        if (nft_link_generation(monitor->link, &monitor->generation) == 0)
                set_member(monitor, false);
}

/**
 * nft_monitor_join() - after a bulk load; foreign transactions meanwhile are a suspicion
 */
void nft_monitor_join(NftMonitor *monitor)
{
        uint32_t generation;

        if (!monitor)
                return;
        if (set_member(monitor, true) < 0 || nft_link_generation(monitor->link, &generation) != 0 ||
            generation - monitor->generation != (uint32_t) (monitor->link->transactions - monitor->transactions))
                nft_monitor_suspect(monitor);
}

/**
 * nft_monitor_suspect() - check soon, though nothing was heard
 */
void nft_monitor_suspect(NftMonitor *monitor)
{
        if (!monitor)
                return;
        monitor->due = monitor->suspicion.elements = true;
        if (!monitor->waiting)
                wake_at(monitor, clock_boot_now().usec + CHECK_INTERVAL);
}
