/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Columns that hold lists, there and back.
 *
 * On the way back nothing is believed: the file may be damaged, or somebody may
 * have edited it. What makes no sense is left out, entry by entry. Text that
 * comes back borrows from the JSON value, which the caller owns.
 */

#include <errno.h>
#include <netinet/in.h>

#include "store/private.h"
#include "util/text.h"

#define LIST_MAX 16384 /* entries of one list */
#define PORTS_MAX 1024

/* A text that grows. */
typedef struct Writer {
        char *text;
        size_t used, size;
} Writer;

static void put(Writer *writer, const char *text, size_t size)
{
        if (writer->used + size + 1 > writer->size) {
                size_t wanted = (writer->used + size + 1) * 2;
                char *more = realloc(writer->text, wanted);
                if (!more)
                        abort(); /* memory; see batch.c */
                writer->text = more;
                writer->size = wanted;
        }
        memcpy(writer->text + writer->used, text, size);
        writer->used += size;
        writer->text[writer->used] = '\0';
}

static void put_word(Writer *writer, const char *word)
{
        put(writer, word, strlen(word));
}

static void put_number(Writer *writer, const char *name, int64_t value)
{
        char text[64];

        put(writer, text, (size_t) snprintf(text, sizeof text, "%s%lld", name, (long long) value));
}

/* Bytes past ASCII are jansson's matter: it knows UTF-8. Outsiders' text has been made printable; were it not, it is now. */
static void put_foreign_text(Writer *writer, const char *text)
{
        size_t size = strlen(text) * 4 + 1;
        _cleanup_free_ char *encoded = NULL, *copy = NULL;
        json_t *value = json_string(text);

        if (!value && (copy = malloc(size))) {
                text_printable(text, strlen(text), copy, size);
                value = json_string(copy);
        }
        encoded = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
        json_decref(value);
        put_word(writer, encoded ? encoded : "\"\"");
}

static void put_text(Writer *writer, const char *name, const char *text)
{
        put_word(writer, name);
        text = text ? text : "";
        for (const char *p = text; *p; p++)
                if ((signed char) *p < 0x20 || *p == 0x7f) {
                        put_foreign_text(writer, text);
                        return;
                }
        put(writer, "\"", 1);
        while (*text) {
                size_t plain = strcspn(text, "\"\\");
                put(writer, text, plain);
                text += plain;
                if (*text) {
                        put(writer, "\\", 1);
                        put(writer, text++, 1);
                }
        }
        put(writer, "\"", 1);
}

/* Written by hand: by jansson it takes five times as long, and a commit may hold ten thousand of them. */
char *json_from_evidence(const Evidence *evidence, size_t n)
{
        Writer writer = { 0 };

        put_word(&writer, "[");
        for (size_t i = 0; i < n; i++) {
                put_word(&writer, i > 0 ? "," : "");
                put_number(&writer, "{\"time\":", evidence[i].time.usec);
                put_text(&writer, ",\"rule\":", evidence[i].rule);
                put_text(&writer, ",\"text\":", evidence[i].text);
                put_word(&writer, "}");
        }
        put_word(&writer, "]");
        return writer.text;
}

/* Members at their usual value are left out: a window of sshd is mostly times and lines. */
char *json_from_entries(const WindowEntry *entries, size_t n)
{
        Writer writer = { 0 };

        put_word(&writer, "[");
        for (size_t i = 0; i < n; i++) {
                const WindowEntry *entry = &entries[i];

                put_word(&writer, i > 0 ? "," : "");
                put_number(&writer, "{\"time\":", entry->time.usec);
                if (entry->session != 0)
                        put_number(&writer, ",\"session\":", (int64_t) entry->session);
                if (entry->weight != 1)
                        put_number(&writer, ",\"weight\":", entry->weight);
                if (entry->ahead)
                        put_word(&writer, ",\"ahead\":true");
                put_text(&writer, ",\"rule\":", entry->rule);
                if (entry->text)
                        put_text(&writer, ",\"text\":", entry->text);
                put_word(&writer, "}");
        }
        put_word(&writer, "]");
        return writer.text;
}

/* "tcp/22 udp/53", "" for all ports; protocols without a name here are numbers. */
char *text_from_ports(const Port *ports, size_t n)
{
        size_t size = n * 12 + 1, used = 0;
        char *text = calloc(1, size);

        if (!text)
                abort();
        for (size_t i = 0; i < n; i++) {
                const char *gap = i > 0 ? " " : "";
                if (ports[i].protocol == IPPROTO_TCP || ports[i].protocol == IPPROTO_UDP)
                        used += (size_t) snprintf(text + used, size - used, "%s%s/%u", gap,
                                                  ports[i].protocol == IPPROTO_TCP ? "tcp" : "udp", ports[i].port);
                else
                        used += (size_t) snprintf(text + used, size - used, "%s%u/%u", gap, ports[i].protocol, ports[i].port);
        }
        return text;
}

/**
 * column_is_clean() - whether a text is one that we could have written
 * @max:        bytes, with the NUL
 */
bool column_is_clean(const char *text, size_t max)
{
        for (size_t i = 0; i < max; i++) {
                if (text[i] == '\0')
                        return true;
                if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
                        return false;
        }
        return false;
}

static json_t *list_parse(const char *text)
{
        json_t *list = strnlen(text, STORE_COLUMN_MAX) < STORE_COLUMN_MAX ? json_loads(text, 0, NULL) : NULL;

        if (list && (!json_is_array(list) || json_array_size(list) > LIST_MAX)) {
                json_decref(list);
                return NULL;
        }
        return list;
}

/* A member that is a text of ours; NULL if it is absent or is none. */
static const char *member_text(const json_t *object, const char *name, size_t max)
{
        const char *text = json_string_value(json_object_get(object, name));

        return text && column_is_clean(text, max) ? text : NULL;
}

int json_to_evidence(const char *text, json_t **ret_owner, Evidence **ret_evidence, size_t *ret_n)
{
        json_t *list = list_parse(text), *line;
        Evidence *evidence;
        size_t index, n = 0;

        if (!list)
                return -EBADMSG;
        evidence = calloc(json_array_size(list) + 1, sizeof *evidence);
        if (!evidence) {
                json_decref(list);
                return -ENOMEM;
        }
        json_array_foreach(list, index, line)
        {
                Evidence one = { .time = { json_integer_value(json_object_get(line, "time")) },
                                 .rule = member_text(line, "rule", EVIDENCE_TEXT_MAX),
                                 .text = member_text(line, "text", EVIDENCE_TEXT_MAX) };
                if (one.rule && one.text && one.time.usec > 0 && n < EVIDENCE_MAX)
                        evidence[n++] = one;
        }
        *ret_owner = list;
        *ret_evidence = evidence;
        *ret_n = n;
        return 0;
}

int json_to_entries(const char *text, EventTime latest, json_t **ret_owner, WindowEntry **ret_entries, size_t *ret_n)
{
        json_t *list = list_parse(text), *entry;
        WindowEntry *entries;
        size_t index, n = 0;

        if (!list)
                return -EBADMSG;
        entries = calloc(json_array_size(list) + 1, sizeof *entries);
        if (!entries) {
                json_decref(list);
                return -ENOMEM;
        }
        json_array_foreach(list, index, entry)
        {
                const json_t *weight = json_object_get(entry, "weight");
                json_int_t attempts = weight ? json_integer_value(weight) : 1;
                WindowEntry one = { .time = { json_integer_value(json_object_get(entry, "time")) },
                                    .session = (uint64_t) json_integer_value(json_object_get(entry, "session")),
                                    .ahead = json_is_true(json_object_get(entry, "ahead")),
                                    .rule = member_text(entry, "rule", EVIDENCE_TEXT_MAX),
                                    .text = member_text(entry, "text", EVIDENCE_TEXT_MAX) };
                if (!one.rule || one.time.usec <= 0 || event_time_before(latest, one.time) || attempts < 0 ||
                    attempts > UINT16_MAX)
                        continue;
                if (n > 0 && event_time_before(one.time, entries[n - 1].time))
                        continue; /* oldest first, or it is not ours */
                one.weight = (uint16_t) attempts;
                entries[n++] = one;
        }
        *ret_owner = list;
        *ret_entries = entries;
        *ret_n = n;
        return 0;
}

static int port_parse(char *word, Port *ret_port)
{
        char *slash = strchr(word, '/'), *end;
        unsigned long protocol, port;

        if (!slash)
                return -EBADMSG;
        *slash = '\0';
        if (strcmp(word, "tcp") == 0)
                protocol = IPPROTO_TCP;
        else if (strcmp(word, "udp") == 0)
                protocol = IPPROTO_UDP;
        else if ((protocol = strtoul(word, &end, 10)) == 0 || protocol > UINT8_MAX || *end)
                return -EBADMSG;
        port = strtoul(slash + 1, &end, 10);
        if (end == slash + 1 || *end || port > UINT16_MAX)
                return -EBADMSG;
        *ret_port = (Port){ .protocol = (uint8_t) protocol, .port = (uint16_t) port };
        return 0;
}

/* A list of ports that cannot be read must not become "all ports": the whole ban is refused then. */
int text_to_ports(const char *text, Port **ret_ports, size_t *ret_n)
{
        _cleanup_free_ char *copy = strdup(text);
        _cleanup_free_ Port *ports = NULL;
        size_t n = 0;
        char *rest;

        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (n % 16 == 0) {
                        Port *more = n < PORTS_MAX ? reallocarray(ports, n + 16, sizeof *ports) : NULL;
                        if (!more)
                                return n < PORTS_MAX ? -ENOMEM : -EBADMSG;
                        ports = more;
                }
                if (port_parse(word, &ports[n]) < 0)
                        return -EBADMSG;
                n++;
        }
        *ret_ports = steal(ports);
        *ret_n = n;
        return 0;
}
