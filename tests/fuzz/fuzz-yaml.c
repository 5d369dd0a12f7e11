/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The YAML reader, and a filter's file: whatever the text, it is taken or refused with words. */

#include <assert.h>
#include <string.h>

#include "filter.h"
#include "util/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char LINE[] = "Failed password for root from 203.0.113.5 port 40112 ssh2";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *) data;
        _cleanup_(yaml_document_freep) YamlDocument *document = NULL;
        _cleanup_(filter_freep) Filter *filter = NULL;
        Problem problem = { "" };

        if (yaml_read_memory("fuzz", text, size, &document, &problem) < 0)
                assert(*problem.text && !document);
        problem.text[0] = '\0';
        if (filter_load_memory("fuzz.yaml", text, size, NULL, "fuzz", &filter, &problem) < 0) {
                assert(*problem.text && !filter);
                return 0;
        }
        Line line = { .text = LINE, .length = sizeof LINE - 1, .time = { 1 }, .ident = "fuzz", .pid = 1, .source = "fuzz" };
        Hit hit;
        unsigned failed;

        filter_match(filter, &line, &hit);
        filter_self_test(filter, NULL, NULL, &failed);
        return 0;
}
