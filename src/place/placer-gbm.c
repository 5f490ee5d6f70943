/* SPDX-License-Identifier: Apache-2.0
 *
 * Placer `gbm`: GBM-VMM, the group based migration model of seed 003.
 *
 * Relief: for each overloaded host, the most overloaded first, Algorithm 2 (group-select.h) picks the group and
 * Algorithm 1 (ccms.h) says where its blocks go.  Where it had to fall back to a single VM it is asked again, until the
 * host is within the range or nothing can be moved any more.
 *
 * Evacuation: who leaves is given, so only Algorithm 1 has something to choose.  The groups are the connected
 * components of the movers; if there is no room for one in any partition, its VMs are placed one by one. */
#include "place/group-select.h"
#include "place/place-units.h"

#include <string.h>

#define NAMES_MAX 6 /* of a group, in a sentence */

typedef struct Gbm {
    const PlaceProblem *problem;
    const PlaceOptions *options;
    PlaceState *state;
    PlaceCosts *costs;
    PlaceResult *result;
    guint groups;
} Gbm;

static void gbm_init(Gbm *gbm, const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result)
{
    *gbm = (Gbm){.problem = problem, .options = options, .result = result};
    gbm->state = place_state_new(problem, options);
    gbm->costs = place_costs_new(problem, options);
}

static void gbm_clear(Gbm *gbm)
{
    place_state_free(gbm->state);
    place_costs_free(gbm->costs);
}

/* "vm4,vm5 (connected, 12 MiB/s)" */
static char *describe_group(const Gbm *gbm, const guint *vms, const Ccms *ccms, guint64 group)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint size = (guint)__builtin_popcountll(group);
    guint named = 0;

    for (guint64 rest = group; rest && named < NAMES_MAX; rest &= rest - 1) {
        g_string_append_printf(text, "%s%s", named++ ? "," : "",
                               gbm->problem->vms[vms[__builtin_ctzll(rest)]].name);
    }
    if (size > named) {
        g_string_append_printf(text, " and %u more", size - named);
    }
    if (size > 1) {
        double mib_per_s = ccms_between(ccms, group, group) / 2;

        g_string_append_printf(text, " (%s, %.3g MiB/s)", ccms_is_connected(ccms, group) ? "connected" : "several parts",
                               mib_per_s);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* "h7 is 2 links away, communication 24 MiB/s*links": of one block, with everything where it is now. */
static char *describe_way(const Gbm *gbm, const guint *vms, guint64 block, guint source, guint host)
{
    double communication = 0;
    guint links = place_distance(gbm->problem, source, host);

    for (guint64 rest = block; rest; rest &= rest - 1) {
        communication += place_state_communication(gbm->state, vms[__builtin_ctzll(rest)], host);
    }
    return g_strdup_printf("%s is %u link%s away, communication %.3g MiB/s*links", gbm->problem->hosts[host].name, links,
                           links == 1 ? "" : "s", communication);
}

/* Moves the scheme's VMs and notes them, each with 'why' and its way. */
static void accept(Gbm *gbm, const Ccms *ccms, const guint *vms, const CcmsScheme *scheme, const char *why)
{
    ccms_apply(ccms, scheme, gbm->state);
    for (guint b = 0; b < scheme->blocks_length; b++) {
        guint first = vms[__builtin_ctzll(scheme->blocks[b])];
        g_autofree char *way =
            describe_way(gbm, vms, scheme->blocks[b], gbm->problem->vms[first].host, scheme->hosts[b]);

        for (guint64 rest = scheme->blocks[b]; rest; rest &= rest - 1) {
            place_result_add_move(gbm->result, gbm->problem, vms[__builtin_ctzll(rest)], scheme->hosts[b], gbm->groups, b,
                                  g_strdup_printf("%s; %s", why, way));
        }
    }
    gbm->groups++;
}

/* "h3 cpu 0.91 > 0.80; with vm4,vm5 (connected, 12 MiB/s) gone 0.74" */
static char *describe_relief(const Gbm *gbm, guint host, const GroupChoice *choice, const guint *vms)
{
    g_autofree char *group = describe_group(gbm, vms, choice->ccms, choice->scheme.group);
    g_autofree char *fallback = NULL;

    if (choice->is_single) {
        fallback = g_strdup_printf("no group leaves it within %.2f..%.2f, connected by %.2f, and finds room, so one at a "
                                   "time; ",
                                   gbm->options->safe_low, gbm->options->safe_high, gbm->options->theta);
    }
    return g_strdup_printf("%s %s %.2f > %.2f; %swith %s gone %.2f", gbm->problem->hosts[host].name,
                           resource_name(choice->bottleneck), choice->before, gbm->options->safe_high,
                           fallback ? fallback : "", group, choice->after);
}

static void relieve_host(Gbm *gbm, guint host)
{
    guint rounds = gbm->state->vms_on[host];

    for (guint round = 0; round < rounds && place_state_is_overloaded(gbm->state, host); round++) {
        g_autofree GroupChoice *choice = g_new0(GroupChoice, 1);
        gboolean is_found = group_select(gbm->state, gbm->costs, host, choice);

        if (is_found) {
            const guint *vms = ccms_vms(choice->ccms);
            g_autofree char *why = describe_relief(gbm, host, choice, vms);

            accept(gbm, choice->ccms, vms, &choice->scheme, why);
        }
        group_choice_clear(choice);
        if (!is_found) {
            return;
        }
    }
}

static int compare_overload(gconstpointer a, gconstpointer b, gpointer user)
{
    const PlaceState *state = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;
    double difference = place_state_highest(state, left) - place_state_highest(state, right);

    if (difference != 0) {
        return difference > 0 ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

static void relieve(Gbm *gbm)
{
    g_autofree guint *hosts = g_new(guint, gbm->problem->hosts_length + 1);
    guint hosts_length = 0;

    for (guint h = 0; h < gbm->problem->hosts_length; h++) {
        if (gbm->problem->hosts[h].is_source && place_state_is_overloaded(gbm->state, h)) {
            hosts[hosts_length++] = h;
        }
    }
    g_qsort_with_data(hosts, (int)hosts_length, sizeof *hosts, compare_overload, gbm->state);
    for (guint i = 0; i < hosts_length; i++) {
        relieve_host(gbm, hosts[i]);
    }
}

/* The cheapest scheme for 'group' of 'ccms', and done; FALSE when there is none. */
static gboolean place_group(Gbm *gbm, Ccms *ccms, guint64 group)
{
    const guint *vms = ccms_vms(ccms);
    guint source = gbm->problem->vms[vms[__builtin_ctzll(group)]].host;
    PlaceRaw reference = place_reference(gbm->state, gbm->costs, source);
    g_autofree CcmsSearch *search = g_new0(CcmsSearch, 1);
    g_autofree char *names = NULL;
    g_autofree char *why = NULL;

    ccms_search_init(search, &reference);
    if (gbm->options->norm == NORM_MINMAX) {
        search->is_range = TRUE;
        ccms_try(ccms, group, search);
        ccms_search_normalise(search);
    }
    ccms_try(ccms, group, search);
    if (search->best.blocks_length == 0) {
        return FALSE;
    }
    names = describe_group(gbm, vms, ccms, group);
    why = search->best.blocks_length == 1
              ? g_strdup_printf("%s to leave %s", names, gbm->problem->hosts[source].name)
              : g_strdup_printf("%s to leave %s, in %u blocks", names, gbm->problem->hosts[source].name,
                                search->best.blocks_length);
    accept(gbm, ccms, vms, &search->best, why);
    return TRUE;
}

typedef struct Part {
    guint *vms; /* ascending */
    guint length;
    double memory_mib;
} Part;

static int compare_parts(gconstpointer a, gconstpointer b)
{
    const Part *left = a;
    const Part *right = b;

    if (left->memory_mib != right->memory_mib) {
        return left->memory_mib > right->memory_mib ? -1 : 1;
    }
    return left->vms[0] < right->vms[0] ? -1 : left->vms[0] > right->vms[0];
}

static void part_clear(gpointer data)
{
    g_free(((Part *)data)->vms);
}

static guint64 mask_of(const guint *all, guint all_length, const guint *vms, guint length)
{
    guint64 mask = 0;

    for (guint i = 0, next = 0; i < all_length && next < length; i++) {
        if (all[i] == vms[next]) {
            mask |= (guint64)1 << i;
            next++;
        }
    }
    return mask;
}

/* One by one, the largest first; what finds no room stays. */
static void place_singly(Gbm *gbm, const Part *part, const guint *hosts, guint hosts_length)
{
    g_autoptr(PlaceUnits) units = place_units_new(gbm->problem, part->vms, part->length);
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(Part));

    for (guint u = 0; u < units->length; u++) {
        Part unit = {units->vms + units->first[u], units->first[u + 1] - units->first[u],
                     place_unit_size(units, gbm->problem, u, RESOURCE_MEMORY, FALSE)};

        g_array_append_val(order, unit);
    }
    g_array_sort(order, compare_parts);
    for (guint i = 0; i < order->len; i++) {
        const Part *unit = &g_array_index(order, Part, i);
        g_autoptr(Ccms) ccms = ccms_new(gbm->state, gbm->costs, part->vms, part->length, hosts, hosts_length);

        place_group(gbm, ccms, mask_of(part->vms, part->length, unit->vms, unit->length));
    }
}

static void place_part(Gbm *gbm, const Part *part, const guint *hosts, guint hosts_length)
{
    gboolean is_placed;

    {
        g_autoptr(Ccms) ccms = ccms_new(gbm->state, gbm->costs, part->vms, part->length, hosts, hosts_length);

        is_placed = place_group(gbm, ccms, part->length < 64 ? ((guint64)1 << part->length) - 1 : G_MAXUINT64);
    }
    if (!is_placed && part->length > 1) {
        place_singly(gbm, part, hosts, hosts_length);
    }
}

/* Who belongs to the part of 'start': grown along traffic and rules, no further than a Ccms can hold. */
static Part grow_part(const Gbm *gbm, const PlaceUnits *units, const guint *unit_of, gboolean *is_open, guint start)
{
    const Traffic *traffic = gbm->problem->traffic;
    g_autoptr(GArray) vms = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GArray) queue = g_array_new(FALSE, FALSE, sizeof(guint));
    Part part = {0};

    g_array_append_val(queue, start);
    is_open[start] = FALSE;
    for (guint next = 0; next < queue->len; next++) {
        guint unit = g_array_index(queue, guint, next);

        if (vms->len + units->first[unit + 1] - units->first[unit] > CCMS_VMS_MAX) {
            is_open[unit] = vms->len > 0; /* another part begins here */
            continue;
        }
        for (guint i = units->first[unit]; i < units->first[unit + 1]; i++) {
            guint vm = units->vms[i];

            g_array_append_val(vms, vm);
            part.memory_mib += gbm->problem->vms[vm].reserved[RESOURCE_MEMORY];
            for (guint e = traffic ? traffic->first[vm] : 0; traffic && e < traffic->first[vm + 1]; e++) {
                guint other = unit_of[traffic->peer[e]];

                if (other != PLACE_NOWHERE && is_open[other]) {
                    is_open[other] = FALSE;
                    g_array_append_val(queue, other);
                }
            }
        }
    }
    part.length = vms->len;
    part.vms = g_memdup2(vms->data, vms->len * sizeof(guint));
    return part;
}

static int compare_vms(gconstpointer a, gconstpointer b)
{
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    return left < right ? -1 : left > right;
}

/* Connected components of the units that may move. */
static GArray *list_parts(const Gbm *gbm, const PlaceUnits *units)
{
    GArray *parts = g_array_new(FALSE, FALSE, sizeof(Part));
    g_autofree guint *unit_of = g_new(guint, gbm->problem->vms_length + 1);
    g_autofree gboolean *is_open = g_new0(gboolean, units->length + 1);

    g_array_set_clear_func(parts, part_clear);
    memset(unit_of, 0xff, gbm->problem->vms_length * sizeof *unit_of); /* PLACE_NOWHERE */
    for (guint u = 0; u < units->length; u++) {
        is_open[u] = TRUE;
        for (guint i = units->first[u]; i < units->first[u + 1]; i++) {
            unit_of[units->vms[i]] = u;
            is_open[u] = is_open[u] && !gbm->problem->vms[units->vms[i]].is_pinned;
        }
    }
    for (guint u = 0; u < units->length; u++) {
        while (is_open[u]) {
            Part part = grow_part(gbm, units, unit_of, is_open, u);

            if (part.length == 0) {
                break; /* a unit of more VMs than can be handled: it stays, and is named */
            }
            qsort(part.vms, part.length, sizeof *part.vms, compare_vms);
            g_array_append_val(parts, part);
        }
    }
    g_array_sort(parts, compare_parts);
    return parts;
}

static void evacuate(Gbm *gbm, const PlaceTask *task)
{
    g_autoptr(PlaceUnits) units = place_units_new(gbm->problem, task->movers, task->movers_length);
    g_autoptr(GArray) parts = list_parts(gbm, units);
    g_autofree guint *hosts = g_new(guint, gbm->problem->hosts_length + 1);
    guint hosts_length = 0;

    for (guint h = 0; h < gbm->problem->hosts_length; h++) {
        if (gbm->problem->hosts[h].may_receive) {
            hosts[hosts_length++] = h;
        }
    }
    for (guint i = 0; i < parts->len; i++) {
        place_part(gbm, &g_array_index(parts, Part, i), hosts, hosts_length);
    }
}

static gboolean gbm_place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                          PlaceResult *result, GError **error)
{
    Gbm gbm;

    gbm_init(&gbm, problem, options, result);
    if (task->kind == PLACE_EVACUATE) {
        evacuate(&gbm, task);
    } else {
        relieve(&gbm);
    }
    gbm_clear(&gbm);
    return TRUE;
}

const Grouping PLACER_GBM = {
    .name = "gbm",
    .summary = "GBM-VMM: connected groups, every group and partition while they are few (seed 003)",
    .tasks = 1u << PLACE_RELIEVE | 1u << PLACE_EVACUATE,
    .place = gbm_place,
};
