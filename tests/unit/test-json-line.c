/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines that are JSON objects: message, time and address, and what is no such line. */

#include <time.h>

#include "source/json-line.h"
#include "test.h"

static const JsonNames usual = { NULL, NULL, NULL };
static char buffer[65536];
static JsonLine line;

static bool reads(const JsonNames *names, const char *text)
{
        memset(buffer, '#', sizeof buffer);
        return json_line_read(names, text, strlen(text), true, buffer, sizeof buffer, &line);
}

static const char *message(const char *text)
{
        check(reads(&usual, text));
        buffer[line.length] = '\0';
        return buffer;
}

static void test_members(void)
{
        static const JsonNames names = { "event.original", "t", "peer.ip" }, dotted = { "a.b", NULL, NULL };
        char text[ADDR_TEXT_MAX];

        check_text(message("{\"msg\":\"login failed\",\"ts\":1795478716.25}"), "login failed");
        check_text(line.time, "1795478716.25");
        check(!line.docker && !line.part && !line.cut);
        check_text(message(" {\"level\":\"info\", \"log\":\"b\", \"message\" : \"a\" , \"x\":{\"message\":\"c\"}, \"y\":[{\"message\":\"d\"},[]], \"z\":null}\r"), "a");
        check_text(message("{\"MESSAGE\":\"\"}"), "");
        check(reads(&names, "{\"message\":\"no\",\"t\":\"x\",\"event\":{\"kind\":{},\"original\":\"yes\"},\"peer\":{\"ip\":\"203.0.113.5\"}}"));
        check_int(line.length, 3);
        check_text(addr_format(&line.address, text), "203.0.113.5");
        check(reads(&names, "{\"event.original\":\"yes\",\"peer.ip\":\"[2001:db8::1]:443\"}"));
        check_text(addr_format(&line.address, text), "2001:db8::1");
        check(reads(&names, "{\"event.original\":\"yes\",\"peer.ip\":\"203.0.113.5:4711\"}"));
        check_text(addr_format(&line.address, text), "203.0.113.5");
        check(reads(&names, "{\"event.original\":\"yes\",\"peer.ip\":\"203.0.113.5 198.51.100.1\"}"));
        check(!addr_is_valid(&line.address));
        check(reads(&names, "{\"event.original\":\"yes\",\"peer.ip\":\"host.example\"}"));
        check(!addr_is_valid(&line.address));
        check(reads(&names, "{\"event.original\":\"yes\",\"peer.ip\":\"203.0.113.5\\u0000\"}"));
        check(!addr_is_valid(&line.address));
        /* What stands deeper, or in an array, is another member. */
        check(!reads(&dotted, "{\"a\":[{\"b\":\"x\"}],\"c\":{\"a\":{\"b\":\"y\"}}}"));
}

static void test_escapes(void)
{
        check_text(message("{\"msg\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"), "\"\\/\b\f\n\r\t");
        check_text(message("{\"msg\":\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\ud83d!\"}"), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd!");
        check(reads(&usual, "{\"msg\":\"a\\u0000b\"}"));
        check_int(line.length, 3);
        check(memcmp(buffer, "a\0b", 3) == 0);
        check_text(message("{\"msg\":\"\xff\xfe\"}"), "\xff\xfe");
        /* One line break at the end is the writer's; others are the message's. */
        check_text(message("{\"msg\":\"a\\n\\n\"}"), "a\n");
        check_text(message("{\"\\u006dsg\":\"named with an escape\"}"), "named with an escape");
}

static void test_docker(void)
{
        check_text(message("{\"log\":\"text\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-28T12:00:00.123456789Z\"}"), "text");
        check(line.docker && !line.err && !line.part);
        check_text(message("{\"log\":\"te\",\"stream\":\"stderr\",\"time\":\"2026-11-28T12:00:00Z\"}"), "te");
        check(line.docker && line.err && line.part);
        check_text(message("{\"log\":\"te\",\"stream\":\"kafka\"}"), "te");
        check(!line.docker && !line.part);
}

static void test_bad(void)
{
        static const char *const texts[] = {
                "", " ", "x", "null", "\"msg\"", "[{\"msg\":\"a\"}]", "{}", "{\"msg\":\"a\"", "{\"msg\":\"a\"} x", "{\"msg\":\"a\"}{\"msg\":\"b\"}",
                "{\"msg\":\"a\",\"msg\":\"b\"}", "{\"msg\":\"a\",}", "{\"msg\" \"a\"}", "{\"msg\":a}", "{\"msg\":\"\\x\"}", "{\"msg\":\"\\u12g4\"}",
                "{\"msg\":5}", "{\"msg\":{\"a\":1}}", "{\"msg\":\"a\"]", "{\"a\":[1,],\"msg\":\"a\"}", "{msg:\"a\"}", "{\"other\":\"a\"}", "{\"a\":1 \"msg\":\"a\"}",
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                if (reads(&usual, texts[i])) {
                        fprintf(stderr, "taken: %s\n", texts[i]);
                        abort();
                }
}

/* Cut for its length: what came is the message's beginning. */
static void test_cut(void)
{
        static const char text[] = "{\"time\":\"x\",\"msg\":\"login fai";

        check(!json_line_read(&usual, text, strlen(text), false, buffer, 0, &line));
        check(json_line_read(&usual, text, strlen(text), false, buffer, sizeof buffer, &line));
        check(line.cut);
        check_int(line.length, 9);
        check(json_line_read(&usual, "{\"msg\":\"abcdef\"}", 16, true, buffer, 3, &line));
        check(line.cut);
        check_int(line.length, 3);
}

/* Depth and members in any number cost linear time and no stack. */
static void test_hostile(void)
{
        size_t size = 100000;
        char *text = malloc(size + 100);
        clock_t start = clock();

        memset(text, '[', size);
        memcpy(text, "{\"a\":", 5);
        text[size] = '\0';
        check(!reads(&usual, text));
        for (size_t i = 0; i + 8 < size; i += 8)
                memcpy(text + i, "{\"a\":{},", 8);
        for (size_t i = 8; i + 8 < size; i += 8)
                memcpy(text + i, "\"b\":\"x\",", 8);
        strcpy(text + size - 8, "\"msg\":\"end\"}");
        check_text(message(text), "end");
        for (size_t i = 0; i < 50; i++)
                check(reads(&usual, text));
        check((clock() - start) / (CLOCKS_PER_SEC / 10) < 20);
        free(text);
}

static int64_t time_of(const char *text)
{
        const LogLineOptions options = { .now = { INT64_C(1795867200) * USEC_PER_SEC } };

        return json_line_time(&options, text).usec;
}

static void test_time(void)
{
        check_int(time_of("2026-11-28T12:00:00.123456789Z"), INT64_C(1795867200123456));
        check_int(time_of("2026-11-28T13:00:00+01:00"), INT64_C(1795867200000000));
        check_int(time_of("1795867200"), INT64_C(1795867200000000));
        check_int(time_of("1795867200.5"), INT64_C(1795867200500000));
        check_int(time_of("1795867200123"), INT64_C(1795867200123000));
        check_int(time_of("1795867200123456"), INT64_C(1795867200123456));
        check_int(time_of("1795867200123456789"), INT64_C(1795867200123456));
        check_int(time_of("28/Nov/2026:12:00:00 +0000"), INT64_C(1795867200000000));
        check_int(time_of("2026-11-28 12:00:00"), INT64_C(1795867200000000));
        check_int(time_of(""), 0);
        check_int(time_of("yesterday"), 0);
        check_int(time_of("2026-11-28T12:00:00Z and more"), 0);
        check_int(time_of("-5"), 0);
        check_int(time_of("99999999999999999999999999"), 0);
}

int main(void)
{
        check_int(setenv("TZ", "UTC", 1), 0);
        test_members();
        test_escapes();
        test_docker();
        test_bad();
        test_cut();
        test_hostile();
        test_time();
        return 0;
}
