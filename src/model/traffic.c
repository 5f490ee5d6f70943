/* SPDX-License-Identifier: Apache-2.0
 *
 * Who talks to whom: rows of peers, and the file that names them; see traffic.h.  traffic-model.c draws them. */
#include "model/traffic.h"
#include "base/error.h"
#include "base/units.h"

#include <string.h>

typedef struct Edge {
    guint a;
    guint b;
    double mib_per_s;
} Edge;

struct TrafficBuilder {
    guint vms;
    GArray *edges; /* Edge, each in both directions */
};

TrafficBuilder *traffic_builder_new(guint vms)
{
    TrafficBuilder *builder = g_new0(TrafficBuilder, 1);

    builder->vms = vms;
    builder->edges = g_array_new(FALSE, FALSE, sizeof(Edge));
    return builder;
}

void traffic_builder_add(TrafficBuilder *builder, guint a, guint b, double mib_per_s)
{
    g_assert(a < builder->vms && b < builder->vms);
    if (a != b && mib_per_s > 0) {
        Edge both[2] = {{a, b, mib_per_s}, {b, a, mib_per_s}};

        g_array_append_vals(builder->edges, both, 2);
    }
}

/* Rows ascend, peers within a row ascend.  Equal ones keep no order, but their sum needs one: the rate decides. */
static int compare_edges(gconstpointer left, gconstpointer right)
{
    const Edge *x = left, *y = right;

    if (x->a != y->a) {
        return x->a < y->a ? -1 : 1;
    }
    if (x->b != y->b) {
        return x->b < y->b ? -1 : 1;
    }
    return (x->mib_per_s > y->mib_per_s) - (x->mib_per_s < y->mib_per_s);
}

/* Edges that are named several times become one; the number that is left. */
static guint merge_edges(GArray *edges)
{
    guint kept = 0;

    for (guint i = 0; i < edges->len; i++) {
        Edge *edge = &g_array_index(edges, Edge, i);
        Edge *last = kept ? &g_array_index(edges, Edge, kept - 1) : NULL;

        if (last && last->a == edge->a && last->b == edge->b) {
            last->mib_per_s += edge->mib_per_s;
        } else {
            g_array_index(edges, Edge, kept++) = *edge;
        }
    }
    return kept;
}

Traffic *traffic_builder_end(TrafficBuilder *builder)
{
    Traffic *traffic = g_new0(Traffic, 1);

    g_array_sort(builder->edges, compare_edges);
    guint length = merge_edges(builder->edges);
    traffic->vms = builder->vms;
    traffic->first = g_new0(guint, builder->vms + 1);
    traffic->peer = g_new(guint, MAX(length, 1));
    traffic->mib_per_s = g_new(double, MAX(length, 1));
    for (guint i = 0; i < length; i++) {
        const Edge *edge = &g_array_index(builder->edges, Edge, i);

        traffic->first[edge->a + 1] = i + 1;
        traffic->peer[i] = edge->b;
        traffic->mib_per_s[i] = edge->mib_per_s;
    }
    for (guint v = 0; v < builder->vms; v++) { /* a VM without peers begins where the one before ends */
        traffic->first[v + 1] = MAX(traffic->first[v + 1], traffic->first[v]);
    }
    g_array_unref(builder->edges);
    g_free(builder);
    return traffic;
}

void traffic_free(Traffic *traffic)
{
    if (traffic) {
        g_free(traffic->first);
        g_free(traffic->peer);
        g_free(traffic->mib_per_s);
        g_free(traffic);
    }
}

double traffic_between(const Traffic *traffic, guint a, guint b)
{
    guint low = traffic->first[a], high = traffic->first[a + 1];

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (traffic->peer[middle] < b) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < traffic->first[a + 1] && traffic->peer[low] == b ? traffic->mib_per_s[low] : 0;
}

typedef struct Line {
    const char *what;
    guint number;
    guint vms;
    TrafficFindFunc find;
    gpointer user;
    gboolean skip_unknown;
} Line;

/* The index of 'name', -1 for one that may be skipped; FALSE: an error. */
static gboolean find_vm(const Line *line, const char *name, int *index, GError **error)
{
    *index = line->find(name, line->user);
    if (*index >= 0 && (guint)*index < line->vms) {
        return TRUE;
    }
    *index = -1;
    if (line->skip_unknown) {
        return TRUE;
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: line %u: there is no VM '%s'", line->what, line->number,
                name);
    return FALSE;
}

static gboolean parse_line(TrafficBuilder *builder, const Line *line, char *text, GError **error)
{
    g_autoptr(GStrvBuilder) words_builder = g_strv_builder_new();
    g_auto(GStrv) raw = NULL;
    g_auto(GStrv) words = NULL;
    guint64 bytes_per_s = 0;
    int a = -1, b = -1;

    text[strcspn(text, "#")] = '\0';
    raw = g_strsplit_set(text, " \t\r", -1);
    for (guint i = 0; raw[i]; i++) {
        if (raw[i][0]) {
            g_strv_builder_add(words_builder, raw[i]);
        }
    }
    words = g_strv_builder_end(words_builder);
    if (!words[0]) {
        return TRUE;
    }
    if (g_strv_length(words) != 3) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: line %u: 'VM VM RATE' is wanted, here are %u words",
                    line->what, line->number, g_strv_length(words));
        return FALSE;
    }
    if (!rate_parse(words[2], &bytes_per_s, error)) {
        g_prefix_error(error, "%s: line %u: ", line->what, line->number);
        return FALSE;
    }
    if (!find_vm(line, words[0], &a, error) || !find_vm(line, words[1], &b, error)) {
        return FALSE;
    }
    if (a >= 0 && b >= 0) {
        traffic_builder_add(builder, (guint)a, (guint)b, (double)bytes_per_s / MIB);
    }
    return TRUE;
}

Traffic *traffic_parse(const char *text, const char *what, guint vms, TrafficFindFunc find, gpointer user,
                       gboolean skip_unknown, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    TrafficBuilder *builder = traffic_builder_new(vms);

    for (guint i = 0; lines[i]; i++) {
        Line line = {what, i + 1, vms, find, user, skip_unknown};

        if (!parse_line(builder, &line, lines[i], error)) {
            traffic_free(traffic_builder_end(builder));
            return NULL;
        }
    }
    return traffic_builder_end(builder);
}
