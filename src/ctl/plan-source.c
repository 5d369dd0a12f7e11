/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where a replay's lines come from: files that were named, or what the jails read
 * of themselves; and the journal. They are merged by time, since a window knows
 * no sources. A line of a file that its jails read in several ways (timezone:,
 * date:, format:) is taken apart once for each.
 *
 * A line that has no time takes that of the line before it; the first ones of a
 * file take that of the file's last change.
 */

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/input.h"
#include "ctl/plan.h"

#define HINT "bailiffctl plan --file -"

/**
 * A file as jails of one style read it.
 */
typedef struct Reading {
        const Plan *plan;
        const PlanStyle *style;
        size_t *readers, n_readers;     /* jails, ascending */
        LogLineMemory memory;
        PlanObjects *objects;           /* NULL: lines are lines */
        bool error_log;
        LogLine parts;                  /* of the line that is next, if it is no object */
} Reading;

typedef struct PlanFile {
        char *path;
        InputFile *input;               /* NULL: read to its end */
        Reading *readings;
        size_t n_readings, n_json;      /* n_json: of those that find objects in it */
        uint64_t objects, bad;          /* lines that are some, or none, to those */
        const char *text;               /* the line that is next */
        size_t size;
        EventTime time, last;           /* of it, and of the last line that had one */
} PlanFile;

typedef struct Sources {
        Plan *plan;
        PlanFile *files;
        size_t n_files;
        EventTime now;
        int status;
} Sources;

/* ---- which files ---- */

static PlanFile *add_file(Sources *sources, const char *path)
{
        PlanFile *grown;

        for (size_t i = 0; i < sources->n_files; i++)
                if (strcmp(sources->files[i].path, path) == 0)
                        return &sources->files[i];
        grown = reallocarray(sources->files, sources->n_files + 1, sizeof *grown);
        if (!grown)
                return NULL;
        sources->files = grown;
        grown += sources->n_files;
        *grown = (PlanFile){ .path = strdup(path), .readings = calloc(sources->plan->n_styles, sizeof *grown->readings) };
        sources->n_files++;
        return grown->path && grown->readings ? grown : NULL;
}

static const PlanStyle *style_of(const Plan *plan, size_t jail)
{
        for (size_t i = 0; i < plan->n_styles; i++)
                for (size_t j = 0; j < plan->styles[i].n_readers; j++)
                        if (plan->styles[i].readers[j] == jail)
                                return &plan->styles[i];
        return NULL;
}

static bool is_ident(void *userdata, const char *ident)
{
        const Reading *reading = userdata;

        for (size_t i = 0; i < reading->n_readers; i++)
                if (filter_listens(reading->plan->jails[reading->readers[i]].filter, ident))
                        return true;
        return false;
}

static LogLineOptions options_of(const Sources *sources, Reading *reading)
{
        return (LogLineOptions){ .now = sources->now, .zone = reading->style->zone, .dates = reading->style->dates, .memory = &reading->memory };
}

static int begin_reading(const Sources *sources, const PlanStyle *style, Reading *reading)
{
        *reading = (Reading){ .plan = sources->plan, .style = style, .readers = calloc(sources->plan->n_jails, sizeof *reading->readers) };
        if (!style->is_json)
                return reading->readers ? 0 : -ENOMEM;
        reading->objects = plan_objects_new(&(LogObjectStyle){
                .names = style->names, .options = options_of(sources, reading), .is_ident = is_ident, .userdata = reading });
        return reading->readers && reading->objects ? 0 : -ENOMEM;
}

/* Jails come in ascending order. */
static int add_reader(const Sources *sources, PlanFile *file, size_t jail)
{
        const PlanStyle *style = style_of(sources->plan, jail);
        Reading *reading = file->readings;

        while (reading < file->readings + file->n_readings && reading->style != style)
                reading++;
        if (reading == file->readings + file->n_readings) {
                file->n_readings++;
                file->n_json += style->is_json;
                if (begin_reading(sources, style, reading) < 0)
                        return -ENOMEM;
        }
        if (reading->n_readers == 0 || reading->readers[reading->n_readers - 1] != jail)
                reading->readers[reading->n_readers++] = jail;
        return 0;
}

static int add_named(Sources *sources)
{
        Plan *plan = sources->plan;

        for (size_t i = 0; i < plan->n_files; i++) {
                PlanFile *file = add_file(sources, plan->files[i]);

                for (size_t j = 0; file && j < plan->n_everyone; j++)
                        if (add_reader(sources, file, plan->everyone[j]) < 0)
                                return -ENOMEM;
                if (!file)
                        return -ENOMEM;
        }
        return 0;
}

static int add_logs(Sources *sources, size_t jail)
{
        const JailConfig *config = sources->plan->jails[jail].config;
        int r = 0;

        for (size_t i = 0; i < config->n_logs && r == 0; i++) {
                glob_t found = { 0 };

                if (glob(config->logs[i], 0, NULL, &found) == 0)
                        for (size_t j = 0; j < found.gl_pathc && r == 0; j++) {
                                PlanFile *file = add_file(sources, found.gl_pathv[j]);

                                r = file ? add_reader(sources, file, jail) : -ENOMEM;
                        }
                globfree(&found);
        }
        return r;
}

/* ---- what the jails read of themselves ---- */

static bool trusts(void *userdata, const Line *line)
{
        return filter_trusts(userdata, line);
}

/* As the daemon decides it at a start, see journal_carries(). */
static bool journal_carries(const Plan *plan, const PlanJail *jail)
{
        const FilterInfo *info = filter_info(jail->filter);
        if (jail->config->n_containers > 0)
                return true;
        const JournalConfig config = { .directory = plan->directory, .namespaces = plan->config->namespaces, .n_namespaces = plan->config->n_namespaces, .idents = info->idents, .n_idents = info->n_idents };
        const JournalSeen seen = { .since = plan->since, .trusts = trusts, .userdata = jail->filter };

        return journal_has_seen(&config, &seen) > 0;
}

static int add_own(Sources *sources)
{
        Plan *plan = sources->plan;
        int r = 0;

        for (size_t i = 0; i < plan->n_jails && r == 0; i++) {
                PlanJail *jail = &plan->jails[i];
                unsigned from = jail->config->sources;

                if (!jail->filter)
                        continue;
                if (from == 0)
                        from = CONFIG_SOURCE_JOURNAL | (journal_carries(plan, jail) ? 0 : CONFIG_SOURCE_FILES);
                jail->files = (from & CONFIG_SOURCE_FILES) != 0;
                jail->journal = (from & CONFIG_SOURCE_JOURNAL) != 0;
                if (jail->files)
                        r = add_logs(sources, i);
        }
        return r;
}

static int add_all(Sources *sources)
{
        Plan *plan = sources->plan;
        bool own = plan->n_files == 0 && !plan->journal, both = false;
        int r = 0;

        for (size_t i = 0; i < plan->n_jails; i++)
                plan->jails[i].files = plan->jails[i].journal = plan->jails[i].filter != NULL;
        if (!own)
                r = add_named(sources);
        else
                r = add_own(sources);
        for (size_t i = 0; i < plan->n_jails; i++) {
                PlanJail *jail = &plan->jails[i];

                jail->journal = jail->journal && (own || plan->journal);
                jail->both = jail->journal && jail->files && sources->n_files > 0;
                both = both || jail->both;
        }
        if (r == 0 && both)
                r = copies_new(COPIES_MAX, &plan->copies);
        return r;
}

/* ---- one file ---- */

/* Inline: almost all of a replay's lines come here one by one. */
static inline int give_line(const Sources *sources, const PlanFile *file, const Reading *reading, const LogLine *parts, const char *transport)
{
        const Line line = {
                .text = parts->text,
                .length = parts->length,
                .time = parts->time.usec ? event_time_min(parts->time, sources->now) : file->time,
                .ident = parts->ident,
                .pid = parts->pid,
                .source = file->path,
                .transport = transport,
                .readers = reading->readers,
                .n_readers = reading->n_readers,
        };

        if (event_time_before(line.time, sources->plan->since))
                return 0;
        return plan_line(sources->plan, &line);
}

/* Who takes what objects bring. */
typedef struct Taker {
        const Sources *sources;
        const PlanFile *file;
        const Reading *reading;
} Taker;

static int take_message(void *userdata, const LogLine *parts, const char *transport)
{
        const Taker *taker = userdata;

        taker->sources->plan->lines.over_long += parts->length > LINE_LENGTH_MAX;
        return give_line(taker->sources, taker->file, taker->reading, parts, transport);
}

static bool is_blank(const PlanFile *file)
{
        return file->size == 0 || (file->size == 1 && *file->text == '\r');
}

/* Return: the time that the line bears for those who read it so. */
static EventTime parse_as(const Sources *sources, PlanFile *file, Reading *reading, bool *object)
{
        const LogLineOptions options = options_of(sources, reading);

        if (reading->objects) {
                EventTime time;

                *object = plan_objects_read(reading->objects, file->text, file->size, &time) || *object;
                return time;
        }
        logline_parse(&options, file->text, file->size, is_ident, reading, &reading->parts);
        return reading->parts.time;
}

static void parse(Sources *sources, PlanFile *file)
{
        EventTime time = EVENT_TIME_NONE;
        bool object = false;

        for (size_t i = 0; i < file->n_readings; i++) {
                EventTime own = parse_as(sources, file, &file->readings[i], &object);

                if (time.usec == 0)
                        time = own;
        }
        if (file->n_json > 0) {
                file->objects += object;
                file->bad += !object && !is_blank(file);
        }
        if (time.usec != 0)
                file->last = event_time_min(time, sources->now);
        else
                sources->plan->lines.untimed += object || file->n_json < file->n_readings;
        file->time = file->last;
}

static int hand_out(Sources *sources, PlanFile *file)
{
        int r = 0;

        sources->plan->lines.n++;
        for (size_t i = 0; i < file->n_readings && r == 0; i++) {
                Reading *reading = &file->readings[i];
                const LogLine *parts = &reading->parts;

                if (reading->objects)
                        r = plan_objects_give(reading->objects, take_message, &(Taker){ sources, file, reading });
                else if (file->size > 0)
                        r = give_line(sources, file, reading, parts, logline_transport(&reading->error_log, parts, file->text, file->size));
        }
        return r;
}

/* Its last line has been handed out. */
static int end_file(Sources *sources, PlanFile *file)
{
        int r = 0;

        file->input = input_close(file->input);
        /* Of a file that was named, jails find out in this way whether it is theirs. */
        if (file->objects > 0 || file->n_json == file->n_readings)
                sources->plan->lines.bad += file->bad;
        for (size_t i = 0; i < file->n_readings && r == 0; i++)
                if (file->readings[i].objects)
                        r = plan_objects_end(file->readings[i].objects, take_message, &(Taker){ sources, file, &file->readings[i] });
        return r < 0 ? fail("%s", strerror(-r)) : STATUS_DONE;
}

/* Steps to the next line. Return: an exit status. */
static int step(Sources *sources, PlanFile *file)
{
        int status = input_next(file->input, &file->text, &file->size);

        if (status == STATUS_DONE && file->text) {
                parse(sources, file);
                return STATUS_DONE;
        }
        int ended = end_file(sources, file);

        return status == STATUS_DONE ? ended : status;
}

static int open_file(Sources *sources, PlanFile *file)
{
        int status = input_open(file->path, HINT, &file->input);

        if (status != STATUS_DONE)
                return status;
        file->last = input_mtime(file->input);
        if (file->last.usec == 0)
                file->last = sources->now;
        return step(sources, file);
}

/* ---- all of them, by time ---- */

static PlanFile *earliest(const Sources *sources)
{
        PlanFile *first = NULL;

        for (size_t i = 0; i < sources->n_files; i++) {
                PlanFile *file = &sources->files[i];

                if (file->input && (!first || event_time_before(file->time, first->time)))
                        first = file;
        }
        return first;
}

/* Lines of files that come before @until; NULL: all that are left. Return: an exit status. */
static int read_files(Sources *sources, const EventTime *until)
{
        PlanFile *file;

        while ((file = earliest(sources)) && (!until || event_time_before(file->time, *until))) {
                int r = hand_out(sources, file), status = r < 0 ? fail("%s", strerror(-r)) : step(sources, file);

                if (status != STATUS_DONE)
                        return status;
                if (sources->plan->broken)
                        return STATUS_ERROR;
        }
        return STATUS_DONE;
}

static int take_entry(void *userdata, const Line *line)
{
        Sources *sources = userdata;

        sources->status = read_files(sources, &line->time);
        if (sources->status != STATUS_DONE)
                return -EIO;
        sources->plan->lines.n++;
        return plan_line(sources->plan, line);
}

static int read_journal(Sources *sources)
{
        const Plan *plan = sources->plan;
        const LineSink sink = { .entry = take_entry, .userdata = sources };
        JournalConfig config = { .directory = plan->directory, .namespaces = plan->config->namespaces, .n_namespaces = plan->config->n_namespaces, .since = plan->since };
        char **idents = NULL;
        int r = 0, status = STATUS_DONE;

        for (size_t i = 0; i < plan->n_jails && r == 0; i++)
                if (plan->jails[i].journal) {
                        config.containers = config.containers || plan->jails[i].config->n_containers > 0;
                        r = core_add_idents(plan->jails[i].config, filter_info(plan->jails[i].filter), &idents, &config.n_idents);
                }
        config.idents = (const char *const *) idents;
        /* Without --journal a host need not have one. */
        if (r < 0)
                status = fail("%s", strerror(-r));
        else if (config.n_idents > 0 && (plan->journal || journal_has_seen(&config, &(JournalSeen){ 0 }) > 0))
                status = input_journal(&sink, &config);
        core_free_idents(idents, config.n_idents);
        return status;
}

static void free_files(Sources *sources)
{
        for (size_t i = 0; i < sources->n_files; i++) {
                PlanFile *file = &sources->files[i];

                input_close(file->input);
                for (size_t j = 0; j < file->n_readings; j++) {
                        plan_objects_free(file->readings[j].objects);
                        free(file->readings[j].readers);
                }
                free(file->readings);
                free(file->path);
        }
        free(sources->files);
}

/**
 * plan_read() - all lines through the core, oldest first
 *
 * Return: an exit status; what went wrong has been told. A file that the jails name themselves and that cannot be read is told
 * and left out.
 */
int plan_read(Plan *plan)
{
        Sources sources = { .plan = plan, .now = clock_event_now() };
        int r = add_all(&sources), status;

        if (r == 0)
                r = plan_count(plan);
        status = r < 0 ? fail("%s", strerror(-r)) : STATUS_DONE;
        for (size_t i = 0; i < sources.n_files && status == STATUS_DONE; i++) {
                status = open_file(&sources, &sources.files[i]);
                if (plan->n_files == 0)
                        status = STATUS_DONE;
        }
        if (status == STATUS_DONE)
                status = read_journal(&sources);
        if (status == STATUS_DONE)
                status = read_files(&sources, NULL);
        plan_finish(plan);
        if (status == STATUS_DONE && plan->error < 0)
                status = fail("%s", strerror(-plan->error));
        free_files(&sources);
        return status;
}
