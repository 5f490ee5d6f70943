/* SPDX-License-Identifier: Apache-2.0
 *
 * The public C API on top of campaign and classify; see include/godwit/godwit.h. */
#include "godwit/godwit.h"
#include "base/error.h"
#include "base/json.h"
#include "campaign/campaign.h"
#include "godwit-config.h"
#include "report/report.h"

struct GodwitFleet {
    Inventory *inventory;
    gboolean is_stopped;
    GodwitProgressFunc progress;
    gpointer user;
};

const char *godwit_version(void)
{
    return GODWIT_VERSION;
}

GodwitFleet *godwit_fleet_open(const char *inventory_path, GError **error)
{
    Inventory *inventory = inventory_load(inventory_path, error);

    if (!inventory) {
        return NULL;
    }
    GodwitFleet *fleet = g_new0(GodwitFleet, 1);
    fleet->inventory = inventory;
    return fleet;
}

void godwit_fleet_close(GodwitFleet *fleet)
{
    if (fleet) {
        inventory_free(fleet->inventory);
        g_free(fleet);
    }
}

static void on_progress(Gang *gang, int changed, gpointer user)
{
    GodwitFleet *fleet = user;

    if (changed >= 0 && fleet->progress) {
        const GangProgress *progress = gang_progress(gang, (guint)changed);
        fleet->progress(progress->step->vm, phase_name(progress->phase), progress->done_share, fleet->user);
    }
    if (fleet->is_stopped) {
        gang_stop(gang);
    }
}

static Campaign *campaign_for(GodwitFleet *fleet, const char *policy, GError **error)
{
    CampaignOptions options;

    campaign_options_init(&options);
    if (policy && !policy_parse(policy, &options.policy, error)) {
        return NULL;
    }
    return campaign_new(fleet->inventory, &options, error);
}

char *godwit_fleet_hosts(GodwitFleet *fleet, GError **error)
{
    g_autoptr(Campaign) campaign = campaign_for(fleet, NULL, error);
    g_autoptr(GPtrArray) facts = NULL;
    g_autoptr(GPtrArray) errors = NULL;

    if (!campaign) {
        return NULL;
    }
    campaign_query_hosts(campaign, &facts, &errors);
    g_autoptr(JsonNode) node = report_hosts_json(facts, fleet->inventory->hosts, errors);
    return json_to_text(node, TRUE);
}

static char *plan_text(const Plan *plan)
{
    g_autoptr(JsonNode) node = plan_to_json(plan);

    return json_to_text(node, TRUE);
}

char *godwit_fleet_plan_migration(GodwitFleet *fleet, const char *const *vms, const char *source,
                                  const char *destinations, const char *policy, GError **error)
{
    g_autoptr(Campaign) campaign = campaign_for(fleet, policy, error);
    g_auto(GStrv) names = g_strsplit(destinations, ",", -1);
    CampaignJob job = {source, vms, (const char *const *)names};
    g_autoptr(Plan) plan = campaign ? campaign_plan(campaign, &job, error) : NULL;

    return plan ? plan_text(plan) : NULL;
}

char *godwit_fleet_plan_evacuation(GodwitFleet *fleet, const char *source, const char *destinations,
                                   const char *policy, GError **error)
{
    return godwit_fleet_plan_migration(fleet, NULL, source, destinations, policy, error);
}

char *godwit_fleet_check(GodwitFleet *fleet, const char *plan_json, GError **error)
{
    g_autoptr(Plan) plan = plan_from_json(plan_json, -1, "plan", error);
    g_autoptr(Campaign) campaign = plan ? campaign_for(fleet, NULL, error) : NULL;
    g_autoptr(GPtrArray) problems = campaign ? campaign_check(campaign, plan, error) : NULL;

    if (!problems) {
        return NULL;
    }
    g_autoptr(JsonNode) node = report_problems_json(problems);
    return json_to_text(node, TRUE);
}

static gboolean is_free_of_problems(GPtrArray *problems, GError **error)
{
    if (problems->len == 0) {
        return TRUE;
    }
    const PlanProblem *first = g_ptr_array_index(problems, 0);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "%u %s with the plan, the first: %s; nothing was touched",
                problems->len, problems->len == 1 ? "problem" : "problems", first->what);
    return FALSE;
}

char *godwit_fleet_run(GodwitFleet *fleet, const char *plan_json, GodwitProgressFunc progress, gpointer user,
                       GError **error)
{
    g_autoptr(Plan) plan = plan_from_json(plan_json, -1, "plan", error);
    g_autoptr(Campaign) campaign = plan ? campaign_for(fleet, NULL, error) : NULL;
    g_autoptr(GPtrArray) problems = campaign ? campaign_check(campaign, plan, error) : NULL;
    CampaignCallbacks callbacks = {.on_progress = on_progress, .user = fleet};

    if (!problems || !is_free_of_problems(problems, error)) {
        return NULL;
    }
    fleet->progress = progress;
    fleet->user = user;
    fleet->is_stopped = FALSE;
    campaign_set_callbacks(campaign, &callbacks);
    g_autoptr(GangOutcome) outcome = campaign_run(campaign, plan);
    g_autoptr(JsonNode) node = report_gang_json(outcome);
    return json_to_text(node, TRUE);
}

void godwit_fleet_stop(GodwitFleet *fleet)
{
    fleet->is_stopped = TRUE;
}

static GPtrArray *profiles_of(const GodwitRates *rates, gsize length)
{
    GPtrArray *profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);

    for (gsize i = 0; i < length; i++) {
        g_autofree char *name = g_strdup_printf("%" G_GSIZE_FORMAT, i);
        Profile *profile = profile_new(name, 1);

        profile->read_pages_per_s[0] = rates[i].read_pages_per_s;
        profile->written_pages_per_s[0] = rates[i].written_pages_per_s;
        profile_update_means(profile);
        g_ptr_array_add(profiles, profile);
    }
    return profiles;
}

gboolean godwit_classify(const GodwitRates *rates, gsize length, GodwitClass *classes, GError **error)
{
    g_autoptr(GPtrArray) profiles = profiles_of(rates, length);
    ClassifyOptions options;

    classify_options_init(&options);
    g_autoptr(GPtrArray) classifications = classify(profiles, &options, error);
    if (!classifications) {
        return FALSE;
    }
    for (gsize i = 0; i < length; i++) {
        const Classification *from = g_ptr_array_index(classifications, i);

        classes[i].name = vm_class_name(from->vm_class);
        for (int k = 0; k < CLUSTERS; k++) {
            classes[i].memberships[k] = from->membership[k];
        }
    }
    return TRUE;
}
