/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails with `sources: [bans]` count the bans of the other jails, so that one
 * who comes back after each is banned for longer.
 *
 * The ban engine's sink must not call back, so a ban waits here until its line
 * is done. It is counted before anything is committed: a crash forgets both or
 * neither, and reading the line again counts both again.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"

static void take_for(Daemon *daemon, const Jail *jail, const Ban *ban)
{
        char addr[ADDR_TEXT_MAX];

        if (daemon->n_ban_hits == daemon->ban_hits_size) {
                size_t size = daemon->ban_hits_size * 2 + 4;
                BanHit *grown = reallocarray(daemon->ban_hits, size, sizeof *grown);

                if (!grown) {
                        daemon_degrade(daemon, "memory", "out of memory: a ban is not counted by the jails that count bans; give the host more");
                        return;
                }
                daemon->ban_hits = grown;
                daemon->ban_hits_size = size;
        }
        BanHit *hit = &daemon->ban_hits[daemon->n_ban_hits++];
        *hit = (BanHit){ .addr = ban->source, .time = ban->start };
        snprintf(hit->jail, sizeof hit->jail, "%s", jail->config->name);
        snprintf(hit->rule, sizeof hit->rule, "ban:%s", ban->jail);
        snprintf(hit->text, sizeof hit->text, "[%s] ban %s (%u failures, the last: %s)", ban->jail, addr_format(&ban->addr, addr),
                 ban->failures, ban->rule);
}

/**
 * recidive_take() - a ban was made: let the jails that count bans have it
 *
 * One of a person counts for nobody, nor does a jail count its own.
 */
void recidive_take(Daemon *daemon, const Ban *ban)
{
        if (ban->origin != BAN_AUTOMATIC || ban->source.family == 0)
                return;
        for (size_t i = 0; i < daemon->n_jails; i++) {
                const Jail *jail = &daemon->jails[i];

                if (jail_counts_bans(jail->config) && strcmp(jail->config->name, ban->jail) != 0)
                        take_for(daemon, jail, ban);
        }
}

/**
 * recidive_count() - count what recidive_take() has put by
 *
 * What that bans may in turn be counted by another such jail. It ends, since an
 * address that a jail has banned already is not banned by it anew.
 */
void recidive_count(Daemon *daemon)
{
        while (daemon->n_ban_hits > 0) {
                BanHit taken = daemon->ban_hits[0];
                Jail *jail = daemon_jail(daemon, taken.jail);
                Line line = { .text = taken.text, .length = strlen(taken.text), .time = taken.time, .ident = "", .pid = -1, .source = "bans" };
                Hit hit = {
                        .kind = HIT_FAILURE,
                        .count = HIT_COUNT_EACH,
                        .attempts = 1,
                        .jail = taken.jail,
                        .addr = taken.addr,
                        .time = taken.time,
                        .rule = taken.rule,
                        .user = "",
                        .line = &line,
                };

                daemon->n_ban_hits--;
                memmove(daemon->ban_hits, daemon->ban_hits + 1, daemon->n_ban_hits * sizeof *daemon->ban_hits);
                if (jail)
                        decide_hit(daemon, jail, &hit);
        }
}
