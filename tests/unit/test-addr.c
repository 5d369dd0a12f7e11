/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
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

/* Which prefix an address counts and is banned at, by a jail's ipv6_prefix. */
static void test_ban_key(void)
{
        static const struct {
                const char *addr;
                unsigned ipv6_prefix;
                const char *key;
        } rows[] = {
                { "192.0.2.1", 64, "192.0.2.1" },
                { "192.0.2.1", 1, "192.0.2.1" },
                { "::ffff:192.0.2.1", 64, "192.0.2.1" },
                { "2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64" },
                { "2001:db8:1:2:3:4:5:6", 56, "2001:db8:1::/56" },
                { "2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6" },
                { "::1", 64, "::/64" },
                /* link-local: fe80::/10 */
                { "fe80::1", 64, "fe80::1" },
                { "febf:ffff::1", 64, "febf:ffff::1" },
                { "fec0::1", 64, "fec0::/64" },
                /* NAT64: 64:ff9b::/96 and 64:ff9b:1::/48 */
                { "64:ff9b::c000:201", 64, "64:ff9b::c000:201" },
                { "64:ff9b::1:c000:201", 64, "64:ff9b::/64" },
                { "64:ff9b:1:ffff::5", 64, "64:ff9b:1:ffff::5" },
                { "64:ff9b:2::5", 64, "64:ff9b:2::/64" },
                /* Teredo: 2001::/32 */
                { "2001:0:1:2:3:4:5:6", 64, "2001:0:1:2:3:4:5:6" },
                { "2001:1:1:2:3:4:5:6", 64, "2001:1:1:2::/64" },
                /* 6to4: 2002::/16, a /48 each */
                { "2002:c000:201:5::1", 64, "2002:c000:201::/48" },
                { "2002:c000:201:5::1", 128, "2002:c000:201::/48" },
                { "2003:c000:201:5::1", 64, "2003:c000:201:5::/64" },
        };
        char text[ADDR_TEXT_MAX];

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                Addr addr = prefix(rows[i].addr), key = addr_ban_key(&addr, rows[i].ipv6_prefix);
                check_text(addr_format(&key, text), rows[i].key);
        }
}

static void test_valid(void)
{
        Addr good = prefix("192.0.2.0/24"), none = ADDR_NULL, long4 = { .family = 4, .length = 33 }, long6 = { .family = 6, .length = 129 };

        check(addr_is_valid(&good) && !addr_is_valid(&none) && !addr_is_valid(&long4) && !addr_is_valid(&long6));
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

/* What inet_pton(3) says to texts that are nearly addresses. */
static void test_against_libc(void)
{
        static const char letters[] = "0123456789012345678925525601....::af x";
        char text[24];
        unsigned taken = 0;

        srand(20261129);
        for (int n = 0; n < 2000000; n++) {
                uint8_t bytes[16];
                Addr addr, expected;
                size_t size = 0;

                for (int part = 0; n % 2 && part < 4; part++)
                        size += (size_t) sprintf(text + size, "%s%.*d", part ? "." : "", 1 + rand() % 40 / 39, rand() % (rand() % 4 ? 256 : 400));
                if (n % 2 && rand() % 4 == 0)
                        text[(size_t) rand() % size] = letters[(size_t) rand() % (sizeof letters - 1)];
                for (size_t length = (size_t) rand() % 18; n % 2 == 0 && size < length;)
                        text[size++] = letters[(size_t) rand() % (sizeof letters - 1)];
                text[size] = '\0';
                int family = strchr(text, ':') ? 6 : 4;
                bool good = inet_pton(family == 4 ? AF_INET : AF_INET6, text, bytes) == 1;

                check_int(addr_parse(text, size, &addr), good ? 0 : -EINVAL);
                if (good) {
                        expected = addr_from_bytes(family, bytes);
                        check(addr_equal(&addr, &expected));
                        taken++;
                }
        }
        check(taken > 100000);
}

/* The same of IPv6's: groups of any number and length, gaps, IPv4's form behind them. */
static void test_six_against_libc(void)
{
        static const char digits[] = "0123456789abcdefABCDEFg";
        char text[INET6_ADDRSTRLEN + 64];
        unsigned taken = 0;

        srand(20261130);
        for (int n = 0; n < 1000000; n++) {
                uint8_t bytes[16];
                Addr addr, expected;
                size_t size = 0;
                int gap = rand() % 10;

                for (int group = 0, groups = 1 + rand() % 9; group < groups; group++) {
                        size += (size_t) sprintf(text + size, "%s", group == gap ? "::" : group > 0 || rand() % 30 == 0 ? ":" : "");
                        for (int length = rand() % 12 ? 1 + rand() % 4 : rand() % 6; length > 0; length--)
                                text[size++] = digits[(size_t) rand() % (sizeof digits - (rand() % 50 > 0) - 1)];
                        text[size] = '\0';
                }
                if (rand() % 4 == 0)
                        size += (size_t) sprintf(text + size, ":%d.%d.%d.%d", rand() % 260, rand() % 260, rand() % 4, rand() % 260);
                if (rand() % 10 == 0)
                        size += (size_t) sprintf(text + size, "%s", rand() % 2 ? "::" : ":");
                bool good = inet_pton(AF_INET6, text, bytes) == 1;

                check_int(addr_parse(text, size, &addr), good ? 0 : -EINVAL);
                if (good) {
                        expected = addr_from_bytes(6, bytes);
                        check(addr_equal(&addr, &expected));
                        taken++;
                }
        }
        check(taken > 100000);
}

int main(void)
{
        test_against_libc();
        test_six_against_libc();
        test_text();
        test_refused();
        test_ban_key();
        test_valid();
        test_contains();
        test_bannable();
        return 0;
}
