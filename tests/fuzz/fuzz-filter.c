/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Journal lines through the shipped sshd filter, the tracker and the ban engine. Each line of the input is a message; its first byte chooses the process, how
 * much time has passed and what the trusted fields say, so that sessions, held failures and the origin rule take part.
 *
 * $SOURCE_ROOT tells where the filter is; the default suits a build directory in the tree.
 */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ban.h"
#include "filter.h"
#include "tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_origin(const Line *line, Origin *ret_origin)
{
        uint8_t choice = *(const uint8_t *) line->handle;

        if (choice == 0xff)
                return -1;
        *ret_origin = (Origin){
                .uid = choice & 1 ? 0 : 1000,
                .pid = choice >> 4,
                .comm = choice & 2 ? "sshd" : NULL,
                .unit = choice & 4 ? "ssh.service" : NULL,
        };
        return 0;
}

static Filter *load(void)
{
        const char *root = getenv("SOURCE_ROOT");
        Filter *filter = NULL;
        Problem problem;
        char path[4096];

        snprintf(path, sizeof path, "%s/filters/sshd.yaml", root ? root : "..");
        if (filter_load(path, "normal", "sshd", NULL, &filter, &problem) < 0) {
                fprintf(stderr, "%s\n", problem.text);
                abort();
        }
        return filter;
}

static void check_hit(const Hit *hit, const Line *line)
{
        assert(hit->addr.family == 4 || hit->addr.family == 6);
        assert(addr_is_single(&hit->addr) && addr_is_bannable(&hit->addr));
        assert(hit->line == line && strcmp(hit->jail, "sshd") == 0 && *hit->rule);
        for (const char *p = hit->user; *p; p++)
                assert((unsigned char) *p >= 0x20 && *p != 0x7f);
}

static void on_step(void *userdata, const FilterStep *step)
{
        const Line *line = userdata;

        assert(step->at == FILTER_STEP_NOWHERE || step->at <= line->length);
        for (const char *p = step->text; *p; p++)
                assert((unsigned char) *p >= 0x20 && *p != 0x7f);
}

static void on_event(void *userdata, const BanEvent *event)
{
        assert(event->ban->addr.family && addr_is_bannable(&event->ban->addr));
        assert(event->kind != BAN_EVENT_BAN || event->n_changes == 1);
}

static void on_offence(void *userdata, const Offence *offence)
{
        assert(offence->failures >= 3 && offence->n_evidence <= EVIDENCE_MAX);
        assert(addr_contains(&offence->addr, &offence->source));
        assert(ban_engine_offence(userdata, offence, offence->last) >= 0);
}

static void make_core(Tracker **ret_tracker, BanEngine **ret_engine)
{
        TrackerJail window = { .name = "sshd", .findtime = 600, .maxretry = 3, .ipv6_prefix = 64 };
        BanJail ban = { .name = "sshd", .bantime = 3600 };

        assert(ban_engine_new(100, (BanSink){ .event = on_event }, ret_engine) == 0);
        assert(ban_engine_set_jail(*ret_engine, &ban) == 0);
        assert(tracker_new(50, 100000, (TrackerSink){ on_offence, *ret_engine }, ret_tracker) == 0);
        assert(tracker_set_jail(*ret_tracker, &window) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Filter *filter;
        static Tracker *tracker;
        static BanEngine *engine;
        static int64_t now = 1700000000 * USEC_PER_SEC;
        const uint8_t *begin = data, *end = data + size;

        if (!filter) {
                filter = load();
                make_core(&tracker, &engine);
        }
        while (data < end) {
                uint8_t choice = *data;
                const uint8_t *start = data + 1, *stop = memchr(start, '\n', (size_t) (end - start));
                Hit hit;

                if (!stop)
                        stop = end;
                now += (choice & 15) * USEC_PER_SEC;
                Line line = {
                        .text = (const char *) start,
                        .length = (size_t) (stop - start),
                        .time = { now },
                        .ident = "sshd",
                        .pid = choice >> 4,
                        .source = "journal",
                        .origin = choice & 8 ? fuzz_origin : NULL,
                        .handle = &choice,
                };
                /* An input's first line may be told step by step, which comes to the same but takes a hundred times as long. */
                FilterVerdict verdict = choice == 0x55 && start == begin + 1 ? filter_explain(filter, &line, on_step, &line, &hit)
                                                                             : filter_match(filter, &line, &hit);
                assert((unsigned) verdict < _FILTER_VERDICT_MAX);
                if (verdict == FILTER_HIT) {
                        unsigned counted;

                        check_hit(&hit, &line);
                        assert(tracker_hit(tracker, &hit, &counted) == 0 && counted <= (hit.attempts ? hit.attempts : 1));
                }
                tracker_expire(tracker, (EventTime){ now });
                ban_engine_expire(engine, (EventTime){ now });
                if (choice == 0xfe && verdict == FILTER_HIT)
                        filter_forget(filter, &hit.addr);
                data = stop < end ? stop + 1 : end;
        }
        assert(filter_stats(filter)->sessions <= 10000 && tracker_stats(tracker)->windows <= 50 && ban_engine_stats(engine)->bans <= 100);
        return 0;
}
