/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * bailiff-names: resolves the host names of the allow list.
 *
 * bailiffd has no network socket and may not wait for anybody. This program may:
 * it waits for name servers, one name after the other, and has no rights that
 * its mistakes could use. It ends when nobody wants a name any longer, and
 * bailiff-names.path starts it when somebody does.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "allow/answers.h"
#include "build-config.h"
#include "util/cleanup.h"
#include "util/text.h"

#define AGAIN_SEC 300                            /* after an answer */
#define FAILED_SEC 60                            /* after none */
#define WRITE_USEC (1 * (uint64_t) USEC_PER_SEC) /* answers are not held back for longer by names that are slow */
#define FOUND_MAX 256

typedef struct Names {
        const char *list, *answers_path;
        int64_t again;
        NameAnswer answers[NAMES_MAX];
        uint64_t due[NAMES_MAX]; /* CLOCK_BOOTTIME microseconds */
        size_t n;
        struct timespec changed; /* of the list, when it was read */
        ino_t inode;
        bool unwritten;
        uint64_t written;
} Names;

/* ---- the list ---- */

static const NameAnswer *find(const NameAnswer *answers, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(answers[i].name, name) == 0)
                        return &answers[i];
        return NULL;
}

/* Names that stay keep their answer and their turn; new ones are due at once. */
static void list_take(Names *names, const char *text, size_t size)
{
        static char wanted[NAMES_MAX][NAME_TEXT_MAX];
        static NameAnswer old[NAMES_MAX];
        uint64_t due[NAMES_MAX];
        size_t n_old = names->n, n = names_parse(text, size, wanted);

        memcpy(old, names->answers, sizeof old);
        memcpy(due, names->due, sizeof due);
        names->n = 0;
        for (size_t i = 0; i < n; i++) {
                const NameAnswer *known = find(old, n_old, wanted[i]);

                if (find(names->answers, names->n, wanted[i]))
                        continue;
                names->answers[names->n] = known ? *known : (NameAnswer){ .n_addrs = 0 };
                names->due[names->n] = known ? due[known - old] : 0;
                strcpy(names->answers[names->n++].name, wanted[i]);
        }
        names->unwritten = true;
}

/* Reads the list if it is another than before. -ENOENT: nobody wants a name. */
static int list_refresh(Names *names)
{
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;
        int r;

        if (stat(names->list, &st) < 0)
                return -errno;
        if (st.st_ino == names->inode && st.st_ctim.tv_sec == names->changed.tv_sec &&
            st.st_ctim.tv_nsec == names->changed.tv_nsec)
                return 0;
        r = text_read_file(names->list, NAMES_FILE_MAX, &text, &size);
        if (r < 0)
                return r;
        names->inode = st.st_ino;
        names->changed = st.st_ctim;
        list_take(names, text, size);
        return 0;
}

/* ---- answers ---- */

static int addr_compare(const void *a, const void *b)
{
        return memcmp(a, b, sizeof(Addr));
}

/* The first of them in a fixed order: name servers answer in a new one each time. */
static size_t choose(Addr *found, size_t n_found, Addr addrs[static NAME_ADDRESSES_MAX])
{
        size_t n = 0;

        qsort(found, n_found, sizeof *found, addr_compare);
        for (size_t i = 0; i < n_found && n < NAME_ADDRESSES_MAX; i++)
                if (n == 0 || !addr_equal(&addrs[n - 1], &found[i]))
                        addrs[n++] = found[i];
        return n;
}

static size_t collect(const struct addrinfo *results, Addr found[static FOUND_MAX])
{
        size_t n = 0;

        for (const struct addrinfo *result = results; result && n < FOUND_MAX; result = result->ai_next) {
                if (result->ai_family == AF_INET)
                        found[n] = addr_from_bytes(4, &((const struct sockaddr_in *) (const void *) result->ai_addr)->sin_addr);
                else if (result->ai_family == AF_INET6)
                        found[n] = addr_from_bytes(6, &((const struct sockaddr_in6 *) (const void *) result->ai_addr)->sin6_addr);
                else
                        continue;
                if (name_addr_is_usable(&found[n]))
                        n++;
        }
        return n;
}

static void resolve(NameAnswer *answer)
{
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        struct addrinfo *results = NULL;
        Addr found[FOUND_MAX];
        size_t n = 0;
        int r;

        r = getaddrinfo(answer->name, NULL, &hints, &results);
        if (r == 0) {
                n = collect(results, found);
                freeaddrinfo(results);
        }
        if (n == 0) {
                snprintf(answer->error, sizeof answer->error, "%s",
                         r == EAI_SYSTEM ? strerror(errno)
                         : r != 0        ? gai_strerror(r)
                                         : "its only answers are addresses that nobody can have");
                return;
        }
        answer->n_addrs = choose(found, n, answer->addrs);
        answer->good = clock_event_now();
        answer->error[0] = '\0';
}

static int write_answers(Names *names)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = name_answers_format(names->answers, names->n, &text, &size);
        if (r == 0)
                r = names_write_file(names->answers_path, text, size, 0644);
        if (r < 0) {
                fprintf(stderr, "bailiff-names: cannot write %s: %s\n", names->answers_path, strerror(-r));
                return r;
        }
        names->unwritten = false;
        names->written = clock_boot_now().usec;
        return 0;
}

/* ---- turns ---- */

static size_t next_due(const Names *names)
{
        size_t next = 0;

        for (size_t i = 1; i < names->n; i++)
                if (names->due[i] < names->due[next])
                        next = i;
        return next;
}

/* Until a name is due, or the list has changed. */
static void wait_until(int inotify, uint64_t due)
{
        struct pollfd poll_fd = { .fd = inotify, .events = POLLIN };
        char events[4096];
        uint64_t now = clock_boot_now().usec;

        poll(&poll_fd, 1, due > now ? (int) ((due - now) / USEC_PER_MSEC) + 1 : 0);
        while (read(inotify, events, sizeof events) > 0)
                ;
}

static int run(Names *names, int inotify)
{
        for (;;) {
                uint64_t now = clock_boot_now().usec;
                size_t next;
                int r;

                r = list_refresh(names);
                if (r < 0)
                        return r;
                next = next_due(names);
                bool due = names->n > 0 && names->due[next] <= now;
                if (names->unwritten && (!due || now >= names->written + WRITE_USEC)) {
                        r = write_answers(names);
                        if (r < 0)
                                return r;
                }
                if (due) {
                        resolve(&names->answers[next]);
                        names->due[next] =
                                clock_boot_now().usec +
                                (uint64_t) ((names->answers[next].error[0] && names->again > FAILED_SEC ? FAILED_SEC
                                                                                                        : names->again) *
                                            USEC_PER_SEC);
                        names->unwritten = true;
                } else {
                        wait_until(inotify, names->n > 0 ? names->due[next] : now + AGAIN_SEC * (uint64_t) USEC_PER_SEC);
                }
        }
}

static int open_inotify(const char *list)
{
        char directory[PATH_MAX];
        char *slash;

        snprintf(directory, sizeof directory, "%s", list);
        slash = strrchr(directory, '/');
        if (!slash)
                strcpy(directory, ".");
        else
                slash[slash == directory] = '\0';
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd >= 0 &&
            inotify_add_watch(fd, directory, IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR) < 0) {
                int error = errno;

                close(fd);
                return -error;
        }
        return fd < 0 ? -errno : fd;
}

static int usage(FILE *stream, int status)
{
        fputs("Usage: bailiff-names [--list FILE] [--answers FILE] [--interval DURATION]\n"
              "\n"
              "Resolves the host names of bailiffd's allow list; started by bailiff-names.path.\n"
              "\n"
              "  --list FILE          names, one a line; default " BAILIFF_RUNTIME_DIR "/names\n"
              "  --answers FILE       where the answers go; default /run/bailiff-names/answers\n"
              "  --interval DURATION  between two questions for a name; default 5m\n"
              "  --version, --help\n",
              stream);
        return status;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "list", required_argument, NULL, 'l' },     { "answers", required_argument, NULL, 'a' },
                { "interval", required_argument, NULL, 'i' }, { "version", no_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },           { 0 },
        };
        static Names names = { .list = BAILIFF_RUNTIME_DIR "/names",
                               .answers_path = "/run/bailiff-names/answers",
                               .again = AGAIN_SEC };
        _cleanup_close_ int inotify = -1;
        int option, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 'l': names.list = optarg; break;
                case 'a': names.answers_path = optarg; break;
                case 'i':
                        if (duration_parse(optarg, &names.again) < 0 || names.again == DURATION_FOREVER || names.again > 86400) {
                                fprintf(stderr, "bailiff-names: --interval takes 1s to 1d, such as 5m\n");
                                return 2;
                        }
                        break;
                case 'v': puts("bailiff-names " BAILIFF_VERSION); return EXIT_SUCCESS;
                case 'h': return usage(stdout, EXIT_SUCCESS);
                default: return usage(stderr, 2);
                }
        if (optind < argc)
                return usage(stderr, 2);

        inotify = open_inotify(names.list);
        r = inotify < 0 ? inotify : run(&names, inotify);
        if (r == -ENOENT)
                return EXIT_SUCCESS; /* nobody wants a name */
        fprintf(stderr, "bailiff-names: cannot go on with %s: %s\n", names.list, strerror(-r));
        return EXIT_FAILURE;
}
