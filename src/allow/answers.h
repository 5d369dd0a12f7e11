/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What bailiffd and bailiff-names tell each other, line by line:
 *
 *     names      office.example.net
 *     answers    office.example.net 1795332660 192.0.2.7 2001:db8::7
 *                gone.example.net 1795332000 192.0.2.8 ! Name or service not known
 *                never.example.net 0 ! Temporary failure in name resolution
 *
 * The number is when the addresses were the answer, in seconds since 1970; what
 * follows "!" is why the last attempt failed.
 */

#include "util/addr.h"
#include "util/clock.h"

#define NAMES_MAX 100
#define NAME_ADDRESSES_MAX 16
#define NAME_TEXT_MAX 254
#define NAME_ERROR_MAX 128
#define NAMES_FILE_MAX (256 * 1024) /* bytes of either file */

typedef struct NameAnswer {
        char name[NAME_TEXT_MAX];
        EventTime good;         /* EVENT_TIME_NONE: never */
        Addr addrs[NAME_ADDRESSES_MAX];
        size_t n_addrs;
        char error[NAME_ERROR_MAX]; /* "": the last attempt succeeded */
} NameAnswer;

bool name_is_host(const char *text, size_t size);
size_t names_parse(const char *text, size_t size, char names[static NAMES_MAX][NAME_TEXT_MAX]);
bool name_addr_is_usable(const Addr *addr);
const char *name_answer_parse(const char *line, size_t size, NameAnswer *ret_answer);
int name_answers_format(const NameAnswer *answers, size_t n_answers, char **ret_text, size_t *ret_size);
int names_write_file(const char *path, const char *text, size_t size, unsigned mode);
