/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The log samples of Fail2Ban's own test suite. They are not part of this tree: they lie in $BAILIFF_CORPUS, or in
 * ../shared/corpus beside the tree. Where neither is, scripts/test unpacks those of Debian's package fail2ban, which are
 * older: a file or a line may be missing there.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES_SKIPPED 77
#define SAMPLES_NONE "SKIP: no log samples in $BAILIFF_CORPUS/fail2ban or ../shared/corpus/fail2ban; scripts/test downloads some\n"

/* NULL: this file is not there. */
static inline FILE *sample_open(const char *name)
{
        const char *root = getenv("SOURCE_ROOT"), *given = getenv("BAILIFF_CORPUS");
        char path[PATH_MAX];

        if (given)
                snprintf(path, sizeof path, "%s/fail2ban/%s", given, name);
        else
                snprintf(path, sizeof path, "%s/../shared/corpus/fail2ban/%s", root ? root : ".", name);
        return fopen(path, "re");
}
