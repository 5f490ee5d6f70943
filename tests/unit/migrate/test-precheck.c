/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/migrate/precheck.c, precheck-facts.c and precheck-storage.c: each problem is found, all of them at once,
 * and nothing is touched. */
#include "gang-world.h"
#include "migrate/precheck.h"

static void on_problems(GPtrArray *problems, gpointer user)
{
    *(GPtrArray **)user = problems;
}

static GPtrArray *check(World *world, double vcpus_per_cpu)
{
    GPtrArray *problems = NULL;

    precheck_plan(world->plan, world->hosts, vcpus_per_cpu, world->driver, on_problems, &problems);
    clock_virtual_run_until(world->clock, world->clock->now_ns(world->clock) + 120 * NS_PER_S);
    g_assert_nonnull(problems);
    for (guint i = 0; i < problems->len; i++) {
        const PlanProblem *problem = g_ptr_array_index(problems, i);

        g_assert_true(problem->what && *problem->what && problem->cure && *problem->cure);
    }
    return problems;
}

static gboolean has_problem(GPtrArray *problems, const char *vm, const char *host, const char *part)
{
    for (guint i = 0; i < problems->len; i++) {
        const PlanProblem *problem = g_ptr_array_index(problems, i);

        if (g_strcmp0(problem->vm, vm) == 0 && g_strcmp0(problem->host, host) == 0 && strstr(problem->what, part)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The plan has one problem, and it is this. */
static void expect_one(World *world, const char *vm, const char *host, const char *part)
{
    g_autoptr(GPtrArray) problems = check(world, 4);

    g_assert_cmpuint(problems->len, ==, 1);
    g_assert_true(has_problem(problems, vm, host, part));
}

static void test_a_good_plan_has_none(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    g_autoptr(GPtrArray) problems = NULL;

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_add(world, "c", ALGORITHM_POST_COPY, BUSY_VM);
    problems = check(world, 4);
    g_assert_cmpuint(problems->len, ==, 0);
    g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
    g_assert_cmpint(driver_null_vm_state(world->driver, "b", "vm1"), ==, VM_STATE_ABSENT);
}

static void test_an_empty_plan_has_none(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    g_autoptr(GPtrArray) problems = check(world, 4);

    g_assert_cmpuint(problems->len, ==, 0);
}

static void test_a_silent_host(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_add(world, "b", ALGORITHM_POST_COPY, QUIET_VM);
    driver_null_set_host(world->driver, "b", NULL_HOST_DEAD);
    expect_one(world, NULL, "b", "does not answer"); /* once, not for each VM */
}

static void test_a_vm_that_is_gone(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_plan(world, "ghost", "uuid-of-nobody", "b", ALGORITHM_PRE_COPY);
    expect_one(world, "ghost", "a", "does not run there");
}

static void test_another_vm_of_that_name(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    PlanStep *step = world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);

    g_free(step->uuid);
    step->uuid = g_strdup("uuid-when-planned");
    expect_one(world, "vm1", "a", "another VM of that name");
}

static void test_a_vm_that_is_there_already(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm twin = *QUIET_VM;

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    twin.name = "vm1";
    twin.uuid = "uuid-of-a-twin";
    driver_null_add_vm(world->driver, "b", &twin);
    expect_one(world, "vm1", "b", "runs there already");
}

static void test_source_and_destination_are_one(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_add(world, "a", ALGORITHM_PRE_COPY, QUIET_VM);
    expect_one(world, "vm1", "a", "is source and destination");
}

static void test_a_vm_planned_twice(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_plan(world, "vm1", "uuid-1", "c", ALGORITHM_PRE_COPY);
    expect_one(world, "vm1", NULL, "more than once");
}

/* 64 GiB each: two of 30 GiB fit, with 8 GiB to keep free they do not. */
static void test_memory_of_all_arrivals_together(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm large = {.ram_bytes = 30 * GIB};
    g_autoptr(GPtrArray) problems = NULL;

    world_add(world, "b", ALGORITHM_PRE_COPY, &large);
    world_add(world, "b", ALGORITHM_PRE_COPY, &large);
    problems = check(world, 4);
    g_assert_cmpuint(problems->len, ==, 0);
    world_host(world, "b")->keep_free_bytes = 8 * GIB;
    expect_one(world, NULL, "b", "60 GiB of VMs would arrive");
}

static void test_vcpus_of_all_arrivals_together(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm wide = {.ram_bytes = GIB, .vcpus = 10};
    g_autoptr(GPtrArray) fine = NULL;
    g_autoptr(GPtrArray) tight = NULL;

    world_add(world, "b", ALGORITHM_PRE_COPY, &wide);
    world_add(world, "b", ALGORITHM_PRE_COPY, &wide);
    fine = check(world, 1.25); /* 20 of 20 */
    g_assert_cmpuint(fine->len, ==, 0);
    tight = check(world, 1);
    g_assert_cmpuint(tight->len, ==, 1);
    g_assert_true(has_problem(tight, NULL, "b", "20 vCPUs would arrive"));
}

static void test_a_disk_that_is_not_seen(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm vm = {.ram_bytes = GIB, .disk_path = "/local/disk.img", .is_disk_local = TRUE};

    world_add(world, "b", ALGORITHM_PRE_COPY, &vm);
    expect_one(world, "vm1", "b", "does not see the VM's disk vda (/local/disk.img)");
    world->plan->options.copy_storage = COPY_STORAGE_ALL;
    expect_one(world, "vm1", "b", "has no file for the copy of disk vda");
}

static void test_a_disk_that_both_see(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm vm = {.ram_bytes = GIB, .disk_path = "/shared/disk.img"};
    g_autoptr(GPtrArray) problems = NULL;

    world_add(world, "b", ALGORITHM_PRE_COPY, &vm);
    problems = check(world, 4);
    g_assert_cmpuint(problems->len, ==, 0);
}

static void test_postcopy_does_not_go_with_parallel(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world->plan->options.parallel_connections = 4;
    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_add(world, "b", ALGORITHM_HYBRID, QUIET_VM);
    expect_one(world, "vm2", NULL, "does not go with --parallel");
}

static void test_a_vm_that_somebody_migrates(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    g_autoptr(GPtrArray) problems = NULL;

    world_add(world, "b", ALGORITHM_PRE_COPY, BUSY_VM);
    world_start(world);
    while (gang_progress(world->gang, 0)->phase != PHASE_PERFORM) {
        g_assert_true(world_step(world));
    }
    precheck_plan(world->plan, world->hosts, 4, world->driver, on_problems, &problems);
    clock_virtual_run_until(world->clock, world->clock->now_ns(world->clock) + NS_PER_S);
    g_assert_true(has_problem(problems, "vm1", "a", "migrated by somebody else"));
    g_assert_true(has_problem(problems, "vm1", "b", "is arriving there already"));
}

static void test_all_problems_at_once(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm huge = {.ram_bytes = 60 * GIB, .disk_path = "/local/disk.img", .is_disk_local = TRUE};
    g_autoptr(GPtrArray) problems = NULL;

    world_host(world, "b")->keep_free_bytes = 8 * GIB;
    world_add(world, "b", ALGORITHM_PRE_COPY, &huge);
    world_plan(world, "ghost", "uuid-of-nobody", "b", ALGORITHM_PRE_COPY);
    world_add(world, "c", ALGORITHM_PRE_COPY, QUIET_VM);
    driver_null_set_host(world->driver, "c", NULL_HOST_NO_LIBVIRTD);
    problems = check(world, 4);
    g_assert_cmpuint(problems->len, ==, 4);
    g_assert_true(has_problem(problems, NULL, "b", "would arrive"));
    g_assert_true(has_problem(problems, "vm1", "b", "does not see"));
    g_assert_true(has_problem(problems, "ghost", "a", "does not run"));
    g_assert_true(has_problem(problems, NULL, "c", "does not answer"));
}

/* Whatever call fails: an answer comes, and it is never "all is well" for a question that got none. */
static void test_any_call_may_fail(void)
{
    for (guint n = 1;; n++) {
        g_autoptr(World) world = world_new(POLICY_PAPER);
        g_autoptr(GPtrArray) problems = NULL;
        NullVm vm = {.ram_bytes = GIB, .disk_path = "/shared/disk.img"};

        world_add(world, "b", ALGORITHM_PRE_COPY, &vm);
        driver_null_fail_call(world->driver, n, GODWIT_ERROR_FAILED);
        problems = check(world, 4);
        if (driver_null_calls(world->driver) < n) {
            g_assert_cmpuint(problems->len, ==, 0);
            g_assert_cmpuint(n, >, 6);
            return;
        }
        g_assert_cmpuint(problems->len, >=, 1);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/precheck/a-good-plan-has-none", test_a_good_plan_has_none);
    g_test_add_func("/precheck/an-empty-plan-has-none", test_an_empty_plan_has_none);
    g_test_add_func("/precheck/a-silent-host", test_a_silent_host);
    g_test_add_func("/precheck/a-vm-that-is-gone", test_a_vm_that_is_gone);
    g_test_add_func("/precheck/another-vm-of-that-name", test_another_vm_of_that_name);
    g_test_add_func("/precheck/a-vm-that-is-there-already", test_a_vm_that_is_there_already);
    g_test_add_func("/precheck/source-and-destination-are-one", test_source_and_destination_are_one);
    g_test_add_func("/precheck/a-vm-planned-twice", test_a_vm_planned_twice);
    g_test_add_func("/precheck/memory-of-all-arrivals-together", test_memory_of_all_arrivals_together);
    g_test_add_func("/precheck/vcpus-of-all-arrivals-together", test_vcpus_of_all_arrivals_together);
    g_test_add_func("/precheck/a-disk-that-is-not-seen", test_a_disk_that_is_not_seen);
    g_test_add_func("/precheck/a-disk-that-both-see", test_a_disk_that_both_see);
    g_test_add_func("/precheck/postcopy-does-not-go-with-parallel", test_postcopy_does_not_go_with_parallel);
    g_test_add_func("/precheck/a-vm-that-somebody-migrates", test_a_vm_that_somebody_migrates);
    g_test_add_func("/precheck/all-problems-at-once", test_all_problems_at_once);
    g_test_add_func("/precheck/any-call-may-fail", test_any_call_may_fail);
    return g_test_run();
}
