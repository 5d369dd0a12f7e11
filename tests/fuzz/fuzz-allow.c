/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Allow files, resolv.conf, and what bailiff-names and bailiffd tell each other. */

/* What is asserted here is the target's work. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "allow/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const AllowList *list)
{
        for (size_t i = 1; i < list->n_items; i++)
                assert(memcmp(&list->items[i - 1].addr, &list->items[i].addr, sizeof(Addr)) < 0);
}

/* What is taken is written as it was read. */
static void check_answer(const char *line, size_t size)
{
        _cleanup_free_ char *text = NULL;
        NameAnswer answer, again;
        size_t length;

        if (name_answer_parse(line, size, &answer))
                return;
        assert(answer.n_addrs <= NAME_ADDRESSES_MAX);
        assert(name_answers_format(&answer, 1, &text, &length) == 0 && length > 0);
        /* A reason grows when it is made printable, and may be cut then. */
        assert(!name_answer_parse(text, length - 1, &again) && again.n_addrs == answer.n_addrs &&
               again.good.usec == answer.good.usec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char names[NAMES_MAX][NAME_TEXT_MAX];
        const char *text = (const char *) data;
        AllowList file = ALLOW_LIST_NULL, resolvers = ALLOW_LIST_NULL;
        Problem problem = { "" };
        int mistakes = allow_parse_file("f", text, size, &file, &problem);

        assert(mistakes >= 0 && (mistakes > 0) == (problem.text[0] != '\0'));
        for (size_t i = 0; i < file.n_items; i++)
                assert(file.items[i].addr.length > 0);
        check_list(&file);
        assert(allow_parse_resolvers(text, size, &resolvers) == 0);
        check_list(&resolvers);
        assert(names_parse(text, size, names) <= NAMES_MAX);
        for (size_t at = 0; at < size;) {
                const char *end = memchr(text + at, '\n', size - at);
                size_t length = end ? (size_t) (end - (text + at)) : size - at;

                check_answer(text + at, length);
                at += length + 1;
        }
        allow_list_deinit(&file);
        allow_list_deinit(&resolvers);
        return 0;
}
