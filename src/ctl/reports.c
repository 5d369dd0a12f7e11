/* SPDX-License-Identifier: GPL-2.0-or-later */

/* reports: what is told to others about the banned, and what to do with it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util/addr.h"
#include "util/cleanup.h"
#include "util/text.h"

#define MAX_DEFAULT 20
#define LABEL_WIDTH 12 /* of a preview's line, with the blanks around */

/* Digits alone are a report's number; no address is written so. */
static bool parse_number(const char *text, long long *ret_number)
{
        if (!*text || strlen(text) > 18 || text[strspn(text, "0123456789")])
                return false;
        *ret_number = strtoll(text, NULL, 10);
        return true;
}

/* ---- list ---- */

static int reports_option(const Command *command, json_t *parameters, int argc, char **argv, int *i)
{
        const char *option = argv[*i], *value;
        long long max;

        if ((value = option_value(argc, argv, i, "--state")))
                return set_text(command, parameters, "state", "the state", value);
        if ((value = option_value(argc, argv, i, "--service")))
                return set_text(command, parameters, "service", "the service", value);
        if ((value = option_value(argc, argv, i, "--addr")))
                return set_text(command, parameters, "address", "the address", value);
        if ((value = option_value(argc, argv, i, "--max"))) {
                if (!parse_number(value, &max))
                        return usage_error(command, "how many reports? \"%s\" is no number", value);
                json_object_set_new(parameters, "max", json_integer(max));
                return STATUS_DONE;
        }
        return unknown_option(command, option, "--state --service --addr --max ");
}

static int run_list(Ctl *ctl, const Command *command, json_t *parameters, int argc)
{
        long long max = json_object_get(parameters, "max") ? number(parameters, "max") : MAX_DEFAULT;

        if (argc > 2)
                return usage_error(command, "reports list takes no more words; of one address: --addr ADDR");
        json_object_del(parameters, "max");
        return report_list(ctl, parameters, max);
}

/* ---- retry, drop, retract: a call, what it changed, and 1 if that is nothing ---- */

/* Calls @method for @word, which goes into the JSON as @name; NULL: for nothing in particular. Return: an exit status. */
static int call_change(Ctl *ctl, const char *method, json_t *parameters, const char *name, const char *word, Answer *ret_answer)
{
        long long id;
        int status = client_call(ctl, method, parameters, ret_answer);

        if (status != STATUS_DONE)
                return status;
        if (ctl->json) {
                json_auto_t *object = json_copy(ret_answer->parameters);

                if (name)
                        json_object_set_new(object, name, parse_number(word, &id) ? json_integer(id) : json_string(word));
                if (ret_answer->error)
                        json_object_set_new(object, "error", json_string(ret_answer->error));
                say_json(object);
        }
        return ret_answer->error ? answer_error(ret_answer, word) : STATUS_DONE;
}

/* Why nothing became of one report: it is looked up by its number, which is the highest below the next. */
static int say_unchanged(Ctl *ctl, long long id, const char *verb)
{
        _cleanup_answer_ Answer answer = { 0 };
        const json_t *report;
        const char *state;
        int status = client_call(ctl, "ListReports", json_pack("{s:I, s:i}", "before", (json_int_t) id + 1, "max", 1), &answer);

        if (status != STATUS_DONE)
                return status;
        report = json_array_get(json_object_get(answer.parameters, "reports"), 0);
        if (!report || number(report, "report") != id) {
                say(PLAIN, "there is no report %lld; bailiffctl reports lists them\n", id);
                return STATUS_NO;
        }
        state = field(report, "state", "?");
        if (strcmp(state, "done") == 0)
                say(PLAIN, "report %lld has been accepted and is not %s; to take it back: bailiffctl reports retract %s\n", id, verb,
                    field(report, "ip", "ADDR"));
        else if (strcmp(state, "in-flight") == 0)
                say(PLAIN, "report %lld is under way and is not %s; see in a while: bailiffctl reports\n", id, verb);
        else
                say(PLAIN, "report %lld is %s and was not %s\n", id, state, verb);
        return STATUS_NO;
}

static int run_retry(Ctl *ctl, const Command *command, int argc, char **argv)
{
        _cleanup_answer_ Answer answer = { 0 };
        const char *word = argc > 2 ? argv[2] : NULL;
        long long id = 0;
        int status;

        if (argc > 3)
                return usage_error(command, "one report at a time; without an ID, all that wait for a service to be well");
        if (word && (!parse_number(word, &id) || id == 0))
                return usage_error(command, "\"%s\" is no report's ID, which bailiffctl reports shows", word);
        status = call_change(ctl, "RetryReports", word ? json_pack("{s:I}", "report", (json_int_t) id) : json_object(),
                             word ? "report" : NULL, word, &answer);
        if (status != STATUS_DONE)
                return status;
        long long changed = number(answer.parameters, "changed");

        if (ctl->json)
                return changed > 0 ? STATUS_DONE : STATUS_NO;
        if (changed == 0 && word)
                return say_unchanged(ctl, id, "sent again");
        if (changed == 0)
                say(PLAIN, "No report has failed and waits to be tried again. One that is unknown or refused is sent again by its ID.\n");
        else if (word)
                say(PLAIN, "report %lld is queued again\n", id);
        else
                say(PLAIN, "%lld %s tried again now\n", changed, plural(changed, "report is", "reports are"));
        return changed > 0 ? STATUS_DONE : STATUS_NO;
}

static int drop_one(Ctl *ctl, const char *word)
{
        _cleanup_answer_ Answer answer = { 0 };
        long long id = 0, changed;
        bool is_id = parse_number(word, &id);
        Addr addr;
        int status;

        if (!is_id && addr_parse_prefix(word, &addr) == -EINVAL)
                return refuse_address(ctl, word, 0);
        status = call_change(ctl, "DropReports", is_id ? json_pack("{s:I}", "report", (json_int_t) id) : json_pack("{s:s}", "address", word),
                             is_id ? "report" : "address", word, &answer);
        if (status != STATUS_DONE)
                return status;
        changed = number(answer.parameters, "changed");
        if (!ctl->json && changed == 0 && is_id)
                return say_unchanged(ctl, id, "dropped");
        if (!ctl->json && is_id)
                say(PLAIN, "report %lld dropped\n", id);
        else if (!ctl->json && changed > 0)
                say(PLAIN, "%s: %lld %s dropped\n", word, changed, plural(changed, "report", "reports"));
        else if (!ctl->json)
                say(PLAIN, "%s: no report of it waits\n", word);
        return changed > 0 ? STATUS_DONE : STATUS_NO;
}

static int retract_one(Ctl *ctl, const char *word)
{
        _cleanup_answer_ Answer answer = { 0 };
        bool clears, deletes;
        long long dropped;
        Addr addr;
        int status;

        if (addr_parse_prefix(word, &addr) == -EINVAL)
                return refuse_address(ctl, word, 0);
        status = call_change(ctl, "RetractReports", json_pack("{s:s}", "address", word), "address", word, &answer);
        if (status != STATUS_DONE)
                return status;
        dropped = number(answer.parameters, "dropped");
        clears = json_is_true(json_object_get(answer.parameters, "clears"));
        deletes = json_is_true(json_object_get(answer.parameters, "deletes"));
        if (!ctl->json && dropped > 0)
                say(PLAIN, "%s: %lld %s that waited %s dropped\n", word, dropped, plural(dropped, "report", "reports"),
                    plural(dropped, "is", "are"));
        if (!ctl->json && clears)
                say(PLAIN, "%s: AbuseIPDB is being asked to delete our reports\n", word);
        if (!ctl->json && deletes)
                say(PLAIN, "%s: VirusTotal is being asked to delete our comments\n", word);
        if (!ctl->json && (clears || deletes))
                say(PLAIN, "How it goes: bailiffctl reports --addr %s\n", word);
        if (!ctl->json && !dropped && !clears && !deletes)
                say(PLAIN, "%s: nothing that could be taken back was told of it\n", word);
        return dropped > 0 || clears || deletes ? STATUS_DONE : STATUS_NO;
}

static int run_each(Ctl *ctl, const Command *command, int (*one)(Ctl *ctl, const char *word), const char *what, int argc, char **argv)
{
        int worst = STATUS_DONE;

        if (argc < 3)
                return usage_error(command, "which %s?", what);
        for (int i = 2; i < argc; i++) {
                if (client_connect(ctl) != STATUS_DONE)
                        return STATUS_ERROR;
                worst = worse(worst, one(ctl, argv[i]));
        }
        return worst;
}

/* ---- preview ---- */

/* A line of the value for each of its own: comments may have line breaks. */
static void say_value(const char *label, const char *value)
{
        _cleanup_free_ char *copy = strdup(value);
        char first[LABEL_WIDTH + 3], indent[LABEL_WIDTH + 3];
        char *rest = copy;

        if (!copy)
                abort();
        snprintf(first, sizeof first, "  %-*s", LABEL_WIDTH, label);
        snprintf(indent, sizeof indent, "  %-*s", LABEL_WIDTH, "");
        for (char *line; (line = strsep(&rest, "\n"));) {
                say_wrapped(PLAIN, first, indent, line);
                memcpy(first, indent, sizeof first);
        }
}

static void say_preview(const json_t *report)
{
        static const char *const members[] = { "address", "categories", "time", "verdict", "comment" };

        say(BOLD, "%s\n", field(report, "service", "?"));
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
                if (json_object_get(report, members[i]))
                        say_value(members[i], field(report, members[i], ""));
}

static int run_preview(Ctl *ctl, const Command *command, int argc, char **argv)
{
        json_auto_t *parameters = json_object();
        _cleanup_answer_ Answer answer = { 0 };
        const json_t *reports, *report;
        const char *note;
        int status;
        size_t i;

        if (argc != 4)
                return usage_error(command, argc < 4 ? "preview needs a jail and an address" : "one address at a time");
        status = set_text(command, parameters, "jail", "the jail's name", argv[2]);
        if (status == STATUS_DONE)
                status = set_text(command, parameters, "address", "the address", argv[3]);
        if (status == STATUS_DONE)
                status = client_call(ctl, "PreviewReport", json_incref(parameters), &answer);
        if (status != STATUS_DONE)
                return status;
        if (answer.error)
                return answer_error(&answer, NULL);
        reports = json_object_get(answer.parameters, "reports");
        note = field(answer.parameters, "note", "");
        if (ctl->json) {
                say_json(answer.parameters);
        } else {
                json_array_foreach(reports, i, report) say_preview(report);
                if (*note)
                        say_wrapped(YELLOW, "! ", "  ", note);
                else if (json_array_size(reports) == 0)
                        say_wrapped(YELLOW, "! ", "  ",
                                    "Nothing is sent: the jail's report: asks for nothing that can be told, or no categories are known; "
                                    "see bailiffd --check");
        }
        return json_array_size(reports) > 0 ? STATUS_DONE : STATUS_NO;
}

/**
 * command_reports() - reports [list|retry|drop|preview|retract]
 */
int command_reports(Ctl *ctl, int argc, char **argv)
{
        static const char *const verbs[] = { "list", "retry", "drop", "preview", "retract" };
        const Command *command = command_find("reports");
        json_auto_t *parameters = json_object();
        int status = read_options(command, reports_option, parameters, &argc, argv);
        const char *verb = argc >= 2 ? argv[1] : "list", *nearest;

        if (status != STATUS_DONE)
                return status;
        if (strcmp(verb, "list") == 0)
                return run_list(ctl, command, parameters, argc);
        if (json_object_size(parameters) > 0)
                return usage_error(command, "--state, --service, --addr and --max go with reports list");
        if (strcmp(verb, "retry") == 0)
                return run_retry(ctl, command, argc, argv);
        if (strcmp(verb, "drop") == 0)
                return run_each(ctl, command, drop_one, "report's ID, or address", argc, argv);
        if (strcmp(verb, "preview") == 0)
                return run_preview(ctl, command, argc, argv);
        if (strcmp(verb, "retract") == 0)
                return run_each(ctl, command, retract_one, "address", argc, argv);
        nearest = text_nearest(verb, verbs, sizeof verbs / sizeof *verbs);
        return usage_error(command, nearest ? "reports knows no \"%s\"; did you mean \"%s\"?" : "reports knows no \"%s\"%s", verb,
                           nearest ? nearest : "");
}
