/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where the lines come from: a file, standard input, the journal. A line is cut
 * where an object is too long, and is then over-long for the filter, too.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "ctl/input.h"
#include "logobject.h"
#include "source.h"
#include "util/cleanup.h"

#define TEXT_MAX (LOGOBJECT_MAX + 1)    /* of an object that is cut it has to be seen */
#define READ_SIZE (64 * 1024)           /* more would push out of the near memory what the patterns and sessions need */

struct InputFile {
        const char *name;       /* for people */
        const char *hint;       /* what reads a compressed file */
        int fd;
        bool at_once;           /* a regular file: nobody waits for its lines */
        bool first, end;
        bool skipping;          /* the rest of a line that was cut */
        EventTime mtime;
        size_t start, used;
        char buffer[TEXT_MAX + READ_SIZE];
};

/**
 * input_open() - begin to read a file
 * @path:       "-": standard input
 * @hint:       told of a compressed file, behind "zcat FILE | "
 * @ret_file:   for input_close()
 *
 * Return: an exit status; what went wrong has been told.
 */
int input_open(const char *path, const char *hint, InputFile **ret_file)
{
        bool standard = strcmp(path, "-") == 0;
        InputFile *file = malloc(sizeof *file);
        struct stat info;

        if (!file)
                return fail("%s", strerror(ENOMEM));
        /* The buffer is left as it is. */
        file->name = standard ? "standard input" : path;
        file->hint = hint;
        file->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        file->first = true;
        file->end = file->skipping = false;
        file->at_once = true;
        file->mtime = EVENT_TIME_NONE;
        file->start = file->used = 0;
        if (file->fd < 0) {
                free(file);
                return fail("%s cannot be read: %s", path, strerror(errno));
        }
        if (fstat(file->fd, &info) == 0) {
                file->at_once = S_ISREG(info.st_mode);
                if (file->at_once)
                        file->mtime.usec = (int64_t) info.st_mtim.tv_sec * USEC_PER_SEC;
        }
        *ret_file = file;
        return STATUS_DONE;
}

/**
 * input_close() - end reading
 *
 * Return: NULL.
 */
InputFile *input_close(InputFile *file)
{
        if (file && file->fd != STDIN_FILENO)
                close(file->fd);
        free(file);
        return NULL;
}

/**
 * input_mtime() - when a regular file was written last; EVENT_TIME_NONE of anything else
 */
EventTime input_mtime(const InputFile *file)
{
        return file->mtime;
}

/* A compressed file's lines are no lines. */
static int check_content(const InputFile *file)
{
        static const char *const magics[] = { "\x1f\x8b",
                                              ("\xfd"
                                               "7zXZ"),
                                              "(\xb5/\xfd", "BZh" };

        for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
                if (file->used >= 6 && memcmp(file->buffer, magics[i], strlen(magics[i])) == 0)
                        return fail("%s is compressed: zcat FILE | %s (or xzcat, zstdcat, bzcat)", file->name, file->hint);
        return STATUS_DONE;
}

/* More of the file behind what is left of the last read, which is less than TEXT_MAX. */
static int refill(InputFile *file)
{
        ssize_t size;

        memmove(file->buffer, file->buffer + file->start, file->used - file->start);
        file->used -= file->start;
        file->start = 0;
        if (!file->at_once)
                fflush(stdout); /* somebody may follow a live log */
        do
                size = read(file->fd, file->buffer + file->used, READ_SIZE);
        while (size < 0 && errno == EINTR);
        if (size < 0)
                return fail("%s cannot be read: %s", file->name, strerror(errno));
        file->used += (size_t) size;
        file->end = size == 0;
        if (file->first && check_content(file) != STATUS_DONE)
                return STATUS_ERROR;
        file->first = false;
        return STATUS_DONE;
}

/**
 * input_next() - the next line, without its line break
 * @ret_text:   NULL: there are no more; else borrowed until the next call with this file
 *
 * Return: an exit status; what went wrong has been told.
 */
int input_next(InputFile *file, const char **ret_text, size_t *ret_size)
{
        for (;;) {
                const char *line = file->buffer + file->start;
                size_t left = file->used - file->start;
                const char *feed = memchr(line, '\n', left);
                size_t size = feed ? (size_t) (feed - line) : left;
                bool skipped = file->skipping;

                if (left > 0 && (feed || file->end || left >= TEXT_MAX || skipped)) {
                        file->start += size + (feed ? 1 : 0);
                        file->skipping = !feed;
                        if (skipped)
                                continue;
                        *ret_text = line;
                        *ret_size = size < TEXT_MAX ? size : TEXT_MAX;
                        return STATUS_DONE;
                }
                if (file->end) {
                        *ret_text = NULL;
                        *ret_size = 0;
                        return STATUS_DONE;
                }
                if (refill(file) != STATUS_DONE)
                        return STATUS_ERROR;
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
        _cleanup_(input_closep) InputFile *file = NULL;
        int status = input_open(path, "bailiffctl test FILTER -", &file), r;
        const char *text;
        size_t size;

        while (status == STATUS_DONE && (status = input_next(file, &text, &size)) == STATUS_DONE && text) {
                if ((r = sink->text(sink->userdata, text, size)) < 0)
                        return fail("%s", strerror(-r));
                if (ferror(stdout))
                        return STATUS_ERROR;
        }
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
