/* SPDX-License-Identifier: Apache-2.0
 *
 * MipModel: groups and destinations as a mixed integer programme, solved exactly by GLPK; for small cases, as the
 * measure for everybody else.
 *
 *     min   sum c_uh x_uh + sum w_uv d_hh' y_uhvh' + penalties
 *     s.t.  sum_h x_uh = 1                               every unit is somewhere; h = 0: it stays at home
 *           sum_h' y_uhvh' = x_uh,  sum_h y_uhvh' = x_vh'     for units u, v that talk (Adams and Johnson 1994)
 *           sum_u demand_ur x_uh <= room_hr              destinations by demand and by reservation
 *           high, low of each source, each with a variable that says by how much it is missed
 *           sum_{u of a rule} x_uh <= 1                  apart
 *
 * x is binary, y continuous.  The penalties are those of rival_penalty, and RIVAL_ABOVE for a mover of EVACUATE that
 * stays, so a case without a solution has the best of the bad ones.  Room that others leave behind is not counted on.
 *
 * GLPK is not thread-safe in all builds (its environment is one per process or per thread): one thread at a time. */
#pragma once

#include <glpk.h>

#include "place/rival.h"

#define MIP_BINARIES_MAX 250 /* units times destinations */
#define MIP_COLUMNS_MAX  6000
#define MIP_NODES_MAX    20000 /* of the branching tree: a limit of time that is the same everywhere */

typedef struct MipModel {
    Rival *rival;
    glp_prob *problem;
    guint *option_first; /* [units + 1] rows of 'option' */
    guint *option;       /* hosts; the first of a unit is its home */
    GArray *row;         /* of the matrix: gint, from 1 */
    GArray *column;
    GArray *coefficient; /* double */
} MipModel;

/* GODWIT_ERROR_UNSUPPORTED when it is larger than the limits above. */
MipModel *mip_model_new(Rival *rival, GError **error);
void mip_model_free(MipModel *model);

/* Solves it and puts every unit of the rival where it belongs.  GODWIT_ERROR_UNSUPPORTED: too many nodes. */
gboolean mip_model_solve(MipModel *model, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MipModel, mip_model_free)
