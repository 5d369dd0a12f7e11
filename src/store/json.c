/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Columns that hold lists, there and back.
 *
 * On the way back nothing is believed: the file may be damaged, or somebody may
 * have edited it. A list that is not just as we write it is refused whole; an
 * entry whose values make no sense is left out. The reader knows this one
 * grammar and no other, because it reads a million lists at a start, and a whole
 * JSON parser took most of that time. What comes back lives in the JsonScratch,
 * until the next list is read.
 */

#include <errno.h>
#include <netinet/in.h>

#include "store/private.h"
#include "util/jsontext.h"
#include "util/text.h"

#define LIST_MAX 16384 /* entries of one list */
#define PORTS_MAX 1024

char *json_from_evidence(const Evidence *evidence, size_t n)
{
        JsonText json = { 0 };

        json_text_put(&json, "[");
        for (size_t i = 0; i < n; i++) {
                json_text_put(&json, i > 0 ? "," : "");
                json_text_number(&json, "{\"time\":", evidence[i].time.usec);
                json_text_string(&json, ",\"rule\":", evidence[i].rule);
                json_text_string(&json, ",\"text\":", evidence[i].text);
                json_text_put(&json, "}");
        }
        json_text_put(&json, "]");
        return json.text;
}

/* Members at their usual value are left out: a window of sshd is mostly times and lines. */
char *json_from_entries(const WindowEntry *entries, size_t n)
{
        JsonText json = { 0 };

        json_text_put(&json, "[");
        for (size_t i = 0; i < n; i++) {
                const WindowEntry *entry = &entries[i];

                json_text_put(&json, i > 0 ? "," : "");
                json_text_number(&json, "{\"time\":", entry->time.usec);
                if (entry->session != 0)
                        json_text_number(&json, ",\"session\":", (int64_t) entry->session);
                if (entry->weight != 1)
                        json_text_number(&json, ",\"weight\":", entry->weight);
                if (entry->ahead)
                        json_text_put(&json, ",\"ahead\":true");
                if (entry->witnesses != 0)
                        json_text_number(&json, ",\"witnesses\":", entry->witnesses);
                json_text_string(&json, ",\"rule\":", entry->rule);
                if (entry->text)
                        json_text_string(&json, ",\"text\":", entry->text);
                json_text_put(&json, "}");
        }
        json_text_put(&json, "]");
        return json.text;
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

void json_scratch_deinit(JsonScratch *scratch)
{
        free(scratch->text);
        free(scratch->entries);
        free(scratch->ports);
        *scratch = (JsonScratch){ 0 };
}

/* A list under way: the texts decoded so far lie one after another in the scratch, each with its NUL. */
typedef struct Reader {
        const char *at, *end;
        char *out;
} Reader;

/* The members that an entry of any list may have. */
typedef struct Member {
        int64_t time, session, weight, witnesses;
        bool ahead;
        const char *rule, *text;
} Member;

static int reader_init(Reader *reader, const char *text, size_t size, JsonScratch *scratch)
{
        if (size >= STORE_COLUMN_MAX)
                return -EBADMSG;
        /* Decoded text is never longer than the JSON: two quotes make room for the NUL. */
        if (size + 1 > scratch->text_size) {
                free(scratch->text);
                scratch->text_size = 0;
                scratch->text = malloc(2 * (size + 1));
                if (!scratch->text)
                        return -ENOMEM;
                scratch->text_size = 2 * (size + 1);
        }
        *reader = (Reader){ .at = text, .end = text + size, .out = scratch->text };
        return 0;
}

static bool take_char(Reader *reader, char wanted)
{
        if (reader->at == reader->end || *reader->at != wanted)
                return false;
        reader->at++;
        return true;
}

static bool take_word(Reader *reader, const char *word)
{
        size_t size = strlen(word);

        if ((size_t) (reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
                return false;
        reader->at += size;
        return true;
}

static bool take_number(Reader *reader, int64_t *ret_number)
{
        bool negative = take_char(reader, '-');
        uint64_t number = 0;
        unsigned digits = 0;

        for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++)
                if (++digits > 18 && (digits > 19 || number > (uint64_t) INT64_MAX / 10))
                        return false;
                else
                        number = number * 10 + (uint64_t) (*reader->at - '0');
        if (digits == 0 || number > (uint64_t) INT64_MAX + negative)
                return false;
        *ret_number = negative ? (int64_t) -number : (int64_t) number;
        return true;
}

/* What follows a backslash. Older files may hold \u escapes; all that we would write so are characters of one byte. */
static bool take_escape(Reader *reader)
{
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
        const char *name = reader->at < reader->end && *reader->at ? strchr(names, *reader->at) : NULL;
        unsigned value = 0;

        if (name) {
                *reader->out++ = values[name - names];
                reader->at++;
                return true;
        }
        if (!take_char(reader, 'u') || reader->end - reader->at < 4)
                return false;
        for (unsigned i = 0; i < 4; i++, reader->at++) {
                const char digit = *reader->at;

                if (digit >= '0' && digit <= '9')
                        value = value * 16 + (unsigned) (digit - '0');
                else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
                        value = value * 16 + (unsigned) ((digit | 0x20) - 'a') + 10;
                else
                        return false;
        }
        if (value == 0 || value > 0x7f)
                return false;
        *reader->out++ = (char) value;
        return true;
}

static bool take_text(Reader *reader, const char **ret_text)
{
        const char *text = reader->out;

        if (!take_char(reader, '"'))
                return false;
        for (;;) {
                const char *run = reader->at;

                while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\')
                        reader->at++;
                memcpy(reader->out, run, (size_t) (reader->at - run));
                reader->out += reader->at - run;
                if (take_char(reader, '"'))
                        break;
                if (!take_char(reader, '\\') || !take_escape(reader))
                        return false;
        }
        *reader->out++ = '\0';
        *ret_text = text;
        return true;
}

static bool take_member(Reader *reader, Member *member)
{
        if (take_word(reader, "\"time\":"))
                return take_number(reader, &member->time);
        if (take_word(reader, "\"rule\":"))
                return take_text(reader, &member->rule);
        if (take_word(reader, "\"text\":"))
                return take_text(reader, &member->text);
        if (take_word(reader, "\"session\":"))
                return take_number(reader, &member->session);
        if (take_word(reader, "\"weight\":"))
                return take_number(reader, &member->weight);
        if (take_word(reader, "\"witnesses\":"))
                return take_number(reader, &member->witnesses);
        member->ahead = true;
        return take_word(reader, "\"ahead\":true");
}

/*
 * The next entry: 1 if there is one, 0 at the end of the list. The grammar is what json_from_...() write: no blanks, flat
 * objects, members of known names (in any order).
 */
static int next_entry(Reader *reader, size_t n_before, Member *ret_member)
{
        *ret_member = (Member){ .weight = 1 };
        if (n_before == 0 && !take_char(reader, '['))
                return -EBADMSG;
        if (take_char(reader, ']'))
                return reader->at == reader->end ? 0 : -EBADMSG;
        if (n_before >= LIST_MAX || (n_before > 0 && !take_char(reader, ',')) || !take_char(reader, '{'))
                return -EBADMSG;
        do {
                if (!take_member(reader, ret_member))
                        return -EBADMSG;
        } while (take_char(reader, ','));
        return take_char(reader, '}') ? 1 : -EBADMSG;
}

static bool text_is_ours(const char *text)
{
        return text && strnlen(text, EVIDENCE_TEXT_MAX) < EVIDENCE_TEXT_MAX && text_is_printable(text);
}

/**
 * json_to_evidence() - the lines of a ban, in scratch->evidence
 *
 * Return: 0; -EBADMSG: this is no list that we wrote; -ENOMEM.
 */
int json_to_evidence(const char *text, size_t size, JsonScratch *scratch, size_t *ret_n)
{
        size_t n = 0, seen = 0;
        Reader reader;
        Member member;
        int r = reader_init(&reader, text, size, scratch);

        if (r < 0)
                return r;
        while ((r = next_entry(&reader, seen++, &member)) > 0)
                if (n < EVIDENCE_MAX && member.time > 0 && text_is_ours(member.rule) && text_is_ours(member.text))
                        scratch->evidence[n++] = (Evidence){ { member.time }, member.rule, member.text };
        if (r == 0)
                *ret_n = n;
        return r;
}

static int entries_grow(JsonScratch *scratch)
{
        size_t wanted = scratch->entries_size > 0 ? scratch->entries_size * 2 : 64;
        WindowEntry *entries = reallocarray(scratch->entries, wanted, sizeof *entries);

        if (!entries)
                return -ENOMEM;
        scratch->entries = entries;
        scratch->entries_size = wanted;
        return 0;
}

/**
 * json_to_entries() - the entries of a window, in scratch->entries
 * @latest:     no entry can be later
 *
 * Return: as json_to_evidence().
 */
int json_to_entries(const char *text, size_t size, EventTime latest, JsonScratch *scratch, size_t *ret_n)
{
        size_t n = 0, seen = 0;
        Reader reader;
        Member member;
        int r = reader_init(&reader, text, size, scratch);

        if (r < 0)
                return r;
        while ((r = next_entry(&reader, seen++, &member)) > 0) {
                if (!text_is_ours(member.rule) || (member.text && !text_is_ours(member.text)) || member.time <= 0 ||
                    member.time > latest.usec || member.weight < 0 || member.weight > UINT16_MAX ||
                    member.witnesses < 0 || member.witnesses > UINT16_MAX)
                        continue;
                if (n > 0 && member.time < scratch->entries[n - 1].time.usec)
                        continue; /* oldest first, or it is not ours */
                if (n == scratch->entries_size && entries_grow(scratch) < 0)
                        return -ENOMEM;
                scratch->entries[n++] = (WindowEntry){ .time = { member.time },
                                                       .session = (uint64_t) member.session,
                                                       .weight = (uint16_t) member.weight,
                                                       .ahead = member.ahead,
                                                       .witnesses = (uint16_t) member.witnesses,
                                                       .rule = member.rule,
                                                       .text = member.text };
        }
        if (r == 0)
                *ret_n = n;
        return r;
}

/* "tcp/22"; moves past it. */
static bool take_port(Reader *reader, Port *ret_port)
{
        int64_t protocol, port;

        if (take_word(reader, "tcp"))
                protocol = IPPROTO_TCP;
        else if (take_word(reader, "udp"))
                protocol = IPPROTO_UDP;
        else if (!take_number(reader, &protocol))
                return false;
        if (!take_char(reader, '/') || !take_number(reader, &port) || protocol <= 0 || protocol > UINT8_MAX || port < 0 ||
            port > UINT16_MAX)
                return false;
        *ret_port = (Port){ .protocol = (uint8_t) protocol, .port = (uint16_t) port };
        return true;
}

/**
 * text_to_ports() - the ports of a ban, in scratch->ports
 *
 * A list that cannot be read must not become "all ports": the whole ban is
 * refused then.
 *
 * Return: as json_to_evidence().
 */
int text_to_ports(const char *text, JsonScratch *scratch, size_t *ret_n)
{
        Reader reader = { .at = text, .end = text + strlen(text) };
        size_t n = 0;

        while (reader.at < reader.end) {
                if (n > 0 && !take_char(&reader, ' '))
                        return -EBADMSG;
                if (n == scratch->ports_size) {
                        Port *more = n < PORTS_MAX ? reallocarray(scratch->ports, n + 16, sizeof *more) : NULL;
                        if (!more)
                                return n < PORTS_MAX ? -ENOMEM : -EBADMSG;
                        scratch->ports = more;
                        scratch->ports_size = n + 16;
                }
                if (!take_port(&reader, &scratch->ports[n]))
                        return -EBADMSG;
                n++;
        }
        *ret_n = n;
        return 0;
}
