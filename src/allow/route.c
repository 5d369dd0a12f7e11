/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * This host's addresses, its default gateways and what is on-link, by rtnetlink.
 *
 * Two sockets: one hears of changes, the other dumps. What has changed is not
 * worked out from the messages; they only say that it is time for a dump, which
 * is compared with the one before. So nothing can drift, and a lost message
 * (ENOBUFS) is one more reason for a dump. IPv4 routes vanish without a word when
 * their interface goes down, which is why links are heard too.
 *
 * A router may have a million routes and a host ten thousand addresses: a dump is
 * read a few buffers at a time between other events of the loop, messages about
 * routes that are no default routes and not on-link do not lead to one, and after
 * a dump that took long there is a pause ten times as long.
 *
 * Own addresses include those of bridges: what containers use as their gateway
 * is allowed, their whole subnet is not, since a container may be taken over.
 * Gateways are those of the default routes of all tables. Routes by nexthop
 * objects carry the gateways too (nexthop_compat_mode, the kernel's default).
 *
 * On-link are the IPv6 prefixes of our addresses and of routes without a gateway,
 * from /48 to /127: what is wider goes into a tunnel and is no neighbourhood.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "allow/private.h"

#define RECEIVE_BUFFER (64 * 1024)
#define READS_PER_TURN 8
#define GATHERED_MAX 65536 /* of each list, before doubles are taken out */
#define SETTLE_USEC (100 * USEC_PER_MSEC)
#define COST_FACTOR 10
#define INTERRUPTED_MAX 5 /* dumps that changed under our eyes, until one is taken as it is */
#define ON_LINK_SHORTEST 48

/* What is dumped, one after the other. */
static const struct {
        uint16_t type;
        uint8_t family;
} steps[] = {
        { RTM_GETADDR, AF_UNSPEC },
        { RTM_GETROUTE, AF_INET },
        { RTM_GETROUTE, AF_INET6 },
};
#define N_STEPS (sizeof steps / sizeof *steps)

struct RouteWatch {
        RouteCallbacks callbacks;
        struct mnl_socket *changes, *dump;
        sd_event_source *changes_source, *dump_source, *timer;
        unsigned step; /* N_STEPS: no dump is under way */
        uint32_t sequence;
        bool again;           /* something has changed since the dump began */
        bool inconsistent;    /* this dump changed under our eyes */
        unsigned interrupted; /* so many did, one after the other */
        uint64_t cost;        /* microseconds that this dump has taken of the loop */
        RouteState state;     /* gathered so far */
        char *buffer;
};

/**
 * route_state_deinit() - free the lists
 */
void route_state_deinit(RouteState *state)
{
        allow_list_deinit(&state->own);
        allow_list_deinit(&state->gateway);
        allow_list_deinit(&state->on_link);
        state->over = false;
}

/* ---- messages ---- */

static int gather(RouteState *state, AllowList *list, const Addr *addr, unsigned interface)
{
        if (list->n_items == GATHERED_MAX) {
                state->over = true;
                return 0;
        }
        return allow_list_add(list, addr, interface, EVENT_TIME_FOREVER);
}

static int attribute_family(int family)
{
        return family == AF_INET ? 4 : 6;
}

static bool attribute_addr(const struct nlattr *attr, int family, Addr *ret_addr)
{
        if (!attr || mnl_attr_get_payload_len(attr) != (family == AF_INET ? 4 : 16))
                return false;
        *ret_addr = addr_from_bytes(attribute_family(family), mnl_attr_get_payload(attr));
        return true;
}

/* Attributes by their type; later ones of a type replace earlier ones. */
static void attributes_collect(const void *start, size_t size, const struct nlattr **table, size_t n_table)
{
        const struct nlattr *attr;

        memset(table, 0, n_table * sizeof *table);
        mnl_attr_for_each_payload(start, size) if (mnl_attr_get_type(attr) < n_table) table[mnl_attr_get_type(attr)] = attr;
}

static int gather_on_link(RouteState *state, const Addr *addr, unsigned length, unsigned interface)
{
        Addr prefix = addr_masked(addr, length);

        if (prefix.family != 6 || length < ON_LINK_SHORTEST || length > 127 || prefix.bytes[0] == 0xff ||
            (prefix.bytes[0] == 0xfe && (prefix.bytes[1] & 0xc0) == 0x80))
                return 0;
        return gather(state, &state->on_link, &prefix, interface);
}

static int take_address(RouteState *state, const struct nlmsghdr *nlh)
{
        const struct nlattr *table[IFA_FLAGS + 1];
        const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
        Addr own, prefix;
        uint32_t flags;
        int r;

        if (mnl_nlmsg_get_payload_len(nlh) < sizeof *ifa || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
                return 0;
        attributes_collect((const char *) ifa + MNL_ALIGN(sizeof *ifa), mnl_nlmsg_get_payload_len(nlh) - MNL_ALIGN(sizeof *ifa),
                           table, IFA_FLAGS + 1);
        flags = table[IFA_FLAGS] && mnl_attr_get_payload_len(table[IFA_FLAGS]) == 4 ? mnl_attr_get_u32(table[IFA_FLAGS])
                                                                                    : ifa->ifa_flags;
        /* Somebody else on the link has it. */
        if (flags & IFA_F_DADFAILED)
                return 0;
        /* IFA_ADDRESS is the far end's on a point-to-point link. */
        if (!attribute_addr(table[IFA_LOCAL] ? table[IFA_LOCAL] : table[IFA_ADDRESS], ifa->ifa_family, &own))
                return 0;
        if (addr_is_bannable(&own)) {
                r = gather(state, &state->own, &own, ifa->ifa_index);
                if (r < 0)
                        return r;
        }
        if (ifa->ifa_family != AF_INET6 || ifa->ifa_scope != RT_SCOPE_UNIVERSE || (flags & IFA_F_NOPREFIXROUTE) ||
            !attribute_addr(table[IFA_ADDRESS], AF_INET6, &prefix))
                return 0;
        return gather_on_link(state, &prefix, ifa->ifa_prefixlen, ifa->ifa_index);
}

static int gather_gateway(RouteState *state, const struct nlattr *const *table, int family, unsigned interface)
{
        Addr gateway;

        if (table[RTA_VIA] && mnl_attr_get_payload_len(table[RTA_VIA]) >= sizeof(struct rtvia)) {
                const struct rtvia *via = mnl_attr_get_payload(table[RTA_VIA]);
                size_t size = mnl_attr_get_payload_len(table[RTA_VIA]) - sizeof *via;

                if ((via->rtvia_family != AF_INET || size != 4) && (via->rtvia_family != AF_INET6 || size != 16))
                        return 0;
                gateway = addr_from_bytes(attribute_family(via->rtvia_family), via->rtvia_addr);
        } else if (!attribute_addr(table[RTA_GATEWAY], family, &gateway)) {
                return 0;
        }
        return addr_is_bannable(&gateway) ? gather(state, &state->gateway, &gateway, interface) : 0;
}

static int gather_multipath(RouteState *state, const struct nlattr *multipath, int family)
{
        const struct nlattr *table[RTA_MAX + 1];
        const char *at = mnl_attr_get_payload(multipath);
        size_t left = mnl_attr_get_payload_len(multipath);

        while (left >= sizeof(struct rtnexthop)) {
                const struct rtnexthop *hop = (const void *) at;
                size_t size = hop->rtnh_len, aligned = MNL_ALIGN(size);
                int r;

                if (size < sizeof *hop || size > left)
                        return 0;
                attributes_collect(at + sizeof *hop, size - sizeof *hop, table, RTA_MAX + 1);
                r = gather_gateway(state, table, family, (unsigned) hop->rtnh_ifindex);
                if (r < 0)
                        return r;
                at += aligned;
                left -= aligned < left ? aligned : left;
        }
        return 0;
}

static bool route_matters(const struct nlmsghdr *nlh)
{
        const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);

        if (mnl_nlmsg_get_payload_len(nlh) < sizeof *route || (route->rtm_flags & RTM_F_CLONED) || route->rtm_type != RTN_UNICAST)
                return false;
        return ((route->rtm_family == AF_INET || route->rtm_family == AF_INET6) && route->rtm_dst_len == 0) ||
               (route->rtm_family == AF_INET6 && route->rtm_dst_len >= ON_LINK_SHORTEST && route->rtm_dst_len <= 127);
}

static int take_route(RouteState *state, const struct nlmsghdr *nlh)
{
        const struct nlattr *table[RTA_MAX + 1];
        const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
        unsigned interface = 0;
        Addr destination;

        if (!route_matters(nlh))
                return 0;
        attributes_collect((const char *) route + MNL_ALIGN(sizeof *route),
                           mnl_nlmsg_get_payload_len(nlh) - MNL_ALIGN(sizeof *route), table, RTA_MAX + 1);
        if (table[RTA_OIF] && mnl_attr_get_payload_len(table[RTA_OIF]) == 4)
                interface = mnl_attr_get_u32(table[RTA_OIF]);
        if (route->rtm_dst_len == 0)
                return table[RTA_MULTIPATH] ? gather_multipath(state, table[RTA_MULTIPATH], route->rtm_family)
                                            : gather_gateway(state, table, route->rtm_family, interface);
        if (table[RTA_GATEWAY] || table[RTA_VIA] || table[RTA_MULTIPATH] || interface == 0 ||
            !attribute_addr(table[RTA_DST], AF_INET6, &destination))
                return 0;
        return gather_on_link(state, &destination, route->rtm_dst_len, interface);
}

/* ---- dumps ---- */

static int route_ask(RouteWatch *watch)
{
        char buffer[64] __attribute__((aligned(8))) = "";
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

        nlh->nlmsg_type = steps[watch->step].type;
        nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        nlh->nlmsg_seq = ++watch->sequence;
        if (nlh->nlmsg_type == RTM_GETADDR) {
                struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof *ifa);
                ifa->ifa_family = steps[watch->step].family;
        } else {
                /* The type is a filter, where the kernel checks strictly. */
                struct rtmsg *route = mnl_nlmsg_put_extra_header(nlh, sizeof *route);
                route->rtm_family = steps[watch->step].family;
                route->rtm_type = RTN_UNICAST;
        }
        return mnl_socket_sendto(watch->dump, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

static int route_begin(RouteWatch *watch)
{
        int r;

        route_state_deinit(&watch->state);
        watch->step = 0;
        watch->again = watch->inconsistent = false;
        watch->cost = 0;
        r = route_ask(watch);
        if (r < 0)
                watch->step = N_STEPS;
        return r;
}

static int route_schedule(RouteWatch *watch, uint64_t delay)
{
        int r;

        r = sd_event_source_set_time_relative(watch->timer, delay);
        return r < 0 ? r : sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

static void route_state_finish(RouteState *state)
{
        AllowList *lists[] = { &state->own, &state->gateway, &state->on_link };

        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                if (allow_list_finish(lists[i], ALLOW_HOST_ENTRIES_MAX) > ALLOW_HOST_ENTRIES_MAX)
                        state->over = true;
}

static int route_finish(RouteWatch *watch)
{
        uint64_t pause = watch->cost * COST_FACTOR;

        watch->interrupted = watch->inconsistent ? watch->interrupted + 1 : 0;
        if (watch->inconsistent && watch->interrupted < INTERRUPTED_MAX) {
                watch->again = true;
        } else {
                watch->interrupted = 0;
                route_state_finish(&watch->state);
                watch->callbacks.state(watch->callbacks.userdata, &watch->state);
        }
        route_state_deinit(&watch->state);
        return watch->again ? route_schedule(watch, pause > SETTLE_USEC ? pause : SETTLE_USEC) : 0;
}

/* One message of a dump. Returns 1 when its step is done. */
static int route_take(RouteWatch *watch, const struct nlmsghdr *nlh)
{
        if (nlh->nlmsg_seq != watch->sequence || watch->step == N_STEPS)
                return 0;
        if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
                watch->inconsistent = true;
        switch (nlh->nlmsg_type) {
        case NLMSG_DONE: return 1;
        case NLMSG_ERROR: {
                const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);

                return mnl_nlmsg_get_payload_len(nlh) >= sizeof *error && error->error < 0 ? error->error : -EBADMSG;
        }
        case RTM_NEWADDR: return take_address(&watch->state, nlh);
        case RTM_NEWROUTE: return take_route(&watch->state, nlh);
        default: return 0;
        }
}

/* A buffer full of the kernel's messages; -EAGAIN if there is none. */
static int receive(const RouteWatch *watch, const struct mnl_socket *from)
{
        struct sockaddr_nl sender = { .nl_pid = 0 };
        socklen_t length = sizeof sender;
        ssize_t n = recvfrom(mnl_socket_get_fd(from), watch->buffer, RECEIVE_BUFFER, MSG_DONTWAIT, (void *) &sender, &length);

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        return sender.nl_pid == 0 ? (int) n : 0; /* another process' message is none */
}

static int route_read_once(RouteWatch *watch)
{
        int left = receive(watch, watch->dump), r;

        if (left < 0)
                return left;
        for (const struct nlmsghdr *nlh = (void *) watch->buffer; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
                r = route_take(watch, nlh);
                if (r < 0)
                        return r;
                if (r > 0) {
                        watch->step++;
                        return watch->step < N_STEPS ? route_ask(watch) : 0;
                }
        }
        return 0;
}

/* Some of a dump. Returns 0, -EAGAIN if nothing more has come, or an error. */
static int route_read(RouteWatch *watch)
{
        uint64_t start = clock_boot_now().usec;
        int r = 0;

        for (unsigned i = 0; i < READS_PER_TURN && watch->step < N_STEPS && r == 0; i++)
                r = route_read_once(watch);
        watch->cost += clock_boot_now().usec - start;
        if (watch->step == N_STEPS && r == 0)
                r = route_finish(watch);
        return r;
}

/* ---- the loop ---- */

/* The dump is given up and tried again; only a socket that is broken ends it all. */
static int route_fail(RouteWatch *watch, int r)
{
        watch->step = N_STEPS;
        route_state_deinit(&watch->state);
        if (r == -ENOBUFS || r == -ENOMEM || r == -EBUSY)
                return route_schedule(watch, 1 * USEC_PER_SEC);
        sd_event_source_set_enabled(watch->changes_source, SD_EVENT_OFF);
        sd_event_source_set_enabled(watch->dump_source, SD_EVENT_OFF);
        watch->callbacks.failed(watch->callbacks.userdata, r);
        return 0;
}

static int on_dump(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        RouteWatch *watch = userdata;
        int r;

        if (watch->step == N_STEPS) {
                /* Left over from a dump that was given up. */
                r = receive(watch, watch->dump);
                return r < 0 && r != -EAGAIN && r != -ENOBUFS ? route_fail(watch, r) : 0;
        }
        r = route_read(watch);
        return r < 0 && r != -EAGAIN ? route_fail(watch, r) : 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        RouteWatch *watch = userdata;
        int r;

        if (watch->step < N_STEPS) {
                watch->again = true;
                return 0;
        }
        r = route_begin(watch);
        return r < 0 ? route_fail(watch, r) : 0;
}

static bool change_matters(const struct nlmsghdr *nlh)
{
        switch (nlh->nlmsg_type) {
        case RTM_NEWADDR:
        case RTM_DELADDR:
        case RTM_DELLINK: return true;
        case RTM_NEWLINK: {
                const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);

                return mnl_nlmsg_get_payload_len(nlh) >= sizeof *link && link->ifi_change != 0;
        }
        case RTM_NEWROUTE:
        case RTM_DELROUTE: return route_matters(nlh);
        default: return false;
        }
}

static int on_changes(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        RouteWatch *watch = userdata;
        bool matters = false;
        int enabled, r;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                int left = receive(watch, watch->changes);

                if (left == -EAGAIN)
                        break;
                if (left == -ENOBUFS) {
                        matters = true;
                        continue;
                }
                if (left < 0)
                        return route_fail(watch, left);
                for (const struct nlmsghdr *nlh = (void *) watch->buffer; !matters && mnl_nlmsg_ok(nlh, left);
                     nlh = mnl_nlmsg_next(nlh, &left))
                        matters = change_matters(nlh);
        }
        if (!matters)
                return 0;
        if (watch->step < N_STEPS) {
                watch->again = true;
                return 0;
        }
        /* A dump that is due already will see this, too. */
        r = sd_event_source_get_enabled(watch->timer, &enabled);
        return r < 0 ? r : enabled != SD_EVENT_OFF ? 0 : route_schedule(watch, SETTLE_USEC);
}

/* ---- life ---- */

static int route_open(RouteWatch *watch)
{
        static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                      RTNLGRP_IPV6_ROUTE };
        int on = 1;

        watch->changes = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
        watch->dump = watch->changes ? mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK) : NULL;
        if (!watch->dump || mnl_socket_bind(watch->changes, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_bind(watch->dump, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;
        for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
                if (mnl_socket_setsockopt(watch->changes, NETLINK_ADD_MEMBERSHIP, (void *) &groups[i], sizeof groups[i]) < 0)
                        return -errno;
        /* Less to read; without it everything is filtered here. */
        mnl_socket_setsockopt(watch->dump, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        return 0;
}

/* The first dump, read to its end, and again if it changed under our eyes. */
static int route_first(RouteWatch *watch)
{
        struct pollfd poll_fd = { .fd = mnl_socket_get_fd(watch->dump), .events = POLLIN };
        int r;

        do {
                r = route_begin(watch);
                while (r >= 0 && watch->step < N_STEPS) {
                        r = route_read(watch);
                        if (r == -EAGAIN)
                                r = poll(&poll_fd, 1, 5000) > 0 ? 0 : -ETIMEDOUT;
                }
        } while (r >= 0 && watch->interrupted > 0);
        return r;
}

/**
 * route_watch_new() - tell the state, then every change
 *
 * The state is told before this returns.
 *
 * Return: 0 or -errno.
 */
int route_watch_new(sd_event *event, RouteCallbacks callbacks, RouteWatch **ret_watch)
{
        _cleanup_(route_watch_freep) RouteWatch *watch = calloc(1, sizeof *watch);
        int r;

        if (!watch)
                return -ENOMEM;
        watch->callbacks = callbacks;
        watch->step = N_STEPS;
        watch->buffer = malloc(RECEIVE_BUFFER);
        if (!watch->buffer)
                return -ENOMEM;
        r = route_open(watch);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &watch->changes_source, mnl_socket_get_fd(watch->changes), EPOLLIN, on_changes, watch);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &watch->dump_source, mnl_socket_get_fd(watch->dump), EPOLLIN, on_dump, watch);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &watch->timer, CLOCK_BOOTTIME, SETTLE_USEC, SETTLE_USEC / 4, on_timer, watch);
        if (r < 0)
                return r;
        sd_event_source_set_description(watch->changes_source, "allow-route");
        sd_event_source_set_description(watch->dump_source, "allow-dump");
        r = sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = route_first(watch);
        if (r < 0)
                return r;
        *ret_watch = steal(watch);
        return 0;
}

/**
 * route_watch_free() - close the sockets
 */
RouteWatch *route_watch_free(RouteWatch *watch)
{
        if (!watch)
                return NULL;
        sd_event_source_disable_unref(watch->changes_source);
        sd_event_source_disable_unref(watch->dump_source);
        sd_event_source_disable_unref(watch->timer);
        if (watch->changes)
                mnl_socket_close(watch->changes);
        if (watch->dump)
                mnl_socket_close(watch->dump);
        route_state_deinit(&watch->state);
        free(watch->buffer);
        free(watch);
        return NULL;
}
