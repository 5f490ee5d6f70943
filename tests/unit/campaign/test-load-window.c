/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/load-window.c on the null world: what a window knows of busy, idle, absent and moved VMs. */
#include "campaign/load-window.h"
#include "base/units.h"
#include "migrate/driver-null.h"

#include <math.h>

typedef struct Fixture {
    Clock *clock;
    Driver *driver;
    LoadWindow *window;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->clock = clock_virtual_new();
    fixture->driver = driver_null_new(fixture->clock);
    driver_null_add_host(fixture->driver, "a", 4, 16 * GIB);
    driver_null_add_host(fixture->driver, "b", 4, 16 * GIB);
    driver_null_add_vm(fixture->driver, "a",
                       &(NullVm){.name = "busy", .uuid = "u-busy", .ram_bytes = GIB, .busy_cores = 1.5});
    driver_null_add_vm(fixture->driver, "b", &(NullVm){.name = "idle", .uuid = "u-idle", .ram_bytes = 2 * GIB});
    fixture->window = load_window_new(fixture->driver, fixture->clock, NS_PER_S);
    load_window_add_host(fixture->window, "a");
    load_window_add_host(fixture->window, "b");
    load_window_add_host(fixture->window, "a"); /* twice is once */
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    load_window_free(fixture->window);
    while (clock_virtual_next_ns(fixture->clock) >= 0) { /* questions on their way have their answers yet to come */
        clock_virtual_run_until(fixture->clock, clock_virtual_next_ns(fixture->clock));
    }
    fixture->driver->close(fixture->driver);
    fixture->clock->close(fixture->clock);
}

static void test_counts_cores(Fixture *fixture, gconstpointer data)
{
    guint length = 0;

    load_window_start(fixture->window);
    clock_virtual_run_until(fixture->clock, 10 * NS_PER_S + NS_PER_S / 2);
    load_window_stop(fixture->window);
    g_assert_cmpuint(load_window_rounds(fixture->window), ==, 11);
    const double *cores = load_window_cores(fixture->window, "u-busy", &length);
    g_assert_cmpuint(length, ==, 10); /* between eleven answers */
    g_assert_cmpfloat_with_epsilon(cores[0], 1.5, 1e-6);
    g_assert_cmpfloat_with_epsilon(load_window_mean_cores(fixture->window, "u-busy"), 1.5, 1e-6);
    g_assert_cmpfloat(load_window_mean_cores(fixture->window, "u-idle"), ==, 0);
    g_assert_true(isnan(load_window_mean_cores(fixture->window, "nobody")));
    g_assert_cmpuint(load_window_memory_bytes(fixture->window, "u-idle"), ==, 2 * GIB);
}

static void test_a_silent_host_leaves_a_gap(Fixture *fixture, gconstpointer data)
{
    guint length = 0;

    load_window_start(fixture->window);
    clock_virtual_run_until(fixture->clock, 2 * NS_PER_S + NS_PER_S / 2);
    driver_null_set_host(fixture->driver, "a", NULL_HOST_NO_LIBVIRTD);
    clock_virtual_run_until(fixture->clock, 20 * NS_PER_S);
    g_assert_nonnull(load_window_host_error(fixture->window, "a"));
    g_assert_null(load_window_host_error(fixture->window, "b"));
    load_window_cores(fixture->window, "u-busy", &length);
    g_assert_cmpuint(length, ==, 2);
    load_window_cores(fixture->window, "u-idle", &length);
    g_assert_cmpuint(length, >=, 18); /* the other is asked on time */
}

/* Freed with questions on their way: the answers find nobody, and nothing is used after it was freed. */
static void test_may_be_freed_at_any_time(Fixture *fixture, gconstpointer data)
{
    load_window_start(fixture->window);
    g_clear_pointer(&fixture->window, load_window_free);
    clock_virtual_run_until(fixture->clock, NS_PER_S);
    g_assert_cmpint(clock_virtual_next_ns(fixture->clock), ==, -1); /* and nobody asks again */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/load-window/counts-cores", Fixture, NULL, set_up, test_counts_cores, tear_down);
    g_test_add("/load-window/a-silent-host-leaves-a-gap", Fixture, NULL, set_up, test_a_silent_host_leaves_a_gap,
               tear_down);
    g_test_add("/load-window/may-be-freed-at-any-time", Fixture, NULL, set_up, test_may_be_freed_at_any_time,
               tear_down);
    return g_test_run();
}
