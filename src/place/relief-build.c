/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a Relief from a problem: which VMs move as one, what each choice costs, who may go where; see relief.h.
 *
 * Everything that does not change while a search runs is looked up here once: rules with VMs of other hosts become
 * forbidden choices, traffic with VMs of other hosts becomes part of the price of a choice. */
#include "place/relief.h"

#include <string.h>

#define SLACK 1e-9 /* as in state.c */
#define HINT  1e-10 /* far below any cost that is worth talking of */

NAMED_ENUM_DEFINE(ReliefLevel, relief_level, RELIEF_LEVELS)

static double share_of(double weight, double reference)
{
    return reference > 0 ? weight / reference : weight;
}

ReliefWorld *relief_world_new(const PlaceProblem *problem, const PlaceOptions *options)
{
    ReliefWorld *world = g_new0(ReliefWorld, 1);
    gboolean is_full = options->objective == OBJECTIVE_FULL;

    world->problem = problem;
    world->options = options;
    world->state = place_state_new(problem, options);
    world->costs = place_costs_new(problem, options);
    world->scale = g_malloc0_n(problem->hosts_length + 1, sizeof(*world->scale));
    world->local_of = g_new0(guint, problem->vms_length + 1);
    for (guint h = 0; h < problem->hosts_length; h++) {
        PlaceRaw reference = place_reference(world->state, world->costs, h);

        world->scale[h][0] = share_of(is_full ? options->weights[0] : options->gamma, reference.migration_s);
        world->scale[h][1] = share_of(is_full ? options->weights[1] : 1 - options->gamma, reference.energy);
        world->scale[h][2] = is_full ? share_of(options->weights[2], reference.communication) : 0;
    }
    return world;
}

void relief_world_free(ReliefWorld *world)
{
    if (!world) {
        return;
    }
    place_state_free(world->state);
    place_costs_free(world->costs);
    g_free(world->scale);
    g_free(world->local_of);
    g_free(world);
}

double relief_additive(const ReliefWorld *world, guint vm)
{
    const double *scale = world->scale[world->problem->vms[vm].host];

    return scale[0] * world->costs->migration_s[vm] + scale[1] * world->problem->vms[vm].mean_load;
}

static gboolean is_local(const Relief *relief, const ReliefWorld *world, guint vm)
{
    guint local = world->local_of[vm];

    return local < relief->vms_length && relief->vms[local] == vm;
}

static void find_vms(Relief *relief, const ReliefWorld *world)
{
    const PlaceState *state = world->state;
    guint first = state->first_vm[relief->source];
    guint end = state->first_vm[relief->source + 1];

    relief->vms = g_new(guint, end - first + 1);
    for (guint i = first; i < end; i++) {
        guint vm = state->vm_at[i];

        if (state->host_of[vm] == relief->source) {
            world->local_of[vm] = relief->vms_length;
            relief->vms[relief->vms_length++] = vm;
        }
    }
}

static guint root_of(guint *parent, guint item)
{
    while (parent[item] != item) {
        parent[item] = parent[parent[item]];
        item = parent[item];
    }
    return item;
}

/* The unit of every local VM: joined by the rules that keep VMs together. */
static guint *find_units(Relief *relief, const ReliefWorld *world)
{
    const PlaceState *state = world->state;
    g_autofree guint *parent = g_new(guint, relief->vms_length + 1);
    guint *unit_of = g_new(guint, relief->vms_length + 1);

    for (guint i = 0; i < relief->vms_length; i++) {
        parent[i] = i;
    }
    for (guint i = 0; i < relief->vms_length; i++) {
        for (guint k = state->rule_first[relief->vms[i]]; k < state->rule_first[relief->vms[i] + 1]; k++) {
            const PlaceRule *rule = &world->problem->rules[state->rule_of[k]];

            for (guint j = 0; rule->kind == PLACE_RULE_TOGETHER && j < rule->vms_length; j++) {
                if (is_local(relief, world, rule->vms[j])) {
                    parent[root_of(parent, world->local_of[rule->vms[j]])] = root_of(parent, i);
                }
            }
        }
    }
    for (guint i = 0; i < relief->vms_length; i++) {
        guint root = root_of(parent, i);

        unit_of[i] = root == i ? relief->units++ : 0;
    }
    for (guint i = 0; i < relief->vms_length; i++) {
        unit_of[i] = unit_of[root_of(parent, i)];
    }
    return unit_of;
}

static void fill_units(Relief *relief, const ReliefWorld *world, const guint *unit_of)
{
    g_autofree guint *filled = NULL;

    relief->unit_first = g_new0(guint, relief->units + 2);
    relief->unit_vm = g_new(guint, relief->vms_length + 1);
    relief->stance = g_new0(ReliefStance, relief->units + 1);
    relief->demand = g_malloc0_n(relief->units + 1, sizeof(*relief->demand));
    relief->reserved = g_malloc0_n(relief->units + 1, sizeof(*relief->reserved));
    for (guint i = 0; i < relief->vms_length; i++) {
        const PlaceVm *vm = &world->problem->vms[relief->vms[i]];

        relief->unit_first[unit_of[i] + 1]++;
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            relief->demand[unit_of[i]][r] += vm->demand[r];
            relief->reserved[unit_of[i]][r] += vm->reserved[r];
        }
        if (vm->is_pinned) {
            relief->stance[unit_of[i]] = RELIEF_STAYS;
        }
    }
    for (guint u = 0; u < relief->units; u++) {
        relief->unit_first[u + 1] += relief->unit_first[u];
    }
    filled = g_memdup2(relief->unit_first, (relief->units + 1) * sizeof(guint));
    for (guint i = 0; i < relief->vms_length; i++) {
        relief->unit_vm[filled[unit_of[i]]++] = i;
    }
}

static void fill_room(Relief *relief, const ReliefWorld *world)
{
    const PlaceState *state = world->state;

    relief->room = g_malloc0_n(relief->choices, sizeof(*relief->room));
    relief->room_reserved = g_malloc0_n(relief->choices, sizeof(*relief->room_reserved));
    relief->distance = g_new0(double, ((gsize)relief->choices + 1) * relief->choices);
    for (guint a = 0; a < relief->choices; a++) {
        guint host = relief->destination[a];
        const PlaceHost *there = &world->problem->hosts[host];

        for (int r = 0; r < RESOURCE_COUNT; r++) {
            double limit = there->capacity[r] * world->options->safe_high;

            relief->room[a][r] = a == relief->stay ? G_MAXDOUBLE : limit + SLACK * MAX(1, limit) - state->demand[host][r];
            relief->room_reserved[a][r] =
                a == relief->stay
                    ? G_MAXDOUBLE
                    : there->reservable[r] + SLACK * MAX(1, there->reservable[r]) - state->reserved[host][r];
        }
        for (guint b = 0; b < a; b++) {
            guint links = place_distance(world->problem, host, relief->destination[b]);

            relief->distance[a * relief->choices + b] = relief->distance[b * relief->choices + a] = links;
        }
    }
}

/* Whether a rule with VMs of other hosts lets 'vm' go to 'host'.  Those that are nowhere do not object. */
static gboolean rule_allows(const Relief *relief, const ReliefWorld *world, const PlaceRule *rule, guint host)
{
    for (guint j = 0; j < rule->vms_length; j++) {
        guint other = rule->vms[j];
        guint there = world->state->host_of[other];

        if (is_local(relief, world, other) || there == PLACE_NOWHERE) {
            continue;
        }
        if (rule->kind == PLACE_RULE_APART ? there == host : there != host) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean vm_may(const Relief *relief, const ReliefWorld *world, guint vm, guint host)
{
    const PlaceState *state = world->state;

    if (!place_state_may(state, vm, host)) {
        return FALSE;
    }
    for (guint k = state->rule_first[vm]; k < state->rule_first[vm + 1]; k++) {
        if (!rule_allows(relief, world, &world->problem->rules[state->rule_of[k]], host)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean is_named(guint vm, const guint *vms, guint vms_length)
{
    guint low = 0;

    for (guint high = vms_length; low < high;) {
        guint middle = (low + high) / 2;

        if (vms[middle] < vm) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < vms_length && vms[low] == vm;
}

/* With movers: a unit leaves when one of its VMs must.  When not all of them may, it has no way to. */
static void take_movers(Relief *relief, guint unit, const guint *movers, guint movers_length)
{
    guint named = 0;

    for (guint i = relief->unit_first[unit]; i < relief->unit_first[unit + 1]; i++) {
        named += is_named(relief->vms[relief->unit_vm[i]], movers, movers_length);
    }
    if (named < relief->unit_first[unit + 1] - relief->unit_first[unit]) {
        memset(relief->may + (gsize)unit * relief->choices, 0, relief->choices * sizeof(gboolean));
    }
    relief->stance[unit] = named ? RELIEF_MUST_LEAVE : RELIEF_STAYS;
}

static gboolean unit_may(const Relief *relief, const ReliefWorld *world, guint unit, guint choice)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (relief->demand[unit][r] > relief->room[choice][r] ||
            relief->reserved[unit][r] > relief->room_reserved[choice][r]) {
            return FALSE;
        }
    }
    for (guint i = relief->unit_first[unit]; i < relief->unit_first[unit + 1]; i++) {
        if (!vm_may(relief, world, relief->vms[relief->unit_vm[i]], relief->destination[choice])) {
            return FALSE;
        }
    }
    return TRUE;
}

static void fill_may(Relief *relief, const ReliefWorld *world, const guint *movers, guint movers_length)
{
    relief->may = g_new0(gboolean, (gsize)relief->units * relief->choices + 1);
    for (guint u = 0; u < relief->units; u++) {
        gboolean *row = relief->may + (gsize)u * relief->choices;
        gboolean may_any = FALSE;

        for (guint a = 0; a < relief->stay && relief->stance[u] != RELIEF_STAYS; a++) {
            row[a] = unit_may(relief, world, u, a);
            may_any = may_any || row[a];
        }
        if (movers) {
            take_movers(relief, u, movers, movers_length);
        } else if (!may_any) {
            relief->stance[u] = RELIEF_STAYS;
        }
        row[relief->stay] = relief->stance[u] != RELIEF_MUST_LEAVE;
    }
}

/* The weight of the edge between a local VM and one elsewhere: in whose sum of Cost_com it is.  'own' counts when the
 * local VM moves; 'always' because the other one has moved. */
static void outside_weights(const ReliefWorld *world, guint vm, guint peer, double *own, double *always)
{
    guint source = world->problem->vms[vm].host;
    guint peer_source = world->problem->vms[peer].host;
    gboolean has_moved = world->state->host_of[peer] != peer_source && world->state->host_of[peer] != PLACE_NOWHERE;

    *own = world->scale[source][2];
    *always = has_moved ? world->scale[peer_source][2] : 0;
    if (has_moved && peer_source == source) {
        *own = 0; /* the same edge of the same sum */
    }
}

static void price_traffic(Relief *relief, const ReliefWorld *world, guint unit, guint vm)
{
    const Traffic *traffic = world->problem->traffic;
    double *row = relief->price + (gsize)unit * relief->choices;

    for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
        guint peer = traffic->peer[e];
        guint there = world->state->host_of[peer];
        double own, always;

        if (is_local(relief, world, peer)) {
            continue;
        }
        there = there == PLACE_NOWHERE ? world->problem->vms[peer].host : there;
        outside_weights(world, vm, peer, &own, &always);
        for (guint a = 0; a < relief->choices; a++) {
            guint links = place_distance(world->problem, relief->destination[a], there);

            row[a] += traffic->mib_per_s[e] * links * (always + (a == relief->stay ? 0 : own));
        }
    }
}

/* Of two destinations that cost the same, the one that is filled better: large holes stay large for others. */
static double hint_of(const Relief *relief, const ReliefWorld *world, guint unit, guint choice)
{
    const double *capacity = world->problem->hosts[relief->destination[choice]].capacity;
    double slack = 1;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        slack = MIN(slack, (relief->room[choice][r] - relief->demand[unit][r]) / capacity[r]);
    }
    return HINT * MAX(slack, 0);
}

static void fill_prices(Relief *relief, const ReliefWorld *world)
{
    relief->price = g_new0(double, (gsize)relief->units * relief->choices + 1);
    for (guint u = 0; u < relief->units; u++) {
        double *row = relief->price + (gsize)u * relief->choices;
        double additive = 0;
        double staying = 0;

        for (guint i = relief->unit_first[u]; i < relief->unit_first[u + 1]; i++) {
            guint vm = relief->vms[relief->unit_vm[i]];

            additive += relief_additive(world, vm);
            if (world->problem->traffic && world->options->objective == OBJECTIVE_FULL) {
                price_traffic(relief, world, u, vm);
            }
        }
        staying = row[relief->stay];
        for (guint a = 0; a < relief->choices; a++) {
            row[a] += (a == relief->stay ? 0 : additive + hint_of(relief, world, u, a)) - staying;
        }
    }
}

/* Rows of neighbours, filled in two sweeps: 'first' counts, then 'to' is written. */
static void rows_end(guint *first, guint length)
{
    for (guint i = 0; i < length; i++) {
        first[i + 1] += first[i];
    }
}

static void fill_graph(Relief *relief, const ReliefWorld *world, const guint *unit_of)
{
    const Traffic *traffic = world->problem->traffic;
    double scale = world->scale[relief->source][2];
    guint edges = 0;

    relief->link_first = g_new0(guint, relief->vms_length + 2);
    relief->edge_first = g_new0(guint, relief->units + 2);
    for (guint i = 0; traffic && i < relief->vms_length; i++) {
        for (guint e = traffic->first[relief->vms[i]]; e < traffic->first[relief->vms[i] + 1]; e++) {
            gboolean is_here = is_local(relief, world, traffic->peer[e]);

            relief->link_first[i + 1] += is_here;
            edges += is_here;
        }
    }
    rows_end(relief->link_first, relief->vms_length);
    relief->link_to = g_new(guint, edges + 1);
    relief->edge_to = g_new(guint, edges + 1);
    relief->edge_cost = g_new(double, edges + 1);
    edges = 0;
    for (guint i = 0, k = 0; traffic && i < relief->vms_length; i++) {
        for (guint e = traffic->first[relief->vms[i]]; e < traffic->first[relief->vms[i] + 1]; e++) {
            if (is_local(relief, world, traffic->peer[e])) {
                relief->link_to[k++] = world->local_of[traffic->peer[e]];
            }
        }
    }
    for (guint u = 0; u < relief->units; u++) {
        for (guint j = relief->unit_first[u]; traffic && j < relief->unit_first[u + 1]; j++) {
            guint vm = relief->vms[relief->unit_vm[j]];

            for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
                guint peer = traffic->peer[e];

                if (is_local(relief, world, peer) && unit_of[world->local_of[peer]] != u) {
                    relief->edge_to[edges] = unit_of[world->local_of[peer]];
                    relief->edge_cost[edges++] = traffic->mib_per_s[e] * scale;
                }
            }
        }
        relief->edge_first[u + 1] = edges;
    }
}

/* Units that must be apart.  Two such VMs inside one unit contradict each other: that unit stays where it is. */
static void fill_foes(Relief *relief, const ReliefWorld *world, const guint *unit_of)
{
    const PlaceState *state = world->state;
    g_autoptr(GArray) foes = g_array_new(FALSE, FALSE, sizeof(guint));

    relief->foe_first = g_new0(guint, relief->units + 2);
    for (guint u = 0; u < relief->units; u++) {
        for (guint j = relief->unit_first[u]; j < relief->unit_first[u + 1]; j++) {
            guint vm = relief->vms[relief->unit_vm[j]];

            for (guint k = state->rule_first[vm]; k < state->rule_first[vm + 1]; k++) {
                const PlaceRule *rule = &world->problem->rules[state->rule_of[k]];

                for (guint m = 0; rule->kind == PLACE_RULE_APART && m < rule->vms_length; m++) {
                    guint other = rule->vms[m];

                    if (other != vm && is_local(relief, world, other)) {
                        g_array_append_val(foes, unit_of[world->local_of[other]]);
                    }
                }
            }
        }
        relief->foe_first[u + 1] = foes->len;
    }
    relief->foe_to = g_memdup2(foes->data, (foes->len + 1) * sizeof(guint));
}

static void fill_limits(Relief *relief, const ReliefWorld *world)
{
    const double *demand = world->state->demand[relief->source];
    const PlaceHost *host = &world->problem->hosts[relief->source];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        relief->least[r] = relief->has_movers ? -G_MAXFLOAT : demand[r] - host->capacity[r] * world->options->safe_high;
        if (demand[r] / host->capacity[r] > demand[relief->bottleneck] / host->capacity[relief->bottleneck]) {
            relief->bottleneck = (Resource)r;
        }
    }
    relief->most = demand[relief->bottleneck] - host->capacity[relief->bottleneck] * world->options->safe_low;
    relief->theta = world->options->theta;
    relief->doc = world->options->doc;
    relief->vms_leaving_max = G_MAXUINT;
}

static gboolean are_twins(const Relief *relief, const ReliefWorld *world, guint a, guint b)
{
    const guint n = relief->choices;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (relief->room[a][r] != relief->room[b][r] || relief->room_reserved[a][r] != relief->room_reserved[b][r]) {
            return FALSE;
        }
    }
    for (guint c = 0; c < n; c++) {
        if (c != a && c != b && relief->distance[a * n + c] != relief->distance[b * n + c]) {
            return FALSE;
        }
    }
    for (guint u = 0; u < relief->units; u++) {
        if (relief->price[u * n + a] != relief->price[u * n + b] || relief->may[u * n + a] != relief->may[u * n + b]) {
            return FALSE;
        }
    }
    return TRUE;
}

static void fill_twins(Relief *relief, const ReliefWorld *world)
{
    relief->twin = g_new(guint, relief->stay + 1);
    for (guint a = 0; a < relief->stay; a++) {
        guint b = 0;

        while (b < a && !(relief->twin[b] == b && are_twins(relief, world, b, a))) {
            b++;
        }
        relief->twin[a] = b;
    }
}

static void find_largest_component(Relief *relief)
{
    g_autofree guint *queue = g_new(guint, relief->vms_length + 1);
    g_autofree gboolean *is_seen = g_new0(gboolean, relief->vms_length + 1);

    for (guint i = 0; i < relief->vms_length; i++) {
        guint length = 0;

        if (!is_seen[i]) {
            queue[length++] = i;
            is_seen[i] = TRUE;
        }
        for (guint at = 0; at < length; at++) {
            for (guint e = relief->link_first[queue[at]]; e < relief->link_first[queue[at] + 1]; e++) {
                if (!is_seen[relief->link_to[e]]) {
                    is_seen[relief->link_to[e]] = TRUE;
                    queue[length++] = relief->link_to[e];
                }
            }
        }
        relief->largest_component = MAX(relief->largest_component, length);
    }
}

Relief *relief_new(const ReliefWorld *world, guint source, const guint *movers, guint movers_length,
                   const guint *destinations, guint destinations_length)
{
    Relief *relief = g_new0(Relief, 1);
    g_autofree guint *unit_of = NULL;

    relief->source = source;
    relief->has_movers = movers != NULL;
    relief->stay = destinations_length;
    relief->choices = destinations_length + 1;
    relief->destination = g_new(guint, relief->choices);
    for (guint a = 0; a < relief->stay; a++) {
        relief->destination[a] = destinations[a];
    }
    relief->destination[relief->stay] = source;
    find_vms(relief, world);
    unit_of = find_units(relief, world);
    fill_units(relief, world, unit_of);
    fill_room(relief, world);
    fill_may(relief, world, movers, movers_length);
    fill_prices(relief, world);
    fill_graph(relief, world, unit_of);
    fill_foes(relief, world, unit_of);
    fill_limits(relief, world);
    fill_twins(relief, world);
    find_largest_component(relief);
    return relief;
}

void relief_free(Relief *relief)
{
    if (!relief) {
        return;
    }
    g_free(relief->vms);
    g_free(relief->unit_first);
    g_free(relief->unit_vm);
    g_free(relief->stance);
    g_free(relief->demand);
    g_free(relief->reserved);
    g_free(relief->edge_first);
    g_free(relief->edge_to);
    g_free(relief->edge_cost);
    g_free(relief->foe_first);
    g_free(relief->foe_to);
    g_free(relief->destination);
    g_free(relief->twin);
    g_free(relief->room);
    g_free(relief->room_reserved);
    g_free(relief->distance);
    g_free(relief->price);
    g_free(relief->may);
    g_free(relief->link_first);
    g_free(relief->link_to);
    g_free(relief);
}
