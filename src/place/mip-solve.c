/* SPDX-License-Identifier: Apache-2.0
 *
 * Solving the mixed integer programme of mip-model.h by branch and cut. */
#include "place/mip-model.h"
#include "base/error.h"

/* Called by GLPK in every node. */
static void count_nodes(glp_tree *tree, void *user)
{
    gboolean *is_too_much = user;
    int total = 0;

    glp_ios_tree_size(tree, NULL, NULL, &total);
    if (total > MIP_NODES_MAX) {
        *is_too_much = TRUE;
        glp_ios_terminate(tree);
    }
}

static gboolean run(MipModel *model, GError **error)
{
    glp_iocp options;
    gboolean is_too_much = FALSE;
    int status;

    glp_init_iocp(&options);
    options.msg_lev = GLP_MSG_OFF;
    options.presolve = GLP_ON;
    options.br_tech = GLP_BR_PCH;
    options.cov_cuts = GLP_ON;
    options.cb_func = count_nodes;
    options.cb_info = &is_too_much;
    status = glp_intopt(model->problem, &options);
    if (is_too_much) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "no exact answer within %d nodes of the search; name fewer hosts or use another placer",
                    MIP_NODES_MAX);
        return FALSE;
    }
    if (status != 0 || glp_mip_status(model->problem) != GLP_OPT) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "GLPK did not solve it (result %d, status %d)", status,
                    glp_mip_status(model->problem));
        return FALSE;
    }
    return TRUE;
}

gboolean mip_model_solve(MipModel *model, GError **error)
{
    const Rival *rival = model->rival;

    if (!run(model, error)) {
        return FALSE;
    }
    for (guint u = 0; u < rival->units->length; u++) {
        for (guint o = model->option_first[u]; o < model->option_first[u + 1]; o++) {
            if (glp_mip_col_val(model->problem, (int)o + 1) > 0.5) {
                rival_put(model->rival, u, model->option[o]);
            }
        }
    }
    return TRUE;
}
