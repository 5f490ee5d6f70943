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
#include "place/place.h"
#include "schedule/schedule.h"

/* What a plan is made from; each member is filled by one step of campaign_plan. */
typedef struct Draft {
    const HostConfig *source;
    GPtrArray *destinations; /* HostConfig, borrowed */
    GPtrArray *facts;        /* HostFacts of the destinations */
    HostFacts *source_facts;
    GPtrArray *vms;          /* Vm, borrowed from source_facts */
    GPtrArray *profiles;     /* Profile, one per VM */
    GPtrArray *choices;      /* Choice, one per VM */
    guint *placed;           /* index into destinations, one per VM */
} Draft;

static void draft_clear(Draft *draft)
{
    g_clear_pointer(&draft->destinations, g_ptr_array_unref);
    g_clear_pointer(&draft->facts, g_ptr_array_unref);
    g_clear_pointer(&draft->source_facts, host_facts_free);
    g_clear_pointer(&draft->vms, g_ptr_array_unref);
    g_clear_pointer(&draft->profiles, g_ptr_array_unref);
    g_clear_pointer(&draft->choices, g_ptr_array_unref);
    g_clear_pointer(&draft->placed, g_free);
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

typedef struct Observation {
    Campaign *campaign;
    guint vms;
    gint64 begun_ns;
    GPtrArray *profiles;
    gboolean is_done;
} Observation;

static void on_period(const char *host G_GNUC_UNUSED, const Profile *profile G_GNUC_UNUSED, gpointer user)
{
    Observation *observation = user;
    Campaign *campaign = observation->campaign;
    gint64 passed_ns = campaign->clock->now_ns(campaign->clock) - observation->begun_ns;
    double done_share = (double)passed_ns / (double)campaign->options.observe.window_ns;

    if (campaign->callbacks.on_observed) {
        campaign->callbacks.on_observed(MIN(done_share, 1), campaign->callbacks.user);
    }
}

static void on_observed(GPtrArray *profiles, gpointer user)
{
    Observation *observation = user;

    observation->profiles = g_ptr_array_ref(profiles);
    observation->is_done = TRUE;
}

static gboolean observe(Campaign *campaign, Draft *draft, GError **error)
{
    g_autofree char *window = duration_format(campaign->options.observe.window_ns);
    g_autoptr(HostConfig) host = campaign_host_with_agent(draft->source);
    g_autoptr(Observer) observer = campaign_observer(campaign);
    Observation observation = {campaign, draft->vms->len, campaign->clock->now_ns(campaign->clock), NULL, FALSE};

    campaign_say(campaign, "observing %u %s on %s for %s", draft->vms->len, draft->vms->len == 1 ? "VM" : "VMs",
                 draft->source->name, window);
    for (guint i = 0; i < draft->vms->len; i++) {
        observer_add(observer, host, g_ptr_array_index(draft->vms, i));
    }
    observer_set_period_func(observer, on_period, &observation);
    observer_start(observer, FALSE, on_observed, &observation);
    if (!campaign_wait(campaign, &observation.is_done, TRUE)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED, "stopped while observing; nothing was touched");
        return FALSE;
    }
    draft->profiles = observation.profiles;
    return TRUE;
}

/* Profiles of VMs that nobody measured, so that later steps need no special case. */
static GPtrArray *unmeasured_profiles(GPtrArray *vms)
{
    GPtrArray *profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);

    for (guint i = 0; i < vms->len; i++) {
        Profile *profile = profile_new(((const Vm *)g_ptr_array_index(vms, i))->name, 0);

        profile->fate = PROFILE_FATE_UNOBSERVED;
        g_ptr_array_add(profiles, profile);
    }
    return profiles;
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
    draft->profiles = unmeasured_profiles(draft->vms);
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

static gboolean place(Campaign *campaign, Draft *draft, GError **error)
{
    g_autofree FitVm *vms = g_new0(FitVm, MAX(draft->vms->len, 1));
    g_autofree FitHost *hosts = g_new0(FitHost, MAX(draft->facts->len, 1));

    for (guint i = 0; i < draft->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(draft->vms, i);
        vms[i] = (FitVm){vm->name, vm->ram_bytes, vm->vcpus};
    }
    for (guint i = 0; i < draft->facts->len; i++) {
        const HostFacts *facts = g_ptr_array_index(draft->facts, i);
        const HostConfig *config = g_ptr_array_index(draft->destinations, i);
        hosts[i] = (FitHost){config->name,           facts->memory_bytes, facts->memory_free_bytes,
                               config->keep_free_bytes, facts->cpus,         host_facts_vm_vcpus(facts)};
    }
    draft->placed = g_new0(guint, MAX(draft->vms->len, 1));
    return place_by_fit(vms, draft->vms->len, hosts, draft->facts->len, campaign->inventory->vcpus_per_cpu,
                        draft->placed, error);
}

static guint64 link_rate(const char *host, gpointer user)
{
    const HostConfig *config = inventory_resolve(user, host, NULL);

    return config ? config->link_bytes_per_s : 0;
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
    }
    schedule_parallel(plan, link_rate, campaign->inventory);
    campaign_stamp(campaign, plan);
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
        draft.profiles = unmeasured_profiles(draft.vms);
    } else if (!observe(campaign, &draft, error) || !follow_changes(campaign, job, &draft, error)) {
        return NULL;
    }
    if (!choose(campaign, &draft, error) || !place(campaign, &draft, error)) {
        return NULL;
    }
    return schedule(campaign, &draft);
}
