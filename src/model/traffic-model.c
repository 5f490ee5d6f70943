/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic drawn at random as in seed 003 section 3.2; see traffic.h.
 *
 * The seed's "probability 0.75" cannot hold for every two of 3000 VMs: each would send 2250 x 10 MiB/s.  It is taken
 * for the VMs of one application, which are neighbours in the order of arrival. */
#include "model/traffic.h"

#include <math.h>

#define DRAWS_MAX 64

void traffic_model_init(TrafficModel *model)
{
    *model = (TrafficModel){.group_min = 2,
                            .group_max = 6,
                            .edge_share = 0.75,
                            .stray_edges_per_vm = 0.01,
                            .mean_mib_per_s = 10,
                            .deviation_mib_per_s = 1};
}

/* N(mean, deviation) without what is not above 0; a mean so low that it is hardly ever drawn gives the mean's size. */
static double draw_rate(const TrafficModel *model, Rng *rng)
{
    for (guint i = 0; i < DRAWS_MAX; i++) {
        double rate = rng_normal(rng, model->mean_mib_per_s, model->deviation_mib_per_s);

        if (rate > 0) {
            return rate;
        }
    }
    return fabs(model->mean_mib_per_s);
}

static void add_group(TrafficBuilder *builder, const TrafficModel *model, guint first, guint length, Rng *rng)
{
    for (guint i = 0; i < length; i++) {
        for (guint j = i + 1; j < length; j++) {
            if (rng_unit(rng) < model->edge_share) {
                traffic_builder_add(builder, first + i, first + j, draw_rate(model, rng));
            }
        }
    }
}

static void add_strays(TrafficBuilder *builder, const TrafficModel *model, guint vm, const guint *group, guint vms,
                       Rng *rng)
{
    double whole = floor(model->stray_edges_per_vm);
    guint edges = (guint)whole + (rng_unit(rng) < model->stray_edges_per_vm - whole);

    for (guint i = 0; i < edges; i++) {
        guint peer = rng_below(rng, vms);

        if (group[peer] != group[vm]) {
            traffic_builder_add(builder, vm, peer, draw_rate(model, rng));
        }
    }
}

Traffic *traffic_generate(guint vms, const TrafficModel *model, Rng *rng)
{
    TrafficBuilder *builder = traffic_builder_new(vms);
    g_autofree guint *group = g_new0(guint, MAX(vms, 1));
    guint low = MAX(model->group_min, 1), high = MAX(model->group_max, low);
    guint groups = 0;

    for (guint first = 0; first < vms; groups++) {
        guint wanted = low + rng_below(rng, high - low + 1);
        guint length = MIN(wanted, vms - first);

        for (guint i = 0; i < length; i++) {
            group[first + i] = groups;
        }
        add_group(builder, model, first, length, rng);
        first += length;
    }
    for (guint vm = 0; vm < vms; vm++) {
        add_strays(builder, model, vm, group, vms, rng);
    }
    return traffic_builder_end(builder);
}
