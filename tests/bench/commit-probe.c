/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a commit costs: the store alone, without sources, kernel or socket.
 *
 *     commit-probe DIRECTORY BANS WINDOWS TRANSACTIONS
 *
 * Each transaction has so many bans of new addresses (with their event, their lines and the window that each has emptied), so
 * many windows of new addresses with one failure, and a position, as P1 wants them together. A line of each transaction:
 * milliseconds from the submission until it is on disk, and the bytes that were written for it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"

#define LINE "Failed password for root from 198.51.100.77 port 40123 ssh2"
#define FAILURES 5
#define PATIENCE_MSEC 60000

static void die(const char *text)
{
        fprintf(stderr, "commit-probe: %s\n", text);
        exit(1);
}

static double now_msec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* By all threads. */
static unsigned long long bytes_written(void)
{
        char line[128];
        unsigned long long bytes = 0;
        FILE *file = fopen("/proc/self/io", "re");

        while (file && fgets(line, sizeof line, file))
                if (sscanf(line, "wchar: %llu", &bytes) == 1)
                        break;
        if (file)
                fclose(file);
        return bytes;
}

/* The same in every run, and none comes twice: an odd factor makes the counter another 32 bits. */
static Addr next_address(void)
{
        static uint32_t counter;
        uint32_t n = ++counter * UINT32_C(2654435761);
        uint8_t bytes[4] = { (uint8_t) (n >> 24), (uint8_t) (n >> 16), (uint8_t) (n >> 8), (uint8_t) n };

        return addr_from_bytes(4, bytes);
}

static void put_window(Store *store, EventTime now)
{
        WindowEntry entry = { .time = now, .session = 4711, .weight = 1, .rule = "failed-password", .text = LINE };

        store_put_window(store, &(WindowRecord){ "sshd", next_address(), &entry, 1 });
}

static void put_ban(Store *store, EventTime now)
{
        static uint64_t id;
        Evidence lines[FAILURES];
        char addr[ADDR_TEXT_MAX], members[512 + FAILURES * (sizeof LINE + 64)];
        Ban ban = { .id = ++id, .jail = "sshd", .addr = next_address(), .start = now, .until = event_time_add(now, 86400), .first = now,
                    .failures = FAILURES, .rule = "failed-password", .reason = "", .evidence = lines, .n_evidence = FAILURES };
        int used = snprintf(members, sizeof members, "\"jail\":\"sshd\",\"ip\":\"%s\",\"failures\":%d,\"lines\":[", addr_format(&ban.addr, addr), FAILURES);

        ban.source = ban.addr;
        for (size_t i = 0; i < FAILURES; i++) {
                lines[i] = (Evidence){ now, "failed-password", LINE };
                used += snprintf(members + used, sizeof members - (size_t) used, "%s\"%s\"", i > 0 ? "," : "", LINE);
        }
        snprintf(members + used, sizeof members - (size_t) used, "]");
        store_put_ban(store, &ban);
        store_put_event(store, now, "ban", members);
        store_put_window(store, &(WindowRecord){ .jail = "sshd", .addr = ban.addr });
}

static void transaction(Store *store, size_t n_bans, size_t n_windows)
{
        EventTime now = clock_event_now();
        char position[64];

        for (size_t i = 0; i < n_bans; i++)
                put_ban(store, now);
        for (size_t i = 0; i < n_windows; i++)
                put_window(store, now);
        snprintf(position, sizeof position, "s=0123456789abcdef0123456789abcdef;t=%llx", (unsigned long long) now.usec);
        store_put_position(store, &(PositionRecord){ "journal", position, now });
        unsigned long long before = bytes_written();
        double began = now_msec();

        if (store_flush(store, PATIENCE_MSEC) != 0)
                die("the disk did not take it");
        double took = now_msec() - began;

        printf("%.4f %llu\n", took, bytes_written() - before);
}

int main(int argc, char *argv[])
{
        _cleanup_(store_freep) Store *store = NULL;
        sd_event *event = NULL;
        Problem problem;

        if (argc != 5)
                die("usage: commit-probe DIRECTORY BANS WINDOWS TRANSACTIONS");
        if (sd_event_new(&event) < 0 || store_open(argv[1], &store, &problem) != 0 || store_start(store, event, (StoreCallbacks){ 0 }) < 0)
                die("no store");
        for (unsigned long i = strtoul(argv[4], NULL, 10); i > 0; i--)
                transaction(store, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
        store = store_free(store);
        sd_event_unref(event);
        return 0;
}
