/* SPDX-License-Identifier: Apache-2.0
 *
 * SamplerGroup: all VMs of one host, observed within one budget of CPU time (agent side).
 *
 *     group = sampler_group_new(clock, sampler_thread_cpu_ns, &options, endless, &callbacks, user);
 *     sampler_group_add(group, sampler);            for each VM
 *     sampler_group_start(group);                   then run the loop: callbacks
 *
 * All windows are one scan interval S long.  The budget buys windows: half of it those
 * of accesses, half those of writes; each half goes to the VM that waited longest.  A window too dear for what is there
 * is saved up for, so large VMs get fewer windows, never more CPU time; a VM of which even one window would cost more
 * than the whole observation may, is not scanned at all, and its note says so.
 *
 * Main loop only. */
#pragma once

#include <glib.h>

#include "observe/sampler.h"

typedef struct SamplerGroup SamplerGroup;

typedef struct SamplerGroupOptions {
    gint64 scan_ns;
    gint64 period_ns;
    gint64 window_ns;  /* T; the group is done when it is over, unless 'is_endless' */
    double cpu_budget; /* share of one core */
    gboolean is_endless;
    guint64 seed; /* of when windows are opened */
} SamplerGroupOptions;

typedef struct SamplerGroupCallbacks {
    /* One period of one VM is over; counted from 0 since the group's start. */
    void (*on_period)(const Sampler *sampler, guint period, const PeriodRecord *record, gpointer user);
    /* All VMs' records of this period were given out. */
    void (*on_period_end)(guint period, gpointer user);
    /* The VM's process has ended (GODWIT_ERROR_LOST) or a tracker failed: it is no longer observed.  The sampler dies
     * after this. */
    void (*on_gone)(const Sampler *sampler, const GError *error, gpointer user);
    /* T is over: last call. */
    void (*on_done)(gpointer user);
} SamplerGroupCallbacks;

SamplerGroup *sampler_group_new(Clock *clock, CpuTimeFunc cpu_time, const SamplerGroupOptions *options,
                                const SamplerGroupCallbacks *callbacks, gpointer user);

/* The group owns 'sampler'; before or after the start. */
void sampler_group_add(SamplerGroup *group, Sampler *sampler);
void sampler_group_start(SamplerGroup *group);

/* Not to be called from a callback. */
void sampler_group_free(SamplerGroup *group);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SamplerGroup, sampler_group_free)
