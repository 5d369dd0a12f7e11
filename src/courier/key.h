/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Key: what lets us report in somebody's name. */

#include <stdbool.h>

#include "util/problem.h"

#define KEY_MIN 16
#define KEY_MAX 256

/**
 * Never copied but where it is sent; key_clear() wipes it.
 */
typedef struct Key {
        char text[KEY_MAX + 1];
} Key;

int key_read(const char *service, const char *file, const char *credentials, Key *ret_key, Problem *problem);
void key_clear(Key *key);
