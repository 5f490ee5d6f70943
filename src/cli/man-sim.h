/* SPDX-License-Identifier: Apache-2.0
 *
 * What of the simulator's tables goes into manual pages; used by man-options.c. */
#pragma once

#include <glib.h>

/* 'text' for troff: its hyphens are those of the keyboard, and no line of it is a request.  The caller frees. */
char *man_escape(const char *text);

/* "@scenario SECTION@": the keys of a section of scenario files.  FALSE when there is no such section. */
gboolean man_print_scenario(const char *section);

/* "@day totals@" (or series, settings, defects): what there is, as a list.  FALSE when there is no such table. */
gboolean man_print_day(const char *table);
