/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/cli/cli-options.c and cli-table.c. */
#include "base/units.h"
#include "cli/cli-options.h"

#include <stdlib.h>

static const CliSpec SPEC = {.verb = "test",
                             .usage = "VM...",
                             .summary = "Tests",
                             .details = "Details.",
                             .groups = CLI_GROUPS_PLANNING | CLI_GROUP_RUN};

/* Parses the words of 'line'. */
static CliOptions *parse(const char *line, int *status)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);

    return cli_options_parse(&SPEC, (int)g_strv_length(words), words, status);
}

static void values_reach_their_places(void)
{
    int status = -1;
    g_autoptr(CliOptions) options =
        parse("test vm1 vm2 --from h1 --to=h2,h3 --to h4 --policy hybrid --features raw --alpha 0.5 --observe --scan "
              "100ms --period 2s --window 20s --budget 2% --seed 7 --no-agent --json --no-color -vv --dry-run --save f "
              "--inventory i",
              &status);

    g_assert_nonnull(options);
    g_assert_cmpuint(options->arguments->len, ==, 2);
    g_assert_cmpstr(options->arguments->pdata[1], ==, "vm2");
    g_assert_null(options->arguments->pdata[2]);
    g_assert_cmpuint(options->to->len, ==, 3);
    g_assert_cmpstr(options->to->pdata[2], ==, "h4");
    g_assert_null(options->to->pdata[3]);
    g_assert_cmpstr(options->from, ==, "h1");
    g_assert_cmpint(options->campaign.policy, ==, POLICY_HYBRID);
    g_assert_cmpint(options->campaign.classify.features, ==, FEATURES_RAW);
    g_assert_cmpfloat(options->campaign.classify.alpha, ==, 0.5);
    g_assert_true(options->campaign.must_observe);
    g_assert_cmpint(options->campaign.observe.scan_ns, ==, 100 * NS_PER_MS);
    g_assert_cmpint(options->campaign.observe.period_ns, ==, 2 * NS_PER_S);
    g_assert_cmpint(options->campaign.observe.window_ns, ==, 20 * NS_PER_S);
    g_assert_cmpfloat(options->campaign.observe.cpu_budget, ==, 0.02);
    g_assert_cmpuint(options->campaign.observe.seed, ==, 7);
    g_assert_false(options->campaign.observe.use_agent);
    g_assert_true(options->is_json && options->without_colours && options->is_dry_run);
    g_assert_cmpuint(options->verbosity, ==, 2);
    g_assert_cmpstr(options->save_path, ==, "f");
    g_assert_cmpstr(options->inventory_path, ==, "i");
}

static void migrate_options_come_from_their_table(void)
{
    int status = -1;
    g_autoptr(CliOptions) options = parse(
        "test --downtime-limit 30ms --bandwidth 1gbit --on-stuck abort --tls --no-persist --copy-storage all", &status);

    g_assert_nonnull(options);
    g_assert_cmpint(options->campaign.migrate.downtime_limit_ns, ==, 30 * NS_PER_MS);
    g_assert_cmpuint(options->campaign.migrate.bandwidth_bytes_per_s, ==, 125000000);
    g_assert_cmpint(options->campaign.migrate.on_stuck, ==, STUCK_ACTION_ABORT);
    g_assert_true(options->campaign.migrate.tls);
    g_assert_false(options->campaign.migrate.persist);
    g_assert_cmpint(options->campaign.migrate.copy_storage, ==, COPY_STORAGE_ALL);
}

static void paper_is_the_default_and_adaptive_its_other_name(void)
{
    int status = -1;
    g_autoptr(CliOptions) bare = parse("test", &status);
    g_autoptr(CliOptions) adaptive = parse("test --policy hybrid --policy adaptive", &status);

    g_assert_cmpint(bare->campaign.policy, ==, POLICY_PAPER);
    g_assert_cmpint(adaptive->campaign.policy, ==, POLICY_PAPER);
    g_assert_cmpuint(bare->to->len, ==, 0);
    g_assert_null(bare->to->pdata[0]);
}

static void given_options_are_remembered_by_group(void)
{
    int status = -1;
    g_autoptr(CliOptions) options = parse("test --no-tls -v", &status);

    g_assert_cmpstr(cli_options_given(options, CLI_GROUP_MIGRATE), ==, "no-tls");
    g_assert_cmpstr(cli_options_given(options, CLI_GROUP_OUTPUT), ==, "verbose");
    g_assert_null(cli_options_given(options, CLI_GROUP_POLICY | CLI_GROUP_OBSERVE));
}

/* In a process of its own, since the message goes to standard error. */
static void mistake(gconstpointer data)
{
    const char *const *pair = data; /* line, what the message says */
    int status = -1;

    if (g_test_subprocess()) {
        g_autoptr(CliOptions) options = parse(pair[0], &status);
        g_assert_null(options);
        exit(status);
    }
    g_autofree char *pattern = g_strdup_printf("*godwit test: *%s*; see 'godwit test --help'\n", pair[1]);
    g_test_trap_subprocess(NULL, 0, 0);
    g_assert_false(g_test_trap_has_passed());
    g_test_trap_assert_stderr(pattern);
}

static void help_lists_every_option(void)
{
    int status = -1;

    if (g_test_subprocess()) {
        g_autoptr(CliOptions) options = parse("test --help", &status);
        g_assert_null(options);
        exit(status);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*usage: godwit test VM...*--from HOST*--downtime-limit TIME*--no-persist*--json*");
}

int main(int argc, char **argv)
{
    static const char *const MISTAKES[][2] = {
        {"test --bogus", "--bogus"},
        {"test --from", "--from"},
        {"test --json=yes", "--json takes no value"},
        {"test --no-tls=yes", "--no-tls takes no value"},
        {"test --tls=perhaps", "--tls takes no value"},
        {"test --alpha 0", "--alpha: '0' is not a number above 0"},
        {"test --alpha nan", "--alpha: 'nan'"},
        {"test --policy fast", "--policy: 'fast' is no policy"},
        {"test --scan 0", "--scan: '0' is not a duration above 0"},
        {"test --window soon", "--window: "},
        {"test --budget 200%", "--budget: '200%'"},
        {"test --seed -1", "--seed: '-1'"},
        {"test --to h1,,h2", "--to: 'h1,,h2'"},
        {"test --downtime-limit x", "--downtime-limit: "},
        {"test --on-stuck pray", "--on-stuck: 'pray'"},
        {"test --max-outgoing -3", "--max-outgoing: "},
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli-options/values-reach-their-places", values_reach_their_places);
    g_test_add_func("/cli-options/migrate-options-come-from-their-table", migrate_options_come_from_their_table);
    g_test_add_func("/cli-options/paper-is-the-default-and-adaptive-its-other-name",
                    paper_is_the_default_and_adaptive_its_other_name);
    g_test_add_func("/cli-options/given-options-are-remembered-by-group", given_options_are_remembered_by_group);
    g_test_add_func("/cli-options/help-lists-every-option", help_lists_every_option);
    for (gsize i = 0; i < G_N_ELEMENTS(MISTAKES); i++) {
        g_autofree char *path = g_strdup_printf("/cli-options/mistake-is-told-%02zu", i + 1);
        g_test_add_data_func(path, MISTAKES[i], mistake);
    }
    return g_test_run();
}
