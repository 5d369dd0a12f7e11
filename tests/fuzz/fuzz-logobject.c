/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lines that are JSON objects, as they come from a container and are put together, whoever wrote them: what goes out lies in its
 * buffer, nothing that waits is longer than a line, and a message that was given up does not go on.
 *
 * Input: a byte for the members, then lines. '~' stands for 8 KiB, so that messages become long.
 */

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logobject.h"

#define REPEAT 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char line[LOGOBJECT_MAX + 1], buffer[LOGOBJECT_BUFFER];
static volatile unsigned seen;

static bool is_ident(void *userdata, const char *ident)
{
        return *ident == 's';
}

/* A sanitizer sees whether all of it may be read. */
static void look(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                seen += (unsigned char) text[i];
}

static void give_up(const LogObjectStyle *style, LogSplit *split)
{
        uint32_t print = split->print;
        bool waits = split->text;
        LogLine parts;
        char *text = logsplit_give_up(style, split, &parts);

        assert(!split->text && (!waits || split->cut == print));
        assert(!text || (waits && !style->names.address && parts.text >= text && parts.text + parts.length == text + LOGLINE_MAX));
        if (text) {
                assert(parts.length > LINE_LENGTH_MAX);
                look(text, LOGLINE_MAX);
        }
        free(text);
}

/* Return: whether there is a whole message now. */
static bool take(const LogObjectStyle *style, LogSplit *split, LogObject *object)
{
        LogSplitStep step;
        bool cut;

        if (logsplit_is_stale(split, object))
                give_up(style, split);
        cut = split->cut == object->print;
        step = logsplit_take(style, split, object);
        assert((step == LOGSPLIT_PASSED) == cut);
        assert(!split->text || ((step == LOGSPLIT_WAITS || step == LOGSPLIT_FULL) && split->length <= LINE_LENGTH_MAX));
        if (step == LOGSPLIT_FULL)
                give_up(style, split);
        return step == LOGSPLIT_WHOLE;
}

static void hand_out(const LogObjectStyle *style, LogObject *object)
{
        const LogLine *parts = &object->parts;

        assert(parts->text >= object->text && parts->text + parts->length == object->text + object->length);
        assert(object->text + object->length <= buffer + sizeof buffer);
        assert(!object->cut || parts->length > LINE_LENGTH_MAX);
        if (logobject_address(&style->names, object))
                assert(parts->text >= buffer);
        look(parts->text, parts->length);
}

/* Return: the line's length, with all that '~' stands for, cut as a reader cuts it. */
static size_t expand(const uint8_t *text, size_t size)
{
        size_t length = 0;

        for (size_t i = 0; i < size && length < sizeof line; i++) {
                size_t n = text[i] == '~' ? REPEAT : 1;

                if (n > sizeof line - length)
                        n = sizeof line - length;
                memset(line + length, text[i], n);
                length += n;
        }
        return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const JsonNames names[] = { { NULL, NULL, NULL }, { NULL, NULL, "ip" }, { "a.b", "a.t", "a.c.ip" }, { "log", "time", "a" } };
        LogLineMemory memory = { 0 };
        LogSplit splits[2] = { { NULL } };
        bool error_logs[2] = { false, false };
        const uint8_t *p = data + 1, *end = data + size;

        if (size < 2)
                return 0;
        const LogObjectStyle style = { .names = names[data[0] % 4],
                                       .options = { .now = { INT64_C(1795867200) * USEC_PER_SEC }, .memory = &memory },
                                       .is_ident = is_ident };

        while (p < end) {
                const uint8_t *line_end = memchr(p, '\n', (size_t) (end - p));
                size_t length = (size_t) ((line_end ? line_end : end) - p);
                LogObject object;

                if (logobject_read(&style, line, expand(p, length), buffer, &object)) {
                        assert(!object.part || object.print);
                        logobject_transport(error_logs, &object);
                        if (object.print == 0 || take(&style, &splits[object.err], &object))
                                hand_out(&style, &object);
                }
                p = line_end ? line_end + 1 : end;
        }
        give_up(&style, &splits[0]);
        give_up(&style, &splits[1]);
        return 0;
}
