/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * config-print: writes what the build makes of the option table.
 *
 *     config-print schema      the JSON schema that is installed
 *     config-print manual      the list of options in src/man/bailiff.yaml.5.rst, to put there after a change of the table
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util/cleanup.h"

int main(int argc, char *argv[])
{
        _cleanup_free_ char *text = NULL;
        int r = -1;

        if (argc == 2 && strcmp(argv[1], "schema") == 0)
                r = config_schema(&text);
        else if (argc == 2 && strcmp(argv[1], "manual") == 0)
                r = config_options_manual(&text);
        if (r < 0) {
                fputs("usage: config-print schema|manual\n", stderr);
                return EXIT_FAILURE;
        }
        return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
