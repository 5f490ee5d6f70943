/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of scenarios and of the day as mdoc lists; see man-sim.h. */
#include "cli/man-sim.h"

#include "sim/day.h"
#include "sim/scenario-keys.h"

#include <stdio.h>

static void print_item(const char *name, const char *help, const char *unit, const char *initial)
{
    g_autofree char *item = man_escape(name);
    g_autofree char *text = man_escape(help);

    printf(".It Ic %s\n", item);
    text[0] = g_ascii_toupper(text[0]);
    printf("%s%s%s%s", text, unit[0] ? " (" : "", unit, unit[0] ? ")" : "");
    if (!initial) {
        printf(".\nIt must be there.\n");
    } else if (initial[0]) {
        g_autofree char *value = man_escape(initial);

        printf(".\nThe default is\n.Ql %s .\n", value);
    } else {
        printf(".\n");
    }
}

static void print_key(const ScenarioKeyDoc *key, gpointer user)
{
    print_item(key->name, key->help, "", key->initial);
}

gboolean man_print_scenario(const char *section)
{
    for (guint i = 0; i < SECTIONS_LENGTH; i++) {
        const char *word = scenario_section_word((ScenarioSection)i);

        if (g_str_equal(word, section)) {
            g_autoptr(GString) help = g_string_new(scenario_section_help((ScenarioSection)i));

            g_string_replace(help, ".  ", ".\n", 0); /* a sentence, a line */
            printf(".Ss [%s%s]\n%s\n.Bl -tag -width Ds\n", word,
                   scenario_section_has_name((ScenarioSection)i) ? " NAME" : "", help->str);
            scenario_keys_each((ScenarioSection)i, print_key, NULL);
            printf(".El\n");
            return TRUE;
        }
    }
    return FALSE;
}

static void print_total(const char *name, guint decimals, double value, const char *help, gpointer user)
{
    print_item(name, help, "", "");
}

gboolean man_print_day(const char *table)
{
    static const DayTotals NOTHING;

    printf(".Bl -tag -width Ds\n");
    if (g_str_equal(table, "totals")) {
        day_totals_each(&NOTHING, print_total, NULL);
    } else if (g_str_equal(table, "series")) {
#define PRINT_SERIES(member, unit, help) print_item(#member, help, unit, "");
        DAY_SERIES(PRINT_SERIES)
    } else if (g_str_equal(table, "settings")) {
#define PRINT_SETTING(member, value, unit, help) print_item(#member, help, unit, #value);
        DAY_SETTINGS(PRINT_SETTING)
    } else if (g_str_equal(table, "defects")) {
        for (guint i = 0; i < DAY_DEFECT_COUNT; i++) {
            print_item(day_defect_name(i), day_defect_help(i), "", "");
        }
    } else {
        return FALSE;
    }
    printf(".El\n");
    return TRUE;
}
