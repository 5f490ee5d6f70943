/* SPDX-License-Identifier: Apache-2.0
 *
 * Process 1 of a lab guest, once the image's /init has loaded the drivers. */
#include "guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("lab: guest: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout);
    reboot(RB_POWER_OFF);
    for (;;) {
        pause();
    }
}

void verdict_add(Verdict *verdict, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof(verdict->text) - verdict->used_bytes;
    char line[160];

    verdict->wrong++;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof(line) && (size_t)length + 2 < room) {
        verdict->used_bytes += (size_t)sprintf(verdict->text + verdict->used_bytes, "%s\n", line);
    }
}

void guest_verify(Verdict *verdict)
{
    area_pause();
    loads_pause();
    area_verify(verdict);
    loads_verify(verdict);
    fill_verify(verdict);
    disk_verify(verdict);
    loads_resume();
    area_resume();
}

static void setting_set(Settings *settings, const char *key, const char *value)
{
    uint64_t number = strtoull(value, NULL, 10);

    if (!strcmp(key, "name")) {
        snprintf(settings->name, sizeof(settings->name), "%s", value);
    } else if (!strcmp(key, "load")) {
        snprintf(settings->pattern, sizeof(settings->pattern), "%s", value);
    } else if (!strcmp(key, "repeat")) {
        settings->passes_per_letter = number;
    } else if (!strcmp(key, "seed")) {
        settings->seed = number;
    } else if (!strcmp(key, "area")) {
        settings->area_bytes = number;
    } else if (!strcmp(key, "sparse")) {
        settings->sparse_bytes = number;
    } else if (!strcmp(key, "rate")) {
        settings->rate_bytes_per_s = number;
    } else if (!strcmp(key, "fill")) {
        settings->fill_bytes = number;
    } else if (!strcmp(key, "fill_text")) {
        settings->fill_text_bytes = number;
    } else if (!strcmp(key, "fill_copies")) {
        settings->fill_copies_bytes = number;
    } else if (!strcmp(key, "vcpus")) {
        settings->vcpus = (unsigned)number;
    } else if (!strcmp(key, "exec")) {
        settings->exec = number != 0;
    } else {
        die("/etc/lab.conf: unknown setting '%s'", key);
    }
}

/* Lines of key=value; numbers are decimal, sizes in bytes. */
static void settings_read(Settings *settings)
{
    char line[256];
    FILE *file = fopen("/etc/lab.conf", "r");

    if (!file) {
        die("/etc/lab.conf: %s", strerror(errno));
    }
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, '=');

        if (!value) {
            die("/etc/lab.conf: '%s' is not key=value", line);
        }
        *value++ = '\0';
        setting_set(settings, line, value);
    }
    fclose(file);
}

static void reap_for_ever(void)
{
    for (;;) {
        int status = 0;
        int pid = waitpid(-1, &status, 0);

        if (pid > 0) {
            exec_reaped(pid, status);
        } else {
            sleep(1);                   /* no children: nothing to do, nobody waits for this */
        }
    }
}

int main(int argc, char **argv)
{
    static Settings settings;

    if (argc == 2 && strcmp(argv[1], "--loads") == 0) {   /* asked by `lab vm`, outside of any guest */
        loads_print();
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    settings_read(&settings);
    link_start(&settings);
    fill_start(&settings);
    disk_start(settings.seed);
    if (settings.exec) {
        exec_start();
    } else if (load_is_named(settings.pattern)) {
        loads_start(&settings);
    } else if (settings.pattern[0]) {
        area_start(&settings);
    }
    link_set_ready();
    printf("lab: guest %s is ready\n", settings.name);
    reap_for_ever();
}
