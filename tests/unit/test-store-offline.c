/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Bans lifted in the file, with a crashed daemon's log, by another user than the file's; and the counts of `stats`. */

#include "store/private.h"
#include "test-store.h"

#define OWNER 65534 /* nobody: any user but root will do */

static int see_lifted(void *userdata, const Ban *ban, EventTime ended, const char *how)
{
        char *text = userdata;

        check(ended.usec == NOW.usec);
        snprintf(text + strlen(text), 64, "%llu:%s ", (unsigned long long) ban->id, how);
        return 0;
}

/* A daemon, as root or as the file's owner, that dies with everything in its log. */
static void crash(const char *directory, bool as_owner)
{
        pid_t child = fork();
        int status;

        check(child >= 0);
        if (child == 0) {
                WindowEntry entry = { .time = NOW, .weight = 1, .rule = "r" };
                sd_event *event = NULL;
                Store *store;
                Seen seen;

                if (as_owner)
                        check(setgid(OWNER) == 0 && setuid(OWNER) == 0);
                check(sd_event_new(&event) >= 0);
                store = open_store(directory);
                start(store, event, &seen);
                put_ban(store, 1, "203.0.113.5", EVENT_TIME_FOREVER);
                put_ban(store, 2, "203.0.113.0/24", EVENT_TIME_FOREVER);
                put_ban(store, 3, "203.0.113.6", EVENT_TIME_FOREVER);
                put_ban(store, 4, "203.0.113.5", (EventTime){ NOW.usec - 1 }); /* over */
                put_ban(store, 5, "2001:db8::/64", EVENT_TIME_FOREVER);
                for (unsigned i = 5; i <= 6; i++) {
                        char addr[32];

                        snprintf(addr, sizeof addr, "203.0.113.%u", i);
                        store_put_window(store, &(WindowRecord){ "sshd", address(addr), &entry, 1 });
                        store_put_level(store, &(LevelRecord){ "sshd", address(addr), 2, EVENT_TIME_FOREVER });
                        store_put_level(store, &(LevelRecord){ "", address(addr), 2, EVENT_TIME_FOREVER });
                }
                store_put_event(store, NOW, "start", "");
                check_int(store_flush(store, 5000), 0);
                _exit(0);
        }
        check(waitpid(child, &status, 0) == child && status == 0);
        check_int(access(in_directory(directory, "bailiff.db-wal"), F_OK), 0);
}

static void check_owner(const char *directory, uid_t uid)
{
        static const char *const names[] = { "bailiff.db", "bailiff.db-wal", "bailiff.db-shm", "bailiff.lock" };
        unsigned found = 0;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                struct stat st;

                if (stat(in_directory(directory, names[i]), &st) < 0)
                        continue;
                check_int(st.st_uid, uid);
                found++;
        }
        check(found >= 2);
}

/* The file's owner can still write it. */
static void check_unban(bool as_owner)
{
        const char *directory = new_directory();
        Addr addr = address("203.0.113.5"), prefix = address("203.0.113.0/24");
        uid_t uid = as_owner ? OWNER : geteuid();
        char text[256] = "";
        Problem problem;

        check_int(chown(directory, uid, (gid_t) -1), 0);
        crash(directory, as_owner);
        unlink(in_directory(directory, "bailiff.db-shm")); /* will have to be made anew */
        unlink(in_directory(directory, "bailiff.lock"));
        check_int(store_unban_offline(directory, &addr, "postfix", NOW, see_lifted, text, &problem), 0);
        check_text(text, "");
        check_int(store_unban_offline(directory, &addr, "sshd", NOW, see_lifted, text, &problem), 0);
        check_text(text, "1:unban 2:unban ");
        check_int(geteuid(), getuid());
        check_owner(directory, uid);
        check_int(ask(directory, "SELECT count(*) FROM windows"), 1);
        check_int(ask(directory, "SELECT count(*) FROM levels WHERE address = '203.0.113.6'"), 2);
        check_int(ask(directory, "SELECT count(*) FROM levels"), 2);
        check_int(ask(directory, "SELECT count(*) FROM events WHERE id IN (2, 3) AND kind = 'unban' AND json_extract(json, '$.id') = id"
                                 " AND json_extract(json, '$.ip') LIKE '203.0.113.%' AND json_extract(json, '$.jail') = 'sshd'"),
                  2);
        text[0] = '\0';
        check_int(store_unban_offline(directory, &prefix, NULL, NOW, see_lifted, text, &problem), 0); /* and what lies in it */
        check_text(text, "3:unban ");
        text[0] = '\0';
        check_int(store_unban_offline(directory, NULL, NULL, NOW, see_lifted, text, &problem), 0);
        check_text(text, "5:unban ");
        check_int(ask(directory, "SELECT count(*) FROM bans WHERE ended IS NULL"), 1); /* the one that was over */
        remove_tree(directory);
}

static void test_refusals(void)
{
        const char *directory = new_directory();
        char text[256] = "";
        Problem problem;
        Store *store;

        check_int(store_unban_offline(directory, NULL, NULL, NOW, see_lifted, text, &problem), -ENOENT);
        check_contains(problem.text, "--state-dir");
        check(access(in_directory(directory, "bailiff.db"), F_OK) < 0);
        store = open_store(directory);
        check_int(store_unban_offline(directory, NULL, NULL, NOW, see_lifted, text, &problem), -EBUSY);
        check_contains(problem.text, "bailiffctl unban ADDR, without --offline");
        store_free(store);
        remove_tree(directory);
}

/* ---- stats ---- */

typedef struct Answers {
        unsigned n;
        char text[1024];
} Answers;

static void print_counts(char *text, size_t size, const StoreCount *counts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                snprintf(text + strlen(text), size - strlen(text), "%s %llu %llu %llu, ", counts[i].name, (unsigned long long) counts[i].day,
                         (unsigned long long) counts[i].week, (unsigned long long) counts[i].month);
}

static void on_summary(void *userdata, const StoreSummary *summary)
{
        Answers *answers = userdata;

        check(summary && summary->bytes > 0);
        answers->n++;
        snprintf(answers->text, sizeof answers->text, "%llu bans %llu events; ", (unsigned long long) summary->bans_known,
                 (unsigned long long) summary->events);
        print_counts(answers->text, sizeof answers->text, summary->jails, summary->n_jails);
        print_counts(answers->text, sizeof answers->text, summary->rules, summary->n_rules);
        print_counts(answers->text, sizeof answers->text, summary->addresses, summary->n_addresses);
        print_counts(answers->text, sizeof answers->text, summary->prefixes, summary->n_prefixes);
        check(summary->since.usec == NOW.usec - 31 * 86400 * USEC_PER_SEC);
}

static void test_summary(sd_event *event)
{
        static const struct {
                const char *jail, *addr, *rule;
                int days;
        } rows[] = {
                { "sshd", "203.0.113.5", "a", 0 },  { "sshd", "203.0.113.5", "a", 3 },    { "sshd", "203.0.113.6", "b", 20 },
                { "nginx", "2001:db8::/64", "", 0 }, { "nginx", "2001:db8:0:1::/64", "", 0 }, { "nginx", "198.51.0.0/16", "", 0 },
                { "old", "192.0.2.1", "a", 31 },
        };
        const char *directory = new_directory();
        Store *store = open_store(directory);
        Answers answers[2] = { 0 };
        Seen seen;

        start(store, event, &seen);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                Ban ban = { .id = i + 1, .jail = rows[i].jail, .addr = address(rows[i].addr), .rule = rows[i].rule, .reason = "",
                            .start = { NOW.usec - rows[i].days * 86400 * USEC_PER_SEC }, .until = EVENT_TIME_FOREVER };

                store_put_ban(store, &ban);
                store_put_event(store, NOW, "ban", "");
        }
        store_end_ban(store, 1, NOW, "unban"); /* counts all the same */
        check_int(store_flush(store, 5000), 0);
        for (unsigned i = 0; i < 2; i++)
                check_int(store_summarise(store, NOW, on_summary, &answers[i]), 0);
        run_until(event, answers[0].n == 1 && answers[1].n == 1);
        check_text(answers[0].text, "7 bans 7 events; nginx 3 3 3, sshd 1 2 3, old 0 0 0, a 1 2 2, b 0 0 1, "
                                    "203.0.113.5 1 2 2, 198.51.0.0/16 1 1 1, 2001:db8:0:1::/64 1 1 1, 2001:db8::/64 1 1 1, "
                                    "203.0.113.6 0 0 1, 203.0.113.0/24 1 2 3, 2001:db8::/48 2 2 2, ");
        check_text(answers[1].text, answers[0].text);
        /* The store goes while it is counted: nobody is called any more, and nothing is left behind. */
        check_int(store_summarise(store, NOW, on_summary, &answers[0]), 0);
        store_free(store);
        check_int(answers[0].n, 1);
        remove_tree(directory);
}

int main(void)
{
        sd_event *event = NULL;

        check(sd_event_new(&event) >= 0);
        umask(077);
        test_refusals();
        check_unban(false);
        if (geteuid() == 0)
                check_unban(true);
        test_summary(event);
        sd_event_unref(event);
        return 0;
}
