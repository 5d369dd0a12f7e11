/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The floor of "journal to decisions": libsystemd alone, which steps through the entries of one program and hands out their
 * text and the time that their sender gave. Nothing is matched, no trusted field is read.
 *
 *     journal-floor DIRECTORY IDENT
 */

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

int main(int argc, char *argv[])
{
        uint64_t entries = 0, bytes = 0;
        size_t size;
        const void *data;
        int r;

        if (argc != 3) {
                fprintf(stderr, "usage: journal-floor DIRECTORY IDENT\n");
                return 1;
        }
        sd_journal *journal = open_matched(argv[1], argv[2]);
        while ((r = sd_journal_next(journal)) > 0) {
                check(sd_journal_get_data(journal, "MESSAGE", &data, &size), "MESSAGE");
                bytes += size;
                check(sd_journal_get_data(journal, "_SOURCE_REALTIME_TIMESTAMP", &data, &size), "the time");
                bytes += size;
                entries++;
        }
        check(r, "next");
        printf("%llu lines, %llu bytes\n", (unsigned long long) entries, (unsigned long long) bytes);
        sd_journal_close(journal);
        return 0;
}
