/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* JsonText: JSON that is written at once, without a tree, where a thousand bans a second are. */

#include <stddef.h>
#include <stdint.h>

/**
 * A text that grows; zero is an empty one, `text` is for free(3). Where memory ends, the program does.
 */
typedef struct JsonText {
        char *text;
        size_t used, size;
} JsonText;

void json_text_put(JsonText *json, const char *word);
void json_text_number(JsonText *json, const char *before, int64_t value);
void json_text_string(JsonText *json, const char *before, const char *text);
