/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Texts that come from the configuration (ids of rules, names) stand beside
 * every counted failure, so each is kept once. Nothing is ever forgotten:
 * what an outsider wrote does not belong here.
 */

#include <errno.h>
#include <string.h>

#include "util/intern.h"
#include "util/table.h"

typedef struct InternEntry {
        UT_hash_handle hh;
        char text[];
} InternEntry;

struct Intern {
        InternEntry *entries;
};

/**
 * intern_new() - an empty set of texts
 *
 * Return: 0 or -ENOMEM.
 */
int intern_new(Intern **ret_intern)
{
        Intern *intern = calloc(1, sizeof *intern);

        if (!intern)
                return -ENOMEM;
        *ret_intern = intern;
        return 0;
}

/**
 * intern_free() - free the set and all its texts
 *
 * Return: NULL.
 */
Intern *intern_free(Intern *intern)
{
        InternEntry *entry, *next;

        if (!intern)
                return NULL;
        HASH_ITER(hh, intern->entries, entry, next) {
                HASH_DEL(intern->entries, entry);
                free(entry);
        }
        free(intern);
        return NULL;
}

/**
 * intern_text() - the one copy of a text
 * @text:       or NULL, which is ""
 *
 * Return: the copy, good until the set is freed; NULL if memory is short.
 */
const char *intern_text(Intern *intern, const char *text)
{
        InternEntry *entry;
        size_t size;

        if (!text || !*text)
                return "";
        size = strlen(text);
        HASH_FIND(hh, intern->entries, text, size, entry);
        if (entry)
                return entry->text;
        entry = calloc(1, sizeof *entry + size + 1);
        if (!entry)
                return NULL;
        memcpy(entry->text, text, size + 1);
        HASH_ADD_KEYPTR(hh, intern->entries, entry->text, size, entry);
        return entry->text;
}
