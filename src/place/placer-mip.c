/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact answer for small cases, all sources and destinations at once, by a mixed integer programme (mip-model.h).
 *
 * Its groups obey the safe range; it knows nothing of the degree of connection, nor that blocks be connected, so what
 * it finds is a lower bound for GBM-VMM and a measure for the searches that share its penalties. */
#include "place/mip-model.h"

static gboolean place_mip(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                          PlaceResult *result, GError **error)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);

    if (rival->units->length > 0) {
        g_autoptr(MipModel) model = mip_model_new(rival, error);

        if (!model || !mip_model_solve(model, error)) {
            return FALSE;
        }
    }
    rival_finish(rival, result);
    return TRUE;
}

const Grouping PLACER_MIP = {
    .name = "mip",
    .summary = "exact for small cases: groups and destinations at once, with GLPK",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE,
    .place = place_mip,
};
