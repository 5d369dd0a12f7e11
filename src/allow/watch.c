/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * AllowWatch: everything that is allowed without standing in the configuration
 * as an address.
 *
 * A file's content is held once, however many jails name it; a group is told for
 * each of them. A file with a mistake never takes away what it allowed while it
 * was good: its last faultless content stays, and the mistake is told. Only
 * before it was faultless for the first time are its good lines used, because
 * some of the office is better than none of it.
 *
 * Changes settle for a moment before anything is read. Besides inotify there is a
 * look once a minute: for file systems that tell nothing, directories that may
 * not be watched, and answers that have become old.
 */

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "allow/private.h"

#define SETTLE_USEC ((uint64_t) (100 * USEC_PER_MSEC))
#define LOOK_USEC ((uint64_t) (60 * USEC_PER_SEC))
#define WRITTEN_SEC 2 /* a file that changed so lately may still be written to */
#define ORIGIN_MAX 64

/* ---- telling ---- */

/* Tells a problem that is new or worded anew, or that it is mended. */
void watch_tell_problem(AllowWatch *watch, char **told, const char *topic, const char *text)
{
        if (text == *told || (text && *told && strcmp(text, *told) == 0))
                return;
        free(*told);
        *told = text ? strdup(text) : NULL;
        watch->callbacks.problem(watch->callbacks.userdata, topic, text);
}

static const char *interface_name(unsigned interface, char buffer[static IF_NAMESIZE])
{
        if (interface == 0 || !if_indextoname(interface, buffer))
                snprintf(buffer, IF_NAMESIZE, "interface %u", interface % 1000);
        return buffer;
}

/* What an item's place adds to the text of its origin. */
typedef enum OriginPlace { PLACE_NONE, PLACE_LINE, PLACE_INTERFACE } OriginPlace;

static void origin_write(char *buffer, size_t size, OriginPlace place, const char *text, const AllowItem *item)
{
        char interface[IF_NAMESIZE];

        switch (place) {
        case PLACE_NONE: snprintf(buffer, size, "%s", text); break;
        case PLACE_LINE: snprintf(buffer, size, "%s:%u", text, item->place); break;
        case PLACE_INTERFACE: snprintf(buffer, size, "%s %s", text, interface_name(item->place, interface)); break;
        }
}

static void watch_tell_group(AllowWatch *watch, const char *group, const char *jail, const AllowList *list, OriginPlace place,
                             const char *text)
{
        size_t n = list->n_items, width = strlen(text) + ORIGIN_MAX;
        _cleanup_free_ AllowEntry *entries = calloc(n ? n : 1, sizeof *entries);
        _cleanup_free_ char *origins = calloc(n ? n : 1, width);

        if (!entries || !origins) {
                watch->callbacks.problem(watch->callbacks.userdata, group,
                                         "Out of memory: what it allows now is not known; restart bailiffd");
                return;
        }
        for (size_t i = 0; i < n; i++) {
                const AllowItem *item = &list->items[i];
                char *origin = origins + i * width;

                if (place != PLACE_NONE && i > 0 && item->place == item[-1].place)
                        origin = (char *) entries[i - 1].origin; /* asking for an interface's name takes a system call */
                else
                        origin_write(origin, width, place, text, item);
                entries[i] = (AllowEntry){ .addr = item->addr, .until = item->until, .origin = origin, .jail = jail };
        }
        watch->callbacks.group(watch->callbacks.userdata, group, entries, n);
}

static void wanted_tell(AllowWatch *watch, const Wanted *wanted, const AllowList *list)
{
        const char *kind = wanted->kind == ALLOW_FILE ? "file" : "name";
        _cleanup_free_ char *group = NULL;

        if (asprintf(&group, wanted->jail ? "%s %s (%s)" : "%s %s", kind, wanted->text, wanted->jail) < 0) {
                group = NULL;
                watch->callbacks.problem(watch->callbacks.userdata, wanted->text,
                                         "Out of memory: what it allows now is not known; restart bailiffd");
                return;
        }
        watch_tell_group(watch, group, wanted->jail, list, wanted->kind == ALLOW_FILE ? PLACE_LINE : PLACE_NONE, wanted->text);
}

/* A file or name has this content now: told for each that wants it. */
void watch_tell_list(AllowWatch *watch, AllowKind kind, const char *text, const AllowList *list)
{
        for (size_t i = 0; i < watch->n_wanted; i++)
                if (watch->wanted[i].kind == kind && strcmp(watch->wanted[i].text, text) == 0)
                        wanted_tell(watch, &watch->wanted[i], list);
}

/* ---- files that are read again ---- */

static void on_path(void *userdata)
{
        Watched *watched = userdata;
        int enabled = SD_EVENT_OFF;

        watched->dirty = true;
        /* Counted from the first change: who writes all the time is read all the same. */
        sd_event_source_get_enabled(watched->watch->settle, &enabled);
        if (enabled != SD_EVENT_OFF)
                return;
        sd_event_source_set_time_relative(watched->watch->settle, SETTLE_USEC);
        sd_event_source_set_enabled(watched->watch->settle, SD_EVENT_ONESHOT);
}

static void watched_read(Watched *watched)
{
        watched->dirty = false;
        path_watch_renew(watched->path);
        watched->stamp = file_stamp(watched->filename);
        watched->read(watched);
}

int watched_start(Watched *watched, AllowWatch *watch, const char *filename, void (*read)(Watched *watched))
{
        int r;

        watched->watch = watch;
        watched->filename = filename;
        watched->read = read;
        r = path_watch_new(watch->event, filename, on_path, watched, &watched->path);
        if (r < 0)
                return r;
        watched->stamp = file_stamp(filename);
        read(watched);
        return 0;
}

void watched_deinit(Watched *watched)
{
        watched->path = path_watch_free(watched->path);
}

typedef void (*WatchedVisitor)(Watched *watched);

static void each_watched(AllowWatch *watch, WatchedVisitor visit)
{
        visit(&watch->resolv);
        if (watch->answers.path)
                visit(&watch->answers);
        for (AllowFile *file = watch->files; file; file = file->next)
                visit(&file->watched);
}

static void read_if_dirty(Watched *watched)
{
        if (watched->dirty)
                watched_read(watched);
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
        each_watched(userdata, read_if_dirty);
        return 0;
}

static void read_if_changed(Watched *watched)
{
        FileStamp now = file_stamp(watched->filename);

        if (!file_stamp_equal(&now, &watched->stamp) && now.modified.tv_sec + WRITTEN_SEC < clock_event_now().usec / USEC_PER_SEC)
                watched_read(watched);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
        AllowWatch *watch = userdata;
        int r;

        each_watched(watch, read_if_changed);
        names_judge(watch);
        r = sd_event_source_set_time_relative(source, LOOK_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- allow files ---- */

static void file_tell_problem(AllowFile *file, const char *text)
{
        _cleanup_free_ char *topic = NULL;

        if (asprintf(&topic, "allow file %s", file->filename) < 0)
                topic = NULL;
        watch_tell_problem(file->watched.watch, &file->problem, topic ? topic : file->filename, text);
}

static void file_use(AllowFile *file, AllowList *list)
{
        if (allow_list_equal(&file->list, list))
                return;
        allow_list_move(&file->list, list);
        watch_tell_list(file->watched.watch, ALLOW_FILE, file->filename, &file->list);
}

static void file_read(Watched *watched)
{
        AllowFile *file = (AllowFile *) (void *) ((char *) watched - offsetof(AllowFile, watched));
        _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
        _cleanup_free_ char *text = NULL;
        char note[PROBLEM_TEXT_MAX + 128];
        Problem problem = { "" };
        const char *then;
        int mistakes, more;
        size_t size;

        mistakes = allow_read_file(file->filename, &text, &size, &problem);
        if (mistakes >= 0) {
                mistakes = allow_parse_file(file->filename, text, size, &list, &problem);
                if (mistakes < 0)
                        problem_set(&problem, mistakes, "%s cannot be read: %s", file->filename, strerror(-mistakes));
        }
        if (mistakes == 0) {
                file->faultless = true;
                file_use(file, &list);
                file_tell_problem(file, NULL);
                return;
        }
        more = mistakes > 1 ? mistakes - 1 : 0;
        then = file->faultless ? "What it allowed before stays allowed." : "It allows nobody so far.";
        if (mistakes > 0 && !file->faultless) {
                file_use(file, &list);
                then = "Its other lines are used.";
        }
        if (more > 0)
                snprintf(note, sizeof note, "%s (and %d more mistake%s). %s", problem.text, more, more > 1 ? "s" : "", then);
        else
                snprintf(note, sizeof note, "%s. %s", problem.text, then);
        file_tell_problem(file, note);
}

static AllowFile *file_free(AllowFile *file)
{
        watched_deinit(&file->watched);
        allow_list_deinit(&file->list);
        free(file->problem);
        free(file->filename);
        free(file);
        return NULL;
}

DEFINE_CLEANUP(AllowFile *, file_free)

static AllowFile *file_find(const AllowWatch *watch, const char *filename)
{
        AllowFile *file = watch->files;

        while (file && strcmp(file->filename, filename) != 0)
                file = file->next;
        return file;
}

static int file_want(AllowWatch *watch, const char *filename)
{
        _cleanup_(file_freep) AllowFile *file = NULL;
        int r;

        if (file_find(watch, filename))
                return 0;
        file = calloc(1, sizeof *file);
        if (!file || !(file->filename = strdup(filename)))
                return -ENOMEM;
        r = watched_start(&file->watched, watch, file->filename, file_read);
        if (r < 0)
                return r;
        file->next = watch->files;
        watch->files = steal(file);
        return 0;
}

static bool is_wanted(const AllowWatch *watch, AllowKind kind, const char *text)
{
        for (size_t i = 0; i < watch->n_wanted; i++)
                if (watch->wanted[i].kind == kind && strcmp(watch->wanted[i].text, text) == 0)
                        return true;
        return false;
}

static void drop_unwanted(AllowWatch *watch)
{
        for (AllowFile **place = &watch->files; *place;) {
                AllowFile *file = *place;

                if (is_wanted(watch, ALLOW_FILE, file->filename)) {
                        place = &file->next;
                        continue;
                }
                *place = file->next;
                file_tell_problem(file, NULL);
                file_free(file);
        }
        for (AllowName *name = watch->names, *next; name; name = next) {
                next = name->next;
                if (!is_wanted(watch, ALLOW_NAME, name->answer.name))
                        names_drop(watch, name);
        }
}

/* ---- what is wanted ---- */

static void wanted_free(Wanted *wanted, size_t n_wanted)
{
        for (size_t i = 0; i < n_wanted; i++) {
                free(wanted[i].text);
                free(wanted[i].jail);
        }
        free(wanted);
}

static bool wanted_has(const Wanted *wanted, size_t n_wanted, AllowKind kind, const char *text, const char *jail)
{
        for (size_t i = 0; i < n_wanted; i++)
                if (wanted[i].kind == kind && strcmp(wanted[i].text, text) == 0 &&
                    (jail && wanted[i].jail ? strcmp(wanted[i].jail, jail) == 0 : jail == wanted[i].jail))
                        return true;
        return false;
}

static int wanted_copy(const AllowConfig *config, size_t n_config, Wanted **ret_wanted, size_t *ret_n_wanted)
{
        Wanted *wanted = calloc(n_config ? n_config : 1, sizeof *wanted);
        size_t n = 0;

        if (!wanted)
                return -ENOMEM;
        for (size_t i = 0; i < n_config; i++) {
                const AllowConfig *entry = &config[i];

                if (entry->kind == ALLOW_ADDR || wanted_has(wanted, n, entry->kind, entry->text, entry->jail))
                        continue;
                wanted[n].kind = entry->kind;
                wanted[n].text = strdup(entry->text);
                wanted[n].jail = entry->jail ? strdup(entry->jail) : NULL;
                n++;
                if (!wanted[n - 1].text || (entry->jail && !wanted[n - 1].jail)) {
                        wanted_free(wanted, n);
                        return -ENOMEM;
                }
        }
        *ret_wanted = wanted;
        *ret_n_wanted = n;
        return 0;
}

static const AllowList *wanted_list(const AllowWatch *watch, const Wanted *wanted)
{
        static const AllowList none = { .items = NULL };
        const AllowFile *file = wanted->kind == ALLOW_FILE ? file_find(watch, wanted->text) : NULL;
        const AllowName *name = wanted->kind == ALLOW_NAME ? names_find(watch, wanted->text) : NULL;

        return file ? &file->list : name ? &name->list : &none;
}

/* Wanted names that have no place yet get one, now that others may have left theirs, and tell what is known of them. */
static int names_begin(AllowWatch *watch)
{
        for (size_t i = 0; i < watch->n_wanted; i++) {
                const Wanted *wanted = &watch->wanted[i];
                int r;

                if (wanted->kind != ALLOW_NAME || names_find(watch, wanted->text))
                        continue;
                r = names_want(watch, wanted->text);
                if (r < 0)
                        return r;
                if (wanted_list(watch, wanted)->n_items > 0)
                        watch_tell_list(watch, ALLOW_NAME, wanted->text, wanted_list(watch, wanted));
        }
        names_publish(watch);
        return 0;
}

/**
 * allow_watch_set() - the configuration wants this now
 * @wanted:     its allow list; addresses in it are passed over
 *
 * What was wanted before and is still wanted stays as it is, with its last good
 * content; groups that are new or gone are told before this returns.
 *
 * Return: 0; -ENOMEM, and then what was wanted before still is.
 */
int allow_watch_set(AllowWatch *watch, const AllowConfig *wanted, size_t n_wanted)
{
        static const AllowList none = { .items = NULL };
        Wanted *old = watch->wanted;
        size_t n_old = watch->n_wanted;
        int r;

        /* While new ones are read, nobody wants them yet: so nothing is told twice. */
        for (size_t i = 0; i < n_wanted; i++) {
                r = 0;
                if (wanted[i].kind == ALLOW_FILE)
                        r = file_want(watch, wanted[i].text);
                else if (wanted[i].kind == ALLOW_NAME)
                        r = names_want(watch, wanted[i].text);
                if (r < 0) {
                        drop_unwanted(watch);
                        return r;
                }
        }
        r = wanted_copy(wanted, n_wanted, &watch->wanted, &watch->n_wanted);
        if (r < 0) {
                drop_unwanted(watch);
                return r;
        }
        for (size_t i = 0; i < watch->n_wanted; i++) {
                const Wanted *new = &watch->wanted[i];
                const AllowList *list = wanted_list(watch, new);

                if (!wanted_has(old, n_old, new->kind, new->text, new->jail) && list->n_items > 0)
                        wanted_tell(watch, new, list);
        }
        for (size_t i = 0; i < n_old; i++)
                if (!wanted_has(watch->wanted, watch->n_wanted, old[i].kind, old[i].text, old[i].jail) &&
                    wanted_list(watch, &old[i])->n_items > 0)
                        wanted_tell(watch, &old[i], &none);
        wanted_free(old, n_old);
        drop_unwanted(watch);
        return names_begin(watch);
}

/* ---- the host's own ---- */

static void tell_on_link(AllowWatch *watch)
{
        const AllowList *list = &watch->host.on_link;
        _cleanup_free_ Addr *prefixes = calloc(list->n_items + 1, sizeof *prefixes);

        if (!prefixes)
                return;
        for (size_t i = 0; i < list->n_items; i++)
                prefixes[i] = list->items[i].addr;
        watch->callbacks.on_link(watch->callbacks.userdata, prefixes, list->n_items);
}

static void on_route_state(void *userdata, RouteState *state)
{
        AllowWatch *watch = userdata;

        if (!allow_list_equal(&state->own, &watch->host.own)) {
                allow_list_move(&watch->host.own, &state->own);
                watch_tell_group(watch, "own", NULL, &watch->host.own, PLACE_INTERFACE, "this host's own, on");
        }
        if (!allow_list_equal(&state->gateway, &watch->host.gateway)) {
                allow_list_move(&watch->host.gateway, &state->gateway);
                watch_tell_group(watch, "gateway", NULL, &watch->host.gateway, PLACE_INTERFACE, "default gateway on");
        }
        if (!allow_list_equal(&state->on_link, &watch->host.on_link)) {
                allow_list_move(&watch->host.on_link, &state->on_link);
                tell_on_link(watch);
        }
        watch_tell_problem(
                watch, &watch->host_problem, "allow own addresses",
                state->over ? "This host has more than 4096 addresses, default gateways or prefixes; not all of them are allowed "
                              "by themselves: name them as prefixes in allow:"
                            : NULL);
}

static void on_route_failed(void *userdata, int r)
{
        AllowWatch *watch = userdata;
        char text[PROBLEM_TEXT_MAX];

        snprintf(text, sizeof text,
                 "This host's addresses and gateways cannot be followed (rtnetlink: %s); those known stay allowed. Name them in "
                 "allow:, "
                 "or restart bailiffd",
                 strerror(-r));
        watch_tell_problem(watch, &watch->host_problem, "allow own addresses", text);
}

static void resolv_read(Watched *watched)
{
        AllowWatch *watch = watched->watch;
        _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
        _cleanup_free_ char *text = NULL, *origin = NULL;
        size_t size;

        /* It is not there while it is replaced; a host that has none for good keeps what it had. */
        if (allow_read_file(watch->resolv_conf, &text, &size, NULL) < 0 || allow_parse_resolvers(text, size, &list) < 0 ||
            allow_list_equal(&list, &watch->resolvers) || asprintf(&origin, "nameserver of %s", watch->resolv_conf) < 0)
                return;
        allow_list_move(&watch->resolvers, &list);
        watch_tell_group(watch, "resolver", NULL, &watch->resolvers, PLACE_NONE, origin);
}

/* ---- life ---- */

static int path_join(const char *directory, const char *name, char **ret_path)
{
        if (asprintf(ret_path, "%s/%s", directory, name) >= 0)
                return 0;
        *ret_path = NULL;
        return -ENOMEM;
}

static int watch_paths(AllowWatch *watch, const AllowWatchConfig *config)
{
        int r;

        watch->resolv_conf = strdup(config->resolv_conf ? config->resolv_conf : "/etc/resolv.conf");
        if (!watch->resolv_conf)
                return -ENOMEM;
        r = path_join(config->runtime_directory, "names", &watch->names_path);
        if (r == 0)
                r = path_join(config->names_directory ? config->names_directory : "/run/bailiff-names", "answers",
                              &watch->answers_path);
        if (r == 0 && config->state_directory)
                r = path_join(config->state_directory, "names", &watch->state_path);
        return r;
}

/**
 * allow_watch_new() - prepare to watch
 * @event:      a reference is taken
 * @config:     copied
 * @callbacks:  called from allow_watch_start(), allow_watch_set() and the loop; must not call back
 *
 * Return: 0 or -errno.
 */
int allow_watch_new(sd_event *event, const AllowWatchConfig *config, AllowCallbacks callbacks, AllowWatch **ret_watch)
{
        _cleanup_(allow_watch_freep) AllowWatch *watch = calloc(1, sizeof *watch);
        int r;

        if (!watch)
                return -ENOMEM;
        watch->event = sd_event_ref(event);
        watch->callbacks = callbacks;
        r = watch_paths(watch, config);
        if (r < 0)
                return r;
        r = wanted_copy(config->wanted, config->n_wanted, &watch->wanted, &watch->n_wanted);
        if (r < 0)
                return r;
        *ret_watch = steal(watch);
        return 0;
}

static int watch_timers(AllowWatch *watch)
{
        int r;

        r = sd_event_add_time_relative(watch->event, &watch->settle, CLOCK_BOOTTIME, SETTLE_USEC, SETTLE_USEC / 4, on_settled,
                                       watch);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(watch->settle, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(watch->event, &watch->look, CLOCK_BOOTTIME, LOOK_USEC, LOOK_USEC / 2, on_look, watch);
        if (r < 0)
                return r;
        sd_event_source_set_description(watch->settle, "allow-settle");
        sd_event_source_set_description(watch->look, "allow-look");
        return 0;
}

/**
 * allow_watch_start() - read and tell everything, and watch from then on
 *
 * What cannot be read or watched is told as a problem and does not stop the start.
 *
 * Return: 0; -errno with @problem set.
 */
int allow_watch_start(AllowWatch *watch, Problem *problem)
{
        const RouteCallbacks callbacks = { on_route_state, on_route_failed, watch };
        int r;

        r = watch_timers(watch);
        if (r < 0)
                return problem_set(problem, r, "The allow list cannot be watched: %s", strerror(-r));
        r = route_watch_new(watch->event, callbacks, &watch->route);
        if (r < 0)
                on_route_failed(watch, r);
        r = watched_start(&watch->resolv, watch, watch->resolv_conf, resolv_read);
        for (size_t i = 0; i < watch->n_wanted && r >= 0; i++)
                if (watch->wanted[i].kind == ALLOW_FILE)
                        r = file_want(watch, watch->wanted[i].text);
        if (r >= 0)
                r = names_begin(watch);
        return r < 0 ? problem_set(problem, r, "The allow list cannot be watched: %s", strerror(-r)) : 0;
}

/**
 * allow_watch_free() - stop watching; RUNTIME/names stays, for the next one
 */
AllowWatch *allow_watch_free(AllowWatch *watch)
{
        if (!watch)
                return NULL;
        wanted_free(watch->wanted, watch->n_wanted);
        watch->wanted = NULL;
        watch->n_wanted = 0;
        route_watch_free(watch->route);
        route_state_deinit(&watch->host);
        watched_deinit(&watch->resolv);
        watched_deinit(&watch->answers);
        allow_list_deinit(&watch->resolvers);
        while (watch->files) {
                AllowFile *file = watch->files;

                watch->files = file->next;
                file_free(file);
        }
        while (watch->names) {
                AllowName *name = watch->names;

                watch->names = name->next;
                allow_list_deinit(&name->list);
                free(name->problem);
                free(name);
        }
        sd_event_source_disable_unref(watch->settle);
        sd_event_source_disable_unref(watch->look);
        sd_event_unref(watch->event);
        free(watch->resolv_conf);
        free(watch->answers_path);
        free(watch->names_path);
        free(watch->state_path);
        free(watch->host_problem);
        free(watch->names_over);
        free(watch->answers_problem);
        free(watch->names_problem);
        free(watch);
        return NULL;
}
