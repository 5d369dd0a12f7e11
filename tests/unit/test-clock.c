/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "test.h"
#include "util/clock.h"

int main(void)
{
        static const struct {
                const char *text;
                int64_t seconds;
                const char *again;
        } good[] = {
                { "10m", 600, "10m" }, { "1d12h", 129600, "1d12h" }, { "90", 90, "1m30s" }, { "1w", 604800, "7d" },
                { "forever", -1, "forever" }, { "-1", -1, "forever" }, { "1s", 1, "1s" }, { "3653d", DURATION_MAX_SEC, "3653d" },
        };
        static const struct {
                const char *text;
                int error;
        } bad[] = {
                { "", -EINVAL }, { "x", -EINVAL }, { "10x", -EINVAL }, { "m", -EINVAL }, { "1h30", -EINVAL }, { "-5", -EINVAL },
                { "0", -ERANGE }, { "0s", -ERANGE }, { "3654d", -ERANGE }, { "99999999999999999999", -ERANGE }, { "1.5h", -EINVAL },
                { "10 m", -EINVAL },
        };
        char text[DURATION_TEXT_MAX], time[TIME_TEXT_MAX];
        int64_t seconds;

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                check_int(duration_parse(good[i].text, &seconds), 0);
                check_int(seconds, good[i].seconds);
                check_text(duration_format(seconds, text), good[i].again);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                check_int(duration_parse(bad[i].text, &seconds), bad[i].error);
        check_text(event_time_format((EventTime){ INT64_C(1795332660000000) }, time), "2026-11-22T07:31:00Z");
        check_text(event_time_format(EVENT_TIME_FOREVER, time), "forever");
        check_text(event_time_format((EventTime){ 999999 }, time), "1970-01-01T00:00:00Z");
        check_text(event_time_format((EventTime){ INT64_C(951868799) * USEC_PER_SEC }, time), "2000-02-29T23:59:59Z");
        check_text(event_time_format((EventTime){ INT64_C(253402300799) * USEC_PER_SEC }, time), "9999-12-31T23:59:59Z");
        check_text(event_time_format((EventTime){ INT64_C(253402300800) * USEC_PER_SEC }, time), "never");
        check_int(event_time_add((EventTime){ 5 }, DURATION_FOREVER).usec, INT64_MAX);
        check_int(event_time_ago((EventTime){ 5 * USEC_PER_SEC }, 1).usec, 4 * USEC_PER_SEC); /* not "for ever", as -1 would be */
        check_int(event_time_add((EventTime){ INT64_MAX - 5 }, 600).usec, INT64_MAX - 1);
        check(clock_boot_at(EVENT_TIME_FOREVER).usec == UINT64_MAX);
        return 0;
}
