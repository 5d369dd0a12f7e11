/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Cleanup attributes: an owning local frees itself at every exit.
 *
 *     _cleanup_(addr_set_freep) AddrSet *set = NULL;
 *     ...
 *     *ret_set = steal(set);
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* For a `T *x_free(T *)` that takes NULL: defines x_freep for _cleanup_(). */
#define DEFINE_CLEANUP(type, function)                 \
        static inline void function##p(type *pointer) \
        {                                              \
                if (*pointer)                          \
                        function(*pointer);            \
        }

/* Hands a pointer over: its value, leaving NULL behind. */
#define steal(pointer)                              \
        ({                                          \
                __typeof__(pointer) *_p = &(pointer); \
                __typeof__(pointer) _v = *_p;       \
                *_p = NULL;                         \
                _v;                                 \
        })

static inline void cleanup_free(void *pointer)
{
        free(*(void **) pointer);
}

static inline void cleanup_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
        if (*file)
                fclose(*file);
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
