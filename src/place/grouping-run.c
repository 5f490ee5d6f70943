/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a placer: check what is asked, ask, check the answer, add it up; see grouping.h. */
#include "base/error.h"
#include "place/grouping-parts.h"
#include "place/reasons.h"
#include "place/spare.h"

static gboolean check_movers(const PlaceProblem *problem, const PlaceTask *task, GError **error)
{
    for (guint i = 0; task->kind == PLACE_EVACUATE && i < task->movers_length; i++) {
        if (task->movers[i] >= problem->vms_length || (i > 0 && task->movers[i] <= task->movers[i - 1])) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                        "VMs to evacuate: entry %u is VM number %u; name each once, ascending, below %u", i,
                        task->movers[i], problem->vms_length);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_bandwidth(const PlaceProblem *problem, const PlaceOptions *options, GError **error)
{
    for (guint v = 0; options->bandwidth_mib_per_s <= 0 && v < problem->vms_length; v++) {
        const PlaceHost *host = &problem->hosts[problem->vms[v].host];

        if (host->link_mib_per_s <= 0) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                        "host %s has no link rate and none is given for all: nothing could leave it; give it a link "
                        "rate or a bandwidth above 0",
                        host->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_question(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                               const PlaceOptions *options, GError **error)
{
    if (!(placer->tasks & (1u << task->kind))) {
        g_autoptr(GString) names = g_string_new(NULL);

        for (guint i = 0; groupings()[i]; i++) {
            if (groupings()[i]->tasks & (1u << task->kind)) {
                g_string_append_printf(names, "%s%s", names->len ? ", " : "", groupings()[i]->name);
            }
        }
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "placer %s cannot %s; these can: %s", placer->name,
                    place_task_kind_name(task->kind), names->str);
        return FALSE;
    }
    return place_options_check(options, error) && place_problem_check(problem, error) &&
           check_movers(problem, task, error) && check_bandwidth(problem, options, error) &&
           place_spare_check(problem, options->spare_hosts, error);
}

/* A host that is being emptied is no destination, whatever the inventory says. */
static PlaceHost *hosts_for(const PlaceProblem *problem, const PlaceTask *task)
{
    PlaceHost *hosts = g_new0(PlaceHost, problem->hosts_length + 1);

    for (guint h = 0; h < problem->hosts_length; h++) {
        hosts[h] = problem->hosts[h];
        if (task->kind == PLACE_EVACUATE && hosts[h].is_source) {
            hosts[h].may_receive = FALSE;
        }
    }
    return hosts;
}

static PlaceResult *ask(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                        const PlaceOptions *options, GError **error)
{
    g_autoptr(PlaceResult) result = place_result_new();

    if (!placer->place(problem, task, options, result, error)) {
        g_prefix_error(error, "placer %s: ", placer->name);
        return NULL;
    }
    if (!grouping_check(problem, task, options, result, error)) {
        g_prefix_error(error, "placer %s made a mistake, nothing is moved; please report this, and use another: ",
                       placer->name);
        return NULL;
    }
    return g_steal_pointer(&result);
}

/* Only 'share' of the free room of every host may be taken by arrivals. */
static void narrow(const PlaceProblem *problem, PlaceHost *hosts, double share)
{
    g_autofree double *free_room = g_new0(double, (gsize)problem->hosts_length * RESOURCE_COUNT + 1);

    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            free_room[h * RESOURCE_COUNT + (guint)r] =
                problem->hosts[h].reservable[r] - problem->hosts[h].base_reserved[r];
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            free_room[problem->vms[v].host * RESOURCE_COUNT + (guint)r] -= problem->vms[v].reserved[r];
        }
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            hosts[h].reservable[r] =
                problem->hosts[h].reservable[r] - (1 - share) * MAX(0, free_room[h * RESOURCE_COUNT + (guint)r]);
        }
    }
}

static gboolean keeps_spare(const PlaceProblem *problem, const PlaceOptions *options, const PlaceResult *result,
                            char **what)
{
    g_autofree guint *host_of = g_new(guint, problem->vms_length + 1);

    for (guint v = 0; v < problem->vms_length; v++) {
        host_of[v] = problem->vms[v].host;
    }
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        host_of[move->vm] = move->destination;
    }
    return place_spare_holds(problem, host_of, options->spare_hosts, what);
}

/* Placers know nothing of N+k.  When an answer leaves too little spare, the placer is asked again with less and less
 * room to fill, until what it says keeps enough; in the end nothing is moved.  'what': why the first answer would not
 * do, or NULL. */
static PlaceResult *ask_with_spare(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                                   const PlaceOptions *options, char **what, GError **error)
{
    static const double SHARES[] = {1, 0.75, 0.5, 0.25, 0.1};
    g_autofree PlaceHost *hosts = g_memdup2(problem->hosts, (problem->hosts_length + 1) * sizeof *hosts);
    PlaceProblem narrowed = *problem;

    narrowed.hosts = hosts;
    for (guint i = 0; i < G_N_ELEMENTS(SHARES); i++) {
        g_autoptr(PlaceResult) result = NULL;

        narrow(problem, hosts, SHARES[i]);
        result = ask(placer, &narrowed, task, options, error);
        if (!result || keeps_spare(problem, options, result, *what ? NULL : what)) {
            return g_steal_pointer(&result);
        }
    }
    return place_result_new();
}

/* What is proven is better than what the placer thinks about itself; where nothing is, both are told. */
static void tell_reasons(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                         const PlaceOptions *options, const char *spare_why, PlaceResult *result)
{
    guint own = result->reasons->len;

    if (result->left_over->len == 0) {
        g_array_set_size(result->reasons, 0);
    } else if (spare_why) {
        g_array_set_size(result->reasons, 0);
        place_result_add_reason(result, PLACE_NOWHERE, PLACE_NOWHERE,
                                g_strdup_printf("spare: with all of it moved, %s; add a host, or ask for fewer than %u "
                                                "spare host%s",
                                                spare_why, options->spare_hosts, options->spare_hosts == 1 ? "" : "s"));
    } else if (place_explain(problem, task, options, placer->name, result)) {
        g_array_remove_range(result->reasons, 0, own);
    }
}

PlaceResult *place_run(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                       const PlaceOptions *options, GError **error)
{
    g_autoptr(PlaceResult) result = NULL;
    g_autofree PlaceHost *hosts = NULL;
    g_autofree char *spare_why = NULL;
    PlaceProblem asked = *problem;

    if (!check_question(placer, problem, task, options, error)) {
        return NULL;
    }
    hosts = hosts_for(problem, task);
    asked.hosts = hosts;
    result = options->spare_hosts > 0 ? ask_with_spare(placer, &asked, task, options, &spare_why, error)
                                      : ask(placer, &asked, task, options, error);
    if (!result) {
        return NULL;
    }
    grouping_left_over(&asked, task, options, result);
    tell_reasons(placer, &asked, task, options, spare_why, result);
    grouping_totals(&asked, options, result);
    return g_steal_pointer(&result);
}
