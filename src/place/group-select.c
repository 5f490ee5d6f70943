/* SPDX-License-Identifier: Apache-2.0
 *
 * Algorithm 2 of seed 003; see group-select.h.  Which groups are looked at is in group-candidates.c.
 *
 * Theory of operation.  Candidates are ordered by a lower bound of their cost: migration time and energy, which do not
 * depend on where the group goes, and traffic that has to cross at least the shortest way to any destination.  With
 * NORM_REF the search ends at the first candidate whose bound is not below the best scheme so far, and the result is
 * the same as if all had been tried.  NORM_MINMAX needs the extremes of all schemes before it can compare two, so it
 * tries everything twice, up to SCHEMES_MAX partitions.
 *
 * Where this goes beyond the seed: the fallback to single VMs is also taken when there are candidates but no room for
 * any of them (the seed would leave the host as it is). */
#include "place/group-parts.h"
#include "base/indices.h"

#include <math.h>

#define SCHEMES_MAX 300000 /* partitions tried per decision */

gboolean group_is_available(const PlaceState *state, guint host, const double *leaving)
{
    const PlaceHost *row = &state->problem->hosts[host];
    const PlaceOptions *options = state->options;
    Resource fullest = (Resource)0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double high = options->safe_high * row->capacity[r];

        if (state->demand[host][r] - leaving[r] > high + 1e-9 * MAX(1, high)) {
            return FALSE;
        }
        if (place_state_utilisation(state, host, (Resource)r) > place_state_utilisation(state, host, fullest)) {
            fullest = (Resource)r;
        }
    }
    double low = options->safe_low * row->capacity[fullest];
    return state->demand[host][fullest] - leaving[fullest] >= low - 1e-9 * MAX(1, low);
}

static double connection_without(const GroupHost *host, guint64 group)
{
    GroupGraph *graph = host->graph;
    guint remaining = host->vms_length - (guint)__builtin_popcountll(group);

    for (guint i = 0; i < host->vms_length; i++) {
        graph->is_unseen[i] = TRUE;
    }
    for (guint64 rest = group; rest; rest &= rest - 1) {
        graph->is_unseen[host->place_on_host[__builtin_ctzll(rest)]] = FALSE;
    }
    return remaining <= 1 ? 1 : (double)group_graph_connected(graph, host->state->options->doc) / remaining;
}

/* However many leave, what remains has no more connected VMs than there are now; so unless enough leave, it is not
 * connected enough. */
static guint least_size(const GroupHost *host)
{
    double theta = MAX(host->state->options->theta, 1e-9);
    guint connected;
    double remaining;

    for (guint i = 0; i < host->vms_length; i++) {
        host->graph->is_unseen[i] = TRUE;
    }
    connected = group_graph_connected(host->graph, host->state->options->doc);
    remaining = MAX(1, connected / theta * (1 + 1e-9));
    return remaining >= host->vms_length ? 1 : host->vms_length - (guint)remaining;
}

gboolean group_is_whole(const GroupHost *host, guint64 group)
{
    for (guint64 rest = group; rest; rest &= rest - 1) {
        if (host->unit[__builtin_ctzll(rest)] & ~group) {
            return FALSE;
        }
    }
    return TRUE;
}

void group_consider(GroupHost *host, guint64 group, const double *leaving)
{
    GroupCandidate candidate = {.group = group};

    guint size = (guint)__builtin_popcountll(group);

    if (size >= host->least_size && size < host->vms_length && group_is_whole(host, group) &&
        group_is_available(host->state, host->host, leaving) &&
        connection_without(host, group) >= host->state->options->theta - 1e-9) {
        g_array_append_val(host->candidates, candidate);
    }
}

/* The VMs that are on 'host' now, ascending: those that were, as far as they still are, and those that came. */
static guint *vms_on(const PlaceState *state, guint host, guint *length)
{
    guint *vms = g_new(guint, state->vms_on[host] + 1);
    guint first = state->first_vm[host];
    guint last = state->first_vm[host + 1];

    *length = 0;
    for (guint i = first; i < last; i++) {
        if (state->host_of[state->vm_at[i]] == host) {
            vms[(*length)++] = state->vm_at[i];
        }
    }
    g_assert(*length == state->vms_on[host]); /* a host above the range received nothing meanwhile */
    return vms;
}

typedef struct Rank {
    guint vm;
    double cost_per_relief;
} Rank;

static int compare_ranks(gconstpointer a, gconstpointer b)
{
    const Rank *left = a;
    const Rank *right = b;

    if (left->cost_per_relief != right->cost_per_relief) {
        return left->cost_per_relief < right->cost_per_relief ? -1 : 1;
    }
    return left->vm < right->vm ? -1 : left->vm > right->vm;
}

/* The VMs that groups are made of: all, or of a crowded host those that relieve it most for what they cost. */
static void choose_vms(GroupHost *host, const PlaceCosts *costs, const PlaceRaw *reference)
{
    const PlaceProblem *problem = host->state->problem;
    g_autofree Rank *ranks = g_new(Rank, host->vms_length + 1);

    for (guint i = 0; i < host->vms_length; i++) {
        const PlaceVm *vm = &problem->vms[host->vms[i]];
        PlaceRaw raw = {costs->migration_s[host->vms[i]], vm->mean_load, 0};
        double relief = vm->demand[host->bottleneck];

        ranks[i].vm = host->vms[i];
        ranks[i].cost_per_relief = vm->is_pinned || relief <= 0
                                       ? INFINITY
                                       : place_integrate(host->state->options, &raw, reference) / relief;
    }
    if (host->vms_length > CCMS_VMS_MAX) {
        qsort(ranks, host->vms_length, sizeof *ranks, compare_ranks);
    }
    host->length = MIN(host->vms_length, CCMS_VMS_MAX);
    host->chosen = g_new(guint, host->length + 1);
    for (guint i = 0; i < host->length; i++) {
        host->chosen[i] = ranks[i].vm;
    }
    indices_sort(host->chosen, host->length);
    for (guint i = 0, next = 0; i < host->vms_length && next < host->length; i++) {
        if (host->vms[i] == host->chosen[next]) {
            host->place_on_host[next++] = i;
        }
    }
}

static guint place_among(const GroupHost *host, guint vm)
{
    for (guint i = 0; i < host->length; i++) {
        if (host->chosen[i] == vm) {
            return i;
        }
    }
    return PLACE_NOWHERE;
}

/* Who talks to whom, who moves with whom, and who cannot move because of that. */
static void link_vms(GroupHost *host)
{
    const PlaceProblem *problem = host->state->problem;
    const Traffic *traffic = problem->traffic;
    const PlaceState *state = host->state;

    for (guint i = 0; i < host->length; i++) {
        guint vm = host->chosen[i];

        host->unit[i] = (guint64)1 << i;
        host->movable |= problem->vms[vm].is_pinned ? 0 : host->unit[i];
        for (guint e = traffic ? traffic->first[vm] : 0; traffic && e < traffic->first[vm + 1]; e++) {
            guint j = state->host_of[traffic->peer[e]] == host->host ? place_among(host, traffic->peer[e]) : PLACE_NOWHERE;

            host->neighbours[i] |= j == PLACE_NOWHERE ? 0 : (guint64)1 << j;
        }
        for (guint n = state->rule_first[vm]; n < state->rule_first[vm + 1]; n++) {
            const PlaceRule *rule = &problem->rules[state->rule_of[n]];

            for (guint k = 0; rule->kind == PLACE_RULE_TOGETHER && k < rule->vms_length; k++) {
                guint j = place_among(host, rule->vms[k]);

                host->unit[i] |= j == PLACE_NOWHERE ? 0 : (guint64)1 << j;
                if (j == PLACE_NOWHERE && state->host_of[rule->vms[k]] == host->host) {
                    host->movable &= ~((guint64)1 << i); /* its companion is not among the chosen */
                }
            }
        }
    }
    for (guint i = 0; i < host->length; i++) { /* together is transitive */
        host->unit[i] = partition_reach(host->unit, (guint64)1 << i, G_MAXUINT64);
    }
    for (guint i = 0; i < host->length; i++) {
        if (host->unit[i] & ~host->movable) {
            host->movable &= ~host->unit[i];
        }
    }
}

static void host_init(GroupHost *host, const PlaceState *state, const PlaceCosts *costs, guint index,
                      const PlaceRaw *reference)
{
    const PlaceHost *row = &state->problem->hosts[index];
    g_autofree guint *destinations = g_new(guint, state->problem->hosts_length + 1);
    guint destinations_length = 0;

    *host = (GroupHost){.state = state, .host = index};
    host->vms = vms_on(state, index, &host->vms_length);
    host->candidates = g_array_new(FALSE, FALSE, sizeof(GroupCandidate));
    for (int r = 1; r < RESOURCE_COUNT; r++) {
        if (place_state_utilisation(state, index, (Resource)r) >
            place_state_utilisation(state, index, host->bottleneck)) {
            host->bottleneck = (Resource)r;
        }
    }
    host->least = state->demand[index][host->bottleneck] - state->options->safe_high * row->capacity[host->bottleneck];
    host->most = state->demand[index][host->bottleneck] - state->options->safe_low * row->capacity[host->bottleneck];
    choose_vms(host, costs, reference);
    link_vms(host);
    host->graph = group_graph_new(state->problem->traffic, host->vms, host->vms_length);
    host->least_size = least_size(host);
    for (guint h = 0; h < state->problem->hosts_length; h++) {
        if (h != index && state->problem->hosts[h].may_receive) {
            destinations[destinations_length++] = h;
        }
    }
    if (host->length > 0) {
        host->ccms = ccms_new(state, costs, host->chosen, host->length, destinations, destinations_length);
    }
}

static void host_clear(GroupHost *host)
{
    g_free(host->vms);
    g_free(host->chosen);
    ccms_free(host->ccms);
    group_graph_free(host->graph);
    g_array_unref(host->candidates);
}

static int compare_candidates(gconstpointer a, gconstpointer b)
{
    const GroupCandidate *left = a;
    const GroupCandidate *right = b;
    int left_size = __builtin_popcountll(left->group);
    int right_size = __builtin_popcountll(right->group);

    if (left->bound != right->bound) {
        return left->bound < right->bound ? -1 : 1;
    }
    if (left_size != right_size) {
        return left_size - right_size;
    }
    return left->group < right->group ? -1 : left->group > right->group;
}

static void try_all(GroupHost *host, CcmsSearch *search)
{
    for (guint i = 0; i < host->candidates->len; i++) {
        GroupCandidate *candidate = &g_array_index(host->candidates, GroupCandidate, i);

        candidate->bound = ccms_lower_bound(host->ccms, candidate->group, search);
    }
    g_array_sort(host->candidates, compare_candidates);
    for (guint i = 0; i < host->candidates->len && search->partitions < search->partitions_max; i++) {
        const GroupCandidate *candidate = &g_array_index(host->candidates, GroupCandidate, i);

        if (isinf(candidate->bound) || (!search->is_range && candidate->bound >= search->best.cost)) {
            break;
        }
        ccms_try(host->ccms, candidate->group, search);
    }
}

/* The cheapest scheme of all candidates. */
static void search_schemes(GroupHost *host, const PlaceRaw *reference, CcmsSearch *search)
{
    ccms_search_init(search, reference);
    search->partitions_max = SCHEMES_MAX;
    if (host->state->options->norm == NORM_MINMAX) {
        search->is_range = TRUE;
        try_all(host, search);
        ccms_search_normalise(search);
    }
    if (host->state->options->norm == NORM_REF || !isinf(search->least.migration_s)) {
        try_all(host, search);
    }
    host->is_complete = host->is_complete && search->partitions < search->partitions_max;
}

static void list_singles(GroupHost *host)
{
    guint64 listed = 0;

    g_array_set_size(host->candidates, 0);
    for (guint64 rest = host->movable; rest; rest &= rest - 1) {
        GroupCandidate candidate = {.group = host->unit[__builtin_ctzll(rest)]};

        if (!(candidate.group & listed)) {
            g_array_append_val(host->candidates, candidate);
        }
        listed |= candidate.group;
    }
}

static double demand_of_group(const GroupHost *host, guint64 group, Resource resource)
{
    double sum = 0;

    for (guint64 rest = group; rest; rest &= rest - 1) {
        sum += host->state->problem->vms[host->chosen[__builtin_ctzll(rest)]].demand[resource];
    }
    return sum;
}

static void choice_fill(GroupChoice *choice, GroupHost *host, const CcmsSearch *search)
{
    double capacity = host->state->problem->hosts[host->host].capacity[host->bottleneck];

    choice->scheme = search->best;
    choice->is_complete = host->is_complete;
    choice->schemes = search->schemes;
    choice->bottleneck = host->bottleneck;
    choice->before = place_state_utilisation(host->state, host->host, host->bottleneck);
    choice->after = choice->before - demand_of_group(host, search->best.group, host->bottleneck) / capacity;
    choice->ccms = g_steal_pointer(&host->ccms);
}

gboolean group_select(const PlaceState *state, const PlaceCosts *costs, guint host, GroupChoice *choice)
{
    PlaceRaw reference = place_reference(state, costs, host);
    g_autofree CcmsSearch *search = g_new0(CcmsSearch, 1);
    GroupHost here;

    *choice = (GroupChoice){0};
    host_init(&here, state, costs, host, &reference);
    if (!here.ccms) {
        host_clear(&here);
        return FALSE;
    }
    here.is_complete = here.vms_length <= state->options->exact_vms;
    if (here.is_complete) {
        group_enumerate(&here);
    } else {
        group_sample(&here);
    }
    choice->candidates = here.candidates->len;
    search_schemes(&here, &reference, search);
    if (search->best.blocks_length == 0) {
        choice->is_single = TRUE;
        list_singles(&here);
        search_schemes(&here, &reference, search);
    }
    choice_fill(choice, &here, search);
    host_clear(&here);
    return choice->scheme.blocks_length > 0;
}

void group_choice_clear(GroupChoice *choice)
{
    g_clear_pointer(&choice->ccms, ccms_free);
}
