/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "test.h"
#include "util/addr.h"

static Addr prefix(const char *text)
{
        Addr addr;

        check_int(addr_parse_prefix(text, &addr), 0);
        return addr;
}

static void test_text(void)
{
        static const char *const same[][2] = {
                { "192.0.2.1", "192.0.2.1" },
                { "2001:DB8:0:0::1", "2001:db8::1" },
                { "::ffff:192.0.2.1", "192.0.2.1" },
                { "::ffff:c000:201", "192.0.2.1" },
                { "::ffff:192.0.2.0/120", "192.0.2.0/24" },
                { "203.0.113.0/24", "203.0.113.0/24" },
                { "192.0.2.1/32", "192.0.2.1" },
                { "::/0", "::/0" },
        };
        char text[ADDR_TEXT_MAX];

        for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
                Addr addr = prefix(same[i][0]);
                check_text(addr_format(&addr, text), same[i][1]);
        }
}

static void test_refused(void)
{
        static const char *const wrong[] = { "", "example.org", "192.0.2", "192.0.2.256", "192.030.0.6", "1.2.3.4.5", "[::1]",
                                             "fe80::1%eth0", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/-1", "192.0.2.1/ 8",
                                             "2001:db8::/129", " 192.0.2.1", "192.0.2.1 ", "0x7f.0.0.1", "::ffff:192.0.2.0/24" };
        Addr addr;

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                check_int(addr_parse_prefix(wrong[i], &addr), -EINVAL);
        check_int(addr_parse_prefix("192.0.2.1/24", &addr), -EDOM);
        check_int(addr_parse("192.0.2.1\0", 10, &addr), -EINVAL);
        check_int(addr_parse("192.0.2.123", 9, &addr), 0); /* only the given bytes count */
}

static void test_ban_key(void)
{
        static const char *const keys[][2] = {
                { "192.0.2.1", "192.0.2.1" },
                { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
                { "fe80::1", "fe80::1" },
                { "64:ff9b::c000:201", "64:ff9b::c000:201" },
                { "64:ff9b:1::5", "64:ff9b:1::5" },
                { "2001:0:1::5", "2001:0:1::5" },
                { "2002:c000:201:5::1", "2002:c000:201::/48" },
        };
        char text[ADDR_TEXT_MAX];

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                Addr addr = prefix(keys[i][0]), key = addr_ban_key(&addr, 64);
                check_text(addr_format(&key, text), keys[i][1]);
        }
}

static void test_contains(void)
{
        Addr net = prefix("192.0.2.0/25"), in = prefix("192.0.2.127"), out = prefix("192.0.2.128"), wide = prefix("192.0.0.0/16");
        Addr six = prefix("::/0");

        check(addr_contains(&net, &in) && !addr_contains(&net, &out) && !addr_contains(&net, &wide) && addr_contains(&wide, &net));
        check(addr_contains(&net, &net) && !addr_contains(&six, &in));
}

static void test_bannable(void)
{
        static const char *const never[] = { "0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "240.0.0.0/4", "::", "ff02::1" };

        for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
                Addr addr = prefix(never[i]);
                check(!addr_is_bannable(&addr));
        }
        Addr good = prefix("203.0.113.5"), six = prefix("2001:db8::/32");
        check(addr_is_bannable(&good) && addr_is_bannable(&six));
}

int main(void)
{
        test_text();
        test_refused();
        test_ban_key();
        test_contains();
        test_bannable();
        return 0;
}
