/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Problem: what went wrong, in words for the person who has to mend it. */

#define PROBLEM_TEXT_MAX 1024

/**
 * Says what failed, where (file:line:column if there is one) and what to do
 * next. Functions that take a Problem fill it whenever they fail; the caller
 * shows it or drops it. NULL is allowed wherever a Problem is taken.
 */
typedef struct Problem {
        char text[PROBLEM_TEXT_MAX];
} Problem;

int problem_set(Problem *problem, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));
