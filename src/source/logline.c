/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Takes a line of a log file apart.
 *
 * The writer of a message must not choose whose message it is. So nothing is sought: stamp and header either stand where
 * the line begins, one part directly behind the other, or the line has none. Only the stamp of an access log stands
 * further back, behind the name that a client gave; of several it is the last one before the first quotation mark, which
 * no client can write there, for servers escape it.
 *
 * Whether `name: ` is a header or how the message begins cannot be seen; whoever asks knows the names of programs and is
 * asked. A name behind a host and with a pid is a header always: so the line of another program is seen as such.
 */

#include <string.h>
#include <time.h>

#include "logline.h"
#include "source/stamp.h"
#include "util/zone.h"

#define PADDING_MAX 64  /* spaces between a name and its pid, as Fail2Ban's log has them */
#define HOST_MAX 255
#define PID_DIGITS 10
#define PRIORITY_MAX 191

/* The part of the line that is looked at, and who knows names. */
typedef struct Head {
        const char *p, *end;
        const LogLineOptions *options;
        bool (*is_ident)(void *userdata, const char *ident);
        void *userdata;
} Head;

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* What a byte may be part of. */
enum {
        IN_HOST = 1,
        IN_IDENT = 2,
};

static const unsigned char classes[256] = {
        ['0' ... '9'] = IN_HOST | IN_IDENT,
        ['a' ... 'z'] = IN_HOST | IN_IDENT,
        ['A' ... 'Z'] = IN_HOST | IN_IDENT,
        ['_'] = IN_HOST | IN_IDENT,
        ['.'] = IN_HOST | IN_IDENT,
        ['-'] = IN_HOST | IN_IDENT,
        ['/'] = IN_HOST | IN_IDENT,
        ['@'] = IN_HOST | IN_IDENT,
        [':'] = IN_HOST,
        ['%'] = IN_HOST,
        ['+'] = IN_IDENT,
        ['('] = IN_IDENT,
        [')'] = IN_IDENT,
};

static bool is_host_char(char c)
{
        return classes[(unsigned char) c] & IN_HOST;
}

static bool is_ident_char(char c)
{
        return classes[(unsigned char) c] & IN_IDENT;
}

static bool head_char(Head *head, char c)
{
        if (head->p == head->end || *head->p != c)
                return false;
        head->p++;
        return true;
}

/* A space, which goes, or the end. */
static bool head_space(Head *head)
{
        return head->p == head->end || head_char(head, ' ');
}

static void head_blanks(Head *head)
{
        while (head->p < head->end && (*head->p == ' ' || *head->p == '\t'))
                head->p++;
}

static bool head_known(const Head *head, const char *ident)
{
        return head->is_ident && head->is_ident(head->userdata, ident);
}

static bool head_name(Head *head, char ret_name[static LOGLINE_IDENT_MAX])
{
        size_t n = 0;

        while ((size_t) (head->end - head->p) > n && is_ident_char(head->p[n]))
                if (++n == LOGLINE_IDENT_MAX)
                        return false;
        if (n == 0 || *head->p == '-' || *head->p == '.')
                return false;
        memcpy(ret_name, head->p, n);
        ret_name[n] = '\0';
        head->p += n;
        return true;
}

/* "[pid]"; on failure nothing has been taken. */
static bool head_pid(Head *head, int64_t *ret_pid)
{
        const char *digits, *p, *end = head->end;
        int64_t pid = 0;

        if (head->p == end || *head->p != '[')
                return false;
        p = digits = head->p + 1;
        if (end - digits > PID_DIGITS)
                end = digits + PID_DIGITS;
        for (unsigned digit; p < end && (digit = (unsigned char) *p - (unsigned) '0') <= 9; p++)
                pid = pid * 10 + digit;
        if (p == digits || p == head->end || *p != ']')
                return false;
        head->p = p + 1;
        *ret_pid = pid;
        return true;
}

/* "name[pid]: ", "name    [pid]: " or "name: " */
static bool head_tag(Head *head, char ret_name[static LOGLINE_IDENT_MAX], int64_t *ret_pid, bool *ret_padded)
{
        unsigned padding = 0;

        *ret_pid = -1;
        if (!head_name(head, ret_name))
                return false;
        while (padding < PADDING_MAX && head_char(head, ' '))
                padding++;
        *ret_padded = padding > 0;
        if (!head_pid(head, ret_pid) && padding > 0)
                return false;
        return head_char(head, ':') && head_space(head);
}

/* "[name]: " or "[name] ": of a known name only. */
static bool head_bracketed(Head *head, char ret_name[static LOGLINE_IDENT_MAX])
{
        if (!head_char(head, '[') || !head_name(head, ret_name) || !head_char(head, ']'))
                return false;
        (void) head_char(head, ':');
        return head_space(head) && head_known(head, ret_name);
}

/* "host " */
static bool head_host(Head *head)
{
        int n = 0;

        for (; head->p < head->end && is_host_char(*head->p); head->p++)
                if (++n > HOST_MAX)
                        return false;
        return n > 0 && head->p[-1] != ':' && head_char(head, ' ');
}

/*
 * "host ident[pid]: " is a header whoever asks, and nothing behind its bracket but the pid and the colon could change that. So
 * where a line goes on as the last one that had such a header, up to the bracket, that is known.
 *
 * @known: the bytes that it begins with as the last one did, up to the bracket; on failure nothing has been taken.
 */
static bool head_known_header(Head *head, size_t known, LogLine *line)
{
        const LogLineMemory *memory = head->options->memory;
        Head here = *head;
        int64_t pid;

        here.p += known - 1;
        if (!head_pid(&here, &pid) || !head_char(&here, ':') || !head_space(&here))
                return false;
        size_t ident_size = (size_t) memory->header_size - memory->host_size - 1;
        memcpy(line->ident, memory->header + memory->host_size, ident_size);
        line->ident[ident_size] = '\0';
        line->pid = pid;
        line->syslog = true;
        head->p = here.p;
        return true;
}

static bool head_same(Head *head, LogLine *line)
{
        const LogLineMemory *memory = head->options->memory;

        return memory && memory->header_size > 0 && head->end - head->p >= memory->header_size &&
               memcmp(head->p, memory->header, memory->header_size) == 0 && head_known_header(head, memory->header_size, line);
}

static void remember_header(const Head *head, const char *text, size_t host_size, const char *ident)
{
        LogLineMemory *memory = head->options->memory;
        size_t size = host_size + strlen(ident) + 1;

        if (!memory || size > sizeof memory->header)
                return;
        memcpy(memory->header, text, size);
        memory->header_size = (unsigned char) size;
        memory->host_size = (unsigned char) host_size;
        memory->lead_size = 0;
}

/*
 * Under a flood stamp and header are those of the line before, both at once. A stamp that is somebody's own (`date:`) is
 * always read, and one with a priority in front.
 */
static bool head_same_lead(Head *head, LogLine *line)
{
        const LogLineMemory *memory = head->options->memory;

        if (!memory || memory->lead_size == 0 || head->end - head->p < memory->lead_size ||
            memcmp(head->p, memory->lead, memory->lead_size) != 0 || !stamp_holds(memory, head->options) || head->options->dates ||
            !head_known_header(head, memory->lead_size, line))
                return false;
        line->time = memory->time;
        line->zoned = memory->zoned;
        return true;
}

/* The header in front of the message, with or without host. On failure nothing has been taken. */
static bool head_header(Head *head, LogLine *line)
{
        char name[LOGLINE_IDENT_MAX];
        Head here = *head;
        int64_t pid = -1;
        bool padded;

        if (head_same(head, line))
                return true;
        if (head_tag(&here, name, &pid, &padded)) {
                if (!head_known(head, name))
                        return false;
        } else if (here = *head, here.p < here.end && *here.p == '[') {
                pid = -1;
                if (!head_bracketed(&here, name))
                        return false;
        } else {
                if (!head_host(&here))
                        return false;
                size_t host_size = (size_t) (here.p - head->p);
                if (!head_tag(&here, name, &pid, &padded))
                        return false;
                if ((pid < 0 || padded) && !head_known(head, name))
                        return false;
                if (pid >= 0 && !padded)
                        remember_header(head, head->p, host_size, name);
        }
        memcpy(line->ident, name, sizeof name);
        line->pid = pid;
        line->syslog = true;
        head->p = here.p;
        return true;
}

/* "<13>" */
static bool head_priority(Head *head)
{
        Head here = *head;
        int priority = 0, n = 0;

        if (!head_char(&here, '<'))
                return false;
        for (; here.p < here.end && is_digit(*here.p) && n < 3; here.p++, n++)
                priority = priority * 10 + (*here.p - '0');
        if (n == 0 || priority > PRIORITY_MAX || !head_char(&here, '>'))
                return false;
        head->p = here.p;
        return true;
}

static bool head_stamp(Head *head, LogLine *line)
{
        Stamp stamp;
        size_t size = stamp_read(head->options, head->p, (size_t) (head->end - head->p), &stamp);

        if (size == 0)
                return false;
        line->time = stamp.time;
        line->zoned = stamp.zoned;
        head->p += size;
        return true;
}

/* Stamp, blanks and header of a line are to be known again, if stamp and header are those that are remembered. */
static void remember_lead(const LogLineOptions *options, const char *text, const char *header, const char *end)
{
        LogLineMemory *memory = options->memory;

        if (!memory || memory->size == 0 || memory->header_size == 0 || end - header < memory->header_size ||
            memcmp(header, memory->header, memory->header_size) != 0)
                return;
        size_t size = (size_t) (header - text) + memory->header_size;
        if (options->dates || size > sizeof memory->lead)
                return;
        memcpy(memory->lead, text, size);
        memory->lead_size = (unsigned char) size;
}

/* What stands in front of the message where it is not RFC 5424: a stamp, a header, or both. */
static bool head_stamp_and_header(Head *head, const char *text, LogLine *line)
{
        const char *begin = head->p, *header;
        bool stamp = head_stamp(head, line);

        if (stamp)
                head_blanks(head);
        header = head->p;
        if (!head_header(head, line))
                return stamp;
        if (stamp && begin == text)
                remember_lead(head->options, text, header, head->p);
        return true;
}

/* ---- RFC 5424 ---- */

/* A field and the space behind it. */
static bool head_field(Head *head, size_t max, const char **ret_field, size_t *ret_length)
{
        size_t n = 0;

        while ((size_t) (head->end - head->p) > n && head->p[n] > ' ' && head->p[n] <= '~')
                n++;
        if (n == 0 || n > max)
                return false;
        *ret_field = head->p;
        *ret_length = n;
        head->p += n;
        return head_char(head, ' ');
}

/* "-", or elements in brackets, whose values stand in quotation marks with \ as escape. */
static bool head_data(Head *head)
{
        if (head_char(head, '-'))
                return head_space(head);
        if (head->p == head->end || *head->p != '[')
                return false;
        while (head_char(head, '[')) {
                bool quoted = false;

                for (; head->p < head->end && (quoted || *head->p != ']'); head->p++) {
                        if (*head->p == '"')
                                quoted = !quoted;
                        else if (quoted && *head->p == '\\' && head->end - head->p > 1)
                                head->p++;
                }
                if (!head_char(head, ']'))
                        return false;
        }
        return head_space(head);
}

/* What stands behind version and stamp; where it breaks off, the message begins. */
static void head_fields(Head *head, LogLine *line)
{
        const char *host, *app, *process, *id;
        size_t host_length, app_length, process_length, id_length;
        Head here = *head;
        int64_t pid = 0;

        if (!head_field(&here, HOST_MAX, &host, &host_length) || !head_field(&here, LOGLINE_IDENT_MAX - 1, &app, &app_length) ||
            !head_field(&here, 128, &process, &process_length) || !head_field(&here, 32, &id, &id_length))
                return;
        line->syslog = true;
        if (app_length != 1 || *app != '-') {
                memcpy(line->ident, app, app_length);
                line->ident[app_length] = '\0';
        }
        for (size_t i = 0; i < process_length && pid >= 0; i++)
                pid = is_digit(process[i]) && process_length <= PID_DIGITS ? pid * 10 + (process[i] - '0') : -1;
        line->pid = pid;
        /* Where the data is none, the message begins: with the id, if that is no id either. */
        head->p = id_length == 1 && *id == '-' ? here.p : id;
        if (!head_data(&here))
                return;
        if (here.end - here.p >= 3 && memcmp(here.p, "\xef\xbb\xbf", 3) == 0)
                here.p += 3;
        head->p = here.p;
}

/* "1 stamp host ident pid msgid data message" behind the priority */
static bool head_rfc5424(Head *head, LogLine *line)
{
        Head here = *head;

        if (!head_char(&here, '1') || !head_char(&here, ' '))
                return false;
        if (!head_stamp(&here, line) && !head_char(&here, '-'))
                return false;
        if (!head_char(&here, ' '))
                return false;
        head_fields(&here, line);
        head->p = here.p;
        return true;
}

/* ---- Access logs ---- */

/* See the top of this file. Without a quotation mark it is no access log. */
static void access_stamp(const Head *head, LogLine *line)
{
        Stamp stamp = { EVENT_TIME_NONE, false };

        if (stamp_read_access(head->p, (size_t) (head->end - head->p), &stamp) == 0) {
                const char *p = head->p;

                for (; p < head->end && *p != '"'; p++) {
                        if (*p == '\\' && head->end - p > 1)
                                p++;
                        else if (*p == ' ' && head->end - p > 1 && p[1] == '[')
                                stamp_read_access(p + 1, (size_t) (head->end - p - 1), &stamp);
                }
                if (p == head->end)
                        return;
        }
        line->time = stamp.time;
        line->zoned = stamp.zoned;
}

/**
 * logline_parse() - take a line of a log file apart
 * @options:    when it is read, in which zone, and what is known of its file
 * @text:       the line without its line break; it may hold anything
 * @is_ident:   is this the name of a program whose lines are sought? NULL: none is
 * @ret_line:   the parts; its text points into @text
 *
 * A timestamp at the beginning goes, with the white space behind it, and so does a syslog header behind it or without
 * one: `host ident[pid]: ` always, and if @is_ident says yes also `host ident: `, `ident[pid]: `, `ident: `, `[ident] `;
 * `<13>` in front of either; all of RFC 5424 up to the message. An access log's line keeps its timestamp, which is read.
 * What is neither is the message, byte for byte. At most LOGLINE_HEAD_MAX bytes are looked at.
 *
 * A stamp without zone is in that of options->zone: a time that the clock skips is taken as if the clock had not been
 * changed yet; of two equal times it is the later one, if that is not more than a minute ahead of options->now.
 */
void logline_parse(const LogLineOptions *options, const char *text, size_t size,
                   bool (*is_ident)(void *userdata, const char *ident), void *userdata, LogLine *ret_line)
{
        *ret_line = (LogLine){ .text = text, .length = size, .pid = -1 };
        if (size == 0)
                return;
        Head start = { text, text + (size < LOGLINE_HEAD_MAX ? size : LOGLINE_HEAD_MAX), options, is_ident, userdata },
             head = start;
        bool taken = head_same_lead(&head, ret_line) || (head_priority(&head) && head_rfc5424(&head, ret_line));
        if (!taken) {
                ret_line->time = EVENT_TIME_NONE; /* of what looked like RFC 5424 and broke off */
                ret_line->zoned = false;
                taken = head_stamp_and_header(&head, text, ret_line);
        }
        if (!taken) {
                access_stamp(&start, ret_line);
                return;
        }
        ret_line->text = head.p;
        ret_line->length = size - (size_t) (head.p - text);
}

/**
 * logline_stamp() - read the timestamp at the beginning of a text, and nothing else
 * @options:    as for logline_parse()
 * @ret_time:   EVENT_TIME_NONE for one before 1970; untouched if there is none, as is @ret_zoned
 * @ret_zoned:  whether it names its zone, or counts from 1970
 *
 * For a timestamp that stands in a field of its own.
 *
 * Return: the number of its bytes, 0 if there is none.
 */
size_t logline_stamp(const LogLineOptions *options, const char *text, size_t size, EventTime *ret_time, bool *ret_zoned)
{
        Stamp stamp;
        size_t taken = stamp_read(options, text, size < LOGLINE_HEAD_MAX ? size : LOGLINE_HEAD_MAX, &stamp);

        if (taken > 0) {
                *ret_time = stamp.time;
                *ret_zoned = stamp.zoned;
        }
        return taken;
}

/* ---- How it came into its file ---- */

/* "2026/11/24 00:26:16 [error] ": as nginx begins each line of its error log */
static bool is_error_log(const char *text, size_t size)
{
        static const char form[] = "0000/00/00 00:00:00 [";

        if (size < sizeof form - 1)
                return false;
        for (size_t i = 0; i < sizeof form - 1; i++)
                if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
                        return false;
        return true;
}

/**
 * logline_transport() - how a line came into its file, as Line.transport has it
 * @error_log:  of the file; false at first
 *
 * nginx writes what clients send into its error log as it is, line breaks too (and escapes it in the access log). So whoever
 * sends a request can put whole lines there, in the form of an access log or with the header of a syslog daemon. In front of
 * them stands the first part of his own line, which begins with nginx's timestamp: a file that has such lines is an error log,
 * and lines that begin otherwise are no longer believed there. Those that begin alike cannot be told from nginx's own; rules
 * say whether they take such a file's lines at all.
 */
const char *logline_transport(bool *error_log, const LogLine *parts, const char *text, size_t size)
{
        if (is_error_log(text, size))
                *error_log = true;
        else if (*error_log)
                return "mixed";
        return parts->syslog || *parts->ident ? "syslog" : "file";
}

/**
 * logline_zone_changed() - look at TZ and /etc/localtime again, and load the host's zone anew if either is another
 *
 * To be called after setenv("TZ"), and where lines come at a time that is not expected: the calling thread keeps what it
 * has read once. It costs a stat(2).
 *
 * Return: whether the zone was loaded anew.
 */
bool logline_zone_changed(void)
{
        tzset();
        return zone_host_changed();
}
