/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of text for people; see text.h. */
#include "report/text.h"

#include <math.h>

static const char *const INK_CODES[] = {"", "1", "32", "31", "33", "2", "36"};

char *text_ink(const char *text, Ink ink, const ReportStyle *style)
{
    if (!style->has_colours || ink == INK_PLAIN || !text[0]) {
        return g_strdup(text);
    }
    return g_strdup_printf("\033[%sm%s\033[0m", INK_CODES[ink], text);
}

char *text_clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    GString *clean = g_string_new(NULL);

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);

        g_string_append_unichar(clean, g_unichar_iscntrl(letter) ? ' ' : letter);
    }
    g_string_truncate(clean, strlen(g_strchomp(clean->str)));
    return g_string_free(clean, FALSE);
}

/* Past the colour sequence that begins at 'at' ("ESC [ ... m"), or 'at' itself when none does. */
static const char *skip_escape(const char *at)
{
    if (at[0] != '\033' || at[1] != '[') {
        return at;
    }
    const char *end = at + 2;
    while (*end && (g_ascii_isdigit(*end) || *end == ';')) {
        end++;
    }
    return *end ? end + 1 : end;
}

static guint letter_width(gunichar letter)
{
    if (g_unichar_iszerowidth(letter)) {
        return 0;
    }
    return g_unichar_iswide(letter) ? 2 : 1;
}

guint text_width(const char *text)
{
    guint width = 0;

    for (const char *at = text; *at;) {
        const char *after = skip_escape(at);

        if (after == at) {
            width += letter_width(g_utf8_get_char(at));
            after = g_utf8_next_char(at);
        }
        at = after;
    }
    return width;
}

char *text_clip(const char *text, guint columns)
{
    GString *clipped = g_string_new(NULL);
    guint width = 0;
    gboolean is_full = FALSE;

    for (const char *at = text; *at;) {
        const char *after = skip_escape(at);
        gboolean is_escape = after != at;

        if (!is_escape) {
            guint more = letter_width(g_utf8_get_char(at));

            after = g_utf8_next_char(at);
            is_full = is_full || width + more > columns;
            width += is_full ? 0 : more;
        }
        if (is_escape || !is_full) {
            g_string_append_len(clipped, at, after - at);
        }
        at = after;
    }
    return g_string_free(clipped, FALSE);
}

char *text_wrap(const char *text, guint indent, guint columns)
{
    g_autofree char *clean = text_clean(text);
    g_auto(GStrv) words = g_strsplit(clean, " ", -1);
    GString *wrapped = g_string_new(NULL);
    guint room = columns > indent + 20 ? columns - indent : 0;
    guint used = 0;

    for (guint i = 0; words[i]; i++) {
        guint width = text_width(words[i]);

        if (width == 0) {
            continue;
        }
        if (used > 0 && room > 0 && used + 1 + width > room) {
            g_string_append_c(wrapped, '\n');
            used = 0;
        }
        g_string_append_printf(wrapped, "%*s%s", used == 0 ? (int)indent : 1, "", words[i]);
        used += width + (used > 0);
    }
    g_string_append_c(wrapped, '\n');
    return g_string_free(wrapped, FALSE);
}

static void append_times(GString *string, const char *piece, guint times)
{
    for (guint i = 0; i < times; i++) {
        g_string_append(string, piece);
    }
}

/* Eighths of a column make a bar grow smoothly. */
static void append_smooth_bar(GString *bar, double share, guint width)
{
    static const char *const EIGHTHS[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    guint eighths = (guint)(share * width * 8);
    guint full = eighths / 8;

    append_times(bar, "█", full);
    g_string_append(bar, EIGHTHS[eighths % 8]);
    append_times(bar, "░", width - full - (eighths % 8 != 0));
}

char *text_bar(double share, guint width, const ReportStyle *style)
{
    GString *bar = g_string_new(NULL);
    double filled = isnan(share) ? 0 : CLAMP(share, 0, 1);

    if (style->is_utf8) {
        append_smooth_bar(bar, filled, width);
    } else if (width >= 2) {
        guint marks = (guint)(filled * (width - 2));

        g_string_append_c(bar, '[');
        append_times(bar, "#", marks);
        append_times(bar, ".", width - 2 - marks);
        g_string_append_c(bar, ']');
    }
    return g_string_free(bar, FALSE);
}

char *text_sparkline(const double *series, gsize length, guint width, double top, const ReportStyle *style)
{
    static const char *const BLOCKS[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const LETTERS[] = {"_", ".", "-", "=", "+", "*", "%", "#"};
    const char *const *heights = style->is_utf8 ? BLOCKS : LETTERS;
    gsize shown = MIN(length, width);
    const double *values = series + (length - shown);
    GString *line = g_string_new(NULL);

    append_times(line, " ", width - (guint)shown);
    for (gsize i = 0; top <= 0 && i < shown; i++) {
        top = MAX(top, isnan(values[i]) ? 0 : values[i]);
    }
    for (gsize i = 0; i < shown; i++) {
        double share = top > 0 ? values[i] / top : 0;

        g_string_append(line, isnan(values[i]) ? "?" : heights[(int)(CLAMP(share, 0, 1) * 7 + 0.5)]);
    }
    return g_string_free(line, FALSE);
}

char *text_number(double value)
{
    if (!isfinite(value)) {
        return g_strdup("-");
    }
    return g_strdup_printf("%.*f", fabs(value) >= 100 || value == 0 ? 0 : fabs(value) >= 10 ? 1 : 2, value);
}
