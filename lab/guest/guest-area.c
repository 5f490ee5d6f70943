/* SPDX-License-Identifier: Apache-2.0
 *
 * The load: passes over an area, one (or --repeat) for each letter of the pattern, for ever.
 *
 * What is kept: the number of the write pass each worker is in and how many pages of it are done.
 * What must always be true between two pages: pages before that position hold the content of
 * this write pass, the others that of the pass before (content.h).  So the right content of every
 * word is known at any moment without a second copy, and a check can stop the load anywhere.
 *
 * With --sparse only a run of words in each page is written; where it lies differs by page, so
 * that all cache lines of a page get their turn across the area.  The rest keeps pass 0.
 *
 * A read pass compares the sum of each page with its closed form; a page that was lost on the
 * way is noticed within one pass even if the next write pass would cover it up. */
#include "guest.h"
#include "content.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define WORKERS_MAX  64
#define CLOCK_PAGES  16                 /* with a rate: pages between two looks at the clock */

typedef struct Worker {
    uint64_t *words;
    uint64_t first_page;                /* of the slice, within the area */
    uint64_t n_pages;
    uint64_t write_pass;                /* number of the latest write pass begun */
    uint64_t written_pages;             /* how far it is */
    uint64_t page_ns;                   /* time one page may take; 0: flat out */
    uint64_t due_ns;                    /* when the next page is due */
    /* Read by the heartbeat, written by the worker alone. */
    _Atomic uint64_t work_bytes;
    _Atomic uint64_t passes;
} Worker;

static Worker workers[WORKERS_MAX];
static unsigned n_workers;
static const char *pattern;
static uint64_t passes_per_letter;
static uint64_t seed, sparse_words;

static pthread_mutex_t pause_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pause_changed = PTHREAD_COND_INITIALIZER;
static atomic_bool pause_wanted;        /* read without the lock once per page */
static unsigned n_parked;               /* under pause_lock */

static _Atomic uint64_t wrong_sums;
static _Atomic uint64_t first_wrong_page;

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* Which words of 'page' a write pass writes. */
static void written_run(uint64_t page, uint64_t *first, uint64_t *length)
{
    *length = sparse_words;
    *first = sparse_words == CONTENT_PAGE_WORDS ? 0
             : content_mix(page) % (CONTENT_PAGE_WORDS - sparse_words + 1);
}

static uint64_t pass_of_page(const Worker *worker, uint64_t page)
{
    return worker->write_pass == 0 ? 0 : page < worker->written_pages ? worker->write_pass : worker->write_pass - 1;
}

static void write_words(uint64_t *words, uint64_t base, uint64_t first, uint64_t length)
{
    uint64_t value = base + first * CONTENT_STEP;

    for (uint64_t i = first; i < first + length; i++, value += CONTENT_STEP) {
        words[i] = value;
    }
}

static void park(void)
{
    pthread_mutex_lock(&pause_lock);
    n_parked++;
    pthread_cond_broadcast(&pause_changed);
    while (atomic_load(&pause_wanted)) {
        pthread_cond_wait(&pause_changed, &pause_lock);
    }
    n_parked--;
    pthread_cond_broadcast(&pause_changed);
    pthread_mutex_unlock(&pause_lock);
}

/* Keeps to the rate.  Work that was missed for more than 100 ms (the VM stood still) is not
 * caught up: a lost second shall show as lost work. */
static void pace(Worker *worker, uint64_t page)
{
    if (worker->page_ns == 0) {
        return;
    }
    worker->due_ns += worker->page_ns;
    if (page % CLOCK_PAGES != 0) {
        return;
    }
    uint64_t now = clock_ns();
    if (worker->due_ns + 100000000ull < now) {
        worker->due_ns = now;
    } else if (worker->due_ns > now + 1000000ull) {
        struct timespec until = { (time_t)(worker->due_ns / 1000000000ull), (long)(worker->due_ns % 1000000000ull) };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

static void finish_page(Worker *worker, uint64_t page)
{
    atomic_fetch_add_explicit(&worker->work_bytes, CONTENT_PAGE_BYTES, memory_order_relaxed);
    pace(worker, page);
    if (atomic_load_explicit(&pause_wanted, memory_order_relaxed)) {
        park();
    }
}

static void write_pass(Worker *worker)
{
    worker->written_pages = 0;
    worker->write_pass++;
    for (uint64_t page = 0; page < worker->n_pages; page++) {
        uint64_t global_page = worker->first_page + page, first, length;

        written_run(global_page, &first, &length);
        write_words(worker->words + page * CONTENT_PAGE_WORDS, content_base(seed, global_page, worker->write_pass),
                    first, length);
        worker->written_pages = page + 1;
        finish_page(worker, page);
    }
}

static uint64_t right_sum(const Worker *worker, uint64_t page)
{
    uint64_t global_page = worker->first_page + page, first, length;
    uint64_t base_before = content_base(seed, global_page, 0);
    uint64_t base_now = content_base(seed, global_page, pass_of_page(worker, page));

    written_run(global_page, &first, &length);
    return content_sum(base_before, 0, CONTENT_PAGE_WORDS) - content_sum(base_before, first, length)
           + content_sum(base_now, first, length);
}

static void read_pass(Worker *worker)
{
    for (uint64_t page = 0; page < worker->n_pages; page++) {
        /* volatile: every word is really read, as the name of the pass promises */
        const volatile uint64_t *words = worker->words + page * CONTENT_PAGE_WORDS;
        uint64_t sum = 0;

        for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++) {
            sum += words[i];
        }
        if (sum != right_sum(worker, page) && atomic_fetch_add(&wrong_sums, 1) == 0) {
            atomic_store(&first_wrong_page, worker->first_page + page);
        }
        finish_page(worker, page);
    }
}

static void *worker_run(void *argument)
{
    Worker *worker = argument;

    worker->due_ns = clock_ns();
    for (;;) {
        for (const char *letter = pattern; *letter; letter++) {
            for (uint64_t i = 0; i < passes_per_letter; i++) {
                if (*letter == 'w') {
                    write_pass(worker);
                } else {
                    read_pass(worker);
                }
                atomic_fetch_add_explicit(&worker->passes, 1, memory_order_relaxed);
            }
        }
    }
    return NULL;
}

static void worker_start(Worker *worker, uint64_t first_page, uint64_t n_pages, uint64_t page_ns)
{
    pthread_t thread;
    void *memory = mmap(NULL, n_pages * CONTENT_PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory == MAP_FAILED) {
        die("no memory for a load area of %llu pages", (unsigned long long)n_pages);
    }
    worker->words = memory;
    worker->first_page = first_page;
    worker->n_pages = n_pages;
    worker->page_ns = page_ns;
    for (uint64_t page = 0; page < n_pages; page++) {
        write_words(worker->words + page * CONTENT_PAGE_WORDS, content_base(seed, first_page + page, 0), 0,
                    CONTENT_PAGE_WORDS);
    }
    if (pthread_create(&thread, NULL, worker_run, worker) != 0) {
        die("cannot start a worker of the load");
    }
}

void area_start(const Settings *settings)
{
    uint64_t n_pages = settings->area_bytes / CONTENT_PAGE_BYTES, first_page = 0;
    unsigned wanted = settings->vcpus < 1 ? 1 : settings->vcpus > WORKERS_MAX ? WORKERS_MAX : settings->vcpus;

    if (n_pages < wanted) {
        die("an area of %llu bytes is too small for %u workers", (unsigned long long)settings->area_bytes, wanted);
    }
    pattern = settings->pattern;
    passes_per_letter = settings->passes_per_letter ? settings->passes_per_letter : 1;
    seed = settings->seed;
    sparse_words = settings->sparse_bytes ? (settings->sparse_bytes + 7) / 8 : CONTENT_PAGE_WORDS;
    sparse_words = sparse_words > CONTENT_PAGE_WORDS ? CONTENT_PAGE_WORDS : sparse_words;
    for (unsigned i = 0; i < wanted; i++) {
        uint64_t share = (n_pages - first_page) / (wanted - i);
        uint64_t page_ns = settings->rate_bytes_per_s
                           ? CONTENT_PAGE_BYTES * 1000000000ull * wanted / settings->rate_bytes_per_s : 0;

        worker_start(&workers[i], first_page, share, page_ns);
        first_page += share;
    }
    n_workers = wanted;
}

void area_pause(void)
{
    pthread_mutex_lock(&pause_lock);
    atomic_store(&pause_wanted, true);
    while (n_parked < n_workers) {
        pthread_cond_wait(&pause_changed, &pause_lock);
    }
    pthread_mutex_unlock(&pause_lock);
}

void area_resume(void)
{
    pthread_mutex_lock(&pause_lock);
    atomic_store(&pause_wanted, false);
    pthread_cond_broadcast(&pause_changed);
    while (n_parked > 0) {
        pthread_cond_wait(&pause_changed, &pause_lock);
    }
    pthread_mutex_unlock(&pause_lock);
}

bool area_is_paused(void)
{
    return atomic_load(&pause_wanted);
}

bool area_met_wrong_sum(void)
{
    return atomic_load(&wrong_sums) != 0;
}

static void verify_page(const Worker *worker, uint64_t page, Verdict *verdict)
{
    uint64_t global_page = worker->first_page + page, pass = pass_of_page(worker, page), first, length;
    const uint64_t *words = worker->words + page * CONTENT_PAGE_WORDS;

    written_run(global_page, &first, &length);
    for (uint64_t i = 0; i < CONTENT_PAGE_WORDS; i++) {
        bool is_written = i >= first && i < first + length;
        uint64_t right = content_base(seed, global_page, is_written ? pass : 0) + i * CONTENT_STEP;

        if (words[i] != right) {
            verdict_add(verdict, "area page %llu word %llu is %016llx, should be %016llx (write pass %llu)",
                        (unsigned long long)global_page, (unsigned long long)i, (unsigned long long)words[i],
                        (unsigned long long)right, (unsigned long long)pass);
        }
    }
}

void area_verify(Verdict *verdict)
{
    uint64_t wrong = atomic_load(&wrong_sums);

    for (unsigned i = 0; i < n_workers; i++) {
        for (uint64_t page = 0; page < workers[i].n_pages; page++) {
            verify_page(&workers[i], page, verdict);
        }
    }
    if (wrong) {
        verdict_add(verdict, "read passes met %llu wrong sums, the first in area page %llu", (unsigned long long)wrong,
                    (unsigned long long)atomic_load(&first_wrong_page));
    }
}

uint64_t area_work_bytes(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < n_workers; i++) {
        sum += atomic_load_explicit(&workers[i].work_bytes, memory_order_relaxed);
    }
    return sum;
}

uint64_t area_passes(void)
{
    uint64_t least = n_workers ? UINT64_MAX : 0;

    for (unsigned i = 0; i < n_workers; i++) {
        uint64_t passes = atomic_load_explicit(&workers[i].passes, memory_order_relaxed);
        least = passes < least ? passes : least;
    }
    return least;
}
