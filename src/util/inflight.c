/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A line that crashes the daemon must not do so for ever.
 *
 * Before a line is worked on, its place and text are copied into a small file
 * that is mapped into memory; afterwards it is marked as done. The page cache
 * keeps the page when the process dies, so the next start finds the line on
 * which the last one ended. No system call is made per line, and the file
 * belongs on a tmpfs (the runtime directory), so nothing waits for a disk.
 *
 * A line is known again by its place, its length and a hash of its text. The
 * time of a file's line is no place: it may be that of its arrival. When it comes a third time after two crashes, inflight_begin() says "set it aside",
 * and goes on saying so: the daemon may die on the next line before the disk
 * has taken how far it had come, and then reads this one again.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "util/inflight.h"

#define INFLIGHT_MAGIC UINT64_C(0x6261696c69666632) /* "bailiff2" */
#define ASIDE_MAX 64

typedef struct LineKey {
        uint64_t place, size, hash;
} LineKey;

typedef struct Page {
        uint64_t magic;
        LineKey current;        /* being worked on while `active` */
        LineKey suspect;        /* on which an earlier run died `crashes` times */
        uint32_t active;
        uint32_t crashes;
        uint32_t n_aside;       /* ever set aside; the latest are kept in a ring */
        LineKey aside[ASIDE_MAX];
} Page;

struct Inflight {
        Page *page;
};

static bool same_line(const LineKey *a, const LineKey *b)
{
        return memcmp(a, b, sizeof *a) == 0;
}

static bool is_aside(const Page *page, const LineKey *line)
{
        for (uint32_t i = 0; i < page->n_aside && i < ASIDE_MAX; i++)
                if (same_line(&page->aside[i], line))
                        return true;
        return false;
}

/* The process may die at any instruction: what is written must reach the page in the order written here. */
static void publish(uint32_t *flag, uint32_t value)
{
        __atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
}

/**
 * inflight_open() - map the file, counting a crash if a line was left active
 * @path:       made if it is missing, begun anew if it is not ours
 *
 * Return: 0 or -errno.
 */
int inflight_open(const char *path, Inflight **ret_inflight)
{
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        _cleanup_(inflight_freep) Inflight *inflight = calloc(1, sizeof *inflight);
        int r;

        if (!inflight)
                return -ENOMEM;
        if (fd < 0)
                return -errno;
        /* Without its blocks, a full file system would answer a store with SIGBUS. */
        r = posix_fallocate(fd, 0, sizeof(Page));
        if (r != 0)
                return -r;
        void *map = mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        inflight->page = map;
        Page *page = inflight->page;
        if (page->magic != INFLIGHT_MAGIC) {
                memset(page, 0, sizeof *page);
                page->magic = INFLIGHT_MAGIC;
        } else if (page->active) {
                page->crashes = same_line(&page->current, &page->suspect) ? page->crashes + 1 : 1;
                page->suspect = page->current;
                page->active = 0;
        }
        *ret_inflight = steal(inflight);
        return 0;
}

/**
 * inflight_free() - unmap; the file stays
 *
 * Return: NULL
 */
Inflight *inflight_free(Inflight *inflight)
{
        if (inflight) {
                if (inflight->page)
                        munmap(inflight->page, sizeof(Page));
                free(inflight);
        }
        return NULL;
}

/**
 * inflight_begin() - a line is about to be worked on
 * @inflight:   or NULL: nothing is remembered
 * @place:      of the line, as it will be when it is read again: time in the journal, offset in a file
 *
 * Return: true if the line has crashed the daemon often enough to be set
 * aside; then it must not be worked on.
 */
bool inflight_begin(Inflight *inflight, int64_t place, const char *text, size_t size)
{
        Page *page;

        if (!inflight)
                return false;
        page = inflight->page;
        page->current = (LineKey){
                .place = (uint64_t) place,
                .size = size,
                .hash = XXH3_64bits(text, size < INFLIGHT_TEXT_MAX ? size : INFLIGHT_TEXT_MAX),
        };
        if (page->crashes >= INFLIGHT_CRASHES_MAX && same_line(&page->current, &page->suspect)) {
                page->aside[page->n_aside % ASIDE_MAX] = page->current;
                publish(&page->n_aside, page->n_aside + 1);
                page->crashes = 0;
        }
        if (is_aside(page, &page->current))
                return true;
        publish(&page->active, 1);
        return false;
}

/**
 * inflight_end() - the line has been worked on
 */
void inflight_end(Inflight *inflight)
{
        if (!inflight)
                return;
        if (inflight->page->crashes > 0 && same_line(&inflight->page->current, &inflight->page->suspect))
                inflight->page->crashes = 0;
        publish(&inflight->page->active, 0);
}

/**
 * inflight_crashes() - how often the daemon has died on one line that has not been worked on since
 */
unsigned inflight_crashes(const Inflight *inflight)
{
        return inflight ? inflight->page->crashes : 0;
}
