/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Messages go to standard error, one line each, with sd-daemon(3)'s "<N>"
 * prefix when systemd is listening there: it turns that into the priority of
 * the journal entry, and without systemd the line reads well as it is.
 *
 * Outsiders choose how often some things happen, so per-event messages ask
 * log_allow() first, and the next one that passes tells how many were not said.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/clock.h"
#include "util/log.h"

#define TOPICS_MAX 64

static int maximum_level = LOG_INFO;
static const char *program = "bailiffd";

/**
 * log_level_parse() - "error", "warning", "notice", "info" or "debug"
 *
 * Return: the syslog level, -1 for another word.
 */
int log_level_parse(const char *word)
{
        static const struct {
                const char *word;
                int level;
        } levels[] = {
                { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
                { "info", LOG_INFO }, { "debug", LOG_DEBUG },
        };

        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
                if (strcasecmp(word, levels[i].word) == 0)
                        return levels[i].level;
        return -1;
}

/**
 * log_set_program() - who speaks, where that is not said by others
 * @name:       static
 */
void log_set_program(const char *name)
{
        program = name;
}

/**
 * log_set_level() - messages above this syslog level are not written
 */
void log_set_level(int level)
{
        maximum_level = level;
}

/**
 * log_write() - write one message
 * @level:      syslog level
 *
 * Control characters become '?': a message may quote an outsider.
 */
void log_write(int level, const char *format, ...)
{
        char text[2048];
        va_list args;

        if (level > maximum_level)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        for (char *p = text; *p; p++)
                if ((unsigned char) *p < 0x20 || *p == 0x7f)
                        *p = '?';
        if (getenv("JOURNAL_STREAM"))
                fprintf(stderr, "<%d>%s\n", level, text);
        else
                fprintf(stderr, "%s: %s\n", program, text);
}

/**
 * log_allow() - whether a message of this kind may be written now
 * @topic:              the kind; a constant, compared by its text
 * @per_minute:         how many of it are written in a minute
 * @ret_dropped:        how many were not since the last that was
 */
bool log_allow(const char *topic, unsigned per_minute, unsigned *ret_dropped)
{
        static struct {
                const char *topic;
                uint64_t minute;
                unsigned written, dropped;
        } topics[TOPICS_MAX];
        uint64_t minute = clock_boot_now().usec / (60 * (uint64_t) USEC_PER_SEC);
        size_t i = 0;

        while (i < TOPICS_MAX - 1 && topics[i].topic && strcmp(topics[i].topic, topic) != 0)
                i++;
        topics[i].topic = topic;
        if (topics[i].minute != minute) {
                topics[i].minute = minute;
                topics[i].written = 0;
        }
        if (topics[i].written >= per_minute) {
                topics[i].dropped++;
                return false;
        }
        topics[i].written++;
        *ret_dropped = topics[i].dropped;
        topics[i].dropped = 0;
        return true;
}
