/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs a fuzz target on files instead of under libFuzzer: the seeds and what
 * fuzzing once found are tests of every build, also where the compiler has no
 * fuzzer. Without a single input it fails, for then it would show nothing.
 *
 * Usage: replay-NAME FILE|DIRECTORY...
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (16u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned n_replayed;

static void die(const char *what, const char *path)
{
        fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
        exit(EXIT_FAILURE);
}

static void replay_file(const char *path, size_t size)
{
        uint8_t *data;
        FILE *file;

        if (size > INPUT_MAX) {
                fprintf(stderr, "%s is larger than %u bytes\n", path, INPUT_MAX);
                exit(EXIT_FAILURE);
        }
        file = fopen(path, "rb");
        if (!file)
                die("cannot open", path);
        /* Exactly as large as the input, so that a sanitizer sees a read behind its end. */
        data = malloc(size ? size : 1);
        if (!data || fread(data, 1, size, file) != size)
                die("cannot read", path);
        fclose(file);
        /* Printed first: when the target aborts, this is the input to look at. */
        printf("%s\n", path);
        fflush(stdout);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
        n_replayed++;
}

static void replay(const char *path)
{
        struct dirent **entries;
        struct stat status;
        int n;

        if (stat(path, &status) < 0)
                die("cannot find", path);
        if (!S_ISDIR(status.st_mode)) {
                replay_file(path, (size_t) status.st_size);
                return;
        }
        n = scandir(path, &entries, NULL, alphasort);
        if (n < 0)
                die("cannot list", path);
        for (int i = 0; i < n; i++) {
                char child[4096];

                if (entries[i]->d_name[0] != '.') {
                        snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
                        replay(child);
                }
                free(entries[i]);
        }
        free(entries);
}

int main(int argc, char **argv)
{
        if (LLVMFuzzerInitialize)
                LLVMFuzzerInitialize(&argc, &argv);
        for (int i = 1; i < argc; i++)
                replay(argv[i]);
        if (n_replayed == 0) {
                fprintf(stderr, "no input to replay; usage: %s FILE|DIRECTORY...\n", argv[0]);
                return EXIT_FAILURE;
        }
        printf("%u inputs\n", n_replayed);
        return EXIT_SUCCESS;
}
