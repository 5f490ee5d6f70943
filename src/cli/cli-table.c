/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of options that are not MigrateOptions, and how each is set; see cli-options.h. */
#include "base/error.h"
#include "base/units.h"
#include "cli/cli-table.h"

#include <math.h>

static gboolean set_text(char **place, const char *text, GError **error)
{
    if (!text[0]) {
        return cli_value_fail(error, text, "a name: it is empty");
    }
    g_free(*place);
    *place = g_strdup(text);
    return TRUE;
}

static gboolean set_inventory(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->inventory_path, text, error);
}

static gboolean set_from(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->from, text, error);
}

/* "h1,h2" */
static gboolean add_hosts(GPtrArray *list, const char *text, GError **error)
{
    g_auto(GStrv) hosts = g_strsplit(text, ",", -1);

    for (guint i = 0; hosts[i]; i++) {
        g_ptr_array_add(list, g_strdup(g_strstrip(hosts[i])));
        if (!hosts[i][0]) {
            return cli_value_fail(error, text, "a list of hosts: one between the commas is empty");
        }
    }
    return TRUE;
}

static gboolean set_to(CliOptions *options, const char *text, GError **error)
{
    return add_hosts(options->to, text, error);
}

static gboolean set_hosts(CliOptions *options, const char *text, GError **error)
{
    return add_hosts(options->hosts, text, error);
}

static gboolean set_save(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->save_path, text, error);
}

static gboolean set_plan(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->plan_path, text, error);
}

static gboolean set_report(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->report_path, text, error);
}

static gboolean set_fleet(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->fleet_path, text, error);
}

static gboolean set_dry_run(CliOptions *options, const char *text, GError **error)
{
    return options->is_dry_run = TRUE;
}

static gboolean set_policy(CliOptions *options, const char *text, GError **error)
{
    if (g_str_equal(text, "adaptive")) {
        options->campaign.policy = POLICY_PAPER;
        return TRUE;
    }
    return policy_parse(text, &options->campaign.policy, error);
}

static gboolean set_features(CliOptions *options, const char *text, GError **error)
{
    return features_parse(text, &options->campaign.classify.features, error);
}

static gboolean parse_double(const char *text, double *value)
{
    char *end = NULL;

    *value = g_ascii_strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

static gboolean set_alpha(CliOptions *options, const char *text, GError **error)
{
    double alpha = 0;

    if (!parse_double(text, &alpha) || alpha <= 0 || alpha > 1) {
        return cli_value_fail(error, text, "a number above 0 and at most 1");
    }
    options->campaign.classify.alpha = alpha;
    return TRUE;
}

static gboolean set_observe(CliOptions *options, const char *text, GError **error)
{
    return options->campaign.must_observe = TRUE;
}

static gboolean set_scan(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->campaign.observe.scan_ns, error);
}

static gboolean set_period(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->campaign.observe.period_ns, error);
}

static gboolean set_window(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->campaign.observe.window_ns, error);
}

static gboolean set_budget(CliOptions *options, const char *text, GError **error)
{
    g_autofree char *number = g_strdup(text);
    gboolean is_percent = g_str_has_suffix(text, "%");
    double share = 0;

    if (is_percent) {
        number[strlen(number) - 1] = '\0';
    }
    if (!parse_double(number, &share) || share <= 0 || share > (is_percent ? 100 : 1)) {
        return cli_value_fail(error, text, "a share of one core, like 0.01 or 1%");
    }
    options->campaign.observe.cpu_budget = is_percent ? share / 100 : share;
    return TRUE;
}

static gboolean set_seed(CliOptions *options, const char *text, GError **error)
{
    return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &options->campaign.observe.seed, NULL) ||
           cli_value_fail(error, text, "a whole number, 0 or more");
}

static gboolean set_instances(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->instances_path, text, error);
}

static gboolean set_effort(CliOptions *options, const char *text, GError **error)
{
    guint64 effort = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 100000, &effort, NULL)) {
        return cli_value_fail(error, text, "a whole number of per cent, 0 to 100000");
    }
    options->effort = options->campaign.place.effort = (guint)effort;
    return TRUE;
}

static gboolean set_no_agent(CliOptions *options, const char *text, GError **error)
{
    options->campaign.observe.use_agent = FALSE;
    return TRUE;
}

static gboolean set_relay_program(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->relay_program, text, error);
}

static gboolean set_run_directory(CliOptions *options, const char *text, GError **error)
{
    return set_text(&options->run_directory, text, error);
}

static gboolean set_count(CliOptions *options, const char *text, GError **error)
{
    return g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &options->count, NULL) ||
           cli_value_fail(error, text, "a whole number, 1 or more");
}

static gboolean set_json(CliOptions *options, const char *text, GError **error)
{
    return options->is_json = TRUE;
}

static gboolean set_no_color(CliOptions *options, const char *text, GError **error)
{
    return options->without_colours = TRUE;
}

static gboolean set_verbose(CliOptions *options, const char *text, GError **error)
{
    options->verbosity++;
    return TRUE;
}

static gboolean set_help(CliOptions *options, const char *text, GError **error)
{
    return options->wants_help = TRUE;
}

static const CliOption OPTIONS[] = {
    {CLI_GROUP_FROM, 0, "from", "HOST", "the host that the VMs leave: a name of the inventory or a libvirt URI",
     set_from},
    {CLI_GROUP_TO, 0, "to", "HOST[,HOST...]", "where they may go; may be given several times", set_to},
    {CLI_GROUP_WHERE, 0, "inventory", "FILE",
     "the hosts (default: $GODWIT_INVENTORY, ~/.config/godwit/inventory.ini, /etc/godwit/inventory.ini)",
     set_inventory},
    {CLI_GROUP_WHERE, 0, "fleet", "SCENARIO",
     "a simulated fleet instead of real hosts, in virtual time: a scenario file (godwit-scenario(5)), whose names of "
     "hosts and VMs then count",
     set_fleet},
    {CLI_GROUP_PLAN, 0, "save", "FILE", "write the plan to FILE, to be looked at, edited and run later", set_save},
    {CLI_GROUP_RUN, 0, "dry-run", NULL, "plan and check, move nothing", set_dry_run},
    {CLI_GROUP_RUN, 0, "save-report", "FILE", "also write the report to FILE, as JSON", set_report},
    {CLI_GROUP_HOSTS, 0, "hosts", "HOST[,HOST...]", "the hosts that take part; may be given several times", set_hosts},
    {CLI_GROUP_PACK, 0, "instances", "FILE", "pack the instances of FILE, in the format of the VM placement benchmark",
     set_instances},
    {CLI_GROUP_PACK, 0, "effort", "N",
     "how long the search goes on, in per cent of the usual; 0: only the construction (100)", set_effort},
    {CLI_GROUP_SEED, 0, "seed", "N",
     "of all chance: the same seed looks at the same memory and packs alike (1); with --fleet also of the fleet, instead "
     "of its scenario's",
     set_seed},
    {CLI_GROUP_FILE, 0, "plan", "FILE", "run the plan that was saved in FILE", set_plan},
    {CLI_GROUP_CHECK, 0, "check", "FILE", "check the plan that was saved in FILE against the hosts as they are now",
     set_plan},
    {CLI_GROUP_WATCH, 0, "count", "N", "end after N periods (default: at Ctrl-C)", set_count},
    {CLI_GROUP_POLICY, 0, "policy", "POLICY",
     "how the algorithm of each VM is chosen: by its class (paper, also called adaptive; the default), or one for all: "
     "pre-copy, post-copy or hybrid",
     set_policy},
    {CLI_GROUP_POLICY, 0, "features", "unit|raw",
     "what is clustered: the direction of (R, W) alone, or with its length (unit)", set_features},
    {CLI_GROUP_POLICY, 0, "alpha", "NUMBER", "weight of the newest period in exponential smoothing (0.3)", set_alpha},
    {CLI_GROUP_POLICY, 0, "observe", NULL, "observe the VMs also for a policy that does not need it", set_observe},
    {CLI_GROUP_OBSERVE, 0, "scan", "TIME", "how often memory is looked at (50ms)", set_scan},
    {CLI_GROUP_OBSERVE, 0, "period", "TIME", "over which looks are summed (1s)", set_period},
    {CLI_GROUP_OBSERVE, 0, "window", "TIME", "how long a VM is observed (10s)", set_window},
    {CLI_GROUP_OBSERVE, 0, "budget", "SHARE", "of one core that observing may take on each host (1%)", set_budget},
    {CLI_GROUP_OBSERVE, 0, "no-agent", NULL, "start no agent on the hosts; only the dirty rate that libvirt measures",
     set_no_agent},
    {CLI_GROUP_AGENT, 0, "relay-program", "PROGRAM", "what is run as the relay of a migration (this program)",
     set_relay_program},
    {CLI_GROUP_AGENT, 0, "run-directory", "DIR", "where relays have their private folders (/run/godwit)",
     set_run_directory},
    {CLI_GROUP_OUTPUT, 0, "json", NULL, "JSON on standard output and nothing else there", set_json},
    {CLI_GROUP_OUTPUT, 0, "no-color", NULL, "no colours (as with NO_COLOR in the environment)", set_no_color},
    {CLI_GROUP_OUTPUT, 'v', "verbose", NULL, "tell the story of the job; -vv every event", set_verbose},
    {CLI_GROUP_OUTPUT, 'h', "help", NULL, "this text", set_help},
};

/* The rows of this file first, then those of the others. */
static const CliOption *row_at(guint index)
{
    const struct {
        const CliOption *rows;
        guint length;
    } tables[] = {{OPTIONS, G_N_ELEMENTS(OPTIONS)},
                  {CLI_PLACE_OPTIONS, CLI_PLACE_OPTIONS_LENGTH},
                  {CLI_REBALANCE_OPTIONS, CLI_REBALANCE_OPTIONS_LENGTH},
                  {CLI_RELAY_OPTIONS, CLI_RELAY_OPTIONS_LENGTH},
                  {CLI_WAY_OPTIONS, CLI_WAY_OPTIONS_LENGTH},
                  {CLI_SIMULATE_OPTIONS, CLI_SIMULATE_OPTIONS_LENGTH}};

    for (guint t = 0; t < G_N_ELEMENTS(tables); t++) {
        if (index < tables[t].length) {
            return &tables[t].rows[index];
        }
        index -= tables[t].length;
    }
    return NULL;
}

const CliOption *cli_option_find(guint groups, const char *name)
{
    for (guint i = 0; row_at(i); i++) {
        if ((row_at(i)->group & groups) &&
            (g_str_equal(row_at(i)->name, name) || (name[0] == row_at(i)->letter && !name[1]))) {
            return row_at(i);
        }
    }
    return NULL;
}

typedef struct Each {
    CliOptionFunc func;
    gpointer user;
} Each;

/* A row of MigrateOptions as a CliOption: BOOL rows are two options. */
static void tell_migrate_option(const char *name, const char *argument, const char *help, gpointer user)
{
    const Each *each = user;
    CliOption option = {.group = CLI_GROUP_MIGRATE, .name = name, .argument = argument, .help = help};

    each->func(&option, each->user);
    if (!argument) {
        g_autofree char *opposite_name = g_strconcat("no-", name, NULL);
        g_autofree char *opposite_help = g_strdup_printf("the opposite of --%s", name);
        CliOption opposite = {.group = CLI_GROUP_MIGRATE, .name = opposite_name, .help = opposite_help};

        each->func(&opposite, each->user);
    }
}

static void each_of_table(guint groups, CliOptionFunc func, gpointer user)
{
    for (guint i = 0; row_at(i); i++) {
        if (row_at(i)->group & groups) {
            func(row_at(i), user);
        }
    }
}

void cli_options_each(guint groups, CliOptionFunc func, gpointer user)
{
    Each each = {func, user};

    each_of_table(groups & ~(guint)CLI_GROUP_OUTPUT, func, user);
    if (groups & CLI_GROUP_MIGRATE) {
        migrate_options_each(tell_migrate_option, &each);
    }
    each_of_table(groups & CLI_GROUP_OUTPUT, func, user);
}

const char *cli_group_title(CliGroup group)
{
    switch (group) {
    case CLI_GROUP_POLICY:
        return "How the algorithm is chosen";
    case CLI_GROUP_PLACE:
        return "Where VMs go";
    case CLI_GROUP_REBALANCE:
        return "When something is done";
    case CLI_GROUP_OBSERVE:
        return "How VMs are observed";
    case CLI_GROUP_MIGRATE:
        return "How VMs are migrated";
    case CLI_GROUP_RELAY:
        return "Relays";
    case CLI_GROUP_WAY:
        return "What is known of the migration";
    case CLI_GROUP_SWEEP:
        return "Sweeps";
    case CLI_GROUP_OUTPUT:
        return "What is told";
    default:
        return "Options";
    }
}
