/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Intern: one copy of every text that recurs, such as the ids of rules. */

#include "util/cleanup.h"

typedef struct Intern Intern;

int intern_new(Intern **ret_intern);
Intern *intern_free(Intern *intern);
DEFINE_CLEANUP(Intern *, intern_free)

const char *intern_text(Intern *intern, const char *text);
