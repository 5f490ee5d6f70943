/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts in plain words, each with what would help; see reasons.h. */
#include "place/reasons-words.h"
#include "base/units.h"

#include <math.h>

#define NAMED_MAX 4 /* VMs or hosts in a sentence */

/* "3.1 GiB", "1.5 cores" */
static char *amount_format(double amount, int resource)
{
    if (resource == RESOURCE_MEMORY) {
        return size_format((guint64)(MAX(amount, 0) * (double)MIB));
    }
    return g_strdup_printf("%.2f cores", MAX(amount, 0));
}

/* How much of 'resource' VM i lacks on 'host', by demand or by reservation, whichever is worse. */
static double shortage_at(const Feasible *feasible, guint i, guint host, int resource, gboolean *is_reserved)
{
    const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];
    double by_demand = vm->demand[resource] - feasible->room[host][resource];
    double by_reservation = vm->reserved[resource] - feasible->room_reserved[host][resource];

    *is_reserved = by_reservation > by_demand;
    return MAX(by_demand, by_reservation);
}

/* The host where VM i would come closest to finding room; PLACE_NOWHERE when no host may take it anyway. */
static guint closest_host(const Feasible *feasible, guint i, guint8 facts, int resource, double *shortage,
                          gboolean *is_reserved)
{
    guint8 others = facts & (guint8) ~(1u << (resource == RESOURCE_CPU ? FACT_CPU : FACT_MEMORY));
    guint closest = PLACE_NOWHERE;

    *shortage = INFINITY;
    for (guint h = 0; h < feasible->problem->hosts_length; h++) {
        gboolean is_reserved_here;
        double here = shortage_at(feasible, i, h, resource, &is_reserved_here);

        if (feasible_may(feasible, i, others, h) && here < *shortage) {
            closest = h;
            *shortage = here;
            *is_reserved = is_reserved_here;
        }
    }
    return closest;
}

static void append_others(const Feasible *feasible, const guint8 *facts, guint i, GString *text)
{
    guint named = 0;
    guint others = 0;

    for (guint j = 0; j < feasible->length; j++) {
        others += j != i && facts[j];
    }
    for (guint j = 0; j < feasible->length && named < NAMED_MAX; j++) {
        if (j != i && facts[j]) {
            named++;
            g_string_append_printf(text, "%s%s", named == 1 ? "" : ", ", feasible->problem->vms[feasible->vms[j]].name);
        }
    }
    if (others > named) {
        g_string_append_printf(text, " and %u more", others - named);
    }
}

static char *describe_need(const Feasible *feasible, guint i, int resource)
{
    const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];
    g_autofree char *demand = amount_format(vm->demand[resource], resource);
    g_autofree char *reserved = amount_format(vm->reserved[resource], resource);

    if (vm->demand[resource] == vm->reserved[resource]) {
        return g_strdup_printf("needs %s", reserved);
    }
    return g_strdup_printf("uses %s and reserves %s", demand, reserved);
}

/* "memory: needs 8.0 GiB, h2 has room for 3.1 GiB, no other host has more; free 4.9 GiB there, ..." */
static void tell_room(const Feasible *feasible, const guint8 *facts, guint i, int resource, PlaceResult *result)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *need = describe_need(feasible, i, resource);
    gboolean is_reserved = FALSE;
    double shortage;
    guint closest = closest_host(feasible, i, facts[i], resource, &shortage, &is_reserved);
    gboolean is_alone = shortage > 0;

    g_string_append_printf(text, "%s: %s %s", resource_name((Resource)resource), feasible->problem->vms[feasible->vms[i]].name,
                           need);
    if (closest == PLACE_NOWHERE) {
        g_string_append(text, ", and no host may take it; name a destination");
    } else if (is_alone) {
        double room = is_reserved ? feasible->room_reserved[closest][resource] : feasible->room[closest][resource];
        g_autofree char *left = amount_format(room, resource);
        g_autofree char *lacking = amount_format(shortage, resource);

        g_string_append_printf(text, "; %s has %s left %s, and no other host that may take it comes closer; free %s there "
                                     "or add a host",
                               feasible->problem->hosts[closest].name, left,
                               is_reserved ? "to be reserved" : "within the safe range", lacking);
    } else {
        g_string_append(text, "; there is room for it, but not together with ");
        append_others(feasible, facts, i, text);
        g_string_append(text, "; make room, add a host, or leave one of them where it is");
    }
    place_result_add_reason(result, feasible->vms[i], is_alone ? closest : PLACE_NOWHERE,
                            g_string_free(g_steal_pointer(&text), FALSE));
}

static void tell_class(const Feasible *feasible, guint i, PlaceResult *result)
{
    const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];
    g_autoptr(GString) text = g_string_new(NULL);
    guint named = 0;

    g_string_append_printf(text, "cpu class: %s", vm->name);
    for (guint h = 0; h < feasible->problem->hosts_length && named < NAMED_MAX; h++) {
        const PlaceHost *host = &feasible->problem->hosts[h];

        if (h != vm->host && host->may_receive && (host->cpu_classes & vm->cpu_class)) {
            g_string_append_printf(text, "%s%s", named++ ? ", " : " runs only on ", host->name);
        }
    }
    g_string_append(text, named ? " and the like" : " has a kind of CPU that no host that may receive can run");
    g_string_append(text, "; add such a host, or give the VM a CPU model that more hosts have");
    place_result_add_reason(result, feasible->vms[i], PLACE_NOWHERE, g_string_free(g_steal_pointer(&text), FALSE));
}

static void tell_pinned(const Feasible *feasible, guint i, PlaceResult *result)
{
    const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];

    place_result_add_reason(result, feasible->vms[i], vm->host,
                            g_strdup_printf("pinned: %s stays on %s (%s); release it or leave it out", vm->name,
                                            feasible->problem->hosts[vm->host].name,
                                            vm->pinned_why ? vm->pinned_why : "by the operator"));
}

/* Which rule, and who else is in it and where. */
static void tell_rule(const Feasible *feasible, guint i, PlaceRuleKind kind, PlaceResult *result)
{
    const PlaceProblem *problem = feasible->problem;
    g_autoptr(GString) text = g_string_new(NULL);
    guint named = 0;

    g_string_append_printf(text, "rule %s: %s must %s ", place_rule_kind_name(kind), problem->vms[feasible->vms[i]].name,
                           kind == PLACE_RULE_APART ? "not share a host with" : "be on one host with");
    for (guint r = 0; r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];
        gboolean is_named = FALSE;

        for (guint k = 0; rule->kind == kind && k < rule->vms_length; k++) {
            is_named = is_named || rule->vms[k] == feasible->vms[i];
        }
        for (guint k = 0; is_named && k < rule->vms_length && named < NAMED_MAX; k++) {
            const PlaceVm *other = &problem->vms[rule->vms[k]];

            if (rule->vms[k] != feasible->vms[i]) {
                g_string_append_printf(text, "%s%s (%s)", named++ ? ", " : "", other->name,
                                       problem->hosts[other->host].name);
            }
        }
    }
    g_string_append(text, kind == PLACE_RULE_APART ? "; add a host or drop the rule"
                                                   : "; move them all, or drop the rule");
    place_result_add_reason(result, feasible->vms[i], PLACE_NOWHERE, g_string_free(g_steal_pointer(&text), FALSE));
}

static void tell_fact(const Feasible *feasible, const guint8 *facts, guint i, Fact fact, PlaceResult *result)
{
    switch (fact) {
    case FACT_CPU:
        tell_room(feasible, facts, i, RESOURCE_CPU, result);
        break;
    case FACT_MEMORY:
        tell_room(feasible, facts, i, RESOURCE_MEMORY, result);
        break;
    case FACT_CLASS:
        tell_class(feasible, i, result);
        break;
    case FACT_APART:
        tell_rule(feasible, i, PLACE_RULE_APART, result);
        break;
    case FACT_TOGETHER:
        tell_rule(feasible, i, PLACE_RULE_TOGETHER, result);
        break;
    case FACT_PINNED:
        tell_pinned(feasible, i, result);
        break;
    }
}

/* Relief without any fact: what may not be moved at all is too much. */
static void tell_base(const Feasible *feasible, PlaceResult *result)
{
    const PlaceHost *host = &feasible->problem->hosts[feasible->relieved];
    int worst = host->base_demand[RESOURCE_CPU] / host->capacity[RESOURCE_CPU] >=
                        host->base_demand[RESOURCE_MEMORY] / host->capacity[RESOURCE_MEMORY]
                    ? RESOURCE_CPU
                    : RESOURCE_MEMORY;

    place_result_add_reason(
        result, PLACE_NOWHERE, feasible->relieved,
        g_strdup_printf("%s: what runs on %s beside the VMs that may be moved takes %.2f of it, above %.2f; end or "
                        "move that, or raise the safe range",
                        resource_name((Resource)worst), host->name, host->base_demand[worst] / host->capacity[worst],
                        feasible->options->safe_high));
}

void reasons_put_into_words(const Feasible *feasible, const guint8 *facts, PlaceResult *result)
{
    guint before = result->reasons->len;

    for (guint i = 0; i < feasible->length; i++) {
        for (int f = 0; f < FACT_COUNT; f++) {
            if (facts[i] & 1u << f) {
                tell_fact(feasible, facts, i, (Fact)f, result);
            }
        }
    }
    if (result->reasons->len == before && feasible->relieved != PLACE_NOWHERE) {
        tell_base(feasible, result);
    }
}

void reasons_tell_way(const Feasible *feasible, const char *placer, const guint *hosts, PlaceResult *result)
{
    const PlaceProblem *problem = feasible->problem;
    g_autoptr(GString) text = g_string_new(NULL);
    guint named = 0;

    g_string_append_printf(text, "placer %s found no way, although there is one: ", placer);
    for (guint i = 0; i < feasible->length && named < NAMED_MAX; i++) {
        if (hosts[i] != PLACE_NOWHERE) {
            g_string_append_printf(text, "%s%s to %s", named++ ? ", " : "", problem->vms[feasible->vms[i]].name,
                                   problem->hosts[hosts[i]].name);
        }
    }
    g_string_append(text, named == NAMED_MAX ? " ..; take another placer" : "; take another placer");
    place_result_add_reason(result, PLACE_NOWHERE, feasible->relieved, g_string_free(g_steal_pointer(&text), FALSE));
}

void reasons_tell_unknown(const Feasible *feasible, const char *placer, PlaceResult *result)
{
    place_result_add_reason(result, PLACE_NOWHERE, feasible->relieved,
                            g_strdup_printf("placer %s found no way, and it could not be shown that there is none; take "
                                            "another placer, or make more room",
                                            placer));
}
