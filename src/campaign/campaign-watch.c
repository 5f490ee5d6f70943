/* SPDX-License-Identifier: Apache-2.0
 *
 * Live observation of one host.
 *
 * Every period the host is asked which VMs run there.  VMs that are new get an Observer of their own (so that the
 * windows of the others go on), VMs that are gone are forgotten; what is known by then is classified together and
 * handed out.  An Observer never loses VMs; one whose VMs are all gone is dropped. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "decide/decide.h"

typedef struct Watch {
    Campaign *campaign;
    HostConfig *host;       /* with the agent's command */
    GPtrArray *observers;   /* Observer */
    GHashTable *profiles;   /* uuid-less: VM name -> Profile, the latest */
    GPtrArray *names;       /* char *, VMs that run there now, in the host's order */
    gboolean is_asking;
    CampaignWatchFunc func;
    gpointer user;
    guint timer;
    GError *error;
    gboolean is_done;
} Watch;

static void on_watch_period(const char *host G_GNUC_UNUSED, const Profile *profile, gpointer user)
{
    Watch *watch = user;

    g_hash_table_replace(watch->profiles, g_strdup(profile->vm), profile_copy(profile));
}

/* Starts to observe the VMs of 'facts' that nobody observes yet. */
static void observe_newcomers(Watch *watch, const HostFacts *facts)
{
    Observer *observer = NULL;

    for (guint i = 0; i < facts->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(facts->vms, i);

        if (g_hash_table_contains(watch->profiles, vm->name)) {
            continue;
        }
        if (!observer) {
            observer = campaign_observer(watch->campaign);
            observer_set_period_func(observer, on_watch_period, watch);
            g_ptr_array_add(watch->observers, observer);
        }
        observer_add(observer, watch->host, vm);
        g_hash_table_replace(watch->profiles, g_strdup(vm->name), profile_new(vm->name, 0));
    }
    if (observer) {
        observer_start(observer, TRUE, NULL, NULL);
    }
}

static gboolean has_left(gpointer name, gpointer profile G_GNUC_UNUSED, gpointer user)
{
    return host_facts_find_vm(user, name) == NULL;
}

static void on_watch_facts(HostFacts *facts, const GError *error, gpointer user)
{
    Watch *watch = user;

    watch->is_asking = FALSE;
    if (error) {
        watch->error = g_error_copy(error);
        watch->is_done = TRUE;
        return;
    }
    g_hash_table_foreach_remove(watch->profiles, has_left, facts);
    observe_newcomers(watch, facts);
    g_ptr_array_set_size(watch->names, 0);
    for (guint i = 0; i < facts->vms->len; i++) {
        g_ptr_array_add(watch->names, g_strdup(((const Vm *)g_ptr_array_index(facts->vms, i))->name));
    }
    host_facts_free(facts);
}

static void hand_out(Watch *watch)
{
    g_autoptr(GPtrArray) profiles = g_ptr_array_new();
    g_autoptr(GPtrArray) classifications = NULL;
    g_autoptr(GPtrArray) choices = NULL;

    for (guint i = 0; i < watch->names->len; i++) {
        Profile *profile = g_hash_table_lookup(watch->profiles, g_ptr_array_index(watch->names, i));

        if (profile) {
            g_ptr_array_add(profiles, profile);
        }
    }
    classifications = classify(profiles, &watch->campaign->options.classify, &watch->error);
    if (!classifications) {
        watch->is_done = TRUE;
        return;
    }
    choices = decide(watch->campaign->options.policy, classifications);
    watch->func(profiles, choices, watch->user);
}

static void ask_again(Watch *watch)
{
    if (!watch->is_asking) {
        watch->is_asking = TRUE;
        watch->campaign->driver->query_host(watch->campaign->driver, watch->host->name, on_watch_facts, watch);
    }
}

static void on_watch_tick(gpointer user)
{
    Watch *watch = user;
    Clock *clock = watch->campaign->clock;

    watch->timer = clock->at(clock, clock->now_ns(clock) + watch->campaign->options.observe.period_ns, on_watch_tick,
                             watch);
    hand_out(watch);
    ask_again(watch);
}

gboolean campaign_watch(Campaign *campaign, const char *host, CampaignWatchFunc func, gpointer user, GError **error)
{
    const HostConfig *config = inventory_resolve(campaign->inventory, host, error);
    Watch watch = {.campaign = campaign, .func = func, .user = user};

    if (!config) {
        return FALSE;
    }
    watch.host = campaign_host_with_agent(config);
    watch.observers = g_ptr_array_new_with_free_func((GDestroyNotify)observer_free);
    watch.profiles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)profile_free);
    watch.names = g_ptr_array_new_with_free_func(g_free);

    ask_again(&watch);
    while (watch.is_asking) {
        campaign_turn(campaign);
    }
    if (!watch.error) {
        watch.timer = campaign->clock->at(
            campaign->clock, campaign->clock->now_ns(campaign->clock) + campaign->options.observe.period_ns,
            on_watch_tick, &watch);
        campaign_wait(campaign, &watch.is_done, TRUE);
    }
    campaign->clock->cancel(campaign->clock, watch.timer);
    while (watch.is_asking) { /* its callback points at 'watch' */
        campaign_turn(campaign);
    }
    g_ptr_array_unref(watch.observers);
    g_hash_table_unref(watch.profiles);
    g_ptr_array_unref(watch.names);
    host_config_free(watch.host);
    if (watch.error) {
        g_propagate_error(error, watch.error);
        return FALSE;
    }
    return TRUE;
}
