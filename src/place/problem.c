/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a problem makes sense, and how far its hosts are from each other; see problem.h.
 *
 * Placers index plain arrays without looking, so everything that could lead them astray is refused here, once, with the
 * name of the host or VM and what to do about it. */
#include "place/problem.h"
#include "base/error.h"

#include <math.h>

NAMED_ENUM_DEFINE(Resource, resource, RESOURCES)
NAMED_ENUM_DEFINE(PlaceRuleKind, place_rule_kind, PLACE_RULES)

#define FLAT_DISTANCE 2 /* host, switch, host */

guint place_distance(const PlaceProblem *problem, guint host_a, guint host_b)
{
    if (host_a == host_b) {
        return 0;
    }
    if (!problem->topology) {
        return FLAT_DISTANCE;
    }
    return topology_distance(problem->topology, problem->hosts[host_a].place, problem->hosts[host_b].place);
}

G_GNUC_PRINTF(2, 3) static gboolean refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (error) {
        *error = g_error_new_valist(GODWIT_ERROR, GODWIT_ERROR_INPUT, format, arguments);
    }
    va_end(arguments);
    return FALSE;
}

/* "host h1: memory demand by others is -3; it must be a number and not below 0" */
static gboolean check_amount(const char *kind, const char *name, const char *what, double value, GError **error)
{
    if (isfinite(value) && value >= 0) {
        return TRUE;
    }
    return refuse(error, "%s %s: %s is %g; give a finite number that is not below 0", kind, name, what, value);
}

static gboolean check_resources(const char *kind, const char *name, const char *what, const double *values,
                                GError **error)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        g_autofree char *noun = g_strdup_printf("%s (%s)", what, resource_name((Resource)r));

        if (!check_amount(kind, name, noun, values[r], error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_power(const PlaceHost *host, GError **error)
{
    for (int i = 0; host->power_w && i <= 10; i++) {
        if (!isfinite(host->power_w[i]) || host->power_w[i] < 0) {
            return refuse(error, "host %s: power at %d %% load is %g W; give a finite number that is not below 0",
                          host->name, 10 * i, host->power_w[i]);
        }
    }
    return TRUE;
}

static gboolean check_host(const PlaceProblem *problem, guint h, GError **error)
{
    const PlaceHost *host = &problem->hosts[h];

    if (!host->name) {
        return refuse(error, "host number %u has no name", h);
    }
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (!isfinite(host->capacity[r]) || host->capacity[r] <= 0) {
            return refuse(error, "host %s: its capacity (%s) is %g; give a number above 0", host->name,
                          resource_name((Resource)r), host->capacity[r]);
        }
    }
    if (problem->topology && host->place >= topology_places(problem->topology)) {
        return refuse(error, "host %s: place %u is not in the topology, which has places 0 to %u", host->name,
                      host->place, topology_places(problem->topology) - 1);
    }
    return check_resources("host", host->name, "what may be reserved", host->reservable, error) &&
           check_resources("host", host->name, "demand by others", host->base_demand, error) &&
           check_resources("host", host->name, "reservation by others", host->base_reserved, error) &&
           check_amount("host", host->name, "link rate in MiB/s", host->link_mib_per_s, error) &&
           check_power(host, error);
}

static gboolean check_vm(const PlaceProblem *problem, guint v, GError **error)
{
    const PlaceVm *vm = &problem->vms[v];

    if (!vm->name) {
        return refuse(error, "VM number %u has no name", v);
    }
    if (vm->host >= problem->hosts_length) {
        return refuse(error, "VM %s runs on host number %u, but there are %u hosts", vm->name, vm->host,
                      problem->hosts_length);
    }
    if (isnan(vm->working_set_mib) || vm->working_set_mib < 0) {
        return refuse(error, "VM %s: its working set is %g MiB; give a number that is not below 0, infinite if unknown",
                      vm->name, vm->working_set_mib);
    }
    if (vm->cpu_class & (vm->cpu_class - 1)) {
        return refuse(error, "VM %s: more than one CPU class (bits 0x%" G_GINT64_MODIFIER "x); give one bit or none",
                      vm->name, vm->cpu_class);
    }
    return check_resources("VM", vm->name, "demand", vm->demand, error) &&
           check_resources("VM", vm->name, "reservation", vm->reserved, error) &&
           check_amount("VM", vm->name, "memory in MiB", vm->memory_mib, error) &&
           check_amount("VM", vm->name, "dirty rate in MiB/s", vm->dirty_mib_per_s, error) &&
           check_amount("VM", vm->name, "mean load", vm->mean_load, error);
}

static gboolean check_rule(const PlaceProblem *problem, guint r, GError **error)
{
    const PlaceRule *rule = &problem->rules[r];

    for (guint i = 0; i < rule->vms_length; i++) {
        if (rule->vms[i] >= problem->vms_length) {
            return refuse(error, "rule %s (%s): names VM number %u, but there are %u VMs", rule->name ? rule->name : "",
                          place_rule_kind_name(rule->kind), rule->vms[i], problem->vms_length);
        }
        if (i > 0 && rule->vms[i] <= rule->vms[i - 1]) {
            return refuse(error, "rule %s (%s): names VM %s twice or out of order; name each once, ascending",
                          rule->name ? rule->name : "", place_rule_kind_name(rule->kind),
                          problem->vms[rule->vms[i]].name);
        }
    }
    return TRUE;
}

static guint find_root(guint *parent, guint v)
{
    while (parent[v] != v) {
        parent[v] = parent[parent[v]];
        v = parent[v];
    }
    return v;
}

/* Together is transitive: a with b and b with c leaves no way to keep a and c apart. */
static gboolean check_contradictions(const PlaceProblem *problem, GError **error)
{
    g_autofree guint *parent = g_new(guint, problem->vms_length + 1);
    g_autofree guint *seen_by = g_new0(guint, problem->vms_length + 1); /* rule + 1 */
    g_autofree guint *seen_vm = g_new0(guint, problem->vms_length + 1);

    for (guint v = 0; v < problem->vms_length; v++) {
        parent[v] = v;
    }
    for (guint r = 0; r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];

        for (guint i = 1; rule->kind == PLACE_RULE_TOGETHER && i < rule->vms_length; i++) {
            parent[find_root(parent, rule->vms[i])] = find_root(parent, rule->vms[0]);
        }
    }
    for (guint r = 0; r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];

        for (guint i = 0; rule->kind == PLACE_RULE_APART && i < rule->vms_length; i++) {
            guint root = find_root(parent, rule->vms[i]);

            if (seen_by[root] == r + 1) {
                return refuse(error, "rules contradict each other: %s and %s must be apart (%s) and together; drop one",
                              problem->vms[seen_vm[root]].name, problem->vms[rule->vms[i]].name,
                              rule->name ? rule->name : "no name");
            }
            seen_by[root] = r + 1;
            seen_vm[root] = rule->vms[i];
        }
    }
    return TRUE;
}

static gboolean check_traffic(const PlaceProblem *problem, GError **error)
{
    const Traffic *traffic = problem->traffic;

    if (!traffic) {
        return TRUE;
    }
    if (traffic->vms != problem->vms_length) {
        return refuse(error, "the traffic is among %u VMs, but the problem has %u", traffic->vms, problem->vms_length);
    }
    for (guint e = 0; e < traffic->first[traffic->vms]; e++) {
        if (traffic->peer[e] >= traffic->vms || !isfinite(traffic->mib_per_s[e]) || traffic->mib_per_s[e] < 0) {
            return refuse(error, "traffic: entry %u is %g MiB/s with VM number %u; rates must be finite and not below 0",
                          e, traffic->mib_per_s[e], traffic->peer[e]);
        }
    }
    return TRUE;
}

gboolean place_problem_check(const PlaceProblem *problem, GError **error)
{
    for (guint h = 0; h < problem->hosts_length; h++) {
        if (!check_host(problem, h, error)) {
            return FALSE;
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        if (!check_vm(problem, v, error)) {
            return FALSE;
        }
    }
    for (guint r = 0; r < problem->rules_length; r++) {
        if (!check_rule(problem, r, error)) {
            return FALSE;
        }
    }
    return check_contradictions(problem, error) && check_traffic(problem, error);
}
