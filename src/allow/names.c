/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Host names: asked of bailiff-names in RUNTIME/names, answered in its file.
 *
 * A name's last good answer stays for as long as the name is wanted, whatever
 * becomes of the resolver, and over restarts in STATE/names. An answer that has
 * not been confirmed for an hour is told as a problem, and so is a name that has
 * never had one.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "allow/private.h"
#include "util/text.h"

#define OLD_SEC 3600        /* twelve rounds of bailiff-names */
#define FIRST_ANSWER_SEC 60 /* time to start it and ask */
#define SAVE_AGAIN_SEC 3600 /* answers that only became younger */

/* The wanted name, or NULL. */
AllowName *names_find(const AllowWatch *watch, const char *name)
{
        AllowName *found = watch->names;

        while (found && strcmp(found->answer.name, name) != 0)
                found = found->next;
        return found;
}

static void name_tell_problem(AllowWatch *watch, AllowName *name, const char *text)
{
        char topic[NAME_TEXT_MAX + 16];

        snprintf(topic, sizeof topic, "allow name %s", name->answer.name);
        watch_tell_problem(watch, &name->problem, topic, text);
}

/* What is wrong with a name's answer as it is now. */
static void name_judge(AllowWatch *watch, AllowName *name)
{
        const NameAnswer *answer = &name->answer;
        char text[PROBLEM_TEXT_MAX], time[TIME_TEXT_MAX];
        const char *silent = "bailiff-names.service does not answer: systemctl status bailiff-names.path bailiff-names.service";

        if (answer->n_addrs > 0) {
                if (event_time_before(clock_event_now(), event_time_add(answer->good, OLD_SEC))) {
                        name_tell_problem(watch, name, NULL);
                        return;
                }
                snprintf(text, sizeof text, "%s has not been resolved since %s (%s). What it meant then stays allowed",
                         answer->name, event_time_format(answer->good, time), answer->error[0] ? answer->error : silent);
                name_tell_problem(watch, name, text);
        } else if (answer->error[0]) {
                snprintf(text, sizeof text,
                         "%s cannot be resolved (%s) and allows nobody: mend its entry in DNS or /etc/hosts, or take it out of "
                         "allow:",
                         answer->name, answer->error);
                name_tell_problem(watch, name, text);
        } else if (clock_boot_now().usec > name->wanted_since.usec + FIRST_ANSWER_SEC * (uint64_t) USEC_PER_SEC) {
                snprintf(text, sizeof text, "%s has not been resolved and allows nobody. %s", answer->name, silent);
                name_tell_problem(watch, name, text);
        }
}

/* Tells which names have become a problem by time alone. */
void names_judge(AllowWatch *watch)
{
        for (AllowName *name = watch->names; name; name = name->next)
                name_judge(watch, name);
}

/* ---- answers ---- */

static int name_list(const NameAnswer *answer, AllowList *list)
{
        for (size_t i = 0; i < answer->n_addrs; i++)
                if (allow_list_add(list, &answer->addrs[i], 0, EVENT_TIME_FOREVER) < 0)
                        return -ENOMEM;
        allow_list_finish(list, NAME_ADDRESSES_MAX);
        return 0;
}

/* Takes what an answer has of news; returns whether its addresses are others. */
static bool name_take(AllowName *name, const NameAnswer *answer)
{
        _cleanup_(allow_list_deinit) AllowList list = ALLOW_LIST_NULL;
        EventTime now = clock_event_now(), good = event_time_min(answer->good, now);

        /* An old file, or one that lost what we know, takes nothing away. A time to come is a clock that was wrong. */
        if (answer->n_addrs == 0 || event_time_before(good, event_time_min(name->answer.good, now))) {
                memcpy(name->answer.error, answer->error, sizeof answer->error);
                return false;
        }
        if (name_list(answer, &list) < 0)
                return false;
        name->answer = *answer;
        name->answer.good = good;
        if (allow_list_equal(&list, &name->list))
                return false;
        allow_list_move(&name->list, &list);
        return true;
}

static void line_refuse(Problem *problem, const char *path, unsigned line, const char *mistake)
{
        if (!problem->text[0])
                problem_set(problem, 0,
                            "%s:%u:1: The line %s and is passed over. Only bailiff-names.service writes this file: "
                            "systemctl restart bailiff-names.service",
                            path, line, mistake);
}

/* Returns whether any name's addresses are others now. */
static bool answers_take(AllowWatch *watch, const char *path, const char *text, size_t size, Problem *problem)
{
        bool changed = false;
        unsigned number = 0;

        for (size_t at = 0; at < size;) {
                const char *line = text + at, *end = memchr(line, '\n', size - at), *mistake;
                size_t length = end ? (size_t) (end - line) : size - at;
                NameAnswer answer;
                AllowName *name;

                at += length + 1;
                number++;
                mistake = name_answer_parse(line, length, &answer);
                if (mistake)
                        line_refuse(problem, path, number, mistake);
                /* The list of wanted names may have changed meanwhile: others are no mistake. */
                name = mistake ? NULL : names_find(watch, answer.name);
                if (name && name_take(name, &answer)) {
                        changed = true;
                        watch_tell_list(watch, ALLOW_NAME, name->answer.name, &name->list);
                }
        }
        return changed;
}

/* Without answers nothing is lost: at worst they are asked for again. */
static void names_save(AllowWatch *watch)
{
        _cleanup_free_ NameAnswer *answers = calloc(watch->n_names + 1, sizeof *answers);
        _cleanup_free_ char *text = NULL;
        size_t n = 0, size = 0;

        if (!watch->state_path || !answers)
                return;
        for (const AllowName *name = watch->names; name; name = name->next) {
                answers[n] = name->answer;
                answers[n].error[0] = '\0';
                n++;
        }
        if (name_answers_format(answers, n, &text, &size) == 0 && names_write_file(watch->state_path, text, size, 0600) == 0)
                watch->saved = clock_event_now();
}

/* bailiff-names has answered. */
void names_read(Watched *watched)
{
        AllowWatch *watch = watched->watch;
        _cleanup_free_ char *text = NULL;
        Problem problem = { "" };
        bool changed;
        size_t size;
        int r;

        r = text_read_file(watch->answers_path, NAMES_FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return; /* it has not answered yet, or has been stopped */
        if (r < 0) {
                problem_set(&problem, r, "%s cannot be read: %s: systemctl restart bailiff-names.service", watch->answers_path,
                            strerror(-r));
                watch_tell_problem(watch, &watch->answers_problem, "allow names", problem.text);
                return;
        }
        changed = answers_take(watch, watch->answers_path, text, size, &problem);
        watch_tell_problem(watch, &watch->answers_problem, "allow names", problem.text[0] ? problem.text : NULL);
        names_judge(watch);
        if (changed || event_time_before(event_time_add(watch->saved, SAVE_AGAIN_SEC), clock_event_now()))
                names_save(watch);
}

/* ---- what is wanted ---- */

/* What was known at the last end, of names that are wanted now and not known yet. */
static void name_load(AllowWatch *watch, AllowName *name)
{
        const char *paths[] = { watch->state_path, watch->answers_path };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;

                if (!paths[i] || text_read_file(paths[i], NAMES_FILE_MAX, &text, &size) < 0)
                        continue;
                for (size_t at = 0; at < size;) {
                        const char *end = memchr(text + at, '\n', size - at);
                        size_t length = end ? (size_t) (end - (text + at)) : size - at;
                        NameAnswer answer;

                        if (!name_answer_parse(text + at, length, &answer) && strcmp(answer.name, name->answer.name) == 0)
                                name_take(name, &answer);
                        at += length + 1;
                }
        }
}

/**
 * names_want() - a name is to be resolved from now on; its last good answer, if there is one, counts at once
 *
 * Return: 0 or -ENOMEM.
 */
int names_want(AllowWatch *watch, const char *text)
{
        AllowName *name;

        if (!name_is_host(text, strlen(text)) || names_find(watch, text) || watch->n_names == NAMES_MAX)
                return 0; /* names_publish() tells of one that has no place */
        name = calloc(1, sizeof *name);
        if (!name)
                return -ENOMEM;
        strcpy(name->answer.name, text);
        name->wanted_since = clock_boot_now();
        name_load(watch, name);
        name->next = watch->names;
        watch->names = name;
        watch->n_names++;
        return 0;
}

/* Nobody wants it any longer. */
void names_drop(AllowWatch *watch, AllowName *name)
{
        AllowName **place = &watch->names;

        while (*place != name)
                place = &(*place)->next;
        *place = name->next;
        watch->n_names--;
        name_tell_problem(watch, name, NULL);
        allow_list_deinit(&name->list);
        free(name);
}

static int names_format(const AllowWatch *watch, char **ret_text, size_t *ret_size)
{
        FILE *stream = open_memstream(ret_text, ret_size);

        if (!stream)
                return -ENOMEM;
        for (const AllowName *name = watch->names; name; name = name->next)
                fprintf(stream, "%s\n", name->answer.name);
        return fclose(stream) == 0 ? 0 : -ENOMEM;
}

static int names_write(const AllowWatch *watch)
{
        _cleanup_free_ char *text = NULL, *old = NULL;
        size_t size, old_size;
        int r;

        if (watch->n_names == 0)
                return unlink(watch->names_path) < 0 && errno != ENOENT ? -errno : 0;
        r = names_format(watch, &text, &size);
        if (r < 0)
                return r;
        /* Written anew only when it says something else: bailiff-names asks for all of them then. */
        if (text_read_file(watch->names_path, NAMES_FILE_MAX, &old, &old_size) == 0 && old_size == size &&
            memcmp(old, text, size) == 0)
                return 0;
        return names_write_file(watch->names_path, text, size, 0644);
}

static void names_tell_over(AllowWatch *watch)
{
        char text[PROBLEM_TEXT_MAX];
        const char *over = NULL;

        for (size_t i = 0; i < watch->n_wanted && !over; i++)
                if (watch->wanted[i].kind == ALLOW_NAME && !names_find(watch, watch->wanted[i].text))
                        over = watch->wanted[i].text;
        if (over && name_is_host(over, strlen(over)))
                snprintf(
                        text, sizeof text,
                        "There are more than 100 host names in allow:, and %s and perhaps others are not resolved: take some out",
                        over);
        else if (over)
                snprintf(text, sizeof text, "%.253s in allow: is no host name and is not resolved: mend it", over);
        watch_tell_problem(watch, &watch->names_over, "allow names list", over ? text : NULL);
}

/* The wanted names have changed, perhaps: tells bailiff-names, and listens to it while there are any. */
void names_publish(AllowWatch *watch)
{
        char text[PROBLEM_TEXT_MAX];
        int r;

        r = names_write(watch);
        if (r >= 0 && watch->n_names == 0)
                watched_deinit(&watch->answers);
        if (r >= 0 && watch->n_names > 0 && !watch->answers.path)
                r = watched_start(&watch->answers, watch, watch->answers_path, names_read);
        if (r < 0)
                snprintf(text, sizeof text, "%s cannot be written, so host names are not resolved: %s", watch->names_path,
                         strerror(-r));
        watch_tell_problem(watch, &watch->names_problem, "allow names file", r < 0 ? text : NULL);
        names_tell_over(watch);
        names_judge(watch);
}
