/* SPDX-License-Identifier: Apache-2.0
 *
 * Strategy `parallel`: everything at once, equal shares; see schedule.h.
 *
 * A link carries both directions at full rate, so migrations that leave a host and migrations that enter it do not
 * share.  A share is counted with the migrations that get a place at the start, as the limits on concurrent migrations
 * allow; one that waits is planned with the share it would have beside them.  Only the limits in the plan's options are
 * known here. */
#include "schedule/schedule.h"
#include "model/share.h"

static int compare_steps(gconstpointer a, gconstpointer b)
{
    const PlanStep *left = *(PlanStep *const *)a;
    const PlanStep *right = *(PlanStep *const *)b;

    if (left->ram_bytes != right->ram_bytes) {
        return left->ram_bytes > right->ram_bytes ? -1 : 1;
    }
    return g_strcmp0(left->vm, right->vm);
}

static guint users(GHashTable *links, const char *host)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(links, host));
}

static gboolean has_place(GHashTable *links, const char *host, guint64 limit)
{
    return limit == 0 || users(links, host) < limit;
}

static void add_user(GHashTable *links, const char *host)
{
    g_hash_table_insert(links, (gpointer)host, GUINT_TO_POINTER(users(links, host) + 1));
}

/* Counts for each host the migrations that get a place at the start. */
static void count_starting(const Plan *plan, GHashTable *leaving, GHashTable *entering)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(plan, i);

        if (has_place(leaving, step->source, plan->options.max_outgoing) &&
            has_place(entering, step->destination, plan->options.max_incoming)) {
            add_user(leaving, step->source);
            add_user(entering, step->destination);
        }
    }
}

void schedule_parallel(Plan *plan, LinkRateFunc link_rate, gpointer user)
{
    g_autoptr(GHashTable) leaving = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) entering = g_hash_table_new(g_str_hash, g_str_equal);

    g_ptr_array_sort(plan->steps, compare_steps);
    count_starting(plan, leaving, entering);
    for (guint i = 0; i < plan->steps->len; i++) {
        PlanStep *step = plan_step_at(plan, i);
        guint64 source_rate = link_rate ? link_rate(step->source, user) : 0;
        guint64 destination_rate = link_rate ? link_rate(step->destination, user) : 0;

        step->wave = 0;
        step->bandwidth_bytes_per_s =
            equal_share(source_rate, users(leaving, step->source), destination_rate, users(entering, step->destination),
                        plan->options.bandwidth_bytes_per_s);
    }
}
