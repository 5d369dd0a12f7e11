/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdarg.h>
#include <stdio.h>

#include "util/problem.h"

/**
 * problem_set() - describe a failure
 * @problem:    takes the text (cut at its size), or NULL
 * @r:          the caller's error
 * @format:     printf format
 *
 * Return: @r, so that a failing function ends in `return problem_set(...)`.
 */
int problem_set(Problem *problem, int r, const char *format, ...)
{
        if (problem) {
                va_list args;

                va_start(args, format);
                vsnprintf(problem->text, sizeof problem->text, format, args);
                va_end(args);
        }
        return r;
}
