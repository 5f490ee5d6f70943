/* SPDX-License-Identifier: Apache-2.0
 *
 * Live: a block of lines at the bottom of a terminal that is drawn again and again in place, while other lines scroll
 * by above it.
 *
 *     Live *live = live_new(stderr);
 *     live_draw(live, lines);               replaces the block
 *     live_say(live, "vm1: switched");      a line above the block
 *     live_free(live);                      the block stays as it was drawn last
 *
 * Where the stream is not a terminal, live_say writes plain lines and live_draw writes nothing.
 *
 * Size: asked before each drawing, so a terminal may be made larger or smaller at any time.  live_say may be called
 * from any thread (log lines come from workers); the rest is for the main thread. */
#pragma once

#include <glib.h>
#include <stdio.h>

#include "report/report.h"

typedef struct Live Live;

/* 'stream' is borrowed. */
Live *live_new(FILE *stream);
gboolean live_is_terminal(const Live *live);

/* Rows that a block may have now: one less than the terminal has. */
guint live_rows(const Live *live);
void live_draw(Live *live, GPtrArray *lines /* char * */);
void live_say(Live *live, const char *line);

/* Takes the block away. */
void live_erase(Live *live);
void live_free(Live *live);

/* How text for 'stream' is dressed: colours and columns on a terminal only, and no colours where NO_COLOR is set or the
 * operator wants none; UTF-8 as the locale says. */
ReportStyle terminal_style(FILE *stream, gboolean without_colours);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Live, live_free)
