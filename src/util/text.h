/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Small services for text and files. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int text_read_file(const char *path, size_t max, char **ret_text, size_t *ret_size);
int text_write_file(const char *path, const char *text, size_t size, unsigned mode);
const char *text_nearest(const char *word, const char *const known[], size_t n_known);
bool text_is_name(const char *word);
bool text_is_printable(const char *text);
size_t text_character(const char *text, size_t size);
uint64_t text_hash(const void *bytes, size_t size);
size_t text_printable(const char *text, size_t size, char *buffer, size_t buffer_size);
