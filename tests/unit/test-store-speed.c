/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How long it takes. Bounds are ten times what was measured, and more: the machine may be busy. LONG=1 adds a million bans. */

#include <arpa/inet.h>

#include "store/private.h"
#include "test-store.h"

#define WINDOWS 10000

static Addr nth(uint32_t n)
{
        uint32_t bytes = htonl(0xc6336400u + n); /* distinct keys are all that matters here: nothing is sent anywhere */

        return addr_from_bytes(4, &bytes);
}

static unsigned elapsed_msec(uint64_t since)
{
        return (unsigned) ((clock_boot_now().usec - since) / 1000);
}

static void windows(sd_event *event)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        WindowEntry entries[5];
        Seen seen;

        for (unsigned i = 0; i < 5; i++)
                entries[i] = (WindowEntry){ .time = { NOW.usec + i },
                                            .session = 1000 + i,
                                            .weight = 1,
                                            .rule = "sshd:failed-password",
                                            .text = "Failed password for invalid user admin from 203.0.113.5 port 56502 ssh2" };
        start(store, event, &seen);
        for (unsigned round = 0; round < 3; round++) {
                uint64_t begin = clock_boot_now().usec;
                for (uint32_t i = 0; i < WINDOWS; i++)
                        store_put_window(store, &(WindowRecord){ "sshd", nth(i), entries, 5 });
                store_put_event(store, NOW, "ban", "");
                store_submit(store);
                unsigned put = elapsed_msec(begin);
                check_int(store_flush(store, 60000), 0);
                unsigned commit = (unsigned) (store_stats(store)->last_commit_usec / 1000);
                printf("%u windows of 5 entries: put and submit %u ms on the loop thread, commit %u ms\n", WINDOWS, put, commit);
                check(put < 1000 && commit < 5000);
        }
        store_free(store);
        remove_tree(directory);
}

static int count_ban(void *userdata, const Ban *ban)
{
        (*(uint32_t *) userdata)++;
        return 0;
}

#define LINES 5

static void on_summary(void *userdata, const StoreSummary *summary)
{
        check(summary);
        *(uint64_t *) userdata = summary->bans_known;
}

/* Counting may not hold a commit up, nor the loop. */
static void summary(sd_event *event, const char *directory, uint32_t n)
{
        Store *store = open_store(directory);
        uint64_t known = 0, worst = 0, commits = 0, begin;
        Seen seen;

        start(store, event, &seen);
        store_put_event(store, NOW, "ban", "");
        check_int(store_flush(store, 60000), 0);
        begin = clock_boot_now().usec;
        check_int(store_summarise(store, NOW, on_summary, &known), 0);
        while (known == 0) {
                store_put_event(store, NOW, "ban", "");
                check_int(store_flush(store, 60000), 0);
                commits++;
                if (store_stats(store)->last_commit_usec > worst)
                        worst = store_stats(store)->last_commit_usec;
                check(sd_event_run(event, 0) >= 0);
        }
        printf("%u bans: counted in %u ms, slowest of %llu commits meanwhile %llu us\n", n, elapsed_msec(begin),
               (unsigned long long) commits, (unsigned long long) worst);
        check_int(known, n);
        check(elapsed_msec(begin) < 60000 && worst < 1000000);
        store_free(store);
}

static void bans(sd_event *event, uint32_t n)
{
        const char *directory = new_directory();
        Store *store = open_store(directory);
        uint32_t loaded = 0;
        Problem problem;
        Seen seen;

        start(store, event, &seen);
        for (uint32_t i = 1; i <= n; i++) {
                Evidence lines[LINES];

                for (size_t line = 0; line < LINES; line++)
                        lines[line] = (Evidence){ NOW, "sshd:failed-password", "Failed password for root from 203.0.113.5 port 56502 ssh2" };
                Ban ban = { .id = i,
                            .jail = "sshd",
                            .addr = nth(i),
                            .source = nth(i),
                            .start = NOW,
                            .until = EVENT_TIME_FOREVER,
                            .first = NOW,
                            .failures = 5,
                            .rule = "sshd:failed-password",
                            .reason = "",
                            .evidence = lines,
                            .n_evidence = LINES };
                store_put_ban(store, &ban);
                if (i % 10000 == 0)
                        check_int(store_flush(store, 60000), 0);
        }
        check_int(store_flush(store, 60000), 0);
        store_free(store);

        uint64_t begin = clock_boot_now().usec;
        store = open_store(directory);
        unsigned opened = elapsed_msec(begin);
        begin = clock_boot_now().usec;
        check_int(store_load(store, NOW, &(StoreLoader){ .ban = count_ban, .userdata = &loaded }, &problem), 0);
        printf("%u bans: open with quick_check %u ms, load %u ms\n", n, opened, elapsed_msec(begin));
        check_int(loaded, n);
        check(opened < 20000 && elapsed_msec(begin) < 60000);
        store_free(store);
        summary(event, directory, n);
        remove_tree(directory);
}

int main(void)
{
        const char *wanted = getenv("LONG");
        sd_event *event = NULL;

        check(sd_event_new(&event) >= 0);
        windows(event);
        bans(event, wanted && strcmp(wanted, "1") == 0 ? 1000000 : 20000);
        sd_event_unref(event);
        return 0;
}
