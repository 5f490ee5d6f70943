/* SPDX-License-Identifier: Apache-2.0
 *
 * model/migrate-options.c: every row of the table can be set, told, written and read. */
#include "model/migrate-options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"

#include <string.h>

static void test_sets_by_kind(void)
{
    MigrateOptions options;
    g_autoptr(GError) error = NULL;

    migrate_options_init(&options);
    g_assert_cmpint(options.downtime_limit_ns, ==, 300 * NS_PER_MS);
    g_assert_true(options.peer_to_peer);
    g_assert_true(migrate_options_set(&options, "downtime-limit", "30ms", &error));
    g_assert_true(migrate_options_set(&options, "bandwidth", "1gbit", &error));
    g_assert_true(migrate_options_set(&options, "on-stuck", "abort", &error));
    g_assert_true(migrate_options_set(&options, "peer-to-peer", "no", &error));
    g_assert_true(migrate_options_set(&options, "parallel", "4", &error));
    g_assert_no_error(error);
    g_assert_cmpint(options.downtime_limit_ns, ==, 30 * NS_PER_MS);
    g_assert_cmpuint(options.bandwidth_bytes_per_s, ==, 125000000);
    g_assert_cmpint(options.on_stuck, ==, STUCK_ACTION_ABORT);
    g_assert_false(options.peer_to_peer);
    g_assert_cmpuint(options.parallel_connections, ==, 4);
}

static void test_bad_values_are_usage_errors(void)
{
    static const char *const BAD[][2] = {{"downtime-limit", "soon"}, {"bandwidth", "fast"}, {"parallel", "-1"},
                                         {"on-stuck", "pray"},       {"tls", "maybe"},      {"copy-storage", "some"},
                                         {"relay", "perhaps"},       {"relay-memory", "a lot"}};

    for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
        MigrateOptions options;
        MigrateOptions before;
        g_autoptr(GError) error = NULL;

        migrate_options_init(&options);
        before = options;
        g_assert_false(migrate_options_set(&options, BAD[i][0], BAD[i][1], &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE);
        g_assert_nonnull(strstr(error->message, BAD[i][0]));
        g_assert_nonnull(strstr(error->message, BAD[i][1]));
        g_assert_cmpmem(&options, sizeof options, &before, sizeof before);
    }
}

static void count_row(const char *name, const char *argument, const char *help, gpointer user)
{
    MigrateOptions options;
    g_autoptr(GError) error = NULL;

    migrate_options_init(&options);
    g_assert_cmpuint(strlen(help), >, 10);
    if (!argument) { /* a BOOL row takes both words */
        g_assert_true(migrate_options_set(&options, name, "yes", &error));
        g_assert_true(migrate_options_set(&options, name, "no", &error));
    }
    (*(guint *)user)++;
}

static void test_every_row_is_told(void)
{
    guint rows = 0;
    MigrateOptions options;
    g_autoptr(JsonBuilder) builder = json_builder_new();

    migrate_options_init(&options);
    migrate_options_each(count_row, &rows);
    json_builder_begin_object(builder);
    migrate_options_add_json(&options, builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    g_assert_cmpuint(json_object_get_size(json_node_get_object(node)), ==, rows);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/migrate-options/sets-each-kind-from-its-text", test_sets_by_kind);
    g_test_add_func("/migrate-options/bad-values-are-usage-errors-and-change-nothing", test_bad_values_are_usage_errors);
    g_test_add_func("/migrate-options/every-row-is-told-and-written", test_every_row_is_told);
    return g_test_run();
}
