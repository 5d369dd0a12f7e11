/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an `allow:` list may hold: an address, a prefix, a file's absolute path or a host's name. */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "config/allow.h"
#include "config/private.h"
#include "util/mode.h"

#define ALLOW_MAX 10000 /* of all lists together; files have caps of their own */
#define HOST_NAME_MAX_LENGTH 253
#define HOST_LABEL_MAX_LENGTH 63

static bool label_is_good(const char *label, size_t length)
{
        return length > 0 && length <= HOST_LABEL_MAX_LENGTH && label[0] != '-' && label[length - 1] != '-' &&
               strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") >= length;
}

/* The last label of a name is never a number, which tells a name from a mistyped address. */
static bool is_host_name(const char *text)
{
        const char *label = text;

        if (strlen(text) > HOST_NAME_MAX_LENGTH)
                return false;
        for (const char *dot; (dot = strchr(label, '.')); label = dot + 1)
                if (!label_is_good(label, (size_t) (dot - label)))
                        return false;
        return label_is_good(label, strlen(label)) && label[strspn(label, "0123456789")] != '\0';
}

static int file_read(const YamlNode *node, AllowConfig *entry, Arena *arena, bool check_modes, Problem *problem)
{
        struct stat st;
        Problem why;

        if (strlen(node->text) >= PATH_MAX || !option_text_is_plain(node->text))
                return yaml_problem(node, problem, "this path is too long or has control characters");
        if (check_modes && stat(node->text, &st) == 0 && S_ISDIR(st.st_mode))
                return yaml_problem(node, problem, "%s is a directory; name a file in it", node->text);
        if (check_modes && mode_check_file(node->text, &why) == -EPERM)
                return yaml_problem(node, problem, "%.700s", why.text);
        entry->kind = ALLOW_FILE;
        entry->text = arena_text(arena, node->text);
        return entry->text ? 0 : -ENOMEM;
}

static int name_read(const YamlNode *node, AllowConfig *entry, Arena *arena, Problem *problem)
{
        char *text;

        if (strchr(node->text, '/'))
                return yaml_problem(node, problem,
                                    "\"%s\" is no address or prefix; a file is named by its absolute path", node->text);
        if (!is_host_name(node->text))
                return yaml_problem(node, problem,
                                    "\"%s\" is no address, prefix, absolute path of a file, or host name", node->text);
        entry->kind = ALLOW_NAME;
        entry->text = text = arena_text(arena, node->text);
        if (!text)
                return -ENOMEM;
        for (; *text; text++)
                *text = (char) tolower((unsigned char) *text);
        return 0;
}

static int entry_read(const YamlNode *node, AllowConfig *entry, Arena *arena, bool check_modes, Problem *problem)
{
        int r;

        if (node->kind != YAML_SCALAR || yaml_is_null(node))
                return yaml_problem(node, problem, "must be an address, a prefix, a file's path or a host name, not %s",
                                    node->kind == YAML_SCALAR ? "nothing" : yaml_kind_name(node->kind));
        if (node->text[0] == '/')
                return file_read(node, entry, arena, check_modes, problem);
        r = addr_parse_prefix(node->text, &entry->addr);
        if (r == -EDOM)
                return yaml_problem(node, problem, "\"%s\" has bits set behind the prefix length; write the network's first address", node->text);
        return r == 0 ? 0 : name_read(node, entry, arena, problem);
}

/**
 * allow_equal() - whether two entries allow the same to the same jail
 */
bool allow_equal(const AllowConfig *a, const AllowConfig *b)
{
        if (a->kind != b->kind || !a->jail != !b->jail || (a->jail && strcmp(a->jail, b->jail) != 0))
                return false;
        return a->kind == ALLOW_ADDR ? addr_equal(&a->addr, &b->addr) : strcmp(a->text, b->text) == 0;
}

static bool is_there(const Config *config, const AllowConfig *entry)
{
        for (size_t i = 0; i < config->n_allow; i++)
                if (allow_equal(&config->allow[i], entry))
                        return true;
        return false;
}

/* Doubles the room at each power of two, so that the count tells how much there is. */
static int add(Config *config, const AllowConfig *entry)
{
        size_t n = config->n_allow;

        if ((n & (n - 1)) == 0) {
                AllowConfig *grown = arena_alloc(config->arena, (n ? 2 * n : 1) * sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                if (n > 0)
                        memcpy(grown, config->allow, n * sizeof *grown);
                config->allow = grown;
        }
        config->allow[config->n_allow++] = *entry;
        return 0;
}

/**
 * allow_read() - add a list's entries to the configuration's
 * @list:       NULL: nothing
 * @jail:       whose own they are; NULL: the host's
 * @check_modes: refuse files that others may change
 *
 * An entry that the same jail has already is left out.
 *
 * Return: 0, -EINVAL with @problem set, -ENOMEM.
 */
int allow_read(Config *config, const YamlNode *list, const char *jail, bool check_modes, Problem *problem)
{
        int r;

        if (yaml_is_null(list))
                return 0;
        if (list->kind != YAML_LIST)
                return yaml_problem(list, problem, ALLOW_EXPECTED);
        for (const YamlNode *child = list->children; child; child = child->next) {
                AllowConfig entry = { .kind = ALLOW_ADDR, .jail = jail };

                r = entry_read(child, &entry, config->arena, check_modes, problem);
                if (r < 0)
                        return r;
                if (is_there(config, &entry))
                        continue;
                if (config->n_allow >= ALLOW_MAX)
                        return yaml_problem(child, problem, "more than %d entries; put them into a file and name it here: /etc/bailiff/office.allow", ALLOW_MAX);
                entry.place = config_place(config->arena, child->file, child->line, child->column);
                if (!entry.place || add(config, &entry) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/**
 * allow_write() - write an entry so that allow_read() reads the same
 */
void allow_write(const AllowConfig *entry, FILE *stream)
{
        char text[ADDR_TEXT_MAX];

        option_write_text(entry->kind == ALLOW_ADDR ? addr_format(&entry->addr, text) : entry->text, stream);
}
