/* SPDX-License-Identifier: Apache-2.0
 *
 * A command of the user's instead of a load.  Its work is counted if it says so itself: a number
 * in /run/work, in whatever unit, growing. */
#include "guest.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int command_pid;
static atomic_int command_status = -1;

void exec_start(void)
{
    int pid = fork();

    if (pid < 0) {
        die("cannot start the command: %m");
    }
    if (pid == 0) {
        setsid();
        execl("/bin/sh", "sh", "/etc/lab.exec", (char *)NULL);
        _exit(127);
    }
    atomic_store(&command_pid, pid);
}

void exec_reaped(int pid, int status)
{
    if (pid == atomic_load(&command_pid)) {
        atomic_store(&command_status, status);
        printf("lab: the command has ended with status %d\n", status >> 8);
    }
}

bool exec_has_ended(int *status)
{
    int found = atomic_load(&command_status);

    *status = found;
    return found != -1;
}

bool exec_work(uint64_t *work)
{
    char text[32] = "";
    int fd = open("/run/work", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (length <= 0 || text[0] < '0' || text[0] > '9') {
        return false;
    }
    *work = strtoull(text, NULL, 10);
    return true;
}
