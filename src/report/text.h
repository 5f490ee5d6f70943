/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of text for people: ink, width on the terminal, bars and sparklines.
 *
 *     g_autofree char *bar = text_bar(0.42, 20, style);
 *     g_autofree char *red = text_ink("failed", INK_BAD, style);
 *     guint columns = text_width(red);                          6: escape sequences take no room
 *
 * Names and messages come from hosts, so whatever is shown goes through text_clean first: a newline or an escape
 * sequence in it must not move the cursor of the person who reads it.  All results belong to the caller. */
#pragma once

#include <glib.h>

#include "report/report.h"

typedef enum Ink { INK_PLAIN, INK_HEADING, INK_GOOD, INK_BAD, INK_WARN, INK_DIM, INK_ACCENT } Ink;

/* 'text' in colour, or a copy of it when the style has none. */
char *text_ink(const char *text, Ink ink, const ReportStyle *style);

/* Valid UTF-8 without control characters; each of those becomes a blank.  NULL gives "". */
char *text_clean(const char *text);

/* Columns that 'text' takes on a terminal: wide characters count two, combining ones and escape sequences nothing. */
guint text_width(const char *text);

/* The beginning of 'text' that fits into 'columns'; escape sequences are kept, so that colours still end. */
char *text_clip(const char *text, guint columns);

/* 'text' broken between words into lines of at most 'columns' (0: one line), each after 'indent' blanks and ended by a
 * newline. */
char *text_wrap(const char *text, guint indent, guint columns);

/* A bar of exactly 'width' columns, filled by 'share' (0..1; NAN is shown as empty). */
char *text_bar(double share, guint width, const ReportStyle *style);

/* The last 'width' values of 'series', one column each, in eight heights of 'top'; blanks on the left while the series
 * is short.  Values that are NAN are shown as '?'.  A 'top' of 0 or less means the largest value shown. */
char *text_sparkline(const double *series, gsize length, guint width, double top, const ReportStyle *style);

/* Numbers for tables: "1234", "12.3", "0.42", or "-" when unknown. */
char *text_number(double value);
