/* SPDX-License-Identifier: Apache-2.0
 *
 * The loads by name: what the guest believes its memory must hold is what it has written, after any number of steps,
 * and a single changed word is found wherever it lies.  Built with the file under test inside, to step it by hand. */
#include "guest-loads.c"

#include <glib.h>
#include <stdarg.h>

void die(const char *format, ...)
{
    g_error("%s", format);
}

void verdict_add(Verdict *verdict, const char *format, ...)
{
    (void)format;
    verdict->wrong++;
}

static unsigned differences(void)
{
    Verdict verdict = { 0 };

    loads_verify(&verdict);
    return verdict.wrong;
}

/* Changes one word of an area, sees that just that is noticed, and puts it back. */
static void spoil(uint64_t *area, uint64_t n_pages, uint64_t salt)
{
    if (!area || n_pages == 0) {
        return;
    }
    uint64_t *word = &area[content_mix(salt) % (n_pages * CONTENT_PAGE_WORDS)];
    *word ^= 1ull << (salt % 64);
    g_assert_cmpuint(differences(), ==, 1);
    *word ^= 1ull << (salt % 64);
}

static void area_drop(uint64_t *area, uint64_t n_pages)
{
    if (area) {
        munmap(area, n_pages * CONTENT_PAGE_BYTES);
    }
}

/* The loads keep to their sizes here except for fewer pages of words, which differ in nothing but their number. */
static void test_known_at_any_step(gconstpointer which)
{
    Load small = *(const Load *)which;
    const unsigned stops[] = { 1, 2, 170, 171, 520 };

    small.words_pages = MIN(small.words_pages, 64);
    small.random_pages = MIN(small.random_pages, 16);
    small.text_pages = MIN(small.text_pages, 16);
    areas_make(&small, 4711);
    for (guint i = 0; i < G_N_ELEMENTS(stops); i++) {
        while (steps < stops[i]) {
            step();
        }
        g_assert_cmpuint(differences(), ==, 0);
    }
    spoil(words_area, small.words_pages, 1);
    spoil(lines_area, small.lines ? LINES / PAGE_LINES : 0, 2);
    spoil(random_area, small.random_pages, 3);
    spoil(text_area, small.text_pages, 4);
    g_assert_cmpuint(differences(), ==, 0);
    area_drop(words_area, small.words_pages);
    area_drop(lines_area, small.lines ? LINES / PAGE_LINES : 0);
    area_drop(random_area, small.random_pages);
    area_drop(text_area, small.text_pages);
}

static void test_every_line_once_in_a_pass(void)
{
    g_autofree guint8 *seen = g_malloc0(LINES);

    for (uint64_t pass = 0; pass < 3; pass++) {
        for (uint32_t t = 0; t < LINES; t++) {
            seen[line_order(pass, t)]++;
        }
        for (uint32_t line = 0; line < LINES; line++) {
            g_assert_cmpuint(seen[line], ==, pass + 1);
        }
    }
}

/* A step of a words load must touch the number of words that its name promises, each in its own place. */
static void test_words_change_few(void)
{
    g_autofree uint64_t *before = NULL;
    Load small = *load_find("mixed");
    uint64_t changed = 0;

    small.words_pages = 8;
    areas_make(&small, 1);
    before = g_memdup2(words_area, 8 * CONTENT_PAGE_BYTES);
    step();
    for (unsigned i = 0; i < 8 * CONTENT_PAGE_WORDS; i++) {
        changed += before[i] != words_area[i];
    }
    g_assert_cmpuint(changed, ==, 8 * 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(loads); i++) {
        g_autofree char *path = g_strdup_printf("/guest-loads/%s-is-known-at-any-step", loads[i].name);

        g_test_add_data_func(path, &loads[i], test_known_at_any_step);
    }
    g_test_add_func("/guest-loads/every-line-is-written-once-in-a-pass", test_every_line_once_in_a_pass);
    g_test_add_func("/guest-loads/a-step-changes-as-many-words-as-it-says", test_words_change_few);
    return g_test_run();
}
