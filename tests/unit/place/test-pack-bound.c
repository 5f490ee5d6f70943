/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/pack-bound.c: each bound by a problem that only it sees, and that no bound is ever above what a
 * packing reached (tests of pack compare with trying everything). */
#include "base/rng.h"
#include "place/pack.h"

static guint bound(const PackVm *vms, guint vms_length, const PackHost *hosts, guint hosts_length)
{
    PackProblem problem = {vms, vms_length, hosts, hosts_length};

    return pack_lower_bound(&problem);
}

static void test_volume_counts_the_scarcer_resource(void)
{
    static const PackHost HOSTS[] = {{10, 10}, {10, 10}, {10, 10}, {10, 10}};
    static const PackVm CPU[] = {{5, 1}, {5, 1}, {5, 1}, {5, 1}, {1, 1}};
    static const PackVm MEMORY[] = {{1, 4}, {1, 4}, {1, 4}, {1, 4}, {1, 4}, {1, 1}};

    g_assert_cmpuint(bound(CPU, 4, HOSTS, 4), ==, 2);
    g_assert_cmpuint(bound(CPU, 5, HOSTS, 4), ==, 3);
    g_assert_cmpuint(bound(MEMORY, 5, HOSTS, 4), ==, 3); /* rounding: 4 + 4 + 4 do not fit */
    g_assert_cmpuint(bound(MEMORY, 6, HOSTS, 4), ==, 3);
}

/* The largest hosts are counted first, of each resource by itself. */
static void test_hosts_may_differ(void)
{
    static const PackHost HOSTS[] = {{4, 20}, {4, 20}, {16, 5}};
    static const PackVm CPU[] = {{4, 1}, {4, 1}, {4, 1}, {4, 1}};
    static const PackVm MEMORY[] = {{1, 10}, {1, 10}, {1, 5}};

    g_assert_cmpuint(bound(CPU, 4, HOSTS, 3), ==, 1);
    g_assert_cmpuint(bound(MEMORY, 3, HOSTS, 3), ==, 2);
}

/* Six VMs of 60 fill 3.6 hosts of 100, but no two share one. */
static void test_rounding_sees_vms_of_which_no_two_fit(void)
{
    PackVm vms[6];
    PackHost hosts[10];

    for (guint i = 0; i < 10; i++) {
        hosts[i] = (PackHost){100, i % 2 ? 100 : 90};
    }
    for (guint i = 0; i < 6; i++) {
        vms[i] = (PackVm){1, 60};
    }
    g_assert_cmpuint(bound(vms, 6, hosts, 10), ==, 6);
}

/* 7, 7, 7 of 10 want a host each and leave room for 3 only; the 4s go elsewhere: 3 + ceil(16 / 10). */
static void test_l2_sees_that_small_ones_do_not_fit_beside_large_ones(void)
{
    static const PackVm VMS[] = {{7, 0}, {7, 0}, {7, 0}, {4, 0}, {4, 0}, {4, 0}, {4, 0}};
    static const PackHost HOSTS[] = {{10, 1}, {10, 1}, {10, 1}, {10, 1}, {10, 1}, {10, 1}};

    g_assert_cmpuint(bound(VMS, 7, HOSTS, 6), ==, 5);
}

static void test_more_than_there_are_means_impossible(void)
{
    static const PackVm VMS[] = {{7, 0}, {7, 0}, {7, 0}};
    static const PackHost HOSTS[] = {{10, 1}, {10, 1}};

    g_assert_cmpuint(bound(VMS, 3, HOSTS, 2), ==, 3);
    g_assert_cmpuint(bound(VMS, 3, NULL, 0), ==, 1);
    g_assert_cmpuint(bound(NULL, 0, HOSTS, 2), ==, 0);
}

/* First fit is a packing, so no bound may be above it. */
static void test_never_above_a_packing(void)
{
    Rng rng = rng_new(99);

    for (guint k = 0; k < 300; k++) {
        PackVm vms[40];
        PackHost hosts[40];
        PackHost left[40];
        guint used = 0;
        guint high = 10 + rng_below(&rng, 90);

        for (guint i = 0; i < 40; i++) {
            left[i] = hosts[i] = k % 2 && i > 0 ? hosts[0] : (PackHost){100 + rng_below(&rng, 100), 100};
            vms[i] = (PackVm){rng_below(&rng, high), rng_below(&rng, high)};
        }
        for (guint i = 0; i < 40; i++) {
            guint host = 0;

            while (left[host].cpu < vms[i].cpu || left[host].memory < vms[i].memory) {
                host++;
            }
            left[host].cpu -= vms[i].cpu;
            left[host].memory -= vms[i].memory;
            used = MAX(used, host + 1);
        }
        g_assert_cmpuint(bound(vms, 40, hosts, 40), <=, used);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pack-bound/volume-counts-the-scarcer-resource", test_volume_counts_the_scarcer_resource);
    g_test_add_func("/pack-bound/hosts-may-differ", test_hosts_may_differ);
    g_test_add_func("/pack-bound/rounding-sees-vms-of-which-no-two-fit", test_rounding_sees_vms_of_which_no_two_fit);
    g_test_add_func("/pack-bound/l2-sees-that-small-ones-do-not-fit-beside-large-ones",
                    test_l2_sees_that_small_ones_do_not_fit_beside_large_ones);
    g_test_add_func("/pack-bound/more-than-there-are-means-impossible", test_more_than_there_are_means_impossible);
    g_test_add_func("/pack-bound/never-above-a-packing", test_never_above_a_packing);
    return g_test_run();
}
