/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing the command line and printing --help from the tables; see cli-options.h.
 *
 * GOption does the reading.  Each row becomes one GOptionEntry with the same callback, which finds the row by its name:
 * so messages, the list of options given and the order of help are made in one place. */
#include "cli/cli-options.h"
#include "base/error.h"
#include "base/log.h"
#include "report/text.h"

#include <stdio.h>
#include <string.h>

#define HELP_INDENT  4u
#define HELP_COLUMNS 100u

/* GOption's user data, and the owner of the strings that its entries point to. */
typedef struct Parser {
    CliOptions *options;
    GArray *entries; /* GOptionEntry, ends with an empty one */
    GPtrArray *strings;
} Parser;

static gboolean set_migrate_option(CliOptions *options, const char *name, const char *text, GError **error)
{
    if (text) {
        return migrate_options_set(&options->campaign.migrate, name, text, error);
    }
    gboolean is_no = g_str_has_prefix(name, "no-");
    return migrate_options_set(&options->campaign.migrate, is_no ? name + 3 : name, is_no ? "no" : "yes", error);
}

static gboolean on_option(const char *dashed_name, const char *text, gpointer user, GError **error)
{
    CliOptions *options = ((Parser *)user)->options;
    const char *name = dashed_name + strspn(dashed_name, "-");
    const CliOption *option = cli_option_find(options->spec->groups, name);

    g_hash_table_add(options->given, g_strdup(option ? option->name : name));
    if (!option) {
        return set_migrate_option(options, name, text, error);
    }
    if (!option->set(options, text, error)) {
        g_prefix_error(error, "--%s: ", option->name);
        return FALSE;
    }
    return TRUE;
}

static void add_entry(const CliOption *option, gpointer user)
{
    Parser *parser = user;
    char *name = g_strdup(option->name);
    GOptionEntry entry = {.long_name = name,
                          .short_name = option->letter,
                          .flags = option->argument ? 0 : G_OPTION_FLAG_NO_ARG,
                          .arg = G_OPTION_ARG_CALLBACK,
                          .arg_data = on_option};

    g_ptr_array_add(parser->strings, name);
    g_array_append_val(parser->entries, entry);
}

static CliOptions *cli_options_new(const CliSpec *spec)
{
    CliOptions *options = g_new0(CliOptions, 1);

    options->spec = spec;
    options->arguments = g_ptr_array_new_null_terminated(1, g_free, TRUE);
    options->to = g_ptr_array_new_null_terminated(1, g_free, TRUE);
    options->given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    options->effort = 100;
    options->hosts = g_ptr_array_new_null_terminated(1, g_free, TRUE);
    campaign_options_init(&options->campaign);
    rebalance_job_init(&options->rebalance);
    cli_relay_init(&options->relay);
    cli_way_init(&options->way);
    return options;
}

void cli_options_free(CliOptions *options)
{
    if (options) {
        g_ptr_array_unref(options->arguments);
        g_ptr_array_unref(options->to);
        g_ptr_array_unref(options->hosts);
        g_hash_table_unref(options->given);
        g_free(options->from);
        g_free(options->inventory_path);
        g_free(options->fleet_path);
        g_free(options->save_path);
        g_free(options->plan_path);
        g_free(options->report_path);
        g_free(options->instances_path);
        g_free(options->relay_program);
        g_free(options->run_directory);
        g_free(options->traffic_path);
        cli_simulate_clear(&options->simulate);
        cli_relay_clear(&options->relay);
        g_free(options);
    }
}

typedef struct ValueCheck {
    const char *word; /* "--name=value" */
    gsize length;     /* of "--name" */
    gboolean is_wrong;
} ValueCheck;

static void check_value(const CliOption *option, gpointer user)
{
    ValueCheck *check = user;
    g_autofree char *dashed = g_strconcat("--", option->name, NULL);

    check->is_wrong = check->is_wrong || (!option->argument && strlen(dashed) == check->length &&
                                          strncmp(check->word, dashed, check->length) == 0);
}

/* GOption silently forgets the value of an option that takes none, so that --tls=no would mean --tls. */
static gboolean refuse_values(const CliOptions *options, int argc, char **argv, GError **error)
{
    for (int i = 1; i < argc && !g_str_equal(argv[i], "--"); i++) {
        ValueCheck check = {.word = argv[i], .length = strcspn(argv[i], "=")};

        if (argv[i][check.length]) {
            cli_options_each(options->spec->groups, check_value, &check);
        }
        if (check.is_wrong) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "%.*s takes no value", (int)check.length, argv[i]);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean parse(CliOptions *options, int argc, char **argv, GError **error)
{
    g_auto(GStrv) rest = NULL;
    g_auto(GStrv) copy = g_new0(char *, argc + 1);
    char **unread = g_newa(char *, argc + 1);
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    Parser parser = {.options = options,
                     .entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry)),
                     .strings = g_ptr_array_new_with_free_func(g_free)};
    GOptionEntry remaining = {.long_name = G_OPTION_REMAINING, .arg = G_OPTION_ARG_STRING_ARRAY, .arg_data = &rest};
    GOptionGroup *group = g_option_group_new("godwit", "", "", &parser, NULL);

    for (int i = 0; i < argc; i++) {
        unread[i] = copy[i] = g_strdup(argv[i]);
    }
    unread[argc] = NULL;
    cli_options_each(options->spec->groups, add_entry, &parser);
    g_array_append_val(parser.entries, remaining);
    g_option_group_add_entries(group, (GOptionEntry *)(void *)parser.entries->data);
    g_option_context_set_main_group(context, group);
    g_option_context_set_help_enabled(context, FALSE);
    gboolean is_parsed = g_option_context_parse(context, &argc, &unread, error);
    for (guint i = 0; rest && rest[i]; i++) {
        g_ptr_array_add(options->arguments, g_strdup(rest[i]));
    }
    g_array_unref(parser.entries);
    g_ptr_array_unref(parser.strings);
    return is_parsed;
}

typedef struct Help {
    GString *text;
    const char *title; /* of the options printed last */
} Help;

static void append_option(const CliOption *option, gpointer user)
{
    Help *help = user;
    const char *title = cli_group_title((CliGroup)option->group);
    g_autofree char *letter = option->letter ? g_strdup_printf("-%c, ", option->letter) : g_strdup("");
    g_autofree char *wrapped = text_wrap(option->help, 2 * HELP_INDENT, HELP_COLUMNS);

    if (title != help->title) {
        g_string_append_printf(help->text, "\n%s:\n", title);
        help->title = title;
    }
    g_string_append_printf(help->text, "  %s--%s%s%s\n%s", letter, option->name, option->argument ? " " : "",
                           option->argument ? option->argument : "", wrapped);
}

static void print_help(const CliSpec *spec)
{
    Help help = {.text = g_string_new(NULL)};
    g_auto(GStrv) paragraphs = g_strsplit(spec->details, "\n", -1);
    g_autofree char *page = g_strdelimit(g_strdup(spec->verb), " ", '-');

    g_string_append_printf(help.text, "usage: godwit %s %s\n\n%s.\n", spec->verb, spec->usage, spec->summary);
    for (guint i = 0; paragraphs[i]; i++) {
        g_autofree char *wrapped = text_wrap(paragraphs[i], 0, HELP_COLUMNS);
        g_string_append_printf(help.text, "\n%s", wrapped);
    }
    cli_options_each(spec->groups, append_option, &help);
    g_string_append_printf(help.text, "\nThe manual has more: man godwit-%s\n", page);
    fputs(help.text->str, stdout);
    g_string_free(help.text, TRUE);
}

CliOptions *cli_options_parse(const CliSpec *spec, int argc, char **argv, int *status)
{
    g_autoptr(CliOptions) options = cli_options_new(spec);
    g_autoptr(GError) error = NULL;

    if (!refuse_values(options, argc, argv, &error) || !parse(options, argc, argv, &error)) {
        *status = cli_usage_error(spec, "%s", error->message);
        return NULL;
    }
    if (options->wants_help) {
        print_help(spec);
        *status = 0;
        return NULL;
    }
    if (options->verbosity > 0) {
        log_set_level(options->verbosity > 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    }
    return g_steal_pointer(&options);
}

typedef struct Search {
    const CliOptions *options;
    const char *found;
} Search;

static void find_given(const CliOption *option, gpointer user)
{
    Search *search = user;
    char *name = NULL;

    if (!search->found && g_hash_table_lookup_extended(search->options->given, option->name, (gpointer *)&name, NULL)) {
        search->found = name;
    }
}

const char *cli_options_given(const CliOptions *options, guint groups)
{
    Search search = {.options = options};

    cli_options_each(groups, find_given, &search);
    return search.found;
}

int cli_usage_error(const CliSpec *spec, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *line = text_clean(message);
    fprintf(stderr, "godwit %s: %s; see 'godwit %s --help'\n", spec->verb, line, spec->verb);
    return 2;
}

int cli_failure(const CliSpec *spec, const GError *error)
{
    if (error->domain == GODWIT_ERROR && error->code == GODWIT_ERROR_USAGE) {
        return cli_usage_error(spec, "%s", error->message);
    }
    g_autofree char *line = text_clean(error->message);
    fprintf(stderr, "godwit %s: %s\n", spec->verb, line);
    return 1;
}
