/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/table.c. */
#include "report/table.h"
#include "samples.h"

static Table *two_columns(const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "VM", TABLE_LEFT);
    table_column(table, "moved", TABLE_RIGHT);
    return table;
}

static void columns_are_aligned(void)
{
    Table *table = two_columns(&PLAIN);

    table_cell(table, INK_PLAIN, "web-01");
    table_cell(table, INK_PLAIN, "7 MiB");
    table_cell(table, INK_PLAIN, "日本");
    table_cellf(table, INK_PLAIN, "%u MiB", 1024);
    g_autofree char *text = table_end(table);
    g_assert_cmpstr(text, ==,
                    "VM         moved\n"
                    "web-01     7 MiB\n"
                    "日本    1024 MiB\n");
}

static void blanks_at_the_end_are_left_out(void)
{
    Table *table = table_new(&PLAIN);

    table_column(table, "a", TABLE_LEFT);
    table_column(table, "b", TABLE_LEFT);
    table_cell(table, INK_PLAIN, "wide-one");
    table_cell(table, INK_PLAIN, "");
    g_autofree char *text = table_end(table);
    g_assert_cmpstr(text, ==, "a         b\nwide-one\n");
}

static void notes_follow_their_row_and_wrap(void)
{
    ReportStyle narrow = {FALSE, FALSE, 30};
    Table *table = two_columns(&narrow);

    table_cell(table, INK_PLAIN, "vm1");
    table_cell(table, INK_PLAIN, "1");
    table_note(table, "first second third fourth fifth");
    table_cell(table, INK_PLAIN, "vm2");
    table_cell(table, INK_PLAIN, "2");
    g_autofree char *text = table_end(table);
    g_assert_cmpstr(text, ==,
                    "VM   moved\n"
                    "vm1      1\n"
                    "    first second third fourth\n"
                    "    fifth\n"
                    "vm2      2\n");
}

static void colours_do_not_shift_columns(void)
{
    Table *plain = two_columns(&PLAIN);
    Table *coloured = two_columns(&COLOURED);
    Table *both[] = {plain, coloured};

    for (int i = 0; i < 2; i++) {
        table_cell(both[i], INK_BAD, "vm1");
        table_cell(both[i], INK_GOOD, "12 MiB");
    }
    g_autofree char *text = table_end(plain);
    g_autofree char *inked = table_end(coloured);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_auto(GStrv) inked_lines = g_strsplit(inked, "\n", -1);
    g_assert_cmpstr(text, !=, inked);
    for (guint i = 0; lines[i]; i++) {
        g_assert_cmpuint(text_width(lines[i]), ==, text_width(inked_lines[i]));
    }
}

static void narrow_terminals_lose_what_may_be_dropped(void)
{
    ReportStyle narrow = {FALSE, FALSE, 12};
    Table *table = table_new(&narrow);

    table_column(table, "keep", TABLE_LEFT);
    table_column(table, "drop-me-too", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "stay", TABLE_LEFT);
    for (int i = 0; i < 3; i++) {
        table_cell(table, INK_PLAIN, "x");
    }
    g_autofree char *text = table_end(table);
    g_assert_cmpstr(text, ==, "keep  stay\nx     x\n");
}

static void cells_are_cleaned(void)
{
    Table *table = two_columns(&PLAIN);

    table_cell(table, INK_PLAIN, "evil\n\033[2Jname");
    table_cell(table, INK_PLAIN, "1");
    g_autofree char *text = table_end(table);
    g_assert_null(strchr(text, '\033'));
    g_assert_nonnull(strstr(text, "evil  [2Jname"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/columns-are-aligned", columns_are_aligned);
    g_test_add_func("/table/blanks-at-the-end-are-left-out", blanks_at_the_end_are_left_out);
    g_test_add_func("/table/notes-follow-their-row-and-wrap", notes_follow_their_row_and_wrap);
    g_test_add_func("/table/colours-do-not-shift-columns", colours_do_not_shift_columns);
    g_test_add_func("/table/narrow-terminals-lose-what-may-be-dropped", narrow_terminals_lose_what_may_be_dropped);
    g_test_add_func("/table/cells-are-cleaned", cells_are_cleaned);
    return g_test_run();
}
