/* SPDX-License-Identifier: Apache-2.0
 *
 * Drawing in place; see live.h.
 *
 * The block is redrawn by going up over the rows it takes and writing each line anew, all in one write so that it does
 * not flicker.  A terminal that was made narrower since may have wrapped the lines that are on it: their widths are
 * remembered, and the rows they take are counted with the width that the terminal has now. */
#include "cli/live.h"
#include "report/text.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct Live {
    GMutex lock;
    FILE *stream;
    gboolean is_terminal;
    GArray *widths;   /* guint, of the lines on the terminal */
    GPtrArray *lines; /* char *, the block as drawn last */
};

static gboolean is_drawable(FILE *stream)
{
    const char *terminal = g_getenv("TERM");

    return isatty(fileno(stream)) && terminal && terminal[0] && !g_str_equal(terminal, "dumb");
}

static void terminal_size(FILE *stream, guint *columns, guint *rows)
{
    struct winsize size = {0};

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0) {
        size = (struct winsize){0};
    }
    *columns = size.ws_col ? size.ws_col : 80;
    *rows = size.ws_row ? size.ws_row : 24;
}

Live *live_new(FILE *stream)
{
    Live *live = g_new0(Live, 1);

    g_mutex_init(&live->lock);
    live->stream = stream;
    live->is_terminal = is_drawable(stream);
    live->widths = g_array_new(FALSE, FALSE, sizeof(guint));
    live->lines = g_ptr_array_new_with_free_func(g_free);
    return live;
}

gboolean live_is_terminal(const Live *live)
{
    return live->is_terminal;
}

guint live_rows(const Live *live)
{
    guint columns = 0;
    guint rows = 0;

    terminal_size(live->stream, &columns, &rows);
    return MAX(rows, 4) - 1;
}

/* To the beginning of the block, and nothing left below. */
static void append_erasure(const Live *live, guint columns, GString *out)
{
    guint rows = 0;

    for (guint i = 0; i < live->widths->len; i++) {
        guint width = g_array_index(live->widths, guint, i);
        rows += width > columns ? (width + columns - 1) / columns : 1;
    }
    if (rows > 0) {
        g_string_append_printf(out, "\033[%uA\r\033[J", rows);
    }
}

static void append_block(Live *live, guint columns, guint rows, GString *out)
{
    guint shown = MIN(live->lines->len, rows);

    g_array_set_size(live->widths, 0);
    for (guint i = 0; i < shown; i++) {
        /* the last column stays free: some terminals wrap as soon as it is written */
        g_autofree char *line = text_clip(g_ptr_array_index(live->lines, i), columns - 1);
        guint width = text_width(line);

        g_string_append_printf(out, "%s\033[K\n", line);
        g_array_append_val(live->widths, width);
    }
}

static void write_out(Live *live, GString *out)
{
    fwrite(out->str, 1, out->len, live->stream);
    fflush(live->stream);
}

/* Draws what is in live->lines, after 'above' (may be NULL). */
static void redraw(Live *live, const char *above)
{
    g_autoptr(GString) out = g_string_new(NULL);
    guint columns = 0;
    guint rows = 0;

    terminal_size(live->stream, &columns, &rows);
    append_erasure(live, columns, out);
    if (above) {
        g_string_append_printf(out, "%s\n", above);
    }
    append_block(live, columns, MAX(rows, 4) - 1, out);
    write_out(live, out);
}

void live_draw(Live *live, GPtrArray *lines)
{
    if (!live->is_terminal) {
        return;
    }
    g_mutex_lock(&live->lock);
    g_ptr_array_set_size(live->lines, 0);
    for (guint i = 0; i < lines->len; i++) {
        g_ptr_array_add(live->lines, g_strdup(g_ptr_array_index(lines, i)));
    }
    redraw(live, NULL);
    g_mutex_unlock(&live->lock);
}

void live_say(Live *live, const char *line)
{
    g_mutex_lock(&live->lock);
    if (live->is_terminal) {
        redraw(live, line);
    } else {
        fprintf(live->stream, "%s\n", line);
        fflush(live->stream);
    }
    g_mutex_unlock(&live->lock);
}

void live_erase(Live *live)
{
    g_mutex_lock(&live->lock);
    g_ptr_array_set_size(live->lines, 0);
    if (live->is_terminal) {
        redraw(live, NULL);
    }
    g_mutex_unlock(&live->lock);
}

void live_free(Live *live)
{
    if (live) {
        g_array_unref(live->widths);
        g_ptr_array_unref(live->lines);
        g_mutex_clear(&live->lock);
        g_free(live);
    }
}

ReportStyle terminal_style(FILE *stream, gboolean without_colours)
{
    const char *no_color = g_getenv("NO_COLOR");
    gboolean is_terminal = is_drawable(stream);
    ReportStyle style = {.is_utf8 = g_str_equal(nl_langinfo(CODESET), "UTF-8")};
    guint rows = 0;

    style.has_colours = is_terminal && !without_colours && !(no_color && no_color[0]);
    if (is_terminal) {
        terminal_size(stream, &style.columns, &rows);
    }
    return style;
}
