/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* AllowSet: the addresses and prefixes that are never banned. */

#include "ban.h"

typedef struct AllowSet AllowSet;

int allow_set_new(AllowSet **ret_set);
AllowSet *allow_set_free(AllowSet *set);
DEFINE_CLEANUP(AllowSet *, allow_set_free)

int allow_set_add(AllowSet *set, const AllowEntry *entry);
int allow_set_remove(AllowSet *set, const Addr *addr);
EventTime allow_set_expire(AllowSet *set, EventTime now);

const AllowEntry *allow_set_find(const AllowSet *set, const Addr *addr);
int allow_set_each(const AllowSet *set, const Addr *inside, AllowVisitor visitor, void *userdata);
