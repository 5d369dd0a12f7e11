/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Layers of a configuration, separated by a byte 0xff: whatever they say, they
 * are refused with a place, or what is dumped reads back to the same.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LAYERS_MAX 4

static void must(bool good)
{
        if (!good)
                abort();
}

static int add_text(Layers *layers, const char *text, size_t size, Problem *problem)
{
        YamlDocument *document = NULL;
        int r = yaml_read_memory("fuzz.yaml", text, size, &document, problem);

        return r < 0 ? r : layers_add(layers, document);
}

static int visit_difference(void *userdata, const ConfigChange *change)
{
        return 1;
}

static void check_dump(const Config *config, bool origin)
{
        _cleanup_(layers_freep) Layers *layers = calloc(1, sizeof *layers);
        _cleanup_(config_freep) Config *again = NULL;
        _cleanup_free_ char *text = NULL, *plain = NULL, *second = NULL;

        must(config_dump(config, origin, &text) == 0 && config_dump(config, false, &plain) == 0);
        must(add_text(layers, text, strlen(text), NULL) == 0);
        must(config_build("dump", layers, false, &again, NULL) == 0);
        must(config_dump(again, false, &second) == 0 && strcmp(plain, second) == 0);
        must(config_compare(config, again, visit_difference, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *) data, *end = text + size;
        _cleanup_(layers_freep) Layers *layers = calloc(1, sizeof *layers);
        _cleanup_(config_freep) Config *config = NULL;
        Problem problem = { "" };
        int r = 0;

        for (unsigned i = 0; i < LAYERS_MAX && text < end && r == 0; i++) {
                const char *stop = memchr(text, 0xff, (size_t) (end - text));

                if (!stop)
                        stop = end;
                r = add_text(layers, text, (size_t) (stop - text), &problem);
                text = stop < end ? stop + 1 : end;
        }
        if (r == 0)
                r = config_build("fuzz.yaml", layers, false, &config, &problem);
        if (r < 0) {
                must(!config && strncmp(problem.text, "fuzz.yaml:", 10) == 0);
                return 0;
        }
        check_dump(config, false);
        check_dump(config, true);
        return 0;
}
