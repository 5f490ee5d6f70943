/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-packing.c. */
#include "report/report-packing.h"
#include "samples.h"
#include "schema-check.h"

#include <string.h>

static Packing *make_packing(const char *name, guint hosts_used, guint constructed, guint bound, double seconds)
{
    static const guint HOST_OF[] = {0, 2, 2};
    Packing *packing = g_new0(Packing, 1);

    *packing = (Packing){g_strdup(name), 3,       9, hosts_used, constructed, bound, 77, seconds,
                         g_memdup2(HOST_OF, sizeof HOST_OF)};
    return packing;
}

static GPtrArray *sample_packings(void)
{
    GPtrArray *packings = g_ptr_array_new_with_free_func((GDestroyNotify)packing_free);

    g_ptr_array_add(packings, make_packing("P1", 5, 6, 4, 0.25));
    g_ptr_array_add(packings, make_packing("P2", 2, G_MAXUINT, 2, 0.75));
    return packings;
}

static void text_shows_each_and_all(void)
{
    g_autoptr(GPtrArray) packings = sample_packings();
    g_autofree char *text = report_packing_text(packings, &PLAIN);

    g_assert_nonnull(strstr(text, "P1          3      5   9         4  25.00 %  -"));
    g_assert_nonnull(strstr(text, "P2          3      2   9         2   0.00 %  best"));
    g_assert_nonnull(strstr(text, "2 instances: 7 hosts used, 6 at least; mean gap 12.50 %, 1 proven best; time per "
                                  "instance 500 ms (median), 750 ms (longest)\n"));
}

static void json_fits_the_schema(void)
{
    g_autoptr(GPtrArray) packings = sample_packings();
    g_autoptr(JsonNode) node = report_packing_json(packings, 3, 50);
    JsonObject *root = json_node_get_object(node);
    JsonArray *instances = json_object_get_array_member(root, "instances");
    JsonObject *first = json_array_get_object_element(instances, 0);
    JsonObject *second = json_array_get_object_element(instances, 1);

    assert_fits_schema("packing", node);
    g_assert_cmpint(json_object_get_int_member(root, "seed"), ==, 3);
    g_assert_cmpint(json_object_get_int_member(root, "effort"), ==, 50);
    g_assert_cmpfloat(json_object_get_double_member(first, "gap_percent"), ==, 25);
    g_assert_false(json_object_get_boolean_member(first, "proven_best"));
    g_assert_cmpint(json_object_get_int_member(first, "hosts_constructed"), ==, 6);
    g_assert_true(json_object_get_boolean_member(second, "proven_best"));
    g_assert_true(json_object_get_null_member(second, "hosts_constructed"));
    g_assert_cmpint(json_array_get_int_element(json_object_get_array_member(second, "host_of"), 1), ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-packing/text-shows-each-and-all", text_shows_each_and_all);
    g_test_add_func("/report-packing/json-fits-the-schema", json_fits_the_schema);
    return g_test_run();
}
