/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/cli/live.c: drawn on a real pseudo-terminal, and read back by a screen that understands just the escape
 * sequences that live.c may send; any other fails the test. */
#include "cli/live.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct Terminal {
    int master;
    FILE *stream;
} Terminal;

static void set_size(const Terminal *terminal, guint columns, guint rows)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};

    g_assert_cmpint(ioctl(terminal->master, TIOCSWINSZ, &size), ==, 0);
}

static Terminal open_terminal(guint columns, guint rows)
{
    Terminal terminal = {.master = posix_openpt(O_RDWR | O_NOCTTY)};

    g_assert_cmpint(terminal.master, >=, 0);
    g_assert_cmpint(grantpt(terminal.master), ==, 0);
    g_assert_cmpint(unlockpt(terminal.master), ==, 0);
    terminal.stream = fopen(ptsname(terminal.master), "w");
    g_assert_nonnull(terminal.stream);
    set_size(&terminal, columns, rows);
    return terminal;
}

/* What the program wrote.  Closing its end makes the master's reads end. */
static char *close_terminal(Terminal *terminal)
{
    GString *text = g_string_new(NULL);
    char buffer[4096];

    fcntl(terminal->master, F_SETFL, O_NONBLOCK);
    for (ssize_t got = 0; (got = read(terminal->master, buffer, sizeof(buffer))) > 0;) {
        g_string_append_len(text, buffer, got);
    }
    fclose(terminal->stream);
    close(terminal->master);
    return g_string_free(text, FALSE);
}

typedef struct Screen {
    GPtrArray *rows; /* GString; rows never scroll away */
    guint row;
    guint column;
    guint columns; /* a line wraps here */
} Screen;

static GString *row_at(Screen *screen)
{
    while (screen->rows->len <= screen->row) {
        g_ptr_array_add(screen->rows, g_string_new(NULL));
    }
    return g_ptr_array_index(screen->rows, screen->row);
}

static void put(Screen *screen, char letter)
{
    if (screen->column == screen->columns) {
        screen->column = 0;
        screen->row++;
    }
    GString *row = row_at(screen);
    while (row->len <= screen->column) {
        g_string_append_c(row, ' ');
    }
    row->str[screen->column++] = letter;
}

static void erase(Screen *screen, gboolean is_below_too)
{
    GString *row = row_at(screen);

    g_string_truncate(row, MIN(row->len, screen->column));
    for (guint i = screen->row + 1; is_below_too && i < screen->rows->len; i++) {
        g_string_truncate(g_ptr_array_index(screen->rows, i), 0);
    }
}

/* Plays one escape sequence that begins at 'at'; returns what follows it. */
static const char *play_escape(Screen *screen, const char *at)
{
    char *end = NULL;

    g_assert_true(g_str_has_prefix(at, "\033["));
    guint number = (guint)strtoul(at + 2, &end, 10);
    if (*end == 'A') {
        g_assert_cmpuint(number, <=, screen->row);
        screen->row -= number;
    } else if (*end == 'J' || *end == 'K') {
        erase(screen, *end == 'J');
    } else {
        g_error("unexpected escape sequence ESC[%u%c", number, *end);
    }
    return end + 1;
}

/* The rows that a person sees, joined by newlines, without empty ones at the end. */
static char *play(const char *text, guint columns)
{
    Screen screen = {.rows = g_ptr_array_new(), .columns = columns};
    GString *seen = g_string_new(NULL);

    for (const char *at = text; *at;) {
        if (*at == '\033') {
            at = play_escape(&screen, at);
            continue;
        }
        if (*at == '\r') {
            screen.column = 0;
        } else if (*at == '\n') {
            screen.row++;
        } else {
            put(&screen, *at);
        }
        at++;
    }
    for (guint i = 0; i < screen.rows->len; i++) {
        GString *row = g_ptr_array_index(screen.rows, i);
        g_string_append_printf(seen, "%s\n", row->str);
        g_string_free(row, TRUE);
    }
    g_ptr_array_unref(screen.rows);
    return g_strchomp(g_string_free(seen, FALSE));
}

static void draw(Live *live, const char *text)
{
    g_auto(GStrv) split = g_strsplit(text, "\n", -1);
    g_autoptr(GPtrArray) lines = g_ptr_array_new();

    for (guint i = 0; split[i]; i++) {
        g_ptr_array_add(lines, split[i]);
    }
    live_draw(live, lines);
}

static void only_the_last_block_stays(void)
{
    Terminal terminal = open_terminal(40, 10);
    g_autoptr(Live) live = live_new(terminal.stream);

    g_assert_true(live_is_terminal(live));
    g_assert_cmpuint(live_rows(live), ==, 9);
    draw(live, "one\ntwo\nthree is long");
    draw(live, "four\nfive\nsix");
    draw(live, "seven\neight");
    g_autofree char *text = close_terminal(&terminal);
    g_autofree char *seen = play(text, 40);
    g_assert_cmpstr(seen, ==, "seven\neight");
}

static void said_lines_go_above_the_block(void)
{
    Terminal terminal = open_terminal(40, 10);
    g_autoptr(Live) live = live_new(terminal.stream);

    live_say(live, "first");
    draw(live, "bar 1\nbar 2");
    live_say(live, "second");
    draw(live, "bar 3\nbar 4");
    live_say(live, "third");
    g_autofree char *text = close_terminal(&terminal);
    g_autofree char *seen = play(text, 40);
    g_assert_cmpstr(seen, ==, "first\nsecond\nthird\nbar 3\nbar 4");
}

static void an_erased_block_leaves_nothing(void)
{
    Terminal terminal = open_terminal(40, 10);
    g_autoptr(Live) live = live_new(terminal.stream);

    live_say(live, "step");
    draw(live, "bar 1\nbar 2");
    live_erase(live);
    live_say(live, "done");
    g_autofree char *text = close_terminal(&terminal);
    g_autofree char *seen = play(text, 40);
    g_assert_cmpstr(seen, ==, "step\ndone");
}

static void lines_never_wrap_nor_scroll_the_block_away(void)
{
    Terminal terminal = open_terminal(20, 4);
    g_autoptr(Live) live = live_new(terminal.stream);

    for (int i = 0; i < 3; i++) {
        draw(live, "a line that is much too long for it\nb\nc\nd\ne\nf");
    }
    g_autofree char *text = close_terminal(&terminal);
    g_autofree char *seen = play(text, 20);
    g_assert_cmpstr(seen, ==, "a line that is much\nb\nc");
}

/* The screen was 40 wide and is 20 wide now: what was drawn takes twice as many rows, as terminals that rewrap show it.
 */
static void a_narrower_terminal_is_cleaned_too(void)
{
    Terminal terminal = open_terminal(40, 10);
    g_autoptr(Live) live = live_new(terminal.stream);

    draw(live, "a line of thirty columns width\nsecond");
    set_size(&terminal, 20, 10);
    draw(live, "now\nshort");
    g_autofree char *text = close_terminal(&terminal);
    g_autofree char *seen = play(text, 20);
    g_assert_cmpstr(seen, ==, "now\nshort");
}

static void a_file_gets_plain_lines_and_no_block(void)
{
    g_autofree char *path = g_strdup_printf("%s/godwit-live-%d", g_get_tmp_dir(), getpid());
    FILE *file = fopen(path, "w");
    g_autofree char *text = NULL;

    g_assert_nonnull(file);
    Live *live = live_new(file);
    g_assert_false(live_is_terminal(live));
    live_say(live, "first");
    draw(live, "bar");
    live_erase(live);
    live_say(live, "second");
    live_free(live);
    fclose(file);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    unlink(path);
    g_assert_cmpstr(text, ==, "first\nsecond\n");
}

static void no_color_and_dumb_terminals_are_honoured(void)
{
    Terminal terminal = open_terminal(72, 10);

    g_assert_true(terminal_style(terminal.stream, FALSE).has_colours);
    g_assert_cmpuint(terminal_style(terminal.stream, FALSE).columns, ==, 72);
    g_assert_false(terminal_style(terminal.stream, TRUE).has_colours);
    g_setenv("NO_COLOR", "1", TRUE);
    g_assert_false(terminal_style(terminal.stream, FALSE).has_colours);
    g_assert_cmpuint(terminal_style(terminal.stream, FALSE).columns, ==, 72);
    g_unsetenv("NO_COLOR");
    g_setenv("TERM", "dumb", TRUE);
    g_assert_false(terminal_style(terminal.stream, FALSE).has_colours);
    g_setenv("TERM", "xterm", TRUE);
    g_free(close_terminal(&terminal));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("TERM", "xterm", TRUE);
    g_unsetenv("NO_COLOR");
    g_test_add_func("/live/only-the-last-block-stays", only_the_last_block_stays);
    g_test_add_func("/live/said-lines-go-above-the-block", said_lines_go_above_the_block);
    g_test_add_func("/live/an-erased-block-leaves-nothing", an_erased_block_leaves_nothing);
    g_test_add_func("/live/lines-never-wrap-nor-scroll-the-block-away", lines_never_wrap_nor_scroll_the_block_away);
    g_test_add_func("/live/a-narrower-terminal-is-cleaned-too", a_narrower_terminal_is_cleaned_too);
    g_test_add_func("/live/a-file-gets-plain-lines-and-no-block", a_file_gets_plain_lines_and_no_block);
    g_test_add_func("/live/no-color-and-dumb-terminals-are-honoured", no_color_and_dumb_terminals_are_honoured);
    return g_test_run();
}
