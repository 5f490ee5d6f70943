/* SPDX-License-Identifier: Apache-2.0
 *
 * PageStrata; see page-strata.h.
 *
 * Theory of operation.  A guest of 131072 pages that writes 2048 of them again and again shows 16 written pages among
 * 1000 drawn at random: an error of 25 %.  But written pages lie together, and those written a moment ago will be
 * written again.  So the pages are divided by what was seen before:
 *
 *     hot    blocks of 64 pages of which half or more were written when last looked at
 *     warm   blocks in which some page was
 *     cold   all others
 *
 * and each stratum is sampled at its own rate, 1 of every 'stride' pages: systematically, from a random start, so that
 * every page of the stratum has the same chance 1/stride.  Then
 *
 *     written = sum over written looks of their stride          (Horvitz and Thompson 1952)
 *
 * is unbiased whatever the strata are, because they depend only on earlier windows; a bad division costs precision,
 * never truth.  The number of looks in each stratum is proportional to N * sqrt(p (1 - p)) (Neyman 1934; Cochran,
 * Sampling Techniques, 1977, section 5.5), with a floor so that news anywhere is found.
 *
 * The variance given is that of simple random sampling inside each stratum, which a systematic draw over pages that lie
 * together undercuts: it errs on the safe side.  p is pooled over recent windows, (D + 1/2) / (N + 1), so that a
 * stratum in which nothing was found yet is not taken to be certain.
 *
 * Always true: a block is in 'dense' exactly when it is warm or hot; memory grows with the dense blocks
 * (MAX_DENSE_BLOCKS) and never with the guest.
 *
 * Not done: a flat table of all pages with a hash each, swept in turn.  It finds everything once per sweep, but the
 * sweep of 1 GiB costs 0.3 s of CPU time, thirty times the default budget for a second. */
#include "observe/page-strata.h"

#include <math.h>

#define MAX_DENSE_BLOCKS 8192 /* 2 GiB of memory in blocks that are being written */
#define MAX_COLD_DRAWS   4096
#define CLEAN_WINDOWS    20  /* a block that was looked at so often and found clean is cold again */
#define PRESENT_WINDOWS  16  /* how long a dense block's bits are believed */
#define LEAST_LOOKS      16  /* in each stratum that has pages */
#define NEIGHBOURS       4   /* blocks on each side of a written one that are looked at, too */
#define SCORE_WEIGHT     0.5 /* of the newest window in a block's share of written pages */

/* How much of earlier windows is believed.  A cold page that was found written makes its block dense, so that it says
 * nothing about the pages that are cold from then on; those looked at in vain do. */
static const double DRAWS_DECAY[STRATA] = {0.97, 0.9, 0.9};
static const double WRITTEN_DECAY[STRATA] = {0.5, 0.9, 0.9};

typedef struct Block {
    guint64 index;
    guint64 present;
    Stratum stratum; /* warm or hot */
    double score;    /* share of its looks that were written, smoothed */
    guint clean_windows;
    guint windows_to_refresh;
    guint looks; /* in the window being accounted */
    guint written;
} Block;

struct PageStrata {
    guint64 pages;
    GRand *rand;
    PagesPresentFunc present;
    gpointer user;
    GHashTable *dense;     /* &block->index -> Block, owned */
    double readable_share; /* of the cold draws */

    /* Of the last draw. */
    double population[STRATA]; /* pages */
    double draws[STRATA];      /* what strides were counted by; cold: those that hit absent pages, too */
    double stride[STRATA];

    /* Over recent windows. */
    double pooled_draws[STRATA];
    double pooled_written[STRATA];
};

PageStrata *strata_new(guint64 pages, guint64 resident_pages, guint64 seed, PagesPresentFunc present, gpointer user)
{
    PageStrata *strata = g_new0(PageStrata, 1);
    const guint32 seeds[2] = {(guint32)seed, (guint32)(seed >> 32)};

    strata->pages = pages;
    strata->rand = g_rand_new_with_seed_array(seeds, 2);
    strata->present = present;
    strata->user = user;
    strata->dense = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    strata->readable_share = CLAMP((double)resident_pages / (double)MAX(pages, 1), 0.05, 1);
    return strata;
}

void strata_free(PageStrata *strata)
{
    if (strata) {
        g_rand_free(strata->rand);
        g_hash_table_unref(strata->dense);
        g_free(strata);
    }
}

static gint compare_blocks(gconstpointer a, gconstpointer b)
{
    const Block *left = *(const Block *const *)a;
    const Block *right = *(const Block *const *)b;

    return (left->index > right->index) - (left->index < right->index);
}

/* The dense blocks in address order, so that a seed gives the same draw every time.  Borrowed blocks. */
static GPtrArray *sorted_blocks(const PageStrata *strata)
{
    GPtrArray *blocks = g_ptr_array_new();
    GHashTableIter iter;
    gpointer block = NULL;

    g_hash_table_iter_init(&iter, strata->dense);
    while (g_hash_table_iter_next(&iter, NULL, &block)) {
        g_ptr_array_add(blocks, block);
    }
    g_ptr_array_sort(blocks, compare_blocks);
    return blocks;
}

static double pooled_share(const PageStrata *strata, Stratum stratum)
{
    return (strata->pooled_written[stratum] + 0.5) / (strata->pooled_draws[stratum] + 1);
}

static void count_population(PageStrata *strata, GPtrArray *blocks)
{
    strata->population[STRATUM_WARM] = strata->population[STRATUM_HOT] = 0;
    for (guint i = 0; i < blocks->len; i++) {
        Block *block = g_ptr_array_index(blocks, i);

        if (block->windows_to_refresh-- == 0) {
            guint64 first = block->index * BLOCK_PAGES;
            block->present = strata->present(first, (guint)MIN(BLOCK_PAGES, strata->pages - first), strata->user);
            block->windows_to_refresh = PRESENT_WINDOWS;
        }
        strata->population[block->stratum] += __builtin_popcountll(block->present);
    }
    strata->population[STRATUM_COLD] = (double)(strata->pages - MIN(strata->pages, (guint64)blocks->len * BLOCK_PAGES));
}

/* Divides 'length' looks among the strata and sets strides. */
static void allocate(PageStrata *strata, guint length)
{
    double weight[STRATA] = {0};
    double weights = 0;

    for (int s = 0; s < STRATA; s++) {
        double share = pooled_share(strata, (Stratum)s);
        double readable = s == STRATUM_COLD ? strata->readable_share : 1;
        weight[s] = strata->population[s] * readable * sqrt(share * (1 - MIN(share, 0.999)));
        weights += weight[s];
    }
    weight[STRATUM_COLD] = MAX(weight[STRATUM_COLD], weights / 4);
    weights = weight[STRATUM_COLD] + weight[STRATUM_WARM] + weight[STRATUM_HOT];
    for (int s = 0; s < STRATA; s++) {
        double looks = MAX(weights > 0 ? length * weight[s] / weights : 0, LEAST_LOOKS);
        if (s == STRATUM_COLD) {
            looks = MIN(looks / strata->readable_share, MAX_COLD_DRAWS);
        }
        strata->stride[s] = MAX(strata->population[s] / looks, 1);
    }
}

static void draw_dense(PageStrata *strata, GPtrArray *blocks, Stratum stratum, GArray *looks)
{
    double next = g_rand_double(strata->rand) * strata->stride[stratum];
    double position = 0;

    for (guint i = 0; i < blocks->len; i++) {
        const Block *block = g_ptr_array_index(blocks, i);
        if (block->stratum != stratum) {
            continue;
        }
        for (guint64 left = block->present; left; left &= left - 1, position++) {
            if (position + 1 > next) {
                PageLook look = {block->index * BLOCK_PAGES + (guint64)__builtin_ctzll(left), stratum, FALSE, FALSE, 0};
                g_array_append_val(looks, look);
                next += strata->stride[stratum];
            }
        }
    }
    strata->draws[stratum] = strata->population[stratum] / strata->stride[stratum];
}

static void draw_cold(PageStrata *strata, GArray *looks)
{
    double stride = strata->stride[STRATUM_COLD];
    guint before = looks->len;
    guint draws = 0;

    for (double next = g_rand_double(strata->rand) * stride; next < (double)strata->pages; next += stride) {
        PageLook look = {(guint64)next, STRATUM_COLD, FALSE, FALSE, 0};
        guint64 block = look.page / BLOCK_PAGES;

        if (g_hash_table_contains(strata->dense, &block)) {
            continue;
        }
        draws++;
        if (strata->present(look.page, 1, strata->user)) {
            g_array_append_val(looks, look);
        }
    }
    strata->draws[STRATUM_COLD] = draws;
    if (draws > 0) {
        double readable = (double)(looks->len - before) / draws;
        strata->readable_share = MAX(0.5 * strata->readable_share + 0.5 * readable, 0.05);
    }
}

void strata_draw(PageStrata *strata, guint length, GArray *looks)
{
    g_autoptr(GPtrArray) blocks = sorted_blocks(strata);

    g_array_set_size(looks, 0);
    count_population(strata, blocks);
    allocate(strata, length);
    draw_cold(strata, looks);
    draw_dense(strata, blocks, STRATUM_WARM, looks);
    draw_dense(strata, blocks, STRATUM_HOT, looks);
}

static PageEstimate estimate(PageStrata *strata, const GArray *looks)
{
    PageEstimate sum = {0};
    double written[STRATA] = {0};

    for (guint i = 0; i < looks->len; i++) {
        const PageLook *look = &g_array_index(looks, PageLook, i);
        if (look->is_written) {
            written[look->stratum]++;
            sum.dirty_bytes += strata->stride[look->stratum] * look->dirty_bytes;
        }
    }
    for (int s = 0; s < STRATA; s++) {
        strata->pooled_draws[s] = DRAWS_DECAY[s] * strata->pooled_draws[s] + strata->draws[s];
        strata->pooled_written[s] = WRITTEN_DECAY[s] * strata->pooled_written[s] + written[s];

        double share = MAX(pooled_share(strata, (Stratum)s), written[s] / MAX(strata->draws[s], 1));
        double pages = strata->population[s];
        double unseen_share = 1 - 1 / strata->stride[s];
        sum.written_pages += strata->stride[s] * written[s];
        if (strata->draws[s] > 0) {
            sum.variance += pages * pages * unseen_share * share * (1 - MIN(share, 1)) / strata->draws[s];
        }
    }
    return sum;
}

static void make_dense(PageStrata *strata, guint64 index)
{
    if (g_hash_table_size(strata->dense) < MAX_DENSE_BLOCKS && !g_hash_table_contains(strata->dense, &index)) {
        Block *block = g_new0(Block, 1);

        *block = (Block){.index = index, .stratum = STRATUM_WARM, .clean_windows = 1};
        g_hash_table_insert(strata->dense, &block->index, block);
    }
}

/* The block of 'look'.  When the look was written and that is news, the block and its neighbours become dense. */
static Block *find_block(PageStrata *strata, const PageLook *look)
{
    guint64 index = look->page / BLOCK_PAGES;
    Block *block = g_hash_table_lookup(strata->dense, &index);

    if (look->is_written && (!block || block->clean_windows > 0)) {
        guint64 last = MIN(index + NEIGHBOURS, (strata->pages - 1) / BLOCK_PAGES);
        for (guint64 i = index - MIN(index, NEIGHBOURS); i <= last; i++) {
            make_dense(strata, i);
        }
        block = g_hash_table_lookup(strata->dense, &index);
    }
    return block;
}

static gboolean learn_block(gpointer key G_GNUC_UNUSED, gpointer value, gpointer user G_GNUC_UNUSED)
{
    Block *block = value;

    if (block->looks > 0) {
        double share = (double)block->written / block->looks;
        block->score = (1 - SCORE_WEIGHT) * block->score + SCORE_WEIGHT * share;
        block->clean_windows = block->written > 0 ? 0 : block->clean_windows + 1;
        block->stratum = block->score >= 0.5 ? STRATUM_HOT : STRATUM_WARM;
        block->looks = block->written = 0;
    }
    return block->clean_windows >= CLEAN_WINDOWS;
}

PageEstimate strata_account(PageStrata *strata, GArray *looks)
{
    PageEstimate result = estimate(strata, looks);

    for (guint i = 0; i < looks->len; i++) {
        const PageLook *look = &g_array_index(looks, PageLook, i);
        Block *block = find_block(strata, look);
        if (block) {
            block->looks++;
            block->written += look->is_written ? 1 : 0;
        }
    }
    g_hash_table_foreach_remove(strata->dense, learn_block, NULL);
    return result;
}

guint64 strata_dense_pages(const PageStrata *strata)
{
    return (guint64)(strata->population[STRATUM_WARM] + strata->population[STRATUM_HOT]);
}
