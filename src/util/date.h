/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Date: the calendar, and dates read from text as strptime directives describe them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/problem.h"

#define DATE_HOUR INT64_C(3600)
#define DATE_DAY INT64_C(86400)
#define DATE_YEAR_MAX 9999
#define DATE_EPOCH_MAX INT64_C(253402300799) /* the end of 9999 */
#define DATE_FORMATS_MAX 16                  /* of one list */
#define DATE_FORMAT_SIZE 128                 /* bytes of one, at most */

/**
 * What a stamp says.
 */
typedef struct DateParts {
        int year, month, day;   /* year -1: not written; month from 0 */
        int64_t seconds;        /* in the day; or since 1970 if `absolute` */
        int64_t usec;
        int64_t offset;         /* of the zone if `zoned`, east is positive */
        bool zoned, absolute;
} DateParts;

bool date_exists(int year, int month, int day);
int64_t date_days(int year, int month, int day);
int date_year(int64_t days);

/* How stamps are written that no detection knows. */
typedef struct DateFormats DateFormats;

int date_formats_compile(const char *const *formats, DateFormats **ret_dates, Problem *problem);
DateFormats *date_formats_free(DateFormats *dates);
DEFINE_CLEANUP(DateFormats *, date_formats_free)
size_t date_formats_match(const DateFormats *dates, const char *text, size_t size, DateParts *ret_parts);
