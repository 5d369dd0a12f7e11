/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lines of log files taken apart. The log samples of Fail2Ban's test suite take part where they are: samples.h;
 * without them the test is skipped after all else has passed.
 */

#include <limits.h>
#include <time.h>

#include "logline.h"
#include "samples.h"
#include "test.h"

#define SEC USEC_PER_SEC

/* 24 November 2026, 00:05:16 UTC */
#define NOVEMBER INT64_C(1795478716)

static void set_zone(const char *zone)
{
        setenv("TZ", zone, 1);
        logline_zone_changed();
}

static bool knows(void *userdata, const char *ident)
{
        for (const char *const *known = userdata; *known; known++)
                if (strcmp(*known, ident) == 0)
                        return true;
        return false;
}

static const char *const services[] = { "sshd", "dovecot", "dovecot-auth", "nginx", "postfix/smtpd", "fail2ban.actions", "a/b.c", NULL };

/* In memory of its own and without NUL, so that a sanitizer sees a read behind the line. */
static LogLine parse_size(const char *text, size_t size, int64_t now)
{
        LogLineOptions options = { .now = { now } };
        char *copy = malloc(size ? size : 1);
        LogLine line;

        check(copy);
        memcpy(copy, text, size);
        logline_parse(&options, copy, size, knows, (void *) services, &line);
        check(line.text >= copy && line.text + line.length == copy + size);
        check(memcmp(line.text, text + size - line.length, line.length) == 0);
        line.text = text + size - line.length;
        free(copy);
        return line;
}

static LogLine parse(const char *text, int64_t now)
{
        return parse_size(text, strlen(text), now);
}

/* ---- What stands in which line ---- */

#define T (NOVEMBER * SEC)
#define NO_PID -1
#define M "Failed password for root"

static const struct {
        const char *line, *message, *ident;
        int64_t pid, time;
        bool syslog;
} lines[] = {
        /* Stamps, in UTC. */
        { "Nov 24 00:05:16 srv sshd[12]: " M, M, "sshd", 12, T, true },
        { "Nov 24 00:05:16.25 srv sshd[12]: " M, M, "sshd", 12, T + 250000, true },
        { "Nov 24 2026 00:05:16 srv sshd[12]: " M, M, "sshd", 12, T, true },
        { "Nov 24 2025 00:05:16,5 srv sshd[12]: " M, M, "sshd", 12, T - 365 * 86400 * SEC + 500000, true },
        { "Nov  4 00:05:16 srv sshd[12]: " M, M, "sshd", 12, T - 20 * 86400 * SEC, true },
        { "Nov 4 00:05:16 srv sshd[12]: " M, M, "sshd", 12, T - 20 * 86400 * SEC, true },
        { "Nov 04 00:05:16 srv sshd[12]: " M, M, "sshd", 12, T - 20 * 86400 * SEC, true },
        { "2026-11-24T00:05:16Z srv sshd[12]: " M, M, "sshd", 12, T, true },
        { "2026-11-24T01:05:16.123456+01:00 srv sshd[12]: " M, M, "sshd", 12, T + 123456, true },
        { "2026-11-23T19:35:16.123456789-0430 srv sshd[12]: " M, M, "sshd", 12, T + 123456, true },
        { "2026-11-24 00:05:16,1 " M, M, "", NO_PID, T + 100000, false },
        { "2026-11-24 00:05:16 \t " M, M, "", NO_PID, T, false },
        { "2026/11/24 00:05:16 [error] 7#7: *1 user \"x\"", "[error] 7#7: *1 user \"x\"", "", NO_PID, T, false },
        { "2026/11/24T00:05:16Z " M, M, "", NO_PID, T, false },
        { "Tue Nov 24 00:05:16 2026 " M, M, "", NO_PID, T, false },
        { "[Tue Nov 24 00:05:16.000007 2026] [core:error] [pid 9] x", "[core:error] [pid 9] x", "", NO_PID, T + 7, false },
        { "[2026-11-24 00:05:16] " M, M, "", NO_PID, T, false },
        { "[Nov 24 00:05:16] " M, M, "", NO_PID, T, false },
        { "[1795478716.5] " M, M, "", NO_PID, T + 500000, false },
        { "1795478716 " M, M, "", NO_PID, T, false },
        { "1795478716.000001 " M, M, "", NO_PID, T + 1, false },
        { "@400000006ae3814629b92700 " M, M, "", NO_PID, INT64_C(1793294652) * SEC + 700000, false },
        { "@400000006AE3814629B92700 dovecot-auth: " M, M, "dovecot-auth", NO_PID, INT64_C(1793294652) * SEC + 700000, true },
        { "Nov 24 00:05:16", "", "", NO_PID, T, false },
        { "Nov 24 00:05:16 ", "", "", NO_PID, T, false },
        { "2026-11-24 00:05:60 x", "x", "", NO_PID, T + 44 * SEC, false },

        /* Access logs: read, not cut. */
        { "192.0.2.7 - - [24/Nov/2026:01:05:16 +0100] \"GET / HTTP/1.1\" 404 1 \"-\" \"-\"", "=", "", NO_PID, T, false },
        { "www:80 192.0.2.7 - x [24/Nov/2026:00:05:16 +0000] \"\" 400", "=", "", NO_PID, T, false },
        { "[24/Nov/2026:00:05:16 +0000] 192.0.2.7 GET /", "=", "", NO_PID, T, false },
        { "192.0.2.7 - [24/Nov/2020:00:05:16 +0000] [24/Nov/2026:00:05:16 +0000] \"GET / HTTP/1.1\" 404", "=", "", NO_PID, T, false },
        { "192.0.2.7 - \\\" [24/Nov/2020:00:05:16 +0000] \\\" [24/Nov/2026:00:05:16 +0000] \"G\"", "=", "", NO_PID, T, false },
        { "192.0.2.7 - x\\\\ [24/Nov/2026:00:05:16 +0000] \"G\" [24/Nov/2020:00:05:16 +0000] \"", "=", "", NO_PID, T, false },
        { "192.0.2.7 - - \"GET / [24/Nov/2026:00:05:16 +0000] \"", "=", "", NO_PID, 0, false },
        { "no access log [24/Nov/2026:00:05:16 +0000] this", "=", "", NO_PID, 0, false },
        { "192.0.2.7 - - [31/Nov/2026:01:05:16 +0100] \"GET /\"", "=", "", NO_PID, 0, false },
        { "192.0.2.7 - - [24/Nov/2026:01:05:16] \"GET /\"", "=", "", NO_PID, 0, false },
        { "192.0.2.7 - - x[24/Nov/2026:01:05:16 +0100] \"GET /\"", "=", "", NO_PID, 0, false },

        /* No stamps. */
        { "Feb 30 00:05:16 x", "=", "", NO_PID, 0, false },
        { "Feb 29 2026 00:05:16 x", "=", "", NO_PID, 0, false },
        { "Feb 29 1900 00:05:16 x", "=", "", NO_PID, 0, false },
        { "Nov 0 00:05:16 x", "=", "", NO_PID, 0, false },
        { "Nov 31 00:05:16 x", "=", "", NO_PID, 0, false },
        { "Nov 24 24:05:16 x", "=", "", NO_PID, 0, false },
        { "Nov 24 25:00:00 x", "=", "", NO_PID, 0, false },
        { "Nov 24 00:60:16 x", "=", "", NO_PID, 0, false },
        { "Nov 24 00:05:61 x", "=", "", NO_PID, 0, false },
        { "Nov 24 00:05:16. x", "=", "", NO_PID, 0, false },
        { "Nov 24 00:05:16x", "=", "", NO_PID, 0, false },
        { "Nov 24 00:05 x", "=", "", NO_PID, 0, false },
        { "nov 24 00:05:16 x", "=", "", NO_PID, 0, false },
        { " Nov 24 00:05:16 x", "=", "", NO_PID, 0, false },
        { "x Nov 24 00:05:16 sshd[1]: x", "=", "", NO_PID, 0, false },
        { "2026-13-24 00:05:16 x", "=", "", NO_PID, 0, false },
        { "2026-00-24 00:05:16 x", "=", "", NO_PID, 0, false },
        { "2026-11/24 00:05:16 x", "=", "", NO_PID, 0, false },
        { "2026-11-24T00:05:16+2400 x", "=", "", NO_PID, 0, false },
        { "2026-11-24T00:05:16+01:60 x", "=", "", NO_PID, 0, false },
        { "2026-11-24T00:05:16ZZ x", "=", "", NO_PID, 0, false },
        { "2026-11-24T00:05:16+1 x", "=", "", NO_PID, 0, false },
        { "Foo Nov 24 00:05:16 2026 x", "=", "", NO_PID, 0, false },
        { "[2026-11-24 00:05:16 x", "=", "", NO_PID, 0, false },
        { "2026-11-24 00:05:16] x", "=", "", NO_PID, 0, false },
        { "179547871 x", "=", "", NO_PID, 0, false },
        { "17954787160 x", "=", "", NO_PID, 0, false },
        { "@400000006ae3814629b9270 x", "=", "", NO_PID, 0, false },
        { "@400000006ae38146ffffffff x", "=", "", NO_PID, 0, false }, /* 4 seconds of nanoseconds */
        { "@ffffffffffffffff00000000 x", "=", "", NO_PID, 0, false },
        { "@400000000000000900000000 x", "=", "", NO_PID, 0, false },
        { "@40ffffffffffffff00000000 x", "=", "", NO_PID, 0, false },
        /* Stamps of times that are none. */
        { "0000-01-01T00:00:00Z srv sshd[12]: " M, M, "sshd", 12, 0, true },
        { "0000-01-01 00:00:00 " M, M, "", NO_PID, 0, false },
        { "1969-12-31T23:59:59.9Z " M, M, "", NO_PID, 0, false },
        { "1970-01-01T00:00:00+23:59 " M, M, "", NO_PID, 0, false },
        { "1970-01-01T00:00:00.000001Z " M, M, "", NO_PID, 1, false },
        { "9999-12-31T23:59:59.999999Z " M, M, "", NO_PID, INT64_C(253402300799999999), false },
        { "9999-12-31T23:59:60-23:59 " M, M, "", NO_PID, (INT64_C(253402300800) + 23 * 3600 + 59 * 60) * SEC, false },
        { "Dec 31 9999 23:59:59 " M, M, "", NO_PID, INT64_C(253402300799) * SEC, false },

        /* Headers. */
        { "Nov 24 00:05:16 srv sshd: " M, M, "sshd", NO_PID, T, true },
        { "Nov 24 00:05:16 sshd[12]: " M, M, "sshd", 12, T, true },
        { "Nov 24 00:05:16 sshd: " M, M, "sshd", NO_PID, T, true },
        { "Nov 24 00:05:16 [sshd]: " M, M, "sshd", NO_PID, T, true },
        { "Nov 24 00:05:16 [sshd] " M, M, "sshd", NO_PID, T, true },
        { "Nov 24 00:05:16 sshd[12]:", "", "sshd", 12, T, true },
        { "Nov 24 00:05:16 sshd[12]: ", "", "sshd", 12, T, true },
        { "Nov 24 00:05:16 sshd[12]:  two", " two", "sshd", 12, T, true },
        { "Nov 24 00:05:16 sshd[9999999999]: " M, M, "sshd", 9999999999, T, true },
        { "Nov 24 00:05:16 2001:db8::7 sshd[12]: " M, M, "sshd", 12, T, true },
        { "Nov 24 00:05:16 net@srv/relay.example.com sshd[12]: " M, M, "sshd", 12, T, true },
        { "Nov 24 00:05:16 srv (systemd)[1]: x", "x", "(systemd)", 1, T, true },
        { "Nov 24 00:05:16 srv other[1]: x", "x", "other", 1, T, true },
        { "Nov 24 00:05:16 srv other: x", "srv other: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 other[1]: x", "other[1]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 other: x", "other: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 [other]: x", "[other]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv [sshd]: x", "srv [sshd]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv a/b.c[1]: x", "x", "a/b.c", 1, T, true },
        { "Nov 24 00:05:16 a/b.c: x", "x", "a/b.c", NO_PID, T, true },
        { "srv sshd[12]: " M, M, "sshd", 12, 0, true },
        { "srv other[12]: " M, M, "other", 12, 0, true },
        { "sshd[12]: " M, M, "sshd", 12, 0, true },
        { "srv sshd[12]: kernel: [  970.699396]: " M, "kernel: [  970.699396]: " M, "sshd", 12, 0, true },
        { "srv sshd[12]: Nov 24 00:05:16 " M, "Nov 24 00:05:16 " M, "sshd", 12, 0, true },
        { "Nov 24 00:05:16 srv dovecot: auth-worker(3): x", "auth-worker(3): x", "dovecot", NO_PID, T, true },
        { "Nov 24 00:05:16 srv dovecot[2]: dovecot: auth(default): x", "dovecot: auth(default): x", "dovecot", 2, T, true },
        { "Nov 24 00:05:16 auth-worker(304): Info: pam(u,192.0.2.7): x", "auth-worker(304): Info: pam(u,192.0.2.7): x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 auth(u@x,192.0.2.7,sasl:login)<a>: Info: x", "auth(u@x,192.0.2.7,sasl:login)<a>: Info: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 pop3-login: sshd[1]: x", "pop3-login: sshd[1]: x", "", NO_PID, T, false },
        { "srv nginx[7]: srv nginx: 2025/09/07 00:00:00 [error]", "srv nginx: 2025/09/07 00:00:00 [error]", "nginx", 7, 0, true },
        { "2026-11-24 00:05:16,388 fail2ban.actions        [9]: NOTICE  x", "NOTICE  x", "fail2ban.actions", 9, T + 388000, true },
        { "Nov 24 00:05:16 srv other [9]: x", "srv other [9]: x", "", NO_PID, T, false },

        /* No headers. */
        { "Nov 24 00:05:16 srv  sshd[12]: x", "srv  sshd[12]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[12] x", "srv sshd[12] x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[12]:x", "srv sshd[12]:x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[x]: x", "srv sshd[x]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[]: x", "srv sshd[]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[: x", "srv sshd[: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[-1]: x", "srv sshd[-1]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv sshd[99999999999]: x", "srv sshd[99999999999]: x", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv x sshd[12]: y", "srv x sshd[12]: y", "", NO_PID, T, false },
        { "Nov 24 00:05:16 srv x: sshd[12]: y", "srv x: sshd[12]: y", "", NO_PID, T, false },
        { "Nov 24 00:05:16 x: srv sshd[12]: y", "x: srv sshd[12]: y", "", NO_PID, T, false },
        { "Nov 24 00:05:16 \"srv\" sshd[12]: y", "\"srv\" sshd[12]: y", "", NO_PID, T, false },
        { "Nov 24 00:05:16 -sshd[12]: y", "-sshd[12]: y", "", NO_PID, T, false },
        { "login of x from srv sshd[12]: y", "=", "", NO_PID, 0, false },
        { "NOQUEUE: reject: RCPT from x[1]: 554", "=", "", NO_PID, 0, false },
        { "", "", "", NO_PID, 0, false },

        /* Priorities and RFC 5424. */
        { "<38>Nov 24 00:05:16 srv sshd[12]: " M, M, "sshd", 12, T, true },
        { "<38>sshd[12]: " M, M, "sshd", 12, 0, true },
        { "<192>sshd[12]: " M, "=", "", NO_PID, 0, false },
        { "<>sshd[12]: " M, "=", "", NO_PID, 0, false },
        { "<6>x", "=", "", NO_PID, 0, false },
        { "<38>1 2026-11-24T00:05:16.5Z srv sshd 12 - - " M, M, "sshd", 12, T + 500000, true },
        { "<38>1 2026-11-24T00:05:16Z srv other 12 ID7 - " M, M, "other", 12, T, true },
        { "<38>1 - - - - - - " M, M, "", NO_PID, 0, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd worker - - " M, M, "sshd", NO_PID, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 99999999999 - - " M, M, "sshd", NO_PID, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 12 - -", "", "sshd", 12, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 12 - [a b=\"c\"]", "", "sshd", 12, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 12 - [a b=\"\\\"] x\" c=\"]\"][d] " M, M, "sshd", 12, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 12 - - \xef\xbb\xbf" M, M, "sshd", 12, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 12 - [a b=\"c] " M, "[a b=\"c] " M, "sshd", 12, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd 12 " M, M, "sshd", 12, T, true },
        { "<38>1 2026-11-24T00:05:16Z srv sshd", "srv sshd", "", NO_PID, T, false },
        { "<38>2 2026-11-24T00:05:16Z srv sshd 12 - - " M, "=", "", NO_PID, 0, false },
        { "<38>1 2026-11-24T00:05:16Z", "=", "", NO_PID, 0, false },
        { "<38>1 2026-11-24T00:05:16Z\tsrv", "=", "", NO_PID, 0, false },
};

static void test_lines(void)
{
        set_zone("UTC");
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                LogLine line = parse(lines[i].line, T + 5 * SEC);
                const char *message = strcmp(lines[i].message, "=") == 0 ? lines[i].line : lines[i].message;

                printf("%s\n", lines[i].line);
                fflush(stdout);
                check_text(line.text, message);
                check_text(line.ident, lines[i].ident);
                check_int(line.pid, lines[i].pid);
                check_int(line.syslog, lines[i].syslog);
                check_int(line.time.usec, lines[i].time);
        }
}

/* ---- Hostile lines ---- */

static void test_hostile(void)
{
        static const char with_nul[] = "Nov 24 00:05:16 srv sshd[12]: a\0sshd[1]: b", early_nul[] = "Nov 24 00:05:16 srv\0 sshd[12]: a";
        size_t size = 1 << 20;
        char *big = malloc(size), name[80];
        LogLine line;

        set_zone("UTC");
        line = parse_size(with_nul, sizeof with_nul - 1, T);
        check(line.syslog && line.length == 12 && memcmp(line.text, "a\0sshd[1]: b", 12) == 0);
        line = parse_size(early_nul, sizeof early_nul - 1, T);
        check(!line.syslog && line.time.usec == T && line.length == sizeof early_nul - 1 - 16);
        line = parse("Nov 24 00:05:16 srv \xff\xfe[1]: x", T);
        check(!line.syslog && line.time.usec == T);
        line = parse("\xff\xfe\x80Nov 24 00:05:16 srv sshd[1]: x", T);
        check(!line.syslog && line.time.usec == 0);
        LogLineOptions options = { .now = { T } };
        logline_parse(&options, NULL, 0, knows, (void *) services, &line);
        check(line.length == 0 && line.time.usec == 0);
        logline_parse(&options, "Nov 24 00:05:16 srv sshd: x", 27, NULL, NULL, &line);
        check(!line.syslog && line.time.usec == T);

        /* Names at the limit. */
        memset(name, 'x', sizeof name);
        snprintf(name + 63, sizeof name - 63, "[1]: y");
        char text[128];
        snprintf(text, sizeof text, "srv %s", name);
        line = parse(text, T);
        check(line.syslog && strlen(line.ident) == 63);
        snprintf(text, sizeof text, "srv x%s", name);
        check(!parse(text, T).syslog);

        /* A megabyte of each byte that something is repeated of. */
        static const char repeated[] = "\0 <[x1:.\"\\@-\t";
        for (const char *c = repeated; c < repeated + sizeof repeated - 1; c++) {
                for (size_t prefix = 0; prefix < 6; prefix++) {
                        static const char *const prefixes[] = { "", "Nov 24 00:05:16 ", "<38>1 2026-11-24T00:05:16Z a b 1 - [", "srv sshd",
                                                                "1.2.3.4 - ", "Nov 24 00:05:16 srv sshd[12]: " };
                        memset(big, *c, size);
                        memcpy(big, prefixes[prefix], strlen(prefixes[prefix]));
                        line = parse_size(big, size, T);
                        check(line.text >= big && line.text <= big + LOGLINE_HEAD_MAX);
                        check(line.syslog == (prefix == 2 || prefix == 5));
                }
        }
        /* A stamp of an access log too far back is not sought. */
        memset(big, 'x', size);
        memcpy(big + LOGLINE_HEAD_MAX - 10, " [24/Nov/2026:00:05:16 +0000] \"", 31);
        check_int(parse_size(big, size, T).time.usec, 0);
        memcpy(big + LOGLINE_HEAD_MAX - 32, " [24/Nov/2026:00:05:16 +0000] \"", 31);
        check_int(parse_size(big, size, T).time.usec, T);
        free(big);

        /* A line cut anywhere, and with any byte changed. */
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                char copy[256];
                size_t length = strlen(lines[i].line);

                check(length < sizeof copy);
                for (size_t n = 0; n < length; n++) {
                        (void) parse_size(lines[i].line, n, T);
                        memcpy(copy, lines[i].line, length);
                        for (int byte = 0; byte < 256; byte += 5) {
                                copy[n] = (char) byte;
                                (void) parse_size(copy, length, T);
                        }
                }
        }
        /* Any moment of reading. */
        static const int64_t moments[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
        for (size_t i = 0; i < 5; i++) {
                line = parse("Feb 29 12:00:00.5 x", moments[i]);
                check(line.length == 1 && (moments[i] == INT64_MAX) == (line.time.usec > 0));
        }
}

/* ---- Time ---- */

static int64_t utc(int year, int month, int day, int hour, int minute, int second)
{
        struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second };

        return (int64_t) timegm(&tm);
}

static void check_time(const char *text, int64_t now, int64_t expected)
{
        LogLine line = parse(text, now * SEC);

        if (line.time.usec != expected * SEC)
                printf("%s\n", text);
        check_int(line.time.usec / SEC, expected);
        check_text(line.text, "x");
}

/* Every quarter of an hour from -12 to +14, in the stamp and as the zone of the process. */
static void test_zones(void)
{
        for (int quarter = -48; quarter <= 56; quarter++) {
                int minutes = quarter * 15, size = minutes < 0 ? -minutes : minutes;
                char text[80], zone[40], sign = minutes < 0 ? '-' : '+';
                int64_t expected = utc(2026, 3, 1, 0, 10, 0) - minutes * 60;

                set_zone("Europe/Berlin");
                snprintf(text, sizeof text, "2026-03-01T00:10:00%c%02d:%02d x", sign, size / 60, size % 60);
                check_time(text, NOVEMBER, expected);
                snprintf(text, sizeof text, "2026-03-01 00:10:00%c%02d%02d x", sign, size / 60, size % 60);
                check_time(text, NOVEMBER, expected);
                snprintf(text, sizeof text, "a - - [01/Mar/2026:00:10:00 %c%02d%02d] \"x\"", sign, size / 60, size % 60);
                check_int(parse(text, NOVEMBER * SEC).time.usec, expected * SEC);

                snprintf(zone, sizeof zone, "<XYZ>%c%02d:%02d", minutes < 0 ? '+' : '-', size / 60, size % 60);
                set_zone(zone);
                check_time("2026-03-01 00:10:00 x", NOVEMBER, expected);
                check_time("Mar  1 00:10:00 x", NOVEMBER, expected);
                check_time("Sun Mar  1 00:10:00 2026 x", NOVEMBER, expected);
                check_time("2026/03/01 00:10:00 x", NOVEMBER, expected);
                check_time("2026-03-01 00:10:00Z x", NOVEMBER, expected + minutes * 60);
        }
}

static void test_years(void)
{
        set_zone("UTC");
        int64_t new_year = utc(2027, 1, 1, 0, 0, 0);

        check_time("Dec 31 23:59:59 x", new_year + 1, new_year - 1);
        check_time("Dec 31 23:59:59 x", new_year - 1, new_year - 1);
        check_time("Jan  1 00:00:00 x", new_year, new_year);
        check_time("Jan  1 00:00:00 x", new_year - 60, new_year);               /* a clock that is ahead */
        check_time("Jan  1 00:00:00 x", new_year - 86400, new_year);
        check_time("Jan  1 00:00:00 x", new_year - 86401, new_year - 365 * 86400);
        check_time("Feb 29 12:00:00 x", utc(2028, 2, 29, 13, 0, 0), utc(2028, 2, 29, 12, 0, 0));
        check_time("Feb 29 12:00:00 x", utc(2028, 2, 28, 13, 0, 0), utc(2028, 2, 29, 12, 0, 0));
        check_time("Feb 29 12:00:00 x", utc(2028, 2, 28, 11, 0, 0), utc(2024, 2, 29, 12, 0, 0));
        check_time("Feb 29 12:00:00 x", utc(2028, 2, 27, 13, 0, 0), utc(2024, 2, 29, 12, 0, 0));
        check_time("Feb 29 12:00:00 x", utc(2103, 12, 31, 0, 0, 0), utc(2096, 2, 29, 12, 0, 0));
        check_time("Feb 28 12:00:00 x", utc(2027, 3, 1, 0, 0, 0), utc(2027, 2, 28, 12, 0, 0));
        check_time("Mar  1 00:00:00 x", utc(2028, 2, 29, 0, 0, 0), utc(2028, 3, 1, 0, 0, 0));

        /* The year is the zone's. */
        set_zone("<XYZ>-14");
        check_time("Jan  1 00:30:00 x", new_year - 14 * 3600 + 1800, new_year - 14 * 3600 + 1800);
        check_time("Jan  1 13:00:00 x", new_year - 3600, new_year - 3600);
        check_time("Dec 31 23:00:00 x", new_year, new_year - 15 * 3600);
        set_zone("<XYZ>+12");
        check_time("Dec 31 13:00:00 x", new_year + 3600, new_year + 3600);
        check_time("Jan  1 01:00:00 x", new_year + 13 * 3600, new_year + 13 * 3600);

        /* Each day of eight years, as if read then and half a year later. */
        set_zone("Europe/Berlin");
        for (int64_t day = utc(2022, 1, 1, 9, 8, 7); day < utc(2030, 1, 1, 0, 0, 0); day += 86400) {
                time_t time = day;
                char text[40];
                struct tm tm;

                localtime_r(&time, &tm);
                strftime(text, sizeof text, "%b %e %H:%M:%S x", &tm);
                check_time(text, day, day);
                check_time(text, day - 86000, day);
                check_time(text, day + 180 * 86400, day);
        }
}

static void test_summer_time(void)
{
        int64_t spring = utc(2026, 3, 29, 1, 0, 0), autumn = utc(2026, 10, 25, 1, 0, 0);

        set_zone("Europe/Berlin");
        for (int turn = 0; turn < 2; turn++) { /* the second time from what is kept */
                check_time("2026-03-29 01:59:59 x", NOVEMBER, spring - 1);
                check_time("2026-03-29 03:00:00 x", NOVEMBER, spring);
                check_time("2026-03-29 02:00:00 x", NOVEMBER, spring);          /* there is none: as if the clock had gone on */
                check_time("2026-03-29 02:30:00 x", NOVEMBER, spring + 1800);
                check_time("Mar 29 02:59:59 x", NOVEMBER, spring + 3599);
                check_time("2026-10-25 01:59:59 x", NOVEMBER, autumn - 3601);
                check_time("2026-10-25 03:00:00 x", NOVEMBER, autumn + 3600);
                /* Read as they are written, both hours are right. */
                for (int64_t second = 0; second < 3600; second += 7) {
                        char text[40];

                        snprintf(text, sizeof text, "Oct 25 02:%02d:%02d x", (int) second / 60, (int) second % 60);
                        check_time(text, autumn - 3600 + second, autumn - 3600 + second);
                        check_time(text, autumn + second, autumn + second);
                        check_time(text, NOVEMBER, autumn + second);
                }
                check_time("2026-10-25T02:30:00+02:00 x", NOVEMBER, autumn - 1800);
                check_time("2026-10-25T02:30:00+01:00 x", NOVEMBER, autumn + 1800);
        }
        /* Half an hour, in the middle of an hour: 2:00 on 5 April 2026 comes twice from 1:30 on. */
        set_zone("Australia/Lord_Howe");
        check_time("2026-04-05 01:15:00 x", NOVEMBER, utc(2026, 4, 4, 14, 15, 0));
        check_time("2026-04-05 01:45:00 x", NOVEMBER, utc(2026, 4, 4, 15, 15, 0));
        check_time("2026-04-05 01:45:00 x", utc(2026, 4, 4, 14, 45, 0), utc(2026, 4, 4, 14, 45, 0));
        check_time("2026-04-05 02:15:00 x", NOVEMBER, utc(2026, 4, 4, 15, 45, 0));

        /* Where a time exists once, mktime() knows the same: every 17 minutes of two years, in zones of each kind. */
        static const char *const zones[] = { "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia",
                                             "Asia/Kathmandu", "America/New_York" };
        for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
                set_zone(zones[i]);
                for (int64_t second = utc(2011, 6, 1, 0, 0, 0); second < utc(2013, 6, 1, 0, 0, 0); second += 1020) {
                        time_t time = second;
                        struct tm tm;
                        char text[40];

                        localtime_r(&time, &tm);
                        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S x", &tm);
                        /* Read when it was written, each time is right, the equal ones too. */
                        check_time(text, second, second);
                }
        }
}

/* ---- What is known of a file ---- */

/* The stamp that the last line had is not read again, unless something else follows it or fills it in. */
static void test_last_stamp(const Zone *zone)
{
        static const struct {
                const char *text;
                size_t size;            /* of its stamp */
                int64_t time;
                bool utc;
                int64_t now;
        } stamps[] = {
                { "Nov 24 05:50:16 x", 15, T, false, T },
                { "Nov 24 05:50:16\tx", 15, T, false, T },
                { "Nov 24 05:50:16", 15, T, false, T },
                { "Nov 24 05:50:16.5 x", 17, T + SEC / 2, false, T },
                { "Nov 24 05:50:16 x", 15, T, false, T },
                { "Nov 24 05:50:160 x", 0, 0, false, T },
                { "Nov 24 05:50:1", 0, 0, false, T },
                { "Nov 24 05:50:16 x", 15, T + (5 * 60 + 45) * 60 * SEC, true, T },
                { "Nov 24 05:50:16 x", 15, T, false, T },
                { "Nov 24 05:50:16 x", 15, T - 365 * 86400 * SEC, false, T - 30 * 86400 * SEC },
                { "[Nov 24 05:50:16] x", 17, T, false, T },
                { "[Nov 24 05:50:16 x", 0, 0, false, T },
                { "[Nov 24 05:50:16] x", 17, T, false, T },
        };
        _cleanup_(zone_freep) Zone *utc = NULL;
        LogLineMemory memory = { 0 };
        bool zoned;

        check_int(zone_load("UTC", &utc, NULL), 0);
        for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++) {
                LogLineOptions options = { .now = { stamps[i].now }, .zone = stamps[i].utc ? utc : zone, .memory = &memory };
                EventTime time = EVENT_TIME_NONE;

                check_int(logline_stamp(&options, stamps[i].text, strlen(stamps[i].text), &time, &zoned), stamps[i].size);
                check_int(time.usec, stamps[i].time);
        }
}

/* Behind a header that is remembered: what is like it, and what only seems so. */
static void test_header_memory(const Zone *zone)
{
        static const char *const befores[] = { "srv sshd[12]: a", "Nov 24 05:50:16 srv sshd[12]: a", "::1 sshd[12]: a", "srv sshd (x)[7]: a" };
        static const char *const behinds[] = {
                "srv sshd[12]: b", "srv sshd[34]:", "srv sshd[34]: ", "srv sshd[]: b", "srv sshd[12] b", "srv sshd[12345678901]: b", "srv sshd[1]:b", "srv sshd[x]: b",
                "srv sshd[1", "srv sshd[", "srv sshd", "srv sshd: b", "srv sshd [1]: b", "srv sshd2[1]: b", "srv ssh[1]: b", "sr sshd[1]: b", "srv: sshd[1]: b",
                "[srv sshd[1]: b", "srv  sshd[1]: b", "srv foreign[1]: b", "srv sshd[1]: srv sshd[2]: b", "::1 sshd[1]: b", "srv sshd (x)[1]: b", "srv sshd (x) b",
        };

        static const char *const stamps[] = {
                "", "Nov 24 05:50:17 ", "Nov 24 05:50:16 ", "Nov 24 05:50:16  ", "Nov 24 05:50:16\t", "<13>Nov 24 05:50:16 ", "[Nov 24 05:50:16] ",
        };

        for (size_t i = 0; i < sizeof befores / sizeof *befores; i++)
                for (size_t j = 0; j < sizeof behinds / sizeof *behinds; j++)
                        for (size_t n = 0; n < 3 * sizeof stamps / sizeof *stamps; n++) {
                                LogLineMemory memory = { 0 };
                                LogLineOptions options = { .now = { T + 5 * SEC }, .memory = &memory };
                                LogLine line, alone;
                                char text[128];

                                snprintf(text, sizeof text, "%s%s", stamps[n / 3], behinds[j]);
                                for (int twice = 0; twice < 2; twice++)
                                        logline_parse(&options, befores[i], strlen(befores[i]), knows, (void *) services, &line);
                                if (n % 3 == 1)
                                        options.now.usec -= 30 * 86400 * SEC;
                                else if (n % 3 == 2)
                                        options.zone = zone;
                                logline_parse(&options, text, strlen(text), knows, (void *) services, &line);
                                options.memory = NULL;
                                logline_parse(&options, text, strlen(text), knows, (void *) services, &alone);
                                check(line.text == alone.text && line.length == alone.length && line.pid == alone.pid && line.syslog == alone.syslog);
                                check_text(line.ident, alone.ident);
                                check_int(line.time.usec, alone.time.usec);
                                check_int(line.zoned, alone.zoned);
                        }
}

/* Whatever a file's lines had before: each line is read as if it were the first. */
static void test_memory(void)
{
        _cleanup_(zone_freep) Zone *zone = NULL;
        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        LogLineMemory memory = { 0 };
        LogLine line, alone;

        set_zone("America/New_York");
        check_int(zone_load("+05:45", &zone, NULL), 0);
        check_int(date_formats_compile((const char *const[]){ "%d.%m.%Y %T", "%b %d %Y %R", NULL }, &dates, NULL), 0);
        for (int with_dates = 0; with_dates < 2; with_dates++)
                for (size_t n = 0; n < 20 * sizeof lines / sizeof *lines; n++) {
                        const char *text = lines[n * 7919 % (sizeof lines / sizeof *lines)].line;
                        LogLineOptions options = { .now = { T + 5 * SEC }, .zone = zone, .dates = with_dates ? dates : NULL, .memory = &memory };

                        logline_parse(&options, text, strlen(text), knows, (void *) services, &line);
                        options.memory = NULL;
                        logline_parse(&options, text, strlen(text), knows, (void *) services, &alone);
                        check_int(line.time.usec, alone.time.usec);
                        check_int(line.zoned, alone.zoned);
                        check(line.text == alone.text && line.pid == alone.pid && line.syslog == alone.syslog);
                        check_text(line.ident, alone.ident);
                }
        test_header_memory(zone);

        static const struct {
                const char *text, *message;
                int64_t time;
                unsigned form; /* remembered behind it */
                bool zoned;
        } file[] = {
                { "Nov 24 05:50:16 srv sshd[1]: x", "x", T, 1, false },
                { "Nov 24 05:50:17 srv sshd[1]: x", "x", T + SEC, 1, false },
                { "no stamp", "no stamp", 0, 1, false },
                { "2026-11-24T00:05:16Z srv sshd[1]: x", "x", T, 3, true },
                { "2026-11-24T05:50:16 x", "x", T, 3, false },
                { "192.0.2.7 - - [24/Nov/2026:00:05:16 +0000] \"x\"", "192.0.2.7 - - [24/Nov/2026:00:05:16 +0000] \"x\"", T, 3, true },
                { "24.11.2026 05:50:16 x", "x", T, 3, false },
                { "[24.11.2026 05:50:16] sshd[1]: x", "x", T, 3, false },
                { "Nov 24 2026 05:50 x", "x", T - 16 * SEC, 3, false },
                { "1795478716 x", "x", T, 6, true },
                { "<38>1 2026-11-24T00:05:16Z srv sshd 12 - - x", "x", T, 3, true },
        };
        memory.form = 0;
        for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
                LogLineOptions options = { .now = { T + 5 * SEC }, .zone = zone, .dates = dates, .memory = &memory };

                logline_parse(&options, file[i].text, strlen(file[i].text), knows, (void *) services, &line);
                check_text(line.text, file[i].message);
                check_int(line.time.usec, file[i].time);
                check_int(memory.form, file[i].form);
                check_int(line.zoned, file[i].zoned);
        }
        test_last_stamp(zone);
        /* A stamp in a field of its own. */
        EventTime time = EVENT_TIME_NONE;
        bool zoned = true;
        LogLineOptions options = { .now = { T }, .zone = zone };
        check_int(logline_stamp(&options, "2026-11-24 05:50:16.5", 21, &time, &zoned), 21);
        check(time.usec == T + SEC / 2 && !zoned);
        check_int(logline_stamp(&options, "tomorrow", 8, &time, &zoned), 0);
        check(time.usec == T + SEC / 2);
}

/* ---- Fail2Ban's samples ---- */

typedef struct Sample {
        const char *name;
        const char *const *idents;
        const char *mark;       /* where the header is in each line, unless `bare` says there may be none; NULL: not looked at */
        bool bare;              /* the service's own log files are among them */
} Sample;

static const char *const sshd_idents[] = { "sshd", NULL };
static const char *const postfix_idents[] = { "postfix/smtpd", NULL }; /* the others have host and pid */
static const char *const dovecot_idents[] = { "dovecot", "dovecot-auth", "auth", NULL };
static const char *const nginx_idents[] = { "nginx", NULL };
static const char *const recidive_idents[] = { "fail2ban.actions", NULL };

static const Sample samples[] = {
        { "sshd", sshd_idents, "sshd", false },
        { "sshd-journal", sshd_idents, "sshd", false },
        { "postfix", postfix_idents, "postfix", false },
        { "dovecot", dovecot_idents, "dovecot", true },
        { "nginx-bad-request", nginx_idents, "nginx[", true },
        { "nginx-botsearch", nginx_idents, "nginx[", true },
        { "nginx-forbidden", nginx_idents, "nginx[", true },
        { "nginx-http-auth", nginx_idents, "nginx[", true },
        { "nginx-limit-req", nginx_idents, "nginx[", true },
        { "recidive", recidive_idents, "fail2ban", false },
};

static unsigned n_sampled, n_timed, n_excepted;

/* What the tests of Fail2Ban say, in the zone that they set; 0 if they say nothing. */
static int64_t sample_time(const char *json)
{
        const char *at = strstr(json, "\"time\"");
        struct tm tm = { .tm_isdst = -1 };

        if (!at)
                return 0;
        at = strchr(at + 6, '"');
        check(at && strptime(at + 1, "%Y-%m-%dT%H:%M:%S", &tm));
        return (int64_t) mktime(&tm);
}

static void check_sample_time(const char *text, const LogLine *line, int64_t expected)
{
        n_timed++;
        if (line->time.usec / SEC == expected)
                return;
        printf("time %lld, theirs %lld: %s\n", (long long) (line->time.usec / SEC), (long long) expected, text);
        n_excepted++;
        /* They take the seconds of TAI64N for Unix time; daemontools and runit write 10 more. */
        if (text[0] == '@' && line->time.usec / SEC == expected - 10)
                return;
        /* The journal's short form has no stamp; what they read is nginx's, in the message. The journal gives the time. */
        if (strncmp(text, "host nginx[", 11) == 0 && line->time.usec == 0)
                return;
        check(!"times agree or differ for a reason");
}

/* The message as a search for the name finds it, for these lines are known to have it once in front. */
static void check_sample_split(const Sample *sample, const char *text, const LogLine *line)
{
        const char *mark = strstr(text, sample->mark), *colon = mark ? strchr(mark, ':') : NULL;

        if (strncmp(text, "<38>1 ", 6) == 0) {
                check(line->syslog && line->pid > 0 && strncmp(line->text, "Failed unknown for", 18) == 0);
                return;
        }
        /* Dovecot's own files: its helpers are no idents, and stand in the message. Only `auth` is one. */
        if (sample->bare && (!mark || mark > text + 64)) {
                check(!line->syslog || strcmp(line->ident, "auth") == 0);
                check(line->syslog || line->time.usec > 0);
                return;
        }
        if (sample->bare && strcmp(line->ident, "auth") == 0) {
                check_text(line->text, strstr(text, "auth: ") + 6);
                return;
        }
        if (mark && strncmp(mark, "sshd] ", 6) == 0)
                colon = mark + 4;
        if (!colon || !line->syslog)
                fprintf(stderr, "no header found: %s\n", text);
        check(colon && line->syslog);
        check_text(line->text, colon[1] == ' ' ? colon + 2 : colon + 1);
        check(strncmp(line->ident, sample->mark, strcspn(sample->mark, "[")) == 0);
        check_int(line->pid, memchr(mark, '[', (size_t) (colon - mark)) ? atoll(strchr(mark, '[') + 1) : -1);
}

static bool run_sample(const Sample *sample)
{
        LogLineOptions options = { .now = { utc(2005, 8, 14, 10, 0, 0) * SEC } };
        FILE *file = sample_open(sample->name);
        int64_t expected = 0;
        static char text[65536];

        if (!file)
                return false;
        while (fgets(text, sizeof text, file)) {
                LogLine line;

                text[strcspn(text, "\n")] = '\0';
                if (strncmp(text, "# failJSON:", 11) == 0 || strncmp(text, "#failJSON:", 10) == 0)
                        expected = sample_time(text);
                if (!*text || *text == '#')
                        continue;
                logline_parse(&options, text, strlen(text), knows, (void *) sample->idents, &line);
                check_sample_split(sample, text, &line);
                if (expected)
                        check_sample_time(text, &line, expected);
                expected = 0;
                n_sampled++;
        }
        fclose(file);
        return true;
}

/* Their tests run in this zone, at noon of 14 August 2005. */
static bool test_samples(void)
{
        bool any = false;

        set_zone("Europe/Zurich");
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
                any = run_sample(&samples[i]) || any;
        if (!any) {
                fputs(SAMPLES_NONE, stdout);
                return false;
        }
        printf("%u sample lines, %u with time, of these %u differ for a reason\n", n_sampled, n_timed, n_excepted);
        check(n_sampled > 300 && n_timed > 250 && n_excepted < 20);
        return true;
}

/* ---- Speed ---- */

static void test_speed(void)
{
        static const struct {
                const char *name, *text;
        } cases[] = {
                { "RFC 3164", "Nov 24 00:05:16 srv sshd[12]: Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "ISO 8601 with zone", "2026-11-24T00:05:16.123456+01:00 srv sshd[12]: Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "ISO 8601 without", "2026-11-24 00:05:16,123 srv sshd[12]: Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "RFC 5424", "<38>1 2026-11-24T00:05:16.1Z srv sshd 12 - - Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "nginx's error log", "2026/11/24 00:05:16 [error] 7#7: *1 user \"x\": password mismatch, client: 192.0.2.7" },
                { "asctime", "[Tue Nov 24 00:05:16.000007 2026] [core:error] [pid 9] [client 192.0.2.7:4022] x" },
                { "epoch", "1795478716.5 srv sshd[12]: Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "TAI64N", "@400000006ae3814629b92700 sshd: Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "directives", "24.11.2026 00:05:16 srv sshd[12]: Failed password for root from 192.0.2.7 port 4022 ssh2" },
                { "access log", "192.0.2.7 - - [24/Nov/2026:01:05:16 +0100] \"GET / HTTP/1.1\" 404 1 \"-\" \"-\"" },
                { "no stamp", "srv sshd[12]: Failed password for root from 192.0.2.7 port 4022 ssh2" },
        };
        const unsigned rounds = 200000;

        _cleanup_(date_formats_freep) DateFormats *dates = NULL;
        LogLineMemory memory = { 0 };

        set_zone("Europe/Berlin");
        check_int(date_formats_compile((const char *const[]){ "%d.%m.%Y %H:%M:%S", NULL }, &dates, NULL), 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                LogLineOptions options = { .now = { T }, .memory = &memory, .dates = strcmp(cases[i].name, "directives") == 0 ? dates : NULL };
                size_t size = strlen(cases[i].text);
                struct timespec start, end;
                double best = 1e9;

                for (int run = 0; run < 5; run++) {
                        uint64_t sum = 0;

                        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
                        for (unsigned n = 0; n < rounds; n++) {
                                LogLine line;

                                logline_parse(&options, cases[i].text, size, knows, (void *) sshd_idents, &line);
                                sum += (uint64_t) (line.time.usec + line.pid);
                        }
                        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
                        check(sum != 0);
                        double ns = ((double) (end.tv_sec - start.tv_sec) * 1e9 + (double) (end.tv_nsec - start.tv_nsec)) / rounds;
                        if (ns < best)
                                best = ns;
                }
                printf("%s: %.0f ns per line\n", cases[i].name, best);
                /* Far above what it takes, far below a call of mktime() per line under a sanitizer. */
                check(best < 20000);
        }
}

int main(void)
{
        test_lines();
        test_hostile();
        test_zones();
        test_years();
        test_summer_time();
        test_memory();
        test_speed();
        return test_samples() ? EXIT_SUCCESS : SAMPLES_SKIPPED;
}
