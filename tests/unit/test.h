/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every unit test needs: asserts that always count, and that say what they saw. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define check(condition)                                                                   \
        do {                                                                               \
                if (!(condition)) {                                                        \
                        fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
                        abort();                                                           \
                }                                                                          \
        } while (0)

#define check_int(actual, expected)                                                        \
        do {                                                                               \
                long long _a = (long long) (actual), _e = (long long) (expected);          \
                if (_a != _e) {                                                            \
                        fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #actual, _a, _e); \
                        abort();                                                           \
                }                                                                          \
        } while (0)

#define check_text(actual, expected)                                                       \
        do {                                                                               \
                const char *_a = (actual), *_e = (expected);                               \
                if (strcmp(_a, _e) != 0) {                                                 \
                        fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #actual, _a, _e); \
                        abort();                                                           \
                }                                                                          \
        } while (0)

#define check_contains(actual, part)                                                       \
        do {                                                                               \
                const char *_a = (actual), *_p = (part);                                   \
                if (!strstr(_a, _p)) {                                                     \
                        fprintf(stderr, "%s:%d: %s is \"%s\", which lacks \"%s\"\n", __FILE__, __LINE__, #actual, _a, _p); \
                        abort();                                                           \
                }                                                                          \
        } while (0)
