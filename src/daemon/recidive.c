/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Jails that count the bans of the other jails (core/recidive.c).
 *
 * A ban is counted before anything is committed: a crash forgets both or
 * neither, and reading the line again counts both again.
 */

#include "daemon/private.h"

/**
 * recidive_take() - a ban was made: let the jails that count bans have it
 */
void recidive_take(Daemon *daemon, const Ban *ban)
{
        for (size_t i = 0; i < daemon->n_jails; i++)
                if (ban_hits_put(&daemon->ban_hits, daemon->jails[i].config, ban) < 0)
                        daemon_degrade(daemon, "memory", "out of memory: a ban is not counted by the jails that count bans; give the host more");
}

/**
 * recidive_count() - count what recidive_take() has put by
 */
void recidive_count(Daemon *daemon)
{
        BanHit taken;
        Line line;
        Hit hit;

        while (ban_hits_take(&daemon->ban_hits, &taken, &line, &hit)) {
                Jail *jail = daemon_jail(daemon, taken.jail);

                if (jail)
                        decide_hit(daemon, jail, &hit);
        }
}
