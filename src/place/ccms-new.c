/* SPDX-License-Identifier: Apache-2.0
 *
 * What Algorithm 1 needs to know about a set of VMs, gathered once; see ccms.h and ccms-parts.h. */
#include "place/ccms-parts.h"

#include <math.h>

/* [vms of the problem]: the place in ccms->vms, or PLACE_NOWHERE. */
static guint place_in(const Ccms *ccms, guint vm)
{
    guint low = 0;
    guint high = ccms->length;

    while (low < high) {
        guint middle = (low + high) / 2;

        if (ccms->vms[middle] < vm) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ccms->length && ccms->vms[low] == vm ? low : PLACE_NOWHERE;
}

static void add_anchor(GArray *anchors, guint host, double mib_per_s)
{
    CcmsAnchor fresh = {host, mib_per_s};

    for (guint a = 0; a < anchors->len; a++) {
        CcmsAnchor *anchor = &g_array_index(anchors, CcmsAnchor, a);

        if (anchor->host == host) {
            anchor->mib_per_s += mib_per_s;
            return;
        }
    }
    g_array_append_val(anchors, fresh);
}

static void add_traffic(Ccms *ccms, guint i)
{
    const Traffic *traffic = ccms->problem->traffic;
    guint vm = ccms->vms[i];

    for (guint e = traffic ? traffic->first[vm] : 0; traffic && e < traffic->first[vm + 1]; e++) {
        guint peer = traffic->peer[e];
        guint j = place_in(ccms, peer);

        if (j != PLACE_NOWHERE) {
            ccms->neighbours[i] |= (guint64)1 << j;
            ccms->mib_per_s[i * ccms->length + j] = traffic->mib_per_s[e];
        } else {
            ccms->outside_mib_per_s[i] += traffic->mib_per_s[e];
            add_anchor(ccms->anchors[i], ccms->state->host_of[peer], traffic->mib_per_s[e]);
        }
    }
}

/* VMs that have to be together count as connected, else no block could hold them. */
static void add_rules(Ccms *ccms, guint i)
{
    const PlaceState *state = ccms->state;
    guint vm = ccms->vms[i];

    for (guint n = state->rule_first[vm]; n < state->rule_first[vm + 1]; n++) {
        const PlaceRule *rule = &ccms->problem->rules[state->rule_of[n]];

        for (guint k = 0; rule->kind == PLACE_RULE_TOGETHER && k < rule->vms_length; k++) {
            guint j = place_in(ccms, rule->vms[k]);

            ccms->is_bound[i] = TRUE;
            if (j != PLACE_NOWHERE && j != i) {
                ccms->neighbours[i] |= (guint64)1 << j;
            }
        }
    }
}

static gboolean could_take_any(const Ccms *ccms, guint host)
{
    for (guint i = 0; i < ccms->length; i++) {
        if (ccms->state->host_of[ccms->vms[i]] != host &&
            (ccms->is_bound[i] || place_state_fits(ccms->state, ccms->vms[i], host))) {
            return TRUE;
        }
    }
    return FALSE;
}

static void add_hosts(Ccms *ccms, const guint *hosts, guint hosts_length)
{
    gboolean is_one_source = TRUE;
    guint least = G_MAXUINT;

    for (guint i = 0; i < ccms->length; i++) {
        is_one_source = is_one_source && ccms->state->host_of[ccms->vms[i]] == ccms->source;
    }
    ccms->hosts = g_new(guint, hosts_length + 1);
    for (guint i = 0; i < hosts_length; i++) {
        if (could_take_any(ccms, hosts[i])) {
            ccms->hosts[ccms->hosts_length++] = hosts[i];
            least = MIN(least, place_distance(ccms->problem, ccms->source, hosts[i]));
        }
    }
    ccms->least_distance = is_one_source && least != G_MAXUINT ? least : 0;
}

static Resource fullest_resource(const PlaceState *state, guint host)
{
    Resource fullest = (Resource)0;

    for (int r = 1; r < RESOURCE_COUNT; r++) {
        if (place_state_utilisation(state, host, (Resource)r) > place_state_utilisation(state, host, fullest)) {
            fullest = (Resource)r;
        }
    }
    return fullest;
}

Ccms *ccms_new(const PlaceState *state, const PlaceCosts *costs, const guint *vms, guint vms_length,
               const guint *hosts, guint hosts_length)
{
    Ccms *ccms = g_new0(Ccms, 1);

    g_assert(vms_length > 0 && vms_length <= CCMS_VMS_MAX);
    ccms->state = state;
    ccms->problem = state->problem;
    ccms->options = state->options;
    ccms->costs = costs;
    ccms->length = vms_length;
    ccms->vms = g_memdup2(vms, vms_length * sizeof *vms);
    ccms->source = state->host_of[vms[0]];
    ccms->bottleneck = fullest_resource(state, ccms->source);
    ccms->mib_per_s = g_new0(double, (gsize)vms_length * vms_length);
    ccms->outside_mib_per_s = g_new0(double, vms_length);
    ccms->anchors = g_new0(GArray *, vms_length);
    ccms->is_bound = g_new0(gboolean, vms_length);
    ccms->least_base = g_new(double, vms_length);
    ccms->lists = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, ccms_lists_free);
    for (guint i = 0; i < vms_length; i++) {
        ccms->least_base[i] = NAN;
        ccms->anchors[i] = g_array_new(FALSE, FALSE, sizeof(CcmsAnchor));
        add_traffic(ccms, i);
        add_rules(ccms, i);
    }
    add_hosts(ccms, hosts, hosts_length);
    return ccms;
}

void ccms_free(Ccms *ccms)
{
    if (!ccms) {
        return;
    }
    for (guint i = 0; i < ccms->length; i++) {
        g_array_unref(ccms->anchors[i]);
    }
    g_free(ccms->vms);
    g_free(ccms->hosts);
    g_free(ccms->mib_per_s);
    g_free(ccms->outside_mib_per_s);
    g_free(ccms->anchors);
    g_free(ccms->is_bound);
    g_free(ccms->least_base);
    g_hash_table_unref(ccms->lists);
    g_free(ccms);
}

const guint *ccms_vms(const Ccms *ccms)
{
    return ccms->vms;
}
