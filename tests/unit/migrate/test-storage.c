/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/migrate/storage.c: what is shared, what is two files of one name; and that a gang copies just those disks
 * that the destination does not see. */
#include "gang-world.h"
#include "migrate/storage.h"

static FileFacts present(gint64 changed_ns)
{
    return (FileFacts){FILE_STATE_PRESENT, GIB, 0, changed_ns};
}

static void test_one_time_is_one_file(void)
{
    FileFacts before = present(100);
    FileFacts after = present(100);
    FileFacts there = present(100);

    g_assert_cmpint(storage_place(&before, &after, &there), ==, DISK_PLACE_SHARED);
    there.changed_ns = 99;
    g_assert_cmpint(storage_place(&before, &after, &there), ==, DISK_PLACE_SEPARATE);
    there.changed_ns = 101;
    g_assert_cmpint(storage_place(&before, &after, &there), ==, DISK_PLACE_SEPARATE);
}

static void test_a_guest_that_writes_meanwhile_is_no_hindrance(void)
{
    FileFacts before = present(100);
    FileFacts after = present(300);
    FileFacts there = present(200);

    g_assert_cmpint(storage_place(&before, &after, &there), ==, DISK_PLACE_SHARED);
    there.changed_ns = 301;
    g_assert_cmpint(storage_place(&before, &after, &there), ==, DISK_PLACE_SEPARATE);
}

static void test_what_cannot_be_told_is_unknown(void)
{
    FileFacts known = present(100);
    FileFacts timeless = present(0);
    FileFacts unknown = {FILE_STATE_UNKNOWN, 0, 0, 0};
    FileFacts absent = {FILE_STATE_ABSENT, 0, 0, 0};
    FileFacts creatable = {FILE_STATE_CREATABLE, 0, 0, 0};

    g_assert_cmpint(storage_place(&known, &known, &unknown), ==, DISK_PLACE_UNKNOWN);
    g_assert_cmpint(storage_place(&unknown, &unknown, &known), ==, DISK_PLACE_UNKNOWN);
    g_assert_cmpint(storage_place(&known, &known, &timeless), ==, DISK_PLACE_UNKNOWN);
    g_assert_cmpint(storage_place(&unknown, &unknown, &absent), ==, DISK_PLACE_SOURCE_ONLY);
    g_assert_cmpint(storage_place(&known, &known, &creatable), ==, DISK_PLACE_SOURCE_ONLY);
}

typedef struct Answer {
    guint length;
    DiskPlace places[4];
    gboolean has_come;
} Answer;

static void on_survey(const DiskSurvey *disks, guint length, const GError *error, gpointer user)
{
    Answer *answer = user;

    g_assert_no_error(error);
    answer->length = length;
    answer->has_come = TRUE;
    for (guint i = 0; i < length; i++) {
        answer->places[i] = disks[i].place;
    }
}

static void test_surveys_writable_disks(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func((GDestroyNotify)vm_disk_free);
    VmDisk *cdrom = vm_disk_new("sda", "/iso", GIB);
    Answer answer = {0};
    NullVm shared = {.ram_bytes = GIB, .disk_path = "/shared"};
    NullVm local = {.ram_bytes = GIB, .disk_path = "/local", .is_disk_local = TRUE};

    world_add(world, "b", ALGORITHM_PRE_COPY, &shared);
    world_add(world, "b", ALGORITHM_PRE_COPY, &local);
    cdrom->is_readonly = TRUE;
    g_ptr_array_add(disks, vm_disk_new("vda", "/shared", GIB));
    g_ptr_array_add(disks, cdrom);
    g_ptr_array_add(disks, vm_disk_new("vdb", "/local", GIB));
    g_ptr_array_add(disks, vm_disk_new("vdc", NULL, 0));
    storage_survey_begin(world->driver, "a", "b", disks, on_survey, &answer);
    clock_virtual_run_until(world->clock, 10 * NS_PER_S);
    g_assert_true(answer.has_come);
    g_assert_cmpuint(answer.length, ==, 2);
    g_assert_cmpint(answer.places[0], ==, DISK_PLACE_SHARED);
    g_assert_cmpint(answer.places[1], ==, DISK_PLACE_SOURCE_ONLY);
}

static void test_a_cancelled_survey_says_nothing(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func((GDestroyNotify)vm_disk_free);
    Answer answer = {0};

    g_ptr_array_add(disks, vm_disk_new("vda", "/shared", GIB));
    storage_survey_cancel(storage_survey_begin(world->driver, "a", "b", disks, on_survey, &answer));
    clock_virtual_run_until(world->clock, 10 * NS_PER_S);
    g_assert_false(answer.has_come);
}

static void test_a_gang_copies_what_is_not_shared(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm vm = {.ram_bytes = GIB, .disk_path = "/local", .is_disk_local = TRUE};

    world->plan->options.copy_storage = COPY_STORAGE_ALL;
    world_add(world, "b", ALGORITHM_PRE_COPY, &vm);
    vm.disk_path = "/shared";
    vm.is_disk_local = FALSE;
    world_add(world, "b", ALGORITHM_PRE_COPY, &vm);
    world_run(world);
    g_assert_cmpuint(gang_outcome_count(world->result, OUTCOME_MIGRATED), ==, 2);
    g_assert_cmpstr(driver_null_copied_disks(world->driver, "vm1"), ==, "vda");
    g_assert_cmpstr(driver_null_copied_disks(world->driver, "vm2"), ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/storage/one-time-is-one-file", test_one_time_is_one_file);
    g_test_add_func("/storage/a-guest-that-writes-meanwhile-is-no-hindrance",
                    test_a_guest_that_writes_meanwhile_is_no_hindrance);
    g_test_add_func("/storage/what-cannot-be-told-is-unknown", test_what_cannot_be_told_is_unknown);
    g_test_add_func("/storage/surveys-writable-disks", test_surveys_writable_disks);
    g_test_add_func("/storage/a-cancelled-survey-says-nothing", test_a_cancelled_survey_says_nothing);
    g_test_add_func("/storage/a-gang-copies-what-is-not-shared", test_a_gang_copies_what_is_not_shared);
    return g_test_run();
}
