/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Outliving a journal file that shrinks under our eyes.
 *
 * libsystemd maps journal files. When journald vacuums one it also truncates
 * it, and a reader that touches the mapping is killed by SIGBUS: with vacuums in
 * quick succession within a second. journalctl guards itself by a handler that
 * libsystemd keeps to itself, so here is ours: while the source is in
 * libsystemd, a page that is gone is replaced by a page of zeros, which
 * libsystemd rejects as damaged, and the source opens the journal anew. A fault
 * anywhere else ends the process as ever.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/private.h"

static _Thread_local volatile sig_atomic_t guarded, tripped;
static struct sigaction previous;
static uintptr_t page_size;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
        int saved = errno;
        void *page;

        if (!guarded || info->si_code != BUS_ADRERR || !info->si_addr) {
                /* Not ours: the access is repeated, and meets who was there before. */
                sigaction(SIGBUS, &previous, NULL);
                return;
        }
        page = (void *) ((uintptr_t) info->si_addr & ~(page_size - 1));
        if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
                sigaction(SIGBUS, &previous, NULL);
        tripped = 1;
        errno = saved;
}

/**
 * bus_guard_install() - take SIGBUS, once for the process
 *
 * Return: 0, -errno.
 */
int bus_guard_install(void)
{
        struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

        if (page_size != 0)
                return 0;
        page_size = (uintptr_t) sysconf(_SC_PAGESIZE);
        return sigaction(SIGBUS, &action, &previous) < 0 ? -errno : 0;
}

/**
 * bus_guard_set() - begin or end a stretch in which this thread reads the journal
 *
 * Return: what it was before, to be set again: stretches nest.
 */
bool bus_guard_set(bool on)
{
        bool before = guarded != 0;

        guarded = on;
        return before;
}

/**
 * bus_guard_tripped() - has a page been replaced? It stays so until bus_guard_reset().
 */
bool bus_guard_tripped(void)
{
        return tripped != 0;
}

void bus_guard_reset(void)
{
        tripped = 0;
}
