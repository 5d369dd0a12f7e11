/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a jail reports: categories of AbuseIPDB, and comments, whose placeholders report.h knows. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/option.h"
#include "report.h"
#include "util/text.h"

#define CATEGORIES_MAX 23
#define CATEGORIES_TEXT_MAX 64 /* all of them, once each: "1,2,...,23" */
#define PIECE_MAX 400          /* bytes that option_text_is_plain() takes at once */

/* AbuseIPDB's categories as words, from 1 on; the reader's mistake is answered with a number. */
static const char *const CATEGORIES[CATEGORIES_MAX] = {
        "dns-compromise", "dns-poisoning", "fraud-orders", "ddos", "ftp-brute-force", "ping-of-death", "phishing", "fraud-voip",
        "open-proxy", "web-spam", "email-spam", "blog-spam", "vpn", "port-scan", "hacking", "sql-injection", "spoofing",
        "brute-force", "bad-web-bot", "exploited-host", "web-app-attack", "ssh", "iot",
};

typedef struct Chosen {
        bool taken[CATEGORIES_MAX + 1];
        size_t n;
        char text[CATEGORIES_TEXT_MAX];
} Chosen;

static void choose(Chosen *chosen, unsigned category)
{
        size_t used = strlen(chosen->text);

        chosen->taken[category] = true;
        snprintf(chosen->text + used, sizeof chosen->text - used, "%s%u", chosen->n++ ? "," : "", category);
}

static int category_read(const YamlNode *node, Chosen *chosen, Problem *problem)
{
        const char *near;
        long long number;

        if (yaml_integer(node, 1, CATEGORIES_MAX, &number, NULL) == 0) {
                if (chosen->taken[number])
                        return yaml_problem(node, problem, "%lld stands here twice; keep one", number);
                choose(chosen, (unsigned) number);
                return 0;
        }
        near = node->kind == YAML_SCALAR ? text_nearest(node->text, CATEGORIES, CATEGORIES_MAX) : NULL;
        for (unsigned i = 0; near && i < CATEGORIES_MAX; i++)
                if (near == CATEGORIES[i])
                        return yaml_problem(node, problem, "\"%s\" is no category of AbuseIPDB, which are numbers; did you mean %u (%s)?",
                                            node->text, i + 1, near);
        return yaml_problem(node, problem, "must be a category of AbuseIPDB, a number from 1 to %d: 18 is brute force, 21 an attack on a web "
                                           "application, 22 SSH", CATEGORIES_MAX);
}

/* What is there already, for `categories+:`. */
static void take_present(const char *present, Chosen *chosen)
{
        for (const char *p = present; p; p = strchr(p, ',')) {
                unsigned category = 0;

                for (p += *p == ','; *p >= '0' && *p <= '9'; p++)
                        category = category * 10 + (unsigned) (*p - '0');
                choose(chosen, category);
        }
}

/**
 * categories_read() - read AbuseIPDB's categories; behind what is there already for `categories+:`
 * @target:     "18,22"; NULL for `auto`, the filter's
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int categories_read(const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        bool append = node->key && option_key(node->key).sign == '+';
        Chosen chosen = { .n = 0 };
        int r = 0;

        if (!append && node->kind == YAML_SCALAR && strcmp(node->text, "auto") == 0)
                return (*target = NULL, 0);
        if (append && !*target)
                return yaml_problem(node, problem, "there are none here to append to, as the filter's are taken; write all of them: "
                                                   "categories: [18, 22]");
        if (node->kind != YAML_LIST || !node->children)
                return yaml_problem(node, problem, "must be a list of AbuseIPDB's categories, as in [18, 22], or auto: those of the filter");
        if (append)
                take_present(*target, &chosen);
        for (const YamlNode *child = node->children; child && r == 0; child = child->next)
                r = category_read(child, &chosen, problem);
        if (r < 0)
                return r;
        *target = arena_text(arena, chosen.text);
        return *target ? 0 : -ENOMEM;
}

/**
 * categories_write() - write them so that categories_read() reads the same
 */
void categories_write(const char *categories, FILE *stream)
{
        if (!categories) {
                fputs("auto", stream);
                return;
        }
        fputc('[', stream);
        for (const char *p = categories; *p; p++)
                fputs(*p == ',' ? ", " : (const char[]){ *p, '\0' }, stream);
        fputc(']', stream);
}

/* ---- comments ---- */

/* The bytes of a text up to its next line's end, or a piece that ends with a character. */
static size_t piece_size(const char *text)
{
        size_t size = strcspn(text, "\n");

        if (size <= PIECE_MAX)
                return size;
        for (size = PIECE_MAX; size > PIECE_MAX - 4 && ((unsigned char) text[size] & 0xc0) == 0x80; size--)
                ;
        return size;
}

/* As option_text_is_plain(), with lines' ends and of any length. */
static bool comment_is_plain(const char *text)
{
        char piece[PIECE_MAX + 1];

        while (*text) {
                size_t size = piece_size(text);

                memcpy(piece, text, size);
                piece[size] = '\0';
                if (!option_text_is_plain(piece))
                        return false;
                text += size;
                text += *text == '\n';
        }
        return true;
}

static int text_read(const Option *option, const YamlNode *node, const char **target, Arena *arena, Problem *problem)
{
        size_t length = node->kind == YAML_SCALAR ? strlen(node->text) : 0;
        Problem why = { "" };
        char *text;

        if (node->kind != YAML_SCALAR || yaml_is_null(node))
                return yaml_problem(node, problem, "must be a text, or true for the usual one");
        while (length > 0 && node->text[length - 1] == '\n')
                length--; /* of a block */
        if (length == 0)
                return yaml_problem(node, problem, "is empty; write true for the usual text");
        if (length > (size_t) option->max)
                return yaml_problem(node, problem, "has %zu bytes, of which the service takes at most %lld; shorten it", length, option->max);
        text = arena_text(arena, node->text);
        if (!text)
                return -ENOMEM;
        text[length] = '\0';
        if (report_comment_check(text, &why) < 0)
                return yaml_problem(node, problem, "%s", why.text);
        if (!comment_is_plain(text))
                return yaml_problem(node, problem, "has a control character in it; remove it");
        *target = text;
        return 0;
}

/**
 * comment_read() - read the comment of a report: a template, or true for the usual one
 * @jail:       a JailConfig, for whether VirusTotal gets one at all
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int comment_read(const Option *option, const YamlNode *node, JailConfig *jail, Arena *arena, Problem *problem)
{
        const char **target = (const char **) ((char *) jail + option->offset);
        bool optional = option->type == OPTION_REMARK, wanted = true;

        if (yaml_bool(node, &wanted, NULL) < 0) {
                int r = text_read(option, node, target, arena, problem);

                if (r < 0)
                        return r;
        } else if (wanted) {
                *target = NULL;
        } else if (!optional) {
                return yaml_problem(node, problem, "AbuseIPDB wants to be told what happened; write a text, or true for the usual one");
        }
        if (optional)
                jail->report.virustotal_comments = wanted;
        return 0;
}

/**
 * comment_write() - write it so that comment_read() reads the same
 */
void comment_write(const Option *option, const JailConfig *jail, FILE *stream)
{
        const char *text = *(const char *const *) ((const char *) jail + option->offset);

        if (option->type == OPTION_REMARK && !jail->report.virustotal_comments)
                fputs("false", stream);
        else if (!text)
                fputs("true", stream);
        else
                option_write_text(text, stream);
}

/* ---- as a whole ---- */

/**
 * config_report_settle() - what follows from a jail's report options together
 *
 * Whoever reads them need not know which of them switches which: what is not
 * reported is off in each member.
 */
void config_report_settle(JailReportConfig *report)
{
        report->abuseipdb = report->abuseipdb && report->enabled;
        report->virustotal = report->virustotal && report->enabled && (report->vote != REPORT_VERDICT_NONE || report->virustotal_comments);
        report->enabled = report->abuseipdb || report->virustotal;
        if (!report->virustotal) {
                report->vote = REPORT_VERDICT_NONE;
                report->virustotal_comments = false;
        }
}

/**
 * config_report_check() - whether the options in a jail, or in `defaults:`, can be meant
 * @map:        the jail
 * @report:     as they were read, before config_report_settle()
 *
 * Return: 0, -EINVAL with @problem set.
 */
int config_report_check(const YamlNode *map, const JailReportConfig *report, Problem *problem)
{
        const YamlNode *node = yaml_get(map, "report"), *virustotal = yaml_get(node, "virustotal");

        if (!node || !report->enabled)
                return 0;
        if (report->virustotal && report->vote == REPORT_VERDICT_NONE && !report->virustotal_comments)
                return yaml_problem(virustotal ? virustotal : node, problem,
                                    "neither votes nor comments; write virustotal: false, or { vote: malicious }, or { comment: true }");
        if (node->kind != YAML_MAP && !report->abuseipdb && !report->virustotal)
                return yaml_problem(node, problem, "does not say to whom; write { abuseipdb: true }");
        return 0;
}
