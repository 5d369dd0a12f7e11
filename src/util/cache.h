/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a processor takes from memory at a time, in bytes; two of them cannot write to one at once. */
#define CACHE_LINE 64
