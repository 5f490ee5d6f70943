/* SPDX-License-Identifier: Apache-2.0
 *
 * Trace: what VMs really did for a day, one row per VM, one sample per interval.
 *
 *     g_autoptr(Trace) trace = trace_read_planetlab("planetlab-20110303.txt", &error);
 *     double share = trace_share(trace, vm, sample);       of the VM's own CPU
 *
 * Two public families are read (see data/README.md for their origin and terms):
 *
 *   PlanetLab (CoMon; Park and Pai 2006): CPU only.  One line per VM, `name v0 v1 ...`, whole per cent 0..100, every
 *   line with the same number of samples, 300 s apart.  A space inside a name is written %20.
 *
 *   Bitbrains (GWA-T-12; Shen, van Beek and Iosup 2015): CPU, memory and network.  Two CSV files: what each VM was
 * given (vm,cores,cpu_mhz_provisioned,mem_kb_provisioned) and what it used
 *   (vm,slot,cpu_mhz,mem_kb,disk_read_kbs,disk_write_kbs,net_rx_kbs,net_tx_kbs).  VMs provisioned with no CPU are left
 *   out; a sample above what was provisioned counts as 1; a slot without a line repeats the one before it.
 *
 * Reading is strict: a wrong line is an error that names file, line and what is wrong. */
#pragma once

#include <glib.h>

#define TRACE_INTERVAL_S 300.0

/* What a VM was given by its owner; known for Bitbrains only. */
typedef struct TraceSize {
    guint cores;
    double mhz; /* of all cores together */
    double ram_mib;
} TraceSize;

typedef struct Trace {
    guint vms;
    guint samples; /* per VM */
    double interval_s;
    char **names; /* [vms], NULL-terminated */

    /* CPU: exactly one of the two is there, [vms * samples], VM by VM. */
    guint8 *percent; /* whole per cent of the VM's CPU (PlanetLab) */
    float *share;    /* share of the VM's CPU in [0, 1] (Bitbrains) */

    /* Bitbrains only, else NULL. */
    TraceSize *sizes;     /* [vms] */
    float *ram_share;     /* [vms * samples], of the memory provisioned, in [0, 1] */
    float *net_kib_per_s; /* [vms * samples], received and sent together */
} Trace;

Trace *trace_read_planetlab(const char *path, GError **error);
Trace *trace_read_bitbrains(const char *vms_path, const char *usage_path, GError **error);

/* A trace of the first 'vms' rows of 'trace'; 'vms' must be in 1..trace->vms.  The caller owns the result. */
Trace *trace_head(const Trace *trace, guint vms);

/* A row of one's own making: 'percent' is copied.  For tests and synthetic loads. */
Trace *trace_new_percent(guint vms, guint samples, const guint8 *percent);

static inline double trace_share(const Trace *trace, guint vm, guint sample)
{
    gsize at = (gsize)vm * trace->samples + sample;

    return trace->percent != NULL ? trace->percent[at] / 100.0 : (double)trace->share[at];
}

void trace_free(Trace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trace, trace_free)
