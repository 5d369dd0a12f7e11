/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* ElementList: what the kernel's sets should hold for one address. */

#include "ban/record.h"

typedef struct ElementList {
        Element *elements;
        size_t n_elements;
        size_t n_allocated;
} ElementList;

#define ELEMENT_LIST_NULL ((ElementList){ .elements = NULL })

int element_list_reserve(ElementList *list, size_t n);
void element_list_collect(ElementList *list, const BanRecord *bans, EventTime now);
void element_list_compare(const ElementList *before, const ElementList *after, EventTime now, ElementList *changes);
size_t element_list_bound(const BanRecord *bans);
void element_list_deinit(ElementList *list);
