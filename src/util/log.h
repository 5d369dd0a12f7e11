/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the daemon tells the administrator. Stages do not log; daemon.c and main.c do, once. */

#include <stdbool.h>
#include <syslog.h>

int log_level_parse(const char *word);
void log_set_level(int level);
void log_set_program(const char *name);
void log_write(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool log_allow(const char *topic, unsigned per_minute, unsigned *ret_dropped);

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
