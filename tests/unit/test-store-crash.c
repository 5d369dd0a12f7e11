/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * SIGKILL at random moments. A child writes batches whose parts belong together
 * (event N, the window with time N, ban N, level N, N allowed and paused, position N); whenever it dies, all
 * parts must tell the same N, and no less than the child was told is on disk.
 */

#include <sys/mman.h>
#include <time.h>

#include "store/private.h"
#include "test-store.h"

static volatile uint64_t *told; /* shared with the child: the last event that was told to be on disk */

static void on_disk(void *userdata, uint64_t sequence, const EventRecord *events, size_t n_events)
{
        if (n_events > 0)
                *told = events[n_events - 1].id;
}

static void write_for_ever(const char *directory)
{
        Store *store = NULL;
        sd_event *event = NULL;
        Problem problem;
        StoreLimits limits = STORE_LIMITS_DEFAULT;

        if (sd_event_new(&event) < 0 || store_open(directory, &store, &problem) != 0)
                _exit(1);
        limits.events_max = 50;
        limits.prune_msec = 5;
        store_set_limits(store, &limits);
        if (store_start(store, event, (StoreCallbacks){ .committed = on_disk }) < 0)
                _exit(1);
        for (;;) {
                uint64_t n = store_put_event(store, NOW, "ban", "");
                WindowEntry entry = { .time = { (int64_t) n }, .weight = 1, .rule = "r" };
                char position[32];

                snprintf(position, sizeof position, "%llu", (unsigned long long) n);
                store_put_window(store, &(WindowRecord){ "sshd", address("203.0.113.5"), &entry, 1 });
                put_ban(store, n, "203.0.113.5", EVENT_TIME_FOREVER);
                if (n > 1)
                        store_end_ban(store, n - 1, NOW, "expire");
                store_put_level(store, &(LevelRecord){ "sshd", address("203.0.113.5"), (unsigned) n, EVENT_TIME_FOREVER });
                store_put_allow(store, &(AllowRecord){ address("192.0.2.1"), EVENT_TIME_FOREVER, position, "root", NOW });
                store_put_pause(store, &(PauseRecord){ "sshd", position, NOW });
                store_put_position(store, &(PositionRecord){ "journal", position, NOW });
                store_submit(store);
                if (sd_event_run(event, 300) < 0)
                        _exit(1);
        }
}

static int see_window(void *userdata, const WindowRecord *record)
{
        ((uint64_t *) userdata)[0] = (uint64_t) record->entries[0].time.usec;
        return 0;
}

static int see_position(void *userdata, const PositionRecord *record)
{
        ((uint64_t *) userdata)[1] = strtoull(record->position, NULL, 10);
        return 0;
}

static int see_ban(void *userdata, const Ban *ban)
{
        check_int(((uint64_t *) userdata)[2], 0); /* one in force, the others have ended */
        ((uint64_t *) userdata)[2] = ban->id;
        return 0;
}

static int see_level(void *userdata, const LevelRecord *record)
{
        ((uint64_t *) userdata)[3] = record->level;
        return 0;
}

static int see_allow(void *userdata, const AllowRecord *record)
{
        ((uint64_t *) userdata)[4] = strtoull(record->reason, NULL, 10);
        return 0;
}

static int see_pause(void *userdata, const PauseRecord *record)
{
        ((uint64_t *) userdata)[5] = strtoull(record->by, NULL, 10);
        return 0;
}

/* Return: the N that all parts agree on. */
static uint64_t agree(const char *directory)
{
        Store *store = open_store(directory);
        uint64_t seen[6] = { 0 };
        StoreLoader loader = { see_ban, see_window, see_position, NULL, see_level, see_allow, see_pause, seen };
        Problem problem;

        check_int(store_load(store, NOW, &loader, &problem), 0);
        for (size_t i = 1; i < 6; i++)
                check_int(seen[i], seen[0]);
        check_int(store_stats(store)->next_event_id, seen[0] + 1);
        check_int(store_stats(store)->next_ban_id, seen[0] + 1);
        store_free(store);
        if (seen[0] > 0) {
                check_int(ask(directory, "SELECT max(id) FROM events"), seen[0]);
                check_int(ask(directory, "SELECT max(id) - min(id) + 1 - count(*) FROM events"), 0); /* no gaps */
        }
        return seen[0];
}

int main(void)
{
        unsigned rounds = getenv("LONG") && strcmp(getenv("LONG"), "1") == 0 ? 1000 : 30;
        unsigned seed = getenv("SEED") ? (unsigned) strtoul(getenv("SEED"), NULL, 10) : (unsigned) time(NULL);
        const char *directory = new_directory();
        uint64_t n = 0;

        printf("seed %u (SEED=%u repeats it), %u rounds\n", seed, seed, rounds);
        fflush(stdout);
        srand(seed);
        told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        check(told != MAP_FAILED);
        for (unsigned i = 0; i < rounds; i++) {
                pid_t child = fork();
                int status;

                check(child >= 0);
                if (child == 0)
                        write_for_ever(directory);
                usleep((unsigned) (rand() % 60000));
                check_int(kill(child, SIGKILL), 0);
                check(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
                uint64_t now = agree(directory);
                check(now >= n && now >= *told);
                n = now;
        }
        printf("%llu batches survived\n", (unsigned long long) n);
        check(n > rounds);
        remove_tree(directory);
        return 0;
}
