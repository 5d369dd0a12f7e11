/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of this folder share. */

#include <sys/stat.h>

#include "allow.h"
#include "allow/answers.h"

#define ALLOW_FILE_SIZE_MAX (1024 * 1024)
#define ALLOW_FILE_ENTRIES_MAX 100000
#define ALLOW_HOST_ENTRIES_MAX 4096 /* of "own", "gateway" and "resolver", each; and on-link prefixes */

/* ---- list.c: addresses with their place, sorted, each once ---- */

typedef struct AllowItem {
        Addr addr;
        unsigned place;         /* line of a file, or index of an interface */
        EventTime until;
} AllowItem;

typedef struct AllowList {
        AllowItem *items;
        size_t n_items, n_allocated;
} AllowList;

#define ALLOW_LIST_NULL ((AllowList){ .items = NULL })

int allow_list_add(AllowList *list, const Addr *addr, unsigned place, EventTime until);
size_t allow_list_finish(AllowList *list, size_t max);
bool allow_list_equal(const AllowList *a, const AllowList *b);
void allow_list_move(AllowList *to, AllowList *from);
void allow_list_deinit(AllowList *list);

/* ---- parse.c: text of people ---- */

int allow_parse_file(const char *path, const char *text, size_t size, AllowList *list, Problem *problem);
int allow_parse_resolvers(const char *text, size_t size, AllowList *list);

/* ---- file.c ---- */

/* How a file looked when it was read; all zero: it was not there. */
typedef struct FileStamp {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified, changed;
} FileStamp;

FileStamp file_stamp(const char *path);
bool file_stamp_equal(const FileStamp *a, const FileStamp *b);
int allow_read_file(const char *path, char **ret_text, size_t *ret_size, Problem *problem);

/* ---- path.c: word that something about a path has changed ---- */

typedef struct PathWatch PathWatch;
typedef void (*PathChanged)(void *userdata);

int path_watch_new(sd_event *event, const char *path, PathChanged changed, void *userdata, PathWatch **ret_watch);
PathWatch *path_watch_free(PathWatch *watch);
DEFINE_CLEANUP(PathWatch *, path_watch_free)
int path_watch_renew(PathWatch *watch);

/* ---- route.c: rtnetlink ---- */

typedef struct RouteWatch RouteWatch;

typedef struct RouteState {
        AllowList own, gateway, on_link;
        bool over;              /* there were more than fit */
} RouteState;

typedef struct RouteCallbacks {
        /* All there is now; what is not equal to before may be moved out of `state`. */
        void (*state)(void *userdata, RouteState *state);
        /* Cannot watch any longer. */
        void (*failed)(void *userdata, int r);
        void *userdata;
} RouteCallbacks;

void route_state_deinit(RouteState *state);
int route_watch_new(sd_event *event, RouteCallbacks callbacks, RouteWatch **ret_watch);
RouteWatch *route_watch_free(RouteWatch *watch);
DEFINE_CLEANUP(RouteWatch *, route_watch_free)

/* ---- watch.c and names.c: the whole ---- */

/* A file or a name that somebody wants allowed, for one jail or for the host: a group. */
typedef struct Wanted {
        AllowKind kind;
        char *text;
        char *jail;             /* NULL: host-wide */
} Wanted;

/* Something that is read again whenever its file has changed. */
typedef struct Watched {
        AllowWatch *watch;
        const char *filename;
        void (*read)(struct Watched *watched);
        PathWatch *path;
        FileStamp stamp;
        bool dirty;
} Watched;

typedef struct AllowFile {
        Watched watched;
        char *filename;
        AllowList list;
        bool faultless;         /* it has been read without a mistake */
        char *problem;          /* as told */
        struct AllowFile *next;
} AllowFile;

typedef struct AllowName {
        NameAnswer answer;      /* addresses and time: the last good ones */
        AllowList list;         /* the same addresses */
        BootTime wanted_since;
        char *problem;          /* as told */
        struct AllowName *next;
} AllowName;

struct AllowWatch {
        sd_event *event;
        AllowCallbacks callbacks;
        Wanted *wanted;
        size_t n_wanted;

        RouteWatch *route;
        RouteState host;        /* as told */
        char *host_problem;

        Watched resolv;
        char *resolv_conf;
        AllowList resolvers;

        AllowFile *files;

        AllowName *names;
        size_t n_names;
        char *names_over;       /* problem: more names than are resolved */
        Watched answers;
        char *answers_path, *names_path, *state_path;
        char *answers_problem;
        char *names_problem;
        EventTime saved;        /* when the answers were written to the state directory */

        sd_event_source *settle; /* until changes have settled */
        sd_event_source *look;  /* at what inotify does not tell */
};

void watch_tell_problem(AllowWatch *watch, char **told, const char *topic, const char *text);
void watch_tell_list(AllowWatch *watch, AllowKind kind, const char *text, const AllowList *list);
int watched_start(Watched *watched, AllowWatch *watch, const char *filename, void (*read)(Watched *watched));
void watched_deinit(Watched *watched);

AllowName *names_find(const AllowWatch *watch, const char *name);
int names_want(AllowWatch *watch, const char *name);
void names_drop(AllowWatch *watch, AllowName *name);
void names_read(Watched *watched);
void names_publish(AllowWatch *watch);
void names_judge(AllowWatch *watch);
