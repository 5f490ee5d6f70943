/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan as a structure; its JSON is in plan-json.c.  See plan.h. */
#include "model/plan.h"

static char *make_id(GDateTime *now)
{
    g_autofree char *day_and_time = g_date_time_format(now, "%Y%m%d-%H%M%S");

    return g_strdup_printf("%s-%04x", day_and_time, g_random_int() & 0xffff);
}

static void plan_step_free(gpointer data)
{
    PlanStep *step = data;

    g_free(step->vm);
    g_free(step->uuid);
    g_free(step->source);
    g_free(step->destination);
    g_free(step->placement);
    choice_free(step->choice);
    g_free(step);
}

Plan *plan_new(Policy policy, const MigrateOptions *options)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    Plan *plan = g_new0(Plan, 1);

    plan->id = make_id(now);
    plan->created = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    plan->policy = policy;
    plan->options = *options;
    plan->steps = g_ptr_array_new_with_free_func(plan_step_free);
    return plan;
}

void plan_free(Plan *plan)
{
    if (plan) {
        g_ptr_array_unref(plan->steps);
        g_free(plan->id);
        g_free(plan->created);
        g_free(plan);
    }
}

PlanStep *plan_add_step(Plan *plan, const char *vm, const char *uuid, const char *source, const char *destination,
                        Choice *choice)
{
    PlanStep *step = g_new0(PlanStep, 1);

    step->vm = g_strdup(vm);
    step->uuid = g_strdup(uuid);
    step->source = g_strdup(source);
    step->destination = g_strdup(destination);
    step->choice = choice;
    g_ptr_array_add(plan->steps, step);
    return step;
}

PlanStep *plan_step_at(const Plan *plan, guint index)
{
    return g_ptr_array_index(plan->steps, index);
}

guint plan_waves(const Plan *plan)
{
    guint waves = 0;

    for (guint i = 0; i < plan->steps->len; i++) {
        waves = MAX(waves, plan_step_at(plan, i)->wave + 1);
    }
    return waves;
}

PlanProblem *plan_problem_new(const char *vm, const char *host, const char *what, const char *cure)
{
    PlanProblem *problem = g_new0(PlanProblem, 1);

    problem->vm = g_strdup(vm);
    problem->host = g_strdup(host);
    problem->what = g_strdup(what);
    problem->cure = g_strdup(cure);
    return problem;
}

void plan_problem_free(PlanProblem *problem)
{
    if (problem) {
        g_free(problem->vm);
        g_free(problem->host);
        g_free(problem->what);
        g_free(problem->cure);
        g_free(problem);
    }
}
