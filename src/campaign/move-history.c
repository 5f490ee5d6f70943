/* SPDX-License-Identifier: Apache-2.0
 *
 * The history of moves; see move-history.h.
 *
 * Appending is one write(2) to a file opened with O_APPEND, so lines of several processes do not mix.  Forgetting
 * rewrites the file beside itself and renames it; it is done only when more than half of the lines are too old, under a
 * lock that appending takes as well. */
#include "campaign/move-history.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void past_move_clear(gpointer data)
{
    PastMove *move = data;

    g_free(move->vm);
    g_free(move->uuid);
    g_free(move->source);
    g_free(move->destination);
}

MoveHistory *move_history_new(void)
{
    MoveHistory *history = g_new0(MoveHistory, 1);

    history->moves = g_array_new(FALSE, TRUE, sizeof(PastMove));
    g_array_set_clear_func(history->moves, past_move_clear);
    return history;
}

void move_history_free(MoveHistory *history)
{
    if (history) {
        g_array_unref(history->moves);
        g_free(history->path);
        g_free(history);
    }
}

static void remember(MoveHistory *history, const PastMove *move)
{
    PastMove copy = {g_strdup(move->vm), g_strdup(move->uuid), g_strdup(move->source), g_strdup(move->destination),
                     move->when_ns};

    g_array_append_val(history->moves, copy);
}

static char *line_of(const PastMove *move)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) node = NULL;

    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "vm", move->vm);
    json_add_string_or_null(builder, "uuid", move->uuid);
    json_add_string_or_null(builder, "source", move->source);
    json_add_string_or_null(builder, "destination", move->destination);
    json_builder_set_member_name(builder, "when_ns");
    json_builder_add_int_value(builder, move->when_ns);
    json_builder_end_object(builder);
    node = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(node, FALSE);
    return g_strconcat(text, "\n", NULL);
}

static gboolean read_line(MoveHistory *history, const char *line, GError **error)
{
    g_autoptr(JsonObject) object = json_parse_object(line, -1, "a move", error);
    const char *words[4] = {NULL};
    guint64 when_ns = 0;

    if (!object || !json_read_string(object, "vm", "a move", &words[0], error) ||
        !json_read_string(object, "uuid", "a move", &words[1], error) ||
        !json_read_string(object, "source", "a move", &words[2], error) ||
        !json_read_string(object, "destination", "a move", &words[3], error) ||
        !json_read_uint(object, "when_ns", "a move", &when_ns, error)) {
        return FALSE;
    }
    PastMove move = {(char *)words[0], (char *)words[1], (char *)words[2], (char *)words[3], (gint64)when_ns};
    remember(history, &move);
    return TRUE;
}

static void read_lines(MoveHistory *history, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        g_autoptr(GError) error = NULL;

        if (lines[i][0] && !read_line(history, lines[i], &error)) {
            log_warning("%s, line %u is left out: %s", history->path, i + 1, error->message);
        }
    }
}

static char *default_path(void)
{
    const char *folder = g_getenv("GODWIT_STATE");

    return folder && folder[0] ? g_build_filename(folder, "moves.jsonl", NULL)
                               : g_build_filename(g_get_user_state_dir(), "godwit", "moves.jsonl", NULL);
}

static gboolean fail(const char *path, const char *what, GError **error)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "%s %s: %s", what, path, g_strerror(errno));
    return FALSE;
}

/* Opened for appending and locked against those who rewrite it; -1 with an error.  A file that was replaced while we
 * waited for the lock is opened anew. */
static int open_locked(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (g_mkdir_with_parents(folder, 0700) != 0) {
        fail(folder, "making", error);
        return -1;
    }
    for (;;) {
        int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        GStatBuf here;
        struct stat held;

        if (file < 0 || flock(file, LOCK_EX) != 0 || fstat(file, &held) != 0) {
            fail(path, "opening", error);
            if (file >= 0) {
                close(file);
            }
            return -1;
        }
        if (g_stat(path, &here) == 0 && here.st_ino == held.st_ino) {
            return file;
        }
        close(file);
    }
}

/* The history as it is in memory becomes the file. */
static gboolean rewrite(MoveHistory *history, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int lock = open_locked(history->path, error);
    gboolean ok;

    if (lock < 0) {
        return FALSE;
    }
    for (guint i = 0; i < history->moves->len; i++) {
        g_autofree char *line = line_of(&g_array_index(history->moves, PastMove, i));

        g_string_append(text, line);
    }
    ok = g_file_set_contents_full(history->path, text->str, (gssize)text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                  error);
    close(lock);
    return ok;
}

static void forget_old(MoveHistory *history, gint64 now_ns)
{
    guint before = history->moves->len;
    guint old = 0;
    g_autoptr(GError) error = NULL;

    while (old < before && g_array_index(history->moves, PastMove, old).when_ns < now_ns - MOVE_HISTORY_KEPT_NS) {
        old++;
    }
    if (old > 0) {
        g_array_remove_range(history->moves, 0, old);
    }
    if (old > before / 2 && !rewrite(history, &error)) {
        log_warning("%s", error->message);
    }
}

static int compare_moves(gconstpointer a, gconstpointer b)
{
    const PastMove *left = a;
    const PastMove *right = b;

    return left->when_ns < right->when_ns ? -1 : left->when_ns > right->when_ns;
}

MoveHistory *move_history_open(const char *path, gint64 now_ns, GError **error)
{
    g_autoptr(MoveHistory) history = move_history_new();
    g_autofree char *text = NULL;
    g_autoptr(GError) cause = NULL;

    history->path = path ? g_strdup(path) : default_path();
    if (!g_file_get_contents(history->path, &text, NULL, &cause)) {
        if (!g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            g_propagate_prefixed_error(error, g_steal_pointer(&cause), "history of moves: ");
            return NULL;
        }
        return g_steal_pointer(&history);
    }
    read_lines(history, text);
    g_array_sort(history->moves, compare_moves);
    forget_old(history, now_ns);
    return g_steal_pointer(&history);
}

gboolean move_history_add(MoveHistory *history, const PastMove *move, GError **error)
{
    g_autofree char *line = line_of(move);
    gsize line_bytes = strlen(line);
    int file;
    gboolean ok;

    remember(history, move);
    if (!history->path) {
        return TRUE;
    }
    file = open_locked(history->path, error);
    if (file < 0) {
        return FALSE;
    }
    ok = write(file, line, line_bytes) == (ssize_t)line_bytes || fail(history->path, "writing", error);
    close(file);
    return ok;
}

const PastMove *move_history_last(const MoveHistory *history, const char *uuid)
{
    for (guint i = history->moves->len; i > 0; i--) {
        const PastMove *move = &g_array_index(history->moves, PastMove, i - 1);

        if (g_str_equal(move->uuid, uuid)) {
            return move;
        }
    }
    return NULL;
}
