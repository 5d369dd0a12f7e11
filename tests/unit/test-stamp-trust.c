/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which time a line of a file gets: stamps that agree with the clock, and stamps that do not. */

#include "logline.h"
#include "test.h"

#define NOW INT64_C(1795478716)
#define HOUR 3600

static StampTrust trust;

/* Seconds from NOW: the stamp, the arrival, and what has to come out. */
static void line(int64_t stamp, int64_t arrival, int64_t expected)
{
        check_int(stamp_trust(&trust, (EventTime){ (NOW + stamp) * USEC_PER_SEC }, (EventTime){ (NOW + arrival) * USEC_PER_SEC },
                              false)
                          .usec,
                  (NOW + expected) * USEC_PER_SEC);
}

static void past(int64_t stamp, int64_t arrival, int64_t expected)
{
        check_int(stamp_trust(&trust, (EventTime){ (NOW + stamp) * USEC_PER_SEC }, (EventTime){ (NOW + arrival) * USEC_PER_SEC },
                              true)
                          .usec,
                  (NOW + expected) * USEC_PER_SEC);
}

static int64_t without_stamp(int64_t arrival, bool back_fill)
{
        return stamp_trust(&trust, EVENT_TIME_NONE, (EventTime){ (NOW + arrival) * USEC_PER_SEC }, back_fill).usec /
                       USEC_PER_SEC -
               NOW;
}

static void check_text_is(const Zone *zone, bool zoned, const char *part)
{
        char text[STAMP_TRUST_TEXT_MAX];

        check_contains(stamp_trust_text(&trust, zone, zoned, (EventTime){ NOW * USEC_PER_SEC }, text), part);
        check(*part || !*text);
}

static void test_present(void)
{
        trust = (StampTrust){ 0 };
        line(0, 0, 0);
        line(-5, 0, -5);
        line(-60, 0, -60);
        line(7, 0, 0);                  /* later than now is now */
        line(60, 0, 0);
        check_int(trust.skew, 0);
        line(-61, 0, 0);
        check_int(trust.skew, -61);
        line(61, 0, 0);
        check_int(trust.skew, 61);
        line(0, 1, 0);
        check_int(trust.skew, 0);
        check_int(without_stamp(5, false), 5);
        check(!stamp_trust_is_off(&trust));
        /* Below a second. */
        check_int(stamp_trust(&trust, (EventTime){ NOW * USEC_PER_SEC + 5 }, (EventTime){ NOW * USEC_PER_SEC + 3 }, false).usec,
                  NOW * USEC_PER_SEC + 3);
        check_int(stamp_trust(&trust, (EventTime){ NOW * USEC_PER_SEC + 3 }, (EventTime){ NOW * USEC_PER_SEC + 5 }, false).usec,
                  NOW * USEC_PER_SEC + 3);
        /* Times at the ends. */
        check_int(stamp_trust(&trust, (EventTime){ INT64_MAX }, (EventTime){ NOW * USEC_PER_SEC }, false).usec,
                  NOW * USEC_PER_SEC);
        check_int(stamp_trust(&trust, (EventTime){ 1 }, (EventTime){ INT64_MAX }, false).usec, INT64_MAX);
}

/* A zone that is set wrongly: all lines count from their arrival, and it is told. */
static void test_wrong_zone(void)
{
        _cleanup_(zone_freep) Zone *utc = NULL, *india = NULL;

        check_int(zone_load("UTC", &utc, NULL), 0);
        check_int(zone_load("+05:30", &india, NULL), 0);
        trust = (StampTrust){ 0 };
        for (int i = 0; i < 100; i++) {
                line(2 * HOUR + i * 10 - 1, i * 10, i * 10);
                check_int(stamp_trust_is_off(&trust), i >= 2);
        }
        check_text_is(utc, false, "its timestamps are 1h59m59s ahead of the clock");
        check_text_is(utc, false, "looks like timezone: +02:00");
        check_text_is(india, false, "looks like timezone: +07:30");
        check_text_is(utc, true, "the clock of this host or of the lines' writer is wrong");
        /* It is put right. */
        line(1000, 1001, 1000);
        check_int(trust.skew, 0);
        check_text_is(utc, false, "");
        check(!stamp_trust_is_off(&trust));
        /* ... and wrong again. */
        for (int i = 0; i < 10; i++) {
                line(1000 + i - 9 * HOUR / 2, 1000 + i, 1000 + i);
                check_int(stamp_trust_is_off(&trust), i >= 2);
        }
        check_text_is(utc, false, "behind the clock");
        check_text_is(utc, false, "looks like timezone: -04:30");
        /* No zone is so far away, or so crooked. */
        line(15 * HOUR, 0, 0);
        check_text_is(utc, false, "clock of this host");
        line(-1000, 0, 0);
        check_text_is(utc, false, "a relay holds lines back");
        line(-13 * HOUR, 0, 0);
        check_text_is(utc, false, "a relay holds lines back");
        check_text_is(india, false, "looks like timezone: -07:30");
        line(400 * 86400, 0, 0);
        check_text_is(utc, false, "ahead of the clock");
}

/* A relay that was cut off hands over what it has held: the lines arrive now, older and newer ones at once. */
static void test_delay(void)
{
        trust = (StampTrust){ 0 };
        for (int i = 0; i < 50; i++)
                line(-5000 + i * 90, 0, 0);
        check(!stamp_trust_is_off(&trust));      /* no three alike */
        line(-30, 0, -30);
        check_int(trust.skew, 0);
        /* One stray line among good ones moves none but itself. */
        for (int i = 0; i < 20; i++) {
                line(i, i + 1, i);
                line(-86400, i + 1, i + 1);
                line(86400, i + 1, i + 1);
                check(!stamp_trust_is_off(&trust));
        }
}

/* The host's clock is stepped while lines are on their way. */
static void test_step(void)
{
        trust = (StampTrust){ 0 };
        line(0, 0, 0);
        line(1, 7200, 7200);            /* written before the step, read behind it */
        line(7201, 7201, 7201);
        line(7202, 3600, 3600);         /* set back */
        line(3601, 3601, 3601);
        check(!stamp_trust_is_off(&trust));
        check_int(trust.skew, 0);
}

static void test_back_fill(void)
{
        trust = (StampTrust){ 0 };
        past(-7200, 0, -7200);
        check_int(without_stamp(0, true), -7200);       /* goes with the line before it */
        past(-7100, 0, -7100);
        past(30, 0, 0);
        past(9999, 0, 0);
        trust = (StampTrust){ 0 };
        check_int(without_stamp(0, true), 0);

        /* Two hours ahead, as the latest line shows: the past is set back. */
        trust = (StampTrust){ 0 };
        line(2 * HOUR - 1, 0, 0);
        past(-600 + 2 * HOUR, 30, -600 + 1);
        past(600, 30, 600 - 2 * HOUR + 1);
        past(2 * HOUR - 1, 30, 0);
        check(!stamp_trust_is_off(&trust));
        /* Behind: a relay may have held them back, and then they are right. */
        trust = (StampTrust){ 0 };
        line(-2 * HOUR, 0, 0);
        past(-600, 30, -600);
}

int main(void)
{
        test_present();
        test_wrong_zone();
        test_delay();
        test_step();
        test_back_fill();
        return EXIT_SUCCESS;
}
