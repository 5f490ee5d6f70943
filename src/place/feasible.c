/* SPDX-License-Identifier: Apache-2.0
 *
 * Which facts are true of the VMs of a question, and what room there is for them; see feasible.h.  The answer is found in
 * feasible-search.c. */
#include "place/feasible-parts.h"

NAMED_ENUM_DEFINE(Fact, fact, FACTS)

#define STEPS_MAX 3000000

static guint8 facts_of(const Feasible *feasible, guint i)
{
    const PlaceVm *row = &feasible->problem->vms[feasible->vms[i]];
    guint8 facts = 0;

    facts |= row->demand[RESOURCE_CPU] > 0 || row->reserved[RESOURCE_CPU] > 0 ? 1u << FACT_CPU : 0;
    facts |= row->demand[RESOURCE_MEMORY] > 0 || row->reserved[RESOURCE_MEMORY] > 0 ? 1u << FACT_MEMORY : 0;
    facts |= row->cpu_class ? 1u << FACT_CLASS : 0;
    facts |= row->is_pinned ? 1u << FACT_PINNED : 0;
    for (guint n = feasible->rule_first[i]; n < feasible->rule_first[i + 1]; n++) {
        const PlaceRule *rule = &feasible->problem->rules[feasible->rule_of[n]];

        if (rule->vms_length > 1) {
            facts |= 1u << (rule->kind == PLACE_RULE_APART ? FACT_APART : FACT_TOGETHER);
        }
    }
    return facts;
}

/* Each rule that names VMs of the question, and for each of these VMs its rules. */
static void index_rules(Feasible *feasible)
{
    const PlaceProblem *problem = feasible->problem;
    g_autofree guint *filled = g_new0(guint, feasible->length + 1);

    feasible->rules = g_array_new(FALSE, FALSE, sizeof(guint));
    feasible->rule_first = g_new0(guint, feasible->length + 2);
    for (guint r = 0; r < problem->rules_length; r++) {
        gboolean is_ours = FALSE;

        for (guint k = 0; k < problem->rules[r].vms_length; k++) {
            guint i = feasible->place_of[problem->rules[r].vms[k]];

            is_ours = is_ours || i != PLACE_NOWHERE;
            feasible->rule_first[i != PLACE_NOWHERE ? i + 1 : feasible->length + 1]++; /* the last: others, unused */
        }
        if (is_ours) {
            g_array_append_val(feasible->rules, r);
        }
    }
    for (guint i = 0; i < feasible->length; i++) {
        feasible->rule_first[i + 1] += feasible->rule_first[i];
    }
    feasible->rule_of = g_new(guint, feasible->rule_first[feasible->length] + 1);
    for (guint n = 0; n < feasible->rules->len; n++) {
        guint r = g_array_index(feasible->rules, guint, n);

        for (guint k = 0; k < problem->rules[r].vms_length; k++) {
            guint i = feasible->place_of[problem->rules[r].vms[k]];

            if (i != PLACE_NOWHERE) {
                feasible->rule_of[feasible->rule_first[i] + filled[i]++] = r;
            }
        }
    }
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
        for (int r = 0; r < RESOURCE_COUNT && feasible->place_of[v] == PLACE_NOWHERE; r++) {
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
    feasible->place_of = g_new(guint, problem->vms_length + 1);
    feasible->vms = g_new(guint, problem->vms_length + 1);
    feasible->facts = g_new0(guint8, problem->vms_length + 1);
    feasible->room = g_malloc0_n(problem->hosts_length + 1, sizeof *feasible->room);
    feasible->room_reserved = g_malloc0_n(problem->hosts_length + 1, sizeof *feasible->room_reserved);
    for (guint v = 0; v < problem->vms_length; v++) {
        feasible->place_of[v] = PLACE_NOWHERE;
    }
    for (guint i = 0; i < vms_length && relieved == PLACE_NOWHERE; i++) {
        feasible->vms[feasible->length++] = vms[i];
    }
    for (guint v = 0; v < problem->vms_length && relieved != PLACE_NOWHERE; v++) {
        if (problem->vms[v].host == relieved) {
            feasible->vms[feasible->length++] = v;
        }
    }
    for (guint i = 0; i < feasible->length; i++) {
        feasible->place_of[feasible->vms[i]] = i;
    }
    index_rules(feasible);
    for (guint i = 0; i < feasible->length; i++) {
        feasible->facts[i] = facts_of(feasible, i);
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
    g_free(feasible->place_of);
    g_array_unref(feasible->rules);
    g_free(feasible->rule_first);
    g_free(feasible->rule_of);
    g_free(feasible->room);
    g_free(feasible->room_reserved);
    g_free(feasible);
}

/* Rules with VMs that are not in the question, and so are where they are. */
static gboolean obeys_others(const Feasible *feasible, guint i, guint8 facts, guint host)
{
    const PlaceProblem *problem = feasible->problem;

    for (guint n = feasible->rule_first[i]; (facts & RULE_FACTS) && n < feasible->rule_first[i + 1]; n++) {
        const PlaceRule *rule = &problem->rules[feasible->rule_of[n]];
        guint8 fact = 1u << (rule->kind == PLACE_RULE_APART ? FACT_APART : FACT_TOGETHER);

        for (guint k = 0; (facts & fact) && k < rule->vms_length; k++) {
            guint other = rule->vms[k];

            if (feasible->place_of[other] == PLACE_NOWHERE &&
                (problem->vms[other].host == host) != (rule->kind == PLACE_RULE_TOGETHER)) {
                return FALSE;
            }
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
           obeys_others(feasible, i, facts, host);
}
