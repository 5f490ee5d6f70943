/* SPDX-License-Identifier: Apache-2.0
 *
 * The two promises of flows.h, proved from the rates alone: conservation, and a bottleneck for every flow. */
#include "sim/flows-private.h"
#include "base/error.h"

#include <math.h>

typedef struct LinkProof {
    double most[2]; /* by kind: the largest rate per weight */
    gboolean is_full[2];
} LinkProof;

static gboolean prove_link(const Flows *flows, guint number, LinkProof *proof, GError **error)
{
    const FlowLink *link = &flows->links[number];
    double constant = flow_link_sum(flows, link, FLOW_CONSTANT);
    double all = constant + flow_link_sum(flows, link, FLOW_ELASTIC);
    double tolerance = FLOWS_TOLERANCE * link->capacity;

    if (!(all <= link->capacity + tolerance)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "link %u carries %.9g MiB/s, its capacity is %.9g",
                    number, all, link->capacity);
        return FALSE;
    }
    *proof = (LinkProof){.is_full = {constant >= link->capacity - flow_link_reserve(flows, link) - tolerance,
                                     all >= link->capacity - tolerance}};
    for (guint i = 0; i < flow_link_length(link); i++) {
        const Flow *flow = flow_link_at(flows, link, i);

        proof->most[flow->kind] = fmax(proof->most[flow->kind], flow->rate / flow->weight);
    }
    return TRUE;
}

static gboolean has_bottleneck(const Flow *flow, const LinkProof *proofs)
{
    for (guint hop = 0; hop < flow->length; hop++) {
        const LinkProof *proof = &proofs[flow->route[hop]];

        if (proof->is_full[flow->kind] &&
            flow->rate / flow->weight >= proof->most[flow->kind] * (1 - FLOWS_TOLERANCE)) {
            return TRUE;
        }
    }
    return FALSE;
}

gboolean flows_check(const Flows *flows, GError **error)
{
    g_autofree LinkProof *proofs = g_new0(LinkProof, MAX(flows->links_length, 1));

    for (guint i = 0; i < flows->links_length; i++) {
        if (!prove_link(flows, i, &proofs[i], error)) {
            return FALSE;
        }
    }
    for (guint i = 0; i < flows->flows->len; i++) {
        const Flow *flow = flows_at(flows, i);

        if (!flow->is_used) {
            continue;
        }
        if (!(flow->rate <= flow->limit * (1 + FLOWS_TOLERANCE))) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "flow %u has %.9g MiB/s, its limit is %.9g", i,
                        flow->rate, flow->limit);
            return FALSE;
        }
        if (flow->rate < flow->limit * (1 - FLOWS_TOLERANCE) && !has_bottleneck(flow, proofs)) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED,
                        "flow %u has %.9g MiB/s of the %.9g that it may have, and nothing on its way is full", i,
                        flow->rate, flow->limit);
            return FALSE;
        }
    }
    return TRUE;
}
