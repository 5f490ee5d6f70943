/* SPDX-License-Identifier: Apache-2.0
 *
 * The tracker that says what a script says: for tests and demonstrations, where the truth must be known.
 *
 * The script is one for the process; each tracker that is opened follows it from its first line. */
#include "observe/tracker.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>

typedef struct ScriptLine {
    gboolean is_gone;
    double accessed_pages;
    double written_pages;
    double dirty_bytes;
} ScriptLine;

typedef struct ScriptedTracker {
    Tracker tracker;
    guint next_line;
} ScriptedTracker;

static GArray *script_lines;

static gboolean parse_number(const char *word, double *value)
{
    char *end = NULL;

    *value = g_str_equal(word, "-") ? NAN : g_ascii_strtod(word, &end);
    return !end || (end != word && *end == '\0' && isfinite(*value) && *value >= 0);
}

static gboolean parse_line(const char *text, ScriptLine *line)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);

    *line = (ScriptLine){.is_gone = g_str_equal(text, "gone")};
    return line->is_gone ||
           (g_strv_length(words) == 3 && parse_number(words[0], &line->accessed_pages) &&
            parse_number(words[1], &line->written_pages) && parse_number(words[2], &line->dirty_bytes));
}

gboolean tracker_script_set(const char *text, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GArray) parsed = g_array_new(FALSE, FALSE, sizeof(ScriptLine));

    for (guint i = 0; lines[i]; i++) {
        ScriptLine line = {0};
        char *comment = strchr(lines[i], '#');
        if (comment) {
            *comment = '\0';
        }
        g_strstrip(lines[i]);
        if (lines[i][0] != '\0' && !parse_line(lines[i], &line)) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                        "tracker script, line %u: '%s' is not \"ACCESSED WRITTEN DIRTY_BYTES\" or \"gone\"", i + 1,
                        lines[i]);
            return FALSE;
        }
        if (lines[i][0] != '\0') {
            g_array_append_val(parsed, line);
        }
    }
    g_clear_pointer(&script_lines, g_array_unref);
    script_lines = g_steal_pointer(&parsed);
    return TRUE;
}

static gboolean scripted_probe(char **why)
{
    if (!script_lines || script_lines->len == 0) {
        *why = g_strdup("no script is set");
        return FALSE;
    }
    return TRUE;
}

static Tracker *scripted_open(RamMap *map G_GNUC_UNUSED, guint64 seed G_GNUC_UNUSED, GError **error)
{
    g_autofree char *why = NULL;

    if (!scripted_probe(&why)) {
        g_set_error_literal(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, why);
        return NULL;
    }
    ScriptedTracker *self = g_new0(ScriptedTracker, 1);
    self->tracker.ops = &TRACKER_SCRIPTED;
    return &self->tracker;
}

static gboolean scripted_arm(Tracker *tracker G_GNUC_UNUSED, gint64 budget_ns G_GNUC_UNUSED,
                             GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static gboolean scripted_scan(Tracker *tracker, TrackerScan *scan, GError **error)
{
    ScriptedTracker *self = (ScriptedTracker *)tracker;
    const ScriptLine *line = &g_array_index(script_lines, ScriptLine, self->next_line % script_lines->len);

    self->next_line++;
    if (line->is_gone) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "the script says that the process ended");
        return FALSE;
    }
    tracker_scan_init(scan);
    scan->accessed_pages = line->accessed_pages;
    scan->written_pages = line->written_pages;
    scan->dirty_bytes = line->dirty_bytes;
    return TRUE;
}

static gint64 scripted_expected_ns(const RamMap *map G_GNUC_UNUSED)
{
    return 0;
}

const TrackerOps TRACKER_SCRIPTED = {"scripted",
                                     TRUE,
                                     TRUE,
                                     scripted_probe,
                                     scripted_open,
                                     scripted_arm,
                                     scripted_scan,
                                     scripted_expected_ns,
                                     (void (*)(Tracker *))g_free};
