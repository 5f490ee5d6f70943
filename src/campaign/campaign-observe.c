/* SPDX-License-Identifier: Apache-2.0
 *
 * The step of a plan that watches how VMs touch their memory, of one host or of several. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/units.h"

typedef struct Observation {
    Campaign *campaign;
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

/* "4 VMs on h1", "4 VMs on 3 hosts". */
static char *whom_text(GPtrArray *hosts, GPtrArray *vms)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    const char *plural = vms->len == 1 ? "VM" : "VMs";

    for (guint i = 0; i < hosts->len; i++) {
        g_hash_table_add(names, ((const HostConfig *)g_ptr_array_index(hosts, i))->name);
    }
    if (g_hash_table_size(names) == 1) {
        return g_strdup_printf("%u %s on %s", vms->len, plural, ((const HostConfig *)g_ptr_array_index(hosts, 0))->name);
    }
    return g_strdup_printf("%u %s on %u hosts", vms->len, plural, g_hash_table_size(names));
}

GPtrArray *campaign_observe(Campaign *campaign, GPtrArray *hosts, GPtrArray *vms, GError **error)
{
    g_autofree char *window = duration_format(campaign->options.observe.window_ns);
    g_autofree char *whom = whom_text(hosts, vms);
    g_autoptr(GPtrArray) with_agents = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    g_autoptr(Observer) observer = campaign_observer(campaign);
    Observation observation = {campaign, campaign->clock->now_ns(campaign->clock), NULL, FALSE};

    campaign_say(campaign, "observing %s for %s", whom, window);
    for (guint i = 0; i < vms->len; i++) {
        HostConfig *host = campaign_host_with_agent(g_ptr_array_index(hosts, i));

        g_ptr_array_add(with_agents, host);
        observer_add(observer, host, g_ptr_array_index(vms, i));
    }
    observer_set_period_func(observer, on_period, &observation);
    observer_start(observer, FALSE, on_observed, &observation);
    if (!campaign_wait(campaign, &observation.is_done, TRUE)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED, "stopped while observing; nothing was touched");
        return NULL;
    }
    return observation.profiles;
}

/* Profiles of VMs that nobody measured, so that later steps need no special case. */
GPtrArray *campaign_unmeasured_profiles(GPtrArray *vms)
{
    GPtrArray *profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);

    for (guint i = 0; i < vms->len; i++) {
        Profile *profile = profile_new(((const Vm *)g_ptr_array_index(vms, i))->name, 0);

        profile->fate = PROFILE_FATE_UNOBSERVED;
        g_ptr_array_add(profiles, profile);
    }
    return profiles;
}
