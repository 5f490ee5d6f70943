/* SPDX-License-Identifier: Apache-2.0
 *
 * PeriodRecord: what the agent measured of one VM in one period P.  It travels from the agent to the controller as the
 * members of one JSON object; the list below makes the struct, the writer and the reader.
 *
 * NAN (null on the wire) means: no window of this kind fell into this period, or no tracker can tell. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#define PERIOD_NUMBERS(X)                                                                                              \
    X(accessed_pages_per_s) /* of 4 KiB, each counted once per window of S */                                          \
    X(written_pages_per_s)                                                                                             \
    X(written_pages_variance) /* of the number above: one standard error, squared */                                   \
    X(dirty_bytes_per_page)   /* changed inside a written page */                                                      \
    X(working_set_bytes)      /* touched within the whole period */                                                    \
    X(write_set_bytes)        /* written at least once in some seconds: what is written again and again */             \
    X(used_share)             /* of the memory that is not zero */                                                     \
    X(compressed_share)       /* what zstd leaves of that */                                                           \
    X(access_windows)         /* how many windows the numbers above rest on */                                         \
    X(write_windows)                                                                                                   \
    X(lateness) /* how much longer than S the windows were: 0.1 is 10 % */                                             \
    X(access_grain_bytes)                                                                                              \
    X(write_grain_bytes)                                                                                               \
    X(huge_share)     /* of the RAM that is mapped by huge pages */                                                    \
    X(cost_cpu_share) /* of one core, spent by the agent on this VM in this period */

#define PERIOD_MEMBER(name) double name;
typedef struct PeriodRecord {
    PERIOD_NUMBERS(PERIOD_MEMBER)
} PeriodRecord;

/* All NAN. */
void period_record_init(PeriodRecord *record);

/* Adds all members to the object that 'builder' is in. */
void period_record_write(const PeriodRecord *record, JsonBuilder *builder);

/* Reads all members; each must be there and be null or a number that is finite and not negative ('lateness' may be). */
gboolean period_record_read(PeriodRecord *record, JsonObject *object, const char *what, GError **error);
