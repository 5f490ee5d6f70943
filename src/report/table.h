/* SPDX-License-Identifier: Apache-2.0
 *
 * Aligned columns.
 *
 *     Table *table = table_new(style);
 *     table_column(table, "VM", TABLE_LEFT);
 *     table_column(table, "moved", TABLE_RIGHT);
 *     table_cell(table, INK_PLAIN, "vm1");
 *     table_cellf(table, INK_DIM, "%u MiB", 12);        a row is full when each column has its cell
 *     table_note(table, "why it is so");                a line of its own, indented, wrapped to the terminal
 *     char *text = table_end(table);                    the table is gone
 *
 * Cells are cleaned (text.h) before they are measured.  On a terminal too narrow for all columns, those marked with
 * table_may_drop are left out, the last marked one first. */
#pragma once

#include "report/text.h"

typedef enum TableAlign { TABLE_LEFT, TABLE_RIGHT } TableAlign;
typedef struct Table Table;

Table *table_new(const ReportStyle *style);
void table_column(Table *table, const char *heading, TableAlign align);

/* The column that was added last can be done without. */
void table_may_drop(Table *table);
void table_cell(Table *table, Ink ink, const char *text);
void table_cellf(Table *table, Ink ink, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Takes 'text', for numbers that were formatted already. */
void table_cell_take(Table *table, Ink ink, char *text);
void table_note(Table *table, const char *text);

/* The text, each line ended by a newline and without blanks at its end. */
char *table_end(Table *table);
