/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The only file that knows libyaml.
 *
 * The reader takes the part of YAML that people write by hand: one document of
 * maps, lists and scalars. Anchors, aliases, tags and merge keys are refused:
 * a configuration that says more than it shows is a trap, and aliases can make
 * a small file large (the "billion laughs"). Duplicate keys are refused, since
 * one of the two was meant and nobody knows which. Size, depth and the number
 * of nodes are capped.
 *
 * libyaml's event parser drives a plain recursive descent; depth is bounded by
 * YAML_DEPTH_MAX, so the stack is, too.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "util/text.h"
#include "util/yaml.h"

typedef struct Reader {
        yaml_parser_t parser;
        const char *text;
        size_t size;
        YamlDocument *document;
        Problem *problem;
        unsigned depth;
} Reader;

static void event_freep(yaml_event_t *event)
{
        yaml_event_delete(event);
}

static YamlNode *node_free(YamlNode *node)
{
        while (node) {
                YamlNode *next = node->next;

                node_free(node->children);
                free(node->key);
                free(node->text);
                free(node);
                node = next;
        }
        return NULL;
}

/**
 * yaml_document_free() - free a document with all its nodes
 *
 * Return: NULL
 */
YamlDocument *yaml_document_free(YamlDocument *document)
{
        if (document) {
                node_free(document->root);
                free(document->file);
                free(document);
        }
        return NULL;
}

static int refuse(Reader *reader, yaml_mark_t mark, const char *what)
{
        return problem_set(reader->problem, -EINVAL, "%s:%zu:%zu: %s", reader->document->file, mark.line + 1,
                           mark.column + 1, what);
}

/* libyaml's words for common mistakes, and what mends them. */
static const char *hint_for(const char *text)
{
        static const char *const hints[][2] = {
                { "tab character", "indent with spaces, not tabs" },
                { "cannot start any token", "indent with spaces, not tabs; quote a value that begins with % or @" },
                { "expected node content", "quote a value that begins with a colon: \"::1\"" },
                { "mapping values are not allowed",
                  "begin each key on a line of its own, indented like its neighbours; quote a value that holds \": \"" },
                { "expected key", "indent the keys of one map alike; put a value that begins with [ or { within '...', "
                                  "and a ' in it twice" },
                { "expected ',' or ']'", "end the list with ]" },
                { "expected ',' or '}'", "end the map with }" },
                { "expected '-' indicator", "indent the entries of one list alike, each with \"- \"" },
                { "expected ':'", "a key needs a colon with a space behind it" },
                { "unexpected end of stream", "end the text with the quote that it begins with" },
                { "unknown escape character", "within double quotes a backslash begins an escape; use single quotes" },
                { "invalid leading UTF-8", "save the file as UTF-8" },
                { "invalid trailing UTF-8", "save the file as UTF-8" },
                { "incomplete UTF-8", "save the file as UTF-8" },
                { "control characters", "remove the control character" },
                { "expected <document start>", "remove the line, or indent it to where it belongs" },
        };

        for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
                if (strstr(text, hints[i][0]))
                        return hints[i][1];
        return "compare it with the examples in bailiff.yaml(5), and of a filter in bailiff-filter.yaml(5)";
}

/* The place of a byte: the parser's own mark is behind where its reader stumbles. */
static yaml_mark_t mark_of_byte(const Reader *reader, size_t offset)
{
        yaml_mark_t mark = { 0 };

        for (size_t i = 0; i < offset && i < reader->size; i++) {
                mark.column += ((unsigned char) reader->text[i] & 0xc0) != 0x80;
                if (reader->text[i] == '\n') {
                        mark.line++;
                        mark.column = 0;
                }
        }
        return mark;
}

static int next_event(Reader *reader, yaml_event_t *ret_event)
{
        yaml_parser_t *parser = &reader->parser;
        char begin[64] = "";

        if (yaml_parser_parse(parser, ret_event))
                return 0;
        memset(ret_event, 0, sizeof *ret_event);
        if (parser->error == YAML_MEMORY_ERROR)
                return problem_set(reader->problem, -ENOMEM, "%s: out of memory", reader->document->file);
        yaml_mark_t mark = parser->error == YAML_READER_ERROR ? mark_of_byte(reader, parser->problem_offset) : parser->problem_mark;
        const char *text = parser->problem ? parser->problem : "unreadable text";

        /* The mark is where the parser gave up; what it was in may have begun far above. */
        if (parser->error != YAML_READER_ERROR && parser->context && parser->context_mark.line < mark.line)
                snprintf(begin, sizeof begin, ", in what begins at line %zu", parser->context_mark.line + 1);
        return problem_set(reader->problem, -EINVAL, "%s:%zu:%zu: not valid YAML: %s%s (%s)", reader->document->file,
                           mark.line + 1, mark.column + 1, text, begin, hint_for(text));
}

static int new_node(Reader *reader, const yaml_event_t *event, YamlKind kind, YamlNode **ret_node)
{
        YamlNode *node;

        if (++reader->document->n_nodes > YAML_NODES_MAX)
                return refuse(reader, event->start_mark, "too many values in one file; split it");
        node = calloc(1, sizeof *node);
        if (!node)
                return -ENOMEM;
        node->kind = kind;
        node->file = reader->document->file;
        node->line = (unsigned) event->start_mark.line + 1;
        node->column = (unsigned) event->start_mark.column + 1;
        *ret_node = node;
        return 0;
}

static int read_node(Reader *reader, const yaml_event_t *event, YamlNode **ret_node);

static int read_scalar(Reader *reader, const yaml_event_t *event, YamlNode **ret_node)
{
        const char *value = (const char *) event->data.scalar.value;
        YamlNode *node = NULL;
        int r;

        if (event->data.scalar.anchor || event->data.scalar.tag)
                return refuse(reader, event->start_mark, "anchors (&) and tags (!) are not used here; write the value out");
        if (memchr(value, '\0', event->data.scalar.length))
                return refuse(reader, event->start_mark, "a NUL character inside a value; remove it");
        r = new_node(reader, event, YAML_SCALAR, &node);
        if (r < 0)
                return r;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        node->text = strdup(value);
        *ret_node = node;
        return node->text ? 0 : -ENOMEM;
}

static int read_list(Reader *reader, const yaml_event_t *start, YamlNode **ret_node)
{
        YamlNode **tail;
        int r;

        if (start->data.sequence_start.anchor || start->data.sequence_start.tag)
                return refuse(reader, start->start_mark, "anchors (&) and tags (!) are not used here; write the list out");
        r = new_node(reader, start, YAML_LIST, ret_node);
        if (r < 0)
                return r;
        for (tail = &(*ret_node)->children;; tail = &(*tail)->next) {
                _cleanup_(event_freep) yaml_event_t event;

                r = next_event(reader, &event);
                if (r < 0)
                        return r;
                if (event.type == YAML_SEQUENCE_END_EVENT)
                        return 0;
                r = read_node(reader, &event, tail);
                if (r < 0)
                        return r;
        }
}

static int read_key(Reader *reader, const yaml_event_t *event, const YamlNode *map)
{
        if (event->type != YAML_SCALAR_EVENT)
                return refuse(reader, event->start_mark, "a key must be a plain word, with a colon and a space behind it");
        const char *key = (const char *) event->data.scalar.value;
        if (event->data.scalar.anchor || event->data.scalar.tag)
                return refuse(reader, event->start_mark, "anchors (&) and tags (!) are not used here; write the key alone");
        if (strcmp(key, "<<") == 0)
                return refuse(reader, event->start_mark, "merge keys (<<) are not used here; write the keys out");
        if (memchr(key, '\0', event->data.scalar.length))
                return refuse(reader, event->start_mark, "a NUL character inside a key; remove it");
        const YamlNode *same = yaml_get(map, key);
        if (same)
                return problem_set(reader->problem, -EINVAL, "%s:%zu:%zu: \"%s\" stands here twice (first at line %u); keep one",
                                   map->file, event->start_mark.line + 1, event->start_mark.column + 1, key, same->key_line);
        return 0;
}

static int read_map(Reader *reader, const yaml_event_t *start, YamlNode **ret_node)
{
        YamlNode **tail;
        unsigned n_keys = 0;
        int r;

        if (start->data.mapping_start.anchor || start->data.mapping_start.tag)
                return refuse(reader, start->start_mark, "anchors (&) and tags (!) are not used here; write the map out");
        r = new_node(reader, start, YAML_MAP, ret_node);
        if (r < 0)
                return r;
        for (tail = &(*ret_node)->children;; tail = &(*tail)->next) {
                _cleanup_(event_freep) yaml_event_t key_event;
                _cleanup_(event_freep) yaml_event_t event = { 0 };

                r = next_event(reader, &key_event);
                if (r < 0)
                        return r;
                if (key_event.type == YAML_MAPPING_END_EVENT)
                        return 0;
                if (++n_keys > YAML_KEYS_MAX)
                        return refuse(reader, key_event.start_mark, "too many keys in one map");
                r = read_key(reader, &key_event, *ret_node);
                if (r < 0)
                        return r;
                r = next_event(reader, &event);
                if (r < 0)
                        return r;
                r = read_node(reader, &event, tail);
                if (r < 0)
                        return r;
                (*tail)->key = strdup((const char *) key_event.data.scalar.value);
                if (!(*tail)->key)
                        return -ENOMEM;
                (*tail)->key_line = (unsigned) key_event.start_mark.line + 1;
                (*tail)->key_column = (unsigned) key_event.start_mark.column + 1;
        }
}

static int read_node(Reader *reader, const yaml_event_t *event, YamlNode **ret_node)
{
        int r;

        if (++reader->depth > YAML_DEPTH_MAX)
                return refuse(reader, event->start_mark, "nested too deeply; nothing here needs that many levels");
        switch (event->type) {
        case YAML_SCALAR_EVENT: r = read_scalar(reader, event, ret_node); break;
        case YAML_SEQUENCE_START_EVENT: r = read_list(reader, event, ret_node); break;
        case YAML_MAPPING_START_EVENT: r = read_map(reader, event, ret_node); break;
        case YAML_ALIAS_EVENT: r = refuse(reader, event->start_mark, "aliases (*) are not used here; write the value out"); break;
        default: r = refuse(reader, event->start_mark, "not valid YAML"); break;
        }
        reader->depth--;
        return r;
}

static int read_stream(Reader *reader)
{
        for (;;) {
                _cleanup_(event_freep) yaml_event_t event;
                int r = next_event(reader, &event);

                if (r < 0)
                        return r;
                switch (event.type) {
                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_END_EVENT: break;
                case YAML_STREAM_END_EVENT: return 0;
                case YAML_DOCUMENT_START_EVENT:
                        if (reader->document->root)
                                return refuse(reader, event.start_mark, "a second document (---); a file holds one");
                        break;
                default:
                        r = read_node(reader, &event, &reader->document->root);
                        if (r < 0)
                                return r;
                }
        }
}

/**
 * yaml_read_memory() - read a document from memory
 * @name:               what messages call it
 * @text:               the bytes, need not end in NUL
 * @size:               their number
 * @ret_document:       the document, for yaml_document_free()
 * @problem:            says "name:line:column: what"
 *
 * Return: 0, -EINVAL if the text is refused, -ENOMEM.
 */
int yaml_read_memory(const char *name, const char *text, size_t size, YamlDocument **ret_document, Problem *problem)
{
        _cleanup_(yaml_document_freep) YamlDocument *document = calloc(1, sizeof *document);
        Reader reader = { .document = document, .problem = problem };
        int r;

        problem_set(problem, 0, "%s: out of memory", name);
        if (!document || !(document->file = strdup(name)))
                return -ENOMEM;
        if (size > YAML_SIZE_MAX)
                return problem_set(problem, -EINVAL, "%s:1:1: larger than %d bytes; split it", name, YAML_SIZE_MAX);
        if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
                return problem_set(problem, -EINVAL, "%s:1:1: is UTF-16; save the file as UTF-8", name);
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* some editors begin UTF-8 with a byte order mark */
                text += 3;
                size -= 3;
        }
        if (!yaml_parser_initialize(&reader.parser))
                return -ENOMEM;
        reader.text = text;
        reader.size = size;
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *) text, size);
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        r = read_stream(&reader);
        yaml_parser_delete(&reader.parser);
        if (r < 0)
                return r;
        *ret_document = steal(document);
        return 0;
}

/**
 * yaml_read_file() - read a document from a file
 *
 * Return: 0, -EINVAL if the text is refused, -errno of open(2) or read(2).
 */
int yaml_read_file(const char *path, YamlDocument **ret_document, Problem *problem)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = text_read_file(path, YAML_SIZE_MAX, &text, &size);
        if (r == -EFBIG)
                return problem_set(problem, r, "%s:1:1: larger than %d bytes; split it", path, YAML_SIZE_MAX);
        if (r == -EISDIR || r == -EINVAL)
                return problem_set(problem, r, "%s:1:1: is %s; put a file there",
                                   path, r == -EISDIR ? "a directory" : "no regular file");
        if (r < 0)
                return problem_set(problem, r, "%s:1:1: cannot be read: %s%s", path, strerror(-r),
                                   r == -EACCES ? " (bailiffd runs as a user of its own; let it: chmod a+r, and a+x on the directories)" : "");
        return yaml_read_memory(path, text, size, ret_document, problem);
}

/**
 * yaml_get() - the value of a key
 *
 * Return: the value, or NULL if @map is no map or has no such key.
 */
const YamlNode *yaml_get(const YamlNode *map, const char *key)
{
        if (!map || map->kind != YAML_MAP)
                return NULL;
        for (const YamlNode *child = map->children; child; child = child->next)
                if (child->key && strcmp(child->key, key) == 0)
                        return child;
        return NULL;
}

/**
 * yaml_is_null() - whether a value was left out ("key:", "~", "null")
 */
bool yaml_is_null(const YamlNode *node)
{
        return !node || (node->kind == YAML_SCALAR && !node->quoted &&
                         (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0));
}

/**
 * yaml_kind_name() - "a value", "a list" or "a map", for messages
 */
const char *yaml_kind_name(YamlKind kind)
{
        return kind == YAML_SCALAR ? "a value" : kind == YAML_LIST ? "a list" : "a map";
}

/**
 * yaml_count() - how many children a list or map has
 */
size_t yaml_count(const YamlNode *node)
{
        size_t n = 0;

        for (const YamlNode *child = node->children; child; child = child->next)
                n++;
        return n;
}

/**
 * yaml_bool() - a value that is true or false
 *
 * Return: 0, -EINVAL with @problem set. YAML 1.1's yes, no, on, off are taken.
 */
int yaml_bool(const YamlNode *node, bool *ret_value, Problem *problem)
{
        static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

        if (node->kind == YAML_SCALAR && !node->quoted)
                for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                        if (strcasecmp(node->text, words[i]) == 0) {
                                *ret_value = i % 2;
                                return 0;
                        }
        return yaml_problem(node, problem, "must be true or false");
}

/**
 * yaml_integer() - a value that is a whole number within bounds
 *
 * Return: 0, -EINVAL with @problem set.
 */
int yaml_integer(const YamlNode *node, long long min, long long max, long long *ret_value, Problem *problem)
{
        char *end;

        if (node->kind == YAML_SCALAR && *node->text) {
                errno = 0;
                long long value = strtoll(node->text, &end, 10);
                if (!*end && errno == 0 && value >= min && value <= max && node->text[0] != ' ' && node->text[0] != '+') {
                        *ret_value = value;
                        return 0;
                }
        }
        return yaml_problem(node, problem, "must be a whole number from %lld to %lld", min, max);
}

/**
 * yaml_problem() - "file:line:column: key: message"
 *
 * Return: -EINVAL
 */
int yaml_problem(const YamlNode *node, Problem *problem, const char *format, ...)
{
        char message[PROBLEM_TEXT_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        return problem_set(problem, -EINVAL, "%s:%u:%u: %s%s%s", node->file, node->line, node->column,
                           node->key ? node->key : "", node->key ? ": " : "", message);
}

/**
 * yaml_unknown_key() - the message about a key that nobody knows
 * @node:       the value under the unknown key
 * @known:      what would have been possible
 *
 * Return: -EINVAL
 */
int yaml_unknown_key(const YamlNode *node, const char *const known[], size_t n_known, Problem *problem)
{
        const char *near = text_nearest(node->key, known, n_known);
        _cleanup_free_ char *list = NULL;
        size_t size;
        FILE *stream = open_memstream(&list, &size);

        if (!stream)
                return -ENOMEM;
        for (size_t i = 0; i < n_known; i++)
                fprintf(stream, "%s%s", i ? ", " : "", known[i]);
        fclose(stream);
        if (near)
                return problem_set(problem, -EINVAL, "%s:%u:%u: unknown key \"%s\"; did you mean \"%s\"?", node->file,
                                   node->key_line, node->key_column, node->key, near);
        return problem_set(problem, -EINVAL, "%s:%u:%u: unknown key \"%s\"; known here: %s", node->file, node->key_line,
                           node->key_column, node->key, list);
}
