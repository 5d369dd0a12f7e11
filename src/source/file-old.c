/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files that were rotated away: how long they are read on.
 *
 * An old stream stays open while lines may come: whoever writes may be told late
 * that there is a new file. It is closed ten seconds after its last change if it
 * has been removed (its space is wanted back); otherwise it stays until another
 * old file is quiet after it. After a minute of quiet its partial last line goes
 * out as it is. If descriptors are short it gives way to a log that is there, as
 * soon as it is at its end and has been quiet for ten seconds, or for two if lines
 * have come into the file that took its place.
 */

#include <sys/stat.h>

#include "source/file-private.h"

#define OLD_USEC (1 * USEC_PER_SEC) /* between two looks at old files */
#define QUIET_USEC (60 * USEC_PER_SEC)
#define UNLINKED_USEC (10 * USEC_PER_SEC)
#define ABANDONED_USEC (600 * USEC_PER_SEC) /* removed, and nothing came in its place */
#define SPARE_USEC UNLINKED_USEC /* quiet for so long, an old file gives way if descriptors are short */
#define SPARE_MOVED_USEC (2 * USEC_PER_SEC) /* the same, if lines have come into the file after it */
#define OLD_MAX 8               /* rotated files of a path that have been read to their end */

static bool is_finished(const FileStream *stream, BootTime now)
{
        if (stream->ready || stream->after || stream->errors > 0 || !stream->unlinked)
                return false;
        return file_has_passed(now, stream->changed, stream->owner->stream ? UNLINKED_USEC : ABANDONED_USEC);
}

/* Of a path's old streams the first that has been read and is not needed: if there are too many, or another is quiet after it. */
static FileStream *one_too_many(const FilePath *path)
{
        FileStream *stream, *first = NULL;
        size_t n = 0, n_quiet = 0;

        DL_FOREACH2(path->owned, stream, owned_next) {
                if (stream->n_paths > 0 || stream->ready || stream->after || stream->errors > 0)
                        continue;
                if (!first)
                        first = stream;
                n++;
                n_quiet += stream->quiet;
        }
        return first && (n > OLD_MAX || (n_quiet > 1 && first->quiet)) ? first : NULL;
}

static void close_old(FileStream *stream)
{
        stream_hand_out_rest(stream);
        stream_json_give_up(stream);
        stream_close(stream);
}

/* Whether a stream could be closed now without a line's being lost: it is at its end, and nothing has come for a while. */
static bool is_spare(const FileStream *stream, BootTime now)
{
        const FileStream *current = stream->owner->stream;
        struct stat st;

        if (stream->n_paths > 0 || stream->ready || stream->after || stream->errors > 0 || stream_json_parts(stream) > 0)
                return false;
        if (!file_has_passed(now, stream->changed, current && current->lines > 0 ? SPARE_MOVED_USEC : SPARE_USEC))
                return false;
        return fstat(stream->fd, &st) == 0 && (st.st_size == stream->offset || stream->quiet);
}

/* Whose goes first: one's own, then those of who has more. */
static int spare_rank(const FileStream *stream, const FileUser *user)
{
        if (stream->user == user)
                return 2;
        return stream->user && stream->user->n_streams > (user ? user->n_streams : 0);
}

/**
 * file_make_room() - close a file that was rotated away, is at its end and quiet, since descriptors are short
 * @user:       for whom; NULL: root or us
 * @own:        only one of his
 *
 * Return: whether there was one.
 */
bool file_make_room(FileSource *source, const FileUser *user, bool own)
{
        BootTime now = clock_boot_now();
        FileStream *stream, *spare = NULL;

        DL_FOREACH(source->streams, stream) {
                int rank = spare_rank(stream, user), best = spare ? spare_rank(spare, user) : -1;

                if ((own && rank < 2) || rank < best || (rank == best && stream->changed.usec >= spare->changed.usec) || !is_spare(stream, now))
                        continue;
                spare = stream;
        }
        if (spare)
                close_old(spare);
        return spare != NULL;
}

/**
 * file_get_descriptor() - see to it that one more file can be opened
 * @promised:   so many others are going to be opened first
 *
 * Return: whether it can.
 */
bool file_get_descriptor(FileSource *source, const FileUser *user, size_t promised)
{
        while (source->n_streams + promised >= source->streams_max && !source->spent)
                source->spent = !file_make_room(source, user, false);
        return source->n_streams + promised < source->streams_max;
}

static void look_at_one(FileStream *stream, BootTime now)
{
        struct stat st;

        if (fstat(stream->fd, &st) == 0)
                stream->unlinked = st.st_nlink == 0;
        if (is_finished(stream, now))
                close_old(stream);
        else if (!stream->quiet && !stream->ready && !stream->after && stream->owner->stream && file_has_passed(now, stream->changed, QUIET_USEC)) {
                stream_hand_out_rest(stream);
                stream->quiet = stream->owner->moved = true;
        }
}

/**
 * file_look_at_old() - once a second: close those that no more is expected of
 */
void file_look_at_old(FileSource *source)
{
        BootTime now = clock_boot_now();
        FileStream *stream, *next;
        FilePath *path, *next_path;

        if (now.usec < source->old_due.usec)
                return;
        DL_FOREACH_SAFE(source->streams, stream, next)
                if (stream->n_paths == 0 && !source->paused)
                        look_at_one(stream, now);
        HASH_ITER(hh, source->paths, path, next_path)
                while (!source->paused && (stream = one_too_many(path)))
                        close_old(stream);
        source->old_due.usec = now.usec + OLD_USEC;
}
