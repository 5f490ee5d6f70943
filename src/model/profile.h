/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile: how one VM touched its memory during an observation.
 *
 * Seed 000 section 3.3 and its figure 4: the memory is scanned every S, counts are summed over each period P, and
 * periods are kept over the window T.  A page that was accessed and not written since the last scan counts as one
 * read, one that was written counts as one write, so a page counts at most P/S times in a period.  The series hold
 * these counts divided by P: pages per second. */
#pragma once

#include <glib.h>

#include "base/named.h"

#define PROFILE_FATES(X)                                                                                               \
    X(PROFILE_FATE_COMPLETE, "complete")                                                                               \
    X(PROFILE_FATE_STARTED_LATE, "started-late")   /* the VM appeared after the observation began */                   \
    X(PROFILE_FATE_STOPPED, "stopped")             /* the VM ended while it was observed */                            \
    X(PROFILE_FATE_MIGRATED_AWAY, "migrated-away")                                                                     \
    X(PROFILE_FATE_UNOBSERVED, "unobserved")       /* no tracker could see it; 'note' says why */
NAMED_ENUM_DECLARE(ProfileFate, profile_fate, PROFILE_FATES)

typedef struct Profile {
    char *vm;
    ProfileFate fate;
    gboolean reads_unknown; /* only writes were measured: the read series is 0 and says nothing */
    char *note; /* in words, for people: what limits this measurement; NULL when nothing does */

    gsize periods;                  /* length of both series */
    double *read_pages_per_s;       /* [periods], oldest first */
    double *written_pages_per_s;    /* [periods] */
    double mean_read_pages_per_s;   /* R_j, the mean of all scans: that of the series when none was left out */
    double mean_written_pages_per_s; /* W_j */

    guint64 page_bytes;             /* the unit of the counts above: 4096 */
    guint64 access_grain_bytes;     /* smallest piece the access tracker tells apart: 4096, or 2 MiB with huge pages */
    guint64 write_grain_bytes;
    double written_pages_error;     /* one standard error of mean_written_pages_per_s; 0 when it is exact or unknown */
    double dirty_bytes_per_page;    /* bytes that changed inside a written page, in one scan; NAN when unknown */
    double working_set_bytes;       /* touched in one period, mean; NAN when unknown */
    double write_set_bytes;         /* written at least once in some seconds; NAN when unknown, as both shares */
    double used_share;              /* of its memory that is not zero */
    double compressed_share;        /* what zstd leaves of that */
    char *access_tracker;           /* "clear-refs", "dirty-rate", "null", ... */
    char *write_tracker;            /* "content", ... */
    double cost_cpu_share;          /* of one core, spent by the observer on this VM */
} Profile;

Profile *profile_new(const char *vm, gsize periods);
Profile *profile_copy(const Profile *profile);
void profile_free(Profile *profile);

/* Computes both means from the series. */
void profile_update_means(Profile *profile);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Profile, profile_free)
