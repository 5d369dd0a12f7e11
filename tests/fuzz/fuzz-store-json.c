/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Columns that hold lists: whatever stands in the file is refused or read, and what was read survives being written again. */

/* What is asserted here is the target's work. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "store/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const Evidence *evidence, size_t n)
{
        JsonScratch scratch = { 0 };
        _cleanup_free_ char *text = json_from_evidence(evidence, n);
        size_t n_again = 0;

        assert(json_to_evidence(text, strlen(text), &scratch, &n_again) == 0 && n_again == n);
        for (size_t i = 0; i < n; i++)
                assert(scratch.evidence[i].time.usec == evidence[i].time.usec &&
                       strcmp(scratch.evidence[i].rule, evidence[i].rule) == 0 &&
                       strcmp(scratch.evidence[i].text, evidence[i].text) == 0);
        json_scratch_deinit(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        JsonScratch scratch = { 0 };
        _cleanup_free_ char *text = strndup((const char *) data, size);
        size_t n = 0;

        if (!text)
                return 0;
        if (json_to_evidence((const char *) data, size, &scratch, &n) == 0)
                again(scratch.evidence, n);
        if (json_to_entries((const char *) data, size, (EventTime){ INT64_MAX }, &scratch, &n) == 0) {
                _cleanup_free_ char *written = json_from_entries(scratch.entries, n);
                size_t n_again = 0;

                assert(json_to_entries(written, strlen(written), (EventTime){ INT64_MAX }, &scratch, &n_again) == 0 &&
                       n_again == n);
        }
        if (text_to_ports(text, &scratch, &n) == 0) {
                _cleanup_free_ char *written = text_from_ports(scratch.ports, n);
                size_t n_again = 0;

                assert(text_to_ports(written, &scratch, &n_again) == 0 && n_again == n);
        }
        json_scratch_deinit(&scratch);
        return 0;
}
