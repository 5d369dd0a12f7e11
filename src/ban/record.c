/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a ban owns: its reason, and its log lines with their texts in one piece
 * of memory. The lines of all bans together are kept up to a cap.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ban/record.h"

#define EVIDENCE_BYTES_MAX ((size_t) 32 << 20)

static size_t evidence_size(const Evidence *evidence, size_t n)
{
        size_t size = n * sizeof *evidence;

        for (size_t i = 0; i < n; i++)
                size += strlen(evidence[i].text) + 1;
        return size;
}

static void ban_record_drop_evidence(BanRecord *record, BanStats *stats)
{
        stats->evidence_bytes -= evidence_size(record->ban.evidence, record->ban.n_evidence);
        free((void *) (uintptr_t) record->ban.evidence);
        record->ban.evidence = NULL;
        record->ban.n_evidence = 0;
}

/**
 * ban_record_keep_evidence() - replace the lines of a ban by copies of these, as far as the cap allows
 * @rules:      keeps the names of rules
 * @stats:      counts bytes, and bans that went without
 */
void ban_record_keep_evidence(BanRecord *record, const Evidence *evidence, size_t n, Intern *rules, BanStats *stats)
{
        size_t size = evidence_size(evidence, n);
        Evidence *copy = NULL;

        ban_record_drop_evidence(record, stats);
        if (n == 0)
                return;
        if (size <= EVIDENCE_BYTES_MAX - stats->evidence_bytes)
                copy = malloc(size);
        if (!copy) {
                stats->evidence_dropped++;
                return;
        }
        char *text = (char *) (copy + n);
        for (size_t i = 0; i < n; i++) {
                const char *rule = intern_text(rules, evidence[i].rule);

                copy[i] = (Evidence){ evidence[i].time, rule ? rule : "", text };
                text = stpcpy(text, evidence[i].text) + 1;
        }
        record->ban.evidence = copy;
        record->ban.n_evidence = n;
        stats->evidence_bytes += size;
}

/**
 * ban_record_set_reason() - replace the reason of a ban
 * @reason:     copied; NULL is ""
 *
 * Return: 0 or -ENOMEM.
 */
int ban_record_set_reason(BanRecord *record, const char *reason)
{
        char *copy = NULL;

        if (reason && *reason && !(copy = strdup(reason)))
                return -ENOMEM;
        if (*record->ban.reason)
                free((void *) (uintptr_t) record->ban.reason);
        record->ban.reason = copy ? copy : "";
        return 0;
}

/**
 * ban_record_free() - free a ban that is in no book
 *
 * Return: NULL.
 */
BanRecord *ban_record_free(BanRecord *record, BanStats *stats)
{
        ban_record_drop_evidence(record, stats);
        if (*record->ban.reason)
                free((void *) (uintptr_t) record->ban.reason);
        free(record);
        return NULL;
}
