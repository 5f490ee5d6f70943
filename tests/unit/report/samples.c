/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples; see samples.h. */
#include "samples.h"
#include "base/units.h"

#include <math.h>

const ReportStyle PLAIN = {FALSE, FALSE, 0};
const ReportStyle COLOURED = {TRUE, TRUE, 100};

static Choice *make_choice(const char *vm, VmClass vm_class, double read, double written, Algorithm algorithm)
{
    Classification *classification = classification_new(vm);

    classification->vm_class = vm_class;
    if (vm_class != VM_CLASS_UNKNOWN) {
        classification->membership[0] = vm_class == VM_CLASS_READ ? 0.9 : 0.05;
        classification->membership[1] = vm_class == VM_CLASS_WRITE ? 0.9 : 0.05;
        classification->membership[2] = 0.05;
        classification->mean_read_pages_per_s = classification->smoothed_read_pages_per_s = read;
        classification->mean_written_pages_per_s = classification->smoothed_written_pages_per_s = written;
        classification->dirty_bytes_per_page = 812;
        classification->working_set_bytes = 8.0 * MIB;
    }
    return choice_new(classification, algorithm, g_strdup_printf("because %s is %s", vm, vm_class_name(vm_class)));
}

Plan *sample_plan(void)
{
    MigrateOptions options;

    migrate_options_init(&options);
    Plan *plan = plan_new(POLICY_PAPER, &options);
    plan_add_step(plan, "vm1", "uuid-1", "h1", "h2", make_choice("vm1", VM_CLASS_READ, 2000, 10, ALGORITHM_PRE_COPY));
    plan_add_step(plan, "vm2", "uuid-2", "h1", "h3", make_choice("vm2", VM_CLASS_WRITE, 30, 1800, ALGORITHM_POST_COPY));
    plan_add_step(plan, "vm3", "uuid-3", "h1", "h2", make_choice("vm3", VM_CLASS_UNKNOWN, 0, 0, ALGORITHM_PRE_COPY));
    for (guint i = 0; i < plan->steps->len; i++) {
        plan_step_at(plan, i)->ram_bytes = 512 * MIB;
        plan_step_at(plan, i)->vcpus = 1;
        plan_step_at(plan, i)->bandwidth_bytes_per_s = i < 2 ? 30 * MIB : 0;
    }
    return plan;
}

static Outcome *add_outcome(GangOutcome *gang, const Plan *plan, guint index, double total_time_s)
{
    Outcome *outcome = outcome_new(plan_step_at(plan, index));

    outcome->kind = OUTCOME_MIGRATED;
    outcome->begun_ns = NS_PER_S;
    outcome->ended_ns = NS_PER_S + (gint64)(total_time_s * 1e9);
    outcome->total_time_s = total_time_s;
    outcome->bytes = 600 * MIB;
    outcome->passes = 4;
    outcome->now_at = g_strdup(outcome->destination);
    outcome->state = VM_STATE_RUNNING;
    g_ptr_array_add(gang->outcomes, outcome);
    return outcome;
}

GangOutcome *sample_gang(void)
{
    g_autoptr(Plan) plan = sample_plan();
    GangOutcome *gang = gang_outcome_new("sample-1", POLICY_PAPER);
    Outcome *first = add_outcome(gang, plan, 0, 12.5);

    first->downtime_ms = 33;
    first->guest_gap_ms = 41;
    first->work_lost_s = 0.5;
    add_outcome(gang, plan, 1, 20);
    Outcome *last = add_outcome(gang, plan, 2, 3);
    last->kind = OUTCOME_FAILED;
    last->fault = FAULT_LINK;
    last->message = g_strdup("the link to h2 broke in pass 3");
    g_free(last->now_at);
    last->now_at = g_strdup("h1");
    gang_outcome_update(gang);
    return gang;
}

GPtrArray *sample_profiles(void)
{
    GPtrArray *profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);

    for (guint i = 0; i < 2; i++) {
        Profile *profile = profile_new(i ? "vm2" : "vm1", 4);

        for (gsize period = 0; period < profile->periods; period++) {
            profile->read_pages_per_s[period] = i ? 0 : 100.0 * (double)(period + 1);
            profile->written_pages_per_s[period] = i ? 50 : 0;
        }
        profile_update_means(profile);
        profile->page_bytes = 4096;
        profile->access_grain_bytes = i ? 0 : 2 * MIB;
        profile->write_grain_bytes = 4096;
        profile->access_tracker = i ? NULL : g_strdup("clear-refs");
        profile->write_tracker = g_strdup(i ? "dirty-rate" : "content");
        profile->note = i ? g_strdup("reads not measured") : NULL;
        profile->fate = i ? PROFILE_FATE_STARTED_LATE : PROFILE_FATE_COMPLETE;
        g_ptr_array_add(profiles, profile);
    }
    return profiles;
}

GPtrArray *sample_choices(void)
{
    GPtrArray *choices = g_ptr_array_new_with_free_func((GDestroyNotify)choice_free);

    g_ptr_array_add(choices, make_choice("vm1", VM_CLASS_READ, 250, 0, ALGORITHM_PRE_COPY));
    g_ptr_array_add(choices, make_choice("vm2", VM_CLASS_UNKNOWN, 0, 50, ALGORITHM_POST_COPY));
    return choices;
}
