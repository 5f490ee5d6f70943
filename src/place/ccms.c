/* SPDX-License-Identifier: Apache-2.0
 *
 * Algorithm 1 of seed 003; see ccms.h.  Where blocks may go is in ccms-hosts.c, what stays the same in ccms-new.c.
 *
 * Theory of operation.  For each partition of the group the blocks are given hosts one after the other, the one with
 * the largest demand of the source's fullest resource first.  A block goes where its communication is least: with VMs
 * that stay, with blocks that have a host already, and with those that have none yet as if they stayed.  Ties go to the
 * host nearest to the source, then to the one that is left fullest (best fit), then to the first.
 *
 * Raw costs of a partition are added up as its blocks find their hosts; migration time and energy are known before the
 * first, and communication only grows, so a partition that is already dearer than the best is left in the midst.  That
 * prunes nothing that could have won. */
#include "place/ccms-parts.h"

#include <math.h>

void ccms_search_init(CcmsSearch *search, const PlaceRaw *reference)
{
    *search = (CcmsSearch){
        .scale = *reference,
        .least = {INFINITY, INFINITY, INFINITY},
        .most = {-INFINITY, -INFINITY, -INFINITY},
        .partitions_max = G_MAXUINT,
        .best.cost = INFINITY,
    };
}

void ccms_search_normalise(CcmsSearch *search)
{
    search->is_range = FALSE;
    search->base = search->least;
    search->scale = (PlaceRaw){
        .migration_s = search->most.migration_s - search->least.migration_s,
        .energy = search->most.energy - search->least.energy,
        .communication = search->most.communication - search->least.communication,
    };
    search->schemes = 0;
    search->partitions = 0;
}

static double cost_of(const Ccms *ccms, const CcmsSearch *search, const PlaceRaw *raw)
{
    PlaceRaw above = {
        .migration_s = raw->migration_s - search->base.migration_s,
        .energy = raw->energy - search->base.energy,
        .communication = raw->communication - search->base.communication,
    };

    return place_integrate(ccms->options, &above, &search->scale);
}

double ccms_between(const Ccms *ccms, guint64 a, guint64 b)
{
    double sum = 0;

    for (guint64 rest = a; rest; rest &= rest - 1) {
        guint i = mask_lowest(rest);

        for (guint64 met = ccms->neighbours[i] & b; met; met &= met - 1) {
            sum += ccms->mib_per_s[i * ccms->length + mask_lowest(met)];
        }
    }
    return sum;
}

double ccms_outside(const Ccms *ccms, guint64 a)
{
    double sum = 0;

    for (guint64 rest = a; rest; rest &= rest - 1) {
        sum += ccms->outside_mib_per_s[mask_lowest(rest)];
    }
    return sum;
}

gboolean ccms_is_connected(const Ccms *ccms, guint64 block)
{
    return partition_is_connected(ccms->neighbours, block);
}

guint64 ccms_component(const Ccms *ccms, guint64 mask)
{
    return partition_reach(ccms->neighbours, mask & -mask, mask);
}

double ccms_lower_bound(Ccms *ccms, guint64 group, const CcmsSearch *search)
{
    PlaceRaw raw = {0};

    for (guint64 rest = group; rest; rest &= rest - 1) {
        guint i = mask_lowest(rest);

        raw.migration_s += ccms->costs->migration_s[ccms->vms[i]];
        raw.energy += ccms->problem->vms[ccms->vms[i]].mean_load;
        raw.communication += ccms_least_base(ccms, i);
        raw.communication +=
            ccms->least_distance * ccms_between(ccms, (guint64)1 << i, ccms->neighbours[i] & ~group);
    }
    return cost_of(ccms, search, &raw);
}

/* Cost_mig and Cost_E, which do not depend on where the blocks go. */
static PlaceRaw additive_costs(const Ccms *ccms, const CcmsScheme *scheme)
{
    PlaceRaw raw = {0};

    for (guint b = 0; b < scheme->blocks_length; b++) {
        guint sharers = ccms->options->transfer == TRANSFER_PARALLEL ? mask_count(scheme->blocks[b]) : 1;

        for (guint64 rest = scheme->blocks[b]; rest; rest &= rest - 1) {
            guint vm = ccms->vms[mask_lowest(rest)];

            raw.migration_s += sharers > 1 ? place_cost_of(ccms->problem, ccms->options, vm, sharers).total_s
                                           : ccms->costs->migration_s[vm];
            raw.energy += ccms->problem->vms[vm].mean_load;
        }
    }
    return raw;
}

static double demand_of(const Ccms *ccms, guint64 block)
{
    double sum = 0;

    for (guint64 rest = block; rest; rest &= rest - 1) {
        sum += ccms->problem->vms[ccms->vms[mask_lowest(rest)]].demand[ccms->bottleneck];
    }
    return sum;
}

/* Largest demand first; equals keep their order. */
static void sort_blocks(const Ccms *ccms, guint64 *blocks, guint blocks_length)
{
    double demands[CCMS_VMS_MAX];

    for (guint b = 0; b < blocks_length; b++) {
        guint64 block = blocks[b];
        double demand = demand_of(ccms, block);
        guint at = b;

        for (; at > 0 && demands[at - 1] < demand; at--) {
            demands[at] = demands[at - 1];
            blocks[at] = blocks[at - 1];
        }
        demands[at] = demand;
        blocks[at] = block;
    }
}

/* MiB/s times links of a block on 'host', with all whose place is known by now: outside, staying, blocks before it. */
static double communication_at(const Ccms *ccms, const CcmsScheme *scheme, guint block, guint host, double base)
{
    double sum = base;

    for (guint64 rest = scheme->blocks[block]; rest; rest &= rest - 1) {
        guint i = mask_lowest(rest);

        for (guint64 met = ccms->neighbours[i] & ~scheme->group; met; met &= met - 1) {
            guint j = mask_lowest(met);

            sum += ccms->mib_per_s[i * ccms->length + j] *
                   place_distance(ccms->problem, host, ccms->state->host_of[ccms->vms[j]]);
        }
    }
    for (guint b = 0; b < block; b++) {
        double mib_per_s = ccms_between(ccms, scheme->blocks[block], scheme->blocks[b]);

        sum += mib_per_s > 0 ? mib_per_s * place_distance(ccms->problem, host, scheme->hosts[b]) : 0;
    }
    return sum;
}

typedef struct Trial {
    Ccms *ccms;
    guint64 group;
    CcmsSearch *search;
    double bound;                /* of the group */
    guint members[CCMS_VMS_MAX]; /* partitions number the group's VMs 0, 1, ..; this gives their bit */
} Trial;

static void note_range(CcmsSearch *search, const PlaceRaw *raw)
{
    search->least.migration_s = MIN(search->least.migration_s, raw->migration_s);
    search->least.energy = MIN(search->least.energy, raw->energy);
    search->least.communication = MIN(search->least.communication, raw->communication);
    search->most.migration_s = MAX(search->most.migration_s, raw->migration_s);
    search->most.energy = MAX(search->most.energy, raw->energy);
    search->most.communication = MAX(search->most.communication, raw->communication);
}

static gboolean is_hopeless(const Trial *trial, const PlaceRaw *raw)
{
    return !trial->search->is_range && cost_of(trial->ccms, trial->search, raw) >= trial->search->best.cost;
}

/* Finds hosts for the blocks of 'scheme'; FALSE when there is none for one, or it has become too dear. */
static gboolean place_blocks(const Trial *trial, CcmsScheme *scheme)
{
    scheme->raw = additive_costs(trial->ccms, scheme);
    for (guint b = 0; b < scheme->blocks_length; b++) {
        double base;

        if (is_hopeless(trial, &scheme->raw)) {
            return FALSE;
        }
        scheme->hosts[b] = ccms_choose_host(trial->ccms, scheme, b, &base);
        if (scheme->hosts[b] == PLACE_NOWHERE) {
            return FALSE;
        }
        scheme->raw.communication += communication_at(trial->ccms, scheme, b, scheme->hosts[b], base);
    }
    return TRUE;
}

static gboolean try_partition(const guint64 *blocks, guint blocks_length, gpointer user)
{
    Trial *trial = user;
    CcmsSearch *search = trial->search;
    CcmsScheme scheme; /* large: not cleared as a whole */

    scheme.group = trial->group;
    scheme.blocks_length = blocks_length;
    for (guint b = 0; b < blocks_length; b++) {
        scheme.blocks[b] = 0;
        for (guint64 rest = blocks[b]; rest; rest &= rest - 1) {
            scheme.blocks[b] |= (guint64)1 << trial->members[mask_lowest(rest)];
        }
    }
    sort_blocks(trial->ccms, scheme.blocks, blocks_length);
    if (place_blocks(trial, &scheme)) {
        search->schemes++;
        note_range(search, &scheme.raw);
        scheme.cost = search->is_range ? INFINITY : cost_of(trial->ccms, search, &scheme.raw);
        if (scheme.cost < search->best.cost) {
            search->best = scheme;
        }
    }
    return ++search->partitions < search->partitions_max && (search->is_range || search->best.cost > trial->bound);
}

/* The graph of the group alone, its VMs numbered 0, 1, .. */
static guint number_members(Trial *trial, guint64 *neighbours, double *mib_per_s)
{
    const Ccms *ccms = trial->ccms;
    guint length = 0;

    for (guint64 rest = trial->group; rest; rest &= rest - 1) {
        trial->members[length++] = mask_lowest(rest);
    }
    for (guint i = 0; i < length; i++) {
        neighbours[i] = 0;
        for (guint j = 0; j < length; j++) {
            guint64 is_neighbour = ccms->neighbours[trial->members[i]] >> trial->members[j] & 1;

            neighbours[i] |= is_neighbour << j;
            mib_per_s[i * length + j] = ccms->mib_per_s[trial->members[i] * ccms->length + trial->members[j]];
        }
    }
    return length;
}

void ccms_try(Ccms *ccms, guint64 group, CcmsSearch *search)
{
    guint size = mask_count(group);
    guint64 neighbours[CCMS_VMS_MAX];
    g_autofree double *mib_per_s = g_new(double, (gsize)size * size + 1);
    Trial trial = {.ccms = ccms, .group = group, .search = search};
    guint length = number_members(&trial, neighbours, mib_per_s);

    trial.bound = ccms_lower_bound(ccms, group, search);
    if (length <= ccms->options->exact_group) {
        partitions_each(neighbours, length, try_partition, &trial);
    } else {
        partitions_coarsen(neighbours, mib_per_s, length, try_partition, &trial);
    }
}

void ccms_apply(const Ccms *ccms, const CcmsScheme *scheme, PlaceState *state)
{
    for (guint b = 0; b < scheme->blocks_length; b++) {
        for (guint64 rest = scheme->blocks[b]; rest; rest &= rest - 1) {
            place_state_move(state, ccms->vms[mask_lowest(rest)], scheme->hosts[b]);
        }
    }
}
