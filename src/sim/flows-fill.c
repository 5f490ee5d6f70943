/* SPDX-License-Identifier: Apache-2.0
 *
 * Progressive filling; see flows.h for what it must give.
 *
 * All flows rise from 0 together, each in proportion to its weight: at level t a flow has weight * t.  A flow stops
 * when it has its ceiling, or when a link on its way is full.  A link is full at the level left / weight, where 'left'
 * is its capacity without what stopped flows have and 'weight' is that of those that still rise; a flow that stops at a
 * level can only raise the level at which its other links are full.  So a heap of links by that level needs no change
 * when flows stop: what comes out of it too early is put back with its level of now.  Flows with ceilings wait in a
 * sorted list.  With F flows of h hops and L links: F (h + log F) + (L + F h) log L at most.
 *
 * Constant flows are filled first, into the capacity without the reserve of elastic ones; then elastic ones into what
 * is left. */
#include "sim/flows-private.h"

#include <math.h>

typedef struct HeapItem {
    double level;
    guint link;
} HeapItem;

typedef struct Waiting {
    double level; /* at which it has its ceiling */
    guint flow;
} Waiting;

static gboolean is_before(const HeapItem *a, const HeapItem *b)
{
    return a->level < b->level || (a->level == b->level && a->link < b->link);
}

static void heap_push(GArray *heap, HeapItem item)
{
    guint at = heap->len;

    g_array_append_val(heap, item);
    HeapItem *items = (HeapItem *)(void *)heap->data;
    while (at > 0 && is_before(&item, &items[(at - 1) / 2])) {
        items[at] = items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    items[at] = item;
}

static HeapItem heap_pop(GArray *heap)
{
    HeapItem *items = (HeapItem *)(void *)heap->data;
    HeapItem first = items[0], last = items[heap->len - 1];
    guint length = heap->len - 1, at = 0;

    g_array_set_size(heap, length);
    for (guint child = 1; child < length; child = 2 * at + 1) {
        if (child + 1 < length && is_before(&items[child + 1], &items[child])) {
            child++;
        }
        if (!is_before(&items[child], &last)) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    if (length > 0) {
        items[at] = last;
    }
    return first;
}

static double full_level(const FlowLink *link)
{
    return fmax(link->left, 0) / link->weight;
}

/* The flow rises no more. */
static void stop_flow(Flows *flows, Flow *flow, double rate)
{
    flow->new_rate = rate;
    flow->is_rising = FALSE;
    for (guint hop = 0; hop < flow->length; hop++) {
        FlowLink *link = &flows->links[flow->route[hop]];

        if (link->is_coupling) {
            link->left -= rate;
            link->weight -= flow->weight;
            link->rising--;
        }
    }
}

static void stop_flows_of(Flows *flows, const FlowLink *link, double level)
{
    for (guint i = 0; i < link->entries->len; i++) {
        Flow *flow = flow_link_at(flows, link, i);

        if (flow->is_rising) {
            stop_flow(flows, flow, fmin(flow->ceiling, flow->weight * level));
        }
    }
}

static int compare_waiting(gconstpointer a, gconstpointer b)
{
    const Waiting *x = a, *y = b;

    if (x->level != y->level) {
        return x->level < y->level ? -1 : 1;
    }
    return (x->flow > y->flow) - (x->flow < y->flow);
}

/* Flows of 'kind' begin to rise; those that can be stopped by their ceilings, in the order in which they are. */
static GArray *start_flows(Flows *flows, FlowKind kind)
{
    GArray *waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));

    for (guint i = 0; i < flows->reached_links->len; i++) {
        FlowLink *link = &flows->links[g_array_index(flows->reached_links, guint, i)];

        link->weight = 0;
        link->rising = 0;
        if (kind == FLOW_CONSTANT) {
            link->left = link->capacity - flow_link_reserve(flows, link);
        }
    }
    for (guint i = 0; i < flows->reached_flows->len; i++) {
        Waiting wait = {0, g_array_index(flows->reached_flows, guint, i)};
        Flow *flow = flows_at(flows, wait.flow);

        if (flow->kind != kind) {
            continue;
        }
        flow->is_rising = TRUE;
        wait.level = flow->ceiling / flow->weight;
        g_array_append_val(waiting, wait);
        for (guint hop = 0; hop < flow->length; hop++) {
            FlowLink *link = &flows->links[flow->route[hop]];

            if (link->is_coupling) {
                link->weight += flow->weight;
                link->rising++;
            }
        }
    }
    g_array_sort(waiting, compare_waiting);
    return waiting;
}

/* The next link that is full, if any still has a rising flow.  It stays in the heap. */
static gboolean next_full(Flows *flows, HeapItem *next)
{
    while (flows->heap->len > 0) {
        HeapItem top = g_array_index(flows->heap, HeapItem, 0);
        const FlowLink *link = &flows->links[top.link];

        if (link->rising > 0 && full_level(link) <= top.level) {
            *next = (HeapItem){full_level(link), top.link};
            return TRUE;
        }
        heap_pop(flows->heap);
        if (link->rising > 0) {
            heap_push(flows->heap, (HeapItem){full_level(link), top.link});
        }
    }
    return FALSE;
}

static void fill_kind(Flows *flows, FlowKind kind)
{
    g_autoptr(GArray) waiting = start_flows(flows, kind);
    guint at = 0;

    g_array_set_size(flows->heap, 0);
    for (guint i = 0; i < flows->reached_links->len; i++) {
        guint number = g_array_index(flows->reached_links, guint, i);

        if (flows->links[number].rising > 0) {
            heap_push(flows->heap, (HeapItem){full_level(&flows->links[number]), number});
        }
    }
    while (at < waiting->len) {
        Waiting wait = g_array_index(waiting, Waiting, at);
        Flow *flow = flows_at(flows, wait.flow);
        HeapItem full = {0};

        if (!flow->is_rising) {
            at++;
        } else if (next_full(flows, &full) && full.level < wait.level) {
            heap_pop(flows->heap);
            stop_flows_of(flows, &flows->links[full.link], full.level);
        } else {
            stop_flow(flows, flow, flow->ceiling);
            at++;
        }
    }
}

void flows_fill(Flows *flows)
{
    if (!flows->heap) {
        flows->heap = g_array_new(FALSE, FALSE, sizeof(HeapItem));
    }
    /* What constant flows took has left 'left'; the reserve comes back to it. */
    fill_kind(flows, FLOW_CONSTANT);
    for (guint i = 0; i < flows->reached_links->len; i++) {
        FlowLink *link = &flows->links[g_array_index(flows->reached_links, guint, i)];

        link->left += flow_link_reserve(flows, link);
    }
    fill_kind(flows, FLOW_ELASTIC);
}
