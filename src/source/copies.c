/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Copies of a message.
 *
 * Where rsyslog runs, every message stands in the journal and in a file. A jail
 * that reads both must count it once. The two come at different moments (inotify
 * wakes at once, journald late), with different precision of time, and in
 * different writing: syslog daemons write control characters as #ooo.
 *
 * Two entries are copies if program, pid and text are the same, their times lie
 * within two seconds, and their sources differ. A service may well write the
 * same text twice in a second, and then both stand in both sources. So a message
 * is kept with how often each source has told it: one more telling is a copy as
 * long as another source has told it more often. In the end it has counted as
 * often as the source has it that has it most.
 *
 * Not every reader hears all sources, so what is a copy is a question of the
 * reader: a jail that has left a file must not miss in the journal what another
 * jail has heard of that file. And a line that names no program (an access log)
 * is compared with what any program has told.
 *
 * Outsiders choose texts, so the table is capped; the message first told goes.
 * Keys are keyed hashes: nobody can make his line look like another's.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "copies.h"
#include "util/table.h"

#define TEXT_MAX 1024 /* bytes of a text that tell it from others; syslog daemons cut long ones */

typedef struct Key {
        uint64_t hash;
        int64_t second;
} Key;

typedef struct Teller {
        uint32_t source;        /* hash of its name */
        uint32_t told;
} Teller;

typedef struct Entry {
        Key key;
        Teller tellers[COPIES_SOURCES_MAX]; /* the journal first, then files as they come */
        UT_hash_handle hh;
} Entry;

struct Copies {
        Entry *entries; /* the first told first */
        size_t max;
        uint64_t dropped;
        /* what the last line has told, should it be taken back */
        struct {
                Key key;
                uint32_t source;
        } last[2];
        size_t n_last;
};

/**
 * copies_new() - an empty table
 * @max:        messages it holds at most
 *
 * Return: 0 or -ENOMEM.
 */
int copies_new(size_t max, Copies **ret_copies)
{
        Copies *copies = calloc(1, sizeof *copies);

        if (!copies)
                return -ENOMEM;
        copies->max = max;
        *ret_copies = copies;
        return 0;
}

static void drop(Copies *copies, Entry *entry)
{
        HASH_DEL(copies->entries, entry);
        free(entry);
}

/**
 * copies_free() - free a table
 *
 * Return: NULL
 */
Copies *copies_free(Copies *copies)
{
        Entry *entry, *next;

        if (copies) {
                HASH_ITER (hh, copies->entries, entry, next) {
                        drop(copies, entry);
                }
                free(copies);
        }
        return NULL;
}

/* 0: the journal. Lines of files that name no program are no copies of one another: clients of two web sites send the same. */
static uint32_t source_of(const Line *line)
{
        const char *name = *line->ident ? line->source : "";

        return line->readers ? (uint32_t) table_hash(name, strlen(name)) | 1 : 0;
}

static Teller *teller_of(Entry *entry, uint32_t source)
{
        size_t i = source != 0;

        while (i > 0 && i < COPIES_SOURCES_MAX - 1 && entry->tellers[i].source != 0 && entry->tellers[i].source != source)
                i++;
        entry->tellers[i].source = source;
        return &entry->tellers[i];
}

static bool is_octal(char c)
{
        return c >= '0' && c <= '7';
}

/* A text as all syslog daemons write it: a control character, raw or as #ooo, is one mark; blanks at the ends go. */
static size_t plain_text(const Line *line, char ret_text[static TEXT_MAX])
{
        const char *p = line->text, *end = p + line->length;
        size_t n = 0;

        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        while (end > p && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r'))
                end--;
        for (; p < end && n < TEXT_MAX; p++) {
                bool escaped = *p == '#' && end - p >= 4 && is_octal(p[1]) && is_octal(p[2]) && is_octal(p[3]);
                bool control = (unsigned char) *p < ' ' || *p == '\x7f';

                ret_text[n++] = escaped || control ? '\x01' : *p;
                if (escaped)
                        p += 3;
        }
        return n;
}

typedef struct Hashes {
        uint64_t whole;         /* with program and pid */
        uint64_t text;          /* without */
} Hashes;

static Hashes line_hashes(const char *reader, const Line *line)
{
        char text[TEXT_MAX];
        struct {
                uint64_t reader, ident, text;
                int64_t pid;
        } parts = { .reader = table_hash(reader, strlen(reader)), .pid = -1 };
        Hashes hashes;

        parts.text = table_hash(text, plain_text(line, text));
        hashes.text = table_hash(&parts, sizeof parts);
        parts.ident = table_hash(line->ident, strlen(line->ident));
        parts.pid = line->pid;
        hashes.whole = table_hash(&parts, sizeof parts);
        return hashes;
}

static Entry *find(Copies *copies, uint64_t hash, int64_t second)
{
        Key key = { hash, second };
        Entry *entry;

        HASH_FIND(hh, copies->entries, &key, sizeof key, entry);
        return entry;
}

static Entry *add(Copies *copies, uint64_t hash, int64_t second)
{
        Entry *entry = calloc(1, sizeof *entry);

        if (!entry)
                return NULL;
        if (HASH_COUNT(copies->entries) >= copies->max)
                drop(copies, copies->entries);
        entry->key = (Key){ hash, second };
        HASH_ADD(hh, copies->entries, key, sizeof entry->key, entry);
        return entry;
}

/* Whether another source has told it more often. */
static bool has_copy(Entry *entry, uint32_t source)
{
        uint32_t own = teller_of(entry, source)->told;

        for (size_t i = 0; i < COPIES_SOURCES_MAX; i++)
                if (entry->tellers[i].told > own)
                        return true;
        return false;
}

/* Takes note of one more telling. Return: whether another source has told it more often before. */
static bool tell(Copies *copies, uint64_t hash, int64_t second, uint32_t source)
{
        static const int64_t distances[] = { 0, 1, -1, COPIES_SECONDS, -COPIES_SECONDS };
        Entry *entry;

        for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
                entry = find(copies, hash, second + distances[i]);
                if (entry && has_copy(entry, source)) {
                        teller_of(entry, source)->told++;
                        return true;
                }
        }
        entry = find(copies, hash, second);
        if (!entry)
                entry = add(copies, hash, second);
        if (!entry)
                return false;
        teller_of(entry, source)->told++;
        copies->last[copies->n_last].key = entry->key;
        copies->last[copies->n_last++].source = source;
        return false;
}

/**
 * copies_seen() - whether a reader has had this line from another source already
 * @reader:     a jail's name
 * @line:       each line of each source that the reader hears once, in any order
 *
 * Return: true: it is a copy, and must not count.
 */
bool copies_seen(Copies *copies, const char *reader, const Line *line)
{
        int64_t second = line->time.usec / USEC_PER_SEC;
        uint32_t source = source_of(line);
        Hashes hashes = line_hashes(reader, line);
        bool copy = false;

        copies->n_last = 0;
        if (*line->ident)
                copy = tell(copies, hashes.whole, second, source);
        /* A file's lines with a program's name are not compared with those without: both are not the journal's. */
        if (!*line->ident || !line->readers)
                copy = tell(copies, hashes.text, second, source) || copy;
        copies->dropped += copy;
        return copy;
}

/**
 * copies_retract() - the line that copies_seen() was asked about last, and that was no copy, is not believed
 *
 * What anybody may have written must not make a copy of what the service will write: who can guess the text would have it
 * not counted.
 */
void copies_retract(Copies *copies)
{
        for (size_t i = 0; i < copies->n_last; i++) {
                Entry *entry = find(copies, copies->last[i].key.hash, copies->last[i].key.second);
                Teller *teller = entry ? teller_of(entry, copies->last[i].source) : NULL;

                if (teller && teller->told > 0)
                        teller->told--;
        }
        copies->n_last = 0;
}

/**
 * copies_dropped() - how many lines were copies
 */
uint64_t copies_dropped(const Copies *copies)
{
        return copies->dropped;
}
