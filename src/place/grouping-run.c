/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a placer: check what is asked, ask, check the answer, add it up; see grouping.h. */
#include "base/error.h"
#include "place/grouping-parts.h"

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
           check_movers(problem, task, error) && check_bandwidth(problem, options, error);
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

PlaceResult *place_run(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                       const PlaceOptions *options, GError **error)
{
    g_autoptr(PlaceResult) result = place_result_new();
    g_autofree PlaceHost *hosts = NULL;
    PlaceProblem asked = *problem;

    if (!check_question(placer, problem, task, options, error)) {
        return NULL;
    }
    hosts = hosts_for(problem, task);
    asked.hosts = hosts;
    if (!placer->place(&asked, task, options, result, error)) {
        g_prefix_error(error, "placer %s: ", placer->name);
        return NULL;
    }
    if (!grouping_check(&asked, task, options, result, error)) {
        g_prefix_error(error, "placer %s made a mistake, nothing is moved; please report this, and use another: ",
                       placer->name);
        return NULL;
    }
    grouping_left_over(&asked, task, options, result);
    grouping_totals(&asked, options, result);
    return g_steal_pointer(&result);
}
