/* SPDX-License-Identifier: Apache-2.0
 *
 * Which facts are true of the VMs of a question, and what room there is for them; see feasible.h.  The answer is found in
 * feasible-search.c. */
#include "place/feasible-parts.h"

NAMED_ENUM_DEFINE(Fact, fact, FACTS)

#define STEPS_MAX 20000000

static guint8 facts_of(const PlaceProblem *problem, guint vm)
{
    const PlaceVm *row = &problem->vms[vm];
    guint8 facts = 0;

    facts |= row->demand[RESOURCE_CPU] > 0 || row->reserved[RESOURCE_CPU] > 0 ? 1u << FACT_CPU : 0;
    facts |= row->demand[RESOURCE_MEMORY] > 0 || row->reserved[RESOURCE_MEMORY] > 0 ? 1u << FACT_MEMORY : 0;
    facts |= row->cpu_class ? 1u << FACT_CLASS : 0;
    facts |= row->is_pinned ? 1u << FACT_PINNED : 0;
    for (guint r = 0; r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];

        for (guint i = 0; rule->vms_length > 1 && i < rule->vms_length; i++) {
            if (rule->vms[i] == vm) {
                facts |= 1u << (rule->kind == PLACE_RULE_APART ? FACT_APART : FACT_TOGETHER);
            }
        }
    }
    return facts;
}

static void fill_rooms(Feasible *feasible)
{
    const PlaceProblem *problem = feasible->problem;

    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            const PlaceHost *host = &problem->hosts[h];

            feasible->room[h][r] = host->capacity[r] * feasible->options->safe_high - host->base_demand[r];
            feasible->room_reserved[h][r] = host->reservable[r] - host->base_reserved[r];
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        for (int r = 0; r < RESOURCE_COUNT && !feasible->is_among[v]; r++) {
            feasible->room[problem->vms[v].host][r] -= problem->vms[v].demand[r];
            feasible->room_reserved[problem->vms[v].host][r] -= problem->vms[v].reserved[r];
        }
    }
}

Feasible *feasible_new(const PlaceProblem *problem, const PlaceOptions *options, guint relieved, const guint *vms,
                       guint vms_length)
{
    Feasible *feasible = g_new0(Feasible, 1);

    feasible->problem = problem;
    feasible->options = options;
    feasible->relieved = relieved;
    feasible->steps_left = STEPS_MAX;
    feasible->is_among = g_new0(gboolean, problem->vms_length + 1);
    feasible->vms = g_new(guint, problem->vms_length + 1);
    feasible->facts = g_new0(guint8, problem->vms_length + 1);
    feasible->room = g_malloc0_n(problem->hosts_length + 1, sizeof *feasible->room);
    feasible->room_reserved = g_malloc0_n(problem->hosts_length + 1, sizeof *feasible->room_reserved);
    for (guint i = 0; i < vms_length && relieved == PLACE_NOWHERE; i++) {
        feasible->vms[feasible->length++] = vms[i];
    }
    for (guint v = 0; v < problem->vms_length && relieved != PLACE_NOWHERE; v++) {
        if (problem->vms[v].host == relieved) {
            feasible->vms[feasible->length++] = v;
        }
    }
    for (guint i = 0; i < feasible->length; i++) {
        feasible->is_among[feasible->vms[i]] = TRUE;
        feasible->facts[i] = facts_of(problem, feasible->vms[i]);
    }
    fill_rooms(feasible);
    for (int r = 0; r < RESOURCE_COUNT && relieved != PLACE_NOWHERE; r++) {
        feasible->to_leave[r] = -feasible->room[relieved][r];
        for (guint i = 0; i < feasible->length; i++) {
            feasible->to_leave[r] += problem->vms[feasible->vms[i]].demand[r];
        }
    }
    return feasible;
}

void feasible_free(Feasible *feasible)
{
    if (!feasible) {
        return;
    }
    g_free(feasible->vms);
    g_free(feasible->facts);
    g_free(feasible->is_among);
    g_free(feasible->room);
    g_free(feasible->room_reserved);
    g_free(feasible);
}

/* Rules with VMs that are not in the question, and so are where they are. */
static gboolean obeys_others(const Feasible *feasible, guint vm, guint8 facts, guint host)
{
    const PlaceProblem *problem = feasible->problem;

    for (guint r = 0; (facts & RULE_FACTS) && r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];
        gboolean is_named = FALSE;
        gboolean is_there = FALSE;
        gboolean is_elsewhere = FALSE;

        for (guint i = 0; i < rule->vms_length; i++) {
            guint other = rule->vms[i];

            is_named = is_named || other == vm;
            if (other != vm && !feasible->is_among[other]) {
                is_there = is_there || problem->vms[other].host == host;
                is_elsewhere = is_elsewhere || problem->vms[other].host != host;
            }
        }
        if (is_named && rule->kind == PLACE_RULE_APART && (facts & 1u << FACT_APART) && is_there) {
            return FALSE;
        }
        if (is_named && rule->kind == PLACE_RULE_TOGETHER && (facts & 1u << FACT_TOGETHER) && is_elsewhere) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean feasible_may(const Feasible *feasible, guint i, guint8 facts, guint host)
{
    const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];
    const PlaceHost *there = &feasible->problem->hosts[host];

    return host != vm->host && there->may_receive && !(facts & 1u << FACT_PINNED) &&
           (!(facts & 1u << FACT_CLASS) || (there->cpu_classes & vm->cpu_class)) &&
           has_room(feasible->room[host], feasible->room_reserved[host], vm, facts) &&
           obeys_others(feasible, feasible->vms[i], facts, host);
}
