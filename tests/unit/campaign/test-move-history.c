/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/move-history.c: what was written is read again, by whoever wrote it, and old moves are forgotten. */
#include "campaign/move-history.h"
#include "base/log.h"

#include <glib/gstdio.h>
#include <string.h>

#define NOW_NS (1700000000 * NS_PER_S)

static char *folder;

static char *path_of(const char *name)
{
    return g_build_filename(folder, name, "moves.jsonl", NULL);
}

static PastMove move_of(const char *vm, gint64 when_ns)
{
    return (PastMove){(char *)vm, (char *)vm, (char *)"h1", (char *)"h2", when_ns};
}

static void add(MoveHistory *history, const char *vm, gint64 when_ns)
{
    PastMove move = move_of(vm, when_ns);
    g_autoptr(GError) error = NULL;

    move_history_add(history, &move, &error);
    g_assert_no_error(error);
}

static void test_is_read_again(void)
{
    g_autofree char *path = path_of("again");
    g_autoptr(GError) error = NULL;
    g_autoptr(MoveHistory) first = move_history_open(path, NOW_NS, &error);
    g_autoptr(MoveHistory) second = move_history_open(path, NOW_NS, &error);

    g_assert_no_error(error);
    add(first, "a \"quoted\" name", NOW_NS);
    add(second, "b", NOW_NS + 1); /* both hold it open */
    add(first, "b", NOW_NS + 2);
    g_autoptr(MoveHistory) third = move_history_open(path, NOW_NS, &error);
    g_assert_cmpuint(third->moves->len, ==, 3);
    g_assert_cmpstr(g_array_index(third->moves, PastMove, 0).vm, ==, "a \"quoted\" name");
    g_assert_cmpint(move_history_last(third, "b")->when_ns, ==, NOW_NS + 2);
    g_assert_null(move_history_last(third, "c"));
}

static void test_forgets_old_moves(void)
{
    g_autofree char *path = path_of("old");
    g_autoptr(GError) error = NULL;
    g_autoptr(MoveHistory) history = move_history_open(path, NOW_NS, &error);
    g_autofree char *text = NULL;

    for (guint i = 0; i < 20; i++) {
        add(history, "old", NOW_NS - MOVE_HISTORY_KEPT_NS - 1 - i);
    }
    add(history, "young", NOW_NS);
    g_autoptr(MoveHistory) again = move_history_open(path, NOW_NS, &error);
    g_assert_cmpuint(again->moves->len, ==, 1);
    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_null(strstr(text, "old")); /* the file has shrunk */
    add(history, "late", NOW_NS);       /* and who had it open before still finds it */
    g_autoptr(MoveHistory) last = move_history_open(path, NOW_NS, &error);
    g_assert_cmpuint(last->moves->len, ==, 2);
}

static void on_warning(const char *line, gpointer user)
{
    char **warning = user;

    g_free(*warning);
    *warning = g_strdup(line);
}

static void test_skips_what_is_no_move(void)
{
    g_autofree char *path = path_of("broken");
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *warning = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path,
                                      "{\"vm\":\"a\",\"uuid\":\"a\",\"source\":\"h1\",\"destination\":\"h2\",\"when_ns\":"
                                      "1700000000000000000}\n{\"vm\":\"b\",\"uu\n",
                                      -1, &error));
    log_set_sink(on_warning, &warning);
    g_autoptr(MoveHistory) history = move_history_open(path, NOW_NS, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(history->moves->len, ==, 1);
    log_set_sink(NULL, NULL);
    g_assert_nonnull(strstr(warning, "line 2 is left out"));
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("godwit-history-XXXXXX", NULL);
    g_test_add_func("/move-history/is-read-again", test_is_read_again);
    g_test_add_func("/move-history/forgets-old-moves", test_forgets_old_moves);
    g_test_add_func("/move-history/skips-what-is-no-move", test_skips_what_is_no_move);
    status = g_test_run();
    for (guint i = 0; i < 3; i++) {
        g_autofree char *path = path_of((const char *[]){"again", "old", "broken"}[i]);
        g_autofree char *parent = g_path_get_dirname(path);

        g_unlink(path);
        g_rmdir(parent);
    }
    g_rmdir(folder);
    g_free(folder);
    return status;
}
