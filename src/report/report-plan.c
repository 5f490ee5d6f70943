/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan and its problems, for people and for programs; see report.h. */
#include "report/report.h"
#include "base/json.h"
#include "base/units.h"
#include "report/table.h"

#include <math.h>

static Ink class_ink(VmClass vm_class)
{
    switch (vm_class) {
    case VM_CLASS_READ:
        return INK_GOOD;
    case VM_CLASS_WRITE:
        return INK_BAD;
    case VM_CLASS_MIXED:
        return INK_WARN;
    default:
        return INK_DIM;
    }
}

static char *memberships_text(const Classification *classification)
{
    const double *membership = classification->membership;

    if (isnan(membership[0])) {
        return g_strdup("-");
    }
    return g_strdup_printf("%.0f/%.0f/%.0f", 100 * membership[0], 100 * membership[1], 100 * membership[2]);
}

/* Under a fixed policy all VMs have one reason; it is then said once, below.  The same for the way. */
static const char *common_reason(const Plan *plan)
{
    for (guint i = 1; i < plan->steps->len; i++) {
        if (g_strcmp0(plan_step_at(plan, i)->choice->reason, plan_step_at(plan, 0)->choice->reason) != 0) {
            return NULL;
        }
    }
    return plan->steps->len > 1 ? plan_step_at(plan, 0)->choice->reason : NULL;
}

static const char *common_way_reason(const Plan *plan)
{
    for (guint i = 1; i < plan->steps->len; i++) {
        if (g_strcmp0(plan_step_at(plan, i)->choice->way_reason, plan_step_at(plan, 0)->choice->way_reason) != 0) {
            return NULL;
        }
    }
    return plan->steps->len > 1 ? plan_step_at(plan, 0)->choice->way_reason : NULL;
}

static void add_step(Table *table, const PlanStep *step, gboolean has_waves)
{
    const Classification *classification = step->choice->classification;

    if (has_waves) {
        table_cellf(table, INK_PLAIN, "%u", step->wave + 1);
    }
    table_cell(table, INK_HEADING, step->vm);
    table_cell(table, class_ink(classification->vm_class), vm_class_name(classification->vm_class));
    table_cell_take(table, INK_PLAIN, memberships_text(classification));
    table_cell_take(table, INK_PLAIN, text_number(classification->smoothed_read_pages_per_s));
    table_cell_take(table, INK_PLAIN, text_number(classification->smoothed_written_pages_per_s));
    table_cell(table, INK_ACCENT, algorithm_name(step->choice->algorithm));
    table_cell(table, INK_PLAIN, step->source);
    table_cell(table, INK_PLAIN, step->destination);
    table_cell_take(table, INK_PLAIN,
                    step->bandwidth_bytes_per_s ? rate_format(step->bandwidth_bytes_per_s) : g_strdup("no limit"));
}

static char *steps_text(const Plan *plan, const ReportStyle *style)
{
    gboolean has_waves = plan_waves(plan) > 1;
    const char *reason = common_reason(plan);
    const char *way_reason = common_way_reason(plan);
    Table *table = table_new(style);

    if (has_waves) {
        table_column(table, "wave", TABLE_RIGHT);
    }
    table_column(table, "VM", TABLE_LEFT);
    table_column(table, "class", TABLE_LEFT);
    table_column(table, "R/W/M %", TABLE_RIGHT);
    table_column(table, "R pages/s", TABLE_RIGHT);
    table_column(table, "W pages/s", TABLE_RIGHT);
    table_column(table, "algorithm", TABLE_LEFT);
    table_column(table, "from", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "to", TABLE_LEFT);
    table_column(table, "bandwidth", TABLE_RIGHT);
    for (guint i = 0; i < plan->steps->len; i++) {
        add_step(table, plan_step_at(plan, i), has_waves);
        if (!reason) {
            table_note(table, plan_step_at(plan, i)->choice->reason);
        }
        if (plan_step_at(plan, i)->placement) {
            table_note(table, plan_step_at(plan, i)->placement);
        }
        if (plan_step_at(plan, i)->choice->way_reason && !way_reason) {
            table_note(table, plan_step_at(plan, i)->choice->way_reason);
        }
    }
    if (reason) {
        g_autofree char *why = g_strdup_printf("all: %s", reason);
        table_note(table, why);
    }
    if (way_reason) {
        g_autofree char *why = g_strdup_printf("all: %s", way_reason);
        table_note(table, why);
    }
    return table_end(table);
}

/* What becomes of a pre-copy that does not converge is said before anything starts. */
static const char *fate_of_stuck(const Plan *plan)
{
    switch (plan->options.on_stuck) {
    case STUCK_ACTION_POLICY:
        return policy_permits_postcopy(plan->policy)
                   ? "it becomes post-copy where the destination can do that, else it is given up"
                   : "it is given up and the VM runs on at the source, since the policy permits no post-copy";
    case STUCK_ACTION_FORCE:
        return "its guest is stopped and the rest copied, above that limit";
    case STUCK_ACTION_POST_COPY:
        return "it becomes post-copy, or is given up where the destination cannot";
    case STUCK_ACTION_ABORT:
        break;
    }
    return "it is given up and the VM runs on at the source";
}

static char *limits_text(const Plan *plan)
{
    const MigrateOptions *options = &plan->options;
    g_autofree char *pause = duration_format(options->downtime_limit_ns);
    g_autofree char *patience = options->stuck_after_ns ? duration_format(options->stuck_after_ns) : NULL;
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "A pre-copy pauses its guest for at most %s.", pause);
    if (patience || options->stuck_passes) {
        g_string_append(text, "  If it has not converged after ");
        if (patience) {
            g_string_append(text, patience);
        }
        if (options->stuck_passes) {
            g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " passes", patience ? " or " : "",
                                   options->stuck_passes);
        }
        g_string_append_printf(text, ", %s.", fate_of_stuck(plan));
    }
    return g_string_free(text, FALSE);
}

char *report_plan_text(const Plan *plan, const ReportStyle *style)
{
    g_autofree char *title = g_strdup_printf("Plan %s", plan->id);
    g_autofree char *inked = text_ink(title, INK_HEADING, style);
    g_autofree char *steps = steps_text(plan, style);
    g_autofree char *limits = limits_text(plan);
    g_autofree char *wrapped = text_wrap(limits, 0, style->columns);
    guint waves = plan_waves(plan);

    if (plan->steps->len == 0) {
        return g_strdup_printf("%s: policy %s, no VM to move\n", inked, policy_name(plan->policy));
    }
    return g_strdup_printf("%s: policy %s, %u VM%s in %u wave%s\n\n%s\n%s", inked, policy_name(plan->policy),
                           plan->steps->len, plan->steps->len == 1 ? "" : "s", waves, waves == 1 ? "" : "s", steps,
                           wrapped);
}

/* "vm3 on h2", "vm3", "h2", or "" when the problem concerns all. */
static char *problem_place(const PlanProblem *problem)
{
    return g_strdup_printf("%s%s%s", problem->vm ? problem->vm : "", problem->vm && problem->host ? ", " : "",
                           problem->host ? problem->host : "");
}

char *report_problems_text(GPtrArray *problems, const ReportStyle *style)
{
    GString *text = g_string_new(NULL);
    g_autofree char *title =
        g_strdup_printf("%u problem%s; nothing was touched:", problems->len, problems->len == 1 ? "" : "s");
    g_autofree char *inked = text_ink(title, INK_BAD, style);

    g_string_append_printf(text, "%s\n", inked);
    for (guint i = 0; i < problems->len; i++) {
        const PlanProblem *problem = g_ptr_array_index(problems, i);
        g_autofree char *place = problem_place(problem);
        g_autofree char *what = g_strdup_printf("%u. %s%s%s", i + 1, place, place[0] ? ": " : "", problem->what);
        g_autofree char *cure = g_strdup_printf("cure: %s", problem->cure ? problem->cure : "-");
        g_autofree char *what_lines = text_wrap(what, 2, style->columns);
        g_autofree char *cure_lines = text_wrap(cure, 5, style->columns);

        g_string_append_printf(text, "%s%s", what_lines, cure_lines);
    }
    return g_string_free(text, FALSE);
}

static void add_problems(JsonBuilder *builder, GPtrArray *problems)
{
    json_builder_begin_array(builder);
    for (guint i = 0; i < problems->len; i++) {
        const PlanProblem *problem = g_ptr_array_index(problems, i);

        json_builder_begin_object(builder);
        json_add_string_or_null(builder, "vm", problem->vm);
        json_add_string_or_null(builder, "host", problem->host);
        json_add_string_or_null(builder, "what", problem->what);
        json_add_string_or_null(builder, "cure", problem->cure);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

JsonNode *report_problems_json(GPtrArray *problems)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "problems");
    add_problems(builder, problems);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

JsonNode *report_plan_json(const Plan *plan, GPtrArray *problems)
{
    JsonNode *node = plan_to_json(plan);
    JsonObject *object = json_node_get_object(node);

    if (problems) {
        g_autoptr(JsonNode) listed = report_problems_json(problems);
        JsonArray *array = json_object_get_array_member(json_node_get_object(listed), "problems");

        json_object_set_array_member(object, "problems", json_array_ref(array));
    } else {
        json_object_set_null_member(object, "problems");
    }
    return node;
}
