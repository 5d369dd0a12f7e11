/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The nftables backend before a kernel that refuses: libmnl's socket functions
 * are replaced by a small nf_tables of our own, which takes a transaction whole
 * or answers with an error for each message that is at fault, as the real one.
 */

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall.h"
#include "firewall/nft-link.h"
#include "test.h"

#define ELEMENTS_MAX 2000

/* ---- the kernel ---- */

typedef struct Stored {
        char set[32];
        uint8_t key[24];
        uint16_t size;
        bool has_timeout;
} Stored;

typedef struct Tables {
        bool table;
        Stored elements[ELEMENTS_MAX];
        size_t n;
} Tables;

static struct {
        Tables now, next;
        int open_error;
        int errors[NFT_MSG_MAX]; /* errno for every message of a type */
        uint8_t full[4];         /* elements of 203.0.113.x that find no room; 0: none */
        bool no_reject;
        unsigned transactions, refused;
        uint8_t answers[64 * 1024];
        size_t used;
} kernel;

struct mnl_socket {
        int ours, theirs;
};

static void reset(void)
{
        memset(&kernel, 0, sizeof kernel);
}

static struct nlmsghdr *begin_answer(uint16_t type, uint32_t seq)
{
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(kernel.answers + kernel.used);

        check(kernel.used + 512 < sizeof kernel.answers);
        nlh->nlmsg_type = type;
        nlh->nlmsg_seq = seq;
        return nlh;
}

static void end_answer(const struct nlmsghdr *nlh)
{
        kernel.used += MNL_ALIGN(nlh->nlmsg_len);
}

static void answer_error(const struct nlmsghdr *request, int error)
{
        struct nlmsghdr *nlh = begin_answer(NLMSG_ERROR, request->nlmsg_seq);
        struct nlmsgerr *body = mnl_nlmsg_put_extra_header(nlh, sizeof *body);

        body->error = -error;
        body->msg = *request;
        nlh->nlmsg_flags = NLM_F_CAPPED;
        end_answer(nlh);
}

static Stored *find(Tables *tables, const Stored *like)
{
        for (size_t i = 0; i < tables->n; i++)
                if (strcmp(tables->elements[i].set, like->set) == 0 && memcmp(tables->elements[i].key, like->key, sizeof like->key) == 0)
                        return &tables->elements[i];
        return NULL;
}

static void read_stored(const struct nlattr *nest, Stored *stored)
{
        const struct nlattr *attr, *value;

        mnl_attr_for_each_nested (attr, nest) {
                if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_TIMEOUT)
                        stored->has_timeout = true;
                if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_KEY)
                        continue;
                value = mnl_attr_get_payload(attr);
                stored->size = mnl_attr_get_payload_len(value);
                check(stored->size <= sizeof stored->key);
                memcpy(stored->key, mnl_attr_get_payload(value), stored->size);
        }
}

static bool is_full_for(const Stored *stored)
{
        static const uint8_t net[] = { 203, 0, 113 };

        for (size_t i = 0; i < sizeof kernel.full; i++)
                if (kernel.full[i] && memcmp(stored->key, net, 3) == 0 && stored->key[3] == kernel.full[i])
                        return true;
        return false;
}

/* Return: errno. */
static int change_element(const struct nlmsghdr *nlh, bool remove, const Stored *stored)
{
        Stored *known = find(&kernel.next, stored);

        if (remove && !known)
                return ENOENT;
        if (remove) {
                *known = kernel.next.elements[--kernel.next.n];
                return 0;
        }
        if (is_full_for(stored))
                return ENFILE;
        if (known)
                return nlh->nlmsg_flags & NLM_F_EXCL ? EEXIST : 0;
        check(kernel.next.n < ELEMENTS_MAX);
        kernel.next.elements[kernel.next.n++] = *stored;
        return 0;
}

static int change_elements(const struct nlmsghdr *nlh, bool remove)
{
        const struct nlattr *attr, *nest;
        Stored like = { .size = 0 };
        int error = 0;

        mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_SET)
                        snprintf(like.set, sizeof like.set, "%s", mnl_attr_get_str(attr));
                if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
                        continue;
                mnl_attr_for_each_nested (nest, attr) {
                        Stored stored = like;

                        read_stored(nest, &stored);
                        if (error == 0)
                                error = change_element(nlh, remove, &stored);
                }
        }
        return error;
}

static int do_message(const struct nlmsghdr *nlh)
{
        unsigned type = nlh->nlmsg_type & 0xff;

        if (kernel.errors[type])
                return kernel.errors[type];
        switch (type) {
        case NFT_MSG_NEWTABLE: kernel.next.table = true; return 0;
        case NFT_MSG_DELTABLE: kernel.next = (Tables){ .table = false }; return 0;
        case NFT_MSG_NEWRULE: return kernel.no_reject && memmem(nlh, nlh->nlmsg_len, "reject", sizeof "reject") ? ENOENT : 0;
        case NFT_MSG_NEWSETELEM:
        case NFT_MSG_DELSETELEM: return change_elements(nlh, type == NFT_MSG_DELSETELEM);
        default: return 0;
        }
}

static void do_transaction(const struct nlmsghdr *nlh, int left)
{
        bool failed = false;
        uint32_t acknowledge = 0;

        kernel.next = kernel.now;
        for (nlh = mnl_nlmsg_next(nlh, &left); mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_type != NFNL_MSG_BATCH_END;
             nlh = mnl_nlmsg_next(nlh, &left)) {
                int error = do_message(nlh);

                if (error)
                        answer_error(nlh, error);
                else if (nlh->nlmsg_flags & NLM_F_ACK)
                        acknowledge = nlh->nlmsg_seq;
                failed |= error != 0;
        }
        if (failed) {
                kernel.refused++;
                return;
        }
        kernel.transactions++;
        kernel.now = kernel.next;
        if (acknowledge)
                answer_error(&(struct nlmsghdr){ .nlmsg_seq = acknowledge }, 0);
}

/* Return: whether the element is there. */
static bool answer_element(const struct nlmsghdr *nlh, const char *set, const struct nlattr *asked)
{
        Stored like = { .size = 0 }, *found;

        snprintf(like.set, sizeof like.set, "%s", set);
        read_stored(asked, &like);
        found = find(&kernel.now, &like);
        if (!found)
                return false;
        struct nlmsghdr *answer = begin_answer(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, nlh->nlmsg_seq);
        mnl_nlmsg_put_extra_header(answer, sizeof(struct nfgenmsg));
        struct nlattr *list = mnl_attr_nest_start(answer, NFTA_SET_ELEM_LIST_ELEMENTS);
        struct nlattr *nest = mnl_attr_nest_start(answer, NFTA_LIST_ELEM);
        struct nlattr *key = mnl_attr_nest_start(answer, NFTA_SET_ELEM_KEY);
        mnl_attr_put(answer, NFTA_DATA_VALUE, found->size, found->key);
        mnl_attr_nest_end(answer, key);
        if (found->has_timeout)
                mnl_attr_put_u64(answer, NFTA_SET_ELEM_TIMEOUT, 0);
        mnl_attr_nest_end(answer, nest);
        mnl_attr_nest_end(answer, list);
        end_answer(answer);
        return true;
}

static void do_question(const struct nlmsghdr *nlh)
{
        const struct nlattr *attr, *nest;
        const char *set = "";
        int error = 0;

        switch (nlh->nlmsg_type & 0xff) {
        case NFT_MSG_GETTABLE:
                if (kernel.now.table) {
                        struct nlmsghdr *answer = begin_answer(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, nlh->nlmsg_seq);
                        mnl_nlmsg_put_extra_header(answer, sizeof(struct nfgenmsg));
                        mnl_attr_put_u64(answer, NFTA_TABLE_HANDLE, 0);
                        end_answer(answer);
                }
                error = kernel.now.table ? 0 : ENOENT;
                break;
        case NFT_MSG_GETSETELEM:
                mnl_attr_for_each (attr, nlh, sizeof(struct nfgenmsg)) {
                        if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_SET)
                                set = mnl_attr_get_str(attr);
                        if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
                                continue;
                        mnl_attr_for_each_nested (nest, attr)
                                if (error == 0 && !answer_element(nlh, set, nest))
                                        error = ENOENT;
                }
                break;
        default: error = EOPNOTSUPP;
        }
        answer_error(nlh, error);
}

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
        struct mnl_socket *socket = calloc(1, sizeof *socket);
        int pair[2];

        check(socket);
        if (kernel.open_error) {
                free(socket);
                errno = kernel.open_error;
                return NULL;
        }
        check_int(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        socket->ours = pair[0];
        socket->theirs = pair[1];
        return socket;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned groups, pid_t pid)
{
        return 0;
}

unsigned mnl_socket_get_portid(const struct mnl_socket *socket)
{
        return 1;
}

int mnl_socket_get_fd(const struct mnl_socket *socket)
{
        return socket->ours;
}

int mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t size)
{
        return 0;
}

int mnl_socket_close(struct mnl_socket *socket)
{
        close(socket->ours);
        close(socket->theirs);
        free(socket);
        return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size)
{
        const struct nlmsghdr *nlh = data;

        kernel.used = 0;
        if (nlh->nlmsg_type == NFNL_MSG_BATCH_BEGIN)
                do_transaction(nlh, (int) size);
        else
                do_question(nlh);
        if (kernel.used > 0)
                check_int(send(socket->theirs, kernel.answers, kernel.used, 0), kernel.used);
        return (ssize_t) size;
}

/* ---- the wiring's side ---- */

typedef struct World {
        Element wanted[2];
        size_t n_wanted;
        unsigned refused, refused_allow;
        Addr last;
        char why[96], degraded[256];
} World;

static int visit_elements(void *userdata, int (*visit)(void *data, const Element *element), void *data)
{
        World *world = userdata;
        int r = 0;

        for (size_t i = 0; r == 0 && i < world->n_wanted; i++)
                r = visit(data, &world->wanted[i]);
        return r;
}

static void on_refused(void *userdata, const Element *element, const char *why)
{
        World *world = userdata;

        world->refused++;
        world->last = element->addr;
        snprintf(world->why, sizeof world->why, "%s", why);
}

static void on_refused_allow(void *userdata, const Addr *addr, const char *why)
{
        World *world = userdata;

        world->refused_allow++;
        world->last = *addr;
}

static void on_degraded(void *userdata, const char *text)
{
        World *world = userdata;

        snprintf(world->degraded, sizeof world->degraded, "%s", text ? text : "");
}

static Element element(unsigned last)
{
        Element made = { .until = event_time_add(clock_event_now(), 600) };

        made.addr = addr_from_bytes(4, (uint8_t[]){ 203, 0, 113, (uint8_t) last });
        return made;
}

static Firewall *new_firewall(World *world)
{
        FirewallCallbacks callbacks = {
                .elements = visit_elements,
                .refused = on_refused,
                .refused_allow = on_refused_allow,
                .degraded = on_degraded,
                .userdata = world,
        };
        Firewall *firewall = NULL;

        check_int(firewall_new_nft(NULL, false, callbacks, &firewall, NULL), 0);
        return firewall;
}

static bool is_there(Firewall *firewall, const Element *one)
{
        FirewallElement answer;

        return firewall_query(firewall, one, &answer) == 0;
}

/* ---- tests ---- */

static void test_some_refused(void)
{
        World world = { .n_wanted = 0 };
        Element elements[5];

        reset();
        _cleanup_(firewall_freep) Firewall *firewall = new_firewall(&world);
        check_int(firewall_start(firewall, 1, NULL), 0);
        for (unsigned i = 0; i < 5; i++)
                elements[i] = element(i + 1);
        kernel.full[0] = 3;
        kernel.full[1] = 5;
        kernel.transactions = kernel.refused = 0;
        check_int(firewall_apply(firewall, elements, 5, NULL), FIREWALL_E_ELEMENT);
        check_int(world.refused, 2);
        check_text(world.why, strerror(ENFILE));
        for (unsigned i = 0; i < 5; i++)
                check_int(is_there(firewall, &elements[i]), i != 2 && i != 4);
        /* All together, one by one to learn who it was, and then the others. */
        check_int(kernel.refused, 2);
        check_int(kernel.transactions, 1);
        check_int(firewall_stats(firewall)->refused, 2);

        /* Tried again when there is room, they are taken. */
        memset(kernel.full, 0, sizeof kernel.full);
        check_int(firewall_apply(firewall, elements, 5, NULL), 0);
        check(is_there(firewall, &elements[2]) && is_there(firewall, &elements[4]));
        check_int(world.refused, 2);
}

static void test_many_with_one_known_and_one_refused(void)
{
        World world = { .n_wanted = 0 };
        static Element elements[600];

        reset();
        _cleanup_(firewall_freep) Firewall *firewall = new_firewall(&world);
        check_int(firewall_start(firewall, 1, NULL), 0);
        for (unsigned i = 0; i < 600; i++) {
                elements[i] = element(i % 250 + 1);
                elements[i].addr.bytes[1] = (uint8_t) (i / 250);
        }
        check_int(firewall_apply(firewall, &elements[7], 1, NULL), 0);
        kernel.full[0] = 100;
        check_int(firewall_apply(firewall, elements, 600, NULL), FIREWALL_E_ELEMENT);
        check_int(world.refused, 1);
        check_int(world.last.bytes[3], 100);
        for (unsigned i = 0; i < 600; i++)
                check_int(is_there(firewall, &elements[i]), i != 99);
}

static void test_refused_at_start(void)
{
        World world = { .wanted = { element(1), element(2) }, .n_wanted = 2 };

        reset();
        kernel.full[0] = 2;
        _cleanup_(firewall_freep) Firewall *firewall = new_firewall(&world);
        check_int(firewall_start(firewall, 1, NULL), FIREWALL_E_ELEMENT);
        check_int(world.refused, 1);
        check(is_there(firewall, &world.wanted[0]) && !is_there(firewall, &world.wanted[1]));
}

static void test_allow_refused(void)
{
        World world = { .n_wanted = 0 };
        Element one = element(9);

        reset();
        _cleanup_(firewall_freep) Firewall *firewall = new_firewall(&world);
        check_int(firewall_start(firewall, 1, NULL), 0);
        kernel.full[0] = 9;
        check_int(firewall_allow(firewall, &one.addr, EVENT_TIME_FOREVER, false, NULL), FIREWALL_E_ELEMENT);
        check_int(world.refused_allow, 1);
        check_int(world.refused, 0);
        check(addr_equal(&world.last, &one.addr));
        kernel.full[0] = 0;
        check_int(firewall_allow(firewall, &one.addr, EVENT_TIME_FOREVER, false, NULL), 0);
}

static void test_unsupported(void)
{
        static const struct {
                unsigned type;
                int error, expected;
                const char *says;
        } cases[] = {
                { NFT_MSG_NEWTABLE, EAFNOSUPPORT, FIREWALL_E_UNSUPPORTED, "nf_tables" },
                { NFT_MSG_NEWCHAIN, EOPNOTSUPP, FIREWALL_E_UNSUPPORTED, "a chain at prerouting" },
                { NFT_MSG_NEWSET, EOPNOTSUPP, FIREWALL_E_UNSUPPORTED, "nft_set_hash" },
                { NFT_MSG_NEWRULE, EINVAL, FIREWALL_E_UNSUPPORTED, "firewall: none" },
                { NFT_MSG_NEWTABLE, EPERM, FIREWALL_E_DENIED, "CAP_NET_ADMIN" },
                { NFT_MSG_NEWSETELEM, ENOMEM, -ENOMEM, "memory" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                World world = { .wanted = { element(1) }, .n_wanted = 1 };
                Problem problem = { "" };

                reset();
                kernel.errors[cases[i].type] = cases[i].error;
                _cleanup_(firewall_freep) Firewall *firewall = new_firewall(&world);
                check_int(firewall_start(firewall, 1, &problem), cases[i].expected);
                check_contains(problem.text, cases[i].says);
                check_int(world.refused, 0);
        }
        for (int error = EPROTONOSUPPORT;; error = EAFNOSUPPORT) {
                Firewall *firewall = NULL;
                Problem problem = { "" };

                reset();
                kernel.open_error = error;
                check_int(firewall_new_nft(NULL, false, (FirewallCallbacks){ NULL }, &firewall, &problem), FIREWALL_E_UNSUPPORTED);
                check_contains(problem.text, "firewall: none");
                check(!firewall);
                if (error == EAFNOSUPPORT)
                        break;
        }
}

/* A kernel that cannot refuse packets drops them, and that is told; at the start, and when the first such ban comes. */
static void test_no_reject(void)
{
        for (unsigned at_start = 0; at_start < 2; at_start++) {
                World world = { .wanted = { element(1) }, .n_wanted = at_start };
                Element later = element(2), plain = element(1);

                reset();
                kernel.no_reject = true;
                world.wanted[0].reject = later.reject = true;
                _cleanup_(firewall_freep) Firewall *firewall = new_firewall(&world);
                check_int(firewall_start(firewall, 1, NULL), 0);
                check_int(firewall_apply(firewall, (Element[]){ later, element(3) }, 2, NULL), 0);
                check_contains(world.degraded, "nft_reject_inet");
                check(is_there(firewall, &later));
                check_int(is_there(firewall, &plain), at_start);
                for (size_t i = 0; i < kernel.now.n; i++)
                        check(strncmp(kernel.now.elements[i].set, "reject", 6) != 0);
                check_int(world.refused, 0);
        }
}

int main(void)
{
        test_some_refused();
        test_many_with_one_known_and_one_refused();
        test_refused_at_start();
        test_allow_refused();
        test_unsupported();
        test_no_reject();
        return 0;
}
