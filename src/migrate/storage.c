/* SPDX-License-Identifier: Apache-2.0
 *
 * Which disks both hosts see; see storage.h. */
#include "migrate/storage.h"

NAMED_ENUM_DEFINE(DiskPlace, disk_place, DISK_PLACES)

struct StorageSurvey {
    Driver *driver;
    char *source;
    char *destination;
    GPtrArray *disks; /* VmDisk, owned; in the order of 'surveys' */
    DiskSurvey *surveys;
    FileFacts *before;
    char **paths;
    StorageFunc done;
    gpointer user;
    gboolean is_cancelled;
};

DiskPlace storage_place(const FileFacts *source_before, const FileFacts *source_after, const FileFacts *destination)
{
    if (destination->state == FILE_STATE_ABSENT || destination->state == FILE_STATE_CREATABLE) {
        return DISK_PLACE_SOURCE_ONLY;
    }
    if (source_before->state != FILE_STATE_PRESENT || destination->state != FILE_STATE_PRESENT ||
        !source_before->changed_ns || !destination->changed_ns) {
        return DISK_PLACE_UNKNOWN;
    }
    return destination->changed_ns >= source_before->changed_ns && destination->changed_ns <= source_after->changed_ns
               ? DISK_PLACE_SHARED
               : DISK_PLACE_SEPARATE;
}

static void survey_free(StorageSurvey *survey)
{
    g_free(survey->source);
    g_free(survey->destination);
    g_ptr_array_unref(survey->disks);
    g_free(survey->surveys);
    g_free(survey->before);
    g_strfreev(survey->paths);
    g_free(survey);
}

static void finish(StorageSurvey *survey, const GError *error)
{
    survey->done(survey->surveys, survey->disks->len, error, survey->user);
    survey_free(survey);
}

/* Each of the three answers comes through here; TRUE: go on. */
static gboolean is_answered(StorageSurvey *survey, const GError *error)
{
    if (survey->is_cancelled) {
        survey_free(survey);
        return FALSE;
    }
    if (error) {
        finish(survey, error);
        return FALSE;
    }
    return TRUE;
}

static void on_source_after(const FileFacts *files, const GError *error, gpointer user)
{
    StorageSurvey *survey = user;

    if (!is_answered(survey, error)) {
        return;
    }
    for (guint i = 0; i < survey->disks->len; i++) {
        DiskSurvey *one = &survey->surveys[i];

        one->source = files[i];
        one->place = storage_place(&survey->before[i], &files[i], &one->destination);
    }
    finish(survey, NULL);
}

static void on_destination(const FileFacts *files, const GError *error, gpointer user)
{
    StorageSurvey *survey = user;

    if (!is_answered(survey, error)) {
        return;
    }
    for (guint i = 0; i < survey->disks->len; i++) {
        survey->surveys[i].destination = files[i];
    }
    survey->driver->check_files(survey->driver, survey->source, (const char *const *)survey->paths, on_source_after,
                                survey);
}

static void on_source_before(const FileFacts *files, const GError *error, gpointer user)
{
    StorageSurvey *survey = user;

    if (!is_answered(survey, error)) {
        return;
    }
    for (guint i = 0; i < survey->disks->len; i++) {
        survey->before[i] = files[i];
    }
    survey->driver->check_files(survey->driver, survey->destination, (const char *const *)survey->paths, on_destination,
                                survey);
}

static VmDisk *disk_copy(const VmDisk *disk)
{
    VmDisk *copy = vm_disk_new(disk->target, disk->path, disk->size_bytes);

    copy->is_readonly = disk->is_readonly;
    copy->is_shareable = disk->is_shareable;
    return copy;
}

StorageSurvey *storage_survey_begin(Driver *driver, const char *source, const char *destination, GPtrArray *vm_disks,
                                    StorageFunc done, gpointer user)
{
    StorageSurvey *survey = g_new0(StorageSurvey, 1);
    g_autoptr(GPtrArray) paths = g_ptr_array_new();

    survey->driver = driver;
    survey->source = g_strdup(source);
    survey->destination = g_strdup(destination);
    survey->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vm_disk_free);
    survey->done = done;
    survey->user = user;
    for (guint i = 0; i < vm_disks->len; i++) {
        const VmDisk *disk = g_ptr_array_index(vm_disks, i);

        if (disk->path && !disk->is_readonly) {
            g_ptr_array_add(survey->disks, disk_copy(disk));
            g_ptr_array_add(paths, g_strdup(disk->path));
        }
    }
    g_ptr_array_add(paths, NULL);
    survey->paths = g_memdup2(paths->pdata, paths->len * sizeof(char *));
    survey->surveys = g_new0(DiskSurvey, survey->disks->len + 1);
    survey->before = g_new0(FileFacts, survey->disks->len + 1);
    for (guint i = 0; i < survey->disks->len; i++) {
        survey->surveys[i].disk = g_ptr_array_index(survey->disks, i);
    }
    driver->check_files(driver, source, (const char *const *)survey->paths, on_source_before, survey);
    return survey;
}

void storage_survey_cancel(StorageSurvey *survey)
{
    if (survey) {
        survey->is_cancelled = TRUE; /* freed when the answer comes that is on its way */
    }
}
