/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/text.c. */
#include "report/text.h"
#include "samples.h"

#include <math.h>

static void assert_takes(char *text, const char *wanted)
{
    g_assert_cmpstr(text, ==, wanted);
    g_free(text);
}

static void width_ignores_colours_and_knows_wide_letters(void)
{
    g_autofree char *red = text_ink("failed", INK_BAD, &COLOURED);

    g_assert_nonnull(strstr(red, "\033[31m"));
    g_assert_cmpuint(text_width(red), ==, 6);
    g_assert_cmpuint(text_width("日本"), ==, 4);
    g_assert_cmpuint(text_width("e\u0301"), ==, 1);
    g_assert_cmpuint(text_width(""), ==, 0);
}

static void no_colours_without_colours(void)
{
    assert_takes(text_ink("failed", INK_BAD, &PLAIN), "failed");
}

static void clean_text_cannot_move_the_cursor(void)
{
    assert_takes(text_clean("a\n\033[2Jb\r\tc"), "a  [2Jb  c");
    assert_takes(text_clean(NULL), "");
    g_autofree char *repaired = text_clean("x\xff"
                                           "y");
    g_assert_true(g_utf8_validate(repaired, -1, NULL));
}

static void clip_keeps_colours_ending(void)
{
    g_autofree char *red = text_ink("failed", INK_BAD, &COLOURED);

    assert_takes(text_clip(red, 4), "\033[31mfail\033[0m");
    assert_takes(text_clip("日本", 3), "日");
    assert_takes(text_clip("abc", 3), "abc");
    assert_takes(text_clip("abc", 0), "");
}

static void wrap_breaks_between_words(void)
{
    assert_takes(text_wrap("one two three", 2, 0), "  one two three\n");
    assert_takes(text_wrap("aaaaaaaaaaaa bbbbbbbbbbbb cc", 2, 30), "  aaaaaaaaaaaa bbbbbbbbbbbb cc\n");
    assert_takes(text_wrap("aaaaaaaaaaaa bbbbbbbbbbbb ccc", 2, 30), "  aaaaaaaaaaaa bbbbbbbbbbbb\n  ccc\n");
    assert_takes(text_wrap("", 4, 80), "\n");
}

static void bar_is_as_wide_as_it_is_told(void)
{
    static const double SHARES[] = {-1, 0, 0.01, 0.42, 0.5, 0.999, 1, 7, NAN};

    for (gsize i = 0; i < G_N_ELEMENTS(SHARES); i++) {
        for (guint width = 2; width < 30; width++) {
            g_autofree char *smooth = text_bar(SHARES[i], width, &COLOURED);
            g_autofree char *ascii = text_bar(SHARES[i], width, &PLAIN);

            g_assert_cmpuint(text_width(smooth), ==, width);
            g_assert_cmpuint(text_width(ascii), ==, width);
            g_assert_true(g_str_is_ascii(ascii));
        }
    }
    assert_takes(text_bar(0.5, 12, &PLAIN), "[#####.....]");
    assert_takes(text_bar(1, 3, &COLOURED), "███");
    assert_takes(text_bar(0, 3, &COLOURED), "░░░");
}

static void sparkline_shows_the_newest_values(void)
{
    static const double SERIES[] = {8, 0, 1, 2, NAN, 4};

    assert_takes(text_sparkline(SERIES, 6, 3, 4, &COLOURED), "▅?█");
    assert_takes(text_sparkline(SERIES, 6, 3, 4, &PLAIN), "+?#");
    assert_takes(text_sparkline(SERIES, 2, 4, 0, &COLOURED), "  █▁");
    assert_takes(text_sparkline(SERIES, 0, 2, 0, &COLOURED), "  ");
    assert_takes(text_sparkline(SERIES + 1, 1, 1, 0, &COLOURED), "▁");
}

static void numbers_keep_three_figures(void)
{
    assert_takes(text_number(NAN), "-");
    assert_takes(text_number(0), "0");
    assert_takes(text_number(0.4211), "0.42");
    assert_takes(text_number(12.34), "12.3");
    assert_takes(text_number(1234.6), "1235");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/width-ignores-colours-and-knows-wide-letters", width_ignores_colours_and_knows_wide_letters);
    g_test_add_func("/text/no-colours-without-colours", no_colours_without_colours);
    g_test_add_func("/text/clean-text-cannot-move-the-cursor", clean_text_cannot_move_the_cursor);
    g_test_add_func("/text/clip-keeps-colours-ending", clip_keeps_colours_ending);
    g_test_add_func("/text/wrap-breaks-between-words", wrap_breaks_between_words);
    g_test_add_func("/text/bar-is-as-wide-as-it-is-told", bar_is_as_wide_as_it_is_told);
    g_test_add_func("/text/sparkline-shows-the-newest-values", sparkline_shows_the_newest_values);
    g_test_add_func("/text/numbers-keep-three-figures", numbers_keep_three_figures);
    return g_test_run();
}
