/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-fit.c: the rule by example, and against brute force over all placements of random small cases. */
#include "place/place.h"
#include "base/error.h"
#include "base/units.h"

#include <string.h>

static void test_memory_fills_evenly(void)
{
    static const FitVm VMS[] = {{"a", 1 * GIB, 1}, {"b", 4 * GIB, 1}, {"c", 2 * GIB, 1}, {"d", 3 * GIB, 1}};
    static const FitHost HOSTS[] = {{"h1", 16 * GIB, 12 * GIB, 0, 8, 0}, {"h2", 16 * GIB, 11 * GIB, 0, 8, 0}};
    g_autoptr(GError) error = NULL;
    guint destinations[4];

    /* 4 -> h1 (8, 11 left); 3 -> h2 (8, 8); 2 -> h1, the first of two equals (6, 8); 1 -> h2. */
    g_assert_true(place_by_fit(VMS, 4, HOSTS, 2, 4, destinations, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(destinations[1], ==, 0);
    g_assert_cmpuint(destinations[3], ==, 1);
    g_assert_cmpuint(destinations[2], ==, 0);
    g_assert_cmpuint(destinations[0], ==, 1);
}

static void test_share_counts_not_bytes(void)
{
    static const FitVm VM = {"a", 1 * GIB, 1};
    static const FitHost HOSTS[] = {{"large", 64 * GIB, 16 * GIB, 0, 8, 0}, {"small", 8 * GIB, 6 * GIB, 0, 8, 0}};
    guint destination;

    g_assert_true(place_by_fit(&VM, 1, HOSTS, 2, 4, &destination, NULL));
    g_assert_cmpuint(destination, ==, 1);
}

static void test_memory_kept_free_is_kept(void)
{
    static const FitVm VM = {"a", 4 * GIB, 1};
    FitHost host = {"h", 16 * GIB, 6 * GIB, 2 * GIB, 8, 0};
    guint destination;

    g_assert_true(place_by_fit(&VM, 1, &host, 1, 4, &destination, NULL));
    host.keep_free_bytes++;
    g_assert_false(place_by_fit(&VM, 1, &host, 1, 4, &destination, NULL));
    host.keep_free_bytes = 7 * GIB; /* more than there is: not less than nothing */
    g_assert_false(place_by_fit(&VM, 1, &host, 1, 4, &destination, NULL));
}

static void test_vcpus_are_limited(void)
{
    static const FitVm VM = {"a", 1 * GIB, 4};
    FitHost host = {"h", 16 * GIB, 16 * GIB, 0, 4, 4};
    guint destination;

    g_assert_true(place_by_fit(&VM, 1, &host, 1, 2, &destination, NULL));
    g_assert_false(place_by_fit(&VM, 1, &host, 1, 1.99, &destination, NULL));
    host.vcpus_taken = 99;
    g_assert_false(place_by_fit(&VM, 1, &host, 1, 2, &destination, NULL));
}

static void test_refusal_names_what_is_short(void)
{
    static const FitVm VMS[] = {{"small", 1 * GIB, 1}, {"broad", 1 * GIB, 40}, {"huge", 32 * GIB, 1}};
    static const FitHost HOSTS[] = {{"h1", 16 * GIB, 4 * GIB, 0, 8, 0}, {"h2", 16 * GIB, 2 * GIB, 0, 8, 0}};
    g_autoptr(GError) error = NULL;
    guint destinations[3];

    g_assert_false(place_by_fit(VMS, 3, HOSTS, 2, 4, destinations, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED);
    g_assert_nonnull(strstr(error->message, "huge needs 32 GiB"));
    g_assert_nonnull(strstr(error->message, "h1 has only 4 GiB of memory"));
    g_assert_nonnull(strstr(error->message, "broad needs 1 GiB and 40 vCPUs (h1 has only 32 vCPUs"));
    g_assert_null(strstr(error->message, "small"));
}

static void test_no_destination_is_refused(void)
{
    static const FitVm VM = {"a", 1, 1};
    g_autoptr(GError) error = NULL;
    guint destination;

    g_assert_false(place_by_fit(&VM, 1, NULL, 0, 4, &destination, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED);
    g_assert_true(place_by_fit(NULL, 0, NULL, 0, 4, NULL, NULL));
}

typedef struct Case {
    FitVm vms[7];
    FitHost hosts[3];
    guint vms_length;
    guint hosts_length;
} Case;

static void case_init(Case *c, guint32 seed)
{
    static const char *const NAMES[] = {"a", "b", "c", "d", "e", "f", "g"};
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    c->vms_length = (guint)g_rand_int_range(rand, 1, 8);
    c->hosts_length = (guint)g_rand_int_range(rand, 1, 4);
    for (guint i = 0; i < c->vms_length; i++) {
        c->vms[i] =
            (FitVm){NAMES[i], (guint64)g_rand_int_range(rand, 1, 9) * GIB, (guint)g_rand_int_range(rand, 1, 5)};
    }
    for (guint h = 0; h < c->hosts_length; h++) {
        c->hosts[h] = (FitHost){NAMES[h],
                                  32 * GIB,
                                  (guint64)g_rand_int_range(rand, 1, 25) * GIB,
                                  (guint64)g_rand_int_range(rand, 0, 3) * GIB,
                                  4,
                                  (guint)g_rand_int_range(rand, 0, 8)};
    }
}

/* Whether 'destinations' respects all limits: added up from scratch. */
static gboolean is_allowed(const Case *c, double vcpus_per_cpu, const guint *destinations)
{
    for (guint h = 0; h < c->hosts_length; h++) {
        const FitHost *host = &c->hosts[h];
        guint64 ram_bytes = host->keep_free_bytes;
        guint vcpus = host->vcpus_taken;
        gboolean is_used = FALSE;

        for (guint i = 0; i < c->vms_length; i++) {
            if (destinations[i] == h) {
                ram_bytes += c->vms[i].ram_bytes;
                vcpus += c->vms[i].vcpus;
                is_used = TRUE;
            }
        }
        if (is_used && (ram_bytes > host->memory_free_bytes || vcpus > vcpus_per_cpu * host->cpus)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean brute_force_finds_one(const Case *c, double vcpus_per_cpu)
{
    guint destinations[7] = {0};
    guint i = 0;

    while (!is_allowed(c, vcpus_per_cpu, destinations)) {
        for (i = 0; i < c->vms_length && ++destinations[i] == c->hosts_length; i++) {
            destinations[i] = 0;
        }
        if (i == c->vms_length) {
            return FALSE;
        }
    }
    return TRUE;
}

static void test_agrees_with_brute_force(void)
{
    guint placed = 0;
    guint refused = 0;

    for (guint32 seed = 0; seed < 3000; seed++) {
        guint destinations[7];
        Case c;

        case_init(&c, seed);
        if (place_by_fit(c.vms, c.vms_length, c.hosts, c.hosts_length, 3, destinations, NULL)) {
            for (guint i = 0; i < c.vms_length; i++) {
                g_assert_cmpuint(destinations[i], <, c.hosts_length);
            }
            g_assert_true(is_allowed(&c, 3, destinations));
            placed++;
        } else {
            /* Greedy: only a single VM or a single host leaves nothing to be found by trying. */
            if (c.vms_length == 1 || c.hosts_length == 1) {
                g_assert_false(brute_force_finds_one(&c, 3));
            }
            refused++;
        }
    }
    g_assert_cmpuint(placed, >, 300); /* both kinds were really tried */
    g_assert_cmpuint(refused, >, 300);
}

static void test_order_does_not_matter(void)
{
    for (guint32 seed = 0; seed < 500; seed++) {
        guint destinations[7];
        guint turned_destinations[7];
        gboolean fits;
        Case c;
        Case turned;

        case_init(&c, seed);
        for (guint i = 0; i < c.vms_length; i++) {
            c.vms[i].ram_bytes += i; /* no ties */
        }
        turned = c;
        for (guint i = 0; i < c.vms_length; i++) {
            turned.vms[i] = c.vms[c.vms_length - 1 - i];
        }
        fits = place_by_fit(c.vms, c.vms_length, c.hosts, c.hosts_length, 3, destinations, NULL);
        g_assert_cmpint(place_by_fit(turned.vms, c.vms_length, c.hosts, c.hosts_length, 3, turned_destinations, NULL),
                        ==, fits);
        for (guint i = 0; fits && i < c.vms_length; i++) {
            g_assert_cmpuint(turned_destinations[c.vms_length - 1 - i], ==, destinations[i]);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-fit/memory-fills-evenly", test_memory_fills_evenly);
    g_test_add_func("/placer-fit/share-of-memory-counts-not-bytes", test_share_counts_not_bytes);
    g_test_add_func("/placer-fit/memory-kept-free-is-kept", test_memory_kept_free_is_kept);
    g_test_add_func("/placer-fit/vcpus-are-limited", test_vcpus_are_limited);
    g_test_add_func("/placer-fit/refusal-names-each-vm-and-what-is-short", test_refusal_names_what_is_short);
    g_test_add_func("/placer-fit/no-destination-is-refused", test_no_destination_is_refused);
    g_test_add_func("/placer-fit/agrees-with-brute-force", test_agrees_with_brute_force);
    g_test_add_func("/placer-fit/order-of-vms-does-not-matter", test_order_does_not_matter);
    return g_test_run();
}
