/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest set of facts that makes a request impossible; see reasons.h.  Facts are put into words in
 * reasons-words.c.
 *
 * Theory of operation.  Impossible is monotone in the set of facts (feasible.h), so
 *
 *   1. every single fact is asked for alone: most requests fail by one VM that is larger than any room;
 *   2. a deletion filter: beginning with all facts, each VM and then each fact is left out, and stays out when the
 *      rest is still impossible.  What remains is minimal, though not always the smallest;
 *   3. when there are few facts, all sets smaller than that are asked for by increasing size; the first is the smallest.
 *
 * VMs that found room are left out first, so that the reasons tend to be about those that did not. */
#include "place/reasons-words.h"

#include <string.h>

#define FACTS_EXACT    24    /* up to so many facts the smallest set is found */
#define QUESTIONS_MAX  20000 /* of step 3 */
#define EXPLAINED_MAX  5     /* hosts that stay above the range and are explained */

static gboolean is_impossible(Feasible *feasible, const guint8 *facts)
{
    return feasible_ask(feasible, facts, NULL) == VERDICT_IMPOSSIBLE;
}

/* Step 1. */
static gboolean find_single(Feasible *feasible, guint8 *facts)
{
    memset(facts, 0, feasible->length);
    for (int f = FACT_COUNT - 1; f >= 0; f--) { /* what cannot be changed by making room comes first */
        for (guint i = 0; i < feasible->length; i++) {
            facts[i] = feasible->facts[i] & 1u << f;
            if (facts[i] && is_impossible(feasible, facts)) {
                return TRUE;
            }
            facts[i] = 0;
        }
    }
    return FALSE;
}

/* Leaves out what can be left out of VM i: all, or fact by fact. */
static void leave_out(Feasible *feasible, guint8 *facts, guint i)
{
    guint8 before = facts[i];

    facts[i] = 0;
    if (before == 0 || is_impossible(feasible, facts)) {
        return;
    }
    facts[i] = before;
    for (int f = 0; f < FACT_COUNT; f++) {
        guint8 kept = facts[i];

        facts[i] = kept & ~(1u << f);
        if (facts[i] != kept && !is_impossible(feasible, facts)) {
            facts[i] = kept;
        }
    }
}

/* Step 2; 'facts' is impossible and stays so. */
static void filter(Feasible *feasible, guint8 *facts, const gboolean *is_placed)
{
    for (int turn = 0; turn < 2; turn++) {
        for (guint i = 0; i < feasible->length; i++) {
            if (is_placed[i] == (turn == 0)) {
                leave_out(feasible, facts, i);
            }
        }
    }
}

static guint count_facts(const guint8 *facts, guint length)
{
    guint count = 0;

    for (guint i = 0; i < length; i++) {
        count += (guint)__builtin_popcount(facts[i]);
    }
    return count;
}

typedef struct Chooser {
    Feasible *feasible;
    guint *vm_of; /* [length] of each fact */
    guint8 *bit;
    guint length;
    guint8 *chosen; /* the set that is being asked for */
    guint questions_left;
} Chooser;

/* Whether some 'wanted' more facts of those from 'from' on make it impossible; they are in 'chosen' then. */
static gboolean choose(Chooser *chooser, guint from, guint wanted)
{
    if (wanted == 0) {
        chooser->questions_left--;
        return is_impossible(chooser->feasible, chooser->chosen);
    }
    for (guint n = from; n + wanted <= chooser->length && chooser->questions_left > 0; n++) {
        chooser->chosen[chooser->vm_of[n]] |= chooser->bit[n];
        if (choose(chooser, n + 1, wanted - 1)) {
            return TRUE;
        }
        chooser->chosen[chooser->vm_of[n]] &= (guint8)~chooser->bit[n];
    }
    return FALSE;
}

/* Step 3: replaces 'facts' by a smaller set when there is one. */
static void find_smallest(Feasible *feasible, guint8 *facts)
{
    guint size = count_facts(facts, feasible->length);
    guint length = count_facts(feasible->facts, feasible->length);
    g_autofree guint *vm_of = g_new(guint, length + 1);
    g_autofree guint8 *bit = g_new(guint8, length + 1);
    g_autofree guint8 *chosen = g_new0(guint8, feasible->length + 1);
    Chooser chooser = {feasible, vm_of, bit, 0, chosen, QUESTIONS_MAX};

    if (length > FACTS_EXACT) {
        return;
    }
    for (guint i = 0; i < feasible->length; i++) {
        for (int f = 0; f < FACT_COUNT; f++) {
            if (feasible->facts[i] & 1u << f) {
                vm_of[chooser.length] = i;
                bit[chooser.length++] = (guint8)(1u << f);
            }
        }
    }
    for (guint smaller = 2; smaller < size && chooser.questions_left > 0; smaller++) {
        if (choose(&chooser, 0, smaller)) {
            memcpy(facts, chosen, feasible->length);
            return;
        }
    }
}

Verdict place_reasons_find(Feasible *feasible, const gboolean *is_placed, guint8 *facts, guint *hosts)
{
    Verdict verdict;

    memset(facts, 0, feasible->length);
    if (is_impossible(feasible, facts) || find_single(feasible, facts)) {
        return VERDICT_IMPOSSIBLE; /* without any fact: what is not a VM is too much already */
    }
    verdict = feasible_ask(feasible, feasible->facts, hosts);
    if (verdict == VERDICT_IMPOSSIBLE) {
        memcpy(facts, feasible->facts, feasible->length);
        filter(feasible, facts, is_placed);
        find_smallest(feasible, facts);
    }
    return verdict;
}

/* TRUE when it is impossible. */
static gboolean explain(Feasible *feasible, const char *placer, PlaceResult *result)
{
    g_autofree gboolean *is_placed = g_new0(gboolean, feasible->length + 1);
    g_autofree guint8 *facts = g_new0(guint8, feasible->length + 1);
    g_autofree guint *hosts = g_new0(guint, feasible->length + 1);

    for (guint m = 0; m < result->moves->len; m++) {
        for (guint i = 0; i < feasible->length; i++) {
            is_placed[i] = is_placed[i] || feasible->vms[i] == g_array_index(result->moves, PlaceMove, m).vm;
        }
    }
    switch (place_reasons_find(feasible, is_placed, facts, hosts)) {
    case VERDICT_IMPOSSIBLE:
        reasons_put_into_words(feasible, facts, result);
        return TRUE;
    case VERDICT_POSSIBLE:
        reasons_tell_way(feasible, placer, hosts, result);
        break;
    case VERDICT_UNKNOWN:
        reasons_tell_unknown(feasible, placer, result);
        break;
    }
    return FALSE;
}

gboolean place_explain(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                       const char *placer, PlaceResult *result)
{
    gboolean is_proven = TRUE;

    if (task->kind == PLACE_EVACUATE && result->left_over->len > 0) {
        g_autoptr(Feasible) feasible =
            feasible_new(problem, options, PLACE_NOWHERE, task->movers, task->movers_length);

        is_proven = explain(feasible, placer, result);
    }
    for (guint i = 0; task->kind == PLACE_RELIEVE && i < MIN(result->left_over->len, EXPLAINED_MAX); i++) {
        g_autoptr(Feasible) feasible =
            feasible_new(problem, options, g_array_index(result->left_over, guint, i), NULL, 0);

        is_proven = explain(feasible, placer, result) && is_proven;
    }
    return is_proven;
}
