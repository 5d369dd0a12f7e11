/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which time a line of a file gets.
 *
 * A line that is read as it is written has two times: its stamp and its arrival. They should be the same; then the stamp
 * is taken, which is what the service says, and gives the same answer when the line is read again. Where they lie more than
 * a minute apart one is wrong, and it cannot be the arrival: the host's clock is what bans end by. A zone that is set
 * wrongly, a clock that is not, a clock that is stepped and lines that a relay has held back look alike in one line, so they
 * are treated alike. Each line is judged by itself: who can write one line with a stamp of his choice moves that line, by a
 * minute, and no other.
 *
 * A line of the past (back-fill) has its stamp alone. Nothing is written before its time, so a stamp ahead of the present
 * shows a clock or a zone that is wrong, by as much at least; and where it has been seen in a fresh line how much stamps are
 * ahead, those of the past are set back by that. Otherwise the failures of hours would all be of the latest minute, and ban
 * somebody who mistyped twice this morning and thrice at noon. Stamps that are behind are left: a relay may have held the
 * lines back, and then they are right; if not, they are taken for older than they are, which bans nobody.
 *
 * A line without a stamp gets its arrival; in the past, the time of the line before it, to which it mostly belongs.
 *
 * A skew is told once three lines in a row have had about the same one. So one stray line alarms nobody.
 */

#include <stdlib.h>

#include "logline.h"
#include "util/zone.h"
#include "util/date.h"

#define TOLERANCE 60            /* seconds */
#define LINES_TOLD 3
#define QUARTER 900
#define ZONE_SKEW_MAX (26 * DATE_HOUR) /* from -12 to +14 */

static int64_t seconds_between(EventTime a, EventTime b)
{
        return a.usec / USEC_PER_SEC - b.usec / USEC_PER_SEC;
}

static bool is_near(int64_t a, int64_t b)
{
        return a - b <= TOLERANCE && b - a <= TOLERANCE;
}

static EventTime trust_past(StampTrust *trust, EventTime stamp, EventTime arrival)
{
        EventTime time = stamp;

        if (stamp.usec == 0)
                time = trust->last.usec == 0 ? arrival : trust->last;
        else if (trust->skew > 0)
                time.usec = stamp.usec - trust->skew * USEC_PER_SEC;
        if (time.usec <= 0)
                time = stamp;
        trust->last = event_time_min(time, arrival);
        return trust->last;
}

/**
 * stamp_trust() - the time that a line counts with
 * @trust:      of its file; zero at first
 * @stamp:      what the line says, or EVENT_TIME_NONE
 * @arrival:    when it was read
 * @back_fill:  it was there already when reading began
 *
 * See the top of this file. Before back-fill, let the file's latest line pass with the file's time of change as its
 * arrival: then a skew is known, even of a single line.
 *
 * Return: never later than @arrival.
 */
EventTime stamp_trust(StampTrust *trust, EventTime stamp, EventTime arrival, bool back_fill)
{
        if (back_fill)
                return trust_past(trust, stamp, arrival);
        trust->last = arrival;
        if (stamp.usec == 0)
                return arrival;
        int64_t skew = seconds_between(stamp, arrival);
        if (is_near(skew, 0)) {
                trust->skew = 0;
                trust->lines = 0;
                return event_time_min(stamp, arrival);
        }
        trust->lines = trust->lines > 0 && is_near(skew, trust->skew) ? trust->lines + (trust->lines < LINES_TOLD) : 1;
        trust->skew = skew;
        return arrival;
}

/**
 * stamp_trust_is_off() - whether a file's stamps are not believed, and not in one stray line only
 */
bool stamp_trust_is_off(const StampTrust *trust)
{
        return trust->skew != 0 && trust->lines >= LINES_TOLD;
}

/* The skew as an offset that is a zone's: whole quarters of an hour, give or take a minute. */
static bool suspect_zone(int64_t skew, int64_t offset, int64_t *ret_offset)
{
        int64_t quarters = (skew + (skew < 0 ? -QUARTER / 2 : QUARTER / 2)) / QUARTER, suspected = offset + quarters * QUARTER;

        if (quarters == 0 || !is_near(skew, quarters * QUARTER) || skew > ZONE_SKEW_MAX || skew < -ZONE_SKEW_MAX)
                return false;
        *ret_offset = suspected;
        return suspected >= -12 * DATE_HOUR && suspected <= 14 * DATE_HOUR;
}

/**
 * stamp_trust_text() - what is wrong with a file's stamps, and what to do
 * @zone:       in which they were read; NULL: the host's
 * @zoned:      they name their zone themselves (LogLine.zoned)
 * @arrival:    of the latest line
 *
 * Return: @buffer; "" if nothing is wrong.
 */
const char *stamp_trust_text(const StampTrust *trust, const Zone *zone, bool zoned, EventTime arrival,
                             char buffer[static STAMP_TRUST_TEXT_MAX])
{
        char duration[DURATION_TEXT_MAX];
        int64_t offset = zone_offset(zone ? zone : zone_host(), arrival.usec / USEC_PER_SEC), suspected;

        *buffer = '\0';
        if (trust->skew == 0)
                return buffer;
        int n = snprintf(buffer, STAMP_TRUST_TEXT_MAX,
                         "its timestamps are %s %s the clock, so lines count from when they are read; ",
                         duration_format(llabs(trust->skew), duration), trust->skew > 0 ? "ahead of" : "behind");
        size_t left = STAMP_TRUST_TEXT_MAX - (size_t) n;
        if (zoned || !suspect_zone(trust->skew, offset, &suspected))
                snprintf(buffer + n, left, trust->skew > 0 ? "the clock of this host or of the lines' writer is wrong"
                                                           : "a clock is wrong, or a relay holds lines back");
        else
                snprintf(buffer + n, left, "looks like timezone: %c%02d:%02d", suspected < 0 ? '-' : '+',
                         (int) (llabs(suspected) / DATE_HOUR), (int) (llabs(suspected) % DATE_HOUR / 60));
        return buffer;
}
