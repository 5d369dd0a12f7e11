/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is wrong: told once, taken back, and never hidden behind what an outsider can make wrong. */

#include "daemon/private.h"
#include "test.h"

static bool has(const Health *health, const char *topic)
{
        for (size_t i = 0; i < health->n_problems; i++)
                if (strcmp(health->problems[i].topic, topic) == 0)
                        return true;
        return false;
}

int main(void)
{
        Health health = { 0 };
        char topic[64];

        check(health_set(&health, "store", "the disk is full"));
        check(!health_set(&health, "store", "the disk is full"));
        check(health_set(&health, "store", "the disk is broken"));
        check_int(health.n_problems, 1);
        check(health_set(&health, "store", NULL));
        check(!health_set(&health, "store", ""));
        check_int(health.n_problems, 0);

        for (int i = 0; i < 2 * HEALTH_MAX; i++) {
                snprintf(topic, sizeof topic, HEALTH_FILE "/srv/logs/%d.log", i);
                check(health_set(&health, topic, "it is a FIFO") == (i < HEALTH_MAX));
        }
        check(health_set(&health, "firewall", "the table is gone"));
        check(health_set(&health, "store", "the disk is full"));
        check(has(&health, "firewall") && has(&health, "store"));
        check_int(health.n_problems, HEALTH_MAX);
        check(!health_set(&health, HEALTH_FILE "/srv/logs/new.log", "it is a FIFO"));

        /* What changes without end is told a few times in ten minutes, and once that no more is told. */
        BootTime now = { 3600 * (uint64_t) USEC_PER_SEC };
        unsigned said = 0, last = 0;
        for (int i = 0; i < 1000; i++) {
                HealthWord word = health_word(&health, HEALTH_FILE "/srv/logs/flaps.log", now);

                said += word != HEALTH_SAY_NOTHING;
                last += word == HEALTH_SAY_LAST;
        }
        check_int(said, 6);
        check_int(last, 1);
        check_int(health_word(&health, "allow", now), HEALTH_SAY);
        now.usec += 600 * (uint64_t) USEC_PER_SEC;
        check_int(health_word(&health, HEALTH_FILE "/srv/logs/flaps.log", now), HEALTH_SAY);

        health_clear(&health);
        check_int(health.n_problems, 0);
        for (int i = 0; i < HEALTH_MAX; i++) {
                snprintf(topic, sizeof topic, "jail %d", i);
                check(health_set(&health, topic, "its filter is wrong"));
        }
        check(!health_set(&health, "firewall", "no room, and nothing that gives way"));
        health_clear(&health);
        return 0;
}
