/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where the lines come from: a file, standard input, the journal. A line is cut
 * at 64 KiB, as the journal's are, and is then over-long for the filter, too.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "ctl/input.h"
#include "source.h"
#include "util/cleanup.h"

#define TEXT_MAX (2 * LINE_LENGTH_MAX)
#define BUFFER_SIZE (4 * TEXT_MAX)

typedef struct Reader {
        LineSink sink;
        int fd;
        size_t used;
        bool skipping; /* the rest of a line that was cut */
        char buffer[BUFFER_SIZE];
} Reader;

/* Hands out the whole lines of the buffer, and what is longer than a line may be. */
static int hand_out(Reader *reader, bool end)
{
        size_t start = 0;

        while (start < reader->used) {
                const char *line = reader->buffer + start, *feed = memchr(line, '\n', reader->used - start);
                size_t left = reader->used - start, size = feed ? (size_t) (feed - line) : left;

                if (!feed && !end && (left < TEXT_MAX || start > 0) && !reader->skipping)
                        break;
                if (!reader->skipping) {
                        int r = reader->sink.text(reader->sink.userdata, line, size < TEXT_MAX ? size : TEXT_MAX);
                        if (r < 0)
                                return r;
                }
                reader->skipping = !feed;
                start += size + (feed ? 1 : 0);
        }
        memmove(reader->buffer, reader->buffer + start, reader->used - start);
        reader->used -= start;
        return 0;
}

/* A compressed file's lines are no lines. */
static int check_content(const Reader *reader, const char *path)
{
        static const char *const magics[] = { "\x1f\x8b",
                                              ("\xfd"
                                               "7zXZ"),
                                              "(\xb5/\xfd", "BZh" };

        for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
                if (reader->used >= 6 && memcmp(reader->buffer, magics[i], strlen(magics[i])) == 0)
                        return fail("%s is compressed: zcat FILE | bailiffctl test FILTER - (or xzcat, zstdcat, bzcat)", path);
        return STATUS_DONE;
}

static int read_on(Reader *reader, const char *path)
{
        bool first = true, at_once = true;
        struct stat info;

        if (fstat(reader->fd, &info) == 0)
                at_once = S_ISREG(info.st_mode);
        for (;;) {
                ssize_t size;
                int r;

                if (!at_once)
                        fflush(stdout); /* somebody may follow a live log */
                size = read(reader->fd, reader->buffer + reader->used, sizeof reader->buffer - reader->used);
                if (size < 0 && errno == EINTR)
                        continue;
                if (size < 0)
                        return fail("%s cannot be read: %s", path, strerror(errno));
                reader->used += (size_t) size;
                if (first && check_content(reader, path) != STATUS_DONE)
                        return STATUS_ERROR;
                first = false;
                r = hand_out(reader, size == 0);
                if (r < 0)
                        return fail("%s", strerror(-r));
                if (ferror(stdout))
                        return STATUS_ERROR;
                if (size == 0)
                        return STATUS_DONE;
        }
}

/**
 * input_file() - all lines of a file
 * @path:       "-": standard input
 *
 * Return: an exit status; what went wrong has been told.
 */
int input_file(const LineSink *sink, const char *path)
{
        static Reader reader;
        bool standard = strcmp(path, "-") == 0;
        int status;

        reader = (Reader){ .sink = *sink, .fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC) };
        if (reader.fd < 0)
                return fail("%s cannot be read: %s", path, strerror(errno));
        status = read_on(&reader, standard ? "standard input" : path);
        if (!standard)
                close(reader.fd);
        return status;
}

/* ---- the journal, read by the daemon's code ---- */

typedef struct JournalRun {
        const LineSink *sink;
        sd_event *event;
        int status;
} JournalRun;

static void end(JournalRun *run, int status)
{
        run->status = status;
        sd_event_exit(run->event, 0);
}

static void on_line(void *userdata, const Line *line)
{
        JournalRun *run = userdata;
        int r = run->sink->entry(run->sink->userdata, line);

        if (r < 0)
                end(run, fail("%s", strerror(-r)));
        else if (ferror(stdout))
                end(run, STATUS_ERROR);
}

static void on_state(void *userdata, SourceState state, const char *text)
{
        JournalRun *run = userdata;

        if (state == SOURCE_WAITING || state == SOURCE_DEGRADED)
                end(run, fail("%s", text));
}

static void on_caught_up(void *userdata)
{
        end(userdata, STATUS_DONE);
}

/**
 * input_journal() - the lines of some programs in the journal, up to the present
 * @config:     directory, idents and since; the rest does not matter
 *
 * Return: as input_file().
 */
int input_journal(const LineSink *sink, const JournalConfig *config)
{
        JournalRun run = { .sink = sink, .status = STATUS_DONE };
        const SourceCallbacks callbacks = { .line = on_line, .state = on_state, .caught_up = on_caught_up, .userdata = &run };
        _cleanup_(journal_source_freep) JournalSource *source = NULL;
        Problem problem = { "" };
        int r = sd_event_new(&run.event);

        if (r >= 0)
                r = journal_source_new(run.event, config, callbacks, &source);
        if (r >= 0)
                r = journal_source_start(source, &problem);
        if (r >= 0)
                r = sd_event_loop(run.event);
        if (r < 0)
                run.status = fail("the journal cannot be read: %s", *problem.text ? problem.text : strerror(-r));
        source = journal_source_free(source);
        sd_event_unref(run.event);
        return run.status;
}
