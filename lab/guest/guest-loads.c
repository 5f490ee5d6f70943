/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads by name: what the memory of a VM at work looks like to one that moves it.  Every period a step writes some
 * words, lines or pages of an area.  (guest-area.c has the other loads, passes told letter by letter.)
 *
 * What is kept: the number of steps done, nothing else.  What must always be true between two steps: every word of
 * the area holds what follows from that number, so a check can stop the load anywhere and needs no second copy, which
 * would be memory to migrate itself.
 *
 *     words    in each page the n-th word written is word (start(page) + n * STRIDE) mod 512 and holds
 *              word_value(page, n).  STRIDE is odd: all words of a page get their turn, each once in 512.
 *     lines    64-byte lines in an order that looks random: line order(pass, t) is the t-th one written in a
 *              pass, each line once in a pass.
 *     random   whole pages of content.h, version by version.
 *     text     whole pages of guest-text.c, version by version.
 *
 * Before its first write an even page holds content that offers nothing to a compressor, an odd page text.
 *
 * One worker, whatever the number of vCPUs: the loads are paced.  A period that was missed is not caught up. */
#include "guest.h"
#include "content.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define STRIDE       197u               /* words; odd, and far enough for another cache line */
#define LINE_WORDS   8u
#define PAGE_LINES   (CONTENT_PAGE_WORDS / LINE_WORDS)
#define LINES_BITS   20u                /* of the lines' area: 2^20 lines are 64 MiB */
#define LINES        (1u << LINES_BITS)

typedef struct Load {
    const char *name;
    uint64_t period_ms;
    uint64_t words_pages, words_per_page;
    uint64_t lines;                     /* in each step; the area is LINES then */
    uint64_t random_pages;
    uint64_t text_pages;
    const char *what;
} Load;

static const Load loads[] = {
    { "idle", 400, 0, 0, 0, 0, 0, "nothing" },
    { "sparse", 400, 16384, 1, 0, 0, 0, "one 8-byte word in each of 16384 pages, every 400 ms" },
    { "mixed", 200, 6144, 3, 0, 256, 256,
      "3 words in each of 6144 pages, 1 MiB incompressible and 1 MiB of text, every 200 ms" },
    { "rewrite", 80, 0, 0, 0, 2048, 0, "8 MiB incompressible, every 80 ms" },
    { "random64", 100, 0, 0, 4096, 0, 0, "4096 lines of 64 bytes all over 64 MiB, every 100 ms" },
    { "text", 100, 0, 0, 0, 0, 1024, "4 MiB of text, every 100 ms" },
};

static const Load *load;
static uint64_t seed;
static uint64_t *words_area, *lines_area, *random_area, *text_area;
static uint64_t steps;                  /* done; written by the worker between two steps */
static _Atomic uint64_t steps_seen, work_bytes;

static pthread_mutex_t step_lock = PTHREAD_MUTEX_INITIALIZER;  /* held for each step, and during a check */
static atomic_bool check_runs;

void loads_print(void)
{
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        const Load *row = &loads[i];
        uint64_t pages = row->words_pages + (row->lines ? LINES / PAGE_LINES : 0) + row->random_pages + row->text_pages;

        printf("%s %llu %s\n", row->name, (unsigned long long)(pages * CONTENT_PAGE_BYTES), row->what);
    }
}

static const Load *load_find(const char *name)
{
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        if (strcmp(loads[i].name, name) == 0) {
            return &loads[i];
        }
    }
    return NULL;
}

bool load_is_named(const char *name)
{
    return load_find(name) != NULL;
}

/* Each kind of area has its own seed, so that no two pages of the guest are alike by accident. */
static uint64_t kind_seed(unsigned kind)
{
    return content_mix(seed ^ (0x10ad0000u + kind));
}

enum { WORDS_SEED, LINES_SEED, RANDOM_SEED, TEXT_SEED };

static void page_write(uint64_t *page_words, uint64_t base)
{
    for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++, base += CONTENT_STEP) {
        page_words[i] = base;
    }
}

/* What a page of words or lines holds before anything is written to it. */
static void page_before(uint64_t *page_words, uint64_t area_seed, uint64_t page)
{
    if (page % 2) {
        text_page(page_words, area_seed, page, 0);
    } else {
        page_write(page_words, content_base(area_seed, page, 0));
    }
}

/* --- words --- */

static uint64_t word_start(uint64_t page)
{
    return content_mix(kind_seed(WORDS_SEED) + page) % CONTENT_PAGE_WORDS;
}

static uint64_t word_value(uint64_t page, uint64_t n)
{
    return content_base(kind_seed(WORDS_SEED), page, n + 1);
}

static void words_step(void)
{
    for (uint64_t page = 0; page < load->words_pages; page++) {
        uint64_t start = word_start(page);

        for (uint64_t n = steps * load->words_per_page; n < (steps + 1) * load->words_per_page; n++) {
            words_area[page * CONTENT_PAGE_WORDS + (start + n * STRIDE) % CONTENT_PAGE_WORDS] = word_value(page, n);
        }
    }
}

static void words_right(uint64_t *right, uint64_t page)
{
    uint64_t end = steps * load->words_per_page, start = word_start(page);

    page_before(right, kind_seed(WORDS_SEED), page);
    for (uint64_t n = end > CONTENT_PAGE_WORDS ? end - CONTENT_PAGE_WORDS : 0; n < end; n++) {
        right[(start + n * STRIDE) % CONTENT_PAGE_WORDS] = word_value(page, n);
    }
}

/* --- lines --- */

/* A permutation of the lines for each pass: affine, folded, multiplied by an odd number, folded again; each of these
 * can be undone, so no line comes twice. */
static uint32_t line_order(uint64_t pass, uint32_t t)
{
    uint32_t mask = LINES - 1, x = (t * 0x2c1b3u + (uint32_t)content_mix(seed + pass)) & mask;

    x ^= x >> (LINES_BITS / 2);
    x = (x * 0x9e375u) & mask;
    return x ^ (x >> (LINES_BITS / 2));
}

static void line_write(uint64_t *line_words, uint32_t line, uint64_t pass)
{
    uint64_t value = content_base(kind_seed(LINES_SEED), line, pass + 1);

    for (unsigned i = 0; i < LINE_WORDS; i++, value += CONTENT_STEP) {
        line_words[i] = value;
    }
}

static void lines_step(void)
{
    for (uint64_t i = 0; i < load->lines; i++) {
        uint64_t n = steps * load->lines + i;
        uint32_t line = line_order(n / LINES, (uint32_t)(n % LINES));

        line_write(lines_area + (uint64_t)line * LINE_WORDS, line, n / LINES);
    }
}

/* For each line the number of passes that have written it. */
static void lines_written(uint32_t *passes_of_line)
{
    uint64_t n = steps * load->lines, pass = n / LINES;

    for (uint32_t t = 0; t < LINES; t++) {
        passes_of_line[line_order(pass, t)] = (uint32_t)(pass + (t < n % LINES));
    }
}

static void lines_right(uint64_t *right, uint64_t page, const uint32_t *passes_of_line)
{
    page_before(right, kind_seed(LINES_SEED), page);
    for (unsigned i = 0; i < PAGE_LINES; i++) {
        uint32_t line = (uint32_t)(page * PAGE_LINES + i);

        if (passes_of_line[line] > 0) {
            line_write(right + i * LINE_WORDS, line, passes_of_line[line] - 1);
        }
    }
}

/* --- the worker --- */

static void step(void)
{
    words_step();
    lines_step();
    for (uint64_t page = 0; page < load->random_pages; page++) {
        page_write(random_area + page * CONTENT_PAGE_WORDS, content_base(kind_seed(RANDOM_SEED), page, steps + 1));
    }
    for (uint64_t page = 0; page < load->text_pages; page++) {
        text_page(text_area + page * CONTENT_PAGE_WORDS, kind_seed(TEXT_SEED), page, steps + 1);
    }
    steps++;
    atomic_store(&steps_seen, steps);
    atomic_fetch_add(&work_bytes, load->words_pages * load->words_per_page * 8 + load->lines * LINE_WORDS * 8
                     + (load->random_pages + load->text_pages) * CONTENT_PAGE_BYTES);
}

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void *worker_run(void *unused)
{
    uint64_t due_ns = clock_ns();

    (void)unused;
    for (;;) {
        pthread_mutex_lock(&step_lock);
        step();
        pthread_mutex_unlock(&step_lock);
        due_ns += load->period_ms * 1000000ull;
        uint64_t now_ns = clock_ns();
        due_ns = due_ns < now_ns ? now_ns : due_ns;
        struct timespec until = { (time_t)(due_ns / 1000000000ull), (long)(due_ns % 1000000000ull) };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    return NULL;
}

static uint64_t *area_new(uint64_t n_pages)
{
    if (n_pages == 0) {
        return NULL;
    }
    void *memory = mmap(NULL, n_pages * CONTENT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        die("no memory for a load area of %llu pages", (unsigned long long)n_pages);
    }
    return memory;
}

static void areas_make(const Load *chosen, uint64_t chosen_seed)
{
    seed = chosen_seed;
    load = chosen;
    steps = 0;
    words_area = area_new(load->words_pages);
    for (uint64_t page = 0; page < load->words_pages; page++) {
        page_before(words_area + page * CONTENT_PAGE_WORDS, kind_seed(WORDS_SEED), page);
    }
    lines_area = area_new(load->lines ? LINES / PAGE_LINES : 0);
    for (uint64_t page = 0; lines_area && page < LINES / PAGE_LINES; page++) {
        page_before(lines_area + page * CONTENT_PAGE_WORDS, kind_seed(LINES_SEED), page);
    }
    random_area = area_new(load->random_pages);
    text_area = area_new(load->text_pages);
    step();                             /* the areas of whole pages get their first content by it */
}

void loads_start(const Settings *settings)
{
    pthread_t thread;

    areas_make(load_find(settings->pattern), settings->seed);
    if (pthread_create(&thread, NULL, worker_run, NULL) != 0) {
        die("cannot start the worker of the load");
    }
}

void loads_pause(void)
{
    pthread_mutex_lock(&step_lock);
    atomic_store(&check_runs, true);
}

void loads_resume(void)
{
    atomic_store(&check_runs, false);
    pthread_mutex_unlock(&step_lock);
}

bool loads_are_paused(void)
{
    return atomic_load(&check_runs);
}

/* --- the check --- */

static void page_compare(const char *kind, uint64_t page, const uint64_t *found, const uint64_t *right,
                         Verdict *verdict)
{
    if (memcmp(found, right, CONTENT_PAGE_BYTES) == 0) {
        return;
    }
    for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++) {
        if (found[i] != right[i]) {
            verdict_add(verdict, "%s page %llu word %u is %016llx, should be %016llx (step %llu)", kind,
                        (unsigned long long)page, i, (unsigned long long)found[i], (unsigned long long)right[i],
                        (unsigned long long)steps);
        }
    }
}

static void lines_verify(uint64_t *right, Verdict *verdict)
{
    uint32_t *passes_of_line = malloc(LINES * sizeof(*passes_of_line));

    if (!passes_of_line) {
        verdict_add(verdict, "no memory to check the lines with");
        return;
    }
    lines_written(passes_of_line);
    for (uint64_t page = 0; page < LINES / PAGE_LINES; page++) {
        lines_right(right, page, passes_of_line);
        page_compare("line", page, lines_area + page * CONTENT_PAGE_WORDS, right, verdict);
    }
    free(passes_of_line);
}

void loads_verify(Verdict *verdict)
{
    uint64_t right[CONTENT_PAGE_WORDS];

    if (!load) {
        return;
    }
    for (uint64_t page = 0; page < load->words_pages; page++) {
        words_right(right, page);
        page_compare("word", page, words_area + page * CONTENT_PAGE_WORDS, right, verdict);
    }
    if (lines_area) {
        lines_verify(right, verdict);
    }
    for (uint64_t page = 0; page < load->random_pages; page++) {
        page_write(right, content_base(kind_seed(RANDOM_SEED), page, steps));
        page_compare("random", page, random_area + page * CONTENT_PAGE_WORDS, right, verdict);
    }
    for (uint64_t page = 0; page < load->text_pages; page++) {
        text_page(right, kind_seed(TEXT_SEED), page, steps);
        page_compare("text", page, text_area + page * CONTENT_PAGE_WORDS, right, verdict);
    }
}

uint64_t loads_work_bytes(void)
{
    return atomic_load(&work_bytes);
}

uint64_t loads_steps(void)
{
    return atomic_load(&steps_seen);
}
