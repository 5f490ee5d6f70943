/* SPDX-License-Identifier: Apache-2.0
 *
 * The pure half of the pre-checks for disks: a writable disk is either seen by both hosts or copied, and what is copied
 * needs a place to go to.  What a host cannot tell is not held against the plan; libvirt checks it at the start. */
#include "migrate/precheck-private.h"

#include "base/units.h"

static void judge_not_copied(Precheck *precheck, const PlanStep *step, const DiskSurvey *survey)
{
    const VmDisk *disk = survey->disk;

    if (survey->place == DISK_PLACE_SOURCE_ONLY) {
        precheck_add(precheck, step->vm, step->destination,
                     g_strdup_printf("does not see the VM's disk %s (%s)", disk->target, disk->path),
                     g_strdup("mount the shared storage there, or make a file of the same size there and use "
                              "--copy-storage all"));
    } else if (survey->place == DISK_PLACE_SEPARATE) {
        precheck_add(
            precheck, step->vm, step->destination,
            g_strdup_printf("has another file than the source for disk %s (%s)", disk->target, disk->path),
            g_strdup("use --copy-storage all to overwrite it with the VM's disk, or mount the shared storage"));
    }
}

static void judge_target_size(Precheck *precheck, const PlanStep *step, const DiskSurvey *survey)
{
    g_autofree char *has = size_format(survey->destination.size_bytes);
    g_autofree char *needs = size_format(survey->source.size_bytes);

    if (survey->destination.size_bytes && survey->source.size_bytes &&
        survey->destination.size_bytes < survey->source.size_bytes) {
        precheck_add(precheck, step->vm, step->destination,
                     g_strdup_printf("the file for disk %s (%s) is too small for the copy: %s, needed are %s",
                                     survey->disk->target, survey->disk->path, has, needs),
                     g_strdup("make it as large as at the source"));
    }
}

static void judge_space(Precheck *precheck, const PlanStep *step, const DiskSurvey *survey)
{
    g_autofree char *free_text = size_format(survey->destination.space_bytes);
    g_autofree char *needs = size_format(survey->source.size_bytes);

    if (survey->destination.space_bytes && survey->destination.space_bytes < survey->source.size_bytes) {
        precheck_add(precheck, step->vm, step->destination,
                     g_strdup_printf("no room for a copy of disk %s (%s): %s free, needed are %s", survey->disk->target,
                                     survey->disk->path, free_text, needs),
                     g_strdup("free space there"));
    }
}

static void judge_copied(Precheck *precheck, const PlanStep *step, const DiskSurvey *survey)
{
    const VmDisk *disk = survey->disk;

    if (survey->destination.state == FILE_STATE_ABSENT) {
        precheck_add(precheck, step->vm, step->destination,
                     g_strdup_printf("has no file for the copy of disk %s (%s)", disk->target, disk->path),
                     g_strdup("make one of the same size there, or a storage pool for its directory"));
    } else if (survey->destination.state == FILE_STATE_CREATABLE) {
        judge_space(precheck, step, survey);
    } else if (survey->destination.state == FILE_STATE_PRESENT) {
        judge_target_size(precheck, step, survey);
    }
}

void precheck_judge_disks(Precheck *precheck, const PlanStep *step, const DiskSurvey *disks, guint length)
{
    gboolean is_copying = precheck->plan->options.copy_storage != COPY_STORAGE_NONE;

    for (guint i = 0; i < length; i++) {
        if (disks[i].disk->is_shareable || disks[i].place == DISK_PLACE_SHARED) {
            continue;
        }
        if (is_copying) {
            judge_copied(precheck, step, &disks[i]);
        } else {
            judge_not_copied(precheck, step, &disks[i]);
        }
    }
}
