/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/pack.c and the files behind it: against trying everything on a few VMs, on problems made so that the
 * best packing is known, and on an excerpt of the published instances (data/vmp). */
#include "place/pack.h"
#include "base/error.h"
#include "base/rng.h"
#include "place/vmp-file.h"

#include <string.h>

#define SMALL_VMS   7u
#define SMALL_HOSTS 4u

static PackResult *pack_ok(const PackProblem *problem, guint64 seed, guint effort)
{
    PackOptions options;
    g_autoptr(GError) error = NULL;

    pack_options_init(&options);
    options.seed = seed;
    options.effort = effort;
    PackResult *result = pack(problem, &options, &error);
    g_assert_no_error(error);
    g_autofree char *wrong = pack_check(problem, result->host_of);
    g_assert_cmpstr(wrong, ==, NULL);
    g_assert_cmpuint(result->lower_bound, <=, result->hosts_used);
    return result;
}

static gboolean has_room(const PackProblem *problem, const guint *host_of, guint placed, guint vm, guint host)
{
    guint64 cpu = problem->vms[vm].cpu;
    guint64 memory = problem->vms[vm].memory;

    for (guint i = 0; i < placed; i++) {
        cpu += host_of[i] == host ? problem->vms[i].cpu : 0;
        memory += host_of[i] == host ? problem->vms[i].memory : 0;
    }
    return cpu <= problem->hosts[host].cpu && memory <= problem->hosts[host].memory;
}

/* All ways to place the VMs from 'vm' on, 'used' (a bit per host) being in use so far. */
static void try_all(const PackProblem *problem, guint vm, guint *host_of, guint used, guint *best)
{
    if (vm == problem->vms_length) {
        *best = MIN(*best, (guint)__builtin_popcount(used));
        return;
    }
    for (guint host = 0; host < problem->hosts_length; host++) {
        if (has_room(problem, host_of, vm, vm, host)) {
            host_of[vm] = host;
            try_all(problem, vm + 1, host_of, used | 1u << host, best);
        }
    }
}

/* G_MAXUINT: there is no packing. */
static guint fewest_hosts(const PackProblem *problem)
{
    guint host_of[SMALL_VMS];
    guint best = G_MAXUINT;

    try_all(problem, 0, host_of, 0, &best);
    return best;
}

static void small_problem(Rng *rng, PackVm *vms, PackHost *hosts, PackProblem *problem)
{
    gboolean is_uniform = rng_below(rng, 2) == 0;

    for (guint i = 0; i < SMALL_VMS; i++) {
        vms[i] = (PackVm){rng_below(rng, 8), 1 + rng_below(rng, 8)};
    }
    for (guint i = 0; i < SMALL_HOSTS; i++) {
        hosts[i] = is_uniform && i > 0 ? hosts[0] : (PackHost){6 + rng_below(rng, 12), 6 + rng_below(rng, 12)};
    }
    *problem = (PackProblem){vms, SMALL_VMS, hosts, SMALL_HOSTS};
}

static void test_small_problems_are_packed_best(void)
{
    Rng rng = rng_new(20220401);
    guint packed = 0;
    guint refused = 0;

    for (guint k = 0; k < 150; k++) {
        PackVm vms[SMALL_VMS];
        PackHost hosts[SMALL_HOSTS];
        PackProblem problem;
        PackOptions options;
        g_autoptr(GError) error = NULL;

        small_problem(&rng, vms, hosts, &problem);
        pack_options_init(&options);
        options.effort = 10;
        guint fewest = fewest_hosts(&problem);
        g_autoptr(PackResult) result = pack(&problem, &options, &error);
        if (fewest == G_MAXUINT) {
            g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED);
            refused++;
            continue;
        }
        g_assert_no_error(error);
        g_autofree char *wrong = pack_check(&problem, result->host_of);
        g_assert_cmpstr(wrong, ==, NULL);
        g_assert_cmpuint(result->hosts_used, ==, fewest);
        g_assert_cmpuint(result->lower_bound, <=, fewest);
        packed++;
    }
    g_assert_cmpuint(packed, >, 30); /* both kinds were there */
    g_assert_cmpuint(refused, >, 5);
}

/* Hosts cut into pieces without waste: the fewest hosts are known, and the search has to find an exact fit. */
static void test_full_hosts_are_found_again(void)
{
    enum { HOSTS = 20, PIECES = 6 };
    Rng rng = rng_new(7);
    PackVm vms[HOSTS * PIECES];
    PackHost hosts[2 * HOSTS];

    for (guint host = 0; host < 2 * HOSTS; host++) {
        hosts[host] = (PackHost){64, 200};
    }
    for (guint host = 0; host < HOSTS; host++) {
        PackVm rest = {64, 150 + rng_below(&rng, 50)};

        for (guint i = 0; i < PIECES; i++) {
            guint pieces = PIECES - i;
            PackVm piece = {1 + rng_below(&rng, (guint)(2 * rest.cpu / pieces - 1)),
                            1 + rng_below(&rng, (guint)(2 * rest.memory / pieces - 1))};

            piece.cpu = MIN(piece.cpu, rest.cpu - pieces + 1);
            piece.memory = MIN(piece.memory, rest.memory - pieces + 1);
            piece = i + 1 == PIECES ? rest : piece;
            vms[host * PIECES + i] = piece;
            rest.cpu -= piece.cpu;
            rest.memory -= piece.memory;
        }
    }
    PackProblem problem = {vms, G_N_ELEMENTS(vms), hosts, G_N_ELEMENTS(hosts)};
    g_autoptr(PackResult) result = pack_ok(&problem, 1, 100);
    g_autoptr(PackResult) constructed = pack_ok(&problem, 1, 0);
    g_assert_cmpuint(result->lower_bound, ==, HOSTS);
    g_assert_cmpuint(result->hosts_used, ==, HOSTS);
    g_assert_cmpuint(constructed->hosts_used, >, HOSTS); /* or the search had nothing to do */
    g_assert_cmpuint(constructed->hosts_used, ==, result->hosts_constructed);
    g_assert_cmpuint(constructed->moves, ==, 0);
}

/* Neither kind of host is better: three of one and one of the other are needed, wherever they stand in the list. */
static void test_the_right_hosts_are_opened(void)
{
    static const PackVm VMS[] = {{8, 1}, {8, 1}, {8, 1}, {8, 1}, {8, 1}, {8, 1}, {1, 8}, {1, 8}};
    static const PackHost HOSTS[] = {{2, 16}, {2, 16}, {2, 16}, {2, 16}, {16, 2}, {16, 2}, {16, 2}, {16, 2}};
    PackProblem problem = {VMS, G_N_ELEMENTS(VMS), HOSTS, G_N_ELEMENTS(HOSTS)};
    g_autoptr(PackResult) result = pack_ok(&problem, 3, 100);

    g_assert_cmpuint(result->hosts_used, ==, 4);
}

static GPtrArray *excerpt(const char *set)
{
    g_autofree char *path = g_strdup_printf("%s/vmp/%s.txt", DATA_DIR, set);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    GPtrArray *instances = vmp_parse(text, path, &error);
    g_assert_no_error(error);
    return instances;
}

/* The last one is below the best known value (76). */
static void test_published_instances_are_packed_best(void)
{
    static const struct {
        const char *set;
        guint hosts[2];
    } EXPECTED[] = {{"A100", {13, 13}}, {"A300", {39}}, {"B100", {16, 16}}, {"C100", {21, 18}}, {"C400", {75}}};

    for (guint k = 0; k < G_N_ELEMENTS(EXPECTED); k++) {
        g_autoptr(GPtrArray) instances = excerpt(EXPECTED[k].set);

        for (guint i = 0; i < instances->len; i++) {
            const VmpInstance *instance = g_ptr_array_index(instances, i);
            g_autoptr(PackResult) result = pack_ok(&instance->problem, 1, 100);

            g_assert_cmpuint(result->hosts_used, ==, EXPECTED[k].hosts[i]);
            g_assert_cmpuint(result->lower_bound, ==, result->hosts_used); /* proven */
        }
    }
}

static void test_same_seed_same_packing(void)
{
    g_autoptr(GPtrArray) instances = excerpt("C400");
    const PackProblem *problem = &((const VmpInstance *)g_ptr_array_index(instances, 0))->problem;
    g_autoptr(PackResult) once = pack_ok(problem, 5, 100);
    g_autoptr(PackResult) again = pack_ok(problem, 5, 100);
    g_autoptr(PackResult) other = pack_ok(problem, 6, 100);

    g_assert_cmpuint(once->moves, ==, again->moves);
    g_assert_cmpmem(once->host_of, once->vms_length * sizeof(guint), again->host_of, again->vms_length * sizeof(guint));
    g_assert_cmpint(memcmp(once->host_of, other->host_of, once->vms_length * sizeof(guint)), !=, 0);
}

/* In bytes nothing divides evenly, and sums are large. */
static void test_bytes_are_as_good_as_units(void)
{
    const guint64 gib = G_GUINT64_CONSTANT(1) << 30;
    PackVm vms[16];
    PackHost hosts[6];

    for (guint i = 0; i < 6; i++) {
        hosts[i] = (PackHost){64000, 256 * gib};
    }
    for (guint i = 0; i < 16; i++) {
        vms[i] = (PackVm){i % 2 ? 12000 : 20000, i % 2 ? 100 * gib + i : 28 * gib - i};
    }
    PackProblem problem = {vms, G_N_ELEMENTS(vms), hosts, G_N_ELEMENTS(hosts)};
    g_autoptr(PackResult) result = pack_ok(&problem, 1, 100);
    g_assert_cmpuint(result->hosts_used, ==, result->lower_bound);
}

static void test_nothing_needs_no_host(void)
{
    PackHost host = {1, 1};
    PackProblem problem = {NULL, 0, &host, 1};
    PackProblem nothing = {NULL, 0, NULL, 0};
    g_autoptr(PackResult) result = pack_ok(&problem, 1, 100);
    g_autoptr(PackResult) neither = pack_ok(&nothing, 1, 100);

    g_assert_cmpuint(result->hosts_used, ==, 0);
    g_assert_cmpuint(neither->hosts_used, ==, 0);
}

static void assert_refused(const PackVm *vms, guint vms_length, const PackHost *hosts, guint hosts_length, int code,
                           const char *words)
{
    PackProblem problem = {vms, vms_length, hosts, hosts_length};
    PackOptions options;
    g_autoptr(GError) error = NULL;

    pack_options_init(&options);
    g_assert_null(pack(&problem, &options, &error));
    g_assert_error(error, GODWIT_ERROR, code);
    g_assert_nonnull(strstr(error->message, words));
}

static void test_impossible_is_refused_with_a_reason(void)
{
    static const PackHost HOSTS[] = {{10, 10}, {20, 5}};
    static const PackVm LARGE[] = {{1, 1}, {11, 6}};
    static const PackVm MANY[] = {{9, 1}, {9, 1}, {9, 1}, {9, 1}};
    static const PackHost EQUAL[] = {{10, 10}, {10, 10}};
    static const PackVm TIGHT[] = {{9, 0}, {2, 6}, {2, 6}}; /* no two fit together, and no bound sees it */
    static const PackVm HUGE[] = {{PACK_LARGEST_SUM - 20, 1}};

    assert_refused(LARGE, 2, HOSTS, 2, GODWIT_ERROR_REFUSED, "VM 1 (cpu 11, memory 6) is larger than every host");
    assert_refused(MANY, 4, HOSTS, 2, GODWIT_ERROR_REFUSED, "4 VMs need more than the 2 hosts have");
    assert_refused(TIGHT, 3, EQUAL, 2, GODWIT_ERROR_REFUSED, "no way was found");
    assert_refused(HUGE, 1, HOSTS, 2, GODWIT_ERROR_INPUT, "larger unit");
    assert_refused(LARGE, 1, NULL, 0, GODWIT_ERROR_REFUSED, "larger than every host");
}

static void test_check_finds_what_is_wrong(void)
{
    static const PackVm VMS[] = {{4, 4}, {4, 4}};
    static const PackHost HOSTS[] = {{8, 7}, {4, 4}};
    static const guint GOOD[] = {0, 1};
    static const guint CROWDED[] = {0, 0};
    static const guint NOWHERE[] = {0, 2};
    PackProblem problem = {VMS, 2, HOSTS, 2};
    g_autofree char *good = pack_check(&problem, GOOD);
    g_autofree char *crowded = pack_check(&problem, CROWDED);
    g_autofree char *nowhere = pack_check(&problem, NOWHERE);

    g_assert_cmpstr(good, ==, NULL);
    g_assert_nonnull(strstr(crowded, "host 0 has 8 cpu and 7 memory, and is given 8 and 8"));
    g_assert_cmpstr(nowhere, ==, "VM 1 is on no host");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pack/small-problems-are-packed-best", test_small_problems_are_packed_best);
    g_test_add_func("/pack/full-hosts-are-found-again", test_full_hosts_are_found_again);
    g_test_add_func("/pack/the-right-hosts-are-opened", test_the_right_hosts_are_opened);
    g_test_add_func("/pack/published-instances-are-packed-best", test_published_instances_are_packed_best);
    g_test_add_func("/pack/same-seed-same-packing", test_same_seed_same_packing);
    g_test_add_func("/pack/bytes-are-as-good-as-units", test_bytes_are_as_good_as_units);
    g_test_add_func("/pack/nothing-needs-no-host", test_nothing_needs_no_host);
    g_test_add_func("/pack/impossible-is-refused-with-a-reason", test_impossible_is_refused_with_a_reason);
    g_test_add_func("/pack/check-finds-what-is-wrong", test_check_finds_what_is_wrong);
    return g_test_run();
}
