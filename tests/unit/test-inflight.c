/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "util/inflight.h"

static char path[64];

/* A run that works on the good line at 1 and 2 and dies on the bad one at 2, unless told to set it aside. */
static bool run(void)
{
        pid_t child = fork();
        int status;

        if (child == 0) {
                _cleanup_(inflight_freep) Inflight *inflight = NULL;

                check_int(inflight_open(path, &inflight), 0);
                check(!inflight_begin(inflight, 1, "good", 4));
                inflight_end(inflight);
                check(!inflight_begin(inflight, 2, "good too", 8));
                inflight_end(inflight);
                if (inflight_begin(inflight, 2, "bad", 3))
                        _exit(7);
                _exit(0);
        }
        waitpid(child, &status, 0);
        check(WIFEXITED(status));
        return WEXITSTATUS(status) == 7;
}

int main(void)
{
        char directory[] = "/tmp/bailiff-inflight-XXXXXX";
        Inflight *inflight;

        check(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/inflight", directory);
        check(!run());
        check(!run());
        check(run());
        check(run()); /* read again, since the disk had not taken it yet: still set aside */
        unlink(path);
        check_int(inflight_open(path, &inflight), 0);
        check(!inflight_begin(inflight, 5, "x", 1));
        inflight_end(inflight);
        inflight_free(inflight);
        check_int(inflight_open(path, &inflight), 0);
        check_int(inflight_crashes(inflight), 0);
        inflight_free(inflight);
        unlink(path);
        rmdir(directory);
        return 0;
}
