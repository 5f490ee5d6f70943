/* SPDX-License-Identifier: Apache-2.0
 *
 * From a job to a Plan: ask hosts, pick VMs, observe, classify, decide, place, schedule.
 *
 * A VM that ends or leaves while it is observed is reported and left out; one that appears on a host that is being
 * emptied is reported and taken along without a measurement (class unknown), because an empty host was asked for. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "decide/decide.h"
#include "schedule/schedule.h"

static void draft_clear(Draft *draft)
{
    g_clear_pointer(&draft->destinations, g_ptr_array_unref);
    g_clear_pointer(&draft->facts, g_ptr_array_unref);
    g_clear_pointer(&draft->source_facts, host_facts_free);
    g_clear_pointer(&draft->loads, load_window_free);
    g_clear_pointer(&draft->vms, g_ptr_array_unref);
    g_clear_pointer(&draft->profiles, g_ptr_array_unref);
    g_clear_pointer(&draft->choices, g_ptr_array_unref);
    g_clear_pointer(&draft->placed, g_free);
    g_clear_pointer(&draft->placements, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Draft, draft_clear)

static gboolean resolve_hosts(Campaign *campaign, const CampaignJob *job, Draft *draft, GError **error)
{
    draft->source = inventory_resolve(campaign->inventory, job->source, error);
    draft->destinations = g_ptr_array_new();
    for (const char *const *name = job->destinations; draft->source && *name; name++) {
        const HostConfig *destination = inventory_resolve(campaign->inventory, *name, error);

        if (!destination) {
            return FALSE;
        }
        if (destination == draft->source) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                        "host '%s' is both source and destination; leave it out of --to", destination->name);
            return FALSE;
        }
        if (!g_ptr_array_find(draft->destinations, destination, NULL)) {
            g_ptr_array_add(draft->destinations, (gpointer)destination);
        }
    }
    return draft->source != NULL;
}

static gboolean ask_hosts(Campaign *campaign, Draft *draft, GError **error)
{
    campaign_say(campaign, "asking %s and %u %s", draft->source->name, draft->destinations->len,
                 draft->destinations->len == 1 ? "destination" : "destinations");
    draft->source_facts = campaign_ask_host(campaign, draft->source->name, error);
    draft->facts = g_ptr_array_new_with_free_func((GDestroyNotify)host_facts_free);
    for (guint i = 0; draft->source_facts && i < draft->destinations->len; i++) {
        const HostConfig *host = g_ptr_array_index(draft->destinations, i);
        HostFacts *facts = campaign_ask_host(campaign, host->name, error);

        if (!facts) {
            return FALSE;
        }
        g_ptr_array_add(draft->facts, facts);
    }
    return draft->source_facts != NULL;
}

/* All VMs that run at the source, or those that were named. */
static gboolean pick_vms(const CampaignJob *job, Draft *draft, GError **error)
{
    g_clear_pointer(&draft->vms, g_ptr_array_unref);
    draft->vms = g_ptr_array_new();
    if (!job->vms) {
        for (guint i = 0; i < draft->source_facts->vms->len; i++) {
            g_ptr_array_add(draft->vms, g_ptr_array_index(draft->source_facts->vms, i));
        }
        return TRUE;
    }
    for (const char *const *name = job->vms; *name; name++) {
        const Vm *vm = host_facts_find_vm(draft->source_facts, *name);

        if (!vm) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND,
                        "VM '%s' does not run on %s; see what does with: godwit hosts", *name, draft->source->name);
            return FALSE;
        }
        if (g_ptr_array_find(draft->vms, vm, NULL)) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "VM '%s' is named twice", *name);
            return FALSE;
        }
        g_ptr_array_add(draft->vms, (gpointer)vm);
    }
    return TRUE;
}

/* How busy the VMs of all these hosts are, as long as the observation lasts. */
static void watch_loads(Campaign *campaign, Draft *draft)
{
    draft->loads = load_window_new(campaign->driver, campaign->clock, campaign->options.observe.period_ns);
    load_window_add_host(draft->loads, draft->source->name);
    for (guint i = 0; i < draft->destinations->len; i++) {
        load_window_add_host(draft->loads, ((const HostConfig *)g_ptr_array_index(draft->destinations, i))->name);
    }
    load_window_start(draft->loads);
}

static gboolean observe(Campaign *campaign, Draft *draft, GError **error)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new();

    for (guint i = 0; i < draft->vms->len; i++) {
        g_ptr_array_add(hosts, (gpointer)draft->source);
    }
    watch_loads(campaign, draft);
    draft->profiles = campaign_observe(campaign, hosts, draft->vms, error);
    load_window_stop(draft->loads);
    return draft->profiles != NULL;
}

static const Profile *find_profile(GPtrArray *profiles, const char *vm)
{
    for (guint i = 0; i < profiles->len; i++) {
        const Profile *profile = g_ptr_array_index(profiles, i);

        if (g_str_equal(profile->vm, vm)) {
            return profile;
        }
    }
    return NULL;
}

/* A VM that was named by the operator and has gone is an error; in an evacuation it is one less to move. */
static gboolean tell_who_left(const CampaignJob *job, const Draft *draft, GPtrArray *before, GError **error)
{
    for (guint i = 0; i < before->len; i++) {
        const Profile *profile = g_ptr_array_index(before, i);

        if (host_facts_find_vm(draft->source_facts, profile->vm)) {
            continue;
        }
        if (job->vms) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND,
                        "VM '%s' stopped or left %s while it was observed; see where it is with: godwit hosts",
                        profile->vm, draft->source->name);
            return FALSE;
        }
        log_warning("VM '%s' stopped or left %s while it was observed; the others go on", profile->vm,
                    draft->source->name);
    }
    return TRUE;
}

/* Observation takes a while: asks the source again and fits VMs and profiles to what is there now. */
static gboolean follow_changes(Campaign *campaign, const CampaignJob *job, Draft *draft, GError **error)
{
    g_autoptr(GPtrArray) before = g_steal_pointer(&draft->profiles);
    HostFacts *facts = campaign_ask_host(campaign, draft->source->name, error);

    if (!facts) {
        return FALSE;
    }
    host_facts_free(draft->source_facts);
    draft->source_facts = facts;
    if (!tell_who_left(job, draft, before, error) || !pick_vms(job, draft, error)) {
        return FALSE;
    }
    draft->profiles = campaign_unmeasured_profiles(draft->vms);
    for (guint i = 0; i < draft->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(draft->vms, i);
        const Profile *measured = find_profile(before, vm->name);

        if (!measured) {
            log_warning("VM '%s' appeared on %s during the observation; it is taken along unmeasured", vm->name,
                        draft->source->name);
            continue;
        }
        if (measured->note) {
            log_info("%s: %s", vm->name, measured->note);
        }
        profile_free(g_ptr_array_index(draft->profiles, i));
        g_ptr_array_index(draft->profiles, i) = profile_copy(measured);
    }
    return TRUE;
}

static gboolean choose(Campaign *campaign, Draft *draft, GError **error)
{
    g_autoptr(GPtrArray) classifications = classify(draft->profiles, &campaign->options.classify, error);

    if (!classifications) {
        return FALSE;
    }
    draft->choices = decide(campaign->options.policy, classifications);
    return TRUE;
}

static guint64 link_rate(const char *host, gpointer user)
{
    const HostConfig *config = inventory_resolve(user, host, NULL);

    return config ? config->link_bytes_per_s : 0;
}

void campaign_schedule(Campaign *campaign, Plan *plan, const LoadWindow *loads)
{
    schedule_parallel(plan, link_rate, campaign->inventory);
    campaign_choose_relays(campaign, plan, loads);
    campaign_stamp(campaign, plan);
}

static Plan *schedule(Campaign *campaign, const Draft *draft)
{
    Plan *plan = plan_new(campaign->options.policy, &campaign->options.migrate);

    for (guint i = 0; i < draft->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(draft->vms, i);
        const HostConfig *destination = g_ptr_array_index(draft->destinations, draft->placed[i]);
        PlanStep *step = plan_add_step(plan, vm->name, vm->uuid, draft->source->name, destination->name,
                                       choice_copy(g_ptr_array_index(draft->choices, i)));

        step->ram_bytes = vm->ram_bytes;
        step->vcpus = vm->vcpus;
        step->placement = g_strdup(g_ptr_array_index(draft->placements, i));
    }
    campaign_schedule(campaign, plan, draft->loads);
    return plan;
}

static gboolean needs_observation(const Campaign *campaign, const Draft *draft)
{
    return draft->vms->len > 0 && (campaign->options.policy == POLICY_PAPER || campaign->options.must_observe);
}

Plan *campaign_plan(Campaign *campaign, const CampaignJob *job, GError **error)
{
    g_auto(Draft) draft = {0};

    if (!resolve_hosts(campaign, job, &draft, error) || !ask_hosts(campaign, &draft, error) ||
        !pick_vms(job, &draft, error)) {
        return NULL;
    }
    if (!needs_observation(campaign, &draft)) {
        draft.profiles = campaign_unmeasured_profiles(draft.vms);
    } else if (!observe(campaign, &draft, error) || !follow_changes(campaign, job, &draft, error)) {
        return NULL;
    }
    if (!choose(campaign, &draft, error) || !campaign_place(campaign, &draft, error)) {
        return NULL;
    }
    return schedule(campaign, &draft);
}
