/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the program that runs in a lab guest, and what each offers the others.
 *
 *     guest-main   reads the settings, starts the parts in order, then reaps children for ever
 *     guest-link   the heartbeat, and orders from the collector
 *     guest-area   the load: passes over an area whose right content is always known
 *     guest-loads  loads by name, as the bench of the relay has them; content as well known
 *     guest-fill   memory that is written once and must never change
 *     guest-text   pages of text for these two
 *     guest-disk   marks on the disks
 *     guest-exec   a command of the user's instead of a load
 *
 * guest-main.c calls everything; guest-link calls guest_verify() in its own thread.  A part that
 * cannot do its work says why on the console and ends the program, and with it the VM: a guest
 * that is half ready would make a test lie. */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The settings `lab vm` wrote for this VM, see settings_read(). */
typedef struct Settings {
    char name[32];
    char pattern[64];           /* letters r and w, or a load by name; empty: no load */
    uint64_t passes_per_letter; /* as one run of bw_mem is many passes */
    uint64_t seed;
    uint64_t area_bytes;
    uint64_t sparse_bytes;      /* 0: a write pass writes every word */
    uint64_t rate_bytes_per_s;  /* 0: flat out */
    uint64_t fill_bytes;
    uint64_t fill_text_bytes;
    uint64_t fill_copies_bytes; /* repeats of what fill_bytes begins with */
    unsigned vcpus;
    bool exec;                  /* run /etc/lab.exec instead of a load */
} Settings;

/* Collects differences as text, for people.  Zero it, then hand it to the checks. */
typedef struct Verdict {
    unsigned wrong;
    size_t used_bytes;
    char text[1200];
} Verdict;

/* Counts one difference, and writes it down while there is room. */
void verdict_add(Verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints to the console and ends the VM. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Checks everything while the load stands still between two pages, then lets it go on. */
void guest_verify(Verdict *verdict);

void fill_start(const Settings *settings);
void fill_verify(Verdict *verdict);

/* One worker for each vCPU passes over its own slice of the area. */
void area_start(const Settings *settings);
/* Returns when every worker stands between two pages; they stay there until area_resume(). */
void area_pause(void);
void area_resume(void);
bool area_is_paused(void);
bool area_met_wrong_sum(void);
void area_verify(Verdict *verdict);
uint64_t area_work_bytes(void);
uint64_t area_passes(void);

/* Loads by name: one line "NAME BYTES WHAT IT WRITES" for each, to standard output. */
void loads_print(void);
bool load_is_named(const char *name);
/* Starts the load that settings->pattern names. */
void loads_start(const Settings *settings);
/* Returns when the load stands between two steps; it stays there until loads_resume(), by the same thread. */
void loads_pause(void);
void loads_resume(void);
bool loads_are_paused(void);
void loads_verify(Verdict *verdict);
uint64_t loads_work_bytes(void);
uint64_t loads_steps(void);

/* Writes one page of text: a pure function of what follows the page. */
void text_page(void *page_words, uint64_t seed, uint64_t page, uint64_t version);

/* Writes marks to every disk present, and keeps which there were. */
void disk_start(uint64_t seed);
void disk_verify(Verdict *verdict);

void exec_start(void);
bool exec_has_ended(int *status);
/* The number the command last wrote to /run/work; false when there is none. */
bool exec_work(uint64_t *work);
/* Called by guest-main for each child it reaped. */
void exec_reaped(int pid, int status);

/* Starts the heartbeat; beats say "not ready" until link_set_ready(). */
void link_start(const Settings *settings);
void link_set_ready(void);

#endif
