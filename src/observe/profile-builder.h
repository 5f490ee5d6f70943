/* SPDX-License-Identifier: Apache-2.0
 *
 * ProfileBuilder: the records of one VM's periods become its Profile (controller side).
 *
 * reads = accessed - written, never below 0.  A period into which no window fell takes the accesses or the writes of
 * the nearest period that has some: the one before, or for the first ones the one after.
 *
 * The means are those of all windows, each with the same weight: where the budget paid for every window of every period
 * that is the mean of the series, and where it did not, a period that rests on one window (or on none) does not weigh
 * as much as one that rests on ten.  The error of the writes says how far the mean may be off because windows differ: by
 * what they did not look at, and by what the VM did between them. */
#pragma once

#include <glib.h>

#include "model/profile.h"
#include "observe/period.h"

typedef struct ProfileBuilder ProfileBuilder;

/* Keeps the last 'periods_most' records. */
ProfileBuilder *profile_builder_new(const char *vm, gsize periods_most);
void profile_builder_free(ProfileBuilder *builder);

/* Forgets all records. */
void profile_builder_clear(ProfileBuilder *builder);

/* What the agent said about the trackers in use; NULL: none for this kind. */
void profile_builder_set_trackers(ProfileBuilder *builder, const char *access_tracker, const char *write_tracker);

/* What limits the measurement, in words; NULL: nothing. */
void profile_builder_set_note(ProfileBuilder *builder, const char *note);

void profile_builder_add(ProfileBuilder *builder, const PeriodRecord *record);

/* What the hypervisor's own calculation said, for all periods alike.  Reads are then unknown: access_tracker is NULL
 * and the series of reads is 0; below DIRTY_RATE_NOISE nothing at all is known and the fate is UNOBSERVED, since a VM
 * that writes little may read much.  Whoever classifies must look at access_tracker before believing in 0 reads. */
#define DIRTY_RATE_NOISE_BYTES_PER_S (2.0 * 1048576.0) /* the calculation counts whole MiB/s */
void profile_builder_set_dirty_rate(ProfileBuilder *builder, double written_pages_per_s, guint64 page_bytes);

/* The caller owns the result.  Fate COMPLETE, or UNOBSERVED when no period says anything. */
Profile *profile_builder_make(const ProfileBuilder *builder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProfileBuilder, profile_builder_free)
