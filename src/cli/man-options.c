/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills the options into a manual page, so that a page and the program cannot drift apart.
 *
 *     man-options docs/man/godwit-evacuate.1.in > godwit-evacuate.1
 *
 * A line "@options GROUP...@" of the page becomes the options of these groups, as an mdoc list; "@scenario SECTION@"
 * and
 * "@day TABLE@" become what the simulator's tables have (man-sim.c), "@placers@" the table of placers.  Used by the build
 * only. */
#include "cli/cli-options.h"
#include "cli/man-sim.h"
#include "place/grouping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    guint group;
} GROUPS[] = {
    {"where", CLI_GROUP_WHERE},   {"from", CLI_GROUP_FROM},         {"to", CLI_GROUP_TO},
    {"plan", CLI_GROUP_PLAN},     {"run", CLI_GROUP_RUN},           {"file", CLI_GROUP_FILE},
    {"check", CLI_GROUP_CHECK},   {"policy", CLI_GROUP_POLICY},     {"observe", CLI_GROUP_OBSERVE},
    {"place", CLI_GROUP_PLACE},   {"migrate", CLI_GROUP_MIGRATE},   {"watch", CLI_GROUP_WATCH},
    {"output", CLI_GROUP_OUTPUT}, {"simulate", CLI_GROUP_SIMULATE}, {"sweep", CLI_GROUP_SWEEP},
    {"pack", CLI_GROUP_PACK},       {"hosts", CLI_GROUP_HOSTS},     {"seed", CLI_GROUP_SEED},
    {"rebalance", CLI_GROUP_REBALANCE}, {"relay", CLI_GROUP_RELAY},
    {"way", CLI_GROUP_WAY},
};

char *man_escape(const char *text)
{
    GString *escaped = g_string_new(text);

    g_string_replace(escaped, "\\", "\\e", 0);
    g_string_replace(escaped, "-", "\\-", 0);
    if (text[0] == '.' || text[0] == '\'') {
        g_string_prepend(escaped, "\\&");
    }
    return g_string_free(escaped, FALSE);
}

static void print_option(const CliOption *option, gpointer user)
{
    g_autofree char *name = man_escape(option->name);
    g_autofree char *argument = option->argument ? man_escape(option->argument) : NULL;
    g_autofree char *help = man_escape(option->help);

    printf(".It ");
    if (option->letter) {
        printf("Fl %c , ", option->letter);
    }
    printf("Fl \\-%s%s%s\n", name, argument ? " Ar " : "", argument ? argument : "");
    help[0] = g_ascii_toupper(help[0]);
    printf("%s.\n", help);
}

static guint group_of(const char *word, const char *path)
{
    for (gsize i = 0; i < G_N_ELEMENTS(GROUPS); i++) {
        if (g_str_equal(GROUPS[i].name, word)) {
            return GROUPS[i].group;
        }
    }
    fprintf(stderr, "man-options: %s: there is no group of options '%s'\n", path, word);
    exit(1);
}

/* 'line' is "@options GROUP...@". */
static void print_options(const char *line, const char *path)
{
    g_autofree char *inner = g_strndup(line + strlen("@options "), strlen(line) - strlen("@options ") - 1);
    g_auto(GStrv) words = g_strsplit(inner, " ", -1);
    guint groups = 0;

    for (guint i = 0; words[i]; i++) {
        groups |= group_of(words[i], path);
    }
    printf(".Bl -tag -width Ds\n");
    cli_options_each(groups, print_option, NULL);
    printf(".El\n");
}

/* The middle of "@WORD MIDDLE@"; NULL when 'line' is not of that kind.  The caller frees. */
static char *middle_of(const char *line, const char *word)
{
    g_autofree char *prefix = g_strdup_printf("@%s ", word);

    return g_str_has_prefix(line, prefix) && g_str_has_suffix(line, "@")
               ? g_strndup(line + strlen(prefix), strlen(line) - strlen(prefix) - 1)
               : NULL;
}

/* A list of the simulator's; FALSE when 'line' asks for none. */
static gboolean print_sim(const char *line, const char *path)
{
    g_autofree char *section = middle_of(line, "scenario");
    g_autofree char *table = middle_of(line, "day");

    if ((section && !man_print_scenario(section)) || (table && !man_print_day(table))) {
        fprintf(stderr, "man-options: %s: there is nothing for '%s'\n", path, line);
        exit(1);
    }
    return section || table;
}

/* "gbm: connected groups ..; relieve, evacuate" of every placer, the default first. */
static void print_placers(void)
{
    printf(".Bl -tag -width Ds\n");
    for (guint i = 0; groupings()[i]; i++) {
        g_autofree char *name = man_escape(groupings()[i]->name);
        g_autofree char *summary = man_escape(groupings()[i]->summary);
        g_autoptr(GString) tasks = g_string_new(NULL);

        for (int k = PLACE_RELIEVE; k <= PLACE_CONSOLIDATE; k++) {
            if (groupings()[i]->tasks & 1u << k) {
                g_string_append_printf(tasks, "%s%s", tasks->len ? ", " : "", place_task_kind_name((PlaceTaskKind)k));
            }
        }
        printf(".It Cm %s\n%s.\nTasks: %s.\n", name, summary, tasks->str);
    }
    printf(".El\n");
}

int main(int argc, char **argv)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (argc != 2 || !g_file_get_contents(argv[1], &text, NULL, &error)) {
        fprintf(stderr, "man-options: %s\n", error ? error->message : "usage: man-options PAGE.in");
        return 1;
    }
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "@options ") && g_str_has_suffix(lines[i], "@")) {
            print_options(lines[i], argv[1]);
        } else if (g_str_equal(lines[i], "@placers@")) {
            print_placers();
        } else if (!print_sim(lines[i], argv[1])) {
            printf("%s\n", lines[i]);
        }
    }
    return 0;
}
