/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A log line, made fit for the public.
 *
 * Why a white list. What is private in a line has no form of its own: a user name is any word, and often enough a password
 * that somebody typed in the wrong field; host names, mail addresses, paths, session ids and tags look like whatever their
 * program likes; own addresses need not be on a list of own ones (a NAT's, a proxy's). Whoever looks for secrets finds the ones
 * that he has thought of. So nothing is looked for. A word is shown if it stands literally in a pattern of the filter, for the
 * filter is a file that everybody can read; so is the reported address, which goes out beside the comment anyway. All
 * else is "*", and a form of line that nobody has foreseen comes out as stars.
 *
 *     Failed password for invalid user hunter2 from 203.0.113.5 port 56502 ssh2
 *     Failed password for invalid user * from 203.0.113.5 port *
 *
 * How. A line is a row of pieces between blanks. A piece is made of words, which are letters and digits with what may join
 * them (mail addresses, paths and base64 are one word each), and of marks between words: brackets, quotation marks, commas,
 * colons, equals signs. A word is shown if it is an address equal to the reported one, or known, or made of known ones
 * ("keyboard-interactive/pam"). From the first hidden word of a piece on, known ones are hidden as well: behind "user=" a piece
 * is somebody's text, and "https://h/?user=a&password=b" must not come out as "*user=*password=*". Marks are shown beside what is shown,
 * and hidden between what is hidden. Where several stars would stand in a row there is one. So how many words, parts or characters a
 * secret has is not told. Of marks in a row two are shown.
 *
 * Digits. A word with a digit is never known, also where a pattern holds it ("ssh2", "HTTP/1.1", the status of a request): ports, pids,
 * times, sizes and house numbers are digits, and which is which only their place would tell. One letter alone is no word either,
 * for patterns are full of them: "a group" is "* group", "user's" is "user'*".
 *
 * Other alphabets. Every byte of a character beyond ASCII belongs to a word that is not known, also where it is a blank or a dash
 * there: patterns are written in English, and a name in Greek must not come out in halves. This holds for what is no UTF-8 as well. What is
 * shown is therefore ASCII, always. The \xNN into which text_printable() turns other bytes are hidden as words with digits.
 *
 * Addresses. The reported one is known by its value, and shown as it stands: in upper case, with zeros written out, as
 * ::ffff:203.0.113.5 or ::ffff:cb00:7105; in brackets, before ":port", before a full stop. It has to stand by itself: in
 * "host203.0.113.5.example", "203.0.113.5-static.example", "203.0.113.5/24" or "fe80::1%eth0" it is part of a word that tells more, and is hidden with it.
 * An address that is another one is hidden whole, even if it ends like the reported one. Names made from
 * it ("203-0-113-5.isp.example") are words with digits.
 *
 * What can still get out. A secret that is a word of the filter's patterns, or made of nothing else: the user name "root" in sshd's
 * lines (the filter knows "ROOT LOGIN REFUSED", and letters are compared in either case), a password "password", a host named
 * "mail.login" with Dovecot. These are words that everybody guesses first, and the line does not say that it was one. The filter's author
 * decides: a pattern that names a person or a host of his makes it public. And a line tells what its words say: that
 * a user exists ("invalid user" or not), the mechanism, and the order of things. Whoever minds does without {matches}, as
 * the default comments do.
 */

#include <stdint.h>
#include <string.h>

#include "report.h"

#define ADDRESS_MAX 45          /* the longest text of an address */
#define MARKS_SHOWN 2           /* of those in a row */
#define WORD_LEAST 2

/* What a piece is made of. */
typedef enum ItemKind {
        ITEM_NONE,              /* the piece's beginning or end */
        ITEM_MARKS,
        ITEM_WORD,
        ITEM_ADDRESS,
        ITEM_HIDDEN,
} ItemKind;

typedef struct Item {
        ItemKind kind;
        const char *text;
        size_t size;
} Item;

/**
 * What is being written.
 */
typedef struct Redaction {
        const Addr *addr;
        ReportKnowsWord knows_word;
        void *userdata;
        char *buffer;
        size_t used, room;
        bool full;
} Redaction;

/* Cut between two things, never inside one: half an address is another one. */
static void put(Redaction *out, const char *text, size_t size)
{
        if (out->full || size > out->room - out->used) {
                out->full = true;
                return;
        }
        memcpy(out->buffer + out->used, text, size);
        out->used += size;
}

static void put_star(Redaction *out)
{
        if (out->used == 0 || out->buffer[out->used - 1] != '*')
                put(out, "*", 1);
}

static bool is_blank(char c)
{
        return (unsigned char) c <= ' ' || c == 0x7f;
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A full stop is a mark at the end of a piece, and before another mark. */
static bool is_mark(const char *p, const char *end)
{
        static const char marks[] = "()[]<>{}:;,=\"'";

        return memchr(marks, *p, sizeof marks - 1) || (*p == '.' && (p + 1 == end || memchr(marks, p[1], sizeof marks - 1)));
}

/* ---- words ---- */

static bool is_known(const Redaction *out, const char *word, size_t size)
{
        const char *end = word + size;

        for (const char *p = word; p < end; p++) {
                const char *from = p;

                while (p < end && is_letter(*p))
                        p++;
                if (p - from < WORD_LEAST || !out->knows_word(out->userdata, from, (size_t) (p - from)))
                        return false;
                if (p < end && (!memchr("-_./", *p, 4) || p + 1 == end))
                        return false;
        }
        return size > 0;
}

/* The reported address at a word's beginning, or another one; NONE if it is no address. */
static Item address_item(const Redaction *out, const char *p, const char *end)
{
        size_t most = 0, sizes[3];
        const char *colon;

        while (p + most < end && most <= ADDRESS_MAX && memchr("0123456789abcdefABCDEF:.", p[most], 24))
                most++;
        if (most > ADDRESS_MAX)
                return (Item){ 0 };
        colon = memchr(p, ':', most);
        sizes[0] = sizes[1] = most;
        while (sizes[1] > 0 && (p[sizes[1] - 1] == '.' || p[sizes[1] - 1] == ':'))
                sizes[1]--;
        sizes[2] = colon ? (size_t) (colon - p) : 0; /* 203.0.113.5:443 */
        for (size_t i = 0; i < 3; i++) {
                const char *behind = p + sizes[i];
                Addr addr;

                if (addr_parse(p, sizes[i], &addr) < 0)
                        continue;
                bool alone = behind == end || is_mark(behind, end);
                return (Item){ alone && addr_equal(&addr, out->addr) ? ITEM_ADDRESS : ITEM_HIDDEN, p, sizes[i] };
        }
        return (Item){ 0 };
}

static Item marks_item(const Redaction *out, const char *p, const char *end)
{
        Item item = { ITEM_MARKS, p, 1 };

        while (p + item.size < end && is_mark(p + item.size, end) &&
               (p[item.size] != ':' || address_item(out, p + item.size, end).kind == ITEM_NONE))
                item.size++;
        return item;
}

/* The item at @p of a piece that lasts until @end. An address may begin with a colon, so it is looked for among marks as well. */
static Item next_item(const Redaction *out, const char *p, const char *end)
{
        Item item = address_item(out, p, end);

        if (item.kind == ITEM_ADDRESS)
                return item;
        if (item.kind == ITEM_NONE && is_mark(p, end))
                return marks_item(out, p, end);
        item = (Item){ ITEM_HIDDEN, p, item.size };
        while (p + item.size < end && !is_mark(p + item.size, end))
                item.size++;
        if (is_known(out, p, item.size))
                item.kind = ITEM_WORD;
        return item;
}

/* ---- pieces ---- */

/* Marks, once it is known what stands on both sides. A full stop in front of a word would become a part of it. */
static void put_marks(Redaction *out, const Item *marks, ItemKind before, ItemKind after)
{
        const char *text = marks->text;
        size_t size = marks->size;

        if (before == ITEM_HIDDEN && after == ITEM_HIDDEN)
                return;
        if (size <= MARKS_SHOWN)
                put(out, text, size);
        else if (before == ITEM_HIDDEN)
                put(out, text + size - MARKS_SHOWN, MARKS_SHOWN);
        else
                put(out, text, after != ITEM_NONE && text[1] == '.' ? 1 : MARKS_SHOWN);
}

/* Whether anything of a piece is shown; if not, its marks are not, either. */
static bool shows_something(const Redaction *out, const char *p, const char *end)
{
        bool hiding = false;

        while (p < end) {
                Item item = next_item(out, p, end);

                if (item.kind == ITEM_ADDRESS || (item.kind == ITEM_WORD && !hiding))
                        return true;
                hiding = hiding || item.kind == ITEM_HIDDEN;
                p += item.size;
        }
        return false;
}

static void put_piece(Redaction *out, const char *p, const char *end)
{
        Item marks = { ITEM_MARKS, p, 0 };
        ItemKind before = ITEM_NONE;
        bool hiding = false;

        while (p < end) {
                Item item = next_item(out, p, end);

                p += item.size;
                if (item.kind == ITEM_MARKS) {
                        marks = item;
                        continue;
                }
                if (hiding && item.kind == ITEM_WORD)
                        item.kind = ITEM_HIDDEN;
                put_marks(out, &marks, before, item.kind);
                if (item.kind == ITEM_HIDDEN)
                        put_star(out);
                else
                        put(out, item.text, item.size);
                hiding = hiding || item.kind == ITEM_HIDDEN;
                before = item.kind;
                marks.size = 0;
        }
        put_marks(out, &marks, before, ITEM_NONE);
}

/**
 * report_redact() - what of a log line may be shown to everybody
 * @line:       ended by NUL; printable as a rule, but nothing depends on it
 * @addr:       the reported address
 * @knows_word: whether a word is public; NULL: none is, and then nothing is shown at all
 * @buffer:     takes printable ASCII with a NUL; as long as @line at most, and cut between two words
 * @size:       of @buffer, at least 1
 */
void report_redact(const char *line, const Addr *addr, ReportKnowsWord knows_word, void *userdata, char *buffer, size_t size)
{
        Redaction out = { .addr = addr, .knows_word = knows_word, .userdata = userdata, .buffer = buffer, .room = size - 1 };
        const char *end;

        for (const char *p = line; *p && knows_word && !out.full; p = end) {
                end = p;
                if (is_blank(*p)) {
                        end++;
                        continue;
                }
                while (*end && !is_blank(*end))
                        end++;
                bool shown = shows_something(&out, p, end), starred = out.used > 0 && buffer[out.used - 1] == '*';
                if (!shown && starred)
                        continue;
                if (out.used > 0)
                        put(&out, " ", 1);
                if (shown)
                        put_piece(&out, p, end);
                else
                        put(&out, "*", 1);
        }
        while (out.used > 0 && buffer[out.used - 1] == ' ')
                out.used--;
        buffer[out.used] = '\0';
}
