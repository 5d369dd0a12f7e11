/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The journal source on a journal made of paper: this program defines libsystemd's sd_journal_*() itself, which the
 * linker then prefers, so that errors, vacuums and the overlooked entry come when the test says so.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "source/private.h"
#include "test.h"

#define PAPER_MAX 5000

typedef struct PaperEntry {
        const char *message; /* NULL: none */
        int64_t time;        /* 0: one second after the one before */
        bool vacuumed;
        bool broken;   /* reading a field fails */
        bool nameless; /* it has no cursor any more */
        bool other_boot;
} PaperEntry;

static struct {
        PaperEntry entries[PAPER_MAX];
        int n;          /* entries 1 to n are there */
        bool unlinked;  /* the last one is counted, but not in the chain of its match yet */
        int next_error; /* sd_journal_next() fails with it this often */
        int n_errors;
        int boot; /* the sequence's name in the cursor */
        int opens;
        int fd;
} paper = { .boot = 1 };

struct sd_journal {
        int at;     /* the entry that it stands on, 0: before the first */
        bool fresh; /* a seek has just happened */
        int behind; /* ... and one step back from there comes to this entry */
        int end_at; /* there was nothing new when the journal counted so many: nothing is looked for until it counts on */
        char data[256 + 70000];
};

static char long_message[200000];

int sd_journal_open_directory(sd_journal **ret, const char *path, int flags)
{
        *ret = calloc(1, sizeof **ret);
        paper.opens++;
        return 0;
}

int sd_journal_open(sd_journal **ret, int flags)
{
        return -EOPNOTSUPP;
}

void sd_journal_close(sd_journal *journal)
{
        free(journal);
}

int sd_journal_add_match(sd_journal *journal, const void *data, size_t size)
{
        return 0;
}

int sd_journal_add_disjunction(sd_journal *journal)
{
        return 0;
}

int sd_journal_set_data_threshold(sd_journal *journal, size_t size)
{
        check(size > LINE_LENGTH_MAX);
        return 0;
}

int sd_journal_get_fd(sd_journal *journal)
{
        return paper.fd;
}

int sd_journal_process(sd_journal *journal)
{
        uint64_t count;

        if (read(paper.fd, &count, sizeof count) < 0)
                check_int(errno, EAGAIN);
        return 0;
}

static int64_t paper_time(int i)
{
        return paper.entries[i].time ? paper.entries[i].time : INT64_C(1000000000000000) + i * USEC_PER_SEC;
}

int sd_journal_next(sd_journal *journal)
{
        int linked = paper.n - paper.unlinked, i;

        if (paper.n_errors > 0) {
                paper.n_errors--;
                return paper.next_error;
        }
        if (journal->end_at == paper.n)
                return 0;
        for (i = journal->at + 1; i <= linked && paper.entries[i].vacuumed; i++)
                ;
        journal->end_at = i > linked ? paper.n : -1;
        if (i > linked)
                return 0;
        journal->fresh = false;
        journal->at = i;
        return 1;
}

int sd_journal_previous(sd_journal *journal)
{
        int i = journal->fresh ? journal->behind : journal->at - 1;

        if (paper.n_errors > 0) {
                paper.n_errors--;
                return paper.next_error;
        }
        for (; i > 0 && (i > paper.n || paper.entries[i].vacuumed); i--)
                ;
        if (i <= 0)
                return 0;
        journal->fresh = false;
        journal->at = i;
        return 1;
}

int sd_id128_get_boot(sd_id128_t *ret)
{
        *ret = SD_ID128_MAKE(77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77);
        return 0;
}

int sd_journal_get_monotonic_usec(sd_journal *journal, uint64_t *ret, sd_id128_t *ret_boot)
{
        check(journal->at > 0 && !journal->fresh);
        *ret = (uint64_t) journal->at;
        sd_id128_get_boot(ret_boot);
        ret_boot->bytes[0] += paper.entries[journal->at].other_boot;
        return 0;
}

int sd_journal_get_cursor(sd_journal *journal, char **ret)
{
        check(journal->at > 0 && !journal->fresh);
        if (paper.entries[journal->at].nameless)
                return -EBADMSG;
        return asprintf(ret, "s=%d;i=%x;b=77;m=%x;t=%llx;x=%x", paper.boot, journal->at, journal->at,
                        (unsigned long long) paper_time(journal->at), journal->at) < 0
                       ? -ENOMEM
                       : 0;
}

int sd_journal_seek_cursor(sd_journal *journal, const char *cursor)
{
        unsigned number;

        if (sscanf(cursor, "s=%*d;i=%x;", &number) != 1)
                return -EINVAL;
        journal->at = (int) number - 1;
        journal->behind = (int) number;
        journal->fresh = true;
        journal->end_at = -1;
        return 0;
}

int sd_journal_seek_realtime_usec(sd_journal *journal, uint64_t usec)
{
        for (journal->at = 0; journal->at < paper.n && (uint64_t) paper_time(journal->at + 1) < usec; journal->at++)
                ;
        journal->behind = journal->at < paper.n && (uint64_t) paper_time(journal->at + 1) == usec ? journal->at + 1 : journal->at;
        journal->fresh = true;
        journal->end_at = -1;
        return 0;
}

int sd_journal_get_realtime_usec(sd_journal *journal, uint64_t *ret)
{
        *ret = (uint64_t) paper_time(journal->at);
        return 0;
}

int sd_journal_get_data(sd_journal *journal, const char *field, const void **ret_data, size_t *ret_size)
{
        const PaperEntry *entry = &paper.entries[journal->at];
        int n = -1;

        if (entry->broken)
                return -EBADMSG;
        if (strcmp(field, "MESSAGE") == 0 && entry->message)
                n = snprintf(journal->data, sizeof journal->data, "MESSAGE=%s", entry->message);
        else if (strcmp(field, "SYSLOG_IDENTIFIER") == 0)
                n = snprintf(journal->data, sizeof journal->data, "SYSLOG_IDENTIFIER=sshd");
        else if (strcmp(field, "_UID") == 0)
                n = snprintf(journal->data, sizeof journal->data, "_UID=%d", journal->at);
        else if (strcmp(field, "_PID") == 0)
                n = snprintf(journal->data, sizeof journal->data, "_PID=12x");
        if (n < 0)
                return -ENOENT;
        *ret_data = journal->data;
        *ret_size = (size_t) n < sizeof journal->data ? (size_t) n : sizeof journal->data - 1;
        return 0;
}

/* ---- What the source says ---- */

static struct {
        sd_event *event;
        JournalSource *source;
        bool nameless;
        int lines, last, caught_up, pause_at, stop_at;
        size_t length;
        EventTime time;
        SourceState state;
        char text[PROBLEM_TEXT_MAX], position[SOURCE_POSITION_MAX];
} seen;

static void on_line(void *userdata, const Line *line)
{
        char position[SOURCE_POSITION_MAX];
        unsigned number;

        seen.lines++;
        seen.length = line->length;
        seen.time = line->time;
        check_text(line->ident, "sshd");
        check_int(line->pid, -1);
        check_int(journal_source_position(seen.source, position), 0);
        if (!seen.nameless) {
                check(sscanf(position, "s=%*d;i=%x;", &number) == 1);
                check((int) number > seen.last);
                seen.last = (int) number;
        }
        if (seen.lines == 1) {
                Origin origin;

                /* A number that is none is an error, not a pid. */
                check_int(line->origin(line, &origin), -EBADMSG);
        }
        if (seen.lines == seen.pause_at)
                journal_source_pause(seen.source, true);
        if (seen.lines == seen.stop_at)
                sd_event_exit(seen.event, 0);
}

static void on_state(void *userdata, SourceState state, const char *text)
{
        seen.state = state;
        if (*text)
                snprintf(seen.text, sizeof seen.text, "%s", text);
}

static void on_caught_up(void *userdata)
{
        seen.caught_up++;
}

static char directory[] = "/tmp/test-source.XXXXXX";

static void start(const char *position, int64_t since)
{
        static const char *const idents[] = { "sshd" };
        JournalConfig config = {
                .directory = directory, .idents = idents, .n_idents = 1, .position = position, .since = { since }
        };
        SourceCallbacks callbacks = { on_line, on_state, on_caught_up, NULL };

        memset(&seen, 0, sizeof seen);
        check(sd_event_new(&seen.event) >= 0);
        check_int(journal_source_new(seen.event, &config, callbacks, &seen.source), 0);
        check_int(journal_source_position(seen.source, seen.position), position && *position ? 0 : -ENODATA);
        check_int(journal_source_start(seen.source, NULL), 0);
}

static void stop(void)
{
        journal_source_free(seen.source);
        sd_event_unref(seen.event);
}

static void run_for(uint64_t msec)
{
        uint64_t end = clock_boot_now().usec + msec * 1000, now;

        while ((now = clock_boot_now().usec) < end)
                check(sd_event_run(seen.event, end - now) >= 0);
}

static void paper_fill(int n)
{
        memset(paper.entries, 0, sizeof paper.entries);
        for (int i = 0; i < PAPER_MAX; i++)
                paper.entries[i].message = "Failed password";
        paper.n = n;
        paper.unlinked = false;
        paper.n_errors = 0;
        paper.boot = 1;
}

static void test_reading(void)
{
        paper_fill(2500);
        paper.entries[10].message = NULL;
        paper.entries[11].broken = true;
        paper.entries[2500].time = INT64_MAX / 2;
        start(NULL, 0);
        check_int(seen.state, SOURCE_OPEN);
        check_int(seen.lines, 0);
        /* A bounded piece at a time. */
        check(sd_event_run(seen.event, 0) >= 0);
        check(seen.lines > 0 && seen.lines <= 1000);
        check_int(seen.caught_up, 0);
        run_for(50);
        check_int(seen.lines, 2498);
        check_int(seen.caught_up, 1);
        check_int(journal_source_stats(seen.source)->without_message, 1);
        check_int(journal_source_stats(seen.source)->errors, 1);
        /* An event is never later than now. */
        check(seen.time.usec <= clock_event_now().usec);
        /* An entry that was overlooked while it was being linked is found, though no later one comes. */
        journal_source_attack(seen.source);
        run_for(20);
        paper.n = 2501;
        paper.unlinked = true;
        run_for(20);
        paper.unlinked = false;
        run_for(150);
        check_int(seen.last, 2501);
        check_int(journal_source_stats(seen.source)->recovered, 1);
        check_int(seen.caught_up, 1);
        stop();
}

static void test_text(void)
{
        memset(long_message, 'x', sizeof long_message - 1);
        paper_fill(2);
        paper.entries[2].message = long_message;
        start(NULL, paper_time(2));
        run_for(20);
        /* Cut, but still too long to be matched. */
        check_int(seen.lines, 1);
        check(seen.length > LINE_LENGTH_MAX && seen.length < sizeof long_message);
        stop();
}

static void test_resume(void)
{
        char position[SOURCE_POSITION_MAX];

        paper_fill(100);
        start(NULL, 0);
        seen.stop_at = 40;
        sd_event_loop(seen.event);
        check_int(journal_source_position(seen.source, position), 0);
        stop();
        int behind = seen.last;
        check(behind >= 40);

        /* Behind the position, whatever `since` says; also when journald has numbered the entries anew. */
        for (paper.boot = 1; paper.boot <= 2; paper.boot++) {
                paper.n = behind + 10;
                start(position, 0);
                run_for(20);
                check_int(seen.lines, 10);
                check_text(seen.text, "");
                stop();
        }
        /* Vacuumed: on at the next one, none twice, and it says so. */
        paper.entries[behind].vacuumed = paper.entries[behind + 1].vacuumed = true;
        start(position, 0);
        run_for(20);
        check_int(seen.lines, 9);
        check_contains(seen.text, "not in the journal any more");
        stop();
        /* Vacuumed, and nothing came since. */
        paper.n = behind;
        start(position, 0);
        run_for(20);
        check_int(seen.lines, 0);
        check_int(seen.caught_up, 1);
        paper.n = behind + 2;
        run_for(1200);
        check_int(seen.lines, 1);
        stop();
        /* Not a cursor at all: by time. */
        paper_fill(100);
        start("rubbish", paper_time(91));
        run_for(20);
        check_int(seen.lines, 10);
        check_contains(seen.text, "not one of the journal's");
        stop();
        /* An entry whose cursor cannot be had: its time takes the place. */
        paper_fill(20);
        paper.entries[20].nameless = true;
        start(NULL, 0);
        seen.nameless = true;
        run_for(20);
        check_int(seen.lines, 20);
        check_int(journal_source_position(seen.source, position), 0);
        check(position[0] == '@');
        stop();
        paper.n = 25;
        start(position, 0);
        run_for(20);
        check_int(seen.lines, 5);
        stop();
        paper_fill(100);
        /* A cursor of a time to come would be waited for. */
        start("s=3;i=ff;b=78;m=1;t=7fffffffffffff;x=1", paper_time(96));
        run_for(20);
        check_int(seen.lines, 5);
        check_contains(seen.text, "in the future");
        stop();
}

static void test_errors(void)
{
        const SourceStats *stats;

        /* One error: opened again at the cursor, at once, in silence. */
        paper_fill(50);
        start(NULL, 0);
        run_for(20);
        paper.n = 60;
        paper.next_error = -ENODATA;
        paper.n_errors = 1;
        journal_source_attack(seen.source);
        run_for(50);
        stats = journal_source_stats(seen.source);
        check_int(seen.lines, 60);
        check_int(stats->errors, 1);
        check_int(stats->reopened, 1);
        check_int(seen.state, SOURCE_OPEN);

        /* An error for ever: ten in a second, then once a second, and it says so. */
        paper.n = 70;
        paper.n_errors = 1000000;
        run_for(1500);
        check_int(seen.state, SOURCE_DEGRADED);
        check_contains(seen.text, "journalctl --verify");
        check(stats->errors >= 10 && stats->errors <= 14);
        /* It heals by itself and has lost nothing. */
        paper.n_errors = 0;
        run_for(1200);
        check_int(seen.lines, 70);
        check_int(seen.state, SOURCE_DEGRADED);
        run_for(4000);
        check_int(seen.state, SOURCE_OPEN);
        stop();
}

static void test_pause(void)
{
        char position[SOURCE_POSITION_MAX];

        paper_fill(50);
        start(NULL, 0);
        seen.pause_at = 20;
        run_for(50);
        check_int(seen.lines, 20);
        check_int(seen.state, SOURCE_PAUSED);
        check_int(seen.caught_up, 0);
        check_int(journal_source_position(seen.source, position), 0);
        check_contains(position, ";i=14;");
        /* Wake-ups do not make it spin. */
        uint64_t one = 1;
        check_int(write(paper.fd, &one, sizeof one), sizeof one);
        paper.n = 60;
        run_for(50);
        check_int(seen.lines, 20);
        journal_source_pause(seen.source, false);
        run_for(50);
        check_int(seen.lines, 60);
        check_int(seen.state, SOURCE_OPEN);
        check_int(seen.caught_up, 1);
        stop();
}

static void test_waiting(const char *file)
{
        paper_fill(5);
        check_int(unlink(file), 0);
        start(NULL, 0);
        check_int(seen.state, SOURCE_WAITING);
        check_contains(seen.text, directory);
        paper.opens = 0;
        run_for(100);
        check_int(paper.opens, 0);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        run_for(1200);
        check_int(seen.state, SOURCE_OPEN);
        check_int(seen.lines, 5);
        stop();
}

static bool trusts_third(void *userdata, const Line *line)
{
        unsigned *asked = userdata;

        return ++*asked == 3;
}

/* Whether anything is there, asked beside the reading. */
static void test_seen(const char *file)
{
        static const char *const idents[] = { "sshd" };
        JournalConfig config = { .directory = directory, .idents = idents, .n_idents = 1 };
        const JournalSeen any = { 0 };
        unsigned asked = 0;
        JournalSeen trusted = { .trusts = trusts_third, .userdata = &asked };

        paper_fill(0);
        check_int(journal_has_seen(&config, &any), 0);
        paper_fill(1);
        check_int(journal_has_seen(&config, &any), 1);
        check_int(journal_has_seen(&config, &trusted), 0);
        check_int(asked, 1);
        asked = 0;
        paper_fill(5);
        check_int(journal_has_seen(&config, &trusted), 1);
        check_int(asked, 3);
        paper.next_error = -EIO;
        paper.n_errors = 1;
        check(journal_has_seen(&config, &any) < 0);
        check_int(unlink(file), 0);
        check_int(journal_has_seen(&config, &any), 0);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* ---- The lines before a position ---- */

static struct {
        int lines, first, last, fail_at;
        uint64_t wait_usec;
} past;

static void on_past_line(void *userdata, const Line *line)
{
        JournalHandle *handle = line->handle;
        _cleanup_free_ char *cursor = NULL;
        Origin origin;
        int number;

        check(userdata == &past);
        check_text(line->ident, "sshd");
        check_int(line->origin(line, &origin), -EBADMSG);
        check_int(sd_journal_get_cursor(handle->journal, &cursor), 0);
        check(sscanf(cursor, "s=%*d;i=%x;", (unsigned *) &number) == 1);
        if (past.lines++ == 0)
                past.first = number;
        else
                check(number > past.last);
        past.last = number;
        if (past.lines == past.fail_at) {
                paper.next_error = -EIO;
                paper.n_errors = 1;
        }
        usleep((useconds_t) past.wait_usec);
}

static int read_past(const char *position, JournalPast limits, JournalPastStats *ret_stats)
{
        static const char *const idents[] = { "sshd" };
        JournalConfig config = { .directory = directory, .idents = idents, .n_idents = 1, .position = position };

        past.lines = past.first = past.last = 0;
        return journal_read_past(&config, &limits, on_past_line, &past, ret_stats);
}

static void check_past(const char *position, JournalPast limits, int first, int last, bool cut, bool late)
{
        JournalPastStats stats = { 0 };

        check_int(read_past(position, limits, &stats), 0);
        check_int(past.first, first);
        check_int(past.last, last);
        check_int(stats.lines, past.lines);
        check_int(stats.cut, cut);
        check_int(stats.late, late);
}

/* Entries are a second apart; the position is the 100th of 200. */
static void test_past(const char *file)
{
        static const char position[] = "s=1;i=64;b=77;m=64;t=0;x=64", renumbered[] = "s=2;i=64;b=77;m=64;t=0;x=64";
        JournalPast limits = { .seconds = 30, .max_lines = 1000, .max_usec = USEC_PER_SEC };
        char cursor[128], time[64];
        JournalPastStats stats;

        paper_fill(200);
        snprintf(cursor, sizeof cursor, "s=1;i=64;b=77;m=64;t=%llx;x=64", (unsigned long long) paper_time(100));
        snprintf(time, sizeof time, "@%lld", (long long) paper_time(100) + 1);
        check_past(cursor, limits, 70, 100, false, false);
        check_int(past.lines, 31);
        check_past(time, limits, 70, 100, false, false);
        /* Nothing is handed out behind it, though the cursor's entry may have another number or be gone. */
        check_past(position, limits, 70, 100, false, false);
        check_past(renumbered, limits, 70, 100, false, false);
        paper.entries[100].vacuumed = true;
        check_past(cursor, limits, 69, 99, false, false);
        paper.entries[100].vacuumed = false;
        /* The journal does not go so far back. */
        limits.seconds = 600;
        check_past(cursor, limits, 1, 100, false, false);
        /* Entries without a text, and such that cannot be read, are passed over. */
        paper.entries[1].message = NULL;
        paper.entries[2].broken = true;
        check_past(cursor, limits, 3, 100, false, false);
        check_int(past.lines, 98);
        /* Another boot. */
        paper.entries[50].other_boot = true;
        check_past(cursor, limits, 51, 100, false, false);
        paper.entries[100].other_boot = true;
        check_past(cursor, limits, 0, 0, false, false);
        /* The clock was set back: what looks old ends it. */
        paper_fill(200);
        paper.entries[80].time = paper_time(1);
        limits.seconds = 50;
        check_past(cursor, limits, 81, 100, false, false);

        /* The nearest lines are those that matter. */
        paper_fill(200);
        limits.max_lines = 7;
        check_past(cursor, limits, 94, 100, true, false);
        limits.max_lines = 1000;
        past.wait_usec = 5000;
        limits.max_usec = 50 * USEC_PER_MSEC;
        check_int(read_past(cursor, limits, &stats), 0);
        check(stats.cut && stats.late && past.first == 50 && past.last < 100 && stats.usec < 2 * USEC_PER_SEC);
        past.wait_usec = 0;
        limits.max_usec = 0;
        check_int(read_past(cursor, limits, &stats), 0);
        check(stats.cut && past.lines == 0);
        limits.max_usec = USEC_PER_SEC;

        /* No position, none of a journal's, no journal. */
        check_past(NULL, limits, 0, 0, false, false);
        check_past("", limits, 0, 0, false, false);
        check_int(read_past("rubbish", limits, &stats), -EINVAL);
        check_int(past.lines, 0);
        past.fail_at = 5;
        check_int(read_past(cursor, limits, &stats), -EIO);
        check_int(past.lines, 5);
        past.fail_at = 0;
        paper_fill(0);
        check_past(cursor, limits, 0, 0, false, false);
        check_int(unlink(file), 0);
        check_past(cursor, limits, 0, 0, false, false);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void test_pace(void)
{
        const SourceStats *stats;
        uint64_t polls, one = 1;

        /* A journal without a line of ours is no reason to spin. */
        paper_fill(0);
        start(NULL, 0);
        run_for(1000);
        check(journal_source_stats(seen.source)->polls <= 10);
        stop();

        paper_fill(5);
        start(NULL, 0);
        stats = journal_source_stats(seen.source);
        run_for(2000);
        polls = stats->polls;
        run_for(2000);
        check(stats->polls - polls <= 3);
        /* A wake-up is heeded at once. */
        paper.n = 6;
        check_int(write(paper.fd, &one, sizeof one), sizeof one);
        run_for(30);
        check_int(seen.lines, 6);
        /* An attack: some 200 polls a second. */
        journal_source_attack(seen.source);
        polls = stats->polls;
        run_for(500);
        check(stats->polls - polls >= 20 && stats->polls - polls <= 110);
        stop();
}

static void test_shrinking_file(const char *path)
{
        int fd = open(path, O_RDWR | O_CLOEXEC), status;

        check(fd >= 0 && ftruncate(fd, 8192) == 0);
        volatile char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
        check(map != MAP_FAILED && ftruncate(fd, 0) == 0);
        check_int(bus_guard_install(), 0);

        check(!bus_guard_set(true));
        check(!bus_guard_tripped());
        check_int(map[5000], 0);
        check(bus_guard_tripped());
        check(bus_guard_set(false));
        bus_guard_reset();
        check(!bus_guard_tripped());

        /* Outside the journal a bus error kills as ever. */
        pid_t child = fork();
        if (child == 0) {
                setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
                close(STDERR_FILENO); /* a sanitizer's report of just that */
                _exit(map[0]);
        }
        check(waitpid(child, &status, 0) == child);
        check(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
        close(fd);
}

int main(void)
{
        char file[64];

        check(mkdtemp(directory) != NULL);
        snprintf(file, sizeof file, "%s/system.journal", directory);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        paper.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        check(paper.fd >= 0);

        test_shrinking_file(file);
        test_reading();
        test_text();
        test_resume();
        test_errors();
        test_pause();
        test_pace();
        test_waiting(file);
        test_seen(file);
        test_past(file);
        check_text(source_state_name(SOURCE_DEGRADED), "degraded");

        unlink(file);
        rmdir(directory);
        close(paper.fd);
        return 0;
}
