/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage: which disks of a VM both hosts see, and which are two different files of one name.
 *
 * That a file of the right name and size is at the destination proves nothing: it may be the same one on shared
 * storage, or the empty one that waits for a copy.  A file's inode has one time of change wherever it is seen from; so
 * the source is asked before and after the destination, and the file is shared if the destination's time lies between
 * the source's two.  (Two different files pass only if the destination's was changed in that very moment.)
 *
 *     survey = storage_survey_begin(driver, source, destination, disks, done, user);
 */
#pragma once

#include "migrate/driver.h"

#define DISK_PLACES(X)                                                                                                 \
    X(DISK_PLACE_UNKNOWN, "unknown")   /* a host cannot tell */                                                        \
    X(DISK_PLACE_SHARED, "shared")     /* both hosts see the same file */                                              \
    X(DISK_PLACE_SEPARATE, "separate") /* a file of its own on each host */                                            \
    X(DISK_PLACE_SOURCE_ONLY, "source-only")
NAMED_ENUM_DECLARE(DiskPlace, disk_place, DISK_PLACES)

typedef struct DiskSurvey {
    const VmDisk *disk; /* borrowed */
    DiskPlace place;
    FileFacts source;
    FileFacts destination;
} DiskSurvey;

typedef struct StorageSurvey StorageSurvey;

/* 'disks' are those of the VM that have a path and are writable, in its order. */
typedef void (*StorageFunc)(const DiskSurvey *disks, guint length, const GError *error, gpointer user);

/* 'vm_disks': VmDisk, copied.  'done' comes exactly once; the survey is then gone. */
StorageSurvey *storage_survey_begin(Driver *driver, const char *source, const char *destination, GPtrArray *vm_disks,
                                    StorageFunc done, gpointer user);

/* Without calling 'done'. */
void storage_survey_cancel(StorageSurvey *survey);

/* Whether the disk must be copied to be there: pure, from what both hosts said. */
DiskPlace storage_place(const FileFacts *source_before, const FileFacts *source_after, const FileFacts *destination);
