/* SPDX-License-Identifier: Apache-2.0
 *
 * Aligned columns; see table.h.
 *
 * All cells are kept in one array, row after row; notes remember after which row they come.  Widths are known only when
 * the last row is in, so nothing is written before table_end. */
#include "report/table.h"

#include <string.h>

#define GAP_COLUMNS 2

typedef struct Column {
    char *heading;
    TableAlign align;
    gboolean may_drop;
    gboolean is_dropped;
    guint width;
} Column;

typedef struct Cell {
    char *text;
    Ink ink;
    guint width;
} Cell;

typedef struct Note {
    char *text;
    guint after_row; /* number of full rows before it */
} Note;

struct Table {
    ReportStyle style;
    GArray *columns; /* Column */
    GArray *cells;   /* Cell */
    GArray *notes;   /* Note */
};

static void column_clear(gpointer data)
{
    g_free(((Column *)data)->heading);
}

static void cell_clear(gpointer data)
{
    g_free(((Cell *)data)->text);
}

static void note_clear(gpointer data)
{
    g_free(((Note *)data)->text);
}

Table *table_new(const ReportStyle *style)
{
    Table *table = g_new0(Table, 1);

    table->style = *style;
    table->columns = g_array_new(FALSE, FALSE, sizeof(Column));
    table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
    table->notes = g_array_new(FALSE, FALSE, sizeof(Note));
    g_array_set_clear_func(table->columns, column_clear);
    g_array_set_clear_func(table->cells, cell_clear);
    g_array_set_clear_func(table->notes, note_clear);
    return table;
}

void table_column(Table *table, const char *heading, TableAlign align)
{
    Column column = {.heading = g_strdup(heading), .align = align, .width = text_width(heading)};

    g_assert(table->cells->len == 0);
    g_array_append_val(table->columns, column);
}

void table_may_drop(Table *table)
{
    g_array_index(table->columns, Column, table->columns->len - 1).may_drop = TRUE;
}

void table_cell(Table *table, Ink ink, const char *text)
{
    Cell cell = {.text = text_clean(text), .ink = ink};
    Column *column = &g_array_index(table->columns, Column, table->cells->len % table->columns->len);

    cell.width = text_width(cell.text);
    column->width = MAX(column->width, cell.width);
    g_array_append_val(table->cells, cell);
}

void table_cell_take(Table *table, Ink ink, char *text)
{
    table_cell(table, ink, text);
    g_free(text);
}

void table_cellf(Table *table, Ink ink, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    table_cell_take(table, ink, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

void table_note(Table *table, const char *text)
{
    Note note = {.text = g_strdup(text), .after_row = table->cells->len / table->columns->len};

    g_array_append_val(table->notes, note);
}

static guint total_width(const Table *table)
{
    guint width = 0;

    for (guint i = 0; i < table->columns->len; i++) {
        const Column *column = &g_array_index(table->columns, Column, i);

        width += column->is_dropped ? 0 : column->width + (width > 0 ? GAP_COLUMNS : 0);
    }
    return width;
}

static void drop_columns(Table *table)
{
    for (guint i = table->columns->len; i-- > 0;) {
        Column *column = &g_array_index(table->columns, Column, i);

        if (table->style.columns > 0 && total_width(table) > table->style.columns && column->may_drop) {
            column->is_dropped = TRUE;
        }
    }
}

/* 'pending' holds blanks that are written only when something follows them. */
static void append_cell(GString *text, guint *pending, const Column *column, const char *cell, guint width, Ink ink,
                        const ReportStyle *style)
{
    g_autofree char *inked = text_ink(cell, ink, style);
    guint missing = column->width - width;

    *pending += column->align == TABLE_RIGHT ? missing : 0;
    if (width > 0) {
        g_string_append_printf(text, "%*s%s", (int)*pending, "", inked);
        *pending = 0;
    }
    *pending += (column->align == TABLE_LEFT ? missing : 0) + GAP_COLUMNS;
}

static void append_headings(const Table *table, GString *text)
{
    guint pending = 0;

    for (guint i = 0; i < table->columns->len; i++) {
        const Column *column = &g_array_index(table->columns, Column, i);

        if (!column->is_dropped) {
            append_cell(text, &pending, column, column->heading, text_width(column->heading), INK_HEADING,
                        &table->style);
        }
    }
    g_string_append_c(text, '\n');
}

static void append_row(const Table *table, guint row, GString *text)
{
    guint pending = 0;

    for (guint i = 0; i < table->columns->len; i++) {
        const Column *column = &g_array_index(table->columns, Column, i);
        const Cell *cell = &g_array_index(table->cells, Cell, row * table->columns->len + i);

        if (!column->is_dropped) {
            append_cell(text, &pending, column, cell->text, cell->width, cell->ink, &table->style);
        }
    }
    g_string_append_c(text, '\n');
}

/* Notes are in the order of their rows: 'next' is the first one not written yet. */
static void append_notes(const Table *table, guint after_row, guint *next, GString *text)
{
    for (; *next < table->notes->len; (*next)++) {
        const Note *note = &g_array_index(table->notes, Note, *next);

        if (note->after_row != after_row) {
            return;
        }
        g_autofree char *wrapped = text_wrap(note->text, 4, table->style.columns);
        g_autofree char *line = g_strndup(wrapped, strlen(wrapped) - 1);
        g_autofree char *inked = text_ink(line, INK_DIM, &table->style);

        g_string_append_printf(text, "%s\n", inked);
    }
}

char *table_end(Table *table)
{
    GString *text = g_string_new(NULL);
    guint rows = table->cells->len / table->columns->len;
    guint next_note = 0;

    g_assert(table->cells->len % table->columns->len == 0);
    drop_columns(table);
    append_headings(table, text);
    append_notes(table, 0, &next_note, text);
    for (guint row = 0; row < rows; row++) {
        append_row(table, row, text);
        append_notes(table, row + 1, &next_note, text);
    }
    g_array_unref(table->columns);
    g_array_unref(table->cells);
    g_array_unref(table->notes);
    g_free(table);
    return g_string_free(text, FALSE);
}
