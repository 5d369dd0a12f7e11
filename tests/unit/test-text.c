/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <unistd.h>

#include "test.h"
#include "util/text.h"

static void test_printable(void)
{
        static const struct {
                const char *text;
                size_t size;
                const char *shown;
        } cases[] = {
                { "plain", 5, "plain" },
                { "a\nb\033[31m\0z", 10, "a\\x0ab\\x1b[31m\\x00z" },
                { "back\\slash", 10, "back\\\\slash" },
                { "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f" },
                { "\xff\xc3", 2, "\\xff\\xc3" },
                { "\xc2\x9b", 2, "\\xc2\\x9b" },
                { "\xe2\x80\xae", 3, "\\xe2\\x80\\xae" },
                { "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },
        };
        char buffer[64];

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                text_printable(cases[i].text, cases[i].size, buffer, sizeof buffer);
                if (strlen(cases[i].text) == cases[i].size)
                        check_int(text_is_printable(cases[i].text), strcmp(cases[i].text, cases[i].shown) == 0 || strchr(cases[i].text, '\\'));
                check_text(buffer, cases[i].shown);
        }
        check_int(text_printable("\xc3\xbc\xc3\xbc", 4, buffer, 4), 2); /* cut between characters */
        check_text(buffer, "\xc3\xbc");
        check_int(text_printable("\n", 1, buffer, 4), 0);
}

/* One odd byte at every place of a text of every length, into buffers of every size. */
static void test_printable_places(void)
{
        static const char odd[] = "\n\\\x7f\xff\x1f\x80";
        char text[40], whole[200], cut[200];

        for (size_t size = 1; size < sizeof text; size++)
                for (size_t at = 0; at < size; at++)
                        for (size_t i = 0; odd[i]; i++) {
                                memset(text, 'a', size);
                                text[at] = odd[i];
                                size_t length = text_printable(text, size, whole, sizeof whole);

                                check_int(length, size + (odd[i] == '\\' ? 1 : 3));
                                check(memcmp(whole, text, at) == 0 && whole[at] == '\\' && strlen(whole) == length);
                                check(memcmp(whole + length - (size - at - 1), text + at + 1, size - at - 1) == 0);
                                for (size_t room = 1; room <= length; room++) {
                                        size_t used = text_printable(text, size, cut, room);

                                        check(used < room && memcmp(cut, whole, used) == 0 && !cut[used]);
                                        check(used + 1 == room || used == at);
                                }
                        }
}

static void test_nearest(void)
{
        static const char *const known[] = { "findtime", "maxretry", "bantime" };

        check_text(text_nearest("fintime", known, 3), "findtime");
        check_text(text_nearest("max_retry", known, 3), "maxretry");
        check_text(text_nearest("maxretries", known, 3), "maxretry");
        check(!text_nearest("colour", known, 3));
}

static void test_names(void)
{
        check(text_is_name("sshd") && text_is_name("nginx-http-auth") && text_is_name("a.b_c9"));
        check(!text_is_name("") && !text_is_name("-x") && !text_is_name(".") && !text_is_name("a/b") && !text_is_name("a b"));
}

static void test_files(void)
{
        char path[] = "/tmp/bailiff-test-XXXXXX", *text;
        size_t size;

        check(mkdtemp(path));
        char file[64];
        snprintf(file, sizeof file, "%s/file", path);
        check_int(text_write_file(file, "hello", 5, 0600), 0);
        check_int(text_write_file(file, "hello again", 11, 0600), 0);
        check_int(text_read_file(file, 100, &text, &size), 0);
        check_text(text, "hello again");
        free(text);
        check_int(text_read_file(file, 10, &text, &size), -EFBIG);
        check_int(text_read_file(path, 10, &text, &size), -EISDIR);
        unlink(file);
        check_int(text_read_file(file, 10, &text, &size), -ENOENT);
        rmdir(path);
}

/* One printable character, whole and within the given bytes. */
static void test_character(void)
{
        static const struct {
                const char *text;
                size_t size;
        } rows[] = {
                { "a", 1 }, { "\\", 1 }, { "\xc3\x9f!", 2 }, { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x92\xa5", 4 }, { "\x1f", 0 }, { "\n", 0 },
                { "\x7f", 0 }, { "\xff", 0 }, { "\xc3(", 0 }, { "\xc2\x85", 0 }, { "\xe2\x80\xae", 0 }, { "\x9f", 0 },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                check_int(text_character(rows[i].text, strlen(rows[i].text)), rows[i].size);
                for (size_t less = 0; less < rows[i].size; less++)
                        check_int(text_character(rows[i].text, less), 0);
        }
}

int main(void)
{
        test_character();
        test_printable();
        test_printable_places();
        test_nearest();
        test_names();
        test_files();
        return 0;
}
