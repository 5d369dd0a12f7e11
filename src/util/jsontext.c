/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/jsontext.h"
#include "util/text.h"

static void put(JsonText *json, const char *text, size_t size)
{
        if (json->used + size + 1 > json->size) {
                size_t wanted = (json->used + size + 1) * 2;
                char *more = realloc(json->text, wanted);
                if (!more)
                        abort();
                json->text = more;
                json->size = wanted;
        }
        memcpy(json->text + json->used, text, size);
        json->used += size;
        json->text[json->used] = '\0';
}

/**
 * json_text_put() - append what is JSON already
 */
void json_text_put(JsonText *json, const char *word)
{
        put(json, word, strlen(word));
}

/**
 * json_text_number() - append a number
 * @before:     what stands in front of it, as in `,"time":`
 */
void json_text_number(JsonText *json, const char *before, int64_t value)
{
        char text[24];

        json_text_put(json, before);
        put(json, text, (size_t) snprintf(text, sizeof text, "%lld", (long long) value));
}

/* A text without control characters. */
static void put_quoted(JsonText *json, const char *text)
{
        put(json, "\"", 1);
        while (*text) {
                size_t plain = strcspn(text, "\"\\");
                put(json, text, plain);
                text += plain;
                if (*text) {
                        put(json, "\\", 1);
                        put(json, text++, 1);
                }
        }
        put(json, "\"", 1);
}

/**
 * json_text_string() - append a string
 * @before:     as for json_text_number()
 * @text:       of an outsider and made printable (text_printable()); were it not, it is now. NULL: ""
 */
void json_text_string(JsonText *json, const char *before, const char *text)
{
        _cleanup_free_ char *copy = NULL;

        json_text_put(json, before);
        text = text ? text : "";
        if (!text_is_printable(text)) {
                size_t size = strlen(text) * 4 + 1;

                copy = malloc(size);
                if (!copy)
                        abort();
                text_printable(text, strlen(text), copy, size);
                text = copy;
        }
        put_quoted(json, text);
}
