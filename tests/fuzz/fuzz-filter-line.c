/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A line through every shipped filter, in the mode with the most rules, as a log file's line and as a bare message. Whatever
 * comes out must be an address that can be banned, and the line must not cost more than a few match limits.
 */

#undef NDEBUG
#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter.h"
#include "logline.h"

static const struct {
        const char *name, *mode;
} SHIPPED[] = {
        { "sshd", "aggressive" },          { "postfix", "aggressive" },       { "dovecot", "aggressive" },    { "nginx-http-auth", "aggressive" },
        { "nginx-limit-req", "normal" },   { "nginx-botsearch", "normal" },   { "nginx-bad-request", "normal" }, { "nginx-forbidden", "normal" },
};
#define N_SHIPPED (sizeof SHIPPED / sizeof *SHIPPED)

static Filter *filters[N_SHIPPED];

static void load(void)
{
        const char *root = getenv("SOURCE_ROOT");
        char path[PATH_MAX];
        Problem problem;

        assert(root);
        for (size_t i = 0; i < N_SHIPPED; i++) {
                snprintf(path, sizeof path, "%s/filters/%s.yaml", root, SHIPPED[i].name);
                assert(filter_load(path, SHIPPED[i].mode, "fuzz", NULL, &filters[i], &problem) == 0);
        }
}

static bool is_ident(void *userdata, const char *ident)
{
        return filter_listens(userdata, ident);
}

static void match(Filter *filter, const char *text, size_t size, int64_t pid)
{
        static int64_t seconds = 1700000000;
        Line line = { .text = text, .length = size, .time = { ++seconds * USEC_PER_SEC }, .ident = "", .pid = pid, .source = "fuzz" };
        Hit hit;

        if (filter_match(filter, &line, &hit) != FILTER_HIT)
                return;
        assert(addr_is_bannable(&hit.addr) && addr_is_single(&hit.addr));
        assert(hit.rule && hit.user && hit.attempts <= HIT_ATTEMPTS_MAX * 100000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        LogLineOptions options = { .now = { 1800000000 * USEC_PER_SEC } };
        LogLine parsed;

        if (!filters[0])
                load();
        for (size_t i = 0; i < N_SHIPPED; i++) {
                match(filters[i], (const char *) data, size, 4711);
                logline_parse(&options, (const char *) data, size, is_ident, filters[i], &parsed);
                assert(parsed.text >= (const char *) data && parsed.text + parsed.length <= (const char *) data + size);
                match(filters[i], parsed.text, parsed.length, parsed.pid);
        }
        return 0;
}
