/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The floor of "journal to decisions": libsystemd alone, which steps through the entries of one program and hands out their
 * text and the time that their sender gave. Nothing is matched, no trusted field is read.
 *
 *     journal-floor asked|passed DIRECTORY IDENT
 *
 * asked: for the two fields by name, each of which libsystemd looks for among all fields of the entry, from its first on.
 * passed: in one pass over all fields.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-journal.h>

static void check(int r, const char *what)
{
        if (r >= 0)
                return;
        fprintf(stderr, "journal-floor: %s: %s\n", what, strerror(-r));
        exit(1);
}

static sd_journal *open_matched(const char *directory, const char *ident)
{
        char match[256];
        sd_journal *journal;

        snprintf(match, sizeof match, "SYSLOG_IDENTIFIER=%s", ident);
        check(sd_journal_open_directory(&journal, directory, 0), directory);
        check(sd_journal_add_match(journal, match, 0), match);
        return journal;
}

static bool is_field(const void *data, size_t size, const char *name)
{
        return size >= strlen(name) && memcmp(data, name, strlen(name)) == 0;
}

/* Bytes of text and time. */
static size_t ask(sd_journal *journal)
{
        size_t text, time;
        const void *data;

        check(sd_journal_get_data(journal, "MESSAGE", &data, &text), "MESSAGE");
        check(sd_journal_get_data(journal, "_SOURCE_REALTIME_TIMESTAMP", &data, &time), "the time");
        return text + time;
}

static size_t pass(sd_journal *journal)
{
        size_t size, bytes = 0;
        const void *data;

        SD_JOURNAL_FOREACH_DATA(journal, data, size)
                if (is_field(data, size, "MESSAGE=") || is_field(data, size, "_SOURCE_REALTIME_TIMESTAMP="))
                        bytes += size;
        return bytes;
}

int main(int argc, char *argv[])
{
        uint64_t entries = 0, bytes = 0;
        int r;

        if (argc != 4 || (strcmp(argv[1], "asked") != 0 && strcmp(argv[1], "passed") != 0)) {
                fprintf(stderr, "usage: journal-floor asked|passed DIRECTORY IDENT\n");
                return 1;
        }
        bool asked = argv[1][0] == 'a';
        sd_journal *journal = open_matched(argv[2], argv[3]);
        while ((r = sd_journal_next(journal)) > 0) {
                bytes += asked ? ask(journal) : pass(journal);
                entries++;
        }
        check(r, "next");
        printf("%llu lines, %llu bytes\n", (unsigned long long) entries, (unsigned long long) bytes);
        sd_journal_close(journal);
        return 0;
}
