/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "daemon/private.h"

#define TALE_USEC (600 * (uint64_t) USEC_PER_SEC)
#define TALES_MAX 6

static void health_remove(Health *health, size_t i)
{
        free(health->problems[i].topic);
        free(health->problems[i].text);
        health->problems[i] = health->problems[--health->n_problems];
}

/*
 * Who may put files where a jail looks for logs can have as many of them unreadable as he likes. So in a full table what is wrong
 * with a file gives way to anything else, patterns that jails name included; status still tells it among the jail's files.
 */
static bool make_room(Health *health, const char *topic)
{
        if (strncmp(topic, HEALTH_FILE, strlen(HEALTH_FILE)) == 0)
                return false;
        for (size_t i = 0; i < health->n_problems; i++)
                if (strncmp(health->problems[i].topic, HEALTH_FILE, strlen(HEALTH_FILE)) == 0) {
                        health_remove(health, i);
                        return true;
                }
        return false;
}

/**
 * health_set() - say what is wrong about a topic, or that nothing is any more
 * @topic:      "store", "jail sshd" ...
 * @text:       what is wrong and what to do; NULL or "": it is mended
 *
 * Return: whether this is news.
 */
bool health_set(Health *health, const char *topic, const char *text)
{
        size_t i = 0;

        while (i < health->n_problems && strcmp(health->problems[i].topic, topic) != 0)
                i++;
        if (!text || !*text) {
                if (i == health->n_problems)
                        return false;
                health_remove(health, i);
                return true;
        }
        if (i < health->n_problems) {
                if (strcmp(health->problems[i].text, text) == 0)
                        return false;
                health_remove(health, i);
        }
        if (health->n_problems == HEALTH_MAX && !make_room(health, topic))
                return false;
        i = health->n_problems;
        health->problems[i].topic = strdup(topic);
        health->problems[i].text = strdup(text);
        if (!health->problems[i].topic || !health->problems[i].text) {
                health->n_problems++;
                health_remove(health, i);
                return true;
        }
        health->n_problems++;
        return true;
}

/**
 * health_word() - whether to write a change about a topic into the log, if it is one that an outsider can make at will
 *
 * A few of each topic in ten minutes. Topics that share a place in the table share these as well.
 */
HealthWord health_word(Health *health, const char *topic, BootTime now)
{
        size_t i = table_hash(topic, strlen(topic)) % HEALTH_TALES;

        if (health->tales[i].n == 0 || now.usec >= health->tales[i].since.usec + TALE_USEC) {
                health->tales[i].since = now;
                health->tales[i].n = 0;
        }
        if (health->tales[i].n == TALES_MAX)
                return HEALTH_SAY_NOTHING;
        return ++health->tales[i].n == TALES_MAX ? HEALTH_SAY_LAST : HEALTH_SAY;
}

/**
 * health_clear() - forget all problems
 */
void health_clear(Health *health)
{
        while (health->n_problems > 0)
                health_remove(health, health->n_problems - 1);
}
