/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which of the files that match a pattern are read, where there are more than can be.
 *
 * Whoever may make files where a pattern looks can make as many as he likes. So that nobody else's go unread for it, a user
 * gets another file only while he has fewer open than could still be opened: half of all if he is the only one, and whoever
 * comes after him finds the other half free. What is read already does not give way to what is new; so nothing is left and
 * taken up again by turns. Only what nobody has written to for a day gives way, to a younger file of the same user. Root's files, and our own, come before those of others; of them it is a pattern that has no more than
 * half, as it may match what nobody has thought of. The entries of directories that are looked at are shared out in the same
 * way among the directories' owners.
 *
 * What was rotated away counts as well, so renaming them gives nobody more. If it is at its end and quiet it gives way.
 *
 * Of a user's new files those that were written to last come first. Paths without wildcards are read whatever there is else.
 */

#include <errno.h>
#include <string.h>

#include "source/file-private.h"
#include "util/arena.h"

#define ENTRIES_MAX 131072      /* looked at for one pattern in a scan */
#define FRESH_USEC (86400 * USEC_PER_SEC) /* a file written to since then is in use */

typedef enum Rank {
        RANK_FOLLOWED,
        RANK_TRUSTED,
        RANK_KEPT,              /* was read by an earlier run, and is in use */
        RANK_NEW,
} Rank;

typedef struct FileCandidate {
        const char *path;
        uid_t uid;
        int64_t mtime;          /* usec */
        Rank rank;
} FileCandidate;

struct FileChoice {
        FileSource *source;
        FilePattern *pattern;
        Arena *texts;
        FileCandidate *candidates;
        size_t n, allocated;
};

/* ---- users ---- */

/**
 * file_user_is_trusted() - whether a user's files are not limited by their number: root, and we
 */
bool file_user_is_trusted(uid_t uid)
{
        return uid == 0 || uid == geteuid();
}

static FileUser *user_get(FileSource *source, uid_t uid)
{
        FileUser *user;

        HASH_FIND(hh, source->users, &uid, sizeof uid, user);
        if (user)
                return user;
        user = calloc(1, sizeof *user);
        if (!user)
                return NULL;
        user->uid = uid;
        HASH_ADD(hh, source->users, uid, sizeof uid, user);
        return user;
}

/**
 * file_user_open() - a file of this user has been opened
 *
 * Return: the user; NULL: out of memory, and it is not counted.
 */
FileUser *file_user_open(FileSource *source, uid_t uid)
{
        FileUser *user = user_get(source, uid);

        if (user)
                user->n_streams++;
        return user;
}

/**
 * file_user_close() - a file of this user has been closed
 */
void file_user_close(FileUser *user)
{
        if (user)
                user->n_streams--;
}

/**
 * file_users_free() - forget those without open files
 * @all:        and the others
 */
void file_users_free(FileSource *source, bool all)
{
        FileUser *user, *next;

        HASH_ITER(hh, source->users, user, next) {
                user->n_chosen = 0;
                user->spent = false;
                if (user->n_streams > 0 && !all)
                        continue;
                HASH_DEL(source->users, user);
                free(user);
        }
        source->n_chosen = 0;
        source->spent = false;
}

/* ---- entries of directories ---- */

/**
 * file_share_begin() - share out the entries that may be looked at for a pattern
 */
void file_share_begin(FileSource *source, FileShare *share)
{
        FileUser *user, *next;

        *share = (FileShare){ .source = source, .left = ENTRIES_MAX };
        HASH_ITER(hh, source->users, user, next)
                user->n_entries = user->n_left_out = 0;
}

/**
 * file_share_take() - have so many entries more
 * @uid:        who can make such entries
 * @used:       those taken before of a directory that belongs to root
 *
 * Return: whether they may be looked at.
 */
bool file_share_take(FileShare *share, uid_t uid, size_t *used, size_t n)
{
        FileUser *user = file_user_is_trusted(uid) ? NULL : user_get(share->source, uid);

        used = user ? &user->n_entries : used;
        if (share->left < n || *used >= share->left)
                return false;
        share->left -= n;
        *used += n;
        return true;
}

/* ---- candidates ---- */

FileChoice *file_choice_new(FileSource *source, FilePattern *pattern)
{
        FileChoice *choice = calloc(1, sizeof *choice);

        if (!choice)
                return NULL;
        choice->source = source;
        choice->pattern = pattern;
        choice->texts = arena_new();
        if (!choice->texts) {
                free(choice);
                return NULL;
        }
        return choice;
}

FileChoice *file_choice_free(FileChoice *choice)
{
        if (!choice)
                return NULL;
        arena_free(choice->texts);
        free(choice->candidates);
        free(choice);
        return NULL;
}

static Rank rank_of(const FileChoice *choice, const FileCandidate *candidate, EventTime now)
{
        FileSource *source = choice->source;
        const FilePath *path = file_path_get(source, choice->pattern, candidate->path, false);
        bool fresh = candidate->mtime >= now.usec - FRESH_USEC;

        if (path && path->stream)
                return RANK_FOLLOWED;
        if (file_user_is_trusted(candidate->uid))
                return RANK_TRUSTED;
        return fresh && file_row_is_kept(source, choice->pattern, candidate->path) ? RANK_KEPT : RANK_NEW;
}

/**
 * file_choice_add() - a file that matches
 * @uid:        who has made it
 *
 * Return: 0 or -ENOMEM.
 */
int file_choice_add(FileChoice *choice, const char *path, uid_t uid, int64_t mtime)
{
        if (choice->n == choice->allocated) {
                FileCandidate *grown = reallocarray(choice->candidates, choice->allocated * 2 + 64, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                choice->candidates = grown;
                choice->allocated = choice->allocated * 2 + 64;
        }
        path = arena_text(choice->texts, path);
        if (!path)
                return -ENOMEM;
        choice->candidates[choice->n++] = (FileCandidate){ .path = path, .uid = uid, .mtime = mtime };
        return 0;
}

static int compare_candidates(const void *a, const void *b)
{
        const FileCandidate *left = a, *right = b;

        if (left->rank != right->rank)
                return left->rank < right->rank ? -1 : 1;
        if (left->mtime != right->mtime)
                return left->mtime > right->mtime ? -1 : 1;
        return strcmp(left->path, right->path);
}

/* ---- the choice ---- */

/**
 * file_left_for() - how many files could still be opened: what was rotated away gives way, but a user's own counts
 */
size_t file_left_for(const FileSource *source, const FileUser *user)
{
        size_t taken = source->n_standing + source->n_chosen + (user ? user->n_streams - user->n_standing : 0);

        return source->streams_max > taken ? source->streams_max - taken : 0;
}

static bool may_have(const FileChoice *choice, const FileCandidate *candidate, const FileUser *user)
{
        size_t left = file_left_for(choice->source, user);
        size_t own = user ? user->n_streams + user->n_chosen : choice->pattern->n_trusted;

        /* After a restart everybody gets what he had before. */
        if (candidate->rank == RANK_KEPT)
                return left > 0 && own < choice->source->streams_max / 2;
        return own < left;
}

/*
 * Logs with a date in their names go on matching when nobody writes to them any more. Of the files of @uid's account that are read the
 * one that was written to first gives way to a younger one. Return: whether there was one.
 */
static bool park_stale(FileChoice *choice, const FileCandidate *candidate)
{
        int64_t until = clock_event_now().usec - FRESH_USEC;
        bool trusted = file_user_is_trusted(candidate->uid);
        size_t i = 0;

        until = candidate->mtime < until ? candidate->mtime : until;
        while (i < choice->n && choice->candidates[i].rank == RANK_FOLLOWED)
                i++;
        while (i-- > 0 && choice->candidates[i].mtime < until) {
                const FileCandidate *stale = &choice->candidates[i];
                FilePath *path = file_path_get(choice->source, choice->pattern, stale->path, false);

                if ((trusted ? !file_user_is_trusted(stale->uid) : stale->uid != candidate->uid) || !path)
                        continue;
                if (!file_path_park(path)) {
                        choice->source->scan_polled = choice->source->scan_polled || (path->stream && path->stream->ready);
                        continue;
                }
                choice->pattern->n_found--;
                choice->pattern->n_trusted -= trusted;
                choice->pattern->n_left_out++;
                return true;
        }
        return false;
}

/* If need be, a user's own files give way: those that were rotated away, then those of former days. */
static bool get_share(FileChoice *choice, const FileCandidate *candidate, FileUser *user)
{
        bool *spent = user ? &user->spent : &choice->pattern->spent, share;

        while (!(share = may_have(choice, candidate, user)) && !*spent)
                *spent = !(user && file_make_room(choice->source, user, true)) && !park_stale(choice, candidate);
        return share;
}

/* And anybody's that were rotated away, if there is no descriptor left. Those that are not quiet yet may give way in a moment. */
static bool get_room(FileChoice *choice, const FileCandidate *candidate, FileUser *user)
{
        FileSource *source = choice->source;
        bool share;

        if (candidate->rank == RANK_FOLLOWED)
                return true;
        share = get_share(choice, candidate, user);
        if (share && file_get_descriptor(source, user, source->n_chosen))
                return true;
        if (share || (user && user->n_streams > user->n_standing))
                source->scan_polled = true;
        return false;
}

static void choose(FileChoice *choice, const FileCandidate *candidate)
{
        FileSource *source = choice->source;
        bool trusted = file_user_is_trusted(candidate->uid);
        FileUser *user = trusted ? NULL : user_get(source, candidate->uid);
        const FilePath *path = file_path_get(source, choice->pattern, candidate->path, false);
        bool chosen = path && path->scan == source->scan; /* for another pattern */

        if (!chosen && !get_room(choice, candidate, user)) {
                choice->pattern->n_left_out++;
                if (user)
                        user->n_left_out++;
                return;
        }
        if (!chosen && candidate->rank != RANK_FOLLOWED) {
                source->n_chosen++;
                if (user)
                        user->n_chosen++;
        }
        choice->pattern->n_trusted += trusted;
        file_found(source, choice->pattern, candidate->path, false);
}

/* Said once, and again when it has become ten times as many. */
static void describe_crowd(const FileSource *source, FilePattern *pattern)
{
        const FileUser *user, *next, *most = NULL;
        char who[64] = "root's and bailiff's";

        if (pattern->n_left_out == 0)
                pattern->crowd[0] = '\0';
        if (pattern->n_left_out <= (*pattern->crowd ? pattern->crowd_told * 10 : 0))
                return;
        pattern->crowd_told = pattern->n_left_out;
        HASH_ITER(hh, source->users, user, next)
                if (user->n_left_out > (most ? most->n_left_out : 0))
                        most = user;
        if (most)
                snprintf(who, sizeof who, "most of them of user %u", (unsigned) most->uid);
        snprintf(pattern->crowd, sizeof pattern->crowd, "%zu files that match are not read, %s: of %zu that can be read nobody gets more than half; "
                 "match fewer, or have them removed", pattern->n_left_out, who, source->streams_max);
}

/**
 * file_choice_make() - have those found that are to be read
 */
void file_choice_make(FileChoice *choice)
{
        EventTime now = clock_event_now();

        for (size_t i = 0; i < choice->n; i++)
                choice->candidates[i].rank = rank_of(choice, &choice->candidates[i], now);
        if (choice->n > 0)
                qsort(choice->candidates, choice->n, sizeof *choice->candidates, compare_candidates);
        for (size_t i = 0; i < choice->n; i++)
                choose(choice, &choice->candidates[i]);
        describe_crowd(choice->source, choice->pattern);
}
