/* SPDX-License-Identifier: Apache-2.0
 *
 * place: which VM goes to which destination.
 *
 * By fit, for now: VMs by decreasing memory, each to the destination with room whose free memory will be largest after
 * all arrivals placed so far, in relation to what it has (so that hosts fill evenly); ties go to the host named first.
 * Room means memory minus what must be kept free, and vCPUs no more than 'vcpus_per_cpu' times the host's CPUs.  Pure. */
#pragma once

#include <glib.h>

#include "model/host.h"

typedef struct FitHost {
    const char *name;
    guint64 memory_bytes;
    guint64 memory_free_bytes;
    guint64 keep_free_bytes;
    guint cpus;
    guint vcpus_taken;
} FitHost;

typedef struct FitVm {
    const char *name;
    guint64 ram_bytes;
    guint vcpus;
} FitVm;

/* Fills destinations[i] with an index into 'hosts' for each VM.  When something does not fit, the result is FALSE
 * with GODWIT_ERROR_REFUSED naming every VM that found no room and what was short. */
gboolean place_by_fit(const FitVm *vms, guint vms_length, const FitHost *hosts, guint hosts_length,
                      double vcpus_per_cpu, guint *destinations, GError **error);
