/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails with `sources: [bans]` count the bans of the other jails, so that one
 * who comes back after each is banned for longer.
 *
 * The ban engine's sink must not call back, so a ban waits here until its line
 * is done.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

/**
 * ban_hits_put() - a ban was made: keep it for a jail, if that counts it
 *
 * One of a person counts for nobody, nor does a jail count its own.
 *
 * Return: 0 or -ENOMEM.
 */
int ban_hits_put(BanHits *hits, const JailConfig *config, const Ban *ban)
{
        char addr[ADDR_TEXT_MAX];

        if (ban->origin != BAN_AUTOMATIC || ban->source.family == 0 || !core_counts_bans(config) || strcmp(config->name, ban->jail) == 0)
                return 0;
        if (hits->n == hits->size) {
                size_t size = hits->size * 2 + 4;
                BanHit *grown = reallocarray(hits->hits, size, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                hits->hits = grown;
                hits->size = size;
        }
        BanHit *hit = &hits->hits[hits->n++];
        *hit = (BanHit){ .addr = ban->source, .time = ban->start };
        snprintf(hit->jail, sizeof hit->jail, "%s", config->name);
        snprintf(hit->rule, sizeof hit->rule, "ban:%s", ban->jail);
        snprintf(hit->text, sizeof hit->text, "[%s] ban %s (%u failures, the last: %s)", ban->jail, addr_format(&ban->addr, addr),
                 ban->failures, ban->rule);
        return 0;
}

/**
 * ban_hits_take() - the next of them, to be counted
 * @ret_taken:  holds what the other two point to
 *
 * What that bans may in turn be counted by another such jail. It ends, since an
 * address that a jail has banned already is not banned by it anew.
 *
 * Return: false: there is none.
 */
bool ban_hits_take(BanHits *hits, BanHit *ret_taken, Line *ret_line, Hit *ret_hit)
{
        if (hits->n == 0)
                return false;
        *ret_taken = hits->hits[0];
        memmove(hits->hits, hits->hits + 1, --hits->n * sizeof *hits->hits);
        *ret_line = (Line){ .text = ret_taken->text, .length = strlen(ret_taken->text), .time = ret_taken->time, .ident = "", .pid = -1,
                            .source = "bans" };
        *ret_hit = (Hit){
                .kind = HIT_FAILURE,
                .count = HIT_COUNT_EACH,
                .attempts = 1,
                .jail = ret_taken->jail,
                .addr = ret_taken->addr,
                .time = ret_taken->time,
                .rule = ret_taken->rule,
                .user = "",
                .line = ret_line,
        };
        return true;
}

/**
 * ban_hits_deinit() - forget them
 */
void ban_hits_deinit(BanHits *hits)
{
        free(hits->hits);
        *hits = (BanHits){ .n = 0 };
}
